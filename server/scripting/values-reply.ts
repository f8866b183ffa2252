// values-reply.ts - what a script returned as a reply, and how much of it is errors.
//
//   string   bulk string            number   integer, cut          true   1 (RESP3 after setresp(3): true)
//   nil and false   null            {ok = }  status                {err = }  error
//   {double = } {big_number = } {map = } {set = } {verbatim_string = }   what RESP3 has; RESP2 has it as other kinds
//   any other table   array 1 to the first nil                           anything else   null
//
// The reply is put together as a string with one character a byte. Not for the way in: reply-values.ts.

import { formatDouble } from "../connection/reply-writer.ts";
import { cString } from "../config/text.ts";
import { toText } from "./lua/arguments.ts";
import { Table } from "./lua/table.ts";
import type { Value } from "./lua/values.ts";

/** So deep may tables be nested: as deep as fits the stack of Valkey's Lua. */
const DEEPEST = 7990;
const LEAST_INTEGER = "-9223372036854775808";

/** No reply is longer: a string of JavaScript can't be. */
const LONGEST = 2 ** 29 - 1024;
const TOO_LONG = "ERR the script's reply is too long";
const HEAD_LENGTH = 16;
const NO_PIECES: string[] = [];

/** What a script's error says of itself. */
export interface ErrorFacts {
  text: string;
  source: string | undefined;
  line: string | undefined;
  /** The command that raised it has counted it. */
  isCounted: boolean;
}

/** Reads an error table, or takes text as one. */
export function errorFacts(error: Value): ErrorFacts {
  const plain = toText(error);
  if (plain !== undefined) {
    return { text: `ERR ${cString(plain)}`, source: undefined, line: undefined, isCounted: false };
  }
  const field = (name: string): string | undefined => {
    const text = error instanceof Table ? toText(error.get(name)) : undefined;
    return text === undefined ? undefined : cString(text);
  };
  return {
    text: field("err") ?? "ERR unknown error", source: field("source"), line: field("line"),
    isCounted: error instanceof Table && error.get("ignore_error_stats_update") === true,
  };
}

/** A table whose elements are being written. */
interface Open {
  readonly table: Table;
  readonly kind: "array" | "map" | "set";
  /** Where in the pieces its head goes when the elements are counted. */
  readonly head: number;
  readonly outer: Open | undefined;
  /** The position of the pair, or the index of the element, that was written last. */
  at: number;
  count: number;
  /** The map's key was written, its value comes next. */
  isAtValue: boolean;
}

export class ReplyOfValues {
  /** What the script asked for by setresp(). */
  readonly #scriptResp: number;
  /** What the client speaks. */
  readonly #resp: number;
  #pieces: string[] = NO_PIECES;
  #open: Open | undefined;
  #depth = 0;
  #length = 0;
  /** Errors that nobody has counted yet. */
  errors: string[] | undefined;
  /** The reply, or a part of it, is an error. */
  failed = false;

  constructor(resp: number, scriptResp: number) {
    this.#resp = resp;
    this.#scriptResp = scriptResp;
  }

  /** The reply for a value. Tables inside of each other are no calls inside of each other: there may be thousands. */
  write(value: Value): string {
    if (typeof value === "string" && value.length > LONGEST) return this.fail(TOO_LONG, false);
    const whole = this.#value(value);
    if (this.#open === undefined) return whole;
    this.#pieces.push(whole);
    while (this.#open !== undefined && this.#length <= LONGEST) this.#step(this.#open);
    return this.#length <= LONGEST ? this.#pieces.join("") : this.fail(TOO_LONG, false);
  }

  /** The bytes of a value; those of a table with elements are yet to come, and "" stands in their place. */
  #value(value: Value): string {
    switch (typeof value) {
      case "string": return `$${value.length}\r\n${value}\r\n`;
      case "number": return `:${integerText(value)}\r\n`;
      case "boolean": return this.#boolean(value);
      default: return value instanceof Table ? this.#table(value) : this.#null();
    }
  }

  #null(): string {
    return this.#resp === 3 ? "_\r\n" : "$-1\r\n";
  }

