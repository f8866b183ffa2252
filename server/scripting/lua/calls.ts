// calls.ts - how the machine enters and leaves functions: calls, results, native generators, coroutines and errors.
//
//   enter      calls what stands in the stack below its arguments
//   invoke     calls a value with arguments from an array: metamethods, requests of native functions
//   deliver    brings results to whom they belong, as the frame that ended says
//   drive      goes on with a native generator: results in, requests out
//   recover    after an error: leaves frames up to the next generator, which may catch it (pcall is one)
//
// Nothing here waits for a function to end. Native calls are counted as C's Lua counts its nested C calls, since that
// limit, and where a coroutine may yield, can be seen by scripts.
//
// Not for instructions (vm.ts).

import { typeName } from "./arguments.ts";
import { Abort, LuaError, PLACE_NONE, PLACE_RUNTIME, runtimeError } from "./errors.ts";
import { Closure } from "./function.ts";
import { calledName, placeOf, registerName } from "./names.ts";
import { MULTIPLE } from "./opcodes.ts";
import { isTrue } from "./operators.ts";
import { Table } from "./table.ts";
import {
  Coroutine, type Frame, TO_CALL, TO_CONCAT, TO_END, TO_LOOP, TO_NATIVE, TO_NOTHING, TO_STACK, TO_TEST,
} from "./thread.ts";
import { type CallRequest, NOTHING, NativeFunction, type Results, type Value } from "./values.ts";
import type { Machine } from "./vm.ts";

/** How deep native calls may be nested, metamethods and coroutines included. */
const MOST_CALLS = 200;

/** 256 bytes weigh as much as a jump back: with a budget of 100,000 a pause comes after 26 MB at the latest. */
const BYTES_PER_STEP_BITS = 8;

const toList = (results: Results): readonly Value[] =>
  Array.isArray(results) ? results as readonly Value[] : [results as Value];

export abstract class Calls {
  readonly globals: Table;
  /** The metatable of all strings. */
  stringMetatable: Table | undefined = undefined;
  protected thread = new Coroutine(undefined);
  /** The plain native function that is running. */
  protected running: NativeFunction | undefined = undefined;
  /** Behind the last of a call's values when their number isn't in the code. */
  protected top = 0;
  /** How deep native calls are nested. */
  protected calls = 0;
  /** How many more calls and jumps back there may be before a pause; memory counts as well. */
  protected budget = 0;
  protected failure: Value = undefined;
  /** The frame in which that happened. */
  protected failedAt: Frame | undefined = undefined;
  protected isOver = true;
  protected ended: readonly Value[] = NOTHING;

  constructor(globals: Table) {
    this.globals = globals;
  }

  /** What is left of the budget. */
  get left(): number {
    return this.budget;
  }

  /** Counts memory that an instruction took, so that what is taken between two pauses has a bound. */
  protected spendMemory(bytes: number): void {
    this.budget -= bytes >>> BYTES_PER_STEP_BITS;
  }

  /** Counts the text that a native function answered. */
  protected spendOn(results: Results): void {
    const first = Array.isArray(results) ? results[0] : results;
    if (typeof first === "string") this.spendMemory(first.length);
  }

  /** Goes on with a concatenation whose part from stack[last] on is done. */
  protected abstract continueConcat(last: number): void;

  metatableOf(value: Value): Table | undefined {
    if (value instanceof Table) return value.metatable;
    return typeof value === "string" ? this.stringMetatable : undefined;
  }

  /** The metamethod of a value for an event, or undefined. */
  handler(value: Value, event: string): Value {
    return this.metatableOf(value)?.get(event);
  }

  /** The thread that is running, for coroutine.running; undefined for the script itself. */
  get coroutine(): Coroutine | undefined {
    return this.thread.parent === undefined ? undefined : this.thread;
  }

  /** How deep native calls are nested: as much less may a text be nested that is compiled now. */
  get nesting(): number {
    return this.calls;
  }

  /** Counts what a native function did as so many calls: the next pause comes the sooner. */
  spend(calls: number): void {
    this.budget -= calls;
  }

  // --- Calls ---

