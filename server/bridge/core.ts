// core.ts - one core: its memory, its exports, and the only place of the host that reads and writes its addresses.
//
// A core is its linear memory: image.ts copies the parts in use and puts them back. Every call that may
// grow memory is followed by `refresh()`, which makes the views anew when the buffer changed; holders of views of
// their own ask for them again after such a call.
//
// Not for knowing commands or configuration.

import {
  CLIENT, DATABASE, ROOT, ROOT_ADDRESS, SETTING, STATUS_BLOCKED, STATUS_CLOSE_AFTER, STATUS_CLOSE_NOW, STATUS_DENIED,
  STATUS_LARGE, STATUS_MORE, STATUS_NEEDS_HOST, STATUS_OUTPUT, STATUS_RAN, TABLE, VOLATILE_KEYS,
} from "../generated/layout.ts";

/** What dist/core.wasm exports (core-wasm/exports.ts documents each). */
export interface CoreExports {
  coreInit(s0: number, s1: number, s2: number, s3: number, databases: number, maximumPages: number): number;
  snapshotLowEnd(): number;
  snapshotHeapStart(): number;
  snapshotStaticEnd(): number;
  snapshotRun(page: number): number;
  dropClients(): number;
  clientOpen(internal: number): number;
  clientClose(c: number): void;
  clientMemory(c: number): number;
  clientOutput(c: number): number;
  clientFirstOutput(c: number): number;
  clientLarge(c: number): number;
  clientMissing(c: number): number;
  clientReset(c: number): void;
  inputRoom(c: number, want: number, part: number, parts: number): number;
  process(c: number, n: number): number;
  outputPtr(c: number): number;
  outputLength(c: number): number;
  outputConsume(c: number, n: number): number;
  outputFirst(c: number): number;
  outputParts(c: number): number;
  pendingWriteNext(): number;
  resumeNext(): number;
  closingNext(): number;
  replyRoom(c: number, n: number): number;
  replyCommit(c: number, n: number): void;
  hostWaits(): number;
  hostGoesOn(id: number): void;
  hostDone(c: number, failed: number): void;
  hostError(ptr: number, len: number): void;
  scriptStart(c: number, flags: number): number;
  scriptRoom(count: number, bytes: number): number;
  scriptRun(count: number): number;
  scriptDone(failed: number): number;
  scriptMay(count: number): number;
  scriptBusy(): void;
  scriptError(at: number, length: number): void;
  scriptEnd(): void;
  scriptNote(key: number, length: number, flags: number): void;
  scriptSha(at: number, length: number): number;
  functionsStart(): void;
  functionsAdd(at: number, length: number): void;
  functionsEnd(): number;
  functionsOpen(at: number, length: number): number;
  functionsRead(): number;
  functionsClose(): void;
  callRoom(count: number, bytes: number): number;
  callRun(c: number, count: number): number;
  callEnd(): void;
  settle(microseconds: number, histograms: number): number;
  cronExpire(): number;
  cronExpireCut(): void;
  expireAll(): void;
  cronRehash(buckets: number): number;
  cronEvict(): number;
  cronHasWork(): number;
  lazyFree(budget: number): number;
  clientUnblock(c: number, withError: number): number;
  blockedTimeouts(): number;
  blockedKeys(whenGone: number): number;
  watchedKeyCount(): number;
  pubsubNames(kind: number): number;
  trackingStart(c: number, options: number, redirect: number): number;
  trackingAddPrefix(c: number, at: number, length: number): number;
  trackingPrefixPtr(c: number, i: number): number;
  trackingStop(c: number): void;
  trackingFigure(which: number): number;
  monitorStart(c: number): number;
  clientSetPeer(c: number, at: number, length: number): void;
  databaseAddress(index: number): number;
  holdClients(on: number): void;
  migrateFind(c: number, db: number, key: number, length: number): number;
  migratePayload(db: number, key: number, length: number): number;
  migrateDelete(c: number, db: number, key: number, length: number): void;
  pauseClients(mode: number, untilMs: number): void;
  servedDrop(): void;
  cronClients(count: number, idleSeconds: number): void;
  setSetting(id: number, value: number): number;
  setCommandName(id: number, ptr: number, len: number): number;
  resetStats(): void;
  memoryAvailable(): number;
  memoryPurge(): void;
  tableBucketCount(db: number, which: number): number;
  tableBucketLength(db: number, which: number, index: number): number;
  entryFacts(db: number, key: number, length: number): number;
  datasetDigest(): number;
  keyDigest(db: number, key: number, length: number): number;
  populate(db: number, from: number, to: number, prefix: number, prefixLength: number, size: number): number;
  tableRehashIndex(db: number, which: number): number;
  userSet(id: number, block: number): void;
  userDrop(id: number): void;
  clientUser(c: number, id: number): void;
  clientKeeps(c: number): number;
  usersForget(): void;
  userCheck(block: number, id: number, db: number, skip: number): number;
  noteNext(): number;
  hostAlloc(size: number): number;
  hostFree(ptr: number): void;
}

