/**
 * Expiry of members of sets and sorted sets: those whose time has come go before the next command runs.
 *
 * Commands on sets need not look at times that way. Time stands still while the commands of one read run, so it is
 * enough to look once before each read, and while no member is due that is a comparison for each database. Nothing is
 * removed while removals are held back (CLIENT PAUSE, an import); a great many that come due at once go in several
 * steps, so that no read waits for all of them.
 *
 * Not for keys (expiry.ts) or fields of hashes, which are hidden instead (field-expiry.ts).
 */
import { root } from "../memory/root";
import { LAZY_EXPIRE } from "../memory/settings";
import { keyAddress, keyLength } from "../structures/element";
import { volatileNext, volatileNextTime } from "../types/hash-timers";
import { setSize } from "../types/set";
import { setDropDue } from "../types/set-expire";
import { zsetLength } from "../types/zset";
import { zsetDropDue } from "../types/zset-expire";
import { Database, database, deleteKey, isPaused, memberKeys } from "./database";
import { entryType, TYPE_SET } from "./entry";
import { notify, NOTIFY_GENERIC, NOTIFY_SET, NOTIFY_ZSET } from "./events";

/** Members that go before one read at most: a millisecond's work. */
const MOST_AT_ONCE: i32 = 4000;

/** Removes members whose time has come, where root.timedMembers is set. True when there may be more of them. */
export function dropDueMembers(): bool {
  const r = root();
  if (r.importMode != 0 || isPaused()) return false;
  let left = MOST_AT_ONCE;
  let timed: u32 = 0;
  for (let i = 0; i < r.databaseCount; i++) {
    const db = database(i);
    const keys = memberKeys(db);
    if (keys.count == 0) continue;
    while (left > 0 && keys.count != 0 && volatileNextTime(keys) < r.nowMs) {
      left -= dropDueOf(db, volatileNext(keys), left);
    }
    if (keys.count != 0) timed = 1;
  }
  r.timedMembers = timed;
  return left <= 0;
}

/** Removes up to `most` due members of one key, which has one at least; returns how many. */
function dropDueOf(db: Database, e: usize, most: i32): i32 {
  const isSet = entryType(e) == TYPE_SET;
  const n = isSet ? setDropDue(e, most) : zsetDropDue(e, most);
  root().statExpiredFields += n;
  const key = keyAddress(e);
  const len = keyLength(e);
  if (isSet) notify(NOTIFY_SET, "sexpired", key, len, db.id);
  else notify(NOTIFY_ZSET, "zexpired", key, len, db.id);
  if (isSet ? setSize(e) == 0 : zsetLength(e) == 0) {
    // The event comes first because it needs the key's bytes.
    notify(NOTIFY_GENERIC, "del", key, len, db.id);
    deleteKey(db, key, len, LAZY_EXPIRE);
  }
  return n;
}
