// log: the server's log: Valkey's line formats, levels and time stamps, to standard output or a file.
//
//     legacy   12345:M 21 Nov 2026 08:00:38.123 * Ready to accept connections tcp
//              pid   role  time                 level: . debug  - verbose  * notice  # warning
//     logfmt   pid=12345 role=primary timestamp="..." level=notice message="..."
//     json     {"pid":12345,"role":"primary","timestamp":"...","level":"notice","message":"..."}
//
// The file is opened for each line, so that it can be moved or cut at any time. A line that can't be written is lost,
// as in Valkey: a full disk must not stop the server. Settings are read from Config at each line; a line below the
// level costs one look-up. Not for commands' replies or for the crash report's layout.

import type { Config, LogLevel } from "../config/config.ts";

/** What the log needs of a Port. */
interface LogHost {
  readonly runtime?: string;
  readonly pid: number;
  readonly files: { append(path: string, data: string): void };
  nowUs(): number;
  stdout(text: string): void;
}

type LogRole = "primary" | "replica";

const LEVELS: readonly LogLevel[] = ["debug", "verbose", "notice", "warning"];
const LEVEL_SIGNS = ".-*#";
/** The names of levels in logfmt and json; verbose is called info there. */
const LEVEL_NAMES = ["debug", "info", "notice", "warning"];
const ROLE_SIGNS: Record<LogRole, string> = { primary: "M", replica: "S" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** A message is cut to this length. */
const MESSAGE_MAX = 1023;

const two = (n: number) => String(n).padStart(2, "0");

/** The parts of a time of day in a zone that is `offsetMinutes` ahead of UTC. */
function shifted(ms: number, offsetMinutes: number): Date {
  return new Date(ms + offsetMinutes * 60000);
}

/** A time stamp in one of the forms of log-timestamp-format. `offsetMinutes` is the zone, minutes ahead of UTC. */
export function timestamp(form: string, nowUs: number, offsetMinutes: number): string {
  const ms = Math.floor(nowUs / 1000);
  if (form === "milliseconds") return String(ms);
  const at = shifted(ms, offsetMinutes);
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}.` +
    String(at.getUTCMilliseconds()).padStart(3, "0");
  if (form === "legacy") return `${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} ${clock}`;
  const zone = Math.abs(offsetMinutes);
  const date = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  return `${date}T${clock}${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(zone / 60))}:${two(zone % 60)}`;
}

/** A text as a JSON string, with Valkey's escapes. */
function jsonText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return '"' + text.replace(/[\x00-\x1f"\\]/g, (c) => JSON.stringify(c).slice(1, -1)) + '"';
}

export class Log {
  /** Whether this server is a primary or a replica, for each line. */
  role: () => LogRole = () => "primary";
  /** Lines that could not be written. */
  lost = 0;
  readonly #host: LogHost;
  readonly #config: Config;

  constructor(host: LogHost, config: Config) {
    this.#host = host;
    this.#config = config;
  }

  debug(message: string): void {
    this.write("debug", message);
  }
  verbose(message: string): void {
    this.write("verbose", message);
  }
  notice(message: string): void {
    this.write("notice", message);
  }
  warning(message: string): void {
    this.write("warning", message);
  }

  /** Whether messages of a level are written; to be asked before an expensive message is made. */
  isOn(level: LogLevel): boolean {
    return LEVELS.indexOf(level) >= this.#config.value<number>("loglevel");
  }

  /** Writes one line. */
  write(level: LogLevel, message: string): void {
    if (this.isOn(level)) this.#emit(this.#line(LEVELS.indexOf(level), message.slice(0, MESSAGE_MAX)) + "\n");
  }

  /** Writes text as it is, such as a logo or a crash report. */
  raw(level: LogLevel, text: string): void {
    if (this.isOn(level)) this.#emit(text);
  }

  #line(level: number, message: string): string {
    const { pid } = this.#host;
    const nowUs = this.#host.nowUs();
    const time = timestamp(this.#config.get("log-timestamp-format"), nowUs, this.#zone(nowUs));
    const role = this.role();
    const format = this.#config.get("log-format");
    if (format === "legacy") return `${pid}:${ROLE_SIGNS[role]} ${time} ${LEVEL_SIGNS[level]} ${message}`;
    if (format === "logfmt") {
      const safe = message.replace(/"/g, "'").replace(/[\r\n]/g, " ");
      return `pid=${pid} role=${role} timestamp="${time}" level=${LEVEL_NAMES[level]} message="${safe}"`;
    }
    return `{"pid":${pid},"role":"${role}","timestamp":"${time}","level":"${LEVEL_NAMES[level]}",` +
      `"message":${jsonText(message)}}`;
  }

  /** Minutes that the local time is ahead of UTC; a simulated world has no zone. */
  #zone(nowUs: number): number {
    return this.#host.runtime === "simulated" ? 0 : -new Date(nowUs / 1000).getTimezoneOffset();
  }

  #emit(text: string): void {
    const file = this.#config.text("logfile");
    try {
      if (file === "") this.#host.stdout(text);
      else this.#host.files.append(file, text);
    } catch {
      this.lost++;
    }
  }
}
