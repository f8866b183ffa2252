/**
 * Payloads of DUMP and RESTORE: a value with its type in front and a footer behind (docs/formats/dump.md).
 *
 *   >0  u8   type number
 *    1  value
 *    n  u16  RDB version, the lower byte first
 *   +2  u64  CRC-64 of all that stands before it
 *
 * Not for replies: commands/dump.ts.
 */
import { crc64 } from "../bytes/hash";
import { root } from "../memory/root";
import { putByte, putU64, Sink } from "./sink";
import { FOREIGN_FIRST, FOREIGN_LAST, RDB_VERSION, writeTyped } from "./write";

export const FOOTER_SIZE: i32 = 10;
const CHECKSUM: i32 = 8;

/** Writes an entry's payload; the caller asks the sink whether memory was enough. */
export function writePayload(s: Sink, e: usize): void {
  writeTyped(s, e);
  writeFooter(s);
}

/** Ends a payload: version and checksum. */
export function writeFooter(s: Sink): void {
  putByte(s, RDB_VERSION & 255);
  putByte(s, RDB_VERSION >> 8);
  if (!s.failed) putU64(s, crc64(0, s.block, <i32>s.length));
}

/** The RDB version that the footer of a payload of `len` bytes names, 0 when it has none. */
export function payloadVersion(ptr: usize, len: i32): u32 {
  return len < FOOTER_SIZE ? 0 : <u32>load<u16>(ptr + <usize>(len - FOOTER_SIZE));
}

/** True when the version is one of another product's. */
export function isForeign(version: u32): bool {
  return version >= FOREIGN_FIRST && version <= FOREIGN_LAST;
}

/** True when the footer names a version that is read here, and the checksum is right. */
export function isPayload(ptr: usize, len: i32): bool {
  const r = root();
  const version = payloadVersion(ptr, len);
  if (version == 0) return false;
  if (r.rdbVersionRelaxed == 0 && (version > RDB_VERSION || isForeign(version))) return false;
  if (r.skipChecksum != 0) return true;
  const end = len - CHECKSUM;
  return crc64(0, ptr, end) == load<u64>(ptr + <usize>end);
}
