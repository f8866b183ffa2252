/**
 * Set values: members in one of three encodings, chosen and changed where Valkey chooses and changes them.
 *
 *   intset      payload → intset (structures/intset.ts): integers only, up to set-max-intset-entries
 *   listpack    payload → listpack: up to set-max-listpack-entries members of up to set-max-listpack-value bytes
 *   hashtable   payload → Table, 28 bytes | u32 timers (types/hash-timers.ts); a member is an element without a value,
 *               8 bytes and its own (structures/element.ts), and 8 for an expiry (types/set-expire.ts)
 *
 * The entry itself never moves when its set changes. A set without members is gone: who takes the last one out deletes
 * the key. Functions that need memory say so by -1 or false and have then changed nothing.
 *
 * Not for commands and replies: commands/set*.ts. Walks and random members: types/set-walk.ts.
 */
import { parseI64, formatI64 } from "../bytes/integer";
import { xorInto } from "../keyspace/digest";
import {
  ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, entryEncoding, entryExpire, entryNew, entryPointer,
  entrySetEncoding, entrySetPointer, NO_EXPIRE, TYPE_SET,
} from "../keyspace/entry";
import { alloc, canAllocate, free, usableSize } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import {
  hashKey, Table, tableBytes, tableDrain, tableDrainSome, tableFindSlot, tableInit, tableInsert, tableRemoveSlot,
  tableReserve, tableSize,
} from "../structures/hashtable";
import {
  intsetCopy, intsetFind, intsetFree, intsetGet, intsetInsert, intsetLength, intsetNew, intsetRemoveAt,
} from "../structures/intset";
import {
  lpAppend, lpAppendInt, lpCopy, lpDelete, lpEntryBytes, lpFind, lpFirst, lpFits, lpLength, lpNew, lpNext, lpView,
  lpViewLength,
} from "../structures/listpack";
import { HASH_TABLE_SIZE, timersAdd, timersBytes, timersFree, timersRemove, timersReserve } from "./hash-timers";
import { TableWalk, walkEnd, walkNext, walkStart } from "../structures/table-walk";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
/** Page 0, behind the listpack's lines: integers written out, a walk for upkeep (set-walk.ts follows at 9216). */
const TEXT: usize = 8960;
const UPKEEP_WALK: usize = 9024;
/** No intset gets more members than this, whatever the setting. */
const INTSET_MOST: i32 = 1 << 30;
/** Members above this are asked for with the allocator's reserve in mind. */
const LARGE_MEMBER: i32 = 32768;

// --- Settings ---

function intsetMost(): i32 {
  const most = root().setMaxIntsetEntries;
  return most < INTSET_MOST ? most : INTSET_MOST;
}

function table(e: usize): Table {
  return changetype<Table>(entryPointer(e));
}

/** True when the bytes spell a 64-bit integer the one way it is printed; it lands in root.number. */
export function isIntegerMember(ptr: usize, len: i32): bool {
  if (len == 0 || len > 20) return false;
  const first = load<u8>(ptr);
  if (first > 57 || (first < 48 && first != 45)) return false;
  return parseI64(ptr, len, NUMBER);
}

// --- Making ---

/** The encoding that a new set begins with when its first member is this one and about `hint` will come. */
export function setFirstEncoding(ptr: usize, len: i32, hint: i32): u32 {
  const r = root();
  if (hint <= r.setMaxIntsetEntries && isIntegerMember(ptr, len)) return ENCODING_INTSET;
  return hint <= r.setMaxListpackEntries ? ENCODING_LISTPACK : ENCODING_HASHTABLE;
}

function newTable(hint: i32): usize {
  const t = alloc(HASH_TABLE_SIZE);
  if (t == 0) return 0;
  memory.fill(t, 0, HASH_TABLE_SIZE);
  tableInit(changetype<Table>(t));
  if (hint > 0) tableReserve(changetype<Table>(t), <u64>hint);
  return t;
}

