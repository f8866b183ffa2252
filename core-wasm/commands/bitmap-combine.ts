/**
 * BITOP: strings combined bit by bit into a new one. A string that is shorter than the longest, or absent, counts as
 * followed by zeros. DIFF, DIFF1, ANDOR and ONE are Redis 8.2's.
 */
import {
  COMBINE_AND, COMBINE_CLEAR, COMBINE_OR, COMBINE_XOR, combineBits, countOnce, invertBits,
} from "../bytes/bits";
import { addEntry, Database, deleteKey, lookupWrite, peek, replaceEntry } from "../keyspace/database";
import {
  ENCODING_RAW, entryFreeString, entryNewString, entryType, NO_EXPIRE, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC, NOTIFY_STRING } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { argc, argLen, argPtr } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import {
  errorSend, errorStart, errorText, replyError, replyInteger, replyOutOfMemory, replySyntax, replyWrongType,
} from "../resp/reply";
import { stringSize, stringView } from "../types/string";
import { argIs } from "./arguments";
import { readKey } from "./look-up";

/** Operations beside those of combineBits(). */
const COMBINE_NOT: i32 = 16;
const COMBINE_DIFF: i32 = 17;
const COMBINE_DIFF1: i32 = 18;
const COMBINE_ANDOR: i32 = 19;
const COMBINE_ONE: i32 = 20;
const COMBINE_ERROR: i32 = -1;

/** The operation that argument 1 names; COMBINE_ERROR after a reply. */
function argOperation(c: Client): i32 {
  if (argIs(1, "AND")) return COMBINE_AND;
  if (argIs(1, "OR")) return COMBINE_OR;
  if (argIs(1, "XOR")) return COMBINE_XOR;
  if (argIs(1, "NOT")) {
    if (argc() == 4) return COMBINE_NOT;
    replyError(c, "ERR BITOP NOT must be called with a single source key.");
    return COMBINE_ERROR;
  }
  if (argIs(1, "ONE")) return COMBINE_ONE;
  if (argIs(1, "DIFF")) return withTwoSources(c, COMBINE_DIFF, "DIFF");
  if (argIs(1, "DIFF1")) return withTwoSources(c, COMBINE_DIFF1, "DIFF1");
  if (argIs(1, "ANDOR")) return withTwoSources(c, COMBINE_ANDOR, "ANDOR");
  replySyntax(c);
  return COMBINE_ERROR;
}

/** The operation, when there are at least two sources; else COMBINE_ERROR after a reply. */
function withTwoSources(c: Client, operation: i32, name: string): i32 {
  if (argc() > 4) return operation;
  errorStart("ERR BITOP ");
  errorText(name);
  errorText(" must be called with at least two source keys.");
  errorSend(c);
  return COMBINE_ERROR;
}

/** Argument number of the longest source string; 0 when all are empty or absent, -1 after an error reply. */
function longestSource(c: Client): i32 {
  let longest = 0;
  let size = 0;
  for (let i = 3; i < argc(); i++) {
    const e = readKey(c, i);
    if (e == 0) continue;
    if (entryType(e) != TYPE_STRING) {
      replyWrongType(c);
      return -1;
    }
    if (stringSize(e) > size) {
      size = stringSize(e);
      longest = i;
    }
  }
  return longest;
}

/** A new entry for the destination with the combined bits, begun as a copy of source `longest`; 0 without memory. */
function combined(c: Client, operation: i32, longest: i32): usize {
  const db = clientDb(c);
  const source = peek(db, argPtr(longest), argLen(longest));
  const size = stringSize(source);
  const fresh = entryNewString(argPtr(2), argLen(2), stringView(source), size, ENCODING_RAW, NO_EXPIRE);
  if (fresh == 0) return 0;
  const to = stringPtr(fresh);
  if (operation > COMBINE_NOT) {
    if (combineSpecial(db, operation, to, size)) return fresh;
    entryFreeString(fresh);
    return 0;
  }
  if (operation == COMBINE_NOT) invertBits(to, size);
  for (let i = 3; i < argc(); i++) if (i != longest) combineSource(db, operation, to, size, i);
  return fresh;
}

/** Combines `to` with the source in argument i. */
function combineSource(db: Database, operation: i32, to: usize, size: i32, i: i32): void {
  const e = peek(db, argPtr(i), argLen(i));
  if (e != 0) combineBits(operation, to, size, stringView(e), stringSize(e));
  else combineBits(operation, to, size, 0, 0);
}

/** The operations that tell the first source from the others, and ONE, into `to`; false when memory is exhausted. */
function combineSpecial(db: Database, operation: i32, to: usize, size: i32): bool {
  memory.fill(to, 0, <usize>size);
  if (operation == COMBINE_ONE) return combineOne(db, to, size);
  if (operation == COMBINE_DIFF) {
    combineSource(db, COMBINE_OR, to, size, 3);
    for (let i = 4; i < argc(); i++) combineSource(db, COMBINE_CLEAR, to, size, i);
    return true;
  }
  for (let i = 4; i < argc(); i++) combineSource(db, COMBINE_OR, to, size, i);
  combineSource(db, operation == COMBINE_DIFF1 ? COMBINE_CLEAR : COMBINE_AND, to, size, 3);
  return true;
}

/** The bits that exactly one source has set. */
function combineOne(db: Database, to: usize, size: i32): bool {
  const more = allocSpared(<u64>size);
  if (more == 0) return false;
  memory.fill(more, 0, <usize>size);
  for (let i = 3; i < argc(); i++) {
    const e = peek(db, argPtr(i), argLen(i));
    if (e != 0) countOnce(to, more, stringView(e), stringSize(e));
  }
  free(more);
  return true;
}

/** BITOP AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE destkey key [key ...] */
export function bitopCommand(c: Client): void {
  const operation = argOperation(c);
  if (operation == COMBINE_ERROR) return;
  const longest = longestSource(c);
  if (longest < 0) return;
  const db = clientDb(c);
  const key = argPtr(2);
  const keyLen = argLen(2);
  if (longest == 0) {
    if (deleteKey(db, key, keyLen)) {
      notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
      changed(1);
    }
    replyInteger(c, 0);
    return;
  }
  const fresh = combined(c, operation, longest);
  if (fresh == 0) {
    replyOutOfMemory(c);
    return;
  }
  const old = lookupWrite(db, key, keyLen);
  if (!(old != 0 ? replaceEntry(db, old, fresh) : addEntry(db, fresh))) {
    entryFreeString(fresh);
    replyOutOfMemory(c);
    return;
  }
  changed(1);
  notify(NOTIFY_STRING, "set", key, keyLen, db.id);
  replyInteger(c, stringSize(fresh));
}
