/**
 * Commands on all fields of a hash: HGETALL, HKEYS and HVALS in one go, HSCAN a portion a call.
 *
 * Fields whose time has come are left out.
 */
import { globMatch } from "../bytes/glob";
import { parseU64 } from "../bytes/integer";
import { isHidden } from "../keyspace/database";
import { entryPointer } from "../keyspace/entry";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client } from "../resp/client";
import {
  replyArray, replyBulkInteger, replyError, replyMap, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { tableScan } from "../structures/hashtable";
import { lpFirst, lpNext, lpView, lpViewLength } from "../structures/listpack";
import {
  scratchAt, scratchClear, scratchFailed, scratchKeep, scratchLength, scratchPush, scratchRelease, scratchSet,
} from "../structures/scratch";
import { walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { fieldWalk, hashTable, hashVisible, isListpack } from "../types/hash";
import { argI64, argIs } from "./arguments";
import { replyRun } from "./list-reply";
import { NOT_A_HASH, readHash, replyListpack, replyTableField, replyTableValue } from "./hash-common";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const DEFAULT_COUNT: i64 = 10;
const STAR: u8 = 0x2a;

// What of a field is replied.
const FIELDS: u32 = 1;
const VALUES: u32 = 2;

// --- The whole hash ---

/** Replies what `parts` says of each field. */
function replyFields(c: Client, e: usize, parts: u32): void {
  if (isListpack(e)) {
    const lp = entryPointer(e);
    if (parts == (FIELDS | VALUES)) {
      replyRun(c, lp, lpFirst(lp), i64.MAX_VALUE);
      return;
    }
    for (let p = lpFirst(lp); p != 0;) {
      const value = lpNext(lp, p);
      if (parts & FIELDS) replyListpack(c, p);
      if (parts & VALUES) replyListpack(c, value);
      p = lpNext(lp, value);
    }
    return;
  }
  const walk = fieldWalk();
  walkStart(walk, hashTable(e));
  for (let f = walkNext(walk); f != 0; f = walkNext(walk)) {
    if (isHidden(f)) continue;
    if (parts & FIELDS) replyTableField(c, f);
    if (parts & VALUES) replyTableValue(c, f);
  }
  walkEnd(walk);
}

function replyAll(c: Client, parts: u32): void {
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  const n = e == 0 ? 0 : <i32>hashVisible(e);
  if (parts == (FIELDS | VALUES)) replyMap(c, n);
  else replyArray(c, n);
  if (e != 0) replyFields(c, e, parts);
}

/** HGETALL key */
export function hgetallCommand(c: Client): void {
  replyAll(c, FIELDS | VALUES);
}

/** HKEYS key */
export function hkeysCommand(c: Client): void {
  replyAll(c, FIELDS);
}

/** HVALS key */
export function hvalsCommand(c: Client): void {
  replyAll(c, VALUES);
}

// --- HSCAN ---

/** Gathers the positions of a listpack's fields that match. */
function gatherListpack(lp: usize, pattern: i32): void {
  scratchClear();
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, lpNext(lp, p))) {
    if (pattern == 0 || globMatch(argPtr(pattern), argLen(pattern), lpView(p), lpViewLength(p), false)) scratchPush(p);
  }
}

/** Gathers elements from the cursor on, about `count` of them looked at; returns the next cursor. */
function gatherTable(e: usize, cursor: u64, count: i64, pattern: i32): u64 {
  const t = hashTable(e);
  let rounds = <u64>count * 10;
  let seen: i64 = 0;
  let kept = 0;
  scratchClear();
  do {
    cursor = tableScan(t, cursor);
    const n = scratchLength();
    seen += <i64>(n - kept);
    for (let i = kept; i < n; i++) {
      const f = scratchAt(i);
      if (isHidden(f)) continue;
      if (pattern != 0 && !globMatch(argPtr(pattern), argLen(pattern), keyAddress(f), keyLength(f), false)) continue;
      scratchSet(kept++, f);
    }
    scratchKeep(kept);
  } while (cursor != 0 && rounds-- != 0 && seen < count && !scratchFailed());
  return cursor;
}

function replyGathered(c: Client, e: usize, cursor: u64, values: bool): void {
  const n = scratchLength();
  replyArray(c, 2);
  replyBulkInteger(c, <i64>cursor);
  replyArray(c, values ? n << 1 : n);
  const inListpack = e != 0 && isListpack(e);
  for (let i = 0; i < n; i++) {
    const at = scratchAt(i);
    if (inListpack) {
      replyListpack(c, at);
      if (values) replyListpack(c, lpNext(entryPointer(e), at));
    } else {
      replyTableField(c, at);
      if (values) replyTableValue(c, at);
    }
  }
}

/** HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES] */
export function hscanCommand(c: Client): void {
  if (!parseU64(argPtr(2), argLen(2), NUMBER)) {
    replyError(c, "ERR invalid cursor");
    return;
  }
  let cursor = <u64>root().number;
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  scratchClear();
  if (e == 0) {
    // Options behind it are not looked at, as in Valkey.
    replyGathered(c, 0, 0, true);
    return;
  }
  let count = DEFAULT_COUNT;
  let pattern = 0;
  let values = true;
  for (let i = 3; i < argc(); i++) {
    const hasValue = i + 1 < argc();
    if (hasValue && argIs(i, "COUNT")) {
      if (!argI64(c, ++i)) return;
      count = root().number;
      if (count < 1) {
        replySyntax(c);
        return;
      }
    } else if (hasValue && argIs(i, "MATCH")) {
      i++;
      pattern = argLen(i) == 1 && load<u8>(argPtr(i)) == STAR ? 0 : i;
    } else if (argIs(i, "NOVALUES")) {
      values = false;
    } else {
      if (argIs(i, "NOSCORES")) replyError(c, "ERR NOSCORES option can only be used in ZSCAN");
      else replySyntax(c);
      return;
    }
  }
  if (isListpack(e)) {
    gatherListpack(entryPointer(e), pattern);
    cursor = 0;
  } else {
    cursor = gatherTable(e, cursor, count, pattern);
  }
  if (scratchFailed()) replyOutOfMemory(c);
  else replyGathered(c, e, cursor, values);
  scratchRelease();
}
