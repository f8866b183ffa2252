/**
 * Timers of a hash: which of its fields expire, the next one at hand; and which hashes of a database have such fields,
 * again the next one at hand. So upkeep finds what is due without looking at anything else. Sets and sorted sets have
 * the same: what is said of hashes and fields here holds for them and their members.
 *
 *   hash table value (types/hash.ts)        timers >                   volatile keys of a database
 *    0  Table, 28 bytes                      0  u32  place << 4         0  u32  slots
 *   28  u32  timers, 0: no field expires     4  u32  count              4  u32  count
 *                                            8  i64  earliest           slots: u32 x count, time heap of timers
 *                                           16  u32  owner: volatile keys, 0: in no database
 *                                           20  u32  the key's entry, while there is an owner
 *                                           24  u32 x count, time heap of fields
 *
 * Both are time heaps (structures/time-heap.ts): timers are nodes themselves. An entry that moves tells so
 * (timersMoved), one that enters or leaves a database too (timersAttach, timersDetach).
 *
 * Invariants: a hash has timers exactly when a field of it has an expiry; timers have an owner exactly when their entry
 * is in a database. Costs: 4 bytes a field that expires, 28 a hash that has one.
 */
import { ENCODING_HASHTABLE, ENCODING_SKIPLIST, entryPointer, entryType, TYPE_HASH } from "../keyspace/entry";
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { META } from "../structures/element";
import { Table } from "../structures/hashtable";
import {
  heapAdd, heapCountBefore, heapNode, heapRemove, heapReplace, heapRetimed, heapTime,
} from "../structures/time-heap";

@unmanaged
class Timers {
  place: u32;
  count: u32;
  earliest: i64;
  owner: usize;
  entry: usize;
}

/** Hashes of a database that have fields with an expiry. */
// @layout
@unmanaged
export class VolatileKeys {
  slots: usize;
  count: u32;
}

const SLOTS: usize = 24;
const TIMERS: usize = offsetof<Table>();
/** Size of a hash's table with the address of its timers. */
export const HASH_TABLE_SIZE: usize = TIMERS + 4;
/** The encoding's bits of an entry: only hashes and sets are in hash tables, only sorted sets in Zsets. */
const ENCODING_BITS: u32 = 0xf0;
const IN_TABLE: u32 = ENCODING_HASHTABLE << 4;
const IN_ZSET: u32 = ENCODING_SKIPLIST << 4;

function slotsOf(t: Timers): usize {
  return changetype<usize>(t) + SLOTS;
}

/** Timers of a hash table value, 0: none of its fields expires. */
export function timersOf(table: usize): usize {
  return <usize>load<u32>(table, TIMERS);
}

/** Timers of any entry's value, 0 when it has none. */
function timersOfEntry(e: usize): usize {
  const encoding = load<u32>(e, META) & ENCODING_BITS;
  return encoding == IN_TABLE || encoding == IN_ZSET ? timersOf(entryPointer(e)) : 0;
}

// --- The heap of a database ---

function ownerReserve(owner: VolatileKeys): bool {
  const need = <usize>(owner.count + 1) << 2;
  if (owner.slots != 0 && usableSize(owner.slots) >= need) return true;
  const moved = realloc(owner.slots, need + (need >> 1) + 16);
  if (moved == 0) return false;
  owner.slots = moved;
  return true;
}

function ownerAdd(owner: VolatileKeys, t: Timers, e: usize): void {
  t.owner = changetype<usize>(owner);
  t.entry = e;
  heapAdd(owner.slots, owner.count, changetype<usize>(t));
  owner.count++;
}

function ownerRemove(t: Timers): void {
  const owner = changetype<VolatileKeys>(t.owner);
  heapRemove(owner.slots, owner.count, changetype<usize>(t));
  owner.count--;
  t.owner = 0;
  if (owner.count == 0) volatileClear(owner);
}

/** Forgets all hashes of a database: they are going with it. */
export function volatileClear(owner: VolatileKeys): void {
  free(owner.slots);
  owner.slots = 0;
  owner.count = 0;
}

/** The entry whose field expires next, or 0; its time is volatileNextTime(). */
export function volatileNext(owner: VolatileKeys): usize {
  return owner.count == 0 ? 0 : changetype<Timers>(heapNode(owner.slots, 0)).entry;
}

/** When the next field expires; only while there is one. */
export function volatileNextTime(owner: VolatileKeys): i64 {
  return heapTime(heapNode(owner.slots, 0));
}

// --- Entries that come, move and go ---

/** The volatile keys that an entry belongs to: a database's first are for hashes, those behind them for the others. */
function ownerOf(owner: VolatileKeys, e: usize): VolatileKeys {
  if (entryType(e) == TYPE_HASH) return owner;
  return changetype<VolatileKeys>(changetype<usize>(owner) + offsetof<VolatileKeys>());
}

