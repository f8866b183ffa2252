/**
 * Look-ahead over a pipeline: the next commands of the input are parsed, their keys hashed and the memory that they
 * will look at is touched before the first one runs.
 *
 * With a million keys a look-up waits for two lines from main memory (the bucket, the entry). Run one after the other,
 * commands wait for each line in turn; touched together, the processor fetches them at once. Measured with 16 GETs
 * a read over 1 M random keys: 0.45 µs a command without, 0.17 with. One command alone skips all of it.
 *
 *   place i, 32 bytes at PLACES + i * 32
 *    0 u32 start, 4 u32 end     offsets of the command from the buffer's base
 *    8 u32 argv, 12 i32 argc    its slice of the shared argument vector
 *   16 i32 id, 20 u32 bucket    0: no key to touch
 *   24 u64 hash                 of the first key
 *
 * Touching is a hint only: commands run exactly as if it had not happened. The hash is kept in root.cachedHash while
 * its command runs, and hashKey() takes it from there.
 */
import { CMD_CONTAINER, commandFirstKey, commandFlags } from "../generated/commands";
import { ENCODING_HASHTABLE, entryEncoding, entryPointer, entryType, TYPE_HASH, TYPE_SET } from "../keyspace/entry";
import { argLen, argPtr, root } from "../memory/root";
import { hashKey, Table, tableBucketFor, tableCandidate } from "../structures/hashtable";
import { Client, clientDb } from "./client";
import { parseFast } from "./parser";
import { isQuick, resolveCommand } from "./process";

const PLACES: usize = 12288;
const PLACE_BITS: usize = 5;
const PLACE_SIZE: usize = 32;
/** With 64 commands a read, 32 at a time take 150 ns each, 16 at a time 160. They end at 13312. */
const PLACES_MAX: i32 = 32;
export const START: usize = 0;
export const END: usize = 4;
export const ARGV: usize = 8;
export const ARGC: usize = 12;
export const ID: usize = 16;
const BUCKET: usize = 20;
const HASH: usize = 24;
/** The entries that the keys at PLACES, or at KEY_PLACES, probably have: u32 each, 0: none. They end at 16512. */
const CANDIDATES: usize = 16384;
/** The type in an entry's first word. */
const TYPE_MASK: u32 = 15;

export function placeOf(i: i32): usize {
  return PLACES + (<usize>i << PLACE_BITS);
}

/**
 * Parses up to PLACES_MAX whole commands at c.position and finds their ids. The first command that ends its slice ends
 * the batch: what is behind it would be parsed once more, and of a pipeline of such commands all but the first again
 * and again. Returns how many; 0: the next one needs the slow parser.
 */
export function batchParse(c: Client, base: usize, end: usize): i32 {
  const r = root();
  let p = base + <usize>c.position;
  let slot = r.sharedArgv;
  let n = 0;
  let id = 0;
  let lastName: u64 = 0;
  let lastLen = -1;
  while (n < PLACES_MAX && p < end && load<u8>(p) == 0x2a) {
    const after = parseFast(r, p, end, slot);
    if (after == 0) break;
    const at = placeOf(n);
    store<u32>(at, <u32>(p - base), START);
    store<u32>(at, <u32>(after - base), END);
    store<u32>(at, <u32>slot, ARGV);
    store<i32>(at, r.argc, ARGC);
    // Pipelines repeat themselves: the same length and 8 bytes are the name of the command before. 4 ns less a command,
    // and no need for the table of names, which the kernel's work has put out of the cache.
    const name = load<u64>(argPtr(0));
    const nameLen = argLen(0);
    if (name != lastName || nameLen != lastLen) {
      id = resolveCommand();
      lastName = name;
      lastLen = nameLen < 9 && id > 0 && !(commandFlags(id) & CMD_CONTAINER) ? nameLen : -1;
    }
    store<i32>(at, id, ID);
    slot += <usize>r.argc << 3;
    p = after;
    n++;
    if (!isQuick(id, commandFlags(id))) break;
  }
  return n;
}

// --- The keys of one command ---

/** Keys of one command that are touched together; their places use BUCKET and HASH only and end at 13824. */
export const KEYS_TOUCHED: i32 = 16;
const KEY_PLACES: usize = 13312;

/**
 * For a command of many keys: hashes the keys in arguments first, first + step, ... below `end`, KEYS_TOUCHED of them
 * at most, and touches what their look-ups will read. MSET and MGET of 10 of 1 M keys take 1.4 us with it and 5 without
 * (on a machine with other work).
 */
export function touchKeys(keys: Table, first: i32, end: i32, step: i32): void {
  let n = 0;
  for (let i = first; i < end && n < KEYS_TOUCHED; i += step) {
    const at = KEY_PLACES + (<usize>n << PLACE_BITS);
    const hash = hashKey(argPtr(i), argLen(i));
    store<u64>(at, hash, HASH);
    store<u32>(at, <u32>tableBucketFor(keys, hash), BUCKET);
    n++;
  }
  if (n > 1) touch(KEY_PLACES, n);
}

/** Lets hashKey() know the hash of argument i, the touched key number `n`. The command ends with forgetKey(). */
export function selectKey(i: i32, n: i32): void {
  const r = root();
  r.cachedKey = argPtr(i);
  r.cachedHash = load<u64>(KEY_PLACES + (<usize>n << PLACE_BITS), HASH);
}

/** Ends what selectKey() told: the address may hold another key soon. */
export function forgetKey(): void {
  root().cachedKey = 0;
}

