/**
 * wire: one connection of the soak. It sends commands, takes replies apart, and holds each against what is expected.
 *
 *   socket ──► bytes ──► decode() ──► push?  ──► onPush
 *                                     reply? ──► the oldest expectation's check
 *
 * RESP2 and RESP3 decode to the same: maps are flat arrays, sets arrays, doubles text, booleans 0 and 1. Text is
 * latin1, a character a byte. A reply that nobody waits for, a check that fails, or an end that nobody asked for is a
 * fault.
 */
import { connect, type Socket } from "node:net";
import { encode } from "../support/resp.ts";

/** An error reply. */
export interface Failure {
  error: string;
}
/** A reply, or what is expected of one. */
export type Reply = string | number | null | Failure | Reply[];
/** Looks at a reply: false or a text means that it is wrong. */
export type Check = (reply: Reply) => boolean | string;
type Args = readonly (string | number)[];

interface Decoded {
  value: Reply;
  isPush: boolean;
  end: number;
}

const CR = 13;
const MESSAGES = new Set([
  "message", "pmessage", "smessage", "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe",
  "sunsubscribe",
]);

/** The value at `at`, or undefined when more bytes are needed. */
export function decode(bytes: Buffer, at: number): Decoded | undefined {
  const line = bytes.indexOf(CR, at);
  if (line < 0 || line + 1 >= bytes.length) return undefined;
  const type = String.fromCharCode(bytes[at]);
  const text = bytes.toString("latin1", at + 1, line);
  const after = line + 2;
  const simple = (value: Reply): Decoded => ({ value, isPush: false, end: after });
  switch (type) {
    case "+":
    case ",":
    case "(":
      return simple(text);
    case "-":
      return simple({ error: text });
    case ":":
      return simple(Number(text));
    case "_":
      return simple(null);
    case "#":
      return simple(text === "t" ? 1 : 0);
    case "$":
    case "=": {
      const length = Number(text);
      if (length < 0) return simple(null);
      const end = after + length + 2;
      if (end > bytes.length) return undefined;
      return { value: bytes.toString("latin1", type === "=" ? after + 4 : after, end - 2), isPush: false, end };
    }
    case "*":
    case "~":
    case ">":
    case "%": {
      const count = Number(text) * (type === "%" ? 2 : 1);
      if (count < 0) return simple(null);
      const items: Reply[] = [];
      let end = after;
      for (let i = 0; i < count; i++) {
        const item = decode(bytes, end);
        if (item === undefined) return undefined;
        items.push(item.value);
        end = item.end;
      }
      return { value: items, isPush: type === ">", end };
    }
    default:
      throw new Error(`no reply starts with ${JSON.stringify(bytes.toString("latin1", at, at + 40))}`);
  }
}

/** Deep equality of replies, told as the text of the difference or true. */
export function same(reply: Reply, expected: Reply): boolean | string {
  const [got, wanted] = [JSON.stringify(reply), JSON.stringify(expected)];
  return got === wanted || `${got.slice(0, 300)} in place of ${wanted.slice(0, 300)}`;
}

/** What the whole soak counts. */
export interface Tally {
  commands: number;
  replies: number;
  pushes: number;
  faults: string[];
  faultCount: number;
}

const FAULTS_KEPT = 30;

/** Notes that something is wrong. */
export function fault(tally: Tally, text: string): void {
  tally.faultCount++;
  if (tally.faults.length < FAULTS_KEPT) tally.faults.push(text);
}

export class Wire {
  readonly socket: Socket;
  readonly tally: Tally;
  /** Who it is, for faults. */
  readonly name: string;
  resp: 2 | 3 = 2;
  /** The server's number for it, once HELLO told. */
  id = 0;
  /** RESP2 subscribers get messages between replies. */
  isSubscribed = false;
  /** Its end is wanted: whatever comes or does not come is no fault. */
  isDying = false;
  isClosed = false;
  onPush: (push: Reply[]) => void = () => undefined;
  /** When the oldest expectation began to be the oldest, in ms. */
  waitingSince = 0;
  readonly #expected: { args: Args; check: Check; done?: (reply: Reply) => void }[] = [];
  #left: Buffer = Buffer.alloc(0);
  readonly #atEnd: (() => void)[] = [];

