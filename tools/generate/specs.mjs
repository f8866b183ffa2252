// Reads and checks the command specs, and finds the core functions that run them.
// A spec is one JSON file a command; its fields are described in docs/commands.md.
import { readdirSync, readFileSync } from "node:fs";

/** Flag names in bit order (bit 0 first). The core's table and the host's share them, so the order only ever grows. */
export const FLAGS = [
  "write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale", "skip_monitor",
  "skip_commandlog", "asking", "fast", "no_auth", "may_replicate", "no_mandatory_keys", "protected",
  "no_async_loading", "no_multi", "movable_keys", "allow_busy", "touches_arbitrary_keys", "all_dbs", "sentinel",
  "only_sentinel", "host", "container", "ready", "weighed",
];
/** ACL category names in bit order, which is also the order in which COMMAND INFO prints them. */
export const CATEGORIES = [
  "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
  "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
];
/** Command groups by number. */
export const GROUPS = [
  "generic", "string", "list", "set", "sorted_set", "hash", "pubsub", "transactions", "connection", "server",
  "scripting", "hyperloglog", "cluster", "sentinel", "geo", "stream", "bitmap",
];
const FIELDS = new Set([
  "name", "container", "id", "status", "host", "handler", "group", "since", "summary", "complexity", "arity", "flags",
  "aclCategories", "keySpecs", "getKeys", "databaseArguments", "tips", "docFlags", "deprecatedSince", "replacedBy",
  "history", "arguments", "channels", "weighed",
]);
/** How a command names channels: all arguments, all as patterns, or the first. The place is the core's number. */
export const CHANNEL_KINDS = ["none", "all", "patterns", "first"];
/** Which arguments name databases. The place is the core's number. */
export const DATABASE_KINDS = ["none", "select", "swapdb", "move", "copy"];
/** Special ways to find keys. The place is the core's number (core-wasm/resp/access-keys.ts). */
export const KEY_FINDERS = [
  "none", "sintercard", "zunion", "lmpop", "zmpop", "eval", "function", "blmpop", "bzmpop", "zunionstore", "sort",
  "sort_ro", "migrate", "georadius", "xread", "set", "bitfield",
];

