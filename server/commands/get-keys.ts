// get-keys: where the keys of a command line are, and how the command accesses each.
//
// Most commands say it with key specs: how to find the first key, how to find the rest. A few can't be told that way
// (options move the keys, or decide about the access) and have a function of their own below.
// Not for the hot path: the core knows first, last and step of each command itself.

import { CMD_NO_MANDATORY_KEYS } from "../generated/commands.ts";
import type { KeySpec } from "../generated/commands.ts";
import type { Command } from "./command-table.ts";

/** A key's position in the argument vector and the flags of its access ("RO", "access", ...). */
interface KeyReference {
  position: number;
  flags: readonly string[];
}

type Arguments = readonly Uint8Array[];
type Finder = (args: Arguments) => KeyReference[];

/** Longer arguments are no keyword and no number. */
const WORD_LENGTH = 40;
const READ = ["RO", "access"];
const OVERWRITE = ["OW", "update"];
const READ_AND_CHANGE = ["RW", "access", "update"];
const MOVE_AWAY = ["RW", "access", "delete"];
const INTEGER = /^(0|-?[1-9]\d*)$/;
const MAX_INT = 2147483647;

/** An argument in lower case; "" when it is too long for a keyword. */
function word(arg: Uint8Array | undefined): string {
  return arg === undefined || arg.length > WORD_LENGTH ? "" : String.fromCharCode(...arg).toLowerCase();
}

/** n keys from a position on, all with the same flags. */
function run(first: number, n: number, flags: readonly string[]): KeyReference[] {
  return Array.from({ length: n }, (_, i) => ({ position: first + i, flags }));
}

// --- Key specs ---

/** Position of a spec's first key; undefined when its keyword is absent, -1 when the spec can't tell. */
function beginOf(begin: KeySpec["begin"], args: Arguments): number | undefined {
  if (begin.index !== undefined) return begin.index;
  if (begin.keyword === undefined) return -1;
  const keyword = begin.keyword.toLowerCase();
  const from = begin.from!;
  const forward = from > 0;
  const end = forward ? args.length - 1 : 1;
  for (let i = forward ? from : args.length + from; i !== end; i += forward ? 1 : -1) {
    if (i >= args.length || i < 1) break;
    if (word(args[i]) === keyword) return i + 1;
  }
  return undefined;
}

/** First key, last key and step of a spec; undefined when the arguments don't fit it. */
function rangeOf(spec: KeySpec, first: number, args: Arguments): [number, number, number] | undefined {
  const { range, keynum } = spec.find;
  if (range) {
    let last = first + range.last;
    if (range.last < 0 && range.limit === 0) last = args.length + range.last;
    else if (range.last < 0) last = first + Math.trunc((args.length - first) / range.limit) + range.last;
    return [first, last, range.step];
  }
  if (!keynum || keynum.index >= args.length) return undefined;
  const count = word(args[first + keynum.index]);
  if (!INTEGER.test(count) || Number(count) < 0) return undefined;
  const start = first + keynum.first;
  const last = start + (Number(count) - 1) * keynum.step;
  return last > MAX_INT ? undefined : [start, last, keynum.step];
}

/** Keys by the command's key specs; undefined when one of them can't tell or the arguments don't fit. */
function keysBySpecs(command: Command, args: Arguments): KeyReference[] | undefined {
  const keys: KeyReference[] = [];
  for (const spec of command.keySpecs) {
    if (spec.flags.includes("not_key")) continue;
    const begin = beginOf(spec.begin, args);
    if (begin === undefined) continue;
    const found = begin < 0 ? undefined : rangeOf(spec, begin, args);
    if (!found) return undefined;
    const [first, last, step] = found;
    if (last >= args.length || last < first || first >= args.length) return undefined;
    for (let position = first; position <= last; position += step) keys.push({ position, flags: spec.flags });
    if (spec.flags.includes("incomplete")) return undefined;
  }
  return keys;
}

// --- Special cases ---

/** A count at one position, that many keys from another, and perhaps a destination at position 1, told last. */
function counted(count: number, first: number, destination = false): Finder {
  return (args) => {
    const n = Number.parseInt(word(args[count]), 10);
    if (!(n >= 1) || n > args.length - first) return [];
    return [...run(first, n, []), ...(destination ? run(1, 1, []) : [])];
  };
}

