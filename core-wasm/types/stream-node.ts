/**
 * The entries of a stream: appending, walking, deleting and trimming them in the stream's nodes. docs/formats/stream.md
 * has the bytes, which are Valkey's; in outline:
 *
 *   node     count, deleted, num-fields, field-1 .. field-N, 0        the master entry
 *            flags, ms, seq, value-1 .. value-N, lp-count             an entry with the master's fields (flag 2)
 *            flags, ms, seq, num-fields, field-1, value-1 .., lp-count
 *
 * The key of a node in the ID tree is the ID that `ms` and `seq` are added to. A deleted entry keeps its bytes and has
 * flag 1; a node whose last entry is deleted goes.
 *
 * Places are walked with a Cursor at a fixed address; the one that is given to reply functions stays theirs until they
 * have returned. Costs: finding an ID is a look-up in the tree and half a node's walk.
 */
import { argLen, argPtr, root } from "../memory/root";
import { canAllocate, free } from "../memory/allocator";
import {
  idFirst, idHigh, idInsert, idLast, idLow, idNext, idPrevious, idRemove, idSeekUpTo, idSetValue, idValue,
} from "../structures/id-tree";
import {
  lpBehind, lpBytes, lpEnd, lpEquals, lpFirst, lpInt, lpIsInt, lpNew, lpPrev, lpReplaceInt, lpShrink,
} from "../structures/listpack";
import {
  LP_INT_BOUND, lpBound, lpFinish, lpIsEnd, lpReserve, lpSkip, lpWrite, lpWriteInt,
} from "../structures/listpack-batch";
import { nodesOf, Stream, STREAM_CURSORS, STREAM_PLACES, STREAM_SCRATCH_END } from "./stream-data";

export const FLAG_DELETED: i32 = 1;
export const FLAG_SAME_FIELDS: i32 = 2;

/** What streamAppend() returns. */
export const APPENDED: i32 = 0;
export const TOO_LARGE: i32 = 1;
export const NO_MEMORY: i32 = 2;

const NODE_SIZE_MOST: i64 = 1 << 30;
/** Blocks of the last node grow by half, up to so many bytes at once. */
const GROWTH_MOST: i32 = 4096;
/** Bytes that a new node with its first entry has besides texts, for up to 127 fields; more grow it once. */
const NODE_NUMBERS: i32 = 28;
const LARGE_NODE: i32 = 32768;

@unmanaged
export class Cursor {
  at: u64; // position of the node in the tree, 0: none
  lp: usize;
  masterMs: u64;
  masterSeq: u64;
  masterFields: usize; // the first of the master's fields
  masterCount: i32; // how many fields it has
  begin: usize; // the first entry of the node
  live: i32; // entries of the node that are not deleted
  passed: i32; // how many of them a walk from the node's start has left behind
  stream: usize; // whose node it is, when seekFrom() found it
  // The entry that the cursor is at.
  entry: usize; // its flags
  flags: i32;
  ms: u64;
  seq: u64;
  fields: i32; // how many it has
  body: usize; // its first value, or first field
}

/** The cursor that walks for replies. */
export function cursor(): Cursor {
  return changetype<Cursor>(STREAM_CURSORS);
}

/** The cursor that looks for single entries. */
export function finder(): Cursor {
  return changetype<Cursor>(STREAM_CURSORS + 128);
}

assert(offsetof<Cursor>() <= 128);

// --- IDs ---

/** Negative, 0 or positive as ID a is below, at or above ID b. */
export function compareIds(aMs: u64, aSeq: u64, bMs: u64, bSeq: u64): i32 {
  if (aMs != bMs) return aMs < bMs ? -1 : 1;
  return aSeq < bSeq ? -1 : aSeq > bSeq ? 1 : 0;
}

// --- Decoding ---

/** Number of the element that must be one: nodes are validated when they come from outside. */
function intAt(p: usize): i64 {
  return lpIsInt(p) ? lpInt(p) : 0;
}

