/** The core's fractions (core-wasm/bytes/: double, fixed, long-double) against exact references in TypeScript. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { A, B, core, OUT, put, text, view } from "../support/bytes-core.ts";
import { type Random, seeded } from "../support/random.ts";

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
      [1e21, "1e+21"], [1e300, "1e+300"], [1.5e-7, "1.5e-7"], [1e-5, "0.00001"], [1.234e-10, "1.234e-10"],
        [5e-324, "5e-324"],
      [1.7976931348623157e308, "1.7976931348623157e+308"], [Infinity, "inf"], [-Infinity, "-inf"], [NaN, "nan"],
      [123456.789, "123456.789"], [0.30000000000000004, "0.30000000000000004"],
        [9.5367431640625e-7, "9.5367431640625e-7"]];
    for (const [value, expected] of cases) assertEquals(format(value), expected);
  });

  it("print digits that read back the same, nearly always as few as JavaScript's", () => {
    const random = seeded("double formatting");
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
    const good: [string, number][] = [["1", 1], ["+1", 1], ["-1.5e3", -1500], [".5", 0.5], ["5.", 5], ["1E5", 1e5],
      ["inf", Infinity],
      ["-INF", -Infinity], ["+Infinity", Infinity], ["1e-320", 1e-320], ["5e-324", 5e-324], ["3e-324", 5e-324],
        ["0e999", 0],
      ["1.7976931348623158e308", 1.7976931348623157e308], ["-0", -0], ["00012", 12],
        ["0." + "0".repeat(400) + "1e400", 0.1],
      ["1" + "0".repeat(400) + "e-400", 1], ["9007199254740993", 9007199254740992], ["1e22", 1e22], ["1e23", 1e23]];
    for (const [s, value] of good) assertEquals(Object.is(parse(s), value), true, `${s}: ${parse(s)}`);
    for (const s of ["", "+", "-", ".", "-.", "e5", "1e", "1e+", " 1", "1 ", "nan", "-nan", "nan(1)", "infin",
      "infinit", "infinityx",
      "0x10", "1e309", "1e-400", "2e-324", "1.7976931348623159e308", "1.2.3", "--1", "+-1", "1_000", "1\0", "1e5x",
      "1e99999999999999999999"]) assertEquals(parse(s), undefined, s);
  });

  it("parse correctly rounded, digits by digits as Number does", () => {
    const random = seeded("double parsing");
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
    const random = seeded("double ties");
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
    const random = seeded("fixed");
    for (const [value, decimals, expected] of [[0.5, 0, "0"], [1.5, 0, "2"], [2.5, 0, "2"], [-0.0, 2, "-0.00"],
      [0.125, 2, "0.12"],
      [0.375, 2, "0.38"], [999.9999, 3, "1000.000"], [1e22, 1, "10000000000000000000000.0"],
        [NaN, 2, "nan"]] as const) {
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
    assertEquals(text(A, core.formatScaled(A, 166274.1515625, 4)), "166274.1516");
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
  const shifted = (n: bigint, by: number) => (by > 0 ? n << BigInt(by) : n);
  while (shifted(magnitude, -exponent) / shifted(d, exponent) >> 64n) exponent++;
  if (exponent < -16445) exponent = -16445;
  const mantissa = divideRounded(shifted(magnitude, -exponent), shifted(d, exponent));
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
    for (const [a, b, expected] of [["10.50", "0.1", "10.6"], ["3", "1.1", "4.1"], ["5.0e3", "2.0e2", "5200"],
      ["0", "-1.1", "-1.1"],
      ["1", "-1", "0"], ["-0", "-0", "0"], ["0", "-1e-30", "0"], ["0", "0x1.8p3", "12"], ["0", "-0XFf.8P-1", "-127.75"],
      ["0.1", "0.2", "0.3"], ["17179869184", "1.5", "17179869185.5"], ["1e4932", "1e4932", "infinite"],
        ["inf", "1", "infinite"],
      ["inf", "-inf", "infinite"], ["0", "0.000003814697265625", "0.00000381469726562"],
        ["1e18", "1e-1", "1000000000000000000.125"],
      ["0", "0.00001144409179687500", "0.00001144409179688"], ["18446744073709551615", "1", "18446744073709551616"],
      ["0", "3.6e-4951", "0"], ["0", "0x1p-16445", "0"], ["9223372036854775807", "-1", "9223372036854775806"]]) {
      assertEquals(increment(a!, b!), expected, `${a} ${b}`);
    }
    for (const s of ["", " 1", "1 ", "nan", "-nan", "nan(1)", "0x", "0x.", "0x.p1", "0x1p", "0x1p+", "1e4933",
      "1e-4952", "1.8e-4951",
      "0x1p16384", "0x1p-16446", "1e", "1\0", "e1", "abc", "0xg", "1e99999999999999999999", "1".repeat(5120)]) {
      assertEquals(increment(s, "1"), "bad", s.slice(0, 30));
    }
    assertEquals(increment("0x1.8p-16446", "0"), "0");
    assertEquals(increment("1" + "0".repeat(4900), "1").length, 4901);
    core.longDoubleFromI64(-(1n << 63n), X);
    assertEquals(text(TEXT, core.formatLongDouble(TEXT, X)), "-9223372036854775808");
  });

  it("agree with exact fractions rounded to 64 bits", () => {
    const random = seeded("long doubles");
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
