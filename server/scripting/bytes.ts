// bytes.ts - bytes as Lua's strings, one character (0 to 255) a byte, and back.
//
// Short ones go character by character; long ones through the runtime's Buffer where there is one. Not for text that
// people read (server/config/text.ts).

import { fromBytes } from "../config/text.ts";

/** What Buffer has beyond Uint8Array. */
interface Latin1 {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
}

interface BufferMaker {
  from(buffer: ArrayBufferLike, offset: number, length: number): Latin1;
}

const maker = (globalThis as unknown as { Buffer?: BufferMaker }).Buffer;
/** Up to this length a call into the runtime costs more. */
const SHORT_READ = 16;
const SHORT_WRITE = 40;

/** Reads and writes strings in one array of bytes after another; holds what it needs for the last one. */
export class ByteText {
  bytes: Uint8Array = new Uint8Array(0);
  #latin1: Latin1 | undefined;

  /** The array to read from and write to. */
  use(bytes: Uint8Array): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.#latin1 = maker?.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (typeof this.#latin1?.latin1Slice !== "function") this.#latin1 = undefined;
  }

  /** Bytes [start, end) as a string. */
  read(start: number, end: number): string {
    const { bytes } = this;
    if (end - start <= SHORT_READ) {
      let text = "";
      for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
      return text;
    }
    if (this.#latin1 !== undefined) return this.#latin1.latin1Slice(start, end);
    return fromBytes(bytes.subarray(start, end));
  }

  /** Writes a string at `at`; there has to be room. Returns the place behind it. */
  write(text: string, at: number): number {
    const { bytes } = this;
    const { length } = text;
    if (length > SHORT_WRITE && this.#latin1 !== undefined) {
      this.#latin1.latin1Write(text, at, length);
      return at + length;
    }
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    return at + length;
  }
}
