/**
 * Client-side caching: who has read which keys, and telling them when those change.
 *
 *   key      element of one table for all databases; payload u32 id of its one reader, or block of ids · u32 how many
 *   prefix   element of a table; payload u32 address of
 *            >0 u32 next · 4 u32 clients · 8 i32 how many, 12 i32 room · 16 u32 Table of changed keys, 0: none
 *            20 i32 length · 24 bytes
 *   changed key of a prefix: an element with the client that changed it as payload, 0: nobody
 *   client   element of a table by id, so that what is kept about a client outlives it
 *
 * Not for reading CLIENT TRACKING's options (server/commands/tracking.ts). Costs: docs/tracking.md.
 */
import { equalBytes, writeText } from "../bytes/compare";
import { formatU64 } from "../bytes/integer";
import { CMD_READONLY, Cmd, commandFlags, commandParent } from "../generated/commands";
import { entryNew, entryPointer, entrySetPointer, NO_EXPIRE, payloadAddress } from "../keyspace/entry";
import { observe, OBSERVE_TRACKING } from "../keyspace/events";
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import {
  hashKey, Table, tableDrain, tableFind, tableInit, tableInsert, tableRandom, tableRemove, tableScan, tableSize,
} from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength, scratchRelease } from "../structures/scratch";
import { findKeys, runFirst, runLast, runStep } from "./access-keys";
import { addPending, Client, CLIENT_INTERNAL, CLIENT_MULTI, CLIENT_SUBSCRIBED, CLIENT_TRACKING } from "./client";
import { GATE_TRACKING } from "./process";
import { pushRaw, pushTarget } from "./pubsub";

// Options of a client that tracks.
// @layout
export const TRACK_BCAST: u32 = 1;
export const TRACK_OPTIN: u32 = 2;
export const TRACK_OPTOUT: u32 = 4;
export const TRACK_NOLOOP: u32 = 8;
export const TRACK_CACHING: u32 = 16; // CLIENT CACHING was called: it holds for the next command
export const TRACK_BROKEN: u32 = 32; // the client that it redirects to is gone

// @layout
@unmanaged
export class Tracking {
  options: u32;
  redirect: u32; // id of a client, 0: itself
  prefixes: usize; // array of addresses
  prefixCount: i32;
  prefixCapacity: i32; // append() knows the place of these three
  prefixBytes: usize; // what the prefixes count as the client's memory
}

/** What all clients share. */
@unmanaged
class Shared {
  keys: Table;
  prefixes: Table;
  ids: Table;
  firstPrefix: usize;
  items: u32; // readers of all keys
  clients: i32; // that track
  isPending: i32; // a prefix has changed keys
  excess: i32; // how often the table was found too large
  frame: usize; // buffer for a message
}

const SHARED_SPACE: usize = (offsetof<Shared>() + 7) & ~7;
const TABLE_SPACE: usize = (offsetof<Table>() + 7) & ~7;
const OWN_SPACE: usize = (offsetof<Tracking>() + 7) & ~7;
const PAIR: usize = ROOT_ADDRESS + offsetof<Root>("pair");

const NEXT: usize = 0;
const CLIENTS: usize = 4;
const COUNT: usize = 8;
const CHANGED: usize = 16;
const LENGTH: usize = 20;
const BYTES: usize = 24;

/** Keys that one call forgets at most, for each time that the table was found too large before. */
const TRIM_STEP: i32 = 100;
/** What a prefix counts for each of its clients: its head and a place in an array. The text is everybody's. */
const PREFIX_COST: usize = BYTES + 4;
const FRAME_KEPT: usize = 65536;

function get(at: usize, offset: usize): usize {
  return <usize>load<u32>(at + offset);
}

function set(at: usize, offset: usize, value: usize): void {
  store<u32>(at + offset, <u32>value);
}

function shared(): Shared {
  return changetype<Shared>(root().tracking);
}

function trackingOf(c: Client): Tracking {
  return changetype<Tracking>(c.tracking);
}

// --- Clients by id ---

function insertId(c: Client): void {
  store<u32>(PAIR, <u32>c.id);
  const e = entryNew(PAIR, 4, 0, 0, NO_EXPIRE, -1);
  if (e == 0) return;
  entrySetPointer(e, changetype<usize>(c));
  if (!tableInsert(shared().ids, hashKey(PAIR, 4), e)) free(e);
}

function clientById(id: u32): usize {
  store<u32>(PAIR, id);
  const e = tableFind(shared().ids, hashKey(PAIR, 4), PAIR, 4);
  return e == 0 ? 0 : entryPointer(e);
}

