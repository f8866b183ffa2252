/**
 * The entry: one allocation for a key, its expiry, and its value when that is a short string.
 *
 *   >0  u32  meta    clock(24) << 8 | encoding(4) << 4 | type(4)
 *    4  u8   flags, u8 klen, u16 vlen                     (structures/element.ts draws the whole)
 *    8  i64  expire  with HAS_EXPIRE
 *    +  payload      with HAS_PAYLOAD: i64 for encoding int; else u32 address, u32 length (strings) or 0
 *    +  key bytes, and with no payload the string's bytes
 *
 * Identified by: no HAS_PAYLOAD → inline string; encoding INT → integer; type STRING → string in a block of its own;
 * other types → the payload's address is the structure.
 *
 * An entry moves when it gains or loses its expiry or payload: whoever calls such a function replaces the address in
 * the database's tables (keyspace/database.ts does). Clock: LRU stores seconds; LFU minutes << 8 | counter.
 */
import { alloc, free, realloc, roundedSize, usableSize } from "../memory/allocator";
import { freePinned, isPinned } from "../memory/pins";
import { root } from "../memory/root";
import {
  elementFlags, FLAGS, HAS_EXPIRE, HAS_PAYLOAD, HEADER_SIZE, KEY_LENGTH, keyAddress, keyLength, LONG_KEY, META,
  SHORT_KEY_MAX, VALUE_LENGTH,
} from "../structures/element";

export const TYPE_STRING: u32 = 0;
export const TYPE_LIST: u32 = 1;
export const TYPE_SET: u32 = 2;
export const TYPE_ZSET: u32 = 3;
export const TYPE_HASH: u32 = 4;
export const TYPE_STREAM: u32 = 6;

export const ENCODING_RAW: u32 = 0;
export const ENCODING_INT: u32 = 1;
export const ENCODING_HASHTABLE: u32 = 2;
export const ENCODING_INTSET: u32 = 6;
export const ENCODING_SKIPLIST: u32 = 7;
export const ENCODING_EMBSTR: u32 = 8;
export const ENCODING_QUICKLIST: u32 = 9;
export const ENCODING_STREAM: u32 = 10;
export const ENCODING_LISTPACK: u32 = 11;

/** Strings up to this size stand inline: a larger one would copy too much when its entry moves. */
export const INLINE_MAX: i32 = 512;
export const NO_EXPIRE: i64 = -1;

// --- Fields ---

export function entryType(e: usize): u32 {
  return load<u32>(e, META) & 15;
}

export function entryEncoding(e: usize): u32 {
  return (load<u32>(e, META) >> 4) & 15;
}

export function entrySetEncoding(e: usize, encoding: u32): void {
  store<u32>(e, (load<u32>(e, META) & ~<u32>0xf0) | (encoding << 4), META);
}

export function entryClock(e: usize): u32 {
  return load<u32>(e, META) >> 8;
}

export function entrySetClock(e: usize, clock: u32): void {
  store<u32>(e, (load<u32>(e, META) & 0xff) | (clock << 8), META);
}

/** Unix time in milliseconds, or NO_EXPIRE. */
export function entryExpire(e: usize): i64 {
  return elementFlags(e) & HAS_EXPIRE ? load<i64>(e, HEADER_SIZE) : NO_EXPIRE;
}

export function payloadAddress(e: usize): usize {
  return e + HEADER_SIZE + ((<usize>elementFlags(e) & 1) << 3);
}

/** Address of the structure or string block in the payload. */
export function entryPointer(e: usize): usize {
  return <usize>load<u32>(payloadAddress(e));
}

export function entrySetPointer(e: usize, address: usize): void {
  store<u32>(payloadAddress(e), <u32>address);
}

export function isInline(e: usize): bool {
  return !(elementFlags(e) & HAS_PAYLOAD);
}

// --- Strings ---

export function isInteger(e: usize): bool {
  return (load<u32>(e, META) & 0xff) == (ENCODING_INT << 4);
}

export function entryInteger(e: usize): i64 {
  return load<i64>(payloadAddress(e));
}

export function entrySetInteger(e: usize, value: i64): void {
  store<i64>(payloadAddress(e), value);
}

/** Address of a string's bytes; not for encoding int. */
export function stringPtr(e: usize): usize {
  if (elementFlags(e) & HAS_PAYLOAD) return <usize>load<u32>(payloadAddress(e));
  return keyAddress(e) + <usize>keyLength(e);
}

/** Length of a string in bytes; not for encoding int. */
export function stringLength(e: usize): i32 {
  if (elementFlags(e) & HAS_PAYLOAD) return load<i32>(payloadAddress(e), 4);
  return <i32>load<u16>(e, VALUE_LENGTH);
}

/**
 * The encoding that Valkey gives a string of this size under such a key: embstr up to 128 bytes in all. An expiry takes
 * 8 of them, unless the block was larger anyway: it has 8 bytes for the value at least.
 */
