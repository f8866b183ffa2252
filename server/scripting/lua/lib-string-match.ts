// lib-string-match.ts - find, match, gmatch and gsub: what scripts do with patterns (pattern.ts).
//
// gsub with a function or a table (which may have __index) calls the script and is a generator then. So is any of them
// when matching takes more than a million steps: then the machine has a chance to pause after each million.
// Captures are read before anything is called: a function that is called may use the same pattern.

import { checkString, isFunction, optInt, optInteger, toText, typeName } from "./arguments.ts";
import { argumentError, nativeError, runtimeError } from "./errors.ts";
import { fromBeginning, joined, TextBuilder } from "./library.ts";
import { isTrue } from "./operators.ts";
import { isAnchored, LATER, Pattern, PatternCache } from "./pattern.ts";
import { Table } from "./table.ts";
import { CALLS, type CallRequest, NativeFunction, NOTHING, type Plain, type Results, type Value } from "./values.ts";
import type { Machine } from "./vm.ts";

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

// --- Searching ---

type Calls<Answer> = Generator<CallRequest, Answer, readonly Value[]>;

/** How many steps of matching come between two chances to pause. */
const STEPS = 1_000_000;
/** So many steps take about as long as one of the calls that a machine's budget counts. */
const STEPS_A_CALL = 32;
/** A call of no use: after it the machine may pause. */
const PAUSE: CallRequest = { callee: NativeFunction.plain("", () => NOTHING), args: [] };

// What became of a search besides LATER.
const NONE = 0;
const FOUND = 1;

/** The matches of a pattern in a subject, one after the other. */
class Search {
  readonly subject: string;
  readonly pattern: Pattern;
  /** Where the last match begins and ends. */
  start = 0;
  end = 0;
  readonly #isAnchored: boolean;
  #at: number;
  #isWaiting = false;

  constructor(subject: string, pattern: Pattern, from: number, anchored: boolean) {
    this.subject = subject;
    this.pattern = pattern;
    this.#at = from;
    this.#isAnchored = anchored;
  }

