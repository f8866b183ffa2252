// snapshot.ts - the bytes of a snapshot: docs/formats/snapshot.md is the specification.
//
//   0 "WAKEYIMG" · 8 version · 12 build · 16 checksum of all behind · 20 number of parts · 24 size of facts · 28 0 ·
//   32 size of the whole (f64) · 40 parts (address f64, length f64) · facts (JSON, padded) · the parts' bytes
//
// All numbers little-endian, everything padded to 8 bytes. Reading checks everything before anything is changed.
// Not for exchange between versions: an image fits only the build of the core that made it.

import { checksum } from "./checksum.ts";
import { copyImage, imageSegments, segmentsLength } from "./image.ts";
import type { Segments } from "./image.ts";
import type { Core } from "./core.ts";

const MAGIC = "WAKEYIMG";
const SNAPSHOT_VERSION = 1;
const HEADER = 40;
const CHECKED_FROM = 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts, a character a byte: libraries of functions, and scripts with whether they may be evicted (EVAL's). */
export interface ScriptContents {
  libraries: string[];
  scripts: [text: string, mayGo: boolean][];
}

/** What a snapshot says beside the memory. */
export interface SnapshotFacts {
  /** Directives that differ from their defaults. */
  config: [name: string, value: string][];
  /** Users as lines of rules; absent when there is only the default user, with all rights and requirepass. */
  users?: string[];
  /** Cached scripts and libraries of functions; absent when there are none. */
  scripts?: ScriptContents;
  /** Bytes that the core used when it was empty. */
  startupBytes: number;
}

/** A snapshot that was read: where its parts are. */
interface ReadSnapshot {
  facts: SnapshotFacts;
  segments: Segments;
  bytes: Uint8Array;
  /** Where the first part's bytes begin. */
  at: number;
}

/** A snapshot that can't be restored: damaged, not a snapshot, or of another build. Nothing was changed. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

const padded = (length: number) => Math.ceil(length / 8) * 8;

/** A core's whole state as bytes. */
export function writeSnapshot(core: Core, facts: SnapshotFacts, buildId: number): Uint8Array {
  const segments = imageSegments(core);
  const text = encoder.encode(JSON.stringify(facts));
  const textAt = HEADER + segments.length * 8;
  const imageAt = textAt + padded(text.length);
  const bytes = new Uint8Array(imageAt + segmentsLength(segments));
  const view = new DataView(bytes.buffer);
  bytes.set(encoder.encode(MAGIC));
  view.setUint32(8, SNAPSHOT_VERSION, true);
  view.setUint32(12, buildId, true);
  view.setUint32(20, segments.length / 2, true);
  view.setUint32(24, text.length, true);
  view.setFloat64(32, bytes.length, true);
  segments.forEach((value, i) => view.setFloat64(HEADER + i * 8, value, true));
  bytes.set(text, textAt);
  copyImage(core, segments, bytes, imageAt);
  view.setUint32(16, checksum(bytes, CHECKED_FROM, bytes.length), true);
  return bytes;
}

/** Checks a snapshot and finds its parts. Throws SnapshotError. */
export function readSnapshot(bytes: Uint8Array, buildId: number): ReadSnapshot {
  const refuse = (why: string): never => {
    throw new SnapshotError(`snapshot: restore: ${why}`);
  };
  if (!(bytes instanceof Uint8Array)) return refuse("a snapshot is bytes (Uint8Array)");
  if (bytes.length < HEADER || decoder.decode(bytes.subarray(0, 8)) !== MAGIC) refuse("these bytes are no snapshot");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8, true);
  if (version !== SNAPSHOT_VERSION) refuse(`its version is ${version}, this build reads ${SNAPSHOT_VERSION}`);
  if (view.getUint32(12, true) !== buildId) refuse("another build of the core made it");
  const whole = view.getFloat64(32, true);
  if (whole !== bytes.length) refuse(`it has ${bytes.length} bytes in place of ${whole}`);
  if (view.getUint32(16, true) !== checksum(bytes, CHECKED_FROM, bytes.length)) refuse("its checksum is wrong");
  const count = view.getUint32(20, true);
  const textLength = view.getUint32(24, true);
  const segments: Segments = [];
  for (let i = 0; i < count * 2; i++) segments.push(view.getFloat64(HEADER + i * 8, true));
  const textAt = HEADER + count * 16;
  const facts = JSON.parse(decoder.decode(bytes.subarray(textAt, textAt + textLength))) as SnapshotFacts;
  return { facts, segments, bytes, at: textAt + padded(textLength) };
}