/** SORT key [BY p] [LIMIT o c] [GET p ...] [STORE key]: the last STORE counts. */
function sortKeys(args: Arguments): KeyReference[] {
  const skip: Record<string, number> = { limit: 2, get: 1, by: 1 };
  let store = 0;
  for (let i = 2; i < args.length; i++) {
    const option = word(args[i]);
    if (option in skip) i += skip[option];
    else if (option === "store" && i + 1 < args.length) store = i + 1;
  }
  return [...run(1, 1, READ), ...(store ? run(store, 1, OVERWRITE) : [])];
}

/** MIGRATE host port key ... or MIGRATE host port "" ... KEYS key ... */
function migrateKeys(args: Arguments): KeyReference[] {
  const skip: Record<string, number> = { copy: 0, replace: 0, auth: 1, auth2: 2 };
  for (let i = 6; i < args.length; i++) {
    const option = word(args[i]);
    if (option === "keys") return args[3].length > 0 ? [] : run(i + 1, args.length - i - 1, MOVE_AWAY);
    if (option in skip) i += skip[option];
  }
  return run(3, 1, MOVE_AWAY);
}

/** GEORADIUS and GEORADIUSBYMEMBER: the last STORE or STOREDIST counts. */
function georadiusKeys(args: Arguments): KeyReference[] {
  let store = 0;
  for (let i = 5; i + 1 < args.length; i++) {
    const option = word(args[i]);
    if (option === "store" || option === "storedist") store = ++i;
  }
  return [...run(1, 1, READ), ...(store ? run(store, 1, OVERWRITE) : [])];
}

/** XREAD and XREADGROUP: the first half of what follows STREAMS, which may also be a group's or a key's name. */
function xreadKeys(args: Arguments): KeyReference[] {
  const skip: Record<string, number> = { block: 1, count: 1, group: 2, noack: 0 };
  if (word(args[0]) === "xreadgroup") skip.claim = 1;
  let i = 1;
  while (i < args.length && word(args[i]) in skip) i += skip[word(args[i])] + 1;
  const rest = args.length - i - 1;
  if (word(args[i]) !== "streams" || rest === 0 || rest % 2 !== 0) return [];
  return run(i + 1, rest / 2, []);
}

/** SET: with GET the old value is read as well. */
function setKeys(args: Arguments): KeyReference[] {
  const reads = args.slice(3).some((arg) => word(arg) === "get");
  return run(1, 1, reads ? READ_AND_CHANGE : OVERWRITE);
}

/** BITFIELD: only reads when all its operations are GET. */
function bitfieldKeys(args: Arguments): KeyReference[] {
  let i = 2;
  while (i < args.length) {
    const left = args.length - i - 1;
    if (word(args[i]) === "get" && left >= 2) i += 3;
    else if (word(args[i]) === "overflow" && left >= 1) i += 2;
    else return run(1, 1, READ_AND_CHANGE);
  }
  return run(1, 1, READ);
}

/** By the name that a spec has under "getKeys". */
const FINDERS: Readonly<Record<string, Finder>> = {
  sintercard: counted(1, 2), zunion: counted(1, 2), lmpop: counted(1, 2), zmpop: counted(1, 2),
  eval: counted(2, 3), function: counted(2, 3), blmpop: counted(2, 3), bzmpop: counted(2, 3),
  zunionstore: counted(2, 3, true),
  sort: sortKeys, sort_ro: () => run(1, 1, READ), migrate: migrateKeys, georadius: georadiusKeys, xread: xreadKeys,
  set: setKeys, bitfield: bitfieldKeys,
};

// --- API ---

/** True when the command may have keys at all. */
export function mayHaveKeys(command: Command): boolean {
  return command.getKeys !== "" || command.keySpecs.some((spec) => !spec.flags.includes("not_key"));
}

/** True when a command line without any key is no mistake (EVAL with 0 keys). */
export function keysAreOptional(command: Command): boolean {
  return (command.flags & CMD_NO_MANDATORY_KEYS) !== 0;
}

/** The keys of a command line, args[0] being the command's name; empty when there is none or a mistake hides them. */
export function findKeys(command: Command, args: Arguments): KeyReference[] {
  const specs = command.keySpecs;
  const told = specs.some((spec) => !spec.flags.includes("not_key"));
  const variable = specs.some((spec) => spec.flags.includes("variable_flags"));
  const keys = told && !variable ? keysBySpecs(command, args) : undefined;
  return keys ?? FINDERS[command.getKeys]?.(args) ?? [];
}
