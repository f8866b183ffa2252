/**
 * The options that SET, GETEX, MSETEX, HSETEX and HGETEX share: conditions, expiry, GET.
 *
 *   [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]
 *   [FNX | FXX] [GET] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL | PERSIST]
 */
import { argLen, root } from "../memory/root";
import { Client } from "../resp/client";
import { replySyntax } from "../resp/reply";
import { argIs, argTime, UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";

export const OPTION_NX: u32 = 1;
export const OPTION_XX: u32 = 2;
export const OPTION_IFEQ: u32 = 4;
export const OPTION_GET: u32 = 8;
export const OPTION_EX: u32 = 16;
export const OPTION_PX: u32 = 32;
export const OPTION_EXAT: u32 = 64;
export const OPTION_PXAT: u32 = 128;
export const OPTION_KEEPTTL: u32 = 256;
export const OPTION_PERSIST: u32 = 512;
export const OPTION_FNX: u32 = 1024;
export const OPTION_FXX: u32 = 2048;
/** Conditions of Redis 8.4 on the string that is there, or on its digest (bytes/xxh3.ts). */
export const OPTION_IFNE: u32 = 4096;
export const OPTION_IFDEQ: u32 = 8192;
export const OPTION_IFDNE: u32 = 16384;
export const OPTION_ERROR: u32 = 0x80000000;

export const OPTION_EXPIRE: u32 = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT;
/** HSETEX's conditions on fields, beside those on the key. */
export const OPTION_FIELD_CONDITION: u32 = OPTION_FNX | OPTION_FXX;
const OPTION_TIME: u32 = OPTION_EXPIRE | OPTION_KEEPTTL | OPTION_PERSIST;
/** Conditions that take a value to compare with. */
export const OPTION_COMPARE: u32 = OPTION_IFEQ | OPTION_IFNE | OPTION_IFDEQ | OPTION_IFDNE;
export const OPTION_CONDITION: u32 = OPTION_NX | OPTION_XX | OPTION_COMPARE;

/** The option bit that a word means, 0 for none. */
function optionOf(i: i32): u32 {
  switch (argLen(i)) {
    case 2:
      if (argIs(i, "EX")) return OPTION_EX;
      if (argIs(i, "PX")) return OPTION_PX;
      if (argIs(i, "NX")) return OPTION_NX;
      return argIs(i, "XX") ? OPTION_XX : 0;
    case 3:
      if (argIs(i, "GET")) return OPTION_GET;
      if (argIs(i, "FNX")) return OPTION_FNX;
      return argIs(i, "FXX") ? OPTION_FXX : 0;
    case 4:
      if (argIs(i, "EXAT")) return OPTION_EXAT;
      if (argIs(i, "PXAT")) return OPTION_PXAT;
      if (argIs(i, "IFEQ")) return OPTION_IFEQ;
      return argIs(i, "IFNE") ? OPTION_IFNE : 0;
    case 5:
      if (argIs(i, "IFDEQ")) return OPTION_IFDEQ;
      return argIs(i, "IFDNE") ? OPTION_IFDNE : 0;
    case 7:
      if (argIs(i, "KEEPTTL")) return OPTION_KEEPTTL;
      return argIs(i, "PERSIST") ? OPTION_PERSIST : 0;
    default: return 0;
  }
}

/** True when `option` may stand beside those already seen: one condition, one time; a repeated NX, XX or GET may. */
function fits(option: u32, seen: u32): bool {
  if (option & (OPTION_NX | OPTION_XX)) return !(seen & OPTION_CONDITION & ~option);
  if (option & OPTION_FIELD_CONDITION) return !(seen & OPTION_FIELD_CONDITION & ~option);
  if (option & OPTION_COMPARE) return !(seen & OPTION_CONDITION);
  if (option & OPTION_TIME) return !(seen & OPTION_TIME & ~option);
  return true;
}

/**
 * Reads the options in arguments [first, end). `allowed` says which the command has. Returns their bits, or
 * OPTION_ERROR after a reply.
 */
export function readOptions(c: Client, first: i32, end: i32, allowed: u32): u32 {
  let seen: u32 = 0;
  for (let i = first; i < end; i++) {
    const option = optionOf(i) & allowed;
    const takesValue = (option & (OPTION_EXPIRE | OPTION_COMPARE)) != 0;
    if (option == 0 || !fits(option, seen) || (takesValue && i + 1 == end)) {
      replySyntax(c);
      return OPTION_ERROR;
    }
    seen |= option;
    if (takesValue) i++;
  }
  return seen;
}

/** Index of the value of the option `wanted`, as it stands last in [first, end); 0 when it is absent. */
export function optionValue(first: i32, end: i32, wanted: u32): i32 {
  let found = 0;
  for (let i = first; i < end; i++) {
    const option = optionOf(i);
    if (option & wanted) found = i + 1;
    if (option & (OPTION_EXPIRE | OPTION_COMPARE)) i++;
  }
  return found;
}

/** Reads the expiry of the options, `least` or more, into root.number as unix milliseconds; false after an error. */
export function readExpire(c: Client, first: i32, end: i32, options: u32, least: i64 = 1): bool {
  const unit = options & (OPTION_PX | OPTION_PXAT) ? UNIT_MILLISECONDS : UNIT_SECONDS;
  const base = options & (OPTION_EXAT | OPTION_PXAT) ? 0 : root().nowMs;
  return argTime(c, optionValue(first, end, OPTION_EXPIRE), unit, base, least);
}
