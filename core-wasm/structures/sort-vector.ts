/**
 * The vector that SORT works on: copies of elements, each with what it is sorted by, and their order.
 *
 *   arena     bytes of elements and of what they are sorted by, one behind the other; may move when it grows
 *   record    >0 u32 text (offset in the arena) · u32 length · f64 score, or u32 key (offset) · u32 key length
 *   order     u32 record number a rank; as much again for merge-sort.ts
 *
 * Elements are copied because what they are sorted by is looked up under other keys meanwhile. Equal ones keep their
 * order. Costs: 24 bytes an element beside its bytes; n log n comparisons.
 * Stale: addresses in the arena, after anything that adds to it.
 */
import { compareBytes } from "../bytes/compare";
import { alloc, canAllocate, free, realloc } from "../memory/allocator";
import { mergeSort } from "./merge-sort";

@unmanaged
export class SortVector {
  arena: usize;
  length: usize;
  capacity: usize;
  records: usize;
  order: usize;
  count: i32;
  most: i32;
}

const RECORD_BITS: usize = 4;
const LENGTH: usize = 4;
const SCORE: usize = 8;
const KEY: usize = 8;
const KEY_LENGTH: usize = 12;
/** Key of a record that has none: sorts before all others. */
const NO_KEY: u32 = 0xffffffff;
const FIRST_ARENA: usize = 1024;
const ARENA_MOST: u64 = 0xf0000000;

// --- Life ---

/** Prepares for `most` elements; false (nothing allocated) when memory is exhausted. */
export function vectorInit(v: SortVector, most: i32): bool {
  v.arena = 0;
  v.length = 0;
  v.capacity = 0;
  v.count = 0;
  v.most = most;
  v.order = 0;
  v.records = 0;
  if (!canAllocate(<u64>most * 24)) return false;
  v.records = alloc(<usize>most << RECORD_BITS);
  if (v.records != 0) v.order = alloc(<usize>most << 3);
  if (v.order != 0) return true;
  free(v.records);
  return false;
}

export function vectorFree(v: SortVector): void {
  free(v.arena);
  free(v.records);
  free(v.order);
}

// --- Arena ---

/** Address of `n` bytes behind what is in the arena; 0 when memory is exhausted. May move the arena. */
export function vectorRoom(v: SortVector, n: usize): usize {
  const end = <u64>v.length + <u64>n;
  if (end > <u64>v.capacity || v.arena == 0) {
    let capacity = <u64>v.capacity + (<u64>v.capacity >> 1);
    if (capacity < end) capacity = end < <u64>FIRST_ARENA ? <u64>FIRST_ARENA : end;
    if (capacity > ARENA_MOST || !canAllocate(capacity - <u64>v.capacity)) return 0;
    const moved = realloc(v.arena, <usize>capacity);
    if (moved == 0) return 0;
    v.arena = moved;
    v.capacity = <usize>capacity;
  }
  return v.arena + v.length;
}

/** Copies bytes into the arena; their offset, or NO_KEY when memory is exhausted. */
function keep(v: SortVector, ptr: usize, len: i32): u32 {
  const at = vectorRoom(v, <usize>len);
  if (at == 0) return NO_KEY;
  memory.copy(at, ptr, <usize>len);
  const offset = <u32>v.length;
  v.length += <usize>len;
  return offset;
}

// --- Records ---

function record(v: SortVector, i: i32): usize {
  return v.records + (<usize>i << RECORD_BITS);
}

/** Adds an element, which sorts by the score 0; false when memory is exhausted. */
export function vectorAdd(v: SortVector, ptr: usize, len: i32): bool {
  const offset = keep(v, ptr, len);
  if (offset == NO_KEY) return false;
  const at = record(v, v.count);
  store<u32>(at, offset);
  store<i32>(at, len, LENGTH);
  store<f64>(at, 0, SCORE);
  store<u32>(v.order + (<usize>v.count << 2), <u32>v.count);
  v.count++;
  return true;
}

/** Address of an element's bytes. */
export function vectorText(v: SortVector, i: i32): usize {
  return v.arena + <usize>load<u32>(record(v, i));
}

export function vectorLength(v: SortVector, i: i32): i32 {
  return load<i32>(record(v, i), LENGTH);
}

/** Number of the element at a rank. */
export function vectorAt(v: SortVector, rank: i32): i32 {
  return load<i32>(v.order + (<usize>rank << 2));
}

export function vectorSetScore(v: SortVector, i: i32, score: f64): void {
  store<f64>(record(v, i), score, SCORE);
}

/** Makes the first `len` bytes of the element what it is sorted by. */
export function vectorSetOwnKey(v: SortVector, i: i32, len: i32): void {
  store<u32>(record(v, i), load<u32>(record(v, i)), KEY);
  store<i32>(record(v, i), len, KEY_LENGTH);
}

/** Sorts the element by these bytes; false when memory is exhausted. */
export function vectorSetKey(v: SortVector, i: i32, ptr: usize, len: i32): bool {
  const offset = keep(v, ptr, len);
  store<u32>(record(v, i), offset, KEY);
  store<i32>(record(v, i), len, KEY_LENGTH);
  return offset != NO_KEY;
}

/** Sorts the element before all that have a key. */
export function vectorSetNoKey(v: SortVector, i: i32): void {
  store<u32>(record(v, i), NO_KEY, KEY);
}

// --- Sorting ---

/** By score, equal ones by their bytes. */
function compareScores(v: SortVector, a: i32, b: i32): i32 {
  const x = load<f64>(record(v, a), SCORE);
  const y = load<f64>(record(v, b), SCORE);
  if (x > y) return 1;
  if (x < y) return -1;
  return compareBytes(vectorText(v, a), vectorLength(v, a), vectorText(v, b), vectorLength(v, b));
}

function compareKeys(v: SortVector, a: i32, b: i32): i32 {
  const x = record(v, a);
  const y = record(v, b);
  const p = load<u32>(x, KEY);
  const q = load<u32>(y, KEY);
  if (p == NO_KEY || q == NO_KEY) return p == q ? 0 : p == NO_KEY ? -1 : 1;
  return compareBytes(v.arena + <usize>p, load<i32>(x, KEY_LENGTH), v.arena + <usize>q, load<i32>(y, KEY_LENGTH));
}

/** What vectorSort() sorts, and how: a comparison gets nothing but two numbers of elements. */
@unmanaged
class Sorting {
  vector: SortVector;
  byKeys: bool;
  descending: bool;
}

const SORTING: usize = memory.data(16, 8);
assert(offsetof<Sorting>() <= 16);

function isBefore(b: u32, a: u32): bool {
  const s = changetype<Sorting>(SORTING);
  const order = s.byKeys ? compareKeys(s.vector, b, a) : compareScores(s.vector, b, a);
  return s.descending ? order > 0 : order < 0;
}

/** Puts all elements into order: by keys or by scores. */
export function vectorSort(v: SortVector, byKeys: bool, descending: bool): void {
  const s = changetype<Sorting>(SORTING);
  s.vector = v;
  s.byKeys = byKeys;
  s.descending = descending;
  mergeSort(v.order, v.order + (<usize>v.most << 2), v.count, isBefore);
}
