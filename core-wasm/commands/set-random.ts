/**
 * SPOP and SRANDMEMBER: members by chance. Each is as likely as any other. Distributions and the encodings that are
 * left behind are those of Valkey's strategies; the ways to get there are not.
 *
 * Many different members are chosen in one pass over the set, each taken with the chance that so many of so many are
 * still wanted (Knuth's selection sampling); few of a large set by drawing until they are different.
 */
import { lookupWrite } from "../keyspace/database";
import {
  ENCODING_HASHTABLE, ENCODING_LISTPACK, entryEncoding, entryPointer, entrySetEncoding, entrySetPointer, TYPE_SET,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_SET } from "../keyspace/events";
import { allocSpared, availableBytes, free } from "../memory/allocator";
import { argLen, argPtr, argc, randomBelow, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { CLIENT_CLOSE_ASAP } from "../resp/flags";
import { replyArray, replyError, replyNull, replyOutOfMemory, replySet, replySyntax } from "../resp/reply";
import { lpDelete } from "../structures/listpack";
import {
  scratchAt, scratchClear, scratchFailed, scratchKeep, scratchLength, scratchPush, scratchRelease, scratchSet,
} from "../structures/scratch";
import { setNew, setSize } from "../types/set";
import { setIsTimed } from "../types/set-expire";
import {
  setAddMember, setMemberAt, setNext, setPick, setRemovePicked, setWalk, setWalkEnd,
} from "../types/set-walk";
import { valueFree } from "../types/value";
import { argI64, argRange } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { deleteEmptied, replyMember, replyMembers } from "./set";

/** A set that keeps less than a fifth of what is popped is made anew from what it keeps (Valkey's factor). */
const LEAVE_FACTOR: i64 = 5;
/** Sets of more than so many times the count are drawn from (Valkey's factor). */
const DRAW_FACTOR: i64 = 3;
/** The shortest reply of a member. */
const LEAST_REPLY: u64 = 6;
const NOT_POSITIVE = "ERR value is out of range, must be positive";
const BAD_RANGE = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

/** True when one of `seen` members that are still to come is to be taken, with `wanted` of them wanted. */
function isChosen(wanted: i32, seen: i32): bool {
  return randomBelow(<u32>seen) < <u32>wanted;
}

/** Gathers the places of all members; false (and a reply) when memory is exhausted. */
function gather(c: Client, e: usize): bool {
  scratchClear();
  const w = setWalk(e);
  while (setNext(w)) scratchPush(w.place);
  setWalkEnd(w);
  if (!scratchFailed()) return true;
  scratchRelease();
  replyOutOfMemory(c);
  return false;
}

// --- SPOP ---

/** Takes `count` of a listpack's members out and replies them in their order. */
function popFromListpack(c: Client, e: usize, count: i32): void {
  if (!gather(c, e)) return;
  const n = scratchLength();
  let kept = 0;
  for (let i = 0; i < n && kept < count; i++) {
    if (isChosen(count - kept, n - i)) scratchSet(kept++, scratchAt(i));
  }
  scratchKeep(kept);
  replySet(c, count);
  for (let i = 0; i < count; i++) replyMember(c, setMemberAt(e, scratchAt(i)));
  // From the last to the first: what stands before a member that goes keeps its distance from the beginning.
  const start = entryPointer(e);
  let lp = start;
  for (let i = count - 1; i >= 0; i--) lp = lpDelete(lp, lp + (scratchAt(i) - start));
  entrySetPointer(e, lp);
  popped(c, count);
}

/** Takes `count` members out of an intset or table one by one. */
function popOneByOne(c: Client, e: usize, count: i32): void {
  replySet(c, count);
  for (let i = 0; i < count; i++) {
    const w = setPick(e);
    replyMember(c, w);
    setRemovePicked(w);
  }
  popped(c, count);
}

/**
 * Replies all but `remaining` members and makes a new set of those: a table may so become a listpack. Nothing is
 * changed when memory is exhausted.
 */
function popAllBut(c: Client, e: usize, remaining: i32): void {
  if (!gather(c, e)) return;
  const encoding = entryEncoding(e);
  const fresh = setNew(0, 0, encoding == ENCODING_HASHTABLE ? ENCODING_LISTPACK : encoding, 0);
  const n = scratchLength();
  const count = n - remaining;
  let ok = fresh != 0;
  let gone = 0;
  for (let i = 0; i < n && ok; i++) {
    const place = scratchAt(i);
    if (isChosen(remaining - (i - gone), n - i)) ok = setAddMember(fresh, setMemberAt(e, place)) > 0;
    else scratchSet(gone++, place);
  }
  if (!ok) {
    if (fresh != 0) valueFree(fresh);
    scratchRelease();
    replyOutOfMemory(c);
    return;
  }
  replySet(c, count);
  for (let i = 0; i < count; i++) replyMember(c, setMemberAt(e, scratchAt(i)));
  scratchRelease();
  const structure = entryPointer(fresh);
  const freshEncoding = entryEncoding(fresh);
  entrySetPointer(fresh, entryPointer(e));
  entrySetEncoding(fresh, encoding);
  entrySetPointer(e, structure);
  entrySetEncoding(e, freshEncoding);
  valueFree(fresh);
  popped(c, count);
}

function popped(c: Client, count: i32): void {
  notify(NOTIFY_SET, "spop", argPtr(1), argLen(1), clientDb(c).id);
  changed(<u64>count);
}

/** SPOP with a count. */
function popSome(c: Client): void {
  if (!argI64(c, 2, NOT_POSITIVE)) return;
  const count = root().number;
  if (count < 0) {
    replyError(c, NOT_POSITIVE);
    return;
  }
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_SET)) return;
  if (e == 0 || count == 0) {
    replySet(c, 0);
    return;
  }
  const size = setSize(e);
  if (count >= <i64>size) {
    replySet(c, size);
    replyMembers(c, e);
    popped(c, size);
    deleteEmptied(db, 1);
    return;
  }
  const remaining = <i64>size - count;
  // Members that expire stay in their table.
  if (remaining * LEAVE_FACTOR <= count && !setIsTimed(e)) popAllBut(c, e, <i32>remaining);
  else if (entryEncoding(e) == ENCODING_LISTPACK) popFromListpack(c, e, <i32>count);
  else popOneByOne(c, e, <i32>count);
}

