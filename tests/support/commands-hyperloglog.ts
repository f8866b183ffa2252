/**
 * commands-hyperloglog: random commands on HyperLogLogs, sparse and dense, some with damaged headers or too many runs,
 * for the differential test.
 *
 * Damage between the runs is left to tests/core/hyperloglog.test.ts: what a damaged value decodes to is no promise.
 */
import type { CommandGenerator } from "./commands.ts";
import type { Random } from "./random.ts";

const KEYS = ["hll:1", "hll:2", "hll:3", "hll:4"];

function key(g: CommandGenerator): string {
  return g.random.chance(90) ? g.random.pick(KEYS) : g.key();
}

function keys(g: CommandGenerator, most: number): string[] {
  return Array.from({ length: 1 + g.random.below(most) }, () => key(g));
}

/** Elements from a set that is large enough to make a value dense, and any value. */
function elements(g: CommandGenerator): string[] {
  const count = g.random.pick([0, 1, 1, 2, 5, 20, 100, 500]);
  return Array.from({ length: count }, () => (g.random.chance(95) ? String(g.random.below(20000)) : g.value()));
}

const REGISTERS = 16384;

/** A sparse value whose runs cover all registers, cut in ways in which a server cuts none: the first, any, the last. */
export function sparseValue(random: Random): string {
  const bytes: number[] = [];
  const longs = random.pick([0, 10, 50, 90]);
  const longest = random.pick([100, 200, 2000]);
  for (let left = REGISTERS; left > 0;) {
    if (bytes.length > 2000 || random.chance(longs)) {
      const n = Math.min(left, bytes.length > 2000 ? left : 1 + random.below(longest)) - 1;
      bytes.push(0x40 | (n >> 8), n & 255);
      left -= n + 1;
    } else {
      const isZeros = random.chance(50);
      const n = Math.min(left, 1 + random.below(isZeros ? 64 : 4)) - 1;
      bytes.push(isZeros ? n : 0x80 | (random.below(32) << 2) | n);
      left -= n + 1;
    }
  }
  return `HYLL\x01\0\0\0${"\0".repeat(7)}\x80${String.fromCharCode(...bytes)}`;
}

export const HYPERLOGLOG: ((g: CommandGenerator) => string[])[] = [
  (g) => ["PFADD", key(g), ...elements(g)],
  (g) => ["PFADD", key(g), ...elements(g)],
  (g) => ["PFCOUNT", key(g)],
  (g) => ["PFCOUNT", ...keys(g, 4)],
  (g) => ["PFMERGE", key(g), ...keys(g, 3)],
  (g) => ["PFMERGE", key(g)],
  (g) => ["PFDEBUG", g.random.pick(["ENCODING", "DECODE", "decode", "GETREG", "TODENSE", "NOSUCH"]), key(g)],
  (g) => ["PFDEBUG", "SIMD", g.random.pick(["on", "off", "ON"])],
  (g) => ["SET", key(g), sparseValue(g.random)],
  (g) => ["GET", key(g)],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["SETRANGE", key(g), String(g.random.pick([0, 4, 5, 8, 15])), g.random.bytes(1)],
  (g) => ["APPEND", key(g), g.random.pick(["\0", "\x80", "hello"])],
  (g) => ["DEL", key(g)],
  (g) => ["COPY", key(g), key(g), "REPLACE"],
];
