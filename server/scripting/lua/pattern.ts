// pattern.ts - Lua 5.1's patterns: "(%w+)%s*=%s*(.-);", %b(), %f[%a], %1, and where their captures begin and end.
//
// A pattern is read once into nodes, one a piece, and run over a subject with a stack of its own:
//
//   "a-(%d*)$"  ─►  0 LAZY{a}  1 OPEN 0  2 GREEDY{0-9} 0..  3 CLOSE 0  4 END  5 MATCH
//
// Patterns have no alternatives, so a match goes through the nodes in their order, and each of them is undecided at
// most once at a time: the stack is as deep as there are nodes, whatever the subject. For the same reason which
// captures are open at a node is known beforehand, and nothing is undone when a match goes back: the captures before
// that node hold.
//
// A malformed pattern is an error only where a match gets to the malformed piece, as in C: such a piece is a node, too.
// A zero byte ends a pattern. Time is C's: polynomial in the subject, of a degree that grows with the repetitions. So a
// match can be left after a number of steps (`steps`) and gone on with later: a hostile pattern must not hold a server.
//
// Not for what scripts call (lib-string-match.ts).

import { bracketSet, type CharacterSet, classSet, everySet, singleSet } from "./character-sets.ts";
import { nativeError } from "./errors.ts";

const PERCENT = 37;
const DOLLAR = 36;
const PARENTHESIS = 40;
const CLOSING = 41;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const QUESTION = 63;
const BRACKET = 91;
const CLOSING_BRACKET = 93;
const CARET = 94;
const BALANCE_LETTER = 98;
const FRONTIER_LETTER = 102;

const MOST_CAPTURES = 32;
const MOST_CACHED = 100;
const LONGEST_CACHED = 500;

// --- Nodes ---

const MATCH = 0; // the end of the pattern
const FAULT = 1; // a malformed piece: `text` is the error
const CHAR = 2; // the character `value`
const SET = 3; // one character of `set`
const GREEDY = 4; // `value` (0 or 1) characters of `set` or more, as many as possible, at most `most`
const LAZY = 5; // as few characters of `set` as possible
const OPEN = 6; // capture `value` begins
const POSITION = 7; // capture `value` is this position
const CLOSE = 8; // capture `value` ends
const BACK = 9; // what capture `value` holds
const BALANCE = 10; // from `value` to `second`, balanced
const FRONTIER = 11; // the character before isn't in `set`, the one after is
const END = 12; // the end of the subject

interface Node {
  readonly op: number;
  readonly value: number;
  readonly second: number;
  readonly most: number;
  readonly set: CharacterSet | undefined;
  readonly text: string;
}

const NO_SET = undefined;

const node = (op: number, value = 0, set: CharacterSet | undefined = NO_SET, most = 0, second = 0): Node =>
  ({ op, value, second, most, set, text: "" });

const fault = (text: string): Node => ({ op: FAULT, value: 0, second: 0, most: 0, set: NO_SET, text });

/** What a capture is when the pattern has matched. */
const TEXT = 0;
const PLACE = 1;
const UNFINISHED = 2;

// --- Reading a pattern ---

/** Reads one pattern into nodes. */
class Reader {
  readonly nodes: Node[] = [];
  readonly captures: number[] = [];
  readonly #pattern: string;
  #at: number;

  constructor(pattern: string, from: number) {
    this.#pattern = pattern;
    this.#at = from;
    while (this.#piece());
  }

  /** The character at a distance from here; 0 behind the end. */
  #code(distance = 0): number {
    const at = this.#at + distance;
    return at < this.#pattern.length ? this.#pattern.charCodeAt(at) : 0;
  }

