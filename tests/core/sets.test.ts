/**
 * Sets in the core, driven without a server: each encoding against a model, conversions, chance, scans, memory that
 * runs out. That each reply is the real server's is for differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";
import { OOM, WRONG_TYPE } from "../support/resp.ts";

/** The bulk strings of a reply, whatever arrays they stand in. */
function bulks(reply: string): string[] {
  assert(!reply.startsWith("-"), reply);
  const found: string[] = [];
  for (let at = 0; at < reply.length;) {
    const end = reply.indexOf("\r\n", at) + 2;
    const length = Number(reply.slice(at + 1, end - 2));
    if (reply[at] === "$" && length >= 0) found.push(reply.slice(end, end + length));
    at = reply[at] === "$" && length >= 0 ? end + length + 2 : end;
  }
  return found;
}

const integer = (reply: string): number => {
  assert(reply.startsWith(":"), reply);
  return Number(reply.slice(1));
};

interface Limits {
  integers?: number;
  entries?: number;
  value?: number;
}

/** A core and a client that have met what stays allocated: an error, a long argument, a large scratch list. */
function fresh({ integers = 512, entries = 128, value = 64 }: Limits = {}): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  core.core.setSetting("setMaxIntsetEntries", integers);
  core.core.setSetting("setMaxListpackEntries", entries);
  core.core.setSetting("setMaxListpackValue", value);
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  return { core, client };
}

/** Members that make a set of each encoding at the usual limits. */
const ENCODINGS: [encoding: string, members: string[]][] = [
  ["intset", Array.from({ length: 60 }, (_, i) => String(i * 1000 - 5))],
  ["listpack", Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? `member ${i}` : String(i)))],
  ["hashtable", Array.from({ length: 300 }, (_, i) => `member ${i}`)],
];

const sorted = (values: Iterable<string>): string[] => [...values].sort();

// --- Each encoding ---

for (const [encoding, members] of ENCODINGS) {
  describe(`${encoding} sets`, () => {
    it("add, find and remove members", () => {
      const { core, client } = fresh();
      assertEquals(integer(client.command("SADD", "s", ...members)), members.length);
      assertEquals(core.encoding("s"), encoding);
      assertEquals(client.command("SADD", "s", members[0], members[1]), ":0\r\n");
      assertEquals(integer(client.command("SCARD", "s")), members.length);
      assertEquals(sorted(bulks(client.command("SMEMBERS", "s"))), sorted(members));
      for (const member of members) assertEquals(client.command("SISMEMBER", "s", member), ":1\r\n");
      assertEquals(client.command("SMISMEMBER", "s", members[3], "nobody", "123456"), "*3\r\n:1\r\n:0\r\n:0\r\n");
      assertEquals(client.command("SREM", "s", members[2], members[2], "nobody"), ":1\r\n");
      assertEquals(client.command("SISMEMBER", "s", members[2]), ":0\r\n");
      assertEquals(integer(client.command("SREM", "s", ...members)), members.length - 1);
      assertEquals(core.encoding("s"), "none");
    });

    it("are copied whole, and freed whole", () => {
      const { core, client } = fresh();
      client.command("SADD", "warm", ...members);
      client.command("SMEMBERS", "warm");
      client.command("DEL", "warm");
      core.exports.lazyFree(10_000);
      const before = core.usedBytes;
      client.command("SADD", "s", ...members);
      assertEquals(client.command("COPY", "s", "t"), ":1\r\n");
      assertEquals(core.encoding("t"), encoding);
      client.command("SREM", "s", ...members.slice(1));
      assertEquals(sorted(bulks(client.command("SMEMBERS", "t"))), sorted(members));
      client.command("DEL", "s", "t");
      while (core.exports.lazyFree(100) === 1) {
        // A slice at a time.
      }
      assertEquals(core.usedBytes, before);
    });

    it("go through SPOP to the end, and back what they took", () => {
      const { core, client } = fresh();
      for (const count of [1, 3, Math.floor(members.length * 0.9), members.length, members.length + 5]) {
        client.command("SADD", "s", ...members);
        const popped = bulks(client.command("SPOP", "s", count));
        assertEquals(popped.length, Math.min(count, members.length));
        assertEquals(sorted([...popped, ...bulks(client.command("SMEMBERS", "s"))]), sorted(members));
        client.command("DEL", "s");
      }
      client.command("SADD", "s", ...members);
      const seen = members.map(() => bulks(client.command("SPOP", "s"))[0]);
      assertEquals(sorted(seen), sorted(members));
      assertEquals(core.encoding("s"), "none");
      assertEquals(client.command("SPOP", "s"), "$-1\r\n");
    });

    it("choose different members, or with repetition", () => {
      const { client } = fresh();
      client.command("SADD", "s", ...members);
      for (const count of [2, 7, 30, members.length - 1, members.length, members.length + 1]) {
        const chosen = bulks(client.command("SRANDMEMBER", "s", count));
        assertEquals(chosen.length, Math.min(count, members.length));
        assertEquals(new Set(chosen).size, chosen.length);
        assert(chosen.every((member) => members.includes(member)));
        const repeated = bulks(client.command("SRANDMEMBER", "s", -count));
        assertEquals(repeated.length, count);
        assert(repeated.every((member) => members.includes(member)));
      }
      assertEquals(integer(client.command("SCARD", "s")), members.length);
    });
  });
}

