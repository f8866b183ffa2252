/**
 * Client eviction: keeps what clients' buffers take within maxmemory-clients by closing the clients that take most.
 *
 * The core only marks clients; their memory is gone when the host has closed them. Until then it counts as gone already
 * (root.closingMemory), or keys would be evicted for what is about to be freed anyway.
 *
 * Not for limits of a single client (client.ts) and not for keys (keyspace/eviction.ts). Costs: a comparison a command
 * while a limit is set; a walk over all clients for each halving of the largest size when it is exceeded.
 */
import { root } from "../memory/root";
import {
  Client, clientBytes, CLIENT_CLOSE_ASAP, CLIENT_INTERNAL, CLIENT_NO_EVICT, CLOSE_EVICTED, closeFor,
} from "./client";

/** A limit below this would leave no client to change it back. */
const LEAST_LIMIT: u64 = 128 * 1024;
const NOT_EVICTED: u32 = CLIENT_CLOSE_ASAP | CLIENT_INTERNAL | CLIENT_NO_EVICT;

/** Bytes that all clients may take; 0: any number. A negative setting is a percentage of maxmemory. */
function limit(): u64 {
  const r = root();
  let bytes = <u64>r.maxmemoryClients;
  if (r.maxmemoryClients < 0) {
    if (r.maxmemory == 0) return 0;
    bytes = <u64>(<f64>r.maxmemory * -<f64>r.maxmemoryClients / 100);
  } else if (r.maxmemoryClients == 0) {
    return 0;
  }
  return bytes < LEAST_LIMIT ? LEAST_LIMIT : bytes;
}

/** Bytes that clients take, without their first chunks of output, and that are not about to be freed. */
function used(): u64 {
  const r = root();
  return <u64>(r.clientsMemory - r.replyChunks + <usize>r.clientCount * offsetof<Client>()) - <u64>r.closingMemory;
}

/** Size of the largest client that may be evicted, 0 when there is none. */
function largest(): usize {
  let most: usize = 0;
  for (let address = root().firstClient; address != 0; address = changetype<Client>(address).next) {
    const c = changetype<Client>(address);
    const bytes: usize = c.flags & NOT_EVICTED ? 0 : clientBytes(c);
    if (bytes > most) most = bytes;
  }
  return most;
}

/** Closes clients, the largest first, until the others are within the limit. Sizes within a factor of 2 are alike. */
export function evictClients(): void {
  const most = limit();
  if (most == 0) return;
  while (used() > most) {
    const least = largest() >> 1;
    if (least == 0) return;
    for (let address = root().firstClient; address != 0 && used() > most; address = changetype<Client>(address).next) {
      const c = changetype<Client>(address);
      const bytes: usize = c.flags & NOT_EVICTED ? 0 : clientBytes(c);
      if (bytes > least) closeFor(c, CLOSE_EVICTED);
    }
  }
}
