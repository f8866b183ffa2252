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

/** Random choices with the seed of this run, which is printed behind a label. */
export function seeded(label: string): Random {
  const random = new Random(seedOfRun());
  console.log(`${label}: SEED=${random.seed}`);
  return random;
}

/** Random choices from one seed (mulberry32: one 32-bit word of state, good enough to pick test data). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** 32 random bits. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 64 random bits. */
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.u32() / 4294967296;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** True in `percent` of a hundred calls. */
  chance(percent: number): boolean {
    return this.fraction() * 100 < percent;
  }

  /** One of the items. */
  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)];
  }

  /** `length` random bytes as latin1 text. */
  bytes(length: number): string {
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.below(256));
    return text;
  }

  /** `length` random bytes. */
  array(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** The items in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    const out: T[] = [];
    while (left.length > 0) out.push(...left.splice(this.below(left.length), 1));
    return out;
  }
}
