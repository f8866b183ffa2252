// virtual-host.ts - files in memory and a process that is only pretended: for browsers and for the simulated world.

import type { Files, ProcessPort, SignalName } from "./port.ts";
import { systemError } from "./shared.ts";

// --- Files ---

interface VirtualFile {
  bytes: Uint8Array;
  mode: number;
  modifiedMs: number;
}

/** "/a/./b/../c" and "c" in "/a" are both "/a/c". */
function resolvePath(directory: string, name: string): string {
  const parts: string[] = [];
  for (const part of (name.startsWith("/") ? name : `${directory}/${name}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** A small file system in memory. Directories exist once made, and "/" always. */
export class MemoryFiles implements Files {
  directory = "/";
  private readonly files = new Map<string, VirtualFile>();
  private readonly directories = new Set<string>(["/"]);
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  readText(path: string): string {
    return new TextDecoder().decode(this.find(path).bytes);
  }

  read(path: string): Uint8Array {
    return this.find(path).bytes.slice();
  }

  write(path: string, data: string | Uint8Array, mode?: number): void {
    const name = this.absolute(path);
    this.needParent(name);
    if (this.directories.has(name)) throw systemError("EISDIR", name);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
    this.files.set(name, { bytes, mode: mode ?? this.files.get(name)?.mode ?? 0o644, modifiedMs: this.nowMs() });
  }

  append(path: string, data: string | Uint8Array): void {
    const old = this.files.get(this.absolute(path))?.bytes ?? new Uint8Array(0);
    const more = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const bytes = new Uint8Array(old.length + more.length);
    bytes.set(old);
    bytes.set(more, old.length);
    this.write(path, bytes);
  }

  rename(from: string, to: string): void {
    const file = this.find(from);
    const name = this.absolute(to);
    this.needParent(name);
    this.files.delete(this.absolute(from));
    this.files.set(name, file);
  }

  exists(path: string): boolean {
    const name = this.absolute(path);
    return this.files.has(name) || this.directories.has(name);
  }

  facts(path: string): ReturnType<Files["facts"]> {
    const name = this.absolute(path);
    const file = this.files.get(name);
    if (file !== undefined) {
      return { size: file.bytes.length, modifiedMs: file.modifiedMs, isDirectory: false, mode: file.mode };
    }
    return this.directories.has(name) ? { size: 0, modifiedMs: 0, isDirectory: true, mode: 0o755 } : undefined;
  }

  unlink(path: string): void {
    this.find(path);
    this.files.delete(this.absolute(path));
  }

  mkdir(path: string): void {
    let name = "";
    for (const part of this.absolute(path).split("/").slice(1)) {
      name += `/${part}`;
      if (this.files.has(name)) throw systemError("ENOTDIR", name);
      this.directories.add(name);
    }
  }

  list(path: string): string[] {
    const name = this.absolute(path);
    if (!this.directories.has(name)) throw systemError(this.files.has(name) ? "ENOTDIR" : "ENOENT", name);
    const start = name === "/" ? "/" : `${name}/`;
    const names = [...this.files.keys(), ...this.directories];
    const inside = names.filter((one) => one.startsWith(start) && one !== name).map((one) => one.slice(start.length));
    return inside.filter((one) => one !== "" && !one.includes("/")).sort();
  }

  chmod(path: string, mode: number): void {
    this.find(path).mode = mode;
  }

  fsync(path: string): void {
    if (!this.exists(path)) throw systemError("ENOENT", path);
  }

  absolute(path: string): string {
    return resolvePath(this.directory, path);
  }

  private find(path: string): VirtualFile {
    const name = this.absolute(path);
    const file = this.files.get(name);
    if (file === undefined) throw systemError(this.directories.has(name) ? "EISDIR" : "ENOENT", name);
    return file;
  }

  private needParent(name: string): void {
    const parent = name.slice(0, name.lastIndexOf("/")) || "/";
    if (!this.directories.has(parent)) throw systemError("ENOENT", name);
  }
}

// --- Process ---

interface VirtualProcessOptions {
  args?: string[];
  env?: Record<string, string>;
  stdin?: string;
  platform: string;
  hostname: string;
  print(text: string): void;
  complain(text: string): void;
  /** CPU time spent so far, in microseconds. */
  cpuUs(): number;
  memoryBytes(): number;
}

/** Thrown by exit(): nothing after it runs, as in a process that has ended. */
class VirtualExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Listeners of signals and faults, for whoever plays the operating system. */
interface VirtualProcess extends ProcessPort {
  raise(name: SignalName): void;
  fault(error: unknown): void;
}

/** A process side that touches no system. */
export function virtualProcess(options: VirtualProcessOptions, files: MemoryFiles): VirtualProcess {
  const signals = new Map<SignalName, (() => void)[]>();
  const faults: ((error: unknown) => void)[] = [];
  const exit = (code: number): never => {
    throw new VirtualExit(code);
  };
  return {
    args: options.args ?? [],
    pid: 1,
    executable: "/bin/wakey-server",
    script: "",
    env: (name) => options.env?.[name],
    cwd: () => files.directory,
    chdir(path: string): void {
      if (files.facts(path)?.isDirectory !== true) throw systemError("ENOENT", path);
      files.directory = files.absolute(path);
    },
    stdout: options.print,
    stderr: options.complain,
    readStdin: () => options.stdin ?? "",
    exit,
    abort: () => exit(134),
    onSignal(name: SignalName, run: () => void): void {
      signals.set(name, [...(signals.get(name) ?? []), run]);
    },
    onFault: (run) => void faults.push(run),
    setTitle: () => undefined,
    memoryUsage: () => ({ rss: options.memoryBytes() }),
    heapIsFull: () => false,
    cpuUsage() {
      const userUs = options.cpuUs();
      return {
        userUs,
        systemUs: 0,
        userChildrenUs: 0,
        systemChildrenUs: 0,
        userMainThreadUs: userUs,
        systemMainThreadUs: 0,
      };
    },
    totalMemory: () => 0,
    hostname: () => options.hostname,
    platform: options.platform,
    arch: "wasm32",
    osName: `${options.platform} wasm32`,
    openFilesLimit: () => Infinity,
    respawnDetached: () => Promise.resolve(0),
    raise(name: SignalName): void {
      for (const run of signals.get(name) ?? []) run();
    },
    fault(error: unknown): void {
      for (const run of faults) run(error);
    },
  };
}
