// config: the configuration of one server: its values, CONFIG GET, SET and REWRITE.
//
//     files, command line ──load.ts──► assign() ─┐
//     CONFIG SET ──► set(): check all, set all, run the hooks; on any error everything is as before
//                                                ├──► values ──► value() number() boolean() text() ... getMatching()
//     hooks (onChange) tell subsystems; the core's settings are in core-settings.ts
//
// One instance a server; nothing is shared but the constant table of directives. Strings are byte strings (text.ts):
// text() gives ordinary text, bytes() the bytes. Loading of files is in load.ts, the file's new text in rewrite.ts.

import type { AnyDirective, ParseContext } from "./directive.ts";
import { lookupKey, Refusal } from "./directive.ts";
import { DIRECTIVES, ENTRIES } from "./directives.ts";
import type { Entry } from "./directives.ts";
import type { ConfigHost } from "./host.ts";
import { errorCode, errorText } from "./host.ts";
import { FileRewriter } from "./rewrite.ts";
import { isPattern, matchPattern } from "./syntax.ts";
import { compareBytes, cString, fromBytes, fromText, toBytes, toText } from "./text.ts";

/**
 * Told after CONFIG SET changed a directive (also when changes are taken back). A returned text refuses the change;
 * a hook that has to wait (a port to bind) returns a promise of it. `value` is the CONFIG GET form as a byte string.
 */
type ChangeHook = (value: string, name: string) => Outcome;

/** A text that refuses, or undefined; at once or later. */
export type Outcome = string | undefined | Promise<string | undefined>;

/** Who sets a value, for directives that not everyone may set at any time. */
interface Setter {
  /** The client is connected over the loopback interface or a unix socket. */
  local: boolean;
  /** The server is loading its data set. */
  loading: boolean;
}

export type LogLevel = "debug" | "verbose" | "notice" | "warning";

/** What files and command line said beside directives; each subsystem takes what is its own. */
interface FileWords {
  renames: [from: string, to: string][];
  users: string[][];
  modules: string[][];
  moduleSettings: Map<string, string>;
}

const NO_RDMA = () => "No RDMA building support.";
const LOADING = "LOADING Valkey is loading the dataset in memory";

export class Config {
  /** The configuration file's absolute path; undefined when the server was started without one. */
  file: string | undefined = undefined;
  readonly words: FileWords = { renames: [], users: [], modules: [], moduleSettings: new Map() };
  /** The "user ..." lines for CONFIG REWRITE; undefined leaves the file's own lines alone. */
  userLines: (() => string[]) | undefined = undefined;
  /** Where messages for the operator go. */
  log: (level: LogLevel, message: string) => void = () => {};

  readonly host: ConfigHost;
  #values = new Map<string, unknown>(DIRECTIVES.map((directive) => [directive.name, directive.initial]));
  #seen = new Set<string>();
  #hooks = new Map<string, ChangeHook[]>();

  constructor(host: ConfigHost) {
    this.host = host;
    this.#refuseUnavailable();
  }

