// lib-cjson.ts - the library `cjson`: JSON as lua-cjson 2.1.0 writes and reads it, and its settings.
//
// Settings belong to a table of functions: cjson.new() makes another one with settings of its own. Not for the work
// itself (cjson-encode.ts, cjson-decode.ts).

import { checkInt, checkOption, checkString, isMissing } from "./arguments.ts";
import { Decoder } from "./cjson-decode.ts";
import { encode } from "./cjson-encode.ts";
import { INVALID_WORDS, JSON_NULL, JsonSettings, MOST_PRECISION } from "./cjson-settings.ts";
import { argumentError, nativeError } from "./errors.ts";
import { library, setFields, spendOnValues } from "./library.ts";
import type { Table } from "./table.ts";
import type { Plain, Value } from "./values.ts";

const BOOLEAN_WORDS = ["off", "on"];
const MOST_INT = 0x7fffffff;

/** Complains of too many arguments. */
function checkCount(args: readonly Value[], most: number): void {
  if (args.length > most) throw argumentError(most + 1, "found too many arguments");
}

/** An integer that is to be set, or the present one. Whatever is wrong with it is said of the first argument. */
function integerOption(args: readonly Value[], n: number, present: number, least: number, most: number): number {
  if (isMissing(args, n)) return present;
  const value = checkInt(args, n);
  if (value < least || value > most) throw argumentError(1, `expected integer between ${least} and ${most}`);
  return value;
}

function booleanOption(args: readonly Value[], n: number, present: boolean): boolean {
  if (isMissing(args, n)) return present;
  const value = args[n - 1];
  return typeof value === "boolean" ? value : checkOption(args, n, BOOLEAN_WORDS) === "on";
}

function settingFunctions(settings: JsonSettings): Record<string, Plain> {
  return {
    encode_sparse_array(args) {
      checkCount(args, 3);
      settings.sparseConvert = booleanOption(args, 1, settings.sparseConvert);
      settings.sparseRatio = integerOption(args, 2, settings.sparseRatio, 0, MOST_INT);
      settings.sparseSafe = integerOption(args, 3, settings.sparseSafe, 0, MOST_INT);
      return [settings.sparseConvert, settings.sparseRatio, settings.sparseSafe];
    },
    encode_max_depth(args) {
      checkCount(args, 1);
      settings.encodeMaxDepth = integerOption(args, 1, settings.encodeMaxDepth, 1, MOST_INT);
      return settings.encodeMaxDepth;
    },
    decode_max_depth(args) {
      checkCount(args, 1);
      settings.decodeMaxDepth = integerOption(args, 1, settings.decodeMaxDepth, 1, MOST_INT);
      return settings.decodeMaxDepth;
    },
    encode_number_precision(args) {
      checkCount(args, 1);
      settings.numberPrecision = integerOption(args, 1, settings.numberPrecision, 1, MOST_PRECISION);
      return settings.numberPrecision;
    },
    encode_keep_buffer(args) {
      checkCount(args, 1);
      settings.keepBuffer = booleanOption(args, 1, settings.keepBuffer);
      return settings.keepBuffer;
    },
    encode_invalid_numbers(args) {
      checkCount(args, 1);
      if (typeof args[0] === "boolean") settings.encodeInvalidNumbers = args[0] ? "on" : "off";
      else if (args[0] !== undefined) {
        settings.encodeInvalidNumbers = checkOption(args, 1, INVALID_WORDS) as JsonSettings["encodeInvalidNumbers"];
      }
      return settings.encodeInvalidNumbers === "null" ? "null" : settings.encodeInvalidNumbers === "on";
    },
    decode_invalid_numbers(args) {
      checkCount(args, 1);
      settings.decodeInvalidNumbers = booleanOption(args, 1, settings.decodeInvalidNumbers);
      return settings.decodeInvalidNumbers;
    },
  };
}

function decode(args: Value[], settings: JsonSettings): Value {
  if (args.length !== 1) throw argumentError(1, "expected 1 argument");
  const text = checkString(args, 1);
  if (text.length >= 2 && (text[0] === "\0" || text[1] === "\0")) {
    throw nativeError("JSON parser does not support UTF-16 or UTF-32");
  }
  return new Decoder(text, settings).decode();
}

/** Makes the library `cjson`. */
export function cjsonLibrary(): Table {
  const settings = new JsonSettings();
  const table = library({
    encode: (args) => {
      if (args.length !== 1) throw argumentError(1, "expected 1 argument");
      return encode(args[0], settings);
    },
    decode: (args, machine) => {
      spendOnValues(machine, args[0]);
      return decode(args, settings);
    },
    new: () => cjsonLibrary(),
    ...settingFunctions(settings),
  });
  setFields(table, { null: JSON_NULL, _NAME: "cjson", _VERSION: "2.1.0" });
  return table;
}
