/**
 * Loads a test-only WASM entry (core-wasm/testing/NAME.ts, built when older than its sources) into a memory of its own.
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