/** Goes to a node; the place of its first entry. */
function enterNode(c: Cursor, at: u64): usize {
  const lp = idValue(at);
  c.at = at;
  c.lp = lp;
  c.masterMs = idHigh(at);
  c.masterSeq = idLow(at);
  let p = lpFirst(lp);
  c.live = <i32>intAt(p);
  c.passed = 0;
  p = lpBehind(lpBehind(p));
  c.masterCount = <i32>intAt(p);
  c.masterFields = lpBehind(p);
  c.begin = lpSkip(c.masterFields, c.masterCount + 1);
  return c.begin;
}

/** Reads the entry whose flags are at p, up to its body. */
function readEntry(c: Cursor, p: usize): void {
  c.entry = p;
  c.flags = <i32>intAt(p);
  p = lpBehind(p);
  c.ms = c.masterMs + <u64>intAt(p);
  p = lpBehind(p);
  c.seq = c.masterSeq + <u64>intAt(p);
  p = lpBehind(p);
  if (c.flags & FLAG_SAME_FIELDS) {
    c.fields = c.masterCount;
  } else {
    c.fields = <i32>intAt(p);
    p = lpBehind(p);
  }
  c.body = p;
}

/** The place behind the entry that the cursor is at. */
function behindEntry(c: Cursor): usize {
  return lpSkip(c.body, (c.flags & FLAG_SAME_FIELDS ? c.fields : c.fields << 1) + 1);
}

/** Flags of the entry before the place p, 0 when the master entry is there. */
function entryBefore(c: Cursor, p: usize): usize {
  p = lpPrev(c.lp, p);
  let n = intAt(p);
  if (n <= 0) return 0;
  for (; n > 0 && p != 0; n--) p = lpPrev(c.lp, p);
  return p;
}

// --- Remembered places ---
//
// Entries inside a node are found by walking it. Who reads a stream in pieces comes back to where the last piece ended:
// that entry's place is kept, for a few streams, so that the walk begins there. Nodes only grow at their end, so an
// entry keeps its distance from the node's first one. A deletion keeps the place of what it deletes; trimming forgets.

@unmanaged
class Place {
  stream: usize;
  offset: u32; // of the entry, from the node's first
  passed: i32;
  nodeMs: u64;
  nodeSeq: u64;
  ms: u64;
  seq: u64;
}

/** Two places a stream: where the last look-up led, and where the last reply ended. */
const FOUND: i32 = 0;
const ENDED: i32 = 1;
const PLACE_SIZE: usize = offsetof<Place>();
assert(STREAM_PLACES + 4 * PLACE_SIZE <= STREAM_SCRATCH_END);

function placeOf(stream: usize, kind: i32): Place {
  return changetype<Place>(STREAM_PLACES + PLACE_SIZE * <usize>((((<u32>stream >> 4) & 1) << 1) | kind));
}

function keepPlace(c: Cursor, kind: i32): void {
  const p = placeOf(c.stream, kind);
  p.stream = c.stream;
  p.offset = <u32>(c.entry - c.begin);
  p.passed = c.passed;
  p.nodeMs = c.masterMs;
  p.nodeSeq = c.masterSeq;
  p.ms = c.ms;
  p.seq = c.seq;
}

/** Keeps the place where a reply ended: of the entry that a cursor is at, which seekFrom() found or went on from. */
export function rememberPlace(c: Cursor): void {
  keepPlace(c, ENDED);
}

/** True when a place is in the node that the cursor has entered, and not behind an ID. */
function isBefore(p: Place, c: Cursor, ms: u64, seq: u64): bool {
  return p.stream == c.stream && p.nodeMs == c.masterMs && p.nodeSeq == c.masterSeq &&
    compareIds(p.ms, p.seq, ms, seq) <= 0;
}

/** Where to begin the walk to an ID in the node that the cursor has entered: at its begin, or at a remembered place. */
function rememberedPlace(c: Cursor, ms: u64, seq: u64): usize {
  const found = placeOf(c.stream, FOUND);
  const ended = placeOf(c.stream, ENDED);
  let p = found;
  if (!isBefore(found, c, ms, seq) || (isBefore(ended, c, ms, seq) && ended.offset > found.offset)) p = ended;
  if (!isBefore(p, c, ms, seq)) return c.begin;
  c.passed = p.passed;
  return c.begin + <usize>p.offset;
}

