/**
 * Loads a test-only WASM entry (core-wasm/testing/NAME.ts, built when older than its sources) into a memory of its own.
 * Also the seeded random numbers that fuzz tests share: the seed is printed, and SEED=n repeats a run.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface TestCore {
  /** The entry's exported functions; 64-bit arguments and results are BigInts. */
  // deno-lint-ignore no-explicit-any
  readonly exports: Record<string, (...args: any[]) => any>;
  readonly memory: WebAssembly.Memory;
}

/** Builds (when needed) and compiles core-wasm/testing/NAME.ts. */
export function testCoreModule(name: string): WebAssembly.Module {
  const node = "Bun" in globalThis || "Deno" in globalThis ? "node" : process.execPath;
  const built = spawnSync(node, [`${root}tools/build-test-core.mjs`, name], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`building ${name} failed: ${built.stdout}${built.stderr}`);
  return new WebAssembly.Module(readFileSync(`${root}dist/testing/${name}.wasm`));
}

/** Builds (when needed) and instantiates core-wasm/testing/NAME.ts. */
export function loadTestCore(name: string, pages = 32): TestCore {
  const module = testCoreModule(name);
  const memory = new WebAssembly.Memory({ initial: pages });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: instance.exports as TestCore["exports"], memory };
}

/** Seeded random numbers (xorshift32): the same seed gives the same run in every runtime. */
export class Random {
  readonly seed: number;
  #state: number;

  /** Uses SEED from the environment, or else the time, and prints it. */
  constructor(label: string) {
    this.seed = Number(process.env.SEED ?? Date.now() % 1000000) | 0;
    this.#state = (Math.imul(this.seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
    console.log(`${label}: SEED=${this.seed}`);
  }

  /** A 32-bit unsigned number. */
  u32(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return Math.imul(s, 0x2c1b3c6d) >>> 0;
  }

  /** An integer from 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.u32() / 4294967296) * n);
  }

  /** 64 random bits. */
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** One of the items. */
  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)]!;
  }

  /** `n` random bytes. */
  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let i = 0; i < n; i++) bytes[i] = this.u32() >>> 24;
    return bytes;
  }
}
