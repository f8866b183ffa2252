// client.ts - runs commands for the admin pages as a client of the server, with the rights and limits of any other.
//
// The connection is a socket that ends in this process: what the server writes is gathered and read as RESP3. One
// connection serves one request of a page, under the address of the browser that asked.

import { ReplyReader, WakeyError } from "../server/bridge/reply-reader.ts";
import type { Reply } from "../server/bridge/reply-reader.ts";
import type { Server } from "../server/server.ts";

type ServerSocket = Parameters<Server["accept"]>[0];

/** Who asks: a user's name and password, or nobody in particular. */
export interface Credentials {
  user: string;
  password: string;
}

const encoder = new TextEncoder();
const LINE_FEED = 10;

/** One command as RESP. */
function encode(args: readonly string[]): Uint8Array {
  const parts = args.map((arg) => `$${encoder.encode(arg).length}\r\n${arg}\r\n`);
  return encoder.encode(`*${args.length}\r\n${parts.join("")}`);
}

export class AdminClient {
  readonly #handler: ReturnType<Server["accept"]>;
  readonly #reader = new ReplyReader();
  /** What was received begins with the first reply that is not whole; behind it there may be room. */
  #received = new Uint8Array(0);
  #length = 0;
  /** How far replies were looked through, and how many values the one there still lacks. */
  #at = 0;
  #missing = 1;
  #waiting: ((reply: Reply) => void)[] = [];
  #isOpen = true;

  constructor(server: Server, remote: string, local: string) {
    const socket: ServerSocket = {
      write: (ptr, length) => {
        this.#take(server.core.copy(ptr, length));
        return length;
      },
      pauseReading: () => undefined,
      resumeReading: () => undefined,
      close: () => this.#end(),
      destroy: () => this.#end(),
      remote,
      local,
      fd: -1,
    };
    this.#handler = server.accept(socket);
  }

  /** Runs a command; error replies are answers of type WakeyError. */
  call(...args: string[]): Promise<Reply> {
    if (!this.#isOpen) return Promise.resolve(new WakeyError("ERR the connection was closed by the server"));
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#handler.data(encode(args));
    });
  }

  /** Begins RESP3, as a user where one is given. Answers with the error that forbids it, if any. */
  async begin(who: Credentials | undefined): Promise<WakeyError | undefined> {
    const reply = await this.call("HELLO", "3", ...(who === undefined ? [] : ["AUTH", who.user, who.password]));
    return reply instanceof WakeyError ? reply : undefined;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#end();
    this.#handler.closed();
  }

  #end(): void {
    this.#isOpen = false;
    for (const resolve of this.#waiting.splice(0)) {
      resolve(new WakeyError("ERR the connection was closed by the server"));
    }
  }

  /** Adds bytes and answers those whose replies are whole. The server writes a reply in one piece or several. */
  #take(bytes: Uint8Array): void {
    this.#append(bytes);
    let start = 0;
    while (this.#passValue()) {
      if (this.#missing > 0) continue;
      this.#reader.use(this.#received);
      this.#waiting.shift()?.(this.#reader.read(start, false));
      start = this.#at;
      this.#missing = 1;
    }
    this.#received.copyWithin(0, start, this.#length);
    this.#length -= start;
    this.#at -= start;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#received.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.#received.subarray(0, this.#length));
      this.#received = larger;
    }
    this.#received.set(bytes, this.#length);
    this.#length = length;
  }

  /** Goes on by one value, of an aggregate by its head alone; false when it is not there whole. */
  #passValue(): boolean {
    const bytes = this.#received.subarray(0, this.#length);
    const line = bytes.indexOf(LINE_FEED, this.#at);
    if (line < 0) return false;
    const mark = String.fromCharCode(bytes[this.#at]);
    const number = () => Number(String.fromCharCode(...bytes.subarray(this.#at + 1, line - 1)));
    let end = line + 1;
    if ("$=!".includes(mark)) {
      if (number() >= 0) end += number() + 2;
      if (end > bytes.length) return false;
    } else if ("*~>%|".includes(mark)) {
      this.#missing += Math.max(number(), 0) * ("%|".includes(mark) ? 2 : 1);
    }
    // The reply proper follows an attribute.
    if (mark !== "|") this.#missing--;
    this.#at = end;
    return true;
  }
}
