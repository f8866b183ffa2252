/**
 * Bitmap commands in the core, driven without a server: strings in every encoding against a text of 0 and 1, counted
 * changes, limits, memory that runs out. That each reply is the real server's is for differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";
import { bulk } from "../support/resp.ts";

/** Values of every encoding. */
const VALUES: [name: string, value: string, encoding: string][] = [
  ["int", "-1234567", "int"],
  ["empty", "", "embstr"],
  ["embstr", "foobar", "embstr"],
  ["raw, inline", "\x00\xff\x10".repeat(100), "raw"],
  ["raw, in a block", "\xfe".repeat(700), "raw"],
];

const bitText = (value: string) =>
  Array.from(value, (c) => c.charCodeAt(0).toString(2).padStart(8, "0")).join("");
const bytesOfBits = (bits: string) =>
  (bits.match(/.{8}/g) ?? []).map((byte) => String.fromCharCode(Number.parseInt(byte, 2))).join("");
const integer = (value: number | bigint): string => `:${value}\r\n`;

/** A core and a client that have met an error and a long argument: what those need stays allocated. */
function fresh(maximumPages?: number): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver({ maximumPages });
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  return { core, client };
}

describe("bits of each encoding", () => {
  for (const [name, value, encoding] of VALUES) {
    it(`${name}: are read, counted and found`, () => {
      const { core, client } = fresh();
      client.command("SET", "key", value);
      const bits = bitText(value);
      for (let i = 0; i < bits.length + 9; i += 1 + (i >> 4)) {
        assertEquals(client.command("GETBIT", "key", i), integer(Number(bits[i] ?? 0)));
        const wide = `${bits}${"0".repeat(80)}`.slice(i, i + 64);
        const expected = BigInt.asIntN(64, BigInt(`0b${wide.padEnd(64, "0")}`));
        assertEquals(client.command("BITFIELD_RO", "key", "GET", "i64", i), `*1\r\n${integer(expected)}`);
      }
      const ones = (text: string) => text.replaceAll("0", "").length;
      assertEquals(client.command("BITCOUNT", "key"), integer(ones(bits)));
      assertEquals(client.command("BITCOUNT", "key", 1, -2), integer(ones(bits.slice(8, -8))));
      assertEquals(client.command("BITCOUNT", "key", 3, -5, "BIT"), integer(ones(bits.slice(3, -4))));
      assertEquals(client.command("BITPOS", "key", 1), integer(bits.indexOf("1")));
      const after = bits.indexOf("1", 11);
      assertEquals(client.command("BITPOS", "key", 1, 11, -1, "BIT"), integer(after));
      assertEquals(core.encoding("key"), encoding);
    });

    it(`${name}: become raw when one is written`, () => {
      const { core, client } = fresh();
      client.command("SET", "key", value, "PX", 500);
      let bits = bitText(value);
      for (const [at, bit] of [[0, 1], [9, 1], [9, 0], [bits.length + 20, 1], [bits.length, 1]]) {
        assertEquals(client.command("SETBIT", "key", at, bit), integer(Number(bits[at] ?? 0)));
        bits = bits.padEnd((at >> 3) * 8 + 8, "0");
        bits = bits.slice(0, at) + bit + bits.slice(at + 1);
        assertEquals(client.command("GET", "key"), bulk(bytesOfBits(bits)));
      }
      assertEquals(core.encoding("key"), "raw");
      core.advance(501);
      assertEquals(client.command("BITCOUNT", "key"), integer(0));
    });
  }

  it("are combined whatever the lengths, and the destination loses its expiry", () => {
    const { core, client } = fresh();
    const used = core.usedBytes;
    client.command("MSET", ...VALUES.flatMap(([name, value]) => [name, value]));
    for (const [first, a] of VALUES) {
      for (const [second, b] of VALUES) {
        const size = Math.max(a.length, b.length);
        const pairs = Array.from({ length: size }, (_, i) => [a.charCodeAt(i) | 0, b.charCodeAt(i) | 0] as const);
        const results = {
          AND: pairs.map(([x, y]) => x & y), OR: pairs.map(([x, y]) => x | y), XOR: pairs.map(([x, y]) => x ^ y),
        };
        for (const [operation, bytes] of Object.entries(results)) {
          client.command("SET", "to", "before", "EX", 100);
          assertEquals(client.command("BITOP", operation, "to", first, second), integer(size));
          const expected = size > 0 ? bulk(String.fromCharCode(...bytes)) : "$-1\r\n";
          assertEquals(client.command("GET", "to"), expected, `${first} ${operation} ${second}`);
          core.advance(100_001);
          assertEquals(client.command("GET", "to"), expected);
        }
      }
      client.command("BITOP", "NOT", "to", first);
      client.command("BITOP", "NOT", "to", "to");
      assertEquals(client.command("GET", "to"), a === "" ? "$-1\r\n" : bulk(a));
    }
    client.command("FLUSHALL");
    assertEquals(core.usedBytes, used);
  });
});

