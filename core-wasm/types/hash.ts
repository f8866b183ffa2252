/**
 * Hash values: fields and their values, in a listpack while they are few and short, else in a hash table.
 *
 *   listpack      entry payload > listpack: field, value, field, value, ...
 *   hash table    entry payload > Table, 28 bytes | u32 timers (types/hash-timers.ts)
 *                 elements: field as key, value inline up to 512 bytes, else a block, expiry as the field's
 *
 * A field that expires has its place in the timers where a key's entry has type, encoding and clock, so of
 * keyspace/entry.ts only what does not look at those is used on fields. Values are always text: nothing is kept as a
 * number but what the listpack packs.
 *
 * A field whose time has come is hidden from reads and goes with upkeep (keyspace/field-expiry.ts) or when it is set
 * again. A hash with such fields is in a hash table. The table never becomes a listpack again.
 *
 * Not for commands and replies: commands/hash*.ts. Costs: a 1,000-field hash of 8 and 16 bytes takes 40 bytes a field.
 * Stale: positions and elements, after any change to the hash. An entry stays where it is.
 */
import { alreadyExpired, Database, isHidden } from "../keyspace/database";
import { mixInto, xorInto } from "../keyspace/digest";
import {
  ENCODING_HASHTABLE, ENCODING_LISTPACK, entryEncoding, entryExpire, entryNewString, entryOverwriteInline,
  entryPointer, entryReshape, entrySetEncoding, entrySetExpireInPlace, entrySetPointer, isInline, NO_EXPIRE,
  stringLength, stringPtr,
} from "../keyspace/entry";
import { alloc, free, usableSize } from "../memory/allocator";
import { freePinned } from "../memory/pins";
import { root } from "../memory/root";
import { elementFlags, HAS_PAYLOAD, keyAddress, keyLength, META } from "../structures/element";
import {
  hashKey, Table, tableBytes, tableDrainSome, tableFind, tableFindSlot, tableInit, tableInsert, tableRemoveSlot,
  tableReserve, tableSize,
} from "../structures/hashtable";
import {
  lpAppend, lpCopy, lpDeleteAt, lpFind, lpFirst, lpFits, lpLength, lpNext, lpReplace, lpView,
  lpViewLength,
} from "../structures/listpack";
import { TableWalk, walkEnd, walkNext, walkStart } from "../structures/table-walk";
import {
  HASH_TABLE_SIZE, timersAdd, timersBefore, timersBytes, timersFree, timersNext, timersOf, timersRemove, timersReplace,
  timersReserve, timersRetimed, timersTidy,
} from "./hash-timers";

// What hashSet() did.
export const HASH_UPDATED: i32 = 0;
export const HASH_ADDED: i32 = 1;
/** A field whose time had come was there: it counts as expired, and the new one as added. */
export const HASH_REVIVED: i32 = 2;
export const HASH_NO_MEMORY: i32 = -1;

// What hashSetExpire() and hashPersist() did; the numbers are the replies of HEXPIRE and HPERSIST.
export const FIELD_ABSENT: i32 = -2;
export const FIELD_NOT_TIMED: i32 = -1;
export const FIELD_TIMED: i32 = 1;
export const FIELD_NO_MEMORY: i32 = -3;

/** Scratch of a digest and of a walk over the fields, one at a time. */
const DIGEST: usize = memory.data(20, 8);
const WALK: usize = memory.data(24, 8);

// --- Parts ---

export function isListpack(e: usize): bool {
  return entryEncoding(e) == ENCODING_LISTPACK;
}

/** The table of a hash that is in one. */
export function hashTable(e: usize): Table {
  return changetype<Table>(entryPointer(e));
}

/** The walk for going through a table's fields; there is one, so walks do not nest. */
export function fieldWalk(): TableWalk {
  return changetype<TableWalk>(WALK);
}

/** Number of fields, those included whose time has come. */
export function hashLength(e: usize): u32 {
  return isListpack(e) ? <u32>lpLength(entryPointer(e)) >> 1 : tableSize(hashTable(e));
}

/** Number of fields that have not expired for the running client. */
export function hashVisible(e: usize): u32 {
  if (isListpack(e)) return <u32>lpLength(entryPointer(e)) >> 1;
  const table = entryPointer(e);
  const all = tableSize(changetype<Table>(table));
  if (timersOf(table) == 0) return all;
  const due = timersBefore(table, root().nowMs);
  return due == 0 || !isHidden(timersNext(table)) ? all : all - due;
}

