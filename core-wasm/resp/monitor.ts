/**
 * MONITOR: a line for every command that runs, to each client that asked for it.
 *
 *   +1700000000.123456 [0 127.0.0.1:50000] "SET" "key" "value"
 *
 * The host knows addresses; while there are monitors it tells the core those of all clients (Client.peer: u32 length,
 * then the bytes). Administrative commands are not shown, passwords are replaced. A command of the core is shown behind
 * its reply, one that the host runs in front of it, EXEC behind what it ran.
 *
 * Costs: nothing without monitors, a bit of root.gate that every command tests anyway; else a line a command, written
 * once and copied to each monitor.
 */
import { equalsIgnoreCase, writeText } from "../bytes/compare";
import { formatU64, hexDigit } from "../bytes/integer";
import { CMD_ADMIN, CMD_SKIP_MONITOR, Cmd, commandFlags } from "../generated/commands";
import { alloc, BLOCK_MOST, free, realloc, usableSize } from "../memory/allocator";
import { argLen, argPtr, root } from "../memory/root";
import { Client, CLIENT_MONITOR } from "./client";
import { GATE_MONITOR } from "./process";
import { pushRaw } from "./pubsub";
import { runsScripts } from "./script";

/** A line buffer of more is given back after use. */
const LINE_KEPT: usize = 65536;
const PEER_BYTES: usize = 4;
const AUTH_WORD: usize = memory.data<u8>([97, 117, 116, 104, 50]); // and AUTH2
const KEYS_WORD: usize = memory.data<u8>([107, 101, 121, 115]);
/** Where MIGRATE's options begin. */
const MIGRATE_OPTIONS: i32 = 6;

// --- Who monitors ---

/** Lets the client have every command; false when memory is exhausted. */
export function monitorAdd(c: Client): bool {
  const r = root();
  const moved = realloc(r.monitors, <usize>(r.monitorCount + 1) << 2);
  if (moved == 0) return false;
  r.monitors = moved;
  store<u32>(moved + (<usize>r.monitorCount << 2), <u32>changetype<usize>(c));
  r.monitorCount++;
  c.flags |= CLIENT_MONITOR;
  r.gate |= GATE_MONITOR;
  return true;
}

/** Ends it, when the client goes or is reset. */
export function monitorRemove(c: Client): void {
  if (!(c.flags & CLIENT_MONITOR)) return;
  const r = root();
  c.flags &= ~CLIENT_MONITOR;
  let at = r.monitors;
  while (<usize>load<u32>(at) != changetype<usize>(c)) at += 4;
  r.monitorCount--;
  // Those behind move up: monitors are served in the order in which they came.
  memory.copy(at, at + 4, r.monitors + (<usize>r.monitorCount << 2) - at);
  if (r.monitorCount > 0) return;
  free(r.monitors);
  r.monitors = 0;
  r.gate &= ~GATE_MONITOR;
}

/** Tells the core a client's address, as monitors show it. */
export function setPeer(c: Client, ptr: usize, len: i32): void {
  free(c.peer);
  c.peer = alloc(PEER_BYTES + <usize>len);
  if (c.peer == 0) return;
  store<i32>(c.peer, len);
  memory.copy(c.peer + PEER_BYTES, ptr, <usize>len);
}

// --- The line ---

function digits6(at: usize, n: u32): void {
  for (let i: usize = 6; i > 0; i--) {
    store<u8>(at + i - 1, <u8>(48 + n % 10));
    n /= 10;
  }
}

/** The letter behind a backslash for a byte that has one, else 0. */
function escape(byte: u32): u32 {
  switch (byte) {
    case 0x5c:
    case 0x22: return byte;
    case 10: return 0x6e; // n
    case 13: return 0x72; // r
    case 9: return 0x74; // t
    case 7: return 0x61; // a
    case 8: return 0x62; // b
    default: return 0;
  }
}

/** Writes bytes in quotes, those that are not printable as escapes; returns the address behind them. */
function putQuoted(at: usize, ptr: usize, len: i32): usize {
  store<u8>(at++, 0x22);
  for (let i = 0; i < len; i++) {
    const byte = <u32>load<u8>(ptr + <usize>i);
    const letter = escape(byte);
    if (letter != 0) {
      store<u8>(at, 0x5c);
      store<u8>(at + 1, <u8>letter);
      at += 2;
    } else if (byte >= 32 && byte < 127) {
      store<u8>(at++, <u8>byte);
    } else {
      store<u16>(at, 0x785c); // \x
      store<u8>(at + 2, hexDigit(byte >> 4));
      store<u8>(at + 3, hexDigit(byte & 15));
      at += 4;
    }
  }
  store<u8>(at, 0x22);
  return at + 1;
}

