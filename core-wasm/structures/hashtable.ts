/**
 * The hash table: 64-byte buckets of 12 elements, found by one SIMD comparison of one-byte tags.
 *
 *   bucket, one cache line
 *    0  u32      state   bits 0..11: slot i holds an element; CHAINED: slot 11 holds the next bucket of the chain
 *    4  u8 x 12  tags    top 8 bits of each element's hash
 *   16  u32 x 12 slots   addresses of elements (structures/element.ts)
 *
 * Two arrays of 2^n buckets exist while the table changes its size: each look-up, insertion and removal then moves one
 * bucket from array 0 to array 1 (incremental rehashing), so no command pays for the whole. A full bucket gets a chain.
 *
 * Scanning walks bucket indexes in reverse-binary order (Pieter Noordhuis's cursor, as in Valkey): every element that
 * is there from start to end is returned at least once, whatever the table does in between.
 *
 * Costs: a look-up touches one line of buckets and the element; 64 / 12 bytes an element at a fill of 1.
 * Invariants: only the last slot of a chain's last bucket onward may be free of order, no bucket of a chain but the
 * first is empty; used[i] counts elements; rehashIndex is -1 exactly when array 1 is absent.
 * Stale: a slot address is void after any other call that changes or looks up in the same table.
 */
import { alloc, allocZeroed, canAllocate, free } from "../memory/allocator";
import { random64, randomBelow, root } from "../memory/root";
import { equalBytes } from "../bytes/compare";
import { hashBytes } from "../bytes/hash";
import { keyAddress, keyLength } from "./element";
import { scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush } from "./scratch";

const BUCKET_SIZE: usize = 64;
export const BUCKET_BITS: usize = 6;
export const SLOTS: i32 = 12;
const TAGS: usize = 4;
const FIRST_SLOT: usize = 16;
const LAST_SLOT: usize = 60;
export const PRESENT_MASK: u32 = 0xfff;
const CHAINED: u32 = 0x1000;
const SLOT_11: u32 = 0x800;
/** An array is left for a larger one at 7/8 of its slots, for a smaller one at 1/8 (Valkey: 1/1 and 13/100). */
const FILL_NUMERATOR: u64 = 7;
const FILL_SHIFT: u64 = 3;
const SHRINK_SHIFT: u64 = 3;

// @layout
@unmanaged
export class Table {
  buckets0: usize;
  buckets1: usize;
  used0: u32;
  used1: u32;
  rehashIndex: i32; // next bucket of array 0 to move, -1 when not rehashing
  chained: u32; // buckets that hang in chains
  bits0: u8; // log2 of the number of buckets
  bits1: u8;
  paused: u16; // > 0: neither rehashing nor resizing
}

/** Makes an empty table in memory that the caller provides; no bucket exists until the first insertion. */
export function tableInit(t: Table): void {
  memory.fill(changetype<usize>(t), 0, offsetof<Table>());
  t.rehashIndex = -1;
}

export function tableSize(t: Table): u32 {
  return t.used0 + t.used1;
}

export function hashKey(key: usize, len: i32): u64 {
  const r = root();
  if (key == r.cachedKey) return r.cachedHash;
  return hashBytes(key, len, r.hashKey0, r.hashKey1);
}

// --- Buckets ---

/** A bucket's state word. This and the accessors below are for structures/table-walk.ts. */
export function bucketState(b: usize): u32 {
  return load<u32>(b);
}

export function nextBucket(b: usize): usize {
  return bucketState(b) & CHAINED ? <usize>load<u32>(b, LAST_SLOT) : 0;
}

export function slotAddress(b: usize, i: i32): usize {
  return b + FIRST_SLOT + (<usize>i << 2);
}

/** The bucket that a slot address lies in. */
function bucketOf(slot: usize): usize {
  return slot & ~(BUCKET_SIZE - 1);
}

function tagOf(hash: u64): u8 {
  return <u8>(hash >> 56);
}

function newArray(bits: i32): usize {
  return allocZeroed(BUCKET_SIZE << bits);
}

