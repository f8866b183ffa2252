/** The core's byte work (core-wasm/bytes/) against published vectors and simple references in TypeScript. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { A, B, base, bytes, core, memory, OUT, put, text, view } from "../support/bytes-core.ts";
import { type Random, seeded } from "../support/random.ts";

/** A copy of the bytes at `at`. */
function copy(at: number, length: number): Uint8Array {
  return bytes.slice(at, at + length);
}

describe("integers", () => {
  const parseI64 = (s: string) => (core.parseI64(A, put(A, s), OUT) ? view.getBigInt64(OUT, true) : undefined);
  const parseU64 = (s: string) => (core.parseU64(A, put(A, s), OUT) ? view.getBigUint64(OUT, true) : undefined);

  it("parse in their canonical spelling only", () => {
    const good = ["0", "1", "-1", "9", "10", "9223372036854775807", "-9223372036854775808", "12345678",
      "1234567890123456"];
    for (const s of good) assertEquals(parseI64(s), BigInt(s), s);
    const bad = ["", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "9223372036854775808", "0x10",
      "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999", "--1", "1\0",
      "123456789012345678901", "1234567a", "12345678a", "a2345678", "1234/678", "1234:678", "\xb1", "1234567\xb1"];
    for (const s of bad) assertEquals(parseI64(s), undefined, s);
  });

  it("parse unsigned with strtoull's freedoms", () => {
    for (const [s, n] of [["0", 0n], ["007", 7n], [" 12", 12n], ["+12", 12n],
      ["18446744073709551615", (1n << 64n) - 1n],
      ["\t\n 5", 5n], [" -1", (1n << 64n) - 1n], ["-18446744073709551615", 1n], ["0000000000000000000000001", 1n],
      ["12\0junk", 12n], ["-0", 0n]] as const) assertEquals(parseU64(s), n, JSON.stringify(s));
    for (const s of ["", " ", "+", "-", "-1", "-5", "18446744073709551616", "99999999999999999999", "1x", "1 ", "+-1",
      "184467440737095516150", "- 1"]) assertEquals(parseU64(s), undefined, JSON.stringify(s));
  });

  it("parse and print what BigInt prints", () => {
    const random = seeded("integers");
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
    const random = seeded("integer syntax");
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
    const random = seeded("siphash");
    // Rust's core::hash::sip tests list SipHash-1-3 of 00 01 02 ... under the key 00 .. 0f; these are its first four.
    const vectors = [0xabac0158050fc4dcn, 0xc9f49bf37d57ca93n, 0x82cb9b024dc7d44dn, 0x8bf80ab8e7ddf7fbn];
    for (const [n, expected] of vectors.entries()) {
      put(A, Uint8Array.from({ length: n }, (_, i) => i));
      assertEquals(BigInt.asUintN(64, core.hashBytes(A, n, 0x0706050403020100n, 0x0f0e0d0c0b0a0908n)), expected);
    }
    for (let i = 0; i < 5000; i++) {
      const data = random.array(random.below(70));
      const [k0, k1] = [random.u64(), random.u64()];
      const at = A + random.below(8);
      const got = BigInt.asUintN(64, core.hashBytes(at, put(at, data), k0, k1));
      if (got !== sipHash(data, k0, k1)) assertEquals(got, sipHash(data, k0, k1));
    }
  });

  it("hashBytes reads nothing behind the bytes: memory may end there", () => {
    const end = memory.buffer.byteLength;
    for (let n = 0; n < 40; n++) {
      const data = Uint8Array.from({ length: n }, (_, i) => i * 7);
      put(end - n, data);
      assertEquals(core.hashBytes(end - n, n, 1n, 2n), core.hashBytes(A, put(A, data), 1n, 2n));
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
    const random = seeded("crc64");
    for (let i = 0; i < 500; i++) {
      const data = random.array(random.below(200));
      const length = put(A, data);
      let expected = 0n;
      for (const byte of data) {
        expected ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) expected = (expected >> 1n) ^ (expected & 1n ? 0x95ac9329ac4bc9b5n : 0n);
      }
      const cut = random.below(length + 1);
      assertEquals(BigInt.asUintN(64, core.crc64(core.crc64(0n, A, cut), A + cut, length - cut)), expected);
    }
  });
});

