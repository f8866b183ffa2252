/**
 * XPENDING, XCLAIM and XAUTOCLAIM: what was delivered and not acknowledged, and taking it over.
 *
 * Claiming changes first and replies afterwards: so the reply's length is known, and what no memory is found for is
 * neither claimed nor replied.
 */
import { TYPE_STREAM } from "../keyspace/entry";
import { changed } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulk, replyBulkInteger, replyError, replyInteger,
  replyNull, replyNullArray, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { idFirst, idHigh, idLast, idLow, idNext, idSeekFrom, idSize, idValue } from "../structures/id-tree";
import { nameAt, nameCount, nameLength, namePtr } from "../structures/name-list";
import { streamOf } from "../types/stream";
import {
  Consumer, consumerPending, consumersOf, Delivery, Group, groupPending, noteDelivery, Stream, STREAM_OPTIONS,
} from "../types/stream-data";
import { consumerFind, groupFind, pendingAdd, pendingFind, pendingMove, pendingRemove } from "../types/stream-group";
import { compareIds, entryExists } from "../types/stream-node";
import { argI64, argIs, textLength } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { ensureConsumer, replyNoGroup } from "./stream-group";
import { argEnd, argId, argStart, ID_BAD, parseId, replyId } from "./stream-id";
import { replySingle } from "./stream-range";

/** How many pending entries XAUTOCLAIM looks at for one that it may claim. */
const ATTEMPTS: i64 = 10;
const CLAIM_DEFAULT: i64 = 100;
const CLAIM_MOST: i64 = 576460752303423487;
const ID_BYTES: usize = 16;

// --- XPENDING ---

/** Which pending entries XPENDING lists. */
@unmanaged
class Filter {
  ms: u64;
  seq: u64;
  endMs: u64;
  endSeq: u64;
  count: i64;
  minIdle: i64;
}

function filter(): Filter {
  return changetype<Filter>(STREAM_OPTIONS);
}

/** Reads [IDLE ms] start end count; the argument behind them, or -1 after an error. */
function readFilter(c: Client): i32 {
  const r = root();
  const f = filter();
  f.minIdle = 0;
  let at = 3;
  if (argIs(3, "IDLE")) {
    if (!argI64(c, 4)) return -1;
    f.minIdle = r.number;
    if (argc() < 8) {
      replySyntax(c);
      return -1;
    }
    at = 5;
  }
  if (!argI64(c, at + 2)) return -1;
  f.count = r.number < 0 ? 0 : r.number;
  if (!argStart(c, at)) return -1;
  f.ms = r.idMs;
  f.seq = r.idSeq;
  if (!argEnd(c, at + 1)) return -1;
  f.endMs = r.idMs;
  f.endSeq = r.idSeq;
  return at + 3;
}

/** The next pending entry from a position on that the filter lets through, 0 when there is none. */
function nextListed(at: u64): u64 {
  const f = filter();
  const now = root().nowMs;
  for (; at != 0; at = idNext(at)) {
    if (compareIds(idHigh(at), idLow(at), f.endMs, f.endSeq) > 0) return 0;
    if (f.minIdle == 0 || now - changetype<Delivery>(idValue(at)).timeMs >= f.minIdle) return at;
  }
  return 0;
}

function idleOf(d: Delivery): i64 {
  const idle = root().nowMs - d.timeMs;
  return idle < 0 ? 0 : idle;
}

function replyPendingList(c: Client, tree: usize): void {
  const f = filter();
  const first = nextListed(idSeekFrom(tree, f.ms, f.seq));
  let n: i64 = 0;
  for (let at = first; at != 0 && n < f.count; at = nextListed(idNext(at))) {
    n++;
    if (idNext(at) == 0) break;
  }
  replyArray(c, <i32>n);
  let at = first;
  for (; n > 0; n--) {
    const d = changetype<Delivery>(idValue(at));
    replyArray(c, 4);
    replyId(c, idHigh(at), idLow(at));
    replyBulk(c, namePtr(d.consumer), nameLength(d.consumer));
    replyInteger(c, idleOf(d));
    replyInteger(c, <i64>d.count);
    if (n > 1) at = nextListed(idNext(at));
  }
}

function pendingOf(block: usize): u32 {
  return idSize(consumerPending(changetype<Consumer>(block)));
}

