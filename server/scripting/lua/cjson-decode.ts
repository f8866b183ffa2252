// cjson-decode.ts - cjson.decode: JSON as a Lua value, with lua-cjson's complaints.
//
// A text becomes tokens, and an unexpected one is named in the error with its place. A zero byte ends the text, as it
// ends C's strings. Arrays and objects that are open stand in a list, not on JavaScript's stack.

import { type LuaError, nativeError } from "./errors.ts";
import { JSON_NULL, type JsonSettings } from "./cjson-settings.ts";
import { arrayTable, mapTable, MOST_VALUES } from "./library.ts";
import { POWERS } from "./number-text.ts";
import { parseNumber } from "./numbers.ts";
import { Table } from "./table.ts";
import type { Value } from "./values.ts";

// Kinds of tokens, by the names that messages have for them.
const OBJECT_BEGIN = "T_OBJ_BEGIN";
const OBJECT_END = "T_OBJ_END";
const ARRAY_BEGIN = "T_ARR_BEGIN";
const ARRAY_END = "T_ARR_END";
const STRING = "T_STRING";
const NUMBER = "T_NUMBER";
const BOOLEAN = "T_BOOLEAN";
const NULL = "T_NULL";
const COLON = "T_COLON";
const COMMA = "T_COMMA";
const END = "T_END";

const QUOTE = 34;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const BACKSLASH = 92;
const MOST_FAST_DIGITS = 15;

const SIMPLE_ESCAPES: Record<string, string> = {
  '"': '"', "\\": "\\", "/": "/", b: "\b", t: "\t", n: "\n", f: "\f", r: "\r",
};

