// lazy-free.ts - frees large values that commands dropped, a slice at a time, between the clients' commands.
//
// A slice takes half a millisecond, and so much time again is left to clients before the next one.
// Not for the freeing itself, which is the core's (keyspace/lazyfree.ts).

import type { Timer } from "../runtime-adapters/port.ts";
import type { Server } from "./server.ts";

const SLICE_US = 500;
/** Allocations between two looks at the clock. */
const BUDGET = 512;
const PAUSE_MS = 1;

export class LazyFree {
  readonly #server: Server;
  #timer: Timer | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Frees for a slice, unless the last one was just now; goes on by itself while there is more. */
  run(): void {
    if (this.#timer !== undefined) return;
    const { core, port, stats } = this.#server;
    const start = port.monotonicUs();
    let elapsed = 0;
    let more = true;
    while (more && elapsed < SLICE_US) {
      more = core.exports.lazyFree(BUDGET) === 1;
      elapsed = port.monotonicUs() - start;
    }
    stats.countSlice(elapsed, 0);
    if (more) this.#timer = port.timer(PAUSE_MS, () => this.#goOn());
  }

  #goOn(): void {
    this.#timer = undefined;
    this.run();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
