// lib-base.ts - Lua's basic functions, as far as Valkey's sandbox has them: no files, no print, no environments.
//
// Not for coroutines (lib-coroutine.ts).

import {
  checkAny, checkInt, checkOption, checkString, checkTable, isFunction, isMissing, optInt, optString,
  toNumber, toText, typeError, typeName,
} from "./arguments.ts";
import { LuaError, argumentError, nativeError } from "./errors.ts";
import { Closure } from "./function.ts";
import { MOST_VALUES, library } from "./library.ts";
import { formatNumber } from "./numbers.ts";
import { compile } from "./parser.ts";
import { Table } from "./table.ts";
import {
  CALLS, type Calling, LightUserdata, NOTHING, NativeFunction, type Plain, type Results, type Value,
} from "./values.ts";
import type { Machine } from "./vm.ts";

// --- Errors ---

const assert: Plain = (args) => {
  const value = checkAny(args, 1);
  if (value === undefined || value === false) throw nativeError(optString(args, 2, "assertion failed!"));
  return args;
};

const raise: Plain = (args, machine) => {
  const level = optInt(args, 2, 1);
  const text = toText(args[0]);
  throw new LuaError(text === undefined || level <= 0 ? args[0] : machine.placeAt(level) + text);
};

/** An error that is a table with a text `err` is given as that: what scripts from before there were such expect. */
const pcall: Calling = function* (args) {
  try {
    const results = yield { callee: args[0], args: args.slice(1) };
    return [true, ...results];
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    const { value } = error;
    const text = value instanceof Table ? value.get("err") : undefined;
    return [false, toText(text) === undefined ? value : text];
  }
};

/** How often a handler of errors may fail on its own errors. */
const MOST_HANDLER_ERRORS = 221;

const xpcall: Calling = function* (args) {
  checkAny(args, 2);
  let raised: LuaError;
  try {
    const results = yield { callee: args[0], args: NOTHING };
    return [true, ...results];
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    raised = error;
  }
  if (!isFunction(args[1])) return [false, "error in error handling"];
  for (let count = 0; count < MOST_HANDLER_ERRORS; count += 1) {
    try {
      const results = yield { callee: args[1], args: [raised.value] };
      return [false, results[0]];
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      raised = error;
    }
  }
  return [false, "error in error handling"];
};

// --- Tables ---

const rawget: Plain = (args) => {
  const table = checkTable(args, 1);
  return table.get(checkAny(args, 2));
};

const rawset: Plain = (args) => {
  const table = checkTable(args, 1);
  const key = checkAny(args, 2);
  table.set(key, checkAny(args, 3));
  return table;
};

const rawequal: Plain = (args) => {
  const first = checkAny(args, 1);
  return first === checkAny(args, 2);
};

const next: Plain = (args) => {
  const table = checkTable(args, 1);
  const from = table.positionOf(args[1]);
  if (from < 0) throw new LuaError("invalid key to 'next'");
  const position = table.after(from);
  return position === 0 ? undefined : [table.keyAt(position), table.valueAt(position)];
};

const ipairsStep: Plain = (args) => {
  const index = checkInt(args, 2) + 1;
  const value = checkTable(args, 1).get(index);
  return value === undefined ? NOTHING : [index, value];
};

const unpack: Plain = (args) => {
  const table = checkTable(args, 1);
  const from = optInt(args, 2, 1);
  const to = isMissing(args, 3) ? table.length() : checkInt(args, 3);
  if (from > to) return NOTHING;
  const count = to - from + 1;
  if (count + args.length > MOST_VALUES) throw nativeError("too many results to unpack");
  const values: Value[] = [];
  for (let index = from; index <= to; index += 1) values.push(table.get(index));
  return values;
};

const getmetatable: Plain = (args, machine) => {
  const metatable = machine.metatableOf(checkAny(args, 1));
  return metatable?.get("__metatable") ?? metatable;
};

const setmetatable: Plain = (args) => {
  const table = checkTable(args, 1);
  const metatable = args[1];
  if (args.length < 2 || !(metatable === undefined || metatable instanceof Table)) {
    throw argumentError(2, "nil or table expected");
  }
  if (table.metatable?.get("__metatable") !== undefined) throw nativeError("cannot change a protected metatable");
  table.setMetatable(metatable);
  return table;
};

// --- Values ---

const select: Plain = (args) => {
  const count = args.length;
  if (args[0] === "#") return count - 1;
  let from = checkInt(args, 1);
  if (from < 0) from += count;
  else if (from > count) from = count;
  if (from < 1) throw argumentError(1, "index out of range");
  return args.slice(from);
};

const MOST_UNSIGNED = 2 ** 64;

