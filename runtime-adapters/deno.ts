// deno.ts - the portable adapter for Deno, on Deno.listen.
//
// Reads and writes are promises. A pending read holds its buffer, so an idle connection waits with a small one and
// a connection that fills it goes on with a larger one; when it's drained it waits with a small one again:
//
//   waits with 512 B ── filled ──► reads 64 KiB from the pool until one comes back short ──► waits again
//                                  (512 B, or 4 KiB when the last bursts were larger than 512 B)
//
// A write is always in flight until its promise tells how many bytes the system took.

import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import {
  bindHost,
  errorCode,
  errorText,
  formatAddress,
  formatUnixAddress,
  MemoryView,
  removeSocketFile,
  systemError,
} from "./shared.ts";
import { hostClock, hostFiles, hostProcess } from "./server-host.ts";

/** What is used of Deno. */
interface DenoAddress {
  transport: string;
  hostname?: string;
  port?: number;
}
interface DenoConnection {
  readonly localAddr: DenoAddress;
  readonly remoteAddr: DenoAddress;
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
}
interface DenoListener {
  readonly addr: DenoAddress;
  accept(): Promise<DenoConnection>;
  close(): void;
}
interface DenoRuntime {
  version: { deno: string };
  listen(options: Record<string, unknown>): DenoListener;
}

const WAIT_SIZE = 512;
const BUSY_WAIT_SIZE = 4096;
const BURST_SIZE = 64 * 1024;
/** Bursts in a row that fit the small buffer before a connection goes back to it. */
const CALM_READS = 64;

/** 64 KiB buffers that no read is using. */
class BufferPool {
  private readonly free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.free.pop() ?? new Uint8Array(BURST_SIZE);
  }

  give(buffer: Uint8Array): void {
    if (this.free.length < 16) this.free.push(buffer);
  }
}

const KNOWN_ERRORS: Record<string, string> = {
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNABORTED",
  BrokenPipe: "EPIPE",
  TimedOut: "ETIMEDOUT",
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  PermissionDenied: "EACCES",
  NotCapable: "EACCES",
};

function denoErrorCode(error: unknown, otherwise = "EIO"): string {
  return KNOWN_ERRORS[(error as Error).name] ?? errorCode(error, otherwise);
}

