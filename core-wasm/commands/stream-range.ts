/**
 * XRANGE and XREVRANGE, and entries as they stand in the replies of all stream commands.
 *
 * How many entries a reply has is counted before it is written: streams count whole nodes at once (stream-node.ts).
 */
import { formatU64 } from "../bytes/integer";
import { TYPE_STREAM } from "../keyspace/entry";
import { argc, root } from "../memory/root";
import { Client, commitOutput } from "../resp/client";
import { replyArray, replyBulk, replyBulkInteger, replyNullArray, replySyntax, reserve } from "../resp/reply";
import { lpBehind, lpInt, lpIsInt, lpText, lpTextLength } from "../structures/listpack";
import { streamOf } from "../types/stream";
import { Stream } from "../types/stream-data";
import {
  compareIds, copyCursor, countFrom, Cursor, cursor, cursorNextFrom, cursorPrevious, finder, FLAG_SAME_FIELDS,
  rememberPlace, seekFrom, seekUpTo,
} from "../types/stream-node";
import { argI64, argIs } from "./arguments";
import { writeElement } from "./list-reply";
import { isOfType, readKey } from "./look-up";
import { argEnd, argStart, ID_BULK_MOST, writeBulkId } from "./stream-id";

const CRLF: u16 = 0x0a0d;
/** Bytes of an element's reply besides a string's own. */
const FRAME: usize = 32;
/** Pairs up to this size are written at once. */
const LONG_PAIR: usize = 4096;
const ENTRY_HEAD_MOST: usize = ID_BULK_MOST + 32;

// --- Entries in replies ---

/** Bytes that an element takes in a reply at most. */
function replyBound(p: usize): usize {
  return FRAME + (lpIsInt(p) ? 0 : <usize>lpTextLength(p));
}

/** Replies the element at p and the one at q. Room for both is looked at once, unless they are long. */
function replyPair(c: Client, p: usize, q: usize): void {
  const bound = replyBound(p) + replyBound(q);
  if (bound > LONG_PAIR) {
    replyLong(c, p);
    replyLong(c, q);
    return;
  }
  const at = reserve(c, bound);
  if (at != 0) commitOutput(c, writeElement(writeElement(at, p), q) - at);
}

function replyLong(c: Client, p: usize): void {
  if (lpIsInt(p)) replyBulkInteger(c, lpInt(p));
  else replyBulk(c, lpText(p), lpTextLength(p));
}

/** Replies the head of an entry that is an array of `parts`: its ID, and how many texts follow. */
function replyEntryHead(c: Client, at: Cursor, parts: u32): void {
  const start = reserve(c, ENTRY_HEAD_MOST);
  if (start == 0) return;
  store<u32>(start, 0x0a0d302a + (parts << 8)); // "*2\r\n"
  const p = writeBulkId(start + 4, at.ms, at.seq);
  store<u8>(p, 0x2a);
  const end = p + 1 + <usize>formatU64(p + 1, <u64>at.fields << 1);
  store<u16>(end, CRLF);
  commitOutput(c, end + 2 - start);
}

/**
 * Replies the entry that a cursor is at: its ID, and its fields with their values; of more than two parts the caller
 * replies the rest. The place behind the entry.
 */
export function replyEntry(c: Client, at: Cursor, parts: u32 = 2): usize {
  replyEntryHead(c, at, parts);
  let p = at.body;
  if (at.flags & FLAG_SAME_FIELDS) {
    let field = at.masterFields;
    for (let i = at.fields; i > 0; i--) {
      replyPair(c, field, p);
      field = lpBehind(field);
      p = lpBehind(p);
    }
  } else {
    for (let i = at.fields; i > 0; i--) {
      const text = lpBehind(p);
      replyPair(c, p, text);
      p = lpBehind(text);
    }
  }
  return lpBehind(p);
}

/** Replies `n` entries from the one that the cursor is at on, without their array's header. */
export function replyEntries(c: Client, at: Cursor, n: i64): void {
  for (; n > 0; n--) {
    const behind = replyEntry(c, at);
    if (n > 1 && !cursorNextFrom(at, behind)) return;
  }
  rememberPlace(at);
}

function replyEntriesBackward(c: Client, at: Cursor, n: i64): void {
  for (; n > 0; n--) {
    replyEntry(c, at);
    if (n > 1 && !cursorPrevious(at)) return;
  }
}

/** How many entries there are in a range, `most` at most when that isn't 0. Leaves cursor() at the first of them. */
export function countRange(s: Stream, ms: u64, seq: u64, endMs: u64, endSeq: u64, most: i64): i64 {
  if (s.length == 0 || compareIds(ms, seq, endMs, endSeq) > 0) return 0;
  const first = cursor();
  if (!seekFrom(first, s, ms, seq)) return 0;
  const f = finder();
  copyCursor(f, first);
  return countFrom(f, s, endMs, endSeq, most);
}

/** Replies as an array what countRange() has counted. */
export function replyCounted(c: Client, n: i64): void {
  replyArray(c, <i32>n);
  if (n > 0) replyEntries(c, cursor(), n);
}

/** Replies the entry of an ID, which exists. */
export function replySingle(c: Client, s: Stream, ms: u64, seq: u64, parts: u32 = 2): void {
  const at = cursor();
  if (seekFrom(at, s, ms, seq)) replyEntry(c, at, parts);
}

// --- Commands ---

function rangeGeneric(c: Client, startArg: i32, endArg: i32, backward: bool): void {
  const r = root();
  if (!argStart(c, startArg)) return;
  const ms = r.idMs;
  const seq = r.idSeq;
  if (!argEnd(c, endArg)) return;
  const endMs = r.idMs;
  const endSeq = r.idSeq;
  let count: i64 = -1;
  for (let i = 4; i < argc(); i += 2) {
    if (!argIs(i, "COUNT") || i + 1 == argc()) {
      replySyntax(c);
      return;
    }
    if (!argI64(c, i + 1)) return;
    count = r.number < 0 ? 0 : r.number;
  }
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STREAM)) return;
  if (e == 0 || count == 0) {
    if (e == 0) replyArray(c, 0);
    else replyNullArray(c);
    return;
  }
  const s = streamOf(e);
  const n = countRange(s, ms, seq, endMs, endSeq, count < 0 ? 0 : count);
  if (!backward) {
    replyCounted(c, n);
    return;
  }
  replyArray(c, <i32>n);
  if (n > 0 && seekUpTo(cursor(), s, endMs, endSeq)) replyEntriesBackward(c, cursor(), n);
}

/** XRANGE key start end [COUNT count] */
export function xrangeCommand(c: Client): void {
  rangeGeneric(c, 2, 3, false);
}

/** XREVRANGE key end start [COUNT count] */
export function xrevrangeCommand(c: Client): void {
  rangeGeneric(c, 3, 2, true);
}
