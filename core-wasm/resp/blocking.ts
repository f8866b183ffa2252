/**
 * Clients that wait for keys: BLPOP and its kind, XREAD BLOCK.
 *
 * A command that finds nothing calls blockOnKeys(), which keeps a copy of its arguments and parks the client under each
 * of its keys. Whoever adds a key, or entries to a stream, makes the key ready; when the running command has ended,
 * serveReady() runs the commands of those who wait for ready keys once more, from their start, first come first served.
 * Such a run serves the client or parks it again, with its old deadline, behind the others.
 *
 *   database.blocked   table of elements: key, payload = address of a Place
 *   Place              the clients that wait for one key, in the order in which they came
 *   Blocked >0 struct · Waiter x keyCount · (address, length) x argc · the arguments' bytes       one block a client
 *
 * Deadlines stand in a binary heap of client addresses; a client knows its place in it, so leaving costs O(log N).
 *
 * Costs: nothing on the way of a command that makes no key; one comparison for each new or removed key while nobody
 * waits. Invariants: a client with CLIENT_BLOCKED has a Blocked and no more than one Waiter a key; a Place exists while
 * somebody waits or its turn to be served has not come.
 */
import { parseDouble } from "../bytes/double";
import { parseI64 } from "../bytes/integer";
import { LongDouble, parseLongDouble } from "../bytes/long-double";
import { Database, database, isPaused, peek } from "../keyspace/database";
import { entryNew, entryPointer, entrySetPointer, entryType, NO_EXPIRE } from "../keyspace/entry";
import { alloc, allocWide, free, realloc } from "../memory/allocator";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { hashKey, tableFind, tableInsert, tableRemove, tableSize } from "../structures/hashtable";
import { keyAddress, keyLength } from "../structures/element";
import {
  addPending, addResume, Client, CLIENT_BLOCKED, CLIENT_CLOSE_ASAP, CLIENT_DENY_BLOCKING, CLIENT_INTERNAL, CLIENT_MULTI,
  CLIENT_RERUN, clientDb,
} from "./client";
import { finishCommand, GATE_READY, GATE_TICK, rerunCommand } from "./process";
import { replyError, replyNullArray, replyOutOfMemory } from "./reply";
import { countRun, statOf } from "./stats";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const REAL: usize = ROOT_ADDRESS + offsetof<Root>("real");
/** 16 bytes of page 0, behind the cursor of types/list-cursor.ts. */
const LONG_DOUBLE: usize = 8704;

@unmanaged
class Place {
  element: usize; // of database.blocked
  db: i32;
  head: usize; // Waiters
  tail: usize;
  count: i32;
  isReady: u32; // on the list of ready keys; it stays although nobody waits
  isServed: u32; // its clients are being served; the same
  readyNext: usize;
  whenGone: i32; // Waiters of clients that want to know when the key is gone
}

@unmanaged
class Waiter {
  client: usize;
  place: usize;
  previous: usize;
  next: usize;
}

// @layout
@unmanaged
export class Blocked {
  deadline: i64; // unix time in milliseconds, 0: none
  due: i64; // that, or when its command is to run again, if that is sooner
  heapIndex: i32; // -1: not in the heap
  command: i32;
  type: u32; // what kind of value the keys must have
  whenGone: u32;
  keyCount: i32; // waiters in use
  argc: i32;
  argv: usize; // behind the waiters: repeated keys leave some of those unused
  // When it has ended and the command log is to know.
  nextServed: usize;
  client: usize;
  clientId: u32;
}

const PLACE_SPACE: usize = (offsetof<Place>() + 7) & ~7;
const WAITER_SPACE: usize = (offsetof<Waiter>() + 7) & ~7;
const BLOCKED_SPACE: usize = (offsetof<Blocked>() + 7) & ~7;

function blockedOf(c: Client): Blocked {
  return changetype<Blocked>(c.blocked);
}

function waiterAt(b: Blocked, i: i32): Waiter {
  return changetype<Waiter>(changetype<usize>(b) + BLOCKED_SPACE + WAITER_SPACE * <usize>i);
}

// --- Timeouts ---

/** False where a command must not wait: inside a transaction or script, and for calls in process. */
export function isBlockingAllowed(c: Client): bool {
  return !(c.flags & (CLIENT_INTERNAL | CLIENT_DENY_BLOCKING | CLIENT_MULTI));
}

