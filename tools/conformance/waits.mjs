// Says what a test of Valkey's suite that does not pass yet waits for, by reading its Tcl source.
//
// The words are subsystems ("lists", "transactions", "persistence", ...). A command counts when commands/*.json says
// that it is planned, not implemented; so a test's reasons shrink by themselves as commands arrive. What is left with
// no reason is marked "open": nothing that is missing explains it, so it is to be mended next. This is a heuristic for
// people who read the ratchet file; nothing depends on it.
import { readdirSync, readFileSync } from "node:fs";
import { root } from "../support.mjs";
import { unitSource } from "./suite.mjs";

export const OPEN = "open";

const GROUP_LABELS = {
  list: "lists", set: "sets", hash: "hashes", sorted_set: "sorted sets", stream: "streams", geo: "geo",
  hyperloglog: "hyperloglog", pubsub: "pub/sub", scripting: "scripting", transactions: "transactions",
  cluster: "cluster", sentinel: "sentinel",
};

/** Commands whose group does not name their subsystem. */
const COMMAND_LABELS = {
  acl: "access lists", save: "persistence", bgsave: "persistence", lastsave: "persistence", bgrewriteaof: "persistence",
  dump: "persistence", restore: "persistence", "restore-asking": "persistence", migrate: "persistence",
  replicaof: "replication", slaveof: "replication", psync: "replication", sync: "replication", role: "replication",
  replconf: "replication", failover: "replication", wait: "replication", waitaof: "replication", module: "modules",
  monitor: "monitor", sort: "sort", sort_ro: "sort", migrateslots: "cluster", readonly: "cluster", readwrite: "cluster",
  asking: "cluster",
};

/** Helpers and settings of the suite that need a subsystem, whatever commands a test names itself. */
const PATTERNS = [
  [/debug\s+(reload|loadaof)|debug_(reload|digest)|dump\.rdb|appendonly|waitForBgsave|rdb_changes|csvdump/i,
    "persistence"],
  [/attach_to_replication_stream|assert_replication_stream|wait_for_ofs_sync|wait_replica|repl-|replica_|slave_/,
    "replication"],
  [/createComplexDataset|generate_types|create_(listpack|quicklist)|list_type/i, "lists"],
  [/create_set\b|createComplexDataset/, "sets"],
  [/create_(zset|hash)|createComplexDataset/, "hashes"],
  [/client\s+tracking|client\s+caching/i, "client tracking"],
  [/module\s+load|loadmodule/i, "modules"],
  [/\bmulti\b[\s\S]*\bexec\b/i, "transactions"],
  [/run_script|register_function/, "scripting"],
  [/io-threads/, "threads"],
  [/\breadonly\b/i, "cluster"],
  // How many buckets of seven there are, and when a table of them shrinks: ours has others.
  [/hashtable-can-abort-shrink/, "Valkey's own hash table"],
];

const UNIT_LABELS = [
  [/^unit\/cluster\//, "cluster"], [/^unit\/(acl|acl-v2)$/, "access lists"], [/^unit\/tls$/, "TLS"],
  [/^unit\/(scripting|functions)$/, "scripting"], [/^unit\/multi$/, "transactions"], [/^unit\/pubsub/, "pub/sub"],
  [/^unit\/type\/list/, "lists"], [/^unit\/type\/set$/, "sets"],
  [/^unit\/(type\/hash|hashexpire)$/, "hashes"], [/^unit\/type\/stream/, "streams"],
  [/^unit\/hyperloglog$/, "hyperloglog"], [/^unit\/tracking$/, "client tracking"], [/^unit\/sort$/, "sort"],
  [/^unit\/(dump|aofrw)$/, "persistence"], [/^unit\/wait$/, "replication"], [/^unit\/io-threads$/, "threads"],
  [/^integration\/.*(repl|psync|failover|sync|channel)/, "replication"],
  [/^integration\/(aof|rdb|convert|corrupt|dismiss|skip-rdb|shutdown|valkey-check|scan-family)/, "persistence"],
];

/** Labels of the commands that are planned, by name in lower case; a container counts when all parts are planned. */
function plannedCommands() {
  const labels = new Map();
  for (const file of readdirSync(`${root}commands`).filter((name) => name.endsWith(".json"))) {
    const { name, container, group, status } = JSON.parse(readFileSync(`${root}commands/${file}`, "utf8"));
    const word = (container ?? name).toLowerCase();
    const label = COMMAND_LABELS[word] ?? GROUP_LABELS[group];
    if (status === "planned" && label && !labels.has(word)) labels.set(word, label);
    if (status !== "planned" && !container) labels.set(word, undefined);
  }
  return labels;
}

/** A test's name without the number that tells it from others of the same name. */
function plainName(name) {
  return name.replace(/ \(\d+\)$/, "");
}

/** Where the test of this name starts in the source: by its exact name, or by its name with variables as gaps. */
function findTest(source, name) {
  const plain = plainName(name);
  for (const open of ["{", "\""]) {
    const at = source.indexOf(`test ${open}${plain}`);
    if (at >= 0) return at;
  }
  for (const match of source.matchAll(/\btest\s+"((?:\\.|[^"\\])*)"/g)) {
    const parts = match[1].split(/\$\{?[\w:()]+\}?|\[[^\]]*\]/);
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    if (parts.length > 1 && new RegExp(`^${pattern}$`, "s").test(plain)) return match.index;
  }
  return -1;
}

/** The source of one test: up to where the next one starts. */
function testSource(source, name) {
  const start = findTest(source, name);
  if (start < 0) return "";
  const next = /\n\s*(?:test|start_server|start_cluster)\s/.exec(source.slice(start + 5));
  return source.slice(start, next ? start + 5 + next.index : undefined);
}

/**
 * Makes a function (unit, name, unknown) → what the test waits for, as words joined by ", ". `unknown` is the command
 * that the test stopped at in the last run, where that is known.
 */
export function waitsReader() {
  const planned = plannedCommands();
  const sources = new Map();
  return (unit, name, unknown = "") => {
    if (!sources.has(unit)) sources.set(unit, unitSource(unit));
    const body = testSource(sources.get(unit), name);
    const labels = new Set();
    if (planned.get(unknown)) labels.add(planned.get(unknown));
    if (/^\{cluster\}|start_cluster|in cluster mode/.test(name)) labels.add("cluster");
    for (const [pattern, label] of UNIT_LABELS) if (pattern.test(unit)) labels.add(label);
    for (const [pattern, label] of PATTERNS) if (pattern.test(body)) labels.add(label);
    const call = /(?:^|[\s[{;])(?:r|R|\$[\w:()]+)\s+(?:-?\d+\s+)?([a-zA-Z][\w-]*)/g;
    for (const [, word] of body.matchAll(call)) {
      const label = planned.get(word.toLowerCase());
      if (label) labels.add(label);
    }
    // Tests about the table of commands name them as words.
    const named = /\b(?:getkeys|getkeysandflags|info|docs|lsearch \$commands)\s+"?([a-z]+)|^([a-z_]+) command is/gi;
    for (const [, word, first] of `${plainName(name)}\n${body}`.matchAll(named)) {
      const label = planned.get((word ?? first).toLowerCase());
      if (label) labels.add(label);
    }
    return labels.size === 0 ? OPEN : [...labels].join(", ");
  };
}
