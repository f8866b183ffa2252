// platform.ts - what an in-process server takes from the build that it is part of, and the world that one of them sees.
//
//   Platform (one a build: server runtimes, browser) ──► code of the core, the runtime's port
//   EmbeddedPort (one a server) = that port, but: own clock and seed if wished, no exit, no printing, sockets on demand
//
// Not for the program server: it uses the runtime's port as it is.

import type { ListenOptions, Listener, Port, Socket, SocketHandler } from "../../runtime-adapters/port.ts";

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
  /** Moves a virtual clock. */
  set(us: number): void;
}

/** The clock of the runtime. */
export function realClock(port: Port): Clock {
  return { isVirtual: false, nowUs: port.nowUs, set: () => undefined };
}

/** A clock that only its owner moves. */
export function virtualClock(startUs: number): Clock {
  let now = startUs;
  return {
    isVirtual: true,
    nowUs: () => now,
    set(us: number): void {
      now = us;
    },
  };
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

export interface EmbeddedPortOptions {
  clock: Clock;
  /** Where randomness comes from when it may not be the runtime's. */
  random?: (bytes: Uint8Array) => void;
  /** Gets the lines of the server's log; they go nowhere without it. */
  log?: (line: string) => void;
}

/** The port of one in-process server. */
export function embeddedPort(platform: Platform, base: Port, options: EmbeddedPortOptions): Port {
  const { clock, log } = options;
  const print = (text: string) => log?.(text.endsWith("\n") ? text.slice(0, -1) : text);
  let memory: Parameters<Port["setMemory"]>[0] | undefined;
  let sockets: Port | undefined;
  let directory = "";
  const port: Port = {
    ...base,
    nowUs: clock.nowUs,
    setMemory: (value) => void (memory = value),
    listen(place: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener> {
      sockets ??= platform.makePort();
      if (memory !== undefined) sockets.setMemory(memory);
      return sockets.listen(place, accept);
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
    close: () => sockets?.close(),
  };
  if (clock.isVirtual) {
    port.monotonicUs = clock.nowUs;
    port.sleepSync = (ms) => clock.set(clock.nowUs() + ms * 1000);
  }
  return port;
}
