// cjson-settings.ts - what scripts can set of cjson, and its null.

import { LightUserdata } from "./values.ts";

/** What null becomes, which no table could hold as nil: C's null pointer. */
export const JSON_NULL = new LightUserdata("(nil)");

/** How numbers that JSON has no name for (infinities, NaN) are written. */
export const INVALID_WORDS = ["off", "on", "null"] as const;

export const MOST_PRECISION = 14;

/** Settings of one table of functions. */
export class JsonSettings {
  /** Whether tables with many holes become objects; an error else. */
  sparseConvert = false;
  /** A table has many holes when its largest index is more than so many times its elements, and above `sparseSafe`. */
  sparseRatio = 2;
  sparseSafe = 10;
  encodeMaxDepth = 1000;
  decodeMaxDepth = 1000;
  encodeInvalidNumbers: (typeof INVALID_WORDS)[number] = "off";
  decodeInvalidNumbers = true;
  numberPrecision = MOST_PRECISION;
  keepBuffer = true;
}
