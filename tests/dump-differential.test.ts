/**
 * DUMP and RESTORE against the real server: the same random values are made on both, with limits that change, and
 *   - the payloads must be the same bytes (of tables, whose order is each server's own, the same bytes in any order);
 *   - each payload must be read by both, and give the same digest, encoding and payload again under other limits.
 *
 *   SEED=1 WAKEY_DUMP_VALUES=10000 node --import tsx --test tests/dump-differential.test.ts
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { bothServers } from "./support/beside.ts";
import { type Random, seeded } from "./support/random.ts";
import type { RespConnection } from "./support/resp.ts";
import { skipWithoutReal, wakeyServer } from "./support/server.ts";

const COUNT = Number(process.env.WAKEY_DUMP_VALUES ?? 600);
const skip = skipWithoutReal("valkey-server") || (!existsSync(wakeyServer) && "our launcher is missing");
const CHECKSUM = 8;

const LIMITS: [directive: string, values: string[]][] = [
  ["set-max-intset-entries", ["5", "512"]],
  ["set-max-listpack-entries", ["5", "128"]],
  ["set-max-listpack-value", ["10", "64"]],
  ["zset-max-listpack-entries", ["5", "128"]],
  ["zset-max-listpack-value", ["10", "64"]],
  ["hash-max-listpack-entries", ["5", "512"]],
  ["hash-max-listpack-value", ["10", "64"]],
  ["list-max-listpack-size", ["-2", "3", "10", "-1"]],
  ["list-compress-depth", ["0", "1"]],
  ["stream-node-max-entries", ["3", "100"]],
  ["rdbcompression", ["yes", "no"]],
];

// --- Values ---

function text(random: Random): string {
  switch (random.below(8)) {
    case 0: return String(random.below(300) - 150);
    case 1: return String((random.below(1 << 20) - (1 << 19)) * 4096);
    case 2: return "x".repeat(random.below(300));
    case 3: return random.bytes(random.below(60));
    case 4: return "ab".repeat(random.below(40)) + random.below(10);
    case 5: return `${random.below(1 << 20)}${random.below(1 << 20)}`;
    case 6: return `word${random.below(100000)}`;
    default: return `item:${random.below(50)}`;
  }
}

const many = <T>(random: Random, make: (i: number) => T): T[] =>
  Array.from({ length: random.pick([1, 2, 5, 20, 100, 300]) }, (_, i) => make(i));
const score = (r: Random): string =>
  String(r.pick([r.below(100), r.below(1000) / 8, r.below(1000) / 7, -r.below(1e6) * 1e15]));
const added = (r: Random): string[][] =>
  many(r, (i) => {
    const fields = many(r, (j) => [r.chance(30) ? text(r) : `f${j}`, text(r)]).slice(0, 3);
    return ["XADD", "k", `${1000 + i}-${r.below(5)}`, ...fields.flat()];
  });

/** Commands that make a value at k; times in them are given, so that both servers have the same. */
const MAKERS: Record<string, (r: Random) => string[][]> = {
  string: (r) => [["SET", "k", text(r)]],
  "long string": (r) => [["SET", "k", text(r).repeat(1 + r.below(200))]],
  list: (r) => [[r.pick(["LPUSH", "RPUSH"]), "k", ...many(r, () => text(r))]],
  "list of long elements": (r) => [["RPUSH", "k", ...many(r, () => text(r).repeat(1 + r.below(40)))]],
  set: (r) => [["SADD", "k", ...many(r, () => text(r))]],
  integers: (r) => [["SADD", "k", ...many(r, () => String(r.below(r.pick([100, 1 << 22])) * r.pick([1, 1, 1 << 24])))]],
  hash: (r) => [["HSET", "k", ...many(r, () => [text(r), text(r)]).flat()]],
  "hash with timed fields": (r) => [
    ["HSET", "k", ...many(r, () => [`f${r.below(200)}`, text(r)]).flat(), "f1", "1"],
    ["HPEXPIREAT", "k", String(1900000000000 + r.below(1000)), "FIELDS", "1", "f1"],
  ],
  "sorted set": (r) => [["ZADD", "k", ...many(r, () => [score(r), text(r)]).flat()]],
  stream: added,
  "stream with groups": (r) => [
    ...added(r), ["XDEL", "k", "1000-1", "1001-0", "1003-2"], ["XGROUP", "CREATE", "k", "g1", "0"],
    ["XGROUP", "CREATE", "k", "g2", "1003", "ENTRIESREAD", "2"], ["XTRIM", "k", "MAXLEN", String(50 + r.below(100))],
  ],
  hyperloglog: (r) => [["PFADD", "k", ...many(r, () => text(r))]],
};

