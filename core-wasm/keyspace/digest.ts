/**
 * Digests of values and of the whole dataset, as DEBUG DIGEST and DIGEST-VALUE define them: 20 bytes that are equal
 * when the data are, whatever the order of keys in the tables.
 *
 *   xor:  digest ^= sha1(data)               order of data does not matter
 *   mix:  digest = sha1(digest ^ sha1(data)) order of data matters
 *
 * A type adds its line to valueDigest(): what of its elements is mixed and what is xored. Costs several SHA-1 a key.
 */
import { sha1, SHA1_SCRATCH_END } from "../bytes/sha1";
import { keyAddress, keyLength } from "../structures/element";
import { scratchAt, scratchClear, scratchLength } from "../structures/scratch";
import { tableScan, tableSize } from "../structures/hashtable";
import { hashDigest } from "../types/hash";
import { listDigest } from "../types/list";
import { setDigest } from "../types/set";
import { streamDigest } from "../types/stream";
import { zsetDigest } from "../types/zset";
import { stringSize, stringView } from "../types/string";
import { Database } from "./database";
import { entryExpire, entryType, NO_EXPIRE, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from "./entry";

const HASH: usize = (SHA1_SCRATCH_END + 7) & ~7;
const WORD: usize = HASH + 24;
const ENTRY_DIGEST: usize = HASH + 32;
/** Where the part of page 0 that digests use ends. */
export const DIGEST_SCRATCH_END: usize = HASH + 56;
const EXPIRE_MARK: usize = memory.data<u8>([0x21, 0x21, 0x65, 0x78, 0x70, 0x69, 0x72, 0x65, 0x21, 0x21]); // !!expire!!

/** Xors the hash of some bytes into a digest. */
export function xorInto(digest: usize, ptr: usize, len: i32): void {
  sha1(ptr, len, HASH);
  for (let i: usize = 0; i < 20; i += 4) store<u32>(digest + i, load<u32>(digest + i) ^ load<u32>(HASH + i));
}

/** Mixes the hash of some bytes into a digest: the order of calls matters. */
export function mixInto(digest: usize, ptr: usize, len: i32): void {
  xorInto(digest, ptr, len);
  sha1(digest, 20, digest);
}

/** Mixes a number in as four bytes, the highest first. */
function mixNumber(digest: usize, value: u32): void {
  store<u32>(WORD, bswap<u32>(value));
  mixInto(digest, WORD, 4);
}

/** Adds an entry's type, value and whether it expires to a digest. */
export function valueDigest(e: usize, digest: usize): void {
  mixNumber(digest, entryType(e));
  switch (entryType(e)) {
    case TYPE_LIST: listDigest(e, digest); break;
    case TYPE_SET: setDigest(e, digest); break;
    case TYPE_ZSET: zsetDigest(e, digest); break;
    case TYPE_HASH: hashDigest(e, digest); break;
    case TYPE_STREAM: streamDigest(e, digest); break;
    default: mixInto(digest, stringView(e), stringSize(e));
  }
  if (entryExpire(e) != NO_EXPIRE) xorInto(digest, EXPIRE_MARK, 10);
}

/** Adds a database with all its keys to a digest. Uses the scratch list. */
export function databaseDigest(db: Database, digest: usize): void {
  if (tableSize(db.keys) == 0) return;
  mixNumber(digest, <u32>db.id);
  db.keys.paused++;
  let cursor: u64 = 0;
  do {
    scratchClear();
    cursor = tableScan(db.keys, cursor);
    for (let i = 0; i < scratchLength(); i++) {
      const e = scratchAt(i);
      memory.fill(ENTRY_DIGEST, 0, 20);
      mixInto(ENTRY_DIGEST, keyAddress(e), keyLength(e));
      valueDigest(e, ENTRY_DIGEST);
      xorInto(digest, ENTRY_DIGEST, 20);
    }
  } while (cursor != 0);
  db.keys.paused--;
}
