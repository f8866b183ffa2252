/**
 * Commands on keys of any type, expiry and eviction in the core, driven without a server over virtual time.
 *
 * The model of the fuzz is a Map a database. Its seed is printed; SEED=n has a run again. What the real server replies
 * to the same commands is differential.test.ts's.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, expireCycle, type Value } from "../support/keyspace.ts";
import { type Random, seeded } from "../support/random.ts";
import { OOM } from "../support/resp.ts";

/** Every key that a whole SCAN returns, in order, duplicates included. */
function scanAll(client: CoreClient, ...options: (string | number)[]): string[] {
  const keys: string[] = [];
  let cursor = "0";
  do {
    const [next, found] = decode(client.command("SCAN", cursor, ...options)) as [string, string[]];
    keys.push(...found);
    cursor = next;
  } while (cursor !== "0");
  return keys;
}

// --- Replies ---

describe("generic commands", () => {
  /** Command → reply, one after the other on one client. */
  const replies: [command: string, reply: string][] = [
    ["SET a 1", "+OK"], ["SET b 2", "+OK"],
    ["EXISTS a a b nokey", ":3"], ["TOUCH a b nokey", ":2"], ["TYPE a", "+string"], ["TYPE nokey", "+none"],
    ["DEL a a nokey", ":1"], ["UNLINK nokey", ":0"],
    ["RENAME nokey nokey", "-ERR no such key"], ["RENAME b b", "+OK"], ["RENAMENX b b", ":0"],
    ["SET a 1", "+OK"], ["RENAMENX a b", ":0"], ["RENAMENX a c", ":1"], ["RENAME c b", "+OK"], ["GET b", "$1\r\n1"],
    ["MOVE b 0", "-ERR source and destination objects are the same"], ["MOVE b 16", "-ERR DB index is out of range"],
    ["MOVE b 99999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647"],
    ["MOVE b x", "-ERR value is not an integer or out of range"], ["MOVE b 1", ":1"], ["MOVE b 1", ":0"],
    ["SET b 3", "+OK"], ["MOVE b 1", ":0"],
    ["COPY b b", "-ERR source and destination objects are the same"], ["COPY b b DB 2", ":1"],
    ["COPY b b DB 1", ":0"], ["COPY b b DB 1 REPLACE", ":1"], ["COPY b d DB", "-ERR syntax error"],
    ["COPY b d DB 16", "-ERR DB index is out of range"], ["COPY nokey d REPLACE", ":0"],
    ["SELECT 99999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647"],
    ["SWAPDB 99999999999 1", "-ERR invalid first DB index"], ["SWAPDB 99 x", "-ERR invalid second DB index"],
    ["SWAPDB 16 1", "-ERR DB index is out of range"], ["SWAPDB 0 0", "+OK"],
    ["EXPIRE b x FOO", "-ERR Unsupported option FOO"],
    ["EXPIRE b x NX GT", "-ERR NX and XX, GT or LT options at the same time are not compatible"],
    ["EXPIRE b x GT LT", "-ERR GT and LT options at the same time are not compatible"],
    ["EXPIRE b x", "-ERR value is not an integer or out of range"],
    ["EXPIRE nokey 9223372036854775807", "-ERR invalid expire time in 'expire' command"],
    ["PEXPIRE b 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"],
    ["EXPIRE b 10 XX", ":0"], ["EXPIRE b 10 GT", ":0"], ["EXPIRE b 10 NX", ":1"], ["EXPIRE b 10 NX", ":0"],
    ["EXPIRE b 10 GT", ":0"], ["EXPIRE b 11 GT", ":1"], ["EXPIRE b 11 LT", ":0"], ["EXPIRE b 10 XX LT", ":1"],
    ["TTL b", ":10"], ["PTTL b", ":10000"], ["EXPIRETIME b", ":1700000010"], ["PEXPIRETIME b", ":1700000010000"],
    ["PERSIST b", ":1"], ["PERSIST b", ":0"], ["TTL b", ":-1"], ["TTL nokey", ":-2"], ["EXPIRETIME b", ":-1"],
    ["PEXPIREAT b 9223372036854775807", ":1"], ["EXPIRETIME b", ":9223372036854776"],
    ["PEXPIRE b -9223372036854775808", ":1"], ["EXISTS b", ":0"], ["RANDOMKEY", "$-1"], ["KEYS *", "*0"],
    ["SCAN x", "-ERR invalid cursor"], ["SCAN -1", "-ERR invalid cursor"], ["SCAN 0 COUNT 0", "-ERR syntax error"],
    ["SCAN 0 COUNT x", "-ERR value is not an integer or out of range"], ["SCAN 0 FOO x", "-ERR syntax error"],
    ["SCAN 0 TYPE foo", "-ERR unknown type name 'foo'"], ["SCAN 0 MATCH", "-ERR syntax error"],
    ["SCAN 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN"],
    ["SCAN 0 NOSCORES", "-ERR NOSCORES option can only be used in ZSCAN"],
    ["SCAN 18446744073709551615", "*2\r\n$1\r\n0\r\n*0"], ["SCAN 0 TYPE ZSET COUNT 5", "*2\r\n$1\r\n0\r\n*0"],
    ["OBJECT ENCODING nokey", "$-1"],
    ["OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"],
    ["OBJECT FOO", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."],
    ["MEMORY USAGE nokey", "$-1"], ["MEMORY USAGE nokey SAMPLES -1", "-ERR syntax error"],
    ["MEMORY USAGE nokey SAMPLES x", "-ERR value is not an integer or out of range"],
    ["FLUSHALL FOO", "-ERR syntax error"], ["FLUSHDB ASYNC", "+OK"], ["FLUSHALL SYNC", "+OK"],
  ];

  it("reply as Valkey does", () => {
    const client = new CoreDriver().connect();
    for (const [command, reply] of replies) {
      assertEquals([command, client.command(...command.split(" "))], [command, `${reply}\r\n`]);
    }
  });

  it("quote a long or binary argument in full, up to its first NUL", () => {
    const client = new CoreDriver().connect();
    const long = "y".repeat(10000);
    assertEquals(client.command("EXPIRE", "a", 1, long), `-ERR Unsupported option ${long}\r\n`);
    assertEquals(client.command("SCAN", 0, "TYPE", "a\0b"), "-ERR unknown type name 'a'\r\n");
    assertEquals(client.command("SCAN", 0, "TYPE", "a\r\nb"), "-ERR unknown type name 'a  b'\r\n");
  });

  it("count the changes they make", () => {
    const core = new CoreDriver();
    const client = core.connect();
    const counts: [command: string, changes: number][] = [
      ["SET a 1", 1], ["SET b 1", 1], ["DEL a b c", 2], ["DEL a", 0], ["SET a 1", 1], ["RENAME a a", 0],
      ["RENAME a b", 1], ["COPY b c", 1], ["COPY b c", 0], ["MOVE b 1", 1], ["EXPIRE c 100", 1], ["EXPIRE c 1 NX", 0],
      ["PERSIST c", 1], ["PERSIST c", 0], ["EXPIRE c -1", 1], ["EXPIRE c -1", 0], ["SWAPDB 0 1", 1], ["TOUCH b", 0],
      ["FLUSHDB", 1], ["FLUSHALL", 0],
    ];
    for (const [command, changes] of counts) {
      const before = core.dirty;
      client.command(...command.split(" "));
      assertEquals([command, core.dirty - before], [command, changes]);
    }
  });

  it("count hits and misses of reads only", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("SET", "a", 1);
    const counts: [command: string, hits: number, misses: number][] = [
      ["EXISTS a x", 1, 1], ["TOUCH a x", 1, 1], ["TYPE x", 0, 1], ["TTL a", 1, 0], ["OBJECT ENCODING a", 1, 0],
      ["OBJECT FREQ x", 0, 1], ["COPY x y", 0, 1], ["COPY a b", 1, 0], ["RENAME a c", 0, 0], ["EXPIRE c 100", 0, 0],
      ["MEMORY USAGE c", 0, 0], ["RANDOMKEY", 0, 0], ["KEYS *", 0, 0], ["DEL a c", 0, 0],
    ];
    for (const [command, hits, misses] of counts) {
      const before = [core.core.root64(ROOT.statHits), core.core.root64(ROOT.statMisses)];
      client.command(...command.split(" "));
      const after = [core.core.root64(ROOT.statHits), core.core.root64(ROOT.statMisses)];
      assertEquals([command, after[0] - before[0], after[1] - before[1]], [command, hits, misses]);
    }
  });
});

