// server.ts - one server: a core, its connections, its configuration, its upkeep. Any number live in one process.
//
//   Port (sockets, clock, files) ──► Server ──► Core (data plane)
//                                      ├─ Config, Log, CommandTable
//                                      └─ host commands (server/commands/registry.ts)
//
// Nothing here touches a runtime: time, sockets and files come from the Port that the server was given.
// Not for reading the command line (main.ts) or for use inside a program (wakey.ts).

import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "../runtime-adapters/port.ts";
import { isLoopback } from "../runtime-adapters/shared.ts";
import { Core, STATUS } from "./bridge/core.ts";
import { Access } from "./acl/access.ts";
import { closeMarked } from "./clients/closing.ts";
import { Pause } from "./clients/pause.ts";
import { Timeouts } from "./clients/timeouts.ts";
import type { Config } from "./config/config.ts";
import { connectCoreSettings } from "./config/core-settings.ts";
import { CommandTable } from "./commands/command-table.ts";
import { isMonitored, tellPeer } from "./commands/monitor.ts";
import { runHandler } from "./commands/registry.ts";
import { Scripts } from "./scripting/engine.ts";
import { CMD } from "./generated/commands.ts";
import { Connection } from "./connection/connection.ts";
import { Cron } from "./cron.ts";
import { LazyFree } from "./lazy-free.ts";
import { Listeners } from "./connection/listeners.ts";
import { ReplyWriter } from "./connection/reply-writer.ts";
import { CLIENT_UNIX_SOCKET, ROOT } from "./generated/layout.ts";
import { Targets } from "./migrate/targets.ts";
import { logDamage } from "./log/damage.ts";
import { Log } from "./log/log.ts";
import { Shutdown } from "./shutdown.ts";
import { HotKeys } from "./stats/hot-keys.ts";
import { LatencyMonitor } from "./stats/latency.ts";
import { Statistics } from "./stats/statistics.ts";
import { Watch } from "./stats/watch.ts";
import { Upkeep } from "./upkeep.ts";

const DENIED_PROTECTED = "-DENIED Running in protected mode because protected mode is enabled and no password is set " +
  "for the default user. In this mode connections are only accepted from the loopback interface. If you want to " +
  "connect from external computers, you may adopt one of the following solutions: 1) Disable protected mode by " +
  "sending the command 'CONFIG SET protected-mode no' from the loopback interface, by connecting from the host the " +
  "server is running on. Make sure the server is not publicly accessible from the internet first. 2) Set " +
  "'protected-mode no' in the configuration file, and restart the server. 3) Start the server with " +
  "'--protected-mode no'. 4) Set a password for the default user.\r\n";
const MAX_CLIENTS = "-ERR max number of clients reached\r\n";
const encoder = new TextEncoder();

interface ServerOptions {
  port: Port;
  config: Config;
  /** What to make a core from, or a core that exists. */
  module?: WebAssembly.Module;
  core?: Core;
  /** Bytes that the given core used when nothing had been stored yet. */
  startupBytes?: number;
  /** Four words of seed; from the port's randomness when absent. */
  seed?: Uint32Array;
  maximumPages?: number;
  /** The commands under the names that the configuration gave them. */
  commands?: CommandTable;
}

export class Server {
  readonly port: Port;
  readonly config: Config;
  readonly log: Log;
  readonly core: Core;
  readonly commands: CommandTable;
  /** By the client's address in the core. */
  readonly connections = new Map<number, Connection>();
  /** DEBUG FORCE-TLS-WRITE-ERROR. */
  holdsTlsOutput = false;
  readonly upkeep: Upkeep;
  readonly cron: Cron;
  readonly startedUs: number;
  readonly runId: string;
  /** Counters of INFO that the host keeps. */
  readonly stats = new Statistics();
  readonly shutdown: Shutdown;
  readonly listeners: Listeners;
  readonly access: Access;
  readonly pause: Pause;
  readonly timeouts: Timeouts;
  readonly lazyFree: LazyFree;
  readonly targets: Targets;
  /** Whose command a handler runs now. */
  running: Connection | undefined;
  replicationId = "";
  /** Bytes in use when nothing had been stored yet. */
  readonly startupBytes: number;
  /** What supervises the process, for INFO. */
  supervisor = "no";
  readonly latency: LatencyMonitor;
  readonly watch: Watch;
  readonly hotKeys: HotKeys;
  loading = false;
  #wallOffsetUs = 0;
  #isClosed = false;
  readonly #atClose: (() => void)[] = [];
  #drainsSoon = false;
  #scripts: Scripts | undefined;
  /** Time of the slice that handed the present command to the host. */
  #sliceUs = 0;
  /** When it ended. */
  #sliceEnd = 0;
  #sliceStatus = 0;
  /** 1 while latency-tracking is on. */
  #histograms = 1;

