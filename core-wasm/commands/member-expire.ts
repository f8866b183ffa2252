/**
 * Expiry of members of sets and sorted sets: setting, showing and removing it; what HEXPIRE and its kin have in common
 * with that (hash-expire.ts); and KeyDB's EXPIREMEMBER, which takes one member or field of any type that has some.
 *
 *   SEXPIRE key time [NX | XX | GT | LT] MEMBERS n member ...     replies per member: 1 set, 0 condition not met,
 *                                                                 2 the time has passed and the member went, -2 absent
 *   STTL key MEMBERS n member ...                                 time, -1 none, -2 absent
 *   SPERSIST key MEMBERS n member ...                             1 removed, -1 none, -2 absent
 *   EXPIREMEMBER key member time [s | ms]                         1 set, 0 absent
 *
 * Sorted sets have the same commands with a Z. The members are types/set-expire.ts's and zset-expire.ts's business.
 */
import { alreadyExpired, Database, deleteKey, lookupWrite } from "../keyspace/database";
import { entryType, TYPE_HASH, TYPE_SET, TYPE_ZSET } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_HASH, NOTIFY_SET, NOTIFY_ZSET } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb, retractOutput } from "../resp/client";
import { SYNTAX } from "../resp/errors";
import { replyArray, replyError, replyInteger, replyOutOfMemory, replySyntax } from "../resp/reply";
import {
  FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_TIMED, hashDelete, hashExpire, hashLength, hashPersist, hashSetExpire,
} from "../types/hash";
import { setRemove, setSize } from "../types/set";
import { setExpireMember, setExpiryOf, setPersistMember } from "../types/set-expire";
import { zsetLength } from "../types/zset";
import { zsetRemove } from "../types/zset-change";
import { zsetExpireMember, zsetExpiryOf, zsetPersistMember } from "../types/zset-expire";
import { argIs, argTime, timeLeft, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { BAD_CONDITIONS, conditionsHold, readConditions } from "./generic-expire";
import { BAD_FIELD_COUNT, findFields, readFieldCount } from "./hash-common";
import { isOfType, readKey } from "./look-up";

// Replies beside FIELD_TIMED and FIELD_ABSENT.
const CONDITION_FAILED: i32 = 0;
const EXPIRED_AT_ONCE: i32 = 2;
const BAD_MEMBER_COUNT = "ERR nummembers should be greater than 0 and match the provided number of members";

// --- What each type does ---

/** When the member in argument i expires: NO_EXPIRE never, FIELD_ABSENT when it is none. */
function expiryOf(e: usize, i: i32): i64 {
  if (e == 0) return FIELD_ABSENT;
  const type = entryType(e);
  if (type == TYPE_SET) return setExpiryOf(e, argPtr(i), argLen(i));
  return type == TYPE_ZSET ? zsetExpiryOf(e, argPtr(i), argLen(i)) : hashExpire(e, argPtr(i), argLen(i));
}

function setTime(db: Database, e: usize, i: i32, when: i64): i32 {
  const type = entryType(e);
  if (type == TYPE_SET) return setExpireMember(db, e, argPtr(i), argLen(i), when);
  if (type == TYPE_ZSET) return zsetExpireMember(db, e, argPtr(i), argLen(i), when);
  return hashSetExpire(db, e, argPtr(i), argLen(i), when);
}

function persistMember(e: usize, i: i32): i32 {
  const type = entryType(e);
  if (type == TYPE_SET) return setPersistMember(e, argPtr(i), argLen(i));
  return type == TYPE_ZSET ? zsetPersistMember(e, argPtr(i), argLen(i)) : hashPersist(e, argPtr(i), argLen(i));
}

function removeMember(e: usize, i: i32): void {
  const type = entryType(e);
  if (type == TYPE_SET) setRemove(e, argPtr(i), argLen(i));
  else if (type == TYPE_ZSET) zsetRemove(e, argPtr(i), argLen(i));
  else hashDelete(e, argPtr(i), argLen(i), true);
}

/** Deletes the key in argument 1 when its value has no member left. */
function dropIfEmpty(db: Database, e: usize): void {
  const type = entryType(e);
  if (type == TYPE_SET ? setSize(e) != 0 : type == TYPE_ZSET ? zsetLength(e) != 0 : hashLength(e) != 0) return;
  deleteKey(db, argPtr(1), argLen(1));
  notify(NOTIFY_GENERIC, "del", argPtr(1), argLen(1), db.id);
}

/** Tells what happened to members of a type, by the event of each type. */
function tellEvent(db: Database, type: u32, forSet: string, forZset: string, forHash: string): void {
  if (type == TYPE_SET) notify(NOTIFY_SET, forSet, argPtr(1), argLen(1), db.id);
  else if (type == TYPE_ZSET) notify(NOTIFY_ZSET, forZset, argPtr(1), argLen(1), db.id);
  else notify(NOTIFY_HASH, forHash, argPtr(1), argLen(1), db.id);
}

/** Tells that members were timed, or went because their time has passed. */
function tell(db: Database, e: usize, timed: i32, expired: i32): void {
  if (timed + expired == 0) return;
  if (expired != 0) tellEvent(db, entryType(e), "sexpired", "zexpired", "hexpired");
  else tellEvent(db, entryType(e), "sexpire", "zexpire", "hexpire");
  changed(<u64>(timed + expired));
  if (expired != 0) dropIfEmpty(db, e);
}

/** Gives the member in argument i an expiry; the code of the reply, or FIELD_NO_MEMORY. */
function expireMember(db: Database, e: usize, i: i32, when: i64, conditions: u32): i32 {
  const current = expiryOf(e, i);
  if (current == <i64>FIELD_ABSENT) return FIELD_ABSENT;
  if (conditions != 0 && !conditionsHold(conditions, current, when)) return CONDITION_FAILED;
  if (!alreadyExpired(when)) return setTime(db, e, i, when);
  removeMember(e, i);
  root().statExpiredFields++;
  return EXPIRED_AT_ONCE;
}

// --- Arguments ---

function word(type: u32): string {
  return type == TYPE_HASH ? "FIELDS" : "MEMBERS";
}

function badCount(type: u32): string {
  return type == TYPE_HASH ? BAD_FIELD_COUNT : BAD_MEMBER_COUNT;
}

/** True when argument 2 is the type's word and as many follow as it says; replies (`mismatch`: the number) when not. */
function membersFollow(c: Client, type: u32, mismatch: string): bool {
  if (argIs(2, word(type))) return readFieldCount(c, 2, 1, mismatch);
  replySyntax(c);
  return false;
}

// --- Families ---

/** Takes the reply back, for -OOM, when the last code says that memory was exhausted. */
export function retractWithoutMemory(c: Client, code: i32, before: u64): void {
  if (code != FIELD_NO_MEMORY) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
}

/** HEXPIRE and its kin. The time in argument 2 counts from `base`. */
export function expireGeneric(c: Client, type: u32, unit: i32, base: i64): void {
  const at = findFields(3, word(type));
  if (at == 0) {
    replyError(c, badCount(type));
    return;
  }
  const conditions = readConditions(c, at);
  if (conditions & BAD_CONDITIONS || !readFieldCount(c, at, 1, badCount(type)) || !argTime(c, 2, unit, base, 0)) return;
  const when = root().number;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, type)) return;
  const before = c.outBytes;
  const end = argc();
  let timed = 0;
  let expired = 0;
  let code = 0;
  replyArray(c, end - at - 2);
  for (let i = at + 2; i < end && code != FIELD_NO_MEMORY; i++) {
    code = expireMember(db, e, i, when, conditions);
    if (code == FIELD_TIMED) timed++;
    else if (code == EXPIRED_AT_ONCE) expired++;
    replyInteger(c, code);
  }
  tell(db, e, timed, expired);
  retractWithoutMemory(c, code, before);
}

