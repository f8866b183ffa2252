/**
 * What tests/core/intset.test.ts calls: the intset's functions and the allocator below them.
 * Not part of what ships.
 */
import { alloc, initAllocator } from "../memory/allocator";
import { root } from "../memory/root";

export { alloc, free, usableSize } from "../memory/allocator";
export {
  intsetBytes, intsetCopy, intsetFind, intsetGet, intsetInsert, intsetLength, intsetNew, intsetRemoveAt, intsetValidate,
} from "../structures/intset";

/** Starts with an empty heap of at most `pages` pages; address of 64 KiB that tests may use. */
export function workspace(pages: u32): usize {
  initAllocator(pages);
  return alloc(65536);
}

/** Makes the allocation after `n` others fail; negative: none does. */
export function failAfter(n: i32): void {
  root().failAfter = n;
}

export function usedBytes(): usize {
  return root().usedBytes;
}
