/**
 * Strings as rows of bits: counting, searching, and integers of 1 to 64 bits at any bit offset.
 * Not for looking up keys or replying: commands/bitmap.ts.
 *
 *     byte      0               1
 *     bit       0 1 2 3 4 5 6 7 8 9 ...        bit 0 is the highest of byte 0; integers have their highest bit first
 *     u5 at 6               [6 7 8 9 10]
 *
 * Counting and searching take 16 bytes a step. Nothing here allocates or moves anything.
 */

// --- Whole strings ---

/** How many bits are set in `len` bytes. */
export function countBits(ptr: usize, len: i32): i64 {
  const end = ptr + <usize>len;
  let total: i64 = 0;
  while (end - ptr >= 16) {
    // Each 8-bit lane gains at most 8 a step, so 31 steps fit before the lanes are added up.
    let lanes = i8x16.splat(0);
    const stop = ptr + min<usize>((end - ptr) & ~15, 31 * 16);
    for (; ptr < stop; ptr += 16) lanes = i8x16.add(lanes, i8x16.popcnt(v128.load(ptr)));
    const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(lanes));
    total += <i64>(i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1)
      + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3));
  }
  for (; ptr < end; ptr++) total += <i64>popcnt<i32>(<i32>load<u8>(ptr));
  return total;
}

/**
 * Position of the first bit that is `bit` (0 or 1) in `len` bytes. When there is none: -1 for a 1, and for a 0 the
 * position behind the last bit, as if zeros followed.
 */
export function findBit(ptr: usize, len: i32, bit: i32): i64 {
  const start = ptr;
  const end = ptr + <usize>len;
  const skip: u8 = bit != 0 ? 0 : 0xff;
  const skips = i8x16.splat(<i8>skip);
  while (end - ptr >= 16) {
    const other = ~i8x16.bitmask(i8x16.eq(v128.load(ptr), skips)) & 0xffff;
    if (other != 0) {
      ptr += <usize>ctz<i32>(other);
      break;
    }
    ptr += 16;
  }
  while (ptr < end && load<u8>(ptr) == skip) ptr++;
  if (ptr == end) return bit != 0 ? -1 : <i64>len << 3;
  const byte = <u32>load<u8>(ptr) ^ <u32>skip;
  return (<i64>(ptr - start) << 3) + <i64>(clz<u32>(byte) - 24);
}

// --- Ranges of bits ---

/** How many bits are set from bit `first` to bit `last`, both included and inside the string. */
export function countBitsBetween(ptr: usize, first: i64, last: i64): i64 {
  const start = ptr + <usize>(first >> 3);
  const end = ptr + <usize>(last >> 3);
  const before = <i32>load<u8>(start) & ~(0xff >> <i32>(first & 7));
  const behind = <i32>load<u8>(end) & (0x7f >> <i32>(last & 7));
  return countBits(start, <i32>(end - start) + 1) - <i64>(popcnt<i32>(before) + popcnt<i32>(behind));
}

/** Position of the first `bit` from bit `first` to bit `last`, both included and in the string; -1: there is none. */
export function findBitBetween(ptr: usize, first: i64, last: i64, bit: i32): i64 {
  const skip = bit != 0 ? 0 : 0xff;
  const lastByte = last >> 3;
  let byte = first >> 3;
  // Bits of the first byte that are before the range are made to look like those to skip; so are those behind it.
  let found = (<i32>load<u8>(ptr + <usize>byte) ^ skip) & (0xff >> <i32>(first & 7));
  if (found == 0 && byte < lastByte) {
    byte++;
    const inner = <i32>(lastByte - byte);
    const at = findBit(ptr + <usize>byte, inner, bit);
    if (at >= 0 && at < <i64>inner << 3) return (byte << 3) + at;
    byte = lastByte;
    found = <i32>load<u8>(ptr + <usize>byte) ^ skip;
  }
  if (found == 0) return -1;
  const position = (byte << 3) + <i64>(clz<i32>(found) - 24);
  return position <= last ? position : -1;
}

// --- Combining strings ---

export const COMBINE_AND: i32 = 0;
export const COMBINE_OR: i32 = 1;
export const COMBINE_XOR: i32 = 2;
/** Bits of `to` that are not in `from`. */
export const COMBINE_CLEAR: i32 = 3;

/** Sixteen bytes combined with sixteen others. */
function combine16(operation: i32, a: v128, b: v128): v128 {
  if (operation == COMBINE_AND) return v128.and(a, b);
  if (operation == COMBINE_CLEAR) return v128.andnot(a, b);
  return operation == COMBINE_OR ? v128.or(a, b) : v128.xor(a, b);
}

/** combine16 for one byte. */
function combine1(operation: i32, a: u32, b: u32): u32 {
  if (operation == COMBINE_AND) return a & b;
  if (operation == COMBINE_CLEAR) return a & ~b;
  return operation == COMBINE_OR ? a | b : a ^ b;
}

/** Combines `to`, of `toLen` bytes, with `from`, which is not longer and counts as followed by zeros. */
export function combineBits(operation: i32, to: usize, toLen: i32, from: usize, fromLen: i32): void {
  assert(fromLen <= toLen);
  const n = <usize>fromLen;
  let i: usize = 0;
  for (; i + 16 <= n; i += 16) v128.store(to + i, combine16(operation, v128.load(to + i), v128.load(from + i)));
  for (; i < n; i++) {
    store<u8>(to + i, <u8>combine1(operation, <u32>load<u8>(to + i), <u32>load<u8>(from + i)));
  }
  if (operation == COMBINE_AND) memory.fill(to + n, 0, <usize>toLen - n);
}

