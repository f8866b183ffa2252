// engine.ts - runs scripts and functions for clients: from EVAL or FCALL to the reply.
//
//   evaluate() ─► look up, or compile ─► scriptStart ─► machine, slice by slice ─► reply ─► scriptEnd
//                                                          │ longer than busy-reply-threshold:
//                                                          └► the event loop gets its turn between slices
//
// One script runs at a time. While it is busy the core answers other clients with -BUSY, but for what may end it:
// SCRIPT KILL, FUNCTION KILL, SHUTDOWN NOSAVE. In-process calls have no event loop: their scripts run to the end.
//
// Nothing is made before the first script comes. Not for commands about scripts: server/commands/{script,function}.ts.

import { parseInteger } from "../config/syntax.ts";
import { lower, toBytes } from "../config/text.ts";
import { REDIS_VERSION, VALKEY_VERSION } from "../config/version.ts";
import type { Connection } from "../connection/connection.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import {
  CLIENT_INTERNAL, GATE_REPLICAS, ROOT, ROOT_ADDRESS, SCRIPT_ALLOW_OOM, SCRIPT_FLAG, SCRIPT_FUNCTION, SCRIPT_OOM,
  SCRIPT_READ_ONLY, SCRIPT_UNBOUND, SCRIPT_WROTE,
} from "../generated/layout.ts";
import type { Server } from "../server.ts";
import type { RegisteredFunction, ScriptHost } from "./api.ts";
import { ByteText } from "./bytes.ts";
import type { ScriptContents } from "../bridge/snapshot.ts";
import { ScriptCache } from "./cache.ts";
import type { Script } from "./cache.ts";
import { Calls } from "./calls.ts";
import type { CallObserver } from "./calls.ts";
import { EvalWorld, FunctionWorld } from "./environment.ts";
import type { Status, World } from "./environment.ts";
import { FunctionStore } from "./function-store.ts";
import { runHostCommand, scriptConnection } from "./host-calls.ts";
import type { LuaFunction } from "./lua/arguments.ts";
import { RandomNumbers } from "./lua/lib-math.ts";
import { Table } from "./lua/table.ts";
import type { Value } from "./lua/values.ts";
import { errorTable } from "./reply-values.ts";
import { readScriptHead } from "./shebang.ts";
import { errorFacts, ReplyOfValues } from "./values-reply.ts";

const ARGC = (ROOT_ADDRESS + ROOT.argc) >> 2;
const ARGV = (ROOT_ADDRESS + ROOT.argv) >> 2;
/** Instructions between two looks at the clock: one to two milliseconds. */
const SLICE = 100_000;
/** What a call may make of its keys and arguments and leave behind, in the measure of SLICE. */
const CALL_WORK = 10;
/** What a busy script runs on before the event loop has its turn. */
const BUSY_TURN_US = 5000;
/** Libraries only register functions when they are loaded: whoever takes longer is stopped. */
const LOAD_MOST_MS = 500;
/** A longer string takes the way of all other results, which looks at its length. */
const PLAIN_RESULT = 1 << 20;
const LEVELS = ["debug", "verbose", "notice", "warning"] as const;

/** A bit beside the core's SCRIPT_ bits: it may not start while memory is short. */
const NEEDS_MEMORY = 1 << 16;
const SHORT_OF_MEMORY = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
const NO_SCRIPT = "NOSCRIPT No matching script.";
const HEAP_FULL = "ERR not enough memory";

/** Estimates: an empty world, code in relation to its text, what a script needs beside its text. */
const WORLD_BYTES = 49_152;
const CODE_FACTOR = 4;
const SCRIPT_BYTES = 128;

/** The script that runs. */
interface Run {
  readonly connection: Connection;
  readonly world: World;
  /** The script's SHA-1, or the function's name. */
  readonly name: string;
  readonly isFunction: boolean;
  readonly startUs: number;
  slices: number;
  isKilled: boolean;
  /** Ends the promise that its connection waits for. */
  ended: (() => void) | undefined;
}

