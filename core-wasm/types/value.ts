/**
 * What every type of value can do: be freed, be copied, be weighed. The one place that tells types apart by number.
 *
 * Not for commands. A type adds its line to each function here and nothing elsewhere outside its own two files.
 */
import { toLower } from "../bytes/compare";
import { encodingUnder, entryBytes, entryFreeString, entryInteger, entryNewInteger, entryNewString, entryType,
  isInteger, stringLength, stringPtr, TYPE_STREAM, TYPE_STRING } from "../keyspace/entry";

/** The number between hash and stream that Valkey keeps for module types, which do not exist here. */
const TYPE_MODULE: u32 = 5;

/** Frees an entry with its value. */
export function valueFree(e: usize): void {
  if (entryType(e) == TYPE_STRING) entryFreeString(e);
}

/** A deep copy of the value under another key and expiry; 0 when memory is exhausted. */
export function valueCopy(e: usize, key: usize, keyLen: i32, expire: i64): usize {
  if (isInteger(e)) return entryNewInteger(key, keyLen, entryInteger(e), expire);
  return entryNewString(key, keyLen, stringPtr(e), stringLength(e), encodingUnder(e, keyLen, expire), expire);
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
