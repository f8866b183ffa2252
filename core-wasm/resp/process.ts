/**
 * Running a client's input: parse, look up, check, dispatch, until the input is used up or the slice ends.
 *
 * A slice ends early when a command needs the host, when the client is held back or closes, and behind every command
 * that may be slow or while each command's own time is wanted: the host then settles the time and calls again.
 * The command's arguments stay readable until that next call.
 *
 * The usual command pays for: one look-up, one arity comparison, one test of the gate, the counters.
 */
import {
  CMD_CONTAINER, CMD_DENYOOM, CMD_FAST, CMD_HOST, CMD_MAY_REPLICATE, CMD_NO_AUTH, CMD_WEIGHED, CMD_WRITE, Cmd,
  commandArity, commandFlags, commandGroup, commandNameLength, commandNamePtr, lookupCommand, lookupSubcommand,
} from "../generated/commands";
import { dispatch } from "../generated/dispatch";
import { EVICT_FAILED, evictToLimit } from "../keyspace/eviction";
import { LAZY_BUDGET, lazyFreeSome } from "../keyspace/lazyfree";
import { clockUpdate } from "../keyspace/clock";
import { dropDueMembers } from "../keyspace/member-expiry";
import { availableBytes, RESERVE_BYTES, usableSize } from "../memory/allocator";
import { argLen, argPtr, root } from "../memory/root";
import { equalsIgnoreCase } from "../bytes/compare";
import {
  Client, CLIENT_AUTHENTICATED, CLIENT_AWAITS_HOST, CLIENT_BLOCKED, CLIENT_CLOSE_AFTER_REPLY, CLIENT_NOT_RUNNING,
  CLIENT_CLOSE_ASAP, CLIENT_EXECUTING, CLIENT_INTERNAL, CLIENT_LATER_OUTPUT, CLIENT_MULTI, CLIENT_REPLY_OFF,
  CLIENT_REPLY_SKIP, CLIENT_REPLY_SKIP_NEXT, CLIENT_SPECIAL, CLIENT_TRACKING, CLOSE_CROSS_PROTOCOL, CLOSE_QUERY_LIMIT,
  closeFor, GATE_LARGE, holdClient, retractOutput,
} from "./client";
import { CONTEXT_MULTI, CONTEXT_TOP, GATE_DENIED, mayRun } from "./access";
import { serveReady } from "./blocking";
import { batchParse, batchPrepare, batchSelect } from "./batch";
import { runGets } from "./batch-get";
import { evictClients } from "./client-eviction";
import { holdsInput, keepRest, overQueryLimit, trimBuffer, unreadCommand } from "./input";
import { largeEnd, largeIncomplete } from "./large";
import { parseCommand, parseLargeDone, PARSE_DONE, PARSE_ERROR, PARSE_LARGE, PARSE_MORE } from "./parser";
import {
  countError, errorBecause, errorBytes, errorSend, errorStart, errorText, replyError, replyOutOfMemory,
} from "./reply";
import { feedMonitors } from "./monitor";
import { takeLater } from "./pubsub";
import { trackingAfter, trackingTrim } from "./tracking";
import { waitsForBroadcast } from "./tracking-prefixes";
import { refusesBusy, runsScripts } from "./script";
import { effectiveFlags } from "./script-flags";
import { countRun, statOf, uncountRun } from "./stats";
import {
  afterRefusal, continueExecute, executingCommand, nextDatabase, queueCommand, refusesInMulti, refusesMonitor,
  refusesSubscribed,  specialFlags,
} from "./transaction";

// What process() returns.
// @layout
export const STATUS_OUTPUT: i32 = 1;
export const STATUS_NEEDS_HOST: i32 = 2;
export const STATUS_CLOSE_AFTER: i32 = 4;
export const STATUS_CLOSE_NOW: i32 = 8;
export const STATUS_MORE: i32 = 16;
export const STATUS_LARGE: i32 = 32; // the last command's request or reply may be large
export const STATUS_RAN: i32 = 64; // every command ends the slice, and one ran
export const STATUS_BLOCKED: i32 = 128; // the client waits for keys
export const STATUS_DENIED: i32 = 256; // somebody was denied something: notes wait