export function stringEncoding(keyLen: i32, valueLen: i32, expire: bool): u32 {
  if (valueLen > 255) return ENCODING_RAW;
  const keyBytes = keyLen + (keyLen < 32 ? 3 : keyLen < 256 ? 5 : keyLen < 65536 ? 7 : 11);
  const size = 8 + keyBytes + valueLen + 4;
  if (size > 128) return ENCODING_RAW;
  return !expire || size + 8 <= 128 || 8 + keyBytes + 8 > 128 ? ENCODING_EMBSTR : ENCODING_RAW;
}

// --- Making and freeing ---

function entrySize(keyLen: i32, expire: bool, payload: bool, inlineLen: i32): usize {
  return HEADER_SIZE + (expire ? 8 : 0) + (payload ? 8 : 0) + (keyLen > SHORT_KEY_MAX ? 4 : 0) + <usize>keyLen +
    <usize>inlineLen;
}

/**
 * A new entry with its key written and its value not: the payload is zero, inline bytes are undefined.
 * `inlineLen` < 0 asks for a payload. Returns 0 when memory is exhausted.
 */
export function entryNew(key: usize, keyLen: i32, type: u32, encoding: u32, expire: i64, inlineLen: i32): usize {
  const payload = inlineLen < 0;
  const timed = expire != NO_EXPIRE;
  const e = alloc(entrySize(keyLen, timed, payload, payload ? 0 : inlineLen));
  if (e == 0) return 0;
  const long = keyLen > SHORT_KEY_MAX;
  const flags = (timed ? HAS_EXPIRE : 0) | (payload ? HAS_PAYLOAD : 0) | (long ? LONG_KEY : 0);
  store<u32>(e, (encoding << 4) | type, META);
  store<u8>(e, <u8>flags, FLAGS);
  store<u8>(e, <u8>(long ? 0 : keyLen), KEY_LENGTH);
  store<u16>(e, <u16>(payload ? 0 : inlineLen), VALUE_LENGTH);
  if (timed) store<i64>(e, expire, HEADER_SIZE);
  const p = e + HEADER_SIZE + (timed ? 8 : 0);
  if (payload) store<i64>(p, 0);
  if (long) store<i32>(p + (payload ? 8 : 0), keyLen);
  memory.copy(keyAddress(e), key, <usize>keyLen);
  return e;
}

/** A new string entry holding a copy of the bytes. Returns 0 when memory is exhausted. */
export function entryNewString(key: usize, keyLen: i32, value: usize, len: i32, encoding: u32, expire: i64): usize {
  if (len <= INLINE_MAX) {
    const e = entryNew(key, keyLen, TYPE_STRING, encoding, expire, len);
    if (e != 0) memory.copy(stringPtr(e), value, <usize>len);
    return e;
  }
  // The argument's own block becomes the value's, when it has one: a large value is then never copied.
  const adopts = value != 0 && value == root().adoptable;
  const block = adopts ? value : alloc(<usize>len);
  if (block == 0) return 0;
  const e = entryNew(key, keyLen, TYPE_STRING, encoding, expire, -1);
  if (e == 0) {
    if (!adopts) free(block);
    return 0;
  }
  if (!adopts) memory.copy(block, value, <usize>len);
  setBlock(e, adopts ? adoptBlock(block, len) : block, len);
  return e;
}

/** A new entry of encoding int. Returns 0 when memory is exhausted. */
export function entryNewInteger(key: usize, keyLen: i32, value: i64, expire: i64): usize {
  const e = entryNew(key, keyLen, TYPE_STRING, ENCODING_INT, expire, -1);
  if (e != 0) entrySetInteger(e, value);
  return e;
}

/**
 * Takes the adoptable block over. What it is too long by is given back when that is an eighth or more: a page less
 * would leave holes that the next argument of the same size does not fit into.
 */
export function adoptBlock(block: usize, len: i32): usize {
  root().adoptable = 0;
  const size = usableSize(block);
  if (size - <usize>len < size >> 3) return block;
  const shrunk = realloc(block, <usize>len);
  return shrunk == 0 ? block : shrunk;
}

/** Makes a block of the caller's, holding `len` bytes, the value of an entry with a payload. */
export function setBlock(e: usize, block: usize, len: i32): void {
  const p = payloadAddress(e);
  store<u32>(p, <u32>block);
  store<i32>(p, len, 4);
}

/** Frees the entry and, for a string, its block. Values of other types are freed by types/value.ts. */
export function entryFreeString(e: usize): void {
  if (elementFlags(e) & HAS_PAYLOAD && entryEncoding(e) != ENCODING_INT) freePinned(entryPointer(e));
  free(e);
}

// --- Changing in place ---