/** HTTL and its kin. The times that are replied count from `base`. */
export function ttlGeneric(c: Client, type: u32, unit: i32, base: i64): void {
  if (!membersFollow(c, type, type == TYPE_HASH ? SYNTAX : BAD_MEMBER_COUNT)) return;
  const e = readKey(c, 1);
  if (!isOfType(c, e, type)) return;
  const end = argc();
  replyArray(c, end - 4);
  for (let i = 4; i < end; i++) {
    const when = expiryOf(e, i);
    replyInteger(c, when < 0 ? when : timeLeft(when, unit, base));
  }
}

/** HPERSIST and its kin. */
export function persistGeneric(c: Client, type: u32): void {
  if (!membersFollow(c, type, badCount(type))) return;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, type)) return;
  const before = c.outBytes;
  const end = argc();
  let updated = 0;
  let code = 0;
  replyArray(c, end - 4);
  for (let i = 4; i < end && code != FIELD_NO_MEMORY; i++) {
    code = e == 0 ? FIELD_ABSENT : persistMember(e, i);
    if (code == FIELD_TIMED) updated++;
    replyInteger(c, code);
  }
  if (updated != 0) {
    changed(<u64>updated);
    tellEvent(db, type, "spersist", "zpersist", "hpersist");
  }
  retractWithoutMemory(c, code, before);
}

