// port.ts - the contract between Wakey and the world outside: sockets, clock, timers, files, randomness, process.
//
// Every adapter (node, deno, bun, browser, simulated, linux-epoll) makes one `Port`; nothing else in the repository
// may touch those things, so that a simulated world can take their place. It is not the place for any knowledge of
// commands, replies or configuration.
//
// How bytes travel; `memory` is the core's linear memory:
//
//   readiness adapter:  ptr = handler.room() ──► the kernel writes at ptr ──► handler.received(n)
//   delivery adapter:   the runtime hands over a chunk ──► handler.data(chunk), which copies it
//   both:               socket.write(ptr, length) ──► n ≥ 0 accepted now, or -1: in flight until handler.written(n)
//   readiness adapter:  socket.writeSoon(sender) ──► when others have run: sender.offer() ──► sender.sent(n)
//
// Rules that hold for every adapter, each one a case of tests/adapters.test.ts:
//   1. A handler is never called from inside a call of its own socket's write(), close() or destroy(): a write that
//      fails returns 0 and closed() comes later. pauseReading() and resumeReading() deliver nothing synchronously.
//   2. Each write() that returned -1 is answered by exactly one written(), also when the socket failed or was closed
//      meanwhile. Until then its bytes may not move or change, and there is at most one such write a socket.
//   3. A write() that returned less than it was offered is followed by one writable(), unless the socket closes.
//   4. closed() comes at most once, after the last data and after written(); never after an own close() or destroy().
//      When it comes, the adapter has let go of the socket: there's nothing left to close.
//   5. Memory may grow at any time, also while bytes are in flight; growth may not move its base address.

/** What an adapter calls; one object per accepted connection, made by the server. */
export interface SocketHandler {
  /**
   * Readiness adapters: where to put bytes. An address in linear memory; `roomLength` says how many fit there. Up to
   * `parts` sockets receive at a time; of what they share, this one gets part number `part`.
   */
  room(part: number, parts: number): number;
  roomLength: number;
  /** `n` bytes were placed at the last room(). */
  received(n: number): void;
  /** Bytes that are known to be missing of a large argument; 0 when nothing is known. */
  missing(): number;
  /** Delivery adapters: a chunk from the runtime. It's only valid during the call. */
  data(chunk: Uint8Array): void;
  /** The `n` bytes that were in flight may be reused, and more can be written. */
  written(n: number): void;
  /** The socket can take more after a short write(). */
  writable(): void;
  /** The peer closed (no error) or the socket failed (the system's text, as "Connection reset by peer"). */
  closed(error?: string): void;
}

/** Whoever has output that a readiness adapter sends together with that of others. */
export interface Sender {
  /** True: offerLength bytes of linear memory at offerAt are to be sent, and may not move until sent(). */
  offer(): boolean;
  readonly offerAt: number;
  readonly offerLength: number;
  /** So many of them were accepted, as the answer of write(). */
  sent(n: number): void;
}

/** One accepted connection, as the server sees it. */
export interface Socket {
  /**
   * Sends linear-memory bytes [ptr, ptr + length).
   * ≥ 0: so many were accepted, and copied; the rest may be offered again on writable().
   * -1: all of them are in flight: they're referenced until written(length).
   */
  write(ptr: number, length: number): number;
  /**
   * The same for `count` pieces in a row, which are listed as (address, length) pairs of u32 at linear-memory address
   * `list`; `length` is their sum. Only where the runtime can send several pieces with one call.
   */
  writeParts?(list: number, count: number, length: number): number;
  /**
   * True: sender.offer() will be called before the loop waits again. False: nothing is gained by that, write() at once.
   * Asked more than once, it offers once.
   */
  writeSoon?(sender: Sender): boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** Closes after the bytes in flight are out; nothing more is read. */
  close(): void;
  /** Closes at once; bytes in flight may be lost. */
  destroy(): void;
  /** As Valkey prints them: "127.0.0.1:50000", "[::1]:50000", "/tmp/wakey.sock:0". */
  readonly remote: string;
  readonly local: string;
  /** Of a client that showed one in a TLS handshake. */
  readonly certificate?: ClientCertificate | undefined;
  readonly isTls?: boolean;
  /** The file descriptor, or -1 where the runtime hides it. */
  readonly fd: number;
}

