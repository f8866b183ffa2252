/**
 * FUNCTION DUMP and RESTORE: the texts of libraries as a payload (docs/formats/dump.md), for the host, which has them.
 *
 *   >0  u8 245, string   a library's text; any number of these
 *    n  u16 RDB version, the lower byte first
 *   +2  u64 CRC-64 of all that stands before it
 *
 * Libraries are put in and taken out one by one; nothing else may happen in between.
 */
import { root } from "../memory/root";
import { FOOTER_SIZE, isPayload, writeFooter } from "../persist/payload";
import { putByte, putString, Sink, sinkFree, sinkInit, sinkTake } from "../persist/sink";
import { Source, SOURCE_GOOD, sourceFree, sourceInit, takeByte, takeString } from "../persist/source";

const FUNCTION: u32 = 245;
const FUNCTION_OLD: u32 = 246;

// What functionsRead() returns.
// @layout
export const FUNCTIONS_END: i32 = 0;
export const FUNCTIONS_TEXT: i32 = 1; // root.idMs and root.number: address and length of a text
export const FUNCTIONS_OLD: i32 = 2;
export const FUNCTIONS_OTHER: i32 = 3;
export const FUNCTIONS_DAMAGED: i32 = 4;

const SINK: usize = memory.data(offsetof<Sink>(), 8);
const SOURCE: usize = memory.data(offsetof<Source>(), 8);

/** Begins a payload. */
export function functionsStart(): void {
  sinkInit(changetype<Sink>(SINK));
}

/** Puts a library's text into it. (g) */
export function functionsAdd(ptr: usize, len: i32): void {
  const s = changetype<Sink>(SINK);
  putByte(s, FUNCTION);
  putString(s, ptr, len);
}

/** Ends it: its address, to be freed by hostFree(), with its length in root.number; 0 without memory. (g) */
export function functionsEnd(): usize {
  const s = changetype<Sink>(SINK);
  writeFooter(s);
  root().number = <i64>s.length;
  if (!s.failed) return sinkTake(s);
  sinkFree(s);
  return 0;
}

/** Begins reading a payload, which has to stay where it is; 0 when its footer is wrong. */
export function functionsOpen(ptr: usize, len: i32): i32 {
  if (!isPayload(ptr, len)) return 0;
  sourceInit(changetype<Source>(SOURCE), ptr, len - FOOTER_SIZE);
  return 1;
}

/**
 * Takes the next library's text: root.idMs is its address, root.number its length. Anything but FUNCTIONS_TEXT ends
 * reading. (g)
 */
export function functionsRead(): i32 {
  const s = changetype<Source>(SOURCE);
  const r = root();
  let code = FUNCTIONS_END;
  if (s.at < s.end) {
    const kind = takeByte(s);
    if (kind != FUNCTION) code = kind == FUNCTION_OLD ? FUNCTIONS_OLD : FUNCTIONS_OTHER;
    else code = takeString(s, 0) && s.error == SOURCE_GOOD ? FUNCTIONS_TEXT : FUNCTIONS_DAMAGED;
  }
  if (code != FUNCTIONS_TEXT) sourceFree(s);
  r.idMs = <u64>s.text0;
  r.number = <i64>s.length0;
  return code;
}

/** Ends reading before its end. */
export function functionsClose(): void {
  sourceFree(changetype<Source>(SOURCE));
}