/** "CLIENT NO-EVICT" → "clientNoEvict": the words of a command as one lower camel-case name. */
function camel(words) {
  return words.toLowerCase().replace(/[-_ ]+([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

/** Stops the build with the file and the reason. */
function fail(file, reason) {
  throw new Error(`commands/${file}: ${reason}`);
}

/** Checks one spec by itself. */
function checkSpec(spec, file) {
  for (const key of Object.keys(spec)) if (!FIELDS.has(key)) fail(file, `unknown field "${key}"`);
  const expected = `${spec.container ? `${spec.container}-` : ""}${spec.name}.json`.toLowerCase();
  if (file !== expected) fail(file, `holds ${spec.name}, which belongs in ${expected}`);
  if (!Number.isInteger(spec.id) || spec.id < 1 || spec.id > 0xfffe) fail(file, `bad id ${spec.id}`);
  if (!Number.isInteger(spec.arity) || spec.arity === 0) fail(file, `bad arity ${spec.arity}`);
  if (spec.status !== "implemented" && spec.status !== "planned") fail(file, `bad status "${spec.status}"`);
  if (!GROUPS.includes(spec.group)) fail(file, `unknown group "${spec.group}"`);
  for (const flag of spec.flags) if (!FLAGS.includes(flag)) fail(file, `unknown flag "${flag}"`);
  for (const category of spec.aclCategories) {
    if (!CATEGORIES.includes(category)) fail(file, `unknown category "${category}"`);
  }
  if (!CHANNEL_KINDS.includes(spec.channels ?? "none")) fail(file, `unknown channels "${spec.channels}"`);
  if (!DATABASE_KINDS.includes(spec.databaseArguments ?? "none")) fail(file, "unknown databaseArguments");
  if (!KEY_FINDERS.includes(spec.getKeys ?? "none")) fail(file, `unknown getKeys "${spec.getKeys}"`);
  if (spec.name.length > 24) fail(file, "names have at most 24 characters");
  checkCategories(spec, file);
}

/** Categories that follow from flags must be spelt out, so that a reader of the spec sees them all. */
function checkCategories(spec, file) {
  const has = (category) => spec.aclCategories.includes(category);
  for (const name of ["write", "pubsub", "fast", "blocking"]) {
    if (spec.flags.includes(name) !== has(name)) fail(file, `flag and category "${name}" differ`);
  }
  if (spec.flags.includes("readonly") && !has("scripting") && !has("read")) fail(file, 'lacks category "read"');
  if (spec.flags.includes("admin") && !(has("admin") && has("dangerous"))) fail(file, "lacks admin or dangerous");
  if (has("fast") === has("slow")) fail(file, "must be either fast or slow");
}

/**
 * The (first, last, step) summary of a command's key specs that COMMAND INFO prints, and whether keys can be elsewhere.
 * Only index-and-range specs that follow each other without a gap take part; any other makes the keys movable.
 */
function keyRange(keySpecs) {
  if (keySpecs.length === 0) return { first: 0, last: 0, step: 0, movable: false };
  let movable = keySpecs.some((spec) => spec.flags.includes("incomplete"));
  const isRange = (spec) => spec.begin.index !== undefined && spec.find.range !== undefined;
  const end = (spec) => (spec.find.range.last < 0 ? spec.find.range.last : spec.begin.index + spec.find.range.last);
  if (keySpecs.length === 1 && isRange(keySpecs[0])) {
    const [spec] = keySpecs;
    return { first: spec.begin.index, last: end(spec), step: spec.find.range.step, movable };
  }
  let first = 0;
  let last = 0;
  for (const spec of keySpecs) {
    if (!isRange(spec) || spec.find.range.step !== 1 || (last !== 0 && last !== spec.begin.index - 1)) {
      movable = true;
      continue;
    }
    first = first === 0 ? spec.begin.index : Math.min(first, spec.begin.index);
    // A negative position counts from the end, so it lies behind every positive one.
    last = last < 0 === end(spec) < 0 ? Math.max(last, end(spec)) : Math.min(last, end(spec));
  }
  return first === 0 ? { first: 0, last: 0, step: 0, movable: true } : { first, last, step: 1, movable };
}

/** Reads every spec, ordered by id, with the derived fields: fullName, constant, handler, parent, range, allFlags. */
export function readSpecs(folder) {
  const specs = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
    const spec = JSON.parse(readFileSync(`${folder}/${file}`, "utf8"));
    checkSpec(spec, file);
    specs.push(spec);
  }
  specs.sort((a, b) => a.id - b.id);
  const byName = new Map(specs.filter((spec) => !spec.container).map((spec) => [spec.name, spec]));
  for (const [i, spec] of specs.entries()) {
    if (i > 0 && specs[i - 1].id === spec.id) throw new Error(`commands/: id ${spec.id} is used twice`);
    const words = spec.container ? `${spec.container} ${spec.name}` : spec.name;
    spec.fullName = words.replace(" ", "|").toLowerCase();
    spec.constant = words.replace(/[- ]/g, "_");
    spec.handler ??= `${camel(words)}Command`;
    spec.keySpecs ??= [];
    if (spec.container) {
      spec.parent = byName.get(spec.container);
      if (!spec.parent) throw new Error(`commands/: ${words} has no container`);
      spec.parent.isContainer = true;
    }
    spec.range = keyRange(spec.keySpecs);
  }
  return specs;
}

/** Function name → module (file name without extension) of every exported `…Command` function of the core. */
export function findHandlers(folder) {
  const handlers = new Map();
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts")).sort()) {
    const text = readFileSync(`${folder}/${file}`, "utf8");
    for (const [, name] of text.matchAll(/^export function (\w+Command)\(\w+: Client\)/gm)) {
      if (handlers.has(name)) throw new Error(`${name} is in ${handlers.get(name)}.ts and in ${file}`);
      handlers.set(name, file.slice(0, -3));
    }
  }
  return handlers;
}

/**
 * Marks the commands that exist in this build: those whose status says so and that run in the host or have a handler in
 * the core. A container exists as soon as one of its subcommands does.
 */
export function markReady(specs, handlers) {
  for (const spec of specs) {
    const runs = spec.host === true || handlers.has(spec.handler);
    spec.ready = spec.status === "implemented" && runs;
  }
  for (const spec of specs) if (spec.ready && spec.parent) spec.parent.ready = true;
  for (const spec of specs) {
    const extra = [];
    if (spec.range.movable) extra.push("movable_keys");
    if (spec.host) extra.push("host");
    if (spec.isContainer) extra.push("container");
    if (spec.ready) extra.push("ready");
    if (spec.weighed) extra.push("weighed");
    spec.allFlags = [...spec.flags, ...extra];
  }
}
