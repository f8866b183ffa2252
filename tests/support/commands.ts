/**
 * commands: random commands with awkward arguments, for the differential test and the socket fuzzer.
 *
 * Each entry of COMMANDS makes one command from a small set of keys, so that commands meet each other's values. Most
 * arguments are plausible; a part is at a limit, malformed, repeated, missing or in an odd case. Left out are:
 *   - replies that say something about the machine or the moment (INFO, CLIENT LIST, TIME, MEMORY, LATENCY, ...);
 *   - expiry within the next minute, so that the time between two servers' runs can't matter;
 *   - offsets that make strings of more than 200,000 bytes (they cost seconds, not coverage);
 *   - commands that end or stop the connection or the server.
 */
import { DUMPS } from "./commands-dump.ts";
import { HASHES } from "./commands-hash.ts";
import { GEO } from "./commands-geo.ts";
import { HYPERLOGLOG } from "./commands-hyperloglog.ts";
import { SCRIPTED } from "./commands-script.ts";
import { SORTS } from "./commands-sort.ts";
import { repeatsOnSets, SETS } from "./commands-set.ts";
import { STREAMS } from "./commands-stream.ts";
import { SORTED_SETS } from "./commands-zset.ts";
import { LISTS } from "./commands-list.ts";
import type { Random } from "./random.ts";

const KEYS = [
  "a", "b", "c", "d", "key:1", "key:2", "key:3", "{tag}x", "{tag}y", "", "sp ace", "z\0z", "\xff\xfe", "missing",
];
const INTEGERS = [
  "0", "1", "-1", "2", "7", "10", "100", "9223372036854775807", "-9223372036854775808", "9223372036854775806",
  "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296", "999999999999999999",
];
const NOT_INTEGERS = [
  "", " 1", "1 ", "+1", "-0", "01", "1.0", "1e3", "0x10", "nan", "abc", "9223372036854775808", "-9223372036854775809",
  "99999999999999999999", "18446744073709551615", "1\0",
];
const FLOATS = [
  "0", "1.5", "-1.5", "3.0e3", "1e-10", "0.1", "0.2", "5.0", "inf", "-inf", "+inf", "nan", "1e308", "1e400", "-0.0",
  "123456789.123456789", "1.7976931348623157e308", "4.9e-324", "0x1p3", " 1.5", "1.5 ", "1.5abc", "", ".5", "5.",
  "1e", "infinity", "99999999999999999", "0.00000000000000001", "3.141592653589793238462643",
];
const PATTERNS = [
  "*", "?", "a*", "*a", "[a-c]", "[^a]", "key:?", "k*:[12]", "\\*", "[", "[a", "a[]b", "**", "", "{tag}*",
];
const SECONDS = ["100", "1000", "100000", "0", "-1", "9223372036854775807", "9223372036854775", "abc", "1.5", ""];
const MILLISECONDS = ["100000", "1000000", "0", "-1", "9223372036854775807", "-9223372036854775808", "x", "10.0"];
const TYPES = ["i8", "u8", "i16", "u16", "i5", "u1", "i64", "u63", "u64", "i65", "u0", "i0", "x8", "8", "i", ""];

/** Makes commands from one source of randomness. */
export class CommandGenerator {
  readonly random: Random;
  /** The moment that absolute expiry times start from, in seconds. */
  readonly #now: number;

  constructor(random: Random, nowSeconds: number) {
    this.random = random;
    this.#now = nowSeconds;
  }

  /** The next command: its name and arguments as latin1 texts. */
  next(): string[] {
    for (;;) {
      const made = this.random.pick(COMMANDS)(this);
      const command = this.random.chance(4) ? this.#damaged(made) : made;
      if (this.random.chance(10)) command[0] = this.#oddCase(command[0]);
      if (isAffordable(command)) return command;
    }
  }

  // --- Arguments ---

  key(): string {
    return this.random.pick(KEYS);
  }

  keys(most: number): string[] {
    return Array.from({ length: 1 + this.random.below(most) }, () => this.key());
  }