/** Slot of the element with this key in one chain, or 0. */
function findInChain(b: usize, tag: u8, key: usize, len: i32): usize {
  const wanted = i8x16.splat(<i8>tag);
  while (true) {
    const s = bucketState(b);
    // Tags are bytes 4..15 of the line, so the match bits are shifted down by 4.
    let matches = (<u32>i8x16.bitmask(i8x16.eq(v128.load(b), wanted)) >> 4) & s & PRESENT_MASK;
    while (matches != 0) {
      const slot = b + FIRST_SLOT + (<usize>ctz<u32>(matches) << 2);
      const e = <usize>load<u32>(slot);
      if (keyLength(e) == len && equalBytes(keyAddress(e), key, len)) return slot;
      matches &= matches - 1;
    }
    if (!(s & CHAINED)) return 0;
    b = <usize>load<u32>(b, LAST_SLOT);
  }
}

/** Puts an element into a chain that starts at b; false when a bucket is needed and memory is exhausted. */
function addToChain(t: Table, b: usize, tag: u8, e: usize): bool {
  while (bucketState(b) & CHAINED) b = <usize>load<u32>(b, LAST_SLOT);
  let s = bucketState(b);
  if ((s & PRESENT_MASK) == PRESENT_MASK) {
    const fresh = alloc(BUCKET_SIZE);
    if (fresh == 0) return false;
    store<u32>(fresh, 1);
    store<u8>(fresh, load<u8>(b + TAGS + 11), TAGS);
    store<u32>(fresh, load<u32>(b, LAST_SLOT), FIRST_SLOT);
    store<u32>(b, (s & ~SLOT_11) | CHAINED);
    store<u32>(b, <u32>fresh, LAST_SLOT);
    t.chained++;
    b = fresh;
    s = 1;
  }
  const i = ctz<u32>(~s);
  store<u32>(b, s | (1 << i));
  store<u8>(b + TAGS + <usize>i, tag);
  store<u32>(slotAddress(b, i), <u32>e);
  return true;
}

/** Frees the last bucket of a chain when it is empty. */
function trimChain(t: Table, first: usize): void {
  let before: usize = 0;
  let b = first;
  while (bucketState(b) & CHAINED) {
    before = b;
    b = <usize>load<u32>(b, LAST_SLOT);
  }
  if (before == 0 || (bucketState(b) & PRESENT_MASK) != 0) return;
  free(b);
  t.chained--;
  store<u32>(before, bucketState(before) & ~CHAINED);
}

/** The bucket that a look-up of this hash begins with, 0 in an empty table. For touching it ahead of time. */
export function tableBucketFor(t: Table, hash: u64): usize {
  if (t.buckets0 == 0) return 0;
  const index = <i32>(hash & ((<u64>1 << t.bits0) - 1));
  if (index >= t.rehashIndex) return t.buckets0 + (<usize>index << BUCKET_BITS);
  return t.buckets1 + (<usize>(hash & ((<u64>1 << t.bits1) - 1)) << BUCKET_BITS);
}

/** The first element of the bucket whose tag fits the hash, or 0. For touching it ahead of time. */
export function tableCandidate(b: usize, hash: u64): usize {
  const equal = i8x16.eq(v128.load(b), i8x16.splat(<i8>tagOf(hash)));
  const matches = (<u32>i8x16.bitmask(equal) >> 4) & bucketState(b) & PRESENT_MASK;
  return matches == 0 ? 0 : <usize>load<u32>(b + FIRST_SLOT + (<usize>ctz<u32>(matches) << 2));
}

// --- Rehashing ---

