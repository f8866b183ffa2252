/**
 * The intset: a sorted array of different integers, all as wide as the widest has ever asked for. The format, which is
 * Valkey's byte for byte, is in docs/formats/intset.md.
 *
 *   >0  u32  width of an integer in bytes: 2, 4 or 8
 *    4  u32  how many there are
 *    8  i16, i32 or i64 each, ascending
 *
 * For sets of up to some hundred integers (set-max-intset-entries); not for more, since an insertion moves what is
 * behind it. The width never shrinks again, as in Valkey.
 *
 * Invariants: integers ascend without repetition; each fits into the width.
 * Costs: a look-up is a binary search; an addition or removal moves half of the array on average.
 * Stale: the address after a call that returns one.
 */
import { alloc, canAllocate, free, realloc, roundedSize, usableSize } from "../memory/allocator";

const LENGTH: usize = 4;
const HEADER_SIZE: usize = 8;
const WIDTH_16: u32 = 2;
const WIDTH_32: u32 = 4;
const WIDTH_64: u32 = 8;
/** Growth of blocks above this is asked for with the allocator's reserve in mind. */
const LARGE_BLOCK: usize = 32768;

// --- Layout ---

function width(s: usize): u32 {
  return load<u32>(s);
}

function setLength(s: usize, n: i32): void {
  store<i32>(s, n, LENGTH);
}

function widthOf(value: i64): u32 {
  if (value >= <i64>i16.MIN_VALUE && value <= <i64>i16.MAX_VALUE) return WIDTH_16;
  return value >= <i64>i32.MIN_VALUE && value <= <i64>i32.MAX_VALUE ? WIDTH_32 : WIDTH_64;
}

function place(s: usize, i: i32, bytes: u32): usize {
  return s + HEADER_SIZE + <usize>i * <usize>bytes;
}

function read(s: usize, i: i32, bytes: u32): i64 {
  const at = place(s, i, bytes);
  if (bytes == WIDTH_16) return <i64>load<i16>(at);
  return bytes == WIDTH_32 ? <i64>load<i32>(at) : load<i64>(at);
}

function write(s: usize, i: i32, bytes: u32, value: i64): void {
  const at = place(s, i, bytes);
  if (bytes == WIDTH_16) store<i16>(at, <i16>value);
  else if (bytes == WIDTH_32) store<i32>(at, <i32>value);
  else store<i64>(at, value);
}

/** The block with room for `n` integers of a width, or 0 (the old one is untouched) when memory is exhausted. */
function withRoom(s: usize, n: i32, bytes: u32): usize {
  const size = HEADER_SIZE + <usize>n * <usize>bytes;
  if (size <= usableSize(s)) return s;
  if (size > LARGE_BLOCK && !canAllocate(<u64>size)) return 0;
  return realloc(s, size);
}

// --- Reading ---

export function intsetLength(s: usize): i32 {
  return load<i32>(s, LENGTH);
}

/** Bytes of the format, without what the block has to spare. */
export function intsetBytes(s: usize): i32 {
  return <i32>HEADER_SIZE + intsetLength(s) * <i32>width(s);
}

/** Integer number i, in ascending order from 0. */
export function intsetGet(s: usize, i: i32): i64 {
  return read(s, i, width(s));
}

/** Index of the integer; when it is absent, -1 minus the index that it would have. */
export function intsetFind(s: usize, value: i64): i32 {
  const n = intsetLength(s);
  const bytes = width(s);
  if (n == 0) return -1;
  if (value > read(s, n - 1, bytes)) return -1 - n;
  if (value < read(s, 0, bytes)) return -1;
  let low = 0;
  let high = n - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (read(s, middle, bytes) < value) low = middle + 1;
    else high = middle;
  }
  return read(s, low, bytes) == value ? low : -1 - low;
}

// --- Changing ---

/** An empty intset; 0 when memory is exhausted. */
export function intsetNew(): usize {
  const s = alloc(HEADER_SIZE);
  if (s == 0) return 0;
  store<u32>(s, WIDTH_16);
  setLength(s, 0);
  return s;
}

/** A copy in a block of the right size; 0 when memory is exhausted. */
export function intsetCopy(s: usize): usize {
  const size = <usize>intsetBytes(s);
  if (size > LARGE_BLOCK && !canAllocate(<u64>size)) return 0;
  const copy = alloc(size);
  if (copy != 0) memory.copy(copy, s, size);
  return copy;
}

/**
 * Puts an absent integer where intsetFind() said, i.e. at `index`. Returns the new address, or 0 (nothing changed) when
 * memory is exhausted.
 */
export function intsetInsert(s: usize, index: i32, value: i64): usize {
  const n = intsetLength(s);
  const wanted = widthOf(value);
  if (wanted > width(s)) return widenAndAdd(s, value, wanted);
  const bytes = width(s);
  s = withRoom(s, n + 1, bytes);
  if (s == 0) return 0;
  if (index < n) {
    memory.copy(place(s, index + 1, bytes), place(s, index, bytes), <usize>(n - index) * <usize>bytes);
  }
  write(s, index, bytes, value);
  setLength(s, n + 1);
  return s;
}

/** A value that needs more width than all others is the smallest or the largest. */
function widenAndAdd(s: usize, value: i64, bytes: u32): usize {
  const n = intsetLength(s);
  const old = width(s);
  s = withRoom(s, n + 1, bytes);
  if (s == 0) return 0;
  const shift = value < 0 ? 1 : 0;
  for (let i = n - 1; i >= 0; i--) write(s, i + shift, bytes, read(s, i, old));
  write(s, value < 0 ? 0 : n, bytes, value);
  store<u32>(s, bytes);
  setLength(s, n + 1);
  return s;
}

/** Takes integer number i out. Returns the address, which may be a new one; never fails. */
export function intsetRemoveAt(s: usize, index: i32): usize {
  const n = intsetLength(s);
  const bytes = width(s);
  if (index < n - 1) {
    memory.copy(place(s, index, bytes), place(s, index + 1, bytes), <usize>(n - index - 1) * <usize>bytes);
  }
  setLength(s, n - 1);
  return intsetShrink(s);
}

/** Gives memory back when a quarter of the block is unused. Returns the address, which may be a new one. */
function intsetShrink(s: usize): usize {
  const have = usableSize(s);
  const fitting = roundedSize(<usize>intsetBytes(s));
  if (have - fitting < have >> 2) return s;
  const moved = realloc(s, fitting);
  return moved == 0 ? s : moved;
}

/** Frees an intset; 0 is allowed. */
export function intsetFree(s: usize): void {
  free(s);
}

// --- Validation ---

/** True when the bytes are an intset that a set may hold; `deep` looks at the order of the integers as well. */
export function intsetValidate(ptr: usize, size: i32, deep: bool): bool {
  if (size < <i32>HEADER_SIZE) return false;
  const bytes = load<u32>(ptr);
  if (bytes != WIDTH_16 && bytes != WIDTH_32 && bytes != WIDTH_64) return false;
  const n = load<u32>(ptr, LENGTH);
  if (n == 0 || <u64>HEADER_SIZE + <u64>n * <u64>bytes != <u64>size) return false;
  if (!deep) return true;
  for (let i = 1; i < <i32>n; i++) if (read(ptr, i, bytes) <= read(ptr, i - 1, bytes)) return false;
  return true;
}
