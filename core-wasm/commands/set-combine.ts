/**
 * Several sets at once: intersection, union, difference; replied, counted or stored.
 *
 * The sets are gathered in a block of their entries' addresses (0 for a key that is absent). A result that is only
 * replied is a list of places in the first set where that is enough, else a set without a key; one that is stored is
 * built as a set of its own and then takes the place of what the key held, so that nothing has changed when memory runs
 * out. The encodings of results are Valkey's, which depend on how it builds them.
 */
import { addEntry, deleteKey, lookupWrite, replaceEntry } from "../keyspace/database";
import {
  ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, entryEncoding, entryPointer, entrySetPointer, TYPE_SET,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_SET } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { replyError, replyInteger, replyOutOfMemory, replySet, replySyntax } from "../resp/reply";
import { lpShrink } from "../structures/listpack";
import { mergeSort } from "../structures/merge-sort";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease,
} from "../structures/scratch";
import { isIntegerMember, setNew, setSize, setToIntset } from "../types/set";
import {
  SetWalk, setAddMember, setHasMember, setMemberAt, setNext, setRemoveMember, setWalk, setWalkEnd,
} from "../types/set-walk";
import { valueFree } from "../types/value";
import { argI64, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { replyMember, replyMembers } from "./set";

/** Sets that a difference takes away are looked up at half the price of being walked (Valkey's weighting). */
const LOOKUP_DISCOUNT: i64 = 2;
/** Nanoseconds of root.work that a member of the sets may take. */
const MEMBER_WORK: u64 = 50;

// --- The sets of a command ---

function setAt(sets: usize, i: i32): usize {
  return <usize>load<u32>(sets + (<usize>i << 2));
}

function putAt(sets: usize, i: i32, e: usize): void {
  store<u32>(sets + (<usize>i << 2), <u32>e);
}

/**
 * The entries of `count` keys from argument `first` on, to be freed by the caller; 0 after an error reply. Behind them
 * is room for as many more, to sort them.
 */
function readSets(c: Client, first: i32, count: i32): usize {
  const sets = allocSpared(<u64>count << 3);
  if (sets == 0) {
    replyOutOfMemory(c);
    return 0;
  }
  for (let i = 0; i < count; i++) {
    const e = readKey(c, first + i);
    if (!isOfType(c, e, TYPE_SET)) {
      free(sets);
      return 0;
    }
    putAt(sets, i, e);
    root().work += <u64>sizeOf(e) * MEMBER_WORK;
  }
  return sets;
}

function sizeOf(e: usize): i32 {
  return e == 0 ? 0 : setSize(e);
}

/** Sorts sets from `from` to the end by size, ascending or descending; equal ones keep their order. */
function sortBySize(sets: usize, from: i32, count: i32, descending: bool): void {
  const spare = sets + (<usize>count << 2);
  const first = sets + (<usize>from << 2);
  if (descending) mergeSort(first, spare, count - from, (b: u32, a: u32): bool => sizeOf(b) > sizeOf(a));
  else mergeSort(first, spare, count - from, (b: u32, a: u32): bool => sizeOf(b) < sizeOf(a));
}

/** True when the walk's member is in all sets but the first, from which it is. */
function isInAll(sets: usize, count: i32, w: SetWalk): bool {
  const first = setAt(sets, 0);
  for (let i = 1; i < count; i++) {
    const e = setAt(sets, i);
    if (e != first && !setHasMember(e, w)) return false;
  }
  return true;
}

/** True when the walk's member is in one of the sets but the first. */
function isInAny(sets: usize, count: i32, w: SetWalk): bool {
  for (let i = 1; i < count; i++) {
    const e = setAt(sets, i);
    if (e != 0 && setHasMember(e, w)) return true;
  }
  return false;
}

// --- Results ---

/** Replies the gathered places of set `e` as a set. */
function replyPlaces(c: Client, e: usize): void {
  if (scratchFailed()) {
    replyOutOfMemory(c);
  } else {
    const n = scratchLength();
    replySet(c, n);
    for (let i = 0; i < n; i++) replyMember(c, setMemberAt(e, scratchAt(i)));
  }
  scratchRelease();
}

/** Replies a result that is a set without a key, and frees it. */
function replyResult(c: Client, result: usize): void {
  if (result == 0) {
    replyOutOfMemory(c);
    return;
  }
  replySet(c, setSize(result));
  replyMembers(c, result);
  valueFree(result);
}

/** Deletes the key in argument 1, since the result is empty. */
function storeNothing(c: Client): void {
  const db = clientDb(c);
  if (lookupWrite(db, argPtr(1), argLen(1)) != 0) {
    deleteKey(db, argPtr(1), argLen(1));
    notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), db.id);
    changed(1);
  }
  replyInteger(c, 0);
}

