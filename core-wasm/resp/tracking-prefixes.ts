/**
 * Client-side caching in BCAST mode: who wants to hear of which prefixes, and telling them at the end of a turn.
 *
 *   prefix   element of a table; payload u32 address of
 *            >0 u32 next · 4 u32 clients · 8 i32 how many, 12 i32 room · 16 u32 Table of changed keys, 0: none
 *            20 i32 length · 24 bytes
 *   changed key of a prefix: an element with the client that changed it as payload, 0: nobody
 *
 * Not for keys that a client has read (tracking.ts). Costs: docs/tracking.md.
 */
import { equalBytes } from "../bytes/compare";
import { entryNew, entryPointer, entrySetPointer, NO_EXPIRE } from "../keyspace/entry";
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import {
  hashKey, Table, tableDrain, tableFind, tableInit, tableInsert, tableRemove, tableScan,
} from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength, scratchRelease } from "../structures/scratch";
import { addPending, Client, CLIENT_INTERNAL } from "./client";
import { frame, FRAME_KEPT, putBulk, putHead, tell, trimTrackingFrame } from "./tracking-messages";
import { shared, TABLE_SPACE, TRACK_NOLOOP, Tracking, trackingOf } from "./tracking-state";

const NEXT: usize = 0;
const CLIENTS: usize = 4;
const COUNT: usize = 8;
const CHANGED: usize = 16;
const LENGTH: usize = 20;
const BYTES: usize = 24;

/** What a prefix counts for each of its clients: its head and a place in an array. The text is everybody's. */
const PREFIX_COST: usize = BYTES + 4;

function get(at: usize, offset: usize): usize {
  return <usize>load<u32>(at + offset);
}

function set(at: usize, offset: usize, value: usize): void {
  store<u32>(at + offset, <u32>value);
}

/** The prefix, made when there is none; 0 when memory is exhausted. */
function ensurePrefix(ptr: usize, len: i32): usize {
  const s = shared();
  const hash = hashKey(ptr, len);
  const found = tableFind(s.prefixes, hash, ptr, len);
  if (found != 0) return entryPointer(found);
  const p = alloc(BYTES + <usize>len);
  const e: usize = p == 0 ? 0 : entryNew(ptr, len, 0, 0, NO_EXPIRE, -1);
  if (e == 0 || !tableInsert(s.prefixes, hash, e)) {
    free(e);
    free(p);
    return 0;
  }
  memory.fill(p, 0, BYTES);
  store<i32>(p, len, LENGTH);
  memory.copy(p + BYTES, ptr, <usize>len);
  entrySetPointer(e, p);
  set(p, NEXT, s.firstPrefix);
  s.firstPrefix = p;
  return p;
}

function dropChanged(p: usize): void {
  const table = get(p, CHANGED);
  if (table == 0) return;
  tableDrain(changetype<Table>(table), free);
  free(table);
  set(p, CHANGED, 0);
}

function freePrefix(p: usize): void {
  const s = shared();
  const len = load<i32>(p, LENGTH);
  free(tableRemove(s.prefixes, hashKey(p + BYTES, len), p + BYTES, len));
  if (s.firstPrefix == p) {
    s.firstPrefix = get(p, NEXT);
  } else {
    let before = s.firstPrefix;
    while (get(before, NEXT) != p) before = get(before, NEXT);
    set(before, NEXT, get(p, NEXT));
  }
  dropChanged(p);
  free(get(p, CLIENTS));
  free(p);
}

/** Appends a word to the array whose address, length and room stand at `at`; false when memory is exhausted. */
function append(at: usize, value: usize): bool {
  const count = load<i32>(at, 4);
  if (count == load<i32>(at, 8)) {
    const room = count == 0 ? 4 : count << 1;
    const moved = realloc(get(at, 0), <usize>room << 2);
    if (moved == 0) return false;
    set(at, 0, moved);
    store<i32>(at, room, 8);
  }
  store<u32>(get(at, 0) + (<usize>count << 2), <u32>value);
  store<i32>(at, count + 1, 4);
  return true;
}

/** Lets a client in BCAST mode be told of keys with a prefix. False when memory is exhausted. */
export function trackingPrefix(c: Client, ptr: usize, len: i32): bool {
  const p = ensurePrefix(ptr, len);
  if (p == 0) return false;
  const clients = get(p, CLIENTS);
  for (let i = load<i32>(p, COUNT) - 1; i >= 0; i--) {
    if (get(clients, <usize>i << 2) == changetype<usize>(c)) return true;
  }
  if (!append(p + CLIENTS, changetype<usize>(c))) {
    if (load<i32>(p, COUNT) == 0) freePrefix(p);
    return false;
  }
  if (!append(c.tracking + offsetof<Tracking>("prefixes"), p)) {
    leavePrefix(p, c);
    return false;
  }
  trackingOf(c).prefixBytes += PREFIX_COST;
  root().clientsMemory += PREFIX_COST;
  return true;
}

