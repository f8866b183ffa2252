// hot-keys.ts - which keys take the most requests and the most bytes, from samples.
//
//   process() ── one slice in about 400 ──► sample(): the keys of the slice's last command, which counts for all
//                                           commands of all slices since the last sample
//
// Each of the two lists keeps 256 keys in the way of "space-saving" (Metwally, Agrawal, El Abbadi, 2005): a new key
// takes the place of one with the least and inherits its count, so that a key which takes more than 1/256 of all is
// never missing. Counts fade: every ten seconds they lose what halves them in a minute.
//
// Costs: a slice pays one decrement, a sample of new keys up to ten microseconds. Not for calls in process, which have
// no slices, and not for every key of a command of many: the first 16 are looked at.

import { findKeys, mayHaveKeys } from "../commands/get-keys.ts";
import { CLIENT, ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";

const KEPT = 256;
/** So many of them are found at once to be replaced one by one. */
const SPARE = 32;
const KEYS_LOOKED_AT = 16;
/** Longer names are not kept. */
const NAME_MAX = 1024;
/** Slices between samples: a random number around this, so that no rhythm of a client is in step with it. */
const INTERVAL = 384;
const FADE_SECONDS = 10;
const FADE = 2 ** (-FADE_SECONDS / 60);

/** The keys with the largest counts. */
export class TopKeys {
  readonly #counts = new Map<string, number>();
  /** Keys that were the least when they were looked for, the least last, with their counts of that time. */
  #spare: [key: string, count: number][] = [];
  /** All that was ever added, faded like the counts. */
  total = 0;

  add(key: string, amount: number): void {
    this.total += amount;
    const known = this.#counts.get(key);
    if (known !== undefined || this.#counts.size < KEPT) {
      this.#counts.set(key, (known ?? 0) + amount);
      return;
    }
    const [least, count] = this.#takeLeast();
    this.#counts.set(key, count + amount);
    this.#counts.delete(least);
  }

  /** One of the keys with the least counts. They are looked for together, since a sort costs as much as 30 samples. */
  #takeLeast(): [key: string, count: number] {
    for (;;) {
      const spare = this.#spare.pop() ?? this.#findSpare();
      if (this.#counts.get(spare[0]) === spare[1]) return spare;
    }
  }

  #findSpare(): [key: string, count: number] {
    this.#spare = [...this.#counts].sort(([, a], [, b]) => a - b).slice(0, SPARE).reverse();
    return this.#spare.pop()!;
  }

  fade(): void {
    this.total *= FADE;
    this.#spare = [];
    for (const [key, count] of this.#counts) {
      if (count * FADE < 0.5) this.#counts.delete(key);
      else this.#counts.set(key, count * FADE);
    }
  }

  /** The largest first. */
  largest(count: number): [key: string, amount: number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, count);
  }

  clear(): void {
    this.#counts.clear();
    this.#spare = [];
    this.total = 0;
  }
}

export class HotKeys {
  readonly requests = new TopKeys();
  readonly bytes = new TopKeys();
  readonly #server: Server;
  /** Slices until the next sample. */
  left = INTERVAL;
  #step = INTERVAL;
  #state = 1;
  /** Seconds that the counts stand for. */
  #window = 0;
  #sinceUs: number;
  #fadedUs: number;

  constructor(server: Server) {
    this.#server = server;
    this.#sinceUs = this.#fadedUs = server.port.monotonicUs();
  }

  /** Seconds that the counts stand for, at least one. */
  get seconds(): number {
    return Math.max(1, this.#window + (this.#server.port.monotonicUs() - this.#sinceUs) / 1e6);
  }

  /** Looks at the slice that just ran, before its time is settled; the arguments are still in place. */
  sample(client: number): void {
    const slices = this.#step;
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    this.left = this.#step = INTERVAL / 2 + (this.#state >>> 8) % INTERVAL;
    const { core, commands } = this.#server;
    const runs = core.root32(ROOT.settleCount);
    const command = commands.byId(core.root32(ROOT.currentCommand));
    if (runs === 0 || command === undefined || !mayHaveKeys(command)) return;
    this.#fade();
    const args = core.argsInPlace();
    const keys = findKeys(command, args).slice(0, KEYS_LOOKED_AT);
    if (keys.length === 0) return;
    const weight = runs * slices;
    const reply = core.u64(client + CLIENT.outBytes) - core.u64(client + CLIENT.replyStart);
    const bytes = (core.argumentBytes + Math.max(0, reply)) / keys.length;
    const db = core.client32(client, "db");
    for (const { position } of keys) {
      const name = args[position];
      // A command that was refused for its number of arguments may have fewer than its keys need.
      if (name === undefined || name.length > NAME_MAX) continue;
      const key = `${db} ${String.fromCharCode(...name)}`;
      this.requests.add(key, weight);
      this.bytes.add(key, weight * bytes);
    }
  }

  /** Lets the counts fade for the time that has passed. */
  #fade(): void {
    const now = this.#server.port.monotonicUs();
    while (now - this.#fadedUs >= FADE_SECONDS * 1e6) {
      this.#window = (this.#window + (this.#fadedUs + FADE_SECONDS * 1e6 - this.#sinceUs) / 1e6) * FADE;
      this.#fadedUs += FADE_SECONDS * 1e6;
      this.#sinceUs = this.#fadedUs;
      this.requests.fade();
      this.bytes.fade();
      // Whatever was counted before ten minutes of silence is nothing by now.
      if (now - this.#fadedUs > 600e6) this.reset();
    }
  }

  reset(): void {
    this.requests.clear();
    this.bytes.clear();
    this.#window = 0;
    this.#sinceUs = this.#fadedUs = this.#server.port.monotonicUs();
  }

  /** The keys with the most, as they are now. */
  top(list: TopKeys, count: number): { db: number; name: string; perSecond: number; share: number }[] {
    this.#fade();
    const { seconds } = this;
    return list.largest(count).map(([key, amount]) => {
      const blank = key.indexOf(" ");
      return {
        db: Number(key.slice(0, blank)), name: key.slice(blank + 1), perSecond: amount / seconds,
        share: list.total === 0 ? 0 : amount / list.total,
      };
    });
  }
}
