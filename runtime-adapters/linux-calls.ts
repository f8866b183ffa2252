// linux-calls.ts - the Linux system calls that linux-epoll.ts needs, through each runtime's foreign calls.
//
// The three runtimes differ in how they open a library and in what a pointer is (Deno: an object, Bun: a number,
// Node: a BigInt); below, all of them are `Pointer`. What is slow everywhere is to make a pointer, so none is made
// per call: every pointer argument is a constant into one scratch page, and reads and writes name their bytes in
// linear memory through an iovec in that page (measured, ns a call: Deno 109, Bun 113, Node 170; a pointer made per
// call costs Deno 174 and Node a BigInt).
//
// The scratch page (its own WebAssembly.Memory, which no collector moves):
//
//     0  struct iovec         8 bytes address · 8 bytes length
//    16  struct epoll_event   the argument of epoll_ctl, drawn in linux-epoll.ts
//    32  i32                  a socket option's value, or an address's length
//    40  u64                  what goes into and comes out of the eventfd
//    48  struct sockaddr      128 bytes, drawn in linux-address.ts
//   176  text                 256 bytes, a C string for inet_pton and inet_ntop
//   432  struct timespec      8 bytes seconds · 8 bytes nanoseconds
//   512  struct epoll_event   × EVENTS
//  8192  struct iovec         × PARTS_MAX, for writes of several pieces

import { errorCode } from "./shared.ts";

export const IOVEC_OFFSET = 0;
export const EVENT_OFFSET = 16;
export const VALUE_OFFSET = 32;
export const COUNTER_OFFSET = 40;
export const ADDRESS_OFFSET = 48;
export const ADDRESS_SIZE = 128;
export const TEXT_OFFSET = 176;
export const TEXT_SIZE = 256;
export const TIME_OFFSET = 432;
export const EVENTS_OFFSET = 512;
export const EVENTS = 512;
export const PARTS_OFFSET = 8192;
export const PARTS_MAX = 16;

export const TWO_32 = 4294967296;

/** A runtime's own kind of pointer. */
export type Pointer = { readonly pointer: unique symbol };

type Signature = readonly [result: "i32" | "pointer", ...arguments_: ("i32" | "pointer")[]];
type Signatures = Record<string, Signature>;

const SIGNATURES = {
  socket: ["i32", "i32", "i32", "i32"],
  bind: ["i32", "i32", "pointer", "i32"],
  listen: ["i32", "i32", "i32"],
  accept4: ["i32", "i32", "pointer", "pointer", "i32"],
  getsockname: ["i32", "i32", "pointer", "pointer"],
  setsockopt: ["i32", "i32", "i32", "i32", "pointer", "i32"],
  getsockopt: ["i32", "i32", "i32", "i32", "pointer", "pointer"],
  read: ["i32", "i32", "pointer", "i32"],
  write: ["i32", "i32", "pointer", "i32"],
  readv: ["i32", "i32", "pointer", "i32"],
  writev: ["i32", "i32", "pointer", "i32"],
  close: ["i32", "i32"],
  madvise: ["i32", "pointer", "i32", "i32"],
  clock_gettime: ["i32", "i32", "pointer"],
  usleep: ["i32", "i32"],
  prctl: ["i32", "i32", "i32", "i32", "i32", "i32"],
  epoll_create1: ["i32", "i32"],
  epoll_ctl: ["i32", "i32", "i32", "i32", "pointer"],
  epoll_wait: ["i32", "i32", "pointer", "i32", "i32"],
  eventfd: ["i32", "i32", "i32"],
  inet_pton: ["i32", "i32", "pointer", "pointer"],
  inet_ntop: ["pointer", "i32", "pointer", "pointer", "i32"],
  __errno_location: ["pointer"],
} as const satisfies Signatures;

type FunctionsOf<S extends Signatures> = { [Name in keyof S]: (...args: (number | Pointer)[]) => number };
type Functions = FunctionsOf<typeof SIGNATURES>;

