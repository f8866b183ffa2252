/**
 * Commands on one set (and SMOVE on two): adding, removing, asking. Random members are set-random.ts's business,
 * several sets together set-combine.ts's, SSCAN set-scan.ts's; members and encodings are types/set.ts's.
 */
import { addEntry, Database, deleteKey, lookupWrite } from "../keyspace/database";
import { TYPE_SET } from "../keyspace/entry";
import { announce, changed, notify, NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_SET } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { replyArray, replyBulk, replyBulkInteger, replyInteger, replyOutOfMemory, replySet } from "../resp/reply";
import { scratchAt, scratchClear, scratchLength, scratchPush, scratchRelease } from "../structures/scratch";
import { setAdd, setExpect, setFirstEncoding, setHas, setNew, setRemove, setSize } from "../types/set";
import { SetWalk, setNext, setWalk, setWalkEnd } from "../types/set-walk";
import { valueFree } from "../types/value";
import { isOfType, readKey } from "./look-up";

// --- Shared steps ---

/** Replies the walk's member as a bulk string. */
export function replyMember(c: Client, w: SetWalk): void {
  if (w.isInteger) replyBulkInteger(c, w.value);
  else replyBulk(c, w.ptr, w.len);
}

/** Replies all members, behind a header that the caller has written. */
export function replyMembers(c: Client, e: usize): void {
  const w = setWalk(e);
  while (setNext(w)) replyMember(c, w);
  setWalkEnd(w);
}

/** Deletes the key in argument i, whose set has just lost its last member. */
export function deleteEmptied(db: Database, i: i32): void {
  deleteKey(db, argPtr(i), argLen(i));
  notify(NOTIFY_GENERIC, "del", argPtr(i), argLen(i), db.id);
}

// --- Adding and removing ---

/**
 * Adds arguments 2 and on to the set; returns how many are new, or -1 when memory is exhausted: those that were added
 * are taken out again then.
 */
function addArguments(e: usize): i32 {
  const end = argc();
  if (end == 3) return setAdd(e, argPtr(2), argLen(2));
  scratchClear();
  for (let i = 2; i < end; i++) {
    const added = setAdd(e, argPtr(i), argLen(i));
    if (added == 0 || (added > 0 && scratchPush(<usize>i))) continue;
    if (added > 0) setRemove(e, argPtr(i), argLen(i));
    for (let j = 0; j < scratchLength(); j++) {
      const k = <i32>scratchAt(j);
      setRemove(e, argPtr(k), argLen(k));
    }
    scratchRelease();
    return -1;
  }
  const added = scratchLength();
  scratchRelease();
  return added;
}

/** Makes a set of arguments 2 and on under the key in argument 1; how many they are, or -1 when memory is exhausted. */
function addNewSet(db: Database): i32 {
  const hint = argc() - 2;
  const e = setNew(argPtr(1), argLen(1), setFirstEncoding(argPtr(2), argLen(2), hint), hint);
  if (e == 0) return -1;
  const added = addArguments(e);
  if (added > 0 && addEntry(db, e)) return added;
  valueFree(e);
  return -1;
}

/** SADD key member [member ...] */
export function saddCommand(c: Client): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_SET)) return;
  const added = e == 0 ? addNewSet(db) : setExpect(e, argc() - 2) ? addArguments(e) : -1;
  if (added < 0) {
    replyOutOfMemory(c);
    return;
  }
  if (added > 0) {
    notify(NOTIFY_SET, "sadd", argPtr(1), argLen(1), db.id);
    changed(<u64>added);
  }
  replyInteger(c, <i64>added);
}

/** SREM key member [member ...] */
export function sremCommand(c: Client): void {
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_SET)) return;
  let removed = 0;
  let emptied = false;
  for (let i = 2; e != 0 && i < argc() && !emptied; i++) {
    if (!setRemove(e, argPtr(i), argLen(i))) continue;
    removed++;
    emptied = setSize(e) == 0;
  }
  if (removed > 0) {
    notify(NOTIFY_SET, "srem", argPtr(1), argLen(1), db.id);
    if (emptied) deleteEmptied(db, 1);
    changed(<u64>removed);
  }
  replyInteger(c, <i64>removed);
}

/**
 * Adds argument 3 to the set `to`, or to a new one under the key in argument 2: as setAdd(). That there is a new key is
 * left to be told later: the member has to leave its old set first.
 */
function addMoved(db: Database, to: usize): i32 {
  const r = root();
  const ptr = argPtr(3);
  const len = argLen(3);
  if (to != 0) return setAdd(to, ptr, len);
  const e = setNew(argPtr(2), argLen(2), setFirstEncoding(ptr, len, 1), 1);
  if (e == 0) return -1;
  const observers = r.observers;
  r.observers &= ~NOTIFY_NEW;
  const done = setAdd(e, ptr, len) > 0 && addEntry(db, e);
  r.observers = observers;
  if (done) return 1;
  valueFree(e);
  return -1;
}

/** SMOVE source destination member */
export function smoveCommand(c: Client): void {
  const db = clientDb(c);
  const from = lookupWrite(db, argPtr(1), argLen(1));
  const to = lookupWrite(db, argPtr(2), argLen(2));
  if (from == 0) {
    replyInteger(c, 0);
    return;
  }
  if (!isOfType(c, from, TYPE_SET) || !isOfType(c, to, TYPE_SET)) return;
  const there = setHas(from, argPtr(3), argLen(3));
  if (from == to || !there) {
    replyInteger(c, there ? 1 : 0);
    return;
  }
  const added = addMoved(db, to);
  if (added < 0) {
    replyOutOfMemory(c);
    return;
  }
  setRemove(from, argPtr(3), argLen(3));
  notify(NOTIFY_SET, "srem", argPtr(1), argLen(1), db.id);
  if (setSize(from) == 0) deleteEmptied(db, 1);
  changed(<u64>(1 + added));
  if (to == 0) announce(NOTIFY_NEW, "new", argPtr(2), argLen(2), db.id);
  if (added > 0) notify(NOTIFY_SET, "sadd", argPtr(2), argLen(2), db.id);
  replyInteger(c, 1);
}

// --- Asking ---

/** SISMEMBER key member */
export function sismemberCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_SET)) replyInteger(c, e != 0 && setHas(e, argPtr(2), argLen(2)) ? 1 : 0);
}

/** SMISMEMBER key member [member ...] */
export function smismemberCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_SET)) return;
  const end = argc();
  replyArray(c, end - 2);
  for (let i = 2; i < end; i++) replyInteger(c, e != 0 && setHas(e, argPtr(i), argLen(i)) ? 1 : 0);
}

/** SCARD key */
export function scardCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_SET)) replyInteger(c, e == 0 ? 0 : <i64>setSize(e));
}

/** SMEMBERS key */
export function smembersCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_SET)) return;
  replySet(c, e == 0 ? 0 : setSize(e));
  if (e != 0) replyMembers(c, e);
}