export class Scripts implements ScriptHost {
  readonly #server: Server;
  readonly calls: Calls;
  readonly cache: ScriptCache;
  readonly functions: FunctionStore;
  registered: RegisteredFunction[] | undefined;
  readonly random = new RandomNumbers();
  isInsecure: boolean;
  readonly clock = (): number => this.#server.port.cpuUsage().userUs / 1e6;
  readonly versions = {
    REDIS_VERSION, REDIS_VERSION_NUM: versionNumber(REDIS_VERSION),
    VALKEY_VERSION, VALKEY_VERSION_NUM: versionNumber(VALKEY_VERSION), SERVER_NAME: "valkey",
  };
  /** DEBUG SET-DISABLE-DENY-SCRIPTS. */
  isUnbound = false;
  /** The last script's reply was an error. */
  failed = false;
  #run: Run | undefined;
  #resp: 2 | 3 = 2;
  /** When the command began, and its arguments. */
  #startUs = 0;
  #argv = 0;
  #argc = 0;
  /** Copies of them, for a script that became busy. */
  #args: Uint8Array[] | undefined;
  #evalWorld: EvalWorld | undefined;
  #functionWorld: FunctionWorld | undefined;
  /** What scripts have done since the heap was looked at, in the measure of SLICE. */
  #work = 0;
  readonly #text = new ByteText();
  /** Has the commands of scripts logged like others while every command is measured. */
  readonly #observer: CallObserver = {
    now: () => this.#server.port.monotonicUs(),
    ran: (startUs) => {
      const { core, port, watch } = this.#server;
      const { client } = this.calls;
      const connection = scriptConnection(this.#server, client, this.#run!.connection);
      const args = () => core.argsAt(core.root32(ROOT.scriptArgv), core.root32(ROOT.argc));
      watch.command(connection, core.client32(client, "lastCommand"), port.monotonicUs() - startUs, 0, args);
    },
  };

