/**
 * The client: what the core knows of one connection. Its address is the host's handle.
 *
 * Query buffer: most reads arrive in the shared input buffer and leave nothing behind; a client owns a buffer only
 * while a command is incomplete or held back. Output: a chain of chunks that the host sends and consumes.
 *
 *   chunk  >0 u32 next · 4 u32 capacity · 8 u32 start (consumed so far) · 12 u32 end · 16 u32 block · 24 data
 *
 * Identified by: block 0 → the data stands in the chunk; else in a value's block, pinned (memory/pins.ts), and the
 * chunk is full.
 *
 * Not for parsing (parser.ts) or for writing replies (reply.ts).
 */
import {
  CLIENT_AUTHENTICATED, CLIENT_CLOSE_ASAP, CLIENT_CLOSING, CLIENT_COUNTS_ALL, CLIENT_EVER_AUTHENTICATED, CLIENT_HELD,
  CLIENT_INTERNAL, CLIENT_PENDING_WRITE, CLIENT_RESUME, CLIENT_SUBSCRIBED,
} from "./flags";
import { alloc, free, usableSize } from "../memory/allocator";
import { pin, unpin } from "../memory/pins";
import { root } from "../memory/root";
import { database, Database } from "../keyspace/database";
import { assignDefault } from "./access";
import { forgetBlocked } from "./blocking";
import { subscriptionBytes, unsubscribeAll } from "./pubsub";
import { transactionBytes, transactionFree } from "./transaction";

export * from "./flags";

// Why the core wants a client closed (closeFor): what the host writes to its log and counts.
export const CLOSE_OUTPUT_LIMIT: i32 = 1; // while a reply was written
export const CLOSE_OUTPUT_LIMIT_LATER: i32 = 2; // found by upkeep: the soft limit's time is over
export const CLOSE_QUERY_LIMIT: i32 = 3;
export const CLOSE_IDLE: i32 = 4;
export const CLOSE_CROSS_PROTOCOL: i32 = 5;
export const CLOSE_NO_MEMORY: i32 = 6;
export const CLOSE_EVICTED: i32 = 7;

/** What a chunk costs beside its bytes: what INFO and limits add for each, as Valkey does for its list nodes. */
const CHUNK_OVERHEAD: usize = 40;
/** Output that a client who never authenticated may leave unread. */
const UNAUTHENTICATED_OUTPUT: u64 = 1024;
const GATE_AUTH: u32 = 1;
const GATE_REPLY_LIST: u32 = 16;

/** Bit of root.gate: the running command's request or reply is large; it ends the slice (resp/process.ts). */
export const GATE_LARGE: u32 = 1 << 16;

export const CHUNK_HEADER: usize = 24;
export const CHUNK_SIZE: usize = 16384;
const CHUNK_NEXT: usize = 0;
const CHUNK_CAPACITY: usize = 4;
const CHUNK_START: usize = 8;
const CHUNK_END: usize = 12;
const CHUNK_BLOCK: usize = 16;

// @layout
@unmanaged
export class Client {
  id: u64;
  createdMs: i64;
  lastMs: i64; // last interaction
  netIn: u64;
  netOut: u64;
  commands: u64;
  db: i32;
  resp: i32; // 2 or 3
  flags: u32;
  lastCommand: i32; // id, 0 none
  argumentBytes: u64; // size of the running command's arguments

  // Input.
  buffer: usize; // own query buffer, 0 when everything is in the shared one
  bufferLength: i32;
  bufferCapacity: i32;
  position: i32; // next unread byte
  bufferPeak: i32;

  // Incomplete command (parser.ts).
  args: usize; // (offset u32, length u32) pairs, 0 when none
  argsCapacity: i32;
  argsCount: i32;
  expected: i32; // arguments that are still missing; 0: not inside a multibulk
  bulkLength: i64; // -1: its length line is next
  commandStart: i32;

  // A large argument on its way (resp/large.ts).
  largeBlock: usize; // 0: none
  largeLength: i32; // of the argument, without its line break
  largeFilled: i32;
  largeIndex: i32; // which argument it is; -1 once its command has run

