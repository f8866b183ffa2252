/**
 * core: drives the core without a server: RESP bytes in, replies out, the clock in the test's hand.
 *
 * Texts are latin1: a character is a byte, so binary arguments are easy to write and to print. The core is built from
 * its sources when they changed (core-wasm/testing/core-exports.ts: what ships, and a few looks inside).
 * Not for commands that the host runs (CONFIG, CLIENT, INFO, ...): those answer "-HOST name" here.
 *
 *   const core = new CoreDriver();
 *   const client = core.connect();
 *   client.command("SET", "k", "v");      → "+OK\r\n"
 *   client.send("*1\r\n$4\r\nPI");        → ""
 *   client.send("NG\r\n");                → "+PONG\r\n"
 *   core.advance(1000);                   the clock goes on by a second
 */
import { Core, type CoreExports, STATUS } from "../../server/bridge/core.ts";
import { ROOT, ROOT_ADDRESS } from "../../server/generated/layout.ts";
import { encode, replyEnd } from "./resp.ts";
import { testCoreModule } from "./test-core.ts";

/** What core-exports.ts adds to the exports that ship. */
interface TestExports extends CoreExports {
  alloc(size: number): number;
  allocWide(size: bigint): number;
  realloc(block: number, size: number): number;
  free(block: number): void;
  usableSize(block: number): number;
  roundedSize(size: number): number;
  canAllocate(size: bigint): number;
  heapStart(): number;
  encodingOf(db: number, key: number, length: number): number;
  bytesOf(db: number, key: number, length: number): number;
  zsetProblem(db: number, key: number, length: number): number;
  weightOf(db: number, key: number, length: number): number;
  listProblem(db: number, key: number, length: number): number;
  nodesOf(db: number, key: number, length: number): number;
  streamNode(db: number, key: number, length: number): number;
}

/** Names of the encodings by number, as OBJECT ENCODING has them. */
const ENCODINGS: Record<number, string> = {
  0: "raw", 1: "int", 2: "hashtable", 6: "intset", 7: "skiplist", 8: "embstr", 9: "quicklist", 10: "stream",
  11: "listpack",
};
const START_MS = 1_700_000_000_000;

let compiled: WebAssembly.Module | undefined;

/** Bytes of a latin1 text. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Latin1 text of bytes. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The replies that stand one behind the other in a text. */
export function splitReplies(text: string): string[] {
  const bytes = bytesOf(text);
  const replies: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = replyEnd(bytes, at);
    if (end < 0) throw new Error(`incomplete reply ${JSON.stringify(text.slice(at, at + 100))}`);
    replies.push(text.slice(at, end));
    at = end;
  }
  return replies;
}

interface DriverOptions {
  seed?: number;
  databases?: number;
  maximumPages?: number;
}

/** A core with its clock. */
export class CoreDriver {
  readonly core: Core;
  readonly exports: TestExports;
  /** Unix time in milliseconds, as the core sees it from the next call on. */
  nowMs = START_MS;

  constructor({ seed = 1, databases, maximumPages }: DriverOptions = {}) {
    compiled ??= testCoreModule("core-exports");
    const words = Uint32Array.from([seed, seed ^ 0x9e3779b9, ~seed, seed ^ 0x85ebca6b]);
    this.core = new Core(compiled, { seed: words, databases, maximumPages });
    this.exports = this.core.exports as TestExports;
    this.core.setNow(this.nowMs * 1000);
  }

  /** A new client. `internal` clients have no limits and need no password. */
  connect(internal = false): CoreClient {
    const handle = this.exports.clientOpen(internal ? 1 : 0) >>> 0;
    if (handle === 0) throw new Error("no memory for a client");
    return new CoreClient(this, handle);
  }

  /** Lets time pass for the calls that follow. */
  advance(ms: number): void {
    this.nowMs += ms;
    this.core.setNow(this.nowMs * 1000);
  }

  /** Bytes in live blocks of the heap. */
  get usedBytes(): number {
    return this.core.root32(ROOT.usedBytes);
  }

  /** Changes of the dataset since the start. */
  get dirty(): number {
    return this.core.root64(ROOT.dirty);
  }

  /** Runs something of which one allocation fails, the one that comes after `count` others; -1: none. */
  failing<T>(count: number, run: () => T): T {
    this.core.setU32(ROOT_ADDRESS + ROOT.failAfter, count);
    const result = run();
    this.core.setU32(ROOT_ADDRESS + ROOT.failAfter, -1);
    return result;
  }

  /** Name of the encoding of the value at a key, "none" when it is absent. */
  encoding(key: string, db = 0): string {
    const number = this.core.withBytes(bytesOf(key), (at, length) => this.exports.encodingOf(db, at, length));
    return ENCODINGS[number] ?? "none";
  }

  /** Bytes that a key with its string takes. */
  bytes(key: string, db = 0): number {
    return this.core.withBytes(bytesOf(key), (at, length) => this.exports.bytesOf(db, at, length));
  }
}

/** One connection. */
export class CoreClient {
  readonly driver: CoreDriver;
  /** Address of the client in the core. */
  readonly handle: number;
  /** What the last process() call returned (STATUS bits). */
  status = 0;
  /** How many slices its input has run in so far. */
  slices = 0;

  constructor(driver: CoreDriver, handle: number) {
    this.driver = driver;
    this.handle = handle;
  }

  /** True when the core wants the connection closed. */
  get closing(): boolean {
    return (this.status & (STATUS.closeAfter | STATUS.closeNow)) !== 0;
  }

  /** Gives the core bytes, in as many reads as it takes, and answers all that it replied. */
  send(input: string | Uint8Array): string {
    const { core, exports } = this.driver;
    const bytes = typeof input === "string" ? bytesOf(input) : input;
    const out: string[] = [];
    for (let at = 0; at < bytes.length && !this.closing;) {
      const room = exports.inputRoom(this.handle, bytes.length - at, 0, 1) >>> 0;
      if (room === 0) throw new Error("no memory for input");
      const part = bytes.subarray(at, at + core.roomLength);
      core.refresh();
      core.bytes.set(part, room);
      at += part.length;
      this.#run(part.length, out);
    }
    return out.join("");
  }

  /** Goes on with input that was held back. */
  resume(): string {
    const out: string[] = [];
    this.#run(0, out);
    return out.join("");
  }

  /** Sends one command; its reply as it is on the wire. */
  command(...args: (string | number)[]): string {
    return this.send(encode(args));
  }

  /** Sends commands in one piece; a reply each. */
  pipeline(commands: readonly (readonly (string | number)[])[]): string[] {
    return splitReplies(this.send(Buffer.concat(commands.map(encode))));
  }

  /** Output that others caused (a message, a served pop). */
  take(): string {
    return textOf(this.driver.core.takeOutput(this.handle));
  }

  close(): void {
    this.driver.exports.clientClose(this.handle);
  }

  #run(n: number, out: string[]): void {
    const { core, exports } = this.driver;
    // Commands that may be slow run only when the time of those before them is settled.
    this.#slice(n);
    while (this.status & (STATUS.needsHost | STATUS.more)) {
      if (this.status & STATUS.needsHost) {
        core.reply(this.handle, bytesOf(`-HOST ${textOf(core.args()[0]).toUpperCase()}\r\n`));
        exports.hostDone(this.handle, 1);
      }
      this.#slice(0);
    }
    const output = core.takeOutput(this.handle);
    if (output.length > 0) out.push(textOf(output));
  }

  #slice(n: number): void {
    const { exports } = this.driver;
    this.status = exports.process(this.handle, n);
    exports.settle(1, 0);
    this.slices++;
  }
}
