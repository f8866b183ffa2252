/**
 * Searching a sorted set of positions (bytes/geohash.ts): which members lie in a circle, box or polygon.
 *
 * A shape is covered by one cell and those of its eight neighbours that it reaches into; each cell is a range of
 * scores. What lies in the ranges is tested against the shape, and what passes is gathered:
 *
 *   hit  >0  f64 metres from the centre     8  f64 score     16  u32 place     20  u32 number of the hit
 *
 * A place is a listpack position or an element's address: nothing may change the set before the hits are done with.
 * Cells are searched in Valkey's order, which is the order of results that nobody asked to be sorted; a search across
 * the whole globe finds members of a cell twice where Valkey does.
 *
 * Not for arguments and replies: commands/geo*.ts.
 */
import {
  columnEdge, columnOf, degrees, EARTH_RADIUS, geoDecode, geoDistance, geoEncode, geoNeighbour, haversine, LATITUDE_MAX,
  latitude, latitudeDistance, longitude, LONGITUDE_MAX, radians, rowEdge, rowOf, STEP_MOST,
} from "../bytes/geohash";
import { arcTangent, cosine, sine } from "../bytes/trigonometry";
import { free, realloc } from "../memory/allocator";
import { root } from "../memory/root";
import { placeElement } from "../structures/score-tree";
import { isPacked, zsetFirst, zsetLast, zsetNext, zsetPlaceScore, zsetSeek } from "./zset";

export const SHAPE_CIRCLE: i32 = 1;
export const SHAPE_BOX: i32 = 2;
export const SHAPE_POLYGON: i32 = 3;

/** What is searched for, filled by the command; the fields below `vertices` are worked out from it. */
@unmanaged
class Shape {
  longitude: f64; // centre
  latitude: f64;
  unit: f64; // metres that distances count
  radius: f64; // in units
  width: f64;
  height: f64;
  vertices: usize; // of a polygon: (longitude f64, latitude f64) each
  vertexCount: i32;
  kind: i32;
  minLongitude: f64; // bounding box
  maxLongitude: f64;
  minLatitude: f64;
  maxLatitude: f64;
  limit: f64; // a circle's radius in metres
  centreRadians: f64; // the centre's latitude
  centreCosine: f64;
  farChord: f64; // a square of sin(angle / 2) above it is beyond the radius or half the width for certain
  nearChord: f64; // and one below this is not
  needsDistance: i32; // hits' distances are wanted
}

@unmanaged
class Hits {
  list: usize;
  count: u32;
  capacity: u32;
  most: u32; // searching ends there, 0: never
  failed: u32; // 1: memory was exhausted
}

const SHAPE: usize = memory.data(152, 8);
const HITS: usize = memory.data(24, 8);
const DISTANCE: usize = memory.data(8, 8);
const CELLS: usize = memory.data(80, 8);
const HIT_SIZE: usize = 24;
const HIT_SCORE: usize = 8;
const HIT_PLACE: usize = 16;
const HIT_NUMBER: usize = 20;
/** Nanoseconds of root.work that a member which is looked at takes, and each vertex of a polygon then. */
const MEMBER_WORK: u64 = 40;
const VERTEX_WORK: u64 = 2;
const MERCATOR_MAX: f64 = 20037726.37;
/** A cell that is not searched. */
const NO_CELL: u64 = ~<u64>0;
assert(offsetof<Shape>() <= 152 && offsetof<Hits>() <= 24);

/** The one shape that is searched for. */
export function shape(): Shape {
  return changetype<Shape>(SHAPE);
}

function hits(): Hits {
  return changetype<Hits>(HITS);
}

/** Forgets the last shape and its hits. */
export function shapeReset(): void {
  const s = shape();
  s.kind = 0;
  s.vertices = 0;
  s.vertexCount = 0;
  hitsReset();
}

/** Stores instead of a fill: runtimes call out for those. */
function hitsReset(): void {
  store<u64>(HITS, 0);
  store<u64>(HITS, 0, 8);
  store<u64>(HITS, 0, 16);
}

// --- Bounding box and centre ---

function vertexLongitude(s: Shape, i: i32): f64 {
  return load<f64>(s.vertices + (<usize>i << 4));
}

function vertexLatitude(s: Shape, i: i32): f64 {
  return load<f64>(s.vertices + (<usize>i << 4), 8);
}

