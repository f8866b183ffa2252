// general: directives about the process, logs, users, observation, scripts, and Wakey's own.
//
// A table: name, bounds, default, flags. Kinds and their texts are in ../directive.ts.

import { boolean, choice, INT_MAX, int, LONG_MAX, number, oneOf, string } from "../directive.ts";
import type { AnyDirective } from "../directive.ts";
import { hashSeed, shutdownFlags, titleTemplate } from "../checks.ts";
import { latencyTrackingInfoPercentiles, notifyKeyspaceEvents, oomScoreAdjValues } from "../special.ts";

const IMMUTABLE = { immutable: true };
const HIDDEN = { hidden: true };
const PERMISSIONS = ["no", "yes", "local"];
const SHUTDOWN_FLAGS: [string, number][] = [
  ["default", 0], ["save", 1], ["nosave", 2], ["now", 4], ["force", 8], ["safe", 16], ["failover", 32],
];
const FACILITIES = ["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/** hz is a hint: it is taken from 1 to 500. */
function clampHz(hz: bigint): bigint {
  return hz < 1n ? 1n : hz > 500n ? 500n : hz;
}

/** Length of one of the command logs. */
function logLength(name: string, alias?: string) {
  return number(name, 0, LONG_MAX, 128, { unsigned: true, alias });
}

export const general: AnyDirective[] = [
  boolean("daemonize", false, IMMUTABLE),
  oneOf("supervised", ["upstart", "systemd", "auto", "no"], "no", IMMUTABLE),
  string("pidfile", null, IMMUTABLE),
  int("databases", 1, INT_MAX, 16, IMMUTABLE),
  int("hz", 0, INT_MAX, 10, { clamp: clampHz }),
  boolean("always-show-logo", false, IMMUTABLE),
  boolean("set-proc-title", true, IMMUTABLE),
  string("proc-title-template", "{title} {listen-addr} {server-mode}", {}, titleTemplate),
  string("locale-collate", ""),
  string("hash-seed", null, { immutable: true, binary: true }, hashSeed),
  string("server-cpulist", null, { immutable: true, alias: "server_cpulist" }),
  string("bio-cpulist", null, { immutable: true, alias: "bio_cpulist" }),
  choice("oom-score-adj", [["no", 0], ["yes", 1], ["relative", 1], ["absolute", 2]], "no"),
  oomScoreAdjValues,
  boolean("disable-thp", true, IMMUTABLE),
  string("ignore-warnings", ""),
  choice("shutdown-on-sigint", SHUTDOWN_FLAGS, "default", { multiple: true }, shutdownFlags),
  choice("shutdown-on-sigterm", SHUTDOWN_FLAGS, "default", { multiple: true }, shutdownFlags),
  int("shutdown-timeout", 0, INT_MAX, 10),
  boolean("extended-redis-compatibility", false),

  oneOf("loglevel", ["debug", "verbose", "notice", "warning", "nothing"], "notice"),
  string("logfile", "", IMMUTABLE),
  oneOf("log-format", ["legacy", "logfmt", "json"], "legacy"),
  oneOf("log-timestamp-format", ["legacy", "iso8601", "milliseconds"], "legacy"),
  boolean("hide-user-data-from-log", true),
  boolean("syslog-enabled", false, IMMUTABLE),
  string("syslog-ident", "valkey", IMMUTABLE),
  oneOf("syslog-facility", FACILITIES, "local0", IMMUTABLE),
  boolean("crash-log-enabled", true),
  boolean("crash-memcheck-enabled", true),
  boolean("use-exit-on-panic", false, HIDDEN),
  int("watchdog-period", 0, INT_MAX, 0, HIDDEN),
  string("debug-context", "", HIDDEN),
  boolean("enable-debug-assert", false, { immutable: true, hidden: true }),

  string("aclfile", "", IMMUTABLE),
  string("requirepass", null, { sensitive: true, binary: true }),
  choice("acl-pubsub-default", [["allchannels", 1], ["resetchannels", 0]], "resetchannels"),
  number("acllog-max-len", 0, LONG_MAX, 128, { unsigned: true }),
  oneOf("enable-protected-configs", PERMISSIONS, "no", IMMUTABLE),
  oneOf("enable-debug-command", PERMISSIONS, "no", IMMUTABLE),
  oneOf("enable-module-command", PERMISSIONS, "no", IMMUTABLE),

  notifyKeyspaceEvents,
  boolean("latency-tracking", true),
  latencyTrackingInfoPercentiles,
  number("latency-monitor-threshold", 0, LONG_MAX, 0),
  number("commandlog-execution-slower-than", -1, LONG_MAX, 10000, { alias: "slowlog-log-slower-than" }),
  number("commandlog-request-larger-than", -1, LONG_MAX, 1024 * 1024),
  number("commandlog-reply-larger-than", -1, LONG_MAX, 1024 * 1024),
  logLength("commandlog-slow-execution-max-len", "slowlog-max-len"),
  logLength("commandlog-large-request-max-len"),
  logLength("commandlog-large-reply-max-len"),

  number("busy-reply-threshold", 0, LONG_MAX, 5000, { alias: "lua-time-limit" }),
  boolean("lua-enable-insecure-api", false, { hidden: true, protected: true, alias: "lua-enable-deprecated-api" }),
];

/**
 * Directives that Valkey doesn't have. Hidden, so that CONFIG GET * lists what a Valkey tool expects and CONFIG SET of
 * everything that was listed works.
 */
export const own: AnyDirective[] = [
  oneOf("io-adapter", ["auto", "portable", "epoll"], "auto", { immutable: true, hidden: true }),
  int("admin-port", 0, 65535, 0, { immutable: true, hidden: true }),
];
