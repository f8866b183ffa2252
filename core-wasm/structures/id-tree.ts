/**
 * The ID tree: an ordered map from 128-bit numbers to addresses, as a B+ tree. Stream IDs lead to the stream's
 * listpacks and to the notes about deliveries in it.
 *
 *   tree, inside its owner     >0 u32 root node, 0 when empty    4 u32 number of keys
 *
 *   node                       >0 u16 entries in use             2 u16 level, 0 for a leaf
 *                               4 u32 next leaf, 0 at the end    8 u32 previous leaf
 *                              12 entries of 20 bytes: u64 high half, u64 low half, u32 value (leaf) or node
 *
 *   position                   leaf << 32 | index, 0 for none; what idNext, idKey... take
 *
 * Not a radix tree, as Valkey's is: keys have a fixed length and nearly always come in rising order, so leaves are full
 * and a key costs 20.3 bytes, found by comparing two numbers a step. A radix tree of such keys takes 40 and more, and
 * a pointer to follow for each byte in which they differ. Nobody sees the shape but in XINFO STREAM (see idRadixNodes).
 *
 * Invariants: keys rise, within a leaf and along the chain; an inner entry's key is not above any key below it, but for
 * the first entry, whose key is not looked at; no leaf is empty. A node's block grows with it and moves then.
 * Costs: look-ups log50 N, the next key a step; appending touches only the last node of each level.
 * Stale: positions after idInsert and idRemove.
 */
import { alloc, free, usableSize } from "../memory/allocator";

const HEADER: usize = 12;
const ENTRY: usize = 20;
const LEVEL: usize = 2;
const NEXT: usize = 4;
const PREVIOUS: usize = 8;
const LOW: usize = 8;
const VALUE: usize = 16;
const SIZE: usize = 4;
/** Entries of a full node: 1,012 bytes of a block of 1,024. */
const MOST: i32 = 50;
/** A node with fewer is joined with its neighbour, when both together leave some room. */
const FEW: i32 = 12;
const JOINED_MOST: i32 = 38;
/** Room of a leaf that begins behind all others. */
const TAIL_ROOM: i32 = 4;
/** Bytes of a tree inside its owner. */
export const ID_TREE_SIZE: usize = 8;

// --- Nodes ---

function entryAt(node: usize, i: i32): usize {
  return node + HEADER + <usize>i * ENTRY;
}

function countOf(node: usize): i32 {
  return <i32>load<u16>(node);
}

function setCount(node: usize, n: i32): void {
  store<u16>(node, <u16>n);
}

function levelOf(node: usize): i32 {
  return <i32>load<u16>(node, LEVEL);
}

function valueOf(entry: usize): usize {
  return <usize>load<u32>(entry, VALUE);
}

function setEntry(entry: usize, high: u64, low: u64, value: usize): void {
  store<u64>(entry, high);
  store<u64>(entry, low, LOW);
  store<u32>(entry, <u32>value, VALUE);
}

function isAbove(entry: usize, high: u64, low: u64): bool {
  const h = load<u64>(entry);
  return h > high || (h == high && load<u64>(entry, LOW) > low);
}

function isKey(entry: usize, high: u64, low: u64): bool {
  return load<u64>(entry, LOW) == low && load<u64>(entry) == high;
}

function roomOf(node: usize): i32 {
  const room = <i32>((usableSize(node) - HEADER) / ENTRY);
  return room < MOST ? room : MOST;
}

function newNode(level: i32, room: i32): usize {
  const node = alloc(HEADER + <usize>room * ENTRY);
  if (node == 0) return 0;
  store<u16>(node, 0);
  store<u16>(node, <u16>level, LEVEL);
  store<u64>(node, 0, NEXT);
  return node;
}

