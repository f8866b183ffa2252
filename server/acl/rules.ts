// rules.ts - what a rule of ACL SETUSER does to a user, and what is wrong with it.
//
//     on off nopass resetpass >pw <pw #hash !hash reset ( ... ) clearselectors     the user
//     ~ %R~ %W~ %RW~ allkeys resetkeys · & allchannels resetchannels · db= alldbs resetdbs · + - +@ -@ |     a selector
//
// Every command of Valkey is known here, also those that this build does not run. Keywords end at a NUL, as C strings
// do; passwords and patterns don't. Pure; nothing here knows clients or the core.

import { CATEGORY_NAMES } from "../generated/commands.ts";
import { RIGHT_READ, RIGHT_WRITE } from "../generated/layout.ts";
import type { Command } from "../commands/command-table.ts";
import { parseLeadingInteger, splitArguments } from "../config/syntax.ts";
import { cString, lower, toBytes } from "../config/text.ts";
import { sha256 } from "./sha256.ts";
import { ALL_RIGHTS, Selector } from "./user.ts";
import type { User } from "./user.ts";

// What can be wrong with a rule.
export const UNKNOWN_NAME = "Unknown command or category name in ACL";
const SYNTAX = "Syntax error";
const AFTER_ALL_KEYS = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have " +
  "any effect. Try 'resetkeys' to start with an empty list of patterns";
const AFTER_ALL_CHANNELS = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does " +
  "not have any effect. Try 'resetchannels' to start with an empty list of channels";
const NO_SUCH_PASSWORD = "The password you are trying to remove from the user does not exist";
const BAD_HASH = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
const ARG_OF_SUBCOMMAND = "Allowing first-arg of a subcommand is not supported";
const BAD_DATABASE = "The provided database ID is out of range";

const MAX_DATABASE = 2147483647n;
const HASH = /^[0-9a-f]{64}$/;

/** The commands that rules can name, by their original names. */
export class RuleCommands {
  readonly all: readonly Command[];
  readonly #byName: Map<string, Command>;
  readonly #children = new Map<number, Command[]>();

  constructor(all: readonly Command[]) {
    this.all = all;
    this.#byName = new Map(all.map((command) => [command.name, command]));
    for (const command of all) {
      if (command.parent === undefined) continue;
      const id = command.parent.id;
      this.#children.set(id, [...(this.#children.get(id) ?? []), command]);
    }
  }

  /** "get" or "client|list", in any case. */
  find(name: string): Command | undefined {
    return this.#byName.get(lower(name));
  }

  /** All subcommands of a container. */
  childrenOf(command: Command): readonly Command[] {
    return this.#children.get(command.id) ?? [];
  }
}

/** What rules depend on beside the user. */
export interface RuleContext {
  readonly commands: RuleCommands;
  /** acl-pubsub-default: new and reset selectors may use all channels. */
  readonly allChannels: boolean;
}

/** Names and patterns have no blanks and no NUL: rules are written down without quotes. */
export function hasBlanks(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\0 \t-\r]/.test(text);
}

// --- Commands ---

/** Notes a rule about a command or category at the end, in place of what it overrides. */
function noteRule(selector: Selector, name: string, allowed: boolean): void {
  const rule = lower(name);
  selector.rules = selector.rules.filter((old) => {
    const oldName = old.slice(1);
    return oldName !== rule && !oldName.startsWith(`${rule}|`);
  });
  selector.rules.push((allowed ? "+" : "-") + rule);
}

/** Allows or forbids a command with its subcommands. */
function changeCommand(selector: Selector, command: Command, allowed: boolean, context: RuleContext): void {
  selector.setCommand(command.id, allowed);
  selector.firstArgs.delete(command.id);
  for (const child of context.commands.childrenOf(command)) selector.setCommand(child.id, allowed);
}

/** +@category and -@category. */
function categoryRule(selector: Selector, name: string, allowed: boolean, context: RuleContext): string | undefined {
  const bit = CATEGORY_NAMES.indexOf(lower(name));
  if (bit < 0) return UNKNOWN_NAME;
  noteRule(selector, `@${name}`, allowed);
  for (const command of context.commands.all) {
    if ((command.categories & (1 << bit)) !== 0) changeCommand(selector, command, allowed, context);
  }
  return undefined;
}

