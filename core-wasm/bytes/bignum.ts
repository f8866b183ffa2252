/**
 * Unsigned big integers in fixed scratch places, for the few numbers that 64 bits can't convert exactly; and the
 * 128-bit products, quotients and roundings that serve all the others.
 * Not for values that live on: each place is overwritten by the next conversion, and nothing here allocates.
 *
 *     place   [count u32][unused u32][limb 0 u32][limb 1] ... [limb count - 1]     lowest limb first, no zero on top
 *             >place
 *
 * Largest numbers that callers make: 10^4950 and 5^10080, both times 2^64, are below 24,000 bits; LIMBS holds 25,600.
 * Costs grow with the square of the digits.
 */

const LIMBS: i32 = 800;
const PLACE_SIZE: i32 = 8 + LIMBS * 4;
const LIMBS_OFFSET: usize = 8;

/** The place of the number itself, and then of the remainder. */
export const NUMERATOR: usize = memory.data(PLACE_SIZE, 16);
/** The place of the divisor. */
export const DENOMINATOR: usize = memory.data(PLACE_SIZE, 16);

// --- Accessors ---

/** How many limbs are in use; 0 for zero. */
export function bigCount(big: usize): i32 {
  return load<i32>(big);
}

/** Limb `i`. */
function limb(big: usize, i: i32): u32 {
  return load<u32>(big + (<usize>i << 2), LIMBS_OFFSET);
}

/** Sets limb `i`. */
function setLimb(big: usize, i: i32, value: u32): void {
  store<u32>(big + (<usize>i << 2), value, LIMBS_OFFSET);
}

/** Sets the count, leaving zeros on top out. */
function trim(big: usize, count: i32): void {
  while (count > 0 && limb(big, count - 1) == 0) count--;
  store<i32>(big, count);
}

// --- Arithmetic ---

/** big = value. */
export function bigSet(big: usize, value: u64): void {
  setLimb(big, 0, <u32>value);
  setLimb(big, 1, <u32>(value >> 32));
  trim(big, 2);
}

/** big = big * factor + addend. */
export function bigMultiplyAdd(big: usize, factor: u32, addend: u32): void {
  const count = bigCount(big);
  let carry = <u64>addend;
  for (let i = 0; i < count; i++) {
    carry += <u64>limb(big, i) * <u64>factor;
    setLimb(big, i, <u32>carry);
    carry >>= 32;
  }
  if (carry == 0) return;
  assert(count < LIMBS);
  setLimb(big, count, <u32>carry);
  store<i32>(big, count + 1);
}

/** big = big * 5^power. */
export function bigMultiplyPower5(big: usize, power: i32): void {
  for (; power >= 13; power -= 13) bigMultiplyAdd(big, 1220703125, 0);
  let factor: u32 = 1;
  for (; power > 0; power--) factor *= 5;
  if (factor > 1) bigMultiplyAdd(big, factor, 0);
}

/** big = big * 2^bits. */
export function bigShiftLeft(big: usize, bits: i32): void {
  const count = bigCount(big);
  if (count == 0) return;
  const words = bits >> 5;
  const part = bits & 31;
  assert(count + words < LIMBS);
  let high: u32 = 0;
  for (let i = count - 1; i >= 0; i--) {
    const low = limb(big, i);
    setLimb(big, i + words + 1, part == 0 ? high : (high << part) | (low >> (32 - part)));
    high = low;
  }
  setLimb(big, words, high << part);
  for (let i = 0; i < words; i++) setLimb(big, i, 0);
  trim(big, count + words + 1);
}

