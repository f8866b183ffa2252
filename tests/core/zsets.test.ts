/**
 * Sorted sets in the core, driven without a server, in both encodings: replies, a fuzz against a Map that checks the
 * tree after every few steps, conversions, chance, scans, waiting clients, memory that runs out and comes back.
 *
 * The fuzz prints its seed; SEED=n has a run again, WAKEY_FUZZ=10 makes it that much longer. That every reply is the
 * real server's is for differential.test.ts to say (support/commands-zset.ts).
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CLIENT } from "../../server/generated/layout.ts";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { Random, seedOfRun } from "../support/random.ts";
import { OOM } from "../support/resp.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);
const ENCODINGS = ["listpack", "skiplist"] as const;

type Encoding = typeof ENCODINGS[number];

/** A core whose sorted sets have this encoding whatever their size. */
function coreFor(encoding: Encoding): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  core.core.setSetting("zsetMaxListpackEntries", encoding === "listpack" ? 1_000_000 : 0);
  core.core.setSetting("zsetMaxListpackValue", 1_000_000);
  return { core, client: core.connect() };
}

function problem(core: CoreDriver, key: string): number {
  return core.core.withBytes(bytesOf(key), (at, length) => core.exports.zsetProblem(0, at, length));
}

/** Strings of a flat reply. */
function texts(reply: string): string[] {
  return reply.split("\r\n").filter((line, i) => i > 0 && i % 2 === 0);
}

/** Strings of a reply as a RESP2 array. */
const list = (...items: (string | number)[]): string =>
  `*${items.length}\r\n${items.map((item) => `$${String(item).length}\r\n${item}\r\n`).join("")}`;

// --- Replies ---

const WRONG = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

