/**
 * Changing a score tree (score-tree.ts): insertion, removal of runs, change of a score, taking the whole apart.
 *
 * A full leaf is split before anything else changes, and its full ancestors before it, the highest first: each split
 * leaves a valid tree, so exhausted memory stops an insertion with nothing lost. Removal needs no memory. Elements that
 * come in order fill their leaves, since a split at either end of the tree leaves the old leaf full.
 *
 * A node that has become small is merged with a neighbour when both fit into three quarters of one. Nothing is evened
 * out otherwise: two neighbours together are always more than that, or either is not small.
 */
import { alloc, free, usableSize } from "../memory/allocator";
import { keyAddress, keyLength } from "./element";
import {
  AT_PAIR, child, childAddress, childFirst, childFirstAddress, childScore, childScoreAddress, childSize,
  childSizeAddress, countInLeaf, elementScore, elementSetScore, INNER_MOST, INNER_SIZE, LEAF_HEADER, LEAF_LEAST,
  LEAF_MOST, leafCapacity, leafElement, leafFor, leafNext, leafPrevious, leafSetCapacity, leafSetNext, leafSetPrevious,
  leafSlot, nodeCount, nodeSetCount, pathIndex, pathNode, pathSet, placeElement, placeIndex, placeLeaf, placeNext,
  placePrevious, ScoreTree, treeAt, treeFind, treeSize,
} from "./score-tree";

/** Nodes below these are merged with a neighbour when the two together are not above the limits. */
const LEAF_SMALL: i32 = 20;
const LEAF_MERGED: i32 = 45;
const INNER_SMALL: i32 = 10;
const INNER_MERGED: i32 = 23;

// --- Nodes ---

function newLeaf(t: ScoreTree, capacity: i32): usize {
  const leaf = alloc(LEAF_HEADER + (<usize>capacity << 2));
  if (leaf == 0) return 0;
  memory.fill(leaf, 0, LEAF_HEADER);
  leafSetCapacity(leaf, capacity);
  t.bytes += <u32>usableSize(leaf);
  return leaf;
}

function newInner(t: ScoreTree): usize {
  const node = alloc(INNER_SIZE);
  if (node == 0) return 0;
  nodeSetCount(node, 0);
  t.bytes += <u32>usableSize(node);
  return node;
}

function freeNode(t: ScoreTree, node: usize): void {
  t.bytes -= <u32>usableSize(node);
  free(node);
}

/** Takes a leaf out of the list of leaves and frees it. */
function dropLeaf(t: ScoreTree, leaf: usize): void {
  const next = leafNext(leaf);
  const previous = leafPrevious(leaf);
  if (next != 0) leafSetPrevious(next, previous);
  else t.last = previous;
  if (previous != 0) leafSetNext(previous, next);
  else t.first = next;
  freeNode(t, leaf);
}

/** Moves `n` children of `from`, from number `i` on, into `to` at number `at`, in all four arrays. */
function moveChildren(to: usize, at: i32, from: usize, i: i32, n: i32): void {
  if (n <= 0) return;
  memory.copy(childScoreAddress(to, at), childScoreAddress(from, i), <usize>n << 3);
  memory.copy(childFirstAddress(to, at), childFirstAddress(from, i), <usize>n << 2);
  memory.copy(childAddress(to, at), childAddress(from, i), <usize>n << 2);
  memory.copy(childSizeAddress(to, at), childSizeAddress(from, i), <usize>n << 2);
}

function setChildKey(node: usize, i: i32, score: f64, first: usize): void {
  store<f64>(childScoreAddress(node, i), score);
  store<u32>(childFirstAddress(node, i), <u32>first);
}

/** Puts a child into an inner node that has room. */
function insertChild(node: usize, i: i32, score: f64, first: usize, below: usize, size: u32): void {
  const n = nodeCount(node);
  moveChildren(node, i + 1, node, i, n - i);
  setChildKey(node, i, score, first);
  store<u32>(childAddress(node, i), <u32>below);
  store<u32>(childSizeAddress(node, i), size);
  nodeSetCount(node, n + 1);
}

function addToSize(node: usize, i: i32, by: i32): void {
  store<u32>(childSizeAddress(node, i), childSize(node, i) + <u32>by);
}

/** Adds to the counts all the way up from a leaf. */
function addToPath(t: ScoreTree, by: i32): void {
  for (let level = 1; level <= t.height; level++) addToSize(pathNode(level), pathIndex(level), by);
}

