// node-listener.ts - listening in Node and Deno with a bare handle; connections arrive as such handles, too.
//
//   new TCP(SERVER) ─ bind, bind6 ─┐
//                                  ├─► listen(backlog) ─► onconnection(handle) ─► HandleSocket
//   new Pipe(SERVER) ─ bind(path) ─┘
//
// It is what net.Server has inside. A start without net.Server loads neither node:net nor what that needs (streams,
// cluster, child_process, dgram), a tenth of its time. Not for Nodes without such handles (node-streams.ts) or TLS.

import { HandleSocket } from "./node-handles.ts";
import type { AddressFacts, NodeHandles, StreamHandle } from "./node-handles.ts";
import { numericHost } from "./net-listen.ts";
import type { Accept } from "./portable.ts";
import type { Files, Listener, ListenOptions } from "./port.ts";
import { bindHost, errorCode, removeSocketFile, systemError } from "./shared.ts";

/** What is used of a libuv handle that listens; all but close() answer 0 or a negative error. */
export interface ServerHandle {
  onconnection: (error: number, client?: StreamHandle) => void;
  bind(place: string, port?: number): number;
  bind6(address: string, port: number, flags: number): number;
  listen(backlog: number): number;
  getsockname(out: AddressFacts): number;
  close(): void;
}

/** What bind() answers for words that are no address: Node, Deno. */
const NO_ADDRESS = ["EINVAL", "EPERM"];

/** Binds to an address; one of NO_ADDRESS for what is none. */
function bindTo({ tcp, errorName }: NodeHandles, handle: ServerHandle, address: string, port: number): string {
  try {
    const error = address.includes(":")
      ? handle.bind6(address, port, tcp.constants?.UV_TCP_IPV6ONLY ?? 0)
      : handle.bind(address, port);
    return error === 0 ? "" : errorName(error);
  } catch {
    return "EINVAL"; // Deno throws for some of them
  }
}

/** The same for an address or a name. Rejects where nobody knows the name. */
async function bindToHost(own: NodeHandles, handle: ServerHandle, host: string, port: number): Promise<string> {
  const code = bindTo(own, handle, host, port);
  if (!NO_ADDRESS.includes(code)) return code;
  return bindTo(own, handle, await numericHost(host), port);
}

/** Listens for `accept`; rejects with a SystemError. */
export async function listenByHandle(
  own: NodeHandles, options: ListenOptions, files: Files, accept: Accept,
): Promise<Listener> {
  const { path, unixMode } = options;
  const isUnix = path !== undefined;
  const binding = isUnix ? own.pipe : own.tcp;
  const handle = new (binding.Pipe ?? binding.TCP)!(binding.constants!.SERVER);
  let isOpen = true;
  const close = () => {
    if (isOpen) handle.close();
    isOpen = false;
  };
  const check = (code: string) => {
    if (code === "") return;
    close();
    throw systemError(code, "listen");
  };
  if (isUnix) {
    removeSocketFile(files, path);
    const error = handle.bind(path);
    check(error === 0 ? "" : own.errorName(error));
  } else {
    const bound = bindToHost(own, handle, bindHost(options.host), options.port ?? 0);
    check(await bound.catch((error: unknown) => errorCode(error)));
  }
  handle.onconnection = (error, client) => {
    if (error !== 0 || client === undefined) return;
    const socket = new HandleSocket(own, client, options);
    socket.start(accept(socket));
  };
  binding.setupListenWrap?.(handle);
  const error = handle.listen(options.backlog);
  check(error === 0 ? "" : own.errorName(error));
  if (isUnix) {
    if (unixMode !== undefined && unixMode !== 0) files.chmod(path, unixMode);
    return { port: 0, close };
  }
  const facts: AddressFacts = {};
  handle.getsockname(facts);
  return { port: facts.port ?? 0, close };
}
