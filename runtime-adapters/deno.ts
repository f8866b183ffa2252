// deno.ts - the portable adapter for Deno, on Deno.listen.
//
// Reads and writes are promises. A pending read holds its buffer, so an idle connection waits with a small one and
// a connection that fills it goes on with a larger one; when it's drained it waits with a small one again:
//
//   waits with 512 B ── filled ──► reads 64 KiB from the pool until one comes back short ──► waits again
//                                  (512 B, or 4 KiB when the last bursts were larger than 512 B)
//
// A write is always in flight until its promise tells how many bytes the system took.

import { PortableCoalescer } from "./coalesce.ts";
import type { Active } from "./coalesce.ts";
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

/** An IPv4 peer of an IPv6 socket is "::ffff:127.0.0.1" to the system and "127.0.0.1" to everybody else. */
function formatPlain(address: DenoAddress): string {
  return formatAddress(address.hostname?.replace(/^::ffff:(?=\d+\.)/, ""), address.port);
}

export class DenoSocket implements Socket, Active {
  window = 0;
  readonly remote: string;
  readonly local: string;
  readonly fd: number = -1;
  private readonly memory: MemoryView;
  private readonly pool: BufferPool;
  private readonly coalescer: PortableCoalescer;
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

  constructor(world: DenoWorld, client: DenoConnection, options: ListenOptions) {
    this.memory = world.memory;
    this.pool = world.pool;
    this.coalescer = world.coalescer;
    this.client = client;
    if (options.path !== undefined) {
      this.remote = formatUnixAddress(options.path);
      this.local = this.remote;
      return;
    }
    this.remote = formatPlain(client.remoteAddr);
    this.local = formatPlain(client.localAddr);
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
    this.coalescer.note(this);
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

// --- Listening ---

type Accept = (socket: Socket) => SocketHandler;

const EVERY_IPV4 = "0.0.0.0";
const EVERY_IPV6 = "::";

/** What a port's listeners share. */
interface DenoWorld {
  runtime: DenoRuntime;
  memory: MemoryView;
  pool: BufferPool;
  coalescer: PortableCoalescer;
  files: Port["files"];
  /** Open listeners on every IPv4 address, by port. */
  everyIpv4: Map<number, OpenListener>;
}

class OpenListener implements Listener {
  readonly port: number;
  private readonly world: DenoWorld;
  private readonly listener: DenoListener;
  private readonly options: ListenOptions;
  private readonly accept: Accept;
  private open = true;

  constructor(world: DenoWorld, listener: DenoListener, options: ListenOptions, accept: Accept) {
    this.world = world;
    this.listener = listener;
    this.options = options;
    this.accept = accept;
    this.port = listener.addr.port ?? 0;
    void this.serve();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.world.everyIpv4.delete(this.port);
    this.listener.close();
    if (this.options.path !== undefined) removeSocketFile(this.world.files, this.options.path);
  }

  private async serve(): Promise<void> {
    while (this.open) {
      let client: DenoConnection;
      try {
        client = await this.listener.accept();
      } catch {
        // Out of descriptors, or a peer that left already: a pause in place of a busy loop.
        if (this.open) await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      const socket = new DenoSocket(this.world, client, this.options);
      socket.start(this.accept(socket));
    }
  }
}

async function openListener(world: DenoWorld, options: ListenOptions, accept: Accept): Promise<Listener> {
  const { path, backlog } = options;
  if (path !== undefined) removeSocketFile(world.files, path);
  const hostname = bindHost(options.host);
  const port = options.port ?? 0;
  const replaced = hostname === EVERY_IPV6 ? world.everyIpv4.get(port) : undefined;
  if (replaced !== undefined) {
    // Deno's IPv6 sockets take IPv4 as well, so "*" and "::*" can't both be open at a port: the second replaces the
    // first, whose descriptor Deno closes some turns later.
    replaced.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const place = path !== undefined
    ? { transport: "unix", path }
    : { transport: "tcp", hostname, port, tcpBacklog: backlog };
  let listener: DenoListener;
  try {
    listener = world.runtime.listen(place);
  } catch (error) {
    throw systemError(denoErrorCode(error), "listen");
  }
  if (path !== undefined && options.unixMode) world.files.chmod(path, options.unixMode);
  const opened = new OpenListener(world, listener, options, accept);
  if (hostname === EVERY_IPV4) world.everyIpv4.set(opened.port, opened);
  return opened;
}

/** The portable port for Deno. */
export function createDenoPort(): Port {
  const runtime = (globalThis as unknown as { Deno: DenoRuntime }).Deno;
  const memory = new MemoryView();
  const files = hostFiles();
  const clock = hostClock();
  const host = hostProcess();
  const coalescer = new PortableCoalescer(clock.monotonicUs, host.platform, files);
  const world: DenoWorld = { runtime, memory, pool: new BufferPool(), coalescer, files, everyIpv4: new Map() };
  return {
    ...clock,
    ...host,
    runtime: "deno",
    version: runtime.version.deno,
    ioAdapter: "deno",
    files,
    setMemory: (value) => memory.set(value),
    listen: (options, accept) => openListener(world, options, accept),
    close: () => undefined,
  };
}
