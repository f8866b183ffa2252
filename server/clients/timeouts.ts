// timeouts.ts - ends the waiting of clients in blocking commands when their time is over.
//
// One timer for the server, set for the earliest deadline. The core knows the deadlines; clients that are served or go
// before theirs leave the timer where it is, and it finds nothing to do.

import type { Timer } from "../../runtime-adapters/port.ts";
import type { Server } from "../server.ts";

/** Timers end at 2^31 ms: who waits for more than a day looks again each day. */
export const LONGEST_MS = 86_400_000;
/** How long to wait while a script is busy. */
const BUSY_MS = 20;

export class Timeouts {
  readonly #server: Server;
  #timer: Timer | undefined;
  /** When the timer ends, in milliseconds since 1970. */
  #dueMs = Infinity;

  constructor(server: Server) {
    this.#server = server;
  }

  /** A client has begun to wait, or a deadline has passed: sets the timer for the next one. */
  arm(): void {
    const { core, port } = this.#server;
    const nowMs = this.#server.nowUs() / 1000;
    const next = core.exports.blockedTimeouts();
    if (next === 0 || next >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = next;
    this.#timer = port.timer(Math.min(Math.max(Math.ceil(next - nowMs), 0), LONGEST_MS), () => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    if (this.#server.isScriptBusy) {
      // Nobody is served in the middle of a script.
      this.#timer = this.#server.port.timer(BUSY_MS, () => this.#expire());
      return;
    }
    this.#dueMs = Infinity;
    this.arm();
    if (this.#server.core.hasOthersToServe) this.#server.drain();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
