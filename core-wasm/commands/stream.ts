/**
 * Commands that change a stream's entries: XADD, XDEL, XTRIM, XSETID; and XLEN.
 *
 * What trims and appends is types/stream-node.ts's business; groups are stream-group.ts's.
 */
import { addEntry, lookupWrite } from "../keyspace/database";
import { ENCODING_STREAM, entryNew, entrySetPointer, NO_EXPIRE, TYPE_STREAM } from "../keyspace/entry";
import { changed, notify, NOTIFY_STREAM } from "../keyspace/events";
import { free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { signalReady } from "../resp/blocking";
import { Client, clientDb } from "../resp/client";
import { NO_KEY } from "../resp/errors";
import { replyError, replyInteger, replyNull, replyOk, replyOutOfMemory, replySyntax } from "../resp/reply";
import { streamOf } from "../types/stream";
import { Stream, STREAM_OPTIONS, streamNew } from "../types/stream-data";
import {
  APPENDED, compareIds, lastEntryId, streamAppend, streamDelete, streamTrim, TOO_LARGE, Trim,
} from "../types/stream-node";
import { valueFree } from "../types/value";
import { argI64, argIs, replyArity } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { argId, ID_BAD, ID_TIME, ID_WHOLE, INVALID_ID, isSign, parseId, replyId } from "./stream-id";

const TRIM_TWICE = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
const NOT_ABOVE = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
const SMALLER_THAN_TOP = "ERR The ID specified in XSETID is smaller than the target stream top item";
/** What is trimmed with ~ and without LIMIT, in nodes; and when nodes have no limit of entries; and at most. */
const LIMIT_NODES: i64 = 100;
const LIMIT_DEFAULT: i64 = 10000;
const LIMIT_MOST: i64 = 1000000;

/** The options of XADD and XTRIM, at a fixed address. */
@unmanaged
class Options {
  trims: bool;
  onlyExisting: bool; // NOMKSTREAM
  idKind: i32; // ID_WHOLE, ID_TIME, or 0 for *
  idArg: i32; // the argument with the ID, argc when there is none
  ms: u64;
  seq: u64;
}

const OPTIONS: usize = STREAM_OPTIONS;
const TRIM: usize = STREAM_OPTIONS + 64;

function options(): Options {
  return changetype<Options>(OPTIONS);
}

function trim(): Trim {
  return changetype<Trim>(TRIM);
}

// --- Options ---

/** Reads MAXLEN or MINID, whose word is argument i; the last argument that belongs to it, -1 after an error. */
function readTrim(c: Client, i: i32, byId: bool): i32 {
  const t = trim();
  if (options().trims) {
    replyError(c, TRIM_TWICE);
    return -1;
  }
  t.byId = byId;
  t.nodesOnly = false;
  if (i + 2 < argc()) {
    if (isSign(i + 1, 0x7e)) {
      t.nodesOnly = true;
      i++;
    } else if (isSign(i + 1, 0x3d)) {
      i++;
    }
  }
  i++;
  if (byId) {
    if (!argId(c, i)) return -1;
    t.ms = root().idMs;
    t.seq = root().idSeq;
  } else {
    if (!argI64(c, i)) return -1;
    t.most = root().number;
    if (t.most < 0) {
      replyError(c, "ERR The MAXLEN argument must be >= 0.");
      return -1;
    }
  }
  options().trims = true;
  return i;
}

/** Checks that the options go together, and sets the limit that none set; replies and returns false otherwise. */
function checkTrim(c: Client, isAdd: bool, limitGiven: bool): bool {
  const t = trim();
  const trims = options().trims;
  if (t.limit != 0 && !trims) {
    replyError(c, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    return false;
  }
  if (!isAdd && !trims) {
    replyError(c, "ERR syntax error, XTRIM must be called with a trimming strategy");
    return false;
  }
  if (limitGiven && !t.nodesOnly) {
    replyError(c, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    return false;
  }
  if (t.nodesOnly && !limitGiven) {
    const limit = LIMIT_NODES * <i64>root().streamNodeMaxEntries;
    t.limit = limit <= 0 ? LIMIT_DEFAULT : limit > LIMIT_MOST ? LIMIT_MOST : limit;
  }
  return true;
}

/** Reads what XADD has up to its ID, or all of XTRIM's options; false after an error. */
function readOptions(c: Client, isAdd: bool): bool {
  const o = options();
  const t = trim();
  memory.fill(OPTIONS, 0, offsetof<Options>());
  memory.fill(TRIM, 0, offsetof<Trim>());
  const end = argc();
  let limitGiven = false;
  let i = 2;
  for (; i < end; i++) {
    const more = i + 1 < end;
    if (isAdd && isSign(i, 0x2a)) break;
    if (more && argIs(i, "MAXLEN")) {
      i = readTrim(c, i, false);
      if (i < 0) return false;
    } else if (more && argIs(i, "MINID")) {
      i = readTrim(c, i, true);
      if (i < 0) return false;
    } else if (more && argIs(i, "LIMIT")) {
      if (!argI64(c, ++i)) return false;
      t.limit = root().number;
      if (t.limit < 0) {
        replyError(c, "ERR The LIMIT argument must be >= 0.");
        return false;
      }
      limitGiven = true;
    } else if (isAdd && argIs(i, "NOMKSTREAM")) {
      o.onlyExisting = true;
    } else if (isAdd) {
      o.idKind = parseId(i, true);
      o.ms = root().idMs;
      o.seq = root().idSeq;
      if (o.idKind != ID_BAD) break;
      replyError(c, INVALID_ID);
      return false;
    } else {
      replySyntax(c);
      return false;
    }
  }
  o.idArg = i;
  return checkTrim(c, isAdd, limitGiven);
}

// --- XADD ---

/** Finds the ID for a new entry behind lastMs-lastSeq, into root.idMs and idSeq; replies and returns false without. */
function chooseId(c: Client, lastMs: u64, lastSeq: u64): bool {
  const o = options();
  const r = root();
  if (lastMs == u64.MAX_VALUE && lastSeq == u64.MAX_VALUE) {
    replyError(c, "ERR The stream has exhausted the last possible ID, unable to add more items");
    return false;
  }
  let ms = o.ms;
  let seq = o.seq;
  if (o.idKind == 0) {
    ms = <u64>r.nowMs;
    if (ms <= lastMs) {
      ms = lastSeq == u64.MAX_VALUE ? lastMs + 1 : lastMs;
      seq = lastSeq + 1;
    }
  } else if (o.idKind == ID_TIME && ms == lastMs) {
    // Behind the last sequence comes 0, which is not above it.
    seq = lastSeq + 1;
  }
  r.idMs = ms;
  r.idSeq = seq;
  if (compareIds(ms, seq, lastMs, lastSeq) > 0) return true;
  replyError(c, NOT_ABOVE);
  return false;
}

/** Replies why streamAppend() failed. */
function replyNotAppended(c: Client, result: i32): void {
  if (result == TOO_LARGE) replyError(c, "ERR Elements are too large to be stored");
  else replyOutOfMemory(c);
}

/** Adds a stream with its first entry under argument 1, which is absent; 0 after a reply when that can't be. */
function addStream(c: Client, first: i32, fields: i32): usize {
  const r = root();
  if (!chooseId(c, 0, 0)) return 0;
  const e = newStreamEntry();
  if (e == 0) {
    replyOutOfMemory(c);
    return 0;
  }
  const result = streamAppend(streamOf(e), r.idMs, r.idSeq, first, fields);
  if (result == APPENDED && addEntry(clientDb(c), e)) return e;
  valueFree(e);
  replyNotAppended(c, result);
  return 0;
}

/** An entry with an empty stream for the key in argument 1, in no database yet; 0 without memory. */
export function newStreamEntry(i: i32 = 1): usize {
  const s = streamNew();
  if (s == 0) return 0;
  const e = entryNew(argPtr(i), argLen(i), TYPE_STREAM, ENCODING_STREAM, NO_EXPIRE, -1);
  if (e == 0) {
    free(s);
    return 0;
  }
  entrySetPointer(e, s);
  return e;
}

/** XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...] */
export function xaddCommand(c: Client): void {
  if (!readOptions(c, true)) return;
  const o = options();
  const r = root();
  const first = o.idArg + 1;
  const texts = argc() - first;
  if (texts < 2 || (texts & 1) == 1) {
    replyArity(c);
    return;
  }
  if (o.idKind == ID_WHOLE && (o.ms | o.seq) == 0) {
    replyError(c, "ERR The ID specified in XADD must be greater than 0-0");
    return;
  }
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  let e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STREAM)) return;
  if (e == 0) {
    if (o.onlyExisting) {
      replyNull(c);
      return;
    }
    e = addStream(c, first, texts >> 1);
    if (e == 0) return;
  } else {
    const s = streamOf(e);
    if (!chooseId(c, s.lastMs, s.lastSeq)) return;
    const result = streamAppend(s, r.idMs, r.idSeq, first, texts >> 1);
    if (result != APPENDED) {
      replyNotAppended(c, result);
      return;
    }
  }
  const s = streamOf(e);
  notify(NOTIFY_STREAM, "xadd", key, keyLen, db.id);
  changed(1);
  replyId(c, s.lastMs, s.lastSeq);
  if (o.trims && streamTrim(s, trim()) != 0) notify(NOTIFY_STREAM, "xtrim", key, keyLen, db.id);
  signalReady(db, key, keyLen);
}

// --- XLEN, XTRIM, XDEL ---

/** XLEN key */
export function xlenCommand(c: Client): void {
  const e = readKey(c, 1);
  if (isOfType(c, e, TYPE_STREAM)) replyInteger(c, e == 0 ? 0 : <i64>streamOf(e).length);
}

/** XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count] */
export function xtrimCommand(c: Client): void {
  if (!readOptions(c, false)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STREAM)) return;
  const removed = e == 0 ? 0 : streamTrim(streamOf(e), trim());
  if (removed != 0) {
    notify(NOTIFY_STREAM, "xtrim", key, keyLen, db.id);
    changed(<u64>removed);
  }
  replyInteger(c, removed);
}

