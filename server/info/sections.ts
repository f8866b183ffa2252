// sections.ts - INFO's sections about the server itself: Server, Clients, Persistence, Replication, CPU, Keyspace.
//
// Memory has a file of its own, and so have the sections of counters (stats-sections.ts).

import { REDIS_VERSION, VALKEY_VERSION } from "../config/version.ts";
import { ROOT } from "../generated/layout.ts";
import { programPath } from "../program.ts";
import type { Server } from "../server.ts";
import { seconds } from "./format.ts";

const CLOCK_MASK = 0xffffff;
const PAUSED = ["none", "write", "all"];

/** Server */
export function serverSection(server: Server): string[] {
  const { config, port } = server;
  const now = server.nowUs();
  const uptime = Math.floor((now - server.startedUs) / 1e6);
  const hz = config.number("hz");
  const mode = config.boolean("extended-redis-compatibility") ? "redis_mode" : "server_mode";
  const lines = [
    `redis_version:${REDIS_VERSION}`,
    "server_name:valkey",
    `valkey_version:${VALKEY_VERSION}`,
    "valkey_release_stage:ga",
    "redis_git_sha1:00000000",
    "redis_git_dirty:0",
    "redis_build_id:0",
    `${mode}:standalone`,
    `os:${port.osName}`,
    "arch_bits:64",
    `monotonic_clock:${port.runtime} ${port.version}`,
    `multiplexing_api:${port.ioAdapter}`,
    "gcc_version:0.0.0",
    `process_id:${port.pid}`,
    `process_supervised:${server.supervisor}`,
    `run_id:${server.runId}`,
    `tcp_port:${config.number("port")}`,
    `server_time_usec:${Math.floor(now)}`,
    `uptime_in_seconds:${uptime}`,
    `uptime_in_days:${Math.floor(uptime / 86400)}`,
    `hz:${hz}`,
    `configured_hz:${hz}`,
    `clients_hz:${hz}`,
    `lru_clock:${Math.floor(now / 1e6) & CLOCK_MASK}`,
    `executable:${programPath(port)}`,
    `config_file:${config.file ?? ""}`,
    "io_threads_active:0",
    `availability_zone:${config.text("availability-zone")}`,
  ];
  const left = server.shutdown.millisecondsLeft();
  if (left !== undefined) lines.push(`shutdown_in_milliseconds:${left}`);
  return [...lines, ...listeners(server)];
}

function listeners(server: Server): string[] {
  const { config } = server;
  const lines: string[] = [];
  const tcpPort = config.number("port");
  const binds = config.text("bind").split(" ").filter((word) => word !== "");
  if (tcpPort !== 0 && binds.length > 0) {
    lines.push(`listener0:name=tcp${binds.map((word) => `,bind=${word}`).join("")},port=${tcpPort}`);
  }
  const tlsPort = config.number("tls-port");
  if (tlsPort !== 0 && binds.length > 0) {
    lines.push(`listener2:name=tls${binds.map((word) => `,bind=${word}`).join("")},port=${tlsPort}`);
  }
  const path = config.text("unixsocket");
  if (path !== "") lines.push(`listener1:name=unix,bind=${path}`);
  return lines;
}

/** Clients */
export function clientsSection(server: Server): string[] {
  const { core, config } = server;
  const left = core.i64(core.rootAddress(ROOT.pauseUntilMs)) - Math.floor(server.nowUs() / 1000);
  const mode = left > 0 ? core.root32(ROOT.pauseMode) : 0;
  const peaks = server.stats.bufferPeaks();
  return [
    `connected_clients:${server.connections.size}`,
    "cluster_connections:0",
    `maxclients:${config.number("maxclients")}`,
    `client_recent_max_input_buffer:${peaks.input}`,
    `client_recent_max_output_buffer:${peaks.output}`,
    `blocked_clients:${core.root32(ROOT.heldCount) + core.root32(ROOT.blockedCount)}`,
    `tracking_clients:${core.exports.trackingFigure(0)}`,
    `pubsub_clients:${core.root32(ROOT.pubsubClients)}`,
    `watching_clients:${core.root32(ROOT.watchingClients)}`,
    `clients_in_timeout_table:${core.root32(ROOT.blockedHeapLength)}`,
    `total_watched_keys:${core.exports.watchedKeyCount()}`,
    `total_blocking_keys:${core.exports.blockedKeys(0)}`,
    `total_blocking_keys_on_nokey:${core.exports.blockedKeys(1)}`,
    `paused_reason:${mode === 0 ? "none" : "client_pause"}`,
    `paused_actions:${PAUSED[mode]}`,
    `paused_timeout_milliseconds:${mode === 0 ? 0 : left}`,
  ];
}

