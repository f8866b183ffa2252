// config: the handlers of CONFIG GET, SET, REWRITE, RESETSTAT and HELP.
//
// They take the whole argument vector (CONFIG GET a b: four arguments), translate to Config's calls and write the
// reply. The number of arguments was checked against the command's specification before. No policy lives here.

import type { Config } from "../config/config.ts";
import { fromBytes, toBytes } from "../config/text.ts";

/** What these handlers need of a server. */
export interface ConfigServer {
  readonly config: Config;
  /** True while the data set is loaded. */
  readonly loading?: boolean;
  /** Sets the counters of INFO, of commands and of errors to zero. */
  resetStatistics?(): void;
}

/** What these handlers need of a connection. */
export interface ConfigConnection {
  /** Loopback or unix socket. */
  readonly isLocal?: boolean;
}

/** The part of a reply writer that is used here. */
export interface ConfigReply {
  ok(): void;
  /** The whole error line without its dash: "ERR text". */
  error(line: string | Uint8Array): void;
  map(entries: number): void;
  array(length: number): void;
  bulk(value: Uint8Array | string): void;
  simple(text: string): void;
}

const HELP = [
  "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "GET <pattern>",
  "    Return parameters matching the glob-like <pattern> and their values.",
  "SET <directive> <value>",
  "    Set the configuration <directive> to <value>.",
  "RESETSTAT",
  "    Reset statistics reported by the INFO command.",
  "REWRITE",
  "    Rewrite the configuration file.",
  "HELP",
  "    Print this help.",
];

/** CONFIG GET pattern [pattern ...] */
export function configGetCommand(
  server: ConfigServer, _connection: ConfigConnection, args: readonly Uint8Array[], reply: ConfigReply,
): void {
  const rows = server.config.getMatching(args.slice(2).map(fromBytes));
  reply.map(rows.length);
  for (const [name, value] of rows) {
    reply.bulk(toBytes(name));
    reply.bulk(toBytes(value));
  }
}

/** CONFIG SET directive value [directive value ...] */
export function configSetCommand(
  server: ConfigServer, connection: ConfigConnection, args: readonly Uint8Array[], reply: ConfigReply,
): void {
  if (args.length % 2 !== 0) return reply.error("ERR syntax error");
  const pairs: [string, string][] = [];
  for (let i = 2; i < args.length; i += 2) pairs.push([fromBytes(args[i]), fromBytes(args[i + 1])]);
  const setter = { local: connection.isLocal === true, loading: server.loading === true };
  const error = server.config.set(pairs, setter);
  if (error === undefined) reply.ok();
  else reply.error(toBytes(error.replace(/[\r\n]/g, " ")));
}

/** The positions of a CONFIG SET's secret values, to be hidden from logs and MONITOR. */
export function secretArguments(config: Config, args: readonly Uint8Array[]): number[] {
  const positions: number[] = [];
  for (let i = 3; i < args.length; i += 2) if (config.isSensitive(fromBytes(args[i - 1]))) positions.push(i);
  return positions;
}

/** CONFIG REWRITE */
export function configRewriteCommand(
  server: ConfigServer, _connection: ConfigConnection, _args: readonly Uint8Array[], reply: ConfigReply,
): void {
  const error = server.config.rewrite();
  if (error === undefined) reply.ok();
  else reply.error(error);
}

/** CONFIG RESETSTAT */
export function configResetStatCommand(
  server: ConfigServer, _connection: ConfigConnection, _args: readonly Uint8Array[], reply: ConfigReply,
): void {
  server.resetStatistics?.();
  reply.ok();
}

/** CONFIG HELP */
export function configHelpCommand(
  _server: ConfigServer, _connection: ConfigConnection, _args: readonly Uint8Array[], reply: ConfigReply,
): void {
  reply.array(HELP.length);
  for (const line of HELP) reply.simple(line);
}
