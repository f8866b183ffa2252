/**
 * Commands of the server that only look at or empty databases.
 */
import { LAZY_USER_FLUSH } from "../memory/settings";
import { database, emptyDatabase, swapDatabases } from "../keyspace/database";
import { evictionPoolClear } from "../keyspace/eviction";
import { changed } from "../keyspace/events";
import { argc, root } from "../memory/root";
import { Client, CLIENT_INTERNAL, clientDb } from "../resp/client";
import { BAD_DB_INDEX } from "../resp/errors";
import { replyArray, replyBulkInteger, replyError, replyInteger, replyOk, replySyntax } from "../resp/reply";
import { trackingFlush } from "../resp/tracking";
import { tableSize } from "../structures/hashtable";
import { argInt, argIs } from "./arguments";

/** DBSIZE */
export function dbsizeCommand(c: Client): void {
  replyInteger(c, <i64>tableSize(clientDb(c).keys));
}

/** TIME */
export function timeCommand(c: Client): void {
  const now = <i64>root().nowUs;
  replyArray(c, 2);
  replyBulkInteger(c, now / 1000000);
  replyBulkInteger(c, now % 1000000);
}

/** True when the optional ASYNC or SYNC is well formed; replies otherwise. */
function flushOptions(c: Client): bool {
  if (argc() == 1 || (argc() == 2 && (argIs(1, "SYNC") || argIs(1, "ASYNC")))) return true;
  replySyntax(c);
  return false;
}

/** Whether values are freed later: by the option, else by configuration. A call in process has no later. */
function flushesLater(c: Client): bool {
  if (argc() == 2) return argIs(1, "ASYNC");
  return (root().lazyFree & LAZY_USER_FLUSH) != 0 && !(c.flags & CLIENT_INTERNAL);
}

/** FLUSHDB [ASYNC | SYNC] */
export function flushdbCommand(c: Client): void {
  if (!flushOptions(c)) return;
  changed(emptyDatabase(clientDb(c), flushesLater(c)));
  trackingFlush();
  replyOk(c);
}

/** FLUSHALL [ASYNC | SYNC] */
export function flushallCommand(c: Client): void {
  if (!flushOptions(c)) return;
  const r = root();
  const later = flushesLater(c);
  for (let i = 0; i < r.databaseCount; i++) changed(emptyDatabase(database(i), later));
  evictionPoolClear();
  trackingFlush();
  replyOk(c);
}

/** SWAPDB index1 index2 */
export function swapdbCommand(c: Client): void {
  const r = root();
  if (!argInt(c, 1, "ERR invalid first DB index")) return;
  const first = r.number;
  if (!argInt(c, 2, "ERR invalid second DB index")) return;
  const second = r.number;
  const count = <i64>r.databaseCount;
  if (first < 0 || first >= count || second < 0 || second >= count) {
    replyError(c, BAD_DB_INDEX);
    return;
  }
  swapDatabases(database(<i32>first), database(<i32>second));
  changed(1);
  replyOk(c);
}
