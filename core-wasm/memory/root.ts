/**
 * The state root: one struct at a fixed address in page 0 below which all mutable state of a core lives.
 *
 * There is no mutable module-level variable anywhere in the core: a core is its memory. Copying the used part of
 * the memory clones it; writing an old copy back restores it.
 *
 *   1024 ..          Root
 *   4096 ..          the allocator's list heads
 *   8192 ..          integers written out (types/string.ts; from 8448 on structures/listpack.ts,
 *                    from 8640 on types/list-cursor.ts, resp/blocking.ts)
 *   8960 ..          walks through sets (types/set.ts, from 9216 on types/set-walk.ts)
 *   11264 ..         places in streams, options of stream commands (types/stream-data.ts)
 *   12288 ..         commands parsed ahead (resp/batch.ts)
 *   14336 ..         SHA-1, digests and DEBUG (bytes/sha1.ts, keyspace/digest.ts, commands/debug.ts)
 *   16384 ..         entries found ahead (resp/batch.ts)
 *   65536 ..         static data of the module (string literals, generated tables)
 *   descriptors ..   page descriptors (memory/allocator.ts), 1 MiB reserved, touched only as far as pages exist
 *   heap ..          64 KiB pages up to the end of memory
 *
 * Not for behaviour: each subsystem owns the fields that stand under its heading.
 */

export const ROOT_ADDRESS: usize = 1024;

/** Size of the buffer that all clients share for reading: a client owns a buffer only while a command is incomplete. */
export const SHARED_INPUT_SIZE: i32 = 131072;
/** What calls from inside the program have beside it: bytes of sockets may wait there meanwhile. */
export const CALL_INPUT_SIZE: i32 = 32768;
/** Readable bytes behind every input buffer, so that wide loads near its end need no check. */
export const INPUT_SLACK: i32 = 64;

// @layout
@unmanaged
export class Root {
  // Time, written by the host before it calls in.
  nowUs: f64; // wall clock in microseconds since 1970
  nowMs: i64; // the same in milliseconds, derived when a call begins
  lruClock: u32; // what a touched entry is stamped with: seconds (LRU) or minutes (LFU)
  settleCount: u32; // commands run since the host last settled their time
  settleExecuted: u32; // of which EXEC ran
  settleScripted: u32; // of which a script ran

  // Seeds.
  hashKey0: u64;
  hashKey1: u64;
  random0: u64;
  random1: u64;

  // Allocator.
  usedBytes: usize; // bytes in live blocks, by class size
  peakBytes: usize;
  totalPages: u32; // pages that exist in linear memory
  freePages: u32; // pages in free runs
  heapFirstPage: u32;
  maximumPages: u32; // growth ends here
  touchedPages: u32; // pages from here on were never in use and are zero
  failAfter: i32; // tests: allocations until one fails; negative: none will

  // Databases.
  timedMembers: u32; // 1: members of sets or sorted sets may expire (keyspace/member-expiry.ts)
  databases: usize; // array of Database
  databaseCount: i32;

  // The running command.
  argc: i32;
  argv: usize; // (address u32, length u32) pairs
  sharedArgv: usize;
  sharedArgvCapacity: i32; // in arguments
  current: usize; // Client that runs a command, 0 when none
  currentCommand: i32;
  dirty: u64; // changes since the start
  work: u64; // what a weighed command did beside its reply, in about nanoseconds (resp/process.ts)

  // Input.
  input: usize; // shared input buffer, behind it that of calls
  callInput: usize;
  roomLength: i32; // bytes that fit at what inputRoom() returned

  // Clients.
  firstClient: usize;
  lastClient: usize;
  clientCount: i32;
  nextClientId: u32;
  pendingHead: usize; // clients with output that the host has not been told of
  outputPtr: usize; // first output of the client that the host was told of last
  outputLength: i32;
  resumeHead: usize; // clients that may run on after a pause or block, the first to run first
  resumeTail: usize;
  heldHead: usize; // clients that CLIENT PAUSE holds back, in the order in which they came
  heldTail: usize;
  heldCount: i32;
  cronClient: usize; // where upkeep of clients goes on
  closingHead: usize; // clients that the host has to close
  clientsMemory: usize; // bytes in query buffers and output chunks
  closingMemory: usize; // bytes of clients that the host has yet to close
  replyChunks: usize; // bytes of clients' first chunks of output
  minReplicas: i32; // min-replicas-to-write, min-replicas-max-lag
  minReplicasLag: i32;
  replyPeakMs: i32; // how long a client's largest reply is remembered, -1: for ever
  replySizeFixed: i32; // DEBUG REPLYBUFFER RESIZING 0

  // Gate: bits that send a command through the slow checks (passGate() in resp/process.ts); 0 on a plain server.
  gate: u32;
  pauseMode: i32; // 0 none, 1 writes, 2 all
  pauseUntilMs: i64;

