/**
 * MULTI, EXEC, DISCARD, WATCH and UNWATCH. What they do is resp/transaction.ts and keyspace/watch.ts.
 */
import { unwatchAll, watchKey } from "../keyspace/watch";
import { argLen, argPtr, argc } from "../memory/root";
import { Client, CLIENT_DIRTY_CAS, CLIENT_MULTI, clientDb } from "../resp/client";
import { replyError, replyOk, replyOutOfMemory } from "../resp/reply";
import { discardTransaction, ensureTransaction, execute, transactionOf } from "../resp/transaction";

/** MULTI */
export function multiCommand(c: Client): void {
  if (!ensureTransaction(c)) {
    replyOutOfMemory(c);
    return;
  }
  transactionOf(c).db = c.db;
  c.flags |= CLIENT_MULTI;
  replyOk(c);
}

/** EXEC */
export function execCommand(c: Client): void {
  if (c.flags & CLIENT_MULTI) execute(c);
  else replyError(c, "ERR EXEC without MULTI");
}

/** DISCARD */
export function discardCommand(c: Client): void {
  if (!(c.flags & CLIENT_MULTI)) {
    replyError(c, "ERR DISCARD without MULTI");
    return;
  }
  discardTransaction(c);
  replyOk(c);
}

/** WATCH key [key ...] */
export function watchCommand(c: Client): void {
  if (!ensureTransaction(c)) {
    replyOutOfMemory(c);
    return;
  }
  const db = clientDb(c);
  // Whose transaction fails already needs no more watches.
  for (let i = 1; i < argc() && !(c.flags & CLIENT_DIRTY_CAS); i++) {
    if (watchKey(c, db, argPtr(i), argLen(i))) continue;
    replyOutOfMemory(c);
    return;
  }
  replyOk(c);
}

/** UNWATCH */
export function unwatchCommand(c: Client): void {
  unwatchAll(c);
  c.flags &= ~CLIENT_DIRTY_CAS;
  replyOk(c);
}
