// directive: what one configuration directive is, and the five common kinds of them.
//
//     text of the user ──parse──► value ──format──► CONFIG GET
//                                   └────rewrite──► line of the file
//
//     kind      value            examples
//     boolean   boolean          appendonly
//     string    string | null    logfile, pidfile (null: set to "" where empty means "none")
//     enum      number           maxmemory-policy; several names are or-ed when the directive takes several
//     number    bigint           port, maxmemory (64 bits, unsigned kinds kept as their signed reading, as in C)
//     special   anything         special.ts: save, bind, client-output-buffer-limit, ...
//
// A directive is data and pure functions, shared by all servers in a process; values live in Config. A value is never
// changed in place. parse() throws Refusal with Valkey's text. Strings are byte strings (text.ts).

import { cString, lower, sameIgnoringCase } from "./text.ts";
import { formatMemory, parseInteger, parseLeadingInteger, parseMemory, quote } from "./syntax.ts";

/** A value that was refused; the message is what the client is told. */
export class Refusal extends Error {}

/** What a special directive may need beside its arguments. */
export interface ParseContext {
  /** True while a file or the command line is read, false for CONFIG SET. */
  loading: boolean;
  /** True when the directive was met before in this start. */
  seen: boolean;
  /** Changes the working directory; throws Refusal with the system's text. */
  changeDirectory(path: string): void;
  /** The working directory. */
  currentDirectory(): string;
  /** Tells the operator something about an accepted value. */
  warn(message: string): void;
}

/** How a directive writes itself: see rewrite.ts. */
export interface Rewriter {
  /** Uses or appends a line; without force only when the file mentions the directive. */
  line(name: string, text: string, force: boolean): void;
  /** Removes the lines of the file that mention the directive. */
  remove(name: string): void;
}

export interface Flags {
  /** Only at start, never by CONFIG SET. */
  immutable?: boolean;
  /** CONFIG SET only when enable-protected-configs allows it. */
  protected?: boolean;
  /** CONFIG SET answers -LOADING while a data set is loaded. */
  denyLoading?: boolean;
  /** The value is hidden from logs and MONITOR. */
  sensitive?: boolean;
  /** CONFIG GET shows it for its exact name only. */
  hidden?: boolean;
  /** Takes several arguments. */
  multiple?: boolean;
  /** Setting the same value again still counts as a change (files that are read again). */
  volatile?: boolean;
  /** The older name, under which it can also be read and set. */
  alias?: string;
}

export interface Directive<V = unknown> extends Flags {
  readonly name: string;
  readonly kind: "boolean" | "string" | "enum" | "number" | "special";
  readonly initial: V;
  /** The value lives outside (the working directory): to restore it, its old text is set again. */
  readonly external?: boolean;
  /** For enums: the names and their numbers, in the order of messages. */
  readonly names?: readonly (readonly [string, number])[];
  parse(args: readonly string[], previous: V, context: ParseContext): V;
  format(value: V, context: ParseContext): string;
  rewrite(value: V, to: Rewriter, context: ParseContext): void;
  same(a: V, b: V): boolean;
}

/** Any directive, whatever the type of its value. */
// oxlint-disable-next-line no-explicit-any
export type AnyDirective = Directive<any>;

// --- Boolean ---

/** yes or no. `check` refuses a value that this server can't honour. */
export function boolean(name: string, initial: boolean, flags: Flags = {}, check?: (value: boolean) => void) {
  const directive: Directive<boolean> = {
    name, kind: "boolean", initial, ...flags,
    parse([text]) {
      const value = sameIgnoringCase(text, "yes");
      if (!value && !sameIgnoringCase(text, "no")) throw new Refusal("argument must be 'yes' or 'no'");
      check?.(value);
      return value;
    },
    format: (value) => (value ? "yes" : "no"),
    rewrite: (value, to) => to.line(name, `${name} ${value ? "yes" : "no"}`, value !== initial),
    same: Object.is,
  };
  return directive;
}

// --- Strings ---

interface StringOptions extends Flags {
  /** Keeps bytes after a NUL (passwords); other strings end there. */
  binary?: boolean;
}

/** A string; with initial null, "" stands for "not set". `check` sees the value and all that was given, with NULs. */
export function string(
  name: string, initial: string | null, options: StringOptions = {}, check?: (value: string, given: string) => void,
) {
  const { binary, ...flags } = options;
  const directive: Directive<string | null> = {
    name, kind: "string", initial, ...flags,
    parse([text]) {
      const value = binary ? text : cString(text);
      check?.(value, text);
      return value === "" && initial === null ? null : value;
    },
    format: (value) => value ?? "",
    rewrite(value, to) {
      if (value === null) to.remove(name);
      else to.line(name, `${name} ${quote(value)}`, value !== initial);
    },
    same: Object.is,
  };
  return directive;
}

// --- Enums ---

/** The text for an enum's number: the exact name, else for bit sets the names of the bits in table order. */
function enumText(names: readonly (readonly [string, number])[], value: number, bits: boolean): string {
  const found: string[] = [];
  let rest = value;
  for (const [name, number] of names) {
    if (number === value) return name;
    if (bits && number !== 0 && (rest & number) === number) {
      found.push(name);
      rest &= ~number;
    }
  }
  return found.length === 0 || rest !== 0 ? "unknown" : found.join(" ");
}

