/**
 * x87 extended-precision numbers (64-bit mantissa), as INCRBYFLOAT and HINCRBYFLOAT compute with.
 * Parsing follows strtold (correct rounding, hexadecimal too), adding rounds to nearest even, and formatting is
 * "%.17Lf" without the zeros at the end. Not for scores and other doubles (double.ts).
 *
 *     LongDouble, 16 bytes: [mantissa u64][exponent i32][negative u8][infinite u8][- u16]
 *     value = mantissa * 2^exponent; normal: top bit of mantissa set; exponent >= -16445, with less bits only there.
 *
 * The caller owns the structs and gives their addresses. Measured parse + add + format: 0.3 us.
 */
import { decimal, decimalToBinary, parseSpecial, scanDecimal, scanExponent } from "./decimal";
import { formatFixedParts } from "./fixed";
import { roundShift, tailOf } from "./bignum";

/** Bytes of a LongDouble. */
export const LONG_DOUBLE_SIZE: i32 = 16;
/** Bytes that formatLongDouble may write: 4933 digits, sign, dot and 17 decimals, rounded up. */
export const LONG_DOUBLE_TEXT_MAX: i32 = 4968;

/** Texts of this length and more are refused. */
const MAX_TEXT: i32 = 5120;
const MIN_EXPONENT: i32 = -16445;
const MAX_EXPONENT: i32 = 16320;
const DECIMALS: i32 = 17;

@unmanaged
export class LongDouble {
  mantissa: u64;
  exponent: i32;
  negative: bool;
  infinite: bool;
}

// --- Parsing ---

/**
 * Stores value = bits * 2^exponent plus `tail`, bits having its top bit set, rounded to what the format can hold.
 * False when it became infinite or, not being zero, zero.
 */
function setRounded(out: LongDouble, bits: u64, exponent: i32, tail: i32): bool {
  const drop = max<i32>(0, MIN_EXPONENT - exponent);
  let mantissa = roundShift(bits, tail, drop);
  exponent += drop;
  if (mantissa == 0 && drop == 0) {
    mantissa = 0x8000000000000000;
    exponent++;
  }
  out.mantissa = mantissa;
  out.exponent = exponent;
  out.infinite = exponent > MAX_EXPONENT;
  return mantissa != 0 && !out.infinite;
}

/** The value of a hexadecimal digit, or more than 15. */
function hexDigit(byte: u32): u32 {
  if (byte - 0x30 <= 9) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}

/** Parses what stands behind "0x": hexadecimal digits with a dot, and an optional binary exponent. */
function parseHex(ptr: usize, end: usize, out: LongDouble): bool {
  let high: u64 = 0; // The first 16 significant digits,
  let low: u64 = 0; // the next 16,
  let rest: u64 = 0; // and whether one of the others isn't zero.
  let lowDigits = 0;
  let exponent: i64 = 0;
  let digits = 0;
  let dot = false;
  for (; ptr < end; ptr++) {
    const byte = <u32>load<u8>(ptr);
    if (byte == 0x2e && !dot) {
      dot = true;
      continue;
    }
    const digit = <u64>hexDigit(byte);
    if (digit > 15) break;
    digits++;
    if (dot) exponent -= 4;
    if (high >> 60 == 0) {
      high = (high << 4) | digit;
      continue;
    }
    exponent += 4;
    if (lowDigits < 16) low |= digit << (60 - 4 * lowDigits++);
    else if (digit != 0) rest = 1;
  }
  if (digits == 0) return false;
  if (ptr < end) {
    if ((load<u8>(ptr) | 0x20) != 0x70) return false;
    ptr++;
    const signed = ptr < end && (load<u8>(ptr) == 0x2d || load<u8>(ptr) == 0x2b);
    const power = scanExponent(signed ? ptr + 1 : ptr, end);
    if (power < 0) return false;
    exponent += signed && load<u8>(ptr) == 0x2d ? -power : power;
  }
  if (high == 0) return true;
  const shift = <i32>clz<u64>(high);
  if (shift > 0) high = (high << shift) | (low >> (64 - shift));
  const tail = tailOf((low << shift) | rest);
  exponent = max<i64>(-100000, min<i64>(100000, exponent - shift));
  return setRounded(out, high, <i32>exponent, tail);
}

/**
 * Parses a number as strtold does, correctly rounded, into the LongDouble at `outPtr`: decimal, hexadecimal ("0x1.8p3")
 * or infinity. False for spaces, junk, NaN, texts of 5120 bytes and more, and numbers too large or too small to hold.
 */
export function parseLongDouble(ptr: usize, len: i32, outPtr: usize): bool {
  const out = changetype<LongDouble>(outPtr);
  out.mantissa = 0;
  out.exponent = MIN_EXPONENT;
  out.negative = false;
  out.infinite = false;
  if (len <= 0 || len >= MAX_TEXT) return false;
  if (scanDecimal(ptr, len)) {
    const d = decimal();
    out.negative = d.negative;
    if (d.mantissa == 0) return true;
    if (d.order > 4950 || d.order < -4960) return false;
    decimalToBinary(MAX_TEXT);
    return setRounded(out, d.binary, d.binaryExponent, d.tail);
  }
  const special = parseSpecial(ptr, len);
  if (special != 0) {
    out.negative = special < 0;
    out.infinite = true;
    return true;
  }
  const end = ptr + <usize>len;
  const sign = <u32>load<u8>(ptr);
  if (sign == 0x2d || sign == 0x2b) ptr++;
  out.negative = sign == 0x2d;
  if (end - ptr < 3 || load<u8>(ptr) != 0x30 || (load<u8>(ptr, 1) | 0x20) != 0x78) return false;
  return parseHex(ptr + 2, end, out);
}

