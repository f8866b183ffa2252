// numbers.ts - numbers to text and back, as C's "%.14g" and strtod do it.
//
// Not for other formats than that one (number-text.ts).

import { generalText, nonFiniteText } from "./number-text.ts";

const DIGITS = 14;

/** Text of a number: 1e15 is "1e+15", 0.1 is "0.1", infinity "inf". */
export function formatNumber(n: number): string {
  return Number.isFinite(n) ? generalText(n, DIGITS) : nonFiniteText(n);
}

const DECIMAL = /^[ \t\n\v\f\r]*([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[ \t\n\v\f\r]*$/;
const HEX = /^[ \t\n\v\f\r]*([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?[ \t\n\v\f\r]*$/;
const NAMED = /^[ \t\n\v\f\r]*([+-]?)(inf|infinity|nan(?:\(\w*\))?)[ \t\n\v\f\r]*$/i;

/** The number that a text spells, as C reads it (hexadecimal, "inf" and "nan" too), or undefined. */
export function parseNumber(text: string): number | undefined {
  const zero = text.indexOf("\0");
  const read = zero < 0 ? text : text.slice(0, zero);
  const match = DECIMAL.exec(read);
  if (match !== null) return match[1] === "-" ? -Number(match[2]) : Number(match[2]);
  const hex = HEX.exec(read);
  if (hex !== null) return parseHex(hex);
  const named = NAMED.exec(read);
  if (named === null) return undefined;
  const value = /^i/i.test(named[2]) ? Infinity : NaN;
  return named[1] === "-" ? -value : value;
}

function parseHex([, sign, whole, fraction = "", exponent = "0"]: RegExpExecArray): number | undefined {
  if (whole === "" && fraction === "") return undefined;
  const all = whole + fraction;
  const power = Number(exponent) - 4 * fraction.length;
  // Up to 13 digits are exact in a double; longer ones are rounded once, by BigInt.
  const mantissa = all.length <= 13 ? Number.parseInt(all, 16) : Number(BigInt(`0x${all}`));
  const value = power === 0 ? mantissa : mantissa * 2 ** power;
  return sign === "-" ? -value : value;
}

const INTEGER_LIMIT = 2 ** 63;
const WORD = 2 ** 32;

/** As a C cast to a 64-bit integer: cut towards zero; what doesn't fit becomes the smallest one. */
export function toInteger(n: number): number {
  const whole = Math.trunc(n);
  return whole >= -INTEGER_LIMIT && whole < INTEGER_LIMIT ? whole + 0 : -INTEGER_LIMIT;
}

/** As a C cast to a 64-bit integer and from there to a 32-bit one. */
export function toInt(n: number): number {
  const whole = n | 0;
  return whole === n ? whole : (toInteger(n) % WORD) | 0;
}
