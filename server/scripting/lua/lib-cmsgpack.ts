// lib-cmsgpack.ts - the library `cmsgpack`: MessagePack, as lua-cmsgpack 0.4.0 packs it.
//
// A table whose keys are 1 to n is an array, any other one a map. Numbers without a fraction are integers, others
// floats of 4 bytes where nothing is lost. Tables nested deeper than 16 are packed as nil. Unpacking keeps its own
// stack of the tables that are open, so depth costs no JavaScript stack; C's limit on it, 8000 values, holds here as
// well.

import { checkInteger, checkString, optInteger } from "./arguments.ts";
import { argumentError, type LuaError, nativeError } from "./errors.ts";
import {
  arrayTable, library, mapTable, MOST_VALUES, setFields, spendOnValues, TextBuilder,
} from "./library.ts";
import { scratch, setDouble, setFloat } from "./number-text.ts";
import { toInt } from "./numbers.ts";
import { Table } from "./table.ts";
import type { Plain, Results, Value } from "./values.ts";
import type { Machine } from "./vm.ts";

const DEEPEST = 16;
const TWO_63 = 2 ** 63;
const LARGEST_INT = 0x7fffffff;

// --- Packing ---

const bytes = String.fromCharCode;

/** A number's bytes, highest first. */
function highFirst(x: number, count: number): string {
  if (count === 1) return bytes(x & 255);
  if (count === 2) return bytes((x >>> 8) & 255, x & 255);
  return bytes((x >>> 24) & 255, (x >>> 16) & 255, (x >>> 8) & 255, x & 255);
}

/** A header with a length: in its first byte when it is below `short`, else in 1 (where there is one), 2 or 4. */
function header(length: number, tiny: number, short: number, one: number, two: number): string {
  if (length < short) return bytes(tiny | length);
  if (one > 0 && length <= 0xff) return bytes(one, length);
  return length <= 0xffff ? bytes(two) + highFirst(length, 2) : bytes(two + 1) + highFirst(length, 4);
}

function packInteger(x: number): string {
  if (x >= 0) {
    if (x <= 127) return bytes(x);
    if (x <= 0xff) return bytes(0xcc, x);
    if (x <= 0xffff) return bytes(0xcd) + highFirst(x, 2);
    if (x <= 0xffffffff) return bytes(0xce) + highFirst(x, 4);
  } else {
    if (x >= -32) return bytes(x & 255);
    if (x >= -128) return bytes(0xd0, x & 255);
    if (x >= -32768) return bytes(0xd1) + highFirst(x, 2);
    if (x >= -(2 ** 31)) return bytes(0xd2) + highFirst(x, 4);
  }
  const high = Math.floor(x / 2 ** 32);
  return bytes(x >= 0 ? 0xcf : 0xd3) + highFirst(high, 4) + highFirst(x - high * 2 ** 32, 4);
}

function packNumber(x: number): string {
  if (Number.isInteger(x) && x >= -TWO_63 && x < TWO_63) return packInteger(x);
  const view = scratch();
  if (Math.fround(x) === x) {
    setFloat(view, x);
    return bytes(0xca) + highFirst(view.getUint32(0), 4);
  }
  setDouble(view, x);
  return bytes(0xcb) + highFirst(view.getUint32(0), 4) + highFirst(view.getUint32(4), 4);
}

/** How many elements a table has if it is an array, else -1. */
function arraySize(table: Table): number {
  let count = 0;
  let largest = 0;
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    const key = table.keyAt(at);
    if (typeof key !== "number" || key <= 0 || (key | 0) !== key) return -1;
    largest = Math.max(largest, key);
    count++;
  }
  return count === largest ? count : -1;
}

function packTable(table: Table, level: number, into: TextBuilder): void {
  const size = arraySize(table);
  if (size >= 0) {
    into.add(header(size, 0x90, 16, 0, 0xdc));
    for (let index = 1; index <= size; index++) packValue(table.get(index), level + 1, into);
    return;
  }
  let count = 0;
  for (let at = table.after(0); at !== 0; at = table.after(at)) count++;
  into.add(header(count, 0x80, 16, 0, 0xde));
  for (let at = table.after(0); at !== 0; at = table.after(at)) {
    packValue(table.keyAt(at), level + 1, into);
    packValue(table.valueAt(at), level + 1, into);
  }
}