// --- Encodings ---

describe("the encoding of a string", () => {
  /** Lengths of key and value → Valkey's encoding after SET, after EXPIRE, after RENAME to a key 10 bytes longer. */
  const cases: [keyLength: number, valueLength: number, set: string, timed: string, renamed: string][] = [
    [5, 100, "embstr", "embstr", "raw"], [5, 105, "embstr", "raw", "raw"], [5, 109, "raw", "raw", "raw"],
    [31, 82, "embstr", "raw", "raw"], [31, 83, "raw", "raw", "raw"], [32, 80, "raw", "raw", "raw"],
    [32, 79, "embstr", "raw", "raw"], [107, 4, "embstr", "raw", "raw"], [108, 0, "embstr", "embstr", "raw"],
    [100, 1, "embstr", "embstr", "embstr"], [100, 2, "embstr", "embstr", "raw"], [111, 0, "embstr", "embstr", "raw"],
    [112, 0, "raw", "raw", "raw"],
  ];

  it("follows the room that key, expiry and value take", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (const [keyLength, valueLength, set, timed, renamed] of cases) {
      const key = "k".repeat(keyLength);
      const longer = key + "0123456789";
      const found: string[] = [];
      client.command("SET", key, "v".repeat(valueLength));
      found.push(core.encoding(key));
      client.command("EXPIRE", key, 100);
      found.push(core.encoding(key));
      client.command("COPY", key, longer);
      const copied = core.encoding(longer);
      client.command("RENAME", key, longer);
      found.push(core.encoding(longer));
      assertEquals(copied, found[2]);
      assertEquals([keyLength, valueLength, ...found], [keyLength, valueLength, set, timed, renamed]);
      client.command("DEL", longer);
    }
  });

  it("is told by OBJECT ENCODING, whatever was done to the key", () => {
    const client = new CoreDriver().connect();
    for (const [value, encoding] of [["12", "int"], ["v", "embstr"], ["x".repeat(600), "raw"]]) {
      client.command("SET", "k", value);
      client.command("EXPIRE", "k", 100);
      client.command("RENAME", "k", "key");
      client.command("COPY", "key", "other", "REPLACE");
      client.command("PERSIST", "key");
      client.command("MOVE", "key", 1);
      assertEquals(decode(client.command("OBJECT", "ENCODING", "other")), encoding);
      client.command("SELECT", 1);
      assertEquals(decode(client.command("OBJECT", "ENCODING", "key")), encoding);
      assertEquals(decode(client.command("GET", "key")), value);
      assertEquals(client.command("OBJECT", "REFCOUNT", "key"), ":1\r\n");
      client.command("DEL", "key");
      client.command("SELECT", 0);
    }
  });
});

