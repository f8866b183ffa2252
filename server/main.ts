// main.ts - the program: command line and configuration to a listening server, signals, the log's first lines.
//
// Not for serving: server.ts. Nothing else in the repository exits the process.

import { openPort } from "../runtime-adapters/select.ts";
import type { IoAdapterChoice } from "../runtime-adapters/select.ts";
import type { Port } from "../runtime-adapters/port.ts";
import { userLineCheck } from "./acl/access.ts";
import { RuleCommands } from "./acl/rules.ts";
import { CommandTable } from "./commands/command-table.ts";
import { startUp } from "./config/startup.ts";
import { VALKEY_VERSION } from "./config/version.ts";
import { CrashReporter, isLostOutput } from "./crash.ts";
import {
  detach, keepTitle, logo, programPath, RememberedInput, supervisor, warnAboutMaxmemory, warnAboutSupervisor,
  warnAboutSystem, writePidFile,
} from "./program.ts";
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

/** Loads the admin pages (admin/start.ts), which are a file of their own: most servers have none. */
type AdminLoader = () => Promise<{
  startAdmin(server: Server, port: number): Promise<{ port: number; close(): void }>;
}>;

/** Runs a server until it is told to stop. */
export async function main(here: string, loadAdmin: AdminLoader): Promise<void> {
  const { port: first } = await openPort({ ioAdapter: "portable" });
  const input = new RememberedInput(first);
  const commands = new CommandTable();
  const hooks = {
    renameCommand: (from: string, to: string) => commands.renameForFile(from, to),
    user: userLineCheck(() => new RuleCommands(commands.known())),
  };
  const started = startUp(input.port, first.args, hooks);
  if ("code" in started) {
    first.stdout(started.stdout);
    first.stderr(started.stderr);
    if (started.log !== "") first.stderr(started.log + "\n");
    return first.exit(started.code);
  }
  const { config, messages } = started;
  await detach(first, config, input);
  const choice = config.text("io-adapter") as IoAdapterChoice;
  const opened = await openPort({ ioAdapter: choice, portable: first });
  const { port } = opened;
  const module = new WebAssembly.Module(readCore(port, here) as BufferSource);
  const server = new Server({ port, config, module, commands });
  const crashes = new CrashReporter(server);
  port.onFault((error) => {
    if (!isLostOutput(error)) crashes.fault(error);
  });
  for (const [level, text] of messages) server.log.write(level, text);
  announce(server, opened.fallbackReason);
  server.shutdown.pidFile = writePidFile(server);
  keepTitle(server);
  warnAboutSystem(server);
  warnAboutSupervisor(server);
  await serve(server, loadAdmin);
}

/** The log's first lines. */
function announce(server: Server, fallbackReason: string | undefined): void {
  const { port, config, log } = server;
  server.supervisor = supervisor(port, config);
  log.notice("oO0OoO0OoO0Oo Valkey is starting oO0OoO0OoO0Oo");
  log.notice(`Valkey version=${VALKEY_VERSION}, bits=64, commit=00000000, modified=0, pid=${port.pid}, just started`);
  if (port.args.length > 0) log.notice("Configuration loaded");
  else {
    log.warning("Warning: No config file specified, using the default config. In order to specify a config file use " +
      `${programPath(port)} /path/to/valkey.conf`);
  }
  log.notice(`monotonic clock: ${port.runtime} ${port.version}`);
  log.notice(`io-adapter: ${port.ioAdapter}${fallbackReason === undefined ? "" : ` (${fallbackReason})`}`);
  if (config.boolean("always-show-logo")) log.raw("notice", logo(port, config.number("port")));
  else log.notice(`Running mode=standalone, port=${config.number("port")}.`);
}

/** Serves the admin pages where admin-port asks for them; the reason when that fails. Loaded only when wanted. */
async function serveAdmin(server: Server, load: AdminLoader): Promise<string | undefined> {
  const adminPort = server.config.number("admin-port");
  if (adminPort === 0) return undefined;
  try {
    const { startAdmin } = await load();
    const admin = await startAdmin(server, adminPort);
    server.onClose(() => admin.close());
    server.log.notice(`Admin pages on http://127.0.0.1:${admin.port}/`);
    return undefined;
  } catch (error) {
    return `Could not serve the admin pages on port ${adminPort}: ${(error as Error).message}`;
  }
}

/** Listens, and lets signals end it. */
async function serve(server: Server, loadAdmin: AdminLoader): Promise<void> {
  const { port, config, log } = server;
  server.shutdown.exit = (code) => port.exit(code);
  const refusal = server.access.start();
  if (refusal !== undefined) {
    log.warning(refusal);
    server.shutdown.removePidFile();
    return port.exit(1);
  }
  const failure = await server.listen();
  if (failure !== undefined || server.listeners.count === 0) {
    log.warning(failure ?? "Configured to not listen anywhere, exiting.");
    server.shutdown.removePidFile();
    return port.exit(1);
  }
  const adminFailure = await serveAdmin(server, loadAdmin);
  if (adminFailure !== undefined) {
    log.warning(adminFailure);
    server.shutdown.removePidFile();
    return port.exit(1);
  }
  log.notice("Server initialized");
  if (config.number("port") !== 0) log.notice("Ready to accept connections tcp");
  if (config.text("unixsocket") !== "") log.notice("Ready to accept connections unix");
  if (config.number("tls-port") !== 0) log.notice("Ready to accept connections tls");
  warnAboutMaxmemory(server);
  server.cron.start();
  for (const signal of ["SIGTERM", "SIGINT"] as const) port.onSignal(signal, () => server.shutdown.signal(signal));
  port.onSignal("SIGHUP", () => undefined);
}
