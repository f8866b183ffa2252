/**
 * Checks on listpacks that came from outside: that they are one, that fields or members are there once, that integers
 * are stored as such. What passes can be used like a listpack of our own.
 *
 *   places   u32 offset of an element, or 0    open addressing, at most half full, one allocation
 */
import { alloc, free } from "../memory/allocator";
import { hashKey } from "../structures/hashtable";
import {
  lpAppend, lpAppendInt, lpBytes, lpEquals, lpFirst, lpInt, lpIsInt, lpLength, lpNew, lpNext, lpText, lpTextLength,
  lpToI64, lpValidate, lpView, lpViewLength,
} from "../structures/listpack";
import { Damage, Source, sourceBad, sourceFail, SOURCE_NO_MEMORY } from "./source";

/** Up to so many elements each is compared with all before it. */
const FEW: i32 = 16;

/** True when some string is an integer that a listpack would not store as text. */
function hasTextIntegers(lp: usize): bool {
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, p)) {
    if (!lpIsInt(p) && lpTextLength(p) <= 20 && lpToI64(p)) return true;
  }
  return false;
}

/** The listpack with every integer stored as one; 0 (it is freed) when memory is exhausted. */
function rebuilt(lp: usize): usize {
  let fresh = lpNew(lpBytes(lp));
  for (let p = lpFirst(lp); p != 0 && fresh != 0; p = lpNext(lp, p)) {
    const moved = lpIsInt(p) ? lpAppendInt(fresh, lpInt(p)) : lpAppend(fresh, lpText(p), lpTextLength(p));
    if (moved == 0) free(fresh);
    fresh = moved;
  }
  free(lp);
  return fresh;
}

/**
 * Makes sure that a block of `size` bytes is a listpack, all of it; it is freed when it isn't. Returns the listpack,
 * which may have moved, or 0 after an error.
 */
export function checkedListpack(s: Source, block: usize, size: i32): usize {
  if (!lpValidate(block, size, true)) {
    free(block);
    sourceBad(s, Damage.listpack);
    return 0;
  }
  if (!hasTextIntegers(block)) return block;
  const lp = rebuilt(block);
  if (lp == 0) sourceFail(s, SOURCE_NO_MEMORY);
  return lp;
}

/** True when an element before `p` is the same, every `step`-th being compared. */
function occursBefore(lp: usize, p: usize, step: i32): bool {
  const text = lpView(p);
  const length = lpViewLength(p);
  for (let q = lpFirst(lp); q != p;) {
    if (lpEquals(q, text, length)) return true;
    for (let i = 0; i < step; i++) q = lpNext(lp, q);
  }
  return false;
}

/** Puts the element into the places; false when an equal one is there. */
function addPlace(places: usize, mask: u32, lp: usize, p: usize): bool {
  const text = lpView(p);
  const length = lpViewLength(p);
  let i = <u32>hashKey(text, length) & mask;
  while (true) {
    const slot = places + (<usize>i << 2);
    const offset = <usize>load<u32>(slot);
    if (offset == 0) {
      store<u32>(slot, <u32>(p - lp));
      return true;
    }
    if (lpEquals(lp + offset, text, length)) return false;
    i = (i + 1) & mask;
  }
}

/**
 * True when a sound listpack has whole groups of `step` elements whose first elements are all different: the members
 * of a set (1), the fields of a hash or members of a sorted set (2). Sets the source's error otherwise.
 */
export function areDistinct(s: Source, lp: usize, step: i32): bool {
  const n = lpLength(lp);
  if (n % step != 0) return sourceBad(s, Damage.listpack);
  const groups = n / step;
  let places: usize = 0;
  let mask: u32 = 0;
  if (groups > FEW) {
    mask = (<u32>1 << (33 - <u32>clz<i32>(groups))) - 1;
    const size = (<usize>mask + 1) << 2;
    places = alloc(size);
    if (places == 0) return sourceFail(s, SOURCE_NO_MEMORY);
    memory.fill(places, 0, size);
  }
  let distinct = true;
  for (let p = lpFirst(lp); p != 0 && distinct;) {
    distinct = places != 0 ? addPlace(places, mask, lp, p) : !occursBefore(lp, p, step);
    for (let i = 0; i < step; i++) p = lpNext(lp, p);
  }
  free(places);
  return distinct || sourceBad(s, Damage.listpack);
}