/** Bits of what process() returns. */
export const STATUS = {
  output: STATUS_OUTPUT, needsHost: STATUS_NEEDS_HOST, closeAfter: STATUS_CLOSE_AFTER, closeNow: STATUS_CLOSE_NOW,
  more: STATUS_MORE, large: STATUS_LARGE, ran: STATUS_RAN, blocked: STATUS_BLOCKED, denied: STATUS_DENIED,
} as const;

/** 64 KiB pages that a fresh core begins with, and that it can have at most (4 GiB). */
const INITIAL_PAGES = 32;
export const MAXIMUM_PAGES = 65536;
/** Bytes that the arguments of one call can have: lengths in the core are signed (INPUT_MOST in resp/parser.ts). */
const ARGUMENTS_MOST = 0x7fff0000;

const NOW = (ROOT_ADDRESS + ROOT.nowUs) >> 3;
const ROOM = (ROOT_ADDRESS + ROOT.roomLength) >> 2;
const PENDING = (ROOT_ADDRESS + ROOT.pendingHead) >> 2;
const RESUME = (ROOT_ADDRESS + ROOT.resumeHead) >> 2;
const OUTPUT = (ROOT_ADDRESS + ROOT.outputPtr) >> 2;
const CLOSING = (ROOT_ADDRESS + ROOT.closingHead) >> 2;
const LAZY = (ROOT_ADDRESS + ROOT.lazyHead) >> 2;
const SHARED_ARGV = (ROOT_ADDRESS + ROOT.sharedArgv) >> 2;
const decoder = new TextDecoder("latin1");

/** Fields of a client in the core. */
type ClientField = keyof typeof CLIENT;

export interface CoreOptions {
  databases?: number;
  /** Four 32-bit words: keys of the hash, start of the core's own randomness. */
  seed: Uint32Array;
  maximumPages?: number;
}

export class Core {
  readonly memory: WebAssembly.Memory;
  readonly exports: CoreExports;
  /** Counts how often the whole memory was replaced: addresses from an earlier life mean nothing. */
  life = 0;
  bytes!: Uint8Array;
  words!: Uint32Array;
  floats!: Float64Array;
  #view!: DataView;

  constructor(module: WebAssembly.Module, options: CoreOptions) {
    const maximum = options.maximumPages ?? MAXIMUM_PAGES;
    this.memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.exports = instance.exports as unknown as CoreExports;
    this.begin(options);
  }

  /** Starts an empty core. Memory above the static data has to be zero: it is in a new core, or wiped (image.ts). */
  begin(options: CoreOptions): void {
    const [s0, s1, s2, s3] = options.seed;
    const maximum = options.maximumPages ?? MAXIMUM_PAGES;
    if (this.exports.coreInit(s0, s1, s2, s3, options.databases ?? 16, maximum) !== 1) {
      throw new Error("core: initialise: not enough memory");
    }
    this.refresh();
  }

