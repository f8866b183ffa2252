/**
 * Changing sorted sets: adding, removing, ranges of them, and both conversions. What a sorted set looks like: zset.ts.
 *
 * A listpack becomes a Zset when a member or the number of members gets too large for it, at the limits that
 * zset-max-listpack-entries and -value set; it goes the other way only for the results of commands that store one.
 * Nothing here replies or looks keys up.
 */
import { alloc, canAllocate, free } from "../memory/allocator";
import { root } from "../memory/root";
import {
  ENCODING_LISTPACK, ENCODING_SKIPLIST, entryExpire, entryNew, entryPointer, entrySetEncoding, entrySetPointer,
  NO_EXPIRE,
} from "../keyspace/entry";
import { keyAddress, keyLength } from "../structures/element";
import {
  hashKey, tableDrain, tableFind, tableInit, tableInsert, tableRemove, tableRemoveSlot, tableFindSlot, tableReserve,
  tableSize,
} from "../structures/hashtable";
import {
  lpCopy, lpDeleteRange, lpEntryBytes, lpFirst, lpFits, lpNew, lpNext, lpView, lpViewLength,
} from "../structures/listpack";
import { elementScore, elementSetScore, placeElement, placeNext, treeFirst } from "../structures/score-tree";
import {
  treeAppend, treeFreeSome, treeInit, treeInsert, treeRemove, treeRemoveSome, treeUpdate,
} from "../structures/score-tree-change";
import { timersAdd, timersOf, timersRemove, timersReserve } from "./hash-timers";
import { freeSomeOf, isPacked, ZSET_SIZE, zsetLength, zsetTable, zsetTree } from "./zset";
import { packedAppend, packedFind, packedInsert, packedRemove, packedScore, packedUpdate } from "./zset-listpack";

/** What zsetAdd() is asked for. */
export const ADD_INCREMENT: u32 = 1;
export const ADD_NX: u32 = 2;
export const ADD_XX: u32 = 4;
export const ADD_GT: u32 = 8;
export const ADD_LT: u32 = 16;

/** What zsetAdd() did. */
export const DID_NOTHING: i32 = 0; // because an option forbade it
export const DID_ADD: i32 = 1;
export const DID_UPDATE: i32 = 2;
export const DID_KEEP: i32 = 3; // the score was that already
export const DID_NAN: i32 = 4; // the sum is not a number: nothing changed
export const DID_FAIL: i32 = 5; // memory is exhausted: nothing changed

/** Below this a listpack is made with room for a few members at once. */
const FIRST_ROOM: i32 = 56;

// --- Making ---

/** An empty Zset, or 0 when memory is exhausted. */
function zsetNewTree(): usize {
  const z = alloc(ZSET_SIZE);
  if (z == 0) return 0;
  memory.fill(z, 0, ZSET_SIZE);
  tableInit(zsetTable(z));
  treeInit(zsetTree(z));
  return z;
}

/** Frees a Zset with all its members. */
function zsetFreeTree(z: usize): void {
  freeSomeOf(z, i32.MAX_VALUE);
}

/** True when so many members, none longer than this, are kept in a listpack. */
export function fitsListpack(count: i64, longest: i32): bool {
  const r = root();
  return count <= <i64>r.zsetMaxListpackEntries && longest <= r.zsetMaxListpackValue;
}

/** Gives a fresh entry an empty value; false (it has none then) when memory is exhausted. */
export function zsetMake(e: usize, packed: bool): bool {
  const value = packed ? lpNew(FIRST_ROOM) : zsetNewTree();
  if (value == 0) return false;
  entrySetPointer(e, value);
  entrySetEncoding(e, packed ? ENCODING_LISTPACK : ENCODING_SKIPLIST);
  return true;
}

/** A fresh element of a Zset; 0 when memory is exhausted. */
export function newElement(member: usize, len: i32, score: f64): usize {
  if (len > 4096 && !canAllocate(<u64>len)) return 0;
  const element = entryNew(member, len, 0, 0, NO_EXPIRE, -1);
  if (element != 0) elementSetScore(element, score);
  return element;
}

/** Adds a member that is not there yet, behind all others when `last`; false (nothing changed) without memory. */
export function treeAdd(z: usize, hash: u64, member: usize, len: i32, score: f64, last: bool): bool {
  const element = newElement(member, len, score);
  return element != 0 && treeAddElement(z, hash, element, last);
}

/** Adds an element whose member is not there yet; frees it and returns false without memory. */
function treeAddElement(z: usize, hash: u64, element: usize, last: bool): bool {
  if (!tableInsert(zsetTable(z), hash, element)) {
    free(element);
    return false;
  }
  const tree = zsetTree(z);
  if (last ? treeAppend(tree, element) : treeInsert(tree, element)) return true;
  tableRemove(zsetTable(z), hash, keyAddress(element), keyLength(element));
  free(element);
  return false;
}