/** Tells the ancestors from `level` on that what the path leads to has a new first element. */
function setFirst(t: ScoreTree, level: i32, score: f64, first: usize): void {
  for (; level <= t.height; level++) {
    setChildKey(pathNode(level), pathIndex(level), score, first);
    if (pathIndex(level) != 0) return;
  }
}

// --- Insertion ---

/** Makes sure that the path's node at `level` has room for a child, above the root by a new root. */
function makeRoom(t: ScoreTree, level: i32): bool {
  if (level > t.height) return growUp(t);
  const node = pathNode(level);
  if (nodeCount(node) < INNER_MOST) return true;
  const fresh = newInner(t);
  if (fresh == 0) return false;
  if (!makeRoom(t, level + 1)) {
    freeNode(t, fresh);
    return false;
  }
  const half = INNER_MOST >> 1;
  moveChildren(fresh, 0, node, half, INNER_MOST - half);
  nodeSetCount(fresh, INNER_MOST - half);
  nodeSetCount(node, half);
  let size: u32 = 0;
  for (let i = 0; i < INNER_MOST - half; i++) size += childSize(fresh, i);
  const above = pathNode(level + 1);
  const i = pathIndex(level + 1);
  addToSize(above, i, -<i32>size);
  insertChild(above, i + 1, childScore(fresh, 0), childFirst(fresh, 0), fresh, size);
  if (pathIndex(level) >= half) {
    pathSet(level, fresh, pathIndex(level) - half);
    pathSet(level + 1, above, i + 1);
  }
  return true;
}

/** Puts a new root above the old one. */
function growUp(t: ScoreTree): bool {
  const node = newInner(t);
  if (node == 0) return false;
  const old = t.root;
  const first = t.height == 0 ? leafElement(old, 0) : childFirst(old, 0);
  insertChild(node, 0, elementScore(first), first, old, treeSize(t));
  t.root = node;
  t.height++;
  pathSet(t.height, node, 0);
  return true;
}

/** A larger block for the only leaf of a tree; 0 when memory is exhausted. */
function growLeaf(t: ScoreTree, leaf: usize): usize {
  const fresh = newLeaf(t, (leafCapacity(leaf) << 1) + 4);
  if (fresh == 0) return 0;
  const n = nodeCount(leaf);
  nodeSetCount(fresh, n);
  memory.copy(leafSlot(fresh, 0), leafSlot(leaf, 0), <usize>n << 2);
  freeNode(t, leaf);
  t.root = fresh;
  t.first = fresh;
  t.last = fresh;
  return fresh;
}

/**
 * Splits the full leaf that the path leads to, into which `e` will go at number `at`. The path leads to the leaf that
 * is to take it afterwards, which is returned; 0 when memory is exhausted. Its number there is at - (what stayed left).
 */
function splitLeaf(t: ScoreTree, leaf: usize, at: i32, e: usize): usize {
  const fresh = newLeaf(t, LEAF_MOST);
  if (fresh == 0) return 0;
  if (!makeRoom(t, 1)) {
    freeNode(t, fresh);
    return 0;
  }
  const next = leafNext(leaf);
  const atEnd = at == LEAF_MOST && next == 0;
  const atStart = at == 0 && leafPrevious(leaf) == 0;
  const cut = atEnd ? LEAF_MOST : atStart ? 0 : LEAF_MOST >> 1;
  const moved = LEAF_MOST - cut;
  memory.copy(leafSlot(fresh, 0), leafSlot(leaf, cut), <usize>moved << 2);
  nodeSetCount(fresh, moved);
  nodeSetCount(leaf, cut);
  leafSetPrevious(fresh, leaf);
  leafSetNext(fresh, next);
  leafSetNext(leaf, fresh);
  if (next != 0) leafSetPrevious(next, fresh);
  else t.last = fresh;
  const first = atEnd ? e : leafElement(fresh, 0);
  const above = pathNode(1);
  const i = pathIndex(1);
  addToSize(above, i, -moved);
  insertChild(above, i + 1, elementScore(first), first, fresh, <u32>moved);
  if (!atEnd && at <= cut) return leaf;
  pathSet(1, above, i + 1);
  return fresh;
}