  protected enter(func: number, top: number, wanted: number, delivery: number, target: number): void {
    const { thread, calls } = this;
    const { stack } = thread;
    let end = top;
    if (!(stack[func] instanceof Closure || stack[func] instanceof NativeFunction)) {
      this.insertHandler(func, end);
      end += 1;
    }
    const callee = stack[func] as Closure | NativeFunction;
    let frame;
    if (callee instanceof Closure) frame = this.enterClosure(callee, func, end, wanted);
    else if (callee.calling === undefined) {
      this.deliver(delivery, target, wanted, this.runPlain(callee, stack.slice(func + 1, end)));
      return;
    } else frame = this.enterGenerator(callee, func, end, wanted);
    frame.delivery = delivery;
    frame.target = target;
    if (delivery !== TO_CALL && delivery !== TO_END) this.calls = calls + 1;
  }

  /** Puts the metamethod that makes a value callable below it, or complains. */
  private insertHandler(func: number, top: number): void {
    const { thread } = this;
    const handler = this.handler(thread.stack[func], "__call");
    if (!(handler instanceof Closure || handler instanceof NativeFunction)) {
      throw this.typeError(thread.stack[func], func, "call");
    }
    thread.extend(top + 1);
    for (let index = top; index > func; index -= 1) thread.stack[index] = thread.stack[index - 1];
    thread.stack[func] = handler;
  }

  /** A frame whose results go to where the function stands; its arguments are behind it in the stack. */
  protected enterClosure(closure: Closure, func: number, top: number, wanted: number): Frame {
    const { thread } = this;
    const { stack } = thread;
    const { prototype } = closure;
    const frame = thread.push();
    let base = func + 1;
    if (prototype.isVararg) base = Math.max(top, base + prototype.parameters);
    if (base + prototype.registers > stack.length) thread.extend(base + prototype.registers);
    for (let index = top; index < func + 1 + prototype.parameters; index += 1) stack[index] = undefined;
    frame.closure = closure;
    frame.generator = undefined;
    frame.func = func;
    frame.base = base;
    frame.pc = 0;
    frame.delivery = TO_CALL;
    frame.wanted = wanted;
    frame.target = func;
    frame.calls = this.calls;
    frame.tailCalls = 0;
    if (prototype.isVararg) this.moveParameters(frame, closure);
    prototype.hints ??= new Int32Array(prototype.code.length);
    return frame;
  }

  /** Of a function with ...: its parameters go above all arguments, which stay where they are. */
  private moveParameters(frame: Frame, closure: Closure): void {
    const { stack } = this.thread;
    const { parameters, needsArg } = closure.prototype;
    const first = frame.func + 1;
    for (let index = 0; index < parameters; index += 1) {
      stack[frame.base + index] = stack[first + index];
      stack[first + index] = undefined;
    }
    stack[frame.base + parameters] = undefined;
    if (!needsArg) return;
    const rest = stack.slice(first + parameters, frame.base);
    const table = Table.of(rest);
    table.set("n", rest.length);
    stack[frame.base + parameters] = table;
  }

  private enterGenerator(callee: NativeFunction, func: number, top: number, wanted: number): Frame {
    const { thread } = this;
    const frame = thread.push();
    const args = thread.stack.slice(func + 1, top);
    frame.closure = undefined;
    frame.generator = callee.calling?.(args, this as unknown as Machine);
    frame.func = func;
    frame.base = func + 1;
    frame.pc = 0;
    frame.wanted = wanted;
    frame.calls = this.calls;
    frame.tailCalls = 0;
    frame.input = NOTHING;
    frame.failure = undefined;
    return frame;
  }

  protected runPlain(callee: NativeFunction, args: Value[]): readonly Value[] {
    this.running = callee;
    const results = (callee.plain as NonNullable<NativeFunction["plain"]>)(args, this as unknown as Machine);
    this.running = undefined;
    this.spendOn(results);
    return toList(results);
  }

  /** Complains when no further native call may be nested. */
  protected checkNesting(): void {
    if (this.calls >= MOST_CALLS - 1) throw runtimeError("C stack overflow");
  }

  /** Calls a value as C's Lua calls from C. The results are delivered later, or already if no frame was needed. */
  protected invoke(callee: Value, args: readonly Value[], delivery: number, target: number, wanted = 0): void {
    this.checkNesting();
    if (callee instanceof NativeFunction && callee.calling === undefined) {
      this.deliver(delivery, target, wanted, this.runPlain(callee, args.slice()));
      return;
    }
    const { thread } = this;
    const func = this.scratch();
    thread.extend(func + args.length + 2);
    thread.stack[func] = callee;
    for (let index = 0; index < args.length; index += 1) thread.stack[func + 1 + index] = args[index];
    this.enter(func, func + 1 + args.length, wanted, delivery, target);
  }