// --- Conversions ---

describe("a set's encoding", () => {
  it("follows the limits, member by member", () => {
    const { core, client } = fresh({ integers: 4, entries: 3, value: 5 });
    const steps: [string, string][] = [["1", "intset"], ["2", "intset"], ["a", "listpack"], ["b", "hashtable"]];
    for (const [member, encoding] of steps) {
      client.command("SADD", "s", member);
      assertEquals(core.encoding("s"), encoding);
    }
    client.command("SADD", "i", 1, 2, 3, 4);
    assertEquals(core.encoding("i"), "intset");
    client.command("SADD", "i", 5);
    assertEquals(core.encoding("i"), "hashtable");
    client.command("SADD", "long", "12345x");
    assertEquals(core.encoding("long"), "hashtable");
    client.command("SADD", "wide", 123456);
    client.command("SADD", "wide", "x");
    assertEquals(core.encoding("wide"), "hashtable", "an integer too long for a listpack");
  });

  it("is a table at once when as many arguments come, members or not", () => {
    const { core, client } = fresh({ integers: 4, entries: 3 });
    client.command("SADD", "s", 1, 1, 1, 1, 1);
    assertEquals(core.encoding("s"), "hashtable");
    client.command("SADD", "t", "a");
    client.command("SADD", "t", "a", "a", "a", "a");
    assertEquals(core.encoding("t"), "hashtable");
  });

  it("becomes small again where results are made anew", () => {
    const { core, client } = fresh();
    const numbers = Array.from({ length: 200 }, (_, i) => String(i));
    client.command("SADD", "a", ...numbers, "x");
    client.command("SADD", "b", ...numbers, "y");
    assertEquals(core.encoding("a"), "hashtable");
    client.command("SINTERSTORE", "d", "a", "b");
    assertEquals(core.encoding("d"), "intset");
    client.command("SDIFFSTORE", "d", "a", "b");
    assertEquals(core.encoding("d"), "listpack");
    client.command("SUNIONSTORE", "d", "a", "b");
    assertEquals(core.encoding("d"), "hashtable");
    client.command("SPOP", "d", 190);
    assertEquals(core.encoding("d"), "listpack");
  });
});

// --- Against a model ---

const WORLD = [
  ...Array.from({ length: 24 }, (_, i) => String(i)), "32768", "-70000", "9223372036854775807", "9223372036854775808",
  "a", "b", "", "-0", "a".repeat(70), "b".repeat(300),
];

function isIn(sets: Set<string>[], member: string): boolean {
  return sets.some((set) => set.has(member));
}