describe("bit fields", () => {
  it("follow a model of bits", () => {
    const random = seeded("bit fields");
    const { client } = fresh();
    let bits = "";
    for (let i = 0; i < 20000; i++) {
      const isSigned = random.below(2) === 1;
      const width = 1 + random.below(isSigned ? 64 : 63);
      const at = random.below(300);
      const type = (isSigned ? "i" : "u") + width;
      const cut = (n: bigint) => (isSigned ? BigInt.asIntN(width, n) : BigInt.asUintN(width, n));
      const old = cut(BigInt(`0b${bits.padEnd(at + width, "0").slice(at, at + width)}`));
      const operand = BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64));
      const adds = random.below(2) === 1;
      const sum = adds ? old + operand : operand;
      const mode = random.pick(["WRAP", "FAIL"]);
      const high = (1n << BigInt(isSigned ? width - 1 : width)) - 1n;
      const low = isSigned ? -high - 1n : 0n;
      const fails = mode === "FAIL" && (sum < low || sum > high);
      const place = at % width === 0 && random.below(2) ? `#${at / width}` : at;
      const operation = adds ? "INCRBY" : "SET";
      const reply = client.command("BITFIELD", "key", "OVERFLOW", mode, operation, type, place, `${operand}`);
      bits = bits.padEnd(((at + width + 7) >> 3) * 8, "0");
      const value = cut(sum);
      const expected = fails ? "*1\r\n$-1\r\n" : `*1\r\n${integer(adds ? value : old)}`;
      assertEquals(reply, expected, `${type} at ${at}: ${old}, ${operand}, ${mode}`);
      if (fails) continue;
      const digits = BigInt.asUintN(width, value).toString(2).padStart(width, "0");
      bits = bits.slice(0, at) + digits + bits.slice(at + width);
      if (i % 50 === 0) assertEquals(client.command("GET", "key"), bulk(bytesOfBits(bits)));
    }
  });

  it("saturate, the lower end of narrow widths as Valkey does", () => {
    const { client } = fresh();
    const saturated = (...parts: string[]) => client.command("BITFIELD", "key", "OVERFLOW", "SAT", ...parts);
    assertEquals(saturated("SET", "u8", "0", "300", "GET", "u8", "0"), "*2\r\n:0\r\n:255\r\n");
    assertEquals(saturated("INCRBY", "u8", "0", "-300"), "*1\r\n:0\r\n");
    assertEquals(saturated("INCRBY", "i8", "0", "-300"), "*1\r\n:-128\r\n");
    // So far below the range that the distance to its top no longer fits 64 bits: counted as an overflow upwards.
    assertEquals(saturated("SET", "i63", "0", "-9223372036854775808", "GET", "i63", "0"),
      "*2\r\n:-4611686018427387904\r\n:4611686018427387903\r\n");
  });
});

describe("changes", () => {
  it("are counted when something becomes another", () => {
    const { core, client } = fresh();
    const counted = (...command: (string | number)[]): number => {
      const before = core.dirty;
      client.command(...command);
      return Number(core.dirty - before);
    };
    assertEquals(counted("SETBIT", "new", 5, 0), 1);
    assertEquals(counted("SETBIT", "new", 5, 0), 0);
    assertEquals(counted("SETBIT", "new", 8, 0), 1);
    assertEquals(counted("SETBIT", "new", 8, 1), 1);
    assertEquals(counted("BITFIELD", "new", "SET", "u8", 0, 7, "INCRBY", "u8", 0, 0, "GET", "u8", 0), 1);
    assertEquals(counted("BITFIELD", "fresh", "SET", "u8", 0, 0, "SET", "u8", 0, 0), 2);
    assertEquals(counted("BITFIELD", "grown", "OVERFLOW", "FAIL", "INCRBY", "u8", 100, 900), 0);
    assertEquals(client.command("GET", "grown"), bulk("\0".repeat(14)));
    assertEquals(counted("BITFIELD", "fresh", "GET", "u8", 900), 0);
    assertEquals(counted("BITOP", "AND", "none", "absent", "absent"), 0);
    assertEquals(counted("BITOP", "AND", "new", "absent"), 1);
  });
});

describe("limits", () => {
  it("of an offset are proto-max-bulk-len", () => {
    const { core, client } = fresh();
    core.core.setSetting("protoMaxBulkLen", 1 << 20);
    const error = "-ERR bit offset is not an integer or out of range\r\n";
    for (const offset of ["8388608", "-1", "x", "", "#1", "9223372036854775807"]) {
      assertEquals(client.command("SETBIT", "key", offset, 1), error);
      assertEquals(client.command("GETBIT", "key", offset), error);
    }
    assertEquals(client.command("SETBIT", "key", 8388607, 1), integer(0));
    assertEquals(client.command("BITFIELD", "key", "GET", "u8", "#1048576"), error);
    assertEquals(client.command("BITFIELD", "key", "SET", "u8", "#1048575", 3), "*1\r\n:1\r\n");
  });

  it("that an allocation meets leave each command undone", () => {
    const commands = [
      ["SETBIT", "new", "9", "1"], ["SETBIT", "number", "3", "1"], ["SETBIT", "short", "90000", "1"],
      ["SETBIT", "timed", "70000", "1"], ["BITFIELD", "new", "SET", "u8", "9000", "1"],
      ["BITFIELD", "number", "INCRBY", "u8", "0", "1"], ["BITOP", "NOT", "new", "long"],
      ["BITOP", "OR", "short", "long"], ["BITOP", "OR", "timed", "number", "short"],
    ];
    for (const command of commands) {
      const { core, client } = fresh();
      client.command("MSET", "short", "value", "number", "12", "long", "x".repeat(9000));
      client.command("SET", "timed", "1", "EX", "100");
      const read = () => client.command("MGET", "short", "number", "timed", "new") + client.command("DBSIZE");
      failsWhole(core, client, command, () => [read(), core.dirty]);
    }
  });
});
