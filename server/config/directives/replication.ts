// replication: directives about replicas and the cluster.
//
// A table: name, bounds, default, flags. Kinds and their texts are in ../directive.ts.

import { boolean, INT_MAX, int, LONG_MAX, number, oneOf, string, ULONG_MAX } from "../directive.ts";
import type { AnyDirective } from "../directive.ts";
import { announcedIp, announcedIpV4, announcedIpV6, hostName, nodeName, noMultipath, notEmpty } from "../checks.ts";
import { replicaof } from "../special.ts";

const IMMUTABLE = { immutable: true };
const HIDDEN = { hidden: true };

/** A backlog of less than 16 KiB isn't made; only CONFIG SET corrects the number that is shown. */
function clampBacklog(size: bigint, loading: boolean): bigint {
  return !loading && size < 16384n ? 16384n : size;
}

export const replication: AnyDirective[] = [
  replicaof,
  string("primaryuser", null, { sensitive: true, alias: "masteruser" }),
  string("primaryauth", null, { sensitive: true, binary: true, alias: "masterauth" }),
  boolean("replica-serve-stale-data", true, { alias: "slave-serve-stale-data" }),
  boolean("replica-read-only", true, { alias: "slave-read-only" }),
  boolean("replica-lazy-flush", true, { alias: "slave-lazy-flush" }),
  boolean("replica-ignore-maxmemory", true, { alias: "slave-ignore-maxmemory" }),
  boolean("replica-ignore-disk-write-errors", false),
  boolean("replica-announced", true),
  string("replica-announce-ip", null, { alias: "slave-announce-ip" }),
  int("replica-announce-port", 0, 65535, 0, { alias: "slave-announce-port" }),
  int("replica-priority", 0, INT_MAX, 100, { alias: "slave-priority" }),
  boolean("repl-disable-tcp-nodelay", false),
  boolean("repl-mptcp", false, IMMUTABLE, noMultipath),
  boolean("repl-diskless-sync", true),
  int("repl-diskless-sync-delay", 0, INT_MAX, 5),
  int("repl-diskless-sync-max-replicas", 0, INT_MAX, 0),
  oneOf("repl-diskless-load", ["disabled", "on-empty-db", "swapdb", "flush-before-load"], "disabled",
    { denyLoading: true }),
  boolean("dual-channel-replication-enabled", false),
  int("repl-timeout", 1, INT_MAX, 60),
  int("repl-ping-replica-period", 1, INT_MAX, 10, { alias: "repl-ping-slave-period" }),
  number("repl-backlog-size", 1, LONG_MAX, 10 * 1024 * 1024, { form: "memory", clamp: clampBacklog }),
  number("repl-backlog-ttl", 0, LONG_MAX, 3600),
  int("min-replicas-to-write", 0, INT_MAX, 0, { alias: "min-slaves-to-write" }),
  int("min-replicas-max-lag", 0, INT_MAX, 10, { alias: "min-slaves-max-lag" }),
  oneOf("propagation-error-behavior", ["ignore", "panic", "panic-on-replicas"], "ignore"),
  boolean("import-mode", false),

  boolean("cluster-enabled", false, IMMUTABLE),
  string("cluster-config-file", "nodes.conf", IMMUTABLE, notEmpty("cluster-config-file")),
  oneOf("cluster-config-save-behavior", ["sync", "best-effort"], "sync"),
  int("cluster-databases", 1, INT_MAX, 1, IMMUTABLE),
  int("cluster-port", 0, 65535, 0, IMMUTABLE),
  number("cluster-node-timeout", 0, LONG_MAX, 15000),
  number("cluster-ping-interval", 0, LONG_MAX, 0, HIDDEN),
  int("cluster-message-gossip-perc", 1, 100, 10, HIDDEN),
  number("cluster-manual-failover-timeout", 1, INT_MAX, 5000),
  number("cluster-blacklist-ttl", 0, ULONG_MAX, 60, { unsigned: true }),
  number("cluster-link-sendbuf-limit", 0, ULONG_MAX, 0, { unsigned: true, form: "memory" }),
  int("cluster-migration-barrier", 0, INT_MAX, 1),
  int("cluster-replica-validity-factor", 0, INT_MAX, 10, { alias: "cluster-slave-validity-factor" }),
  boolean("cluster-replica-no-failover", false, { alias: "cluster-slave-no-failover" }),
  boolean("cluster-require-full-coverage", true),
  boolean("cluster-allow-reads-when-down", false),
  boolean("cluster-allow-pubsubshard-when-down", true),
  boolean("cluster-allow-replica-migration", true),
  boolean("cluster-slot-stats-enabled", false),
  number("cluster-slot-migration-log-max-len", 0, LONG_MAX, 1000, { unsigned: true }),
  number("slot-migration-max-failover-repl-bytes", -1, LONG_MAX, 0, { form: "signed-memory" }),
  oneOf("cluster-preferred-endpoint-type", ["ip", "hostname", "unknown-endpoint"], "ip"),
  string("cluster-announce-ip", null, {}, announcedIp),
  string("cluster-announce-client-ipv4", null, {}, announcedIpV4),
  string("cluster-announce-client-ipv6", null, {}, announcedIpV6),
  string("cluster-announce-hostname", null, {}, hostName),
  string("cluster-announce-human-nodename", null, {}, nodeName),
  int("cluster-announce-port", 0, 65535, 0),
  int("cluster-announce-tls-port", 0, 65535, 0),
  int("cluster-announce-bus-port", 0, 65535, 0),
  int("cluster-announce-client-port", 0, 65535, 0),
  int("cluster-announce-client-tls-port", 0, 65535, 0),
  string("availability-zone", "", { binary: true }),
];
