// connection.ts - one client of the server: its socket, its client in the core, and what only the host knows of it.
//
//   socket ── room() / data() ──► core.process() ──► output in linear memory ── write(), or offer() ──► socket
//                                   │ NEEDS_HOST: the server's handler runs, writes its reply, input goes on
//
// The hot path is room() → received() → run() → offer() → sent(): two clock reads, five calls into the core.
// Not for accepting sockets or for the commands that the host runs: server.ts, server/commands/.

import type { Sender, Socket, SocketHandler } from "../../runtime-adapters/port.ts";
import { type Core, STATUS } from "../bridge/core.ts";
import { closeMarked, logProtocolError } from "../clients/closing.ts";
import { describeForLog } from "../clients/describe.ts";
import { CLIENT_CLOSE_AFTER_REPLY } from "../generated/layout.ts";
import type { Server } from "../server.ts";

export class Connection implements SocketHandler, Sender {
  readonly server: Server;
  readonly core: Core;
  /** Address of the client in the core; 0 once it is closed. */
  client: number;
  socket: Socket | undefined;
  roomLength = 0;
  offerAt = 0;
  offerLength = 0;
  /** Loopback or unix socket. */
  isLocal = true;
  // What CLIENT SETNAME, SETINFO and HELLO told, as bytes in latin-1.
  name = "";
  libName = "";
  libVersion = "";
  isProtected = false;
  /** READONLY. */
  isReadOnly = false;
  /** Bytes handed to the socket that it still references. */
  #inFlight = 0;
  /** The socket took less than it was offered; writable() will come. */
  #isBlocked = false;
  #closesAfter = false;
  /** The client in the core, when the connection is gone but bytes are in flight. */
  #abandoned = 0;
  /** The core's life that the client belongs to. */
  readonly #life: number;
  /** A host command that has not replied yet. */
  isWaiting = false;

  constructor(server: Server, client: number) {
    this.server = server;
    this.core = server.core;
    this.client = client;
    this.#life = server.core.life;
  }

  // --- What the adapter calls ---

  room(part: number, parts: number): number {
    const at = this.core.exports.inputRoom(this.client, 0, part, parts) >>> 0;
    this.roomLength = this.core.roomLength;
    return at;
  }

  received(n: number): void {
    if (this.client !== 0) this.run(n);
  }

  missing(): number {
    return this.client === 0 ? 0 : this.core.exports.clientMissing(this.client);
  }