/** Puts an element at number `at` of the leaf that the path leads to. */
function insertAt(t: ScoreTree, leaf: usize, at: i32, e: usize): bool {
  if (nodeCount(leaf) == leafCapacity(leaf)) {
    const kept = leaf;
    leaf = leafCapacity(leaf) < LEAF_MOST ? growLeaf(t, leaf) : splitLeaf(t, leaf, at, e);
    if (leaf == 0) return false;
    if (t.height > 0 && leaf != kept) at -= nodeCount(kept);
  }
  const n = nodeCount(leaf);
  memory.copy(leafSlot(leaf, at + 1), leafSlot(leaf, at), <usize>(n - at) << 2);
  store<u32>(leafSlot(leaf, at), <u32>e);
  nodeSetCount(leaf, n + 1);
  addToPath(t, 1);
  if (at == 0) setFirst(t, 1, elementScore(e), e);
  return true;
}

function insertFirst(t: ScoreTree, e: usize): bool {
  const leaf = newLeaf(t, LEAF_LEAST);
  if (leaf == 0) return false;
  store<u32>(leafSlot(leaf, 0), <u32>e);
  nodeSetCount(leaf, 1);
  t.root = leaf;
  t.first = leaf;
  t.last = leaf;
  t.height = 0;
  return true;
}

/** Makes an empty tree in memory that the caller provides. */
export function treeInit(t: ScoreTree): void {
  memory.fill(changetype<usize>(t), 0, offsetof<ScoreTree>());
}

/** Adds an element whose score and member are not there together; false (nothing changed) when memory is exhausted. */
export function treeInsert(t: ScoreTree, e: usize): bool {
  if (t.root == 0) return insertFirst(t, e);
  const score = elementScore(e);
  const leaf = leafFor(t, AT_PAIR, score, keyAddress(e), keyLength(e));
  return insertAt(t, leaf, countInLeaf(leaf, AT_PAIR, score, keyAddress(e), keyLength(e)), e);
}

/** Adds an element that is known to stand behind all others; false (nothing changed) when memory is exhausted. */
export function treeAppend(t: ScoreTree, e: usize): bool {
  if (t.root == 0) return insertFirst(t, e);
  let node = t.root;
  for (let level = t.height; level > 0; level--) {
    const i = nodeCount(node) - 1;
    pathSet(level, node, i);
    node = child(node, i);
  }
  return insertAt(t, node, nodeCount(node), e);
}

// --- Removal ---

/** Takes child `i` out of the path's node at `level`, and the node itself when it was the last one. */
function removeChild(t: ScoreTree, level: i32, i: i32): void {
  const node = pathNode(level);
  const n = nodeCount(node) - 1;
  moveChildren(node, i, node, i + 1, n - i);
  nodeSetCount(node, n);
  if (n == 0) {
    freeNode(t, node);
    if (level < t.height) {
      removeChild(t, level + 1, pathIndex(level + 1));
    } else {
      t.root = 0;
      t.height = 0;
    }
    return;
  }
  if (i == 0) setFirst(t, level + 1, childScore(node, 0), childFirst(node, 0));
  if (level < t.height && n < INNER_SMALL) mergeInner(t, level);
}

/** Merges the path's node at `level`, which is not the root, with a neighbour when both fit into one. */
function mergeInner(t: ScoreTree, level: i32): void {
  const above = pathNode(level + 1);
  const i = pathIndex(level + 1);
  const n = nodeCount(pathNode(level));
  let left = i;
  if (i + 1 >= nodeCount(above) || n + nodeCount(child(above, i + 1)) > INNER_MERGED) left = i - 1;
  if (left < 0) return;
  const a = child(above, left);
  const b = child(above, left + 1);
  if (nodeCount(a) + nodeCount(b) > INNER_MERGED) return;
  moveChildren(a, nodeCount(a), b, 0, nodeCount(b));
  nodeSetCount(a, nodeCount(a) + nodeCount(b));
  addToSize(above, left, <i32>childSize(above, left + 1));
  freeNode(t, b);
  removeChild(t, level + 1, left + 1);
}

/** Merges the leaf that the path leads to with a neighbour of the same parent when both fit into one. */
function mergeLeaf(t: ScoreTree, leaf: usize): void {
  const above = pathNode(1);
  const i = pathIndex(1);
  const n = nodeCount(leaf);
  let left = i;
  if (i + 1 >= nodeCount(above) || n + nodeCount(child(above, i + 1)) > LEAF_MERGED) left = i - 1;
  if (left < 0) return;
  const a = child(above, left);
  const b = child(above, left + 1);
  const room = nodeCount(a);
  if (room + nodeCount(b) > LEAF_MERGED) return;
  memory.copy(leafSlot(a, room), leafSlot(b, 0), <usize>nodeCount(b) << 2);
  nodeSetCount(a, room + nodeCount(b));
  addToSize(above, left, nodeCount(b));
  dropLeaf(t, b);
  removeChild(t, 1, left + 1);
}

