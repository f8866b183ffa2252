// linux-address.ts - struct sockaddr in the scratch page: written for bind(), read after accept4() and getsockname().
//
//   sockaddr_in   (16)   0 family u16 = 2    2 port u16 big-endian    4 address, 4 bytes
//   sockaddr_in6  (28)   0 family u16 = 10   2 port u16 big-endian    4 flow u32    8 address, 16 bytes   24 scope u32
//   sockaddr_un   (110)  0 family u16 = 1    2 path, 108 bytes, ends with 0
//
// Identified by: family.

import { ADDRESS_OFFSET, TEXT_OFFSET, TEXT_SIZE } from "./linux-calls.ts";
import type { LinuxCalls } from "./linux-calls.ts";
import { formatAddress, systemError } from "./shared.ts";

export const AF_UNIX = 1;
const AF_INET = 2;
export const AF_INET6 = 10;

const PORT = ADDRESS_OFFSET + 2;
const IPV4 = ADDRESS_OFFSET + 4;
const IPV6 = ADDRESS_OFFSET + 8;
const IPV6_SCOPE = ADDRESS_OFFSET + 24;
const PATH = ADDRESS_OFFSET + 2;
const IPV4_SIZE = 16;
const IPV6_SIZE = 28;
const PATH_SIZE = 108;

function putText(calls: LinuxCalls, offset: number, size: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= size) throw systemError("ENAMETOOLONG", "listen");
  const room = new Uint8Array(calls.scratch.buffer, offset, size);
  room.fill(0);
  room.set(bytes);
}

/** Puts an ASCII text where `at.text` points; returns its length in bytes. */
export function putOptionText(calls: LinuxCalls, text: string): number {
  putText(calls, TEXT_OFFSET, TEXT_SIZE, text);
  return text.length;
}

/** Writes the address of `host` and `port`; returns [family, size], or undefined when `host` is a name. */
export function putAddress(calls: LinuxCalls, host: string, port: number): [number, number] | undefined {
  if (host.length >= TEXT_SIZE) return undefined;
  putText(calls, TEXT_OFFSET, TEXT_SIZE, host);
  const family = host.includes(":") ? AF_INET6 : AF_INET;
  const size = family === AF_INET6 ? IPV6_SIZE : IPV4_SIZE;
  const place = calls.pointer(calls.scratch.buffer, family === AF_INET6 ? IPV6 : IPV4);
  if (calls.functions.inet_pton(family, calls.at.text, place) !== 1) return undefined;
  calls.scratch.setUint16(ADDRESS_OFFSET, family, true);
  calls.scratch.setUint16(PORT, port, false);
  if (family === AF_INET6) {
    calls.scratch.setUint32(IPV4, 0);
    calls.scratch.setUint32(IPV6_SCOPE, 0);
  }
  return [family, size];
}

/** Writes a unix socket's address; returns [family, size]. */
export function putPath(calls: LinuxCalls, path: string): [number, number] {
  putText(calls, PATH, PATH_SIZE, path);
  calls.scratch.setUint16(ADDRESS_OFFSET, AF_UNIX, true);
  return [AF_UNIX, 2 + PATH_SIZE];
}

/** The port of the address in the scratch page; 0 for a unix socket. */
export function takePort(calls: LinuxCalls): number {
  return calls.scratch.getUint16(ADDRESS_OFFSET, true) === AF_UNIX ? 0 : calls.scratch.getUint16(PORT, false);
}

/** The address in the scratch page as Valkey prints it. Not for unix sockets. */
export function takeAddress(calls: LinuxCalls): string {
  const view = calls.scratch;
  const port = view.getUint16(PORT, false);
  if (view.getUint16(ADDRESS_OFFSET, true) === AF_INET) {
    const part = (i: number) => view.getUint8(IPV4 + i);
    return formatAddress(`${part(0)}.${part(1)}.${part(2)}.${part(3)}`, port);
  }
  calls.functions.inet_ntop(AF_INET6, calls.pointer(view.buffer, IPV6), calls.at.text, TEXT_SIZE);
  const bytes = new Uint8Array(view.buffer, TEXT_OFFSET, TEXT_SIZE);
  return formatAddress(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))), port);
}
