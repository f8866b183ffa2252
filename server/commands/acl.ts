// acl.ts - the handlers of ACL's subcommands.
//
// They check arguments, call server/acl/ and reply; names and rules are byte strings (config/text.ts). ACL HELP is in
// help.ts.

import { parseInteger } from "../config/syntax.ts";
import { cString, fromBytes, lower, toBytes } from "../config/text.ts";
import type { Connection } from "../connection/connection.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CATEGORY_NAMES, CMD } from "../generated/commands.ts";
import { lineOf } from "../acl/file.ts";
import type { Selector, User } from "../acl/user.ts";
import type { Server } from "../server.ts";
import type { Command } from "./command-table.ts";

type Args = readonly Uint8Array[];
type Handler = (server: Server, connection: Connection, args: Args, reply: ReplyWriter) => void;

const NOT_INTEGER = "ERR value is not an integer or out of range";
const NO_FILE = "ERR This instance is not configured to use an ACL file. You may want to specify users via the ACL " +
  "SETUSER command and then issue a CONFIG REWRITE (assuming you have a configuration file set) in order to store " +
  "users in the configuration.";
const NOT_SAVED = "ERR There was an error trying to save the ACLs. Please check the server logs for more information";
const BAD_BITS = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number " +
  "up to 4096";
const MAX_BITS = 4096n;
const DEFAULT_BITS = 256n;
const LOG_DEFAULT = 10;
const NAME_SHOWN = 128;

function replyBytes(reply: ReplyWriter, texts: readonly string[]): void {
  reply.array(texts.length);
  for (const text of texts) reply.bulk(toBytes(text));
}

