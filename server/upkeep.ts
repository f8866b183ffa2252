// upkeep.ts - what a server does `hz` times a second (cron.ts), whether or not clients call: expire keys, move tables
// on, close idle clients, take samples.
//
// Time budgets are Valkey's: a quarter of the period for active expiry, one millisecond for rehashing.
// Not for the work itself, which is the core's.

import { ROOT } from "./generated/layout.ts";
import type { Server } from "./server.ts";

const REHASH_BUDGET_US = 1000;
/** Clients that are looked at in one run at least, and the time in which each one's turn comes. */
const LEAST_CLIENTS = 5;
const CLIENTS_ROUND_US = 1e6;
const REHASH_BUCKETS = 100;
/** What cronEvict() answers while more keys should go. */
const EVICTION_RUNNING = 2;
/** Share of the time between two runs that active expiry may take, in percent, at effort 1. */
const EXPIRE_PERCENT = 25;

export class Upkeep {
  readonly #server: Server;
  /** DEBUG PAUSE-CRON: nothing happens, not even a shutdown by signal. */
  isPaused = false;
  // Settings, as of the last change: a look-up of each in every run was a tenth of what an idle server costs.
  #budgetUs = 0;
  #rehashes = false;
  #idleSeconds = 0;
  #lastUs = 0;

  constructor(server: Server) {
    this.#server = server;
    this.#obeySettings();
    server.config.onChange(["hz", "active-expire-effort", "activerehashing", "timeout"], () => {
      this.#obeySettings();
      return undefined;
    });
  }

  #obeySettings(): void {
    const { config } = this.#server;
    const percent = EXPIRE_PERCENT + 2 * (config.number("active-expire-effort") - 1);
    this.#budgetUs = 1e6 / config.number("hz") * percent / 100;
    this.#rehashes = config.boolean("activerehashing");
    this.#idleSeconds = config.number("timeout");
  }

  /** Whether time alone gives it something to do. */
  get isNeeded(): boolean {
    const { core, targets } = this.#server;
    return this.isPaused || targets.isBusy || core.hasValuesToFree || core.exports.cronHasWork() === 1;
  }

  /** One run. */
  run(): void {
    if (this.isPaused) return;
    // A script that is busy is alone with the data, and the server does not end under it.
    if (this.#server.isScriptBusy) return;
    // Nothing expires while keys are on their way to another server.
    if (!this.#server.targets.isBusy) this.#work();
    this.#server.shutdown.obey();
  }

  #work(): void {
    const { core, port, stats, latency } = this.#server;
    const start = port.monotonicUs();
    this.#server.syncClock();
    let end = start + this.#budgetUs;
    while (core.exports.cronExpire() === 1) {
      if (port.monotonicUs() <= end) continue;
      core.exports.cronExpireCut();
      break;
    }
    const expireUs = port.monotonicUs() - start;
    stats.expireUs += expireUs;
    latency.add("expire-cycle", expireUs);
    if (this.#rehashes) {
      end = port.monotonicUs() + REHASH_BUDGET_US;
      while (core.exports.cronRehash(REHASH_BUCKETS) === 1) if (port.monotonicUs() > end) break;
    }
    const evicted = core.root64(ROOT.statEvicted);
    const evictionStart = port.monotonicUs();
    end = evictionStart + this.#budgetUs;
    // What waits to be freed is freed in slices of its own (lazy-free.ts), and counts until then.
    while (core.exports.cronEvict() === EVICTION_RUNNING) {
      if (port.monotonicUs() > end || core.hasValuesToFree) break;
    }
    if (core.root64(ROOT.statEvicted) !== evicted) {
      latency.add("eviction-cycle", port.monotonicUs() - evictionStart);
    }
    this.#careForClients(start);
    this.#server.targets.closeOld();
    this.#server.drain();
    core.refresh();
    this.#sample();
    const elapsed = port.monotonicUs() - start;
    stats.cronUs += elapsed;
    stats.countSlice(elapsed, 0);
  }

  /** Idle clients, soft limits, query buffers: every client is looked at about once a second. */
  #careForClients(nowUs: number): void {
    const { core, connections } = this.#server;
    const share = Math.ceil(connections.size * (nowUs - this.#lastUs) / CLIENTS_ROUND_US);
    this.#lastUs = nowUs;
    const count = Math.min(connections.size, Math.max(share, LEAST_CLIENTS));
    if (count > 0) core.exports.cronClients(count, this.#idleSeconds);
  }

  /** Takes the samples of INFO's instantaneous values. */
  #sample(): void {
    const { core, stats } = this.#server;
    const nowMs = this.#server.nowUs() / 1000;
    stats.noteBuffers(Math.floor(nowMs / 1000), core.root32(ROOT.inputPeak), core.root32(ROOT.outputPeak));
    for (const field of [ROOT.inputPeak, ROOT.outputPeak]) core.setU32(core.rootAddress(field), 0);
    stats.sample(nowMs, {
      commands: core.root64(ROOT.statCommands), netIn: core.root64(ROOT.statNetIn),
      netOut: core.root64(ROOT.statNetOut), cycles: stats.cycles, cyclesUs: stats.cyclesUs,
    });
  }
}
