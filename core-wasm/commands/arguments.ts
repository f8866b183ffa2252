/**
 * Reading arguments: numbers, option words and expiry times, with Valkey's errors.
 *
 * A reader that fails has replied; the handler returns at once. Results land in root.number and root.real, since a
 * function has one result.
 */
import { isWord } from "../bytes/compare";
import { parseDouble } from "../bytes/double";
import { parseI64 } from "../bytes/integer";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client } from "../resp/client";
import { NOT_FLOAT, NOT_INT, NOT_INTEGER } from "../resp/errors";
import { errorSend, errorStart, errorText, replyError } from "../resp/reply";
import { Cmd, commandNameLength, commandNamePtr } from "../generated/commands";
import { errorBytes } from "../resp/reply";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const REAL: usize = ROOT_ADDRESS + offsetof<Root>("real");

/** Reads argument i as a 64-bit integer into root.number; false when it is none. Replies nothing. */
export function parseArgI64(i: i32): bool {
  return parseI64(argPtr(i), argLen(i), NUMBER);
}

/** Reads argument i as a 64-bit integer into root.number; replies `error` and returns false when it is none. */
export function argI64(c: Client, i: i32, error: string = NOT_INTEGER): bool {
  if (parseI64(argPtr(i), argLen(i), NUMBER)) return true;
  replyError(c, error);
  return false;
}

/**
 * Reads argument i as a 32-bit integer into root.number: a number of a database, a count. Replies `error`, or what
 * Valkey says by itself when it is empty, and returns false when it is none.
 */
export function argInt(c: Client, i: i32, error: string = ""): bool {
  if (!argI64(c, i, error.length != 0 ? error : NOT_INTEGER)) return false;
  const value = root().number;
  if (value >= <i64>i32.MIN_VALUE && value <= <i64>i32.MAX_VALUE) return true;
  replyError(c, error.length != 0 ? error : NOT_INT);
  return false;
}

/** Reads argument i as an integer in [least, most] into root.number, else replies `error`. */
export function argRange(c: Client, i: i32, least: i64, most: i64, error: string): bool {
  if (!argI64(c, i, NOT_INTEGER)) return false;
  const value = root().number;
  if (value >= least && value <= most) return true;
  replyError(c, error);
  return false;
}

/** Reads argument i as an integer of at least `least` into root.number, else replies `error`, whatever is wrong. */
export function argAtLeast(c: Client, i: i32, least: i64, error: string): bool {
  if (parseArgI64(i) && root().number >= least) return true;
  replyError(c, error);
  return false;
}

/** Reads argument i as a double into root.real, else replies `error`. */
export function argDouble(c: Client, i: i32, error: string = NOT_FLOAT): bool {
  if (parseDouble(argPtr(i), argLen(i), REAL)) return true;
  replyError(c, error);
  return false;
}

/** True when argument i is this word, whatever its case; the word is given in upper case. */
export function argIs(i: i32, word: string): bool {
  return isWord(argPtr(i), argLen(i), word);
}

/** Length of argument i as a text: up to its first NUL, where error texts that quote it end. */
export function textLength(i: i32): i32 {
  const ptr = argPtr(i);
  const len = argLen(i);
  let n = 0;
  while (n < len && load<u8>(ptr + <usize>n) != 0) n++;
  return n;
}

/** ERR wrong number of arguments for 'name' command: for a count that arity alone can't tell. */
export function replyArity(c: Client): void {
  const id = root().currentCommand;
  errorStart("ERR wrong number of arguments for '");
  errorBytes(commandNamePtr(id), commandNameLength(id), 64);
  errorText("' command");
  errorSend(c);
}

// --- Expiry times ---

export const UNIT_SECONDS: i32 = 0;
export const UNIT_MILLISECONDS: i32 = 1;
const MOST_SECONDS: i64 = i64.MAX_VALUE / 1000;

/** ERR invalid expire time in 'name' command */
function replyInvalidExpire(c: Client): void {
  const id = root().currentCommand;
  errorStart("ERR invalid expire time in '");
  errorBytes(commandNamePtr(id), commandNameLength(id), 64);
  errorText("' command");
  errorSend(c);
}

/**
 * Reads argument i as a time from `base` on, and leaves it in root.number as unix milliseconds, 0 when it is before
 * 1970. Replies and returns false when it is no number, below `least`, or too far away.
 */
export function argTime(c: Client, i: i32, unit: i32, base: i64, least: i64 = i64.MIN_VALUE): bool {
  if (!argI64(c, i)) return false;
  const r = root();
  let when = r.number;
  let valid = when >= least;
  if (unit == UNIT_SECONDS) {
    valid = valid && when <= MOST_SECONDS && when >= -MOST_SECONDS;
    when *= 1000;
  }
  if (!valid || when > i64.MAX_VALUE - base) {
    replyInvalidExpire(c);
    return false;
  }
  r.number = max<i64>(when + base, 0);
  return true;
}

/** What is left at `base` until a time, in a unit. Seconds are rounded. */
export function timeLeft(when: i64, unit: i32, base: i64): i64 {
  const left = max<i64>(when - base, 0);
  // The sum is taken without a sign: the latest times there are would overflow.
  return unit == UNIT_SECONDS ? <i64>((<u64>left + 500) / 1000) : left;
}

/** True while the running command is `id`. */
export function isCommand(id: Cmd): bool {
  return root().currentCommand == id;
}
