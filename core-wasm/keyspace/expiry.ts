/**
 * Active expiry: removes keys whose time has come although nobody asks for them.
 *
 * A cycle visits every database once. A slice looks at some dozens of keys with a TTL, in scan order, and the same
 * database gets another slice while more than a tenth of the keys seen were dead and its scan is not at its end. The
 * host calls expireSlice() until the cycle ends or its time budget is used up, in which case it says so (expireCut);
 * the next cycle then begins with the next database. After Valkey's description of its active expire cycle.
 *
 * Costs: a slice is bounded by keys and by buckets, so a sparse table does not make it long.
 */
import { root } from "../memory/root";
import { tableBuckets, tableScan, tableSize } from "../structures/hashtable";
import { scratchAt, scratchClear, scratchLength } from "../structures/scratch";
import { Database, database, expireNow, isExpired, isPaused } from "./database";
import { entryExpire } from "./entry";
import { expireFields } from "./field-expiry";
import { dropDueMembers } from "./member-expiry";

const KEYS_PER_SLICE: i32 = 20;
const BUCKETS_PER_KEY: i32 = 10;
/** Percent of dead keys that are left to later cycles, at effort 1. */
const ACCEPTABLE_STALE: i32 = 10;
/** Weight of a new sample of the mean time to live, and of the share of dead keys. */
const TTL_SHARE: i64 = 50;
const STALE_WEIGHT: f64 = 0.05;

/** Runs one slice. True while the cycle goes on and another slice should follow. */
export function expireSlice(): bool {
  const r = root();
  if (r.importMode != 0 || isPaused()) return false;
  if (r.timedMembers != 0) dropDueMembers();
  while (r.expireVisited < r.databaseCount) {
    const db = database(r.expireDb);
    const more = expireFields(db);
    if (!isWorthScanning(db)) {
      if (tableSize(db.expires) == 0) db.averageTtl = 0;
      if (more) return true;
      nextDatabase();
      continue;
    }
    if (!scanSome(db) && !more) nextDatabase();
    if (r.expireVisited < r.databaseCount) return true;
  }
  endCycle();
  return false;
}

/** Ends the cycle because its time is up. */
export function expireCut(): void {
  root().statExpiredTimeCapReached++;
  nextDatabase();
  endCycle();
}

/** False for a table that is empty or nearly so for its size: scanning it finds little, and it will shrink soon. */
function isWorthScanning(db: Database): bool {
  const size = <u64>tableSize(db.expires);
  return size * 100 >= <u64>tableBuckets(db.expires, 0) + <u64>tableBuckets(db.expires, 1) && size != 0;
}

/** Looks at the next keys of a database; true when it should be looked at again at once. */
function scanSome(db: Database): bool {
  const r = root();
  const effort = r.activeExpireEffort - 1;
  let wanted = KEYS_PER_SLICE + KEYS_PER_SLICE / 4 * effort;
  if (<u32>wanted > tableSize(db.expires)) wanted = <i32>tableSize(db.expires);
  let seen = 0;
  let dead = 0;
  let ttlSum: f64 = 0;
  let buckets = wanted * BUCKETS_PER_KEY;
  do {
    scratchClear();
    db.expireCursor = tableScan(db.expires, db.expireCursor);
    const n = scratchLength();
    for (let i = 0; i < n; i++) {
      const e = scratchAt(i);
      seen++;
      if (isExpired(e)) {
        expireNow(db, e);
        dead++;
      } else {
        ttlSum += <f64>(entryExpire(e) - r.nowMs);
      }
    }
  } while (seen < wanted && --buckets > 0 && db.expireCursor != 0);
  r.expireSeen += <u32>seen;
  r.expireDead += <u32>dead;
  if (seen > dead) {
    const average = <i64>(ttlSum / <f64>(seen - dead));
    db.averageTtl = db.averageTtl == 0 ? average : db.averageTtl + (average - db.averageTtl) / TTL_SHARE;
  }
  if (db.expireCursor == 0) return false;
  return seen == 0 || dead * 100 / seen > ACCEPTABLE_STALE - effort;
}

function nextDatabase(): void {
  const r = root();
  r.expireDb = (r.expireDb + 1) % r.databaseCount;
  r.expireVisited++;
}

/** Takes the cycle's share of dead keys into the running estimate of how many there are. */
function endCycle(): void {
  const r = root();
  const percent = r.expireSeen != 0 ? <f64>r.expireDead * 100 / <f64>r.expireSeen : 0;
  r.statExpiredStalePercent = percent * STALE_WEIGHT + r.statExpiredStalePercent * (1 - STALE_WEIGHT);
  const volatile = r.expireVolatileSeen != 0 ? <f64>r.expireVolatileDead * 100 / <f64>r.expireVolatileSeen : 0;
  r.statVolatileStalePercent = volatile * STALE_WEIGHT + r.statVolatileStalePercent * (1 - STALE_WEIGHT);
  r.expireVisited = 0;
  r.expireSeen = 0;
  r.expireDead = 0;
  r.expireVolatileSeen = 0;
  r.expireVolatileDead = 0;
}

/** Removes every dead key, and every dead field of a hash, of every database. Costs a pass over all keys with a TTL. */
export function expireEverything(): void {
  if (root().importMode != 0 || isPaused()) return;
  while (dropDueMembers()) {
    // As many steps as it takes.
  }
  for (let i = 0; i < root().databaseCount; i++) {
    const db = database(i);
    let cursor: u64 = 0;
    do {
      scratchClear();
      if (tableSize(db.expires) != 0) cursor = tableScan(db.expires, cursor);
      for (let j = 0; j < scratchLength(); j++) if (isExpired(scratchAt(j))) expireNow(db, scratchAt(j));
    } while (cursor != 0 && tableSize(db.expires) != 0);
    while (expireFields(db)) {
      // As many slices as it takes.
    }
  }
}
