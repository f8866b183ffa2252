// node.ts - the portable adapter for Node 20 and newer.
//
// net.createServer listens; connections are taken over as bare libuv handles (node-handles.ts), which skips the
// stream classes and with them a third of the CPU a request costs. Where a Node has no such handles, connections are
// ordinary net.Sockets (node-streams.ts).

import * as fs from "node:fs";
import * as net from "node:net";
import process from "node:process";

import type { Listener, ListenOptions, Port } from "./port.ts";
import { listenAt } from "./net-listen.ts";
import { openHost, portablePort } from "./portable.ts";
import type { Accept } from "./portable.ts";
import { bindHost, removeSocketFile } from "./shared.ts";
import { HandleSocket, nodeHandles } from "./node-handles.ts";
import type { NodeHandles, StreamHandle } from "./node-handles.ts";
import { StreamSocket } from "./node-streams.ts";

const RANDOM_FILE = "/dev/urandom";
/** UV_TCP_IPV6ONLY of libuv. */
const IPV6_ONLY = 1;

/**
 * A bound libuv handle, made as net.Server makes it but without a look-up of the name, whose check for IPv6 addresses
 * alone takes 6 ms of the start. Undefined for names, on errors, and where Node has no such function: listen() is then
 * asked in the usual way, and says what is wrong.
 */
function boundHandle(host: string, port: number): object | undefined {
  type Make = (...words: (string | number)[]) => object | number;
  const make = (net as unknown as { _createServerHandle?: Make })._createServerHandle;
  const isIPv6 = host.includes(":");
  if (make === undefined || !(isIPv6 || /^[\d.]+$/.test(host))) return undefined;
  const handle = make(host, port, isIPv6 ? 6 : 4, -1, isIPv6 ? IPV6_ONLY : 0);
  return typeof handle === "object" ? handle : undefined;
}

/** Starts listening; rejects with a SystemError. */
async function listening(server: net.Server, options: ListenOptions, files: Port["files"]): Promise<Listener> {
  const { path, backlog, unixMode } = options;
  if (path !== undefined) {
    removeSocketFile(files, path);
    const listener = await listenAt(server, { path, backlog });
    if (unixMode !== undefined && unixMode !== 0) files.chmod(path, unixMode);
    return listener;
  }
  const host = bindHost(options.host);
  const port = options.port ?? 0;
  const handle = boundHandle(host, port);
  if (handle !== undefined) return listenAt(server, { _handle: handle, backlog } as net.ListenOptions);
  return listenAt(server, { host, port, backlog, ipv6Only: host.includes(":") });
}

/** Makes new connections arrive as bare handles in place of net.Sockets. */
function acceptHandles(server: net.Server, own: NodeHandles, options: ListenOptions, accept: Accept): void {
  const handle = (server as unknown as { _handle: StreamHandle })._handle;
  handle.onconnection = (error: number, client?: StreamHandle) => {
    if (error !== 0 || client === undefined) return;
    const socket = new HandleSocket(own, client, options);
    socket.start(accept(socket));
  };
}

/** Randomness from the system's own file where there is one: loading node:crypto takes 4 ms of the start. */
function systemRandom(files: Port["files"], otherwise: Port["random"]): Port["random"] {
  if (!files.exists(RANDOM_FILE)) return otherwise;
  return (bytes) => {
    const file = fs.openSync(RANDOM_FILE, "r");
    try {
      for (let at = 0; at < bytes.length;) at += fs.readSync(file, bytes, at, bytes.length - at, null);
    } finally {
      fs.closeSync(file);
    }
  };
}

/** `streams: true` keeps to net.Socket even where bare handles could be used. */
export function createNodePort(settings: { streams?: boolean } = {}): Port {
  const host = openHost();
  const { memory, coalescer, files, clock } = host;
  const own = settings.streams === true ? undefined : nodeHandles(memory, coalescer);
  clock.random = systemRandom(files, clock.random);
  const ioAdapter = own === undefined ? "node-streams" : "node";
  const names = { runtime: "node", version: process.versions.node, ioAdapter } as const;
  return portablePort(host, names, async (options, accept) => {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
      const socket = new StreamSocket(memory, client, options);
      socket.start(accept(socket));
    });
    const listener = await listening(server, options, files);
    if (own !== undefined) acceptHandles(server, own, options, accept);
    return listener;
  });
}
