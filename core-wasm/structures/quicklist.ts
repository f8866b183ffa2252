/**
 * The quicklist: a doubly linked list of listpacks, for lists that outgrow one. Elements too large to be moved about in
 * a listpack stand alone in a plain node. Nodes far from both ends may be compressed.
 *
 *   Quicklist >0 u32 head · u32 tail · u32 elements · u32 nodes · i16 fill · u16 depth                       24 bytes
 *
 *   node, 16 bytes
 *   >0  u32  previous
 *    4  u32  next
 *    8  u32  block | PLAIN | PACKED
 *   12  u32  number of elements, of a plain node its length in bytes
 *
 *   block   Identified by: PLAIN the element's own bytes, else a listpack; with PACKED, of either:
 *           >0 u32 size before · u32 size after · bytes of LZF
 *
 * `fill` and `depth` are what list-max-listpack-size and list-compress-depth were when the list outgrew its listpack. A
 * node takes elements up to `fill` (bytes when negative, -1 to -5: 4 to 64 KiB; else a number, and 8 KiB); when there
 * is none, `depth` is 0, else the `depth` nodes at each end are not compressed and those between them are, where it
 * helps. For want of memory a node may stay as it is, so any node is asked whether it is compressed.
 *
 * Limits, splits and merges are Valkey's, since they decide when a list becomes a listpack again. Not for changes at
 * any place but the ends: quicklist-edit.ts; nor for reading: types/list-cursor.ts.
 * Costs: an end is one load away; a place is found node by node from the nearer end; 16 bytes a node beside its block.
 * Stale: nodes' blocks after any change. Idea: quicklist (M. Stancliff, 2014).
 */
import { LZF_TABLE_SIZE, lzfCompress, lzfDecompress } from "../bytes/lzf";
import { adoptBlock } from "../keyspace/entry";
import { alloc, allocSpared, canAllocate, free, realloc } from "../memory/allocator";
import { freePinned } from "../memory/pins";
import { root } from "../memory/root";
import { lpAppend, lpBytes, lpCopy, lpLength, lpNew, lpPrepend } from "./listpack";

/** The two ends. */
export const LIST_HEAD: i32 = 0;
export const LIST_TAIL: i32 = 1;

@unmanaged
export class Quicklist {
  head: usize;
  tail: usize;
  count: u32; // elements
  nodes: u32;
  fill: i16;
  depth: u16;
}

const NODE_SIZE: usize = 16;
const NEXT: usize = 4;
const BLOCK: usize = 8;
const COUNT: usize = 12;
const PLAIN: u32 = 1;
const PACKED: u32 = 2;
const TAGS: u32 = 7; // blocks are aligned to 8
const PACKED_HEADER: usize = 8;
/** Smaller blocks are not compressed, nor those that it makes smaller by fewer bytes. */
const COMPRESS_LEAST: i32 = 48;
const COMPRESS_GAIN: i32 = 8;
/** A node that is limited by its number of elements ends at this size. */
const SIZE_LIMIT: u32 = 8192;
/** An element is taken to need this much beside its bytes. */
const ELEMENT_EXTRA: u32 = 8;
const FILL_MOST: i32 = 32767;
const FILL_LEAST: i32 = -5;
const DEPTH_MOST: i32 = 65535;
/** A block of this size or more is asked for with the reserve in mind. */
const LARGE_BLOCK: i32 = 32768;
const NEW_NODE_ROOM: i32 = 64;

// --- Nodes ---

export function nodePrevious(n: usize): usize {
  return <usize>load<u32>(n);
}

export function nodeNext(n: usize): usize {
  return <usize>load<u32>(n, NEXT);
}

/** True for an element that stands alone: the block is its bytes. */
export function nodeIsPlain(n: usize): bool {
  return (load<u32>(n, BLOCK) & PLAIN) != 0;
}

export function nodeIsCompressed(n: usize): bool {
  return (load<u32>(n, BLOCK) & PACKED) != 0;
}

export function nodeBlock(n: usize): usize {
  return <usize>(load<u32>(n, BLOCK) & ~TAGS);
}

/** Number of elements. */
export function nodeCount(n: usize): i32 {
  return nodeIsPlain(n) ? 1 : load<i32>(n, COUNT);
}

