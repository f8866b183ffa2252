// cjson-encode.ts - cjson.encode: a Lua value as JSON.
//
// A table whose keys are whole numbers from 1 on is an array, any other (an empty one, too) an object. Tables that are
// open stand in a list, not on JavaScript's stack: how deep they may be nested is a setting of the script's.

import { typeName } from "./arguments.ts";
import { type LuaError, nativeError } from "./errors.ts";
import { JSON_NULL, type JsonSettings } from "./cjson-settings.ts";
import { MOST_VALUES, TextBuilder } from "./library.ts";
import { generalText, nonFiniteText } from "./number-text.ts";
import { Table } from "./table.ts";
import type { Value } from "./values.ts";

const LEAST_INT = -(2 ** 31);
/** All but what stands for itself: control characters, quotes, backslashes and slashes. */
const ESCAPED = /[^ !#-.0-[\]-~\x80-\xff]/;
const ALL_ESCAPED = /[^ !#-.0-[\]-~\x80-\xff]/g;
const SHORT_ESCAPES: Record<string, string> = {
  "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\", "/": "\\/",
};

/** A table on its way: `size` elements of an array, or -1 for an object. */
interface Open {
  readonly table: Table;
  readonly size: number;
  /** The last index that was written, or the position of the last key. */
  at: number;
}

const failure = (value: Value, reason: string): LuaError =>
  nativeError(`Cannot serialise ${typeName(value)}: ${reason}`);

function quoted(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  const escaped = text.replace(ALL_ESCAPED, (found) =>
    SHORT_ESCAPES[found] ?? `\\u00${found.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `"${escaped}"`;
}

function numberText(x: number, settings: JsonSettings): string {
  if (Number.isFinite(x)) return generalText(x, settings.numberPrecision);
  switch (settings.encodeInvalidNumbers) {
    case "off": throw failure(x, "must not be NaN or Inf");
    case "null": return "null";
    default: return Number.isNaN(x) ? "nan" : nonFiniteText(x);
  }
}

/** How many elements a table has as an array, or -1 when it is an object. Counts as C's int does. */
function arraySize(table: Table, settings: JsonSettings): number {
  let largest = 0;
  let count = 0;
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const key = table.keyAt(at);
    if (typeof key !== "number" || key < 1 || Math.floor(key) !== key) return -1;
    if (key > largest) largest = key >= 2 ** 31 ? LEAST_INT : key;
    count++;
  }
  const { sparseRatio, sparseSafe, sparseConvert } = settings;
  if (sparseRatio > 0 && largest > Math.imul(count, sparseRatio) && largest > sparseSafe) {
    if (!sparseConvert) throw failure(table, "excessively sparse array");
    return -1;
  }
  return largest > 0 ? largest : -1;
}

/** One call of cjson.encode. */
class Encoder {
  readonly #settings: JsonSettings;
  readonly #open: Open[] = [];
  readonly #text = new TextBuilder();
  /** How many values C has on its stack. */
  #used = 1;

  constructor(settings: JsonSettings) {
    this.#settings = settings;
  }

  encode(value: Value): string {
    this.#begin(value);
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      const isDone = open.size < 0 ? this.#pairs(open) : this.#elements(open);
      if (!isDone) continue;
      this.#open.pop();
      this.#used -= open.size < 0 ? 2 : 1;
    }
    return this.#text.finish();
  }

  /** Writes a value, or the beginning of a table; true for that. */
  #begin(value: Value): boolean {
    switch (typeof value) {
      case "string":
        this.#text.add(quoted(value));
        return false;
      case "number":
        this.#text.add(numberText(value, this.#settings));
        return false;
      case "boolean":
        this.#text.add(value ? "true" : "false");
        return false;
      default:
        if (value instanceof Table) return this.#beginTable(value);
        if (value !== undefined && value !== JSON_NULL) throw failure(value, "type not supported");
        this.#text.add("null");
        return false;
    }
  }

  #beginTable(table: Table): true {
    const depth = this.#open.length + 1;
    if (depth > this.#settings.encodeMaxDepth || this.#used + 3 > MOST_VALUES) {
      throw nativeError(`Cannot serialise, excessive nesting (${depth})`);
    }
    const size = arraySize(table, this.#settings);
    this.#open.push({ table, size, at: 0 });
    this.#used += size < 0 ? 2 : 1;
    this.#text.add(size < 0 ? "{" : "[");
    return true;
  }

  /** Writes elements up to a table among them; true after the last one. */
  #elements(open: Open): boolean {
    while (open.at < open.size) {
      if (open.at > 0) this.#text.add(",");
      open.at++;
      if (this.#begin(open.table.get(open.at))) return false;
    }
    this.#text.add("]");
    return true;
  }

  #pairs(open: Open): boolean {
    const { table } = open;
    for (let at = table.after(open.at); at !== 0; at = table.after(at)) {
      if (open.at > 0) this.#text.add(",");
      open.at = at;
      const key = table.keyAt(at);
      if (typeof key === "string") this.#text.add(`${quoted(key)}:`);
      else if (typeof key === "number") this.#text.add(`"${numberText(key, this.#settings)}":`);
      else throw failure(key, "table key must be a number or string");
      if (this.#begin(table.valueAt(at))) return false;
    }
    this.#text.add("}");
    return true;
  }
}

/** A value as JSON. */
export const encode = (value: Value, settings: JsonSettings): string => new Encoder(settings).encode(value);