/** Commands in order and their replies, on an empty database. */
const REPLIES: [command: string, reply: string][] = [
  ["ZADD z 2 b 1 a 3 c", ":3\r\n"], ["ZADD z XX CH 5 a 9 new", ":1\r\n"], ["ZADD z NX 9 a 4 d", ":1\r\n"],
  ["ZADD z GT 1 a", ":0\r\n"], ["ZADD z LT CH 1 a", ":1\r\n"], ["ZADD z INCR 2.5 b", "$3\r\n4.5\r\n"],
  ["ZADD z NX INCR 1 b", "$-1\r\n"],
  ["ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible\r\n"],
  ["ZADD z GT NX 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible\r\n"],
  ["ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair\r\n"],
  ["ZADD z 1", "-ERR wrong number of arguments for 'zadd' command\r\n"], ["ZADD z CH 1", "-ERR syntax error\r\n"],
  ["ZADD z x a", "-ERR value is not a valid float\r\n"], ["ZADD z nan a", "-ERR value is not a valid float\r\n"],
  ["ZADD no XX 1 a", ":0\r\n"], ["ZINCRBY z -inf c", "$4\r\n-inf\r\n"],
  ["ZINCRBY z +inf c", "-ERR resulting score is not a number (NaN)\r\n"], ["ZCARD z", ":4\r\n"],
  ["ZRANGE z 0 -1 WITHSCORES", list("c", "-inf", "a", 1, "d", 4, "b", 4.5)], ["ZRANGE z -2 1 REV", list()],
  ["ZRANGE z 0 1 REV", list("b", "d")], ["ZREVRANGE z 2 9", list("a", "c")], ["ZSCORE z b", "$3\r\n4.5\r\n"],
  ["ZSCORE z x", "$-1\r\n"], ["ZMSCORE z a x c", "*3\r\n$1\r\n1\r\n$-1\r\n$4\r\n-inf\r\n"],
  ["ZRANK z d", ":2\r\n"], ["ZREVRANK z d WITHSCORE", "*2\r\n:1\r\n$1\r\n4\r\n"], ["ZRANK z x", "$-1\r\n"],
  ["ZRANK z x WITHSCORE", "*-1\r\n"], ["ZRANK z x WITH", "-ERR syntax error\r\n"],
  ["ZCOUNT z 1 (4.5", ":2\r\n"], ["ZCOUNT z (1 +inf", ":2\r\n"], ["ZCOUNT z x 1", "-ERR min or max is not a float\r\n"],
  ["ZRANGEBYSCORE z -inf +inf LIMIT 1 2", list("a", "d")], ["ZREVRANGEBYSCORE z 4 1 WITHSCORES", list("d", 4, "a", 1)],
  ["ZRANGE z 1 5 BYSCORE LIMIT 1 -1", list("d", "b")], ["ZRANGE z (4.5 -inf BYSCORE REV", list("d", "a", "c")],
  ["ZRANGE z 0 1 LIMIT 0 1",
    "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\r\n"],
  ["ZRANGE z - + BYLEX WITHSCORES", "-ERR syntax error, WITHSCORES not supported in combination with BYLEX\r\n"],
  ["ZADD l 0 a 0 b 0 c 0 bb", ":4\r\n"], ["ZRANGEBYLEX l - +", list("a", "b", "bb", "c")],
  ["ZRANGEBYLEX l [b (c", list("b", "bb")], ["ZREVRANGEBYLEX l + (b LIMIT 0 1", list("c")],
  ["ZLEXCOUNT l (a [bb", ":2\r\n"],
  ["ZRANGEBYLEX l b c", "-ERR min or max not valid string range item\r\n"], ["ZREMRANGEBYLEX l (a (bb", ":1\r\n"],
  ["ZRANGESTORE to z 1 2", ":2\r\n"], ["ZRANGE to 0 -1 WITHSCORES", list("a", 1, "d", 4)],
  ["ZRANGESTORE to z 9 10", ":0\r\n"],
  ["EXISTS to", ":0\r\n"], ["ZREMRANGEBYSCORE z 4 4", ":1\r\n"], ["ZREMRANGEBYRANK z 0 0", ":1\r\n"],
  ["ZREM z x a", ":1\r\n"], ["ZPOPMIN z 5", list("b", 4.5)], ["EXISTS z", ":0\r\n"], ["ZPOPMAX z", list()],
  ["ZPOPMIN z -1", "-ERR value is out of range, must be positive\r\n"], ["ZADD x 1 a 2 b", ":2\r\n"],
  ["ZADD y 10 b 20 c", ":2\r\n"],
  ["SADD s a c", ":2\r\n"], ["ZUNION 3 x y s WITHSCORES", list("a", 2, "b", 12, "c", 21)],
  ["ZUNION 2 x y WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES", list("a", 2, "b", 5, "c", 10)],
  ["ZINTER 2 x y WITHSCORES", list("b", 12)], ["ZINTER 2 x s AGGREGATE MIN WITHSCORES", list("a", 1)],
  ["ZDIFF 2 x s WITHSCORES", list("b", 2)], ["ZINTERCARD 2 x y", ":1\r\n"], ["ZINTERCARD 2 x x LIMIT 1", ":1\r\n"],
  ["ZUNIONSTORE x 2 x y", ":3\r\n"], ["ZRANGE x 0 -1 WITHSCORES", list("a", 1, "b", 12, "c", 20)],
  ["ZINTERSTORE o 2 x no", ":0\r\n"], ["ZDIFFSTORE o 2 x y", ":1\r\n"], ["ZUNION 0 x",
    "-ERR at least 1 input key is needed for 'zunion' command\r\n"], ["ZUNION 2 x", "-ERR syntax error\r\n"],
  ["ZMPOP 2 no x MAX COUNT 2", "*2\r\n$1\r\nx\r\n*2\r\n" + list("c", 20) + list("b", 12)],
  ["ZMPOP 1 no MIN", "*-1\r\n"], ["ZMPOP 1 x MID", "-ERR syntax error\r\n"],
  ["ZMPOP 0 x MIN", "-ERR numkeys should be greater than 0\r\n"], ["ZRANDMEMBER x", "$1\r\na\r\n"],
  ["ZRANDMEMBER x -2", list("a", "a")], ["ZRANDMEMBER x 2 WITHSCORES", list("a", 1)], ["ZRANDMEMBER no 2", list()],
  ["ZSCAN x 0", "*2\r\n$1\r\n0\r\n" + list("a", 1)], ["ZSCAN x 0 NOSCORES MATCH b*", "*2\r\n$1\r\n0\r\n*0\r\n"],
  ["ZSCAN x a", "-ERR invalid cursor\r\n"], ["SET str x", "+OK\r\n"], ["ZADD str 1 a", WRONG],
  ["ZRANGE str 0 1", WRONG],
  ["ZUNION 1 str", WRONG], ["ZPOPMIN str", WRONG], ["ZSCAN str 0", WRONG], ["BZPOPMIN str 0", WRONG],
];