  // Output.
  outHead: usize;
  outTail: usize;
  outBytes: u64; // not yet consumed
  outChunks: i32;
  outCapacity: usize; // bytes of all chunks, their headers included
  softSinceMs: i64; // when the output first exceeded the soft limit, 0: it does not
  replyErrors: i32; // error replies of the running command
  replyStart: u64; // netOut + outBytes when the running command began

  // Lists.
  next: usize;
  previous: usize;
  pendingNext: usize;
  resumeNext: usize;
  closingNext: usize;
  closingMemory: usize; // its part of root.closingMemory
  blocked: usize; // what it waits for (resp/blocking.ts), 0: nothing
  user: usize; // compiled rules of its user (resp/access.ts), 0: it may do everything
  userId: u32;
  transaction: usize; // its queue and watched keys (resp/transaction.ts), 0: it never had any
  subscriptions: usize; // (resp/pubsub.ts), 0: it has none
  closeReason: i32; // CLOSE_, 0: none; or which protocol error ended the connection (parser.ts)
}

const CLIENT_SPACE: usize = (offsetof<Client>() + 7) & ~7;

/** A new connected client, last in the list of clients; 0 when memory is exhausted. */
export function clientNew(): usize {
  const r = root();
  const address = alloc(CLIENT_SPACE);
  if (address == 0) return 0;
  memory.fill(address, 0, CLIENT_SPACE);
  const c = changetype<Client>(address);
  c.id = <u64>r.nextClientId;
  r.nextClientId++;
  c.createdMs = r.nowMs;
  c.lastMs = r.nowMs;
  c.resp = 2;
  c.bulkLength = -1;
  clientDefaultAccess(c);
  c.previous = r.lastClient;
  if (r.lastClient != 0) changetype<Client>(r.lastClient).next = address;
  else r.firstClient = address;
  r.lastClient = address;
  r.clientCount++;
  return address;
}

/** Without a password everyone is authenticated from the start, and stays so when a password is set later. */
export function clientDefaultAccess(c: Client): void {
  assignDefault(c);
  c.flags &= ~CLIENT_AUTHENTICATED;
  if (!(root().gate & GATE_AUTH)) c.flags |= CLIENT_AUTHENTICATED | CLIENT_EVER_AUTHENTICATED;
}

/** Frees a client with its buffers and takes it off every list. */
export function clientFree(c: Client): void {
  const r = root();
  const address = changetype<usize>(c);
  if (c.previous != 0) changetype<Client>(c.previous).next = c.next;
  else r.firstClient = c.next;
  if (c.next != 0) changetype<Client>(c.next).previous = c.previous;
  else r.lastClient = c.previous;
  r.clientCount--;
  if (c.flags & CLIENT_PENDING_WRITE) removePending(c);
  if (c.flags & CLIENT_RESUME) removeResume(c);
  if (c.flags & CLIENT_HELD) removeHeld(c);
  forgetBlocked(c);
  transactionFree(c);
  unsubscribeAll(c);
  if (c.flags & CLIENT_CLOSING) removeClosing(c);
  if (r.current == address) r.current = 0;
  if (r.cronClient == address) r.cronClient = c.next;
  r.closingMemory -= c.closingMemory;
  dropBuffer(c);
  free(c.args);
  free(c.largeBlock);
  clearOutput(c);
  free(address);
}

/** Frees every client that has a socket: in a copy of a core nobody is at the other end. */
export function dropSocketClients(): void {
  let address = root().firstClient;
  while (address != 0) {
    const c = changetype<Client>(address);
    address = c.next;
    if (!(c.flags & CLIENT_INTERNAL)) clientFree(c);
  }
}

/** The database that the client has selected. */
export function clientDb(c: Client): Database {
  return database(c.db);
}

// --- Lists that the host drains ---

/** Tells the host that this client, which is not the one being served, has output. */
export function addPending(c: Client): void {
  if (c.flags & CLIENT_PENDING_WRITE) return;
  c.flags |= CLIENT_PENDING_WRITE;
  c.pendingNext = root().pendingHead;
  root().pendingHead = changetype<usize>(c);
}