// Bits of root.gate.
// @layout
export const GATE_AUTH: u32 = 1; // clients have to authenticate
export const GATE_MEMORY: u32 = 2; // maxmemory is set
export const GATE_PAUSE: u32 = 4; // CLIENT PAUSE is in force
export const GATE_TICK: u32 = 8; // every command ends the slice
export const GATE_CLIENTS: u32 = 32; // maxmemory-clients is set
export const GATE_READY: u32 = 64; // clients wait for keys that were made ready
export const GATE_BUSY: u32 = 128; // the host runs a command of a transaction: others wait for the transaction's end
export const GATE_MONITOR: u32 = 256; // somebody monitors
export const GATE_TRACKING: u32 = 512; // more keys are tracked than may be
export const GATE_REPLICAS: u32 = 1024; // writes need replicas, of which there is none
export const GATE_HOST: u32 = 2048; // the host runs a command that no other may run beside
export const GATE_SCRIPT: u32 = 4096; // a script is busy

/** Bits that passGate() looks at. */
const SELDOM: u32 = GATE_PAUSE | GATE_MEMORY | GATE_CLIENTS | GATE_BUSY | GATE_TRACKING | GATE_REPLICAS | GATE_HOST |
  GATE_SCRIPT;

const PAUSE_ALL: i32 = 2;

const GROUP_STRING: i32 = 1;
/** Weight of what takes as long as some twenty GETs: a byte of reply, a nanosecond of root.work. */
const HEAVY: u64 = 4096;
/** Weight of an argument: what it takes to look up a key or a member. */
const ARGUMENT_BITS: u64 = 6;

// What runCommand() returns.
const RAN: i32 = 0;
const END_SLICE: i32 = 1;
const HOLD: i32 = 2;
const LATER: i32 = 3;
const QUEUED: i32 = 4;

/** True for a client that has to say who it is before anything else. */
export function mustAuthenticate(c: Client): bool {
  return (root().gate & GATE_AUTH) != 0 && !(c.flags & (CLIENT_AUTHENTICATED | CLIENT_INTERNAL));
}

// --- Rejections ---

function reject(id: i32): void {
  if (id > 0) statOf(id).rejected++;
}

/** Bytes of an argument that an error shows: at most `most`, and none from a zero byte on. */
function shownLength(i: i32, most: i32): i32 {
  const n = argLen(i) < most ? argLen(i) : most;
  for (let at = 0; at < n; at++) if (load<u8>(argPtr(i) + <usize>at) == 0) return at;
  return n;
}

/** Replies that there is no such subcommand, when the command is one that has some; false when it is not. */
export function rejectSubcommand(c: Client): bool {
  const id = lookupCommand(argPtr(0), argLen(0));
  if (id <= 0 || root().argc < 2 || !(commandFlags(id) & CMD_CONTAINER)) return false;
  errorStart("ERR unknown subcommand '");
  errorBytes(argPtr(1), shownLength(1, 128), 128);
  errorText("'. Try ");
  const name = commandNamePtr(id);
  errorBytes(name, commandNameLength(id), 128);
  upperTail(commandNameLength(id));
  errorText(" HELP.");
  errorSend(c);
  return true;
}

function rejectUnknown(c: Client): void {
  const r = root();
  if (rejectSubcommand(c)) return;
  errorStart("ERR unknown command '");
  errorBytes(argPtr(0), shownLength(0, 128), 128);
  errorText("', with args beginning with: ");
  let used = 0;
  for (let i = 1; i < r.argc && used < 128; i++) {
    const n = shownLength(i, 128 - used);
    errorText("'");
    errorBytes(argPtr(i), n, n);
    errorText("' ");
    used += n + 3;
  }
  errorSend(c);
}