/** A client is there. Without memory for it it can't be redirected to. */
export function trackingMeet(c: Client): void {
  if (root().tracking != 0) insertId(c);
}

/** A client goes. */
export function trackingForget(c: Client): void {
  if (root().tracking == 0) return;
  trackingOff(c);
  store<u32>(PAIR, <u32>c.id);
  free(tableRemove(shared().ids, hashKey(PAIR, 4), PAIR, 4));
}

/** Makes what all share, at the first CLIENT TRACKING; false when memory is exhausted. */
function ensureShared(): bool {
  const r = root();
  if (r.tracking != 0) return true;
  const address = alloc(SHARED_SPACE + TABLE_SPACE * 3);
  if (address == 0) return false;
  memory.fill(address, 0, SHARED_SPACE);
  r.tracking = address;
  const s = shared();
  s.keys = changetype<Table>(address + SHARED_SPACE);
  s.prefixes = changetype<Table>(address + SHARED_SPACE + TABLE_SPACE);
  s.ids = changetype<Table>(address + SHARED_SPACE + TABLE_SPACE * 2);
  tableInit(s.keys);
  tableInit(s.prefixes);
  tableInit(s.ids);
  for (let c = r.firstClient; c != 0; c = changetype<Client>(c).next) insertId(changetype<Client>(c));
  return true;
}

// --- Prefixes ---

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

// --- On and off ---

/** Begins to track, or changes the options. False when memory is exhausted: nothing has changed then. */
export function trackingOn(c: Client, options: u32, redirect: u32): bool {
  const r = root();
  if (!ensureShared()) return false;
  if (c.tracking == 0) {
    const address = alloc(OWN_SPACE);
    if (address == 0) return false;
    memory.fill(address, 0, OWN_SPACE);
    c.tracking = address;
    c.flags |= CLIENT_TRACKING;
    r.clientsMemory += usableSize(address);
    shared().clients++;
    observe(OBSERVE_TRACKING, true);
  }
  const t = trackingOf(c);
  t.options = options;
  t.redirect = redirect;
  return true;
}

/** Ends it. What the client has read stays in the table until it changes. */
export function trackingOff(c: Client): void {
  if (c.tracking == 0) return;
  const s = shared();
  const t = trackingOf(c);
  root().clientsMemory -= trackingBytes(c);
  for (let i = 0; i < t.prefixCount; i++) leavePrefix(get(t.prefixes, <usize>i << 2), c);
  free(t.prefixes);
  free(c.tracking);
  c.tracking = 0;
  c.flags &= ~CLIENT_TRACKING;
  s.clients--;
  if (s.clients == 0) observe(OBSERVE_TRACKING, false);
}

/** Figures for INFO: 0 clients, 1 keys, 2 readers of keys, 3 prefixes. */
export function trackingCount(which: i32): u32 {
  if (root().tracking == 0) return 0;
  const s = shared();
  switch (which) {
    case 0: return <u32>s.clients;
    case 1: return tableSize(s.keys);
    case 2: return s.items;
    default: return tableSize(s.prefixes);
  }
}

// --- Remembering ---

function idsOf(e: usize): usize {
  const at = payloadAddress(e);
  return load<u32>(at, 4) == 1 ? at : get(at, 0);
}

function readersOf(e: usize): u32 {
  return load<u32>(payloadAddress(e), 4);
}

/** Adds a reader to a key's; false when memory is exhausted. The block has room for the next power of 2. */
function addReader(e: usize, id: u32): bool {
  const at = payloadAddress(e);
  const n = readersOf(e);
  const ids = idsOf(e);
  for (let i = <i32>n - 1; i >= 0; i--) if (load<u32>(ids + (<usize>i << 2)) == id) return true;
  if (n == 0) {
    store<u32>(at, id);
  } else {
    let block = ids;
    if ((n & (n - 1)) == 0) {
      block = n == 1 ? alloc(8) : realloc(ids, <usize>n << 3);
      if (block == 0) return false;
      if (n == 1) store<u32>(block, load<u32>(at));
      set(at, 0, block);
    }
    store<u32>(block + (<usize>n << 2), id);
  }
  store<u32>(at, n + 1, 4);
  shared().items++;
  return true;
}

