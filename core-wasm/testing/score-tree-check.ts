/** For tests: walks a whole sorted set and tells the first invariant that does not hold. Not part of what ships. */
import { compareBytes } from "../bytes/compare";
import { entryPointer } from "../keyspace/entry";
import { usableSize } from "../memory/allocator";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, tableFind, tableSize } from "../structures/hashtable";
import { lpBytes, lpValidate } from "../structures/listpack";
import {
  child, childFirst, childScore, childSize, elementScore, leafCapacity, leafElement, leafNext, leafPrevious, nodeCount,
  ScoreTree, treeSize,
} from "../structures/score-tree";
import { isPacked, zsetTable, zsetTree } from "../types/zset";

/** What the walk is at: the previous element, the previous leaf, elements and bytes so far. */
@unmanaged
class Walk {
  element: usize;
  leaf: usize;
  count: u32;
  bytes: u32;
}

const WALK: usize = memory.data(16, 8);

function walk(): Walk {
  return changetype<Walk>(WALK);
}

function checkLeaf(z: usize, leaf: usize): i32 {
  const w = walk();
  if (leafPrevious(leaf) != w.leaf || (w.leaf != 0 && leafNext(w.leaf) != leaf)) return 1;
  w.leaf = leaf;
  w.bytes += <u32>usableSize(leaf);
  const n = nodeCount(leaf);
  if (n == 0 || n > leafCapacity(leaf)) return 2;
  for (let i = 0; i < n; i++) {
    const e = leafElement(leaf, i);
    const key = keyAddress(e);
    const len = keyLength(e);
    const before = w.element;
    if (before != 0) {
      if (elementScore(before) > elementScore(e)) return 3;
      const order = compareBytes(keyAddress(before), keyLength(before), key, len);
      if (elementScore(before) == elementScore(e) && order >= 0) return 4;
    }
    if (tableFind(zsetTable(z), hashKey(key, len), key, len) != e) return 5;
    w.element = e;
    w.count++;
  }
  return 0;
}

function checkNode(z: usize, node: usize, level: i32): i32 {
  if (level == 0) return checkLeaf(z, node);
  const w = walk();
  w.bytes += <u32>usableSize(node);
  const n = nodeCount(node);
  if (n == 0 || n > 31) return 6;
  for (let i = 0; i < n; i++) {
    const before = w.count;
    let first = child(node, i);
    for (let l = level - 1; l > 0; l--) first = child(first, 0);
    if (childFirst(node, i) != leafElement(first, 0)) return 7;
    if (childScore(node, i) != elementScore(leafElement(first, 0))) return 8;
    const problem = checkNode(z, child(node, i), level - 1);
    if (problem != 0) return problem;
    if (childSize(node, i) != w.count - before) return 9;
  }
  return 0;
}

/** 0 when the sorted set of an entry is sound, else a number for what is not. */
export function checkZset(e: usize): i32 {
  const value = entryPointer(e);
  if (isPacked(e)) return lpValidate(value, lpBytes(value), true) ? 0 : 20;
  const t: ScoreTree = zsetTree(value);
  memory.fill(WALK, 0, 16);
  if (t.root == 0) return 10;
  if (t.height > 0 && nodeCount(t.root) < 2) return 11;
  const problem = checkNode(value, t.root, t.height);
  if (problem != 0) return problem;
  const w = walk();
  if (w.leaf != t.last || leafNext(t.last) != 0 || leafPrevious(t.first) != 0) return 12;
  if (w.count != tableSize(zsetTable(value)) || w.count != treeSize(t)) return 13;
  return w.bytes == t.bytes ? 0 : 14;
}