describe("sorted set commands", () => {
  for (const encoding of ENCODINGS) {
    it(`reply as Valkey does, ${encoding}`, () => {
      const { core, client } = coreFor(encoding);
      for (const [command, reply] of REPLIES) {
        assertEquals([command, client.command(...command.split(" "))], [command, reply]);
        if (command.startsWith("ZADD z")) assertEquals(core.encoding("z"), encoding);
      }
    });

    it(`keep every kind of score to the last bit, ${encoding}`, () => {
      const { client } = coreFor(encoding);
      const scores = [
        "0.1", "1e-10", "inf", "-inf", "5e+18", "4611686018427387904", "1.7976931348623157e+308", "5e-324", "-12.5",
        "123456789012345680", "9007199254740993",
      ];
      for (const score of scores) {
        client.command("ZADD", "z", score, "m");
        const shown = texts(`*1\r\n${client.command("ZSCORE", "z", "m")}`)[0];
        assertEquals(Number(shown.replace("inf", "Infinity")), Number(score.replace("inf", "Infinity")));
      }
    });
  }

  it("reply doubles and pairs in RESP3", () => {
    for (const encoding of ENCODINGS) {
      const { core, client } = coreFor(encoding);
      client.command("ZADD", "z", "1.5", "a", "2", "b");
      // HELLO is the host's.
      core.core.setU32(client.handle + CLIENT.resp, 3);
      assertEquals(client.command("ZSCORE", "z", "a"), ",1.5\r\n");
      assertEquals(client.command("ZSCORE", "z", "x"), "_\r\n");
      assertEquals(client.command("ZRANGE", "z", "0", "0", "WITHSCORES"), "*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n");
      assertEquals(client.command("ZPOPMIN", "z"), "*2\r\n$1\r\na\r\n,1.5\r\n");
      assertEquals(client.command("ZPOPMIN", "z", "1"), "*1\r\n*2\r\n$1\r\nb\r\n,2\r\n");
    }
  });
});

// --- Fuzz ---

/** A sorted set and what it should hold. */
class Model {
  readonly core: CoreDriver;
  readonly client: CoreClient;
  readonly random: Random;
  readonly members = new Map<string, number>();
  /** How scores are chosen: 0 few of them, 1 many, 2 rising, 3 falling, 4 all the same. */
  kind = 0;
  #next = 0;

  constructor(encoding: Encoding, random: Random) {
    ({ core: this.core, client: this.client } = coreFor(encoding));
    this.random = random;
  }

  sorted(): [string, number][] {
    return [...this.members].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  }