/** Turns a wait of `ms` milliseconds into a deadline in root.number; replies and returns false when it is illegal. */
function deadline(c: Client, ms: i64): bool {
  const r = root();
  if (ms < 0) {
    replyError(c, "ERR timeout is negative");
    return false;
  }
  if (ms > i64.MAX_VALUE - r.nowMs) {
    replyError(c, "ERR timeout is out of range");
    return false;
  }
  // A command that runs again has its time counted from when it first ran.
  if (c.flags & CLIENT_RERUN) r.number = r.rerunDeadline;
  else r.number = ms == 0 ? 0 : ms + r.nowMs;
  return true;
}

/** Reads a number as strtold does, hexadecimal and larger than any double ones included, into root.real. */
function parseSeconds(ptr: usize, len: i32): bool {
  if (parseDouble(ptr, len, REAL)) return true;
  if (!parseLongDouble(ptr, len, LONG_DOUBLE)) return false;
  const number = changetype<LongDouble>(LONG_DOUBLE);
  const size = number.infinite ? Infinity : NativeMath.scalbn(<f64>number.mantissa, number.exponent);
  root().real = number.negative ? -size : size;
  return true;
}

/** Reads argument i, seconds with a fraction, and leaves the deadline (0: none) in root.number. */
export function argTimeout(c: Client, i: i32): bool {
  if (!parseSeconds(argPtr(i), argLen(i))) {
    replyError(c, "ERR timeout is not a float or out of range");
    return false;
  }
  const ms = Math.ceil(root().real * 1000);
  if (ms >= 9223372036854775807) {
    replyError(c, "ERR timeout is out of range");
    return false;
  }
  return deadline(c, ms < 0 ? -1 : <i64>ms);
}

/** Reads argument i, whole milliseconds, and leaves the deadline (0: none) in root.number. */
export function argTimeoutMs(c: Client, i: i32): bool {
  if (!parseI64(argPtr(i), argLen(i), NUMBER)) {
    replyError(c, "ERR timeout is not an integer or out of range");
    return false;
  }
  return deadline(c, root().number);
}

/** Makes argument i these bytes, which have to stay where they are until the command has ended. */
export function setArg(i: i32, ptr: usize, len: i32): void {
  const slot = root().argv + (<usize>i << 3);
  store<u32>(slot, <u32>ptr);
  store<i32>(slot, len, 4);
}

// --- Heap of clients by when they are due ---

function heapClient(i: i32): Client {
  return changetype<Client>(<usize>load<u32>(root().blockedHeap + (<usize>i << 2)));
}

function heapPut(i: i32, c: Client): void {
  store<u32>(root().blockedHeap + (<usize>i << 2), <u32>changetype<usize>(c));
  blockedOf(c).heapIndex = i;
}

function heapRise(i: i32, c: Client): void {
  const mine = blockedOf(c).due;
  while (i > 0) {
    const above = heapClient((i - 1) >> 1);
    if (blockedOf(above).due <= mine) break;
    heapPut(i, above);
    i = (i - 1) >> 1;
  }
  heapPut(i, c);
}

function heapSink(i: i32, c: Client): void {
  const n = root().blockedHeapLength;
  const mine = blockedOf(c).due;
  while (true) {
    let child = (i << 1) + 1;
    if (child >= n) break;
    if (child + 1 < n && blockedOf(heapClient(child + 1)).due < blockedOf(heapClient(child)).due) child++;
    const below = heapClient(child);
    if (blockedOf(below).due >= mine) break;
    heapPut(i, below);
    i = child;
  }
  heapPut(i, c);
}

/** Room for one more deadline; false when memory is exhausted. */
function heapReserve(): bool {
  const r = root();
  if (r.blockedHeapLength < r.blockedHeapCapacity) return true;
  const capacity = r.blockedHeapCapacity == 0 ? 16 : r.blockedHeapCapacity << 1;
  const moved = realloc(r.blockedHeap, <usize>capacity << 2);
  if (moved == 0) return false;
  r.blockedHeap = moved;
  r.blockedHeapCapacity = capacity;
  return true;
}

/** Frees the room for deadlines when there are none. */
export function trimBlockedHeap(): void {
  const r = root();
  if (r.blockedHeapLength > 0) return;
  free(r.blockedHeap);
  r.blockedHeap = 0;
  r.blockedHeapCapacity = 0;
}

function heapAdd(c: Client): void {
  const r = root();
  r.blockedHeapLength++;
  heapRise(r.blockedHeapLength - 1, c);
}

