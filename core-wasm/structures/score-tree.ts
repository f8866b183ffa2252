/**
 * The score tree: elements in the order of (score, member), a B+ tree whose inner nodes count what is below them.
 *
 * Finding a place by score, by member or by rank, and telling the rank of an element, all cost one walk from the root.
 * Not for finding a member whose score is not known (a hash table beside the tree does that) and not for owning
 * elements: whoever inserts one frees it. Changing the tree: score-tree-change.ts.
 *
 *   leaf, 32 to 256 bytes (small ones only as long as the tree is one leaf)
 *   >0  u16 count, u16 capacity      capacity 4, 12, 28 or 60
 *    4  u32 next leaf, u32 previous leaf; 0 at the ends
 *   16  u32 × capacity               addresses of elements, lowest first
 *
 *   inner node, 640 bytes, up to 31 children
 *   >0  u16 count
 *    8  f64 × 31  score of each child's first element
 *  256  u32 × 31  each child's first element, for the order among equal scores
 *  380  u32 × 31  children
 *  504  u32 × 31  number of elements below each child
 *
 *   element: structures/element.ts with the score as its payload
 *
 * So a walk by score touches three or four lines a level and no element above the leaf; one for a known element finds
 * it in the leaf by its address. Elements cost 5 to 7 bytes each in the tree.
 *
 * Invariants: scores are not NaN; no node is empty; every key of an inner node is exactly its child's first element;
 * counts are exact; `bytes` is the sum of the nodes' blocks.
 * Stale: a place is void after any change of the tree. The path of the last walk stands in page 0's static data.
 */
import { compareBytes } from "../bytes/compare";
import { elementFlags, HEADER_SIZE, keyAddress, keyLength } from "./element";

// @layout
@unmanaged
export class ScoreTree {
  root: usize; // 0: the tree is empty
  first: usize; // leaves at both ends
  last: usize;
  height: i32; // levels of inner nodes
  bytes: u32; // in nodes
}

const LEAF_CAPACITY: usize = 2;
const LEAF_NEXT: usize = 4;
const LEAF_PREVIOUS: usize = 8;
export const LEAF_HEADER: usize = 16;
export const LEAF_MOST: i32 = 60;
export const LEAF_LEAST: i32 = 4;

const SCORES: usize = 8;
const FIRSTS: usize = 256;
const CHILDREN: usize = 380;
const COUNTS: usize = 504;
export const INNER_SIZE: usize = 640;
export const INNER_MOST: i32 = 31;

/** Levels that a path has room for; a tree of 2^32 elements has eight. */
const PATH_LEVELS: i32 = 24;
/** The inner nodes of the last walk: (node u32, child number u32) by the distance from the leaf, which is level 0. */
const PATH: usize = memory.data(192, 8);
assert(PATH_LEVELS * 8 == 192);

/** What a bound of a walk is: which elements stand before it. */
export const BEFORE_SCORE: i32 = 0; // those of a lower score
export const AFTER_SCORE: i32 = 1; // those of a lower or the same score
export const BEFORE_MEMBER: i32 = 2; // those whose member is lower; all scores must be the same
export const AFTER_MEMBER: i32 = 3; // those whose member is lower or the same
export const AT_PAIR: i32 = 4; // those that are lower in score or, with the same score, in member

// --- Fields ---

/** Address of an element's score. */
function scoreAddress(e: usize): usize {
  return e + HEADER_SIZE + ((<usize>elementFlags(e) & 1) << 3);
}

export function elementScore(e: usize): f64 {
  return load<f64>(scoreAddress(e));
}

/** Sets the score of an element that is in no tree, or whose place in it stays the same. */
export function elementSetScore(e: usize, score: f64): void {
  store<f64>(scoreAddress(e), score);
}

/** Number of elements in a leaf or children of an inner node. */
export function nodeCount(node: usize): i32 {
  return <i32>load<u16>(node);
}

export function nodeSetCount(node: usize, n: i32): void {
  store<u16>(node, <u16>n);
}

export function leafCapacity(leaf: usize): i32 {
  return <i32>load<u16>(leaf, LEAF_CAPACITY);
}

export function leafSetCapacity(leaf: usize, n: i32): void {
  store<u16>(leaf, <u16>n, LEAF_CAPACITY);
}

export function leafNext(leaf: usize): usize {
  return <usize>load<u32>(leaf, LEAF_NEXT);
}

export function leafSetNext(leaf: usize, next: usize): void {
  store<u32>(leaf, <u32>next, LEAF_NEXT);
}

export function leafPrevious(leaf: usize): usize {
  return <usize>load<u32>(leaf, LEAF_PREVIOUS);
}

export function leafSetPrevious(leaf: usize, previous: usize): void {
  store<u32>(leaf, <u32>previous, LEAF_PREVIOUS);
}