/** Makes the last n bytes of the error text upper case. */
function upperTail(n: i32): void {
  const r = root();
  for (let i = r.textLength - n; i < r.textLength; i++) {
    const byte = load<u8>(r.text + <usize>i);
    if (byte >= 97 && byte <= 122) store<u8>(r.text + <usize>i, byte - 32);
  }
}

function rejectArity(c: Client, id: i32): void {
  errorStart("ERR wrong number of arguments for '");
  errorBytes(commandNamePtr(id), commandNameLength(id), 64);
  errorText("' command");
  errorSend(c);
}

/** True when the command is an HTTP request that reached this port by mistake or malice. */
function isCrossProtocol(): bool {
  if (argLen(0) == 5 && equalsIgnoreCase(argPtr(0), changetype<usize>(HOST_WORD), 5)) return true;
  return argLen(0) == 4 && equalsIgnoreCase(argPtr(0), changetype<usize>(POST_WORD), 4);
}

const HOST_WORD: usize = memory.data<u8>([104, 111, 115, 116, 58]);
const POST_WORD: usize = memory.data<u8>([112, 111, 115, 116]);

// --- The gate ---

/** The checks that a plain server never needs. Returns RAN to go on, END_SLICE when rejected, HOLD when held back. */
function passGate(c: Client, id: i32, flags: u32): i32 {
  const r = root();
  if (runsScripts(id)) flags = effectiveFlags(id);
  if (r.gate & GATE_SCRIPT) {
    if (!refusesBusy(c, flags)) return RAN;
    reject(id);
    return END_SLICE;
  }
  if (r.gate & GATE_BUSY && r.executing != changetype<usize>(c) && !(c.flags & CLIENT_INTERNAL)) return HOLD;
  if (r.gate & GATE_HOST && !(c.flags & CLIENT_INTERNAL)) return HOLD;
  if (r.gate & GATE_PAUSE && r.pauseUntilMs > r.nowMs && !(c.flags & CLIENT_INTERNAL)) {
    if (r.pauseMode == PAUSE_ALL || flags & (CMD_WRITE | CMD_MAY_REPLICATE)) return HOLD;
    // Nothing is evicted during a pause: what a replica would have to be told must not happen.
    return RAN;
  }
  if (r.gate & GATE_CLIENTS) {
    // Before keys: what clients give up need not be taken from them.
    evictClients();
    if (c.flags & CLIENT_CLOSE_ASAP) return END_SLICE;
  }
  if (r.gate & GATE_TRACKING) trackingTrim();
  if (r.gate & GATE_MEMORY && evictToLimit() == EVICT_FAILED && flags & CMD_DENYOOM) {
    reject(id);
    replyOutOfMemory(c);
    return END_SLICE;
  }
  if (r.gate & GATE_REPLICAS && flags & CMD_WRITE) {
    reject(id);
    replyError(c, "NOREPLICAS Not enough good replicas to write.");
    return END_SLICE;
  }
  return RAN;
}

/** Refuses commands that add data when linear memory is nearly used up: replies and frees still work then. */
function outOfLinearMemory(c: Client, flags: u32): bool {
  if (!(flags & CMD_DENYOOM)) return false;
  const large = c.largeBlock != 0 ? <u64>c.largeLength : 0;
  return isShortOfPages(<u64>(c.position - c.commandStart) + large);
}

/** True when linear memory is too nearly used up for a command with so many bytes of arguments. */
export function isShortOfPages(bytes: u64): bool {
  const r = root();
  // Pages that can still be grown are many on all but a full server: one comparison settles it.
  if (r.maximumPages - r.totalPages > 8192) return false;
  const wanted = RESERVE_BYTES + (bytes << 1);
  // What waits to be freed is freed as far as it takes.
  while (availableBytes() < wanted && r.lazyHead != 0) lazyFreeSome(LAZY_BUDGET);
  return availableBytes() < wanted;
}

