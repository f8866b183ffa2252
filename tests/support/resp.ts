/**
 * resp: a small RESP connection for black-box tests.
 *
 * Requests are arrays of strings in which each character is one byte (latin1), so that binary arguments are easy to
 * write and to print. Replies are handed out as the raw bytes that came, in the same form: tests compare what is on the
 * wire. Not a client library: no reconnecting, no decoding beyond finding where a reply ends.
 *
 *   const connection = await RespConnection.open({ port });
 *   await connection.command("SET", "k", "v");        → "+OK\r\n"
 */
import { connect, type Socket } from "node:net";

export const NIL = "$-1\r\n";
export const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
export const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

const CR = 13;
const REPLY_LIMIT_MS = 30_000;

/** Where the reply that starts at `at` ends, or -1 when more bytes are needed. Throws where no reply starts. */
export function replyEnd(bytes: Uint8Array, at: number): number {
  let line = bytes.indexOf(CR, at);
  while (line >= 0 && line + 1 < bytes.length && bytes[line + 1] !== 10) line = bytes.indexOf(CR, line + 1);
  if (line < 0 || line + 1 >= bytes.length) return -1;
  const after = line + 2;
  const type = String.fromCharCode(bytes[at]);
  if ("+-:_#,(".includes(type)) return after;
  if (!"$=!*~>%|".includes(type)) throw new Error(`no reply starts with byte ${bytes[at]} (${JSON.stringify(type)})`);
  const length = Number(Buffer.from(bytes.subarray(at + 1, line)).toString("latin1"));
  if (length < 0) return after;
  if ("$=!".includes(type)) return after + length + 2 <= bytes.length ? after + length + 2 : -1;
  const pairs = type === "%" || type === "|";
  let end = after;
  for (let left = pairs ? length * 2 : length; left > 0; left--) {
    end = end < bytes.length ? replyEnd(bytes, end) : -1;
    if (end < 0) return -1;
  }
  // An attribute comes in front of the reply that it belongs to.
  if (type === "|") return end < bytes.length ? replyEnd(bytes, end) : -1;
  return end;
}

/** A bulk string as it is on the wire. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** One command as the bytes that clients send. */
export function encode(args: readonly (string | number)[]): Buffer {
  const parts = [`*${args.length}\r\n`];
  for (const arg of args) {
    parts.push(bulk(String(arg)));
  }
  return Buffer.from(parts.join(""), "latin1");
}

/** The bulk strings of a flat array reply. */
export function items(reply: string): string[] {
  const found: string[] = [];
  let at = reply.indexOf("\r\n") + 2;
  while (at < reply.length) {
    const end = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, end));
    found.push(reply.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return found;
}

/** The value of a field in what INFO (name:value) or CLIENT LIST (name=value) replies; "" where there is none. */
export function field(text: string, name: string): string {
  return new RegExp(`${name}[=:](\\S*)`).exec(text)?.[1] ?? "";
}

/** Where to connect to. */
interface Address {
  port?: number;
  host?: string;
  path?: string;
}

/** A connection that sends bytes and hands out whole replies in order. */
export class RespConnection {
  readonly socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffer, chunk]);
      this.#serve();
    });
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("connection closed by the server")));
  }

  /** Connects; fails when nothing listens. */
  static open(address: Address): Promise<RespConnection> {
    return new Promise((resolve, reject) => {
      const socket = address.path
        ? connect({ path: address.path })
        : connect({ host: address.host ?? "127.0.0.1", port: address.port ?? 6379 });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RespConnection(socket));
      });
    });
  }

  /** True once the server has closed the connection. */
  get closed(): boolean {
    return this.#ended !== undefined;
  }

  /** Bytes that came and belong to no reply that was asked for. */
  get leftover(): string {
    return this.#buffer.toString("latin1");
  }

  /** Sends bytes as they are. */
  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** The next whole reply. Rejects when the connection ends first or nothing comes for half a minute. */
  reply(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(new Error(`no reply within ${REPLY_LIMIT_MS} ms`)), REPLY_LIMIT_MS);
      const settled = <T>(settle: (value: T) => void) => (value: T): void => {
        clearTimeout(timer);
        settle(value);
      };
      this.#waiting.push({ resolve: settled(resolve), reject: settled(reject) });
      this.#serve();
    });
  }

  /** Sends one command and gives its reply. */
  command(...args: (string | number)[]): Promise<string> {
    this.send(encode(args));
    return this.reply();
  }

  /** Sends commands in one write and gives their replies. */
  pipeline(commands: readonly (readonly (string | number)[])[]): Promise<string[]> {
    this.send(Buffer.concat(commands.map(encode)));
    return Promise.all(commands.map(() => this.reply()));
  }

  /** Everything that comes until the server closes the connection or `ms` have passed. */
  async drain(ms: number): Promise<string> {
    if (!this.closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.socket.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.leftover;
  }

  close(): void {
    this.socket.destroy();
  }

  #serve(): void {
    let at = 0;
    try {
      while (this.#waiting.length > 0 && at < this.#buffer.length) {
        const end = replyEnd(this.#buffer, at);
        if (end < 0) break;
        this.#waiting.shift()!.resolve(this.#buffer.toString("latin1", at, end));
        at = end;
      }
    } catch (error) {
      this.#end(error as Error);
    }
    if (at > 0) this.#buffer = this.#buffer.subarray(at);
    if (this.#ended) for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
