/**
 * What tests/core/listpack.test.ts calls: the listpack's functions and the allocator below them.
 * Not part of what ships.
 */
import { alloc, initAllocator } from "../memory/allocator";
import { root } from "../memory/root";
import { lpView } from "../structures/listpack";

export { alloc, free, usableSize } from "../memory/allocator";
export {
  LP_AFTER, LP_BEFORE, lpAppend, lpAppendInt, lpBytes, lpCopy, lpDelete, lpDeleteAt, lpDeleteRange, lpEntryBytes,
  lpEquals, lpFind, lpFirst, lpFits, lpInsert, lpInsertInt, lpInt, lpIsInt, lpJoin, lpLast, lpLength, lpNew, lpNext,
  lpPrepend, lpPrev, lpReplace, lpReplaceInt, lpSeek, lpShrink, lpSlice, lpText, lpTextLength, lpToI64, lpValidate,
  lpViewLength,
} from "../structures/listpack";

/** Starts with an empty heap of at most `pages` pages; address of 1 MiB that tests may use. */
export function workspace(pages: u32): usize {
  initAllocator(pages);
  return alloc(1 << 20);
}

/** Makes the allocation after `n` others fail; negative: none does. */
export function failAfter(n: i32): void {
  root().failAfter = n;
}

export function usedBytes(): usize {
  return root().usedBytes;
}

export function viewLine(p: usize, line: i32): usize {
  return lpView(p, line);
}

/** The element that the last change left: root.lpPlace. */
export function place(): usize {
  return root().lpPlace;
}

/** How many elements the last search compared before what it found: root.lpSteps. */
export function steps(): i32 {
  return root().lpSteps;
}

export function number(): i64 {
  return root().number;
}
