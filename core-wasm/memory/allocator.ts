/**
 * The allocator: size classes in 64 KiB pages, no header in a block, page descriptors in one dense table.
 *
 * A block's page number gives its descriptor, and that its class; so a block costs only what its class rounds up.
 * Blocks of 40 to 224 KiB share spans of several pages, larger ones take pages of their own: in whole pages one of a
 * few bytes more than 64 KiB would take twice its size. Descriptors are apart from their pages because headers at
 * 64 KiB steps would all fall into the same cache sets.
 *
 *   descriptor (16 bytes) of page p at descriptors() + p * 16
 *    0  u32 free   head of the list of freed blocks (a freed block's first 4 bytes link on); 0: none
 *    4  u16 used   blocks in use
 *    6  u16 bump   blocks that were ever handed out: those behind were never touched
 *    8  u16 next   list of pages of a class with room, or of free runs of a bin
 *   10  u16 prev
 *   12  u8  kind   0 free run, 2..79 size class, LARGE first page of a large block, INNER not first, or not ours,
 *                  SPAN a page of a span but its first
 *   13  u8  listed 1 while in its class's list of pages with room
 *   14  u16 pages  free run or large block: its length in pages (in the first, and for free runs also in the last);
 *                  SPAN: how many pages before this one the span begins
 *
 * Invariants: a page in a class list has a free block; two free runs never touch; usedBytes is the sum of the class
 * sizes (large: pages) of live blocks. Costs: alloc and free touch one descriptor, one list head and the block.
 * Running out is a 0, never a trap. Idea: mimalloc's page-local lists (Leijen, Zorn, de Moura 2019).
 */
import { root } from "./root";

export const PAGE_BITS: u32 = 16;
const PAGE_MASK: usize = 65535; // pages of 64 KiB
const DESCRIPTOR_PAGES: u32 = 16; // 65536 pages * 16 bytes = 1 MiB
const PAGE_CLASS_MAX: u32 = 68; // blocks of classes up to 68, of 32 KiB, lie in one page
const SMALL_MAX: usize = 229376; // of class 79
const CLASS_COUNT: u32 = 80; // classes 2..79 are used
const BIN_COUNT: i32 = 17;
const KIND_FREE: u32 = 0;
const KIND_SPAN: u32 = 0xfd;
const KIND_LARGE: u32 = 0xfe;
const KIND_INNER: u32 = 0xff;
/**
 * Pages that one growth adds: large steps because growing costs 0.4 ms on Node 20, whole multiples of 2 MiB so that
 * the system can back them with huge pages.
 */
const GROW_MOST: u32 = 1024;
const GROW_UNIT: u32 = 32;
/** Kept back from data, so that replies, table growth and small needs still find room. */
export const RESERVE_BYTES: u64 = 16 << 20;
/** Largest block: whole pages of it can be counted in 32 bits. */
export const BLOCK_MOST: u64 = 0xfff00000;

// --- Layout ---

/** Class heads and free-run bins (u32 page numbers) live in page 0 behind the root. */
const CLASS_HEADS: usize = 4096;
const RUN_BINS: usize = 4096 + 320;
const HEADS_END: usize = 4096 + 512;

function descriptors(): usize {
  return (__heap_base + PAGE_MASK) & ~PAGE_MASK;
}

function descriptor(page: u32): usize {
  return descriptors() + (<usize>page << 4);
}

function kindOf(d: usize): u32 {
  return <u32>load<u8>(d, 12);
}

function setKind(d: usize, kind: u32): void {
  store<u8>(d, <u8>kind, 12);
}

function runPages(d: usize): u32 {
  return <u32>load<u16>(d, 14);
}

function setRunPages(d: usize, pages: u32): void {
  store<u16>(d, <u16>pages, 14);
}

// --- Size classes ---

/**
 * Steps of 8 up to 128, eight steps to each doubling up to 4 KiB, then four: small collections are single blocks of
 * some hundred bytes, which coarser steps rounded up by 6 % on the average.
 */

