/**
 * What is done for clients in the background: idle ones are closed, output that stays over the soft limit ends its
 * client, and query buffers shrink. The host calls it some times a second for a share of the clients.
 *
 * Not for closing them: a client is marked with its reason, the host logs and closes.
 */
import { realloc, usableSize } from "../memory/allocator";
import { INPUT_SLACK, root } from "../memory/root";
import {
  Client, CLIENT_BLOCKED, CLIENT_CLOSE_ASAP, CLIENT_HELD, CLIENT_INTERNAL, CLOSE_IDLE, CLOSE_OUTPUT_LIMIT_LATER,
  closeFor, dropArgs, dropBuffer, isOverOutputLimit,
} from "./client";
import { largeTrim } from "./large";
import { trimReplySize } from "./output";
import { missingBytes } from "./parser";

/** Unused room of a query buffer that is left alone. */
const BUFFER_WASTE: i32 = 4096;
const BUFFER_IDLE_SECONDS: i64 = 2;

function isTooIdle(c: Client, idleSeconds: i32): bool {
  if (idleSeconds == 0 || c.flags & (CLIENT_BLOCKED | CLIENT_HELD)) return false;
  return root().nowMs / 1000 - c.lastMs / 1000 > <i64>idleSeconds;
}

/** Gives back what a query buffer has too much, two seconds after the client's last word. */
function trimIdleBuffer(c: Client): void {
  const r = root();
  if (r.nowMs / 1000 - c.lastMs / 1000 <= BUFFER_IDLE_SECONDS) return;
  if (c.largeBlock != 0) largeTrim(c);
  if (c.expected == 0) dropArgs(c);
  if (c.buffer == 0 || c.bufferCapacity - c.bufferLength <= BUFFER_WASTE) return;
  if (c.bufferLength == 0) {
    dropBuffer(c);
    return;
  }
  const old = usableSize(c.buffer);
  const moved = realloc(c.buffer, <usize>(c.bufferLength + INPUT_SLACK));
  if (moved == 0) return;
  c.buffer = moved;
  c.bufferCapacity = <i32>usableSize(moved) - INPUT_SLACK;
  r.clientsMemory += usableSize(moved) - old;
}

/** Looks after `count` clients, going on where the last call ended. */
export function careForClients(count: i32, idleSeconds: i32): void {
  const r = root();
  for (let i = 0; i < count; i++) {
    if (r.cronClient == 0) r.cronClient = r.firstClient;
    if (r.cronClient == 0) return;
    const c = changetype<Client>(r.cronClient);
    r.cronClient = c.next;
    if (c.flags & (CLIENT_INTERNAL | CLIENT_CLOSE_ASAP)) continue;
    if (<u32>c.bufferPeak > r.inputPeak) r.inputPeak = <u32>c.bufferPeak;
    if (c.outBytes > <u64>r.outputPeak) r.outputPeak = <u32>c.outBytes;
    if (isTooIdle(c, idleSeconds)) {
      closeFor(c, CLOSE_IDLE);
    } else if (c.outChunks != 0 && isOverOutputLimit(c)) {
      closeFor(c, CLOSE_OUTPUT_LIMIT_LATER);
    } else {
      trimIdleBuffer(c);
      trimReplySize(c);
      c.bufferPeak = missingBytes(c) > 0 ? c.bufferCapacity : c.bufferLength;
    }
  }
}