export class DenoSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly fd: number = -1;
  private readonly memory: MemoryView;
  private readonly pool: BufferPool;
  private readonly client: DenoConnection;
  private handler: SocketHandler | undefined;
  private waitBuffer: Uint8Array = new Uint8Array(WAIT_SIZE);
  private calm = 0;
  private paused = false;
  private reading = false;
  /** A chunk that came while reading was paused. */
  private kept: Uint8Array | undefined;
  private inFlight = 0;
  private closing = false;
  private gone = false;
  private lostLater: { error: string | undefined } | undefined;

  constructor(memory: MemoryView, pool: BufferPool, client: DenoConnection, options: ListenOptions) {
    this.memory = memory;
    this.pool = pool;
    this.client = client;
    if (options.path !== undefined) {
      this.remote = formatUnixAddress(options.path);
      this.local = this.remote;
      return;
    }
    this.remote = formatAddress(client.remoteAddr.hostname, client.remoteAddr.port);
    this.local = formatAddress(client.localAddr.hostname, client.localAddr.port);
    client.setNoDelay?.(true);
    if (options.keepAliveSeconds > 0) client.setKeepAlive?.(true);
  }

  /** Begins to read for `handler`. */
  start(handler: SocketHandler): void {
    this.handler = handler;
    this.readOn();
  }

  write(ptr: number, length: number): number {
    if (this.gone || this.inFlight > 0) return 0;
    this.inFlight = length;
    const bytes = this.memory.slice(ptr, length);
    this.client.write(bytes).then(
      (sent) => {
        if (sent === length) this.completed();
        else this.writeRest(ptr, length, sent);
      },
      (error) => this.writeFailed(error),
    );
    return -1;
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    if (!this.paused) return;
    this.paused = false;
    // Not synchronously: see rule 1 of the contract.
    queueMicrotask(() => {
      if (this.paused || this.gone) return;
      const kept = this.kept;
      this.kept = undefined;
      if (kept !== undefined) this.deliver(kept);
      this.readOn();
    });
  }

  close(): void {
    if (this.gone || this.closing) return;
    this.closing = true;
    if (this.inFlight === 0) this.destroy();
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.closing = true;
    this.client.close();
  }

  // --- Reading ---

  private readOn(): void {
    if (!this.reading) this.readInto(this.waitBuffer);
  }

  private readInto(buffer: Uint8Array): void {
    if (this.gone || this.closing || this.paused) {
      if (buffer !== this.waitBuffer) this.pool.give(buffer);
      return;
    }
    this.reading = true;
    this.client.read(buffer).then(
      (length) => this.arrived(buffer, length),
      (error) => {
        this.reading = false;
        this.lost(errorText(denoErrorCode(error)));
      },
    );
  }

  private arrived(buffer: Uint8Array, length: number | null): void {
    this.reading = false;
    if (this.gone || this.closing) return;
    if (length === null) {
      this.lost(undefined);
      return;
    }
    const full = length === buffer.length;
    if (this.paused) this.kept = buffer.slice(0, length);
    else this.deliver(buffer.subarray(0, length));
    this.suitBuffer(length, full);
    if (buffer !== this.waitBuffer && !full) this.pool.give(buffer);
    this.readInto(full ? (buffer.length === BURST_SIZE ? buffer : this.pool.take()) : this.waitBuffer);
  }

  /** The waiting buffer grows with the first burst that fills it and shrinks after many short reads. */
  private suitBuffer(length: number, full: boolean): void {
    if (full && this.waitBuffer.length === WAIT_SIZE) {
      this.waitBuffer = new Uint8Array(BUSY_WAIT_SIZE);
      this.calm = 0;
    } else if (this.waitBuffer.length === BUSY_WAIT_SIZE) {
      this.calm = length < WAIT_SIZE ? this.calm + 1 : 0;
      if (this.calm >= CALM_READS) this.waitBuffer = new Uint8Array(WAIT_SIZE);
    }
  }

  private deliver(chunk: Uint8Array): void {
    this.handler?.data(chunk);
  }

  // --- Writing ---

  private writeRest(ptr: number, length: number, sent: number): void {
    if (this.gone) {
      this.completed();
      return;
    }
    this.client.write(this.memory.slice(ptr + sent, length - sent)).then(
      (more) => {
        if (sent + more === length) this.completed();
        else this.writeRest(ptr, length, sent + more);
      },
      (error) => this.writeFailed(error),
    );
  }

  private writeFailed(error: unknown): void {
    this.lost(errorText(denoErrorCode(error)));
    this.completed();
  }

  private completed(): void {
    const length = this.inFlight;
    this.inFlight = 0;
    this.handler?.written(length);
    const lost = this.lostLater;
    this.lostLater = undefined;
    if (lost !== undefined) this.handler?.closed(lost.error);
    else if (this.closing && !this.gone) this.destroy();
  }

  private lost(error: string | undefined): void {
    if (this.gone) return;
    const wasClosing = this.closing;
    this.destroy();
    if (wasClosing) return;
    if (this.inFlight > 0) this.lostLater = { error };
    else this.handler?.closed(error);
  }
}

type Accept = (socket: Socket) => SocketHandler;

/** The portable port for Deno. */
export function createDenoPort(): Port {
  const deno = (globalThis as unknown as { Deno: DenoRuntime }).Deno;
  const memory = new MemoryView();
  const pool = new BufferPool();
  const files = hostFiles();
  const serve = async (listener: DenoListener, isOpen: () => boolean, options: ListenOptions, accept: Accept) => {
    while (isOpen()) {
      try {
        const client = await listener.accept();
        const socket = new DenoSocket(memory, pool, client, options);
        socket.start(accept(socket));
      } catch (error) {
        if (!isOpen()) return;
        // Out of descriptors, or a peer that left already: a pause in place of a busy loop.
        if (KNOWN_ERRORS[(error as Error).name] === undefined && (error as { code?: string }).code === undefined) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };
  return {
    ...hostClock(),
    ...hostProcess(),
    runtime: "deno",
    version: deno.version.deno,
    ioAdapter: "deno",
    files,
    setMemory: (value) => memory.set(value),
    async listen(options: ListenOptions, accept: Accept): Promise<Listener> {
      const place = options.path !== undefined
        ? { transport: "unix", path: options.path }
        : { transport: "tcp", hostname: bindHost(options.host), port: options.port ?? 0, tcpBacklog: options.backlog };
      if (options.path !== undefined) removeSocketFile(files, options.path);
      let listener: DenoListener;
      try {
        listener = deno.listen(place);
      } catch (error) {
        throw systemError(denoErrorCode(error), "listen");
      }
      if (options.path !== undefined && options.unixMode) files.chmod(options.path, options.unixMode);
      let open = true;
      void serve(listener, () => open, options, accept);
      return {
        port: listener.addr.port ?? 0,
        close(): void {
          open = false;
          listener.close();
          if (options.path !== undefined) removeSocketFile(files, options.path);
        },
      };
    },
    close: () => undefined,
  };
}
