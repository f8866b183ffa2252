/**
 * Scripts: running one command after another for the script of a client.
 *
 * The host runs the script itself. Its commands are those of one client without a connection that all scripts share,
 * which has the calling client's user and database while the script runs. The caller stays the running client: it
 * tracks the keys that the script reads, and what it caused is told to it behind its reply.
 *
 *   scriptStart(caller, flags) ─► [ scriptRoom() ─► scriptRun() ─► reply at root.callReply ] ... ─► scriptEnd()
 *
 * Arguments stand in a vector and a buffer of their own, since the caller's own may be in the shared ones. A reply
 * stays until the next command begins.
 *
 * Time stands still for a script. While one is busy (scriptBusy()) other clients get an error for nearly everything.
 */
import {
  CMD_ALLOW_BUSY, CMD_DENYOOM, CMD_HOST, CMD_MAY_REPLICATE, CMD_NOSCRIPT, CMD_WRITE, Cmd, commandArity, commandFlags,
} from "../generated/commands";
import { dispatch } from "../generated/dispatch";
import { EVICT_FAILED, evictToLimit, isOverLimit } from "../keyspace/eviction";
import { LAZY_BUDGET, lazyFreeSome } from "../keyspace/lazyfree";
import { alloc, free } from "../memory/allocator";
import { argLen, root } from "../memory/root";
import { checkAccess, mayRunScripted } from "./access";
import {
  Client, CLIENT_AWAITS_HOST, CLIENT_DENY_BLOCKING, CLIENT_INTERNAL, CLIENT_PENDING_WRITE, CLIENT_TRACKING, clearOutput,
  clientNew, GATE_LARGE, outputAddress, outputContiguous,
} from "./client";
import { feedMonitors, setPeer } from "./monitor";
import { inputBlock } from "./parser";
import {
  GATE_MEMORY, GATE_MONITOR, GATE_REPLICAS, GATE_SCRIPT, GATE_TICK, isShortOfPages, rejectSubcommand, resolveCommand,
} from "./process";
import { replyError, replyOutOfMemory } from "./reply";
import { countRun, statOf } from "./stats";
import { trackingRemember } from "./tracking";

// What a script may do, and what it has done: root.scriptFlags.
// @layout
export const SCRIPT_READ_ONLY: u32 = 1;
export const SCRIPT_ALLOW_OOM: u32 = 2;
export const SCRIPT_WROTE: u32 = 4; // a command that writes was let through: it can't be stopped any more
export const SCRIPT_OOM: u32 = 8; // memory was above maxmemory when it started
export const SCRIPT_FUNCTION: u32 = 16; // started by FCALL
export const SCRIPT_UNBOUND: u32 = 32; // DEBUG SET-DISABLE-DENY-SCRIPTS: commands that scripts may not run, too

// What scriptRun() returns.
// @layout
export const CALL_REPLIED: i32 = 0;
export const CALL_NEEDS_HOST: i32 = 1;
export const CALL_DENIED: i32 = 2; // the user may not do this: the reply says why
export const CALL_REFUSED: i32 = 3; // it did not run for another reason, which the reply says

const LUA: usize = memory.data<u8>([108, 117, 97]);
/** First room for arguments, and how many of them. */
const BUFFER_SIZE: i32 = 32768;
const VECTOR_LENGTH: i32 = 256;

function scriptClient(): Client {
  return changetype<Client>(root().scriptClient);
}

// --- Beginning and end ---

function ensureClient(): bool {
  const r = root();
  if (r.scriptClient != 0) return true;
  const address = clientNew();
  if (address == 0) return false;
  const s = changetype<Client>(address);
  // As if it were on the list of those with output: it is never put there.
  s.flags = CLIENT_INTERNAL | CLIENT_DENY_BLOCKING | CLIENT_PENDING_WRITE;
  setPeer(s, LUA, 3);
  r.scriptClient = address;
  return true;
}

/** True when memory is above maxmemory and can't be freed. Nothing is evicted inside a transaction. */
function isOutOfMemory(): bool {
  const r = root();
  if (!(r.gate & GATE_MEMORY)) return false;
  return r.executing != 0 ? isOverLimit() : evictToLimit() == EVICT_FAILED;
}

/** Begins a script of client `c`. Returns its own client, 0 when memory is exhausted. */
export function startScript(c: Client, flags: u32): usize {
  if (!ensureClient()) return 0;
  const r = root();
  const s = scriptClient();
  s.db = c.db;
  s.resp = 2;
  s.user = c.user;
  s.userId = c.userId;
  r.scriptCaller = changetype<usize>(c);
  r.scriptCommand = r.currentCommand;
  r.scriptNowUs = r.nowUs;
  r.scriptNowMs = r.nowMs;
  r.scriptFlags = flags | (isOutOfMemory() ? SCRIPT_OOM : 0);
  return r.scriptClient;
}

