// tracking.ts - the handlers of CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.
//
// They read options and refuse those that contradict each other; what is tracked is the core's (core-wasm/resp/
// tracking.ts). Texts are byte strings: a character a byte.

import { parseInteger } from "../config/syntax.ts";
import { fromBytes, toBytes } from "../config/text.ts";
import type { Core } from "../bridge/core.ts";
import type { Connection } from "../connection/connection.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import {
  TRACK_BCAST, TRACK_BROKEN, TRACK_CACHING, TRACK_NOLOOP, TRACK_OPTIN, TRACK_OPTOUT, TRACKING,
} from "../generated/layout.ts";
import type { Server } from "../server.ts";

type Args = readonly Uint8Array[];
type Handler = (server: Server, connection: Connection, args: Args, reply: ReplyWriter) => void;

const SYNTAX = "ERR syntax error";
const NEEDS_OFF = "before disabling tracking for this client, and then re-enabling it with a different mode.";
const WORDS: Record<string, number> = {
  bcast: TRACK_BCAST, optin: TRACK_OPTIN, optout: TRACK_OPTOUT, noloop: TRACK_NOLOOP,
};

interface Options {
  bits: number;
  redirect: number;
  prefixes: string[];
}

// --- What the core knows ---

/** The options of a client that tracks, TRACK_ bits; undefined for one that doesn't. */
export function trackingOptions(core: Core, client: number): number | undefined {
  const at = core.client32(client, "tracking");
  return at === 0 ? undefined : core.u32(at + TRACKING.options);
}

/** The id that a client redirects to: 0 itself, -1 when it doesn't track. */
export function redirectOf(core: Core, client: number): number {
  const at = core.client32(client, "tracking");
  return at === 0 ? -1 : core.u32(at + TRACKING.redirect);
}

/** A client's prefixes in order. */
function prefixesOf(core: Core, client: number): string[] {
  const prefixes: string[] = [];
  for (;;) {
    const at = core.exports.trackingPrefixPtr(client, prefixes.length) >>> 0;
    if (at === 0) return prefixes.sort();
    prefixes.push(core.latin1(at + 4, core.u32(at)));
  }
}

// --- Options ---

/** The options behind ON or OFF, or the error of the reply. */
function parseOptions(server: Server, args: Args): Options | string {
  const options: Options = { bits: 0, redirect: 0, prefixes: [] };
  for (let i = 3; i < args.length; i++) {
    const word = fromBytes(args[i]).toLowerCase();
    const hasMore = i + 1 < args.length;
    if (word === "redirect" && hasMore) {
      if (options.redirect !== 0) return "ERR A client can only redirect to a single other client";
      const id = parseInteger(fromBytes(args[++i]));
      if (id === undefined) return "ERR value is not an integer or out of range";
      const isThere = [...server.connections.values()].some((other) => BigInt(other.id) === id);
      if (!isThere) return "ERR The client ID you want redirect to does not exist";
      options.redirect = Number(id);
    } else if (word === "prefix" && hasMore) {
      options.prefixes.push(fromBytes(args[++i]));
    } else if (Object.hasOwn(WORDS, word)) {
      options.bits |= WORDS[word];
    } else {
      return SYNTAX;
    }
  }
  return options;
}

const overlaps = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);

/** True when none of the prefixes begins with another: in order, such a pair stands side by side. */
function areApart(prefixes: readonly string[]): boolean {
  const sorted = [...prefixes].sort();
  return sorted.every((prefix, i) => i === 0 || !prefix.startsWith(sorted[i - 1]));
}

/** The error of prefixes that overlap with each other or with those that the client has. */
function prefixError(fresh: readonly string[], existing: readonly string[]): string | undefined {
  const added = fresh.filter((prefix) => !existing.includes(prefix));
  if (added.length === fresh.length && areApart([...fresh, ...existing])) return undefined;
  for (const [i, prefix] of fresh.entries()) {
    const old = existing.find((other) => overlaps(prefix, other));
    if (old !== undefined) return overlap(prefix, "an existing", old);
    const other = fresh.slice(i + 1).find((later) => overlaps(prefix, later));
    if (other !== undefined) return overlap(prefix, "another provided", other);
  }
  return undefined;
}

function overlap(prefix: string, kind: string, other: string): string {
  return `ERR Prefix '${prefix}' overlaps with ${kind} prefix '${other}'. ` +
    "Prefixes for a single client must not overlap.";
}

