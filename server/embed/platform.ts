// platform.ts - what an in-process server takes from the build that it is part of, and the world that one of them sees.
//
//   Platform (one a build: server runtimes, browser) ──► code of the core, the runtime's port
//   EmbeddedPort (one a server) = that port, but: own clock and seed if wished, no exit, no printing, sockets on demand
//
// Not for the program server: it uses the runtime's port as it is.

import type { ListenOptions, Listener, Port, Socket, SocketHandler, Timer } from "../../runtime-adapters/port.ts";

/** What differs between builds. */
export interface Platform {
  /** Bytes of the core. */
  code(): Uint8Array;
  /** A port of this runtime; each has its own sockets. */
  makePort(): Port;
}

/** Time as an in-process server knows it. */
export interface Clock {
  readonly isVirtual: boolean;
  /** Microseconds since 1970. */
  nowUs(): number;
  /** Sets a virtual clock, to any time; no timer runs. */
  set(us: number): void;
  /** Moves a virtual clock on and runs the timers that fall due, in order. */
  advance(us: number): void;
  timer(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
}

/** The clock of the runtime. Its timers don't keep a program alive: that's for sockets. */
export function realClock(port: Port): Clock {
  return {
    isVirtual: false,
    nowUs: port.nowUs,
    set: () => undefined,
    advance: () => undefined,
    timer: (ms, run) => port.timer(ms, run).unref(),
    every: (ms, run) => port.every(ms, run).unref(),
  };
}

/** A clock that only its owner moves. */
export class VirtualClock implements Clock {
  readonly isVirtual = true;
  readonly nowUs: () => number;
  #now: number;
  #timers: { atUs: number; run: () => void }[] = [];

  constructor(startUs: number) {
    this.#now = startUs;
    this.nowUs = () => this.#now;
  }

  set(us: number): void {
    this.#now = us;
  }

  advance(us: number): void {
    const until = this.#now + us;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atUs <= until).sort((a, b) => a.atUs - b.atUs)[0];
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.atUs);
      this.#drop(due);
      due.run();
    }
    this.#now = Math.max(this.#now, until);
  }

  timer(ms: number, run: () => void): Timer {
    const entry = { atUs: this.#now + ms * 1000, run };
    this.#timers.push(entry);
    const timer: Timer = { cancel: () => this.#drop(entry), unref: () => timer };
    return timer;
  }

  every(ms: number, run: () => void): Timer {
    let next = this.timer(ms, again.bind(this));
    function again(this: VirtualClock): void {
      next = this.timer(ms, again.bind(this));
      run();
    }
    const timer: Timer = { cancel: () => next.cancel(), unref: () => timer };
    return timer;
  }

  #drop(entry: { atUs: number; run: () => void }): void {
    this.#timers = this.#timers.filter((one) => one !== entry);
  }
}

/** A stream of bytes from a seed of four words (xorshift128, Marsaglia 2003); the same everywhere. */
export function seededBytes(seed: Uint32Array): (bytes: Uint8Array) => void {
  let [x, y, z, w] = [seed[0] | 1, seed[1], seed[2], seed[3]];
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      const t = x ^ (x << 11);
      [x, y, z] = [y, z, w];
      w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
      bytes[i] = w >>> 16;
    }
  };
}

/** Four words for the core from a number: neighbours give unlike words (splitmix32). */
export function seedWords(seed: number): Uint32Array {
  const words = new Uint32Array(4);
  let state = (seed ^ Math.floor(seed / 4294967296)) | 0;
  for (let i = 0; i < 4; i++) {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    words[i] = mixed ^ (mixed >>> 15);
  }
  return words;
}

interface EmbeddedPortOptions {
  clock: Clock;
  /** Where randomness comes from when it may not be the runtime's. */
  random?: (bytes: Uint8Array) => void;
  /** Gets the lines of the server's log; they go nowhere without it. */
  log?: (line: string) => void;
}

/** Timers that end with the server: its memory may be another's by the time they would run. */
class OwnTimers {
  readonly #running = new Set<Timer>();

  /** Keeps the timer that `start` makes of what is to run. */
  keep(start: (run: () => void) => Timer, run: () => void, repeats: boolean): Timer {
    const running = this.#running;
    const timer = start(() => {
      if (!repeats) running.delete(timer);
      run();
    });
    running.add(timer);
    return {
      cancel(): void {
        running.delete(timer);
        timer.cancel();
      },
      unref: () => timer.unref(),
    };
  }

  cancelAll(): void {
    for (const timer of this.#running) timer.cancel();
    this.#running.clear();
  }
}

/** The port of one in-process server. */
export function embeddedPort(platform: Platform, base: Port, options: EmbeddedPortOptions): Port {
  const { clock, log } = options;
  const print = (text: string) => log?.(text.endsWith("\n") ? text.slice(0, -1) : text);
  let memory: Parameters<Port["setMemory"]>[0] | undefined;
  let sockets: Port | undefined;
  let directory = "";
  const timers = new OwnTimers();
  const port: Port = {
    ...base,
    nowUs: clock.nowUs,
    timer: (ms, run) => timers.keep((then) => clock.timer(ms, then), run, false),
    every: (ms, run) => timers.keep((then) => clock.every(ms, then), run, true),
    setMemory: (value) => void (memory = value),
    listen(place: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener> {
      sockets ??= platform.makePort();
      if (memory !== undefined) sockets.setMemory(memory);
      return sockets.listen(place, accept);
    },
    checkTls: (settings) => {
      sockets ??= platform.makePort();
      return sockets.checkTls?.(settings) ?? Promise.resolve("TLS is not available in this runtime");
    },
    afterTurn: (run) => (sockets ?? base).afterTurn(run),
    yieldSoon: () => sockets?.yieldSoon(),
    random: options.random ?? base.random,
    stdout: print,
    stderr: print,
    // The program's working directory, signals and life are not this server's to change.
    cwd: () => (directory === "" ? base.cwd() : directory),
    chdir(path: string): void {
      if (base.files.facts(path)?.isDirectory !== true) {
        throw Object.assign(new Error(`${path}: no such directory`), { code: "ENOENT" });
      }
      directory = base.files.absolute(path);
    },
    onSignal: () => undefined,
    onFault: () => undefined,
    setTitle: () => undefined,
    exit(code: number): never {
      throw new Error(`in-process server: exit ${code}: a server inside a program can't end it`);
    },
    close(): void {
      timers.cancelAll();
      sockets?.close();
    },
  };
  if (clock.isVirtual) {
    port.monotonicUs = clock.nowUs;
    port.sleepSync = (ms) => clock.set(clock.nowUs() + ms * 1000);
  }
  return port;
}
