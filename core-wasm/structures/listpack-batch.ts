/**
 * Appending several elements to a listpack at once: room is made once, elements are written one behind the other, then
 * the listpack is ended. What streams do for each entry; listpack.ts has everything else.
 *
 *   lp = lpReserve(lp, bound, extra);   bound: the sum of lpBound() and LP_INT_BOUND
 *   at = lpWrite(lpEnd(lp), ptr, len);  at = lpWriteInt(at, 5);
 *   lpFinish(lp, at, 2);
 */
import { canAllocate, realloc, usableSize } from "../memory/allocator";
import { addCount, asInteger, integerFound, isEnd, lpBehind, lpBytes } from "./listpack";
import { backBytes, integerBytes, textHeader, writeInteger, writeText } from "./listpack-encoding";

/** Bytes that an integer's element takes at most. */
export const LP_INT_BOUND: i32 = 10;
const SIZE_MOST: u64 = 1 << 30;
const LARGE_BLOCK: u64 = 32768;
const END: u8 = 0xff;

/** Bytes that the element of a text of this length takes at most, whatever it spells. */
export function lpBound(len: i32): i32 {
  return len < 64 ? len + 2 : len < 4096 ? len + 4 : len + 10;
}

/**
 * Gives the block room for `add` bytes more, and, when it has to grow, for `extra` beyond them if that can be had. New
 * address, or 0 (nothing changed) without memory.
 */
export function lpReserve(lp: usize, add: i32, extra: i32): usize {
  const size = <u64>lpBytes(lp) + <u64>add;
  if (size > SIZE_MOST) return 0;
  if (<usize>size <= usableSize(lp)) return lp;
  if (size > LARGE_BLOCK && !canAllocate(size)) return 0;
  const moved = realloc(lp, <usize>size + <usize>extra);
  return moved != 0 ? moved : realloc(lp, <usize>size);
}

/** Writes an element into reserved room; returns the place for the next one. */
export function lpWrite(at: usize, ptr: usize, len: i32): usize {
  if (asInteger(ptr, len)) return lpWriteInt(at, integerFound());
  writeText(at, ptr, len);
  const n = textHeader(len) + len;
  return at + <usize>(n + backBytes(n));
}

/** lpWrite for an integer. */
export function lpWriteInt(at: usize, value: i64): usize {
  writeInteger(at, value);
  return at + <usize>(integerBytes(value) + 1);
}

/** Ends a listpack at `end`, with `added` elements more than it had. */
export function lpFinish(lp: usize, end: usize, added: i32): void {
  store<u8>(end, END);
  store<i32>(lp, <i32>(end - lp) + 1);
  addCount(lp, added);
}

/** Bytes of an element by its first byte, when it has at most 63 bytes; 0: lpBehind() tells. */
const ELEMENT_BYTES: usize = memory.data<u8>([
  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
  2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
  42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 3, 3, 3, 3,
  3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 10, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0,
]);

/** The place `n` elements behind p, which there are. */
export function lpSkip(p: usize, n: i32): usize {
  for (; n > 0; n--) {
    const bytes = <usize>load<u8>(ELEMENT_BYTES + <usize>load<u8>(p));
    p = bytes != 0 ? p + bytes : lpBehind(p);
  }
  return p;
}

/** True when the place is the end byte's. */
export function lpIsEnd(p: usize): bool {
  return isEnd(p);
}
