// client.ts - the handlers of CLIENT's subcommands.
//
// They check arguments, call server/clients/ and reply. CLIENT HELP is in help.ts, client-side caching in tracking.ts.

import { describeConnection } from "../clients/describe.ts";
import { parseFilter } from "../clients/filter.ts";
import { PAUSE } from "../clients/pause.ts";
import { parseInteger } from "../config/syntax.ts";
import { fromBytes, toBytes } from "../config/text.ts";
import type { Connection } from "../connection/connection.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import {
  CLIENT_CAPA_REDIRECT, CLIENT_CLOSE_AFTER_REPLY, CLIENT_IMPORT_SOURCE, CLIENT_NO_EVICT, CLIENT_NO_TOUCH,
  CLIENT_REPLY_OFF, CLIENT_REPLY_SKIP, CLIENT_REPLY_SKIP_NEXT,
} from "../generated/layout.ts";
import type { Server } from "../server.ts";

type Args = readonly Uint8Array[];
type Handler = (server: Server, connection: Connection, args: Args, reply: ReplyWriter) => void;

const SYNTAX = "ERR syntax error";
const NOT_INTEGER = "ERR value is not an integer or out of range";
const BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
const INT64_MAX = 9223372036854775807n;

/** True for what may stand in CLIENT LIST: printable ASCII without spaces. What follows a NUL is not looked at. */
function isPlain(text: string): boolean {
  return /^[!-~]*$/.test(text.split("\0", 1)[0]);
}

const wordOf = (args: Args, i: number) => fromBytes(args[i]).toLowerCase();

/** The error of a name that can't be set, or undefined. */
export function nameError(name: string): string | undefined {
  return isPlain(name) ? undefined : BAD_NAME;
}

/** CLIENT ID */
const idCommand: Handler = (_server, connection, _args, reply) => reply.int(connection.id);

/** CLIENT GETNAME */
const getNameCommand: Handler = (_server, connection, _args, reply) => {
  if (connection.name === "") reply.null();
  else reply.bulk(toBytes(connection.name));
};

/** CLIENT SETNAME name */
const setNameCommand: Handler = (_server, connection, args, reply) => {
  const name = fromBytes(args[2]);
  const error = nameError(name);
  if (error !== undefined) return reply.error(error);
  connection.name = name;
  reply.ok();
};

/** CLIENT SETINFO LIB-NAME|LIB-VER value */
const setInfoCommand: Handler = (_server, connection, args, reply) => {
  const attribute = fromBytes(args[2]);
  const value = fromBytes(args[3]);
  const option = attribute.toLowerCase();
  if (option !== "lib-name" && option !== "lib-ver") {
    return reply.error(toBytes(`ERR Unrecognized option '${attribute.split("\0")[0]}'`));
  }
  if (!isPlain(value)) {
    return reply.error(toBytes(`ERR ${attribute} cannot contain spaces, newlines or special characters.`));
  }
  if (option === "lib-name") connection.libName = value;
  else connection.libVersion = value;
  reply.ok();
};

/** CLIENT INFO */
const infoCommand: Handler = (server, connection, _args, reply) => {
  reply.verbatim("txt", toBytes(describeConnection(server, connection) + "\n"));
};

/** CLIENT LIST [option value ...] */
const listCommand: Handler = (server, connection, args, reply) => {
  if (args.length === 3) return reply.error(SYNTAX);
  const filter = parseFilter(server, args.map(fromBytes), 2, false);
  if (typeof filter === "string") return reply.error(toBytes(filter));
  let text = "";
  for (const other of server.connections.values()) {
    if (filter.matches(server, other, connection)) text += describeConnection(server, other) + "\n";
  }
  reply.verbatim("txt", toBytes(text));
};

/** CLIENT KILL address | CLIENT KILL option value [...] */
const killCommand: Handler = (server, connection, args, reply) => {
  const isOld = args.length === 3;
  const words = isOld ? ["CLIENT", "KILL", "ADDR", fromBytes(args[2])] : args.map(fromBytes);
  const filter = parseFilter(server, words, 2, !isOld);
  if (typeof filter === "string") return reply.error(toBytes(filter));
  const chosen = [...server.connections.values()].filter((other) => filter.matches(server, other, connection));
  for (const other of chosen) if (other !== connection) other.destroy();
  if (!isOld) reply.int(chosen.length);
  else if (chosen.length === 0) reply.error("ERR No such client");
  else reply.ok();
  if (chosen.includes(connection)) connection.flags |= CLIENT_CLOSE_AFTER_REPLY;
};

