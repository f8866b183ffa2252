// metrics.ts - INFO as OpenMetrics text, under the names that dashboards for redis_exporter read.
//
// Facts that INFO has as name:value lines become gauges and counters; its lines of key=value pairs (databases,
// commands, errors) become labelled samples. What a server has none of (replicas, a cluster) is left out.

/** What INFO tells as a number. */
const FIELDS: readonly [field: string, metric: string, type: "gauge" | "counter", help: string][] = [
  ["uptime_in_seconds", "uptime_in_seconds", "gauge", "Seconds since the start."],
  ["connected_clients", "connected_clients", "gauge", "Open connections of clients."],
  ["maxclients", "config_maxclients", "gauge", "Connections that are allowed."],
  ["blocked_clients", "blocked_clients", "gauge", "Clients that wait in a blocking command."],
  ["tracking_clients", "tracking_clients", "gauge", "Clients with client-side caching."],
  ["pubsub_clients", "pubsub_clients", "gauge", "Clients in subscriptions."],
  ["watching_clients", "watching_clients", "gauge", "Clients that watch keys."],
  ["used_memory", "memory_used_bytes", "gauge", "Bytes in use."],
  ["used_memory_rss", "memory_used_rss_bytes", "gauge", "Bytes resident."],
  ["used_memory_peak", "memory_used_peak_bytes", "gauge", "Most bytes that were in use."],
  ["used_memory_overhead", "memory_used_overhead_bytes", "gauge", "Bytes that are not data."],
  ["used_memory_startup", "memory_used_startup_bytes", "gauge", "Bytes in use after the start."],
  ["used_memory_dataset", "memory_used_dataset_bytes", "gauge", "Bytes of data."],
  ["used_memory_lua", "memory_used_lua_bytes", "gauge", "Bytes of the script engine."],
  ["maxmemory", "memory_max_bytes", "gauge", "The limit of memory, 0 for none."],
  ["mem_fragmentation_ratio", "mem_fragmentation_ratio", "gauge", "Resident bytes by bytes in use."],
  ["lazyfree_pending_objects", "lazyfree_pending_objects", "gauge", "Dropped values that wait to be freed."],
  ["rdb_changes_since_last_save", "rdb_changes_since_last_save", "gauge", "Changes that no file has."],
  ["loading", "loading_dump_file", "gauge", "1 while a file is loaded."],
  ["total_connections_received", "connections_received_total", "counter", "Connections accepted."],
  ["rejected_connections", "rejected_connections_total", "counter", "Connections refused."],
  ["total_commands_processed", "commands_processed_total", "counter", "Commands run."],
  ["instantaneous_ops_per_sec", "instantaneous_ops_per_sec", "gauge", "Commands a second, lately."],
  ["total_net_input_bytes", "net_input_bytes_total", "counter", "Bytes received."],
  ["total_net_output_bytes", "net_output_bytes_total", "counter", "Bytes sent."],
  ["expired_keys", "expired_keys_total", "counter", "Keys whose time came."],
  ["expired_stale_perc", "expired_stale_percentage", "gauge", "Share of expired keys that are still there, estimated."],
  ["evicted_keys", "evicted_keys_total", "counter", "Keys removed for want of memory."],
  ["keyspace_hits", "keyspace_hits_total", "counter", "Look-ups that found their key."],
  ["keyspace_misses", "keyspace_misses_total", "counter", "Look-ups that did not."],
  ["pubsub_channels", "pubsub_channels", "gauge", "Channels with subscribers."],
  ["pubsub_patterns", "pubsub_patterns", "gauge", "Patterns with subscribers."],
  ["total_error_replies", "total_error_replies", "counter", "Error replies."],
  ["acl_access_denied_auth", "acl_access_denied_auth_total", "counter", "Log-ins that failed."],
  ["acl_access_denied_cmd", "acl_access_denied_cmd_total", "counter", "Commands that users had no right to."],
  ["acl_access_denied_key", "acl_access_denied_key_total", "counter", "Keys that users had no right to."],
  ["acl_access_denied_channel", "acl_access_denied_channel_total", "counter", "Channels that users had no right to."],
  ["used_cpu_sys", "cpu_sys_seconds_total", "counter", "Processor time in the system."],
  ["used_cpu_user", "cpu_user_seconds_total", "counter", "Processor time in the program."],
  ["connected_slaves", "connected_slaves", "gauge", "Replicas."],
];