function removePending(c: Client): void {
  const r = root();
  const address = changetype<usize>(c);
  c.flags &= ~CLIENT_PENDING_WRITE;
  if (r.pendingHead == address) {
    r.pendingHead = c.pendingNext;
    return;
  }
  let p = changetype<Client>(r.pendingHead);
  while (p.pendingNext != address) p = changetype<Client>(p.pendingNext);
  p.pendingNext = c.pendingNext;
}

export function takePending(): usize {
  const head = root().pendingHead;
  if (head != 0) removePending(changetype<Client>(head));
  return head;
}

/** Tells the host to process this client's held-back input. First come, first served. */
export function addResume(c: Client): void {
  if (c.flags & (CLIENT_RESUME | CLIENT_HELD)) return;
  const r = root();
  c.flags |= CLIENT_RESUME;
  c.resumeNext = 0;
  if (r.resumeHead == 0) r.resumeHead = changetype<usize>(c);
  else changetype<Client>(r.resumeTail).resumeNext = changetype<usize>(c);
  r.resumeTail = changetype<usize>(c);
}

/** The client of a list chained by resumeNext that stands before `address`; 0 when that is the first. */
function resumeBefore(head: usize, address: usize): usize {
  let before: usize = 0;
  while (head != address) {
    before = head;
    head = changetype<Client>(head).resumeNext;
  }
  return before;
}

function removeResume(c: Client): void {
  const r = root();
  const address = changetype<usize>(c);
  c.flags &= ~CLIENT_RESUME;
  const before = resumeBefore(r.resumeHead, address);
  if (before == 0) r.resumeHead = c.resumeNext;
  else changetype<Client>(before).resumeNext = c.resumeNext;
  if (r.resumeTail == address) r.resumeTail = before;
}

export function takeResume(): usize {
  const head = root().resumeHead;
  if (head != 0) removeResume(changetype<Client>(head));
  return head;
}

/** Holds a client's input back until releaseHeld(), in the order of these calls. */
export function holdClient(c: Client): void {
  if (c.flags & CLIENT_HELD) return;
  const r = root();
  c.flags |= CLIENT_HELD;
  c.resumeNext = 0;
  if (r.heldHead == 0) r.heldHead = changetype<usize>(c);
  else changetype<Client>(r.heldTail).resumeNext = changetype<usize>(c);
  r.heldTail = changetype<usize>(c);
  r.heldCount++;
}

function removeHeld(c: Client): void {
  const r = root();
  const address = changetype<usize>(c);
  c.flags &= ~CLIENT_HELD;
  r.heldCount--;
  const before = resumeBefore(r.heldHead, address);
  if (before == 0) r.heldHead = c.resumeNext;
  else changetype<Client>(before).resumeNext = c.resumeNext;
  if (r.heldTail == address) r.heldTail = before;
}

/** Lets every held client run on. */
export function releaseHeld(): void {
  const r = root();
  while (r.heldHead != 0) {
    const c = changetype<Client>(r.heldHead);
    removeHeld(c);
    addResume(c);
  }
}

/** Tells the host to close this client at once. */
export function closeSoon(c: Client): void {
  c.flags |= CLIENT_CLOSE_ASAP;
  if (c.flags & CLIENT_CLOSING) return;
  c.flags |= CLIENT_CLOSING;
  c.closingNext = root().closingHead;
  root().closingHead = changetype<usize>(c);
}

/** The same with the reason, for the log. */
export function closeFor(c: Client, reason: i32): void {
  if (c.flags & CLIENT_CLOSE_ASAP) return;
  c.closeReason = reason;
  if (reason == CLOSE_OUTPUT_LIMIT || reason == CLOSE_OUTPUT_LIMIT_LATER) root().statOutputBufferLimitDisconnections++;
  closeSoon(c);
}

