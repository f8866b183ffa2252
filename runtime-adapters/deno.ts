// deno.ts - the portable adapter for Deno: Node's, on the handles that Deno makes after Node's.
//
// They read and write at once. Deno.listen's promises cost 5 us more a request with 500 connections, 45 with 10,000.

import { handlePort } from "./node.ts";
import { openHost } from "./portable.ts";
import type { Listener, ListenOptions, Port } from "./port.ts";
import { bindHost, errorCode, systemError } from "./shared.ts";

/** What is used of Deno. */
interface DenoRuntime {
  version: { deno: string };
  listen(place: { hostname: string; port: number }): { close(): void };
}

const EVERY_IPV4 = "0.0.0.0";
const EVERY_IPV6 = "::";

/** Why an address can't be bound: the handles call every reason "EINVAL", Deno.listen() tells it. */
function refusal({ listen }: DenoRuntime, hostname: string, port: number): string {
  try {
    listen({ hostname, port }).close();
    return "EINVAL";
  } catch (error) {
    return errorCode(error, "EINVAL");
  }
}

/** The portable port for Deno. */
export function createDenoPort(settings: { streams?: boolean } = {}): Port {
  const runtime = (globalThis as unknown as { Deno: DenoRuntime }).Deno;
  const port = handlePort(openHost(), { runtime: "deno", version: runtime.version.deno }, settings.streams);
  const listeners = new Map<number, Listener>();
  return {
    ...port,
    async listen(options, accept) {
      const host = options.path === undefined ? bindHost(options.host) : "";
      const listen = (place: ListenOptions) => port.listen(place, accept).catch((error: unknown) => {
        const isVague = host !== "" && errorCode(error) === "EINVAL";
        throw isVague ? systemError(refusal(runtime, host, options.port ?? 0), "listen") : error;
      });
      // Deno's IPv6 sockets take IPv4 as well, so "*" and "::*" can't both be open at a port: the second replaces the
      // first, which stays where there is no IPv6.
      const first = host === EVERY_IPV6 ? listeners.get(options.port ?? 0) : undefined;
      if (first !== undefined) {
        (await listen({ ...options, port: 0 })).close();
        first.close();
      }
      const listener = await listen(options);
      if (host === EVERY_IPV4) listeners.set(listener.port, listener);
      return listener;
    },
  };
}