function replyPendingSummary(c: Client, g: Group): void {
  const tree = groupPending(g);
  replyArray(c, 4);
  replyInteger(c, idSize(tree));
  if (idSize(tree) == 0) {
    replyNull(c);
    replyNull(c);
    replyNullArray(c);
    return;
  }
  const first = idFirst(tree);
  replyId(c, idHigh(first), idLow(first));
  const last = idLast(tree);
  replyId(c, idHigh(last), idLow(last));
  const list = consumersOf(g);
  let busy = 0;
  for (let i = 0; i < nameCount(list); i++) if (pendingOf(nameAt(list, i)) > 0) busy++;
  replyArray(c, busy);
  for (let i = 0; i < nameCount(list); i++) {
    const consumer = nameAt(list, i);
    if (pendingOf(consumer) == 0) continue;
    replyArray(c, 2);
    replyBulk(c, namePtr(consumer), nameLength(consumer));
    replyBulkInteger(c, pendingOf(consumer));
  }
}

/** The group in argument 2 of the stream that is `e` (0: none); 0 after an error reply. */
function groupOrError(c: Client, e: usize): usize {
  if (!isOfType(c, e, TYPE_STREAM)) return 0;
  const group: usize = e == 0 ? 0 : groupFind(streamOf(e), argPtr(2), argLen(2));
  if (group == 0) replyNoGroup(c, 1, 2);
  return group;
}

/** XPENDING key group [[IDLE min-idle-time] start end count [consumer]] */
export function xpendingCommand(c: Client): void {
  const end = argc();
  if (end != 3 && (end < 6 || end > 9)) {
    replySyntax(c);
    return;
  }
  const behind = end > 3 ? readFilter(c) : 0;
  if (behind < 0) return;
  const address = groupOrError(c, readKey(c, 1));
  if (address == 0) return;
  const g = changetype<Group>(address);
  if (end == 3) {
    replyPendingSummary(c, g);
    return;
  }
  if (behind >= end) {
    replyPendingList(c, groupPending(g));
    return;
  }
  const consumer = consumerFind(g, argPtr(behind), argLen(behind));
  if (consumer == 0) replyArray(c, 0);
  else replyPendingList(c, consumerPending(changetype<Consumer>(consumer)));
}

// --- XCLAIM ---

/** What XCLAIM does to the entries that it takes over. */
@unmanaged
class Claim {
  minIdle: i64;
  timeMs: i64; // -1: not given
  retries: i64; // -1: not given
  lastMs: u64;
  lastSeq: u64;
  ids: i32; // how many arguments from the fifth on are IDs
  force: bool;
  justId: bool;
}

function claim(): Claim {
  return changetype<Claim>(STREAM_OPTIONS);
}

/** Reads the options from argument i on; false after an error. */
function readClaimOptions(c: Client, i: i32): bool {
  const r = root();
  const o = claim();
  o.timeMs = -1;
  o.retries = -1;
  o.lastMs = 0;
  o.lastSeq = 0;
  o.force = false;
  o.justId = false;
  for (; i < argc(); i++) {
    const more = i + 1 < argc();
    if (argIs(i, "FORCE")) {
      o.force = true;
    } else if (argIs(i, "JUSTID")) {
      o.justId = true;
    } else if (more && argIs(i, "IDLE")) {
      if (!argI64(c, ++i, "ERR Invalid IDLE option argument for XCLAIM")) return false;
      o.timeMs = r.nowMs - r.number;
    } else if (more && argIs(i, "TIME")) {
      if (!argI64(c, ++i, "ERR Invalid TIME option argument for XCLAIM")) return false;
      o.timeMs = r.number;
    } else if (more && argIs(i, "RETRYCOUNT")) {
      if (!argI64(c, ++i, "ERR Invalid RETRYCOUNT option argument for XCLAIM")) return false;
      o.retries = r.number;
    } else if (more && argIs(i, "LASTID")) {
      if (!argId(c, ++i)) return false;
      o.lastMs = r.idMs;
      o.lastSeq = r.idSeq;
    } else {
      errorStart("ERR Unrecognized XCLAIM option '");
      errorBytes(argPtr(i), textLength(i), i32.MAX_VALUE);
      errorText("'");
      errorSend(c);
      return false;
    }
  }
  // A time that makes no sense is taken for now: clients that compute one may have another clock.
  if (o.timeMs < 0 || o.timeMs > r.nowMs) o.timeMs = r.nowMs;
  return true;
}