/** Address of the slot of element i. */
export function leafSlot(leaf: usize, i: i32): usize {
  return leaf + LEAF_HEADER + (<usize>i << 2);
}

export function leafElement(leaf: usize, i: i32): usize {
  return <usize>load<u32>(leafSlot(leaf, i));
}

export function childScoreAddress(node: usize, i: i32): usize {
  return node + SCORES + (<usize>i << 3);
}

export function childScore(node: usize, i: i32): f64 {
  return load<f64>(childScoreAddress(node, i));
}

export function childFirstAddress(node: usize, i: i32): usize {
  return node + FIRSTS + (<usize>i << 2);
}

export function childFirst(node: usize, i: i32): usize {
  return <usize>load<u32>(childFirstAddress(node, i));
}

export function childAddress(node: usize, i: i32): usize {
  return node + CHILDREN + (<usize>i << 2);
}

export function child(node: usize, i: i32): usize {
  return <usize>load<u32>(childAddress(node, i));
}

export function childSizeAddress(node: usize, i: i32): usize {
  return node + COUNTS + (<usize>i << 2);
}

export function childSize(node: usize, i: i32): u32 {
  return load<u32>(childSizeAddress(node, i));
}

/** Number of elements below the first `n` children. */
function sizeOfChildren(node: usize, n: i32): u32 {
  let p = node + COUNTS;
  const end = p + (<usize>n << 2);
  let sum: v128 = i32x4.splat(0);
  for (; p + 16 <= end; p += 16) sum = i32x4.add(sum, v128.load(p));
  let total = <u32>(i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) +
    i32x4.extract_lane(sum, 3));
  for (; p < end; p += 4) total += load<u32>(p);
  return total;
}

// --- The path of the last walk ---

export function pathNode(level: i32): usize {
  return <usize>load<u32>(PATH + (<usize>level << 3));
}

export function pathIndex(level: i32): i32 {
  return load<i32>(PATH + (<usize>level << 3), 4);
}

export function pathSet(level: i32, node: usize, index: i32): void {
  assert(level < PATH_LEVELS);
  store<u32>(PATH + (<usize>level << 3), <u32>node);
  store<i32>(PATH + (<usize>level << 3), index, 4);
}

/** Number of elements before the leaf that the path leads to. */
function pathRank(t: ScoreTree): u32 {
  let rank: u32 = 0;
  for (let level = t.height; level > 0; level--) rank += sizeOfChildren(pathNode(level), pathIndex(level));
  return rank;
}

// --- Places ---

/** A place in the tree: a leaf and the number of an element in it. 0 is no place. */
function placeAt(leaf: usize, i: i32): u64 {
  return (<u64>leaf << 32) | <u64>i;
}

export function placeLeaf(place: u64): usize {
  return <usize>(place >> 32);
}

export function placeIndex(place: u64): i32 {
  return <i32>place;
}

export function placeElement(place: u64): usize {
  return leafElement(placeLeaf(place), placeIndex(place));
}

/** The place behind, 0 at the end. */
export function placeNext(place: u64): u64 {
  const leaf = placeLeaf(place);
  if (placeIndex(place) + 1 < nodeCount(leaf)) return place + 1;
  const next = leafNext(leaf);
  return next == 0 ? 0 : placeAt(next, 0);
}

/** The place in front, 0 at the start. */
export function placePrevious(place: u64): u64 {
  if (placeIndex(place) > 0) return place - 1;
  const previous = leafPrevious(placeLeaf(place));
  return previous == 0 ? 0 : placeAt(previous, nodeCount(previous) - 1);
}

export function treeFirst(t: ScoreTree): u64 {
  return t.first == 0 ? 0 : placeAt(t.first, 0);
}

export function treeLast(t: ScoreTree): u64 {
  return t.last == 0 ? 0 : placeAt(t.last, nodeCount(t.last) - 1);
}

// --- Walks ---

/** The last child whose score is below `score`, or 0. */
function lastBelow(node: usize, n: i32, score: f64): i32 {
  let at = 0;
  while (n > 1) {
    const half = n >> 1;
    at = childScore(node, at + half) < score ? at + half : at;
    n -= half;
  }
  return at;
}

/** The last child whose score is not above `score`, or 0. */
function lastNotAbove(node: usize, n: i32, score: f64): i32 {
  let at = 0;
  while (n > 1) {
    const half = n >> 1;
    at = childScore(node, at + half) <= score ? at + half : at;
    n -= half;
  }
  return at;
}

/** The last child in (from, to] whose first member is below these bytes, or not above them; else `from`. */
function lastByMember(node: usize, from: i32, to: i32, ptr: usize, len: i32, same: bool): i32 {
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    const e = childFirst(node, middle);
    const order = compareBytes(keyAddress(e), keyLength(e), ptr, len);
    if (order < 0 || (order == 0 && same)) from = middle;
    else to = middle - 1;
  }
  return from;
}

