// simulated.ts - a world in memory: network, clock, chance and files without any system, the same run after run.
//
// Nothing moves by itself. What a client sends, what a server writes and which timers are due is delivered by
// settle() (now) and advance() (as time passes), always in the same order. With `chop`, chunks are cut at random
// places; with `inFlight`, writes stay in flight for a step: both find what a real network finds once a year.
//
//   client.send(bytes) ──► line to the server ──► handler.room()/received() or data()
//   client.receive()   ◄── line to the client ◄── socket.write(), at most `window` bytes that nobody has received

import type {
  DialHandler, Listener, ListenOptions, Outgoing, Port, SignalName, Socket, SocketHandler, Timer,
} from "./port.ts";
import { bindHost, formatAddress, formatUnixAddress, MemoryView, systemError } from "./shared.ts";
import { MemoryFiles, virtualProcess } from "./virtual-host.ts";

export interface SimulatedOptions {
  seed?: number;
  /** The wall clock at the start, in microseconds. */
  startUs?: number;
  args?: string[];
  env?: Record<string, string>;
  stdin?: string;
  /** Cut chunks at random places. */
  chop?: boolean;
  /** Answer -1 to writes, and take the bytes a step later. */
  inFlight?: boolean;
  /** How bytes are delivered; by default as a readiness adapter does. */
  delivery?: "room" | "data";
}

/** The client's end of a simulated connection. */
export interface SimulatedClient {
  send(bytes: string | Uint8Array): void;
  /** All that has arrived since the last call. */
  receive(): Uint8Array;
  receiveText(): string;
  /** How many bytes the line to this client holds before the server's writes come up short. */
  window: number;
  /** The server has closed. */
  readonly closed: boolean;
  close(): void;
  /** As close(), but the server sees "Connection reset by peer". */
  reset(): void;
}

export interface SimulatedPort extends Port {
  /** Connects to a listener; throws ECONNREFUSED where nobody listens. */
  connect(target?: { host?: string; port?: number; path?: string }): SimulatedClient;
  /** Something that the server can dial: it is shown what arrives and says what to send back. Undefined: it closes. */
  target(port: number, answer: (text: string) => string | undefined): void;
  /** Delivers until nothing moves; the clock stands still. */
  settle(): void;
  /** settle(), with pauses for promises. */
  settleAsync(): Promise<void>;
  /** Moves the clock on and runs what falls due, in order. */
  advance(ms: number): void;
  raise(name: SignalName): void;
  /** What was printed so far. */
  readonly printed: { out: string; err: string };
}

const DEFAULT_START_US = 1_700_000_000_000_000;
const LARGEST_CHUNK = 65536;

/** sfc32: small, fast, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, seed | 0, Math.floor(seed / 4294967296) | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What all connections of a world share. */
interface World {
  memory: MemoryView;
  options: SimulatedOptions;
  random: () => number;
}

