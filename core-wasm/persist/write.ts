/**
 * Writing values: what an entry's value is in an RDB file or a DUMP payload, byte for byte as Valkey 9.1 writes it
 * (docs/formats/dump.md). Compact encodings go out as they are in memory.
 *
 * The one place that says which type number an encoding has. Not for keys, expiry times or the frame around values.
 *
 * Costs: one copy of the value; sorted sets are walked from their end, as Valkey does. Tables are held still meanwhile.
 */
import {
  ENCODING_INTSET, ENCODING_LISTPACK, entryEncoding, entryExpire, entryPointer, entryType, stringLength, stringPtr,
  TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET,
} from "../keyspace/entry";
import { keyAddress, keyLength } from "../structures/element";
import { intsetBytes } from "../structures/intset";
import { lpBytes } from "../structures/listpack";
import {
  nodeBlock, nodeBytes, nodeIsCompressed, nodeIsPlain, nodeNext, nodePackedData, nodePackedLength, Quicklist,
} from "../structures/quicklist";
import { TableWalk, walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { hashLength, hashTable } from "../types/hash";
import { timersOf } from "../types/hash-timers";
import { setSize } from "../types/set";
import { setMemberLength, setMemberPtr, setNext, setWalk, setWalkEnd } from "../types/set-walk";
import { stringSize, stringView } from "../types/string";
import { zsetLast, zsetLength, zsetMember, zsetMemberLength, zsetPlaceScore, zsetPrevious } from "../types/zset";
import { putByte, putDouble, putLength, putLzf, putString, putU64, Sink } from "./sink";
import { writeStream } from "./write-stream";

// Numbers of types in RDB files. Older ones are read, too (read.ts).
export const RDB_STRING: i32 = 0;
export const RDB_LIST: i32 = 1;
export const RDB_SET: i32 = 2;
export const RDB_ZSET: i32 = 3;
export const RDB_HASH: i32 = 4;
export const RDB_ZSET_2: i32 = 5;
export const RDB_HASH_ZIPMAP: i32 = 9;
export const RDB_LIST_ZIPLIST: i32 = 10;
export const RDB_SET_INTSET: i32 = 11;
export const RDB_ZSET_ZIPLIST: i32 = 12;
export const RDB_HASH_ZIPLIST: i32 = 13;
export const RDB_LIST_QUICKLIST: i32 = 14;
export const RDB_STREAM: i32 = 15;
export const RDB_HASH_LISTPACK: i32 = 16;
export const RDB_ZSET_LISTPACK: i32 = 17;
export const RDB_LIST_QUICKLIST_2: i32 = 18;
export const RDB_STREAM_2: i32 = 19;
export const RDB_SET_LISTPACK: i32 = 20;
export const RDB_STREAM_3: i32 = 21;
export const RDB_HASH_2: i32 = 22;

/** Kinds of node of a list. */
export const CONTAINER_PLAIN: u64 = 1;
export const CONTAINER_PACKED: u64 = 2;

const WALK: usize = memory.data(offsetof<TableWalk>(), 8);

/** The version that these numbers belong to. */
export const RDB_VERSION: u32 = 80;
/** Versions from 12 to 79 are another product's, whose types above this are not ours. */
export const FOREIGN_FIRST: u32 = 12;
export const FOREIGN_LAST: u32 = 79;
export const FOREIGN_TYPE: i32 = 22;

/** Type number of an entry's value. */
function rdbType(e: usize): i32 {
  const encoding = entryEncoding(e);
  switch (entryType(e)) {
    case TYPE_SET:
      return encoding == ENCODING_INTSET ? RDB_SET_INTSET : encoding == ENCODING_LISTPACK ? RDB_SET_LISTPACK : RDB_SET;
    case TYPE_LIST: return RDB_LIST_QUICKLIST_2;
    case TYPE_HASH:
      if (encoding == ENCODING_LISTPACK) return RDB_HASH_LISTPACK;
      return timersOf(entryPointer(e)) != 0 ? RDB_HASH_2 : RDB_HASH;
    case TYPE_ZSET: return encoding == ENCODING_LISTPACK ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
    case TYPE_STREAM: return RDB_STREAM_3;
    default: return RDB_STRING;
  }
}

/** Writes the value without its type number; root.number is overwritten. */
export function writeValue(s: Sink, e: usize): void {
  const value = entryPointer(e);
  switch (rdbType(e)) {
    case RDB_STRING: putString(s, stringView(e), stringSize(e)); break;
    case RDB_SET_INTSET: putString(s, value, intsetBytes(value)); break;
    case RDB_SET_LISTPACK:
    case RDB_HASH_LISTPACK:
    case RDB_ZSET_LISTPACK: putString(s, value, lpBytes(value)); break;
    case RDB_LIST_QUICKLIST_2: writeNodes(s, e); break;
    case RDB_SET: writeMembers(s, e); break;
    case RDB_HASH: writeFields(s, e, false); break;
    case RDB_HASH_2: writeFields(s, e, true); break;
    case RDB_ZSET_2: writeScores(s, e); break;
    case RDB_STREAM_3: writeStream(s, e); break;
  }
}

/** Writes type number and value. */
export function writeTyped(s: Sink, e: usize): void {
  putByte(s, <u32>rdbType(e));
  writeValue(s, e);
}

/** Nodes of a list as they are; a listpack is one of them. */
function writeNodes(s: Sink, e: usize): void {
  const value = entryPointer(e);
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    putLength(s, 1);
    putLength(s, CONTAINER_PACKED);
    putString(s, value, lpBytes(value));
    return;
  }
  const ql = changetype<Quicklist>(value);
  putLength(s, <u64>ql.nodes);
  for (let n = ql.head; n != 0; n = nodeNext(n)) {
    putLength(s, nodeIsPlain(n) ? CONTAINER_PLAIN : CONTAINER_PACKED);
    if (nodeIsCompressed(n)) putLzf(s, nodePackedData(n), nodePackedLength(n), nodeBytes(n));
    else putString(s, nodeBlock(n), nodeBytes(n));
  }
}

function writeMembers(s: Sink, e: usize): void {
  putLength(s, <u64>setSize(e));
  const w = setWalk(e);
  while (setNext(w)) {
    const member = setMemberPtr(w);
    putString(s, member, setMemberLength(w));
  }
  setWalkEnd(w);
}

/** Fields with their values, with `timed` when each expires: -1 for never. */
function writeFields(s: Sink, e: usize, timed: bool): void {
  putLength(s, <u64>hashLength(e));
  const w = changetype<TableWalk>(WALK);
  walkStart(w, hashTable(e));
  for (let f = walkNext(w); f != 0; f = walkNext(w)) {
    putString(s, keyAddress(f), keyLength(f));
    putString(s, stringPtr(f), stringLength(f));
    if (timed) putU64(s, <u64>entryExpire(f));
  }
  walkEnd(w);
}

/** From the highest to the lowest, so that whoever reads them always adds at the front. */
function writeScores(s: Sink, e: usize): void {
  putLength(s, <u64>zsetLength(e));
  for (let place = zsetLast(e); place != 0; place = zsetPrevious(e, place)) {
    const member = zsetMember(e, place);
    putString(s, member, zsetMemberLength(e, place));
    putDouble(s, zsetPlaceScore(e, place));
  }
}
