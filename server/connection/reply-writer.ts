// reply-writer: builds a RESP2 or RESP3 reply as bytes.
//
// Host commands write their replies through it; whoever ran the command hands take() to the core as raw bytes. Where
// RESP2 lacks a type the writer falls back as Valkey does: a map is an array of twice the length, a set and a push are
// arrays, a double, big number or verbatim text is a bulk string, null is a null bulk string, a boolean is 0 or 1.
//
// Not for the core's replies, which are written in linear memory.
//
// Invariant: the caller writes exactly as many elements as an aggregate's header announced; nothing here counts them.

import { trim } from "../config/text.ts";

/** The error of a command that finds no memory, as the core words it. */
export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

const ENCODER = new TextEncoder();
const FIRST_SIZE = 256;

/** Characters of a double's shortest form in JavaScript: sign, digits, exponent. */
const SCIENTIFIC = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/;

/**
 * A double as Valkey prints it: integers up to 2^62 plainly, others with the fewest digits that read back as the same
 * number, with an exponent only where the plain form would be long.
 */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 62) return BigInt(value).toString();
  const [, sign, first, rest = "", power] = SCIENTIFIC.exec(value.toExponential())!;
  const digits = first + rest;
  const exponent = Number(power);
  const scale = exponent - digits.length + 1; // value = digits * 10^scale
  if (scale >= 0 && exponent < digits.length + 7) return sign + digits + "0".repeat(scale);
  if (scale < 0 && (scale > -7 || Math.abs(exponent) < 4)) {
    if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
    return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
  }
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${sign}${first}${fraction}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

export class ReplyWriter {
  /** Protocol of the connection that gets the reply: 2 or 3. HELLO changes it before it writes. */
  resp: 2 | 3;
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;
  #failed = false;

  constructor(resp: 2 | 3) {
    this.resp = resp;
  }

  /** Number of bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** True when error() was called: the command counts as failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The bytes written so far; the writer is empty afterwards. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(FIRST_SIZE);
    this.#length = 0;
    this.#failed = false;
    return bytes;
  }

  // --- Simple types ---

  /** +OK */
  ok(): void {
    this.#text("+OK\r\n");
  }

  /** A status line. */
  simple(text: string): void {
    this.#text(`+${text}\r\n`);
  }

  /** An error line, given with its code and without the dash ("ERR no such thing"). Line breaks become spaces. */
  error(text: string | Uint8Array): void {
    this.#failed = true;
    this.#text("-");
    if (typeof text === "string") this.#text(trim(text, "\r\n").replace(/[\r\n]/g, " "));
    else this.raw(text.map((byte) => (byte === 13 || byte === 10 ? 32 : byte)));
    this.#text("\r\n");
  }

  /** An integer that fits 64 bits. */
  int(value: number | bigint): void {
    this.#text(`:${value}\r\n`);
  }

  /** A binary-safe string; text is sent as UTF-8. */
  bulk(value: string | Uint8Array): void {
    const bytes = typeof value === "string" ? this.#encoded(value) : value;
    this.#text(`$${bytes.length}\r\n`);
    if (typeof bytes === "string") this.#text(bytes);
    else this.raw(bytes);
    this.#text("\r\n");
  }

  /** No value. */
  null(): void {
    this.#text(this.resp === 3 ? "_\r\n" : "$-1\r\n");
  }

  /** A floating-point number. */
  double(value: number): void {
    const text = formatDouble(value);
    this.#text(this.resp === 3 ? `,${text}\r\n` : `$${text.length}\r\n${text}\r\n`);
  }

  /** True or false. */
  bool(value: boolean): void {
    if (this.resp === 3) this.#text(value ? "#t\r\n" : "#f\r\n");
    else this.#text(value ? ":1\r\n" : ":0\r\n");
  }

  /** Text for people with a three-letter format ("txt", "mkd"). */
  verbatim(format: string, value: string | Uint8Array): void {
    if (this.resp === 2) return this.bulk(value);
    const bytes = typeof value === "string" ? ENCODER.encode(value) : value;
    this.#text(`=${bytes.length + 4}\r\n${format.padEnd(3).slice(0, 3)}:`);
    this.raw(bytes);
    this.#text("\r\n");
  }

  /** An integer of any size, as its digits. */
  bigNumber(digits: string): void {
    this.#text(this.resp === 3 ? `(${digits}\r\n` : `$${digits.length}\r\n${digits}\r\n`);
  }

  // --- Aggregates: the header; the elements follow ---

  /** An array of n elements. */
  array(n: number): void {
    this.#text(`*${n}\r\n`);
  }

  /** A map of n pairs. */
  map(n: number): void {
    this.#text(this.resp === 3 ? `%${n}\r\n` : `*${n * 2}\r\n`);
  }

  /** A set of n elements. */
  set(n: number): void {
    this.#text(this.resp === 3 ? `~${n}\r\n` : `*${n}\r\n`);
  }

  /** An out-of-band message of n elements. */
  push(n: number): void {
    this.#text(this.resp === 3 ? `>${n}\r\n` : `*${n}\r\n`);
  }

  /** Announces n pairs of side information before a reply; false under RESP2, which has none: write no pairs then. */
  attribute(n: number): boolean {
    if (this.resp === 3) this.#text(`|${n}\r\n`);
    return this.resp === 3;
  }

  /** Bytes that are RESP already, or part of it. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  // --- Internals ---

  /** The text itself when its bytes are as many as its characters, else its UTF-8 bytes. */
  #encoded(text: string): string | Uint8Array {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return ENCODER.encode(text);
    return text;
  }

  /** Appends text as UTF-8. */
  #text(text: string): void {
    this.#room(text.length * 3);
    this.#length += ENCODER.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** Makes sure that n more bytes fit. */
  #room(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
