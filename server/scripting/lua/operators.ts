// operators.ts - what operators do with values, as far as no metamethod is asked: for the machine's slow paths and for
// native functions.
//
// Operands that don't fit are thrown as "attempt to ..." without the variable's name, which only the machine knows.
//
// Not for calls of metamethods (vm.ts).

import { toNumber, typeName } from "./arguments.ts";
import { type LuaError, runtimeError } from "./errors.ts";
import { OP_ADD, OP_DIV, OP_MOD, OP_MUL, OP_POW, OP_SUB } from "./opcodes.ts";
import type { Value } from "./values.ts";

/** Everything but nil and false. */
export const isTrue = (value: Value): boolean => value !== undefined && value !== false;

/** The metamethod of an arithmetic instruction. */
export function eventOf(op: number): string {
  switch (op) {
    case OP_ADD: return "__add";
    case OP_SUB: return "__sub";
    case OP_MUL: return "__mul";
    case OP_DIV: return "__div";
    case OP_MOD: return "__mod";
    case OP_POW: return "__pow";
    default: return "__unm";
  }
}

/** a % b: its sign is that of b. */
const modulo = (a: number, b: number): number => a - Math.floor(a / b) * b;

/** a ^ b as C's pow has it: 1 to any power is 1, so is -1 to an infinite one. */
export function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && (b === Infinity || b === -Infinity))) return 1;
  return a ** b;
}

function calculate(op: number, a: number, b: number): number {
  switch (op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_MOD: return modulo(a, b);
    case OP_POW: return power(a, b);
    default: return -a;
  }
}

/** An arithmetic instruction on numbers and texts that spell some; undefined if an operand is neither. */
export function arithmetic(op: number, left: Value, right: Value): number | undefined {
  const a = toNumber(left);
  const b = a === undefined ? undefined : toNumber(right);
  return a === undefined || b === undefined ? undefined : calculate(op, a, b);
}

/** a < b of two numbers or two strings; undefined for others. */
export function isBelow(a: Value, b: Value): boolean | undefined {
  if (typeof a === "number" && typeof b === "number") return a < b;
  return typeof a === "string" && typeof b === "string" ? a < b : undefined;
}

/** a <= b of two numbers or two strings; undefined for others. */
export function isNotAbove(a: Value, b: Value): boolean | undefined {
  if (typeof a === "number" && typeof b === "number") return a <= b;
  return typeof a === "string" && typeof b === "string" ? a <= b : undefined;
}

/** What comparing two values that have no order raises. Types count as the same if their third letter is. */
export function comparisonError(a: Value, b: Value): LuaError {
  const [first, second] = [typeName(a), typeName(b)];
  if (first[2] === second[2]) return runtimeError(`attempt to compare two ${first} values`);
  return runtimeError(`attempt to compare ${first} with ${second}`);
}