// --- One command ---

/** Finds the command that the arguments name, subcommands included; 0 when there is none. */
export function resolveCommand(): i32 {
  const r = root();
  const id = lookupCommand(argPtr(0), argLen(0));
  if (id <= 0) return 0;
  if (!(commandFlags(id) & CMD_CONTAINER) || r.argc < 2) return id;
  const sub = lookupSubcommand(id, argPtr(1), argLen(1));
  return sub > 0 ? sub : 0;
}

const FINISH_SPECIAL: u32 = CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT | CLIENT_BLOCKED |
  CLIENT_EXECUTING | CLIENT_LATER_OUTPUT | CLIENT_TRACKING;

function hidesReply(c: Client): bool {
  return (c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP)) != 0;
}

/** What follows every command that ran: the client's counter and its reply's end. */
export function finishCommand(c: Client, before: u64): void {
  c.commands++;
  if (c.flags & FINISH_SPECIAL) finishReply(c, before, true);
}

/** What follows every command, `ran` or not, of a client with something special: CLIENT REPLY, pushes, tracking. */
function finishReply(c: Client, before: u64, ran: bool): void {
  let flags = c.flags;
  if (flags & (CLIENT_BLOCKED | CLIENT_EXECUTING)) {
    // It ends when it is served, or when all of its transaction has run.
    c.commands--;
    return;
  }
  if (hidesReply(c)) retractOutput(c, before);
  if (flags & CLIENT_TRACKING) {
    trackingAfter(c, ran);
    flags = c.flags;
  }
  if (flags & CLIENT_LATER_OUTPUT) takeLater(c);
  if (flags & CLIENT_REPLY_SKIP) c.flags &= ~CLIENT_REPLY_SKIP;
  if (flags & CLIENT_REPLY_SKIP_NEXT) c.flags = (c.flags & ~CLIENT_REPLY_SKIP_NEXT) | CLIENT_REPLY_SKIP;
}

/** A command was refused. Inside MULTI its transaction will fail; EXEC itself says so. */
function refused(c: Client, id: i32, before: u64): void {
  afterRefusal(c, id);
  if (id != Cmd.EXEC) return;
  retractOutput(c, before);
  errorBecause(c, "EXECABORT Transaction discarded because of: ");
}

/**
 * True for commands that share their slice with others, and its time: those that are fast, and weighed ones whose last
 * run was light. EXEC ends its slice itself where that is called for.
 */
export function isQuick(id: i32, flags: u32): bool {
  if (flags & CMD_FAST || (commandGroup(id) == GROUP_STRING && id != Cmd.LCS) || id == Cmd.EXEC) return true;
  // A slice of its own costs a command 0.35 us: weighed ones share theirs while they are light.
  return (flags & CMD_WEIGHED) != 0 && !statOf(id).isHeavy;
}

/** Notes whether a run was so heavy that the command's next one should have a slice of its own. True if it was. */
function weigh(c: Client, id: i32, before: u64): bool {
  const r = root();
  const heavy = c.outBytes - before + (<u64>r.argc << ARGUMENT_BITS) + r.work > HEAVY;
  statOf(id).isHeavy = heavy ? 1 : 0;
  return heavy;
}

