/**
 * Transactions: a client's queue of commands between MULTI and EXEC, and running it.
 *
 *   Transaction, one a client from its first MULTI or WATCH on
 *   chunk    >0 u32 next · 4 u32 capacity · 8 u32 used · 16 commands; INPUT_SLACK readable bytes behind them
 *   command  >0 u32 next command · 4 i32 argc · 8 i32 id · 12 u32 bytes of arguments
 *            16 (address u32, length u32) x argc · the arguments' bytes · padding to 8
 *
 * EXEC runs the queue inside its own slice. It stops in front of a command of the host, which runs it and calls again,
 * and around commands whose time is to be their own; CLIENT_EXECUTING is set then, and nothing else runs before EXEC
 * has ended: the host calls again at once, and root.executing holds others back when it can't.
 *
 * Not for watched keys (keyspace/watch.ts) or for what a command may do (process.ts asks here and there).
 * Costs: a queued command is one copy of its arguments, and a chunk now and then.
 */
import {
  CMD_DENYOOM, CMD_HOST, CMD_MAY_REPLICATE, CMD_NO_MULTI, CMD_READONLY, CMD_WRITE, Cmd, commandFlags, commandNameLength,
  commandNamePtr,
} from "../generated/commands";
import { dispatch } from "../generated/dispatch";
import { hasExpiredWatch, unwatchAll } from "../keyspace/watch";
import { parseI64 } from "../bytes/integer";
import { alloc, free, usableSize } from "../memory/allocator";
import { argLen, argPtr, INPUT_SLACK, root, Root, ROOT_ADDRESS } from "../memory/root";
import { mayRunQueued } from "./access";
import {
  Client, CLIENT_AWAITS_HOST, CLIENT_DIRTY_CAS, CLIENT_DIRTY_EXEC, CLIENT_EXECUTING, CLIENT_INTERNAL, CLIENT_MONITOR,
  CLIENT_MULTI, CLIENT_SUBSCRIBED, CLIENT_TRACKING, CLOSE_QUERY_LIMIT, closeFor, GATE_LARGE, releaseHeld,
} from "./client";
import { finishCommand, GATE_BUSY, GATE_MONITOR, GATE_TICK, isQuick } from "./process";
import { feedMonitors } from "./monitor";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyError, replyNullArray, replySimple,
} from "./reply";
import { effectiveFlags } from "./script-flags";
import { countRun, statOf } from "./stats";
import { trackingRemember } from "./tracking";

// @layout
@unmanaged
export class Transaction {
  count: i32; // commands in the queue
  watchCount: i32;
  argumentBytes: u32; // of the queued commands
  chunkBytes: u32;
  flags: u32; // CMD_ bits that any of them has
  running: i32; // id of the command that EXEC runs
  chunks: usize; // the first one
  lastChunk: usize;
  first: usize; // commands
  last: usize;
  next: usize; // what EXEC runs next
  watches: usize; // keyspace/watch.ts
  start: u64; // unsent output when EXEC began
  argc: i32; // EXEC's own arguments
  argv: usize;
  db: i32; // which database is selected behind the last queued command
}

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const SPACE: usize = (offsetof<Transaction>() + 7) & ~7;
const CHUNK_CAPACITY: usize = 4;
const CHUNK_USED: usize = 8;
const CHUNK_HEADER: usize = 16;
const FIRST_CHUNK: usize = 1024;
const LATER_CHUNK: usize = 4096;
const ARGC: usize = 4;
const ID: usize = 8;
const BYTES: usize = 12;
const ARGV: usize = 16;

export function transactionOf(c: Client): Transaction {
  return changetype<Transaction>(c.transaction);
}

/** Makes the client's transaction when there is none; false when memory is exhausted. */
export function ensureTransaction(c: Client): bool {
  if (c.transaction != 0) return true;
  const address = alloc(SPACE);
  if (address == 0) return false;
  memory.fill(address, 0, SPACE);
  c.transaction = address;
  root().clientsMemory += usableSize(address);
  return true;
}

