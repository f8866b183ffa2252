// Says what a test of Valkey's suite that does not pass yet waits for, by reading its Tcl source.
//
// The words are subsystems ("persistence", "replication", ...). A command counts when commands/*.json says that it is
// planned, not implemented; so a test's reasons shrink by themselves as commands arrive. What is left with no reason is
// marked "open": nothing that is missing explains it, so it is to be mended next. This is a heuristic for people who
// read the ratchet file, and for the runner: it leaves out what waits for something that is missing.
import { readdirSync, readFileSync } from "node:fs";
import { root } from "../support.mjs";
import { unitSource } from "./suite.mjs";

export const OPEN = "open";

const GROUP_LABELS = { cluster: "cluster", sentinel: "sentinel" };

/** Commands whose group does not name their subsystem. */
const COMMAND_LABELS = {
  save: "persistence", bgsave: "persistence", bgrewriteaof: "persistence", "restore-asking": "persistence",
  replicaof: "replication", slaveof: "replication", psync: "replication", sync: "replication", role: "replication",
  replconf: "replication", failover: "replication", wait: "replication", waitaof: "replication", module: "modules",
  migrate: "migration",
};

/** Helpers and settings of the suite that need a subsystem, whatever commands a test names itself. */
const PATTERNS = [
  [/debug\s+(reload|loadaof)|debug_reload|_aof_|dump\.rdb|appendonly|waitForBgsave|rdb_changes|csvdump/i,
    "persistence"],
  [/attach_to_replication_stream|assert_replication_stream|wait_for_ofs_sync|wait_replica|needs:repl/, "replication"],
  [/repl-|replica_|slave_/, "replication"],
  [/module\s+load|loadmodule/i, "modules"],
  [/script debug (yes|sync)/i, "debugger"],
  [/(?<!min-)io-threads/, "threads"],
  // How much of a query buffer stays after its command: ours goes back at once, or becomes the value.
  [/orig_test_client_qbuf/, "Valkey's own query buffers"],
  // How many buckets of seven there are, and when a table of them shrinks: ours has others.
  [/hashtable-can-abort-shrink/, "Valkey's own hash table"],
];

const UNIT_LABELS = [
  [/^unit\/cluster\//, "cluster"],
  [/^unit\/aofrw$/, "persistence"], [/^unit\/wait$/, "replication"], [/^unit\/io-threads$/, "threads"],
  [/^integration\/.*(repl|psync|failover|sync|channel)/, "replication"],
  [/^integration\/(aof|rdb|convert|corrupt|dismiss|skip-rdb|shutdown|valkey-check|scan-family)/, "persistence"],
];

/** Where what a test waits for doesn't stand in its own source. */
const BY_HAND = {
  "config during loading": "persistence",
  "EVAL - Scripts do not block on wait": "replication",
  "EVAL - Scripts do not block on waitaof": "replication",
  "CLUSTER RESET can not be invoke from within a script": "cluster",
  "Now use EVALSHA against the master, with both SHAs": "replication", // of what stands around it
  "EVALSHA replication when first call is readonly": "replication",
  "Replication of script multiple pushes to list with BLPOP": "replication",
  "Lua scripts using SELECT are replicated correctly": "replication",
  "Using side effects is not a problem with command replication": "replication",
  "Before the replica connects we issue two EVAL commands": "replication",
  "'x' should be '4' for EVALSHA being replicated by effects": "replication",
  "reject script do not cause a Lua stack leak": "replication", // the test in front of it
  "trim on SET with big value": "jemalloc", // only run where mem_allocator says that
};

const LABELS = new Set([
  ...Object.values(GROUP_LABELS), ...Object.values(COMMAND_LABELS), ...Object.values(BY_HAND),
  ...[...PATTERNS, ...UNIT_LABELS].map(([, label]) => label),
]);

/** Whether words of the ratchet file name something that may still be missing. */
export function areLabels(words) {
  return words.split(", ").every((word) => LABELS.has(word));
}

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
export function plainName(name) {
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

/** The source of one test: up to where the next one, or a server that is not its own, starts. */
function testSource(source, name) {
  const start = findTest(source, name);
  if (start < 0) return "";
  const indent = start - source.lastIndexOf("\n", start) - 1;
  const next = new RegExp(`\\n {0,${indent}}(?:test|start_server|start_cluster)\\s`).exec(source.slice(start + 5));
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
    if (Object.hasOwn(BY_HAND, plainName(name))) return BY_HAND[plainName(name)];
    const body = testSource(sources.get(unit), name);
    const labels = new Set();
    if (planned.get(unknown)) labels.add(planned.get(unknown));
    if (/^\{cluster\}|start_cluster|in cluster mode/.test(name)) labels.add("cluster");
    if (/^FUNCTION - .*replica/.test(name)) labels.add("replication");
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
