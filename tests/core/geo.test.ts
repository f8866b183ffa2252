/**
 * Geo in the core, driven without a server: replies, trigonometry against 200-bit arithmetic, searches against a plain
 * look at every member. The searches' seed is printed; SEED=n has a run again, WAKEY_FUZZ=10 makes it that much longer.
 * That every reply is the real server's is for differential.test.ts to say (support/commands-geo.ts).
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { Random, seeded } from "../support/random.ts";
import { loadTestCore } from "../support/test-core.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);
const EARTH = 6372797.560856;

// --- Trigonometry ---

/** Fixed point with 200 bits behind the dot. */
const BITS = 200n;
const ONE = 1n << BITS;
const PI = (1n << BITS) * 3141592653589793238462643383279502884197169399375105820974944592n / 10n ** 63n;

function fixed(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = BITS + BigInt(Math.max(exponent, 1) - 1075);
  const size = shift >= 0n ? mantissa << shift : mantissa >> -shift;
  return x < 0 ? -size : size;
}

/** Sine and cosine by their series. */
function exact(x: bigint): { sine: bigint; cosine: bigint } {
  let term = ONE;
  const sums = [0n, 0n, 0n, 0n];
  for (let n = 1n; term !== 0n; n++) {
    sums[Number((n - 1n) % 4n)] += term;
    term = ((term * x) >> BITS) / n;
    if (term === -1n) term = 0n;
  }
  return { sine: sums[1] - sums[3], cosine: sums[0] - sums[2] };
}

/** How far off a result is, in units of its last place. */
function offBy(result: number, wanted: bigint): number {
  const place = 2 ** (Math.floor(Math.log2(Math.abs(result))) - 52);
  const difference = fixed(result) - wanted;
  return Number((difference * 10_000n) / fixed(place)) / 10_000;
}

describe("trigonometry", () => {
  const { exports } = loadTestCore("bytes-exports");
  const random = new Random(1);

  /** Angles of every size up to half a turn, and arc sines of what they give. */
  function worst(name: string, of: (x: bigint) => bigint, angle: () => number): number {
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      const x = angle();
      const result = exports[name](x);
      if (result !== 0) most = Math.max(most, Math.abs(offBy(result, of(fixed(x)))));
    }
    return most;
  }
  const anyAngle = (): number => (random.fraction() * 2 - 1) * Math.PI * 2 ** -random.below(30);

  it("gives the nearest double, or one that is nearly as near", () => {
    assert(worst("sine", (x) => exact(x).sine, anyAngle) < 0.501);
    const latitude = (): number => (random.fraction() * 2 - 1) * 1.55;
    assert(worst("cosine", (x) => exact(x).cosine, latitude) < 0.501);
  });

  it("gives arc sines and arc tangents that undo themselves", () => {
    for (let i = 0; i < 1000; i++) {
      const x = random.fraction() * 2 ** -random.below(20);
      const angle = exports.arcSine(x);
      // A step of the angle's last place to either side must not be nearer.
      const miss = (a: number): bigint => {
        const difference = exact(fixed(a)).sine - fixed(x);
        return difference < 0n ? -difference : difference;
      };
      const step = 2 ** (Math.floor(Math.log2(angle)) - 52);
      for (const side of [angle - step, angle + step]) assert(miss(angle) <= (miss(side) * 1002n) / 1000n, `${x}`);
      const [a, b] = [random.fraction() - 0.5, random.fraction() - 0.5];
      assert(Math.abs(exports.arcTangent(a, b) - Math.atan2(a, b)) <= 4.5e-16 * Math.abs(Math.atan2(a, b)));
    }
    assertEquals(exports.arcSine(0), 0);
    assertEquals(exports.arcSine(1), Math.PI / 2);
    assert(Number.isNaN(exports.arcSine(1.01)));
    assert(Number.isNaN(exports.sine(Infinity)) && Number.isNaN(exports.cosine(NaN)));
    assert(Math.abs(offBy(exports.sine(Math.PI), exact(PI - fixed(Math.PI)).sine)) < 0.501);
  });
});

// --- Replies ---

const list = (...items: string[]): string =>
  `*${items.length}\r\n${items.map((item) => `$${item.length}\r\n${item}\r\n`).join("")}`;