/** Frees all that belongs to a client's transaction: the client goes, or is reset. */
export function transactionFree(c: Client): void {
  if (c.transaction == 0) return;
  const r = root();
  if (c.flags & CLIENT_EXECUTING) endExecuting(c);
  discard(c);
  r.clientsMemory -= usableSize(c.transaction);
  free(c.transaction);
  c.transaction = 0;
}

/** Bytes that the client's transaction takes. */
export function transactionBytes(c: Client): usize {
  if (c.transaction == 0) return 0;
  const t = transactionOf(c);
  return usableSize(c.transaction) + <usize>t.chunkBytes + <usize>t.watchCount * 24;
}

// --- The queue ---

function clearQueue(t: Transaction): void {
  const r = root();
  while (t.chunks != 0) {
    const next = <usize>load<u32>(t.chunks);
    r.clientsMemory -= usableSize(t.chunks);
    free(t.chunks);
    t.chunks = next;
  }
  t.count = 0;
  t.argumentBytes = 0;
  t.chunkBytes = 0;
  t.flags = 0;
  t.lastChunk = 0;
  t.first = 0;
  t.last = 0;
  t.next = 0;
}

/** Room for a command of `size` bytes; 0 when memory is exhausted. */
function room(t: Transaction, size: usize): usize {
  const r = root();
  let chunk = t.lastChunk;
  if (chunk == 0 || load<u32>(chunk, CHUNK_CAPACITY) - load<u32>(chunk, CHUNK_USED) < <u32>size) {
    const least = t.chunks == 0 ? FIRST_CHUNK : LATER_CHUNK;
    const want = CHUNK_HEADER + size + <usize>INPUT_SLACK;
    chunk = alloc(want < least ? least : want);
    if (chunk == 0) return 0;
    const have = usableSize(chunk);
    store<u32>(chunk, 0);
    store<u32>(chunk, <u32>(have - CHUNK_HEADER - <usize>INPUT_SLACK), CHUNK_CAPACITY);
    store<u32>(chunk, 0, CHUNK_USED);
    if (t.lastChunk != 0) store<u32>(t.lastChunk, <u32>chunk);
    else t.chunks = chunk;
    t.lastChunk = chunk;
    t.chunkBytes += <u32>have;
    r.clientsMemory += have;
  }
  const used = load<u32>(chunk, CHUNK_USED);
  store<u32>(chunk, used + <u32>size, CHUNK_USED);
  return chunk + CHUNK_HEADER + <usize>used;
}

/** A queued SELECT: rights to databases are checked for the one that it names. */
function followSelect(t: Transaction): void {
  const r = root();
  if (!parseI64(argPtr(1), argLen(1), NUMBER)) return;
  if (r.number >= 0 && r.number < <i64>r.databaseCount) t.db = <i32>r.number;
}

/** The database that the client's next command will find selected, when all that is queued has run. */
export function nextDatabase(c: Client): i32 {
  return c.flags & CLIENT_MULTI ? transactionOf(c).db : c.db;
}

/** Appends a copy of the command in root.argv; false when memory is exhausted. */
function append(t: Transaction, id: i32): bool {
  const argc = root().argc;
  let bytes: usize = 0;
  for (let i = 0; i < argc; i++) bytes += <usize>argLen(i);
  const head = ARGV + (<usize>argc << 3);
  const command = room(t, (head + bytes + 7) & ~7);
  if (command == 0) return false;
  store<u32>(command, 0);
  store<i32>(command, argc, ARGC);
  store<i32>(command, id, ID);
  store<u32>(command, <u32>bytes, BYTES);
  let at = command + head;
  for (let i = 0; i < argc; i++) {
    const slot = command + ARGV + (<usize>i << 3);
    const len = argLen(i);
    store<u32>(slot, <u32>at);
    store<i32>(slot, len, 4);
    memory.copy(at, argPtr(i), <usize>len);
    at += <usize>len;
  }
  if (t.last != 0) store<u32>(t.last, <u32>command);
  else t.first = command;
  t.last = command;
  if (id == Cmd.SELECT) followSelect(t);
  t.count++;
  t.argumentBytes += <u32>bytes;
  t.flags |= effectiveFlags(id);
  return true;
}

