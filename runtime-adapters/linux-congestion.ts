// linux-congestion.ts - which congestion control a connection from this machine has.
//
// Loopback has no bottleneck to find, so Reno's, which does the least, saves 2 to 3 % of the CPU time of a request
// where the system's is BBR, with its timer for every packet. Replies longer than a packet are another matter: BBR has
// their ends wait, and so the client is woken less often. GET of 64 KiB takes 12 % more with Reno. So a connection
// begins with Reno's, and its first long reply gives it the system's back.

import { putOptionText } from "./linux-address.ts";
import { TEXT_OFFSET, TEXT_SIZE, VALUE_OFFSET } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";

const IPPROTO_TCP = 6;
const TCP_CONGESTION = 13;

export const PLAIN_CONGESTION_CONTROL = "reno";

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
