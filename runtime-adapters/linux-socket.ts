// linux-socket.ts - one connection of the epoll adapter.
//
// Reads go to where the handler says, writes come from where the server says; nothing is ever in flight, since
// writev(2) copies what it accepts.

import { EAGAIN, EINTR, errorName } from "./linux-calls.ts";
import type { EpollLoop, Watched } from "./linux-epoll.ts";
import type { Socket, SocketHandler } from "./port.ts";
import { errorText } from "./shared.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;

export class EpollSocket implements Socket, Watched {
  readonly remote: string;
  readonly fd: number;
  window = 0;
  private readonly loop: EpollLoop;
  private readonly findLocal: () => string;
  private localText: string | undefined;
  private handler: SocketHandler | undefined;
  private reading = true;
  private writing = false;
  private gone = false;

  constructor(loop: EpollLoop, fd: number, remote: string, findLocal: () => string) {
    this.loop = loop;
    this.fd = fd;
    this.remote = remote;
    this.findLocal = findLocal;
  }

  get local(): string {
    this.localText ??= this.gone ? "?:0" : this.findLocal();
    return this.localText;
  }

  /** Begins to read for `handler`. */
  start(handler: SocketHandler): void {
    this.handler = handler;
    if (!this.gone) this.loop.add(this.fd, this);
  }

  write(ptr: number, length: number): number {
    if (this.gone) return 0;
    return this.sentOf(this.loop.write(this.fd, ptr, length), length);
  }

  writeParts(list: number, count: number, length: number): number {
    if (this.gone) return 0;
    return this.sentOf(this.loop.writeParts(this.fd, list, count), length);
  }

  /** What a system call's result means for a write of `length` bytes. */
  private sentOf(sent: number, length: number): number {
    if (sent === length) return sent;
    if (sent < 0) {
      const number = this.loop.calls.lastErrorNumber();
      if (number !== EAGAIN && number !== EINTR) {
        setImmediate(() => this.lost(errorText(errorName(number))));
        return 0;
      }
    }
    this.writing = true;
    // Before start() the descriptor isn't watched yet.
    if (this.handler === undefined) setImmediate(() => this.rewatch());
    else this.rewatch();
    return sent < 0 ? 0 : sent;
  }

  pauseReading(): void {
    this.reading = false;
    this.rewatch();
  }

  resumeReading(): void {
    this.reading = true;
    this.rewatch();
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    if (this.handler === undefined) this.loop.calls.functions.close(this.fd);
    else this.loop.drop(this.fd);
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.writing) {
      this.writing = false;
      this.rewatch();
      this.handler?.writable();
    }
    if (this.gone) return;
    if (this.reading) {
      if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0) this.readOnce();
    } else if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      this.lost(this.loop.socketError(this.fd));
    }
  }

  private readOnce(): void {
    const handler = this.handler as SocketHandler;
    const ptr = handler.room();
    const length = this.loop.read(this.fd, ptr, handler.roomLength);
    if (length > 0) {
      handler.received(length);
    } else if (length === 0) {
      this.lost(undefined);
    } else {
      const number = this.loop.calls.lastErrorNumber();
      if (number !== EAGAIN && number !== EINTR) this.lost(errorText(errorName(number)));
    }
  }

  private rewatch(): void {
    if (!this.gone && this.handler !== undefined) this.loop.watch(this.fd, this.reading, this.writing);
  }

  private lost(error: string | undefined): void {
    if (this.gone) return;
    this.destroy();
    this.handler?.closed(error);
  }
}
