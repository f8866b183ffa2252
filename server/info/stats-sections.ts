// stats-sections.ts - INFO's sections of counters: Stats, Commandstats, Errorstats, Latencystats, Debug.

import { COMMAND_COUNT, CMD } from "../generated/commands.ts";
import { COMMAND_STAT, ROOT } from "../generated/layout.ts";
import { percentile, readHistogram } from "../stats/histogram.ts";
import type { Server } from "../server.ts";
import { ratio, safeName } from "./format.ts";

const STAT_SPACE = (COMMAND_STAT.SIZE + 7) & ~7;
const ERROR_SPACE = 48;
const ERROR_PREFIX = 12;

/** The record of one command in the core. */
export interface CommandCounts {
  id: number;
  name: string;
  calls: number;
  microseconds: number;
  rejected: number;
  failed: number;
  /** Address of its histogram, 0 when it never ran. */
  histogram: number;
}

/** Commands that ran, failed or were refused. The running INFO itself is not counted yet. */
export function commandCounts(server: Server): CommandCounts[] {
  const { core, commands } = server;
  const first = core.root32(ROOT.commandStats);
  const rows: CommandCounts[] = [];
  for (let id = 1; id < COMMAND_COUNT; id++) {
    const at = first + id * STAT_SPACE;
    const waiting = core.u32(at + COMMAND_STAT.pending) - (id === CMD.INFO ? 1 : 0);
    const calls = core.u64(at + COMMAND_STAT.calls) + Math.max(0, waiting);
    const rejected = core.u64(at + COMMAND_STAT.rejected);
    const failed = core.u64(at + COMMAND_STAT.failed);
    if (calls === 0 && rejected === 0 && failed === 0) continue;
    rows.push({
      id, name: commands.nameOf(id), calls, rejected, failed,
      microseconds: core.f64(at + COMMAND_STAT.microseconds), histogram: core.u32(at + COMMAND_STAT.histogram),
    });
  }
  return rows;
}

/** Stats: traffic and keys. */
function trafficLines(server: Server): string[] {
  const { core, scripts, stats } = server;
  const count = (field: number) => core.root64(field);
  const rate = (name: "commands" | "netIn" | "netOut") => stats.rate(name);
  const percent = (field: number) => core.f64(core.rootAddress(field)).toFixed(2);
  const exceededUs = core.f64(core.rootAddress(ROOT.statEvictionExceededUs));
  const sinceUs = core.f64(core.rootAddress(ROOT.evictionExceededSinceUs));
  const exceededNowUs = sinceUs === 0 ? 0 : Math.max(0, server.nowUs() - sinceUs);
  return [
    `total_connections_received:${stats.connectionsReceived}`,
    `total_commands_processed:${Math.max(0, count(ROOT.statCommands) - 1)}`,
    `instantaneous_ops_per_sec:${rate("commands")}`,
    `total_net_input_bytes:${count(ROOT.statNetIn)}`,
    `total_net_output_bytes:${count(ROOT.statNetOut)}`,
    "total_net_repl_input_bytes:0",
    "total_net_repl_output_bytes:0",
    "total_net_cluster_slot_import_bytes:0",
    "total_net_cluster_slot_export_bytes:0",
    `instantaneous_input_kbps:${(rate("netIn") / 1024).toFixed(2)}`,
    `instantaneous_output_kbps:${(rate("netOut") / 1024).toFixed(2)}`,
    "instantaneous_input_repl_kbps:0.00",
    "instantaneous_output_repl_kbps:0.00",
    `rejected_connections:${stats.connectionsRejected}`,
    "sync_full:0",
    "sync_partial_ok:0",
    "sync_partial_err:0",
    `expired_keys:${count(ROOT.statExpired)}`,
    `expired_fields:${count(ROOT.statExpiredFields)}`,
    `expired_stale_perc:${percent(ROOT.statExpiredStalePercent)}`,
    `expired_keys_with_volatile_items_stale_perc:${percent(ROOT.statVolatileStalePercent)}`,
    `expired_time_cap_reached_count:${count(ROOT.statExpiredTimeCapReached)}`,
    `expire_cycle_cpu_milliseconds:${Math.floor(stats.expireUs / 1000)}`,
    `evicted_keys:${count(ROOT.statEvicted)}`,
    `evicted_clients:${stats.evictedClients}`,
    `evicted_scripts:${scripts.cache.evicted}`,
    `total_eviction_exceeded_time:${Math.floor((exceededUs + exceededNowUs) / 1000)}`,
    `current_eviction_exceeded_time:${Math.floor(exceededNowUs / 1000)}`,
    `keyspace_hits:${count(ROOT.statHits)}`,
    `keyspace_misses:${count(ROOT.statMisses)}`,
  ];
}

