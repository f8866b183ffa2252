/**
 * What every type of value can do: be freed, be copied, be weighed. The one place that tells types apart by number.
 *
 * Not for commands. A type adds its line to each function here and nothing elsewhere outside its own files.
 */
import { toLower } from "../bytes/compare";
import {
  encodingUnder, entryBytes, entryEncoding, entryFreeString, entryInteger, entryNew, entryNewInteger, entryNewString,
  entryType, isInteger, stringLength, stringPtr, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET,
} from "../keyspace/entry";
import { free } from "../memory/allocator";
import { hashMemory, hashCopy, hashFreeEffort, hashFreeSome } from "./hash";
import { listMemory, listCopy, listFreeEffort, listFreeSome } from "./list";
import { setMemory, setCopy, setFreeEffort, setFreeSome } from "./set";
import { streamMemory, streamCopy, streamFreeEffort, streamFreeSome } from "./stream";
import { zsetMemory, zsetCopy, zsetFreeEffort, zsetFreeSome } from "./zset";

/** The number between hash and stream that Valkey keeps for module types, which do not exist here. */
const TYPE_MODULE: u32 = 5;

/** Frees an entry with its value, however much that is. Values that may be large: keyspace/lazyfree.ts. */
export function valueFree(e: usize): void {
  valueFreeSome(e, i32.MAX_VALUE);
}

/**
 * Frees about `budget` allocations of an entry's value, and the entry itself when all of them are gone. Returns what
 * is left of the budget: more than 0 when the entry is gone.
 */
export function valueFreeSome(e: usize, budget: i32): i32 {
  let left = budget - 1;
  switch (entryType(e)) {
    case TYPE_LIST: left = listFreeSome(e, budget); break;
    case TYPE_SET: left = setFreeSome(e, budget); break;
    case TYPE_ZSET: left = zsetFreeSome(e, budget); break;
    case TYPE_HASH: left = hashFreeSome(e, budget); break;
    case TYPE_STREAM: left = streamFreeSome(e, budget); break;
    default:
      entryFreeString(e);
      return left > 0 ? left : 1;
  }
  if (left <= 0) return left;
  free(e);
  return left;
}

/** A deep copy of the value under another key and expiry; 0 when memory is exhausted. */
export function valueCopy(e: usize, key: usize, keyLen: i32, expire: i64): usize {
  if (isInteger(e)) return entryNewInteger(key, keyLen, entryInteger(e), expire);
  const type = entryType(e);
  if (type == TYPE_STRING) {
    return entryNewString(key, keyLen, stringPtr(e), stringLength(e), encodingUnder(e, keyLen, expire), expire);
  }
  const fresh = entryNew(key, keyLen, type, entryEncoding(e), expire, -1);
  if (fresh == 0 || fillCopy(type, e, fresh)) return fresh;
  free(fresh);
  return 0;
}

function fillCopy(type: u32, e: usize, fresh: usize): bool {
  switch (type) {
    case TYPE_LIST: return listCopy(e, fresh);
    case TYPE_SET: return setCopy(e, fresh);
    case TYPE_ZSET: return zsetCopy(e, fresh);
    case TYPE_HASH: return hashCopy(e, fresh);
    default: return streamCopy(e, fresh);
  }
}

/** Bytes that the entry and its value take; `samples` elements of a nested value are weighed, 0 for all. */
export function valueBytes(e: usize, samples: i32): usize {
  const own = entryBytes(e);
  switch (entryType(e)) {
    case TYPE_LIST: return own + listMemory(e, samples);
    case TYPE_SET: return own + setMemory(e, samples);
    case TYPE_ZSET: return own + zsetMemory(e, samples);
    case TYPE_HASH: return own + hashMemory(e, samples);
    case TYPE_STREAM: return own + streamMemory(e, samples);
    default: return own;
  }
}

/** How much work freeing the value is, in allocations: what lazy freeing goes by. Costs no walk. */
export function valueFreeEffort(e: usize): u32 {
  switch (entryType(e)) {
    case TYPE_LIST: return listFreeEffort(e);
    case TYPE_SET: return setFreeEffort(e);
    case TYPE_ZSET: return zsetFreeEffort(e);
    case TYPE_HASH: return hashFreeEffort(e);
    case TYPE_STREAM: return streamFreeEffort(e);
    default: return 1;
  }
}

/** Name of the type as TYPE replies it. */
export function typeName(type: u32): string {
  switch (type) {
    case 1: return "list";
    case 2: return "set";
    case 3: return "zset";
    case 4: return "hash";
    case 6: return "stream";
    default: return "string";
  }
}

/** Name of the encoding as OBJECT ENCODING replies it. */
export function encodingName(encoding: u32): string {
  switch (encoding) {
    case 1: return "int";
    case 2: return "hashtable";
    case 6: return "intset";
    case 7: return "skiplist";
    case 8: return "embstr";
    case 9: return "quicklist";
    case 10: return "stream";
    case 11: return "listpack";
    default: return "raw";
  }
}

/** Number of the type that the bytes name, letters in any case; -1 when there is none. */
export function typeByArgument(ptr: usize, len: i32): i32 {
  for (let type: u32 = TYPE_STRING; type <= TYPE_STREAM; type++) {
    if (type != TYPE_MODULE && isTypeName(ptr, len, typeName(type))) return <i32>type;
  }
  return -1;
}

function isTypeName(ptr: usize, len: i32, name: string): bool {
  const n = name.length;
  // An argument ends at its first NUL, as in isWord().
  if (len < n || (len > n && load<u8>(ptr + <usize>n) != 0)) return false;
  for (let i = 0; i < n; i++) {
    if (toLower(load<u8>(ptr + <usize>i)) != <u32>name.charCodeAt(i)) return false;
  }
  return true;
}
