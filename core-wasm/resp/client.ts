/**
 * The client: what the core knows of one connection. Its address is the host's handle.
 *
 * Query buffer: most reads arrive in the shared input buffer and leave nothing behind; a client owns a buffer only
 * while a command is incomplete or held back. Output is a chain of chunks (output.ts).
 *
 * Not for parsing (parser.ts) or for writing replies (reply.ts).
 */
import {
  CLIENT_AUTHENTICATED, CLIENT_CLOSE_ASAP, CLIENT_CLOSING, CLIENT_EVER_AUTHENTICATED, CLIENT_HELD, CLIENT_INTERNAL,
  CLIENT_PENDING_WRITE, CLIENT_RESUME, CLOSE_OUTPUT_LIMIT, CLOSE_OUTPUT_LIMIT_LATER,
} from "./flags";
import { alloc, free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { database, Database } from "../keyspace/database";
import { assignDefault } from "./access";
import { forgetBlocked } from "./blocking";
import { CHUNK_SIZE, clearOutput, outputAddress, outputContiguous, replyChunkBytes } from "./output";
import { monitorRemove } from "./monitor";
import { subscriptionBytes, unsubscribeAll } from "./pubsub";
import { scriptForget } from "./script";
import { trackingForget, trackingMeet } from "./tracking";
import { trackingBytes } from "./tracking-prefixes";
import { transactionBytes, transactionFree } from "./transaction";

export * from "./flags";
export * from "./output";

const GATE_AUTH: u32 = 1;

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
  sharedAt: usize; // there: where its bytes are
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
  replySize: i32; // of the first chunk, with its header: as much as its replies lately took (output.ts)
  replyPeak: u32; // most bytes that went out at a time since
  replyPeakMs: u32; // this time, the low bits of a clock
  replyChunk: usize; // the first chunk, 0: none
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
  tracking: usize; // (resp/tracking.ts), 0: it does not track
  peer: usize; // its address as a text, known while somebody monitors (resp/monitor.ts), else 0
  closeReason: i32; // CLOSE_, 0: none
}

const CLIENT_SPACE: usize = (offsetof<Client>() + 7) & ~7;

/** A new connected client, last in the list of clients; 0 when memory is exhausted. */
export function clientNew(): usize {
  const r = root();
  const address = alloc(CLIENT_SPACE);
  if (address == 0) return 0;
  memory.fill(address, 0, CLIENT_SPACE);
  const c = changetype<Client>(address);
  c.replySize = <i32>CHUNK_SIZE;
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
  trackingMeet(c);
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
  monitorRemove(c);
  trackingForget(c);
  scriptForget(c);
  free(c.peer);
  if (c.flags & CLIENT_CLOSING) removeClosing(c);
  if (r.current == address) r.current = 0;
  if (r.cronClient == address) r.cronClient = c.next;
  r.closingMemory -= c.closingMemory;
  dropBuffer(c);
  dropArgs(c);
  if (c.largeBlock != 0) r.clientsMemory -= usableSize(c.largeBlock);
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

/** The next client with output, taken off the list; where its first bytes are is in the root. 0 when there is none. */
export function takePending(): usize {
  const r = root();
  const head = r.pendingHead;
  if (head == 0) return 0;
  const c = changetype<Client>(head);
  removePending(c);
  firstOutput(c);
  return head;
}

/** Puts address and length of the first unsent bytes into the root; returns in how many pieces all of them are. */
export function firstOutput(c: Client): i32 {
  const r = root();
  r.outputPtr = outputAddress(c);
  r.outputLength = outputContiguous(c);
  return c.outChunks;
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
function closeSoon(c: Client): void {
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
  c.closingMemory = clientBytes(c);
  root().closingMemory += c.closingMemory;
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

/** Frees the vector of an incomplete command's arguments. */
export function dropArgs(c: Client): void {
  if (c.args == 0) return;
  root().clientsMemory -= usableSize(c.args);
  free(c.args);
  c.args = 0;
  c.argsCapacity = 0;
}

/** Memory that the client takes, in bytes, its struct included; a first chunk of output, which comes and goes, not. */
export function clientBytes(c: Client): usize {
  let bytes = usableSize(changetype<usize>(c)) + transactionBytes(c) + subscriptionBytes(c) + trackingBytes(c);
  if (c.buffer != 0) bytes += usableSize(c.buffer);
  if (c.args != 0) bytes += usableSize(c.args);
  if (c.largeBlock != 0) bytes += usableSize(c.largeBlock);
  return bytes + c.outCapacity - replyChunkBytes(c);
}