/** Checks and runs command `id` (0: unknown) with the arguments in root.argv. Returns RAN, END_SLICE or HOLD. */
export function runCommand(c: Client, id: i32): i32 {
  const r = root();
  const before = c.outBytes;
  c.replyErrors = 0;
  c.replyStart = before;
  c.lastCommand = id;
  const code = check(c, id);
  if (code != RAN) {
    if (code == HOLD) return HOLD;
    if (code != QUEUED) refused(c, id, before);
    r.gate &= ~GATE_LARGE;
    finishReply(c, before, false);
    return r.gate & (GATE_TICK | GATE_DENIED) ? END_SLICE : RAN;
  }
  const flags = commandFlags(id);
  const quick = isQuick(id, flags);
  if (!quick && r.settleCount > 0 && !(c.flags & CLIENT_INTERNAL)) return LATER;
  if (c.buffer != 0 || r.gate & GATE_TICK) weighRequest(c);
  r.currentCommand = id;
  r.work = 0;
  countRun(id);
  if (flags & CMD_HOST || !dispatch(id, c)) {
    if (r.gate & GATE_MONITOR) feedMonitors(c, id);
    c.flags |= CLIENT_AWAITS_HOST;
    return END_SLICE;
  }
  if (c.replyErrors > 0) statOf(id).failed++;
  if (c.flags & CLIENT_BLOCKED) uncountRun(id);
  finishCommand(c, before);
  if (r.gate & (GATE_TICK | GATE_LARGE | GATE_READY | GATE_DENIED | GATE_MONITOR)) {
    // EXEC is shown when it has ended.
    if (r.gate & GATE_MONITOR && !(c.flags & CLIENT_EXECUTING)) feedMonitors(c, id);
    if (r.gate & GATE_READY) serveReady();
    return END_SLICE;
  }
  if (flags & CMD_WEIGHED && weigh(c, id, before)) return END_SLICE;
  return quick ? RAN : END_SLICE;
}

/** Runs the command in root.argv once more for a client that waited; the caller ends it. */
export function rerunCommand(c: Client, id: i32): void {
  c.replyErrors = 0;
  c.replyStart = c.outBytes;
  if (check(c, id) != RAN) return;
  root().currentCommand = id;
  countRun(id);
  dispatch(id, c);
  if (c.flags & CLIENT_BLOCKED) uncountRun(id);
  if (c.replyErrors > 0) statOf(id).failed++;
}

/** Everything that can forbid a command. RAN: nothing does. END_SLICE: replied. HOLD: later. */
function check(c: Client, id: i32): i32 {
  const r = root();
  if (r.gate & GATE_AUTH && mustAuthenticate(c) && (id == 0 || !(commandFlags(id) & CMD_NO_AUTH))) {
    reject(id);
    replyError(c, "NOAUTH Authentication required.");
    return END_SLICE;
  }
  if (id == 0) {
    if (isCrossProtocol()) {
      closeFor(c, CLOSE_CROSS_PROTOCOL);
      return END_SLICE;
    }
    rejectUnknown(c);
    return END_SLICE;
  }
  const arity = commandArity(id);
  if (arity >= 0 ? r.argc != arity : r.argc < -arity) {
    reject(id);
    rejectArity(c, id);
    return END_SLICE;
  }
  let flags = commandFlags(id);
  const isSpecial = (c.flags & CLIENT_SPECIAL) != 0;
  if (isSpecial && refusesInMulti(c, id)) {
    reject(id);
    return END_SLICE;
  }
  if (c.user != 0 && !mayRun(c, id, nextDatabase(c), c.flags & CLIENT_MULTI ? CONTEXT_MULTI : CONTEXT_TOP)) {
    reject(id);
    return END_SLICE;
  }
  if (isSpecial) flags = specialFlags(c, id, flags);
  if (r.gate & SELDOM) {
    const code = passGate(c, id, flags);
    if (code != RAN) return code;
  }
  if (outOfLinearMemory(c, flags)) {
    reject(id);
    replyOutOfMemory(c);
    return END_SLICE;
  }
  return isSpecial ? checkSpecial(c, id) : RAN;
}

/** The last checks for a client with subscriptions or inside MULTI. */
function checkSpecial(c: Client, id: i32): i32 {
  if (refusesSubscribed(c, id) || refusesMonitor(c, id)) {
    reject(id);
    return END_SLICE;
  }
  return queueCommand(c, id) ? QUEUED : RAN;
}

// --- The slice ---

