/**
 * Commands on all fields of a hash: HGETALL, HKEYS and HVALS in one go, HSCAN a portion a call.
 *
 * Fields whose time has come are left out.
 */
import { isHidden } from "../keyspace/database";
import { entryPointer } from "../keyspace/entry";
import { root } from "../memory/root";
import { Client } from "../resp/client";
import { replyArray, replyMap, replyOutOfMemory } from "../resp/reply";
import { lpFirst, lpNext, lpView, lpViewLength } from "../structures/listpack";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease,
} from "../structures/scratch";
import { walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { fieldWalk, hashTable, hashVisible, isListpack } from "../types/hash";
import { NOT_A_HASH, readHash, replyListpack, replyTableField, replyTableValue } from "./hash-common";
import { replyRun } from "./list-reply";
import { argCursor, gatherScan, keepVisible, readScanOptions, replyScan, scanMatches, SCAN_NOVALUES } from "./scan";

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
function gatherListpack(lp: usize): void {
  scratchClear();
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, lpNext(lp, p))) {
    if (scanMatches(lpView(p), lpViewLength(p))) scratchPush(p);
  }
}

function replyGathered(c: Client, e: usize, cursor: u64): void {
  const n = scratchLength();
  const values = root().scanBare == 0;
  replyScan(c, cursor, values ? n << 1 : n);
  const inListpack = isListpack(e);
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
  if (!argCursor(c, 2)) return;
  const cursor = <u64>root().number;
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  if (e == 0) {
    // Options behind it are not looked at, as in Valkey.
    replyScan(c, 0, 0);
    return;
  }
  if (!readScanOptions(c, 3, SCAN_NOVALUES)) return;
  let next: u64 = 0;
  if (isListpack(e)) gatherListpack(entryPointer(e));
  else next = gatherScan(hashTable(e), cursor, keepVisible);
  if (scratchFailed()) replyOutOfMemory(c);
  else replyGathered(c, e, next);
  scratchRelease();
}