/** How a listener, or a connection to another server, speaks TLS. Files are PEM. */
export interface TlsSettings {
  certificate?: Uint8Array;
  key?: Uint8Array;
  passphrase?: string;
  /** Whose signatures of the other side's certificates are believed. */
  authorities?: Uint8Array[];
  /** Whether a listener's clients must show a certificate, may, or are not asked. One that is shown has to be good. */
  clients: "yes" | "optional" | "no";
  /** As OpenSSL names them: "TLSv1.2". */
  leastVersion?: string;
  mostVersion?: string;
  ciphers?: string;
  serverOrder?: boolean;
  dhParameters?: Uint8Array;
  sessionSeconds?: number;
}

/** What INFO tells of a certificate. */
export interface CertificateFacts {
  serial: string;
  /** Milliseconds since 1970. */
  endsMs: number;
}

/** Who a client is by its certificate. */
export interface ClientCertificate {
  commonName: string | undefined;
  uris: readonly string[];
}

export interface ListenOptions {
  /** An address or a name; "*" is every IPv4 address, "::*" every IPv6 address. */
  host?: string;
  /** 0 lets the system choose. */
  port?: number;
  /** A unix socket's path, in place of host and port. A file that is already there is replaced. */
  path?: string;
  /** The unix socket file's mode, as 0o700. */
  unixMode?: number;
  /** TLS on this listener (server runtimes only). */
  tls?: TlsSettings;
  /** Told of a client whose handshake failed. */
  refused?(reason: string, remote: string, local: string): void;
  backlog: number;
  /** 0: no TCP keep-alive. */
  keepAliveSeconds: number;
}

export interface Listener {
  /** The port that is listened on; 0 for a unix socket. */
  readonly port: number;
  /** New connections get these settings; whether clients are asked for a certificate stays as it is. */
  setTls?(settings: TlsSettings): void;
  /** No more connections; those that are open stay. A second close() does nothing. */
  close(): void;
}

/** What an adapter calls for an outgoing connection; never from inside a call of its own. */
export interface DialHandler {
  /** Connected: send() may be called from now on. */
  opened(): void;
  data(chunk: Uint8Array): void;
  /** The bytes of the last send() were taken. */
  sent(): void;
  /** It could not be opened, or has ended: the system's name of why ("ECONNREFUSED"), "" when the peer closed it. */
  closed(code: string): void;
}

/** A connection to another server, for the little that a server sends of its own accord. */
export interface Outgoing {
  /** Sends bytes, which may not change until sent(); one send() at a time. */
  send(bytes: Uint8Array): void;
  /** Closes at once, also while it is being opened. Nothing is called any more. */
  destroy(): void;
}

/** A failed listen() rejects with an error that has the system's name of it, as "EADDRINUSE", in `code`. */
export interface SystemError extends Error {
  code: string;
}

export interface Timer {
  cancel(): void;
  /** The timer alone no longer keeps the process alive. */
  unref(): Timer;
}

export interface FileFacts {
  size: number;
  modifiedMs: number;
  isDirectory: boolean;
  mode: number;
}

/** Small files, synchronously. Text is UTF-8. All but exists() and facts() throw errors with a `code` ("ENOENT"). */
export interface Files {
  readText(path: string): string;
  read(path: string): Uint8Array;
  write(path: string, data: string | Uint8Array, mode?: number): void;
  append(path: string, data: string | Uint8Array): void;
  rename(from: string, to: string): void;
  exists(path: string): boolean;
  facts(path: string): FileFacts | undefined;
  unlink(path: string): void;
  mkdir(path: string): void;
  list(path: string): string[];
  chmod(path: string, mode: number): void;
  /** The file's bytes, or the directory's entries, are on the disk when it returns. */
  fsync(path: string): void;
  /** An absolute path, from the working directory at the time of the call. */
  absolute(path: string): string;
}

export type SignalName = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGPIPE" | "SIGQUIT";

export interface CpuUsage {
  userUs: number;
  systemUs: number;
  /** Ended child processes; 0 where the system doesn't tell. */
  userChildrenUs: number;
  systemChildrenUs: number;
  /** The main thread alone; the process's figures where the system doesn't tell. */
  userMainThreadUs: number;
  systemMainThreadUs: number;
}

