// migrate.ts - MIGRATE: moves keys to another server.
//
//   keys that exist ─► [AUTH] [SELECT] RESTORE key ttl payload [REPLACE] ... in one go ─► a line of reply each
//                                                                    +OK: the key is deleted, unless COPY
//
// No other client's command runs from the look-up to the last reply, so that nobody sees a key in both places or in
// none (server/migrate/targets.ts). Memory: all payloads at once, as in Valkey.

import type { Connection } from "../connection/connection.ts";
import type { Core } from "../bridge/core.ts";
import { parseInteger, parseLeadingInteger } from "../config/syntax.ts";
import { fromBytes, toBytes } from "../config/text.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import { MIGRATE_PAYLOAD } from "../generated/layout.ts";
import { TargetError } from "../migrate/target.ts";
import type { Target } from "../migrate/target.ts";
import type { Server } from "../server.ts";
import type { HostHandler } from "./registry.ts";

type Args = readonly Uint8Array[];

/** What a MIGRATE command says. */
interface Request {
  host: string;
  port: number;
  /** The target's database. */
  db: bigint;
  limitMs: number;
  copy: boolean;
  replace: boolean;
  /** Password, or user and password. */
  credentials: Args;
  keys: Args;
}

/** How far an attempt has come, for the error that tells of its end. */
interface Progress {
  stage: "connecting" | "writing" | "reading";
  /** A key was answered: the command must not be sent again. */
  isAnswered: boolean;
  /** The first error of the target. */
  refusal: string | undefined;
}

const DEFAULT_LIMIT_MS = 1000;
const SYNTAX = "ERR syntax error";
const NOT_INTEGER = "ERR value is not an integer or out of range";
const KEYS_NEED_EMPTY =
  "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
/** Errors of a connection that the system had begun: Valkey learns of them when it writes. */
const FOUND_WHEN_WRITING = ["ECONNREFUSED", "ECONNRESET", ""];
/** Bytes that are put together before they are sent. */
const PIECE = 65536;
const encoder = new TextEncoder();

// --- The request ---

/** Reads the arguments; an error's text when they are wrong. */
function parse(args: Args): Request | string {
  let [copy, replace] = [false, false];
  let credentials: Args = [];
  let keys: Args = [args[3]];
  for (let i = 6; i < args.length; i++) {
    const option = fromBytes(args[i]).toLowerCase();
    const values = option === "auth" ? 1 : option === "auth2" ? 2 : 0;
    if (option === "copy") copy = true;
    else if (option === "replace") replace = true;
    else if (values > 0 && i + values < args.length) {
      credentials = args.slice(i + 1, i + 1 + values);
      i += values;
    } else if (option === "keys") {
      if (args[3].length > 0) return KEYS_NEED_EMPTY;
      keys = args.slice(i + 1);
      break;
    } else {
      return SYNTAX;
    }
  }
  const limit = parseInteger(fromBytes(args[5]));
  const db = parseInteger(fromBytes(args[4]));
  if (limit === undefined || db === undefined) return NOT_INTEGER;
  // As atoi() reads it; a port that is too large loses its upper bits.
  const port = Number(BigInt.asIntN(32, parseLeadingInteger(fromBytes(args[2]), 10).value));
  return {
    host: fromBytes(args[1]), port: port < 0 ? port : port & 0xffff, db,
    limitMs: limit <= 0n ? DEFAULT_LIMIT_MS : Number(limit), copy, replace, credentials, keys,
  };
}

// --- What is sent ---

function command(...words: (string | Uint8Array)[]): Uint8Array[] {
  const parts: Uint8Array[] = [encoder.encode(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === "string" ? encoder.encode(word) : word;
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, encoder.encode("\r\n"));
  }
  return parts;
}

/**
 * Adds a RESTORE for each key to `parts`; the keys that it is sent for, undefined when memory is exhausted. A key that
 * has expired is passed over.
 */
function addKeys(source: Source, replace: boolean, parts: Uint8Array[]): Key[] | undefined {
  const { server: { core }, db, keys, life } = source;
  const sent: Key[] = [];
  // A snapshot was restored meanwhile: these are no keys of it.
  if (core.life !== life) return sent;
  for (const key of keys) {
    const at = core.exports.migratePayload(db, key.at, key.bytes.length) >>> 0;
    if (at === 0) continue;
    const block = core.u32(at + MIGRATE_PAYLOAD.block);
    if (block === 0) return undefined;
    const payload = core.copy(block, core.u32(at + MIGRATE_PAYLOAD.length));
    core.exports.hostFree(block);
    const expire = core.i64(at + MIGRATE_PAYLOAD.expire);
    const ttl = expire < 0 ? 0 : Math.max(1, expire - core.nowMs);
    parts.push(...command("RESTORE", key.bytes, `${ttl}`, payload, ...(replace ? ["REPLACE"] : [])));
    sent.push(key);
  }
  return sent;
}

/** The parts in fewer pieces: small ones are put together. */
function* pieces(parts: Uint8Array[]): Generator<Uint8Array> {
  const buffer = new Uint8Array(PIECE);
  let used = 0;
  for (const part of parts) {
    if (used + part.length > PIECE) {
      yield buffer.slice(0, used);
      used = 0;
    }
    if (part.length > PIECE) yield part;
    else {
      buffer.set(part, used);
      used += part.length;
    }
  }
  yield buffer.slice(0, used);
}

// --- An attempt ---

/** A key, and where the core has a copy of its name. */
interface Key {
  bytes: Uint8Array;
  at: number;
}

