/**
 * Source: where serialised values are read from: bytes that may be anything. No reader reads outside them, whatever
 * they say, and none allocates more than they can stand for.
 *
 *   Source   >0 at · end · error · two slots of (address, length, block)
 *
 * The first thing that is wrong sets `error`; readers then answer 0, and callers ask at the end of each step. A string
 * is read into slot 0 or 1: its bytes stand in the source itself, or in a block of the slot's when they were compressed
 * or written as an integer; they are void after the next read into the same slot.
 *
 * Not for what a value consists of: read.ts.
 */
import { formatI64 } from "../bytes/integer";
import { lzfDecompress } from "../bytes/lzf";
import { alloc, canAllocate, free, realloc } from "../memory/allocator";
import { LENGTH_14, LENGTH_32, LENGTH_64, STRING_INT16, STRING_INT32, STRING_INT8, STRING_LZF } from "./sink";

@unmanaged
export class Source {
  at: usize;
  end: usize;
  error: i32;
  damage: Damage; // what was found first
  text0: usize;
  length0: i32;
  block0: usize;
  room0: usize;
  text1: usize;
  length1: i32;
  block1: usize;
  room1: usize;
}

/** What can be wrong with a value, for the log. */
// @layout
export const enum Damage {
  none = 0,
  other = 1,
  listpack = 2,
  ziplist = 3,
  zipmap = 4,
  intset = 5,
  quicklist = 6,
  streamNode = 7,
  score = 8,
  consumer = 9,
  pending = 10,
}

export const SOURCE_GOOD: i32 = 0;
export const SOURCE_BAD: i32 = 1; // the bytes are damaged
export const SOURCE_NO_MEMORY: i32 = 2;

/** What a length that can't be read answers; no length is that. */
export const NO_LENGTH: u64 = 0xffffffffffffffff;
/** An LZF code of three bytes stands for at most 264. */
const LZF_FACTOR: u64 = 264;
const LENGTH_MOST: u64 = 0x7fff0000;
const INTEGER_ROOM: usize = 24;
const LARGE_BLOCK: usize = 32768;

// --- Life ---

/** Starts reading `len` bytes. */
export function sourceInit(s: Source, ptr: usize, len: i32): void {
  s.at = ptr;
  s.end = ptr + <usize>len;
  s.error = SOURCE_GOOD;
  s.damage = Damage.none;
  s.block0 = 0;
  s.room0 = 0;
  s.block1 = 0;
  s.room1 = 0;
}

/** Frees the slots. */
export function sourceFree(s: Source): void {
  free(s.block0);
  free(s.block1);
  s.block0 = 0;
  s.block1 = 0;
}

/** Notes that something is wrong; the first reason stays. Answers false, so that readers can return it. */
export function sourceFail(s: Source, error: i32): bool {
  if (s.error == SOURCE_GOOD) s.error = error;
  return false;
}

/** Notes that the bytes are damaged, and how: the first note stays. Answers false. */
export function sourceBad(s: Source, damage: Damage = Damage.other): bool {
  if (s.damage == Damage.none) s.damage = damage;
  return sourceFail(s, SOURCE_BAD);
}

// --- Plain bytes ---

/** Address of the next `n` bytes, which are then behind; 0 when there are not so many. */
export function takeBytes(s: Source, n: u64): usize {
  if (s.error != SOURCE_GOOD || n > <u64>(s.end - s.at)) {
    sourceBad(s);
    return 0;
  }
  const p = s.at;
  s.at += <usize>n;
  return p;
}

export function takeByte(s: Source): u32 {
  const p = takeBytes(s, 1);
  return p == 0 ? 0 : <u32>load<u8>(p);
}

/** Eight bytes, the lowest first. */
export function takeU64(s: Source): u64 {
  const p = takeBytes(s, 8);
  return p == 0 ? 0 : load<u64>(p);
}

export function takeDouble(s: Source): f64 {
  return reinterpret<f64>(takeU64(s));
}

// --- Lengths ---

/**
 * The length whose first byte is `first`, or NO_LENGTH after an error. Where no string is expected, as for a number of
 * elements, the marks of special strings count as their lower six bits: so reads Valkey.
 */
function lengthAfter(s: Source, first: u32): u64 {
  if (s.error != SOURCE_GOOD) return NO_LENGTH;
  if (first < LENGTH_14 || first >= STRING_INT8) return <u64>(first & 63);
  const size: u64 = first < LENGTH_32 ? 1 : first == LENGTH_32 ? 4 : 8;
  if (first > LENGTH_64) {
    sourceBad(s);
    return NO_LENGTH;
  }
  const p = takeBytes(s, size);
  if (p == 0) return NO_LENGTH;
  if (size == 1) return <u64>(((first & 63) << 8) | <u32>load<u8>(p));
  if (size == 4) return <u64>bswap<u32>(load<u32>(p));
  return bswap<u64>(load<u64>(p));
}

