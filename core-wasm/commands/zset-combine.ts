/**
 * Commands that combine several sorted sets (and sets, whose members count 1): union, intersection, difference.
 *
 * The result is always built as a fresh value before anything else changes: it may replace one of its sources. The
 * sources live as long as the command, in one block:
 *
 *   u32 address of a source x count, in the order that they are taken; room for as many more to sort them
 *   source   >0 u32 entry, 0: no such key · 8 f64 weight
 */
import { entryPointer, entryType, TYPE_SET, TYPE_ZSET } from "../keyspace/entry";
import { allocWide, free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyError, replyInteger, replyOutOfMemory, replySyntax, replyWrongType,
} from "../resp/reply";
import { commandNameLength, commandNamePtr } from "../generated/commands";
import { hashKey, tableFind, tableInsert, tableReserve } from "../structures/hashtable";
import { mergeSort } from "../structures/merge-sort";
import { elementScore, elementSetScore } from "../structures/score-tree";
import { treeInsert } from "../structures/score-tree-change";
import { TableWalk, walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { setHas, setSize } from "../types/set";
import { setMemberLength, setMemberPtr, setNext, setWalk, setWalkEnd } from "../types/set-walk";
import { valueFree } from "../types/value";
import {
  zsetFirst, zsetLength, zsetMember, zsetMemberLength, zsetNext, zsetPlaceScore, zsetScore, zsetTable, zsetTree,
} from "../types/zset";
import { newElement, treeAdd, zsetPack } from "../types/zset-change";
import { argDouble, argI64, argIs } from "./arguments";
import { readKey } from "./look-up";
import { newZset } from "./zset";
import { replyMembers, storeZset } from "./zset-range";

const UNION: i32 = 0;
const INTERSECTION: i32 = 1;
const DIFFERENCE: i32 = 2;

const SUM: i32 = 0;
const MINIMUM: i32 = 1;
const MAXIMUM: i32 = 2;

/** What the running command is doing. */
@unmanaged
class Combination {
  bytes: i64; // in the members of the result
  limit: i64; // ZINTERCARD: no more are counted, 0: all are
  counted: i64; // members found by it
  sources: usize;
  count: i32; // of sources
  operation: i32;
  aggregate: i32;
  withScores: i32;
  cardinality: i32; // 1: nothing but the size of the intersection is asked for
  store: i32; // 1: argument 1 is where the result goes
  fresh: usize; // entry of the result
  longest: i32; // member of the result
}

const STATE: usize = memory.data(80, 8);
const WALK: usize = memory.data(64, 8);
const SOURCE_SIZE: usize = 16;
const WEIGHT: usize = 8;
assert(offsetof<Combination>() <= 80 && offsetof<TableWalk>() <= 64);

function state(): Combination {
  return changetype<Combination>(STATE);
}

// --- Sources ---

/** Makes an array of sources for all keys of the command; false when memory is exhausted. */
function newSources(): bool {
  const s = state();
  const count = <usize>s.count;
  s.sources = allocWide(<u64>(SOURCE_SIZE + 8) * <u64>count);
  if (s.sources == 0) return false;
  const records = s.sources + (count << 3);
  for (let i: usize = 0; i < count; i++) store<u32>(s.sources + (i << 2), <u32>(records + SOURCE_SIZE * i));
  return true;
}

function sourceAt(i: i32): usize {
  return <usize>load<u32>(state().sources + (<usize>i << 2));
}

function sourceEntry(i: i32): usize {
  return <usize>load<u32>(sourceAt(i));
}

function sourceWeight(i: i32): f64 {
  return load<f64>(sourceAt(i), WEIGHT);
}

function sizeOfSource(source: usize): u32 {
  const e = <usize>load<u32>(source);
  if (e == 0) return 0;
  return entryType(e) == TYPE_SET ? <u32>setSize(e) : zsetLength(e);
}

/** Leaves the score of a member of source i in root.real; false when it is none. */
function sourceScore(i: i32, member: usize, len: i32): bool {
  const e = sourceEntry(i);
  if (e == 0) return false;
  if (entryType(e) == TYPE_ZSET) return zsetScore(e, member, len);
  root().real = 1;
  return setHas(e, member, len);
}

/** Gives every member of source i with its score to `take`, until that returns false; returns what it returned last. */
function eachMember(i: i32, take: (i: i32, member: usize, len: i32, score: f64) => bool): bool {
  const e = sourceEntry(i);
  if (e == 0) return true;
  if (entryType(e) == TYPE_ZSET) {
    for (let place = zsetFirst(e); place != 0; place = zsetNext(e, place)) {
      if (!take(i, zsetMember(e, place, 1), zsetMemberLength(e, place), zsetPlaceScore(e, place))) return false;
    }
    return true;
  }
  const w = setWalk(e);
  let ok = true;
  while (ok && setNext(w)) {
    const member = setMemberPtr(w);
    ok = take(i, member, setMemberLength(w), 1);
  }
  setWalkEnd(w);
  return ok;
}

/** Puts the sources in the order of their sizes, smallest first; equal ones stay in order. */
function sortSources(): void {
  const s = state();
  const spare = s.sources + (<usize>s.count << 2);
  mergeSort(s.sources, spare, s.count, (b: u32, a: u32): bool => sizeOfSource(b) < sizeOfSource(a));
}

// --- Combining ---

/** Two scores of one member made one. */
function aggregated(a: f64, b: f64): f64 {
  const how = state().aggregate;
  if (how == MINIMUM) return b < a ? b : a;
  if (how == MAXIMUM) return b > a ? b : a;
  const sum = a + b;
  // Infinities that cancel each other out count as nothing.
  return isNaN(sum) ? 0 : sum;
}

function weighted(i: i32, score: f64): f64 {
  const product = sourceWeight(i) * score;
  return isNaN(product) ? 0 : product;
}

/** Adds a member to the result; false when memory is exhausted. */
function addResult(member: usize, len: i32, score: f64): bool {
  const s = state();
  s.bytes += <i64>len;
  s.longest = max<i32>(s.longest, len);
  return treeAdd(entryPointer(s.fresh), hashKey(member, len), member, len, score, false);
}

/** Adds a member of the smallest source when all others have it. */
function takeCommon(i: i32, member: usize, len: i32, score: f64): bool {
  const s = state();
  let total = weighted(i, score);
  for (let j = 1; j < s.count; j++) {
    if (!sourceScore(j, member, len)) return true;
    total = aggregated(total, root().real * sourceWeight(j));
  }
  if (!s.cardinality) return addResult(member, len, total);
  s.counted++;
  return s.counted != s.limit;
}

/** Adds a member of the first source when no other has it. */
function takeOwn(i: i32, member: usize, len: i32, score: f64): bool {
  for (let j = 1; j < state().count; j++) if (sourceScore(j, member, len)) return true;
  return addResult(member, len, score);
}

/** Adds a member to the result's table alone, or its score to what it has there. */
function takeAny(i: i32, member: usize, len: i32, score: f64): bool {
  const s = state();
  const table = zsetTable(entryPointer(s.fresh));
  const hash = hashKey(member, len);
  const value = weighted(i, score);
  const known = tableFind(table, hash, member, len);
  if (known != 0) {
    elementSetScore(known, aggregated(elementScore(known), value));
    return true;
  }
  const element = newElement(member, len, value);
  if (element == 0) return false;
  if (!tableInsert(table, hash, element)) {
    free(element);
    return false;
  }
  s.bytes += <i64>len;
  s.longest = max<i32>(s.longest, len);
  return true;
}

function combineUnion(): bool {
  const s = state();
  const z = entryPointer(s.fresh);
  tableReserve(zsetTable(z), <u64>sizeOfSource(sourceAt(s.count - 1)));
  for (let i = 0; i < s.count; i++) if (!eachMember(i, takeAny)) return false;
  const walk = changetype<TableWalk>(WALK);
  walkStart(walk, zsetTable(z));
  let ok = true;
  for (let element = walkNext(walk); ok && element != 0; element = walkNext(walk)) {
    ok = treeInsert(zsetTree(z), element);
  }
  walkEnd(walk);
  return ok;
}

/** Fills the result; false when memory is exhausted. */
function combine(): bool {
  const s = state();
  if (s.operation == UNION) return combineUnion();
  if (s.operation == DIFFERENCE) return eachMember(0, takeOwn);
  if (sizeOfSource(sourceAt(0)) == 0) return true;
  return eachMember(0, takeCommon) || s.cardinality != 0;
}

// --- Arguments ---

/** Looks the sources up, whose keys begin with argument `first`; replies and returns false when one is of no use. */
function readSources(c: Client, first: i32): bool {
  const s = state();
  for (let i = 0; i < s.count; i++) {
    const e = readKey(c, first + i);
    if (e != 0 && entryType(e) != TYPE_ZSET && entryType(e) != TYPE_SET) {
      replyWrongType(c);
      return false;
    }
    store<u32>(sourceAt(i), <u32>e);
    store<f64>(sourceAt(i), 1, WEIGHT);
  }
  return true;
}

/** Reads the weights from argument `first` on. */
function readWeights(c: Client, first: i32): bool {
  const s = state();
  for (let i = 0; i < s.count; i++) {
    if (!argDouble(c, first + i, "ERR weight value is not a float")) return false;
    store<f64>(sourceAt(i), root().real, WEIGHT);
  }
  return true;
}

/** Reads what AGGREGATE is followed by; -1 when it is none of the three. */
function aggregateOf(i: i32): i32 {
  if (argIs(i, "SUM")) return SUM;
  if (argIs(i, "MIN")) return MINIMUM;
  return argIs(i, "MAX") ? MAXIMUM : -1;
}

/** Reads the options from argument i on; replies and returns false on an error. */
function readOptions(c: Client, i: i32): bool {
  const s = state();
  const end = argc();
  const aggregates = s.operation != DIFFERENCE && !s.cardinality;
  while (i < end) {
    const rest = end - i;
    if (aggregates && rest > s.count && argIs(i, "WEIGHTS")) {
      if (!readWeights(c, i + 1)) return false;
      i += s.count + 1;
    } else if (aggregates && rest >= 2 && argIs(i, "AGGREGATE") && aggregateOf(i + 1) >= 0) {
      s.aggregate = aggregateOf(i + 1);
      i += 2;
    } else if (!s.store && !s.cardinality && argIs(i, "WITHSCORES")) {
      s.withScores = 1;
      i++;
    } else if (s.cardinality && rest >= 2 && argIs(i, "LIMIT")) {
      if (!argI64(c, i + 1, "ERR LIMIT can't be negative")) return false;
      if (root().number < 0) {
        replyError(c, "ERR LIMIT can't be negative");
        return false;
      }
      s.limit = root().number;
      i += 2;
    } else {
      replySyntax(c);
      return false;
    }
  }
  return true;
}

/** Reads the number of keys in argument `at` into the state; replies and returns false on an error. */
function readCount(c: Client, at: i32): bool {
  if (!argI64(c, at)) return false;
  const count = root().number;
  if (count < 1) {
    const id = root().currentCommand;
    errorStart("ERR at least 1 input key is needed for '");
    errorBytes(commandNamePtr(id), commandNameLength(id), 64);
    errorText("' command");
    errorSend(c);
    return false;
  }
  if (count > <i64>(argc() - at - 1)) {
    replySyntax(c);
    return false;
  }
  state().count = <i32>count;
  return true;
}

// --- Commands ---

/** Makes the result and replies or stores it. */
function finish(c: Client): void {
  const s = state();
  if (s.operation != DIFFERENCE) sortSources();
  if (s.cardinality) {
    combine();
    replyInteger(c, s.counted);
    return;
  }
  s.fresh = newZset(argPtr(1), argLen(1), false);
  if (s.fresh == 0) {
    replyOutOfMemory(c);
    return;
  }
  if (!combine()) {
    valueFree(s.fresh);
    replyOutOfMemory(c);
    return;
  }
  if (s.store) {
    const fresh = s.fresh;
    zsetPack(fresh, s.longest, s.bytes);
    if (s.operation == UNION) storeZset(c, 1, fresh, "zunionstore");
    else if (s.operation == INTERSECTION) storeZset(c, 1, fresh, "zinterstore");
    else storeZset(c, 1, fresh, "zdiffstore");
    return;
  }
  replyMembers(c, s.fresh, 0, zsetLength(s.fresh), false, s.withScores != 0);
  valueFree(s.fresh);
}

/** The commands of this file: `at` is the argument that tells the number of keys. */
function combineGeneric(c: Client, at: i32, operation: i32, cardinality: bool): void {
  const s = state();
  memory.fill(STATE, 0, offsetof<Combination>());
  s.operation = operation;
  s.cardinality = cardinality ? 1 : 0;
  s.store = at == 2 ? 1 : 0;
  if (!readCount(c, at)) return;
  if (!newSources()) {
    replyOutOfMemory(c);
    return;
  }
  if (readSources(c, at + 1) && readOptions(c, at + 1 + s.count)) finish(c);
  free(s.sources);
}

/** ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] */
export function zunionCommand(c: Client): void {
  combineGeneric(c, 1, UNION, false);
}

/** ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES] */
export function zinterCommand(c: Client): void {
  combineGeneric(c, 1, INTERSECTION, false);
}

/** ZDIFF numkeys key [key ...] [WITHSCORES] */
export function zdiffCommand(c: Client): void {
  combineGeneric(c, 1, DIFFERENCE, false);
}

/** ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] */
export function zunionstoreCommand(c: Client): void {
  combineGeneric(c, 2, UNION, false);
}

/** ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] */
export function zinterstoreCommand(c: Client): void {
  combineGeneric(c, 2, INTERSECTION, false);
}

/** ZDIFFSTORE destination numkeys key [key ...] */
export function zdiffstoreCommand(c: Client): void {
  combineGeneric(c, 2, DIFFERENCE, false);
}

/** ZINTERCARD numkeys key [key ...] [LIMIT limit] */
export function zintercardCommand(c: Client): void {
  combineGeneric(c, 1, INTERSECTION, true);
}
