// metamethods.ts - what instructions do when it isn't the usual: metamethods, operands of other types, elements along
// __index, long lists.
//
// A metamethod that is a Lua function pushes a frame, and what it gives comes later: callers of such functions here
// learn that (PUSHED, or true) and leave their loop. They have stored the frame's `pc` before, for messages.
//
// Not for the usual case (vm.ts) or for calls as such (calls.ts).

import { toNumber, toText } from "./arguments.ts";
import { Calls } from "./calls.ts";
import { LuaError, runtimeError } from "./errors.ts";
import { Closure } from "./function.ts";
import { CONSTANT_BIT, LIST_BATCH, MULTIPLE, OP_LT, aOf, bOf, cOf } from "./opcodes.ts";
import { arithmetic, comparisonError, eventOf, isBelow, isNotAbove } from "./operators.ts";
import { Table } from "./table.ts";
import { type Frame, TO_CALL, TO_CONCAT, TO_LOOP, TO_NOTHING, TO_STACK, TO_TEST } from "./thread.ts";
import { CALLS, NativeFunction, type Value } from "./values.ts";

/** How many tables an access may pass on its way along __index or __newindex. */
const MOST_HOPS = 100;

/** Instead of a value: a frame was pushed, and the value comes later. */
export const PUSHED = Symbol("pushed");
export type Pending = typeof PUSHED;

const isFunction = (value: Value): boolean => value instanceof Closure || value instanceof NativeFunction;
const isText = (value: Value): value is string | number => typeof value === "string" || typeof value === "number";

export abstract class Metamethods extends Calls {
  /** The step of `pairs` and that of `ipairs`, which loops take without calling them. */
  nextStep: Value = undefined;
  ipairsStep: Value = undefined;

  // --- Tables ---

  /** A table's element by a constant key, whose place is remembered for the instruction. */
  protected indexTable(table: Table, key: Value, target: number, hints: Int32Array, pc: number): Value | Pending {
    const slot = table.find(key);
    if (slot >= 0) {
      hints[pc] = slot;
      const value = table.values[slot];
      if (value !== undefined) return value;
    }
    const handler = table.metatable?.get("__index");
    if (handler === undefined) return undefined;
    // A method of a class, mostly.
    if (handler instanceof Table) {
      const value = handler.get(key);
      if (value !== undefined) return value;
    }
    return this.index(table, key, target, -1);
  }

  /** object[key] with metamethods; PUSHED if it comes later to stack[target]. `at`: where the object stands, or -1. */
  protected index(object: Value, key: Value, target: number, at: number): Value | Pending {
    let from = object;
    for (let hops = 0; hops < MOST_HOPS; hops += 1) {
      let handler;
      if (from instanceof Table) {
        const value = from.get(key);
        if (value !== undefined || from.metatable === undefined) return value;
        handler = from.metatable.get("__index");
        if (handler === undefined) return undefined;
      } else {
        handler = this.handler(from, "__index");
        if (handler === undefined) throw this.typeError(from, hops === 0 ? at : -1, "index");
      }
      if (isFunction(handler)) return this.invokeFor(handler, [from, key], target);
      from = handler;
    }
    throw runtimeError("loop in gettable");
  }

  /** The first result of a call, or PUSHED if it comes later to stack[target]. */
  protected invokeFor(callee: Value, args: readonly Value[], target: number): Value | Pending {
    const { thread } = this;
    const { depth } = thread;
    this.invoke(callee, args, TO_STACK, target);
    return thread.depth === depth ? thread.stack[target] : PUSHED;
  }