// --- Conversions ---

/** Turns a listpack into a Zset with room for `size` members; false (nothing changed) when memory is exhausted. */
export function zsetUnpack(e: usize, size: u32): bool {
  const lp = entryPointer(e);
  const z = zsetNewTree();
  if (z == 0) return false;
  if (size != 0) tableReserve(zsetTable(z), <u64>size);
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, lpNext(lp, p))) {
    const member = lpView(p);
    const len = lpViewLength(p);
    if (!treeAdd(z, hashKey(member, len), member, len, packedScore(lp, p), true)) {
      zsetFreeTree(z);
      return false;
    }
  }
  free(lp);
  entrySetPointer(e, z);
  entrySetEncoding(e, ENCODING_SKIPLIST);
  return true;
}

/**
 * Turns a Zset into a listpack when it is small enough, `longest` being its longest member and `bytes` the sum of all;
 * it stays as it is when memory is exhausted.
 */
export function zsetPack(e: usize, longest: i32, bytes: i64): void {
  const z = entryPointer(e);
  if (isPacked(e) || !fitsListpack(<i64>zsetLength(e), longest) || bytes > <i64>(1 << 30)) return;
  let lp = lpNew(FIRST_ROOM);
  if (lp == 0) return;
  for (let place = treeFirst(zsetTree(z)); place != 0; place = placeNext(place)) {
    const element = placeElement(place);
    lp = packedAppend(lp, keyAddress(element), keyLength(element), elementScore(element));
    if (root().lpPlace == 0) {
      free(lp);
      return;
    }
  }
  zsetFreeTree(z);
  entrySetPointer(e, lp);
  entrySetEncoding(e, ENCODING_LISTPACK);
}

/** Turns a listpack into a Zset when so many members, the longest this long, are too much for it. False: no memory. */
export function zsetMaybeUnpack(e: usize, count: i64, longest: i32): bool {
  if (!isPacked(e) || fitsListpack(count, longest)) return true;
  return zsetUnpack(e, <u32>min<i64>(count, 1 << 20));
}

// --- Adding ---

/** The score that a member had before the last zsetAdd() changed it. */
const OLD: usize = memory.data(8, 8);

export function scoreBefore(): f64 {
  return load<f64>(OLD);
}

/** What decide() returns when the score in root.real is to be set. */
const SET_SCORE: i32 = -1;

/** What becomes of a member's score: SET_SCORE with the new one in root.real, or what zsetAdd() is to return. */
function decide(old: f64, score: f64, options: u32): i32 {
  store<f64>(OLD, old);
  if (options & ADD_NX) return DID_NOTHING;
  if (options & ADD_INCREMENT) {
    score += old;
    if (isNaN(score)) return DID_NAN;
  }
  if (options & ADD_LT && score >= old) return DID_NOTHING;
  if (options & ADD_GT && score <= old) return DID_NOTHING;
  root().real = score;
  return score == old ? DID_KEEP : SET_SCORE;
}

function addPacked(e: usize, member: usize, len: i32, score: f64, options: u32): i32 {
  const lp = entryPointer(e);
  const place = packedFind(lp, member, len);
  if (place != 0) {
    const decided = decide(packedScore(lp, place), score, options);
    if (decided != SET_SCORE) return decided;
    const updated = root().real;
    entrySetPointer(e, packedUpdate(lp, place, member, len, updated));
    root().real = updated;
    return root().lpPlace == 0 ? DID_FAIL : DID_UPDATE;
  }
  if (options & ADD_XX) return DID_NOTHING;
  if (!fitsListpack(<i64>zsetLength(e) + 1, len) || !lpFits(lp, lpEntryBytes(member, len) + 32)) {
    return zsetUnpack(e, zsetLength(e) + 1) ? addToTree(e, member, len, score, options) : DID_FAIL;
  }
  entrySetPointer(e, packedInsert(lp, member, len, score));
  root().real = score;
  return root().lpPlace == 0 ? DID_FAIL : DID_ADD;
}

function addToTree(e: usize, member: usize, len: i32, score: f64, options: u32): i32 {
  const z = entryPointer(e);
  const hash = hashKey(member, len);
  const element = tableFind(zsetTable(z), hash, member, len);
  if (element != 0) {
    const decided = decide(elementScore(element), score, options);
    if (decided != SET_SCORE) return decided;
    return treeUpdate(zsetTree(z), element, root().real) ? DID_UPDATE : DID_FAIL;
  }
  if (options & ADD_XX) return DID_NOTHING;
  root().real = score;
  return treeAdd(z, hash, member, len, score, false) ? DID_ADD : DID_FAIL;
}

