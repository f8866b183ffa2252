/**
 * The boundary: every function that the host can call, and nothing else of the core.
 *
 * Addresses are i32 offsets into linear memory. A function marked (g) may grow memory: the host then remakes its views.
 *
 *   coreInit(seeds, databases)      (g) prepares a fresh core in zeroed memory
 *   clientOpen / clientClose            one per connection; the address is the handle
 *   inputRoom, process              (g) bytes in, commands run
 *   outputPtr, outputLength, outputConsume   bytes out
 *   pendingWriteNext, resumeNext, closingNext   drain after each turn
 *   replyRoom, replyCommit, hostWaits, hostGoesOn, hostDone    a command that the host runs
 *   callRoom, callRun               (g) one command from arguments, for in-process use
 *   settle, cronExpire, cronRehash, cronEvict, cronClients, cronHasWork   time and upkeep
 *   setSetting, setCommandName, ...     what configuration changes
 *
 * Fields of Root, Client, Database, Table and CommandStat are read by the host through generated offsets.
 */
import { clockUpdate } from "./keyspace/clock";
import { dropDueMembers } from "./keyspace/member-expiry";
import { database, databasesInit, volatileKeys } from "./keyspace/database";
import { evictionPoolClear, evictToLimit } from "./keyspace/eviction";
import { LAZY_BUDGET, lazyFreeSome } from "./keyspace/lazyfree";
import { watchedKeys } from "./keyspace/watch";
import { expireCut, expireEverything, expireSlice } from "./keyspace/expiry";
import {
  alloc, availableBytes, descriptorsEnd, free, heapRun, heapStart, initAllocator, releaseEmptyPages, staticEnd,
  usableSize,
} from "./memory/allocator";
import { CALL_INPUT_SIZE, INPUT_SLACK, root, Root, ROOT_ADDRESS, SHARED_INPUT_SIZE } from "./memory/root";
import { setSetting as applySetting, Setting } from "./memory/settings";
import { resetClient } from "./commands/connection";
import { COMMAND_COUNT, setCommandName as renameCommand } from "./generated/commands";
import {
  Client, CLIENT_AWAITS_HOST, clientBytes, clientFixedOutput, CLIENT_INTERNAL, clientFree, clientNew,
  clientOutputMemory, commitOutput, consumeOutput, dropSocketClients, firstOutput, listOutput, outputAddress,
  outputContiguous, releaseHeld, REPLY_PEAK_MS, takeClosing, takePending, takeResume,
} from "./resp/client";
import {
  assignDefault, assignUser, checkAccess, dropUser, forgetUsers, GATE_DENIED, setUser, takeNote,
} from "./resp/access";
import { blockingKeys, dropServed, expireBlocked, serveReady, trimBlockedHeap, unblock } from "./resp/blocking";
import { careForClients } from "./resp/care";
import { largeIncomplete, largeMissing } from "./resp/large";
import { evictClients } from "./resp/client-eviction";
import { ensureArgv, inputBlock } from "./resp/parser";
import {
  GATE_HOST, GATE_PAUSE, GATE_READY, GATE_SCRIPT, hostCommandDone, hostError as countHostError, processInput,
  resolveCommand, runCommand, STATUS_DENIED,
} from "./resp/process";
import { inputRoom as roomFor } from "./resp/input";
import { trackingCount, trackingOff, trackingOn, trackingTrim } from "./resp/tracking";
import { trimTrackingFrame } from "./resp/tracking-messages";
import { trackingBroadcast, trackingPrefix, trackingPrefixAt } from "./resp/tracking-prefixes";
import { freeMonitorLine, monitorAdd, setPeer } from "./resp/monitor";
import { freeMessageBuffers, mayKeepSubscriptions, namesOf } from "./resp/pubsub";
import { clearErrorStats, countError, errorInit, reserve } from "./resp/reply";
import { noteScript, scriptName } from "./resp/script-flags";
import {
  checkScripted, endScript, runScripted, scriptArguments, scriptedDone, scriptIsBusy, startScript,
} from "./resp/script";
import { countRun, resetStats as clearStats, settle as shareTime, statsBytes, uncountRun } from "./resp/stats";
import { scratchRelease } from "./structures/scratch";
import { tableBuckets, tableChainLength, tableRehash, tableShrinkIfNeeded, tableSize } from "./structures/hashtable";

