/**
 * Copying short strings without a call: memory.copy costs several nanoseconds however short they are.
 * Not for bytes that overlap.
 *
 *     copyBytes, n 21:   [0 ........ 15]          first step
 *                             [5 ........ 20]     last step, overlapping the first: nothing outside is read or written
 */

/** Copies `n` bytes between places that don't overlap. */
export function copyBytes(to: usize, from: usize, n: usize): void {
  if (n > 32) {
    memory.copy(to, from, n);
  } else if (n >= 16) {
    const last = v128.load(from + n - 16);
    v128.store(to, v128.load(from));
    v128.store(to + n - 16, last);
  } else if (n >= 8) {
    const last = load<u64>(from + n - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + n - 8, last);
  } else if (n >= 4) {
    const last = load<u32>(from + n - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + n - 4, last);
  } else {
    for (let i: usize = 0; i < n; i++) store<u8>(to + i, load<u8>(from + i));
  }
}
