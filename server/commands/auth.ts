// auth.ts - the handlers of AUTH, HELLO and RESET.
//
// Who may do what is server/acl/access.ts.

import { addressOf } from "../acl/access.ts";
import { parseInteger } from "../config/syntax.ts";
import { fromBytes, toBytes } from "../config/text.ts";
import { REDIS_VERSION, VALKEY_VERSION } from "../config/version.ts";
import type { Connection } from "../connection/connection.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import { CLIENT_AUTHENTICATED } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { nameError } from "./client.ts";

type Args = readonly Uint8Array[];

const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
const TOO_MANY = "ERR too many logins from this address failed, try again later";
const NO_PASSWORD = "ERR AUTH <password> called without any password configured for the default user. " +
  "Are you sure your configuration is correct?";
const NOT_AUTHENTICATED = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
  "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at " +
  "the same time";

/** Lets a login go on at once or, after too many that failed, when it is its turn. */
function login(
  server: Server, connection: Connection, reply: ReplyWriter, attempt: () => void,
): void | Promise<void> {
  const { guesses } = server.access;
  const delay = server.access.loginDelay(connection);
  if (delay === 0) return attempt();
  if (delay < 0) return reply.error(TOO_MANY);
  const address = addressOf(connection);
  guesses.wait(address, 1);
  return new Promise((resolve) => {
    server.port.timer(delay, () => {
      guesses.wait(address, -1);
      server.nowUs();
      if (connection.client !== 0) attempt();
      resolve();
    });
  });
}

/** AUTH [username] password */
function authCommand(server: Server, connection: Connection, args: Args, reply: ReplyWriter): void | Promise<void> {
  if (args.length > 3) return reply.error("ERR syntax error");
  if (args.length === 2 && !server.access.needsPassword) return reply.error(NO_PASSWORD);
  const user = args.length === 2 ? "default" : fromBytes(args[1]);
  return login(server, connection, reply, () => {
    if (server.access.authenticate(connection, user, args[args.length - 1], fromBytes(args[0]))) reply.ok();
    else reply.error(WRONG_PASSWORD);
  });
}

interface HelloOptions {
  user?: string;
  password?: Uint8Array;
  name?: string;
}

/** The options behind HELLO's version, or the error of the reply. */
function helloOptions(args: Args): HelloOptions | string {
  const options: HelloOptions = {};
  for (let i = 2; i < args.length; i++) {
    const option = fromBytes(args[i]);
    const more = args.length - 1 - i;
    if (option.toLowerCase() === "auth" && more >= 2) {
      options.user = fromBytes(args[i + 1]);
      options.password = args[i + 2];
      i += 2;
    } else if (option.toLowerCase() === "setname" && more >= 1) {
      options.name = fromBytes(args[i + 1]);
      const error = nameError(options.name);
      if (error !== undefined) return error;
      i++;
    } else {
      return `ERR Syntax error in HELLO option '${option}'`;
    }
  }
  return options;
}

/** HELLO's reply: what server this is. */
function replyHello(server: Server, connection: Connection, reply: ReplyWriter): void {
  const { config } = server;
  const isRedis = config.boolean("extended-redis-compatibility");
  const zone = config.bytes("availability-zone");
  const pairs: readonly (readonly [string, string | number])[] = [
    ["server", isRedis ? "redis" : "valkey"], ["version", isRedis ? REDIS_VERSION : VALKEY_VERSION],
    ["proto", connection.resp], ["id", connection.id], ["mode", "standalone"], ["role", "master"],
  ];
  reply.map(pairs.length + 1 + (zone.length > 0 ? 1 : 0));
  for (const [name, value] of pairs) {
    reply.bulk(name);
    if (typeof value === "number") reply.int(value);
    else reply.bulk(value);
  }
  reply.bulk("modules");
  replyModules(reply);
  if (zone.length === 0) return;
  reply.bulk("availability_zone");
  reply.bulk(zone);
}

/** The loaded modules: Valkey counts its Lua engine as one. */
function replyModules(reply: ReplyWriter): void {
  reply.array(1);
  reply.map(4);
  reply.bulk("name");
  reply.bulk("lua");
  reply.bulk("ver");
  reply.int(1);
  reply.bulk("path");
  reply.bulk("lua");
  reply.bulk("args");
  reply.array(0);
}

/** HELLO [protover [AUTH username password] [SETNAME clientname]] */
function helloCommand(server: Server, connection: Connection, args: Args, reply: ReplyWriter): void | Promise<void> {
  const version = args.length > 1 ? parseInteger(fromBytes(args[1])) : 0n;
  if (version === undefined) return reply.error("ERR Protocol version is not an integer or out of range");
  if (args.length > 1 && version !== 2n && version !== 3n) {
    return reply.error("NOPROTO unsupported protocol version");
  }
  const options = helloOptions(args);
  if (typeof options === "string") return reply.error(toBytes(options));
  const { user, password } = options;
  if (user === undefined || password === undefined) return greet(server, connection, version, options.name, reply);
  return login(server, connection, reply, () => {
    if (!server.access.authenticate(connection, user, password, fromBytes(args[0]))) reply.error(WRONG_PASSWORD);
    else greet(server, connection, version, options.name, reply);
  });
}

/** What HELLO does for a client that may be here. */
function greet(
  server: Server, connection: Connection, version: bigint, name: string | undefined, reply: ReplyWriter,
): void {
  if (!(connection.flags & CLIENT_AUTHENTICATED)) return reply.error(NOT_AUTHENTICATED);
  if (name !== undefined) connection.name = name;
  if (version !== 0n) {
    connection.resp = version === 3n ? 3 : 2;
    reply.resp = connection.resp;
  }
  replyHello(server, connection, reply);
}

/** RESET: everything as after connecting, but for the library's name. */
function resetCommand(server: Server, connection: Connection, _args: Args, reply: ReplyWriter): void {
  server.core.exports.clientReset(connection.client);
  connection.name = "";
  connection.isReadOnly = false;
  reply.simple("RESET");
}

/** The handlers above by command id. */
export const AUTH_HANDLERS = {
  [CMD.AUTH]: authCommand,
  [CMD.HELLO]: helloCommand,
  [CMD.RESET]: resetCommand,
};