  /** Adds the last node. */
  #last(made: Node): false {
    this.nodes.push(made);
    return false;
  }

  #add(made: Node, length: number): true {
    this.nodes.push(made);
    this.#at += length;
    return true;
  }

  /** Reads the next piece; false after the last one. */
  #piece(): boolean {
    switch (this.#code()) {
      case 0: return this.#last(node(MATCH));
      case PARENTHESIS: return this.#open();
      case CLOSING: return this.#close();
      case PERCENT: return this.#escape();
      case DOLLAR: return this.#code(1) === 0 ? this.#add(node(END), 1) : this.#item();
      default: return this.#item();
    }
  }

  #open(): boolean {
    const index = this.captures.length;
    if (index >= MOST_CAPTURES) return this.#last(fault("too many captures"));
    const isPosition = this.#code(1) === CLOSING;
    this.captures.push(isPosition ? PLACE : UNFINISHED);
    return isPosition ? this.#add(node(POSITION, index), 2) : this.#add(node(OPEN, index), 1);
  }

  #close(): boolean {
    const index = this.captures.lastIndexOf(UNFINISHED);
    if (index < 0) return this.#last(fault("invalid pattern capture"));
    this.captures[index] = TEXT;
    return this.#add(node(CLOSE, index), 1);
  }

  #escape(): boolean {
    const code = this.#code(1);
    if (code === BALANCE_LETTER) {
      if (this.#code(2) === 0 || this.#code(3) === 0) return this.#last(fault("unbalanced pattern"));
      return this.#add(node(BALANCE, this.#code(2), NO_SET, 0, this.#code(3)), 4);
    }
    if (code === FRONTIER_LETTER) return this.#frontier();
    if (code < 48 || code > 57) return this.#item();
    const index = code - 49;
    if (index < 0 || index >= this.captures.length || this.captures[index] === UNFINISHED) {
      return this.#last(fault("invalid capture index"));
    }
    return this.#add(node(BACK, index), 2);
  }

  #frontier(): boolean {
    this.#at += 2;
    if (this.#code() !== BRACKET) return this.#last(fault("missing '[' after '%f' in pattern"));
    const end = this.#bracketEnd();
    if (end < 0) return this.#last(fault("malformed pattern (missing ']')"));
    return this.#add(node(FRONTIER, 0, bracketSet(this.#pattern, this.#at, end)), end + 1 - this.#at);
  }

  /** Where the bracket that opens here is closed, or -1. Its first character and those behind a % never close it. */
  #bracketEnd(): number {
    let at = this.#at + 1;
    const code = (): number => at < this.#pattern.length ? this.#pattern.charCodeAt(at) : 0;
    if (code() === CARET) at++;
    do {
      const found = code();
      if (found === 0) return -1;
      at++;
      if (found === PERCENT && code() !== 0) at++;
    } while (code() !== CLOSING_BRACKET);
    return at;
  }

  /** One character or set of them, and how often it repeats. */
  #item(): boolean {
    const code = this.#code();
    let length = 1;
    let set: CharacterSet | undefined;
    if (code === BRACKET) {
      const end = this.#bracketEnd();
      if (end < 0) return this.#last(fault("malformed pattern (missing ']')"));
      length = end + 1 - this.#at;
      set = bracketSet(this.#pattern, this.#at, end);
    } else if (code === PERCENT) {
      // a zero byte behind it ends the pattern as well
      if (this.#code(1) === 0) return this.#last(fault("malformed pattern (ends with '%')"));
      length = 2;
      set = classSet(this.#code(1));
    } else if (code === DOT) {
      set = everySet();
    }
    switch (this.#code(length)) {
      case QUESTION: return this.#add(node(GREEDY, 0, set ?? singleSet(code), 1), length + 1);
      case STAR: return this.#add(node(GREEDY, 0, set ?? singleSet(code), 0x7fffffff), length + 1);
      case PLUS: return this.#add(node(GREEDY, 1, set ?? singleSet(code), 0x7fffffff), length + 1);
      case MINUS: return this.#add(node(LAZY, 0, set ?? singleSet(code)), length + 1);
      default: return this.#add(set === undefined ? node(CHAR, code) : node(SET, 0, set), length);
    }
  }
}

// --- Matching ---

/** Instead of a match's end: its steps are used up, and it waits for `proceed`. */
export const LATER = -2;

/** A pattern that was read. It holds the captures of its last match. */
export class Pattern {
  /** How many more steps matching may take before it's LATER. */
  steps = Infinity;
  /** Where a match stands that is LATER: the next node, the place in the subject, how many nodes are undecided. */
  #index = 0;
  #at = 0;
  #depth = 0;
  readonly #nodes: readonly Node[];
  readonly #kinds: readonly number[];
  readonly #begins: number[];
  readonly #ends: number[];
  /** By node: the least end of its repetition, its present end. Only for those on the stack. */
  readonly #least: number[];
  readonly #present: number[];
  /** Nodes that can still be decided otherwise, in their order. */
  readonly #undecided: number[];

  /** Reads the pattern from a position on. */
  constructor(pattern: string, from: number) {
    const { nodes, captures } = new Reader(pattern, from);
    this.#nodes = nodes;
    this.#kinds = captures;
    this.#begins = captures.map(() => 0);
    this.#ends = captures.map(() => 0);
    this.#least = nodes.map(() => 0);
    this.#present = nodes.map(() => 0);
    this.#undecided = nodes.map(() => 0);
  }

  get captures(): number {
    return this.#kinds.length;
  }

  /** A capture of the last match: its text, or its position (from 1). */
  capture(subject: string, index: number): string | number {
    const kind = this.#kinds[index];
    if (kind === UNFINISHED) throw nativeError("unfinished capture");
    const begin = this.#begins[index];
    return kind === PLACE ? begin + 1 : subject.slice(begin, this.#ends[index]);
  }

  /** The first place at or after `from` where a match may begin; -1 when there is none. */
  candidate(subject: string, from: number): number {
    const first = this.#nodes[0];
    return first.op === CHAR ? subject.indexOf(String.fromCharCode(first.value), from) : from;
  }

  /** Matches at a place: where the match ends, -1, or LATER. */
  matchAt(subject: string, start: number): number {
    this.#index = 0;
    this.#at = start;
    this.#depth = 0;
    return this.proceed(subject);
  }

  /** Goes on with a match that is LATER, with new steps. */
  proceed(subject: string): number {
    const nodes = this.#nodes;
    let depth = this.#depth;
    let index = this.#index;
    let at = this.#at;
    for (;;) {
      if (this.steps < 0) {
        this.#index = index;
        this.#at = at;
        this.#depth = depth;
        return LATER;
      }
      const { op, value, set } = nodes[index];
      let isFitting = true;
      switch (op) {
        case MATCH: return at;
        case CHAR:
          isFitting = at < subject.length && subject.charCodeAt(at) === value;
          if (isFitting) at++;
          break;
        case SET:
          isFitting = at < subject.length && set![subject.charCodeAt(at)] === 1;
          if (isFitting) at++;
          break;
        case GREEDY: {
          const end = this.#run(subject, at, set!, nodes[index].most);
          const least = at + value;
          this.steps -= end - at;
          isFitting = end >= least;
          if (end > least) {
            this.#least[index] = least;
            this.#present[index] = end;
            this.#undecided[depth++] = index;
          }
          at = end;
          break;
        }
        case LAZY:
          this.#present[index] = at;
          this.#undecided[depth++] = index;
          break;
        default: {
          const end = this.#matchRare(nodes[index], subject, at);
          isFitting = end >= 0;
          at = end;
        }
      }
      if (isFitting) {
        index++;
        continue;
      }
      // go back to the last node that can be decided otherwise
      this.steps--;
      for (;;) {
        if (depth === 0) return -1;
        index = this.#undecided[depth - 1];
        if (nodes[index].op === GREEDY) {
          at = --this.#present[index];
          if (at === this.#least[index]) depth--;
          break;
        }
        at = this.#present[index];
        if (at < subject.length && nodes[index].set![subject.charCodeAt(at)] === 1) {
          this.#present[index] = ++at;
          break;
        }
        depth--;
      }
      index++;
    }
  }

  /** Where the characters of a set that begin at a place end. */
  #run(subject: string, from: number, set: CharacterSet, most: number): number {
    const limit = most < subject.length - from ? from + most : subject.length;
    let at = from;
    while (at < limit && set[subject.charCodeAt(at)] === 1) at++;
    return at;
  }

  /** The nodes that are neither characters nor repetitions: where they end, or -1. */
  #matchRare({ op, value, second, set, text }: Node, subject: string, at: number): number {
    switch (op) {
      case OPEN:
      case POSITION:
        this.#begins[value] = at;
        return at;
      case CLOSE:
        this.#ends[value] = at;
        return at;
      case BACK: {
        if (this.#kinds[value] === PLACE) return -1;
        const held = subject.slice(this.#begins[value], this.#ends[value]);
        this.steps -= held.length;
        return subject.startsWith(held, at) ? at + held.length : -1;
      }
      case BALANCE: {
        const end = balanced(subject, at, value, second);
        if (subject.charCodeAt(at) === value) this.steps -= (end < 0 ? subject.length : end) - at;
        return end;
      }
      case FRONTIER: {
        const before = at === 0 ? 0 : subject.charCodeAt(at - 1);
        const after = at === subject.length ? 0 : subject.charCodeAt(at);
        return set![before] === 0 && set![after] === 1 ? at : -1;
      }
      case END: return at === subject.length ? at : -1;
      default: throw nativeError(text);
    }
  }
}

/** Where the balanced text that begins at a place ends, or -1. */
function balanced(subject: string, start: number, opening: number, closing: number): number {
  if (subject.charCodeAt(start) !== opening) return -1;
  let depth = 1;
  for (let at = start + 1; at < subject.length; at++) {
    const code = subject.charCodeAt(at);
    if (code === closing) {
      depth--;
      if (depth === 0) return at + 1;
    } else if (code === opening) {
      depth++;
    }
  }
  return -1;
}

// --- Patterns that were read before ---

/** Whether a match may begin at the first place only. */
export const isAnchored = (pattern: string): boolean => pattern.charCodeAt(0) === CARET;

/** The patterns that a machine used lately. */
export class PatternCache {
  readonly #patterns = new Map<string, Pattern>();

  /** A pattern, read from behind the ^ that anchors it. */
  get(pattern: string): Pattern {
    const known = this.#patterns.get(pattern);
    if (known !== undefined) return known;
    const made = new Pattern(pattern, isAnchored(pattern) ? 1 : 0);
    if (pattern.length > LONGEST_CACHED) return made;
    if (this.#patterns.size >= MOST_CACHED) this.#patterns.clear();
    this.#patterns.set(pattern, made);
    return made;
  }
}
