// thread.ts - a thread of Lua: its stack of values, the functions that it's inside of, and the variables that inner
// functions share with it. The script is one, each coroutine is one.
//
//   stack   ... | function | extra arguments | R0 R1 R2 ... | function | R0 R1 ...
//                 ^func                        ^base
//   frames  one for each function that was entered and not left: written in Lua (closure), or native with a generator
//
// Plain native functions have no frame: nothing can interrupt them. A frame says what becomes of its results
// (`delivery`), so that no JavaScript call waits for them.
//
// Not for running anything (vm.ts).

import { type LuaError, runtimeError } from "./errors.ts";
import { type Closure, Upvalue } from "./function.ts";
import { type CallRequest, NOTHING, type Results, type Value } from "./values.ts";

// What becomes of a function's results.
/** They are a call's: to where the function stood in the stack, `wanted` of them. */
export const TO_CALL = 0;
/** The first goes to stack[target]. */
export const TO_STACK = 1;
export const TO_NOTHING = 2;
/** The first decides a comparison, whose jump follows: skip it unless the result is true as often as `target` is. */
export const TO_TEST = 3;
/** The first goes to stack[target], then the rest of the concatenation follows. */
export const TO_CONCAT = 4;
/** A loop's next values. */
export const TO_LOOP = 5;
/** All go to the native function beneath. */
export const TO_NATIVE = 6;
/** They are those of the thread. */
export const TO_END = 7;

/** How many functions may be inside of each other in one thread. */
const MOST_FRAMES = 16383;
const FIRST_STACK = 64;

export class Frame {
  closure: Closure | undefined = undefined;
  generator: Generator<CallRequest, Results, readonly Value[]> | undefined = undefined;
  func = 0;
  base = 0;
  /** The next instruction. */
  pc = 0;
  delivery = TO_CALL;
  wanted = 0;
  target = 0;
  /** How deep native calls were nested before it. */
  calls = 0;
  /** How many functions it replaced by tail calls. */
  tailCalls = 0;
  /** With what its generator goes on: results, or an error. */
  input: readonly Value[] = NOTHING;
  failure: LuaError | undefined = undefined;
}

export class Coroutine {
  status: "suspended" | "running" | "normal" | "dead" = "suspended";
  readonly stack: Value[] = [undefined];
  readonly frames: Frame[] = [];
  /** The index of the innermost frame, or -1. */
  depth = -1;
  /** Variables in the stack that closures use, by rising index. */
  readonly open: Upvalue[] = [];
  /** Who resumed it. */
  parent: Coroutine | undefined = undefined;
  /** How deep native calls were nested when it was resumed. */
  calls = 0;
  /** What it runs, until it was first resumed. */
  main: Value;

  constructor(main: Value) {
    this.main = main;
    this.extend(0);
  }

  /** Forgets all values of a thread that has ended; false if it's still inside of a function. */
  clear(): boolean {
    if (this.depth >= 0 || this.open.length > 0) return false;
    this.main = undefined;
    this.stack.fill(undefined);
    for (const frame of this.frames) {
      frame.closure = undefined;
      frame.input = NOTHING;
    }
    return true;
  }

  get top(): Frame {
    return this.frames[this.depth];
  }

  /** A frame above the innermost one; its fields are left to the caller. */
  push(): Frame {
    if (this.depth >= MOST_FRAMES - 1) throw runtimeError("stack overflow");
    this.depth += 1;
    if (this.depth === this.frames.length) this.frames.push(new Frame());
    return this.frames[this.depth];
  }

  /** Makes the stack so long at least. */
  extend(length: number): void {
    const { stack } = this;
    for (let index = stack.length; index < length + FIRST_STACK; index += 1) stack.push(undefined);
  }

  /** The variable at an index of the stack, shared by all that use it. */
  share(index: number): Upvalue {
    const { open } = this;
    let at = open.length;
    while (at > 0 && open[at - 1].index >= index) at -= 1;
    if (at < open.length && open[at].index === index) return open[at];
    const upvalue = new Upvalue(this.stack, index);
    open.splice(at, 0, upvalue);
    return upvalue;
  }

  /** Variables from an index on leave the stack for boxes of their own. */
  close(index: number): void {
    const { open } = this;
    while (open.length > 0 && open[open.length - 1].index >= index) {
      const upvalue = open.pop() as Upvalue;
      upvalue.place = [upvalue.place[upvalue.index]];
      upvalue.index = 0;
    }
  }
}