// --- Model ---

/** What a database should hold: key → value and expiry in unix milliseconds (undefined: none). */
type Model = Map<string, { value: string; expire?: number }>;

/** Applies commands to Maps and says what should be replied; undefined where any of several replies is right. */
class Reference {
  databases: Model[] = Array.from({ length: 4 }, () => new Map());
  db = 0;
  now = 0;

  get keys(): Model {
    return this.databases[this.db];
  }

  /** Forgets what has expired. */
  settle(now: number): void {
    this.now = now;
    for (const keys of this.databases) {
      for (const [key, { expire }] of keys) if (expire !== undefined && now > expire) keys.delete(key);
    }
  }

  clone(): Reference {
    const copy = new Reference();
    copy.databases = this.databases.map((keys) => new Map(keys));
    copy.db = this.db;
    copy.now = this.now;
    return copy;
  }

  run([name, ...args]: string[]): Value | undefined {
    const [key, second] = args;
    const entry = this.keys.get(key);
    switch (name) {
      case "SET":
        this.keys.set(key, { value: second, expire: args[2] === "PX" ? this.now + Number(args[3]) : undefined });
        return "OK";
      case "GET": return entry?.value ?? null;
      case "DEL": case "UNLINK": return args.filter((k) => this.keys.delete(k)).length;
      case "EXISTS": case "TOUCH": return args.filter((k) => this.keys.has(k)).length;
      case "TYPE": return entry ? "string" : "none";
      case "DBSIZE": return undefined;
      case "SELECT": this.db = Number(key); return "OK";
      case "FLUSHDB": this.keys.clear(); return "OK";
      case "SWAPDB": return this.#swap(Number(key), Number(second));
      case "RENAME": case "RENAMENX": return this.#rename(name, key, second);
      case "MOVE": return this.#transfer(key, key, Number(second), false, true);
      case "COPY": {
        const to = args.includes("DB") ? Number(args[args.indexOf("DB") + 1]) : this.db;
        if (to === this.db && key === second) return "-ERR source and destination objects are the same";
        return this.#transfer(key, second, to, args.includes("REPLACE"), false);
      }
      case "PEXPIRE": case "PEXPIREAT":
        return this.#expire(key, Number(second) + (name === "PEXPIRE" ? this.now : 0), args.slice(2));
      case "PERSIST":
        if (entry?.expire === undefined) return 0;
        this.keys.set(key, { value: entry.value });
        return 1;
      case "PTTL": return entry ? (entry.expire === undefined ? -1 : entry.expire - this.now) : -2;
      case "PEXPIRETIME": return entry ? entry.expire ?? -1 : -2;
      default: throw new Error(`no model of ${name}`);
    }
  }

