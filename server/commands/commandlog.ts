// commandlog.ts - the handlers of COMMANDLOG and SLOWLOG. The logs are in server/stats/command-log.ts.

import { fromBytes, toBytes } from "../config/text.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import type { Server } from "../server.ts";
import { LOG_TYPES } from "../stats/command-log.ts";
import type { LogType } from "../stats/command-log.ts";
import type { HostHandler } from "./registry.ts";

const DEFAULT_COUNT = 10;
const text = (arg: Uint8Array) => String.fromCharCode(...arg);

/** The log that an argument names; undefined after an error reply. */
function logType(arg: Uint8Array, reply: ReplyWriter): LogType | undefined {
  const type = LOG_TYPES.find((name) => name === text(arg).toLowerCase());
  if (type === undefined) reply.error(`ERR type should be one of the following: ${LOG_TYPES.join(", ")}`);
  return type;
}

/** A count of entries, -1 for all; undefined after an error reply. */
function entryCount(arg: Uint8Array, reply: ReplyWriter): number | undefined {
  const digits = text(arg);
  const count = /^(0|-?[1-9][0-9]{0,18})$/.test(digits) ? BigInt(digits) : -2n;
  if (count < -1n || count > 0x7fffffffffffffffn) {
    reply.error("ERR count should be greater than or equal to -1");
    return undefined;
  }
  return count === -1n ? Infinity : Number(count);
}

function replyEntries(server: Server, type: LogType, count: number, reply: ReplyWriter): void {
  const entries = server.watch.log.get(type, count);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.int(entry.id);
    reply.int(entry.time);
    reply.int(entry.value);
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulk(arg);
    reply.bulk(entry.address);
    reply.bulk(toBytes(entry.name));
  }
}

/** COMMANDLOG GET count type */
const get: HostHandler = (server, _connection, args, reply) => {
  const count = entryCount(args[2], reply);
  if (count === undefined) return;
  const type = logType(args[3], reply);
  if (type !== undefined) replyEntries(server, type, count, reply);
};

/** COMMANDLOG LEN type */
const length: HostHandler = (server, _connection, args, reply) => {
  const type = logType(args[2], reply);
  if (type !== undefined) reply.int(server.watch.log.length(type));
};

/** COMMANDLOG RESET type */
const reset: HostHandler = (server, _connection, args, reply) => {
  const type = logType(args[2], reply);
  if (type === undefined) return;
  server.watch.log.reset(type);
  reply.ok();
};

/** SLOWLOG GET [count] */
const slowGet: HostHandler = (server, _connection, args, reply) => {
  if (args.length > 3) {
    const name = fromBytes(args[1]).slice(0, 128);
    return reply.error(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try SLOWLOG HELP.`);
  }
  const count = args.length > 2 ? entryCount(args[2], reply) : DEFAULT_COUNT;
  if (count !== undefined) replyEntries(server, "slow", count, reply);
};

export const COMMANDLOG_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.COMMANDLOG_GET]: get,
  [CMD.COMMANDLOG_LEN]: length,
  [CMD.COMMANDLOG_RESET]: reset,
  [CMD.SLOWLOG_GET]: slowGet,
  [CMD.SLOWLOG_LEN]: (server, _connection, _args, reply) => reply.int(server.watch.log.length("slow")),
  [CMD.SLOWLOG_RESET]: (server, _connection, _args, reply) => {
    server.watch.log.reset("slow");
    reply.ok();
  },
};