export {
  functionsAdd, functionsClose, functionsEnd, functionsOpen, functionsRead, functionsStart,
} from "./commands/functions";
export { datasetDigest, entryFacts, keyDigest, populate } from "./commands/debug";
export { migrateDelete, migrateFind, migratePayload } from "./commands/migrate";

// --- Life of a core ---

/** Prepares a fresh core. Memory above the static data has to be zero. Returns 0 when memory is too small. */
export function coreInit(seed0: i32, seed1: i32, seed2: i32, seed3: i32, databases: i32, maximumPages: i32): i32 {
  memory.fill(ROOT_ADDRESS, 0, offsetof<Root>());
  initAllocator(<u32>maximumPages);
  const r = root();
  r.hashKey0 = (<u64><u32>seed0 << 32) | <u64><u32>seed1;
  r.hashKey1 = (<u64><u32>seed2 << 32) | <u64><u32>seed3;
  r.random0 = r.hashKey1 * 0x9e3779b97f4a7c15 + 1;
  r.random1 = r.hashKey0 * 0xbf58476d1ce4e5b9 + 1;
  r.nextClientId = 1;
  r.settleHead = -1;
  r.activeExpire = 1;
  r.activeExpireEffort = 1;
  r.maxmemorySamples = 5;
  r.evictionTenacity = 10;
  r.replyPeakMs = REPLY_PEAK_MS;
  // From here on a piece more to write costs less than the copy; Valkey has the same bound.
  r.referenceMin = 16384;
  r.maxmemoryPolicy = 32;
  r.lfuLogFactor = 10;
  r.lfuDecayTime = 1;
  r.protoMaxBulkLen = 512 << 20;
  r.hashMaxListpackEntries = 512;
  r.hashMaxListpackValue = 64;
  r.listMaxListpackSize = -2;
  r.setMaxIntsetEntries = 512;
  r.setMaxListpackEntries = 128;
  r.setMaxListpackValue = 64;
  r.zsetMaxListpackEntries = 128;
  r.zsetMaxListpackValue = 64;
  r.hllSparseMaxBytes = 3000;
  r.streamNodeMaxBytes = 4096;
  r.streamNodeMaxEntries = 100;
  r.lazyFree = 31;
  r.rdbCompression = 1;
  r.queryBufferLimit = 1 << 30;
  r.largeRequest = ~<u64>0;
  r.largeReply = ~<u64>0;
  r.input = alloc(<usize>(SHARED_INPUT_SIZE + CALL_INPUT_SIZE + INPUT_SLACK));
  r.callInput = r.input + <usize>SHARED_INPUT_SIZE;
  r.commandStats = alloc(statsBytes(COMMAND_COUNT));
  if (r.input == 0 || r.commandStats == 0 || !errorInit() || !ensureArgv(512) || !databasesInit(databases)) return 0;
  memory.fill(r.commandStats, 0, statsBytes(COMMAND_COUNT));
  return 1;
}

/** End of the low part that a copy of the core has to hold: root, static data and page descriptors. */
export function snapshotLowEnd(): usize {
  return descriptorsEnd();
}

/** Where the heap begins; a copy holds its pages in use too. */
export function snapshotHeapStart(): usize {
  return heapStart();
}

/** Where the static data ends. */
export function snapshotStaticEnd(): usize {
  return staticEnd();
}

/** Walks the heap's pages: n > 0 pages in use begin at `page`, or n < 0 free ones; 0 at the end. */
export function snapshotRun(page: u32): i32 {
  return heapRun(page);
}

/** Frees all clients with sockets: a restored copy of a core has none. Returns the first in-process client, or 0. */
export function dropClients(): usize {
  dropSocketClients();
  root().gate &= ~(GATE_HOST | GATE_SCRIPT);
  root().scriptCaller = 0;
  return root().firstClient;
}

// --- Connections ---

/** A new client, or 0 when memory is exhausted. `internal`: in-process, without limits and passwords. (g) */
export function clientOpen(internal: i32): usize {
  clockUpdate();
  const c = clientNew();
  if (c != 0 && internal) {
    changetype<Client>(c).flags |= CLIENT_INTERNAL;
    assignDefault(changetype<Client>(c));
  }
  return c;
}

// --- Users ---

/** Gives user `id` the rules in a block of hostAlloc(), which the core takes over; 0: all rights. */
export function userSet(id: u32, block: usize): void {
  setUser(id, block);
}

/** Takes a user away: its clients become strangers. */
export function userDrop(id: u32): void {
  dropUser(id);
}

