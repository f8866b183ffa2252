/**
 * Doubles as replies and arguments write them.
 *   formatDouble  the shortest digits that read back the same, or nearly so: see below
 *   parseDouble   correctly rounded
 * Not for fixed decimals (fixed.ts) and not for INCRBYFLOAT (long-double.ts).
 *
 * formatDouble is Grisu2, the algorithm behind the replies we must equal byte for byte: its digits always read back to
 * the same double, but about one double in a thousand gets one digit more than needed, or not the nearest ones.
 *
 *     value = f * 2^e ──► times a cached power of ten ──► 2^-60 <= unit <= 2^-32: integer part in 32 bits, digits
 *     come off integer part and fraction until what is left is inside the interval of doubles that round to value.
 *
 * parseDouble tries, in this order: exact double arithmetic (up to 15 digits and small powers), 64 bits with a bound on
 * the error (all but about one in a thousand), bignum.ts. Measured with 17 digits: formatting 260 ns, parsing 115 ns.
 * Credits: F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers" (2010);
 * W. Clinger, "How to Read Floating-Point Numbers Accurately" (1990).
 */
import { multiplyHigh, roundShift } from "./bignum";
import { Decimal, decimal, decimalToBinary, parseSpecial, powerOfTen, scanDecimal } from "./decimal";
import { formatNotFinite } from "./fixed";
import { formatI64 } from "./integer";

/** Bytes that formatDouble may write. */
export const DOUBLE_TEXT_MAX: i32 = 28;

const FRACTION_MASK: u64 = 0x000fffffffffffff;
const HIDDEN_BIT: u64 = 0x0010000000000000;
const INTEGER_LIMIT: f64 = 4611686018427387904; // 2^62: below it, integers print as integers.

// --- Powers of ten ---

const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;
const POWER_COUNT: i32 = 87;

/** 10^-348, 10^-340, ... 10^340: the upper 64 bits, rounded to nearest; powerExponent tells the exponent. */
const CACHED_POWERS: usize = memory.data<u64>([
  0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
  0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
  0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
  0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
  0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
  0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
  0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
  0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
  0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
  0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
  0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
  0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
  0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
  0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
  0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
  0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
  0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
  0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
  0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
  0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
  0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
  0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
]);

/** Mantissa of cached power number `index`. */
function powerMantissa(index: i32): u64 {
  return load<u64>(CACHED_POWERS + (<usize>index << 3));
}

/** Binary exponent of cached power number `index`: its mantissa has the top bit set. */
function powerExponent(index: i32): i32 {
  return ((FIRST_POWER + POWER_STEP * index) * 217706 >> 16) - 63; // 217706 / 2^16 is log2(10), good to 10^500.
}

/** The upper 64 bits of a product, rounded by the bit below, as the digits' last place depends on it. */
function multiplyRounded(a: u64, b: u64): u64 {
  const cross1 = (a >> 32) * (b & 0xffffffff);
  const cross2 = (a & 0xffffffff) * (b >> 32);
  const low = ((a & 0xffffffff) * (b & 0xffffffff)) >> 32;
  const middle = (cross1 & 0xffffffff) + (cross2 & 0xffffffff) + low + 0x80000000;
  return (a >> 32) * (b >> 32) + (cross1 >> 32) + (cross2 >> 32) + (middle >> 32);
}

// --- Formatting ---

/**
 * Grisu2: writes the digits of a finite value above zero, without a dot; answers their count, and stores at `powerPtr`
 * the power of ten that the last one counts.
 */
function shortestDigits(ptr: usize, value: f64, powerPtr: usize): i32 {
  const bits = reinterpret<u64>(value);
  const biased = <i32>((bits >> 52) & 0x7ff);
  let fraction = bits & FRACTION_MASK;
  let exponent = -1074;
  if (biased != 0) {
    fraction |= HIDDEN_BIT;
    exponent = biased - 1075;
  }
  // The neighbours' midpoints with the exponent of the upper one, and the value normalised to the same.
  let upper = (fraction << 1) + 1;
  const upperShift = <i32>clz<u64>(upper);
  upper <<= upperShift;
  const upperExponent = exponent - 1 - upperShift;
  const lowerShift = fraction == HIDDEN_BIT ? 2 : 1;
  let lower = ((fraction << lowerShift) - 1) << (exponent - lowerShift - upperExponent);
  let middle = fraction << (exponent - upperExponent);
  const guess = <i32>(-<f64>(upperExponent + POWER_COUNT) * 0.30102999566398114);
  let index = (guess - FIRST_POWER) / POWER_STEP;
  while (true) {
    const scaled = upperExponent + powerExponent(index) + 64;
    if (scaled < -60) index++;
    else if (scaled > -32) index--;
    else break;
  }
  const power = powerMantissa(index);
  middle = multiplyRounded(middle, power);
  upper = multiplyRounded(upper, power) - 1;
  lower = multiplyRounded(lower, power) + 1;
  store<i32>(powerPtr, -(FIRST_POWER + POWER_STEP * index));
  return generateDigits(ptr, middle, upper, lower, -(upperExponent + powerExponent(index) + 64), powerPtr);
}