/** A number as putLength() writes it; NO_LENGTH, and an error, when there is none. */
export function takeLength(s: Source): u64 {
  const n = lengthAfter(s, takeByte(s));
  if (n == NO_LENGTH) sourceBad(s);
  return n;
}

/** A number that may be NO_LENGTH: -1 as an unsigned one. Only the end of the bytes is an error. */
export function takeNumber(s: Source): u64 {
  return lengthAfter(s, takeByte(s));
}

// --- Strings ---

/** The integer that mark `first` of a string announces. */
function takeInteger(s: Source, first: u32): i64 {
  const p = takeBytes(s, first == STRING_INT8 ? 1 : first == STRING_INT16 ? 2 : 4);
  if (p == 0) return 0;
  return first == STRING_INT8 ? <i64>load<i8>(p) : first == STRING_INT16 ? <i64>load<i16>(p) : <i64>load<i32>(p);
}

/** Large blocks are asked for with the allocator's reserve in mind. */
function isAffordable(n: usize): bool {
  return n < LARGE_BLOCK || canAllocate(<u64>n);
}

/** Gives a slot's block room for `n` bytes; 0 when memory is exhausted. */
function slotRoom(s: Source, slot: i32, n: usize): usize {
  const block = slot == 0 ? s.block0 : s.block1;
  if (n <= (slot == 0 ? s.room0 : s.room1)) return block;
  const moved: usize = isAffordable(n) ? realloc(block, n) : 0;
  if (moved == 0) {
    sourceFail(s, SOURCE_NO_MEMORY);
    return 0;
  }
  if (slot == 0) {
    s.block0 = moved;
    s.room0 = n;
  } else {
    s.block1 = moved;
    s.room1 = n;
  }
  return moved;
}

function setSlot(s: Source, slot: i32, text: usize, length: i32): bool {
  if (slot == 0) {
    s.text0 = text;
    s.length0 = length;
  } else {
    s.text1 = text;
    s.length1 = length;
  }
  return true;
}

/** Address of the `packed` compressed bytes of a string whose length lands in `lengthPtr`; 0 after an error. */
function takePacked(s: Source, headPtr: usize): usize {
  const packed = takeLength(s);
  const length = takeLength(s);
  if (s.error != SOURCE_GOOD) return 0;
  const p = takeBytes(s, packed);
  if (p == 0) return 0;
  if (length > packed * LZF_FACTOR || length > LENGTH_MOST || packed > LENGTH_MOST) {
    sourceBad(s);
    return 0;
  }
  store<i32>(headPtr, <i32>packed);
  store<i32>(headPtr, <i32>length, 4);
  return p;
}

/** Two lengths of a compressed string: packed and unpacked. */
const HEAD: usize = memory.data(8, 8);

/** Reads a string into slot 0 or 1; false after an error. */
export function takeString(s: Source, slot: i32): bool {
  const first = takeByte(s);
  if (s.error != SOURCE_GOOD) return false;
  if (first < STRING_INT8) {
    const n = lengthAfter(s, first);
    if (n > LENGTH_MOST) return sourceBad(s);
    const p = takeBytes(s, n);
    return p != 0 && setSlot(s, slot, p, <i32>n);
  }
  if (first <= STRING_INT32) {
    const value = takeInteger(s, first);
    const line = slotRoom(s, slot, INTEGER_ROOM);
    return line != 0 && s.error == SOURCE_GOOD && setSlot(s, slot, line, formatI64(line, value));
  }
  if (first != STRING_LZF) return sourceBad(s);
  const packed = takePacked(s, HEAD);
  if (packed == 0) return false;
  const length = load<i32>(HEAD, 4);
  const block = slotRoom(s, slot, <usize>length + 1);
  if (block == 0) return false;
  if (lzfDecompress(packed, load<i32>(HEAD), block, length) != length) return sourceBad(s);
  return setSlot(s, slot, block, length);
}

/**
 * Reads a string as a block of the caller's, whose length lands in length0; 0 after an error. Behind the bytes there is
 * room for `slack` more.
 */
export function takeBlock(s: Source, slack: usize = 0): usize {
  const first = s.at < s.end ? <u32>load<u8>(s.at) : 0;
  if (s.error == SOURCE_GOOD && first == STRING_LZF) {
    s.at++;
    const packed = takePacked(s, HEAD);
    if (packed == 0) return 0;
    const length = load<i32>(HEAD, 4);
    const block = newBlock(s, length, slack);
    if (block == 0) return 0;
    s.length0 = length;
    if (lzfDecompress(packed, load<i32>(HEAD), block, length) == length) return block;
    free(block);
    sourceBad(s);
    return 0;
  }
  if (!takeString(s, 0)) return 0;
  const block = newBlock(s, s.length0, slack);
  if (block != 0) memory.copy(block, s.text0, <usize>s.length0);
  return block;
}

function newBlock(s: Source, length: i32, slack: usize): usize {
  const block: usize = isAffordable(<usize>length) ? alloc(<usize>length + slack) : 0;
  if (block == 0) sourceFail(s, SOURCE_NO_MEMORY);
  return block;
}