/** Runs parsed commands until one does not simply end; what was parsed behind it is parsed again later. */
function runBatch(c: Client, n: i32): i32 {
  const r = root();
  batchPrepare(c, n);
  let ran = RAN;
  // Nothing has changed since the entries were found.
  let isFresh = n > 1;
  let i = 0;
  while (i < n && ran == RAN && !(c.flags & CLIENT_NOT_RUNNING)) {
    const gets = isFresh ? runGets(c, i, n) : 0;
    i += gets;
    if (gets > 0) continue;
    const expired = r.statExpired;
    const id = batchSelect(c, i++);
    ran = runCommand(c, id);
    r.cachedKey = 0;
    isFresh = isFresh && id == Cmd.GET && r.statExpired == expired;
  }
  return ran;
}

function status(c: Client): i32 {
  let s = c.outHead != 0 && !(root().tracking != 0 && waitsForBroadcast(c)) ? STATUS_OUTPUT : 0;
  if (c.flags & CLIENT_CLOSE_ASAP) s |= STATUS_CLOSE_NOW;
  else if (c.flags & CLIENT_CLOSE_AFTER_REPLY) s |= STATUS_CLOSE_AFTER;
  if (c.flags & CLIENT_AWAITS_HOST) s |= STATUS_NEEDS_HOST;
  else if (c.flags & CLIENT_EXECUTING) s |= STATUS_MORE;
  if (c.flags & CLIENT_BLOCKED) s |= STATUS_BLOCKED;
  return s;
}

/** Notes the size of the request that is about to run. One in the shared buffer is never marked as large. */
function weighRequest(c: Client): void {
  const r = root();
  c.argumentBytes = <u64>(c.position - c.commandStart) + (c.largeBlock != 0 ? <u64>c.largeLength : 0);
  if (c.argumentBytes > r.largeRequest) r.gate |= GATE_LARGE;
}

/** Status bits that let the host look at the command that ran. */
function observed(): i32 {
  const r = root();
  if (!(r.gate & (GATE_TICK | GATE_LARGE | GATE_DENIED))) return 0;
  const bits = (r.gate & GATE_DENIED ? STATUS_DENIED : 0) |
    (r.gate & GATE_LARGE ? STATUS_LARGE : 0) | (r.gate & GATE_TICK && r.settleCount > 0 ? STATUS_RAN : 0);
  r.gate &= ~(GATE_LARGE | GATE_DENIED);
  return bits;
}

/**
 * Takes `n` bytes that the host put at inputRoom() and runs commands. Returns STATUS_ bits. May grow memory; frees
 * what the arguments of the previous slice pointed to.
 */
export function processInput(c: Client, n: i32): i32 {
  const r = root();
  const isExecuting = (c.flags & CLIENT_EXECUTING) != 0;
  // All of a transaction happens at one time.
  if (!isExecuting) clockUpdate();
  // Before there is a running client: what this tells belongs to no command.
  if (r.timedMembers != 0 && !isExecuting) dropDueMembers();
  r.current = changetype<usize>(c);
  if (c.largeBlock != 0 && c.largeIndex < 0) largeEnd(c);
  const shared = c.buffer == 0;
  if (n > 0) {
    c.lastMs = r.nowMs;
    c.netIn += <u64>n;
    r.statNetIn += <u64>n;
    r.statReadsProcessed++;
    if (n > c.bufferPeak) c.bufferPeak = n;
    if (largeIncomplete(c)) return processLarge(c, n);
    if (!shared) c.bufferLength += n;
  }
  const base = shared ? c.sharedAt : c.buffer;
  const end = base + <usize>(shared ? n : c.bufferLength);
  if (shared) c.position = 0;
  const ran = isExecuting && !(c.flags & CLIENT_AWAITS_HOST) ? goOnExecuting(c) : RAN;
  return runInput(c, base, end, shared, ran);
}

