/**
 * Small sorted sets: one listpack of member, score, member, score, ... in the order of (score, member).
 *
 *   [member][score][member][score] ...    a score is an integer where it is one below 2^62, else its shortest digits
 *
 * A place is the address of a member. Every search is a walk, which is the point of the encoding: few bytes, one block.
 * Not for deciding when a set is too large for it: types/zset.ts. Functions that return an address return the listpack,
 * which may have moved, or 0 (nothing changed) when memory is exhausted.
 */
import { compareBytes } from "../bytes/compare";
import { DOUBLE_TEXT_MAX, formatDouble, parseDouble } from "../bytes/double";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import {
  LP_AFTER, LP_BEFORE, lpAppend, lpBytes, lpDelete, lpDeleteAt, lpFind, lpFirst, lpInsert, lpInsertInt, lpInt, lpIsInt,
  lpLast, lpNext, lpPrev, lpReplace, lpReplaceInt, lpSeek, lpText, lpTextLength, lpView, lpViewLength,
} from "../structures/listpack";
import { AFTER_MEMBER, AFTER_SCORE, BEFORE_SCORE } from "../structures/score-tree";

const TEXT: usize = memory.data(32, 8);
const REAL: usize = ROOT_ADDRESS + offsetof<Root>("real");
/** Scores up to half of what fits into 64 bits are stored as integers when they are some. */
const INTEGER_LIMIT: f64 = 4611686018427387904;
assert(DOUBLE_TEXT_MAX <= 32);

// --- Scores ---

/** The score of the member at a place. */
export function packedScore(lp: usize, place: usize): f64 {
  return scoreAt(lpNext(lp, place));
}

/** The score that an element of the listpack is. */
function scoreAt(p: usize): f64 {
  if (lpIsInt(p)) return <f64>lpInt(p);
  parseDouble(lpText(p), lpTextLength(p), REAL);
  return root().real;
}

function isStoredAsInteger(score: f64): bool {
  return score >= -INTEGER_LIMIT && score <= INTEGER_LIMIT && <f64><i64>score == score;
}

/** Puts a score behind the member at `place`. */
function insertScore(lp: usize, place: usize, score: f64): usize {
  if (isStoredAsInteger(score)) return lpInsertInt(lp, place, <i64>score, LP_AFTER);
  return lpInsert(lp, place, TEXT, formatDouble(TEXT, score), LP_AFTER);
}

// --- Search ---

/** The place of a member, or 0. */
export function packedFind(lp: usize, member: usize, len: i32): usize {
  return lpFind(lpFirst(lp), member, len, 1);
}

/** The place with `rank` others before it. */
export function packedAt(lp: usize, rank: u32): usize {
  return lpSeek(lp, <i32>rank << 1);
}

function isBefore(lp: usize, place: usize, bound: i32, score: f64, ptr: usize, len: i32): bool {
  if (bound == BEFORE_SCORE) return packedScore(lp, place) < score;
  if (bound == AFTER_SCORE) return packedScore(lp, place) <= score;
  const order = compareBytes(lpView(place), lpViewLength(place), ptr, len);
  return order < 0 || (order == 0 && bound == AFTER_MEMBER);
}

/** How many members stand before a bound (structures/score-tree.ts), from rank `from` on all being looked at. */
export function packedCountBefore(lp: usize, from: u32, bound: i32, score: f64, ptr: usize, len: i32): u32 {
  let place = from == 0 ? lpFirst(lp) : packedAt(lp, from);
  let n = from;
  for (; place != 0 && isBefore(lp, place, bound, score, ptr, len); n++) place = lpNext(lp, lpNext(lp, place));
  return n;
}

/** The place of the first member whose score is not below `score`, 0 when there is none. */
export function packedSeek(lp: usize, score: f64): usize {
  const last = lpLast(lp);
  if (last == 0 || scoreAt(last) < score) return 0;
  let place = lpFirst(lp);
  while (true) {
    const p = lpNext(lp, place);
    if (scoreAt(p) >= score) return place;
    place = lpNext(lp, p);
  }
}