/** Stores an integer, exactly, into the LongDouble at `outPtr`. */
export function longDoubleFromI64(value: i64, outPtr: usize): void {
  const out = changetype<LongDouble>(outPtr);
  out.negative = value < 0;
  out.infinite = false;
  out.mantissa = value < 0 ? 0 - <u64>value : <u64>value;
  const shift = value == 0 ? 0 : <i32>clz<u64>(out.mantissa);
  out.mantissa <<= shift;
  out.exponent = value == 0 ? MIN_EXPONENT : -shift;
}

// --- Adding ---

/** True for an infinity of either sign. */
export function isInfiniteLongDouble(ptr: usize): bool {
  return changetype<LongDouble>(ptr).infinite;
}

/** Negative, 0 or positive as the LongDouble at `aPtr` is less than, equal to or greater than that at `bPtr`. */
export function compareLongDouble(aPtr: usize, bPtr: usize): i32 {
  const a = changetype<LongDouble>(aPtr);
  const b = changetype<LongDouble>(bPtr);
  const aZero = a.mantissa == 0 && !a.infinite;
  if (aZero && b.mantissa == 0 && !b.infinite) return 0;
  if (aZero) return b.negative ? 1 : -1;
  if ((b.mantissa == 0 && !b.infinite) || a.negative != b.negative) return a.negative ? -1 : 1;
  let order = 0;
  if (a.infinite || b.infinite) order = (a.infinite ? 1 : 0) - (b.infinite ? 1 : 0);
  else if (a.exponent != b.exponent) order = a.exponent < b.exponent ? -1 : 1;
  else if (a.mantissa != b.mantissa) order = a.mantissa < b.mantissa ? -1 : 1;
  return a.negative ? -order : order;
}

/** Turns the sign of a LongDouble over. */
export function negateLongDouble(ptr: usize): void {
  const value = changetype<LongDouble>(ptr);
  value.negative = !value.negative;
}

/** Stores the number of the largest magnitude that is not infinite. */
export function largestLongDouble(negative: bool, outPtr: usize): void {
  const out = changetype<LongDouble>(outPtr);
  out.mantissa = 0xffffffffffffffff;
  out.exponent = MAX_EXPONENT;
  out.negative = negative;
  out.infinite = false;
}

/** Adds the LongDoubles at `aPtr` and `bPtr` into `outPtr`, maybe one of them. False: infinite or not a number. */
export function addLongDouble(aPtr: usize, bPtr: usize, outPtr: usize): bool {
  let a = changetype<LongDouble>(aPtr);
  let b = changetype<LongDouble>(bPtr);
  const out = changetype<LongDouble>(outPtr);
  if (a.infinite || b.infinite) return false;
  if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
    const swap = a;
    a = b;
    b = swap;
  }
  // b >> distance, below a's mantissa, in two words; what falls off the second is remembered in its last bit.
  const distance = a.exponent - b.exponent;
  let high: u64 = 0;
  let low: u64 = b.mantissa != 0 ? 1 : 0;
  if (distance == 0) {
    high = b.mantissa;
    low = 0;
  } else if (distance < 64) {
    high = b.mantissa >> distance;
    low = b.mantissa << (64 - distance);
  } else if (distance < 128) {
    const drop = distance - 64;
    const lost = (b.mantissa >> drop) << drop != b.mantissa;
    low = (b.mantissa >> drop) | (lost ? 1 : 0);
  }
  let exponent = a.exponent;
  const negative = a.negative;
  if (a.negative == b.negative) {
    high += a.mantissa;
    if (high < a.mantissa) {
      low = (low >> 1) | (low & 1) | (high << 63);
      high = (high >> 1) | 0x8000000000000000;
      exponent++;
    }
  } else {
    const borrow: u64 = low != 0 ? 1 : 0;
    high = a.mantissa - high - borrow;
    low = 0 - low;
  }
  out.negative = negative;
  out.infinite = false;
  out.mantissa = 0;
  out.exponent = MIN_EXPONENT;
  if ((high | low) == 0) return true;
  if (high == 0) {
    high = low;
    low = 0;
    exponent -= 64;
  }
  const shift = <i32>clz<u64>(high);
  if (shift > 0) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  return setRounded(out, high, exponent - shift, tailOf(low));
}

// --- Formatting ---

/**
 * Writes the LongDouble at `valuePtr`, finite, with up to 17 decimals and none that are zeros at the end; answers the
 * length, at most LONG_DOUBLE_TEXT_MAX. "-0" is written "0".
 */
export function formatLongDouble(ptr: usize, valuePtr: usize): i32 {
  const value = changetype<LongDouble>(valuePtr);
  const start = ptr;
  if (value.negative) {
    store<u8>(ptr, 0x2d);
    ptr++;
  }
  let end = ptr + <usize>formatFixedParts(ptr, value.mantissa, value.exponent, DECIMALS);
  while (load<u8>(end - 1) == 0x30) end--;
  if (load<u8>(end - 1) == 0x2e) end--;
  if (value.negative && end - ptr == 1 && load<u8>(ptr) == 0x30) {
    store<u8>(start, 0x30);
    return 1;
  }
  return <i32>(end - start);
}
