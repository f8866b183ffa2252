/**
 * commands-stream: random commands on streams, their groups and what is pending in them, for the differential test.
 * Nodes are made small now and then, so that streams have many; IDs are given, so that replies can be compared; times
 * are 0, far in the past or far apart, so that the moment does not matter. agreeOnStream() leaves out the rest.
 */
import type { CommandGenerator } from "./commands.ts";

const KEYS = ["stream:1", "stream:2", "stream:3", "{s}4"];
const GROUPS = ["g1", "g1", "g1", "g2", "group with a longer name", "", "g\0"];
const CONSUMERS = ["alice", "alice", "bob", "carol", "", "a\xff"];
const ODD_IDS = [
  "-", "+", "$", ">", "0", "0-0", "5-*", "-1", "1-", "x", "", "1-x", "+5-1", " 6-1", "7-1 ", "8-9\0", "9\0-9", "7--1",
  "18446744073709551615-18446744073709551615", "18446744073709551615", "18446744073709551616-1", "007-01", "(5-1", "(",
  "1700000000000-0", "5-18446744073709551615", `${"0".repeat(126)}7`, `${"0".repeat(127)}7`,
];

function key(g: CommandGenerator): string {
  return g.random.chance(96) ? g.random.pick(KEYS) : g.key();
}

/** IDs from a range that is met again and again. */
function id(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(3)) return random.pick(ODD_IDS);
  return random.chance(30) ? String(random.below(60)) : `${random.below(60)}-${random.below(4)}`;
}

/** An ID for XADD: mostly above those before it. */
let next = 1;
function freshId(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(8)) return random.chance(60) ? id(g) : random.pick(ODD_IDS);
  next = (next + random.below(2)) % 60;
  return random.chance(60) ? `${next}-*` : `${next}-${random.below(8)}`;
}

function ids(g: CommandGenerator): string[] {
  return Array.from({ length: g.random.pick([1, 1, 2, 3, 9]) }, () => id(g));
}

function fields(g: CommandGenerator): string[] {
  const { random } = g;
  if (random.chance(60)) return ["item", g.value(), "other", String(random.below(300))];
  if (random.chance(5)) return ["item", "x".repeat(random.pick([63, 64, 3000, 4095, 4096, 5000]))];
  const names = Array.from({ length: 1 + random.below(4) }, () => random.pick(["f", "7", "-300", "field"]));
  return names.flatMap((name) => [name, g.value()]);
}

/** A range's end, now and then an open one. */
function bound(g: CommandGenerator): string {
  if (g.random.chance(25)) return g.random.pick(["-", "+"]);
  return (g.random.chance(20) ? "(" : "") + id(g);
}

const count = (g: CommandGenerator): string => (g.random.chance(90) ? String(g.random.below(12)) : g.integer());
const about = (g: CommandGenerator): string[] => g.random.pick([[], ["="], ["~"], ["~"]]);
const group = (g: CommandGenerator): string => g.random.pick(GROUPS);
const consumer = (g: CommandGenerator): string => g.random.pick(CONSUMERS);
const idle = (g: CommandGenerator): string => g.random.pick(["0", "0", "0", "500000000", "-1", "x"]);

function trimming(g: CommandGenerator): string[] {
  const limit = g.random.chance(20) ? ["LIMIT", count(g)] : [];
  if (g.random.chance(50)) return ["MAXLEN", ...about(g), count(g), ...limit];
  return ["MINID", ...about(g), id(g), ...limit];
}

function reads(g: CommandGenerator, fromGroup: boolean): string[] {
  const { random } = g;
  const n = random.pick([1, 1, 1, 2, 3]);
  const keys = Array.from({ length: n }, () => key(g));
  const special = fromGroup ? ">" : random.pick(["$", "+", "0"]);
  const from = keys.map(() => (random.chance(60) ? special : id(g)));
  if (random.chance(3)) from.pop();
  const waits = random.chance(10) ? [["BLOCK", random.pick(["1", "-1", "x"])]] : [];
  const options = g.options(["COUNT", count(g)], ...waits);
  if (fromGroup && random.chance(20)) options.push("NOACK");
  return [...options, "STREAMS", ...keys, ...from];
}

function claims(g: CommandGenerator): string[] {
  const options = g.options(
    "FORCE", "JUSTID", ["IDLE", g.random.pick(["1000000000", "-5", "x"])], ["TIME", g.random.pick(["1000", "-1", "x"])],
    ["RETRYCOUNT", count(g)], ["LASTID", id(g)],
  );
  return [key(g), group(g), consumer(g), idle(g), ...ids(g), ...options];
}

const WORDS = [
  "MAXLEN", "MINID", "NOMKSTREAM", "LIMIT", "=", "~", "FORCE", "JUSTID", "IDLE", "TIME", "RETRYCOUNT", "LASTID",
  "COUNT", "ENTRIESADDED", "MAXDELETEDID", "KEEPREF", "maxlen", "force", "",
];

