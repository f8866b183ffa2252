// node.ts - the portable adapter for Node 20 and newer.
//
// net.createServer listens; connections are taken over as bare libuv handles (node-handles.ts), which skips the
// stream classes and with them a third of the CPU a request costs. Where a Node has no such handles, connections are
// ordinary net.Sockets (node-streams.ts).

import * as net from "node:net";
import process from "node:process";

import { PortableCoalescer } from "./coalesce.ts";
import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import { bindHost, errorCode, MemoryView, removeSocketFile, systemError } from "./shared.ts";
import { hostClock, hostFiles, hostProcess } from "./server-host.ts";
import { HandleSocket, nodeHandles } from "./node-handles.ts";
import type { NodeHandles, StreamHandle } from "./node-handles.ts";
import { StreamSocket } from "./node-streams.ts";

type Accept = (socket: Socket) => SocketHandler;

/** Starts listening; rejects with a SystemError. */
function listening(server: net.Server, options: ListenOptions, files: Port["files"]): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(systemError(errorCode(error), "listen")));
    const started = () => {
      server.removeAllListeners("error");
      // Accepting can fail later (out of descriptors): the connection waits in the backlog, the listener lives on.
      server.on("error", () => undefined);
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      resolve({ port, close: () => void server.close() });
    };
    if (options.path !== undefined) {
      const path = options.path;
      const mode = options.unixMode;
      removeSocketFile(files, path);
      server.listen({ path, backlog: options.backlog }, () => {
        if (mode !== undefined && mode !== 0) files.chmod(path, mode);
        started();
      });
      return;
    }
    const host = bindHost(options.host);
    server.listen({ host, port: options.port ?? 0, backlog: options.backlog, ipv6Only: host.includes(":") }, started);
  });
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

/** `streams: true` keeps to net.Socket even where bare handles could be used. */
export function createNodePort(settings: { streams?: boolean } = {}): Port {
  const memory = new MemoryView();
  const files = hostFiles();
  const clock = hostClock();
  const host = hostProcess();
  const coalescer = new PortableCoalescer(clock.monotonicUs, host.platform, files);
  const own = settings.streams === true ? undefined : nodeHandles(memory, coalescer);
  return {
    ...clock,
    ...host,
    runtime: "node",
    version: process.versions.node,
    ioAdapter: own === undefined ? "node-streams" : "node",
    files,
    setMemory: (value) => memory.set(value),
    async listen(options: ListenOptions, accept: Accept): Promise<Listener> {
      const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
        const socket = new StreamSocket(memory, client, options);
        socket.start(accept(socket));
      });
      const listener = await listening(server, options, files);
      if (own !== undefined) acceptHandles(server, own, options, accept);
      return listener;
    },
    close: () => undefined,
  };
}
