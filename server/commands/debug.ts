// debug.ts - the handlers of DEBUG: tools for tests. Allowed by enable-debug-command.
//
// Each subcommand is a function of a table by name; which number of arguments it takes stands with it. What looks into
// the core's memory is in the core (core-wasm/commands/debug.ts). Not for production use, as in Valkey.

import { CMD } from "../generated/commands.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import type { Server } from "../server.ts";
import type { HostHandler } from "./registry.ts";

const text = (arg: Uint8Array) => String.fromCharCode(...arg);

interface Sub {
  /** Least and largest number of arguments behind the subcommand. */
  readonly least: number;
  readonly most: number;
  run(server: Server, args: readonly Uint8Array[], reply: ReplyWriter): void;
}

const sub = (least: number, most: number, run: Sub["run"]): Sub => ({ least, most, run });

/** A subcommand that takes one argument and accepts it: what it switches has no counterpart here. */
const accepted = sub(1, 1, (_server, _args, reply) => reply.ok());

function flag(setting: string, on: (value: number) => number): Sub {
  return sub(1, 1, (server, [value], reply) => {
    server.core.setSetting(setting, on(parseInt(text(value), 10) || 0));
    reply.ok();
  });
}

const SUBCOMMANDS: Readonly<Record<string, Sub>> = {
  "sleep": sub(1, 1, (server, [seconds], reply) => {
    server.port.sleepSync(Math.max(0, Number.parseFloat(text(seconds)) * 1000));
    reply.ok();
  }),
  "set-active-expire": flag("activeExpire", (value) => value),
  "dict-resizing": flag("resizeForbidden", (value) => (value === 0 ? 1 : 0)),
  "hashtable-can-abort-shrink": accepted,
  "client-enforce-reply-list": flag("enforceReplyList", (value) => value),
  "set-skip-checksum-validation": accepted,
  "quicklist-packed-threshold": accepted,
  "error": sub(1, 1, (_server, [message], reply) => reply.error(message)),
  "log": sub(1, 1, (server, [message], reply) => {
    server.log.warning(`DEBUG LOG: ${text(message)}`);
    reply.ok();
  }),
};

/** DEBUG subcommand [argument ...] */
export const debugCommand: HostHandler = (server, connection, args, reply) => {
  if (!server.config.isAllowed("enable-debug-command", connection.isLocal)) {
    return reply.error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you " +
      "can run it from a local connection, otherwise you need to set this option in the configuration file, and " +
      "then restart the server.");
  }
  const found = SUBCOMMANDS[text(args[1]).toLowerCase()];
  const rest = args.slice(2);
  if (found === undefined || rest.length < found.least || rest.length > found.most) {
    return reply.error(`ERR unknown subcommand or wrong number of arguments for '${text(args[1]).slice(0, 128)}'. ` +
      "Try DEBUG HELP.");
  }
  found.run(server, rest, reply);
};

export const DEBUG_HANDLERS = { [CMD.DEBUG]: debugCommand };
