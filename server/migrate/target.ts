// target.ts - a connection to a server that keys are moved to: commands out, lines of reply in, each within a time.
//
//   send(bytes) ──► 64 KiB at a time ──► Port.dial()        nothing moves for `limitMs`: TargetError, timed out
//   line()      ◄── replies, none of which has more than a line
//
// Not for what is sent: server/commands/migrate.ts.

import type { Outgoing, Port, Timer, TlsSettings } from "../../runtime-adapters/port.ts";

const STEP = 65536;
/** Timers end at 2^31 ms. */
const LONGEST_MS = 2147483647;
const LINE_FEED = 10;
const decoder = new TextDecoder("latin1");

/** The target can't be reached, is gone, or is silent. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  /** As the system calls it; "ETIMEDOUT" when the limit has passed. */
  readonly code: string;

  constructor(code: string) {
    super(`migrate: reach the target: ${code === "" ? "it closed the connection" : code}`);
    this.code = code;
  }
}

export class Target {
  /** The database that is selected there; -1 when it isn't known. */
  db = -1n;
  /** When it was used last, in monotonic microseconds. */
  usedUs = 0;
  readonly #port: Port;
  readonly #outgoing: Outgoing;
  /** Why it can't be used any more. */
  #failure: TargetError | undefined;
  #isOpen = false;
  #isSending = false;
  readonly #lines: string[] = [];
  /** The beginning of a line whose end has not come. */
  #rest = "";
  /** Looks whether what is waited for has happened. */
  #look: () => void = () => undefined;
  #timer: Timer | undefined;

  /** Begins to connect, with `tls` over TLS. Rejects nothing: what goes wrong is told by opened(). */
  constructor(port: Port, host: string, to: number, tls?: TlsSettings) {
    this.#port = port;
    this.#outgoing = port.dial!(host, to, {
      opened: () => {
        this.#isOpen = true;
        this.#look();
      },
      data: (chunk) => {
        this.#take(chunk);
        this.#look();
      },
      sent: () => {
        this.#isSending = false;
        this.#look();
      },
      closed: (code) => {
        this.#failure ??= new TargetError(code);
        this.#look();
      },
    }, tls);
  }

  /** Waits until it is connected. */
  opened(limitMs: number): Promise<void> {
    return this.#until(() => this.#isOpen, limitMs);
  }

  /** Sends bytes; done when the system has taken them. */
  async send(bytes: Uint8Array, limitMs: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += STEP) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#isSending = true;
      this.#outgoing.send(bytes.subarray(at, at + STEP));
      await this.#until(() => !this.#isSending, limitMs);
    }
  }

  /** The next line of reply, a character a byte. */
  async line(limitMs: number): Promise<string> {
    await this.#until(() => this.#lines.length > 0, limitMs);
    return this.#lines.shift()!;
  }

  /** Closes it; what still waits for it waits for ever. */
  close(): void {
    this.#timer?.cancel();
    this.#outgoing.destroy();
  }

  #take(chunk: Uint8Array): void {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      this.#lines.push((this.#rest + decoder.decode(chunk.subarray(from, end))).replace(/\r$/, ""));
      this.#rest = "";
      from = end + 1;
    }
    this.#rest += decoder.decode(chunk.subarray(from));
  }

  /** Waits until something holds; rejects when the connection fails first or the limit passes. */
  #until(holds: () => boolean, limitMs: number): Promise<void> {
    if (holds()) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const end = (failure?: TargetError) => {
        this.#timer?.cancel();
        this.#look = () => undefined;
        if (failure === undefined) resolve();
        else reject(failure);
      };
      this.#timer = this.#port.timer(Math.min(limitMs, LONGEST_MS), () => end(new TargetError("ETIMEDOUT")));
      this.#look = () => {
        if (holds()) end();
        else if (this.#failure !== undefined) end(this.#failure);
      };
      this.#port.yieldSoon();
    });
  }
}
