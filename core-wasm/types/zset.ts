/**
 * Sorted sets: members with scores, in two encodings.
 *
 *   listpack   the payload's address is a listpack (types/zset-listpack.ts)
 *   skiplist   the name that clients see; the payload's address is a Zset:
 *
 *     >0  Table      members by name: element (structures/element.ts) with the score as payload
 *     28  u32        timers of members that expire (types/hash-timers.ts)
 *     32  ScoreTree  the same elements in the order of (score, member) (structures/score-tree.ts)
 *
 * A place is a u64 that means a listpack's position or a tree's place; 0 is none, any change makes places void.
 * Members' addresses are void after the next zsetMember() with the same line: a listpack's integer is written out.
 *
 * Costs: a member of 16 bytes takes 32 in its element, 6 to 12 in the table and 5 to 7 in the tree.
 * Not for commands and replies: commands/zset*.ts. Large changes and building: types/zset-change.ts.
 */
import { free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { ENCODING_LISTPACK, entryEncoding, entryPointer } from "../keyspace/entry";
import { xorInto, mixInto } from "../keyspace/digest";
import { formatShortest } from "../bytes/double";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, Table, tableBytes, tableDrainSome, tableFind, tableSize } from "../structures/hashtable";
import { lpFirst, lpLength, lpNext, lpPrev, lpView, lpViewLength } from "../structures/listpack";
import {
  BEFORE_SCORE, elementScore, placeElement, placeNext, placePrevious, ScoreTree, treeAt, treeCountBefore, treeFirst,
  treeLast, treeRank, treeSeek,
} from "../structures/score-tree";
import { treeFreeSome } from "../structures/score-tree-change";
import { HASH_TABLE_SIZE, timersBytes, timersFree } from "./hash-timers";
import {
  packedAt, packedCountBefore, packedFind, packedLast, packedRank, packedScore, packedSeek,
} from "./zset-listpack";
import { copyPacked, copyTree } from "./zset-change";

const TREE: usize = HASH_TABLE_SIZE;
/** Bytes of a Zset. */
export const ZSET_SIZE: usize = TREE + offsetof<ScoreTree>();
const NO_RANK: i64 = -1;

// --- Layout ---

/** The table of a Zset's members. */
export function zsetTable(z: usize): Table {
  return changetype<Table>(z);
}

/** The tree of a Zset. */
export function zsetTree(z: usize): ScoreTree {
  return changetype<ScoreTree>(z + TREE);
}

export function isPacked(e: usize): bool {
  return entryEncoding(e) == ENCODING_LISTPACK;
}

// --- Members ---

/** Number of members. */
export function zsetLength(e: usize): u32 {
  if (isPacked(e)) return <u32>lpLength(entryPointer(e)) >> 1;
  return tableSize(zsetTable(entryPointer(e)));
}

/** Leaves the score of a member in root.real; false when it is none. */
export function zsetScore(e: usize, member: usize, len: i32): bool {
  const value = entryPointer(e);
  if (isPacked(e)) {
    const place = packedFind(value, member, len);
    if (place == 0) return false;
    root().real = packedScore(value, place);
    return true;
  }
  const element = tableFind(zsetTable(value), hashKey(member, len), member, len);
  if (element == 0) return false;
  root().real = elementScore(element);
  return true;
}

/** How many members stand before this one, or -1 when it is none; leaves its score in root.real. */
export function zsetRank(e: usize, member: usize, len: i32): i64 {
  const value = entryPointer(e);
  if (isPacked(e)) {
    const place = packedFind(value, member, len);
    if (place == 0) return NO_RANK;
    root().real = packedScore(value, place);
    return <i64>packedRank(value, place);
  }
  const element = tableFind(zsetTable(value), hashKey(member, len), member, len);
  if (element == 0) return NO_RANK;
  root().real = elementScore(element);
  return <i64>treeRank(zsetTree(value), element);
}

/**
 * How many members stand before a bound (structures/score-tree.ts). All are known to stand behind the first `from`,
 * which a listpack then skips.
 */
export function zsetCountBefore(e: usize, from: u32, bound: i32, score: f64, ptr: usize, len: i32): u32 {
  const value = entryPointer(e);
  if (isPacked(e)) return packedCountBefore(value, from, bound, score, ptr, len);
  return treeCountBefore(zsetTree(value), bound, score, ptr, len);
}

// --- Places ---

/** The place of the lowest member. */
export function zsetFirst(e: usize): u64 {
  const value = entryPointer(e);
  return isPacked(e) ? <u64>lpFirst(value) : treeFirst(zsetTree(value));
}