function moveChain(t: Table, b: usize): bool {
  const mask = (<u64>1 << t.bits1) - 1;
  let last = b;
  while (true) {
    const s = bucketState(last);
    let present = s & PRESENT_MASK;
    while (present != 0) {
      const i = ctz<u32>(present);
      const e = <usize>load<u32>(slotAddress(last, i));
      const hash = hashKey(keyAddress(e), keyLength(e));
      if (!addToChain(t, t.buckets1 + (<usize>(hash & mask) << BUCKET_BITS), tagOf(hash), e)) return false;
      present &= present - 1;
      store<u32>(last, bucketState(last) & ~(1 << i));
      t.used0--;
      t.used1++;
    }
    if (!(s & CHAINED)) break;
    last = <usize>load<u32>(last, LAST_SLOT);
  }
  let next = nextBucket(b);
  store<u32>(b, 0);
  while (next != 0) {
    const after = nextBucket(next);
    free(next);
    t.chained--;
    next = after;
  }
  return true;
}

/** Drops the first array, which is empty: the second, or none, takes its place. */
function finishRehash(t: Table): void {
  free(t.buckets0);
  t.buckets0 = t.buckets1;
  t.bits0 = t.bits1;
  t.used0 = t.used1;
  t.buckets1 = 0;
  t.bits1 = 0;
  t.used1 = 0;
  t.rehashIndex = -1;
}

/** Moves up to `count` buckets; true while there is more to do. Does nothing when the table is paused. */
export function tableRehash(t: Table, count: i32): bool {
  if (t.rehashIndex < 0 || t.paused > 0) return false;
  const size = 1 << <i32>t.bits0;
  // Empty buckets are cheap but not free: ten of them count as one.
  let empty = count * 10;
  while (count > 0 && t.rehashIndex < size) {
    const b = t.buckets0 + (<usize>t.rehashIndex << BUCKET_BITS);
    if (bucketState(b) == 0) {
      t.rehashIndex++;
      if (--empty == 0) break;
      continue;
    }
    if (!moveChain(t, b)) return false;
    t.rehashIndex++;
    count--;
  }
  if (t.rehashIndex < size) return true;
  finishRehash(t);
  return false;
}

/**
 * True when a new array would take used memory above maxmemory: keys would have to go for mere table space. A table
 * whose chains have grown to four buckets gets its array all the same.
 */
function exceedsMaxmemory(t: Table, size: u64): bool {
  const r = root();
  return r.maxmemory != 0 && <u64>r.usedBytes + size > r.maxmemory && t.used0 < <u32>SLOTS << (t.bits0 + 2);
}

function startResize(t: Table, bits: i32): bool {
  const size = <u64>BUCKET_SIZE << bits;
  if (size > 4096 && (!canAllocate(size) || exceedsMaxmemory(t, size))) return false;
  const array = newArray(bits);
  if (array == 0) return false;
  if (t.buckets0 == 0) {
    t.buckets0 = array;
    t.bits0 = <u8>bits;
    return true;
  }
  t.buckets1 = array;
  t.bits1 = <u8>bits;
  t.used1 = 0;
  t.rehashIndex = 0;
  if (t.used0 == 0) finishRehash(t);
  return true;
}

/** Bits of the smallest array that holds `count` elements below its fill limit. */
function bitsFor(count: u64): i32 {
  let bits = 0;
  while (((<u64>SLOTS << bits) * FILL_NUMERATOR) >> FILL_SHIFT < count) bits++;
  return bits;
}

function expandIfNeeded(t: Table): void {
  if (t.rehashIndex >= 0 || t.paused > 0) return;
  if (t.buckets0 == 0) {
    startResize(t, 0);
    return;
  }
  const slots = <u64>SLOTS << t.bits0;
  const limit = root().resizeForbidden ? slots << 2 : (slots * FILL_NUMERATOR) >> FILL_SHIFT;
  // One bucket may fill up whole: a small collection then costs 64 bytes of table.
  if (<u64>t.used0 >= (t.bits0 == 0 ? <u64>SLOTS : limit)) startResize(t, bitsFor(<u64>t.used0 + 1));
}

/** Starts to shrink a table that is mostly empty. */
export function tableShrinkIfNeeded(t: Table): void {
  if (t.rehashIndex >= 0 || t.paused > 0 || t.bits0 == 0 || root().resizeForbidden) return;
  if (<u64>t.used0 > (<u64>SLOTS << t.bits0) >> SHRINK_SHIFT) return;
  const bits = bitsFor(<u64>t.used0 + (<u64>t.used0 >> 1));
  if (bits < <i32>t.bits0) startResize(t, bits);
}

