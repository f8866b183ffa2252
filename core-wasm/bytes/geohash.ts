/**
 * Positions on the earth as integers of 52 bits, and distances between them.
 *
 *     longitude  x25 x24 ... x0    the cell, counted from -180
 *     latitude   y25 y24 ... y0    the cell, counted from -85.05112878
 *     hash       x25 y25 x24 y24 ... x0 y0
 *
 * The first 2 n bits of a hash name the cell of step n that it lies in, so near places mostly have near hashes. A
 * decoded position is the centre of its smallest cell. Every operation is done in the order that the replies we must
 * equal come from: what is decoded is the same to the last bit.
 *
 * Results of two numbers stand in static scratch until the next call. Not for searching: types/geo-search.ts.
 */
import { arcSine, cosine, sine } from "./trigonometry";

export const LONGITUDE_MAX: f64 = 180;
export const LATITUDE_MAX: f64 = 85.05112878;
/** Steps of a whole hash. */
export const STEP_MOST: i32 = 26;
export const EARTH_RADIUS: f64 = 6372797.560856;
const DEGREE: f64 = 3.14159265358979323846 / 180;
const ODD_BITS: u64 = 0xaaaaaaaaaaaaaaaa;
const EVEN_BITS: u64 = 0x5555555555555555;
const TWO_TO_63: f64 = 9223372036854775808.0;

const POSITION: usize = memory.data(16, 8);

export function radians(degrees: f64): f64 {
  return degrees * DEGREE;
}

export function degrees(angle: f64): f64 {
  return angle / DEGREE;
}

// --- Hashes ---

/** Spreads 32 bits out to the even ones of 64. */
function spread(v: u64): u64 {
  v = (v | (v << 16)) & 0x0000ffff0000ffff;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ff;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0f;
  v = (v | (v << 2)) & 0x3333333333333333;
  return (v | (v << 1)) & EVEN_BITS;
}

/** The even ones of 64 bits. */
function gather(v: u64): u32 {
  v &= EVEN_BITS;
  v = (v | (v >> 1)) & 0x3333333333333333;
  v = (v | (v >> 2)) & 0x0f0f0f0f0f0f0f0f;
  v = (v | (v >> 4)) & 0x00ff00ff00ff00ff;
  v = (v | (v >> 8)) & 0x0000ffff0000ffff;
  return <u32>(v | (v >> 16));
}

/** The hash of a position in 2 * step bits, with latitudes from -latitudeMax to latitudeMax; it must be in range. */
export function geoEncode(longitude: f64, latitude: f64, step: i32, latitudeMax: f64 = LATITUDE_MAX): u64 {
  const cells = <f64>(<u64>1 << step);
  const y = (latitude + latitudeMax) / (latitudeMax + latitudeMax) * cells;
  const x = (longitude + LONGITUDE_MAX) / (LONGITUDE_MAX + LONGITUDE_MAX) * cells;
  return spread(<u64>y) | (spread(<u64>x) << 1);
}

/** West edge of column x of the cells of a step; x may be one beyond the last. */
export function columnEdge(x: u32, step: i32): f64 {
  return -LONGITUDE_MAX + <f64>x * (1.0 / <f64>(<u64>1 << step)) * (LONGITUDE_MAX + LONGITUDE_MAX);
}

/** South edge of row y of the cells of a step; y may be one beyond the last. */
export function rowEdge(y: u32, step: i32): f64 {
  return -LATITUDE_MAX + <f64>y * (1.0 / <f64>(<u64>1 << step)) * (LATITUDE_MAX + LATITUDE_MAX);
}

/** Number of the column that the cell of a hash is in. */
export function columnOf(hash: u64): u32 {
  return gather(hash >> 1);
}

/** Number of the row that the cell of a hash is in. */
export function rowOf(hash: u64): u32 {
  return gather(hash);
}

/** A score as a hash, whatever it is: what usual processors make of a double that is no 64-bit integer. */
function hashOf(score: f64): u64 {
  if (score < TWO_TO_63) return score >= -TWO_TO_63 ? <u64><i64>score : 0x8000000000000000;
  if (score < TWO_TO_63 * 2) return <u64><i64>(score - TWO_TO_63) ^ 0x8000000000000000;
  return 0;
}

/** Decodes a score into longitude() and latitude(). */
export function geoDecode(score: f64): void {
  const hash = hashOf(score);
  const x = columnOf(hash);
  const y = rowOf(hash);
  const lon = (columnEdge(x, STEP_MOST) + columnEdge(x + 1, STEP_MOST)) / 2;
  const lat = (rowEdge(y, STEP_MOST) + rowEdge(y + 1, STEP_MOST)) / 2;
  store<f64>(POSITION, max<f64>(-LONGITUDE_MAX, min<f64>(LONGITUDE_MAX, lon)));
  store<f64>(POSITION, max<f64>(-LATITUDE_MAX, min<f64>(LATITUDE_MAX, lat)), 8);
}

/** Longitude that geoDecode() found. */
export function longitude(): f64 {
  return load<f64>(POSITION);
}

/** Latitude that geoDecode() found. */
export function latitude(): f64 {
  return load<f64>(POSITION, 8);
}

/** The hash of the cell `east` cells (-1, 0, 1) to the east and `north` to the north, around the globe. */
export function geoNeighbour(hash: u64, step: i32, east: i32, north: i32): u64 {
  const unused = <u64>(64 - (step << 1));
  const xBits = ODD_BITS >> unused;
  const yBits = EVEN_BITS >> unused;
  let x = hash & ODD_BITS;
  let y = hash & EVEN_BITS;
  // The other coordinate's bits are set, so that a carry runs through them; a borrow runs through zeros by itself.
  if (east > 0) x = (x | yBits) + 1;
  else if (east < 0) x -= 1;
  if (north > 0) y = (y | xBits) + 1;
  else if (north < 0) y -= 1;
  if (east != 0) x &= xBits;
  if (north != 0) y &= yBits;
  return x | y;
}

// --- Distances ---

/** Metres between two latitudes on the same meridian. */
export function latitudeDistance(a: f64, b: f64): f64 {
  return EARTH_RADIUS * abs<f64>(radians(b) - radians(a));
}

/** Metres along a great circle. */
export function geoDistance(lon1: f64, lat1: f64, lon2: f64, lat2: f64): f64 {
  const v = sine((radians(lon2) - radians(lon1)) / 2);
  if (v == 0) return latitudeDistance(lat1, lat2);
  const first = radians(lat1);
  const second = radians(lat2);
  return haversine(sine((second - first) / 2), cosine(first) * cosine(second), v);
}

/** Metres from the half differences' sines and the product of the latitudes' cosines. */
export function haversine(u: f64, cosines: f64, v: f64): f64 {
  return 2.0 * EARTH_RADIUS * arcSine(sqrt<f64>(u * u + cosines * v * v));
}
