/**
 * Elements of lists as replies: one, or a range of them.
 *
 * A range is written straight from the listpacks into the output's chunks. Room is looked at once an element, the
 * output's counters once a chunk: most of what LRANGE costs is here.
 */
import { copyBytes } from "../bytes/copy";
import { digitsOfI64, formatI64, formatU64 } from "../bytes/integer";
import { PAGE_BITS } from "../memory/allocator";
import { root } from "../memory/root";
import { chunkRoom, Client, commitOutput, retractOutput } from "../resp/client";
import {
  replyArray, replyBlock, replyBulk, replyBulkInteger, replyOutOfMemory, reserve,
} from "../resp/reply";
import { lpBehind, lpHere, lpInt, lpIsInt, lpNext, lpText, lpTextLength } from "../structures/listpack";
import {
  cursorClose, cursorFailed, cursorGo, cursorInt, cursorIsBlock, cursorIsInt, cursorLength, cursorListpack, cursorNext,
  cursorOpen, cursorPosition, cursorPrevious, cursorView,
} from "../types/list-cursor";

const CRLF: u16 = 0x0a0d;
/** Longer elements are written by replyBulk, which spreads them over chunks. */
const SHORT_MOST: i32 = 4096;
/** Room for all but the bytes of a string. */
const FRAME: usize = 32;
/** Room that writeQuick keeps: a string of 63 bytes with its frame, and what copying by 16 goes too far. */
const QUICK_ROOM: usize = 96;

/** Replies the element at the cursor. */
export function replyElement(c: Client): void {
  if (cursorIsInt()) replyBulkInteger(c, cursorInt());
  else if (cursorIsBlock()) replyBlock(c, cursorView(), cursorLength());
  else replyBulk(c, cursorView(), cursorLength());
}

/** Writes a bulk string's length line; returns the address behind it. */
function writeHeader(at: usize, len: i32): usize {
  if (len < 10) {
    store<u32>(at, 0x0a0d3024 + (<u32>len << 8)); // $n\r\n
    return at + 4;
  }
  if (len < 100) {
    const tens = <u32>len / 10;
    store<u32>(at, 0x0d303024 + (tens << 8) + ((<u32>len - tens * 10) << 16)); // $nn\r
    store<u8>(at, 0x0a, 4);
    return at + 5;
  }
  store<u8>(at, 0x24);
  const end = at + 1 + <usize>formatU64(at + 1, <u64>len);
  store<u16>(end, CRLF);
  return end + 2;
}

/** Writes an integer from 0 to 127 as a bulk string; returns the address behind it. */
function writeSmall(at: usize, value: u32): usize {
  if (value < 10) {
    store<u64>(at, 0x0a0d300a0d3124 + (<u64>value << 32)); // $1\r\nn\r\n
    return at + 7;
  }
  if (value < 100) {
    const tens = value / 10;
    store<u64>(at, 0x0a0d30300a0d3224 + (<u64>tens << 32) + (<u64>(value - tens * 10) << 40)); // $2\r\nnn\r\n
    return at + 8;
  }
  const tens = value / 10 - 10;
  store<u64>(at, 0x0d3030310a0d3324 + (<u64>tens << 40) + (<u64>(value % 10) << 48)); // $3\r\n1nn\r
  store<u8>(at, 0x0a, 8);
  return at + 9;
}

/** Writes an element of at most SHORT_MOST bytes as a bulk string; returns the address behind it. */
export function writeElement(at: usize, p: usize): usize {
  if (lpIsInt(p)) {
    const value = lpInt(p);
    at = writeHeader(at, digitsOfI64(value));
    at += <usize>formatI64(at, value);
  } else {
    const len = lpTextLength(p);
    at = writeHeader(at, len);
    copyBytes(at, lpText(p), <usize>len);
    at += <usize>len;
  }
  store<u16>(at, CRLF);
  return at + 2;
}

/** True when an element with this first byte is an integer of more than seven bits. */
function isWideInteger(b: u32): bool {
  return b - 0xc0 < 0x20 || b - 0xf1 < 4;
}