// --- What a client's state means for its next command ---

function isQueued(id: i32): bool {
  switch (id) {
    case Cmd.EXEC:
    case Cmd.DISCARD:
    case Cmd.QUIT:
    case Cmd.RESET: return false;
    default: return true;
  }
}

/** The CMD_ bits that count for a command of a client inside MULTI: EXEC is all that it runs. */
export function specialFlags(c: Client, id: i32, flags: u32): u32 {
  if (id != Cmd.EXEC || !(c.flags & CLIENT_MULTI)) return flags;
  return flags | (transactionOf(c).flags & (CMD_WRITE | CMD_MAY_REPLICATE | CMD_DENYOOM));
}

/** True when the command may not stand in a transaction; replies then. */
export function refusesInMulti(c: Client, id: i32): bool {
  if (!(c.flags & CLIENT_MULTI) || !(commandFlags(id) & CMD_NO_MULTI)) return false;
  errorStart("ERR Command '");
  errorBytes(commandNamePtr(id), commandNameLength(id), 64);
  errorText("' not allowed inside a transaction");
  errorSend(c);
  return true;
}

function isAllowedWhileSubscribed(id: i32): bool {
  switch (id) {
    case Cmd.PING:
    case Cmd.SUBSCRIBE:
    case Cmd.SSUBSCRIBE:
    case Cmd.UNSUBSCRIBE:
    case Cmd.SUNSUBSCRIBE:
    case Cmd.PSUBSCRIBE:
    case Cmd.PUNSUBSCRIBE:
    case Cmd.QUIT:
    case Cmd.RESET: return true;
    default: return false;
  }
}

