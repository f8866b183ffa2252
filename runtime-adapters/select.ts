// select.ts - picks the adapter for the runtime this program finds itself in.

import type { Port } from "./port.ts";

export type IoAdapterChoice = "auto" | "portable" | "epoll";

interface OpenedPort {
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

/**
 * One adapter by its name: "node", "node-streams", "deno", "deno-streams", "bun", "browser", "simulated",
 * "epoll", "epoll-calls" (the same without io_uring). Rejects where it can't run.
 */
export async function openNamedPort(name: string): Promise<Port> {
  switch (name) {
    case "deno":
    case "deno-streams":
      return (await import("./deno.ts")).createDenoPort({ streams: name === "deno-streams" });
    case "bun":
      return (await import("./bun.ts")).createBunPort();
    case "node":
    case "node-streams":
      return (await import("./node.ts")).createNodePort({ streams: name === "node-streams" });
    case "browser":
      return (await import("./browser.ts")).createBrowserPort();
    case "simulated":
      return (await import("./simulated.ts")).createSimulatedPort();
    case "epoll":
    case "epoll-calls": {
      const { createEpollPort } = await import("./linux-epoll.ts");
      return await createEpollPort(await openNamedPort(detectRuntime()), { ring: name === "epoll" });
    }
    default:
      throw new Error(`no adapter of the name '${name}'`);
  }
}

/**
 * "auto" takes epoll where it is known to be cheaper and can run, otherwise the runtime's own sockets. Where epoll
 * was wanted and can't run, the port is the portable one and `fallbackReason` says why. `portable` is a portable port
 * that is there already.
 */
export async function openPort(options: { ioAdapter: IoAdapterChoice; portable?: Port }): Promise<OpenedPort> {
  const runtime = detectRuntime();
  const portable = options.portable ?? (await openNamedPort(runtime));
  if (options.ioAdapter === "portable" || portable.platform !== "linux") return { port: portable };
  // Node's handles cost what epoll by node:ffi costs, and node:ffi is experimental.
  if (options.ioAdapter === "auto" && runtime === "node") return { port: portable };
  const { createEpollPort } = await import("./linux-epoll.ts");
  try {
    return { port: await createEpollPort(portable, { ring: true }) };
  } catch (error) {
    return { port: portable, fallbackReason: (error as Error).message };
  }
}
