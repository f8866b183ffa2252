// registry.ts - the commands that the host runs, by id.
//
// A handler gets the server, the connection, copies of all arguments and a reply writer. One that returns a promise
// holds its connection's input back until it is done. Adding a command means its spec, its handler and its test; the
// handler's module exports a table by id, which is named here once.

import type { Connection } from "../connection/connection.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import type { Server } from "../server.ts";
import { ACL_HANDLERS } from "./acl.ts";
import { AUTH_HANDLERS } from "./auth.ts";
import { CLIENT_HANDLERS } from "./client.ts";
import { CLUSTER_OFF_HANDLERS } from "./cluster-off.ts";
import { COMMAND_HANDLERS } from "./command.ts";
import { COMMANDLOG_HANDLERS } from "./commandlog.ts";
import { CONFIG_HANDLERS } from "./config.ts";
import { DEBUG_HANDLERS } from "./debug.ts";
import { FUNCTION_HANDLERS } from "./function.ts";
import { HELP_HANDLERS } from "./help.ts";
import { HOTKEYS_HANDLERS } from "./hotkeys.ts";
import { INFO_HANDLERS } from "./info.ts";
import { LATENCY_HANDLERS } from "./latency.ts";
import { lolwutCommand } from "./lolwut.ts";
import { MEMORY_HANDLERS } from "./memory.ts";
import { MIGRATE_HANDLERS } from "./migrate.ts";
import { MONITOR_HANDLERS } from "./monitor.ts";
import { SCRIPT_HANDLERS } from "./script.ts";
import { SHUTDOWN_HANDLERS } from "./shutdown.ts";
import { TRACKING_HANDLERS } from "./tracking.ts";

export type HostHandler = (
  server: Server, connection: Connection, args: readonly Uint8Array[], reply: ReplyWriter,
) => void | Promise<void>;

/** Every host command's handler by id. */
const HOST_HANDLERS: Readonly<Record<number, HostHandler>> = {
  ...ACL_HANDLERS,
  ...AUTH_HANDLERS,
  ...CLIENT_HANDLERS,
  ...CLUSTER_OFF_HANDLERS,
  ...COMMAND_HANDLERS,
  ...FUNCTION_HANDLERS,
  ...HELP_HANDLERS,
  ...CONFIG_HANDLERS,
  ...COMMANDLOG_HANDLERS,
  ...DEBUG_HANDLERS,
  ...HOTKEYS_HANDLERS,
  ...INFO_HANDLERS,
  ...LATENCY_HANDLERS,
  ...MEMORY_HANDLERS,
  ...MIGRATE_HANDLERS,
  ...MONITOR_HANDLERS,
  ...SCRIPT_HANDLERS,
  ...SHUTDOWN_HANDLERS,
  ...TRACKING_HANDLERS,
  [CMD.LOLWUT]: lolwutCommand,
};

/** Runs the handler of command `id`. */
export function runHandler(
  server: Server, connection: Connection, id: number, args: readonly Uint8Array[], reply: ReplyWriter,
): void | Promise<void> {
  const handler = HOST_HANDLERS[id];
  if (handler !== undefined) return handler(server, connection, args, reply);
  return reply.error(`ERR '${server.commands.nameOf(id)}' is not supported by this server`);
}