  /** Makes the views anew when memory has grown. */
  refresh(): void {
    const buffer = this.memory.buffer;
    if (this.bytes?.buffer === buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.#view = new DataView(buffer);
  }

  // --- Time ---

  /** Tells the core what time it is, in microseconds since 1970. */
  setNow(us: number): void {
    if (this.floats.length === 0) this.refresh();
    this.floats[NOW] = us;
  }

  /** What the core was last told. */
  get now(): number {
    if (this.floats.length === 0) this.refresh();
    return this.floats[NOW];
  }

  // --- In-process use ---

  /** Bytes in live blocks. */
  get usedBytes(): number {
    return this.root32(ROOT.usedBytes);
  }

  /** A client without a socket, whose replies have this RESP version. */
  openInternalClient(resp: 2 | 3): number {
    const client = this.exports.clientOpen(1) >>> 0;
    if (client === 0) throw new Error("core: open a client: out of memory");
    this.setU32(client + CLIENT.resp, resp);
    return client;
  }

  /** A fresh internal client in place of one whose command will not be waited for; it keeps the selected database. */
  replaceInternalClient(old: number): number {
    const client = this.openInternalClient(this.u32(old + CLIENT.resp) === 2 ? 2 : 3);
    this.setU32(client + CLIENT.db, this.u32(old + CLIENT.db));
    this.exports.clientClose(old);
    return client;
  }

  /** Sets how far memory may grow; never below what is in use. */
  allowPages(pages: number): void {
    this.setU32(ROOT_ADDRESS + ROOT.maximumPages, Math.max(pages, this.root32(ROOT.totalPages)));
  }

  /** The time that the core was told last, in whole milliseconds since 1970. */
  get nowMs(): number {
    return Math.floor(this.now / 1000);
  }

  // --- Fields ---

  u8(address: number): number {
    return this.#fresh().getUint8(address);
  }
  i16(address: number): number {
    return this.#fresh().getInt16(address, true);
  }
  u32(address: number): number {
    return this.#fresh().getUint32(address, true);
  }
  i32(address: number): number {
    return this.#fresh().getInt32(address, true);
  }
  f64(address: number): number {
    return this.#fresh().getFloat64(address, true);
  }
  /** A 64-bit count as a number: exact up to 2^53. */
  u64(address: number): number {
    return this.u32(address + 4) * 2 ** 32 + this.u32(address);
  }
  i64(address: number): number {
    return this.i32(address + 4) * 2 ** 32 + this.u32(address);
  }
  setU32(address: number, value: number): void {
    this.#fresh().setUint32(address, value, true);
  }
  setU64(address: number, value: number): void {
    this.#fresh().setBigUint64(address, BigInt(value), true);
  }

  /** Address of a field of the root. */
  rootAddress(field: number): number {
    return ROOT_ADDRESS + field;
  }

  /** A field of the root. */
  root32(field: number): number {
    return this.u32(ROOT_ADDRESS + field);
  }
  root64(field: number): number {
    return this.u64(ROOT_ADDRESS + field);
  }

  /** A 32-bit field of a client. */
  client32(client: number, field: ClientField): number {
    return this.u32(client + CLIENT[field]);
  }
  setClient32(client: number, field: ClientField, value: number): void {
    this.setU32(client + CLIENT[field], value);
  }
  /** A 64-bit field of a client: exact up to 2^53. */
  client64(client: number, field: ClientField): number {
    return this.i64(client + CLIENT[field]);
  }

  #fresh(): DataView {
    if (this.#view.buffer.byteLength === 0) this.refresh();
    return this.#view;
  }

  // --- Bytes ---

  /** A copy of bytes in linear memory. */
  copy(address: number, length: number): Uint8Array {
    this.refresh();
    return this.bytes.slice(address, address + length);
  }

  /** Bytes in linear memory as text, a character a byte. */
  latin1(address: number, length: number): string {
    this.refresh();
    return decoder.decode(this.bytes.subarray(address, address + length));
  }

  /** Bytes that fit at what inputRoom() just returned. */
  get roomLength(): number {
    if (this.words.length === 0) this.refresh();
    return this.words[ROOM];
  }

  /** True when clients other than the one just processed have output, may run on, or are to be closed. */
  get hasOthersToServe(): boolean {
    if (this.words.length === 0) this.refresh();
    return (this.words[PENDING] | this.words[RESUME] | this.words[CLOSING] | this.words[LAZY]) !== 0;
  }

  /** Values that were dropped wait to be freed. */
  get hasValuesToFree(): boolean {
    return this.words[LAZY] !== 0;
  }

  /** What pendingWriteNext(), outputFirst() or outputParts() told of last: where the first output is, or the list. */
  get outputAt(): number {
    if (this.words.length === 0) this.refresh();
    return this.words[OUTPUT];
  }
  /** Its bytes. */
  get outputLength(): number {
    return this.words[OUTPUT + 1];
  }

  /** Copies of the arguments of the command that the core last looked at. */
  args(): Uint8Array[] {
    const count = this.root32(ROOT.argc);
    const vector = this.root32(ROOT.argv);
    const args: Uint8Array[] = [];
    for (let i = 0; i < count; i++) args.push(this.copy(this.u32(vector + i * 8), this.u32(vector + i * 8 + 4)));
    return args;
  }

  /**
   * The same for who only looks at the beginnings: arguments above 1 KiB are views of linear memory, void after the
   * next call into the core, since a copy of a megabyte costs more than the command that brought it.
   */
  argsInPlace(): Uint8Array[] {
    return this.argsAt(this.root32(ROOT.argv), this.root32(ROOT.argc));
  }

  /** The same for `count` arguments of which a vector at that address tells. */
  argsAt(vector: number, count: number): Uint8Array[] {
    this.refresh();
    const args: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const at = this.u32(vector + i * 8);
      const length = this.u32(vector + i * 8 + 4);
      args.push(length > 1024 ? this.bytes.subarray(at, at + length) : this.copy(at, length));
    }
    return args;
  }

