/**
 * The cursor: a place in a list, whatever its encoding, to read, search and change elements there. One exists at a
 * time, in page 0.
 *
 *   listpack    lp is the listpack, p the element in it
 *   quicklist   node, with lp its block; p the element in it, or lp itself in a plain node
 *
 * A compressed node is read from a copy, which is freed when the cursor leaves it; a change makes the copy the node's
 * block, which is compressed again when the cursor leaves.
 *
 * Whoever opens a cursor closes it with cursorClose(). No memory for a copy: the cursor is at no element, and
 * cursorFailed() tells it from the end of the list. Stale: a view after any change; the cursor after any change of the
 * list that is not made through it.
 */
import { equalBytes } from "../bytes/compare";
import { ENCODING_LISTPACK, entryEncoding, entryPointer, entrySetPointer } from "../keyspace/entry";
import { free } from "../memory/allocator";
import { root } from "../memory/root";
import {
  LP_AFTER, LP_BEFORE, lpDelete, lpEquals, lpFind, lpFirst, lpInsert, lpInt, lpIsInt, lpLast, lpNext, lpPrev, lpReplace,
  lpSeek, lpView, lpViewLength,
} from "../structures/listpack";
import {
  nodeAdopt, nodeBlock, nodeBytes, nodeCount, nodeIsCompressed, nodeIsPlain, nodeNext, nodePrevious, nodeUnpacked,
  Quicklist, quicklistSettle,
} from "../structures/quicklist";
import { quicklistInsert, quicklistRemove, quicklistReplace } from "../structures/quicklist-edit";

@unmanaged
class Cursor {
  entry: usize;
  list: usize; // Quicklist, 0 for a list in a listpack
  node: usize;
  lp: usize;
  p: usize; // 0: at no element
  copy: usize; // lp when it is a copy of a compressed node, else 0
  plain: u32;
  opened: u32; // the node was compressed before the cursor changed something in it
  failed: u32;
  offset: i32; // where in its node cursorFind() found the element
}

/** In page 0, behind the listpack's lines. */
const CURSOR: usize = 8640;

function cursor(): Cursor {
  return changetype<Cursor>(CURSOR);
}

// --- Moving between nodes ---

/** Leaves the node: frees its copy, or compresses it again after a change. */
function leave(c: Cursor): void {
  if (c.copy != 0) {
    free(c.copy);
    c.copy = 0;
  }
  if (c.opened) {
    c.opened = 0;
    quicklistSettle(changetype<Quicklist>(c.list), c.node);
  }
}

/** Goes to a node (0: behind the last, to no element); false when there is none or memory is exhausted. */
function enter(c: Cursor, node: usize): bool {
  leave(c);
  c.node = node;
  c.p = 0;
  if (node == 0) return false;
  c.plain = nodeIsPlain(node) ? 1 : 0;
  c.lp = nodeBlock(node);
  if (!nodeIsCompressed(node)) return true;
  c.copy = nodeUnpacked(node);
  c.lp = c.copy;
  if (c.copy != 0) return true;
  c.failed = 1;
  c.node = 0;
  return false;
}

/** Goes to the first or last element of a node. */
function enterAt(c: Cursor, node: usize, back: bool): bool {
  if (!enter(c, node)) return false;
  c.p = c.plain ? c.lp : back ? lpLast(c.lp) : lpFirst(c.lp);
  return true;
}

// --- Opening ---

function start(e: usize): Cursor {
  const c = cursor();
  c.entry = e;
  c.node = 0;
  c.copy = 0;
  c.plain = 0;
  c.opened = 0;
  c.failed = 0;
  c.p = 0;
  const address = entryPointer(e);
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    c.list = 0;
    c.lp = address;
  } else {
    c.list = address;
  }
  return c;
}

