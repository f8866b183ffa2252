/**
 * Hashes and checksums of byte strings.
 *   hashBytes  SipHash-1-3, 64 bits, keyed: for hash tables whose keys clients choose. Seeded once a start.
 *   crc16      CRC-16/XMODEM: cluster key slots.     keySlot   the slot of a key, its {tag} honoured.
 *   crc64      CRC-64 "Jones" (reflected, no final inversion): files and DUMP payloads.
 * Not for anything that must stay secret: SipHash-1-3 resists chosen-key flooding, no more is claimed.
 *
 *     CRC16_TABLE  256 x u16  [t0 .. t255]                     filled on first use; entry 1 tells whether it is
 *     CRC64_TABLE  8 x 256 x u64, table k = k more zero bytes  the same
 *
 * The tables are constants: filling them twice changes nothing, so they aren't state.
 * hashBytes may read up to 7 bytes in front of the bytes (and ignores them); no other function does. Behind them memory
 * may end: a key can be the last thing in its last page.
 * Credits: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012).
 */

// --- SipHash-1-3 ---

/**
 * The keyed hash of `len` bytes. Reads whole 8-byte words, the last one so that it ends where the bytes do.
 * One compression round a word and three to finish; written out because a call a round costs more than the round.
 */
export function hashBytes(ptr: usize, len: i32, k0: u64, k1: u64): u64 {
  let v0 = k0 ^ 0x736f6d6570736575;
  let v1 = k1 ^ 0x646f72616e646f6d;
  let v2 = k0 ^ 0x6c7967656e657261;
  let v3 = k1 ^ 0x7465646279746573;
  const left = <u64>(len & 7) << 3;
  const end = ptr + <usize>(len & ~7);
  const rest: u64 = left == 0 ? 0 : load<u64>(ptr + <usize>len - 8) >> (64 - left);
  const tail = rest | ((<u64>len) << 56);
  let done = false;
  while (true) {
    let m = tail;
    if (ptr < end) m = load<u64>(ptr);
    else done = true;
    ptr += 8;
    v3 ^= m;
    v0 += v1; v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0; v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1; v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2; v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
    v0 ^= m;
    if (done) break;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 += v1; v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0; v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1; v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2; v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

// --- CRC-16 and key slots ---

const CRC16_POLYNOMIAL: u32 = 0x1021;
const CRC16_TABLE: usize = memory.data(512, 16);
const SLOT_MASK: i32 = 16383;
const TAG_OPEN: u32 = 0x7b;
const TAG_CLOSE: u32 = 0x7d;

/** Computes the 256 remainders of crc16. */
function fillCrc16(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ CRC16_POLYNOMIAL : crc << 1;
    store<u16>(CRC16_TABLE + (<usize>i << 1), crc);
  }
}

/** CRC-16/XMODEM of `len` bytes. */
export function crc16(ptr: usize, len: i32): i32 {
  if (load<u16>(CRC16_TABLE, 2) == 0) fillCrc16();
  const end = ptr + <usize>len;
  let crc: u32 = 0;
  for (; ptr < end; ptr++) {
    const index = ((crc >> 8) ^ <u32>load<u8>(ptr)) & 0xff;
    crc = ((crc << 8) ^ <u32>load<u16>(CRC16_TABLE + (<usize>index << 1))) & 0xffff;
  }
  return <i32>crc;
}

/** The cluster slot (0-16383) of a key: of what stands between the first `{` and the next `}`, unless that is empty. */
export function keySlot(ptr: usize, len: i32): i32 {
  const end = ptr + <usize>len;
  let open = ptr;
  while (open < end && load<u8>(open) != TAG_OPEN) open++;
  let close = open + 1;
  while (close < end && load<u8>(close) != TAG_CLOSE) close++;
  if (close >= end || close == open + 1) return crc16(ptr, len) & SLOT_MASK;
  return crc16(open + 1, <i32>(close - open - 1)) & SLOT_MASK;
}

// --- CRC-64 ---

const CRC64_POLYNOMIAL: u64 = 0x95ac9329ac4bc9b5; // 0xad93d23594c935a9 with its bits reversed.
const CRC64_TABLE: usize = memory.data(16384, 16);

/** Computes the eight tables of crc64. */
function fillCrc64(): void {
  for (let i: usize = 0; i < 256; i++) {
    let crc = <u64>i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ CRC64_POLYNOMIAL : crc >> 1;
    store<u64>(CRC64_TABLE + (i << 3), crc);
  }
  for (let i: usize = 0; i < 256; i++) {
    let crc = load<u64>(CRC64_TABLE + (i << 3));
    for (let table: usize = 1; table < 8; table++) {
      crc = crc64Entry(0, <u32>crc & 0xff) ^ (crc >> 8);
      store<u64>(CRC64_TABLE + (table << 11) + (i << 3), crc);
    }
  }
}

/** Entry `index` of table number `table`. */
function crc64Entry(table: usize, index: u32): u64 {
  return load<u64>(CRC64_TABLE + (table << 11) + (<usize>index << 3));
}

/** CRC-64 of `len` bytes, going on from `crc` (0 at the start). Eight bytes a step. */
export function crc64(crc: u64, ptr: usize, len: i32): u64 {
  if (load<u64>(CRC64_TABLE, 8) == 0) fillCrc64();
  const end = ptr + <usize>len;
  while (ptr + 8 <= end) {
    const word = crc ^ load<u64>(ptr);
    const low = <u32>word;
    const high = <u32>(word >> 32);
    crc = crc64Entry(7, low & 0xff) ^ crc64Entry(6, (low >> 8) & 0xff)
      ^ crc64Entry(5, (low >> 16) & 0xff) ^ crc64Entry(4, low >> 24)
      ^ crc64Entry(3, high & 0xff) ^ crc64Entry(2, (high >> 8) & 0xff)
      ^ crc64Entry(1, (high >> 16) & 0xff) ^ crc64Entry(0, high >> 24);
    ptr += 8;
  }
  for (; ptr < end; ptr++) crc = crc64Entry(0, (<u32>crc ^ <u32>load<u8>(ptr)) & 0xff) ^ (crc >> 8);
  return crc;
}
