/**
 * Settings that the host sets in the core, by number. Values are f64, which holds every integer setting exactly; the
 * host clamps larger ones (client-query-buffer-limit and the like end at 2^53).
 *
 * Not for deciding which values are legal: the host's configuration does.
 */
import { policyBits } from "../keyspace/clock";
import { observeEvents } from "../keyspace/events";
import { trackingLimit } from "../resp/tracking";
import { root } from "./root";

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

/** Sets one setting; false when there is no such number. */
export function setSetting(id: i32, value: f64): bool {
  const r = root();
  switch (id) {
    case Setting.maxmemory:
      r.maxmemory = <u64>value;
      gate(GATE_MEMORY, value > 0);
      return true;
    case Setting.maxmemoryPolicy: r.maxmemoryPolicy = policyBits(<i32>value); return true;
    case Setting.maxmemorySamples: r.maxmemorySamples = <i32>value; return true;
    case Setting.lfuLogFactor: r.lfuLogFactor = <i32>value; return true;
    case Setting.lfuDecayTime: r.lfuDecayTime = <i32>value; return true;
    case Setting.protoMaxBulkLen: r.protoMaxBulkLen = <i64>value; return true;
    case Setting.clientQueryBufferLimit: r.queryBufferLimit = <u64>value; return true;
    case Setting.outputHardNormal: r.outputHardNormal = <u64>value; return true;
    case Setting.outputSoftNormal: r.outputSoftNormal = <u64>value; return true;
    case Setting.outputSoftSecondsNormal: r.outputSoftSecondsNormal = <i32>value; return true;
    case Setting.trackingTableMaxKeys:
      r.trackingMaxKeys = value > 4294967295 ? 0 : <u32>value;
      trackingLimit();
      return true;
    case Setting.outputHardPubsub: r.outputHardPubsub = <u64>value; return true;
    case Setting.outputSoftPubsub: r.outputSoftPubsub = <u64>value; return true;
    case Setting.outputSoftSecondsPubsub: r.outputSoftSecondsPubsub = <i32>value; return true;
    case Setting.notifyKeyspaceEvents:
      r.notifyFlags = <u32>value;
      observeEvents();
      return true;
    case Setting.activeExpire: r.activeExpire = <i32>value; return true;
    case Setting.activeExpireEffort: r.activeExpireEffort = <i32>value; return true;
    case Setting.tickEveryCommand: gate(GATE_TICK, value != 0); return true;
    case Setting.minReplicasToWrite:
      r.minReplicas = <i32>value;
      gate(GATE_REPLICAS, r.minReplicas > 0 && r.minReplicasLag > 0);
      return true;
    case Setting.minReplicasMaxLag:
      r.minReplicasLag = <i32>value;
      gate(GATE_REPLICAS, r.minReplicas > 0 && r.minReplicasLag > 0);
      return true;
    case Setting.replyPeakMs: r.replyPeakMs = clampI32(value); return true;
    case Setting.replySizeFixed: r.replySizeFixed = <i32>value; return true;
    case Setting.requirePassword: gate(GATE_AUTH, value != 0); return true;
    case Setting.resizeForbidden: r.resizeForbidden = <i32>value; return true;
    case Setting.failAfter: r.failAfter = <i32>value; return true;
    case Setting.maximumPages: r.maximumPages = <u32>value; return true;
    case Setting.importMode: r.importMode = <i32>value; return true;
    case Setting.maxmemoryEvictionTenacity: r.evictionTenacity = <i32>value; return true;
    case Setting.largeRequest: r.largeRequest = value < 0 ? ~<u64>0 : <u64>value; return true;
    case Setting.largeReply: r.largeReply = value < 0 ? ~<u64>0 : <u64>value; return true;
    case Setting.enforceReplyList: gate(GATE_REPLY_LIST, value != 0); return true;
    case Setting.maxmemoryClients:
      r.maxmemoryClients = <i64>value;
      gate(GATE_CLIENTS, value != 0);
      return true;
    case Setting.minStringSizeAvoidCopyReply:
      r.referenceMin = value == 0 ? i32.MAX_VALUE : <i32>value;
      return true;
    case Setting.hashMaxListpackEntries: r.hashMaxListpackEntries = clampI32(value); return true;
    case Setting.hashMaxListpackValue: r.hashMaxListpackValue = clampI32(value); return true;
    case Setting.listMaxListpackSize: r.listMaxListpackSize = clampI32(value); return true;
    case Setting.listCompressDepth: r.listCompressDepth = clampI32(value); return true;
    case Setting.setMaxIntsetEntries: r.setMaxIntsetEntries = clampI32(value); return true;
    case Setting.setMaxListpackEntries: r.setMaxListpackEntries = clampI32(value); return true;
    case Setting.setMaxListpackValue: r.setMaxListpackValue = clampI32(value); return true;
    case Setting.zsetMaxListpackEntries: r.zsetMaxListpackEntries = clampI32(value); return true;
    case Setting.zsetMaxListpackValue: r.zsetMaxListpackValue = clampI32(value); return true;
    case Setting.rdbcompression: r.rdbCompression = <i32>value; return true;
    case Setting.rdbVersionCheck: r.rdbVersionRelaxed = <i32>value; return true;
    case Setting.skipChecksumValidation: r.skipChecksum = <i32>value; return true;
    case Setting.hllSparseMaxBytes: r.hllSparseMaxBytes = clampI32(value); return true;
    case Setting.streamNodeMaxBytes: r.streamNodeMaxBytes = clampI32(value); return true;
    case Setting.streamNodeMaxEntries: r.streamNodeMaxEntries = clampI32(value); return true;
    case Setting.lazyfreeLazyEviction: lazy(LAZY_EVICTION, value != 0); return true;
    case Setting.lazyfreeLazyExpire: lazy(LAZY_EXPIRE, value != 0); return true;
    case Setting.lazyfreeLazyServerDel: lazy(LAZY_SERVER_DEL, value != 0); return true;
    case Setting.lazyfreeLazyUserDel: lazy(LAZY_USER_DEL, value != 0); return true;
    case Setting.lazyfreeLazyUserFlush: lazy(LAZY_USER_FLUSH, value != 0); return true;
    case Setting.quicklistPackedThreshold: r.listPackedThreshold = <u32>value; return true;
    default: return false;
  }
}
