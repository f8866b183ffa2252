// core-settings: which directives the core needs, under which names, as plain numbers.
//
//     directive                    setting                           number
//     maxmemory                    maxmemory                         bytes
//     appendonly, lazyfree-...     camel case of the directive       0 or 1
//     maxmemory-policy             maxmemoryPolicy                   index in MAXMEMORY_POLICIES
//     notify-keyspace-events       notifyKeyspaceEvents              bits of special.ts
//     client-output-buffer-limit   outputHardNormal, outputSoftNormal, outputSoftSecondsNormal, ...Replica, ...Pubsub
//
// The server maps names to the core's setting ids; a name that its core doesn't know is passed over. Numbers above 2^53
// are rounded, which only concerns limits that mean "no limit".

import type { Config } from "./config.ts";
import type { BufferLimits } from "./special.ts";

interface CoreSetting {
  readonly directive: string;
  readonly setting: string;
  read(config: Config): number;
}

const camel = (name: string) => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A setting that is its directive's number. */
function plain(directive: string): CoreSetting {
  return { directive, setting: camel(directive), read: (config) => config.number(directive) };
}

/** A setting that is 1 for yes. */
function flag(directive: string): CoreSetting {
  return { directive, setting: camel(directive), read: (config) => (config.boolean(directive) ? 1 : 0) };
}

/** The three settings of each class of clients. */
function bufferLimits(): CoreSetting[] {
  const directive = "client-output-buffer-limit";
  return ["Normal", "Replica", "Pubsub"].flatMap((group, i): CoreSetting[] => {
    const limit = (config: Config) => config.value<BufferLimits>(directive)[i];
    return [
      { directive, setting: `outputHard${group}`, read: (config) => Number(limit(config).hard) },
      { directive, setting: `outputSoft${group}`, read: (config) => Number(limit(config).soft) },
      { directive, setting: `outputSoftSeconds${group}`, read: (config) => limit(config).seconds },
    ];
  });
}

export const CORE_SETTINGS: readonly CoreSetting[] = [
  ...[
    "maxmemory", "maxmemory-policy", "maxmemory-samples", "maxmemory-eviction-tenacity", "maxmemory-clients",
    "lfu-log-factor", "lfu-decay-time", "active-expire-effort", "hz", "maxclients", "timeout", "proto-max-bulk-len",
    "client-query-buffer-limit", "tracking-table-max-keys", "notify-keyspace-events", "busy-reply-threshold",
    "hash-max-listpack-entries", "hash-max-listpack-value", "list-max-listpack-size", "list-compress-depth",
    "set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value", "zset-max-listpack-entries",
    "zset-max-listpack-value", "hll-sparse-max-bytes", "stream-node-max-bytes", "stream-node-max-entries",
    "commandlog-execution-slower-than", "commandlog-request-larger-than", "commandlog-reply-larger-than",
    "latency-monitor-threshold", "min-replicas-to-write", "min-replicas-max-lag",
    "min-string-size-avoid-copy-reply", "rdb-version-check",
  ].map(plain),
  ...[
    "lazyfree-lazy-eviction", "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush", "activerehashing", "latency-tracking", "extended-redis-compatibility",
    "replica-read-only", "replica-serve-stale-data", "replica-ignore-maxmemory", "import-mode", "cluster-enabled",
    "rdbcompression",
  ].map(flag),
  ...bufferLimits(),
];

/** Sends every setting now, and each again after CONFIG SET changed it. A text from `send` refuses the change. */
export function connectCoreSettings(
  config: Config, send: (setting: string, value: number) => string | undefined,
): void {
  for (const { directive, setting, read } of CORE_SETTINGS) {
    send(setting, read(config));
    config.onChange(directive, () => send(setting, read(config)));
  }
}