  constructor(socket: Socket, name: string, tally: Tally) {
    this.socket = socket;
    this.name = name;
    this.tally = tally;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => undefined); // "close" follows
    socket.on("close", () => this.#ended());
  }

  /** Connects to an address of this machine. */
  static open(port: number, host: string, name: string, tally: Tally): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, allowHalfOpen: false });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new Wire(socket, name, tally));
      });
    });
  }

  /** Sends bytes that no reply is expected for. */
  raw(bytes: string | Uint8Array): void {
    if (!this.isClosed) this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Expects the reply to a command that was or will be sent. */
  expect(args: Args, check: Check, done?: (reply: Reply) => void): void {
    if (this.#expected.length === 0) this.waitingSince = performance.now();
    this.#expected.push({ args, check, done });
  }

  /** Sends one command and gives its reply; never settles when the connection ends first. */
  ask(args: Args, check: Check = () => true): Promise<Reply> {
    return new Promise((resolve) => {
      this.tally.commands++;
      this.expect(args, check, resolve);
      this.raw(encode(args));
    });
  }

  /** Sends commands in one write; settles with the last reply. */
  batch(commands: readonly (readonly [Args, Check])[]): Promise<Reply> {
    return new Promise((resolve) => {
      commands.forEach(([args, check], i) => this.expect(args, check, i + 1 === commands.length ? resolve : undefined));
      this.tally.commands += commands.length;
      this.raw(Buffer.concat(commands.map(([args]) => encode(args))));
    });
  }

  /** Settles when the connection has ended: true, or false when it has not within `ms`. */
  ended(ms = Infinity): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.isClosed) return resolve(true);
      const timer = ms === Infinity ? undefined : setTimeout(() => resolve(false), ms);
      this.#atEnd.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  /** Milliseconds that the oldest expectation waits. */
  waited(now: number): number {
    return this.#expected.length === 0 || this.isDying ? 0 : now - this.waitingSince;
  }

  /** What it waits for, for a fault. */
  get awaited(): string {
    return JSON.stringify(this.#expected[0]?.args ?? []).slice(0, 200);
  }

  #take(chunk: Buffer): void {
    if (this.isDying) return;
    let bytes = this.#left.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#left, chunk]);
    let at = 0;
    try {
      for (let one = at < bytes.length ? decode(bytes, at) : undefined; one !== undefined;) {
        at = one.end;
        this.#serve(one);
        one = at < bytes.length && !this.isDying ? decode(bytes, at) : undefined;
      }
    } catch (error) {
      fault(this.tally, `${this.name}: ${(error as Error).message}; it waited for ${this.awaited}`);
      this.isDying = true;
      this.socket.destroy();
      bytes = Buffer.alloc(0);
      at = 0;
    }
    this.#left = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #serve({ value, isPush }: Decoded): void {
    const inResp2 = this.isSubscribed && this.resp === 2 && Array.isArray(value) && MESSAGES.has(String(value[0]));
    if (isPush || inResp2) {
      this.tally.pushes++;
      this.onPush(value as Reply[]);
      return;
    }
    const wanted = this.#expected.shift();
    this.tally.replies++;
    this.waitingSince = performance.now();
    if (wanted === undefined) {
      fault(this.tally, `${this.name}: a reply that nobody asked for: ${JSON.stringify(value).slice(0, 300)}`);
      return;
    }
    const verdict = wanted.check(value);
    if (verdict !== true) {
      const what = verdict === false ? JSON.stringify(value).slice(0, 300) : verdict;
      fault(this.tally, `${this.name} RESP${this.resp}: ${JSON.stringify(wanted.args).slice(0, 300)}: ${what}`);
    }
    wanted.done?.(value);
  }

  #ended(): void {
    this.isClosed = true;
    if (!this.isDying) fault(this.tally, `${this.name}: closed by the server while it waited for ${this.awaited}`);
    for (const run of this.#atEnd.splice(0)) run();
  }
}
