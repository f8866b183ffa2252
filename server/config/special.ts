// special: the directives whose value is more than one word: save, bind, client-output-buffer-limit, and so on.
//
// Same rules as directive.ts: pure functions over values that never change in place, Valkey's error texts.

import type { Directive, Flags, ParseContext, Rewriter } from "./directive.ts";
import { INT_MAX, Refusal } from "./directive.ts";
import { cString, lower, sameIgnoringCase } from "./text.ts";
import { formatMemory, parseDouble, parseLeadingInteger, parseMemory, quote } from "./syntax.ts";

/** Compares values by their text, which is enough for every special value. */
function sameText(format: (value: never) => string) {
  return (a: unknown, b: unknown) => format(a as never) === format(b as never);
}

// --- save ---

interface SavePoint {
  readonly seconds: bigint;
  readonly changes: number;
}

const SAVE_DEFAULT: readonly SavePoint[] = [
  { seconds: 3600n, changes: 1 }, { seconds: 300n, changes: 100 }, { seconds: 60n, changes: 10000 },
];
const formatSave = (points: readonly SavePoint[]) => points.map((p) => `${p.seconds} ${p.changes}`).join(" ");

/** While loading, the first `save` replaces the defaults, later ones add to it, and `save ""` starts afresh. */
function parseSave(given: readonly string[], previous: readonly SavePoint[], context: ParseContext) {
  const cleared = given.length === 1 && cString(given[0]) === "";
  const args = cleared ? [] : given;
  if (args.length % 2 !== 0) throw new Refusal("Invalid save parameters");
  const points: SavePoint[] = context.loading && context.seen && !cleared ? [...previous] : [];
  const numbers = args.map((text, i) => {
    const { value, rest } = parseLeadingInteger(text, 10);
    if (rest !== "" || value < (i % 2 === 0 ? 1n : 0n)) throw new Refusal("Invalid save parameters");
    return value;
  });
  for (let i = 0; i < numbers.length; i += 2) {
    // A larger count would wrap around to a negative one, which no later start accepts.
    const changes = numbers[i + 1] > INT_MAX ? INT_MAX : numbers[i + 1];
    points.push({ seconds: numbers[i], changes: Number(changes) });
  }
  return points;
}

export const save: Directive<readonly SavePoint[]> = {
  name: "save", kind: "special", multiple: true, initial: SAVE_DEFAULT,
  parse: parseSave,
  format: formatSave,
  rewrite: (points, to) => to.line("save", "save " + (points.length === 0 ? '""' : formatSave(points)), true),
  same: sameText(formatSave),
};

// --- client-output-buffer-limit ---

interface BufferLimit {
  readonly hard: bigint;
  readonly soft: bigint;
  readonly seconds: number;
}
export type BufferLimits = readonly [normal: BufferLimit, replica: BufferLimit, pubsub: BufferLimit];

const MIB = 1024n * 1024n;
const LIMIT_DEFAULT: BufferLimits = [
  { hard: 0n, soft: 0n, seconds: 0 },
  { hard: 256n * MIB, soft: 64n * MIB, seconds: 60 },
  { hard: 32n * MIB, soft: 8n * MIB, seconds: 60 },
];
/** Client classes as they are read; the second is shown as "slave" by CONFIG GET and as "replica" in the file. */
const LIMIT_CLASSES: Record<string, number> = { normal: 0, slave: 1, replica: 1, pubsub: 2 };
const LIMIT_SHOWN = ["normal", "slave", "pubsub"];
const LIMIT_WRITTEN = ["normal", "replica", "pubsub"];