describe("random commands on sets", () => {
  for (const limits of [{}, { integers: 6, entries: 5, value: 8 }, { integers: 0, entries: 0 }]) {
    it(`agree with sets of JavaScript at limits ${JSON.stringify(limits)}`, () => {
      const random = seeded("sets");
      const { core, client } = fresh(limits);
      const before = core.usedBytes;
      const keys = ["a", "b", "c", "d"];
      const model = new Map(keys.map((key) => [key, new Set<string>()]));
      const key = () => keys[random.below(4)];
      const member = () => WORLD[random.below(WORLD.length)];
      const some = () => Array.from({ length: 1 + random.below(random.below(8) === 0 ? 20 : 4) }, member);
      const combined = (name: string, [first, ...others]: Set<string>[]): Set<string> => {
        if (name === "SUNION") return new Set([first, ...others].flatMap((set) => [...set]));
        const kept = name === "SDIFF"
          ? (m: string) => !isIn(others, m)
          : (m: string) => others.every((set) => set.has(m));
        return new Set([...first].filter(kept));
      };
      for (let step = 0; step < 12_000; step++) {
        const k = key();
        const own = model.get(k)!;
        const name = ["SUNION", "SDIFF", "SINTER"][random.below(3)];
        const from = Array.from({ length: 1 + random.below(4) }, key);
        const sources = from.map((each) => model.get(each)!);
        switch (random.below(9)) {
          case 0: case 1: case 2: {
            const members = some();
            const added = new Set(members.filter((m) => !own.has(m)));
            assertEquals(integer(client.command("SADD", k, ...members)), added.size);
            for (const m of added) own.add(m);
            break;
          }
          case 3: {
            const members = some();
            const removed = members.filter((m) => own.delete(m));
            assertEquals(integer(client.command("SREM", k, ...members)), removed.length);
            break;
          }
          case 4: {
            const m = member();
            const to = key();
            assertEquals(integer(client.command("SMOVE", k, to, m)), own.has(m) ? 1 : 0);
            if (own.delete(m)) model.get(to)!.add(m);
            break;
          }
          case 5: {
            const popped = bulks(client.command("SPOP", k, random.below(6)));
            for (const m of popped) assert(own.delete(m));
            break;
          }
          case 6: {
            assertEquals(sorted(bulks(client.command(name, ...from))), sorted(combined(name, sources)));
            break;
          }
          case 7: {
            const result = combined(name, sources);
            assertEquals(integer(client.command(`${name}STORE`, k, ...from)), result.size);
            model.set(k, result);
            break;
          }
          default: {
            const limit = random.below(5);
            const size = combined("SINTER", sources).size;
            const counted = integer(client.command("SINTERCARD", from.length, ...from, "LIMIT", limit));
            assertEquals(counted, limit > 0 ? Math.min(limit, size) : size);
          }
        }
        if (step % 10 === 0) assertEquals(sorted(bulks(client.command("SMEMBERS", k))), sorted(model.get(k)!));
      }
      client.command("DEL", ...keys);
      // The scratch list and a page that is kept for the next block may stay.
      assert(core.usedBytes - before < 2048, `${core.usedBytes - before} bytes are left over`);
    });
  }
});

// --- Difference by both ways ---

describe("SDIFF", () => {
  it("gives the same by look-ups as by removals", () => {
    const { client } = fresh();
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `n${from + i}`);
    client.command("SADD", "large", ...numbers(0, 1000));
    for (let i = 0; i < 6; i++) client.command("SADD", `small${i}`, ...numbers(i * 10, i * 10 + 10), "other");
    const small = Array.from({ length: 6 }, (_, i) => `small${i}`);
    // Many small sets: their members are taken out of a copy.
    assertEquals(sorted(bulks(client.command("SDIFF", "large", ...small))), sorted(numbers(60, 1000)));
    // One large one: the members of the first are looked up.
    assertEquals(sorted(bulks(client.command("SDIFF", "small0", "large"))), ["other"]);
    assertEquals(client.command("SDIFF", "large", "small0", "large"), "*0\r\n");
    assertEquals(client.command("SDIFF", "none", "large"), "*0\r\n");
  });
});

// --- Chance ---

/** Chi-square of how often each of the members was chosen, when each should be as often as the others. */
function chiSquare(counts: Map<string, number>, members: readonly string[]): number {
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const expected = total / members.length;
  return members.reduce((sum, member) => sum + ((counts.get(member) ?? 0) - expected) ** 2 / expected, 0);
}

/** What chi-square stays below but once in a hundred thousand runs (Wilson and Hilferty's approximation). */
function chiLimit(size: number): number {
  const n = size - 1;
  return n * (1 - 2 / (9 * n) + 4.265 * Math.sqrt(2 / (9 * n))) ** 3;
}

