/**
 * Commands that search for members by position: GEOSEARCH, GEOSEARCHSTORE and their older relatives. What they search
 * with is types/geo-search.ts.
 */
import { entryPointer, TYPE_ZSET } from "../keyspace/entry";
import { changed } from "../keyspace/events";
import { geoDecode, latitude, longitude } from "../bytes/geohash";
import { allocSpared, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulk, replyError, replyInteger, replyOutOfMemory,
  replySyntax,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, tableFind } from "../structures/hashtable";
import { lpView, lpViewLength } from "../structures/listpack";
import {
  geoSearch, hitCount, hitDistance, hitPlace, hitScore, hitsFree, hitsSort, shape, SHAPE_BOX, SHAPE_CIRCLE,
  SHAPE_POLYGON, shapeReset,
} from "../types/geo-search";
import { valueFree } from "../types/value";
import { isPacked, zsetLength, zsetScore, zsetTable } from "../types/zset";
import { treeAdd, zsetPack } from "../types/zset-change";
import { argDouble, argI64, argInt, argIs, textLength } from "./arguments";
import { argPoint, argUnit, pointLatitude, pointLongitude, replyDistance, replyPosition } from "./geo";
import { isOfType, readKey } from "./look-up";
import { newZset } from "./zset";
import { putZset } from "./zset-range";

/** Which command asks. */
const FROM_POINT: i32 = 0; // GEORADIUS
const FROM_MEMBER: i32 = 1; // GEORADIUSBYMEMBER
const FROM_OPTION: i32 = 2; // GEOSEARCH, GEOSEARCHSTORE

const UNSORTED: i32 = 0;
const ASCENDING: i32 = 1;
const DESCENDING: i32 = 2;
/** Nanoseconds of root.work that a stored hit takes. */
const STORE_WORK: u64 = 300;

/** What the running command asks for. */
@unmanaged
class Search {
  count: i64; // 0: all
  entry: usize; // of the source, 0: there is none
  from: i32;
  readOnly: i32; // no STORE
  storeAt: i32; // argument with the destination's key, 0: none
  storeDistance: i32;
  withDistance: i32;
  withHash: i32;
  withPosition: i32;
  any: i32;
  sort: i32;
  centre: i32; // option that gave the centre was there: 1 FROMMEMBER, 2 FROMLONLAT
}

const SEARCH: usize = memory.data(64, 8);
assert(offsetof<Search>() <= 64);

function search(): Search {
  return changetype<Search>(SEARCH);
}

// --- Shapes from arguments ---

/** Makes the position of a member the centre; replies and returns false when it has none. */
function centreOnMember(c: Client, e: usize, i: i32): bool {
  if (!zsetScore(e, argPtr(i), argLen(i))) {
    errorStart("ERR member ");
    errorBytes(argPtr(i), textLength(i), i32.MAX_VALUE);
    errorText(" does not exist");
    errorSend(c);
    return false;
  }
  geoDecode(root().real);
  shape().longitude = longitude();
  shape().latitude = latitude();
  return true;
}

function centreOnPoint(c: Client, i: i32): bool {
  if (!argPoint(c, i)) return false;
  shape().longitude = pointLongitude();
  shape().latitude = pointLatitude();
  return true;
}

/** Reads a radius and its unit from arguments i and i + 1. */
function readCircle(c: Client, i: i32): bool {
  if (!argDouble(c, i, "ERR need numeric radius")) return false;
  const radius = root().real;
  if (radius < 0) {
    replyError(c, "ERR radius cannot be negative");
    return false;
  }
  const unit = argUnit(c, i + 1);
  if (unit < 0) return false;
  shape().radius = radius;
  shape().unit = unit;
  shape().kind = SHAPE_CIRCLE;
  return true;
}

