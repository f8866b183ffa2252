/**
 * What DEBUG needs to see or do inside the core. The host parses its arguments and writes its replies.
 *
 * Nothing here counts hits, touches a clock or expires a key: a look must not change what is looked at.
 */
import { formatU64 } from "../bytes/integer";
import { entryFrequency, entryIdleSeconds, isLfu } from "../keyspace/clock";
import { database, peek } from "../keyspace/database";
import { DIGEST_SCRATCH_END, databaseDigest, valueDigest } from "../keyspace/digest";
import {
  ENCODING_QUICKLIST, entryClock, entryEncoding, entryPointer, entryType, isInline, isInteger, NO_EXPIRE, TYPE_STRING,
} from "../keyspace/entry";
import { alloc, allocSpared, free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { Sink, sinkFree, sinkInit } from "../persist/sink";
import { writeValue } from "../persist/write";
import { hashKey, tableFind, tableReserve } from "../structures/hashtable";
import { keyLength } from "../structures/element";
import { nodeBytes, nodeNext, Quicklist } from "../structures/quicklist";
import { setText, stringSize } from "../types/string";

/** What entryFacts() tells. */
// @layout
@unmanaged
export class EntryFacts {
  address: usize;
  type: u32;
  encoding: u32;
  clock: u32;
  idleSeconds: u32;
  frequency: u32;
  keyLength: i32;
  valueLength: i32; // of a string in bytes, 0 of other types
  entryBytes: u32; // size of the entry's block
  valueBytes: u32; // size of a string's own block, 0 when it stands in the entry
  serializedLength: u32; // in a dump
  listNodes: u32; // of a quicklist; the fields below too
  listElements: u32;
  listFill: i32;
  listDepth: i32;
  listBytes: u32; // of its nodes when nothing is compressed
}

const FACTS: usize = (DIGEST_SCRATCH_END + 7) & ~7;
const DIGEST: usize = FACTS + 96;
/** A generated key or value ends with at most this many digits. */
const DIGITS_MAX: usize = 24;

function find(db: i32, key: usize, len: i32): usize {
  return tableFind(database(db).keys, hashKey(key, len), key, len);
}

/** Looks at a key without a trace; address of an EntryFacts, or 0 when the key is absent. */
export function entryFacts(db: i32, key: usize, len: i32): usize {
  const e = find(db, key, len);
  if (e == 0) return 0;
  const f = changetype<EntryFacts>(FACTS);
  const isString = entryType(e) == TYPE_STRING;
  f.address = e;
  f.type = entryType(e);
  f.encoding = entryEncoding(e);
  f.clock = entryClock(e);
  // Asking for the other kind of clock than the policy's would change the entry's.
  f.idleSeconds = isLfu() ? 0 : entryIdleSeconds(e);
  f.frequency = isLfu() ? entryFrequency(e) : 0;
  f.keyLength = keyLength(e);
  f.valueLength = isString ? stringSize(e) : 0;
  f.entryBytes = <u32>usableSize(e);
  f.valueBytes = isString && !isInline(e) && !isInteger(e) ? <u32>usableSize(entryPointer(e)) : 0;
  f.serializedLength = dumpedLength(e);
  if (f.encoding == ENCODING_QUICKLIST) quicklistFacts(f, changetype<Quicklist>(entryPointer(e)));
  return FACTS;
}

function quicklistFacts(f: EntryFacts, ql: Quicklist): void {
  f.listNodes = ql.nodes;
  f.listElements = ql.count;
  f.listFill = ql.fill;
  f.listDepth = ql.depth;
  f.listBytes = 0;
  for (let n = ql.head; n != 0; n = nodeNext(n)) f.listBytes += <u32>nodeBytes(n);
}

// --- Length in a dump ---

const SINK: usize = memory.data(offsetof<Sink>(), 8);

/** Bytes that the value takes in a dump, its frame not counted; 0 when memory is exhausted. */
function dumpedLength(e: usize): u32 {
  const s = changetype<Sink>(SINK);
  sinkInit(s);
  writeValue(s, e);
  const length = s.failed ? 0 : <u32>s.length;
  sinkFree(s);
  return length;
}

// --- Digests ---

/** Address of the 20 bytes that tell the whole dataset from others. */
export function datasetDigest(): usize {
  memory.fill(DIGEST, 0, 20);
  for (let i = 0; i < root().databaseCount; i++) databaseDigest(database(i), DIGEST);
  return DIGEST;
}

/** Address of the 20 bytes of one key's value; all zero when it is absent. */
export function keyDigest(db: i32, key: usize, len: i32): usize {
  memory.fill(DIGEST, 0, 20);
  const e = find(db, key, len);
  if (e != 0) valueDigest(e, DIGEST);
  return DIGEST;
}

// --- POPULATE ---

/**
 * Adds strings under `prefix`:n for n in [from, to), each "value:n", cut or filled with zeros to `size` bytes when
 * that is not 0. Keys that exist stay. Returns 0 when memory is exhausted. (g)
 */
export function populate(db: i32, from: u32, to: u32, prefix: usize, prefixLen: i32, size: i32): i32 {
  const d = database(db);
  const room: usize = size > 64 ? <usize>size : 64;
  const key = alloc(<usize>prefixLen + DIGITS_MAX);
  const value = allocSpared(<u64>room);
  let ok = key != 0 && value != 0;
  if (ok) {
    tableReserve(d.keys, <u64>to);
    memory.copy(key, prefix, <usize>prefixLen);
    store<u8>(key + <usize>prefixLen, 0x3a);
  }
  for (let n = from; ok && n < to; n++) {
    const keyLen = prefixLen + 1 + formatU64(key + <usize>prefixLen + 1, <u64>n);
    if (peek(d, key, keyLen) != 0) continue;
    memory.fill(value, 0, room);
    store<u64>(value, 0x3a65756c6176); // value:
    let len = 6 + formatU64(value + 6, <u64>n);
    if (size != 0) {
      if (size < len) memory.fill(value + <usize>size, 0, <usize>(len - size));
      len = size;
    }
    ok = setText(d, 0, key, keyLen, value, len, NO_EXPIRE);
  }
  free(key);
  free(value);
  return ok ? 1 : 0;
}
