// net-listen.ts - listening with the server of node:net or node:tls, which all three runtimes have; addresses of names.

import type * as net from "node:net";

import type { Listener } from "./port.ts";
import { errorCode, systemError } from "./shared.ts";

/** The address of a name; node:dns is loaded with the first one. Rejects with a SystemError. */
export async function numericHost(name: string): Promise<string> {
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(name)).address;
  } catch (error) {
    throw systemError(errorCode(error, "ENOTFOUND"), name);
  }
}

/** Starts listening at a place; rejects with a SystemError. */
export function listenAt(server: net.Server, place: net.ListenOptions): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(systemError(errorCode(error), "listen")));
    server.listen(place, () => {
      server.removeAllListeners("error");
      // Accepting can fail later (out of descriptors): the connection waits in the backlog, the listener lives on.
      server.on("error", () => undefined);
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      resolve({ port, close: () => void server.close() });
    });
  });
}
