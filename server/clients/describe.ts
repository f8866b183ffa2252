// describe.ts - one connection as CLIENT LIST, CLIENT INFO and the log show it.
//
//     id=7 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=12 name= age=3 idle=0 flags=N capa= db=0 ... tot-cmds=4
//
// Fields and their order are Valkey's; memory is counted as this server uses it. Texts are byte strings: a character a
// byte. Not for choosing connections: filter.ts.

import type { Core } from "../bridge/core.ts";
import type { Connection } from "../connection/connection.ts";
import { redirectOf, trackingOptions } from "../commands/tracking.ts";
import {
  CLIENT_BLOCKED, CLIENT_CAPA_REDIRECT, CLIENT_CLOSE_AFTER_REPLY, CLIENT_CLOSE_ASAP, CLIENT_DIRTY_CAS, CLIENT_HELD,
  CLIENT_IMPORT_SOURCE, CLIENT_MONITOR, CLIENT_MULTI, CLIENT_NO_EVICT, CLIENT_NO_TOUCH, CLIENT_SUBSCRIBED,
  CLIENT_TRACKING, CLIENT_UNIX_SOCKET, SUBSCRIPTIONS, TRACK_BCAST, TRACK_BROKEN, TRANSACTION,
} from "../generated/layout.ts";
import type { Server } from "../server.ts";

/** Stands for READONLY, which only the host knows of. */
const READ_ONLY = 2 ** 31 | 0;

/** The letters of the flags field and the bits that they stand for, in the order in which they are shown. */
const LETTERS: readonly (readonly [letter: string, bits: number])[] = [
  ["O", CLIENT_MONITOR], ["P", CLIENT_SUBSCRIBED], ["x", CLIENT_MULTI], ["b", CLIENT_BLOCKED | CLIENT_HELD],
  ["t", CLIENT_TRACKING], ["d", CLIENT_DIRTY_CAS], ["c", CLIENT_CLOSE_AFTER_REPLY], ["A", CLIENT_CLOSE_ASAP],
  ["U", CLIENT_UNIX_SOCKET], ["r", READ_ONLY], ["e", CLIENT_NO_EVICT], ["T", CLIENT_NO_TOUCH],
  ["I", CLIENT_IMPORT_SOURCE],
];

/** The flags field: a letter each, "N" for none. */
export function flagLetters(connection: Connection): string {
  const flags = (connection.flags & ~READ_ONLY) | (connection.isReadOnly ? READ_ONLY : 0);
  const letters = LETTERS.filter(([, bits]) => (flags & bits) !== 0)
    .map(([letter]) => (letter === "t" ? trackingLetters(connection) : letter)).join("");
  return letters === "" ? "N" : letters;
}

/** What stands for a client that tracks: its mode, and whether the one that it redirects to is gone. */
function trackingLetters({ core, client }: Connection): string {
  const options = trackingOptions(core, client) ?? 0;
  return `t${(options & TRACK_BROKEN) !== 0 ? "R" : ""}${(options & TRACK_BCAST) !== 0 ? "B" : ""}`;
}

/** Whole seconds from a time in milliseconds to now. */
function secondsSince(server: Server, ms: number): number {
  return Math.floor(server.core.nowMs / 1000) - Math.floor(ms / 1000);
}

/** Seconds since the connection was made. */
export function ageOf(server: Server, connection: Connection): number {
  return secondsSince(server, server.core.client64(connection.client, "createdMs"));
}

/** Seconds since the connection's last input or output. */
export function idleOf(server: Server, connection: Connection): number {
  return secondsSince(server, server.core.client64(connection.client, "lastMs"));
}

/** Bytes of the arguments of the command that the connection runs now. */
function argumentBytes(server: Server, connection: Connection): number {
  return server.running === connection ? server.core.argumentBytes : 0;
}

/** How many channels, patterns and shard channels the client subscribed to. */
function subscriptionCounts(core: Core, client: number): [string, number][] {
  const at = core.client32(client, "subscriptions");
  const count = (field: number) => (at === 0 ? 0 : core.u32(at + field));
  return [
    ["sub", count(SUBSCRIPTIONS.channels)], ["psub", count(SUBSCRIPTIONS.patterns)],
    ["ssub", count(SUBSCRIPTIONS.shards)],
  ];
}

/** The line without a line break. `redacted` hides what users chose themselves. */
export function describeConnection(server: Server, connection: Connection, redacted = false): string {
  const { core } = server;
  const at = connection.client;
  const argv = argumentBytes(server, connection);
  const chunks = core.client32(at, "outChunks");
  const firstOutput = core.exports.clientFirstOutput(at);
  const large = core.exports.clientLarge(at) >>> 0;
  const filled = large === 0 ? 0 : core.client32(at, "largeFilled");
  const held = core.client32(at, "bufferLength") + filled;
  const queued = held - core.client32(at, "position");
  const transaction = core.client32(at, "transaction");
  const command = core.client32(at, "lastCommand");
  const fields: readonly (readonly [string, string | number])[] = [
    ["id", connection.id], ["addr", connection.remote], ["laddr", connection.local], ["fd", connection.fd],
    ["name", redacted ? "*redacted*" : connection.name],
    ["age", ageOf(server, connection)], ["idle", idleOf(server, connection)],
    ["flags", flagLetters(connection)], ["capa", (connection.flags & CLIENT_CAPA_REDIRECT) !== 0 ? "r" : ""],
    ["db", connection.db], ...subscriptionCounts(core, at),
    ["multi", transaction === 0 ? -1 : core.i32(transaction + TRANSACTION.count)],
    ["watch", transaction === 0 ? 0 : core.i32(transaction + TRANSACTION.watchCount)],
    ["qbuf", queued], ["qbuf-free", core.client32(at, "bufferCapacity") + large - held],
    ["argv-mem", argv], ["multi-mem", transaction === 0 ? 0 : core.u32(transaction + TRANSACTION.chunkBytes)],
    ["rbs", core.client32(at, "replySize")], ["rbp", firstOutput], ["obl", firstOutput],
    ["oll", Math.max(0, chunks - 1)], ["omem", core.exports.clientOutput(at) >>> 0],
    ["tot-mem", (core.exports.clientMemory(at) >>> 0) + argv],
    ["events", connection.isWriting ? "rw" : "r"],
    ["cmd", command === 0 ? "NULL" : server.commands.nameOf(command)],
    ["user", redacted ? "*redacted*" : connection.user], ["redir", redirectOf(core, at)], ["resp", connection.resp],
    ["lib-name", connection.libName], ["lib-ver", connection.libVersion],
    ["tot-net-in", core.client64(at, "netIn")], ["tot-net-out", core.client64(at, "netOut")],
    ["tot-cmds", core.client64(at, "commands")],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** The line as the log shows it: without names and users when hide-user-data-from-log is set. */
export function describeForLog(server: Server, connection: Connection): string {
  return describeConnection(server, connection, server.config.boolean("hide-user-data-from-log"));
}
