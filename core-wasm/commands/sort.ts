/**
 * SORT and SORT_RO: elements of a list, set or sorted set in another order, or what stands under keys made of them.
 *
 * The elements are copied first (structures/sort-vector.ts), since looking up what they are sorted by may remove keys
 * whose time has come. Letters compare as bytes up to the first NUL, as in the C locale; for STORE as all their bytes.
 * Equal elements keep the order they had.
 */
import { parseDouble } from "../bytes/double";
import { addEntry, Database, deleteKey, lookupRead, lookupWrite, replaceEntry } from "../keyspace/database";
import {
  ENCODING_QUICKLIST, entryNew, entrySetPointer, entryType, NO_EXPIRE, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING,
  TYPE_ZSET,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_LIST } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { mayReadEveryKey } from "../resp/access";
import { Client, CLIENT_NO_TOUCH, clientDb } from "../resp/client";
import {
  replyArray, replyBulk, replyError, replyInteger, replyNull, replyOutOfMemory, replySyntax, replyWrongType,
} from "../resp/reply";
import { LIST_TAIL, Quicklist, quicklistNew, quicklistPush } from "../structures/quicklist";
import {
  SortVector, vectorAdd, vectorAt, vectorFree, vectorInit, vectorLength, vectorRoom, vectorSetKey, vectorSetNoKey,
  vectorSetOwnKey, vectorSetScore, vectorSort, vectorText,
} from "../structures/sort-vector";
import { hashGet } from "../types/hash";
import { listLength, listSettle } from "../types/list";
import {
  cursorClose, cursorFailed, cursorLength, cursorNext, cursorOpen, cursorPrevious, cursorView,
} from "../types/list-cursor";
import { setSize } from "../types/set";
import { setMemberLength, setMemberPtr, setNext, setWalk, setWalkEnd } from "../types/set-walk";
import { stringSize, stringView } from "../types/string";
import { valueFree } from "../types/value";
import { isPacked, zsetAt, zsetLength, zsetMember, zsetMemberLength, zsetNext, zsetPrevious } from "../types/zset";
import { zsetUnpack } from "../types/zset-change";
import { argI64, argIs } from "./arguments";
import { readKey } from "./look-up";

@unmanaged
class Options {
  descending: bool;
  alpha: bool;
  unsorted: bool; // BY names no pattern
  isStoring: bool;
  by: i32; // its argument, 0: sorted by the elements themselves
  target: i32; // argument of STORE
  start: i64;
  count: i64;
  gets: usize; // arguments of GET
  getCount: i32;
}

const OPTIONS: usize = memory.data(offsetof<Options>(), 8);
const VECTOR: usize = memory.data(offsetof<SortVector>(), 8);
const REAL: usize = ROOT_ADDRESS + offsetof<Root>("real");
const STAR: u32 = 0x2a;
const HASH_SIGN: u32 = 0x23;
const ARROW: u32 = 0x3e2d; // ->

const DENIED_BY = "ERR BY option of SORT denied due to insufficient ACL permissions.";
const DENIED_GET = "ERR GET option of SORT denied due to insufficient ACL permissions.";
const NOT_NUMBERS = "ERR One or more scores can't be converted into double";

// --- Options ---

/** Length of bytes up to their first NUL. */
function textLengthOf(ptr: usize, len: i32): i32 {
  let n = 0;
  while (n < len && load<u8>(ptr + <usize>n) != 0) n++;
  return n;
}

/** Place of the first '*' of argument i, -1 when there is none. */
function starOf(i: i32): i32 {
  const ptr = argPtr(i);
  const n = textLengthOf(ptr, argLen(i));
  for (let at = 0; at < n; at++) if (<u32>load<u8>(ptr + <usize>at) == STAR) return at;
  return -1;
}

/** Reads BY's argument; false after an error. */
function readBy(c: Client, o: Options, i: i32): bool {
  o.by = i;
  if (starOf(i) < 0) {
    o.unsorted = true;
  } else if (!mayReadEveryKey(c, root().currentCommand)) {
    replyError(c, DENIED_BY);
    return false;
  }
  return true;
}

/** Reads GET's argument; false after an error. */
function readGet(c: Client, o: Options, i: i32): bool {
  if (!mayReadEveryKey(c, root().currentCommand)) {
    replyError(c, DENIED_GET);
    return false;
  }
  if (o.gets == 0) o.gets = allocSpared(<u64>argc() << 2);
  if (o.gets == 0) {
    replyOutOfMemory(c);
    return false;
  }
  store<i32>(o.gets + (<usize>o.getCount << 2), i);
  o.getCount++;
  return true;
}

