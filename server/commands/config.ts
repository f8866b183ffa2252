// config: the handlers of CONFIG GET, SET, REWRITE and RESETSTAT.
//
// They take the whole argument vector (CONFIG GET a b: four arguments), translate to Config's calls and write the
// reply. The number of arguments was checked against the command's specification before. CONFIG HELP is in help.ts.

import type { Config } from "../config/config.ts";
import { fromBytes, toBytes } from "../config/text.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";

/** What these handlers need of a server. */
interface ConfigServer {
  readonly config: Config;
  /** True while the data set is loaded. */
  readonly loading?: boolean;
  /** Sets the counters of INFO, of commands and of errors to zero. */
  resetStatistics?(): void;
}

/** What these handlers need of a connection. */
interface ConfigConnection {
  /** Loopback or unix socket. */
  readonly isLocal?: boolean;
}

/** CONFIG GET pattern [pattern ...] */
export function configGetCommand(
  server: ConfigServer, _connection: ConfigConnection, args: readonly Uint8Array[], reply: ReplyWriter,
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
  server: ConfigServer, connection: ConfigConnection, args: readonly Uint8Array[], reply: ReplyWriter,
): void | Promise<void> {
  if (args.length % 2 !== 0) return reply.error("ERR syntax error");
  const pairs: [string, string][] = [];
  for (let i = 2; i < args.length; i += 2) pairs.push([fromBytes(args[i]), fromBytes(args[i + 1])]);
  const setter = { local: connection.isLocal === true, loading: server.loading === true };
  const answer = (error: string | undefined) => (error === undefined ? reply.ok() : reply.error(toBytes(error)));
  const outcome = server.config.set(pairs, setter);
  if (outcome instanceof Promise) return outcome.then(answer);
  answer(outcome);
}

/** The positions of a CONFIG SET's secret values, to be hidden from logs and MONITOR. */
export function secretArguments(config: Config, args: readonly Uint8Array[]): number[] {
  const positions: number[] = [];
  for (let i = 3; i < args.length; i += 2) if (config.isSensitive(fromBytes(args[i - 1]))) positions.push(i);
  return positions;
}

/** CONFIG REWRITE */
function configRewriteCommand(
  server: ConfigServer, _connection: ConfigConnection, _args: readonly Uint8Array[], reply: ReplyWriter,
): void {
  const error = server.config.rewrite();
  if (error === undefined) reply.ok();
  else reply.error(error);
}

/** CONFIG RESETSTAT */
function configResetStatCommand(
  server: ConfigServer, _connection: ConfigConnection, _args: readonly Uint8Array[], reply: ReplyWriter,
): void {
  server.resetStatistics?.();
  reply.ok();
}

/** The handlers above by command id. */
export const CONFIG_HANDLERS = {
  [CMD.CONFIG_GET]: configGetCommand,
  [CMD.CONFIG_SET]: configSetCommand,
  [CMD.CONFIG_REWRITE]: configRewriteCommand,
  [CMD.CONFIG_RESETSTAT]: configResetStatCommand,
};