/** What is moved, and for whom. */
interface Source {
  server: Server;
  connection: Connection;
  db: number;
  keys: readonly Key[];
  /** The core's life that all of this belongs to. */
  life: number;
}

/** Copies of the keys' names in the core, so that later steps need no memory; undefined when there is not enough. */
function keepKeys({ core }: Server, names: Args): Key[] | undefined {
  const keys = names.map((bytes) => ({ bytes, at: core.keepBytes(bytes) }));
  if (keys.every(({ at }) => at !== 0)) return keys;
  dropKeys(core, keys);
  return undefined;
}

function dropKeys(core: Core, keys: readonly Key[]): void {
  for (const { at } of keys) if (at !== 0) core.exports.hostFree(at);
}

/** Sends everything and takes the replies; throws a TargetError when the connection fails. */
async function attempt(source: Source, request: Request, progress: Progress): Promise<void> {
  const { server } = source;
  const { limitMs, credentials } = request;
  progress.stage = "connecting";
  if (request.port < 0) throw new TargetError("EINVAL");
  const target = await reach(source, request, progress);
  progress.stage = "writing";
  const parts: Uint8Array[] = [];
  if (credentials.length > 0) parts.push(...command("AUTH", ...credentials));
  const selects = target.db !== request.db;
  if (selects) parts.push(...command("SELECT", `${request.db}`));
  server.nowUs();
  const keys = addKeys(source, request.replace, parts);
  if (keys === undefined) {
    progress.refusal = OUT_OF_MEMORY;
    return;
  }
  for (const piece of pieces(parts)) await target.send(piece, limitMs);
  progress.stage = "reading";
  const before = (credentials.length > 0 ? 1 : 0) + (selects ? 1 : 0);
  const failures: string[] = [];
  for (let i = 0; i < before; i++) {
    const line = await target.line(limitMs);
    if (line.startsWith("-")) failures.push(line);
  }
  await takeReplies(source, request, progress, { target, keys, failure: failures[0] });
  target.db = progress.refusal === undefined ? request.db : -1n;
}

/** The target's connection. One that was refused is found so when it is written to, as Valkey finds it without TLS. */
async function reach({ server }: Source, request: Request, progress: Progress): Promise<Target> {
  try {
    return await server.targets.reach(request.host, request.port, request.limitMs);
  } catch (error) {
    const isPlain = !server.config.boolean("tls-cluster");
    if (isPlain && error instanceof TargetError && FOUND_WHEN_WRITING.includes(error.code)) progress.stage = "writing";
    throw error;
  }
}

/** Takes the reply for each key. `failure`: AUTH or SELECT failed, so nothing counts as moved. */
async function takeReplies(
  source: Source, request: Request, progress: Progress,
  sent: { target: Target; keys: readonly Key[]; failure: string | undefined },
): Promise<void> {
  const { server, connection, db, life } = source;
  const { core } = server;
  for (const key of sent.keys) {
    const line = await sent.target.line(request.limitMs);
    progress.isAnswered = true;
    const failure = sent.failure ?? (line.startsWith("-") ? line : undefined);
    if (failure !== undefined) {
      progress.refusal ??= `ERR Target instance replied with error: ${failure.slice(1)}`;
    } else if (!request.copy && core.life === life) {
      server.nowUs();
      core.exports.migrateDelete(connection.client, db, key.at, key.bytes.length);
    }
  }
}

/** Moves the keys and replies. What fails before any key was answered is tried once more over a new connection. */
async function move(source: Source, request: Request, reply: ReplyWriter): Promise<void> {
  const { targets } = source.server;
  const name = `${request.host}:${request.port}`;
  const progress: Progress = { stage: "connecting", isAnswered: false, refusal: undefined };
  for (let isFirst = true; ; isFirst = false) {
    try {
      await attempt(source, request, progress);
      break;
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      targets.drop(name);
      if (progress.refusal !== undefined) break;
      if (progress.stage === "connecting") return reply.error("IOERR error or timeout connecting to the client");
      const mayRetry = isFirst && !progress.isAnswered && error.code !== "ETIMEDOUT";
      if (!mayRetry) return reply.error(`IOERR error or timeout ${progress.stage} to target instance`);
    }
  }
  if (progress.refusal === undefined) reply.ok();
  else reply.error(toBytes(progress.refusal));
}

/** Why nothing can be moved now. */
function cantMove({ port, targets }: Server): string | undefined {
  if (port.dial === undefined) return "IOERR there are no sockets here to connect to a target with";
  // Only calls from inside the program come while another client's command is at it.
  return targets.isBusy ? "IOERR keys are being moved already" : undefined;
}

/** MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...] */
const migrateCommand: HostHandler = (server, connection, args, reply) => {
  const request = parse(args);
  if (typeof request === "string") return reply.error(request);
  const { core, targets } = server;
  const { client, db } = connection;
  const named = keepKeys(server, request.keys);
  if (named === undefined) return reply.error(OUT_OF_MEMORY);
  server.nowUs();
  const keys = named.filter(({ at, bytes }) => core.exports.migrateFind(client, db, at, bytes.length) === 1);
  const refusal = keys.length === 0 ? undefined : cantMove(server);
  if (keys.length === 0 || refusal !== undefined) {
    dropKeys(core, named);
    return refusal === undefined ? reply.simple("NOKEY") : reply.error(refusal);
  }
  const source: Source = { server, connection, db, keys, life: core.life };
  return targets.alone(async () => {
    await move(source, request, reply);
    if (core.life === source.life) dropKeys(core, named);
  });
};

export const MIGRATE_HANDLERS = { [CMD.MIGRATE]: migrateCommand };
