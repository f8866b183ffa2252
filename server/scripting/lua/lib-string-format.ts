// lib-string-format.ts - string.format: C's printf with Lua's limits on flags, widths and precisions.
//
//   %[flags][width][.precision]conversion     flags of "-+ #0", at most five; width and precision of two digits at most
//
// What C leaves open is as glibc has it: no zeros are padded before infinities and texts, %c and %s end at a zero byte.
// Not for the digits of numbers (number-text.ts).

import { checkNumber, checkString } from "./arguments.ts";
import { argumentError, nativeError } from "./errors.ts";
import { joined } from "./library.ts";
import { exponentialText, fixedText, generalText, nonFiniteText, toInt32, toInt64, toUint64 } from "./number-text.ts";
import type { Plain, Value } from "./values.ts";

const MOST_FLAGS = 5;
const KEPT_WHOLE = 100;
const DEFAULT_PRECISION = 6;

/** One specification, as "%-5.2f". */
interface Spec {
  readonly isLeft: boolean;
  readonly isSigned: boolean;
  readonly isSpaced: boolean;
  readonly isAlternate: boolean;
  readonly isZeroed: boolean;
  readonly width: number;
  /** -1 when none is given. */
  readonly precision: number;
  readonly conversion: string;
  /** Where the text goes on behind it. */
  readonly end: number;
}

const SPEC = /([-+ #0]*)(\d{0,2})(?:(\.)(\d{0,2}))?/y;

/** Reads the specification whose % stands before `start`. */
function readSpec(text: string, start: number): Spec {
  SPEC.lastIndex = start;
  const [all, flags, width, point, precision] = SPEC.exec(text)!;
  if (flags.length > MOST_FLAGS) throw nativeError("invalid format (repeated flags)");
  const at = start + all.length;
  const conversion = at < text.length ? text[at] : "\0";
  if (conversion >= "0" && conversion <= "9") throw nativeError("invalid format (width or precision too long)");
  return {
    isLeft: flags.includes("-"),
    isSigned: flags.includes("+"),
    isSpaced: flags.includes(" "),
    isAlternate: flags.includes("#"),
    isZeroed: flags.includes("0"),
    width: Number(width),
    precision: point === undefined ? -1 : Number(precision),
    conversion,
    end: at + 1,
  };
}

const padded = (text: string, spec: Spec): string => spec.isLeft ? text.padEnd(spec.width) : text.padStart(spec.width);

/** A number's digits behind its sign or prefix, filled with zeros between the two when the flag 0 asks for it. */
function filled(sign: string, digits: string, spec: Spec, isZeroed: boolean): string {
  if (!isZeroed || spec.isLeft) return padded(sign + digits, spec);
  return sign + digits.padStart(spec.width - sign.length, "0");
}

const signOf = (isNegative: boolean, spec: Spec): string => {
  if (isNegative) return "-";
  if (spec.isSigned) return "+";
  return spec.isSpaced ? " " : "";
};

/** At least as many digits as the precision says; none for zero with precision 0. */
function precise(digits: string, spec: Spec): string {
  return digits === "0" && spec.precision === 0 ? "" : digits.padStart(spec.precision, "0");
}

function signedText(x: number, spec: Spec): string {
  const whole = toInt64(x);
  const digits = precise((whole < 0n ? -whole : whole).toString(), spec);
  return filled(signOf(whole < 0n, spec), digits, spec, spec.isZeroed && spec.precision < 0);
}

function unsignedText(x: number, spec: Spec): string {
  const whole = toUint64(x);
  const isZeroed = spec.isZeroed && spec.precision < 0;
  if (spec.conversion === "u") return filled("", precise(whole.toString(), spec), spec, isZeroed);
  if (spec.conversion === "o") {
    const digits = precise(whole.toString(8), spec);
    return filled("", spec.isAlternate && digits[0] !== "0" ? `0${digits}` : digits, spec, isZeroed);
  }
  const prefix = spec.isAlternate && whole !== 0n ? "0x" : "";
  const text = filled(prefix, precise(whole.toString(16), spec), spec, isZeroed);
  return spec.conversion === "X" ? text.toUpperCase() : text;
}

function floatText(x: number, spec: Spec): string {
  const precision = spec.precision < 0 ? DEFAULT_PRECISION : spec.precision;
  let text: string;
  switch (Number.isFinite(x) ? spec.conversion : "") {
    case "e": case "E": text = exponentialText(x, precision, spec.isAlternate); break;
    case "f": text = fixedText(x, precision, spec.isAlternate); break;
    case "g": case "G": text = generalText(x, precision, spec.isAlternate); break;
    default: text = nonFiniteText(x);
  }
  const isNegative = text[0] === "-";
  const sign = signOf(isNegative, spec);
  const made = filled(sign, isNegative ? text.slice(1) : text, spec, spec.isZeroed && Number.isFinite(x));
  return spec.conversion === "E" || spec.conversion === "G" ? made.toUpperCase() : made;
}

/** A text as %q writes it: as Lua's source has it, in quotes. */
function quoted(text: string): string {
  const escaped = text.replace(/["\\\n\r\0]/g, (found) => {
    if (found === "\r") return "\\r";
    return found === "\0" ? "\\000" : `\\${found}`;
  });
  return `"${escaped}"`;
}

const beforeZero = (text: string): string => {
  const zero = text.indexOf("\0");
  return zero < 0 ? text : text.slice(0, zero);
};

function stringText(text: string, spec: Spec): string {
  if (spec.precision < 0 && text.length >= KEPT_WHOLE) return text;
  const shown = beforeZero(text);
  return padded(spec.precision < 0 ? shown : shown.slice(0, spec.precision), spec);
}

/** One argument by its specification. */
function item(args: Value[], n: number, spec: Spec): string {
  switch (spec.conversion) {
    // a zero byte ends it, with the padding behind it
    case "c": return beforeZero(padded(String.fromCharCode(toInt32(checkNumber(args, n)) & 255), spec));
    case "d": case "i": return signedText(checkNumber(args, n), spec);
    case "o": case "u": case "x": case "X": return unsignedText(checkNumber(args, n), spec);
    case "e": case "E": case "f": case "g": case "G": return floatText(checkNumber(args, n), spec);
    case "q": return quoted(checkString(args, n));
    case "s": return stringText(checkString(args, n), spec);
    default: throw nativeError(`invalid option '%${spec.conversion === "\0" ? "" : spec.conversion}' to 'format'`);
  }
}

/** string.format. */
export const format: Plain = (args) => {
  const text = checkString(args, 1);
  let made = "";
  let copied = 0;
  let n = 1;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", copied)) {
    made = joined(made, text.slice(copied, at));
    if (text[at + 1] === "%") {
      made += "%";
      copied = at + 2;
      continue;
    }
    n++;
    if (n > args.length) throw argumentError(n, "no value");
    const spec = readSpec(text, at + 1);
    made = joined(made, item(args, n, spec));
    copied = spec.end;
  }
  return joined(made, text.slice(copied));
};
