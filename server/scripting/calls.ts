// calls.ts - server.call() and pcall(): a command of the running script, from Lua's values to Lua's values.
//
//   args ──► bytes and (address, length) pairs in linear memory ──► scriptRun ──► reply read in place
//
// One crossing into the core a command, no object but the result. What a command of a script may do is decided there
// (core-wasm/resp/script.ts). Not for the script as a whole: engine.ts.

import type { Core } from "../bridge/core.ts";
import { formatDouble, OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import { CALL_DENIED, CALL_NEEDS_HOST, CALL_REPLIED, ROOT, ROOT_ADDRESS } from "../generated/layout.ts";
import { ByteText } from "./bytes.ts";
import type { Table } from "./lua/table.ts";
import type { Value } from "./lua/values.ts";
import { countedError, errorTable, ReplyValues } from "./reply-values.ts";

const BUFFER = (ROOT_ADDRESS + ROOT.scriptBuffer) >> 2;
const BUFFER_SIZE = (ROOT_ADDRESS + ROOT.scriptBufferSize) >> 2;
const ARGV = (ROOT_ADDRESS + ROOT.scriptArgv) >> 2;
const ARGV_LENGTH = (ROOT_ADDRESS + ROOT.scriptArgvLength) >> 2;
const REPLY = (ROOT_ADDRESS + ROOT.callReply) >> 2;
const REPLY_LENGTH = (ROOT_ADDRESS + ROOT.callReplyLength) >> 2;
/** Longer arguments than lengths in the core can say. */
const MOST_BYTES = 0x7fff0000;
const NOT_TEXT = "Command arguments must be strings or integers";

/** How a number goes into a command: whole ones with all digits. What is no number is what x86 makes of 0/0. */
function numberText(value: number): string {
  if (value === 0) return "0";
  return Number.isNaN(value) ? "-nan" : formatDouble(value);
}

/** Who measures commands. */
export interface CallObserver {
  now(): number;
  /** A command that began at that time has run. */
  ran(startUs: number): void;
}

export class Calls {
  readonly #core: Core;
  readonly #text = new ByteText();
  readonly #values = new ReplyValues();
  /** Runs the command that the core leaves to the host; its reply is the script client's output then. */
  readonly #runHostCommand: () => number;
  /** The client in the core that runs the script's commands. */
  client = 0;
  /** The last command's reply was an error. */
  failed = false;
  /** Measures each command, when that is wanted. */
  observer: CallObserver | undefined;

  constructor(core: Core, runHostCommand: () => number) {
    this.#core = core;
    this.#runHostCommand = runHostCommand;
  }

  /** Runs a command. An error is a table with `err`, and `failed` says that it is one. */
  run(args: Value[]): Value {
    const { observer } = this;
    const start = observer === undefined ? 0 : observer.now();
    const problem = this.put(args);
    if (problem !== undefined) {
      this.failed = true;
      return problem;
    }
    const core = this.#core;
    let code = core.exports.scriptRun(args.length);
    if (code === CALL_NEEDS_HOST) code = this.#runHostCommand();
    if (observer !== undefined && code === CALL_REPLIED) observer.ran(start);
    return this.#reply(code);
  }

  #reply(code: number): Value {
    const core = this.#core;
    if (core.words.length === 0) core.refresh();
    const { words } = core;
    let bytes = core.bytes;
    let at = words[REPLY];
    if (words[REPLY_LENGTH] === 0) {
      bytes = core.takeOutput(this.client);
      at = 0;
    }
    this.failed = bytes[at] === 0x2d;
    if (this.failed && code === CALL_DENIED) return deniedError(core.latin1(at + 8, words[REPLY_LENGTH] - 10));
    this.#values.use(bytes);
    return this.#values.read(at);
  }

  /** Puts arguments into linear memory; the error when they are no arguments. */
  put(args: Value[]): Table | undefined {
    const count = args.length;
    if (count === 0) return errorTable("Please specify at least one argument for this call");
    let total = 0;
    for (let i = 0; i < count; i++) {
      let arg = args[i];
      if (typeof arg === "number") args[i] = arg = numberText(arg);
      if (typeof arg !== "string") return errorTable(NOT_TEXT);
      total += arg.length;
    }
    const core = this.#core;
    if (core.words.length === 0) core.refresh();
    if (total > core.words[BUFFER_SIZE] || count > core.words[ARGV_LENGTH]) {
      if (total > MOST_BYTES || core.exports.scriptRoom(count, total) === 0) return errorTable(`-${OUT_OF_MEMORY}`);
      core.refresh();
    }
    const { words } = core;
    this.#text.use(core.bytes);
    let at = words[BUFFER];
    let slot = words[ARGV] >>> 2;
    for (let i = 0; i < count; i++) {
      const text = args[i] as string;
      words[slot] = at;
      words[slot + 1] = text.length;
      slot += 2;
      at = this.#text.write(text, at);
    }
    return undefined;
  }

  /** Whether the script's user may run a command; undefined when there is none of that name and length. */
  may(count: number): boolean | undefined {
    const answer = this.#core.exports.scriptMay(count);
    return answer < 0 ? undefined : answer === 1;
  }
}

/** What the script is told of a command that its user may not run: "User x has no permissions ...". */
function deniedError(reason: string): Table {
  return countedError(`ACL failure in script: ${reason}`);
}
