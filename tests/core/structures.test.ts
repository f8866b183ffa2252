/**
 * The core's structures against plain models: allocator, hash table (through commands), parser, expiry, and memory that
 * comes back. Seeds are printed; SEED=n repeats a run, WAKEY_FUZZ=10 makes each run that much longer.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { CommandGenerator } from "../support/commands.ts";
import { bytesOf, type CoreClient, CoreDriver, splitReplies } from "../support/core.ts";
import { Random, seeded, seedOfRun } from "../support/random.ts";
import { encode } from "../support/resp.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);

/** A core that has met an error, an expiry, a long argument, a long scan, a client that waits: what they need stays. */
function fresh(maximumPages?: number): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver({ maximumPages });
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  client.command("SET", "k", "v", "EX", "9");
  client.pipeline(Array.from({ length: 2000 }, (_, i) => ["SET", `k${i}`, "v"]));
  client.command("SCAN", "0", "COUNT", "2000");
  const waiting = core.connect();
  waiting.send(encode(["BLPOP", "k", "1"]));
  waiting.close();
  client.command("FLUSHALL", "SYNC");
  return { core, client };
}

// --- Allocator ---

interface Block {
  size: number;
  fill: number;
}

/** Random allocations against a model that knows size and content of every live block. */
class AllocatorModel {
  readonly core = new CoreDriver({ maximumPages: 4096 });
  readonly blocks = new Map<number, Block>();
  readonly random: Random;
  readonly start: number;
  expected: number;

  constructor(random: Random) {
    this.random = random;
    this.start = this.core.usedBytes;
    this.expected = this.start;
  }

  /** Sizes of all kinds: mostly small, at the edges of classes, some of many pages. */
  size(): number {
    const { random } = this;
    switch (random.below(10)) {
      case 0: return 32768 + random.below(random.pick([30_000, 300_000]));
      case 1: return random.below(32769);
      case 2: return Math.max(0, (8 << random.below(13)) + random.below(3) - 1);
      default: return random.below(300);
    }
  }

  fill(address: number, from: number, block: Block): void {
    this.core.core.refresh();
    this.core.core.bytes.fill(block.fill, address + from, address + block.size);
  }

  /** The first `length` bytes of a block are what was written to it: nobody else's block lies in it. */
  check(address: number, block: Block, length: number): void {
    this.core.core.refresh();
    const { bytes } = this.core.core;
    for (let i = address; i < address + length; i++) {
      if (bytes[i] !== block.fill) throw new Error(`block of ${block.size} at ${address}: byte ${i - address} changed`);
    }
  }

  take(address: number, size: number): Block {
    const usable = this.core.exports.usableSize(address);
    assert(usable >= size && address % 8 === 0, `${size} bytes at ${address}: ${usable} usable`);
    if (usable % 64 === 0) assertEquals(address % 64, 0, `${usable} bytes at ${address}`);
    const block = { size, fill: 1 + this.random.below(255) };
    this.blocks.set(address, block);
    this.expected += usable;
    return block;
  }

  /** One random step; with `failing` an allocation may be made to fail. */
  step(failing: boolean): void {
    this.core.failing(failing && this.random.chance(30) ? 0 : -1, () => this.change(failing));
    assertEquals(this.core.usedBytes, this.expected);
  }

  change(failing: boolean): void {
    const { random, blocks } = this;
    const roll = blocks.size > 2000 ? 50 : random.below(100);
    if (roll < 50 || blocks.size === 0) {
      const size = this.size();
      const address = this.core.exports.alloc(size) >>> 0;
      if (address !== 0) this.fill(address, 0, this.take(address, size));
      else assert(failing, `no memory for ${size} bytes`);
      return;
    }
    const addresses = [...blocks.keys()];
    const address = addresses[random.below(addresses.length)];
    const block = blocks.get(address)!;
    this.check(address, block, block.size);
    if (roll < 75) this.release(address);
    else this.resize(address, block, failing);
  }

  resize(address: number, block: Block, failing: boolean): void {
    const { exports } = this.core;
    const size = this.random.chance(50) ? this.size() : Math.max(1, block.size + this.random.below(2000) - 1000);
    const before = exports.usableSize(address);
    const moved = exports.realloc(address, size) >>> 0;
    if (moved === 0) {
      assert(failing, `no memory for ${size} bytes`);
      this.check(address, block, block.size);
      return;
    }
    this.blocks.delete(address);
    this.expected -= before;
    const kept = this.take(moved, size);
    const fill = kept.fill;
    kept.fill = block.fill;
    this.check(moved, kept, Math.min(size, block.size));
    kept.fill = fill;
    this.fill(moved, 0, kept);
  }

