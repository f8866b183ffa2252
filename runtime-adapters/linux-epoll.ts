// linux-epoll.ts - sockets by epoll and foreign calls, straight on linear memory. Linux only.
//
// It replaces a portable port's sockets; clock, files and process stay that port's. The epoll loop shares the main
// thread with the runtime's own loop (timers, signals, promises, the admin page):
//
//        ┌──────────── slice: up to 2 ms of epoll_wait(1 ms) + reads + writes ◄───────────┐
//   busy │                                                                                │
//        └── slice over ──► one turn of the runtime's loop (setImmediate, 1-3 µs) ────────┘
//              │ 3 waits in a row without an event
//              ▼
//   idle   the main thread sleeps in the runtime's loop; a helper thread waits on the epoll descriptor and wakes it
//
// So a timer or a promise waits for a slice at most, a client that asks again within 3 ms meets a loop that is
// already waiting for it, and an idle server costs nothing.
//
// A round serves the ready sockets by 16: it receives for all of them, has their handlers run, and sends for all of
// them (linux-transfers.ts), so that 16 requests cost two system calls with io_uring, not 32.
//
// struct epoll_event, packed on x86-64 only:   0 events u32   4 data u64 (here: the descriptor)     12 bytes
//                          elsewhere:          0 events u32   8 data u64                            16 bytes
//
// Costs: an epoll_wait a round, a receive and a send a request. Level-triggered: what a receive leaves comes again.
// A closed descriptor is given back at the end of the round, so that no event of the same round can mean another
// connection of the same number.

import { Crowd } from "./coalesce.ts";
import type { Active } from "./coalesce.ts";
import {
  COUNTER_OFFSET,
  errorName,
  EVENT_OFFSET,
  EVENTS,
  EVENTS_OFFSET,
  openLinuxCalls,
  TIME_OFFSET,
  TWO_32,
  VALUE_OFFSET,
} from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";
import { EpollListener } from "./linux-listener.ts";
import { KernelMemory } from "./linux-memory.ts";
import { SOL_SOCKET } from "./linux-options.ts";
import type { EpollSocket } from "./linux-socket.ts";
import { openTransfers, TRANSFERS_MAX } from "./linux-transfers.ts";
import type { Transfers } from "./linux-transfers.ts";
import { openWaker } from "./linux-waker.ts";
import type { Waker } from "./linux-waker.ts";
import type { Listener, ListenOptions, Port, Socket, SocketHandler } from "./port.ts";
import { errorText, TurnEnd } from "./shared.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2000000;
const EFD_NONBLOCK_CLOEXEC = 0o2004000;
const SO_ERROR = 4;

const SLICE_US = 2000;
const WAIT_MS = 1;
const QUIET_WAITS = 3;
const PR_SET_TIMERSLACK = 29;
const TIMER_SLACK_NS = 1000;
/** The clock is looked at once in so many rounds: it costs Deno 100 ns. */
const ROUNDS_PER_LOOK = 4;

/** What goes into and comes out of an eventfd: u64. */
const COUNTER_SIZE = 8;

/** A turn that wrote so often served many with few messages; the next one waits for more messages before it does so. */
const FAN_OUT = 32;
const GATHER_EVENTS = 16;
const GATHER_RESTS = 3;
const GATHER_REST_US = 50;

/** So many sockets are received for, run and sent for together: more at a time saves little and needs more room. */
const STEP = 16;

/** Whatever a descriptor in the epoll set belongs to. */
export interface Watched extends Active {
  /** Set: when it is readable and nothing else, its bytes are received together with those of others. */
  readonly reader: EpollSocket | undefined;
  ready(events: number): void;
}

interface LoopOptions {
  arch: string;
  /** Whether to send and receive by io_uring, where there is one. */
  ring: boolean;
}

