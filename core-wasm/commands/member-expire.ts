/**
 * Expiry of members of sets and sorted sets: setting, showing and removing it, as HEXPIRE and its kin do it for fields
 * of hashes; and KeyDB's EXPIREMEMBER, which takes one member or field of any type that has some.
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
import { replyArray, replyError, replyInteger, replyOutOfMemory, replySyntax, replyWrongType } from "../resp/reply";
import {
  FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_TIMED, hashDelete, hashExpire, hashLength, hashSetExpire,
} from "../types/hash";
import { setRemove, setSize } from "../types/set";
import { setExpireMember, setExpiryOf, setPersistMember } from "../types/set-expire";
import { zsetLength } from "../types/zset";
import { zsetRemove } from "../types/zset-change";
import { zsetExpireMember, zsetExpiryOf, zsetPersistMember } from "../types/zset-expire";
import { argI64, argIs, replyInvalidExpire, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { BAD_CONDITIONS, conditionsHold, readConditions } from "./generic-expire";
import { argFieldExpire } from "./hash-expire";
import { readKey } from "./string";

// Replies beside FIELD_TIMED and FIELD_ABSENT.
const CONDITION_FAILED: i32 = 0;
const EXPIRED_AT_ONCE: i32 = 2;
const BAD_COUNT = "ERR nummembers should be greater than 0 and match the provided number of members";

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
  if (entryType(e) == TYPE_SET) return setPersistMember(e, argPtr(i), argLen(i));
  return zsetPersistMember(e, argPtr(i), argLen(i));
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

/** Index of the word MEMBERS from argument `first` on; 0 when there is none with an argument behind it. */
function findMembers(first: i32): i32 {
  for (let i = first; i < argc() - 1; i++) if (argIs(i, "MEMBERS")) return i;
  return 0;
}

/** True when the number behind MEMBERS in argument i is that of the arguments that follow; replies when it is not. */
function readCount(c: Client, i: i32): bool {
  if (!argI64(c, i + 1)) return false;
  const given = <i64>(argc() - i - 2);
  if (given > 0 && root().number == given) return true;
  replyError(c, BAD_COUNT);
  return false;
}

/** True when argument 2 is MEMBERS with as many behind it as it says; replies when it is not. */
function membersFollow(c: Client): bool {
  if (argIs(2, "MEMBERS")) return readCount(c, 2);
  replySyntax(c);
  return false;
}

/** True for no entry and for one of this type; replies WRONGTYPE otherwise. */
function isOfType(c: Client, e: usize, type: u32): bool {
  if (e == 0 || entryType(e) == type) return true;
  replyWrongType(c);
  return false;
}

// --- Families ---

function expireGeneric(c: Client, type: u32, unit: i32, base: i64): void {
  const at = findMembers(3);
  if (at == 0) {
    replyError(c, BAD_COUNT);
    return;
  }
  const conditions = readConditions(c, at);
  if (conditions & BAD_CONDITIONS || !readCount(c, at) || !argFieldExpire(c, 2, unit, base)) return;
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
  if (code != FIELD_NO_MEMORY) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
}

function ttlGeneric(c: Client, type: u32, unit: i32, base: i64): void {
  if (!membersFollow(c)) return;
  const e = readKey(c, 1);
  if (!isOfType(c, e, type)) return;
  const end = argc();
  replyArray(c, end - 4);
  for (let i = 4; i < end; i++) {
    let value = expiryOf(e, i);
    if (value >= 0) {
      value = max<i64>(value - base, 0);
      if (unit == UNIT_SECONDS) value = <i64>((<u64>value + 500) / 1000);
    }
    replyInteger(c, value);
  }
}

function persistGeneric(c: Client, type: u32): void {
  if (!membersFollow(c)) return;
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
  if (code != FIELD_NO_MEMORY) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
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

/** Reads argument 3 as a time from `base` on into root.number, maybe one in the past; false after an error reply. */
function argMemberTime(c: Client, unit: i32, base: i64): bool {
  if (!argI64(c, 3)) return false;
  const r = root();
  let when = r.number;
  const most = unit == UNIT_SECONDS ? i64.MAX_VALUE / 1000 : i64.MAX_VALUE;
  if (when > most || when < -most || (unit == UNIT_SECONDS ? when * 1000 : when) > i64.MAX_VALUE - base) {
    replyInvalidExpire(c);
    return false;
  }
  when = (unit == UNIT_SECONDS ? when * 1000 : when) + base;
  r.number = when < 0 ? 0 : when;
  return true;
}

/** EXPIREMEMBER key member delay [s | ms] */
export function expirememberCommand(c: Client): void {
  let unit = UNIT_SECONDS;
  if (argc() > 5 || (argc() == 5 && !argIs(4, "S") && !argIs(4, "MS"))) {
    replySyntax(c);
    return;
  }
  if (argc() == 5 && argIs(4, "MS")) unit = UNIT_MILLISECONDS;
  if (argMemberTime(c, unit, root().nowMs)) expireOne(c);
}

/** EXPIREMEMBERAT key member unix-time-seconds */
export function expirememberatCommand(c: Client): void {
  if (argMemberTime(c, UNIT_SECONDS, 0)) expireOne(c);
}

/** PEXPIREMEMBERAT key member unix-time-milliseconds */
export function pexpirememberatCommand(c: Client): void {
  if (argMemberTime(c, UNIT_MILLISECONDS, 0)) expireOne(c);
}
