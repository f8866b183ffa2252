// info.ts - the handler of INFO. Its text is made in server/info/.

import { CMD } from "../generated/commands.ts";
import { infoText } from "../info/info.ts";
import type { HostHandler } from "./registry.ts";

/** INFO [section ...] */
const infoCommand: HostHandler = (server, _connection, args, reply) => {
  reply.verbatim("txt", infoText(server, args.slice(1).map((arg) => String.fromCharCode(...arg))));
};

export const INFO_HANDLERS = { [CMD.INFO]: infoCommand };
