/**
 * Changes inside a quicklist: inserting, replacing and removing at a place, with the splits and merges of nodes that
 * they take.
 *
 *   split(node, 3, p)     [a b c d e]   ->   [a b c] [d e]      p is d's position
 *   merge around c        p2 p1 (c) n1 n2: p2 with p1, n1 with n2, p1 with c, that with n1, where `fill` allows
 *
 * A place is a node, uncompressed, with a position in its listpack (for a plain node any). Which node takes a new
 * element and which are merged is as in Valkey: the number of nodes decides on a list's encoding.
 *
 * Invariants: everything that needs memory happens before anything changes, but merging and compressing, which are left
 * out when there is none. Stale: all nodes, blocks and positions after a change.
 */
import { free } from "../memory/allocator";
import {
  LP_AFTER, lpAppend, LP_BEFORE, lpDelete, lpDeleteAt, lpDeleteRange, lpEnd, lpFirst, lpInsert, lpJoin, lpLast, lpNext,
  lpPrepend, lpReplace, lpSlice, lpStart,
} from "./listpack";
import {
  isLargeElement, nodeAllowsInsert, nodeBlock, nodeCount, nodeFree, nodeIsPlain, nodeNext, nodeOfElement,
  nodeOfListpack, nodeOfPlain, nodePrevious, nodesAllowMerge, nodeSetBlock, nodeSetCount, nodeUnpack, Quicklist,
  quicklistDrop, quicklistLink, quicklistSettle,
} from "./quicklist";

// --- Splitting and merging ---

/** Number of elements before position p. */
function indexOf(lp: usize, p: usize): i32 {
  let n = 0;
  for (let at = lpFirst(lp); at != p; at = lpNext(lp, at)) n++;
  return n;
}

/**
 * Moves the elements from `index` on, whose first stands at p, to a new node, which is linked nowhere. Both parts have
 * elements. Returns the new node, or 0 (nothing changed) when memory is exhausted.
 */
function split(ql: Quicklist, n: usize, index: i32, p: usize): usize {
  const lp = nodeBlock(n);
  const moving = nodeCount(n) - index;
  const slice = lpSlice(p, lpEnd(lp), moving);
  if (slice == 0) return 0;
  const fresh = nodeOfListpack(slice);
  if (fresh == 0) {
    free(slice);
    return 0;
  }
  nodeSetBlock(n, lpDeleteAt(lp, p, moving));
  nodeSetCount(n, index);
  ql.count -= <u32>moving;
  return fresh;
}

/** Takes b's elements into a, its neighbour; a, or 0 (nothing changed) for want of memory. */
function join(ql: Quicklist, a: usize, b: usize): usize {
  if (!nodeUnpack(a) || !nodeUnpack(b)) return 0;
  const joined = lpJoin(nodeBlock(a), nodeBlock(b));
  if (joined == 0) return 0;
  const moving = nodeCount(b);
  nodeSetBlock(a, joined);
  nodeSetCount(a, nodeCount(a) + moving);
  ql.count += <u32>moving;
  quicklistDrop(ql, b);
  return a;
}

/** Merges the nodes around one where that is allowed; returns the node that then holds its elements. */
function mergeAround(ql: Quicklist, center: usize): usize {
  const fill = <i32>ql.fill;
  const before = nodePrevious(center);
  if (before != 0 && nodesAllowMerge(nodePrevious(before), before, fill)) join(ql, nodePrevious(before), before);
  const behind = nodeNext(center);
  if (behind != 0 && nodesAllowMerge(behind, nodeNext(behind), fill)) join(ql, behind, nodeNext(behind));
  if (nodesAllowMerge(nodePrevious(center), center, fill)) {
    const joined = join(ql, nodePrevious(center), center);
    if (joined != 0) center = joined;
  }
  if (nodesAllowMerge(center, nodeNext(center), fill)) join(ql, center, nodeNext(center));
  return center;
}

/** Compresses a node and its neighbours again, as far as they are inner ones. */
function settleAround(ql: Quicklist, n: usize): void {
  if (ql.depth == 0) return;
  const before = nodePrevious(n);
  const behind = nodeNext(n);
  quicklistSettle(ql, n);
  if (before != 0) quicklistSettle(ql, before);
  if (behind != 0) quicklistSettle(ql, behind);
}

