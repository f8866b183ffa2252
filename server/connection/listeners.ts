// listeners.ts - the sockets that a server listens on: bound at the start, bound anew when CONFIG SET changes port or
// bind, closed at the end.
//
//     port, bind, tcp-backlog, unixsocket ──► start() ──► Listener[] ──► accept(socket)
//     CONFIG SET port|bind ──► rebind(): the old ones close, the new ones open; Config rebinds the old on failure
//
// An address that starts with "-" may be missing on this machine. Not for what happens to accepted sockets: server.ts.

import type { Listener, ListenOptions, TlsSettings } from "../../runtime-adapters/port.ts";
import { errorCode, errorText } from "../config/host.ts";
import type { Server } from "../server.ts";
import { TlsListeners } from "./tls.ts";

/** Errors that mean "this machine can't do this kind of address": such an address is passed over. */
const NO_SUCH_FAMILY = ["ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EPFNOSUPPORT", "EAFNOSUPPORT"];
const NO_SUCH_NAME = ["ENOTFOUND", "EAI_AGAIN", "EAI_NONAME", "ENODATA"];
/** How often, and after how long, a port that was just closed is tried again. */
const RETRIES = 10;
const RETRY_MS = 10;
/** Open files that are not clients. */
const RESERVED_FILES = 32;

export class Listeners {
  readonly #server: Server;
  readonly tls: TlsListeners;
  #tcp: Listener[] = [];
  #unix: Listener | undefined;
  readonly #others: Listener[] = [];
  /** Set by start(): before it, settings change without effect on sockets. */
  #isStarted = false;
  #isClosed = false;

