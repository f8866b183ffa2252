/**
 * lua: runs scripts in a machine of its own, with the sandbox and the replies of EVAL but without a server, so that the
 * machine can be held against the real server's.
 */
import { readFileSync } from "node:fs";
import { LuaError, nativeError } from "../../server/scripting/lua/errors.ts";
import { Closure } from "../../server/scripting/lua/function.ts";
import { openBase } from "../../server/scripting/lua/lib-base.ts";
import { coroutineLibrary } from "../../server/scripting/lua/lib-coroutine.ts";
import { RandomNumbers } from "../../server/scripting/lua/lib-math.ts";
import { openLibraries } from "../../server/scripting/lua/libraries.ts";
import { toInteger } from "../../server/scripting/lua/numbers.ts";
import { compile } from "../../server/scripting/lua/parser.ts";
import { Table } from "../../server/scripting/lua/table.ts";
import { NativeFunction, type Value } from "../../server/scripting/lua/values.ts";
import { Machine } from "../../server/scripting/lua/vm.ts";

const BUDGET = 100_000;

/** A machine with all libraries. */
export function newMachine(): Machine {
  const machine = new Machine(new Table());
  openBase(machine);
  machine.globals.set("coroutine", coroutineLibrary());
  machine.stringMetatable = openLibraries(machine.globals, { clock: () => 0, random: new RandomNumbers() });
  return machine;
}

/** As newMachine, and its globals are protected as those of a script. */
function sandbox(): Machine {
  const machine = newMachine();
  const metatable = new Table();
  metatable.set("__index", NativeFunction.plain("", (args) => {
    throw nativeError(`Script attempted to access nonexistent global variable '${String(args[1])}'`);
  }));
  machine.globals.setMetatable(metatable);
  for (let at = machine.globals.after(0); at > 0; at = machine.globals.after(at)) {
    const value = machine.globals.valueAt(at);
    if (value instanceof Table) value.isReadonly = true;
  }
  machine.globals.isReadonly = true;
  return machine;
}

/** What a script gave. */
export interface Outcome {
  readonly results: readonly Value[];
  readonly error?: Value;
}

/** Runs a script to its end, at most `slices` times as long as a budget. */
export function runScript(script: string, machine = sandbox(), slices = 1000, source = "@user_script"): Outcome {
  try {
    machine.start(new Closure(compile(script, source), machine.globals), []);
  } catch (error) {
    if (error instanceof LuaError) return { results: [], error: error.value };
    throw error;
  }
  for (let slice = 0; slice < slices; slice += 1) {
    const state = machine.run(BUDGET);
    if (state === "done") return { results: machine.results };
    if (state === "failed") return { results: [], error: machine.error };
  }
  return { results: [], error: "too long" };
}

/** A value as a reply of EVAL. */
export function replyOf(value: Value): string {
  if (typeof value === "number") return `:${BigInt(toInteger(value))}\r\n`;
  if (typeof value === "string") return `$${value.length}\r\n${value}\r\n`;
  if (value === true) return ":1\r\n";
  if (!(value instanceof Table)) return "$-1\r\n";
  const parts: string[] = [];
  for (let index = 1; value.get(index) !== undefined; index += 1) parts.push(replyOf(value.get(index)));
  return `*${parts.length}\r\n${parts.join("")}`;
}

/** Scripts and the real server's replies to them, without places. */
export function knownScripts(): [script: string, reply: string][] {
  return JSON.parse(readFileSync(new URL("lua-facts.json", import.meta.url), "utf8")) as [string, string][];
}

/** A reply without the place that EVAL adds to errors. */
export const withoutPlace = (reply: string): string => reply.replace(/ script: .*on @user_script:\d+\./, "");

/** What EVAL replies to a script without keys; results and errors that are tables of a server's making excepted. */
export function evaluate(script: string): string {
  let compiled = true;
  try {
    compile(script, "@user_script");
  } catch {
    compiled = false;
  }
  const { results, error } = runScript(script);
  if (error === undefined) return replyOf(results[0]);
  const text = typeof error === "string" ? error : typeof error === "number" ? String(error) : "unknown error";
  const line = text.replace(/[\r\n]/g, " ");
  if (!compiled) return `-ERR Error compiling script (new function): ${line}\r\n`;
  return `-ERR ${line} script: on @user_script:1.\r\n`;
}
