// linux-listener.ts - listening sockets of the epoll adapter: address, options, accepting.

import { AF_INET6, AF_UNIX, putAddress, putPath, takeAddress, takePort } from "./linux-address.ts";
import { ADDRESS_SIZE, VALUE_OFFSET } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";
import type { EpollLoop, Watched } from "./linux-epoll.ts";
import {
  congestionControl, IPPROTO_TCP, PLAIN_CONGESTION_CONTROL, setCongestionControl, setOption, SOL_SOCKET,
} from "./linux-options.ts";
import { EpollSocket } from "./linux-socket.ts";
import { numericHost } from "./net-listen.ts";
import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import { bindHost, formatUnixAddress, isLoopback, removeSocketFile, systemError } from "./shared.ts";

const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Accepted in one round at most, so that a storm of connections doesn't starve those that are open. */
const ACCEPTS_PER_ROUND = 64;
/** Out of descriptors: the listener, which stays readable, is not watched for so long. */
const EXHAUSTED_MS = 50;

/** As Valkey sets it: the first probe after `seconds`, then three, a third of it apart. */
function setKeepAlive(calls: LinuxCalls, fd: number, seconds: number): void {
  setOption(calls, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(calls, fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  setOption(calls, fd, IPPROTO_TCP, TCP_KEEPINTVL, Math.max(1, Math.floor(seconds / 3)));
  setOption(calls, fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

function failed(calls: LinuxCalls, fd: number, action: string): Error {
  const error = systemError(calls.lastError(), action);
  if (fd >= 0) calls.functions.close(fd);
  return error;
}

/** A descriptor that listens as `options` say. Throws a SystemError. */
async function openListening(calls: LinuxCalls, options: ListenOptions): Promise<number> {
  const port = options.port ?? 0;
  let host = bindHost(options.host);
  if (options.path === undefined && putAddress(calls, host, port) === undefined) host = await numericHost(host);
  const place = options.path !== undefined ? putPath(calls, options.path) : putAddress(calls, host, port);
  if (place === undefined) throw systemError("EINVAL", host);
  const [family, size] = place;
  const fd = calls.functions.socket(family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw failed(calls, fd, "socket");
  if (family !== AF_UNIX) setOption(calls, fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (family === AF_INET6) setOption(calls, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (calls.functions.bind(fd, calls.at.address, size) < 0) throw failed(calls, fd, "bind");
  if (calls.functions.listen(fd, options.backlog) < 0) throw failed(calls, fd, "listen");
  return fd;
}

export class EpollListener implements Listener, Watched {
  readonly port: number;
  window = 0;
  readonly reader = undefined;
  private readonly loop: EpollLoop;
  private readonly host: Port;
  private readonly fd: number;
  private readonly options: ListenOptions;
  private readonly accept: (socket: Socket) => SocketHandler;
  /** What connections would have. */
  private readonly congestion: string;
  private open = true;

  private constructor(
    loop: EpollLoop,
    host: Port,
    fd: number,
    options: ListenOptions,
    accept: (socket: Socket) => SocketHandler,
  ) {
    this.loop = loop;
    this.host = host;
    this.fd = fd;
    this.options = options;
    this.accept = accept;
    this.port = this.nameOf(fd) ? takePort(loop.calls) : 0;
    this.congestion = congestionControl(loop.calls, fd);
  }

  /** Listens, and watches for connections. */
  static async open(
    loop: EpollLoop,
    host: Port,
    options: ListenOptions,
    accept: (socket: Socket) => SocketHandler,
  ): Promise<Listener> {
    if (options.path !== undefined) removeSocketFile(host.files, options.path);
    const fd = await openListening(loop.calls, options);
    if (options.path !== undefined && options.unixMode) host.files.chmod(options.path, options.unixMode);
    const listener = new EpollListener(loop, host, fd, options, accept);
    loop.add(fd, listener);
    return listener;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.loop.drop(this.fd);
    if (this.options.path !== undefined) removeSocketFile(this.host.files, this.options.path);
  }

  ready(): void {
    const { functions, at, scratch } = this.loop.calls;
    for (let i = 0; i < ACCEPTS_PER_ROUND && this.open; i++) {
      scratch.setInt32(VALUE_OFFSET, ADDRESS_SIZE, true);
      const fd = functions.accept4(this.fd, at.address, at.value, SOCK_NONBLOCK_CLOEXEC);
      if (fd < 0) {
        const error = this.loop.calls.lastError();
        if (error === "EMFILE" || error === "ENFILE" || error === "ENOMEM") this.pause();
        return;
      }
      this.welcome(fd);
    }
  }

  private welcome(fd: number): void {
    const calls = this.loop.calls;
    const path = this.options.path;
    if (path !== undefined) {
      const address = formatUnixAddress(path);
      this.hand(new EpollSocket(this.loop, fd, address, () => address));
      return;
    }
    const remote = takeAddress(calls);
    setOption(calls, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (this.options.keepAliveSeconds > 0) setKeepAlive(calls, fd, this.options.keepAliveSeconds);
    const socket = new EpollSocket(this.loop, fd, remote, () => (this.nameOf(fd) ? takeAddress(calls) : "?:0"));
    socket.isLocal = isLoopback(remote);
    if (socket.isLocal && this.congestion !== PLAIN_CONGESTION_CONTROL) {
      setCongestionControl(calls, fd, PLAIN_CONGESTION_CONTROL);
      socket.systemsCongestion = this.congestion;
    }
    this.hand(socket);
  }

  private hand(socket: EpollSocket): void {
    socket.start(this.accept(socket));
  }

  /** Puts the descriptor's own address into the scratch page. */
  private nameOf(fd: number): boolean {
    const { functions, at, scratch } = this.loop.calls;
    scratch.setInt32(VALUE_OFFSET, ADDRESS_SIZE, true);
    return functions.getsockname(fd, at.address, at.value) === 0;
  }

  private pause(): void {
    this.loop.watch(this.fd, false, false);
    this.host.timer(EXHAUSTED_MS, () => {
      if (this.open) this.loop.watch(this.fd, true, false);
    });
  }
}
