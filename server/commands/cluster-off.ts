// cluster-off.ts - commands of a cluster's clients on a server that isn't part of one: valkey-cli sends READONLY before
// it scans keys.
//
// Not for Cluster itself.

import { CMD } from "../generated/commands.ts";
import type { HostHandler } from "./registry.ts";

/** ASKING */
const clusterIsOff: HostHandler = (_server, _connection, _args, reply) => {
  reply.error("ERR This instance has cluster support disabled");
};

/** READONLY and READWRITE: what the client wants is kept for CLIENT LIST; there is no replica that it would concern. */
const readOnly = (wanted: boolean): HostHandler => (_server, connection, _args, reply) => {
  connection.isReadOnly = wanted;
  reply.ok();
};

export const CLUSTER_OFF_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.ASKING]: clusterIsOff,
  [CMD.READONLY]: readOnly(true),
  [CMD.READWRITE]: readOnly(false),
};