/** One name of a list, or with `multiple` any number of them or-ed. */
export function choice(
  name: string, names: readonly (readonly [string, number])[], initial: string, flags: Flags = {},
  check?: (value: number) => void,
) {
  const start = names.find(([text]) => text === initial)?.[1] ?? 0;
  const bits = flags.multiple === true;
  const message = "argument(s) must be one of the following: " + names.map(([text]) => text).join(", ");
  const directive: Directive<number> = {
    name, kind: "enum", initial: start, names, ...flags,
    parse(args) {
      let value = 0;
      if (args.length === 0 || (!bits && args.length !== 1)) throw new Refusal(message);
      for (const text of args) {
        const match = names.find(([known]) => sameIgnoringCase(known, text));
        if (match === undefined) throw new Refusal(message);
        value |= match[1];
      }
      check?.(value);
      return value;
    },
    format: (value) => enumText(names, value, bits),
    rewrite: (value, to) => to.line(name, `${name} ${enumText(names, value, bits)}`, value !== start),
    same: Object.is,
  };
  return directive;
}

/** A choice whose names have no order or bits of their own. */
export function oneOf(name: string, names: readonly string[], initial: string, flags: Flags = {}) {
  return choice(name, names.map((text, i) => [text, i] as const), initial, flags);
}

// --- Numbers ---

export const INT_MAX = 2n ** 31n - 1n;
export const INT_MIN = -(2n ** 31n);
export const UINT_MAX = 2n ** 32n - 1n;
export const LONG_MAX = 2n ** 63n - 1n;
export const ULONG_MAX = 2n ** 64n - 1n;

interface NumberOptions extends Flags {
  /** Compared without sign: a negative number is a very large one. */
  unsigned?: boolean;
  /** memory: digits and a unit; percent: memory or N%, kept as -N; signed-memory: memory or a negative number. */
  form?: "integer" | "memory" | "percent" | "signed-memory" | "octal";
  /** Brings an accepted value into the range that is used. */
  clamp?: (value: bigint, loading: boolean) => bigint;
}

const NUMBER_ERRORS = {
  integer: "argument couldn't be parsed into an integer",
  memory: "argument must be a memory value",
  percent: "argument must be a memory or percent value",
  "signed-memory": "argument must be a memory value",
  octal: "argument couldn't be parsed as an octal number",
};

/** Reads a number in the directive's form; undefined when it isn't one. */
function readNumber(text: string, form: NonNullable<NumberOptions["form"]>): bigint | undefined {
  if (form === "integer") return parseInteger(text);
  if (form === "octal") {
    const { value, rest, overflow } = parseLeadingInteger(text, 8);
    return overflow || rest !== "" ? undefined : value;
  }
  const size = parseMemory(text);
  if (size !== undefined) return BigInt.asIntN(64, size);
  if (form === "signed-memory") return parseInteger(text);
  if (form === "percent" && text.length > 1 && text.endsWith("%")) {
    const percent = parseInteger(text.slice(0, -1));
    if (percent !== undefined && percent >= 0n) return -percent;
  }
  return undefined;
}

/** A 64-bit number within bounds. */
export function number(
  name: string, least: number | bigint, most: number | bigint, initial: number | bigint, options: NumberOptions = {},
) {
  const { unsigned = false, form = "integer", clamp, ...flags } = options;
  const low = BigInt(least);
  const high = BigInt(most);
  const start = BigInt.asIntN(64, BigInt(initial));
  const radix = form === "octal" ? 8 : 10;
  const range = `argument must be between ${low.toString(radix)} and ${high.toString(radix)} inclusive`;
  const isMemory = form === "memory" || form === "percent" || form === "signed-memory";
  /** The spelling for CONFIG GET and, with units, for the file. */
  const write = (value: bigint, units: boolean): string => {
    if (form === "percent" && value < 0n) return `${-value}%`;
    if (form === "signed-memory" && value < 0n) return value.toString();
    if (!isMemory) return value.toString(radix);
    const size = BigInt.asUintN(64, value);
    return units ? formatMemory(size) : size.toString();
  };
  const directive: Directive<bigint> = {
    name, kind: "number", initial: start, ...flags,
    parse([text], _previous, context) {
      const value = readNumber(text, form);
      if (value === undefined) throw new Refusal(NUMBER_ERRORS[form]);
      if (unsigned) {
        const size = BigInt.asUintN(64, value);
        if (size > high || size < low) throw new Refusal(range);
      } else if (form === "percent" && value < 0n) {
        if (value < low) throw new Refusal(`percentage argument must be less or equal to ${-low}`);
      } else if (value > high || value < low) {
        throw new Refusal(range);
      }
      return clamp === undefined ? value : clamp(value, context.loading);
    },
    format: (value) => write(value, false),
    rewrite: (value, to) => to.line(name, `${name} ${write(value, true)}`, value !== start),
    same: Object.is,
  };
  return directive;
}

/** A C int: 32 bits, from `least`. */
export function int(name: string, least: number, most: number | bigint, initial: number, options: NumberOptions = {}) {
  return number(name, least, most, initial, options);
}

/** The lower-case form under which a directive is looked up. */
export function lookupKey(name: string): string {
  return lower(cString(name));
}