  release(address: number): void {
    this.expected -= this.core.exports.usableSize(address);
    this.core.exports.free(address);
    this.blocks.delete(address);
  }

  releaseAll(): void {
    for (const [address, block] of this.blocks) {
      this.check(address, block, block.size);
      this.release(address);
    }
    assertEquals(this.core.usedBytes, this.start);
  }
}

describe("allocator", () => {
  it("hands out blocks that nothing else touches, and counts them exactly", () => {
    const model = new AllocatorModel(seeded("allocator"));
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5000 * SCALE; i++) model.step(false);
      model.releaseAll();
    }
  });

  it("changes nothing when an allocation fails", () => {
    const model = new AllocatorModel(seeded("allocator that fails"));
    for (let i = 0; i < 8000 * SCALE; i++) model.step(true);
    model.releaseAll();
  });

  it("rounds up by an eighth up to 4 KiB, by a quarter at most above", () => {
    const { exports } = new CoreDriver();
    for (let size = 128; size < 1 << 20; size += 1 + (size >> 6)) {
      const address = exports.alloc(size) >>> 0;
      const rounded = exports.usableSize(address);
      assert(rounded >= size && rounded <= size * (size > 4096 ? 1.25 : 1.125), `${size}: ${rounded}`);
      exports.free(address);
    }
  });

  it("answers 0 at the end of memory and goes on when blocks come back", () => {
    const { exports } = new CoreDriver({ maximumPages: 512 });
    for (const size of [48, 1024, 32768, 33_000, 57_344, 65536, 1 << 20]) {
      const taken: number[] = [];
      let address = exports.alloc(size) >>> 0;
      for (; address !== 0; address = exports.alloc(size) >>> 0) taken.push(address);
      assert(taken.length * size > 12 << 20, `${taken.length} blocks of ${size}`);
      assertEquals(new Set(taken).size, taken.length);
      for (const address of taken) exports.free(address);
      const again = exports.alloc(size) >>> 0;
      assert(again !== 0);
      exports.free(again);
    }
  });
});

// --- Hash table ---

/** All keys that a whole SCAN gives, `between` being called after each step. */
function scanAll(client: CoreClient, count: number, between: () => void = () => {}): string[] {
  const keys: string[] = [];
  let cursor = "0";
  do {
    const reply = client.command("SCAN", cursor, "COUNT", count);
    const parts = reply.split("\r\n");
    cursor = parts[2];
    for (let i = 5; i < parts.length; i += 2) keys.push(parts[i]);
    between();
  } while (cursor !== "0");
  return keys;
}

/** Bucket counts of the two arrays of database 0's keys. */
function buckets(core: CoreDriver): number[] {
  return [core.exports.tableBucketCount(0, 0), core.exports.tableBucketCount(0, 1)];
}

