// lib-struct.ts - the library `struct`: values as the bytes of a C struct.
//
//   > < !n     big or little endian (little at first), alignment to at most n bytes (1 at first; 8 without n)
//   b h l i    signed integers of 1, 2, 8 and 4 bytes, capitals unsigned; i and I take a size: i3. T is 8, unsigned
//   f d        floats of 4 and 8 bytes
//   x s cn     a zero byte, a text with a zero byte behind it, n characters (c0: as many as there are, or as the
//              number unpacked before says)
//
// Sizes and limits are those of C on 64-bit x86, what it does with integers of more than 8 bytes included.

import { checkNumber, checkString, optInteger, toNumber } from "./arguments.ts";
import { argumentError, nativeError } from "./errors.ts";
import { joined, library, MOST_VALUES } from "./library.ts";
import { scratch, setDouble, setFloat, toInt64, toUint64 } from "./number-text.ts";
import type { Table } from "./table.ts";
import type { Plain, Value } from "./values.ts";

const LARGEST_INTEGER = 32;
const WORD = 8;
const LARGEST_ALIGNMENT = 8;
/** Integers of so many bytes are exact in a double. */
const EXACT_BYTES = 6;
const MOST_INT = 0x7fffffff;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** A format on its way: its options one by one, with the sizes and the alignment that they ask for. */
class Format {
  isLittle = true;
  #alignment = 1;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    const zero = text.indexOf("\0");
    this.#text = zero < 0 ? text : text.slice(0, zero);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The letter of the next option. */
  next(): string {
    return this.#text[this.#at++];
  }

