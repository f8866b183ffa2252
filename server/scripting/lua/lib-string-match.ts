// lib-string-match.ts - find, match, gmatch and gsub: what scripts do with patterns (pattern.ts).
//
// gsub with a function or a table (which may have __index) calls the script and is a generator then; all else isn't.
// Captures are read before anything is called: a function that is called may use the same pattern.

import { checkString, isFunction, optInt, optInteger, toText, typeName } from "./arguments.ts";
import { argumentError, nativeError, runtimeError } from "./errors.ts";
import { checkLength, fromBeginning, joined } from "./library.ts";
import { isAnchored, Pattern, PatternCache } from "./pattern.ts";
import { Table } from "./table.ts";
import { CALLS, type CallRequest, NativeFunction, NOTHING, type Plain, type Results, type Value } from "./values.ts";

const SPECIAL = /[\^$*+?.([%-]/;
const MOST_INDEX_STEPS = 100;

/** Whether a pattern is ordinary text. Only what stands before a zero byte is looked at, as in C. */
function isPlain(pattern: string): boolean {
  const zero = pattern.indexOf("\0");
  return !SPECIAL.test(zero < 0 ? pattern : pattern.slice(0, zero));
}

/** The first capture of a match; the whole of it when the pattern has none. */
const firstCaptured = (pattern: Pattern, subject: string, start: number, end: number): Value =>
  pattern.captures === 0 ? subject.slice(start, end) : pattern.capture(subject, 0);

/** All captures of a match. */
function captured(pattern: Pattern, subject: string, start: number, end: number): Value[] {
  const values = [firstCaptured(pattern, subject, start, end)];
  for (let index = 1; index < pattern.captures; index++) values.push(pattern.capture(subject, index));
  return values;
}

/** What find and match do alike. */
function search(args: Value[], patterns: PatternCache, isFind: boolean): Results {
  const subject = checkString(args, 1);
  const text = checkString(args, 2);
  const from = Math.min(Math.max(fromBeginning(optInteger(args, 3, 1), subject.length) - 1, 0), subject.length);
  const wantsPlain = args[3] !== undefined && args[3] !== false;
  if (isFind && (wantsPlain || isPlain(text))) {
    const found = subject.indexOf(text, from);
    return found < 0 ? undefined : [found + 1, found + text.length];
  }
  const pattern = patterns.get(text);
  const last = isAnchored(text) ? from : subject.length;
  for (let at = from; at <= last; at++) {
    if (!isAnchored(text)) at = pattern.candidate(subject, at);
    if (at < 0) return undefined;
    const end = pattern.matchAt(subject, at);
    if (end < 0) continue;
    if (!isFind) return captured(pattern, subject, at, end);
    const place = [at + 1, end];
    return pattern.captures === 0 ? place : [...place, ...captured(pattern, subject, at, end)];
  }
  return undefined;
}

/** The iterator of gmatch. A ^ is an ordinary character here, so the pattern is none of those that are kept. */
function iterator(subject: string, text: string): NativeFunction {
  let pattern: Pattern | undefined;
  let at = 0;
  return NativeFunction.plain("gmatch", () => {
    pattern ??= new Pattern(text, 0);
    for (; at <= subject.length; at++) {
      at = pattern.candidate(subject, at);
      if (at < 0) break;
      const start = at;
      const end = pattern.matchAt(subject, start);
      if (end < 0) continue;
      at = end === start ? end + 1 : end;
      return captured(pattern, subject, start, end);
    }
    at = subject.length + 1;
    return NOTHING;
  });
}

// --- Replacing ---

type Calls<Answer> = Generator<CallRequest, Answer, readonly Value[]>;

/** What a match becomes, by a replacement text: %0 to %9 are captures, % before another character that character. */
function expand(replacement: string, pattern: Pattern, subject: string, start: number, end: number): string {
  let text = "";
  let copied = 0;
  for (let at = replacement.indexOf("%"); at >= 0; at = replacement.indexOf("%", at + 2)) {
    text += replacement.slice(copied, at);
    copied = at + 2;
    const index = replacement.charCodeAt(at + 1) - 48;
    if (at + 1 === replacement.length) text += "\0"; // the end of C's string
    else if (!(index >= 0 && index <= 9)) text += replacement[at + 1];
    else if (index === 0 || (index === 1 && pattern.captures === 0)) text = joined(text, subject.slice(start, end));
    else if (index > pattern.captures) throw nativeError("invalid capture index");
    else text = joined(text, String(pattern.capture(subject, index - 1)));
  }
  return text + replacement.slice(copied);
}

/** What a table has for a key, by __index too. */
function* indexed(table: Table, key: Value): Calls<Value> {
  let place: Value = table;
  for (let step = 0; step < MOST_INDEX_STEPS; step++) {
    if (!(place instanceof Table)) break;
    const value = place.get(key);
    if (value !== undefined) return value;
    const handler: Value = place.metatable?.get("__index");
    if (handler === undefined) return undefined;
    if (isFunction(handler)) return (yield { callee: handler, args: [place, key] })[0];
    place = handler;
  }
  throw runtimeError(place instanceof Table ? "loop in gettable" : `attempt to index a ${typeName(place)} value`);
}

/** What a match becomes, by a function or a table. */
function* looked(replacement: Value, { pattern, subject, start, end }: Substitution): Calls<string> {
  const found = replacement instanceof Table
    ? yield* indexed(replacement, firstCaptured(pattern, subject, start, end))
    : (yield { callee: replacement, args: captured(pattern, subject, start, end) })[0];
  if (found === undefined || found === false) return subject.slice(start, end);
  const text = toText(found);
  if (text === undefined) throw nativeError(`invalid replacement value (a ${typeName(found)})`);
  return text;
}

/** One call of gsub: what was made so far, and where it stands. */
class Substitution {
  readonly subject: string;
  readonly pattern: Pattern;
  readonly #isAnchored: boolean;
  readonly #most: number;
  /** Where the match begins that `next` found, and where it ends. */
  start = 0;
  end = 0;
  #at = 0;
  #made = "";
  #copied = 0;
  #count = 0;

  constructor(args: Value[], patterns: PatternCache) {
    this.subject = checkString(args, 1);
    const text = checkString(args, 2);
    this.#most = optInt(args, 4, this.subject.length + 1);
    if (toText(args[2]) === undefined && !isFunction(args[2]) && !(args[2] instanceof Table)) {
      throw argumentError(3, "string/function/table expected");
    }
    this.#isAnchored = isAnchored(text);
    this.pattern = patterns.get(text);
  }

  /** Finds the next match to be replaced. */
  next(): boolean {
    while (this.#count < this.#most && this.#at <= this.subject.length) {
      if (!this.#isAnchored) this.#at = this.pattern.candidate(this.subject, this.#at);
      if (this.#at < 0) return false;
      this.start = this.#at;
      this.end = this.pattern.matchAt(this.subject, this.start);
      // behind an empty match as behind none, the next place is one character further
      this.#at = this.#isAnchored ? Infinity : Math.max(this.end, this.start + 1);
      if (this.end < 0) continue;
      this.#count++;
      return true;
    }
    return false;
  }

  /** Puts a text in the place of the match. */
  put(piece: string): void {
    checkLength(this.#made.length + this.start - this.#copied + piece.length);
    this.#made += this.subject.slice(this.#copied, this.start) + piece;
    this.#copied = this.end;
  }

  /** What gsub returns. */
  results(): Results {
    checkLength(this.#made.length + this.subject.length - this.#copied);
    return [this.#made + this.subject.slice(this.#copied), this.#count];
  }
}

/** gsub with a text; CALLS when the replacement is something else. */
function replaceByText(args: Value[], patterns: PatternCache): Results {
  const replacement = toText(args[2]);
  if (replacement === undefined) return CALLS;
  const work = new Substitution(args, patterns);
  const isSimple = !replacement.includes("%");
  while (work.next()) {
    const { pattern, subject, start, end } = work;
    work.put(isSimple ? replacement : expand(replacement, pattern, subject, start, end));
  }
  return work.results();
}

/** gsub with anything. */
function* replace(args: Value[], patterns: PatternCache): Calls<Results> {
  const replaced = replaceByText(args, patterns);
  if (replaced !== CALLS) return replaced;
  const work = new Substitution(args, patterns);
  while (work.next()) work.put(yield* looked(args[2], work));
  return work.results();
}

/** Makes the functions for patterns. They share the patterns that they read. */
export function matchers(): Record<string, Plain | NativeFunction> {
  const patterns = new PatternCache();
  const gmatch = NativeFunction.plain("gmatch", (args) => iterator(checkString(args, 1), checkString(args, 2)));
  return {
    find: (args) => search(args, patterns, true),
    match: (args) => search(args, patterns, false),
    gmatch,
    gfind: gmatch,
    gsub: NativeFunction.either("gsub", (args) => replaceByText(args, patterns), (args) => replace(args, patterns)),
  };
}
