/**
 * INCREX: a number counted up or down within bounds, its key's expiry set in the same step. Redis 8.8's; rate limiters
 * need a script for it elsewhere.
 *
 * The reply is the number and by how much it changed. A sum outside the bounds changes nothing, not even the expiry,
 * or with SATURATE becomes the bound. Integers have 64 bits; floating point is INCRBYFLOAT's, 80 bits.
 */
import {
  addLongDouble, compareLongDouble, formatLongDouble, isInfiniteLongDouble, largestLongDouble, LONG_DOUBLE_SIZE,
  LongDouble, longDoubleFromI64, negateLongDouble, parseLongDouble,
} from "../bytes/long-double";
import { alreadyExpired, Database, lookupWrite } from "../keyspace/database";
import { entryExpire, NO_EXPIRE, TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_STRING } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { NOT_FLOAT, NOT_INTEGER, OVERFLOW } from "../resp/errors";
import { replyArray, replyDoubleText, replyError, replyInteger, replyOutOfMemory, replySyntax } from "../resp/reply";
import { setInteger, setText, stringToI64 } from "../types/string";
import { argI64, argIs, argTime, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { isOfType } from "./look-up";
import { expireAtOnce } from "./string";
import { FIRST, readFloat, SECOND, TEXT } from "./string-number";

const BAD_BOUNDS = "ERR LBOUND must be less than or equal to UBOUND";
const INFINITE = "ERR increment would produce NaN or Infinity";

/** Where the options were found: arguments of their values, 0 for none; flags are 1 when given. */
@unmanaged
class Options {
  by: i32;
  isFloat: i32;
  lower: i32;
  upper: i32;
  saturate: i32;
  expire: i32; // the time's argument
  milliseconds: i32;
  absolute: i32;
  persist: i32;
  onlyNew: i32; // ENX
}

/** The options, three LongDoubles (sum, lower and upper bound) and a second text: scratch, dead when INCREX ends. */
const OPTIONS: usize = memory.data(40, 8);
const SUM: usize = memory.data(48, 16);
const LOWER: usize = SUM + <usize>LONG_DOUBLE_SIZE;
const UPPER: usize = LOWER + <usize>LONG_DOUBLE_SIZE;
const DELTA_TEXT: usize = memory.data(5056, 16);

function options(): Options {
  return changetype<Options>(OPTIONS);
}

// --- Options ---

/** Takes the option in argument i, whose value stands behind it; how many arguments that are, 0: it is wrong. */
function takeOption(o: Options, i: i32, hasValue: bool): i32 {
  if (argIs(i, "SATURATE")) {
    o.saturate = 1;
    return 1;
  }
  if (argIs(i, "ENX")) {
    o.onlyNew = 1;
    return 1;
  }
  if (argIs(i, "PERSIST")) {
    if (o.expire != 0) return 0;
    o.persist = 1;
    return 1;
  }
  if (!hasValue) return 0;
  if (argIs(i, "BYINT") || argIs(i, "BYFLOAT")) {
    if (o.by != 0) return 0;
    o.by = i + 1;
    o.isFloat = argIs(i, "BYFLOAT") ? 1 : 0;
  } else if (argIs(i, "LBOUND")) {
    if (o.lower != 0) return 0;
    o.lower = i + 1;
  } else if (argIs(i, "UBOUND")) {
    if (o.upper != 0) return 0;
    o.upper = i + 1;
  } else {
    const absolute = argIs(i, "EXAT") || argIs(i, "PXAT");
    const milliseconds = argIs(i, "PX") || argIs(i, "PXAT");
    if (!absolute && !milliseconds && !argIs(i, "EX")) return 0;
    if (o.expire != 0 || o.persist != 0) return 0;
    o.expire = i + 1;
    o.absolute = absolute ? 1 : 0;
    o.milliseconds = milliseconds ? 1 : 0;
  }
  return 2;
}

/** Reads the options into their scratch; false after an error reply. */
function readIncrexOptions(c: Client): bool {
  const o = options();
  const end = argc();
  memory.fill(OPTIONS, 0, offsetof<Options>());
  for (let i = 2; i < end;) {
    const taken = takeOption(o, i, i + 1 < end);
    if (taken == 0) {
      replySyntax(c);
      return false;
    }
    i += taken;
  }
  if (o.onlyNew == 0 || o.expire != 0) return true;
  replySyntax(c);
  return false;
}

// --- Steps of both ways to count ---

/** The expiry that the key is to have, `given` being that of the options. */
function expiryFor(e: usize, given: i64): i64 {
  const o = options();
  const had = e != 0 ? entryExpire(e) : NO_EXPIRE;
  if (o.persist != 0) return NO_EXPIRE;
  return o.expire != 0 && !(o.onlyNew != 0 && had != NO_EXPIRE) ? given : had;
}

/** Tells of the change, and removes a key whose new expiry has passed already. */
function finish(db: Database, event: string, had: i64, expire: i64): void {
  const key = argPtr(1);
  const keyLen = argLen(1);
  changed(1);
  notify(NOTIFY_STRING, event, key, keyLen, db.id);
  if (expire == had) return;
  if (expire == NO_EXPIRE) {
    notify(NOTIFY_GENERIC, "persist", key, keyLen, db.id);
  } else if (alreadyExpired(expire)) {
    expireAtOnce(db, key, keyLen);
  } else {
    notify(NOTIFY_GENERIC, "expire", key, keyLen, db.id);
  }
}

function replyPair(c: Client, value: i64, delta: i64): void {
  replyArray(c, 2);
  replyInteger(c, value);
  replyInteger(c, delta);
}

// --- Integers ---

/** -1 or 1 when the sum is below or above the bounds, whether or not it has overflowed. */
function sideOf(value: i64, by: i64, lower: i64, upper: i64): i32 {
  const sum = value + by;
  if (by > 0 && sum < value) return 1;
  if (by < 0 && sum > value) return -1;
  return sum > upper ? 1 : sum < lower ? -1 : 0;
}

/** Counts the integer of `e` on by `by`; `expire` is the options' expiry. */
function countInteger(c: Client, e: usize, by: i64, lower: i64, upper: i64, expire: i64): void {
  if (e != 0 && !stringToI64(e)) {
    replyError(c, NOT_INTEGER);
    return;
  }
  const value = e != 0 ? root().number : 0;
  const side = sideOf(value, by, lower, upper);
  if (side != 0 && options().saturate == 0) {
    replyPair(c, value, 0);
    return;
  }
  const sum = side == 0 ? value + by : side > 0 ? upper : lower;
  const delta = sum - value;
  if ((delta > 0) != (sum > value)) {
    replyError(c, OVERFLOW);
    return;
  }
  const db = clientDb(c);
  const had = e != 0 ? entryExpire(e) : NO_EXPIRE;
  const timed = expiryFor(e, expire);
  if (!setInteger(db, e, argPtr(1), argLen(1), sum, timed)) {
    replyOutOfMemory(c);
    return;
  }
  finish(db, "incrby", had, timed);
  replyPair(c, sum, delta);
}

/** Reads argument i into root.number, or takes `missing` when it is 0; false after an error reply. */
function readInteger(c: Client, i: i32, missing: i64): bool {
  root().number = missing;
  return i == 0 || argI64(c, i);
}

function countByInteger(c: Client, expire: i64): void {
  const o = options();
  const r = root();
  if (!readInteger(c, o.by, 1)) return;
  const by = r.number;
  if (!readInteger(c, o.lower, i64.MIN_VALUE)) return;
  const lower = r.number;
  if (!readInteger(c, o.upper, i64.MAX_VALUE)) return;
  const upper = r.number;
  if (lower > upper) {
    replyError(c, BAD_BOUNDS);
    return;
  }
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (isOfType(c, e, TYPE_STRING)) countInteger(c, e, by, lower, upper, expire);
}

// --- Floating point ---

/** Reads the increment and the bounds; false after an error reply. */
function readFloats(c: Client): bool {
  const o = options();
  largestLongDouble(true, LOWER);
  largestLongDouble(false, UPPER);
  if (
    !parseLongDouble(argPtr(o.by), argLen(o.by), SECOND) ||
    (o.lower != 0 && !parseLongDouble(argPtr(o.lower), argLen(o.lower), LOWER)) ||
    (o.upper != 0 && !parseLongDouble(argPtr(o.upper), argLen(o.upper), UPPER))
  ) {
    replyError(c, NOT_FLOAT);
    return false;
  }
  const infinite = isInfiniteLongDouble(SECOND) || isInfiniteLongDouble(LOWER) || isInfiniteLongDouble(UPPER);
  if (!infinite && compareLongDouble(LOWER, UPPER) <= 0) return true;
  replyError(c, infinite ? INFINITE : BAD_BOUNDS);
  return false;
}

/** Sums FIRST and SECOND into SUM; -1 or 1 when that is below or above the bounds, or too much for the type. */
function sumOfFloats(): i32 {
  if (!addLongDouble(FIRST, SECOND, SUM)) return changetype<LongDouble>(SECOND).negative ? -1 : 1;
  if (compareLongDouble(SUM, UPPER) > 0) return 1;
  return compareLongDouble(SUM, LOWER) < 0 ? -1 : 0;
}

/** Makes the bound on that side the sum, and what leads there the increment; false when that would be infinite. */
function saturateFloat(side: i32): bool {
  memory.copy(SUM, side > 0 ? UPPER : LOWER, <usize>LONG_DOUBLE_SIZE);
  negateLongDouble(FIRST);
  return addLongDouble(SUM, FIRST, SECOND);
}

function replyFloats(c: Client, value: usize, delta: usize): void {
  const valueLength = formatLongDouble(TEXT, value);
  const deltaLength = formatLongDouble(DELTA_TEXT, delta);
  replyArray(c, 2);
  replyDoubleText(c, TEXT, valueLength);
  replyDoubleText(c, DELTA_TEXT, deltaLength);
}

function countByFloat(c: Client, expire: i64): void {
  if (!readFloats(c)) return;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_STRING)) return;
  if (!readFloat(e)) {
    replyError(c, NOT_FLOAT);
    return;
  }
  const side = isInfiniteLongDouble(FIRST) ? 0 : sumOfFloats();
  if (side != 0 && options().saturate == 0) {
    longDoubleFromI64(0, SECOND);
    replyFloats(c, FIRST, SECOND);
    return;
  }
  if (isInfiniteLongDouble(FIRST) || (side != 0 && !saturateFloat(side))) {
    replyError(c, INFINITE);
    return;
  }
  const had = e != 0 ? entryExpire(e) : NO_EXPIRE;
  const timed = expiryFor(e, expire);
  const len = formatLongDouble(TEXT, SUM);
  if (!setText(db, e, argPtr(1), argLen(1), TEXT, len, timed)) {
    replyOutOfMemory(c);
    return;
  }
  finish(db, "incrbyfloat", had, timed);
  replyFloats(c, SUM, SECOND);
}

/** INCREX key [BYINT n | BYFLOAT x] [LBOUND n] [UBOUND n] [SATURATE] [EX | PX | EXAT | PXAT time | PERSIST] [ENX] */
export function increxCommand(c: Client): void {
  if (!readIncrexOptions(c)) return;
  const o = options();
  let expire = NO_EXPIRE;
  if (o.expire != 0) {
    const unit = o.milliseconds != 0 ? UNIT_MILLISECONDS : UNIT_SECONDS;
    if (!argTime(c, o.expire, unit, o.absolute != 0 ? 0 : root().nowMs, 1)) return;
    expire = root().number;
  }
  if (o.isFloat != 0) countByFloat(c, expire);
  else countByInteger(c, expire);
}