  #swap(a: number, b: number): Value {
    [this.databases[a], this.databases[b]] = [this.databases[b], this.databases[a]];
    return "OK";
  }

  #rename(name: string, from: string, to: string): Value {
    const entry = this.keys.get(from);
    if (!entry) return "-ERR no such key";
    const onlyNew = name === "RENAMENX";
    if (onlyNew && this.keys.has(to)) return 0;
    if (from !== to) {
      this.keys.delete(from);
      this.keys.set(to, entry);
    }
    return onlyNew ? 1 : "OK";
  }

  #transfer(from: string, to: string, db: number, replace: boolean, move: boolean): Value {
    if (move && db === this.db) return "-ERR source and destination objects are the same";
    const entry = this.keys.get(from);
    if (!entry || (this.databases[db].has(to) && !replace)) return 0;
    this.databases[db].set(to, entry);
    if (move) this.keys.delete(from);
    return 1;
  }

  #expire(key: string, when: number, conditions: string[]): Value {
    const entry = this.keys.get(key);
    if (!entry) return 0;
    const { expire } = entry;
    if (conditions.includes("NX") && expire !== undefined) return 0;
    if (conditions.includes("XX") && expire === undefined) return 0;
    if (conditions.includes("GT") && (expire === undefined || when <= expire)) return 0;
    if (conditions.includes("LT") && expire !== undefined && when >= expire) return 0;
    if (when <= this.now) this.keys.delete(key);
    else this.keys.set(key, { value: entry.value, expire: when });
    return 1;
  }
}

/** Makes commands over a keyspace of `span` keys, short and long, with values of every shape. */
class Commands {
  readonly random: Random;
  readonly span: number;
  now = 0;

  constructor(random: Random, span: number) {
    this.random = random;
    this.span = span;
  }

  key(): string {
    const n = this.random.below(this.span);
    if (n % 17 === 0) return `${"long".repeat(75)}${n}`;
    return n % 13 === 0 ? `k${"x".repeat(30 + n % 90)}${n}` : `k${n}`;
  }

  value(): string {
    const { random } = this;
    return random.pick([
      () => String(random.below(100000) - 50000), () => random.bytes(random.below(40)),
      () => "x".repeat(random.below(140)), () => "y".repeat(random.below(700)), () => "",
      () => "z".repeat(512 + random.below(3)),
    ])();
  }

  next(): string[] {
    const { random } = this;
    const db = () => String(random.below(4));
    const conditions = () => random.pick([[], [], [], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "LT"]]);
    const ms = () => String(random.pick([1, 5, 50, 200, 1000, 5000, -3, 100000]));
    const pick = random.below(100);
    const px = () => (random.chance(30) ? ["PX", String(1 + random.below(3000))] : []);
    if (pick < 30) return ["SET", this.key(), this.value(), ...px()];
    if (pick < 38) return ["GET", this.key()];
    if (pick < 46) return [random.pick(["DEL", "UNLINK"]), this.key(), this.key()];
    if (pick < 50) return [random.pick(["EXISTS", "TOUCH"]), this.key(), this.key(), this.key()];
    if (pick < 52) return ["TYPE", this.key()];
    if (pick < 60) return [random.pick(["RENAME", "RENAMENX"]), this.key(), this.key()];
    if (pick < 64) return ["MOVE", this.key(), db()];
    if (pick < 70) {
      const options = [...(random.chance(40) ? ["DB", db()] : []), ...(random.chance(50) ? ["REPLACE"] : [])];
      return ["COPY", this.key(), this.key(), ...options];
    }
    if (pick < 80) return ["PEXPIRE", this.key(), ms(), ...conditions()];
    if (pick < 84) return ["PEXPIREAT", this.key(), String(this.now + random.below(3000) - 500), ...conditions()];
    if (pick < 88) return ["PERSIST", this.key()];
    if (pick < 96) return [random.pick(["PTTL", "PEXPIRETIME"]), this.key()];
    if (pick < 98) return ["SELECT", db()];
    if (pick < 99) return ["SWAPDB", db(), db()];
    return random.chance(5) ? ["FLUSHDB"] : ["DBSIZE"];
  }
}

