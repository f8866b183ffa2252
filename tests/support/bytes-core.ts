/** bytes-core: the core's byte work (core-wasm/testing/bytes-exports.ts), with places for arguments and results. */
import { loadTestCore } from "./test-core.ts";

export const { exports: core, memory } = loadTestCore("bytes-exports");
export const bytes = new Uint8Array(memory.buffer);
export const view = new DataView(memory.buffer);
export const base: number = core.workspace();
/** Where results go. */
export const OUT = base + 4096;
export const A = base + 8192;
export const B = base + 16384;

/** Copies text (one byte a character) or bytes to `at`, with junk behind; answers the length. */
export function put(at: number, text: string | Uint8Array): number {
  const from = typeof text === "string" ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : text;
  bytes.set(from, at);
  bytes.fill(0x39, at + from.length, at + from.length + 16);
  return from.length;
}

/** The text at `at`. */
export function text(at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
