/**
 * Commands on the expiry of keys: setting, showing and removing it.
 *
 * Times are kept as unix milliseconds. Not for active expiry (keyspace/expiry.ts) and not for the expiry options of SET
 * and its kin (string-options.ts), whose rules differ: EXPIRE takes times in the past, and deletes the key then.
 */
import { alreadyExpired, deleteKey, lookupRead, lookupWrite, setExpire } from "../keyspace/database";
import { entryExpire, NO_EXPIRE } from "../keyspace/entry";
import { changed, notify, NOTIFY_EXPIRED, NOTIFY_GENERIC } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { errorBytes, errorSend, errorStart, replyError, replyInteger, replyOutOfMemory } from "../resp/reply";
import { argIs, argTime, textLength, timeLeft, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";

// Conditions of EXPIRE.
const IF_NONE: u32 = 1; // NX
const IF_SOME: u32 = 2; // XX
const IF_GREATER: u32 = 4; // GT
const IF_LESS: u32 = 8; // LT
export const BAD_CONDITIONS: u32 = 0x80000000;

// --- EXPIRE and its kin ---

/** Reads the conditions in arguments [3, end); BAD_CONDITIONS after an error reply. */
export function readConditions(c: Client, end: i32): u32 {
  let seen: u32 = 0;
  for (let i = 3; i < end; i++) {
    if (argIs(i, "NX")) seen |= IF_NONE;
    else if (argIs(i, "XX")) seen |= IF_SOME;
    else if (argIs(i, "GT")) seen |= IF_GREATER;
    else if (argIs(i, "LT")) seen |= IF_LESS;
    else {
      errorStart("ERR Unsupported option ");
      errorBytes(argPtr(i), textLength(i), i32.MAX_VALUE);
      errorSend(c);
      return BAD_CONDITIONS;
    }
  }
  if (seen & IF_NONE && seen != IF_NONE) {
    replyError(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
    return BAD_CONDITIONS;
  }
  if (seen & IF_GREATER && seen & IF_LESS) {
    replyError(c, "ERR GT and LT options at the same time are not compatible");
    return BAD_CONDITIONS;
  }
  return seen;
}

/** True when the conditions allow to replace `current` (a key without expiry lives for ever) by `when`. */
export function conditionsHold(conditions: u32, current: i64, when: i64): bool {
  if (conditions & IF_NONE && current != NO_EXPIRE) return false;
  if (conditions & IF_SOME && current == NO_EXPIRE) return false;
  if (conditions & IF_GREATER && (current == NO_EXPIRE || when <= current)) return false;
  return !(conditions & IF_LESS && current != NO_EXPIRE && when >= current);
}

function expireGeneric(c: Client, unit: i32, base: i64): void {
  const conditions = readConditions(c, argc());
  if (conditions & BAD_CONDITIONS || !argTime(c, 2, unit, base)) return;
  const r = root();
  const when = r.number;
  const db = clientDb(c);
  const key = argPtr(1);
  const len = argLen(1);
  const e = lookupWrite(db, key, len);
  if (e == 0 || (conditions != 0 && !conditionsHold(conditions, entryExpire(e), when))) {
    replyInteger(c, 0);
    return;
  }
  if (alreadyExpired(when)) {
    deleteKey(db, key, len);
    notify(NOTIFY_EXPIRED, "expired", key, len, db.id);
    r.statExpired++;
  } else {
    if (setExpire(db, e, when) == 0) {
      replyOutOfMemory(c);
      return;
    }
    notify(NOTIFY_GENERIC, "expire", key, len, db.id);
  }
  changed(1);
  replyInteger(c, 1);
}

/** EXPIRE key seconds [NX | XX | GT | LT] */
export function expireCommand(c: Client): void {
  expireGeneric(c, UNIT_SECONDS, root().nowMs);
}

/** PEXPIRE key milliseconds [NX | XX | GT | LT] */
export function pexpireCommand(c: Client): void {
  expireGeneric(c, UNIT_MILLISECONDS, root().nowMs);
}

/** EXPIREAT key unix-time-seconds [NX | XX | GT | LT] */
export function expireatCommand(c: Client): void {
  expireGeneric(c, UNIT_SECONDS, 0);
}

/** PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] */
export function pexpireatCommand(c: Client): void {
  expireGeneric(c, UNIT_MILLISECONDS, 0);
}

/** PERSIST key */
export function persistCommand(c: Client): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (e == 0 || entryExpire(e) == NO_EXPIRE) {
    replyInteger(c, 0);
    return;
  }
  if (setExpire(db, e, NO_EXPIRE) == 0) {
    replyOutOfMemory(c);
    return;
  }
  notify(NOTIFY_GENERIC, "persist", argPtr(1), argLen(1), db.id);
  changed(1);
  replyInteger(c, 1);
}

// --- TTL and its kin ---

/** Replies a key's expiry less `base`, -1 when it has none, -2 when there is no such key. Seconds are rounded. */
function replyExpiry(c: Client, unit: i32, base: i64): void {
  const e = lookupRead(clientDb(c), argPtr(1), argLen(1), true);
  if (e == 0 || entryExpire(e) == NO_EXPIRE) {
    replyInteger(c, e == 0 ? -2 : -1);
    return;
  }
  replyInteger(c, timeLeft(entryExpire(e), unit, base));
}

/** TTL key */
export function ttlCommand(c: Client): void {
  replyExpiry(c, UNIT_SECONDS, root().nowMs);
}

/** PTTL key */
export function pttlCommand(c: Client): void {
  replyExpiry(c, UNIT_MILLISECONDS, root().nowMs);
}

/** EXPIRETIME key */
export function expiretimeCommand(c: Client): void {
  replyExpiry(c, UNIT_SECONDS, 0);
}

/** PEXPIRETIME key */
export function pexpiretimeCommand(c: Client): void {
  replyExpiry(c, UNIT_MILLISECONDS, 0);
}