  score(): number {
    const { random } = this;
    this.#next++;
    return [random.below(5), random.below(100_000) / 8, this.#next, -this.#next, 7][this.kind];
  }

  expect(command: (string | number)[], reply: string): void {
    assertEquals([command, this.client.command(...command)], [command, reply]);
  }

  /** One random step among `names` members. */
  step(names: number, adding: number): void {
    const { random, members } = this;
    const name = `m${random.below(names)}`;
    const roll = random.below(100);
    if (roll < adding) {
      const score = this.score();
      this.expect(["ZADD", "z", score, name], members.has(name) ? ":0\r\n" : ":1\r\n");
      members.set(name, score);
    } else if (roll < 80) {
      this.expect(["ZREM", "z", name], members.delete(name) ? ":1\r\n" : ":0\r\n");
    } else if (roll < 84) {
      this.remove();
    } else {
      this.ask(name);
    }
  }

  /** Removes a range. */
  remove(): void {
    const { random, members } = this;
    const sorted = this.sorted();
    const from = random.below(sorted.length + 1);
    const count = 1 + random.below(random.chance(20) ? 200 : 5);
    const gone = sorted.slice(from, from + count);
    if (random.chance(50)) {
      this.expect(["ZREMRANGEBYRANK", "z", from, from + count - 1], `:${gone.length}\r\n`);
    } else if (from === 0) {
      this.expect(["ZPOPMIN", "z", count], list(...gone.flat()));
    } else {
      return;
    }
    for (const [name] of gone) members.delete(name);
  }

  ask(name: string): void {
    const { random, members } = this;
    const sorted = this.sorted();
    const score = members.get(name);
    const rank = sorted.findIndex(([member]) => member === name);
    this.expect(["ZRANK", "z", name], rank < 0 ? "$-1\r\n" : `:${rank}\r\n`);
    const from = random.below(sorted.length + 1);
    this.expect(["ZRANGE", "z", from, from + 3, "WITHSCORES"], list(...sorted.slice(from, from + 4).flat()));
    if (score === undefined) return;
    const between = sorted.filter(([, value]) => value >= score && value <= score + 3);
    this.expect(["ZCOUNT", "z", score, score + 3], `:${between.length}\r\n`);
    const top = between.toReversed().slice(1, 4).map(([member]) => member);
    this.expect(["ZREVRANGEBYSCORE", "z", score + 3, score, "LIMIT", "1", "3"], list(...top));
  }

  check(): void {
    assertEquals(problem(this.core, "z"), this.members.size === 0 ? -1 : 0);
    this.expect(["ZRANGE", "z", "0", "-1", "WITHSCORES"], list(...this.sorted().flat()));
  }
}

describe("random changes of a sorted set agree with a model", () => {
  for (const encoding of ENCODINGS) {
    it(encoding, () => {
      const seed = seedOfRun();
      console.log(`sorted sets, ${encoding}: SEED=${seed}`);
      const model = new Model(encoding, new Random(seed));
      const names = encoding === "listpack" ? 60 : 3000;
      const rounds = (encoding === "listpack" ? 10 : 20) * SCALE;
      for (let round = 0; round < rounds; round++) {
        model.kind = round % 5;
        const adding = round % 3 === 2 ? 20 : 70;
        for (let i = 0; i < 600; i++) model.step(names, adding);
        model.check();
      }
      const before = model.core.usedBytes;
      model.client.command("DEL", "z");
      assertEquals(problem(model.core, "z"), -1);
      assert(model.core.usedBytes <= before);
    });
  }
});

// --- Conversions ---

describe("sorted sets change their encoding", () => {
  function small(): { core: CoreDriver; client: CoreClient } {
    const core = new CoreDriver();
    core.core.setSetting("zsetMaxListpackEntries", 4);
    core.core.setSetting("zsetMaxListpackValue", 8);
    return { core, client: core.connect() };
  }

  it("when they get too many members, or too long ones", () => {
    const { core, client } = small();
    client.command("ZADD", "n", "1", "a", "2", "b", "3", "c", "4", "d");
    assertEquals(core.encoding("n"), "listpack");
    client.command("ZADD", "n", "0.5", "e");
    assertEquals(core.encoding("n"), "skiplist");
    assertEquals(client.command("ZRANGE", "n", "0", "-1"), list("e", "a", "b", "c", "d"));
    client.command("ZADD", "l", "1", "12345678");
    assertEquals(core.encoding("l"), "listpack");
    client.command("ZADD", "l", "1", "123456789");
    assertEquals(core.encoding("l"), "skiplist");
    client.command("ZADD", "many", "XX", ...Array.from({ length: 5 }, (_, i) => ["1", `m${i}`]).flat());
    assertEquals(core.encoding("many"), "none");
  });

  it("back, as the result of a command that stores one", () => {
    const { core, client } = small();
    const five = ["1", "a", "2", "b", "3", "c", "4", "d", "5", "e"];
    client.command("ZADD", "big", ...five);
    assertEquals(core.encoding("big"), "skiplist");
    client.command("ZREM", "big", "e");
    assertEquals(core.encoding("big"), "skiplist");
    assertEquals(client.command("ZUNIONSTORE", "big", "1", "big"), ":4\r\n");
    assertEquals(core.encoding("big"), "listpack");
    client.command("ZADD", "big", ...five);
    assertEquals(client.command("ZRANGESTORE", "big", "big", "1", "2"), ":2\r\n");
    assertEquals(core.encoding("big"), "listpack");
    assertEquals(client.command("ZRANGE", "big", "0", "-1", "WITHSCORES"), list("b", 2, "c", 3));
  });

  it("and are copied in either", () => {
    for (const encoding of ENCODINGS) {
      const { core, client } = coreFor(encoding);
      for (let i = 0; i < 300; i++) client.command("ZADD", "z", i % 7, `m${i}`);
      client.command("COPY", "z", "copy");
      assertEquals(core.encoding("copy"), encoding);
      assertEquals(problem(core, "copy"), 0);
      const contents = client.command("ZRANGE", "z", "0", "-1", "WITHSCORES");
      client.command("DEL", "z");
      assertEquals(client.command("ZRANGE", "copy", "0", "-1", "WITHSCORES"), contents);
    }
  });
});

// --- Memory ---

/** Commands that need memory, on "z" with members m0 .. m199 and "y" with the odd ones. */
const NEEDY: (string | number)[][] = [
  ["ZADD", "z", "3.25", "fresh"], ["ZADD", "z", "3.25", "m7"], ["ZADD", "new", "1", "a"],
  ["ZINCRBY", "z", "100.5", "m0"],
  ["ZADD", "z", "1", "x".repeat(3000)],
  ["ZADD", "z", "-1", "m9", "5", "f1", "6", "f2", "1.5", "m8", "7", "f3", "8", "m0"],
  ["ZADD", "z", ...Array.from({ length: 150 }, (_, i) => [i, `more${i}`]).flat()],
  ["ZUNIONSTORE", "to", "2", "z", "y"], ["ZINTERSTORE", "z", "2", "z", "y"],
  ["ZDIFFSTORE", "to", "2", "z", "y"], ["ZRANGESTORE", "z", "z", "5", "90"], ["ZUNION", "2", "z", "y"],
  ["COPY", "z", "to"],
  ["ZRANDMEMBER", "z", "20"], ["ZSCAN", "z", "0", "COUNT", "100"], ["GEOSEARCHSTORE", "to", "z", "FROMLONLAT", "0", "0",
    "BYRADIUS", "22000", "km"],
];

describe("memory that runs out", () => {
  for (const encoding of ENCODINGS) {
    it(`leaves a sorted set as it was, ${encoding}`, () => {
      for (const command of NEEDY) {
        for (let failAfter = 0; failAfter < 400; failAfter++) {
          const { core, client } = coreFor(encoding);
          client.command("ZADD", "z", ...Array.from({ length: 200 }, (_, i) => [i * 3, `m${i}`]).flat());
          client.command("ZADD", "y", ...Array.from({ length: 100 }, (_, i) => [i, `m${i * 2 + 1}`]).flat());
          client.command("ZADD", "warm", "1", "up");
          client.command("DEL", "warm");
          const before = client.command("ZRANGE", "z", "0", "-1", "WITHSCORES");
          const reply = core.failing(failAfter, () => client.command(...command));
          if (client.closing) continue; // no room for the reply
          if (reply !== OOM) break;
          assertEquals([command, client.command("ZRANGE", "z", "0", "-1", "WITHSCORES")], [command, before]);
          assertEquals([command, problem(core, "z"), problem(core, "to"), problem(core, "new")], [command, 0, -1, -1]);
        }
      }
    });
  }

  it("leaves a listpack that was to become a tree", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("ZADD", "z", ...Array.from({ length: 128 }, (_, i) => [i, `m${i}`]).flat());
    const state = () => client.command("ZRANGE", "z", "0", "-1", "WITHSCORES");
    assert(failsWhole(core, client, ["ZADD", "z", "9", "more"], state, 40) > 0);
  });

  it("comes back a slice at a time when a large sorted set is unlinked", () => {
    const { core, client } = coreFor("skiplist");
    const hundred = Array.from({ length: 100 }, (_, i) => [i, `m${i}`]).flat();
    client.pipeline([["ZADD", "z", ...hundred], ["ZADD", "z", ...hundred], ["UNLINK", "z"]]);
    while (core.exports.lazyFree(500) === 1);
    const start = core.usedBytes;
    for (let i = 0; i < 20_000; i += 100) {
      client.command("ZADD", "z", ...Array.from({ length: 100 }, (_, j) => [
        (i + j) * 7919 % 20_011, `member:${i + j}`,
      ]).flat());
    }
    assert(core.usedBytes - start > 800_000);
    client.command("UNLINK", "z");
    let slices = 0;
    while (core.exports.lazyFree(500) === 1) slices++;
    assert(slices > 30, `${slices} slices`);
    assertEquals(core.usedBytes, start);
  });

  it("is less than 50 bytes a member of 16", () => {
    const { core, client } = coreFor("skiplist");
    const random = new Random(1);
    const start = core.usedBytes;
    for (let i = 0; i < 10_000; i += 100) {
      client.command("ZADD", "z", ...Array.from({ length: 100 }, (_, j) => [
        random.below(1_000_000), `m:${String(i + j).padStart(14, "0")}`,
      ]).flat());
    }
    const bytes = (core.usedBytes - start) / 10_000;
    assert(bytes < 50, `${bytes} bytes a member`);
    const weight = core.core.withBytes(bytesOf("z"), (at, length) => core.exports.weightOf(0, at, length));
    assert(Math.abs(weight / 10_000 - bytes) < 2, `MEMORY USAGE says ${weight / 10_000}`);
  });
});

