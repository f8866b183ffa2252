/**
 * Settings that the host sets in the core, by number. Values are f64, which holds every integer setting exactly; the
 * host clamps larger ones (client-query-buffer-limit and the like end at 2^53).
 *
 * Not for deciding which values are legal: the host's configuration does.
 */
import { policyBits } from "../keyspace/clock";
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
}

/** Bits of the gate that settings switch (resp/process.ts). */
const GATE_AUTH: u32 = 1;
const GATE_MEMORY: u32 = 2;
const GATE_TICK: u32 = 8;
const GATE_CLIENTS: u32 = 32; // maxmemory-clients is set
const GATE_REPLY_LIST: u32 = 16; // DEBUG CLIENT-ENFORCE-REPLY-LIST: limits count every byte of output

function gate(bit: u32, on: bool): void {
  const r = root();
  r.gate = on ? r.gate | bit : r.gate & ~bit;
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
    case Setting.notifyKeyspaceEvents: r.notifyFlags = <u32>value; return true;
    case Setting.activeExpire: r.activeExpire = <i32>value; return true;
    case Setting.activeExpireEffort: r.activeExpireEffort = <i32>value; return true;
    case Setting.tickEveryCommand: gate(GATE_TICK, value != 0); return true;
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
    default: return false;
  }
}
