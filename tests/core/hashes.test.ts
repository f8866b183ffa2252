/**
 * Hashes in the core, driven without a server over virtual time: both encodings, conversion, expiry of fields, random
 * fields, scans, what they cost, and memory that runs out.
 *
 * The model of the fuzz is a Map of Maps. Its seed is printed; SEED=n has a run again, WAKEY_FUZZ=10 makes it that much
 * longer. What the real server replies to the same commands is differential.test.ts's.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CLIENT, ROOT } from "../../server/generated/layout.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, expireCycle, setting, type Value } from "../support/keyspace.ts";
import { type Random, seeded } from "../support/random.ts";
import { OOM } from "../support/resp.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);
const ENCODINGS = ["listpack", "hashtable"];

/** A core whose hashes take this encoding. */
function coreFor(encoding: string): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  if (encoding === "hashtable") setting(core, "hashMaxListpackEntries", 0);
  return { core, client: core.connect() };
}

/** Fields and values of a hash as an object. */
function contents(client: CoreClient, key: string): Record<string, string> {
  const flat = decode(client.command("HGETALL", key)) as string[];
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]));
}

function fill(client: CoreClient, key: string, from: number, to: number): void {
  for (let n = from; n < to; n++) client.command("HSET", key, `field:${n}`, `value:${n}`);
}

// --- Commands in each encoding ---

/** Command → reply, one after the other on one client. Replies in table order are left to the model. */
const REPLIES: [command: string, reply: string][] = [
  ["HSET h a 1 b 22", ":2"], ["HSET h a 3 c 4", ":1"],
  ["HSET h a", "-ERR wrong number of arguments for 'hset' command"],
  ["HMSET h a 1 d", "-ERR wrong number of arguments for 'hmset' command"], ["HMSET h a 1", "+OK"],
  ["HGET h a", "$1\r\n1"], ["HGET h x", "$-1"], ["HGET no a", "$-1"],
  ["HMGET h a x b", "*3\r\n$1\r\n1\r\n$-1\r\n$2\r\n22"],
  ["HMGET no a b", "*2\r\n$-1\r\n$-1"], ["HLEN h", ":3"], ["HLEN no", ":0"], ["HEXISTS h a", ":1"],
  ["HEXISTS h x", ":0"],
  ["HSTRLEN h b", ":2"], ["HSTRLEN h x", ":0"], ["HSETNX h a 9", ":0"], ["HSETNX h n 9", ":1"],
  ["HGETALL no", "*0"], ["HKEYS no", "*0"], ["HVALS no", "*0"],
  ["HINCRBY h a 41", ":42"], ["HINCRBY h new -5", ":-5"],
  ["HINCRBY h a x", "-ERR value is not an integer or out of range"],
  ["HSET h text foo", ":1"], ["HINCRBY h text 1", "-ERR hash value is not an integer"],
  ["HINCRBY h a 9223372036854775807", "-ERR increment or decrement would overflow"],
  ["HINCRBYFLOAT h a 0.5", "$4\r\n42.5"], ["HINCRBYFLOAT h text 1", "-ERR hash value is not a float"],
  ["HINCRBYFLOAT h a inf", "-ERR value is NaN or Infinity"], ["HINCRBYFLOAT h a x", "-ERR value is not a valid float"],
  ["HDEL h a x new text", ":3"], ["HDEL no a", ":0"], ["HRANDFIELD no", "$-1"], ["HRANDFIELD no 3", "*0"],
  ["HRANDFIELD h 0", "*0"], ["HRANDFIELD h 3 WITH", "-ERR syntax error"],
  ["HSCAN no 0 FOO", "*2\r\n$1\r\n0\r\n*0"], ["HSCAN h x", "-ERR invalid cursor"],
  ["HSCAN h 0 FOO", "-ERR syntax error"],
  ["HSCAN h 0 NOSCORES", "-ERR NOSCORES option can only be used in ZSCAN"], ["HSCAN h 0 COUNT 0", "-ERR syntax error"],
  ["HGETDEL h FIELDS 3 b x n", "*3\r\n$2\r\n22\r\n$-1\r\n$1\r\n9"], ["HGETDEL h FIELD 1 b", "-ERR syntax error"],
  ["HTTL h FIELDS 2 c x", "*2\r\n:-1\r\n:-2"], ["HTTL h FIELDS 2 c", "-ERR syntax error"],
  ["HTTL no FIELDS 1 c", "*1\r\n:-2"],
  ["HPERSIST h FIELDS 2 c x", "*2\r\n:-1\r\n:-2"], ["HGETEX h FIELDS 2 c x", "*2\r\n$1\r\n4\r\n$-1"],
  ["HEXPIRE h 0 XX FIELDS 1 c", "*1\r\n:0"], ["HEXPIRE h 0 GT FIELDS 1 c", "*1\r\n:0"],
  ["HEXPIRE h -1 FIELDS 1 c", "-ERR invalid expire time in 'hexpire' command"],
  ["HEXPIRE h 1 FIELDS 2 c", "-ERR numfields should be greater than 0 and match the provided number of fields"],
  ["HSETEX h FXX FIELDS 2 c 5 x 6", ":0"], ["HSETEX h FNX FIELDS 1 c 5", ":0"], ["HSETEX h XX FXX FIELDS 1 c 5", ":1"],
  ["HGET h c", "$1\r\n5"], ["HEXPIRE h 0 FIELDS 2 c x", "*2\r\n:2\r\n:-2"], ["EXISTS h", ":0"],
  ["HSETEX h EX 0 FIELDS 1 a 1", ":1"], ["EXISTS h", ":0"], ["HSETEX h XX FIELDS 1 a 1", ":0"],
  ["SET s x", "+OK"], ["HGET s a", "-WRONGTYPE Operation against a key holding the wrong kind of value"],
  ["HSET s a b", "-WRONGTYPE Operation against a key holding the wrong kind of value"],
];

