// Runs Valkey's own test suite, unit by unit, against our server, and holds the result against what passed before.
//   node tools/conformance.mjs [UNIT ...]       default: the units of conformance/scope.txt, the fast ones first
//     --all              every unit that conformance/ratchet.tsv knows
//     --bin DIR          folder with the valkey-server to test (default bin/)
//     --jobs N           units side by side (default 2)     --seconds N   limit of one unit (default 300)
//     --waiting          run the tests that wait for something that is missing, too
//     --update           the same, and write newly passing tests into the ratchet file
//     --accept-loss      with --update: also take out tests that no longer pass
//     --baseline         write the tests that pass as rows of their own: for the real server, with --bin
//     --only-fast N      leave out units that take longer than N seconds by conformance/scope.txt
//     --relabel          only work out again what the waiting tests wait for
//
// conformance/ratchet.tsv has one row for each test that the real Valkey 9.1 passes:
//   unit <tab> test name <tab> ok | waits <tab> what it waits for (tools/conformance/waits.mjs)
// A test whose row says ok and that does not pass, neither at once nor when its unit is run again, is a loss and fails
// the run. Logs and the table go to dist/conformance/. Where the real servers and Tcl can't be had, it says so and
// passes with everything counted as skipped.
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { installPeers, installTls, PeersUnavailable } from "./peers.mjs";
import { commandLine, counts, countsLine, inParallel, refuse, root } from "./support.mjs";
import { allUnits, runUnit, unitVariant, unknownCommands } from "./conformance/suite.mjs";
import { areLabels, OPEN, plainName, waitsReader } from "./conformance/waits.mjs";

const RATCHET = `${root}conformance/ratchet.tsv`;
const SCOPE = `${root}conformance/scope.txt`;
const OUTPUT = `${root}dist/conformance`;
const OPTIONS = {
  flags: ["all", "update", "accept-loss", "relabel", "baseline", "waiting"],
  values: ["bin", "jobs", "seconds", "only-fast"],
  words: true,
};

// --- Files ---

/** The ratchet: unit → (test name → { state, waits }). */
export function readRatchet() {
  const units = new Map();
  for (const line of readFileSync(RATCHET, "utf8").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [unit, name, state, waits] = line.split("\t");
    if (!units.has(unit)) units.set(unit, new Map());
    units.get(unit).set(name, { state, waits });
  }
  return units;
}

function writeRatchet(units) {
  const lines = ["# unit\ttest\tstate (ok, waits)\twaits for; written by tools/conformance.mjs --update"];
  for (const [unit, tests] of [...units].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [name, { state, waits }] of tests) {
      lines.push([unit, name, state, state === "ok" ? "" : waits].join("\t"));
    }
  }
  writeFileSync(RATCHET, `${lines.join("\n")}\n`);
}

/**
 * The units in scope, "unit seconds [+slow] [-tag ...]" a line: their usual seconds, whether slow tests are run, and
 * tags of tests that are left out.
 */
export function readScope() {
  return readFileSync(SCOPE, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [unit, seconds, ...words] = line.split(/\s+/);
    const tags = words.filter((word) => word.startsWith("-")).join(" ");
    return { unit, seconds: Number(seconds ?? 0), tags, slow: words.includes("+slow") };
  });
}

// --- One unit ---

/**
 * Names to leave out: of tests that wait for something that is missing. They would spend their time in vain, and what
 * they leave behind (an open transaction, a client that waits) fails those after them. Tests of one name share a fate.
 */
function waitingNames(tests, passed) {
  const waiting = new Set();
  const runnable = new Set();
  for (const [name, { state, waits }] of tests) {
    const known = state !== "ok" && areLabels(waits) && !passed.has(name);
    (known ? waiting : runnable).add(plainName(name));
  }
  return [...waiting].filter((name) => !runnable.has(name));
}

/**
 * Runs a unit; when tests are lost, runs it once more and takes a test that passes in either run as passed.
 * `withWaiting` puts a run before it in which nothing is left out, to see what passes of the tests that wait.
 */
async function judgeUnit(unit, tests, { withWaiting, ...settings }) {
  const expected = [...tests].filter(([, { state }]) => state === "ok").map(([name]) => name);
  const passed = new Set();
  const runs = [];
  let skip = [];
  const once = async (names) => {
    skip = names;
    runs.push(await runUnit(unit, { ...settings, skip }));
    for (const { state, name } of runs.at(-1).rows) if (state === "ok") passed.add(name);
  };
  if (withWaiting) await once([]);
  do {
    await once(waitingNames(tests, passed));
  } while (runs.length < 2 && expected.some((name) => !passed.has(name)));
  const run = runs[0];
  const attempts = runs.length;
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(`${OUTPUT}/${unit.replaceAll("/", ".")}.log`, runs.map(({ output }) => output).join("\n"));
  const inBaseline = [...tests.keys()].filter((name) => passed.has(name));
  const row = {
    unit, state: run.state, elapsed: run.elapsed, attempts, passed, leftOut: new Set(skip),
    unknown: new Map(runs.flatMap(({ output }) => [...unknownCommands(output)])),
    ok: inBaseline.length, baseline: tests.size,
    lost: expected.filter((name) => !passed.has(name)),
    gained: inBaseline.filter((name) => tests.get(name).state !== "ok"),
    names: run.rows.map(({ name }) => name.replace(/ in tests\/\S+\.tcl$/, "")),
    errors: run.rows.filter(({ state }) => state === "err").length,
  };
  console.log(tableLine(row));
  for (const name of row.lost) console.log(`    lost: ${name}`);
  return row;
}

