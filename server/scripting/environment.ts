// environment.ts - the worlds that scripts and functions run in: a machine, its globals, what is closed to scripts.
//
//   EvalWorld       globals: libraries, server, redis, KEYS, ARGV; whoever asks for another one gets an error
//   FunctionWorld   empty globals in front of such ones; while a library is being loaded, in front of the little
//                   that it may use then
//
// All tables that can be reached from globals are readonly. Not for running anything: engine.ts.

import { checkInt, checkTable, toText } from "./lua/arguments.ts";
import type { LuaFunction } from "./lua/arguments.ts";
import { argumentError, LuaError, nativeError } from "./lua/errors.ts";
import { Closure } from "./lua/function.ts";
import { openBase } from "./lua/lib-base.ts";
import { coroutineLibrary } from "./lua/lib-coroutine.ts";
import { openLibraries } from "./lua/libraries.ts";
import { compile } from "./lua/parser.ts";
import { Table } from "./lua/table.ts";
import { NativeFunction } from "./lua/values.ts";
import type { Value } from "./lua/values.ts";
import { Machine } from "./lua/vm.ts";
import { loadingTable, serverTable } from "./api.ts";
import type { ScriptHost } from "./api.ts";
import { errorTable } from "./reply-values.ts";

/** What a run of a machine ends with. */
export type Status = ReturnType<Machine["run"]>;

/** A missing global is an error. */
const missingGlobal = NativeFunction.plain("__index", (args) => {
  const name = toText(args[1]);
  if (name === undefined) throw nativeError("Second argument to luaProtectedTableError must be a string or number");
  throw nativeError(`Script attempted to access nonexistent global variable '${name}'`);
});

/** Has whoever looks for what a table does not have get an error. */
function guard(table: Table): Table {
  const metatable = new Table();
  metatable.set("__index", missingGlobal);
  table.metatable = metatable;
  return table;
}

/** Makes a table and all that it leads to readonly. */
function lock(table: Table): void {
  if (table.isReadonly) return;
  table.isReadonly = true;
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const value = table.valueAt(at);
    if (value instanceof Table) lock(value);
  }
  if (table.metatable !== undefined) lock(table.metatable);
}

/** The Lua function that an argument is, or that runs so many levels above; undefined for a native one. */
function functionAt(args: readonly Value[], machine: Machine): Closure | undefined {
  const value = args.length === 0 ? 1 : args[0];
  if (value instanceof Closure) return value;
  if (value instanceof NativeFunction) return undefined;
  const level = checkInt([value], 1);
  if (level < 0) throw argumentError(1, "level must be non-negative");
  return machine.closureAt(level);
}

/** What lua-enable-insecure-api gives back: functions that change other functions' globals. */
function openInsecure({ globals }: Machine): void {
  globals.set("getfenv", NativeFunction.plain("getfenv", (args, machine) => {
    return functionAt(args, machine)?.environment ?? machine.globals;
  }));
  globals.set("setfenv", NativeFunction.plain("setfenv", (args, machine) => {
    const environment = checkTable(args, 2);
    const changed = functionAt(args, machine);
    if (changed === undefined) throw nativeError("'setfenv' cannot change environment of given object");
    changed.environment = environment;
    return changed;
  }));
}

/** What Valkey makes of any error at first, under the names by which scripts can see it. */
const errorHandler = NativeFunction.plain("error_handler", (args) => {
  return args[0] instanceof Table ? args[0] : errorTable(toText(args[0]) ?? describe(args[0]));
});

/** A machine with all that is in a world, not yet locked. */
function openMachine(host: ScriptHost, isEval: boolean): Machine {
  const globals = new Table();
  const machine = new Machine(globals);
  openBase(machine);
  machine.stringMetatable = openLibraries(globals, { clock: host.clock, random: host.random });
  globals.set("coroutine", coroutineLibrary());
  if (host.isInsecure) openInsecure(machine);
  const server = serverTable(host, isEval);
  globals.set("server", server);
  globals.set("redis", server);
  if (!isEval) return machine;
  globals.set("__server__err__handler", errorHandler);
  globals.set("__redis__err__handler", errorHandler);
  return machine;
}

export abstract class World {
  protected readonly machine: Machine;
  readonly #source: string;

  protected constructor(machine: Machine, source: string) {
    this.machine = machine;
    this.#source = source;
  }

  /** A function from its text; the text of an error when it is none. */
  compile(text: string): Closure | string {
    try {
      return new Closure(compile(text, this.#source), this.machine.globals);
    } catch (error) {
      if (error instanceof LuaError) return toText(error.value) ?? "";
      throw error;
    }
  }

  start(body: LuaFunction, args: readonly Value[]): void {
    this.machine.start(body, args);
  }

  run(budget: number): Status {
    return this.machine.run(budget);
  }

  /** What is left of the budget of the last run. */
  get left(): number {
    return this.machine.left;
  }

  /** Ends what runs, with an error that it can't catch. */
  abort(error: Value): void {
    this.machine.abort(error);
  }

  /** Lets go of the values of what has ended. */
  forget(): void {
    this.machine.forget();
  }

  /** What the function gave. */
  get result(): Value {
    return this.machine.results[0];
  }

  /** What was raised, a table with text, source and line unless it was another table. */
  get error(): Value {
    const { error, errorPlace } = this.machine;
    const table = error instanceof Table ? error : new Table();
    if (table !== error) table.set("err", `ERR ${toText(error) ?? describe(error)}`);
    if (errorPlace === undefined || table.isReadonly) return table;
    table.set("source", `@${errorPlace.source}`);
    table.set("line", errorPlace.line);
    return table;
  }
}

/** What tostring() makes of a value that is neither text nor a table. */
const describe = (value: Value): string => (value === undefined ? "nil" : String(value));

export class EvalWorld extends World {
  constructor(host: ScriptHost) {
    const machine = openMachine(host, true);
    guard(machine.globals);
    lock(machine.globals);
    lock(machine.stringMetatable!);
    super(machine, "@user_script");
  }

  /** The keys and arguments of the next script. */
  setGlobals(keys: Table, args: Table): void {
    const { globals } = this.machine;
    globals.isReadonly = false;
    globals.set("KEYS", keys);
    globals.set("ARGV", args);
    globals.isReadonly = true;
  }
}

export class FunctionWorld extends World {
  /** Through which functions see what there is. */
  readonly #view = new Table();
  readonly #all: Table;
  readonly #loading = new Table();

  constructor(host: ScriptHost) {
    const inner = openMachine(host, false);
    const machine = new Machine(new Table());
    machine.stringMetatable = inner.stringMetatable;
    machine.nextStep = inner.nextStep;
    machine.ipairsStep = inner.ipairsStep;
    super(machine, "@user_function");
    this.#all = guard(inner.globals);
    const server = guard(loadingTable(host));
    this.#loading.set("server", server);
    this.#loading.set("redis", server);
    this.#view.set("__index", this.#all);
    machine.globals.metatable = this.#view;
    for (const table of [this.#all, machine.stringMetatable!, guard(this.#loading), machine.globals]) lock(table);
  }

  #show(table: Table): void {
    this.#view.isReadonly = false;
    this.#view.set("__index", table);
    this.#view.isReadonly = true;
  }

  /** Only what libraries may use while they are loaded can be seen until endLoading(). */
  beginLoading(): void {
    this.#show(this.#loading);
  }

  endLoading(): void {
    this.#show(this.#all);
  }
}
