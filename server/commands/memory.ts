// memory.ts - MEMORY STATS, DOCTOR, PURGE and MALLOC-STATS. USAGE is the core's, HELP stands in help.ts.

import { CMD } from "../generated/commands.ts";
import { ROOT } from "../generated/layout.ts";
import { memoryFacts } from "../info/memory-facts.ts";
import type { MemoryFacts } from "../info/memory-facts.ts";
import type { Server } from "../server.ts";
import type { HostHandler } from "./registry.ts";

const MEGABYTE = 1024 * 1024;
/** A server with less than this is too small to say anything about. */
const SMALL = 5 * MEGABYTE;
const EXCESS = 10 * MEGABYTE;
const CLIENT_EXCESS = 200 * 1024;

/** MEMORY STATS */
const stats: HostHandler = (server, _connection, _args, reply) => {
  const facts = memoryFacts(server);
  const rows: [name: string, write: () => void][] = [];
  const int = (name: string, value: number) => rows.push([name, () => reply.int(Math.floor(value))]);
  const double = (name: string, value: number) => rows.push([name, () => reply.double(Math.fround(value))]);
  int("peak.allocated", facts.peak);
  int("total.allocated", facts.used);
  int("startup.allocated", facts.startup);
  for (const name of ["replication.backlog", "replicas.repl.buffer", "clients.slaves"]) int(name, 0);
  int("clients.normal", facts.clients);
  for (const name of ["cluster.links", "cluster.slot_import", "cluster.slot_export"]) int(name, 0);
  int("aof.buffer", 0);
  const { scripts, functions } = server.scripts.memory();
  int("lua.caches", scripts);
  int("functions.caches", functions);
  for (const { index, main, expires } of facts.databases) {
    rows.push([`db.${index}`, () => {
      reply.map(2);
      reply.bulk("overhead.hashtable.main");
      reply.int(main);
      reply.bulk("overhead.hashtable.expires");
      reply.int(expires);
    }]);
  }
  int("overhead.db.hashtable.lut", facts.tables);
  int("overhead.db.hashtable.rehashing", facts.rehashing);
  int("overhead.total", facts.overhead);
  int("db.dict.rehashing.count", facts.rehashingCount);
  int("keys.count", facts.keys);
  int("keys.bytes-per-key", facts.keys === 0 ? 0 : facts.dataset / facts.keys);
  int("dataset.bytes", facts.dataset);
  double("dataset.percentage", facts.datasetPercent);
  double("peak.percentage", facts.peakPercent);
  int("allocator.allocated", facts.used);
  int("allocator.active", facts.active);
  int("allocator.resident", facts.active);
  int("allocator.muzzy", 0);
  double("allocator-fragmentation.ratio", facts.allocatorFragmentationRatio);
  int("allocator-fragmentation.bytes", facts.allocatorFragmentationBytes);
  double("allocator-rss.ratio", 1);
  int("allocator-rss.bytes", 0);
  double("rss-overhead.ratio", facts.rssOverheadRatio);
  int("rss-overhead.bytes", facts.rssOverheadBytes);
  double("fragmentation", facts.fragmentationRatio);
  int("fragmentation.bytes", facts.fragmentationBytes);
  reply.map(rows.length);
  for (const [name, write] of rows) {
    reply.bulk(name);
    write();
  }
};

/** What is remarkable about the server's memory. */
function findings(server: Server, facts: MemoryFacts): string[] {
  const lines: string[] = [];
  if (facts.peak / facts.used > 1.5) {
    lines.push("Peak: more than 1.5 times as much memory was in use once. The pages of that time are kept for new " +
      "data and count as resident; a restart gives them back.");
  }
  if (facts.allocatorFragmentationRatio > 1.1 && facts.allocatorFragmentationBytes > EXCESS) {
    lines.push("Fragmentation: pages hold far fewer bytes than they could. This is usual after a peak or when values " +
      "of many sizes come and go.");
  }
  if (facts.rssOverheadRatio > 1.1 && facts.rssOverheadBytes > EXCESS) {
    lines.push(`Overhead of the process: ${Math.round(facts.rssOverheadBytes / MEGABYTE)} MiB are resident outside ` +
      "the data, most of it the JavaScript runtime itself.");
  }
  if (facts.clients / Math.max(1, server.connections.size) > CLIENT_EXCESS) {
    lines.push("Buffers of clients: more than 200 KiB for each client on average. Clients read their replies too " +
      "slowly, or send very long pipelines; CLIENT LIST shows which.");
  }
  return lines;
}

/** MEMORY DOCTOR */
const doctor: HostHandler = (server, _connection, _args, reply) => {
  const facts = memoryFacts(server);
  if (facts.used < SMALL) {
    return reply.verbatim("txt", "This server holds very little data so far: there is nothing to examine. " +
      "Please ask again when it has been filled.\n");
  }
  const lines = findings(server, facts);
  reply.verbatim("txt", lines.length === 0
    ? "No problem with memory was found, as far as the numbers of this moment tell.\n"
    : "Remarkable about the memory of this server:\n\n" + lines.map((line) => ` * ${line}\n\n`).join(""));
};

/** MEMORY MALLOC-STATS: the core's own allocator. */
const mallocStats: HostHandler = (server, _connection, _args, reply) => {
  const { core } = server;
  const count = (field: number) => core.root32(field);
  reply.verbatim("txt", [
    "Allocator of the core: size classes on pages of 64 KiB",
    `bytes in live blocks: ${count(ROOT.usedBytes)} (peak ${count(ROOT.peakBytes)})`,
    `pages: ${count(ROOT.totalPages)} of at most ${count(ROOT.maximumPages)}, ${count(ROOT.freePages)} of them free`,
    `pages that were ever in use, which the system can't have back: ${count(ROOT.touchedPages)}`,
    `bytes that can still be handed out: ${core.exports.memoryAvailable()}`,
    "",
  ].join("\n"));
};

/** MEMORY PURGE: what is kept for later use is freed. Pages of linear memory can't be given back to the system. */
const purge: HostHandler = (server, _connection, _args, reply) => {
  server.core.exports.memoryPurge();
  reply.ok();
};

export const MEMORY_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.MEMORY_STATS]: stats,
  [CMD.MEMORY_DOCTOR]: doctor,
  [CMD.MEMORY_MALLOC_STATS]: mallocStats,
  [CMD.MEMORY_PURGE]: purge,
};