/** A polygon's box is that of its vertices, its centre the mean of them as points on the globe. */
function boundPolygon(s: Shape): void {
  let x: f64 = 0;
  let y: f64 = 0;
  let z: f64 = 0;
  s.minLongitude = LONGITUDE_MAX;
  s.maxLongitude = -LONGITUDE_MAX;
  s.minLatitude = LATITUDE_MAX;
  s.maxLatitude = -LATITUDE_MAX;
  for (let i = 0; i < s.vertexCount; i++) {
    const lon = vertexLongitude(s, i);
    const lat = vertexLatitude(s, i);
    s.minLongitude = min<f64>(s.minLongitude, lon);
    s.maxLongitude = max<f64>(s.maxLongitude, lon);
    s.minLatitude = min<f64>(s.minLatitude, lat);
    s.maxLatitude = max<f64>(s.maxLatitude, lat);
    const a = radians(lon);
    const b = radians(lat);
    x += EARTH_RADIUS * cosine(b) * cosine(a);
    y += EARTH_RADIUS * cosine(b) * sine(a);
    z += EARTH_RADIUS * sine(b);
  }
  const n = <f64>s.vertexCount;
  x /= n;
  y /= n;
  z /= n;
  s.longitude = degrees(arcTangent(y, x));
  s.latitude = degrees(arcTangent(z, sqrt<f64>(x * x + y * y)));
}

function bound(s: Shape): void {
  if (s.kind == SHAPE_POLYGON) {
    boundPolygon(s);
    return;
  }
  const high = s.unit * (s.kind == SHAPE_CIRCLE ? s.radius : s.height / 2);
  const wide = s.unit * (s.kind == SHAPE_CIRCLE ? s.radius : s.width / 2);
  const up = degrees(high / EARTH_RADIUS);
  // The side nearer to the pole has the shorter degrees.
  const edge = s.latitude < 0 ? s.latitude - up : s.latitude + up;
  const right = degrees(wide / EARTH_RADIUS / cosine(radians(edge)));
  s.minLongitude = s.longitude - right;
  s.maxLongitude = s.longitude + right;
  s.minLatitude = s.latitude - up;
  s.maxLatitude = s.latitude + up;
}

/** Metres from the centre that nothing of the shape is beyond. */
function reach(s: Shape): f64 {
  if (s.kind == SHAPE_CIRCLE) return s.radius * s.unit;
  if (s.kind == SHAPE_BOX) {
    return sqrt<f64>((s.width / 2) * (s.width / 2) + (s.height / 2) * (s.height / 2)) * s.unit;
  }
  let far = geoDistance(s.longitude, s.latitude, s.minLongitude, s.maxLatitude);
  far = max<f64>(far, geoDistance(s.longitude, s.latitude, s.maxLongitude, s.maxLatitude));
  far = max<f64>(far, geoDistance(s.longitude, s.latitude, s.minLongitude, s.minLatitude));
  return max<f64>(far, geoDistance(s.longitude, s.latitude, s.maxLongitude, s.minLatitude));
}

// --- Cells ---

/** The step whose cells are about as large as the reach. */
function stepFor(metres: f64, lat: f64): i32 {
  if (metres == 0) return STEP_MOST;
  let step = 1;
  while (metres < MERCATOR_MAX) {
    metres *= 2;
    step++;
  }
  step -= 2;
  // Degrees of longitude are shorter near the poles.
  if (lat > 66 || lat < -66) step--;
  if (lat > 80 || lat < -80) step--;
  return max<i32>(1, min<i32>(STEP_MOST, step));
}

function setCell(i: i32, hash: u64): void {
  store<u64>(CELLS + (<usize>i << 3), hash);
}

function cell(i: i32): u64 {
  return load<u64>(CELLS + (<usize>i << 3));
}

/** How many cells to the east (-1, 0, 1) cell i is from the middle: middle, N, S, E, W, NE, NW, SE, SW. */
function eastOf(i: i32): i32 {
  return i < 3 ? 0 : i & 1 ? 1 : -1;
}

function northOf(i: i32): i32 {
  if (i == 0 || i == 3 || i == 4) return 0;
  return i == 1 || i == 5 || i == 6 ? 1 : -1;
}

/** True when a neighbour of the middle cell, around the globe, ends inside the box: larger cells are needed. */
function isTooSmall(s: Shape, hash: u64, step: i32): bool {
  const last = (<u32>1 << step) - 1;
  const x = columnOf(hash);
  const y = rowOf(hash);
  return rowEdge(((y + 1) & last) + 1, step) < s.maxLatitude || rowEdge((y - 1) & last, step) > s.minLatitude ||
    columnEdge(((x + 1) & last) + 1, step) < s.maxLongitude || columnEdge((x - 1) & last, step) > s.minLongitude;
}

