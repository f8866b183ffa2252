/**
 * Commands that take the lowest or highest members of a sorted set: at once, of the first key that has some, or
 * waiting for one. A waiting client's command is run again from its start when a key is made ready (resp/blocking.ts).
 */
import { lookupWrite } from "../keyspace/database";
import { entryType, TYPE_ZSET } from "../keyspace/entry";
import { changed, notify, NOTIFY_ZSET } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { argTimeout, blockOnKeys, isBlockingAllowed } from "../resp/blocking";
import { Client, clientDb } from "../resp/client";
import {
  replyArray, replyBulk, replyDouble, replyError, replyNullArray, replySyntax, replyWrongType,
} from "../resp/reply";
import {
  zsetFirst, zsetLast, zsetLength, zsetMember, zsetMemberLength, zsetNext, zsetPlaceScore, zsetPrevious,
} from "../types/zset";
import { zsetRemoveRange } from "../types/zset-change";
import { argAtLeast, argI64, argIs } from "./arguments";
import { isOfType } from "./look-up";
import { deleteEmptied } from "./zset";

const NO_COUNT: i64 = -1;

// --- Popping ---

/** Replies and removes `count` members of the key in argument `key`, which has that many, from either end. */
function popMembers(c: Client, e: usize, key: i32, count: u32, highest: bool, pairs: bool): void {
  const db = clientDb(c);
  let place = highest ? zsetLast(e) : zsetFirst(e);
  for (let i: u32 = 0; i < count; i++) {
    if (i > 0) place = highest ? zsetPrevious(e, place) : zsetNext(e, place);
    if (pairs) replyArray(c, 2);
    replyBulk(c, zsetMember(e, place), zsetMemberLength(e, place));
    replyDouble(c, zsetPlaceScore(e, place));
  }
  zsetRemoveRange(e, highest ? zsetLength(e) - count : 0, count);
  changed(count);
  if (highest) notify(NOTIFY_ZSET, "zpopmax", argPtr(key), argLen(key), db.id);
  else notify(NOTIFY_ZSET, "zpopmin", argPtr(key), argLen(key), db.id);
  if (zsetLength(e) == 0) deleteEmptied(db, argPtr(key), argLen(key));
}

/** How many of the members can be popped. */
function available(e: usize, count: i64): u32 {
  const length = zsetLength(e);
  return count > <i64>length ? length : <u32>count;
}

function popGeneric(c: Client, highest: bool): void {
  if (argc() > 3) {
    replySyntax(c);
    return;
  }
  let count = NO_COUNT;
  if (argc() == 3) {
    if (!argI64(c, 2, "ERR value is out of range, must be positive")) return;
    count = root().number;
    if (count < 0) {
      replyError(c, "ERR value is out of range, must be positive");
      return;
    }
  }
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e == 0 || count == 0) {
    replyArray(c, 0);
    return;
  }
  const pairs = c.resp != 2 && count != NO_COUNT;
  const n = available(e, count == NO_COUNT ? 1 : count);
  replyArray(c, <i32>(pairs ? n : n << 1));
  popMembers(c, e, 1, n, highest, pairs);
}

/** ZPOPMIN key [count] */
export function zpopminCommand(c: Client): void {
  popGeneric(c, false);
}

/** ZPOPMAX key [count] */
export function zpopmaxCommand(c: Client): void {
  popGeneric(c, true);
}

// --- Of several keys ---

/**
 * Pops from the first key with members among `keys` arguments from `first` on. Returns 1 after a reply, -1 after an
 * error, 0 when there is no such key. `count` NO_COUNT: one member, in BZPOPMIN's flat form.
 */
function popFirst(c: Client, first: i32, keys: i32, count: i64, highest: bool): i32 {
  const db = clientDb(c);
  for (let i = first; i < first + keys; i++) {
    const e = lookupWrite(db, argPtr(i), argLen(i));
    if (e == 0) continue;
    if (entryType(e) != TYPE_ZSET) {
      replyWrongType(c);
      return -1;
    }
    const n = available(e, count == NO_COUNT ? 1 : count);
    replyArray(c, count == NO_COUNT ? 3 : 2);
    replyBulk(c, argPtr(i), argLen(i));
    if (count != NO_COUNT) replyArray(c, <i32>n);
    popMembers(c, e, i, n, highest, count != NO_COUNT);
    return 1;
  }
  return 0;
}

/** popFirst(), waiting when no key has members; `timeout` is the argument that says how long. */
function popOrWait(c: Client, timeout: i32, first: i32, keys: i32, count: i64, highest: bool): void {
  if (!argTimeout(c, timeout)) return;
  const until = root().number;
  if (popFirst(c, first, keys, count, highest) != 0) return;
  if (isBlockingAllowed(c)) blockOnKeys(c, TYPE_ZSET, first, keys, until, false);
  else replyNullArray(c);
}

/** BZPOPMIN key [key ...] timeout */
export function bzpopminCommand(c: Client): void {
  popOrWait(c, argc() - 1, 1, argc() - 2, NO_COUNT, false);
}

/** BZPOPMAX key [key ...] timeout */
export function bzpopmaxCommand(c: Client): void {
  popOrWait(c, argc() - 1, 1, argc() - 2, NO_COUNT, true);
}

/** ZMPOP and BZMPOP, whose number of keys is argument `at`; `timeout` is 0 for the one that never waits. */
function multiplePop(c: Client, at: i32, timeout: i32): void {
  const end = argc();
  if (!argAtLeast(c, at, 1, "ERR numkeys should be greater than 0")) return;
  if (root().number >= <i64>(end - at - 1)) {
    replySyntax(c);
    return;
  }
  const keys = <i32>root().number;
  const where = at + keys + 1;
  const highest = argIs(where, "MAX");
  if (!highest && !argIs(where, "MIN")) {
    replySyntax(c);
    return;
  }
  let count = NO_COUNT;
  for (let i = where + 1; i < end; i += 2) {
    if (count != NO_COUNT || !argIs(i, "COUNT") || i + 1 >= end) {
      replySyntax(c);
      return;
    }
    if (!argAtLeast(c, i + 1, 1, "ERR count should be greater than 0")) return;
    count = root().number;
  }
  if (count == NO_COUNT) count = 1;
  if (timeout != 0) popOrWait(c, timeout, at + 1, keys, count, highest);
  else if (popFirst(c, at + 1, keys, count, highest) == 0) replyNullArray(c);
}

/** ZMPOP numkeys key [key ...] MIN | MAX [COUNT count] */
export function zmpopCommand(c: Client): void {
  multiplePop(c, 1, 0);
}

/** BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count] */
export function bzmpopCommand(c: Client): void {
  multiplePop(c, 2, 1);
}