const DECIMAL = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const HEX = /[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?/y;
const NAMED = /[+-]?(?:infinity|inf|nan(?:\(\w*\))?)/iy;
/** Numbers that JSON doesn't have: +1, 01, 0x1, inf, nan. */
const INVALID = /\+|-?(?:0[xX\d]|inf|nan)/iy;
const FOUR_HEX_DIGITS = /[0-9a-fA-F]{4}/y;

/** Where a sticky pattern's match at a place ends, or -1. */
function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

/** UTF-8 of a code point, a character a byte. */
function utf8(point: number): string {
  if (point < 0x80) return String.fromCharCode(point);
  if (point < 0x800) return String.fromCharCode(0xc0 | (point >> 6), 0x80 | (point & 63));
  const last = [0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
  if (point < 0x10000) return String.fromCharCode(0xe0 | (point >> 12), ...last);
  return String.fromCharCode(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), ...last);
}

/** An array or an object on its way. */
interface Open {
  /** The keys so far, that of the next value among them; undefined for an array. */
  readonly keys: string[] | undefined;
  /** The values so far. Those of an array begin at 1, as in its table. */
  readonly values: Value[];
}

/** One call of cjson.decode. */
export class Decoder {
  readonly #text: string;
  readonly #settings: JsonSettings;
  readonly #open: Open[] = [];
  #at = 0;
  /** Where the token began that was read last, and what it stands for. */
  #start = 0;
  #value: Value;
  /** How many values C has on its stack. */
  #used = 1;

  constructor(text: string, settings: JsonSettings) {
    this.#text = text;
    this.#settings = settings;
  }

  decode(): Value {
    let token = this.#next();
    for (;;) {
      const inner = this.#begin(token);
      if (inner !== undefined) {
        token = inner;
        continue;
      }
      // a value is done; so is each array or object whose last one it was
      const next = this.#place();
      if (next === undefined) break;
      token = next;
    }
    const end = this.#next();
    if (end !== END) throw this.#unexpected("the end", end);
    return this.#done;
  }

  #done: Value;

  // --- Arrays and objects ---

  /** Takes a value's token: its value is done, or the token of the first value in it is returned. */
  #begin(token: string): string | undefined {
    switch (token) {
      case STRING: case NUMBER: case BOOLEAN: case NULL:
        this.#done = this.#value;
        return undefined;
      case OBJECT_BEGIN: {
        this.#descend(3);
        const first = this.#next();
        if (first === OBJECT_END) {
          this.#done = new Table();
          return undefined;
        }
        this.#used += 2;
        this.#open.push({ keys: [this.#key(first)], values: [] });
        return this.#next();
      }
      case ARRAY_BEGIN: {
        this.#descend(2);
        const first = this.#next();
        if (first === ARRAY_END) {
          this.#done = new Table();
          return undefined;
        }
        this.#used += 1;
        this.#open.push({ keys: undefined, values: [undefined] });
        return first;
      }
      default: throw this.#unexpected("value", token);
    }
  }

  /** Puts the value that is done where it belongs; the token of the next value, or undefined at the end. */
  #place(): string | undefined {
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      const { keys, values } = open;
      values.push(this.#done);
      const token = this.#next();
      if (token === COMMA) {
        const first = this.#next();
        if (keys === undefined) return first;
        keys.push(this.#key(first));
        return this.#next();
      }
      if (token !== (keys === undefined ? ARRAY_END : OBJECT_END)) {
        throw this.#unexpected(keys === undefined ? "comma or array end" : "comma or object end", token);
      }
      this.#open.pop();
      this.#used -= keys === undefined ? 1 : 2;
      this.#done = keys === undefined ? arrayTable(values) : mapTable(keys, values);
    }
    return undefined;
  }

  /** A key of an object, whose token was read, and the colon behind it. */
  #key(token: string): string {
    if (token !== STRING) throw this.#unexpected("object key string", token);
    const key = this.#value as string;
    const colon = this.#next();
    if (colon !== COLON) throw this.#unexpected("colon", colon);
    return key;
  }

  #descend(slots: number): void {
    const depth = this.#open.length + 1;
    if (depth <= this.#settings.decodeMaxDepth && this.#used + slots <= MOST_VALUES) return;
    throw nativeError(`Found too many nested data structures (${depth}) at character ${this.#at}`);
  }

  #unexpected(expected: string, found: string): LuaError {
    return nativeError(`Expected ${expected} but found ${found} at character ${this.#start + 1}`);
  }

  // --- Tokens ---

  /** A token that is none: its name is what's wrong, its place is here. */
  #wrong(what: string): string {
    this.#start = this.#at;
    return what;
  }

  #take(kind: string, length = 1): string {
    this.#at += length;
    return kind;
  }

  #constant(kind: string, value: Value, length: number): string {
    this.#value = value;
    return this.#take(kind, length);
  }

  /** Reads the next token. */
  #next(): string {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    while (code === 32 || (code >= 9 && code <= 13 && code !== 11 && code !== 12)) code = text.charCodeAt(++this.#at);
    this.#start = this.#at;
    switch (text[this.#at]) {
      case undefined: case "\0": return END;
      case "{": return this.#take(OBJECT_BEGIN);
      case "}": return this.#take(OBJECT_END);
      case "[": return this.#take(ARRAY_BEGIN);
      case "]": return this.#take(ARRAY_END);
      case ",": return this.#take(COMMA);
      case ":": return this.#take(COLON);
      case '"': return this.#string();
      case "t": if (text.startsWith("true", this.#at)) return this.#constant(BOOLEAN, true, 4); break;
      case "f": if (text.startsWith("false", this.#at)) return this.#constant(BOOLEAN, false, 5); break;
      case "n": if (text.startsWith("null", this.#at)) return this.#constant(NULL, JSON_NULL, 4); break;
    }
    return this.#numberOrWrong(code);
  }

  #numberOrWrong(code: number): string {
    const isUsual = code === MINUS || (code >= 48 && code <= 57);
    if (isUsual) {
      if (this.#shortNumber()) return NUMBER;
      const isInvalid = !this.#settings.decodeInvalidNumbers && matchEnd(INVALID, this.#text, this.#at) >= 0;
      return isInvalid ? this.#wrong("invalid number") : this.#number();
    }
    const isOdd = (code === PLUS || /[iInN]/.test(String.fromCharCode(code))) && this.#settings.decodeInvalidNumbers;
    return isOdd && matchEnd(INVALID, this.#text, this.#at) >= 0 ? this.#number() : this.#wrong("invalid token");
  }

  /**
   * Takes a number of few digits without an exponent; most are that. Both its digits and the power of ten that they are
   * divided by are exact in a double, so that the quotient is rounded once, as it should be.
   */
  #shortNumber(): boolean {
    const text = this.#text;
    const start = text.charCodeAt(this.#at) === MINUS ? this.#at + 1 : this.#at;
    let at = start;
    let digits = 0;
    let code = text.charCodeAt(at);
    // a 0 may be the beginning of what isn't JSON
    if (code === 48 && text.charCodeAt(at + 1) !== POINT) return false;
    for (; code >= 48 && code <= 57; code = text.charCodeAt(++at)) digits = digits * 10 + code - 48;
    if (at === start) return false;
    const point = at;
    if (code === POINT) {
      code = text.charCodeAt(++at);
      for (; code >= 48 && code <= 57; code = text.charCodeAt(++at)) digits = digits * 10 + code - 48;
    }
    if (at - start > MOST_FAST_DIGITS || (code | 32) === 101) return false;
    const size = at > point + 1 ? digits / POWERS[at - point - 1] : digits;
    this.#value = start > this.#at ? -size : size;
    this.#at = at;
    return true;
  }

  /** A number as C's strtod reads it: as much as there is of one. */
  #number(): string {
    for (const form of [HEX, DECIMAL, NAMED]) {
      const end = matchEnd(form, this.#text, this.#at);
      if (end < 0) continue;
      this.#value = parseNumber(this.#text.slice(this.#at, end));
      return this.#take(NUMBER, end - this.#at);
    }
    return this.#wrong("invalid number");
  }

  #string(): string {
    const text = this.#text;
    this.#at++;
    let made = "";
    let from = this.#at;
    for (;;) {
      const code = this.#at < text.length ? text.charCodeAt(this.#at) : 0;
      if (code === QUOTE) {
        this.#value = made + text.slice(from, this.#at);
        return this.#take(STRING);
      }
      if (code === 0) return this.#wrong("unexpected end of string");
      if (code !== BACKSLASH) {
        this.#at++;
        continue;
      }
      made += text.slice(from, this.#at);
      const escaped = this.#escape();
      if (escaped === undefined) {
        return this.#wrong(text[this.#at + 1] === "u" ? "invalid unicode escape code" : "invalid escape code");
      }
      made += escaped;
      from = this.#at;
    }
  }

  /** What the escape that begins here stands for, which is taken; undefined when it is none. */
  #escape(): string | undefined {
    const letter = this.#text[this.#at + 1];
    if (letter !== "u") {
      const simple = SIMPLE_ESCAPES[letter];
      if (simple !== undefined) this.#at += 2;
      return simple;
    }
    let point = this.#codeUnit(this.#at + 2);
    if (point < 0) return undefined;
    let length = 6;
    if ((point & 0xf800) === 0xd800) {
      const hasLow = (point & 0x400) === 0 && this.#text.startsWith("\\u", this.#at + 6);
      const low = hasLow ? this.#codeUnit(this.#at + 8) : -1;
      if (low < 0 || (low & 0xfc00) !== 0xdc00) return undefined;
      point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
      length = 12;
    }
    this.#at += length;
    return utf8(point);
  }

  #codeUnit(at: number): number {
    if (matchEnd(FOUR_HEX_DIGITS, this.#text, at) < 0) return -1;
    return Number.parseInt(this.#text.slice(at, at + 4), 16);
  }
}
