/**
 * Full memory: under each policy of maxmemory, and at the end of linear memory in small keys, in large values and in
 * one value. What does not fit is an -OOM reply, the core goes on, and FLUSHALL gives everything back.
 *
 *   WAKEY_MEMORY_MB=4096 node --import tsx --test tests/memory.test.ts      takes 4 GiB and some minutes
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bytesOf, type CoreClient, CoreDriver } from "./support/core.ts";
import { setting } from "./support/keyspace.ts";
import { type Random, seeded } from "./support/random.ts";
import { OOM } from "./support/resp.ts";

const MEMORY = Number(process.env.WAKEY_MEMORY_MB ?? 64) * 2 ** 20;
const PAGES = MEMORY / 65536;
/** The policies in the order of the configuration's list. */
const POLICIES = [
  "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random",
  "noeviction",
];
/** Buffers that all clients share and that have grown. */
const SHARED_MOST = 64 << 10;
const timeout = 3_600_000;

/** Empties the core and checks that it uses no more than at the start. */
function givesBack(core: CoreDriver, client: CoreClient, start: number): void {
  assertEquals(client.command("FLUSHALL"), "+OK\r\n");
  while (core.exports.lazyFree(1_000_000) === 1);
  assert(core.usedBytes - start < SHARED_MOST, `${core.usedBytes - start} bytes stay`);
  assertEquals(client.command("SET", "after", "v"), "+OK\r\n");
  assertEquals(client.command("DEL", "after"), ":1\r\n");
}

/** A core with a client that has used what stays allocated. */
function fresh(): { core: CoreDriver; client: CoreClient; start: number } {
  const core = new CoreDriver({ maximumPages: PAGES });
  const client = core.connect();
  client.command("SET", "warm", "up");
  client.command("FLUSHALL", "SYNC");
  return { core, client, start: core.usedBytes };
}

/** A write of a random type under a random key; half of the keys expire. */
function write(random: Random, n: number): (string | number)[][] {
  const key = `key:${n}`;
  const text = "x".repeat(random.below(random.chance(2) ? 20_000 : 200));
  const many = Array.from({ length: 1 + random.below(100) }, (_, i) => `${text.slice(0, 30)}${i}`);
  const made = [
    ["SET", key, text], ["SADD", key, ...many], ["RPUSH", key, ...many], ["HSET", key, ...many.flatMap((m) => [m, m])],
    ["ZADD", key, ...many.flatMap((m, i) => [i, m])], ["XADD", key, "*", "f", text], ["PFADD", key, ...many],
    ["SETBIT", key, text.length * 8, 1],
  ];
  const command = made[random.below(made.length)];
  return random.chance(50) ? [command, ["EXPIRE", key, 100_000]] : [command];
}