  constructor(options: ServerOptions) {
    this.port = options.port;
    this.config = options.config;
    this.log = new Log(options.port, options.config);
    options.config.log = (level, text) => this.log.write(level, text);
    this.core = options.core ?? newCore(options);
    this.port.setMemory(this.core.memory);
    this.startedUs = this.port.nowUs();
    this.syncClock();
    this.runId = randomHex(options.port, 20);
    this.changeReplicationId();
    this.startupBytes = options.startupBytes ?? this.core.root32(ROOT.usedBytes);
    this.commands = options.commands ?? new CommandTable();
    for (const [id, name] of this.commands.renamed) this.core.renameCommand(id, name);
    this.upkeep = new Upkeep(this);
    this.cron = new Cron(this);
    this.shutdown = new Shutdown(this);
    this.listeners = new Listeners(this);
    this.access = new Access(this);
    this.pause = new Pause(this);
    this.timeouts = new Timeouts(this);
    this.lazyFree = new LazyFree(this);
    this.targets = new Targets(this);
    connectCoreSettings(options.config, (setting, value) => {
      this.core.setSetting(setting, value);
      return undefined;
    });
    this.latency = new LatencyMonitor(options.config, () => this.nowUs());
    this.watch = new Watch(this);
    this.hotKeys = new HotKeys(this);
    const track = () => {
      this.#histograms = options.config.boolean("latency-tracking") ? 1 : 0;
      return undefined;
    };
    track();
    options.config.onChange("latency-tracking", track);
  }

  // --- Time ---

  /** Ties the monotonic clock to the wall clock; between two calls time comes from the monotonic one alone. */
  syncClock(): void {
    this.#wallOffsetUs = this.port.nowUs() - this.port.monotonicUs();
    this.core.setNow(this.port.nowUs());
  }

  /** Now, in microseconds since 1970, and told to the core. */
  nowUs(): number {
    const now = this.port.monotonicUs() + this.#wallOffsetUs;
    this.core.setNow(now);
    return now;
  }

  // --- Running input ---

