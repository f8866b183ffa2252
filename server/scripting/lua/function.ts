// function.ts - functions that are written in Lua: what the compiler makes of one, and one with its variables.
//
//   Prototype   code, constants, inner prototypes, lines and names: made once by the compiler, never changed
//   Closure     a prototype with the variables of outer functions that it uses
//   Upvalue     such a variable: stands in a stack while its function runs, in a box of its own afterwards
//
// Not for what instructions mean (opcodes.ts) or for running them (vm.ts).

import type { Table } from "./table.ts";
import type { Value } from "./values.ts";

/** A local variable and the instructions between which it can be seen. */
export interface LocalVariable {
  readonly name: string;
  start: number;
  end: number;
}

export interface Prototype {
  /** What messages call the chunk: "user_script", or [string "..."]. */
  readonly source: string;
  readonly line: number;
  code: Int32Array;
  lines: readonly number[];
  readonly constants: readonly Value[];
  readonly children: Prototype[];
  readonly locals: LocalVariable[];
  readonly upvalueNames: string[];
  parameters: number;
  isVararg: boolean;
  /** Wants the table `arg`, as Lua 5.0 had it: it takes ... but never names it. */
  needsArg: boolean;
  /** How many registers it uses at most. */
  registers: number;
  /** For each instruction, where its constant key stood in the table that it met last: see vm.ts. */
  hints: Int32Array | undefined;
}

/** A variable of an outer function. `place[index]` is its value, in a stack or, when that is gone, in a box of one. */
export class Upvalue {
  place: Value[];
  index: number;

  constructor(place: Value[], index: number) {
    this.place = place;
    this.index = index;
  }
}

export class Closure {
  readonly prototype: Prototype;
  readonly upvalues: Upvalue[];
  /** Its table of globals. */
  environment: Table;

  constructor(prototype: Prototype, environment: Table) {
    this.prototype = prototype;
    this.upvalues = [];
    this.environment = environment;
  }
}
