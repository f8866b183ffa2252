/**
 * Watched keys: which clients' transactions fail when a key changes.
 *
 *   watch, one a client and key, 24 bytes
 *   >0 u32 client · 4 u32 watched key · 8 u32 next, 12 u32 previous watch of the key · 16 u32 next of the client
 *   20 u32 database << 1 | 1 when the key's time was over already when it was watched
 *
 * A watched key is an element of its database's table `watched`, with the first watch of the key as payload; it exists
 * while somebody watches. A client that is marked watches nothing any more: it needs no telling twice.
 *
 * As in Valkey, a key that goes because its time is over was changed, unless it was over when the watch began.
 *
 * Costs: a change of a key is one look-up while anybody watches anything, else nothing (keyspace/events.ts).
 */
import { alloc, free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { Client, CLIENT_DIRTY_CAS } from "../resp/client";
import { Transaction, transactionOf } from "../resp/transaction";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, tableFind, tableInsert, tableRemove, tableSize } from "../structures/hashtable";
import { Database, database, isExpired, peekRaw } from "./database";
import { entryNew, entryPointer, entrySetPointer, NO_EXPIRE } from "./entry";
import { OBSERVE_WATCH, observe } from "./events";

const CLIENT: usize = 0;
const KEY: usize = 4;
const NEXT: usize = 8;
const PREVIOUS: usize = 12;
const CLIENT_NEXT: usize = 16;
const PLACE: usize = 20;
const WATCH_SIZE: usize = 24;
const WAS_EXPIRED: u32 = 1;

function field(w: usize, offset: usize): usize {
  return <usize>load<u32>(w + offset);
}

function setField(w: usize, offset: usize, value: usize): void {
  store<u32>(w + offset, <u32>value);
}

function databaseOf(w: usize): Database {
  return database(<i32>(load<u32>(w, PLACE) >> 1));
}

function isGone(db: Database, key: usize, len: i32): bool {
  return peekRaw(db, key, len) == 0;
}

function isOver(db: Database, key: usize, len: i32): bool {
  const e = peekRaw(db, key, len);
  return e != 0 && isExpired(e);
}

// --- Watching ---

/** The element of a watched key, made when there is none; 0 when memory is exhausted. */
function ensureElement(db: Database, key: usize, len: i32): usize {
  const hash = hashKey(key, len);
  const found = tableFind(db.watched, hash, key, len);
  if (found != 0) return found;
  const e = entryNew(key, len, 0, 0, NO_EXPIRE, -1);
  if (e == 0) return 0;
  if (tableInsert(db.watched, hash, e)) return e;
  free(e);
  return 0;
}

function trimElement(db: Database, e: usize): void {
  if (entryPointer(e) != 0) return;
  const key = keyAddress(e);
  const len = keyLength(e);
  tableRemove(db.watched, hashKey(key, len), key, len);
  free(e);
}

/** Lets the client watch a key of its database; again is no different. False when memory is exhausted. */
export function watchKey(c: Client, db: Database, key: usize, len: i32): bool {
  const t = transactionOf(c);
  const e = ensureElement(db, key, len);
  if (e == 0) return false;
  const head = entryPointer(e);
  for (let w = head; w != 0; w = field(w, NEXT)) if (field(w, CLIENT) == changetype<usize>(c)) return true;
  const w = alloc(WATCH_SIZE);
  if (w == 0) {
    trimElement(db, e);
    return false;
  }
  setField(w, CLIENT, changetype<usize>(c));
  setField(w, KEY, e);
  setField(w, NEXT, head);
  setField(w, PREVIOUS, 0);
  setField(w, CLIENT_NEXT, t.watches);
  store<u32>(w, (<u32>db.id << 1) | (isOver(db, key, len) ? WAS_EXPIRED : 0), PLACE);
  if (head != 0) setField(head, PREVIOUS, w);
  entrySetPointer(e, w);
  count(t, w);
  return true;
}

function count(t: Transaction, w: usize): void {
  const r = root();
  t.watches = w;
  t.watchCount++;
  r.watchCount++;
  r.clientsMemory += usableSize(w);
  if (t.watchCount == 1) r.watchingClients++;
  observe(OBSERVE_WATCH, true);
}