  // Settings (memory/settings.ts numbers them).
  maxmemory: u64;
  maxmemoryPolicy: i32;
  maxmemorySamples: i32;
  referenceMin: i32; // strings from this size on are sent from their block, without a copy
  maxmemoryClients: i64; // bytes for clients' buffers; negative: percent of maxmemory
  lfuLogFactor: i32;
  lfuDecayTime: i32;
  protoMaxBulkLen: i64;
  queryBufferLimit: u64;
  outputHardNormal: u64;
  outputSoftNormal: u64;
  outputSoftSecondsNormal: i32;
  outputHardPubsub: u64;
  outputSoftPubsub: u64;
  outputSoftSecondsPubsub: i32;
  notifyFlags: u32;
  activeExpire: i32; // DEBUG SET-ACTIVE-EXPIRE
  activeExpireEffort: i32;
  resizeForbidden: i32; // DEBUG DICT-RESIZING 0
  importMode: i32; // expired keys wait for the source of an import to delete them
  evictionTenacity: i32; // 0..100, how long one eviction may take
  largeRequest: u64; // requests of more bytes are marked
  largeReply: u64; // replies that may be longer are marked

  // When a collection leaves its compact encoding: the directives of the same names.
  hashMaxListpackEntries: i32;
  hashMaxListpackValue: i32;
  listMaxListpackSize: i32; // entries when positive; -1..-5: 4, 8, 16, 32, 64 KiB
  listCompressDepth: i32;
  setMaxIntsetEntries: i32;
  setMaxListpackEntries: i32;
  setMaxListpackValue: i32;
  zsetMaxListpackEntries: i32;
  zsetMaxListpackValue: i32;
  hllSparseMaxBytes: i32;
  rdbCompression: i32; // strings are compressed where that saves something
  rdbVersionRelaxed: i32; // payloads of later and foreign versions are read, too
  damage: i32; // type << 8 | Damage that RESTORE has just found, for the host's log
  skipChecksum: i32; // DEBUG SET-SKIP-CHECKSUM-VALIDATION
  hllPlain: i32; // PFDEBUG SIMD OFF: merging goes the plain way
  streamNodeMaxBytes: i32;
  streamNodeMaxEntries: i32;
  listPackedThreshold: u32; // DEBUG QUICKLIST-PACKED-THRESHOLD: elements from this size on stand alone, 0: the rule

  // Values that are freed a slice at a time (keyspace/lazyfree.ts).
  lazyFree: u32; // LAZY_ bits of memory/settings.ts
  lazyHead: usize; // entries that wait, chained through their payload
  lazyPending: u32; // how many wait
  lazyFreed: u64; // how many are done
  freeingMark: u64; // used memory when eviction last looked at what waits; all bits set: not since more was dropped
  freeingTurnUs: f64; // the turn in which commands freed values last, and allocations that they may still free in it
  freeingLeft: i32;

  // Clients that wait for keys (resp/blocking.ts).
  blockedCount: i32;
  blockedHeap: usize; // their addresses, a binary heap by deadline
  blockedHeapLength: i32; // those that have a deadline
  blockedHeapCapacity: i32;
  servedHead: usize; // Blocked of commands that have ended, for the command log
  servedTail: usize;
  readyHead: usize; // keys that were made ready
  readyTail: usize;
  blockedGoneWaiters: i32; // waits that also end when their key is gone
  rerunDeadline: i64; // of the command that runs again

  // Who wants to know of changes (keyspace/events.ts), and transactions.
  observers: u32; // OBSERVE_ bits and the NOTIFY_ classes that are switched on; 0: nobody
  executing: usize; // Client in the middle of EXEC, 0 when none
  watchCount: u32; // watches of all clients
  watchingClients: i32;

  // Client-side caching (resp/tracking.ts).
  tracking: usize; // what all share, 0 until the first CLIENT TRACKING
  trackingMaxKeys: u32; // tracking-table-max-keys
  pushNow: i32; // 1: a push to the running client goes in front of its reply
  line: u64; // a short message under construction, 64 bytes with those that follow
  line1: u64;
  line2: u64;
  line3: u64;
  line4: u64;
  line5: u64;
  line6: u64;
  line7: u64;

  // Clients that get every command (resp/monitor.ts).
  monitors: usize; // their addresses
  monitorCount: i32;
  monitorLine: usize; // buffer for a line

  // Publish/subscribe (resp/pubsub.ts).
  pubsub: usize; // tables and buffers, 0 until the first subscription
  pubsubClients: i32;
  pair: u64; // key of a look-up among subscriptions
  lastOutput: usize; // another one, for what comes behind that
  laterOutput: usize; // Client without a connection: what the running command's client gets behind its reply

