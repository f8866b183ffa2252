/**
 * Commands that count in a field of a hash: HINCRBY on 64-bit integers, HINCRBYFLOAT on 80-bit floating point
 * (bytes/long-double.ts). Both keep the field's expiry.
 */
import {
  addLongDouble, formatLongDouble, isInfiniteLongDouble, longDoubleFromI64, parseLongDouble,
} from "../bytes/long-double";
import { formatI64, parseI64 } from "../bytes/integer";
import { deleteKey } from "../keyspace/database";
import { NO_EXPIRE } from "../keyspace/entry";
import { changed, notify, NOTIFY_HASH } from "../keyspace/events";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { NOT_FLOAT, OVERFLOW } from "../resp/errors";
import { replyBulk, replyError, replyInteger, replyOutOfMemory } from "../resp/reply";
import { lpEntryBytes } from "../structures/listpack";
import { HASH_NO_MEMORY, HASH_REVIVED, hashGet, hashSet } from "../types/hash";
import { argI64 } from "./arguments";
import { createHash, LISTPACK_BYTES, NOT_A_HASH, tellRevived, writeHash } from "./hash-common";
import { FIRST, SECOND, TEXT } from "./string-number";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");

/**
 * Sets the field in argument 2 of the hash `e` (0: the key is absent) to `len` bytes of TEXT, keeping its expiry, and
 * tells `event`. False after an error reply: memory is exhausted, nothing has changed.
 */
function setNumber(c: Client, e: usize, len: i32, event: string): bool {
  const db = clientDb(c);
  const absent = e == 0;
  if (absent) e = createHash(db, LISTPACK_BYTES + lpEntryBytes(argPtr(2), argLen(2)) + lpEntryBytes(TEXT, len));
  const code = e == 0 ? HASH_NO_MEMORY : hashSet(db, e, argPtr(2), argLen(2), TEXT, len, NO_EXPIRE, true);
  if (code == HASH_NO_MEMORY) {
    if (absent && e != 0) deleteKey(db, argPtr(1), argLen(1));
    replyOutOfMemory(c);
    return false;
  }
  tellRevived(db, code == HASH_REVIVED ? 1 : 0);
  notify(NOTIFY_HASH, event, argPtr(1), argLen(1), db.id);
  changed(1);
  return true;
}

/** HINCRBY key field increment */
export function hincrbyCommand(c: Client): void {
  const r = root();
  if (!argI64(c, 3)) return;
  const by = r.number;
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  let value: i64 = 0;
  const text = e == 0 ? <usize>0 : hashGet(e, argPtr(2), argLen(2));
  if (text != 0) {
    if (!parseI64(text, <i32>r.number, NUMBER)) {
      replyError(c, "ERR hash value is not an integer");
      return;
    }
    value = r.number;
  }
  if ((by < 0 && value < i64.MIN_VALUE - by) || (by > 0 && value > i64.MAX_VALUE - by)) {
    replyError(c, OVERFLOW);
    return;
  }
  value += by;
  if (setNumber(c, e, formatI64(TEXT, value), "hincrby")) replyInteger(c, value);
}

/** HINCRBYFLOAT key field increment */
export function hincrbyfloatCommand(c: Client): void {
  if (!parseLongDouble(argPtr(3), argLen(3), SECOND)) {
    replyError(c, NOT_FLOAT);
    return;
  }
  if (isInfiniteLongDouble(SECOND)) {
    replyError(c, "ERR value is NaN or Infinity");
    return;
  }
  const e = writeHash(c);
  if (e == NOT_A_HASH) return;
  const text = e == 0 ? <usize>0 : hashGet(e, argPtr(2), argLen(2));
  if (text == 0) {
    longDoubleFromI64(0, FIRST);
  } else if (!parseLongDouble(text, <i32>root().number, FIRST)) {
    replyError(c, "ERR hash value is not a float");
    return;
  }
  if (!addLongDouble(FIRST, SECOND, FIRST)) {
    replyError(c, "ERR increment would produce NaN or Infinity");
    return;
  }
  const n = formatLongDouble(TEXT, FIRST);
  if (setNumber(c, e, n, "hincrbyfloat")) replyBulk(c, TEXT, n);
}