/** CLIENT REPLY ON|OFF|SKIP */
const replyCommand: Handler = (_server, connection, args, reply) => {
  switch (wordOf(args, 2)) {
    case "on":
      connection.flags &= ~(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
      return reply.ok();
    case "off":
      connection.flags |= CLIENT_REPLY_OFF;
      return;
    case "skip":
      if (!(connection.flags & CLIENT_REPLY_OFF)) connection.flags |= CLIENT_REPLY_SKIP_NEXT;
      return;
    default:
      reply.error(SYNTAX);
  }
};

/** A handler of ON|OFF that sets or clears a flag of the client. */
function switchCommand(flag: number): Handler {
  return (_server, connection, args, reply) => {
    const word = wordOf(args, 2);
    if (word !== "on" && word !== "off") return reply.error(SYNTAX);
    if (word === "on") connection.flags |= flag;
    else connection.flags &= ~flag;
    reply.ok();
  };
}

/** CLIENT IMPORT-SOURCE ON|OFF */
const importSourceCommand: Handler = (server, connection, args, reply) => {
  if (!server.config.boolean("import-mode") && wordOf(args, 2) !== "off") {
    return reply.error("ERR Server is not in import mode");
  }
  switchCommand(CLIENT_IMPORT_SOURCE)(server, connection, args, reply);
};

/** CLIENT CAPA option [option ...] */
const capaCommand: Handler = (_server, connection, args, reply) => {
  const redirects = args.slice(2).some((arg) => fromBytes(arg).toLowerCase() === "redirect");
  if (redirects) connection.flags |= CLIENT_CAPA_REDIRECT;
  reply.ok();
};

/** CLIENT PAUSE milliseconds [WRITE|ALL] */
const pauseCommand: Handler = (server, _connection, args, reply) => {
  const mode = args.length > 3 ? wordOf(args, 3) : "all";
  if (mode !== "write" && mode !== "all") return reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  const timeout = parseInteger(fromBytes(args[2]));
  if (timeout === undefined) return reply.error("ERR timeout is not an integer or out of range");
  if (timeout < 0n) return reply.error("ERR timeout is negative");
  const { nowMs } = server.core;
  if (timeout > INT64_MAX - BigInt(nowMs)) return reply.error("ERR timeout is out of range");
  server.pause.start(mode === "all" ? PAUSE.all : PAUSE.writes, timeout === 0n ? 0 : nowMs + Number(timeout));
  reply.ok();
};

/** CLIENT UNPAUSE */
const unpauseCommand: Handler = (server, _connection, _args, reply) => {
  server.pause.end();
  reply.ok();
};

/** CLIENT UNBLOCK id [TIMEOUT|ERROR]: a client that CLIENT PAUSE holds back can't be released so. */
const unblockCommand: Handler = (server, _connection, args, reply) => {
  const reason = args.length > 3 ? wordOf(args, 3) : "timeout";
  if (reason !== "timeout" && reason !== "error") {
    return reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const id = parseInteger(fromBytes(args[2]));
  if (id === undefined) return reply.error(NOT_INTEGER);
  for (const other of server.connections.values()) {
    if (BigInt(other.id) !== id) continue;
    reply.int(server.core.exports.clientUnblock(other.client, reason === "error" ? 1 : 0));
    return server.drainSoon();
  }
  reply.int(0);
};

/** The handlers above by command id. */
export const CLIENT_HANDLERS: Readonly<Record<number, Handler>> = {
  [CMD.CLIENT_ID]: idCommand,
  [CMD.CLIENT_GETNAME]: getNameCommand,
  [CMD.CLIENT_SETNAME]: setNameCommand,
  [CMD.CLIENT_SETINFO]: setInfoCommand,
  [CMD.CLIENT_INFO]: infoCommand,
  [CMD.CLIENT_LIST]: listCommand,
  [CMD.CLIENT_KILL]: killCommand,
  [CMD.CLIENT_REPLY]: replyCommand,
  [CMD.CLIENT_NO_EVICT]: switchCommand(CLIENT_NO_EVICT),
  [CMD.CLIENT_NO_TOUCH]: switchCommand(CLIENT_NO_TOUCH),
  [CMD.CLIENT_IMPORT_SOURCE]: importSourceCommand,
  [CMD.CLIENT_CAPA]: capaCommand,
  [CMD.CLIENT_PAUSE]: pauseCommand,
  [CMD.CLIENT_UNPAUSE]: unpauseCommand,
  [CMD.CLIENT_UNBLOCK]: unblockCommand,
};
