// tls.ts - the server's TLS listeners: opened at the start, given new certificates without dropping a connection; and
// the settings for connections that the server opens itself.
//
//     tls-port, bind, tls-* ──► start() ──► Listener[] with TLS ──► accept(socket)
//     CONFIG SET tls-...    ──► new settings for the listeners, or all of them anew
//     tls-auto-reload-interval ──► files that changed are read again
//     tls-cluster   ──► dialling ──► Port.dial() with TLS
//
// Settings that can't be used change nothing: those in force stay.

import type { CertificateFacts, Listener, Timer, TlsSettings } from "../../runtime-adapters/port.ts";
import { dialsByTls, TlsProblem, tlsFiles, tlsSettings } from "./tls-files.ts";
import type { Server } from "../server.ts";

const REFUSED = "Unable to update TLS configuration. Check server logs.";
/** Directives that mean new listeners; any other only new settings. */
const NEEDS_LISTENERS = ["tls-port", "tls-auth-clients", "bind"];
const NEEDS_SETTINGS = [
  "tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-client-cert-file",
  "tls-client-key-file", "tls-client-key-file-pass", "tls-dh-params-file", "tls-ca-cert-file", "tls-ca-cert-dir",
  "tls-protocols", "tls-ciphers", "tls-ciphersuites", "tls-prefer-server-ciphers", "tls-session-caching",
  "tls-session-cache-size", "tls-session-cache-timeout", "tls-replication", "tls-cluster",
];

/** What INFO tells of certificates; nothing of those that there are not. */
type Facts = Partial<Record<"server" | "client" | "ca", CertificateFacts>>;

/** Opens a listener at a host and port; undefined (logged) where that fails. */
type Bind = (host: string, port: number, tls: TlsSettings) => Promise<Listener | undefined>;

export class TlsListeners {
  readonly #server: Server;
  readonly #bind: Bind;
  #listeners: Listener[] = [];
  #timer: Timer | undefined;
  #isStarted = false;
  #seen = "";
  /** What is in force, for INFO: the server's own, the one for connections that it opens, the CA's that ends first. */
  facts: Facts = {};
  /** For connections that the server opens itself; undefined until the directives asked for TLS. */
  dialling: TlsSettings | undefined;

  constructor(server: Server, bind: Bind) {
    this.#server = server;
    this.#bind = bind;
    const { config } = server;
    const whole = () => this.#change(true);
    const settings = () => this.#change(false);
    config.onChange(NEEDS_LISTENERS, whole);
    config.onChange(NEEDS_SETTINGS, settings);
    config.onChange("tls-auto-reload-interval", () => {
      this.#watchFiles();
      return undefined;
    });
  }

  get count(): number {
    return this.#listeners.length;
  }

  /** Whether the directives ask for TLS anywhere. */
  get #isWanted(): boolean {
    const { config } = this.#server;
    return config.number("tls-port") !== 0 || dialsByTls(config);
  }

  /** Listens where tls-port says. Returns the text for the log's last line when that failed. */
  async start(): Promise<string | undefined> {
    this.#isStarted = true;
    if (!this.#isWanted) return undefined;
    const settings = await this.#read();
    if (settings === undefined) return "Failed to configure TLS. Check logs for more info.";
    const port = this.#server.config.number("tls-port");
    if (port !== 0 && !await this.#open(settings)) return `Failed listening on port ${port} (tls), aborting.`;
    this.#watchFiles();
    return undefined;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
  }

  /** The listeners' settings as the directives have them now; undefined (logged) when they can't be used. */
  async #read(): Promise<TlsSettings | undefined> {
    const { port, config, log } = this.#server;
    try {
      const { listening, dialling } = await tlsSettings(port, config);
      this.#seen = this.#stamps();
      const factsOf = async (pem: Uint8Array | undefined) => pem && await port.certificateFacts?.(pem) || [];
      const authorities = (await Promise.all((listening.authorities ?? []).map(factsOf))).flat();
      this.facts = {
        server: (await factsOf(listening.certificate))[0],
        client: dialling === listening ? undefined : (await factsOf(dialling.certificate))[0],
        ca: authorities.sort((a, b) => a.endsMs - b.endsMs)[0],
      };
      this.dialling = dialling;
      return listening;
    } catch (error) {
      if (!(error instanceof TlsProblem)) throw error;
      log.warning(error.message);
      return undefined;
    }
  }

  async #open(settings: TlsSettings): Promise<boolean> {
    const { config } = this.#server;
    const port = config.number("tls-port");
    for (const word of config.text("bind").split(" ").filter((address) => address !== "")) {
      const listener = await this.#bind(word, port, settings);
      if (listener !== undefined) this.#listeners.push(listener);
      else if (!word.startsWith("-")) {
        this.close();
        return false;
      }
    }
    return true;
  }

  async #change(anew: boolean): Promise<string | undefined> {
    const { config } = this.#server;
    if (!this.#isStarted) return undefined;
    const isListening = config.number("tls-port") !== 0;
    if (!isListening) this.close();
    if (!this.#isWanted) {
      this.facts = {};
      return undefined;
    }
    const settings = await this.#read();
    if (settings === undefined) return REFUSED;
    if (!isListening) {
      this.#watchFiles();
      return undefined;
    }
    if (!anew && this.#listeners.length > 0) {
      for (const listener of this.#listeners) listener.setTls?.(settings);
      return undefined;
    }
    this.close();
    // Adapters let go of a port when their turn is over.
    await new Promise<void>((resolve) => this.#server.port.afterTurn(resolve));
    const isOpen = await this.#open(settings);
    this.#watchFiles();
    return isOpen ? undefined : "Unable to listen on this port. Check server logs.";
  }

  // --- Files that change ---

  /** What tells one state of the files from another. */
  #stamps(): string {
    const { port, config } = this.#server;
    return tlsFiles(config).map((path) => {
      const facts = port.files.facts(path);
      return `${facts?.modifiedMs} ${facts?.size}`;
    }).join("\n");
  }

  #watchFiles(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const seconds = this.#server.config.number("tls-auto-reload-interval");
    if (seconds === 0 || !this.#isStarted || !this.#isWanted) return;
    this.#timer = this.#server.port.every(seconds * 1000, () => void this.#reload());
  }

  async #reload(): Promise<void> {
    const { log } = this.#server;
    if (this.#stamps() === this.#seen) {
      log.debug("TLS reload skipped: materials unchanged");
      return;
    }
    log.notice("TLS materials changed, reloading in background");
    const settings = await this.#read();
    // A file may be half written: it is looked at again.
    if (settings === undefined) return;
    for (const listener of this.#listeners) listener.setTls?.(settings);
    log.notice("TLS materials reloaded successfully");
  }
}
