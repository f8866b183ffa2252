// embedded.ts - a server as an object: call() in place of a socket, snapshots, a clock of its own; listen() if wished.
//
//   call("SET", "a", 1) ──► Caller ──► core                     nothing else exists until it is needed:
//   call("CONFIG", ...) ──► Caller ──► core ──► Server (host)   made at the first host command or listen()
//
// Any number live side by side; they share compiled code and a pool of idle cores, nothing that they could tell each
// other apart by. Without listen() there are no timers and nothing keeps the program alive: expired keys are removed
// when they are asked for and in small slices along with calls, with a virtual clock by advanceTime().
//
// Not for the two builds' differences: wakey.ts, wakey.browser.ts.

import type { Port } from "../../runtime-adapters/port.ts";
import { Caller } from "../bridge/caller.ts";
import type { Argument } from "../bridge/caller.ts";
import { MAXIMUM_PAGES, STATUS } from "../bridge/core.ts";
import type { Core } from "../bridge/core.ts";
import { imageSegments, putImage } from "../bridge/image.ts";
import type { Segments } from "../bridge/image.ts";
import type { CorePool } from "../bridge/pool.ts";
import { WakeyError } from "../bridge/reply-reader.ts";
import type { Reply } from "../bridge/reply-reader.ts";
import { Connection } from "../connection/connection.ts";
import { CLIENT_EXECUTING } from "../generated/layout.ts";
import { Server } from "../server.ts";
import { configOf, defaultSettings, LOCAL_DIRECTIVES } from "./options.ts";
import type { WakeyOptions } from "./options.ts";
import { embeddedPort, realClock, seededBytes, seedWords, VirtualClock } from "./platform.ts";
import type { Clock, Platform } from "./platform.ts";
import { readSnapshot, writeSnapshot } from "../bridge/snapshot.ts";
import type { SnapshotFacts } from "../bridge/snapshot.ts";

const PAGE_SIZE = 65536;
/** How often calls take a slice of upkeep along. */
const UPKEEP_US = 100_000;
const UPKEEP_SLICES = 16;
const REHASH_BUCKETS = 100;
const KEEP_ALIVE_SECONDS = 300;
const BACKLOG = 511;

/** What all in-process servers of a build share. None of it is state of a server. */
export class Shared {
  readonly platform: Platform;
  readonly pool: CorePool;
  #port: Port | undefined;
  #settings: ReturnType<typeof defaultSettings> | undefined;

  constructor(platform: Platform, pool: CorePool) {
    this.platform = platform;
    this.pool = pool;
  }

