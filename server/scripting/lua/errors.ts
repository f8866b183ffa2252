// errors.ts - Lua errors on their way from where they are raised to a pcall, and where their text gets its place.
//
// A message begins with the place that raised it ("user_script:3: ..."), and only the machine knows that place. So what
// is thrown says which place it wants, and the machine puts it before the text when the error arrives there:
//
//   PLACE_NONE     none, or it is there already: error({...}), errors that pcall saw
//   PLACE_RUNTIME  that of the running function if that's written in Lua, none inside a native one: operators, tables
//   PLACE_CALLER   that of whoever called the running native function: what native functions complain of themselves
//
// Not for checking arguments (arguments.ts).

import type { Value } from "./values.ts";

export const PLACE_NONE = 0;
export const PLACE_RUNTIME = 1;
export const PLACE_CALLER = 2;

const NO_ARGUMENT = -1;

/**
 * A raised Lua error. Its value is any Lua value; usually text, with its place before it. It's no JavaScript Error:
 * those note the stack when they are made, which costs ten times as much as all the rest of an error and a pcall.
 */
export class LuaError {
  readonly value: Value;
  readonly place: number;
  /** The number of the argument that it complains of, or NO_ARGUMENT; the machine then adds which function's it was. */
  readonly argument: number;

  constructor(value: Value, place = PLACE_NONE, argument = NO_ARGUMENT) {
    this.value = value;
    this.place = place;
    this.argument = argument;
  }
}

/** What an operation on values complains of; gets its place only if it's a Lua function that is running. */
export const runtimeError = (text: string): LuaError => new LuaError(text, PLACE_RUNTIME);

/** What a native function complains of: "user_script:1: invalid pattern capture". */
export const nativeError = (text: string): LuaError => new LuaError(text, PLACE_CALLER);

/** "bad argument #1 to 'insert' (table expected, got nil)": `n` counts from 1 (0: all), `text` stands in brackets. */
export const argumentError = (n: number, text: string): LuaError => new LuaError(text, PLACE_CALLER, n);

/** Raised from outside to end a script: no pcall catches it. */
export class Abort {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}
