/**
 * HRANDFIELD: random fields of a hash, alone or with their values, each as likely as any other.
 *
 *   no count, count 1, count below 0   draws, one independent of the other
 *   count of all fields or more        the whole hash
 *   count above 0                      different fields: a few of many are drawn and marked until there are enough,
 *                                      else all are gathered and the first of a shuffle taken
 *
 * Gathered are positions in the listpack or elements of the table, in the scratch list. While fields are there whose
 * time has come, the others are gathered for any kind of draw: so all draws end.
 */
import { isHidden } from "../keyspace/database";
import { entryPointer } from "../keyspace/entry";
import { allocSpared, free } from "../memory/allocator";
import { argc, randomBelow, root } from "../memory/root";
import { Client, CLIENT_CLOSE_ASAP, retractOutput } from "../resp/client";
import { OUT_OF_RANGE } from "../resp/errors";
import {
  replyArray, replyError, replyNull, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { elementFlags, FLAGS } from "../structures/element";
import { lpFirst, lpNext } from "../structures/listpack";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease, scratchSet,
} from "../structures/scratch";
import { tableRandomSlot, walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { fieldWalk, hashLength, hashTable, hashVisible, isListpack } from "../types/hash";
import { argI64, argIs } from "./arguments";
import { NOT_A_HASH, readHash, replyListpack, replyTableField, replyTableValue } from "./hash-common";

/** Of a hash at least so many times as large as what is asked for, fields are drawn instead of gathered. */
const DRAW_RATIO: i64 = 3;
/** More draws than memory can hold the reply of. */
const DRAWS_MOST: i64 = (1 << 30) - 1;
const BAD_COUNT =
  "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
/** Flag of an element that was drawn already; set only while the command runs. */
const DRAWN: u32 = 128;

/** Gathers all fields that have not expired; false when memory is exhausted. */
function gather(e: usize): bool {
  scratchClear();
  if (isListpack(e)) {
    const lp = entryPointer(e);
    for (let p = lpFirst(lp); p != 0; p = lpNext(lp, lpNext(lp, p))) scratchPush(p);
    return !scratchFailed();
  }
  const walk = fieldWalk();
  walkStart(walk, hashTable(e));
  for (let f = walkNext(walk); f != 0; f = walkNext(walk)) if (!isHidden(f)) scratchPush(f);
  walkEnd(walk);
  return !scratchFailed();
}

/** Replies a gathered field, in RESP3 with its value as a pair. */
function replyOne(c: Client, e: usize, at: usize, values: bool): void {
  if (values && c.resp != 2) replyArray(c, 2);
  if (isListpack(e)) {
    replyListpack(c, at);
    if (values) replyListpack(c, lpNext(entryPointer(e), at));
  } else {
    replyTableField(c, at);
    if (values) replyTableValue(c, at);
  }
}

function replyCount(c: Client, n: i32, values: bool): void {
  replyArray(c, values && c.resp == 2 ? n << 1 : n);
}

/** A field of the table, each as likely as any other; 0 when there is none. */
function draw(e: usize): usize {
  const slot = tableRandomSlot(hashTable(e));
  return slot == 0 ? <usize>0 : <usize>load<u32>(slot);
}

/** True when fields can be drawn from the table itself: it is one, and nothing in it has expired. */
function drawsFromTable(e: usize): bool {
  return !isListpack(e) && hashVisible(e) == hashLength(e);
}

/** `n` draws, fields may repeat. False when memory was exhausted. */
function replyDraws(c: Client, e: usize, n: i32, values: bool): bool {
  if (drawsFromTable(e)) {
    replyCount(c, n, values);
    for (; n > 0 && !(c.flags & CLIENT_CLOSE_ASAP); n--) {
      const f = draw(e);
      if (f == 0) return false;
      replyOne(c, e, f, values);
    }
    return true;
  }
  if (!gather(e)) return false;
  const have = scratchLength();
  replyCount(c, have == 0 ? 0 : n, values);
  for (; have != 0 && n > 0 && !(c.flags & CLIENT_CLOSE_ASAP); n--) {
    replyOne(c, e, scratchAt(<i32>randomBelow(<u32>have)), values);
  }
  return true;
}

/** `n` different fields of a table with many more, drawn from it. False when memory was exhausted. */
function replyFew(c: Client, e: usize, n: i32, values: bool): bool {
  const drawn = allocSpared(<u64>n << 2);
  if (drawn == 0) return false;
  let have = 0;
  while (have < n) {
    const f = draw(e);
    if (f == 0) break;
    if (elementFlags(f) & DRAWN) continue;
    store<u8>(f, <u8>(elementFlags(f) | DRAWN), FLAGS);
    store<u32>(drawn + (<usize>have << 2), <u32>f);
    have++;
  }
  if (have == n) replyCount(c, n, values);
  for (let i = 0; i < have; i++) {
    const f = <usize>load<u32>(drawn + (<usize>i << 2));
    store<u8>(f, <u8>(elementFlags(f) & ~DRAWN), FLAGS);
    if (have == n) replyOne(c, e, f, values);
  }
  free(drawn);
  return have == n;
}

/** `n` different fields, all when there are no more. False when memory was exhausted. */
function replyDifferent(c: Client, e: usize, n: i64, values: bool): bool {
  const size = <i64>hashLength(e);
  if (n <= size / DRAW_RATIO && drawsFromTable(e)) return replyFew(c, e, <i32>n, values);
  if (!gather(e)) return false;
  const have = scratchLength();
  const wanted = n < <i64>have ? <i32>n : have;
  replyCount(c, wanted, values);
  for (let i = 0; i < wanted; i++) {
    if (wanted < have) {
      const j = i + <i32>randomBelow(<u32>(have - i));
      const other = scratchAt(j);
      scratchSet(j, scratchAt(i));
      scratchSet(i, other);
    }
    replyOne(c, e, scratchAt(i), values);
  }
  return true;
}

/** Replies one random field, null when there is none. False when memory was exhausted. */
function replySingle(c: Client, e: usize): bool {
  if (drawsFromTable(e)) {
    const f = draw(e);
    if (f == 0) return false;
    replyTableField(c, f);
    return true;
  }
  if (!gather(e)) return false;
  const have = scratchLength();
  if (have == 0) replyNull(c);
  else replyOne(c, e, scratchAt(<i32>randomBelow(<u32>have)), false);
  return true;
}

/** HRANDFIELD key [count [WITHVALUES]] */
export function hrandfieldCommand(c: Client): void {
  const end = argc();
  const before = c.outBytes;
  const values = end > 3;
  let count: i64 = 0;
  if (end > 2) {
    if (!argI64(c, 2)) return;
    count = root().number;
    if (count == i64.MIN_VALUE) {
      replyError(c, BAD_COUNT);
      return;
    }
    if (end > 4 || (values && !argIs(3, "WITHVALUES"))) {
      replySyntax(c);
      return;
    }
    if (values && (count < -(i64.MAX_VALUE / 2) || count > i64.MAX_VALUE / 2)) {
      replyError(c, OUT_OF_RANGE);
      return;
    }
  }
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  let done = true;
  if (e == 0 || (end > 2 && count == 0)) {
    if (end > 2) replyArray(c, 0);
    else replyNull(c);
  } else if (end == 2) {
    done = replySingle(c, e);
  } else if (count < 0) {
    done = replyDraws(c, e, <i32>min<i64>(-count, DRAWS_MOST), values);
  } else {
    done = replyDifferent(c, e, count, values);
  }
  scratchRelease();
  if (done) return;
  retractOutput(c, before);
  replyOutOfMemory(c);
}
