/**
 * String commands in the core, driven without a server: values in every encoding, limits, memory that runs out.
 * That each reply is the real server's is for differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { bulk, NIL, OOM } from "../support/resp.ts";

const WRONG_LENGTH = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

/** Values of every encoding, with the longest inline one and one that needs several pages. */
const VALUES: [name: string, value: string, encoding: string][] = [
  ["int", "-9223372036854775808", "int"],
  ["almost int", "-0", "embstr"],
  ["empty", "", "embstr"],
  ["embstr", "x".repeat(60), "embstr"],
  ["raw, inline", "\r\n\0".repeat(100), "raw"],
  ["raw, in a block", "y".repeat(513), "raw"],
  ["raw, in pages", "z".repeat(200_000), "raw"],
];

/** A core and a client that have met an error, a long argument and an expiry: what those need stays allocated. */
function fresh(maximumPages?: number): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver({ maximumPages });
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  client.command("SET", "key", "x", "EX", "100");
  client.command("GETDEL", "key");
  return { core, client };
}

describe("values of each encoding", () => {
  for (const [name, value, encoding] of VALUES) {
    it(`${name}: is kept, read and replaced by every other`, () => {
      const { core, client } = fresh();
      for (const [, before] of VALUES) {
        for (const expiry of [[], ["PX", "5000"], ["KEEPTTL"]]) {
          client.command("SET", "key", before, "EX", "9");
          assertEquals(client.command("SET", "key", value, ...expiry), "+OK\r\n");
          assertEquals(client.command("GET", "key"), bulk(value));
          assertEquals(client.command("STRLEN", "key"), `:${value.length}\r\n`);
          assertEquals(core.encoding("key"), encoding);
        }
      }
    });

    it(`${name}: is cut, extended and overwritten as a text`, () => {
      const { core, client } = fresh();
      client.command("SET", "key", value);
      assertEquals(client.command("GETRANGE", "key", 1, -2), bulk(value.slice(1, -1)));
      assertEquals(client.command("SUBSTR", "key", -3, 100000000), bulk(value.slice(-3)));
      assertEquals(client.command("APPEND", "key", ""), `:${value.length}\r\n`);
      assertEquals(core.encoding("key"), "raw");
      client.command("SET", "key", value);
      assertEquals(client.command("APPEND", "key", "more"), `:${value.length + 4}\r\n`);
      assertEquals(client.command("GET", "key"), bulk(`${value}more`));
      client.command("SET", "key", value);
      const end = value.length + 3;
      assertEquals(client.command("SETRANGE", "key", end - 1, "!"), `:${end}\r\n`);
      assertEquals(client.command("GET", "key"), bulk(`${value}\0\0!`));
      assertEquals(client.command("SETRANGE", "key", 0, "AB"), `:${end}\r\n`);
      assertEquals(client.command("GET", "key"), bulk(`AB${`${value}\0\0!`.slice(2)}`));
      assertEquals(core.encoding("key"), "raw");
    });

    it(`${name}: leaves nothing behind when it is read for the last time`, () => {
      const { core, client } = fresh();
      client.command("SET", "other", "kept");
      client.command("GET", "other");
      const start = core.usedBytes;
      client.command("SET", "key", value);
      assertEquals(client.command("DELIFEQ", "key", `${value}.`), ":0\r\n");
      assertEquals(client.command("DELIFEQ", "key", value), ":1\r\n");
      client.command("SET", "key", value, "EX", 10);
      assertEquals(client.command("GETSET", "key", value), bulk(value));
      assertEquals(client.command("GETDEL", "key"), bulk(value));
      assertEquals(client.command("GETDEL", "key"), NIL);
      client.command("SET", "key", value);
      assertEquals(client.command("GETEX", "key", "PXAT", 1), bulk(value));
      assertEquals(client.command("GET", "key"), NIL);
      client.command("SET", "key", value);
      assertEquals(client.command("GETEX", "key", "EX", 1), bulk(value));
      core.advance(1001);
      assertEquals(client.command("GET", "key"), NIL);
      assertEquals(core.usedBytes, start);
    });
  }
});

