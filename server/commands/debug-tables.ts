// debug-tables.ts - the text of DEBUG HTSTATS about one hash table of the core.
//
//   arrays 0 and 1 of a table; array 1 exists while the table is rehashing. A top-level bucket holds several entries
//   and is followed by child buckets when it overflows: the length of a chain is the number of its child buckets. The
//   size of a table is the number of entries that it takes before it grows.

import type { Core } from "../bridge/core.ts";

/** Entries that a bucket holds. */
const SLOTS = 12;
/** Share of its slots that a table of more than one bucket fills before it is left for a larger one. */
const FILL = 7 / 8;
const LONGEST = 50;

/** One array's text; "" for one that is empty. `which`: 0 and 1 of the keys, 2 and 3 of the expiries. */
function arrayStatistics(core: Core, db: number, which: number, isFull: boolean): string {
  const buckets = core.exports.tableBucketCount(db, which) >>> 0;
  const lengths = new Map<number, number>();
  let entries = 0;
  let children = 0;
  let longest = 0;
  for (let i = 0; i < buckets; i++) {
    const count = core.exports.tableBucketLength(db, which, i);
    const extra = Math.max(0, Math.ceil(count / SLOTS) - 1);
    entries += count;
    children += extra;
    longest = Math.max(longest, extra);
    lengths.set(Math.min(extra, LONGEST), (lengths.get(Math.min(extra, LONGEST)) ?? 0) + 1);
  }
  if (entries === 0) return "";
  const isMain = which % 2 === 0;
  let text = `Hash table ${which % 2} stats (${isMain ? "main hash table" : "rehashing target"}):\n` +
    ` table size: ${buckets === 1 ? SLOTS : buckets * SLOTS * FILL}\n number of entries: ${entries}\n` +
    ` rehashing index: ${core.exports.tableRehashIndex(db, which >> 1)}\n`;
  if (!isFull) return text;
  text += ` top-level buckets: ${buckets}\n child buckets: ${children}\n max chain length: ${longest}\n` +
    ` avg chain length: ${(children / buckets).toFixed(6)}\n` +
    " chain length distribution:\n";
  for (const [length, count] of [...lengths].sort(([a], [b]) => a - b)) {
    text += `   ${length}: ${count} (${(count * 100 / buckets).toFixed(2)}%)\n`;
  }
  return text;
}

/** Both arrays of a database's key table (first 0) or expiry table (first 2). */
export function tableStatistics(core: Core, db: number, first: 0 | 2, isFull: boolean): string {
  return arrayStatistics(core, db, first, isFull) + arrayStatistics(core, db, first + 1, isFull);
}
