// command: the handlers of COMMAND and its subcommands.
//
// They describe the commands that exist in this build, in the form Valkey gives: arrays, sets and maps of RESP3, with
// RESP2's fallbacks by the reply writer. The number of arguments was checked against the spec before. Each takes the
// whole argument vector. Documentation is parsed a command at a time, when it is asked for.

import { matchPattern } from "../config/syntax.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { commandDocs } from "../generated/command-docs.ts";
import { CATEGORY_NAMES, CMD, FLAG_NAMES } from "../generated/commands.ts";
import type { KeySpec } from "../generated/commands.ts";
import { categoryNames } from "./command-table.ts";
import type { Command, CommandTable } from "./command-table.ts";
import { findKeys, keysAreOptional, mayHaveKeys } from "./get-keys.ts";

/** What these handlers need of a server. */
interface CommandServer {
  readonly commands: CommandTable;
}

/** A handler of COMMAND or one of its subcommands. */
export type CommandHandler = (
  server: CommandServer, connection: unknown, args: readonly Uint8Array[], reply: ReplyWriter,
) => void;

/** Flags in the order and with the names that COMMAND INFO shows; the others are not shown. */
const SHOWN_FLAGS = [
  "write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale", "skip_monitor",
  "skip_commandlog", "asking", "fast", "no_auth", "no_mandatory_keys", "no_async_loading", "no_multi", "movable_keys",
  "allow_busy",
];
const SHOWN_KEY_FLAGS = [
  "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
];

/** An argument as text; names are ASCII, so other bytes only have to stay different from them. */
function text(arg: Uint8Array): string {
  let result = "";
  for (const byte of arg) result += String.fromCharCode(byte);
  return result;
}

/** Those of a fixed list of names that are present, as a set of status lines in the list's order. */
function replyNames(reply: ReplyWriter, order: readonly string[], present: (name: string) => boolean): void {
  const names = order.filter(present);
  reply.set(names.length);
  for (const name of names) reply.simple(name);
}

/** The flags of a key's access. */
function replyKeyFlags(reply: ReplyWriter, flags: readonly string[]): void {
  replyNames(reply, SHOWN_KEY_FLAGS, (name) => flags.includes(name));
}

// --- COMMAND and COMMAND INFO ---

/** One half of a key spec: its kind and the numbers that belong to it. */
function replySearch(reply: ReplyWriter, kind: string, values: readonly (readonly [string, string | number])[]): void {
  reply.map(2);
  reply.bulk("type");
  reply.bulk(kind);
  reply.bulk("spec");
  reply.map(values.length);
  for (const [name, value] of values) {
    reply.bulk(name);
    if (typeof value === "number") reply.int(value);
    else reply.bulk(value);
  }
}

/** How a key spec finds its first key. */
function replyBegin(reply: ReplyWriter, begin: KeySpec["begin"]): void {
  if (begin.index !== undefined) replySearch(reply, "index", [["index", begin.index]]);
  else if (begin.keyword === undefined) replySearch(reply, "unknown", []);
  else replySearch(reply, "keyword", [["keyword", begin.keyword], ["startfrom", begin.from!]]);
}

/** How a key spec finds the other keys. */
function replyFind(reply: ReplyWriter, { range, keynum }: KeySpec["find"]): void {
  if (range) {
    replySearch(reply, "range", [["lastkey", range.last], ["keystep", range.step], ["limit", range.limit]]);
  } else if (keynum) {
    replySearch(reply, "keynum", [
      ["keynumidx", keynum.index], ["firstkey", keynum.first], ["keystep", keynum.step],
    ]);
  } else {
    replySearch(reply, "unknown", []);
  }
}

/** One key spec. */
function replyKeySpec(reply: ReplyWriter, spec: KeySpec): void {
  reply.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) {
    reply.bulk("notes");
    reply.bulk(spec.notes);
  }
  reply.bulk("flags");
  replyKeyFlags(reply, spec.flags);
  reply.bulk("begin_search");
  replyBegin(reply, spec.begin);
  reply.bulk("find_keys");
  replyFind(reply, spec.find);
}