/** Makes the client one of user `id`. */
export function clientUser(c: usize, id: u32): void {
  assignUser(changetype<Client>(c), id);
}

/** 1 when the client's user allows everything that the client is subscribed to. */
export function clientKeeps(c: usize): i32 {
  return mayKeepSubscriptions(changetype<Client>(c)) ? 1 : 0;
}

/** Frees the rules of all users: those of another server's core that this one's memory is a copy of. */
export function usersForget(): void {
  forgetUsers();
}

/**
 * ACL DRYRUN: checks the command that begins at argument `skip` of the running one for a user's block that is only
 * lent. Returns 0 or DENIED_; root.deniedArg counts from the command's name.
 */
export function userCheck(block: usize, id: i32, db: i32, skip: i32): i32 {
  const r = root();
  r.argv += <usize>skip << 3;
  r.argc -= skip;
  const code = checkAccess(block, id, db);
  r.argv -= <usize>skip << 3;
  r.argc += skip;
  return code;
}

/** The next note of a denial (AccessNote), to be freed by hostFree(); 0 when there is none. */
export function noteNext(): usize {
  return takeNote();
}

export function clientClose(c: usize): void {
  clientFree(changetype<Client>(c));
}

/** Bytes that the client takes in memory. */
export function clientMemory(c: usize): usize {
  return clientBytes(changetype<Client>(c));
}

/** Bytes of unread output beyond what every client may have (CLIENT LIST's omem). */
export function clientOutput(c: usize): usize {
  return clientOutputMemory(changetype<Client>(c));
}

/** Bytes in the client's first chunk of output. */
export function clientFirstOutput(c: usize): i32 {
  return clientFixedOutput(changetype<Client>(c));
}

/** Size of the block that a large argument is read into; 0 when none is on its way. */
export function clientLarge(c: usize): usize {
  const client = changetype<Client>(c);
  return largeIncomplete(client) ? usableSize(client.largeBlock) : 0;
}

/** Bytes of the large argument on its way that are still missing, its line break included; 0 when none is. */
export function clientMissing(c: usize): i32 {
  return largeMissing(changetype<Client>(c));
}

/** RESET: what the core knows of the client becomes that of a new connection. */
export function clientReset(c: usize): void {
  resetClient(changetype<Client>(c));
}

// --- Input and output ---

/**
 * Where the client's next bytes go; root.roomLength says how many fit. 0: no memory is left, the client closes. When
 * bytes of several clients come before the first is processed, each is number `part` of at most `parts`. (g)
 */
export function inputRoom(c: usize, want: i32, part: i32, parts: i32): usize {
  return roomFor(changetype<Client>(c), want, part, parts);
}

/** Runs what came in: `n` new bytes at inputRoom(). Returns STATUS_ bits (resp/process.ts). (g) */
export function process(c: usize, n: i32): i32 {
  return processInput(changetype<Client>(c), n);
}

export function outputPtr(c: usize): usize {
  return outputAddress(changetype<Client>(c));
}

export function outputLength(c: usize): i32 {
  return outputContiguous(changetype<Client>(c));
}

/** Pieces of unsent output that outputParts() lists at most. */
const PARTS_MAX: i32 = 16;
const PARTS: usize = 12800;

/**
 * Lists unsent output as (address, length) pairs of u32; returns how many, at most 16. Address of the list and bytes in
 * its pieces are in the root.
 */
export function outputParts(c: usize): i32 {
  root().outputPtr = PARTS;
  return listOutput(changetype<Client>(c), PARTS, PARTS_MAX);
}

/** Forgets n sent bytes; returns how many contiguous ones are next. */
export function outputConsume(c: usize, n: i32): i32 {
  return consumeOutput(changetype<Client>(c), n);
}

/** How many pieces of unsent output there are; address and length of the first are in the root. */
export function outputFirst(c: usize): i32 {
  return firstOutput(changetype<Client>(c));
}

/** A client, not the one just processed, that has output; 0 when there is none. */
export function pendingWriteNext(): usize {
  trackingBroadcast();
  return takePending();
}

/** A client whose held-back input may run: call process(c, 0). 0 when there is none. */
export function resumeNext(): usize {
  return takeResume();
}

/** A client to close at once; 0 when there is none. */
export function closingNext(): usize {
  return takeClosing();
}

// --- Commands that the host runs ---

/** Room for n bytes of reply; 0 when memory is exhausted (the client closes). (g) */
export function replyRoom(c: usize, n: i32): usize {
  return reserve(changetype<Client>(c), <usize>n);
}

