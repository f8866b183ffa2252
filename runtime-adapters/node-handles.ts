// node-handles.ts - connections on the bare libuv handles of Node, and on Deno's, which it makes after them.
//
// A net.Socket is a duplex stream around such a handle; per request the stream costs about as much as the system
// calls. The handle alone does all that a server needs:
//
//   handle.useUserBuffer(buffer); handle.onread = f    libuv reads into `buffer` (one for all connections) and calls f
//   streamBaseState[READ]                              how many bytes, or a negative error
//   handle.writeBuffer(request, view)                  tries write(2) at once; if something is left, libuv keeps a
//                                                      reference to the view and calls request.oncomplete later
//   streamBaseState[WRITE_ASYNC]                       whether something was left
//
// These are internals, reached by process.binding, the same from Node 12 to 26 and in Deno 2.9. nodeHandles() checks
// each piece and answers undefined where one is missing; the caller falls back to net.Socket.

import process from "node:process";

import type { Active, PortableCoalescer } from "./coalesce.ts";
import type { ServerHandle } from "./node-listener.ts";
import type { ListenOptions, Socket, SocketHandler } from "./port.ts";
import type { MemoryView } from "./shared.ts";
import { errorText, formatAddress, formatUnixAddress } from "./shared.ts";

/** A value of 64 KiB with its command comes in by one read. */
const READ_BUFFER_SIZE = 128 * 1024;

/** What getsockname() and getpeername() fill in. */
export interface AddressFacts {
  address?: string;
  port?: number;
}

/** What is used of a libuv stream handle. */
export interface StreamHandle {
  /** Deno has none. */
  readonly fd?: number;
  onread: ((this: StreamHandle, buffer: ArrayBuffer | undefined) => void) | undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, view: Uint8Array): number;
  writev(request: WriteRequest, views: Uint8Array[], areBuffers: true): number;
  close(done?: () => void): void;
  getpeername?(out: AddressFacts): number;
  getsockname?(out: AddressFacts): number;
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, seconds: number): number;
}

interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  /** Held so that the view lives as long as libuv uses its bytes. */
  view: Uint8Array | Uint8Array[] | undefined;
  socket: HandleSocket | undefined;
}

interface StreamBinding {
  WriteWrap: new () => WriteRequest;
  streamBaseState: Int32Array;
  kReadBytesOrError: number;
  kLastWriteWasAsync: number;
}

/** What makes handles that listen at one kind of place. */
interface ServerBinding {
  TCP?: new (kind: number) => ServerHandle;
  Pipe?: new (kind: number) => ServerHandle;
  constants?: { SERVER: number; UV_TCP_IPV6ONLY?: number };
  /** Deno alone: `onconnection` of this handle gets connections, too. */
  setupListenWrap?(handle: ServerHandle): void;
}

/** What all of a port's connections share. */
export interface NodeHandles {
  binding: StreamBinding;
  tcp: ServerBinding;
  pipe: ServerBinding;
  memory: MemoryView;
  coalescer: PortableCoalescer;
  readBuffer: Uint8Array;
  /** The start of the read buffer that the last read filled: requests are often equally long. */
  readView: Uint8Array;
  /** A request object that no write in flight uses. */
  spare: WriteRequest;
  errorName(status: number): string;
}

/** Finds Node's internals; undefined where one of them is missing. */
export function nodeHandles(memory: MemoryView, coalescer: PortableCoalescer): NodeHandles | undefined {
  const find = (process as unknown as { binding?: (name: string) => unknown }).binding;
  if (find === undefined || "Bun" in globalThis) return undefined;
  let binding: StreamBinding;
  let errors: { getErrorMap?(): Map<number, [string, string]> };
  let tcp: ServerBinding;
  let pipe: ServerBinding;
  try {
    binding = find.call(process, "stream_wrap") as StreamBinding;
    errors = find.call(process, "uv") as typeof errors;
    tcp = find.call(process, "tcp_wrap") as ServerBinding;
    pipe = find.call(process, "pipe_wrap") as ServerBinding;
  } catch {
    return undefined;
  }
  const state = binding.streamBaseState;
  if (typeof binding.WriteWrap !== "function" || state === undefined) return undefined;
  if (typeof binding.kReadBytesOrError !== "number" || typeof binding.kLastWriteWasAsync !== "number") return undefined;
  if (typeof tcp.TCP !== "function" || typeof pipe.Pipe !== "function") return undefined;
  if (tcp.constants?.SERVER === undefined || pipe.constants?.SERVER === undefined) return undefined;
  const names = errors.getErrorMap?.();
  return {
    tcp,
    pipe,
    binding,
    memory,
    coalescer,
    readBuffer: new Uint8Array(READ_BUFFER_SIZE),
    readView: new Uint8Array(0),
    spare: makeRequest(binding),
    errorName: (status) => names?.get(status)?.[0] ?? "EIO",
  };
}

