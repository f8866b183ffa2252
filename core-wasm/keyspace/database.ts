/**
 * A database: the table of its keys, and the table of those that expire. Both hold the same entries' addresses.
 *
 * Every access to keys goes through here, so that expiry is lazy (an expired key is gone when it is looked up), clocks
 * and hit counts are kept, and an entry that moves is replaced in both tables.
 *
 * Not for choosing keys to expire or evict in the background: expiry.ts, eviction.ts.
 * Stale: an entry address is void after any call here that adds, replaces or removes a key.
 */
import { alloc } from "../memory/allocator";
import { root } from "../memory/root";
import { LAZY_EXPIRE, LAZY_SERVER_DEL } from "../memory/settings";
import { FLAGS, HAS_EXPIRE, keyAddress, keyLength } from "../structures/element";
import {
  hashKey, Table, tableDrain, tableFind, tableFindSlot, tableFree, tableInit, tableInsert, tableRemove,
  tableRemoveSlot, tableSize,
} from "../structures/hashtable";
import { Client, CLIENT_IMPORT_SOURCE, CLIENT_NO_TOUCH } from "../resp/client";
import { signalAll, signalGone, signalReady } from "../resp/blocking";
import {
  timersAttach, timersDetach, timersMoved, volatileClear, VolatileKeys,
} from "../types/hash-timers";
import { valueFree } from "../types/value";
import { clockInitial, entryTouch } from "./clock";
import {
  ENCODING_EMBSTR, entryClock, entryEncoding, entryExpire, entryReshape, entrySetClock, entrySetEncoding,
  entrySetExpireInPlace, entryType, isInline, NO_EXPIRE, stringEncoding, stringLength, TYPE_STRING,
} from "./entry";
import { dropEntry, dropTable, LAZY_ALWAYS } from "./lazyfree";
import { touchDatabase } from "./watch";
import { notify, NOTIFY_EXPIRED, NOTIFY_KEY_MISS, NOTIFY_NEW } from "./events";

// @layout
@unmanaged
export class Database {
  keys: Table;
  expires: Table;
  blocked: Table; // keys that clients wait for (resp/blocking.ts)
  watched: Table; // keys that clients watch (keyspace/watch.ts)
  id: i32;
  averageTtl: i64; // milliseconds, sampled by active expiry
  expireCursor: u64; // where active expiry goes on
  volatile: usize; // two VolatileKeys: hashes with fields, sets with members that expire (types/hash-timers.ts)
}

const TABLE_SPACE: usize = offsetof<Table>();

function roundedTable(): usize {
  return (TABLE_SPACE + 7) & ~7;
}

const VOLATILE_SPACE: usize = offsetof<VolatileKeys>() << 1;

function databaseSpace(): usize {
  return (offsetof<Database>() + (roundedTable() << 2) + 7) & ~7;
}

/** Makes `count` empty databases; false when memory is exhausted. */
export function databasesInit(count: i32): bool {
  const r = root();
  const space = databaseSpace();
  const block = alloc(space * <usize>count);
  const volatile = alloc(VOLATILE_SPACE * <usize>count);
  if (block == 0 || volatile == 0) return false;
  memory.fill(volatile, 0, VOLATILE_SPACE * <usize>count);
  r.databases = block;
  r.databaseCount = count;
  for (let i = 0; i < count; i++) {
    const db = database(i);
    const tables = changetype<usize>(db) + ((offsetof<Database>() + 7) & ~7);
    db.keys = changetype<Table>(tables);
    db.expires = changetype<Table>(tables + roundedTable());
    db.blocked = changetype<Table>(tables + (roundedTable() << 1));
    tableInit(db.keys);
    tableInit(db.expires);
    db.watched = changetype<Table>(tables + roundedTable() * 3);
    tableInit(db.blocked);
    tableInit(db.watched);
    db.id = i;
    db.averageTtl = 0;
    db.expireCursor = 0;
    db.volatile = volatile + VOLATILE_SPACE * <usize>i;
  }
  return true;
}

