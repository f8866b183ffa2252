/**
 * Sink: where values are serialised to, a buffer that grows. The bytes are those of RDB files and DUMP payloads
 * (docs/formats/dump.md): lengths, strings (as integers and LZF where that is shorter), doubles, times.
 *
 *   Sink   >0 block · length · capacity · failed · LZF table · compress
 *
 * A sink that ran out of memory is `failed`: what is written afterwards goes nowhere, the caller asks once at the end.
 * Not for what a value consists of: write.ts. Not for replies or files: who made the sink takes its bytes.
 *
 * Costs: a string is copied once; with LZF its table of 256 KiB is had once a sink.
 */
import { parseI64 } from "../bytes/integer";
import { LZF_TABLE_SIZE, lzfCompress } from "../bytes/lzf";
import { alloc, canAllocate, free, realloc } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";

@unmanaged
export class Sink {
  block: usize;
  length: usize;
  capacity: usize;
  failed: i32; // 1: memory was exhausted
  table: usize; // scratch of lzfCompress, 0 until it is needed
  compress: i32; // strings are compressed where that saves something
}

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const FIRST_CAPACITY: usize = 512;
/** Blocks from this size on are asked for with the allocator's reserve in mind. */
const LARGE_BLOCK: usize = 32768;
/** Lengths are i32, and a reply needs a little around it. */
const MOST: u64 = 0x7fff0000;

// First byte of a length, and of what stands in a string's place (docs/formats/dump.md).
export const LENGTH_14: u32 = 0x40;
export const LENGTH_32: u32 = 0x80;
export const LENGTH_64: u32 = 0x81;
export const STRING_INT8: u32 = 0xc0;
export const STRING_INT16: u32 = 0xc1;
export const STRING_INT32: u32 = 0xc2;
export const STRING_LZF: u32 = 0xc3;

/** The longest text of an integer that is written as one. */
const INTEGER_TEXT_MOST: i32 = 11;
/** Shorter strings can't be compressed. */
const LZF_LEAST: i32 = 20;
/** Bytes that compression has to save. */
const LZF_GAIN: i32 = 4;
const LENGTH_MOST: usize = 9;

// --- Life ---

/** Empties a sink that has nothing allocated. */
export function sinkInit(s: Sink): void {
  s.block = 0;
  s.length = 0;
  s.capacity = 0;
  s.failed = 0;
  s.table = 0;
  s.compress = root().rdbCompression;
}

/** Frees what a sink has allocated. */
export function sinkFree(s: Sink): void {
  free(s.block);
  free(s.table);
  sinkInit(s);
}

/** Takes the block out of the sink, which is empty then; `length` says how much of it is written. */
export function sinkTake(s: Sink): usize {
  const block = s.block;
  s.block = 0;
  sinkFree(s);
  return block;
}

// --- Room ---

/** Where `n` bytes can be written, which the caller counts. 0 when the sink has failed. May move the block. */
function sinkRoom(s: Sink, n: usize): usize {
  const end = s.length + n;
  if (end > s.capacity && !grow(s, end)) return 0;
  return s.block + s.length;
}

function grow(s: Sink, size: usize): bool {
  if (s.failed) return false;
  let capacity = s.capacity + (s.capacity >> 1);
  if (capacity < size) capacity = size < FIRST_CAPACITY ? FIRST_CAPACITY : size;
  const isLarge = capacity > LARGE_BLOCK;
  const refused = <u64>capacity > MOST || (isLarge && !canAllocate(<u64>capacity));
  const moved: usize = refused ? 0 : realloc(s.block, capacity);
  if (moved == 0) {
    s.failed = 1;
    s.capacity = s.length;
    return false;
  }
  s.block = moved;
  s.capacity = capacity;
  return true;
}

// --- Plain bytes ---

export function putByte(s: Sink, value: u32): void {
  const p = sinkRoom(s, 1);
  if (p == 0) return;
  store<u8>(p, <u8>value);
  s.length++;
}

function putBytes(s: Sink, ptr: usize, len: i32): void {
  const p = sinkRoom(s, <usize>len);
  if (p == 0) return;
  memory.copy(p, ptr, <usize>len);
  s.length += <usize>len;
}