function freeTable(t: usize): void {
  tableDrain(changetype<Table>(t), free);
  timersFree(t);
  free(t);
}

/** An entry with an empty set; a table has room for `hint` members. 0 when memory is exhausted. */
export function setNew(key: usize, keyLen: i32, encoding: u32, hint: i32): usize {
  const value = encoding == ENCODING_INTSET ? intsetNew() : encoding == ENCODING_LISTPACK ? lpNew(0) : newTable(hint);
  if (value == 0) return 0;
  const e = entryNew(key, keyLen, TYPE_SET, encoding, NO_EXPIRE, -1);
  if (e != 0) entrySetPointer(e, value);
  else if (encoding == ENCODING_HASHTABLE) freeTable(value);
  else free(value);
  return e;
}

/** Number of members. */
export function setSize(e: usize): i32 {
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_INTSET) return intsetLength(entryPointer(e));
  return encoding == ENCODING_LISTPACK ? lpLength(entryPointer(e)) : <i32>tableSize(table(e));
}

/** A new member for a table, or 0 when memory is exhausted. */
function newMember(ptr: usize, len: i32): usize {
  if (len > LARGE_MEMBER && !canAllocate(<u64>len)) return 0;
  return entryNew(ptr, len, 0, 0, NO_EXPIRE, 0);
}

/** Adds a member that is absent to a table; false when memory is exhausted. */
function insertMember(t: Table, hash: u64, ptr: usize, len: i32): bool {
  const member = newMember(ptr, len);
  if (member == 0) return false;
  if (tableInsert(t, hash, member)) return true;
  free(member);
  return false;
}

// --- Conversion ---

/** Makes the set a hash table with room for `hint` members; false (nothing changed) when memory is exhausted. */
export function setToTable(e: usize, hint: i32): bool {
  const address = newTable(hint);
  if (address == 0) return false;
  const old = entryPointer(e);
  const t = changetype<Table>(address);
  let ok = true;
  if (entryEncoding(e) == ENCODING_INTSET) {
    const n = intsetLength(old);
    for (let i = 0; i < n && ok; i++) {
      const len = formatI64(TEXT, intsetGet(old, i));
      ok = insertMember(t, hashKey(TEXT, len), TEXT, len);
    }
  } else {
    for (let p = lpFirst(old); p != 0 && ok; p = lpNext(old, p)) {
      const ptr = lpView(p);
      const len = lpViewLength(p);
      ok = insertMember(t, hashKey(ptr, len), ptr, len);
    }
  }
  if (!ok) {
    freeTable(address);
    return false;
  }
  free(old);
  entrySetPointer(e, address);
  entrySetEncoding(e, ENCODING_HASHTABLE);
  return true;
}

/** Makes an intset a listpack with `room` bytes to spare; false (nothing changed) when memory is exhausted. */
function intsetToListpack(e: usize, room: i32): bool {
  const old = entryPointer(e);
  const n = intsetLength(old);
  let lp = lpNew(7 + intsetListpackBytes(old) + room);
  for (let i = 0; i < n && lp != 0; i++) {
    const moved = lpAppendInt(lp, intsetGet(old, i));
    if (moved == 0) free(lp);
    lp = moved;
  }
  if (lp == 0) return false;
  intsetFree(old);
  entrySetPointer(e, lp);
  entrySetEncoding(e, ENCODING_LISTPACK);
  return true;
}

/** At most so many bytes an intset's members take in a listpack: all like the longer of the first and the last. */
function intsetListpackBytes(s: usize): i32 {
  const n = intsetLength(s);
  if (n == 0) return 0;
  const low = lpEntryBytes(TEXT, formatI64(TEXT, intsetGet(s, 0)));
  const high = lpEntryBytes(TEXT, formatI64(TEXT, intsetGet(s, n - 1)));
  const bytes = <i64>n * <i64>(low > high ? low : high);
  return bytes > i32.MAX_VALUE >> 1 ? i32.MAX_VALUE >> 1 : <i32>bytes;
}

