// command-log.ts - the logs of slow commands, large requests and large replies: COMMANDLOG and SLOWLOG.
//
//   newest entry first, at most max-len of them: id, unix time, microseconds or bytes, arguments, client's address
//   and name
//
// Arguments are trimmed to 32 of 128 bytes; secrets show as (redacted). Thresholds are read from the configuration when
// an entry is about to be made. Not for deciding when to measure: stats/watch.ts.

import { secretArguments } from "../commands/config.ts";
import type { Config } from "../config/config.ts";
import { CMD } from "../generated/commands.ts";

export type LogType = "slow" | "large-request" | "large-reply";
export const LOG_TYPES: readonly LogType[] = ["slow", "large-request", "large-reply"];

const ARGUMENTS_MAX = 32;
const ARGUMENT_MAX = 128;
const encoder = new TextEncoder();
const REDACTED = encoder.encode("(redacted)");

interface LogEntry {
  id: number;
  /** Seconds since 1970. */
  time: number;
  value: number;
  args: Uint8Array[];
  address: string;
  name: string;
}

/** Directives of threshold and length of each log. */
export const DIRECTIVES: Readonly<Record<LogType, { threshold: string; length: string }>> = {
  "slow": { threshold: "commandlog-execution-slower-than", length: "commandlog-slow-execution-max-len" },
  "large-request": { threshold: "commandlog-request-larger-than", length: "commandlog-large-request-max-len" },
  "large-reply": { threshold: "commandlog-reply-larger-than", length: "commandlog-large-reply-max-len" },
};

/** Positions of arguments that nobody may read in a log. */
function secrets(config: Config, id: number, args: readonly Uint8Array[]): number[] {
  const from = (first: number) => args.map((_, i) => i).slice(first);
  switch (id) {
    case CMD.AUTH: return from(1);
    case CMD.CONFIG_SET: return secretArguments(config, args);
    case CMD.ACL_SETUSER: case CMD.ACL_GETUSER: case CMD.ACL_DELUSER: return from(2);
    case CMD.HELLO: return behind(args, "auth", 2);
    case CMD.MIGRATE: return [...behind(args, "auth", 1), ...behind(args, "auth2", 2)];
    default: return [];
  }
}

/** Positions of the `count` arguments behind a word. */
function behind(args: readonly Uint8Array[], word: string, count: number): number[] {
  const at = args.findIndex((arg, i) => i > 0 && String.fromCharCode(...arg.subarray(0, 8)).toLowerCase() === word);
  return at < 0 ? [] : Array.from({ length: count }, (_, i) => at + 1 + i);
}

/** What a log keeps of a command's arguments. */
export function trimArguments(config: Config, id: number, args: readonly Uint8Array[]): Uint8Array[] {
  const hidden = secrets(config, id, args);
  const kept = args.slice(0, args.length > ARGUMENTS_MAX ? ARGUMENTS_MAX - 1 : ARGUMENTS_MAX).map((arg, i) => {
    if (hidden.includes(i)) return REDACTED;
    if (arg.length <= ARGUMENT_MAX) return arg;
    const tail = encoder.encode(`... (${arg.length - ARGUMENT_MAX} more bytes)`);
    const cut = new Uint8Array(ARGUMENT_MAX + tail.length);
    cut.set(arg.subarray(0, ARGUMENT_MAX));
    cut.set(tail, ARGUMENT_MAX);
    return cut;
  });
  if (args.length > kept.length) kept.push(encoder.encode(`... (${args.length - kept.length} more arguments)`));
  return kept;
}

export class CommandLog {
  readonly #config: Config;
  readonly #logs: Record<LogType, LogEntry[]> = { "slow": [], "large-request": [], "large-reply": [] };
  readonly #nextIds: Record<LogType, number> = { "slow": 0, "large-request": 0, "large-reply": 0 };

  constructor(config: Config) {
    this.#config = config;
  }

  /** The value from which a command is logged; Infinity when the log is off. */
  threshold(type: LogType): number {
    const threshold = this.#config.number(DIRECTIVES[type].threshold);
    return threshold < 0 || this.#config.number(DIRECTIVES[type].length) === 0 ? Infinity : threshold;
  }

  /** Logs a command. `args` are trimmed already. */
  add(type: LogType, entry: Omit<LogEntry, "id">): void {
    const log = this.#logs[type];
    log.unshift({ id: this.#nextIds[type]++, ...entry });
    const length = this.#config.number(DIRECTIVES[type].length);
    if (log.length > length) log.length = length;
  }

  /** The newest entries. */
  get(type: LogType, count: number): readonly LogEntry[] {
    return this.#logs[type].slice(0, count);
  }

  length(type: LogType): number {
    return this.#logs[type].length;
  }

  reset(type: LogType): void {
    this.#logs[type].length = 0;
  }
}
