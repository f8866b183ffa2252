// debug.ts - DEBUG: tools for tests and for looking inside. Allowed by enable-debug-command.
//
// Each subcommand is a function in a table by name, with the number of arguments that it takes. What looks into the
// core's memory is in the core (core-wasm/commands/debug.ts). Subcommands that switch something that does not exist
// here are accepted and do nothing. Not for production use, as in Valkey. DEBUG HELP's lines are in debug-help.ts.

import type { Connection } from "../connection/connection.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";
import { parseInteger, parseMemory } from "../config/syntax.ts";
import { Fault } from "../crash.ts";
import { CMD } from "../generated/commands.ts";
import { ENTRY_FACTS, REPLY_PEAK_MS, ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { DEBUG_HELP } from "./debug-help.ts";
import { replyHelp } from "./help.ts";
import { tableStatistics } from "./debug-tables.ts";
import type { HostHandler } from "./registry.ts";

/** What a subcommand gets. `args` are those behind its name. */
interface Call {
  server: Server;
  connection: Connection;
  args: readonly Uint8Array[];
  reply: ReplyWriter;
}

interface Sub {
  readonly least: number;
  readonly most: number;
  run(call: Call): void;
}

const ANY = Infinity;
const PACKED_THRESHOLD_MOST = (1n << 32n) - (1n << 20n);
const NO_KEY = "ERR no such key";
const POPULATE_STEP = 100_000;
const ENCODINGS: Readonly<Record<number, string>> = {
  0: "raw", 1: "int", 2: "hashtable", 6: "intset", 7: "skiplist", 8: "embstr", 9: "quicklist", 10: "stream",
  11: "listpack",
};
const LFU_BIT = 2;

const text = (arg: Uint8Array) => String.fromCharCode(...arg);
const sub = (least: number, most: number, run: Sub["run"]): Sub => ({ least, most, run });
/** The process can't put another in its own place. */
const noRestart = sub(0, 1, ({ reply }) => reply.error("ERR failed to restart the server. Check server logs."));
/** Takes one argument and does nothing with it. */
const accepted = sub(1, 1, ({ reply }) => reply.ok());
/** A leading number, 0 where there is none, as C's atoi(). */
const leadingInteger = (arg: Uint8Array) => parseInt(text(arg), 10) || 0;

/** A switch of the core by one of its settings. */
function setting(name: string, value: (argument: number) => number): Sub {
  return sub(1, 1, ({ server, args, reply }) => {
    server.core.setSetting(name, value(leadingInteger(args[0])));
    reply.ok();
  });
}

/** A positive integer; undefined after an error reply. */
function positive(arg: Uint8Array, reply: ReplyWriter): number | undefined {
  const digits = text(arg);
  if (/^[0-9]{1,18}$/.test(digits)) return Number(digits);
  reply.error("ERR value is out of range, must be positive");
  return undefined;
}

// --- Looking at values ---

interface Facts {
  address: number;
  encoding: string;
  field(offset: number): number;
}

/** What the core tells of a key, without a trace; undefined when it is absent. */
function factsOf(server: Server, connection: Connection, key: Uint8Array): Facts | undefined {
  const { core } = server;
  server.nowUs();
  const at = core.withBytes(key, (address, length) => core.exports.entryFacts(connection.db, address, length)) >>> 0;
  if (at === 0) return undefined;
  const field = (offset: number) => core.u32(at + offset);
  return { address: field(ENTRY_FACTS.address), encoding: ENCODINGS[field(ENTRY_FACTS.encoding)] ?? "unknown", field };
}

/** DEBUG OBJECT key [fast] */
function object({ server, connection, args, reply }: Call): void {
  const facts = factsOf(server, connection, args[0]);
  if (facts === undefined) return reply.error(NO_KEY);
  const isFast = args.length > 1 && text(args[1]).toLowerCase() === "fast";
  const clock = facts.field(ENTRY_FACTS.clock);
  const isLfu = (server.core.root32(ROOT.maxmemoryPolicy) & LFU_BIT) !== 0;
  const access = isLfu
    ? `lfu_freq:${facts.field(ENTRY_FACTS.frequency)} lfu_access_time_minutes:${clock >> 8}`
    : `lru:${clock} lru_seconds_idle:${facts.field(ENTRY_FACTS.idleSeconds)}`;
  const dumped = isFast ? "" : ` serializedlength:${facts.field(ENTRY_FACTS.serializedLength)}`;
  const nodes = facts.encoding === "quicklist" ? quicklistFacts(facts, isFast) : "";
  reply.simple(`Value at:0x${facts.address.toString(16)} refcount:1 encoding:${facts.encoding}${dumped} ${access}` +
    nodes);
}

/** A number as C's "%.2f" prints it: of two that are equally near, the even one. */
function twoDecimals(value: number): string {
  const floor = Math.floor(value * 100);
  // Only eighths can be equally near.
  const isTie = Number.isInteger(value * 8) && value * 100 - floor === 0.5;
  return isTie && floor % 2 === 0 ? (floor / 100).toFixed(2) : value.toFixed(2);
}

/** What DEBUG OBJECT adds for a quicklist. */
function quicklistFacts({ field }: Facts, isFast: boolean): string {
  const nodes = field(ENTRY_FACTS.listNodes);
  return ` ql_nodes:${nodes} ql_avg_node:${twoDecimals(field(ENTRY_FACTS.listElements) / nodes)}` +
    ` ql_listpack_max:${field(ENTRY_FACTS.listFill) | 0}` +
    ` ql_compressed:${field(ENTRY_FACTS.listDepth) === 0 ? 0 : 1}` +
    (isFast ? "" : ` ql_uncompressed_size:${field(ENTRY_FACTS.listBytes)}`);
}

/** DEBUG SDSLEN key */
function sdsLength({ server, connection, args, reply }: Call): void {
  const facts = factsOf(server, connection, args[0]);
  if (facts === undefined) return reply.error(NO_KEY);
  if (facts.encoding !== "raw" && facts.encoding !== "embstr") return reply.error("ERR Not an sds encoded string.");
  const length = facts.field(ENTRY_FACTS.valueLength);
  const block = facts.field(ENTRY_FACTS.valueBytes);
  reply.simple(`key_sds_len:${facts.field(ENTRY_FACTS.keyLength)} key_sds_avail:0 ` +
    `obj_alloc:${facts.field(ENTRY_FACTS.entryBytes)} val_sds_len:${length} ` +
    `val_sds_avail:${Math.max(0, block - length)} val_alloc:${block}`);
}

/** Twenty bytes of the core in hexadecimal. */
function hexDigest(server: Server, address: number): string {
  return [...server.core.copy(address >>> 0, 20)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** DEBUG DIGEST-VALUE [key ...] */
function digestValue({ server, connection, args, reply }: Call): void {
  const { core } = server;
  reply.array(args.length);
  for (const key of args) {
    const at = core.withBytes(key, (address, length) => core.exports.keyDigest(connection.db, address, length));
    reply.simple(hexDigest(server, at));
  }
}

/** DEBUG LISTPACK key, DEBUG QUICKLIST key [full]: what there is to say of the structure goes to the log. */
function structure(encoding: string, most: number): Sub {
  const name = encoding[0].toUpperCase() + encoding.slice(1);
  return sub(1, most, ({ server, connection, args, reply }) => {
    const facts = factsOf(server, connection, args[0]);
    if (facts === undefined) return reply.error(NO_KEY);
    if (facts.encoding !== encoding) return reply.error(`ERR Not a ${encoding} encoded object.`);
    const nodes = encoding === "quicklist" ? quicklistFacts(facts, false) : "";
    server.log.notice(`DEBUG ${encoding.toUpperCase()}: value at 0x${facts.address.toString(16)}${nodes}`);
    reply.simple(`${name} structure printed on stdout`);
  });
}

/** DEBUG QUICKLIST-PACKED-THRESHOLD size: list elements from this size on stand alone; 0: as the settings say. */
function packedThreshold({ server, args, reply }: Call): void {
  const size = parseMemory(text(args[0]));
  if (size === undefined || size > PACKED_THRESHOLD_MOST) {
    return reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  server.core.setSetting("quicklistPackedThreshold", Number(size));
  reply.ok();
}

/** A value that must have an encoding that strings never have. */
function notEncoded(what: string): Sub {
  return sub(1, 2, ({ server, connection, args, reply }) => {
    if (factsOf(server, connection, args[0]) === undefined) reply.error(NO_KEY);
    else reply.error(`ERR ${what}`);
  });
}

// --- Changing data ---

/** DEBUG POPULATE count [prefix [size]] */
function populate({ server, connection, args, reply }: Call): void {
  const { core } = server;
  const count = positive(args[0], reply);
  if (count === undefined) return;
  const size = args.length === 3 ? positive(args[2], reply) : 0;
  if (size === undefined) return;
  const prefix = args[1] ?? Uint8Array.of(0x6b, 0x65, 0x79);
  server.nowUs();
  const isDone = core.withBytes(prefix, (address, length) => {
    for (let from = 0; from < count; from += POPULATE_STEP) {
      const to = Math.min(count, from + POPULATE_STEP);
      if (core.exports.populate(connection.db, from, to, address, length, size) !== 1) return false;
    }
    return true;
  });
  if (isDone) reply.ok();
  else reply.error(OUT_OF_MEMORY);
}

// --- Replies of every type ---

const THREE = [0, 1, 2];

/** A reply of the type that is named. */
const PROTOCOL: Readonly<Record<string, (reply: ReplyWriter) => void>> = {
  string: (reply) => reply.bulk("Hello World"),
  integer: (reply) => reply.int(12345),
  double: (reply) => reply.double(3.141),
  bignum: (reply) => reply.bigNumber("1234567999999999999999999999999999999"),
  null: (reply) => reply.null(),
  array(reply) {
    reply.array(3);
    for (const i of THREE) reply.int(i);
  },
  set(reply) {
    reply.set(3);
    for (const i of THREE) reply.int(i);
  },
  map(reply) {
    reply.map(3);
    for (const i of THREE) {
      reply.int(i);
      reply.bool(i === 1);
    }
  },
  attrib(reply) {
    if (reply.attribute(1)) {
      reply.bulk("key-popularity");
      reply.array(2);
      reply.bulk("key:123");
      reply.int(90);
    }
    reply.bulk("Some real reply following the attribute");
  },
  push(reply) {
    if (reply.resp < 3) return reply.error("ERR RESP2 is not supported by this command");
    reply.push(2);
    reply.bulk("server-cpu-usage");
    reply.int(42);
    reply.bulk("Some real reply following the push reply");
  },
  true: (reply) => reply.bool(true),
  false: (reply) => reply.bool(false),
  verbatim: (reply) => reply.verbatim("txt", "This is a verbatim\nstring"),
};

/** DEBUG PROTOCOL type */
function protocol({ args, reply }: Call): void {
  const name = text(args[0]).toLowerCase();
  if (Object.hasOwn(PROTOCOL, name)) return PROTOCOL[name](reply);
  reply.error("ERR Wrong protocol type name. Please use one of the following: " +
    "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

// --- The process ---

/** DEBUG SLEEP seconds */
function sleep({ server, args, reply }: Call): void {
  const seconds = Number.parseFloat(text(args[0]));
  if (seconds > 0) server.port.sleepSync(seconds * 1000);
  reply.ok();
}

/** Fails as an internal error would: the crash report is written and the process ends. */
function crash(kind: Fault["kind"], message: string): Sub {
  return sub(0, ANY, () => {
    throw new Fault(kind, message);
  });
}

/** DEBUG REPLYBUFFER PEAK-RESET-TIME time | RESIZING 0|1 */
function replyBuffer({ server, args, reply }: Call): void {
  const [what, value] = args.map((arg) => text(arg).toLowerCase());
  if (what === "peak-reset-time") {
    const milliseconds = value === "never" ? -1 : value === "reset" ? REPLY_PEAK_MS : Number(parseInteger(value));
    if (Number.isNaN(milliseconds)) return reply.error("ERR value is not an integer or out of range");
    server.core.setSetting("replyPeakMs", milliseconds);
  } else if (what === "resizing") {
    server.core.setSetting("replySizeFixed", leadingInteger(args[1]) === 0 ? 1 : 0);
  } else {
    return unknownSubcommand("replybuffer", reply);
  }
  reply.ok();
}

/** DEBUG FORCE-TLS-WRITE-ERROR 0|1 */
function forceTlsWriteError({ server, args, reply }: Call): void {
  const value = parseInteger(text(args[0]));
  if (value === undefined) return reply.error("ERR value is not an integer or out of range");
  if (value < 0n || value > 1n) return reply.error("ERR Value must be 0 or 1");
  server.holdsTlsOutput = value === 1n;
  for (const connection of server.connections.values()) connection.holdTlsOutput(server.holdsTlsOutput);
  reply.ok();
}

/** DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: there is no dump to reload. */
function reload({ args, reply }: Call): void {
  const isKnown = args.every((arg) => ["merge", "noflush", "nosave"].includes(text(arg).toLowerCase()));
  reply.error(isKnown
    ? "ERR Error trying to load the RDB dump, check server logs."
    : "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
}

/** DEBUG HTSTATS database [full] */
function tables({ server, args, reply }: Call): void {
  const digits = text(args[0]);
  if (!/^-?[0-9]{1,18}$/.test(digits)) return reply.error("ERR value is not an integer or out of range");
  const db = Number(digits);
  if (db < 0 || db >= server.core.databaseCount) return reply.error("ERR Out of range database");
  const isFull = args.length > 1 && text(args[1]).toLowerCase() === "full";
  reply.verbatim("txt", `[Dictionary HT]\n${tableStatistics(server.core, db, 0, isFull)}` +
    `[Expires HT]\n${tableStatistics(server.core, db, 2, isFull)}`);
}

const SUBCOMMANDS: Readonly<Record<string, Sub>> = {
  "aof-flush-sleep": accepted,
  "assert": crash("assertion", "DEBUG ASSERT: '1 == 2' is not true"),
  "change-repl-id": sub(0, 0, ({ server, reply }) => {
    server.log.notice("Changing replication IDs after receiving DEBUG change-repl-id");
    server.changeReplicationId();
    reply.ok();
  }),
  "client-enforce-reply-list": setting("enforceReplyList", (value) => value),
  "client-eviction": sub(0, 0, ({ reply }) => reply.error("ERR maxmemory-clients is disabled.")),
  "config-rewrite-force-all": sub(0, 0, ({ server, reply }) => {
    const error = server.config.rewrite(true);
    if (error === undefined) reply.ok();
    else reply.error(error.replace("ERR Rewriting config file", "ERR CONFIG-REWRITE-FORCE-ALL failed"));
  }),
  "crash-and-recover": noRestart,
  "delay-rdb-client-free-seconds": accepted,
  "dict-resizing": setting("resizeForbidden", (value) => (value === 0 ? 1 : 0)),
  "digest": sub(0, 0, ({ server, reply }) => reply.simple(hexDigest(server, server.core.exports.datasetDigest()))),
  "digest-value": sub(0, ANY, digestValue),
  // A sample, which is not counted as an error of the server.
  "error": sub(1, 1, ({ args, reply }) => {
    reply.raw(Uint8Array.of(0x2d, ...args[0].map((byte) => (byte === 13 || byte === 10 ? 32 : byte)), 13, 10));
  }),
  "force-free-primary-async": accepted,
  "force-tls-write-error": sub(1, 1, forceTlsWriteError),
  "hashtable-can-abort-shrink": accepted,
  "help": sub(0, 0, ({ reply }) => replyHelp(reply, "DEBUG", DEBUG_HELP)),
  "htstats": sub(1, ANY, tables),
  "htstats-key": notEncoded("The value stored at the specified key is not represented using an hash table"),
  "leak": accepted,
  "listpack": structure("listpack", 1),
  "loadaof": sub(0, ANY, ({ reply }) => reply.error("ERR Error trying to load the AOF files, check server logs.")),
  "log": sub(1, 1, ({ server, args, reply }) => {
    server.log.warning(`DEBUG LOG: ${text(args[0])}`);
    reply.ok();
  }),
  "object": sub(1, 2, object),
  "mallctl": sub(1, 2, ({ reply }) => reply.error("ERR No such file or directory")),
  "mallctl-str": sub(1, 2, ({ reply }) => reply.error("ERR No such file or directory")),
  "oom": crash("memory", "DEBUG OOM asked for more than there is"),
  "panic": crash("panic", "DEBUG PANIC called"),
  "pause-after-fork": accepted,
  "pause-cron": sub(1, 1, ({ server, args, reply }) => {
    server.upkeep.isPaused = leadingInteger(args[0]) !== 0;
    reply.ok();
  }),
  "populate": sub(1, 3, populate),
  "protect-client": sub(1, 1, ({ server, args, reply }) => {
    const id = text(args[0]);
    if (!/^[0-9]{1,20}$/.test(id)) reply.error("ERR Invalid client id");
    else {
      const target = [...server.connections.values()].find((other) => `${other.id}` === id);
      if (target === undefined) return reply.error("ERR No such client");
      target.protect();
      reply.ok();
    }
  }),
  "protocol": sub(1, 1, protocol),
  "quicklist": structure("quicklist", 2),
  "quicklist-packed-threshold": sub(1, 1, packedThreshold),
  "reload": sub(0, ANY, reload),
  "replicate": sub(1, ANY, ({ reply }) => reply.ok()),
  "replybuffer": sub(2, 2, replyBuffer),
  "restart": noRestart,
  "sdslen": sub(1, 1, sdsLength),
  "segfault": crash("segfault", "DEBUG SEGFAULT called"),
  "set-active-expire": setting("activeExpire", (value) => value),
  "set-disable-deny-scripts": sub(1, 1, ({ server, args, reply }) => {
    server.scripts.isUnbound = text(args[0]) !== "0";
    reply.ok();
  }),
  "set-skip-checksum-validation": setting("skipChecksumValidation", (value) => value),
  "sleep": sub(1, 1, sleep),
  "structsize": sub(0, 0, ({ reply }) => reply.bulk("bits:32 ")),
};

function unknownSubcommand(name: string, reply: ReplyWriter): void {
  reply.error(`ERR unknown subcommand or wrong number of arguments for '${name.slice(0, 128)}'. Try DEBUG HELP.`);
}

/** DEBUG subcommand [argument ...] */
const debugCommand: HostHandler = (server, connection, args, reply) => {
  if (!server.config.isAllowed("enable-debug-command", connection.isLocal)) {
    return reply.error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you " +
      "can run it from a local connection, otherwise you need to set this option in the configuration file, and " +
      "then restart the server.");
  }
  const name = text(args[1]);
  const key = name.toLowerCase();
  const found = Object.hasOwn(SUBCOMMANDS, key) ? SUBCOMMANDS[key] : undefined;
  const rest = args.slice(2);
  if (found === undefined || rest.length < found.least || rest.length > found.most) {
    return unknownSubcommand(name, reply);
  }
  found.run({ server, connection, args: rest, reply });
};

export const DEBUG_HANDLERS = { [CMD.DEBUG]: debugCommand };