/** Digits and sign of the longer of the first and the last integer, 0 in an empty set. */
function longestInteger(s: usize): i32 {
  const n = intsetLength(s);
  if (n == 0) return 0;
  const low = formatI64(TEXT, intsetGet(s, 0));
  const high = formatI64(TEXT, intsetGet(s, n - 1));
  return low > high ? low : high;
}

/** Makes a table of a set that is about to have more members than its encoding takes; false without memory. */
export function setExpect(e: usize, hint: i32): bool {
  const r = root();
  const encoding = entryEncoding(e);
  const outgrown = (encoding == ENCODING_LISTPACK && hint > r.setMaxListpackEntries) ||
    (encoding == ENCODING_INTSET && hint > r.setMaxIntsetEntries);
  return !outgrown || setToTable(e, hint);
}

/**
 * Makes an intset of a set whose members are all integers, when there are not too many. False (nothing changed) when
 * memory is exhausted.
 */
export function setToIntset(e: usize): bool {
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_INTSET || setSize(e) > intsetMost()) return true;
  let s = intsetNew();
  const old = entryPointer(e);
  if (encoding == ENCODING_LISTPACK) {
    for (let p = lpFirst(old); p != 0 && s != 0; p = lpNext(old, p)) s = addView(s, lpView(p), lpViewLength(p));
  } else {
    const w = changetype<TableWalk>(UPKEEP_WALK);
    walkStart(w, table(e));
    for (let m = walkNext(w); m != 0 && s != 0; m = walkNext(w)) s = addView(s, keyAddress(m), keyLength(m));
    walkEnd(w);
  }
  if (s == 0) return false;
  if (encoding == ENCODING_HASHTABLE) freeTable(old);
  else free(old);
  entrySetPointer(e, s);
  entrySetEncoding(e, ENCODING_INTSET);
  return true;
}

/** Adds an integer's text to an intset under construction; frees it and returns 0 when memory is exhausted. */
function addView(s: usize, ptr: usize, len: i32): usize {
  if (!parseI64(ptr, len, NUMBER)) assert(false);
  const index = intsetFind(s, root().number);
  const moved = intsetInsert(s, -1 - index, root().number);
  if (moved == 0) intsetFree(s);
  return moved;
}

// --- Members ---

/** True when the bytes are a member. */
export function setHas(e: usize, ptr: usize, len: i32): bool {
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_HASHTABLE) return tableFindSlot(table(e), hashKey(ptr, len), ptr, len) != 0;
  const s = entryPointer(e);
  if (encoding == ENCODING_INTSET) return isIntegerMember(ptr, len) && intsetFind(s, root().number) >= 0;
  return lpFind(lpFirst(s), ptr, len, 0) != 0;
}

/** setHas for an integer. */
export function setHasInteger(e: usize, value: i64): bool {
  if (entryEncoding(e) == ENCODING_INTSET) return intsetFind(entryPointer(e), value) >= 0;
  return setHas(e, TEXT, formatI64(TEXT, value));
}

/** Adds a member: 1 when it is new, 0 when it was there, -1 (nothing changed) when memory is exhausted. */
export function setAdd(e: usize, ptr: usize, len: i32): i32 {
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_INTSET) {
    return isIntegerMember(ptr, len) ? addInteger(e, root().number) : addTextToIntset(e, ptr, len);
  }
  if (encoding == ENCODING_LISTPACK) return addToListpack(e, ptr, len);
  const hash = hashKey(ptr, len);
  if (tableFindSlot(table(e), hash, ptr, len) != 0) return 0;
  return insertMember(table(e), hash, ptr, len) ? 1 : -1;
}

/** setAdd for an integer. */
export function setAddInteger(e: usize, value: i64): i32 {
  if (entryEncoding(e) == ENCODING_INTSET) return addInteger(e, value);
  return setAdd(e, TEXT, formatI64(TEXT, value));
}

