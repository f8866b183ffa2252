/**
 * Decimal text to binary, exactly: what double.ts and long-double.ts share.
 *   scanDecimal     takes the text apart: sign, digits, exponent
 *   decimalToBinary turns the digits into 64 bits, an exponent and a note on what was cut off
 *   parseSpecial    the words for infinity
 * Not for integers that must be canonical (integer.ts).
 *
 *     Decimal (static scratch, overwritten by each scan)
 *       "-00123.4500e-2"    negative 1   first -> "1"   digitsEnd -> "e"   mantissa 1234500   exponent -6
 *                           order 0: the first digit counts 10^0
 *
 * A text is whole when [sign] digits [. digits] [e [sign] digits] covers it, with a digit before or after the dot.
 */
import {
  bigBits, bigCount, bigDivide64, bigMultiplyAdd, bigMultiplyPower5, bigRemainderTail, bigSet, bigTail64, bigTop64,
  DENOMINATOR, divideWide, NUMERATOR, TAIL_ABOVE_HALF, TAIL_BELOW_HALF, TAIL_HALF, TAIL_NONE,
} from "./bignum";
import { isWord } from "./compare";

/** A scanned decimal and, after decimalToBinary, its binary form. */
@unmanaged
export class Decimal {
  /** The first digits as a number, at most 19 of them, leading zeros left out. */
  mantissa: u64;
  /** value = mantissa * 10^exponent when not truncated. */
  exponent: i32;
  /** Power of ten that the first significant digit counts. */
  order: i32;
  /** Address of the first significant digit. */
  first: usize;
  /** Address behind the last digit; a dot may stand between. */
  digitsEnd: usize;
  negative: bool;
  /** There were more than 19 significant digits. */
  truncated: bool;
  /** Filled by decimalToBinary: value = binary * 2^binaryExponent plus what tail says; the top bit is set. */
  binary: u64;
  binaryExponent: i32;
  tail: i32;
}

const DECIMAL: usize = memory.data(64, 16);
/** 10^0 to 10^19. */
const POWERS: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
]);
const MAX_EXPONENT: i64 = 1000000000;

/** The scanned number; valid until the next scanDecimal. */
export function decimal(): Decimal {
  return changetype<Decimal>(DECIMAL);
}

/** The value of an ASCII digit, or more than 9. */
function digitAt(ptr: usize): u32 {
  return <u32>load<u8>(ptr) - 0x30;
}

/** Scans an exponent's digits at [ptr, end); MAX_EXPONENT and more are cut to it. -1 when there is none or junk. */
export function scanExponent(ptr: usize, end: usize): i64 {
  if (ptr == end) return -1;
  let value: i64 = 0;
  for (; ptr < end; ptr++) {
    const digit = digitAt(ptr);
    if (digit > 9) return -1;
    if (value < MAX_EXPONENT) value = value * 10 + <i64>digit;
  }
  return min<i64>(value, MAX_EXPONENT);
}

/** Takes a decimal text apart into decimal(). False when the text isn't wholly a number. */
export function scanDecimal(ptr: usize, len: i32): bool {
  const d = decimal();
  const end = ptr + <usize>len;
  d.negative = false;
  if (ptr < end && (load<u8>(ptr) == 0x2d || load<u8>(ptr) == 0x2b)) {
    d.negative = load<u8>(ptr) == 0x2d;
    ptr++;
  }
  let mantissa: u64 = 0;
  let taken = 0; // Significant digits in `mantissa`.
  let significant: i64 = 0;
  let fraction: i64 = 0; // Digits seen behind the dot.
  let firstFraction: i64 = 0; // `fraction` at the first significant digit.
  let dot: usize = 0;
  const start = ptr;
  d.first = 0;
  for (; ptr < end; ptr++) {
    const digit = digitAt(ptr);
    if (digit > 9) {
      if (load<u8>(ptr) != 0x2e || dot != 0) break;
      dot = ptr;
      continue;
    }
    if (dot != 0) fraction++;
    if (significant == 0) {
      if (digit == 0) continue;
      d.first = ptr;
      firstFraction = fraction;
    }
    significant++;
    if (taken < 19) {
      mantissa = mantissa * 10 + <u64>digit;
      taken++;
    }
  }
  d.digitsEnd = ptr;
  if (ptr - start == (dot != 0 ? 1 : 0)) return false;
  let power: i64 = 0;
  if (ptr < end) {
    if ((load<u8>(ptr) | 0x20) != 0x65) return false;
    ptr++;
    const signed = ptr < end && (load<u8>(ptr) == 0x2d || load<u8>(ptr) == 0x2b);
    power = scanExponent(signed ? ptr + 1 : ptr, end);
    if (power < 0) return false;
    if (signed && load<u8>(ptr) == 0x2d) power = -power;
  }
  d.mantissa = mantissa;
  d.truncated = significant > 19;
  // Digits before the dot from the first significant one on, or minus the zeros behind the dot before it.
  const order = firstFraction == 0 ? significant - fraction - 1 : -firstFraction;
  d.order = <i32>max<i64>(-2 * MAX_EXPONENT, min<i64>(2 * MAX_EXPONENT, order + power));
  d.exponent = d.order - taken + 1;
  return true;
}

