/**
 * Decimal integers: parsing and formatting of 64-bit numbers as commands and replies write them.
 * Not for RESP length headers (resp/ has its own, with other error rules) and not for fractions (double.ts).
 *
 *     "-9223372036854775808"  the longest i64 text: 20 bytes
 *     "18446744073709551615"  the longest u64 text: 20 bytes
 *
 * Parsing is strict: one spelling for each number, so "a text is an integer" and "the integer prints as that text" are
 * the same question (the int encoding of strings relies on it). Nothing here reads past the text or allocates.
 */

const ZERO: u32 = 0x30;
const MINUS: u32 = 0x2d;
const I64_NEGATIVE_LIMIT: u64 = 0x8000000000000000;
const U64_TENTH: u64 = 1844674407370955161;
const CHUNK: u64 = 100000000;

/** "00" to "99", two bytes each. */
const PAIRS: usize = memory.data<u8>([
  48, 48, 48, 49, 48, 50, 48, 51, 48, 52, 48, 53, 48, 54, 48, 55, 48, 56, 48, 57,
  49, 48, 49, 49, 49, 50, 49, 51, 49, 52, 49, 53, 49, 54, 49, 55, 49, 56, 49, 57,
  50, 48, 50, 49, 50, 50, 50, 51, 50, 52, 50, 53, 50, 54, 50, 55, 50, 56, 50, 57,
  51, 48, 51, 49, 51, 50, 51, 51, 51, 52, 51, 53, 51, 54, 51, 55, 51, 56, 51, 57,
  52, 48, 52, 49, 52, 50, 52, 51, 52, 52, 52, 53, 52, 54, 52, 55, 52, 56, 52, 57,
  53, 48, 53, 49, 53, 50, 53, 51, 53, 52, 53, 53, 53, 54, 53, 55, 53, 56, 53, 57,
  54, 48, 54, 49, 54, 50, 54, 51, 54, 52, 54, 53, 54, 54, 54, 55, 54, 56, 54, 57,
  55, 48, 55, 49, 55, 50, 55, 51, 55, 52, 55, 53, 55, 54, 55, 55, 55, 56, 55, 57,
  56, 48, 56, 49, 56, 50, 56, 51, 56, 52, 56, 53, 56, 54, 56, 55, 56, 56, 56, 57,
  57, 48, 57, 49, 57, 50, 57, 51, 57, 52, 57, 53, 57, 54, 57, 55, 57, 56, 57, 57,
]);

// --- Parsing ---

/** True when all eight bytes of `word` are ASCII digits. */
function isEightDigits(word: u64): bool {
  const high: u64 = 0xf0f0f0f0f0f0f0f0;
  return ((word & high) | (((word + 0x0606060606060606) & high) >> 4)) == 0x3333333333333333;
}

