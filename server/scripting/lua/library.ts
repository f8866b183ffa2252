// library.ts - what the libraries have in common: how one is made, and the limits that all of them keep.
//
// A library is a table of native functions that is made when a machine is (libraries.ts). Its state, if it has any, is
// in the closures of its functions: nothing is shared between machines but what their owner shares.

import { nativeError } from "./errors.ts";
import { Table } from "./table.ts";
import { type Calling, NativeFunction, type Plain, type Value } from "./values.ts";
import type { Machine } from "./vm.ts";

/** The longest text that every runtime can hold (V8's limit). */
const LONGEST_TEXT = 2 ** 29 - 24;

const PART_LENGTH = 65536;

/** How many values a native function of C's Lua can have on its stack; results beyond are an error there. */
export const MOST_VALUES = 8000;

/** Complains of a text that would be too long. */
export function checkLength(length: number): void {
  if (length > LONGEST_TEXT) throw nativeError("resulting string too large");
}

/** Counts what the values in a text may take once they are read, 64 bytes a character: "[]," is a table of some 150. */
export function spendOnValues(machine: Machine, text: Value): void {
  if (typeof text === "string") machine.spend(text.length >>> 2);
}

/** A text with another one behind it. */
export function joined(text: string, piece: string): string {
  checkLength(text.length + piece.length);
  return text + piece;
}

/**
 * A text that is made of many pieces. Runtimes keep what was joined as a tree until it's read; here it's read part by
 * part, since a tree of many small pieces takes several times their memory.
 */
export class TextBuilder {
  #text = "";
  readonly #parts: string[] = [];
  #length = 0;

  add(piece: string): void {
    if (piece.length >= PART_LENGTH) this.#endPart();
    this.#text += piece;
    if (this.#text.length >= PART_LENGTH) this.#endPart();
  }

  #endPart(): void {
    this.#length += this.#text.length;
    checkLength(this.#length);
    this.#text.charCodeAt(0); // reading makes it one piece
    this.#parts.push(this.#text);
    this.#text = "";
  }

  /** The whole text. */
  finish(): string {
    if (this.#parts.length === 0) return this.#text;
    this.#endPart();
    return this.#parts.join("");
  }
}

/** A position in a text from the beginning, for one that counts from the end when it is negative. */
export function fromBeginning(position: number, length: number): number {
  const absolute = position < 0 ? position + length + 1 : position;
  return absolute >= 0 ? absolute : 0;
}

/** A table of native functions by their names; those of the second list call back. */
export function library(
  functions: Record<string, Plain | NativeFunction>,
  calling: Record<string, Calling> = {},
): Table {
  const table = new Table();
  for (const name of Object.keys(functions)) {
    const run = functions[name];
    table.set(name, run instanceof NativeFunction ? run : NativeFunction.plain(name, run));
  }
  for (const name of Object.keys(calling)) table.set(name, NativeFunction.calling(name, calling[name]));
  return table;
}

/** Elements, which begin at index 1, as a table whose array part is as large as when they had come one by one. */
export function arrayTable(values: Value[]): Table {
  const table = new Table();
  const size = 2 ** Math.ceil(Math.log2(values.length - 1));
  while (values.length <= size) values.push(undefined);
  table.array = values;
  return table;
}

/** A table of keys and values, as when they had come one by one. */
export function mapTable(keys: readonly Value[], values: readonly Value[]): Table {
  const table = keys.every((key) => typeof key === "string") ? Table.growing(keys.length) : new Table();
  for (let i = 0; i < keys.length; i++) table.set(keys[i], values[i]);
  return table;
}

/** Sets fields that are no functions. */
export function setFields(table: Table, fields: Record<string, Value>): void {
  for (const name of Object.keys(fields)) table.set(name, fields[name]);
}
