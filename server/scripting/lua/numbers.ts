// numbers.ts - numbers to text and back, as C's "%.14g" and strtod do it.
//
// Not for string.format's other formats (lib-string.ts).

const DIGITS = 14;
const WHOLE_LIMIT = 1e14;
/** Enough to tell a tie from what is near one. */
const EXACT_DIGITS = 60;

/** A finite number as "%.14g" writes it. JavaScript rounds ties up, C to the even digit. */
function digits(n: number): string {
  const rounded = n.toPrecision(DIGITS);
  const one = n.toPrecision(DIGITS + 1);
  const end = one.search(/e|$/);
  if (one[end - 1] !== "5" || Number(one) !== n) return rounded;
  const exact = n.toPrecision(EXACT_DIGITS);
  const [mantissa, exponent] = exact.split("e");
  const after = mantissa.replace(/^-?[0.]*/, "").replace(".", "");
  const isTie = /^50*$/.test(after.slice(DIGITS)) && (after.charCodeAt(DIGITS - 1) & 1) === 0;
  if (!isTie) return rounded;
  // Cut after the even digit instead of rounding up.
  let kept = 0;
  let text = "";
  for (const c of mantissa) {
    if (c >= "0" && c <= "9" && (kept > 0 || c !== "0")) kept += 1;
    text += kept > DIGITS && c !== "." ? "0" : c;
  }
  return Number(exponent === undefined ? text : `${text}e${exponent}`).toPrecision(DIGITS);
}

/** Text of a number: 1e15 is "1e+15", 0.1 is "0.1", infinity "inf". */
export function formatNumber(n: number): string {
  if (n < WHOLE_LIMIT && n > -WHOLE_LIMIT && Math.trunc(n) === n) return n === 0 && 1 / n < 0 ? "-0" : String(n);
  if (!Number.isFinite(n)) return Number.isNaN(n) ? "-nan" : n > 0 ? "inf" : "-inf";
  const precise = digits(n);
  let [mantissa, exponent] = precise.split("e");
  const power = exponent === undefined ? powerOf(mantissa) : Number(exponent);
  if (mantissa.includes(".")) mantissa = mantissa.replace(/\.?0+$/, "");
  if (power >= -4 && power < DIGITS) return exponent === undefined ? mantissa : String(Number(precise));
  if (exponent === undefined) [mantissa, exponent] = scientific(mantissa, power);
  const magnitude = String(Math.abs(power)).padStart(2, "0");
  return `${mantissa}e${power < 0 ? "-" : "+"}${magnitude}`;
}

/** The decimal exponent of a number written without one. */
function powerOf(text: string): number {
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  return whole !== "0" ? whole.length - 1 : -1 - fraction.search(/[1-9]/);
}

/** A number like 0.000001234 as mantissa and exponent. */
function scientific(text: string, power: number): [string, string] {
  const significant = text.replace(/[-.]/g, "").replace(/^0+/, "").replace(/0+$/, "");
  const sign = text.startsWith("-") ? "-" : "";
  const mantissa = significant.length > 1 ? `${significant[0]}.${significant.slice(1)}` : significant;
  return [sign + mantissa, String(power)];
}

const DECIMAL = /^[ \t\n\v\f\r]*([+-]?)(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[ \t\n\v\f\r]*$/;
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
