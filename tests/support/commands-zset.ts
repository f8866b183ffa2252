/**
 * commands-zset: random commands on sorted sets in both encodings, for the differential test.
 *
 * Ranges by member are asked of sets whose scores are all the same ("zl:"): of others they are not defined.
 */
import type { CommandGenerator } from "./commands.ts";

type Maker = (g: CommandGenerator) => string[];

const SCORED = ["zs:1", "zs:2", "zs:3", "zs:4"];
const LEXICAL = ["zl:1", "zl:2"];
const SETS = ["zset:a", "zset:b"];
const MEMBERS = [
  "a", "b", "c", "ab", "B", "", "12", "-7", "007", "m\0n", "\xff\x01", "long member of a sorted set", "zz",
];
const ODD_BOUNDS = ["", "(", "((1", "1\0x", "1e999", "-1e-999", "nan", "0x1"];

const scored = (g: CommandGenerator): string => (g.random.chance(97) ? g.random.pick(SCORED) : g.key());
const lexical = (g: CommandGenerator): string => (g.random.chance(98) ? g.random.pick(LEXICAL) : "zset:a");
const source = (g: CommandGenerator): string => g.random.pick([...SCORED, ...SETS, "zs:none"]);

function member(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(50)) return `m${random.below(60)}`;
  return random.chance(80) ? random.pick(MEMBERS) : g.value();
}

/** A score: mostly small, so that many are equal. */
function score(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(60)) return String(random.below(20) - 5);
  if (random.chance(50)) return String(random.below(1000) / 7);
  return g.float();
}

function pairs(g: CommandGenerator, scoreOf: (g: CommandGenerator) => string): string[] {
  const count = g.random.pick([1, 1, 1, 2, 3, 8, 20, 60]);
  return Array.from({ length: count }, () => [scoreOf(g), member(g)]).flat();
}

function bound(g: CommandGenerator): string {
  const text = g.random.chance(85) ? score(g) : g.random.pick(ODD_BOUNDS);
  return g.random.chance(30) ? `(${text}` : text;
}

function lexBound(g: CommandGenerator): string {
  if (g.random.chance(20)) return g.random.pick(["-", "+", "-", "+", "", "a", "-x", "+\0", "("]);
  return `${g.random.pick(["(", "["])}${member(g)}`;
}

function limit(g: CommandGenerator): string[] {
  if (g.random.chance(60)) return [];
  const small = (): string => String(g.random.below(12) - 3);
  return g.random.chance(90) ? ["LIMIT", small(), small()] : ["LIMIT", g.integer(), g.integer()];
}

const scores = (g: CommandGenerator): string[] => (g.random.chance(40) ? ["WITHSCORES"] : []);

function rank(g: CommandGenerator): string {
  return g.random.chance(90) ? String(g.random.below(40) - 20) : g.integer();
}

function sources(g: CommandGenerator): string[] {
  const count = 1 + g.random.below(4);
  const named = g.random.chance(94) ? String(count) : g.random.pick(["0", "-1", "9", "x", ""]);
  return [named, ...Array.from({ length: count }, () => source(g))];
}

function combined(g: CommandGenerator): string[] {
  const from = sources(g);
  const options: string[][] = [];
  const weight = (): string => (g.random.chance(97) ? score(g) : "x");
  if (g.random.chance(40)) options.push(["WEIGHTS", ...from.slice(1).map(weight)]);
  if (g.random.chance(40)) options.push(["AGGREGATE", g.random.pick(["SUM", "MIN", "MAX", "min", "AVG"])]);
  return [...from, ...g.random.shuffled(options).flat()];
}

