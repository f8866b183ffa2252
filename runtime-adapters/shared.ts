// shared.ts - what several adapters need: a view of linear memory that survives growth, addresses as Valkey prints
// them, error texts, and a list of things to do at the end of a turn. Not for anything that touches a runtime.

import type { Files, SystemError } from "./port.ts";

// --- Linear memory ---

/** A view of all of linear memory that is made anew when growth has detached the old one. */
export class MemoryView {
  bytes: Uint8Array = new Uint8Array(0);
  private memory: WebAssembly.Memory | undefined;
  /** The slice made last: replies often have the same place and length, and making a view costs 50 to 100 ns. */
  private last: Uint8Array = new Uint8Array(0);

  set(memory: WebAssembly.Memory): void {
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.last = this.bytes.subarray(0, 0);
  }

  /** A view of [ptr, ptr + length); stale once memory grows. */
  slice(ptr: number, length: number): Uint8Array {
    if (ptr + length > this.bytes.length) this.refresh();
    // A view whose memory has been detached has length and offset 0.
    if (this.last.length === length && this.last.byteOffset === ptr) return this.last;
    this.last = this.bytes.subarray(ptr, ptr + length);
    return this.last;
  }

  /** All of memory, at least up to `end`; stale once memory grows. */
  covering(end: number): Uint8Array {
    if (end > this.bytes.length) this.refresh();
    return this.bytes;
  }

  private refresh(): void {
    if (this.memory === undefined) throw new Error("socket write before setMemory()");
    this.bytes = new Uint8Array(this.memory.buffer);
  }
}

// --- Addresses ---

/** "127.0.0.1:50000" or "[::1]:50000"; the same for an IPv4 peer of an IPv6 socket, which Deno alone has. */
export function formatAddress(address: string | undefined, port: number | undefined): string {
  if (address === undefined || address === "") return "?:0";
  const host = address.replace(/^::ffff:(?=\d+\.)/, "");
  return host.includes(":") ? `[${host}]:${port ?? 0}` : `${host}:${port ?? 0}`;
}

/** Whether an address, as formatAddress() writes it, is this machine's own. */
export function isLoopback(address: string): boolean {
  return /^(127\.|\[::1\]|::1:)/.test(address);
}

/** Valkey writes every address of a family as "*" and "::*"; systems want a zero address. */
export function bindHost(host: string | undefined): string {
  if (host === undefined || host === "*" || host === "") return "0.0.0.0";
  return host === "::*" ? "::" : host;
}

/** The address as it is written in Valkey's configuration and log for a unix socket. */
export function formatUnixAddress(path: string): string {
  return `${path}:0`;
}

/** Makes room for a unix socket: a file that an earlier server left behind would be "already in use". */
export function removeSocketFile(files: Files, path: string): void {
  if (files.exists(path)) files.unlink(path);
}

// --- System errors ---

const ERROR_TEXTS: Record<string, string> = {
  EPERM: "Operation not permitted", ENOENT: "No such file or directory", EINTR: "Interrupted system call",
  EIO: "Input/output error", EBADF: "Bad file descriptor", EAGAIN: "Resource temporarily unavailable",
  ENOMEM: "Cannot allocate memory", EACCES: "Permission denied", EBUSY: "Device or resource busy",
  EEXIST: "File exists", EXDEV: "Invalid cross-device link", ENOTDIR: "Not a directory", EISDIR: "Is a directory",
  EINVAL: "Invalid argument", ENFILE: "Too many open files in system", EMFILE: "Too many open files",
  ETXTBSY: "Text file busy", EFBIG: "File too large", ENOSPC: "No space left on device", EROFS: "Read-only file system",
  EPIPE: "Broken pipe", ENAMETOOLONG: "File name too long", ENOSYS: "Function not implemented",
  ENOTEMPTY: "Directory not empty", ELOOP: "Too many levels of symbolic links",
  EAFNOSUPPORT: "Address family not supported by protocol", EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address", ENETUNREACH: "Network is unreachable",
  ECONNABORTED: "Software caused connection abort", ECONNRESET: "Connection reset by peer",
  ETIMEDOUT: "Connection timed out", ECONNREFUSED: "Connection refused", EHOSTUNREACH: "No route to host",
  EDQUOT: "Disk quota exceeded", ENOTFOUND: "Name or service not known",
};

/** The C library's text of an error name, as Valkey logs it; `otherwise` for a name that it hasn't. */
export function errorText(code: string, otherwise = code): string {
  return ERROR_TEXTS[code] ?? otherwise;
}

/** An error with the system's name in `code` and its text as message. */
export function systemError(code: string, action: string): SystemError {
  return Object.assign(new Error(`${action}: ${errorText(code)}`), { code });
}

/** The name ("EADDRINUSE") in whatever a runtime threw; `otherwise` when it has none. */
export function errorCode(error: unknown, otherwise = "EIO"): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : otherwise;
}

// --- Ends of turns ---

/** Collects callbacks and runs them together; `schedule` asks the runtime for one run at the end of its turn. */
export class TurnEnd {
  private list: (() => void)[] = [];
  private readonly schedule: (run: () => void) => void;
  private readonly runAll: () => void;

  constructor(schedule: (run: () => void) => void) {
    this.schedule = schedule;
    this.runAll = () => this.run();
  }

  add(run: () => void): void {
    this.list.push(run);
    if (this.list.length === 1) this.schedule(this.runAll);
  }

  /** Whether there is something to run. */
  get isWaiting(): boolean {
    return this.list.length > 0;
  }

  /** What they add is run the next time. */
  run(): void {
    if (this.list.length === 0) return;
    const list = this.list;
    this.list = [];
    for (const run of list) run();
  }
}
