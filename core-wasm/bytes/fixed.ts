/**
 * Numbers with a fixed count of decimals or digits, exactly as C's printf rounds them (ties to even).
 *   formatFixedParts  mantissa * 2^exponent as "%.<n>f": for long doubles and doubles
 *   formatFixed       a double as "%.<n>f"
 *   formatScaled      a double times 10^n, rounded to an integer and cut: how GEO distances are written
 *   formatPrecise     a double as "%.17g": how ZSCAN writes scores of large sets
 * Not for the shortest form that reads back the same (double.ts), which is what most replies use.
 *
 * A value below 2^64 costs two multiplications of 64 bits; larger ones, and all of formatPrecise (measured: 3 us), go
 * through bignum.ts.
 */
import {
  bigCount, bigDivide64, bigDivideSmall, bigMultiplyPower5, bigRemainderTail, bigSet, bigShiftLeft, DENOMINATOR,
  multiplyHigh, NUMERATOR, roundShift, tailOf, TAIL_NONE,
} from "./bignum";
import { writeText } from "./compare";
import { powerOfTen } from "./decimal";
import { digitsOfU64, formatU64, writeEightDigits } from "./integer";

/** Bytes that formatFixed may write: sign, 309 digits, dot and 17 decimals, rounded up. */
export const FIXED_TEXT_MAX: i32 = 336;

const MAX_DECIMALS: i32 = 17;

// --- Pieces ---

/** Writes exactly `count` digits of `value`, zeros in front included. */
function writePadded(ptr: usize, value: u64, count: i32): void {
  for (let zeros = count - digitsOfU64(value); zeros > 0; zeros--) store<u8>(ptr++, 0x30);
  formatU64(ptr, value);
}

/** Writes mantissa * 2^exponent, an integer of any size, in decimal; answers the length. */
function writeInteger(ptr: usize, mantissa: u64, exponent: i32): i32 {
  if (exponent <= <i32>clz<u64>(mantissa)) return formatU64(ptr, mantissa << exponent);
  bigSet(NUMERATOR, mantissa);
  bigShiftLeft(NUMERATOR, exponent);
  // Groups of eight digits, last group first, written towards the front of the room and moved when the length is known.
  const room = ptr + <usize>(((exponent + 64) * 1234 >> 12) + 16);
  let at = room;
  while (bigCount(NUMERATOR) > 0) {
    at -= 8;
    writeEightDigits(at, bigDivideSmall(NUMERATOR, 100000000));
  }
  while (load<u8>(at) == 0x30) at++;
  memory.copy(ptr, at, room - at);
  return <i32>(room - at);
}

// --- API ---

/**
 * Writes mantissa * 2^exponent, no sign, with exactly `decimals` (0 to 17) decimals; answers the length.
 * May use up to 32 bytes more than that as scratch when the value is 2^64 or more.
 */
export function formatFixedParts(ptr: usize, mantissa: u64, exponent: i32, decimals: i32): i32 {
  assert(decimals >= 0 && decimals <= MAX_DECIMALS);
  let length = 0;
  let fraction: u64 = 0;
  if (exponent >= 0) {
    length = mantissa == 0 ? formatU64(ptr, 0) : writeInteger(ptr, mantissa, exponent);
  } else {
    const shift = -exponent;
    if (decimals == 0) return formatU64(ptr, roundShift(mantissa, TAIL_NONE, shift));
    let whole = shift < 64 ? mantissa >> shift : 0;
    const rest = shift < 64 ? mantissa & ((<u64>1 << shift) - 1) : mantissa;
    const scale = powerOfTen(decimals);
    const high = multiplyHigh(rest, scale);
    const low = rest * scale;
    if (shift < 64) fraction = roundShift((high << (64 - shift)) | (low >> shift), tailOf(low << (64 - shift)), 0);
    else fraction = roundShift(high, tailOf(low), shift - 64);
    if (fraction == scale) {
      fraction = 0;
      whole++;
    }
    length = formatU64(ptr, whole);
  }
  if (decimals == 0) return length;
  store<u8>(ptr + <usize>length, 0x2e);
  writePadded(ptr + <usize>length + 1, fraction, decimals);
  return length + 1 + decimals;
}

/** Writes "nan", "inf" or "-inf" for a value that isn't finite; answers the length, or 0 when it is. */
export function formatNotFinite(ptr: usize, value: f64): i32 {
  if (value != value) return writeText(ptr, "nan");
  if (value == Infinity) return writeText(ptr, "inf");
  return value == -Infinity ? writeText(ptr, "-inf") : 0;
}

