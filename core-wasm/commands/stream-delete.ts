/**
 * XDELEX and XACKDEL, as Redis 8.2 has them: removing entries with regard to the groups that still know of them.
 *
 *   KEEPREF   removes entries, whatever is pending
 *   DELREF    removes them, and takes them out of all groups' pending entries
 *   ACKED     removes only what every group has read and acknowledged; without groups nothing is
 *
 * XDEL is stream.ts's, XACK stream-group.ts's.
 */
import { lookupWrite } from "../keyspace/database";
import { TYPE_STREAM } from "../keyspace/entry";
import { changed, notify, NOTIFY_STREAM } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { replyArray, replyError, replyInteger, replyOutOfMemory, replySyntax } from "../resp/reply";
import { nameAt, nameCount } from "../structures/name-list";
import { streamOf } from "../types/stream";
import { Group, groupsOf, Stream, STREAM_OPTIONS } from "../types/stream-data";
import { groupFind, pendingFind, pendingRemove } from "../types/stream-group";
import { compareIds, entryExists, streamDelete } from "../types/stream-node";
import { argI64, argIs } from "./arguments";
import { isOfType } from "./look-up";
import { argId, parseId } from "./stream-id";

const KEEP: i32 = 0;
const DROP: i32 = 1;
const ACKED: i32 = 2;

// What is replied for an ID.
const MISSING: i32 = -1;
const DELETED: i32 = 1;
const KEPT: i32 = 2;
/** No reply: memory was exhausted before anything changed. */
const FAILED: i32 = 0;

@unmanaged
class Options {
  mode: i32;
  first: i32; // the first ID, 0: there is none yet
  count: i32;
  deleted: i32;
}

function options(): Options {
  return changetype<Options>(STREAM_OPTIONS);
}

// --- Arguments ---

/** Reads numids and the IDs behind argument i, which says IDS; false after an error. */
function readIds(c: Client, i: i32): bool {
  const o = options();
  if (o.first != 0 || i + 1 >= argc()) {
    replySyntax(c);
    return false;
  }
  const notPositive = "ERR Number of IDs must be a positive integer";
  if (!argI64(c, i + 1, notPositive)) return false;
  const n = root().number;
  if (n <= 0) {
    replyError(c, notPositive);
    return false;
  }
  if (n > <i64>(argc() - i - 2)) {
    replyError(c, "ERR The `numids` parameter must match the number of arguments");
    return false;
  }
  o.first = i + 2;
  o.count = <i32>n;
  for (let at = o.first; at < o.first + o.count; at++) if (!argId(c, at)) return false;
  return true;
}

/** Reads [KEEPREF | DELREF | ACKED] IDS numids id [id ...] from argument i on, in any order; false after an error. */
function readOptions(c: Client, i: i32): bool {
  const o = options();
  memory.fill(STREAM_OPTIONS, 0, offsetof<Options>());
  let modes = 0;
  for (; i < argc(); i++) {
    if (argIs(i, "IDS")) {
      if (!readIds(c, i)) return false;
      i = o.first + o.count - 1;
      continue;
    }
    o.mode = argIs(i, "KEEPREF") ? KEEP : argIs(i, "DELREF") ? DROP : argIs(i, "ACKED") ? ACKED : -1;
    if (o.mode >= 0 && ++modes == 1) continue;
    replySyntax(c);
    return false;
  }
  if (o.first != 0) return true;
  replySyntax(c);
  return false;
}

// --- References ---

/** True when a group has yet to read the entry or to acknowledge it; and when there is no group that could have. */
function isWanted(s: Stream, ms: u64, seq: u64): bool {
  const groups = groupsOf(s);
  for (let i = 0; i < nameCount(groups); i++) {
    const g = changetype<Group>(nameAt(groups, i));
    if (compareIds(ms, seq, g.lastMs, g.lastSeq) > 0 || pendingFind(g, ms, seq) != 0) return true;
  }
  return nameCount(groups) == 0;
}

/** Takes an ID out of what is pending in all groups. */
function dropPending(s: Stream, ms: u64, seq: u64): void {
  const groups = groupsOf(s);
  for (let i = 0; i < nameCount(groups); i++) {
    if (pendingRemove(changetype<Group>(nameAt(groups, i)), ms, seq)) changed(1);
  }
}

/** Removes the entry whose ID was read, when the mode allows it. */
function removeEntry(s: Stream): i32 {
  const o = options();
  const r = root();
  const ms = r.idMs;
  const seq = r.idSeq;
  if (o.mode == DROP) dropPending(s, ms, seq);
  if (!entryExists(s, ms, seq)) return MISSING;
  if (o.mode == ACKED && isWanted(s, ms, seq)) return KEPT;
  if (streamDelete(s, ms, seq) < 0) return FAILED;
  o.deleted++;
  changed(1);
  return DELETED;
}

/** Acknowledges the ID that was read and removes its entry. What the group has not pending is missing to it. */
function acknowledge(s: Stream, g: Group): i32 {
  const r = root();
  const ms = r.idMs;
  const seq = r.idSeq;
  if (!pendingRemove(g, ms, seq)) {
    if (options().mode == DROP && !entryExists(s, ms, seq)) dropPending(s, ms, seq);
    return MISSING;
  }
  changed(1);
  r.idMs = ms;
  r.idSeq = seq;
  return removeEntry(s);
}

// --- Commands ---

/** Goes through the IDs, as XACKDEL for a group and as XDELEX without one, and replies. */
function removeAll(c: Client, s: Stream, group: usize): void {
  const o = options();
  const r = root();
  const results = allocSpared(<u64>o.count);
  if (results == 0) {
    replyOutOfMemory(c);
    return;
  }
  const before = r.dirty;
  for (let i = 0; i < o.count; i++) {
    parseId(o.first + i, false);
    let result = group == 0 ? removeEntry(s) : acknowledge(s, changetype<Group>(group));
    if (result == FAILED && r.dirty == before) {
      free(results);
      replyOutOfMemory(c);
      return;
    }
    // Once something has changed, what no memory is found for is there still.
    if (result == FAILED) result = KEPT;
    store<i8>(results + <usize>i, <i8>result);
  }
  if (o.deleted > 0) notify(NOTIFY_STREAM, "xdel", argPtr(1), argLen(1), clientDb(c).id);
  replyArray(c, o.count);
  for (let i = 0; i < o.count; i++) replyInteger(c, <i64>load<i8>(results + <usize>i));
  free(results);
}

function replyMissing(c: Client): void {
  const n = options().count;
  replyArray(c, n);
  for (let i = 0; i < n; i++) replyInteger(c, MISSING);
}

/** XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...] */
export function xdelexCommand(c: Client): void {
  if (!readOptions(c, 2)) return;
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_STREAM)) return;
  if (e == 0) replyMissing(c);
  else removeAll(c, streamOf(e), 0);
}

/** XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...] */
export function xackdelCommand(c: Client): void {
  if (!readOptions(c, 3)) return;
  const e = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  if (!isOfType(c, e, TYPE_STREAM)) return;
  const group: usize = e == 0 ? 0 : groupFind(streamOf(e), argPtr(2), argLen(2));
  if (group == 0) replyMissing(c);
  else removeAll(c, streamOf(e), group);
}
