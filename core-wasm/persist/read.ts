/**
 * Reading values: entries from the bytes that RDB files and DUMP payloads have for them, in every encoding that Valkey
 * 9.1 reads. The bytes may be anything: what is damaged gives no entry and an error in the source, never a value that
 * breaks a rule of its type. Encodings follow the settings as they are now.
 *
 * An entry is made under a key, without an expiry, and belongs to the caller; it is in no table yet.
 * Not for keys, expiry times or the frame around values. Lists, hashes and streams: read-list.ts, read-hash.ts,
 * read-stream.ts.
 */
import { compareBytes } from "../bytes/compare";
import { parseDouble } from "../bytes/double";
import {
  ENCODING_EMBSTR, ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, entryNewInteger, entryNewString,
  entryEncoding, entryPointer, entryReshape, entrySetEncoding, entryType, isInline, NO_EXPIRE,
  stringEncoding, stringLength, TYPE_SET, TYPE_STRING, TYPE_ZSET,
} from "../keyspace/entry";
import { free } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import { keyLength } from "../structures/element";
import { hashKey, tableFind, tableReserve } from "../structures/hashtable";
import { intsetLength, intsetValidate } from "../structures/intset";
import { lpFirst, lpIsInt, lpNext, lpText, lpTextLength, lpView, lpViewLength } from "../structures/listpack";
import { setAdd, setNew, setSize, setToTable } from "../types/set";
import { looksLikeInteger } from "../types/string";
import { valueFree } from "../types/value";
import { treeAdd, zsetMake, zsetPack, zsetUnpack } from "../types/zset-change";
import { zsetLength, zsetTable } from "../types/zset";
import { packedScore } from "../types/zset-listpack";
import { entryWith, giveUp, takeCount, takeListpack, takeZiplist } from "./load";
import { readHash, readPackedHash } from "./read-hash";
import { readList, readQuicklist, readZiplistList } from "./read-list";
import { readStream } from "./read-stream";
import {
  Damage, Source, SOURCE_BAD, sourceBad, sourceFail, SOURCE_GOOD, SOURCE_NO_MEMORY, takeBlock, takeByte, takeBytes,
  takeDouble, takeString,
} from "./source";
import {
  RDB_HASH, RDB_HASH_2, RDB_HASH_LISTPACK, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP, RDB_LIST, RDB_LIST_QUICKLIST,
  RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST, RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_STREAM, RDB_STREAM_2,
  RDB_STREAM_3, RDB_STRING, RDB_ZSET, RDB_ZSET_2,
  RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST,
} from "./write";

const REAL: usize = ROOT_ADDRESS + offsetof<Root>("real");

// First bytes of scores as text.
const SCORE_LOWEST: u32 = 255;
const SCORE_HIGHEST: u32 = 254;

/** True for the number of a type that there is. Types of modules are some, but can't be read. */
export function isRdbType(type: i32): bool {
  return (type >= 0 && type <= 7) || (type >= 9 && type <= 22);
}

/** Reads a value of an RDB type into an entry under the key; 0 after an error, which the source tells. */
export function readValue(s: Source, type: i32, key: usize, keyLen: i32): usize {
  switch (type) {
    case RDB_STRING: return readString(s, key, keyLen);
    case RDB_LIST: return readList(s, key, keyLen);
    case RDB_LIST_ZIPLIST: return readZiplistList(s, key, keyLen);
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2: return readQuicklist(s, key, keyLen, type == RDB_LIST_QUICKLIST);
    case RDB_SET: return readSet(s, key, keyLen);
    case RDB_SET_INTSET: return readIntset(s, key, keyLen);
    case RDB_SET_LISTPACK: return readPackedSet(s, key, keyLen);
    case RDB_ZSET:
    case RDB_ZSET_2: return readScores(s, key, keyLen, type == RDB_ZSET_2);
    case RDB_ZSET_LISTPACK:
    case RDB_ZSET_ZIPLIST: return readPackedScores(s, key, keyLen, type == RDB_ZSET_ZIPLIST);
    case RDB_HASH:
    case RDB_HASH_2: return readHash(s, key, keyLen, type == RDB_HASH_2);
    case RDB_HASH_LISTPACK:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_ZIPMAP: return readPackedHash(s, key, keyLen, type);
    case RDB_STREAM:
    case RDB_STREAM_2:
    case RDB_STREAM_3: return readStream(s, key, keyLen, type);
  }
  sourceBad(s);
  return 0;
}

/**
 * Gives an entry that is in no table yet an expiry. Returns the entry, which has moved, or 0 (it is freed) when memory
 * is exhausted.
 */
export function entryWithExpire(e: usize, expire: i64): usize {
  if (expire == NO_EXPIRE) return e;
  const moved = entryReshape(e, expire, !isInline(e));
  if (moved == 0) {
    valueFree(e);
  } else if (entryType(moved) == TYPE_STRING && entryEncoding(moved) == ENCODING_EMBSTR) {
    entrySetEncoding(moved, stringEncoding(keyLength(moved), stringLength(moved), true));
  }
  return moved;
}

// --- Strings ---

function readString(s: Source, key: usize, keyLen: i32): usize {
  if (!takeString(s, 0)) return 0;
  const ptr = s.text0;
  const len = s.length0;
  let e: usize;
  if (looksLikeInteger(ptr, len)) e = entryNewInteger(key, keyLen, root().number, NO_EXPIRE);
  else e = entryNewString(key, keyLen, ptr, len, stringEncoding(keyLen, len, false), NO_EXPIRE);
  if (e == 0) sourceFail(s, SOURCE_NO_MEMORY);
  return e;
}

