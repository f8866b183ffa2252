/**
 * The scratch list: one growable list of u32 below the root for what a scan or a sample finds.
 *
 * Not for keeping anything: each user clears it first, and the next one does the same.
 */
import { free, realloc } from "../memory/allocator";
import { root } from "../memory/root";

/** Values that a list may have room for without being freed after use. */
const KEPT_CAPACITY: i32 = 16384;

export function scratchClear(): void {
  const r = root();
  r.scratchLength = 0;
  r.scratchFailed = 0;
}

/** True when a value found no room since the list was cleared: what it holds is not all. */
export function scratchFailed(): bool {
  return root().scratchFailed != 0;
}

/** Keeps the first `n` values. */
export function scratchKeep(n: i32): void {
  root().scratchLength = n;
}

export function scratchSet(i: i32, value: usize): void {
  store<u32>(root().scratch + (<usize>i << 2), <u32>value);
}

/** Clears the list and gives a large one's memory back: what has room for more than `kept` values. */
export function scratchRelease(kept: i32 = KEPT_CAPACITY): void {
  const r = root();
  scratchClear();
  if (r.scratchCapacity <= kept) return;
  free(r.scratch);
  r.scratch = 0;
  r.scratchCapacity = 0;
}

/** Appends a value; false when memory is exhausted. May grow memory and move the list. */
export function scratchPush(value: usize): bool {
  const r = root();
  if (r.scratchLength == r.scratchCapacity) {
    const capacity = r.scratchCapacity == 0 ? 64 : r.scratchCapacity << 1;
    const moved = realloc(r.scratch, <usize>capacity << 2);
    if (moved == 0) {
      r.scratchFailed = 1;
      return false;
    }
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