  /** The first place in the stack that the innermost function doesn't use. */
  private scratch(): number {
    const { thread } = this;
    if (thread.depth < 0) return 0;
    const { closure, base } = thread.top;
    return closure === undefined ? base : base + closure.prototype.registers;
  }

  // --- Results ---

  protected deliver(delivery: number, target: number, wanted: number, values: readonly Value[]): void {
    const { thread } = this;
    switch (delivery) {
      case TO_CALL: this.place(target, values, wanted); break;
      case TO_STACK: thread.stack[target] = values[0]; break;
      case TO_NOTHING: break;
      case TO_TEST: if (isTrue(values[0]) !== (target === 1)) thread.top.pc += 1; break;
      case TO_CONCAT:
        thread.stack[target] = values[0];
        this.continueConcat(target);
        break;
      case TO_LOOP:
        this.place(target, values, wanted);
        if (values[0] === undefined) thread.top.pc += 1;
        else thread.stack[target - 1] = values[0];
        break;
      case TO_NATIVE: thread.top.input = values; break;
      default: this.endThread(values);
    }
  }

  /** Puts values into the stack: so many as are wanted, or all. */
  protected place(at: number, values: readonly Value[], wanted: number): void {
    const { thread } = this;
    const { stack } = thread;
    const count = wanted === MULTIPLE ? values.length : wanted;
    if (at + count > stack.length) thread.extend(at + count);
    for (let index = 0; index < count; index += 1) stack[at + index] = values[index];
    this.top = at + count;
  }

  /** Leaves the innermost frame, whose fields stay until the next call. */
  protected leave(frame: Frame): void {
    this.thread.depth -= 1;
    this.calls = frame.calls;
  }

  private endThread(values: readonly Value[]): void {
    const { thread } = this;
    thread.status = "dead";
    if (thread.parent === undefined) {
      this.isOver = true;
      this.ended = values;
    } else this.backToParent(values);
  }

  // --- Native functions that call ---

  protected drive(frame: Frame): void {
    const { thread } = this;
    const generator = frame.generator as NonNullable<Frame["generator"]>;
    let step;
    try {
      const { failure } = frame;
      frame.failure = undefined;
      step = failure === undefined ? generator.next(frame.input) : generator.throw(failure);
    } catch (error) {
      const located = this.located(error, thread.frames[thread.depth - 1], true);
      frame.generator = undefined;
      this.leave(frame);
      throw located;
    }
    if (step.done !== true) {
      this.request(step.value);
      return;
    }
    frame.generator = undefined;
    this.leave(frame);
    this.deliver(frame.delivery, frame.target, frame.wanted, toList(step.value));
  }

  private request({ callee, args, isYield }: CallRequest): void {
    this.budget -= 1;
    if (isYield === true) this.suspend(args);
    else if (callee instanceof Coroutine) this.resume(callee, args);
    else this.invoke(callee, args, TO_NATIVE, 0, MULTIPLE);
  }

  private resume(coroutine: Coroutine, args: readonly Value[]): void {
    if (this.calls >= MOST_CALLS) throw new LuaError("C stack overflow");
    this.calls += 1;
    coroutine.calls = this.calls;
    coroutine.parent = this.thread;
    coroutine.parent.status = "normal";
    coroutine.status = "running";
    this.thread = coroutine;
    if (coroutine.depth >= 0) coroutine.top.input = args;
    else this.begin(coroutine, args);
  }

  /** Calls the function that a thread is made of. */
  protected begin(thread: Coroutine, args: readonly Value[]): void {
    thread.extend(args.length + 1);
    thread.stack[0] = thread.main;
    for (let index = 0; index < args.length; index += 1) thread.stack[index + 1] = args[index];
    this.enter(0, args.length + 1, MULTIPLE, TO_END, 0);
  }

  private suspend(values: readonly Value[]): void {
    const { thread } = this;
    if (thread.parent === undefined || this.calls > thread.calls) {
      throw runtimeError("attempt to yield across metamethod/C-call boundary");
    }
    thread.status = "suspended";
    this.backToParent(values);
  }

