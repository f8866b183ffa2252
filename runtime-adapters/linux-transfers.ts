// linux-transfers.ts - receives and sends for several sockets, gathered and then done at one go.
//
//   add: receive(fd, address, length) · send(...) ──► run() ──► results[i]: bytes, or the error number, negative
//
// Addresses are the process's own. Nothing waits: what can't be done at once ends with -EAGAIN. Two ways to do it: by a
// readv or writev each, here, and all of them by one system call (linux-uring.ts), where the kernel has that.

import { EAGAIN, EINTR } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";
import { readAt, writeAt } from "./linux-memory.ts";
import { openRing } from "./linux-uring.ts";

/** As many can be gathered. */
export const TRANSFERS_MAX = 64;

export interface Transfers {
  /** Whether io_uring does them. */
  readonly byRing: boolean;
  /** What became of them; valid from run() on, until the next one is added. */
  readonly results: Int32Array;
  receive(fd: number, address: number, length: number): void;
  send(fd: number, address: number, length: number): void;
  /** Does what was gathered, in that order, and begins anew. */
  run(): void;
  close(): void;
}

/** A system call for each. */
class SingleTransfers implements Transfers {
  readonly byRing = false;
  readonly results = new Int32Array(TRANSFERS_MAX);
  private count = 0;
  private readonly calls: LinuxCalls;
  private readonly sends = new Uint8Array(TRANSFERS_MAX);
  private readonly fds = new Int32Array(TRANSFERS_MAX);
  private readonly addresses = new Float64Array(TRANSFERS_MAX);
  private readonly lengths = new Int32Array(TRANSFERS_MAX);

  constructor(calls: LinuxCalls) {
    this.calls = calls;
  }

  receive(fd: number, address: number, length: number): void {
    this.add(0, fd, address, length);
  }

  send(fd: number, address: number, length: number): void {
    this.add(1, fd, address, length);
  }

  private add(isSend: 0 | 1, fd: number, address: number, length: number): void {
    const i = this.count++;
    this.sends[i] = isSend;
    this.fds[i] = fd;
    this.addresses[i] = address;
    this.lengths[i] = length;
  }

  run(): void {
    const { count, calls, sends, fds, addresses, lengths, results } = this;
    this.count = 0;
    for (let i = 0; i < count; i++) {
      const at = addresses[i];
      results[i] = sends[i] === 1 ? writeAt(calls, fds[i], at, lengths[i]) : readAt(calls, fds[i], at, lengths[i]);
    }
  }

  close(): void {
    // It holds nothing.
  }
}

/** By io_uring, if wanted, where the kernel has it and allows it (containers often don't); else by a call for each. */
export function openTransfers(calls: LinuxCalls, ring: boolean): Transfers {
  return (ring ? openRing(calls, TRANSFERS_MAX) : undefined) ?? new SingleTransfers(calls);
}

/** Whether a result says that there is nothing to receive, or no room to send to, for the moment. */
export function isForLater(result: number): boolean {
  return result === -EAGAIN || result === -EINTR;
}