function rememberKey(key: usize, len: i32, id: u32): void {
  const s = shared();
  const hash = hashKey(key, len);
  let e = tableFind(s.keys, hash, key, len);
  if (e == 0) {
    e = entryNew(key, len, 0, 0, NO_EXPIRE, -1);
    if (e == 0) return;
    if (!tableInsert(s.keys, hash, e)) {
      free(e);
      return;
    }
  }
  // A reader that finds no room is not told: then nothing must be remembered as if it were.
  if (!addReader(e, id)) forgetKey(key, len, true);
}

/** The client's command `id` has run, with its arguments in root.argv: remembers what it has read. */
export function trackingRemember(c: Client, id: i32): void {
  if (!(commandFlags(id) & CMD_READONLY)) return;
  const options = trackingOf(c).options;
  if (options & TRACK_BCAST) return;
  const isCalled = (options & TRACK_CACHING) != 0;
  if ((options & TRACK_OPTIN && !isCalled) || (options & TRACK_OPTOUT && isCalled)) return;
  const runs = findKeys(id);
  for (let run = 0; run < runs; run++) {
    const step = runStep(run) > 0 ? runStep(run) : 1;
    const last = runLast(run);
    for (let i = runFirst(run); i <= last; i += step) rememberKey(argPtr(i), argLen(i), <u32>c.id);
  }
  trackingLimit();
}

/** A tracking client's command has ended: `ran` or was refused. */
export function trackingAfter(c: Client, ran: bool): void {
  const r = root();
  const id = c.lastCommand;
  if (ran && r.current == changetype<usize>(c) && r.currentCommand == id) trackingRemember(c, id);
  // CLIENT CACHING holds for one command, or one transaction.
  if (!(c.flags & CLIENT_MULTI) && (id == 0 || commandParent(id) != Cmd.CLIENT)) {
    trackingOf(c).options &= ~TRACK_CACHING;
  }
}

// --- Telling ---

const INVALIDATE_3: usize = memory.data<u8>([
  62, 50, 13, 10, 36, 49, 48, 13, 10, 105, 110, 118, 97, 108, 105, 100, 97, 116, 101, 13, 10,
]); // >2 $10 invalidate
const INVALIDATE_3_SIZE: i32 = 21;
const INVALIDATE_2: usize = memory.data<u8>([
  42, 51, 13, 10, 36, 55, 13, 10, 109, 101, 115, 115, 97, 103, 101, 13, 10, 36, 50, 48, 13, 10, 95, 95, 114, 101, 100,
  105, 115, 95, 95, 58, 105, 110, 118, 97, 108, 105, 100, 97, 116, 101, 13, 10,
]); // *3 $7 message $20 __redis__:invalidate
const INVALIDATE_2_SIZE: i32 = 44;

/** Tells a RESP3 client that the one that it redirects to is gone. */
function tellBroken(c: Client): void {
  const t = trackingOf(c);
  t.options |= TRACK_BROKEN;
  if (c.resp != 3) return;
  const buffer = ROOT_ADDRESS + offsetof<Root>("line");
  let n = writeText(buffer, ">2\r\n$21\r\ntracking-redir-broken\r\n:");
  n += <i32>formatU64(buffer + <usize>n, <u64>t.redirect);
  n += writeText(buffer + <usize>n, "\r\n");
  pushRaw(pushTarget(c, true), buffer, n);
}

/** Tells a tracking client, or the one that it redirects to, what is invalid: `value`, a reply of `len` bytes. */
function tell(c: Client, value: usize, len: i32): void {
  const t = trackingOf(c);
  let to = c;
  if (t.redirect != 0) {
    const address = clientById(t.redirect);
    if (address == 0) {
      tellBroken(c);
      return;
    }
    to = changetype<Client>(address);
  }
  // A call in process has one reply and no ear for anything else.
  if (to.flags & CLIENT_INTERNAL) return;
  // As in Valkey, what a client hears of its own doing comes behind the events of it.
  const target = pushTarget(to, true);
  if (to.resp == 3) pushRaw(target, INVALIDATE_3, INVALIDATE_3_SIZE);
  else if (t.redirect != 0 && to.flags & CLIENT_SUBSCRIBED) pushRaw(target, INVALIDATE_2, INVALIDATE_2_SIZE);
  else return;
  pushRaw(target, value, len);
}

/** A buffer of `size` bytes for a message; 0 when memory is exhausted. */
function frame(size: usize): usize {
  const s = shared();
  if (s.frame != 0 && usableSize(s.frame) >= size) return s.frame;
  const moved = realloc(s.frame, size);
  if (moved != 0) s.frame = moved;
  return moved;
}

