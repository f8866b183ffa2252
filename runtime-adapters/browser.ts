// browser.ts - the adapter for browser tabs and workers: clock, timers and chance are real, files live in memory, and
// there are no sockets. Uses nothing that is not in every browser.

import type { Listener, Port, Timer } from "./port.ts";
import { TurnEnd } from "./shared.ts";
import { MemoryFiles, virtualProcess } from "./virtual-host.ts";

const LONGEST_TIMER_MS = 2147483647;

interface TimerWithUnref {
  unref?(): void;
}

function makeTimer(ms: number, run: () => void, repeats: boolean): Timer {
  const delay = Math.min(Math.max(ms, 0), LONGEST_TIMER_MS);
  const id = repeats ? setInterval(run, delay) : setTimeout(run, delay);
  const timer: Timer = {
    cancel: () => (repeats ? clearInterval(id) : clearTimeout(id)),
    unref(): Timer {
      // A tab has no process that a timer could keep alive; a server runtime that runs this build has.
      (id as unknown as TimerWithUnref).unref?.();
      return timer;
    },
  };
  return timer;
}

/** A port without sockets. */
export function createBrowserPort(): Port {
  const turnEnd = new TurnEnd((run) => queueMicrotask(run));
  const files = new MemoryFiles(() => Date.now());
  let memory: WebAssembly.Memory | undefined;
  const host = virtualProcess(
    {
      platform: "browser",
      hostname: "browser",
      print: (text) => console.log(text.trimEnd()),
      complain: (text) => console.error(text.trimEnd()),
      cpuUs: () => performance.now() * 1000,
      memoryBytes: () => memory?.buffer.byteLength ?? 0,
    },
    files,
  );
  return {
    ...host,
    runtime: "browser",
    version: "",
    ioAdapter: "none",
    files,
    nowUs: () => (performance.timeOrigin + performance.now()) * 1000,
    monotonicUs: () => performance.now() * 1000,
    random(bytes: Uint8Array): void {
      for (let at = 0; at < bytes.length; at += 65536) {
        const part = new Uint8Array(Math.min(65536, bytes.length - at));
        crypto.getRandomValues(part);
        bytes.set(part, at);
      }
    },
    timer: (ms, run) => makeTimer(ms, run, false),
    every: (ms, run) => makeTimer(ms, run, true),
    sleepSync(ms: number): void {
      // A tab's main thread may not block in any other way.
      const until = performance.now() + ms;
      while (performance.now() < until);
    },
    afterTurn: (run) => turnEnd.add(run),
    yieldSoon: () => undefined,
    setMemory(value: WebAssembly.Memory): void {
      memory = value;
    },
    listen: (): Promise<Listener> => Promise.reject(new Error("a browser has no sockets to listen on")),
    close: () => undefined,
  };
}
