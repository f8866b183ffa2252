/**
 * What strings can do beyond Valkey 9.1: comparisons of SET and DELEX, DIGEST, INCREX, and four more ways of BITOP. The
 * real server here has none of it; the expected replies are those that its inventors document.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";
import { bulk, NIL, WRONG_TYPE } from "../support/resp.ts";
import { loadTestCore } from "../support/test-core.ts";

const OK = "+OK\r\n";
const SYNTAX = "-ERR syntax error\r\n";
const pair = (value: number | string, delta: number | string): string => `*2\r\n:${value}\r\n:${delta}\r\n`;
const texts = (...all: string[]): string => `*${all.length}\r\n${all.map(bulk).join("")}`;

function fresh(): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  return { core, client: core.connect() };
}

const hello = "9555e8555c62dcfd";

describe("DIGEST", () => {
  /** Of bytes (131 i + 7 (i >> 8) + 17) mod 256, by another implementation of XXH3. */
  const DIGESTS: [length: number, digest: string][] = [
    [0, "2d06800538d394c2"], [1, "f319fe2bdfcdfebd"], [2, "6c2ca74ca555b69d"], [3, "a107bb65b715c89b"],
    [4, "509f0567aa8a3123"], [5, "6e8bb692f31805e8"], [8, "b1433dc39b7f946e"], [9, "fe2542440b36ddc7"],
    [15, "ed08d99f5f3a0d83"], [16, "715189ff3dcdcff6"], [17, "7d33163b8af0179c"], [31, "91f3e7ddd073abe6"],
    [32, "909ca0c765b1753c"], [33, "60f5a6ac1c8b4a59"], [64, "0991d97cd58dd82d"], [65, "8e4f57a107b176db"],
    [96, "8adaf9d6e4f4721f"], [97, "c1e958e855648d78"], [128, "ee847f7fcef4ddbc"], [129, "7e3e7b750239d4fc"],
    [130, "abeaafe107571d84"], [144, "be85dae44037bafd"], [239, "1d79153451245f8c"], [240, "44089a144aade02d"],
    [241, "ed93572e52acac83"], [255, "ecede890dd88244b"], [256, "5356e48742805b6a"], [512, "d24bcbd9dfefec5b"],
    [1023, "047380aa65016bf5"], [1024, "f9bf1ee035a040ac"], [1025, "70a447382d332cf9"], [1088, "e7ccccf692f97a9e"],
    [2048, "f822771e45ed0902"], [2049, "ce7f6ffd4c22ab1f"], [4096, "8de76fdd779a5067"], [100000, "5ec46c7ed15d3a91"],
  ];

  it("is XXH3 of texts of every length class", () => {
    const { exports, memory } = loadTestCore("bytes-exports");
    const at: number = exports.workspace();
    for (const [length, digest] of DIGESTS) {
      const bytes = new Uint8Array(memory.buffer, at, length);
      for (let i = 0; i < length; i++) bytes[i] = (i * 131 + (i >> 8) * 7 + 17) & 255;
      const found = BigInt.asUintN(64, exports.xxh3(at, length)).toString(16).padStart(16, "0");
      assertEquals(found, digest, `${length} bytes`);
    }
  });

  it("replies sixteen digits of any string, null for none, an error for what is no string", () => {
    const { client } = fresh();
    client.command("SET", "k", "Hello world");
    assertEquals(client.command("DIGEST", "k"), bulk("b6acb9d84a38ff74"));
    client.command("SET", "k", "Hello, Dragonfly!");
    assertEquals(client.command("DIGEST", "k"), bulk("063b4909128e92b7"));
    client.command("SET", "k", 12345);
    const digest = client.command("DIGEST", "k");
    client.command("APPEND", "k", "");
    assertEquals(client.command("DIGEST", "k"), digest, "however it is kept");
    assertEquals(client.command("DIGEST", "none"), NIL);
    client.command("SADD", "s", "a");
    assertEquals(client.command("DIGEST", "s"), WRONG_TYPE);
  });
});

