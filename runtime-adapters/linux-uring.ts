// linux-uring.ts - io_uring(7): many receives and sends by one system call.
//
// Two rings that are shared with the kernel, which mmap(2) of the ring's descriptor shows at the offsets below:
//
//     0            ring:  head and tail of both queues · which entries are submitted (all, in order) · completions
//     0x1000_0000  submissions:  64 bytes each
//
//   submission   0 opcode u8 · 4 descriptor i32 · 16 address u64 · 24 length u32 · 28 flags u32 · 32 id u64
//   completion   0 id u64 · 8 result i32 (bytes, or the error number, negative)
//
// With MSG_DONTWAIT a transfer is done, or has failed with EAGAIN, when io_uring_enter(2) returns: nothing is ever
// under way outside of run(), so no memory is pinned, and there is nothing to cancel. Readiness stays epoll's.
//
// Costs a transfer, beside the kernel's work on the socket: ten stores and loads; a system call by foreign call takes
// 170 ns for itself and another 50 to 100 for the way there. With 50 clients and one request at a time that is 18 % of
// a request's CPU time.

import { EAGAIN, TWO_32 } from "./linux-calls.ts";
import type { LinuxCalls, Pointer } from "./linux-calls.ts";
import type { Transfers } from "./linux-transfers.ts";

const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const SUBMISSIONS_OFFSET = 0x10000000;
const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x8001;

/** Only this thread submits, and completions wait for it: the kernel then needs no lock for them (Linux 6.1). */
const SETUP_SINGLE_ISSUER = 1 << 12;
const SETUP_DEFER_TASKRUN = 1 << 13;
/** Of struct io_uring_params: both queues are in one mapping (Linux 5.4). */
const FEATURE_SINGLE_MMAP = 1;

const ENTER_GETEVENTS = 1;
const OP_SEND = 26;
const OP_RECV = 27;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Bytes of struct io_uring_params, and its fields as 32-bit words. */
const PARAMETERS_SIZE = 120;
const FLAGS_WORD = 2;
const FEATURES_WORD = 5;
const SUBMISSION_WORDS = 10;
const COMPLETION_WORDS = 20;
// Of the offsets that follow at SUBMISSION_WORDS and at COMPLETION_WORDS.
const HEAD = 0;
const TAIL = 1;
const SUBMISSION_ARRAY = 6;
const COMPLETION_ENTRIES = 5;

const SUBMISSION_BYTES = 64;
const COMPLETION_BYTES = 16;

/** The system calls; syscall(2) is there twice since its arguments differ. */
interface RingCalls {
  setup(call: number, entries: number, parameters: Pointer): number;
  enter(call: number, fd: number, submit: number, complete: number, flags: number, mask: number, size: number): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): Pointer;
  munmap(address: Pointer, length: number): number;
}

