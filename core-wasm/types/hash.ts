/**
 * Hash values: what types/value.ts needs of them.
 */

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function hashFreeSome(e: usize, budget: i32): i32 {
  return budget;
}

/** Fills `fresh`, an entry of this type and encoding without a value, with a copy; false (nothing kept): no memory. */
export function hashCopy(e: usize, fresh: usize): bool {
  return false;
}

/** Bytes that the value takes beside its entry; `samples` elements are weighed, 0 for all. */
export function hashMemory(e: usize, samples: i32): usize {
  return 0;
}

/** How many allocations the value is, estimated at no cost. */
export function hashFreeEffort(e: usize): u32 {
  return 1;
}

/** Adds the value to a digest (keyspace/digest.ts). */
export function hashDigest(e: usize, digest: usize): void {}
