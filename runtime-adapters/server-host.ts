// server-host.ts - clock, timers, files, process and machine for the three server runtimes.
//
// Node, Deno and Bun all carry node:fs, node:os and node:process, so one file serves them; what differs (sockets)
// is in their own adapters. Not for browsers, and not for anything that a data command waits for, but nowUs().

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import process from "node:process";

import type {
  ClockPort,
  CpuUsage,
  FileFacts,
  Files,
  MemoryUsage,
  ProcessPort,
  RespawnOptions,
  SignalName,
  Timer,
} from "./port.ts";
import { TurnEnd } from "./shared.ts";

// --- Clock, timers, chance ---

const LONGEST_TIMER_MS = 2147483647;
const RESYNC_US = 1_000_000;
/** A larger difference between wall clock and monotonic clock is taken as a step of the wall clock. */
const STEP_US = 3000;

/** Waits for the next tick of Date.now(), but for no more than two of them: somebody may hold it. */
function awaitTick(monotonicUs: () => number): void {
  const tick = Date.now();
  const until = monotonicUs() + 2000;
  while (Date.now() === tick && monotonicUs() < until);
}

/**
 * The wall clock with the fraction of the monotonic one; follows steps of the wall clock within a second. Date.now()
 * cuts the fraction off, so the first look is at a tick: a clock that's behind has a client's PXAT 10,001 ms away.
 */
function makeWallClock(monotonicUs: () => number): () => number {
  let offsetUs = -Infinity;
  let resyncAt = -Infinity;
  return () => {
    if (offsetUs === -Infinity) awaitTick(monotonicUs);
    const passed = monotonicUs();
    if (passed >= resyncAt) {
      resyncAt = passed + RESYNC_US;
      const offset = Date.now() * 1000 - passed;
      if (offset > offsetUs || offsetUs - offset > STEP_US) offsetUs = offset;
    }
    return offsetUs + passed;
  };
}

class HostTimer implements Timer {
  private readonly id: ReturnType<typeof setTimeout>;
  private readonly repeats: boolean;

  constructor(ms: number, run: () => void, repeats: boolean) {
    const delay = Math.min(Math.max(ms, 0), LONGEST_TIMER_MS);
    this.repeats = repeats;
    this.id = repeats ? setInterval(run, delay) : setTimeout(run, delay);
  }

  cancel(): void {
    if (this.repeats) clearInterval(this.id);
    else clearTimeout(this.id);
  }

  unref(): Timer {
    const id = this.id as unknown as number | { unref(): void };
    if (typeof id === "object") id.unref();
    else (globalThis as unknown as { Deno: { unrefTimer(id: number): void } }).Deno.unrefTimer(id);
    return this;
  }
}

/** The clock side of a server's port, on a runtime's monotonic clock. */
export function hostClock(monotonicUs: () => number): ClockPort {
  const turnEnd = new TurnEnd((run) => setImmediate(run));
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  return {
    nowUs: makeWallClock(monotonicUs),
    monotonicUs,
    random(bytes: Uint8Array): void {
      // getRandomValues takes no more than 65,536 bytes and nothing over shared memory.
      for (let at = 0; at < bytes.length; at += 65536) {
        const part = new Uint8Array(Math.min(65536, bytes.length - at));
        crypto.getRandomValues(part);
        bytes.set(part, at);
      }
    },
    timer: (ms, run) => new HostTimer(ms, run, false),
    every: (ms, run) => new HostTimer(ms, run, true),
    sleepSync(ms: number): void {
      Atomics.wait(sleeper, 0, 0, ms);
    },
    afterTurn: (run) => turnEnd.add(run),
    yieldSoon: () => undefined,
  };
}

// --- Files ---

function syncPath(name: string): void {
  const fd = fs.openSync(name, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes through a descriptor: Deno's writeFileSync resets the mode of a file that exists. */
function writeAll(name: string, flags: string, data: string | Uint8Array, mode: number | undefined): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const fd = fs.openSync(name, flags, mode ?? 0o666);
  try {
    if (mode !== undefined) fs.fchmodSync(fd, mode);
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at);
  } finally {
    fs.closeSync(fd);
  }
}