  /** The runtime's clock, files and process. */
  get port(): Port {
    return (this.#port ??= this.platform.makePort());
  }

  /** The core's settings without any configuration. */
  get settings(): ReturnType<typeof defaultSettings> {
    return (this.#settings ??= defaultSettings(this.port));
  }

  /** Compiles the core, unless it was. */
  prepare(): void {
    if (!this.pool.isReady) this.pool.compile(this.platform.code());
  }
}

/** Where to listen. */
export interface ListenPlace {
  /** 0, or nothing, lets the system choose. */
  port?: number;
  /** "127.0.0.1" unless said. */
  host?: string;
  /** A unix socket's path, in place of host and port. */
  path?: string;
}

export class Embedded {
  readonly #shared: Shared;
  readonly #options: WakeyOptions;
  readonly #clock: Clock;
  readonly #seed: Uint32Array;
  readonly #caller: Caller;
  #core: Core | undefined;
  #server: Server | undefined;
  /** What host commands see in place of a connection. */
  #connection: Connection | undefined;
  #startupBytes: number;
  #nextUpkeepUs = 0;
  #hasListened = false;

  constructor(shared: Shared, options: WakeyOptions) {
    shared.prepare();
    this.#shared = shared;
    this.#options = options;
    this.#clock = options.now === undefined ? realClock(shared.port) : new VirtualClock(Number(options.now) * 1000);
    this.#seed = options.seed === undefined ? randomSeed(shared.port) : seedWords(options.seed);
    const isPlain = options.config === undefined && options.databases === undefined;
    const config = isPlain ? undefined : configOf(this.#makePort(), options);
    const databases = config?.number("databases") ?? 16;
    const core = shared.pool.take({ seed: this.#seed, databases, maximumPages: this.#maximumPages() });
    core.setNow(this.#clock.nowUs());
    for (const [name, value] of shared.settings) core.setSetting(name, value);
    this.#core = core;
    this.#startupBytes = core.usedBytes;
    this.#caller = new Caller(core, core.openInternalClient(options.resp ?? 3));
    if (config !== undefined) this.#server = this.#makeServer(config);
  }

  #maximumPages(): number {
    const { maximumMemory } = this.#options;
    return maximumMemory === undefined ? MAXIMUM_PAGES : Math.min(MAXIMUM_PAGES, Math.ceil(maximumMemory / PAGE_SIZE));
  }

  // --- Commands ---

  /**
   * Runs a command and answers with its reply as a JavaScript value. An error reply is thrown as WakeyError. Text that
   * is not UTF-8 comes out damaged: use callBytes() for binary values. The type parameter is the caller's word for what
   * the command answers: call<string>("GET", "a").
   */
  call<T extends Reply = Reply>(...args: Argument[]): T {
    return this.#run(args, false) as T;
  }

  /** As call(), but strings in the reply are bytes. */
  callBytes<T extends Reply = Reply>(...args: Argument[]): T {
    return this.#run(args, true) as T;
  }

  /** The reply's bytes as a client on a socket would get them; errors too. */
  callRaw(...args: Argument[]): Uint8Array {
    this.#start(args);
    const bytes = this.#caller.replyBytes();
    this.#finish();
    return bytes;
  }

  #run(args: readonly Argument[], asBytes: boolean): Reply {
    this.#start(args);
    const reply = this.#caller.reply(asBytes);
    if (this.#server !== undefined) this.#finish();
    if (reply instanceof WakeyError) throw reply;
    return reply;
  }

  /** Runs a command up to its reply. */
  #start(args: readonly Argument[]): void {
    const core = this.#core;
    if (core === undefined) throw new Error("wakey: call: this server is closed");
    const now = this.#clock.nowUs();
    core.setNow(now);
    if (now >= this.#nextUpkeepUs) this.#upkeep(core, now);
    const status = this.#caller.run(args);
    if (status & STATUS.denied) this.#server?.access.drainNotes();
    if (status & STATUS.needsHost) this.#runHostCommand(core);
  }

  /** A slice of what a server with timers does between commands; a virtual clock leaves it to advanceTime(). */
  #upkeep(core: Core, now: number): void {
    this.#nextUpkeepUs = now + UPKEEP_US;
    if (this.#clock.isVirtual) return;
    let slices = UPKEEP_SLICES;
    while (slices > 0 && core.exports.cronExpire() === 1) slices--;
    if (slices === 0) core.exports.cronExpireCut();
    core.exports.cronRehash(REHASH_BUCKETS);
  }

  #runHostCommand(core: Core): void {
    const server = this.#hostServer();
    this.#connection ??= new Connection(server, this.#caller.client);
    core.exports.settle(0, 0);
    let waits = server.runHostCommand(this.#connection);
    core.exports.callEnd();
    // EXEC goes on behind a command of the host.
    while (!waits && this.#connection.flags & CLIENT_EXECUTING) {
      if (core.exports.process(this.#caller.client, 0) & STATUS.needsHost) {
        waits = server.runHostCommand(this.#connection);
      }
    }
    if (!waits) return;
    this.#connection.drop();
    this.#connection = undefined;
    this.#caller.client = core.replaceInternalClient(this.#caller.client);
    throw new WakeyError("ERR this command takes its time: it can't be answered at once, use a connection");
  }

  /** Serves others to whom the command meant something. */
  #finish(): void {
    if (this.#core?.hasOthersToServe) this.#server?.drain();
  }

  // --- Host side ---

  #makePort(): Port {
    const { seed, now, log } = this.#options;
    const random = seed === undefined && now === undefined ? undefined : seededBytes(this.#seed);
    return embeddedPort(this.#shared.platform, this.#shared.port, { clock: this.#clock, random, log });
  }

  #makeServer(config: ReturnType<typeof configOf>): Server {
    const port = config.host as Port;
    const server = new Server({ port, config, core: this.#core, startupBytes: this.#startupBytes });
    server.shutdown.exit = () => this.close();
    const refusal = server.access.start();
    if (refusal !== undefined) throw new Error(`wakey: open: ${refusal}`);
    return server;
  }

  #hostServer(): Server {
    return (this.#server ??= this.#makeServer(configOf(this.#makePort(), this.#options)));
  }

  // --- Sockets ---

  /** Serves TCP (or a unix socket) from this object too. Answers with the port that is listened on. */
  async listen(place: ListenPlace = {}): Promise<{ port: number }> {
    if (this.#core === undefined) throw new Error("wakey: listen: this server is closed");
    const server = this.#hostServer();
    const isFirst = !this.#hasListened;
    this.#hasListened = true;
    const where = place.path !== undefined
      ? { path: place.path }
      : { host: place.host ?? "127.0.0.1", port: place.port ?? 0 };
    const listener = await server.open({ ...where, backlog: BACKLOG, keepAliveSeconds: KEEP_ALIVE_SECONDS });
    if (isFirst && !this.#clock.isVirtual) server.cron.start();
    if (listener.port !== 0) server.config.replace("port", BigInt(listener.port));
    return { port: listener.port };
  }

  // --- Time ---

  /** What time it is for this server, in milliseconds since 1970. */
  get now(): number {
    return this.#clock.nowUs() / 1000;
  }

  /** Moves the virtual clock on, and removes the keys whose time has come. */
  advanceTime(ms: number): void {
    if (this.#core === undefined) throw new Error("wakey: advance time: this server is closed");
    if (!this.#clock.isVirtual) throw new Error("wakey: advance time: open it with { now } for a virtual clock");
    if (!(ms >= 0)) throw new RangeError("wakey: advance time: time goes on only");
    this.#clock.advance(ms * 1000);
    this.#core.setNow(this.#clock.nowUs());
    this.#core.exports.expireAll();
    this.#server?.upkeep.run();
  }

  // --- State as bytes ---

  /** The whole state: data, settings, statistics, time. Connections are not part of it. */
  snapshot(): Uint8Array {
    const core = this.#opened("snapshot");
    return writeSnapshot(core, this.#facts(), this.#shared.pool.buildId);
  }

  #facts(): SnapshotFacts {
    const config = this.#server?.config.changes(LOCAL_DIRECTIVES) ?? [];
    const users = this.#server?.access.lines() ?? [];
    const scripts = this.#server?.scripts.contents;
    return {
      config, ...(users.length > 0 ? { users } : {}), ...(scripts !== undefined ? { scripts } : {}),
      startupBytes: this.#startupBytes,
    };
  }

  /**
   * Brings a snapshot's state back, in this server or any other of the same build. Connections are closed. Throws
   * SnapshotError, with nothing changed, when the bytes can't be used.
   */
  restore(snapshot: Uint8Array): void {
    const core = this.#opened("restore");
    const { facts, segments, bytes, at } = readSnapshot(snapshot, this.#shared.pool.buildId);
    this.#adopt(core, facts, segments, bytes, at);
  }

  /** Another server in the same state. */
  protected copyTo(other: Embedded): void {
    const core = this.#opened("clone");
    core.refresh();
    other.#adopt(other.#opened("clone"), this.#facts(), imageSegments(core), core.bytes, -1);
  }

  /** The options to open a server like this one with. */
  protected get options(): WakeyOptions {
    return this.#clock.isVirtual ? { ...this.#options, now: this.now } : this.#options;
  }

  #opened(action: string): Core {
    if (this.#core === undefined) throw new Error(`wakey: ${action}: this server is closed`);
    return this.#core;
  }

  #adopt(core: Core, facts: SnapshotFacts, segments: Segments, source: Uint8Array, at: number): void {
    if (!putImage(core, segments, source, at)) throw new Error("wakey: restore: the runtime has not enough memory");
    this.#server?.dropConnections();
    this.#connection = undefined;
    this.#caller.client = core.exports.dropClients() >>> 0;
    core.allowPages(this.#maximumPages());
    this.#startupBytes = facts.startupBytes;
    if (this.#clock.isVirtual) this.#clock.set(core.now);
    const isPlain = facts.config.length === 0 && facts.users === undefined && facts.scripts === undefined;
    if (this.#server !== undefined || !isPlain) {
      const server = this.#hostServer();
      server.config.adopt(facts.config, LOCAL_DIRECTIVES);
      server.access.adopt(facts.users ?? []);
      server.scripts.adopt(facts.scripts);
    }
  }

  // --- End ---

  /** Ends it: sockets close, memory is given back. Safe to call twice. */
  close(): void {
    const core = this.#core;
    if (core === undefined) return;
    this.#core = undefined;
    this.#server?.close();
    this.#server?.port.close();
    // Once sockets were open, something may still point into this memory.
    if (!this.#hasListened) this.#shared.pool.give(core);
  }
}

function randomSeed(port: Port): Uint32Array {
  const bytes = new Uint8Array(16);
  port.random(bytes);
  return new Uint32Array(bytes.buffer);
}