const MEMBER_COMMANDS: Maker[] = [
  (g) => ["ZADD", scored(g), ...pairs(g, score)],
  (g) => ["ZADD", scored(g), ...pairs(g, score)],
  (g) => ["ZADD", scored(g), ...pairs(g, score)],
  (g) => ["ZADD", g.random.pick(LEXICAL), ...pairs(g, () => "0")],
  (g) => ["ZADD", g.random.pick(LEXICAL), ...pairs(g, () => "0")],
  (g) => ["ZADD", scored(g), ...g.options("NX", "XX", "GT", "LT", "CH", "INCR"), ...pairs(g, score)],
  (g) => ["ZADD", scored(g), ...g.options("XX", "GT", "LT", "CH"), score(g), member(g)],
  (g) => ["ZADD", scored(g), "INCR", ...g.options("NX", "XX", "GT"), score(g), member(g)],
  (g) => ["ZINCRBY", scored(g), score(g), member(g)],
  (g) => ["SADD", g.random.pick(SETS), member(g), member(g), member(g)],
  (g) => ["ZREM", scored(g), member(g), member(g)],
  (g) => ["ZREM", g.random.pick(LEXICAL), member(g)],
  (g) => ["ZCARD", scored(g)],
  (g) => ["ZSCORE", scored(g), member(g)],
  (g) => ["ZMSCORE", scored(g), member(g), member(g), member(g)],
  (g) => [g.random.pick(["ZRANK", "ZREVRANK"]), scored(g), member(g), ...g.options("WITHSCORE")],
  // Counts of millions keep a server busy for minutes.
  (g) => ["ZRANDMEMBER", scored(g), ...(g.random.chance(50) ? [String(g.random.below(40) - 20), ...scores(g)] : [])],
  (g) => ["ZSCAN", scored(g), "0", "COUNT", "100000", ...g.options("NOSCORES")],
  (g) => ["ZSCAN", scored(g), g.random.pick(["0", "x", "-1"]), "MATCH", g.pattern(), "COUNT", "100000"],
  (g) => [g.random.pick(["ZPOPMIN", "ZPOPMAX"]), scored(g), ...(g.random.chance(50) ? [rank(g)] : [])],
  (g) => {
    const count = 1 + g.random.below(3);
    const keys = Array.from({ length: count }, () => scored(g));
    return ["ZMPOP", String(count), ...keys, g.random.pick(["MIN", "MAX", "mid"]), ...g.options("COUNT"), rank(g)];
  },
  (g) => [g.random.pick(["BZPOPMIN", "BZPOPMAX"]), scored(g), scored(g), g.random.pick(["0.01", "x", "-1", "0.001"])],
  (g) => ["BZMPOP", "0.01", "1", scored(g), g.random.pick(["MIN", "MAX"]), "COUNT", rank(g)],
  (g) => ["OBJECT", "ENCODING", g.random.pick([...SCORED, ...LEXICAL])],
  (g) => ["CONFIG", "SET", "zset-max-listpack-entries", g.random.pick(["0", "4", "20", "128"])],
  (g) => ["CONFIG", "SET", "zset-max-listpack-value", g.random.pick(["3", "20", "64"])],
  (g) => ["COPY", g.random.pick([...SCORED, ...LEXICAL]), g.random.pick([...SCORED]), "REPLACE"],
  (g) => ["DEL", g.random.pick([...SCORED, ...LEXICAL, ...SETS])],
];

const RANGE_COMMANDS: Maker[] = [
  (g) => ["ZRANGE", scored(g), rank(g), rank(g), ...g.options("REV"), ...scores(g)],
  (g) => ["ZRANGE", scored(g), bound(g), bound(g), "BYSCORE", ...g.options("REV"), ...limit(g), ...scores(g)],
  (g) => ["ZRANGE", lexical(g), lexBound(g), lexBound(g), "BYLEX", ...g.options("REV"), ...limit(g)],
  (g) => ["ZRANGE", scored(g), rank(g), rank(g), ...g.options("REV", "BYSCORE", "BYLEX", "WITHSCORES"), ...limit(g)],
  (g) => ["ZREVRANGE", scored(g), rank(g), rank(g), ...scores(g)],
  (g) => ["ZRANGEBYSCORE", scored(g), bound(g), bound(g), ...scores(g), ...limit(g)],
  (g) => ["ZREVRANGEBYSCORE", scored(g), bound(g), bound(g), ...scores(g), ...limit(g)],
  (g) => [g.random.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), lexical(g), lexBound(g), lexBound(g), ...limit(g)],
  (g) => ["ZCOUNT", scored(g), bound(g), bound(g)],
  (g) => ["ZLEXCOUNT", lexical(g), lexBound(g), lexBound(g)],
  (g) => ["ZREMRANGEBYRANK", scored(g), rank(g), rank(g)],
  (g) => ["ZREMRANGEBYSCORE", scored(g), bound(g), bound(g)],
  (g) => ["ZREMRANGEBYLEX", lexical(g), lexBound(g), lexBound(g)],
  (g) => ["ZRANGESTORE", scored(g), scored(g), rank(g), rank(g), ...g.options("REV")],
  (g) => ["ZRANGESTORE", scored(g), scored(g), bound(g), bound(g), "BYSCORE", ...g.options("REV"), ...limit(g)],
  (g) => ["ZRANGESTORE", g.random.pick(LEXICAL), lexical(g), lexBound(g), lexBound(g), "BYLEX", ...limit(g)],
  (g) => [g.random.pick(["ZUNION", "ZINTER"]), ...combined(g), ...scores(g)],
  (g) => ["ZDIFF", ...sources(g), ...scores(g)],
  (g) => [g.random.pick(["ZUNIONSTORE", "ZINTERSTORE"]), g.random.pick(SCORED), ...combined(g)],
  (g) => ["ZDIFFSTORE", g.random.pick(SCORED), ...sources(g)],
  (g) => ["ZINTERCARD", ...sources(g), ...(g.random.chance(40) ? ["LIMIT", rank(g)] : [])],
];

/** Commands of sorted sets, those that fill them first. */
export const SORTED_SETS: Maker[] = [...MEMBER_COMMANDS, ...RANGE_COMMANDS];
