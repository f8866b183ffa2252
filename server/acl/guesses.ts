// guesses.ts - makes guessing passwords slow: failed logins of one address are answered ever later.
//
// Each address may fail BURST times at once and PER_SECOND times a second after that. Whoever fails more often waits
// for its turn before a password is even looked at, so that closing the connection and trying again gains nothing.
// Right passwords cost no turn. Costs: a small object for each address that failed within the last minutes.

const BURST = 64;
const PER_SECOND = 16;
/** Logins of one address that wait at most; more are refused at once. */
const WAITING_MAX = 1000;
/** Addresses that are remembered before those are forgotten that have all their turns back. */
const ADDRESSES_MAX = 10_000;

interface Turns {
  /** Failures that are still to be paid for. */
  failures: number;
  sinceMs: number;
  waiting: number;
}

export class Guesses {
  readonly #addresses = new Map<string, Turns>();

  /** How long a login from this address has to wait, in milliseconds; -1: too many wait already. */
  delay(address: string, nowMs: number): number {
    const turns = this.#addresses.get(address);
    if (turns === undefined) return 0;
    this.#pay(turns, nowMs);
    const over = turns.failures + turns.waiting + 1 - BURST;
    if (over <= 0) return 0;
    return turns.waiting >= WAITING_MAX ? -1 : Math.ceil(over * 1000 / PER_SECOND);
  }

  /** A login begins (1) or ends (-1) to wait. */
  wait(address: string, change: 1 | -1): void {
    const turns = this.#addresses.get(address);
    if (turns !== undefined) turns.waiting += change;
  }

  /** Counts a failed login. */
  failed(address: string, nowMs: number): void {
    const turns = this.#addresses.get(address);
    if (turns !== undefined) {
      this.#pay(turns, nowMs);
      turns.failures++;
      return;
    }
    if (this.#addresses.size >= ADDRESSES_MAX) this.#forget(nowMs);
    this.#addresses.set(address, { failures: 1, sinceMs: nowMs, waiting: 0 });
  }

  /** Takes off what time has paid for. */
  #pay(turns: Turns, nowMs: number): void {
    turns.failures = Math.max(0, turns.failures - (nowMs - turns.sinceMs) * PER_SECOND / 1000);
    turns.sinceMs = nowMs;
  }

  #forget(nowMs: number): void {
    for (const [address, turns] of this.#addresses) {
      this.#pay(turns, nowMs);
      if (turns.failures === 0 && turns.waiting === 0) this.#addresses.delete(address);
    }
  }
}