/** Position of the value of a field in a listpack, 0 when there is no such field. */
export function listpackValue(lp: usize, field: usize, len: i32): usize {
  const first = lpFirst(lp);
  const p = first == 0 ? <usize>0 : lpFind(first, field, len, 1);
  return p == 0 ? 0 : lpNext(lp, p);
}

/** Element of a field of a hash in a table, 0 when there is none or its time has come. */
export function tableField(e: usize, field: usize, len: i32): usize {
  const f = tableFind(hashTable(e), hashKey(field, len), field, len);
  return f != 0 && isHidden(f) ? 0 : f;
}

/** True when the field is there. */
export function hashHas(e: usize, field: usize, len: i32): bool {
  return isListpack(e) ? listpackValue(entryPointer(e), field, len) != 0 : tableField(e, field, len) != 0;
}

/** Address of a value's bytes, its length in root.number; 0 when the field is absent. Void after the next lpView. */
export function hashGet(e: usize, field: usize, len: i32): usize {
  const r = root();
  if (isListpack(e)) {
    const p = listpackValue(entryPointer(e), field, len);
    if (p == 0) return 0;
    r.number = <i64>lpViewLength(p);
    return lpView(p);
  }
  const f = tableField(e, field, len);
  if (f == 0) return 0;
  r.number = <i64>stringLength(f);
  return stringPtr(f);
}

/** When a field expires: NO_EXPIRE never, FIELD_ABSENT when it is not there. */
export function hashExpire(e: usize, field: usize, len: i32): i64 {
  if (isListpack(e)) return listpackValue(entryPointer(e), field, len) != 0 ? NO_EXPIRE : <i64>FIELD_ABSENT;
  const f = tableField(e, field, len);
  return f != 0 ? entryExpire(f) : <i64>FIELD_ABSENT;
}

// --- Fields as elements ---

function fieldNew(field: usize, len: i32, value: usize, valueLen: i32, expire: i64): usize {
  return entryNewString(field, len, value, valueLen, 0, expire);
}

function fieldFree(f: usize): void {
  if (elementFlags(f) & HAS_PAYLOAD) freePinned(entryPointer(f));
  free(f);
}

/** Overwrites a field's value where it stands; false when that needs another element. */
function fieldOverwrite(f: usize, value: usize, len: i32): bool {
  const meta = load<u32>(f, META);
  if (!entryOverwriteInline(f, value, len, 0)) return false;
  store<u32>(f, meta, META);
  return true;
}

// --- Making and converting ---

/** Makes an empty table value; 0 when memory is exhausted. */
function newTable(fields: u32): usize {
  const table = alloc(HASH_TABLE_SIZE);
  if (table == 0) return 0;
  memory.fill(table, 0, HASH_TABLE_SIZE);
  tableInit(changetype<Table>(table));
  if (fields > 0) tableReserve(changetype<Table>(table), fields);
  return table;
}

function freeTable(table: usize): void {
  while (tableDrainSome(changetype<Table>(table), i32.MAX_VALUE, fieldFree) <= 0) {
    // So large a table takes another round.
  }
  timersFree(table);
  free(table);
}

/** Adds a field that is known to be absent; false when memory is exhausted. */
function tableAppend(table: usize, f: usize): bool {
  if (f == 0) return false;
  const key = keyAddress(f);
  const len = keyLength(f);
  if (tableInsert(changetype<Table>(table), hashKey(key, len), f)) return true;
  fieldFree(f);
  return false;
}

/** Fills a table from a listpack; false when memory is exhausted. The first of equal fields counts. */
function fillTable(table: usize, lp: usize): bool {
  for (let p = lpFirst(lp); p != 0;) {
    const value = lpNext(lp, p);
    const field = lpView(p, 0);
    const len = lpViewLength(p);
    if (tableFind(changetype<Table>(table), hashKey(field, len), field, len) == 0) {
      const f = fieldNew(field, len, lpView(value, 1), lpViewLength(value), NO_EXPIRE);
      if (!tableAppend(table, f)) return false;
    }
    p = lpNext(lp, value);
  }
  return true;
}