/** Forgets the places in a stream that loses entries or goes. */
export function forgetPlaces(s: Stream): void {
  for (let kind = FOUND; kind <= ENDED; kind++) {
    const p = placeOf(changetype<usize>(s), kind);
    if (p.stream == changetype<usize>(s)) p.stream = 0;
  }
}

/** Makes a cursor be where another one is. */
export function copyCursor(to: Cursor, from: Cursor): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), offsetof<Cursor>());
}

// --- Walking ---

/** Goes on from the place p to the next entry that is not deleted, over nodes; false at the end of the stream. */
function forward(c: Cursor, p: usize): bool {
  while (true) {
    while (!lpIsEnd(p)) {
      readEntry(c, p);
      if (!(c.flags & FLAG_DELETED)) return true;
      p = behindEntry(c);
    }
    const next = idNext(c.at);
    if (next == 0) {
      c.at = 0;
      return false;
    }
    p = enterNode(c, next);
  }
}

/** Goes back from the place p to the entry before it that is not deleted; false at the start of the stream. */
function backward(c: Cursor, p: usize): bool {
  while (true) {
    p = entryBefore(c, p);
    if (p == 0) {
      const previous = idPrevious(c.at);
      if (previous == 0) {
        c.at = 0;
        return false;
      }
      enterNode(c, previous);
      p = lpEnd(c.lp);
      continue;
    }
    readEntry(c, p);
    if (!(c.flags & FLAG_DELETED)) return true;
  }
}

/** Goes to the first entry from an ID on; false when there is none. */
export function seekFrom(c: Cursor, s: Stream, ms: u64, seq: u64): bool {
  const t = nodesOf(s);
  let at = idSeekUpTo(t, ms, seq);
  if (at == 0) at = idFirst(t);
  c.at = at;
  if (at == 0) return false;
  c.stream = changetype<usize>(s);
  enterNode(c, at);
  if (!forward(c, rememberedPlace(c, ms, seq))) return false;
  while (compareIds(c.ms, c.seq, ms, seq) < 0) if (!cursorNext(c)) return false;
  keepPlace(c, FOUND);
  return true;
}

/** Goes to the last entry up to an ID; false when there is none. */
export function seekUpTo(c: Cursor, s: Stream, ms: u64, seq: u64): bool {
  const at = idSeekUpTo(nodesOf(s), ms, seq);
  c.at = at;
  if (at == 0) return false;
  enterNode(c, at);
  if (!backward(c, lpEnd(c.lp))) return false;
  while (compareIds(c.ms, c.seq, ms, seq) > 0) if (!cursorPrevious(c)) return false;
  return true;
}

/** Goes to the next entry; false at the end. */
export function cursorNext(c: Cursor): bool {
  return cursorNextFrom(c, behindEntry(c));
}

/** cursorNext() for who knows the place behind the entry, having read it. */
export function cursorNextFrom(c: Cursor, p: usize): bool {
  c.passed++;
  return forward(c, p);
}

/** Goes to the entry before; false at the start. */
export function cursorPrevious(c: Cursor): bool {
  return backward(c, c.entry);
}

/** Goes to the entry with this ID; false when it is absent or deleted. */
function seekExact(c: Cursor, s: Stream, ms: u64, seq: u64): bool {
  return s.length != 0 && seekFrom(c, s, ms, seq) && c.ms == ms && c.seq == seq;
}

/** Goes to an entry whose place was noted; the stream has not changed since. */
export function goTo(c: Cursor, s: Stream, at: u64, entry: usize, passed: i32): void {
  enterNode(c, at);
  c.stream = changetype<usize>(s);
  c.passed = passed;
  readEntry(c, entry);
}

/** True when there is an entry with this ID. */
export function entryExists(s: Stream, ms: u64, seq: u64): bool {
  return seekExact(finder(), s, ms, seq);
}

/**
 * How many entries there are from the one that the cursor is at, found by seekFrom(), up to an ID; `most` at most, when
 * that isn't 0. Whole nodes are counted by their master entries. Moves the cursor.
 */
