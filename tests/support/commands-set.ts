/**
 * commands-set: random commands on sets for the differential test, and when two servers' replies to one agree.
 *
 * Members come from a small world, so that sets meet each other's. What is taken out by chance makes two servers' sets
 * differ, so SPOP with less than all works on keys of its own, whose members are all new and all alike: their
 * number and their encoding have to be the same, their names can't be.
 */
import type { CommandGenerator } from "./commands.ts";

/** Limits at which sets of the generator's size change their encodings. */
export const SET_LIMITS = [
  "set-max-intset-entries", "9", "set-max-listpack-entries", "7", "set-max-listpack-value", "12",
];

const KEYS = ["set:1", "set:2", "set:3", "set:4", "{tag}set", "set:missing"];
const INTEGERS = [
  "0", "-1", "127", "128", "32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483649",
  "9223372036854775807", "-9223372036854775808",
];
const TEXTS = [
  "a", "b", "c", "abc", "x y", "", "-0", "01", "+1", "1.0", "9223372036854775808", "12bytes long", "13 bytes long",
  "\0", "a".repeat(64), "b".repeat(300), "c".repeat(5000),
];

let fresh = 0;

function key(g: CommandGenerator): string {
  return g.random.chance(94) ? g.random.pick(KEYS) : g.key();
}

function keys(g: CommandGenerator, most: number): string[] {
  return Array.from({ length: 1 + g.random.below(most) }, () => key(g));
}

function member(g: CommandGenerator): string {
  const { random } = g;
  if (random.chance(65)) return String(random.below(14));
  if (random.chance(50)) return random.pick(INTEGERS);
  return random.chance(85) ? random.pick(TEXTS) : g.value();
}

function members(g: CommandGenerator, most: number): string[] {
  return Array.from({ length: 1 + g.random.below(most) }, () => member(g));
}

function newMembers(g: CommandGenerator, kind: string): string[] {
  const count = 1 + g.random.below(6);
  return Array.from({ length: count }, () => kind + String(100_000 + (fresh++ % 100_000)));
}

function count(g: CommandGenerator): string {
  return g.random.chance(80) ? String(g.random.below(12)) : g.integer();
}

type Maker = (g: CommandGenerator) => string[];

export const SETS: Maker[] = [
  (g) => ["SADD", key(g), ...members(g, 4)],
  (g) => ["SADD", key(g), ...members(g, g.random.chance(10) ? 30 : 2)],
  (g) => ["SADD", key(g), String(g.random.below(40)), String(g.random.below(100_000))],
  (g) => ["SREM", key(g), ...members(g, 5)],
  (g) => ["SREM", key(g), member(g)],
  (g) => ["SMOVE", key(g), key(g), member(g)],
  (g) => ["SISMEMBER", key(g), member(g)],
  (g) => ["SMISMEMBER", key(g), ...members(g, 4)],
  (g) => ["SCARD", key(g)],
  (g) => ["SMEMBERS", key(g)],
  (g) => ["SINTER", ...keys(g, 3)],
  (g) => ["SUNION", ...keys(g, 3)],
  (g) => ["SDIFF", ...keys(g, 4)],
  (g) => ["SINTERSTORE", key(g), ...keys(g, 3)],
  (g) => ["SUNIONSTORE", key(g), ...keys(g, 3)],
  (g) => ["SDIFFSTORE", key(g), ...keys(g, 4)],
  (g) => {
    const some = keys(g, 3);
    const number = g.random.chance(90) ? String(some.length) : g.integer();
    return ["SINTERCARD", number, ...some, ...g.options(["LIMIT", count(g)])];
  },
  (g) => ["SSCAN", key(g), "0", "COUNT", "100000", ...g.options(["MATCH", g.random.pick(["*", "1*", "[ab]*", "?"])])],
  (g) => ["SSCAN", key(g), g.integer(), ...g.options(["COUNT", g.integer()], ["MATCH", "1*"], "NOVALUES", "NOSCORES")],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["COPY", key(g), key(g), "REPLACE"],
  (g) => [g.random.pick(["DEL", "UNLINK"]), key(g)],
  (g) => ["SRANDMEMBER", key(g)],
  (g) => ["SRANDMEMBER", key(g), String(g.random.below(40) - 20)],
  (g) => ["SRANDMEMBER", key(g), g.random.pick(["x", "-9223372036854775808", "9223372036854775807", "", "1.5"])],
  (g) => ["SPOP", key(g), g.random.pick(["1000", "0", "-1", "x", "9223372036854775807"])],
  // Sets that only their number of members and their encoding are compared of.
  (g) => ["SADD", "pop:texts", ...newMembers(g, "m")],
  (g) => ["SADD", "pop:integers", ...newMembers(g, "")],
  (g) => ["SPOP", g.random.pick(["pop:texts", "pop:integers"]), ...(g.random.chance(50) ? [count(g)] : [])],
  (g) => [g.random.pick(["SCARD", "SCARD", "TYPE"]), g.random.pick(["pop:texts", "pop:integers"])],
  (g) => ["OBJECT", "ENCODING", g.random.pick(["pop:texts", "pop:integers"])],
];

/** False for a damaged command after which two servers' sets differ, or whose reply would be endless. */
export function repeatsOnSets(command: string[]): boolean {
  const name = command[0].toUpperCase();
  const alike = command[1]?.startsWith("pop:");
  if (name === "SPOP") return alike || /^(1000|0|-1|x|9223372036854775807)$/.test(command[2] ?? "");
  if (name === "SRANDMEMBER") return !(Number(command[2]) < -1000) || command[2] === "-9223372036854775808";
  return !alike || name !== "SADD" || command.slice(2).every((arg) => /^m?1\d{5}$/.test(arg));
}

const UNORDERED = /^(SMEMBERS|SINTER|SUNION|SDIFF)$/;

/** The bulk strings of a reply, whatever arrays they stand in. */
function bulks(reply: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < reply.length) {
    const end = reply.indexOf("\r\n", at) + 2;
    const isBulk = reply[at] === "$";
    const length = Number(reply.slice(at + 1, end - 2));
    if (isBulk) found.push(reply.slice(end, end + length));
    at = isBulk ? end + length + 2 : end;
  }
  return found;
}

/** The header of a reply: what it is and how long. */
const head = (reply: string): string => reply.slice(0, reply.indexOf("\r\n"));

const sorted = (reply: string): string => JSON.stringify(bulks(reply).sort());

/** Whether different replies to a command on sets say the same; undefined for other commands. */
export function setRepliesAgree(command: string[], a: string, b: string): boolean | undefined {
  const name = command[0].toUpperCase();
  const aggregates = /^[*~]/.test(a) && head(a) === head(b);
  const all = !command[1]?.startsWith("pop:") && /^(1000|9223372036854775807)$/.test(command[2] ?? "");
  if (UNORDERED.test(name) || (name === "SPOP" && all)) return aggregates && sorted(a) === sorted(b);
  if (name === "SPOP" || name === "SRANDMEMBER") return aggregates || (/^\$\d/.test(a) && /^\$\d/.test(b));
  if (name !== "SSCAN") return undefined;
  if (!a.startsWith("*2\r\n$") || !b.startsWith("*2\r\n$")) return false;
  // A call that did not ask for all at once may end anywhere.
  return command[2] !== "0" || command[4] !== "100000" || sorted(a) === sorted(b);
}