  /** The number that stands here, or `fallback`. */
  #number(fallback: number): number {
    if (!isDigit(this.#text.charCodeAt(this.#at))) return fallback;
    let number = 0;
    for (; isDigit(this.#text.charCodeAt(this.#at)); this.#at++) {
      number = number * 10 + this.#text.charCodeAt(this.#at) - 48;
      if (number > MOST_INT) throw nativeError("integral size overflow");
    }
    return number;
  }

  /** The size of an option, read from the format where it's there. */
  size(option: string): number {
    switch (option) {
      case "b": case "B": case "x": return 1;
      case "h": case "H": return 2;
      case "l": case "L": case "T": case "d": return WORD;
      case "f": return 4;
      case "c": return this.#number(1);
      case "i": case "I": {
        const size = this.#number(4);
        if (size <= LARGEST_INTEGER) return size;
        throw nativeError(`integral size ${size} is larger than limit of ${LARGEST_INTEGER}`);
      }
      default: return 0;
    }
  }

  /** How many bytes go before an option that begins at a position. C computes with powers of two, others as well. */
  padding(position: number, option: string, size: number): number {
    if (size === 0 || option === "c") return 0;
    const unit = Math.min(size, this.#alignment);
    return (unit - (position & (unit - 1))) & (unit - 1);
  }

  /** An option that stands for no value; complains of one that there isn't. */
  control(option: string): void {
    switch (option) {
      case " ": return;
      case ">": this.isLittle = false; return;
      case "<": this.isLittle = true; return;
      case "!": {
        const alignment = this.#number(LARGEST_ALIGNMENT);
        if (alignment <= 0 || (alignment & (alignment - 1)) !== 0) {
          throw nativeError(`alignment ${alignment} is not a power of 2`);
        }
        this.#alignment = alignment;
        return;
      }
      default: throw argumentError(1, `invalid format option '${option}'`);
    }
  }
}

// --- Bytes ---

/** Text of bytes, which come with the lowest first. */
function ordered(bytes: number[], isLittle: boolean): string {
  let text = "";
  if (isLittle) for (const byte of bytes) text += String.fromCharCode(byte);
  else for (let at = bytes.length - 1; at >= 0; at--) text += String.fromCharCode(bytes[at]);
  return text;
}

function integerBytes(x: number, size: number, isLittle: boolean): string {
  const bytes: number[] = [];
  if (Number.isInteger(x) && x >= 0 && x <= Number.MAX_SAFE_INTEGER) {
    for (let rest = x; bytes.length < size; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
    return ordered(bytes, isLittle);
  }
  let rest = x < 0 ? BigInt.asUintN(64, toInt64(x)) : toUint64(x);
  for (; bytes.length < size; rest >>= 8n) bytes.push(Number(rest & 255n));
  return ordered(bytes, isLittle);
}

function floatBytes(x: number, size: number, isLittle: boolean): string {
  const view = scratch();
  if (size === 4) setFloat(view, x);
  else setDouble(view, x);
  const bytes: number[] = [];
  for (let at = size - 1; at >= 0; at--) bytes.push(view.getUint8(at));
  return ordered(bytes, isLittle);
}

function readFloat(data: string, at: number, size: number, isLittle: boolean): number {
  const view = scratch();
  for (let i = 0; i < size; i++) view.setUint8(i, data.charCodeAt(at + i));
  return size === 4 ? view.getFloat32(0, isLittle) : view.getFloat64(0, isLittle);
}

function readInteger(data: string, at: number, size: number, isLittle: boolean, isSigned: boolean): number {
  // from the highest byte that counts to the lowest
  const step = isLittle ? -1 : 1;
  const lowest = isLittle ? at : at + size - 1;
  const highest = lowest - step * (Math.min(size, WORD) - 1);
  if (size > 0 && size <= EXACT_BYTES) {
    let whole = 0;
    for (let i = highest; i !== lowest + step; i += step) whole = whole * 256 + data.charCodeAt(i);
    return isSigned && data.charCodeAt(highest) > 127 ? whole - 256 ** size : whole;
  }
  let whole = 0n;
  for (let i = highest; i !== lowest + step; i += step) whole = (whole << 8n) | BigInt(data.charCodeAt(i));
  if (!isSigned) return Number(whole);
  // a shift in C counts modulo 64, which shows where the size isn't between 1 and 8
  const mask = BigInt.asUintN(64, -1n << BigInt((size * 8 - 1) & 63));
  if ((whole & mask) !== 0n) whole |= mask;
  return Number(BigInt.asIntN(64, whole));
}

// --- Functions ---

/** Missing arguments count as nil: in C a nil stands behind the last one. */
const nilBehind = (args: Value[], n: number): Value[] => n > args.length ? [...args, undefined] : args;

const pack: Plain = (args) => {
  const format = new Format(checkString(args, 1));
  let made = "";
  let n = 2;
  while (!format.isAtEnd) {
    const option = format.next();
    const size = format.size(option);
    made += "\0".repeat(format.padding(made.length, option, size));
    switch (option) {
      case "b": case "B": case "h": case "H": case "l": case "L": case "T": case "i": case "I":
        made += integerBytes(checkNumber(nilBehind(args, n), n), size, format.isLittle);
        n++;
        break;
      case "x":
        made += "\0";
        break;
      case "f": case "d":
        made += floatBytes(checkNumber(nilBehind(args, n), n), size, format.isLittle);
        n++;
        break;
      case "c": case "s": {
        const text = checkString(nilBehind(args, n), n);
        n++;
        if (text.length < size) throw argumentError(n, "string too short");
        made = joined(made, size === 0 ? text : text.slice(0, size));
        if (option === "s") made += "\0";
        break;
      }
      default: format.control(option);
    }
  }
  return made;
};

/** Unpacks one text: how long it is, and how many bytes it takes. */
function textSize(data: string, at: number, option: string, size: number, values: Value[]): [number, number] {
  if (option === "s") {
    const zero = data.indexOf("\0", at);
    if (zero < 0) throw nativeError("unfinished string in data");
    return [zero - at, zero - at + 1];
  }
  if (size > 0) return [size, size];
  const length = toNumber(values.at(-1));
  if (length === undefined) throw nativeError("format 'c0' needs a previous size");
  values.pop();
  const count = Number(toUint64(length));
  if (count > data.length || at > data.length - count) throw argumentError(2, "data string too short");
  return [count, count];
}

const unpack: Plain = (args) => {
  const format = new Format(checkString(args, 1));
  const data = checkString(args, 2);
  const start = optInteger(args, 3, 1);
  if (start === 0) throw argumentError(3, "offset must be 1 or greater");
  let at = start - 1;
  const values: Value[] = [];
  while (!format.isAtEnd) {
    const option = format.next();
    let size = format.size(option);
    at += format.padding(at, option, size);
    if (at < 0 || size > data.length || at > data.length - size) throw argumentError(2, "data string too short");
    if (args.length + values.length + 2 > MOST_VALUES) throw nativeError("stack overflow (too many results)");
    switch (option) {
      case "b": case "B": case "h": case "H": case "l": case "L": case "T": case "i": case "I":
        values.push(readInteger(data, at, size, format.isLittle, option >= "a"));
        break;
      case "x": break;
      case "f": case "d":
        values.push(readFloat(data, at, size, format.isLittle));
        break;
      case "c": case "s": {
        const [length, taken] = textSize(data, at, option, size, values);
        values.push(data.slice(at, at + length));
        size = taken;
        break;
      }
      default: format.control(option);
    }
    at += size;
  }
  values.push(at + 1);
  return values;
};

const size: Plain = (args) => {
  const format = new Format(checkString(args, 1));
  let at = 0;
  while (!format.isAtEnd) {
    const option = format.next();
    const bytes = format.size(option);
    at += format.padding(at, option, bytes);
    if (option === "s") throw argumentError(1, "option 's' has no fixed size");
    if (option === "c" && bytes === 0) throw argumentError(1, "option 'c0' has no fixed size");
    if (!/[A-Za-z0-9]/.test(option)) format.control(option);
    at += bytes;
  }
  return at;
};

/** Makes the library `struct`. */
export function structLibrary(): Table {
  return library({ pack, unpack, size });
}
