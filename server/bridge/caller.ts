// caller.ts - one command after another from JavaScript arguments to JavaScript values, without a socket.
//
//   "SET", "a", 1 ──► shared input buffer and argument vector in linear memory ──► callRun ──► reply read in place
//
// The usual call copies each argument's characters straight into linear memory and makes no object but its result.
// Costs: two crossings into the core a call. A call that does not fit the shared buffer is encoded first.
//
// Not for host commands and time, which server/embed/ adds.

import { ROOT, ROOT_ADDRESS } from "../generated/layout.ts";
import { STATUS } from "./core.ts";
import type { Core } from "./core.ts";
import { ReplyReader } from "./reply-reader.ts";
import type { Reply } from "./reply-reader.ts";

/** What a command's argument can be. Text goes as UTF-8, numbers in their shortest decimal form. */
export type Argument = string | number | bigint | Uint8Array;

const ARGV = (ROOT_ADDRESS + ROOT.sharedArgv) >> 2;
const CAPACITY = (ROOT_ADDRESS + ROOT.sharedArgvCapacity) >> 2;
const REPLY = (ROOT_ADDRESS + ROOT.callReply) >> 2;
const REPLY_LENGTH = (ROOT_ADDRESS + ROOT.callReplyLength) >> 2;
const INPUT = (ROOT_ADDRESS + ROOT.callInput) >> 2;
/** Size of the calls' input buffer (CALL_INPUT_SIZE in core-wasm/memory/root.ts). */
const INPUT_SIZE = 32768;
/** Longer text goes through the encoder: below, its set-up costs more than the loop. */
const LONG_TEXT = 48;
const encoder = new TextEncoder();

export class Caller {
  readonly core: Core;
  /** The client in the core that the calls belong to. */
  client: number;
  readonly #reader = new ReplyReader();

  constructor(core: Core, client: number) {
    this.core = core;
    this.client = client;
  }

  /** Runs one command; returns STATUS bits. Its reply is read by reply() or replyBytes(). */
  run(args: readonly Argument[]): number {
    const { core } = this;
    const count = args.length;
    if (core.words.length === 0) core.refresh();
    const { words, bytes } = core;
    if (count === 0) throw new TypeError("call: a command needs at least its name");
    if (count > words[CAPACITY]) return this.#runEncoded(args);
    let at = words[INPUT];
    const end = at + INPUT_SIZE;
    let slot = words[ARGV] >>> 2;
    for (let i = 0; i < count; i++) {
      const arg = args[i];
      const length = typeof arg === "string" ? putText(bytes, arg, at, end) : putOther(bytes, arg, at, end);
      if (length < 0) return this.#runEncoded(args);
      words[slot] = at;
      words[slot + 1] = length;
      slot += 2;
      at += length;
    }
    return core.exports.callRun(this.client, count);
  }

  /** A call with more or longer arguments than the shared buffer takes. */
  #runEncoded(args: readonly Argument[]): number {
    const { core } = this;
    core.setArgs(args.map(encoded));
    const status = core.exports.callRun(this.client, args.length);
    if ((status & STATUS.needsHost) === 0) core.exports.callEnd();
    return status;
  }

  /** The reply to the last command. */
  reply(asBytes: boolean): Reply {
    const { core, client } = this;
    if (core.words.length === 0) core.refresh();
    const length = core.words[REPLY_LENGTH];
    if (length === 0) return this.#otherReply(asBytes);
    this.#reader.use(core.bytes);
    const reply = this.#reader.read(core.words[REPLY], asBytes);
    core.exports.outputConsume(client, length);
    return reply;
  }

  /** A reply in several pieces, one that the host wrote, or none. */
  #otherReply(asBytes: boolean): Reply {
    const bytes = this.core.takeOutput(this.client);
    if (bytes.length === 0) return null;
    this.#reader.use(bytes);
    return this.#reader.read(0, asBytes);
  }

  /** The reply to the last command as it would go over a socket. */
  replyBytes(): Uint8Array {
    return this.core.takeOutput(this.client);
  }
}

/** Writes text at `at`; returns its length, or -1 when it may not fit. */
function putText(bytes: Uint8Array, text: string, at: number, end: number): number {
  const { length } = text;
  if (at + length * 3 > end) return -1;
  if (length <= LONG_TEXT) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      bytes[at + i] = code;
    }
    if (i === length) return length;
  }
  return encoder.encodeInto(text, bytes.subarray(at, end)).written;
}

function putOther(bytes: Uint8Array, arg: Argument, at: number, end: number): number {
  if (typeof arg === "number" || typeof arg === "bigint") return putText(bytes, String(arg), at, end);
  const copied = encoded(arg);
  if (at + copied.length > end) return -1;
  bytes.set(copied, at);
  return copied.length;
}

function encoded(arg: Argument): Uint8Array {
  if (arg instanceof Uint8Array) return arg;
  if (typeof arg === "string" || typeof arg === "number" || typeof arg === "bigint") return encoder.encode(String(arg));
  throw new TypeError(`call: an argument is text, a number or bytes, not ${arg === null ? "null" : typeof arg}`);
}