describe("numbers", () => {
  it("end at 64 bits", () => {
    const { core, client } = fresh();
    client.command("SET", "n", "9223372036854775806");
    assertEquals(client.command("INCR", "n"), ":9223372036854775807\r\n");
    assertEquals(client.command("INCR", "n"), "-ERR increment or decrement would overflow\r\n");
    assertEquals(client.command("DECRBY", "n", "-9223372036854775808"), "-ERR decrement would overflow\r\n");
    assertEquals(client.command("INCRBY", "n", "-9223372036854775808"), ":-1\r\n");
    assertEquals(core.encoding("n"), "int");
  });

  it("are counted in raw and embstr texts too, and become int", () => {
    const { core, client } = fresh();
    client.command("APPEND", "n", "1");
    client.command("APPEND", "n", "2");
    assertEquals(core.encoding("n"), "raw");
    assertEquals(client.command("INCR", "n"), ":13\r\n");
    assertEquals(core.encoding("n"), "int");
    assertEquals(client.command("INCRBYFLOAT", "n", "-3"), bulk("10"));
    assertEquals(core.encoding("n"), "embstr");
    assertEquals(client.command("DECR", "n"), ":9\r\n");
    client.command("SET", "n", " 9");
    assertEquals(client.command("INCR", "n"), "-ERR value is not an integer or out of range\r\n");
  });

  it("keep their expiry when they change", () => {
    const { core, client } = fresh();
    const changes = [["INCR", "n"], ["INCRBYFLOAT", "n", "0.5"], ["APPEND", "n", "0"], ["SETRANGE", "n", "3", "x"]];
    for (const change of changes) {
      client.command("SET", "n", 1, "PX", 500);
      client.command(...change);
      core.advance(501);
      assertEquals(client.command("GET", "n"), NIL, change[0]);
    }
  });

  it("with a fraction have 17 digits behind the dot", () => {
    const { client } = fresh();
    client.command("SET", "f", "3.0e3");
    assertEquals(client.command("INCRBYFLOAT", "f", "200"), bulk("3200"));
    assertEquals(client.command("INCRBYFLOAT", "f", "1e-17"), bulk("3200"));
    assertEquals(client.command("INCRBYFLOAT", "g", "0.1"), bulk("0.1"));
    assertEquals(client.command("INCRBYFLOAT", "g", "inf"), "-ERR increment would produce NaN or Infinity\r\n");
    assertEquals(client.command("INCRBYFLOAT", "g", "1 "), "-ERR value is not a valid float\r\n");
    // The longest text there is: 4933 digits.
    const long = client.command("INCRBYFLOAT", "h", "1e4932");
    assertEquals(long.slice(0, 6), "$4933\r");
    assertEquals(client.command("STRLEN", "h"), ":4933\r\n");
  });
});

describe("many keys", () => {
  it("are set and read at once, whatever they were", () => {
    const { core, client } = fresh();
    const dirty = core.dirty;
    const pairs = VALUES.flatMap(([name, value]) => [name, value]);
    client.command("SET", "int", "text", "EX", 100);
    assertEquals(client.command("MSETNX", ...pairs), ":0\r\n");
    assertEquals(client.command("MSET", ...pairs), "+OK\r\n");
    const all = VALUES.map(([, value]) => bulk(value)).join("");
    const keys = VALUES.map(([name]) => name);
    assertEquals(client.command("MGET", ...keys, "none"), `*${keys.length + 1}\r\n${all}${NIL}`);
    for (const [name, , encoding] of VALUES) assertEquals(core.encoding(name), encoding);
    assertEquals(core.dirty - dirty, 1 + VALUES.length);
    assertEquals(client.command("MSETEX", 1, "a", 1, "XX", "EX", 10), ":0\r\n");
    assertEquals(client.command("MSETEX", 2, "a", 1, "b", 2, "NX", "PX", 10), ":1\r\n");
    core.advance(11);
    assertEquals(client.command("MGET", "a", "b"), `*2\r\n${NIL}${NIL}`);
    assertEquals(client.command("MSET", "a"), "-ERR wrong number of arguments for 'mset' command\r\n");
    assertEquals(client.command("MSETNX", "a", 1, "b"), "-ERR wrong number of arguments for 'msetnx' command\r\n");
    assertEquals(client.command("MSETNX", "a", 1, "b", 2, "a", 3), ":1\r\n");
    assertEquals(client.command("GET", "a"), bulk("3"));
  });
});

describe("many keys in one command", () => {
  it("are looked up by what they are, more of them than are touched at once, some named twice", () => {
    const { client } = fresh();
    const names = Array.from({ length: 100 }, (_, i) => `key:${i % 60}`);
    const last = new Map<string, string>();
    for (const [i, name] of names.entries()) last.set(name, `value ${i}`);
    assertEquals(client.command("MSET", ...names.flatMap((name, i) => [name, `value ${i}`])), "+OK\r\n");
    assertEquals(client.command("DBSIZE"), ":60\r\n");
    const expected = names.map((name) => bulk(last.get(name)!)).join("");
    assertEquals(client.command("MGET", ...names), `*100\r\n${expected}`);
    assertEquals(client.command("MSETNX", ...names.flatMap((name, i) => [`${name}.`, i])), ":1\r\n");
    assertEquals(client.command("MSETNX", "first", 1, "key:59", 2), ":0\r\n");
    assertEquals(client.command("GET", "key:59."), bulk("59"));
    assertEquals(client.command("GET", "key:0."), bulk("60"));
  });
});

