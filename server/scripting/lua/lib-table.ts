// lib-table.ts - the library `table`, but for sorting (lib-table-sort.ts). Elements are read and written raw.

import { checkFunction, checkInt, checkTable, isMissing, optInt, optString, toText, typeName } from "./arguments.ts";
import { nativeError, runtimeError } from "./errors.ts";
import { sort } from "./lib-table-sort.ts";
import { library, TextBuilder } from "./library.ts";
import type { Table } from "./table.ts";
import { type Calling, NOTHING, type Plain, type Value } from "./values.ts";

const concat: Plain = (args) => {
  const separator = optString(args, 2, "");
  const table = checkTable(args, 1);
  const from = optInt(args, 3, 1);
  const to = isMissing(args, 4) ? table.length() : checkInt(args, 4);
  const made = new TextBuilder();
  for (let index = from; index <= to; index++) {
    const value = table.get(index);
    const text = toText(value);
    if (text === undefined) {
      throw nativeError(`invalid value (${typeName(value)}) at index ${index} in table for 'concat'`);
    }
    made.add(text);
    if (index < to) made.add(separator);
  }
  return made.finish();
};

/** Moves the elements from `position` up to `end` by one; those below 1 without trying each of so many numbers. */
function moveUp(table: Table, position: number, end: number): void {
  for (let index = end; index > Math.max(position, 1); index--) table.set(index, table.get(index - 1));
  if (position >= 1) return;
  const below: number[] = [];
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const key = table.keyAt(at);
    if (typeof key === "number" && Number.isInteger(key) && key >= position && key < 1) below.push(key);
  }
  table.set(1, undefined);
  for (const key of below.sort((a, b) => b - a)) {
    table.set(key + 1, table.get(key));
    table.set(key, undefined);
  }
}

const insert: Plain = (args) => {
  const table = checkTable(args, 1);
  const end = table.length() + 1;
  if (args.length === 2) {
    table.set(end, args[1]);
    return NOTHING;
  }
  if (args.length !== 3) throw nativeError("wrong number of arguments to 'insert'");
  const position = checkInt(args, 2);
  moveUp(table, position, Math.max(position, end));
  table.set(position, args[2]);
  return NOTHING;
};

const remove: Plain = (args) => {
  const table = checkTable(args, 1);
  const end = table.length();
  const position = optInt(args, 2, end);
  if (position < 1 || position > end) return NOTHING;
  const removed = table.get(position);
  for (let index = position; index < end; index++) table.set(index, table.get(index + 1));
  table.set(end, undefined);
  return removed;
};

const maxn: Plain = (args) => {
  const table = checkTable(args, 1);
  let largest = 0;
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const key = table.keyAt(at);
    if (typeof key === "number" && key > largest) largest = key;
  }
  return largest;
};

const setn: Plain = (args) => {
  checkTable(args, 1);
  throw nativeError("'setn' is obsolete");
};

const foreach: Calling = function* (args) {
  const table = checkTable(args, 1);
  const callee = checkFunction(args, 2);
  let key: Value;
  for (;;) {
    // the function may change the table: its next pair is looked for by the key
    const before = table.positionOf(key);
    if (before < 0) throw runtimeError("invalid key to 'next'");
    const at = table.after(before);
    if (at === 0) return NOTHING;
    key = table.keyAt(at);
    const [found] = yield { callee, args: [key, table.valueAt(at)] };
    if (found !== undefined) return found;
  }
};

const foreachi: Calling = function* (args) {
  const table = checkTable(args, 1);
  const end = table.length();
  const callee = checkFunction(args, 2);
  for (let index = 1; index <= end; index++) {
    const [found] = yield { callee, args: [index, table.get(index)] };
    if (found !== undefined) return found;
  }
  return NOTHING;
};

/** Makes the library `table`. */
export function tableLibrary(): Table {
  const getn: Plain = (args) => checkTable(args, 1).length();
  return library({ concat, getn, insert, maxn, remove, setn, sort }, { foreach, foreachi });
}