/** The integer m of a finite |value| = m * 2^binaryExponent(value). */
function mantissaOf(value: f64): u64 {
  const bits = reinterpret<u64>(value);
  const fraction = bits & 0x000fffffffffffff;
  return (bits >> 52) & 0x7ff ? fraction | 0x0010000000000000 : fraction;
}

/** See mantissaOf. */
function binaryExponent(value: f64): i32 {
  return max<i32>(1, <i32>((reinterpret<u64>(value) >> 52) & 0x7ff)) - 1075;
}

/** Writes `value` as printf's "%.<decimals>f" does, with 0 to 17 decimals; answers the length, up to FIXED_TEXT_MAX. */
export function formatFixed(ptr: usize, value: f64, decimals: i32): i32 {
  const special = formatNotFinite(ptr, value);
  if (special != 0) return special;
  const sign = <i32>(reinterpret<u64>(value) >> 63);
  if (sign != 0) store<u8>(ptr, 0x2d);
  return sign + formatFixedParts(ptr + <usize>sign, mantissaOf(value), binaryExponent(value), decimals);
}

/**
 * Writes round(value * 10^decimals) with the dot put back, decimals being 1 to 17: the product is rounded first, so the
 * last digit can differ from formatFixed's. |value * 10^decimals| must be below 2^63. Answers the length.
 */
export function formatScaled(ptr: usize, value: f64, decimals: i32): i32 {
  const scaled = <i64>nearest<f64>(value * <f64>powerOfTen(decimals));
  const scale = powerOfTen(decimals);
  const magnitude = scaled < 0 ? 0 - <u64>scaled : <u64>scaled;
  const start = ptr;
  if (scaled < 0) store<u8>(ptr++, 0x2d);
  ptr += formatU64(ptr, magnitude / scale);
  store<u8>(ptr++, 0x2e);
  writePadded(ptr, magnitude % scale, decimals);
  return <i32>(ptr - start) + decimals;
}

/** round(|value| * 10^power), for a result below 2^64, exactly. */
function scaledToInteger(value: f64, power: i32): u64 {
  bigSet(NUMERATOR, mantissaOf(value));
  bigSet(DENOMINATOR, 1);
  bigMultiplyPower5(power > 0 ? NUMERATOR : DENOMINATOR, abs<i32>(power));
  const shift = bigDivide64(QUOTIENT);
  return roundShift(load<u64>(QUOTIENT), bigRemainderTail(), shift - binaryExponent(value) - power);
}

const QUOTIENT: usize = memory.data(8, 8);

/** Writes `value` as printf's "%.17g" does; answers the length, 24 at most. */
export function formatPrecise(ptr: usize, value: f64): i32 {
  const special = formatNotFinite(ptr, value);
  if (special != 0) return special;
  const start = ptr;
  if (reinterpret<i64>(value) < 0) store<u8>(ptr++, 0x2d);
  if (value == 0) {
    store<u8>(ptr, 0x30);
    return <i32>(ptr - start) + 1;
  }
  // A guess of the decimal exponent from the binary one, put right by looking at the digits that come out.
  let exponent = ((64 - <i32>clz<u64>(mantissaOf(value)) + binaryExponent(value)) * 1233 >> 12) - 1;
  let digits = scaledToInteger(value, 16 - exponent);
  while (digits >= 100000000000000000) digits = scaledToInteger(value, 16 - ++exponent);
  while (digits < 10000000000000000) digits = scaledToInteger(value, 16 - --exponent);
  let count = 17;
  while (digits % 10 == 0) {
    digits /= 10;
    count--;
  }
  const scientific = exponent < -4 || exponent >= 17;
  // Digits before the dot; 0 or less: as many zeros behind it.
  const point = scientific ? 1 : exponent + 1;
  if (point <= 0) {
    store<u8>(ptr++, 0x30);
    store<u8>(ptr++, 0x2e);
    writePadded(ptr, digits, count - point);
    return <i32>(ptr - start) + count - point;
  }
  formatU64(ptr, digits);
  for (; count < point; count++) store<u8>(ptr + <usize>count, 0x30);
  if (count > point) {
    memory.copy(ptr + <usize>point + 1, ptr + <usize>point, <usize>(count - point));
    store<u8>(ptr + <usize>point, 0x2e);
    count++;
  }
  ptr += <usize>count;
  if (!scientific) return <i32>(ptr - start);
  store<u8>(ptr++, 0x65);
  store<u8>(ptr++, exponent < 0 ? 0x2d : 0x2b);
  const magnitude = abs<i32>(exponent);
  const width = magnitude < 100 ? 2 : 3;
  writePadded(ptr, magnitude, width);
  return <i32>(ptr - start) + width;
}