// --- Sets ---

function readSet(s: Source, key: usize, keyLen: i32): usize {
  const n = takeCount(s, 1);
  if (n == 0) return 0;
  const encoding = n > <u64>root().setMaxIntsetEntries ? ENCODING_HASHTABLE : ENCODING_INTSET;
  const e = setNew(key, keyLen, encoding, <i32>n);
  if (e == 0) return giveUp(s, 0, SOURCE_NO_MEMORY);
  for (let i: u64 = 0; i < n; i++) {
    if (!takeString(s, 0)) return giveUp(s, e, s.error);
    const added = setAdd(e, s.text0, s.length0);
    if (added < 0) return giveUp(s, e, SOURCE_NO_MEMORY);
    if (added == 0) return giveUp(s, e, SOURCE_BAD);
  }
  return e;
}

function readIntset(s: Source, key: usize, keyLen: i32): usize {
  const block = takeBlock(s);
  if (block == 0) return 0;
  if (!intsetValidate(block, s.length0, true) || intsetLength(block) == 0) {
    free(block);
    sourceBad(s, Damage.intset);
    return 0;
  }
  const e = entryWith(s, key, keyLen, TYPE_SET, ENCODING_INTSET, block);
  if (e == 0) free(block);
  else if (setSize(e) > root().setMaxIntsetEntries && !setToTable(e, setSize(e))) {
    return giveUp(s, e, SOURCE_NO_MEMORY);
  }
  return e;
}

function readPackedSet(s: Source, key: usize, keyLen: i32): usize {
  const lp = takeListpack(s, 1);
  if (lp == 0) return 0;
  const e = entryWith(s, key, keyLen, TYPE_SET, ENCODING_LISTPACK, lp);
  if (e == 0) free(lp);
  else if (setSize(e) > root().setMaxListpackEntries && !setToTable(e, setSize(e))) {
    return giveUp(s, e, SOURCE_NO_MEMORY);
  }
  return e;
}

// --- Sorted sets ---

/** A score as text behind its length, or one of the marks; NaN after an error. */
function takeTextScore(s: Source): f64 {
  const len = takeByte(s);
  if (len == SCORE_LOWEST) return -Infinity;
  if (len == SCORE_HIGHEST) return Infinity;
  const p = takeBytes(s, <u64>len);
  return p != 0 && len < SCORE_HIGHEST - 1 && parseDouble(p, <i32>len, REAL) ? root().real : NaN;
}

function readScores(s: Source, key: usize, keyLen: i32, binary: bool): usize {
  const n = takeCount(s, 2);
  if (n == 0) return 0;
  const e = entryWith(s, key, keyLen, TYPE_ZSET, ENCODING_LISTPACK, 0);
  if (e == 0) return 0;
  if (!zsetMake(e, false)) {
    free(e);
    return giveUp(s, 0, SOURCE_NO_MEMORY);
  }
  const z = entryPointer(e);
  tableReserve(zsetTable(z), n);
  let longest = 0;
  let bytes: i64 = 0;
  for (let i: u64 = 0; i < n; i++) {
    if (!takeString(s, 0)) return giveUp(s, e, s.error);
    const score = binary ? takeDouble(s) : takeTextScore(s);
    const hash = hashKey(s.text0, s.length0);
    if (score != score) sourceBad(s, Damage.score);
    if (s.error != SOURCE_GOOD || tableFind(zsetTable(z), hash, s.text0, s.length0) != 0) {
      return giveUp(s, e, SOURCE_BAD);
    }
    if (!treeAdd(z, hash, s.text0, s.length0, score, false)) return giveUp(s, e, SOURCE_NO_MEMORY);
    if (s.length0 > longest) longest = s.length0;
    bytes += <i64>s.length0;
  }
  zsetPack(e, longest, bytes);
  return e;
}

/** True when a listpack's scores are numbers in ascending order, members of the same score in theirs. */
function areScoresInOrder(lp: usize): bool {
  let before: usize = 0;
  let last: f64 = 0;
  for (let p = lpFirst(lp); p != 0;) {
    const at = lpNext(lp, p);
    if (!lpIsInt(at) && !parseDouble(lpText(at), lpTextLength(at), REAL)) return false;
    const score = packedScore(lp, p);
    if (score != score) return false;
    if (before != 0) {
      if (score < last) return false;
      if (score == last) {
        const a = lpView(before, 0);
        const aLength = lpViewLength(before);
        const b = lpView(p, 1);
        if (compareBytes(a, aLength, b, lpViewLength(p)) >= 0) return false;
      }
    }
    before = p;
    last = score;
    p = lpNext(lp, at);
  }
  return true;
}

function readPackedScores(s: Source, key: usize, keyLen: i32, ziplist: bool): usize {
  const lp: usize = ziplist ? takeZiplist(s, 2) : takeListpack(s, 2);
  if (lp == 0) return 0;
  const e: usize = areScoresInOrder(lp) ? entryWith(s, key, keyLen, TYPE_ZSET, ENCODING_LISTPACK, lp) : 0;
  if (e == 0) {
    free(lp);
    sourceBad(s, Damage.score);
    return 0;
  }
  if (<i32>zsetLength(e) > root().zsetMaxListpackEntries && !zsetUnpack(e, zsetLength(e))) {
    return giveUp(s, e, SOURCE_NO_MEMORY);
  }
  return e;
}