/** Reads a width, a height and their unit from argument i on. */
function readBox(c: Client, i: i32): bool {
  if (!argDouble(c, i, "ERR need numeric width")) return false;
  const width = root().real;
  if (!argDouble(c, i + 1, "ERR need numeric height")) return false;
  const height = root().real;
  if (width < 0 || height < 0) {
    replyError(c, "ERR height or width cannot be negative");
    return false;
  }
  const unit = argUnit(c, i + 2);
  if (unit < 0) return false;
  shape().width = width;
  shape().height = height;
  shape().unit = unit;
  shape().kind = SHAPE_BOX;
  return true;
}

/** Reads a number of vertices from argument i, and the vertices. */
function readPolygon(c: Client, i: i32): bool {
  if (!argInt(c, i, "ERR invalid number of vertices")) return false;
  const n = <i32>root().number;
  if (n < 3 || n > (argc() - i - 1) / 2) {
    replyError(c, "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
    return false;
  }
  const s = shape();
  free(s.vertices);
  s.vertices = allocSpared(<u64>n << 4);
  if (s.vertices == 0) {
    replyOutOfMemory(c);
    return false;
  }
  for (let v = 0; v < n; v++) {
    if (!argPoint(c, i + 1 + v * 2)) return false;
    store<f64>(s.vertices + (<usize>v << 4), pointLongitude());
    store<f64>(s.vertices + (<usize>v << 4), pointLatitude(), 8);
  }
  s.vertexCount = n;
  s.unit = 1;
  s.kind = SHAPE_POLYGON;
  return true;
}

// --- Options ---

/** Reads an option of GEOSEARCH at argument i: how many arguments it is, 0 when it is none, -1 after an error. */
function readShapeOption(c: Client, i: i32): i32 {
  const q = search();
  const kind = shape().kind;
  const rest = argc() - i - 1;
  const centred = q.centre != 0;
  if (rest >= 1 && q.centre != 2 && kind != SHAPE_POLYGON && argIs(i, "FROMMEMBER")) {
    // Without a source the member is not looked for: the answer is known.
    if (q.entry != 0 && !centreOnMember(c, q.entry, i + 1)) return -1;
    q.centre = 1;
    return 2;
  }
  if (rest >= 2 && q.centre != 1 && kind != SHAPE_POLYGON && argIs(i, "FROMLONLAT")) {
    if (!centreOnPoint(c, i + 1)) return -1;
    q.centre = 2;
    return 3;
  }
  if (rest >= 2 && kind != SHAPE_BOX && kind != SHAPE_POLYGON && argIs(i, "BYRADIUS")) {
    return readCircle(c, i + 1) ? 3 : -1;
  }
  if (rest >= 3 && kind != SHAPE_CIRCLE && kind != SHAPE_POLYGON && argIs(i, "BYBOX")) {
    return readBox(c, i + 1) ? 4 : -1;
  }
  if (rest >= 2 && kind != SHAPE_CIRCLE && kind != SHAPE_BOX && !centred && argIs(i, "BYPOLYGON")) {
    return readPolygon(c, i + 1) ? 2 + shape().vertexCount * 2 : -1;
  }
  return 0;
}

/** Reads where results are stored at argument i; as readShapeOption(). */
function readStoreOption(i: i32): i32 {
  const q = search();
  const distance = argIs(i, "STOREDIST");
  if (q.from == FROM_OPTION) {
    if (!distance || q.storeAt == 0) return 0;
    q.storeDistance = 1;
    return 1;
  }
  if (q.readOnly || i + 1 >= argc() || (!distance && !argIs(i, "STORE"))) return 0;
  q.storeAt = i + 1;
  q.storeDistance = distance ? 1 : 0;
  return 2;
}

/** Reads COUNT at argument i; as readShapeOption(). */
function readCount(c: Client, i: i32): i32 {
  if (i + 1 >= argc() || !argIs(i, "COUNT")) return 0;
  if (!argI64(c, i + 1)) return -1;
  search().count = root().number;
  if (root().number > 0) return 2;
  replyError(c, "ERR COUNT must be > 0");
  return -1;
}

/** Reads one option at argument i; as readShapeOption(). */
function readOption(c: Client, i: i32): i32 {
  const q = search();
  // Its first letter says what it may be: there are many words, and most requests are short.
  switch (argLen(i) == 0 ? 0 : <i32>load<u8>(argPtr(i)) | 0x20) {
    case 0x77: // w
      if (argIs(i, "WITHDIST")) q.withDistance = 1;
      else if (argIs(i, "WITHHASH")) q.withHash = 1;
      else if (argIs(i, "WITHCOORD")) q.withPosition = 1;
      else return 0;
      return 1;
    case 0x61: // a
      if (argIs(i, "ANY")) q.any = 1;
      else if (argIs(i, "ASC")) q.sort = ASCENDING;
      else return 0;
      return 1;
    case 0x64: // d
      if (!argIs(i, "DESC")) return 0;
      q.sort = DESCENDING;
      return 1;
    case 0x63: return readCount(c, i); // c
    case 0x73: return readStoreOption(i); // s
    default: return q.from == FROM_OPTION ? readShapeOption(c, i) : 0;
  }
}

/** Replies `text` and the command's name as the client wrote it. */
function replyNamed(c: Client, text: string): void {
  errorStart(text);
  errorBytes(argPtr(0), textLength(0), i32.MAX_VALUE);
  errorSend(c);
}

/** Reads all options from argument i on and checks that they go together; replies and returns false otherwise. */
function readOptions(c: Client, i: i32): bool {
  const q = search();
  while (i < argc()) {
    const taken = readOption(c, i);
    if (taken < 0) return false;
    if (taken == 0) {
      replySyntax(c);
      return false;
    }
    i += taken;
  }
  const kind = shape().kind;
  if (q.storeAt != 0 && (q.withDistance | q.withHash | q.withPosition) != 0) {
    errorStart(q.from == FROM_OPTION ? "ERR GEOSEARCHSTORE" : "ERR STORE option in GEORADIUS");
    errorText(" is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
    errorSend(c);
  } else if (q.from == FROM_OPTION && q.centre == 0 && kind != SHAPE_POLYGON) {
    replyNamed(c, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ");
  } else if (q.from == FROM_OPTION && kind == 0) {
    replyNamed(c, "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for ");
  } else if (q.any && q.count == 0) {
    replyError(c, "ERR the ANY argument requires COUNT argument");
  } else {
    return true;
  }
  return false;
}

// --- Results ---

function replyHits(c: Client, n: u32): void {
  const q = search();
  const parts = 1 + q.withDistance + q.withHash + q.withPosition;
  const packed = isPacked(q.entry);
  replyArray(c, <i32>n);
  for (let i: u32 = 0; i < n; i++) {
    const place = hitPlace(i);
    if (parts > 1) replyArray(c, parts);
    if (packed) replyBulk(c, lpView(place), lpViewLength(place));
    else replyBulk(c, keyAddress(place), keyLength(place));
    if (q.withDistance) replyDistance(c, hitDistance(i) / shape().unit);
    if (q.withHash) replyInteger(c, <i64>hitScore(i));
    if (q.withPosition) {
      geoDecode(hitScore(i));
      replyPosition(c);
    }
  }
}

/** A fresh sorted set of the first n hits; 0 when memory is exhausted. */
function hitsAsZset(n: u32): usize {
  const q = search();
  const packed = isPacked(q.entry);
  const fresh = newZset(argPtr(q.storeAt), argLen(q.storeAt), false);
  if (fresh == 0) return 0;
  let longest = 0;
  let bytes: i64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const place = hitPlace(i);
    const member = packed ? lpView(place) : keyAddress(place);
    const len = packed ? lpViewLength(place) : keyLength(place);
    const hash = hashKey(member, len);
    // A search across the whole globe can find a member twice.
    if (tableFind(zsetTable(entryPointer(fresh)), hash, member, len) != 0) continue;
    longest = max<i32>(longest, len);
    bytes += <i64>len;
    const score = q.storeDistance ? hitDistance(i) / shape().unit : hitScore(i);
    if (!treeAdd(entryPointer(fresh), hash, member, len, score, false)) {
      valueFree(fresh);
      return 0;
    }
  }
  zsetPack(fresh, longest, bytes);
  return fresh;
}

/** Makes the first n hits the value of the destination, or deletes it when there are none. */
function storeHits(c: Client, n: u32): void {
  const q = search();
  const fresh: usize = n == 0 ? 0 : hitsAsZset(n);
  if (n != 0 && fresh == 0) {
    replyOutOfMemory(c);
    return;
  }
  if (!putZset(c, q.storeAt, fresh, q.from == FROM_OPTION ? "geosearchstore" : "georadiusstore")) return;
  root().work += <u64>n * STORE_WORK;
  changed(<u64>n);
  replyInteger(c, <i64>n);
}

/** Searches, sorts, and replies or stores. */
function run(c: Client): void {
  const q = search();
  if (q.entry == 0) {
    if (q.storeAt != 0) storeHits(c, 0);
    else replyArray(c, 0);
    return;
  }
  const limited = q.count != 0 && q.count < <i64>zsetLength(q.entry) * 9;
  // Of some of the results those are wanted that are nearest.
  const sort = q.count != 0 && q.sort == UNSORTED && !q.any ? ASCENDING : q.sort;
  shape().needsDistance = q.withDistance | q.storeDistance | sort;
  if (!geoSearch(q.entry, q.any && limited ? <u32>q.count : 0)) {
    replyOutOfMemory(c);
    return;
  }
  const found = hitCount();
  const n = limited && <i64>found > q.count ? <u32>q.count : found;
  if (sort != UNSORTED) hitsSort(n, sort == DESCENDING);
  if (q.storeAt != 0) storeHits(c, n);
  else replyHits(c, n);
}

/** Reads where the older commands search around; replies and returns false on an error. */
function readCentre(c: Client, from: i32): bool {
  if (from == FROM_POINT) return centreOnPoint(c, 2) && readCircle(c, 4);
  if (from != FROM_MEMBER || search().entry == 0) return true;
  return centreOnMember(c, search().entry, 2) && readCircle(c, 3);
}

/** All commands of this file: options begin at argument `options`, `key` is the source's. */
function searchGeneric(c: Client, key: i32, from: i32, options: i32, readOnly: bool): void {
  const q = search();
  for (let at: usize = 0; at < 64; at += 8) store<u64>(SEARCH + at, 0);
  shapeReset();
  q.entry = readKey(c, key);
  if (!isOfType(c, q.entry, TYPE_ZSET)) return;
  q.from = from;
  q.readOnly = readOnly ? 1 : 0;
  q.storeAt = key == 2 ? 1 : 0;
  if (readCentre(c, from) && readOptions(c, options)) run(c);
  hitsFree();
  free(shape().vertices);
}

/** GEOSEARCH key FROMMEMBER member | FROMLONLAT lon lat  BYRADIUS r unit | BYBOX w h unit | BYPOLYGON n lon lat ... */
export function geosearchCommand(c: Client): void {
  searchGeneric(c, 1, FROM_OPTION, 2, true);
}

/** GEOSEARCHSTORE destination source ... [STOREDIST] */
export function geosearchstoreCommand(c: Client): void {
  searchGeneric(c, 2, FROM_OPTION, 3, true);
}

/** GEORADIUS key lon lat radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT n [ANY]] [ASC | DESC] [STORE key] */
export function georadiusCommand(c: Client): void {
  searchGeneric(c, 1, FROM_POINT, 6, false);
}

/** GEORADIUS_RO key lon lat radius unit ... */
export function georadiusRoCommand(c: Client): void {
  searchGeneric(c, 1, FROM_POINT, 6, true);
}

/** GEORADIUSBYMEMBER key member radius unit ... */
export function georadiusbymemberCommand(c: Client): void {
  searchGeneric(c, 1, FROM_MEMBER, 5, false);
}

/** GEORADIUSBYMEMBER_RO key member radius unit ... */
export function georadiusbymemberRoCommand(c: Client): void {
  searchGeneric(c, 1, FROM_MEMBER, 5, true);
}