/** The ten elements that describe a command; null for one that does not exist. */
function replyInfo(reply: ReplyWriter, command: Command | undefined): void {
  if (!command) return reply.null();
  reply.array(10);
  reply.bulk(command.name);
  reply.int(command.arity);
  const shown = SHOWN_FLAGS.filter((name) => command.flags & (1 << FLAG_NAMES.indexOf(name)));
  reply.set(shown.length);
  for (const name of shown) reply.simple(name === "movable_keys" ? "movablekeys" : name);
  reply.int(command.firstKey);
  reply.int(command.lastKey);
  reply.int(command.keyStep);
  const categories = categoryNames(command);
  reply.set(categories.length);
  for (const name of categories) reply.simple(`@${name}`);
  reply.set(command.tips.length);
  for (const tip of command.tips) reply.bulk(tip);
  reply.set(command.keySpecs.length);
  for (const spec of command.keySpecs) replyKeySpec(reply, spec);
  reply.array(command.subcommands.length);
  for (const subcommand of command.subcommands) replyInfo(reply, subcommand);
}

/** COMMAND */
const commandCommand: CommandHandler = (server, _connection, _args, reply) => {
  const all = server.commands.all();
  reply.array(all.length);
  for (const command of all) replyInfo(reply, command);
};

/** COMMAND INFO [command-name ...] */
export const commandInfoCommand: CommandHandler = (server, connection, args, reply) => {
  if (args.length === 2) return commandCommand(server, connection, args, reply);
  reply.array(args.length - 2);
  for (const name of args.slice(2)) replyInfo(reply, server.commands.findByFullName(text(name)));
};

/** COMMAND COUNT */
export const commandCountCommand: CommandHandler = (server, _connection, _args, reply) => {
  reply.int(server.commands.size);
};

// --- COMMAND DOCS ---

/** An argument as the specs describe it. */
interface ArgumentDocs {
  name: string;
  type: string;
  display?: string;
  keySpec?: number;
  token?: string;
  since?: string;
  deprecatedSince?: string;
  optional?: boolean;
  multiple?: boolean;
  multipleToken?: boolean;
  arguments?: ArgumentDocs[];
}

/** A command's documentation as the specs give it. */
interface Docs {
  summary: string;
  since: string;
  complexity?: string;
  docFlags?: string[];
  deprecatedSince?: string;
  replacedBy?: string;
  history?: [version: string, change: string][];
  arguments?: ArgumentDocs[];
}

/** A map of those entries that have a value, in order; a function writes a value of its own form. */
function replyEntries(
  reply: ReplyWriter, entries: readonly (readonly [string, string | number | (() => void) | undefined])[],
): void {
  const present = entries.filter(([, value]) => value !== undefined);
  reply.map(present.length);
  for (const [name, value] of present) {
    reply.bulk(name);
    if (typeof value === "function") value();
    else if (typeof value === "number") reply.int(value);
    else reply.bulk(value!);
  }
}

/** The arguments of a command, or those inside one of them. */
function replyArguments(reply: ReplyWriter, list: readonly ArgumentDocs[]): void {
  reply.array(list.length);
  for (const argument of list) {
    const inner = argument.arguments;
    const flags = [
      ...(argument.optional ? ["optional"] : []), ...(argument.multiple ? ["multiple"] : []),
      ...(argument.multipleToken ? ["multiple_token"] : []),
    ];
    replyEntries(reply, [
      ["name", argument.name],
      ["type", argument.type],
      ["display_text", inner ? undefined : argument.display ?? argument.name],
      ["key_spec_index", argument.keySpec],
      ["token", argument.token],
      ["since", argument.since],
      ["deprecated_since", argument.deprecatedSince],
      ["flags", flags.length > 0 ? () => replyNames(reply, flags, () => true) : undefined],
      ["arguments", inner && (() => replyArguments(reply, inner))],
    ]);
  }
}

/** A command's changes since it exists. */
function replyHistory(reply: ReplyWriter, history: readonly (readonly [string, string])[]): void {
  reply.set(history.length);
  for (const [version, change] of history) {
    reply.array(2);
    reply.bulk(version);
    reply.bulk(change);
  }
}

/** The documentation of a command and its subcommands; `texts` are those of all commands, by id. */
function replyDocs(reply: ReplyWriter, command: Command, texts: Readonly<Record<number, string>>): void {
  const docs = JSON.parse(texts[command.id]) as Docs;
  const { docFlags, history } = docs;
  const replySubcommands = () => {
    reply.map(command.subcommands.length);
    for (const subcommand of command.subcommands) {
      reply.bulk(subcommand.name);
      replyDocs(reply, subcommand, texts);
    }
  };
  replyEntries(reply, [
    ["summary", docs.summary],
    ["since", docs.since],
    ["group", command.group.replace("_", "-")],
    ["complexity", docs.complexity],
    ["doc_flags", docFlags && (() => replyNames(reply, ["deprecated", "syscmd"], (name) => docFlags.includes(name)))],
    ["deprecated_since", docs.deprecatedSince],
    ["replaced_by", docs.replacedBy],
    ["history", history && (() => replyHistory(reply, history))],
    ["arguments", docs.arguments && (() => replyArguments(reply, docs.arguments!))],
    ["subcommands", command.subcommands.length > 0 ? replySubcommands : undefined],
  ]);
}

