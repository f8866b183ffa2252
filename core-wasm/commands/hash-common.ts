/**
 * What the hash commands share: look-up with the type checked, making and dropping a hash, replying a field or value.
 *
 * Not for handlers: those are in the other files hash*.ts.
 */
import { addEntry, Database, deleteKey, lookupWrite } from "../keyspace/database";
import {
  ENCODING_LISTPACK, entryNew, entryPointer, entrySetPointer, isInline, NO_EXPIRE, stringLength, stringPtr,
  TYPE_HASH,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_HASH } from "../keyspace/events";
import { free } from "../memory/allocator";
import { argLen, argPtr, root } from "../memory/root";
import { KEYS_TOUCHED, selectKey, touchKeys } from "../resp/batch";
import { Client, clientDb } from "../resp/client";
import { replyBlock, replyBulk, replyBulkInteger, replyError, replyNull } from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { lpInt, lpIsInt, lpNew, lpText, lpTextLength } from "../structures/listpack";
import { hashConvert, hashLength, hashTable, isListpack, listpackValue, tableField } from "../types/hash";
import { argI64, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";

/** What a look-up returns after it has replied WRONGTYPE: no address of an entry. */
export const NOT_A_HASH: usize = 1;
/** Bytes of a listpack without elements. */
export const LISTPACK_BYTES: i32 = 7;
export const BAD_FIELD_COUNT = "ERR numfields should be greater than 0 and match the provided number of fields";

// --- Look-up ---

function checked(c: Client, e: usize): usize {
  return isOfType(c, e, TYPE_HASH) ? e : NOT_A_HASH;
}

/** The hash in argument 1 for reading; 0 when it is absent, NOT_A_HASH after an error reply. */
export function readHash(c: Client): usize {
  return checked(c, readKey(c, 1));
}

/** The hash in argument 1 for writing; 0 when it is absent, NOT_A_HASH after an error reply. */
export function writeHash(c: Client): usize {
  return checked(c, lookupWrite(clientDb(c), argPtr(1), argLen(1)));
}

/** Adds an empty hash under the key in argument 1, with room for `room` bytes. Its entry, or 0 without memory. */
export function createHash(db: Database, room: i32): usize {
  const lp = lpNew(room);
  if (lp == 0) return 0;
  const e = entryNew(argPtr(1), argLen(1), TYPE_HASH, ENCODING_LISTPACK, NO_EXPIRE, -1);
  if (e != 0) {
    entrySetPointer(e, lp);
    if (addEntry(db, e)) return e;
    free(e);
  }
  free(lp);
  return 0;
}

/**
 * Turns a listpack into a table when the field-value pairs in arguments [first, end) would not fit it. False (nothing
 * changed) when memory is exhausted.
 */
export function makeRoom(e: usize, first: i32, end: i32): bool {
  if (!isListpack(e)) return true;
  const r = root();
  const fields = (end - first) >> 1;
  if (fields > r.hashMaxListpackEntries) return hashConvert(e, fields);
  for (let i = first; i < end; i++) if (argLen(i) > r.hashMaxListpackValue) return hashConvert(e, 0);
  return true;
}

/** Deletes the key in argument 1 when its hash has no field left, with the event. True when it went. */
export function dropIfEmpty(db: Database, e: usize): bool {
  if (hashLength(e) != 0) return false;
  deleteKey(db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), db.id);
  return true;
}

/** Tells that fields of the hash in argument 1 whose time had come have been set anew: they count as expired. */
export function tellRevived(db: Database, fields: i32): void {
  if (fields == 0) return;
  root().statExpiredFields += fields;
  notify(NOTIFY_HASH, "hexpired", argPtr(1), argLen(1), db.id);
}

/** Tells that `n` fields of the hash in argument 1 were deleted, which may leave it empty. */
export function tellDeleted(db: Database, e: usize, n: i32): void {
  if (n == 0) return;
  changed(n);
  notify(NOTIFY_HASH, "hdel", argPtr(1), argLen(1), db.id);
  dropIfEmpty(db, e);
}

// --- Arguments ---

/**
 * Reads "FIELDS numfields field ..." at argument i, `each` arguments a field, up to the last argument. False after the
 * error reply, `mismatch` when numbers differ.
 */
export function readFieldCount(c: Client, i: i32, each: i32, mismatch: string = BAD_FIELD_COUNT): bool {
  if (!argI64(c, i + 1)) return false;
  const count = root().number;
  const given = root().argc - i - 2;
  if (count > 0 && count <= <i64>given && count * each == <i64>given) return true;
  replyError(c, mismatch);
  return false;
}

/** Index of the word from argument `first` on, with an argument behind it; 0 when there is none. */
export function findFields(first: i32, word: string = "FIELDS"): i32 {
  const end = root().argc - 1;
  for (let i = first; i < end; i++) if (argIs(i, word)) return i;
  return 0;
}

/** The error for a number of fields that is missing, below 1, or not what follows. */
export function replyNumFields(c: Client): void {
  replyError(c, BAD_FIELD_COUNT);
}

// --- Look-ahead ---

/**
 * For a command of many fields, before the one in argument i is looked up: touches what it and the next ones need when
 * they are in a table, and lets hashKey() know their hashes. Takes and returns the number within the group, 0 at first.
 * The command ends with forgetKey().
 */
export function aheadOfField(e: usize, i: i32, end: i32, step: i32, k: i32): i32 {
  if (k == 0) {
    if (i + step >= end || e == 0 || isListpack(e)) return 0;
    touchKeys(hashTable(e), i, end, step);
  }
  selectKey(i, k);
  return k + 1 == KEYS_TOUCHED ? 0 : k + 1;
}

// --- Replies ---

/** Replies an element of a listpack. */
export function replyListpack(c: Client, p: usize): void {
  if (lpIsInt(p)) replyBulkInteger(c, lpInt(p));
  else replyBulk(c, lpText(p), lpTextLength(p));
}

/** Replies the value of a table's field. */
export function replyTableValue(c: Client, f: usize): void {
  if (isInline(f)) replyBulk(c, stringPtr(f), stringLength(f));
  else replyBlock(c, stringPtr(f), stringLength(f));
}

/** Replies the name of a table's field. */
export function replyTableField(c: Client, f: usize): void {
  replyBulk(c, keyAddress(f), keyLength(f));
}

/** Replies the value of the field in argument i of a hash (0: there is none), or null. */
export function replyFieldAt(c: Client, e: usize, i: i32): void {
  if (e == 0) {
    replyNull(c);
  } else if (isListpack(e)) {
    const p = listpackValue(entryPointer(e), argPtr(i), argLen(i));
    if (p != 0) replyListpack(c, p);
    else replyNull(c);
  } else {
    const f = tableField(e, argPtr(i), argLen(i));
    if (f != 0) replyTableValue(c, f);
    else replyNull(c);
  }
}