/** Finds the node of a quicklist's element at an index (negative: from the end); its place in it is cursor().offset. */
function findNode(c: Cursor, index: i64): usize {
  const ql = changetype<Quicklist>(c.list);
  const count = <i64>ql.count;
  if (index < 0) index += count;
  if (index < 0 || index >= count) return 0;
  if (index <= (count - 1) >> 1) {
    let n = ql.head;
    for (let here = <i64>nodeCount(n); index >= here; here = <i64>nodeCount(n)) {
      index -= here;
      n = nodeNext(n);
    }
    c.offset = <i32>index;
    return n;
  }
  let n = ql.tail;
  let left = count - 1 - index;
  for (let here = <i64>nodeCount(n); left >= here; here = <i64>nodeCount(n)) {
    left -= here;
    n = nodePrevious(n);
  }
  c.offset = nodeCount(n) - 1 - <i32>left;
  return n;
}

/** Opens the cursor at an index, negative from the end; false when there is no such element, or no memory. */
export function cursorOpen(e: usize, index: i64): bool {
  const c = start(e);
  if (c.list == 0) {
    const i = <i32>index;
    c.p = <i64>i == index ? lpSeek(c.lp, i) : 0;
    return c.p != 0;
  }
  if (!enter(c, findNode(c, index))) return false;
  c.p = c.plain ? c.lp : lpSeek(c.lp, c.offset);
  return true;
}

/** Finds the node of an element of a quicklist without looking into it; 0 when there is none. */
export function cursorNode(e: usize, index: i64): usize {
  return findNode(start(e), index);
}

/** The element's place in the node that cursorNode() found. */
export function cursorOffset(): i32 {
  return cursor().offset;
}

/** Ends the cursor. */
export function cursorClose(): void {
  leave(cursor());
}

/** True when the cursor is at an element. */
export function cursorIsThere(): bool {
  return cursor().p != 0;
}

/** True when memory was exhausted, so that what was to be read could not. */
export function cursorFailed(): bool {
  return cursor().failed != 0;
}

// --- Walking ---

/** Goes to the next element; false behind the last, or without memory. */
export function cursorNext(): bool {
  const c = cursor();
  if (!c.plain) {
    const p = lpNext(c.lp, c.p);
    if (p != 0) {
      c.p = p;
      return true;
    }
  }
  return enterAt(c, c.node == 0 ? 0 : nodeNext(c.node), false);
}

/** Goes to the element before; false before the first, or without memory. */
export function cursorPrevious(): bool {
  const c = cursor();
  if (!c.plain) {
    const p = lpPrev(c.lp, c.p);
    if (p != 0) {
      c.p = p;
      return true;
    }
  }
  return enterAt(c, c.node == 0 ? 0 : nodePrevious(c.node), true);
}

/** The listpack that the cursor is in; 0 when the element stands alone. */
export function cursorListpack(): usize {
  const c = cursor();
  return c.plain ? 0 : c.lp;
}

/** The element's position in that listpack. */
export function cursorPosition(): usize {
  return cursor().p;
}

/** Goes to another position of the listpack; 0: to the next node's first element, or with `back` the last before. */
export function cursorGo(p: usize, back: bool): bool {
  const c = cursor();
  c.p = p;
  if (p != 0) return true;
  if (c.node == 0) return false;
  return enterAt(c, back ? nodePrevious(c.node) : nodeNext(c.node), back);
}

// --- Reading ---

/** True when the element is kept as an integer. */
export function cursorIsInt(): bool {
  const c = cursor();
  return !c.plain && lpIsInt(c.p);
}

/** The integer; only when cursorIsInt(). */
export function cursorInt(): i64 {
  return lpInt(cursor().p);
}

/** Address of the element's bytes. */
export function cursorView(): usize {
  const c = cursor();
  return c.plain ? c.lp : lpView(c.p);
}

/** Length of the element's bytes. */
export function cursorLength(): i32 {
  const c = cursor();
  return c.plain ? nodeBytes(c.node) : lpViewLength(c.p);
}

