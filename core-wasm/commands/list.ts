/**
 * Commands on one list: at its ends, by index, by value. How elements are written as replies: list-reply.ts; searching
 * with LPOS: list-search.ts; moving between lists and waiting for them: list-move.ts.
 */
import { addEntry, Database, deleteKey, lookupWrite } from "../keyspace/database";
import { TYPE_LIST } from "../keyspace/entry";
import { announce, changed, notify, NOTIFY_GENERIC, NOTIFY_LIST } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb, retractOutput } from "../resp/client";
import { NO_KEY } from "../resp/errors";
import {
  replyArray, replyError, replyInteger, replyNull, replyNullArray, replyOk, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { LIST_HEAD, LIST_TAIL } from "../structures/quicklist";
import {
  cursorClose, cursorFailed, cursorInsert, cursorIsThere, cursorOpen, cursorRemove, cursorReplace, cursorSeek,
  cursorSeekBack,
} from "../types/list-cursor";
import {
  ELEMENT_WORK, listExpect, listLength, listNew, listPop, listPush, listRemoveRange, listSettle, listTrim,
} from "../types/list";
import { valueFree } from "../types/value";
import { argI64, argIs, argRange, replyArity } from "./arguments";
import { replyElement, replyElements } from "./list-reply";
import { isOfType, readKey } from "./look-up";

const MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
const INDEX_RANGE = "ERR index out of range";
const BAD_COUNT = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

// --- Shared steps ---

/** Ends a removal of elements: the key goes with its last one, else the list may become a listpack again. */
function elementsGone(db: Database, e: usize, key: usize, keyLen: i32): void {
  if (listLength(e) != 0) {
    listSettle(e, false);
    return;
  }
  deleteKey(db, key, keyLen);
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
}

/** What follows on taking `count` elements from an end. */
export function elementsPopped(db: Database, e: usize, key: usize, keyLen: i32, where: i32, count: i64): void {
  if (where == LIST_HEAD) notify(NOTIFY_LIST, "lpop", key, keyLen, db.id);
  else notify(NOTIFY_LIST, "rpop", key, keyLen, db.id);
  elementsGone(db, e, key, keyLen);
  changed(<u64>count);
}

/**
 * Replies an array of the `count` elements at an end, as many as are there at most, and takes them away. False after an
 * -OOM reply in the stead of all since `before`.
 */
export function popRange(
  c: Client, e: usize, key: usize, keyLen: i32, where: i32, count: i64, before: u64,
): bool {
  const length = listLength(e);
  if (count > length) count = length;
  const back = where == LIST_TAIL;
  if (!replyElements(c, e, back ? -1 : 0, count, back, before)) return false;
  if (!listRemoveRange(e, back ? length - count : 0, count)) {
    retractOutput(c, before);
    replyOutOfMemory(c);
    return false;
  }
  elementsPopped(clientDb(c), e, key, keyLen, where, count);
  return true;
}

// --- Pushing ---

/** Pushes arguments 2 and on to an end; takes back those that went in when memory is exhausted, and returns false. */
function pushArguments(e: usize, where: i32): bool {
  const end = argc();
  for (let i = 2; i < end; i++) {
    if (listPush(e, argPtr(i), argLen(i), where)) continue;
    for (; i > 2; i--) listPop(e, where);
    return false;
  }
  return true;
}

/** Makes room for the arguments from `first` on; false when memory is exhausted. */
function expectArguments(e: usize, first: i32, end: i32): bool {
  let bytes: i64 = 0;
  for (let i = first; i < end; i++) bytes += <i64>argLen(i);
  return listExpect(e, bytes, end - first);
}

function push(c: Client, where: i32, onlyOld: bool): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  let e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_LIST)) return;
  const isNew = e == 0;
  if (isNew) {
    if (onlyOld) {
      replyInteger(c, 0);
      return;
    }
    e = listNew(key, keyLen);
  }
  let done = e != 0 && expectArguments(e, 2, argc()) && pushArguments(e, where);
  if (isNew && e != 0 && (!done || !addEntry(db, e))) {
    valueFree(e);
    done = false;
  }
  if (!done) {
    replyOutOfMemory(c);
    return;
  }
  changed(<u64>(argc() - 2));
  if (where == LIST_HEAD) notify(NOTIFY_LIST, "lpush", key, keyLen, db.id);
  else notify(NOTIFY_LIST, "rpush", key, keyLen, db.id);
  replyInteger(c, listLength(e));
}

