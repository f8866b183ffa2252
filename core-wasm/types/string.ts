/**
 * Strings: reading and changing the value of a string entry, whatever its encoding.
 *
 * `stringView` gives the bytes of any string; an integer is written out into page 0's scratch line, so a view is void
 * after the next one. `stringEdit` gives a key a string block of its own that can be changed in place.
 *
 * Not for commands and replies: commands/string*.ts.
 */
import { equalBytes } from "../bytes/compare";
import { formatI64, parseI64 } from "../bytes/integer";
import { addEntry, Database, replaceEntry } from "../keyspace/database";
import {
  ENCODING_RAW, entryExpire, entryFreeString, entryInteger, entryNew, entryNewInteger, entryNewString,
  entryOverwriteInline, entryPointer, entryResizeBlock, entrySetEncoding, entrySetInteger, entryType, isInline,
  isInteger, NO_EXPIRE, setBlock, stringEncoding, stringLength, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { alloc, canAllocate, free } from "../memory/allocator";
import { isPinned } from "../memory/pins";
import { root, Root, ROOT_ADDRESS } from "../memory/root";

/** Three lines of page 0, behind the allocator's heads, for integers written out as text. */
const VIEW_SPACE: usize = 8192;
const VIEW_LINE: usize = 64;
const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
/** A string that grows gets as much room again, at most this much: few moves for many small appends. */
const GREED_MOST: i32 = 1 << 20;
const BLOCK_LEAST: i32 = 16;
/** Lengths are i32, and a little is kept for what stands around a string in replies. */
export const STRING_MOST: i64 = 0x7fff0000;

// --- Reading ---

/** Address of the string's bytes; `line` (0 or 1) keeps the views of two integers apart. */
export function stringView(e: usize, line: i32 = 0): usize {
  if (!isInteger(e)) return stringPtr(e);
  const at = VIEW_SPACE + VIEW_LINE * <usize>line;
  formatI64(at, entryInteger(e));
  return at;
}

/** Length of the string in bytes, of an integer its digits and sign. */
export function stringSize(e: usize): i32 {
  if (!isInteger(e)) return stringLength(e);
  return formatI64(VIEW_SPACE + VIEW_LINE * 2, entryInteger(e));
}

/** True when the string is these bytes. */
export function stringEquals(e: usize, ptr: usize, len: i32): bool {
  return stringSize(e) == len && equalBytes(stringView(e), ptr, len);
}

/** True when the bytes are a canonical 64-bit integer, which lands in root.number: such a value is kept as one. */
export function looksLikeInteger(ptr: usize, len: i32): bool {
  if (len == 0 || len > 20) return false;
  const first = load<u8>(ptr);
  if (first > 57 || (first < 48 && first != 45)) return false;
  return parseI64(ptr, len, NUMBER);
}

/** The string as a 64-bit integer, into root.number; false when it is none. */
export function stringToI64(e: usize): bool {
  if (!isInteger(e)) return parseI64(stringPtr(e), stringLength(e), NUMBER);
  root().number = entryInteger(e);
  return true;
}

// --- Setting ---

/** Adds a fresh entry, or puts it in the place of `old`; frees it and returns false when memory is exhausted. */
function putEntry(db: Database, old: usize, fresh: usize): bool {
  if (fresh == 0) return false;
  if (old != 0 ? replaceEntry(db, old, fresh) : addEntry(db, fresh)) return true;
  entryFreeString(fresh);
  return false;
}

/** True when a string with this expiry can take the place of the old value inside its entry. */
function sameShape(old: usize, expire: i64): bool {
  return old != 0 && entryType(old) == TYPE_STRING && entryExpire(old) == expire;
}

/**
 * Sets a key to a string, encoded int, embstr or raw as Valkey would; `old` is its entry or 0. Overwrites in place when
 * the shape allows it. Returns false (nothing changed) when memory is exhausted.
 */
export function setString(
  db: Database, old: usize, key: usize, keyLen: i32, value: usize, len: i32, expire: i64,
): bool {
  if (looksLikeInteger(value, len)) return setInteger(db, old, key, keyLen, root().number, expire);
  return setText(db, old, key, keyLen, value, len, expire);
}

/** Sets a key to a string that is never encoded int. False (nothing changed) when memory is exhausted. */
export function setText(db: Database, old: usize, key: usize, keyLen: i32, value: usize, len: i32, expire: i64): bool {
  // An expiry counts towards embstr's limit even when this very change takes it away.
  const timed = expire != NO_EXPIRE || (old != 0 && entryExpire(old) != NO_EXPIRE);
  const encoding = stringEncoding(keyLen, len, timed);
  if (sameShape(old, expire) && entryOverwriteInline(old, value, len, encoding)) return true;
  return putEntry(db, old, entryNewString(key, keyLen, value, len, encoding, expire));
}

/** Sets a key to an integer, keeping the expiry given. False (nothing changed) when memory is exhausted. */
export function setInteger(db: Database, old: usize, key: usize, keyLen: i32, value: i64, expire: i64): bool {
  if (sameShape(old, expire) && isInteger(old)) {
    entrySetInteger(old, value);
    return true;
  }
  return putEntry(db, old, entryNewInteger(key, keyLen, value, expire));
}

// --- Changing in place ---

/**
 * Makes the key's string a raw one with a block of its own of at least `size` bytes, so that the caller may write into
 * stringPtr(). Bytes from the old end up to `zeroEnd` become zero; those behind are the caller's to write. `greedy`
 * asks for spare room. `e` is 0 for an absent key. Returns the entry, which may have moved, or 0 (nothing changed) when
 * memory is exhausted.
 */
export function stringEdit(
  db: Database, e: usize, key: usize, keyLen: i32, size: i32, greedy: bool, zeroEnd: i32 = size,
): usize {
  const have = e != 0 ? stringSize(e) : 0;
  if (size < have) size = have;
  if (e == 0 || isInteger(e) || isInline(e)) {
    e = replaceByBlock(db, e, key, keyLen, have, size, greedy);
    if (e == 0) return 0;
  } else if (size > have || isPinned(entryPointer(e))) {
    if (!canAllocate(<u64>(size - have)) || entryResizeBlock(e, size, greedy) == 0) return 0;
  }
  if (zeroEnd > have) memory.fill(entryPointer(e) + <usize>have, 0, <usize>(zeroEnd - have));
  entrySetEncoding(e, ENCODING_RAW);
  return e;
}

/** Gives the key an entry with a block of `size` bytes that begins with the `have` bytes of its old string. */
function replaceByBlock(db: Database, e: usize, key: usize, keyLen: i32, have: i32, size: i32, greedy: bool): usize {
  let room = size < BLOCK_LEAST ? BLOCK_LEAST : size;
  if (greedy) room += room < GREED_MOST ? room : GREED_MOST;
  if (!canAllocate(<u64>room)) return 0;
  const block = alloc(<usize>room);
  if (block == 0) return 0;
  const fresh = entryNew(key, keyLen, TYPE_STRING, ENCODING_RAW, e != 0 ? entryExpire(e) : NO_EXPIRE, -1);
  if (fresh == 0) {
    free(block);
    return 0;
  }
  if (have > 0) memory.copy(block, stringView(e), <usize>have);
  setBlock(fresh, block, size);
  return putEntry(db, e, fresh) ? fresh : 0;
}
