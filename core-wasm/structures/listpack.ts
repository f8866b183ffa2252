/**
 * The listpack: a list of strings and integers in one block of bytes. docs/formats/listpack.md has the format, which is
 * Valkey's byte for byte; here is its outline.
 *
 *   >0  u32  size of the whole in bytes
 *    4  u16  number of elements, 65535: that many or more, they have to be counted
 *    6  elements: encoding with the integer or length, the string's bytes, then the length of both so far, to walk back
 *    +  u8   0xff, the end
 *
 *   0xxxxxxx  0..127          10LLLLLL  string to 63 bytes       110xxxxx +1  13-bit integer
 *   1110LLLL +1  string to 4095 bytes    f0 +4  longer string    f1 +2, f2 +3, f3 +4, f4 +8  integers
 *
 * For what is small: small hashes, sets and sorted sets, nodes of lists and streams. A position is the address of an
 * element; 0 is none. Strings that spell an integer are stored as one, and read back as that very text.
 *
 * Invariants: the end byte is where the size says, the number of elements is right or 65535. The block is as long as
 * its size class says, so most changes stay in place; it is given back in part once a quarter of it is unused.
 * Costs: a step of a walk is a load and two or three branches; an insertion moves what is behind it.
 * Stale: positions after any change, the block after one that returns an address. Bytes that are put in must not be
 * the same listpack's own. Idea: listpack.md (S. Sanfilippo, Y. Fadida).
 */
import { equalBytes } from "../bytes/compare";
import { digitsOfI64, formatI64, parseI64 } from "../bytes/integer";
import { alloc, canAllocate, free, realloc, usableSize } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import {
  backBytes, INTEGER_13, INTEGER_16, INTEGER_24, INTEGER_32, INTEGER_64, integerBytes, STRING_12, STRING_32, STRING_6,
  textHeader, writeBack, writeInteger, writeText,
} from "./listpack-encoding";

/** Where lpInsert and lpInsertInt put the new element. */
export const LP_BEFORE: i32 = 0;
export const LP_AFTER: i32 = 1;

const HEADER: i32 = 6;
const COUNT: usize = 4;
const END: u32 = 0xff;
const UNCOUNTED: u32 = 0xffff;
/** No listpack gets larger than this. */
const SIZE_MOST: u32 = 1 << 30;
/** Blocks above this may grow where they stand, and are asked for with the reserve in mind. */
const LARGE_BLOCK: usize = 32768;
/** Two lines and a number of page 0, behind those of types/string.ts. */
const VIEW_LINES: usize = 8448;
const VIEW_LINE: usize = 64;
const NUMBER: usize = VIEW_LINES + 2 * VIEW_LINE;
const ROOT_NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");

// --- Decoding ---

/** True when the text is stored as an integer, which lands in NUMBER. */
export function asInteger(ptr: usize, len: i32): bool {
  if (len == 0 || len > 20) return false;
  const first = <u32>load<u8>(ptr);
  if (first > 57 || (first < 48 && first != 45)) return false;
  return parseI64(ptr, len, NUMBER);
}

export function integerFound(): i64 {
  return load<i64>(NUMBER);
}

/** Bytes of the element without the length behind it; 0 for the end byte and what is no encoding. */
function bodyBytes(p: usize): i32 {
  const b = <u32>load<u8>(p);
  if (b < STRING_6) return 1;
  if (b < INTEGER_13) return <i32>(1 + (b & 63));
  if (b < STRING_12) return 2;
  if (b < STRING_32) return <i32>(2 + (((b & 15) << 8) | <u32>load<u8>(p, 1)));
  if (b == STRING_32) return 5 + load<i32>(p, 1);
  if (b <= INTEGER_32) return <i32>(b - STRING_32) + 2;
  return b == INTEGER_64 ? 9 : 0;
}

/** The position behind the element. */
function behind(p: usize): usize {
  const b = <u32>load<u8>(p);
  if (b < STRING_6) return p + 2;
  if (b < INTEGER_13) return p + 2 + <usize>(b & 63);
  const n = bodyBytes(p);
  return p + <usize>(n + backBytes(n));
}

export function isEnd(p: usize): bool {
  return <u32>load<u8>(p) == END;
}

/** True when the element is an integer. */
export function lpIsInt(p: usize): bool {
  const b = <u32>load<u8>(p);
  return b < STRING_6 || (b & 0xe0) == INTEGER_13 || b > STRING_32;
}

