/**
 * What every type of value can do: be freed, be copied, be weighed. The one place that tells types apart by number.
 *
 * Not for commands. A type adds its line to each function here and nothing elsewhere outside its own two files.
 */
import { entryBytes, entryEncoding, entryFreeString, entryInteger, entryNewInteger, entryNewString, entryType, isInteger,
  stringLength, stringPtr, TYPE_STRING } from "../keyspace/entry";

/** Frees an entry with its value. */
export function valueFree(e: usize): void {
  if (entryType(e) == TYPE_STRING) entryFreeString(e);
}

/** A deep copy of the value under another key and expiry; 0 when memory is exhausted. */
export function valueCopy(e: usize, key: usize, keyLen: i32, expire: i64): usize {
  if (isInteger(e)) return entryNewInteger(key, keyLen, entryInteger(e), expire);
  return entryNewString(key, keyLen, stringPtr(e), stringLength(e), entryEncoding(e), expire);
}

/** Bytes that the entry and its value take; `samples` elements of a nested value are weighed, 0 for all. */
export function valueBytes(e: usize, samples: i32): usize {
  return entryBytes(e);
}

/** How much work freeing the value is, in allocations: what lazy freeing goes by. */
export function valueFreeEffort(e: usize): i32 {
  return 1;
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
