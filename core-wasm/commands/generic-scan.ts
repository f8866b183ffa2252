/**
 * Walks over the keys of a database: KEYS in one go, SCAN a portion a call.
 *
 * Matching entries are gathered in the scratch list before the reply begins, because a reply starts with their number
 * and because removing an expired key may change the table. Memory that is exhausted meanwhile is an error reply.
 */
import { Database, expireIfDue } from "../keyspace/database";
import { entryType } from "../keyspace/entry";
import { root } from "../memory/root";
import { Client, CLIENT_COUNTS_ALL, clientDb } from "../resp/client";
import { replyArray, replyBulk, replyOutOfMemory } from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import {
  scratchAt, scratchFailed, scratchKeep, scratchLength, scratchRelease, scratchSet,
} from "../structures/scratch";
import {
  argCursor, gatherScan, keepVisible, readScanOptions, replyScan, SCAN_TYPE, SCAN_WHOLE, setScanPattern,
} from "./scan";

function replyKeys(c: Client): void {
  const n = scratchLength();
  for (let i = 0; i < n; i++) replyBulk(c, keyAddress(scratchAt(i)), keyLength(scratchAt(i)));
}

// --- KEYS ---

/** KEYS pattern */
export function keysCommand(c: Client): void {
  root().scanCount = SCAN_WHOLE;
  setScanPattern(1);
  gatherScan(clientDb(c).keys, 0, keepVisible);
  if (scratchFailed()) {
    replyOutOfMemory(c);
  } else {
    // Keys may be many: unlike other replies this one is counted by the limits from its first byte, as in Valkey.
    c.flags |= CLIENT_COUNTS_ALL;
    replyArray(c, scratchLength());
    replyKeys(c);
    c.flags &= ~CLIENT_COUNTS_ALL;
  }
  scratchRelease();
}

// --- SCAN ---

function keepType(e: usize): bool {
  const type = root().scanType;
  return type < 0 || <i32>entryType(e) == type;
}

/** Takes keys whose time has come out of what was gathered, and out of the database. */
function dropExpired(db: Database): void {
  const n = scratchLength();
  let kept = 0;
  for (let i = 0; i < n; i++) {
    const e = scratchAt(i);
    if (!expireIfDue(db, e, false)) scratchSet(kept++, e);
  }
  scratchKeep(kept);
}

/** SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] */
export function scanCommand(c: Client): void {
  if (!argCursor(c, 1)) return;
  const cursor = <u64>root().number;
  if (!readScanOptions(c, 2, SCAN_TYPE)) return;
  const db = clientDb(c);
  const next = gatherScan(db.keys, cursor, keepType);
  if (scratchFailed()) {
    replyOutOfMemory(c);
  } else {
    dropExpired(db);
    replyScan(c, next, scratchLength());
    replyKeys(c);
  }
  scratchRelease();
}