/** Takes `n` elements out of the leaf that the path leads to, from number `at` on. */
function removeAt(t: ScoreTree, leaf: usize, at: i32, n: i32): void {
  const left = nodeCount(leaf) - n;
  memory.copy(leafSlot(leaf, at), leafSlot(leaf, at + n), <usize>(left - at) << 2);
  nodeSetCount(leaf, left);
  addToPath(t, -n);
  if (left == 0) {
    const height = t.height;
    dropLeaf(t, leaf);
    if (height > 0) removeChild(t, 1, pathIndex(1));
    else t.root = 0;
  } else {
    if (at == 0 && t.height > 0) setFirst(t, 1, elementScore(leafElement(leaf, 0)), leafElement(leaf, 0));
    if (left < LEAF_SMALL && t.height > 0) mergeLeaf(t, leaf);
  }
  while (t.height > 0 && nodeCount(t.root) == 1) {
    const old = t.root;
    t.root = child(old, 0);
    t.height--;
    freeNode(t, old);
  }
}

/** Takes an element of the tree out of it. */
export function treeRemove(t: ScoreTree, e: usize): void {
  const place = treeFind(t, e);
  removeAt(t, placeLeaf(place), placeIndex(place), 1);
}

/**
 * Takes up to `most` elements out, from `rank` on and as many as stand together in one leaf; gives each to `drop`,
 * which may free it but not touch the tree, and returns how many they were.
 */
export function treeRemoveSome(t: ScoreTree, rank: u32, most: u32, drop: (e: usize) => void): u32 {
  const place = treeAt(t, rank);
  const leaf = placeLeaf(place);
  const at = placeIndex(place);
  const rest = <u32>(nodeCount(leaf) - at);
  const n = <i32>(rest < most ? rest : most);
  for (let i = at; i < at + n; i++) drop(leafElement(leaf, i));
  removeAt(t, leaf, at, n);
  return <u32>n;
}

// --- Change of an element ---

/** Tells the tree that the element at a place, which treeFind() has just returned, has moved to another address. */
export function treeReadress(t: ScoreTree, place: u64, e: usize): void {
  store<u32>(leafSlot(placeLeaf(place), placeIndex(place)), <u32>e);
  if (placeIndex(place) == 0) setFirst(t, 1, elementScore(e), e);
}

/** True when an element may have this score and stay where it is. Among equal scores members would decide. */
function fitsBetween(place: u64, score: f64): bool {
  const before = placePrevious(place);
  if (before != 0 && elementScore(placeElement(before)) >= score) return false;
  const behind = placeNext(place);
  return behind == 0 || elementScore(placeElement(behind)) > score;
}

/** Gives an element of the tree another score; false (nothing changed) when memory is exhausted. */
export function treeUpdate(t: ScoreTree, e: usize, score: f64): bool {
  const place = treeFind(t, e);
  if (fitsBetween(place, score)) {
    elementSetScore(e, score);
    if (placeIndex(place) == 0) setFirst(t, 1, score, e);
    return true;
  }
  const old = elementScore(e);
  removeAt(t, placeLeaf(place), placeIndex(place), 1);
  elementSetScore(e, score);
  if (treeInsert(t, e)) return true;
  // Where it came from there is room.
  elementSetScore(e, old);
  const restored = treeInsert(t, e);
  assert(restored);
  return false;
}

// --- Taking apart ---

/**
 * Frees nodes from the tree's end on, about `budget` of them, and leaves the elements alone. Returns what is left of
 * the budget; the tree is empty when that is more than 0. In between it is good for nothing else.
 */
export function treeFreeSome(t: ScoreTree, budget: i32): i32 {
  while (t.root != 0) {
    if (budget <= 0) return 0;
    let node = t.root;
    for (let level = t.height; level > 0; level--) {
      pathSet(level, node, 0);
      node = child(node, nodeCount(node) - 1);
    }
    budget -= freeLast(t, node);
  }
  return budget > 0 ? budget : 1;
}

/** Frees the last leaf, to which the path leads, and the nodes that have nothing but it; returns how many. */
function freeLast(t: ScoreTree, leaf: usize): i32 {
  let freed = 1;
  freeNode(t, leaf);
  for (let level = 1; level <= t.height; level++) {
    const node = pathNode(level);
    const n = nodeCount(node) - 1;
    nodeSetCount(node, n);
    if (n > 0) return freed;
    freeNode(t, node);
    freed++;
  }
  treeInit(t);
  return freed;
}
