/**
 * commands-hash: random hash commands for the differential test and the socket fuzzer, and how far replies may differ.
 *
 * Thresholds go up and down now and then, so that hashes change their encoding. No field expires within a minute.
 */
import type { CommandGenerator } from "./commands.ts";

type Maker = (g: CommandGenerator) => string[];

const KEYS = ["h:1", "h:2", "h:3", "h:4"];
const FIELDS = [
  "a", "b", "c", "d", "e", "1", "2", "-7", "007", "127", "65536", "9223372036854775807", "", "\0x\xff", "x".repeat(63),
  "y".repeat(64), "z".repeat(65), "w".repeat(300),
];
const CONDITIONS = ["NX", "XX", "GT", "LT"];

function key(g: CommandGenerator): string {
  return g.random.chance(90) ? g.random.pick(KEYS) : g.key();
}

function field(g: CommandGenerator): string {
  return g.random.chance(80) ? g.random.pick(FIELDS) : `f${g.random.below(40)}`;
}

function fields(g: CommandGenerator, most = 4): string[] {
  return Array.from({ length: 1 + g.random.below(most) }, () => field(g));
}

function pairs(g: CommandGenerator, most = 4): string[] {
  return fields(g, most).flatMap((name) => [name, g.value()]);
}

/** FIELDS with its number, which is now and then wrong. */
function counted(g: CommandGenerator, words: string[], each = 1): string[] {
  const count = g.random.chance(94) ? String(words.length / each) : g.integer();
  return [g.random.chance(97) ? "FIELDS" : "fields", count, ...words];
}

/** Commands on hashes. */
export const HASHES: Maker[] = [
  (g) => ["HSET", key(g), ...pairs(g)],
  (g) => ["HSET", key(g), ...pairs(g, 12)],
  (g) => ["HMSET", key(g), ...pairs(g)],
  (g) => ["HSETNX", key(g), field(g), g.value()],
  (g) => ["HGET", key(g), field(g)],
  (g) => ["HMGET", key(g), ...fields(g)],
  (g) => [g.random.pick(["HGETALL", "HKEYS", "HVALS", "HLEN"]), key(g)],
  (g) => ["HDEL", key(g), ...fields(g)],
  (g) => ["HDEL", key(g), ...FIELDS],
  (g) => [g.random.pick(["HEXISTS", "HSTRLEN"]), key(g), field(g)],
  (g) => ["HINCRBY", key(g), field(g), g.integer()],
  (g) => ["HINCRBY", key(g), "n", g.integer()],
  (g) => ["HINCRBYFLOAT", key(g), field(g), g.float()],
  (g) => ["HINCRBYFLOAT", key(g), "n", g.float()],
  (g) => ["HRANDFIELD", key(g)],
  (g) => ["HRANDFIELD", key(g), g.random.chance(80) ? String(g.random.below(20) - 10) : g.random.pick(["x", "1.5"])],
  (g) => ["HRANDFIELD", key(g), String(g.random.below(20) - 10), g.random.pick(["WITHVALUES", "withvalues", "x"])],
  (g) => ["HSCAN", key(g), "0", "COUNT", "100000", ...g.options(["MATCH", g.pattern()], "NOVALUES")],
  (g) => ["HSCAN", key(g), g.integer(), ...g.options(["COUNT", g.integer()], ["MATCH", g.pattern()], "NOVALUES", "X")],
  (g) => ["HEXPIRE", key(g), g.seconds(), ...g.options(...CONDITIONS), ...counted(g, fields(g))],
  (g) => ["HPEXPIRE", key(g), g.milliseconds(), ...g.options(...CONDITIONS), ...counted(g, fields(g))],
  (g) => ["HEXPIREAT", key(g), g.unixSeconds(), ...g.options(...CONDITIONS), ...counted(g, fields(g))],
  (g) => ["HPEXPIREAT", key(g), g.unixMilliseconds(), ...g.options(...CONDITIONS), ...counted(g, fields(g))],
  (g) => [g.random.pick(["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"]), key(g), ...counted(g, fields(g))],
  (g) => ["HPERSIST", key(g), ...counted(g, fields(g))],
  (g) => ["HGETEX", key(g), ...g.options("PERSIST", g.expiry()), ...counted(g, fields(g))],
  (g) => {
    const options = g.options("NX", "XX", "FNX", "FXX", "KEEPTTL", g.expiry());
    return ["HSETEX", key(g), ...options, ...counted(g, pairs(g), 2)];
  },
  (g) => ["HGETDEL", key(g), ...counted(g, fields(g))],
  (g) => ["OBJECT", "ENCODING", key(g)],
  (g) => ["COPY", key(g), key(g), ...g.options("REPLACE")],
  (g) => ["RENAME", key(g), key(g)],
  (g) => ["PERSIST", key(g)],
  (g) => ["EXPIRE", key(g), g.seconds()],
  (g) => ["CONFIG", "SET", "hash-max-listpack-entries", g.random.pick(["3", "8", "16", "512"])],
  (g) => ["CONFIG", "SET", "hash-max-listpack-value", g.random.pick(["8", "64", "64", "300"])],
];