function packValue(value: Value, level: number, into: TextBuilder): void {
  switch (typeof value) {
    case "number":
      into.add(packNumber(value));
      break;
    case "string":
      into.add(header(value.length, 0xa0, 32, 0xd9, 0xda));
      into.add(value);
      break;
    case "boolean":
      into.add(value ? "\xc3" : "\xc2");
      break;
    default:
      if (value instanceof Table && level < DEEPEST) packTable(value, level, into);
      else into.add("\xc0");
  }
}

const pack: Plain = (args) => {
  if (args.length === 0) throw argumentError(0, "MessagePack pack needs input.");
  const made = new TextBuilder();
  for (const value of args) packValue(value, 0, made);
  return made.finish();
};

// --- Unpacking ---

/** A table that is being filled: so many elements, or pairs of keys and values, are still to come. */
interface Open {
  /** The keys so far, that of the next value among them; undefined for an array. */
  readonly keys: Value[] | undefined;
  /** The values so far. Those of an array begin at 1, as in its table. */
  readonly values: Value[];
  left: number;
}

/** What was filled, as a table. Elements that are nil come one by one: they decide how large its parts are. */
function tableOf({ keys, values }: Open): Table {
  if (keys !== undefined) return mapTable(keys, values);
  if (values.length === 1) return new Table();
  if (values.indexOf(undefined, 1) < 0) return arrayTable(values);
  const table = new Table();
  for (let index = 1; index < values.length; index++) table.set(index, values[index]);
  return table;
}

class Unpacker {
  readonly #data: string;
  #at: number;
  readonly #view = scratch();

  constructor(data: string, at: number) {
    this.#data = data;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  /** The place of the next bytes, which are taken. */
  #take(count: number): number {
    const at = this.#at;
    if (this.#data.length - at < count) throw nativeError("Missing bytes in input.");
    this.#at += count;
    return at;
  }

  /** An unsigned number of so many bytes, highest first. */
  #unsigned(count: number): number {
    const at = this.#take(count);
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + this.#data.charCodeAt(at + i);
    return value;
  }

  #text(length: number): string {
    const at = this.#take(length);
    return this.#data.slice(at, at + length);
  }

  /** Bytes for the view to read. */
  #viewed(count: number): DataView {
    const at = this.#take(count);
    for (let i = 0; i < count; i++) this.#view.setUint8(i, this.#data.charCodeAt(at + i));
    return this.#view;
  }

  #opened(isMap: boolean, left: number): Open {
    return { keys: isMap ? [] : undefined, values: isMap ? [] : [undefined], left };
  }

  /** The next value that isn't a table, or the table whose contents come next. */
  #next(): Value | Open {
    const head = this.#data.charCodeAt(this.#take(1));
    if (head < 0x80) return head;
    if (head < 0x90) return this.#opened(true, head & 15);
    if (head < 0xa0) return this.#opened(false, head & 15);
    if (head < 0xc0) return this.#text(head & 31);
    if (head >= 0xe0) return head - 256;
    switch (head) {
      case 0xc0: return undefined;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xca: return this.#viewed(4).getFloat32(0);
      case 0xcb: return this.#viewed(8).getFloat64(0);
      case 0xcc: return this.#unsigned(1);
      case 0xcd: return this.#unsigned(2);
      case 0xce: return this.#unsigned(4);
      // an unsigned integer of 64 bits is taken for a signed one
      case 0xcf: case 0xd3: return Number(this.#viewed(8).getBigInt64(0));
      case 0xd0: return this.#viewed(1).getInt8(0);
      case 0xd1: return this.#viewed(2).getInt16(0);
      case 0xd2: return this.#viewed(4).getInt32(0);
      case 0xd9: return this.#text(this.#unsigned(1));
      case 0xda: return this.#text(this.#unsigned(2));
      case 0xdb: return this.#text(this.#unsigned(4));
      case 0xdc: return this.#opened(false, this.#unsigned(2));
      case 0xdd: return this.#opened(false, this.#unsigned(4));
      case 0xde: return this.#opened(true, this.#unsigned(2));
      case 0xdf: return this.#opened(true, this.#unsigned(4));
      default: throw nativeError("Bad data format in input.");
    }
  }

  /** The next value with all that is in it; `used` counts the values on C's stack below it. */
  value(used: number): Value {
    const open: Open[] = [];
    let depth = used;
    for (;;) {
      if (depth >= MOST_VALUES) throw stackOverflow();
      let done = this.#next();
      if (isOpen(done)) {
        if (done.keys === undefined && depth >= MOST_VALUES - 1) throw arrayOverflow();
        if (done.left > 0) {
          open.push(done);
          depth += done.keys === undefined ? 2 : 1;
          continue;
        }
        done = tableOf(done);
      }
      // a value is done; so is each table whose last value it was
      for (;;) {
        const waiting = open.at(-1);
        if (waiting === undefined) return done;
        depth += place(waiting, done);
        if (waiting.left > 0) break;
        open.pop();
        depth -= waiting.keys === undefined ? 2 : 1;
        done = tableOf(waiting);
      }
    }
  }
}