  private backToParent(values: readonly Value[]): void {
    const { thread } = this;
    const parent = thread.parent as Coroutine;
    thread.parent = undefined;
    this.calls = thread.calls - 1;
    this.thread = parent;
    parent.status = "running";
    parent.top.input = values;
  }

  // --- Errors ---

  /** Leaves frames up to the native function that may catch the error; false if there is none. */
  protected recover(error: unknown): boolean {
    const { thread, running } = this;
    const top = thread.depth < 0 ? undefined : thread.top;
    const raised = this.located(error, top, running !== undefined);
    this.running = undefined;
    if (!(raised instanceof LuaError || raised instanceof Abort)) {
      this.isOver = true;
      throw raised;
    }
    this.failure = raised.value;
    this.failedAt = top;
    if (raised instanceof Abort) {
      this.isOver = true;
      return false;
    }
    while (!this.fallTo(raised)) {
      const dead = this.thread;
      dead.status = "dead";
      if (dead.parent === undefined) {
        this.isOver = true;
        return false;
      }
      this.backToParent(NOTHING);
    }
    return true;
  }

  /** Leaves frames of the running thread up to a native one, and gives it the error. */
  private fallTo(error: LuaError): boolean {
    const { thread } = this;
    for (; thread.depth >= 0; thread.depth -= 1) {
      const frame = thread.top;
      if (frame.generator === undefined) {
        this.calls = frame.calls;
        continue;
      }
      this.calls = frame.calls + (frame.delivery === TO_CALL || frame.delivery === TO_END ? 0 : 1);
      thread.close(frame.base);
      frame.failure = error;
      return true;
    }
    thread.close(0);
    return false;
  }

  /** An error with its place before its text, raised in a Lua function's frame or by a native one that it called. */
  private located(error: unknown, caller: Frame | undefined, isNative: boolean): unknown {
    if (error instanceof RangeError) return new LuaError("not enough memory");
    if (!(error instanceof LuaError) || error.place === PLACE_NONE) return error;
    if (error.place === PLACE_RUNTIME) return new LuaError((isNative ? "" : placeOf(caller)) + String(error.value));
    const text = error.argument >= 0 ? argumentText(caller, error) : String(error.value);
    return new LuaError(placeOf(caller) + text);
  }

  /** What an operation raises on a value of the wrong type; `at` is where that stands in the stack, or -1. */
  protected typeError(value: Value, at: number, what: string): LuaError {
    const frame = this.thread.depth < 0 ? undefined : this.thread.top;
    const type = typeName(value);
    let name = `a ${type} value`;
    const prototype = frame?.closure?.prototype;
    if (frame !== undefined && prototype !== undefined && at >= frame.base && at < frame.base + prototype.registers) {
      const found = registerName(prototype, frame.pc - 1, at - frame.base);
      if (found !== undefined) name = `${found.kind} '${found.name}' (a ${type} value)`;
    }
    return runtimeError(`attempt to ${what} ${name}`);
  }

  /** "user_script:3: " of the function that many levels above a native one that is running; "" if there is none. */
  placeAt(level: number): string {
    return placeOf(this.frameAt(level));
  }

  /** The function in Lua that many levels above a native one that is running; undefined if it is none. */
  closureAt(level: number): Closure | undefined {
    return this.frameAt(level)?.closure;
  }

  private frameAt(level: number): Frame | undefined {
    const { thread } = this;
    let left = level - 1;
    for (let depth = thread.depth; depth >= 0 && level > 0; depth -= 1) {
      const frame = thread.frames[depth];
      if (left === 0) return frame;
      left -= 1 + frame.tailCalls;
      if (left < 0) return undefined;
    }
    return undefined;
  }
}

/** "bad argument #1 to 'insert' (table expected, got nil)", as the script called the function. */
function argumentText(caller: Frame | undefined, error: LuaError): string {
  const name = calledName(caller);
  let { argument } = error;
  if (name?.kind === "method") {
    argument -= 1;
    if (argument === 0) return `calling '${name.name}' on bad self (${String(error.value)})`;
  }
  return `bad argument #${argument} to '${name?.name ?? "?"}' (${String(error.value)})`;
}