/** The place of the highest member. */
export function zsetLast(e: usize): u64 {
  const value = entryPointer(e);
  return isPacked(e) ? <u64>packedLast(value) : treeLast(zsetTree(value));
}

/** The place with `rank` others before it, which must exist. */
export function zsetAt(e: usize, rank: u32): u64 {
  const value = entryPointer(e);
  return isPacked(e) ? <u64>packedAt(value, rank) : treeAt(zsetTree(value), rank);
}

/** The place of the first member whose score is not below `score`; 0 when there is none. */
export function zsetSeek(e: usize, score: f64): u64 {
  const value = entryPointer(e);
  if (isPacked(e)) return <u64>packedSeek(value, score);
  return treeSeek(zsetTree(value), BEFORE_SCORE, score, 0, 0);
}

/** The place behind, 0 at the end. */
export function zsetNext(e: usize, place: u64): u64 {
  if (!isPacked(e)) return placeNext(place);
  const value = entryPointer(e);
  return <u64>lpNext(value, lpNext(value, <usize>place));
}

/** The place before, 0 at the start. */
export function zsetPrevious(e: usize, place: u64): u64 {
  if (!isPacked(e)) return placePrevious(place);
  const value = entryPointer(e);
  const score = lpPrev(value, <usize>place);
  return score == 0 ? 0 : <u64>lpPrev(value, score);
}

/** Address of the bytes of the member at a place. */
export function zsetMember(e: usize, place: u64, line: i32 = 0): usize {
  return isPacked(e) ? lpView(<usize>place, line) : keyAddress(placeElement(place));
}

export function zsetMemberLength(e: usize, place: u64): i32 {
  return isPacked(e) ? lpViewLength(<usize>place) : keyLength(placeElement(place));
}

export function zsetPlaceScore(e: usize, place: u64): f64 {
  return isPacked(e) ? packedScore(entryPointer(e), <usize>place) : elementScore(placeElement(place));
}

// --- What types/value.ts and digests need ---

/** Frees parts of a Zset, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function freeSomeOf(z: usize, budget: i32): i32 {
  // The nodes first: they are few, and know no member.
  const left = treeFreeSome(zsetTree(z), budget);
  if (left <= 0) return left;
  const rest = tableDrainSome(zsetTable(z), left, free);
  if (rest <= 0) return rest;
  timersFree(z);
  free(z);
  return rest;
}

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function zsetFreeSome(e: usize, budget: i32): i32 {
  if (!isPacked(e)) return freeSomeOf(entryPointer(e), budget);
  free(entryPointer(e));
  return budget > 1 ? budget - 1 : 1;
}

/** Fills `fresh`, of the same type and encoding, with a copy of the value; false (nothing kept) without memory. */
export function zsetCopy(e: usize, fresh: usize): bool {
  return isPacked(e) ? copyPacked(e, fresh) : copyTree(e, fresh);
}

/** Bytes that the value takes beside its entry; `samples` elements are weighed, 0 for all. */
export function zsetMemory(e: usize, samples: i32): usize {
  const value = entryPointer(e);
  if (isPacked(e)) return usableSize(value);
  const t = zsetTree(value);
  const size = zsetLength(e);
  let weighed: u32 = 0;
  let bytes: u64 = 0;
  for (let place = treeFirst(t); place != 0; place = placeNext(place)) {
    bytes += <u64>usableSize(placeElement(place));
    weighed++;
    if (samples > 0 && weighed == <u32>samples) break;
  }
  if (weighed != 0) bytes = <u64>(<f64>bytes / <f64>weighed * <f64>size);
  return usableSize(value) + timersBytes(value) + tableBytes(zsetTable(value)) + <usize>t.bytes + <usize>bytes;
}

/** How many allocations the value is, estimated at no cost. */
export function zsetFreeEffort(e: usize): u32 {
  return isPacked(e) ? 1 : tableSize(zsetTable(entryPointer(e)));
}

const ELEMENT_DIGEST: usize = memory.data(24, 8);
const TEXT: usize = memory.data(32, 8);

/** Adds the value to a digest (keyspace/digest.ts): members with their scores, in any order. */
export function zsetDigest(e: usize, digest: usize): void {
  for (let place = zsetFirst(e); place != 0; place = zsetNext(e, place)) {
    memory.fill(ELEMENT_DIGEST, 0, 20);
    mixInto(ELEMENT_DIGEST, zsetMember(e, place), zsetMemberLength(e, place));
    mixInto(ELEMENT_DIGEST, TEXT, formatShortest(TEXT, zsetPlaceScore(e, place)));
    xorInto(digest, ELEMENT_DIGEST, 20);
  }
}