/** Compares the whole of every database with the model, through KEYS, SCAN, GET and PEXPIRETIME. */
function compareAll(client: CoreClient, model: Reference): void {
  for (let db = 0; db < model.databases.length; db++) {
    client.command("SELECT", db);
    const expected = [...model.databases[db].keys()].sort();
    assertEquals((decode(client.command("KEYS", "*")) as string[]).sort(), expected);
    assertEquals([...new Set(scanAll(client, "COUNT", 7))].sort(), expected);
    for (const [key, { value, expire }] of model.databases[db]) {
      assertEquals(decode(client.command("GET", key)), value);
      assertEquals(decode(client.command("PEXPIRETIME", key)), expire ?? -1);
    }
    const random = decode(client.command("RANDOMKEY"));
    assert(expected.length === 0 ? random === null : expected.includes(random as string));
  }
  client.command("SELECT", model.db);
}

describe("keys and expiry", () => {
  it("agree with a model over random commands and virtual time", () => {
    const random = seeded("generic fuzz");
    for (const span of [20, 400, 3000]) {
      const core = new CoreDriver({ seed: random.seed, databases: 4 });
      const client = core.connect();
      const start = core.usedBytes;
      const commands = new Commands(random, span);
      const model = new Reference();
      for (let i = 0; i < 12000; i++) {
        if (random.chance(5)) core.advance(random.below(40));
        if (random.chance(1)) expireCycle(core, 1 + random.below(5));
        if (random.chance(1)) core.exports.cronRehash(1 + random.below(10));
        model.settle(core.nowMs);
        commands.now = core.nowMs;
        const command = commands.next();
        const expected = model.run(command);
        const found = decode(client.command(...command));
        if (expected !== undefined) assertEquals([i, ...command, found], [i, ...command, expected]);
        if (i % 3000 === 2999) compareAll(client, model);
      }
      client.command("FLUSHALL");
      assertEquals(core.usedBytes - start < 20000, true);
      // The next round of the same costs no more than this one: nothing leaks.
      const after = core.usedBytes;
      for (let i = 0; i < 2000; i++) client.command(...commands.next());
      client.command("FLUSHALL");
      assertEquals(core.usedBytes, after);
    }
  });

  it("change nothing when memory is exhausted in the middle of a command", () => {
    const random = seeded("generic without memory");
    const core = new CoreDriver({ seed: random.seed, databases: 4 });
    let client = core.connect();
    const commands = new Commands(random, 60);
    let model = new Reference();
    let refused = 0;
    for (let i = 0; i < 2500; i++) {
      if (random.chance(5)) core.advance(random.below(40));
      model.settle(core.nowMs);
      commands.now = core.nowMs;
      const command = commands.next();
      const before = model.clone();
      const expected = model.run(command);
      // The reply's chunk is the first allocation of some commands: without it the client is closed.
      const reply = core.failing(random.below(5), () => client.command(...command));
      if (client.closing) {
        client.close();
        client = core.connect();
        const probe = client.command("PING");
        assertEquals(probe, "+PONG\r\n");
        client.command("SELECT", command[0] === "SELECT" ? before.db : model.db);
        if (command[0] === "SELECT") model = before;
        // Whether the command was run can't be told by its reply; a key of it can.
        if (!matches(client, model)) model = before;
        compareAll(client, model);
      } else if (reply === OOM) {
        refused++;
        model = before;
      } else if (expected !== undefined) {
        assertEquals([i, ...command, decode(reply)], [i, ...command, expected]);
      }
      if (i % 50 === 0) compareAll(client, model);
    }
    assert(refused > 40, `only ${refused} commands were refused`);
  });
});