/** Turns a listpack into a table with room for `fields`; false (nothing changed) when memory is exhausted. */
export function hashConvert(e: usize, fields: u32): bool {
  const lp = entryPointer(e);
  const have = <u32>lpLength(lp) >> 1;
  const table = newTable(fields > have ? fields : have + 1);
  if (table == 0) return false;
  if (!fillTable(table, lp)) {
    freeTable(table);
    return false;
  }
  entrySetPointer(e, table);
  entrySetEncoding(e, ENCODING_HASHTABLE);
  free(lp);
  return true;
}

// --- Setting ---

/**
 * Sets a field of the hash `e` in database `db`. `keep`: an expiry that it has stays, else `expire` is its new one.
 * Returns HASH_ADDED, HASH_UPDATED, HASH_REVIVED or HASH_NO_MEMORY (nothing changed).
 */
export function hashSet(
  db: Database, e: usize, field: usize, len: i32, value: usize, valueLen: i32, expire: i64, keep: bool,
): i32 {
  if (isListpack(e)) {
    const most = root().hashMaxListpackValue;
    const fits = expire == NO_EXPIRE && len <= most && valueLen <= most;
    if (fits && lpFits(entryPointer(e), len + valueLen + 32)) return setInListpack(e, field, len, value, valueLen);
    if (!hashConvert(e, 0)) return HASH_NO_MEMORY;
  }
  return setInTable(db, e, field, len, value, valueLen, expire, keep);
}

function setInListpack(e: usize, field: usize, len: i32, value: usize, valueLen: i32): i32 {
  const lp = entryPointer(e);
  const old = listpackValue(lp, field, len);
  if (old != 0) {
    const moved = lpReplace(lp, old, value, valueLen);
    if (moved == 0) return HASH_NO_MEMORY;
    entrySetPointer(e, moved);
    convertIfLong(e, moved);
    return HASH_UPDATED;
  }
  const first = lpAppend(lp, field, len);
  if (first == 0) return HASH_NO_MEMORY;
  entrySetPointer(e, first);
  const second = lpAppend(first, value, valueLen);
  if (second == 0) {
    entrySetPointer(e, lpDeleteAt(first, root().lpPlace, 1));
    return HASH_NO_MEMORY;
  }
  entrySetPointer(e, second);
  convertIfLong(e, second);
  return HASH_ADDED;
}

/** Turns a listpack with too many fields into a table. One without memory for that stays as it is, none the worse. */
function convertIfLong(e: usize, lp: usize): void {
  if (lpLength(lp) >> 1 > root().hashMaxListpackEntries) hashConvert(e, 0);
}

function setInTable(
  db: Database, e: usize, field: usize, len: i32, value: usize, valueLen: i32, expire: i64, keep: bool,
): i32 {
  const table = entryPointer(e);
  const t = changetype<Table>(table);
  const hash = hashKey(field, len);
  const slot = tableFindSlot(t, hash, field, len);
  if (slot == 0) {
    const timed = expire != NO_EXPIRE;
    if (timed && !timersReserve(table, db.volatile)) return HASH_NO_MEMORY;
    const f = fieldNew(field, len, value, valueLen, expire);
    if (f == 0 || !tableInsert(t, hash, f)) {
      if (f != 0) fieldFree(f);
      timersTidy(table);
      return HASH_NO_MEMORY;
    }
    if (timed) timersAdd(e, db.volatile, f);
    return HASH_ADDED;
  }
  const old = <usize>load<u32>(slot);
  const before = entryExpire(old);
  const dead = before != NO_EXPIRE && alreadyExpired(before);
  if (keep && !dead) expire = before;
  if (!replaceField(db, e, slot, value, valueLen, expire)) return HASH_NO_MEMORY;
  return dead ? HASH_REVIVED : HASH_UPDATED;
}

/** Gives the field at a slot another value and expiry; false (nothing changed) when memory is exhausted. */
function replaceField(db: Database, e: usize, slot: usize, value: usize, valueLen: i32, expire: i64): bool {
  const table = entryPointer(e);
  const old = <usize>load<u32>(slot);
  const had = entryExpire(old) != NO_EXPIRE;
  const has = expire != NO_EXPIRE;
  if (had == has && fieldOverwrite(old, value, valueLen)) {
    if (has && entryExpire(old) != expire) {
      entrySetExpireInPlace(old, expire);
      timersRetimed(table, old);
    }
    return true;
  }
  if (has && !had && !timersReserve(table, db.volatile)) return false;
  const f = fieldNew(keyAddress(old), keyLength(old), value, valueLen, expire);
  if (f == 0) {
    timersTidy(table);
    return false;
  }
  store<u32>(slot, <u32>f);
  if (had && has) timersReplace(table, old, f);
  else if (had) timersRemove(table, old);
  else if (has) timersAdd(e, db.volatile, f);
  fieldFree(old);
  return true;
}