/** The integer; only for elements that lpIsInt accepts. */
export function lpInt(p: usize): i64 {
  const b = <u32>load<u8>(p);
  if (b < STRING_6) return <i64>b;
  if (b < STRING_12) return <i64>(<i32>(((b << 8) | <u32>load<u8>(p, 1)) << 19) >> 19);
  if (b == INTEGER_16) return <i64>load<i16>(p, 1);
  if (b == INTEGER_24) return <i64>(load<i32>(p) >> 8);
  return b == INTEGER_32 ? <i64>load<i32>(p, 1) : load<i64>(p, 1);
}

/** Address of a string's bytes; only for elements that lpIsInt refuses. */
export function lpText(p: usize): usize {
  const b = <u32>load<u8>(p);
  return p + (b < INTEGER_13 ? 1 : b < STRING_32 ? 2 : 5);
}

/** Length of a string; only for elements that lpIsInt refuses. */
export function lpTextLength(p: usize): i32 {
  const b = <u32>load<u8>(p);
  if (b < INTEGER_13) return <i32>(b & 63);
  return b < STRING_32 ? <i32>(((b & 15) << 8) | <u32>load<u8>(p, 1)) : load<i32>(p, 1);
}

/** Address of any element's bytes; an integer is written out into `line` (0 or 1), which the next one overwrites. */
export function lpView(p: usize, line: i32 = 0): usize {
  if (!lpIsInt(p)) return lpText(p);
  const at = VIEW_LINES + VIEW_LINE * <usize>line;
  formatI64(at, lpInt(p));
  return at;
}

/** Length of what lpView shows. */
export function lpViewLength(p: usize): i32 {
  return lpIsInt(p) ? digitsOfI64(lpInt(p)) : lpTextLength(p);
}

/** The element as a 64-bit integer, into root.number; false when it is none. */
export function lpToI64(p: usize): bool {
  if (!lpIsInt(p)) return parseI64(lpText(p), lpTextLength(p), ROOT_NUMBER);
  root().number = lpInt(p);
  return true;
}

/** True when the element is these bytes. */
export function lpEquals(p: usize, ptr: usize, len: i32): bool {
  if (lpIsInt(p)) return asInteger(ptr, len) && integerFound() == lpInt(p);
  return lpTextLength(p) == len && equalBytes(lpText(p), ptr, len);
}

// --- Walking ---

/** Size of the whole in bytes. */
export function lpBytes(lp: usize): i32 {
  return load<i32>(lp);
}

/** Number of elements. 65535 and more are counted by a walk. */
export function lpLength(lp: usize): i32 {
  const count = <u32>load<u16>(lp, COUNT);
  if (count != UNCOUNTED) return <i32>count;
  let n = 0;
  for (let p = lp + <usize>HEADER; !isEnd(p); p = behind(p)) n++;
  if (n < <i32>UNCOUNTED) store<u16>(lp, n, COUNT);
  return n;
}

export function lpFirst(lp: usize): usize {
  return lpHere(lp + <usize>HEADER);
}

export function lpLast(lp: usize): usize {
  return lpPrev(lp, lp + <usize>(lpBytes(lp) - 1));
}

/** The position, or 0 when it is the end. */
export function lpHere(p: usize): usize {
  return isEnd(p) ? 0 : p;
}

/** The next element, 0 behind the last. */
export function lpNext(lp: usize, p: usize): usize {
  return lpHere(behind(p));
}

/** The element before `p`, 0 before the first. */
export function lpPrev(lp: usize, p: usize): usize {
  if (p == lp + <usize>HEADER) return 0;
  const b = <usize>load<u8>(p - 1);
  if (b < 128) return p - 1 - b;
  let n = b & 127;
  let at = p - 2;
  let shift: usize = 7;
  for (; load<u8>(at) >= 128; at--) {
    n |= (<usize>load<u8>(at) & 127) << shift;
    shift += 7;
  }
  n |= <usize>load<u8>(at) << shift;
  return at - n;
}