/** SPOP key [count] */
export function spopCommand(c: Client): void {
  if (argc() == 3) {
    popSome(c);
    return;
  }
  if (argc() > 3) {
    replySyntax(c);
    return;
  }
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_SET)) return;
  if (e == 0) {
    replyNull(c);
    return;
  }
  const w = setPick(e);
  replyMember(c, w);
  setRemovePicked(w);
  popped(c, 1);
  if (setSize(e) == 0) deleteEmptied(db, 1);
}

// --- SRANDMEMBER ---

/** Replies `count` members, each chosen from all. */
function replyWithRepetition(c: Client, e: usize, count: i64): void {
  if (<u64>count > availableBytes() / LEAST_REPLY) {
    replyOutOfMemory(c);
    return;
  }
  // To seek in a listpack is to walk: where there is more to choose it is walked once.
  const gathered = count > 2 && entryEncoding(e) == ENCODING_LISTPACK;
  if (gathered && !gather(c, e)) return;
  replyArray(c, <i32>count);
  for (let i = <i32>count; i > 0 && !(c.flags & CLIENT_CLOSE_ASAP); i--) {
    replyMember(c, gathered ? setMemberAt(e, scratchAt(<i32>randomBelow(<u32>scratchLength()))) : setPick(e));
  }
}

/** Replies `count` different members of a set that has more, in the set's order. */
function replySelection(c: Client, e: usize, count: i32): void {
  replyArray(c, count);
  let left = setSize(e);
  const w = setWalk(e);
  while (count > 0 && setNext(w)) {
    if (!isChosen(count, left--)) continue;
    replyMember(c, w);
    count--;
  }
  setWalkEnd(w);
}

/** Remembers a place in an open-addressed table of 2^bits words; false when it is there already. */
function remember(seen: usize, bits: i32, place: usize): bool {
  const mask = (<u32>1 << bits) - 1;
  let i = (<u32>place * 0x9e3779b1) >> (32 - bits);
  while (true) {
    const at = seen + (<usize>i << 2);
    const have = load<u32>(at);
    // Places begin at 0: they are kept with one added.
    if (have == <u32>place + 1) return false;
    if (have == 0) {
      store<u32>(at, <u32>place + 1);
      return true;
    }
    i = (i + 1) & mask;
  }
}

/** Replies `count` different members of a set that has many more. */
function replyDraws(c: Client, e: usize, count: i32): void {
  const bits = 33 - clz<u32>(<u32>count);
  const size = <usize>4 << bits;
  const seen = allocSpared(<u64>size);
  if (seen == 0) {
    replyOutOfMemory(c);
    return;
  }
  memory.fill(seen, 0, size);
  replyArray(c, count);
  while (count > 0) {
    const w = setPick(e);
    if (!remember(seen, bits, w.place)) continue;
    replyMember(c, w);
    count--;
  }
  free(seen);
}

/** SRANDMEMBER key [count] */
export function srandmemberCommand(c: Client): void {
  const end = argc();
  if (end > 3) {
    replySyntax(c);
    return;
  }
  if (end == 3 && !argRange(c, 2, -i64.MAX_VALUE, i64.MAX_VALUE, BAD_RANGE)) return;
  const count = root().number;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_SET)) return;
  if (end == 2) {
    if (e == 0) replyNull(c);
    else replyMember(c, setPick(e));
  } else if (e == 0 || count == 0) {
    replyArray(c, 0);
  } else if (count <= 1) {
    replyWithRepetition(c, e, count < 0 ? -count : count);
  } else if (count >= <i64>setSize(e)) {
    replyArray(c, setSize(e));
    replyMembers(c, e);
  } else if (count * DRAW_FACTOR > <i64>setSize(e) || entryEncoding(e) == ENCODING_LISTPACK) {
    replySelection(c, e, <i32>count);
  } else {
    replyDraws(c, e, <i32>count);
  }
}
