// reply-values.ts - replies of commands as Lua values, read where they lie in linear memory.
//
//   $bulk           string                       :1         number
//   $-1 *-1         false                        * >        table 1 to n
//   +text           {ok = text}                  - !        {err = text, ignore_error_stats_update = true}
//   _               nil                          #t         boolean
//   ,1.5            {double = 1.5}               (123       {big_number = "123"}
//   %               {map = {k = v, ...}}         ~          {set = {v = true, ...}}
//   =txt:text       {verbatim_string = {string = text, format = "txt"}}
//
// Not for the way back: values-reply.ts.

import { ByteText } from "./bytes.ts";
import { Table } from "./lua/table.ts";
import type { Value } from "./lua/values.ts";

const CARRIAGE_RETURN = 13;
const MINUS = 45;

/** A table that holds an error, as server.pcall() gives it: "-CODE text", or a text that gets the code ERR. */
export function errorTable(text: string): Table {
  const table = new Table();
  table.set("err", errorText(text));
  return table;
}

/** The text of an error with its code: a dash in front says that there is one. */
export function errorText(text: string): string {
  if (!text.startsWith("-")) return `ERR ${trimLines(text)}`;
  const space = text.indexOf(" ");
  return space < 0 ? `ERR ${text.slice(1)}` : `${text.slice(1, space)} ${trimLines(text.slice(space + 1))}`;
}

const trimLines = (text: string): string => text.replace(/^[\r\n]+|[\r\n]+$/g, "");

/** An error of a command: it was counted when it arose. */
export function countedError(text: string): Table {
  const table = errorTable(text);
  table.set("ignore_error_stats_update", true);
  return table;
}

export class ReplyValues {
  readonly #text = new ByteText();
  #bytes: Uint8Array = this.#text.bytes;
  #at = 0;

  /** The bytes to read from. */
  use(bytes: Uint8Array): void {
    this.#text.use(bytes);
    this.#bytes = bytes;
  }

  /** Reads one whole reply that begins at `at`. */
  read(at: number): Value {
    this.#at = at;
    return this.#value();
  }

  #value(): Value {
    const kind = this.#bytes[this.#at++];
    switch (kind) {
      case 0x24: // $
        return this.#bulk();
      case 0x3a: // :
        return this.#integer();
      case 0x2b: // +
        return single("ok", this.#line());
      case 0x2a: // *
      case 0x3e: // >
        return this.#array();
      case 0x2d: // -
        return countedError(`-${this.#line()}`);
      default:
        return this.#rareValue(kind);
    }
  }

  /** Kinds that only RESP3 has. */
  #rareValue(kind: number): Value {
    switch (kind) {
      case 0x5f: // _
        this.#at += 2;
        return undefined;
      case 0x23: // #
        this.#at += 3;
        return this.#bytes[this.#at - 3] === 0x74;
      case 0x2c: // ,
        return single("double", readDouble(this.#line()));
      case 0x28: // (
        return single("big_number", this.#line());
      case 0x25: // %
        return single("map", this.#map());
      case 0x7e: // ~
        return single("set", this.#set());
      case 0x3d: // =
        return this.#verbatim();
      case 0x21: // !
        return countedError(`-${this.#bulk() as string}`);
      case 0x7c: // |
        this.#map();
        return this.#value();
      default:
        throw new Error(`script: read a reply: none begins with byte ${kind}`);
    }
  }

  /** A length or an integer, with its line break. */
  #count(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    let value = 0;
    for (let byte = bytes[at]; byte !== CARRIAGE_RETURN; byte = bytes[++at]) value = value * 10 + (byte - 48);
    this.#at = at + 2;
    return isNegative ? -value : value;
  }

  /** An integer; beyond 2^53 the nearest that a double can be. */
  #integer(): number {
    const start = this.#at;
    const value = this.#count();
    return Number.isSafeInteger(value) ? value : Number(this.#text.read(start, this.#at - 2));
  }

  #bulk(): string | boolean {
    const length = this.#count();
    if (length < 0) return false;
    const start = this.#at;
    this.#at = start + length + 2;
    return this.#text.read(start, start + length);
  }

  #line(): string {
    const start = this.#at;
    let end = start;
    while (this.#bytes[end] !== CARRIAGE_RETURN) end++;
    this.#at = end + 2;
    return this.#text.read(start, end);
  }

  #array(): Value {
    const count = this.#count();
    if (count < 0) return false;
    const table = Table.sized(count, 0);
    for (let i = 1; i <= count; i++) table.set(i, this.#value());
    return table;
  }

  #map(): Table {
    const count = this.#count();
    const table = new Table();
    for (let i = 0; i < count; i++) {
      const key = this.#value();
      table.set(key, this.#value());
    }
    return table;
  }

  #set(): Table {
    const count = this.#count();
    const table = new Table();
    for (let i = 0; i < count; i++) table.set(this.#value(), true);
    return table;
  }

  #verbatim(): Table {
    const text = this.#bulk() as string;
    const inner = single("string", text.slice(4));
    inner.set("format", text.slice(0, 3));
    return single("verbatim_string", inner);
  }
}

function single(key: string, value: Value): Table {
  const table = new Table();
  table.set(key, value);
  return table;
}

function readDouble(text: string): number {
  if (text === "inf") return Infinity;
  return text === "-inf" ? -Infinity : Number(text);
}
