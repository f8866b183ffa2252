// node-streams.ts - net.Server and connections on net.Sockets, for Nodes whose bare handles can't be had.

import type * as net from "node:net";

import { listenAt } from "./net-listen.ts";
import type { Accept } from "./portable.ts";
import type { Files, Listener, ListenOptions, Socket, SocketHandler } from "./port.ts";
import type { MemoryView } from "./shared.ts";
import { bindHost, errorCode, errorText, formatAddress, formatUnixAddress, removeSocketFile } from "./shared.ts";

export class StreamSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly fd: number;
  private readonly memory: MemoryView;
  private readonly client: net.Socket;
  private handler: SocketHandler | undefined;
  private inFlight = 0;
  private closing = false;
  private gone = false;
  /** Why it was lost, while bytes in flight aren't given back yet. */
  private lostLater: { error: string | undefined } | undefined;

  constructor(memory: MemoryView, client: net.Socket, options: ListenOptions) {
    this.memory = memory;
    this.client = client;
    this.fd = (client as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
    if (options.path !== undefined) {
      this.remote = formatUnixAddress(options.path);
      this.local = this.remote;
      return;
    }
    this.remote = formatAddress(client.remoteAddress, client.remotePort);
    this.local = formatAddress(client.localAddress, client.localPort);
    if (options.keepAliveSeconds > 0) client.setKeepAlive(true, options.keepAliveSeconds * 1000);
  }

  start(handler: SocketHandler): void {
    this.handler = handler;
    this.client.on("data", (chunk: Uint8Array) => {
      if (!this.closing) handler.data(chunk);
    });
    this.client.on("end", () => this.lost(undefined));
    this.client.on("error", (error) => this.lost(errorText(errorCode(error))));
    this.client.on("close", () => this.lost(undefined));
  }

  write(ptr: number, length: number): number {
    if (this.gone || this.inFlight > 0) return 0;
    let waited = false;
    this.client.write(this.memory.slice(ptr, length), () => {
      if (waited) this.completed();
    });
    if (this.client.writableLength === 0) return length;
    waited = true;
    this.inFlight = length;
    return -1;
  }

  pauseReading(): void {
    this.client.pause();
  }

  resumeReading(): void {
    this.client.resume();
  }

  close(): void {
    if (this.gone || this.closing) return;
    this.closing = true;
    if (this.inFlight === 0) this.destroy();
    else this.client.pause();
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.closing = true;
    this.client.destroy();
  }

  private completed(): void {
    const length = this.inFlight;
    this.inFlight = 0;
    this.handler?.written(length);
    if (this.lostLater !== undefined) this.handler?.closed(this.lostLater.error);
    if (this.closing && !this.gone) this.destroy();
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

/** Listens with a net.Server; rejects with a SystemError. */
export async function listenByStreams(
  memory: MemoryView, options: ListenOptions, files: Files, accept: Accept,
): Promise<Listener> {
  const { createServer } = await import("node:net");
  const { path, backlog, unixMode } = options;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const socket = new StreamSocket(memory, client, options);
    socket.start(accept(socket));
  });
  if (path === undefined) {
    const host = bindHost(options.host);
    return listenAt(server, { host, port: options.port ?? 0, backlog, ipv6Only: host.includes(":") });
  }
  removeSocketFile(files, path);
  const listener = await listenAt(server, { path, backlog });
  if (unixMode !== undefined && unixMode !== 0) files.chmod(path, unixMode);
  return listener;
}