/** A command with any words in any order behind the first arguments that it takes, now and then fewer than those. */
function anyWords(g: CommandGenerator): string[] {
  const { random } = g;
  const name = random.pick(["XADD", "XADD", "XCLAIM", "XCLAIM", "XAUTOCLAIM", "XTRIM", "XSETID"]);
  const first = /CLAIM/.test(name) ? [group(g), consumer(g), idle(g), id(g)] : [];
  const words = Array.from({ length: random.below(9) }, () => {
    const kind = random.below(8);
    if (kind < 4) return random.pick(WORDS);
    return kind < 6 ? id(g) : kind < 7 ? g.integer() : freshId(g);
  });
  return [name, key(g), ...random.chance(85) ? first : first.slice(0, random.below(4)), ...words];
}

export const STREAMS: ((g: CommandGenerator) => string[])[] = [
  (g) => ["XADD", key(g), freshId(g), ...fields(g)],
  (g) => ["XADD", key(g), freshId(g), ...fields(g)],
  (g) => ["XADD", key(g), freshId(g), ...fields(g)],
  (g) => ["XADD", key(g), freshId(g), ...fields(g)],
  (g) => ["XADD", key(g), ...g.options("NOMKSTREAM", trimming(g)), freshId(g), ...fields(g)],
  (g) => ["XTRIM", key(g), ...trimming(g)],
  (g) => ["XDEL", key(g), ...ids(g)],
  (g) => ["XLEN", key(g)],
  (g) => ["XSETID", key(g), id(g), ...g.options(["ENTRIESADDED", count(g)], ["MAXDELETEDID", id(g)])],
  (g) => ["XRANGE", key(g), "-", "+"],
  (g) => ["XREVRANGE", key(g), "+", "-"],
  (g) => ["XRANGE", key(g), bound(g), bound(g), ...g.options(["COUNT", count(g)])],
  (g) => ["XREVRANGE", key(g), bound(g), bound(g), ...g.options(["COUNT", count(g)])],
  (g) => ["XREAD", ...reads(g, false)],
  (g) => ["XREADGROUP", "GROUP", group(g), consumer(g), ...reads(g, true)],
  (g) => ["XREADGROUP", "GROUP", group(g), consumer(g), ...reads(g, true)],
  (g) => {
    const options = g.options("MKSTREAM", ["ENTRIESREAD", g.random.pick(["-1", "0", "5", "-2", "x"])]);
    return ["XGROUP", "CREATE", key(g), group(g), g.random.pick(["$", "0", id(g)]), ...options];
  },
  (g) => {
    const options = g.options(["ENTRIESREAD", count(g)]);
    return ["XGROUP", "SETID", key(g), group(g), g.random.pick(["$", "0", id(g)]), ...options];
  },
  (g) => ["XGROUP", g.random.pick(["CREATECONSUMER", "DELCONSUMER"]), key(g), group(g), consumer(g)],
  (g) => (g.random.chance(20) ? ["XGROUP", "DESTROY", key(g), group(g)] : ["XLEN", key(g)]),
  (g) => ["XACK", key(g), group(g), ...ids(g)],
  (g) => ["XPENDING", key(g), group(g)],
  (g) => {
    const idleTime = g.random.chance(30) ? ["IDLE", idle(g)] : [];
    return ["XPENDING", key(g), group(g), ...idleTime, bound(g), bound(g), count(g), ...g.options(consumer(g))];
  },
  (g) => ["XCLAIM", ...claims(g)],
  (g) => ["XAUTOCLAIM", key(g), group(g), consumer(g), idle(g), bound(g), ...g.options(["COUNT", count(g)], "JUSTID")],
  anyWords, anyWords,
  (g) => ["XINFO", "STREAM", key(g)],
  (g) => ["XINFO", "STREAM", key(g), "FULL", ...g.options(["COUNT", count(g)])],
  (g) => ["XINFO", g.random.pick(["GROUPS", "CONSUMERS", "groups", "NOSUCH"]), key(g), ...g.options(group(g))],
  (g) => ["COPY", key(g), key(g), ...g.options("REPLACE")],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => (g.random.chance(30) ? ["DEL", key(g)] : ["XLEN", key(g)]),
  (g) => {
    const entries = g.random.pick(["1", "2", "3", "10", "100", "0"]);
    const bytes = g.random.pick(["4096", "0", "200"]);
    return ["CONFIG", "SET", "stream-node-max-entries", entries, "stream-node-max-bytes", bytes];
  },
];

/** A reply without the numbers that depend on the moment: times of deliveries, and how long ago things were. */
function timeless(reply: string): string {
  return reply
    .replace(/:\d{13}\r\n/g, ":time\r\n")
    .replace(/(\*4\r\n\$\d+\r\n\d+-\d+\r\n\$\d+\r\n[^\r]*\r\n):\d+\r\n/g, "$1:idle\r\n")
    .replace(/(\r\n(?:idle|inactive)\r\n):\d+\r\n/g, "$1:idle\r\n");
}

/** Whether both replies to a command on streams say the same. */
export function agreeOnStream(command: string[], a: string, b: string): boolean {
  return /^(XPENDING|XINFO)$/i.test(command[0]) && timeless(a) === timeless(b);
}