export function nodeSetCount(n: usize, count: i32): void {
  store<i32>(n, count, COUNT);
}

/** Size of the listpack or plain element when it is not compressed. */
export function nodeBytes(n: usize): i32 {
  // Both a listpack and a compressed block begin with that size.
  return nodeIsPlain(n) ? load<i32>(n, COUNT) : lpBytes(nodeBlock(n));
}

/** Gives an uncompressed node another block of the same kind. */
export function nodeSetBlock(n: usize, block: usize): void {
  store<u32>(n, <u32>block | (load<u32>(n, BLOCK) & PLAIN), BLOCK);
}

function newNode(block: usize, kind: u32, count: i32): usize {
  const n = alloc(NODE_SIZE);
  if (n == 0) return 0;
  store<u64>(n, 0);
  store<u32>(n, <u32>block | kind, BLOCK);
  store<i32>(n, count, COUNT);
  return n;
}

/** A node for a listpack, which it then owns; 0 (the listpack is still the caller's) when memory is exhausted. */
export function nodeOfListpack(lp: usize): usize {
  return newNode(lp, 0, lpLength(lp));
}

/** A plain node with a copy of the bytes, or with the argument's own block when it has one. 0 without memory. */
export function nodeOfPlain(ptr: usize, len: i32): usize {
  const adopts = ptr != 0 && ptr == root().adoptable;
  if (!adopts && len >= LARGE_BLOCK && !canAllocate(<u64>len)) return 0;
  const n = newNode(0, PLAIN, len);
  if (n == 0) return 0;
  const block = adopts ? adoptBlock(ptr, len) : alloc(<usize>len);
  if (block == 0) {
    free(n);
    return 0;
  }
  if (!adopts) memory.copy(block, ptr, <usize>len);
  store<u32>(n, <u32>block | PLAIN, BLOCK);
  return n;
}

/** A node with a listpack of one element; 0 when memory is exhausted. */
export function nodeOfElement(ptr: usize, len: i32): usize {
  const lp = lpNew(NEW_NODE_ROOM);
  if (lp == 0) return 0;
  const filled = lpAppend(lp, ptr, len);
  let n: usize = 0;
  if (filled != 0) n = nodeOfListpack(filled);
  if (n == 0) free(filled == 0 ? lp : filled);
  return n;
}

/** Frees a node that is linked nowhere, with its block. */
export function nodeFree(n: usize): void {
  freePinned(nodeBlock(n));
  free(n);
}

// --- Compression ---

/** Where a compressed node's LZF bytes stand. */
export function nodePackedData(n: usize): usize {
  return nodeBlock(n) + PACKED_HEADER;
}

/** How many LZF bytes a compressed node has. */
export function nodePackedLength(n: usize): i32 {
  return load<i32>(nodeBlock(n), 4);
}

/** A compressed node's bytes in a block of the caller's; 0 when memory is exhausted. */
export function nodeUnpacked(n: usize): usize {
  const packed = nodeBlock(n);
  const size = load<i32>(packed);
  if (size >= LARGE_BLOCK && !canAllocate(<u64>size)) return 0;
  const raw = alloc(<usize>size);
  if (raw == 0) return 0;
  lzfDecompress(packed + PACKED_HEADER, load<i32>(packed, 4), raw, size);
  return raw;
}

/** Makes a compressed node plain data again, with what nodeUnpacked gave: it is the node's from now on. */
export function nodeAdopt(n: usize, raw: usize): void {
  free(nodeBlock(n));
  store<u32>(n, <u32>raw | (load<u32>(n, BLOCK) & PLAIN), BLOCK);
}

/** Makes a node uncompressed; false when memory is exhausted. */
export function nodeUnpack(n: usize): bool {
  if (!nodeIsCompressed(n)) return true;
  const raw = nodeUnpacked(n);
  if (raw != 0) nodeAdopt(n, raw);
  return raw != 0;
}