function heapRemove(c: Client): void {
  const r = root();
  const i = blockedOf(c).heapIndex;
  if (i < 0) return;
  blockedOf(c).heapIndex = -1;
  const last = --r.blockedHeapLength;
  if (i == last) return;
  const moved = heapClient(last);
  if (i > 0 && blockedOf(heapClient((i - 1) >> 1)).due > blockedOf(moved).due) heapRise(i, moved);
  else heapSink(i, moved);
}

// --- Places ---

function findPlace(db: Database, key: usize, len: i32): usize {
  const e = tableFind(db.blocked, hashKey(key, len), key, len);
  return e == 0 ? 0 : entryPointer(e);
}

/** The place of a key, made when there is none; 0 when memory is exhausted. */
function ensurePlace(db: Database, key: usize, len: i32): usize {
  const found = findPlace(db, key, len);
  if (found != 0) return found;
  const e = entryNew(key, len, 0, 0, NO_EXPIRE, -1);
  if (e == 0) return 0;
  const address = alloc(PLACE_SPACE);
  if (address == 0 || !tableInsert(db.blocked, hashKey(key, len), e)) {
    free(address);
    free(e);
    return 0;
  }
  memory.fill(address, 0, PLACE_SPACE);
  const p = changetype<Place>(address);
  p.element = e;
  p.db = db.id;
  entrySetPointer(e, address);
  return address;
}

/** Frees a place where nobody waits and that is not to be served. */
function trimPlace(p: Place): void {
  if (p.count > 0 || p.isReady || p.isServed) return;
  const e = p.element;
  const key = keyAddress(e);
  const len = keyLength(e);
  tableRemove(database(p.db).blocked, hashKey(key, len), key, len);
  free(e);
  free(changetype<usize>(p));
}

function leavePlace(w: Waiter, whenGone: u32): void {
  const p = changetype<Place>(w.place);
  if (w.previous != 0) changetype<Waiter>(w.previous).next = w.next;
  else p.head = w.next;
  if (w.next != 0) changetype<Waiter>(w.next).previous = w.previous;
  else p.tail = w.previous;
  p.count--;
  if (whenGone) {
    p.whenGone--;
    root().blockedGoneWaiters--;
  }
  trimPlace(p);
}

/** True when the client is the last who waits at the place. */
function isLastAt(place: usize, c: Client): bool {
  const tail = changetype<Place>(place).tail;
  return tail != 0 && changetype<Waiter>(tail).client == changetype<usize>(c);
}

function enterPlace(w: Waiter, c: Client, place: usize, whenGone: u32): void {
  const p = changetype<Place>(place);
  w.client = changetype<usize>(c);
  w.place = place;
  w.previous = p.tail;
  w.next = 0;
  if (p.tail != 0) changetype<Waiter>(p.tail).next = changetype<usize>(w);
  else p.head = changetype<usize>(w);
  p.tail = changetype<usize>(w);
  p.count++;
  if (whenGone) {
    p.whenGone++;
    root().blockedGoneWaiters++;
  }
}

// --- Blocking ---

/** A Blocked with a copy of the running command's arguments and room for `keys` waiters; 0 without memory. */
function newBlocked(keys: i32): usize {
  const r = root();
  const argc = r.argc;
  let size = <u64>BLOCKED_SPACE + <u64>WAITER_SPACE * <u64>keys + (<u64>argc << 3);
  for (let i = 0; i < argc; i++) size += <u64>argLen(i);
  const address = allocWide(size);
  if (address == 0) return 0;
  const b = changetype<Blocked>(address);
  b.heapIndex = -1;
  b.command = r.currentCommand;
  b.keyCount = 0;
  b.argc = argc;
  const argv = changetype<usize>(waiterAt(b, keys));
  b.argv = argv;
  let at = argv + (<usize>argc << 3);
  for (let i = 0; i < argc; i++) {
    const len = argLen(i);
    memory.copy(at, argPtr(i), <usize>len);
    store<u32>(argv + (<usize>i << 3), <u32>at);
    store<i32>(argv + (<usize>i << 3), len, 4);
    at += <usize>len;
  }
  return address;
}

/**
 * Parks the client until one of the keys in arguments first .. first + count - 1 is made ready as a value of `type`, or
 * until the deadline (unix milliseconds, 0: none). `whenGone`: the command also runs again when a key is removed or
 * becomes another type; `wake`: it does so at that time, too (0: none), then. An -OOM reply when memory is exhausted.
 * For clients that isBlockingAllowed() lets wait.
 */