describe("comparing", () => {
  it("equalBytes and compareBytes agree with a byte loop", () => {
    const random = seeded("compare");
    for (let i = 0; i < 50000; i++) {
      const a = random.array(random.below(70));
      const b = random.below(4) ? a.slice() : random.array(random.below(70));
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
    const no: [string, string][] = [["h?llo", "hllo"], ["h[ae]llo", "hillo"], ["h[^e]llo", "hello"], ["*", ""],
      ["**", ""],
      ["a", "aa"], ["aa", "a"], ["\\*", "a"], ["[]", "]"], ["[", "["], ["?", ""], ["", "a"]];
    for (const [p, s] of no) assertEquals(match(p, s), false, `${p} ${s}`);
    assertEquals(match("H[A-Z]*", "hello", true), true);
    assertEquals(match("H[A-Z]*", "hello", false), false);
  });

  it("agrees with plain recursion", () => {
    const random = seeded("glob");
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

// --- LZF ---

/** Bytes with a given taste for repetition. */
function repetitive(random: Random, length: number): Uint8Array {
  const data = random.array(length);
  const letters = 1 + random.below(20);
  if (random.below(3)) for (let i = 0; i < length; i++) data[i] = data[i]! % letters;
  for (let i = 0; i < length; i += 1 + random.below(60)) {
    const size = random.below(300);
    if (i > 0 && random.below(2)) data.copyWithin(i, random.below(i), random.below(i) + size);
  }
  return data;
}

/** Decompression by the format's description; undefined when damaged. */
function unpack(packed: Uint8Array): number[] | undefined {
  const out: number[] = [];
  for (let i = 0; i < packed.length;) {
    const control = packed[i++]!;
    if (control < 32) {
      if (i + control + 1 > packed.length) return undefined;
      for (let n = 0; n <= control; n++) out.push(packed[i++]!);
      continue;
    }
    let length = (control >> 5) + 2;
    if (length === 9) length += packed[i++]!;
    const distance = ((control & 31) << 8) + packed[i++]! + 1;
    if (i > packed.length || distance > out.length) return undefined;
    for (; length > 0; length--) out.push(out[out.length - distance]!);
  }
  return out;
}

describe("LZF", () => {
  const TABLE = base + 32768;
  const IN = TABLE + 262144;
  const PACKED = IN + 80000;
  const BACK = PACKED + 80000;

  it("comes back the same, and compresses what repeats", () => {
    const random = seeded("lzf");
    bytes.fill(0xee, TABLE, TABLE + 262144);
    for (let i = 0; i < 3000; i++) {
      const data = repetitive(random, random.below(random.below(20) ? 600 : 70000));
      bytes.set(data, IN);
      const room = data.length + 8 + (data.length >> 4);
      bytes.fill(0xaa, PACKED, PACKED + room + 16);
      const length = core.lzfCompress(IN, data.length, PACKED, room, TABLE);
      assertEquals(length > 0, data.length > 0, `length ${data.length}`);
      assertEquals(bytes.subarray(PACKED + length + 3, PACKED + room + 16).every((byte) => byte === 0xaa), true);
      assertEquals(Buffer.compare(Uint8Array.from(unpack(copy(PACKED, length))!), data), 0);
      assertEquals(core.lzfDecompress(PACKED, length, BACK, data.length), data.length);
      assertEquals(Buffer.compare(copy(BACK, data.length), data), 0);
      if (data.length > 0) assertEquals(core.lzfDecompress(PACKED, length, BACK, data.length - 1), 0);
      const tight = core.lzfCompress(IN, data.length, PACKED, Math.max(0, data.length - 4), TABLE);
      assertEquals(tight === 0 || tight <= data.length - 4, true);
    }
    bytes.fill(0x61, IN, IN + 10000);
    assertEquals(core.lzfCompress(IN, 10000, PACKED, 9996, TABLE) < 130, true);
  });

  it("refuses damaged input without writing outside", () => {
    const random = seeded("lzf damage");
    for (let i = 0; i < 20000; i++) {
      const packed = random.array(random.below(40));
      if (random.below(2)) packed.forEach((byte, at) => (packed[at] = byte & 0x2f));
      bytes.set(packed, PACKED);
      bytes.fill(0xaa, BACK - 16, BACK + 3000);
      const expected = unpack(packed);
      const room = random.below(200);
      const length = core.lzfDecompress(PACKED, packed.length, BACK, room);
      const fits = expected && expected.length <= room ? expected : [];
      assertEquals(length, fits.length);
      if (length) assertEquals(Array.from(copy(BACK, length)), fits);
      assertEquals(bytes.subarray(BACK - 16, BACK).every((byte) => byte === 0xaa), true);
      assertEquals(bytes.subarray(BACK + room, BACK + 3000).every((byte) => byte === 0xaa), true);
    }
  });
});

// --- Bits ---

describe("bits", () => {
  /** The bytes as one string of 0 and 1. */
  const bitText = (data: Uint8Array) => Array.from(data, (byte) => byte.toString(2).padStart(8, "0")).join("");

  it("are counted and found as in a string of 0 and 1", () => {
    const random = seeded("bits");
    for (let i = 0; i < 20000; i++) {
      const data = random.array(random.below(80));
      if (random.below(2)) data.fill(random.below(2) ? 0xff : 0, 0, random.below(80));
      const at = A + random.below(16);
      put(at, data);
      const expected = bitText(data);
      assertEquals(core.countBits(at, data.length), BigInt(expected.replaceAll("0", "").length));
      assertEquals(core.findBit(at, data.length, 1), BigInt(expected.indexOf("1")));
      const zero = expected.indexOf("0");
      assertEquals(core.findBit(at, data.length, 0), BigInt(zero < 0 ? expected.length : zero));
    }
    for (let i = 0; i < 20000; i++) {
      const data = random.array(1 + random.below(60));
      if (random.below(2)) data.fill(random.below(2) ? 0xff : 0);
      if (random.below(2)) data[random.below(data.length)]! ^= 1 << random.below(8);
      put(A, data);
      const all = bitText(data);
      const [x, y] = [random.below(all.length), random.below(all.length)];
      const [first, last] = [Math.min(x, y), Math.max(x, y)];
      const part = all.slice(first, last + 1);
      assertEquals(core.countBitsBetween(A, BigInt(first), BigInt(last)), BigInt(part.replaceAll("0", "").length));
      for (const bit of [0, 1]) {
        const at = part.indexOf(String(bit));
        assertEquals(core.findBitBetween(A, BigInt(first), BigInt(last), bit), BigInt(at < 0 ? -1 : first + at));
      }
    }
    bytes.fill(0xff, A, A + 65536);
    assertEquals(core.countBits(A, 65536), 524288n);
  });

  it("combine as numbers do, a shorter string being followed by zeros", () => {
    const random = seeded("combining bits");
    for (let i = 0; i < 20000; i++) {
      const to = random.array(random.below(70));
      const from = random.array(random.below(to.length + 1));
      const operation = random.below(4);
      put(A, to);
      put(B, from);
      if (operation === 3) core.invertBits(A, to.length);
      else core.combineBits(operation, A, to.length, B, from.length);
      const expected = to.map((a, at) => {
        const b = from[at] ?? 0;
        return [a & b, a | b, a ^ b, ~a][operation]!;
      });
      assertEquals(copy(A, to.length), expected);
      assertEquals(bytes[A + to.length], 0x39);
    }
  });

  it("hold integers at any offset", () => {
    const random = seeded("bit fields");
    for (let i = 0; i < 50000; i++) {
      const data = random.array(1 + random.below(24));
      put(A, data);
      const width = 1 + random.below(64);
      const offset = random.below(data.length * 8 + 40);
      const piece = (bitText(data) + "0".repeat(200)).slice(offset, offset + width);
      const unsigned = BigInt(`0b${piece}`);
      const got = BigInt.asUintN(64, core.getUnsignedBits(A, data.length, BigInt(offset), width));
      if (got !== unsigned) assertEquals(got, unsigned, `${offset} ${width}`);
      const signed = BigInt.asIntN(width, unsigned);
      const gotSigned = core.getSignedBits(A, data.length, BigInt(offset), width);
      if (gotSigned !== signed) assertEquals(gotSigned, signed, `${offset} ${width}`);
      if (offset + width > data.length * 8) continue;
      const value = random.u64();
      core.setBits(A, BigInt(offset), width, value);
      const before = bitText(data);
      const bitsOfValue = BigInt.asUintN(width, value).toString(2).padStart(width, "0");
      const expected = before.slice(0, offset) + bitsOfValue + before.slice(offset + width);
      if (bitText(copy(A, data.length)) !== expected) assertEquals(bitText(copy(A, data.length)), expected);
    }
  });

  it("overflow by wrapping, saturating or not at all", () => {
    const random = seeded("overflow");
    for (let i = 0; i < 50000; i++) {
      const isSigned = random.below(2) === 1;
      const width = 1 + random.below(isSigned ? 64 : 63);
      const increment = BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64));
      const raw = random.u64() >> BigInt(random.below(64));
      const high = (1n << BigInt(isSigned ? width - 1 : width)) - 1n;
      const low = isSigned ? -high - 1n : 0n;
      // A value already in range, as INCRBY has it; or any value with increment 0, as SET does.
      const set = random.below(3) === 0;
      const wanted = isSigned ? BigInt.asIntN(64, raw) : raw;
      const value = set ? wanted : isSigned ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
      const added = set ? 0n : increment;
      const sum = value + added;
      const mode = random.below(3);
      view.setBigUint64(OUT, 77n, true);
      const got = (isSigned ? core.signedOverflow : core.unsignedOverflow)(value, added, width, mode, OUT);
      let expected = sum > high ? 1 : sum < low ? -1 : 0;
      // As in Valkey: far below a narrow width, the room above has wrapped around and the overflow counts as upwards.
      if (isSigned && width < 64 && added > BigInt.asIntN(64, high - value)) expected = 1;
      const label = `${value} + ${added}, ${width} bits, mode ${mode}, signed ${isSigned}`;
      if (got !== expected) assertEquals(got, expected, label);
      const limit = isSigned ? view.getBigInt64(OUT, true) : view.getBigUint64(OUT, true);
      const wrapped = isSigned ? BigInt.asIntN(width, sum) : BigInt.asUintN(width, sum);
      const stored = expected === 0 || mode === 2 ? 77n : mode === 0 ? wrapped : expected > 0 ? high : low;
      if (limit !== stored) assertEquals(limit, stored, label);
    }
  });
});