describe("hash table", () => {
  it("agrees with a Map while it grows and shrinks", () => {
    const random = seeded("table");
    const { core, client } = fresh();
    const start = core.usedBytes;
    const model = new Map<string, string>();
    const key = () => `key:${random.below(20_000)}`;
    let rehashing = 0;
    for (let done = 0; done < 100_000 * SCALE; done += 100) {
      // Phases of growth and decline, each long enough for several sizes of the table.
      const growing = Math.floor(done / 12_500) % 2 === 0;
      const commands: string[][] = [];
      const expected: string[] = [];
      for (let i = 0; i < 100; i++) {
        const name = key();
        const roll = random.below(100);
        if (roll < (growing ? 70 : 10)) {
          const value = `v${random.below(1000)}`;
          commands.push(["SET", name, value]);
          expected.push("+OK\r\n");
          model.set(name, value);
        } else if (roll < 80) {
          commands.push(["DEL", name]);
          expected.push(model.delete(name) ? ":1\r\n" : ":0\r\n");
        } else if (roll < 98 || model.size === 0) {
          const value = model.get(name);
          commands.push(["GET", name]);
          expected.push(value === undefined ? "$-1\r\n" : `$${value.length}\r\n${value}\r\n`);
        } else {
          commands.push(["DBSIZE"]);
          expected.push(`:${model.size}\r\n`);
        }
      }
      assertEquals(client.pipeline(commands), expected);
      if (model.size > 0) {
        const some = client.command("RANDOMKEY").split("\r\n")[1];
        assert(model.has(some), `RANDOMKEY gave ${some}`);
      }
      if (random.chance(5)) core.exports.cronRehash(random.below(50));
      if (buckets(core)[1] !== 0) rehashing++;
      if (done % 10_000 === 0) assertEquals(new Set(scanAll(client, 100)), new Set(model.keys()));
    }
    assert(rehashing > 10, `the table was seen rehashing ${rehashing} times`);
    assertEquals(new Set(scanAll(client, 1000)), new Set(model.keys()));
    for (const [name, value] of model) assertEquals(client.command("GET", name), `$${value.length}\r\n${value}\r\n`);
    client.command("FLUSHALL", "SYNC");
    assertEquals(core.usedBytes, start);
  });

  it("gives every key that stays during a scan, whatever else comes and goes", () => {
    const random = seeded("scan");
    const { core, client } = fresh();
    const stable = Array.from({ length: 400 }, (_, i) => `stable:${i}`);
    let sizes = 0;
    for (let round = 0; round < 12 * SCALE; round++) {
      client.command("FLUSHALL");
      client.pipeline(stable.map((name) => ["SET", name, "v"]));
      const others = random.pick([0, 500, 20_000]);
      if (others > 0) client.pipeline(Array.from({ length: others }, (_, i) => ["SET", `other:${i}`, "v"]));
      const growing = others < 20_000 && random.chance(70);
      const seen = new Set<number>();
      let next = others;
      const found = scanAll(client, random.pick([1, 10, 100]), () => {
        const many = Array.from({ length: random.below(200) }, () => growing ? next++ : --next);
        const live = many.filter((i) => i >= 0);
        const change = (i: number): string[] => (growing ? ["SET", `other:${i}`, "v"] : ["DEL", `other:${i}`]);
        if (live.length > 0) client.pipeline(live.map(change));
        if (!growing) core.exports.cronRehash(random.below(20));
        if (next < -100 || next > 60_000) next = 0;
        for (const count of buckets(core)) seen.add(count);
      });
      sizes = Math.max(sizes, seen.size);
      const names = new Set(found);
      const missed = stable.filter((name) => !names.has(name));
      assertEquals(missed, [], `round ${round}`);
    }
    assert(sizes > 2, "the table never changed its size during a scan");
  });

  it("keeps its word when allocations fail", () => {
    const random = seeded("table without memory");
    const { core, client: first } = fresh();
    let client = first;
    const model = new Map<string, string>();
    let failed = 0;
    for (let i = 0; i < 20_000 * SCALE; i++) {
      const name = `key:${random.below(3000)}`;
      const value = "v".repeat(random.below(40));
      // The reply needs one allocation of its own, behind those of the command.
      const failAfter = random.chance(20) ? random.below(2) : -1;
      const set = random.chance(60);
      const command = set ? ["SET", name, value] : ["DEL", name];
      const reply = core.failing(failAfter, () => client.command(...command));
      if (client.closing || reply.startsWith("-OOM")) {
        // A client that got no reply is closed, and its command was run.
        failed++;
        if (client.closing && set) model.set(name, value);
        else if (client.closing) model.delete(name);
        if (client.closing) {
          client.close();
          client = core.connect();
        }
        const kept = model.get(name);
        assertEquals(client.command("GET", name), kept === undefined ? "$-1\r\n" : `$${kept.length}\r\n${kept}\r\n`);
      } else if (set) {
        model.set(name, value);
      } else {
        model.delete(name);
      }
    }
    assert(failed > 1000, `${failed} allocations failed`);
    assertEquals(new Set(scanAll(client, 100)), new Set(model.keys()));
  });
});

// --- Parser ---

const PIPELINE = [
  "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\n\0v\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "PING\r\n", "\r\n", "*0\r\n",
  "*-1\r\n",
  'set "a b" \'c\\\'d\' \r\n', '   get "\\x61 b"\n', "*1\r\n$4\r\nPING\r\n", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
  `*12\r\n$4\r\nMGET\r\n${"$1\r\nk\r\n".repeat(11)}`, "*1\r\n$6\r\nNOSUCH\r\n", "*2\r\n$6\r\nSTRLEN\r\n$3\r\na b\r\n",
  "append k x\r\n", "get 'a'b\r\n", `*2\r\n$4\r\nECHO\r\n$300\r\n${"e".repeat(300)}\r\n`,
  "*3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$2\r\nyz\r\n",
].join("");

/** Ends of streams that break the protocol, one behind each other error there is. */
const BROKEN = [
  "*1x\r\n", "*3\r\n:3\r\n", "*1\r\n$-1\r\n", "*1\r\n$abc\r\n", "*2147483648\r\n", "*1\r\n$9999999999\r\n",
  'get "a\r\n', "get 'a\r\n", "*1\r\n$4\r\nPINGxx", "*1\r\n$4\r\nPING\rx", "*1\r\n\r\n", "*1\rx", "*1\r\n$4\rx",
];

