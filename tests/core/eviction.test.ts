/**
 * Active expiry, access clocks, eviction of keys and of clients in the core, driven without a server over virtual time.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CLIENT, ROOT, ROOT_ADDRESS } from "../../server/generated/layout.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, expireCycle, setting } from "../support/keyspace.ts";
import { seeded } from "../support/random.ts";
import { encode, OOM } from "../support/resp.ts";

/** The policies in the order of the configuration's list, as the setting numbers them. */
const POLICIES = [
  "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random",
  "noeviction",
];
const NOEVICTION = 7;
const EVICTION_FAILED = 0;
const EVICTION_RUNNING = 2;
/** Bit of a client's flags: CLIENT NO-EVICT. */
const NO_EVICT = 1024;

// --- Active expiry ---

describe("active expiry", () => {
  const stat = (core: CoreDriver, field: number) => core.core.root64(field);

  it("removes what has expired in every database within one cycle", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let db = 0; db < 16; db += 5) {
      client.command("SELECT", db);
      for (let i = 0; i < 1000; i++) client.command("SET", `k${i}`, "v", "PX", 100);
    }
    core.advance(101);
    expireCycle(core);
    for (let db = 0; db < 16; db += 5) {
      client.command("SELECT", db);
      assertEquals(client.command("DBSIZE"), ":0\r\n");
    }
    assertEquals(stat(core, ROOT.statExpired), 4000);
  });

  it("goes on where it stopped, so that a few dead keys among many are found too", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 0; i < 3000; i++) client.command("SET", `k${i}`, "v", "PX", i % 50 === 0 ? 10 : 1e6);
    core.advance(11);
    // Two in a hundred are dead: each cycle is content with its first slice.
    for (let i = 0; i < 40; i++) expireCycle(core);
    const left = Number(decode(client.command("DBSIZE")));
    assert(left > 2940, `a cycle took more than it had to: ${left}`);
    for (let i = 0; i < 200; i++) expireCycle(core);
    assertEquals(client.command("DBSIZE"), ":2940\r\n");
  });

  it("counts the cycles that were cut short, and begins the next one elsewhere", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (const db of [0, 1]) {
      client.command("SELECT", db);
      for (let i = 0; i < 2000; i++) client.command("SET", `k${i}`, "v", "PX", 10);
    }
    core.advance(11);
    expireCycle(core, 5);
    expireCycle(core, 5);
    assertEquals(stat(core, ROOT.statExpiredTimeCapReached), 2);
    for (const db of [0, 1]) {
      client.command("SELECT", db);
      const left = Number(decode(client.command("DBSIZE")));
      assert(left < 2000 && left > 1700, `database ${db}: ${left}`);
    }
    assert(core.core.f64(ROOT_ADDRESS + ROOT.statExpiredStalePercent) > 5);
  });

  it("keeps the mean time to live, and does nothing while switched off, paused or importing", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 0; i < 500; i++) client.command("SET", `k${i}`, "v", "PX", 100000);
    expireCycle(core);
    assertEquals(core.core.databaseFacts(0), { keys: 500, expires: 500, averageTtl: 100000, volatile: 0 });
    core.advance(100001);
    setting(core, "activeExpire", 0);
    expireCycle(core);
    setting(core, "activeExpire", 1);
    core.exports.pauseClients(1, core.nowMs + 1000);
    expireCycle(core);
    assertEquals(client.command("GET", "k1"), "$-1\r\n");
    assertEquals(client.command("DBSIZE"), ":500\r\n");
    core.exports.pauseClients(0, 0);
    setting(core, "importMode", 1);
    expireCycle(core);
    assertEquals(client.command("GET", "k1"), "$-1\r\n");
    assertEquals(client.command("EXPIRE", "k1", -1), ":0\r\n");
    assertEquals(client.command("DBSIZE"), ":499\r\n");
    client.command("SET", "fresh", "v");
    assertEquals(client.command("EXPIREAT", "fresh", -1), ":1\r\n");
    assertEquals(client.command("DBSIZE"), ":500\r\n");
    setting(core, "importMode", 0);
    for (let i = 0; i < 3; i++) expireCycle(core);
    assertEquals(client.command("DBSIZE"), ":0\r\n");
  });
});