/** Ends the script that runs. */
export function endScript(): void {
  const r = root();
  const s = scriptClient();
  if (s.outHead != 0) clearOutput(s);
  s.flags &= ~CLIENT_AWAITS_HOST;
  dropBuffer();
  r.scriptCaller = 0;
  r.current = 0;
  r.callReplyLength = 0;
  r.argc = 0;
  r.currentCommand = r.scriptCommand;
  r.gate &= ~GATE_SCRIPT;
}

/** From now on other clients are told that a script is busy. What waits for the host is its own command. */
export function scriptIsBusy(): void {
  const r = root();
  r.currentCommand = r.scriptCommand;
  r.gate |= GATE_SCRIPT;
}

/** True when the command is refused because a script is busy; replies then. */
export function refusesBusy(c: Client, flags: u32): bool {
  const r = root();
  if (!(r.gate & GATE_SCRIPT) || flags & CMD_ALLOW_BUSY) return false;
  if (r.scriptFlags & SCRIPT_FUNCTION) {
    replyError(c, "BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.");
  } else {
    replyError(c, "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
  }
  return true;
}

/** The client goes: a script of its own runs on without it. */
export function scriptForget(c: Client): void {
  const r = root();
  if (r.scriptCaller == changetype<usize>(c)) r.scriptCaller = r.scriptClient;
}

// --- Arguments ---

/** Gives a buffer that was needed for long arguments back. */
function dropBuffer(): void {
  const r = root();
  if (r.scriptBufferSize <= BUFFER_SIZE) return;
  free(r.scriptBuffer);
  r.scriptBuffer = 0;
  r.scriptBufferSize = 0;
}

/**
 * Room for `count` arguments of `bytes` bytes in all: their bytes go to root.scriptBuffer, the (address, length) pairs
 * to root.scriptArgv. False when memory is exhausted. What was there before is lost.
 */
export function scriptArguments(count: i32, bytes: i32): bool {
  const r = root();
  if (bytes > r.scriptBufferSize || r.scriptBuffer == 0) {
    const size = bytes < BUFFER_SIZE ? BUFFER_SIZE : bytes;
    free(r.scriptBuffer);
    r.scriptBuffer = inputBlock(size);
    r.scriptBufferSize = r.scriptBuffer == 0 ? 0 : size;
    if (r.scriptBuffer == 0) return false;
  }
  if (count > r.scriptArgvLength || r.scriptArgv == 0) {
    const length = count < VECTOR_LENGTH ? VECTOR_LENGTH : count + (count >> 1);
    free(r.scriptArgv);
    r.scriptArgv = alloc(<usize>length << 3);
    r.scriptArgvLength = r.scriptArgv == 0 ? 0 : length;
    if (r.scriptArgv == 0) return false;
  }
  return true;
}

// --- Running a command ---

/** What a script may not do although its user might: replies and returns false. */
function mayCall(s: Client, id: i32, flags: u32): bool {
  const r = root();
  const rules = r.scriptFlags;
  if (flags & CMD_NOSCRIPT && (!(rules & SCRIPT_UNBOUND) || runsScripts(s.lastCommand))) {
    replyError(s, "ERR This Valkey command is not allowed from script");
    return false;
  }
  // A script that has written goes on to its end, come what may.
  const stops = !(rules & SCRIPT_WROTE);
  if (flags & CMD_DENYOOM && stops && rules & SCRIPT_OOM && !(rules & SCRIPT_ALLOW_OOM)) {
    replyOutOfMemory(s);
    return false;
  }
  return true;
}

/** The same for what depends on what the command does to data. */
function mayWrite(s: Client, flags: u32): bool {
  const r = root();
  const rules = r.scriptFlags;
  if (rules & SCRIPT_READ_ONLY && flags & (CMD_WRITE | CMD_MAY_REPLICATE)) {
    replyError(s, "ERR Write commands are not allowed from read-only scripts.");
    return false;
  }
  if (!(flags & CMD_WRITE)) return true;
  if (r.gate & GATE_REPLICAS && !(rules & SCRIPT_WROTE)) {
    replyError(s, "NOREPLICAS Not enough good replicas to write.");
    return false;
  }
  r.scriptFlags |= SCRIPT_WROTE;
  return true;
}

function argumentBytes(): u64 {
  let bytes: u64 = 0;
  for (let i = 0; i < root().argc; i++) bytes += <u64>argLen(i);
  return bytes;
}

function fitsArity(id: i32): bool {
  const arity = commandArity(id);
  return arity >= 0 ? root().argc == arity : root().argc >= -arity;
}

/** Everything that can forbid a command of a script: CALL_DENIED or CALL_REFUSED; -1: nothing does. */
function refuse(s: Client, id: i32): i32 {
  const r = root();
  if (id == 0) {
    if (!rejectSubcommand(s)) replyError(s, "ERR Unknown command called from script");
    return CALL_REFUSED;
  }
  const flags = commandFlags(id);
  let denied = false;
  let fits = fitsArity(id);
  if (!fits) replyError(s, "ERR Wrong number of args calling command from script");
  else fits = mayCall(s, id, flags);
  if (fits && s.user != 0 && !mayRunScripted(s, changetype<Client>(r.scriptCaller), id)) {
    fits = false;
    denied = true;
  }
  if (fits) fits = mayWrite(s, flags);
  if (fits && flags & CMD_DENYOOM && isShortOfPages(argumentBytes())) {
    fits = false;
    replyOutOfMemory(s);
  }
  if (fits) return -1;
  statOf(id).rejected++;
  return denied ? CALL_DENIED : CALL_REFUSED;
}

/** Runs the command of `count` arguments in root.scriptArgv for the script that runs. Returns CALL_. */
export function runScripted(count: i32): i32 {
  const r = root();
  const s = scriptClient();
  if (s.outHead != 0) clearOutput(s);
  r.nowUs = r.scriptNowUs;
  r.nowMs = r.scriptNowMs;
  r.argc = count;
  r.argv = r.scriptArgv;
  r.cachedKey = 0;
  r.work = 0;
  r.current = r.scriptCaller;
  s.replyErrors = 0;
  s.replyStart = 0;
  const id = resolveCommand();
  s.lastCommand = id;
  const refusal = refuse(s, id);
  if (refusal >= 0) return settleReply(s, refusal);
  r.currentCommand = id;
  if (r.gate & GATE_TICK) s.argumentBytes = argumentBytes();
  countRun(id);
  r.settleScripted++;
  if (r.executing != 0) r.settleExecuted++;
  if (commandFlags(id) & CMD_HOST || !dispatch(id, s)) {
    s.flags |= CLIENT_AWAITS_HOST;
    r.callReplyLength = 0;
    return CALL_NEEDS_HOST;
  }
  return afterCall(s, id);
}

/** Ends the command that scriptRun() handed to the host: its reply is written. */
export function scriptedDone(failed: bool): i32 {
  const s = scriptClient();
  s.flags &= ~CLIENT_AWAITS_HOST;
  if (failed) s.replyErrors++;
  return afterCall(s, s.lastCommand);
}

/**
 * Whether the script's user may run the command in root.scriptArgv: 1 or 0; -1: there is no such command. One without
 * the arguments that it needs is allowed to those who may do everything.
 */
export function checkScripted(count: i32): i32 {
  const r = root();
  r.argc = count;
  r.argv = r.scriptArgv;
  const id = resolveCommand();
  if (id == 0) return -1;
  const s = scriptClient();
  return s.user == 0 || (fitsArity(id) && checkAccess(s.user, id, s.db) == 0) ? 1 : 0;
}

/** What follows a command that ran. */
function afterCall(s: Client, id: i32): i32 {
  const r = root();
  if (s.replyErrors > 0) statOf(id).failed++;
  const caller = changetype<Client>(r.scriptCaller);
  if (caller.flags & CLIENT_TRACKING) trackingRemember(caller, id);
  if (r.gate & (GATE_MONITOR | GATE_LARGE)) {
    if (r.gate & GATE_MONITOR) feedMonitors(s, id);
    r.gate &= ~GATE_LARGE;
  }
  if (r.lazyHead != 0) lazyFreeSome(LAZY_BUDGET);
  return settleReply(s, CALL_REPLIED);
}

/** Tells the host where the reply is. */
function settleReply(s: Client, code: i32): i32 {
  const r = root();
  r.callReply = outputAddress(s);
  r.callReplyLength = s.outHead == s.outTail ? outputContiguous(s) : 0;
  r.current = 0;
  return code;
}

/** True for the commands that run scripts. */
export function runsScripts(id: i32): bool {
  return id >= Cmd.EVAL && id <= Cmd.FCALL_RO;
}
