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

const MOST_CACHED = 100;
const LONGEST_CACHED = 200;

/** One specification, as "%-5.2f", with the text before it. */
interface Spec {
  readonly before: string;
  readonly isLeft: boolean;
  readonly isSigned: boolean;
  readonly isSpaced: boolean;
  readonly isAlternate: boolean;
  readonly isZeroed: boolean;
  readonly width: number;
  /** -1 when none is given. */
  readonly precision: number;
  readonly conversion: string;
  /** What is wrong with it, told when it's reached; "" for nothing. */
  readonly fault: string;
}

/** A format that was read: its specifications and the text behind the last one. */
interface Format {
  readonly specs: readonly Spec[];
  readonly rest: string;
}

const SPEC = /([-+ #0]*)(\d{0,2})(?:(\.)(\d{0,2}))?/y;

/** Reads the specification whose % stands before `start`; also gives where the text goes on behind it. */
function readSpec(text: string, start: number, before: string): [spec: Spec, end: number] {
  SPEC.lastIndex = start;
  const [all, flags, width, point, precision] = SPEC.exec(text)!;
  const at = start + all.length;
  const conversion = at < text.length ? text[at] : "\0";
  let fault = "";
  if (flags.length > MOST_FLAGS) fault = "invalid format (repeated flags)";
  else if (conversion >= "0" && conversion <= "9") fault = "invalid format (width or precision too long)";
  const spec = {
    before,
    isLeft: flags.includes("-"),
    isSigned: flags.includes("+"),
    isSpaced: flags.includes(" "),
    isAlternate: flags.includes("#"),
    isZeroed: flags.includes("0"),
    width: Number(width),
    precision: point === undefined ? -1 : Number(precision),
    conversion,
    fault,
  };
  return [spec, at + 1];
}

function readFormat(text: string): Format {
  const specs: Spec[] = [];
  let before = "";
  let copied = 0;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", copied)) {
    before += text.slice(copied, at);
    if (text[at + 1] === "%") {
      before += "%";
      copied = at + 2;
      continue;
    }
    const [spec, end] = readSpec(text, at + 1, before);
    specs.push(spec);
    before = "";
    copied = end;
  }
  return { specs, rest: before + text.slice(copied) };
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
  const cut = Math.trunc(x);
  if (spec.width === 0 && spec.precision < 0 && cut > 0 && cut <= Number.MAX_SAFE_INTEGER) {
    return signOf(false, spec) + cut;
  }
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

/** Makes string.format, which keeps the formats that it read lately. */
export function formatter(): Plain {
  const formats = new Map<string, Format>();
  return (args) => {
    const text = checkString(args, 1);
    let format = formats.get(text);
    if (format === undefined) {
      format = readFormat(text);
      if (formats.size >= MOST_CACHED) formats.clear();
      if (text.length <= LONGEST_CACHED) formats.set(text, format);
    }
    let made = "";
    let n = 1;
    for (const spec of format.specs) {
      n++;
      if (n > args.length) throw argumentError(n, "no value");
      if (spec.fault !== "") throw nativeError(spec.fault);
      made = joined(joined(made, spec.before), item(args, n, spec));
    }
    return joined(made, format.rest);
  };
}