/** Database number i; the caller has checked the range. */
export function database(i: i32): Database {
  return changetype<Database>(root().databases + databaseSpace() * <usize>i);
}

/** The database's hashes that have fields with an expiry. */
export function volatileKeys(db: Database): VolatileKeys {
  return changetype<VolatileKeys>(db.volatile);
}

/** The database's sets and sorted sets that have members with an expiry. */
export function memberKeys(db: Database): VolatileKeys {
  return changetype<VolatileKeys>(db.volatile + offsetof<VolatileKeys>());
}

// --- Expiry of one key ---

export function isExpired(e: usize): bool {
  return (load<u8>(e, FLAGS) & <u8>HAS_EXPIRE) != 0 && root().nowMs > entryExpire(e);
}

/** Removes a key because its time has come. */
export function expireNow(db: Database, e: usize): void {
  const r = root();
  const key = keyAddress(e);
  const len = keyLength(e);
  notify(NOTIFY_EXPIRED, "expired", key, len, db.id);
  r.statExpired++;
  removeEntry(db, hashKey(key, len), key, len, LAZY_EXPIRE);
}

/** True while CLIENT PAUSE is in force: nothing expires or is evicted then, what is due waits for the end. */
export function isPaused(): bool {
  const r = root();
  return r.pauseMode != 0 && r.pauseUntilMs > r.nowMs;
}

/** True when the running client feeds an import: it sees expired keys as they are. */
function isImportSource(): bool {
  const r = root();
  return r.importMode != 0 && r.current != 0 && (changetype<Client>(r.current).flags & CLIENT_IMPORT_SOURCE) != 0;
}

/** True when the running client must not see this entry because its time has come. Removes nothing. */
export function isHidden(e: usize): bool {
  return isExpired(e) && !isImportSource();
}

/**
 * True when the key's time has come; it is removed then, unless a pause or an import holds removals back. A caller
 * that is going to write forces it: two entries of one key must never be.
 */
export function expireIfDue(db: Database, e: usize, force: bool): bool {
  if (!isExpired(e)) return false;
  if (isImportSource()) return false;
  if (!force && (root().importMode != 0 || isPaused())) return true;
  expireNow(db, e);
  return true;
}

/** True when a key that is given this expiry is to be deleted instead: an import leaves that to its source. */
export function alreadyExpired(expire: i64): bool {
  const r = root();
  return expire <= r.nowMs && r.importMode == 0;
}

// --- Look-up ---

function findLive(db: Database, key: usize, len: i32, force: bool): usize {
  const e = tableFind(db.keys, hashKey(key, len), key, len);
  return e != 0 && expireIfDue(db, e, force) ? 0 : e;
}

/** The entry of a key for reading, or 0: counts hits and misses, marks the access unless `quiet`. */
export function lookupRead(db: Database, key: usize, len: i32, quiet: bool): usize {
  const r = root();
  const e = findLive(db, key, len, false);
  if (e == 0) {
    r.statMisses++;
    notify(NOTIFY_KEY_MISS, "keymiss", key, len, db.id);
    return 0;
  }
  if (!quiet) entryTouch(e);
  r.statHits++;
  return e;
}

/** The entry of a key for writing, or 0: marks the access unless the client's leave no trace, counts nothing. */
export function lookupWrite(db: Database, key: usize, len: i32): usize {
  const e = findLive(db, key, len, true);
  if (e != 0 && !(changetype<Client>(root().current).flags & CLIENT_NO_TOUCH)) entryTouch(e);
  return e;
}

/** The entry of a key or 0, leaving no trace. An expired key is removed all the same. Not for writers. */
export function peek(db: Database, key: usize, len: i32): usize {
  return findLive(db, key, len, false);
}

/** The entry of a key or 0, whether its time has come or not. */
export function peekRaw(db: Database, key: usize, len: i32): usize {
  return tableFind(db.keys, hashKey(key, len), key, len);
}

