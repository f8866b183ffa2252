/**
 * soak: thousands of connections that do everything at once and die in the middle of it, again and again, and a look at
 * what the server holds when all of them are gone.
 *
 *   cycle: slots are filled ──► in each, one life after the other ──► time is over, all die ──► FLUSHALL ──► memory
 *
 * Every reply is checked: wire.ts against what the model (model.ts), the shared queues, channels and copies (shared.ts)
 * say. Cycles after the first tell a leak of the runtime's memory from what it keeps for good: they must not add to it.
 */
import { readFileSync } from "node:fs";
import { Random } from "../support/random.ts";
import { Life, type World } from "./life.ts";
import { Shared } from "./shared.ts";
import { fault, type Tally, Wire } from "./wire.ts";

export interface SoakOptions {
  port: number;
  /** Process of the server, for its resident memory. */
  pid: number;
  connections: number;
  /** Length of all cycles together. */
  seconds: number;
  cycles: number;
  seed: number;
  /** Told what goes on, once in a while. */
  log?: (line: string) => void;
}

/** What the server holds. */
export interface Holdings {
  used: number;
  /** Bytes of pages that are not free. */
  active: number;
  rss: number;
  /** Resident memory beside the linear one, which stays as large as it ever was. */
  host: number;
}

export interface SoakReport extends Tally {
  lives: number;
  /** By the state that they died in. */
  deaths: Record<string, number>;
  /** Before the first connection, and after each cycle. */
  holdings: Holdings[];
  /** Fields of INFO that should have been 0 after a cycle. */
  remains: string[];
}

/** What INFO must not show when everybody is gone. */
const MUST_BE_ZERO = [
  "blocked_clients", "tracking_clients", "pubsub_clients", "watching_clients", "clients_in_timeout_table",
  "total_watched_keys", "total_blocking_keys", "total_blocking_keys_on_nokey", "pubsub_channels", "pubsub_patterns",
  "pubsubshard_channels", "tracking_total_keys", "tracking_total_items", "tracking_total_prefixes",
  "lazyfree_pending_objects",
];
/** What a server makes once: shared tables, a buffer of the connection that asks. No matter how many connections. */
const USED_ALLOWED = 32 << 10;
/** A page for each size of what was made once. */
const ACTIVE_ALLOWED = 1 << 20;
const HOST_ALLOWED = 32 << 20;
const HOST_ALLOWED_SHARE = 0.25;
const WASM_PAGE = 65536;
const OPENED_AT_ONCE = 50;
/** Longer than the longest wait for a reply that a step asks for. */
const REPLY_LIMIT_MS = 120_000;
/** How often the waiting is looked at. */
const LOOK_MS = 5000;
const FILES_BESIDE = 100;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Throws, in plain words, where the system lets this process open too few files. */
export function checkOpenFiles(connections: number): void {
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return; // Linux alone tells; elsewhere the first refused connection does.
  }
  const limit = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Infinity);
  if (limit >= connections + FILES_BESIDE) return;
  throw new Error(`${connections} connections need ${connections + FILES_BESIDE} open files, this process may have ` +
    `${limit}: raise it first, with ulimit -n ${connections + FILES_BESIDE}`);
}

class Soak implements World {
  readonly port: number;
  readonly random: Random;
  readonly shared: Shared;
  readonly restMs: number;
  readonly deaths: Record<string, number> = {};
  readonly tally: Tally;
  readonly #options: SoakOptions;
  readonly #control: Wire;
  readonly #generations: number[];
  readonly #living = new Set<Wire>();
  #isOver = false;
  /** When the waiting was looked at last. */
  #lookedAt = 0;
  /** Faults that the log has. */
  #told = 0;
  lives = 0;
  readonly remains: string[] = [];

  constructor(options: SoakOptions, control: Wire, tally: Tally) {
    this.#options = options;
    this.#control = control;
    this.tally = tally;
    this.port = options.port;
    this.random = new Random(options.seed);
    this.shared = new Shared(tally);
    this.restMs = Math.max(100, 2 * options.connections);
    this.#generations = new Array<number>(options.connections).fill(0);
  }

  isOver(): boolean {
    return this.#isOver;
  }

  async killByServer(id: number): Promise<void> {
    await this.#control.ask(["CLIENT", "KILL", "ID", id], (n) => n === 0 || n === 1);
  }

  async isKnown(id: number): Promise<boolean> {
    return await this.#control.ask(["CLIENT", "LIST", "ID", id]) !== "";
  }

