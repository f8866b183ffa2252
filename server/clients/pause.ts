// pause.ts - CLIENT PAUSE and UNPAUSE: holding commands back for a time.
//
// The core holds clients back by itself while root.pauseUntilMs lies ahead; here is what decides about that time, and
// the timer that lets them go on when it has come.

import type { Timer } from "../../runtime-adapters/port.ts";
import type { Server } from "../server.ts";
import { LONGEST_MS } from "./timeouts.ts";

export const PAUSE = { none: 0, writes: 1, all: 2 } as const;

export class Pause {
  readonly #server: Server;
  #mode = 0;
  #endMs = 0;
  #timer: Timer | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Milliseconds since 1970, as the core's running command sees them. */
  get #nowMs(): number {
    return this.#server.core.nowMs;
  }

  /** PAUSE.none, writes or all: what is held back now. */
  get mode(): number {
    return this.#endMs > this.#nowMs ? this.#mode : PAUSE.none;
  }

  /** Milliseconds until it ends; 0 without a pause. */
  get remainingMs(): number {
    return Math.max(0, this.#endMs - this.#nowMs);
  }

  /** Holds clients back until a time. A pause in force is never made shorter or milder. */
  start(mode: number, untilMs: number): void {
    this.#mode = Math.max(mode, this.mode);
    this.#endMs = Math.max(untilMs, this.#endMs);
    if (this.mode === PAUSE.none) return this.end();
    this.#server.core.exports.pauseClients(this.#mode, this.#endMs);
    this.#wait();
  }

  /** Lets every client go on. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#endMs = 0;
    this.#server.core.exports.pauseClients(PAUSE.none, 0);
    if (this.#server.core.hasOthersToServe) this.#server.drainSoon();
  }

  /** Waits for the end. */
  #wait(): void {
    this.#timer?.cancel();
    this.#timer = this.#server.port.timer(Math.min(this.remainingMs, LONGEST_MS), () => {
      this.#server.nowUs();
      if (this.mode !== PAUSE.none) return this.#wait();
      this.end();
      this.#server.drain();
    });
  }
}