  // Statistics.
  settleHead: i32; // chain of CommandStats that ran since the last settle, -1 at its end
  commandStats: usize; // array of CommandStat by command id
  errorStats: usize; // array of ErrorStat
  errorCount: i32;
  statCommands: u64;
  statHits: u64;
  statMisses: u64;
  statExpired: u64;
  statExpiredFields: u64;
  statExpiredStalePercent: f64;
  statVolatileStalePercent: f64; // the same of hashes that have fields with an expiry
  statExpiredTimeCapReached: u64;
  statEvicted: u64;
  statEvictionExceededUs: f64; // time spent above maxmemory
  evictionExceededSinceUs: f64; // when used memory last came above maxmemory, 0: it is not
  statNetIn: u64;
  statNetOut: u64;
  statErrorReplies: u64;
  statReadsProcessed: u64;
  statWritesProcessed: u64;
  statQueryBufferLimitDisconnections: u64;
  statOutputBufferLimitDisconnections: u64;
  inputPeak: u32; // largest query buffer of a client since the host last took note
  outputPeak: u32; // largest unsent output likewise

  // Cron state.
  expireDb: i32;
  expireVisited: i32; // databases that this cycle of active expiry is done with
  expireSeen: u32; // keys that it looked at
  expireDead: u32; // and those of them that had expired
  expireVolatileSeen: u32; // the same for hashes that have fields with an expiry
  expireVolatileDead: u32;
  evictDb: i32;
  evictionPoolLength: i32;
  evictionPool: usize; // candidates of the approximated LRU

  // Options of the SCAN family's running command (commands/scan.ts).
  scanCount: i64; // elements to look at
  scanPattern: i32; // the argument that what passes matches, 0: none
  scanType: i32; // -1: any
  scanBare: i32; // 1: without values or scores

  // Scratch list of u32 (structures/scratch.ts) for scans and samples.
  scratchLength: i32;
  scratch: usize;
  scratchCapacity: i32;
  scratchFailed: i32; // 1: memory was exhausted since the list was cleared

  callBuffer: usize; // arguments of a large in-process call
  callReply: usize; // its reply, where it is in one piece
  callReplyLength: i32; // 0: there is none yet, or it is in several pieces

  // The script that runs (resp/script.ts).
  scriptClient: usize; // the client that all scripts share, 0 until the first one
  scriptCaller: usize; // Client whose script it is, 0: none runs
  scriptCommand: i32; // what that one runs
  scriptFlags: u32; // SCRIPT_ bits
  scriptNowUs: f64; // the time that it sees
  scriptNowMs: i64;
  scriptBuffer: usize; // arguments of its commands
  scriptBufferSize: i32;
  scriptArgv: usize;
  scriptArgvLength: i32; // in arguments
  scriptTable: usize; // what is known of scripts and functions (resp/script-flags.ts), 0: of none

  // Blocks that output refers to (memory/pins.ts), and one that a value may take over (resp/large.ts).
  pins: usize;
  pinCount: i32;
  pinCapacity: i32;
  adoptable: usize;

  // Look-ahead (resp/batch.ts).
  cachedKey: usize; // address of the running command's first key, 0 when its hash is not known
  cachedHash: u64;
  touched: u32; // sum of what was touched ahead, so that the loads are not optimised away

  // Parser results (resp/parser.ts).
  parsedNumber: i64;
  wordEnd: usize;
  number: i64; // results of parsers of arguments (commands/arguments.ts)
  idMs: u64; // a stream ID that was read, or the second result of what answers one (commands/stream-id.ts)
  idSeq: u64;
  real: f64;
  lpPlace: usize; // element that the last change of a listpack left (structures/listpack.ts), 0: none
  lpSteps: i32; // elements that the last search passed before what it found

  // Access control (resp/access.ts).
  users: usize; // blocks of users that may not do everything
  defaultUser: usize; // the default user's, 0: it has all rights
  deniedArg: i32; // which argument the last check was about, 0: the command or the selected database
  noteCount: i32; // denials that the host has not been told of
  noteHead: usize;
  noteTail: usize;
  statDeniedCommand: u64;
  statDeniedKey: u64;
  statDeniedChannel: u64;
  statDeniedDatabase: u64;

  // Error text under construction (resp/reply.ts).
  text: usize;
  textLength: i32;
}

/** The root of this core. Costs nothing: the address is a constant. */
export function root(): Root {
  return changetype<Root>(ROOT_ADDRESS);
}

/** Number of arguments of the running command, its name included. */
export function argc(): i32 {
  return root().argc;
}

/** Address of argument i's bytes. */
export function argPtr(i: i32): usize {
  return <usize>load<u32>(root().argv + (<usize>i << 3));
}

/** Length in bytes of argument i. */
export function argLen(i: i32): i32 {
  return load<i32>(root().argv + (<usize>i << 3), 4);
}

/** Next value of the core's own xorshift128+ generator (Vigna, 2014). */
export function random64(): u64 {
  const r = root();
  let a = r.random0;
  const b = r.random1;
  r.random0 = b;
  a ^= a << 23;
  r.random1 = a ^ b ^ (a >> 17) ^ (b >> 26);
  return r.random1 + b;
}

/** A number in [0, limit). */
export function randomBelow(limit: u32): u32 {
  return <u32>(((random64() >> 32) * <u64>limit) >> 32);
}
