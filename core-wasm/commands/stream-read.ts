/**
 * XREAD and XREADGROUP.
 *
 * In three steps: read arguments and IDs, so that nothing changes before the last error is out; deliver, which notes
 * for each stream what its reply will be; reply. Only new entries can be waited for: a client that waits has its
 * command run again from its start (resp/blocking.ts), so nothing here tells a first run from a later one.
 */
import { TYPE_STREAM } from "../keyspace/entry";
import { changed } from "../keyspace/events";
import { allocWide, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { argTimeoutMs, blockOnKeys, isBlockingAllowed, setArg } from "../resp/blocking";
import { Client } from "../resp/client";
import {
  errorSend, errorStart, errorText, replyArray, replyBulk, replyError, replyInteger, replyMap, replyNullArray,
  replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { idHigh, idLow, idNext, idSeekFrom, idValue } from "../structures/id-tree";
import { Cmd } from "../generated/commands";
import { streamOf } from "../types/stream";
import {
  Consumer, consumerPending, Delivery, Group, Stream, STREAM_OPTIONS, STREAM_PLACES,
} from "../types/stream-data";
import { claimedAt, claimIdle, nextIdleMs } from "../types/stream-claim";
import { advance, deliver, groupFind } from "../types/stream-group";
import {
  compareIds, Cursor, cursor, cursorNext, cursorNextFrom, entryExists, goTo, lastEntryId, seekFrom,
} from "../types/stream-node";
import { argI64, argIs, isCommand } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { ensureConsumer, replyNoGroup } from "./stream-group";
import { argId, argIsSign, nextId, previousId, replyId, writeId } from "./stream-id";
import { countRange, replyEntries, replyEntry, replySingle } from "./stream-range";

@unmanaged
class Options {
  deadline: i64;
  count: i64; // 0: no limit
  minIdle: i64; // what has been pending for so long is claimed, -1: CLAIM is not given
  waits: bool; // BLOCK is given
  noAck: bool;
  isGroup: bool; // XREADGROUP
  outOfMemory: bool;
  group: i32; // argument with the group's name, the consumer's is the next one; 0: none
  first: i32; // the first key
  streams: i32;
}

/** What is to be done for one stream, and then what there is to reply. */
@unmanaged
class Plan {
  ms: u64; // entries behind this ID; the greatest one stands for >
  seq: u64;
  n: i64; // entries to reply
  at: u64; // where the first of them is: its node's position, its flags, and how many entries are before it there
  entry: usize;
  passed: i32;
  stream: usize;
  group: usize;
  consumer: usize;
  claims: usize; // block of what was claimed, 0: nothing
  claimed: i32; // how many that is
  kind: i32;
}

const NOTHING: i32 = 0;
const ENTRIES: i32 = 1;
const HISTORY: i32 = 2;
const PLANS: usize = STREAM_OPTIONS + 64;
const PLAN_SIZE: usize = (offsetof<Plan>() + 7) & ~7;
const FIXED_PLANS: i32 = 5;
const ID_TEXT: usize = 48;

assert(PLANS + PLAN_SIZE * <usize>FIXED_PLANS <= STREAM_PLACES);

function options(): Options {
  return changetype<Options>(STREAM_OPTIONS);
}

function planAt(plans: usize, i: i32): Plan {
  return changetype<Plan>(plans + PLAN_SIZE * <usize>i);
}

// --- Arguments ---

/** Notes where the keys are; false after an error. */
function readStreams(c: Client, first: i32): bool {
  const o = options();
  const n = argc() - first;
  if ((n & 1) == 0) {
    o.first = first;
    o.streams = n >> 1;
    return true;
  }
  errorStart("ERR Unbalanced '");
  errorText(o.isGroup ? "xreadgroup" : "xread");
  errorText("' list of streams: for each stream key an ID or '");
  errorText(o.isGroup ? ">" : "$");
  errorText("' must be specified.");
  errorSend(c);
  return false;
}

/** True when an option for groups may stand; replies otherwise. */
function groupOption(c: Client, name: string): bool {
  if (options().isGroup) return true;
  errorStart("ERR The ");
  errorText(name);
  errorText(" option is only supported by XREADGROUP. You called XREAD instead.");
  errorSend(c);
  return false;
}

/** Reads all up to the keys; false after an error. */
function readOptions(c: Client): bool {
  const o = options();
  const r = root();
  memory.fill(STREAM_OPTIONS, 0, offsetof<Options>());
  o.isGroup = isCommand(Cmd.XREADGROUP);
  o.minIdle = -1;
  for (let i = 1; i < argc() && o.first == 0; i++) {
    const more = argc() - i - 1;
    if (more > 0 && argIs(i, "BLOCK")) {
      if (!argTimeoutMs(c, ++i)) return false;
      o.deadline = r.number;
      o.waits = true;
    } else if (more > 0 && argIs(i, "COUNT")) {
      if (!argI64(c, ++i)) return false;
      o.count = r.number < 0 ? 0 : r.number;
    } else if (more > 0 && argIs(i, "STREAMS")) {
      if (!readStreams(c, i + 1)) return false;
    } else if (more > 1 && argIs(i, "GROUP")) {
      if (!groupOption(c, "GROUP")) return false;
      o.group = i + 1;
      i += 2;
    } else if (more > 0 && o.isGroup && argIs(i, "CLAIM")) {
      if (!argI64(c, ++i)) return false;
      o.minIdle = r.number < 0 ? 0 : r.number;
    } else if (argIs(i, "NOACK")) {
      if (!groupOption(c, "NOACK")) return false;
      o.noAck = true;
    } else {
      replySyntax(c);
      return false;
    }
  }
  if (o.first == 0) {
    replySyntax(c);
    return false;
  }
  if (!o.isGroup || o.group != 0) return true;
  replyError(c, "ERR Missing GROUP option for XREADGROUP");
  return false;
}

// --- IDs ---

/** ERR The $ ID is meaningless ... */
function replyMeaningless(c: Client, sign: string): void {
  errorStart("ERR The ");
  errorText(sign);
  errorText(" ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ");
  errorText("specifying a proper ID, or use the > ID to get new messages. The ");
  errorText(sign);
  errorText(" ID would just return an empty result set.");
  errorSend(c);
}

/** ERR The > ID can be specified only when ... */
function replyNotNew(c: Client): void {
  errorStart("ERR The > ID can be specified only when calling XREADGROUP ");
  errorText("using the GROUP <group> <consumer> option.");
  errorSend(c);
}

/** Reads the ID in argument i of a stream (0: there is none) into root.idMs and idSeq; false after an error. */
function readFrom(c: Client, i: i32, e: usize): bool {
  const r = root();
  const isGroup = options().isGroup;
  if (argIsSign(i, "$") || argIsSign(i, "+")) {
    const last = argIsSign(i, "+");
    if (isGroup) {
      replyMeaningless(c, last ? "+" : "$");
      return false;
    }
    const known = e != 0 && (!last || streamOf(e).length != 0);
    r.idMs = known ? streamOf(e).lastMs : 0;
    r.idSeq = known ? streamOf(e).lastSeq : 0;
    if (!known || !last || previousId()) return true;
    replyError(c, "ERR the stream last element ID is 0-0");
    return false;
  }
  if (argIsSign(i, ">")) {
    r.idMs = u64.MAX_VALUE;
    r.idSeq = u64.MAX_VALUE;
    if (isGroup) return true;
    replyNotNew(c);
    return false;
  }
  return argId(c, i);
}

/** Fills the plans with groups and IDs; false after an error. */
function readPlans(c: Client, plans: usize): bool {
  const o = options();
  const r = root();
  for (let i = 0; i < o.streams; i++) {
    const p = planAt(plans, i);
    const e = readKey(c, o.first + i);
    if (!isOfType(c, e, TYPE_STREAM)) return false;
    p.kind = NOTHING;
    p.group = 0;
    p.claims = 0;
    p.claimed = 0;
    p.n = 0;
    if (o.isGroup) {
      if (e != 0) p.group = groupFind(streamOf(e), argPtr(o.group), argLen(o.group));
      if (p.group == 0) {
        replyNoGroup(c, o.first + i, o.group, " in XREADGROUP with GROUP option");
        return false;
      }
    }
    if (!readFrom(c, o.first + o.streams + i, e)) return false;
    p.ms = r.idMs;
    p.seq = r.idSeq;
  }
  return true;
}

// --- Delivering ---

/** True when the stream has an entry behind an ID. */
function hasBehind(s: Stream, ms: u64, seq: u64): bool {
  const r = root();
  return s.length != 0 && lastEntryId(s) && compareIds(r.idMs, r.idSeq, ms, seq) > 0;
}

function notePlace(p: Plan, at: Cursor): void {
  p.at = at.at;
  p.entry = at.entry;
  p.passed = at.passed;
}

/** Counts what XREAD finds. */
function planEntries(p: Plan): void {
  const r = root();
  r.idMs = p.ms;
  r.idSeq = p.seq;
  nextId();
  p.kind = ENTRIES;
  p.n = countRange(changetype<Stream>(p.stream), r.idMs, r.idSeq, u64.MAX_VALUE, u64.MAX_VALUE, options().count);
  notePlace(p, cursor());
}

/** Claims what has been pending for long; false when no entry may be delivered beside that. */
function deliverIdle(p: Plan): bool {
  const o = options();
  const r = root();
  const consumer = changetype<Consumer>(p.consumer);
  const s = changetype<Stream>(p.stream);
  p.claims = claimIdle(s, changetype<Group>(p.group), consumer, o.minIdle, o.count);
  if (r.number < 0) {
    o.outOfMemory = true;
    return false;
  }
  p.claimed = <i32>r.number;
  if (p.claimed == 0) return true;
  p.kind = ENTRIES;
  consumer.activeMs = r.nowMs;
  changed(1);
  return o.count == 0 || <i64>p.claimed < o.count;
}

/** Delivers the entries behind the group's last one to the consumer. */
function deliverNew(p: Plan): void {
  const o = options();
  const r = root();
  const s = changetype<Stream>(p.stream);
  const g = changetype<Group>(p.group);
  const consumer = changetype<Consumer>(p.consumer);
  p.ms = g.lastMs;
  p.seq = g.lastSeq;
  p.n = 0;
  r.idMs = p.ms;
  r.idSeq = p.seq;
  nextId();
  const at = cursor();
  let found = seekFrom(at, s, r.idMs, r.idSeq);
  notePlace(p, at);
  while (found && (o.count == 0 || p.n + <i64>p.claimed < o.count)) {
    if (!o.noAck && !deliver(g, consumer, at.ms, at.seq)) {
      o.outOfMemory = true;
      break;
    }
    advance(s, g, at.ms, at.seq);
    p.n++;
    found = cursorNext(at);
  }
  if (p.n == 0) return;
  p.kind = ENTRIES;
  if (!o.noAck) consumer.activeMs = r.nowMs;
  changed(1);
}

/** Delivers once more what the consumer has pending behind an ID. */
function deliverHistory(p: Plan): void {
  const o = options();
  const r = root();
  r.idMs = p.ms;
  r.idSeq = p.seq;
  nextId();
  let n: i64 = 0;
  let at = idSeekFrom(consumerPending(changetype<Consumer>(p.consumer)), r.idMs, r.idSeq);
  for (; at != 0 && (o.count == 0 || n < o.count); at = idNext(at)) {
    if (entryExists(changetype<Stream>(p.stream), idHigh(at), idLow(at))) {
      const d = changetype<Delivery>(idValue(at));
      d.timeMs = r.nowMs;
      d.count++;
    }
    n++;
  }
  p.n = n;
  p.kind = HISTORY;
  changed(1);
}

/** Carries the plans out; how many streams there is something to reply of. */
function carryOut(c: Client, plans: usize): i32 {
  const o = options();
  let served = 0;
  for (let i = 0; i < o.streams; i++) {
    const p = planAt(plans, i);
    const e = readKey(c, o.first + i);
    if (e == 0) continue;
    const s = streamOf(e);
    p.stream = changetype<usize>(s);
    if (p.group == 0) {
      if (hasBehind(s, p.ms, p.seq)) planEntries(p);
    } else {
      const g = changetype<Group>(p.group);
      p.consumer = ensureConsumer(c, g, o.group + 1, o.first + i);
      if (p.consumer == 0) {
        o.outOfMemory = true;
        break;
      }
      if ((p.ms & p.seq) != u64.MAX_VALUE) deliverHistory(p);
      else if ((o.minIdle < 0 || deliverIdle(p)) && hasBehind(s, g.lastMs, g.lastSeq)) deliverNew(p);
    }
    if (p.kind != NOTHING) served++;
  }
  return served;
}

// --- Replying ---

/** Replies what a consumer has pending behind an ID. Of what is no longer in the stream only IDs are left. */
function replyHistory(c: Client, p: Plan): void {
  const r = root();
  const s = changetype<Stream>(p.stream);
  r.idMs = p.ms;
  r.idSeq = p.seq;
  nextId();
  let at = idSeekFrom(consumerPending(changetype<Consumer>(p.consumer)), r.idMs, r.idSeq);
  for (let left = p.n; left > 0; left--) {
    const ms = idHigh(at);
    const seq = idLow(at);
    if (entryExists(s, ms, seq)) {
      replySingle(c, s, ms, seq);
    } else {
      replyArray(c, 2);
      replyId(c, ms, seq);
      replyNullArray(c);
    }
    at = idNext(at);
  }
}

/** Replies the times and counts that entries have when CLAIM is given. */
function replyDelivery(c: Client, idle: i64, count: i64): void {
  replyInteger(c, idle);
  replyInteger(c, count);
}

/** Replies what was claimed, and what is new, as CLAIM has it: how long idle, and how often delivered before. */
function replyClaims(c: Client, p: Plan): void {
  const s = changetype<Stream>(p.stream);
  for (let i = 0; i < p.claimed; i++) {
    const one = claimedAt(p.claims, i);
    replySingle(c, s, one.ms, one.seq, 4);
    replyDelivery(c, one.timeMs, <i64>one.count);
  }
  if (p.n == 0) return;
  const at = cursor();
  goTo(at, s, p.at, p.entry, p.passed);
  for (let left = p.n; left > 0; left--) {
    const behind = replyEntry(c, at, 4);
    replyDelivery(c, 0, 0);
    if (left > 1 && !cursorNextFrom(at, behind)) return;
  }
}

function replyPlan(c: Client, p: Plan, key: i32): void {
  if (c.resp == 2) replyArray(c, 2);
  replyBulk(c, argPtr(key), argLen(key));
  replyArray(c, <i32>p.n + p.claimed);
  if (p.kind == HISTORY) {
    replyHistory(c, p);
    return;
  }
  if (options().minIdle >= 0) {
    replyClaims(c, p);
    return;
  }
  if (p.n == 0) return;
  const at = cursor();
  goTo(at, changetype<Stream>(p.stream), p.at, p.entry, p.passed);
  replyEntries(c, at, p.n);
}

function replyServed(c: Client, plans: usize, served: i32): void {
  const o = options();
  if (c.resp == 2) replyArray(c, served);
  else replyMap(c, served);
  for (let i = 0; i < o.streams; i++) {
    const p = planAt(plans, i);
    if (p.kind != NOTHING) replyPlan(c, p, o.first + i);
  }
}

// --- Waiting ---

/** When something pending will have been idle for long enough, 0: nothing is pending. */
function firstIdleMs(plans: usize): i64 {
  const o = options();
  let first: i64 = 0;
  for (let i = 0; i < o.streams; i++) {
    const next = nextIdleMs(changetype<Group>(planAt(plans, i).group), o.minIdle);
    if (next != 0 && (first == 0 || next < first)) first = next;
  }
  return first;
}

/** Parks the client. A $ becomes the ID that it stands for now, so that the command can run again. */
function wait(c: Client, plans: usize): void {
  const o = options();
  const texts = allocWide(<u64>ID_TEXT * <u64>o.streams);
  if (texts == 0) {
    replyOutOfMemory(c);
    return;
  }
  for (let i = 0; i < o.streams; i++) {
    const arg = o.first + o.streams + i;
    if (!argIsSign(arg, "$")) continue;
    const p = planAt(plans, i);
    const text = texts + ID_TEXT * <usize>i;
    setArg(arg, text, writeId(text, p.ms, p.seq));
  }
  blockOnKeys(c, TYPE_STREAM, o.first, o.streams, o.deadline, o.isGroup, o.minIdle < 0 ? 0 : firstIdleMs(plans));
  free(texts);
}

function readGeneric(c: Client, plans: usize): void {
  const o = options();
  if (!readPlans(c, plans)) return;
  const served = carryOut(c, plans);
  if (served > 0) replyServed(c, plans, served);
  else if (o.outOfMemory) replyOutOfMemory(c);
  else if (o.waits && isBlockingAllowed(c)) wait(c, plans);
  else replyNullArray(c);
  for (let i = 0; i < o.streams; i++) free(planAt(plans, i).claims);
}

/** XREAD [COUNT count] [BLOCK ms] STREAMS key [key ...] id [id ...] */
export function xreadCommand(c: Client): void {
  if (!readOptions(c)) return;
  const n = options().streams;
  if (n <= FIXED_PLANS) {
    readGeneric(c, PLANS);
    return;
  }
  const plans = allocWide(<u64>PLAN_SIZE * <u64>n);
  if (plans == 0) {
    replyOutOfMemory(c);
    return;
  }
  readGeneric(c, plans);
  free(plans);
}

/** XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [CLAIM ms] [NOACK] STREAMS key [key ...] id [id ...] */
export function xreadgroupCommand(c: Client): void {
  xreadCommand(c);
}
