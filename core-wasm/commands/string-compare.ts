/**
 * Changing a key only while it holds a certain string: the comparisons of SET and DELEX, and DIGEST, which tells what
 * to compare with when the string itself is too long to send. All but IFEQ are Redis 8.4's.
 */
import { hexDigit } from "../bytes/integer";
import { xxh3 } from "../bytes/xxh3";
import { deleteLive, lookupWrite } from "../keyspace/database";
import { TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC } from "../keyspace/events";
import { argLen, argPtr, argc, root } from "../memory/root";
import { LAZY_USER_DEL } from "../memory/settings";
import { Client, clientDb } from "../resp/client";
import { replyBulk, replyError, replyInteger, replyNull } from "../resp/reply";
import { stringEquals, stringSize, stringView } from "../types/string";
import { replyArity } from "./arguments";
import { isOfType, readKey } from "./look-up";
import {
  OPTION_COMPARE, OPTION_ERROR, OPTION_IFDEQ, OPTION_IFDNE, OPTION_IFEQ, OPTION_IFNE, readOptions,
} from "./string-options";

const DIGEST_DIGITS: i32 = 16;
const BAD_DIGEST = "ERR digest must be exactly 16 hexadecimal characters";

/** Reads argument i as a digest into root.number; false when it is none. */
function parseDigest(i: i32): bool {
  if (argLen(i) != DIGEST_DIGITS) return false;
  let value: u64 = 0;
  for (let n = 0; n < DIGEST_DIGITS; n++) {
    const byte = <u32>load<u8>(argPtr(i) + <usize>n);
    const letter = (byte | 32) - 97;
    const digit = byte - 48 < 10 ? byte - 48 : letter < 6 ? letter + 10 : 16;
    if (digit > 15) return false;
    value = (value << 4) | <u64>digit;
  }
  root().number = <i64>value;
  return true;
}

function digestOf(e: usize): u64 {
  const len = stringSize(e);
  return xxh3(stringView(e), len);
}

/** True when the value in argument i, which a comparison among `options` takes, is valid; replies when it is not. */
export function checkComparison(c: Client, options: u32, i: i32): bool {
  if (!(options & (OPTION_IFDEQ | OPTION_IFDNE)) || parseDigest(i)) return true;
  replyError(c, BAD_DIGEST);
  return false;
}

/** True when the comparison among `options` with argument i holds for a key's string, or for no key (0). */
export function comparisonHolds(e: usize, options: u32, i: i32): bool {
  if (e == 0) return (options & (OPTION_IFNE | OPTION_IFDNE)) != 0;
  const wantsEqual = (options & (OPTION_IFEQ | OPTION_IFDEQ)) != 0;
  if (options & (OPTION_IFEQ | OPTION_IFNE)) return stringEquals(e, argPtr(i), argLen(i)) == wantsEqual;
  return (parseDigest(i) && digestOf(e) == <u64>root().number) == wantsEqual;
}

/** DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] */
export function delexCommand(c: Client): void {
  const end = argc();
  if (end != 2 && end != 4) {
    replyArity(c);
    return;
  }
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  if (end == 4) {
    const options = readOptions(c, 2, end, OPTION_COMPARE);
    if (options & OPTION_ERROR || !checkComparison(c, options, 3)) return;
    const e = lookupWrite(db, key, keyLen);
    if (!isOfType(c, e, TYPE_STRING)) return;
    if (e == 0 || !comparisonHolds(e, options, 3)) {
      replyInteger(c, 0);
      return;
    }
  }
  if (!deleteLive(db, key, keyLen, LAZY_USER_DEL)) {
    replyInteger(c, 0);
    return;
  }
  changed(1);
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
  replyInteger(c, 1);
}

/** Where DIGEST writes its digits. */
const DIGITS: usize = memory.data(16, 8);

/** DIGEST key */
export function digestCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STRING)) return;
  if (e == 0) {
    replyNull(c);
    return;
  }
  let digest = digestOf(e);
  for (let n = DIGEST_DIGITS - 1; n >= 0; n--) {
    store<u8>(DIGITS + <usize>n, hexDigit(<u32>digest & 15));
    digest >>= 4;
  }
  replyBulk(c, DIGITS, DIGEST_DIGITS);
}