export interface MemoryUsage {
  /** Bytes resident. */
  rss: number;
}

export interface RespawnOptions {
  /** Environment variables to add, such as a mark that this process is already the detached one. */
  env?: Record<string, string>;
  /** What the new process reads on its standard input. */
  stdin?: string;
}

type RuntimeName = "node" | "deno" | "bun" | "browser" | "simulated";

/** Time, chance and turns of the event loop. */
export interface ClockPort {
  /** The wall clock in microseconds since 1970, with as fine a fraction as the runtime has. */
  nowUs(): number;
  /** Microseconds that never go back, from an arbitrary start. */
  monotonicUs(): number;
  /** Fills `bytes` with randomness that is fit for secrets (but for the simulated port). */
  random(bytes: Uint8Array): void;
  timer(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
  /** Blocks the whole thread. */
  sleepSync(ms: number): void;
  /** Runs once, when the reads of this turn of the loop are all delivered. */
  afterTurn(run: () => void): void;
  /** A promise is pending that a client waits for: the runtime's own loop gets its turn soon, also under load. */
  yieldSoon(): void;
}

/** The process and the machine. */
export interface ProcessPort {
  readonly args: string[];
  readonly pid: number;
  /** The runtime's own executable file. */
  readonly executable: string;
  /** The script that was started, or "". */
  readonly script: string;
  env(name: string): string | undefined;
  cwd(): string;
  chdir(path: string): void;
  stdout(text: string): void;
  stderr(text: string): void;
  /** All of standard input, to its end. */
  readStdin(): string;
  exit(code: number): never;
  /** Ends the process by SIGABRT where that exists (a core dump may follow), otherwise exits with 134. */
  abort(): never;
  onSignal(name: SignalName, run: () => void): void;
  /** An error that nobody caught; without a listener the runtime prints it and exits. */
  onFault(run: (error: unknown) => void): void;
  /** The title that `ps` shows, where the runtime can set it. */
  setTitle(title: string): void;
  memoryUsage(): MemoryUsage;
  /**
   * Whether the JavaScript heap is so full that the process would soon end; false where the runtime doesn't tell. Takes
   * some microseconds, or a collection of all garbage when there may be much.
   */
  heapIsFull(): boolean;
  cpuUsage(): CpuUsage;
  /** Bytes of memory of the machine (or of the container). */
  totalMemory(): number;
  hostname(): string;
  /** "linux", "darwin", "win32", "browser", ... */
  readonly platform: string;
  /** "x86_64", "aarch64", ... as uname prints it. */
  readonly arch: string;
  /** "Linux 6.1.0-13-amd64 x86_64", as `uname -srm` prints it. */
  readonly osName: string;
  /** How many files and sockets may be open; Infinity where it isn't known. */
  openFilesLimit(): number;
  /** Starts this program again, detached from terminal and parent, and returns its process id; 0 when impossible. */
  respawnDetached(options?: RespawnOptions): Promise<number>;
}

export interface Port extends ClockPort, ProcessPort {
  readonly runtime: RuntimeName;
  /** The runtime's own version, without a leading "v". */
  readonly version: string;
  /** Which sockets are in use: "node", "deno", "bun", "epoll", "simulated", "none". */
  readonly ioAdapter: string;
  /** To be called before listen(); adapters make their views anew after growth. */
  setMemory(memory: WebAssembly.Memory): void;
  listen(options: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener>;
  /**
   * Connects to another server by TCP, with `tls` over TLS: then an authority of the settings must have signed what the
   * server shows, whatever its name. Absent where there are no sockets. It does not keep the process alive.
   */
  dial?(host: string, port: number, handler: DialHandler, tls?: TlsSettings): Outgoing;
  /** Why TLS settings can't be used, undefined when they can. Absent where there is no TLS. */
  checkTls?(settings: TlsSettings): Promise<string | undefined>;
  /** Of each certificate in a PEM file, in the file's order. */
  certificateFacts?(pem: Uint8Array): Promise<CertificateFacts[]>;
  readonly files: Files;
  /** Lets go of what the port itself holds (a helper thread, descriptors). Sockets and listeners are closed before. */
  close(): void;
}
