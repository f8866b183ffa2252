/**
 * Comparing byte strings: order, equality, and option keywords.
 * Not for patterns (glob.ts) and not for collations: bytes are unsigned numbers, nothing else.
 *
 *     equalBytes, len 21:   [0 ........ 15]          first step
 *                                [5 ........ 20]     last step, overlapping the first: no tail loop, no over-read
 *
 * equalBytes is on the path of every key look-up: 16 bytes a step, and keys of 8 to 32 bytes take two loads a side.
 */

// --- Equality ---

/** True when the `len` bytes at `a` and `b` are the same. Reads nothing outside them. */
export function equalBytes(a: usize, b: usize, len: i32): bool {
  const n = <usize>len;
  if (n >= 16) {
    const last = n - 16;
    for (let i: usize = 0; i < last; i += 16) {
      if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
    }
    return !v128.any_true(v128.xor(v128.load(a + last), v128.load(b + last)));
  }
  if (n >= 8) {
    const last = n - 8;
    return ((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a + last) ^ load<u64>(b + last))) == 0;
  }
  if (n >= 4) {
    const last = n - 4;
    return ((load<u32>(a) ^ load<u32>(b)) | (load<u32>(a + last) ^ load<u32>(b + last))) == 0;
  }
  if (n >= 2) {
    const last = n - 2;
    return load<u16>(a) == load<u16>(b) && load<u16>(a + last) == load<u16>(b + last);
  }
  return n == 0 || load<u8>(a) == load<u8>(b);
}

// --- Order ---

/** Index of the first byte that differs, or `n` when the first `n` bytes are the same. */
function commonPrefix(a: usize, b: usize, n: usize): usize {
  let i: usize = 0;
  while (i + 16 <= n) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(a + i), v128.load(b + i)));
    if (same != 0xffff) return i + <usize>ctz<i32>(~same);
    i += 16;
  }
  if (i + 8 <= n) {
    const difference = load<u64>(a + i) ^ load<u64>(b + i);
    if (difference != 0) return i + <usize>(ctz<u64>(difference) >> 3);
    i += 8;
  }
  while (i < n && load<u8>(a + i) == load<u8>(b + i)) i++;
  return i;
}

/** Negative, 0 or positive as a sorts before, with or after b: bytes as unsigned numbers, prefixes first. */
export function compareBytes(aPtr: usize, aLen: i32, bPtr: usize, bLen: i32): i32 {
  const n = <usize>min<i32>(aLen, bLen);
  const i = commonPrefix(aPtr, bPtr, n);
  if (i < n) return <i32>load<u8>(aPtr + i) - <i32>load<u8>(bPtr + i);
  return aLen - bLen;
}

// --- Keywords ---

/** An ASCII capital as its small letter, any other byte as it is. */
export function toLower(byte: u32): u32 {
  return byte - 0x41 < 26 ? byte | 0x20 : byte;
}

/**
 * True when the argument spells `word` (a literal of ASCII), whatever the case of its letters.
 * An argument ends at its first NUL, as option keywords are read as C strings by the servers we answer like.
 */
export function isWord(ptr: usize, len: i32, word: string): bool {
  const n = word.length;
  if (len != n && (len < n || load<u8>(ptr + <usize>n) != 0)) return false;
  const text = changetype<usize>(word);
  for (let i: usize = 0; i < <usize>n; i++) {
    const a = <u32>load<u8>(ptr + i);
    const b = <u32>load<u16>(text + (i << 1));
    if (a != b && (a ^ b) != 0x20) return false;
    if (a != b && (a | 0x20) - 0x61 >= 26) return false;
  }
  return true;
}

/** True when two byte strings are the same but for the case of ASCII letters. */
export function equalsIgnoreCase(a: usize, b: usize, len: i32): bool {
  for (let i: usize = 0; i < <usize>len; i++) {
    if (toLower(load<u8>(a + i)) != toLower(load<u8>(b + i))) return false;
  }
  return true;
}

/** Writes the ASCII text of a literal at `ptr`, one byte a character; answers its length. */
export function writeText(ptr: usize, text: string): i32 {
  const n = text.length;
  const from = changetype<usize>(text);
  for (let i: usize = 0; i < <usize>n; i++) store<u8>(ptr + i, load<u16>(from + (i << 1)));
  return n;
}
