/**
 * Commands on fields of a hash: setting, reading and deleting them by name.
 *
 * Whole hashes are hash-walk.ts's, random fields hash-random.ts's, numbers hash-number.ts's, the expiry of fields
 * hash-expire.ts's, and hash-extended.ts has the commands that set or read fields and their expiry at once.
 */
import { deleteKey } from "../keyspace/database";
import { NO_EXPIRE } from "../keyspace/entry";
import { changed, notify, NOTIFY_HASH } from "../keyspace/events";
import { Cmd } from "../generated/commands";
import { argLen, argPtr, argc, root } from "../memory/root";
import { forgetKey } from "../resp/batch";
import { Client, clientDb } from "../resp/client";
import { replyArray, replyInteger, replyOk, replyOutOfMemory } from "../resp/reply";
import { lpEntryBytes } from "../structures/listpack";
import {
  HASH_NO_MEMORY, HASH_REVIVED, HASH_UPDATED, hashDelete, hashGet, hashHas, hashLength, hashSet,
} from "../types/hash";
import { isCommand, replyArity } from "./arguments";
import {
  aheadOfField, createHash, LISTPACK_BYTES, makeRoom, NOT_A_HASH, readHash, replyFieldAt, tellDeleted, tellRevived,
  writeHash,
} from "./hash-common";

// --- Setting ---

/** Bytes of a listpack that holds the arguments [first, end). */
function listpackRoom(first: i32, end: i32): i32 {
  const r = root();
  if ((end - first) >> 1 > r.hashMaxListpackEntries) return LISTPACK_BYTES;
  let bytes = LISTPACK_BYTES;
  for (let i = first; i < end; i++) {
    if (argLen(i) > r.hashMaxListpackValue) return LISTPACK_BYTES;
    bytes += lpEntryBytes(argPtr(i), argLen(i));
  }
  return bytes;
}

/**
 * Sets the pairs in arguments [2, end) of the hash `e`, 0 when the key is absent. Returns how many fields are new, -1
 * after an error reply: then memory is exhausted, and only the pairs before the one that did not fit are set.
 */
function setPairs(c: Client, e: usize, end: i32): i32 {
  const db = clientDb(c);
  const absent = e == 0;
  if (absent) e = createHash(db, listpackRoom(2, end));
  let added = 0;
  let revived = 0;
  let done = 2;
  if (e != 0 && makeRoom(e, 2, end)) {
    for (let k = 0; done < end; done += 2) {
      k = aheadOfField(e, done, end, 2, k);
      const code = hashSet(
        db, e, argPtr(done), argLen(done), argPtr(done + 1), argLen(done + 1), NO_EXPIRE, false,
      );
      if (code == HASH_NO_MEMORY) break;
      if (code != HASH_UPDATED) added++;
      if (code == HASH_REVIVED) revived++;
    }
    forgetKey();
  }
  if (done > 2) {
    tellRevived(db, revived);
    notify(NOTIFY_HASH, "hset", argPtr(1), argLen(1), db.id);
    changed((done - 2) >> 1);
  } else if (absent && e != 0) {
    deleteKey(db, argPtr(1), argLen(1));
  }
  if (done == end) return added;
  replyOutOfMemory(c);
  return -1;
}

function hsetGeneric(c: Client): void {
  const end = argc();
  if (end & 1) {
    replyArity(c);
    return;
  }
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  const added = setPairs(c, e, end);
  if (added < 0) return;
  if (isCommand(Cmd.HSET)) replyInteger(c, added);
  else replyOk(c);
}

/** HSET key field value [field value ...] */
export function hsetCommand(c: Client): void {
  hsetGeneric(c);
}

/** HMSET key field value [field value ...] */
export function hmsetCommand(c: Client): void {
  hsetGeneric(c);
}

/** HSETNX key field value */
export function hsetnxCommand(c: Client): void {
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  if (e != 0 && hashHas(e, argPtr(2), argLen(2))) replyInteger(c, 0);
  else if (setPairs(c, e, 4) >= 0) replyInteger(c, 1);
}

// --- Reading ---

/** HGET key field */
export function hgetCommand(c: Client): void {
  const e = readHash(c);
  if (e != NOT_A_HASH) replyFieldAt(c, e, 2);
}

/** HMGET key field [field ...] */
export function hmgetCommand(c: Client): void {
  const e = readHash(c);
  if (e == NOT_A_HASH) return;
  const end = argc();
  replyArray(c, end - 2);
  for (let i = 2, k = 0; i < end; i++) {
    k = aheadOfField(e, i, end, 1, k);
    replyFieldAt(c, e, i);
  }
  forgetKey();
}

/** HLEN key */
export function hlenCommand(c: Client): void {
  const e = readHash(c);
  if (e != NOT_A_HASH) replyInteger(c, e == 0 ? 0 : <i64>hashLength(e));
}

/** HEXISTS key field */
export function hexistsCommand(c: Client): void {
  const e = readHash(c);
  if (e != NOT_A_HASH) replyInteger(c, e != 0 && hashHas(e, argPtr(2), argLen(2)) ? 1 : 0);
}

/** HSTRLEN key field */
export function hstrlenCommand(c: Client): void {
  const e = readHash(c);
  if (e != NOT_A_HASH) replyInteger(c, e != 0 && hashGet(e, argPtr(2), argLen(2)) != 0 ? root().number : 0);
}

// --- Deleting ---

/** HDEL key field [field ...] */
export function hdelCommand(c: Client): void {
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  let deleted = 0;
  if (e != 0) {
    const end = argc();
    for (let i = 2, k = 0; i < end && hashLength(e) != 0; i++) {
      k = aheadOfField(e, i, end, 1, k);
      if (hashDelete(e, argPtr(i), argLen(i), false)) deleted++;
    }
    forgetKey();
    tellDeleted(clientDb(c), e, deleted);
  }
  replyInteger(c, deleted);
}