export function blockOnKeys(
  c: Client, type: u32, first: i32, count: i32, until: i64, whenGone: bool, wake: i64 = 0,
): void {
  const r = root();
  const address = newBlocked(count);
  if (address == 0 || !heapReserve()) {
    free(address);
    replyOutOfMemory(c);
    return;
  }
  const b = changetype<Blocked>(address);
  b.deadline = until;
  b.due = wake == 0 || (until != 0 && until < wake) ? until : wake;
  b.type = type;
  b.whenGone = whenGone ? 1 : 0;
  c.blocked = address;
  const db = clientDb(c);
  for (let i = first; i < first + count; i++) {
    const place = ensurePlace(db, argPtr(i), argLen(i));
    if (place == 0) {
      leaveAll(c);
      free(address);
      replyOutOfMemory(c);
      return;
    }
    if (isLastAt(place, c)) continue; // the key is named twice
    enterPlace(waiterAt(b, b.keyCount), c, place, b.whenGone);
    b.keyCount++;
  }
  c.flags |= CLIENT_BLOCKED;
  r.blockedCount++;
  if (b.due != 0) heapAdd(c);
}

/** Takes the client's waiters from their places. The caller frees its Blocked. */
function leaveAll(c: Client): void {
  const b = blockedOf(c);
  for (let i = 0; i < b.keyCount; i++) leavePlace(waiterAt(b, i), b.whenGone);
  c.blocked = 0;
}

/** Ends the waiting of a client. The caller frees its Blocked. */
function release(c: Client): void {
  heapRemove(c);
  c.flags &= ~CLIENT_BLOCKED;
  root().blockedCount--;
  leaveAll(c);
}

/** Takes a client that goes off every list. */
export function forgetBlocked(c: Client): void {
  if (!(c.flags & CLIENT_BLOCKED)) return;
  const address = c.blocked;
  release(c);
  free(address);
}

/** Ends a command whose reply has just been written. */
function conclude(c: Client): void {
  finishCommand(c, c.replyStart);
  addPending(c);
  addResume(c);
}

/** Frees what was kept for a command that has ended, or leaves it to the command log. */
function endBlocked(c: Client, b: Blocked): void {
  const r = root();
  if (!(r.gate & GATE_TICK)) {
    free(changetype<usize>(b));
    return;
  }
  b.client = changetype<usize>(c);
  b.clientId = <u32>c.id;
  b.nextServed = 0;
  if (r.servedHead == 0) r.servedHead = changetype<usize>(b);
  else changetype<Blocked>(r.servedTail).nextServed = changetype<usize>(b);
  r.servedTail = changetype<usize>(b);
}

/** Frees the first of those that were left to the command log. */
export function dropServed(): void {
  const r = root();
  const b = r.servedHead;
  r.servedHead = changetype<Blocked>(b).nextServed;
  free(b);
}

