/**
 * Commands that name members of one sorted set: adding, removing, asking for scores and ranks. Ranges are
 * zset-range.ts's, sets of sets zset-combine.ts's, popping zset-pop.ts's, sampling zset-sample.ts's.
 */
import { addEntry, Database, deleteKey, lookupWrite } from "../keyspace/database";
import { ENCODING_LISTPACK, entryNew, NO_EXPIRE, TYPE_ZSET } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_ZSET } from "../keyspace/events";
import { free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import {
  replyArray, replyDouble, replyError, replyInteger, replyNull, replyNullArray, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { scratchAt, scratchClear, scratchLength, scratchPush, scratchRelease } from "../structures/scratch";
import { valueFree } from "../types/value";
import { zsetLength, zsetRank, zsetScore } from "../types/zset";
import {
  ADD_GT, ADD_INCREMENT, ADD_LT, ADD_NX, ADD_XX, DID_ADD, DID_FAIL, DID_NAN, DID_NOTHING, DID_UPDATE, fitsListpack,
  scoreBefore, zsetAdd, zsetMake, zsetMaybeUnpack, zsetRemove,
} from "../types/zset-change";
import { argDouble, argIs, replyArity } from "./arguments";
import { isOfType, readKey } from "./look-up";

/** Not an option of zsetAdd(): reply how many scores changed. */
export const ADD_CH: u32 = 256;

/** Reads the score that argument i, and maybe the next, says into root.real; replies when it is none. */
type ReadScore = (c: Client, i: i32) => bool;

// --- Shared steps ---

/** A fresh entry with an empty sorted set, in no database yet; 0 when memory is exhausted. */
export function newZset(key: usize, keyLen: i32, packed: bool): usize {
  const e = entryNew(key, keyLen, TYPE_ZSET, ENCODING_LISTPACK, NO_EXPIRE, -1);
  if (e == 0) return 0;
  if (zsetMake(e, packed)) return e;
  free(e);
  return 0;
}

/** Deletes a key whose last member is gone. */
export function deleteEmptied(db: Database, key: usize, keyLen: i32): void {
  deleteKey(db, key, keyLen);
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
}

// --- ZADD ---

/** The option that argument i names, 0 when it names none. */
function addOption(i: i32): u32 {
  if (argLen(i) > 4) return 0;
  if (argIs(i, "NX")) return ADD_NX;
  if (argIs(i, "XX")) return ADD_XX;
  if (argIs(i, "CH")) return ADD_CH;
  if (argIs(i, "INCR")) return ADD_INCREMENT;
  if (argIs(i, "GT")) return ADD_GT;
  return argIs(i, "LT") ? ADD_LT : 0;
}

/** True when the options go together and fit the number of pairs; replies otherwise. */
function addOptionsFit(c: Client, options: u32, pairs: i32): bool {
  if ((options & (ADD_NX | ADD_XX)) == (ADD_NX | ADD_XX)) {
    replyError(c, "ERR XX and NX options at the same time are not compatible");
    return false;
  }
  const only = options & (ADD_GT | ADD_LT | ADD_NX);
  if ((only & (only - 1)) != 0) {
    replyError(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
    return false;
  }
  if (options & ADD_INCREMENT && pairs > 1) {
    replyError(c, "ERR INCR option supports a single increment-element pair");
    return false;
  }
  return true;
}

/** Replies what ZADD or ZINCRBY did: `counted` members, or with an increment the score in root.real. */
function replyAdded(c: Client, options: u32, counted: i64, did: i32): void {
  if (!(options & ADD_INCREMENT)) replyInteger(c, counted);
  else if (did == DID_NOTHING) replyNull(c);
  else replyDouble(c, root().real);
}

/**
 * Takes back what was done to the members from argument `first` on, according to the scratch list: what it was (DID_*)
 * and both halves of the old score for each. The last are first, so that memory comes free before it is needed.
 */
function takeBack(e: usize, first: i32, step: i32): void {
  for (let i = scratchLength() / 3 - 1; i >= 0; i--) {
    const did = <i32>scratchAt(i * 3);
    const member = first + i * step + step - 1;
    takeBackOne(e, did, member, reinterpret<f64>(<u64>scratchAt(i * 3 + 1) | (<u64>scratchAt(i * 3 + 2) << 32)));
  }
}

/** Undoes what was done to the member in an argument, which had this score before. */
function takeBackOne(e: usize, did: i32, member: i32, old: f64): void {
  if (did == DID_ADD) zsetRemove(e, argPtr(member), argLen(member));
  else if (did == DID_UPDATE) zsetAdd(e, argPtr(member), argLen(member), old, 0);
}

/** Notes what was done to a member, so that it can be taken back; false when memory is exhausted. */
function note(did: i32): bool {
  const old = reinterpret<u64>(scoreBefore());
  return scratchPush(<usize>did) && scratchPush(<usize>(old & 0xffffffff)) && scratchPush(<usize>(old >> 32));
}

/** Adds the members to the sorted set, which is in no database yet when it is `fresh`; otherwise as addMembers(). */
function addTo(c: Client, e: usize, fresh: bool, options: u32, first: i32, step: i32, read: ReadScore): void {
  const r = root();
  const db = clientDb(c);
  const single = argc() - first == step;
  let added: i64 = 0;
  let updated: i64 = 0;
  let did = DID_NOTHING;
  if (!single) scratchClear();
  for (let i = first; i < argc(); i += step) {
    // A single score is in root.real since it was checked.
    if (!single) read(c, i);
    const member = i + step - 1;
    did = zsetAdd(e, argPtr(member), argLen(member), r.real, options);
    if (did == DID_ADD) added++;
    else if (did == DID_UPDATE) updated++;
    else if (did == DID_FAIL || did == DID_NAN) break;
    if (!single && !fresh && !note(did)) {
      takeBackOne(e, did, member, scoreBefore());
      did = DID_FAIL;
      break;
    }
  }
  const score = r.real;
  if (did == DID_FAIL && !fresh && !single) {
    takeBack(e, first, step);
    added = 0;
    updated = 0;
  }
  if (!single) scratchRelease();
  if (fresh && (did == DID_FAIL || !addEntry(db, e))) {
    valueFree(e);
    replyOutOfMemory(c);
    return;
  }
  r.real = score;
  if (did == DID_FAIL) replyOutOfMemory(c);
  else if (did == DID_NAN) replyError(c, "ERR resulting score is not a number (NaN)");
  else replyAdded(c, options, options & ADD_CH ? added + updated : added, did);
  if (added + updated == 0) return;
  changed(added + updated);
  if (options & ADD_INCREMENT) notify(NOTIFY_ZSET, "zincr", argPtr(1), argLen(1), db.id);
  else notify(NOTIFY_ZSET, "zadd", argPtr(1), argLen(1), db.id);
}

/**
 * The change behind ZADD and GEOADD: from argument `first` on, each `step` of them are a score, as `read` reads it, and
 * a member. All are read before anything changes.
 */
export function addMembers(c: Client, options: u32, first: i32, step: i32, read: ReadScore): void {
  let longest = 0;
  for (let i = first; i < argc(); i += step) {
    if (!read(c, i)) return;
    longest = max<i32>(longest, argLen(i + step - 1));
  }
  const score = root().real;
  const count = <i64>((argc() - first) / step);
  let e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_ZSET)) return;
  const fresh = e == 0;
  if (fresh) {
    if (options & ADD_XX) {
      replyAdded(c, options, 0, DID_NOTHING);
      return;
    }
    e = newZset(argPtr(1), argLen(1), fitsListpack(count, longest));
  } else if (!zsetMaybeUnpack(e, count, longest)) {
    e = 0;
  }
  if (e == 0) {
    replyOutOfMemory(c);
    return;
  }
  root().real = score;
  addTo(c, e, fresh, options, first, step, read);
}

function readPlain(c: Client, i: i32): bool {
  return argDouble(c, i);
}

function addGeneric(c: Client, options: u32): void {
  let first = 2;
  for (; first < argc(); first++) {
    const option = addOption(first);
    if (option == 0) break;
    options |= option;
  }
  const rest = argc() - first;
  if (rest == 0 || rest & 1) {
    replySyntax(c);
    return;
  }
  if (addOptionsFit(c, options, rest >> 1)) addMembers(c, options, first, 2, readPlain);
}

/** ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...] */
export function zaddCommand(c: Client): void {
  addGeneric(c, 0);
}

/** ZINCRBY key increment member */
export function zincrbyCommand(c: Client): void {
  addGeneric(c, ADD_INCREMENT);
}

// --- ZREM ---

/** ZREM key member [member ...] */
export function zremCommand(c: Client): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_ZSET)) return;
  let removed: i64 = 0;
  let emptied = false;
  for (let i = 2; e != 0 && i < argc() && !emptied; i++) {
    if (!zsetRemove(e, argPtr(i), argLen(i))) continue;
    removed++;
    emptied = zsetLength(e) == 0;
  }
  if (removed > 0) {
    changed(removed);
    notify(NOTIFY_ZSET, "zrem", argPtr(1), argLen(1), db.id);
    if (emptied) deleteEmptied(db, argPtr(1), argLen(1));
  }
  replyInteger(c, removed);
}