/** COMMAND DOCS [command-name ...] */
export const commandDocsCommand: CommandHandler = (server, _connection, args, reply) => {
  const table = server.commands;
  const named = args.slice(2).map((name) => table.findByFullName(text(name)));
  const commands = args.length === 2 ? table.all() : named.filter((command) => command !== undefined);
  const texts = commandDocs();
  reply.map(commands.length);
  for (const command of commands) {
    reply.bulk(command.name);
    replyDocs(reply, command, texts);
  }
};

// --- COMMAND LIST ---

/** What FILTERBY lets through; undefined for an unknown kind of filter. */
function listFilter(kind: string, value: string): ((command: Command) => boolean) | undefined {
  if (kind === "module") return () => false;
  if (kind === "pattern") return (command) => matchPattern(value, command.name);
  if (kind !== "aclcat") return undefined;
  const bit = CATEGORY_NAMES.indexOf(value.toLowerCase());
  return (command) => bit >= 0 && (command.categories & (1 << bit)) !== 0;
}

/** COMMAND LIST [FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern] */
export const commandListCommand: CommandHandler = (server, _connection, args, reply) => {
  let filter: ((command: Command) => boolean) | undefined = () => true;
  if (args.length > 2) {
    const filtered = args.length === 5 && text(args[2]).toLowerCase() === "filterby";
    filter = filtered ? listFilter(text(args[3]).toLowerCase(), text(args[4])) : undefined;
    if (!filter) return reply.error("ERR syntax error");
  }
  const found = server.commands.all().flatMap((command) => [command, ...command.subcommands]).filter(filter);
  reply.array(found.length);
  for (const command of found) reply.bulk(command.name);
};

// --- COMMAND GETKEYS and COMMAND GETKEYSANDFLAGS ---

/** The keys of the command line that follows, each with `write`; errors for what isn't a command line with keys. */
function replyKeys(
  server: CommandServer, args: readonly Uint8Array[], reply: ReplyWriter, withFlags: boolean,
): void {
  const line = args.slice(2);
  const command = server.commands.find(text(line[0]), line.length > 1 ? text(line[1]) : undefined);
  if (!command) return reply.error("ERR Invalid command specified");
  if (!mayHaveKeys(command)) return reply.error("ERR The command has no key arguments");
  const { arity } = command;
  if (arity > 0 ? line.length !== arity : line.length < -arity) {
    return reply.error("ERR Invalid number of arguments specified for command");
  }
  const keys = findKeys(command, line);
  if (keys.length === 0 && !keysAreOptional(command)) {
    return reply.error("ERR Invalid arguments specified for command");
  }
  reply.array(keys.length);
  for (const key of keys) {
    if (withFlags) reply.array(2);
    reply.bulk(line[key.position]);
    if (withFlags) replyKeyFlags(reply, key.flags);
  }
}

/** COMMAND GETKEYS command [arg ...] */
export const commandGetkeysCommand: CommandHandler = (server, _connection, args, reply) => {
  replyKeys(server, args, reply, false);
};

/** COMMAND GETKEYSANDFLAGS command [arg ...] */
export const commandGetkeysandflagsCommand: CommandHandler = (server, _connection, args, reply) => {
  replyKeys(server, args, reply, true);
};

/** The handlers by command id; COMMAND HELP is in help.ts. */
export const COMMAND_HANDLERS: Readonly<Record<number, CommandHandler>> = {
  [CMD.COMMAND]: commandCommand,
  [CMD.COMMAND_COUNT]: commandCountCommand,
  [CMD.COMMAND_DOCS]: commandDocsCommand,
  [CMD.COMMAND_GETKEYS]: commandGetkeysCommand,
  [CMD.COMMAND_GETKEYSANDFLAGS]: commandGetkeysandflagsCommand,
  [CMD.COMMAND_INFO]: commandInfoCommand,
  [CMD.COMMAND_LIST]: commandListCommand,
};
