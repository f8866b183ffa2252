// echo-handler.ts - a server for adapter tests: sends back what it gets and holds the adapter to its contract.
//
// Every chunk is copied to a fresh block at the end of linear memory, so memory grows while bytes are pending; a block
// is overwritten as soon as the adapter may no longer use it, so an adapter that still does sends wrong bytes.

import type { Sender, Socket, SocketHandler } from "../../runtime-adapters/port.ts";

const PAGE = 65536;
const ROOM_SIZE = 16384;
const USED_UP = 0xee;

/** Linear memory with an allocator that only goes forward. */
export class TestMemory {
  readonly memory = new WebAssembly.Memory({ initial: 1 });
  private top = 1024;

  allocate(length: number): number {
    const ptr = this.top;
    this.top += length;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return ptr;
  }

  bytes(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr, length);
  }
}

export class EchoHandler implements SocketHandler, Sender {
  roomLength = ROOM_SIZE;
  offerAt = 0;
  offerLength = 0;
  readonly socket: Socket;
  /** Every call that the contract counts, in order: "written", "writable", "closed". */
  readonly calls: string[] = [];
  readonly received_: number[] = [];
  closedWith: string | undefined;
  timesClosed = 0;
  /** Set: chunks are counted and dropped. */
  silent = false;
  onReceived: (() => void) | undefined;
  /** What missing() answers. */
  missingBytes = 0;
  private readonly memory: TestMemory;
  private ptr: number;
  private readonly queue: { ptr: number; length: number }[] = [];
  private inFlight = 0;
  private waiting = false;
  private inOwnCall = false;

  constructor(memory: TestMemory, socket: Socket) {
    this.memory = memory;
    this.socket = socket;
    this.ptr = memory.allocate(ROOM_SIZE);
  }

  get bytesReceived(): number {
    return this.received_.reduce((sum, n) => sum + n, 0);
  }

  /** Offers so many bytes of room from now on. */
  widen(length: number): void {
    this.ptr = this.memory.allocate(length);
    this.roomLength = length;
  }

  room(): number {
    this.fail(this.inOwnCall, "room() inside an own call");
    return this.ptr;
  }

  received(n: number): void {
    this.fail(n <= 0 || n > this.roomLength, `received(${n})`);
    this.take(this.memory.bytes(this.ptr, n).slice());
  }

  missing(): number {
    return this.missingBytes;
  }

  data(chunk: Uint8Array): void {
    this.take(chunk.slice());
  }

  offer(): boolean {
    this.fail(this.inOwnCall, "offer() inside an own call");
    if (!this.canWrite) return false;
    this.calls.push("offer");
    this.offerAt = this.queue[0].ptr;
    this.offerLength = this.queue[0].length;
    return true;
  }

  sent(n: number): void {
    this.fail(n > this.offerLength, `sent(${n}) of ${this.offerLength}`);
    this.useUp(n);
    if (n < this.offerLength) this.waiting = true;
    else this.flush();
  }

  written(n: number): void {
    this.fail(this.inOwnCall, "written() inside an own call");
    this.fail(n !== this.inFlight || n === 0, `written(${n}) with ${this.inFlight} in flight`);
    this.calls.push("written");
    this.inFlight = 0;
    this.useUp(n);
    this.flush();
  }

  writable(): void {
    this.fail(this.inOwnCall, "writable() inside an own call");
    this.fail(!this.waiting, "writable() unasked");
    this.calls.push("writable");
    this.waiting = false;
    this.flush();
  }

  closed(error?: string): void {
    this.fail(this.inOwnCall, "closed() inside an own call");
    this.fail(this.inFlight > 0, "closed() before written()");
    this.calls.push("closed");
    this.timesClosed++;
    this.closedWith = error;
  }

  /** Queues bytes as if they had been received. */
  send(bytes: Uint8Array): void {
    const ptr = this.memory.allocate(bytes.length);
    this.memory.bytes(ptr, bytes.length).set(bytes);
    this.queue.push({ ptr, length: bytes.length });
    this.flushSoon();
  }

  get pending(): number {
    return this.queue.reduce((sum, block) => sum + block.length, 0);
  }

  private take(chunk: Uint8Array): void {
    this.fail(this.timesClosed > 0, "data after closed()");
    this.fail(this.inOwnCall, "data inside an own call");
    this.received_.push(chunk.length);
    this.onReceived?.();
    if (!this.silent) this.send(chunk);
  }

  private get canWrite(): boolean {
    return this.queue.length > 0 && this.inFlight === 0 && !this.waiting && this.timesClosed === 0;
  }

  private flushSoon(): void {
    this.inOwnCall = true;
    const isSoon = this.socket.writeSoon?.(this) === true;
    this.inOwnCall = false;
    if (!isSoon) this.flush();
  }

  private flush(): void {
    while (this.canWrite) {
      const { ptr, length } = this.queue[0];
      this.inOwnCall = true;
      const sent = this.socket.write(ptr, length);
      this.inOwnCall = false;
      if (sent < 0) {
        this.inFlight = length;
        return;
      }
      this.fail(sent > length, `write() took ${sent} of ${length}`);
      this.useUp(sent);
      if (sent < length) this.waiting = true;
    }
  }

  private useUp(n: number): void {
    const block = this.queue[0];
    this.memory.bytes(block.ptr, n).fill(USED_UP);
    block.ptr += n;
    block.length -= n;
    if (block.length === 0) this.queue.shift();
  }

  private fail(wrong: boolean, text: string): void {
    if (wrong) throw new Error(`contract broken: ${text}`);
  }
}
