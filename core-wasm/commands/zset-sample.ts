/**
 * Commands that look at some members of a sorted set: random ones, and a scan a portion a call.
 *
 * Random members are drawn by rank, so each is exactly as likely as any other. Different ones are drawn in one pass
 * over the set when they are a large part of it (Knuth's algorithm S), else by drawing ranks until enough differ.
 */
import { formatDouble } from "../bytes/double";
import { formatPrecise } from "../bytes/fixed";
import { entryPointer, TYPE_ZSET } from "../keyspace/entry";
import { allocSpared, canAllocate, free } from "../memory/allocator";
import { argc, randomBelow, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  replyArray, replyBulk, replyDouble, replyError, replyNull, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease,
} from "../structures/scratch";
import { elementScore } from "../structures/score-tree";
import {
  isPacked, zsetAt, zsetFirst, zsetLength, zsetMember, zsetMemberLength, zsetNext, zsetPlaceScore, zsetTable,
} from "../types/zset";
import { argI64, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { argCursor, gatherScan, keepAll, readScanOptions, replyScan, scanMatches, SCAN_NOSCORES } from "./scan";
import { replyMembers } from "./zset-range";

const TEXT: usize = memory.data(32, 8);
/** Members are picked in one pass over the set when they are at least this part of it. */
const PASS_SHARE: u32 = 3;

// --- ZRANDMEMBER ---

/** Replies the member at a place. */
function replyPlace(c: Client, e: usize, place: u64, withScores: bool): void {
  if (withScores && c.resp != 2) replyArray(c, 2);
  replyBulk(c, zsetMember(e, place), zsetMemberLength(e, place));
  if (withScores) replyDouble(c, zsetPlaceScore(e, place));
}

function replyCount(c: Client, count: u32, withScores: bool): void {
  replyArray(c, <i32>(withScores && c.resp == 2 ? count << 1 : count));
}

/** Replies `count` members, each drawn from all of them. */
function replyRepeated(c: Client, e: usize, count: i64, withScores: bool): void {
  // A member takes six bytes at least.
  if (count > 0x3fffffff || !canAllocate(<u64>count * 6)) {
    replyOutOfMemory(c);
    return;
  }
  replyCount(c, <u32>count, withScores);
  const length = zsetLength(e);
  for (let i: i64 = 0; i < count; i++) replyPlace(c, e, zsetAt(e, randomBelow(length)), withScores);
}

/** Replies `count` different members in one pass over all of them. */
function replyPicked(c: Client, e: usize, count: u32, withScores: bool): void {
  replyCount(c, count, withScores);
  let left = zsetLength(e);
  for (let place = zsetFirst(e); count > 0; left--) {
    if (count >= left || randomBelow(left) < count) {
      replyPlace(c, e, place, withScores);
      count--;
    }
    if (count > 0) place = zsetNext(e, place);
  }
}

/** Replies `count` different members, drawing ranks: a hash table of those that were drawn says which are new. */
function replyDrawn(c: Client, e: usize, count: u32, withScores: bool): void {
  const bits = 33 - clz<u32>(count);
  const size = <usize>4 << bits;
  const drawn = allocSpared(<u64>size);
  if (drawn == 0) {
    replyOutOfMemory(c);
    return;
  }
  memory.fill(drawn, 0xff, size);
  const mask = (<u32>1 << bits) - 1;
  const length = zsetLength(e);
  replyCount(c, count, withScores);
  while (count > 0) {
    const rank = randomBelow(length);
    let i = (rank * 0x9e3779b1) >> (32 - bits);
    let found = load<u32>(drawn + (<usize>i << 2));
    while (found != 0xffffffff && found != rank) {
      i = (i + 1) & mask;
      found = load<u32>(drawn + (<usize>i << 2));
    }
    if (found == rank) continue;
    store<u32>(drawn + (<usize>i << 2), rank);
    replyPlace(c, e, zsetAt(e, rank), withScores);
    count--;
  }
  free(drawn);
}

/** ZRANDMEMBER key [count [WITHSCORES]] */
export function zrandmemberCommand(c: Client): void {
  let count: i64 = 1;
  const withScores = argc() == 4;
  if (argc() >= 3) {
    if (!argI64(c, 2)) return;
    count = root().number;
    if (count == i64.MIN_VALUE) {
      replyError(c, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
      return;
    }
    if (argc() > 4 || (withScores && !argIs(3, "WITHSCORES"))) {
      replySyntax(c);
      return;
    }
    if (withScores && (count < -(i64.MAX_VALUE / 2) || count > i64.MAX_VALUE / 2)) {
      replyError(c, "ERR value is out of range");
      return;
    }
  }
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e == 0) {
    if (argc() == 2) replyNull(c);
    else replyArray(c, 0);
    return;
  }
  const length = zsetLength(e);
  if (argc() == 2) replyPlace(c, e, zsetAt(e, randomBelow(length)), false);
  else if (count < 0) replyRepeated(c, e, -count, withScores);
  else if (count >= <i64>length) replyMembers(c, e, 0, length, true, withScores);
  else if (isPacked(e) || <u64>count * PASS_SHARE > <u64>length) replyPicked(c, e, <u32>count, withScores);
  else replyDrawn(c, e, <u32>count, withScores);
}

// --- ZSCAN ---

/** A listpack is scanned in one go. */
function gatherPacked(e: usize): void {
  scratchClear();
  for (let place = zsetFirst(e); place != 0; place = zsetNext(e, place)) {
    if (scanMatches(zsetMember(e, place), zsetMemberLength(e, place))) scratchPush(<usize>place);
  }
}

function replyGathered(c: Client, e: usize, cursor: u64): void {
  const n = scratchLength();
  const withScores = root().scanBare == 0;
  replyScan(c, cursor, withScores ? n << 1 : n);
  const packed = isPacked(e);
  for (let i = 0; i < n; i++) {
    const at = scratchAt(i);
    if (packed) {
      replyBulk(c, zsetMember(e, at), zsetMemberLength(e, at));
      if (withScores) replyBulk(c, TEXT, formatDouble(TEXT, zsetPlaceScore(e, at)));
    } else {
      replyBulk(c, keyAddress(at), keyLength(at));
      // Here, and only here, scores have 17 digits: what clients get depends on the encoding, as in Valkey.
      if (withScores) replyBulk(c, TEXT, formatPrecise(TEXT, elementScore(at)));
    }
  }
}

/** ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES] */
export function zscanCommand(c: Client): void {
  if (!argCursor(c, 2)) return;
  const cursor = <u64>root().number;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e == 0) {
    replyScan(c, 0, 0);
    return;
  }
  if (!readScanOptions(c, 3, SCAN_NOSCORES)) return;
  let next: u64 = 0;
  if (isPacked(e)) gatherPacked(e);
  else next = gatherScan(zsetTable(entryPointer(e)), cursor, keepAll);
  if (scratchFailed()) replyOutOfMemory(c);
  else replyGathered(c, e, next);
  scratchRelease();
}