describe("full memory", () => {
  for (const [number, policy] of POLICIES.entries()) {
    it(`maxmemory under ${policy}`, { timeout }, () => {
      const { core, client, start } = fresh();
      const random = seeded(policy);
      const limit = MEMORY / 4;
      setting(core, "maxmemoryPolicy", number);
      setting(core, "maxmemory", limit);
      let refused = 0;
      let most = 0;
      for (let n = 0, full = 0; full < 3000; n++) {
        for (const command of write(random, n)) if (client.command(...command) === OOM) refused++;
        if (n % 16 === 0) {
          core.advance(1);
          core.exports.lazyFree(2000);
        }
        most = Math.max(most, core.usedBytes);
        if (core.usedBytes > limit - 100_000) full++;
      }
      assert(most < limit + (1 << 20), `${most - limit} bytes above the limit`);
      assertEquals(refused > 0, policy === "noeviction", `${refused} refused`);
      assertEquals(client.command("PING"), "+PONG\r\n");
      givesBack(core, client, start);
    });
  }

  it("the end of memory in small keys", { timeout }, () => {
    const { core, client, start } = fresh();
    const prefix = bytesOf("p");
    // Most of it goes the short way; the last keys are set by commands.
    const count = Math.floor(MEMORY * 0.6 / 56);
    const filled = core.core.withBytes(prefix, (at, length) => core.exports.populate(0, 0, count, at, length, 32));
    assertEquals(filled, 1);
    let n = 0;
    for (let full = false; !full; n += 100) {
      const replies = client.pipeline(Array.from({ length: 100 }, (_, i) => ["SET", `key:${n + i}`, "v".repeat(32)]));
      full = replies.includes(OOM);
    }
    assert(core.usedBytes > MEMORY * 0.6, `${core.usedBytes} of ${MEMORY}`);
    assertEquals(client.command("SET", "one:more", "v"), OOM);
    assertEquals(client.command("GET", "p:17"), `$32\r\nvalue:17${"\0".repeat(24)}\r\n`);
    assertEquals(client.command("DEL", "p:17"), ":1\r\n");
    for (let i = 0; i < 100_000; i += 1000) {
      client.command("UNLINK", ...Array.from({ length: 1000 }, (_, j) => `key:${n - i - j}`));
    }
    givesBack(core, client, start);
  });

  const whole = MEMORY < 2 ** 32 && "takes 4 GiB: WAKEY_MEMORY_MB=4096";
  it("a held command of 134 million arguments", { timeout, skip: whole }, () => {
    const { core, client, start } = fresh();
    const other = core.connect();
    const count = 2 ** 27 - 100;
    core.exports.pauseClients(1, core.nowMs + 1000);
    client.send(`*${count + 3}\r\n$4\r\nSADD\r\n$1\r\nk\r\n`);
    const piece = bytesOf("$0\r\n\r\n".repeat(100_000));
    for (let left = count; left > 0; left -= 100_000) client.send(piece.subarray(0, Math.min(left, 100_000) * 6));
    client.send("$40000\r\n");
    // Written out again it has more bytes than a query buffer: its client goes.
    assertEquals(client.send(`${"x".repeat(40_000)}\r\n`), "");
    assert(client.closing);
    client.close();
    core.exports.pauseClients(0, 0);
    givesBack(core, other, start);
  });

  it("the end of memory in one value, and in a command that does not fit", { timeout }, () => {
    const { core, client, start } = fresh();
    setting(core, "protoMaxBulkLen", 2 ** 40);
    setting(core, "clientQueryBufferLimit", 2 ** 40);
    const chunk = "x".repeat(MEMORY / 256);
    let length = 0;
    let reply = "";
    for (let i = 0; reply = client.command("APPEND", "big", chunk), reply.startsWith(":"); i++) length += chunk.length;
    assert(reply === OOM || /exceeds maximum allowed size/.test(reply), reply);
    assertEquals(client.command("STRLEN", "big"), `:${length}\r\n`);
    assert(length > MEMORY * 0.4, `${length} of ${MEMORY}`);
    assertEquals(client.command("GETRANGE", "big", length - 2, -1), "$2\r\nxx\r\n");
    // Large values until nothing more fits.
    let n = 0;
    while ((reply = client.command("SET", `large:${n}`, chunk)) === "+OK\r\n") n++;
    assertEquals(reply, OOM);
    assertEquals(client.command("SETRANGE", "other", Math.min(MEMORY / 2, 2 ** 31 - 200_000), "x"), OOM);
    assertEquals(client.command("EXISTS", "other"), ":0\r\n");
    for (const announced of [MEMORY / 2 - 200_000, MEMORY - 65536, 2 ** 31, 2 ** 32 + 5, 2 ** 33]) {
      const stranger = core.connect();
      const text = stranger.send(`*3\r\n$3\r\nSET\r\n$5\r\nother\r\n$${announced}\r\nxxxxxxxxx`);
      assert(text === OOM || text === "-ERR Protocol error: invalid bulk length\r\n", `${announced}: ${text}`);
      assert(stranger.closing);
      stranger.close();
    }
    assertEquals(client.command("EXISTS", "big", "other", "large:0"), `:${n > 0 ? 2 : 1}\r\n`);
    assertEquals(client.command("STRLEN", "big"), `:${length}\r\n`);
    givesBack(core, client, start);
  });
});