/** Makes room for `count` elements at once. */
export function tableReserve(t: Table, count: u64): bool {
  if (t.rehashIndex >= 0) return false;
  const bits = bitsFor(count);
  if (t.buckets0 != 0 && bits <= <i32>t.bits0) return false;
  return startResize(t, bits);
}

// --- Look-up and change ---

/** Address of the slot that holds the element with this key, or 0. */
export function tableFindSlot(t: Table, hash: u64, key: usize, len: i32): usize {
  if (t.buckets0 == 0) return 0;
  const tag = tagOf(hash);
  if (t.rehashIndex >= 0) {
    tableRehash(t, 1);
    if (t.rehashIndex >= 0) {
      const slot = findInChain(t.buckets1 + (<usize>(hash & ((<u64>1 << t.bits1) - 1)) << BUCKET_BITS), tag, key, len);
      if (slot != 0) return slot;
    }
  }
  const index = <u32>(hash & ((<u64>1 << t.bits0) - 1));
  return findInChain(t.buckets0 + (<usize>index << BUCKET_BITS), tag, key, len);
}

/** The element with this key, or 0. */
export function tableFind(t: Table, hash: u64, key: usize, len: i32): usize {
  const slot = tableFindSlot(t, hash, key, len);
  return slot == 0 ? 0 : <usize>load<u32>(slot);
}

/** Adds an element whose key is not there yet; false when memory is exhausted. May grow memory. */
export function tableInsert(t: Table, hash: u64, e: usize): bool {
  if (t.rehashIndex >= 0) tableRehash(t, 1);
  else expandIfNeeded(t);
  if (t.buckets0 == 0) return false;
  if (t.rehashIndex >= 0) {
    const index = <usize>(hash & ((<u64>1 << t.bits1) - 1));
    if (!addToChain(t, t.buckets1 + (index << BUCKET_BITS), tagOf(hash), e)) return false;
    t.used1++;
    return true;
  }
  const index = <usize>(hash & ((<u64>1 << t.bits0) - 1));
  if (!addToChain(t, t.buckets0 + (index << BUCKET_BITS), tagOf(hash), e)) return false;
  t.used0++;
  return true;
}

/** Takes out the element at a slot that tableFindSlot() just returned for this hash; returns the element. */
export function tableRemoveSlot(t: Table, hash: u64, slot: usize): usize {
  const e = <usize>load<u32>(slot);
  const b = bucketOf(slot);
  const i = <u32>((slot - b - FIRST_SLOT) >> 2);
  store<u32>(b, bucketState(b) & ~(1 << i));
  let first = t.buckets0 + (<usize>(hash & ((<u64>1 << t.bits0) - 1)) << BUCKET_BITS);
  if (t.rehashIndex >= 0) {
    const second = t.buckets1 + (<usize>(hash & ((<u64>1 << t.bits1) - 1)) << BUCKET_BITS);
    if (chainHolds(second, b)) {
      t.used1--;
      first = second;
    } else {
      t.used0--;
    }
  } else {
    t.used0--;
  }
  if (bucketState(first) & CHAINED) fillHole(t, first, b, i);
  tableShrinkIfNeeded(t);
  return e;
}

function chainHolds(first: usize, b: usize): bool {
  while (first != 0) {
    if (first == b) return true;
    first = nextBucket(first);
  }
  return false;
}

/** Moves the chain's last element into the hole at (b, i), so that chains stay dense and shrink. */
function fillHole(t: Table, first: usize, b: usize, i: u32): void {
  let last = first;
  while (bucketState(last) & CHAINED) last = <usize>load<u32>(last, LAST_SLOT);
  const s = bucketState(last) & PRESENT_MASK;
  if (last != b && s != 0) {
    const from = <u32>(31 - clz<u32>(s));
    store<u8>(b + TAGS + <usize>i, load<u8>(last + TAGS + <usize>from));
    store<u32>(slotAddress(b, <i32>i), load<u32>(slotAddress(last, <i32>from)));
    store<u32>(b, bucketState(b) | (1 << i));
    store<u32>(last, bucketState(last) & ~(1 << from));
  }
  trimChain(t, first);
}