/** Persistence: nothing is ever saved, so every change since the start is unsaved. */
export function persistenceSection(server: Server): string[] {
  return [
    `loading:${server.loading ? 1 : 0}`,
    "async_loading:0",
    "current_cow_peak:0",
    "current_cow_size:0",
    "current_cow_size_age:0",
    "current_fork_perc:0.00",
    "current_save_keys_processed:0",
    "current_save_keys_total:0",
    `rdb_changes_since_last_save:${server.core.root64(ROOT.dirty)}`,
    "rdb_bgsave_in_progress:0",
    `rdb_last_save_time:${Math.floor(server.startedUs / 1e6)}`,
    "rdb_last_bgsave_status:ok",
    "rdb_last_bgsave_time_sec:-1",
    "rdb_current_bgsave_time_sec:-1",
    "rdb_saves:0",
    "rdb_last_cow_size:0",
    "rdb_last_load_keys_expired:0",
    "rdb_last_load_keys_loaded:0",
    "aof_enabled:0",
    "aof_rewrite_in_progress:0",
    "aof_rewrite_scheduled:0",
    "aof_last_rewrite_time_sec:-1",
    "aof_current_rewrite_time_sec:-1",
    "aof_last_bgrewrite_status:ok",
    "aof_rewrites:0",
    "aof_rewrites_consecutive_failures:0",
    "aof_last_write_status:ok",
    "aof_last_cow_size:0",
    "module_fork_in_progress:0",
    "module_fork_last_cow_size:0",
    "slot_migration_fork_in_progress:0",
  ];
}

/** Replication: a primary without replicas. */
export function replicationSection(server: Server): string[] {
  const { config } = server;
  const minimum = config.number("min-replicas-to-write") > 0 && config.number("min-replicas-max-lag") > 0;
  return [
    "role:master",
    "connected_slaves:0",
    ...(minimum ? ["min_slaves_good_slaves:0"] : []),
    "replicas_waiting_psync:0",
    "master_failover_state:no-failover",
    `master_replid:${server.replicationId}`,
    `master_replid2:${"0".repeat(40)}`,
    "master_repl_offset:0",
    "second_repl_offset:-1",
    "repl_backlog_active:0",
    `repl_backlog_size:${config.number("repl-backlog-size")}`,
    "repl_backlog_first_byte_offset:0",
    "repl_backlog_histlen:0",
  ];
}

/** CPU */
export function cpuSection(server: Server): string[] {
  const usage = server.port.cpuUsage();
  return [
    `used_cpu_sys:${seconds(usage.systemUs)}`,
    `used_cpu_user:${seconds(usage.userUs)}`,
    `used_cpu_sys_children:${seconds(usage.systemChildrenUs)}`,
    `used_cpu_user_children:${seconds(usage.userChildrenUs)}`,
    `used_cpu_sys_main_thread:${seconds(usage.systemMainThreadUs)}`,
    `used_cpu_user_main_thread:${seconds(usage.userMainThreadUs)}`,
    `used_active_time_main_thread:${seconds(server.stats.cyclesUs)}`,
  ];
}

/** Keyspace */
export function keyspaceSection(server: Server): string[] {
  const lines: string[] = [];
  for (let i = 0; i < server.core.databaseCount; i++) {
    const { keys, expires, averageTtl, volatile } = server.core.databaseFacts(i);
    if (keys === 0 && expires === 0) continue;
    lines.push(`db${i}:keys=${keys},expires=${expires},avg_ttl=${averageTtl},keys_with_volatile_items=${volatile}`);
  }
  return lines;
}