/** Frees the buffer of messages when it has more than `kept` bytes. */
export function trimTrackingFrame(kept: usize): void {
  if (root().tracking == 0) return;
  const s = shared();
  if (s.frame == 0 || usableSize(s.frame) <= kept) return;
  free(s.frame);
  s.frame = 0;
}

/** Writes "<mark><n>\r\n"; returns the address behind it. */
function putHead(at: usize, mark: u8, n: i32): usize {
  store<u8>(at, mark);
  at += 1 + <usize>formatU64(at + 1, <u64>n);
  store<u16>(at, 0x0a0d);
  return at + 2;
}

function putBulk(at: usize, ptr: usize, len: i32): usize {
  at = putHead(at, 0x24, len);
  memory.copy(at, ptr, <usize>len);
  store<u16>(at + <usize>len, 0x0a0d);
  return at + <usize>len + 2;
}

/** Takes a key out of the table and tells its readers; those with NOLOOP only of what others did, unless `all`. */
function forgetKey(key: usize, len: i32, all: bool): void {
  const s = shared();
  const e = tableRemove(s.keys, hashKey(key, len), key, len);
  if (e == 0) return;
  const n = <i32>readersOf(e);
  const ids = idsOf(e);
  const value: usize = n == 0 ? 0 : frame(<usize>len + 64);
  const length = value == 0 ? 0 : <i32>(putBulk(putHead(value, 0x2a, 1), key, len) - value);
  for (let i = 0; i < n && value != 0; i++) {
    const address = clientById(load<u32>(ids + (<usize>i << 2)));
    if (address == 0) continue;
    const c = changetype<Client>(address);
    if (c.tracking == 0 || trackingOf(c).options & TRACK_BCAST) continue;
    if (!all && trackingOf(c).options & TRACK_NOLOOP && address == root().current) continue;
    tell(c, value, length);
  }
  s.items -= <u32>n;
  if (n > 1) free(ids);
  free(e);
  trimTrackingFrame(FRAME_KEPT);
}

/** A key was changed; `byNobody`: its time was over, or it was evicted. */
export function trackingInvalidate(key: usize, len: i32, byNobody: bool): void {
  const s = shared();
  for (let p = s.firstPrefix; p != 0; p = get(p, NEXT)) {
    const n = load<i32>(p, LENGTH);
    if (n <= len && equalBytes(p + BYTES, key, n)) addChanged(p, key, len, byNobody ? 0 : root().current);
  }
  if (tableSize(s.keys) != 0) forgetKey(key, len, false);
}

/** All keys of a database are gone: every tracking client is told, and nothing is remembered any more. */
export function trackingFlush(): void {
  const r = root();
  if (r.tracking == 0) return;
  const s = shared();
  for (let c = r.firstClient; c != 0 && s.clients > 0; c = changetype<Client>(c).next) {
    const client = changetype<Client>(c);
    if (client.tracking == 0) continue;
    const buffer = ROOT_ADDRESS + offsetof<Root>("line");
    const n = writeText(buffer, client.resp == 3 ? "_\r\n" : "$-1\r\n");
    tell(client, buffer, n);
  }
  tableDrain(s.keys, freeKey);
  s.items = 0;
}

function freeKey(e: usize): void {
  if (readersOf(e) > 1) free(idsOf(e));
  free(e);
}

/** Sees to it that the next command makes room when there are more keys than tracking-table-max-keys. */
export function trackingLimit(): void {
  const r = root();
  if (r.tracking == 0) return;
  if (r.trackingMaxKeys != 0 && tableSize(shared().keys) > r.trackingMaxKeys) r.gate |= GATE_TRACKING;
}

/** Forgets random keys while there are more than tracking-table-max-keys; more of them with each call in a row. */
export function trackingTrim(): void {
  const r = root();
  if (!(r.gate & GATE_TRACKING)) return;
  const s = shared();
  if (r.trackingMaxKeys == 0 || tableSize(s.keys) <= r.trackingMaxKeys) {
    s.excess = 0;
    r.gate &= ~GATE_TRACKING;
    return;
  }
  s.excess++;
  // In front of the running client's reply: its command has not begun.
  r.pushNow = 1;
  for (let left = TRIM_STEP * s.excess; left > 0 && tableSize(s.keys) > r.trackingMaxKeys; left--) {
    const e = tableRandom(s.keys, 1);
    if (e == 0) break;
    forgetKey(keyAddress(e), keyLength(e), true);
  }
  r.pushNow = 0;
}

// --- Broadcasts ---

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