/** Makes `result`, an entry under the key in argument 1, its value; replies how many members it has. */
function storeResult(c: Client, result: usize, event: string): void {
  if (result == 0) {
    replyOutOfMemory(c);
    return;
  }
  const n = setSize(result);
  if (n == 0) {
    valueFree(result);
    storeNothing(c);
    return;
  }
  const db = clientDb(c);
  const old = lookupWrite(db, argPtr(1), argLen(1));
  if (!(old != 0 ? replaceEntry(db, old, result) : addEntry(db, result))) {
    valueFree(result);
    replyOutOfMemory(c);
    return;
  }
  notify(NOTIFY_SET, event, argPtr(1), argLen(1), db.id);
  changed(1);
  replyInteger(c, <i64>n);
}

// --- Intersection ---

/** Builds the intersection under the key in argument 1: an entry, perhaps of an empty set; 0 without memory. */
function buildIntersection(sets: usize, count: i32): usize {
  const first = setAt(sets, 0);
  const encoding = entryEncoding(first);
  const result = setNew(argPtr(1), argLen(1), encoding == ENCODING_INTSET ? ENCODING_INTSET : ENCODING_LISTPACK, 0);
  if (result == 0) return 0;
  let integers = true;
  let ok = true;
  const w = setWalk(first);
  while (ok && setNext(w)) {
    if (!isInAll(sets, count, w)) continue;
    if (integers && !w.isInteger) integers = encoding == ENCODING_HASHTABLE && isIntegerMember(w.ptr, w.len);
    ok = setAddMember(result, w) >= 0;
  }
  setWalkEnd(w);
  if (ok && integers && setSize(result) > 0) ok = setToIntset(result);
  if (ok) {
    if (entryEncoding(result) == ENCODING_LISTPACK) entrySetPointer(result, lpShrink(entryPointer(result)));
    return result;
  }
  valueFree(result);
  return 0;
}

/** Gathers the places in the first set of what all sets have; `limit` > 0: at most so many. */
function gatherIntersection(sets: usize, count: i32): void {
  scratchClear();
  const w = setWalk(setAt(sets, 0));
  while (setNext(w)) if (isInAll(sets, count, w)) scratchPush(w.place);
  setWalkEnd(w);
}

/** How many members all sets have; `limit` > 0: counting ends there. */
function countIntersection(sets: usize, count: i32, limit: i64): i64 {
  let n: i64 = 0;
  const w = setWalk(setAt(sets, 0));
  while (setNext(w)) {
    if (isInAll(sets, count, w) && ++n == limit) break;
  }
  setWalkEnd(w);
  return n;
}

/** True when all keys hold sets; those are then sorted by size. */
function allThere(sets: usize, count: i32): bool {
  for (let i = 0; i < count; i++) if (setAt(sets, i) == 0) return false;
  sortBySize(sets, 0, count, false);
  return true;
}

/** SINTER key [key ...] */
export function sinterCommand(c: Client): void {
  const count = argc() - 1;
  const sets = readSets(c, 1, count);
  if (sets == 0) return;
  if (allThere(sets, count)) {
    gatherIntersection(sets, count);
    replyPlaces(c, setAt(sets, 0));
  } else {
    replySet(c, 0);
  }
  free(sets);
}

/** SINTERSTORE destination key [key ...] */
export function sinterstoreCommand(c: Client): void {
  const count = argc() - 2;
  const sets = readSets(c, 2, count);
  if (sets == 0) return;
  if (allThere(sets, count)) storeResult(c, buildIntersection(sets, count), "sinterstore");
  else storeNothing(c);
  free(sets);
}

/** SINTERCARD numkeys key [key ...] [LIMIT limit] */
export function sintercardCommand(c: Client): void {
  const r = root();
  if (!argI64(c, 1, "ERR numkeys should be greater than 0")) return;
  if (r.number < 1) {
    replyError(c, "ERR numkeys should be greater than 0");
    return;
  }
  if (r.number > <i64>(argc() - 2)) {
    replyError(c, "ERR Number of keys can't be greater than number of args");
    return;
  }
  const count = <i32>r.number;
  let limit: i64 = 0;
  for (let i = 2 + count; i < argc(); i += 2) {
    if (i + 1 == argc() || !argIs(i, "LIMIT")) {
      replySyntax(c);
      return;
    }
    if (!argI64(c, i + 1, "ERR LIMIT can't be negative")) return;
    limit = r.number;
    if (limit < 0) {
      replyError(c, "ERR LIMIT can't be negative");
      return;
    }
  }
  const sets = readSets(c, 2, count);
  if (sets == 0) return;
  replyInteger(c, allThere(sets, count) ? countIntersection(sets, count, limit) : 0);
  free(sets);
}

// --- Union ---

/** Adds all members of set `e` to `result`; false when memory is exhausted. */
function addAll(result: usize, e: usize): bool {
  let ok = true;
  const w = setWalk(e);
  while (ok && setNext(w)) ok = setAddMember(result, w) >= 0;
  setWalkEnd(w);
  return ok;
}