describe("chance", () => {
  for (const [encoding, members] of ENCODINGS) {
    const draws = members.length * 200;
    const ways: [string, (client: CoreClient) => string[]][] = [
      ["SRANDMEMBER", (client) => bulks(client.command("SRANDMEMBER", "s"))],
      ["SRANDMEMBER with repetition", (client) => bulks(client.command("SRANDMEMBER", "s", -50))],
      ["SRANDMEMBER of a few", (client) => bulks(client.command("SRANDMEMBER", "s", 3))],
      ["SRANDMEMBER of most", (client) => bulks(client.command("SRANDMEMBER", "s", members.length - 10))],
      ["SPOP", (client) => {
        const popped = bulks(client.command("SPOP", "s"));
        client.command("SADD", "s", ...popped);
        return popped;
      }],
      ["SPOP of a few", (client) => {
        const popped = bulks(client.command("SPOP", "s", 5));
        client.command("SADD", "s", ...popped);
        return popped;
      }],
      ["SPOP of most", (client) => {
        const popped = bulks(client.command("SPOP", "s", members.length - 4));
        client.command("DEL", "s");
        client.command("SADD", "s", ...members);
        return popped;
      }],
    ];
    for (const [way, draw] of ways) {
      it(`${way} gives each member of a ${encoding} the same chance`, () => {
        const { client } = fresh();
        client.command("SADD", "s", ...members);
        const counts = new Map<string, number>();
        for (let drawn = 0; drawn < draws;) {
          for (const member of draw(client)) {
            counts.set(member, (counts.get(member) ?? 0) + 1);
            drawn++;
          }
        }
        const found = chiSquare(counts, members);
        assert(found < chiLimit(members.length), `chi-square ${found}, at most ${chiLimit(members.length)}`);
      });
    }
  }

  it("is even in a table while it is rehashed, with chains, and nearly empty", () => {
    const { client } = fresh({ entries: 0 });
    for (const size of [57, 200, 1400]) {
      const all = Array.from({ length: size }, (_, i) => `m${i}`);
      client.command("SADD", "s", ...all.slice(0, 20));
      for (const member of all) client.command("SADD", "s", member);
      const counts = new Map<string, number>();
      for (let i = 0; i < size * 4; i++) {
        for (const m of bulks(client.command("SRANDMEMBER", "s", -50))) counts.set(m, (counts.get(m) ?? 0) + 1);
      }
      const found = chiSquare(counts, all);
      assert(found < chiLimit(size), `${size} members: chi-square ${found}`);
      client.command("SPOP", "s", size - 30);
      client.command("SADD", "t", ...all);
      for (const member of all.slice(7)) client.command("SREM", "t", member);
      const few = new Set(bulks(client.command("SRANDMEMBER", "t", -300)));
      assertEquals(sorted(few), sorted(all.slice(0, 7)));
      client.command("DEL", "s", "t");
    }
  });
});

// --- SSCAN ---

describe("SSCAN", () => {
  it("returns all that is there from start to end, whatever comes and goes meanwhile", () => {
    const random = seeded("sscan");
    for (let round = 0; round < 30; round++) {
      const { client } = fresh();
      const staying = Array.from({ length: 200 + random.below(800) }, (_, i) => `stays ${i}`);
      client.command("SADD", "s", ...staying);
      const seen = new Set<string>();
      let cursor = "0";
      do {
        const [next, ...members] = bulks(client.command("SSCAN", "s", cursor, "COUNT", 1 + random.below(30)));
        for (const member of members) seen.add(member);
        cursor = next;
        const others = Array.from({ length: random.below(300) }, (_, i) => `comes ${i}`);
        if (others.length > 0) client.command(random.below(2) === 0 ? "SADD" : "SREM", "s", ...others);
      } while (cursor !== "0");
      assert(staying.every((member) => seen.has(member)));
    }
  });

  it("filters, and gives small sets whole", () => {
    const { client } = fresh();
    client.command("SADD", "s", "a1", "a2", "b1", "17");
    assertEquals(sorted(bulks(client.command("SSCAN", "s", 0, "COUNT", 1))), ["0", "17", "a1", "a2", "b1"]);
    assertEquals(sorted(bulks(client.command("SSCAN", "s", 5, "MATCH", "a*"))), ["0", "a1", "a2"]);
    assertEquals(sorted(bulks(client.command("SSCAN", "s", 0, "MATCH", "1?"))), ["0", "17"]);
    assertEquals(client.command("SSCAN", "none", 0, "NONSENSE"), "*2\r\n$1\r\n0\r\n*0\r\n");
    assertEquals(client.command("SSCAN", "s", "x"), "-ERR invalid cursor\r\n");
  });
});