function parseLimits(args: readonly string[], previous: BufferLimits): BufferLimits {
  if (args.length % 4 !== 0) throw new Refusal("Wrong number of arguments in buffer limit configuration.");
  const limits = [...previous] as [BufferLimit, BufferLimit, BufferLimit];
  for (let i = 0; i < args.length; i += 4) {
    const known = LIMIT_CLASSES[lower(cString(args[i]))];
    if (known === undefined) throw new Refusal("Invalid client class specified in buffer limit configuration.");
    const hard = parseMemory(args[i + 1]);
    const soft = parseMemory(args[i + 2]);
    const { value, rest } = parseLeadingInteger(args[i + 3], 10);
    const seconds = Number(BigInt.asIntN(32, value));
    if (hard === undefined || soft === undefined || seconds < 0 || rest !== "") {
      throw new Refusal("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    limits[known] = { hard, soft, seconds };
  }
  return limits;
}

const formatLimits = (limits: BufferLimits) =>
  limits.map((limit, i) => `${LIMIT_SHOWN[i]} ${limit.hard} ${limit.soft} ${limit.seconds}`).join(" ");

function rewriteLimits(limits: BufferLimits, to: Rewriter): void {
  const name = "client-output-buffer-limit";
  limits.forEach((limit, i) => {
    const start = LIMIT_DEFAULT[i];
    const changed = limit.hard !== start.hard || limit.soft !== start.soft || limit.seconds !== start.seconds;
    const sizes = `${formatMemory(limit.hard)} ${formatMemory(limit.soft)} ${limit.seconds}`;
    to.line(name, `${name} ${LIMIT_WRITTEN[i]} ${sizes}`, changed);
  });
}

export const clientOutputBufferLimit: Directive<BufferLimits> = {
  name: "client-output-buffer-limit", kind: "special", multiple: true, initial: LIMIT_DEFAULT,
  parse: parseLimits, format: formatLimits, rewrite: rewriteLimits, same: sameText(formatLimits),
};

// --- oom-score-adj-values ---

const OOM_DEFAULT: readonly number[] = [0, 200, 800];

function parseOomValues(args: readonly string[], _previous: readonly number[], context: ParseContext) {
  if (args.length !== 3) throw new Refusal("wrong number of arguments");
  const values = args.map((text) => {
    const { value, rest } = parseLeadingInteger(text, 10);
    if (rest !== "" || value < -2000n || value > 2000n) {
      throw new Refusal("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    return Number(value);
  });
  if (values[1] < values[0] || values[2] < values[1]) {
    context.warn("The oom-score-adj-values configuration may not work for non-privileged processes! " +
      "Please consult the documentation.");
  }
  return values;
}

export const oomScoreAdjValues: Directive<readonly number[]> = {
  name: "oom-score-adj-values", kind: "special", multiple: true, initial: OOM_DEFAULT,
  parse: parseOomValues,
  format: (values) => values.join(" "),
  rewrite: (values, to) => {
    const text = values.join(" ");
    to.line("oom-score-adj-values", `oom-score-adj-values ${text}`, text !== OOM_DEFAULT.join(" "));
  },
  same: sameText((values: readonly number[]) => values.join(" ")),
};

// --- notify-keyspace-events ---

/** Letter of a class of events and its bit; A stands for the first ten. In the order in which they are shown. */
const EVENT_CLASSES: readonly (readonly [string, number])[] = [
  ["g", 1 << 2], ["$", 1 << 3], ["l", 1 << 4], ["s", 1 << 5], ["h", 1 << 6], ["z", 1 << 7], ["x", 1 << 8],
  ["e", 1 << 9], ["t", 1 << 10], ["d", 1 << 13], ["n", 1 << 14],
];
const EVENT_TARGETS: readonly (readonly [string, number])[] = [["K", 1 << 0], ["E", 1 << 1], ["m", 1 << 11]];
const EVENTS_ALL = EVENT_CLASSES.slice(0, 10).reduce((bits, [, bit]) => bits | bit, 0);
const EVENT_BITS = new Map([...EVENT_CLASSES, ...EVENT_TARGETS, ["A", EVENTS_ALL] as const]);

/** The bits of the classes of keyspace events that a string of letters selects; undefined for an unknown letter. */
function keyspaceEventBits(letters: string): number | undefined {
  let bits = 0;
  for (const letter of cString(letters)) {
    const bit = EVENT_BITS.get(letter);
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}

/** The letters for a set of classes. "A" stands for all ten of them, and hides "n" as it does in Valkey. */
function keyspaceEventLetters(bits: number): string {
  const letters = (table: typeof EVENT_CLASSES) =>
    table.filter(([, bit]) => (bits & bit) !== 0).map(([letter]) => letter).join("");
  return ((bits & EVENTS_ALL) === EVENTS_ALL ? "A" : letters(EVENT_CLASSES)) + letters(EVENT_TARGETS);
}

export const notifyKeyspaceEvents: Directive<number> = {
  name: "notify-keyspace-events", kind: "special", initial: 0,
  parse(args) {
    if (args.length !== 1) throw new Refusal("wrong number of arguments");
    const bits = keyspaceEventBits(args[0]);
    if (bits === undefined) throw new Refusal("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    return bits;
  },
  format: keyspaceEventLetters,
  rewrite: (bits, to) =>
    to.line("notify-keyspace-events", `notify-keyspace-events ${quote(keyspaceEventLetters(bits))}`, bits !== 0),
  same: Object.is,
};

// --- bind, rdma-bind ---

const ADDRESSES_MAX = 16;
const joinWords = (words: readonly string[]) => words.join(" ");

/** A list of addresses; the file gets no line for the initial list. */
function addresses(name: string, initial: readonly string[]): Directive<readonly string[]> {
  return {
    name, kind: "special", multiple: true, initial,
    parse(args) {
      if (args.length > ADDRESSES_MAX) throw new Refusal("Too many bind addresses specified.");
      return args.length === 1 && args[0] === "" ? [] : args.map(cString);
    },
    format: joinWords,
    rewrite(list, to) {
      if (joinWords(list) === joinWords(initial)) to.remove(name);
      else to.line(name, `${name} ${list.length === 0 ? '""' : joinWords(list)}`, true);
    },
    same: () => false,
  };
}

export const bind = addresses("bind", ["*", "-::*"]);
export const rdmaBind = addresses("rdma-bind", []);

// --- replicaof ---

interface Primary {
  readonly host: string;
  readonly port: number;
}
const formatPrimary = (primary: Primary | null) => (primary === null ? "" : `${primary.host} ${primary.port}`);

export const replicaof: Directive<Primary | null> = {
  name: "replicaof", alias: "slaveof", kind: "special", multiple: true, immutable: true, initial: null,
  parse(args) {
    if (args.length !== 2) throw new Refusal("wrong number of arguments");
    if (sameIgnoringCase(args[0], "no") && sameIgnoringCase(args[1], "one")) return null;
    const { value, rest } = parseLeadingInteger(args[1], 10);
    const port = Number(BigInt.asIntN(32, value));
    if (port < 0 || port > 65535 || rest !== "") throw new Refusal("Invalid primary port");
    return { host: args[0], port };
  },
  format: formatPrimary,
  rewrite(primary, to) {
    if (primary === null) to.remove("replicaof");
    else to.line("replicaof", `replicaof ${formatPrimary(primary)}`, true);
  },
  same: sameText(formatPrimary),
};

// --- latency-tracking-info-percentiles ---

/** A percentile as C prints it with six decimals, without the zeros at the end. */
function formatPercentile(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, "");
}

const PERCENTILES = "latency-tracking-info-percentiles";
const formatPercentiles = (values: readonly number[]) => values.map(formatPercentile).join(" ");

export const latencyTrackingInfoPercentiles: Directive<readonly number[]> = {
  name: PERCENTILES, kind: "special", multiple: true, initial: [50, 99, 99.9],
  parse(args) {
    if (args.length === 1 && args[0] === "") return [];
    return args.map((text) => {
      const value = parseDouble(text);
      if (value === undefined) throw new Refusal(`Invalid ${PERCENTILES} parameters`);
      if (value > 100 || value < 0) throw new Refusal(`${PERCENTILES} parameters should sit between [0.0,100.0]`);
      return value;
    });
  },
  format: formatPercentiles,
  rewrite: (values, to) =>
    to.line(PERCENTILES, `${PERCENTILES} ${values.length === 0 ? '""' : formatPercentiles(values)}`, true),
  same: sameText(formatPercentiles),
};

// --- dir ---

const DIR_FLAGS: Flags = { protected: true, denyLoading: true };

/** The working directory: its value is the process's own, so reading it asks the host. */
export const dir: Directive<null> = {
  name: "dir", kind: "special", ...DIR_FLAGS, external: true, initial: null,
  parse(args, _previous, context) {
    if (args.length !== 1) throw new Refusal("wrong number of arguments");
    if (cString(args[0]) === "") throw new Refusal("dir can't be empty");
    context.changeDirectory(cString(args[0]));
    return null;
  },
  format: (_value, context) => context.currentDirectory(),
  rewrite: (_value, to, context) => to.line("dir", `dir ${quote(context.currentDirectory())}`, true),
  same: () => false,
};