function openRingCalls(calls: LinuxCalls): RingCalls {
  const first = calls.open({
    syscall: ["i32", "i32", "i32", "pointer"],
    mmap: ["pointer", "pointer", "i32", "i32", "i32", "i32", "i32"],
    munmap: ["i32", "pointer", "i32"],
  });
  const second = calls.open({ syscall: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"] });
  return {
    setup: first.syscall as unknown as RingCalls["setup"],
    enter: second.syscall,
    mmap: first.mmap as unknown as RingCalls["mmap"],
    munmap: first.munmap,
  };
}

/** A part of the ring, mapped. */
interface Mapping {
  pointer: Pointer;
  length: number;
  words: Int32Array;
}

class Ring implements Transfers {
  readonly byRing = true;
  readonly results: Int32Array;
  private count = 0;
  private readonly calls: LinuxCalls;
  private readonly ringCalls: RingCalls;
  private readonly fd: number;
  private readonly mappings: Mapping[];
  private readonly ring: Int32Array;
  private readonly submissions: Int32Array;
  private readonly mask: number;
  private readonly submitHead: number;
  private readonly submitTail: number;
  private readonly completeMask: number;
  private readonly completeHead: number;
  private readonly completeTail: number;
  private readonly completions: number;
  private tail = 0;

  constructor(calls: LinuxCalls, ringCalls: RingCalls, fd: number, parameters: Uint32Array, mappings: Mapping[]) {
    this.calls = calls;
    this.ringCalls = ringCalls;
    this.fd = fd;
    this.mappings = mappings;
    const [submissions, completions] = parameters;
    this.results = new Int32Array(submissions);
    [this.ring, this.submissions] = mappings.map((mapping) => mapping.words);
    const wordAt = (field: number) => parameters[field] >>> 2;
    this.mask = submissions - 1;
    this.submitHead = wordAt(SUBMISSION_WORDS + HEAD);
    this.submitTail = wordAt(SUBMISSION_WORDS + TAIL);
    this.completeMask = completions - 1;
    this.completeHead = wordAt(COMPLETION_WORDS + HEAD);
    this.completeTail = wordAt(COMPLETION_WORDS + TAIL);
    this.completions = wordAt(COMPLETION_WORDS + COMPLETION_ENTRIES);
    const array = wordAt(SUBMISSION_WORDS + SUBMISSION_ARRAY);
    for (let i = 0; i < submissions; i++) {
      this.ring[array + i] = i;
      this.submissions[i * (SUBMISSION_BYTES / 4) + 7] = MSG_DONTWAIT | MSG_NOSIGNAL;
    }
  }

  receive(fd: number, address: number, length: number): void {
    this.add(OP_RECV, fd, address, length);
  }

  send(fd: number, address: number, length: number): void {
    this.add(OP_SEND, fd, address, length);
  }

  private add(opcode: number, fd: number, address: number, length: number): void {
    const { submissions } = this;
    const at = (this.tail & this.mask) * (SUBMISSION_BYTES / 4);
    submissions[at] = opcode;
    submissions[at + 1] = fd;
    submissions[at + 4] = address;
    submissions[at + 5] = address / TWO_32;
    submissions[at + 6] = length;
    submissions[at + 8] = this.count++;
    this.tail = (this.tail + 1) | 0;
  }

  run(): void {
    const { count, ring, results } = this;
    this.count = 0;
    results.fill(-EAGAIN, 0, count);
    ring[this.submitTail] = this.tail;
    this.ringCalls.enter(SYS_IO_URING_ENTER, this.fd, count, count, ENTER_GETEVENTS, 0, 0);
    // What the kernel had no memory to begin is taken back: it's as if it could not be done for the moment.
    this.tail = ring[this.submitTail] = ring[this.submitHead];
    let head = ring[this.completeHead];
    for (const tail = ring[this.completeTail]; head !== tail; head = (head + 1) | 0) {
      const at = this.completions + (head & this.completeMask) * (COMPLETION_BYTES / 4);
      results[ring[at]] = ring[at + 2];
    }
    ring[this.completeHead] = head;
  }

  close(): void {
    for (const { pointer, length } of this.mappings) this.ringCalls.munmap(pointer, length);
    this.calls.functions.close(this.fd);
  }
}

/** A ring for up to `entries` transfers, a power of two; undefined where the kernel has none, or doesn't allow it. */
export function openRing(calls: LinuxCalls, entries: number): Transfers | undefined {
  const ringCalls = openRingCalls(calls);
  const page = new WebAssembly.Memory({ initial: 1 }).buffer;
  const parameters = new Uint32Array(page, 0, PARAMETERS_SIZE / 4);
  parameters[FLAGS_WORD] = SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN;
  const fd = ringCalls.setup(SYS_IO_URING_SETUP, entries, calls.pointer(page, 0));
  if (fd < 0) return undefined;
  const [submissions, completions] = parameters;
  const ringBytes = Math.max(
    parameters[SUBMISSION_WORDS + SUBMISSION_ARRAY] + submissions * 4,
    parameters[COMPLETION_WORDS + COMPLETION_ENTRIES] + completions * COMPLETION_BYTES,
  );
  const map = (length: number, offset: number): Mapping | undefined => {
    const pointer = ringCalls.mmap(null, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
    const buffer = calls.view(pointer, length);
    return buffer === undefined ? undefined : { pointer, length, words: new Int32Array(buffer) };
  };
  const mappings = [map(ringBytes, 0), map(submissions * SUBMISSION_BYTES, SUBMISSIONS_OFFSET)]
    .filter((mapping) => mapping !== undefined);
  if (mappings.length === 2 && (parameters[FEATURES_WORD] & FEATURE_SINGLE_MMAP) !== 0) {
    return new Ring(calls, ringCalls, fd, parameters, mappings);
  }
  for (const { pointer, length } of mappings) ringCalls.munmap(pointer, length);
  calls.functions.close(fd);
  return undefined;
}