function removeClosing(c: Client): void {
  const r = root();
  const address = changetype<usize>(c);
  c.flags &= ~CLIENT_CLOSING;
  if (r.closingHead == address) {
    r.closingHead = c.closingNext;
    return;
  }
  let p = changetype<Client>(r.closingHead);
  while (p.closingNext != address) p = changetype<Client>(p.closingNext);
  p.closingNext = c.closingNext;
}

export function takeClosing(): usize {
  const head = root().closingHead;
  if (head != 0) removeClosing(changetype<Client>(head));
  return head;
}

// --- Output chunks ---

export function chunkEnd(chunk: usize): usize {
  return chunk + CHUNK_HEADER + <usize>load<u32>(chunk, CHUNK_END);
}

export function chunkRoom(chunk: usize): usize {
  return <usize>(load<u32>(chunk, CHUNK_CAPACITY) - load<u32>(chunk, CHUNK_END));
}

function chunkLength(chunk: usize): i32 {
  return load<i32>(chunk, CHUNK_END) - load<i32>(chunk, CHUNK_START);
}

/**
 * Bytes that unread output holds, as limits and CLIENT LIST count them: the first 16 KiB are not, since every client
 * has as much for the reply that is on its way.
 */
export function clientOutputMemory(c: Client): usize {
  const chunks = <usize>c.outChunks;
  if (root().gate & GATE_REPLY_LIST || c.flags & CLIENT_COUNTS_ALL) return c.outCapacity + chunks * CHUNK_OVERHEAD;
  if (c.outCapacity <= CHUNK_SIZE) return 0;
  return c.outCapacity - CHUNK_SIZE + (chunks > 1 ? chunks - 1 : 1) * CHUNK_OVERHEAD;
}

/** Bytes in the first chunk. */
export function clientFixedOutput(c: Client): i32 {
  return c.outHead == 0 ? 0 : chunkLength(c.outHead);
}

/** True when the client's unread output is over a limit now. Keeps the time since when it is over the soft limit. */
export function isOverOutputLimit(c: Client): bool {
  const r = root();
  if (c.flags & CLIENT_INTERNAL) return false;
  const used = <u64>clientOutputMemory(c);
  const isStranger = r.gate & GATE_AUTH && !(c.flags & (CLIENT_AUTHENTICATED | CLIENT_EVER_AUTHENTICATED));
  if (isStranger && used > UNAUTHENTICATED_OUTPUT) return true;
  const isPubsub = (c.flags & CLIENT_SUBSCRIBED) != 0;
  const hard = isPubsub ? r.outputHardPubsub : r.outputHardNormal;
  const soft = isPubsub ? r.outputSoftPubsub : r.outputSoftNormal;
  if (hard != 0 && used >= hard) return true;
  if (soft == 0 || used < soft) {
    c.softSinceMs = 0;
    return false;
  }
  if (c.softSinceMs == 0) {
    c.softSinceMs = r.nowMs;
    return false;
  }
  const seconds = isPubsub ? r.outputSoftSecondsPubsub : r.outputSoftSecondsNormal;
  return r.nowMs / 1000 - c.softSinceMs / 1000 > <i64>seconds;
}

/**
 * Makes the tail chunk one that has at least `want` bytes of room, `least` with its header; false without memory or for
 * a closing client.
 */
export function addChunk(c: Client, want: usize, least: usize = CHUNK_SIZE): bool {
  if (c.flags & CLIENT_CLOSE_ASAP) return false;
  const size = want + CHUNK_HEADER > least ? want + CHUNK_HEADER : least;
  const chunk = alloc(size);
  if (chunk == 0) return false;
  const have = usableSize(chunk);
  store<u32>(chunk, 0, CHUNK_NEXT);
  store<u32>(chunk, <u32>(have - CHUNK_HEADER), CHUNK_CAPACITY);
  store<u64>(chunk, 0, CHUNK_START);
  store<u32>(chunk, 0, CHUNK_BLOCK);
  appendChunk(c, chunk);
  c.outCapacity += have;
  root().clientsMemory += have;
  return withinLimits(c, want > CHUNK_SIZE ? want : CHUNK_SIZE, size);
}