/** Small files through node:fs. */
export function hostFiles(): Files {
  return {
    readText: (name) => fs.readFileSync(name, "utf8"),
    read: (name) => fs.readFileSync(name),
    write(name: string, data: string | Uint8Array, mode?: number): void {
      writeAll(name, "w", data, mode);
    },
    append: (name, data) => writeAll(name, "a", data, undefined),
    rename: (from, to) => fs.renameSync(from, to),
    exists: (name) => fs.existsSync(name),
    facts(name: string): FileFacts | undefined {
      const stats = fs.statSync(name, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      return {
        size: stats.size,
        modifiedMs: stats.mtimeMs,
        isDirectory: stats.isDirectory(),
        mode: stats.mode & 0o7777,
      };
    },
    unlink: (name) => fs.unlinkSync(name),
    mkdir(name: string): void {
      fs.mkdirSync(name, { recursive: true });
    },
    list: (name) => fs.readdirSync(name).sort(),
    chmod: (name, mode) => fs.chmodSync(name, mode),
    fsync: syncPath,
    absolute: (name) => path.resolve(name),
  };
}

// --- Process and machine ---

/**
 * A heap is full when so large a share of it is in use, and that much of it after garbage is collected: the tenth
 * between lets it be filled with garbage for a while before the next collection.
 */
const FULL_HEAP = 0.7;
const FULL_OF_LIVE = 0.6;
const TICK_US = 10_000;

/** Text of a file under /proc, or "" on a system without it. */
function procText(name: string): string {
  try {
    return fs.readFileSync(name, "latin1");
  } catch {
    return "";
  }
}

/** The numbers after the command's closing parenthesis in a /proc stat line: state is [0], utime [11], stime [12]. */
function statFields(name: string): string[] {
  const text = procText(name);
  return text === "" ? [] : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function cpuUsage(): CpuUsage {
  const own = process.cpuUsage();
  const all = statFields("/proc/self/stat");
  const main = statFields(`/proc/self/task/${process.pid}/stat`);
  const ticks = (fields: string[], index: number, otherwise: number) =>
    fields.length > index ? Number(fields[index]) * TICK_US : otherwise;
  return {
    userUs: own.user,
    systemUs: own.system,
    userChildrenUs: ticks(all, 13, 0),
    systemChildrenUs: ticks(all, 14, 0),
    userMainThreadUs: ticks(main, 11, own.user),
    systemMainThreadUs: ticks(main, 12, own.system),
  };
}

function memoryUsage(): MemoryUsage {
  return { rss: process.memoryUsage.rss() };
}

/** The heap's bytes in use, those of garbage included, and how many there may be; what collects garbage at once. */
interface Heap {
  used(): number;
  most: number;
  collect(): void;
}

/** Made when it is wanted, since Node takes 2 ms to load node:v8. */
function openHeap(): Heap | undefined {
  if ("Bun" in globalThis) {
    // JavaScriptCore has no limit of its own.
    const { Bun } = globalThis as unknown as { Bun: { gc(wait: boolean): void } };
    return { used: () => process.memoryUsage().heapUsed, most: totalMemory() / 2, collect: () => Bun.gc(true) };
  }
  // Node before 20.16 loads nothing in the middle of things.
  const v8 = process.getBuiltinModule?.("node:v8");
  const vm = process.getBuiltinModule?.("node:vm");
  if (v8 === undefined || vm === undefined) return undefined;
  v8.setFlagsFromString("--expose-gc");
  return {
    used: () => v8.getHeapStatistics().used_heap_size,
    most: v8.getHeapStatistics().heap_size_limit,
    collect: vm.runInNewContext("gc") as () => void,
  };
}

/** Tells whether the heap is full, by what is left when garbage has been collected. */
function heapMeter(): () => boolean {
  let heap: Heap | undefined;
  return () => {
    heap ??= openHeap();
    if (heap === undefined || heap.used() < heap.most * FULL_HEAP) return false;
    heap.collect();
    return heap.used() > heap.most * FULL_OF_LIVE;
  };
}

function openFilesLimit(): number {
  const line = /^Max open files\s+(\S+)/m.exec(procText("/proc/self/limits"));
  return line === null || line[1] === "unlimited" ? Infinity : Number(line[1]);
}

function totalMemory(): number {
  const limit = Number(procText("/sys/fs/cgroup/memory.max").trim());
  const machine = os.totalmem();
  return limit > 0 && limit < machine ? limit : machine;
}

/** Writes to standard output. process.stdout would load streams, which a start has no other use for. */
function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  let at = 0;
  try {
    while (at < bytes.length) at += fs.writeSync(1, bytes, at);
  } catch (error) {
    if ((error as { code?: string }).code !== "EAGAIN") throw error;
    process.stdout.write(bytes.subarray(at));
  }
}

function readStdin(): string {
  const chunks: Uint8Array[] = [];
  const chunk = new Uint8Array(65536);
  for (;;) {
    const length = readStandardInput(chunk);
    if (length === 0) break;
    chunks.push(chunk.slice(0, length));
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** One read of standard input; 0 at its end. Waits where the descriptor is non-blocking. */
function readStandardInput(chunk: Uint8Array): number {
  for (;;) {
    try {
      return fs.readSync(0, chunk, 0, chunk.length, null);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

async function respawnDetached(options: RespawnOptions = {}): Promise<number> {
  // Imported here, since a start shouldn't wait for it.
  const { spawn } = await import("node:child_process");
  const script = process.argv[1];
  const runtimeArgs = "Deno" in globalThis ? ["run", "-A", ...process.execArgv] : process.execArgv;
  const child = spawn(process.execPath, [...runtimeArgs, script, ...process.argv.slice(2)], {
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "ignore", "ignore"],
  });
  const input = child.stdin;
  if (input !== null) await new Promise<void>((resolve) => void input.end(options.stdin ?? "", () => resolve()));
  child.unref();
  return child.pid ?? 0;
}

function exit(code: number): never {
  process.exit(code);
}

function abort(): never {
  process.kill(process.pid, "SIGABRT");
  process.exit(134);
}

/** The process side of a server's port. */
export function hostProcess(): ProcessPort {
  return {
    args: process.argv.slice(2),
    pid: process.pid,
    executable: process.execPath,
    script: process.argv[1] ?? "",
    env: (name) => process.env[name],
    cwd: () => process.cwd(),
    chdir: (name) => process.chdir(name),
    stdout: writeOut,
    stderr(text: string): void {
      process.stderr.write(text);
    },
    readStdin,
    exit,
    abort,
    onSignal(name: SignalName, run: () => void): void {
      process.on(name, run);
    },
    onFault(run: (error: unknown) => void): void {
      process.on("uncaughtException", run);
      process.on("unhandledRejection", run);
    },
    setTitle(title: string): void {
      process.title = title;
    },
    memoryUsage,
    heapIsFull: heapMeter(),
    cpuUsage,
    totalMemory,
    hostname: () => os.hostname(),
    platform: process.platform,
    arch: os.machine(),
    osName: `${os.type()} ${os.release()} ${os.machine()}`,
    openFilesLimit,
    respawnDetached,
  };
}
