// crash.ts - the report of an internal fault: an exception that nobody caught, or a trap of the core.
//
//   fault ──► report in the log (what failed, stack, INFO, clients, the running command) ──► the process ends
//
// Without crash-log-enabled one line is logged. User data is left out when hide-user-data-from-log is on. A second
// fault while the report is written ends it. Not for errors that a client made, which are replies.

import { describeConnection } from "./clients/describe.ts";
import { errorCode } from "./config/host.ts";
import { quote } from "./config/syntax.ts";
import { fromBytes } from "./config/text.ts";
import { VALKEY_VERSION } from "./config/version.ts";
import type { Connection } from "./connection/connection.ts";
import { ROOT } from "./generated/layout.ts";
import { infoText } from "./info/info.ts";
import type { Server } from "./server.ts";

const ARGUMENT_MAX = 128;
const SEGFAULT = 11;

/** A fault that somebody asked for (DEBUG SEGFAULT and the like). */
export class Fault extends Error {
  readonly kind: "assertion" | "panic" | "segfault" | "memory";

  constructor(kind: Fault["kind"], message: string) {
    super(message);
    this.name = "Fault";
    this.kind = kind;
  }
}

/** True when nobody reads standard output any more: log lines are lost then, and the server goes on. */
export function isLostOutput(error: unknown): boolean {
  return ["EPIPE", "ERR_STREAM_DESTROYED"].includes(errorCode(error));
}

/** The line that says what kind of fault it was. */
function headline(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const isTrap = error instanceof Error && error.name === "RuntimeError";
  const kind = error instanceof Fault ? error.kind : isTrap ? "trap" : "exception";
  switch (kind) {
    case "assertion": return `=== ASSERTION FAILED ===\n==> ${text}`;
    case "panic": return `Panic: ${text}`;
    case "memory": return `Out Of Memory: ${text}`;
    case "segfault": return `Valkey ${VALKEY_VERSION} crashed by signal: ${SEGFAULT}\n${text}`;
    case "trap": return `Valkey ${VALKEY_VERSION} crashed by signal: ${SEGFAULT} (trap of the core)\n${text}`;
    default: return `Valkey ${VALKEY_VERSION} crashed by an exception: ${text}`;
  }
}

export class CrashReporter {
  readonly #server: Server;
  #isReporting = false;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Writes the report and ends the process. */
  fault(error: unknown): never {
    const server = this.#server;
    const { log, config, port } = server;
    const isFirst = !this.#isReporting;
    this.#isReporting = true;
    if (isFirst && config.boolean("crash-log-enabled")) {
      log.raw("warning", "\n\n=== VALKEY BUG REPORT START: Cut & paste starting from here ===\n");
      for (const line of headline(error).split("\n")) log.warning(line);
      this.#section("STACK TRACE", () => stackOf(error));
      log.raw("warning", "------ STACK TRACE DONE ------\n");
      this.#section("INFO OUTPUT", () => infoText(server, ["everything"]).replace(/\r/g, ""));
      this.#section("CLIENT LIST OUTPUT", () => this.#clients());
      this.#section("CURRENT CLIENT INFO", () => this.#current());
      log.raw("warning", "\n=== VALKEY BUG REPORT END. Make sure to include from START to END. ===\n\n" +
        "       Please report the crash where you got this server from, with the whole report.\n\n");
    } else {
      log.warning(headline(error));
    }
    if (config.boolean("daemonize") && server.supervisor === "no") server.shutdown.removePidFile();
    if (config.boolean("use-exit-on-panic")) port.exit(1);
    return port.abort();
  }

  /** One part of the report; what can't be told because of the fault itself is left out. */
  #section(title: string, text: () => string): void {
    let content: string;
    try {
      content = text();
    } catch (error) {
      content = `(not available: ${error instanceof Error ? error.message : String(error)})`;
    }
    this.#server.log.raw("warning", `\n------ ${title} ------\n${content}\n`);
  }

  get #hidesData(): boolean {
    return this.#server.config.boolean("hide-user-data-from-log");
  }

  #clients(): string {
    return [...this.#server.connections.values()]
      .map((connection) => describeConnection(this.#server, connection, this.#hidesData)).join("\n");
  }

  /** The client whose command runs: a command of the core, or of the host. */
  #current(): string {
    const { core, connections, running } = this.#server;
    const connection: Connection | undefined = running ?? connections.get(core.root32(ROOT.current));
    if (connection === undefined) return "(no command was running)";
    const args = core.args();
    const lines = [describeConnection(this.#server, connection, this.#hidesData), `argc: ${args.length}`];
    for (const [i, arg] of args.entries()) {
      const hidden = this.#hidesData && i > 0;
      lines.push(`argv[${i}]: ${hidden ? `${arg.length} bytes` : quote(fromBytes(arg.subarray(0, ARGUMENT_MAX)))}`);
      if (/^auth2?$/i.test(fromBytes(arg.subarray(0, 6)))) break;
    }
    return lines.join("\n");
  }
}

function stackOf(error: unknown): string {
  return "Backtrace:\n" + (error instanceof Error ? error.stack ?? error.message : String(error));
}
