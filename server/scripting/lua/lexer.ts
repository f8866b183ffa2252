// lexer.ts - a script's text to tokens, with Lua's messages for what can't be one.
//
// A token is a number: the character's code for a sign of one character, one of T_... for all others. `text` is the
// name, string or (raw) number that was read; `number` its value. Positions are lines.
//
// Not for what tokens mean together (parser.ts).

import { LuaError } from "./errors.ts";
import { parseNumber } from "./numbers.ts";

export const T_AND = 257;
export const T_BREAK = 258;
export const T_DO = 259;
export const T_ELSE = 260;
export const T_ELSEIF = 261;
export const T_END = 262;
export const T_FALSE = 263;
export const T_FOR = 264;
export const T_FUNCTION = 265;
export const T_IF = 266;
export const T_IN = 267;
export const T_LOCAL = 268;
export const T_NIL = 269;
export const T_NOT = 270;
export const T_OR = 271;
export const T_REPEAT = 272;
export const T_RETURN = 273;
export const T_THEN = 274;
export const T_TRUE = 275;
export const T_UNTIL = 276;
export const T_WHILE = 277;
export const T_CONCAT = 278;
export const T_DOTS = 279;
export const T_EQUAL = 280;
export const T_NOT_BELOW = 281;
export const T_NOT_ABOVE = 282;
export const T_UNEQUAL = 283;
export const T_NUMBER = 284;
export const T_NAME = 285;
export const T_STRING = 286;
export const T_END_OF_TEXT = 287;

const SPELLED = [
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
  "repeat", "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>",
  "<string>", "<eof>",
];
const RESERVED = 21;

const END = -1;
const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const APOSTROPHE = 39;
const MINUS = 45;
const DOT = 46;
const EQUALS = 61;
const OPEN = 91;
const BACKSLASH = 92;
const CLOSE = 93;

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isNameStart = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isNamePart = (c: number): boolean => isNameStart(c) || isDigit(c);
const isNewline = (c: number): boolean => c === NEWLINE || c === RETURN;

let reserved: Map<string, number> | undefined;

/** The words that are no names, made when the first script comes. */
function reservedWords(): Map<string, number> {
  reserved ??= new Map(SPELLED.slice(0, RESERVED).map((word, index) => [word, T_AND + index]));
  return reserved;
}

/** How messages call a chunk: "@name" is a name of its own, anything else is the text that was compiled. */
export function chunkName(source: string): string {
  const LONGEST = 80;
  const whole = source.split("\0", 1)[0];
  if (whole.startsWith("=")) return whole.slice(1, LONGEST);
  if (whole.startsWith("@")) {
    const room = LONGEST - " '...' ".length - 1;
    return whole.length - 1 > room ? `...${whole.slice(whole.length - room)}` : whole.slice(1);
  }
  const room = LONGEST - ' [string "..."] '.length - 1;
  const first = whole.split(/[\n\r]/, 1)[0];
  const isCut = first.length < whole.length || first.length > room;
  return isCut ? `[string "${first.slice(0, room)}..."]` : `[string "${first}"]`;
}

export class Lexer {
  token = T_END_OF_TEXT;
  text = "";
  number = 0;
  /** The line of the text that was read last, and that of the token before the current one. */
  line = 1;
  lastLine = 1;
  readonly chunk: string;
  private readonly source: string;
  private readonly words = reservedWords();
  private at = 0;
  /** What was read of the token that was read last, as messages show it. */
  private shown = "";
  private hasAhead = false;
  private ahead = T_END_OF_TEXT;
  private aheadText = "";
  private aheadNumber = 0;

  constructor(source: string, chunk: string) {
    this.source = source;
    this.chunk = chunk;
  }

  /** Reads the next token into `token`, `text` and `number`. */
  next(): void {
    this.lastLine = this.line;
    if (this.hasAhead) {
      this.hasAhead = false;
      this.token = this.ahead;
      this.text = this.aheadText;
      this.number = this.aheadNumber;
      return;
    }
    this.token = this.read();
  }

