// memory-facts.ts - where the server's memory goes: what INFO's Memory section and MEMORY STATS tell.
//
//   process (rss) ⊃ linear memory (pages × 64 KiB) ⊃ pages in use ⊃ live blocks (used memory)
//   used memory = what it was at the start + clients + tables of keys + dataset
//
// "Allocator" means the core's own: allocated are the bytes in live blocks, active and resident the pages that are not
// free. Costs a pass over the databases. Not for weighing one key: MEMORY USAGE is the core's.

import { CLIENT, ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { ratio } from "./format.ts";

const PAGE_SIZE = 65536;
const BUCKET_SIZE = 64;
/** An entry's address in its bucket is part of the table; its header is overhead too. */
const ENTRY_HEADER = 8;

interface DatabaseOverhead {
  index: number;
  keys: number;
  main: number;
  expires: number;
}

export interface MemoryFacts {
  used: number;
  peak: number;
  startup: number;
  rss: number;
  active: number;
  clients: number;
  databases: DatabaseOverhead[];
  keys: number;
  /** Bytes of all tables, and of those that are being left by a rehash. */
  tables: number;
  rehashing: number;
  /** Tables that are rehashing. */
  rehashingCount: number;
  overhead: number;
  dataset: number;
  /** Share of the dataset in what was added since the start, in percent. */
  datasetPercent: number;
  peakPercent: number;
  fragmentationRatio: number;
  fragmentationBytes: number;
  allocatorFragmentationRatio: number;
  allocatorFragmentationBytes: number;
  rssOverheadRatio: number;
  rssOverheadBytes: number;
}

/** Bytes of a database's tables. */
function tableBytes(server: Server, index: number): Record<"main" | "expires" | "old" | "moving", number> {
  const buckets = [0, 1, 2, 3].map((which) => server.core.exports.tableBucketCount(index, which) >>> 0);
  return {
    main: (buckets[0] + buckets[1]) * BUCKET_SIZE,
    expires: (buckets[2] + buckets[3]) * BUCKET_SIZE,
    old: ((buckets[1] > 0 ? buckets[0] : 0) + (buckets[3] > 0 ? buckets[2] : 0)) * BUCKET_SIZE,
    moving: (buckets[1] > 0 ? 1 : 0) + (buckets[3] > 0 ? 1 : 0),
  };
}

/** Looks at everything. */
export function memoryFacts(server: Server): MemoryFacts {
  const { core } = server;
  const used = core.root32(ROOT.usedBytes);
  const startup = server.startupBytes;
  const rss = server.port.memoryUsage().rss;
  const active = (core.root32(ROOT.totalPages) - core.root32(ROOT.freePages)) * PAGE_SIZE;
  const clients = core.root32(ROOT.clientsMemory) + core.root32(ROOT.clientCount) * ((CLIENT.SIZE + 15) & ~15);
  const databases: DatabaseOverhead[] = [];
  let keys = 0;
  let tables = 0;
  let rehashing = 0;
  let rehashingCount = 0;
  for (let index = 0; index < core.databaseCount; index++) {
    const facts = core.databaseFacts(index);
    const bytes = tableBytes(server, index);
    keys += facts.keys;
    tables += bytes.main + bytes.expires;
    rehashing += bytes.old;
    rehashingCount += bytes.moving;
    if (bytes.main === 0 && index > 0) continue;
    const main = bytes.main + facts.keys * ENTRY_HEADER;
    databases.push({ index, keys: facts.keys, main, expires: bytes.expires });
  }
  const overhead = startup + clients + databases.reduce((sum, db) => sum + db.main + db.expires, 0);
  const dataset = Math.max(0, used - overhead);
  const peak = Math.max(used, core.root32(ROOT.peakBytes));
  return {
    used, peak, startup, rss, active, clients, databases, keys, tables, rehashing, rehashingCount, overhead, dataset,
    datasetPercent: ratio(dataset * 100, Math.max(1, used - startup)),
    peakPercent: ratio(used * 100, peak),
    fragmentationRatio: ratio(rss, used),
    fragmentationBytes: rss - used,
    allocatorFragmentationRatio: ratio(active, used),
    allocatorFragmentationBytes: active - used,
    rssOverheadRatio: ratio(rss, active),
    rssOverheadBytes: rss - active,
  };
}