function classOf(size: usize): u32 {
  if (size <= 128) return size <= 16 ? 2 : <u32>((size + 7) >> 3);
  const s = <u32>size - 1;
  const log = 31 - clz<u32>(s);
  if (log < 12) return 17 + ((log - 7) << 3) + ((s >> (log - 3)) & 7);
  return 57 + ((log - 12) << 2) + ((s >> (log - 2)) & 3);
}

function classSize(kind: u32): usize {
  if (kind <= 16) return <usize>(kind << 3);
  if (kind <= 56) {
    const j = kind - 17;
    const base = <u32>128 << (j >> 3);
    return <usize>(base + (base >> 3) * ((j & 7) + 1));
  }
  const j = kind - 57;
  const base = <u32>4096 << (j >> 2);
  return <usize>(base + (base >> 2) * ((j & 3) + 1));
}

/**
 * Pages of a span, which its blocks fill to the last byte:
 *
 *   5  eight of 40 KiB, four of 80, two of 160        3  four of 48 KiB, two of 96, one of 192
 *   7  eight of 56 KiB, four of 112, two of 224       1 or 2  one of 64 KiB, of 128
 */
function spanPages(kind: u32): u32 {
  if (kind <= PAGE_CLASS_MAX) return 1;
  const step = (kind - PAGE_CLASS_MAX) & 3;
  if (step == 0) return (kind - PAGE_CLASS_MAX) >> 2;
  return step == 1 ? 5 : step == 2 ? 3 : 7;
}

/** The page of a block's descriptor: its own, or the first of its span. */
function firstPage(block: usize): u32 {
  const page = <u32>(block >> PAGE_BITS);
  const d = descriptor(page);
  return kindOf(d) == KIND_SPAN ? page - runPages(d) : page;
}

/** Bytes that a block of `size` really takes. */
export function roundedSize(size: usize): usize {
  if (size <= SMALL_MAX) return classSize(classOf(size));
  return (size + PAGE_MASK) & ~PAGE_MASK;
}

// --- Lists through descriptors ---

function unlink(head: usize, d: usize): void {
  const next = <u32>load<u16>(d, 8);
  const prev = <u32>load<u16>(d, 10);
  if (prev != 0) store<u16>(descriptor(prev), <u16>next, 8);
  else store<u32>(head, next);
  if (next != 0) store<u16>(descriptor(next), <u16>prev, 10);
}

function link(head: usize, page: u32, d: usize): void {
  const next = load<u32>(head);
  store<u16>(d, <u16>next, 8);
  store<u16>(d, 0, 10);
  if (next != 0) store<u16>(descriptor(next), <u16>page, 10);
  store<u32>(head, page);
}

// --- Runs of pages ---

function binHead(pages: u32): usize {
  return RUN_BINS + (<usize>(31 - clz<u32>(pages)) << 2);
}

function addRun(page: u32, pages: u32): void {
  const d = descriptor(page);
  setKind(d, KIND_FREE);
  setRunPages(d, pages);
  const last = descriptor(page + pages - 1);
  setKind(last, KIND_FREE);
  setRunPages(last, pages);
  link(binHead(pages), page, d);
}

function removeRun(page: u32): u32 {
  const d = descriptor(page);
  const pages = runPages(d);
  unlink(binHead(pages), d);
  return pages;
}

/** Gives pages back and joins them with free neighbours. */
function freeRun(page: u32, pages: u32): void {
  const r = root();
  r.freePages += pages;
  const before = descriptor(page - 1);
  if (page > r.heapFirstPage && kindOf(before) == KIND_FREE) {
    const extra = runPages(before);
    page -= extra;
    pages += extra;
    removeRun(page);
  }
  const end = page + pages;
  if (end < r.totalPages && kindOf(descriptor(end)) == KIND_FREE) pages += removeRun(end);
  addRun(page, pages);
}

