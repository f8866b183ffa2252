/**
 * Eviction: keeps used memory at or below maxmemory by removing keys, by the policy's idea of the least useful one.
 *
 * LRU, LFU and TTL sample `maxmemory-samples` keys of each database into a pool of the 16 readiest ones and take the
 * best; the pool survives from one eviction to the next, which makes a small sample nearly as good as the exact order
 * (Valkey's approximated LRU). Random policies take a random key of the next database.
 *
 *   pool: 17 places of 24 bytes, 16 of them used between calls, ordered by idleness, the readiest last
 *   >0 u64 idleness · 8 i32 database · 12 u32 address of a copy of the key · 16 i32 its length · 20 unused
 *
 * The key is copied because the entry may move or go before its turn comes. A call is bounded by a number of keys; the
 * host calls again from its cron while the result is EVICT_RUNNING. Not for the hard limit of linear memory, which is
 * alloc()'s and RESERVE_BYTES's; but a maxmemory beyond it is taken as that limit, so that policies work there too.
 */
import { lazyFreeSome } from "./lazyfree";
import { LAZY_EVICTION } from "../memory/settings";
import { alloc, free, PAGE_BITS, RESERVE_BYTES } from "../memory/allocator";
import { randomBelow, root } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import { Table, tableRandom, tableSample, tableSize } from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength } from "../structures/scratch";
import {
  entryIdleness, POLICY_LFU, POLICY_LRU, POLICY_NONE, POLICY_RANDOM, POLICY_TTL, POLICY_VOLATILE,
} from "./clock";
import { Database, database, deleteKey, isPaused, peekRaw } from "./database";
import { entryExpire, NO_EXPIRE } from "./entry";
import { notify, NOTIFY_EVICTED } from "./events";

const POOL_SIZE: i32 = 16;
const PLACE_SIZE: usize = 24;
const PLACE_DB: usize = 8;
const PLACE_KEY: usize = 12;
const PLACE_LENGTH: usize = 16;

/** What evictToLimit() answers. */
export const EVICT_FAILED: i32 = 0;
export const EVICT_DONE: i32 = 1;
export const EVICT_RUNNING: i32 = 2;

/** Keys that go at least before a look at the time, and keys that go in a microsecond. */
const LEAST_KEYS: i32 = 16;
const KEYS_PER_US: f64 = 1;

/**
 * Used memory that is allowed: maxmemory, or what linear memory can hold with its reserve when that is less. Clients'
 * buffers count, as in Valkey.
 */
function limit(): u64 {
  const r = root();
  const pages = <u64>(r.maximumPages - r.heapFirstPage) << PAGE_BITS;
  const capacity = pages > RESERVE_BYTES * 2 ? pages - RESERVE_BYTES * 2 : pages;
  return r.maxmemory < capacity ? r.maxmemory : capacity;
}

/** Used memory without what closing clients are about to give back, who may be charged for blocks that others share. */
function used(): u64 {
  const r = root();
  return r.closingMemory < r.usedBytes ? <u64>(r.usedBytes - r.closingMemory) : 0;
}

/**
 * Keys that one call may evict, so that a limit set far lower does not stop the server: as many as go in Valkey's time
 * for this maxmemory-eviction-tenacity, 50 us a step up to 10, then 15 % more a step, without end at 100.
 */
function keyBudget(): i32 {
  const tenacity = root().evictionTenacity;
  if (tenacity >= 100) return i32.MAX_VALUE;
  let us: f64 = 50 * <f64>(tenacity < 10 ? tenacity : 10);
  for (let i = 10; i < tenacity; i++) us *= 1.15;
  const keys = us * KEYS_PER_US;
  return keys < <f64>LEAST_KEYS ? LEAST_KEYS : <i32>keys;
}

function tableFor(db: Database): Table {
  return root().maxmemoryPolicy & POLICY_VOLATILE ? db.expires : db.keys;
}

function place(i: i32): usize {
  return root().evictionPool + PLACE_SIZE * <usize>i;
}

function dropPlace(i: i32): void {
  const r = root();
  free(<usize>load<u32>(place(i), PLACE_KEY));
  r.evictionPoolLength--;
  const rest = <usize>(r.evictionPoolLength - i) * PLACE_SIZE;
  memory.copy(place(i), place(i + 1), rest);
}

function idleness(e: usize): u64 {
  if (root().maxmemoryPolicy & POLICY_TTL) return ~<u64>0 - <u64>entryExpire(e);
  return entryIdleness(e);
}

/** Puts a candidate into the pool, which is ordered by idleness, the least first. */
function offer(db: i32, e: usize): void {
  const r = root();
  const idle = idleness(e);
  let at = 0;
  while (at < r.evictionPoolLength && load<u64>(place(at)) < idle) at++;
  if (r.evictionPoolLength == POOL_SIZE) {
    if (at == 0) return;
    dropPlace(0);
    at--;
  }
  const len = keyLength(e);
  const copy = alloc(<usize>len + 1);
  if (copy == 0) return;
  memory.copy(copy, keyAddress(e), <usize>len);
  memory.copy(place(at + 1), place(at), <usize>(r.evictionPoolLength - at) * PLACE_SIZE);
  const p = place(at);
  store<u64>(p, idle);
  store<i32>(p, db, PLACE_DB);
  store<u32>(p, <u32>copy, PLACE_KEY);
  store<i32>(p, len, PLACE_LENGTH);
  r.evictionPoolLength++;
}