class SimulatedConnection implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly fd: number = -1;
  window = Infinity;
  handler: SocketHandler | undefined;
  private readonly world: World;
  private toServer: Uint8Array[] = [];
  private toClient: Uint8Array[] = [];
  private unreceived = 0;
  private flying: Uint8Array | undefined;
  private flyingPtr = 0;
  private short = false;
  private paused = false;
  private peerGone: "no" | "closed" | "reset" = "no";
  private serverClosing = false;
  private serverGone = false;

  constructor(world: World, remote: string, local: string) {
    this.world = world;
    this.remote = remote;
    this.local = local;
  }

  get closed(): boolean {
    return this.serverGone;
  }

  // --- The client's end ---

  send(bytes: string | Uint8Array): void {
    if (this.peerGone !== "no") throw systemError("EPIPE", "send");
    this.toServer.push(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes.slice());
  }

  receive(): Uint8Array {
    const whole = joined(this.toClient);
    this.toClient = [];
    this.unreceived = 0;
    return whole;
  }

  receiveText(): string {
    return new TextDecoder().decode(this.receive());
  }

  reset(): void {
    this.peerGone = "reset";
    this.toServer = [];
  }

  /** close(), at the client's end. */
  hangUp(): void {
    if (this.peerGone === "no") this.peerGone = "closed";
  }

  // --- The server's end ---

  write(ptr: number, length: number): number {
    if (this.serverGone || this.flying !== undefined || this.peerGone === "reset") return 0;
    const taken = Math.min(length, Math.max(0, this.window - this.unreceived));
    if (this.world.options.inFlight === true && taken === length) {
      this.flying = this.world.memory.slice(ptr, length).slice();
      this.flyingPtr = ptr;
      return -1;
    }
    this.put(this.world.memory.slice(ptr, taken).slice());
    if (taken < length) this.short = true;
    return taken;
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  close(): void {
    this.serverClosing = true;
    if (this.flying === undefined) this.serverGone = true;
  }

  destroy(): void {
    this.serverClosing = true;
    this.serverGone = true;
  }

  /** Moves what can move; true if anything did. */
  step(): boolean {
    return this.landWrite() || this.offerMore() || this.deliver();
  }

  private put(bytes: Uint8Array): void {
    this.toClient.push(bytes);
    this.unreceived += bytes.length;
  }

  private landWrite(): boolean {
    const bytes = this.flying;
    if (bytes === undefined) return false;
    const now = this.world.memory.slice(this.flyingPtr, bytes.length);
    if (!bytes.every((byte, i) => byte === now[i])) throw new Error("bytes in flight were changed");
    this.flying = undefined;
    if (!this.serverGone) this.put(bytes);
    if (this.serverClosing) this.serverGone = true;
    this.handler?.written(bytes.length);
    return true;
  }

  private offerMore(): boolean {
    if (!this.short || this.serverGone || this.unreceived >= this.window) return false;
    this.short = false;
    this.handler?.writable();
    return true;
  }

  private deliver(): boolean {
    const handler = this.handler;
    if (handler === undefined || this.serverGone || this.serverClosing) return false;
    const chunk = this.toServer[0];
    if (this.peerGone === "reset" || (chunk === undefined && this.peerGone === "closed")) {
      this.serverGone = true;
      handler.closed(this.peerGone === "reset" ? "Connection reset by peer" : undefined);
      return true;
    }
    if (chunk === undefined || this.paused) return false;
    const viaData = this.world.options.delivery === "data";
    const ptr = viaData ? 0 : handler.room(0, 1);
    let length = Math.min(chunk.length, LARGEST_CHUNK, viaData ? LARGEST_CHUNK : handler.roomLength);
    if (this.world.options.chop === true) length = 1 + (this.world.random() % length);
    if (length === chunk.length) this.toServer.shift();
    else this.toServer[0] = chunk.subarray(length);
    if (viaData) {
      handler.data(chunk.slice(0, length));
    } else {
      this.world.memory.slice(ptr, length).set(chunk.subarray(0, length));
      handler.received(length);
    }
    return true;
  }
}

/** A connection that the server opened. Each step tells its handler one thing. */
class SimulatedOutgoing implements Outgoing {
  closed = false;
  private readonly events: (() => void)[] = [];
  private readonly handler: DialHandler;
  private readonly answer: ((text: string) => string | undefined) | undefined;

  constructor(handler: DialHandler, answer: ((text: string) => string | undefined) | undefined) {
    this.handler = handler;
    this.answer = answer;
    this.events.push(answer === undefined ? () => this.end("ECONNREFUSED") : () => handler.opened());
  }

  send(bytes: Uint8Array): void {
    const text = new TextDecoder("latin1").decode(bytes);
    this.events.push(() => this.handler.sent(), () => {
      const back = this.answer?.(text);
      if (back === undefined) this.end("");
      else if (back !== "") this.handler.data(new TextEncoder().encode(back));
    });
  }

  destroy(): void {
    this.closed = true;
  }

