// lib-coroutine.ts - coroutines. The machine does the switching: requests of these functions ask it to.

import { argumentError, LuaError, PLACE_CALLER } from "./errors.ts";
import { Closure } from "./function.ts";
import { library } from "./library.ts";
import type { Table } from "./table.ts";
import { Coroutine } from "./thread.ts";
import { type Calling, NativeFunction, type Plain, type Value } from "./values.ts";
import { toText } from "./arguments.ts";

function checkCoroutine(args: readonly Value[]): Coroutine {
  const value = args[0];
  if (!(value instanceof Coroutine)) throw argumentError(1, "coroutine expected");
  return value;
}

const create: Plain = (args) => {
  if (!(args[0] instanceof Closure)) throw argumentError(1, "Lua function expected");
  return new Coroutine(args[0]);
};

function checkResumable(coroutine: Coroutine): void {
  if (coroutine.status !== "suspended") throw new LuaError(`cannot resume ${coroutine.status} coroutine`);
}

const resume: Calling = function* (args) {
  const coroutine = checkCoroutine(args);
  try {
    checkResumable(coroutine);
    const results = yield { callee: coroutine, args: args.slice(1) };
    return [true, ...results];
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    return [false, error.value];
  }
};

/** A function that resumes a coroutine; errors get the caller's place before their own. */
const wrap: Plain = (args, machine) => {
  const coroutine = create(args, machine) as Coroutine;
  return NativeFunction.calling("wrap", function* (values) {
    try {
      checkResumable(coroutine);
      return yield { callee: coroutine, args: values };
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      const text = toText(error.value);
      throw text === undefined ? error : new LuaError(text, PLACE_CALLER);
    }
  });
};

const suspend: Calling = function* (args) {
  return yield { callee: undefined, args, isYield: true };
};

/** Makes the library `coroutine`. */
export function coroutineLibrary(): Table {
  return library({
    create, wrap,
    running: (_, machine) => machine.coroutine,
    status: (args) => checkCoroutine(args).status,
  }, { resume, yield: suspend });
}
