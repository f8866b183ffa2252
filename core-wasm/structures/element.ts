/**
 * What a hash table stores: elements that begin with a common header and carry their own key.
 *
 *   >0  u32  meta    type and encoding in the low byte, access clock in the upper three (keyspace/entry.ts)
 *    4  u8   flags   HAS_EXPIRE | HAS_PAYLOAD | LONG_KEY | ...
 *    5  u8   klen    length of the key, when it is not LONG_KEY
 *    6  u16  vlen    length of a value that stands inline behind the key
 *    8  i64  expire  only with HAS_EXPIRE: unix time in milliseconds
 *    +  8    payload only with HAS_PAYLOAD: an integer, or an address and a length
 *    +  u32  length of the key, only with LONG_KEY
 *    +  the key's bytes, then the inline value's
 *
 * A key of 16 bytes with a value of 32 takes 56 bytes. Not for what the payload means: that's the entry's business.
 */

export const META: usize = 0;
export const FLAGS: usize = 4;
export const KEY_LENGTH: usize = 5;
export const VALUE_LENGTH: usize = 6;
export const HEADER_SIZE: usize = 8;

export const HAS_EXPIRE: u32 = 1;
export const HAS_PAYLOAD: u32 = 2;
export const LONG_KEY: u32 = 4;

/** The longest key whose length fits into the header. */
export const SHORT_KEY_MAX: i32 = 255;

export function elementFlags(e: usize): u32 {
  return <u32>load<u8>(e, FLAGS);
}

/** Address of the key. HAS_EXPIRE and HAS_PAYLOAD shift it by 8 each, LONG_KEY by 4. */
export function keyAddress(e: usize): usize {
  const f = <usize>load<u8>(e, FLAGS);
  return e + HEADER_SIZE + ((f & 1) << 3) + ((f & 2) << 2) + (f & 4);
}

export function keyLength(e: usize): i32 {
  const f = <usize>load<u8>(e, FLAGS);
  if (f & LONG_KEY) return load<i32>(e + HEADER_SIZE + ((f & 1) << 3) + ((f & 2) << 2));
  return <i32>load<u8>(e, KEY_LENGTH);
}