  value(): string {
    const { random } = this;
    switch (random.below(8)) {
      case 0: return random.pick(INTEGERS);
      case 1: return random.pick(FLOATS);
      case 2: return random.pick(NOT_INTEGERS);
      case 3: return random.bytes(random.below(20));
      case 4: return "x".repeat(random.pick([19, 20, 21, 43, 44, 45, 46, 63, 64, 65]));
      case 5: return random.bytes(random.pick([100, 127, 128, 255, 256, 1000]));
      case 6: return String(random.below(20000) - 100);
      default: return random.pick(["foo", "bar", "foobar", "hello world", ""]);
    }
  }

  integer(): string {
    const { random } = this;
    if (random.chance(12)) return random.pick(NOT_INTEGERS);
    return random.chance(30) ? random.pick(INTEGERS) : String(random.below(40) - 20);
  }

  /** A place in a string, in bits or bytes. */
  offset(): string {
    const { random } = this;
    if (random.chance(8)) return random.pick([...NOT_INTEGERS, "-1", "4294967296", "536870912", "9223372036854775807"]);
    return String(random.chance(5) ? random.below(100000) : random.below(600));
  }

  float(): string {
    return this.random.chance(60) ? this.random.pick(FLOATS) : String(this.random.below(2000) / 8 - 100);
  }

  pattern(): string {
    return this.random.pick(PATTERNS);
  }

  database(): string {
    const { random } = this;
    return random.chance(80) ? String(random.below(3)) : random.pick(["15", "16", "-1", "abc", "1.0", ""]);
  }

  bitType(): string {
    return this.random.pick(TYPES);
  }

  /** EX, PX, EXAT or PXAT with a time that lies far ahead, in the past, or nowhere. */
  expiry(): string[] {
    const { random } = this;
    const unit = random.pick(["EX", "PX", "EXAT", "PXAT"]);
    if (unit === "EX") return [unit, random.pick(SECONDS)];
    if (unit === "PX") return [unit, random.pick(MILLISECONDS)];
    return [unit, unit === "EXAT" ? this.unixSeconds() : this.unixMilliseconds()];
  }

  seconds(): string {
    return this.random.pick(SECONDS);
  }

  milliseconds(): string {
    return this.random.pick(MILLISECONDS);
  }