/** Adds the bytes at `from` to two rows of bits: `once`, set in one of those that were added, `more`, in several. */
export function countOnce(once: usize, more: usize, from: usize, fromLen: i32): void {
  const n = <usize>fromLen;
  let i: usize = 0;
  for (; i + 16 <= n; i += 16) {
    const seen = v128.load(once + i);
    const added = v128.load(from + i);
    const several = v128.or(v128.load(more + i), v128.and(seen, added));
    v128.store(more + i, several);
    v128.store(once + i, v128.andnot(v128.or(seen, added), several));
  }
  for (; i < n; i++) {
    const seen = <u32>load<u8>(once + i);
    const added = <u32>load<u8>(from + i);
    const several = <u32>load<u8>(more + i) | (seen & added);
    store<u8>(more + i, <u8>several);
    store<u8>(once + i, <u8>((seen | added) & ~several));
  }
}

/** Turns every bit of `len` bytes over. */
export function invertBits(ptr: usize, len: i32): void {
  const n = <usize>len;
  let i: usize = 0;
  for (; i + 16 <= n; i += 16) v128.store(ptr + i, v128.not(v128.load(ptr + i)));
  for (; i < n; i++) store<u8>(ptr + i, ~load<u8>(ptr + i));
}

// --- Integers at bit offsets ---

/** Byte `index` of a string, 0 behind its end. */
function byteAt(ptr: usize, len: i32, index: u64): u64 {
  return index < <u64>len ? <u64>load<u8>(ptr + <usize>index) : 0;
}

/** The unsigned integer of `bits` (1 to 64) bits at bit `offset`; bits behind the end are 0. */
export function getUnsignedBits(ptr: usize, len: i32, offset: u64, bits: i32): u64 {
  const first = offset >> 3;
  const skip = <i32>(offset & 7);
  let value: u64 = 0;
  if (first + 8 <= <u64>len) {
    value = bswap<u64>(load<u64>(ptr + <usize>first));
  } else {
    for (let i: u64 = 0; i < 8; i++) value = (value << 8) | byteAt(ptr, len, first + i);
  }
  value <<= skip;
  if (skip + bits > 64) value |= byteAt(ptr, len, first + 8) >> (8 - skip);
  return value >> (64 - bits);
}

/** The same as a two's complement number. */
export function getSignedBits(ptr: usize, len: i32, offset: u64, bits: i32): i64 {
  const unused = 64 - bits;
  return <i64>(getUnsignedBits(ptr, len, offset, bits) << unused) >> unused;
}

/** Stores the lowest `bits` (1 to 64) bits of `value` at bit `offset`; the bytes that it touches must exist. */
export function setBits(ptr: usize, offset: u64, bits: i32, value: u64): void {
  let at = ptr + <usize>(offset >> 3);
  let free = 8 - <i32>(offset & 7); // Bits of the byte from the offset on.
  while (bits > 0) {
    const take = min<i32>(free, bits);
    const shift = free - take;
    const mask = ((1 << take) - 1) << shift;
    const piece = <i32>(value >> (bits - take)) << shift;
    store<u8>(at, (<i32>load<u8>(at) & ~mask) | (piece & mask));
    bits -= take;
    at++;
    free = 8;
  }
}

// --- Overflow ---

/** What happens to a result that does not fit. */
export const OVERFLOW_WRAP: i32 = 0;
export const OVERFLOW_SAT: i32 = 1;
export const OVERFLOW_FAIL: i32 = 2;

/**
 * Tells whether value + increment leaves the unsigned integers of `bits` (1 to 63): 1 upwards, -1 downwards, 0 not.
 * When it does, what to store instead goes to `limitPtr` (nothing for OVERFLOW_FAIL).
 */
export function unsignedOverflow(value: u64, increment: i64, bits: i32, mode: i32, limitPtr: usize): i32 {
  const highest = bits == 64 ? u64.MAX_VALUE : (<u64>1 << bits) - 1;
  let direction = 0;
  if (value > highest || (increment > 0 && increment > <i64>(highest - value))) direction = 1;
  else if (increment < 0 && increment < <i64>(0 - value)) direction = -1;
  if (direction == 0) return 0;
  if (mode == OVERFLOW_WRAP) store<u64>(limitPtr, (value + <u64>increment) & highest);
  else if (mode == OVERFLOW_SAT) store<u64>(limitPtr, direction > 0 ? highest : 0);
  return direction;
}

/**
 * The same for two's complement integers of `bits` (1 to 64). The room above is counted modulo 2^64, as in Valkey: so a
 * value far below a width of less than 64 bits counts as an overflow upwards.
 */
export function signedOverflow(value: i64, increment: i64, bits: i32, mode: i32, limitPtr: usize): i32 {
  const highest = <i64>(((<u64>1) << (bits - 1)) - 1);
  const lowest = -highest - 1;
  const roomAbove = <i64>(<u64>highest - <u64>value);
  const roomBelow = <i64>(<u64>lowest - <u64>value);
  const narrow = bits < 64;
  let direction = 0;
  if (value > highest || (increment > roomAbove && (narrow || (value >= 0 && increment > 0)))) direction = 1;
  else if (value < lowest || (increment < roomBelow && (narrow || (value < 0 && increment < 0)))) direction = -1;
  if (direction == 0) return 0;
  if (mode == OVERFLOW_WRAP) {
    const unused = 64 - bits;
    store<i64>(limitPtr, <i64>((<u64>value + <u64>increment) << unused) >> unused);
  } else if (mode == OVERFLOW_SAT) {
    store<i64>(limitPtr, direction > 0 ? highest : lowest);
  }
  return direction;
}
