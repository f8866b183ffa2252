/**
 * What SCAN, HSCAN, SSCAN and ZSCAN have in common: cursor and options, the walk over some buckets of a table, and the
 * head of the reply. Options that were read stand in the root, where the callers' filters find them.
 *
 * Not for what passes besides the pattern, and not for encodings that come whole.
 */
import { globMatch } from "../bytes/glob";
import { parseU64 } from "../bytes/integer";
import { isHidden } from "../keyspace/database";
import { argLen, argPtr, argc, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulkInteger, replyError, replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { Table, tableScan } from "../structures/hashtable";
import { scratchAt, scratchClear, scratchFailed, scratchKeep, scratchLength, scratchSet } from "../structures/scratch";
import { typeByArgument } from "../types/value";
import { argI64, argIs, textLength } from "./arguments";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const DEFAULT_COUNT: i64 = 10;
const STAR: u8 = 0x2a;
/** A sparse table is left after so many buckets for each element that was asked for. */
const BUCKETS_PER_ELEMENT: u64 = 10;
/** A count that lets one call go through the whole table. */
export const SCAN_WHOLE: i64 = i64.MAX_VALUE / <i64>BUCKETS_PER_ELEMENT;

// Which options a command has beside COUNT and MATCH.
export const SCAN_TYPE: u32 = 1;
export const SCAN_NOVALUES: u32 = 2;
export const SCAN_NOSCORES: u32 = 4;

/** Reads argument i as a cursor into root.number; replies and returns false when it is none. */
export function argCursor(c: Client, i: i32): bool {
  if (parseU64(argPtr(i), argLen(i), NUMBER)) return true;
  replyError(c, "ERR invalid cursor");
  return false;
}

/** Takes argument i as the pattern; one that everything matches counts as none. */
export function setScanPattern(i: i32): void {
  root().scanPattern = argLen(i) == 1 && load<u8>(argPtr(i)) == STAR ? 0 : i;
}

/**
 * Reads options from argument `from` on into root.scanCount, scanPattern (0: none), scanType (-1: any) and scanBare (1
 * with NOVALUES or NOSCORES). `has`: SCAN_ bits. Replies and returns false when one is wrong.
 */
export function readScanOptions(c: Client, from: i32, has: u32): bool {
  const r = root();
  r.scanCount = DEFAULT_COUNT;
  r.scanPattern = 0;
  r.scanType = -1;
  r.scanBare = 0;
  for (let i = from; i < argc(); i++) {
    const hasValue = i + 1 < argc();
    if (hasValue && argIs(i, "COUNT")) {
      if (!argI64(c, ++i)) return false;
      r.scanCount = r.number;
      if (r.scanCount < 1) {
        replySyntax(c);
        return false;
      }
    } else if (hasValue && argIs(i, "MATCH")) {
      setScanPattern(++i);
    } else if (has & SCAN_TYPE && hasValue && argIs(i, "TYPE")) {
      r.scanType = typeByArgument(argPtr(++i), argLen(i));
      if (r.scanType < 0) {
        replyUnknownType(c, i);
        return false;
      }
    } else if ((has & SCAN_NOVALUES && argIs(i, "NOVALUES")) || (has & SCAN_NOSCORES && argIs(i, "NOSCORES"))) {
      r.scanBare = 1;
    } else {
      replyBadOption(c, i);
      return false;
    }
  }
  return true;
}

function replyUnknownType(c: Client, i: i32): void {
  errorStart("ERR unknown type name '");
  errorBytes(argPtr(i), textLength(i), i32.MAX_VALUE);
  errorText("'");
  errorSend(c);
}

function replyBadOption(c: Client, i: i32): void {
  if (argIs(i, "NOVALUES")) replyError(c, "ERR NOVALUES option can only be used in HSCAN");
  else if (argIs(i, "NOSCORES")) replyError(c, "ERR NOSCORES option can only be used in ZSCAN");
  else replySyntax(c);
}

/** True when bytes match the pattern that was read. */
export function scanMatches(ptr: usize, len: i32): bool {
  const pattern = root().scanPattern;
  return pattern == 0 || globMatch(argPtr(pattern), argLen(pattern), ptr, len, false);
}

/** A filter of gatherScan(): what the pattern lets pass does. */
export function keepAll(_element: usize): bool {
  return true;
}

/** Another one: not what has expired. */
export function keepVisible(element: usize): bool {
  return !isHidden(element);
}

/**
 * Gathers in the scratch list the elements that match the pattern and that `keep` lets pass, from the cursor on, about
 * root.scanCount of them looked at; returns the next cursor. scratchFailed() tells afterwards whether memory was
 * exhausted.
 */
export function gatherScan(t: Table, cursor: u64, keep: (element: usize) => bool): u64 {
  const count = root().scanCount;
  const pattern = root().scanPattern;
  const ptr: usize = pattern == 0 ? 0 : argPtr(pattern);
  const len = pattern == 0 ? 0 : argLen(pattern);
  let rounds = <u64>count * BUCKETS_PER_ELEMENT;
  let seen: i64 = 0;
  let kept = 0;
  scratchClear();
  do {
    cursor = tableScan(t, cursor);
    const n = scratchLength();
    seen += <i64>(n - kept);
    for (let i = kept; i < n; i++) {
      const element = scratchAt(i);
      if (pattern != 0 && !globMatch(ptr, len, keyAddress(element), keyLength(element), false)) continue;
      if (keep(element)) scratchSet(kept++, element);
    }
    scratchKeep(kept);
  } while (cursor != 0 && rounds-- != 0 && seen < count && !scratchFailed());
  return cursor;
}

/** Begins the reply: the next cursor, and how many words follow. */
export function replyScan(c: Client, cursor: u64, words: i32): void {
  replyArray(c, 2);
  replyBulkInteger(c, <i64>cursor);
  replyArray(c, words);
}
