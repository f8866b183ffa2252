/**
 * Zset values: what types/value.ts needs of them.
 */

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function zsetFreeSome(e: usize, budget: i32): i32 {
  return budget;
}

/** Fills `fresh`, an entry of this type and encoding without a value, with a copy; false (nothing kept): no memory. */
export function zsetCopy(e: usize, fresh: usize): bool {
  return false;
}

/** Bytes that the value takes beside its entry; `samples` elements are weighed, 0 for all. */
export function zsetMemory(e: usize, samples: i32): usize {
  return 0;
}

/** How many allocations the value is, estimated at no cost. */
export function zsetFreeEffort(e: usize): u32 {
  return 1;
}

/** Adds the value to a digest (keyspace/digest.ts). */
export function zsetDigest(e: usize, digest: usize): void {}