/**
 * What a new chunk may lead to: the reply counts as large with its `extra` bytes, or the output, now larger by `size`,
 * is over its limit. False in the latter case: the client is closing.
 */
function withinLimits(c: Client, extra: usize, size: usize): bool {
  const r = root();
  if (c.outBytes - c.replyStart + <u64>extra > r.largeReply) r.gate |= GATE_LARGE;
  // A client that reads its replies never has a second chunk: limits cost it one comparison a chunk.
  if (c.outChunks > 1 || size > CHUNK_SIZE || r.gate & GATE_REPLY_LIST) {
    if (isOverOutputLimit(c)) {
      closeFor(c, CLOSE_OUTPUT_LIMIT);
      return false;
    }
  }
  return true;
}

/** Appends a chunk that refers to a value's block, which is pinned. False when the client is closing. */
export function addReference(c: Client, block: usize, length: i32): bool {
  if (c.flags & CLIENT_CLOSE_ASAP) return false;
  const chunk = alloc(CHUNK_HEADER);
  if (chunk == 0 || !pin(block)) {
    closeFor(c, CLOSE_NO_MEMORY);
    free(chunk);
    return false;
  }
  store<u32>(chunk, 0, CHUNK_NEXT);
  store<i32>(chunk, length, CHUNK_CAPACITY);
  store<u32>(chunk, 0, CHUNK_START);
  store<i32>(chunk, length, CHUNK_END);
  store<u32>(chunk, <u32>block, CHUNK_BLOCK);
  appendChunk(c, chunk);
  // Against its limits a client is charged for the block as if it had been copied.
  c.outBytes += <u64>length;
  c.outCapacity += usableSize(chunk) + <usize>length;
  root().clientsMemory += usableSize(chunk);
  return withinLimits(c, 0, <usize>length);
}

function freeChunk(c: Client, chunk: usize): void {
  const block = <usize>load<u32>(chunk, CHUNK_BLOCK);
  const size = usableSize(chunk);
  c.outCapacity -= size;
  if (block != 0) {
    c.outCapacity -= <usize>load<u32>(chunk, CHUNK_CAPACITY);
    unpin(block);
  }
  root().clientsMemory -= size;
  free(chunk);
}

function appendChunk(c: Client, chunk: usize): void {
  if (c.outTail != 0) store<u32>(c.outTail, <u32>chunk, CHUNK_NEXT);
  else c.outHead = chunk;
  c.outTail = chunk;
  c.outChunks++;
}

/** Moves all output of `from` behind that of `c`. */
export function appendOutput(c: Client, from: Client): void {
  if (from.outHead == 0 || c.flags & CLIENT_CLOSE_ASAP) return;
  if (c.outTail != 0) store<u32>(c.outTail, <u32>from.outHead, CHUNK_NEXT);
  else c.outHead = from.outHead;
  c.outTail = from.outTail;
  c.outBytes += from.outBytes;
  c.outChunks += from.outChunks;
  c.outCapacity += from.outCapacity;
  from.outHead = 0;
  from.outTail = 0;
  from.outBytes = 0;
  from.outChunks = 0;
  from.outCapacity = 0;
  withinLimits(c, 0, CHUNK_SIZE + 1);
}

/** Counts `n` bytes that were written at the tail's end. */
export function commitOutput(c: Client, n: usize): void {
  const tail = c.outTail;
  store<u32>(tail, load<u32>(tail, CHUNK_END) + <u32>n, CHUNK_END);
  c.outBytes += <u64>n;
}

function dropHead(c: Client): void {
  const head = c.outHead;
  c.outHead = <usize>load<u32>(head, CHUNK_NEXT);
  if (c.outHead == 0) c.outTail = 0;
  c.outChunks--;
  freeChunk(c, head);
}

export function clearOutput(c: Client): void {
  while (c.outHead != 0) dropHead(c);
  c.outBytes = 0;
}

/** Address of a chunk's data, its own or the value's that it refers to. */
function chunkData(chunk: usize): usize {
  const block = <usize>load<u32>(chunk, CHUNK_BLOCK);
  return block != 0 ? block : chunk + CHUNK_HEADER;
}

