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

/** One command as RESP. */
function encode(args: readonly string[]): Uint8Array {
  const parts = args.map((arg) => `$${encoder.encode(arg).length}\r\n${arg}\r\n`);
  return encoder.encode(`*${args.length}\r\n${parts.join("")}`);
}

export class AdminClient {
  readonly #handler: ReturnType<Server["accept"]>;
  #received: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
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
    const all = new Uint8Array(this.#received.length + bytes.length);
    all.set(this.#received);
    all.set(bytes, this.#received.length);
    let at = 0;
    for (;;) {
      const end = replyEnd(all, at);
      if (end < 0) break;
      const reader = new ReplyReader();
      reader.use(all);
      const reply = reader.read(at, false);
      at = end;
      this.#waiting.shift()?.(reply);
    }
    this.#received = all.subarray(at);
  }
}

/** Where the reply at `at` ends, -1 when it is not whole yet. */
function replyEnd(bytes: Uint8Array, at: number): number {
  const line = bytes.indexOf(10, at);
  if (line < 0) return -1;
  const mark = String.fromCharCode(bytes[at]);
  if ("$=!".includes(mark)) {
    const length = headerNumber(bytes, at, line);
    const end = length < 0 ? line + 1 : line + 1 + length + 2;
    return end <= bytes.length ? end : -1;
  }
  if (!"*%~>|".includes(mark)) return line + 1;
  let left = headerNumber(bytes, at, line) * ("%|".includes(mark) ? 2 : 1);
  let end = line + 1;
  // The reply proper follows an attribute.
  if (mark === "|") left++;
  for (; left > 0 && end >= 0; left--) end = end < bytes.length ? replyEnd(bytes, end) : -1;
  return end;
}

function headerNumber(bytes: Uint8Array, at: number, line: number): number {
  return Number(String.fromCharCode(...bytes.subarray(at + 1, line - 1)));
}
