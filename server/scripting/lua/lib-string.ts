// lib-string.ts - the library `string`, but for patterns (lib-string-match.ts) and format (lib-string-format.ts).
//
// dump answers with what every dumped function begins with: what we compile isn't the C implementation's bytecode, and
// Valkey loads none.

import { Closure } from "./function.ts";
import { checkFunction, checkInt, checkInteger, checkString, optInteger } from "./arguments.ts";
import { argumentError, nativeError } from "./errors.ts";
import { formatter } from "./lib-string-format.ts";
import { matchers } from "./lib-string-match.ts";
import { checkLength, fromBeginning, library, MOST_VALUES } from "./library.ts";
import type { Table } from "./table.ts";
import { NOTHING, type Plain, type Value } from "./values.ts";

const REVERSED_AT_ONCE = 4096;

const byte: Plain = (args) => {
  const text = checkString(args, 1);
  const from = fromBeginning(optInteger(args, 2, 1), text.length);
  const to = Math.min(fromBeginning(optInteger(args, 3, from), text.length), text.length);
  const first = Math.max(from, 1);
  if (first > to) return NOTHING;
  if (first === to) return text.charCodeAt(first - 1);
  if (to - first >= MOST_VALUES - args.length) throw nativeError("stack overflow (string slice too long)");
  const codes: Value[] = [];
  for (let at = first; at <= to; at++) codes.push(text.charCodeAt(at - 1));
  return codes;
};

const char: Plain = (args) => {
  let text = "";
  for (let n = 1; n <= args.length; n++) {
    const code = checkInt(args, n);
    if (code < 0 || code > 255) throw argumentError(n, "invalid value");
    text += String.fromCharCode(code);
  }
  return text;
};

/** How the C implementation's bytecode begins. */
const BINARY_MARK = "\x1bLuaQ";

const dump: Plain = (args) => {
  if (checkFunction(args, 1) instanceof Closure) return BINARY_MARK;
  throw nativeError("unable to dump given function");
};

const sub: Plain = (args) => {
  const text = checkString(args, 1);
  const from = fromBeginning(checkInteger(args, 2), text.length);
  const to = fromBeginning(optInteger(args, 3, -1), text.length);
  return from > to ? "" : text.slice(Math.max(from, 1) - 1, to);
};

const rep: Plain = (args) => {
  const text = checkString(args, 1);
  const times = Math.max(checkInt(args, 2), 0);
  checkLength(text.length * times);
  return text.repeat(times);
};

const reverse: Plain = (args) => {
  const text = checkString(args, 1);
  let made = "";
  for (let end = text.length; end > 0; end -= REVERSED_AT_ONCE) {
    const codes: number[] = [];
    for (let at = end - 1; at >= Math.max(end - REVERSED_AT_ONCE, 0); at--) codes.push(text.charCodeAt(at));
    made += String.fromCharCode(...codes);
  }
  return made;
};

// JavaScript's own change letters beyond ASCII, too: text with such letters goes character by character.
const BEYOND_ASCII = /[\x80-\xff]/;

const lower: Plain = (args) => {
  const text = checkString(args, 1);
  if (!BEYOND_ASCII.test(text)) return text.toLowerCase();
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
};

const upper: Plain = (args) => {
  const text = checkString(args, 1);
  if (!BEYOND_ASCII.test(text)) return text.toUpperCase();
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
};

const len: Plain = (args) => checkString(args, 1).length;

/** Makes the library `string`. */
export function stringLibrary(): Table {
  return library({ byte, char, dump, format: formatter(), len, lower, rep, reverse, sub, upper, ...matchers() });
}
