// function.ts - FUNCTION LOAD, DELETE, FLUSH, LIST, STATS, DUMP, RESTORE and KILL.
//
// Not for calling functions: server/scripting/engine.ts.

import { matchPattern } from "../config/syntax.ts";
import { fromBytes, lower, toBytes } from "../config/text.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import { FUNCTIONS_DAMAGED, FUNCTIONS_END, FUNCTIONS_OLD, FUNCTIONS_TEXT, ROOT } from "../generated/layout.ts";
import type { RegisteredFunction } from "../scripting/api.ts";
import type { FunctionStore, Library } from "../scripting/function-store.ts";
import { SCRIPT_FLAGS } from "../scripting/shebang.ts";
import type { Server } from "../server.ts";
import type { HostHandler } from "./registry.ts";
import { BUSY_SCRIPT, killRunning } from "./script.ts";

const ENGINE = "LUA";
const BAD_FOOTER = "ERR DUMP payload version or checksum are wrong";
const BAD_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
/** Whether libraries that are there stay (append), give way to those of the same name, or all go. */
const POLICIES = ["append", "replace", "flush"];

const badSubcommand = (name: string): string =>
  `ERR unknown subcommand or wrong number of arguments for '${name}'. Try FUNCTION HELP.`;

/** Functions are part of the dataset: their changes count. */
function noteChange({ core }: Server): void {
  core.setU64(core.rootAddress(ROOT.dirty), core.root64(ROOT.dirty) + 1);
}

/** FUNCTION LOAD [REPLACE] code */
const loadCommand: HostHandler = (server, _connection, args, reply) => {
  let replace = false;
  for (const option of args.slice(2, -1)) {
    if (lower(fromBytes(option)) !== "replace") {
      return reply.error(toBytes(`ERR Unknown option given: ${fromBytes(option)}`));
    }
    replace = true;
  }
  const { scripts } = server;
  const loaded = scripts.functions.load(fromBytes(args[args.length - 1]), replace, scripts.loadCode);
  if (typeof loaded !== "string") return reply.error(toBytes(`ERR ${loaded.error}`));
  noteChange(server);
  reply.bulk(loaded);
};

/** FUNCTION DELETE library */
const deleteCommand: HostHandler = (server, _connection, args, reply) => {
  if (!server.scripts.functions.remove(fromBytes(args[2]))) return reply.error("ERR Library not found");
  noteChange(server);
  reply.ok();
};

/** FUNCTION FLUSH [ASYNC | SYNC] */
const flushCommand: HostHandler = (server, _connection, args, reply) => {
  if (args.length > 3) return reply.error(toBytes(badSubcommand(fromBytes(args[1]))));
  const mode = args.length > 2 ? lower(fromBytes(args[2])) : "sync";
  if (mode !== "sync" && mode !== "async") return reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  server.scripts.flushFunctions();
  noteChange(server);
  reply.ok();
};

// --- LIST and STATS ---

function replyFunction(reply: ReplyWriter, { name, description, flags }: RegisteredFunction): void {
  reply.map(3);
  reply.bulk("name");
  reply.bulk(name);
  reply.bulk("description");
  if (description === undefined) reply.null();
  else reply.bulk(toBytes(description));
  reply.bulk("flags");
  const names = SCRIPT_FLAGS.filter(([, bit]) => (flags & bit) !== 0);
  reply.set(names.length);
  for (const [each] of names) reply.simple(each);
}

function replyLibrary(reply: ReplyWriter, { name, text, functions }: Library, withCode: boolean): void {
  reply.map(withCode ? 4 : 3);
  reply.bulk("library_name");
  reply.bulk(name);
  reply.bulk("engine");
  reply.bulk(ENGINE);
  reply.bulk("functions");
  reply.array(functions.length);
  for (const each of functions) replyFunction(reply, each);
  if (!withCode) return;
  reply.bulk("library_code");
  reply.bulk(toBytes(text));
}

/** FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE] */
const listCommand: HostHandler = (server, _connection, args, reply) => {
  let withCode = false;
  let pattern: string | undefined;
  for (let i = 2; i < args.length; i++) {
    const word = fromBytes(args[i]);
    if (!withCode && lower(word) === "withcode") {
      withCode = true;
    } else if (pattern === undefined && lower(word) === "libraryname") {
      if (i === args.length - 1) return reply.error("ERR library name argument was not given");
      pattern = fromBytes(args[++i]);
    } else {
      return reply.error(toBytes(`ERR Unknown argument ${word}`));
    }
  }
  const all = [...server.scripts.functions.libraries.values()];
  const shown = pattern === undefined ? all : all.filter(({ name }) => matchPattern(pattern, name));
  reply.array(shown.length);
  for (const library of shown) replyLibrary(reply, library, withCode);
};