/** The element at an index, negative ones from the end (-1 is the last); 0 when there is none. */
export function lpSeek(lp: usize, index: i32): usize {
  const count = <i32>load<u16>(lp, COUNT);
  let forward = index >= 0;
  if (count != <i32>UNCOUNTED) {
    if (index < 0) index += count;
    if (index < 0 || index >= count) return 0;
    forward = index <= count >> 1;
    if (!forward) index -= count;
  }
  if (forward) {
    let p = lp + <usize>HEADER;
    for (; index > 0 && !isEnd(p); index--) p = behind(p);
    return lpHere(p);
  }
  let p = lpLast(lp);
  for (; index < -1 && p != 0; index++) p = lpPrev(lp, p);
  return p;
}

/** Position `n` elements behind p; the end when there are fewer. */
function skipped(p: usize, n: i32): usize {
  for (; n > 0 && !isEnd(p); n--) p = behind(p);
  return p;
}

/** Finds an integer: every (skip+1)-th element from p. */
function findInteger(p: usize, value: i64, skip: i32): usize {
  let steps = 0;
  while (true) {
    const b = <u32>load<u8>(p);
    if (b < STRING_6) {
      if (<i64>b == value) return foundAfter(p, steps);
      p += 2;
    } else if (b < INTEGER_13) {
      p += 2 + <usize>(b & 63);
    } else {
      if (b == END) return foundAfter(0, steps);
      if (lpIsInt(p) && lpInt(p) == value) return foundAfter(p, steps);
      p = behind(p);
    }
    if (skip != 0) p = skipped(p, skip);
    steps++;
  }
}

function foundAfter(p: usize, steps: i32): usize {
  root().lpSteps = steps;
  return p;
}

function isText(p: usize, ptr: usize, len: i32): bool {
  return !lpIsInt(p) && lpTextLength(p) == len && equalBytes(lpText(p), ptr, len);
}

/**
 * The first of p, and every (skip+1)-th element behind it, that is these bytes; 0 when there is none. So `skip` 1 looks
 * at the fields of a hash. root.lpSteps is how many were compared before it, or in all.
 */
export function lpFind(p: usize, ptr: usize, len: i32, skip: i32): usize {
  if (p == 0) return 0;
  if (asInteger(ptr, len)) return findInteger(p, integerFound(), skip);
  const wanted = len < 64 ? STRING_6 | <u32>len : END;
  let steps = 0;
  while (true) {
    const b = <u32>load<u8>(p);
    if (b == wanted && b != END) {
      if (equalBytes(p + 1, ptr, len)) return foundAfter(p, steps);
      p += 2 + <usize>len;
    } else if (b < STRING_6) {
      p += 2;
    } else if (b < INTEGER_13) {
      p += 2 + <usize>(b & 63);
    } else {
      if (b == END) return foundAfter(0, steps);
      if (wanted == END && isText(p, ptr, len)) return foundAfter(p, steps);
      p = behind(p);
    }
    if (skip != 0) p = skipped(p, skip);
    steps++;
  }
}

// --- Making ---

/** An empty listpack with room for `room` bytes in all; 0 when memory is exhausted. */
export function lpNew(room: i32): usize {
  const least = HEADER + 1;
  const lp = alloc(<usize>(room < least ? least : room));
  if (lp == 0) return 0;
  store<i32>(lp, least);
  store<u16>(lp, 0, COUNT);
  store<u8>(lp, <u8>END, HEADER);
  return lp;
}

/** A copy in a block of the right size; 0 when memory is exhausted. */
export function lpCopy(lp: usize): usize {
  const size = <usize>lpBytes(lp);
  if (size > LARGE_BLOCK && !canAllocate(<u64>size)) return 0;
  const copy = alloc(size);
  if (copy != 0) memory.copy(copy, lp, size);
  return copy;
}

/** A new listpack of the `count` elements in [from, to), positions of another; 0 when memory is exhausted. */
export function lpSlice(from: usize, to: usize, count: i32): usize {
  const size = HEADER + 1 + <i32>(to - from);
  const lp = lpNew(size);
  if (lp == 0) return 0;
  memory.copy(lp + <usize>HEADER, from, to - from);
  store<i32>(lp, size);
  store<u16>(lp, count > <i32>UNCOUNTED ? UNCOUNTED : count, COUNT);
  store<u8>(lp + <usize>(size - 1), <u8>END);
  return lp;
}

/** Bytes that the element takes in a listpack. */
export function lpEntryBytes(ptr: usize, len: i32): i32 {
  const n = asInteger(ptr, len) ? integerBytes(integerFound()) : textHeader(len) + len;
  return n + backBytes(n);
}