export function replyCommit(c: usize, n: i32): void {
  commitOutput(changetype<Client>(c), <usize>n);
}

/**
 * The command that process() handed to the host goes on later, and is counted then, by hostGoesOn(): 1. It was settled
 * before: 0.
 */
export function hostWaits(): i32 {
  const r = root();
  if (r.settleCount == 0) return 0;
  uncountRun(r.currentCommand);
  if (r.executing != 0) r.settleExecuted--;
  return 1;
}

/** Counts the command that hostWaits() left out; the next settle() gives it its time. */
export function hostGoesOn(id: i32): void {
  countRun(id);
  if (root().executing != 0) root().settleExecuted++;
}

/** Ends the command that process() handed to the host. */
export function hostDone(c: usize, failed: i32): void {
  hostCommandDone(changetype<Client>(c), failed != 0);
}

/** Counts an error reply that the host wrote: its text without '-' and line break. */
export function hostError(ptr: usize, len: i32): void {
  countHostError(ptr, len);
}

// --- Scripts ---

/** Begins a script of a client with SCRIPT_ bits; returns the client that runs its commands, 0 without memory. (g) */
export function scriptStart(c: usize, flags: u32): usize {
  return startScript(changetype<Client>(c), flags);
}

/** Room for `count` arguments of `bytes` bytes at root.scriptArgv and root.scriptBuffer; 0 without memory. (g) */
export function scriptRoom(count: i32, bytes: i32): i32 {
  return scriptArguments(count, bytes) ? 1 : 0;
}

/** Runs the command of `count` arguments in root.scriptArgv for the script; returns CALL_ (resp/script.ts). (g) */
export function scriptRun(count: i32): i32 {
  return runScripted(count);
}

/** Ends a command of the script that the host ran. */
export function scriptDone(failed: i32): i32 {
  return scriptedDone(failed != 0);
}

/** Other clients are told that a script is busy, until it ends. */
export function scriptBusy(): void {
  scriptIsBusy();
}

/** Counts an error reply that a script has made. */
export function scriptError(ptr: usize, length: i32): void {
  countError(ptr, length, true);
}

/** Ends the script. */
export function scriptEnd(): void {
  endScript();
}

/** Tells SCRIPT_FLAG bits of a script ("s" and its SHA-1) or function ("f" and its name); negative: it is gone. (g) */
export function scriptNote(key: usize, length: i32, flags: i32): void {
  noteScript(key, length, flags);
}

/** The SHA-1 of bytes: address of 40 hex digits. */
export function scriptSha(ptr: usize, length: i32): usize {
  return scriptName(ptr, length);
}

/** Whether the script's user may run the command of `count` arguments in root.scriptArgv: 1 or 0; -1: there is none. */
export function scriptMay(count: i32): i32 {
  return checkScripted(count);
}

// --- In process ---

/**
 * Room for `count` arguments of `bytes` bytes in all, for callRun(). The host writes the (address, length) pairs to
 * root.sharedArgv and the bytes to the returned address. 0 when memory is exhausted. (g)
 */
export function callRoom(count: i32, bytes: i32): usize {
  const r = root();
  if (!ensureArgv(count)) return 0;
  if (bytes <= CALL_INPUT_SIZE) return r.callInput;
  callEnd();
  r.callBuffer = inputBlock(bytes);
  return r.callBuffer;
}

/** Runs the command of `count` arguments in root.sharedArgv for an internal client; returns STATUS_ bits. (g) */
export function callRun(c: usize, count: i32): i32 {
  const r = root();
  clockUpdate();
  if (r.timedMembers != 0) dropDueMembers();
  r.argc = count;
  r.argv = r.sharedArgv;
  r.current = c;
  const client = changetype<Client>(c);
  runCommand(client, resolveCommand());
  r.current = 0;
  if (r.lazyHead != 0) lazyFreeSome(LAZY_BUDGET);
  if (r.usedBytes > r.peakBytes) r.peakBytes = r.usedBytes;
  r.callReply = outputAddress(client);
  // What the host has still to go on with is in pieces, too.
  const isWhole = client.outHead == client.outTail && !(client.flags & CLIENT_AWAITS_HOST);
  r.callReplyLength = isWhole ? outputContiguous(client) : 0;
  const denied = r.gate & GATE_DENIED ? STATUS_DENIED : 0;
  r.gate &= ~GATE_DENIED;
  return (client.flags & CLIENT_AWAITS_HOST ? 2 : 0) | (client.outHead != 0 ? 1 : 0) | denied;
}