/** Number of the child that holds the bound. */
function childFor(node: usize, bound: i32, score: f64, ptr: usize, len: i32): i32 {
  const n = nodeCount(node);
  if (bound == BEFORE_SCORE) return lastBelow(node, n, score);
  if (bound == AFTER_SCORE) return lastNotAbove(node, n, score);
  if (bound != AT_PAIR) return lastByMember(node, 0, n - 1, ptr, len, bound == AFTER_MEMBER);
  const below = lastBelow(node, n, score);
  if (below + 1 >= n || childScore(node, below + 1) != score) return below;
  return lastByMember(node, below, lastNotAbove(node, n, score), ptr, len, true);
}

/** True when the element stands before the bound. */
function isBefore(e: usize, bound: i32, score: f64, ptr: usize, len: i32): bool {
  if (bound == BEFORE_SCORE) return elementScore(e) < score;
  if (bound == AFTER_SCORE) return elementScore(e) <= score;
  if (bound == AT_PAIR) {
    const own = elementScore(e);
    if (own != score) return own < score;
    return compareBytes(keyAddress(e), keyLength(e), ptr, len) < 0;
  }
  const order = compareBytes(keyAddress(e), keyLength(e), ptr, len);
  return order < 0 || (order == 0 && bound == AFTER_MEMBER);
}

/** Number of elements of the leaf that stand before the bound. */
export function countInLeaf(leaf: usize, bound: i32, score: f64, ptr: usize, len: i32): i32 {
  let from = 0;
  let to = nodeCount(leaf);
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(leafElement(leaf, middle), bound, score, ptr, len)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The leaf that holds the bound; sets the path. The tree must not be empty. */
export function leafFor(t: ScoreTree, bound: i32, score: f64, ptr: usize, len: i32): usize {
  let node = t.root;
  for (let level = t.height; level > 0; level--) {
    const i = childFor(node, bound, score, ptr, len);
    pathSet(level, node, i);
    node = child(node, i);
  }
  return node;
}

/** How many elements stand before a bound. The members' bytes count only for bounds by member. Sets the path. */
export function treeCountBefore(t: ScoreTree, bound: i32, score: f64, ptr: usize, len: i32): u32 {
  if (t.root == 0) return 0;
  const leaf = leafFor(t, bound, score, ptr, len);
  return pathRank(t) + <u32>countInLeaf(leaf, bound, score, ptr, len);
}

/** The place of the first element that does not stand before the bound, 0 when all do. */
export function treeSeek(t: ScoreTree, bound: i32, score: f64, ptr: usize, len: i32): u64 {
  if (t.root == 0) return 0;
  const leaf = leafFor(t, bound, score, ptr, len);
  const i = countInLeaf(leaf, bound, score, ptr, len);
  if (i < nodeCount(leaf)) return placeAt(leaf, i);
  const next = leafNext(leaf);
  return next == 0 ? 0 : placeAt(next, 0);
}

/** Number of an element in its leaf, found by its address. */
function indexInLeaf(leaf: usize, e: usize): i32 {
  const wanted = i32x4.splat(<i32>e);
  const n = nodeCount(leaf);
  // Capacities are multiples of four, so a step never leaves the block.
  for (let i = 0; i < n; i += 4) {
    const found = i32x4.bitmask(i32x4.eq(v128.load(leafSlot(leaf, i)), wanted));
    if (found != 0) return i + <i32>ctz<i32>(found);
  }
  assert(false);
  return -1;
}

/** The place of an element of the tree; sets the path. */
export function treeFind(t: ScoreTree, e: usize): u64 {
  const leaf = leafFor(t, AT_PAIR, elementScore(e), keyAddress(e), keyLength(e));
  return placeAt(leaf, indexInLeaf(leaf, e));
}

/** How many elements stand before an element of the tree. */
export function treeRank(t: ScoreTree, e: usize): u32 {
  const place = treeFind(t, e);
  return pathRank(t) + <u32>placeIndex(place);
}

/** The place of the element with `rank` others before it, which must exist; sets the path. */
export function treeAt(t: ScoreTree, rank: u32): u64 {
  let node = t.root;
  for (let level = t.height; level > 0; level--) {
    let i = 0;
    while (rank >= childSize(node, i)) rank -= childSize(node, i++);
    pathSet(level, node, i);
    node = child(node, i);
  }
  return placeAt(node, <i32>rank);
}

/** Number of elements in the tree. */
export function treeSize(t: ScoreTree): u32 {
  if (t.root == 0) return 0;
  return t.height == 0 ? <u32>nodeCount(t.root) : sizeOfChildren(t.root, nodeCount(t.root));
}