/** True when `add` bytes more leave the listpack within 1 GiB. */
export function lpFits(lp: usize, add: i32): bool {
  return add >= 0 && <u32>lpBytes(lp) + <u32>add <= SIZE_MOST;
}

/** Gives unused memory back; returns the listpack, which may have moved. */
export function lpShrink(lp: usize): usize {
  const moved = realloc(lp, <usize>lpBytes(lp));
  return moved == 0 ? lp : moved;
}

// --- Changing ---

/**
 * Puts `fresh` bytes of room, not written yet, in the place of `old` bytes at `at`, whose new address is lpPlace then.
 * Returns the listpack, which may have moved, or 0 (nothing changed) when memory is exhausted.
 */
function open(lp: usize, at: usize, old: i32, fresh: i32): usize {
  const bytes = lpBytes(lp);
  const size = bytes + fresh - old;
  if (<u32>size > SIZE_MOST) return 0;
  const offset = at - lp;
  const from = at + <usize>old;
  const tail = <usize>bytes - (from - lp);
  if (fresh > old) {
    const have = usableSize(lp);
    if (<usize>size > have) return openMoved(lp, offset, from - lp, tail, fresh);
  }
  const to = at + <usize>fresh;
  if (tail == 1) store<u8>(to, <u8>END);
  else if (to != from) memory.copy(to, from, tail);
  store<i32>(lp, size);
  if (fresh < old) {
    const have = usableSize(lp);
    if (have - <usize>size >= (have >> 2) + 8) lp = lpShrink(lp);
  }
  root().lpPlace = lp + offset;
  return lp;
}

/** open() where the block is too small. */
function openMoved(lp: usize, offset: usize, from: usize, tail: usize, fresh: i32): usize {
  const to = offset + <usize>fresh;
  const size = to + tail;
  if (size > LARGE_BLOCK) {
    if (!canAllocate(<u64>size)) return 0;
    const moved = realloc(lp, size);
    if (moved == 0) return 0;
    lp = moved;
    memory.copy(lp + to, lp + from, tail);
  } else {
    const moved = alloc(size);
    if (moved == 0) return 0;
    memory.copy(moved, lp, offset);
    memory.copy(moved + to, lp + from, tail);
    free(lp);
    lp = moved;
  }
  store<i32>(lp, <i32>size);
  root().lpPlace = lp + offset;
  return lp;
}

export function addCount(lp: usize, n: i32): void {
  const count = <i32>load<u16>(lp, COUNT);
  if (count == <i32>UNCOUNTED) return;
  store<u16>(lp, count + n > <i32>UNCOUNTED ? UNCOUNTED : count + n, COUNT);
}

/** Puts a string or integer in the place of `old` bytes at `at`. */
function put(lp: usize, at: usize, old: i32, ptr: usize, len: i32): usize {
  if (asInteger(ptr, len)) return putInt(lp, at, old, integerFound());
  const n = textHeader(len) + len;
  const moved = open(lp, at, old, n + backBytes(n));
  if (moved != 0) writeText(root().lpPlace, ptr, len);
  return moved;
}

function putInt(lp: usize, at: usize, old: i32, value: i64): usize {
  const moved = open(lp, at, old, integerBytes(value) + 1);
  if (moved != 0) writeInteger(root().lpPlace, value);
  return moved;
}

/** Puts an element before or after p (LP_BEFORE, LP_AFTER): new address, or 0 without memory; it is lpPlace then. */
export function lpInsert(lp: usize, p: usize, ptr: usize, len: i32, where: i32): usize {
  const moved = put(lp, where == LP_AFTER ? behind(p) : p, 0, ptr, len);
  if (moved != 0) addCount(moved, 1);
  return moved;
}

/** lpInsert for an integer. */
export function lpInsertInt(lp: usize, p: usize, value: i64, where: i32): usize {
  const moved = putInt(lp, where == LP_AFTER ? behind(p) : p, 0, value);
  if (moved != 0) addCount(moved, 1);
  return moved;
}

/** Puts an element at the end. New address, or 0 without memory; the element is lpPlace. */
export function lpAppend(lp: usize, ptr: usize, len: i32): usize {
  return lpInsert(lp, lp + <usize>(lpBytes(lp) - 1), ptr, len, LP_BEFORE);
}