export function countFrom(c: Cursor, s: Stream, ms: u64, seq: u64, most: i64): i64 {
  let n: i64 = 0;
  while (true) {
    const next = idNext(c.at);
    const whole = next == 0
      ? compareIds(s.lastMs, s.lastSeq, ms, seq) <= 0
      : compareIds(idHigh(next), idLow(next), ms, seq) <= 0;
    if (!whole) break;
    n += <i64>(c.live - c.passed);
    if (most != 0 && n >= most) return most;
    if (next == 0 || !forward(c, enterNode(c, next))) return n;
  }
  const node = c.at;
  while (c.at == node && compareIds(c.ms, c.seq, ms, seq) <= 0) {
    n++;
    if (most != 0 && n >= most) return most;
    if (!cursorNext(c)) return n;
  }
  return n;
}

/** Reads the ID of the last entry into root.idMs and idSeq; false when the stream is empty. */
export function lastEntryId(s: Stream): bool {
  const c = finder();
  const at = idLast(nodesOf(s));
  if (at == 0) return false;
  enterNode(c, at);
  if (!backward(c, lpEnd(c.lp))) return false;
  const r = root();
  r.idMs = c.ms;
  r.idSeq = c.seq;
  return true;
}

/** Notes the ID of the first entry in the stream's head, after entries were removed. */
export function updateFirstId(s: Stream): void {
  const c = finder();
  const found = s.length != 0 && seekFrom(c, s, 0, 0);
  s.firstMs = found ? c.ms : 0;
  s.firstSeq = found ? c.seq : 0;
}

// --- Appending ---

/** Bytes of the texts in arguments first, first + step, ... of `n` in all. */
function textBytes(first: i32, n: i32): i64 {
  let bytes: i64 = 0;
  for (let i = first; i < first + n; i++) bytes += <i64>argLen(i);
  return bytes;
}

function textBound(first: i32, n: i32, step: i32): i64 {
  let bytes: i64 = 0;
  for (let i = first; i < first + n; i += step) bytes += <i64>lpBound(argLen(i));
  return bytes;
}

/** True when the last node takes no further entry of `text` bytes. */
function isFull(lp: usize, text: i64): bool {
  const r = root();
  let most = <i64>r.streamNodeMaxBytes;
  if (most <= 0 || most > NODE_SIZE_MOST) most = NODE_SIZE_MOST;
  if (<i64>lpBytes(lp) + text >= most) return true;
  if (r.streamNodeMaxEntries == 0) return false;
  const p = lpFirst(lp);
  return intAt(p) + intAt(lpBehind(p)) >= <i64>r.streamNodeMaxEntries;
}

/** True when the fields in the arguments are those of the node. */
function hasFields(lp: usize, first: i32, fields: i32): bool {
  let p = lpBehind(lpBehind(lpFirst(lp)));
  if (intAt(p) != <i64>fields) return false;
  for (let i = first; i < first + (fields << 1); i += 2) {
    p = lpBehind(p);
    if (!lpEquals(p, argPtr(i), argLen(i))) return false;
  }
  return true;
}

/** Writes an entry behind what the listpack has; its bytes are reserved. */
function writeEntry(lp: usize, ms: i64, seq: i64, first: i32, fields: i32, same: bool): void {
  let at = lpWriteInt(lpEnd(lp), same ? FLAG_SAME_FIELDS : 0);
  at = lpWriteInt(at, ms);
  at = lpWriteInt(at, seq);
  if (!same) at = lpWriteInt(at, fields);
  for (let i = first; i < first + (fields << 1); i += 2) {
    if (!same) at = lpWrite(at, argPtr(i), argLen(i));
    at = lpWrite(at, argPtr(i + 1), argLen(i + 1));
  }
  const count = same ? fields + 3 : (fields << 1) + 4;
  at = lpWriteInt(at, count);
  lpFinish(lp, at, count + 1);
}

/** A node with its master entry and room for one entry more, or for `usual` bytes; 0 without memory. */
function newNode(first: i32, fields: i32, usual: i32): usize {
  const texts = textBound(first, fields << 1, 1);
  if (texts > NODE_SIZE_MOST) return 0;
  let room = <i32>texts + NODE_NUMBERS;
  if (room < usual) room = usual;
  if (room > LARGE_NODE && !canAllocate(<u64>room)) return 0;
  const lp = lpNew(room);
  if (lp == 0) return 0;
  let at = lpWriteInt(lpEnd(lp), 1);
  at = lpWriteInt(at, 0);
  at = lpWriteInt(at, fields);
  for (let i = first; i < first + (fields << 1); i += 2) at = lpWrite(at, argPtr(i), argLen(i));
  at = lpWriteInt(at, 0);
  lpFinish(lp, at, fields + 4);
  return lp;
}