// --- Chance and scans ---

describe("members by chance", () => {
  for (const encoding of ENCODINGS) {
    it(`are each as likely as any other, ${encoding}`, () => {
      const { client } = coreFor(encoding);
      const size = 20;
      client.command("ZADD", "z", ...Array.from({ length: size }, (_, i) => [i, `m${i}`]).flat());
      for (const [count, drawn] of [["-1000", 1000], ["4", 4], ["15", 15]] as const) {
        const seen = new Map<string, number>();
        const rounds = Math.ceil(20_000 / drawn);
        for (let i = 0; i < rounds; i++) {
          const members = texts(client.command("ZRANDMEMBER", "z", count));
          assertEquals(members.length, drawn);
          if (drawn < size) assertEquals(new Set(members).size, drawn);
          for (const member of members) seen.set(member, (seen.get(member) ?? 0) + 1);
        }
        const expected = rounds * drawn / size;
        const square = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
        assertEquals(seen.size, size);
        // 19 degrees of freedom: 43.8 is passed by chance once in 1000 runs, and the seed is fixed.
        assert(square < 43.8, `count ${count}: chi-square ${square}`);
      }
    });
  }

  it("are few of many", () => {
    const { client } = coreFor("skiplist");
    client.command("ZADD", "z", ...Array.from({ length: 5000 }, (_, i) => [i, `m${i}`]).flat());
    for (const count of [1, 2, 100, 1000]) {
      assertEquals(new Set(texts(client.command("ZRANDMEMBER", "z", count))).size, count);
    }
  });
});