/** Puts an element at the front. New address, or 0 without memory; the element is lpPlace. */
export function lpPrepend(lp: usize, ptr: usize, len: i32): usize {
  return lpInsert(lp, lp + <usize>HEADER, ptr, len, LP_BEFORE);
}

/** lpAppend for an integer. */
export function lpAppendInt(lp: usize, value: i64): usize {
  return lpInsertInt(lp, lp + <usize>(lpBytes(lp) - 1), value, LP_BEFORE);
}

/** Puts other bytes in the place of the element. New address, or 0 without memory; the element is lpPlace. */
export function lpReplace(lp: usize, p: usize, ptr: usize, len: i32): usize {
  return put(lp, p, <i32>(behind(p) - p), ptr, len);
}

/** lpReplace for an integer. */
export function lpReplaceInt(lp: usize, p: usize, value: i64): usize {
  return putInt(lp, p, <i32>(behind(p) - p), value);
}

/** Appends all elements of `other`, which stays as it is. New address, or 0 (nothing changed) without memory. */
export function lpJoin(lp: usize, other: usize): usize {
  const bytes = lpBytes(other) - HEADER - 1;
  const count = lpLength(other);
  const moved = open(lp, lp + <usize>(lpBytes(lp) - 1), 0, bytes);
  if (moved == 0) return 0;
  memory.copy(root().lpPlace, other + <usize>HEADER, <usize>bytes);
  addCount(moved, count);
  return moved;
}

/** The position behind an element, be it the end: where a range of elements ends. */
export function lpBehind(p: usize): usize {
  return behind(p);
}

/** Position of the first element, be it the end. */
export function lpStart(lp: usize): usize {
  return lp + <usize>HEADER;
}

/** Position of the end. */
export function lpEnd(lp: usize): usize {
  return lp + <usize>(lpBytes(lp) - 1);
}

/** Removes an element. New address, never 0; lpPlace is the element behind it, 0 when it was the last. */
export function lpDelete(lp: usize, p: usize): usize {
  return lpDeleteAt(lp, p, 1);
}

/** Removes up to `count` elements from p on. New address, never 0; lpPlace is the element behind them, or 0. */
export function lpDeleteAt(lp: usize, p: usize, count: i32): usize {
  let end = p;
  let gone = 0;
  for (; gone < count && !isEnd(end); gone++) end = behind(end);
  if (gone > 0) {
    lp = open(lp, p, <i32>(end - p), 0);
    addCount(lp, -gone);
    p = root().lpPlace;
  }
  root().lpPlace = lpHere(p);
  return lp;
}

/** Removes up to `count` elements from an index on (negative: from the end). New address, never 0. */
export function lpDeleteRange(lp: usize, index: i32, count: i32): usize {
  const p = lpSeek(lp, index);
  if (p != 0) return lpDeleteAt(lp, p, count);
  root().lpPlace = 0;
  return lp;
}

// --- Validation ---

/** True when [p, end) holds a whole element with a right length behind it; reads nothing outside. */
function isElement(p: usize, end: usize): bool {
  const room = end - p;
  const b = <u32>load<u8>(p);
  const header: usize = b == STRING_32 ? 5 : b >= STRING_12 && b < STRING_32 ? 2 : 1;
  if (room < header) return false;
  if (b == STRING_32 && load<u32>(p, 1) > SIZE_MOST) return false;
  const n = bodyBytes(p);
  if (n == 0) return false;
  const back = backBytes(n);
  if (room < <usize>(n + back)) return false;
  const line = NUMBER + 8;
  writeBack(line, n);
  return equalBytes(line, p + <usize>n, back);
}

/**
 * True when `size` bytes are a listpack: header and end, and with `deep` every element and their number. Reads nothing
 * outside whatever the bytes are; without `deep` the elements have to be trusted.
 */
export function lpValidate(ptr: usize, size: i32, deep: bool): bool {
  if (size < HEADER + 1 || load<i32>(ptr) != size) return false;
  const end = ptr + <usize>(size - 1);
  if (!isEnd(end)) return false;
  if (!deep) return true;
  let n: u32 = 0;
  for (let p = ptr + <usize>HEADER; p != end; p = behind(p)) {
    if (!isElement(p, end)) return false;
    n++;
  }
  const count = <u32>load<u16>(ptr, COUNT);
  return count == UNCOUNTED || count == n;
}