/** Eight bytes, the lowest first: times, checksums. */
export function putU64(s: Sink, value: u64): void {
  const p = sinkRoom(s, 8);
  if (p == 0) return;
  store<u64>(p, value);
  s.length += 8;
}

/** Sixteen bytes, each half the highest first: a stream's id as its trees have it. */
export function putId(s: Sink, ms: u64, seq: u64): void {
  const p = sinkRoom(s, 16);
  if (p == 0) return;
  store<u64>(p, bswap<u64>(ms));
  store<u64>(p, bswap<u64>(seq), 8);
  s.length += 16;
}

/** A double as its eight bytes, the lowest first. */
export function putDouble(s: Sink, value: f64): void {
  putU64(s, reinterpret<u64>(value));
}

// --- Lengths and strings ---

/** Writes a length at `p`; answers the address behind it. */
function writeLength(p: usize, n: u64): usize {
  if (n < 64) {
    store<u8>(p, <u8>n);
    return p + 1;
  }
  if (n < 16384) {
    store<u8>(p, <u8>(LENGTH_14 | <u32>(n >> 8)));
    store<u8>(p, <u8>n, 1);
    return p + 2;
  }
  if (n <= 0xffffffff) {
    store<u8>(p, <u8>LENGTH_32);
    store<u32>(p, bswap<u32>(<u32>n), 1);
    return p + 5;
  }
  store<u8>(p, <u8>LENGTH_64);
  store<u64>(p, bswap<u64>(n), 1);
  return p + 9;
}

/** A length, or any number without a sign that is small more often than not. */
export function putLength(s: Sink, n: u64): void {
  const p = sinkRoom(s, LENGTH_MOST);
  if (p != 0) s.length = writeLength(p, n) - s.block;
}

/** Writes the text's integer in 1, 2 or 4 bytes; false when it is none, or a longer one. */
function putAsInteger(s: Sink, ptr: usize, len: i32): bool {
  if (len > INTEGER_TEXT_MOST || len == 0 || !parseI64(ptr, len, NUMBER)) return false;
  const value = load<i64>(NUMBER);
  const size: usize = value == <i64><i8>value ? 1 : value == <i64><i16>value ? 2 : value == <i64><i32>value ? 4 : 0;
  if (size == 0) return false;
  const p = sinkRoom(s, 5);
  if (p == 0) return true;
  store<u8>(p, <u8>(size == 1 ? STRING_INT8 : size == 2 ? STRING_INT16 : STRING_INT32));
  store<u32>(p, <u32>value, 1);
  s.length += size + 1;
  return true;
}

/** Writes the string compressed; false when that saves too little or there is no memory for trying. */
function putCompressed(s: Sink, ptr: usize, len: i32): bool {
  if (s.table == 0) s.table = alloc(<usize>LZF_TABLE_SIZE);
  if (s.table == 0) return false;
  const head: usize = 1 + 2 * LENGTH_MOST;
  const p = sinkRoom(s, head + <usize>len);
  if (p == 0) return true;
  // The compressed bytes are written behind the longest head, then moved to where their head ends.
  const packed = lzfCompress(ptr, len, p + head, len - LZF_GAIN, s.table);
  if (packed == 0) return false;
  putBlobHead(s, packed, len);
  memory.copy(s.block + s.length, p + head, <usize>packed);
  s.length += <usize>packed;
  return true;
}

function putBlobHead(s: Sink, packed: i32, len: i32): void {
  const p = sinkRoom(s, 1 + 2 * LENGTH_MOST);
  if (p == 0) return;
  store<u8>(p, <u8>STRING_LZF);
  s.length = writeLength(writeLength(p + 1, <u64>packed), <u64>len) - s.block;
}

/** A string that is there compressed: `packed` bytes at `ptr` stand for `len`. */
export function putLzf(s: Sink, ptr: usize, packed: i32, len: i32): void {
  putBlobHead(s, packed, len);
  putBytes(s, ptr, packed);
}

/** A string: as an integer, compressed, or as it is. */
export function putString(s: Sink, ptr: usize, len: i32): void {
  if (putAsInteger(s, ptr, len)) return;
  if (s.compress && len > LZF_LEAST && putCompressed(s, ptr, len)) return;
  putLength(s, <u64>len);
  putBytes(s, ptr, len);
}