/** Notes that an entry is in the database of `owner` from now on. False (nothing changed) when memory is exhausted. */
export function timersAttach(owner: VolatileKeys, e: usize): bool {
  const address = timersOfEntry(e);
  if (address == 0) return true;
  const t = changetype<Timers>(address);
  owner = ownerOf(owner, e);
  if (t.owner != changetype<usize>(owner)) {
    if (!ownerReserve(owner)) return false;
    if (t.owner != 0) ownerRemove(t);
    ownerAdd(owner, t, e);
  }
  t.entry = e;
  return true;
}

/** Notes that an entry leaves the database of `owner`; its value may have gone to another entry or owner already. */
export function timersDetach(owner: VolatileKeys, e: usize): void {
  const address = timersOfEntry(e);
  if (address == 0) return;
  const t = changetype<Timers>(address);
  if (t.entry == e && t.owner == changetype<usize>(ownerOf(owner, e))) ownerRemove(t);
}

/** Notes that a key's entry has moved. */
export function timersMoved(e: usize): void {
  const address = timersOfEntry(e);
  if (address != 0) changetype<Timers>(address).entry = e;
}

// --- The heap of a hash ---

/**
 * Makes room for one more field of the hash in `table`, and for the hash in `owner` (0: it is in no database). False
 * (nothing changed) when memory is exhausted. Afterwards timersAdd or timersTidy has to be called.
 */
export function timersReserve(table: usize, owner: usize): bool {
  const old = timersOf(table);
  if (old != 0) {
    const t = changetype<Timers>(old);
    const need = SLOTS + (<usize>(t.count + 1) << 2);
    if (usableSize(old) >= need) return true;
    const moved = realloc(old, need + (<usize>t.count << 1) + 4);
    if (moved == 0) return false;
    store<u32>(table, <u32>moved, TIMERS);
    const at = changetype<Timers>(moved).owner;
    if (at != 0 && moved != old) heapReplace(changetype<VolatileKeys>(at).slots, moved, moved);
    return true;
  }
  if (owner != 0 && !ownerReserve(changetype<VolatileKeys>(owner))) return false;
  const fresh = alloc(SLOTS + 4);
  if (fresh == 0) return false;
  memory.fill(fresh, 0, SLOTS);
  store<u32>(table, <u32>fresh, TIMERS);
  return true;
}

/** Frees timers that have no field. */
export function timersTidy(table: usize): void {
  const address = timersOf(table);
  if (address == 0) return;
  const t = changetype<Timers>(address);
  if (t.count != 0) return;
  if (t.owner != 0) ownerRemove(t);
  free(address);
  store<u32>(table, 0, TIMERS);
}

/** Tells the owner that the earliest time may be another. */
function settle(t: Timers): void {
  const earliest = heapTime(heapNode(slotsOf(t), 0));
  if (earliest == t.earliest) return;
  t.earliest = earliest;
  if (t.owner == 0) return;
  const owner = changetype<VolatileKeys>(t.owner);
  heapRetimed(owner.slots, owner.count, changetype<usize>(t));
}

/** Adds a field with an expiry to the hash `e` after timersReserve(), which was given the same owner. */
export function timersAdd(e: usize, owner: usize, field: usize): void {
  const t = changetype<Timers>(timersOf(entryPointer(e)));
  heapAdd(slotsOf(t), t.count, field);
  t.count++;
  if (t.count == 1 && owner != 0) {
    t.earliest = heapTime(field);
    ownerAdd(changetype<VolatileKeys>(owner), t, e);
  } else {
    settle(t);
  }
}

/** Takes a field out that expires no more or goes. */
export function timersRemove(table: usize, field: usize): void {
  const t = changetype<Timers>(timersOf(table));
  heapRemove(slotsOf(t), t.count, field);
  t.count--;
  if (t.count == 0) timersTidy(table);
  else settle(t);
}

/** Puts a field in the place of `old`, which is not freed yet; their times may differ. */
export function timersReplace(table: usize, old: usize, field: usize): void {
  const t = changetype<Timers>(timersOf(table));
  heapReplace(slotsOf(t), old, field);
  timersRetimed(table, field);
}

/** Notes that the expiry of a field has changed. */
export function timersRetimed(table: usize, field: usize): void {
  const t = changetype<Timers>(timersOf(table));
  heapRetimed(slotsOf(t), t.count, field);
  settle(t);
}

/** The field that expires next; 0 when none does. */
export function timersNext(table: usize): usize {
  const address = timersOf(table);
  return address == 0 ? 0 : heapNode(address + SLOTS, 0);
}

/** How many fields have an expiry earlier than `time`. Costs those and their children in the heap. */
export function timersBefore(table: usize, time: i64): u32 {
  const address = timersOf(table);
  return address == 0 ? 0 : heapCountBefore(address + SLOTS, changetype<Timers>(address).count, time);
}

/** Frees the timers with the hash, which is in no database any more. */
export function timersFree(table: usize): void {
  free(timersOf(table));
  store<u32>(table, 0, TIMERS);
}

/** Bytes of the timers. */
export function timersBytes(table: usize): usize {
  const address = timersOf(table);
  return address == 0 ? 0 : usableSize(address);
}