/** Claims the entry whose ID was read. 1: done, 0: it is not to be claimed, -1: memory is exhausted. */
function claimOne(s: Stream, g: Group, consumer: Consumer): i32 {
  const r = root();
  const o = claim();
  const ms = r.idMs;
  const seq = r.idSeq;
  let address = pendingFind(g, ms, seq);
  if (!entryExists(s, ms, seq)) {
    // What is no longer in the stream is not pending any more.
    if (address != 0) {
      pendingRemove(g, ms, seq);
      changed(1);
    }
    return 0;
  }
  if (address == 0) {
    if (!o.force) return 0;
    address = pendingAdd(g, consumer, ms, seq);
    if (address == 0) return -1;
  } else {
    const d = changetype<Delivery>(address);
    if (o.minIdle != 0 && r.nowMs - d.timeMs < o.minIdle) return 0;
    if (!pendingMove(d, consumer, ms, seq)) return -1;
  }
  const d = changetype<Delivery>(address);
  d.timeMs = o.timeMs;
  noteDelivery(g, o.timeMs);
  if (o.retries >= 0) d.count = <u64>o.retries;
  else if (!o.justId) d.count++;
  consumer.activeMs = r.nowMs;
  changed(1);
  return 1;
}

/** Replies a claimed entry, or its ID alone. */
function replyClaimed(c: Client, s: Stream, ms: u64, seq: u64, justId: bool): void {
  if (justId) replyId(c, ms, seq);
  else replySingle(c, s, ms, seq);
}

/** Claims all that the arguments name, noting a byte for each whether it was. How many; -1 after an -OOM reply. */
function claimAll(c: Client, s: Stream, g: Group, consumer: Consumer, claimed: usize): i32 {
  const o = claim();
  memory.fill(claimed, 0, <usize>o.ids);
  let n = 0;
  for (let i = 0; i < o.ids; i++) {
    parseId(5 + i, false);
    const result = claimOne(s, g, consumer);
    if (result < 0) {
      if (n > 0) return n;
      replyOutOfMemory(c);
      return -1;
    }
    store<u8>(claimed + <usize>i, <u8>result);
    n += result;
  }
  return n;
}

/**
 * XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-ms] [RETRYCOUNT count] [FORCE] [JUSTID]
 * [LASTID id]
 */
export function xclaimCommand(c: Client): void {
  const r = root();
  const o = claim();
  const e = readKey(c, 1);
  const address = groupOrError(c, e);
  if (address == 0 || !argI64(c, 4, "ERR Invalid min-idle-time argument for XCLAIM")) return;
  o.minIdle = r.number < 0 ? 0 : r.number;
  let behind = 5;
  while (behind < argc() && parseId(behind, false) != ID_BAD) behind++;
  o.ids = behind - 5;
  if (!readClaimOptions(c, behind)) return;
  const s = streamOf(e);
  const g = changetype<Group>(address);
  const claimed = allocSpared(<u64>o.ids);
  const consumer: usize = claimed == 0 ? 0 : ensureConsumer(c, g, 3, 1);
  if (consumer == 0) {
    free(claimed);
    replyOutOfMemory(c);
    return;
  }
  const movesLast = compareIds(o.lastMs, o.lastSeq, g.lastMs, g.lastSeq) > 0;
  if (movesLast) {
    g.lastMs = o.lastMs;
    g.lastSeq = o.lastSeq;
  }
  const before = r.dirty;
  const n = claimAll(c, s, g, changetype<Consumer>(consumer), claimed);
  if (movesLast && r.dirty == before) changed(1);
  if (n >= 0) {
    replyArray(c, n);
    for (let i = 0; i < o.ids; i++) {
      if (load<u8>(claimed + <usize>i) == 0) continue;
      parseId(5 + i, false);
      replyClaimed(c, s, r.idMs, r.idSeq, o.justId);
    }
  }
  free(claimed);
}

// --- XAUTOCLAIM ---

/** What XAUTOCLAIM finds: claimed IDs from the start of a block on, deleted ones from its end backwards. */
@unmanaged
class Sweep {
  minIdle: i64;
  count: i64;
  ms: u64;
  seq: u64;
  ids: usize;
  room: i32; // in IDs
  claimed: i32;
  deleted: i32;
  justId: bool;
}