/** Negative, 0 or positive as a is below, equal to or above b. */
function bigCompare(a: usize, b: usize): i32 {
  const count = bigCount(a);
  if (count != bigCount(b)) return count - bigCount(b);
  for (let i = count - 1; i >= 0; i--) {
    const x = limb(a, i);
    const y = limb(b, i);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/** a = a - b; a must not be below b. */
function bigSubtract(a: usize, b: usize): void {
  const count = bigCount(a);
  const bCount = bigCount(b);
  let borrow: i64 = 0;
  for (let i = 0; i < count; i++) {
    borrow += <i64>limb(a, i) - (i < bCount ? <i64>limb(b, i) : 0);
    setLimb(a, i, <u32>borrow);
    borrow >>= 32;
  }
  assert(borrow == 0);
  trim(a, count);
}

/** big = big / divisor; answers the remainder. */
export function bigDivideSmall(big: usize, divisor: u32): u32 {
  const count = bigCount(big);
  let rest: u64 = 0;
  for (let i = count - 1; i >= 0; i--) {
    rest = (rest << 32) | <u64>limb(big, i);
    const quotient = rest / <u64>divisor;
    setLimb(big, i, <u32>quotient);
    rest -= quotient * <u64>divisor;
  }
  trim(big, count);
  return <u32>rest;
}

/** How many bits the number has; 0 for zero. */
export function bigBits(big: usize): i32 {
  const count = bigCount(big);
  return count == 0 ? 0 : (count << 5) - clz<u32>(limb(big, count - 1));
}

// --- Reading out ---

/** How what was cut off compares with half of the last kept unit. */
export const TAIL_NONE: i32 = 0;
export const TAIL_BELOW_HALF: i32 = 1;
export const TAIL_HALF: i32 = 2;
export const TAIL_ABOVE_HALF: i32 = 3;

/** Bit `i` of the number. */
function bit(big: usize, i: i32): u32 {
  return (limb(big, i >> 5) >> (i & 31)) & 1;
}

/** The 64 bits from bit `low` upwards; bits outside the number are 0. */
function bits64(big: usize, low: i32): u64 {
  let value: u64 = 0;
  const count = bigCount(big);
  for (let i = 0; i < 64; i++) {
    const at = low + i;
    if (at >= 0 && at < count << 5) value |= <u64>bit(big, at) << i;
  }
  return value;
}

/** The highest 64 bits of a number that isn't zero, the top one set. */
export function bigTop64(big: usize): u64 {
  return bits64(big, bigBits(big) - 64);
}

/** What is below the highest 64 bits, as one of TAIL_*. */
export function bigTail64(big: usize): i32 {
  const half = bigBits(big) - 65;
  if (half < 0) return TAIL_NONE;
  let below = false;
  for (let i = 0; i < half && !below; i++) below = bit(big, i) != 0;
  if (bit(big, half) == 0) return below ? TAIL_BELOW_HALF : TAIL_NONE;
  return below ? TAIL_ABOVE_HALF : TAIL_HALF;
}

/**
 * Divides NUMERATOR by DENOMINATOR, neither zero, so that the quotient has 64 bits, the top one set: answers the shift,
 * where quotient = NUMERATOR * 2^shift / DENOMINATOR. The quotient is stored at `out`, the remainder stays.
 */
export function bigDivide64(out: usize): i32 {
  let shift = bigBits(DENOMINATOR) - bigBits(NUMERATOR);
  if (shift > 0) bigShiftLeft(NUMERATOR, shift);
  else bigShiftLeft(DENOMINATOR, -shift);
  if (bigCompare(NUMERATOR, DENOMINATOR) < 0) {
    bigShiftLeft(NUMERATOR, 1);
    shift++;
  }
  let quotient: u64 = 1;
  bigSubtract(NUMERATOR, DENOMINATOR);
  for (let i = 1; i < 64; i++) {
    bigShiftLeft(NUMERATOR, 1);
    quotient <<= 1;
    if (bigCompare(NUMERATOR, DENOMINATOR) >= 0) {
      bigSubtract(NUMERATOR, DENOMINATOR);
      quotient |= 1;
    }
  }
  store<u64>(out, quotient);
  return shift + 63;
}

/** After a division: how the remainder compares with half of DENOMINATOR, as one of TAIL_*. */
export function bigRemainderTail(): i32 {
  if (bigCount(NUMERATOR) == 0) return TAIL_NONE;
  bigShiftLeft(NUMERATOR, 1);
  const order = bigCompare(NUMERATOR, DENOMINATOR);
  if (order == 0) return TAIL_HALF;
  return order < 0 ? TAIL_BELOW_HALF : TAIL_ABOVE_HALF;
}

// --- Rounding ---

/**
 * value >> drop, rounded to nearest, ties to even; `tail` says what was already cut off below value's last bit.
 * The result of drop 0 can wrap from all ones to 0, which then stands for 2^64.
 */
export function roundShift(value: u64, tail: i32, drop: i32): u64 {
  if (drop > 64) return 0;
  let kept: u64 = 0;
  let order = tail - TAIL_HALF;
  if (drop > 0) {
    const half = <u64>1 << (drop - 1);
    const low = drop == 64 ? value : value & ((half << 1) - 1);
    kept = drop == 64 ? 0 : value >> drop;
    order = low < half ? -1 : low > half || tail != TAIL_NONE ? 1 : 0;
  } else {
    kept = value;
  }
  if (order > 0 || (order == 0 && (kept & 1) != 0)) kept++;
  return kept;
}

/** How `low`, cut off below a unit of 2^64, compares with half of it, as one of TAIL_*. */
export function tailOf(low: u64): i32 {
  if (low == 0) return TAIL_NONE;
  const half: u64 = 0x8000000000000000;
  return low == half ? TAIL_HALF : low < half ? TAIL_BELOW_HALF : TAIL_ABOVE_HALF;
}

// --- 128 bits ---

/** High 64 bits of a * b. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const cross = aHigh * bLow + ((aLow * bLow) >> 32);
  const middle = aLow * bHigh + (cross & 0xffffffff);
  return aHigh * bHigh + (cross >> 32) + (middle >> 32);
}

/**
 * floor((high * 2^64 + low) / divisor) for high < divisor and a divisor with its top bit set; the remainder goes to
 * `restPtr`. Two digits of 32 bits, each guessed from the divisor's upper half and corrected downwards at most twice
 * (Knuth, The Art of Computer Programming, volume 2, 4.3.1).
 */
export function divideWide(high: u64, low: u64, divisor: u64, restPtr: usize): u64 {
  assert(high < divisor && <i64>divisor < 0);
  const top = divisor >> 32;
  const bottom = divisor & 0xffffffff;
  let quotient: u64 = 0;
  for (let i = 0; i < 2; i++) {
    const next = i == 0 ? low >> 32 : low & 0xffffffff;
    let guess = high / top;
    let rest = high - guess * top;
    while (guess >> 32 != 0 || guess * bottom > ((rest << 32) | next)) {
      guess--;
      rest += top;
      if (rest >> 32 != 0) break;
    }
    high = ((high << 32) | next) - guess * divisor;
    quotient = (quotient << 32) + guess;
  }
  store<u64>(restPtr, high);
  return quotient;
}
