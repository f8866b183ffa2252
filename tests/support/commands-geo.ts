/**
 * commands-geo: random commands on positions, for the differential test.
 *
 * Members' positions differ from each other, so that results sorted by distance have one order. Stored distances are
 * not looked at: their last digit depends on the C library of the real server in one of 10,000 cases.
 */
import type { CommandGenerator } from "./commands.ts";

type Maker = (g: CommandGenerator) => string[];

const KEYS = ["geo:1", "geo:2", "geo:3"];
const UNITS = ["m", "km", "ft", "mi", "M", "KM"];
const CITIES = [
  ["13.361389", "38.115556"], ["15.087269", "37.502669"], ["-73.9454966", "40.747533"], ["179.5", "-84.5"],
  ["-179.9", "85"], ["0", "0"], ["180", "85.05112878"], ["-180", "-85.05112878"], ["181", "0"], ["0", "86"], ["x", "1"],
];

const key = (g: CommandGenerator): string =>
  g.random.chance(97) ? g.random.pick(KEYS) : g.random.pick(["a", "geo:no"]);

function member(g: CommandGenerator): string {
  return g.random.chance(97) ? `p${g.random.below(150)}` : g.value();
}

/** A position: anywhere, near a place, or one of a few with something special about them. */
function position(g: CommandGenerator): string[] {
  const { random } = g;
  if (random.chance(3)) return random.pick(CITIES);
  if (random.chance(40)) return [String(random.fraction() * 360 - 180), String(random.fraction() * 170 - 85)];
  return [String(13 + random.fraction() * 3), String(37 + random.fraction() * 2)];
}

function places(g: CommandGenerator): string[] {
  return Array.from({ length: g.random.pick([1, 1, 2, 5, 40]) }, () => [...position(g), member(g)]).flat();
}

function length(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(5)) return random.pick(["0", "-1", "x", "1e300", "inf", "20000000"]);
  return String(random.fraction() * 10 ** random.below(5));
}

const circle = (g: CommandGenerator): string[] => [length(g), g.random.chance(98) ? g.random.pick(UNITS) : "cm"];

function polygon(g: CommandGenerator): string[] {
  const count = 3 + g.random.below(6);
  const [x, y] = position(g).map(Number);
  const size = g.random.pick([0.5, 3, 30]);
  const near = (centre: number, most: number): string =>
    String(Math.max(-most, Math.min(most, centre + (g.random.fraction() - 0.5) * size)));
  const vertices = Array.from({ length: count }, () => [near(x || 0, 180), near(y || 0, 85)]).flat();
  return ["BYPOLYGON", g.random.chance(97) ? String(count) : g.random.pick(["2", "x", "99"]), ...vertices];
}

function options(g: CommandGenerator): string[] {
  const { random } = g;
  const chosen: string[][] = [];
  if (random.chance(40)) chosen.push(["WITHDIST"]);
  if (random.chance(20)) chosen.push(["WITHHASH"]);
  if (random.chance(20)) chosen.push(["WITHCOORD"]);
  if (random.chance(50)) chosen.push([random.pick(["ASC", "DESC", "asc"])]);
  if (random.chance(30)) chosen.push(["COUNT", random.pick(["1", "3", "10", "1000", "0", "-1", "x"])]);
  if (random.chance(10)) chosen.push(["ANY"]);
  return random.shuffled(chosen).flat();
}

function searched(g: CommandGenerator): string[] {
  const { random } = g;
  if (random.chance(25)) return polygon(g);
  const from = random.chance(50) ? ["FROMLONLAT", ...position(g)] : ["FROMMEMBER", member(g)];
  const by = random.chance(60) ? ["BYRADIUS", ...circle(g)] : ["BYBOX", length(g), ...circle(g)];
  if (random.chance(3)) return random.pick([from, by, [...from, ...from, ...by], [...by, ...polygon(g)]]);
  return random.chance(80) ? [...from, ...by] : [...by, ...from];
}

/** Commands of the geo group, those that add positions first. */
export const GEO: Maker[] = [
  (g) => ["GEOADD", key(g), ...places(g)],
  (g) => ["GEOADD", key(g), ...places(g)],
  (g) => ["GEOADD", key(g), ...g.options("NX", "XX", "CH"), ...places(g)],
  (g) => ["GEOPOS", key(g), member(g), member(g)],
  (g) => ["GEOHASH", key(g), member(g), member(g)],
  (g) => ["GEODIST", key(g), member(g), member(g), ...(g.random.chance(50) ? [g.random.pick([...UNITS, "x"])] : [])],
  (g) => ["GEODIST", key(g), member(g), member(g)],
  (g) => ["GEOSEARCH", key(g), ...searched(g), ...options(g)],
  (g) => ["GEOSEARCH", key(g), ...searched(g), ...options(g)],
  (g) => ["GEOSEARCH", key(g), ...searched(g), "WITHDIST", "ASC"],
  (g) => ["GEOSEARCHSTORE", "geo:3", key(g), ...searched(g), ...options(g)],
  (g) => ["GEOSEARCHSTORE", "geo:far", key(g), ...searched(g), "STOREDIST", ...g.options("ASC")],
  (g) => ["GEORADIUS", key(g), ...position(g), ...circle(g), "STOREDIST", "geo:far"],
  () => ["ZCARD", "geo:far"],
  (g) => ["GEORADIUS", key(g), ...position(g), ...circle(g), ...options(g)],
  (g) => ["GEORADIUS", key(g), ...position(g), ...circle(g), "STORE", "geo:3"],
  (g) => ["GEORADIUS_RO", key(g), ...position(g), ...circle(g), ...options(g)],
  (g) => ["GEORADIUSBYMEMBER", key(g), member(g), ...circle(g), ...options(g)],
  (g) => ["GEORADIUSBYMEMBER_RO", key(g), member(g), ...circle(g), ...options(g), ...g.options("STORE")],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["ZADD", "geo:2", g.random.pick(["0", "-1", "1e30", "-inf", "1e19", "4503599627370495"]), "odd"],
  (g) => ["ZRANGE", key(g), "0", "5", "WITHSCORES"],
  (g) => (g.random.chance(20) ? ["DEL", key(g)] : ["ZREM", key(g), member(g)]),
];
