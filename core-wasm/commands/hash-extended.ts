/**
 * Commands that do two things to fields of a hash at once: set them with an expiry (HSETEX), read them and set their
 * expiry (HGETEX), read them and delete them (HGETDEL).
 *
 * An expiry that has passed already deletes the fields, as if they had expired.
 */
import { alreadyExpired, Database, deleteKey } from "../keyspace/database";
import { NO_EXPIRE } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_HASH, NOTIFY_NEW } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { replyArray, replyInteger, replyOutOfMemory, replySyntax } from "../resp/reply";
import {
  FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_TIMED, HASH_NO_MEMORY, HASH_REVIVED, hashDelete, hashHas, hashPersist, hashSet,
  hashSetExpire,
} from "../types/hash";
import { argIs } from "./arguments";
import {
  createHash, dropIfEmpty, findFields, LISTPACK_BYTES, NOT_A_HASH, readFieldCount, readHash, replyFieldAt,
  replyNumFields, tellDeleted, tellRevived, writeHash,
} from "./hash-common";
import { retractWithoutMemory } from "./member-expire";
import {
  OPTION_ERROR, OPTION_EXPIRE, OPTION_FIELD_CONDITION, OPTION_FXX, OPTION_KEEPTTL, OPTION_NX,
  OPTION_PERSIST, OPTION_XX, readExpire, readOptions,
} from "./string-options";

const HSETEX_OPTIONS: u32 = OPTION_NX | OPTION_XX | OPTION_FIELD_CONDITION | OPTION_EXPIRE | OPTION_KEEPTTL;
const HGETEX_OPTIONS: u32 = OPTION_EXPIRE | OPTION_PERSIST;

// --- HSETEX ---

/** True when the conditions on fields hold for a hash (0: the key is absent). */
function fieldsAllow(e: usize, first: i32, end: i32, options: u32): bool {
  if (e == 0) return !(options & OPTION_FXX);
  for (let i = first; i < end; i += 2) {
    if (hashHas(e, argPtr(i), argLen(i)) != ((options & OPTION_FXX) != 0)) return false;
  }
  return true;
}

/** Sets the pairs in arguments [first, end); replies and returns false when memory is exhausted. */
function setFields(c: Client, e: usize, first: i32, end: i32, expire: i64, keep: bool): bool {
  const db = clientDb(c);
  const absent = e == 0;
  if (absent) e = createHash(db, LISTPACK_BYTES);
  let revived = 0;
  let i = first;
  for (; e != 0 && i < end; i += 2) {
    const code = hashSet(db, e, argPtr(i), argLen(i), argPtr(i + 1), argLen(i + 1), expire, keep);
    if (code == HASH_NO_MEMORY) break;
    if (code == HASH_REVIVED) revived++;
  }
  if (i == first) {
    if (e != 0 && absent) deleteKey(db, argPtr(1), argLen(1));
  } else {
    tellRevived(db, revived);
    changed((i - first) >> 1);
    notify(NOTIFY_HASH, "hset", argPtr(1), argLen(1), db.id);
    if (expire != NO_EXPIRE) notify(NOTIFY_HASH, "hexpire", argPtr(1), argLen(1), db.id);
  }
  if (i == end) return true;
  replyOutOfMemory(c);
  return false;
}

/** What HSETEX does when its expiry has passed: the fields go, and all events are told. */
function setAndExpire(db: Database, e: usize, first: i32, end: i32): void {
  let deleted = 0;
  for (let i = first; i < end; i += 2) {
    if (e != 0 && hashDelete(e, argPtr(i), argLen(i), true)) deleted++;
    root().statExpiredFields++;
  }
  changed(deleted);
  const key = argPtr(1);
  const len = argLen(1);
  if (e == 0) notify(NOTIFY_NEW, "new", key, len, db.id);
  notify(NOTIFY_HASH, "hset", key, len, db.id);
  notify(NOTIFY_HASH, "hexpire", key, len, db.id);
  notify(NOTIFY_HASH, "hexpired", key, len, db.id);
  if (e == 0) notify(NOTIFY_GENERIC, "del", key, len, db.id);
  else dropIfEmpty(db, e);
}