/** LPUSH key element [element ...] */
export function lpushCommand(c: Client): void {
  push(c, LIST_HEAD, false);
}

/** RPUSH key element [element ...] */
export function rpushCommand(c: Client): void {
  push(c, LIST_TAIL, false);
}

/** LPUSHX key element [element ...] */
export function lpushxCommand(c: Client): void {
  push(c, LIST_HEAD, true);
}

/** RPUSHX key element [element ...] */
export function rpushxCommand(c: Client): void {
  push(c, LIST_TAIL, true);
}

/** LINSERT key BEFORE | AFTER pivot element */
export function linsertCommand(c: Client): void {
  const after = argIs(2, "AFTER");
  if (!after && !argIs(2, "BEFORE")) {
    replySyntax(c);
    return;
  }
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (e == 0) {
    replyInteger(c, 0);
    return;
  }
  if (!isOfType(c, e, TYPE_LIST)) return;
  let found = false;
  let done = false;
  if (expectArguments(e, 4, 5)) {
    cursorOpen(e, 0);
    root().work += <u64>cursorSeek(argPtr(3), argLen(3), i64.MAX_VALUE) * ELEMENT_WORK;
    found = cursorIsThere();
    done = found ? cursorInsert(argPtr(4), argLen(4), after) : !cursorFailed();
    cursorClose();
  }
  if (!done) {
    replyOutOfMemory(c);
  } else if (!found) {
    replyInteger(c, -1);
  } else {
    notify(NOTIFY_LIST, "linsert", key, keyLen, db.id);
    changed(1);
    replyInteger(c, listLength(e));
  }
}

// --- Reading ---

/** LLEN key */
export function llenCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_LIST)) replyInteger(c, e == 0 ? 0 : listLength(e));
}

/** LINDEX key index */
export function lindexCommand(c: Client): void {
  const e = readKey(c, 1);
  if (e == 0) {
    replyNull(c);
    return;
  }
  if (!isOfType(c, e, TYPE_LIST) || !argI64(c, 2)) return;
  if (cursorOpen(e, root().number)) replyElement(c);
  else if (cursorFailed()) replyOutOfMemory(c);
  else replyNull(c);
  cursorClose();
}

/** LRANGE key start stop */
export function lrangeCommand(c: Client): void {
  const r = root();
  if (!argI64(c, 2)) return;
  let start = r.number;
  if (!argI64(c, 3)) return;
  let stop = r.number;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_LIST)) return;
  const length = e == 0 ? 0 : listLength(e);
  if (start < 0) start += length;
  if (stop < 0) stop += length;
  if (start < 0) start = 0;
  if (stop >= length) stop = length - 1;
  if (start > stop) replyArray(c, 0);
  else replyElements(c, e, start, stop - start + 1, false, c.outBytes);
}

// --- Removing and replacing ---

/** LPOP and RPOP without a count. */
function popOne(c: Client, where: i32): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (e == 0) {
    replyNull(c);
    return;
  }
  if (!isOfType(c, e, TYPE_LIST)) return;
  const before = c.outBytes;
  let done = cursorOpen(e, where == LIST_HEAD ? 0 : -1);
  if (done) replyElement(c);
  cursorClose();
  done = done && listPop(e, where);
  if (!done) {
    retractOutput(c, before);
    replyOutOfMemory(c);
    return;
  }
  elementsPopped(db, e, key, keyLen, where, 1);
}

