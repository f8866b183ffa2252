/**
 * Members of sets and sorted sets that expire: replies like those of HEXPIRE and its kin, members that are gone when
 * their time has come whatever looks at them, against a model; and KeyDB's commands for one member.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { seeded } from "../support/random.ts";
import { WRONG_TYPE } from "../support/resp.ts";

const SYNTAX = "-ERR syntax error\r\n";
const BAD_COUNT = "-ERR nummembers should be greater than 0 and match the provided number of members\r\n";
const numbers = (...all: number[]): string => `*${all.length}\r\n${all.map((n) => `:${n}\r\n`).join("")}`;

function fresh(): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  return { core, client: core.connect() };
}

function members(client: CoreClient, key = "s"): string[] {
  return client.command("SMEMBERS", key).split("\r\n").filter((_, i) => i > 0 && i % 2 === 0).sort();
}

describe("SEXPIRE and its kin", () => {
  it("time, show and persist members of every encoding", () => {
    for (const all of [["1", "2", "3"], ["a", "b", "3"], ["a", "b", "x".repeat(100)]]) {
      const { core, client } = fresh();
      client.command("SADD", "s", ...all);
      assertEquals(client.command("STTL", "s", "MEMBERS", 2, all[0], "none"), numbers(-1, -2));
      assertEquals(client.command("SEXPIRE", "s", 10, "MEMBERS", 3, all[0], "none", all[1]), numbers(1, -2, 1));
      assertEquals(core.encoding("s"), "hashtable");
      assertEquals(client.command("STTL", "s", "MEMBERS", 2, all[0], all[2]), numbers(10, -1));
      assertEquals(client.command("SPTTL", "s", "MEMBERS", 1, all[0]), numbers(10_000));
      const at = core.nowMs + 10_000;
      assertEquals(client.command("SPEXPIRETIME", "s", "MEMBERS", 1, all[0]), numbers(at));
      assertEquals(client.command("SEXPIRETIME", "s", "MEMBERS", 1, all[0]), numbers(Math.floor((at + 500) / 1000)));
      assertEquals(client.command("SPERSIST", "s", "MEMBERS", 3, all[1], all[2], "none"), numbers(1, -1, -2));
      core.advance(10_001);
      assertEquals(members(client), [all[1], all[2]].sort());
      assertEquals(client.command("STTL", "s", "MEMBERS", 2, all[0], all[1]), numbers(-2, -1));
    }
  });

  it("take conditions, and remove at once what is timed in the past", () => {
    const { core, client } = fresh();
    client.command("SADD", "s", "a", "b", "c");
    assertEquals(client.command("SPEXPIRE", "s", 5000, "XX", "MEMBERS", 1, "a"), numbers(0));
    assertEquals(client.command("SPEXPIRE", "s", 5000, "NX", "MEMBERS", 2, "a", "b"), numbers(1, 1));
    assertEquals(client.command("SPEXPIRE", "s", 6000, "NX", "MEMBERS", 1, "a"), numbers(0));
    assertEquals(client.command("SPEXPIRE", "s", 4000, "GT", "MEMBERS", 2, "a", "c"), numbers(0, 0));
    assertEquals(client.command("SPEXPIRE", "s", 4000, "LT", "MEMBERS", 2, "a", "c"), numbers(1, 1));
    assertEquals(client.command("SPEXPIREAT", "s", core.nowMs - 1, "MEMBERS", 2, "a", "none"), numbers(2, -2));
    assertEquals(members(client), ["b", "c"]);
    assertEquals(client.command("SEXPIRE", "s", 0, "MEMBERS", 2, "b", "c"), numbers(2, 2));
    assertEquals(core.encoding("s"), "none");
    assertEquals(client.command("SEXPIRE", "s", 5, "MEMBERS", 1, "b"), numbers(-2));
  });

  it("refuse what they can't read, and other types", () => {
    const { client } = fresh();
    client.command("SADD", "s", "a");
    client.command("SET", "text", "x");
    assertEquals(client.command("SEXPIRE", "text", 5, "MEMBERS", 1, "a"), WRONG_TYPE);
    assertEquals(client.command("STTL", "text", "MEMBERS", 1, "a"), WRONG_TYPE);
    assertEquals(client.command("SEXPIRE", "s", 5, "MEMBERS", 2, "a"), BAD_COUNT);
    assertEquals(client.command("SEXPIRE", "s", 5, "MEMBERS", 0, "a"), BAD_COUNT);
    assertEquals(client.command("SEXPIRE", "s", 5, "FIELDS", 1, "a"), BAD_COUNT);
    assertEquals(client.command("STTL", "s", "FIELDS", 1, "a"), SYNTAX);
    assertEquals(client.command("SEXPIRE", "s", -1, "MEMBERS", 1, "a"),
      "-ERR invalid expire time in 'sexpire' command\r\n");
    assertEquals(client.command("SEXPIRE", "s", "x", "MEMBERS", 1, "a"),
      "-ERR value is not an integer or out of range\r\n");
    assertEquals(client.command("SEXPIRE", "s", 5, "NX", "GT", "MEMBERS", 1, "a"),
      "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
    assertEquals(client.command("STTL", "s", "MEMBERS", 1, "a"), numbers(-1));
  });
});

describe("members whose time has come", () => {
  it("are gone for every command, and their key with the last of them", () => {
    const commands: (string | number)[][] = [
      ["SCARD", "s"], ["SISMEMBER", "s", "a"], ["EXISTS", "s"], ["TYPE", "s"], ["SINTERCARD", 1, "s"], ["DEL", "s"],
      ["SMOVE", "s", "t", "a"], ["COPY", "s", "t"], ["SREM", "s", "a"], ["SUNIONSTORE", "t", "s"], ["SPOP", "s", 1],
    ];
    for (const command of commands) {
      const [{ core, client }, absent] = [fresh(), fresh()];
      client.command("SADD", "s", "a", "b");
      client.command("SPEXPIRE", "s", 100, "MEMBERS", 2, "a", "b");
      core.advance(101);
      assertEquals(client.command(...command), absent.client.command(...command), command.join(" "));
      assertEquals(core.encoding("s"), "none");
    }
  });

  it("keep their time through COPY, RENAME, MOVE and a growing table, and lose it with SPERSIST alone", () => {
    const { core, client } = fresh();
    const all = Array.from({ length: 500 }, (_, i) => `m${i}`);
    client.command("SADD", "s", ...all);
    client.command("SPEXPIRE", "s", 1000, "MEMBERS", 250, ...all.slice(0, 250));
    client.command("COPY", "s", "copy");
    client.command("RENAME", "s", "renamed");
    client.command("SADD", "renamed", ...Array.from({ length: 3000 }, (_, i) => `n${i}`));
    client.command("SADD", "renamed", "m0");
    client.command("COPY", "renamed", "moved");
    client.command("MOVE", "moved", 3);
    client.command("PEXPIRE", "copy", 100_000);
    core.advance(1001);
    assertEquals(client.command("SCARD", "copy"), ":250\r\n");
    assertEquals(client.command("SCARD", "renamed"), ":3250\r\n");
    client.command("SELECT", 3);
    assertEquals(client.command("SCARD", "moved"), ":3250\r\n");
  });

  it("stay while a pause holds removals back", () => {
    const { core, client } = fresh();
    client.command("SADD", "s", "a", "b");
    client.command("SPEXPIRE", "s", 100, "MEMBERS", 1, "a");
    core.advance(99);
    assertEquals(client.command("SCARD", "s"), ":2\r\n");
    core.advance(1);
    assertEquals(client.command("SCARD", "s"), ":2\r\n", "at the very millisecond");
    core.advance(1);
    assertEquals(client.command("SCARD", "s"), ":1\r\n");
  });

  it("go by upkeep when nobody asks, and leave no memory behind", () => {
    const { core, client } = fresh();
    client.command("SADD", "warm", "a");
    client.command("SPEXPIRE", "warm", 1, "MEMBERS", 1, "a");
    core.advance(2);
    core.exports.cronExpire();
    const before = core.usedBytes;
    const all = Array.from({ length: 20_000 }, (_, i) => `m${i}`);
    for (let i = 0; i < all.length; i += 500) {
      client.command("SADD", "s", ...all.slice(i, i + 500));
      client.command("SPEXPIRE", "s", 100 + (i % 7), "MEMBERS", 500, ...all.slice(i, i + 500));
    }
    core.advance(200);
    for (let i = 0; i < 40 && core.encoding("s") !== "none"; i++) core.exports.cronExpire();
    assertEquals(core.encoding("s"), "none");
    while (core.exports.lazyFree(1000) === 1) {
      // A slice at a time.
    }
    assert(core.usedBytes - before < 200_000, `${core.usedBytes - before} bytes are left over`);
  });

  it("agree with a model under random commands", () => {
    const random = seeded("member expiry");
    const { core, client } = fresh();
    const keys = ["a", "b", "c"];
    const model = new Map(keys.map((key) => [key, new Map<string, number>()]));
    const drop = () => {
      for (const set of model.values()) for (const [m, at] of set) if (at < core.nowMs) set.delete(m);
    };
    for (let step = 0; step < 20_000; step++) {
      drop();
      const key = keys[random.below(3)];
      const set = model.get(key)!;
      const m = `m${random.below(40)}`;
      switch (random.below(9)) {
        case 0: case 1: case 2:
          assertEquals(client.command("SADD", key, m), `:${set.has(m) ? 0 : 1}\r\n`);
          if (!set.has(m)) set.set(m, Infinity);
          break;
        case 3:
          assertEquals(client.command("SREM", key, m), `:${set.delete(m) ? 1 : 0}\r\n`);
          break;
        case 4: case 5: {
          const ms = 1 + random.below(300);
          assertEquals(client.command("SPEXPIRE", key, ms, "MEMBERS", 1, m), numbers(set.has(m) ? 1 : -2));
          if (set.has(m)) set.set(m, core.nowMs + ms);
          break;
        }
        case 6: {
          const timed = set.has(m) && set.get(m) !== Infinity;
          assertEquals(client.command("SPERSIST", key, "MEMBERS", 1, m), numbers(timed ? 1 : set.has(m) ? -1 : -2));
          if (timed) set.set(m, Infinity);
          break;
        }
        case 7: {
          const popped = client.command("SPOP", key, random.below(4)).split("\r\n");
          for (const each of popped.filter((_, i) => i > 0 && i % 2 === 0)) assert(set.delete(each), each);
          break;
        }
        default: core.advance(random.below(40));
      }
      drop();
      if (step % 5 === 0) assertEquals(members(client, key), [...model.get(key)!.keys()].sort());
      if (random.below(400) === 0) {
        client.command("DEL", key);
        set.clear();
      }
    }
  });
});

describe("without memory", () => {
  it("SEXPIRE and SPERSIST change nothing, or say what they changed", () => {
    for (const command of [["SPEXPIRE", "s", "1000", "MEMBERS", "1", "b"], ["SPERSIST", "s", "MEMBERS", "1", "a"]]) {
      let fails = 0;
      for (; fails < 50; fails++) {
        const { core, client } = fresh();
        client.command("SADD", "s", "a", "b", "x".repeat(100));
        client.command("SADD", "plain", "b");
        client.command("SPEXPIRE", "s", 500, "MEMBERS", 1, "a");
        const reply = core.failing(fails, () => client.command(...command));
        // Without memory for the reply itself the connection is closed.
        if (client.closing) continue;
        if (!reply.startsWith("-OOM")) break;
        assertEquals(client.command("SPTTL", "s", "MEMBERS", 2, "a", "b"), numbers(500, -1));
        core.advance(501);
        assertEquals(client.command("SCARD", "s"), ":2\r\n");
      }
      assert(fails > 1 && fails < 50, `${fails} failures`);
    }
  });
});

describe("EXPIREMEMBER, EXPIREMEMBERAT and PEXPIREMEMBERAT", () => {
  it("time one member of a set or field of a hash", () => {
    const { core, client } = fresh();
    client.command("SADD", "s", "a", "b");
    client.command("HSET", "h", "a", "1", "b", "2");
    for (const [key, names] of [["s", "SMEMBERS"], ["h", "HKEYS"]]) {
      assertEquals(client.command("EXPIREMEMBER", key, "a", 10), ":1\r\n");
      assertEquals(client.command("EXPIREMEMBER", key, "none", 10), ":0\r\n");
      assertEquals(client.command("EXPIREMEMBER", key, "a", 20, "ms"), ":1\r\n");
      core.advance(21);
      assertEquals(client.command(names, key), "*1\r\n$1\r\nb\r\n");
      assertEquals(client.command("PEXPIREMEMBERAT", key, "b", core.nowMs + 5), ":1\r\n");
      core.advance(6);
      assertEquals(client.command(names, key), "*0\r\n");
    }
    client.command("SADD", "s", "a");
    assertEquals(client.command("EXPIREMEMBERAT", "s", "a", 1), ":1\r\n");
    assertEquals(client.command("EXISTS", "s"), ":0\r\n");
    assertEquals(client.command("EXPIREMEMBER", "s", "a", 1), ":0\r\n");
    client.command("SET", "text", "x");
    assertEquals(client.command("EXPIREMEMBER", "text", "a", 1), WRONG_TYPE);
    assertEquals(client.command("EXPIREMEMBER", "s", "a", 1, "h"), SYNTAX);
    assertEquals(client.command("EXPIREMEMBER", "s", "a", "9223372036854775807"),
      "-ERR invalid expire time in 'expiremember' command\r\n");
  });
});

// --- Sorted sets ---

describe("ZEXPIRE and its kin", () => {
  const scored = (...all: string[]): (string | number)[] => all.flatMap((member, i) => [i, member]);

  it("time, show and persist members of both encodings", () => {
    for (const all of [["a", "b", "c"], ["a", "b", "x".repeat(100)]]) {
      const { core, client } = fresh();
      client.command("ZADD", "z", ...scored(...all));
      assertEquals(client.command("ZTTL", "z", "MEMBERS", 2, "a", "none"), numbers(-1, -2));
      assertEquals(client.command("ZPERSIST", "z", "MEMBERS", 2, "a", "none"), numbers(-1, -2));
      assertEquals(client.command("ZEXPIRE", "z", 10, "MEMBERS", 3, "a", "none", "b"), numbers(1, -2, 1));
      assertEquals(core.encoding("z"), "skiplist");
      assertEquals(client.command("ZPTTL", "z", "MEMBERS", 2, "a", all[2]), numbers(10_000, -1));
      assertEquals(client.command("ZPEXPIRETIME", "z", "MEMBERS", 1, "a"), numbers(core.nowMs + 10_000));
      assertEquals(client.command("ZPEXPIRE", "z", 20_000, "LT", "MEMBERS", 1, "a"), numbers(0));
      assertEquals(client.command("ZPERSIST", "z", "MEMBERS", 1, "b"), numbers(1));
      client.command("ZADD", "z", 50, "a");
      core.advance(10_001);
      assertEquals(client.command("ZRANGE", "z", 0, -1), `*2\r\n$1\r\nb\r\n$${all[2].length}\r\n${all[2]}\r\n`);
      assertEquals(client.command("ZEXPIREAT", "z", 1, "MEMBERS", 2, "b", all[2]), numbers(2, 2));
      assertEquals(core.encoding("z"), "none");
    }
  });

  it("are refused for other types, and by KeyDB's names take sorted sets too", () => {
    const { core, client } = fresh();
    client.command("SADD", "s", "a");
    client.command("ZADD", "z", 1, "a", 2, "b");
    assertEquals(client.command("ZEXPIRE", "s", 5, "MEMBERS", 1, "a"), WRONG_TYPE);
    assertEquals(client.command("SEXPIRE", "z", 5, "MEMBERS", 1, "a"), WRONG_TYPE);
    assertEquals(client.command("EXPIREMEMBER", "z", "a", 5, "MS"), ":1\r\n");
    core.advance(6);
    assertEquals(client.command("ZCARD", "z"), ":1\r\n");
  });

  it("leave a tree that is right at every size, through copies, ranges taken out and scores that change", () => {
    const random = seeded("sorted set expiry");
    const { core, client } = fresh();
    const before = core.usedBytes;
    let model = new Map<string, [score: number, at: number]>();
    const due = () => {
      for (const [m, [, at]] of model) if (at < core.nowMs) model.delete(m);
    };
    const ordered = () => [...model].sort(([a, [x]], [b, [y]]) => x - y || (a < b ? -1 : 1)).map(([m]) => m);
    for (let step = 0; step < 15_000; step++) {
      due();
      const m = `m${random.below(700)}`;
      const own = model.get(m);
      switch (random.below(10)) {
        case 0: case 1: case 2: case 3: {
          const score = random.below(300);
          assertEquals(client.command("ZADD", "z", score, m), own ? ":0\r\n" : ":1\r\n");
          model.set(m, [score, own ? own[1] : Infinity]);
          break;
        }
        case 4:
          assertEquals(client.command("ZREM", "z", m), model.delete(m) ? ":1\r\n" : ":0\r\n");
          break;
        case 5: case 6: {
          const ms = 1 + random.below(3000);
          assertEquals(client.command("ZPEXPIRE", "z", ms, "MEMBERS", 1, m), numbers(own ? 1 : -2));
          if (own) own[1] = core.nowMs + ms;
          break;
        }
        case 7: {
          const timed = own !== undefined && own[1] !== Infinity;
          assertEquals(client.command("ZPERSIST", "z", "MEMBERS", 1, m), numbers(timed ? 1 : own ? -1 : -2));
          if (timed) own[1] = Infinity;
          break;
        }
        case 8:
          if (random.below(4) === 0) {
            const gone = ordered().slice(3, 9);
            assertEquals(client.command("ZREMRANGEBYRANK", "z", 3, 8), `:${gone.length}\r\n`);
            for (const each of gone) model.delete(each);
          } else if (random.below(10) === 0 && model.size > 0) {
            assertEquals(client.command("COPY", "z", "copy", "REPLACE"), ":1\r\n");
            assertEquals(client.command("RENAME", "copy", "z"), "+OK\r\n");
          }
          break;
        default: core.advance(random.below(60));
      }
      due();
      if (step % 50 === 0) {
        const reply = client.command("ZRANGE", "z", 0, -1).split("\r\n").filter((_, i) => i > 0 && i % 2 === 0);
        assertEquals(reply, ordered());
        if (reply.length > 0) assertEquals(client.command("ZRANK", "z", reply.at(-1)!), `:${reply.length - 1}\r\n`);
      }
    }
    client.command("DEL", "z");
    while (core.exports.lazyFree(1000) === 1) {
      // A slice at a time.
    }
    model = new Map();
    assert(core.usedBytes - before < 20_000, `${core.usedBytes - before} bytes are left over`);
  });
});

describe("a member that expires", () => {
  it("fails a transaction that watches its set", () => {
    const { core, client } = fresh();
    client.command("SADD", "s", "a", "b");
    client.command("SPEXPIRE", "s", 100, "MEMBERS", 1, "a");
    client.command("WATCH", "s");
    core.advance(50);
    client.command("MULTI");
    client.command("SCARD", "s");
    assertEquals(client.command("EXEC"), "*1\r\n:2\r\n");
    client.command("WATCH", "s");
    core.advance(51);
    client.command("MULTI");
    client.command("SCARD", "s");
    assertEquals(client.command("EXEC"), "*-1\r\n");
  });
});
