/**
 * Commands on ranges of one sorted set: by rank, by score, by member.
 *
 * Every range becomes a first rank and a count before anything is done with it: the tree counts what stands before a
 * bound in one walk, so limits are plain arithmetic and a reply knows its length.
 */
import { compareBytes } from "../bytes/compare";
import { parseDoubleLimited } from "../bytes/double";
import { addEntry, deleteKey, lookupWrite, replaceEntry } from "../keyspace/database";
import { TYPE_ZSET } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_ZSET } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import {
  replyArray, replyBulk, replyDouble, replyError, replyInteger, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { AFTER_MEMBER, AFTER_SCORE, BEFORE_MEMBER, BEFORE_SCORE } from "../structures/score-tree";
import { valueFree } from "../types/value";
import {
  isPacked, zsetAt, zsetCountBefore, zsetFirst, zsetLast, zsetLength, zsetMember, zsetMemberLength, zsetNext,
  zsetPlaceScore, zsetPrevious,
} from "../types/zset";
import { DID_ADD, fitsListpack, zsetAdd, zsetAppend, zsetRemoveRange } from "../types/zset-change";
import { argI64, argIs, textLength } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { deleteEmptied, newZset } from "./zset";

const BY_ANY: i32 = -1;
const BY_RANK: i32 = 0;
const BY_SCORE: i32 = 1;
const BY_LEX: i32 = 2;

/** Bounds that no member reaches, beside those of structures/score-tree.ts. */
const BEFORE_ALL: i32 = 8;
const AFTER_ALL: i32 = 9;

/** One end of a range, and what of it a command found out. */
@unmanaged
class Bound {
  score: f64;
  ptr: usize;
  len: i32;
  kind: i32;
}

/** The range of the running command: both bounds or ranks, and then the first rank and the number of members. */
@unmanaged
class Range {
  first: i64; // rank of the lowest member
  count: i64; // 0 or less: none
  offset: i64; // LIMIT
  limit: i64; // negative: none
  by: i32;
  reverse: i32;
}

/** Nanoseconds of root.work that a removed member takes. */
const REMOVAL_WORK: u64 = 100;
const LOWER: usize = memory.data(24, 8);
const UPPER: usize = memory.data(24, 8);
const RANGE: usize = memory.data(48, 8);
assert(offsetof<Bound>() <= 24 && offsetof<Range>() <= 48);

function lower(): Bound {
  return changetype<Bound>(LOWER);
}

function upper(): Bound {
  return changetype<Bound>(UPPER);
}

function range(): Range {
  return changetype<Range>(RANGE);
}

// --- Reading bounds ---

/** Reads a score's bound: "score" or "(score". False when it is none. */
function readScore(b: Bound, i: i32, isUpper: bool): bool {
  let ptr = argPtr(i);
  // A bound ends at its first NUL, and an empty one is 0.
  let len = textLength(i);
  const open = len > 0 && load<u8>(ptr) == 0x28;
  if (open) {
    ptr++;
    len--;
  }
  b.kind = open != isUpper ? AFTER_SCORE : BEFORE_SCORE;
  b.score = 0;
  return len == 0 || parseDoubleLimited(ptr, len, changetype<usize>(b) + offsetof<Bound>("score"));
}

/** Reads a member's bound: "-", "+", "(member" or "[member". False when it is none. */
function readMember(b: Bound, i: i32, isUpper: bool): bool {
  if (argLen(i) == 0) return false;
  const kind = load<u8>(argPtr(i));
  if (kind == 0x2d || kind == 0x2b) {
    b.kind = kind == 0x2d ? BEFORE_ALL : AFTER_ALL;
    return textLength(i) == 1;
  }
  b.ptr = argPtr(i) + 1;
  b.len = argLen(i) - 1;
  b.kind = (kind == 0x28) != isUpper ? AFTER_MEMBER : BEFORE_MEMBER;
  return kind == 0x28 || kind == 0x5b;
}

/** Reads both ends of the range from arguments; replies and returns false when they are none. */
function readBounds(c: Client, by: i32, low: i32, high: i32): bool {
  if (by == BY_RANK) {
    if (!argI64(c, low)) return false;
    range().first = root().number;
    if (!argI64(c, high)) return false;
    range().count = root().number;
  } else if (by == BY_SCORE) {
    if (!readScore(lower(), low, false) || !readScore(upper(), high, true)) {
      replyError(c, "ERR min or max is not a float");
      return false;
    }
  } else if (!readMember(lower(), low, false) || !readMember(upper(), high, true)) {
    replyError(c, "ERR min or max not valid string range item");
    return false;
  }
  return true;
}

// --- Resolving ---

function countBefore(e: usize, b: Bound, from: u32): u32 {
  if (b.kind == BEFORE_ALL) return 0;
  if (b.kind == AFTER_ALL) return zsetLength(e);
  return zsetCountBefore(e, from, b.kind, b.score, b.ptr, b.len);
}

/** True when the member at a place stands before a bound by member. */
function standsBefore(e: usize, place: u64, b: Bound): bool {
  if (b.kind == BEFORE_ALL || b.kind == AFTER_ALL) return b.kind == AFTER_ALL;
  const order = compareBytes(zsetMember(e, place), zsetMemberLength(e, place), b.ptr, b.len);
  return order < 0 || (order == 0 && b.kind == AFTER_MEMBER);
}

/**
 * False when nothing is between the bounds by member: the last one is below them, or the first above. That says more
 * than counting does only where scores differ, and then what Valkey says.
 */
function mayBeBetween(e: usize): bool {
  return !standsBefore(e, zsetLast(e), lower()) && standsBefore(e, zsetFirst(e), upper());
}

/** Turns the bounds into the first rank and the count; ranks count from the other end when the range is reversed. */
function resolve(e: usize, by: i32, reverse: bool): void {
  const r = range();
  if (by == BY_LEX && !mayBeBetween(e)) {
    r.count = 0;
    return;
  }
  if (by != BY_RANK) {
    const first = countBefore(e, lower(), 0);
    r.first = <i64>first;
    r.count = <i64>countBefore(e, upper(), first) - <i64>first;
    return;
  }
  const length = <i64>zsetLength(e);
  let start = r.first;
  let end = r.count;
  if (start < 0) start = max<i64>(start + length, 0);
  if (end < 0) end += length;
  if (end >= length) end = length - 1;
  r.first = reverse ? length - 1 - end : start;
  r.count = start > end ? 0 : end - start + 1;
}

/** Applies LIMIT to a range by score or member. */
function applyLimit(e: usize, offset: i64, limit: i64, reverse: bool): void {
  const r = range();
  if (r.count <= 0) return;
  let skip = offset;
  if (offset < 0) {
    // Counted from the far end; a listpack's walk finds nothing there.
    skip = isPacked(e) || offset < -r.count ? r.count : r.count + offset;
  }
  if (skip >= r.count) {
    r.count = 0;
    return;
  }
  let count = r.count - skip;
  if (limit >= 0 && limit < count) count = limit;
  r.first += reverse ? r.count - skip - count : skip;
  r.count = count;
}

// --- Replies and results ---

/** Replies `count` members from rank `first` on, the last of them first when reversed. */
export function replyMembers(c: Client, e: usize, first: u32, count: u32, reverse: bool, withScores: bool): void {
  const pairs = withScores && c.resp != 2;
  replyArray(c, <i32>(withScores && !pairs ? count << 1 : count));
  if (count == 0) return;
  let place = zsetAt(e, reverse ? first + count - 1 : first);
  while (true) {
    if (pairs) replyArray(c, 2);
    replyBulk(c, zsetMember(e, place), zsetMemberLength(e, place));
    if (withScores) replyDouble(c, zsetPlaceScore(e, place));
    if (--count == 0) return;
    place = reverse ? zsetPrevious(e, place) : zsetNext(e, place);
  }
}

/**
 * Makes `fresh` the value of the key in argument i, or deletes the key when it is 0 or empty. True when it is stored:
 * counting that as changes and replying is the caller's. An entry that finds no memory is freed.
 */
export function putZset(c: Client, i: i32, fresh: usize, event: string): bool {
  const db = clientDb(c);
  const key = argPtr(i);
  const keyLen = argLen(i);
  if (fresh == 0 || zsetLength(fresh) == 0) {
    if (fresh != 0) valueFree(fresh);
    if (deleteKey(db, key, keyLen)) {
      notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
      changed(1);
    }
    replyInteger(c, 0);
    return false;
  }
  const old = lookupWrite(db, key, keyLen);
  if (old != 0 ? !replaceEntry(db, old, fresh) : !addEntry(db, fresh)) {
    valueFree(fresh);
    replyOutOfMemory(c);
    return false;
  }
  notify(NOTIFY_ZSET, event, key, keyLen, db.id);
  return true;
}

/** As putZset(), with the reply: the length of the set. */
export function storeZset(c: Client, i: i32, fresh: usize, event: string): void {
  if (!putZset(c, i, fresh, event)) return;
  changed(1);
  replyInteger(c, <i64>zsetLength(fresh));
}

/**
 * A fresh sorted set of `count` members from rank `first` on, under the key in argument 1; 0 when memory is exhausted.
 * They are added in the order in which they would be replied, since a long one makes the set a tree from there on.
 */
function storedMembers(e: usize, first: u32, count: u32, reverse: bool): usize {
  const fresh = newZset(argPtr(1), argLen(1), fitsListpack(<i64>count, 0));
  if (fresh == 0) return 0;
  let place = zsetAt(e, reverse ? first + count - 1 : first);
  while (true) {
    const member = zsetMember(e, place, 1);
    const len = zsetMemberLength(e, place);
    const score = zsetPlaceScore(e, place);
    if (reverse ? zsetAdd(fresh, member, len, score, 0) != DID_ADD : !zsetAppend(fresh, member, len, score)) {
      valueFree(fresh);
      return 0;
    }
    if (--count == 0) return fresh;
    place = reverse ? zsetPrevious(e, place) : zsetNext(e, place);
  }
}

/** Stores `count` members from rank `first` on under argument 1. */
function storeMembers(c: Client, e: usize, first: u32, count: u32, reverse: bool): void {
  const fresh = count == 0 ? <usize>0 : storedMembers(e, first, count, reverse);
  if (count > 0 && fresh == 0) replyOutOfMemory(c);
  else storeZset(c, 1, fresh, "zrangestore");
}

// --- ZRANGE and its relatives ---

/**
 * Reads the options from argument i on into the range; returns 1 with scores, 0 without, -1 after an error. What the
 * command itself fixes (`by`, `reverse` not negative) can't be chosen.
 */
function readOptions(c: Client, i: i32, by: i32, reverse: i32, store: bool): i32 {
  const r = range();
  let withScores = 0;
  r.offset = 0;
  r.limit = -1;
  for (; i < argc(); i++) {
    if (!store && argIs(i, "WITHSCORES")) {
      withScores = 1;
    } else if (argIs(i, "LIMIT") && argc() - i > 2) {
      if (!argI64(c, i + 1)) return -1;
      r.offset = root().number;
      if (!argI64(c, i + 2)) return -1;
      r.limit = root().number;
      i += 2;
    } else if (reverse < 0 && argIs(i, "REV")) {
      reverse = 1;
    } else if (by < 0 && argIs(i, "BYLEX")) {
      by = BY_LEX;
    } else if (by < 0 && argIs(i, "BYSCORE")) {
      by = BY_SCORE;
    } else {
      replySyntax(c);
      return -1;
    }
  }
  r.by = by < 0 ? BY_RANK : by;
  r.reverse = reverse > 0 ? 1 : 0;
  if (r.limit != -1 && r.by == BY_RANK) {
    replyError(c, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return -1;
  }
  if (withScores && r.by == BY_LEX) {
    replyError(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return -1;
  }
  return withScores;
}

/** The commands that reply or store a range of the key in argument `key`. */
function rangeGeneric(c: Client, key: i32, by: i32, reverseFixed: i32): void {
  const store = key == 2;
  const withScores = readOptions(c, key + 3, by, reverseFixed, store);
  if (withScores < 0) return;
  const r = range();
  const reverse = r.reverse != 0;
  const swapped = reverse && r.by != BY_RANK;
  if (!readBounds(c, r.by, key + (swapped ? 2 : 1), key + (swapped ? 1 : 2))) return;
  const e = readKey(c, key);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e != 0) {
    resolve(e, r.by, reverse);
    if (r.by != BY_RANK) applyLimit(e, r.offset, r.limit, reverse);
  }
  const count = e == 0 || r.count < 0 ? 0 : <u32>r.count;
  if (store) storeMembers(c, e, <u32>r.first, count, reverse);
  else replyMembers(c, e, <u32>r.first, count, reverse, withScores != 0);
}

/** ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] */
export function zrangeCommand(c: Client): void {
  rangeGeneric(c, 1, BY_ANY, -1);
}

/** ZRANGESTORE destination source start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] */
export function zrangestoreCommand(c: Client): void {
  rangeGeneric(c, 2, BY_ANY, -1);
}

/** ZREVRANGE key start stop [WITHSCORES] */
export function zrevrangeCommand(c: Client): void {
  rangeGeneric(c, 1, BY_RANK, 1);
}

/** ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] */
export function zrangebyscoreCommand(c: Client): void {
  rangeGeneric(c, 1, BY_SCORE, 0);
}

/** ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] */
export function zrevrangebyscoreCommand(c: Client): void {
  rangeGeneric(c, 1, BY_SCORE, 1);
}

/** ZRANGEBYLEX key min max [LIMIT offset count] */
export function zrangebylexCommand(c: Client): void {
  rangeGeneric(c, 1, BY_LEX, 0);
}

/** ZREVRANGEBYLEX key max min [LIMIT offset count] */
export function zrevrangebylexCommand(c: Client): void {
  rangeGeneric(c, 1, BY_LEX, 1);
}

// --- Counting ---

function countGeneric(c: Client, by: i32): void {
  if (!readBounds(c, by, 2, 3)) return;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e != 0) resolve(e, by, false);
  replyInteger(c, e == 0 ? 0 : max<i64>(range().count, 0));
}

/** ZCOUNT key min max */
export function zcountCommand(c: Client): void {
  countGeneric(c, BY_SCORE);
}

/** ZLEXCOUNT key min max */
export function zlexcountCommand(c: Client): void {
  countGeneric(c, BY_LEX);
}

// --- Removing ---

function removeGeneric(c: Client, by: i32, event: string): void {
  if (!readBounds(c, by, 2, 3)) return;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_ZSET)) return;
  const r = range();
  if (e != 0) resolve(e, by, false);
  if (e == 0 || r.count <= 0) {
    replyInteger(c, 0);
    return;
  }
  const count = r.count;
  zsetRemoveRange(e, <u32>r.first, <u32>count);
  root().work += <u64>count * REMOVAL_WORK;
  changed(<u64>count);
  notify(NOTIFY_ZSET, event, argPtr(1), argLen(1), db.id);
  if (zsetLength(e) == 0) deleteEmptied(db, argPtr(1), argLen(1));
  replyInteger(c, count);
}

/** ZREMRANGEBYRANK key start stop */
export function zremrangebyrankCommand(c: Client): void {
  removeGeneric(c, BY_RANK, "zremrangebyrank");
}

/** ZREMRANGEBYSCORE key min max */
export function zremrangebyscoreCommand(c: Client): void {
  removeGeneric(c, BY_SCORE, "zremrangebyscore");
}

/** ZREMRANGEBYLEX key min max */
export function zremrangebylexCommand(c: Client): void {
  removeGeneric(c, BY_LEX, "zremrangebylex");
}