function pop(c: Client, where: i32): void {
  if (argc() == 2) {
    popOne(c, where);
    return;
  }
  if (argc() > 3) {
    replyArity(c);
    return;
  }
  if (!argI64(c, 2, MUST_BE_POSITIVE)) return;
  const count = root().number;
  if (count < 0) {
    replyError(c, MUST_BE_POSITIVE);
    return;
  }
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (e == 0) replyNullArray(c);
  else if (!isOfType(c, e, TYPE_LIST)) return;
  else if (count == 0) replyArray(c, 0);
  else popRange(c, e, argPtr(1), argLen(1), where, count, c.outBytes);
}

/** LPOP key [count] */
export function lpopCommand(c: Client): void {
  pop(c, LIST_HEAD);
}

/** RPOP key [count] */
export function rpopCommand(c: Client): void {
  pop(c, LIST_TAIL);
}

/** LSET key index element */
export function lsetCommand(c: Client): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (e == 0) {
    replyError(c, NO_KEY);
    return;
  }
  if (!isOfType(c, e, TYPE_LIST) || !argI64(c, 2)) return;
  const index = root().number;
  if (!expectArguments(e, 3, 4)) {
    replyOutOfMemory(c);
    return;
  }
  const found = cursorOpen(e, index);
  const done = found ? cursorReplace(argPtr(3), argLen(3)) : !cursorFailed();
  cursorClose();
  if (!done) {
    replyOutOfMemory(c);
  } else if (!found) {
    replyError(c, INDEX_RANGE);
  } else {
    listSettle(e, false);
    notify(NOTIFY_LIST, "lset", argPtr(1), argLen(1), db.id);
    changed(1);
    replyOk(c);
  }
}

/** Removes up to `most` (0: all) elements that are argument 3; returns how many. */
function removeEqual(e: usize, most: i64, back: bool): i64 {
  const ptr = argPtr(3);
  const len = argLen(3);
  let removed: i64 = 0;
  let more = cursorOpen(e, back ? -1 : 0);
  while (more) {
    if (back) cursorSeekBack(ptr, len, i64.MAX_VALUE);
    else cursorSeek(ptr, len, i64.MAX_VALUE);
    if (!cursorIsThere()) break;
    more = cursorRemove(back);
    removed++;
    if (removed == most) break;
  }
  cursorClose();
  return removed;
}

/** LREM key count element */
export function lremCommand(c: Client): void {
  if (!argRange(c, 2, -i64.MAX_VALUE, i64.MAX_VALUE, BAD_COUNT)) return;
  const count = root().number;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_LIST)) return;
  if (e != 0) root().work += <u64>listLength(e) * ELEMENT_WORK;
  const removed = e == 0 ? 0 : removeEqual(e, count < 0 ? -count : count, count < 0);
  if (removed > 0) {
    notify(NOTIFY_LIST, "lrem", key, keyLen, db.id);
    elementsGone(db, e, key, keyLen);
    changed(<u64>removed);
  } else if (e != 0 && cursorFailed()) {
    replyOutOfMemory(c);
    return;
  }
  replyInteger(c, removed);
}

/** LTRIM key start stop */
export function ltrimCommand(c: Client): void {
  const r = root();
  if (!argI64(c, 2)) return;
  let start = r.number;
  if (!argI64(c, 3)) return;
  let stop = r.number;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_LIST)) return;
  if (e == 0) {
    replyOk(c);
    return;
  }
  const length = listLength(e);
  if (start < 0) start += length;
  if (stop < 0) stop += length;
  if (start < 0) start = 0;
  if (stop >= length) stop = length - 1;
  const kept = start > stop ? 0 : stop - start + 1;
  if (!(kept == 0 ? listRemoveRange(e, 0, length) : listTrim(e, start, stop))) {
    replyOutOfMemory(c);
    return;
  }
  if (kept == length) announce(NOTIFY_LIST, "ltrim", key, keyLen, db.id);
  else notify(NOTIFY_LIST, "ltrim", key, keyLen, db.id);
  elementsGone(db, e, key, keyLen);
  changed(<u64>(length - kept));
  r.work += <u64>(length - kept) * ELEMENT_WORK;
  replyOk(c);
}
