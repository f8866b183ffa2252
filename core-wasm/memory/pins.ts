/**
 * Pins: blocks that a reply still refers to, although their value may be changed or deleted meanwhile.
 *
 * A large string is sent straight from the value's block. As long as it is pinned nobody writes to the block: whoever
 * changes the value takes a copy, whoever frees it leaves the freeing to the last unpin.
 *
 *   root.pins   u32 block · u32 count << 1 | orphan (its value is gone)     a short list: one place a sending client
 *
 * Not for small values: those are copied into the reply. Cost without pins: one load and a branch.
 */
import { free, realloc } from "./allocator";
import { root } from "./root";

const PLACE_BITS: usize = 3;
const ONE: u32 = 2;
const ORPHAN: u32 = 1;

function find(block: usize): usize {
  const r = root();
  const end = r.pins + (<usize>r.pinCount << PLACE_BITS);
  for (let at = r.pins; at < end; at += 8) if (load<u32>(at) == <u32>block) return at;
  return 0;
}

/** Keeps a block as it is until unpin(). False when memory is exhausted. */
export function pin(block: usize): bool {
  const r = root();
  const at = find(block);
  if (at != 0) {
    store<u32>(at, load<u32>(at, 4) + ONE, 4);
    return true;
  }
  if (r.pinCount == r.pinCapacity) {
    const capacity = r.pinCapacity == 0 ? 16 : r.pinCapacity << 1;
    const moved = realloc(r.pins, <usize>capacity << PLACE_BITS);
    if (moved == 0) return false;
    r.pins = moved;
    r.pinCapacity = capacity;
  }
  const fresh = r.pins + (<usize>r.pinCount << PLACE_BITS);
  store<u32>(fresh, <u32>block);
  store<u32>(fresh, ONE, 4);
  r.pinCount++;
  return true;
}

/** Ends one pin; frees the block when it was the last and the value is gone. */
export function unpin(block: usize): void {
  const r = root();
  const at = find(block);
  assert(at != 0);
  const state = load<u32>(at, 4) - ONE;
  store<u32>(at, state, 4);
  if (state >= ONE) return;
  r.pinCount--;
  store<u64>(at, load<u64>(r.pins + (<usize>r.pinCount << PLACE_BITS)));
  if (r.pinCount == 0) {
    free(r.pins);
    r.pins = 0;
    r.pinCapacity = 0;
  }
  if (state & ORPHAN) free(block);
}

export function isPinned(block: usize): bool {
  return root().pinCount != 0 && find(block) != 0;
}

/** Frees a value's block, now or when its last reply is out. */
export function freePinned(block: usize): void {
  const at: usize = root().pinCount == 0 ? 0 : find(block);
  if (at == 0) free(block);
  else store<u32>(at, load<u32>(at, 4) | ORPHAN, 4);
}