// --- Inserting ---

/** Links `fresh` beside n and settles both. */
function linkBeside(ql: Quicklist, n: usize, fresh: usize, after: bool): void {
  quicklistLink(ql, n, fresh, after);
  settleAround(ql, fresh);
}

/** Splits n at p and puts the node `fresh` between the parts; false (nothing changed) when memory is exhausted. */
function insertBetween(ql: Quicklist, n: usize, p: usize, fresh: usize, after: bool): bool {
  const at = after ? lpNext(nodeBlock(n), p) : p;
  const rest = split(ql, n, indexOf(nodeBlock(n), at), at);
  if (rest == 0) return false;
  quicklistLink(ql, n, fresh, true);
  quicklistLink(ql, fresh, rest, true);
  settleAround(ql, fresh);
  return true;
}

/** Puts an element into a node at p, before or after it. */
function insertInto(ql: Quicklist, n: usize, p: usize, ptr: usize, len: i32, after: bool): bool {
  if (!nodeUnpack(n)) return false;
  const moved = lpInsert(nodeBlock(n), p, ptr, len, after ? LP_AFTER : LP_BEFORE);
  if (moved == 0) return false;
  nodeSetBlock(n, moved);
  nodeSetCount(n, nodeCount(n) + 1);
  ql.count++;
  quicklistSettle(ql, n);
  return true;
}

/** Puts an element to the end of a neighbour that is nearer. */
function insertNear(ql: Quicklist, n: usize, ptr: usize, len: i32, atHead: bool): bool {
  if (!nodeUnpack(n)) return false;
  const lp = nodeBlock(n);
  return insertInto(ql, n, atHead ? lpStart(lp) : lpEnd(lp), ptr, len, false);
}

/** Inserts into a full node between its elements: splits it, and merges what is small enough afterwards. */
function insertSplitting(ql: Quicklist, n: usize, p: usize, ptr: usize, len: i32, after: bool): bool {
  const at = after ? lpNext(nodeBlock(n), p) : p;
  const index = indexOf(nodeBlock(n), at);
  const rest = split(ql, n, index, at);
  if (rest == 0) return false;
  // The element goes to the part that does not hold p.
  const target = after ? rest : n;
  const lp = nodeBlock(target);
  const moved = after ? lpPrepend(lp, ptr, len) : lpAppend(lp, ptr, len);
  if (moved != 0) {
    nodeSetBlock(target, moved);
    nodeSetCount(target, nodeCount(target) + 1);
    if (!after) ql.count++;
  }
  quicklistLink(ql, n, rest, true);
  if (moved == 0) join(ql, n, rest);
  else n = mergeAround(ql, after ? n : rest);
  settleAround(ql, n);
  return moved != 0;
}

/** Inserts an element before or after the one at (n, p); false (nothing changed) when memory is exhausted. */
export function quicklistInsert(ql: Quicklist, n: usize, p: usize, ptr: usize, len: i32, after: bool): bool {
  const fill = <i32>ql.fill;
  const lp = nodeBlock(n);
  const atEdge = nodeIsPlain(n) || (after ? lpNext(lp, p) == 0 : p == lpStart(lp));
  if (isLargeElement(fill, len)) {
    const fresh = nodeOfPlain(ptr, len);
    if (fresh == 0) return false;
    if (atEdge) linkBeside(ql, n, fresh, after);
    else if (!insertBetween(ql, n, p, fresh, after)) {
      nodeFree(fresh);
      return false;
    }
    return true;
  }
  if (nodeAllowsInsert(n, fill, len)) return insertInto(ql, n, p, ptr, len, after);
  if (!atEdge) return insertSplitting(ql, n, p, ptr, len, after);
  const near = after ? nodeNext(n) : nodePrevious(n);
  if (nodeAllowsInsert(near, fill, len)) {
    const inserted = insertNear(ql, near, ptr, len, after);
    quicklistSettle(ql, n);
    return inserted;
  }
  const fresh = nodeOfElement(ptr, len);
  if (fresh == 0) return false;
  linkBeside(ql, n, fresh, after);
  return true;
}

// --- Replacing ---

