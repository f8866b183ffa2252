/**
 * Settings that the host sets in the core, by number. Values are f64, which holds every integer setting exactly; the
 * host clamps larger ones (client-query-buffer-limit and the like end at 2^53).
 *
 * Not for deciding which values are legal: the host's configuration does.
 */
import { policyBits } from "../keyspace/clock";
import { observeEvents } from "../keyspace/events";
import { trackingLimit } from "../resp/tracking";
import { Root, root, ROOT_ADDRESS } from "./root";

// @layout
export const enum Setting {
  maxmemory = 1,
  maxmemoryPolicy = 2,
  maxmemorySamples = 3,
  lfuLogFactor = 4,
  lfuDecayTime = 5,
  protoMaxBulkLen = 6,
  clientQueryBufferLimit = 7,
  outputHardNormal = 8,
  outputSoftNormal = 9,
  outputSoftSecondsNormal = 10,
  notifyKeyspaceEvents = 11,
  activeExpire = 12,
  activeExpireEffort = 13,
  tickEveryCommand = 14,
  requirePassword = 15,
  resizeForbidden = 16,
  failAfter = 17,
  maximumPages = 18,
  importMode = 19,
  maxmemoryEvictionTenacity = 20,
  largeRequest = 21,
  largeReply = 22,
  enforceReplyList = 23,
  maxmemoryClients = 24,
  minStringSizeAvoidCopyReply = 25,
  hashMaxListpackEntries = 26,
  hashMaxListpackValue = 27,
  listMaxListpackSize = 28,
  listCompressDepth = 29,
  setMaxIntsetEntries = 30,
  setMaxListpackEntries = 31,
  setMaxListpackValue = 32,
  zsetMaxListpackEntries = 33,
  zsetMaxListpackValue = 34,
  hllSparseMaxBytes = 35,
  streamNodeMaxBytes = 36,
  streamNodeMaxEntries = 37,
  lazyfreeLazyEviction = 38,
  lazyfreeLazyExpire = 39,
  lazyfreeLazyServerDel = 40,
  lazyfreeLazyUserDel = 41,
  lazyfreeLazyUserFlush = 42,
  outputHardPubsub = 43,
  outputSoftPubsub = 44,
  outputSoftSecondsPubsub = 45,
  quicklistPackedThreshold = 46,
  rdbcompression = 60,
  rdbVersionCheck = 61,
  skipChecksumValidation = 62,
  trackingTableMaxKeys = 63,
  replyPeakMs = 64,
  replySizeFixed = 65,
  minReplicasToWrite = 66,
  minReplicasMaxLag = 67,
}

/** Bits of the gate that settings switch (resp/process.ts). */
const GATE_AUTH: u32 = 1;
const GATE_MEMORY: u32 = 2;
const GATE_TICK: u32 = 8;
const GATE_CLIENTS: u32 = 32; // maxmemory-clients is set
const GATE_REPLICAS: u32 = 1024;
const GATE_REPLY_LIST: u32 = 16; // DEBUG CLIENT-ENFORCE-REPLY-LIST: limits count every byte of output

function gate(bit: u32, on: bool): void {
  const r = root();
  r.gate = on ? r.gate | bit : r.gate & ~bit;
}

/** When values are freed a slice at a time: bits of root.lazyFree (keyspace/lazyfree.ts). */
export const LAZY_EVICTION: u32 = 1;
export const LAZY_EXPIRE: u32 = 2;
export const LAZY_SERVER_DEL: u32 = 4;
export const LAZY_USER_DEL: u32 = 8;
export const LAZY_USER_FLUSH: u32 = 16;

function lazy(bit: u32, on: bool): void {
  const r = root();
  r.lazyFree = on ? r.lazyFree | bit : r.lazyFree & ~bit;
}

/** Counts and sizes are compared with 32-bit lengths: more than those can be is no limit. */
function clampI32(value: f64): i32 {
  return value > 2147483647 ? i32.MAX_VALUE : value < -2147483648 ? i32.MIN_VALUE : <i32>value;
}