function sweep(): Sweep {
  return changetype<Sweep>(STREAM_OPTIONS);
}

function noteId(i: i32, ms: u64, seq: u64): void {
  const at = sweep().ids + <usize>i * ID_BYTES;
  store<u64>(at, ms);
  store<u64>(at, seq, 8);
}

function readSweep(c: Client): bool {
  const r = root();
  const o = sweep();
  if (!argI64(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM")) return false;
  o.minIdle = r.number < 0 ? 0 : r.number;
  if (!argStart(c, 5)) return false;
  o.ms = r.idMs;
  o.seq = r.idSeq;
  o.count = CLAIM_DEFAULT;
  o.justId = false;
  for (let i = 6; i < argc(); i++) {
    if (argIs(i, "COUNT") && i + 1 < argc()) {
      if (!argI64(c, ++i, "ERR COUNT must be > 0")) return false;
      o.count = r.number;
      if (o.count >= 1 && o.count <= CLAIM_MOST) continue;
      replyError(c, "ERR COUNT must be > 0");
      return false;
    }
    if (argIs(i, "JUSTID")) {
      o.justId = true;
    } else {
      replySyntax(c);
      return false;
    }
  }
  return true;
}

/** Walks the group's pending entries and claims; where to go on lands in root.idMs and idSeq. False without memory. */
function sweepPending(s: Stream, g: Group, consumer: Consumer): bool {
  const r = root();
  const o = sweep();
  const tree = groupPending(g);
  let attempts = o.count * ATTEMPTS;
  let left = o.count;
  let at = idSeekFrom(tree, o.ms, o.seq);
  let fits = true;
  for (; attempts > 0 && left > 0 && at != 0; attempts--) {
    const ms = idHigh(at);
    const seq = idLow(at);
    const d = changetype<Delivery>(idValue(at));
    if (!entryExists(s, ms, seq)) {
      pendingRemove(g, ms, seq);
      changed(1);
      noteId(o.room - ++o.deleted, ms, seq);
      left--;
      at = idSeekFrom(tree, ms, seq);
      continue;
    }
    if (o.minIdle == 0 || r.nowMs - d.timeMs >= o.minIdle) {
      fits = pendingMove(d, consumer, ms, seq);
      if (!fits) break;
      d.timeMs = r.nowMs;
      if (!o.justId) d.count++;
      noteId(o.claimed++, ms, seq);
      left--;
      consumer.activeMs = r.nowMs;
      changed(1);
    }
    at = idNext(at);
  }
  r.idMs = at == 0 ? 0 : idHigh(at);
  r.idSeq = at == 0 ? 0 : idLow(at);
  return fits || o.claimed + o.deleted > 0;
}

function replySweep(c: Client, s: Stream): void {
  const r = root();
  const o = sweep();
  replyArray(c, 3);
  replyId(c, r.idMs, r.idSeq);
  replyArray(c, o.claimed);
  for (let i = 0; i < o.claimed; i++) {
    const id = o.ids + <usize>i * ID_BYTES;
    replyClaimed(c, s, load<u64>(id), load<u64>(id, 8), o.justId);
  }
  replyArray(c, o.deleted);
  for (let i = 1; i <= o.deleted; i++) {
    const id = o.ids + <usize>(o.room - i) * ID_BYTES;
    replyId(c, load<u64>(id), load<u64>(id, 8));
  }
}

/** XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID] */
export function xautoclaimCommand(c: Client): void {
  const o = sweep();
  const e = readKey(c, 1);
  if (!readSweep(c)) return;
  const address = groupOrError(c, e);
  if (address == 0) return;
  const s = streamOf(e);
  const g = changetype<Group>(address);
  const pending = <i64>idSize(groupPending(g));
  o.room = <i32>(o.count < pending ? o.count : pending);
  o.claimed = 0;
  o.deleted = 0;
  o.ids = allocSpared(<u64>o.room * ID_BYTES);
  const consumer: usize = o.ids == 0 ? 0 : ensureConsumer(c, g, 3, 1);
  if (consumer == 0 || !sweepPending(s, g, changetype<Consumer>(consumer))) replyOutOfMemory(c);
  else replySweep(c, s);
  free(o.ids);
}
