/**
 * Stream IDs as arguments and in replies: 1700000000000-5, 5, -, +, (5-1, 5-*.
 *
 * What was read lands in root.idMs and root.idSeq. A reader that fails has replied, where its name begins with arg.
 */
import { formatU64, parseU64 } from "../bytes/integer";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, commitOutput } from "../resp/client";
import { replyError, reserve } from "../resp/reply";
import { argIs, textLength } from "./arguments";

export const INVALID_ID = "ERR Invalid stream ID specified as stream command argument";
/** Bytes of an ID as a bulk string, and some to write in. */
export const ID_BULK_MOST: usize = 64;
/** The longest argument that is looked at. */
const LONGEST: i32 = 127;
const ID_MS: usize = ROOT_ADDRESS + offsetof<Root>("idMs");
const ID_SEQ: usize = ROOT_ADDRESS + offsetof<Root>("idSeq");
const CRLF: u16 = 0x0a0d;
const DASH: u32 = 0x2d;
const STAR: u32 = 0x2a;

/** What parseId() returns. */
export const ID_BAD: i32 = 0;
export const ID_WHOLE: i32 = 1;
/** The time is given, the sequence is to be made: 5-* */
export const ID_TIME: i32 = 2;

function setId(ms: u64, seq: u64): void {
  const r = root();
  r.idMs = ms;
  r.idSeq = seq;
}

/** True for a lone sign, which may end at a NUL. */
export function isSign(i: i32, sign: u32): bool {
  return argLen(i) > 0 && <u32>load<u8>(argPtr(i)) == sign && (argLen(i) == 1 || load<u8>(argPtr(i), 1) == 0);
}

/** Reads text as an ID; a missing sequence is `missing`. `open`: the sequence may be a star. Replies nothing. */
function parseText(ptr: usize, len: i32, missing: u64, open: bool): i32 {
  let n = 0;
  while (n < len && load<u8>(ptr + <usize>n) != 0) n++;
  let dash = 0;
  while (dash < n && <u32>load<u8>(ptr + <usize>dash) != DASH) dash++;
  if (!parseU64(ptr, dash, ID_MS)) return ID_BAD;
  if (dash == n) {
    root().idSeq = missing;
    return ID_WHOLE;
  }
  const rest = ptr + <usize>dash + 1;
  if (open && n - dash == 2 && <u32>load<u8>(rest) == STAR) {
    root().idSeq = 0;
    return ID_TIME;
  }
  return parseU64(rest, n - dash - 1, ID_SEQ) ? ID_WHOLE : ID_BAD;
}

/** Reads argument i as an ID, - and + refused. ID_BAD, ID_WHOLE or, with `open`, ID_TIME. Replies nothing. */
export function parseId(i: i32, open: bool): i32 {
  return argLen(i) > LONGEST ? ID_BAD : parseText(argPtr(i), argLen(i), 0, open);
}

/** Reads argument i as an ID, - and + refused. */
export function argId(c: Client, i: i32): bool {
  if (parseId(i, false) != ID_BAD) return true;
  replyError(c, INVALID_ID);
  return false;
}

/** Reads argument i as an ID, - and + being the least and the greatest. */
export function argAnyId(c: Client, i: i32, missing: u64 = 0): bool {
  if (isSign(i, DASH)) {
    setId(0, 0);
    return true;
  }
  if (isSign(i, 0x2b)) {
    setId(u64.MAX_VALUE, u64.MAX_VALUE);
    return true;
  }
  if (argLen(i) <= LONGEST && parseText(argPtr(i), argLen(i), missing, false) != ID_BAD) return true;
  replyError(c, INVALID_ID);
  return false;
}

/** Makes the ID that was read the next one; false, and 0-0, behind the greatest. */
export function nextId(): bool {
  const r = root();
  r.idSeq++;
  if (r.idSeq != 0) return true;
  r.idMs++;
  return r.idMs != 0;
}

/** Makes the ID that was read the one before; false, and the greatest, before 0-0. */
export function previousId(): bool {
  const r = root();
  const fits = (r.idMs | r.idSeq) != 0;
  if (r.idSeq == 0) r.idMs--;
  r.idSeq--;
  return fits;
}

function isOpenEnd(i: i32): bool {
  return argLen(i) > 1 && load<u8>(argPtr(i)) == 0x28;
}

/** Reads an ID behind an opening bracket. */
function argBracketed(c: Client, i: i32, missing: u64): bool {
  const len = argLen(i) - 1;
  if (len <= LONGEST && parseText(argPtr(i) + 1, len, missing, false) != ID_BAD) return true;
  replyError(c, INVALID_ID);
  return false;
}

/** Reads argument i as the start of a range: the first ID that belongs to it. */
export function argStart(c: Client, i: i32): bool {
  if (!isOpenEnd(i)) return argAnyId(c, i, 0);
  if (!argBracketed(c, i, 0)) return false;
  if (nextId()) return true;
  replyError(c, "ERR invalid start ID for the interval");
  return false;
}

/** Reads argument i as the end of a range: the last ID that belongs to it. */
export function argEnd(c: Client, i: i32): bool {
  if (!isOpenEnd(i)) return argAnyId(c, i, u64.MAX_VALUE);
  if (!argBracketed(c, i, u64.MAX_VALUE)) return false;
  if (previousId()) return true;
  replyError(c, "ERR invalid end ID for the interval");
  return false;
}

/** True when argument i is the word, which is one sign; it may end at a NUL. */
export function argIsSign(i: i32, sign: string): bool {
  return argIs(i, sign) && textLength(i) == sign.length;
}

/** Replies an ID as a bulk string. */
export function replyId(c: Client, ms: u64, seq: u64): void {
  const p = reserve(c, ID_BULK_MOST);
  if (p != 0) commitOutput(c, writeBulkId(p, ms, seq) - p);
}

/** Writes an ID as a bulk string of at most ID_BULK_MOST bytes; returns the address behind it. */
export function writeBulkId(p: usize, ms: u64, seq: u64): usize {
  // The digits go behind the header that is usual, of two digits, and move by one when it is shorter.
  const text = p + 5;
  let n = <usize>formatU64(text, ms);
  store<u8>(text + n, DASH);
  n += 1 + <usize>formatU64(text + n + 1, seq);
  store<u8>(p, 0x24);
  let end = text + n;
  if (n > 9) {
    store<u8>(p + 1, <u8>(48 + n / 10));
    store<u8>(p + 2, <u8>(48 + n % 10));
    store<u16>(p + 3, CRLF);
  } else {
    store<u8>(p + 1, <u8>(48 + n));
    store<u16>(p + 2, CRLF);
    memory.copy(p + 4, text, n);
    end--;
  }
  store<u16>(end, CRLF);
  return end + 2;
}

/** Writes an ID at p, 41 bytes at most; its length. */
export function writeId(p: usize, ms: u64, seq: u64): i32 {
  const n = formatU64(p, ms);
  store<u8>(p + <usize>n, DASH);
  return n + 1 + formatU64(p + <usize>n + 1, seq);
}