/**
 * Overwrites a string's value where it stands, when entry size and encoding allow it; false when a new entry is
 * needed. The expiry stays as it is.
 */
export function entryOverwriteInline(e: usize, value: usize, len: i32, encoding: u32): bool {
  if (!isInline(e) || len > INLINE_MAX) return false;
  const start = keyAddress(e) + <usize>keyLength(e);
  const size = start - e;
  const have = size + <usize>load<u16>(e, VALUE_LENGTH);
  const want = size + <usize>len;
  if (want != have && roundedSize(want) != roundedSize(have)) return false;
  memory.copy(start, value, <usize>len);
  store<u16>(e, <u16>len, VALUE_LENGTH);
  entrySetEncoding(e, encoding);
  return true;
}

/**
 * A copy of the entry with another expiry or payload shape; the old one is freed without its value. A payload is
 * taken along. `payload` true turns an inline string into one with a block. Returns 0, nothing changed, when memory
 * is exhausted.
 */
export function entryReshape(e: usize, expire: i64, payload: bool): usize {
  const inlineLen = isInline(e) ? <i32>load<u16>(e, VALUE_LENGTH) : -1;
  let block: usize = 0;
  if (payload && inlineLen >= 0) {
    block = alloc(inlineLen > 16 ? <usize>inlineLen : 16);
    if (block == 0) return 0;
  }
  const keepInline = !payload && inlineLen >= 0;
  const moved = entryNew(keyAddress(e), keyLength(e), 0, 0, expire, keepInline ? inlineLen : -1);
  if (moved == 0) {
    free(block);
    return 0;
  }
  store<u32>(moved, load<u32>(e, META), META);
  if (block != 0) {
    memory.copy(block, stringPtr(e), <usize>inlineLen);
    setBlock(moved, block, inlineLen);
  } else if (inlineLen >= 0) {
    memory.copy(stringPtr(moved), stringPtr(e), <usize>inlineLen);
  } else {
    store<i64>(payloadAddress(moved), load<i64>(payloadAddress(e)));
  }
  free(e);
  return moved;
}

/**
 * A shallow copy of the entry under another key: type, encoding, clock and expiry are the same, an inline string is
 * copied, a payload is shared. Whichever of the two goes is freed without its value. 0 when memory is exhausted.
 */
export function entryRekey(e: usize, key: usize, keyLen: i32): usize {
  const inlineLen = isInline(e) ? <i32>load<u16>(e, VALUE_LENGTH) : -1;
  const fresh = entryNew(key, keyLen, 0, 0, entryExpire(e), inlineLen);
  if (fresh == 0) return 0;
  store<u32>(fresh, load<u32>(e, META), META);
  if (inlineLen >= 0) memory.copy(stringPtr(fresh), stringPtr(e), <usize>inlineLen);
  else store<i64>(payloadAddress(fresh), load<i64>(payloadAddress(e)));
  if (entryType(e) == TYPE_STRING) entrySetEncoding(fresh, encodingUnder(e, keyLen, entryExpire(e)));
  return fresh;
}

/** Encoding that a string has once it stands under a key of this length: an embstr may have to become raw. */
export function encodingUnder(e: usize, keyLen: i32, expire: i64): u32 {
  const encoding = entryEncoding(e);
  if (encoding != ENCODING_EMBSTR) return encoding;
  return stringEncoding(keyLen, stringLength(e), expire != NO_EXPIRE);
}

/** Changes the expiry of an entry that has one. */
export function entrySetExpireInPlace(e: usize, expire: i64): void {
  store<i64>(e, expire, HEADER_SIZE);
}

/**
 * Gives a string block room for `len` bytes, growing generously as Valkey's strings do, and sets its length. The
 * entry must have a block. Returns the block, or 0 (nothing changed) when memory is exhausted.
 */
export function entryResizeBlock(e: usize, len: i32, greedy: bool): usize {
  let block = entryPointer(e);
  if (isPinned(block)) {
    const copy = alloc(<usize>len);
    if (copy == 0) return 0;
    const have = load<i32>(payloadAddress(e), 4);
    memory.copy(copy, block, <usize>(have < len ? have : len));
    freePinned(block);
    block = copy;
  }
  if (<usize>len > usableSize(block)) {
    let want = <usize>len;
    if (greedy) want += want < (1 << 20) ? want : 1 << 20;
    let moved = realloc(block, want);
    if (moved == 0 && greedy) moved = realloc(block, <usize>len);
    if (moved == 0) return 0;
    block = moved;
  }
  setBlock(e, block, len);
  return block;
}

/** Bytes that the entry and a string's block take. */
export function entryBytes(e: usize): usize {
  let bytes = usableSize(e);
  if (entryType(e) == TYPE_STRING && elementFlags(e) & HAS_PAYLOAD && entryEncoding(e) != ENCODING_INT) {
    bytes += usableSize(entryPointer(e));
  }
  return bytes;
}