/** Compresses a node where that saves bytes and memory for it can be had. */
function nodePack(n: usize): void {
  if (nodeIsCompressed(n)) return;
  const size = nodeBytes(n);
  if (size < COMPRESS_LEAST) return;
  const table = alloc(<usize>LZF_TABLE_SIZE);
  let packed: usize = 0;
  if (table != 0) packed = alloc(PACKED_HEADER + <usize>size);
  let length = 0;
  if (packed != 0) length = lzfCompress(nodeBlock(n), size, packed + PACKED_HEADER, size, table);
  free(table);
  // Asking for less room instead would refuse some that fit: the compressor stops early for want of margin.
  if (length == 0 || length + COMPRESS_GAIN >= size) {
    free(packed);
    return;
  }
  store<i32>(packed, size);
  store<i32>(packed, length, 4);
  const shrunk = realloc(packed, PACKED_HEADER + <usize>length);
  freePinned(nodeBlock(n));
  store<u32>(n, <u32>(shrunk == 0 ? packed : shrunk) | PACKED | (load<u32>(n, BLOCK) & PLAIN), BLOCK);
}

/**
 * Brings the list back to its rule of compression after a change: of nodes at the ends, of those that have just left
 * them, and of `n` (0: none), a node that may be uncompressed for the change's sake.
 */
export function quicklistSettle(ql: Quicklist, n: usize): void {
  const depth = <u32>ql.depth;
  if (depth == 0 || ql.nodes == 0) return;
  let a = ql.head;
  let b = ql.tail;
  let isInner = n != 0;
  for (let i: u32 = 0; i < depth; i++) {
    nodeUnpack(a);
    nodeUnpack(b);
    if (a == n || b == n) isInner = false;
    if (a == b || nodeNext(a) == b) return;
    a = nodeNext(a);
    b = nodePrevious(b);
  }
  nodePack(a);
  nodePack(b);
  if (isInner) nodePack(n);
}

// --- Limits ---

/** Most bytes that a node of a size-limited list takes. */
function fillBytes(fill: i32): u32 {
  return 2048 << <u32>(fill < FILL_LEAST ? -FILL_LEAST : -fill);
}

/** True when a listpack of so many bytes and elements is more than the setting `fill` allows. */
export function exceedsFill(fill: i32, bytes: u32, count: u32): bool {
  if (fill < 0) return bytes > fillBytes(fill);
  return bytes > SIZE_LIMIT || count > <u32>(fill == 0 ? 1 : fill);
}

/** True when a listpack is at most half of what the setting `fill` allows, or all of it unless `half`. */
export function withinFill(fill: i32, bytes: u32, count: u32, half: bool): bool {
  const shift: u32 = half ? 1 : 0;
  if (fill < 0) return bytes <= fillBytes(fill) >> shift;
  return count <= <u32>(fill == 0 ? 1 : fill) >> shift;
}

/** True for an element that gets a plain node. */
export function isLargeElement(fill: i32, len: i32): bool {
  const threshold = root().listPackedThreshold;
  if (threshold != 0) return <u32>len >= threshold;
  return <u32>len > (fill < 0 ? fillBytes(fill) : SIZE_LIMIT);
}

/** True when the node (0: none) takes one more element of `len` bytes. */
export function nodeAllowsInsert(n: usize, fill: i32, len: i32): bool {
  if (n == 0 || nodeIsPlain(n) || isLargeElement(fill, len)) return false;
  return !exceedsFill(fill, <u32>nodeBytes(n) + <u32>len + ELEMENT_EXTRA, <u32>nodeCount(n) + 1);
}

/** True when two nodes (0: none) can become one. */
export function nodesAllowMerge(a: usize, b: usize, fill: i32): bool {
  if (a == 0 || b == 0 || nodeIsPlain(a) || nodeIsPlain(b)) return false;
  return !exceedsFill(fill, <u32>(nodeBytes(a) + nodeBytes(b) - 7), <u32>(nodeCount(a) + nodeCount(b)));
}

// --- Linking ---

/** Links a node after `at`, or before it; into an empty list when there is none. Compresses nothing. */
export function quicklistLink(ql: Quicklist, at: usize, n: usize, after: bool): void {
  let before = at;
  let behind = at;
  if (at != 0) {
    if (after) behind = nodeNext(at);
    else before = nodePrevious(at);
  }
  store<u32>(n, <u32>before);
  store<u32>(n, <u32>behind, NEXT);
  if (before != 0) store<u32>(before, <u32>n, NEXT);
  else ql.head = n;
  if (behind != 0) store<u32>(behind, <u32>n);
  else ql.tail = n;
  ql.nodes++;
  ql.count += <u32>nodeCount(n);
}