// --- Change ---

/** Adds an entry whose key is absent; false (the entry is then still the caller's) when memory is exhausted. */
export function addEntry(db: Database, e: usize): bool {
  entrySetClock(e, clockInitial());
  const hash = hashKey(keyAddress(e), keyLength(e));
  if (!tableInsert(db.keys, hash, e)) return false;
  if (entryExpire(e) != NO_EXPIRE && !tableInsert(db.expires, hash, e)) {
    tableRemove(db.keys, hash, keyAddress(e), keyLength(e));
    return false;
  }
  if (!timersAttach(volatileKeys(db), e)) {
    tableRemove(db.keys, hash, keyAddress(e), keyLength(e));
    if (entryExpire(e) != NO_EXPIRE) tableRemove(db.expires, hash, keyAddress(e), keyLength(e));
    return false;
  }
  notify(NOTIFY_NEW, "new", keyAddress(e), keyLength(e), db.id);
  signalReady(db, keyAddress(e), keyLength(e));
  return true;
}

/**
 * Puts `fresh` in the place of `old`, which has the same key; `old` is freed with its value. False (nothing changed,
 * `fresh` still the caller's) when memory is exhausted.
 */
export function replaceEntry(db: Database, old: usize, fresh: usize): bool {
  const key = keyAddress(fresh);
  const len = keyLength(fresh);
  const hash = hashKey(key, len);
  const had = entryExpire(old) != NO_EXPIRE;
  const has = entryExpire(fresh) != NO_EXPIRE;
  if (has && !had && !tableInsert(db.expires, hash, fresh)) return false;
  if (!timersAttach(volatileKeys(db), fresh)) {
    if (has && !had) tableRemove(db.expires, hash, key, len);
    return false;
  }
  timersDetach(volatileKeys(db), old);
  if (had) {
    const slot = tableFindSlot(db.expires, hash, key, len);
    assert(slot != 0);
    if (has) store<u32>(slot, <u32>fresh);
    else tableRemoveSlot(db.expires, hash, slot);
  }
  const slot = tableFindSlot(db.keys, hash, key, len);
  assert(slot != 0);
  // As in Valkey, a key that is overwritten keeps its access history.
  entrySetClock(fresh, entryClock(old));
  store<u32>(slot, <u32>fresh);
  if (entryType(fresh) != TYPE_STRING) signalReady(db, key, len);
  else if (entryType(old) != TYPE_STRING) signalGone(db, key, len);
  dropEntry(old, LAZY_SERVER_DEL);
  return true;
}

/**
 * Sets or clears (NO_EXPIRE) a key's expiry. Returns the entry, which may have moved, or 0 (nothing changed) when
 * memory is exhausted.
 */
export function setExpire(db: Database, e: usize, expire: i64): usize {
  const had = entryExpire(e) != NO_EXPIRE;
  if (had && expire != NO_EXPIRE) {
    entrySetExpireInPlace(e, expire);
    return e;
  }
  if (!had && expire == NO_EXPIRE) return e;
  const key = keyAddress(e);
  const len = keyLength(e);
  const hash = hashKey(key, len);
  if (!had && !tableInsert(db.expires, hash, e)) return 0;
  const slot = tableFindSlot(db.keys, hash, key, len);
  const expireSlot = tableFindSlot(db.expires, hash, key, len);
  assert(slot != 0 && expireSlot != 0);
  if (had) {
    const plain = entryReshape(e, NO_EXPIRE, !isInline(e));
    if (plain == 0) return 0;
    tableRemoveSlot(db.expires, hash, expireSlot);
    store<u32>(slot, <u32>plain);
    timersMoved(plain);
    return plain;
  }
  const moved = entryReshape(e, expire, !isInline(e));
  if (moved == 0) {
    tableRemoveSlot(db.expires, hash, expireSlot);
    return 0;
  }
  store<u32>(slot, <u32>moved);
  store<u32>(expireSlot, <u32>moved);
  timersMoved(moved);
  // The expiry takes room from what Valkey calls embstr.
  if (entryType(moved) == TYPE_STRING && entryEncoding(moved) == ENCODING_EMBSTR) {
    entrySetEncoding(moved, stringEncoding(len, stringLength(moved), true));
  }
  return moved;
}

