// start.ts - serves the admin's HTTP interface on the loopback address, in every runtime (all have node:http).

import { serve } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Server } from "../server/server.ts";
import { createAdminApp } from "./app.ts";
import { AdminClient } from "./client.ts";

const LOOPBACK = "127.0.0.1";

/** Something that listens: what the server keeps, to end it. */
export interface Admin {
  readonly port: number;
  close(): void;
}

/** Serves on `port` (0: the system chooses). Rejects when the port is taken. */
export function startAdmin(server: Server, port: number): Promise<Admin> {
  const incoming = (context: Context) => (context.env as HttpBindings).incoming.socket;
  const app = createAdminApp({
    connect: (remote) => new AdminClient(server, remote, `${LOOPBACK}:${port}`),
    remoteOf: (context) => `${incoming(context).remoteAddress ?? LOOPBACK}:${incoming(context).remotePort ?? 1}`,
    wait: (ms) => new Promise((resolve) => void server.port.timer(ms, resolve)),
  });
  return new Promise((resolve, reject) => {
    const http = serve({ fetch: app.fetch, port, hostname: LOOPBACK }, (address) => {
      resolve({
        port: address.port,
        close: () => {
          http.close();
          if ("closeAllConnections" in http) http.closeAllConnections();
        },
      });
    });
    http.on("error", reject);
  });
}
