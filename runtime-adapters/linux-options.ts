// linux-options.ts - options of sockets: numbers, and which congestion control a connection from this machine has.
//
// Loopback has no bottleneck to find, so Reno's, which does the least, saves 2 to 3 % of the CPU time of a request
// where the system's is BBR, with its timer for every packet; GET of 128 KiB saves 25 %, of 1 MiB 3 to 5. A reply of a
// packet (64 KiB) and a short second one is another matter: BBR has the second wait, so that the client is woken once.
// GET of 64 KiB takes 12 % more with Reno, of 80,000 bytes 10, of 100,000 nothing. So a connection begins with Reno's,
// and its first reply of such a length gives it the system's back.

import { putOptionText } from "./linux-address.ts";
import { TEXT_OFFSET, TEXT_SIZE, VALUE_OFFSET } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";

export const SOL_SOCKET = 1;
export const IPPROTO_TCP = 6;
const TCP_CONGESTION = 13;

export const PLAIN_CONGESTION_CONTROL = "reno";

/** Longest reply that is better off with the system's, in bytes. */
export const SYSTEMS_CONGESTION_MOST = 96 * 1024;

/** Sets an option that is a number. */
export function setOption(calls: LinuxCalls, fd: number, level: number, name: number, value: number): void {
  calls.scratch.setInt32(VALUE_OFFSET, value, true);
  calls.functions.setsockopt(fd, level, name, calls.at.value, 4);
}

/** The name of a socket's congestion control; "" where it has none. */
export function congestionControl(calls: LinuxCalls, fd: number): string {
  const { functions, at, scratch } = calls;
  scratch.setInt32(VALUE_OFFSET, TEXT_SIZE, true);
  if (functions.getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, at.text, at.value) < 0) return "";
  const bytes = new Uint8Array(scratch.buffer, TEXT_OFFSET, scratch.getInt32(VALUE_OFFSET, true));
  const text = String.fromCharCode(...bytes);
  return text.slice(0, text.indexOf("\0"));
}

/** Gives a socket another one; one that the system doesn't have or allow changes nothing. */
export function setCongestionControl(calls: LinuxCalls, fd: number, name: string): void {
  calls.functions.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, calls.at.text, putOptionText(calls, name));
}
