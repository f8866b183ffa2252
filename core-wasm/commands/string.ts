/**
 * Commands that read, set and delete one whole string: parse, look up, change, reply. The values themselves are
 * types/string.ts's business; parts of strings are string-range.ts's, numbers string-number.ts's, many keys
 * string-multi.ts's.
 */
import { alreadyExpired, Database, deleteKey, lookupWrite, setExpire } from "../keyspace/database";
import {
  entryExpire, entryInteger, entryType, isInline, isInteger, NO_EXPIRE, stringLength, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_EXPIRED, NOTIFY_GENERIC, NOTIFY_STRING } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb, retractOutput } from "../resp/client";
import {
  replyBlock, replyBulk, replyBulkInteger, replyInteger, replyNull, replyOk, replyOutOfMemory, replyWrongType,
} from "../resp/reply";
import { setString, stringEquals, stringSize } from "../types/string";
import { argTime, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { checkComparison, comparisonHolds } from "./string-compare";
import {
  OPTION_COMPARE, OPTION_CONDITION, OPTION_ERROR, OPTION_EXPIRE, OPTION_EX, OPTION_EXAT, OPTION_GET, OPTION_KEEPTTL,
  OPTION_NX, OPTION_PERSIST, OPTION_PX, OPTION_PXAT, OPTION_XX, optionValue, readExpire, readOptions,
} from "./string-options";

const SET_OPTIONS: u32 = OPTION_CONDITION | OPTION_GET | OPTION_EXPIRE | OPTION_KEEPTTL;
const GETEX_OPTIONS: u32 = OPTION_EXPIRE | OPTION_PERSIST;

// --- Shared steps ---

/** Replies a string entry's bytes. */
export function replyString(c: Client, e: usize): void {
  if (isInteger(e)) replyBulkInteger(c, entryInteger(e));
  else if (isInline(e)) replyBulk(c, stringPtr(e), stringLength(e));
  else replyBlock(c, stringPtr(e), stringLength(e));
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

/** Removes a key whose new expiry has passed already, which is an expiry like any other. */
export function expireAtOnce(db: Database, key: usize, keyLen: i32): void {
  deleteKey(db, key, keyLen);
  changed(1);
  root().statExpired++;
  notify(NOTIFY_EXPIRED, "expired", key, keyLen, db.id);
}

// --- SET and its relatives ---

function replyNotSet(c: Client, options: u32, asInteger: bool): void {
  if (options & OPTION_GET) return;
  if (asInteger) replyInteger(c, 0);
  else replyNull(c);
}

/** True when the key's state allows the change; replies when it does not. `compare`: argument to compare with. */
function conditionHolds(c: Client, e: usize, options: u32, compare: i32, asInteger: bool): bool {
  if (options & OPTION_COMPARE) {
    if (!isOfType(c, e, TYPE_STRING)) return false;
    if (comparisonHolds(e, options, compare)) return true;
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
  const before = c.outBytes;
  if (options & OPTION_GET && !replyGet(c)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (options & OPTION_CONDITION && !conditionHolds(c, e, options, compare, asInteger)) return;
  if (expire != NO_EXPIRE && alreadyExpired(expire)) {
    if (e != 0) expireAtOnce(db, key, keyLen);
  } else {
    if (options & OPTION_KEEPTTL && e != 0) expire = entryExpire(e);
    if (!setString(db, e, key, keyLen, argPtr(value), argLen(value), expire)) {
      retractOutput(c, before);
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

/**
 * SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET]
 *   [EX | PX | EXAT | PXAT time | KEEPTTL]
 */
export function setCommand(c: Client): void {
  const end = argc();
  if (end == 3) {
    setGeneric(c, 0, 2, 0, false);
    return;
  }
  const options = readOptions(c, 3, end, SET_OPTIONS);
  if (options & OPTION_ERROR) return;
  const compare = options & OPTION_COMPARE ? optionValue(3, end, OPTION_COMPARE) : 0;
  if (!checkComparison(c, options, compare)) return;
  if (options & OPTION_EXPIRE && !readExpire(c, 3, end, options)) return;
  setGeneric(c, options, 2, compare, false);
}

/** SETNX key value */
export function setnxCommand(c: Client): void {
  setGeneric(c, OPTION_NX, 2, 0, true);
}

/** SETEX key seconds value */
export function setexCommand(c: Client): void {
  if (argTime(c, 2, UNIT_SECONDS, root().nowMs, 1)) setGeneric(c, OPTION_EX, 3, 0, false);
}

/** PSETEX key milliseconds value */
export function psetexCommand(c: Client): void {
  if (argTime(c, 2, UNIT_MILLISECONDS, root().nowMs, 1)) setGeneric(c, OPTION_PX, 3, 0, false);
}

/** GETSET key value */
export function getsetCommand(c: Client): void {
  const before = c.outBytes;
  if (!replyGet(c)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!setString(db, e, key, keyLen, argPtr(2), argLen(2), NO_EXPIRE)) {
    retractOutput(c, before);
    replyOutOfMemory(c);
    return;
  }
  changed(1);
  notify(NOTIFY_STRING, "set", key, keyLen, db.id);
}

// --- GET and its relatives ---

/** GET key */
export function getCommand(c: Client): void {
  replyGet(c);
}

/** STRLEN key */
export function strlenCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_STRING)) replyInteger(c, e == 0 ? 0 : <i64>stringSize(e));
}

/** Deletes the key in argument 1, which is there, as a command does. */
function deleteNamed(c: Client): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  deleteKey(db, key, keyLen);
  changed(1);
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
}

/** GETDEL key */
export function getdelCommand(c: Client): void {
  const e = readKey(c, 1);
  if (e == 0) {
    replyNull(c);
  } else if (isOfType(c, e, TYPE_STRING)) {
    replyString(c, e);
    deleteNamed(c);
  }
}

/** DELIFEQ key value */
export function delifeqCommand(c: Client): void {
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_STRING)) return;
  if (e == 0 || !stringEquals(e, argPtr(2), argLen(2))) {
    replyInteger(c, 0);
    return;
  }
  deleteNamed(c);
  replyInteger(c, 1);
}

/** GETEX key [EX | PX | EXAT | PXAT time | PERSIST] */
export function getexCommand(c: Client): void {
  const r = root();
  const end = argc();
  const options = readOptions(c, 2, end, GETEX_OPTIONS);
  if (options & OPTION_ERROR) return;
  if (options & OPTION_EXPIRE && !readExpire(c, 2, end, options)) return;
  const expire = options & OPTION_EXPIRE ? r.number : NO_EXPIRE;
  let e = readKey(c, 1);
  if (e == 0) {
    replyNull(c);
    return;
  }
  if (!isOfType(c, e, TYPE_STRING)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  if (options & (OPTION_EXAT | OPTION_PXAT) && alreadyExpired(expire)) {
    replyString(c, e);
    expireAtOnce(db, key, keyLen);
    return;
  }
  if (options & OPTION_EXPIRE || (options & OPTION_PERSIST && entryExpire(e) != NO_EXPIRE)) {
    e = setExpire(db, e, expire);
    if (e == 0) {
      replyOutOfMemory(c);
      return;
    }
    changed(1);
    if (options & OPTION_EXPIRE) notify(NOTIFY_GENERIC, "expire", key, keyLen, db.id);
    else notify(NOTIFY_GENERIC, "persist", key, keyLen, db.id);
  }
  replyString(c, e);
}