/** Appends as the first entry of a new node; false, nothing changed, without memory. */
function appendNode(s: Stream, tail: u64, ms: u64, seq: u64, first: i32, fields: i32): bool {
  // Nodes of a stream are alike: with the room of the one before it, a node need not grow. Short of memory it will.
  const usual = tail == 0 ? 0 : lpBytes(idValue(tail));
  let lp = newNode(first, fields, usual < LARGE_NODE ? usual : 0);
  if (lp == 0 && usual > 0) lp = newNode(first, fields, 0);
  if (lp == 0) return false;
  // The node that was the last one grows no more.
  if (tail != 0) idSetValue(tail, lpShrink(idValue(tail)));
  if (!idInsert(nodesOf(s), ms, seq, lp)) {
    free(lp);
    return false;
  }
  writeEntry(lp, 0, 0, first, fields, true);
  return true;
}

/** Appends to the last node; false, nothing changed, without memory. */
function appendToNode(tail: u64, ms: u64, seq: u64, first: i32, fields: i32): bool {
  let lp = idValue(tail);
  const bound = textBound(first, fields << 1, 1) + 6 * LP_INT_BOUND;
  if (bound > NODE_SIZE_MOST) return false;
  let extra = lpBytes(lp) >> 1;
  if (extra > GROWTH_MOST) extra = GROWTH_MOST;
  const moved = lpReserve(lp, <i32>bound, extra);
  if (moved == 0) return false;
  lp = moved;
  // The count may take a byte more, for which there is room.
  const count = lpFirst(lp);
  lp = lpReplaceInt(lp, count, intAt(count) + 1);
  idSetValue(tail, lp);
  writeEntry(lp, <i64>(ms - idHigh(tail)), <i64>(seq - idLow(tail)), first, fields, hasFields(lp, first, fields));
  return true;
}

/**
 * Appends an entry with an ID above the last one; fields and values are arguments from `first` on. APPENDED, TOO_LARGE
 * or NO_MEMORY; in the latter cases nothing changed.
 */
export function streamAppend(s: Stream, ms: u64, seq: u64, first: i32, fields: i32): i32 {
  const text = textBytes(first, fields << 1);
  if (text > NODE_SIZE_MOST) return TOO_LARGE;
  const tail = idLast(nodesOf(s));
  const appended = tail == 0 || isFull(idValue(tail), text)
    ? appendNode(s, tail, ms, seq, first, fields)
    : appendToNode(tail, ms, seq, first, fields);
  if (!appended) return NO_MEMORY;
  s.length++;
  s.added++;
  s.lastMs = ms;
  s.lastSeq = seq;
  if (s.length == 1) {
    s.firstMs = ms;
    s.firstSeq = seq;
  }
  return APPENDED;
}

// --- Deleting ---

/** Removes a whole node. */
function dropNode(s: Stream, at: u64): void {
  const lp = idRemove(nodesOf(s), idHigh(at), idLow(at));
  assert(lp != 0);
  free(lp);
}

/**
 * Counts `n` entries of a node as deleted. The listpack, which may have moved, or 0 (nothing changed) without memory;
 * places in it keep their distance from its end.
 */
function countDeleted(at: u64, n: i64): usize {
  let lp = idValue(at);
  const deleted = lpBehind(lpFirst(lp));
  lp = lpReplaceInt(lp, deleted, intAt(deleted) + n);
  if (lp == 0) return 0;
  const count = lpFirst(lp);
  lp = lpReplaceInt(lp, count, intAt(count) - n);
  idSetValue(at, lp);
  return lp;
}

function markDeleted(lp: usize, entry: usize, flags: i32): void {
  // One digit for another: nothing moves.
  lpReplaceInt(lp, entry, <i64>(flags | FLAG_DELETED));
}