/** Commands in order and their replies, on an empty database. */
const REPLIES: [command: string, reply: string][] = [
  ["GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2\r\n"],
  ["GEOADD s CH 13.361389 38.115556 Palermo 13.583333 37.316667 Agrigento", ":1\r\n"],
  ["GEOADD s NX 1 1 Catania", ":0\r\n"],
  ["GEOADD s XX 1 1 Rome", ":0\r\n"], ["GEOADD s NX XX 1 1 Rome", "-ERR syntax error\r\n"],
  ["GEOADD s 1 1", "-ERR wrong number of arguments for 'geoadd' command\r\n"],
  ["GEOADD s 1 1 a 2", "-ERR syntax error\r\n"],
  ["GEOADD s 180.5 1 a", "-ERR invalid longitude,latitude pair 180.500000,1.000000\r\n"],
  ["GEOADD s 1 x a", "-ERR value is not a valid float\r\n"], ["GEODIST s Palermo Catania", "$11\r\n166274.1516\r\n"],
  ["GEODIST s Palermo Catania km", "$8\r\n166.2742\r\n"], ["GEODIST s Palermo Catania FT", "$11\r\n545518.8700\r\n"],
  ["GEODIST s Palermo Rome", "$-1\r\n"], ["GEODIST s Palermo Palermo", "$6\r\n0.0000\r\n"],
  ["GEODIST s a b cm", "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"],
  ["GEOHASH s Palermo Rome Catania", "*3\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n$11\r\nsqdtr74hyu0\r\n"],
  ["GEOPOS s Palermo Rome", `*2\r\n${list("13.36138933897018433", "38.11555639549629859")}*-1\r\n`],
  ["GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ASC", list("Catania", "Agrigento", "Palermo")],
  ["GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km DESC COUNT 1", list("Palermo")],
  ["GEOSEARCH s FROMMEMBER Catania BYBOX 400 400 km WITHDIST ASC COUNT 2",
    `*2\r\n${list("Catania", "0.0000")}${list("Agrigento", "134.4697")}`],
  ["GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 100 km WITHCOORD WITHHASH WITHDIST",
    "*1\r\n*4\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n:3479447370796909\r\n" +
    list("15.08726745843887329", "37.50266842333162032")],
  ["GEOSEARCH s BYPOLYGON 4 13 37 14 37 14 39 13 39 ASC", list("Palermo", "Agrigento")],
  ["GEOSEARCH s BYPOLYGON 2 13 37 14 37", "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices\r\n"],
  ["GEOSEARCH s BYPOLYGON 3 13 37 14 37 14 39 FROMMEMBER Catania", "-ERR syntax error\r\n"],
  ["GEOSEARCH s BYRADIUS 1 km COUNT 1",
    "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH\r\n"],
  ["GEOSEARCH s FROMMEMBER Palermo ASC ASC ASC",
    "-ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for GEOSEARCH\r\n"],
  ["GEOSEARCH s FROMMEMBER Rome BYRADIUS 1 km", "-ERR member Rome does not exist\r\n"],
  ["GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km ANY", "-ERR the ANY argument requires COUNT argument\r\n"],
  ["GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km COUNT 0", "-ERR COUNT must be > 0\r\n"],
  ["GEOSEARCH s FROMMEMBER Palermo BYRADIUS -1 km", "-ERR radius cannot be negative\r\n"],
  ["GEOSEARCH no FROMMEMBER x BYRADIUS 1 km", "*0\r\n"], ["GEORADIUS s 15 37 100 km", list("Catania")],
  ["GEORADIUSBYMEMBER s Agrigento 100 km ASC", list("Agrigento", "Palermo")],
  ["GEORADIUS_RO s 15 37 100 km STORE to", "-ERR syntax error\r\n"],
  ["GEORADIUS s 15 37 200 km STORE to", ":3\r\n"], ["ZSCORE to Catania", "$16\r\n3479447370796909\r\n"],
  ["GEORADIUS s 15 37 200 km STORE to WITHDIST",
    "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"],
  ["GEOSEARCHSTORE to s FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 2 STOREDIST", ":2\r\n"],
  ["ZRANGE to 0 -1", list("Catania", "Agrigento")], ["GEOSEARCHSTORE to s FROMLONLAT 0 0 BYRADIUS 1 m", ":0\r\n"],
  ["EXISTS to", ":0\r\n"], ["SET str x", "+OK\r\n"],
  ["GEOPOS str a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"],
];

describe("geo commands", () => {
  for (const entries of [0, 1000]) {
    it(`reply as Valkey does, listpacks up to ${entries} members`, () => {
      const core = new CoreDriver();
      core.core.setSetting("zsetMaxListpackEntries", entries);
      const client = core.connect();
      for (const [command, reply] of REPLIES) {
        assertEquals([command, client.command(...command.split(" "))], [command, reply]);
      }
    });
  }

  it("take any score for a position", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (const score of ["-1", "-inf", "inf", "1e19", "1.8e19", "1e300", "0.5", "-9.3e18"]) {
      client.command("ZADD", "z", score, "m");
      assert(client.command("GEOPOS", "z", "m").startsWith("*1\r\n*2\r\n"));
      assert(client.command("GEOHASH", "z", "m").startsWith("*1\r\n$11\r\n"));
      assert(client.command("GEOSEARCH", "z", "FROMMEMBER", "m", "BYRADIUS", "1e300", "km").startsWith("*"));
    }
  });
});