/** What one runtime's foreign calls offer. */
interface Foreign {
  functions: Functions;
  /** More functions of the C library. */
  open<S extends Signatures>(signatures: S): FunctionsOf<S>;
  /** Memory at an address that a function answered; undefined for null and for MAP_FAILED, which is -1. */
  view(pointer: Pointer | null, length: number): ArrayBuffer | undefined;
  /** The address of a buffer's first byte, as a number. */
  address(buffer: ArrayBufferLike): number;
  pointer(buffer: ArrayBufferLike, offset: number): Pointer;
  /** The i32 at the address that __errno_location() answers. */
  errno(): Int32Array;
  /** Runs poll(2) on another thread; only where the runtime can do that itself. */
  pollElsewhere?: (pointer: Pointer, count: number, timeoutMs: number) => Promise<number>;
}

export interface LinuxCalls extends Foreign {
  scratch: DataView;
  words: Int32Array;
  at: {
    iovec: Pointer;
    event: Pointer;
    value: Pointer;
    counter: Pointer;
    address: Pointer;
    text: Pointer;
    time: Pointer;
    events: Pointer;
    parts: Pointer;
  };
  /** The name of the last failed call's error, as "EAGAIN". */
  lastError(): string;
  lastErrorNumber(): number;
}

// --- Error numbers ---

export const EINTR = 4;
export const EAGAIN = 11;

const ERROR_NAMES: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  20: "ENOTDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  32: "EPIPE",
  36: "ENAMETOOLONG",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  101: "ENETUNREACH",
  103: "ECONNABORTED",
  104: "ECONNRESET",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
};

/** The name of an error number of Linux. */
export function errorName(number: number): string {
  return ERROR_NAMES[number] ?? `errno ${number}`;
}

// --- One library, three runtimes ---

/** What mmap(2) answers when it fails: (void *) -1. */
const MAP_FAILED = 0xffffffffffffffffn;

interface DenoForeign {
  permissions: { querySync(what: { name: string }): { state: string } };
  dlopen(path: string, symbols: Record<string, unknown>): { symbols: Record<string, unknown> };
  UnsafePointer: { of(view: Uint8Array): Pointer; value(pointer: Pointer): bigint | number };
  UnsafePointerView: { getArrayBuffer(pointer: Pointer, length: number): ArrayBuffer };
}

function openDeno(library: string): Foreign {
  const deno = (globalThis as unknown as { Deno: DenoForeign }).Deno;
  // Asked beforehand, since dlopen would ask the person at the terminal.
  if (deno.permissions.querySync({ name: "ffi" }).state !== "granted") throw new Error("no --allow-ffi");
  const open = <S extends Signatures>(signatures: S): FunctionsOf<S> => {
    const symbols: Record<string, unknown> = {};
    for (const [name, [result, ...parameters]] of Object.entries(signatures)) symbols[name] = { parameters, result };
    return deno.dlopen(library, symbols).symbols as FunctionsOf<S>;
  };
  const functions = open(SIGNATURES);
  const location = functions.__errno_location() as unknown as Pointer;
  const errno = new Int32Array(deno.UnsafePointerView.getArrayBuffer(location, 4));
  const poll = { parameters: ["pointer", "i32", "i32"], result: "i32", nonblocking: true };
  return {
    functions,
    open,
    view: (pointer, length) =>
      pointer === null || BigInt(deno.UnsafePointer.value(pointer)) === MAP_FAILED
        ? undefined
        : deno.UnsafePointerView.getArrayBuffer(pointer, length),
    address: (buffer) => Number(deno.UnsafePointer.value(deno.UnsafePointer.of(new Uint8Array(buffer)))),
    pointer: (buffer, offset) => deno.UnsafePointer.of(new Uint8Array(buffer, offset)),
    errno: () => errno,
    pollElsewhere: deno.dlopen(library, { poll }).symbols.poll as Foreign["pollElsewhere"],
  };
}

interface BunForeign {
  dlopen(path: string, symbols: Record<string, unknown>): { symbols: unknown };
  ptr(view: Uint8Array, offset?: number): number;
  toArrayBuffer(pointer: number, offset: number, length: number): ArrayBuffer;
}

