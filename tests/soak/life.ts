/**
 * life: what one connection of the soak does from its birth to its death.
 *
 *   birth (HELLO 2 or 3) ──► steps, each with a rest before it ──► a state to die in ──► one of four ways to die
 *
 * A step leaves the connection as it found it: no transaction, no subscription, no reply outstanding. Only the death
 * leaves it in the middle of something. Not for the question who lives when: soak.ts.
 */
import { encode } from "../support/resp.ts";
import type { Random } from "../support/random.ts";
import { is, Model } from "./model.ts";
import { Cache, CHANNELS, Inbox, Producer, QUEUES, type Shared, TRACKED_KEYS } from "./shared.ts";
import { type Check, fault, type Reply, same, Wire } from "./wire.ts";

/** What a life needs of the soak around it. */
export interface World {
  readonly port: number;
  readonly shared: Shared;
  readonly random: Random;
  /** Longest rest between two steps, in ms. */
  readonly restMs: number;
  /** How many died in which state. */
  readonly deaths: Record<string, number>;
  /** Says that the soak is over: no further steps. */
  isOver(): boolean;
  /** Has another connection send CLIENT KILL. */
  killByServer(id: number): Promise<void>;
  /** Whether the server has a client of this number. */
  isKnown(id: number): Promise<boolean>;
}

/** Several, so that ports of connections that just ended do not run out. Elsewhere there is one loopback address. */
const HOSTS = process.platform === "linux"
  ? ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"]
  : ["127.0.0.1"];
/** A life has this many steps at most. */
const MOST_STEPS = 12;
/** Much, since a client that ends its own side first reads what is on its way. */
const END_LIMIT_MS = 30_000;
const OK = is("OK");
const QUEUED = is("QUEUED");
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sizes of large values: below and above what is read into a block of its own. */
const LARGE_SIZES = [5_000, 16_500, 33_000, 70_000, 300_000, 1_100_000];

export class Life {
  readonly #world: World;
  readonly #random: Random;
  readonly #shared: Shared;
  readonly #wire: Wire;
  readonly #model: Model;
  readonly #producer: Producer;
  readonly #inbox: Inbox;
  readonly #cache: Cache;
  readonly #steps: [weight: number, step: () => Promise<unknown>][];
  readonly #deaths: Record<string, () => Promise<unknown> | void>;

