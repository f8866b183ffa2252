/**
 * commands-sort: random SORT and SORT_RO for the differential test, with the lists, sets, sorted sets, weights and
 * hashes that they work on. Left out is what has no order: sets by anything but their members (a set may be a table),
 * and elements that are equal by BY and ALPHA.
 */
import type { CommandGenerator } from "./commands.ts";

const SOURCES = ["sort:list", "sort:set", "sort:zset", "sort:stored", "sort:words"];
const PATTERNS = [
  "w:*", "w:*", "h:*->f", "h:*->f", "h:*->", "nosort", "#", "*", "w:*->f", "h:*->none", "w:\0*", "*->*", "w:**", "->*",
];

const WORDS = ["a", "b", "aa", "a\0b", "a\0", "Z", "\xe9", "", "zz"];

const source = (g: CommandGenerator): string => (g.random.chance(90) ? g.random.pick(SOURCES) : g.key());
const small = (g: CommandGenerator): string => String(g.random.below(12));
const element = (g: CommandGenerator): string =>
  g.random.pick([small(g), small(g), String(g.random.below(40) / 4), "-1.5", "1e2", "5", "05", "7\0x", g.value()]);

function many(g: CommandGenerator, make: (g: CommandGenerator) => string): string[] {
  return Array.from({ length: 1 + g.random.below(12) }, () => make(g));
}

const alphabet = (g: CommandGenerator): string[] =>
  Array.from({ length: 12 }, (_, i) => [`u:${i}`, `${g.random.bytes(3)}${i}`]).flat();

/** A source with options that give its elements one order. */
function sorted(g: CommandGenerator): string[] {
  const key = source(g);
  return [key, ...(key === "sort:set" ? setOptions(g) : options(g))];
}

function setOptions(g: CommandGenerator): string[] {
  return g.options("ASC", "DESC", "ALPHA", ["LIMIT", small(g), small(g)], ["GET", g.random.pick(PATTERNS)]);
}

function options(g: CommandGenerator): string[] {
  const { random } = g;
  const chosen = g.options(
    "ASC", "DESC", "ALPHA", "ALPHA", ["LIMIT", small(g), String(random.below(9) - 1)],
    ["LIMIT", g.integer(), g.integer()], ["BY", random.pick(PATTERNS)], ["BY", random.pick(PATTERNS)],
    ["GET", random.pick(PATTERNS)], ["GET", "#", "GET", random.pick(PATTERNS)],
  );
  const isByPattern = chosen.some((word, i) => /^by$/i.test(word) && chosen[i + 1]?.includes("*"));
  return isByPattern ? chosen.filter((word) => !/^alpha$/i.test(word)) : chosen;
}

export const SORTS: ((g: CommandGenerator) => string[])[] = [
  (g) => ["SORT", ...sorted(g)],
  (g) => ["SORT", ...sorted(g), ...(g.random.chance(50) ? ["STORE", "sort:stored"] : [])],
  (g) => ["SORT_RO", ...sorted(g)],
  (g) => ["SORT", source(g), "ALPHA", ...setOptions(g)],
  (g) => ["MSET", ...alphabet(g)],
  (g) => ["SORT", "sort:list", "ALPHA", "BY", "u:*", ...g.options("DESC", ["GET", "u:*"], ["STORE", "sort:stored"])],
  (g) => ["RPUSH", "sort:list", ...many(g, element)],
  (g) => ["LPUSH", "sort:list", ...many(g, small)],
  (g) => ["LPUSH", "sort:words", ...many(g, () => g.random.pick(WORDS))],
  (g) => ["LTRIM", g.random.pick(["sort:list", "sort:words", "sort:stored"]), "0", "9"],
  (g) => ["SADD", "sort:set", ...many(g, small)],
  (g) => ["ZADD", "sort:zset", ...many(g, small).flatMap((word) => [String(g.random.below(5)), word])],
  (g) => ["ZREM", "sort:zset", ...many(g, small)],
  (g) => ["SET", `w:${small(g)}`, element(g)],
  (g) => ["SET", `w:${small(g)}`, small(g)],
  (g) => ["HSET", `h:${small(g)}`, "f", small(g), "", element(g)],
  (g) => ["DEL", g.random.pick([`w:${small(g)}`, `h:${small(g)}`, "sort:list", "sort:set", "sort:stored"])],
  (g) => ["OBJECT", "ENCODING", source(g)],
  (g) => ["LRANGE", "sort:stored", "0", "-1"],
];
