/**
 * Commands on several strings at once: MGET, MSET, MSETNX, MSETEX.
 *
 * Setting many keys is all or nothing as far as memory goes: what all of them may take is asked for before the first
 * is set.
 */
import { Database, lookupRead, lookupWrite } from "../keyspace/database";
import { entryExpire, entryType, NO_EXPIRE, TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_STRING } from "../keyspace/events";
import { canAllocate } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, CLIENT_NO_TOUCH, clientDb } from "../resp/client";
import { forgetKey, KEYS_TOUCHED, selectKey, touchKeys } from "../resp/batch";
import { replyArray, replyError, replyInteger, replyNull, replyOk, replyOutOfMemory, replySyntax } from "../resp/reply";
import { setString } from "../types/string";
import { parseArgI64, replyArity } from "./arguments";
import { replyString } from "./string";
import {
  OPTION_ERROR, OPTION_EXPIRE, OPTION_KEEPTTL, OPTION_NX, OPTION_XX, readExpire, readOptions,
} from "./string-options";

const MSETEX_OPTIONS: u32 = OPTION_NX | OPTION_XX | OPTION_EXPIRE | OPTION_KEEPTTL;
/** What an entry, its place in the tables and rounding may take beside key and value. */
const PAIR_OVERHEAD: u64 = 192;

/** MGET key [key ...] */
export function mgetCommand(c: Client): void {
  const db = clientDb(c);
  const n = argc();
  const quiet = (c.flags & CLIENT_NO_TOUCH) != 0;
  replyArray(c, n - 1);
  for (let i = 1; i < n; i++) {
    const k = (i - 1) % KEYS_TOUCHED;
    if (k == 0) touchKeys(db.keys, i, n, 1);
    selectKey(i, k);
    const e = lookupRead(db, argPtr(i), argLen(i), quiet);
    if (e == 0 || entryType(e) != TYPE_STRING) replyNull(c);
    else replyString(c, e);
  }
  forgetKey();
}

// --- Setting pairs: key, value in arguments [first, end) ---

/** True when memory holds all the pairs; size classes round up by a quarter at most, large blocks by a page. */
function pairsFit(first: i32, end: i32): bool {
  let bytes: u64 = 0;
  for (let i = first; i < end; i += 2) {
    const pair = <u64>argLen(i) + <u64>argLen(i + 1);
    bytes += pair + (pair > 32768 ? 65536 : pair >> 2) + PAIR_OVERHEAD;
  }
  return canAllocate(bytes);
}

/** True when at least one of the keys is there (`exists`), or at least one is not. */
function anyKey(db: Database, first: i32, end: i32, exists: bool): bool {
  let found = false;
  for (let i = first; i < end && !found; i += 2) {
    const k = ((i - first) >> 1) % KEYS_TOUCHED;
    if (k == 0) touchKeys(db.keys, i, end, 2);
    selectKey(i, k);
    found = (lookupWrite(db, argPtr(i), argLen(i)) != 0) == exists;
  }
  forgetKey();
  return found;
}

/** Sets the pairs, with an expiry when it is not NO_EXPIRE. False after it replied that memory is exhausted. */
function setPairs(c: Client, first: i32, end: i32, expire: i64, keepTtl: bool): bool {
  const db = clientDb(c);
  let fits = pairsFit(first, end);
  for (let i = first; fits && i < end; i += 2) {
    const k = ((i - first) >> 1) % KEYS_TOUCHED;
    if (k == 0) touchKeys(db.keys, i, end, 2);
    selectKey(i, k);
    const key = argPtr(i);
    const keyLen = argLen(i);
    const e = lookupWrite(db, key, keyLen);
    const until = keepTtl && e != 0 ? entryExpire(e) : expire;
    fits = setString(db, e, key, keyLen, argPtr(i + 1), argLen(i + 1), until);
    if (!fits) break;
    changed(1);
    notify(NOTIFY_STRING, "set", key, keyLen, db.id);
    if (expire != NO_EXPIRE) notify(NOTIFY_GENERIC, "expire", key, keyLen, db.id);
  }
  forgetKey();
  if (!fits) replyOutOfMemory(c);
  return fits;
}

/** MSET key value [key value ...] */
export function msetCommand(c: Client): void {
  if ((argc() & 1) == 0) replyArity(c);
  else if (setPairs(c, 1, argc(), NO_EXPIRE, false)) replyOk(c);
}

/** MSETNX key value [key value ...] */
export function msetnxCommand(c: Client): void {
  if ((argc() & 1) == 0) replyArity(c);
  else if (anyKey(clientDb(c), 1, argc(), true)) replyInteger(c, 0);
  else if (setPairs(c, 1, argc(), NO_EXPIRE, false)) replyInteger(c, 1);
}

/** MSETEX numkeys key value [key value ...] [NX | XX] [EX | PX | EXAT | PXAT time | KEEPTTL] */
export function msetexCommand(c: Client): void {
  const r = root();
  const n = argc();
  if (!parseArgI64(1) || r.number < 1 || r.number > <i64>i32.MAX_VALUE) {
    replyError(c, "ERR invalid numkeys value or out of range");
    return;
  }
  const behind = 2 + (r.number << 1);
  if (behind > <i64>n) {
    replySyntax(c);
    return;
  }
  const end = <i32>behind;
  const options = readOptions(c, end, n, MSETEX_OPTIONS);
  if (options & OPTION_ERROR) return;
  if (options & OPTION_EXPIRE && !readExpire(c, end, n, options)) return;
  const expire = options & OPTION_EXPIRE ? r.number : NO_EXPIRE;
  const db = clientDb(c);
  if ((options & OPTION_NX && anyKey(db, 2, end, true)) || (options & OPTION_XX && anyKey(db, 2, end, false))) {
    replyInteger(c, 0);
    return;
  }
  if (setPairs(c, 2, end, expire, (options & OPTION_KEEPTTL) != 0)) replyInteger(c, 1);
}