  step(): boolean {
    const event = this.closed ? undefined : this.events.shift();
    event?.();
    return event !== undefined;
  }

  private end(code: string): void {
    this.closed = true;
    this.handler.closed(code);
  }
}

interface SimulatedListener {
  options: ListenOptions;
  port: number;
  accept: (socket: Socket) => SocketHandler;
}

interface DueTimer {
  atUs: number;
  order: number;
  everyUs: number;
  run: () => void;
}

/** Virtual time: a list of timers and a hand that only advance() moves. */
class VirtualClock {
  passedUs = 0;
  private order = 0;
  private timers: DueTimer[] = [];

  add(ms: number, run: () => void, repeats: boolean): Timer {
    const delayUs = Math.max(ms, repeats ? 1 : 0) * 1000;
    const timer: DueTimer = { atUs: this.passedUs + delayUs, order: this.order++, everyUs: repeats ? delayUs : 0, run };
    this.timers.push(timer);
    const handle: Timer = {
      cancel: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
      unref: () => handle,
    };
    return handle;
  }

  /** Runs the next timer that is due until `untilUs`; false when there is none. */
  runNext(untilUs: number): boolean {
    let next: DueTimer | undefined;
    for (const timer of this.timers) {
      if (timer.atUs > untilUs) continue;
      if (next === undefined || timer.atUs < next.atUs || (timer.atUs === next.atUs && timer.order < next.order)) {
        next = timer;
      }
    }
    if (next === undefined) return false;
    this.passedUs = Math.max(this.passedUs, next.atUs);
    const due = next;
    if (due.everyUs > 0) {
      due.atUs += due.everyUs;
      due.order = this.order++;
    } else {
      this.timers = this.timers.filter((one) => one !== due);
    }
    due.run();
    return true;
  }
}

/** The network of a world: its listeners and its connections, in the order in which they were made. */
class VirtualNetwork {
  private readonly world: World;
  private listeners: SimulatedListener[] = [];
  private connections: (SimulatedConnection | SimulatedOutgoing)[] = [];
  readonly targets = new Map<number, (text: string) => string | undefined>();
  private nextPort = 40000;

  constructor(world: World) {
    this.world = world;
  }

  listen(options: ListenOptions, accept: (socket: Socket) => SocketHandler): Listener {
    const port = options.path !== undefined ? 0 : options.port || this.nextPort++;
    const same = (one: SimulatedListener) =>
      options.path !== undefined
        ? one.options.path === options.path
        : one.port === port && bindHost(one.options.host) === bindHost(options.host);
    if (this.listeners.some(same)) throw systemError("EADDRINUSE", "listen");
    const listener: SimulatedListener = { options, port, accept };
    this.listeners.push(listener);
    return {
      port,
      close: () => {
        this.listeners = this.listeners.filter((one) => one !== listener);
      },
    };
  }

  connect(target: { host?: string; port?: number; path?: string }): SimulatedClient {
    const hosts = (one: SimulatedListener) => {
      const bound = bindHost(one.options.host);
      if (target.host === undefined || bound === target.host) return true;
      return bound === (target.host.includes(":") ? "::" : "0.0.0.0");
    };
    const listener = this.listeners.find((one) =>
      target.path !== undefined
        ? one.options.path === target.path
        : one.options.path === undefined && hosts(one) && (target.port === undefined || one.port === target.port)
    );
    if (listener === undefined) throw systemError("ECONNREFUSED", "connect");
    const host = target.host ?? (bindHost(listener.options.host).includes(":") ? "::1" : "127.0.0.1");
    const path = listener.options.path;
    const remote = path !== undefined ? formatUnixAddress(path) : formatAddress(host, this.nextPort++);
    const local = path !== undefined ? remote : formatAddress(host, listener.port);
    const connection = new SimulatedConnection(this.world, remote, local);
    this.connections.push(connection);
    connection.handler = listener.accept(connection);
    return clientEnd(connection);
  }