function readLimit(c: Client, o: Options, i: i32): bool {
  if (!argI64(c, i)) return false;
  o.start = root().number;
  if (!argI64(c, i + 1)) return false;
  o.count = root().number;
  return true;
}

/** Reads all options; false after an error. */
function readOptions(c: Client, o: Options, readOnly: bool): bool {
  const end = argc();
  for (let i = 2; i < end; i++) {
    const left = end - i - 1;
    if (argIs(i, "ASC")) {
      o.descending = false;
    } else if (argIs(i, "DESC")) {
      o.descending = true;
    } else if (argIs(i, "ALPHA")) {
      o.alpha = true;
    } else if (left >= 2 && argIs(i, "LIMIT")) {
      if (!readLimit(c, o, i + 1)) return false;
      i += 2;
    } else if (!readOnly && left >= 1 && argIs(i, "STORE")) {
      o.isStoring = true;
      o.target = ++i;
    } else if (left >= 1 && argIs(i, "BY")) {
      if (!readBy(c, o, ++i)) return false;
    } else if (left >= 1 && argIs(i, "GET")) {
      if (!readGet(c, o, ++i)) return false;
    } else {
      replySyntax(c);
      return false;
    }
  }
  return true;
}

// --- What stands under a pattern ---

/** Place of the "->" behind `from` that a field follows, -1 when there is none. */
function arrowOf(ptr: usize, from: i32, n: i32): i32 {
  for (let at = from; at + 1 < n; at++) {
    if (<u32>load<u16>(ptr + <usize>at) == ARROW) return at + 2 < n ? at : -1;
  }
  return -1;
}

/**
 * Address of what pattern argument `i` leads to for element `n`, its length in root.number; 0 when there is nothing.
 * Void after the next call.
 */
function lookUp(c: Client, v: SortVector, i: i32, n: i32): usize {
  const pattern = argPtr(i);
  const length = argLen(i);
  const text = textLengthOf(pattern, length);
  if (text == 1 && <u32>load<u8>(pattern) == HASH_SIGN) {
    root().number = <i64>vectorLength(v, n);
    return vectorText(v, n);
  }
  const star = starOf(i);
  if (star < 0) return 0;
  const arrow = arrowOf(pattern, star + 1, text);
  const size = vectorLength(v, n);
  const rest = (arrow < 0 ? length : arrow) - star - 1;
  // Room was made before the first look-up, so this moves nothing.
  const key = vectorRoom(v, <usize>(star + size + rest));
  if (key == 0) return 0;
  memory.copy(key, pattern, <usize>star);
  memory.copy(key + <usize>star, vectorText(v, n), <usize>size);
  memory.copy(key + <usize>(star + size), pattern + <usize>star + 1, <usize>rest);
  const e = lookupRead(clientDb(c), key, star + size + rest, (c.flags & CLIENT_NO_TOUCH) != 0);
  if (e == 0) return 0;
  if (arrow >= 0) {
    if (entryType(e) != TYPE_HASH) return 0;
    return hashGet(e, pattern + <usize>arrow + 2, length - arrow - 2);
  }
  if (entryType(e) != TYPE_STRING) return 0;
  root().number = <i64>stringSize(e);
  return stringView(e);
}

/** Makes room for the keys that patterns make of elements; false when memory is exhausted. */
function makeRoom(v: SortVector, o: Options): bool {
  let longest = 0;
  for (let i = 0; i < v.count; i++) longest = max<i32>(longest, vectorLength(v, i));
  let pattern = o.by != 0 ? argLen(o.by) : 0;
  for (let i = 0; i < o.getCount; i++) pattern = max<i32>(pattern, argLen(getAt(o, i)));
  return vectorRoom(v, <usize>longest + <usize>pattern) != 0;
}

function getAt(o: Options, i: i32): i32 {
  return load<i32>(o.gets + (<usize>i << 2));
}

// --- Gathering ---

/** Copies `count` elements of a list from `start` on, backwards when descending; false when memory is exhausted. */
function gatherList(v: SortVector, e: usize, start: i64, count: i64, back: bool): bool {
  const index = back ? listLength(e) - 1 - start : start;
  let ok = true;
  let more = count > 0 && cursorOpen(e, index);
  for (let left = count; more && ok && left > 0; left--) {
    ok = vectorAdd(v, cursorView(), cursorLength());
    more = left > 1 && (back ? cursorPrevious() : cursorNext());
  }
  if (count > 0) {
    if (cursorFailed()) ok = false;
    cursorClose();
  }
  return ok;
}

