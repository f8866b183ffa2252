/**
 * Commands on keys of any type: removing, renaming, moving, copying, looking which there are.
 *
 * Not for expiry (generic-expire.ts), for walks over the keyspace (generic-scan.ts), or for what a value is like inside
 * (object.ts, memory.ts).
 */
import { equalBytes } from "../bytes/compare";
import { clockInitial } from "../keyspace/clock";
import {
  addEntry, Database, database, deleteLive, detachEntry, expireIfDue, lookupRead, lookupWrite, replaceEntry,
} from "../keyspace/database";
import { entryExpire, entryRekey, entrySetClock, entryType } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_NEW } from "../keyspace/events";
import { LAZY_ALWAYS } from "../keyspace/lazyfree";
import { free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { LAZY_USER_DEL } from "../memory/settings";
import { Client, CLIENT_NO_TOUCH, clientDb } from "../resp/client";
import { BAD_DB_INDEX, NO_KEY } from "../resp/errors";
import {
  replyBulk, replyError, replyInteger, replyNull, replyOk, replyOutOfMemory, replySimple, replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { tableRandom, tableSize } from "../structures/hashtable";
import { typeName, valueCopy, valueFree } from "../types/value";
import { argInt, argIs } from "./arguments";

const SAME_OBJECT = "ERR source and destination objects are the same";
/** Tries to find a key that has not expired, in a database where expired keys may not be removed now. */
const RANDOM_TRIES: i32 = 100;

function sameArguments(i: i32, j: i32): bool {
  return argLen(i) == argLen(j) && equalBytes(argPtr(i), argPtr(j), argLen(i));
}

// --- Removing and counting ---

/** Removes the keys that the arguments name; `occasion` (a LAZY_ bit) tells whether large values go at once. */
function remove(c: Client, occasion: u32): void {
  const db = clientDb(c);
  let removed = 0;
  for (let i = 1; i < argc(); i++) {
    const key = argPtr(i);
    const len = argLen(i);
    if (!deleteLive(db, key, len, occasion)) continue;
    removed++;
    changed(1);
    notify(NOTIFY_GENERIC, "del", key, len, db.id);
  }
  replyInteger(c, removed);
}

/** DEL key [key ...] */
export function delCommand(c: Client): void {
  remove(c, LAZY_USER_DEL);
}

/** UNLINK key [key ...] */
export function unlinkCommand(c: Client): void {
  remove(c, LAZY_ALWAYS);
}

/** EXISTS key [key ...] */
export function existsCommand(c: Client): void {
  const db = clientDb(c);
  let found = 0;
  for (let i = 1; i < argc(); i++) if (lookupRead(db, argPtr(i), argLen(i), true) != 0) found++;
  replyInteger(c, found);
}

/** TOUCH key [key ...] */
export function touchCommand(c: Client): void {
  const db = clientDb(c);
  let found = 0;
  // The one command that touches for a client with CLIENT NO-TOUCH too.
  for (let i = 1; i < argc(); i++) if (lookupRead(db, argPtr(i), argLen(i), false) != 0) found++;
  replyInteger(c, found);
}

/** TYPE key */
export function typeCommand(c: Client): void {
  const e = lookupRead(clientDb(c), argPtr(1), argLen(1), true);
  replySimple(c, e == 0 ? "none" : typeName(entryType(e)));
}

/** RANDOMKEY */
export function randomkeyCommand(c: Client): void {
  const db = clientDb(c);
  for (let tries = 1; ; tries++) {
    const e = tableRandom(db.keys);
    if (e == 0) {
      replyNull(c);
      return;
    }
    const allExpire = tableSize(db.keys) == tableSize(db.expires);
    if (expireIfDue(db, e, false) && !(allExpire && tries >= RANDOM_TRIES)) continue;
    replyBulk(c, keyAddress(e), keyLength(e));
    return;
  }
}

// --- Renaming ---

/**
 * Adds `fresh` under its key, or puts it in the place of `old`: a new key in any case, its access clock included. False
 * (nothing changed) when memory is exhausted.
 */
export function putEntry(db: Database, old: usize, fresh: usize): bool {
  if (old == 0) return addEntry(db, fresh);
  if (!replaceEntry(db, old, fresh)) return false;
  entrySetClock(fresh, clockInitial());
  notify(NOTIFY_NEW, "new", keyAddress(fresh), keyLength(fresh), db.id);
  return true;
}

/** Gives the entry `e` of argument 1 the key in argument 2; false (nothing changed) when memory is exhausted. */
function rename(db: Database, e: usize, old: usize): bool {
  const fresh = entryRekey(e, argPtr(2), argLen(2));
  if (fresh == 0) return false;
  if (!putEntry(db, old, fresh)) {
    free(fresh);
    return false;
  }
  // The value is the new entry's now, so the old one goes without it.
  free(detachEntry(db, argPtr(1), argLen(1)));
  return true;
}

function renameGeneric(c: Client, onlyNew: bool): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (e == 0) {
    replyError(c, NO_KEY);
    return;
  }
  if (!sameArguments(1, 2)) {
    const old = lookupWrite(db, argPtr(2), argLen(2));
    if (old != 0 && onlyNew) {
      replyInteger(c, 0);
      return;
    }
    if (!rename(db, e, old)) {
      replyOutOfMemory(c);
      return;
    }
    notify(NOTIFY_GENERIC, "rename_from", argPtr(1), argLen(1), db.id);
    notify(NOTIFY_GENERIC, "rename_to", argPtr(2), argLen(2), db.id);
    changed(1);
  } else if (onlyNew) {
    replyInteger(c, 0);
    return;
  }
  if (onlyNew) replyInteger(c, 1);
  else replyOk(c);
}

/** RENAME key newkey */
export function renameCommand(c: Client): void {
  renameGeneric(c, false);
}

/** RENAMENX key newkey */
export function renamenxCommand(c: Client): void {
  renameGeneric(c, true);
}

// --- Between databases ---

/** Reads argument i as a database's number into root.number; replies and returns false when there is none such. */
function argDatabase(c: Client, i: i32): bool {
  if (!argInt(c, i)) return false;
  const index = root().number;
  if (index >= 0 && index < <i64>root().databaseCount) return true;
  replyError(c, BAD_DB_INDEX);
  return false;
}

/** MOVE key db */
export function moveCommand(c: Client): void {
  if (!argDatabase(c, 2)) return;
  const from = clientDb(c);
  const to = database(<i32>root().number);
  if (from.id == to.id) {
    replyError(c, SAME_OBJECT);
    return;
  }
  const key = argPtr(1);
  const len = argLen(1);
  const e = lookupWrite(from, key, len);
  if (e == 0 || lookupWrite(to, key, len) != 0) {
    replyInteger(c, 0);
    return;
  }
  // For a moment the entry is in both; so nothing is lost when the second has no memory for it.
  if (!addEntry(to, e)) {
    replyOutOfMemory(c);
    return;
  }
  detachEntry(from, key, len);
  notify(NOTIFY_GENERIC, "move_from", key, len, from.id);
  notify(NOTIFY_GENERIC, "move_to", key, len, to.id);
  changed(1);
  replyInteger(c, 1);
}

/** Puts a copy of `e` into `to` under the key in argument 2, in the place of `old`; false when memory is exhausted. */
function copyTo(to: Database, e: usize, old: usize): bool {
  const fresh = valueCopy(e, argPtr(2), argLen(2), entryExpire(e));
  if (fresh == 0) return false;
  if (putEntry(to, old, fresh)) return true;
  valueFree(fresh);
  return false;
}

/** COPY source destination [DB destination-db] [REPLACE] */
export function copyCommand(c: Client): void {
  const from = clientDb(c);
  let to = from;
  let replace = false;
  for (let i = 3; i < argc(); i++) {
    if (argIs(i, "REPLACE")) {
      replace = true;
    } else if (argIs(i, "DB") && i + 1 < argc()) {
      if (!argDatabase(c, ++i)) return;
      to = database(<i32>root().number);
    } else {
      replySyntax(c);
      return;
    }
  }
  if (from.id == to.id && sameArguments(1, 2)) {
    replyError(c, SAME_OBJECT);
    return;
  }
  const e = lookupRead(from, argPtr(1), argLen(1), (c.flags & CLIENT_NO_TOUCH) != 0);
  const old = e != 0 ? lookupWrite(to, argPtr(2), argLen(2)) : 0;
  if (e == 0 || (old != 0 && !replace)) {
    replyInteger(c, 0);
    return;
  }
  if (!copyTo(to, e, old)) {
    replyOutOfMemory(c);
    return;
  }
  notify(NOTIFY_GENERIC, "copy_to", argPtr(2), argLen(2), to.id);
  changed(1);
  replyInteger(c, 1);
}