describe("hash commands", () => {
  for (const encoding of ENCODINGS) {
    it(`reply as Valkey does, ${encoding}`, () => {
      const { core, client } = coreFor(encoding);
      for (const [command, reply] of REPLIES) {
        assertEquals([command, client.command(...command.split(" "))], [command, `${reply}\r\n`]);
        if (command === "HSET h a 1 b 22") assertEquals(core.encoding("h"), encoding);
      }
    });
  }

  it("reply maps and pairs in RESP3", () => {
    for (const encoding of ENCODINGS) {
      const { core, client } = coreFor(encoding);
      client.command("HSET", "h", "f", "12");
      // HELLO is the host's.
      core.core.setU32(client.handle + CLIENT.resp, 3);
      assertEquals(client.command("HGETALL", "h"), "%1\r\n$1\r\nf\r\n$2\r\n12\r\n");
      assertEquals(client.command("HRANDFIELD", "h", "5", "WITHVALUES"), "*1\r\n*2\r\n$1\r\nf\r\n$2\r\n12\r\n");
    }
  });

  it("convert at the thresholds, and when a field gets an expiry", () => {
    const core = new CoreDriver();
    const client = core.connect();
    setting(core, "hashMaxListpackEntries", 4);
    setting(core, "hashMaxListpackValue", 8);
    fill(client, "n", 0, 4);
    assertEquals(core.encoding("n"), "listpack");
    fill(client, "n", 4, 5);
    assertEquals(core.encoding("n"), "hashtable");
    assertEquals(contents(client, "n"), Object.fromEntries([0, 1, 2, 3, 4].map((n) => [`field:${n}`, `value:${n}`])));
    for (const [key, field, value] of [["f", "123456789", "x"], ["v", "x", "123456789"]]) {
      client.command("HSET", key, "12345678", "12345678");
      assertEquals(core.encoding(key), "listpack");
      client.command("HSET", key, field, value);
      assertEquals(core.encoding(key), "hashtable");
    }
    client.command("HSET", "e", "a", "1", "b", "2");
    client.command("HEXPIRE", "e", "100", "FIELDS", "1", "none");
    assertEquals(core.encoding("e"), "listpack");
    client.command("HEXPIRE", "e", "100", "FIELDS", "1", "a");
    assertEquals(core.encoding("e"), "hashtable");
    assertEquals(contents(client, "e"), { a: "1", b: "2" });
    client.command("HPERSIST", "e", "FIELDS", "1", "a");
    assertEquals(core.encoding("e"), "hashtable");
  });

  it("keep large values in blocks of their own, which replies may still refer to", () => {
    const { core, client } = coreFor("hashtable");
    client.command("HSET", "h", "small", "x");
    const start = core.usedBytes;
    for (const length of [512, 513, 20_000, 100_000]) {
      const value = "v".repeat(length);
      client.command("HSET", "h", "f", value);
      assertEquals(client.command("HGET", "h", "f"), `$${length}\r\n${value}\r\n`);
      assertEquals(client.command("HGETDEL", "h", "FIELDS", "1", "f"), `*1\r\n$${length}\r\n${value}\r\n`);
    }
    client.command("HSET", "h", "f", "v".repeat(100_000));
    client.command("HEXPIRE", "h", "100", "FIELDS", "1", "f");
    client.command("HPERSIST", "h", "FIELDS", "1", "f");
    assertEquals(client.command("HSTRLEN", "h", "f"), ":100000\r\n");
    client.command("HDEL", "h", "f");
    // Page lists and output chunks may have grown, the values are gone.
    assert(core.usedBytes - start < 20_000, `${core.usedBytes - start} bytes more`);
  });
});