  /** Looks for the next match: FOUND, NONE, or LATER when it takes many steps; call again then. */
  next(): number {
    const { pattern, subject } = this;
    pattern.steps = STEPS;
    while (this.#isWaiting || this.#at <= subject.length) {
      if (!this.#isWaiting) {
        if (!this.#isAnchored) this.#at = pattern.candidate(subject, this.#at);
        if (this.#at < 0) break;
        this.start = this.#at;
      }
      this.end = this.#isWaiting ? pattern.proceed(subject) : pattern.matchAt(subject, this.start);
      this.#isWaiting = this.end === LATER;
      if (this.#isWaiting) return LATER;
      // behind an empty match as behind none, the next place is one character further
      this.#at = this.#isAnchored ? Infinity : Math.max(this.end, this.start + 1);
      if (this.end >= 0) return FOUND;
    }
    this.#at = Infinity;
    return NONE;
  }
}

/** The next match of a search that is LATER, with pauses. */
function* waitFor(search: { next(): number }, machine: Machine): Calls<number> {
  for (;;) {
    machine.spend(STEPS / STEPS_A_CALL);
    yield PAUSE;
    const state = search.next();
    if (state !== LATER) return state;
  }
}

/** A search by the arguments of find and match. */
function searchFor(args: Value[], patterns: PatternCache): Search {
  const subject = checkString(args, 1);
  const text = checkString(args, 2);
  const from = Math.min(Math.max(fromBeginning(optInteger(args, 3, 1), subject.length) - 1, 0), subject.length);
  return new Search(subject, patterns.get(text), from, isAnchored(text));
}

/** What find or match give for a search's match. */
function answer({ subject, pattern, start, end }: Search, isFind: boolean): Results {
  if (!isFind) return captured(pattern, subject, start, end);
  return pattern.captures === 0 ? [start + 1, end] : [start + 1, end, ...captured(pattern, subject, start, end)];
}

/** find where the pattern is ordinary text, or is to be taken for it; undefined where it's a pattern. */
function findPlain(args: Value[]): Results | undefined {
  const subject = checkString(args, 1);
  const text = checkString(args, 2);
  if (!isTrue(args[3]) && !isPlain(text)) return undefined;
  const from = Math.min(Math.max(fromBeginning(optInteger(args, 3, 1), subject.length) - 1, 0), subject.length);
  const found = subject.indexOf(text, from);
  return found < 0 ? [undefined] : [found + 1, found + text.length];
}

/** find or match; CALLS when that takes many steps. */
function searchQuickly(args: Value[], patterns: PatternCache, isFind: boolean): Results {
  const found = isFind ? findPlain(args) : undefined;
  if (found !== undefined) return found;
  const search = searchFor(args, patterns);
  switch (search.next()) {
    case FOUND: return answer(search, isFind);
    case LATER: return CALLS;
    default: return undefined;
  }
}

function* searchSlowly(args: Value[], patterns: PatternCache, isFind: boolean, machine: Machine): Calls<Results> {
  const found = searchQuickly(args, patterns, isFind);
  if (found !== CALLS) return found;
  const search = searchFor(args, patterns);
  const state = yield* waitFor(search, machine);
  return state === FOUND ? answer(search, isFind) : undefined;
}

/** The iterator of gmatch. A ^ is an ordinary character here, so the pattern is none of those that are kept. */
function iterator(subject: string, text: string): NativeFunction {
  const search = new Search(subject, new Pattern(text, 0), 0, false);
  const step = (state: number): Results => {
    if (state === LATER) return CALLS;
    return state === FOUND ? captured(search.pattern, subject, search.start, search.end) : NOTHING;
  };
  return NativeFunction.either("gmatch", () => step(search.next()), function* (_, machine) {
    const quick = step(search.next());
    return quick === CALLS ? step(yield* waitFor(search, machine)) : quick;
  });
}

// --- Replacing ---

/** What a match becomes, by a replacement text: %0 to %9 are captures, % before another character that character. */
function expand(replacement: string, { pattern, subject, start, end }: Search): string {
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
function* looked(replacement: Value, { pattern, subject, start, end }: Search): Calls<string> {
  const found = replacement instanceof Table
    ? yield* indexed(replacement, firstCaptured(pattern, subject, start, end))
    : (yield { callee: replacement, args: captured(pattern, subject, start, end) })[0];
  if (found === undefined || found === false) return subject.slice(start, end);
  const text = toText(found);
  if (text === undefined) throw nativeError(`invalid replacement value (a ${typeName(found)})`);
  return text;
}

/** One call of gsub: what was made so far. */
class Substitution {
  readonly search: Search;
  readonly #most: number;
  readonly #made = new TextBuilder();
  #copied = 0;
  #count = 0;

  constructor(args: Value[], patterns: PatternCache) {
    const subject = checkString(args, 1);
    const text = checkString(args, 2);
    this.#most = optInt(args, 4, subject.length + 1);
    if (toText(args[2]) === undefined && !isFunction(args[2]) && !(args[2] instanceof Table)) {
      throw argumentError(3, "string/function/table expected");
    }
    this.search = new Search(subject, patterns.get(text), 0, isAnchored(text));
  }

  /** Finds the next match to be replaced: FOUND, NONE or LATER. */
  next(): number {
    return this.#count < this.#most ? this.search.next() : NONE;
  }

  /** Puts a text in the place of the match. */
  put(piece: string): void {
    const { subject, start, end } = this.search;
    this.#made.add(subject.slice(this.#copied, start));
    this.#made.add(piece);
    this.#copied = end;
    this.#count++;
  }

  /** What gsub returns. */
  results(): Results {
    this.#made.add(this.search.subject.slice(this.#copied));
    return [this.#made.finish(), this.#count];
  }
}

/** gsub with a text; CALLS when the replacement is something else, or many steps are taken. */
function replaceByText(args: Value[], patterns: PatternCache): Results {
  const replacement = toText(args[2]);
  if (replacement === undefined) return CALLS;
  const work = new Substitution(args, patterns);
  const isSimple = !replacement.includes("%");
  for (let state = work.next(); state !== NONE; state = work.next()) {
    if (state === LATER) return CALLS;
    work.put(isSimple ? replacement : expand(replacement, work.search));
  }
  return work.results();
}

/** gsub with anything. */
function* replace(args: Value[], patterns: PatternCache, machine: Machine): Calls<Results> {
  const replaced = replaceByText(args, patterns);
  if (replaced !== CALLS) return replaced;
  const work = new Substitution(args, patterns);
  const text = toText(args[2]);
  for (;;) {
    let state = work.next();
    if (state === LATER) state = yield* waitFor(work, machine);
    if (state === NONE) return work.results();
    work.put(text === undefined ? yield* looked(args[2], work.search) : expand(text, work.search));
  }
}

/** Makes the functions for patterns. They share the patterns that they read. */
export function matchers(): Record<string, Plain | NativeFunction> {
  const patterns = new PatternCache();
  const searching = (name: string, isFind: boolean): NativeFunction => NativeFunction.either(name,
    (args) => searchQuickly(args, patterns, isFind),
    (args, machine) => searchSlowly(args, patterns, isFind, machine));
  const gmatch = NativeFunction.plain("gmatch", (args) => iterator(checkString(args, 1), checkString(args, 2)));
  return {
    find: searching("find", true),
    match: searching("match", false),
    gmatch,
    gfind: gmatch,
    gsub: NativeFunction.either("gsub",
      (args) => replaceByText(args, patterns), (args, machine) => replace(args, patterns, machine)),
  };
}
