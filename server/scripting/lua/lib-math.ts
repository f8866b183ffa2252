// lib-math.ts - the library `math`, with Valkey's random numbers.
//
// math.random isn't C's: Valkey has a generator of its own, which gives the same sequence on every machine for a seed.
// It is the 48-bit linear congruence of drand48: x = x * 0x5DEECE66D + 11, of which the upper 31 bits are the answer.
// Its state outlives a script and is shared by all scripts and functions of a server, so it is an object of the owner.
//
// What C computes and JavaScript lacks (frexp, ldexp, modf) is exact. sin, exp, pow and the like are the runtime's and
// may differ from glibc's in the last bit.

import { checkInt, checkNumber } from "./arguments.ts";
import { argumentError, nativeError } from "./errors.ts";
import { library, setFields } from "./library.ts";
import { scratch } from "./number-text.ts";
import { power } from "./operators.ts";
import type { Table } from "./table.ts";
import { NOTHING, type Plain } from "./values.ts";

/** The multiplier in halves of 24 bits: their products are exact in a double. */
const MULTIPLIER_HIGH = 0x5de;
const MULTIPLIER_LOW = 0xece66d;
const INCREMENT = 0xb;
const HALF = 2 ** 24;
const FIRST_HIGH = 0x1234ab;
const FIRST_LOW = 0xcd330e;
const LOW_SEED = 0x330e;
const LARGEST_RANDOM = 0x7fffffff;
const RADIANS_PER_DEGREE = Math.PI / 180;

/** Valkey's random numbers. A server has one generator, for all of its scripts. */
export class RandomNumbers {
  /** Its 48 bits in halves of 24. */
  #high = FIRST_HIGH;
  #low = FIRST_LOW;

  /** Starts the sequence of a seed, a 32-bit integer. */
  seed(seed: number): void {
    this.#high = (seed >>> 8) & 0xffffff;
    this.#low = ((seed & 0xff) << 16) | LOW_SEED;
  }

  /** The next number, at least 0 and below 1. */
  next(): number {
    const product = this.#low * MULTIPLIER_LOW + INCREMENT;
    const carry = Math.floor(product / HALF);
    this.#high = (this.#high * MULTIPLIER_LOW + this.#low * MULTIPLIER_HIGH + carry) % HALF;
    this.#low = product % HALF;
    const upper = this.#high * 128 + (this.#low >>> 17);
    return (upper % LARGEST_RANDOM) / LARGEST_RANDOM;
  }
}

const one = (run: (x: number) => number): Plain => (args) => run(checkNumber(args, 1));

// The second argument is complained of first: so the order of evaluation has it in the real server.
const two = (run: (x: number, y: number) => number): Plain => (args) => {
  const y = checkNumber(args, 2);
  return run(checkNumber(args, 1), y);
};

/** Of all arguments, the one that `isBetter` than those before it. */
const best = (isBetter: (x: number, than: number) => boolean): Plain => (args) => {
  let found = checkNumber(args, 1);
  for (let n = 2; n <= args.length; n++) {
    const x = checkNumber(args, n);
    if (isBetter(x, found)) found = x;
  }
  return found;
};

const modf: Plain = (args) => {
  const x = checkNumber(args, 1);
  const whole = Math.trunc(x);
  if (!Number.isFinite(x)) return [x, Number.isNaN(x) ? x : x < 0 ? -0 : 0];
  const fraction = x - whole;
  return [whole, fraction === 0 && (x < 0 || Object.is(x, -0)) ? -0 : fraction];
};

const LEAST_NORMAL = 2 ** -1022;

/** A finite number but zero as a fraction of at least 0.5 and below 1, and a power of two. */
function split(x: number): [fraction: number, exponent: number] {
  const view = scratch();
  const isTiny = Math.abs(x) < LEAST_NORMAL;
  view.setFloat64(0, isTiny ? x * 2 ** 54 : x);
  const head = view.getUint32(0);
  const exponent = ((head >>> 20) & 0x7ff) - 1022 - (isTiny ? 54 : 0);
  view.setUint32(0, (head & 0x800fffff) | (1022 << 20));
  return [view.getFloat64(0), exponent];
}

const frexp: Plain = (args) => {
  const x = checkNumber(args, 1);
  return x === 0 || !Number.isFinite(x) ? [x, 0] : split(x);
};

/** A number times a power of two, rounded once. */
function scaled(x: number, by: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const [fraction, own] = split(x);
  const exponent = own + by;
  if (exponent > 1024) return x * Infinity;
  if (exponent < -1074) return x < 0 ? -0 : 0;
  // below the normal numbers the first step is still exact, the second one rounds
  return exponent > 0 ? fraction * 2 * 2 ** (exponent - 1) : fraction * 2 ** -1000 * 2 ** (exponent + 1000);
}

function randomFunction(numbers: RandomNumbers): Plain {
  return (args) => {
    const x = numbers.next();
    switch (args.length) {
      case 0: return x;
      case 1: {
        const high = checkInt(args, 1);
        if (high < 1) throw argumentError(1, "interval is empty");
        return Math.floor(x * high) + 1;
      }
      case 2: {
        const low = checkInt(args, 1);
        const high = checkInt(args, 2);
        if (low > high) throw argumentError(2, "interval is empty");
        return Math.floor(x * ((high - low + 1) | 0)) + low;
      }
      default: throw nativeError("wrong number of arguments");
    }
  };
}

/** Makes the library `math`. */
export function mathLibrary(numbers: RandomNumbers): Table {
  const fmod = two((x, y) => x % y);
  const table = library({
    abs: one(Math.abs), acos: one(Math.acos), asin: one(Math.asin), atan: one(Math.atan), atan2: two(Math.atan2),
    ceil: one(Math.ceil), cos: one(Math.cos), cosh: one(Math.cosh), deg: one((x) => x / RADIANS_PER_DEGREE),
    exp: one(Math.exp), floor: one(Math.floor), fmod, frexp,
    ldexp: (args) => {
      const exponent = checkInt(args, 2);
      return scaled(checkNumber(args, 1), exponent);
    },
    log: one(Math.log), log10: one(Math.log10), max: best((x, than) => x > than), min: best((x, than) => x < than),
    mod: fmod, modf, pow: two(power), rad: one((x) => x * RADIANS_PER_DEGREE), random: randomFunction(numbers),
    randomseed: (args) => {
      numbers.seed(checkInt(args, 1));
      return NOTHING;
    },
    sin: one(Math.sin), sinh: one(Math.sinh), sqrt: one(Math.sqrt), tan: one(Math.tan), tanh: one(Math.tanh),
  });
  setFields(table, { pi: Math.PI, huge: Infinity });
  return table;
}
