// vm.ts - the machine: runs the instructions of compiled functions, and can be stopped between any two.
//
//   machine.start(closure, args);
//   while (machine.run(100_000) === "paused") letOthersRun();
//
// `run` answers "done" with `results`, "failed" with `error`, or "paused" after about as many jumps back and calls as
// its budget says; what lies between those is as long as the script's text at most.
//
// The dispatch loop is one function, longer than any other here: engines make one jump table and keep its variables in
// registers only so. Its opcodes are literals for the same reason (opcodes.ts has their names). What's rare is in
// functions of its own: they may push a frame, after which the loop starts anew with that frame's variables.
//
// A constant key's place in the hash part that was met last is remembered for each instruction (`hints`), so that most
// fields and globals are found by one comparison.
//
// Not for what is rare in an instruction (metamethods.ts) or for calls, results and errors (calls.ts).

import { Abort } from "./errors.ts";
import { Closure } from "./function.ts";
import { Metamethods, PUSHED, type Pending } from "./metamethods.ts";
import { MULTIPLE, unpackSize } from "./opcodes.ts";
import { power } from "./operators.ts";
import { Table } from "./table.ts";
import { Coroutine, TO_CALL } from "./thread.ts";
import { CALLS, NativeFunction, NOTHING, type Value } from "./values.ts";

/** A thread with a longer stack isn't kept for the next script. */
const MOST_KEPT = 1024;
// What scripts see as addresses looks like those of a process.
const FIRST_ADDRESS = 0x7f0000000000;
const ADDRESS_STEP = 64;

export class Machine extends Metamethods {
  private abortion: Abort | undefined = undefined;
  /** The script's own thread, which serves one script after the other. */
  private main = this.thread;
  private isClean = true;
  private lastAddress = FIRST_ADDRESS;
  private addresses: WeakMap<object, number> | undefined = undefined;

  // --- Running ---

  /** Makes a function the next to run. Whatever ran before is forgotten. */
  start(main: Value, args: readonly Value[]): void {
    this.forget();
    this.isClean = false;
    this.thread = this.main;
    this.thread.main = main;
    this.thread.status = "running";
    this.calls = 1;
    this.isOver = false;
    this.abortion = undefined;
    this.running = undefined;
    this.ended = args;
  }

  /** Forgets what ran last, which would stay in memory until the next script's values take its place. */
  forget(): void {
    if (this.isClean) return;
    this.isClean = true;
    this.ended = NOTHING;
    this.failure = undefined;
    this.failedAt = undefined;
    if (this.main.stack.length > MOST_KEPT || !this.main.clear()) this.main = new Coroutine(undefined);
    this.thread = this.main;
  }

  run(budget: number): "done" | "paused" | "failed" {
    this.budget = budget;
    for (;;) {
      try {
        if (this.abortion !== undefined) throw this.abortion;
        if (this.thread.depth < 0 && !this.isOver) this.begin(this.thread, this.ended);
        return this.isOver || this.execute() ? "done" : "paused";
      } catch (error) {
        if (!this.recover(error)) return "failed";
      }
    }
  }

  /** What the function gave, when it's done. */
  get results(): readonly Value[] {
    return this.ended;
  }

  /** What was raised, when it failed. */
  get error(): Value {
    return this.failure;
  }

  /** Where it was raised, when that is code of a script. */
  get errorPlace(): { source: string; line: number } | undefined {
    const { failedAt } = this;
    if (failedAt?.closure === undefined) return undefined;
    const { source, lines } = failedAt.closure.prototype;
    return { source, line: lines[Math.max(failedAt.pc - 1, 0)] };
  }

  /** Ends what is running at its next `run`, which fails with this value whatever the script catches. */
  abort(value: Value): void {
    this.abortion = new Abort(value);
  }

  /** What stands for an object's address: the same each time, and never that of another. */
  addressOf(object: object): string {
    this.addresses ??= new WeakMap();
    let address = this.addresses.get(object);
    if (address === undefined) {
      this.lastAddress += ADDRESS_STEP;
      address = this.lastAddress;
      this.addresses.set(object, address);
    }
    return `0x${address.toString(16)}`;
  }

  // --- The dispatch loop ---

