// shutdown.ts - the handlers of SHUTDOWN and LASTSAVE.
//
// Not for how a server ends: server/shutdown.ts.

import { describeForLog } from "../clients/describe.ts";
import { CMD } from "../generated/commands.ts";
import { shutdownFlags } from "../shutdown.ts";
import type { HostHandler } from "./registry.ts";
import { BUSY_FUNCTION, BUSY_SCRIPT } from "./script.ts";

const WORDS = ["nosave", "save", "now", "force", "abort", "safe", "failover"];

/** SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [SAFE] [FAILOVER] | SHUTDOWN ABORT */
const shutdownCommand: HostHandler = (server, connection, args, reply) => {
  const words = args.slice(1).map((arg) => String.fromCharCode(...arg).toLowerCase());
  const isAbort = words.includes("abort");
  const contradicts = (isAbort && words.some((word) => word !== "abort")) ||
    (words.includes("save") && words.includes("nosave"));
  if (contradicts || words.some((word) => !WORDS.includes(word))) return reply.error("ERR syntax error");
  if (words.includes("failover")) return reply.error("ERR SHUTDOWN FAILOVER is only supported in cluster mode.");
  if (isAbort) {
    if (server.shutdown.abort()) reply.ok();
    else reply.error("ERR No shutdown in progress.");
    return;
  }
  const { running } = server.scripts;
  if (server.isScriptBusy && !words.includes("nosave")) {
    return reply.error(running?.isFunction ? BUSY_FUNCTION : BUSY_SCRIPT);
  }
  const from = describeForLog(server, connection);
  if (!server.shutdown.begin(shutdownFlags(words), from)) reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
};

/** LASTSAVE: the time of the start, as long as nothing saves. */
const lastSaveCommand: HostHandler = (server, _connection, _args, reply) => {
  reply.int(Math.floor(server.startedUs / 1e6));
};

export const SHUTDOWN_HANDLERS = { [CMD.SHUTDOWN]: shutdownCommand, [CMD.LASTSAVE]: lastSaveCommand };