/** Goes on with an EXEC that stopped for the host or for a command whose time is its own. */
function goOnExecuting(c: Client): i32 {
  const r = root();
  if (!continueExecute(c)) return END_SLICE;
  // What follows happens now, not when the transaction began.
  clockUpdate();
  if (r.gate & GATE_MONITOR) feedMonitors(c, Cmd.EXEC);
  if (r.gate & GATE_READY) serveReady();
  return r.gate & (GATE_TICK | GATE_LARGE) ? END_SLICE : RAN;
}

/** Takes `n` more bytes of a large argument, and runs its command when that makes it whole. */
function processLarge(c: Client, n: i32): i32 {
  c.largeFilled += n;
  let ran = RAN;
  if (!largeIncomplete(c) && parseLargeDone(c, c.buffer) == PARSE_DONE) ran = runLarge(c);
  return runInput(c, c.buffer, c.buffer + <usize>c.bufferLength, false, ran);
}

/**
 * Runs the command with the large argument. A value may take the block over; otherwise it is freed, now or, when the
 * host may still look at the arguments, with the next input.
 */
function runLarge(c: Client): i32 {
  const r = root();
  const size = usableSize(c.largeBlock);
  const ran = runCommand(c, resolveCommand());
  if (r.adoptable == 0) {
    c.largeBlock = 0;
    r.clientsMemory -= size;
  }
  r.adoptable = 0;
  if (ran == RAN) largeEnd(c);
  return ran;
}

/** Runs what is in the buffer [base, end), `ran` being how the last command ended, and tidies up. */
function runInput(c: Client, base: usize, end: usize, shared: bool, ran: i32): i32 {
  const r = root();
  let more = 0;
  while (ran == RAN && !(c.flags & CLIENT_NOT_RUNNING) && base + <usize>c.position < end) {
    const strict = mustAuthenticate(c);
    const n = strict || c.expected > 0 ? 0 : batchParse(c, base, end);
    if (n > 0) {
      ran = runBatch(c, n);
      continue;
    }
    const code = parseCommand(c, base, end, strict);
    if (code == PARSE_MORE || code == PARSE_ERROR) break;
    if (code == PARSE_LARGE) {
      end = base + <usize>c.position;
      if (!shared) c.bufferLength = c.position;
      break;
    }
    if (code == PARSE_DONE) ran = c.largeBlock != 0 ? runLarge(c) : runCommand(c, resolveCommand());
  }
  if (ran == HOLD || ran == LATER) unreadCommand(c, base, end);
  if (ran == HOLD) holdClient(c);
  else if (ran != RAN) more = STATUS_MORE;
  if (c.buffer == 0) keepRest(c, base, end);
  // All was read, and nothing waits to be freed: another call would find nothing to do.
  if (ran == END_SLICE && !holdsInput(c)) more = 0;
  if (ran == RAN) trimBuffer(c);
  if (c.buffer != 0 && overQueryLimit(c)) {
    r.statQueryBufferLimitDisconnections++;
    closeFor(c, CLOSE_QUERY_LIMIT);
  }
  if (r.gate & GATE_CLIENTS) evictClients();
  r.current = 0;
  if (r.usedBytes > r.peakBytes) r.peakBytes = r.usedBytes;
  return status(c) | observed() | (more != 0 && !(c.flags & CLIENT_AWAITS_HOST) ? STATUS_MORE : 0);
}

/** Ends a command that the host ran: its reply is written. */
export function hostCommandDone(c: Client, failed: bool): void {
  c.flags &= ~CLIENT_AWAITS_HOST;
  const id = c.flags & CLIENT_EXECUTING ? executingCommand(c) : c.lastCommand;
  if (failed && id > 0) statOf(id).failed++;
  if (c.flags & CLIENT_EXECUTING) {
    c.commands++;
    return;
  }
  finishCommand(c, c.replyStart);
  if (root().gate & GATE_READY) serveReady();
}

/** Counts an error reply that the host wrote: `ptr` behind its '-', `len` up to its line break. */
export function hostError(ptr: usize, len: i32): void {
  countError(ptr, len);
}
