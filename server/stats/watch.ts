// watch.ts - decides which runs of commands are worth a look, and hands them to the command log and latency monitor.
//
//   process() ── one comparison with slowUs, one test of status bits ──► slice() only when something stands out
//   host command done ──► command()
//
// With the default thresholds (10 ms, 1 MiB) a fast command costs nothing here: a slice that took long is noticed as a
// whole, and the core itself marks large requests and replies, which never fit the shared buffer. Thresholds below what
// a slice can tell apart make every command end its slice (the core's setting tickEveryCommand).
//
// A slice may hold several fast commands in front of the last one. Its time is the last command's when that one is not
// flagged fast, else each command's even share. Not for statistics of every command: the core counts those.

import { STATUS } from "../bridge/core.ts";
import type { Connection } from "../connection/connection.ts";
import { CMD_FAST, CMD_SKIP_COMMANDLOG } from "../generated/commands.ts";
import { BLOCKED, CLIENT, ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { CommandLog, DIRECTIVES, LOG_TYPES, trimArguments } from "./command-log.ts";
import type { LogType } from "./command-log.ts";

/** A threshold of time below which commands are measured one by one, in microseconds. */
const ONE_BY_ONE_US = 1000;
/** A request that fits the shared input buffer, and a reply that fits two chunks, are not marked by the core. */
const SMALL_REQUEST = 65536;
const SMALL_REPLY = 32768;

export class Watch {
  readonly log: CommandLog;
  /** A slice that takes this long is looked at. */
  slowUs = Infinity;
  /** Status bits that call for a look. */
  mask: number = STATUS.large;
  readonly #server: Server;
  /** Every command's own time and size is wanted. */
  isOneByOne = false;
  #latencyUs = Infinity;

  constructor(server: Server) {
    this.#server = server;
    this.log = new CommandLog(server.config);
    this.#readThresholds();
    const names = LOG_TYPES.flatMap((type) => [DIRECTIVES[type].threshold, DIRECTIVES[type].length]);
    server.config.onChange([...names, "latency-monitor-threshold"], () => {
      this.#readThresholds();
      return undefined;
    });
  }

  #readThresholds(): void {
    const { config, core } = this.#server;
    const slow = this.log.threshold("slow");
    const milliseconds = config.number("latency-monitor-threshold");
    this.#latencyUs = milliseconds > 0 ? milliseconds * 1000 : Infinity;
    this.slowUs = Math.min(slow, this.#latencyUs);
    const request = this.log.threshold("large-request");
    const reply = this.log.threshold("large-reply");
    this.isOneByOne = slow < ONE_BY_ONE_US || request < SMALL_REQUEST || reply < SMALL_REPLY;
    core.setSetting("tickEveryCommand", this.isOneByOne ? 1 : 0);
    core.setSetting("largeRequest", Number.isFinite(request) ? request : -1);
    core.setSetting("largeReply", Number.isFinite(reply) ? reply : -1);
    this.mask = this.isOneByOne ? STATUS.large | STATUS.ran : STATUS.large;
  }

  /** Looks at the slice that just ran, before its time is settled; the arguments are still in place. */
  slice(client: number, elapsedUs: number, status: number): void {
    const { core, connections } = this.#server;
    const runs = core.root32(ROOT.settleCount);
    if (runs === 0 || status & STATUS.needsHost) return;
    const id = core.root32(ROOT.currentCommand);
    const isFast = (this.#server.commands.flagsOf(id) & CMD_FAST) !== 0;
    const time = isFast ? elapsedUs / runs : elapsedUs;
    const connection = connections.get(client);
    if (connection !== undefined) this.command(connection, id, time, status, () => core.argsInPlace());
  }

  /** Looks at one command that ran, and at those that it ended for clients that waited. */
  command(connection: Connection, id: number, elapsedUs: number, status: number, args: () => Uint8Array[]): void {
    const { core, connections } = this.#server;
    this.#note(connection, id, elapsedUs, status, args);
    for (let at = core.root32(ROOT.servedHead); at !== 0; at = core.root32(ROOT.servedHead)) {
      const served = connections.get(core.u32(at + BLOCKED.client));
      if (served?.id === core.u32(at + BLOCKED.clientId)) {
        const ownArgs = () => core.argsAt(core.u32(at + BLOCKED.argv), core.u32(at + BLOCKED.argc));
        this.#note(served, core.u32(at + BLOCKED.command), elapsedUs, status, ownArgs);
      }
      core.exports.servedDrop();
    }
  }

  #note(connection: Connection, id: number, elapsedUs: number, status: number, args: () => Uint8Array[]): void {
    const flags = this.#server.commands.flagsOf(id);
    if (elapsedUs >= this.#latencyUs) {
      this.#server.latency.add(flags & CMD_FAST ? "fast-command" : "command", elapsedUs);
    }
    if (flags & CMD_SKIP_COMMANDLOG) return;
    const values: [LogType, number][] = [];
    if (elapsedUs >= this.log.threshold("slow")) values.push(["slow", Math.floor(elapsedUs)]);
    if (this.isOneByOne || status & STATUS.large) {
      const { core } = this.#server;
      const request = core.u64(connection.client + CLIENT.argumentBytes);
      // The core notes sizes of requests only where they may be large.
      core.setU64(connection.client + CLIENT.argumentBytes, 0);
      const reply = core.u64(connection.client + CLIENT.outBytes) - core.u64(connection.client + CLIENT.replyStart);
      if (request >= this.log.threshold("large-request")) values.push(["large-request", request]);
      if (reply >= this.log.threshold("large-reply")) values.push(["large-reply", reply]);
    }
    if (values.length === 0) return;
    const trimmed = trimArguments(this.#server.config, id, args());
    const time = Math.floor(this.#server.nowUs() / 1e6);
    const address = connection.socket?.remote ?? "";
    for (const [type, value] of values) {
      this.log.add(type, { time, value, args: trimmed, address, name: connection.name });
    }
  }
}