  /** object[key] = value with metamethods; true if a frame was pushed. */
  protected setIndex(object: Value, key: Value, value: Value, at: number): boolean {
    let into = object;
    for (let hops = 0; hops < MOST_HOPS; hops += 1) {
      let handler;
      if (into instanceof Table) {
        handler = into.metatable?.get("__newindex");
        const isWrong = key === undefined || key !== key;
        if (handler === undefined || into.isReadonly || isWrong || into.get(key) !== undefined) {
          into.set(key, value);
          return false;
        }
      } else {
        handler = this.handler(into, "__newindex");
        if (handler === undefined) throw this.typeError(into, hops === 0 ? at : -1, "index");
      }
      if (isFunction(handler)) {
        const { depth } = this.thread;
        this.invoke(handler, [into, key, value], TO_NOTHING, 0);
        return this.thread.depth !== depth;
      }
      into = handler;
    }
    throw runtimeError("loop in settable");
  }

  protected storeList(a: number, count: number, batch: number): void {
    const { stack } = this.thread;
    const table = stack[a] as Table;
    const given = count === 0 ? this.top - a - 1 : count;
    const first = (batch - 1) * LIST_BATCH;
    table.reserve(first + given);
    this.spendMemory(8 * given);
    for (let index = 1; index <= given; index += 1) table.array[first + index] = stack[a + index];
  }

  // --- Operators ---

  /** Arithmetic on what aren't two numbers; true if a frame was pushed. */
  protected arithmetic(word: number, x: Value, y: Value, a: number, base: number): boolean {
    const { thread } = this;
    const result = arithmetic(word & 63, x, y);
    if (result !== undefined) {
      thread.stack[a] = result;
      return false;
    }
    const event = eventOf(word & 63);
    const handler = this.handler(x, event) ?? this.handler(y, event);
    if (handler !== undefined) return this.invokeFor(handler, [x, y], a) === PUSHED;
    const isSecond = toNumber(x) !== undefined;
    const operand = isSecond ? cOf(word) : bOf(word);
    const at = (operand & CONSTANT_BIT) !== 0 ? -1 : base + operand;
    throw this.typeError(isSecond ? y : x, at, "perform arithmetic on");
  }

  protected continueConcat(last: number): void {
    const { thread } = this;
    const { stack } = thread;
    const { base, pc, closure } = thread.top;
    const word = (closure as Closure).prototype.code[pc - 1];
    let done = stack[last];
    for (let at = last - 1; at >= base + bOf(word); at -= 1) {
      const x = stack[at];
      if (isText(x) && isText(done)) {
        done = (toText(x) as string) + (toText(done) as string);
        this.spendMemory(done.length);
        continue;
      }
      const handler = this.handler(x, "__concat") ?? this.handler(done, "__concat");
      if (handler === undefined) throw this.typeError(isText(x) ? done : x, isText(x) ? at + 1 : at, "concatenate");
      this.invoke(handler, [x, done], TO_CONCAT, at);
      return;
    }
    stack[base + aOf(word)] = done;
  }

  protected equals(x: Table, y: Table, word: number): boolean | Pending {
    const handler = x.metatable?.get("__eq");
    if (handler === undefined || handler !== y.metatable?.get("__eq")) return false;
    return this.test(handler, [x, y], aOf(word));
  }

  protected compare(x: Value, y: Value, word: number): boolean | Pending {
    const isBelowWanted = (word & 63) === OP_LT;
    const holds = isBelowWanted ? isBelow(x, y) : isNotAbove(x, y);
    if (holds !== undefined) return holds;
    const handler = this.orderHandler(x, y, isBelowWanted ? "__lt" : "__le");
    if (handler !== undefined) return this.test(handler, [x, y], aOf(word));
    const opposite = isBelowWanted ? undefined : this.orderHandler(y, x, "__lt");
    if (opposite === undefined) throw comparisonError(x, y);
    return this.test(opposite, [y, x], 1 - aOf(word));
  }

  /** The metamethod that both operands share. */
  protected orderHandler(x: Value, y: Value, event: string): Value {
    const handler = this.handler(x, event);
    return handler !== undefined && handler === this.handler(y, event) ? handler : undefined;
  }