/** True when a RESP2 client with subscriptions may not run the command; replies then. */
export function refusesSubscribed(c: Client, id: i32): bool {
  if (!(c.flags & CLIENT_SUBSCRIBED) || c.resp != 2 || isAllowedWhileSubscribed(id)) return false;
  errorStart("ERR Can't execute '");
  errorBytes(commandNamePtr(id), commandNameLength(id), 64);
  errorText("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
  errorSend(c);
  return true;
}

/** True when a client that monitors may not run the command: it counts as a replica. Replies then. */
export function refusesMonitor(c: Client, id: i32): bool {
  if (!(c.flags & CLIENT_MONITOR) || !(commandFlags(id) & (CMD_WRITE | CMD_READONLY))) return false;
  replyError(c, "ERR Replica can't interact with the keyspace");
  return true;
}

/**
 * Inside MULTI, puts the command in root.argv into the queue and replies; false when it is one to be run now. Without
 * memory the transaction will fail. The queue counts as input that waits (client-query-buffer-limit).
 */
export function queueCommand(c: Client, id: i32): bool {
  if (!(c.flags & CLIENT_MULTI) || !isQueued(id)) return false;
  // What has failed already is not worth memory.
  const isLost = (c.flags & (CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC)) != 0;
  const t = transactionOf(c);
  if (!isLost && !append(t, id)) {
    c.flags |= CLIENT_DIRTY_EXEC;
    replyError(c, "OOM command not allowed when used memory > 'maxmemory'.");
    return true;
  }
  const r = root();
  if (<u64>t.argumentBytes > r.queryBufferLimit && !(c.flags & CLIENT_INTERNAL)) {
    r.statQueryBufferLimitDisconnections++;
    closeFor(c, CLOSE_QUERY_LIMIT);
  }
  replySimple(c, "QUEUED");
  return true;
}

/** A command of the client was refused: its transaction will fail. EXEC itself says why. `before`: output until now. */
export function afterRefusal(c: Client, id: i32): void {
  if (c.flags & CLIENT_MULTI) c.flags |= CLIENT_DIRTY_EXEC;
  if (id == Cmd.EXEC) discard(c);
}

// --- Ending ---

/** Forgets the queue and the watches. */
function discard(c: Client): void {
  unwatchAll(c);
  clearQueue(transactionOf(c));
  c.flags &= ~(CLIENT_MULTI | CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC);
}

/** Ends a transaction unrun. */
export function discardTransaction(c: Client): void {
  if (c.transaction != 0) discard(c);
}

// --- Running ---

/** EXEC of a client inside MULTI: replies, and runs the queue until its end or until the host is needed. */
export function execute(c: Client): void {
  const t = transactionOf(c);
  const r = root();
  if (hasExpiredWatch(c)) c.flags |= CLIENT_DIRTY_CAS;
  if (c.flags & (CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC)) {
    if (c.flags & CLIENT_DIRTY_EXEC) {
      replyError(c, "EXECABORT Transaction discarded because of previous errors.");
    } else {
      replyNullArray(c);
    }
    discard(c);
    return;
  }
  unwatchAll(c);
  t.start = c.replyStart;
  t.argc = r.argc;
  t.argv = r.argv;
  t.next = t.first;
  r.executing = changetype<usize>(c);
  c.flags |= CLIENT_EXECUTING;
  replyArray(c, t.count);
  runQueue(c);
  // Errors were counted for the commands that they belong to.
  c.replyErrors = 0;
}

/** Runs queued commands; CLIENT_EXECUTING is off when none is left. */
function runQueue(c: Client): void {
  const t = transactionOf(c);
  const r = root();
  while (t.next != 0) {
    const command = t.next;
    const id = load<i32>(command, ID);
    const quick = isQuick(id, commandFlags(id));
    if ((!quick || r.gate & GATE_TICK) && r.settleCount > 0 && !(c.flags & CLIENT_INTERNAL)) return;
    t.next = <usize>load<u32>(command);
    t.running = id;
    r.argc = load<i32>(command, ARGC);
    r.argv = command + ARGV;
    r.currentCommand = id;
    c.replyErrors = 0;
    c.replyStart = c.outBytes;
    if (c.user != 0 && !mayRunQueued(c, id, c.db)) return;
    c.argumentBytes = <u64>load<u32>(command, BYTES);
    if (c.argumentBytes > r.largeRequest) r.gate |= GATE_LARGE;
    countRun(id);
    r.settleExecuted++;
    if (commandFlags(id) & CMD_HOST || !dispatch(id, c)) {
      if (r.gate & GATE_MONITOR) feedMonitors(c, id);
      c.flags |= CLIENT_AWAITS_HOST;
      r.gate |= GATE_BUSY;
      return;
    }
    c.commands++;
    if (c.replyErrors > 0) statOf(id).failed++;
    if (c.flags & CLIENT_TRACKING) trackingRemember(c, id);
    if (r.gate & GATE_MONITOR) feedMonitors(c, id);
    if ((!quick || r.gate & (GATE_TICK | GATE_LARGE)) && !(c.flags & CLIENT_INTERNAL)) return;
  }
  c.replyErrors = 0;
  c.replyStart = t.start;
  r.argc = t.argc;
  r.argv = t.argv;
  r.currentCommand = Cmd.EXEC;
  endExecuting(c);
  discard(c);
}

function endExecuting(c: Client): void {
  const r = root();
  c.flags &= ~CLIENT_EXECUTING;
  if (r.executing != changetype<usize>(c)) return;
  r.executing = 0;
  if (!(r.gate & GATE_BUSY)) return;
  r.gate &= ~GATE_BUSY;
  releaseHeld();
}

/** Goes on with an EXEC that stopped. True when it has ended. */
export function continueExecute(c: Client): bool {
  const t = transactionOf(c);
  runQueue(c);
  if (c.flags & CLIENT_EXECUTING) return false;
  finishCommand(c, t.start);
  return true;
}

/** Id of the command that the host runs for EXEC. */
export function executingCommand(c: Client): i32 {
  return transactionOf(c).running;
}