/** As C's strtoul: digits of any base up to 36, a sign, blanks around, "0x" for base 16. */
function parseUnsigned(text: string, base: number): number | undefined {
  const prefix = base === 16 ? "(?:0[xX](?=[0-9a-fA-F]))?" : "";
  const match = new RegExp(`^[ \\t\\n\\v\\f\\r]*([+-]?)${prefix}([0-9a-zA-Z]+)[ \\t\\n\\v\\f\\r]*$`)
    .exec(text.split("\0", 1)[0]);
  if (match === null) return undefined;
  let value = 0n;
  for (const digit of match[2]) {
    const worth = Number.parseInt(digit, 36);
    if (worth >= base) return undefined;
    if (value < BigInt(MOST_UNSIGNED)) value = value * BigInt(base) + BigInt(worth);
  }
  if (value >= BigInt(MOST_UNSIGNED)) return Number(MOST_UNSIGNED);
  return Number(match[1] === "-" ? BigInt.asUintN(64, -value) : value);
}

const tonumber: Plain = (args) => {
  const base = optInt(args, 2, 10);
  if (base === 10) return toNumber(checkAny(args, 1));
  const text = checkString(args, 1);
  if (base < 2 || base > 36) throw argumentError(2, "base out of range");
  return parseUnsigned(text, base);
};

const tostring: Plain = (args, machine) => {
  const value = checkAny(args, 1);
  return machine.handler(value, "__tostring") === undefined ? textOf(value, machine) : CALLS;
};

const tostringCalling: Calling = function* (args, machine) {
  const value = checkAny(args, 1);
  const handler = machine.handler(value, "__tostring");
  if (handler === undefined) return textOf(value, machine);
  const results = yield { callee: handler, args: [value] };
  return results[0];
};

/** What `tostring` gives for a value without a metamethod. */
function textOf(value: Value, machine: Machine): string {
  switch (typeof value) {
    case "undefined": return "nil";
    case "boolean": return value ? "true" : "false";
    case "number": return formatNumber(value);
    case "string": return value;
    default: return `${typeName(value)}: ${value instanceof LightUserdata ? value.name : machine.addressOf(value)}`;
  }
}

// --- Compiling ---

/** A function of a text, or nil and what is wrong with it. */
function load(text: string, name: string, machine: Machine): Results {
  try {
    return new Closure(compile(text, name, machine.nesting), machine.globals);
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    return [undefined, error.value];
  }
}

const loadstring: Plain = (args, machine) => {
  const text = checkString(args, 1);
  return load(text, optString(args, 2, text), machine);
};

const loadPieces: Calling = function* (args, machine) {
  const reader = args[0];
  if (!isFunction(reader)) throw typeError(args, 1, "function");
  const name = optString(args, 2, "=(load)");
  let text = "";
  try {
    for (;;) {
      const [value] = yield { callee: reader, args: NOTHING };
      const piece = value === undefined ? "" : toText(value);
      if (piece === undefined) throw new LuaError(`${machine.placeAt(2)}reader function must return a string`);
      if (piece === "") break;
      text += piece;
    }
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    return [undefined, error.value];
  }
  return load(text, name, machine);
};

// --- Memory ---

const GARBAGE_OPTIONS = ["stop", "restart", "collect", "count", "step", "setpause", "setstepmul"] as const;
const DEFAULT_PACE = 200;
/** What scripts are told of the heap's size: the heap is the runtime's, and nothing tells which part is theirs. */
const HEAP_KIB = 64;

/** collectgarbage: the collector is the runtime's, so it does nothing; settings give back what was set before. */
function garbageFunction(): Plain {
  const paces = new Map<string, number>();
  return (args) => {
    const option = checkOption(args, 1, GARBAGE_OPTIONS, "collect");
    const value = optInt(args, 2, 0);
    if (option === "count") return HEAP_KIB;
    if (option === "step") return false;
    if (!option.startsWith("set")) return 0;
    const before = paces.get(option) ?? DEFAULT_PACE;
    paces.set(option, value);
    return before;
  };
}

/** Puts the basic functions into a machine's globals. */
export function openBase(machine: Machine): void {
  const { globals } = machine;
  const functions = library({
    assert, collectgarbage: garbageFunction(), error: raise, gcinfo: () => HEAP_KIB,
    getmetatable, ipairs: (args) => [machine.ipairsStep, checkTable(args, 1), 0], loadstring, next,
    pairs: (args) => [machine.nextStep, checkTable(args, 1), undefined], rawequal, rawget, rawset, select,
    setmetatable, tonumber, type: (args) => typeName(checkAny(args, 1)), unpack,
  }, { load: loadPieces, pcall, xpcall });
  functions.set("tostring", NativeFunction.either("tostring", tostring, tostringCalling));
  for (let at = functions.after(0); at > 0; at = functions.after(at)) {
    globals.set(functions.keyAt(at), functions.valueAt(at));
  }
  machine.nextStep = globals.get("next");
  machine.ipairsStep = library({ step: ipairsStep }).get("step");
  globals.set("_G", globals);
  globals.set("_VERSION", "Lua 5.1");
}