/**
 * Writes elements of the commonest kinds, integers and strings to 63 bytes, from p on until `n` are done,
 * another kind comes or fewer than QUICK_ROOM bytes are left. Strings are copied 16 bytes at a time, beyond their end
 * on both sides. Returns the address behind what it wrote; root.lpPlace is where it stopped, lpSteps how many it took.
 */
function writeQuick(at: usize, end: usize, p: usize, n: i64): usize {
  const r = root();
  // Reading beyond an element must stay within memory.
  const last = (<usize>r.totalPages << PAGE_BITS) - QUICK_ROOM;
  const most = n > <i64>i32.MAX_VALUE ? i32.MAX_VALUE : <i32>n;
  let done = 0;
  while (done < most && end - at >= QUICK_ROOM && p <= last) {
    const b = <u32>load<u8>(p);
    if (b < 0x80) {
      at = writeSmall(at, b);
      p += 2;
    } else if (b < 0xc0) {
      const len = <usize>(b & 63);
      at = writeHeader(at, <i32>len);
      let i: usize = 0;
      do {
        v128.store(at + i, v128.load(p + 1 + i));
        i += 16;
      } while (i < len);
      at += len;
      store<u16>(at, CRLF);
      at += 2;
      p += len + 2;
    } else if (isWideInteger(b)) {
      at = writeElement(at, p);
      p = lpBehind(p);
    } else {
      break;
    }
    done++;
  }
  r.lpPlace = p;
  r.lpSteps = done;
  return at;
}

/** Replies up to `n` elements of a listpack from p on; returns how many there were. */
export function replyRun(c: Client, lp: usize, p: usize, n: i64): i64 {
  const r = root();
  let start: usize = 0;
  let at: usize = 0;
  let end: usize = 0;
  let done: i64 = 0;
  for (; p != 0 && done < n; done++) {
    if (end - at >= QUICK_ROOM) {
      at = writeQuick(at, end, p, n - done);
      done += <i64>r.lpSteps;
      p = lpHere(r.lpPlace);
      if (p == 0 || done == n) break;
    }
    const len = lpIsInt(p) ? 0 : lpTextLength(p);
    if (len > SHORT_MOST) {
      if (at != start) commitOutput(c, at - start);
      replyBulk(c, lpText(p), len);
      start = at = end = 0;
    } else {
      const need = <usize>len + FRAME;
      if (end - at < need) {
        if (at != start) commitOutput(c, at - start);
        start = reserve(c, need < QUICK_ROOM ? QUICK_ROOM : need);
        if (start == 0) return n;
        at = start;
        end = at + chunkRoom(c.outTail);
      }
      at = writeElement(at, p);
    }
    p = lpNext(lp, p);
  }
  if (at != start) commitOutput(c, at - start);
  return done;
}

/** Replies elements towards the tail from the cursor on; false when memory is exhausted. */
function replyForward(c: Client, n: i64): bool {
  let more = true;
  while (more && n > 0) {
    const lp = cursorListpack();
    if (lp != 0) {
      n -= replyRun(c, lp, cursorPosition(), n);
      more = n > 0 && cursorGo(0, false);
    } else {
      replyElement(c);
      more = --n > 0 && cursorNext();
    }
  }
  return n <= 0;
}

function replyBackward(c: Client, n: i64): bool {
  let more = true;
  for (; more && n > 0; n--) {
    replyElement(c);
    more = n > 1 && cursorPrevious();
  }
  return n <= 0;
}

/**
 * Replies an array of the `n` elements from `index` on, all of which are there; with `back` towards the head. False
 * after an -OOM reply in its stead, which also takes back what was written since `before`.
 */
export function replyElements(c: Client, e: usize, index: i64, n: i64, back: bool, before: u64): bool {
  replyArray(c, <i32>n);
  if (n == 0) return true;
  const opened = cursorOpen(e, index);
  const done = opened && (back ? replyBackward(c, n) : replyForward(c, n));
  const failed = !done && cursorFailed();
  cursorClose();
  if (!failed) return true;
  retractOutput(c, before);
  replyOutOfMemory(c);
  return false;
}
