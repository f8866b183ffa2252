/**
 * Walks over the keys of a database: KEYS in one go, SCAN a portion a call.
 *
 * Matching entries are gathered in the scratch list before the reply begins, because a reply starts with their number
 * and because removing an expired key may change the table. Memory that is exhausted meanwhile is an error reply.
 */
import { globMatch } from "../bytes/glob";
import { parseU64 } from "../bytes/integer";
import { Database, expireIfDue, isHidden } from "../keyspace/database";
import { entryType } from "../keyspace/entry";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, CLIENT_COUNTS_ALL, clientDb } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulk, replyBulkInteger, replyError, replyOutOfMemory,
  replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { tableScan } from "../structures/hashtable";
import {
  scratchAt, scratchClear, scratchFailed, scratchKeep, scratchLength, scratchRelease, scratchSet,
} from "../structures/scratch";
import { typeByArgument } from "../types/value";
import { argI64, argIs, textLength } from "./arguments";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const DEFAULT_COUNT: i64 = 10;
const STAR: u8 = 0x2a;

/** True when argument i is a pattern that every key matches. */
function matchesAll(i: i32): bool {
  return argLen(i) == 1 && load<u8>(argPtr(i)) == STAR;
}

function matches(e: usize, pattern: i32): bool {
  return globMatch(argPtr(pattern), argLen(pattern), keyAddress(e), keyLength(e), false);
}

/** Replies the keys in the scratch list as an array, and gives the list back. */
function replyGathered(c: Client): void {
  const n = scratchLength();
  replyArray(c, n);
  for (let i = 0; i < n; i++) replyBulk(c, keyAddress(scratchAt(i)), keyLength(scratchAt(i)));
  scratchRelease();
}

// --- KEYS ---

/** KEYS pattern */
export function keysCommand(c: Client): void {
  const db = clientDb(c);
  const all = matchesAll(1);
  scratchClear();
  let cursor: u64 = 0;
  let kept = 0;
  do {
    cursor = tableScan(db.keys, cursor);
    const n = scratchLength();
    for (let i = kept; i < n; i++) {
      const e = scratchAt(i);
      if ((all || matches(e, 1)) && !isHidden(e)) scratchSet(kept++, e);
    }
    scratchKeep(kept);
  } while (cursor != 0 && !scratchFailed());
  if (scratchFailed()) {
    scratchRelease();
    replyOutOfMemory(c);
    return;
  }
  // Keys may be many: unlike other replies this one is counted by the limits from its first byte, as in Valkey.
  c.flags |= CLIENT_COUNTS_ALL;
  replyGathered(c);
  c.flags &= ~CLIENT_COUNTS_ALL;
}

// --- SCAN ---

/**
 * Gathers keys from the cursor on, about `count` of them looked at, and returns the next cursor. `type` -1 and
 * `pattern` 0 let all pass. An expired key that would pass is removed.
 */
function gather(db: Database, cursor: u64, count: i64, type: i32, pattern: i32): u64 {
  let rounds = <u64>count * 10;
  let seen: i64 = 0;
  let kept = 0;
  scratchClear();
  do {
    cursor = tableScan(db.keys, cursor);
    const n = scratchLength();
    seen += <i64>(n - kept);
    for (let i = kept; i < n; i++) {
      const e = scratchAt(i);
      if (type >= 0 && <i32>entryType(e) != type) continue;
      if (pattern != 0 && !matches(e, pattern)) continue;
      if (!expireIfDue(db, e, false)) scratchSet(kept++, e);
    }
    scratchKeep(kept);
  } while (cursor != 0 && rounds-- != 0 && seen < count && !scratchFailed());
  return cursor;
}

function replyUnknownType(c: Client, i: i32): void {
  errorStart("ERR unknown type name '");
  errorBytes(argPtr(i), textLength(i), i32.MAX_VALUE);
  errorText("'");
  errorSend(c);
}

/** SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
export function scanCommand(c: Client): void {
  if (!parseU64(argPtr(1), argLen(1), NUMBER)) {
    replyError(c, "ERR invalid cursor");
    return;
  }
  let cursor = <u64>root().number;
  let count = DEFAULT_COUNT;
  let pattern = 0;
  let type = -1;
  for (let i = 2; i < argc(); i += 2) {
    const hasValue = i + 1 < argc();
    if (hasValue && argIs(i, "COUNT")) {
      if (!argI64(c, i + 1)) return;
      count = root().number;
      if (count < 1) {
        replySyntax(c);
        return;
      }
    } else if (hasValue && argIs(i, "MATCH")) {
      pattern = matchesAll(i + 1) ? 0 : i + 1;
    } else if (hasValue && argIs(i, "TYPE")) {
      type = typeByArgument(argPtr(i + 1), argLen(i + 1));
      if (type < 0) {
        replyUnknownType(c, i + 1);
        return;
      }
    } else {
      if (argIs(i, "NOVALUES")) replyError(c, "ERR NOVALUES option can only be used in HSCAN");
      else if (argIs(i, "NOSCORES")) replyError(c, "ERR NOSCORES option can only be used in ZSCAN");
      else replySyntax(c);
      return;
    }
  }
  cursor = gather(clientDb(c), cursor, count, type, pattern);
  if (scratchFailed()) {
    scratchRelease();
    replyOutOfMemory(c);
    return;
  }
  replyArray(c, 2);
  replyBulkInteger(c, <i64>cursor);
  replyGathered(c);
}