function makeRequest(binding: StreamBinding): WriteRequest {
  const request = new binding.WriteWrap();
  request.oncomplete = writeCompleted;
  request.view = undefined;
  request.socket = undefined;
  return request;
}

function writeCompleted(this: WriteRequest, status: number): void {
  const socket = this.socket;
  this.view = undefined;
  this.socket = undefined;
  socket?.completed(status);
}

const UV_EOF = -4095;

export class HandleSocket implements Socket, Active {
  readonly remote: string;
  readonly local: string;
  readonly fd: number;
  window = 0;
  private readonly own: NodeHandles;
  private readonly handle: StreamHandle;
  private handler: SocketHandler | undefined;
  private inFlight = 0;
  private closing = false;
  private gone = false;
  /** Why it was lost, while bytes in flight aren't given back yet. */
  private lostLater: { error: string | undefined } | undefined;

  constructor(own: NodeHandles, handle: StreamHandle, options: ListenOptions) {
    this.own = own;
    this.handle = handle;
    this.fd = handle.fd ?? -1;
    if (options.path !== undefined) {
      this.remote = formatUnixAddress(options.path);
      this.local = this.remote;
      return;
    }
    const facts: AddressFacts = {};
    handle.getpeername?.(facts);
    this.remote = formatAddress(facts.address, facts.port);
    handle.getsockname?.(facts);
    this.local = formatAddress(facts.address, facts.port);
    handle.setNoDelay?.(true);
    if (options.keepAliveSeconds > 0) handle.setKeepAlive?.(true, options.keepAliveSeconds);
  }

  /** Begins to read for `handler`. */
  start(handler: SocketHandler): void {
    this.handler = handler;
    if (this.gone) return;
    const state = this.own.binding.streamBaseState;
    const readIndex = this.own.binding.kReadBytesOrError;
    const buffer = this.own.readBuffer;
    this.handle.useUserBuffer(buffer);
    this.handle.onread = () => {
      const length = state[readIndex];
      if (length > 0) {
        this.own.coalescer.note(this);
        if (this.closing) return;
        if (this.own.readView.length !== length) this.own.readView = buffer.subarray(0, length);
        handler.data(this.own.readView);
      } else if (length < 0) {
        this.lost(length);
      }
    };
    if (!this.closing) this.handle.readStart();
  }

  write(ptr: number, length: number): number {
    const own = this.own;
    if (this.gone || this.inFlight > 0) return 0;
    const request = own.spare;
    const view = own.memory.slice(ptr, length);
    return this.sent(request, this.handle.writeBuffer(request, view), view, length);
  }

  writeParts(list: number, count: number, length: number): number {
    const own = this.own;
    if (this.gone || this.inFlight > 0) return 0;
    const request = own.spare;
    const pairs = own.memory.slice(list, count * 8);
    const pieces = new Uint32Array(pairs.buffer, pairs.byteOffset, count * 2);
    const views: Uint8Array[] = [];
    for (let i = 0; i < count; i++) views.push(own.memory.slice(pieces[2 * i], pieces[2 * i + 1]));
    return this.sent(request, this.handle.writev(request, views, true), views, length);
  }

  /** What libuv's answer means for a write of `length` bytes. */
  private sent(request: WriteRequest, error: number, view: Uint8Array | Uint8Array[], length: number): number {
    const own = this.own;
    if (error !== 0) {
      setImmediate(() => this.lost(error));
      return 0;
    }
    if (own.binding.streamBaseState[own.binding.kLastWriteWasAsync] === 0) return length;
    request.view = view;
    request.socket = this;
    own.spare = makeRequest(own.binding);
    this.inFlight = length;
    return -1;
  }

  /** libuv has sent the rest, or has given up. */
  completed(status: number): void {
    const length = this.inFlight;
    this.inFlight = 0;
    this.handler?.written(length);
    if (this.lostLater !== undefined) this.handler?.closed(this.lostLater.error);
    if (this.gone) return;
    if (status < 0) this.lost(status);
    else if (this.closing) this.destroy();
  }

  pauseReading(): void {
    if (!this.gone) this.handle.readStop();
  }

  resumeReading(): void {
    if (!this.gone && !this.closing) this.handle.readStart();
  }

  close(): void {
    if (this.gone || this.closing) return;
    this.closing = true;
    if (this.inFlight > 0) this.handle.readStop();
    else this.destroy();
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.closing = true;
    this.handle.close();
  }

  /** The peer or the system ended it. Bytes in flight come back as written() before closed(). */
  private lost(status: number): void {
    if (this.gone) return;
    const wasClosing = this.closing;
    this.destroy();
    if (wasClosing) return;
    const error = status === UV_EOF ? undefined : errorText(this.own.errorName(status));
    if (this.inFlight === 0) this.handler?.closed(error);
    else this.lostLater = { error };
  }
}
