/**
 * Commands on a part of one string: APPEND, GETRANGE (SUBSTR), SETRANGE.
 */
import { lookupWrite } from "../keyspace/database";
import { entryPointer, NO_EXPIRE, TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_STRING } from "../keyspace/events";
import { argLen, argPtr, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { NOT_INTEGER, STRING_TOO_LONG } from "../resp/errors";
import { replyBulk, replyError, replyInteger, replyOutOfMemory } from "../resp/reply";
import { setString, STRING_MOST, stringEdit, stringSize, stringView } from "../types/string";
import { argI64 } from "./arguments";
import { isOfType, readKey } from "./look-up";

/** True when a string of size + more bytes is allowed; replies otherwise. Both are positive. */
function lengthAllowed(c: Client, size: i64, more: i64): bool {
  const most = root().protoMaxBulkLen < STRING_MOST ? root().protoMaxBulkLen : STRING_MOST;
  if (size <= most && more <= most - size) return true;
  replyError(c, STRING_TOO_LONG);
  return false;
}

/** APPEND key value */
export function appendCommand(c: Client): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const more = argLen(2);
  let e = lookupWrite(db, key, keyLen);
  let total = more;
  if (e == 0) {
    if (!setString(db, 0, key, keyLen, argPtr(2), more, NO_EXPIRE)) {
      replyOutOfMemory(c);
      return;
    }
  } else {
    if (!isOfType(c, e, TYPE_STRING)) return;
    const have = stringSize(e);
    if (!lengthAllowed(c, have, more)) return;
    total += have;
    e = stringEdit(db, e, key, keyLen, total, true, have);
    if (e == 0) {
      replyOutOfMemory(c);
      return;
    }
    memory.copy(entryPointer(e) + <usize>have, argPtr(2), <usize>more);
  }
  changed(1);
  notify(NOTIFY_STRING, "append", key, keyLen, db.id);
  replyInteger(c, total);
}

/** SETRANGE key offset value */
export function setrangeCommand(c: Client): void {
  if (!argI64(c, 2, NOT_INTEGER)) return;
  const offset = root().number;
  if (offset < 0) {
    replyError(c, "ERR offset is out of range");
    return;
  }
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  const len = argLen(3);
  let e = lookupWrite(db, key, keyLen);
  if (!isOfType(c, e, TYPE_STRING)) return;
  const have = e != 0 ? stringSize(e) : 0;
  if (len == 0) {
    replyInteger(c, have);
    return;
  }
  if (!lengthAllowed(c, offset, len)) return;
  const end = <i32>offset + len;
  const total = end > have ? end : have;
  e = stringEdit(db, e, key, keyLen, total, e != 0, <i32>offset);
  if (e == 0) {
    replyOutOfMemory(c);
    return;
  }
  memory.copy(entryPointer(e) + <usize>offset, argPtr(3), <usize>len);
  changed(1);
  notify(NOTIFY_STRING, "setrange", key, keyLen, db.id);
  replyInteger(c, total);
}

/** GETRANGE key start end, SUBSTR key start end */
export function getrangeCommand(c: Client): void {
  if (!argI64(c, 2, NOT_INTEGER)) return;
  let start = root().number;
  if (!argI64(c, 3, NOT_INTEGER)) return;
  let end = root().number;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STRING)) return;
  const len: i64 = e != 0 ? stringSize(e) : 0;
  const backwards = start < 0 && end < 0 && start > end;
  if (start < 0) start += len;
  if (end < 0) end += len;
  if (start < 0) start = 0;
  if (end < 0) end = 0;
  if (end >= len) end = len - 1;
  if (backwards || start > end) replyBulk(c, 0, 0);
  else replyBulk(c, stringView(e) + <usize>start, <i32>(end - start + 1));
}