  /** Runs a client's input in the core and settles the time that it took. Returns STATUS bits. */
  process(client: number, n: number): number {
    const { core, stats, watch } = this;
    const start = this.port.monotonicUs();
    core.setNow(start + this.#wallOffsetUs);
    const status = core.exports.process(client, n);
    const elapsed = this.port.monotonicUs() - start;
    // A command that the host goes on with is settled when it is done.
    if (status & STATUS.needsHost) {
      this.#sliceUs = elapsed;
      this.#sliceEnd = start + elapsed;
      this.#sliceStatus = status;
    } else {
      if (elapsed >= watch.slowUs || status & watch.mask) watch.slice(client, elapsed, status);
      if (--this.hotKeys.left === 0) this.hotKeys.sample(client);
      stats.countSlice(elapsed, core.exports.settle(elapsed, this.#histograms));
    }
    if (this.cron.isSlow) this.cron.hasten();
    if (status & STATUS.blocked) this.timeouts.arm();
    if (status & STATUS.denied) {
      this.access.drainNotes();
      logDamage(core, this.log);
    }
    if (core.hasOthersToServe) this.drainSoon();
    return status;
  }

  /** Serves the others when this turn's input is done: in the middle of it, a connection could be closed under it. */
  drainSoon(): void {
    if (this.#drainsSoon) return;
    this.#drainsSoon = true;
    this.port.afterTurn(() => {
      this.#drainsSoon = false;
      this.drain();
    });
  }

  /** Runs the host command that a client waits for. True when it goes on later (the handler returned a promise). */
  runHostCommand(connection: Connection): boolean {
    const { core } = this;
    const id = core.root32(ROOT.currentCommand);
    if (id >= CMD.EVAL && id <= CMD.FCALL_RO) return this.#runScript(connection, id);
    const args = core.args();
    const reply = new ReplyWriter(connection.resp);
    const start = this.port.monotonicUs();
    this.running = connection;
    const result = runHandler(this, connection, id, args, reply);
    this.running = undefined;
    const status = this.#sliceStatus;
    const end = (since: number) => {
      const elapsed = this.port.monotonicUs() - since;
      this.#finishHostCommand(connection, reply, elapsed);
      if (connection.client !== 0) this.watch.command(connection, id, elapsed, status, () => args);
    };
    return this.#endOrWait(connection, id, start, result, end);
  }

  /** The same for a script or function: it takes its arguments from where they are, and writes its reply itself. */
  #runScript(connection: Connection, id: number): boolean {
    const { scripts } = this;
    // A slice that went before has just been measured.
    const start = connection.socket === undefined ? this.port.monotonicUs() : this.#sliceEnd;
    this.running = connection;
    const result = scripts.evaluate(connection, id, start);
    this.running = undefined;
    if (result === undefined) {
      this.#finishScript(connection, id, start - this.#sliceUs);
      return false;
    }
    return this.#endOrWait(connection, id, start, result, (since) => this.#finishScript(connection, id, since));
  }

  #finishScript(connection: Connection, id: number, since: number): void {
    const { core, scripts, watch } = this;
    const { client } = connection;
    const elapsed = this.port.monotonicUs() - since;
    if (client !== 0) core.exports.hostDone(client, scripts.failed ? 1 : 0);
    this.#settle(elapsed);
    if (client === 0) return;
    if (elapsed >= watch.slowUs || watch.isOneByOne || core.root32(ROOT.servedHead) !== 0) {
      watch.command(connection, id, elapsed, this.#sliceStatus, () => scripts.args());
    }
  }

  /** Ends a command of the host now, or when its promise does: true then. */
  #endOrWait(
    connection: Connection, id: number, start: number, result: void | Promise<void>, end: (since: number) => void,
  ): boolean {
    const { core } = this;
    if (result === undefined) {
      end(start - this.#sliceUs);
      return false;
    }
    // It counts with all of its time when it is done; what ran before it in this slice counts now.
    const countsLater = core.exports.hostWaits() === 1;
    const since = this.#settle(this.#sliceUs) > 0 ? start : start - this.#sliceUs;
    connection.isWaiting = true;
    void result.then(() => {
      connection.isWaiting = false;
      if (countsLater) core.exports.hostGoesOn(id);
      if (connection.client === 0) return void this.#settle(this.port.monotonicUs() - since);
      end(since);
      connection.run(0);
    });
    return true;
  }

  /** A script runs, and clients are served meanwhile. */
  get isScriptBusy(): boolean {
    return this.#scripts?.isBusy === true;
  }

  /** Scripts and functions; made for the first one. */
  get scripts(): Scripts {
    return (this.#scripts ??= new Scripts(this));
  }

  #finishHostCommand(connection: Connection, reply: ReplyWriter, elapsedUs: number): void {
    const { core } = this;
    if (connection.client === 0) return;
    const failed = reply.failed;
    const bytes = reply.take();
    if (failed) this.countErrors(bytes);
    core.reply(connection.client, bytes);
    core.exports.hostDone(connection.client, failed ? 1 : 0);
    this.#settle(elapsedUs);
  }

  /** Shares time among the commands that ran since the last settling; gives how many those were. */
  #settle(elapsedUs: number): number {
    const commands = this.core.exports.settle(elapsedUs, this.#histograms);
    if (commands > 0) this.stats.countSlice(elapsedUs, commands);
    return commands;
  }

  /** Counts an error reply of the host under its first word. */
  countErrors(bytes: Uint8Array): void {
    if (bytes[0] !== 0x2d) return;
    const end = bytes.indexOf(13);
    this.core.withBytes(bytes.subarray(1, end < 0 ? bytes.length : end), this.core.exports.hostError);
  }

  /** Serves clients other than the one just processed: their output, their held-back input, their end. */
  drain(): void {
    const { core, connections } = this;
    for (let c = core.exports.closingNext(); c !== 0; c = core.exports.closingNext()) {
      const connection = connections.get(c >>> 0);
      if (connection !== undefined) closeMarked(this, connection);
    }
    for (let c = core.exports.resumeNext(); c !== 0; c = core.exports.resumeNext()) connections.get(c >>> 0)?.run(0);
    if (core.hasValuesToFree) this.lazyFree.run();
    for (let c = core.exports.pendingWriteNext(); c !== 0; c = core.exports.pendingWriteNext()) {
      connections.get(c >>> 0)?.flushSoon();
    }
  }

  // --- Connections ---

  /** A connection for a socket that was accepted. */
  accept(socket: Socket): SocketHandler {
    this.cron.hasten();
    this.nowUs();
    const client = this.core.exports.clientOpen(0) >>> 0;
    const connection = new Connection(this, client);
    connection.socket = socket;
    if (this.holdsTlsOutput) connection.holdTlsOutput(true);
    const refusal = this.#refusal(socket, client);
    if (refusal !== "") {
      this.stats.connectionsRejected++;
      if (client !== 0) {
        this.core.reply(client, encoder.encode(refusal));
        connection.closeAfterReply();
      } else {
        socket.destroy();
      }
      return connection;
    }
    this.stats.connectionsReceived++;
    this.connections.set(client, connection);
    connection.isLocal = isLocal(socket.remote);
    if (socket.certificate !== undefined) this.access.adoptCertificate(connection, socket.certificate);
    const isUnix = isUnixSocket(socket.remote);
    if (isUnix) connection.flags |= CLIENT_UNIX_SOCKET;
    if (isMonitored(this)) tellPeer(this, connection);
    this.log.verbose(isUnix ? `Accepted connection to ${socket.local.slice(0, -2)}` : `Accepted ${socket.remote}`);
    return connection;
  }

  #refusal(socket: Socket, client: number): string {
    if (client === 0 || this.connections.size >= this.config.number("maxclients")) return MAX_CLIENTS;
    const isOpen = !this.config.boolean("protected-mode") || this.access.needsPassword;
    return isOpen || isLocal(socket.remote) ? "" : DENIED_PROTECTED;
  }

  /** Takes a connection off the list; the connection itself frees its client. */
  forget(connection: Connection, client: number): void {
    if (this.connections.get(client) === connection) this.connections.delete(client);
  }

  /** Closes every connection without a word to the core, whose memory is about to be replaced. */
  dropConnections(): void {
    for (const connection of this.connections.values()) connection.drop();
  }

  // --- Life ---

  /** Binds every address of the configuration. Returns the text for the log when the server can't go on. */
  listen(): Promise<string | undefined> {
    return this.listeners.start();
  }

  /** Listens at one more place. */
  open(options: ListenOptions): Promise<Listener> {
    return this.listeners.open(options);
  }

  /** The TCP port that is listened on, 0 when none is. */
  get tcpPort(): number {
    return this.listeners.tcpPort;
  }

  /** A new identity of this dataset's history. */
  changeReplicationId(): void {
    this.replicationId = randomHex(this.port, 20);
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.core.exports.resetStats();
    if (this.#scripts !== undefined) this.#scripts.cache.evicted = 0;
    this.stats.reset();
  }

  /** Runs something when the server is closed. */
  onClose(run: () => void): void {
    this.#atClose.push(run);
  }

  /** Closes sockets and timers. The core's memory stays until nobody holds the server. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const run of this.#atClose) run();
    this.cron.stop();
    this.pause.end();
    this.timeouts.close();
    this.lazyFree.close();
    this.listeners.close();
    for (const connection of this.connections.values()) {
      // Replies of this turn may wait to be sent with others.
      connection.flush();
      connection.destroy();
    }
  }
}

function newCore({ module, seed, port, config, maximumPages }: ServerOptions): Core {
  if (module === undefined) throw new Error("server: make a core: neither a module nor a core was given");
  const databases = config.number("databases");
  return new Core(module, { seed: seed ?? randomWords(port), databases, maximumPages });
}

/** A unix socket has port 0. */
function isUnixSocket(remote: string): boolean {
  return remote.endsWith(":0");
}

function isLocal(remote: string): boolean {
  return isUnixSocket(remote) || isLoopback(remote);
}

function randomWords(port: Port): Uint32Array {
  const bytes = new Uint8Array(16);
  port.random(bytes);
  return new Uint32Array(bytes.buffer);
}

/** `count` random bytes in hexadecimal. */
function randomHex(port: Port, count: number): string {
  const bytes = new Uint8Array(count);
  port.random(bytes);
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
