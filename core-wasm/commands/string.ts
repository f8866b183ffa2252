/**
 * Commands of strings: parse, look up, change, reply. The values themselves are types/string.ts's business.
 */
import { clientDb } from "../resp/client";
import { lookupRead, lookupWrite, deleteKey } from "../keyspace/database";
import { entryExpire, entryInteger, entryType, isInteger, NO_EXPIRE, TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_STRING } from "../keyspace/events";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, CLIENT_NO_TOUCH } from "../resp/client";
import { NOT_INTEGER, OVERFLOW } from "../resp/errors";
import {
  replyBulk, replyBulkInteger, replyError, replyInteger, replyNull, replyOk, replyOutOfMemory, replyWrongType,
} from "../resp/reply";
import { parseI64 } from "../bytes/integer";
import { setInteger, setString, stringSize, stringView } from "../types/string";
import { argExpire, argI64, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import {
  argEquals, OPTION_ERROR, OPTION_EXPIRE, OPTION_EX, OPTION_EXAT, OPTION_GET, OPTION_IFEQ, OPTION_KEEPTTL, OPTION_NX,
  OPTION_PX, OPTION_PXAT, OPTION_XX, optionValue, readExpire, readOptions,
} from "./string-options";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const SET_OPTIONS: u32 = OPTION_NX | OPTION_XX | OPTION_IFEQ | OPTION_GET | OPTION_EX | OPTION_PX | OPTION_EXAT |
  OPTION_PXAT | OPTION_KEEPTTL;

// --- Shared steps ---

/** Looks argument i up for reading, as this client does it: without a trace under CLIENT NO-TOUCH. */
export function readKey(c: Client, i: i32): usize {
  return lookupRead(clientDb(c), argPtr(i), argLen(i), (c.flags & CLIENT_NO_TOUCH) != 0);
}

export function replyString(c: Client, e: usize): void {
  if (isInteger(e)) replyBulkInteger(c, entryInteger(e));
  else replyBulk(c, stringView(e), stringSize(e));
}

/** Replies a key's string or null; false after a type error. */
function replyGet(c: Client): bool {
  const e = readKey(c, 1);
  if (e == 0) {
    replyNull(c);
    return true;
  }
  if (entryType(e) != TYPE_STRING) {
    replyWrongType(c);
    return false;
  }
  replyString(c, e);
  return true;
}

// --- GET and SET ---

/** GET key */
export function getCommand(c: Client): void {
  replyGet(c);
}

function replyNotSet(c: Client, options: u32, asInteger: bool): void {
  if (options & OPTION_GET) return;
  if (asInteger) replyInteger(c, 0);
  else replyNull(c);
}

/** True when the key's state allows the change; replies when it does not. */
function conditionHolds(c: Client, e: usize, options: u32, compare: i32, asInteger: bool): bool {
  if (options & OPTION_IFEQ && e != 0) {
    if (entryType(e) != TYPE_STRING) {
      if (!(options & OPTION_GET)) replyWrongType(c);
      return false;
    }
    if (argEquals(compare, stringView(e), stringSize(e))) return true;
  } else if (!(options & (OPTION_NX | OPTION_XX | OPTION_IFEQ))) {
    return true;
  } else if ((options & OPTION_NX && e == 0) || (options & OPTION_XX && e != 0)) {
    return true;
  }
  replyNotSet(c, options, asInteger);
  return false;
}

/**
 * The change behind SET, SETNX, SETEX, PSETEX: `value` and `compare` are argument numbers; with an expiry option
 * root.number holds the time.
 */
function setGeneric(c: Client, options: u32, value: i32, compare: i32, asInteger: bool): void {
  const r = root();
  let expire = options & OPTION_EXPIRE ? r.number : NO_EXPIRE;
  if (options & OPTION_GET && !replyGet(c)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (options & (OPTION_NX | OPTION_XX | OPTION_IFEQ) && !conditionHolds(c, e, options, compare, asInteger)) return;
  if (expire != NO_EXPIRE && expire <= r.nowMs) {
    // The time has passed already: the key is gone at once.
    if (e != 0) {
      deleteKey(db, key, keyLen);
      notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
      changed(1);
    }
  } else {
    if (options & OPTION_KEEPTTL && e != 0) expire = entryExpire(e);
    if (!setString(db, e, key, keyLen, argPtr(value), argLen(value), expire)) {
      replyOutOfMemory(c);
      return;
    }
    changed(1);
    notify(NOTIFY_STRING, "set", key, keyLen, db.id);
    if (options & OPTION_EXPIRE) notify(NOTIFY_GENERIC, "expire", key, keyLen, db.id);
  }
  if (options & OPTION_GET) return;
  if (asInteger) replyInteger(c, 1);
  else replyOk(c);
}

/** SET key value [NX | XX | IFEQ value] [GET] [EX | PX | EXAT | PXAT time | KEEPTTL] */
export function setCommand(c: Client): void {
  const end = argc();
  if (end == 3) {
    setGeneric(c, 0, 2, 0, false);
    return;
  }
  const options = readOptions(c, 3, end, SET_OPTIONS);
  if (options & OPTION_ERROR) return;
  if (options & OPTION_EXPIRE && !readExpire(c, 3, end, options)) return;
  setGeneric(c, options, 2, options & OPTION_IFEQ ? optionValue(3, end, OPTION_IFEQ) : 0, false);
}

/** SETNX key value */
export function setnxCommand(c: Client): void {
  setGeneric(c, OPTION_NX, 2, 0, true);
}

/** SETEX key seconds value */
export function setexCommand(c: Client): void {
  if (argExpire(c, 2, UNIT_SECONDS, false)) setGeneric(c, OPTION_EX, 3, 0, false);
}

/** PSETEX key milliseconds value */
export function psetexCommand(c: Client): void {
  if (argExpire(c, 2, UNIT_MILLISECONDS, false)) setGeneric(c, OPTION_PX, 3, 0, false);
}

// --- Counters ---

function increment(c: Client, by: i64): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  let value: i64 = 0;
  if (e != 0) {
    if (entryType(e) != TYPE_STRING) {
      replyWrongType(c);
      return;
    }
    if (isInteger(e)) {
      value = entryInteger(e);
    } else if (parseI64(stringView(e), stringSize(e), NUMBER)) {
      value = root().number;
    } else {
      replyError(c, NOT_INTEGER);
      return;
    }
  }
  if ((by < 0 && value < i64.MIN_VALUE - by) || (by > 0 && value > i64.MAX_VALUE - by)) {
    replyError(c, OVERFLOW);
    return;
  }
  value += by;
  if (!setInteger(db, e, key, keyLen, value, e != 0 ? entryExpire(e) : NO_EXPIRE)) {
    replyOutOfMemory(c);
    return;
  }
  changed(1);
  notify(NOTIFY_STRING, "incrby", key, keyLen, db.id);
  replyInteger(c, value);
}

/** INCR key */
export function incrCommand(c: Client): void {
  increment(c, 1);
}

/** DECR key */
export function decrCommand(c: Client): void {
  increment(c, -1);
}

/** INCRBY key increment */
export function incrbyCommand(c: Client): void {
  if (argI64(c, 2, NOT_INTEGER)) increment(c, root().number);
}

/** DECRBY key decrement */
export function decrbyCommand(c: Client): void {
  if (!argI64(c, 2, NOT_INTEGER)) return;
  if (root().number == i64.MIN_VALUE) replyError(c, "ERR decrement would overflow");
  else increment(c, -root().number);
}