/** The encoding that a result which is only replied begins with: a table unless all sets are intsets. */
function passingEncoding(sets: usize, count: i32): u32 {
  for (let i = 0; i < count; i++) {
    const e = setAt(sets, i);
    if (e != 0 && entryEncoding(e) != ENCODING_INTSET) return ENCODING_HASHTABLE;
  }
  return ENCODING_INTSET;
}

/** An empty result under the key in argument 1, if it is to be stored. */
function newResult(sets: usize, count: i32, store: bool): usize {
  if (store) return setNew(argPtr(1), argLen(1), ENCODING_INTSET, 0);
  return setNew(0, 0, passingEncoding(sets, count), 0);
}

function buildUnion(sets: usize, count: i32, store: bool): usize {
  const result = newResult(sets, count, store);
  let ok = result != 0;
  for (let i = 0; i < count && ok; i++) {
    const e = setAt(sets, i);
    if (e != 0) ok = addAll(result, e);
  }
  if (ok) return result;
  if (result != 0) valueFree(result);
  return 0;
}

/** SUNION key [key ...] */
export function sunionCommand(c: Client): void {
  const count = argc() - 1;
  const sets = readSets(c, 1, count);
  if (sets == 0) return;
  replyResult(c, buildUnion(sets, count, false));
  free(sets);
}

/** SUNIONSTORE destination key [key ...] */
export function sunionstoreCommand(c: Client): void {
  const count = argc() - 2;
  const sets = readSets(c, 2, count);
  if (sets == 0) return;
  storeResult(c, buildUnion(sets, count, true), "sunionstore");
  free(sets);
}

// --- Difference ---

/** True when the first set is one of the others as well, or absent: the difference is empty. */
function isEmptyDifference(sets: usize, count: i32): bool {
  const first = setAt(sets, 0);
  if (first == 0) return true;
  for (let i = 1; i < count; i++) if (setAt(sets, i) == first) return true;
  return false;
}

/**
 * True when looking each member of the first set up in the others is less work than taking the others' members out of
 * a copy of the first. Sorts the others by falling size then, so that a member that goes is found early.
 */
function isLookedUp(sets: usize, count: i32): bool {
  let lookups: i64 = 0;
  let steps: i64 = 0;
  const first = <i64>setSize(setAt(sets, 0));
  for (let i = 0; i < count; i++) {
    const e = setAt(sets, i);
    if (e == 0) continue;
    lookups += first;
    steps += <i64>setSize(e);
  }
  if (lookups / LOOKUP_DISCOUNT > steps) return false;
  sortBySize(sets, 1, count, true);
  return true;
}

/** The first set without the others' members, by looking its members up. */
function differenceByLookup(sets: usize, count: i32, result: usize): bool {
  let ok = true;
  const w = setWalk(setAt(sets, 0));
  while (ok && setNext(w)) if (!isInAny(sets, count, w)) ok = setAddMember(result, w) >= 0;
  setWalkEnd(w);
  return ok;
}

/** The same by taking the others' members out of a copy. */
function differenceByRemoval(sets: usize, count: i32, result: usize): bool {
  if (!addAll(result, setAt(sets, 0))) return false;
  for (let i = 1; i < count && setSize(result) > 0; i++) {
    const e = setAt(sets, i);
    if (e == 0) continue;
    const w = setWalk(e);
    while (setNext(w)) setRemoveMember(result, w);
    setWalkEnd(w);
  }
  return true;
}

function buildDifference(sets: usize, count: i32, store: bool): usize {
  const result = newResult(sets, count, store);
  if (result == 0 || isEmptyDifference(sets, count)) return result;
  const ok = isLookedUp(sets, count)
    ? differenceByLookup(sets, count, result)
    : differenceByRemoval(sets, count, result);
  if (ok) return result;
  valueFree(result);
  return 0;
}

/** Gathers the places in the first set of what no other set has. */
function gatherDifference(sets: usize, count: i32): void {
  scratchClear();
  const w = setWalk(setAt(sets, 0));
  while (setNext(w)) if (!isInAny(sets, count, w)) scratchPush(w.place);
  setWalkEnd(w);
}

/** SDIFF key [key ...] */
export function sdiffCommand(c: Client): void {
  const count = argc() - 1;
  const sets = readSets(c, 1, count);
  if (sets == 0) return;
  if (isEmptyDifference(sets, count)) {
    replySet(c, 0);
  } else if (isLookedUp(sets, count)) {
    gatherDifference(sets, count);
    replyPlaces(c, setAt(sets, 0));
  } else {
    replyResult(c, buildDifference(sets, count, false));
  }
  free(sets);
}

/** SDIFFSTORE destination key [key ...] */
export function sdiffstoreCommand(c: Client): void {
  const count = argc() - 2;
  const sets = readSets(c, 2, count);
  if (sets == 0) return;
  storeResult(c, buildDifference(sets, count, true), "sdiffstore");
  free(sets);
}
