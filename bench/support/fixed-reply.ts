// fixed-reply.ts - a server that answers every GET with the same 32 bytes: what an adapter costs by itself.
//
// usage: fixed-reply.ts ADAPTER; prints its port. Requests are counted, not parsed: all GETs of a run are equally long.
//
//   memory:  0 ··· 65536 reply × 1024 ··· 131072 read buffer, shared by all connections ··· 262144

import type { Port, Sender, Socket, SocketHandler } from "../../runtime-adapters/port.ts";
import { openNamedPort } from "../../runtime-adapters/select.ts";

const REPLIES = 65536;
const ROOM = 131072;
const ROOM_SIZE = 131072;
const GET = "*2\r\n$3\r\nGET\r\n";
const GET_SIZE = GET.length + 5 + 16 + 2;
const reply = new TextEncoder().encode(`$32\r\n${"v".repeat(32)}\r\n`);

const memory = new WebAssembly.Memory({ initial: 4 });
const bytes = new Uint8Array(memory.buffer);
const MOST_REPLIES = 1024;
for (let i = 0; i < MOST_REPLIES; i++) bytes.set(reply, REPLIES + i * reply.length);

class Answerer implements SocketHandler, Sender {
  roomLength = ROOM_SIZE;
  readonly offerAt = REPLIES;
  offerLength = 0;
  private at = ROOM;
  private readonly socket: Socket;
  private rest = 0;
  private owed = 0;
  private busy = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  room(part: number, parts: number): number {
    this.roomLength = Math.floor(ROOM_SIZE / parts);
    this.at = ROOM + part * this.roomLength;
    return this.at;
  }

  received(n: number): void {
    this.answer(bytes[this.at + 9] === 0x45 || this.rest > 0, n);
  }

  missing(): number {
    return 0;
  }

  data(chunk: Uint8Array): void {
    bytes.set(chunk, this.room(0, 1));
    this.received(chunk.length);
  }

  offer(): boolean {
    this.offerLength = Math.min(this.owed, MOST_REPLIES * reply.length);
    return this.offerLength > 0;
  }

  sent(n: number): void {
    this.owed -= n;
    if (n === this.offerLength) this.flush();
  }

  written(n: number): void {
    this.busy = false;
    this.owed -= n;
    this.flush();
  }

  writable(): void {
    this.flush();
  }

  closed(): void {
    this.owed = 0;
  }

  /** Anything but a GET (CONFIG GET at the start of valkey-benchmark) counts as one request. */
  private answer(isGet: boolean, n: number): void {
    const total = this.rest + n;
    const requests = isGet ? Math.floor(total / GET_SIZE) : 1;
    this.rest = isGet ? total - requests * GET_SIZE : 0;
    this.owed += requests * reply.length;
    if (this.socket.writeSoon?.(this) !== true) this.flush();
  }

  private flush(): void {
    while (this.owed > 0 && !this.busy) {
      const part = Math.min(this.owed, MOST_REPLIES * reply.length);
      const sent = this.socket.write(REPLIES, part);
      if (sent < 0) this.busy = true;
      else this.owed -= sent;
      if (sent < part) return;
    }
  }
}

const args = globalThis.process.argv.slice(2);
const port: Port = await openNamedPort(args[0]);
port.setMemory(memory);
const listener = await port.listen(
  { host: "127.0.0.1", port: 0, backlog: 511, keepAliveSeconds: 300 },
  (socket) => new Answerer(socket),
);
port.stdout(`${listener.port}\n`);