/** The loop: one epoll set, its wake-ups, and what its sockets share. */
export class EpollLoop {
  readonly calls: LinuxCalls;
  readonly turnEnd: TurnEnd;
  readonly memory: KernelMemory;
  private readonly clock: () => number;
  private readonly epoll: number;
  private readonly interrupter: number;
  private readonly waker: Waker;
  private readonly eventWords: number;
  private readonly dataWord: number;
  private readonly watched: (Watched | undefined)[] = [];
  private readonly turnRun: () => void;
  private readonly wakeRun: () => void;
  private count = 0;
  private state: "stopped" | "busy" | "idle" = "stopped";
  private quiet = 0;
  private inRound = false;
  private yieldNext = false;
  /** From then on the loop's own descriptors may be anybody's. */
  private closed = false;
  private readonly crowd: Crowd;
  /** Writes in this turn, and in the turn before. */
  private writes = 0;
  private lastWrites = 0;
  private readonly closeList: number[] = [];
  private readonly transfers: Transfers;
  /** Whom the gathered transfers are for. */
  private readonly parties: EpollSocket[] = [];
  /** Those that have output. */
  private senders: EpollSocket[] = [];

  private constructor(
    calls: LinuxCalls,
    clock: () => number,
    fds: [number, number],
    waker: Waker,
    options: LoopOptions,
  ) {
    this.calls = calls;
    this.memory = new KernelMemory(calls);
    this.clock = clock;
    this.crowd = new Crowd(clock);
    this.transfers = openTransfers(calls, options.ring);
    [this.epoll, this.interrupter] = fds;
    this.waker = waker;
    const isPacked = options.arch === "x86_64";
    this.eventWords = isPacked ? 3 : 4;
    this.dataWord = isPacked ? 1 : 2;
    this.turnEnd = new TurnEnd((run) => {
      if (!this.inRound) setImmediate(run);
    });
    this.turnRun = () => this.turn();
    this.wakeRun = () => {
      this.state = "busy";
      this.quiet = 0;
      this.turn();
    };
  }

