// wakey.ts - Wakey for use in a program: import { Wakey } from "wakey", in Node, Deno and Bun.
//
//   const wakey = new Wakey();  wakey.call("SET", "a", 1);  wakey.call("GET", "a") === "1";  wakey.close();
//
// Not for the program server (main.ts) or for browsers (wakey.browser.ts). How it works: server/embed/.

import { createBunPort } from "../runtime-adapters/bun.ts";
import { createDenoPort } from "../runtime-adapters/deno.ts";
import { createNodePort } from "../runtime-adapters/node.ts";
import type { Port } from "../runtime-adapters/port.ts";
import { detectRuntime } from "../runtime-adapters/select.ts";
import { hostFiles } from "../runtime-adapters/server-host.ts";
import { wakeyClass } from "./embed/wakey.ts";
import type { Wakey as Instance, WakeyClass } from "./embed/wakey.ts";

export type { Argument } from "./bridge/caller.ts";
export { WakeyError } from "./bridge/reply-reader.ts";
export type { Reply } from "./bridge/reply-reader.ts";
export type { ListenPlace } from "./embed/embedded.ts";
export type { WakeyOptions } from "./embed/options.ts";
export { SnapshotError } from "./bridge/snapshot.ts";

/** The core's file: beside the bundle, or in dist/ when the sources run as they are. */
function readCore(): Uint8Array {
  const files = hostFiles();
  const places = ["core.wasm", "../dist/core.wasm"].map((name) =>
    decodeURIComponent(new URL(name, import.meta.url).pathname)
  );
  const place = places.find((path) => files.exists(path));
  if (place === undefined) throw new Error("wakey: open: the core is not built (npm run build)");
  return files.read(place);
}

function makePort(): Port {
  const runtime = detectRuntime();
  if (runtime === "deno") return createDenoPort();
  return runtime === "bun" ? createBunPort() : createNodePort();
}

export const Wakey: WakeyClass = wakeyClass({ code: readCore, makePort });
export type Wakey = Instance;