// --- Access clocks ---

describe("access clocks", () => {
  it("OBJECT IDLETIME counts seconds, and looking at it is no access", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("SET", "k", "v");
    core.advance(5000);
    client.command("TYPE", "k");
    client.command("TTL", "k");
    client.command("EXISTS", "k");
    assertEquals(client.command("OBJECT", "IDLETIME", "k"), ":5\r\n");
    client.command("TOUCH", "k");
    assertEquals(client.command("OBJECT", "IDLETIME", "k"), ":0\r\n");
    core.advance(3000);
    client.command("SET", "other", "v");
    client.command("RENAME", "k", "other");
    assertEquals(client.command("OBJECT", "IDLETIME", "other"), ":0\r\n");
    client.command("RENAME", "other", "k");
    assert(client.command("OBJECT", "FREQ", "k").startsWith("-ERR An LFU maxmemory policy is not selected, access"));
    assertEquals(client.command("OBJECT", "FREQ", "nokey"), "$-1\r\n");
  });

  it("OBJECT FREQ begins at 5, grows with use and decays by the minute", () => {
    const core = new CoreDriver();
    const client = core.connect();
    setting(core, "maxmemoryPolicy", POLICIES.indexOf("allkeys-lfu"));
    client.command("SET", "k", "v");
    assertEquals(client.command("OBJECT", "FREQ", "k"), ":5\r\n");
    for (let i = 0; i < 2000; i++) client.command("GET", "k");
    let used = Number(decode(client.command("OBJECT", "FREQ", "k")));
    assert(used > 10 && used < 60, `${used} after 2000 reads`);
    client.command("SET", "k", "w".repeat(700));
    const written = Number(decode(client.command("OBJECT", "FREQ", "k")));
    assert(written === used || written === used + 1, `${written} after a write`);
    client.command("SET", "k", "v");
    used = Number(decode(client.command("OBJECT", "FREQ", "k")));
    core.advance(3 * 60000);
    assertEquals(client.command("OBJECT", "FREQ", "k"), `:${used - 3}\r\n`);
    setting(core, "lfuDecayTime", 0);
    core.advance(300 * 60000);
    assertEquals(client.command("OBJECT", "FREQ", "k"), `:${used - 3}\r\n`);
    setting(core, "lfuDecayTime", 1);
    core.advance(300 * 60000);
    assertEquals(client.command("OBJECT", "FREQ", "k"), ":0\r\n");
    assert(client.command("OBJECT", "IDLETIME", "k").startsWith("-ERR An LFU maxmemory policy is selected, idle time"));
  });
});

// --- Eviction ---