/** FUNCTION STATS */
const statsCommand: HostHandler = (server, _connection, _args, reply) => {
  const { scripts } = server;
  const { running } = scripts;
  if (running !== undefined && !running.isFunction) return reply.error(BUSY_SCRIPT);
  reply.map(2);
  reply.bulk("running_script");
  if (running === undefined) {
    reply.null();
  } else {
    reply.map(3);
    reply.bulk("name");
    reply.bulk(running.name);
    reply.bulk("command");
    const command = scripts.args();
    reply.array(command.length);
    for (const arg of command) reply.bulk(arg);
    reply.bulk("duration_ms");
    reply.int(scripts.durationMs(running));
  }
  reply.bulk("engines");
  reply.map(1);
  reply.bulk(ENGINE);
  reply.map(2);
  reply.bulk("libraries_count");
  reply.int(scripts.functions.libraries.size);
  reply.bulk("functions_count");
  reply.int(scripts.functions.functionCount);
};

/** FUNCTION KILL */
const killCommand: HostHandler = (server, _connection, _args, reply) => killRunning(server, true, reply);

// --- DUMP and RESTORE ---

/** All libraries as a payload; undefined without memory. */
function dump({ core, scripts }: Server): Uint8Array | undefined {
  core.exports.functionsStart();
  for (const { text } of scripts.functions.libraries.values()) core.withBytes(toBytes(text), core.exports.functionsAdd);
  const block = core.exports.functionsEnd() >>> 0;
  if (block === 0) return undefined;
  const payload = core.copy(block, core.root32(ROOT.number));
  core.exports.hostFree(block);
  return payload;
}

/** FUNCTION DUMP */
const dumpCommand: HostHandler = (server, _connection, _args, reply) => {
  const payload = dump(server);
  if (payload === undefined) reply.error(OUT_OF_MEMORY);
  else reply.bulk(payload);
};

/** Loads what a payload holds into a store of its own. Returns the text of an error. */
function readPayload({ core, scripts }: Server, payload: Uint8Array, store: FunctionStore): string | undefined {
  const at = core.keepBytes(payload);
  if (at === 0) return OUT_OF_MEMORY;
  try {
    if (core.exports.functionsOpen(at, payload.length) === 0) return BAD_FOOTER;
    let code = core.exports.functionsRead();
    for (; code === FUNCTIONS_TEXT; code = core.exports.functionsRead()) {
      const text = fromBytes(core.copy(core.root32(ROOT.idMs), core.root32(ROOT.number)));
      const loaded = store.load(text, false, scripts.loadCode);
      if (typeof loaded === "string") continue;
      core.exports.functionsClose();
      return `ERR ${loaded.error}`;
    }
    if (code === FUNCTIONS_END) return undefined;
    if (code === FUNCTIONS_DAMAGED) return "ERR Failed loading library payload";
    return code === FUNCTIONS_OLD ? "ERR Pre-GA function format not supported" : "ERR given type is not a function";
  } finally {
    core.exports.hostFree(at);
  }
}

/** FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE] */
const restoreCommand: HostHandler = (server, _connection, args, reply) => {
  if (args.length > 4) return reply.error(toBytes(badSubcommand(fromBytes(args[1]))));
  const policy = args.length > 3 ? lower(fromBytes(args[3])) : "append";
  if (!POLICIES.includes(policy)) return reply.error(BAD_POLICY);
  const { scripts } = server;
  const incoming = scripts.newStore(false);
  let problem = readPayload(server, args[2], incoming);
  if (problem !== undefined) return reply.error(toBytes(problem));
  if (policy === "flush") scripts.functions.clear();
  problem = scripts.functions.join(incoming, policy === "replace");
  if (problem !== undefined) return reply.error(toBytes(`ERR ${problem}`));
  noteChange(server);
  reply.ok();
};

export const FUNCTION_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.FUNCTION_LOAD]: loadCommand,
  [CMD.FUNCTION_DELETE]: deleteCommand,
  [CMD.FUNCTION_FLUSH]: flushCommand,
  [CMD.FUNCTION_LIST]: listCommand,
  [CMD.FUNCTION_STATS]: statsCommand,
  [CMD.FUNCTION_KILL]: killCommand,
  [CMD.FUNCTION_DUMP]: dumpCommand,
  [CMD.FUNCTION_RESTORE]: restoreCommand,
};