/** CLIENT UNBLOCK: with an error, or as if its time were over. False when the client does not wait for a key. */
export function unblock(c: Client, withError: bool): bool {
  if (!(c.flags & CLIENT_BLOCKED)) return false;
  const b = blockedOf(c);
  release(c);
  // The command counts now that it ends.
  countRun(b.command);
  if (withError) statOf(b.command).rejected++;
  c.replyErrors = 0;
  c.replyStart = c.outBytes;
  if (withError) replyError(c, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
  else replyNullArray(c);
  conclude(c);
  endBlocked(c, b);
  return true;
}

/** Has a client served as if its keys were ready: it asked for that at this time. */
function wake(c: Client): void {
  const b = blockedOf(c);
  heapRemove(c);
  b.due = b.deadline;
  if (b.due != 0) heapAdd(c);
  for (let i = 0; i < b.keyCount; i++) addReady(changetype<Place>(waiterAt(b, i).place));
}

/** Lets those go whose time is over. Returns when the next one is due in unix milliseconds, 0 when there is none. */
export function expireBlocked(): i64 {
  const r = root();
  while (r.blockedHeapLength > 0 && blockedOf(heapClient(0)).due <= r.nowMs) {
    const c = heapClient(0);
    if (blockedOf(c).due == blockedOf(c).deadline) unblock(c, false);
    else wake(c);
  }
  if (r.readyHead != 0) serveReady();
  return r.blockedHeapLength > 0 ? blockedOf(heapClient(0)).due : 0;
}

/** How many keys clients wait for; `whenGone`: those where somebody wants to know that the key is gone. */
export function blockingKeys(whenGone: bool): u32 {
  const r = root();
  if (whenGone) return <u32>r.blockedGoneWaiters;
  let n: u32 = 0;
  for (let i = 0; i < r.databaseCount; i++) n += tableSize(database(i).blocked);
  return n;
}

// --- Ready keys ---

function addReady(p: Place): void {
  if (p.isReady) return;
  const r = root();
  p.isReady = 1;
  p.readyNext = 0;
  if (r.readyHead == 0) r.readyHead = changetype<usize>(p);
  else changetype<Place>(r.readyTail).readyNext = changetype<usize>(p);
  r.readyTail = changetype<usize>(p);
  r.gate |= GATE_READY;
}

/** A key was added, or has new entries: those who wait for it are served when the running command has ended. */
export function signalReady(db: Database, key: usize, len: i32): void {
  if (tableSize(db.blocked) == 0) return;
  const place = findPlace(db, key, len);
  if (place != 0) addReady(changetype<Place>(place));
}

/** A key was removed or its value replaced: only those are served who asked to be told. */
export function signalGone(db: Database, key: usize, len: i32): void {
  if (root().blockedGoneWaiters == 0 || tableSize(db.blocked) == 0) return;
  const place = findPlace(db, key, len);
  if (place != 0 && changetype<Place>(place).whenGone > 0) addReady(changetype<Place>(place));
}

/** Looks at every key that somebody waits for in a database whose keys were exchanged or removed as a whole. */
export function signalAll(db: Database): void {
  if (tableSize(db.blocked) == 0) return;
  let c = root().firstClient;
  while (c != 0) {
    const client = changetype<Client>(c);
    if (client.flags & CLIENT_BLOCKED) {
      const b = blockedOf(client);
      for (let i = 0; i < b.keyCount; i++) {
        const p = changetype<Place>(waiterAt(b, i).place);
        if (p.db == db.id) addReady(p);
      }
    }
    c = client.next;
  }
}

/** Runs the client's command again. It is served afterwards, or waits anew. */
function rerun(c: Client): void {
  const r = root();
  const b = blockedOf(c);
  release(c);
  r.current = changetype<usize>(c);
  r.argc = b.argc;
  r.argv = b.argv;
  r.cachedKey = 0;
  r.rerunDeadline = b.deadline;
  c.flags |= CLIENT_RERUN;
  rerunCommand(c, b.command);
  c.flags &= ~CLIENT_RERUN;
  if (c.flags & CLIENT_BLOCKED) {
    free(changetype<usize>(b));
    return;
  }
  // What ends a command may look at its arguments, which are here.
  conclude(c);
  endBlocked(c, b);
}

function servePlace(p: Place): void {
  const db = database(p.db);
  // Those who wait again are appended; each is looked at once.
  let left = p.count;
  let next = p.head;
  while (next != 0 && left-- > 0) {
    const w = changetype<Waiter>(next);
    next = w.next;
    const c = changetype<Client>(w.client);
    if (c.flags & CLIENT_CLOSE_ASAP) continue;
    const e = peek(db, keyAddress(p.element), keyLength(p.element));
    const b = blockedOf(c);
    if ((e != 0 && entryType(e) == b.type) || b.whenGone) rerun(c);
  }
}

/** Serves those who wait for keys that were made ready, and whom that makes ready in turn. */
export function serveReady(): void {
  const r = root();
  // Those served would write: nothing is written while clients are paused, or in the middle of a transaction or script.
  if (isPaused() || r.executing != 0 || r.scriptCaller != 0) return;
  const current = r.current;
  const command = r.currentCommand;
  const argc = r.argc;
  const argv = r.argv;
  const cachedKey = r.cachedKey;
  while (r.readyHead != 0) {
    const p = changetype<Place>(r.readyHead);
    r.readyHead = p.readyNext;
    // A key that is made ready while it is served gets another turn.
    p.isReady = 0;
    p.isServed = 1;
    servePlace(p);
    p.isServed = 0;
    trimPlace(p);
  }
  r.gate &= ~GATE_READY;
  r.current = current;
  r.currentCommand = command;
  r.argc = argc;
  r.argv = argv;
  r.cachedKey = cachedKey;
}