/** HSETEX key [NX | XX] [FNX | FXX] [EX | PX | EXAT | PXAT time | KEEPTTL] FIELDS numfields field value [...] */
export function hsetexCommand(c: Client): void {
  const at = findFields(1);
  if (at == 0) {
    replyNumFields(c);
    return;
  }
  const options = readOptions(c, 2, at, HSETEX_OPTIONS);
  if (options & OPTION_ERROR || !readFieldCount(c, at, 2)) return;
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  if ((options & OPTION_NX && e != 0) || (options & OPTION_XX && e == 0)) {
    replyInteger(c, 0);
    return;
  }
  if (options & OPTION_EXPIRE && !readExpire(c, 2, at, options, 0)) return;
  const expire = options & OPTION_EXPIRE ? root().number : NO_EXPIRE;
  const first = at + 2;
  const end = argc();
  if (options & OPTION_FIELD_CONDITION && !fieldsAllow(e, first, end, options)) {
    replyInteger(c, 0);
    return;
  }
  if (expire != NO_EXPIRE && alreadyExpired(expire)) {
    setAndExpire(clientDb(c), e, first, end);
  } else if (!setFields(c, e, first, end, expire, (options & OPTION_KEEPTTL) != 0)) {
    return;
  }
  replyInteger(c, 1);
}

// --- HGETEX ---

/** Changes the field in argument i as the options say; FIELD_TIMED: it changed. `past`: `expire` has passed. */
function touchField(db: Database, e: usize, i: i32, options: u32, expire: i64, past: bool): i32 {
  const field = argPtr(i);
  const len = argLen(i);
  if (options & OPTION_PERSIST) return hashPersist(e, field, len);
  if (!(options & OPTION_EXPIRE)) return FIELD_ABSENT;
  if (!past) return hashSetExpire(db, e, field, len, expire);
  if (!hashDelete(e, field, len, false)) return FIELD_ABSENT;
  root().statExpiredFields++;
  return FIELD_TIMED;
}

/** HGETEX key [EX | PX | EXAT | PXAT time | PERSIST] FIELDS numfields field [field ...] */
export function hgetexCommand(c: Client): void {
  const at = findFields(1);
  if (at == 0) {
    replyNumFields(c);
    return;
  }
  const options = readOptions(c, 2, at, HGETEX_OPTIONS);
  if (options & OPTION_ERROR || !readFieldCount(c, at, 1)) return;
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  if (options & OPTION_EXPIRE && !readExpire(c, 2, at, options, 0)) return;
  const expire = options & OPTION_EXPIRE ? root().number : NO_EXPIRE;
  const past = expire != NO_EXPIRE && alreadyExpired(expire);
  const db = clientDb(c);
  const before = c.outBytes;
  const end = argc();
  let changes = 0;
  let code = 0;
  replyArray(c, end - at - 2);
  for (let i = at + 2; i < end && code != FIELD_NO_MEMORY; i++) {
    replyFieldAt(c, e, i);
    code = e == 0 ? FIELD_ABSENT : touchField(db, e, i, options, expire, past);
    if (code == FIELD_TIMED) changes++;
  }
  if (changes != 0) {
    changed(changes);
    const event = past ? "hexpired" : options & OPTION_PERSIST ? "hpersist" : "hexpire";
    notify(NOTIFY_HASH, event, argPtr(1), argLen(1), db.id);
    dropIfEmpty(db, e);
  }
  retractWithoutMemory(c, code, before);
}

// --- HGETDEL ---

/** HGETDEL key FIELDS numfields field [field ...] */
export function hgetdelCommand(c: Client): void {
  if (!argIs(2, "FIELDS")) {
    replySyntax(c);
    return;
  }
  if (!readFieldCount(c, 2, 1)) return;
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  const end = argc();
  let deleted = 0;
  replyArray(c, end - 4);
  for (let i = 4; i < end; i++) {
    replyFieldAt(c, e, i);
    if (e != 0 && hashDelete(e, argPtr(i), argLen(i), false)) deleted++;
  }
  if (e != 0) tellDeleted(clientDb(c), e, deleted);
}