/** Counters of what does not exist, between the keyspace's and the errors'. */
const ABSENT_FORKS = ["latest_fork_usec:0", "total_forks:0"];
const ABSENT = [
  "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
  "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time",
].map((name) => `${name}:0`);
const ABSENT_THREADS = [
  "io_threaded_reads_processed", "io_threaded_writes_processed", "io_threaded_freed_objects",
  "io_threaded_accept_processed", "io_threaded_poll_processed", "io_threaded_total_prefetch_batches",
  "io_threaded_total_prefetch_entries",
].map((name) => `${name}:0`);

/** Stats */
export function statsSection(server: Server): string[] {
  const { core, stats } = server;
  const count = (field: number) => core.root64(field);
  return [
    ...trafficLines(server),
    `pubsub_channels:${core.exports.pubsubNames(0)}`,
    `pubsub_patterns:${core.exports.pubsubNames(1)}`,
    `pubsubshard_channels:${core.exports.pubsubNames(2)}`,
    ...ABSENT_FORKS,
    `migrate_cached_sockets:${server.targets.count}`,
    ...ABSENT,
    `tracking_total_keys:${core.exports.trackingFigure(1)}`,
    `tracking_total_items:${core.exports.trackingFigure(2)}`,
    `tracking_total_prefixes:${core.exports.trackingFigure(3)}`,
    "unexpected_error_replies:0",
    `total_error_replies:${count(ROOT.statErrorReplies)}`,
    "dump_payload_sanitizations:0",
    `total_reads_processed:${count(ROOT.statReadsProcessed)}`,
    `total_writes_processed:${count(ROOT.statWritesProcessed)}`,
    ...ABSENT_THREADS,
    `client_query_buffer_limit_disconnections:${count(ROOT.statQueryBufferLimitDisconnections)}`,
    `client_output_buffer_limit_disconnections:${count(ROOT.statOutputBufferLimitDisconnections)}`,
    "reply_buffer_shrinks:0",
    "reply_buffer_expands:0",
    `eventloop_cycles:${stats.cycles}`,
    `eventloop_duration_sum:${Math.floor(stats.cyclesUs)}`,
    `eventloop_duration_cmd_sum:${Math.floor(commandTime(server))}`,
    `instantaneous_eventloop_cycles_per_sec:${stats.rate("cycles")}`,
    `instantaneous_eventloop_duration_usec:${stats.meanCycleUs()}`,
    `acl_access_denied_auth:${stats.accessDeniedAuth}`,
    `acl_access_denied_cmd:${count(ROOT.statDeniedCommand)}`,
    `acl_access_denied_key:${count(ROOT.statDeniedKey)}`,
    `acl_access_denied_channel:${count(ROOT.statDeniedChannel)}`,
    `acl_access_denied_tls_cert:${server.stats.accessDeniedCertificate}`,
    `acl_access_denied_db:${count(ROOT.statDeniedDatabase)}`,
  ];
}

function commandTime(server: Server): number {
  return commandCounts(server).reduce((sum, row) => sum + row.microseconds, 0);
}

/** Commandstats */
export function commandSection(server: Server): string[] {
  return commandCounts(server).map(({ name, calls, microseconds, rejected, failed }) => {
    const usec = Math.floor(microseconds);
    return `cmdstat_${safeName(name)}:calls=${calls},usec=${usec},usec_per_call=${ratio(usec, calls).toFixed(2)},` +
      `rejected_calls=${rejected},failed_calls=${failed}`;
  });
}

/** Errorstats, by name. */
export function errorSection(server: Server): string[] {
  const { core } = server;
  const first = core.root32(ROOT.errorStats);
  const rows: [string, number][] = [];
  for (let i = 0; i < core.root32(ROOT.errorCount); i++) {
    const at = first + i * ERROR_SPACE;
    rows.push([core.latin1(at + ERROR_PREFIX, core.u32(at + 8)), core.u64(at)]);
  }
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return rows.map(([name, count]) => `errorstat_${safeName(name)}:count=${count}`);
}

/** Latencystats */
export function latencySection(server: Server): string[] {
  const { config } = server;
  if (!config.boolean("latency-tracking")) return [];
  const wanted = config.text("latency-tracking-info-percentiles").split(" ").filter((word) => word !== "");
  return commandCounts(server).filter(({ histogram }) => histogram !== 0).map(({ name, histogram }) => {
    const counts = readHistogram(server.core, histogram);
    const values = wanted.map((word) => `p${word}=${percentile(counts, Number(word)).toFixed(3)}`);
    return `latency_percentiles_usec_${safeName(name)}:${values.join(",")}`;
  });
}

/** Debug: only shown by name. */
export function debugSection(server: Server): string[] {
  const { stats } = server;
  return [
    "eventloop_duration_aof_sum:0",
    `eventloop_duration_cron_sum:${Math.floor(stats.cronUs)}`,
    `eventloop_duration_max:${Math.floor(stats.longestCycleUs)}`,
    `eventloop_cmd_per_cycle_max:${stats.commandsPerCycleMax}`,
    "io_threaded_reads_pending:0",
    "io_threaded_writes_pending:0",
  ];
}
