// node.ts - the portable adapter for Node 20 and newer; what deno.ts is made of.
//
// Listeners and connections are bare libuv handles (node-listener.ts, node-handles.ts), which skips the stream classes
// and with them a third of the CPU a request costs. Where a Node has no such handles, they are net.Server's and
// net.Sockets (node-streams.ts). What isn't there from Node's own start is loaded when it is needed.

import * as fs from "node:fs";
import process from "node:process";

import { nodeHandles } from "./node-handles.ts";
import { listenByHandle } from "./node-listener.ts";
import { listenByStreams } from "./node-streams.ts";
import type { Port } from "./port.ts";
import { openHost, portablePort } from "./portable.ts";
import type { Host } from "./portable.ts";

const RANDOM_FILE = "/dev/urandom";

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

/** Node's performance.now() takes 10 ns more, and 1 ms of the start, for which it loads node:perf_hooks. */
function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1000;
}

/** A port on bare handles, or on net.Sockets where there are none or `streams` is true. */
export function handlePort(host: Host, names: Pick<Port, "runtime" | "version">, streams = false): Port {
  const { memory, coalescer, files } = host;
  const own = streams ? undefined : nodeHandles(memory, coalescer);
  const ioAdapter = own === undefined ? `${names.runtime}-streams` : names.runtime;
  return portablePort(host, { ...names, ioAdapter }, (options, accept) =>
    own === undefined
      ? listenByStreams(memory, options, files, accept)
      : listenByHandle(own, options, files, accept));
}

/** `streams: true` keeps to net.Socket even where bare handles could be used. */
export function createNodePort(settings: { streams?: boolean } = {}): Port {
  const host = openHost(monotonicUs);
  host.clock.random = systemRandom(host.files, host.clock.random);
  return handlePort(host, { runtime: "node", version: process.versions.node }, settings.streams);
}