  offer(): boolean {
    const { core } = this;
    if (this.#isBusy || this.client === 0) return false;
    if (core.exports.outputFirst(this.client) !== 1) {
      this.flush();
      return false;
    }
    this.offerAt = core.outputAt;
    this.offerLength = core.outputLength;
    return true;
  }

  sent(n: number): void {
    if (this.client === 0) return;
    const left = this.core.exports.outputConsume(this.client, n);
    if (n < this.offerLength) this.#isBlocked = true;
    else if (left > 0 || this.#closesAfter) this.flush();
  }

  data(chunk: Uint8Array): void {
    const { core } = this;
    let at = 0;
    while (at < chunk.length && this.client !== 0) {
      const room = core.exports.inputRoom(this.client, chunk.length - at, 0, 1) >>> 0;
      const n = Math.min(core.roomLength, chunk.length - at);
      if (n === 0) return this.destroy();
      core.refresh();
      core.bytes.set(n === chunk.length ? chunk : chunk.subarray(at, at + n), room);
      at += n;
      this.run(n);
    }
  }

  written(n: number): void {
    this.#inFlight = 0;
    if (this.#abandoned !== 0) {
      if (this.#life === this.core.life) this.core.exports.clientClose(this.#abandoned);
      this.#abandoned = 0;
    }
    if (this.client === 0) return;
    this.core.exports.outputConsume(this.client, n);
    this.flush();
  }

  writable(): void {
    this.#isBlocked = false;
    if (this.client !== 0) this.flush();
  }

  closed(error?: string): void {
    const { log } = this.server;
    if (this.client !== 0 && log.isOn("verbose")) {
      if (error !== undefined) log.verbose(`Reading from client: ${error}`);
      else log.verbose(`Client closed connection ${describeForLog(this.server, this)}`);
    }
    this.socket = undefined;
    this.release();
  }

  // --- Running ---

  /** Runs `n` new bytes of input, and what was held back. */
  run(n: number): void {
    const { server } = this;
    let status = server.process(this.client, n);
    // Input that comes while a command waits for the host is kept for later.
    if (this.isWaiting) return;
    while (status & (STATUS.needsHost | STATUS.more)) {
      if (status & STATUS.needsHost) {
        if (server.runHostCommand(this)) return;
        if (this.client === 0) return;
      }
      status = server.process(this.client, 0);
    }
    if (status & STATUS.closeNow) return closeMarked(server, this);
    if (status & STATUS.closeAfter && !this.#closesAfter) {
      this.#closesAfter = true;
      logProtocolError(server, this);
    }
    if (status & (STATUS.output | STATUS.closeAfter)) this.flushSoon();
  }

  /** DEBUG FORCE-TLS-WRITE-ERROR: a TLS connection sends nothing, as if its socket took nothing, or it may again. */
  holdTlsOutput(isHeld: boolean): void {
    if (this.socket?.isTls !== true) return;
    this.#isBlocked = isHeld;
    if (!isHeld) this.writable();
  }

  /** The socket takes nothing now: there is none, or it still has what it was offered. */
  get #isBusy(): boolean {
    return this.socket === undefined || this.#inFlight > 0 || this.#isBlocked;
  }

  /** Offers output together with that of other connections, where that is cheaper, or else at once. */
  flushSoon(): void {
    if (!this.#isBusy && this.socket?.writeSoon?.(this) !== true) this.flush();
  }

  /** Offers output to the socket until it takes no more. */
  flush(): void {
    const { socket, core } = this;
    if (socket === undefined || this.#isBusy) return;
    let pieces = core.exports.outputFirst(this.client);
    while (pieces > 0) {
      const whole = pieces > 1 && socket.writeParts !== undefined;
      const parts = whole ? core.exports.outputParts(this.client) : 0;
      const at = core.outputAt;
      const offered = core.outputLength;
      const taken = whole ? socket.writeParts!(at, parts, offered) : socket.write(at, offered);
      if (taken < 0) {
        this.#inFlight = offered;
        return;
      }
      const left = core.exports.outputConsume(this.client, taken);
      if (taken < offered) {
        this.#isBlocked = true;
        return;
      }
      pieces = left > 0 ? core.exports.outputFirst(this.client) : 0;
    }
    if (this.#closesAfter) {
      this.socket = undefined;
      socket.close();
      this.release();
    }
  }

  // --- Closing ---

  /** Closes when the output is out; commands that come meanwhile are not run. */
  closeAfterReply(): void {
    this.#closesAfter = true;
    this.flags |= CLIENT_CLOSE_AFTER_REPLY;
    this.flush();
  }

  /** DEBUG PROTECT-CLIENT: nothing is read from it, and losing its user does not close it. */
  protect(): void {
    this.isProtected = true;
    this.socket?.pauseReading();
  }

  /** Closes at once. */
  destroy(): void {
    const socket = this.socket;
    this.socket = undefined;
    socket?.destroy();
    this.release();
  }

  /** Closes at once; the client in the core is gone, or will be, with the memory that it is in. */
  drop(): void {
    const { socket, client } = this;
    this.socket = undefined;
    this.client = 0;
    socket?.destroy();
    this.server.forget(this, client);
  }

  /** Lets go of the client in the core. */
  release(): void {
    if (this.client === 0) return;
    const client = this.client;
    this.client = 0;
    this.server.forget(this, client);
    // While the adapter still references output, its memory is kept: written() comes in any case.
    if (this.#inFlight > 0) this.#abandoned = client;
    else this.core.exports.clientClose(client);
  }

  // --- What CLIENT LIST shows ---

  get remote(): string {
    return this.socket?.remote ?? "";
  }
  get local(): string {
    return this.socket?.local ?? "";
  }
  get fd(): number {
    return this.socket?.fd ?? -1;
  }
  /** Output waits until the socket takes more. */
  get isWriting(): boolean {
    return this.#inFlight > 0 || this.#isBlocked;
  }

  // --- Fields of the client in the core ---

  get id(): number {
    return this.core.client64(this.client, "id");
  }
  get resp(): 2 | 3 {
    return this.core.client32(this.client, "resp") === 3 ? 3 : 2;
  }
  set resp(version: 2 | 3) {
    this.core.setClient32(this.client, "resp", version);
  }
  /** Name of the user that it is logged in as. */
  get user(): string {
    return this.server.access.nameOf(this.core.client32(this.client, "userId"));
  }
  get db(): number {
    return this.core.client32(this.client, "db");
  }
  get flags(): number {
    return this.core.client32(this.client, "flags");
  }
  set flags(bits: number) {
    this.core.setClient32(this.client, "flags", bits);
  }
}