// --- How far replies may differ ---

/** The bulk strings of a reply, in groups of `size`, sorted: tables have no order. */
function sorted(reply: string, size: number): string {
  const items: string[] = [];
  let at = reply.indexOf("\r\n") + 2;
  while (at < reply.length) {
    const end = reply.indexOf("\r\n", at);
    if (reply[at] !== "$") return reply;
    const length = Number(reply.slice(at + 1, end));
    items.push(reply.slice(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  const groups: string[] = [];
  for (let i = 0; i < items.length; i += size) groups.push(items.slice(i, i + size).join("\n"));
  return `${reply.slice(0, reply.indexOf("\r\n"))} ${groups.sort().join("\n\n")}`;
}

/** What a reply begins with: its kind and, for aggregates, its size. */
const head = (reply: string): string => /^[*%~]/.test(reply) ? reply.slice(0, reply.indexOf("\r\n")) : reply[0];

const numbers = (reply: string): number[] => [...reply.matchAll(/:(-?\d+)/g)].map((match) => Number(match[1]));

/** Whether times in two replies are the same but for what passes between two servers' runs. */
function closeTimes(a: string, b: string, perSecond: number): boolean {
  const theirs = numbers(b);
  return head(a) === head(b) && numbers(a).every((time, i) => Math.abs(time - theirs[i]) <= 2 * perSecond);
}

/** Whether two replies to a hash command say the same although their bytes differ. */
export function agreeOnHash(command: string[], a: string, b: string): boolean {
  const finished = "*2\r\n$1\r\n0\r\n";
  switch (command[0].toUpperCase()) {
    case "HGETALL": return sorted(a, 2) === sorted(b, 2);
    case "HKEYS": case "HVALS": return sorted(a, 1) === sorted(b, 1);
    case "HRANDFIELD": return head(a) === head(b) && (a[0] !== "$" || (a[1] === "-") === (b[1] === "-"));
    case "HSCAN": {
      if (!a.startsWith("*2") || !b.startsWith("*2")) return false;
      if (command[2] !== "0" || command[4] !== "100000" || !/^count$/i.test(command[3])) return true;
      if (!a.startsWith(finished) || !b.startsWith(finished)) return false;
      const size = command.some((word) => /^novalues$/i.test(word)) ? 1 : 2;
      return sorted(a.slice(finished.length), size) === sorted(b.slice(finished.length), size);
    }
    case "HTTL": case "HEXPIRETIME": return closeTimes(a, b, 1);
    case "HPTTL": case "HPEXPIRETIME": return closeTimes(a, b, 1000);
    case "HEXPIRE": case "HPEXPIRE": return head(a) === head(b) && command.some((word) => /^[gl]t$/i.test(word));
    default: return false;
  }
}
