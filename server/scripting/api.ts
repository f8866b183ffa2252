// api.ts - what scripts find in `server` (and `redis`, which is the same table), and what libraries find while loading.
//
// Not for running commands (calls.ts) or for the rest of a script's world (environment.ts).

import { cString } from "../config/text.ts";
import { isFunction, toNumber, toText } from "./lua/arguments.ts";
import type { LuaFunction } from "./lua/arguments.ts";
import { LuaError } from "./lua/errors.ts";
import type { RandomNumbers } from "./lua/lib-math.ts";
import { Table } from "./lua/table.ts";
import { NativeFunction, NOTHING } from "./lua/values.ts";
import type { Plain, Value } from "./lua/values.ts";
import type { Calls } from "./calls.ts";
import { errorTable } from "./reply-values.ts";
import { SCRIPT_FLAGS } from "./shebang.ts";

/** A function of a library as it registered itself. */
export interface RegisteredFunction {
  name: string;
  description: string | undefined;
  flags: number;
  body: LuaFunction;
}

/** What the API needs of the one who runs scripts. */
export interface ScriptHost {
  readonly calls: Calls;
  /** The reply types that server.call() gives and returned values become: those of RESP 2 or 3. */
  setResp(resp: 2 | 3): void;
  log(level: number, text: string): void;
  sha1(text: string): string;
  /** Functions that the library which is being loaded has registered; undefined when none is. */
  readonly registered: RegisteredFunction[] | undefined;
  /** Seconds that the process has computed. */
  clock(): number;
  readonly random: RandomNumbers;
  /** lua-enable-insecure-api */
  readonly isInsecure: boolean;
  readonly versions: Readonly<Record<string, string | number>>;
}

const LOG_LEVELS = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 };
const REPLICATION = { REPL_NONE: 0, REPL_AOF: 1, REPL_SLAVE: 2, REPL_REPLICA: 2, REPL_ALL: 3 };

const raise = (text: string): LuaError => new LuaError(errorTable(text));

/** A number as C casts it to int; 0 for what is none. */
const toCInt = (value: Value): number => Math.trunc(toNumber(value) ?? 0);

// --- Functions of server ---

const call = (host: ScriptHost): Plain => {
  const { calls } = host;
  return (args) => {
    const result = calls.run(args);
    if (calls.failed) throw new LuaError(result);
    return result;
  };
};

const log = (host: ScriptHost): Plain => (args) => {
  if (args.length < 2) throw raise("server.log() requires two arguments or more.");
  if (toNumber(args[0]) === undefined) throw raise("First argument must be a number (log level).");
  const level = toCInt(args[0]);
  if (level < LOG_LEVELS.LOG_DEBUG || level > LOG_LEVELS.LOG_WARNING) throw raise("Invalid log level.");
  const parts = args.slice(1).map(toText).filter((part) => part !== undefined);
  host.log(level, parts.map(cString).join(" "));
  return NOTHING;
};

const setResp = (host: ScriptHost): Plain => (args) => {
  if (args.length !== 1) throw raise("server.setresp() requires one argument.");
  const resp = toCInt(args[0]);
  if (resp !== 2 && resp !== 3) throw raise("RESP version must be 2 or 3.");
  host.setResp(resp);
  return NOTHING;
};

const sha1hex = (host: ScriptHost): Plain => (args) => {
  if (args.length !== 1) throw raise("wrong number of arguments");
  return host.sha1(toText(args[0]) ?? "");
};

const errorReply: Plain = (args) => {
  if (args.length !== 1 || typeof args[0] !== "string") return errorTable("wrong number or type of arguments");
  const text = cString(args[0]);
  return errorTable(text.startsWith("-") ? text : `-${text}`);
};

const statusReply: Plain = (args) => {
  if (args.length !== 1 || typeof args[0] !== "string") return errorTable("wrong number or type of arguments");
  const table = new Table();
  table.set("ok", args[0]);
  return table;
};

