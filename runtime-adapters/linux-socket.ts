// linux-socket.ts - one connection of the epoll adapter.
//
// Reads go to where the handler says, writes come from where the server says; nothing is ever in flight, since the
// kernel copies what it accepts.
//
// While much of a large argument from this machine is missing, the system is asked (SO_RCVLOWAT) to call the socket
// readable when half of that has come: 1 MiB comes by 4 receives, not by 6. Halves, so that what a client holds back at
// the end of its argument never holds back much of it. From elsewhere bytes may come so slowly that nothing would be
// received for seconds, and `timeout` would take the client for idle.

import { errorName } from "./linux-calls.ts";
import type { EpollLoop, Watched } from "./linux-epoll.ts";
import { setCongestionControl, setOption, SOL_SOCKET, SYSTEMS_CONGESTION_MOST } from "./linux-options.ts";
import { isForLater } from "./linux-transfers.ts";
import type { Sender, Socket, SocketHandler } from "./port.ts";
import { errorText } from "./shared.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;
const SO_RCVLOWAT = 18;
/** With so much of an argument missing, half of it is waited for, but not for more than that. */
const HALVED_FROM = 256 * 1024;
const WAITED_MOST = 512 * 1024;

export class EpollSocket implements Socket, Watched {
  readonly remote: string;
  readonly fd: number;
  window = 0;
  reader: EpollSocket | undefined = this;
  roomLength = 0;
  offerAt = 0;
  offerLength = 0;
  /** The peer is on this machine. */
  isLocal = false;
  /** The congestion control that replies of about a packet are to have, when it's another one; "" otherwise. */
  systemsCongestion = "";
  /** Bytes that have to be there before the system calls the socket readable. */
  private lowWater = 1;
  private readonly loop: EpollLoop;
  private readonly findLocal: () => string;
  private localText: string | undefined;
  private handler: SocketHandler | undefined;
  private reading = true;
  private writing = false;
  private gone = false;
  /** Whose output the loop will ask for. */
  private sender: Sender | undefined;

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
    this.loop.noteWrite();
    return this.sentOf(this.loop.memory.write(this.fd, ptr, length), length);
  }

  writeParts(list: number, count: number, length: number): number {
    if (this.gone) return 0;
    if (this.systemsCongestion !== "" && length <= SYSTEMS_CONGESTION_MOST) {
      setCongestionControl(this.loop.calls, this.fd, this.systemsCongestion);
      this.systemsCongestion = "";
    }
    return this.sentOf(this.loop.memory.writeParts(this.fd, list, count), length);
  }

  /** What the system's answer, bytes or an error number, means for a write of `length` bytes: how many it took. */
  private sentOf(result: number, length: number): number {
    if (result === length) return result;
    if (result < 0 && !isForLater(result)) {
      setImmediate(() => this.lost(errorText(errorName(-result))));
      return 0;
    }
    this.writing = true;
    // Before start() the descriptor isn't watched yet.
    if (this.handler === undefined) setImmediate(() => this.rewatch());
    else this.rewatch();
    return result < 0 ? 0 : result;
  }

  // --- Output together with that of other sockets ---

  writeSoon(sender: Sender): boolean {
    if (this.gone) return false;
    if (this.sender === undefined && !this.loop.sendSoon(this)) return false;
    this.sender = sender;
    return true;
  }

  /** Whether there is something to send: offerLength bytes at offerAt. */
  offers(): boolean {
    const { sender } = this;
    if (sender === undefined || this.gone || !sender.offer()) {
      this.sender = undefined;
      return false;
    }
    this.offerAt = sender.offerAt;
    this.offerLength = sender.offerLength;
    return true;
  }

  /** What the system answered to that. */
  sendEnded(result: number): void {
    const { sender } = this;
    this.sender = undefined;
    if (!this.gone) sender?.sent(this.sentOf(result, this.offerLength));
  }

  pauseReading(): void {
    this.reading = false;
    this.reader = undefined;
    this.rewatch();
  }

  resumeReading(): void {
    this.reading = true;
    this.reader = this;
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
    const ptr = this.room(0, 1);
    this.receiveEnded(this.loop.memory.read(this.fd, ptr, this.roomLength));
  }

  /** Where to receive to: roomLength bytes, when up to `parts` sockets receive at a time and this is number `part`. */
  room(part: number, parts: number): number {
    const handler = this.handler as SocketHandler;
    const ptr = handler.room(part, parts);
    this.roomLength = handler.roomLength;
    return ptr;
  }

  /** What the system answered to that: bytes, or an error number. */
  receiveEnded(result: number): void {
    if (this.gone) return;
    if (result > 0) {
      this.handler?.received(result);
      if (this.isLocal && (this.roomLength >= HALVED_FROM || this.lowWater > 1)) this.setLowWater();
    } else if (result === 0) {
      this.lost(undefined);
    } else if (!isForLater(result)) {
      this.lost(errorText(errorName(-result)));
    }
  }

  /** Has half of what is missing waited for, when that is much. */
  private setLowWater(): void {
    if (this.gone) return;
    const missing = (this.handler as SocketHandler).missing();
    const lowWater = missing >= HALVED_FROM ? Math.min(missing >>> 1, WAITED_MOST) : 1;
    if (lowWater === this.lowWater) return;
    this.lowWater = lowWater;
    setOption(this.loop.calls, this.fd, SOL_SOCKET, SO_RCVLOWAT, lowWater);
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