/** The error of options that contradict each other, or what the client has. */
function contradiction(core: Core, client: number, { bits, prefixes }: Options): string | undefined {
  const isBroadcast = (bits & TRACK_BCAST) !== 0;
  const optional = bits & (TRACK_OPTIN | TRACK_OPTOUT);
  const now = trackingOptions(core, client);
  if (!isBroadcast && prefixes.length > 0) return "ERR PREFIX option requires BCAST mode to be enabled";
  if (now !== undefined && ((now & TRACK_BCAST) !== 0) !== isBroadcast) {
    return `ERR You can't switch BCAST mode on/off ${NEEDS_OFF}`;
  }
  if (isBroadcast && optional !== 0) return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  if (optional === (TRACK_OPTIN | TRACK_OPTOUT)) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  const other = optional === 0 ? 0 : optional ^ (TRACK_OPTIN | TRACK_OPTOUT);
  if (((now ?? 0) & other) !== 0) return `ERR You can't switch OPTIN/OPTOUT mode ${NEEDS_OFF}`;
  return isBroadcast ? prefixError(prefixes, prefixesOf(core, client)) : undefined;
}

// --- Handlers ---

/** CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP] */
const trackingCommand: Handler = (server, connection, args, reply) => {
  const { core } = server;
  const { client } = connection;
  const options = parseOptions(server, args);
  if (typeof options === "string") return reply.error(options);
  const word = fromBytes(args[2]).toLowerCase();
  if (word === "off") {
    core.exports.trackingStop(client);
    return reply.ok();
  }
  if (word !== "on") return reply.error(SYNTAX);
  const error = contradiction(core, client, options);
  if (error !== undefined) return reply.error(toBytes(error));
  if (core.exports.trackingStart(client, options.bits, options.redirect) === 0) return reply.error(OUT_OF_MEMORY);
  const prefixes = (options.bits & TRACK_BCAST) !== 0 && options.prefixes.length === 0 ? [""] : options.prefixes;
  for (const prefix of prefixes) {
    const added = core.withBytes(toBytes(prefix), (at, length) => core.exports.trackingAddPrefix(client, at, length));
    if (added === 0) return reply.error(OUT_OF_MEMORY);
  }
  reply.ok();
};

/** CLIENT CACHING YES|NO */
const cachingCommand: Handler = ({ core }, connection, args, reply) => {
  const options = trackingOptions(core, connection.client);
  if (options === undefined) {
    return reply.error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or " +
      "OPTOUT mode enabled");
  }
  const word = fromBytes(args[2]).toLowerCase();
  if (word !== "yes" && word !== "no") return reply.error(SYNTAX);
  if (word === "yes" && (options & TRACK_OPTIN) === 0) {
    return reply.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (word === "no" && (options & TRACK_OPTOUT) === 0) {
    return reply.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  core.setU32(core.client32(connection.client, "tracking") + TRACKING.options, options | TRACK_CACHING);
  reply.ok();
};

/** The words for a client's options, as TRACKINGINFO shows them. */
function optionWords(options: number | undefined): string[] {
  if (options === undefined) return ["off"];
  const has = (bit: number) => (options & bit) !== 0;
  const words = ["on"];
  if (has(TRACK_BCAST)) words.push("bcast");
  if (has(TRACK_OPTIN)) words.push("optin", ...(has(TRACK_CACHING) ? ["caching-yes"] : []));
  if (has(TRACK_OPTOUT)) words.push("optout", ...(has(TRACK_CACHING) ? ["caching-no"] : []));
  if (has(TRACK_NOLOOP)) words.push("noloop");
  if (has(TRACK_BROKEN)) words.push("broken_redirect");
  return words;
}

/** CLIENT TRACKINGINFO */
const trackingInfoCommand: Handler = ({ core }, { client }, _args, reply) => {
  const words = optionWords(trackingOptions(core, client));
  const prefixes = prefixesOf(core, client);
  reply.map(3);
  reply.bulk("flags");
  reply.set(words.length);
  for (const word of words) reply.bulk(word);
  reply.bulk("redirect");
  reply.int(redirectOf(core, client));
  reply.bulk("prefixes");
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulk(toBytes(prefix));
};

/** CLIENT GETREDIR */
const getRedirCommand: Handler = ({ core }, connection, _args, reply) => reply.int(redirectOf(core, connection.client));

/** The handlers above by command id. */
export const TRACKING_HANDLERS: Readonly<Record<number, Handler>> = {
  [CMD.CLIENT_TRACKING]: trackingCommand,
  [CMD.CLIENT_CACHING]: cachingCommand,
  [CMD.CLIENT_TRACKINGINFO]: trackingInfoCommand,
  [CMD.CLIENT_GETREDIR]: getRedirCommand,
};
