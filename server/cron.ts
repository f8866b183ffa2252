// cron.ts - when the upkeep runs: `hz` times a second, and twice a second while nothing happens.
//
//   run ── no input since the last run, nothing to do ──► slow ── a slice of input, a signal, a connection ──► fast
//
// An empty timer ten times a second takes 0.1 to 0.2 % of a core in a JavaScript runtime, which is half of what an idle
// server costs.
// Not for what is done then (upkeep.ts).

import type { Timer } from "../runtime-adapters/port.ts";
import type { Server } from "./server.ts";

const SLOW_MS = 500;

export class Cron {
  /** Runs at the slow pace: whoever has work calls hasten(). */
  isSlow = false;
  readonly #server: Server;
  #timer: Timer | undefined;
  /** Slices that had run at the end of the last upkeep. */
  #slices = -1;

  constructor(server: Server) {
    this.#server = server;
    server.config.onChange("hz", () => {
      if (this.#timer !== undefined) this.start();
      return undefined;
    });
  }

  /** Starts it, or starts it again with another `hz`. */
  start(): void {
    this.isSlow = false;
    this.#setPace(1000 / this.#server.config.number("hz"));
  }

  /** Something has happened: back to the usual pace. */
  hasten(): void {
    if (this.isSlow) this.start();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.isSlow = false;
  }

  #setPace(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#server.port.every(ms, () => this.#run());
  }

  #run(): void {
    const { stats, upkeep } = this.#server;
    const hadInput = stats.cycles !== this.#slices;
    upkeep.run();
    this.#slices = stats.cycles;
    if (this.isSlow || hadInput || upkeep.isNeeded || this.#timer === undefined) return;
    this.isSlow = true;
    this.#setPace(Math.max(SLOW_MS, 1000 / this.#server.config.number("hz")));
  }
}