function gatherSet(v: SortVector, e: usize): bool {
  let ok = true;
  const w = setWalk(e);
  while (ok && setNext(w)) {
    const member = setMemberPtr(w);
    ok = vectorAdd(v, member, setMemberLength(w));
  }
  setWalkEnd(w);
  return ok;
}

function gatherScores(v: SortVector, e: usize, start: i64, count: i64, back: bool): bool {
  const rank = back ? <i64>zsetLength(e) - 1 - start : start;
  let place: u64 = count > 0 ? zsetAt(e, <u32>rank) : 0;
  for (let left = count; left > 0 && place != 0; left--) {
    const member = zsetMember(e, place);
    if (!vectorAdd(v, member, zsetMemberLength(e, place))) return false;
    place = back ? zsetPrevious(e, place) : zsetNext(e, place);
  }
  return true;
}

// --- Sorting ---

/** Notes a number that element `n` is sorted by; false when the bytes are none. */
function setNumber(v: SortVector, n: i32, ptr: usize, len: i32): bool {
  if (!parseDouble(ptr, textLengthOf(ptr, len), REAL)) return false;
  vectorSetScore(v, n, root().real);
  return true;
}

// What sort() answers.
const SORTED: i32 = 0;
const NO_NUMBERS: i32 = 1;
const NO_MEMORY: i32 = 2;

/** Looks up what the elements are sorted by, and sorts them. */
function sort(c: Client, v: SortVector, o: Options): i32 {
  let numbers = true;
  for (let n = 0; n < v.count; n++) {
    let ptr: usize = 0;
    let len = 0;
    if (o.by != 0) {
      ptr = lookUp(c, v, o.by, n);
      len = <i32>root().number;
      if (ptr == 0) {
        if (o.alpha) vectorSetNoKey(v, n);
        continue;
      }
    } else {
      ptr = vectorText(v, n);
      len = vectorLength(v, n);
    }
    if (!o.alpha) {
      if (!setNumber(v, n, ptr, len)) numbers = false;
      continue;
    }
    if (!o.isStoring) len = textLengthOf(ptr, len);
    if (o.by == 0) vectorSetOwnKey(v, n, len);
    else if (!keepKey(v, o, n, ptr, len)) return NO_MEMORY;
  }
  if (!numbers) return NO_NUMBERS;
  vectorSort(v, o.alpha, o.descending);
  return SORTED;
}

/** Copies what element `n` is sorted by, and makes room for the next key again; false when memory is exhausted. */
function keepKey(v: SortVector, o: Options, n: i32, ptr: usize, len: i32): bool {
  if (!vectorSetKey(v, n, ptr, len)) return false;
  return n + 1 >= v.count || vectorRoom(v, <usize>vectorLength(v, n + 1) + <usize>argLen(o.by)) != 0;
}

// --- Results ---

function replyResults(c: Client, v: SortVector, o: Options, start: i32, end: i32): void {
  const n = end - start + 1;
  replyArray(c, o.getCount != 0 ? n * o.getCount : n);
  for (let rank = start; rank <= end; rank++) {
    const element = vectorAt(v, rank);
    if (o.getCount == 0) replyBulk(c, vectorText(v, element), vectorLength(v, element));
    for (let i = 0; i < o.getCount; i++) {
      const ptr = lookUp(c, v, getAt(o, i), element);
      if (ptr == 0) replyNull(c);
      else replyBulk(c, ptr, <i32>root().number);
    }
  }
}

/** An entry under the target's key with the results, which are some; 0 when memory is exhausted. */
function buildList(c: Client, v: SortVector, o: Options, start: i32, end: i32): usize {
  const r = root();
  const ql = quicklistNew(r.listMaxListpackSize, r.listCompressDepth);
  if (ql == 0) return 0;
  const e = entryNew(argPtr(o.target), argLen(o.target), TYPE_LIST, ENCODING_QUICKLIST, NO_EXPIRE, -1);
  if (e == 0) {
    free(ql);
    return 0;
  }
  entrySetPointer(e, ql);
  let ok = true;
  for (let rank = start; rank <= end && ok; rank++) {
    const element = vectorAt(v, rank);
    if (o.getCount == 0) ok = push(ql, vectorText(v, element), vectorLength(v, element));
    for (let i = 0; i < o.getCount && ok; i++) {
      const ptr = lookUp(c, v, getAt(o, i), element);
      ok = push(ql, ptr, ptr == 0 ? 0 : <i32>r.number);
    }
  }
  if (ok) {
    listSettle(e, true);
    return e;
  }
  valueFree(e);
  return 0;
}