describe("LCS", () => {
  const first = Array.from({ length: 120 }, (_, i) => "ACGT"[((i * i) % 29) & 3]).join("");
  const second = Array.from(first, (base, i) => (i % 7 === 3 ? "G" : base)).join("");

  /** Length by the textbook, with two rows. */
  function lengthOf(a: string, b: string): number {
    let above = new Array<number>(b.length + 1).fill(0);
    for (const x of a) {
      const row = [0];
      for (let j = 0; j < b.length; j++) row.push(b[j] === x ? above[j] + 1 : Math.max(above[j + 1], row[j]));
      above = row;
    }
    return above[b.length];
  }

  it("gives the length, the subsequence and the ranges", () => {
    const { core, client } = fresh();
    client.command("MSET", "a", "ohmytext", "b", "mynewtext", "n", "12345", "m", "345");
    client.command("MSET", "first", first, "second", second);
    const used = core.usedBytes;
    assertEquals(client.command("LCS", "a", "b"), bulk("mytext"));
    assertEquals(client.command("LCS", "a", "b", "LEN"), ":6\r\n");
    assertEquals(client.command("LCS", "n", "m"), bulk("345"));
    assertEquals(client.command("LCS", "a", "none"), bulk(""));
    const ranges = "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n";
    assertEquals(client.command("LCS", "a", "b", "IDX", "MINMATCHLEN", 4, "WITHMATCHLEN"), ranges);
    assertEquals(client.command("LCS", "first", "second", "LEN"), `:${lengthOf(first, second)}\r\n`);
    assertEquals(core.usedBytes, used);
  });

  it("refuses tables above proto-max-bulk-len", () => {
    const { core, client } = fresh();
    core.core.setSetting("protoMaxBulkLen", 1 << 20);
    client.command("MSET", "a", "x".repeat(600), "b", "y".repeat(600));
    assertEquals(
      client.command("LCS", "a", "b"),
      "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n",
    );
  });
});

describe("limits", () => {
  it("of a string are proto-max-bulk-len, and nothing changes above it", () => {
    const { core, client } = fresh();
    const dirty = core.dirty;
    assertEquals(client.command("SETRANGE", "key", 512 << 20, "x"), WRONG_LENGTH);
    assertEquals(client.command("SETRANGE", "key", "9223372036854775807", "x"), WRONG_LENGTH);
    assertEquals(client.command("SETRANGE", "key", -1, "x"), "-ERR offset is out of range\r\n");
    assertEquals(client.command("SETRANGE", "key", 100, ""), ":0\r\n");
    core.core.setSetting("protoMaxBulkLen", 1 << 20);
    client.command("SET", "key", "x".repeat(1 << 20));
    assertEquals(client.command("APPEND", "key", "y"), WRONG_LENGTH);
    assertEquals(client.command("STRLEN", "key"), `:${1 << 20}\r\n`);
    assertEquals(core.dirty - dirty, 1);
  });

  it("of memory are an error, and nothing changes", () => {
    const { core, client } = fresh(1024); // 64 MiB
    client.command("SET", "key", "12");
    client.command("SET", "long", "x".repeat(2000));
    const used = core.usedBytes;
    assertEquals(client.command("SETRANGE", "key", 100 << 20, "x"), OOM);
    assertEquals(client.command("SETRANGE", "long", 100 << 20, "x"), OOM);
    assertEquals(client.command("SETRANGE", "none", 100 << 20, "x"), OOM);
    client.command("MSET", "a", "x".repeat(2000), "b", "y".repeat(20000));
    assertEquals(
      client.command("LCS", "a", "b"),
      "-ERR Insufficient memory, failed allocating transient memory for LCS\r\n",
    );
    assertEquals(client.command("LCS", "a", "b", "LEN"), ":0\r\n");
    client.command("DELIFEQ", "a", "x".repeat(2000));
    client.command("DELIFEQ", "b", "y".repeat(20000));
    assertEquals(core.encoding("key"), "int");
    assertEquals(client.command("STRLEN", "long"), ":2000\r\n");
    assertEquals(core.usedBytes, used);
  });

  it("that an allocation meets leave each command undone", () => {
    const long = "v".repeat(3000);
    const commands = [
      ["SET", "new", long], ["SET", "new", "x", "PX", "100"], ["SET", "key", long, "GET"], ["GETSET", "key", long],
      ["APPEND", "new", "x"], ["APPEND", "key", long], ["APPEND", "number", "x"], ["SETRANGE", "number", "5", "x"],
      ["SETRANGE", "new", "5", "x"], ["INCR", "new"], ["INCRBYFLOAT", "new", "1"], ["INCRBYFLOAT", "number", "0.5"],
      ["GETEX", "key", "EX", "10"], ["GETEX", "timed", "PERSIST"], ["MSET", "new", long],
      ["MSETEX", "1", "new", "v", "EX", "9"],
    ];
    for (const command of commands) {
      const { core, client } = fresh();
      client.command("MSET", "key", "value", "number", "12");
      client.command("SET", "timed", "1", "EX", "100");
      const read = () => client.command("MGET", "key", "number", "timed", "new") + client.command("DBSIZE");
      failsWhole(core, client, command, () => [read(), core.dirty, core.usedBytes]);
    }
  });
});
