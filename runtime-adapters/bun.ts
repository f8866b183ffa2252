// bun.ts - the portable adapter for Bun, on Bun.listen.
//
// Bun hands over each read as a fresh array (so idle connections hold no buffer), and its socket.write() is write(2):
// it says how many bytes the system took and keeps nothing. A write is therefore never in flight here.

import type { Active } from "./coalesce.ts";
import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import { openHost, portablePort } from "./portable.ts";
import type { Accept, Host } from "./portable.ts";
import {
  bindHost, errorCode, errorText, formatAddress, formatUnixAddress, removeSocketFile, systemError,
} from "./shared.ts";
import type { MemoryView } from "./shared.ts";

/** What is used of Bun. */
interface BunTcpSocket {
  data: BunSocket | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly fd?: number;
  write(bytes: Uint8Array, offset: number, length: number): number;
  end(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): boolean;
  setKeepAlive(on: boolean, milliseconds: number): boolean;
}
interface BunListener {
  readonly port?: number;
  stop(closeConnections: boolean): void;
}
interface BunRuntime {
  version: string;
  listen(options: Record<string, unknown>): BunListener;
}

class BunSocket implements Socket, Active {
  window = 0;
  readonly remote: string;
  readonly local: string;
  readonly fd: number;
  handler: SocketHandler | undefined;
  private readonly memory: MemoryView;
  private readonly client: BunTcpSocket;
  /** Closed by this side: nothing is delivered any more. */
  private gone = false;
  private short = false;

  constructor(memory: MemoryView, client: BunTcpSocket, options: ListenOptions) {
    this.memory = memory;
    this.client = client;
    this.fd = client.fd ?? -1;
    if (options.path !== undefined) {
      this.remote = formatUnixAddress(options.path);
      this.local = this.remote;
      return;
    }
    this.remote = formatAddress(client.remoteAddress, client.remotePort);
    this.local = formatAddress(client.localAddress, client.localPort);
    client.setNoDelay(true);
    if (options.keepAliveSeconds > 0) client.setKeepAlive(true, options.keepAliveSeconds * 1000);
  }

  write(ptr: number, length: number): number {
    if (this.gone) return 0;
    const sent = this.client.write(this.memory.covering(ptr + length), ptr, length);
    // -1: closed meanwhile; the close callback tells the handler.
    if (sent < length) this.short = true;
    return sent < 0 ? 0 : sent;
  }

  pauseReading(): void {
    if (!this.gone) this.client.pause();
  }

  resumeReading(): void {
    if (!this.gone) this.client.resume();
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.client.end();
  }

  received(chunk: Uint8Array): void {
    if (!this.gone) this.handler?.data(chunk);
  }

  drained(): void {
    if (this.gone || !this.short) return;
    this.short = false;
    this.handler?.writable();
  }

  lost(error: Error | undefined): void {
    if (this.gone) return;
    this.gone = true;
    this.handler?.closed(error === undefined ? undefined : errorText(errorCode(error)));
  }
}

function socketCallbacks({ memory, coalescer }: Host, options: ListenOptions, accept: Accept) {
  return {
    binaryType: "uint8array",
    open(client: BunTcpSocket): void {
      const socket = new BunSocket(memory, client, options);
      client.data = socket;
      socket.handler = accept(socket);
    },
    data(client: BunTcpSocket, chunk: Uint8Array): void {
      const socket = client.data;
      if (socket === undefined) return;
      coalescer.note(socket);
      socket.received(chunk);
    },
    drain(client: BunTcpSocket): void {
      client.data?.drained();
    },
    close(client: BunTcpSocket, error?: Error): void {
      client.data?.lost(error);
    },
    /** A callback above has thrown. Bun would swallow it; as everywhere else it's nobody's to catch. */
    error(_client: BunTcpSocket, error: Error): void {
      queueMicrotask(() => {
        throw error;
      });
    },
  };
}

function listenBun(bun: BunRuntime, host: Host, options: ListenOptions, accept: Accept): Listener {
  const { files } = host;
  const socket = socketCallbacks(host, options, accept);
  const hostname = bindHost(options.host);
  const place = options.path !== undefined
    ? { unix: options.path }
    : { hostname, port: options.port ?? 0, exclusive: true, ipv6Only: hostname.includes(":") };
  if (options.path !== undefined) removeSocketFile(files, options.path);
  let listener: BunListener;
  try {
    listener = bun.listen({ ...place, backlog: options.backlog, socket });
  } catch (error) {
    throw systemError(errorCode(error, "EADDRINUSE"), "listen");
  }
  if (options.path !== undefined && options.unixMode) files.chmod(options.path, options.unixMode);
  return { port: listener.port ?? 0, close: () => void listener.stop(false) };
}

/** The portable port for Bun. */
export function createBunPort(): Port {
  const bun = (globalThis as unknown as { Bun: BunRuntime }).Bun;
  const host = openHost();
  const names = { runtime: "bun", version: bun.version, ioAdapter: "bun" } as const;
  // As a promise, so that what listenBun() throws is a rejection.
  return portablePort(host, names, async (options, accept) => listenBun(bun, host, options, accept));
}
