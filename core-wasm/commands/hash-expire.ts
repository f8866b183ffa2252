/**
 * Commands on the expiry of fields: setting, showing and removing it.
 *
 *   HEXPIRE key time [NX | XX | GT | LT] FIELDS n field ...       replies per field: 1 set, 0 condition not met,
 *                                                                 2 the time has passed and the field went, -2 absent
 *   HTTL key FIELDS n field ...                                   time, -1 none, -2 absent
 *   HPERSIST key FIELDS n field ...                               1 removed, -1 none, -2 absent
 *
 * Times are kept as unix milliseconds; none below 0 is taken. Not for active expiry: keyspace/field-expiry.ts.
 */
import { alreadyExpired, Database } from "../keyspace/database";
import { changed, notify, NOTIFY_HASH } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb, retractOutput } from "../resp/client";
import { SYNTAX } from "../resp/errors";
import { replyArray, replyInteger, replyOutOfMemory, replySyntax } from "../resp/reply";
import {
  FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_TIMED, hashDelete, hashExpire, hashPersist, hashSetExpire,
} from "../types/hash";
import { argI64, argIs, replyInvalidExpire, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { BAD_CONDITIONS, conditionsHold, readConditions } from "./generic-expire";
import {
  dropIfEmpty, findFields, NOT_A_HASH, readFieldCount, readHash, replyNumFields, writeHash,
} from "./hash-common";

// Replies of HEXPIRE beside FIELD_TIMED and FIELD_ABSENT.
const CONDITION_FAILED: i32 = 0;
const EXPIRED_AT_ONCE: i32 = 2;

// --- Setting ---

/** Reads argument i as a time from `base` on into root.number, as unix milliseconds; false after an error reply. */
export function argFieldExpire(c: Client, i: i32, unit: i32, base: i64): bool {
  if (!argI64(c, i)) return false;
  const r = root();
  let when = r.number;
  if (when < 0 || (unit == UNIT_SECONDS && when > i64.MAX_VALUE / 1000)) {
    replyInvalidExpire(c);
    return false;
  }
  if (unit == UNIT_SECONDS) when *= 1000;
  if (when > i64.MAX_VALUE - base) {
    replyInvalidExpire(c);
    return false;
  }
  r.number = when + base;
  return true;
}

/** Gives the field in argument i of a hash (0: none) an expiry; what HEXPIRE replies, or FIELD_NO_MEMORY. */
function expireField(db: Database, e: usize, i: i32, when: i64, conditions: u32): i32 {
  const current = e == 0 ? <i64>FIELD_ABSENT : hashExpire(e, argPtr(i), argLen(i));
  if (current == <i64>FIELD_ABSENT) return FIELD_ABSENT;
  if (conditions != 0 && !conditionsHold(conditions, current, when)) return CONDITION_FAILED;
  if (!alreadyExpired(when)) return hashSetExpire(db, e, argPtr(i), argLen(i), when);
  hashDelete(e, argPtr(i), argLen(i), true);
  root().statExpiredFields++;
  return EXPIRED_AT_ONCE;
}

function hexpireGeneric(c: Client, unit: i32, base: i64): void {
  const at = findFields(3);
  if (at == 0) {
    replyNumFields(c);
    return;
  }
  const conditions = readConditions(c, at);
  if (conditions & BAD_CONDITIONS || !readFieldCount(c, at, 1) || !argFieldExpire(c, 2, unit, base)) return;
  const when = root().number;
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  const db = clientDb(c);
  const before = c.outBytes;
  const end = argc();
  let updated = 0;
  let expired = 0;
  let code = 0;
  replyArray(c, end - at - 2);
  for (let i = at + 2; i < end && code != FIELD_NO_MEMORY; i++) {
    code = expireField(db, e, i, when, conditions);
    if (code == FIELD_TIMED) updated++;
    else if (code == EXPIRED_AT_ONCE) expired++;
    replyInteger(c, code);
  }
  if (expired != 0) notify(NOTIFY_HASH, "hexpired", argPtr(1), argLen(1), db.id);
  else if (updated != 0) notify(NOTIFY_HASH, "hexpire", argPtr(1), argLen(1), db.id);
  changed(updated + expired);
  if (expired != 0) dropIfEmpty(db, e);
  if (code != FIELD_NO_MEMORY) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
}

/** HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hexpireCommand(c: Client): void {
  hexpireGeneric(c, UNIT_SECONDS, root().nowMs);
}

/** HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hpexpireCommand(c: Client): void {
  hexpireGeneric(c, UNIT_MILLISECONDS, root().nowMs);
}

/** HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hexpireatCommand(c: Client): void {
  hexpireGeneric(c, UNIT_SECONDS, 0);
}

/** HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hpexpireatCommand(c: Client): void {
  hexpireGeneric(c, UNIT_MILLISECONDS, 0);
}

// --- Showing ---

/** True when argument 2 is FIELDS; replies and returns false otherwise. */
function fieldsFollow(c: Client): bool {
  if (argIs(2, "FIELDS")) return true;
  replySyntax(c);
  return false;
}

function httlGeneric(c: Client, unit: i32, base: i64): void {
  if (!fieldsFollow(c) || !readFieldCount(c, 2, 1, SYNTAX)) return;
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  const end = argc();
  replyArray(c, end - 4);
  for (let i = 4; i < end; i++) {
    let value = e == 0 ? <i64>FIELD_ABSENT : hashExpire(e, argPtr(i), argLen(i));
    if (value >= 0) {
      value = max<i64>(value - base, 0);
      // The sum is taken without a sign: the latest times there are would overflow.
      if (unit == UNIT_SECONDS) value = <i64>((<u64>value + 500) / 1000);
    }
    replyInteger(c, value);
  }
}

/** HTTL key FIELDS numfields field [field ...] */
export function httlCommand(c: Client): void {
  httlGeneric(c, UNIT_SECONDS, root().nowMs);
}

/** HPTTL key FIELDS numfields field [field ...] */
export function hpttlCommand(c: Client): void {
  httlGeneric(c, UNIT_MILLISECONDS, root().nowMs);
}

/** HEXPIRETIME key FIELDS numfields field [field ...] */
export function hexpiretimeCommand(c: Client): void {
  httlGeneric(c, UNIT_SECONDS, 0);
}

/** HPEXPIRETIME key FIELDS numfields field [field ...] */
export function hpexpiretimeCommand(c: Client): void {
  httlGeneric(c, UNIT_MILLISECONDS, 0);
}

// --- Removing ---

/** HPERSIST key FIELDS numfields field [field ...] */
export function hpersistCommand(c: Client): void {
  if (!fieldsFollow(c) || !readFieldCount(c, 2, 1)) return;
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  const db = clientDb(c);
  const before = c.outBytes;
  const end = argc();
  let updated = 0;
  let code = 0;
  replyArray(c, end - 4);
  for (let i = 4; i < end && code != FIELD_NO_MEMORY; i++) {
    code = e == 0 ? FIELD_ABSENT : hashPersist(e, argPtr(i), argLen(i));
    if (code == FIELD_TIMED) updated++;
    replyInteger(c, code);
  }
  if (updated != 0) {
    changed(updated);
    notify(NOTIFY_HASH, "hpersist", argPtr(1), argLen(1), db.id);
  }
  if (code != FIELD_NO_MEMORY) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
}
