/**
 * What tests/core/bytes.test.ts calls: the functions of bytes/ as exports, with the types that cross the border.
 * Not part of what ships. Tests place their bytes at WORKSPACE and beyond, above all static data.
 */
import { globMatch } from "../bytes/glob";
import { isWord } from "../bytes/compare";

export { parseI64, parseU64, formatI64, formatU64, digitsOfI64 } from "../bytes/integer";
export { equalBytes, compareBytes, equalsIgnoreCase } from "../bytes/compare";
export { hashBytes, crc16, crc64, keySlot } from "../bytes/hash";
export { formatDouble, parseDouble } from "../bytes/double";
export { formatFixed, formatPrecise, formatScaled } from "../bytes/fixed";
export { addLongDouble, formatLongDouble, longDoubleFromI64, parseLongDouble } from "../bytes/long-double";
export { xxh3 } from "../bytes/xxh3";
export { lzfCompress, lzfDecompress } from "../bytes/lzf";
export { arcSine, arcTangent, cosine, sine } from "../bytes/trigonometry";
export {
  combineBits, countBits, countBitsBetween, findBit, findBitBetween, getSignedBits, getUnsignedBits, invertBits,
  setBits, signedOverflow, unsignedOverflow,
} from "../bytes/bits";
export { globMatch };

/** Bytes that tests may use: from here to the end of memory. */
export function workspace(): usize {
  return __heap_base;
}

/** Compares an argument with one of a few keywords, as option parsers do. */
export function isWordNumber(ptr: usize, len: i32, number: i32): bool {
  if (number == 0) return isWord(ptr, len, "EX");
  if (number == 1) return isWord(ptr, len, "KEEPTTL");
  return isWord(ptr, len, "NO-EVICT_@[");
}
