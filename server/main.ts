// main.ts - the program: command line and configuration to a listening server, signals, pid file, the log's first lines.
//
// Not for serving: server.ts. Nothing else in the repository exits the process.

import { openPort } from "../runtime-adapters/select.ts";
import type { IoAdapterChoice } from "../runtime-adapters/select.ts";
import type { Port } from "../runtime-adapters/port.ts";
import { CommandTable } from "./commands/command-table.ts";
import { startUp } from "./config/startup.ts";
import { VALKEY_VERSION, WAKEY_VERSION } from "./config/version.ts";
import { Server } from "./server.ts";

/** Where the core's bytes are: beside the bundle, or in dist/ when the sources run as they are. */
function readCore(port: Port, here: string): Uint8Array {
  const places = ["core.wasm", "../dist/core.wasm", "dist/core.wasm"].map((path) => new URL(path, here).pathname);
  const path = places.find((place) => port.files.exists(decodeURIComponent(place)));
  if (path === undefined) {
    port.stderr("The core is not built yet: run 'npm run build' first.\n");
    port.exit(1);
  }
  return port.files.read(decodeURIComponent(path));
}

/** The logo, for a terminal or when it is asked for. */
function logo(port: Port, tcpPort: number): string {
  const lines = [
    "       .  *  .", "    .  \\ | /  .",
    `   -- ( \u2299 ) --      Wakey ${WAKEY_VERSION}, Valkey ${VALKEY_VERSION} compatible, 64 bit`,
    "    '  / | \\  '        Running in standalone mode", `   ___________        Port: ${tcpPort}`,
    `                      PID: ${port.pid}`,
  ];
  return "\n" + lines.join("\n") + "\n\n";
}

/** Runs a server until it is told to stop. */
export async function main(here: string): Promise<void> {
  const { port: first } = await openPort({ ioAdapter: "portable" });
  const commands = new CommandTable();
  const started = startUp(first, first.args, { renameCommand: (from, to) => commands.renameForFile(from, to) });
  if ("code" in started) {
    first.stdout(started.stdout);
    first.stderr(started.stderr);
    if (started.log !== "") first.stderr(started.log + "\n");
    return first.exit(started.code);
  }
  const { config, messages } = started;
  const choice = config.text("io-adapter") as IoAdapterChoice;
  const opened = await openPort({ ioAdapter: choice, portable: first });
  const { port } = opened;
  const module = new WebAssembly.Module(readCore(port, here) as BufferSource);
  const server = new Server({ port, config, module, commands });
  for (const [level, text] of messages) server.log.write(level, text);
  const { log } = server;
  log.notice("oO0OoO0OoO0Oo Valkey is starting oO0OoO0OoO0Oo");
  log.notice(`Valkey version=${VALKEY_VERSION}, bits=64, commit=00000000, modified=0, pid=${port.pid}, just started`);
  if (opened.fallbackReason !== undefined) log.notice(`io-adapter: ${opened.fallbackReason}`);
  if (config.boolean("always-show-logo")) log.raw("notice", logo(port, config.number("port")));
  else log.notice(`Running mode=standalone, port=${config.number("port")}.`);
  const failure = await server.listen();
  if (failure !== undefined || server.listeners.count === 0) {
    log.warning(failure ?? "Configured to not listen anywhere, exiting.");
    port.exit(1);
  }
  log.notice("Server initialized");
  if (config.number("port") !== 0) log.notice("Ready to accept connections tcp");
  if (config.text("unixsocket") !== "") log.notice("Ready to accept connections unix");
  server.startCron();
  server.shutdown.exit = (code) => port.exit(code);
  for (const signal of ["SIGTERM", "SIGINT"] as const) port.onSignal(signal, () => server.shutdown.signal(signal));
  port.onSignal("SIGHUP", () => undefined);
}