const stackOverflow = (): LuaError =>
  nativeError("stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)");

const arrayOverflow = (): LuaError => nativeError("stack overflow (in function mp_decode_to_lua_array)");

const isOpen = (value: Value | Open): value is Open =>
  typeof value === "object" && "left" in value;

/** Puts a value into the table that waits for it; gives by how much C's stack is higher then. */
function place(open: Open, value: Value): number {
  const { keys, values } = open;
  if (keys !== undefined && keys.length === values.length) {
    keys.push(value);
    return 1;
  }
  // a key that can't be one is complained of when its value is there
  if (keys !== undefined && !isKey(keys.at(-1))) new Table().set(keys.at(-1), value);
  values.push(value);
  open.left--;
  return keys === undefined ? 0 : -1;
}

const isKey = (value: Value): boolean => value !== undefined && !Number.isNaN(value);

/** All values, or up to `limit` of them from `offset` on: then the next offset comes first, -1 at the end. */
function unpackFrom(args: Value[], machine: Machine, limit: number, offset: number): Results {
  const data = checkString(args, 1);
  spendOnValues(machine, data);
  if (offset < 0 || limit < 0) {
    throw nativeError(`Invalid request to unpack with offset of ${toInt(offset)} and limit of ${data.length}.`);
  }
  if (offset > data.length) {
    throw nativeError(`Start offset ${toInt(offset)} greater than input length ${data.length}.`);
  }
  const isAll = limit === 0 && offset === 0;
  const most = isAll ? LARGEST_INT : limit;
  const unpacker = new Unpacker(data, offset);
  const values: Value[] = [];
  while (unpacker.position < data.length && values.length < most) {
    values.push(unpacker.value(args.length + values.length));
  }
  if (isAll) return values;
  return [unpacker.position === data.length ? -1 : unpacker.position, ...values];
}

/** Makes the library `cmsgpack`. */
export function cmsgpackLibrary(): Table {
  const table = library({
    pack,
    unpack: (args, machine) => unpackFrom(args, machine, 0, 0),
    unpack_one: (args, machine) => {
      const offset = optInteger(args, 2, 0);
      return unpackFrom(args.slice(0, 1), machine, 1, offset);
    },
    unpack_limit: (args, machine) => {
      const limit = checkInteger(args, 2);
      const offset = optInteger(args, 3, 0);
      return unpackFrom(args.slice(0, 1), machine, limit, offset);
    },
  });
  setFields(table, {
    _NAME: "cmsgpack",
    _VERSION: "lua-cmsgpack 0.4.0",
    _COPYRIGHT: "Copyright (C) 2012, Redis Ltd.",
    _DESCRIPTION: "MessagePack C implementation for Lua",
  });
  return table;
}