describe("SET with a comparison", () => {
  it("sets only what it compares with, and what is absent when it must differ", () => {
    const { client } = fresh();
    assertEquals(client.command("SET", "k", "new", "IFEQ", "hello"), NIL);
    assertEquals(client.command("SET", "k", "new", "IFDEQ", hello), NIL);
    assertEquals(client.command("SET", "k", "hello", "IFNE", "x"), OK);
    assertEquals(client.command("SET", "k", "y", "IFNE", "hello"), NIL);
    assertEquals(client.command("SET", "k", "y", "IFDNE", hello), NIL);
    assertEquals(client.command("SET", "k", "y", "IFDEQ", hello.toUpperCase(), "EX", 100), OK);
    assertEquals(client.command("TTL", "k"), ":100\r\n");
    assertEquals(client.command("SET", "k", "z", "IFDEQ", hello, "GET"), bulk("y"));
    assertEquals(client.command("SET", "k", "z", "IFDNE", hello, "GET"), bulk("y"));
    assertEquals(client.command("GET", "k"), bulk("z"));
    assertEquals(client.command("SET", "fresh", "z", "IFDNE", hello), OK);
  });

  it("refuses two conditions, digests that are none, and other types", () => {
    const { client } = fresh();
    client.command("SADD", "s", "a");
    assertEquals(client.command("SET", "k", "v", "NX", "IFNE", "x"), SYNTAX);
    assertEquals(client.command("SET", "k", "v", "IFNE", "x", "IFEQ", "y"), SYNTAX);
    assertEquals(client.command("SET", "k", "v", "IFNE"), SYNTAX);
    for (const digest of ["", "123", "9555e8555c62dcfg", `${hello}0`]) {
      const reply = client.command("SET", "k", "v", "IFDEQ", digest);
      assertEquals(reply, "-ERR digest must be exactly 16 hexadecimal characters\r\n");
    }
    assertEquals(client.command("SET", "s", "v", "IFNE", "x"), WRONG_TYPE);
    assertEquals(client.command("GETEX", "k", "IFNE", "x"), SYNTAX);
    assertEquals(client.command("EXISTS", "k"), ":0\r\n");
  });
});

describe("DELEX", () => {
  it("removes what the comparison allows, and without one anything", () => {
    const { client } = fresh();
    const cases: [words: string[], removed: number][] = [
      [["IFEQ", "hello"], 1], [["IFEQ", "x"], 0], [["IFNE", "hello"], 0], [["IFNE", "x"], 1],
      [["IFDEQ", hello], 1], [["IFDEQ", "0000000000000000"], 0], [["IFDNE", hello], 0],
      [["ifdne", "0000000000000000"], 1], [[], 1],
    ];
    for (const [words, removed] of cases) {
      client.command("SET", "k", "hello");
      assertEquals(client.command("DELEX", "k", ...words), `:${removed}\r\n`, words.join(" "));
      assertEquals(client.command("EXISTS", "k"), `:${1 - removed}\r\n`);
      assertEquals(client.command("DELEX", "none", ...words), ":0\r\n");
    }
    client.command("SADD", "s", "a");
    assertEquals(client.command("DELEX", "s", "IFNE", "x"), WRONG_TYPE);
    assertEquals(client.command("DELEX", "s"), ":1\r\n");
    assertEquals(client.command("DELEX", "k", "NX", "x"), SYNTAX);
    assertEquals(client.command("DELEX", "k", "IFEQ"), "-ERR wrong number of arguments for 'delex' command\r\n");
  });
});

// --- INCREX ---

