// net-dial.ts - outgoing connections by node:net, which all three runtimes have.
//
// node:net is loaded with the first one: in Deno and Bun nothing else needs it. Such connections don't keep the process
// alive. Not for connections that were accepted: those are the adapters' own, and faster.

import type * as net from "node:net";

import type { DialHandler, Outgoing } from "./port.ts";
import { errorCode } from "./shared.ts";

class NetOutgoing implements Outgoing {
  private readonly handler: DialHandler;
  private socket: net.Socket | undefined;
  private gone = false;

  constructor(handler: DialHandler) {
    this.handler = handler;
  }

  async open(host: string, port: number): Promise<void> {
    const { connect } = await import("node:net");
    if (this.gone) return;
    let socket: net.Socket;
    try {
      socket = connect({ host, port, noDelay: true });
    } catch (error) {
      return this.lost(errorCode(error));
    }
    this.socket = socket;
    socket.unref();
    socket.on("connect", () => {
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

/** Port.dial() by node:net. */
export function dial(host: string, port: number, handler: DialHandler): Outgoing {
  const outgoing = new NetOutgoing(handler);
  void outgoing.open(host, port);
  return outgoing;
}