function addInteger(e: usize, value: i64): i32 {
  const s = entryPointer(e);
  const index = intsetFind(s, value);
  if (index >= 0) return 0;
  const n = intsetLength(s);
  if (n + 1 > intsetMost()) {
    if (!setToTable(e, n + 1)) return -1;
    const len = formatI64(TEXT, value);
    return insertMember(table(e), hashKey(TEXT, len), TEXT, len) ? 1 : -1;
  }
  const moved = intsetInsert(s, -1 - index, value);
  if (moved == 0) return -1;
  entrySetPointer(e, moved);
  return 1;
}

function addToListpack(e: usize, ptr: usize, len: i32): i32 {
  const r = root();
  const lp = entryPointer(e);
  if (lpFind(lpFirst(lp), ptr, len, 0) != 0) return 0;
  const n = lpLength(lp);
  if (n < r.setMaxListpackEntries && len <= r.setMaxListpackValue && lpFits(lp, len)) return appendMember(e, ptr, len);
  if (!setToTable(e, n + 1)) return -1;
  return insertMember(table(e), hashKey(ptr, len), ptr, len) ? 1 : -1;
}

function appendMember(e: usize, ptr: usize, len: i32): i32 {
  const moved = lpAppend(entryPointer(e), ptr, len);
  if (moved == 0) return -1;
  entrySetPointer(e, moved);
  return 1;
}

/** What is no integer makes an intset a listpack, or a table when either side is too much for a listpack. */
function addTextToIntset(e: usize, ptr: usize, len: i32): i32 {
  const r = root();
  const s = entryPointer(e);
  const n = intsetLength(s);
  const most = r.setMaxListpackValue;
  const bytes = intsetListpackBytes(s);
  if (n < r.setMaxListpackEntries && len <= most && longestInteger(s) <= most && bytes < INTSET_MOST - len) {
    return intsetToListpack(e, lpEntryBytes(ptr, len)) ? appendMember(e, ptr, len) : -1;
  }
  if (!setToTable(e, n + 1)) return -1;
  return insertMember(table(e), hashKey(ptr, len), ptr, len) ? 1 : -1;
}

/** Takes the member at a slot of a set's table out. */
export function setRemoveSlot(e: usize, hash: u64, slot: usize): void {
  const member = <usize>load<u32>(slot);
  if (entryExpire(member) != NO_EXPIRE) timersRemove(entryPointer(e), member);
  free(tableRemoveSlot(table(e), hash, slot));
}

/** Takes a member out; false when there is none such. */
export function setRemove(e: usize, ptr: usize, len: i32): bool {
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_HASHTABLE) {
    const hash = hashKey(ptr, len);
    const slot = tableFindSlot(table(e), hash, ptr, len);
    if (slot == 0) return false;
    setRemoveSlot(e, hash, slot);
    return true;
  }
  const s = entryPointer(e);
  if (encoding == ENCODING_INTSET) return isIntegerMember(ptr, len) && removeInteger(e, s, root().number);
  const p = lpFind(lpFirst(s), ptr, len, 0);
  if (p == 0) return false;
  entrySetPointer(e, lpDelete(s, p));
  return true;
}

/** setRemove for an integer. */
export function setRemoveInteger(e: usize, value: i64): bool {
  if (entryEncoding(e) == ENCODING_INTSET) return removeInteger(e, entryPointer(e), value);
  return setRemove(e, TEXT, formatI64(TEXT, value));
}

function removeInteger(e: usize, s: usize, value: i64): bool {
  const index = intsetFind(s, value);
  if (index < 0) return false;
  entrySetPointer(e, intsetRemoveAt(s, index));
  return true;
}

// --- What types/value.ts asks for ---

/** Frees parts of the value, about `budget` allocations; what is left of it, more than 0 when all is freed. */
export function setFreeSome(e: usize, budget: i32): i32 {
  const value = entryPointer(e);
  if (value == 0) return budget > 1 ? budget - 1 : 1;
  if (entryEncoding(e) != ENCODING_HASHTABLE) {
    free(value);
    return budget > 1 ? budget - 1 : 1;
  }
  const left = tableDrainSome(changetype<Table>(value), budget, free);
  if (left <= 0) return left;
  timersFree(value);
  free(value);
  return left;
}