/** Checked and without effect: nothing is replicated yet. */
const setRepl: Plain = (args) => {
  if (args.length !== 1) throw raise("server.set_repl() requires one argument.");
  if ((toCInt(args[0]) & ~REPLICATION.REPL_ALL) !== 0) {
    throw raise("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  return NOTHING;
};

const aclCheckCommand = (host: ScriptHost): Plain => (args) => {
  const problem = host.calls.put(args);
  if (problem !== undefined) throw new LuaError(problem);
  const answer = host.calls.may(args.length);
  if (answer === undefined) throw raise("Invalid command passed to server.acl_check_cmd()");
  return answer;
};

function fill(table: Table, functions: Readonly<Record<string, Plain>>, fields: Readonly<Record<string, Value>>): void {
  for (const [name, run] of Object.entries(functions)) table.set(name, NativeFunction.plain(name, run));
  for (const [name, value] of Object.entries(fields)) table.set(name, value);
}

/** The table `server` for scripts (`isEval`) or for functions. */
export function serverTable(host: ScriptHost, isEval: boolean): Table {
  const table = new Table();
  fill(table, {
    call: call(host), pcall: (args) => host.calls.run(args), log: log(host), setresp: setResp(host),
    sha1hex: sha1hex(host), error_reply: errorReply, status_reply: statusReply, set_repl: setRepl,
    acl_check_cmd: aclCheckCommand(host),
  }, { ...LOG_LEVELS, ...REPLICATION, ...host.versions });
  // What the debugger would answer to: there is none.
  if (isEval) fill(table, { breakpoint: () => false, debug: () => NOTHING, replicate_commands: () => true }, {});
  return table;
}

// --- Functions of a library that is being loaded ---

/** The bits that a list of flags in a table names; undefined when one of them is unknown. */
function flagsIn(list: Table): number | undefined {
  let bits = 0;
  for (let i = 1; ; i++) {
    const value = list.get(i);
    if (value === undefined) return bits;
    const text = toText(value)?.toLowerCase();
    const known = SCRIPT_FLAGS.find(([name]) => name === text);
    if (known === undefined) return undefined;
    bits |= known[1];
  }
}

/** Reads one named argument; the text of an error when it is wrong. */
function readNamed(made: Partial<RegisteredFunction>, key: Value, value: Value): string | undefined {
  switch (toText(key)?.toLowerCase()) {
    case undefined: return "named argument key given to server.register_function is not a string";
    case "function_name":
      made.name = toText(value);
      return made.name === undefined ? "function_name argument given to server.register_function must be a string"
        : undefined;
    case "description":
      made.description = toText(value);
      return made.description === undefined
        ? "description argument given to server.register_function must be a string" : undefined;
    case "callback":
      if (!isFunction(value)) return "callback argument given to server.register_function must be a function";
      made.body = value;
      return undefined;
    case "flags": {
      if (!(value instanceof Table)) {
        return "flags argument to server.register_function must be a table representing function flags";
      }
      made.flags = flagsIn(value);
      return made.flags === undefined ? "unknown flag given" : undefined;
    }
    default: return "unknown argument given to server.register_function";
  }
}

function namedFunction(table: Value): RegisteredFunction {
  if (!(table instanceof Table)) {
    throw raise("calling server.register_function with a single argument is only applicable to Lua table " +
      "(representing named arguments).");
  }
  const made: Partial<RegisteredFunction> = {};
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const problem = readNamed(made, table.keyAt(at), table.valueAt(at));
    if (problem !== undefined) throw raise(problem);
  }
  const { name, description, flags, body } = made;
  if (name === undefined) throw raise("server.register_function must get a function name argument");
  if (body === undefined) throw raise("server.register_function must get a callback argument");
  return { name, description, flags: flags ?? 0, body };
}

function positionalFunction(first: Value, body: Value): RegisteredFunction {
  const name = toText(first);
  if (name === undefined) throw raise("first argument to server.register_function must be a string");
  if (!isFunction(body)) throw raise("second argument to server.register_function must be a function");
  return { name, description: undefined, flags: 0, body };
}

const registerFunction = (host: ScriptHost): Plain => (args) => {
  const { registered } = host;
  if (registered === undefined) {
    throw raise("server.register_function can only be called on FUNCTION LOAD command");
  }
  if (args.length < 1 || args.length > 2) throw raise("wrong number of arguments to server.register_function");
  registered.push(args.length === 1 ? namedFunction(args[0]) : positionalFunction(args[0], args[1]));
  return NOTHING;
};

/** The table `server` while a library is being loaded. */
export function loadingTable(host: ScriptHost): Table {
  const table = new Table();
  fill(table, { register_function: registerFunction(host), log: log(host) }, { ...LOG_LEVELS, ...host.versions });
  return table;
}
