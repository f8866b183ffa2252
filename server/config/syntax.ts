// syntax: how valkey.conf spells things: arguments with quotes, memory sizes, integers, patterns.
//
//     maxmemory 1gb  # not a comment: only a line that starts with # is one
//     requirepass "a \"quoted\" \x00 value"        'single quotes know only \'
//     save 900 1 300 10
//
// splitArguments() reads a line, quote() writes a value so that splitArguments() gives it back. Everything is a byte
// string (text.ts). Pure functions; nothing here knows a directive.

import { cString, lower } from "./text.ts";

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const UNESCAPES: Record<string, string> = {
  "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x07": "\\a", "\b": "\\b",
};
const BLANKS = " \t\n\v\f\r";
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** Enough for a number beyond 64 bits, in base 8 too. */
const MOST_DIGITS = 24;

// --- Arguments of a line ---

/** Reads one argument from `at`; undefined when a quote isn't closed. */
function readArgument(line: string, at: number): { value: string; next: number } | undefined {
  let value = "";
  let quote = "";
  for (;;) {
    const c = line[at];
    if (c === undefined) return quote === "" ? { value, next: at } : undefined;
    if (quote === '"' && c === "\\" && at + 1 < line.length) {
      const hex = line.slice(at + 2, at + 4);
      if (line[at + 1] === "x" && HEX_PAIR.test(hex)) {
        value += String.fromCharCode(parseInt(hex, 16));
        at += 4;
      } else {
        value += ESCAPES[line[at + 1]] ?? line[at + 1];
        at += 2;
      }
      continue;
    }
    if (quote === "'" && c === "\\" && line[at + 1] === "'") {
      value += "'";
      at += 2;
      continue;
    }
    at++;
    if (quote !== "") {
      if (c === quote) quote = "";
      else value += c;
    } else if (c === '"' || c === "'") {
      quote = c;
    } else if (c === " " || c === "\n" || c === "\r" || c === "\t") {
      return { value, next: at };
    } else {
      value += c;
    }
  }
}

/** Splits a line into its arguments; undefined when a quote isn't closed. Text may follow a closing quote directly. */
export function splitArguments(text: string): string[] | undefined {
  const line = cString(text);
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && BLANKS.includes(line[at])) at++;
    if (at >= line.length) return args;
    const argument = readArgument(line, at);
    if (argument === undefined) return undefined;
    args.push(argument.value);
    at = argument.next;
  }
}

/** Writes a value in double quotes, with everything that isn't printable ASCII escaped. */
export function quote(value: string): string {
  let out = '"';
  for (const c of value) {
    const code = c.charCodeAt(0);
    if (UNESCAPES[c] !== undefined) out += UNESCAPES[c];
    else if (code >= 0x20 && code < 0x7f) out += c;
    else out += "\\x" + code.toString(16).padStart(2, "0");
  }
  return out + '"';
}

// --- Numbers ---

/** A strict 64-bit integer: no blanks, no plus sign, no leading zero, no overflow. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? undefined : value;
}

/** The lenient reading of C's strtoll: blanks, a sign, digits; `rest` is what follows them. Saturates on overflow. */
export function parseLeadingInteger(text: string, base: 8 | 10): { value: bigint; rest: string; overflow: boolean } {
  const source = cString(text);
  const match = (base === 8 ? /^[ \t\n\v\f\r]*([+-]?)([0-7]+)/ : /^[ \t\n\v\f\r]*([+-]?)([0-9]+)/).exec(source);
  if (match === null) return { value: 0n, rest: source, overflow: false };
  // More digits than a 64-bit number has only say which end it is: reading millions of them would take seconds.
  const digits = match[2].replace(/^0+(?=.)/, "").slice(0, MOST_DIGITS);
  const magnitude = BigInt((base === 8 ? "0o" : "") + digits);
  const value = match[1] === "-" ? -magnitude : magnitude;
  const rest = source.slice(match[0].length);
  if (value > INT64_MAX) return { value: INT64_MAX, rest, overflow: true };
  if (value < INT64_MIN) return { value: INT64_MIN, rest, overflow: true };
  return { value, rest, overflow: false };
}

const UNITS: Record<string, bigint> = {
  "": 1n, b: 1n, k: 1000n, kb: 1024n, m: 1000n ** 2n, mb: 1024n ** 2n, g: 1000n ** 3n, gb: 1024n ** 3n,
};