  constructor(server: Server) {
    this.#server = server;
    this.tls = new TlsListeners(server, (host, port, settings) => this.#bindTls(host, port, settings));
    const { config } = server;
    config.onChange("port", () => this.#rebind("Unable to listen on this port. Check server logs."));
    config.onChange("bind", () => this.#rebind("Failed to bind to specified addresses."));
    config.onChange("maxclients", () => this.#checkMaxClients());
  }

  /** The TCP port that is listened on, 0 when none is. */
  get tcpPort(): number {
    return [...this.#tcp, ...this.#others].find((listener) => listener.port !== 0)?.port ?? 0;
  }

  /** Number of sockets that are listened on. */
  get count(): number {
    return this.#tcp.length + this.tls.count + (this.#unix === undefined ? 0 : 1);
  }

  /** Binds everything that the configuration names. Returns the text for the log's last line when that failed. */
  async start(): Promise<string | undefined> {
    const { config } = this.#server;
    this.#isStarted = true;
    this.#lowerMaxClients();
    if (!await this.#bindTcp()) return `Failed listening on port ${config.number("port")} (tcp), aborting.`;
    const path = config.text("unixsocket");
    return await (path === "" ? undefined : this.#bindUnix(path)) ?? this.tls.start();
  }

  /** Opens one TLS listener; undefined, with the reason in the log, where that fails. */
  async #bindTls(word: string, port: number, tls: TlsSettings): Promise<Listener | undefined> {
    const { log } = this.#server;
    const host = word.replace(/^-/, "");
    const refused = (reason: string, remote: string, local: string) =>
      log.warning(`Error accepting a client connection: ${reason} (addr=${remote} laddr=${local})`);
    const options = Object.assign(this.#options({ host, port }), { tls, refused });
    try {
      return await this.#listen(options, RETRIES);
    } catch (error) {
      log.warning(`Warning: Could not create server TLS listening socket ${host}:${port}: ${socketError(error)}`);
      return undefined;
    }
  }

  /** Listens at one more place, which no directive names. */
  async open(options: ListenOptions): Promise<Listener> {
    const listener = await this.#server.port.listen(options, (socket) => this.#server.accept(socket));
    if (this.#isClosed) listener.close();
    else this.#others.push(listener);
    return listener;
  }

  close(): void {
    this.#isClosed = true;
    this.#closeTcp();
    this.tls.close();
    for (const listener of this.#others) listener.close();
    this.#unix?.close();
    this.#unix = undefined;
    const path = this.#server.config.text("unixsocket");
    if (this.#isStarted && path !== "" && this.#server.port.files.exists(path)) this.#server.port.files.unlink(path);
  }

  #closeTcp(): void {
    for (const listener of this.#tcp) listener.close();
    this.#tcp = [];
  }

  /** The options of a listener; adapters read tcp-keepalive at each connection, so it may change meanwhile. */
  #options(place: Pick<ListenOptions, "host" | "port" | "path" | "unixMode">): ListenOptions {
    const { config } = this.#server;
    return {
      ...place,
      backlog: config.number("tcp-backlog"),
      get keepAliveSeconds() {
        return config.number("tcp-keepalive");
      },
    };
  }

  /** Binds every address to the port; false, with none bound, when one that is needed fails. */
  async #bindTcp(tries = 1): Promise<boolean> {
    const { config, log } = this.#server;
    const port = config.number("port");
    if (port === 0) return true;
    for (const word of config.text("bind").split(" ").filter((address) => address !== "")) {
      const host = word.replace(/^-/, "");
      try {
        const listener = await this.#listen(this.#options({ host, port }), tries);
        if (this.#isClosed) listener.close();
        else this.#tcp.push(listener);
      } catch (error) {
        const code = errorCode(error);
        log.warning(`Warning: Could not create server TCP listening socket ${host}:${port}: ${socketError(error)}`);
        if ((code === "EADDRNOTAVAIL" && word.startsWith("-")) || NO_SUCH_FAMILY.includes(code)) continue;
        this.#closeTcp();
        return false;
      }
    }
    return true;
  }

  /** Listens; an address that is in use is tried again some times. */
  async #listen(options: ListenOptions, tries: number): Promise<Listener> {
    const { port } = this.#server;
    try {
      return await port.listen(options, (socket) => this.#server.accept(socket));
    } catch (error) {
      if (tries <= 1 || errorCode(error) !== "EADDRINUSE") throw error;
      await new Promise<void>((resolve) => void port.timer(RETRY_MS, resolve));
      return this.#listen(options, tries - 1);
    }
  }

  async #bindUnix(path: string): Promise<string | undefined> {
    const { port: adapter, config } = this.#server;
    const mode = config.number("unixsocketperm");
    if (adapter.files.exists(path)) adapter.files.unlink(path);
    try {
      const options = this.#options({ path, unixMode: mode === 0 ? undefined : mode });
      this.#unix = await adapter.listen(options, (socket) => this.#server.accept(socket));
      return undefined;
    } catch (error) {
      return `Failed opening Unix socket: ${socketError(error)}`;
    }
  }

  async #rebind(failure: string): Promise<string | undefined> {
    if (!this.#isStarted || this.#isClosed) return undefined;
    const isSamePort = this.#tcp.some((listener) => listener.port === this.#server.config.number("port"));
    this.#closeTcp();
    // Adapters let go of a port when their turn is over, Deno's own sockets some time later.
    await new Promise<void>((resolve) => this.#server.port.afterTurn(resolve));
    return await this.#bindTcp(isSamePort ? RETRIES : 1) ? undefined : failure;
  }

  /** At the start fewer clients than wanted are better than none. */
  #lowerMaxClients(): void {
    const { config, log, port } = this.#server;
    const limit = port.openFilesLimit();
    const wanted = config.number("maxclients");
    if (wanted + RESERVED_FILES <= limit) return;
    const possible = Math.max(limit - RESERVED_FILES, 1);
    config.replace("maxclients", BigInt(possible));
    log.warning(`You requested maxclients of ${wanted} requiring at least ${wanted + RESERVED_FILES} max file ` +
      "descriptors.");
    log.warning(`Current maximum open files is ${limit}. maxclients has been reduced to ${possible} to compensate ` +
      "for low ulimit. If you need higher maxclients increase 'ulimit -n'.");
  }

  /** Refuses more clients than files can be open. */
  #checkMaxClients(): string | undefined {
    const limit = this.#server.port.openFilesLimit();
    if (this.#server.config.number("maxclients") + RESERVED_FILES <= limit) return undefined;
    return "The operating system is not able to handle the specified number of clients, " +
      `try with ${Math.max(limit - RESERVED_FILES, 0)}`;
  }
}

/** The system's words for a failed listen(), in the form that Valkey logs them. */
function socketError(error: unknown): string {
  if (NO_SUCH_NAME.includes(errorCode(error))) return "Name or service not known";
  return `bind: ${errorText(error)}`;
}
