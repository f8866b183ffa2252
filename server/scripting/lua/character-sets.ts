// character-sets.ts - sets of characters in Lua's patterns: %a, %S, [a-z_], and a dot.
//
// A set is 256 bytes, 1 where the character belongs to it, so that a test costs one load. Classes are those of C's
// locale "C", whatever the runtime's language. Not for walking over a pattern (pattern.ts).

/** 1 for each of the 256 characters that belong to the set. */
export type CharacterSet = Uint8Array;

const PERCENT = 37;
const CARET = 94;
const MINUS = 45;

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isUpper = (c: number): boolean => c >= 65 && c <= 90;
const isLower = (c: number): boolean => c >= 97 && c <= 122;
const isAlpha = (c: number): boolean => isLower(c | 32) && c < 128;

/** Whether a character belongs to a class, by the class's small letter; undefined for other letters. */
function inClass(c: number, letter: string): boolean | undefined {
  switch (letter) {
    case "a": return isAlpha(c);
    case "c": return c < 32 || c === 127;
    case "d": return isDigit(c);
    case "l": return isLower(c);
    case "p": return c > 32 && c < 127 && !isAlpha(c) && !isDigit(c);
    case "s": return c === 32 || (c >= 9 && c <= 13);
    case "u": return isUpper(c);
    case "w": return isAlpha(c) || isDigit(c);
    case "x": return isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 102);
    case "z": return c === 0;
    default: return undefined;
  }
}

/** Adds what `%` and this character stand for: a class, the rest of a class for a capital, or the character itself. */
function addClass(set: CharacterSet, code: number): void {
  const letter = String.fromCharCode(code).toLowerCase();
  if (code > 127 || inClass(0, letter) === undefined) {
    set[code] = 1;
    return;
  }
  for (let c = 0; c < 256; c++) {
    if (inClass(c, letter) !== isUpper(code)) set[c] = 1;
  }
}

/** The set that `%` and a character stand for. */
export function classSet(code: number): CharacterSet {
  const set = new Uint8Array(256);
  addClass(set, code);
  return set;
}

/** The set of one character. */
export function singleSet(code: number): CharacterSet {
  const set = new Uint8Array(256);
  set[code] = 1;
  return set;
}

/** The set of all characters. */
export function everySet(): CharacterSet {
  return new Uint8Array(256).fill(1);
}

/** The set in brackets: `start` is where the `[` is, `end` where its `]` is. */
export function bracketSet(pattern: string, start: number, end: number): CharacterSet {
  const set = new Uint8Array(256);
  let at = start + 1;
  const isNegated = pattern.charCodeAt(at) === CARET;
  if (isNegated) at++;
  for (; at < end; at++) {
    const code = pattern.charCodeAt(at);
    if (code === PERCENT) {
      at++;
      addClass(set, pattern.charCodeAt(at));
    } else if (pattern.charCodeAt(at + 1) === MINUS && at + 2 < end) {
      at += 2;
      for (let c = code; c <= pattern.charCodeAt(at); c++) set[c] = 1;
    } else {
      set[code] = 1;
    }
  }
  if (isNegated) for (let c = 0; c < 256; c++) set[c] ^= 1;
  return set;
}
