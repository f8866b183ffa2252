/**
 * SSCAN: a portion of a set's members a call. Small encodings come whole, as in Valkey; a table by its buckets, with
 * the guarantees of the cursor of structures/hashtable.ts.
 */
import { globMatch } from "../bytes/glob";
import { parseU64 } from "../bytes/integer";
import { ENCODING_HASHTABLE, entryEncoding, entryPointer } from "../keyspace/entry";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client } from "../resp/client";
import { replyArray, replyBulkInteger, replyError, replyOutOfMemory, replySyntax } from "../resp/reply";
import { Table, tableScan } from "../structures/hashtable";
import {
  scratchAt, scratchClear, scratchFailed, scratchKeep, scratchLength, scratchPush, scratchRelease, scratchSet,
} from "../structures/scratch";
import { setMemberAt, setMemberLength, setMemberPtr, setNext, setWalk, SetWalk, setWalkEnd } from "../types/set-walk";
import { argI64, argIs } from "./arguments";
import { replyMember, setOrNothing } from "./set";
import { readKey } from "./string";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const DEFAULT_COUNT: i64 = 10;
const STAR: u8 = 0x2a;

function matches(w: SetWalk, pattern: i32): bool {
  if (pattern == 0) return true;
  const ptr = setMemberPtr(w);
  return globMatch(argPtr(pattern), argLen(pattern), ptr, setMemberLength(w), false);
}

/** Gathers members of the table from the cursor on, about `count` of them looked at; the next cursor. */
function gatherTable(e: usize, cursor: u64, count: i64, pattern: i32): u64 {
  let rounds = <u64>count * 10;
  let seen: i64 = 0;
  let kept = 0;
  do {
    cursor = tableScan(changetype<Table>(entryPointer(e)), cursor);
    const n = scratchLength();
    seen += <i64>(n - kept);
    for (let i = kept; i < n; i++) {
      const place = scratchAt(i);
      if (matches(setMemberAt(e, place), pattern)) scratchSet(kept++, place);
    }
    scratchKeep(kept);
  } while (cursor != 0 && rounds-- != 0 && seen < count && !scratchFailed());
  return cursor;
}

function gatherAll(e: usize, pattern: i32): void {
  const w = setWalk(e);
  while (setNext(w)) if (matches(w, pattern)) scratchPush(w.place);
  setWalkEnd(w);
}

/** Replies a cursor and the gathered members of set `e`. */
function replyPortion(c: Client, e: usize, cursor: u64): void {
  if (scratchFailed()) {
    scratchRelease();
    replyOutOfMemory(c);
    return;
  }
  const n = scratchLength();
  replyArray(c, 2);
  replyBulkInteger(c, <i64>cursor);
  replyArray(c, n);
  for (let i = 0; i < n; i++) replyMember(c, setMemberAt(e, scratchAt(i)));
  scratchRelease();
}

function replyBadOption(c: Client, i: i32): void {
  if (argIs(i, "NOVALUES")) replyError(c, "ERR NOVALUES option can only be used in HSCAN");
  else if (argIs(i, "NOSCORES")) replyError(c, "ERR NOSCORES option can only be used in ZSCAN");
  else replySyntax(c);
}

/** SSCAN key cursor [MATCH pattern] [COUNT count] */
export function sscanCommand(c: Client): void {
  if (!parseU64(argPtr(2), argLen(2), NUMBER)) {
    replyError(c, "ERR invalid cursor");
    return;
  }
  const cursor = <u64>root().number;
  const e = readKey(c, 1);
  if (!setOrNothing(c, e)) return;
  scratchClear();
  if (e == 0) {
    replyPortion(c, 0, 0);
    return;
  }
  let count = DEFAULT_COUNT;
  let pattern = 0;
  for (let i = 3; i < argc(); i += 2) {
    const hasValue = i + 1 < argc();
    if (hasValue && argIs(i, "COUNT")) {
      if (!argI64(c, i + 1)) return;
      count = root().number;
      if (count < 1) {
        replySyntax(c);
        return;
      }
    } else if (hasValue && argIs(i, "MATCH")) {
      pattern = argLen(i + 1) == 1 && load<u8>(argPtr(i + 1)) == STAR ? 0 : i + 1;
    } else {
      replyBadOption(c, i);
      return;
    }
  }
  if (entryEncoding(e) == ENCODING_HASHTABLE) {
    replyPortion(c, e, gatherTable(e, cursor, count, pattern));
  } else {
    gatherAll(e, pattern);
    replyPortion(c, e, 0);
  }
}