/** The number that eight digits (first digit in the lowest byte) spell. Only for words that isEightDigits accepts. */
function eightDigits(word: u64): u64 {
  let v = word - 0x3030303030303030;
  v = v * 10 + (v >> 8);
  const even = (v & 0x000000ff000000ff) * 0x000f424000000064;
  const odd = ((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001;
  return (even + odd) >> 32;
}

/**
 * Reads digits only, the first one 1-9, at most 20 of them, into `outPtr`.
 * False when there is another byte, or when the number does not fit 64 bits.
 */
function parseMagnitude(ptr: usize, len: i32, outPtr: usize): bool {
  if (len <= 0 || len > 20) return false;
  const first = <u32>load<u8>(ptr) - ZERO;
  if (first - 1 > 8) return false;
  const end = ptr + <usize>len;
  let value: u64 = 0;
  while (end - ptr >= 8) {
    const word = load<u64>(ptr);
    if (!isEightDigits(word)) return false;
    value = value * CHUNK + eightDigits(word);
    ptr += 8;
  }
  // After two whole chunks at most 16 digits are in `value`, so up to three more cannot overflow; a 20th can.
  const safeEnd = len == 20 ? end - 1 : end;
  while (ptr < safeEnd) {
    const digit = <u32>load<u8>(ptr) - ZERO;
    if (digit > 9) return false;
    value = value * 10 + <u64>digit;
    ptr++;
  }
  if (len == 20) {
    const digit = <u32>load<u8>(ptr) - ZERO;
    if (digit > 9) return false;
    if (value > U64_TENTH || (value == U64_TENTH && digit > 5)) return false;
    value = value * 10 + <u64>digit;
  }
  store<u64>(outPtr, value);
  return true;
}

/**
 * Parses a signed 64-bit integer into `outPtr`. False, with `outPtr` unspecified, for anything but the canonical text:
 * no plus, no leading zeros or spaces, no "-0", no overflow.
 */
export function parseI64(ptr: usize, len: i32, outPtr: usize): bool {
  if (len == 1) {
    const digit = <u32>load<u8>(ptr) - ZERO;
    store<i64>(outPtr, <i64>digit);
    return digit <= 9;
  }
  if (len > 1 && load<u8>(ptr) == MINUS) {
    if (!parseMagnitude(ptr + 1, len - 1, outPtr)) return false;
    const magnitude = load<u64>(outPtr);
    if (magnitude > I64_NEGATIVE_LIMIT) return false;
    store<u64>(outPtr, 0 - magnitude);
    return true;
  }
  return parseMagnitude(ptr, len, outPtr) && load<i64>(outPtr) >= 0;
}

/** True for the bytes that C's isspace accepts: space and 9 to 13. */
function isSpace(byte: u32): bool {
  return byte == 0x20 || byte - 9 <= 4;
}

/**
 * Parses an unsigned 64-bit integer into `outPtr` as cursors and memory sizes are read: canonical integers first
 * (negative ones refused), then C's strtoull rules for the rest: spaces before, a sign, leading zeros; a minus
 * negates modulo 2^64; the text ends at its first NUL. False for a number that does not fit.
 */
export function parseU64(ptr: usize, len: i32, outPtr: usize): bool {
  if (parseI64(ptr, len, outPtr)) return load<i64>(outPtr) >= 0;
  let end = ptr;
  while (end < ptr + <usize>len && load<u8>(end) != 0) end++;
  while (ptr < end && isSpace(load<u8>(ptr))) ptr++;
  let negative = false;
  if (ptr < end && (load<u8>(ptr) == MINUS || load<u8>(ptr) == 0x2b)) {
    negative = load<u8>(ptr) == MINUS;
    ptr++;
  }
  if (ptr == end) return false;
  while (ptr < end - 1 && load<u8>(ptr) == ZERO) ptr++;
  if (end - ptr == 1 && load<u8>(ptr) == ZERO) {
    store<u64>(outPtr, 0);
    return true;
  }
  if (!parseMagnitude(ptr, <i32>(end - ptr), outPtr)) return false;
  if (negative) store<u64>(outPtr, 0 - load<u64>(outPtr));
  return true;
}

// --- Formatting ---

/** How many decimal digits a u32 has; 1 for 0. */
function digitsOfU32(value: u32): i32 {
  if (value < 10000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 100000000) {
    if (value < 1000000) return value < 100000 ? 5 : 6;
    return value < 10000000 ? 7 : 8;
  }
  return value < 1000000000 ? 9 : 10;
}

/** How many decimal digits a u64 has; 1 for 0. */
export function digitsOfU64(value: u64): i32 {
  if (value <= 0xffffffff) return digitsOfU32(<u32>value);
  if (value < 10000000000000000) {
    if (value < 1000000000000) {
      if (value < 100000000000) return value < 10000000000 ? 10 : 11;
      return 12;
    }
    if (value < 100000000000000) return value < 10000000000000 ? 13 : 14;
    return value < 1000000000000000 ? 15 : 16;
  }
  if (value < 1000000000000000000) return value < 100000000000000000 ? 17 : 18;
  return value < 10000000000000000000 ? 19 : 20;
}

/** Length of the text that formatI64 writes, the minus counted. */
export function digitsOfI64(value: i64): i32 {
  return value < 0 ? 1 + digitsOfU64(0 - <u64>value) : digitsOfU64(<u64>value);
}

/** Writes exactly eight digits of a value below 10^8, zeros in front included. */
export function writeEightDigits(ptr: usize, value: u32): void {
  const high = value / 10000;
  const low = value - high * 10000;
  const a = high / 100;
  const b = high - a * 100;
  const c = low / 100;
  const d = low - c * 100;
  store<u16>(ptr, load<u16>(PAIRS + (<usize>a << 1)));
  store<u16>(ptr, load<u16>(PAIRS + (<usize>b << 1)), 2);
  store<u16>(ptr, load<u16>(PAIRS + (<usize>c << 1)), 4);
  store<u16>(ptr, load<u16>(PAIRS + (<usize>d << 1)), 6);
}

/** Writes a u32 so that its last digit is at end - 1. */
function writeU32Before(end: usize, value: u32): void {
  while (value >= 100) {
    const rest = value / 100;
    end -= 2;
    store<u16>(end, load<u16>(PAIRS + (<usize>(value - rest * 100) << 1)));
    value = rest;
  }
  if (value >= 10) store<u16>(end - 2, load<u16>(PAIRS + (<usize>value << 1)));
  else store<u8>(end - 1, value + ZERO);
}

/** Writes `value` in decimal at `ptr` (at most 20 bytes); answers the length. */
export function formatU64(ptr: usize, value: u64): i32 {
  const length = digitsOfU64(value);
  let end = ptr + <usize>length;
  // Chunks of eight keep the divisions in 32 bits, which engines turn into multiplications.
  while (value > 0xffffffff) {
    const rest = value / CHUNK;
    end -= 8;
    writeEightDigits(end, <u32>(value - rest * CHUNK));
    value = rest;
  }
  writeU32Before(end, <u32>value);
  return length;
}

/** Writes `value` in decimal at `ptr` (at most 20 bytes); answers the length. */
export function formatI64(ptr: usize, value: i64): i32 {
  if (value >= 0) return formatU64(ptr, <u64>value);
  store<u8>(ptr, MINUS);
  return 1 + formatU64(ptr + 1, 0 - <u64>value);
}

/** The character of a hexadecimal digit, 0 to 15. */
export function hexDigit(n: u32): u8 {
  return <u8>(n < 10 ? 48 + n : 87 + n);
}