/** Fills `fresh`, an entry of the same encoding without a value, with a copy; false (nothing kept) without memory. */
export function setCopy(e: usize, fresh: usize): bool {
  const encoding = entryEncoding(e);
  const old = entryPointer(e);
  if (encoding == ENCODING_HASHTABLE) return copyTable(e, fresh);
  const copy = encoding == ENCODING_INTSET ? intsetCopy(old) : lpCopy(old);
  entrySetPointer(fresh, copy);
  return copy != 0;
}

function copyTable(e: usize, fresh: usize): bool {
  const copy = newTable(setSize(e));
  if (copy == 0) return false;
  entrySetPointer(fresh, copy);
  const w = changetype<TableWalk>(UPKEEP_WALK);
  let ok = true;
  walkStart(w, table(e));
  for (let m = walkNext(w); m != 0 && ok; m = walkNext(w)) ok = copyMember(m, fresh);
  walkEnd(w);
  if (!ok) freeTable(copy);
  return ok;
}

/** Adds a copy of a table's member, expiry included, to the table of `fresh`; false when memory is exhausted. */
function copyMember(m: usize, fresh: usize): bool {
  const ptr = keyAddress(m);
  const len = keyLength(m);
  const expire = entryExpire(m);
  const copy = entryPointer(fresh);
  const hash = hashKey(ptr, len);
  if (expire == NO_EXPIRE) return insertMember(changetype<Table>(copy), hash, ptr, len);
  if (!timersReserve(copy, 0)) return false;
  const member = entryNew(ptr, len, 0, 0, expire, 0);
  if (member == 0) return false;
  if (!tableInsert(changetype<Table>(copy), hash, member)) {
    free(member);
    return false;
  }
  timersAdd(fresh, 0, member);
  return true;
}

/** Bytes that the value takes beside its entry; `samples` members are weighed, 0 for all. */
export function setMemory(e: usize, samples: i32): usize {
  const value = entryPointer(e);
  if (entryEncoding(e) != ENCODING_HASHTABLE) return usableSize(value);
  const t = table(e);
  const own = usableSize(value) + tableBytes(t) + timersBytes(value);
  let bytes: u64 = 0;
  let n = 0;
  const w = changetype<TableWalk>(UPKEEP_WALK);
  walkStart(w, t);
  for (let m = walkNext(w); m != 0 && (samples == 0 || n < samples); m = walkNext(w)) {
    bytes += <u64>usableSize(m);
    n++;
  }
  walkEnd(w);
  return n == 0 ? own : own + <usize>(bytes * <u64>tableSize(t) / <u64>n);
}

/** How many allocations the value is, estimated at no cost. */
export function setFreeEffort(e: usize): u32 {
  return entryEncoding(e) == ENCODING_HASHTABLE ? tableSize(table(e)) : 1;
}

/** Adds the value to a digest (keyspace/digest.ts): each member for itself, so that their order does not matter. */
export function setDigest(e: usize, digest: usize): void {
  const value = entryPointer(e);
  const encoding = entryEncoding(e);
  if (encoding == ENCODING_INTSET) {
    for (let i = 0; i < intsetLength(value); i++) xorInto(digest, TEXT, formatI64(TEXT, intsetGet(value, i)));
  } else if (encoding == ENCODING_LISTPACK) {
    for (let p = lpFirst(value); p != 0; p = lpNext(value, p)) xorInto(digest, lpView(p), lpViewLength(p));
  } else {
    const w = changetype<TableWalk>(UPKEEP_WALK);
    walkStart(w, table(e));
    for (let m = walkNext(w); m != 0; m = walkNext(w)) xorInto(digest, keyAddress(m), keyLength(m));
    walkEnd(w);
  }
}