/** INFO's lines as name → value. */
export function infoFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** "keys=1,expires=0" as name → number. */
function pairs(value: string): Map<string, number> {
  return new Map(value.split(",").map((pair) => {
    const [name, number] = pair.split("=");
    return [name, Number(number)];
  }));
}

/** A label's value: what OpenMetrics wants escaped is. */
function label(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

class Exposition {
  readonly #lines: string[] = [];

  /** One metric with its samples: [labels, value]. OpenMetrics names a counter without its "_total". */
  add(name: string, type: "gauge" | "counter" | "info", help: string, samples: [string, number][]): void {
    if (samples.length === 0) return;
    const isTotal = type === "counter" && name.endsWith("_total");
    const family = `redis_${isTotal ? name.slice(0, -"_total".length) : name}`;
    this.#lines.push(`# TYPE ${family} ${type === "counter" && !isTotal ? "gauge" : type}`, `# HELP ${family} ${help}`);
    const suffix = type === "info" ? "_info" : isTotal ? "_total" : "";
    for (const [labels, value] of samples) this.#lines.push(`${family}${suffix}${labels} ${value}`);
  }

  toString(): string {
    return [...this.#lines, "# EOF", ""].join("\n");
  }
}

/** What INFO EVERYTHING says, as OpenMetrics. */
export function openMetrics(text: string): string {
  const fields = infoFields(text);
  const out = new Exposition();
  out.add("up", "gauge", "The server answers.", [["", 1]]);
  const about = ["redis_version", "valkey_version", "server_name", "redis_mode", "role", "os", "process_id", "run_id"]
    .filter((name) => fields.has(name)).map((name) => `${name}=${label(fields.get(name)!)}`);
  out.add("instance", "info", "What runs here.", [[`{${about.join(",")}}`, 1]]);
  for (const [field, metric, type, help] of FIELDS) {
    const value = Number(fields.get(field)?.replace("%", ""));
    if (fields.has(field) && !Number.isNaN(value)) out.add(metric, type, help, [["", value]]);
  }
  addDatabases(out, fields);
  addCommands(out, fields);
  addLabelled(out, fields, "errorstat_", (name, values) => [`{err=${label(name)}}`, values.get("count") ?? 0],
    "errors_total", "Error replies by their first word.");
  return out.toString();
}

function addLabelled(
  out: Exposition, fields: Map<string, string>, prefix: string,
  sample: (name: string, values: Map<string, number>) => [string, number], metric: string, help: string,
): void {
  const mine = [...fields].filter(([name]) => name.startsWith(prefix));
  out.add(metric, "counter", help, mine.map(([name, value]) => sample(name.slice(prefix.length), pairs(value))));
}

function addDatabases(out: Exposition, fields: Map<string, string>): void {
  const databases = [...fields].filter(([name]) => /^db\d+$/.test(name))
    .map(([name, value]) => [`{db="${name}"}`, pairs(value)] as const);
  const take = (field: string, factor = 1): [string, number][] =>
    databases.map(([labels, values]) => [labels, (values.get(field) ?? 0) * factor]);
  out.add("db_keys", "gauge", "Keys.", take("keys"));
  out.add("db_keys_expiring", "gauge", "Keys with an expiry.", take("expires"));
  out.add("db_avg_ttl_seconds", "gauge", "Mean time to live.", take("avg_ttl", 0.001));
}

function addCommands(out: Exposition, fields: Map<string, string>): void {
  const cmd = (field: string, factor = 1) => (name: string, values: Map<string, number>): [string, number] =>
    [`{cmd=${label(name.replace("|", " "))}}`, (values.get(field) ?? 0) * factor];
  const add = (field: string, metric: string, help: string, factor = 1) =>
    addLabelled(out, fields, "cmdstat_", cmd(field, factor), metric, help);
  add("calls", "commands_total", "Calls of each command.");
  add("usec", "commands_duration_seconds_total", "Time in each command.", 1e-6);
  add("rejected_calls", "commands_rejected_calls_total", "Calls refused before they ran.");
  add("failed_calls", "commands_failed_calls_total", "Calls that ended with an error.");
}
