// net-dial.ts - outgoing connections by node:net and node:tls, which all three runtimes have.
//
// They are loaded with the first one that needs them: in Deno and Bun nothing else needs node:net. Such connections
// don't keep the process alive. Not for connections that were accepted: those are the adapters' own, and faster.

import type * as net from "node:net";

import type { DialHandler, Outgoing, TlsSettings } from "./port.ts";
import { errorCode } from "./shared.ts";
import { connectTls } from "./tls.ts";

async function connectPlain(host: string, port: number): Promise<net.Socket> {
  const { connect } = await import("node:net");
  return connect({ host, port, noDelay: true });
}

class NetOutgoing implements Outgoing {
  private readonly handler: DialHandler;
  private socket: net.Socket | undefined;
  private gone = false;

  constructor(handler: DialHandler) {
    this.handler = handler;
  }

  async open(host: string, port: number, settings: TlsSettings | undefined): Promise<void> {
    let socket: net.Socket;
    try {
      socket = settings === undefined ? await connectPlain(host, port) : await connectTls(host, port, settings);
    } catch (error) {
      return this.lost(errorCode(error));
    }
    if (this.gone) return void socket.destroy();
    this.socket = socket;
    socket.unref();
    socket.on(settings === undefined ? "connect" : "secureConnect", () => {
      if (!this.gone) this.handler.opened();
    });
    socket.on("data", (chunk: Uint8Array) => {
      if (!this.gone) this.handler.data(chunk);
    });
    socket.on("error", (error) => this.lost(errorCode(error)));
    socket.on("end", () => this.lost(""));
    socket.on("close", () => this.lost(""));
  }

  send(bytes: Uint8Array): void {
    this.socket?.write(bytes, () => {
      if (!this.gone) this.handler.sent();
    });
  }

  destroy(): void {
    this.gone = true;
    this.socket?.destroy();
  }

  private lost(code: string): void {
    if (this.gone) return;
    this.destroy();
    this.handler.closed(code);
  }
}

/** Port.dial() by node:net, or node:tls. */
export function dial(host: string, port: number, handler: DialHandler, tls?: TlsSettings): Outgoing {
  const outgoing = new NetOutgoing(handler);
  void outgoing.open(host, port, tls);
  return outgoing;
}
