// Writes docs/compatibility.md from the ratchet of Valkey's suite and from the command specs.
//   node tools/compatibility.mjs [--check]      --check writes nothing and fails when the file is out of date
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readRatchet, readScope } from "./conformance.mjs";
import { commandLine, root } from "./support.mjs";

const FILE = `${root}docs/compatibility.md`;
const GROUPS = [
  "string", "bitmap", "generic", "connection", "server", "transactions", "scripting", "pubsub", "list", "set", "hash",
  "sorted_set", "stream", "geo", "hyperloglog", "cluster", "sentinel",
];

/** Rows "unit | passed | of" for some units. */
function unitRows(ratchet, units) {
  return units.filter((unit) => ratchet.has(unit)).map((unit) => {
    const tests = [...ratchet.get(unit).values()];
    return `| ${unit} | ${tests.filter(({ state }) => state === "ok").length} | ${tests.length} |`;
  });
}

/** What the tests of some units that don't pass yet wait for, the most frequent first. */
function waitRows(ratchet, units) {
  const numbers = new Map();
  for (const unit of units) {
    for (const { state, waits } of ratchet.get(unit)?.values() ?? []) {
      if (state !== "ok") numbers.set(waits, (numbers.get(waits) ?? 0) + 1);
    }
  }
  const sorted = [...numbers].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return sorted.map(([label, number]) => `| ${label} | ${number} |`);
}

/** Names of the commands, by group and by whether they are implemented. */
function commands() {
  const groups = new Map(GROUPS.map((group) => [group, { implemented: [], planned: [] }]));
  for (const file of readdirSync(`${root}commands`).filter((name) => name.endsWith(".json")).sort()) {
    const { name, container, group, status } = JSON.parse(readFileSync(`${root}commands/${file}`, "utf8"));
    const full = container ? `${container} ${name}` : name;
    groups.get(group)[status === "implemented" ? "implemented" : "planned"].push(full);
  }
  return groups;
}

function text() {
  const ratchet = readRatchet();
  const scope = readScope().map(({ unit }) => unit).filter((unit) => ratchet.has(unit)).sort();
  const others = [...ratchet.keys()].filter((unit) => !scope.includes(unit)).sort();
  const passed = (units) => units.flatMap((unit) => [...ratchet.get(unit).values()])
    .filter(({ state }) => state === "ok").length;
  const total = (units) => units.reduce((sum, unit) => sum + ratchet.get(unit).size, 0);
  const commandLines = [...commands()].map(([group, { implemented, planned }]) => [
    `### ${group.replace("_", " ")}`, "",
    implemented.length > 0 ? `Implemented: ${implemented.join(", ")}.\n` : "",
    planned.length > 0 ? `To come: ${planned.join(", ")}.\n` : "",
  ].filter((line, i) => line !== "" || i === 1).join("\n"));
  return [
    "# Compatibility with Valkey 9.1", "",
    "Written by `node tools/compatibility.mjs`; don't edit. How the suite is run: [testing.md](testing.md).", "",
    "## Valkey's own test suite", "",
    `Units in scope so far: ${passed(scope)} of ${total(scope)} tests that the real server passes.`, "",
    "| unit | passed | of |", "|---|---|---|", ...unitRows(ratchet, scope), "",
    "What the remaining tests of these units wait for (`open`: nothing that is missing explains it):", "",
    "| waits for | tests |", "|---|---|", ...waitRows(ratchet, scope), "",
    `Units to come: ${passed(others)} of ${total(others)}.`, "",
    "| unit | passed | of |", "|---|---|---|", ...unitRows(ratchet, others), "",
    "## Commands", "", ...commandLines,
  ].join("\n");
}

const { options } = commandLine(import.meta.url, { flags: ["check"] });
if (options.check) {
  if (!existsSync(FILE) || readFileSync(FILE, "utf8") !== text()) {
    console.error("docs/compatibility.md is out of date: node tools/compatibility.mjs");
    process.exitCode = 1;
  }
} else writeFileSync(FILE, text());