/** XDEL key id [id ...] */
export function xdelCommand(c: Client): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STREAM)) return;
  if (e == 0) {
    replyInteger(c, 0);
    return;
  }
  for (let i = 2; i < argc(); i++) if (!argId(c, i)) return;
  const r = root();
  let removed = 0;
  for (let i = 2; i < argc(); i++) {
    parseId(i, false);
    const result = streamDelete(streamOf(e), r.idMs, r.idSeq);
    if (result > 0) removed++;
    if (result < 0 && removed == 0) {
      replyOutOfMemory(c);
      return;
    }
  }
  if (removed > 0) {
    notify(NOTIFY_STREAM, "xdel", key, keyLen, db.id);
    changed(removed);
  }
  replyInteger(c, removed);
}

// --- XSETID ---

/** What XSETID sets beside the last ID. */
@unmanaged
class Counters {
  added: i64; // -1: not given
  deletedMs: u64;
  deletedSeq: u64;
}

const COUNTERS: usize = STREAM_OPTIONS + 128;

/** Reads XSETID's options, given the ID ms-seq; false after an error. */
function readCounters(c: Client, ms: u64, seq: u64): bool {
  const r = root();
  const n = changetype<Counters>(COUNTERS);
  n.added = -1;
  n.deletedMs = 0;
  n.deletedSeq = 0;
  for (let i = 3; i < argc(); i += 2) {
    const more = i + 1 < argc();
    if (more && argIs(i, "ENTRIESADDED")) {
      if (!argI64(c, i + 1)) return false;
      n.added = r.number;
      if (n.added < 0) {
        replyError(c, "ERR entries_added must be positive");
        return false;
      }
    } else if (more && argIs(i, "MAXDELETEDID")) {
      if (!argId(c, i + 1)) return false;
      n.deletedMs = r.idMs;
      n.deletedSeq = r.idSeq;
      if (compareIds(ms, seq, r.idMs, r.idSeq) < 0) {
        replyError(c, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        return false;
      }
    } else {
      replySyntax(c);
      return false;
    }
  }
  return true;
}

/** True when the stream's last ID may be ms-seq; replies otherwise. */
function mayBeLast(c: Client, s: Stream, ms: u64, seq: u64): bool {
  const r = root();
  if (compareIds(ms, seq, s.deletedMs, s.deletedSeq) < 0) {
    replyError(c, "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
    return false;
  }
  if (s.length == 0) return true;
  if (lastEntryId(s) && compareIds(ms, seq, r.idMs, r.idSeq) < 0) {
    replyError(c, SMALLER_THAN_TOP);
    return false;
  }
  const added = changetype<Counters>(COUNTERS).added;
  if (added != -1 && s.length > <u64>added) {
    replyError(c, "ERR The entries_added specified in XSETID is smaller than the target stream length");
    return false;
  }
  return true;
}

/** XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id] */
export function xsetidCommand(c: Client): void {
  const r = root();
  if (!argId(c, 2)) return;
  const ms = r.idMs;
  const seq = r.idSeq;
  if (!readCounters(c, ms, seq)) return;
  const db = clientDb(c);
  const e = lookupWrite(db, argPtr(1), argLen(1));
  if (e == 0) {
    replyError(c, NO_KEY);
    return;
  }
  if (!isOfType(c, e, TYPE_STREAM)) return;
  const s = streamOf(e);
  if (!mayBeLast(c, s, ms, seq)) return;
  const n = changetype<Counters>(COUNTERS);
  s.lastMs = ms;
  s.lastSeq = seq;
  if (n.added != -1) s.added = <u64>n.added;
  if ((n.deletedMs | n.deletedSeq) != 0) {
    s.deletedMs = n.deletedMs;
    s.deletedSeq = n.deletedSeq;
  }
  changed(1);
  notify(NOTIFY_STREAM, "xsetid", argPtr(1), argLen(1), db.id);
  replyOk(c);
}