/** A large element takes the place of one in a listpack: it gets a node of its own between the rest. */
function replaceByPlain(ql: Quicklist, n: usize, p: usize, ptr: usize, len: i32): bool {
  const fresh = nodeOfPlain(ptr, len);
  if (fresh == 0) return false;
  if (nodeCount(n) == 1) {
    quicklistLink(ql, n, fresh, true);
    quicklistDrop(ql, n);
    settleAround(ql, fresh);
    return true;
  }
  const next = lpNext(nodeBlock(n), p);
  if (next != 0) {
    const rest = split(ql, n, indexOf(nodeBlock(n), next), next);
    if (rest == 0) {
      nodeFree(fresh);
      return false;
    }
    quicklistLink(ql, n, rest, true);
  }
  quicklistLink(ql, n, fresh, true);
  if (nodeCount(n) == 1) {
    quicklistDrop(ql, n);
  } else {
    const lp = nodeBlock(n);
    nodeSetBlock(n, lpDelete(lp, lpLast(lp)));
    nodeSetCount(n, nodeCount(n) - 1);
    ql.count--;
    mergeAround(ql, fresh);
  }
  settleAround(ql, fresh);
  return true;
}

/** Puts other bytes in the place of the element at (n, p); false (nothing changed) when memory is exhausted. */
export function quicklistReplace(ql: Quicklist, n: usize, p: usize, ptr: usize, len: i32): bool {
  const large = isLargeElement(ql.fill, len);
  if (!nodeIsPlain(n)) {
    if (large) return replaceByPlain(ql, n, p, ptr, len);
    const moved = lpReplace(nodeBlock(n), p, ptr, len);
    if (moved == 0) return false;
    nodeSetBlock(n, moved);
    quicklistSettle(ql, n);
    return true;
  }
  if (large) {
    const fresh = nodeOfPlain(ptr, len);
    if (fresh == 0) return false;
    quicklistLink(ql, n, fresh, true);
    quicklistDrop(ql, n);
    quicklistSettle(ql, fresh);
    return true;
  }
  if (!quicklistInsert(ql, n, 0, ptr, len, true)) return false;
  quicklistDrop(ql, n);
  quicklistSettle(ql, 0);
  return true;
}

// --- Removing ---

/**
 * Removes the element at (n, p). True when the node is gone with it; else root.lpPlace is the element behind it in
 * the node, 0 when there is none. Needs no memory. The node is not compressed again: the caller may go on in it.
 */
export function quicklistRemove(ql: Quicklist, n: usize, p: usize): bool {
  if (nodeIsPlain(n) || nodeCount(n) == 1) {
    quicklistDrop(ql, n);
    quicklistSettle(ql, 0);
    return true;
  }
  nodeSetBlock(n, lpDelete(nodeBlock(n), p));
  nodeSetCount(n, nodeCount(n) - 1);
  ql.count--;
  return false;
}

/** Uncompresses the nodes of which only a part is to be removed; false when memory is exhausted. */
function unpackCut(n: usize, offset: i32, count: i32): bool {
  while (count > 0) {
    const here = nodeCount(n) - offset;
    const part = offset > 0 || count < here;
    if (part && !nodeUnpack(n)) return false;
    count -= here;
    offset = 0;
    n = nodeNext(n);
  }
  return true;
}

/**
 * Removes `count` elements, which are there, from index `offset` of node n on. False (nothing changed) when a
 * compressed node has to be cut and memory is exhausted.
 */
export function quicklistRemoveRange(ql: Quicklist, n: usize, offset: i32, count: i32): bool {
  if (!unpackCut(n, offset, count)) return false;
  let cut: usize = 0;
  let lastCut: usize = 0;
  while (count > 0) {
    const next = nodeNext(n);
    const here = nodeCount(n);
    const gone = count < here - offset ? count : here - offset;
    if (gone == here) {
      quicklistDrop(ql, n);
    } else {
      nodeSetBlock(n, lpDeleteRange(nodeBlock(n), offset, gone));
      nodeSetCount(n, here - gone);
      ql.count -= <u32>gone;
      if (cut == 0) cut = n;
      lastCut = n;
    }
    count -= gone;
    offset = 0;
    n = next;
  }
  if (ql.depth == 0) return true;
  quicklistSettle(ql, cut);
  if (lastCut != cut) quicklistSettle(ql, lastCut);
  return true;
}
