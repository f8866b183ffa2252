// lib-bit.ts - the library `bit`: operations on 32-bit integers. Results are signed, shifts count modulo 32.
//
// A number becomes an integer as in C: 2^52 + 2^51 is added, and the lower half of what results is the integer. So
// halves go to the even neighbour and the rest wraps around; beyond 2^51 that loses the lower bits, which is kept.

import { toNumber, typeError } from "./arguments.ts";
import { library } from "./library.ts";
import { scratch } from "./number-text.ts";
import type { Table } from "./table.ts";
import type { Plain, Value } from "./values.ts";

const SHIFTER = 2 ** 52 + 2 ** 51;
const WORD = 2 ** 32;

function integerAt(args: Value[], n: number): number {
  const value = args[n - 1];
  if (typeof value === "number" && (value | 0) === value) return value | 0;
  const number = toNumber(value);
  if (number === undefined) throw typeError(args, n, "number");
  const shifted = number + SHIFTER;
  // The fraction of a double is its value in units of its last place, and only that of numbers near SHIFTER is 1.
  if (shifted >= 2 ** 52 && shifted < 2 ** 53) return shifted % WORD | 0;
  return lowWord(shifted);
}

function lowWord(x: number): number {
  const view = scratch();
  view.setFloat64(0, x);
  return view.getInt32(4);
}

const unary = (run: (x: number) => number): Plain => (args) => run(integerAt(args, 1));

const shift = (run: (x: number, count: number) => number): Plain => (args) => {
  const x = integerAt(args, 1);
  return run(x, integerAt(args, 2) & 31) | 0;
};

/** Combines all arguments; from the last to the first, as what is wrong is complained of in that order. */
const combined = (run: (x: number, y: number) => number): Plain => (args) => {
  let x = integerAt(args, 1);
  for (let n = args.length; n > 1; n--) x = run(x, integerAt(args, n));
  return x;
};

const swap = (x: number): number => (x >>> 24) | ((x >>> 8) & 0xff00) | ((x & 0xff00) << 8) | (x << 24);

const tohex: Plain = (args) => {
  const x = integerAt(args, 1);
  const count = args.length < 2 ? 8 : integerAt(args, 2);
  const digits = (x >>> 0).toString(16).padStart(8, "0");
  const shown = count === 0 ? "" : digits.slice(-Math.min(Math.abs(count), 8));
  return count < 0 ? shown.toUpperCase() : shown;
};

/** Makes the library `bit`. */
export function bitLibrary(): Table {
  return library({
    tobit: unary((x) => x),
    bnot: unary((x) => ~x),
    bswap: unary(swap),
    band: combined((x, y) => x & y),
    bor: combined((x, y) => x | y),
    bxor: combined((x, y) => x ^ y),
    lshift: shift((x, n) => x << n),
    rshift: shift((x, n) => x >>> n),
    arshift: shift((x, n) => x >> n),
    rol: shift((x, n) => (x << n) | (x >>> (32 - n))),
    ror: shift((x, n) => (x << (32 - n)) | (x >>> n)),
    tohex,
  });
}
