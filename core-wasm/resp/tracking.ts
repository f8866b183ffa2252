/**
 * Client-side caching: who has read which keys, and telling them when those change.
 *
 *   key      element of one table for all databases; payload u32 id of its one reader, or block of ids · u32 how many
 *
 * Not for reading CLIENT TRACKING's options (server/commands/tracking.ts). BCAST mode: tracking-prefixes.ts; messages:
 * tracking-messages.ts; what is kept: tracking-state.ts. Costs: docs/tracking.md.
 */
import { writeText } from "../bytes/compare";
import { CMD_READONLY, Cmd, commandFlags, commandParent } from "../generated/commands";
import { entryNew, NO_EXPIRE, payloadAddress } from "../keyspace/entry";
import { observe, OBSERVE_TRACKING } from "../keyspace/events";
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import {
  hashKey, tableDrain, tableFind, tableInsert, tableRandom, tableRemove, tableSize,
} from "../structures/hashtable";
import { findKeys, runFirst, runLast, runStep } from "./access-keys";
import { Client, CLIENT_MULTI, CLIENT_TRACKING } from "./client";
import { GATE_TRACKING } from "./process";
import { runsScripts } from "./script";
import { frame, FRAME_KEPT, putBulk, putHead, tell, trimTrackingFrame } from "./tracking-messages";
import { leavePrefixes, noteInPrefixes, trackingBytes } from "./tracking-prefixes";
import {
  clientById, ensureShared, forgetId, insertId, OWN_SPACE, shared, TRACK_BCAST, TRACK_CACHING, TRACK_NOLOOP,
  TRACK_OPTIN, TRACK_OPTOUT, trackingOf,
} from "./tracking-state";

/** Keys that one call forgets at most, for each time that the table was found too large before. */
const TRIM_STEP: i32 = 100;

// --- Clients ---

/** A client is there. Without memory for it it can't be redirected to. */
export function trackingMeet(c: Client): void {
  if (root().tracking != 0) insertId(c);
}

/** A client goes. */
export function trackingForget(c: Client): void {
  if (root().tracking == 0) return;
  trackingOff(c);
  forgetId(c);
}

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
  root().clientsMemory -= trackingBytes(c);
  leavePrefixes(c);
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
  return load<u32>(at, 4) == 1 ? at : <usize>load<u32>(at);
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
      store<u32>(at, <u32>block);
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
  if (!(commandFlags(id) & CMD_READONLY) || runsScripts(id)) return;
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

// --- Changes ---

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
  if (s.firstPrefix != 0) noteInPrefixes(key, len, byNobody ? 0 : root().current);
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