// --- The commands of a pipeline ---

/** When there are several parsed commands, hashes their keys and touches what they will read. */
export function batchPrepare(c: Client, n: i32): void {
  const r = root();
  const keys = clientDb(c).keys;
  for (let i = 0; i < n; i++) {
    const at = placeOf(i);
    store<u32>(at, 0, BUCKET);
    const id = load<i32>(at, ID);
    if (n == 1 || id == 0 || load<i32>(at, ARGC) < 2 || commandFirstKey(id) != 1) continue;
    r.argv = <usize>load<u32>(at, ARGV);
    const hash = hashKey(argPtr(1), argLen(1));
    store<u64>(at, hash, HASH);
    store<u32>(at, <u32>tableBucketFor(keys, hash), BUCKET);
  }
  if (n > 1) touch(PLACES, n);
}

/** The entry that command i's key has if any, by its tag: the keys are still to be compared. Valid until a change. */
export function candidateOf(i: i32): usize {
  return <usize>load<u32>(CANDIDATES + (<usize>i << 2));
}

/**
 * Touches the buckets of `n` commands, then the entries that their tags point to. What waits for memory stands in loops
 * of little else: the processor looks some two hundred instructions ahead, so it waits for all lines of a loop at once.
 * With the loads between the hashing of one key and the next it had two or three under way, and a SET or GET over 1 M
 * keys took 250 ns, not 170; with the search for the tag between the loads of the entries ten or so, and 15 ns more.
 */
function touch(places: usize, n: i32): void {
  let sum: u32 = 0;
  let kinds: u32 = 0;
  const end = places + (<usize>n << PLACE_BITS);
  for (let at = places; at < end; at += PLACE_SIZE) sum += load<u32>(<usize>load<u32>(at, BUCKET));
  const last = CANDIDATES + (<usize>n << 2);
  let to = CANDIDATES;
  for (let at = places; at < end; at += PLACE_SIZE) {
    const bucket = <usize>load<u32>(at, BUCKET);
    store<u32>(to, bucket == 0 ? 0 : <u32>tableCandidate(bucket, load<u64>(at, HASH)));
    to += 4;
  }
  for (let at = CANDIDATES; at < last; at += 4) {
    const e = <usize>load<u32>(at);
    // An entry of 56 bytes lies in one or two lines; its header and its end are in both. Blocks end with their page,
    // so behind the page's last line there is nothing to touch, and at the end of memory nothing to read.
    const meta = load<u32>(e);
    sum += meta + load<u32>(e + ((e & 0xffff) < 0xffc0 ? 48 : 0));
    kinds |= e == 0 ? 0 : meta;
  }
  // Strings are type 0: only where other values are looked up there is more to touch.
  if ((kinds & TYPE_MASK) != 0 && places == PLACES) sum += touchFields(n);
  // Where the sum goes no compiler can leave the loads out.
  root().touched = sum;
}

// --- Fields and members ---

/** Hash and bucket of a field, for each place of PLACES; they end at 14336. */
const FIELD_PLACES: usize = 13824;
const FIELD_BITS: usize = 4;
const FIELD_BUCKET: usize = 8;

/**
 * For commands on hashes and sets that are in tables: hashes the field in argument 2 and touches its bucket, then the
 * element. So HGET costs the same in a hash of millions as HGET in a small one.
 */
function touchFields(n: i32): u32 {
  let sum: u32 = 0;
  for (let i = 0; i < n; i++) {
    const at = placeOf(i);
    const field = FIELD_PLACES + (<usize>i << FIELD_BITS);
    const e = candidateOf(i);
    store<u32>(field, 0, FIELD_BUCKET);
    if (e == 0 || load<i32>(at, ARGC) < 3 || !isTableOfElements(e)) continue;
    const argv = <usize>load<u32>(at, ARGV);
    const hash = hashKey(<usize>load<u32>(argv, 16), load<i32>(argv, 20));
    store<u64>(field, hash);
    store<u32>(field, <u32>tableBucketFor(changetype<Table>(entryPointer(e)), hash), FIELD_BUCKET);
  }
  const end = FIELD_PLACES + (<usize>n << FIELD_BITS);
  for (let at = FIELD_PLACES; at < end; at += 16) sum += load<u32>(<usize>load<u32>(at, FIELD_BUCKET));
  for (let at = FIELD_PLACES; at < end; at += 16) {
    const bucket = <usize>load<u32>(at, FIELD_BUCKET);
    if (bucket != 0) sum += load<u32>(tableCandidate(bucket, load<u64>(at)));
  }
  return sum;
}

/** True for hashes and sets in tables: their payload points to a Table of elements. */
function isTableOfElements(e: usize): bool {
  const type = entryType(e);
  return entryEncoding(e) == ENCODING_HASHTABLE && (type == TYPE_HASH || type == TYPE_SET);
}

/** Makes parsed command i the running one; returns its id, 0 for an unknown command. */
export function batchSelect(c: Client, i: i32): i32 {
  const r = root();
  const at = placeOf(i);
  c.commandStart = load<i32>(at, START);
  c.position = load<i32>(at, END);
  r.argv = <usize>load<u32>(at, ARGV);
  r.argc = load<i32>(at, ARGC);
  if (load<u32>(at, BUCKET) != 0) {
    r.cachedKey = argPtr(1);
    r.cachedHash = load<u64>(at, HASH);
  }
  return load<i32>(at, ID);
}