  /** Lets a metamethod decide the comparison of the current instruction. */
  protected test(handler: Value, args: readonly Value[], expected: number): Pending {
    this.invoke(handler, args, TO_TEST, expected);
    return PUSHED;
  }

  // --- Loops and calls ---

  protected prepareLoop(a: number): void {
    const { stack } = this.thread;
    const start = toNumber(stack[a]);
    const limit = toNumber(stack[a + 1]);
    const step = toNumber(stack[a + 2]);
    if (start === undefined) throw runtimeError("'for' initial value must be a number");
    if (limit === undefined) throw runtimeError("'for' limit must be a number");
    if (step === undefined) throw runtimeError("'for' step must be a number");
    stack[a] = start - step;
    stack[a + 1] = limit;
    stack[a + 2] = step;
  }

  /** The next pair of a table into a loop's variables; false if there is none. */
  protected stepPairs(table: Table, a: number, wanted: number): boolean {
    const { stack } = this.thread;
    const from = table.positionOf(stack[a + 2]);
    if (from < 0) throw new LuaError("invalid key to 'next'");
    const position = table.after(from);
    if (position === 0) {
      stack[a + 3] = undefined;
      return false;
    }
    const key = table.keyAt(position);
    stack[a + 2] = key;
    stack[a + 3] = key;
    if (wanted > 1) stack[a + 4] = table.valueAt(position);
    for (let index = 2; index < wanted; index += 1) stack[a + 3 + index] = undefined;
    return true;
  }

  protected stepIpairs(table: Table, a: number, wanted: number): boolean {
    const { stack } = this.thread;
    const key = (stack[a + 2] as number) + 1;
    const value = table.get(key);
    if (value === undefined) {
      stack[a + 3] = undefined;
      return false;
    }
    stack[a + 2] = key;
    stack[a + 3] = key;
    if (wanted > 1) stack[a + 4] = value;
    for (let index = 2; index < wanted; index += 1) stack[a + 3 + index] = undefined;
    return true;
  }

  protected callStep(a: number, wanted: number): void {
    const { thread } = this;
    const { stack } = thread;
    thread.extend(a + 6 + wanted);
    this.checkNesting();
    const step = stack[a];
    if (step instanceof NativeFunction && step.plain !== undefined) {
      const results = this.runPlain(step, [stack[a + 1], stack[a + 2]]);
      if (results !== CALLS) {
        this.deliver(TO_LOOP, a + 3, wanted, results);
        return;
      }
    }
    for (let index = 0; index < 3; index += 1) stack[a + 3 + index] = stack[a + index];
    this.enter(a + 3, a + 6, wanted, TO_LOOP, a + 3);
  }

  protected tailCall(frame: Frame, a: number, top: number): void {
    const { thread } = this;
    const { stack } = thread;
    if (!(stack[a] instanceof Closure)) {
      this.enter(a, top, MULTIPLE, TO_CALL, a);
      return;
    }
    thread.close(frame.base);
    const count = top - a;
    for (let index = 0; index < count; index += 1) stack[frame.func + index] = stack[a + index];
    const { func, wanted, delivery, target, calls, tailCalls } = frame;
    thread.depth -= 1;
    const next = this.enterClosure(stack[func] as Closure, func, func + count, wanted);
    next.delivery = delivery;
    next.target = target;
    next.calls = calls;
    next.tailCalls = tailCalls + 1;
  }

  protected placeVarargs(frame: Frame, a: number, wanted: number): void {
    const { thread } = this;
    const { stack } = thread;
    const { parameters } = (frame.closure as Closure).prototype;
    const first = frame.func + 1 + parameters;
    const given = frame.base - first;
    const count = wanted === MULTIPLE ? given : wanted;
    if (a + count > stack.length) thread.extend(a + count);
    for (let index = 0; index < count; index += 1) stack[a + index] = index < given ? stack[first + index] : undefined;
    this.top = a + count;
  }
}