/**
 * Gives a member a score, or adds the score to it, as the options (ADD_*) say; returns what was done (DID_*). The score
 * that it has then is in root.real, unless nothing was done. Converts the value when it gets too large.
 */
export function zsetAdd(e: usize, member: usize, len: i32, score: f64, options: u32): i32 {
  return isPacked(e) ? addPacked(e, member, len, score, options) : addToTree(e, member, len, score, options);
}

/** Adds a member that stands behind all others; false when memory is exhausted. Converts as zsetAdd() does. */
export function zsetAppend(e: usize, member: usize, len: i32, score: f64): bool {
  if (isPacked(e)) {
    const lp = entryPointer(e);
    if (fitsListpack(<i64>zsetLength(e) + 1, len) && lpFits(lp, lpEntryBytes(member, len) + 32)) {
      entrySetPointer(e, packedAppend(lp, member, len, score));
      return root().lpPlace != 0;
    }
    if (!zsetUnpack(e, zsetLength(e) + 1)) return false;
  }
  return treeAdd(entryPointer(e), hashKey(member, len), member, len, score, true);
}

// --- Removing ---

/** Takes a member out; false when it is none. The value may be empty afterwards. */
export function zsetRemove(e: usize, member: usize, len: i32): bool {
  const value = entryPointer(e);
  if (isPacked(e)) {
    const place = packedFind(value, member, len);
    if (place == 0) return false;
    entrySetPointer(e, packedRemove(value, place, 1));
    return true;
  }
  const table = zsetTable(value);
  const hash = hashKey(member, len);
  const slot = tableFindSlot(table, hash, member, len);
  if (slot == 0) return false;
  const element = tableRemoveSlot(table, hash, slot);
  if (entryExpire(element) != NO_EXPIRE) timersRemove(value, element);
  treeRemove(zsetTree(value), element);
  free(element);
  return true;
}

/** The Zset whose elements treeRemoveSome() hands to dropElement(). */
const DROP_FROM: usize = memory.data(8, 8);

function dropElement(element: usize): void {
  const key = keyAddress(element);
  const len = keyLength(element);
  const z = <usize>load<u32>(DROP_FROM);
  tableRemove(zsetTable(z), hashKey(key, len), key, len);
  if (entryExpire(element) != NO_EXPIRE) timersRemove(z, element);
  free(element);
}

/** Takes `count` members out from `rank` on; all must be there. The value may be empty afterwards. */
export function zsetRemoveRange(e: usize, rank: u32, count: u32): void {
  const value = entryPointer(e);
  if (isPacked(e)) {
    entrySetPointer(e, lpDeleteRange(value, <i32>rank << 1, <i32>count << 1));
    return;
  }
  if (rank == 0 && count == tableSize(zsetTable(value)) && timersOf(value) == 0) {
    treeFreeSome(zsetTree(value), i32.MAX_VALUE);
    tableDrain(zsetTable(value), free);
    return;
  }
  store<u32>(DROP_FROM, <u32>value);
  while (count > 0) count -= treeRemoveSome(zsetTree(value), rank, count, dropElement);
}

// --- Copying ---

/** zsetCopy() for a listpack. */
export function copyPacked(e: usize, fresh: usize): bool {
  const lp = lpCopy(entryPointer(e));
  if (lp == 0) return false;
  entrySetPointer(fresh, lp);
  return true;
}

/** Adds a copy of an element, expiry included, behind all others of `fresh`; false when memory is exhausted. */
function copyElement(fresh: usize, hash: u64, element: usize): bool {
  const z = entryPointer(fresh);
  const key = keyAddress(element);
  const len = keyLength(element);
  const expire = entryExpire(element);
  if (expire == NO_EXPIRE) return treeAdd(z, hash, key, len, elementScore(element), true);
  if (!timersReserve(z, 0)) return false;
  const copy = entryNew(key, len, 0, 0, expire, -1);
  if (copy == 0) return false;
  elementSetScore(copy, elementScore(element));
  if (!treeAddElement(z, hash, copy, true)) return false;
  timersAdd(fresh, 0, copy);
  return true;
}

/** zsetCopy() for a Zset. */
export function copyTree(e: usize, fresh: usize): bool {
  const from = entryPointer(e);
  const z = zsetNewTree();
  if (z == 0) return false;
  tableReserve(zsetTable(z), <u64>tableSize(zsetTable(from)));
  entrySetPointer(fresh, z);
  for (let place = treeFirst(zsetTree(from)); place != 0; place = placeNext(place)) {
    const element = placeElement(place);
    const key = keyAddress(element);
    const len = keyLength(element);
    if (!copyElement(fresh, hashKey(key, len), element)) {
      zsetFreeTree(z);
      return false;
    }
  }
  return true;
}
