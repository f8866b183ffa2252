/**
 * commands-list: random commands on lists in every encoding, for the differential test. Settings are lowered now and
 * then, so that lists outgrow their listpack, split, merge and shrink again; OBJECT ENCODING and COPY look at it.
 *
 * Blocking commands come with a time limit that is short or wrong, or find elements.
 */
import type { CommandGenerator } from "./commands.ts";

const KEYS = ["list:1", "list:2", "list:3", "{l}4"];
const SIZES = ["-1", "-2", "-5", "1", "2", "4", "16", "128", "0", "-9"];

function key(g: CommandGenerator): string {
  return g.random.chance(95) ? g.random.pick(KEYS) : g.key();
}

/** Elements that come again, so that searches find them, and some large ones. */
function element(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(6)) return "L".repeat(random.pick([1000, 4080, 4096, 5000, 8185, 8192, 8193, 20000, 70000]));
  if (random.chance(15)) return "m".repeat(random.below(300));
  return random.chance(70) ? random.pick(["a", "b", "c", "7", "-7", "300", "70000", "xyz", ""]) : g.value();
}

function elements(g: CommandGenerator): string[] {
  const count = g.random.pick([1, 1, 1, 2, 3, 10, 50]);
  return Array.from({ length: count }, () => element(g));
}

const side = (g: CommandGenerator): string => g.random.pick(["LEFT", "RIGHT", "left", "Right"]);
const index = (g: CommandGenerator): string => (g.random.chance(85) ? String(g.random.below(60) - 30) : g.integer());
const timeout = (g: CommandGenerator): string =>
  g.random.pick(["0.001", "0.002", "-1", "abc", "1e400", "0x7FFFFFFFFFFFFF", "-inf"]);

export const LISTS: ((g: CommandGenerator) => string[])[] = [
  (g) => ["LPUSH", key(g), ...elements(g)],
  (g) => ["RPUSH", key(g), ...elements(g)],
  (g) => ["LPUSH", key(g), ...elements(g)],
  (g) => ["RPUSH", key(g), ...elements(g)],
  (g) => [g.random.pick(["LPUSHX", "RPUSHX"]), key(g), ...elements(g)],
  (g) => [g.random.pick(["LPOP", "RPOP"]), key(g)],
  (g) => [g.random.pick(["LPOP", "RPOP"]), key(g), g.random.chance(80) ? String(g.random.below(8)) : g.integer()],
  (g) => ["LLEN", key(g)],
  (g) => ["LINDEX", key(g), index(g)],
  (g) => ["LRANGE", key(g), "0", "-1"],
  (g) => ["LRANGE", key(g), index(g), index(g)],
  (g) => ["LSET", key(g), index(g), element(g)],
  (g) => ["LSET", key(g), index(g), element(g)],
  (g) => ["LINSERT", key(g), g.random.pick(["BEFORE", "after", "Before", "AFTER", "x"]), element(g), element(g)],
  (g) => ["LINSERT", key(g), g.random.pick(["BEFORE", "AFTER"]), element(g), element(g)],
  (g) => ["LREM", key(g), g.random.chance(80) ? String(g.random.below(7) - 3) : g.integer(), element(g)],
  (g) => ["LTRIM", key(g), index(g), index(g)],
  (g) => ["LTRIM", key(g), String(g.random.below(3)), String(-1 - g.random.below(3))],
  (g) => ["LPOS", key(g), element(g), ...g.options(["RANK", index(g)], ["COUNT", index(g)], ["MAXLEN", index(g)])],
  (g) => ["LMOVE", key(g), key(g), side(g), side(g)],
  (g) => ["RPOPLPUSH", key(g), key(g)],
  (g) => ["LMPOP", "2", key(g), key(g), side(g), ...g.options(["COUNT", String(g.random.below(9))])],
  (g) => ["LMPOP", g.integer(), key(g), side(g), ...g.options(["COUNT", g.integer()])],
  (g) => [g.random.pick(["BLPOP", "BRPOP"]), key(g), key(g), timeout(g)],
  (g) => ["BLMOVE", key(g), key(g), side(g), side(g), timeout(g)],
  (g) => ["BRPOPLPUSH", key(g), key(g), timeout(g)],
  (g) => ["BLMPOP", timeout(g), "1", key(g), side(g), ...g.options(["COUNT", String(g.random.below(9))])],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["COPY", key(g), key(g), "REPLACE"],
  (g) => ["RENAME", key(g), key(g)],
  (g) => ["DEL", key(g)],
  (g) => ["CONFIG", "SET", "list-max-listpack-size", g.random.pick(SIZES)],
  (g) => ["CONFIG", "SET", "list-compress-depth", g.random.pick(["0", "0", "1", "2", "3"])],
];