  #boolean(value: boolean): string {
    if (this.#scriptResp === 2) return value ? ":1\r\n" : this.#null();
    if (this.#resp === 3) return value ? "#t\r\n" : "#f\r\n";
    return value ? ":1\r\n" : ":0\r\n";
  }

  /** An error reply; line breaks at its end go, others become blanks. */
  fail(text: string, isCounted: boolean): string {
    const line = text.replace(/[\r\n]+$/, "").replace(/[\r\n]/g, " ");
    this.failed = true;
    if (!isCounted) (this.errors ??= []).push(line);
    return `-${line}\r\n`;
  }

  #table(table: Table): string {
    if (this.#depth > DEEPEST) return this.fail("ERR reached lua stack limit", false);
    if (typeof table.get("err") === "string") {
      const { text, isCounted } = errorFacts(table);
      return this.fail(text, isCounted);
    }
    const ok = table.get("ok");
    if (typeof ok === "string") return `+${cString(ok).replace(/[\r\n]/g, " ")}\r\n`;
    return this.#typed(table) ?? this.#begin(table, "array");
  }

  /** A table that stands for one of RESP3's types. */
  #typed(table: Table): string | undefined {
    const double = table.get("double");
    if (typeof double === "number") return this.#line(",", formatDouble(double));
    const big = table.get("big_number");
    if (typeof big === "string") return this.#line("(", cString(big).replace(/[\r\n]/g, " "));
    const verbatim = table.get("verbatim_string");
    if (verbatim instanceof Table) {
      const format = verbatim.get("format");
      const text = verbatim.get("string");
      if (typeof format === "string" && typeof text === "string") return this.#verbatim(format, text);
    }
    const map = table.get("map");
    if (map instanceof Table) return this.#begin(map, "map");
    const set = table.get("set");
    return set instanceof Table ? this.#begin(set, "set") : undefined;
  }

  /** A line of its own kind, in RESP2 a bulk string. */
  #line(kind: string, text: string): string {
    return this.#resp === 3 ? `${kind}${text}\r\n` : `$${text.length}\r\n${text}\r\n`;
  }

  #verbatim(format: string, text: string): string {
    if (this.#resp !== 3) return `$${text.length}\r\n${text}\r\n`;
    return `=${text.length + 4}\r\n${cString(format).padEnd(3).slice(0, 3)}:${text}\r\n`;
  }

  // --- Tables with elements ---

  #begin(table: Table, kind: Open["kind"]): string {
    if (this.#open === undefined) this.#pieces = [];
    const head = this.#pieces.length;
    this.#open = { table, kind, head, outer: this.#open, at: 0, count: 0, isAtValue: false };
    this.#depth++;
    return "";
  }

  /** Writes the next element of the innermost table, or its end. */
  #step(open: Open): void {
    const { table, kind } = open;
    let value: Value;
    if (kind === "array") {
      open.at++;
      value = table.get(open.at);
      if (value === undefined) return this.#end(open);
    } else if (open.isAtValue) {
      value = table.valueAt(open.at);
      open.isAtValue = false;
    } else {
      open.at = table.after(open.at);
      if (open.at === 0) return this.#end(open);
      value = table.keyAt(open.at);
      open.isAtValue = kind === "map";
    }
    if (!(kind === "map" && !open.isAtValue)) open.count++;
    const bytes = this.#value(value);
    // A table has kept a place for its head, which may take as much as this.
    this.#length += bytes.length + HEAD_LENGTH;
    this.#pieces.push(bytes);
  }

  #end({ kind, head, count, outer }: Open): void {
    let text = `*${count}\r\n`;
    if (kind === "map") text = this.#resp === 3 ? `%${count}\r\n` : `*${count * 2}\r\n`;
    else if (kind === "set" && this.#resp === 3) text = `~${count}\r\n`;
    this.#pieces[head] = text;
    this.#open = outer;
    this.#depth--;
  }
}

/** A number cut to 64 bits, as C does it. */
function integerText(value: number): string {
  if (Number.isSafeInteger(value)) return value === 0 ? "0" : String(value);
  const whole = Math.trunc(value);
  if (!(Math.abs(whole) < 2 ** 63)) return LEAST_INTEGER;
  return Number.isSafeInteger(whole) ? (whole === 0 ? "0" : String(whole)) : BigInt(whole).toString();
}