/** True when every database has the model's keys and values. */
function matches(client: CoreClient, model: Reference): boolean {
  let same = true;
  for (let db = 0; db < model.databases.length && same; db++) {
    client.command("SELECT", db);
    const keys = (decode(client.command("KEYS", "*")) as string[]).sort();
    same = keys.join("\n") === [...model.databases[db].keys()].sort().join("\n");
    for (const key of same ? keys : []) {
      const { value, expire } = model.databases[db].get(key)!;
      same &&= decode(client.command("GET", key)) === value;
      same &&= decode(client.command("PEXPIRETIME", key)) === (expire ?? -1);
    }
  }
  client.command("SELECT", model.db);
  return same;
}

// --- SCAN ---

describe("SCAN", () => {
  it("returns every key that is there from start to end, while the table grows and shrinks", () => {
    const random = seeded("scan guarantee");
    for (const [kept, most] of [[50, 2000], [1000, 3000]]) {
      const core = new CoreDriver({ seed: random.seed });
      const client = core.connect();
      for (let i = 0; i < kept; i++) client.command("SET", `kept:${i}`, i);
      let others = 0;
      for (let round = 0; round < 6; round++) {
        const seen = new Set<string>();
        let cursor = "0";
        const growing = round % 2 === 0;
        do {
          const count = 1 + random.below(60);
          const [next, keys] = decode(client.command("SCAN", cursor, "COUNT", count)) as [string, string[]];
          for (const key of keys) seen.add(key);
          cursor = next;
          const step = random.below(most / 10);
          for (let i = 0; i < step; i++) {
            if (growing) client.command("SET", `other:${others++ % most}`, i);
            else client.command("DEL", `other:${random.below(most)}`);
          }
          if (random.chance(30)) core.exports.cronRehash(random.below(20));
        } while (cursor !== "0");
        for (let i = 0; i < kept; i++) assert(seen.has(`kept:${i}`), `kept:${i} in round ${round}`);
      }
    }
  });

  it("filters by pattern and type before it looks at expiry", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 0; i < 100; i++) client.command("SET", `key:${i}`, "v");
    client.command("SET", "gone:1", "v", "PX", 10);
    core.advance(11);
    assertEquals(scanAll(client, "MATCH", "key:?").sort(), Array.from({ length: 10 }, (_, i) => `key:${i}`));
    assertEquals(scanAll(client, "TYPE", "hash"), []);
    assertEquals(client.command("DBSIZE"), ":101\r\n");
    assertEquals(scanAll(client, "MATCH", "gone*", "TYPE", "STRING"), []);
    assertEquals(client.command("DBSIZE"), ":100\r\n");
    assertEquals(scanAll(client).length, 100);
  });

  it("looks at about COUNT keys a call", () => {
    const client = new CoreDriver().connect();
    for (let i = 0; i < 1000; i++) client.command("SET", `key:${i}`, "v");
    const [, few] = decode(client.command("SCAN", 0)) as [string, string[]];
    assert(few.length >= 10 && few.length < 60);
    const [, many] = decode(client.command("SCAN", 0, "COUNT", 500)) as [string, string[]];
    assert(many.length >= 500 && many.length < 560);
  });
});

describe("RANDOMKEY", () => {
  it("finds each key sooner or later, and none that has expired", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 0; i < 60; i++) client.command("SET", `key:${i}`, "v", ...(i % 2 ? ["PX", 10] : []));
    core.advance(11);
    const seen = new Set<Value>();
    for (let i = 0; i < 3000; i++) seen.add(decode(client.command("RANDOMKEY")));
    assertEquals([...seen].sort(), Array.from({ length: 30 }, (_, i) => `key:${i * 2}`).sort());
  });
});

// --- Whole databases ---

describe("FLUSHALL", () => {
  it("gives back all memory, even while a table is being moved and with no memory to work with", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("SET", "k", "v");
    client.command("FLUSHALL");
    const start = core.usedBytes;
    for (let i = 0; i < 5380; i++) {
      client.command("SET", `k${i}`, "v".repeat(i % 700), ...(i % 3 === 0 ? ["EX", 1000] : []));
    }
    assert(core.exports.tableBucketCount(0, 1) > 0, "the table is being moved");
    core.failing(1, () => client.command("FLUSHALL"));
    assertEquals(core.usedBytes, start);
    assertEquals(client.command("DBSIZE"), ":0\r\n");
  });
});
