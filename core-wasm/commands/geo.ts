/**
 * Commands on positions: adding members by position, and asking for positions, hashes and distances. A position is the
 * score of a member of a sorted set (bytes/geohash.ts). Searches: geo-search.ts.
 */
import { FIXED_TEXT_MAX, formatFixed, formatNotFinite, formatScaled } from "../bytes/fixed";
import {
  geoDecode, geoDistance, geoEncode, latitude, LATITUDE_MAX, longitude, LONGITUDE_MAX, STEP_MOST,
} from "../bytes/geohash";
import { TYPE_ZSET } from "../keyspace/entry";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulk, replyError, replyNull, replyNullArray,
  replyRaw, replySyntax,
} from "../resp/reply";
import { zsetScore } from "../types/zset";
import { ADD_NX, ADD_XX } from "../types/zset-change";
import { argDouble, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { ADD_CH, addMembers } from "./zset";

const TEXT: usize = memory.data(384, 8);
const POINT: usize = memory.data(16, 8);
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";
const HASH_LENGTH: i32 = 11;
const DISTANCE_DECIMALS: i32 = 4;
const POSITION_DECIMALS: i32 = 17;
/** Distances from here on do not fit into 64 bits with their decimals. */
const DISTANCE_MOST: f64 = 9e14;
assert(FIXED_TEXT_MAX + 32 <= 384);

// --- Shared steps ---

/** Reads arguments i and i + 1 as a position into pointLongitude() and pointLatitude(); replies when they are none. */
export function argPoint(c: Client, i: i32): bool {
  if (!argDouble(c, i)) return false;
  const x = root().real;
  if (!argDouble(c, i + 1)) return false;
  const y = root().real;
  if (abs<f64>(x) > LONGITUDE_MAX || abs<f64>(y) > LATITUDE_MAX) {
    errorStart("ERR invalid longitude,latitude pair ");
    errorBytes(TEXT, formatFixed(TEXT, x, 6), FIXED_TEXT_MAX);
    errorText(",");
    errorBytes(TEXT, formatFixed(TEXT, y, 6), FIXED_TEXT_MAX);
    errorSend(c);
    return false;
  }
  store<f64>(POINT, x);
  store<f64>(POINT, y, 8);
  return true;
}

/** Longitude that argPoint() read. */
export function pointLongitude(): f64 {
  return load<f64>(POINT);
}

/** Latitude that argPoint() read. */
export function pointLatitude(): f64 {
  return load<f64>(POINT, 8);
}

/** Metres in the unit that argument i names; replies and returns -1 when it names none. */
export function argUnit(c: Client, i: i32): f64 {
  if (argIs(i, "M")) return 1;
  if (argIs(i, "KM")) return 1000;
  if (argIs(i, "FT")) return 0.3048;
  if (argIs(i, "MI")) return 1609.34;
  replyError(c, "ERR unsupported unit provided. please use M, KM, FT, MI");
  return -1;
}

/** Replies a distance with four decimals. */
export function replyDistance(c: Client, distance: f64): void {
  const special = formatNotFinite(TEXT, distance);
  if (special != 0) replyBulk(c, TEXT, special);
  else if (distance < DISTANCE_MOST) replyBulk(c, TEXT, formatScaled(TEXT, distance, DISTANCE_DECIMALS));
  else replyBulk(c, TEXT, formatFixed(TEXT, distance, DISTANCE_DECIMALS));
}

/** Replies a coordinate with as many of 17 decimals as it has. */
function replyCoordinate(c: Client, value: f64): void {
  let n = formatFixed(TEXT + 1, value, POSITION_DECIMALS);
  while (load<u8>(TEXT + <usize>n) == 0x30) n--;
  if (load<u8>(TEXT + <usize>n) == 0x2e) n--;
  if (c.resp == 2) {
    replyBulk(c, TEXT + 1, n);
    return;
  }
  store<u8>(TEXT, 0x2c);
  store<u16>(TEXT + 1 + <usize>n, 0x0a0d);
  replyRaw(c, TEXT, n + 3);
}

/** Replies the decoded position. */
export function replyPosition(c: Client): void {
  replyArray(c, 2);
  replyCoordinate(c, longitude());
  replyCoordinate(c, latitude());
}

// --- GEOADD ---

function readPosition(c: Client, i: i32): bool {
  if (!argPoint(c, i)) return false;
  root().real = <f64>geoEncode(pointLongitude(), pointLatitude(), STEP_MOST);
  return true;
}

/** GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...] */
export function geoaddCommand(c: Client): void {
  let options: u32 = 0;
  let first = 2;
  for (; first < argc(); first++) {
    if (argIs(first, "NX")) options |= ADD_NX;
    else if (argIs(first, "XX")) options |= ADD_XX;
    else if (argIs(first, "CH")) options |= ADD_CH;
    else break;
  }
  const rest = argc() - first;
  if (rest == 0 || rest % 3 != 0 || (options & (ADD_NX | ADD_XX)) == (ADD_NX | ADD_XX)) replySyntax(c);
  else addMembers(c, options, first, 3, readPosition);
}

// --- Questions ---

/** GEOPOS key [member [member ...]] */
export function geoposCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  replyArray(c, argc() - 2);
  for (let i = 2; i < argc(); i++) {
    if (e == 0 || !zsetScore(e, argPtr(i), argLen(i))) {
      replyNullArray(c);
      continue;
    }
    geoDecode(root().real);
    replyPosition(c);
  }
}

/** GEOHASH key [member [member ...]] */
export function geohashCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  replyArray(c, argc() - 2);
  for (let i = 2; i < argc(); i++) {
    if (e == 0 || !zsetScore(e, argPtr(i), argLen(i))) {
      replyNull(c);
      continue;
    }
    // The usual hashes have latitudes from -90 to 90, and one digit more than 52 bits have: it is always 0.
    geoDecode(root().real);
    const hash = geoEncode(longitude(), latitude(), STEP_MOST, 90);
    for (let at = 0; at < HASH_LENGTH; at++) {
      const digit = at == HASH_LENGTH - 1 ? 0 : <i32>(hash >> <u64>(47 - at * 5)) & 31;
      store<u8>(TEXT + <usize>at, ALPHABET.charCodeAt(digit));
    }
    replyBulk(c, TEXT, HASH_LENGTH);
  }
}

/** GEODIST key member1 member2 [M | KM | FT | MI] */
export function geodistCommand(c: Client): void {
  let unit: f64 = 1;
  if (argc() > 5) {
    replySyntax(c);
    return;
  }
  if (argc() == 5) {
    unit = argUnit(c, 4);
    if (unit < 0) return;
  }
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_ZSET)) return;
  if (e == 0 || !zsetScore(e, argPtr(2), argLen(2))) {
    replyNull(c);
    return;
  }
  geoDecode(root().real);
  const x = longitude();
  const y = latitude();
  if (!zsetScore(e, argPtr(3), argLen(3))) {
    replyNull(c);
    return;
  }
  geoDecode(root().real);
  replyDistance(c, geoDistance(x, y, longitude(), latitude()) / unit);
}