/** Chooses the cells to search; returns their step. */
function chooseCells(s: Shape): i32 {
  bound(s);
  let step = stepFor(reach(s), s.latitude);
  // A polygon around a pole has its centre beyond the last cell.
  const lat = max<f64>(-LATITUDE_MAX, min<f64>(LATITUDE_MAX, s.latitude));
  let hash = geoEncode(s.longitude, lat, step);
  if (step > 1 && isTooSmall(s, hash, step)) {
    step--;
    hash = geoEncode(s.longitude, lat, step);
  }
  const x = columnOf(hash);
  const y = rowOf(hash);
  // The box ends inside the middle cell on these sides.
  const few = step < 2;
  const south = !few && rowEdge(y, step) < s.minLatitude;
  const north = !few && rowEdge(y + 1, step) > s.maxLatitude;
  const west = !few && columnEdge(x, step) < s.minLongitude;
  const east = !few && columnEdge(x + 1, step) > s.maxLongitude;
  setCell(0, hash);
  for (let i = 1; i < 9; i++) {
    const up = northOf(i);
    const right = eastOf(i);
    const beyond = (up > 0 && north) || (up < 0 && south) || (right > 0 && east) || (right < 0 && west);
    setCell(i, beyond ? NO_CELL : geoNeighbour(hash, step, right, up));
  }
  return step;
}

// --- Tests ---

/** What tests need, worked out once. */
function prepare(s: Shape): void {
  s.centreRadians = radians(s.latitude);
  s.centreCosine = cosine(s.centreRadians);
  s.limit = (s.kind == SHAPE_CIRCLE ? s.radius * s.unit : s.width * s.unit / 2);
  const angle = s.limit / EARTH_RADIUS / 2;
  const chord = angle < 1.57 ? sine(angle) : 2;
  // Between the two the exact distance decides, which costs an arc sine.
  s.farChord = chord * chord * 1.000001 + 1e-30;
  s.nearChord = angle < 1.57 ? chord * chord * 0.999999 : 0;
}

/** Leaves the metres from the centre at DISTANCE when the decoded position is in the circle; false when it is not. */
function isInCircle(s: Shape): bool {
  const lat = radians(latitude());
  const half = (lat - s.centreRadians) / 2;
  // For certain outside when the latitude alone is: most of what is outside is left here.
  if (abs<f64>(half) * (2 * EARTH_RADIUS) > s.limit * 1.000001 + 0.001) return false;
  const v = sine((radians(longitude()) - radians(s.longitude)) / 2);
  let metres: f64;
  if (v == 0) {
    metres = latitudeDistance(s.latitude, latitude());
  } else {
    const u = sine(half);
    const cosines = s.centreCosine * cosine(lat);
    const chord = u * u + cosines * v * v;
    if (chord > s.farChord) return false;
    if (!s.needsDistance && chord < s.nearChord) return true;
    metres = haversine(u, cosines, v);
  }
  store<f64>(DISTANCE, metres);
  return !(metres > s.limit);
}

function isInBox(s: Shape): bool {
  const lat = latitude();
  if (latitudeDistance(lat, s.latitude) > s.height * s.unit / 2) return false;
  const angle = radians(lat);
  const v = sine((radians(longitude()) - radians(s.longitude)) / 2);
  const cosLat = cosine(angle);
  // Along the parallel, whose own distance from the centre does not count.
  const chord = cosLat * cosLat * v * v;
  if (chord > s.farChord) return false;
  if (chord >= s.nearChord && v != 0 && haversine(0, cosLat * cosLat, v) > s.limit) return false;
  if (!s.needsDistance) return true;
  const metres = v == 0
    ? latitudeDistance(s.latitude, lat)
    : haversine(sine((angle - s.centreRadians) / 2), s.centreCosine * cosLat, v);
  store<f64>(DISTANCE, metres);
  return true;
}

/** Counts the edges that a ray to the east crosses (W. R. Franklin's PNPOLY). */
function isInPolygon(s: Shape): bool {
  const lon = longitude();
  const lat = latitude();
  let inside = false;
  for (let i = 0, j = s.vertexCount - 1; i < s.vertexCount; j = i++) {
    const y = vertexLatitude(s, i);
    const y2 = vertexLatitude(s, j);
    if ((y > lat) == (y2 > lat)) continue;
    const x = vertexLongitude(s, i);
    if (lon < (vertexLongitude(s, j) - x) * (lat - y) / (y2 - y) + x) inside = !inside;
  }
  if (inside && s.needsDistance) store<f64>(DISTANCE, geoDistance(s.longitude, s.latitude, lon, lat));
  return inside;
}

// --- Gathering ---

function addHit(e: usize, place: u64, score: f64): void {
  const h = hits();
  if (h.count == h.capacity) {
    const capacity = h.capacity == 0 ? 64 : h.capacity << 1;
    const moved = realloc(h.list, <usize>capacity * HIT_SIZE);
    if (moved == 0) {
      h.failed = 1;
      return;
    }
    h.list = moved;
    h.capacity = capacity;
  }
  const hit = h.list + <usize>h.count * HIT_SIZE;
  store<f64>(hit, load<f64>(DISTANCE));
  store<f64>(hit, score, HIT_SCORE);
  store<u32>(hit, <u32>(isPacked(e) ? <usize>place : placeElement(place)), HIT_PLACE);
  store<u32>(hit, h.count, HIT_NUMBER);
  h.count++;
}