describe("scans of a sorted set", () => {
  it("find all that stays while it grows and shrinks", () => {
    const { client } = coreFor("skiplist");
    for (let i = 0; i < 1000; i++) client.command("ZADD", "z", i, `stays:${i}`);
    const found = new Set<string>();
    let cursor = "0";
    let turn = 0;
    do {
      const lines = client.command("ZSCAN", "z", cursor, "COUNT", "20", "NOSCORES").split("\r\n");
      cursor = lines[2];
      for (const line of lines.slice(4)) if (line.startsWith("stays:")) found.add(line);
      const name = (i: number): string => `comes:${i}`;
      for (let i = 0; i < 100; i++) {
        if (turn < 20) client.command("ZADD", "z", i, name(turn * 100 + i));
        else client.command("ZREM", "z", name((turn - 20) * 100 + i));
      }
      turn++;
    } while (cursor !== "0");
    assertEquals(found.size, 1000);
  });
});

// --- Waiting ---

describe("clients that wait for members", () => {
  it("are served in the order in which they came, with what is there by then", () => {
    const { core, client } = coreFor("listpack");
    const [first, second, third] = [core.connect(), core.connect(), core.connect()];
    assertEquals(first.command("BZPOPMIN", "no", "z", "0"), "");
    assertEquals(second.command("BZPOPMAX", "z", "0"), "");
    assertEquals(third.command("BZMPOP", "0", "1", "z", "MIN", "COUNT", "5"), "");
    client.command("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d");
    assertEquals(first.take(), list("z", "a", 1));
    assertEquals(second.take(), list("z", "d", 4));
    assertEquals(third.take(), "*2\r\n$1\r\nz\r\n*2\r\n" + list("b", 2) + list("c", 3));
    assertEquals(client.command("EXISTS", "z"), ":0\r\n");
  });

  it("wait on while the key holds another type", () => {
    const { core, client } = coreFor("skiplist");
    const waiting = core.connect();
    assertEquals(waiting.command("BZPOPMIN", "z", "0.5"), "");
    client.command("SADD", "z", "a");
    assertEquals(waiting.take(), "");
    client.command("DEL", "z");
    client.command("ZADD", "other", "1", "a");
    client.command("RENAME", "other", "z");
    assertEquals(waiting.take(), list("z", "a", 1));
    assertEquals(waiting.command("BZMPOP", "x", "1", "z", "MIN"), "-ERR timeout is not a float or out of range\r\n");
    assertEquals(waiting.command("BZPOPMIN", "z", "-1"), "-ERR timeout is negative\r\n");
  });
});
