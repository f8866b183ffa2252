/**
 * XRANGE and XREVRANGE, and entries as they stand in the replies of all stream commands.
 *
 * How many entries a reply has is counted before it is written: streams count whole nodes at once (stream-node.ts).
 */
import { entryType, TYPE_STREAM } from "../keyspace/entry";
import { argc, root } from "../memory/root";
import { Client } from "../resp/client";
import { replyArray, replyBulk, replyBulkInteger, replyNullArray, replySyntax, replyWrongType } from "../resp/reply";
import { lpBehind, lpInt, lpIsInt, lpText, lpTextLength } from "../structures/listpack";
import { streamOf } from "../types/stream";
import { Stream } from "../types/stream-data";
import {
  compareIds, countFrom, Cursor, cursor, cursorNextFrom, cursorPrevious, finder, FLAG_SAME_FIELDS, seekFrom,
  seekUpTo,
} from "../types/stream-node";
import { argI64, argIs } from "./arguments";
import { argEnd, argStart, replyId } from "./stream-id";
import { readKey } from "./string";

/** True for a stream and for no entry at all; replies WRONGTYPE otherwise. */
export function streamOrNothing(c: Client, e: usize): bool {
  if (e == 0 || entryType(e) == TYPE_STREAM) return true;
  replyWrongType(c);
  return false;
}

// --- Entries in replies ---

function replyElement(c: Client, p: usize): void {
  if (lpIsInt(p)) replyBulkInteger(c, lpInt(p));
  else replyBulk(c, lpText(p), lpTextLength(p));
}

/** Replies the entry that a cursor is at: its ID, and its fields with their values. The place behind the entry. */
export function replyEntry(c: Client, at: Cursor): usize {
  replyArray(c, 2);
  replyId(c, at.ms, at.seq);
  const n = at.fields;
  replyArray(c, n << 1);
  let p = at.body;
  if (at.flags & FLAG_SAME_FIELDS) {
    let field = at.masterFields;
    for (let i = 0; i < n; i++) {
      replyElement(c, field);
      replyElement(c, p);
      field = lpBehind(field);
      p = lpBehind(p);
    }
  } else {
    for (let i = n << 1; i > 0; i--) {
      replyElement(c, p);
      p = lpBehind(p);
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
}

function replyEntriesBackward(c: Client, at: Cursor, n: i64): void {
  for (; n > 0; n--) {
    replyEntry(c, at);
    if (n > 1 && !cursorPrevious(at)) return;
  }
}

/** How many entries there are in a range; `most` at most, when that isn't 0. */
export function countRange(s: Stream, ms: u64, seq: u64, endMs: u64, endSeq: u64, most: i64): i64 {
  if (s.length == 0 || compareIds(ms, seq, endMs, endSeq) > 0) return 0;
  const f = finder();
  if (!seekFrom(f, s, ms, seq)) return 0;
  return countFrom(f, s, endMs, endSeq, most);
}

/** Replies the entries from an ID to another as an array; `most` at most, when that isn't 0. */
export function replyRange(
  c: Client, s: Stream, ms: u64, seq: u64, endMs: u64, endSeq: u64, most: i64, backward: bool,
): void {
  const n = countRange(s, ms, seq, endMs, endSeq, most);
  replyArray(c, <i32>n);
  if (n == 0) return;
  const at = cursor();
  if (backward) {
    if (seekUpTo(at, s, endMs, endSeq)) replyEntriesBackward(c, at, n);
  } else if (seekFrom(at, s, ms, seq)) {
    replyEntries(c, at, n);
  }
}

/** Replies the entry of an ID, which exists. */
export function replySingle(c: Client, s: Stream, ms: u64, seq: u64): void {
  const at = cursor();
  if (seekFrom(at, s, ms, seq)) replyEntry(c, at);
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
  if (!streamOrNothing(c, e)) return;
  if (e == 0) replyArray(c, 0);
  else if (count == 0) replyNullArray(c);
  else replyRange(c, streamOf(e), ms, seq, endMs, endSeq, count < 0 ? 0 : count, backward);
}

/** XRANGE key start end [COUNT count] */
export function xrangeCommand(c: Client): void {
  rangeGeneric(c, 2, 3, false);
}

/** XREVRANGE key end start [COUNT count] */
export function xrevrangeCommand(c: Client): void {
  rangeGeneric(c, 3, 2, true);
}
