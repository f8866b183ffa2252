/**
 * What the readers of all types share: counts, entries under construction, strings that are listpacks or ziplists.
 *
 * A reader that fails frees what it has and answers 0; the source tells why.
 */
import { entryNew, entrySetPointer, NO_EXPIRE } from "../keyspace/entry";
import { free } from "../memory/allocator";
import { lpFirst, lpLength, lpNext, lpViewLength } from "../structures/listpack";
import { valueFree } from "../types/value";
import { areDistinct, checkedListpack } from "./check";
import {
  Damage, NO_LENGTH, Source, sourceBad, sourceFail, SOURCE_NO_MEMORY, takeBlock, takeLength, takeString,
} from "./source";
import { ziplistToListpack } from "./ziplist";

/** Number of elements that follow, each of at least `least` bytes; 0 after an error. No value is empty. */
export function takeCount(s: Source, least: u64): u64 {
  const n = takeLength(s);
  if (n == NO_LENGTH || n == 0 || n * least > <u64>(s.end - s.at) || n > 0x7fffffff) {
    sourceBad(s);
    return 0;
  }
  return n;
}

/** An entry with this structure as its value; 0 when memory is exhausted, the structure is the caller's still. */
export function entryWith(s: Source, key: usize, keyLen: i32, type: u32, encoding: u32, structure: usize): usize {
  const e = entryNew(key, keyLen, type, encoding, NO_EXPIRE, -1);
  if (e == 0) sourceFail(s, SOURCE_NO_MEMORY);
  else entrySetPointer(e, structure);
  return e;
}

/** Frees an entry that could not be finished and notes why. Answers 0. */
export function giveUp(s: Source, e: usize, error: i32): usize {
  if (e != 0) valueFree(e);
  sourceFail(s, error);
  return 0;
}

/** Reads a string that is a listpack with different keys, one in `step` elements; 0 after an error. */
export function takeListpack(s: Source, step: i32): usize {
  const block = takeBlock(s);
  const lp: usize = block == 0 ? 0 : checkedListpack(s, block, s.length0);
  return distinctOrNothing(s, lp, step);
}

/** Reads a string that is a ziplist of pairs, as a listpack; 0 after an error. */
export function takeZiplist(s: Source, step: i32): usize {
  const lp: usize = takeString(s, 0) ? ziplistToListpack(s, s.text0, s.length0) : 0;
  return distinctOrNothing(s, lp, step);
}

/** The listpack when it is one of a value; else it is freed and the source has an error. */
export function distinctOrNothing(s: Source, lp: usize, step: i32): usize {
  if (lp == 0) return 0;
  if (lpLength(lp) != 0 && areDistinct(s, lp, step)) return lp;
  free(lp);
  sourceBad(s, Damage.listpack);
  return 0;
}

/** Length of the longest element. */
export function longestText(lp: usize): i32 {
  let longest = 0;
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, p)) longest = max<i32>(longest, lpViewLength(p));
  return longest;
}