/** Takes a key out of the tables and returns its entry unfreed, or 0. The key's bytes may be the entry's own. */
export function detachEntry(db: Database, key: usize, len: i32): usize {
  const hash = hashKey(key, len);
  const slot = tableFindSlot(db.keys, hash, key, len);
  if (slot == 0) return 0;
  if (entryExpire(<usize>load<u32>(slot)) != NO_EXPIRE) tableRemove(db.expires, hash, key, len);
  signalGone(db, key, len);
  timersDetach(volatileKeys(db), <usize>load<u32>(slot));
  return tableRemoveSlot(db.keys, hash, slot);
}

function removeEntry(db: Database, hash: u64, key: usize, len: i32, occasion: u32): bool {
  const slot = tableFindSlot(db.keys, hash, key, len);
  if (slot == 0) return false;
  if (entryExpire(<usize>load<u32>(slot)) != NO_EXPIRE) tableRemove(db.expires, hash, key, len);
  signalGone(db, key, len);
  timersDetach(volatileKeys(db), <usize>load<u32>(slot));
  dropEntry(tableRemoveSlot(db.keys, hash, slot), occasion);
  return true;
}

/**
 * Deletes a key with its value; false when it is absent or had expired (it then goes as an expired one). `occasion`
 * (a LAZY_ bit) tells whether a large value is freed at once.
 */
export function deleteLive(db: Database, key: usize, len: i32, occasion: u32): bool {
  const hash = hashKey(key, len);
  const e = tableFind(db.keys, hash, key, len);
  if (e == 0) return false;
  if (isExpired(e) && root().importMode == 0 && !isPaused()) {
    expireNow(db, e);
    return false;
  }
  return removeEntry(db, hash, key, len, occasion);
}

/** Deletes a key with its value; false when it is absent. Does not look at expiry. `occasion`: a LAZY_ bit. */
export function deleteKey(db: Database, key: usize, len: i32, occasion: u32 = LAZY_SERVER_DEL): bool {
  return removeEntry(db, hashKey(key, len), key, len, occasion);
}

/** Databases of so many keys are emptied at once in any case. */
const FEW_KEYS: u64 = 1000;

/** Deletes every key of a database, a slice at a time when `later`; returns how many there were. Needs no memory. */
export function emptyDatabase(db: Database, later: bool): u64 {
  const count = <u64>tableSize(db.keys);
  touchDatabase(db, 0);
  tableFree(db.expires);
  volatileClear(volatileKeys(db));
  volatileClear(memberKeys(db));
  if (!later) tableDrain(db.keys, valueFree);
  else if (count <= FEW_KEYS || !dropTable(db.keys)) tableDrain(db.keys, dropLater);
  db.averageTtl = 0;
  db.expireCursor = 0;
  signalAll(db);
  return count;
}

function dropLater(e: usize): void {
  dropEntry(e, LAZY_ALWAYS);
}

/** Exchanges the contents of two databases. */
export function swapDatabases(a: Database, b: Database): void {
  if (a.id == b.id) return;
  touchDatabase(a, changetype<usize>(b));
  touchDatabase(b, changetype<usize>(a));
  const keys = a.keys;
  const expires = a.expires;
  const ttl = a.averageTtl;
  const cursor = a.expireCursor;
  const volatile = a.volatile;
  a.volatile = b.volatile;
  b.volatile = volatile;
  a.keys = b.keys;
  a.expires = b.expires;
  a.averageTtl = b.averageTtl;
  a.expireCursor = b.expireCursor;
  b.keys = keys;
  b.expires = expires;
  b.averageTtl = ttl;
  b.expireCursor = cursor;
  signalAll(a);
  signalAll(b);
}
