/**
 * random: seeded random choices for generators and fuzzers. The same seed gives the same run in every runtime.
 *
 * The seed comes from the environment (SEED) or from the clock; tests print it, so that a failure can be had again.
 */

/** The seed of this run. */
export function seedOfRun(): number {
  const given = process.env.SEED;
  return given === undefined ? Date.now() % 0x7fffffff : Number(given);
}

/** Random choices from one seed (mulberry32: one 32-bit word of state, good enough to pick test data). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** A number in [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** True in `percent` of a hundred calls. */
  chance(percent: number): boolean {
    return this.fraction() * 100 < percent;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** `length` random bytes as latin1 text. */
  bytes(length: number): string {
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.below(256));
    return text;
  }

  /** The items in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    const out: T[] = [];
    while (left.length > 0) out.push(...left.splice(this.below(left.length), 1));
    return out;
  }
}