// --- Building a hash that is in no database ---

/** Gives the entry an empty table with room for `fields`; false when memory is exhausted. */
export function hashMakeTable(e: usize, fields: u32): bool {
  const table = newTable(fields);
  if (table == 0) return false;
  entrySetPointer(e, table);
  entrySetEncoding(e, ENCODING_HASHTABLE);
  return true;
}

/** Adds a field to the entry's table: HASH_ADDED, HASH_UPDATED (nothing changed: it is there) or HASH_NO_MEMORY. */
export function hashAppend(e: usize, field: usize, len: i32, value: usize, valueLen: i32, expire: i64): i32 {
  const table = entryPointer(e);
  if (tableFind(changetype<Table>(table), hashKey(field, len), field, len) != 0) return HASH_UPDATED;
  const timed = expire != NO_EXPIRE;
  if (timed && !timersReserve(table, 0)) return HASH_NO_MEMORY;
  const f = fieldNew(field, len, value, valueLen, expire);
  if (!tableAppend(table, f)) {
    timersTidy(table);
    return HASH_NO_MEMORY;
  }
  if (timed) timersAdd(e, 0, f);
  return HASH_ADDED;
}

// --- Expiry of fields ---

/**
 * Gives a field an expiry that lies ahead. Returns FIELD_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY (nothing changed but
 * maybe the encoding).
 */
export function hashSetExpire(db: Database, e: usize, field: usize, len: i32, expire: i64): i32 {
  if (isListpack(e)) {
    if (listpackValue(entryPointer(e), field, len) == 0) return FIELD_ABSENT;
    if (!hashConvert(e, 0)) return FIELD_NO_MEMORY;
  }
  const table = entryPointer(e);
  const slot = tableFindSlot(changetype<Table>(table), hashKey(field, len), field, len);
  const f = slot == 0 ? <usize>0 : <usize>load<u32>(slot);
  if (f == 0 || isHidden(f)) return FIELD_ABSENT;
  if (entryExpire(f) != NO_EXPIRE) {
    entrySetExpireInPlace(f, expire);
    timersRetimed(table, f);
    return FIELD_TIMED;
  }
  if (!timersReserve(table, db.volatile)) return FIELD_NO_MEMORY;
  const moved = entryReshape(f, expire, !isInline(f));
  if (moved == 0) {
    timersTidy(table);
    return FIELD_NO_MEMORY;
  }
  store<u32>(slot, <u32>moved);
  timersAdd(e, db.volatile, moved);
  return FIELD_TIMED;
}

/** Takes a field's expiry away. Returns FIELD_TIMED, FIELD_NOT_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function hashPersist(e: usize, field: usize, len: i32): i32 {
  if (isListpack(e)) return listpackValue(entryPointer(e), field, len) == 0 ? FIELD_ABSENT : FIELD_NOT_TIMED;
  const table = entryPointer(e);
  const slot = tableFindSlot(changetype<Table>(table), hashKey(field, len), field, len);
  const f = slot == 0 ? <usize>0 : <usize>load<u32>(slot);
  if (f == 0 || isHidden(f)) return FIELD_ABSENT;
  if (entryExpire(f) == NO_EXPIRE) return FIELD_NOT_TIMED;
  const plain = entryReshape(f, NO_EXPIRE, !isInline(f));
  if (plain == 0) return FIELD_NO_MEMORY;
  store<u32>(slot, <u32>plain);
  // The old element is gone, but its place among the timers has moved along.
  timersRemove(table, plain);
  return FIELD_TIMED;
}

// --- Removing ---

/** Removes a field; `all`: one whose time has come too. False when there is none. */
export function hashDelete(e: usize, field: usize, len: i32, all: bool): bool {
  if (isListpack(e)) {
    const lp = entryPointer(e);
    const first = lpFirst(lp);
    const p = first == 0 ? <usize>0 : lpFind(first, field, len, 1);
    if (p == 0) return false;
    entrySetPointer(e, lpDeleteAt(lp, p, 2));
    return true;
  }
  const table = entryPointer(e);
  const t = changetype<Table>(table);
  const hash = hashKey(field, len);
  const slot = tableFindSlot(t, hash, field, len);
  if (slot == 0) return false;
  const f = <usize>load<u32>(slot);
  if (!all && isHidden(f)) return false;
  if (entryExpire(f) != NO_EXPIRE) timersRemove(table, f);
  tableRemoveSlot(t, hash, slot);
  fieldFree(f);
  return true;
}

