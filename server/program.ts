// program.ts - what a server process does around its server: going to the background, the pid file, its title, what
// supervises it, and warnings about the system at the start.
//
// Not for the order of things (main.ts) or for the end (shutdown.ts, crash.ts).

import type { Port } from "../runtime-adapters/port.ts";
import type { Config } from "./config/config.ts";
import { errorText } from "./config/host.ts";
import { VALKEY_VERSION, WAKEY_VERSION } from "./config/version.ts";
import type { Server } from "./server.ts";

/** Set in the environment of the process that runs in the background. */
const DETACHED = "WAKEY_DETACHED";
/** The launcher's own path, which it leaves in the environment. */
const PROGRAM = "WAKEY_PROGRAM";
const DEFAULT_PID_FILE = "/var/run/valkey.pid";
const SOMAXCONN_FILE = "/proc/sys/net/core/somaxconn";
const MEGABYTE = 1024 * 1024;

/** The program's path as it was started. */
export function programPath(port: Port): string {
  const path = port.env(PROGRAM) ?? (port.script === "" ? port.executable : port.script);
  return path === "" ? "" : port.files.absolute(path);
}

// --- Background and supervision ---

/** What supervises this process: "systemd" or "upstart" when it was found, else "no". Nothing is told to it. */
export function supervisor(port: Port, config: Config): string {
  const wanted = config.text("supervised");
  const isUpstart = port.env("UPSTART_JOB") !== undefined;
  const isSystemd = port.env("NOTIFY_SOCKET") !== undefined;
  if ((wanted === "auto" || wanted === "upstart") && isUpstart) return "upstart";
  if ((wanted === "auto" || wanted === "systemd") && isSystemd) return "systemd";
  return "no";
}

/** A port whose standard input is remembered, for a process that starts itself again. */
export class RememberedInput {
  text: string | undefined;
  readonly port: Port;

  constructor(port: Port) {
    this.port = Object.create(port, {
      readStdin: { value: () => this.text = port.readStdin() },
    }) as Port;
  }
}

/** Starts the program again in the background and ends this process. Returns when that is not wanted or impossible. */
export async function detach(port: Port, config: Config, input: RememberedInput): Promise<void> {
  if (!config.boolean("daemonize") || supervisor(port, config) !== "no") return;
  if (port.env(DETACHED) !== undefined) return;
  if (await port.respawnDetached({ env: { [DETACHED]: "1" }, stdin: input.text }) !== 0) port.exit(0);
}

// --- Pid file and title ---

/** Writes the pid file where one is wanted. Returns its path, "" when there is none. */
export function writePidFile(server: Server): string {
  const { port, config, log } = server;
  const named = config.text("pidfile");
  if (named === "" && !config.boolean("daemonize")) return "";
  const path = named === "" ? DEFAULT_PID_FILE : named;
  try {
    port.files.write(path, `${port.pid}\n`);
    return path;
  } catch (error) {
    log.warning(`Failed to write PID file: ${errorText(error)}`);
    return "";
  }
}

/** The title of this process, by proc-title-template. */
function processTitle(port: Port, config: Config): string {
  const tcpPort = config.number("port");
  const bind = config.text("bind").split(" ")[0] || "*";
  const path = config.text("unixsocket");
  const values: Record<string, string> = {
    "title": programPath(port),
    "listen-addr": tcpPort !== 0 ? `${bind}:${tcpPort}` : path,
    "server-mode": "",
    "port": `${tcpPort}`,
    "tls-port": config.text("tls-port"),
    "unixsocket": path,
    "config-file": config.file ?? "",
  };
  return config.text("proc-title-template").replace(/\{([a-z-]+)\}/g, (_, name: string) => values[name] ?? "").trim();
}

/** Sets the title now and whenever its template changes. */
export function keepTitle(server: Server): void {
  const { port, config } = server;
  const set = () => {
    if (config.boolean("set-proc-title")) port.setTitle(processTitle(port, config));
    return undefined;
  };
  set();
  config.onChange("proc-title-template", set);
}

// --- First lines of the log ---

/** The logo, for a terminal or when it is asked for. */
export function logo(port: Port, tcpPort: number): string {
  const lines = [
    "       .  *  .", "    .  \\ | /  .",
    `   -- ( \u2299 ) --      Wakey ${WAKEY_VERSION}, Valkey ${VALKEY_VERSION} compatible, 64 bit`,
    "    '  / | \\  '        Running in standalone mode", `   ___________        Port: ${tcpPort}`,
    `                      PID: ${port.pid}`,
  ];
  return "\n" + lines.join("\n") + "\n\n";
}

/** Warns about settings that this system or common sense does not go with. */
export function warnAboutSystem({ port, config, log }: Server): void {
  const backlog = config.number("tcp-backlog");
  if (port.platform === "linux" && port.files.exists(SOMAXCONN_FILE)) {
    const limit = Number(port.files.readText(SOMAXCONN_FILE));
    if (limit > 0 && limit < backlog) {
      log.warning(`WARNING: The TCP backlog setting of ${backlog} cannot be enforced because ${SOMAXCONN_FILE} is ` +
        `set to the lower value of ${limit}.`);
    }
  }
}

/** Warns when a supervisor was named that is not there, or that waits for a word of ours. */
export function warnAboutSupervisor({ config, log, supervisor: found }: Server): void {
  const wanted = config.text("supervised");
  if (wanted === "upstart" && found === "no") log.warning("Upstart supervision requested, but UPSTART_JOB not found!");
  if (wanted === "systemd" && found === "no") {
    log.warning("Systemd supervision requested, but NOTIFY_SOCKET not found!");
  }
  if (found === "systemd") log.warning("systemd is not told when this server is ready: use Type=exec in its unit.");
}

/** Warns about a maxmemory that was probably meant otherwise. */
export function warnAboutMaxmemory({ config, log }: Server): void {
  const maxmemory = config.number("maxmemory");
  if (maxmemory > 0 && maxmemory < MEGABYTE) {
    log.warning("WARNING: You specified a maxmemory value that is less than 1MB " +
      `(current value is ${maxmemory} bytes). Are you sure this is what you really want?`);
  }
}
