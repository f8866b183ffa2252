/**
 * HyperLogLogs in the core, driven without a server: estimates against real sets, sparse against dense, damage, and
 * memory that runs out. That each reply and byte is the real server's is for differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sparseValue } from "../support/commands-hyperloglog.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";

const DENSE_SIZE = 12304;

const integerOf = (reply: string): number => {
  assert(reply.startsWith(":"), reply);
  return Number(reply.slice(1));
};
const bulkOf = (reply: string): string => reply.slice(reply.indexOf("\r\n") + 2, -2);

function fresh(sparseMax = 3000, maximumPages?: number): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver({ maximumPages });
  core.core.setSetting("hllSparseMaxBytes", sparseMax);
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  return { core, client };
}

const elements = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `element:${from + i}`);

describe("HyperLogLog", () => {
  it("a new one is the header and one run of zeros, out of date", () => {
    const { client } = fresh();
    assertEquals(client.command("PFADD", "h"), ":1\r\n");
    assertEquals(client.command("PFADD", "h"), ":0\r\n");
    assertEquals(bulkOf(client.command("GET", "h")), "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff");
    assertEquals(client.command("PFCOUNT", "h"), ":0\r\n");
    assertEquals(bulkOf(client.command("GET", "h")), "HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
  });

  it("estimates stay within five percent, sparse and dense", () => {
    for (const sparseMax of [0, 100, 3000, 16000]) {
      const { client } = fresh(sparseMax);
      for (let n = 0; n < 40_000; n += 500) {
        client.command("PFADD", "h", ...elements(n, n + 500));
        const count = integerOf(client.command("PFCOUNT", "h"));
        assert(Math.abs(count - n - 500) < (n + 500) * 0.05 + 2, `${count} for ${n + 500}`);
      }
      assertEquals(client.command("PFDEBUG", "ENCODING", "h"), sparseMax > 3000 ? "+sparse\r\n" : "+dense\r\n");
    }
  });

  it("sparse and dense forms of the same elements have the same registers", () => {
    const random = seeded("hyperloglog");
    for (let round = 0; round < 100; round++) {
      const { client } = fresh(16000);
      client.command("PFADD", "dense");
      client.command("PFDEBUG", "TODENSE", "dense");
      const chosen = Array.from({ length: random.below(2500) }, () => String(random.u32()));
      for (const key of ["sparse", "dense"]) client.command("PFADD", key, ...chosen);
      assertEquals(client.command("PFDEBUG", "ENCODING", "sparse"), "+sparse\r\n");
      assertEquals(client.command("PFCOUNT", "sparse"), client.command("PFCOUNT", "dense"));
      assertEquals(client.command("PFDEBUG", "GETREG", "sparse"), client.command("PFDEBUG", "GETREG", "dense"));
    }
  });

  it("an element raises its register and no other, whatever the runs of a sparse value", () => {
    const random = seeded("sparse runs");
    const { client } = fresh(16000);
    const registers = () => [...client.command("PFDEBUG", "GETREG", "h").matchAll(/:(\d+)/g)].map(([, n]) => Number(n));
    for (let round = 0; round < 300; round++) {
      const element = `element:${round}`;
      client.command("DEL", "h");
      client.command("PFADD", "h", element);
      const own = registers();
      const value = sparseValue(random);
      client.command("SET", "h", value);
      const wanted = registers().map((n, i) => Math.max(n, own[i]));
      client.command("SET", "h", value);
      client.command("PFADD", "h", element);
      assertEquals(registers(), wanted);
    }
  });

  it("merges are the same with and without SIMD, and as large as the union", () => {
    const { client } = fresh();
    client.command("PFADD", "a", ...elements(0, 20_000));
    client.command("PFADD", "b", ...elements(10_000, 30_000));
    client.command("PFADD", "c", ...elements(0, 100));
    client.command("PFMERGE", "simd", "a", "b", "c");
    client.command("PFDEBUG", "SIMD", "off");
    client.command("PFMERGE", "plain", "a", "b", "c");
    assertEquals(client.command("GET", "simd"), client.command("GET", "plain"));
    assertEquals(client.command("PFCOUNT", "simd"), client.command("PFCOUNT", "a", "b", "c"));
    client.command("PFADD", "all", ...elements(0, 30_000));
    assertEquals(client.command("PFCOUNT", "all"), client.command("PFCOUNT", "simd"));
  });

  it("a merge of sparse ones stays sparse and needs no dense block for good", () => {
    const { core, client } = fresh();
    client.command("PFADD", "a", ...elements(0, 50));
    client.command("PFADD", "b", ...elements(25, 75));
    const used = core.usedBytes;
    client.command("PFMERGE", "to", "a", "b");
    assertEquals(client.command("PFDEBUG", "ENCODING", "to"), "+sparse\r\n");
    assert(core.usedBytes - used < 400, `${core.usedBytes - used} bytes`);
    assertEquals(client.command("PFCOUNT", "to"), client.command("PFCOUNT", "a", "b"));
  });

  it("the self test passes", () => {
    assertEquals(fresh().client.command("PFSELFTEST"), "+OK\r\n");
  });
});

describe("examples of docs/types/hyperloglog.md", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/types/hyperloglog.md", import.meta.url)), "utf8");
  const examples = [...page.matchAll(/^ {4}PFADD(.*?) {3,}((?:[0-9a-f]{2} ?)+)$/gm)];

  it("are found", () => assertEquals(examples.length, 3));

  for (const [, added, hex] of examples) {
    it(`PFADD${added}`, () => {
      const { client } = fresh();
      client.command("PFADD", "h", ...added.split(" ").filter((word) => word !== ""));
      assertEquals(Buffer.from(bulkOf(client.command("GET", "h")), "latin1").toString("hex"), hex.replaceAll(" ", ""));
    });
  }
});

describe("damaged HyperLogLogs", () => {
  it("of the wrong kind are refused", () => {
    const { client } = fresh();
    client.command("MSET", "number", "12", "text", "HYLL", "dense", `HYLL\0${"\0".repeat(500)}`);
    client.command("SET", "encoding", `HYLL\x02${"\0".repeat(500)}`);
    for (const key of ["number", "text", "dense", "encoding"]) {
      for (const command of ["PFADD", "PFCOUNT", "PFMERGE"]) {
        assertEquals(client.command(command, key), "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n");
      }
    }
  });

  it("never trap and never leave the value's block", () => {
    const random = seeded("damaged hyperloglog");
    const { core, client } = fresh();
    const used = core.usedBytes;
    for (let round = 0; round < 3000; round++) {
      client.command("PFADD", "h", ...elements(round, round + random.below(40)));
      for (let times = 1 + random.below(4); times > 0; times--) {
        const at = random.below(4) === 0 ? random.below(40) : random.below(1 + core.bytes("h"));
        client.command("SETRANGE", "h", at, random.bytes(1 + random.below(3)));
      }
      for (const command of ["PFCOUNT", "PFADD", "PFMERGE"]) client.command(command, "h", String(round), "x");
      client.command("PFDEBUG", random.pick(["DECODE", "GETREG", "TODENSE"]), "h");
      client.command("PFADD", "h", String(round), "more");
      client.command("FLUSHALL");
    }
    assertEquals(core.usedBytes, used);
  });

  it("registers that no element reaches count as the C library's infinity", () => {
    const { client } = fresh();
    client.command("SET", "h", `HYLL\0\0\0\0\0\0\0\0\0\0\0\x80${"\xff".repeat(DENSE_SIZE - 16)}`);
    assertEquals(client.command("PFCOUNT", "h"), ":-9223372036854775808\r\n");
  });
});

describe("HyperLogLog without memory", () => {
  it("each command fails whole", () => {
    const commands = [
      ["PFADD", "new", "a", "b"], ["PFADD", "small", ...elements(0, 200)], ["PFADD", "full", ...elements(0, 400)],
      ["PFADD", "full", "one", "two", "three", "four", "five", "six"], ["PFMERGE", "new", "small", "full"],
      ["PFMERGE", "small", "full"], ["PFMERGE", "new", "dense", "small"], ["PFCOUNT", "small", "dense"],
      ["PFDEBUG", "TODENSE", "small"], ["PFDEBUG", "DECODE", "small"],
    ];
    for (const command of commands) {
      const { core, client } = fresh(1000);
      client.command("PFADD", "small", ...elements(0, 20));
      client.command("PFADD", "full", ...elements(0, 470));
      client.command("PFADD", "dense", ...elements(0, 9000));
      const read = () => client.command("MGET", "small", "full", "dense", "new") + client.command("DBSIZE");
      failsWhole(core, client, command, read);
    }
  });

  it("runs whose text is too large are not written out, and the connection stays", () => {
    const { client } = fresh(3000, 1024);
    client.command("PFADD", "h");
    client.command("SETRANGE", "h", "6000000", "\0");
    assertMatch(client.command("PFDEBUG", "DECODE", "h"), /^-OOM/);
    assert(!client.closing);
    client.command("DEL", "h");
    client.command("PFADD", "h");
    assertEquals(client.command("PFDEBUG", "DECODE", "h"), "$7\r\nZ:16384\r\n");
  });
});
