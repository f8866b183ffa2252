/**
 * Freeing large values a slice at a time: what a command drops costs it no time.
 *
 * An entry that is out of the tables and would take more than SMALL allocations to free is put on a list, chained
 * through the second half of its payload; the host frees some of it between commands, and memory that runs short frees
 * what is wanted. When that happens is set by the lazyfree-* directives (LAZY_ bits).
 *
 * A flushed database goes the same way: its table of keys is handed to an entry of a type of its own.
 *
 * Invariant: what is on the list is counted in used memory until it is freed.
 */
import { alloc, free } from "../memory/allocator";
import { root } from "../memory/root";
import { Table, tableDrainSome, tableInit, tableSize } from "../structures/hashtable";
import { valueFree, valueFreeEffort, valueFreeSome } from "../types/value";
import {
  entryNew, entryPointer, entrySetPointer, entryType, NO_EXPIRE, payloadAddress, TYPE_STRING,
} from "./entry";

/** Allocations that are freed at once. */
const SMALL: u32 = 64;
/** What is freed in one go between commands, in allocations: some 20 us. */
export const LAZY_BUDGET: i32 = 256;
/** UNLINK and FLUSHALL ASYNC ask for it whatever the settings are. */
export const LAZY_ALWAYS: u32 = 1 << 31;
/** Type of an entry that stands for a table of keys. */
const TYPE_TABLE: u32 = 15;
const TABLE_SPACE: usize = (offsetof<Table>() + 7) & ~7;

function push(e: usize): void {
  const r = root();
  store<u32>(payloadAddress(e), <u32>r.lazyHead, 4);
  r.lazyHead = e;
  r.freeingMark = u64.MAX_VALUE;
}

/** Frees an entry that is in no table any more, at once or later; `occasion`: a LAZY_ bit. */
export function dropEntry(e: usize, occasion: u32): void {
  if (entryType(e) == TYPE_STRING) {
    valueFree(e);
    return;
  }
  const r = root();
  if (!((r.lazyFree | LAZY_ALWAYS) & occasion) || valueFreeEffort(e) <= SMALL) {
    valueFree(e);
    return;
  }
  push(e);
  r.lazyPending++;
}

/** Takes over all keys of a table, which is empty afterwards; false (nothing changed) when memory is exhausted. */
export function dropTable(t: Table): bool {
  const r = root();
  const e = entryNew(0, 0, TYPE_TABLE, 0, NO_EXPIRE, -1);
  const copy = alloc(TABLE_SPACE);
  if (e == 0 || copy == 0) {
    free(e);
    free(copy);
    return false;
  }
  memory.copy(copy, changetype<usize>(t), TABLE_SPACE);
  r.lazyPending += tableSize(t);
  tableInit(t);
  entrySetPointer(e, copy);
  push(e);
  return true;
}

/** Frees one key of a flushed table. */
function dropKey(e: usize): void {
  const r = root();
  r.lazyPending--;
  r.lazyFreed++;
  dropEntry(e, LAZY_ALWAYS);
}

/** Frees about `budget` allocations of what waits; true while there is more. */
export function lazyFreeSome(budget: i32): bool {
  const r = root();
  while (r.lazyHead != 0 && budget > 0) {
    const e = r.lazyHead;
    const next = <usize>load<u32>(payloadAddress(e), 4);
    if (entryType(e) == TYPE_TABLE) {
      // Its large values are put before it.
      const t = changetype<Table>(entryPointer(e));
      budget = tableDrainSome(t, budget, dropKey);
      if (budget <= 0) continue;
      unchain(e, next);
      free(changetype<usize>(t));
      free(e);
      continue;
    }
    budget = valueFreeSome(e, budget);
    if (budget <= 0) break;
    r.lazyHead = next;
    r.lazyPending--;
    r.lazyFreed++;
  }
  return r.lazyHead != 0;
}

/** Takes a table's entry off the list, which may have new entries before it. */
function unchain(e: usize, next: usize): void {
  const r = root();
  if (r.lazyHead == e) {
    r.lazyHead = next;
    return;
  }
  let before = r.lazyHead;
  while (<usize>load<u32>(payloadAddress(before), 4) != e) before = <usize>load<u32>(payloadAddress(before), 4);
  store<u32>(payloadAddress(before), <u32>next, 4);
}
