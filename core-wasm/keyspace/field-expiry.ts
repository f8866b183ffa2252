/**
 * Active expiry of hash fields: removes those whose time has come although nobody asks for them.
 *
 * A database's hashes with such fields stand in a heap by their next expiry, the fields of each hash likewise
 * (types/hash-timers.ts). So a slice takes what is due from the front and looks at nothing else; while nothing is due
 * it costs one comparison. A hash that loses its last field goes with it.
 *
 * Not for keys: expiry.ts, which calls this as a part of its cycle.
 */
import { root } from "../memory/root";
import { LAZY_EXPIRE } from "../memory/settings";
import { keyAddress, keyLength } from "../structures/element";
import { hashDelete, hashLength } from "../types/hash";
import { timersNext, volatileNext, volatileNextTime } from "../types/hash-timers";
import { heapTime } from "../structures/time-heap";
import { Database, deleteKey, volatileKeys } from "./database";
import { entryPointer } from "./entry";
import { notify, NOTIFY_EXPIRED, NOTIFY_GENERIC } from "./events";

/** Fields that one slice removes at effort 1, as many as Valkey's; each step of effort adds a quarter. */
const FIELDS_PER_SLICE: i32 = 80;

/** Removes dead fields of a database's hashes, as many as a slice may. True while there are more. */
export function expireFields(db: Database): bool {
  const r = root();
  const keys = volatileKeys(db);
  if (keys.count == 0) return false;
  r.expireVolatileSeen += keys.count;
  let left = FIELDS_PER_SLICE + FIELDS_PER_SLICE / 4 * (r.activeExpireEffort - 1);
  while (keys.count != 0 && volatileNextTime(keys) < r.nowMs) {
    if (left <= 0) return true;
    left -= expireFieldsOf(db, volatileNext(keys), left);
    r.expireVolatileDead++;
  }
  return false;
}

/** Removes up to `most` dead fields of one hash, which has one at least; returns how many. */
function expireFieldsOf(db: Database, e: usize, most: i32): i32 {
  const r = root();
  let n = 0;
  while (n < most) {
    const f = timersNext(entryPointer(e));
    if (f == 0 || heapTime(f) >= r.nowMs) break;
    hashDelete(e, keyAddress(f), keyLength(f), true);
    n++;
  }
  r.statExpiredFields += n;
  const key = keyAddress(e);
  const len = keyLength(e);
  notify(NOTIFY_EXPIRED, "hexpired", key, len, db.id);
  if (hashLength(e) == 0) {
    // The event comes first because it needs the key's bytes.
    notify(NOTIFY_GENERIC, "del", key, len, db.id);
    deleteKey(db, key, len, LAZY_EXPIRE);
  }
  return n;
}
