// monitor.ts - the handler of MONITOR. The core writes the lines; it has to be told who is who.

import { toBytes } from "../config/text.ts";
import type { Connection } from "../connection/connection.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import { CLIENT_INTERNAL, CLIENT_MONITOR, CLIENT_MULTI, CLIENT_UNIX_SOCKET, ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";

/** Tells the core a connection's address, as monitors show it. */
export function tellPeer(server: Server, connection: Connection): void {
  const isUnix = (connection.flags & CLIENT_UNIX_SOCKET) !== 0;
  const peer = toBytes(isUnix ? `unix:${connection.local.replace(/:0$/, "")}` : connection.remote);
  server.core.withBytes(peer, (at, length) => server.core.exports.clientSetPeer(connection.client, at, length));
}

/** True while somebody monitors: new connections have to be told of, too. */
export function isMonitored(server: Server): boolean {
  return server.core.root32(ROOT.monitorCount) > 0;
}

/** MONITOR */
function monitorCommand(
  server: Server, connection: Connection, _args: readonly Uint8Array[], reply: ReplyWriter,
): void {
  const { flags } = connection;
  if (flags & (CLIENT_MULTI | CLIENT_INTERNAL)) {
    return reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  }
  // As in Valkey a second MONITOR has no reply.
  if (flags & CLIENT_MONITOR) return;
  if (!isMonitored(server)) for (const other of server.connections.values()) tellPeer(server, other);
  if (server.core.exports.monitorStart(connection.client) === 0) return reply.error("OOM out of memory");
  reply.ok();
}

/** The handler above by command id. */
export const MONITOR_HANDLERS = { [CMD.MONITOR]: monitorCommand };