  /** Bytes in those arguments. */
  get argumentBytes(): number {
    const vector = this.root32(ROOT.argv);
    let total = 0;
    for (let i = this.root32(ROOT.argc) - 1; i >= 0; i--) total += this.u32(vector + i * 8 + 4);
    return total;
  }

  /** Puts arguments where callRun() takes them from. */
  setArgs(args: readonly Uint8Array[]): void {
    let total = 0;
    for (const arg of args) total += arg.length;
    let at = total > ARGUMENTS_MOST ? 0 : this.exports.callRoom(args.length, total) >>> 0;
    if (at === 0) throw new Error("core: take arguments: out of memory");
    this.refresh();
    let slot = this.words[SHARED_ARGV] >>> 2;
    for (const arg of args) {
      this.bytes.set(arg, at);
      this.words[slot++] = at;
      this.words[slot++] = arg.length;
      at += arg.length;
    }
  }

  /** All of a client's output, consumed. */
  takeOutput(c: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (let n = this.exports.outputLength(c); n > 0; n = this.exports.outputConsume(c, n)) {
      parts.push(this.copy(this.exports.outputPtr(c) >>> 0, n));
      total += n;
    }
    if (parts.length === 1) return parts[0];
    const whole = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Writes the reply of a command that the host ran. False when memory is exhausted: the client closes. */
  reply(c: number, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    const room = this.exports.replyRoom(c, bytes.length) >>> 0;
    if (room === 0) return false;
    this.refresh();
    this.bytes.set(bytes, room);
    this.exports.replyCommit(c, bytes.length);
    return true;
  }

  /** A copy of bytes in linear memory, to be freed by hostFree() or given to who does it; 0 without memory. */
  keepBytes(bytes: Uint8Array): number {
    const address = this.exports.hostAlloc(Math.max(bytes.length, 1)) >>> 0;
    if (address === 0) return 0;
    this.refresh();
    this.bytes.set(bytes, address);
    return address;
  }

  /** Runs `use` with a copy of bytes in linear memory, for exports that take an address. */
  withBytes<T>(bytes: Uint8Array, use: (address: number, length: number) => T): T {
    const address = this.keepBytes(bytes);
    if (address === 0) throw new Error("core: pass bytes: out of memory");
    try {
      return use(address, bytes.length);
    } finally {
      this.exports.hostFree(address);
    }
  }

  // --- Settings ---

  /** Sets a setting by its name; a name that the core does not know is passed over. */
  setSetting(name: string, value: number): void {
    const id = (SETTING as Record<string, number>)[name];
    if (id !== undefined) this.exports.setSetting(id, value);
  }

  /** Gives a command another name, "" for none. */
  renameCommand(id: number, name: string): void {
    this.withBytes(Uint8Array.from(name, (c) => c.charCodeAt(0)), (at, n) => this.exports.setCommandName(id, at, n));
  }

  // --- Databases ---

  get databaseCount(): number {
    return this.root32(ROOT.databaseCount);
  }

  /** Address of a database's struct. */
  #database(index: number): number {
    return this.exports.databaseAddress(index) >>> 0;
  }

  /** Number of keys, of keys with an expiry, their mean time to live in milliseconds, of hashes whose fields expire. */
  databaseFacts(index: number): { keys: number; expires: number; averageTtl: number; volatile: number } {
    const db = this.#database(index);
    const size = (table: number) => this.u32(table + TABLE.used0) + this.u32(table + TABLE.used1);
    return {
      keys: size(this.u32(db + DATABASE.keys)),
      expires: size(this.u32(db + DATABASE.expires)),
      averageTtl: this.i64(db + DATABASE.averageTtl),
      volatile: this.u32(this.u32(db + DATABASE.volatile) + VOLATILE_KEYS.count),
    };
  }
}