// --- What every type can do (types/value.ts) ---

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function hashFreeSome(e: usize, budget: i32): i32 {
  const value = entryPointer(e);
  if (isListpack(e)) {
    free(value);
    return budget > 1 ? budget - 1 : 1;
  }
  const left = tableDrainSome(changetype<Table>(value), budget, fieldFree);
  if (left <= 0) return left;
  timersFree(value);
  free(value);
  return left;
}

/** Fills `fresh`, an entry of the same type and encoding without a value, with a copy; false without memory. */
export function hashCopy(e: usize, fresh: usize): bool {
  if (isListpack(e)) {
    const copy = lpCopy(entryPointer(e));
    entrySetPointer(fresh, copy);
    return copy != 0;
  }
  const t = hashTable(e);
  const table = newTable(tableSize(t));
  if (table == 0) return false;
  entrySetPointer(fresh, table);
  const walk = fieldWalk();
  walkStart(walk, t);
  let f = walkNext(walk);
  while (f != 0 && copyField(fresh, f)) f = walkNext(walk);
  walkEnd(walk);
  if (f != 0) freeTable(table);
  return f == 0;
}

function copyField(fresh: usize, f: usize): bool {
  const table = entryPointer(fresh);
  const expire = entryExpire(f);
  const timed = expire != NO_EXPIRE;
  if (timed && !timersReserve(table, 0)) return false;
  const copy = fieldNew(keyAddress(f), keyLength(f), stringPtr(f), stringLength(f), expire);
  if (!tableAppend(table, copy)) return false;
  if (timed) timersAdd(fresh, 0, copy);
  return true;
}

/** Bytes that the value takes beside its entry; `samples` fields are weighed, 0 for all. */
export function hashMemory(e: usize, samples: i32): usize {
  const value = entryPointer(e);
  if (isListpack(e)) return usableSize(value);
  const t = changetype<Table>(value);
  const own = usableSize(value) + tableBytes(t) + timersBytes(value);
  let bytes: usize = 0;
  let weighed: i32 = 0;
  const walk = fieldWalk();
  walkStart(walk, t);
  for (let f = walkNext(walk); f != 0 && (samples == 0 || weighed < samples); f = walkNext(walk)) {
    bytes += usableSize(f);
    if (elementFlags(f) & HAS_PAYLOAD) bytes += usableSize(entryPointer(f));
    weighed++;
  }
  walkEnd(walk);
  return weighed == 0 ? own : own + <usize>(<f64>bytes / <f64>weighed * <f64>tableSize(t));
}

/** How many allocations the value is, estimated at no cost. */
export function hashFreeEffort(e: usize): u32 {
  return isListpack(e) ? 1 : tableSize(hashTable(e));
}

/** Adds the value to a digest (keyspace/digest.ts): fields are xored, each mixed with its value. */
export function hashDigest(e: usize, digest: usize): void {
  if (isListpack(e)) {
    const lp = entryPointer(e);
    for (let p = lpFirst(lp); p != 0;) {
      const value = lpNext(lp, p);
      digestField(digest, lpView(p, 0), lpViewLength(p), lpView(value, 1), lpViewLength(value));
      p = lpNext(lp, value);
    }
    return;
  }
  const walk = fieldWalk();
  walkStart(walk, hashTable(e));
  for (let f = walkNext(walk); f != 0; f = walkNext(walk)) {
    if (!isHidden(f)) digestField(digest, keyAddress(f), keyLength(f), stringPtr(f), stringLength(f));
  }
  walkEnd(walk);
}

function digestField(digest: usize, field: usize, len: i32, value: usize, valueLen: i32): void {
  memory.fill(DIGEST, 0, 20);
  mixInto(DIGEST, field, len);
  mixInto(DIGEST, value, valueLen);
  xorInto(digest, DIGEST, 20);
}
