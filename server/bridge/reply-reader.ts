// reply-reader.ts - RESP replies as JavaScript values, read where they lie without copies in between.
//
//   +text $bulk =verbatim  string (bytes on request)      :1      number, bigint beyond 2^53
//   ,1.5                   number                         (123    bigint
//   #t                     boolean                        _ $-1 *-1  null
//   * >                    array                          %  Map      ~  Set
//   - !                    WakeyError: thrown by callers when it is the whole reply, an element inside arrays
//   |                      attributes: skipped
//
// Not for replies that arrive in pieces: what is read here is complete.

/** Any reply. Text is bytes (Uint8Array) where bytes were asked for. */
export type Reply =
  | string | number | bigint | boolean | null | Uint8Array | WakeyError
  | Reply[] | Map<Reply, Reply> | Set<Reply>;

/** An error reply: `code` is its first word ("WRONGTYPE"), `message` the whole text. */
export class WakeyError extends Error {
  override readonly name = "WakeyError";
  readonly code: string;

  constructor(message: string) {
    super(message);
    const space = message.indexOf(" ");
    this.code = space < 0 ? message : message.slice(0, space);
  }
}

/** What Buffer has beyond Uint8Array where it exists: the fastest way from bytes to text. */
interface TextSlicer {
  utf8Slice(start: number, end: number): string;
}

interface BufferMaker {
  from(buffer: ArrayBufferLike, offset: number, length: number): TextSlicer;
}

const bufferMaker = (globalThis as unknown as { Buffer?: BufferMaker }).Buffer;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Up to this length, text is put together from characters: cheaper than a call into the runtime. */
const SHORT_TEXT = 8;
const CARRIAGE_RETURN = 13;
const MINUS = 45;

export class ReplyReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #slicer: TextSlicer | undefined;
  #asBytes = false;
  /** Where the next reply begins. */
  at = 0;

  /** Sets the bytes to read from: all of linear memory, or a reply that was put together. */
  use(bytes: Uint8Array): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#slicer = bufferMaker?.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (typeof this.#slicer?.utf8Slice !== "function") this.#slicer = undefined;
  }

  /** Reads one reply at `at`. `asBytes`: strings come as copies of their bytes. */
  read(at: number, asBytes: boolean): Reply {
    this.at = at;
    this.#asBytes = asBytes;
    return this.#value();
  }

  #value(): Reply {
    const kind = this.#bytes[this.at++];
    switch (kind) {
      case 0x24: // $
        return this.#bulk(0);
      case 0x2b: // +
        return this.#line();
      case 0x3a: // :
        return this.#integer();
      case 0x2a: // *
      case 0x3e: // >
        return this.#array();
      case 0x5f: // _
        this.at += 2;
        return null;
      case 0x2d: // -
        return new WakeyError(this.#lineText());
      default:
        return this.#rareValue(kind);
    }
  }

  /** Kinds that only RESP3 has. */
  #rareValue(kind: number): Reply {
    switch (kind) {
      case 0x25: // %
        return this.#map();
      case 0x7e: // ~
        return new Set(this.#array());
      case 0x23: // #
        this.at += 3;
        return this.#bytes[this.at - 3] === 0x74;
      case 0x2c: // ,
        return toNumber(this.#lineText());
      case 0x28: // (
        return BigInt(this.#lineText());
      case 0x3d: // =
        return this.#bulk(4);
      case 0x21: { // !
        const text = this.#bulk(0);
        return new WakeyError(typeof text === "string" ? text : decoder.decode(text as Uint8Array));
      }
      case 0x7c: // |
        this.#map();
        return this.#value();
      default:
        throw new Error(`reply: read: no reply begins with byte ${kind}`);
    }
  }

  /** A length or a small integer at `at`, with its line break. */
  #count(): number {
    const bytes = this.#bytes;
    let at = this.at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let value = 0;
    for (let byte = bytes[at]; byte !== CARRIAGE_RETURN; byte = bytes[++at]) value = value * 10 + (byte - 48);
    this.at = at + 2;
    return negative ? -value : value;
  }

  #integer(): number | bigint {
    const start = this.at;
    const value = this.#count();
    if (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) return value;
    return BigInt(this.#text(start, this.at - 2));
  }

  /** A bulk string, of which the first `skip` bytes are left out. */
  #bulk(skip: number): string | Uint8Array | null {
    const length = this.#count();
    if (length < 0) return null;
    const start = this.at + skip;
    const end = this.at + length;
    this.at = end + 2;
    return this.#asBytes ? this.#bytes.slice(start, end) : this.#text(start, end);
  }

  #line(): string | Uint8Array {
    const start = this.at;
    const end = this.#lineEnd();
    return this.#asBytes ? this.#bytes.slice(start, end) : this.#text(start, end);
  }

  #lineText(): string {
    const start = this.at;
    return this.#text(start, this.#lineEnd());
  }

  /** Moves behind the line; returns where its text ends. */
  #lineEnd(): number {
    const bytes = this.#bytes;
    let end = this.at;
    while (bytes[end] !== CARRIAGE_RETURN) end++;
    this.at = end + 2;
    return end;
  }

  #text(start: number, end: number): string {
    const bytes = this.#bytes;
    if (end - start <= SHORT_TEXT) {
      let text = "";
      let at = start;
      for (; at < end && bytes[at] < 128; at++) text += String.fromCharCode(bytes[at]);
      if (at === end) return text;
    }
    return this.#slicer !== undefined ? this.#slicer.utf8Slice(start, end) : decoder.decode(bytes.subarray(start, end));
  }

  #array(): Reply[] | null {
    const count = this.#count();
    if (count < 0) return null;
    const items: Reply[] = [];
    for (let i = 0; i < count; i++) items.push(this.#value());
    return items;
  }

  #map(): Map<Reply, Reply> {
    const count = this.#count();
    const map = new Map<Reply, Reply>();
    for (let i = 0; i < count; i++) {
      const key = this.#value();
      map.set(key, this.#value());
    }
    return map;
  }
}

/** A RESP3 double as a number. */
function toNumber(text: string): number {
  if (text === "inf") return Infinity;
  return text === "-inf" ? -Infinity : Number(text);
}
