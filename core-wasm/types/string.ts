/**
 * Strings: reading and changing the value of a string entry, whatever its encoding.
 *
 * `stringView` gives the bytes of any string; an integer is written out into page 0's scratch line, so a view is void
 * after the next one. `stringEdit` gives a key a string block of its own that can be changed in place.
 *
 * Not for commands and replies: commands/string.ts.
 */
import { formatI64, parseI64 } from "../bytes/integer";

import { addEntry, Database, giveBlock, replaceEntry } from "../keyspace/database";
import {
  ENCODING_RAW, entryExpire, entryFreeString, entryInteger, entryNewInteger, entryNewString,
  entryOverwriteInline, entryPointer, entryResizeBlock, entrySetClock, entrySetEncoding, entrySetInteger, entryType, isInline, isInteger,
  NO_EXPIRE, stringEncoding, stringLength, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { clockInitial } from "../keyspace/clock";

import { root, Root, ROOT_ADDRESS } from "../memory/root";

/** Two lines of page 0, behind the allocator's heads, for integers written out as text. */
const VIEW_SPACE: usize = 8192;
const VIEW_LINE: usize = 64;
const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");

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

/** True when the bytes are a canonical 64-bit integer, which lands in root.number: such a value is kept as one. */
export function looksLikeInteger(ptr: usize, len: i32): bool {
  if (len == 0 || len > 20) return false;
  const first = load<u8>(ptr);
  if (first > 57 || (first < 48 && first != 45)) return false;
  return parseI64(ptr, len, NUMBER);
}

/** A new entry for a value, encoded as Valkey would: int, embstr or raw. 0 when memory is exhausted. */
export function newStringEntry(key: usize, keyLen: i32, value: usize, len: i32, expire: i64): usize {
  if (looksLikeInteger(value, len)) return entryNewInteger(key, keyLen, root().number, expire);
  return entryNewString(key, keyLen, value, len, stringEncoding(keyLen, len, expire != NO_EXPIRE), expire);
}

/**
 * Sets a key to a string; `old` is its entry or 0. Overwrites in place when the shape allows it. Returns false
 * (nothing changed) when memory is exhausted.
 */
export function setString(db: Database, old: usize, key: usize, keyLen: i32, value: usize, len: i32, expire: i64): bool {
  if (old != 0 && entryType(old) == TYPE_STRING && entryExpire(old) == expire) {
    if (looksLikeInteger(value, len)) {
      if (isInteger(old)) {
        entrySetInteger(old, root().number);
        entrySetClock(old, clockInitial());
        return true;
      }
    } else if (entryOverwriteInline(old, value, len, stringEncoding(keyLen, len, expire != NO_EXPIRE))) {
      entrySetClock(old, clockInitial());
      return true;
    }
  }
  const fresh = newStringEntry(key, keyLen, value, len, expire);
  if (fresh == 0) return false;
  if (old != 0 ? replaceEntry(db, old, fresh) : addEntry(db, fresh)) return true;
  entryFreeString(fresh);
  return false;
}

/** Sets a key to an integer, keeping the expiry given. False (nothing changed) when memory is exhausted. */
export function setInteger(db: Database, old: usize, key: usize, keyLen: i32, value: i64, expire: i64): bool {
  if (old != 0 && isInteger(old) && entryExpire(old) == expire) {
    entrySetInteger(old, value);
    return true;
  }
  const fresh = entryNewInteger(key, keyLen, value, expire);
  if (fresh == 0) return false;
  if (old != 0 ? replaceEntry(db, old, fresh) : addEntry(db, fresh)) return true;
  entryFreeString(fresh);
  return false;
}

/**
 * Makes the key's string one with a block of its own of `size` bytes (new bytes are zero when `zero`), so that the
 * caller may write into stringPtr(). `e` is 0 for an absent key. Returns the entry, which may have moved, or 0
 * (nothing changed) when memory is exhausted. The encoding becomes raw.
 */
export function stringEdit(db: Database, e: usize, key: usize, keyLen: i32, size: i32, greedy: bool): usize {
  if (e == 0) {
    const fresh = entryNewString(key, keyLen, 0, 0, ENCODING_RAW, NO_EXPIRE);
    if (fresh == 0) return 0;
    if (!addEntry(db, fresh)) {
      entryFreeString(fresh);
      return 0;
    }
    e = fresh;
  }
  if (isInteger(e)) {
    const view = stringView(e);
    const fresh = entryNewString(key, keyLen, view, stringSize(e), ENCODING_RAW, entryExpire(e));
    if (fresh == 0) return 0;
    if (!replaceEntry(db, e, fresh)) {
      entryFreeString(fresh);
      return 0;
    }
    e = fresh;
  }
  e = giveBlock(db, e);
  if (e == 0) return 0;
  const have = stringLength(e);
  if (size > have) {
    if (entryResizeBlock(e, size, greedy) == 0) return 0;
    memory.fill(entryPointer(e) + <usize>have, 0, <usize>(size - have));
  }
  entrySetEncoding(e, ENCODING_RAW);
  return e;
}