  /** Hooks of subsystems that don't exist: their directives are stored and reported, but can't be put to use. */
  #refuseUnavailable(): void {
    this.onChange(["rdma-bind", "rdma-port"], NO_RDMA);
  }

  // --- Reading ---

  /** The value as the directive keeps it (see directive.ts and special.ts for the types). */
  value<T>(name: string): T {
    return this.#values.get(this.#directive(name).name) as T;
  }

  /** A number, rounded to a double above 2^53; unsigned directives above 2^63 come out as they are meant. */
  number(name: string): number {
    return Number(this.big(name));
  }

  /** A number as CONFIG GET shows it, exactly. A percentage (maxmemory-clients 5%) is -5. */
  big(name: string): bigint {
    const value = this.value<bigint | number>(name);
    if (typeof value === "number" || value >= 0n) return BigInt(value);
    const shown = this.get(name);
    return /^[0-9]+$/.test(shown) ? BigInt(shown) : value;
  }

  boolean(name: string): boolean {
    return this.value<boolean>(name);
  }

  /** The CONFIG GET form as ordinary text: enum names, paths, addresses. */
  text(name: string): string {
    return toText(this.get(name));
  }

  /** The CONFIG GET form as bytes: passwords. */
  bytes(name: string): Uint8Array {
    return toBytes(this.get(name));
  }

  /** The CONFIG GET form as a byte string. */
  get(name: string): string {
    const directive = this.#directive(name);
    return directive.format(this.#values.get(directive.name), this.#context(false, directive.name));
  }

  /**
   * CONFIG GET: names (in any case, shown as they were asked) and glob patterns; sorted by name. A pattern doesn't
   * find hidden directives. Costs a pass over all names for each pattern.
   */
  getMatching(patterns: readonly string[]): [name: string, value: string][] {
    const found = new Map<string, string>();
    for (const pattern of patterns.map(cString)) {
      if (!isPattern(pattern)) {
        const key = lookupKey(pattern);
        if (ENTRIES.has(key) && !found.has(key)) found.set(key, pattern);
        continue;
      }
      for (const entry of ENTRIES.values()) {
        if (entry.directive.hidden || found.has(entry.name)) continue;
        if (matchPattern(pattern, entry.name)) found.set(entry.name, entry.name);
      }
    }
    const rows = [...found].map(([key, shown]): [string, string] => [shown, this.get(key)]);
    return rows.sort(([a], [b]) => compareBytes(a, b));
  }

  /** Whether the values of a directive are secret; false for names that don't exist. */
  isSensitive(name: string): boolean {
    return ENTRIES.get(lookupKey(name))?.directive.sensitive === true;
  }

  // --- Changing ---

  /** Calls the hook after CONFIG SET changed one of the directives; a hook of several runs once for one CONFIG SET. */
  onChange(names: string | readonly string[], hook: ChangeHook): void {
    for (const name of typeof names === "string" ? [names] : names) {
      const key = this.#directive(name).name;
      this.#hooks.set(key, [...(this.#hooks.get(key) ?? []), hook]);
    }
  }

  /** Sets a directive while a file or the command line is read. Throws Refusal. Runs no hooks. */
  assign(directive: AnyDirective, args: readonly string[]): void {
    const context = this.#context(true, directive.name);
    const previous = this.#values.get(directive.name);
    this.#values.set(directive.name, directive.parse(args, previous, context));
    this.#seen.add(directive.name);
  }

  /** Sets a value from inside (the port that was really bound, a changed primary), without checks and hooks. */
  replace(name: string, value: unknown): void {
    this.#values.set(this.#directive(name).name, value);
  }

  /**
   * CONFIG SET: all pairs or none. Returns the error of the reply ("ERR ..."), or undefined when all were set; a
   * promise when a hook has to wait.
   */
  set(pairs: readonly (readonly [name: string, value: string])[], setter: Setter): Outcome {
    const entries = this.#check(pairs, setter);
    if (typeof entries === "string") return entries;
    const before = new Map(this.#values);
    const outside = entries.filter((entry) => entry.directive.external);
    const external = outside.map((entry) => [entry, this.get(entry.name)] as const);
    const hooks = new Map<ChangeHook, string>();
    let failure: string | undefined;
    for (const [i, entry] of entries.entries()) {
      failure = this.#setOne(entry, pairs[i][1], hooks);
      if (failure !== undefined) break;
    }
    const restore = () => {
      for (const entry of entries) this.#values.set(entry.directive.name, before.get(entry.directive.name));
      for (const [entry, text] of external) this.#restoreExternal(entry, text);
    };
    if (failure !== undefined) {
      restore();
      return failure;
    }
    const finish = (refusal: string | undefined): Outcome => {
      if (refusal === undefined) return undefined;
      restore();
      const again = [...hooks].map(([hook, name]) => this.#runHookAgain(hook, name));
      const waits = again.filter((wait) => wait !== undefined);
      return waits.length === 0 ? refusal : Promise.all(waits).then(() => refusal);
    };
    const outcome = this.#runHooks([...hooks]);
    return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
  }

  /** The first pass of CONFIG SET: the entries to set, or the error of the reply. */
  #check(pairs: readonly (readonly [string, string])[], setter: Setter): Entry[] | string {
    const entries: Entry[] = [];
    for (const [name] of pairs) {
      const entry = ENTRIES.get(lookupKey(name));
      const shown = cString(name);
      const failed = (text: string) => `ERR CONFIG SET failed (possibly related to argument '${shown}') - ${text}`;
      if (entry === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${shown}'`;
      if (entry.directive.immutable) return failed("can't set immutable config");
      if (entry.directive.protected && !this.isAllowed("enable-protected-configs", setter.local)) {
        return failed("can't set protected config");
      }
      if (entry.directive.denyLoading && setter.loading) return LOADING;
      if (entries.includes(entry)) return failed("duplicate parameter");
      entries.push(entry);
    }
    return entries;
  }

  /** Whether a permission directive (yes, no, local) allows a client something. */
  isAllowed(permission: string, local: boolean): boolean {
    const value = this.get(permission);
    return value === "yes" || (value === "local" && local);
  }

  /** Sets one value of CONFIG SET and notes the hooks to run for it. Returns the error of the reply. */
  #setOne(entry: Entry, text: string, hooks: Map<ChangeHook, string>): string | undefined {
    const { directive } = entry;
    const args = directive.multiple ? (text === "" ? [] : text.split(" ")) : [text];
    const previous = this.#values.get(directive.name);
    try {
      const value = directive.parse(args, previous, this.#context(false, directive.name));
      this.#values.set(directive.name, value);
      if (directive.volatile || !directive.same(previous, value)) {
        for (const hook of this.#hooks.get(directive.name) ?? []) if (!hooks.has(hook)) hooks.set(hook, entry.name);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return `ERR CONFIG SET failed (possibly related to argument '${entry.name}') - ${error.message}`;
    }
  }

  /** Runs hooks until one refuses. Returns the error of the reply. */
  #runHooks(hooks: readonly (readonly [ChangeHook, string])[]): Outcome {
    for (const [i, [hook, name]] of hooks.entries()) {
      const outcome = hook(this.get(name), name);
      if (outcome instanceof Promise) {
        return outcome.then((refusal) => this.#refused(refusal, name) ?? this.#runHooks(hooks.slice(i + 1)));
      }
      const error = this.#refused(outcome, name);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #refused(refusal: string | undefined, name: string): string | undefined {
    if (refusal === undefined) return undefined;
    this.log("warning", "Failed applying new configuration. " +
      `Possibly related to new ${name} setting. Restoring previous settings.`);
    return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${refusal}`;
  }

  /** Runs a hook for the value that was put back. Returns a promise when that takes time. */
  #runHookAgain(hook: ChangeHook, name: string): Promise<void> | undefined {
    const note = (refusal: string | undefined) => {
      if (refusal === undefined) return;
      this.log("warning", `Failed applying restored failed CONFIG SET command: ${refusal}`);
    };
    const outcome = hook(this.get(name), name);
    if (outcome instanceof Promise) return outcome.then(note);
    note(outcome);
    return undefined;
  }

  #restoreExternal(entry: Entry, text: string): void {
    try {
      entry.directive.parse([text], null, this.#context(false, entry.name));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.log("warning", "Failed restoring failed CONFIG SET command. " +
        `Error setting ${entry.name} to '${text}': ${error.message}`);
    }
  }

  #directive(name: string): AnyDirective {
    const entry = ENTRIES.get(name);
    if (entry === undefined) throw new Error(`no such directive: ${name}`);
    return entry.directive;
  }

  #context(loading: boolean, name: string): ParseContext {
    return {
      loading,
      seen: this.#seen.has(name),
      changeDirectory: (path) => {
        try {
          this.host.chdir(toText(path));
        } catch (error) {
          throw new Refusal(errorText(error));
        }
      },
      currentDirectory: () => fromText(this.host.cwd()),
      warn: (message) => this.log("warning", message),
    };
  }

  // --- Copies ---

  /** The directives that differ from their defaults, as name and CONFIG GET form, but for those in `except`. */
  changes(except: ReadonlySet<string>): [name: string, value: string][] {
    const changed = DIRECTIVES.filter(({ name, initial, same, external }) =>
      external !== true && !except.has(name) && !same(initial, this.#values.get(name))
    );
    return changed.map(({ name }) => [name, this.get(name)]);
  }

  /** Makes `changes` of another server its own: all other directives but those in `except` get their defaults. */
  adopt(changes: readonly (readonly [string, string])[], except: ReadonlySet<string>): void {
    const wanted = new Map(changes);
    for (const directive of DIRECTIVES) {
      const { name, multiple, initial, external } = directive;
      if (external === true || except.has(name)) continue;
      const before = this.#values.get(name);
      const text = wanted.get(name);
      const args = multiple && text !== undefined ? (text === "" ? [] : text.split(" ")) : [text ?? ""];
      const value = text === undefined ? initial : directive.parse(args, initial, this.#context(true, name));
      if (directive.same(before, value)) continue;
      this.#values.set(name, value);
      for (const hook of this.#hooks.get(name) ?? []) this.#runHookAgain(hook, name);
    }
  }

  // --- CONFIG REWRITE ---

  /** Replaces the configuration file. Returns the error of the reply, or undefined. */
  rewrite(forceAll = false): string | undefined {
    if (this.file === undefined) return "ERR The server is running without a config file";
    try {
      replaceFile(this.host, this.file, toBytes(this.rewrittenText(readOldFile(this.host, this.file), forceAll)));
    } catch (error) {
      this.log("warning", `CONFIG REWRITE failed: ${errorText(error)}`);
      return `ERR Rewriting config file: ${errorText(error)}`;
    }
    this.log("notice", "CONFIG REWRITE executed with success.");
    return undefined;
  }

  /** The text that CONFIG REWRITE makes of a file's old text. */
  rewrittenText(oldText: string, forceAll: boolean): string {
    const to = new FileRewriter(oldText, forceAll);
    for (const directive of DIRECTIVES) {
      directive.rewrite(this.#values.get(directive.name), to, this.#context(false, directive.name));
    }
    if (this.get("aclfile") !== "") {
      to.remove("user");
    } else if (this.userLines !== undefined) {
      to.remove("user");
      for (const line of this.userLines()) to.line("user", line, true);
    }
    return to.finish();
  }
}

/** The file's text as a byte string; a missing file is an empty one. */
function readOldFile(host: ConfigHost, path: string): string {
  try {
    return fromBytes(host.files.read(path));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Writes a new file beside the old one and puts it in its place, so that a crash leaves one of the two. */
function replaceFile(host: ConfigHost, path: string, content: Uint8Array): void {
  const temporary = `${path}.${host.pid}.tmp`;
  try {
    host.files.write(temporary, content);
    host.files.chmod(temporary, 0o644);
    host.files.fsync(temporary);
    host.files.rename(temporary, path);
  } catch (error) {
    try {
      host.files.unlink(temporary);
    } catch (second) {
      if (errorCode(second) !== "ENOENT") throw second;
    }
    throw error;
  }
}