/** Memory of what the client tracks, in bytes. What it has read is not its own. */
export function trackingBytes(c: Client): usize {
  return c.tracking == 0 ? 0 : usableSize(c.tracking) + trackingOf(c).prefixBytes;
}

/** A client tracks no longer. */
export function leavePrefixes(c: Client): void {
  const t = trackingOf(c);
  for (let i = 0; i < t.prefixCount; i++) leavePrefix(get(t.prefixes, <usize>i << 2), c);
  free(t.prefixes);
}

function leavePrefix(p: usize, c: Client): void {
  const last = load<i32>(p, COUNT) - 1;
  let at = get(p, CLIENTS);
  while (get(at, 0) != changetype<usize>(c)) at += 4;
  set(at, 0, get(get(p, CLIENTS), <usize>last << 2));
  store<i32>(p, last, COUNT);
  if (last == 0) freePrefix(p);
}

/** The client's prefix number `i` as its length and its bytes; 0 when there is none. */
export function trackingPrefixAt(c: Client, i: i32): usize {
  if (c.tracking == 0 || i >= trackingOf(c).prefixCount) return 0;
  return get(trackingOf(c).prefixes, <usize>i << 2) + LENGTH;
}

/** A key was changed by a client, 0: by nobody. */
export function noteInPrefixes(key: usize, len: i32, by: usize): void {
  for (let p = shared().firstPrefix; p != 0; p = get(p, NEXT)) {
    const n = load<i32>(p, LENGTH);
    if (n <= len && equalBytes(p + BYTES, key, n)) addChanged(p, key, len, by);
  }
}

/** Notes a changed key of a prefix for the end of the turn. */
function addChanged(p: usize, key: usize, len: i32, by: usize): void {
  if (get(p, CHANGED) == 0) {
    const address = alloc(TABLE_SPACE);
    if (address == 0) return;
    tableInit(changetype<Table>(address));
    set(p, CHANGED, address);
  }
  const table = changetype<Table>(get(p, CHANGED));
  const hash = hashKey(key, len);
  let e = tableFind(table, hash, key, len);
  if (e == 0) {
    e = entryNew(key, len, 0, 0, NO_EXPIRE, -1);
    if (e == 0) return;
    if (!tableInsert(table, hash, e)) {
      free(e);
      return;
    }
  }
  entrySetPointer(e, by);
  shared().isPending = 1;
  // Brings the host to trackingBroadcast() when the turn ends.
  addPending(changetype<Client>(get(get(p, CLIENTS), 0)));
}

/** Builds the array of the scratch list's keys that `except` did not change; its length, 0: no key, or no memory. */
function buildKeys(except: usize): i32 {
  let size: usize = 32;
  let n = 0;
  for (let i = 0; i < scratchLength(); i++) {
    const e = scratchAt(i);
    if (except != 0 && entryPointer(e) == except) continue;
    size += <usize>keyLength(e) + 32;
    n++;
  }
  const value: usize = n == 0 ? 0 : frame(size);
  if (value == 0) return 0;
  let at = putHead(value, 0x2a, n);
  for (let i = 0; i < scratchLength(); i++) {
    const e = scratchAt(i);
    if (except != 0 && entryPointer(e) == except) continue;
    at = putBulk(at, keyAddress(e), keyLength(e));
  }
  return <i32>(at - value);
}

/** Tells the clients of a prefix which keys were changed. */
function broadcast(p: usize): void {
  scratchClear();
  const table = changetype<Table>(get(p, CHANGED));
  let cursor: u64 = 0;
  do cursor = tableScan(table, cursor);
  while (cursor != 0);
  let common = -1;
  for (let i = load<i32>(p, COUNT) - 1; i >= 0; i--) {
    const c = changetype<Client>(get(get(p, CLIENTS), <usize>i << 2));
    const isOwn = (trackingOf(c).options & TRACK_NOLOOP) != 0;
    if (isOwn || common < 0) common = buildKeys(isOwn ? changetype<usize>(c) : 0);
    if (common > 0) tell(c, shared().frame, common);
    if (isOwn) common = -1;
  }
  scratchRelease();
  dropChanged(p);
  trimTrackingFrame(FRAME_KEPT);
}

/**
 * Whether what this client is to get leaves when the turn ends: nobody may learn of a write, and ask a BCAST client
 * about it, before that client's notice is on its way. Such output is then among what the host asks for.
 */
export function waitsForBroadcast(c: Client): bool {
  if (shared().isPending == 0 || c.flags & CLIENT_INTERNAL) return false;
  addPending(c);
  return true;
}

/** Sends what BCAST clients are to know of this turn. The host calls it, by asking for clients with output. */
export function trackingBroadcast(): void {
  if (root().tracking == 0 || shared().isPending == 0) return;
  shared().isPending = 0;
  for (let p = shared().firstPrefix; p != 0; p = get(p, NEXT)) if (get(p, CHANGED) != 0) broadcast(p);
}
