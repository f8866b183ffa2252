/**
 * SHA-1 (FIPS 180-4), for dataset digests and names of scripts. Not for anything that needs a secure hash.
 *
 *   SCRATCH, page 0:  0 80 words of schedule · 320 the last one or two blocks, padded · 448 five words of state
 *
 * A call leaves nothing behind and allocates nothing.
 */

const SCRATCH: usize = 14336;
const TAIL: usize = SCRATCH + 320;
const STATE: usize = SCRATCH + 448;
/** Where the part of page 0 that SHA-1 uses ends. */
export const SHA1_SCRATCH_END: usize = SCRATCH + 472;

function schedule(block: usize): void {
  for (let i: usize = 0; i < 16; i++) store<u32>(SCRATCH + (i << 2), bswap<u32>(load<u32>(block + (i << 2))));
  for (let i: usize = 16; i < 80; i++) {
    const p = SCRATCH + (i << 2);
    store<u32>(p, rotl<u32>(load<u32>(p - 12) ^ load<u32>(p - 32) ^ load<u32>(p - 56) ^ load<u32>(p - 64), 1));
  }
}

function compress(block: usize): void {
  schedule(block);
  let a = load<u32>(STATE);
  let b = load<u32>(STATE, 4);
  let c = load<u32>(STATE, 8);
  let d = load<u32>(STATE, 12);
  let e = load<u32>(STATE, 16);
  for (let i = 0; i < 80; i++) {
    let f: u32;
    if (i < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
    else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else f = (b ^ c ^ d) + 0xca62c1d6;
    const next = rotl<u32>(a, 5) + f + e + load<u32>(SCRATCH + (<usize>i << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  store<u32>(STATE, load<u32>(STATE) + a);
  store<u32>(STATE, load<u32>(STATE, 4) + b, 4);
  store<u32>(STATE, load<u32>(STATE, 8) + c, 8);
  store<u32>(STATE, load<u32>(STATE, 12) + d, 12);
  store<u32>(STATE, load<u32>(STATE, 16) + e, 16);
}

/** Writes the SHA-1 of `len` bytes at `ptr` to 20 bytes at `out`, which may overlap them. */
export function sha1(ptr: usize, len: i32, out: usize): void {
  const whole = <usize>(len & ~63);
  const rest = <usize>(len & 63);
  const tail: usize = rest < 56 ? 64 : 128;
  memory.fill(TAIL, 0, tail);
  memory.copy(TAIL, ptr + whole, rest);
  store<u8>(TAIL + rest, 0x80);
  store<u64>(TAIL + tail - 8, bswap<u64>(<u64>len << 3));
  store<u32>(STATE, 0x67452301);
  store<u32>(STATE, 0xefcdab89, 4);
  store<u32>(STATE, 0x98badcfe, 8);
  store<u32>(STATE, 0x10325476, 12);
  store<u32>(STATE, 0xc3d2e1f0, 16);
  for (let at: usize = 0; at < whole; at += 64) compress(ptr + at);
  for (let at: usize = 0; at < tail; at += 64) compress(TAIL + at);
  for (let i: usize = 0; i < 20; i += 4) store<u32>(out + i, bswap<u32>(load<u32>(STATE + i)));
}