/** How many members stand before the one at `place`. */
export function packedRank(lp: usize, place: usize): u32 {
  let n: u32 = 0;
  for (let p = lpFirst(lp); p != place; n++) p = lpNext(lp, lpNext(lp, p));
  return n;
}

// --- Change ---

/** Puts a member and its score before `place`, at the end when that is 0. */
function insertPair(lp: usize, place: usize, member: usize, len: i32, score: f64): usize {
  const one = place == 0 ? lpAppend(lp, member, len) : lpInsert(lp, place, member, len, LP_BEFORE);
  if (one == 0) return 0;
  const offset = root().lpPlace - one;
  const both = insertScore(one, root().lpPlace, score);
  // The listpack has moved already, so what failed half is undone and handed back by root.lpPlace being 0.
  if (both == 0) {
    const undone = lpDelete(one, one + offset);
    root().lpPlace = 0;
    return undone;
  }
  root().lpPlace = both + offset;
  return both;
}

/** The place before which a member belongs, 0 for the end. */
function placeFor(lp: usize, member: usize, len: i32, score: f64): usize {
  let place = lpFirst(lp);
  while (place != 0) {
    const p = lpNext(lp, place);
    const own = scoreAt(p);
    if (own > score) return place;
    if (own == score && compareBytes(lpView(place), lpViewLength(place), member, len) > 0) return place;
    place = lpNext(lp, p);
  }
  return 0;
}

/** Puts a member that is not there yet where it belongs. The address is never 0; root.lpPlace is 0 without memory. */
export function packedInsert(lp: usize, member: usize, len: i32, score: f64): usize {
  const moved = insertPair(lp, placeFor(lp, member, len, score), member, len, score);
  if (moved != 0) return moved;
  root().lpPlace = 0;
  return lp;
}

/** Puts a member at the end, where it belongs. As packedInsert(). */
export function packedAppend(lp: usize, member: usize, len: i32, score: f64): usize {
  const moved = insertPair(lp, 0, member, len, score);
  if (moved != 0) return moved;
  root().lpPlace = 0;
  return lp;
}

/** Takes `n` members out from `place` on. New address, never 0. */
export function packedRemove(lp: usize, place: usize, n: u32): usize {
  return lpDeleteAt(lp, place, <i32>n << 1);
}

/** True when the member at `place` may have this score and stay where it is. */
function fitsBetween(lp: usize, place: usize, score: f64): bool {
  const before = lpPrev(lp, place);
  if (before != 0 && scoreAt(before) >= score) return false;
  const behind = lpNext(lp, lpNext(lp, place));
  return behind == 0 || packedScore(lp, behind) > score;
}

/** Gives the member at `place` another score; the member's bytes are the caller's. As packedInsert(). */
export function packedUpdate(lp: usize, place: usize, member: usize, len: i32, score: f64): usize {
  if (fitsBetween(lp, place, score)) {
    const at = lpNext(lp, place);
    const whole = isStoredAsInteger(score);
    const replaced = whole ? lpReplaceInt(lp, at, <i64>score) : lpReplace(lp, at, TEXT, formatDouble(TEXT, score));
    if (replaced == 0) root().lpPlace = 0;
    return replaced == 0 ? lp : replaced;
  }
  // The new pair is there before the old one goes, so that nothing is lost when memory is exhausted.
  const before = lpBytes(lp);
  const old = place - lp;
  const to = placeFor(lp, member, len, score);
  const moved = insertPair(lp, to, member, len, score);
  if (moved == 0) root().lpPlace = 0;
  if (root().lpPlace == 0) return moved == 0 ? lp : moved;
  const shift = to != 0 && to <= place ? <usize>(lpBytes(moved) - before) : 0;
  const done = packedRemove(moved, moved + old + shift, 1);
  root().lpPlace = done;
  return done;
}

/** The place of the last member, 0 when there is none. */
export function packedLast(lp: usize): usize {
  const score = lpLast(lp);
  return score == 0 ? 0 : lpSeek(lp, -2);
}