/** Frees what a large call needed. */
export function callEnd(): void {
  const r = root();
  free(r.callBuffer);
  r.callBuffer = 0;
}

// --- Time and upkeep ---

/** Shares the time of the last slice among its commands; returns how many there were. */
export function settle(microseconds: f64, histograms: i32): i32 {
  return shareTime(microseconds, histograms != 0);
}

/** One slice of active expiry; 1 while the cycle over all databases goes on. */
export function cronExpire(): i32 {
  clockUpdate();
  const goesOn = root().activeExpire && expireSlice();
  if (root().gate & GATE_READY) serveReady();
  return goesOn ? 1 : 0;
}

/** Ends a cycle of active expiry whose time is up although cronExpire() answered 1. */
export function cronExpireCut(): void {
  expireCut();
}

/** Removes every key whose time has come, however long it takes: for virtual clocks. */
export function expireAll(): void {
  clockUpdate();
  if (root().activeExpire) expireEverything();
}

/** Moves up to `buckets` of each table that is rehashing and shrinks sparse ones; 1 while there is more to do. (g) */
export function cronRehash(buckets: i32): i32 {
  const r = root();
  let more = 0;
  for (let i = 0; i < r.databaseCount; i++) {
    const db = database(i);
    tableShrinkIfNeeded(db.keys);
    tableShrinkIfNeeded(db.expires);
    if (tableRehash(db.keys, buckets)) more = 1;
    if (tableRehash(db.expires, buckets)) more = 1;
  }
  return more;
}

/** 1 while keys, fields or members have a time to live, tables are on the move, or memory is above maxmemory. */
export function cronHasWork(): i32 {
  const r = root();
  if (r.timedMembers != 0 || r.evictionExceededSinceUs != 0) return 1;
  for (let i = 0; i < r.databaseCount; i++) {
    const db = database(i);
    if (tableSize(db.expires) != 0 || volatileKeys(db).count != 0) return 1;
    if (tableBuckets(db.keys, 1) != 0 || tableBuckets(db.expires, 1) != 0) return 1;
  }
  return 0;
}

/**
 * Evicts clients above maxmemory-clients, and keys while memory is above maxmemory: 0 none is left to evict, 1 memory
 * is within it, 2 call again.
 */
export function cronEvict(): i32 {
  clockUpdate();
  evictClients();
  const result = evictToLimit();
  if (root().gate & GATE_READY) serveReady();
  return result;
}

/** CLIENT UNBLOCK: 1 when the client waited for a key. `withError`: it gets an error, else what a timeout gives. */
export function clientUnblock(c: usize, withError: i32): i32 {
  return unblock(changetype<Client>(c), withError != 0) ? 1 : 0;
}

/** Frees the first Blocked below root.servedHead, when the command log has seen it. */
export function servedDrop(): void {
  dropServed();
}

/** Lets clients go whose time to wait is over. Returns the next deadline in unix milliseconds, 0: there is none. */
export function blockedTimeouts(): f64 {
  clockUpdate();
  return <f64>expireBlocked();
}

/** Frees about `budget` allocations of values that were dropped; 1 while there is more. */
export function lazyFree(budget: i32): i32 {
  return lazyFreeSome(budget) ? 1 : 0;
}

/** How many keys clients watch. */
export function watchedKeyCount(): u32 {
  return watchedKeys();
}

/** CLIENT TRACKING ON with TRACK_ options, or other ones than before; 0 when memory is exhausted. (g) */
export function trackingStart(c: usize, options: i32, redirect: u32): i32 {
  return trackingOn(changetype<Client>(c), <u32>options, redirect) ? 1 : 0;
}

/** Adds a prefix of BCAST mode; 0 when memory is exhausted. (g) */
export function trackingAddPrefix(c: usize, ptr: usize, len: i32): i32 {
  return trackingPrefix(changetype<Client>(c), ptr, len) ? 1 : 0;
}

/** Address of the length and the bytes of a client's prefix number `i`, 0 when there is none. */
export function trackingPrefixPtr(c: usize, i: i32): usize {
  return trackingPrefixAt(changetype<Client>(c), i);
}

/** CLIENT TRACKING OFF. */
export function trackingStop(c: usize): void {
  trackingOff(changetype<Client>(c));
}

