/**
 * Commands that count: a string taken as a number, changed, and written back.
 *
 * INCR and its kind work on 64-bit integers and leave encoding int. INCRBYFLOAT works on 80-bit floating point
 * (bytes/long-double.ts) and leaves text.
 */
import {
  addLongDouble, formatLongDouble, LONG_DOUBLE_SIZE, LONG_DOUBLE_TEXT_MAX, longDoubleFromI64, parseLongDouble,
} from "../bytes/long-double";
import { lookupWrite } from "../keyspace/database";
import {
  entryExpire, entryInteger, isInteger, NO_EXPIRE, stringLength, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_STRING } from "../keyspace/events";
import { argLen, argPtr, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { NOT_FLOAT, NOT_INTEGER, OVERFLOW } from "../resp/errors";
import { replyBulk, replyError, replyInteger, replyOutOfMemory } from "../resp/reply";
import { setInteger, setText, stringToI64 } from "../types/string";
import { argI64 } from "./arguments";
import { isOfType } from "./look-up";

/** Two numbers and the text of their sum: scratch of INCRBYFLOAT and HINCRBYFLOAT, dead when they end. */
export const FIRST: usize = memory.data(32, 16);
export const SECOND: usize = FIRST + <usize>LONG_DOUBLE_SIZE;
export const TEXT: usize = memory.data(5056, 16);

// --- Integers ---

function increment(c: Client, by: i64): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STRING)) return;
  let value: i64 = 0;
  if (e != 0) {
    if (!stringToI64(e)) {
      replyError(c, NOT_INTEGER);
      return;
    }
    value = root().number;
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

// --- Floating point ---

/** Reads a string entry (0: zero) as a LongDouble into FIRST. */
export function readFloat(e: usize): bool {
  if (e != 0 && !isInteger(e)) return parseLongDouble(stringPtr(e), stringLength(e), FIRST);
  longDoubleFromI64(e != 0 ? entryInteger(e) : 0, FIRST);
  return true;
}

/** INCRBYFLOAT key increment */
export function incrbyfloatCommand(c: Client): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STRING)) return;
  if (!readFloat(e) || !parseLongDouble(argPtr(2), argLen(2), SECOND)) {
    replyError(c, NOT_FLOAT);
    return;
  }
  if (!addLongDouble(FIRST, SECOND, FIRST)) {
    replyError(c, "ERR increment would produce NaN or Infinity");
    return;
  }
  const n = formatLongDouble(TEXT, FIRST);
  assert(n <= LONG_DOUBLE_TEXT_MAX);
  if (!setText(db, e, key, keyLen, TEXT, n, e != 0 ? entryExpire(e) : NO_EXPIRE)) {
    replyOutOfMemory(c);
    return;
  }
  changed(1);
  notify(NOTIFY_STRING, "incrbyfloat", key, keyLen, db.id);
  replyBulk(c, TEXT, n);
}
