/**
 * The messages of client-side caching: how clients are told what is invalid.
 *
 *   RESP3               >2 $10 invalidate *1 $3 key         (a flush: _ in place of the array)
 *   RESP2, redirected   *3 $7 message $20 __redis__:invalidate *1 $3 key
 *
 * Not for who is told: tracking.ts, tracking-prefixes.ts.
 */
import { writeText } from "../bytes/compare";
import { formatU64 } from "../bytes/integer";
import { free, realloc, usableSize } from "../memory/allocator";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, CLIENT_INTERNAL, CLIENT_SUBSCRIBED } from "./client";
import { pushRaw, pushTarget } from "./pubsub";
import { clientById, shared, TRACK_BROKEN, trackingOf } from "./tracking-state";

/** A buffer for messages that is kept for the next one. */
export const FRAME_KEPT: usize = 65536;

const INVALIDATE_3: usize = memory.data<u8>([
  62, 50, 13, 10, 36, 49, 48, 13, 10, 105, 110, 118, 97, 108, 105, 100, 97, 116, 101, 13, 10,
]); // >2 $10 invalidate
const INVALIDATE_3_SIZE: i32 = 21;
const INVALIDATE_2: usize = memory.data<u8>([
  42, 51, 13, 10, 36, 55, 13, 10, 109, 101, 115, 115, 97, 103, 101, 13, 10, 36, 50, 48, 13, 10, 95, 95, 114, 101, 100,
  105, 115, 95, 95, 58, 105, 110, 118, 97, 108, 105, 100, 97, 116, 101, 13, 10,
]); // *3 $7 message $20 __redis__:invalidate
const INVALIDATE_2_SIZE: i32 = 44;

/** Tells a RESP3 client that the one that it redirects to is gone. */
function tellBroken(c: Client): void {
  const t = trackingOf(c);
  t.options |= TRACK_BROKEN;
  if (c.resp != 3) return;
  const buffer = ROOT_ADDRESS + offsetof<Root>("line");
  let n = writeText(buffer, ">2\r\n$21\r\ntracking-redir-broken\r\n:");
  n += <i32>formatU64(buffer + <usize>n, <u64>t.redirect);
  n += writeText(buffer + <usize>n, "\r\n");
  pushRaw(pushTarget(c, true), buffer, n);
}

/** Tells a tracking client, or the one that it redirects to, what is invalid: `value`, a reply of `len` bytes. */
export function tell(c: Client, value: usize, len: i32): void {
  const t = trackingOf(c);
  let to = c;
  if (t.redirect != 0) {
    const address = clientById(t.redirect);
    if (address == 0) {
      tellBroken(c);
      return;
    }
    to = changetype<Client>(address);
  }
  // A call in process has one reply and no ear for anything else.
  if (to.flags & CLIENT_INTERNAL) return;
  // As in Valkey, what a client hears of its own doing comes behind the events of it.
  const target = pushTarget(to, true);
  if (to.resp == 3) pushRaw(target, INVALIDATE_3, INVALIDATE_3_SIZE);
  else if (t.redirect != 0 && to.flags & CLIENT_SUBSCRIBED) pushRaw(target, INVALIDATE_2, INVALIDATE_2_SIZE);
  else return;
  pushRaw(target, value, len);
}

/** A buffer of `size` bytes for a message; 0 when memory is exhausted. */
export function frame(size: usize): usize {
  const s = shared();
  if (s.frame != 0 && usableSize(s.frame) >= size) return s.frame;
  const moved = realloc(s.frame, size);
  if (moved != 0) s.frame = moved;
  return moved;
}

/** Frees the buffer of messages when it has more than `kept` bytes. */
export function trimTrackingFrame(kept: usize): void {
  if (root().tracking == 0) return;
  const s = shared();
  if (s.frame == 0 || usableSize(s.frame) <= kept) return;
  free(s.frame);
  s.frame = 0;
}

/** Writes "<mark><n>\r\n"; returns the address behind it. */
export function putHead(at: usize, mark: u8, n: i32): usize {
  store<u8>(at, mark);
  at += 1 + <usize>formatU64(at + 1, <u64>n);
  store<u16>(at, 0x0a0d);
  return at + 2;
}

export function putBulk(at: usize, ptr: usize, len: i32): usize {
  at = putHead(at, 0x24, len);
  memory.copy(at, ptr, <usize>len);
  store<u16>(at + <usize>len, 0x0a0d);
  return at + <usize>len + 2;
}
