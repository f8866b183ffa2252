// linux-memory.ts - linear memory as the kernel sees it: its address, and single reads and writes of a descriptor.
//
// Answers of the system calls are bytes, or the error number, negative. Many at a time: linux-transfers.ts.

import { IOVEC_OFFSET, PARTS_OFFSET, TWO_32 } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";

/** Writes a struct iovec at that word of the scratch page; addresses are the process's own. */
function putVector({ words }: LinuxCalls, word: number, address: number, length: number): void {
  words[word] = address;
  words[word + 1] = address / TWO_32;
  words[word + 2] = length;
}

/** readv(2) to `length` bytes at one of the process's own addresses. */
export function readAt(calls: LinuxCalls, fd: number, address: number, length: number): number {
  putVector(calls, IOVEC_OFFSET / 4, address, length);
  return resultOf(calls, calls.functions.readv(fd, calls.at.iovec, 1));
}

/** writev(2) of them. Two functions: an engine makes a foreign call fast where it is always the same one. */
export function writeAt(calls: LinuxCalls, fd: number, address: number, length: number): number {
  putVector(calls, IOVEC_OFFSET / 4, address, length);
  return resultOf(calls, calls.functions.writev(fd, calls.at.iovec, 1));
}

function resultOf(calls: LinuxCalls, result: number): number {
  return result < 0 ? -calls.lastErrorNumber() : result;
}

const MADV_HUGEPAGE = 14;
/** As far as a signed 32-bit length of whole huge pages reaches: 2 GiB less 2 MiB. */
const HUGE_PAGES_LENGTH = 0x7fe00000;

export class KernelMemory {
  private readonly calls: LinuxCalls;
  private memory: WebAssembly.Memory | undefined;
  private buffer: ArrayBufferLike = new ArrayBuffer(0);
  /** The same, for lists of pieces. */
  private words = new Uint32Array(0);
  private base = 0;

  constructor(calls: LinuxCalls) {
    this.calls = calls;
  }

  set(memory: WebAssembly.Memory): void {
    this.memory = memory;
    this.rebase();
    this.askForHugePages(memory.buffer);
  }

  /**
   * Asks for pages of 2 MiB for linear memory, those that it will yet grow by included: look-ups in a large table are
   * bound by misses of the translation buffer. Only advice, so a refusal changes nothing but the speed.
   */
  private askForHugePages(buffer: ArrayBuffer): void {
    const { functions, pointer } = this.calls;
    functions.madvise(pointer(buffer, 0), HUGE_PAGES_LENGTH, MADV_HUGEPAGE);
  }

  private rebase(): void {
    if (this.memory === undefined) throw new Error("socket read or write before setMemory()");
    this.buffer = this.memory.buffer;
    this.words = new Uint32Array(this.buffer);
    this.base = this.calls.address(this.buffer);
  }

  /** The process's own address of linear-memory address `ptr`. */
  address(ptr: number): number {
    // Growth detaches a plain memory's buffer; its base has never been seen to move, but that's not promised.
    if (this.buffer.byteLength === 0) this.rebase();
    return this.base + ptr;
  }

  /** readv(2) to [ptr, ptr + length). */
  read(fd: number, ptr: number, length: number): number {
    return readAt(this.calls, fd, this.address(ptr), length);
  }

  /** writev(2) of [ptr, ptr + length). */
  write(fd: number, ptr: number, length: number): number {
    return writeAt(this.calls, fd, this.address(ptr), length);
  }

  /** writev(2) of the pieces that are listed as (address, length) pairs at linear-memory address `list`. */
  writeParts(fd: number, list: number, count: number): number {
    const base = this.address(0);
    const { words } = this;
    for (let i = 0, at = list >>> 2; i < count; i++, at += 2) {
      putVector(this.calls, PARTS_OFFSET / 4 + 4 * i, base + words[at], words[at + 1]);
    }
    return resultOf(this.calls, this.calls.functions.writev(fd, this.calls.at.parts, count));
  }
}
