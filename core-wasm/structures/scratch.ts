/**
 * The scratch list: one growable list of u32 below the root for what a scan or a sample finds.
 *
 * Not for keeping anything: each user clears it first, and the next one does the same.
 */
import { realloc } from "../memory/allocator";
import { root } from "../memory/root";

export function scratchClear(): void {
  root().scratchLength = 0;
}

/** Appends a value; false when memory is exhausted. May grow memory and move the list. */
export function scratchPush(value: usize): bool {
  const r = root();
  if (r.scratchLength == r.scratchCapacity) {
    const capacity = r.scratchCapacity == 0 ? 64 : r.scratchCapacity << 1;
    const moved = realloc(r.scratch, <usize>capacity << 2);
    if (moved == 0) return false;
    r.scratch = moved;
    r.scratchCapacity = capacity;
  }
  store<u32>(r.scratch + (<usize>r.scratchLength << 2), <u32>value);
  r.scratchLength++;
  return true;
}

export function scratchLength(): i32 {
  return root().scratchLength;
}

export function scratchAt(i: i32): usize {
  return <usize>load<u32>(root().scratch + (<usize>i << 2));
}