async function openBun(library: string): Promise<Foreign> {
  const name = "bun:ffi";
  const ffi = (await import(name)) as BunForeign;
  const kind = { i32: "i32", pointer: "ptr" };
  const open = <S extends Signatures>(signatures: S): FunctionsOf<S> => {
    const symbols: Record<string, unknown> = {};
    for (const [symbol, [result, ...parameters]] of Object.entries(signatures)) {
      symbols[symbol] = { args: parameters.map((word) => kind[word]), returns: kind[result] };
    }
    return ffi.dlopen(library, symbols).symbols as FunctionsOf<S>;
  };
  const functions = open(SIGNATURES);
  const errno = new Int32Array(ffi.toArrayBuffer(functions.__errno_location(), 0, 4));
  return {
    functions,
    open,
    view: (pointer, length) => {
      const address = pointer as unknown as number | null;
      // MAP_FAILED comes as a number beyond every address.
      return address === null || address <= 0 || address > 2 ** 53 ? undefined : ffi.toArrayBuffer(address, 0, length);
    },
    address: (buffer) => ffi.ptr(new Uint8Array(buffer)),
    pointer: (buffer, offset) => (ffi.ptr(new Uint8Array(buffer)) + offset) as unknown as Pointer,
    errno: () => errno,
  };
}

interface NodeForeign {
  dlopen(path: string, symbols: Record<string, unknown>): { functions: unknown };
  getRawPointer(view: Uint8Array): bigint;
  toArrayBuffer(pointer: bigint, length: number, copy: boolean): ArrayBuffer;
}

/** Imports node:ffi without its warning that it's experimental, which would be the first line of a server's log. */
async function importNodeForeign(): Promise<NodeForeign> {
  const process = globalThis.process;
  const warn = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    const name = "node:ffi";
    return (await import(name)) as NodeForeign;
  } finally {
    process.emitWarning = warn;
  }
}

async function openNode(library: string): Promise<Foreign> {
  const ffi = await importNodeForeign();
  const open = <S extends Signatures>(signatures: S): FunctionsOf<S> => {
    const symbols: Record<string, unknown> = {};
    for (const [name, [result, ...parameters]] of Object.entries(signatures)) {
      symbols[name] = { arguments: parameters, return: result };
    }
    return ffi.dlopen(library, symbols).functions as FunctionsOf<S>;
  };
  const functions = open(SIGNATURES);
  const errno = new Int32Array(ffi.toArrayBuffer(functions.__errno_location() as unknown as bigint, 4, false));
  return {
    functions,
    open,
    view: (pointer, length) => {
      const address = pointer as unknown as bigint | null;
      return address === null || address === 0n || address === MAP_FAILED
        ? undefined
        : ffi.toArrayBuffer(address, length, false);
    },
    address: (buffer) => Number(ffi.getRawPointer(new Uint8Array(buffer))),
    pointer: (buffer, offset) => (ffi.getRawPointer(new Uint8Array(buffer)) + BigInt(offset)) as unknown as Pointer,
    errno: () => errno,
  };
}

/** The C library's file names: GNU's, then musl's. */
export function libraryNames(arch: string): string[] {
  return ["libc.so.6", `libc.musl-${arch}.so.1`];
}

/** Opens the C library. Throws an error whose message says why it can't be done here. */
export async function openLinuxCalls(arch: string): Promise<LinuxCalls> {
  const open = "Deno" in globalThis ? openDeno : "Bun" in globalThis ? openBun : openNode;
  let failure: unknown;
  for (const library of libraryNames(arch)) {
    try {
      return completed(await open(library));
    } catch (error) {
      failure ??= error;
    }
  }
  const text = failure instanceof Error ? failure.message : errorCode(failure);
  throw new Error(`no foreign calls (${text.split("\n")[0]})`);
}

function completed(foreign: Foreign): LinuxCalls {
  const page = new WebAssembly.Memory({ initial: 1 }).buffer;
  const at = (offset: number) => foreign.pointer(page, offset);
  const errno = foreign.errno();
  return {
    ...foreign,
    scratch: new DataView(page),
    words: new Int32Array(page),
    at: {
      iovec: at(IOVEC_OFFSET),
      event: at(EVENT_OFFSET),
      value: at(VALUE_OFFSET),
      counter: at(COUNTER_OFFSET),
      address: at(ADDRESS_OFFSET),
      text: at(TEXT_OFFSET),
      time: at(TIME_OFFSET),
      events: at(EVENTS_OFFSET),
      parts: at(PARTS_OFFSET),
    },
    lastError: () => errorName(errno[0]),
    lastErrorNumber: () => errno[0],
  };
}
