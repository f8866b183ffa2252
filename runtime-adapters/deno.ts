// deno.ts - the portable adapter for Deno, on Deno.listen.
//
// Reads and writes are promises. A pending read holds its buffer, so a connection waits with a small one until that
// is filled; then it gets one of a limited number of large ones, and keeps it until its reads are short again:
//
//   1 KiB ── filled ──► 129 KiB from the pool ── 64 short reads in a row ──► 1 KiB
//              └─ pool empty ──► 16 KiB for the next read only
//
// A write is always in flight until its promise tells how many bytes the system took.

import type { Active, PortableCoalescer } from "./coalesce.ts";
import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import { openHost, portablePort } from "./portable.ts";
import type { Accept, Host } from "./portable.ts";
import {
  bindHost, errorCode, errorText, formatAddress, formatUnixAddress, removeSocketFile, systemError,
} from "./shared.ts";
import type { MemoryView } from "./shared.ts";

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

const SMALL_SIZE = 1024;
const LARGE_SIZE = 128 * 1024 + 1024;
/** 64 large buffers are 8 MiB; a connection that gets none goes on in small steps. */
const LARGE_BUFFERS = 64;
const STEP_SIZE = 16 * 1024;
/** Reads in a row that would have fit the small buffer before a connection gives its large one back. */
const CALM_READS = 64;

/** The large buffers of all connections. */
class BufferPool {
  private readonly free: Uint8Array[] = [];
  private out = 0;

  take(): Uint8Array | undefined {
    if (this.out === LARGE_BUFFERS) return undefined;
    this.out++;
    return this.free.pop() ?? new Uint8Array(LARGE_SIZE);
  }

  give(buffer: Uint8Array): void {
    this.out--;
    this.free.push(buffer);
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
  private readonly small = new Uint8Array(SMALL_SIZE);
  private large: Uint8Array | undefined;
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
    // A pending read ends with an error and gives its buffer back.
    if (!this.reading) this.releaseLarge();
    this.client.close();
  }

  // --- Reading ---

  private readOn(): void {
    if (!this.reading) this.readInto(this.large ?? this.small);
  }

  private readInto(buffer: Uint8Array): void {
    if (this.gone || this.closing || this.paused) return;
    this.reading = true;
    this.client.read(buffer).then(
      (length) => this.arrived(buffer, length),
      (error) => {
        this.reading = false;
        this.releaseLarge();
        this.lost(errorText(denoErrorCode(error)));
      },
    );
  }

  private arrived(buffer: Uint8Array, length: number | null): void {
    this.reading = false;
    if (length === null || this.gone || this.closing) {
      this.releaseLarge();
      if (!this.closing) this.lost(undefined);
      return;
    }
    this.coalescer.note(this);
    if (this.paused) this.kept = buffer.slice(0, length);
    else this.deliver(buffer.subarray(0, length));
    if (this.gone) this.releaseLarge();
    else this.readInto(this.nextBuffer(buffer, length));
  }

  private nextBuffer(buffer: Uint8Array, length: number): Uint8Array {
    if (this.large !== undefined) {
      this.calm = length < SMALL_SIZE ? this.calm + 1 : 0;
      if (this.calm === CALM_READS) this.releaseLarge();
      return this.large ?? this.small;
    }
    if (length < buffer.length) return this.small;
    this.calm = 0;
    this.large = this.pool.take();
    return this.large ?? new Uint8Array(STEP_SIZE);
  }

  /** To be called when no read is pending. */
  private releaseLarge(): void {
    if (this.large !== undefined) this.pool.give(this.large);
    this.large = undefined;
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

/** Times that a listener's place is tried, 5 ms apart, while the one before it closes: a busy machine needs time. */
const REPLACE_TRIES = 400;
const EVERY_IPV4 = "0.0.0.0";
const EVERY_IPV6 = "::";

/** What a port's listeners share. */
interface DenoWorld extends Host {
  runtime: DenoRuntime;
  pool: BufferPool;
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
  }
  const place = path !== undefined
    ? { transport: "unix", path }
    : { transport: "tcp", hostname, port, tcpBacklog: backlog };
  let listener: DenoListener | undefined;
  for (let tries = replaced === undefined ? 1 : REPLACE_TRIES; listener === undefined; tries--) {
    if (replaced !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    try {
      listener = world.runtime.listen(place);
    } catch (error) {
      const code = denoErrorCode(error);
      if (tries === 1 || code !== "EADDRINUSE") throw systemError(code, "listen");
    }
  }
  if (path !== undefined && options.unixMode) world.files.chmod(path, options.unixMode);
  const opened = new OpenListener(world, listener, options, accept);
  if (hostname === EVERY_IPV4) world.everyIpv4.set(opened.port, opened);
  return opened;
}

/** The portable port for Deno. */
export function createDenoPort(): Port {
  const runtime = (globalThis as unknown as { Deno: DenoRuntime }).Deno;
  const host = openHost();
  const world: DenoWorld = { ...host, runtime, pool: new BufferPool(), everyIpv4: new Map() };
  const names = { runtime: "deno", version: runtime.version.deno, ioAdapter: "deno" } as const;
  return portablePort(host, names, (options, accept) => openListener(world, options, accept));
}