/** Takes out the element with this key and returns it, or 0. */
export function tableRemove(t: Table, hash: u64, key: usize, len: i32): usize {
  const slot = tableFindSlot(t, hash, key, len);
  return slot == 0 ? 0 : tableRemoveSlot(t, hash, slot);
}

// --- Scanning ---

function pushChain(b: usize): void {
  while (true) {
    let present = bucketState(b) & PRESENT_MASK;
    while (present != 0) {
      scratchPush(<usize>load<u32>(slotAddress(b, ctz<u32>(present))));
      present &= present - 1;
    }
    if (!(bucketState(b) & CHAINED)) return;
    b = <usize>load<u32>(b, LAST_SLOT);
  }
}

/** Reverses the bits of a cursor. */
function reverse(v: u64): u64 {
  v = ((v >> 1) & 0x5555555555555555) | ((v & 0x5555555555555555) << 1);
  v = ((v >> 2) & 0x3333333333333333) | ((v & 0x3333333333333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f0f0f0f0f) | ((v & 0x0f0f0f0f0f0f0f0f) << 4);
  return bswap<u64>(v);
}

/** The cursor behind `cursor` in reverse-binary order of an array of 2^bits. */
function nextCursor(cursor: u64, mask: u64): u64 {
  return reverse(reverse(cursor | ~mask) + 1);
}

/**
 * Appends to the scratch list the elements of the cursor's bucket (of both arrays while rehashing) and returns the
 * next cursor, 0 at the end.
 */
export function tableScan(t: Table, cursor: u64): u64 {
  if (tableSize(t) == 0) return 0;
  if (t.rehashIndex < 0) {
    const mask = (<u64>1 << t.bits0) - 1;
    pushChain(t.buckets0 + (<usize>(cursor & mask) << BUCKET_BITS));
    return nextCursor(cursor, mask);
  }
  let small = t.buckets0;
  let large = t.buckets1;
  let smallBits = <u64>t.bits0;
  let largeBits = <u64>t.bits1;
  if (smallBits > largeBits) {
    small = t.buckets1;
    large = t.buckets0;
    smallBits = <u64>t.bits1;
    largeBits = <u64>t.bits0;
  }
  const smallMask = (<u64>1 << smallBits) - 1;
  const largeMask = (<u64>1 << largeBits) - 1;
  pushChain(small + (<usize>(cursor & smallMask) << BUCKET_BITS));
  // Every bucket of the larger array that the smaller one's bucket expands to.
  do {
    pushChain(large + (<usize>(cursor & largeMask) << BUCKET_BITS));
    cursor = nextCursor(cursor, largeMask);
  } while (cursor & (smallMask ^ largeMask));
  return cursor;
}

/** Appends at least `count` elements (fewer when there are fewer) from a random place to the scratch list. */
export function tableSample(t: Table, count: i32): void {
  const size = tableSize(t);
  if (size == 0) return;
  if (<u32>count > size) count = <i32>size;
  let cursor = random64();
  const start = scratchLength();
  let empty = 0;
  while (scratchLength() - start < count && empty < 4096) {
    const before = scratchLength();
    cursor = tableScan(t, cursor);
    if (scratchLength() == before) empty++;
  }
}

/**
 * A random element: one of a sample of at least `sample`, whose size says how evenly they are distributed (24 is near
 * enough, with 1 an element of a nearly empty bucket comes too often). 0 when the table is empty.
 */
export function tableRandom(t: Table, sample: i32 = 24): usize {
  if (tableSize(t) == 0) return 0;
  let n = 0;
  // A sample gives up after many empty buckets; the next one starts elsewhere.
  while (n == 0) {
    scratchClear();
    tableSample(t, sample);
    n = scratchLength();
    if (scratchFailed() && n == 0) return 0;
  }
  return scratchAt(<i32>randomBelow(<u32>n));
}

// --- Removal of the whole, accounting ---

/** Gives every element to `drop` and frees the buckets: the table is empty afterwards. Needs no memory. */
export function tableDrain(t: Table, drop: (element: usize) => void): void {
  while (tableDrainSome(t, i32.MAX_VALUE, drop) <= 0) {
    // A table of that many elements takes another round.
  }
}

/** Empty buckets that count as one allocation when a table is freed a slice at a time. */
const EMPTY_PER_UNIT: i32 = 16;

/**
 * The same a slice at a time: gives about `budget` elements to `drop` and frees their buckets. Returns what is left of
 * the budget, more than 0 when the table is empty. Until then the table may only be given to this function again: its
 * progress is the rehash index, which stands for "draining" in a table without a second array. Needs no memory.
 */
export function tableDrainSome(t: Table, budget: i32, drop: (element: usize) => void): i32 {
  // Buckets before the rehash index have moved to the second array already.
  if (t.rehashIndex < 0) t.rehashIndex = 0;
  while (t.buckets0 != 0) {
    const count = 1 << <i32>t.bits0;
    let empty = EMPTY_PER_UNIT;
    while (t.rehashIndex < count) {
      if (budget <= 0) return 0;
      const b = t.buckets0 + (<usize>t.rehashIndex << BUCKET_BITS);
      if (bucketState(b) == 0) {
        if (--empty == 0) {
          empty = EMPTY_PER_UNIT;
          budget--;
        }
      } else {
        budget -= drainChain(t, b, drop);
      }
      t.rehashIndex++;
    }
    finishRehash(t);
    t.rehashIndex = 0;
  }
  tableFree(t);
  return budget > 0 ? budget : 1;
}

/** Empties one chain and frees its buckets but the first; returns how many elements there were. */
function drainChain(t: Table, first: usize, drop: (element: usize) => void): i32 {
  let n = 0;
  let b = first;
  while (b != 0) {
    const next = nextBucket(b);
    for (let present = bucketState(b) & PRESENT_MASK; present != 0; present &= present - 1) {
      drop(<usize>load<u32>(slotAddress(b, ctz<u32>(present))));
      n++;
    }
    if (b != first) {
      free(b);
      t.chained--;
    }
    b = next;
  }
  store<u32>(first, 0);
  t.used0 -= n;
  return n;
}

/** Frees the buckets, not the elements. The table is empty afterwards. */
export function tableFree(t: Table): void {
  freeArray(t.buckets0, <i32>t.bits0);
  freeArray(t.buckets1, <i32>t.bits1);
  const paused = t.paused;
  tableInit(t);
  t.paused = paused;
}

function freeArray(array: usize, bits: i32): void {
  if (array == 0) return;
  const count = 1 << bits;
  for (let i = 0; i < count; i++) {
    let next = nextBucket(array + (<usize>i << BUCKET_BITS));
    while (next != 0) {
      const after = nextBucket(next);
      free(next);
      next = after;
    }
  }
  free(array);
}

/** Buckets of array `which`, chains not counted. */
export function tableBuckets(t: Table, which: i32): u32 {
  if (which == 0) return t.buckets0 == 0 ? 0 : 1 << t.bits0;
  return t.buckets1 == 0 ? 0 : 1 << t.bits1;
}

/** Bytes that the table itself takes, without its elements. */
export function tableBytes(t: Table): usize {
  return (<usize>tableBuckets(t, 0) + <usize>tableBuckets(t, 1) + <usize>t.chained) << BUCKET_BITS;
}

/** Walks chain `index` of array `which` for statistics: its length in elements. */
export function tableChainLength(t: Table, which: i32, index: u32): i32 {
  let b = (which == 0 ? t.buckets0 : t.buckets1) + (<usize>index << BUCKET_BITS);
  let n = 0;
  while (b != 0) {
    n += popcnt<u32>(bucketState(b) & PRESENT_MASK);
    b = nextBucket(b);
  }
  return n;
}