// --- Questions ---

/** ZCARD key */
export function zcardCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_ZSET)) replyInteger(c, e == 0 ? 0 : <i64>zsetLength(e));
}

/** ZSCORE key member */
export function zscoreCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e == 0 || !zsetScore(e, argPtr(2), argLen(2))) replyNull(c);
  else replyDouble(c, root().real);
}

/** ZMSCORE key member [member ...] */
export function zmscoreCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  replyArray(c, argc() - 2);
  for (let i = 2; i < argc(); i++) {
    if (e == 0 || !zsetScore(e, argPtr(i), argLen(i))) replyNull(c);
    else replyDouble(c, root().real);
  }
}

function rankGeneric(c: Client, reverse: bool): void {
  if (argc() > 4) {
    replyArity(c);
    return;
  }
  const withScore = argc() == 4;
  if (withScore && !argIs(3, "WITHSCORE")) {
    replySyntax(c);
    return;
  }
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  const rank = e == 0 ? -1 : zsetRank(e, argPtr(2), argLen(2));
  if (rank < 0) {
    if (withScore) replyNullArray(c);
    else replyNull(c);
    return;
  }
  if (withScore) replyArray(c, 2);
  replyInteger(c, reverse ? <i64>zsetLength(e) - 1 - rank : rank);
  if (withScore) replyDouble(c, root().real);
}

/** ZRANK key member [WITHSCORE] */
export function zrankCommand(c: Client): void {
  rankGeneric(c, false);
}

/** ZREVRANK key member [WITHSCORE] */
export function zrevrankCommand(c: Client): void {
  rankGeneric(c, true);
}