/** Takes a node out and frees it with its block. Compresses nothing. */
export function quicklistDrop(ql: Quicklist, n: usize): void {
  const before = nodePrevious(n);
  const behind = nodeNext(n);
  if (before != 0) store<u32>(before, <u32>behind, NEXT);
  else ql.head = behind;
  if (behind != 0) store<u32>(behind, <u32>before);
  else ql.tail = before;
  ql.nodes--;
  ql.count -= <u32>nodeCount(n);
  nodeFree(n);
}

// --- Making and freeing ---

/** An empty list with these settings; 0 when memory is exhausted. */
export function quicklistNew(fill: i32, depth: i32): usize {
  const address = alloc(offsetof<Quicklist>());
  if (address == 0) return 0;
  memory.fill(address, 0, offsetof<Quicklist>());
  const ql = changetype<Quicklist>(address);
  ql.fill = <i16>(fill > FILL_MOST ? FILL_MOST : fill < FILL_LEAST ? FILL_LEAST : fill);
  ql.depth = <u16>(depth > DEPTH_MOST ? DEPTH_MOST : depth < 0 ? 0 : depth);
  return address;
}

/** Frees nodes from the head on while the budget lasts, one for each allocation; returns what is left of it. */
export function quicklistFreeSome(ql: Quicklist, budget: i32): i32 {
  while (ql.head != 0 && budget > 0) {
    quicklistDrop(ql, ql.head);
    budget -= 2;
  }
  if (ql.head != 0) return 0;
  free(changetype<usize>(ql));
  return budget > 1 ? budget - 1 : 1;
}

/** A node like this one, linked nowhere; 0 when memory is exhausted. */
function nodeCopy(n: usize): usize {
  const block = nodeBlock(n);
  const tags = load<u32>(n, BLOCK) & TAGS;
  let copy: usize = 0;
  if (tags == 0) {
    copy = lpCopy(block);
  } else {
    const size = tags & PACKED ? PACKED_HEADER + <usize>load<u32>(block, 4) : <usize>load<u32>(n, COUNT);
    copy = allocSpared(<u64>size);
    if (copy != 0) memory.copy(copy, block, size);
  }
  if (copy == 0) return 0;
  const fresh = newNode(copy, tags, load<i32>(n, COUNT));
  if (fresh == 0) free(copy);
  return fresh;
}

/** A copy of the list; 0 when memory is exhausted. */
export function quicklistCopy(ql: Quicklist): usize {
  const address = quicklistNew(ql.fill, ql.depth);
  if (address == 0) return 0;
  const copy = changetype<Quicklist>(address);
  for (let n = ql.head; n != 0; n = nodeNext(n)) {
    const fresh = nodeCopy(n);
    if (fresh == 0) {
      quicklistFreeSome(copy, i32.MAX_VALUE);
      return 0;
    }
    quicklistLink(copy, copy.tail, fresh, true);
  }
  return address;
}

// --- Ends ---

/** Puts an element at an end; false (nothing changed) when memory is exhausted. */
export function quicklistPush(ql: Quicklist, ptr: usize, len: i32, where: i32): bool {
  const end = where == LIST_HEAD ? ql.head : ql.tail;
  const fill = <i32>ql.fill;
  if (nodeAllowsInsert(end, fill, len)) {
    if (!nodeUnpack(end)) return false;
    const block = nodeBlock(end);
    const moved = where == LIST_HEAD ? lpPrepend(block, ptr, len) : lpAppend(block, ptr, len);
    if (moved == 0) return false;
    store<u32>(end, <u32>moved, BLOCK);
    store<u32>(end, load<u32>(end, COUNT) + 1, COUNT);
    ql.count++;
    return true;
  }
  const n = isLargeElement(fill, len) ? nodeOfPlain(ptr, len) : nodeOfElement(ptr, len);
  if (n == 0) return false;
  quicklistLink(ql, end, n, where == LIST_TAIL);
  quicklistSettle(ql, 0);
  return true;
}

/** Appends a node of a listpack or plain element as they come from a file; it is the list's from now on. */
export function quicklistAppendNode(ql: Quicklist, n: usize): void {
  quicklistLink(ql, ql.tail, n, true);
  quicklistSettle(ql, 0);
}