/** True when the element is a block of its own that may be sent from where it is. */
export function cursorIsBlock(): bool {
  const c = cursor();
  return c.plain != 0 && c.copy == 0;
}

/** True when the element is these bytes. */
function cursorEquals(ptr: usize, len: i32): bool {
  const c = cursor();
  if (c.plain) return nodeBytes(c.node) == len && equalBytes(c.lp, ptr, len);
  return lpEquals(c.p, ptr, len);
}

/**
 * Goes to the next element from here on, this one included, that is these bytes. Returns how many elements it passed;
 * it is at no element when there is none such, or memory is exhausted. After `most` elements it may give up anywhere.
 */
export function cursorSeek(ptr: usize, len: i32, most: i64): i64 {
  const c = cursor();
  const r = root();
  let passed: i64 = 0;
  while (c.p != 0 && passed < most) {
    if (c.plain) {
      if (cursorEquals(ptr, len)) break;
      passed++;
    } else {
      const found = lpFind(c.p, ptr, len, 0);
      passed += <i64>r.lpSteps;
      if (found != 0) {
        c.p = found;
        break;
      }
    }
    enterAt(c, c.node == 0 ? 0 : nodeNext(c.node), false);
  }
  return passed;
}

/** cursorSeek() towards the head. */
export function cursorSeekBack(ptr: usize, len: i32, most: i64): i64 {
  let passed: i64 = 0;
  while (cursor().p != 0 && passed < most && !cursorEquals(ptr, len)) {
    passed++;
    if (!cursorPrevious()) break;
  }
  return passed;
}

// --- Changing ---

/** Makes the node's copy its block, so that it can be changed. */
function own(c: Cursor): void {
  if (c.copy == 0) return;
  nodeAdopt(c.node, c.copy);
  c.copy = 0;
  c.opened = 1;
}

/** Takes a changed listpack over; false when it is 0. */
function moved(c: Cursor, lp: usize): bool {
  if (lp == 0) return false;
  c.lp = lp;
  entrySetPointer(c.entry, lp);
  return true;
}

/** Puts an element before or after this one and ends the cursor; false (nothing changed) without memory. */
export function cursorInsert(ptr: usize, len: i32, after: bool): bool {
  const c = cursor();
  if (c.list == 0) return moved(c, lpInsert(c.lp, c.p, ptr, len, after ? LP_AFTER : LP_BEFORE));
  own(c);
  const done = quicklistInsert(changetype<Quicklist>(c.list), c.node, c.p, ptr, len, after);
  c.opened = 0;
  return done;
}

/** Puts other bytes in this element's place and ends the cursor; false (nothing changed) without memory. */
export function cursorReplace(ptr: usize, len: i32): bool {
  const c = cursor();
  if (c.list == 0) return moved(c, lpReplace(c.lp, c.p, ptr, len));
  own(c);
  const done = quicklistReplace(changetype<Quicklist>(c.list), c.node, c.p, ptr, len);
  c.opened = 0;
  return done;
}

/**
 * Removes this element and goes to the one behind it, or with `back` to the one before it. False when there is none,
 * or no memory to read it.
 */
export function cursorRemove(back: bool): bool {
  const c = cursor();
  const r = root();
  if (c.list == 0) {
    moved(c, lpDelete(c.lp, c.p));
    c.p = !back ? r.lpPlace : r.lpPlace == 0 ? lpLast(c.lp) : lpPrev(c.lp, r.lpPlace);
    return c.p != 0;
  }
  own(c);
  const other = back ? nodePrevious(c.node) : nodeNext(c.node);
  if (quicklistRemove(changetype<Quicklist>(c.list), c.node, c.p)) {
    c.opened = 0;
    return enterAt(c, other, back);
  }
  c.lp = nodeBlock(c.node);
  const p = r.lpPlace;
  c.p = !back ? p : p == 0 ? lpLast(c.lp) : lpPrev(c.lp, p);
  return c.p != 0 || enterAt(c, other, back);
}