  private constructor(world: World, wire: Wire) {
    this.#world = world;
    this.#random = world.random;
    this.#shared = world.shared;
    this.#wire = wire;
    this.#model = new Model(wire.name, world.random);
    this.#producer = new Producer(wire.name);
    this.#inbox = new Inbox(world.shared, wire.name);
    this.#cache = new Cache(world.shared, wire.name);
    this.#steps = [
      [30, () => this.#ownKeys()], [12, () => this.#transaction()], [3, () => this.#watchedTransaction()],
      [12, () => this.#publish()], [12, () => this.#push()], [12, () => this.#pop()], [6, () => this.#readGroup()],
      [10, () => this.#listen()], [8, () => this.#writeTracked()], [8, () => this.#track()], [4, () => this.#large()],
      [4, () => this.#expiry()], [6, () => this.#session()], [2, () => this.#slowCommand()],
    ];
    this.#deaths = {
      idle: () => undefined,
      halfCommand: () => this.#halfCommand(),
      midBulk: () => this.#midBulk(),
      inMulti: () => this.#inMulti(),
      blocked: () => this.#blocked(),
      subscribed: () => this.#subscribed(),
      unreadOutput: () => this.#unreadOutput(),
      tracking: () => this.#tracking(),
      inPipeline: () => this.#inPipeline(),
      replyOff: () => this.#replyOff(),
      monitoring: () => this.#monitoring(),
    };
  }

  /** Connects, says HELLO, and throws away what the one before the last left under this number. */
  static async begin(world: World, slot: number, generation: number): Promise<Life> {
    const { random, shared } = world;
    const name = `k${slot}.${generation}`;
    const wire = await Wire.open(world.port, random.pick(HOSTS), name, shared.tally);
    const life = new Life(world, wire);
    const version = random.chance(50) ? 3 : 2;
    const hello = await wire.ask(["HELLO", version], (reply) => Array.isArray(reply)) as Reply[];
    wire.resp = version;
    wire.id = Number(hello[hello.indexOf("id") + 1]);
    if (generation > 1) {
      await wire.ask(["UNLINK", ...new Model(`k${slot}.${generation - 2}`, random).names], (n) => Number(n) >= 0);
    }
    return life;
  }

  get wire(): Wire {
    return this.#wire;
  }

  /** Goes on until it dies. */
  async run(): Promise<void> {
    const random = this.#random;
    const steps = random.below(MOST_STEPS);
    const total = this.#steps.reduce((sum, [weight]) => sum + weight, 0);
    for (let i = 0; i < steps && !this.#world.isOver() && !this.#wire.isClosed; i++) {
      await sleep(random.below(this.#world.restMs));
      let left = random.below(total);
      await this.#steps.find(([weight]) => (left -= weight) < 0)![1]();
    }
    await sleep(random.below(this.#world.restMs));
    const state = random.chance(1) ? "monitoring" : random.pick(Object.keys(this.#deaths).slice(0, -1));
    await this.#deaths[state]();
    this.#world.deaths[state] = (this.#world.deaths[state] ?? 0) + 1;
    await this.#die(state);
  }

  // --- Steps: own keys ---

  async #ownKeys(): Promise<void> {
    const count = this.#random.chance(10) ? 100 : 1 + this.#random.below(16);
    await this.#wire.batch(Array.from({ length: count }, () => this.#model.next()));
  }

  async #transaction(): Promise<void> {
    const commands = Array.from({ length: 1 + this.#random.below(8) }, () => this.#model.next());
    const check: Check = (reply) => {
      if (!Array.isArray(reply) || reply.length !== commands.length) return false;
      const wrong = commands.map(([, each], i) => each(reply[i])).find((verdict) => verdict !== true);
      return wrong ?? true;
    };
    await this.#wire.batch([
      [["MULTI"], OK], ...commands.map(([args]) => [args, QUEUED] as const), [["EXEC"], check],
    ]);
  }

  /** WATCH on a key that changes makes EXEC null; DISCARD and a bad command throw the queue away. */
  async #watchedTransaction(): Promise<void> {
    const key = this.#model.key("copy");
    const abort: Check = (reply) => String((reply as { error?: string } | null)?.error).startsWith("EXECABORT");
    await this.#wire.batch([
      [["WATCH", key], OK], [["SET", key, "1"], OK], [["MULTI"], OK], [["GET", key], QUEUED], [["EXEC"], is(null)],
      [["WATCH", key], OK], [["MULTI"], OK], [["GET", key], QUEUED], [["EXEC"], is(["1"])],
      [["MULTI"], OK], [["SET", key, "2"], QUEUED], [["DISCARD"], OK], [["GET", key], is("1")],
      [["MULTI"], OK], [["GET"], is({ error: "ERR wrong number of arguments for 'get' command" })], [["EXEC"], abort],
      [["WATCH", key], OK], [["UNWATCH"], OK], [["DEL", key], is(1)],
    ]);
  }

  /** A key that expires is there no longer once its time has passed. */
  async #expiry(): Promise<void> {
    const key = this.#model.key("px");
    const ms = 5 + this.#random.below(60);
    await this.#wire.ask(["SET", key, "short", "PX", ms], OK);
    await sleep(ms + 5);
    await this.#wire.batch([[["GET", key], is(null)], [["PTTL", key], is(-2)], [["EXISTS", key], is(0)]]);
  }

  /** A large value, sent in pieces now and then, read several times, by a slow reader now and then. */
  async #large(): Promise<void> {
    const wire = this.#wire;
    const random = this.#random;
    const key = this.#model.key("copy");
    const value = this.#largeValue();
    const request = encode(["SET", key, value]);
    const set = new Promise<Reply>((resolve) => wire.expect(["SET", key, "..."], OK, resolve));
    const cut = random.chance(50) ? random.below(request.length) : request.length;
    wire.raw(request.subarray(0, cut));
    if (cut < request.length) {
      await sleep(random.below(30));
      wire.raw(request.subarray(cut));
    }
    await set;
    const whole: Check = (reply) => reply === value || `${String(reply).length} bytes, not the ${value.length} sent`;
    if (random.chance(50)) wire.socket.pause();
    const read = wire.batch(Array.from({ length: 1 + random.below(4) }, () => [["GET", key], whole] as const));
    // What is on its way is the value as it was, whatever becomes of the key meanwhile.
    const after = random.chance(50)
      ? wire.batch([
        [["APPEND", key, "tail"], is(value.length + 4)], [["SETRANGE", key, 0, "head"], is(value.length + 4)],
        [["GETRANGE", key, 0, 5], is(`head${value.slice(4, 6)}`)],
      ])
      : wire.ask(["SET", key, "small"], OK);
    await sleep(random.below(30));
    wire.socket.resume();
    await read;
    await after;
    await wire.ask(["DEL", key], is(1));
  }

  #largeValue(): string {
    const size = this.#random.pick(LARGE_SIZES) + this.#random.below(1000);
    return `${this.#wire.name}/${this.#random.below(1e9)}/`.repeat(Math.ceil(size / 8)).slice(0, size);
  }