describe("INCREX", () => {
  it("counts integers by one or as told, within bounds", () => {
    const { client } = fresh();
    assertEquals(client.command("INCREX", "k"), pair(1, 1));
    assertEquals(client.command("INCREX", "k", "BYINT", 99), pair(100, 99));
    assertEquals(client.command("INCREX", "k", "BYINT", -10), pair(90, -10));
    assertEquals(client.command("INCREX", "k", "BYINT", 11, "UBOUND", 100), pair(90, 0));
    assertEquals(client.command("INCREX", "k", "BYINT", 11, "UBOUND", 100, "SATURATE"), pair(100, 10));
    assertEquals(client.command("INCREX", "k", "BYINT", -200, "LBOUND", 0), pair(100, 0));
    assertEquals(client.command("INCREX", "k", "BYINT", -200, "LBOUND", 0, "SATURATE"), pair(0, -100));
    assertEquals(client.command("GET", "k"), bulk("0"));
    assertEquals(client.command("INCREX", "none", "UBOUND", 0), pair(0, 0));
    assertEquals(client.command("EXISTS", "none"), ":0\r\n");
    assertEquals(client.command("INCREX", "none", "BYINT", 5, "UBOUND", 3, "SATURATE"), pair(3, 3));
  });

  it("treats the limits of 64 bits as bounds", () => {
    const { client } = fresh();
    const [most, least] = ["9223372036854775807", "-9223372036854775808"];
    client.command("SET", "k", most);
    assertEquals(client.command("INCREX", "k"), pair(most, 0));
    assertEquals(client.command("INCREX", "k", "SATURATE"), pair(most, 0));
    client.command("SET", "k", least);
    assertEquals(client.command("INCREX", "k", "BYINT", -1), pair(least, 0));
    // From the least to a bound above zero is further than 64 bits can tell.
    const far = client.command("INCREX", "k", "BYINT", 1, "LBOUND", 1, "SATURATE");
    assertEquals(far, "-ERR increment or decrement would overflow\r\n");
  });

  it("sets, keeps and takes away the expiry", () => {
    const { core, client } = fresh();
    const ttl = () => Number(client.command("TTL", "k").slice(1));
    client.command("INCREX", "k", "EX", 100);
    assertEquals(ttl(), 100);
    client.command("INCREX", "k");
    assertEquals(ttl(), 100);
    client.command("INCREX", "k", "EX", 10, "ENX");
    assertEquals(ttl(), 100);
    client.command("INCREX", "k", "UBOUND", 3, "PX", 5000);
    assertEquals(ttl(), 100, "nothing changes out of bounds");
    client.command("INCREX", "k", "UBOUND", 3, "PX", 5000, "SATURATE");
    assertEquals(ttl(), 5);
    client.command("INCREX", "k", "PERSIST");
    assertEquals(ttl(), -1);
    client.command("INCREX", "k", "EX", 10, "ENX");
    assertEquals(ttl(), 10);
    core.advance(11_000);
    assertEquals(client.command("INCREX", "k", "EX", 10, "ENX"), pair(1, 1));
    assertEquals(client.command("INCREX", "k", "PXAT", 1000), pair(2, 1));
    assertEquals(client.command("EXISTS", "k"), ":0\r\n");
  });

  it("counts floating point", () => {
    const { client } = fresh();
    client.command("SET", "k", "1.5");
    assertEquals(client.command("INCREX", "k", "BYFLOAT", "0.25"), texts("1.75", "0.25"));
    assertEquals(client.command("INCREX", "k", "BYFLOAT", "5", "UBOUND", "2.5"), texts("1.75", "0"));
    assertEquals(client.command("INCREX", "k", "BYFLOAT", "5", "UBOUND", "2.5", "SATURATE"), texts("2.5", "0.75"));
    assertEquals(client.command("INCREX", "k", "BYFLOAT", "-9", "LBOUND", "-1", "SATURATE"), texts("-1", "-3.5"));
    assertEquals(client.command("INCREX", "new", "BYFLOAT", "3.0e3"), texts("3000", "3000"));
    client.command("SET", "k", "1.5");
    assertEquals(client.command("INCREX", "k"), "-ERR value is not an integer or out of range\r\n");
    for (const by of ["inf", "-inf"]) {
      assertEquals(client.command("INCREX", "k", "BYFLOAT", by), "-ERR increment would produce NaN or Infinity\r\n");
    }
  });

  it("refuses what it can't read, and then changes nothing", () => {
    const { client } = fresh();
    client.command("SET", "k", "7");
    client.command("SADD", "s", "a");
    const refused: [words: (string | number)[], reply: string][] = [
      [["BYINT"], SYNTAX], [["BYINT", 1, "BYFLOAT", 1], SYNTAX], [["BYINT", 1, "BYINT", 1], SYNTAX],
      [["LBOUND", 1, "LBOUND", 1], SYNTAX], [["NX"], SYNTAX], [["ENX"], SYNTAX], [["PERSIST", "ENX"], SYNTAX],
      [["EX", 1, "PX", 1], SYNTAX], [["EX", 1, "PERSIST"], SYNTAX], [["PERSIST", "EX", 1], SYNTAX],
      [["BYINT", "1.5"], "-ERR value is not an integer or out of range\r\n"],
      [["UBOUND", "x"], "-ERR value is not an integer or out of range\r\n"],
      [["BYFLOAT", "x"], "-ERR value is not a valid float\r\n"],
      [["BYFLOAT", 1, "LBOUND", "x"], "-ERR value is not a valid float\r\n"],
      [["LBOUND", 2, "UBOUND", 1], "-ERR LBOUND must be less than or equal to UBOUND\r\n"],
      [["BYFLOAT", 1, "LBOUND", 2, "UBOUND", 1], "-ERR LBOUND must be less than or equal to UBOUND\r\n"],
      [["EX", 0], "-ERR invalid expire time in 'increx' command\r\n"],
    ];
    for (const [words, reply] of refused) assertEquals(client.command("INCREX", "k", ...words), reply, words.join(" "));
    assertEquals(client.command("GET", "k"), bulk("7"));
    assertEquals(client.command("TTL", "k"), ":-1\r\n");
    assertEquals(client.command("INCREX", "s"), WRONG_TYPE);
  });
});