/** Sends streams of random commands with random bytes in them, cut anywhere, each on a connection of its own. */
function sendMutated(core: CoreDriver, random: Random): void {
  const generator = new CommandGenerator(random, Math.floor(core.nowMs / 1000));
  for (let round = 0; round < 1500 * SCALE; round++) {
    const other = core.connect();
    const parts = Array.from({ length: 6 }, () => encode(generator.next()));
    const stream = Buffer.from(random.chance(30) ? bytesOf(PIPELINE) : Buffer.concat(parts));
    for (let i = 1 + random.below(5); i > 0; i--) {
      const at = random.below(stream.length);
      stream[at] = random.pick([0, 10, 13, 36, 42, 45, 48, 57, 255, random.below(256)]);
    }
    for (let at = 0; at < stream.length && !other.closing;) {
      const n = 1 + random.below(stream.length);
      other.send(stream.subarray(at, at + n));
      at += n;
    }
    other.close();
  }
}

describe("parser", () => {
  it("gives the same replies wherever the stream is cut", () => {
    for (const end of ["", ...BROKEN]) {
      const stream = PIPELINE + end;
      const whole = fresh().client.send(stream);
      assert(splitReplies(whole).length >= 13);
      const core = new CoreDriver();
      // The first parts are the same for all: near the end of a broken one is where it differs.
      for (let at = end === "" ? 1 : PIPELINE.length - 3; at < stream.length; at++) {
        const client = core.connect();
        client.command("DEL", "k", "a b");
        const cut = client.send(stream.slice(0, at)) + client.send(stream.slice(at));
        assertEquals(cut, whole, `${JSON.stringify(end)} cut at ${at}`);
        assertEquals(client.closing, end !== "", `closing after ${JSON.stringify(end)} cut at ${at}`);
        client.close();
      }
      const client = core.connect();
      client.command("DEL", "k", "a b");
      let single = "";
      for (const byte of stream) single += client.send(byte);
      assertEquals(single, whole, "byte by byte");
    }
  });

  it("takes long arguments in any pieces", () => {
    const random = seeded("long arguments");
    const { core, client } = fresh();
    const start = core.usedBytes;
    for (let round = 0; round < 40 * SCALE; round++) {
      const values = Array.from({ length: 1 + random.below(4) }, (_, i) => {
        const length = random.pick([10, 20_000, 32_767, 32_768, 65_536, 70_000, 300_000]) + random.below(3);
        return String.fromCharCode(65 + i).repeat(length);
      });
      const commands = [
        ["MSET", ...values.flatMap((value, i) => [`k${i}`, value])], ["ECHO", values[0]], ["PING"],
        ...values.map((value, i) => ["SET", `s${i}`, value]), ["MGET", ...values.flatMap((_, i) => [`k${i}`, `s${i}`])],
      ];
      const stream = Buffer.concat(commands.map(encode));
      let replies = "";
      for (let at = 0; at < stream.length;) {
        const n = random.pick([1, 7, 1000, 16_384, 65_536, 65_537, 1_000_000]);
        replies += client.send(stream.subarray(at, at + n));
        at += n;
      }
      const bulks = values.map((value) => `$${value.length}\r\n${value}\r\n`);
      const all = bulks.map((bulk) => bulk + bulk).join("");
      const expected = `+OK\r\n${bulks[0]}+PONG\r\n${"+OK\r\n".repeat(values.length)}*${values.length * 2}\r\n${all}`;
      assert(replies === expected, `round ${round}: replies differ`);
    }
    client.command("FLUSHALL", "SYNC");
    assertEquals(core.usedBytes, start);
  });

  it("never traps, whatever comes, and leaves nothing behind", () => {
    const { core, client } = fresh();
    const seed = seedOfRun();
    console.log(`mutated streams: SEED=${seed}`);
    const leftBehind = () => {
      sendMutated(core, new Random(seed));
      client.command("FLUSHALL", "SYNC");
      while (core.exports.lazyFree(100_000) === 1);
      return core.usedBytes;
    };
    // The first pass makes the tables that are made once (of watched keys, of channels, ...).
    const start = leftBehind();
    assertEquals(leftBehind(), start);
  });
});

// --- Expiry ---