// --- Random fields ---

/** Chi-square of how often each of `kinds` things was drawn. */
function chiSquare(drawn: string[], kinds: number): number {
  const counts = new Map<string, number>();
  for (const one of drawn) counts.set(one, (counts.get(one) ?? 0) + 1);
  const expected = drawn.length / kinds;
  let sum = (kinds - counts.size) * expected;
  for (const count of counts.values()) sum += (count - expected) ** 2 / expected;
  return sum;
}

describe("HRANDFIELD", () => {
  // With 9 degrees of freedom one run in 100,000 is above 40; the seed is fixed, so a run that passes always does.
  const MOST = 40;

  for (const encoding of ENCODINGS) {
    it(`gives every field of a small hash the same chance, ${encoding}`, () => {
      const { client } = coreFor(encoding);
      fill(client, "h", 0, 10);
      const single = Array.from({ length: 2000 }, () => decode(client.command("HRANDFIELD", "h")) as string);
      assert(chiSquare(single, 10) < MOST);
      assert(chiSquare(decode(client.command("HRANDFIELD", "h", -5000)) as string[], 10) < MOST);
      for (const count of [1, 2, 3, 8]) {
        const drawn: string[] = [];
        for (let i = 0; i < 500; i++) {
          const some = decode(client.command("HRANDFIELD", "h", count)) as string[];
          assertEquals(new Set(some).size, count);
          drawn.push(...some);
        }
        assert(chiSquare(drawn, 10) < MOST, `count ${count}`);
      }
    });

    it(`gives all fields when as many or more are asked for, ${encoding}`, () => {
      const { client } = coreFor(encoding);
      fill(client, "h", 0, 30);
      for (const count of [30, 31, "9223372036854775807"]) {
        const some = decode(client.command("HRANDFIELD", "h", count)) as string[];
        assertEquals(some.sort(), Object.keys(contents(client, "h")).sort());
      }
      const pairs = decode(client.command("HRANDFIELD", "h", "-100", "WITHVALUES")) as string[];
      assertEquals(pairs.length, 200);
      for (let i = 0; i < 200; i += 2) assertEquals(pairs[i + 1], pairs[i].replace("field", "value"));
    });
  }

  it("is even over a large table, too", () => {
    const { client } = coreFor("hashtable");
    fill(client, "h", 0, 1000);
    const drawn: string[] = [];
    for (let i = 0; i < 2000; i++) drawn.push(...(decode(client.command("HRANDFIELD", "h", 10)) as string[]));
    // 999 degrees of freedom: a mean of 999 and a deviation of 45.
    assert(chiSquare(drawn, 1000) < 999 + 6 * 45, `${chiSquare(drawn, 1000)}`);
  });

  it("leaves out fields whose time has come", () => {
    const { core, client } = coreFor("hashtable");
    fill(client, "h", 0, 20);
    for (let n = 5; n < 20; n++) client.command("HPEXPIRE", "h", "10", "FIELDS", "1", `field:${n}`);
    core.advance(11);
    assert((decode(client.command("HRANDFIELD", "h", -50)) as string[]).every((field) => /:[0-4]$/.test(field)));
    assertEquals((decode(client.command("HRANDFIELD", "h", 10)) as string[]).length, 5);
    for (let n = 0; n < 5; n++) client.command("HPEXPIRE", "h", "10", "FIELDS", "1", `field:${n}`);
    core.advance(11);
    assertEquals(client.command("HRANDFIELD", "h"), "$-1\r\n");
    assertEquals(client.command("HRANDFIELD", "h", -5), "*0\r\n");
    assertEquals(client.command("HRANDFIELD", "h", 5), "*0\r\n");
    assertEquals(client.command("HLEN", "h"), ":20\r\n");
  });
});