/** Takes digits off `upper` (fixed point, `point` bits of fraction) until the rest is within upper - lower. */
function generateDigits(ptr: usize, middle: u64, upper: u64, lower: u64, point: i32, powerPtr: usize): i32 {
  const start = ptr;
  const one = <u64>1 << point;
  let distance = upper - middle;
  let delta = upper - lower;
  let whole = <u32>(upper >> point);
  let part = upper & (one - 1);
  let unit: u32 = 1000000000;
  for (let left = 9; left >= 0; left--) {
    const digit = whole / unit;
    if (digit != 0 || ptr != start) store<u8>(ptr++, digit + 0x30);
    whole -= digit * unit;
    const rest = (<u64>whole << point) + part;
    if (rest <= delta) {
      store<i32>(powerPtr, load<i32>(powerPtr) + left);
      roundLastDigit(ptr - 1, delta, rest, <u64>unit << point, distance);
      return <i32>(ptr - start);
    }
    unit /= 10;
  }
  let left = -1;
  while (true) {
    part *= 10;
    delta *= 10;
    distance *= 10;
    const digit = part >> point;
    if (digit != 0 || ptr != start) store<u8>(ptr++, <u32>digit + 0x30);
    part &= one - 1;
    if (part < delta) {
      store<i32>(powerPtr, load<i32>(powerPtr) + left);
      roundLastDigit(ptr - 1, delta, part, one, distance);
      return <i32>(ptr - start);
    }
    left--;
  }
}

/** Lowers the last digit while that stays inside the interval and comes nearer to the value. */
function roundLastDigit(at: usize, delta: u64, rest: u64, unit: u64, distance: u64): void {
  while (rest < distance && delta - rest >= unit
    && (rest + unit < distance || distance - rest > rest + unit - distance)) {
    store<u8>(at, load<u8>(at) - 1);
    rest += unit;
  }
}

/** Puts dot or exponent to `count` digits at `ptr`, the last one counting 10^power; answers the new length. */
function layOut(ptr: usize, count: i32, power: i32): i32 {
  const order = count + power - 1;
  const magnitude = abs<i32>(order);
  if (power >= 0 && magnitude < count + 7) {
    memory.fill(ptr + <usize>count, 0x30, <usize>power);
    return count + power;
  }
  if (power < 0 && (power > -7 || magnitude < 4)) {
    const zeros = -order - 1; // Zeros between dot and first digit; negative: digits before the dot are -zeros.
    if (zeros >= 0) {
      memory.copy(ptr + <usize>zeros + 2, ptr, <usize>count);
      memory.fill(ptr, 0x30, <usize>zeros + 2);
      store<u8>(ptr, 0x2e, 1);
      return count + zeros + 2;
    }
    const before = <usize>(order + 1);
    memory.copy(ptr + before + 1, ptr + before, <usize>count - before);
    store<u8>(ptr + before, 0x2e);
    return count + 1;
  }
  let at = ptr + 1;
  if (count > 1) {
    memory.copy(at + 1, at, <usize>(count - 1));
    store<u8>(at, 0x2e);
    at += <usize>count;
  }
  store<u8>(at, 0x65);
  store<u8>(at, order < 0 ? 0x2d : 0x2b, 1);
  at += 2;
  return <i32>(at - ptr) + formatI64(at, <i64>magnitude);
}

/**
 * Writes `value` as replies show doubles: integers up to 2^62 as integers, "inf", "-inf", "nan", "-0", else the
 * shortest digits, with an exponent when very large or small. Answers the length, at most DOUBLE_TEXT_MAX.
 */
export function formatDouble(ptr: usize, value: f64): i32 {
  const negative = reinterpret<i64>(value) < 0;
  if (abs<f64>(value) <= INTEGER_LIMIT && value == trunc<f64>(value) && (value != 0 || !negative)) {
    return formatI64(ptr, <i64>value);
  }
  return formatShortest(ptr, value);
}

/** The same, but integers are not treated apart: 1e10 and larger ones with few digits get an exponent. */
export function formatShortest(ptr: usize, value: f64): i32 {
  const special = formatNotFinite(ptr, value);
  if (special != 0) return special;
  const sign = reinterpret<i64>(value) < 0 ? 1 : 0;
  if (sign) store<u8>(ptr, 0x2d);
  ptr += <usize>sign;
  if (value == 0) {
    store<u8>(ptr, 0x30);
    return sign + 1;
  }
  const count = shortestDigits(ptr, abs<f64>(value), POWER);
  return sign + layOut(ptr, count, load<i32>(POWER));
}

/** Where shortestDigits puts its second result. */
const POWER: usize = memory.data(8, 8);

