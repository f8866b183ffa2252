// targets.ts - the connections of MIGRATE that are kept for the next one, and the peace that it needs.
//
// A connection that is not used for 10 seconds is closed by the upkeep, at most 64 are kept: as Valkey does. While keys
// are on their way no client's command runs, as if the server were blocked; nothing expires either.

import type { Server } from "../server.ts";
import { Target, TargetError } from "./target.ts";

const KEPT_US = 10_000_000;
const MOST_KEPT = 64;

export class Targets {
  readonly #server: Server;
  /** By "host:port", the one that was used last at the end. */
  readonly #kept = new Map<string, Target>();
  /** Keys are on their way. */
  isBusy = false;

  constructor(server: Server) {
    this.#server = server;
    server.onClose(() => {
      for (const target of this.#kept.values()) target.close();
      this.#kept.clear();
    });
  }

  /** How many connections are kept. */
  get count(): number {
    return this.#kept.size;
  }

  /** The connection to a place: the one that is kept, or a new one. */
  async reach(host: string, port: number, limitMs: number): Promise<Target> {
    const name = `${host}:${port}`;
    const kept = this.#kept.get(name);
    const target = kept ?? this.#dial(host, port);
    this.#kept.delete(name);
    if (this.#kept.size === MOST_KEPT) this.drop(this.#kept.keys().next().value!);
    this.#kept.set(name, target);
    target.usedUs = this.#server.port.monotonicUs();
    if (kept === undefined) await target.opened(limitMs);
    return target;
  }

  /** A new connection, over TLS when the nodes of a cluster speak TLS: to Valkey every target is one of them. */
  #dial(host: string, to: number): Target {
    const { port, config, listeners } = this.#server;
    if (!config.boolean("tls-cluster")) return new Target(port, host, to);
    const { dialling } = listeners.tls;
    // Where nothing was started no certificate was read.
    if (dialling === undefined) throw new TargetError("EPROTO");
    return new Target(port, host, to, dialling);
  }

  /** Closes the connection of that name ("host:port"). */
  drop(name: string): void {
    this.#kept.get(name)?.close();
    this.#kept.delete(name);
  }

  /** Closes those that were not used for a while. */
  closeOld(): void {
    const beforeUs = this.#server.port.monotonicUs() - KEPT_US;
    for (const [name, target] of this.#kept) if (target.usedUs < beforeUs) this.drop(name);
  }

  /** Runs something while no client's command runs. When the server is closed meanwhile it never goes on. */
  async alone(run: () => Promise<void>): Promise<void> {
    const { core } = this.#server;
    this.isBusy = true;
    core.exports.holdClients(1);
    try {
      await run();
    } finally {
      this.isBusy = false;
      core.exports.holdClients(0);
      if (core.hasOthersToServe) this.#server.drainSoon();
    }
  }
}
