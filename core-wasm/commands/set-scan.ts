/**
 * SSCAN: a portion of a set's members a call. Small encodings come whole, as in Valkey; a table by its buckets, with
 * the guarantees of the cursor of structures/hashtable.ts.
 */
import { ENCODING_HASHTABLE, entryEncoding, entryPointer, TYPE_SET } from "../keyspace/entry";
import { root } from "../memory/root";
import { Client } from "../resp/client";
import { replyOutOfMemory } from "../resp/reply";
import { Table } from "../structures/hashtable";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease,
} from "../structures/scratch";
import { setMemberAt, setMemberLength, setMemberPtr, setNext, setWalk, setWalkEnd } from "../types/set-walk";
import { isOfType, readKey } from "./look-up";
import { argCursor, gatherScan, keepAll, readScanOptions, replyScan, scanMatches } from "./scan";
import { replyMember } from "./set";

function gatherAll(e: usize): void {
  scratchClear();
  const w = setWalk(e);
  while (setNext(w)) {
    const ptr = setMemberPtr(w);
    if (scanMatches(ptr, setMemberLength(w))) scratchPush(w.place);
  }
  setWalkEnd(w);
}

/** SSCAN key cursor [MATCH pattern] [COUNT count] */
export function sscanCommand(c: Client): void {
  if (!argCursor(c, 2)) return;
  const cursor = <u64>root().number;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_SET)) return;
  if (e == 0) {
    replyScan(c, 0, 0);
    return;
  }
  if (!readScanOptions(c, 3, 0)) return;
  let next: u64 = 0;
  if (entryEncoding(e) != ENCODING_HASHTABLE) gatherAll(e);
  else next = gatherScan(changetype<Table>(entryPointer(e)), cursor, keepAll);
  if (scratchFailed()) {
    replyOutOfMemory(c);
  } else {
    const n = scratchLength();
    replyScan(c, next, n);
    for (let i = 0; i < n; i++) replyMember(c, setMemberAt(e, scratchAt(i)));
  }
  scratchRelease();
}