function push(ql: usize, ptr: usize, len: i32): bool {
  return quicklistPush(changetype<Quicklist>(ql), ptr, len, LIST_TAIL);
}

/** Makes the results the target's value and replies how many they are. */
function storeResults(c: Client, v: SortVector, o: Options, start: i32, end: i32): void {
  const db = clientDb(c);
  const key = argPtr(o.target);
  const keyLen = argLen(o.target);
  const n = (end - start + 1) * max<i32>(o.getCount, 1);
  if (n == 0) {
    removeTarget(db, key, keyLen);
    replyInteger(c, 0);
    return;
  }
  const e = buildList(c, v, o, start, end);
  const old: usize = e == 0 ? 0 : lookupWrite(db, key, keyLen);
  if (e == 0 || !(old == 0 ? addEntry(db, e) : replaceEntry(db, old, e))) {
    if (e != 0) valueFree(e);
    replyOutOfMemory(c);
    return;
  }
  notify(NOTIFY_LIST, "sortstore", key, keyLen, db.id);
  changed(n);
  replyInteger(c, n);
}

function removeTarget(db: Database, key: usize, keyLen: i32): void {
  if (!deleteKey(db, key, keyLen)) return;
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
  changed(1);
}

// --- The commands ---

/** Number of elements. */
function sizeOf(e: usize): i64 {
  if (e == 0) return 0;
  const type = entryType(e);
  return type == TYPE_LIST ? listLength(e) : type == TYPE_SET ? <i64>setSize(e) : <i64>zsetLength(e);
}

/** Sorts what is at `e` (0: nothing) and replies. */
function run(c: Client, e: usize, o: Options): void {
  const type = e == 0 ? TYPE_LIST : entryType(e);
  if (o.unsorted && type == TYPE_SET && (o.isStoring || root().scriptCaller != 0)) {
    // What is stored, or what a script sees, must not depend on a table's order.
    o.unsorted = false;
    o.alpha = true;
    o.by = 0;
  }
  const n = sizeOf(e);
  let start = min<i64>(max<i64>(o.start, 0), n);
  const count = min<i64>(max<i64>(o.count, -1), n);
  let end = count < 0 ? n - 1 : start + count - 1;
  if (start >= n) {
    start = n - 1;
    end = n - 2;
  }
  if (end >= n) end = n - 1;
  // What is in order by itself and stays so is copied only as far as it is asked for.
  const isRange = o.unsorted && type != TYPE_SET;
  const from = isRange ? start : 0;
  const wanted = isRange ? end - start + 1 : n;
  const back = isRange && o.descending;
  const v = changetype<SortVector>(VECTOR);
  if (!vectorInit(v, <i32>wanted)) {
    replyOutOfMemory(c);
    return;
  }
  let ok = true;
  if (wanted > 0) {
    if (type == TYPE_LIST) ok = gatherList(v, e, from, wanted, back);
    else ok = type == TYPE_SET ? gatherSet(v, e) : gatherScores(v, e, from, wanted, back);
  }
  let result = ok && makeRoom(v, o) ? SORTED : NO_MEMORY;
  if (result == SORTED && !o.unsorted) result = sort(c, v, o);
  if (result == SORTED && !makeRoom(v, o)) result = NO_MEMORY;
  if (isRange) {
    end -= start;
    start = 0;
  }
  if (result == NO_MEMORY) replyOutOfMemory(c);
  else if (result == NO_NUMBERS) replyError(c, NOT_NUMBERS);
  else if (o.isStoring) storeResults(c, v, o, <i32>start, <i32>end);
  else replyResults(c, v, o, <i32>start, <i32>end);
  vectorFree(v);
}

function sortGeneric(c: Client, readOnly: bool): void {
  memory.fill(OPTIONS, 0, offsetof<Options>());
  const o = changetype<Options>(OPTIONS);
  o.count = -1;
  if (readOptions(c, o, readOnly)) {
    const e = readKey(c, 1);
    const type = e == 0 ? TYPE_LIST : entryType(e);
    if (type != TYPE_LIST && type != TYPE_SET && type != TYPE_ZSET) replyWrongType(c);
    // As in Valkey a sorted set is out of its listpack afterwards.
    else if (e != 0 && type == TYPE_ZSET && isPacked(e) && !zsetUnpack(e, 0)) replyOutOfMemory(c);
    else run(c, e, o);
  }
  free(o.gets);
}

/** SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination] */
export function sortCommand(c: Client): void {
  sortGeneric(c, false);
}

/** SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] */
export function sortRoCommand(c: Client): void {
  sortGeneric(c, true);
}