  /** Runs until the end (true) or until the budget is used up (false). */
  private execute(): boolean {
    for (;;) {
      if (this.isOver) return true;
      if (this.budget < 0) return false;
      const { thread } = this;
      const frame = thread.frames[thread.depth];
      if (frame.closure === undefined) {
        this.drive(frame);
        continue;
      }
      const { closure, base } = frame;
      const { stack } = thread;
      const { prototype, upvalues } = closure;
      const { code, constants } = prototype;
      const hints = prototype.hints as Int32Array;
      let pc = frame.pc;
      frames: for (;;) {
        const word = code[pc];
        pc += 1;
        const a = base + ((word >> 6) & 255);
        switch (word & 63) {
          case 0: // MOVE
            stack[a] = stack[base + (word >>> 23)];
            continue;
          case 1: // LOADK
            stack[a] = constants[word >>> 14];
            continue;
          case 2: // LOADBOOL
            stack[a] = word >>> 23 !== 0;
            if (((word >> 14) & 511) !== 0) pc += 1;
            continue;
          case 3: // LOADNIL
            for (let index = base + (word >>> 23); index >= a; index -= 1) stack[index] = undefined;
            continue;
          case 4: { // GETUPVAL
            const upvalue = upvalues[word >>> 23];
            stack[a] = upvalue.place[upvalue.index];
            continue;
          }
          case 5: { // GETGLOBAL
            const key = constants[word >>> 14];
            const table = closure.environment;
            const hint = hints[pc - 1];
            if (hint < table.keys.length && table.keys[hint] === key) {
              const value = table.values[hint];
              if (value !== undefined) {
                stack[a] = value;
                continue;
              }
            }
            frame.pc = pc;
            const value = this.indexTable(table, key, a, hints, pc - 1);
            if (value === PUSHED) break frames;
            stack[a] = value;
            continue;
          }
          case 6: { // GETTABLE
            const c = (word >> 14) & 511;
            const key = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            const table = stack[base + (word >>> 23)];
            if (table instanceof Table) {
              if (typeof key === "number") {
                const { array } = table;
                const index = key | 0;
                if (index === key && index > 0 && index < array.length) {
                  const value = array[index];
                  if (value !== undefined || table.metatable === undefined) {
                    stack[a] = value;
                    continue;
                  }
                }
              }
              const value = table.get(key);
              if (value !== undefined || table.metatable === undefined) {
                stack[a] = value;
                continue;
              }
            }
            frame.pc = pc;
            const value = this.index(table, key, a, base + (word >>> 23));
            if (value === PUSHED) break frames;
            stack[a] = value;
            continue;
          }
          case 7: { // SETGLOBAL
            frame.pc = pc;
            if (this.setIndex(closure.environment, constants[word >>> 14], stack[a], -1)) break frames;
            continue;
          }
          case 8: { // SETUPVAL
            const upvalue = upvalues[word >>> 23];
            upvalue.place[upvalue.index] = stack[a];
            continue;
          }
          case 9: { // SETTABLE
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const key = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const value = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            const table = stack[a];
            if (table instanceof Table && !table.isReadonly) {
              if (typeof key === "number") {
                const { array } = table;
                const index = key | 0;
                if (index === key && index > 0 && index < array.length) {
                  if (array[index] !== undefined || table.metatable === undefined) {
                    array[index] = value;
                    continue;
                  }
                }
              }
              if (table.metatable === undefined) {
                frame.pc = pc;
                table.set(key, value);
                continue;
              }
            }
            frame.pc = pc;
            if (this.setIndex(table, key, value, a)) break frames;
            continue;
          }
          case 10: // NEWTABLE
            stack[a] = word >>> 14 === 0 ? new Table()
              : Table.sized(unpackSize(word >>> 23), unpackSize((word >> 14) & 511));
            continue;
          case 11: { // SELF
            const c = (word >> 14) & 511;
            const key = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            const object = stack[base + (word >>> 23)];
            frame.pc = pc;
            const value = object instanceof Table ? this.indexTable(object, key, a, hints, pc - 1)
              : this.index(object, key, a, base + (word >>> 23));
            stack[a + 1] = object;
            if (value === PUSHED) break frames;
            stack[a] = value;
            continue;
          }
          case 12: { // ADD
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = x + y;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 13: { // SUB
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = x - y;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 14: { // MUL
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = x * y;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 15: { // DIV
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = x / y;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 16: { // MOD
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = x - Math.floor(x / y) * y;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 17: { // POW
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            if (typeof x === "number" && typeof y === "number") {
              stack[a] = power(x, y);
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, y, a, base)) break frames;
            continue;
          }
          case 18: { // UNM
            const x = stack[base + (word >>> 23)];
            if (typeof x === "number") {
              stack[a] = -x;
              continue;
            }
            frame.pc = pc;
            if (this.arithmetic(word, x, x, a, base)) break frames;
            continue;
          }
          case 19: { // NOT
            const x = stack[base + (word >>> 23)];
            stack[a] = x === undefined || x === false;
            continue;
          }
          case 20: { // LEN
            const x = stack[base + (word >>> 23)];
            if (x instanceof Table) stack[a] = x.length();
            else if (typeof x === "string") stack[a] = x.length;
            else {
              frame.pc = pc;
              throw this.typeError(x, base + (word >>> 23), "get length of");
            }
            continue;
          }
          case 21: { // CONCAT
            const first = base + (word >>> 23);
            const last = base + ((word >> 14) & 511);
            const x = stack[first];
            const y = stack[last];
            if (last === first + 1 && typeof x === "string" && typeof y === "string") {
              stack[a] = x + y;
              this.spendMemory(x.length + y.length);
              continue;
            }
            frame.pc = pc;
            const { depth } = thread;
            this.continueConcat(last);
            if (thread.depth !== depth) break frames;
            continue;
          }
          case 22: // JMP
            pc += (word >>> 14) - 131071;
            if (word >>> 14 < 131071) {
              this.budget -= 1;
              if (this.budget < 0) {
                frame.pc = pc;
                return false;
              }
            }
            continue;
          case 23: { // EQ
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            let isEqual: boolean | Pending = x === y;
            if (!isEqual && x instanceof Table && y instanceof Table) {
              frame.pc = pc;
              isEqual = this.equals(x, y, word);
              if (isEqual === PUSHED) break frames;
            }
            if (isEqual !== (((word >> 6) & 255) !== 0)) pc += 1;
            continue;
          }
          case 24: { // LT
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            let holds: boolean | Pending;
            if (typeof x === "number" && typeof y === "number") holds = x < y;
            else {
              frame.pc = pc;
              holds = this.compare(x, y, word);
              if (holds === PUSHED) break frames;
            }
            if (holds !== (((word >> 6) & 255) !== 0)) pc += 1;
            continue;
          }
          case 25: { // LE
            const b = word >>> 23;
            const c = (word >> 14) & 511;
            const x = (b & 256) !== 0 ? constants[b & 255] : stack[base + b];
            const y = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            let holds: boolean | Pending;
            if (typeof x === "number" && typeof y === "number") holds = x <= y;
            else {
              frame.pc = pc;
              holds = this.compare(x, y, word);
              if (holds === PUSHED) break frames;
            }
            if (holds !== (((word >> 6) & 255) !== 0)) pc += 1;
            continue;
          }
          case 26: { // TEST
            const x = stack[a];
            if ((x !== undefined && x !== false) !== (((word >> 14) & 511) !== 0)) pc += 1;
            continue;
          }
          case 27: { // TESTSET
            const x = stack[base + (word >>> 23)];
            if ((x !== undefined && x !== false) === (((word >> 14) & 511) !== 0)) stack[a] = x;
            else pc += 1;
            continue;
          }
          case 28: { // CALL
            const b = word >>> 23;
            const top = b === 0 ? this.top : a + b;
            const wanted = ((word >> 14) & 511) - 1;
            const callee = stack[a];
            frame.pc = pc;
            this.budget -= 1;
            if (callee instanceof Closure) {
              this.enterClosure(callee, a, top, wanted);
              break frames;
            }
            if (callee instanceof NativeFunction && callee.plain !== undefined) {
              this.running = callee;
              const results = callee.plain(stack.slice(a + 1, top), this);
              this.running = undefined;
              if (results === CALLS) {
                this.enter(a, top, wanted, TO_CALL, a);
                break frames;
              }
              this.spendOn(results);
              if (Array.isArray(results)) this.place(a, results as readonly Value[], wanted);
              else if (wanted === 1) stack[a] = results as Value;
              else this.place(a, [results as Value], wanted);
              continue;
            }
            this.enter(a, top, wanted, TO_CALL, a);
            break frames;
          }
          case 29: // TAILCALL
            frame.pc = pc;
            this.budget -= 1;
            this.tailCall(frame, a, word >>> 23 === 0 ? this.top : a + (word >>> 23));
            break frames;
          case 30: { // RETURN
            const count = word >>> 23 === 0 ? this.top - a : (word >>> 23) - 1;
            if (thread.open.length > 0) thread.close(base);
            thread.depth -= 1;
            if (frame.delivery !== TO_CALL) {
              this.calls = frame.calls;
              this.deliver(frame.delivery, frame.target, frame.wanted, stack.slice(a, a + count));
              break frames;
            }
            const { func, wanted } = frame;
            if (wanted === 1) stack[func] = count > 0 ? stack[a] : undefined;
            else {
              const given = wanted === MULTIPLE || count < wanted ? count : wanted;
              for (let index = 0; index < given; index += 1) stack[func + index] = stack[a + index];
              for (let index = given; index < wanted; index += 1) stack[func + index] = undefined;
              this.top = func + count;
            }
            break frames;
          }
          case 31: { // FORLOOP
            const step = stack[a + 2] as number;
            const next = (stack[a] as number) + step;
            const limit = stack[a + 1] as number;
            if (step > 0 ? next <= limit : limit <= next) {
              stack[a] = next;
              stack[a + 3] = next;
              pc += (word >>> 14) - 131071;
              this.budget -= 1;
              if (this.budget < 0) {
                frame.pc = pc;
                return false;
              }
            }
            continue;
          }
          case 32: // FORPREP
            frame.pc = pc;
            this.prepareLoop(a);
            pc += (word >>> 14) - 131071;
            continue;
          case 33: { // TFORLOOP
            const step = stack[a];
            const state = stack[a + 1];
            frame.pc = pc;
            if (step === this.nextStep && state instanceof Table) {
              if (!this.stepPairs(state, a, (word >> 14) & 511)) pc += 1;
              continue;
            }
            if (step === this.ipairsStep && state instanceof Table) {
              if (!this.stepIpairs(state, a, (word >> 14) & 511)) pc += 1;
              continue;
            }
            this.callStep(a, (word >> 14) & 511);
            break frames;
          }
          case 34: { // SETLIST
            frame.pc = pc;
            let batch = (word >> 14) & 511;
            if (batch === 0) {
              batch = code[pc];
              pc += 1;
            }
            this.storeList(a, word >>> 23, batch);
            continue;
          }
          case 35: // CLOSE
            thread.close(a);
            continue;
          case 36: { // CLOSURE
            const inner = new Closure(prototype.children[word >>> 14], closure.environment);
            const count = inner.prototype.upvalueNames.length;
            for (let index = 0; index < count; index += 1, pc += 1) {
              const from = code[pc] >>> 23;
              inner.upvalues.push((code[pc] & 63) === 0 ? thread.share(base + from) : upvalues[from]);
            }
            stack[a] = inner;
            continue;
          }
          case 37: // VARARG
            this.placeVarargs(frame, a, (word >>> 23) - 1);
            continue;
          case 38: { // GETFIELD
            const key = constants[(word >> 14) & 255];
            const table = stack[base + (word >>> 23)];
            if (table instanceof Table) {
              const hint = hints[pc - 1];
              if (hint < table.keys.length && table.keys[hint] === key) {
                const value = table.values[hint];
                if (value !== undefined) {
                  stack[a] = value;
                  continue;
                }
              }
              frame.pc = pc;
              const value = this.indexTable(table, key, a, hints, pc - 1);
              if (value === PUSHED) break frames;
              stack[a] = value;
              continue;
            }
            frame.pc = pc;
            const value = this.index(table, key, a, base + (word >>> 23));
            if (value === PUSHED) break frames;
            stack[a] = value;
            continue;
          }
          default: { // SETFIELD
            const c = (word >> 14) & 511;
            const key = constants[(word >>> 23) & 255];
            const value = (c & 256) !== 0 ? constants[c & 255] : stack[base + c];
            const table = stack[a];
            frame.pc = pc;
            if (table instanceof Table && !table.isReadonly) {
              const hint = hints[pc - 1];
              if (hint < table.keys.length && table.keys[hint] === key) {
                if (table.values[hint] !== undefined || table.metatable === undefined) {
                  table.values[hint] = value;
                  continue;
                }
              }
              if (table.metatable === undefined) {
                table.set(key, value);
                hints[pc - 1] = Math.max(0, table.find(key));
                continue;
              }
              hints[pc - 1] = Math.max(0, table.find(key));
            }
            if (this.setIndex(table, key, value, a)) break frames;
            continue;
          }
        }
      }
    }
  }
}