// --- Comparing ---

const bulkOf = (reply: string): string => reply.slice(reply.indexOf("\r\n") + 2, -2);

/** Two payloads that say the same; of a table, whose elements have no order, as far as that can be told from bytes. */
function samePayload(a: string, b: string, isTable: boolean): boolean {
  if (!isTable) return a === b;
  const sorted = (payload: string) => [...payload.slice(0, -CHECKSUM)].sort().join("");
  return a.length === b.length && sorted(a) === sorted(b);
}

class Pair {
  readonly ours: RespConnection;
  readonly real: RespConnection;

  constructor(ours: RespConnection, real: RespConnection) {
    this.ours = ours;
    this.real = real;
  }

  async both(...command: string[]): Promise<[string, string]> {
    return await Promise.all([this.ours.command(...command), this.real.command(...command)]);
  }

  /** Sends a command that has to have one reply. */
  async same(context: string, ...command: string[]): Promise<string> {
    const [a, b] = await this.both(...command);
    assertEquals(a, b, `${context}: ${command.slice(0, 3).join(" ").slice(0, 100)}`);
    return a;
  }

  async limits(random: Random): Promise<void> {
    for (const [directive, values] of LIMITS) await this.both("CONFIG", "SET", directive, random.pick(values));
  }
}

describe("payloads are the real server's and are read by both", { skip }, () => {
  const servers = bothServers("--enable-debug-command", "yes");

  it(`${COUNT} values`, { timeout: 3_600_000 }, async () => {
    const random = seeded("dump");
    const pair = new Pair(await servers.ours.connect(), await servers.real.connect());
    for (let round = 0; round < COUNT; round++) {
      const name = random.pick(Object.keys(MAKERS));
      const context = `SEED=${random.seed}, value ${round}, ${name}`;
      await pair.limits(random);
      await pair.same(context, "DEL", "k");
      for (const command of MAKERS[name](random)) await pair.same(context, ...command);
      const isTable = (await pair.same(context, "OBJECT", "ENCODING", "k")).includes("hashtable");
      const payloads = (await pair.both("DUMP", "k")).map(bulkOf);
      assert(samePayload(payloads[0], payloads[1], isTable), `${context}: payloads differ`);
      const facts = await pair.both("DEBUG", "OBJECT", "k");
      const lengths = facts.map((reply) => /serializedlength:(\d+)/.exec(reply)?.[1]);
      if (!isTable) assertEquals(lengths[0], lengths[1], context);
      await pair.limits(random);
      for (const payload of payloads) {
        await pair.same(context, "RESTORE", "k", random.pick(["0", "5000000000"]), payload, "REPLACE");
        await pair.same(context, "DEBUG", "DIGEST-VALUE", "k");
        const tableAgain = (await pair.same(context, "OBJECT", "ENCODING", "k")).includes("hashtable");
        const [a, b] = (await pair.both("DUMP", "k")).map(bulkOf);
        if (!isTable) assert(samePayload(a, b, tableAgain), `${context}: payloads differ the second time`);
      }
    }
    pair.ours.close();
    pair.real.close();
  });
});
