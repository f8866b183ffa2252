/**
 * commands-hyperloglog: random commands on HyperLogLogs, sparse and dense, some with damaged headers or too many runs,
 * for the differential test.
 *
 * Damage between the runs is left to tests/core/hyperloglog.test.ts: what a damaged value decodes to is no promise.
 */
import type { CommandGenerator } from "./commands.ts";

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

export const HYPERLOGLOG: ((g: CommandGenerator) => string[])[] = [
  (g) => ["PFADD", key(g), ...elements(g)],
  (g) => ["PFADD", key(g), ...elements(g)],
  (g) => ["PFCOUNT", key(g)],
  (g) => ["PFCOUNT", ...keys(g, 4)],
  (g) => ["PFMERGE", key(g), ...keys(g, 3)],
  (g) => ["PFMERGE", key(g)],
  (g) => ["PFDEBUG", g.random.pick(["ENCODING", "DECODE", "decode", "GETREG", "TODENSE", "NOSUCH"]), key(g)],
  (g) => ["PFDEBUG", "SIMD", g.random.pick(["on", "off", "ON"])],
  (g) => ["GET", key(g)],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["SETRANGE", key(g), String(g.random.pick([0, 4, 5, 8, 15])), g.random.bytes(1)],
  (g) => ["APPEND", key(g), g.random.pick(["\0", "\x80", "hello"])],
  (g) => ["DEL", key(g)],
  (g) => ["COPY", key(g), key(g), "REPLACE"],
];
