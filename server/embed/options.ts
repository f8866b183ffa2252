// options.ts - what an in-process server can be opened with, and the configuration made of it.

import { Config } from "../config/config.ts";
import { CORE_SETTINGS } from "../config/core-settings.ts";
import type { ConfigHost } from "../config/host.ts";
import { ConfigError, loadText } from "../config/load.ts";
import { quote } from "../config/syntax.ts";
import { fromText } from "../config/text.ts";

export interface WakeyOptions {
  /** Makes hashes and random choices repeatable. */
  seed?: number;
  /** A virtual clock that begins at this time (milliseconds since 1970) and moves with advanceTime() only. */
  now?: number | Date;
  /** Number of databases; 16 unless said. */
  databases?: number;
  /** RESP version of the in-process calls: 3 (maps, sets, doubles, booleans) unless said. */
  resp?: 2 | 3;
  /** Most bytes of memory that the core may have; 4 GiB unless said. (config.maxmemory is the limit that evicts.) */
  maximumMemory?: number;
  /** Directives as in valkey.conf: { maxmemory: "10mb", "maxmemory-policy": "allkeys-lru" }. */
  config?: Record<string, string | number | boolean>;
  /** Gets the lines of the server's log; it is silent without. */
  log?: (line: string) => void;
}

/** Directives that belong to a place, not to a state: a snapshot doesn't carry them along. */
export const LOCAL_DIRECTIVES: ReadonlySet<string> = new Set([
  "port", "bind", "bind-source-addr", "unixsocket", "unixsocketperm", "unixsocketgroup", "tcp-backlog", "logfile",
  "loglevel", "pidfile", "daemonize", "io-adapter",
]);

function valueText(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

/** The configuration that the options ask for. Throws an Error with Valkey's words about what is wrong. */
export function configOf(host: ConfigHost, options: WakeyOptions): Config {
  const config = new Config(host);
  const directives: Record<string, string | number | boolean> = { ...options.config };
  if (options.databases !== undefined) directives.databases = options.databases;
  const lines = Object.entries(directives).map(([name, value]) => `${name} ${quote(fromText(valueText(value)))}`);
  try {
    loadText(config, lines.join("\n"));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [where, why] = error.message.trim().split("\n").slice(-2);
    throw new Error(`config: ${where.replace(/^>>> /, "")}: ${why}`, { cause: error });
  }
  return config;
}

/** The core's settings under the default configuration, for servers that nobody asks about their configuration. */
export function defaultSettings(host: ConfigHost): (readonly [name: string, value: number])[] {
  const config = new Config(host);
  return CORE_SETTINGS.map(({ setting, read }) => [setting, read(config)] as const);
}