// --- BITOP ---

describe("BITOP DIFF, DIFF1, ANDOR and ONE", () => {
  it("agree with a byte-by-byte model at any lengths", () => {
    const random = seeded("bitop");
    const { client } = fresh();
    for (let round = 0; round < 400; round++) {
      const count = 2 + random.below(4);
      const sources = Array.from({ length: count }, () => {
        const length = random.below(5) === 0 ? 0 : random.below(70);
        return Array.from({ length }, () => random.below(256));
      });
      sources.forEach((bytes, i) => {
        if (bytes.length === 0) client.command("DEL", `s${i}`);
        else client.command("SET", `s${i}`, String.fromCharCode(...bytes));
      });
      const size = Math.max(...sources.map((bytes) => bytes.length));
      const keys = sources.map((_, i) => `s${i}`);
      const model = (name: string, at: number): number => {
        const [x, ...ys] = sources.map((bytes) => bytes[at] ?? 0);
        const any = ys.reduce((all, y) => all | y, 0);
        if (name === "DIFF") return x & ~any;
        if (name === "DIFF1") return any & ~x;
        if (name === "ANDOR") return x & any;
        let [once, more] = [0, 0];
        for (const bits of [x, ...ys]) {
          more |= once & bits;
          once |= bits;
        }
        return once & ~more;
      };
      for (const name of ["DIFF", "DIFF1", "ANDOR", "ONE"]) {
        const wanted = Array.from({ length: size }, (_, at) => model(name, at));
        assertEquals(client.command("BITOP", name.toLowerCase(), "d", ...keys), `:${size}\r\n`);
        const found = client.command("GET", "d");
        assertEquals(found, size === 0 ? NIL : bulk(String.fromCharCode(...wanted)), name);
      }
    }
  });

  it("want two sources, but for ONE, and may write to one of them", () => {
    const { client } = fresh();
    client.command("SET", "a", "\x0f");
    client.command("SET", "b", "\x03");
    for (const name of ["DIFF", "DIFF1", "ANDOR"]) {
      const reply = client.command("BITOP", name, "d", "a");
      assertEquals(reply, `-ERR BITOP ${name} must be called with at least two source keys.\r\n`);
    }
    assertEquals(client.command("BITOP", "ONE", "d", "a"), ":1\r\n");
    assertEquals(client.command("BITOP", "DIFF", "a", "a", "b"), ":1\r\n");
    assertEquals(client.command("GET", "a"), bulk("\x0c"));
    client.command("SADD", "s", "x");
    assertEquals(client.command("BITOP", "ONE", "d", "a", "s"), WRONG_TYPE);
  });

  it("change nothing without memory", () => {
    const { core, client } = fresh();
    client.command("SET", "a", "x".repeat(3000));
    client.command("SET", "b", "y".repeat(2000));
    client.command("SET", "d", "before");
    assert(failsWhole(core, client, ["BITOP", "ONE", "d", "a", "b"], () => client.command("GET", "d")) > 1);
  });
});