/** Samples every database; false when there is no key that the policy may take. */
function fillPool(): bool {
  const r = root();
  if (r.evictionPool == 0) {
    r.evictionPool = alloc(PLACE_SIZE * <usize>(POOL_SIZE + 1));
  }
  let any = false;
  for (let i = 0; i < r.databaseCount; i++) {
    const table = tableFor(database(i));
    if (tableSize(table) == 0) continue;
    any = true;
    if (r.evictionPool == 0) break;
    scratchClear();
    tableSample(table, r.maxmemorySamples);
    // A sample is made of whole buckets, whose first places hold older keys; so it is entered anywhere.
    const n = scratchLength();
    const start = <i32>randomBelow(<u32>n);
    for (let j = 0; j < n && j < r.maxmemorySamples; j++) offer(i, scratchAt((start + j) % n));
  }
  return any;
}

function evictEntry(db: Database, e: usize): void {
  const key = keyAddress(e);
  const len = keyLength(e);
  notify(NOTIFY_EVICTED, "evicted", key, len, db.id);
  root().statEvicted++;
  deleteKey(db, key, len, LAZY_EVICTION);
}

/** Evicts the readiest candidate that still exists; false when the policy finds no key at all. */
function evictFromPool(): bool {
  const r = root();
  while (fillPool()) {
    // No candidate although there are keys: memory is too short even for the pool.
    if (r.evictionPoolLength == 0) return evictRandom();
    while (r.evictionPoolLength > 0) {
      const last = r.evictionPoolLength - 1;
      const p = place(last);
      const db = database(load<i32>(p, PLACE_DB));
      const e = peekRaw(db, <usize>load<u32>(p, PLACE_KEY), load<i32>(p, PLACE_LENGTH));
      const fits = e != 0 && (!(r.maxmemoryPolicy & POLICY_VOLATILE) || entryExpire(e) != NO_EXPIRE);
      if (fits) evictEntry(db, e);
      dropPlace(last);
      if (fits) return true;
    }
  }
  return false;
}

/** Evicts a random key of the next database that has one. */
function evictRandom(): bool {
  const r = root();
  for (let i = 0; i < r.databaseCount; i++) {
    r.evictDb = (r.evictDb + 1) % r.databaseCount;
    const db = database(r.evictDb);
    const e = tableRandom(tableFor(db), 1);
    if (e == 0) continue;
    evictEntry(db, e);
    return true;
  }
  return false;
}

/** Frees the pool, since its places mean nothing under another policy or after a flush. */
export function evictionPoolClear(): void {
  const r = root();
  while (r.evictionPoolLength > 0) dropPlace(r.evictionPoolLength - 1);
  free(r.evictionPool);
  r.evictionPool = 0;
}

/** Allocations of dropped values that the commands of a turn free at most, some 0.4 ms, and those between two looks. */
const FREED_A_TURN: i32 = 4096;
const FREED_A_STEP: i32 = 64;

/** Frees what waits until used memory is down to `most`, or this turn's share of time is used up. */
function freeWaiting(most: u64): void {
  const r = root();
  if (r.freeingTurnUs != r.nowUs) {
    r.freeingTurnUs = r.nowUs;
    r.freeingLeft = FREED_A_TURN;
  }
  while (r.lazyHead != 0 && r.freeingLeft > 0 && used() > most) {
    lazyFreeSome(FREED_A_STEP);
    r.freeingLeft -= FREED_A_STEP;
  }
}

/** Evicts one key by the policy; false when there is none to evict. */
function evictNext(): bool {
  const policy = root().maxmemoryPolicy;
  if (policy & POLICY_RANDOM) return evictRandom();
  return policy & (POLICY_LRU | POLICY_LFU | POLICY_TTL) ? evictFromPool() : false;
}

/** True when used memory is above maxmemory, whatever could be evicted. */
export function isOverLimit(): bool {
  return used() > limit();
}

function evict(): i32 {
  const r = root();
  const most = limit();
  if (used() <= most) return EVICT_DONE;
  if (r.maxmemoryPolicy & POLICY_NONE || r.importMode != 0) {
    freeWaiting(most);
    return used() <= most ? EVICT_DONE : EVICT_FAILED;
  }
  // Messages about evicted keys (invalidations, events) don't count: each key's would evict the next, to the last one.
  const clients = r.clientsMemory;
  let left = keyBudget();
  while (used() > most + <u64>(r.clientsMemory > clients ? r.clientsMemory - clients : 0)) {
    if (r.lazyHead != 0) {
      // What is to be freed anyway goes before another key does. Slices of the host's do that (server/lazy-free.ts);
      // commands give only as much of their time as keeps memory from growing meanwhile.
      freeWaiting(r.freeingMark);
      r.freeingMark = min(r.freeingMark, used());
      if (r.lazyHead != 0) return EVICT_RUNNING;
      continue;
    }
    if (left-- == 0) return EVICT_RUNNING;
    if (!evictNext()) return EVICT_FAILED;
  }
  return EVICT_DONE;
}

/**
 * Evicts while used memory is above maxmemory: EVICT_DONE when it is within it (or nothing may go now), EVICT_RUNNING
 * when this call has done its share and another should follow, EVICT_FAILED when there is nothing to evict.
 */
export function evictToLimit(): i32 {
  const r = root();
  if (r.maxmemory == 0 || isPaused()) return EVICT_DONE;
  const result = evict();
  if (result != EVICT_DONE) {
    if (r.evictionExceededSinceUs == 0) r.evictionExceededSinceUs = r.nowUs;
  } else if (r.evictionExceededSinceUs != 0) {
    r.statEvictionExceededUs += r.nowUs - r.evictionExceededSinceUs;
    r.evictionExceededSinceUs = 0;
  }
  return result;
}