/** First and last argument of the command that nobody may see: first << 32 | last; 0 for none. */
function hiddenArguments(id: i32): i64 {
  const argc = root().argc;
  if (id == Cmd.AUTH) return (1 << 32) | <i64>(argc - 1);
  if (id == Cmd.MIGRATE) return hiddenOfMigrate(argc);
  if (id != Cmd.HELLO) return 0;
  for (let i = 2; i + 2 < argc; i++) {
    if (argLen(i) == 4 && equalsIgnoreCase(argPtr(i), AUTH_WORD, 4)) return (<i64>(i + 1) << 32) | (i + 2);
  }
  return 0;
}

/** The same for MIGRATE: what stands behind AUTH or AUTH2, unless that is a key. */
function hiddenOfMigrate(argc: i32): i64 {
  for (let i = MIGRATE_OPTIONS; i < argc; i++) {
    const n = argLen(i);
    if (n == 4 && equalsIgnoreCase(argPtr(i), KEYS_WORD, 4)) return 0;
    if ((n != 4 && n != 5) || !equalsIgnoreCase(argPtr(i), AUTH_WORD, n)) continue;
    const last = i + n - 3;
    return (<i64>(i + 1) << 32) | (last < argc ? last : argc - 1);
  }
  return 0;
}

/** Most bytes that the running command's line may have. */
function lineSize(c: Client): u64 {
  let size: u64 = 64 + (c.peer != 0 ? <u64>load<u32>(c.peer) : 0);
  for (let i = 0; i < root().argc; i++) size += (<u64>argLen(i) << 2) + 16;
  return size;
}

/** Writes the line of the running command; returns the address behind it. */
function putLine(line: usize, c: Client, id: i32): usize {
  const r = root();
  store<u8>(line, 0x2b);
  const us = <u64>r.nowUs;
  let at = line + 1 + <usize>formatU64(line + 1, us / 1000000);
  store<u8>(at++, 0x2e);
  digits6(at, <u32>(us % 1000000));
  at += 6;
  at += <usize>writeText(at, " [");
  at += <usize>formatU64(at, <u64>c.db);
  store<u8>(at++, 32);
  if (c.peer != 0) {
    const len = <usize>load<u32>(c.peer);
    memory.copy(at, c.peer + PEER_BYTES, len);
    at += len;
  }
  store<u8>(at++, 0x5d);
  const hidden = hiddenArguments(id);
  for (let i = 0; i < r.argc; i++) {
    store<u8>(at++, 32);
    if (hidden != 0 && i >= <i32>(hidden >> 32) && i <= <i32>hidden) at += <usize>writeText(at, '"(redacted)"');
    else at = putQuoted(at, argPtr(i), argLen(i));
  }
  store<u16>(at, 0x0a0d);
  return at + 2;
}

/** Shows the command in root.argv, which client `c` runs, to everybody who monitors. */
export function feedMonitors(c: Client, id: i32): void {
  // Scripts are shown in front of what they call.
  if (commandFlags(id) & (CMD_ADMIN | CMD_SKIP_MONITOR) && !runsScripts(id)) return;
  const r = root();
  const size = lineSize(c);
  if (r.monitorLine == 0 || <u64>usableSize(r.monitorLine) < size) {
    const moved: usize = size > BLOCK_MOST ? 0 : realloc(r.monitorLine, <usize>size);
    if (moved == 0) return;
    r.monitorLine = moved;
  }
  const line = r.monitorLine;
  const length = <i32>(putLine(line, c, id) - line);
  for (let i = 0; i < r.monitorCount; i++) {
    const to = <usize>load<u32>(r.monitors + (<usize>i << 2));
    // Who resets itself monitors no more.
    if (id == Cmd.RESET && to == changetype<usize>(c)) continue;
    pushRaw(changetype<Client>(to), line, length);
  }
  if (usableSize(line) > LINE_KEPT) freeMonitorLine();
}

/** Frees the buffer that lines are written to. */
export function freeMonitorLine(): void {
  const r = root();
  free(r.monitorLine);
  r.monitorLine = 0;
}
