/**
 * XXH3, 64 bits, without a seed and with the usual secret: the digest of a string that DIGEST replies and that IFDEQ
 * and IFDNE compare with. Any other program that computes XXH3_64bits gets the same number.
 *
 * Not for tables: whoever chooses keys can make them collide (bytes/hash.ts is for those).
 * Costs: WebAssembly has no 64 x 64 -> 128 multiplication, so a short text takes some 20 ns; long ones hardly need one.
 * Credit: Yann Collet's xxHash, from its specification.
 */

const PRIME32_1: u64 = 0x9e3779b1;
const PRIME32_2: u64 = 0x85ebca77;
const PRIME32_3: u64 = 0xc2b2ae3d;
const PRIME64_1: u64 = 0x9e3779b185ebca87;
const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME64_3: u64 = 0x165667b19e3779f9;
const PRIME64_4: u64 = 0x85ebca77c2b2ae63;
const PRIME64_5: u64 = 0x27d4eb2f165667c5;
const MIX_1: u64 = 0x165667919e3779f9;
const MIX_2: u64 = 0x9fb21c651e98df25;

const STRIPE: usize = 64;
const SECRET_SIZE: usize = 192;
/** Stripes of a block: each takes the secret eight bytes further on, until too little of it is left. */
const BLOCK_STRIPES: usize = (SECRET_SIZE - STRIPE) >> 3;

const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
  0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
  0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
  0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
  0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
  0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
  0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
  0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
  0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
], 16);
/** Eight accumulators of a long text, dead when the digest is done. */
const LANES: usize = memory.data(64, 16);

// --- Mixing ---

/** Both halves of the product of two numbers, one xor the other. */
function foldedProduct(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >> 32);
  const cross = aLow * bHigh + (middle & 0xffffffff);
  const high = aHigh * bHigh + (middle >> 32) + (cross >> 32);
  return high ^ ((cross << 32) | (low & 0xffffffff));
}

function avalanche(h: u64): u64 {
  h ^= h >> 37;
  h *= MIX_1;
  return h ^ (h >> 32);
}

/** The end of the older XXH64, for the shortest texts. */
function avalanche64(h: u64): u64 {
  h ^= h >> 33;
  h *= PRIME64_2;
  h ^= h >> 29;
  h *= PRIME64_3;
  return h ^ (h >> 32);
}

function mix16(ptr: usize, secret: usize): u64 {
  return foldedProduct(load<u64>(ptr) ^ load<u64>(secret), load<u64>(ptr, 8) ^ load<u64>(secret, 8));
}

// --- By length ---

function upTo16(ptr: usize, len: usize): u64 {
  if (len > 8) {
    const low = load<u64>(ptr) ^ load<u64>(SECRET, 24) ^ load<u64>(SECRET, 32);
    const high = load<u64>(ptr + len - 8) ^ load<u64>(SECRET, 40) ^ load<u64>(SECRET, 48);
    return avalanche(<u64>len + bswap<u64>(low) + high + foldedProduct(low, high));
  }
  if (len >= 4) {
    const both = <u64>load<u32>(ptr + len - 4) + (<u64>load<u32>(ptr) << 32);
    let h = both ^ load<u64>(SECRET, 8) ^ load<u64>(SECRET, 16);
    h ^= rotl<u64>(h, 49) ^ rotl<u64>(h, 24);
    h *= MIX_2;
    h ^= (h >> 35) + <u64>len;
    h *= MIX_2;
    return h ^ (h >> 28);
  }
  if (len == 0) return avalanche64(load<u64>(SECRET, 56) ^ load<u64>(SECRET, 64));
  const first = <u32>load<u8>(ptr);
  const middle = <u32>load<u8>(ptr + (len >> 1));
  const last = <u32>load<u8>(ptr + len - 1);
  const all = (first << 16) | (middle << 24) | last | (<u32>len << 8);
  return avalanche64(<u64>(all ^ load<u32>(SECRET) ^ load<u32>(SECRET, 4)));
}

function upTo128(ptr: usize, len: usize): u64 {
  let sum = <u64>len * PRIME64_1;
  for (let i = <i32>((len - 1) >> 5); i >= 0; i--) {
    const near = <usize>i << 4;
    const secret = SECRET + (near << 1);
    sum += mix16(ptr + near, secret) + mix16(ptr + len - near - 16, secret + 16);
  }
  return avalanche(sum);
}

function upTo240(ptr: usize, len: usize): u64 {
  let sum = <u64>len * PRIME64_1;
  for (let i: usize = 0; i < 128; i += 16) sum += mix16(ptr + i, SECRET + i);
  sum = avalanche(sum);
  for (let i: usize = 128; i + 16 <= len; i += 16) sum += mix16(ptr + i, SECRET + i - 125);
  return avalanche(sum + mix16(ptr + len - 16, SECRET + 119));
}

function startLanes(): void {
  store<u64>(LANES, PRIME32_3);
  store<u64>(LANES, PRIME64_1, 8);
  store<u64>(LANES, PRIME64_2, 16);
  store<u64>(LANES, PRIME64_3, 24);
  store<u64>(LANES, PRIME64_4, 32);
  store<u64>(LANES, PRIME32_2, 40);
  store<u64>(LANES, PRIME64_5, 48);
  store<u64>(LANES, PRIME32_1, 56);
}

function addStripe(ptr: usize, secret: usize): void {
  for (let i: usize = 0; i < STRIPE; i += 8) {
    const data = load<u64>(ptr + i);
    const key = data ^ load<u64>(secret + i);
    const neighbour = LANES + (i ^ 8);
    store<u64>(neighbour, load<u64>(neighbour) + data);
    store<u64>(LANES + i, load<u64>(LANES + i) + (key & 0xffffffff) * (key >> 32));
  }
}

function scramble(): void {
  const secret = SECRET + SECRET_SIZE - STRIPE;
  for (let i: usize = 0; i < STRIPE; i += 8) {
    const lane = load<u64>(LANES + i);
    store<u64>(LANES + i, (lane ^ (lane >> 47) ^ load<u64>(secret + i)) * PRIME32_1);
  }
}

function more(ptr: usize, len: usize): u64 {
  startLanes();
  const end = ptr + len;
  let stripe: usize = 0;
  for (let p = ptr; p + STRIPE < end; p += STRIPE) {
    addStripe(p, SECRET + (stripe << 3));
    if (++stripe < BLOCK_STRIPES) continue;
    stripe = 0;
    scramble();
  }
  // The last stripe ends with the text, wherever it then begins.
  addStripe(end - STRIPE, SECRET + SECRET_SIZE - STRIPE - 7);
  let sum = <u64>len * PRIME64_1;
  for (let i: usize = 0; i < STRIPE; i += 16) {
    const secret = SECRET + 11 + i;
    sum += foldedProduct(load<u64>(LANES + i) ^ load<u64>(secret), load<u64>(LANES + i, 8) ^ load<u64>(secret, 8));
  }
  return avalanche(sum);
}

/** The digest of `len` bytes. */
export function xxh3(ptr: usize, len: i32): u64 {
  const n = <usize>len;
  if (n <= 16) return upTo16(ptr, n);
  if (n <= 128) return upTo128(ptr, n);
  return n <= 240 ? upTo240(ptr, n) : more(ptr, n);
}
