/** The core's byte work (core-wasm/bytes/) against published vectors and simple references in TypeScript. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { loadTestCore, Random } from "../support/test-core.ts";

const { exports: core, memory } = loadTestCore("bytes-exports");
const base: number = core.workspace();
const bytes = new Uint8Array(memory.buffer);
const view = new DataView(memory.buffer);
const OUT = base + 4096; // where results go
const A = base + 8192;
const B = base + 16384;

/** Copies text (one byte a character) or bytes to `at`, with junk behind; answers the length. */
function put(at: number, text: string | Uint8Array): number {
  const from = typeof text === "string" ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : text;
  bytes.set(from, at);
  bytes.fill(0x39, at + from.length, at + from.length + 16);
  return from.length;
}

/** The text at `at`. */
function text(at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** A copy of the bytes at `at`. */
function copy(at: number, length: number): Uint8Array {
  return bytes.slice(at, at + length);
}

describe("integers", () => {
  const parseI64 = (s: string) => (core.parseI64(A, put(A, s), OUT) ? view.getBigInt64(OUT, true) : undefined);
  const parseU64 = (s: string) => (core.parseU64(A, put(A, s), OUT) ? view.getBigUint64(OUT, true) : undefined);

  it("parse in their canonical spelling only", () => {
    const good = ["0", "1", "-1", "9", "10", "9223372036854775807", "-9223372036854775808", "12345678", "1234567890123456"];
    for (const s of good) assertEquals(parseI64(s), BigInt(s), s);
    const bad = ["", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "9223372036854775808", "0x10",
      "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999", "--1", "1\0",
      "123456789012345678901", "1234567a", "12345678a", "a2345678", "1234/678", "1234:678", "\xb1", "1234567\xb1"];
    for (const s of bad) assertEquals(parseI64(s), undefined, s);
  });

  it("parse unsigned with strtoull's freedoms", () => {
    for (const [s, n] of [["0", 0n], ["007", 7n], [" 12", 12n], ["+12", 12n], ["18446744073709551615", (1n << 64n) - 1n],
      ["\t\n 5", 5n], [" -1", (1n << 64n) - 1n], ["-18446744073709551615", 1n], ["0000000000000000000000001", 1n],
      ["12\0junk", 12n], ["-0", 0n]] as const) assertEquals(parseU64(s), n, JSON.stringify(s));
    for (const s of ["", " ", "+", "-", "-1", "-5", "18446744073709551616", "99999999999999999999", "1x", "1 ", "+-1",
      "184467440737095516150", "- 1"]) assertEquals(parseU64(s), undefined, JSON.stringify(s));
  });

  it("parse and print what BigInt prints", () => {
    const random = new Random("integers");
    for (let i = 0; i < 100000; i++) {
      const value = BigInt.asIntN(64, random.u64() >> BigInt(random.below(64)));
      const expected = value.toString();
      const length = core.formatI64(A, value);
      if (text(A, length) !== expected || core.digitsOfI64(value) !== length) {
        assertEquals(text(A, length), expected);
        assertEquals(core.digitsOfI64(value), length, expected);
      }
      const back = parseI64(expected);
      if (back !== value) assertEquals(back, value, expected);
      const unsigned = BigInt.asUintN(64, value);
      const unsignedLength = core.formatU64(A, unsigned);
      if (text(A, unsignedLength) !== unsigned.toString()) assertEquals(text(A, unsignedLength), unsigned.toString());
      if (parseU64(unsigned.toString()) !== unsigned) assertEquals(parseU64(unsigned.toString()), unsigned);
    }
    for (let power = 1n; power < 1n << 63n; power *= 10n) {
      for (const value of [power - 1n, power, power + 1n, -power, 1n - power]) {
        assertEquals(text(A, core.formatI64(A, value)), value.toString());
        assertEquals(core.digitsOfI64(value), value.toString().length);
      }
    }
  });

  it("refuse mutated spellings as a regular expression does", () => {
    const random = new Random("integer syntax");
    for (let i = 0; i < 50000; i++) {
      let s = "";
      for (let n = random.below(22); n > 0; n--) s += random.pick(random.below(8) ? "0123456789" : "-+ .e0/:\0\xff");
      if (random.below(3) === 0) s = "-" + s;
      const fits = /^(0|-?[1-9][0-9]*)$/.test(s) && BigInt.asIntN(64, BigInt(s)) === BigInt(s);
      const got = parseI64(s);
      if (got !== (fits ? BigInt(s) : undefined)) assertEquals(got, fits ? BigInt(s) : undefined, JSON.stringify(s));
    }
  });
});

const MASK = (1n << 64n) - 1n;

/** SipHash-1-3 by the paper, slowly. */
function sipHash(data: Uint8Array, k0: bigint, k1: bigint): bigint {
  const rotl = (v: bigint, n: bigint) => ((v << n) | (v >> (64n - n))) & MASK;
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n];
  const round = () => {
    v0 = (v0 + v1) & MASK; v1 = rotl(v1, 13n) ^ v0; v0 = rotl(v0, 32n);
    v2 = (v2 + v3) & MASK; v3 = rotl(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK; v3 = rotl(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK; v1 = rotl(v1, 17n) ^ v2; v2 = rotl(v2, 32n);
  };
  const padded = new Uint8Array((data.length & ~7) + 8);
  padded.set(data);
  padded[padded.length - 1] = data.length;
  const words = new DataView(padded.buffer);
  for (let i = 0; i < padded.length; i += 8) {
    const m = words.getBigUint64(i, true);
    v3 ^= m; round(); v0 ^= m;
  }
  v2 ^= 0xffn;
  round(); round(); round();
  return v0 ^ v1 ^ v2 ^ v3;
}

describe("hashes", () => {
  it("hashBytes is SipHash-1-3 and ignores what is behind the bytes", () => {
    const random = new Random("siphash");
    // Rust's core::hash::sip tests list SipHash-1-3 of 00 01 02 ... under the key 00 .. 0f; these are its first four.
    const vectors = [0xabac0158050fc4dcn, 0xc9f49bf37d57ca93n, 0x82cb9b024dc7d44dn, 0x8bf80ab8e7ddf7fbn];
    for (const [n, expected] of vectors.entries()) {
      put(A, Uint8Array.from({ length: n }, (_, i) => i));
      assertEquals(BigInt.asUintN(64, core.hashBytes(A, n, 0x0706050403020100n, 0x0f0e0d0c0b0a0908n)), expected);
    }
    for (let i = 0; i < 5000; i++) {
      const data = random.bytes(random.below(70));
      const [k0, k1] = [random.u64(), random.u64()];
      const at = A + random.below(8);
      const got = BigInt.asUintN(64, core.hashBytes(at, put(at, data), k0, k1));
      if (got !== sipHash(data, k0, k1)) assertEquals(got, sipHash(data, k0, k1));
    }
  });

  it("crc16 is XMODEM's and keySlot honours tags", () => {
    assertEquals(core.crc16(A, put(A, "123456789")), 0x31c3);
    const slots: [string, string][] = [["{user1000}.following", "user1000"], ["foo{{bar}}zap", "{bar"],
      ["foo{bar}{zap}", "bar"], ["a}b{c}", "c"], ["{x}", "x"]];
    for (const [key, tag] of slots) {
      assertEquals(core.keySlot(A, put(A, key)), core.crc16(A, put(A, tag)) & 16383, key);
    }
    for (const key of ["", "{}", "foo{}{bar}", "foo{", "foo}", "{abc"]) {
      assertEquals(core.keySlot(A, put(A, key)), core.crc16(A, put(A, key)) & 16383, key);
    }
    assertEquals(core.keySlot(A, put(A, "foo")), 12182);
  });

  it("crc64 is Jones's, whole and in parts", () => {
    assertEquals(BigInt.asUintN(64, core.crc64(0n, A, put(A, "123456789"))), 0xe9c6d914c4b8d9can);
    const random = new Random("crc64");
    for (let i = 0; i < 500; i++) {
      const data = random.bytes(random.below(200));
      const length = put(A, data);
      let expected = 0n;
      for (const byte of data) {
        expected ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) expected = expected & 1n ? (expected >> 1n) ^ 0x95ac9329ac4bc9b5n : expected >> 1n;
      }
      const cut = random.below(length + 1);
      assertEquals(BigInt.asUintN(64, core.crc64(core.crc64(0n, A, cut), A + cut, length - cut)), expected);
    }
  });
});

describe("comparing", () => {
  it("equalBytes and compareBytes agree with a byte loop", () => {
    const random = new Random("compare");
    for (let i = 0; i < 50000; i++) {
      const a = random.bytes(random.below(70));
      const b = random.below(4) ? a.slice() : random.bytes(random.below(70));
      if (b.length && random.below(2)) b[random.below(b.length)]! ^= 1 << random.below(8);
      const cut = random.below(3) ? b : b.subarray(0, random.below(b.length + 1));
      const [at, to] = [A + random.below(16), B + random.below(16)];
      put(at, a); put(to, cut);
      let expected = 0;
      for (let k = 0; k < Math.min(a.length, cut.length) && expected === 0; k++) expected = Math.sign(a[k]! - cut[k]!);
      if (expected === 0) expected = Math.sign(a.length - cut.length);
      const got = Math.sign(core.compareBytes(at, a.length, to, cut.length));
      if (got !== expected) assertEquals(got, expected, `${a} ${cut}`);
      const n = Math.min(a.length, cut.length);
      const same = a.subarray(0, n).every((byte, k) => byte === cut[k]) ? 1 : 0;
      if (core.equalBytes(at, to, n) !== same) assertEquals(core.equalBytes(at, to, n), same, `${a} ${cut}`);
    }
  });

  it("isWord takes any case, ends at a NUL, and knows letters from their look-alikes", () => {
    const is = (s: string, n: number) => core.isWordNumber(A, put(A, s), n) === 1;
    for (const s of ["EX", "ex", "eX", "Ex", "ex\0tra"]) assertEquals(is(s, 0), true, s);
    for (const s of ["", "E", "EXX", "EY", "e\x18", "\x45\x78x", "e\0"]) assertEquals(is(s, 0), false, s);
    assertEquals(is("keepTTL", 1), true);
    assertEquals(is("no-evict_@[", 2), true);
    for (const s of ["no\revict_@[", "no-evict\x7f@[", "no-evict_`[", "no-evict_@{"]) assertEquals(is(s, 2), false, s);
    assertEquals(core.equalsIgnoreCase(A, B, (put(A, "aZ@[\xc1"), put(B, "Az@[\xc1"))), 1);
    assertEquals(core.equalsIgnoreCase(A, B, (put(A, "aZ@["), put(B, "Az@{"))), 0);
  });
});

/** Glob matching as the servers define it, by plain recursion. */
function glob(pattern: string, string: string, nocase: boolean, outermost = true): boolean {
  const lower = (c: string) => (nocase && c >= "A" && c <= "Z" ? c.toLowerCase() : c);
  const signed = (c: string) => (lower(c).charCodeAt(0) << 24) >> 24;
  let p = 0;
  let s = 0;
  if (outermost && string === "") return pattern === "";
  while (p < pattern.length && s < string.length) {
    const c = string[s]!;
    if (pattern[p] === "*") {
      while (pattern[p + 1] === "*") p++;
      if (p + 1 === pattern.length) return true;
      for (; s < string.length; s++) if (glob(pattern.slice(p + 1), string.slice(s), nocase, false)) return true;
      return false;
    } else if (pattern[p] === "[") {
      p++;
      const not = pattern[p] === "^";
      if (not) p++;
      let match = false;
      for (; p < pattern.length && pattern[p] !== "]"; p++) {
        if (pattern[p] === "\\" && p + 1 < pattern.length) {
          if (pattern[++p] === c) match = true;
        } else if (p + 2 < pattern.length && pattern[p + 1] === "-") {
          let [low, high] = [pattern[p]!, pattern[p + 2]!];
          const raw = (x: string) => (x.charCodeAt(0) << 24) >> 24;
          if (raw(low) > raw(high)) [low, high] = [high, low];
          if (signed(c) >= signed(low) && signed(c) <= signed(high)) match = true;
          p += 2;
        } else if (lower(pattern[p]!) === lower(c)) match = true;
      }
      if (p > pattern.length) p = pattern.length;
      if (match === not) return false;
    } else if (pattern[p] !== "?") {
      if (pattern[p] === "\\" && p + 1 < pattern.length) p++;
      if (lower(pattern[p]!) !== lower(c)) return false;
    }
    p++;
    s++;
  }
  if (s === string.length) while (pattern[p] === "*") p++;
  return p >= pattern.length && s === string.length;
}

describe("glob", () => {
  const match = (p: string, s: string, nocase = false) =>
    core.globMatch(A, put(A, p), B, put(B, s), nocase ? 1 : 0) === 1;

  it("matches stars, marks, classes and escapes", () => {
    const yes: [string, string][] = [["*", "x"], ["h?llo", "hello"], ["h*llo", "heeeello"], ["h[ae]llo", "hallo"],
      ["h[^e]llo", "hallo"], ["h[a-b]llo", "hbllo"], ["h[b-a]llo", "hallo"], ["\\*a", "*a"], ["a\\", "a\\"],
      ["[abc", "b"], ["[^", "b"], ["*foo*bar", "xxfooyybar"], ["**a**", "bab"], ["", ""], ["[\\]]", "]"], ["a*", "a"],
      ["[a-]x", "]"], ["[*]", "*"]];
    for (const [p, s] of yes) assertEquals(match(p, s), true, `${p} ${s}`);
    const no: [string, string][] = [["h?llo", "hllo"], ["h[ae]llo", "hillo"], ["h[^e]llo", "hello"], ["*", ""], ["**", ""],
      ["a", "aa"], ["aa", "a"], ["\\*", "a"], ["[]", "]"], ["[", "["], ["?", ""], ["", "a"]];
    for (const [p, s] of no) assertEquals(match(p, s), false, `${p} ${s}`);
    assertEquals(match("H[A-Z]*", "hello", true), true);
    assertEquals(match("H[A-Z]*", "hello", false), false);
  });

  it("agrees with plain recursion", () => {
    const random = new Random("glob");
    let matched = 0;
    for (let i = 0; i < 100000; i++) {
      let p = "";
      for (let n = random.below(10); n > 0; n--) p += random.pick(random.below(2) ? "abAB" : "*?[]^-\\a*\x80\xff");
      let s = "";
      for (let n = random.below(10); n > 0; n--) s += random.pick(random.below(9) ? "abAB" : "-]\\^*\x80\xff");
      const nocase = random.below(2) === 1;
      const expected = glob(p, s, nocase);
      matched += expected ? 1 : 0;
      if (match(p, s, nocase) !== expected) assertEquals(match(p, s, nocase), expected, JSON.stringify([p, s, nocase]));
    }
    assertEquals(matched > 1000, true, `only ${matched} matches`);
  });

  it("answers hostile patterns at once", () => {
    assertEquals(match("a*".repeat(500) + "b", "a".repeat(3000)), false);
    assertEquals(match("a*".repeat(1000), "a".repeat(1001)), true);
    assertEquals(match("*a".repeat(1001) + "*", "a".repeat(1100)), false);
  });
});

// --- Doubles ---

const doubleBits = new DataView(new ArrayBuffer(8));

/** A double: random bits, or decimals and integers of many sizes. */
function randomDouble(random: Random): number {
  const sign = random.below(2) ? 1 : -1;
  switch (random.below(5)) {
    case 0:
      doubleBits.setBigUint64(0, random.u64());
      return Number.isNaN(doubleBits.getFloat64(0)) ? 0 : doubleBits.getFloat64(0);
    case 1: return sign * random.below(1e9) / 10 ** random.below(12);
    case 2: return sign * (random.u32() / 2 ** 32 + random.u32() / 2 ** 64) * 10 ** random.below(20);
    case 3: return sign * random.below(1000) * 10 ** (random.below(640) - 330);
    default: return sign * random.u32() * 2 ** random.below(80);
  }
}

/** A finite double as a fraction of two BigInts. */
function fractionOf(value: number): [bigint, bigint] {
  doubleBits.setFloat64(0, value);
  const bits = doubleBits.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (biased ? 1n << 52n : 0n);
  const exponent = BigInt((biased || 1) - 1075);
  const signed = bits >> 63n ? -mantissa : mantissa;
  return exponent >= 0n ? [signed << exponent, 1n] : [signed, 1n << -exponent];
}

/** n / d rounded to nearest, ties to even, for n >= 0. */
function divideRounded(n: bigint, d: bigint): bigint {
  const quotient = n / d;
  const twice = 2n * (n - quotient * d);
  return twice > d || (twice === d && quotient & 1n) ? quotient + 1n : quotient;
}

/** n / d with `decimals` decimals, as printf writes it. */
function fixed(n: bigint, d: bigint, negative: boolean, decimals: number): string {
  const rounded = divideRounded((n < 0n ? -n : n) * 10n ** BigInt(decimals), d);
  const digits = rounded.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return (negative ? "-" : "") + whole + (decimals ? "." + digits.slice(digits.length - decimals) : "");
}

/** "%.17g" of a value that it writes without an exponent. */
function precise(value: number): string {
  const [n, d] = fractionOf(value);
  const exponent = Number(value.toExponential(16).split("e")[1]);
  return fixed(n, d, value < 0, 16 - exponent).replace(/(\..*?)0+$/, "$1").replace(/\.$/, "");
}

describe("doubles", () => {
  const format = (value: number) => text(A, core.formatDouble(A, value));
  const parse = (s: string) => (core.parseDouble(A, put(A, s), OUT) ? view.getFloat64(OUT, true) : undefined);

  it("print as replies show them", () => {
    const cases: [number, string][] = [[0, "0"], [-0, "-0"], [1, "1"], [-1.5, "-1.5"], [0.1, "0.1"], [3.14, "3.14"],
      [1e17, "100000000000000000"], [2 ** 62, "4611686018427387904"], [2 ** 62 + 1024, "4611686018427389000"],
      [1e21, "1e+21"], [1e300, "1e+300"], [1.5e-7, "1.5e-7"], [1e-5, "0.00001"], [1.234e-10, "1.234e-10"], [5e-324, "5e-324"],
      [1.7976931348623157e308, "1.7976931348623157e+308"], [Infinity, "inf"], [-Infinity, "-inf"], [NaN, "nan"],
      [123456.789, "123456.789"], [0.30000000000000004, "0.30000000000000004"], [9.5367431640625e-7, "9.5367431640625e-7"]];
    for (const [value, expected] of cases) assertEquals(format(value), expected);
  });

  it("print digits that read back the same, nearly always as few as JavaScript's", () => {
    const random = new Random("double formatting");
    let longer = 0;
    const runs = 200000;
    for (let i = 0; i < runs; i++) {
      const value = randomDouble(random);
      const got = format(value);
      if (!Object.is(Number(got.replace("inf", "Infinity")), value)) assertEquals(got, String(value));
      const digits = (s: string) => s.replace(/e.*|[-.]|^-?0\.0*/g, "").replace(/^0+|0+$/g, "");
      const exact = Number.isInteger(value) && Math.abs(value) <= 2 ** 62;
      if (Number.isFinite(value) && !exact && digits(got) !== digits(String(value))) longer++;
    }
    assertEquals(longer < runs / 200, true, `${longer} of ${runs} differ`);
  });

  it("parse what the servers take and refuse the rest", () => {
    const good: [string, number][] = [["1", 1], ["+1", 1], ["-1.5e3", -1500], [".5", 0.5], ["5.", 5], ["1E5", 1e5], ["inf", Infinity],
      ["-INF", -Infinity], ["+Infinity", Infinity], ["1e-320", 1e-320], ["5e-324", 5e-324], ["3e-324", 5e-324], ["0e999", 0],
      ["1.7976931348623158e308", 1.7976931348623157e308], ["-0", -0], ["00012", 12], ["0." + "0".repeat(400) + "1e400", 0.1],
      ["1" + "0".repeat(400) + "e-400", 1], ["9007199254740993", 9007199254740992], ["1e22", 1e22], ["1e23", 1e23]];
    for (const [s, value] of good) assertEquals(Object.is(parse(s), value), true, `${s}: ${parse(s)}`);
    for (const s of ["", "+", "-", ".", "-.", "e5", "1e", "1e+", " 1", "1 ", "nan", "-nan", "nan(1)", "infin", "infinit", "infinityx",
      "0x10", "1e309", "1e-400", "2e-324", "1.7976931348623159e308", "1.2.3", "--1", "+-1", "1_000", "1\0", "1e5x",
      "1e99999999999999999999"]) assertEquals(parse(s), undefined, s);
  });

  it("parse correctly rounded, digits by digits as Number does", () => {
    const random = new Random("double parsing");
    for (let i = 0; i < 150000; i++) {
      let s = random.below(2) ? "-" : "";
      for (let n = 1 + random.below(random.below(4) ? 18 : 40); n > 0; n--) s += random.below(10);
      if (random.below(2)) s += "." + random.u64().toString().slice(0, random.below(21));
      if (random.below(2)) s += "e" + (random.below(680) - 350);
      const expected = Number(s);
      const zero = /^[-0.]*(e|$)/.test(s);
      const refused = !Number.isFinite(expected) || (expected === 0 && !zero);
      const got = parse(s);
      if (!Object.is(got, refused ? undefined : expected)) assertEquals(got, refused ? undefined : expected, s);
    }
  });

  it("parse points halfway between two doubles, and just beside them", () => {
    const random = new Random("double ties");
    for (let i = 0; i < 3000; i++) {
      doubleBits.setBigUint64(0, random.u64() >> 1n);
      const value = doubleBits.getFloat64(0);
      if (!Number.isFinite(value)) continue;
      doubleBits.setBigUint64(0, doubleBits.getBigUint64(0) + 1n);
      const above = doubleBits.getFloat64(0);
      if (!Number.isFinite(above)) continue;
      const [n1, d1] = fractionOf(value);
      const [n2, d2] = fractionOf(above);
      const [n, d] = [n1 * d2 + n2 * d1, 2n * d1 * d2]; // d is a power of two
      const places = d.toString(2).length - 1;
      const tie = (n * 5n ** BigInt(places)).toString();
      for (const s of [`${tie}e-${places}`, `${tie}.0001e-${places}`, `${BigInt(tie) - 1n}e-${places}`]) {
        if (!Object.is(parse(s), Number(s))) assertEquals(parse(s), Number(s), s);
      }
    }
  });

  it("print fixed and 17-digit forms as printf", () => {
    const random = new Random("fixed");
    for (const [value, decimals, expected] of [[0.5, 0, "0"], [1.5, 0, "2"], [2.5, 0, "2"], [-0.0, 2, "-0.00"], [0.125, 2, "0.12"],
      [0.375, 2, "0.38"], [999.9999, 3, "1000.000"], [1e22, 1, "10000000000000000000000.0"], [NaN, 2, "nan"]] as const) {
      assertEquals(text(A, core.formatFixed(A, value, decimals)), expected);
    }
    for (let i = 0; i < 60000; i++) {
      const value = i % 4 ? randomDouble(random) : random.below(1e6) / 2 ** random.below(20);
      if (!Number.isFinite(value)) continue;
      const decimals = random.below(18);
      const [n, d] = fractionOf(value);
      const expected = fixed(n, d, Object.is(value, -0) || value < 0, decimals);
      const got = text(A, core.formatFixed(A, value, decimals));
      if (got !== expected) assertEquals(got, expected, `${value} ${decimals}`);
      if (Math.abs(value) > 1e-4 && Math.abs(value) < 9e16) {
        const long = text(A, core.formatPrecise(A, value));
        if (long !== precise(value)) assertEquals(long, precise(value));
      }
    }
    assertEquals(text(A, core.formatPrecise(A, 1e300)), "1.0000000000000001e+300");
    assertEquals(text(A, core.formatPrecise(A, 5e-324)), "4.9406564584124654e-324");
    assertEquals(text(A, core.formatPrecise(A, 1e17)), "1e+17");
    assertEquals(text(A, core.formatPrecise(A, -0)), "-0");
    assertEquals(text(A, core.formatScaled(A, 166274.15156960032, 4)), "166274.1516");
    assertEquals(text(A, core.formatScaled(A, -0.00004, 4)), "0.0000");
    assertEquals(text(A, core.formatScaled(A, -0.775, 4)), "-0.7750");
  });
});

// --- Long doubles ---

/** n / d (d > 0) rounded to an x87 extended number, again as a fraction; undefined when it overflows or vanishes. */
function extended(n: bigint, d: bigint): [bigint, bigint] | undefined {
  if (n === 0n) return [0n, 1n];
  const magnitude = n < 0n ? -n : n;
  let exponent = magnitude.toString(2).length - d.toString(2).length - 64;
  const scaled = (e: number) => (e >= 0 ? divideRounded(magnitude, d << BigInt(e)) : divideRounded(magnitude << BigInt(-e), d));
  const floor = (e: number) => (e >= 0 ? magnitude / (d << BigInt(e)) : (magnitude << BigInt(-e)) / d);
  while (floor(exponent) >> 64n) exponent++;
  if (exponent < -16445) exponent = -16445;
  const mantissa = scaled(exponent);
  const overflow = exponent > 16320 || (exponent === 16320 && mantissa >> 64n);
  if (mantissa === 0n || overflow) return undefined;
  const signed = n < 0n ? -mantissa : mantissa;
  return exponent >= 0 ? [signed << BigInt(exponent), 1n] : [signed, 1n << BigInt(-exponent)];
}

/** A decimal text as a fraction, rounded to extended precision. */
function extendedOf(s: string): [bigint, bigint] | undefined {
  const [, sign, whole, part = "", power = "0"] = /^(-?)(\d*)\.?(\d*)(?:e(.*))?$/.exec(s)!;
  const n = BigInt(whole! + part) * (sign ? -1n : 1n);
  const exponent = Number(power) - part.length;
  return exponent >= 0 ? extended(n * 10n ** BigInt(exponent), 1n) : extended(n, 10n ** BigInt(-exponent));
}

describe("long doubles", () => {
  const X = A;
  const Y = A + 16;
  const TEXT = A + 64;
  /** INCRBYFLOAT: parse both, add, print. */
  function increment(a: string, b: string): string {
    if (!core.parseLongDouble(B, put(B, a), X)) return "bad";
    if (!core.parseLongDouble(B, put(B, b), Y)) return "bad";
    if (!core.addLongDouble(X, Y, Y)) return "infinite";
    return text(TEXT, core.formatLongDouble(TEXT, Y));
  }

  it("add as INCRBYFLOAT does", () => {
    for (const [a, b, expected] of [["10.50", "0.1", "10.6"], ["3", "1.1", "4.1"], ["5.0e3", "2.0e2", "5200"], ["0", "-1.1", "-1.1"],
      ["1", "-1", "0"], ["-0", "-0", "0"], ["0", "-1e-30", "0"], ["0", "0x1.8p3", "12"], ["0", "-0XFf.8P-1", "-127.75"],
      ["0.1", "0.2", "0.3"], ["17179869184", "1.5", "17179869185.5"], ["1e4932", "1e4932", "infinite"], ["inf", "1", "infinite"],
      ["inf", "-inf", "infinite"], ["0", "0.000003814697265625", "0.00000381469726562"], ["1e18", "1e-1", "1000000000000000000.125"],
      ["0", "0.00001144409179687500", "0.00001144409179688"], ["18446744073709551615", "1", "18446744073709551616"],
      ["0", "3.6e-4951", "0"], ["0", "0x1p-16445", "0"], ["9223372036854775807", "-1", "9223372036854775806"]]) {
      assertEquals(increment(a!, b!), expected, `${a} ${b}`);
    }
    for (const s of ["", " 1", "1 ", "nan", "-nan", "nan(1)", "0x", "0x.", "0x.p1", "0x1p", "0x1p+", "1e4933", "1e-4952", "1.8e-4951",
      "0x1p16384", "0x1p-16446", "1e", "1\0", "e1", "abc", "0xg", "1e99999999999999999999", "1".repeat(5120)]) {
      assertEquals(increment(s, "1"), "bad", s.slice(0, 30));
    }
    assertEquals(increment("0x1.8p-16446", "0"), "0");
    assertEquals(increment("1" + "0".repeat(4900), "1").length, 4901);
    core.longDoubleFromI64(-(1n << 63n), X);
    assertEquals(text(TEXT, core.formatLongDouble(TEXT, X)), "-9223372036854775808");
  });

  it("agree with exact fractions rounded to 64 bits", () => {
    const random = new Random("long doubles");
    const number = () => {
      let s = random.below(2) ? "-" : "";
      for (let n = 1 + random.below(random.below(3) ? 8 : 30); n > 0; n--) s += random.below(10);
      if (random.below(3)) s += "." + random.u64().toString().slice(0, 1 + random.below(20));
      if (random.below(4) === 0) s += "e" + (random.below(2) ? random.below(60) - 40 : random.below(9800) - 4950);
      return s;
    };
    for (let i = 0; i < 15000; i++) {
      const [a, b] = [number(), number()];
      const [x, y] = [extendedOf(a), extendedOf(b)];
      let expected = "bad";
      if (x && y) {
        const sum = extended(x[0] * y[1] + y[0] * x[1], x[1] * y[1]);
        expected = "infinite";
        if (sum) expected = fixed(sum[0], sum[1], sum[0] < 0n, 17).replace(/\.?0+$/, "").replace(/^-0$/, "0");
      }
      if (increment(a, b) !== expected) assertEquals(increment(a, b), expected, `${a} ${b}`);
    }
  });
});