/** Address of the first unsent bytes; outputLength() of them are contiguous. */
export function outputAddress(c: Client): usize {
  return c.outHead == 0 ? 0 : chunkData(c.outHead) + <usize>load<u32>(c.outHead, CHUNK_START);
}

export function outputContiguous(c: Client): i32 {
  return c.outHead == 0 ? 0 : chunkLength(c.outHead);
}

/** Forgets `n` sent bytes, of one chunk or several; returns how many contiguous bytes are next. */
export function consumeOutput(c: Client, n: i32): i32 {
  const r = root();
  if (c.outHead == 0) return 0;
  c.outBytes -= <u64>n;
  c.netOut += <u64>n;
  r.statNetOut += <u64>n;
  r.statWritesProcessed++;
  while (c.outHead != 0) {
    const head = c.outHead;
    const length = chunkLength(head);
    if (n < length) {
      store<u32>(head, load<u32>(head, CHUNK_START) + <u32>n, CHUNK_START);
      break;
    }
    n -= length;
    dropHead(c);
  }
  return outputContiguous(c);
}

/** Lists up to `most` pieces of unsent output as (address u32, length u32) pairs at `list`; returns how many. */
export function listOutput(c: Client, list: usize, most: i32): i32 {
  let n = 0;
  let chunk = c.outHead;
  while (chunk != 0 && n < most) {
    const slot = list + (<usize>n << 3);
    store<u32>(slot, <u32>chunkData(chunk) + load<u32>(chunk, CHUNK_START));
    store<i32>(slot, chunkLength(chunk), 4);
    chunk = <usize>load<u32>(chunk, CHUNK_NEXT);
    n++;
  }
  return n;
}

/** Takes the last `n` bytes of output back: what a client with CLIENT REPLY OFF must not see. */
export function retractOutput(c: Client, keep: u64): void {
  while (c.outBytes > keep) {
    const extra = c.outBytes - keep;
    const tail = c.outTail;
    const length = <u64>chunkLength(tail);
    if (length > extra) {
      const end = load<u32>(tail, CHUNK_END) - <u32>extra;
      store<u32>(tail, end, CHUNK_END);
      if (load<u32>(tail, CHUNK_BLOCK) != 0) {
        c.outCapacity -= <usize>(load<u32>(tail, CHUNK_CAPACITY) - end);
        store<u32>(tail, end, CHUNK_CAPACITY);
      }
      c.outBytes -= extra;
      return;
    }
    c.outBytes -= length;
    dropTail(c);
  }
}

function dropTail(c: Client): void {
  const tail = c.outTail;
  if (c.outHead == tail) {
    dropHead(c);
    return;
  }
  let before = c.outHead;
  while (<usize>load<u32>(before, CHUNK_NEXT) != tail) before = <usize>load<u32>(before, CHUNK_NEXT);
  store<u32>(before, 0, CHUNK_NEXT);
  c.outTail = before;
  c.outChunks--;
  freeChunk(c, tail);
}

// --- Query buffer ---

/** Frees the client's own buffer: everything in it was read. */
export function dropBuffer(c: Client): void {
  if (c.buffer != 0) {
    root().clientsMemory -= usableSize(c.buffer);
    free(c.buffer);
  }
  c.buffer = 0;
  c.bufferLength = 0;
  c.bufferCapacity = 0;
  c.position = 0;
}

/** Memory that the client takes, in bytes, its struct included. */
export function clientBytes(c: Client): usize {
  let bytes = usableSize(changetype<usize>(c)) + transactionBytes(c) + subscriptionBytes(c);
  if (c.buffer != 0) bytes += usableSize(c.buffer);
  if (c.args != 0) bytes += usableSize(c.args);
  if (c.largeBlock != 0) bytes += usableSize(c.largeBlock);
  let chunk = c.outHead;
  while (chunk != 0) {
    bytes += usableSize(chunk);
    chunk = <usize>load<u32>(chunk, CHUNK_NEXT);
  }
  return bytes;
}