  constructor(server: Server) {
    this.#server = server;
    const { core } = server;
    this.calls = new Calls(core, () => runHostCommand(server, this.calls.client, this.#run!.connection));
    this.cache = new ScriptCache((sha, flags) => this.#note("s", sha, flags));
    this.functions = this.newStore(true);
    this.isInsecure = server.config.boolean("lua-enable-insecure-api");
    server.config.onChange("lua-enable-insecure-api", () => {
      const now = server.config.boolean("lua-enable-insecure-api");
      if (now !== this.isInsecure) this.flush();
      this.isInsecure = now;
      return undefined;
    });
    server.onClose(() => {
      this.#run = undefined;
    });
  }

  /** An empty store; the core is told of the functions of the one that is in use. */
  newStore(isLive: boolean): FunctionStore {
    return new FunctionStore((name, flags) => {
      if (isLive) this.#note("f", name, flags);
    });
  }

  /** Tells the core what a script or function does. */
  #note(kind: string, name: string, flags: number | undefined): void {
    const { core } = this.#server;
    core.withBytes(toBytes(kind + name), (at, length) => {
      core.exports.scriptNote(at, length, flags ?? -1);
    });
  }

  // --- What is known and what runs ---

  /** The script that runs, for FUNCTION STATS and KILL. */
  get running(): Readonly<Run> | undefined {
    return this.#run;
  }

  /** Arguments of the last command that ran a script; those of one that was not busy only until anything else runs. */
  args(): Uint8Array[] {
    return this.#args ?? this.#server.core.argsAt(this.#argv, this.#argc);
  }

  get hasWritten(): boolean {
    return (this.#server.core.root32(ROOT.scriptFlags) & SCRIPT_WROTE) !== 0;
  }

  /** A script runs, and clients are served meanwhile. */
  get isBusy(): boolean {
    return this.#run?.ended !== undefined;
  }

  durationMs(run: Readonly<Run>): number {
    const { port } = this.#server;
    // Time that is simulated stands still while a script runs: a slice counts as a millisecond.
    if (port.runtime === "simulated") return run.slices;
    return Math.floor((port.monotonicUs() - run.startUs) / 1000);
  }

  /** Ends the script that runs before its next instruction. */
  kill(): void {
    if (this.#run !== undefined) this.#run.isKilled = true;
  }

  /** Estimates in bytes: the worlds that scripts and functions run in, and what is known of both. */
  memory(): { evalWorld: number; functionWorld: number; scripts: number; functions: number } {
    const { cache, functions } = this;
    return {
      evalWorld: this.#evalWorld === undefined ? 0 : WORLD_BYTES + cache.bytes * CODE_FACTOR,
      functionWorld: this.#functionWorld === undefined ? 0 : WORLD_BYTES + functions.bytes * CODE_FACTOR,
      scripts: cache.bytes + cache.size * SCRIPT_BYTES,
      functions: functions.bytes + (functions.libraries.size + functions.functionCount) * SCRIPT_BYTES,
    };
  }

  // --- Snapshots ---

  /** What brings the same scripts and libraries about elsewhere; undefined when there are none. */
  get contents(): ScriptContents | undefined {
    if (this.cache.size === 0 && this.functions.libraries.size === 0) return undefined;
    return {
      libraries: [...this.functions.libraries.values()].map(({ text }) => text),
      scripts: [...this.cache.scripts()].map(({ text, mayGo }) => [text, mayGo]),
    };
  }

  /** Takes such contents in place of its own. */
  adopt(contents: ScriptContents | undefined): void {
    this.#run = undefined;
    this.#server.core.exports.scriptNote(0, 0, -1);
    this.flush();
    this.flushFunctions();
    for (const text of contents?.libraries ?? []) this.functions.load(text, false, this.loadCode);
    for (const [text, mayGo] of contents?.scripts ?? []) this.register(text, mayGo);
  }

  // --- Lua's side ---

  setResp(resp: 2 | 3): void {
    this.#resp = resp;
    this.#server.core.setClient32(this.calls.client, "resp", resp);
  }

  log(level: number, text: string): void {
    this.#server.log.write(LEVELS[level], text);
  }

  sha1(text: string): string {
    const { core } = this.#server;
    return core.withBytes(toBytes(text), (at, length) => {
      return core.latin1(core.exports.scriptSha(at, length) >>> 0, 40);
    });
  }

  // --- Scripts ---

  /** Compiles a script and keeps it. Returns the text of an error when it can't. */
  register(text: string, mayGo: boolean): Script | string {
    const known = this.cache.find(text);
    if (known !== undefined) {
      if (!mayGo) this.cache.keep(known);
      return known;
    }
    const head = readScriptHead(text);
    if (typeof head === "string") return `ERR ${head}`;
    const body = this.#eval.compile(head.code);
    if (typeof body === "string") return `ERR Error compiling script (new function): ${body}`;
    const script = { sha: this.sha1(text), text, flags: head.flags, body, mayGo };
    this.cache.add(script);
    return script;
  }

  get #eval(): EvalWorld {
    return (this.#evalWorld ??= new EvalWorld(this));
  }

  /** SCRIPT FLUSH. */
  flush(): void {
    this.cache.clear();
    this.#evalWorld = undefined;
  }

  // --- Functions ---

  get #library(): FunctionWorld {
    return (this.#functionWorld ??= new FunctionWorld(this));
  }

  /** Runs a library's code: the functions that it registers, or the text of an error. */
  readonly loadCode = (code: string): RegisteredFunction[] | string => {
    const world = this.#library;
    const registered: RegisteredFunction[] = [];
    this.registered = registered;
    world.beginLoading();
    try {
      const body = world.compile(code);
      if (typeof body === "string") return `Error compiling function: ${body}`;
      const problem = this.#runLibrary(world, body);
      return problem === undefined ? registered : `Error registering functions: ${problem}`;
    } finally {
      world.endLoading();
      this.registered = undefined;
    }
  };

  /** Runs the body of a library, for a limited time. Returns the text of an error. */
  #runLibrary(world: FunctionWorld, body: LuaFunction): string | undefined {
    const { port } = this.#server;
    const start = port.monotonicUs();
    world.start(body, []);
    let status = world.run(SLICE);
    for (let slices = 1; status === "paused"; slices++) {
      const elapsedMs = port.runtime === "simulated" ? slices : (port.monotonicUs() - start) / 1000;
      if (elapsedMs > LOAD_MOST_MS) world.abort(errorTable("FUNCTION LOAD timeout"));
      status = world.run(SLICE);
    }
    return status === "done" ? undefined : errorFacts(world.error).text;
  }

  /** FUNCTION FLUSH. */
  flushFunctions(): void {
    this.functions.clear();
    this.#functionWorld = undefined;
  }

  // --- EVAL and FCALL ---

  /**
   * Runs the script of the command that a client waits for since `startUs`; its reply is written when this returns
   * nothing. A script that has become busy goes on: the promise ends with it.
   */
  evaluate(connection: Connection, id: number, startUs: number): Promise<void> | undefined {
    const { core } = this.#server;
    this.failed = false;
    this.#args = undefined;
    this.#startUs = startUs;
    if (core.words.length === 0) core.refresh();
    this.#argv = core.words[ARGV];
    this.#argc = core.words[ARGC];
    const refusal = id >= CMD.FCALL ? this.#call(connection, id) : this.#evaluate(connection, id);
    if (typeof refusal !== "string") return refusal;
    this.failed = true;
    // What the compiler complains of may be a text of several lines.
    const line = refusal.replace(/[\r\n]/g, " ");
    this.#reply(connection, `-${line}\r\n`, [line]);
    return undefined;
  }

  #argument(i: number): string {
    const { core } = this.#server;
    // Memory grows when a script is registered.
    if (core.words.length === 0) core.refresh();
    const { words } = core;
    this.#text.use(core.bytes);
    const slot = (this.#argv >>> 2) + i * 2;
    this.#work += words[slot + 1] >>> 8;
    return this.#text.read(words[slot], words[slot] + words[slot + 1]);
  }

  /** The number of keys that argument 2 says there are, or the text of an error. */
  #keyCount(notANumber: string): number | string {
    const text = this.#argument(2);
    // One digit is what nearly every call has.
    const digit = text.length === 1 ? text.charCodeAt(0) - 48 : -1;
    const count = digit >= 0 && digit <= 9 ? digit : Number(parseInteger(text) ?? NaN);
    if (Number.isNaN(count)) return notANumber;
    if (count > this.#argc - 3) return "ERR Number of keys can't be greater than number of args";
    return count < 0 ? "ERR Number of keys can't be negative" : count;
  }

  #evaluate(connection: Connection, id: number): Promise<void> | string | undefined {
    const isSha = id === CMD.EVALSHA || id === CMD.EVALSHA_RO;
    const text = this.#argument(1);
    if (isSha && text.length !== 40) return NO_SCRIPT;
    const keys = this.#keyCount("ERR value is not an integer or out of range");
    if (typeof keys === "string") return keys;
    let script = isSha ? this.cache.findSha(text) ?? this.cache.findSha(lower(text)) : this.cache.find(text);
    if (script === undefined) {
      if (isSha) return NO_SCRIPT;
      const made = this.register(text, true);
      if (typeof made === "string") return made;
      script = made;
    }
    const isReadOnly = id === CMD.EVAL_RO || id === CMD.EVALSHA_RO;
    const bits = this.#permit(script.flags, isReadOnly);
    if (typeof bits === "string") return bits;
    const world = this.#eval;
    world.setGlobals(this.#table(3, keys), this.#table(3 + keys));
    const result = this.#start(connection, world, script.sha, bits, script.body, []);
    this.cache.touch(script);
    return result;
  }

  #call(connection: Connection, id: number): Promise<void> | string | undefined {
    const found = this.functions.find(this.#argument(1));
    if (found === undefined) return "ERR Function not found";
    const keys = this.#keyCount("ERR Bad number of keys provided");
    if (typeof keys === "string") return keys;
    const bits = this.#permit(found.flags, id === CMD.FCALL_RO);
    if (typeof bits === "string") return bits;
    if (this.#fillsHeap()) return HEAP_FULL;
    const world = this.#library;
    const args = [this.#table(3, keys), this.#table(3 + keys)];
    return this.#start(connection, world, found.name, bits | SCRIPT_FUNCTION, found.body, args);
  }

  /** Whether the heap is full, which is looked at after each slice's work: functions can keep what they make. */
  #fillsHeap(): boolean {
    if (this.#work < SLICE) return false;
    const isFull = this.#server.port.heapIsFull();
    if (!isFull) this.#work = 0;
    return isFull;
  }

  /** Arguments from `first` on as a table. */
  #table(first: number, count = this.#argc - first): Table {
    const table = new Table();
    if (count === 0) return table;
    // Of the very size: an array that grows takes room for more.
    const array: Value[] = new Array(count + 1);
    array[0] = undefined;
    for (let i = 1; i <= count; i++) array[i] = this.#argument(first + i - 1);
    table.array = array;
    return table;
  }

  /** SCRIPT_ bits of a script with these flags, or why it may not run now. */
  #permit(flags: number, isReadOnly: boolean): number | string {
    const { core } = this.#server;
    const unbound = this.isUnbound ? SCRIPT_UNBOUND : 0;
    if (flags & SCRIPT_FLAG.COMPATIBLE) return unbound | (isReadOnly ? SCRIPT_READ_ONLY : 0);
    const writes = (flags & SCRIPT_FLAG.NO_WRITES) === 0;
    if (writes && isReadOnly) return "ERR Can not execute a script with write flag using *_ro command.";
    if (writes && core.root32(ROOT.gate) & GATE_REPLICAS) return "NOREPLICAS Not enough good replicas to write.";
    if (!writes) return unbound | SCRIPT_READ_ONLY;
    return unbound | (flags & SCRIPT_FLAG.ALLOW_OOM ? SCRIPT_ALLOW_OOM : NEEDS_MEMORY);
  }

  // --- Running ---

  #start(
    connection: Connection, world: World, name: string, bits: number, body: LuaFunction, args: Value[],
  ): Promise<void> | string | undefined {
    const { core } = this.#server;
    const { client } = connection;
    this.calls.client = core.exports.scriptStart(client, bits) >>> 0;
    if (this.calls.client === 0) return OUT_OF_MEMORY;
    if (bits & NEEDS_MEMORY && core.root32(ROOT.scriptFlags) & SCRIPT_OOM) {
      core.exports.scriptEnd();
      return SHORT_OF_MEMORY;
    }
    this.#resp = 2;
    const run: Run = {
      connection, world, name, isFunction: (bits & SCRIPT_FUNCTION) !== 0, startUs: this.#startUs, slices: 0,
      isKilled: false, ended: undefined,
    };
    this.#run = run;
    this.calls.observer = this.#server.watch.isOneByOne ? this.#observer : undefined;
    world.start(body, args);
    let status = world.run(SLICE);
    this.#work += CALL_WORK + SLICE - world.left;
    if (status === "paused") {
      const threshold = this.#server.config.number("busy-reply-threshold");
      const endless = threshold === 0 || (connection.flags & CLIENT_INTERNAL) !== 0;
      while (status === "paused" && (endless || this.durationMs(run) < threshold)) {
        status = this.#slice(run);
      }
      if (status === "paused") return this.#becomeBusy(run);
    }
    this.#finish(run, status);
    return undefined;
  }

  /** From here on the event loop has its turn between slices. */
  #becomeBusy(run: Run): Promise<void> {
    const { core, log } = this.#server;
    this.#args = core.argsAt(this.#argv, this.#argc).map((arg) => arg.slice());
    log.warning(`Slow script detected: still in execution after ${this.durationMs(run)} milliseconds. You can try ` +
      `killing the script using the ${run.isFunction ? "FUNCTION KILL" : "SCRIPT KILL"} command. Script name is: ` +
      `${run.name}.`);
    core.exports.scriptBusy();
    return new Promise((resolve) => {
      run.ended = resolve;
      this.#goOnLater(run);
    });
  }

  /** Runs the next slice of one that has paused; ends it where the JavaScript heap is full, which ends the process. */
  #slice(run: Run): Status {
    run.slices++;
    if (this.#server.port.heapIsFull()) run.world.abort(errorTable("not enough memory"));
    return run.world.run(SLICE);
  }

  #goOnLater(run: Run): void {
    this.#server.port.timer(0, () => this.#goOn(run));
  }