/** How many clients track (0), keys are remembered (1) by how many readers (2), and prefixes there are (3). */
export function trackingFigure(which: i32): u32 {
  return trackingCount(which);
}

/** MONITOR: from now on the client gets every command. 0 when memory is exhausted. (g) */
export function monitorStart(c: usize): i32 {
  return monitorAdd(changetype<Client>(c)) ? 1 : 0;
}

/** Tells a client's address, as monitors show it. (g) */
export function clientSetPeer(c: usize, ptr: usize, len: i32): void {
  setPeer(changetype<Client>(c), ptr, len);
}

/** How many channels (kind 0), patterns (1) or shard channels (2) have subscribers. */
export function pubsubNames(kind: i32): u32 {
  return namesOf(kind);
}

/** Address of a database's struct. */
export function databaseAddress(index: i32): usize {
  return changetype<usize>(database(index));
}

/** How many keys clients wait for; `whenGone`: waits that also end when their key is gone. */
export function blockedKeys(whenGone: i32): u32 {
  return blockingKeys(whenGone != 0);
}

/** CLIENT PAUSE until a time in milliseconds: mode 1 writes, 2 everything, 0 ends it and lets held clients run on. */
export function pauseClients(mode: i32, untilMs: f64): void {
  const r = root();
  r.pauseMode = mode;
  r.pauseUntilMs = <i64>untilMs;
  r.gate = mode != 0 ? r.gate | GATE_PAUSE : r.gate & ~GATE_PAUSE;
  if (mode != 0) return;
  releaseHeld();
  serveReady();
}

/** Holds the commands of every client back while the host runs one, whatever CLIENT PAUSE says, or lets them run on. */
export function holdClients(on: i32): void {
  const r = root();
  r.gate = on != 0 ? r.gate | GATE_HOST : r.gate & ~GATE_HOST;
  if (on == 0) releaseHeld();
}

/**
 * Looks after the next `count` clients: marks those for closing that are idle for more than `idleSeconds` (0: never) or
 * too long over their soft output limit, and gives back query buffers that are not needed.
 */
export function cronClients(count: i32, idleSeconds: i32): void {
  clockUpdate();
  careForClients(count, idleSeconds);
  trackingTrim();
}

// --- Settings and statistics ---

/** Sets one setting (memory/settings.ts); 0 when there is no such number. */
export function setSetting(id: i32, value: f64): i32 {
  if (id == Setting.maxmemoryPolicy) evictionPoolClear();
  return applySetting(id, value) ? 1 : 0;
}

/** Renames a command (length 0: takes it away); 0 when the name is taken or too long. */
export function setCommandName(id: i32, ptr: usize, len: i32): i32 {
  return renameCommand(id, ptr, len) ? 1 : 0;
}

/** CONFIG RESETSTAT. */
export function resetStats(): void {
  clearStats(COMMAND_COUNT);
  clearErrorStats();
}

/** MEMORY PURGE: frees the buffers that are kept for the next use, and gives empty pages to all size classes. */
export function memoryPurge(): void {
  scratchRelease(0);
  freeMessageBuffers();
  trimTrackingFrame(0);
  freeMonitorLine();
  trimBlockedHeap();
  releaseEmptyPages();
}

/** Bytes of linear memory that could still be handed out. */
export function memoryAvailable(): f64 {
  return <f64>availableBytes();
}

/** Bucket count (DEBUG HTSTATS) of database `db`: which 0 or 1 of its key table, 2 or 3 of its expiry table. */
export function tableBucketCount(db: i32, which: i32): u32 {
  const d = database(db);
  return which < 2 ? tableBuckets(d.keys, which) : tableBuckets(d.expires, which - 2);
}

/** Elements in one bucket's chain, numbered as in tableBucketCount(). */
export function tableBucketLength(db: i32, which: i32, index: u32): i32 {
  const d = database(db);
  return which < 2 ? tableChainLength(d.keys, which, index) : tableChainLength(d.expires, which - 2, index);
}

/** Next bucket that a table moves while it rehashes, else -1. which: 0 the keys, 1 the expiries. */
export function tableRehashIndex(db: i32, which: i32): i32 {
  return which == 0 ? database(db).keys.rehashIndex : database(db).expires.rehashIndex;
}

/** A block for the host's own small needs (names to set, patterns); free it with hostFree(). (g) */
export function hostAlloc(size: i32): usize {
  return alloc(<usize>size);
}

export function hostFree(ptr: usize): void {
  free(ptr);
}
