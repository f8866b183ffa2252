/**
 * Eviction: keeps used memory at or below maxmemory by removing keys, by the policy's idea of the least useful one.
 *
 * LRU, LFU and TTL sample `maxmemory-samples` keys of each database into a pool of the 16 readiest ones and take the
 * best; the pool survives from one eviction to the next, which makes a small sample nearly as good as the exact order
 * (Valkey's approximated LRU). Random policies take a random key of the next database.
 *
 *   pool: 16 places of u64 idleness, i32 database, u32 entry hash-free copy: the key is found again by its address's
 *   key bytes, so a place holds u64 idleness | u32 db | u32 key address | u32 key length, in a block of 16 * 24 bytes;
 *   keys are copies, since the entry may be gone by then.
 *
 * Not for the hard limit of linear memory: that's alloc() and RESERVE_BYTES.
 */
import { alloc, free } from "../memory/allocator";
import { root } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import { Table, tableRandom, tableSample, tableSize } from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength } from "../structures/scratch";
import { entryIdleness, POLICY_LFU, POLICY_LRU, POLICY_NONE, POLICY_RANDOM, POLICY_TTL, POLICY_VOLATILE } from "./clock";
import { Database, database, deleteKey, peek } from "./database";
import { entryExpire } from "./entry";
import { notify, NOTIFY_EVICTED } from "./events";

const POOL_SIZE: i32 = 16;
const PLACE_SIZE: usize = 24;
const PLACE_DB: usize = 8;
const PLACE_KEY: usize = 12;
const PLACE_LENGTH: usize = 16;

/** Used memory that counts against maxmemory: all but clients' buffers that drain by themselves would not be fair. */
function overLimit(): bool {
  const r = root();
  return <u64>r.usedBytes > r.maxmemory;
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

function fillPool(): bool {
  const r = root();
  if (r.evictionPool == 0) {
    r.evictionPool = alloc(PLACE_SIZE * <usize>(POOL_SIZE + 1));
    if (r.evictionPool == 0) return false;
  }
  let any = false;
  for (let i = 0; i < r.databaseCount; i++) {
    const table = tableFor(database(i));
    if (tableSize(table) == 0) continue;
    any = true;
    scratchClear();
    tableSample(table, r.maxmemorySamples);
    for (let j = 0; j < scratchLength() && j < r.maxmemorySamples; j++) offer(i, scratchAt(j));
  }
  return any;
}

function evictOne(db: Database, key: usize, len: i32): bool {
  if (!deleteKey(db, key, len)) return false;
  root().statEvicted++;
  notify(NOTIFY_EVICTED, "evicted", key, len, db.id);
  return true;
}

function evictFromPool(): bool {
  const r = root();
  while (true) {
    if (!fillPool()) return false;
    while (r.evictionPoolLength > 0) {
      const last = r.evictionPoolLength - 1;
      const p = place(last);
      const db = database(load<i32>(p, PLACE_DB));
      const key = <usize>load<u32>(p, PLACE_KEY);
      const len = load<i32>(p, PLACE_LENGTH);
      const e = peek(db, key, len);
      const fits = e != 0 && (!(r.maxmemoryPolicy & POLICY_VOLATILE) || entryExpire(e) >= 0);
      const done = fits && evictOne(db, key, len);
      dropPlace(last);
      if (done) return true;
    }
  }
}

function evictRandom(): bool {
  const r = root();
  for (let i = 0; i < r.databaseCount; i++) {
    r.evictDb = (r.evictDb + 1) % r.databaseCount;
    const db = database(r.evictDb);
    const e = tableRandom(tableFor(db));
    if (e != 0) return evictOneEntry(db, e);
  }
  return false;
}

/** The key's bytes are the entry's own, which deletion frees; so a copy names it. */
function evictOneEntry(db: Database, e: usize): bool {
  const len = keyLength(e);
  const copy = alloc(<usize>len + 1);
  if (copy == 0) return deleteKey(db, keyAddress(e), len);
  memory.copy(copy, keyAddress(e), <usize>len);
  const done = evictOne(db, copy, len);
  free(copy);
  return done;
}

/** Frees the pool, since its places mean nothing under another policy or after a flush. */
export function evictionPoolClear(): void {
  const r = root();
  while (r.evictionPoolLength > 0) dropPlace(r.evictionPoolLength - 1);
  free(r.evictionPool);
  r.evictionPool = 0;
}

/** Evicts until used memory is within maxmemory; false when nothing more can be evicted and it still is not. */
export function evictToLimit(): bool {
  const r = root();
  if (r.maxmemory == 0) return true;
  while (overLimit()) {
    const policy = r.maxmemoryPolicy;
    if (policy & POLICY_NONE) return false;
    const done = policy & (POLICY_LRU | POLICY_LFU | POLICY_TTL) ? evictFromPool() : policy & POLICY_RANDOM ? evictRandom() : false;
    if (!done) return false;
  }
  return true;
}
