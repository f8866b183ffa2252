/**
 * Going through a hash table: a walk over all elements, each once, and the choice of an element by pure chance.
 *
 * A walk holds its table still (no rehashing) from start to end, so it must be ended, and nothing may be added to or
 * removed from the table meanwhile. For walks that go on in a later command: tableScan() of hashtable.ts.
 *
 * Choosing draws a bucket and a place in it until an element is there: each element is as likely as every other, at the
 * cost of about two lines of buckets, however large the table.
 */
import { random64 } from "../memory/root";
import { keyAddress, keyLength } from "./element";
import {
  BUCKET_BITS, bucketState, hashKey, nextBucket, PRESENT_MASK, slotAddress, SLOTS, Table, tableBuckets, tableFindSlot,
  tableRandom, tableSize,
} from "./hashtable";

@unmanaged
export class TableWalk {
  table: Table;
  which: i32; // array that is being walked
  index: u32; // bucket to go on with
  bucket: usize; // bucket that `present` belongs to, 0 before the first
  present: u32; // its slots that are still to come
}

// --- Walk ---

/** Starts a walk and holds the table still. */
export function walkStart(w: TableWalk, t: Table): void {
  t.paused++;
  w.table = t;
  w.which = 0;
  w.index = t.rehashIndex > 0 ? t.rehashIndex : 0;
  w.bucket = 0;
  w.present = 0;
}

/** The next element, 0 at the end. */
export function walkNext(w: TableWalk): usize {
  while (w.present == 0) {
    if (!nextOfWalk(w)) return 0;
  }
  const i = ctz<u32>(w.present);
  w.present &= w.present - 1;
  return <usize>load<u32>(slotAddress(w.bucket, i));
}

/** Goes on to the next bucket: of the chain, of the array, of the other array. */
function nextOfWalk(w: TableWalk): bool {
  let b = w.bucket == 0 ? <usize>0 : nextBucket(w.bucket);
  while (b == 0) {
    const t = w.table;
    if (w.index < tableBuckets(t, w.which)) {
      b = (w.which == 0 ? t.buckets0 : t.buckets1) + (<usize>w.index << BUCKET_BITS);
      w.index++;
    } else if (w.which == 0) {
      w.which = 1;
      w.index = 0;
    } else {
      w.bucket = 0;
      return false;
    }
  }
  w.bucket = b;
  w.present = bucketState(b) & PRESENT_MASK;
  return true;
}

/** Ends a walk: the table may change again. */
export function walkEnd(w: TableWalk): void {
  w.table.paused--;
}

// --- Choice ---

/** Draws before the choice is left to a sample: only a table that is nearly empty ever gets there. */
const DRAWS: i32 = 1024;
/** Buckets of a chain that are drawn from, when the table is not overfull. Longer chains come one in a billion. */
const CHAIN_DRAWN: u32 = 3;

/**
 * Slot of an element chosen by chance, each as likely as any other; 0 when the table is empty. The slot is void after
 * any other call on the table.
 */
export function tableRandomSlot(t: Table): usize {
  const size = tableSize(t);
  if (size == 0) return 0;
  const skipped = t.rehashIndex > 0 ? <u32>t.rehashIndex : 0;
  const first = tableBuckets(t, 0) - skipped;
  const total = first + tableBuckets(t, 1);
  if (total == 1 && t.chained == 0) return slotByRank(t.buckets0 + (<usize>skipped << BUCKET_BITS));
  const depth = t.chained == 0 ? 1 : CHAIN_DRAWN + 2 * (size / (total * SLOTS));
  for (let i = 0; i < DRAWS; i++) {
    const r = random64();
    const index = <u32>(((r >> 32) * <u64>total) >> 32);
    const place = <u32>(((r & 0xffffffff) * <u64>(depth * SLOTS)) >> 32);
    let b = index < first
      ? t.buckets0 + (<usize>(skipped + index) << BUCKET_BITS)
      : t.buckets1 + (<usize>(index - first) << BUCKET_BITS);
    for (let down = place / SLOTS; down != 0 && b != 0; down--) b = nextBucket(b);
    if (b != 0 && (bucketState(b) & PRESENT_MASK & (1 << (place % SLOTS))) != 0) return slotAddress(b, place % SLOTS);
  }
  const e = tableRandom(t);
  return e == 0 ? 0 : tableFindSlot(t, hashKey(keyAddress(e), keyLength(e)), keyAddress(e), keyLength(e));
}

/** One of a bucket's elements, each as likely as any other. The bucket is not empty. */
function slotByRank(b: usize): usize {
  let present = bucketState(b) & PRESENT_MASK;
  let rank = <u32>(((random64() >> 32) * <u64>popcnt<u32>(present)) >> 32);
  for (; rank != 0; rank--) present &= present - 1;
  return slotAddress(b, ctz<u32>(present));
}
