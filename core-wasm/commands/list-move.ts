/**
 * Commands that take from one of several lists, or move an element from one list to another, and those of both kinds
 * that wait for a list to have elements. A blocking command runs again from its start when one of its keys is ready.
 */
import { addEntry, Database, lookupWrite } from "../keyspace/database";
import { TYPE_LIST } from "../keyspace/entry";
import { notify, NOTIFY_LIST } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { argTimeout, blockOnKeys, isBlockingAllowed } from "../resp/blocking";
import { Client, clientDb, retractOutput } from "../resp/client";
import {
  replyArray, replyBulk, replyNull, replyNullArray, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { LIST_HEAD, LIST_TAIL } from "../structures/quicklist";
import { cursorClose, cursorIsInt, cursorLength, cursorOpen, cursorView } from "../types/list-cursor";
import { listExpect, listIsQuicklist, listNew, listOpenEnd, listPop, listPush } from "../types/list";
import { valueFree } from "../types/value";
import { argAtLeast, argIs } from "./arguments";
import { elementsPopped, popRange } from "./list";
import { replyElement } from "./list-reply";
import { isOfType } from "./look-up";

const BAD_NUMKEYS = "ERR numkeys should be greater than 0";
const BAD_COUNT = "ERR count should be greater than 0";
const NO_END: i32 = -1;
/** A count that says: one element, which is not replied as an array. */
const SINGLE: i64 = -1;

/** Reads argument i as LEFT or RIGHT; NO_END after an error reply. */
function argEnd(c: Client, i: i32): i32 {
  if (argIs(i, "RIGHT")) return LIST_TAIL;
  if (argIs(i, "LEFT")) return LIST_HEAD;
  replySyntax(c);
  return NO_END;
}

// --- Moving an element ---

function notifyPush(db: Database, where: i32): void {
  if (where == LIST_HEAD) notify(NOTIFY_LIST, "lpush", argPtr(2), argLen(2), db.id);
  else notify(NOTIFY_LIST, "rpush", argPtr(2), argLen(2), db.id);
}

/** Pushes to the list of argument 2, which is made when it is not there (0); false (nothing changed) without memory. */
function pushTo(db: Database, e: usize, ptr: usize, len: i32, expected: i64, where: i32): bool {
  const isNew = e == 0;
  if (isNew) e = listNew(argPtr(2), argLen(2));
  const done = e != 0 && listExpect(e, expected, 1) && listPush(e, ptr, len, where);
  if (!isNew || e == 0) return done;
  if (done && addEntry(db, e)) return true;
  valueFree(e);
  return false;
}

/** Moves the element from one end of a list to one of its ends; it leaves first, so that the list does not outgrow. */
function rotate(e: usize, ptr: usize, len: i32, expected: i64, from: i32, to: i32): bool {
  const copy = allocSpared(<u64>len);
  if (copy == 0) return false;
  memory.copy(copy, ptr, <usize>len);
  listPop(e, from);
  const done = listExpect(e, expected, 1) && listPush(e, copy, len, to);
  // There is room at the place where it was.
  if (!done) listPush(e, copy, len, from);
  free(copy);
  return done;
}

/** Moves an element from the list in argument 1, which is there, to that in argument 2, and replies it. */
function moveBetween(c: Client, source: usize, target: usize, from: i32, to: i32): void {
  const db = clientDb(c);
  const before = c.outBytes;
  let done = listOpenEnd(source, from) && cursorOpen(source, from == LIST_HEAD ? 0 : -1);
  if (done) {
    replyElement(c);
    const ptr = cursorView();
    const len = cursorLength();
    // An integer out of a quicklist does not count when it is decided whether a listpack is outgrown.
    const expected = cursorIsInt() && listIsQuicklist(source) ? 0 : <i64>len;
    done = source == target ? rotate(source, ptr, len, expected, from, to)
      : pushTo(db, target, ptr, len, expected, to);
  }
  cursorClose();
  if (!done) {
    retractOutput(c, before);
    replyOutOfMemory(c);
    return;
  }
  notifyPush(db, to);
  if (source != target) listPop(source, from);
  elementsPopped(db, source, argPtr(1), argLen(1), from, 1);
}

/** LMOVE, and what BLMOVE does when there is an element. */
function move(c: Client, from: i32, to: i32): void {
  const db = clientDb(c);
  const source = lookupWrite(db, argPtr(1), argLen(1));
  if (source == 0) {
    replyNull(c);
    return;
  }
  if (!isOfType(c, source, TYPE_LIST)) return;
  const target = lookupWrite(db, argPtr(2), argLen(2));
  if (isOfType(c, target, TYPE_LIST)) moveBetween(c, source, target, from, to);
}

/** LMOVE source destination LEFT | RIGHT LEFT | RIGHT */
export function lmoveCommand(c: Client): void {
  const from = argEnd(c, 3);
  if (from == NO_END) return;
  const to = argEnd(c, 4);
  if (to != NO_END) move(c, from, to);
}

/** RPOPLPUSH source destination */
export function rpoplpushCommand(c: Client): void {
  move(c, LIST_TAIL, LIST_HEAD);
}

function moveOrWait(c: Client, from: i32, to: i32, deadline: i64): void {
  if (lookupWrite(clientDb(c), argPtr(1), argLen(1)) != 0) move(c, from, to);
  else if (isBlockingAllowed(c)) blockOnKeys(c, TYPE_LIST, 1, 1, deadline, false);
  else replyNull(c);
}

/** BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout */
export function blmoveCommand(c: Client): void {
  const from = argEnd(c, 3);
  if (from == NO_END) return;
  const to = argEnd(c, 4);
  if (to != NO_END && argTimeout(c, 5)) moveOrWait(c, from, to, root().number);
}

/** BRPOPLPUSH source destination timeout */
export function brpoplpushCommand(c: Client): void {
  if (argTimeout(c, 3)) moveOrWait(c, LIST_TAIL, LIST_HEAD, root().number);
}

// --- Taking from the first list that has elements ---

/** Takes from the list of argument i, and replies its name with one element (SINGLE) or an array of up to `count`. */
function popFrom(c: Client, e: usize, i: i32, where: i32, count: i64): void {
  const key = argPtr(i);
  const keyLen = argLen(i);
  const before = c.outBytes;
  replyArray(c, 2);
  replyBulk(c, key, keyLen);
  if (count != SINGLE) {
    popRange(c, e, key, keyLen, where, count, before);
    return;
  }
  const opened = listOpenEnd(e, where) && cursorOpen(e, where == LIST_HEAD ? 0 : -1);
  if (opened) replyElement(c);
  cursorClose();
  if (opened && listPop(e, where)) {
    elementsPopped(clientDb(c), e, key, keyLen, where, 1);
    return;
  }
  retractOutput(c, before);
  replyOutOfMemory(c);
}

/** Takes from the first list of arguments first .. first + keys - 1; true when it has replied. */
function popFirst(c: Client, first: i32, keys: i32, where: i32, count: i64): bool {
  const db = clientDb(c);
  for (let i = first; i < first + keys; i++) {
    const e = lookupWrite(db, argPtr(i), argLen(i));
    if (e == 0) continue;
    if (isOfType(c, e, TYPE_LIST)) popFrom(c, e, i, where, count);
    return true;
  }
  return false;
}

function popOrWait(c: Client, first: i32, keys: i32, where: i32, count: i64, deadline: i64): void {
  if (popFirst(c, first, keys, where, count)) return;
  if (isBlockingAllowed(c)) blockOnKeys(c, TYPE_LIST, first, keys, deadline, false);
  else replyNullArray(c);
}

/** BLPOP key [key ...] timeout */
export function blpopCommand(c: Client): void {
  if (argTimeout(c, argc() - 1)) popOrWait(c, 1, argc() - 2, LIST_HEAD, SINGLE, root().number);
}

/** BRPOP key [key ...] timeout */
export function brpopCommand(c: Client): void {
  if (argTimeout(c, argc() - 1)) popOrWait(c, 1, argc() - 2, LIST_TAIL, SINGLE, root().number);
}

/** LMPOP and BLMPOP: their number of keys is argument i. */
function popMany(c: Client, i: i32, blocking: bool): void {
  const r = root();
  const end = argc();
  if (!argAtLeast(c, i, 1, BAD_NUMKEYS)) return;
  const keys = r.number;
  if (keys >= <i64>(end - i - 1)) {
    replySyntax(c);
    return;
  }
  let at = i + 1 + <i32>keys;
  const where = argEnd(c, at++);
  if (where == NO_END) return;
  let count: i64 = 0;
  for (; at < end; at += 2) {
    if (count != 0 || at + 1 == end || !argIs(at, "COUNT")) {
      replySyntax(c);
      return;
    }
    if (!argAtLeast(c, at + 1, 1, BAD_COUNT)) return;
    count = r.number;
  }
  if (count == 0) count = 1;
  if (blocking) {
    if (argTimeout(c, 1)) popOrWait(c, i + 1, <i32>keys, where, count, r.number);
  } else if (!popFirst(c, i + 1, <i32>keys, where, count)) {
    replyNullArray(c);
  }
}

/** LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count] */
export function lmpopCommand(c: Client): void {
  popMany(c, 1, false);
}

/** BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count] */
export function blmpopCommand(c: Client): void {
  popMany(c, 2, true);
}