  /** Opens descriptors and helper. Throws with the reason where that isn't possible. */
  static open(calls: LinuxCalls, clock: () => number, options: LoopOptions): EpollLoop {
    const epoll = calls.functions.epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) throw new Error(`epoll_create1: ${errorText(calls.lastError())}`);
    // By default Linux lets a sleep last 50 µs longer than asked.
    calls.functions.prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
    const interrupter = calls.functions.eventfd(0, EFD_NONBLOCK_CLOEXEC);
    if (interrupter < 0) throw new Error(`eventfd: ${errorText(calls.lastError())}`);
    let interrupt = (): void => undefined;
    const waker = openWaker(calls, options.arch, epoll, () => interrupt());
    const loop = new EpollLoop(calls, clock, [epoll, interrupter], waker, options);
    interrupt = () => loop.interrupt();
    loop.control(EPOLL_CTL_ADD, interrupter, EPOLLIN);
    loop.watched[interrupter] = { window: 0, reader: undefined, ready: () => loop.drainInterrupter() };
    return loop;
  }

  /** Whether io_uring sends and receives. */
  get byRing(): boolean {
    return this.transfers.byRing;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    // A round goes on to its end.
    if (!this.inRound) this.transfers.close();
    this.waker.close(() => {
      this.calls.functions.close(this.epoll);
      this.calls.functions.close(this.interrupter);
    });
  }

  /** The next round is followed by a turn of the runtime's loop. */
  yieldSoon(): void {
    this.yieldNext = true;
  }

  // --- Descriptors ---

  /** Watches a descriptor for reading. */
  add(fd: number, who: Watched): void {
    this.watched[fd] = who;
    this.count++;
    this.control(EPOLL_CTL_ADD, fd, EPOLLIN);
    if (this.state !== "stopped") return;
    this.state = "busy";
    this.quiet = 0;
    setImmediate(this.turnRun);
  }

  watch(fd: number, reading: boolean, writing: boolean): void {
    this.control(EPOLL_CTL_MOD, fd, (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0));
  }

  /** Forgets and closes a descriptor. */
  drop(fd: number): void {
    this.watched[fd] = undefined;
    this.count--;
    if (this.inRound) this.closeList.push(fd);
    else this.calls.functions.close(fd);
    if (this.count === 0 && this.state === "idle") this.interrupt();
  }

  private control(operation: number, fd: number, events: number): void {
    if (this.closed) return;
    const words = this.calls.words;
    words[EVENT_OFFSET / 4] = events;
    words[EVENT_OFFSET / 4 + this.dataWord] = fd;
    this.calls.functions.epoll_ctl(this.epoll, operation, fd, this.calls.at.event);
  }

  // --- Sockets ---

  /** Sends for a socket at the end of the step; false outside of a round. */
  sendSoon(socket: EpollSocket): boolean {
    if (!this.inRound) return false;
    this.senders.push(socket);
    return true;
  }

  /** A socket has sent something by itself. */
  noteWrite(): void {
    this.writes++;
  }

  /** The pending error of a socket, as a text. */
  socketError(fd: number): string | undefined {
    const { functions, at, scratch } = this.calls;
    scratch.setInt32(EVENT_OFFSET, 4, true);
    if (functions.getsockopt(fd, SOL_SOCKET, SO_ERROR, at.value, at.event) < 0) return undefined;
    const number = scratch.getInt32(VALUE_OFFSET, true);
    return number === 0 ? undefined : errorText(errorName(number));
  }

  // --- Turns ---

  private turn(): void {
    if (this.closed) return;
    try {
      this.slice();
    } finally {
      this.next();
    }
  }

  private slice(): void {
    const until = this.clock() + SLICE_US;
    this.yieldNext = false;
    for (let rounds = 1; ; rounds++) {
      const ready = this.wait(WAIT_MS);
      if (ready <= 0) {
        this.quiet++;
        return;
      }
      this.quiet = 0;
      this.round(ready);
      if (this.yieldNext || this.count === 0) return;
      if (rounds % ROUNDS_PER_LOOK === 0 && this.clock() >= until) return;
      const restUs = this.crowd.restAfter(ready);
      if (restUs > 0) this.calls.functions.usleep(restUs);
    }
  }

  /** A function of its own, since engines make foreign calls fast only in functions that are called often. */
  private wait(ms: number): number {
    return this.calls.functions.epoll_wait(this.epoll, this.calls.at.events, EVENTS, ms);
  }

  private next(): void {
    if (this.closed || this.count === 0) {
      this.state = "stopped";
    } else if (this.quiet < QUIET_WAITS) {
      setImmediate(this.turnRun);
    } else {
      this.state = "idle";
      this.waker.arm(this.wakeRun);
    }
  }

  private round(ready: number): void {
    this.inRound = true;
    this.writes = 0;
    try {
      this.handle(ready);
      if (this.lastWrites >= FAN_OUT && this.turnEnd.isWaiting) this.gather(ready);
      this.turnEnd.run();
      this.send();
    } finally {
      this.inRound = false;
      this.lastWrites = this.writes;
      for (const fd of this.closeList) this.calls.functions.close(fd);
      this.closeList.length = 0;
      if (this.closed) this.transfers.close();
    }
  }

  private handle(ready: number): void {
    for (let from = 0; from < ready; from += STEP) {
      if (from > 0) this.send();
      this.step(from, Math.min(from + STEP, ready));
    }
  }

  /** Events [from, to): receives, has handlers run. What they send goes out before the next step or the round's end. */
  private step(from: number, to: number): void {
    const { words } = this.calls;
    const { parties, transfers, eventWords } = this;
    // The events are read while handlers run: nothing in a handler writes to that part of the scratch page.
    let at = EVENTS_OFFSET / 4 + from * eventWords;
    let others = 0;
    for (let i = from; i < to; i++, at += eventWords) {
      const who = this.watched[words[at + this.dataWord]];
      if (who === undefined) continue;
      this.crowd.note(who);
      const reader = words[at] === EPOLLIN ? who.reader : undefined;
      if (reader === undefined) {
        others++;
        continue;
      }
      const room = reader.room(parties.length, to - from);
      transfers.receive(reader.fd, this.memory.address(room), reader.roomLength);
      parties.push(reader);
    }
    // No handler runs before all is received: it could free the memory that another's bytes go to.
    if (parties.length > 0) this.receive();
    if (others > 0) this.tellOthers(from, to);
  }

  private receive(): void {
    const { parties, transfers } = this;
    transfers.run();
    for (let i = 0; i < parties.length; i++) parties[i].receiveEnded(transfers.results[i]);
    parties.length = 0;
  }

  /** Events other than "readable" alone, and those of descriptors that aren't connections. */
  private tellOthers(from: number, to: number): void {
    const { words } = this.calls;
    let at = EVENTS_OFFSET / 4 + from * this.eventWords;
    for (let i = from; i < to; i++, at += this.eventWords) {
      const who = this.watched[words[at + this.dataWord]];
      if (who !== undefined && (words[at] !== EPOLLIN || who.reader === undefined)) who.ready(words[at]);
    }
  }

  /** Sends for all who asked for it, those included who ask meanwhile. */
  private send(): void {
    const { parties, transfers } = this;
    while (this.senders.length > 0) {
      const senders = this.senders;
      this.senders = [];
      for (const sender of senders) {
        if (!sender.offers()) continue;
        transfers.send(sender.fd, this.memory.address(sender.offerAt), sender.offerLength);
        parties.push(sender);
        if (parties.length === TRANSFERS_MAX) this.sendGathered();
      }
      if (parties.length > 0) this.sendGathered();
    }
  }

  private sendGathered(): void {
    const { parties, transfers } = this;
    this.writes += parties.length;
    transfers.run();
    for (let i = 0; i < parties.length; i++) parties[i].sendEnded(transfers.results[i]);
    parties.length = 0;
  }

  /**
   * Takes what comes in the next moments before the turn's end, which serves those who did not ask: ten messages to a
   * hundred subscribers then cost a hundred writes, not a thousand.
   */
  private gather(events: number): void {
    for (let rests = 0; rests < GATHER_RESTS && events < GATHER_EVENTS; rests++) {
      this.send();
      this.calls.functions.usleep(GATHER_REST_US);
      const more = this.wait(0);
      if (more <= 0) return;
      this.handle(more);
      events += more;
    }
  }

  /** Makes the epoll descriptor readable, whoever waits for it. */
  private interrupt(): void {
    if (this.closed) return;
    this.calls.scratch.setUint32(COUNTER_OFFSET, 1, true);
    this.calls.scratch.setUint32(COUNTER_OFFSET + 4, 0, true);
    this.calls.functions.write(this.interrupter, this.calls.at.counter, COUNTER_SIZE);
  }

  private drainInterrupter(): void {
    this.calls.functions.read(this.interrupter, this.calls.at.counter, COUNTER_SIZE);
  }
}

