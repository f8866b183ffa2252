/**
 * Active expiry: removes keys whose time has come although nobody asks for them.
 *
 * One slice looks at up to some dozens of keys with a TTL of one database, in scan order, so that a database with many
 * dead keys is cleaned in a few passes. The host repeats slices while the share of dead keys is high and its time
 * budget lasts. After Valkey's description of the active expire cycle.
 */
import { root } from "../memory/root";
import { tableBuckets, tableScan, tableSize } from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength } from "../structures/scratch";
import { database, expireNow, isExpired } from "./database";
import { entryExpire } from "./entry";

const KEYS_PER_SLICE: i32 = 20;
const MOST_BUCKETS: i32 = 400;

/**
 * Runs one slice on the next database. True when the database should be looked at again at once, because more than
 * 10 % of the keys seen (less with a higher effort) were dead.
 */
export function expireSlice(): bool {
  const r = root();
  const db = database(r.expireDb);
  const effort = r.activeExpireEffort - 1;
  const wanted = KEYS_PER_SLICE + (KEYS_PER_SLICE / 4) * effort;
  if (tableSize(db.expires) == 0) {
    db.averageTtl = 0;
    nextDatabase();
    return false;
  }
  let seen = 0;
  let dead = 0;
  let ttlSum: i64 = 0;
  let buckets = 0;
  do {
    scratchClear();
    r.expireCursor = tableScan(db.expires, r.expireCursor);
    const n = scratchLength();
    for (let i = 0; i < n; i++) {
      const e = scratchAt(i);
      seen++;
      if (isExpired(e)) {
        expireNow(db, e);
        dead++;
      } else {
        ttlSum += entryExpire(e) - r.nowMs;
      }
    }
    buckets++;
  } while (seen < wanted && buckets < MOST_BUCKETS && r.expireCursor != 0);
  const alive = seen - dead;
  if (alive > 0) {
    const average = ttlSum / <i64>alive;
    db.averageTtl = db.averageTtl == 0 ? average : db.averageTtl + (average - db.averageTtl) / 50;
  }
  if (seen > 0) {
    const percent = <f64>dead * 100.0 / <f64>seen;
    r.statExpiredStalePercent = percent * 0.05 + r.statExpiredStalePercent * 0.95;
  }
  if (dead * 100 > seen * (10 - effort)) return true;
  nextDatabase();
  return false;
}

function nextDatabase(): void {
  const r = root();
  r.expireDb = (r.expireDb + 1) % r.databaseCount;
  r.expireCursor = 0;
}

/** Buckets of the expiry table; for statistics. */
export function expireBuckets(db: i32): u32 {
  return tableBuckets(database(db).expires, 0);
}