function growBy(pages: u32): bool {
  const r = root();
  if (pages == 0 || pages > r.maximumPages - r.totalPages) return false;
  const first = r.totalPages;
  // Memory may already be larger than what this core has come to use: it was recycled, or restored to an earlier state.
  const missing = <i32>(first + pages) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) return false;
  r.totalPages += pages;
  freeRun(first, pages);
  return true;
}

function grow(pages: u32): bool {
  const r = root();
  let step = r.totalPages >> 3;
  if (step > GROW_MOST) step = GROW_MOST;
  step = ((r.totalPages + step + GROW_UNIT) & ~(GROW_UNIT - 1)) - r.totalPages;
  const room = r.maximumPages - r.totalPages;
  if (step > room) step = room;
  if (step >= pages && growBy(step)) return true;
  return growBy(pages);
}

function findRun(pages: u32): u32 {
  for (let bin = 31 - clz<u32>(pages); bin < BIN_COUNT; bin++) {
    let page = load<u32>(RUN_BINS + (<usize>bin << 2));
    while (page != 0) {
      const d = descriptor(page);
      if (runPages(d) >= pages) return page;
      page = <u32>load<u16>(d, 8);
    }
  }
  return 0;
}

/** Notes that pages below `end` have been in use: above the highest such mark memory is still zero. */
function touchPages(end: u32): void {
  const r = root();
  if (end > r.touchedPages) r.touchedPages = end;
}

/** Takes `pages` pages in a row; returns the first page's number or 0. May grow memory. */
function takeRun(pages: u32): u32 {
  let page = findRun(pages);
  if (page == 0) {
    if (!grow(pages)) return 0;
    page = findRun(pages);
    if (page == 0) return 0;
  }
  const have = removeRun(page);
  if (have > pages) addRun(page + pages, have - pages);
  root().freePages -= pages;
  touchPages(page + pages);
  return page;
}

// --- Blocks ---

function newPage(head: usize, kind: u32): u32 {
  const pages = spanPages(kind);
  const page = takeRun(pages);
  if (page == 0) return 0;
  const d = descriptor(page);
  for (let i: u32 = 1; i < pages; i++) {
    const inner = descriptor(page + i);
    setKind(inner, KIND_SPAN);
    setRunPages(inner, i);
  }
  store<u64>(d, 0);
  setKind(d, kind);
  store<u8>(d, 1, 13);
  link(head, page, d);
  return page;
}

/** Tests only: makes one allocation fail, the one that comes after `failAfter` others. */
function injectedFailure(): bool {
  return --root().failAfter < 0;
}

/**
 * A block of at least `size` bytes, aligned to 8 (to 64 when its class is a multiple of 64), or 0 when memory is
 * exhausted. Its content is undefined. May grow memory.
 */
export function alloc(size: usize): usize {
  const r = root();
  if (r.failAfter >= 0 && injectedFailure()) return 0;
  if (size > SMALL_MAX) return allocLarge(size);
  const kind = classOf(size);
  const head = CLASS_HEADS + (<usize>kind << 2);
  let page = load<u32>(head);
  if (page == 0) {
    page = newPage(head, kind);
    // Where there is no room for a span there may still be some for one block.
    if (page == 0) return kind > PAGE_CLASS_MAX ? allocLarge(size) : 0;
  }
  const d = descriptor(page);
  const bytes = classSize(kind);
  let block = <usize>load<u32>(d);
  let bump = <u32>load<u16>(d, 6);
  if (block != 0) {
    store<u32>(d, load<u32>(block));
  } else {
    block = (<usize>page << PAGE_BITS) + <usize>bump * bytes;
    bump++;
    store<u16>(d, <u16>bump, 6);
  }
  store<u16>(d, load<u16>(d, 4) + 1, 4);
  if (load<u32>(d) == 0 && <usize>(bump + 1) * bytes > <usize>spanPages(kind) << PAGE_BITS) {
    unlink(head, d);
    store<u8>(d, 0, 13);
  }
  r.usedBytes += bytes;
  return block;
}