describe("expiry", () => {
  it("agrees with a model, key by key, asked for or not", () => {
    const random = seeded("expiry");
    const { core, client } = fresh();
    const start = core.usedBytes;
    const until = new Map<string, number>();
    const alive = (name: string) => (until.get(name) ?? -1) >= core.nowMs;
    for (let i = 0; i < 20_000 * SCALE; i++) {
      const name = `key:${random.below(2000)}`;
      const ttl = 1 + random.below(5000);
      switch (random.below(8)) {
        case 0: case 1: case 2:
          assertEquals(client.command("SET", name, "v", "PX", ttl), "+OK\r\n");
          until.set(name, core.nowMs + ttl);
          break;
        case 3:
          assertEquals(client.command("SET", name, "v"), "+OK\r\n");
          until.set(name, Infinity);
          break;
        case 4:
          assertEquals(client.command("PEXPIRE", name, ttl), alive(name) ? ":1\r\n" : ":0\r\n");
          if (alive(name)) until.set(name, core.nowMs + ttl);
          break;
        case 5: {
          const timed = alive(name) && until.get(name) !== Infinity;
          assertEquals(client.command("PERSIST", name), timed ? ":1\r\n" : ":0\r\n");
          if (timed) until.set(name, Infinity);
          break;
        }
        default: {
          const left = until.get(name)! - core.nowMs;
          assertEquals(client.command("PTTL", name), `:${!alive(name) ? -2 : left === Infinity ? -1 : left}\r\n`);
        }
      }
      core.advance(random.below(3));
    }
    core.advance(10_000);
    for (let i = 0; i < 100_000 && core.exports.cronExpire() !== 0; i++);
    const kept = [...until].filter(([, end]) => end === Infinity).map(([name]) => name);
    // A cycle may stop while few of the keys that it meets are dead; a look at each finds the rest.
    assertEquals(scanAll(client, 1000).sort(), kept.sort());
    client.command("FLUSHALL", "SYNC");
    assertEquals(core.usedBytes, start);
  });
});

// --- Memory that comes back ---

describe("memory", () => {
  it("is where it started after a million mixed commands and FLUSHALL", () => {
    const random = seeded("mixed commands");
    const { core, client } = fresh();
    const generator = new CommandGenerator(random, Math.floor(core.nowMs / 1000));
    const never = /^(FLUSH|CLIENT|HELLO|AUTH|RESET|CONFIG|SHUTDOWN|DEBUG|SWAPDB|B[LRZ]|XREAD|SUBS|PSUBS|SSUBS|MULTI)/i;
    const made: Buffer[] = [];
    for (let pool = 0; pool < 500; pool++) {
      const commands: Buffer[] = [];
      while (commands.length < 100) {
        const command = generator.next();
        if (!never.test(command[0])) commands.push(encode(command));
      }
      made.push(Buffer.concat(commands));
    }
    /** Runs everything on a connection of its own, which takes its buffers with it. */
    const runAll = () => {
      const other = core.connect();
      for (const commands of made) other.send(commands);
      other.close();
    };
    const empty = () => {
      client.command("FLUSHALL", "SYNC");
      while (core.exports.lazyFree(100_000) === 1);
    };
    // Once through all of them, so that buffers have the sizes that they need.
    runAll();
    empty();
    const start = core.usedBytes;
    const runs = Math.round(20 * SCALE);
    const before = core.core.root64(ROOT.statCommands);
    for (let run = 0; run < runs; run++) {
      runAll();
      core.advance(60_000);
    }
    assert(core.core.root64(ROOT.statCommands) - before > runs * 40_000);
    empty();
    assertEquals(core.usedBytes, start);
  });

  it("runs out with an error reply, and is there again after FLUSHALL", () => {
    const { core, client } = fresh(1024);
    const start = core.usedBytes;
    for (const value of ["v".repeat(32), "v".repeat(3000), "v".repeat(1 << 20)]) {
      let n = 0;
      let reply = "";
      for (; !reply.includes("-OOM") && n < 1_000_000; n += 100) {
        reply = client.pipeline(Array.from({ length: 100 }, (_, i) => ["SET", `key:${n + i}`, value])).join("");
      }
      assert(reply.includes("-OOM") && n > 0, `${n} values of ${value.length}`);
      assertEquals(client.command("GET", "key:0"), `$${value.length}\r\n${value}\r\n`);
      assert(client.command("SET", "key:0", value).startsWith("-OOM command not allowed"));
      assertEquals(client.command("DEL", "key:1", "key:2", "key:3"), ":3\r\n");
      assertEquals(client.command("FLUSHALL", "SYNC"), "+OK\r\n");
      assertEquals(client.command("SET", "key:0", value), "+OK\r\n");
      client.command("FLUSHALL", "SYNC");
      assertEquals(core.usedBytes, start);
    }
  });
});