// --- Parsing ---

const MAX_ORDER: i32 = 309;
const MIN_ORDER: i32 = -326;
/** A point halfway between two doubles has at most 767 significant digits. */
const MAX_DIGITS: i32 = 800;
const MIN_EXPONENT: i32 = -1074;

/** The double mantissa * 2^exponent for a mantissa with its top bit set, rounded; `tail` as in bignum.ts. */
function composeDouble(mantissa: u64, exponent: i32, tail: i32): f64 {
  const drop = max<i32>(11, MIN_EXPONENT - exponent);
  const rounded = roundShift(mantissa, tail, drop);
  const biased = exponent + drop - MIN_EXPONENT;
  // A normal number's hidden bit adds one to the exponent field, and so does a carry out of rounding.
  const bits = rounded + (<u64>biased << 52);
  if (bits >= 0x7ff0000000000000) return Infinity;
  return reinterpret<f64>(bits);
}

/**
 * Converts with 64-bit arithmetic and an error bound: answers NaN when the result could be on either side of a
 * midpoint. Errors count in eighths of the mantissa's last bit.
 */
function approximateDouble(d: Decimal): f64 {
  let error = d.truncated ? 8 : 0;
  let mantissa = d.mantissa;
  let power = d.exponent;
  let shift = <i32>clz<u64>(mantissa);
  let index = (power - FIRST_POWER) / POWER_STEP;
  if (power < FIRST_POWER || index >= POWER_COUNT) return NaN;
  mantissa <<= shift;
  error <<= shift;
  let exponent = -shift;
  const small = power - FIRST_POWER - POWER_STEP * index;
  if (small > 0) {
    const factor = powerOfTen(small);
    const factorShift = <i32>clz<u64>(factor);
    mantissa = multiplyHigh(mantissa, factor << factorShift);
    exponent += 64 - factorShift;
    error += 8;
    shift = <i32>clz<u64>(mantissa);
    mantissa <<= shift;
    exponent -= shift;
    error <<= shift;
  }
  mantissa = multiplyHigh(mantissa, powerMantissa(index));
  exponent += 64 + powerExponent(index);
  error += 8 + 4 + 1;
  shift = <i32>clz<u64>(mantissa);
  mantissa <<= shift;
  exponent -= shift;
  error <<= shift;
  const drop = max<i32>(11, MIN_EXPONENT - exponent);
  if (drop > 60) return NaN;
  const low = mantissa & ((<u64>1 << drop) - 1);
  const half = <u64>1 << (drop - 1);
  const gap = low > half ? low - half : half - low;
  if (gap <= <u64>((error >> 3) + 1)) return NaN;
  return composeDouble(mantissa, exponent, 0);
}

/** The value of a scanned decimal that isn't zero, sign left out: correctly rounded, maybe Infinity or 0. */
function decimalToDouble(d: Decimal): f64 {
  if (!d.truncated && d.mantissa <= 0x0020000000000000 && d.exponent >= -22 && d.exponent <= 22) {
    const value = <f64>d.mantissa;
    if (d.exponent >= 0) return value * exactPower(d.exponent);
    return value / exactPower(-d.exponent);
  }
  if (d.order > MAX_ORDER) return Infinity;
  if (d.order < MIN_ORDER) return 0;
  const value = approximateDouble(d);
  if (value == value) return value;
  decimalToBinary(MAX_DIGITS);
  return composeDouble(d.binary, d.binaryExponent, d.tail);
}

/** 10^power for 0 .. 22, which doubles hold exactly. */
function exactPower(power: i32): f64 {
  if (power <= 19) return <f64>powerOfTen(power);
  return 1e19 * <f64>powerOfTen(power - 19);
}

/**
 * Parses a double, correctly rounded, into `outPtr`: decimals, or "inf" and "infinity" in any case, with a sign.
 * False for spaces, junk, hexadecimals, NaN, and numbers so large or small that they would become infinite or zero.
 */
export function parseDouble(ptr: usize, len: i32, outPtr: usize): bool {
  return parseNumber(ptr, len, outPtr, false);
}

/** The same, but numbers too large become infinite and those too small zero. */
export function parseDoubleLimited(ptr: usize, len: i32, outPtr: usize): bool {
  return parseNumber(ptr, len, outPtr, true);
}

function parseNumber(ptr: usize, len: i32, outPtr: usize, limited: bool): bool {
  if (!scanDecimal(ptr, len)) {
    const special = parseSpecial(ptr, len);
    if (special == 0) return false;
    store<f64>(outPtr, special > 0 ? Infinity : -Infinity);
    return true;
  }
  const d = decimal();
  let value: f64 = 0;
  if (d.mantissa != 0) {
    value = decimalToDouble(d);
    if (!limited && (value == 0 || value == Infinity)) return false;
  }
  store<f64>(outPtr, d.negative ? -value : value);
  return true;
}