  /** The token behind the current one. */
  peek(): number {
    const { text, number } = this;
    this.ahead = this.read();
    this.hasAhead = true;
    this.aheadText = this.text;
    this.aheadNumber = this.number;
    this.text = text;
    this.number = number;
    return this.ahead;
  }

  // --- Messages ---

  /** "user_script:1: what near 'token'". */
  error(what: string, near = 0): LuaError {
    const place = `${this.chunk}:${this.line}: ${what}`;
    if (near === 0) return new LuaError(place);
    const isShown = near === T_NAME || near === T_STRING || near === T_NUMBER;
    return new LuaError(`${place} near '${isShown ? this.shown.split("\0", 1)[0] : this.spell(near)}'`);
  }

  /** An error at the current token. */
  syntaxError(what: string): LuaError {
    return this.error(what, this.token);
  }

  /** How messages write a token. */
  spell(token: number): string {
    if (token >= T_AND) return SPELLED[token - T_AND];
    return token < 32 || token === 127 ? `char(${token})` : String.fromCharCode(token);
  }

  // --- Reading ---

  private code(at: number): number {
    return at < this.source.length ? this.source.charCodeAt(at) : END;
  }

  private read(): number {
    for (;;) {
      const c = this.code(this.at);
      if (isNameStart(c)) return this.readName();
      if (isDigit(c)) return this.readNumber(this.at);
      switch (c) {
        case END: return T_END_OF_TEXT;
        case NEWLINE: case RETURN: this.passNewline(); continue;
        case 32: case 9: case 11: case 12: this.at += 1; continue;
        case MINUS:
          if (this.code(this.at + 1) !== MINUS) break;
          this.passComment();
          continue;
        case QUOTE: case APOSTROPHE: return this.readString(c);
        case OPEN: return this.readBracket();
        case DOT: return this.readDots();
        case EQUALS: return this.readEqual(c, T_EQUAL);
        case 60: return this.readEqual(c, T_NOT_ABOVE);
        case 62: return this.readEqual(c, T_NOT_BELOW);
        case 126: return this.readEqual(c, T_UNEQUAL);
        default:
      }
      this.at += 1;
      return c;
    }
  }

  private readEqual(c: number, both: number): number {
    this.at += 1;
    if (this.code(this.at) !== EQUALS) return c;
    this.at += 1;
    return both;
  }

  /** Passes one of two characters, or a zero byte: C's Lua looks for them in a text that ends with one. */
  private pass(one: number, other: number): boolean {
    const c = this.code(this.at);
    if (c !== one && c !== other && c !== 0) return false;
    this.at += 1;
    return true;
  }

  private readDots(): number {
    const start = this.at;
    if (isDigit(this.code(start + 1))) return this.readNumber(start);
    this.at += 1;
    if (!this.pass(DOT, DOT)) return DOT;
    return this.pass(DOT, DOT) ? T_DOTS : T_CONCAT;
  }

  private readName(): number {
    const start = this.at;
    let at = start + 1;
    while (isNamePart(this.code(at))) at += 1;
    this.at = at;
    const name = this.source.slice(start, at);
    const word = this.words.get(name);
    if (word !== undefined) return word;
    this.text = name;
    this.shown = name;
    return T_NAME;
  }

  private readNumber(start: number): number {
    let at = start;
    while (isDigit(this.code(at)) || this.code(at) === DOT) at += 1;
    this.at = at;
    if (this.pass(69, 101)) this.pass(43, MINUS);
    for (at = this.at; isNamePart(this.code(at));) at += 1;
    this.at = at;
    this.shown = this.source.slice(start, at);
    const value = at - start === 1 ? this.source.charCodeAt(start) - 48 : parseNumber(this.shown);
    if (value === undefined) throw this.error("malformed number", T_NUMBER);
    this.number = value;
    return T_NUMBER;
  }