// --- Edges ---

describe("sets at the edges", () => {
  it("refuse keys of other types", () => {
    const { client } = fresh();
    client.command("SET", "text", "x");
    client.command("SADD", "s", "a");
    for (const name of ["SADD", "SREM", "SISMEMBER", "SMISMEMBER", "SRANDMEMBER", "SPOP", "SSCAN"]) {
      assertEquals(client.command(name, "text", "1"), WRONG_TYPE);
    }
    for (const name of ["SMEMBERS", "SCARD", "SPOP", "SINTER", "SUNION", "SDIFF"]) {
      assertEquals(client.command(name, "text"), WRONG_TYPE);
    }
    assertEquals(client.command("SINTERSTORE", "s", "none", "text"), WRONG_TYPE);
    assertEquals(client.command("SMOVE", "s", "text", "a"), WRONG_TYPE);
    assertEquals(client.command("GET", "s"), WRONG_TYPE);
    assertEquals(client.command("SCARD", "s"), ":1\r\n");
  });

  it("refuse counts that no memory could answer, and go on", () => {
    const { client } = fresh();
    client.command("SADD", "s", "a", "b");
    assertEquals(client.command("SRANDMEMBER", "s", "-9223372036854775807"), OOM);
    assertEquals(
      client.command("SRANDMEMBER", "s", "-9223372036854775808"),
      "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n",
    );
    assertEquals(client.command("SPOP", "s", -1), "-ERR value is out of range, must be positive\r\n");
    assertEquals(client.command("SCARD", "s"), ":2\r\n");
  });

  it("keep members of any length and bytes", () => {
    const { core, client } = fresh();
    const members = ["", "\0", "\xff\xfe\r\n", "x".repeat(255), "x".repeat(256), "y".repeat(70_000)];
    assertEquals(integer(client.command("SADD", "s", ...members)), members.length);
    assertEquals(core.encoding("s"), "hashtable");
    assertEquals(sorted(bulks(client.command("SMEMBERS", "s"))), sorted(members));
    for (const member of members) assertEquals(client.command("SREM", "s", member), ":1\r\n");
    assertEquals(core.encoding("s"), "none");
  });
});

// --- Memory ---

describe("sets without memory", () => {
  const commands: (string | number)[][] = [
    ["SADD", "int", 5, 70000, "x", "y"],
    ["SADD", "pack", "one", "two", "z".repeat(100)],
    ["SADD", "table", "one", "two", "three", 4],
    ["SADD", "new", "one", 2],
    ["SADD", "newints", 1, 2, 3, 1234567],
    ["SMOVE", "table", "int", "member 1"],
    ["SMOVE", "table", "fresh", "member 2"],
    ["SINTERSTORE", "d", "table", "table2"],
    ["SUNIONSTORE", "d", "table", "pack", "int"],
    ["SDIFFSTORE", "d", "table", "pack", "int"],
    ["SUNION", "table", "pack"],
    ["SPOP", "table", 290],
    ["COPY", "table", "copy"],
    ["SRANDMEMBER", "table", 40],
  ];
  const keys = ["int", "pack", "table", "table2", "d", "new", "newints", "fresh", "copy"];

  for (const command of commands) {
    it(`${command.slice(0, 4).join(" ").slice(0, 40)} changes nothing, at whatever allocation it fails`, () => {
      const { core, client } = fresh();
      const table = Array.from({ length: 300 }, (_, i) => `member ${i}`);
      client.command("SADD", "int", 1, 2, 3);
      client.command("SADD", "pack", "a", "b");
      client.command("SADD", "table", ...table);
      client.command("SADD", "table2", ...table.slice(100), "other");
      client.command("SADD", "d", "before");
      const state = () => keys.map((key) => sorted(bulks(client.command("SMEMBERS", key))).join());
      assert(failsWhole(core, client, command, state, 5000) > 0);
    });
  }
});