  unixSeconds(): string {
    return this.random.chance(60) ? String(this.#now + 1000 + this.random.below(5000)) : this.random.pick(SECONDS);
  }

  unixMilliseconds(): string {
    if (this.random.chance(60)) return String((this.#now + 1000) * 1000 + this.random.below(5000000));
    return this.random.pick(MILLISECONDS);
  }

  /** Some of the options in random order, each of them one or more words, now and then in lower case or twice. */
  options(...choices: (string | string[])[]): string[] {
    const { random } = this;
    const chosen = random.shuffled(choices).slice(0, random.pick([0, 0, 1, 1, 1, 2, 2, 3]));
    if (chosen.length > 0 && random.chance(4)) chosen.push(chosen[0]);
    return chosen.flat().map((word) => (random.chance(15) ? this.#oddCase(word) : word));
  }

  // --- Damage ---

  #oddCase(word: string): string {
    return [...word].map((letter) => (this.random.chance(50) ? letter.toLowerCase() : letter.toUpperCase())).join("");
  }

  /** The command with one argument dropped, added, repeated or replaced. */
  #damaged(command: string[]): string[] {
    const { random } = this;
    const args = [...command];
    const at = 1 + random.below(Math.max(args.length - 1, 1));
    switch (random.below(5)) {
      case 0: args.splice(at, 1); break;
      case 1: args.splice(at, 0, this.value()); break;
      case 2: args.push(args.at(-1)!); break;
      case 3: args[Math.min(at, args.length - 1)] = this.value(); break;
      default: args[0] = random.pick(["NOSUCH", "GETX", "S\0ET", "", "unknown command", random.bytes(5), "CLIENT|ID"]);
    }
    return args;
  }
}

/** Whether a command may give a key less than a minute to live. */
function expiresSoon(command: string[]): boolean {
  const name = command[0].toUpperCase();
  const soon = (text: string | undefined, perSecond: number): boolean => {
    const time = Number(text);
    return time > 0 && time < 60 * perSecond;
  };
  if (/^(SETEX|H?EXPIRE)$/.test(name)) return soon(command[2], 1);
  if (/^(PSETEX|H?PEXPIRE)$/.test(name)) return soon(command[2], 1000);
  return command.some((word, i) =>
    (/^EX$/i.test(word) && soon(command[i + 1], 1)) || (/^PX$/i.test(word) && soon(command[i + 1], 1000))
  );
}

/** False for the few commands that would make huge strings or belong to what the list above leaves out. */
/** Longer than this no command waits for a key, in seconds. */
const LONGEST_WAIT = 0.02;

/** A blocking command that waits for ever, or longer than a test has time for. */
function waitsLong(command: string[]): boolean {
  const name = command[0].toUpperCase();
  const isLong = (text: string | undefined, unit: number) =>
    text !== undefined && (Number(text) === 0 || Number(text) * unit > LONGEST_WAIT);
  if (/^B[LZ]MPOP$/.test(name)) return isLong(command[1], 1);
  if (/^B(L|R|Z)/.test(name)) return isLong(command.at(-1), 1);
  if (!name.startsWith("XREAD")) return false;
  return command.some((word, i) => /^block$/i.test(word) && isLong(command[i + 1], 0.001));
}

function isAffordable(command: string[]): boolean {
  const name = command[0].toUpperCase();
  if (/^(QUIT|SHUTDOWN|MONITOR|SUBSCRIBE|DEBUG)$/.test(name) || expiresSoon(command)) return false;
  if (!repeatsOnSets(command) || waitsLong(command)) return false;
  // The real server replies twice to a word that is neither.
  if (name === "PFDEBUG" && /^simd$/i.test(command[1] ?? "") && !/^(on|off)$/i.test(command[2] ?? "")) return false;
  if (/^[HSZ]RAND(FIELD|MEMBER)$/.test(name)) return !(Number(command[2]) < -10000);
  // The real server takes 32 bits of this index: 4294967296 is the first element there.
  if (name === "LSET" && Math.abs(Number(command[2])) > 2147483647) return false;
  if (/^(SETRANGE|SETBIT|BITFIELD)$/.test(name)) {
    return !command.slice(2).some((arg) => {
      const place = Number(arg.replace("#", ""));
      return Number.isInteger(place) && place > 200000 && place < 4294967296;
    });
  }
  return true;
}

type Maker = (g: CommandGenerator) => string[];

const STRINGS: Maker[] = [
  (g) => ["SET", g.key(), g.value()],
  (g) => ["SET", g.key(), g.value(), ...g.options("NX", "XX", "GET", "KEEPTTL", g.expiry(), ["IFEQ", g.value()])],
  (g) => ["GET", g.key()],
  (g) => ["GETDEL", g.key()],
  (g) => ["GETSET", g.key(), g.value()],
  (g) => ["GETEX", g.key(), ...g.options("PERSIST", g.expiry())],
  (g) => ["SETEX", g.key(), g.seconds(), g.value()],
  (g) => ["PSETEX", g.key(), g.milliseconds(), g.value()],
  (g) => ["SETNX", g.key(), g.value()],
  (g) => ["DELIFEQ", g.key(), g.value()],
  (g) => ["APPEND", g.key(), g.value()],
  (g) => ["STRLEN", g.key()],
  (g) => ["GETRANGE", g.key(), g.integer(), g.integer()],
  (g) => ["SUBSTR", g.key(), g.integer(), g.integer()],
  (g) => ["SETRANGE", g.key(), g.offset(), g.value()],
  (g) => ["INCR", g.key()],
  (g) => ["DECR", g.key()],
  (g) => ["INCRBY", g.key(), g.integer()],
  (g) => ["DECRBY", g.key(), g.integer()],
  (g) => ["INCRBYFLOAT", g.key(), g.float()],
  (g) => ["INCRBYFLOAT", "float", g.float()],
  (g) => ["SET", "float", g.float()],
  (g) => ["MGET", ...g.keys(5)],
  (g) => ["MSET", ...g.keys(4).flatMap((key) => [key, g.value()])],
  (g) => ["MSETNX", ...g.keys(2).flatMap((key) => [key, g.value()])],
  (g) => {
    const pairs = g.keys(3).flatMap((key) => [key, g.value()]);
    const count = g.random.chance(90) ? String(pairs.length / 2) : g.integer();
    return ["MSETEX", count, ...pairs, ...g.options("NX", "XX", "KEEPTTL", g.expiry())];
  },
  (g) => ["LCS", g.key(), g.key(), ...g.options("LEN", "IDX", ["MINMATCHLEN", g.integer()], "WITHMATCHLEN")],
];

const BITMAPS: Maker[] = [
  (g) => ["SETBIT", g.key(), g.offset(), g.random.pick(["0", "1", "1", "0", "2", "-1", "x"])],
  (g) => ["GETBIT", g.key(), g.offset()],
  (g) => ["BITCOUNT", g.key()],
  (g) => ["BITCOUNT", g.key(), g.integer(), g.integer(), ...g.options("BIT", "BYTE")],
  (g) => ["BITPOS", g.key(), g.random.pick(["0", "1", "2", ""])],
  (g) => ["BITPOS", g.key(), g.random.pick(["0", "1"]), g.integer(), ...(g.random.chance(60) ? [g.integer()] : [])],
  (g) => ["BITPOS", g.key(), g.random.pick(["0", "1"]), g.integer(), g.integer(), g.random.pick(["BIT", "BYTE", "b"])],
  (g) => ["BITOP", g.random.pick(["AND", "OR", "XOR", "NOT", "not", "NAND"]), g.key(), ...g.keys(3)],
  (g) => ["BITOP", "NOT", g.key(), g.key()],
  (g) => ["BITFIELD", g.key(), ...bitFieldParts(g)],
  (g) => ["BITFIELD_RO", g.key(), ...(g.random.chance(70) ? ["GET", g.bitType(), g.offset()] : bitFieldParts(g))],
];

function bitFieldParts(g: CommandGenerator): string[] {
  const parts: string[] = [];
  for (let left = 1 + g.random.below(3); left > 0; left--) {
    const place = (g.random.chance(30) ? "#" : "") + g.offset();
    parts.push(...g.random.pick([
      ["GET", g.bitType(), place],
      ["SET", g.bitType(), place, g.integer()],
      ["INCRBY", g.bitType(), place, g.integer()],
      ["OVERFLOW", g.random.pick(["WRAP", "SAT", "FAIL", "sat", "NONE"])],
    ]));
  }
  return parts;
}

const GENERIC: Maker[] = [
  (g) => ["DEL", ...g.keys(3)],
  (g) => ["UNLINK", ...g.keys(3)],
  (g) => ["EXISTS", ...g.keys(4)],
  (g) => ["TOUCH", ...g.keys(4)],
  (g) => ["TYPE", g.key()],
  (g) => ["RENAME", g.key(), g.key()],
  (g) => ["RENAMENX", g.key(), g.key()],
  (g) => ["COPY", g.key(), g.key(), ...g.options("REPLACE", ["DB", g.database()])],
  (g) => ["MOVE", g.key(), g.database()],
  (g) => ["KEYS", g.pattern()],
  (g) => {
    const type = g.random.pick(["string", "list", "SET", "zset", "hash", "stream", "x"]);
    const filters = g.options(["MATCH", g.pattern()], ["TYPE", type]);
    return ["SCAN", "0", "COUNT", "100000", ...filters];
  },
  (g) => ["SCAN", g.integer(), ...g.options(["COUNT", g.integer()], ["MATCH", g.pattern()], "NOPE")],
  () => ["RANDOMKEY"],
  () => ["DBSIZE"],
  (g) => ["EXPIRE", g.key(), g.seconds(), ...g.options("NX", "XX", "GT", "LT")],
  (g) => ["PEXPIRE", g.key(), g.milliseconds(), ...g.options("NX", "XX", "GT", "LT")],
  (g) => ["EXPIREAT", g.key(), g.unixSeconds(), ...g.options("NX", "XX", "GT", "LT")],
  (g) => ["PEXPIREAT", g.key(), g.unixMilliseconds(), ...g.options("NX", "XX", "GT", "LT")],
  (g) => [g.random.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), g.key()],
  (g) => ["PERSIST", g.key()],
  (g) => ["OBJECT", g.random.pick(["ENCODING", "ENCODING", "REFCOUNT", "IDLETIME", "FREQ", "NOSUCH"]), g.key()],
];

const CONNECTION: Maker[] = [
  () => ["PING"],
  (g) => ["PING", g.value()],
  (g) => ["ECHO", g.value()],
  (g) => ["SELECT", g.database()],
  (g) => ["SWAPDB", g.database(), g.database()],
  (g) => {
    const name = g.random.pick(["me", "a b"]);
    return ["HELLO", ...g.random.pick([[], ["2"], ["3"], ["4"], ["1"], ["x"], ["3", "SETNAME", name]])];
  },
  (g) => ["AUTH", ...g.random.pick([["x"], ["default", "x"], ["nobody", "x"], []])],
  (g) => ["CLIENT", "SETNAME", g.random.pick(["name", "", "a b", "n\n", "\xe9"])],
  () => ["CLIENT", "GETNAME"],
  (g) => ["CLIENT", "SETINFO", g.random.pick(["LIB-NAME", "lib-ver", "nope"]), g.random.pick(["lib", "1 0", ""])],
  (g) => ["CLIENT", g.random.pick(["NO-EVICT", "NO-TOUCH"]), g.random.pick(["ON", "off", "maybe"])],
  (g) => ["CLIENT", g.random.pick(["KILL", "REPLY", "PAUSE", "NOSUCH"]), g.random.pick(["x", "ID", "-1", "1.5"])],
  () => ["RESET"],
];

const SERVER: Maker[] = [
  (g) => (g.random.chance(90) ? ["DBSIZE"] : ["FLUSHDB", ...g.options("SYNC", "ASYNC", "NOW")]),
  (g) => (g.random.chance(95) ? ["DBSIZE"] : ["FLUSHALL", ...g.options("SYNC", "ASYNC", "NOW")]),
  (g) => ["COMMAND", "GETKEYS", ...g.random.pick(STRINGS)(g)],
  (g) => ["COMMAND", "GETKEYSANDFLAGS", ...g.random.pick([...STRINGS, ...GENERIC])(g)],
  (g) => ["COMMAND", "INFO", g.random.pick(["get", "SET", "bitop", "nosuch", "client|id", "config|get", "scan"])],
  (g) => ["COMMAND", g.random.pick(["NOSUCH", "GETKEYS", "LIST", "LIST"]), g.random.pick(["FILTERBY", "x"])],
  (g) => ["CONFIG", g.random.pick(["GET", "SET", "NOSUCH"])],
  (g) => ["SLOWLOG", g.random.pick(["NOSUCH", "GET"]), g.random.pick(["x", "-5"])],
];

const COMMANDS: Maker[] = [
  ...STRINGS, ...STRINGS, ...STRINGS, ...STRINGS, ...BITMAPS, ...BITMAPS, ...BITMAPS,
  ...GENERIC, ...GENERIC, ...GENERIC, ...CONNECTION, ...SERVER,
  ...HYPERLOGLOG, ...SORTS, ...DUMPS, ...SCRIPTED,
  ...SETS, ...SETS,
  ...SORTED_SETS, ...GEO,
  ...STREAMS,
  ...LISTS,
  ...HASHES, ...HASHES,
];