/** +command|word: a subcommand, or a command with this first argument only. */
function allowPart(selector: Selector, name: string, context: RuleContext): string | undefined {
  const bar = name.lastIndexOf("|");
  const [first, word] = [name.slice(0, bar), name.slice(bar + 1)];
  const command = context.commands.find(first);
  if (command === undefined) return UNKNOWN_NAME;
  if (command.parent !== undefined) return ARG_OF_SUBCOMMAND;
  if (word === "") return SYNTAX;
  if (context.commands.childrenOf(command).length > 0) {
    const child = context.commands.find(name);
    if (child === undefined) return UNKNOWN_NAME;
    changeCommand(selector, child, true, context);
  } else {
    const known = selector.firstArgs.get(command.id) ?? [];
    if (!known.some((other) => lower(other) === lower(word))) selector.firstArgs.set(command.id, [...known, word]);
  }
  noteRule(selector, name, true);
  return undefined;
}

function commandRule(selector: Selector, op: string, context: RuleContext): string | undefined {
  const allowed = op[0] === "+";
  const name = cString(op.slice(1));
  if (name[0] === "@") return categoryRule(selector, name.slice(1), allowed, context);
  if (allowed && name.includes("|")) return allowPart(selector, name, context);
  const command = context.commands.find(name);
  if (command === undefined) return UNKNOWN_NAME;
  changeCommand(selector, command, allowed, context);
  noteRule(selector, command.name, allowed);
  return undefined;
}

function setAllCommands(selector: Selector, allowed: boolean): void {
  selector.commands.fill(allowed ? 255 : 0);
  selector.allCommands = allowed;
  selector.beginsWithAll = allowed;
  selector.rules = [];
  selector.firstArgs.clear();
}

// --- Keys, channels, databases ---

/** ~pattern and %R~pattern, %W~pattern, %RW~pattern. */
function keyRule(selector: Selector, op: string): string | undefined {
  if (selector.allKeys) return AFTER_ALL_KEYS;
  let rights = 0;
  let at = 1;
  if (op[0] === "~") {
    rights = ALL_RIGHTS;
  } else {
    for (; at < op.length && op[at] !== "~"; at++) {
      const right = /[rR]/.test(op[at]) ? RIGHT_READ : /[wW]/.test(op[at]) ? RIGHT_WRITE : 0;
      if (right === 0 || (rights & right) !== 0) return SYNTAX;
      rights |= right;
    }
    if (rights === 0) return SYNTAX;
    at++;
  }
  const pattern = op.slice(at);
  if (hasBlanks(pattern)) return SYNTAX;
  const known = selector.keys.findIndex((key) => key.pattern === pattern);
  const merged = { pattern, rights: rights | (selector.keys[known]?.rights ?? 0) };
  selector.keys = known < 0 ? [...selector.keys, merged] : selector.keys.with(known, merged);
  return undefined;
}

/** &pattern */
function channelRule(selector: Selector, op: string): string | undefined {
  if (selector.allChannels) return AFTER_ALL_CHANNELS;
  const pattern = op.slice(1);
  if (hasBlanks(pattern)) return SYNTAX;
  if (!selector.channels.includes(pattern)) selector.channels = [...selector.channels, pattern];
  return undefined;
}

/** db=0,1: in place of what was allowed before. */
function databaseRule(selector: Selector, list: string): string | undefined {
  const databases = new Set<number>();
  for (const word of cString(list).split(",")) {
    const { value, rest, overflow } = parseLeadingInteger(word, 10);
    if (word === "" || rest !== "") return SYNTAX;
    if (overflow || value < 0n || value > MAX_DATABASE) return BAD_DATABASE;
    databases.add(Number(value));
  }
  selector.allDatabases = false;
  selector.databases = [...databases].sort((a, b) => a - b);
  return undefined;
}