/** A memory size ("100", "1k" = 1000, "1kb" = 1024, ... "2gb") as an unsigned 64-bit number, which wraps around. */
export function parseMemory(text: string): bigint | undefined {
  const match = /^([0-9]*)([a-z]*)$/.exec(lower(cString(text)));
  if (match === null || match[1].length >= 128) return undefined;
  const unit = UNITS[match[2]];
  const digits = BigInt(match[1]);
  if (unit === undefined || digits > UINT64_MAX) return undefined;
  return BigInt.asUintN(64, digits * unit);
}

/** The shortest exact spelling of a memory size: "64mb", "1gb", "100". */
export function formatMemory(bytes: bigint): string {
  if (bytes !== 0n) {
    for (const unit of ["gb", "mb", "kb"]) {
      if (bytes % UNITS[unit] === 0n) return `${bytes / UNITS[unit]}${unit}`;
    }
  }
  return bytes.toString();
}

/** A double that fills the whole text, finite; undefined for anything else. In a time that grows with the text. */
export function parseDouble(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (!/^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  return value === 0 && /[1-9]/.test(text.split(/[eE]/)[0]) ? undefined : value;
}

// --- Patterns ---

/** Whether a name has characters that make it a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(cString(text));
}

/** Reads the set "[...]" that starts at `at`; `end` is the index of its last character. */
function matchSet(pattern: string, at: number, c: string): { hit: boolean; end: number } {
  let i = at + 1;
  const negated = pattern[i] === "^";
  if (negated) i++;
  let hit = false;
  for (; i < pattern.length && pattern[i] !== "]"; i++) {
    if (pattern[i] === "\\" && i + 1 < pattern.length) {
      i++;
      if (pattern[i] === c) hit = true;
    } else if (pattern[i + 1] === "-" && i + 2 < pattern.length) {
      const [low, high] = pattern[i] <= pattern[i + 2] ? [pattern[i], pattern[i + 2]] : [pattern[i + 2], pattern[i]];
      if (lower(c) >= lower(low) && lower(c) <= lower(high)) hit = true;
      i += 2;
    } else if (lower(pattern[i]) === lower(c)) {
      hit = true;
    }
  }
  return { hit: hit !== negated, end: Math.min(i, pattern.length - 1) };
}

/** Glob match (* ? [a-c] [^x] \x) without regard to case. Backtracks only to the last star: linear times pattern. */
export function matchPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let starText = 0;
  while (t < text.length) {
    let hit = false;
    let next = p + 1;
    if (p < pattern.length) {
      const c = pattern[p];
      if (c === "*") {
        star = p++;
        starText = t;
        continue;
      }
      if (c === "?") hit = true;
      else if (c === "[") {
        const set = matchSet(pattern, p, text[t]);
        hit = set.hit;
        next = set.end + 1;
      } else {
        const literal = c === "\\" && p + 1 < pattern.length ? p + 1 : p;
        hit = lower(pattern[literal]) === lower(text[t]);
        next = literal + 1;
      }
    }
    if (hit) {
      p = next;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p >= pattern.length;
}

// --- The command line ---

/** What the command line asks for; `options` are further lines of configuration. */
interface CommandLine {
  file: string | undefined;
  fromStdin: boolean;
  options: string;
}

/** True when argument i is an option without a value that stands for "no value" (--save). */
function isEmptySave(args: string[], i: number): boolean {
  if (lower(args[i]) !== "--save") return false;
  return i === args.length - 1 || args[i + 1].startsWith("--");
}

/**
 * Turns `[file] [--option value...]... [-]` into configuration lines. An argument that starts with -- opens a new line
 * only when the line before has a value already, so `--proc-title-template --x` sets a value that begins with dashes.
 */
export function readCommandLine(args: string[]): CommandLine {
  const result: CommandLine = { file: undefined, fromStdin: false, options: "" };
  let first = 0;
  if (args.length > 0 && !args[0].startsWith("-")) result.file = args[first++];
  let complete = true;
  for (let i = first; i < args.length; i++) {
    if (args[i] === "-" && (i === 0 || i === args.length - 1)) {
      result.fromStdin = true;
    } else if (complete && args[i].startsWith("--")) {
      if (result.options !== "") result.options += "\n";
      result.options += args[i].slice(2) + " ";
      complete = splitArguments(args[i])?.length !== 1;
      if (isEmptySave(args, i)) {
        result.options += '""';
        complete = i !== args.length - 1;
      }
    } else {
      result.options += quote(args[i]) + " ";
      complete = true;
    }
  }
  return result;
}
