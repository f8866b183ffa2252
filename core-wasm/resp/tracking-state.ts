/**
 * What is kept for client-side caching: of each client that tracks, and what all of them share.
 *
 *   client   element of a table by id, so that what is kept about a client outlives it
 *
 * Not for what is done with it: tracking.ts.
 */
import { entryNew, entryPointer, entrySetPointer, NO_EXPIRE } from "../keyspace/entry";
import { alloc, free } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import { hashKey, Table, tableFind, tableInit, tableInsert, tableRemove } from "../structures/hashtable";
import { Client } from "./client";

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
export class Shared {
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
export const TABLE_SPACE: usize = (offsetof<Table>() + 7) & ~7;
export const OWN_SPACE: usize = (offsetof<Tracking>() + 7) & ~7;
const PAIR: usize = ROOT_ADDRESS + offsetof<Root>("pair");

export function shared(): Shared {
  return changetype<Shared>(root().tracking);
}

export function trackingOf(c: Client): Tracking {
  return changetype<Tracking>(c.tracking);
}

// --- Clients by id ---

export function insertId(c: Client): void {
  store<u32>(PAIR, <u32>c.id);
  const e = entryNew(PAIR, 4, 0, 0, NO_EXPIRE, -1);
  if (e == 0) return;
  entrySetPointer(e, changetype<usize>(c));
  if (!tableInsert(shared().ids, hashKey(PAIR, 4), e)) free(e);
}

export function clientById(id: u32): usize {
  store<u32>(PAIR, id);
  const e = tableFind(shared().ids, hashKey(PAIR, 4), PAIR, 4);
  return e == 0 ? 0 : entryPointer(e);
}

export function forgetId(c: Client): void {
  store<u32>(PAIR, <u32>c.id);
  free(tableRemove(shared().ids, hashKey(PAIR, 4), PAIR, 4));
}

/** Makes what all share, at the first CLIENT TRACKING; false when memory is exhausted. */
export function ensureShared(): bool {
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