describe("eviction", () => {
  /** A core whose memory is limited to what it uses now and `room` bytes. */
  function limited(policy: string, room: number, seed = 1): { core: CoreDriver; client: CoreClient; limit: number } {
    const core = new CoreDriver({ seed });
    const client = core.connect();
    client.command("SET", "warm", "up");
    client.command("DEL", "warm");
    setting(core, "maxmemoryPolicy", POLICIES.indexOf(policy));
    const limit = core.usedBytes + room;
    setting(core, "maxmemory", limit);
    return { core, client, limit };
  }

  const evicted = (core: CoreDriver) => core.core.root64(ROOT.statEvicted);

  for (const policy of POLICIES.slice(0, NOEVICTION)) {
    it(`${policy}: honours the limit and takes only what it may`, () => {
      const { core, client, limit } = limited(policy, 200_000);
      const volatile = policy.startsWith("volatile");
      for (let i = 0; i < 300; i++) client.command("SET", `lasting:${i}`, "v");
      let most = 0;
      for (let i = 0; i < 8000; i++) {
        if (i % 100 === 0) core.advance(1000);
        assertEquals(client.command("SET", `k${i}`, "x".repeat(i % 60), "EX", 100000 - i), "+OK\r\n");
        most = Math.max(most, core.usedBytes);
      }
      assert(most < limit + 4096, `${most - limit} bytes above the limit`);
      assert(evicted(core) > 4000);
      const lasting = Array.from({ length: 300 }, (_, i) => `lasting:${i}`);
      const left = Number(decode(client.command("EXISTS", ...lasting)));
      assertEquals(left === 300, volatile);
      client.command("FLUSHALL");
      // With nothing volatile left, volatile policies can free nothing.
      let refused = 0;
      for (let i = 0; i < 8000; i++) if (client.command("SET", `k${i}`, "v".repeat(50)) === OOM) refused++;
      assertEquals(refused > 0, volatile);
      assertEquals(client.command("GET", "k0").startsWith("-"), false);
      assertEquals(client.command("DEL", "k0"), `:${Number(volatile)}\r\n`);
    });
  }

  it("noeviction: refuses what needs memory, lets go what frees it", () => {
    const { core, client } = limited("noeviction", 50_000);
    let i = 0;
    while (client.command("SET", `k${i}`, "v".repeat(50)) === "+OK\r\n") i++;
    assert(i > 300);
    assertEquals(client.command("SET", "more", "v"), OOM);
    assertEquals(client.command("COPY", "k1", "k2", "REPLACE"), OOM);
    assert(client.command("GET", "k1").startsWith("$50\r\n"));
    assertEquals(core.exports.cronEvict(), EVICTION_FAILED);
    assertEquals(client.command("DEL", ...Array.from({ length: 200 }, (_, j) => `k${j}`)), ":200\r\n");
    assertEquals(client.command("SET", "more", "v"), "+OK\r\n");
    assertEquals(evicted(core), 0);
  });

  it("LRU goes for what was not used for long", () => {
    const { core, client } = limited("allkeys-lru", 300_000);
    let n = 0;
    while (evicted(core) === 0) {
      client.command("SET", `k${n++}`, "v".repeat(40));
      core.advance(10);
    }
    const kept = Math.floor(n / 2);
    core.advance(10_000);
    for (let i = 0; i < kept; i++) client.command("GET", `k${i}`);
    for (let i = 0; i < kept / 2; i++) client.command("SET", `more:${i}`, "v".repeat(40));
    const used = Number(decode(client.command("EXISTS", ...Array.from({ length: kept }, (_, i) => `k${i}`))));
    assert(used > kept * 0.9, `${used} of ${kept} used keys are left`);
  });

  it("LFU goes for what was used least", () => {
    const { core, client } = limited("allkeys-lfu", 300_000);
    for (let i = 0; i < 200; i++) client.command("SET", `hot:${i}`, "v".repeat(40));
    for (let round = 0; round < 30; round++) for (let i = 0; i < 200; i++) client.command("GET", `hot:${i}`);
    for (let i = 0; i < 8000; i++) client.command("SET", `k${i}`, "v".repeat(40));
    assert(evicted(core) > 3000);
    const left = Number(decode(client.command("EXISTS", ...Array.from({ length: 200 }, (_, i) => `hot:${i}`))));
    assert(left > 190, `${left} of 200 hot keys are left`);
  });

  it("volatile-ttl goes for what would expire soonest", () => {
    const { core, client } = limited("volatile-ttl", 300_000);
    const total = 2000;
    for (let i = 0; i < total; i++) client.command("SET", `k${i}`, "v".repeat(40), "EX", 1000 + i);
    for (let i = 0; i < 6000; i++) client.command("SET", `late:${i}`, "v".repeat(40), "EX", 1_000_000);
    const left = Number(decode(client.command("EXISTS", ...Array.from({ length: total }, (_, i) => `k${i}`))));
    assert(evicted(core) > total);
    assert(left < total * 0.1, `${left} of ${total} early keys are left`);
  });

  it("does a share a call when the limit falls far, as the tenacity says", () => {
    const { core, client } = limited("allkeys-random", 100_000_000);
    for (let i = 0; i < 20000; i++) client.command("SET", `k${i}`, "v".repeat(40));
    setting(core, "maxmemory", core.usedBytes - 1_000_000);
    assertEquals(core.exports.cronEvict(), EVICTION_RUNNING);
    assertEquals(evicted(core), 500);
    // Writing goes on while eviction is under way.
    assertEquals(client.command("SET", "more", "v"), "+OK\r\n");
    setting(core, "maxmemoryEvictionTenacity", 0);
    const before = evicted(core);
    core.exports.cronEvict();
    assertEquals(evicted(core) - before, 16);
    core.advance(500);
    setting(core, "maxmemoryEvictionTenacity", 100);
    assertEquals(core.exports.cronEvict(), 1);
    assertEquals(core.core.f64(ROOT_ADDRESS + ROOT.statEvictionExceededUs), 500_000);
  });

  it("takes no key for what is told about the keys that it took", () => {
    const core = new CoreDriver();
    const client = core.connect();
    const readers = Array.from({ length: 10 }, () => core.connect());
    for (const reader of readers) {
      reader.command("HELLO", 3);
      assertEquals(core.exports.trackingStart(reader.handle, 0, 0), 1);
    }
    for (let i = 0; i < 300; i++) {
      const key = `${i}${"x".repeat(1000)}`;
      client.command("SET", key, "x");
      for (const reader of readers) reader.command("GET", key);
    }
    setting(core, "maxmemoryPolicy", POLICIES.indexOf("allkeys-lru"));
    setting(core, "maxmemory", core.usedBytes - 40_000);
    core.exports.cronEvict();
    const left = Number(client.command("DBSIZE").slice(1));
    assert(left > 200 && left < 290, `${left} keys`);
  });

  it("never happens while clients are paused; an import refuses writes instead", () => {
    const { core, client } = limited("allkeys-lru", 100_000);
    for (let i = 0; i < 500; i++) client.command("SET", `k${i}`, "v".repeat(40));
    setting(core, "maxmemory", core.usedBytes - 20_000);
    core.exports.pauseClients(1, core.nowMs + 1000);
    client.command("GET", "k1");
    assertEquals(evicted(core), 0);
    core.exports.pauseClients(0, 0);
    setting(core, "importMode", 1);
    assertEquals(client.command("SET", "k", "v"), OOM);
    assertEquals(evicted(core), 0);
    setting(core, "importMode", 0);
    client.command("GET", "k1");
    assert(evicted(core) > 0);
  });

  it("does not let the table grow at the cost of keys", () => {
    const { core, client } = limited("allkeys-random", 10_000_000);
    const buckets = () => core.exports.tableBucketCount(0, 0) + core.exports.tableBucketCount(0, 1);
    let n = 0;
    // Up to just before the table of 1024 buckets is left for one twice as large.
    while (n < 10740) client.command("SET", `k${n++}`, "v");
    const before = buckets();
    setting(core, "maxmemory", core.usedBytes + 10_000);
    for (let i = 0; i < 30; i++) client.command("SET", `k${n++}`, "v");
    assertEquals(buckets(), before);
    assertEquals(evicted(core), 0);
    setting(core, "maxmemory", 0);
    client.command("SET", `k${n++}`, "v");
    assert(buckets() > before);
  });

  it("works at the end of linear memory too, when maxmemory lies beyond it", () => {
    const random = seeded("eviction at the end of memory");
    for (const largest of [700, 3000, 60_000]) {
      const core = new CoreDriver({ seed: random.seed, maximumPages: 1024 });
      const client = core.connect();
      setting(core, "maxmemory", 2 ** 40);
      setting(core, "maxmemoryPolicy", POLICIES.indexOf("allkeys-lru"));
      let refused = 0;
      for (let written = 0, i = 0; written < 60e6; i++) {
        const size = random.below(largest);
        written += size + 64;
        if (client.command("SET", `k${i}`, "x".repeat(size)) === OOM) refused++;
      }
      assertEquals(client.closing, false);
      assertEquals(refused, 0);
      assert(evicted(core) > 100);
    }
  });

  it("without a policy, memory that ends is an error reply, and what is freed can be used again", () => {
    const core = new CoreDriver({ maximumPages: 700 });
    const client = core.connect();
    client.command("SET", "k", "v");
    client.command("GET"); // the counters of errors stay
    client.command("FLUSHALL");
    const start = core.usedBytes;
    for (let round = 0; round < 2; round++) {
      let n = 0;
      while (client.command("SET", `k${n}`, "x".repeat(n % 5000)) !== OOM) n++;
      assert(n > 5000);
      assertEquals(client.command("GET", "k1"), "$1\r\nx\r\n");
      assertEquals(client.command("DBSIZE"), `:${n}\r\n`);
      client.command("FLUSHALL", "SYNC");
      assert(core.usedBytes - start < 1000, `${core.usedBytes - start} bytes are left`);
    }
  });
});

