/**
 * LZF compression, byte-compatible with liblzf's format: strings in RDB files, in DUMP payloads and in list nodes.
 * Not for streams: one call compresses one string.
 *
 *     000LLLLL, then L+1 bytes                  a run of 1 to 32 literal bytes
 *     LLLooooo oooooooo                         copy L+2 bytes (L 1 to 6) from o+1 bytes back
 *     111ooooo LLLLLLLL oooooooo                copy L+9 bytes from o+1 bytes back, o+1 at most 8192
 *
 *     table (caller's, LZF_TABLE_SIZE bytes)    65,536 x u32: for each hash of three bytes, where they were last seen
 *
 * The compressor makes the same choices as liblzf at its "very fast" setting, so that payloads come out equal as well.
 * The table needs no preparation: the entries that an input can look at are cleared first.
 */

/** Bytes of the table that lzfCompress needs. */
export const LZF_TABLE_SIZE: i32 = 262144;

const MAX_LITERALS: usize = 32;
const MAX_DISTANCE: usize = 8192;
const MAX_MATCH: usize = 264;

// --- Compressing ---

/** Table slot for the three bytes at `ptr`. */
function slotOf(table: usize, ptr: usize): usize {
  const h = (<u32>load<u8>(ptr) << 16) | (<u32>load<u8>(ptr, 1) << 8) | <u32>load<u8>(ptr, 2);
  return table + (<usize>(((h >> 8) - h * 5) & 0xffff) << 2);
}

/** Clears what compressing [from, end) may look at: all of the table, or only the slots of a short input. */
function clearTable(table: usize, from: usize, end: usize): void {
  if (end - from > 16384) {
    memory.fill(table, 0, LZF_TABLE_SIZE);
    return;
  }
  for (let at = from; at + 2 < end; at++) store<u32>(slotOf(table, at), 0);
}

/** How many bytes at `at` repeat those at `earlier`, three being known; the odd limits are liblzf's. */
function matchLength(earlier: usize, at: usize, end: usize): usize {
  const room = min<usize>(end - at - 2, MAX_MATCH);
  const limit = room > 16 ? max<usize>(room, 19) : max<usize>(room, 3);
  let length: usize = 3;
  while (length < limit && load<u8>(earlier + length) == load<u8>(at + length)) length++;
  return length;
}

/** Writes a reference of `length` bytes to `distance` + 1 bytes back; answers the address behind it. */
function writeReference(out: usize, distance: usize, length: usize): usize {
  const code = length - 2;
  if (code < 7) {
    store<u8>(out++, (distance >> 8) + (code << 5));
  } else {
    store<u8>(out++, (distance >> 8) + 0xe0);
    store<u8>(out++, code - 7);
  }
  store<u8>(out, distance);
  return out + 1;
}

/**
 * Compresses `inLen` bytes into at most `outMax`; answers the compressed length, or 0 when it does not fit (give
 * inLen - 1 and less to hear when compressing isn't worth it). `table` is scratch of LZF_TABLE_SIZE bytes.
 */
export function lzfCompress(inPtr: usize, inLen: i32, outPtr: usize, outMax: i32, table: usize): i32 {
  if (inLen <= 0 || outMax <= 0) return 0;
  const end = inPtr + <usize>inLen;
  const outEnd = outPtr + <usize>outMax;
  const lastTriple = inLen > 2 ? end - 2 : inPtr;
  clearTable(table, inPtr, end);
  let at = inPtr;
  let run: usize = 0; // Literals since the run's length byte, which stands `run` + 1 before `out`.
  let out = outPtr + 1;
  while (at < lastTriple) {
    const slot = slotOf(table, at);
    const earlier = inPtr + <usize>load<u32>(slot);
    store<u32>(slot, <u32>(at - inPtr));
    const distance = at - earlier - 1;
    const repeats = distance < MAX_DISTANCE && earlier > inPtr
      && load<u16>(earlier) == load<u16>(at) && load<u8>(earlier, 2) == load<u8>(at, 2);
    if (!repeats) {
      if (out >= outEnd) return 0;
      store<u8>(out++, load<u8>(at++));
      if (++run == MAX_LITERALS) {
        store<u8>(out - run - 1, run - 1);
        run = 0;
        out++;
      }
      continue;
    }
    if (out - (run == 0 ? 1 : 0) + 4 >= outEnd) return 0;
    if (run == 0) out--;
    else store<u8>(out - run - 1, run - 1);
    const length = matchLength(earlier, at, end);
    out = writeReference(out, distance, length) + 1;
    run = 0;
    at += length;
    if (at >= lastTriple) break;
    store<u32>(slotOf(table, at - 2), <u32>(at - 2 - inPtr));
    store<u32>(slotOf(table, at - 1), <u32>(at - 1 - inPtr));
  }
  if (out + 3 > outEnd) return 0;
  while (at < end) {
    store<u8>(out++, load<u8>(at++));
    if (++run == MAX_LITERALS) {
      store<u8>(out - run - 1, run - 1);
      run = 0;
      out++;
    }
  }
  if (run == 0) out--;
  else store<u8>(out - run - 1, run - 1);
  return <i32>(out - outPtr);
}

// --- Decompressing ---

/**
 * Decompresses `inLen` bytes into at most `outMax`; answers the length, or 0 when the input is damaged or does not fit.
 * Writes nothing outside the output and reads nothing outside the input, whatever the bytes are.
 */
export function lzfDecompress(inPtr: usize, inLen: i32, outPtr: usize, outMax: i32): i32 {
  const end = inPtr + <usize>inLen;
  const outEnd = outPtr + <usize>outMax;
  let out = outPtr;
  let at = inPtr;
  while (at < end) {
    const control = <usize>load<u8>(at++);
    if (control < 32) {
      const run = control + 1;
      if (run > outEnd - out || run > end - at) return 0;
      memory.copy(out, at, run);
      out += run;
      at += run;
      continue;
    }
    let length = control >> 5;
    if (length == 7) {
      if (at >= end) return 0;
      length += <usize>load<u8>(at++);
    }
    length += 2;
    if (at >= end) return 0;
    const distance = ((control & 31) << 8) + <usize>load<u8>(at++) + 1;
    if (length > outEnd - out || distance > out - outPtr) return 0;
    if (distance >= length) {
      memory.copy(out, out - distance, length);
      out += length;
      continue;
    }
    // The copy overlaps what it makes: a short pattern repeated.
    for (const stop = out + length; out < stop; out++) store<u8>(out, load<u8>(out - distance));
  }
  return <i32>(out - outPtr);
}
