// values.ts - what a Lua value is here, and how native functions are called.
//
//   nil        undefined                string     string, one character (0 to 255) a byte
//   boolean    boolean                  table      Table
//   number     number                   function   Closure (function.ts) or NativeFunction
//   thread     Coroutine (thread.ts)    userdata   LightUserdata: only cjson.null and its like
//
// JavaScript's numbers are Lua 5.1's, and its strings of bytes concatenate, compare and hash faster than any of our
// own. A Lua string never holds a character above 255: text from outside comes through latin1 (bytes.ts).
//
// Native functions come in two kinds. A plain one gets its arguments and answers. One that calls back into Lua is a
// generator: it yields a CallRequest and is resumed with the results, so that the machine keeps all frames itself and
// a script can be stopped, suspended or yield anywhere, also inside table.sort's comparison. What the called function
// raises is thrown at the `yield`.
//
// Not for operations on values (operators.ts), for tables (table.ts) or for errors (errors.ts).

import type { Closure } from "./function.ts";
import type { Table } from "./table.ts";
import type { Coroutine } from "./thread.ts";
import type { Machine } from "./vm.ts";

export type Value =
  undefined | boolean | number | string | Table | Closure | NativeFunction | Coroutine | LightUserdata;

/** An address without more: equal only to itself. */
export class LightUserdata {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a native function answers: nothing (undefined is one nil), one value, or several in an array. */
export type Results = Value | readonly Value[];
export const NOTHING: readonly Value[] = [];
/** See NativeFunction.either. */
export const CALLS: readonly Value[] = [];

/**
 * Asks the machine to call a function; the generator is resumed with all of its results. A coroutine is resumed and
 * gives what it yields or returns. With `isYield` the running coroutine gives `args` to whom resumed it, and goes on
 * with the arguments of the next resume.
 */
export interface CallRequest {
  readonly callee: Value;
  readonly args: readonly Value[];
  readonly isYield?: boolean;
}

/** `args` holds the arguments that were given, and is the function's own. */
export type Plain = (args: Value[], machine: Machine) => Results;
export type Calling = (args: Value[], machine: Machine) => Generator<CallRequest, Results, readonly Value[]>;

export class NativeFunction {
  /** Its name for who reads a dump; messages use the name by which it was called, as Lua does. */
  readonly name: string;
  readonly plain: Plain | undefined;
  readonly calling: Calling | undefined;

  private constructor(name: string, plain: Plain | undefined, calling: Calling | undefined) {
    this.name = name;
    this.plain = plain;
    this.calling = calling;
  }

  static plain(name: string, run: Plain): NativeFunction {
    return new NativeFunction(name, run, undefined);
  }

  static calling(name: string, run: Calling): NativeFunction {
    return new NativeFunction(name, undefined, run);
  }

  /** One that calls back seldom: `quick` answers by itself, or with CALLS to have the other called instead. */
  static either(name: string, quick: Plain, run: Calling): NativeFunction {
    return new NativeFunction(name, quick, run);
  }
}