function setAllDatabases(selector: Selector, allowed: boolean): void {
  selector.allDatabases = allowed;
  selector.databases = [];
}

/** Applies a rule to a selector. Returns what is wrong with it. */
function selectorRule(selector: Selector, op: string, context: RuleContext): string | undefined {
  const word = lower(cString(op));
  switch (word) {
    case "allkeys": case "~*": case "resetkeys":
      selector.allKeys = word !== "resetkeys";
      selector.keys = [];
      return undefined;
    case "allchannels": case "&*": case "resetchannels":
      selector.allChannels = word !== "resetchannels";
      selector.channels = [];
      return undefined;
    case "alldbs": case "resetdbs":
      setAllDatabases(selector, word === "alldbs");
      return undefined;
    case "allcommands": case "+@all": case "nocommands": case "-@all":
      setAllCommands(selector, word === "allcommands" || word === "+@all");
      return undefined;
    default:
  }
  if (word.startsWith("db=")) return databaseRule(selector, op.slice(3));
  if (op[0] === "~" || op[0] === "%") return keyRule(selector, op);
  if (op[0] === "&") return channelRule(selector, op);
  if (op[0] === "+" || op[0] === "-") return commandRule(selector, op, context);
  return SYNTAX;
}

// --- Users ---

function passwordRule(user: User, op: string): string | undefined {
  const isHash = op[0] === "#" || op[0] === "!";
  const text = op.slice(1);
  if (isHash && !HASH.test(text)) return BAD_HASH;
  const hash = isHash ? text : sha256(toBytes(text));
  const at = user.passwords.indexOf(hash);
  if (op[0] === ">" || op[0] === "#") {
    if (at < 0) user.passwords.push(hash);
    user.needsNoPassword = false;
    return undefined;
  }
  if (at < 0) return NO_SUCH_PASSWORD;
  user.passwords.splice(at, 1);
  return undefined;
}

/** (rules): one more selector. */
function parenthesisRule(user: User, op: string, context: RuleContext): string | undefined {
  const selector = new Selector(context.allChannels);
  for (const rule of splitArguments(op.slice(1, -1)) ?? []) {
    const problem = selectorRule(selector, rule, context);
    if (problem !== undefined) return problem;
  }
  user.selectors.push(selector);
  return undefined;
}

function resetUser(user: User, context: RuleContext): void {
  user.isOn = false;
  user.needsNoPassword = false;
  user.passwords = [];
  user.selectors = [new Selector(context.allChannels)];
}

/** Applies one rule to a user. Returns what is wrong with it; the user may then be changed in part. */
export function applyRule(user: User, op: string, context: RuleContext): string | undefined {
  if (op === "") return undefined;
  switch (lower(cString(op))) {
    case "on": case "off":
      user.isOn = lower(cString(op)) === "on";
      return undefined;
    case "sanitize-payload": case "skip-sanitize-payload":
      // Rules of older servers; they mean nothing any more.
      return undefined;
    case "nopass": case "resetpass":
      user.needsNoPassword = lower(cString(op)) === "nopass";
      user.passwords = [];
      return undefined;
    case "clearselectors":
      user.selectors.length = 1;
      return undefined;
    case "reset":
      resetUser(user, context);
      return undefined;
    default:
  }
  if (/^[><#!]/.test(op)) return passwordRule(user, op);
  if (op[0] === "(" && op.endsWith(")")) return parenthesisRule(user, op, context);
  return selectorRule(user.root, op, context);
}

/** Puts selectors together whose parentheses are spread over several words; or answers the word that is not closed. */
export function joinSelectors(words: readonly string[]): { rules: string[] } | { unclosed: string } {
  const rules: string[] = [];
  let open: string | undefined;
  let first = "";
  for (const word of words) {
    if (open !== undefined) open += ` ${cString(word)}`;
    else if (word.startsWith("(") && !word.endsWith(")")) first = open = word;
    else rules.push(word);
    if (open !== undefined && open !== word && word.endsWith(")")) {
      rules.push(open);
      open = undefined;
    }
  }
  return open === undefined ? { rules } : { unclosed: first };
}