  /** Two different characters of a line's end count as one. */
  private passNewline(): void {
    const c = this.code(this.at);
    const second = this.code(this.at + 1);
    this.at += isNewline(second) && second !== c ? 2 : 1;
    this.line += 1;
  }

  private passComment(): void {
    this.at += 2;
    if (this.code(this.at) === OPEN) {
      const level = this.bracketLevel(this.at);
      if (level >= 0) {
        this.readLong(level, "unfinished long comment");
        return;
      }
    }
    while (this.at < this.source.length && !isNewline(this.code(this.at))) this.at += 1;
  }

  /** How many = stand between the two brackets at a place, or -1 - count if there is no second bracket. */
  private bracketLevel(at: number): number {
    const bracket = this.code(at);
    let end = at + 1;
    while (this.code(end) === EQUALS) end += 1;
    const count = end - at - 1;
    return this.code(end) === bracket ? count : -1 - count;
  }

  private readBracket(): number {
    const level = this.bracketLevel(this.at);
    if (level >= 0) return this.readLong(level, "unfinished long string");
    if (level === -1) {
      this.at += 1;
      return OPEN;
    }
    this.shown = this.source.slice(this.at, this.at - level);
    throw this.error("invalid long string delimiter", T_STRING);
  }

  private readLong(level: number, unfinished: string): number {
    const delimiter = `]${"=".repeat(level)}]`;
    this.at += level + 2;
    if (isNewline(this.code(this.at))) this.passNewline();
    let text = "";
    let start = this.at;
    for (;;) {
      const c = this.code(this.at);
      if (c === END) throw this.error(unfinished, T_END_OF_TEXT);
      if (c === CLOSE && this.bracketLevel(this.at) === level) break;
      if (isNewline(c)) {
        text += `${this.source.slice(start, this.at)}\n`;
        this.passNewline();
        start = this.at;
      } else this.at += 1;
    }
    this.text = text + this.source.slice(start, this.at);
    this.at += level + 2;
    this.shown = `[${"=".repeat(level)}[${this.text}${delimiter}`;
    return T_STRING;
  }

  private readString(quote: number): number {
    let text = "";
    this.at += 1;
    let start = this.at;
    for (;;) {
      const c = this.code(this.at);
      if (c === quote) break;
      if (c === BACKSLASH) {
        text += this.source.slice(start, this.at);
        this.at += 1;
        text += this.readEscape(quote, text);
        start = this.at;
      } else if (c === END) throw this.error("unfinished string", T_END_OF_TEXT);
      else if (isNewline(c)) {
        this.shown = String.fromCharCode(quote) + text + this.source.slice(start, this.at);
        throw this.error("unfinished string", T_STRING);
      } else this.at += 1;
    }
    this.text = text + this.source.slice(start, this.at);
    this.at += 1;
    this.shown = String.fromCharCode(quote) + this.text + String.fromCharCode(quote);
    return T_STRING;
  }

  /** What stands for the characters behind a backslash. */
  private readEscape(quote: number, before: string): string {
    const c = this.code(this.at);
    if (c === END) return "";
    if (isNewline(c)) {
      this.passNewline();
      return "\n";
    }
    if (!isDigit(c)) {
      this.at += 1;
      const index = "abfnrtv".indexOf(String.fromCharCode(c));
      return index < 0 ? String.fromCharCode(c) : "\x07\b\f\n\r\t\v"[index];
    }
    let value = 0;
    for (let count = 0; count < 3 && isDigit(this.code(this.at)); count += 1) {
      value = value * 10 + this.code(this.at) - 48;
      this.at += 1;
    }
    if (value <= 255) return String.fromCharCode(value);
    this.shown = String.fromCharCode(quote) + before;
    throw this.error("escape sequence too large", T_STRING);
  }
}