  dial(port: number, handler: DialHandler): Outgoing {
    const outgoing = new SimulatedOutgoing(handler, this.targets.get(port));
    this.connections.push(outgoing);
    return outgoing;
  }

  step(): boolean {
    let moved = false;
    for (const connection of this.connections) moved = connection.step() || moved;
    if (!moved) this.connections = this.connections.filter((one) => !one.closed);
    return moved;
  }
}

function clientEnd(connection: SimulatedConnection): SimulatedClient {
  return {
    send: (bytes) => connection.send(bytes),
    receive: () => connection.receive(),
    receiveText: () => connection.receiveText(),
    get window(): number {
      return connection.window;
    },
    set window(bytes: number) {
      connection.window = bytes;
    },
    get closed(): boolean {
      return connection.closed;
    },
    close: () => connection.hangUp(),
    reset: () => connection.reset(),
  };
}

/** The turns of the loop: what happens between one batch of deliveries and the next. */
class Turns {
  readonly #network: VirtualNetwork;
  #ends: (() => void)[] = [];

  constructor(network: VirtualNetwork) {
    this.#network = network;
  }

  after(run: () => void): void {
    this.#ends.push(run);
  }

  /** One turn; false when nothing happened in it. */
  once(): boolean {
    const moved = this.#network.step();
    const ends = this.#ends;
    this.#ends = [];
    for (const run of ends) run();
    return moved || ends.length > 0;
  }

  settle(): void {
    while (this.once());
  }

  async settleAsync(): Promise<void> {
    do {
      this.settle();
      // A chain of promises takes a microtask each link.
      for (let i = 0; i < 20; i++) await Promise.resolve();
    } while (this.once());
  }
}

/** Makes a world. The same seed and the same calls give the same run. */
export function createSimulatedPort(options: SimulatedOptions = {}): SimulatedPort {
  const startUs = options.startUs ?? DEFAULT_START_US;
  const random = seededRandom(options.seed ?? 1);
  const clock = new VirtualClock();
  const world: World = { memory: new MemoryView(), options, random };
  const network = new VirtualNetwork(world);
  const files = new MemoryFiles(() => (startUs + clock.passedUs) / 1000);
  const printed = { out: "", err: "" };
  const turns = new Turns(network);
  const host = virtualProcess(
    {
      args: options.args,
      env: options.env,
      stdin: options.stdin,
      platform: "simulated",
      hostname: "simulated",
      print: (text) => void (printed.out += text),
      complain: (text) => void (printed.err += text),
      cpuUs: () => clock.passedUs,
      memoryBytes: () => world.memory.bytes.length,
    },
    files,
  );
  return {
    ...host,
    runtime: "simulated",
    version: "1",
    ioAdapter: "simulated",
    files,
    printed,
    nowUs: () => startUs + clock.passedUs,
    monotonicUs: () => clock.passedUs,
    random(bytes: Uint8Array): void {
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() & 255;
    },
    timer: (ms, run) => clock.add(ms, run, false),
    every: (ms, run) => clock.add(ms, run, true),
    sleepSync(ms: number): void {
      clock.passedUs += ms * 1000;
    },
    afterTurn: (run) => turns.after(run),
    yieldSoon: () => undefined,
    setMemory: (memory) => world.memory.set(memory),
    listen: async (listenOptions, accept) => network.listen(listenOptions, accept),
    dial: (_host, targetPort, handler) => network.dial(targetPort, handler),
    close: () => undefined,
    target: (targetPort, answer) => void network.targets.set(targetPort, answer),
    connect: (target = {}) => network.connect(target),
    settle: () => turns.settle(),
    settleAsync: () => turns.settleAsync(),
    advance(ms: number): void {
      const untilUs = clock.passedUs + ms * 1000;
      turns.settle();
      while (clock.runNext(untilUs)) turns.settle();
      clock.passedUs = Math.max(clock.passedUs, untilUs);
    },
  };
}
