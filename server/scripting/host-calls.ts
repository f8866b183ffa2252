// host-calls.ts - commands of a script that the host runs: INFO, CONFIG, COMMAND, ...
//
// They see the script's client in place of a connection; their replies go where the core's would. Not for the core's
// commands, which never leave it.

import { runHandler } from "../commands/registry.ts";
import { Connection } from "../connection/connection.ts";
import { ReplyWriter } from "../connection/reply-writer.ts";
import { ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";

const WAITS = "ERR this command takes its time: it can't be run from a script";

/** The script's client as a connection, with what the caller's connection knows of itself. */
export function scriptConnection(server: Server, client: number, caller: Connection): Connection {
  const connection = new Connection(server, client);
  connection.socket = caller.socket;
  connection.isLocal = caller.isLocal;
  connection.name = caller.name;
  connection.libName = caller.libName;
  connection.libVersion = caller.libVersion;
  return connection;
}

/** Runs the command that the core left to the host for script client `client`; returns CALL_. */
export function runHostCommand(server: Server, client: number, caller: Connection): number {
  const { core } = server;
  const id = core.root32(ROOT.currentCommand);
  const reply = new ReplyWriter(core.client32(client, "resp") === 3 ? 3 : 2);
  const connection = scriptConnection(server, client, caller);
  const result = runHandler(server, connection, id, core.args(), reply);
  if (result !== undefined) {
    reply.take();
    reply.error(WAITS);
  }
  connection.socket = undefined;
  const { failed } = reply;
  const bytes = reply.take();
  if (failed) server.countErrors(bytes);
  core.reply(client, bytes);
  return core.exports.scriptDone(failed ? 1 : 0);
}
