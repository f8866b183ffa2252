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
  /** Ends the helper; `ended` runs when it no longer uses the descriptor. */
  close(ended: () => void): void;
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
  let waiting = false;
  let ended: (() => void) | undefined;
  const wait = (wake: () => void): void => {
    if (ended !== undefined) return;
    waiting = true;
    poll(pointer, 1, POLL_MS).then((ready) => {
      waiting = false;
      if (ended !== undefined) ended();
      else if (ready === 0) wait(wake);
      else wake();
    });
  };
  return {
    arm: wait,
    close(whenEnded: () => void): void {
      ended = whenEnded;
      if (waiting) interrupt();
      else whenEnded();
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

/** The worker starts so long after the server first has nothing to do: not while its first replies are awaited. */
const START_AFTER_MS = 100;
/** Until the worker runs (or if it can't), the epoll descriptor is looked at so often. */
const LOOK_MS = 2;

interface HelperThread {
  ref(): void;
  unref(): void;
  on(event: "exit", run: () => void): void;
}

/** Wakes by a worker; by a timer until the worker runs. */
class WorkerWaker implements Waker {
  private readonly control = new Int32Array(new SharedArrayBuffer(4));
  private readonly interrupt: () => void;
  private readonly workerData: object;
  /** Started, perhaps not yet running. */
  private started: HelperThread | undefined;
  /** Running. */
  private worker: HelperThread | undefined;
  private starting: ReturnType<typeof setTimeout> | undefined;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private wake: (() => void) | undefined;
  private open = true;
  private readonly ended = (): void => {
    // A process that ends waits for its workers; this one may be inside poll().
    Atomics.store(this.control, 0, ENDING);
    Atomics.notify(this.control, 0);
    this.interrupt();
  };

  constructor(arch: string, epoll: number, interrupt: () => void) {
    this.interrupt = interrupt;
    this.workerData = { control: this.control.buffer, epoll, names: libraryNames(arch) };
  }

  arm(run: () => void): void {
    if (!this.open) return;
    if (this.worker === undefined) {
      this.starting ??= this.startLater();
      this.looking = setTimeout(run, LOOK_MS);
      return;
    }
    this.wake = run;
    this.worker.ref();
    Atomics.store(this.control, 0, ARMED);
    Atomics.notify(this.control, 0);
  }

  close(ended: () => void): void {
    this.open = false;
    this.wake = undefined;
    clearTimeout(this.starting);
    clearTimeout(this.looking);
    this.started?.unref();
    globalThis.process.off("exit", this.ended);
    if (this.started === undefined) ended();
    else this.started.on("exit", ended);
    // Also where the worker has only been started: it ends as soon as it looks.
    if (this.started !== undefined) this.ended();
  }

  private startLater(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => void this.start(), START_AFTER_MS);
    timer.unref();
    return timer;
  }

  private async start(): Promise<void> {
    const { Worker } = await import("node:worker_threads");
    if (!this.open) return;
    const worker = new Worker(HELPER, { eval: true, workerData: this.workerData });
    this.started = worker;
    worker.on("message", () => {
      const run = this.wake;
      this.wake = undefined;
      worker.unref();
      run?.();
    });
    worker.on("online", () => {
      if (!this.open) return;
      this.worker = worker;
      globalThis.process.once("exit", this.ended);
    });
    worker.on("error", () => {
      this.started = undefined;
      // No worker here: back to looking by a timer, which costs some tenths of a per cent of a core.
      this.worker = undefined;
      const run = this.wake;
      this.wake = undefined;
      run?.();
    });
    worker.unref();
  }
}

/** Makes the runtime's kind of waker for an epoll descriptor; `interrupt` makes the descriptor readable. */
export function openWaker(calls: LinuxCalls, arch: string, epoll: number, interrupt: () => void): Waker {
  return calls.pollElsewhere === undefined
    ? new WorkerWaker(arch, epoll, interrupt)
    : threadPoolWaker(calls, epoll, interrupt);
}
