/**
 * Glob patterns: `*`, `?`, `[a-z]`, `[^x]` and `\` as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET read them.
 * Not for regular expressions, and not for file names: `*` and `?` match every byte.
 *
 *     pattern   h * l l [a-e]        on a mismatch after a star, the star takes one byte more and the rest is
 *     string    h e l l l a          tried again; only the last star seen can ever be worth trying again
 *
 * Going back to the last star only makes the cost at most patLen * strLen, with no recursion: what an earlier star
 * could still do, the later one has covered. Odd corners kept on purpose: an empty string matches the empty pattern
 * only; an unclosed class ends with the pattern; range ends compare as signed bytes; a pattern with more than 1000
 * stars that still need work matches nothing.
 */
import { toLower } from "./compare";

const STAR: u32 = 0x2a;
const ANY: u32 = 0x3f;
const CLASS: u32 = 0x5b;
const CLASS_END: u32 = 0x5d;
const ESCAPE: u32 = 0x5c;
const NOT: u32 = 0x5e;
const RANGE: u32 = 0x2d;
const MAX_STARS: i32 = 1000;

/** A byte as the signed number that C's char is on x86, lowered when `nocase`. */
function signedByte(byte: u32, nocase: bool): i32 {
  return <i32>(<i8>(nocase ? toLower(byte) : byte));
}

/** Address of the class's closing bracket, or `end` when it isn't closed; `pat` is behind the opening one. */
function classEnd(pat: usize, end: usize): usize {
  while (pat < end) {
    const byte = <u32>load<u8>(pat);
    if (byte == ESCAPE && pat + 1 < end) pat++;
    else if (byte == CLASS_END) return pat;
    else if (pat + 2 < end && load<u8>(pat + 1) == RANGE) pat += 2;
    pat++;
  }
  return end;
}

/** True when `byte` is in the class [pat, end), both brackets and the `^` left out. */
function classHas(pat: usize, stop: usize, end: usize, byte: u32, nocase: bool): bool {
  while (pat < stop) {
    const item = <u32>load<u8>(pat);
    if (item == ESCAPE && pat + 1 < end) {
      pat++;
      if (<u32>load<u8>(pat) == byte) return true;
    } else if (pat + 2 < end && load<u8>(pat + 1) == RANGE) {
      let low = <i32>(<i8>item);
      let high = <i32>load<i8>(pat + 2);
      if (low > high) {
        const swap = low;
        low = high;
        high = swap;
      }
      const c = signedByte(byte, nocase);
      if (c >= signedByte(<u32>low & 0xff, nocase) && c <= signedByte(<u32>high & 0xff, nocase)) return true;
      pat += 2;
    } else if (item == byte || (nocase && toLower(item) == toLower(byte))) return true;
    pat++;
  }
  return false;
}

/** Matches one pattern item, not a star, with one byte; answers the address behind the item, or 0. */
function matchOne(pat: usize, end: usize, byte: u32, nocase: bool): usize {
  let item = <u32>load<u8>(pat);
  if (item == ANY) return pat + 1;
  if (item == CLASS) {
    let from = pat + 1;
    const negated = from < end && load<u8>(from) == NOT;
    if (negated) from++;
    const stop = classEnd(from, end);
    if (classHas(from, stop, end, byte, nocase) == negated) return 0;
    return stop < end ? stop + 1 : end;
  }
  if (item == ESCAPE && pat + 1 < end) {
    pat++;
    item = <u32>load<u8>(pat);
  }
  if (item == byte || (nocase && toLower(item) == toLower(byte))) return pat + 1;
  return 0;
}

/** True when the whole string matches the pattern; `nocase` ignores the case of ASCII letters. */
export function globMatch(patPtr: usize, patLen: i32, strPtr: usize, strLen: i32, nocase: bool): bool {
  if (strLen == 0) return patLen == 0;
  const patEnd = patPtr + <usize>patLen;
  const strEnd = strPtr + <usize>strLen;
  let pat = patPtr;
  let str = strPtr;
  let afterStar: usize = 0;
  let retry: usize = 0;
  let stars = 0;
  while (str < strEnd) {
    if (pat < patEnd) {
      if (load<u8>(pat) == STAR) {
        while (pat < patEnd && load<u8>(pat) == STAR) pat++;
        if (pat == patEnd) return true;
        if (++stars > MAX_STARS) return false;
        afterStar = pat;
        retry = str;
        continue;
      }
      const next = matchOne(pat, patEnd, load<u8>(str), nocase);
      if (next != 0) {
        pat = next;
        str++;
        continue;
      }
    }
    if (afterStar == 0) return false;
    pat = afterStar;
    str = ++retry;
  }
  while (pat < patEnd && load<u8>(pat) == STAR) pat++;
  return pat == patEnd;
}
