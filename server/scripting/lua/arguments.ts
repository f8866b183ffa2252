// arguments.ts - how native functions look at their arguments, with Lua's complaints.
//
// `n` counts from 1. Numbers and strings stand for each other where Lua lets them: checkNumber takes "10", checkString
// takes 10. What is wrong is thrown as errors.ts has it; the machine adds the place and the name of the function as the
// script called it ("bad argument #1 to 'insert' (table expected, got nil)", "calling 'rep' on bad self (...)").
//
//   const text = checkString(args, 1);
//   const times = checkInteger(args, 2);
//   const from = optInteger(args, 3, 1);
//   if (times < 0) throw argumentError(2, "invalid value");

import { argumentError, type LuaError } from "./errors.ts";
import { Closure } from "./function.ts";
import { formatNumber, parseNumber, toInt, toInteger } from "./numbers.ts";
import { Table } from "./table.ts";
import { Coroutine } from "./thread.ts";
import { NativeFunction, type Value } from "./values.ts";

/** A Lua function, written in Lua or native. */
export type LuaFunction = Closure | NativeFunction;

export const isFunction = (value: Value): value is LuaFunction =>
  value instanceof Closure || value instanceof NativeFunction;

/** The name of a value's type, as `type` gives it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case "undefined": return "nil";
    case "boolean": return "boolean";
    case "number": return "number";
    case "string": return "string";
    default:
      if (value instanceof Table) return "table";
      if (isFunction(value)) return "function";
      return value instanceof Coroutine ? "thread" : "userdata";
  }
}

/** The name of an argument's type; "no value" for one that was not given. */
const typeNameAt = (args: readonly Value[], n: number): string =>
  n > args.length ? "no value" : typeName(args[n - 1]);

/** "number expected, got nil". */
export const typeError = (args: readonly Value[], n: number, expected: string): LuaError =>
  argumentError(n, `${expected} expected, got ${typeNameAt(args, n)}`);

/** Whether an argument is nil or was not given. */
export const isMissing = (args: readonly Value[], n: number): boolean => args[n - 1] === undefined;

/** The number that a value is or spells. */
export function toNumber(value: Value): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" ? parseNumber(value) : undefined;
}

/** The text that a string or a number is. */
export function toText(value: Value): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" ? formatNumber(value) : undefined;
}

// --- Arguments that must be there ---

/** Any value, nil too, but given. */
export function checkAny(args: readonly Value[], n: number): Value {
  if (n > args.length) throw argumentError(n, "value expected");
  return args[n - 1];
}

export function checkNumber(args: readonly Value[], n: number): number {
  const number = toNumber(args[n - 1]);
  if (number === undefined) throw typeError(args, n, "number");
  return number;
}

/** A number cut to 64 bits (exact up to 2^53, as doubles are). */
export const checkInteger = (args: readonly Value[], n: number): number => toInteger(checkNumber(args, n));

/** A number cut to 32 bits, as C's int. */
export const checkInt = (args: readonly Value[], n: number): number => toInt(checkNumber(args, n));

export function checkString(args: readonly Value[], n: number): string {
  const text = toText(args[n - 1]);
  if (text === undefined) throw typeError(args, n, "string");
  return text;
}

export function checkTable(args: readonly Value[], n: number): Table {
  const value = args[n - 1];
  if (!(value instanceof Table)) throw typeError(args, n, "table");
  return value;
}

export function checkFunction(args: readonly Value[], n: number): LuaFunction {
  const value = args[n - 1];
  if (!isFunction(value)) throw typeError(args, n, "function");
  return value;
}

/** One of some words: "invalid option 'x'". `fallback` stands for an argument that is missing. */
export function checkOption(args: readonly Value[], n: number, words: readonly string[], fallback?: string): string {
  const word = fallback !== undefined && isMissing(args, n) ? fallback : checkString(args, n);
  if (!words.includes(word)) throw argumentError(n, `invalid option '${word}'`);
  return word;
}

// --- Arguments that may be missing ---

export const optInteger = (args: readonly Value[], n: number, fallback: number): number =>
  isMissing(args, n) ? fallback : checkInteger(args, n);

export const optInt = (args: readonly Value[], n: number, fallback: number): number =>
  isMissing(args, n) ? fallback : checkInt(args, n);

export const optString = (args: readonly Value[], n: number, fallback: string): string =>
  isMissing(args, n) ? fallback : checkString(args, n);