/** 1 for an infinity, -1 for minus infinity, 0 for anything else. */
export function parseSpecial(ptr: usize, len: i32): i32 {
  let sign = 1;
  if (len > 0 && (load<u8>(ptr) == 0x2d || load<u8>(ptr) == 0x2b)) {
    if (load<u8>(ptr) == 0x2d) sign = -1;
    ptr++;
    len--;
  }
  if (len == 3 && isWord(ptr, len, "inf")) return sign;
  return len == 8 && isWord(ptr, len, "infinity") ? sign : 0;
}

/** Reads up to `maxDigits` significant digits into NUMERATOR; answers the power of ten that the last one counts. */
function readDigits(d: Decimal, maxDigits: i32): i32 {
  bigSet(NUMERATOR, 0);
  let chunk: u32 = 0;
  let scale: u32 = 1;
  let count = 0;
  let ptr = d.first;
  for (; ptr < d.digitsEnd && count < maxDigits; ptr++) {
    const digit = digitAt(ptr);
    if (digit > 9) continue;
    chunk = chunk * 10 + digit;
    scale *= 10;
    count++;
    if (scale == 1000000000) {
      bigMultiplyAdd(NUMERATOR, scale, chunk);
      chunk = 0;
      scale = 1;
    }
  }
  if (scale > 1) bigMultiplyAdd(NUMERATOR, scale, chunk);
  // Far below the precision asked for, all that matters of the other digits is whether one isn't zero.
  for (; ptr < d.digitsEnd; ptr++) {
    if (digitAt(ptr) - 1 > 8) continue;
    bigMultiplyAdd(NUMERATOR, 10, 1);
    count++;
    break;
  }
  return d.order - count + 1;
}

/** 10^power for 0 .. 19. */
export function powerOfTen(power: i32): u64 {
  return load<u64>(POWERS + (<usize>power << 3));
}

/**
 * decimalToBinary for at most 19 digits and a small negative power: one division of 128 bits by 64.
 */
function smallToBinary(d: Decimal): void {
  const divisor = powerOfTen(-d.exponent);
  const divisorShift = <i32>clz<u64>(divisor);
  const normal = divisor << divisorShift;
  const shift = <i32>clz<u64>(d.mantissa);
  const value = d.mantissa << shift;
  // The quotient's top bit is set when the dividend's upper half is below the divisor but not below half of it.
  const half = value >= normal ? 1 : 0;
  const rest = DECIMAL + offsetof<Decimal>("binary");
  const quotient = divideWide(value >> half, half ? value << 63 : 0, normal, rest);
  const left = load<u64>(rest);
  d.binary = quotient;
  d.binaryExponent = divisorShift - shift - 64 + half;
  if (left == 0) d.tail = TAIL_NONE;
  else if (left == normal - left) d.tail = TAIL_HALF;
  else d.tail = left < normal - left ? TAIL_BELOW_HALF : TAIL_ABOVE_HALF;
}

/**
 * Fills binary, binaryExponent and tail of decimal(), whose mantissa isn't zero. `maxDigits` is at least the number of
 * digits that a point halfway between two results can have; `order` must be in -5000 .. 5000.
 */
export function decimalToBinary(maxDigits: i32): void {
  const d = decimal();
  if (!d.truncated && d.exponent == 0) {
    const shift = <i32>clz<u64>(d.mantissa);
    d.binary = d.mantissa << shift;
    d.binaryExponent = -shift;
    d.tail = TAIL_NONE;
    return;
  }
  if (!d.truncated && d.exponent < 0 && d.exponent >= -19) {
    smallToBinary(d);
    return;
  }
  const power = readDigits(d, maxDigits);
  if (power >= 0) {
    bigMultiplyPower5(NUMERATOR, power);
    d.binary = bigTop64(NUMERATOR);
    d.tail = bigTail64(NUMERATOR);
    d.binaryExponent = power + bigBits(NUMERATOR) - 64;
    return;
  }
  bigSet(DENOMINATOR, 1);
  bigMultiplyPower5(DENOMINATOR, -power);
  assert(bigCount(NUMERATOR) > 0);
  const shift = bigDivide64(DECIMAL + offsetof<Decimal>("binary"));
  d.tail = bigRemainderTail();
  d.binaryExponent = power - shift;
}
