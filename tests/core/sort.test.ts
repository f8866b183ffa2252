/**
 * SORT in the core, driven without a server: a model of its order, patterns, storing, memory that runs out. That each
 * reply is the real server's is for differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver, splitReplies } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";

function fresh(): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  return { core, client };
}

/** Elements of an array reply of bulk strings; a null is null. */
function elements(reply: string): (string | null)[] {
  assert(reply.startsWith("*"), reply);
  return splitReplies(reply.slice(reply.indexOf("\r\n") + 2)).map((bulk) =>
    bulk.startsWith("$-1") ? null : bulk.slice(bulk.indexOf("\r\n") + 2, -2)
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe("SORT", () => {
  it("follows a model, in any size and from any type", () => {
    const random = seeded("sort");
    for (let round = 0; round < 60; round++) {
      const { client } = fresh();
      const n = random.pick([0, 1, 2, 7, 8, 9, 16, 17, 100, 1000]);
      const values = Array.from({ length: n }, () => String(random.below(n * 3) / 4));
      const type = random.pick(["RPUSH", "SADD", "ZADD"]);
      const unique = type === "RPUSH" ? values : [...new Set(values)];
      const args = type === "ZADD" ? unique.flatMap((value, i) => [String(i % 7), value]) : unique;
      if (n > 0) client.command(type, "k", ...args);
      const [alpha, descending] = [random.below(2) === 1, random.below(2) === 1];
      const options = [...(alpha ? ["ALPHA"] : []), ...(descending ? ["DESC"] : [])];
      const order = (a: string, b: string): number => (alpha ? 0 : Number(a) - Number(b)) || compareTexts(a, b);
      const expected = unique.sort(order);
      if (descending) expected.reverse();
      assertEquals(elements(client.command("SORT", "k", ...options)), expected);
      const [start, count] = [random.below(n + 3), random.below(n + 3)];
      const part = elements(client.command("SORT_RO", "k", ...options, "LIMIT", start, count));
      assertEquals(part, expected.slice(start, start + count));
      assertEquals(client.command("SORT", "k", ...options, "STORE", "k"), `:${expected.length}\r\n`);
      assertEquals(elements(client.command("LRANGE", "k", 0, -1)), expected);
    }
  });

  it("keeps the order of lists and sorted sets when BY names no pattern", () => {
    const { client } = fresh();
    client.command("RPUSH", "list", "c", "a", "b", "d");
    client.command("ZADD", "zset", "1", "c", "2", "a", "3", "b", "4", "d");
    for (const key of ["list", "zset"]) {
      const sorted = (...options: (string | number)[]) =>
        elements(client.command("SORT", key, "BY", "nosort", ...options));
      assertEquals(sorted(), ["c", "a", "b", "d"]);
      assertEquals(sorted("DESC"), ["d", "b", "a", "c"]);
      assertEquals(sorted("LIMIT", 1, 2), ["a", "b"]);
      assertEquals(sorted("DESC", "LIMIT", 1, 2), ["b", "a"]);
      assertEquals(sorted("LIMIT", 9, 2), []);
    }
  });

  it("looks up weights and results, in strings and in fields of hashes", () => {
    const { client } = fresh();
    client.command("RPUSH", "k", "1", "2", "3", "4");
    client.command("MSET", "w1", "30", "w2", "10", "w3", "20");
    client.command("HSET", "h1", "f", "one", "->", "arrow");
    client.command("HSET", "h2", "f", "two");
    client.command("SET", "h3", "no hash");
    const sorted = (...options: string[]) => elements(client.command("SORT", "k", ...options));
    assertEquals(sorted("BY", "w*"), ["4", "2", "3", "1"]);
    assertEquals(sorted("BY", "w*", "GET", "h*->f", "GET", "#"),
      [null, "4", "two", "2", null, "3", "one", "1"]);
    assertEquals(sorted("ALPHA", "BY", "h*->f", "LIMIT", "2", "2"), ["1", "2"]);
    assertEquals(sorted("GET", "h*->->"), ["arrow", null, null, null]);
    assertEquals(client.command("SORT", "k", "BY", "h*->f"),
      "-ERR One or more scores can't be converted into double\r\n");
  });

  it("large elements and many keys go through a growing arena", () => {
    const { core, client } = fresh();
    const names = Array.from({ length: 500 }, (_, i) => `${i}`.padStart(60, "n"));
    client.command("RPUSH", "k", ...names);
    names.forEach((name, i) => client.command("SET", `w:${name}`, `${"x".repeat(i % 50)}${(i * 7919) % 500}`));
    client.command("SORT", "k", "ALPHA", "BY", "w:*");
    const used = core.usedBytes;
    const weight = (i: number) => `${"x".repeat(i % 50)}${(i * 7919) % 500}`;
    const expected = names.map((name, i) => [weight(i), name]).sort(([a], [b]) => compareTexts(a!, b!));
    const reply = elements(client.command("SORT", "k", "ALPHA", "BY", "w:*", "GET", "w:*", "GET", "#"));
    assertEquals(reply, expected.flat());
    assertEquals(core.usedBytes, used);
  });

  it("without memory changes nothing", () => {
    for (const options of [[], ["ALPHA"], ["BY", "w*"], ["ALPHA", "BY", "w*", "GET", "w*", "GET", "#"], ["BY", "x"]]) {
      const { core, client } = fresh();
      client.command("ZADD", "k", ...Array.from({ length: 150 }, (_, i) => [String(i), String(i * 37 % 151)]).flat());
      client.command("SET", "to", "before", "EX", "1000");
      client.command("SET", "w7", "7");
      const state = () => [client.command("GET", "to"), client.command("DUMP", "k"), core.usedBytes];
      failsWhole(core, client, ["SORT", "k", ...options, "STORE", "to"], state, 5000);
    }
  });
});