// --- The port ---

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

/** Both clocks by clock_gettime(2), which fills struct timespec: seconds i64, nanoseconds i64. */
function foreignClocks(calls: LinuxCalls): Pick<Port, "nowUs" | "monotonicUs"> {
  const { words, at } = calls;
  const clockGetTime = calls.functions.clock_gettime;
  const seconds = TIME_OFFSET / 4;
  const read = (clock: number): number => {
    clockGetTime(clock, at.time);
    return ((words[seconds] >>> 0) + words[seconds + 1] * TWO_32) * 1e6 + words[seconds + 2] / 1e3;
  };
  return { nowUs: () => read(CLOCK_REALTIME), monotonicUs: () => read(CLOCK_MONOTONIC) };
}

/** `portable` with its sockets replaced, with io_uring if wanted. Rejects with the reason where epoll can't run. */
export async function createEpollPort(portable: Port, { ring }: { ring: boolean }): Promise<Port> {
  if (portable.platform !== "linux") throw new Error(`${portable.platform} has no epoll`);
  if (portable.arch !== "x86_64" && portable.arch !== "aarch64") throw new Error(`not tried on ${portable.arch}`);
  const calls = await openLinuxCalls(portable.arch);
  // Deno's performance.now() takes 90 ns, the same by a foreign call 29; Bun's takes 5 and Node's 55.
  const clocks = portable.runtime === "deno" ? foreignClocks(calls) : portable;
  const loop = EpollLoop.open(calls, clocks.monotonicUs, { arch: portable.arch, ring });
  return {
    ...portable,
    nowUs: clocks.nowUs,
    monotonicUs: clocks.monotonicUs,
    ioAdapter: loop.byRing ? "epoll, io_uring" : "epoll",
    setMemory(memory: WebAssembly.Memory): void {
      portable.setMemory(memory);
      loop.memory.set(memory);
    },
    listen: (options: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener> =>
      // TLS is the runtime's: such sockets are its own.
      options.tls !== undefined
        ? portable.listen(options, accept)
        : EpollListener.open(loop, portable, options, accept),
    afterTurn: (run) => loop.turnEnd.add(run),
    yieldSoon: () => loop.yieldSoon(),
    close(): void {
      loop.close();
      portable.close();
    },
  };
}