/**
 * A block of zeros, or 0 when memory is exhausted. Of a block in pages that were never in use nothing has to be
 * written: an array of many megabytes costs its pages one by one, when they are used. May grow memory.
 */
export function allocZeroed(size: usize): usize {
  const zeroFrom = <usize>root().touchedPages << PAGE_BITS;
  const block = alloc(size);
  if (block != 0 && block < zeroFrom) memory.fill(block, 0, min<usize>(size, zeroFrom - block));
  return block;
}

/** alloc() for a size that is a sum or a product of what clients send: 0, too, when it is beyond an address. */
export function allocWide(size: u64): usize {
  return size > BLOCK_MOST ? 0 : alloc(<usize>size);
}

function allocLarge(size: usize): usize {
  if (<u64>size > BLOCK_MOST) return 0;
  const pages = <u32>((size + PAGE_MASK) >> PAGE_BITS);
  const page = takeRun(pages);
  if (page == 0) return 0;
  const d = descriptor(page);
  setKind(descriptor(page + pages - 1), KIND_INNER);
  setKind(d, KIND_LARGE);
  setRunPages(d, pages);
  root().usedBytes += <usize>pages << PAGE_BITS;
  return <usize>page << PAGE_BITS;
}

/** Gives a block back. The address 0 is allowed and does nothing. */
export function free(block: usize): void {
  if (block == 0) return;
  const page = firstPage(block);
  const d = descriptor(page);
  const kind = kindOf(d);
  const r = root();
  if (kind == KIND_LARGE) {
    const pages = runPages(d);
    r.usedBytes -= <usize>pages << PAGE_BITS;
    freeRun(page, pages);
    return;
  }
  assert(kind > 0 && kind < CLASS_COUNT);
  store<u32>(block, load<u32>(d));
  store<u32>(d, <u32>block);
  const used = load<u16>(d, 4) - 1;
  store<u16>(d, used, 4);
  r.usedBytes -= classSize(kind);
  const head = CLASS_HEADS + (<usize>kind << 2);
  if (load<u8>(d, 13) == 0) {
    store<u8>(d, 1, 13);
    link(head, page, d);
  }
  if (used == 0 && (load<u32>(head) != page || load<u16>(d, 8) != 0)) {
    // The last page with room of its class is kept, so that one block coming and going does not take pages along.
    unlink(head, d);
    freeRun(page, spanPages(kind));
  }
}

/** Gives the pages that classes keep, though no block of theirs is in use, back to the free runs. */
export function releaseEmptyPages(): void {
  for (let kind: u32 = 2; kind < CLASS_COUNT; kind++) {
    const head = CLASS_HEADS + (<usize>kind << 2);
    for (let page = load<u32>(head); page != 0; ) {
      const d = descriptor(page);
      const next = <u32>load<u16>(d, 8);
      if (load<u16>(d, 4) == 0) {
        unlink(head, d);
        freeRun(page, spanPages(kind));
      }
      page = next;
    }
  }
}

/** Bytes that fit into the block (what its class or pages give). */
export function usableSize(block: usize): usize {
  const d = descriptor(firstPage(block));
  const kind = kindOf(d);
  if (kind == KIND_LARGE) return <usize>runPages(d) << PAGE_BITS;
  return classSize(kind);
}

/** Resizes a large block where it stands, giving or taking pages behind it; false when it has to move. */
function resizeLarge(page: u32, d: usize, pages: u32): bool {
  const have = runPages(d);
  const r = root();
  if (pages < have) {
    setRunPages(d, pages);
    if (pages > 1) setKind(descriptor(page + pages - 1), KIND_INNER);
    r.usedBytes -= <usize>(have - pages) << PAGE_BITS;
    freeRun(page + pages, have - pages);
    return true;
  }
  const next = page + have;
  const extra = pages - have;
  if (next == r.totalPages && !grow(extra)) return false;
  const n = descriptor(next);
  if (kindOf(n) != KIND_FREE || runPages(n) < extra) return false;
  const run = removeRun(next);
  if (run > extra) addRun(next + extra, run - extra);
  r.freePages -= extra;
  touchPages(next + extra);
  setRunPages(d, pages);
  setKind(n, KIND_INNER);
  setKind(descriptor(page + pages - 1), KIND_INNER);
  r.usedBytes += <usize>extra << PAGE_BITS;
  return true;
}