function isFull(h: Hits): bool {
  return h.failed != 0 || (h.most != 0 && h.count >= h.most);
}

/** Gathers what of one cell, a range of scores, is in the shape. */
function searchCell(e: usize, s: Shape, start: f64, end: f64): void {
  const h = hits();
  let place = zsetSeek(e, start);
  let seen: u64 = 0;
  while (place != 0 && !isFull(h)) {
    const score = zsetPlaceScore(e, place);
    if (score >= end) break;
    geoDecode(score);
    const inside = s.kind == SHAPE_CIRCLE ? isInCircle(s) : s.kind == SHAPE_BOX ? isInBox(s) : isInPolygon(s);
    if (inside) addHit(e, place, score);
    seen++;
    place = zsetNext(e, place);
  }
  root().work += seen * (MEMBER_WORK + <u64>s.vertexCount * VERTEX_WORK);
}

/**
 * Gathers the members of a sorted set that are in the shape, ending after `most` when that is not 0. False when memory
 * is exhausted. hitsFree() must follow in any case.
 */
export function geoSearch(e: usize, most: u32): bool {
  const s = shape();
  const h = hits();
  h.most = most;
  const step = chooseCells(s);
  const shift = <u64>(52 - (step << 1));
  const lowest = zsetPlaceScore(e, zsetFirst(e));
  const highest = zsetPlaceScore(e, zsetLast(e));
  let prepared = false;
  let last = 0;
  for (let i = 0; i < 9; i++) {
    if (cell(i) == NO_CELL) continue;
    // With very large shapes neighbours are the same; the first of all is not compared with.
    if (last != 0 && cell(i) == cell(last)) continue;
    if (isFull(h)) break;
    last = i;
    const start = <f64>(cell(i) << shift);
    const end = <f64>((cell(i) + 1) << shift);
    if (start > highest || end <= lowest) continue;
    if (!prepared) prepare(s);
    prepared = true;
    searchCell(e, s, start, end);
  }
  return h.failed == 0;
}

/** Number of hits. */
export function hitCount(): u32 {
  return hits().count;
}

function hitAt(i: u32): usize {
  return hits().list + <usize>i * HIT_SIZE;
}

/** Metres between the centre and hit i. */
export function hitDistance(i: u32): f64 {
  return load<f64>(hitAt(i));
}

export function hitScore(i: u32): f64 {
  return load<f64>(hitAt(i), HIT_SCORE);
}

/** Listpack position or element of hit i. */
export function hitPlace(i: u32): usize {
  return <usize>load<u32>(hitAt(i), HIT_PLACE);
}

export function hitsFree(): void {
  free(hits().list);
  hitsReset();
}

// --- Sorting ---

/** True when the hit at a comes after the one at b; hits of the same distance keep their order. */
function isAfter(a: usize, b: usize, descending: bool): bool {
  const x = load<f64>(a);
  const y = load<f64>(b);
  if (x != y) return descending ? x < y : x > y;
  return load<u32>(a, HIT_NUMBER) > load<u32>(b, HIT_NUMBER);
}

const SPARE: usize = memory.data(24, 8);

function swap(a: usize, b: usize): void {
  memory.copy(SPARE, a, HIT_SIZE);
  memory.copy(a, b, HIT_SIZE);
  memory.copy(b, SPARE, HIT_SIZE);
}

/** Lets the hit at i of a heap of n, the last on top, sink to its place. */
function sink(i: u32, n: u32, descending: bool): void {
  while (true) {
    let below = (i << 1) + 1;
    if (below >= n) return;
    if (below + 1 < n && isAfter(hitAt(below + 1), hitAt(below), descending)) below++;
    if (!isAfter(hitAt(below), hitAt(i), descending)) return;
    swap(hitAt(i), hitAt(below));
    i = below;
  }
}

/** Puts the `n` nearest hits (farthest when descending) in order at the front. */
export function hitsSort(n: u32, descending: bool): void {
  const count = hitCount();
  if (n > count) n = count;
  for (let i = n >> 1; i > 0; i--) sink(i - 1, n, descending);
  for (let i = n; i < count; i++) {
    if (n == 0 || !isAfter(hitAt(0), hitAt(i), descending)) continue;
    swap(hitAt(0), hitAt(i));
    sink(0, n, descending);
  }
  for (let i = n; i > 1; i--) {
    swap(hitAt(0), hitAt(i - 1));
    sink(0, i - 1, descending);
  }
}