function tableLine({ unit, ok, baseline, errors, lost, gained, state, elapsed, attempts }) {
  const notes = [
    lost.length > 0 ? `${lost.length} LOST` : "", gained.length > 0 ? `${gained.length} new` : "",
    state === "done" ? "" : state, attempts > 1 ? "ran twice" : "",
  ].filter((note) => note !== "").join(", ");
  const numbers = `${ok}`.padStart(5) + ` of ${`${baseline}`.padStart(3)}  ${`${errors}`.padStart(3)} err`;
  return `${unit.padEnd(36)} ${numbers} ${elapsed.toFixed(0).padStart(5)} s  ${notes}`;
}

// --- The whole run ---

/** Writes what a run found into the ratchet; losses only when they are accepted. */
function update(ratchet, rows, acceptLoss) {
  for (const { unit, passed } of rows) {
    for (const [name, row] of ratchet.get(unit)) {
      if (passed.has(name)) row.state = "ok";
      else if (acceptLoss) row.state = "waits";
    }
  }
  const waits = waitsReader();
  const runs = new Map(rows.map((row) => [row.unit, row]));
  for (const [unit, tests] of ratchet) {
    const run = runs.get(unit);
    const reached = new Set(run?.names);
    for (const [name, row] of tests) {
      if (row.state === "ok") continue;
      // A test that was not reached waits for what its unit stopped at.
      const unknown = run?.unknown.get(name) ?? (run && !reached.has(name) ? run.unknown.get("") : undefined);
      const label = waits(unit, name, unknown);
      // A reason that an earlier run found stays when this one did not come to the test undisturbed.
      const isKnown = !run || run.leftOut.has(plainName(name));
      if (!isKnown || label !== OPEN || !areLabels(row.waits)) row.waits = label;
    }
  }
  writeRatchet(ratchet);
}

/** Adds the tests that passed on the real server as tests that wait. */
function addBaseline(ratchet, rows) {
  const waits = waitsReader();
  for (const { unit, passed } of rows) {
    const tests = ratchet.get(unit);
    for (const name of passed) if (!tests.has(name)) tests.set(name, { state: "waits", waits: waits(unit, name) });
  }
  writeRatchet(ratchet);
}

function report(rows, ratchet) {
  const total = counts();
  const waiting = new Map();
  for (const { unit, ok, lost, passed } of rows) {
    total.passed += ok;
    total.failed += lost.length;
    for (const [name, { state, waits }] of ratchet.get(unit)) {
      if (passed.has(name) || state === "ok") continue;
      total.skipped += 1;
      waiting.set(waits || OPEN, (waiting.get(waits || OPEN) ?? 0) + 1);
    }
  }
  const table = rows.map(({ unit, ok, baseline, lost, state }) => [unit, ok, baseline, lost.length, state].join("\t"));
  writeFileSync(`${OUTPUT}/table.tsv`, `${table.sort().join("\n")}\n`);
  if (waiting.size > 0) console.log("\nTests that wait, and for what:");
  for (const [label, number] of [...waiting].sort((a, b) => b[1] - a[1])) {
    console.log(`${`${number}`.padStart(6)}  ${label}`);
  }
  console.log(`\n${countsLine(total)}`);
  return total;
}

async function main() {
  const { options, words } = commandLine(import.meta.url, OPTIONS);
  const ratchet = readRatchet();
  if (options.relabel) {
    installPeers();
    update(ratchet, [], false);
    return 0;
  }
  const folder = options.bin ?? `${root}bin`;
  if (!existsSync(`${folder}/valkey-server`)) refuse(import.meta.url, `${folder} holds no valkey-server`);
  const bin = realpathSync(folder);
  const limit = Number(options["only-fast"] ?? Infinity);
  const scope = readScope().filter(({ seconds }) => seconds <= limit).map(({ unit }) => unit);
  const units = options.all ? [...ratchet.keys()] : words.length > 0 ? words : scope;
  try {
    installPeers();
  } catch (error) {
    if (!(error instanceof PeersUnavailable)) throw error;
    console.log(`conformance: skipped: ${error.message}`);
    console.log(`\n${countsLine(counts(0, 0, units.reduce((sum, unit) => sum + (ratchet.get(unit)?.size ?? 0), 0)))}`);
    return 0;
  }
  const known = new Set(allUnits());
  const strange = units.filter((unit) => !known.has(unitVariant(unit).file));
  if (strange.length > 0) refuse(import.meta.url, `no such unit in the suite: ${strange.join(", ")}`);
  // A unit of which the real server passes no test (all are tagged slow, say) has no rows.
  for (const unit of units) if (!ratchet.has(unit)) ratchet.set(unit, new Map());
  const seconds = Number(options.seconds ?? 300);
  const withWaiting = options.waiting === true || options.update === true;
  const scopeRows = new Map(readScope().map((row) => [row.unit, row]));
  const withoutTls = units.some((unit) => unitVariant(unit).tls) ? installTls() : undefined;
  if (withoutTls) console.log(`units over TLS are skipped: ${withoutTls}`);
  const jobs = units.filter((unit) => !(withoutTls && unitVariant(unit).tls)).map((unit, slot) => () => {
    const { tags, slow } = scopeRows.get(unit) ?? {};
    return judgeUnit(unit, ratchet.get(unit), { bin, slot, seconds, tags, slow, withWaiting });
  });
  const rows = await inParallel(Number(options.jobs ?? process.env.JOBS ?? 2), jobs);
  if (options.baseline) {
    addBaseline(ratchet, rows);
    return 0;
  }
  const total = report(rows, ratchet);
  if (options.update) update(ratchet, rows, options["accept-loss"] === true);
  return total.failed > 0 ? 1 : 0;
}

if (process.argv[1] === `${root}tools/conformance.mjs`) process.exitCode = await main();