describe("client eviction", () => {
  /** Sends a command and leaves its reply where it is. */
  function ask(core: CoreDriver, client: CoreClient, ...args: string[]): void {
    const bytes = encode(args);
    const room = core.exports.inputRoom(client.handle, bytes.length, 0, 1) >>> 0;
    core.core.refresh();
    core.core.bytes.set(bytes, room);
    client.status = core.exports.process(client.handle, bytes.length);
  }

  it("closes the largest clients, and takes no key for what they are about to give back", () => {
    const core = new CoreDriver();
    const control = core.connect();
    control.command("SETRANGE", "large", 100_000, "x");
    control.command("SETRANGE", "small", 20_000, "x");
    // Replies are copies: one that is sent from the value's own block takes nothing.
    setting(core, "minStringSizeAvoidCopyReply", 0);
    const limit = 1_200_000;
    setting(core, "maxmemoryClients", limit);
    setting(core, "maxmemoryPolicy", POLICIES.indexOf("allkeys-lru"));
    setting(core, "maxmemory", core.usedBytes + limit + 200_000);
    const clients = Array.from({ length: 12 }, () => core.connect());
    for (const [i, client] of clients.entries()) ask(core, client, "GET", i % 2 ? "large" : "small");
    assertEquals(core.exports.closingNext(), 0);
    for (const [i, client] of clients.entries()) if (i > 1) ask(core, client, "GET", i % 2 ? "large" : "small");
    const closed: number[] = [];
    for (let c = core.exports.closingNext() >>> 0; c !== 0; c = core.exports.closingNext() >>> 0) closed.push(c);
    assert(closed.length > 0 && closed.length < 6, `${closed.length} closed`);
    for (const c of closed) assert(clients.findIndex((client) => client.handle === c) % 2 === 1);
    assertEquals(control.command("EXISTS", "large", "small"), ":2\r\n");
    assert(core.core.root32(ROOT.clientsMemory) > limit);
    for (const c of closed) core.exports.clientClose(c);
    assert(core.core.root32(ROOT.clientsMemory) - core.core.root32(ROOT.replyChunks) < limit);
    assertEquals(core.core.root32(ROOT.closingMemory), 0);
  });

  it("spares those with CLIENT NO-EVICT, and reads a percentage of maxmemory", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("SETRANGE", "large", 500_000, "x");
    setting(core, "minStringSizeAvoidCopyReply", 0);
    setting(core, "maxmemory", 10_000_000);
    setting(core, "maxmemoryClients", -2);
    const flags = client.handle + CLIENT.flags;
    core.core.setU32(flags, core.core.u32(flags) | NO_EVICT);
    ask(core, client, "GET", "large");
    assertEquals(core.exports.closingNext(), 0);
    core.core.setU32(flags, core.core.u32(flags) & ~NO_EVICT);
    core.exports.cronEvict();
    assertEquals(core.exports.closingNext() >>> 0, client.handle);
  });
});
