/**
 * Output: a client's replies and messages on their way, a chain of chunks that the host sends and consumes.
 *
 *   chunk  >0 u32 next · 4 u32 capacity · 8 u32 start (consumed so far) · 12 u32 end · 16 u32 block · 24 data
 *
 * Identified by: block 0 → the data stands in the chunk; else in a value's block, pinned (memory/pins.ts), and the
 * chunk is full.
 *
 * Not for writing replies (reply.ts).
 */
import { CLIENT_AUTHENTICATED, CLIENT_CLOSE_ASAP, CLIENT_COUNTS_ALL, CLIENT_EVER_AUTHENTICATED, CLIENT_INTERNAL,
  CLIENT_SUBSCRIBED } from "./flags";
import { alloc, free, usableSize } from "../memory/allocator";
import { pin, unpin } from "../memory/pins";
import { root } from "../memory/root";
import { Client, CLOSE_NO_MEMORY, CLOSE_OUTPUT_LIMIT, closeFor } from "./client";

/** How long a client's largest reply is remembered, in milliseconds. */
// @layout
export const REPLY_PEAK_MS: i32 = 5000;
/** Least size of a client's first chunk. */
const REPLY_LEAST: i32 = 1024;
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
  const isFirst = c.outHead == 0;
  if (isFirst && least == CHUNK_SIZE) least = <usize>c.replySize;
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
  if (isFirst && have <= CHUNK_SIZE) {
    c.replyChunk = chunk;
    root().replyChunks += have;
  }
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
  // A client is charged for the block as if it had been copied.
  c.outBytes += <u64>length;
  c.outCapacity += usableSize(chunk) + <usize>length;
  root().clientsMemory += usableSize(chunk) + <usize>length;
  return withinLimits(c, 0, <usize>length);
}

/** Bytes of the client's first chunk, when that is one of the usual size and still there. */
export function replyChunkBytes(c: Client): usize {
  return c.replyChunk == 0 ? 0 : usableSize(c.replyChunk);
}

function forgetReplyChunk(c: Client): void {
  root().replyChunks -= replyChunkBytes(c);
  c.replyChunk = 0;
}

function freeChunk(c: Client, chunk: usize): void {
  if (chunk == c.replyChunk) forgetReplyChunk(c);
  const block = <usize>load<u32>(chunk, CHUNK_BLOCK);
  let size = usableSize(chunk);
  if (block != 0) {
    size += <usize>load<u32>(chunk, CHUNK_CAPACITY);
    unpin(block);
  }
  c.outCapacity -= size;
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
  forgetReplyChunk(from);
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

/** Has the first chunk grow with what goes out at a time. */
function notePeak(c: Client): void {
  c.replyPeak = c.outBytes > 0xffffffff ? 0xffffffff : <u32>c.outBytes;
  if (root().replySizeFixed) return;
  while (<u32>c.replySize <= c.replyPeak && c.replySize < <i32>CHUNK_SIZE) c.replySize <<= 1;
}

/** Halves the size of a first chunk that the client did not need half of lately. */
export function trimReplySize(c: Client): void {
  const r = root();
  if (!r.replySizeFixed && c.replySize > REPLY_LEAST && c.replyPeak < <u32>c.replySize >> 1) c.replySize >>= 1;
  if (r.replyPeakMs < 0 || <u32>r.nowMs - c.replyPeakMs < <u32>r.replyPeakMs) return;
  c.replyPeak = 0;
  c.replyPeakMs = <u32>r.nowMs;
}

/** Forgets `n` sent bytes, of one chunk or several; returns how many contiguous bytes are next. */
export function consumeOutput(c: Client, n: i32): i32 {
  const r = root();
  if (c.outHead == 0) return 0;
  if (c.outBytes > <u64>c.replyPeak) notePeak(c);
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

/**
 * Lists up to `most` pieces of unsent output, of less than 2 GiB in all, as (address u32, length u32) pairs at `list`;
 * returns how many. Their bytes are in root.outputLength.
 */
export function listOutput(c: Client, list: usize, most: i32): i32 {
  let n = 0;
  let bytes: i64 = 0;
  for (let chunk = c.outHead; chunk != 0 && n < most; chunk = <usize>load<u32>(chunk, CHUNK_NEXT)) {
    const length = chunkLength(chunk);
    if (bytes + <i64>length > <i64>i32.MAX_VALUE) break;
    const slot = list + (<usize>n << 3);
    store<u32>(slot, <u32>chunkData(chunk) + load<u32>(chunk, CHUNK_START));
    store<i32>(slot, length, 4);
    bytes += <i64>length;
    n++;
  }
  root().outputLength = <i32>bytes;
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
        const less = <usize>(load<u32>(tail, CHUNK_CAPACITY) - end);
        c.outCapacity -= less;
        root().clientsMemory -= less;
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