/**
 * Changes a block's size, keeping its first min(old, new) bytes. Returns the block, which may have moved, or 0 when
 * memory is exhausted (the old block is then untouched). May grow memory.
 */
export function realloc(block: usize, size: usize): usize {
  if (block == 0) return alloc(size);
  const page = firstPage(block);
  const d = descriptor(page);
  const kind = kindOf(d);
  const have = usableSize(block);
  if (kind == KIND_LARGE) {
    if (<u64>size > BLOCK_MOST) return 0;
    const pages = <u32>((size + PAGE_MASK) >> PAGE_BITS);
    if (size > SMALL_MAX && (pages == runPages(d) || resizeLarge(page, d, pages))) return block;
  } else if (size <= SMALL_MAX && classOf(size) == kind) {
    return block;
  }
  const moved = alloc(size);
  if (moved == 0) return 0;
  memory.copy(moved, block, have < size ? have : size);
  free(block);
  return moved;
}

// --- Set-up and accounting ---

/**
 * Prepares an empty heap in memory that is zero above the static data. `maximum` is a number of 64 KiB pages. The heap
 * begins without pages, however large memory is, so that equal cores stay equal whatever their memory was used for.
 */
export function initAllocator(maximum: u32): void {
  const r = root();
  memory.fill(CLASS_HEADS, 0, HEADS_END - CLASS_HEADS);
  const first = <u32>(descriptors() >> PAGE_BITS) + DESCRIPTOR_PAGES;
  r.heapFirstPage = first;
  r.totalPages = first;
  r.touchedPages = first;
  r.maximumPages = maximum;
  r.failAfter = -1;
  r.usedBytes = 0;
  r.freePages = 0;
  const missing = <i32>first - memory.size();
  if (missing > 0) memory.grow(missing);
  setKind(descriptor(first - 1), KIND_INNER);
}

/** Walks the heap: n > 0 pages in use begin at `page`, or n < 0 free ones; 0 at the end of the heap. */
export function heapRun(page: u32): i32 {
  if (page >= root().totalPages) return 0;
  const d = descriptor(page);
  const kind = kindOf(d);
  if (kind == KIND_FREE) return -<i32>runPages(d);
  return <i32>(kind == KIND_LARGE ? runPages(d) : spanPages(kind));
}

/** Where the static data ends. What is above it, up to the page descriptors, is never used. */
export function staticEnd(): usize {
  return __heap_base;
}

/** Bytes that could still be handed out: free pages and those that memory may yet grow by. */
export function availableBytes(): u64 {
  const r = root();
  return <u64>(r.freePages + (r.maximumPages - r.totalPages)) << PAGE_BITS;
}

/** True when `size` bytes can be had and the reserve stays whole. */
export function canAllocate(size: u64): bool {
  return size + RESERVE_BYTES <= availableBytes();
}

/** Blocks of less are given from the reserve, too: canAllocate() counts whole pages. */
const SPARED_LEAST: u64 = 65536;

/** As alloc(), and 0 also when a large block would be taken from the reserve: for sizes that a client's words make. */
export function allocSpared(size: u64): usize {
  return size < SPARED_LEAST || canAllocate(size) ? alloc(<usize>size) : 0;
}

/** End of the descriptors in use: a copy of [0, this) and of the heap is a copy of the core. */
export function descriptorsEnd(): usize {
  return descriptor(root().totalPages);
}

/** First address of the heap. */
export function heapStart(): usize {
  return <usize>root().heapFirstPage << PAGE_BITS;
}
