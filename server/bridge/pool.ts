// pool.ts - cores for use in a program: the module is compiled once, and cores that are given back are used again.
//
// A WebAssembly memory costs the runtime hundreds of microseconds; wiping a small one costs ten. Only cores that stayed
// small are kept, and only a few, so that a pool holds no more memory than it saves time.
//
// Invariant: a core from take() is in the same state, byte for byte, whether it is new or was used before.
// Not for the program server.ts, which has one core for life.

import { Core } from "./core.ts";
import type { CoreOptions } from "./core.ts";
import { checksum } from "./checksum.ts";
import { copyStatics, wipe } from "./image.ts";

const MOST_KEPT = 32;
/** Larger memories (in bytes) go to the garbage collector. */
const LARGEST_KEPT = 16 << 20;

export class CorePool {
  /** Tells builds of the core apart: an image fits only the build that made it. */
  buildId = 0;
  #module: WebAssembly.Module | undefined;
  #statics: Uint8Array | undefined;
  readonly #kept: Core[] = [];

  /** True when cores can be had. */
  get isReady(): boolean {
    return this.#module !== undefined;
  }

  /** Compiles the core. */
  compile(code: Uint8Array): void {
    this.buildId = checksum(code, 0, code.length);
    this.#module = new WebAssembly.Module(code as BufferSource);
  }

  /** Compiles the core in the background. */
  async compileSoon(code: Uint8Array): Promise<void> {
    const module = await WebAssembly.compile(code as BufferSource);
    this.buildId = checksum(code, 0, code.length);
    this.#module ??= module;
  }

  /** An empty core. Throws when the runtime has no memory for another one. */
  take(options: CoreOptions): Core {
    if (this.#module === undefined) throw new Error("pool: take a core: the module is not compiled");
    const used = this.#kept.pop();
    if (used !== undefined) {
      used.begin(options);
      return used;
    }
    const core = new Core(this.#module, options);
    this.#statics ??= copyStatics(core);
    return core;
  }

  /** Gives a core back; nobody may use it any more. */
  give(core: Core): void {
    if (this.#kept.length >= MOST_KEPT || core.memory.buffer.byteLength > LARGEST_KEPT) return;
    wipe(core, this.#statics!);
    this.#kept.push(core);
  }
}
