// script.ts - SCRIPT LOAD, EXISTS, FLUSH, KILL, SHOW and DEBUG.
//
// Not for running scripts: server/scripting/engine.ts.

import { fromBytes, lower, toBytes } from "../config/text.ts";
import { CMD } from "../generated/commands.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import type { Server } from "../server.ts";
import type { HostHandler } from "./registry.ts";

const NO_SCRIPT = "NOSCRIPT No matching script.";
const NOT_BUSY = "NOTBUSY No scripts in execution right now.";
const UNKILLABLE = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either " +
  "wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
/** The errors of other clients while a script or function is busy; the core says the same. */
export const BUSY_SCRIPT = "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
export const BUSY_FUNCTION =
  "BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

/** SCRIPT LOAD script */
const loadCommand: HostHandler = (server, _connection, args, reply) => {
  const script = server.scripts.register(fromBytes(args[2]), false);
  if (typeof script === "string") reply.error(toBytes(script));
  else reply.bulk(script.sha);
};

/** SCRIPT EXISTS sha1 [sha1 ...] */
const existsCommand: HostHandler = (server, _connection, args, reply) => {
  reply.array(args.length - 2);
  for (const sha of args.slice(2)) {
    reply.int(server.scripts.cache.findSha(lower(fromBytes(sha))) === undefined ? 0 : 1);
  }
};

/** SCRIPT FLUSH [ASYNC | SYNC] */
const flushCommand: HostHandler = (server, _connection, args, reply) => {
  const mode = args.length > 2 ? lower(fromBytes(args[2])) : "sync";
  if (args.length > 3 || (mode !== "sync" && mode !== "async")) {
    return reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  }
  server.scripts.flush();
  reply.ok();
};

/** SCRIPT SHOW sha1 */
const showCommand: HostHandler = (server, _connection, args, reply) => {
  const script = server.scripts.cache.findSha(lower(fromBytes(args[2])));
  if (script === undefined) reply.error(NO_SCRIPT);
  else reply.bulk(toBytes(script.text));
};

/** Ends the script or function that runs; each of the two KILL commands does only its own kind. */
export function killRunning(server: Server, isFunction: boolean, reply: ReplyWriter): void {
  const { running } = server.scripts;
  if (running === undefined) return reply.error(NOT_BUSY);
  if (server.scripts.hasWritten) return reply.error(UNKILLABLE);
  if (running.isFunction !== isFunction) return reply.error(running.isFunction ? BUSY_FUNCTION : BUSY_SCRIPT);
  server.scripts.kill();
  reply.ok();
}

/** SCRIPT KILL */
const killCommand: HostHandler = (server, _connection, _args, reply) => killRunning(server, false, reply);

/** SCRIPT DEBUG YES | SYNC | NO [engine] */
const debugCommand: HostHandler = (_server, _connection, args, reply) => {
  const engine = args.length > 3 ? fromBytes(args[3]) : "lua";
  if (lower(engine) !== "lua") {
    return reply.error(toBytes(`ERR No scripting engine found with name '${engine}' to enable debug`));
  }
  const mode = lower(fromBytes(args[2]));
  if (mode === "no") reply.ok();
  else if (mode === "yes" || mode === "sync") reply.error("ERR this server has no debugger for scripts");
  else reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
};

export const SCRIPT_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.SCRIPT_LOAD]: loadCommand,
  [CMD.SCRIPT_EXISTS]: existsCommand,
  [CMD.SCRIPT_FLUSH]: flushCommand,
  [CMD.SCRIPT_SHOW]: showCommand,
  [CMD.SCRIPT_KILL]: killCommand,
  [CMD.SCRIPT_DEBUG]: debugCommand,
};