/** How many entries have a key up to this one. */
function upTo(node: usize, high: u64, low: u64): i32 {
  let from = 0;
  let to = countOf(node);
  // Most keys that are looked for are at the end.
  if (to == 0 || !isAbove(entryAt(node, to - 1), high, low)) return to;
  to--;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isAbove(entryAt(node, middle), high, low)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The entry of an inner node that a key belongs below. */
function branch(node: usize, high: u64, low: u64): i32 {
  const i = upTo(node, high, low) - 1;
  return i < 0 ? 0 : i;
}

/** Moves a node into a block for `room` entries; `slot` holds its address. The new address, or 0: nothing changed. */
function moveNode(slot: usize, room: i32): usize {
  const node = <usize>load<u32>(slot);
  const moved = alloc(HEADER + <usize>room * ENTRY);
  if (moved == 0) return 0;
  memory.copy(moved, node, HEADER + <usize>countOf(node) * ENTRY);
  store<u32>(slot, <u32>moved);
  const next = <usize>load<u32>(node, NEXT);
  const previous = <usize>load<u32>(node, PREVIOUS);
  if (next != 0) store<u32>(next, <u32>moved, PREVIOUS);
  if (previous != 0) store<u32>(previous, <u32>moved, NEXT);
  free(node);
  return moved;
}

/** Makes sure that one more entry fits into a node with fewer than MOST; its address, or 0: nothing changed. */
function growNode(slot: usize): usize {
  const node = <usize>load<u32>(slot);
  const n = countOf(node);
  if (n < roomOf(node)) return node;
  const room = n + (n >> 1) + 1;
  return moveNode(slot, room < MOST ? room : MOST);
}

function insertEntry(node: usize, i: i32, high: u64, low: u64, value: usize): void {
  const n = countOf(node);
  const entry = entryAt(node, i);
  if (i < n) memory.copy(entry + ENTRY, entry, <usize>(n - i) * ENTRY);
  setEntry(entry, high, low, value);
  setCount(node, n + 1);
}

function removeEntryAt(node: usize, i: i32): void {
  const n = countOf(node) - 1;
  const entry = entryAt(node, i);
  if (i < n) memory.copy(entry, entry + ENTRY, <usize>(n - i) * ENTRY);
  setCount(node, n);
}

// --- Inserting ---

/**
 * Divides the full child i of a node that has room. A key behind all others gets a node of its own, so that rising keys
 * leave full nodes. False, nothing changed, without memory.
 */
function splitChild(parent: usize, i: i32, high: u64, low: u64): bool {
  const child = valueOf(entryAt(parent, i));
  const level = levelOf(child);
  const n = countOf(child);
  const last = load<u32>(child, NEXT) == 0 && i == countOf(parent) - 1 && !isAbove(entryAt(child, n - 1), high, low);
  const keep = last ? (level == 0 ? n : n - 1) : n >> 1;
  const right = newNode(level, last ? TAIL_ROOM : MOST);
  if (right == 0) return false;
  const first = entryAt(child, keep);
  if (keep < n) {
    memory.copy(entryAt(right, 0), first, <usize>(n - keep) * ENTRY);
    high = load<u64>(first);
    low = load<u64>(first, LOW);
  }
  setCount(right, n - keep);
  setCount(child, keep);
  if (level == 0) {
    const next = <usize>load<u32>(child, NEXT);
    store<u32>(right, <u32>next, NEXT);
    store<u32>(right, <u32>child, PREVIOUS);
    store<u32>(child, <u32>right, NEXT);
    if (next != 0) store<u32>(next, <u32>right, PREVIOUS);
  }
  insertEntry(parent, i + 1, high, low, right);
  return true;
}

/** Puts a new root above a full one. False, nothing changed, without memory. */
function raise(t: usize, high: u64, low: u64): bool {
  const node = <usize>load<u32>(t);
  const above = newNode(levelOf(node) + 1, TAIL_ROOM);
  if (above == 0) return false;
  insertEntry(above, 0, 0, 0, node);
  if (!splitChild(above, 0, high, low)) {
    free(above);
    return false;
  }
  store<u32>(t, <u32>above);
  return true;
}

/** Adds a key that is absent, with a value other than 0; false, nothing changed, without memory. */
export function idInsert(t: usize, high: u64, low: u64, value: usize): bool {
  let slot = t;
  let node = <usize>load<u32>(t);
  if (node == 0) {
    node = newNode(0, 1);
    if (node == 0) return false;
    store<u32>(t, <u32>node);
    setEntry(entryAt(node, 0), high, low, value);
    setCount(node, 1);
    store<u32>(t, 1, SIZE);
    return true;
  }
  if (countOf(node) == MOST) {
    if (!raise(t, high, low)) return false;
    node = <usize>load<u32>(t);
  }
  while (levelOf(node) > 0) {
    let i = branch(node, high, low);
    if (countOf(valueOf(entryAt(node, i))) == MOST) {
      node = growNode(slot);
      if (node == 0 || !splitChild(node, i, high, low)) return false;
      if (!isAbove(entryAt(node, i + 1), high, low)) i++;
    }
    slot = entryAt(node, i) + VALUE;
    node = <usize>load<u32>(slot);
  }
  // A leaf that splitChild left empty has room, so that none stays empty.
  node = growNode(slot);
  if (node == 0) return false;
  const i = upTo(node, high, low);
  assert(i == 0 || !isKey(entryAt(node, i - 1), high, low));
  insertEntry(node, i, high, low, value);
  store<u32>(t, load<u32>(t, SIZE) + 1, SIZE);
  return true;
}

// --- Removing ---

/** Frees a node without its children; a leaf leaves the chain. */
function dropNode(node: usize): void {
  const next = <usize>load<u32>(node, NEXT);
  const previous = <usize>load<u32>(node, PREVIOUS);
  if (next != 0) store<u32>(next, <u32>previous, PREVIOUS);
  if (previous != 0) store<u32>(previous, <u32>next, NEXT);
  free(node);
}

/** Joins the children i and i + 1, when they fit into one node well. */
function joinChildren(node: usize, i: i32): void {
  const slot = entryAt(node, i) + VALUE;
  let left = <usize>load<u32>(slot);
  const border = entryAt(node, i + 1);
  const right = valueOf(border);
  const n = countOf(left);
  const m = countOf(right);
  if (n + m > JOINED_MOST) return;
  if (roomOf(left) < n + m) {
    left = moveNode(slot, n + m);
    if (left == 0) return;
  }
  const first = entryAt(left, n);
  memory.copy(first, entryAt(right, 0), <usize>m * ENTRY);
  // The first entry's key of an inner node may be anything; here it becomes a border.
  if (levelOf(right) > 0) setEntry(first, load<u64>(border), load<u64>(border, LOW), valueOf(first));
  setCount(left, n + m);
  dropNode(right);
  removeEntryAt(node, i + 1);
}

/** Takes an empty child away, joins one with few entries. */
function mendChild(node: usize, i: i32): void {
  const child = valueOf(entryAt(node, i));
  const n = countOf(child);
  if (n == 0) {
    dropNode(child);
    removeEntryAt(node, i);
  } else if (n < FEW) {
    if (i + 1 < countOf(node)) joinChildren(node, i);
    else if (i > 0) joinChildren(node, i - 1);
  }
}

function removeBelow(slot: usize, high: u64, low: u64): usize {
  const node = <usize>load<u32>(slot);
  if (levelOf(node) > 0) {
    const i = branch(node, high, low);
    const value = removeBelow(entryAt(node, i) + VALUE, high, low);
    if (value != 0) mendChild(node, i);
    return value;
  }
  const i = upTo(node, high, low) - 1;
  if (i < 0 || !isKey(entryAt(node, i), high, low)) return 0;
  const value = valueOf(entryAt(node, i));
  removeEntryAt(node, i);
  const n = countOf(node);
  if (n > 0 && n <= roomOf(node) >> 2) moveNode(slot, n << 1);
  return value;
}

/** Removes a key; its value, 0 when it is absent. Needs no memory. */
export function idRemove(t: usize, high: u64, low: u64): usize {
  if (load<u32>(t) == 0) return 0;
  const value = removeBelow(t, high, low);
  if (value == 0) return 0;
  store<u32>(t, load<u32>(t, SIZE) - 1, SIZE);
  let node = <usize>load<u32>(t);
  while (levelOf(node) > 0 && countOf(node) == 1) {
    const child = valueOf(entryAt(node, 0));
    free(node);
    node = child;
    store<u32>(t, <u32>node);
  }
  if (countOf(node) == 0) {
    free(node);
    store<u32>(t, 0);
  }
  return value;
}

function shedBelow(node: usize): bool {
  const n = countOf(node);
  if (levelOf(node) > 0 && !shedBelow(valueOf(entryAt(node, n - 1)))) return false;
  if (levelOf(node) > 0 && n > 1) {
    setCount(node, n - 1);
    return false;
  }
  dropNode(node);
  return true;
}

/** Removes the last leaf with all its keys, whose values are the caller's. For freeing a tree step by step. */
export function idShed(t: usize): void {
  const node = <usize>load<u32>(t);
  if (node == 0) return;
  const keys = countOf(<usize>(idLast(t) >> 32));
  store<u32>(t, load<u32>(t, SIZE) - keys, SIZE);
  if (shedBelow(node)) store<u32>(t, 0);
}

// --- Looking ---

/** Number of keys. */
export function idSize(t: usize): u32 {
  return load<u32>(t, SIZE);
}

function position(leaf: usize, i: i32): u64 {
  return (<u64>leaf << 32) | <u64>i;
}

function leafOf(t: usize, high: u64, low: u64): usize {
  let node = <usize>load<u32>(t);
  while (levelOf(node) > 0) node = valueOf(entryAt(node, branch(node, high, low)));
  return node;
}

/** The value of a key, 0 when it is absent. */
export function idFind(t: usize, high: u64, low: u64): usize {
  if (load<u32>(t) == 0) return 0;
  const leaf = leafOf(t, high, low);
  const i = upTo(leaf, high, low) - 1;
  if (i < 0) return 0;
  const entry = entryAt(leaf, i);
  return isKey(entry, high, low) ? valueOf(entry) : 0;
}

/** Position of the least key, 0 when the tree is empty. */
export function idFirst(t: usize): u64 {
  let node = <usize>load<u32>(t);
  if (node == 0) return 0;
  while (levelOf(node) > 0) node = valueOf(entryAt(node, 0));
  return position(node, 0);
}

/** Position of the greatest key, 0 when the tree is empty. */
export function idLast(t: usize): u64 {
  let node = <usize>load<u32>(t);
  if (node == 0) return 0;
  while (levelOf(node) > 0) node = valueOf(entryAt(node, countOf(node) - 1));
  return position(node, countOf(node) - 1);
}

/** Position of the first key of the last leaf, 0 when the tree is empty. */
export function idLastLeaf(t: usize): u64 {
  return idLast(t) & 0xffffffff00000000;
}

/** Position of the greatest key up to this one, 0 when there is none. */
export function idSeekUpTo(t: usize, high: u64, low: u64): u64 {
  if (load<u32>(t) == 0) return 0;
  let leaf = leafOf(t, high, low);
  const i = upTo(leaf, high, low) - 1;
  if (i >= 0) return position(leaf, i);
  leaf = <usize>load<u32>(leaf, PREVIOUS);
  return leaf == 0 ? 0 : position(leaf, countOf(leaf) - 1);
}

/** Position of the least key from this one on, 0 when there is none. */
export function idSeekFrom(t: usize, high: u64, low: u64): u64 {
  if (load<u32>(t) == 0) return 0;
  let leaf = leafOf(t, high, low);
  let i = upTo(leaf, high, low);
  if (i > 0 && isKey(entryAt(leaf, i - 1), high, low)) i--;
  if (i < countOf(leaf)) return position(leaf, i);
  leaf = <usize>load<u32>(leaf, NEXT);
  return leaf == 0 ? 0 : position(leaf, 0);
}

/** The position behind, 0 at the end. */
export function idNext(at: u64): u64 {
  const leaf = <usize>(at >> 32);
  if (<i32>at + 1 < countOf(leaf)) return at + 1;
  const next = <usize>load<u32>(leaf, NEXT);
  return next == 0 ? 0 : position(next, 0);
}

/** The position before, 0 at the start. */
export function idPrevious(at: u64): u64 {
  if (<i32>at > 0) return at - 1;
  const previous = <usize>load<u32>(<usize>(at >> 32), PREVIOUS);
  return previous == 0 ? 0 : position(previous, countOf(previous) - 1);
}

function entryOf(at: u64): usize {
  return entryAt(<usize>(at >> 32), <i32>at);
}

/** The key's high half at a position. */
export function idHigh(at: u64): u64 {
  return load<u64>(entryOf(at));
}

/** The key's low half at a position. */
export function idLow(at: u64): u64 {
  return load<u64>(entryOf(at), LOW);
}

/** The value at a position. */
export function idValue(at: u64): usize {
  return valueOf(entryOf(at));
}

/** Replaces the value at a position. */
export function idSetValue(at: u64, value: usize): void {
  store<u32>(entryOf(at), <u32>value, VALUE);
}

// --- Measuring ---

function bytesBelow(node: usize): usize {
  let bytes = usableSize(node);
  if (levelOf(node) == 0) return bytes;
  for (let i = 0; i < countOf(node); i++) bytes += bytesBelow(valueOf(entryAt(node, i)));
  return bytes;
}

/** Bytes that the nodes take. Costs a look at each. */
export function idBytes(t: usize): usize {
  const node = <usize>load<u32>(t);
  return node == 0 ? 0 : bytesBelow(node);
}

/** Bytes that two keys, as 16 bytes with the highest first, have in common at their start. */
function commonBytes(a: usize, b: usize): i32 {
  const high = load<u64>(a) ^ load<u64>(b);
  if (high != 0) return <i32>(clz<u64>(high) >> 3);
  return 8 + <i32>(clz<u64>(load<u64>(a, LOW) ^ load<u64>(b, LOW)) >> 3);
}

/** Nodes of a chain of single bytes from below depth `parent` (-1: the root's place) to depth `depth`: one or none. */
function chainNodes(parent: i32, depth: i32): u32 {
  return depth > parent + 1 ? 1 : 0;
}

/** The deepest branch of the set `branches` (a bit a depth), -1 when there is none. */
function deepest(branches: u32): i32 {
  return 31 - <i32>clz<u32>(branches);
}

/**
 * How many nodes a radix tree with compressed chains would have for these keys: what XINFO STREAM tells. Exact for up
 * to `most` keys, extrapolated from so many for more.
 */
export function idRadixNodes(t: usize, most: u32): u64 {
  let at = idFirst(t);
  if (at == 0) return 1;
  let nodes: u64 = 0;
  let seen: u32 = 1;
  let branches: u32 = 0; // depths of the branches above the current key
  for (let next = idNext(at); next != 0 && seen < most; next = idNext(at)) {
    const depth = commonBytes(entryOf(at), entryOf(next));
    // The current key's leaf and the chain to it hang below the deeper of its two branches.
    const above = deepest(branches) > depth ? deepest(branches) : depth;
    nodes += 1 + chainNodes(above, 16);
    while (deepest(branches) > depth) {
      const closed = deepest(branches);
      branches &= ~(<u32>1 << closed);
      const parent = deepest(branches) > depth ? deepest(branches) : depth;
      nodes += 1 + chainNodes(parent, closed);
    }
    branches |= <u32>1 << depth;
    at = next;
    seen++;
  }
  nodes += 1 + chainNodes(deepest(branches), 16);
  while (branches != 0) {
    const closed = deepest(branches);
    branches &= ~(<u32>1 << closed);
    nodes += 1 + chainNodes(deepest(branches), closed);
  }
  const size = <u64>idSize(t);
  return size > <u64>seen ? nodes * size / <u64>seen : nodes;
}