// --- Sets ---

/** SEXPIRE key seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function sexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_SET, UNIT_SECONDS, root().nowMs);
}

/** SPEXPIRE key milliseconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function spexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_SET, UNIT_MILLISECONDS, root().nowMs);
}

/** SEXPIREAT key unix-time-seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function sexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_SET, UNIT_SECONDS, 0);
}

/** SPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function spexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_SET, UNIT_MILLISECONDS, 0);
}

/** STTL key MEMBERS nummembers member [member ...] */
export function sttlCommand(c: Client): void {
  ttlGeneric(c, TYPE_SET, UNIT_SECONDS, root().nowMs);
}

/** SPTTL key MEMBERS nummembers member [member ...] */
export function spttlCommand(c: Client): void {
  ttlGeneric(c, TYPE_SET, UNIT_MILLISECONDS, root().nowMs);
}

/** SEXPIRETIME key MEMBERS nummembers member [member ...] */
export function sexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_SET, UNIT_SECONDS, 0);
}

/** SPEXPIRETIME key MEMBERS nummembers member [member ...] */
export function spexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_SET, UNIT_MILLISECONDS, 0);
}

/** SPERSIST key MEMBERS nummembers member [member ...] */
export function spersistCommand(c: Client): void {
  persistGeneric(c, TYPE_SET);
}

// --- Sorted sets ---

/** ZEXPIRE key seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function zexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_ZSET, UNIT_SECONDS, root().nowMs);
}

/** ZPEXPIRE key milliseconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function zpexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_ZSET, UNIT_MILLISECONDS, root().nowMs);
}

/** ZEXPIREAT key unix-time-seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function zexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_ZSET, UNIT_SECONDS, 0);
}

/** ZPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...] */
export function zpexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_ZSET, UNIT_MILLISECONDS, 0);
}

/** ZTTL key MEMBERS nummembers member [member ...] */
export function zttlCommand(c: Client): void {
  ttlGeneric(c, TYPE_ZSET, UNIT_SECONDS, root().nowMs);
}

/** ZPTTL key MEMBERS nummembers member [member ...] */
export function zpttlCommand(c: Client): void {
  ttlGeneric(c, TYPE_ZSET, UNIT_MILLISECONDS, root().nowMs);
}

/** ZEXPIRETIME key MEMBERS nummembers member [member ...] */
export function zexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_ZSET, UNIT_SECONDS, 0);
}

/** ZPEXPIRETIME key MEMBERS nummembers member [member ...] */
export function zpexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_ZSET, UNIT_MILLISECONDS, 0);
}

/** ZPERSIST key MEMBERS nummembers member [member ...] */
export function zpersistCommand(c: Client): void {
  persistGeneric(c, TYPE_ZSET);
}

// --- KeyDB's ---

/** What EXPIREMEMBER and its kin do with the member in argument 2, whose time is in root.number. */
function expireOne(c: Client): void {
  const when = root().number;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (e != 0 && entryType(e) != TYPE_HASH && entryType(e) != TYPE_ZSET && !isOfType(c, e, TYPE_SET)) return;
  const code = expireMember(db, e, 2, when, 0);
  if (code == FIELD_NO_MEMORY) {
    replyOutOfMemory(c);
    return;
  }
  tell(db, e, code == FIELD_TIMED ? 1 : 0, code == EXPIRED_AT_ONCE ? 1 : 0);
  replyInteger(c, code == FIELD_ABSENT ? 0 : 1);
}

/** EXPIREMEMBER key member delay [s | ms] */
export function expirememberCommand(c: Client): void {
  let unit = UNIT_SECONDS;
  if (argc() > 5 || (argc() == 5 && !argIs(4, "S") && !argIs(4, "MS"))) {
    replySyntax(c);
    return;
  }
  if (argc() == 5 && argIs(4, "MS")) unit = UNIT_MILLISECONDS;
  if (argTime(c, 3, unit, root().nowMs)) expireOne(c);
}

/** EXPIREMEMBERAT key member unix-time-seconds */
export function expirememberatCommand(c: Client): void {
  if (argTime(c, 3, UNIT_SECONDS, 0)) expireOne(c);
}

/** PEXPIREMEMBERAT key member unix-time-milliseconds */
export function pexpirememberatCommand(c: Client): void {
  if (argTime(c, 3, UNIT_MILLISECONDS, 0)) expireOne(c);
}