  #goOn(run: Run): void {
    const { port } = this.#server;
    if (this.#run !== run) return;
    const end = port.monotonicUs() + BUSY_TURN_US;
    let status: Status;
    do {
      if (run.isKilled) {
        const text = `Script killed by user with ${run.isFunction ? "FUNCTION" : "SCRIPT"} KILL.`;
        this.#server.log.notice(text);
        run.world.abort(errorTable(text));
      }
      status = this.#slice(run);
    } while (status === "paused" && port.runtime !== "simulated" && port.monotonicUs() < end);
    if (status === "paused") return this.#goOnLater(run);
    this.#finish(run, status);
    run.ended?.();
  }

  #finish(run: Run, status: Status): void {
    const { core } = this.#server;
    const { connection, world } = run;
    this.#run = undefined;
    core.exports.scriptEnd();
    if (connection.client !== 0) this.#replyOf(connection, world, status);
    world.forget();
    if (core.root32(ROOT.noteCount) > 0) this.#server.access.drainNotes();
  }

  #replyOf(connection: Connection, world: World, status: Status): void {
    const { result } = world;
    if (status === "done" && typeof result === "string" && result.length < PLAIN_RESULT) {
      return this.#replyBulk(connection, result);
    }
    const reply = new ReplyOfValues(connection.resp, this.#resp);
    const text = status === "done" ? reply.write(result) : failure(world, reply);
    this.failed = reply.failed;
    this.#reply(connection, text, reply.errors);
  }

  /** Writes a string as a reply, without putting the whole of it together first. */
  #replyBulk(connection: Connection, text: string): void {
    const { core } = this.#server;
    const head = `$${text.length}\r\n`;
    const length = head.length + text.length + 2;
    const room = core.exports.replyRoom(connection.client, length) >>> 0;
    if (room === 0) return;
    if (core.words.length === 0) core.refresh();
    this.#text.use(core.bytes);
    const end = this.#text.write(text, this.#text.write(head, room));
    core.bytes[end] = 13;
    core.bytes[end + 1] = 10;
    core.exports.replyCommit(connection.client, length);
  }

  /** Writes a reply, one character a byte, and counts errors. */
  #reply(connection: Connection, text: string, errors?: readonly string[]): void {
    const { core } = this.#server;
    for (const error of errors ?? []) {
      core.withBytes(toBytes(error), core.exports.scriptError);
    }
    const room = core.exports.replyRoom(connection.client, text.length) >>> 0;
    if (room === 0) return;
    if (core.words.length === 0) core.refresh();
    this.#text.use(core.bytes);
    this.#text.write(text, room);
    core.exports.replyCommit(connection.client, text.length);
  }
}

/** The reply to a script that was ended by an error. */
function failure(world: World, reply: ReplyOfValues): string {
  const { text, source, line, isCounted } = errorFacts(world.error);
  if (source === undefined || line === undefined) return reply.fail(text, isCounted);
  return reply.fail(`${text} script: on ${source}:${line}.`, isCounted);
}

/** 9.1.2 as 0x090102. */
function versionNumber(version: string): number {
  return version.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