// --- Searches ---

interface Place {
  name: string;
  x: number;
  y: number;
}

const radians = (degrees: number): number => degrees * Math.PI / 180;

function distance(x1: number, y1: number, x2: number, y2: number): number {
  const u = Math.sin(radians(y2 - y1) / 2);
  const v = Math.sin(radians(x2 - x1) / 2);
  return 2 * EARTH * Math.asin(Math.sqrt(u * u + Math.cos(radians(y1)) * Math.cos(radians(y2)) * v * v));
}

/** How far a place is inside a shape, in metres or degrees: positive inside, near 0 too near to tell. */
type Inside = (place: Place) => number;

function names(reply: string): string[] {
  return reply.split("\r\n").filter((line) => /^p\d+$/.test(line));
}

function inPolygon(place: Place, polygon: number[][]): boolean {
  let inside = false;
  polygon.forEach(([x, y], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length];
    if ((y > place.y) !== (y2 > place.y) && place.x < (x2 - x) * (place.y - y) / (y2 - y) + x) inside = !inside;
  });
  return inside;
}

describe("searches agree with a look at every member", () => {
  const random = seeded("geo searches");
  const client: CoreClient = new CoreDriver().connect();
  const places: Place[] = [];
  // Places around one point, since what lies across the edge of the map is found in Valkey's own way.
  for (let i = 0; i < 2000; i++) {
    const [x, y] = [10 + random.fraction() * 12, 40 + random.fraction() * 12];
    client.command("GEOADD", "g", x, y, `p${i}`);
    const lines = client.command("GEOPOS", "g", `p${i}`).split("\r\n");
    const [lon, lat] = lines.filter((line) => line.includes(".")).map(Number);
    places.push({ name: `p${i}`, x: lon, y: lat });
  }

  const somewhere = (): [number, number] => [11 + random.fraction() * 10, 41 + random.fraction() * 10];

  /** Compares a search with the model; places within `margin` of the shape's edge may be found or not. */
  function check(command: (string | number)[], inside: Inside, margin: number): void {
    const found = new Set(names(client.command("GEOSEARCH", "g", ...command)));
    for (const place of places) {
      const depth = inside(place);
      if (Math.abs(depth) <= margin) continue;
      assertEquals([command, place.name, found.has(place.name)], [command, place.name, depth > 0]);
    }
  }

  it("in circles", () => {
    for (let i = 0; i < 60 * SCALE; i++) {
      const [x, y] = somewhere();
      const metres = 10 ** (2 + random.fraction() * 4);
      check(["FROMLONLAT", x, y, "BYRADIUS", metres, "m"], (p) => metres - distance(x, y, p.x, p.y), 1e-3);
      check(["FROMLONLAT", x, y, "BYRADIUS", metres, "m", "ASC"], (p) => metres - distance(x, y, p.x, p.y), 1e-3);
    }
  });

  it("in boxes", () => {
    for (let i = 0; i < 60 * SCALE; i++) {
      const [x, y] = somewhere();
      const [width, height] = [10 ** (3 + random.fraction() * 3), 10 ** (3 + random.fraction() * 3)];
      check(["FROMLONLAT", x, y, "BYBOX", width, height, "m"], (p) => Math.min(
        width / 2 - distance(x, p.y, p.x, p.y), height / 2 - distance(x, y, x, p.y),
      ), 1e-3);
    }
  });

  it("in polygons", () => {
    for (let i = 0; i < 60 * SCALE; i++) {
      const polygon = Array.from({ length: 3 + random.below(6) }, somewhere);
      const command = ["BYPOLYGON", polygon.length, ...polygon.flat()];
      check(command, (p) => (inPolygon(p, polygon) ? 1 : -1), 0);
    }
  });

  it("in the order of their distances, as many as were asked for", () => {
    for (let i = 0; i < 40 * SCALE; i++) {
      const [x, y] = somewhere();
      const order = random.pick(["ASC", "DESC"]);
      const count = 1 + random.below(50);
      const near = places.map((p) => [p.name, distance(x, y, p.x, p.y)] as const)
        .filter(([, metres]) => metres < 300_000)
        .sort(([, a], [, b]) => (order === "ASC" ? a - b : b - a))
        .slice(0, count).map(([name]) => name);
      const around = ["GEOSEARCH", "g", "FROMLONLAT", x, y, "BYRADIUS"];
      assertEquals(names(client.command(...around, "300", "km", order, "COUNT", count)), near);
      assertEquals(names(client.command(...around, "3000", "km", "COUNT", count, "ANY")).length, count);
    }
  });
});
