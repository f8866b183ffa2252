// portable.ts - what the portable adapters of Node, Deno and Bun have in common: the runtime's clock, files and
// process, TLS on node:tls, and what their sockets share. An adapter adds its way to listen.

import { PortableCoalescer } from "./coalesce.ts";
import { dial } from "./net-dial.ts";
import type { ClockPort, Files, Listener, ListenOptions, Port, ProcessPort, Socket, SocketHandler } from "./port.ts";
import { hostClock, hostFiles, hostProcess } from "./server-host.ts";
import { MemoryView } from "./shared.ts";
import { certificateFacts, checkTls, listenTls } from "./tls.ts";

export type Accept = (socket: Socket) => SocketHandler;

/** A runtime's means. */
export interface Host {
  clock: ClockPort;
  process: ProcessPort;
  files: Files;
  memory: MemoryView;
  coalescer: PortableCoalescer;
}

export function openHost(monotonicUs = () => performance.now() * 1000): Host {
  const clock = hostClock(monotonicUs);
  const process = hostProcess();
  const files = hostFiles();
  const coalescer = new PortableCoalescer(clock.monotonicUs, process.platform, files);
  return { clock, process, files, memory: new MemoryView(), coalescer };
}

/** The port of a runtime; `listen` opens what is not TLS. */
export function portablePort(
  host: Host,
  names: Pick<Port, "runtime" | "version" | "ioAdapter">,
  listen: (options: ListenOptions, accept: Accept) => Promise<Listener>,
): Port {
  const { clock, process, files, memory } = host;
  return {
    ...clock,
    ...process,
    ...names,
    files,
    setMemory: (value) => memory.set(value),
    dial,
    checkTls,
    certificateFacts,
    listen: (options, accept) =>
      options.tls !== undefined ? listenTls(memory, options, accept) : listen(options, accept),
    close: () => undefined,
  };
}
