/**
 * How elements of a listpack are written: the encodings of docs/formats/listpack.md.
 *
 *   body                              its length, 1 to 5 bytes
 *   encoding and integer or length    written by groups of seven bits, so that it can be read backwards
 *   the string's bytes
 *
 * Not for reading and not for making room: listpack.ts.
 */
import { copyBytes } from "../bytes/copy";

export const STRING_6: u32 = 0x80;
export const INTEGER_13: u32 = 0xc0;
export const STRING_12: u32 = 0xe0;
export const STRING_32: u32 = 0xf0;
export const INTEGER_16: u32 = 0xf1;
export const INTEGER_24: u32 = 0xf2;
export const INTEGER_32: u32 = 0xf3;
export const INTEGER_64: u32 = 0xf4;

// --- Lengths ---

/** Bytes before a string's own in its element. */
export function textHeader(len: i32): i32 {
  return len < 64 ? 1 : len < 4096 ? 2 : 5;
}

/** Bytes of an integer's element without the length behind it. */
export function integerBytes(value: i64): i32 {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value <= 4095) return 2;
  if (value >= -32768 && value <= 32767) return 3;
  if (value >= -8388608 && value <= 8388607) return 4;
  return value >= -2147483648 && value <= 2147483647 ? 5 : 9;
}

/** Bytes of the length behind an element of `n` bytes; the odd limits are the format's. */
export function backBytes(n: i32): i32 {
  if (n <= 127) return 1;
  if (n < 16383) return 2;
  return n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

/** Writes the length behind an element: groups of seven bits, the lowest last, all but the first marked. */
export function writeBack(at: usize, n: i32): void {
  if (n <= 127) {
    store<u8>(at, <u8>n);
    return;
  }
  let i = backBytes(n) - 1;
  for (; i > 0; i--) {
    store<u8>(at + <usize>i, <u8>(n | 128));
    n >>= 7;
  }
  store<u8>(at, <u8>n);
}

// --- Elements ---

/** Writes a string's element with the length behind it. */
export function writeText(at: usize, ptr: usize, len: i32): void {
  let text = at + 1;
  if (len < 64) {
    store<u8>(at, STRING_6 | len);
  } else if (len < 4096) {
    store<u8>(at, STRING_12 | (len >> 8));
    store<u8>(at, len, 1);
    text++;
  } else {
    store<u8>(at, STRING_32);
    store<i32>(at, len, 1);
    text += 4;
  }
  copyBytes(text, ptr, <usize>len);
  writeBack(text + <usize>len, <i32>(text - at) + len);
}

/** Writes an integer's element with the length behind it. */
export function writeInteger(at: usize, value: i64): void {
  const n = integerBytes(value);
  if (n == 1) {
    store<u8>(at, value);
  } else if (n == 2) {
    store<u8>(at, INTEGER_13 | (<u32>(value >> 8) & 31));
    store<u8>(at, value, 1);
  } else if (n == 3) {
    store<u8>(at, INTEGER_16);
    store<i16>(at, value, 1);
  } else if (n == 4) {
    store<u32>(at, (<u32>value << 8) | INTEGER_24);
  } else if (n == 5) {
    store<u8>(at, INTEGER_32);
    store<i32>(at, value, 1);
  } else {
    store<u8>(at, INTEGER_64);
    store<i64>(at, value, 1);
  }
  store<u8>(at + <usize>n, <u8>n);
}