/** For subcommands that take fewer arguments than their arity says. */
function replyArity(args: Args, reply: ReplyWriter): void {
  const name = cString(fromBytes(args[1])).slice(0, NAME_SHOWN);
  reply.error(toBytes(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try ACL HELP.`));
}

// --- Users ---

/** ACL SETUSER username [rule [rule ...]] */
const setUserCommand: Handler = (server, _connection, args, reply) => {
  const [name, ...rules] = args.slice(2).map(fromBytes);
  const error = server.access.setUser(name, rules);
  if (error === undefined) reply.ok();
  else reply.error(toBytes(error));
};

/** ACL DELUSER username [username ...] */
const delUserCommand: Handler = (server, _connection, args, reply) => {
  const names = args.slice(2).map(fromBytes);
  if (names.some((name) => cString(name) === "default")) {
    return reply.error("ERR The 'default' user cannot be removed");
  }
  reply.int(server.access.deleteUsers(names));
};

function replySelector(reply: ReplyWriter, selector: Selector): void {
  const databases = selector.describeDatabases();
  const rows: readonly (readonly [string, string])[] = [
    ["commands", selector.describeCommands()], ["keys", selector.describeKeys()],
    ["channels", selector.describeChannels()], ["databases", databases],
  ];
  for (const [name, value] of rows) {
    reply.bulk(name);
    reply.bulk(toBytes(value));
  }
}

/** ACL GETUSER username */
const getUserCommand: Handler = (server, _connection, args, reply) => {
  const user = server.access.find(fromBytes(args[2]));
  if (user === undefined) return reply.null();
  reply.map(7);
  reply.bulk("flags");
  reply.set(user.flags.length);
  for (const flag of user.flags) reply.bulk(flag);
  reply.bulk("passwords");
  replyBytes(reply, user.passwords);
  replySelector(reply, user.root);
  reply.bulk("selectors");
  reply.array(user.selectors.length - 1);
  for (const selector of user.selectors.slice(1)) {
    reply.map(4);
    replySelector(reply, selector);
  }
};

/** ACL LIST */
const listCommand: Handler = (server, _connection, _args, reply) => replyBytes(reply, server.access.all().map(lineOf));

/** ACL USERS */
const usersCommand: Handler = (server, _connection, _args, reply) => {
  replyBytes(reply, server.access.all().map((user) => user.name));
};

/** ACL WHOAMI */
const whoAmICommand: Handler = (_server, connection, _args, reply) => reply.bulk(toBytes(connection.user));

// --- Categories, passwords ---

/** ACL CAT [category] */
const catCommand: Handler = (server, _connection, args, reply) => {
  if (args.length === 2) return replyBytes(reply, CATEGORY_NAMES);
  if (args.length > 3) return replyArity(args, reply);
  const name = cString(fromBytes(args[2]));
  const bit = CATEGORY_NAMES.indexOf(lower(name));
  if (bit < 0) return reply.error(toBytes(`ERR Unknown category '${name.slice(0, NAME_SHOWN)}'`));
  const found = server.access.commands.all.filter((command) => (command.categories & (1 << bit)) !== 0);
  replyBytes(reply, found.map((command) => command.name));
};

/** ACL GENPASS [bits] */
const genPassCommand: Handler = (server, _connection, args, reply) => {
  if (args.length > 3) return replyArity(args, reply);
  const bits = args.length > 2 ? parseInteger(fromBytes(args[2])) : DEFAULT_BITS;
  if (bits === undefined) return reply.error(NOT_INTEGER);
  if (bits <= 0n || bits > MAX_BITS) return reply.error(BAD_BITS);
  const digits = Math.ceil(Number(bits) / 4);
  const bytes = new Uint8Array(Math.ceil(digits / 2));
  server.port.random(bytes);
  reply.bulk([...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, digits));
};

// --- Log ---

/** ACL LOG [count|RESET] */
const logCommand: Handler = (server, _connection, args, reply) => {
  const { log } = server.access;
  if (args.length > 3) return replyArity(args, reply);
  const word = args.length > 2 ? fromBytes(args[2]) : "";
  if (lower(cString(word)) === "reset") {
    log.reset();
    return reply.ok();
  }
  const count = args.length > 2 ? parseInteger(word) : BigInt(LOG_DEFAULT);
  if (count === undefined) return reply.error(NOT_INTEGER);
  const entries = log.newest(count < 0n ? 0 : Number(count));
  reply.array(entries.length);
  for (const entry of entries) {
    const rows: readonly (readonly [string, string | number])[] = [
      ["count", entry.count], ["reason", entry.reason], ["context", entry.context], ["object", entry.object],
      ["username", entry.username],
    ];
    const later: readonly (readonly [string, string | number])[] = [
      ["client-info", entry.info], ["entry-id", entry.id], ["timestamp-created", entry.createdMs],
      ["timestamp-last-updated", entry.updatedMs],
    ];
    reply.map(10);
    replyRows(reply, rows);
    reply.bulk("age-seconds");
    reply.double((server.core.nowMs - entry.updatedMs) / 1000);
    replyRows(reply, later);
  }
};

function replyRows(reply: ReplyWriter, rows: readonly (readonly [string, string | number])[]): void {
  for (const [name, value] of rows) {
    reply.bulk(name);
    if (typeof value === "number") reply.int(value);
    else reply.bulk(toBytes(value));
  }
}

// --- Dry run ---

/** Why a user may not run a command, in words. */
function denialText(user: User, command: Command, reason: string, value: string): string {
  const start = `User ${user.name} has no permissions to`;
  if (reason === "command") return `${start} run the '${command.name}' command`;
  if (reason === "database") return `${start} access database ${cString(value)}`;
  return `${start} access the '${value}' ${reason}`;
}

/** The command of a line: one that can be called by the name that it has here, or one that this build does not run. */
function commandOf(server: Server, args: Args): Command | undefined {
  const [name, word] = args.map((arg) => cString(fromBytes(arg)));
  const found = server.commands.find(name, word);
  if (found !== undefined) return found;
  const { commands } = server.access;
  const planned = server.commands.find(name) ?? commands.find(name);
  if (planned === undefined || word === undefined || commands.childrenOf(planned).length === 0) return planned;
  return commands.find(`${planned.name}|${word}`);
}

/** ACL DRYRUN username command [arg [arg ...]] */
const dryRunCommand: Handler = (server, connection, args, reply) => {
  const name = fromBytes(args[2]);
  const user = server.access.find(name);
  if (user === undefined) return reply.error(toBytes(`ERR User '${cString(name)}' not found`));
  const line = args.slice(3);
  const command = commandOf(server, line);
  if (command === undefined) {
    return reply.error(toBytes(`ERR Command '${cString(fromBytes(line[0]))}' not found`));
  }
  const { arity } = command;
  if (arity > 0 ? line.length !== arity : line.length < -arity) {
    return reply.error(`ERR wrong number of arguments for '${command.name}' command`);
  }
  const denial = server.access.check(user, command.id, connection, 3);
  if (denial === undefined) return reply.ok();
  if (denial === "out of memory") return reply.error(OUT_OF_MEMORY);
  reply.bulk(toBytes(denialText(user, command, denial.reason, fromBytes(line[denial.at]))));
};

// --- Files ---

/** ACL LOAD */
const loadCommand: Handler = (server, _connection, _args, reply) => {
  if (server.access.file === "") return reply.error(NO_FILE);
  const error = server.access.load();
  if (error === undefined) reply.ok();
  else reply.error(toBytes(error === OUT_OF_MEMORY ? error : `ERR ${error}`));
};

/** ACL SAVE */
const saveCommand: Handler = (server, _connection, _args, reply) => {
  if (server.access.file === "") return reply.error(NO_FILE);
  const problem = server.access.save();
  if (problem === undefined) return reply.ok();
  server.log.warning(problem);
  reply.error(NOT_SAVED);
};

/** The handlers above by command id. */
export const ACL_HANDLERS: Readonly<Record<number, Handler>> = {
  [CMD.ACL_CAT]: catCommand,
  [CMD.ACL_DELUSER]: delUserCommand,
  [CMD.ACL_DRYRUN]: dryRunCommand,
  [CMD.ACL_GENPASS]: genPassCommand,
  [CMD.ACL_GETUSER]: getUserCommand,
  [CMD.ACL_LIST]: listCommand,
  [CMD.ACL_LOAD]: loadCommand,
  [CMD.ACL_LOG]: logCommand,
  [CMD.ACL_SAVE]: saveCommand,
  [CMD.ACL_SETUSER]: setUserCommand,
  [CMD.ACL_USERS]: usersCommand,
  [CMD.ACL_WHOAMI]: whoAmICommand,
};