/** Ends every watch of a client. */
export function unwatchAll(c: Client): void {
  if (c.transaction == 0) return;
  const r = root();
  const t = transactionOf(c);
  if (t.watchCount == 0) return;
  let w = t.watches;
  while (w != 0) {
    const next = field(w, CLIENT_NEXT);
    const e = field(w, KEY);
    if (field(w, NEXT) != 0) setField(field(w, NEXT), PREVIOUS, field(w, PREVIOUS));
    if (field(w, PREVIOUS) != 0) setField(field(w, PREVIOUS), NEXT, field(w, NEXT));
    else entrySetPointer(e, field(w, NEXT));
    trimElement(databaseOf(w), e);
    r.clientsMemory -= usableSize(w);
    free(w);
    w = next;
  }
  r.watchCount -= <u32>t.watchCount;
  r.watchingClients--;
  t.watches = 0;
  t.watchCount = 0;
  if (r.watchCount == 0) observe(OBSERVE_WATCH, false);
}

/** True when a key's time has come since the client began to watch it. */
export function hasExpiredWatch(c: Client): bool {
  for (let w = transactionOf(c).watches; w != 0; w = field(w, CLIENT_NEXT)) {
    if (load<u32>(w, PLACE) & WAS_EXPIRED) continue;
    const e = field(w, KEY);
    if (isOver(databaseOf(w), keyAddress(e), keyLength(e))) return true;
  }
  return false;
}

/** How many keys are watched, in all databases. */
export function watchedKeys(): u32 {
  const r = root();
  let n: u32 = 0;
  for (let i = 0; i < r.databaseCount; i++) n += tableSize(database(i).watched);
  return n;
}

// --- Changes ---

/** A key was changed, or `removed`: it is gone or about to go. Marks the clients that watch it. */
export function touchKey(id: i32, key: usize, len: i32, removed: bool): void {
  const db = database(id);
  if (tableSize(db.watched) == 0) return;
  const e = tableFind(db.watched, hashKey(key, len), key, len);
  if (e == 0) return;
  let w = entryPointer(e);
  while (w != 0) {
    // A client watches a key once: what ends its watches leaves the next one here.
    const next = field(w, NEXT);
    const place = load<u32>(w, PLACE);
    if (place & WAS_EXPIRED) {
      if (!removed && !isGone(db, key, len)) return;
      // It was as good as gone before: nothing has changed.
      store<u32>(w, place & ~WAS_EXPIRED, PLACE);
    } else {
      const c = changetype<Client>(field(w, CLIENT));
      c.flags |= CLIENT_DIRTY_CAS;
      unwatchAll(c);
    }
    w = next;
  }
}

/** One watch of a key of `db`, whose keys are about to be replaced by those of `other` (0: by none). */
function touchWatch(w: usize, db: Database, other: usize): void {
  const e = field(w, KEY);
  const key = keyAddress(e);
  const len = keyLength(e);
  const exists = !isGone(db, key, len);
  const comes = other != 0 && !isGone(changetype<Database>(other), key, len);
  if (!exists && !comes) return;
  const comesOver = comes && isOver(changetype<Database>(other), key, len);
  const place = load<u32>(w, PLACE);
  if (place & WAS_EXPIRED) {
    if (!comes) {
      store<u32>(w, place & ~WAS_EXPIRED, PLACE);
      return;
    }
    if (comesOver) return;
  } else if (!exists && comesOver) {
    store<u32>(w, place | WAS_EXPIRED, PLACE);
    return;
  }
  changetype<Client>(field(w, CLIENT)).flags |= CLIENT_DIRTY_CAS;
}

/** All keys of `db` are about to go; those of the database at `other` (0: none) come in their place. */
export function touchDatabase(db: Database, other: usize): void {
  if (tableSize(db.watched) == 0) return;
  for (let c = root().firstClient; c != 0; c = changetype<Client>(c).next) {
    const client = changetype<Client>(c);
    if (client.transaction == 0) continue;
    for (let w = transactionOf(client).watches; w != 0; w = field(w, CLIENT_NEXT)) {
      if (databaseOf(w).id == db.id) touchWatch(w, db, other);
    }
  }
}