/** Deletes the entry that a cursor is at, which is void then; false, nothing changed, without memory. */
function deleteAt(s: Stream, c: Cursor): bool {
  // What the other place has passed is one less, when it is behind: only the one at this entry stays right.
  const ended = placeOf(c.stream, ENDED);
  if (ended.stream == c.stream) ended.stream = 0;
  if (c.live == 1) {
    forgetPlaces(s);
    dropNode(s, c.at);
  } else {
    const fromEnd = lpEnd(c.lp) - c.entry;
    const lp = countDeleted(c.at, 1);
    if (lp == 0) return false;
    markDeleted(lp, lpEnd(lp) - fromEnd, c.flags);
  }
  s.length--;
  return true;
}

/** Deletes the entry with this ID. 1: done, 0: there is none, -1: memory is exhausted. */
export function streamDelete(s: Stream, ms: u64, seq: u64): i32 {
  const c = finder();
  if (!seekExact(c, s, ms, seq)) return 0;
  const first = ms == s.firstMs && seq == s.firstSeq;
  if (!deleteAt(s, c)) return -1;
  if (first || s.length == 0) updateFirstId(s);
  if (compareIds(ms, seq, s.deletedMs, s.deletedSeq) > 0) {
    s.deletedMs = ms;
    s.deletedSeq = seq;
  }
  return 1;
}

// --- Trimming ---

/** What to trim a stream to. */
@unmanaged
export class Trim {
  byId: bool;
  nodesOnly: bool; // only whole nodes are removed
  most: i64; // entries that may stay
  ms: u64; // or the first ID that may
  seq: u64;
  limit: i64; // entries that are removed at most, 0: no limit
}

/** True when the last entry of a node, deleted or not, is below an ID. */
function isNodeBelow(c: Cursor, ms: u64, seq: u64): bool {
  const p = entryBefore(c, lpEnd(c.lp));
  if (p == 0) return true;
  readEntry(c, p);
  return compareIds(c.ms, c.seq, ms, seq) < 0;
}

/** True when the entry that the cursor is at may stay, with `gone` others removed. */
function mayStay(s: Stream, c: Cursor, t: Trim, gone: i64): bool {
  if (t.byId) return compareIds(c.ms, c.seq, t.ms, t.seq) >= 0;
  return <i64>s.length - gone <= t.most;
}

/** Deletes entries from the start of the first node, which is not removed as a whole; how many. */
function trimNode(s: Stream, at: u64, t: Trim): i64 {
  const c = finder();
  let p = enterNode(c, at);
  const begin = lpEnd(c.lp) - p;
  let gone: i64 = 0;
  while (!lpIsEnd(p)) {
    readEntry(c, p);
    if (mayStay(s, c, t, gone)) break;
    if (!(c.flags & FLAG_DELETED)) gone++;
    p = behindEntry(c);
  }
  if (gone == 0) return 0;
  const lp = countDeleted(at, gone);
  if (lp == 0) return 0;
  c.lp = lp;
  c.masterFields = lpBehind(lpBehind(lpBehind(lpFirst(lp))));
  p = lpEnd(lp) - begin;
  for (let left = gone; left > 0;) {
    readEntry(c, p);
    if (!(c.flags & FLAG_DELETED)) {
      markDeleted(lp, p, c.flags);
      left--;
    }
    p = behindEntry(c);
  }
  s.length -= gone;
  return gone;
}

/** Removes entries from the start; returns how many. Needs memory only where it leaves part of a node. */
export function streamTrim(s: Stream, t: Trim): i64 {
  if (!t.byId && <i64>s.length <= t.most) return 0;
  const c = finder();
  forgetPlaces(s);
  let removed: i64 = 0;
  while (true) {
    if (!t.byId && <i64>s.length <= t.most) break;
    const at = idFirst(nodesOf(s));
    if (at == 0) break;
    enterNode(c, at);
    const live = <i64>c.live;
    if (t.limit != 0 && removed + live > t.limit) break;
    const whole = t.byId ? isNodeBelow(c, t.ms, t.seq) : <i64>s.length - live >= t.most;
    if (!whole) {
      if (!t.nodesOnly) removed += trimNode(s, at, t);
      break;
    }
    dropNode(s, at);
    s.length -= live;
    removed += live;
  }
  if (removed != 0) updateFirstId(s);
  return removed;
}
