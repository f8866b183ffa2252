// number-text.ts - doubles as C's printf writes them: %e, %f, %g, and 64-bit integers from doubles.
//
// JavaScript's toFixed and toExponential are exact, but for one thing: halfway between two, they take the larger and C
// takes the even one. Whether a number lies halfway can be told without big numbers: x * 10^d is m + 0.5 exactly if
// x * 2^(d+1) is an odd integer (5^d is odd), and multiplying by a power of two is exact.
//
// NaN is written "-nan": what x86 makes of 0/0, of inf-inf and of the square root of -1. JavaScript doesn't tell the
// NaN that tonumber("nan") gives ("nan" in C) from those.
//
// Not for reading numbers, nor for flags and widths (lib-string-format.ts).

const MOST_JS_DIGITS = 100;

/** Precision at which printing and reading again gives each number back. */
const SAFE_DIGITS = 15;
const MOST_POWER_OF_5 = 22;
/** Those powers of ten of which a quotient by 15 digits can be had in one rounding. */
export const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/** Below it %g writes an exponent. */
const LEAST_FIXED = 1e-4;
const ZERO = 48;

const isOdd = (x: number): boolean => Math.abs(x % 2) === 1;

/** Whether x lies halfway between two numbers of `digits` digits behind the point (before it when negative). */
function isHalfway(x: number, digits: number): boolean {
  if (digits >= 0) return isOdd(x * 2 ** (digits + 1));
  if (-digits > MOST_POWER_OF_5) return false;
  const power = 5 ** -digits;
  return x % power === 0 && isOdd(x / power / 2 ** (-digits - 1));
}

/** "inf", "-inf" or "-nan". */
export function nonFiniteText(x: number): string {
  if (Number.isNaN(x)) return "-nan";
  return x < 0 ? "-inf" : "inf";
}

/** The digits of |x| rounded to `count` of them, and the power of ten of the first. */
function digitsOf(x: number, count: number): { digits: string; exponent: number } {
  const split = (text: string): { digits: string; exponent: number } => {
    const at = text.indexOf("e");
    return { digits: text[0] + text.slice(2, at), exponent: Number(text.slice(at + 1)) };
  };
  const rounded = split(x.toExponential(count - 1));
  if (!isOdd(Number(rounded.digits[count - 1])) || !isHalfway(x, count - 1 - rounded.exponent)) return rounded;
  const exact = split(x.toExponential(count));
  return { digits: exact.digits.slice(0, -1), exponent: exact.exponent };
}

const signOf = (x: number): string => x < 0 || Object.is(x, -0) ? "-" : "";

/** An exponent of at least two digits, with its sign. */
function exponentText(exponent: number): string {
  const size = Math.abs(exponent);
  return `e${exponent < 0 ? "-" : "+"}${size < 10 ? "0" : ""}${size}`;
}

/** A finite number like %.*f; `keepPoint` is the flag #. */
export function fixedText(x: number, precision: number, keepPoint = false): string {
  const size = Math.abs(x);
  let text: string;
  if (size >= 1e21) {
    text = BigInt(size).toString() + (precision > 0 ? `.${"0".repeat(precision)}` : "");
  } else {
    text = size.toFixed(precision);
    if (precision < MOST_JS_DIGITS && isOdd(Number(text[text.length - 1])) && isHalfway(size, precision)) {
      text = size.toFixed(precision + 1).slice(0, precision === 0 ? -2 : -1);
    }
  }
  return signOf(x) + text + (keepPoint && precision === 0 ? "." : "");
}

/** A finite number like %.*e; `keepPoint` is the flag #. */
export function exponentialText(x: number, precision: number, keepPoint = false): string {
  const { digits, exponent } = digitsOf(Math.abs(x), precision + 1);
  const point = precision > 0 || keepPoint ? "." : "";
  return signOf(x) + digits[0] + point + digits.slice(1) + exponentText(exponent);
}

/** How many characters of a number are the point and zeros before its first digit; from LEAST_FIXED on. */
function notDigits(size: number): number {
  if (size >= 0.1) return size >= 1 ? 1 : 2;
  if (size >= 0.01) return 3;
  return size >= 0.001 ? 4 : 5;
}

/** A number of ordinary size like %.*g, from the shortest text that gives it back: undefined where that isn't sure. */
function usualText(size: number, count: number): string | undefined {
  if (size >= POWERS[count - 1] || (size < LEAST_FIXED && size !== 0)) return undefined;
  const shortest = String(size);
  // rounded to no fewer digits than it has, it stays the same
  if (shortest.length <= count + 1) return shortest;
  // a number that lies halfway has one digit more than `count`
  if (shortest.length - notDigits(size) <= count + 1) return undefined;
  const rounded = size.toPrecision(count);
  let end = rounded.length;
  while (rounded.charCodeAt(end - 1) === ZERO) end--;
  return rounded.slice(0, rounded[end - 1] === "." ? end - 1 : end);
}

/** A finite number like %.*g; `keepZeros` is the flag #. */
export function generalText(x: number, precision: number, keepZeros = false): string {
  const count = precision === 0 ? 1 : precision;
  if (!keepZeros && count <= SAFE_DIGITS) {
    const usual = usualText(Math.abs(x), count);
    if (usual !== undefined) return signOf(x) + usual;
  }
  const { digits, exponent } = digitsOf(Math.abs(x), count);
  const kept = keepZeros ? digits : digits.replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= count) {
    const point = kept.length > 1 || keepZeros ? "." : "";
    return signOf(x) + kept[0] + point + kept.slice(1) + exponentText(exponent);
  }
  if (exponent < 0) return `${signOf(x)}0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = kept.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const point = kept.length > exponent + 1 || keepZeros ? "." : "";
  return signOf(x) + whole + point + kept.slice(exponent + 1);
}

let view: DataView | undefined;

/** Eight bytes to look at a number's bits; whoever uses them next overwrites them. */
export function scratch(): DataView {
  view ??= new DataView(new ArrayBuffer(8));
  return view;
}

/** Writes a double's 8 bytes, highest first; NaN with its sign, as text has it. */
export function setDouble(into: DataView, x: number): void {
  into.setFloat64(0, x);
  if (Number.isNaN(x)) into.setUint16(0, 0xfff8);
}

/** Writes the 4 bytes of the float that is nearest to a double, highest first. */
export function setFloat(into: DataView, x: number): void {
  into.setFloat32(0, x);
  if (Number.isNaN(x)) into.setUint16(0, 0xffc0);
}

const TWO_63 = 2 ** 63;

/** A number as C casts it to a signed 64-bit integer on x86; what doesn't fit is the least integer. */
export function toInt64(x: number): bigint {
  return x >= -TWO_63 && x < TWO_63 ? BigInt(Math.trunc(x)) : -(2n ** 63n);
}

/** A number as C casts it to an unsigned 64-bit integer on x86. */
export function toUint64(x: number): bigint {
  if (x < TWO_63 || Number.isNaN(x)) return BigInt.asUintN(64, toInt64(x));
  return BigInt.asUintN(64, toInt64(x - TWO_63) ^ (1n << 63n));
}

/** A number as C casts it to a 32-bit integer on x86. */
export function toInt32(x: number): number {
  return x > -(2 ** 31) - 1 && x < 2 ** 31 ? Math.trunc(x) : -(2 ** 31);
}
