// load: reads the configuration at start: file, standard input and command line, in this order; the last word counts.
//
//     file text + stdin text + "\n" + options of the command line   = one text, one line count
//     each line: split ─► directive: assign · include: the same again · user, rename-command, loadmodule: kept in words
//
// Everything that goes wrong is a ConfigError with the text that Valkey prints before it exits with 1: on standard
// error for a bad line, as a log line for a file that can't be opened. Not for CONFIG SET.

import type { Config } from "./config.ts";
import { lookupKey, Refusal } from "./directive.ts";
import { DEPRECATED, ENTRIES } from "./directives.ts";
import type { ConfigHost } from "./host.ts";
import { errorCode, errorText } from "./host.ts";
import { readCommandLine, splitArguments } from "./syntax.ts";
import { compareBytes, fromBytes, fromText, toText, trim } from "./text.ts";
import { VALKEY_VERSION } from "./version.ts";

/** A configuration the server can't start with. `kind` says where the text belongs: standard error, or the log. */
export class ConfigError extends Error {
  readonly kind: "stderr" | "log";
  constructor(kind: "stderr" | "log", message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Checks of subsystems for words that only a file has; they return an error or undefined. */
export interface LoadHooks {
  renameCommand?(from: string, to: string): string | undefined;
  /** `args` are the user's name and rules. */
  user?(args: readonly string[]): string | undefined;
}

/** How deep files may include each other before it is taken for a circle. */
const INCLUDE_DEPTH = 64;
/** Valkey reads lines in pieces of this size, and a NUL byte hides the rest of its piece. */
const PIECE = 1024;

/** Reads what the command line names, into `config`. Throws ConfigError. */
export function loadCommandLine(config: Config, args: readonly string[], hooks: LoadHooks = {}): void {
  if (args.length === 0) return;
  const line = readCommandLine(args.map(fromText));
  if (line.file !== undefined) config.file = absolutePath(config.host, toText(line.file));
  let text = config.file === undefined ? "" : readConfigFile(config.host, config.file);
  if (line.fromStdin) {
    config.log("notice", "Reading config from stdin");
    text += cutAtNul(fromText(config.host.readStdin()));
  }
  loadText(config, text + "\n" + line.options, hooks);
}

/** Reads configuration lines into `config`. Throws ConfigError. */
export function loadText(config: Config, text: string, hooks: LoadHooks = {}, depth = 0): void {
  for (const [i, raw] of text.split("\n").entries()) {
    const line = trim(raw, " \t\r\n");
    if (line === "" || line.startsWith("#")) continue;
    const problem = loadLine(config, line, hooks, depth);
    if (problem !== undefined) {
      throw fatal(`Reading the configuration file, at line ${i + 1}\n>>> '${toText(line)}'\n${toText(problem)}`);
    }
  }
  const problem = checkWhole(config);
  if (problem !== undefined) throw fatal(problem);
}

function fatal(text: string): ConfigError {
  return new ConfigError("stderr", `\n*** FATAL CONFIG FILE ERROR (Version ${VALKEY_VERSION}) ***\n${text}\n`);
}

// --- Lines ---

/** Takes one line. Returns what is wrong with it. */
function loadLine(config: Config, line: string, hooks: LoadHooks, depth: number): string | undefined {
  const args = splitArguments(line);
  if (args === undefined) return "Unbalanced quotes in configuration line";
  if (args.length === 0) return undefined;
  const word = lookupKey(args[0]);
  const entry = ENTRIES.get(word);
  if (entry === undefined) {
    return DEPRECATED.has(word) && args.length === 2 ? undefined : loadWord(config, word, args, hooks, depth);
  }
  const { directive } = entry;
  let values = args.slice(1);
  if (!directive.multiple && values.length !== 1) return "wrong number of arguments";
  // One argument for a list: "--save '900 1 300 10'" means the list.
  if (directive.multiple && values.length === 1 && values[0] !== "") values = splitArguments(values[0]) ?? [];
  try {
    config.assign(directive, values);
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.message;
  }
}

/** Takes a line that isn't a directive's. Returns what is wrong with it. */
function loadWord(
  config: Config, word: string, args: string[], hooks: LoadHooks, depth: number,
): string | undefined {
  const { words } = config;
  if (word === "include" && args.length === 2) {
    if (depth >= INCLUDE_DEPTH) return "Files include each other without end";
    loadText(config, readIncluded(config.host, toText(args[1])), hooks, depth + 1);
  } else if (word === "rename-command" && args.length === 3) {
    const problem = hooks.renameCommand?.(args[1], args[2]);
    if (problem !== undefined) return problem;
    words.renames.push([args[1], args[2]]);
  } else if (word === "user" && args.length >= 2) {
    const problem = hooks.user?.(args.slice(1));
    if (problem !== undefined) return problem;
    words.users.push(args.slice(1));
  } else if (word === "loadmodule" && args.length >= 2) {
    words.modules.push(args.slice(1));
  } else if (word.includes(".")) {
    if (args.length < 2) return "Module config specified without value";
    words.moduleSettings.set(word, args.slice(1).join(" "));
  } else if (word === "sentinel") {
    return "sentinel directive while not in sentinel mode";
  } else {
    return "Bad directive or wrong number of arguments";
  }
  return undefined;
}

/** What can only be judged when all lines are in. */
function checkWhole(config: Config): string | undefined {
  const logFile = config.text("logfile");
  if (logFile !== "") {
    try {
      config.host.files.append(logFile, new Uint8Array(0));
    } catch (error) {
      return `Can't open the log file: ${errorText(error)}`;
    }
  }
  if (config.boolean("cluster-enabled") && config.value("replicaof") !== null) {
    return "replicaof directive not allowed in cluster mode";
  }
  return undefined;
}

// --- Files ---

/** Drops from every piece of a line what follows a NUL byte, as reading C strings does. */
function cutAtNul(text: string): string {
  if (!text.includes("\0")) return text;
  let out = "";
  for (const line of text.split(/(?<=\n)/)) {
    for (let at = 0; at < line.length; at += PIECE) out += line.slice(at, at + PIECE).split("\0", 1)[0];
  }
  return out;
}

/** The text of a configuration file; a directory reads as empty. */
function readConfigFile(host: ConfigHost, path: string): string {
  try {
    return cutAtNul(fromBytes(host.files.read(path)));
  } catch (error) {
    if (errorCode(error) === "EISDIR") return "";
    throw new ConfigError("log", `Fatal error, can't open config file '${path}': ${errorText(error)}`);
  }
}

/** The text of an included file; of all matching files, one after the other, for a pattern. */
function readIncluded(host: ConfigHost, path: string): string {
  if (!/[*?[]/.test(path)) return readConfigFile(host, path);
  return expandPattern(host, path).map((file) => readConfigFile(host, file)).join("");
}

/** An absolute path: `..` at the start is resolved against the working directory, other parts stay as they are. */
function absolutePath(host: ConfigHost, path: string): string {
  let relative = trim(path, " \r\n\t");
  if (relative.startsWith("/")) return relative;
  const parts = host.cwd().split("/").filter((part) => part !== "");
  while (relative.startsWith("../")) {
    parts.pop();
    relative = relative.slice(3);
  }
  return "/" + [...parts, relative].join("/");
}

/** A part of a path with * ? [a-z] [!x] as a regular expression. A leading dot must be written out. */
function partPattern(part: string): RegExp {
  const body = part.replace(/\[([!^]?)(\]?[^\]]*)\]|\\.|[^]/g, (token, negated: string, set: string | undefined) => {
    if (token === "*") return "[^]*";
    if (token === "?") return "[^]";
    if (set !== undefined) return `[${negated ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
    return token.replace(/^\\(?=.)/, "").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  });
  return new RegExp(`^${/^[*?[]/.test(part) ? "(?!\\.)" : ""}${body}$`);
}

/** The existing paths that match a glob pattern, sorted. */
function expandPattern(host: ConfigHost, pattern: string): string[] {
  const parts = pattern.split("/").filter((part, i) => part !== "" || i === 0);
  let paths = [parts[0] === "" ? "/" : ""];
  for (const part of parts[0] === "" ? parts.slice(1) : parts) {
    const join = (base: string, name: string) => (base === "" || base.endsWith("/") ? base + name : `${base}/${name}`);
    if (!/[*?[]/.test(part)) {
      paths = paths.map((base) => join(base, part));
      continue;
    }
    const matches = partPattern(part);
    paths = paths.flatMap((base) =>
      listDirectory(host, base === "" ? "." : base).filter((name) => matches.test(name)).map((name) => join(base, name))
    );
  }
  return paths.filter((path) => isThere(host, path)).sort(compareBytes);
}

/** The names in a directory; none when it isn't one. */
function listDirectory(host: ConfigHost, path: string): string[] {
  try {
    return host.files.list(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(error))) return [];
    throw error;
  }
}

/** Whether a path names something that can be tried to open. */
function isThere(host: ConfigHost, path: string): boolean {
  try {
    host.files.read(path);
    return true;
  } catch (error) {
    return errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR";
  }
}