/** Where the root keeps a setting that is a 32-bit number and nothing else; 0: this is none. */
function numberField(id: i32): usize {
  switch (id) {
    case Setting.maxmemorySamples: return offsetof<Root>("maxmemorySamples");
    case Setting.lfuLogFactor: return offsetof<Root>("lfuLogFactor");
    case Setting.lfuDecayTime: return offsetof<Root>("lfuDecayTime");
    case Setting.outputSoftSecondsNormal: return offsetof<Root>("outputSoftSecondsNormal");
    case Setting.outputSoftSecondsPubsub: return offsetof<Root>("outputSoftSecondsPubsub");
    case Setting.activeExpire: return offsetof<Root>("activeExpire");
    case Setting.activeExpireEffort: return offsetof<Root>("activeExpireEffort");
    case Setting.replyPeakMs: return offsetof<Root>("replyPeakMs");
    case Setting.replySizeFixed: return offsetof<Root>("replySizeFixed");
    case Setting.resizeForbidden: return offsetof<Root>("resizeForbidden");
    case Setting.failAfter: return offsetof<Root>("failAfter");
    case Setting.maximumPages: return offsetof<Root>("maximumPages");
    case Setting.importMode: return offsetof<Root>("importMode");
    case Setting.maxmemoryEvictionTenacity: return offsetof<Root>("evictionTenacity");
    case Setting.hashMaxListpackEntries: return offsetof<Root>("hashMaxListpackEntries");
    case Setting.hashMaxListpackValue: return offsetof<Root>("hashMaxListpackValue");
    case Setting.listMaxListpackSize: return offsetof<Root>("listMaxListpackSize");
    case Setting.listCompressDepth: return offsetof<Root>("listCompressDepth");
    case Setting.setMaxIntsetEntries: return offsetof<Root>("setMaxIntsetEntries");
    case Setting.setMaxListpackEntries: return offsetof<Root>("setMaxListpackEntries");
    case Setting.setMaxListpackValue: return offsetof<Root>("setMaxListpackValue");
    case Setting.zsetMaxListpackEntries: return offsetof<Root>("zsetMaxListpackEntries");
    case Setting.zsetMaxListpackValue: return offsetof<Root>("zsetMaxListpackValue");
    case Setting.rdbcompression: return offsetof<Root>("rdbCompression");
    case Setting.rdbVersionCheck: return offsetof<Root>("rdbVersionRelaxed");
    case Setting.skipChecksumValidation: return offsetof<Root>("skipChecksum");
    case Setting.hllSparseMaxBytes: return offsetof<Root>("hllSparseMaxBytes");
    case Setting.streamNodeMaxBytes: return offsetof<Root>("streamNodeMaxBytes");
    case Setting.streamNodeMaxEntries: return offsetof<Root>("streamNodeMaxEntries");
    default: return 0;
  }
}

/** The same for sizes of 64 bits. */
function sizeField(id: i32): usize {
  switch (id) {
    case Setting.protoMaxBulkLen: return offsetof<Root>("protoMaxBulkLen");
    case Setting.clientQueryBufferLimit: return offsetof<Root>("queryBufferLimit");
    case Setting.outputHardNormal: return offsetof<Root>("outputHardNormal");
    case Setting.outputSoftNormal: return offsetof<Root>("outputSoftNormal");
    case Setting.outputHardPubsub: return offsetof<Root>("outputHardPubsub");
    case Setting.outputSoftPubsub: return offsetof<Root>("outputSoftPubsub");
    default: return 0;
  }
}

/** The bit of a setting that says when values are freed a slice at a time; 0: it is none. */
function lazyBit(id: i32): u32 {
  switch (id) {
    case Setting.lazyfreeLazyEviction: return LAZY_EVICTION;
    case Setting.lazyfreeLazyExpire: return LAZY_EXPIRE;
    case Setting.lazyfreeLazyServerDel: return LAZY_SERVER_DEL;
    case Setting.lazyfreeLazyUserDel: return LAZY_USER_DEL;
    case Setting.lazyfreeLazyUserFlush: return LAZY_USER_FLUSH;
    default: return 0;
  }
}

/** Sets what more hangs on; false when there is no such setting. */
function setSpecial(id: i32, value: f64): bool {
  const r = root();
  switch (id) {
    case Setting.maxmemory:
      r.maxmemory = <u64>value;
      gate(GATE_MEMORY, value > 0);
      return true;
    case Setting.maxmemoryPolicy: r.maxmemoryPolicy = policyBits(<i32>value); return true;
    case Setting.trackingTableMaxKeys:
      r.trackingMaxKeys = value > 4294967295 ? 0 : <u32>value;
      trackingLimit();
      return true;
    case Setting.notifyKeyspaceEvents:
      r.notifyFlags = <u32>value;
      observeEvents();
      return true;
    case Setting.tickEveryCommand: gate(GATE_TICK, value != 0); return true;
    case Setting.minReplicasToWrite:
    case Setting.minReplicasMaxLag:
      if (id == Setting.minReplicasToWrite) r.minReplicas = clampI32(value);
      else r.minReplicasLag = clampI32(value);
      gate(GATE_REPLICAS, r.minReplicas > 0 && r.minReplicasLag > 0);
      return true;
    case Setting.requirePassword: gate(GATE_AUTH, value != 0); return true;
    case Setting.largeRequest: r.largeRequest = value < 0 ? ~<u64>0 : <u64>value; return true;
    case Setting.largeReply: r.largeReply = value < 0 ? ~<u64>0 : <u64>value; return true;
    case Setting.enforceReplyList: gate(GATE_REPLY_LIST, value != 0); return true;
    case Setting.maxmemoryClients:
      r.maxmemoryClients = <i64>value;
      gate(GATE_CLIENTS, value != 0);
      return true;
    case Setting.minStringSizeAvoidCopyReply:
      r.referenceMin = value == 0 ? i32.MAX_VALUE : clampI32(value);
      return true;
    case Setting.quicklistPackedThreshold: r.listPackedThreshold = <u32>value; return true;
    default: return false;
  }
}

/** Sets one setting; false when there is no such number. */
export function setSetting(id: i32, value: f64): bool {
  const number = numberField(id);
  const size = sizeField(id);
  const bit = lazyBit(id);
  if (number != 0) store<i32>(ROOT_ADDRESS + number, clampI32(value));
  else if (size != 0) store<u64>(ROOT_ADDRESS + size, <u64>value);
  else if (bit != 0) lazy(bit, value != 0);
  else return setSpecial(id, value);
  return true;
}
