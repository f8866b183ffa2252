// image.ts - a core's memory as one dense block of bytes, and back.
//
//   0 ─ 1024 ────── 4608 ── 64 Ki ───────── static end ── descriptors ── low end ── heap: pages in use and free runs
//         root, list heads      static data                  page descriptors          only what is in use is copied
//
// Invariant: outside of what an image holds, a core's memory is zero up to its highest touched page or was never
// touched. `wipe` and `putImage` keep that, so that a recycled core's next image equals a fresh core's byte for byte.
// Costs: one copy of what is in use, about a millisecond for ten megabytes.
//
// Not for the file format around an image (snapshot.ts).

import { ROOT, ROOT_ADDRESS } from "../generated/layout.ts";
import type { Core } from "./core.ts";

const PAGE_SIZE = 65536;
/** End of the allocator's list heads in page 0 (core-wasm/memory/allocator.ts). */
const HEADS_END = 4608;
/** Index of the page descriptors among the parts; those behind it are the heap's. */
const LAST_LOW_PART = 4;

/** Parts of linear memory: address and length, one after the other; multiples of 8. */
export type Segments = number[];

function descriptorsStart(core: Core): number {
  return (core.exports.snapshotStaticEnd() + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/** Adds a part, rounded up to whole words. */
function add(segments: Segments, start: number, end: number): void {
  segments.push(start, Math.ceil((end - start) / 8) * 8);
}

/** The parts of a core that an image holds, in ascending order. */
export function imageSegments(core: Core): Segments {
  const { exports } = core;
  const segments: Segments = [];
  add(segments, ROOT_ADDRESS, HEADS_END);
  add(segments, PAGE_SIZE, exports.snapshotStaticEnd());
  add(segments, descriptorsStart(core), exports.snapshotLowEnd() >>> 0);
  let page = (exports.snapshotHeapStart() >>> 0) / PAGE_SIZE;
  let from = -1;
  for (let run = exports.snapshotRun(page); run !== 0; run = exports.snapshotRun(page)) {
    if (run > 0 && from < 0) from = page;
    if (run < 0 && from >= 0) {
      add(segments, from * PAGE_SIZE, page * PAGE_SIZE);
      from = -1;
    }
    page += Math.abs(run);
  }
  if (from >= 0) add(segments, from * PAGE_SIZE, page * PAGE_SIZE);
  return segments;
}

/** Bytes that the parts take together. */
export function segmentsLength(segments: Segments): number {
  let total = 0;
  for (let i = 1; i < segments.length; i += 2) total += segments[i];
  return total;
}

/** Copies the parts, one behind the other, to `target` from `at` on. */
export function copyImage(core: Core, segments: Segments, target: Uint8Array, at: number): void {
  core.refresh();
  for (let i = 0; i < segments.length; i += 2) {
    const [start, length] = [segments[i], segments[i + 1]];
    target.set(core.bytes.subarray(start, start + length), at);
    at += length;
  }
}

/** Pages that a core with these parts has to have; the allocator counts on those that the root names. */
function pagesOf(root: Uint8Array): number {
  return new DataView(root.buffer, root.byteOffset).getUint32(ROOT.totalPages, true);
}

/** Makes memory at least `pages` long. False when the runtime has no more. */
function ensurePages(core: Core, pages: number): boolean {
  const missing = pages - core.memory.buffer.byteLength / PAGE_SIZE;
  if (missing <= 0) return true;
  try {
    core.memory.grow(missing);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  core.refresh();
  return true;
}

/**
 * Replaces a core's whole state by the parts that lie one behind the other from `at` of `source`. With `at` -1,
 * `source` is another core's whole memory. False, with nothing changed: the runtime has not enough memory.
 */
export function putImage(core: Core, segments: Segments, source: Uint8Array, at: number): boolean {
  const root = at < 0 ? segments[0] : at;
  if (!ensurePages(core, pagesOf(source.subarray(root, root + segments[1])))) return false;
  core.refresh();
  core.life++;
  const { bytes } = core;
  const oldLowEnd = core.exports.snapshotLowEnd() >>> 0;
  const oldEnd = core.root32(ROOT.touchedPages) * PAGE_SIZE;
  let unused = core.exports.snapshotHeapStart() >>> 0;
  let from = at;
  for (let i = 0; i < segments.length; i += 2) {
    const [start, length] = [segments[i], segments[i + 1]];
    if (at < 0) from = start;
    bytes.set(source.subarray(from, from + length), start);
    from += length;
    if (i === LAST_LOW_PART) clear(bytes, start + length, oldLowEnd);
    if (i <= LAST_LOW_PART) continue;
    clear(bytes, unused, Math.min(start, oldEnd));
    unused = start + length;
  }
  clear(bytes, unused, oldEnd);
  return true;
}

/** Zeroes [from, to); nothing when that is empty. */
function clear(bytes: Uint8Array, from: number, to: number): void {
  if (to > from) bytes.fill(0, from, to);
}

/** Empties a core, so that it can begin again. `statics` is the static data of a fresh one. */
export function wipe(core: Core, statics: Uint8Array): void {
  core.refresh();
  core.life++;
  const { bytes } = core;
  const heapEnd = core.root32(ROOT.touchedPages) * PAGE_SIZE;
  clear(bytes, core.exports.snapshotHeapStart() >>> 0, heapEnd);
  clear(bytes, descriptorsStart(core), core.exports.snapshotLowEnd() >>> 0);
  bytes.set(statics, PAGE_SIZE);
}

/** A copy of the static data, which configuration can change (rename-command). */
export function copyStatics(core: Core): Uint8Array {
  return core.copy(PAGE_SIZE, core.exports.snapshotStaticEnd() - PAGE_SIZE);
}