  /** One cycle: fills the slots, lets them live for a while, waits until all are gone. */
  async cycle(seconds: number): Promise<void> {
    this.#isOver = false;
    const slots: Promise<void>[] = [];
    const begun = performance.now();
    this.#lookedAt = begun;
    const watcher = setInterval(() => this.#watch(begun), LOOK_MS);
    for (let slot = 0; slot < this.#options.connections; slot += OPENED_AT_ONCE) {
      const end = Math.min(slot + OPENED_AT_ONCE, this.#options.connections);
      for (let i = slot; i < end; i++) slots.push(this.#fill(i));
      await sleep(5);
    }
    await sleep(Math.max(0, seconds * 1000 - (performance.now() - begun)));
    this.#isOver = true;
    await Promise.all(slots);
    clearInterval(watcher);
  }

  /** One life after the other. */
  async #fill(slot: number): Promise<void> {
    while (!this.#isOver) {
      try {
        const life = await Life.begin(this, slot, this.#generations[slot]++);
        this.lives++;
        this.#living.add(life.wire);
        await Promise.race([life.run(), life.wire.ended()]);
        this.#living.delete(life.wire);
      } catch (error) {
        fault(this.tally, `k${slot}: ${(error as Error).message}`);
        await sleep(1000);
      }
    }
  }

  /** Ends connections that wait too long, and says how it goes. */
  #watch(begun: number): void {
    const now = performance.now();
    // While this process stood still (a stop, a machine that slept) no reply could be read: that is nobody's waiting.
    const stoodMs = now - this.#lookedAt - LOOK_MS;
    this.#lookedAt = now;
    for (const wire of this.#living) {
      if (stoodMs > LOOK_MS) wire.waitingSince += stoodMs;
      if (wire.waited(now) < REPLY_LIMIT_MS) continue;
      fault(this.tally, `${wire.name}: no reply for ${REPLY_LIMIT_MS / 1000} s to ${wire.awaited}`);
      wire.isDying = true;
      wire.socket.destroy();
    }
    const { commands, pushes, faults, faultCount } = this.tally;
    for (; this.#told < faults.length; this.#told++) this.#options.log?.(`  ${faults[this.#told]}`);
    const seconds = ((now - begun) / 1000).toFixed(0);
    this.#options.log?.(`${seconds} s: ${this.#living.size} connections, ${this.lives} lives, ${commands} commands, ` +
      `${pushes} pushes, ${faultCount} faults`);
  }

  /** Empties the server and gives what it still holds, once no connection is left but the one that asks. */
  async empty(): Promise<Holdings> {
    const control = this.#control;
    this.shared.clear();
    const info = async () => String(await control.ask(["INFO", "everything"]));
    const field = (text: string, name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1] ?? 0);
    await control.ask(["FLUSHALL", "SYNC"]);
    await control.ask(["CONFIG", "RESETSTAT"]);
    let text = await info();
    const isQuiet = () =>
      field(text, "connected_clients") === 1 && MUST_BE_ZERO.every((name) => field(text, name) === 0);
    for (let i = 0; i < 100 && !isQuiet(); i++) {
      await sleep(100);
      text = await info();
    }
    // Tables shrink a step at a time.
    await sleep(500);
    await control.ask(["MEMORY", "PURGE"]);
    text = await info();
    for (const name of MUST_BE_ZERO) if (field(text, name) !== 0) this.remains.push(`${name} is ${field(text, name)}`);
    const left = field(text, "connected_clients");
    if (left !== 1) this.remains.push(`connected_clients is ${left}, not 1`);
    const allocator = String(await control.ask(["MEMORY", "MALLOC-STATS"]));
    const linear = Number(/^pages that were ever in use.*: (\d+)$/m.exec(allocator)?.[1] ?? 0) * WASM_PAGE;
    const rss = this.#rss();
    return {
      used: field(text, "used_memory"), active: field(text, "allocator_active"), rss, host: Math.max(0, rss - linear),
    };
  }

  #rss(): number {
    try {
      const status = readFileSync(`/proc/${this.#options.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0; // not Linux
    }
  }
}

/** What is wrong with a soak that is over; nothing when all is well. */
export function complaints({ faults, faultCount, remains, holdings }: SoakReport): string[] {
  const found = faultCount > 0 ? [`${faultCount} faults`, ...faults] : [];
  for (const what of remains) found.push(`after everybody had gone ${what}`);
  const [start, grown, last] = [holdings[0], holdings[holdings.length > 3 ? 2 : 1], holdings[holdings.length - 1]];
  const compare = (what: keyof Holdings, before: number, allowed: number) => {
    if (last[what] > before + allowed) found.push(`${what}: ${before} bytes before, ${last[what]} at the end`);
  };
  compare("used", start.used, USED_ALLOWED);
  compare("active", start.active, ACTIVE_ALLOWED);
  // The runtime's heap stays about as large as the first cycles made it.
  compare("host", grown.host, grown.host * HOST_ALLOWED_SHARE + HOST_ALLOWED);
  return found;
}

/** Soaks a server. It is to be of no other use meanwhile: its keys are flushed. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  checkOpenFiles(options.connections);
  const tally: Tally = { commands: 0, replies: 0, pushes: 0, faults: [], faultCount: 0 };
  const control = await Wire.open(options.port, "127.0.0.1", "control", tally);
  const world = new Soak(options, control, tally);
  const holdings = [await world.empty()];
  for (let i = 0; i < options.cycles; i++) {
    await world.cycle(options.seconds / options.cycles);
    holdings.push(await world.empty());
    const { used, active, rss, host } = holdings[holdings.length - 1];
    options.log?.(`after cycle ${i + 1}: used ${used}, active ${active}, rss ${rss}, host ${host}`);
  }
  control.isDying = true;
  control.socket.destroy();
  return { ...tally, lives: world.lives, deaths: world.deaths, holdings, remains: world.remains };
}