  // --- Steps: with others ---

  async #publish(): Promise<void> {
    const random = this.#random;
    const commands = Array.from({ length: 1 + random.below(4) }, () => {
      const isShard = random.chance(20);
      const channel = `${isShard ? "sh" : "ch"}:${random.below(CHANNELS)}`;
      const size = random.chance(5) ? 20_000 : random.below(100);
      const text = `${this.#producer.next(channel)}|${"x".repeat(size)}`;
      return [[isShard ? "SPUBLISH" : "PUBLISH", channel, text], (n: Reply) => Number(n) >= 0] as const;
    });
    await this.#wire.batch(commands);
  }

  /** Subscribes, listens for a while, unsubscribes. */
  async #listen(): Promise<void> {
    const wire = this.#wire;
    const random = this.#random;
    const inbox = this.#inbox;
    const [a, b] = [random.below(CHANNELS), random.below(CHANNELS)];
    wire.onPush = (push) => inbox.take(push);
    wire.isSubscribed = true;
    inbox.confirmed = 0;
    wire.raw(Buffer.concat([
      encode(["SUBSCRIBE", `ch:${a}`]), encode(["PSUBSCRIBE", `ch:${b % 10}*`]), encode(["SSUBSCRIBE", `sh:${b}`]),
    ]));
    await this.#until(() => inbox.confirmed === 3);
    const end = performance.now() + random.below(this.#world.restMs);
    while (performance.now() < end && !wire.isClosed) {
      await wire.ask(["PING", "alive"], (reply) => same(reply, wire.resp === 2 ? ["pong", "alive"] : "alive"));
      await sleep(random.below(this.#world.restMs / 2));
    }
    wire.raw(Buffer.concat([encode(["UNSUBSCRIBE"]), encode(["PUNSUBSCRIBE"]), encode(["SUNSUBSCRIBE"])]));
    await this.#until(() => inbox.confirmed === 6);
    wire.isSubscribed = false;
  }

  async #push(): Promise<void> {
    const n = this.#random.below(QUEUES);
    const some = (queue: string) =>
      Array.from({ length: 1 + this.#random.below(4) }, () => this.#producer.next(queue));
    const long: Check = (reply) => Number(reply) > 0;
    const scored = some(`bz:${n}`).map((member) => [member.split("|")[2], member]);
    await this.#wire.batch([
      [[this.#random.pick(["RPUSH", "LPUSH"]), `q:${n}`, ...some(`q:${n}`)], long],
      [["ZADD", `bz:${n}`, ...scored.flat()], is(scored.length)],
      [["XADD", `x:${n}`, "MAXLEN", "~", 500, "*", "v", this.#producer.next(`x:${n}`)],
        (id) => /^\d+-\d+$/.test(String(id))],
    ]);
  }

  /** Waits at a queue for a while. */
  async #pop(): Promise<void> {
    const wire = this.#wire;
    const random = this.#random;
    const [a, b] = [random.below(QUEUES), random.below(QUEUES)];
    const seconds = (1 + random.below(300)) / 1000;
    const took = (key: Reply, element: Reply) => {
      this.#shared.took(wire.name, String(key), String(element));
      return true;
    };
    const pair: Check = (reply) => reply === null || Array.isArray(reply) && took(reply[0], reply[1]);
    const command = random.pick<readonly [(string | number)[], Check]>([
      [["BLPOP", `q:${a}`, `q:${b}`, seconds], pair],
      [["BRPOP", `q:${a}`, seconds], pair],
      [["BLMPOP", seconds, 1, `q:${a}`, "LEFT", "COUNT", 2],
        (reply) => reply === null || (reply as [string, string[]])[1].every((each) => took(`q:${a}`, each))],
      [["BLMOVE", `q:${a}`, this.#model.key("copy"), "LEFT", "RIGHT", seconds],
        (reply) => reply === null || took(`q:${a}`, reply)],
      [["BZPOPMIN", `bz:${a}`, `bz:${b}`, seconds], (reply) => pair(reply) && (reply === null ||
        (reply as string[])[1].split("|")[2] === (reply as string[])[2])],
      [["LPOP", `q:${a}`], (reply) => reply === null || took(`q:${a}`, reply)],
      [["BLPOP", this.#model.key("px"), seconds], is(null)],
      [["XREAD", "BLOCK", Math.ceil(seconds * 1000), "STREAMS", `x:${a}`, "$"], (reply) => streamOf(reply, `x:${a}`)
        .every(([, [, value]]) => value.startsWith(`x:${a}|`))],
    ]);
    await wire.ask(...command);
    await wire.ask(["DEL", this.#model.key("copy")], (n) => n === 0 || n === 1);
  }

  /** Takes entries of a stream as a consumer of the group that all share, and acknowledges them. */
  async #readGroup(): Promise<void> {
    const wire = this.#wire;
    const stream = `x:${this.#random.below(QUEUES)}`;
    await wire.ask(["XGROUP", "CREATE", stream, "all", "$", "MKSTREAM"], (reply) =>
      reply === "OK" || (reply as { error: string }).error.startsWith("BUSYGROUP"));
    const read = ["XREADGROUP", "GROUP", "all", wire.name, "COUNT", 5, "BLOCK", 20, "STREAMS", stream, ">"];
    const entries = streamOf(await wire.ask(read), stream);
    for (const [, [, value]] of entries) this.#shared.took(wire.name, stream, value);
    const ids = entries.map(([id]) => id);
    if (ids.length > 0) await wire.ask(["XACK", stream, "all", ...ids], is(ids.length));
    await wire.ask(["XGROUP", "DELCONSUMER", stream, "all", wire.name], is(0));
  }

  async #writeTracked(): Promise<void> {
    const key = `t:${this.#random.below(TRACKED_KEYS)}`;
    const sent = ++this.#shared.tick;
    await this.#wire.ask(["SET", key, this.#shared.newVersion(key)], OK);
    this.#shared.wrote(key, sent);
  }

  /** Keeps copies of keys for a while, and checks that none of them is out of date for long. */
  async #track(): Promise<void> {
    const wire = this.#wire;
    const random = this.#random;
    if (wire.resp === 2) return this.#writeTracked();
    const cache = this.#cache;
    wire.onPush = (push) => cache.take(push);
    const mode = random.pick([[], ["OPTIN"], ["OPTOUT"], ["NOLOOP"], ["BCAST", "PREFIX", "t:"]]);
    await wire.ask(["CLIENT", "TRACKING", "ON", ...mode], OK);
    for (let round = 0; round < 4 && !wire.isClosed; round++) {
      if (mode[0] === "OPTIN") await wire.ask(["CLIENT", "CACHING", "YES"], OK);
      const keys = Array.from({ length: 5 }, () => `t:${random.below(TRACKED_KEYS)}`);
      // Kept at once: an invalidation may follow in the same bytes.
      await wire.ask(["MGET", ...keys], (values) => {
        if (!Array.isArray(values)) return false;
        values.forEach((value, i) => cache.keep(keys[i], value));
        return true;
      });
      await sleep(random.below(this.#world.restMs / 4));
      const stale = cache.stale();
      await wire.ask(["PING"], is("PONG"));
      cache.mustHaveLost(stale);
    }
    await wire.ask(["CLIENT", "TRACKING", "OFF"], OK);
    cache.clear();
  }

  /** What belongs to the connection itself. */
  async #session(): Promise<void> {
    const wire = this.#wire;
    const list = new RegExp(`^id=${wire.id} .* name=${wire.name} .* resp=${wire.resp}`);
    const key = this.#model.key("px");
    await wire.batch([
      [["CLIENT", "SETNAME", wire.name], OK], [["CLIENT", "GETNAME"], is(wire.name)], [["CLIENT", "ID"], is(wire.id)],
      [["CLIENT", "INFO"], (reply) => list.test(String(reply)) || String(reply)],
      [["SELECT", 9], OK], [["SET", key, "nine"], OK], [["SELECT", 0], OK], [["GET", key], is(null)],
      [["MOVE", key, 9], is(0)], [["SELECT", 9], OK], [["DEL", key], is(1)], [["SELECT", 0], OK],
      [["ECHO", wire.name], is(wire.name)], [["NOSUCH"], (reply) => /unknown command/.test(JSON.stringify(reply))],
    ]);
    // The reply that is skipped must not come.
    wire.raw(Buffer.concat([encode(["CLIENT", "REPLY", "SKIP"]), encode(["ECHO", "never"])]));
    await wire.ask(["ECHO", "again"], is("again"));
    if (this.#random.chance(30)) {
      await wire.ask(["RESET"], is("RESET"));
      await wire.ask(["HELLO", wire.resp === 2 ? 3 : 2], (reply) => Array.isArray(reply));
      wire.resp = wire.resp === 2 ? 3 : 2;
    }
  }

  /** Commands that the host runs, or that take long. */
  async #slowCommand(): Promise<void> {
    const long: Check = (reply) => String(reply).length > 100;
    await this.#wire.batch([
      [["INFO", "clients"], (reply) => /connected_clients:\d+/.test(String(reply))],
      [["SCAN", 0, "COUNT", 50], (reply) => Array.isArray(reply) && reply.length === 2],
      [["CONFIG", "GET", "maxclients"], (reply) => (reply as Reply[])[0] === "maxclients"],
      [["COMMAND", "DOCS", "get"], (reply) => (reply as Reply[])[0] === "get"], [["INFO", "commandstats"], long],
      [["PUBSUB", "NUMPAT"], (n) => Number(n) >= 0], [["RANDOMKEY"], (key) => key === null || typeof key === "string"],
    ]);
  }

  // --- States to die in ---

  #halfCommand(): void {
    const [args] = this.#model.next();
    const bytes = encode(args);
    this.#wire.raw(bytes.subarray(0, this.#random.below(bytes.length)));
  }

  #midBulk(): void {
    const size = this.#random.pick([100, 20_000, 40_000, 500_000]);
    const head = `*3\r\n$3\r\nSET\r\n$${this.#model.key("px").length}\r\n${this.#model.key("px")}\r\n$${size}\r\n`;
    this.#wire.raw(head + "h".repeat(this.#random.below(size)));
  }

  #inMulti(): Promise<unknown> {
    const commands = Array.from({ length: this.#random.below(20) }, () => this.#model.next());
    return this.#wire.batch([
      [["WATCH", this.#model.key("str"), `q:${this.#random.below(QUEUES)}`], OK], [["MULTI"], OK],
      ...commands.map(([args]) => [args, QUEUED] as const),
    ]);
  }

  #blocked(): void {
    const [a, own] = [this.#random.below(QUEUES), this.#model.key("px")];
    // Elements that it gets while it dies are lost with it; each queue is another's as well.
    this.#wire.isDying = true;
    this.#wire.raw(encode(this.#random.pick<(string | number)[]>([
      ["BLPOP", `q:${a}`, own, 0], ["BRPOP", own, 0], ["BLMOVE", own, own, "LEFT", "LEFT", 0], ["BZPOPMAX", own, 0],
      ["BLMPOP", 0, 2, own, `q:${a}`, "LEFT"], ["XREAD", "BLOCK", 0, "STREAMS", `x:${a}`, own, "$", "$"],
      ["BZMPOP", 100, 1, `bz:${a}`, "MIN"],
    ])));
  }

  #subscribed(): Promise<unknown> {
    const wire = this.#wire;
    wire.onPush = (push) => this.#inbox.take(push);
    wire.isSubscribed = true;
    this.#inbox.confirmed = 0;
    const names = Array.from({ length: 5 }, () => this.#random.below(CHANNELS));
    const channels = [...new Set(names.map((n) => `ch:${n}`))];
    wire.raw(Buffer.concat([
      encode(["SUBSCRIBE", ...channels, `own:${wire.name}`]), encode(["PSUBSCRIBE", `own:${wire.name}*`, "ch:*"]),
      encode(["SSUBSCRIBE", "sh:1", `shard:${wire.name}`]),
    ]));
    return this.#until(() => this.#inbox.confirmed === channels.length + 5);
  }

  /** Asks for more than the sockets hold, and reads nothing. */
  async #unreadOutput(): Promise<void> {
    const key = this.#model.key("copy");
    const value = this.#largeValue();
    await this.#wire.ask(["SET", key, value, "PX", 5000], OK);
    this.#wire.isDying = true;
    this.#wire.socket.pause();
    this.#wire.raw(Buffer.concat(Array.from({ length: 20 }, () => encode(["GET", key]))));
    await sleep(this.#random.below(50));
    if (this.#random.chance(50)) this.#wire.raw(encode(["SET", key, "changed under the readers"]));
  }

  async #tracking(): Promise<void> {
    const wire = this.#wire;
    if (wire.resp === 2) {
      await wire.ask(["CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", wire.id],
        (reply) => reply === "OK" || /ERR/.test((reply as { error: string }).error));
      return;
    }
    wire.onPush = (push) => this.#cache.take(push);
    await wire.ask(["CLIENT", "TRACKING", "ON", ...this.#random.pick([[], ["BCAST"], ["BCAST", "PREFIX", "t:1"]])], OK);
    const keys = Array.from({ length: 20 }, () => `t:${this.#random.below(TRACKED_KEYS)}`);
    await wire.ask(["MGET", ...keys], (reply) => Array.isArray(reply));
  }

  #inPipeline(): void {
    void this.#wire.batch(Array.from({ length: 200 }, () => this.#model.next()));
    this.#wire.isDying = true;
  }

  #replyOff(): void {
    const commands = Array.from({ length: 20 }, () => encode(this.#model.next()[0]));
    this.#wire.raw(Buffer.concat([encode(["CLIENT", "REPLY", "OFF"]), ...commands]));
  }

  #monitoring(): void {
    this.#wire.isDying = true;
    this.#wire.raw(encode(["MONITOR"]));
  }

  // --- Ways to die ---

  async #die(state: string): Promise<void> {
    const wire = this.#wire;
    if (this.#random.chance(50)) await sleep(this.#random.below(200));
    if (wire.isClosed) return;
    wire.isDying = true;
    const way = this.#random.pick(["destroy", "reset", "end", "kill"]);
    if (way === "kill") {
      await this.#world.killByServer(wire.id);
      wire.socket.resume();
    } else if (way === "reset" && typeof wire.socket.resetAndDestroy === "function") wire.socket.resetAndDestroy();
    else if (way === "end") {
      wire.socket.end();
      wire.socket.resume();
    } else wire.socket.destroy();
    if (!await wire.ended(END_LIMIT_MS) && await this.#world.isKnown(wire.id)) {
      const seconds = END_LIMIT_MS / 1000;
      fault(this.#shared.tally, `${wire.name}: ${way} while ${state}: the server still has it after ${seconds} s`);
    }
    // What the server has closed, the system may still be delivering, for minutes when it is short of buffers.
    wire.socket.destroy();
  }

  /** Waits for pushes. */
  async #until(isDone: () => boolean): Promise<void> {
    const end = performance.now() + END_LIMIT_MS;
    while (!isDone() && !this.#wire.isClosed && performance.now() < end) await sleep(20);
    if (!isDone()) fault(this.#shared.tally, `${this.#wire.name}: confirmations of subscribing did not come`);
  }
}

/** The entries that XREAD gives of one stream: [] for none. */
function streamOf(reply: Reply, key: string): [id: string, fields: [string, string]][] {
  if (reply === null) return [];
  // RESP2 gives a list of pairs, RESP3 a map, which is one flat list here.
  const first = (reply as Reply[])[0];
  const [name, entries] = (Array.isArray(first) ? first : reply) as [string, [string, [string, string]][]];
  return name === key ? entries : [["0-0", ["", JSON.stringify(reply)]]];
}
