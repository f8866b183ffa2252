/**
 * Reading hashes: as pairs, as pairs with expiry times, as listpacks, and in the forms of older servers.
 *
 * Few and short pairs become a listpack as Valkey's loader decides it, all others a table. A field that is there twice
 * is damage. Fields whose time has come are kept: they go with upkeep. What readers share: read.ts.
 */
import {
  ENCODING_LISTPACK, entryEncoding, entryPointer, entrySetPointer, NO_EXPIRE, TYPE_HASH,
} from "../keyspace/entry";
import { free } from "../memory/allocator";
import { root } from "../memory/root";
import { lpAppend, lpFits, lpNew } from "../structures/listpack";
import { HASH_ADDED, hashAppend, hashConvert, hashLength, hashMakeTable, HASH_NO_MEMORY } from "../types/hash";
import { areDistinct } from "./check";
import { distinctOrNothing, entryWith, giveUp, longestText, takeCount, takeListpack, takeZiplist } from "./load";
import { Source, SOURCE_BAD, SOURCE_GOOD, SOURCE_NO_MEMORY, takeString, takeU64 } from "./source";
import { RDB_HASH_LISTPACK, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP } from "./write";
import { zipmapToListpack } from "./ziplist";

/** Room of a fresh listpack, grown as it fills. */
const FIRST_ROOM: i32 = 64;

/** Appends slots 0 and 1 to the entry's listpack; false when memory is exhausted. */
function appendPair(s: Source, e: usize): bool {
  const first = lpAppend(entryPointer(e), s.text0, s.length0);
  if (first == 0) return false;
  entrySetPointer(e, first);
  const second = lpAppend(first, s.text1, s.length1);
  if (second == 0) return false;
  entrySetPointer(e, second);
  return true;
}

/** Makes the listpack a table: when its fields differ and there is memory. */
function unpack(s: Source, e: usize, n: u64): bool {
  if (!areDistinct(s, entryPointer(e), 2)) return false;
  if (hashConvert(e, <u32>n)) return true;
  s.error = SOURCE_NO_MEMORY;
  return false;
}

/** True when the pair in slots 0 and 1 can go into the entry's listpack. */
function fitsListpack(s: Source, e: usize): bool {
  const most = root().hashMaxListpackValue;
  return s.length0 <= most && s.length1 <= most && lpFits(entryPointer(e), s.length0 + s.length1 + 32);
}

/** Reads one pair, with its expiry when `timed`, into the entry; false after an error. */
function readPair(s: Source, e: usize, n: u64, timed: bool): bool {
  if (!takeString(s, 0) || !takeString(s, 1)) return false;
  const expire = timed ? <i64>takeU64(s) : NO_EXPIRE;
  if (s.error != SOURCE_GOOD) return false;
  if (expire < NO_EXPIRE) {
    s.error = SOURCE_BAD;
    return false;
  }
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    if (fitsListpack(s, e)) {
      if (appendPair(s, e)) return true;
      s.error = SOURCE_NO_MEMORY;
      return false;
    }
    if (!unpack(s, e, n)) return false;
  }
  const did = hashAppend(e, s.text0, s.length0, s.text1, s.length1, expire);
  if (did == HASH_ADDED) return true;
  s.error = did == HASH_NO_MEMORY ? SOURCE_NO_MEMORY : SOURCE_BAD;
  return false;
}

/** Pairs of strings, with `timed` each with an expiry behind it. */
export function readHash(s: Source, key: usize, keyLen: i32, timed: bool): usize {
  const n = takeCount(s, timed ? 10 : 2);
  if (n == 0) return 0;
  const packed = !timed && n <= <u64>root().hashMaxListpackEntries;
  const lp: usize = packed ? lpNew(FIRST_ROOM) : 0;
  if (packed && lp == 0) return giveUp(s, 0, SOURCE_NO_MEMORY);
  const e = entryWith(s, key, keyLen, TYPE_HASH, ENCODING_LISTPACK, lp);
  if (e == 0) {
    free(lp);
    return 0;
  }
  if (!packed && !hashMakeTable(e, <u32>n)) return giveUp(s, e, SOURCE_NO_MEMORY);
  for (let i: u64 = 0; i < n; i++) if (!readPair(s, e, n, timed)) return giveUp(s, e, s.error);
  if (entryEncoding(e) == ENCODING_LISTPACK && !areDistinct(s, entryPointer(e), 2)) return giveUp(s, e, s.error);
  return e;
}

/** A hash as one string: a listpack, ziplist or zipmap. */
export function readPackedHash(s: Source, key: usize, keyLen: i32, type: i32): usize {
  let lp: usize = 0;
  if (type == RDB_HASH_LISTPACK) lp = takeListpack(s, 2);
  else if (type == RDB_HASH_ZIPLIST) lp = takeZiplist(s, 2);
  else if (takeString(s, 0)) lp = distinctOrNothing(s, zipmapToListpack(s, s.text0, s.length0), 2);
  if (lp == 0) return 0;
  const longest = type == RDB_HASH_ZIPMAP ? longestText(lp) : 0;
  const e = entryWith(s, key, keyLen, TYPE_HASH, ENCODING_LISTPACK, lp);
  if (e == 0) {
    free(lp);
    return 0;
  }
  const r = root();
  const fits = <i32>hashLength(e) <= r.hashMaxListpackEntries && longest <= r.hashMaxListpackValue;
  return fits || hashConvert(e, 0) ? e : giveUp(s, e, SOURCE_NO_MEMORY);
}
