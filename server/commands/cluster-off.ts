// cluster-off.ts - commands of a cluster's clients on a server that isn't part of one: valkey-cli sends READONLY before
// it scans keys, and takes this very error as "go on".
//
// Not for Cluster itself.

import { CMD } from "../generated/commands.ts";
import type { HostHandler } from "./registry.ts";

/** READONLY, READWRITE, ASKING */
const clusterIsOff: HostHandler = (_server, _connection, _args, reply) => {
  reply.error("ERR This instance has cluster support disabled");
};

export const CLUSTER_OFF_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.ASKING]: clusterIsOff,
  [CMD.READONLY]: clusterIsOff,
  [CMD.READWRITE]: clusterIsOff,
};