// --- HSCAN ---

describe("HSCAN", () => {
  it("returns every field that is there all the time, whatever the table does meanwhile", () => {
    const random = seeded("hscan");
    for (let round = 0; round < 20 * SCALE; round++) {
      const { client } = coreFor("hashtable");
      const stays = 1 + random.below(300);
      fill(client, "h", 0, stays);
      const seen = new Set<string>();
      let cursor = "0";
      let extra = 0;
      do {
        const reply = client.command("HSCAN", "h", cursor, "COUNT", "5", "NOVALUES");
        const [next, found] = decode(reply) as [string, string[]];
        for (const field of found) seen.add(field);
        cursor = next;
        const grow = random.chance(60);
        for (let i = random.below(100); i > 0; i--) {
          if (grow) client.command("HSET", "h", `extra:${extra++}`, "x");
          else if (extra > 0) client.command("HDEL", "h", `extra:${--extra}`);
        }
      } while (cursor !== "0");
      for (let n = 0; n < stays; n++) assert(seen.has(`field:${n}`), `field:${n} of ${stays}`);
    }
  });

  it("filters, leaves values out when told to, and hides what has expired", () => {
    for (const encoding of ENCODINGS) {
      const { client } = coreFor(encoding);
      fill(client, "h", 0, 30);
      const scan = (...options: string[]) =>
        (decode(client.command("HSCAN", "h", "0", ...options)) as [string, string[]])[1];
      assertEquals(scan("MATCH", "*:2?", "COUNT", "1000").length, 20);
      assertEquals(scan("COUNT", "1000", "NOVALUES").length, 30);
      assertEquals(scan("MATCH", "field:7", "COUNT", "1000"), ["field:7", "value:7"]);
    }
    const { core, client } = coreFor("hashtable");
    client.command("HSETEX", "h", "PX", "5", "FIELDS", "2", "a", "1", "b", "2");
    client.command("HSET", "h", "c", "3");
    core.advance(6);
    assertEquals(client.command("HSCAN", "h", "0"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
  });
});

// --- Expiry of fields ---

describe("expiry of fields", () => {
  const stat = (core: CoreDriver) => core.core.root64(ROOT.statExpiredFields);
  const volatile = (core: CoreDriver, db = 0) => core.core.databaseFacts(db).volatile;

  it("hides a field from reads, keeps it in HLEN, and lets HSET begin anew", () => {
    const { core, client } = coreFor("listpack");
    client.command("HSET", "h", "a", "1", "b", "2", "c", "5");
    client.command("HPEXPIRE", "h", "10", "FIELDS", "2", "a", "c");
    core.advance(10);
    assertEquals(client.command("HGET", "h", "a"), "$1\r\n1\r\n", "its last millisecond");
    core.advance(1);
    const hidden: [string, string][] = [
      ["HGET h a", "$-1"], ["HMGET h a b", "*2\r\n$-1\r\n$1\r\n2"], ["HEXISTS h a", ":0"], ["HSTRLEN h a", ":0"],
      ["HGETALL h", "*2\r\n$1\r\nb\r\n$1\r\n2"], ["HKEYS h", "*1\r\n$1\r\nb"], ["HVALS h", "*1\r\n$1\r\n2"],
      ["HLEN h", ":3"], ["HTTL h FIELDS 1 a", "*1\r\n:-2"], ["HPERSIST h FIELDS 1 a", "*1\r\n:-2"],
      ["HEXPIRE h 9 FIELDS 1 a", "*1\r\n:-2"], ["HGETEX h EX 9 FIELDS 1 a", "*1\r\n$-1"], ["HDEL h a", ":0"],
      ["HGETDEL h FIELDS 1 a", "*1\r\n$-1"], ["HSETEX h FXX FIELDS 1 a 1", ":0"],
      ["HINCRBY h c 2", ":2"], ["HTTL h FIELDS 1 c", "*1\r\n:-1"], ["HSETNX h a 7", ":1"], ["HLEN h", ":3"],
      ["HTTL h FIELDS 2 a b", "*2\r\n:-1\r\n:-1"],
    ];
    for (const [command, reply] of hidden) {
      assertEquals([command, client.command(...command.split(" "))], [command, `${reply}\r\n`]);
    }
    assertEquals([stat(core), volatile(core)], [2, 0]);
  });

  it("is kept or lost as each command says", () => {
    const { core, client } = coreFor("hashtable");
    client.command("HSETEX", "h", "PX", "5000", "FIELDS", "2", "a", "1", "b", "2");
    const ttl = () => decode(client.command("HPTTL", "h", "FIELDS", "2", "a", "b"));
    assertEquals(ttl(), [5000, 5000]);
    core.advance(1000);
    client.command("HINCRBY", "h", "a", "5");
    client.command("HINCRBYFLOAT", "h", "b", "0.25");
    client.command("HSETEX", "h", "KEEPTTL", "FIELDS", "1", "a", "a much longer value that needs another element");
    assertEquals(ttl(), [4000, 4000]);
    assertEquals(client.command("HTTL", "h", "FIELDS", "1", "a"), "*1\r\n:4\r\n");
    assertEquals(client.command("HGETEX", "h", "PX", "9000", "FIELDS", "1", "b"), "*1\r\n$4\r\n2.25\r\n");
    client.command("HSET", "h", "a", "x");
    assertEquals(ttl(), [-1, 9000]);
    client.command("HPEXPIREAT", "h", String(core.nowMs + 77), "FIELDS", "1", "a");
    assertEquals(decode(client.command("HPEXPIRETIME", "h", "FIELDS", "1", "a")), [core.nowMs + 77]);
    client.command("HGETEX", "h", "PERSIST", "FIELDS", "2", "a", "b");
    assertEquals([ttl() as Value, volatile(core)], [[-1, -1], 0]);
  });

  it("removes what is due, the earliest first, and a hash with its last field", () => {
    const { core, client } = coreFor("hashtable");
    for (let n = 0; n < 300; n++) {
      client.command("HSETEX", `h:${n % 30}`, "PX", 1000 - n, "FIELDS", "1", `f:${n}`, "x");
    }
    client.command("HSET", "h:0", "stays", "x");
    assertEquals(volatile(core), 30);
    core.advance(801);
    expireCycle(core, 2);
    assertEquals(stat(core), 99 + 1, "those up to 800 ms are gone, and nothing else was looked at");
    core.advance(200);
    expireCycle(core);
    assertEquals([client.command("DBSIZE"), volatile(core), stat(core)], [":1\r\n", 0, 300]);
    assertEquals(contents(client, "h:0"), { stays: "x" });
  });

  it("does nothing while switched off, paused or importing", () => {
    const { core, client } = coreFor("hashtable");
    client.command("HSETEX", "h", "PX", "5", "FIELDS", "1", "a", "1");
    core.advance(6);
    setting(core, "activeExpire", 0);
    expireCycle(core);
    setting(core, "activeExpire", 1);
    core.exports.pauseClients(1, core.nowMs + 1000);
    expireCycle(core);
    core.exports.pauseClients(0, 0);
    setting(core, "importMode", 1);
    expireCycle(core);
    assertEquals(client.command("HGET", "h", "a"), "$-1\r\n");
    assertEquals(client.command("HLEN", "h"), ":1\r\n");
    setting(core, "importMode", 0);
    expireCycle(core);
    assertEquals(client.command("EXISTS", "h"), ":0\r\n");
  });

  it("follows the hash through RENAME, COPY, MOVE, SWAPDB, EXPIRE and FLUSHDB", () => {
    const { core, client } = coreFor("hashtable");
    const left = (db: number) => core.core.databaseFacts(db);
    client.command("HSETEX", "h", "PX", "50", "FIELDS", "1", "a", "1");
    client.command("HSET", "h", "b", "2");
    client.command("SET", "old", "x");
    client.command("RENAME", "h", "old");
    client.command("EXPIRE", "old", "100");
    client.command("PERSIST", "old");
    client.command("COPY", "old", "copy");
    client.command("COPY", "old", "copy2");
    client.command("COPY", "copy", "copy2", "REPLACE");
    client.command("MOVE", "copy", "1");
    client.command("SET", "copy2", "no hash any more");
    assertEquals([left(0).volatile, left(1).volatile], [1, 1]);
    client.command("SWAPDB", "1", "2");
    assertEquals([left(1).volatile, left(2).volatile], [0, 1]);
    core.advance(51);
    expireCycle(core);
    assertEquals([left(0).volatile, left(2).volatile, stat(core)], [0, 0, 2]);
    assertEquals(contents(client, "old"), { b: "2" });
    client.command("SELECT", "2");
    assertEquals(contents(client, "copy"), { b: "2" });
    client.command("HEXPIRE", "copy", "100", "FIELDS", "1", "b");
    client.command("FLUSHDB");
    assertEquals(left(2).volatile, 0);
    client.command("HSETEX", "new", "PX", "5", "FIELDS", "1", "a", "1");
    core.advance(6);
    expireCycle(core);
    assertEquals([left(2).keys, left(2).volatile], [0, 0]);
  });
});

// --- Against a model ---

interface Field {
  value: string;
  /** When it expires, null: never. */
  at: number | null;
}

/** What the hashes should hold. Fields whose time has come stay until a cycle of expiry takes them. */
class Model {
  readonly core: CoreDriver;
  readonly keys = new Map<string, Map<string, Field>>();
  client: CoreClient;
  expired = 0;

  constructor(core: CoreDriver) {
    this.core = core;
    this.client = core.connect();
  }

  reconnect(): void {
    this.client.close();
    this.client = this.core.connect();
  }

  visible(key: string, name: string): Field | undefined {
    const field = this.keys.get(key)?.get(name);
    return field && (field.at === null || this.core.nowMs <= field.at) ? field : undefined;
  }

  set(key: string, name: string, value: string, at: number | null, keep = false): number {
    if (!this.keys.has(key)) this.keys.set(key, new Map());
    const fields = this.keys.get(key)!;
    const old = fields.get(name);
    const dead = old !== undefined && old.at !== null && old.at <= this.core.nowMs;
    if (dead) this.expired++;
    fields.set(name, { value, at: keep && old && !dead ? old.at : at });
    return old && !dead ? 0 : 1;
  }

  delete(key: string, name: string): void {
    this.keys.get(key)?.delete(name);
    if (this.keys.get(key)?.size === 0) this.keys.delete(key);
  }

  cycle(): void {
    for (const [key, fields] of this.keys) {
      for (const [name, { at }] of fields) {
        if (at === null || this.core.nowMs <= at) continue;
        this.delete(key, name);
        this.expired++;
      }
    }
  }

  contents(key: string): Record<string, string> {
    const names = [...this.keys.get(key)?.keys() ?? []].filter((name) => this.visible(key, name));
    return Object.fromEntries(names.sort().map((name) => [name, this.visible(key, name)!.value]));
  }

  get volatile(): number {
    return [...this.keys.values()].filter((fields) => [...fields.values()].some(({ at }) => at !== null)).length;
  }
}

const KEYS = ["h:1", "h:2", "h:3"];

function name(random: Random): string {
  return random.chance(90) ? `f${random.below(40)}` : "long".repeat(1 + random.below(90));
}

function value(random: Random): string {
  return random.chance(85) ? String(random.below(1e6)) : random.bytes(random.pick([0, 7, 63, 65, 511, 513, 3000]));
}

/** Runs one random command on both and compares; `failing`: it may be refused for want of memory, changing nothing. */
function step(model: Model, random: Random, failing: boolean): void {
  const { core, client } = model;
  const key = random.pick(KEYS);
  const field = name(random);
  const text = value(random);
  const seen = model.visible(key, field);
  const inMs = random.below(200) + 1;
  const at = core.nowMs + inMs;
  const run = (args: (string | number)[], expected: Value, change: () => void) => {
    const reply = core.failing(failing ? random.below(4) : -1, () => client.command(...args));
    if (failing && reply === OOM) return;
    // Without memory for the reply the client is closed; the command has run.
    if (client.closing) model.reconnect();
    else assertEquals([args, decode(reply)], [args, expected]);
    change();
  };
  const made = model.set.bind(model, key, field);
  const old = model.keys.get(key)?.get(field);
  const dead = old !== undefined && old.at !== null && old.at <= core.nowMs;
  switch (random.below(11)) {
    case 0: case 1: return run(["HSET", key, field, text], old && !dead ? 0 : 1, () => made(text, null));
    case 2: return run(["HSETEX", key, "PX", inMs, "FIELDS", 1, field, text], 1, () => made(text, at));
    case 3: return run(["HSETEX", key, "KEEPTTL", "FIELDS", 1, field, text], 1, () => made(text, null, true));
    case 4: return run(["HGET", key, field], seen?.value ?? null, () => {});
    case 5: return run(["HDEL", key, field], seen ? 1 : 0, () => seen && model.delete(key, field));
    case 6: return run(["HPEXPIRE", key, inMs, "FIELDS", 1, field], [seen ? 1 : -2], () => seen && (seen.at = at));
    case 7: {
      const reply = seen === undefined ? -2 : seen.at === null ? -1 : 1;
      return run(["HPERSIST", key, "FIELDS", 1, field], [reply], () => seen && (seen.at = null));
    }
    case 8: {
      const sum = Number(seen?.value ?? 0) + 7;
      if (seen && !/^(0|[1-9]\d{0,12})$/.test(seen.value)) return;
      return run(["HINCRBY", key, field, 7], sum, () => made(String(sum), null, true));
    }
    case 9: {
      core.advance(random.below(15));
      return random.chance(50) ? (expireCycle(core), model.cycle()) : undefined;
    }
    default: {
      const other = random.pick(KEYS);
      const fields = model.keys.get(key);
      if (other === key || !fields) return;
      if (random.chance(50)) {
        return run(["RENAME", key, other], "OK", () => (model.keys.delete(key), model.keys.set(other, fields)));
      }
      const copy = new Map([...fields].map(([at, one]) => [at, { ...one }]));
      return run(["COPY", key, other, "REPLACE"], 1, () => model.keys.set(other, copy));
    }
  }
}

function fuzz(label: string, failing: boolean): void {
  const random = seeded(label);
  const core = new CoreDriver();
  setting(core, "hashMaxListpackEntries", 20);
  const model = new Model(core);
  model.client.command("HRANDFIELD", "none", "x");
  const start = core.usedBytes;
  for (let i = 0; i < 15_000 * SCALE; i++) {
    step(model, random, failing && random.chance(30));
    if (i % 20 !== 0) continue;
    for (const key of KEYS) {
      const found = contents(model.client, key);
      assertEquals(Object.fromEntries(Object.entries(found).sort()), model.contents(key));
      assertEquals(model.client.command("HLEN", key), `:${model.keys.get(key)?.size ?? 0}\r\n`);
    }
    assertEquals(core.core.databaseFacts(0).volatile, model.volatile);
    assertEquals(core.core.root64(ROOT.statExpiredFields), model.expired);
  }
  model.client.command("FLUSHALL", "SYNC");
  model.reconnect();
  // What grew for good: the scratch list and the tables of the database.
  assert(core.usedBytes - start < 3000, `${core.usedBytes - start} bytes are lost`);
}

describe("hashes against a model", () => {
  it("agree after random commands, with time going by", () => fuzz("hashes", false));
  it("agree when allocations fail: a refused command has changed nothing", () => fuzz("hashes, no memory", true));
});

// --- Costs ---

describe("what hashes cost", () => {
  const digits = (n: number) => String(n).padStart(8, "0");

  it("41 bytes a field of 8 and 16 bytes in a table, little more than their bytes in a listpack", () => {
    const { core, client } = coreFor("listpack");
    const usage = (key: string) => Number(decode(client.command("MEMORY", "USAGE", key, "SAMPLES", "0")));
    for (let n = 0; n < 1000; n++) client.command("HSET", "table", digits(n), digits(n) + digits(n));
    assertEquals(core.encoding("table"), "hashtable");
    assert(usage("table") <= 41_000, `${usage("table")} bytes for 1,000 fields`);
    for (let n = 0; n < 10; n++) client.command("HSET", "listpack", `f${digits(n)}`, `v${digits(n)}${digits(n)}`);
    const payload = 10 * (9 + 17 + 4) + 7;
    assert(usage("listpack") <= payload + 24 + 64, `${usage("listpack")} bytes for ${payload} of listpack`);
  });

  it("large ones are freed a slice at a time, and their bytes come back", () => {
    for (const end of [["UNLINK", "h"], ["PEXPIRE", "h", "-1"], ["SET", "h", "x"]]) {
      const { core, client } = coreFor("hashtable");
      const start = core.usedBytes;
      fill(client, "h", 0, 5000);
      client.command("HPEXPIRE", "h", "1000", "FIELDS", "2", "field:1", "field:2");
      const full = core.usedBytes;
      client.command(...end);
      assert(core.usedBytes > full - 30_000, `${end}: ${full - core.usedBytes} bytes at once`);
      assertEquals(core.core.databaseFacts(0).volatile, 0);
      let slices = 0;
      while (core.exports.lazyFree(500) === 1) slices++;
      assert(slices >= 8, `${slices} slices`);
      client.command("DEL", "h");
      assert(core.usedBytes - start < 2000, `${end}: ${core.usedBytes - start} bytes are lost`);
    }
  });
});
