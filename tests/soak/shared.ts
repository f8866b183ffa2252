/**
 * shared: what the soak's connections do to each other: queues that they push to and wait at, channels that they
 * publish to, keys that they write and keep copies of. Everything that passes through tells where it came from, so that
 * whoever gets it can check it:
 *
 *   element   QUEUE|PRODUCER|NUMBER           comes out of its own queue, and once only
 *   message   CHANNEL|PRODUCER|NUMBER|...     comes from its own channel, and a producer's numbers without a gap
 *   copy      KEY|VERSION                     is gone from a cache by the reply to a PING that was sent after a newer
 *                                             write's reply
 */
import { fault, type Reply, type Tally } from "./wire.ts";

export const QUEUES = 40;
export const CHANNELS = 30;
export const TRACKED_KEYS = 300;

/** What the connections of one soak share. */
export class Shared {
  readonly tally: Tally;
  /** Elements that somebody got. */
  #taken = new Set<string>();
  /** A clock that goes on with every event. */
  tick = 0;
  /** By key: when the latest write that was answered had been sent. */
  readonly writes = new Map<string, number>();
  #version = 0;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  /** Between cycles: what was taken is forgotten, since the keys are. */
  clear(): void {
    this.#taken = new Set();
    this.writes.clear();
  }

  /** An element came out of a queue. */
  took(who: string, queue: string, element: string): void {
    if (!element.startsWith(`${queue}|`)) fault(this.tally, `${who}: ${queue} gave ${JSON.stringify(element)}`);
    else if (this.#taken.has(element)) fault(this.tally, `${who}: ${element} came out twice`);
    this.#taken.add(element);
  }

  /** A value for a tracked key, newer than all before. */
  newVersion(key: string): string {
    return `${key}|${++this.#version}`;
  }

  /** A write to a tracked key, sent at `sent`, was answered. */
  wrote(key: string, sent: number): void {
    this.writes.set(key, Math.max(this.writes.get(key) ?? 0, sent));
  }
}

/** What one producer has pushed and published so far. */
export class Producer {
  readonly name: string;
  readonly #numbers = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  /** The next text for a queue or a channel. */
  next(where: string): string {
    const number = (this.#numbers.get(where) ?? 0) + 1;
    this.#numbers.set(where, number);
    return `${where}|${this.name}|${number}`;
  }
}

/** The messages that one subscriber gets, checked as they come. */
export class Inbox {
  readonly #shared: Shared;
  readonly #who: string;
  /** By subscription, channel and producer: the last number. */
  readonly #last = new Map<string, number>();
  /** Confirmations of subscribing and unsubscribing. */
  confirmed = 0;

  constructor(shared: Shared, who: string) {
    this.#shared = shared;
    this.#who = who;
  }

  /** A push that came. */
  take(push: Reply[]): void {
    const [kind, ...words] = push as string[];
    if (kind.endsWith("subscribe")) {
      this.confirmed++;
      // What came before counts no more: numbers go on while nobody listens.
      this.#forget(`${kind.includes("un") ? kind.replace("un", "") : kind} ${words[0]} `);
      return;
    }
    const [pattern, channel, text] = kind === "pmessage" ? words : ["", ...words];
    const subscription = kind === "pmessage" ? `psubscribe ${pattern}` : kind === "smessage" ? `ssubscribe ${channel}`
      : `subscribe ${channel}`;
    const [from, producer, number] = text.split("|");
    if (from !== channel) return this.#wrong(`${kind} on ${channel} says ${text.slice(0, 100)}`);
    const series = `${subscription} ${from} ${producer}`;
    const last = this.#last.get(series);
    if (last !== undefined && Number(number) !== last + 1) this.#wrong(`${series}: ${number} after ${last}`);
    this.#last.set(series, Number(number));
  }

  #forget(prefix: string): void {
    for (const series of this.#last.keys()) if (series.startsWith(prefix)) this.#last.delete(series);
  }

  #wrong(text: string): void {
    fault(this.#shared.tally, `${this.#who}: ${text}`);
  }
}

/** One client's copies of tracked keys. */
export class Cache {
  readonly #shared: Shared;
  readonly #who: string;
  readonly #copies = new Map<string, number>();

  constructor(shared: Shared, who: string) {
    this.#shared = shared;
    this.#who = who;
  }

  /** A value was read, the reply is here. */
  keep(key: string, value: Reply): void {
    if (value !== null && !String(value).startsWith(`${key}|`)) {
      fault(this.#shared.tally, `${this.#who}: GET ${key} gave ${JSON.stringify(value).slice(0, 200)}`);
    }
    this.#copies.set(key, ++this.#shared.tick);
  }

  /** An invalidation came. */
  take(push: Reply[]): void {
    const [kind, keys] = push;
    if (kind !== "invalidate") {
      fault(this.#shared.tally, `${this.#who}: an unknown push ${JSON.stringify(push).slice(0, 200)}`);
    } else if (keys === null) this.#copies.clear();
    else for (const key of keys as string[]) this.#copies.delete(key);
  }

  /** Copies that are out of date by writes that have been answered. */
  stale(): string[] {
    return [...this.#copies].filter(([key, kept]) => (this.#shared.writes.get(key) ?? 0) > kept).map(([key]) => key);
  }

  /** By now none of these may be there. */
  mustHaveLost(keys: string[]): void {
    const left = keys.filter((key) => this.#copies.has(key));
    if (left.length > 0) fault(this.#shared.tally, `${this.#who}: still has copies of ${left.join(" ").slice(0, 200)}`);
  }

  /** Tracking ended: copies are worth nothing. */
  clear(): void {
    this.#copies.clear();
  }
}
