// linux-waker.ts - waits for an epoll descriptor on another thread, so that an idle main thread sleeps in its runtime.
//
// An epoll descriptor can itself be polled: it's readable while one of its sockets is ready. One arming gives one
// wake-up; the waiting thread touches no event and sleeps on a futex until it is armed again:
//
//   main:    arm() ─ control = ARMED, notify ─ sleeps in the runtime's loop ┄┄┄┄┄┄┄┄┄┄ wake() runs
//   helper:  futex wait ─────────────────────► poll(epoll, forever) ── ready ── control = RESTING, message ─ futex wait
//
// Deno runs a foreign call on its own thread pool and needs no helper. Bun and Node get a worker.

import { libraryNames } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";

export interface Waker {
  /** Runs `wake` once, when the epoll descriptor is or becomes readable. To be called again only after that. */
  arm(wake: () => void): void;
  /** Ends the helper. */
  close(): void;
}

/** So long the helper is blocked at most in one poll(): a process that exits waits for its workers. */
const POLL_MS = 60_000;
const POLLIN = 1;

/** Writes struct pollfd: fd i32, events i16, returned events i16. */
function putPollFd(view: DataView, fd: number): void {
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  view.setInt16(6, 0, true);
}

// --- Deno ---

function threadPoolWaker(calls: LinuxCalls, epoll: number, interrupt: () => void): Waker {
  const page = new WebAssembly.Memory({ initial: 1 }).buffer;
  putPollFd(new DataView(page), epoll);
  const pointer = calls.pointer(page, 0);
  const poll = calls.pollElsewhere as NonNullable<LinuxCalls["pollElsewhere"]>;
  let open = true;
  const wait = (wake: () => void): void => {
    poll(pointer, 1, POLL_MS).then((ready) => {
      if (!open) return;
      if (ready === 0) wait(wake);
      else wake();
    });
  };
  return {
    arm: wait,
    close(): void {
      open = false;
      interrupt();
    },
  };
}

// --- Bun and Node ---

const RESTING = 0;
const ARMED = 1;
const ENDING = 2;

/** The helper's whole program. It runs from text, so that a bundle stays one file. */
const HELPER = `
const { parentPort, workerData } = require("node:worker_threads");
const { names, epoll } = workerData;
const control = new Int32Array(workerData.control);
const page = new WebAssembly.Memory({ initial: 1 }).buffer;
const view = new DataView(page);
view.setInt32(0, epoll, true);
view.setInt16(4, ${POLLIN}, true);
function open(name) {
  if (typeof Bun !== "undefined") {
    const ffi = require("bun:ffi");
    const poll = ffi.dlopen(name, { poll: { args: ["ptr", "i32", "i32"], returns: "i32" } }).symbols.poll;
    return [poll, ffi.ptr(new Uint8Array(page))];
  }
  process.emitWarning = () => undefined;
  const ffi = require("node:ffi");
  const poll = ffi.dlopen(name, { poll: { arguments: ["pointer", "i32", "i32"], return: "i32" } }).functions.poll;
  return [poll, ffi.getRawPointer(new Uint8Array(page))];
}
let opened;
for (const name of names) {
  try {
    opened = opened ?? open(name);
  } catch (error) {
    if (name === names[names.length - 1]) throw error;
  }
}
const [poll, pointer] = opened;
for (;;) {
  Atomics.wait(control, 0, ${RESTING});
  if (Atomics.load(control, 0) === ${ENDING}) break;
  while (poll(pointer, 1, ${POLL_MS}) === 0 && Atomics.load(control, 0) === ${ARMED});
  if (Atomics.compareExchange(control, 0, ${ARMED}, ${RESTING}) === ${ENDING}) break;
  parentPort.postMessage(0);
}
`;

async function workerWaker(arch: string, epoll: number, interrupt: () => void): Promise<Waker> {
  const { Worker } = await import("node:worker_threads");
  const control = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(HELPER, {
    eval: true,
    workerData: { control: control.buffer, epoll, names: libraryNames(arch) },
  });
  let wake: (() => void) | undefined;
  worker.on("message", () => {
    const run = wake;
    wake = undefined;
    worker.unref();
    run?.();
  });
  worker.unref();
  // A process that ends waits for its workers; this one may be inside poll().
  const ended = (): void => {
    Atomics.store(control, 0, ENDING);
    Atomics.notify(control, 0);
    interrupt();
  };
  globalThis.process.once("exit", ended);
  return {
    arm(run: () => void): void {
      wake = run;
      worker.ref();
      Atomics.store(control, 0, ARMED);
      Atomics.notify(control, 0);
    },
    close(): void {
      wake = undefined;
      worker.unref();
      globalThis.process.off("exit", ended);
      ended();
    },
  };
}

/** Makes the runtime's kind of waker for an epoll descriptor; `interrupt` makes the descriptor readable. */
export async function openWaker(
  calls: LinuxCalls,
  arch: string,
  epoll: number,
  interrupt: () => void,
): Promise<Waker> {
  if (calls.pollElsewhere === undefined) return await workerWaker(arch, epoll, interrupt);
  return threadPoolWaker(calls, epoll, interrupt);
}
