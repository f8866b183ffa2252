// The test command: the gate (tools/check.mjs), then every tests/**/*.test.ts in Node, Deno and Bun.
//   node tools/test.mjs [--runtime node,deno,bun] [--file PATTERN] [--timeout SECONDS] [--jobs N] [--no-check]
//                       [--verbose]
//
// Node is the Node that runs this program (with tsx, so Node 20 will do); WAKEY_NODE26=/path/to/node adds a newer one
// as runtime `node26`, which reads TypeScript itself. Deno and Bun come from npm. Each file runs in a process of its
// own with a time limit, because Bun and Deno would otherwise share globals between files, and because a hanging file
// must not hold up the rest. Counts come from each runner's JUnit report; they are tests, not describe() blocks.
// A file that reports no test, or dies without naming a failed one, counts as one failure.
import { mkdtempSync, readFileSync, existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { runChecks } from "./check.mjs";
import {
  addCounts, commandLine, counts, countsLine, filesBelow, inParallel, installed, refuse, runLimited,
} from "./support.mjs";

const TEST_FILE = /^tests\/(?:.*\/)?[^/]+\.test\.ts$/;

/** How each runtime runs one test file with a JUnit report. */
const RUNTIMES = {
  node: (file, report) => [process.execPath, [
    "--import", "tsx", "--test-reporter=junit", `--test-reporter-destination=${report}`,
    "--test-reporter=spec", "--test-reporter-destination=stdout", file,
  ]],
  node26: (file, report) => [process.env.WAKEY_NODE26, [
    "--test-reporter=junit", `--test-reporter-destination=${report}`,
    "--test-reporter=spec", "--test-reporter-destination=stdout", file,
  ]],
  deno: (file, report) => [installed("deno"), ["test", "-A", "--no-check", `--junit-path=${report}`, file]],
  bun: (file, report) => [installed("bun"), [
    "test", "--timeout", "120000", "--reporter=junit", `--reporter-outfile=${report}`, `./${file}`,
  ]],
};

// --- Reports ---

const TEST_CASE = /<testcase((?:\s+[\w-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** Takes XML's escapes out; twice, because Node 20 escapes quotes twice. */
function unescape(text) {
  const once = (part) => part.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => (
    { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }[name]
  ));
  return once(once(text));
}

/** The tests of a JUnit report: name, and whether each passed, failed or was skipped, with the reason where given. */
function readReport(xml) {
  const cases = [];
  for (const [, attributes, body = ""] of xml.matchAll(TEST_CASE)) {
    const name = unescape(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "");
    const skipped = /<skipped(?:[^>]*?message="([^"]*)")?/.exec(body);
    const failed = /<(?:failure|error)\b/.test(body);
    cases.push({ name, state: failed ? "failed" : skipped ? "skipped" : "passed", why: unescape(skipped?.[1] ?? "") });
  }
  // Deno reports a describe() block as a test and its tests as "block > test": only the leaves count.
  const parents = new Set();
  if (/name="deno test"/.test(xml)) {
    for (const { name } of cases) {
      const levels = name.split(" > ");
      for (let depth = 1; depth < levels.length; depth++) parents.add(levels.slice(0, depth).join(" > "));
    }
  }
  return cases.filter(({ name }) => !parents.has(name));
}

// --- Running ---

/** Runs one file in one runtime; gives its counts and prints its line, with the output when something failed. */
async function runFile(runtime, file, settings) {
  const report = `${settings.reports}/${runtime}-${file.replaceAll("/", "-")}.xml`;
  const [command, args] = RUNTIMES[runtime](file, report);
  const env = { NO_COLOR: "1", WAKEY_RUNTIME: runtime === "node26" ? command : runtime, WAKEY_TEST: "1" };
  const done = await runLimited(command, args, { seconds: settings.timeout, env });
  const cases = existsSync(report) ? readReport(readFileSync(report, "utf8")) : [];
  const result = counts();
  for (const { state } of cases) result[state] += 1;
  const notes = [];
  if (done.timedOut) notes.push(`ended after ${settings.timeout} s`);
  else if (done.code !== 0 && result.failed === 0) notes.push(`exit code ${done.code}`);
  else if (cases.length === 0) notes.push("no test was collected");
  if (notes.length > 0) result.failed += 1;
  const note = notes.length > 0 ? `  (${notes.join(", ")})` : "";
  console.log(`${runtime.padEnd(6)} ${file.padEnd(40)} ${countsLine(result)}  ${done.elapsed.toFixed(1)} s${note}`);
  for (const { name, why } of cases.filter(({ state }) => state === "skipped")) {
    console.log(`       skipped: ${name}${why ? ` (${why})` : ""}`);
  }
  if (result.failed > 0 || settings.verbose) console.log(done.output.split("\n").slice(-settings.lines).join("\n"));
  return result;
}

/** Version of a runtime for the summary, or why it can't run. */
async function version(runtime) {
  const [command] = RUNTIMES[runtime]("", "");
  if (!command) return undefined;
  const { code, output } = await runLimited(command, ["--version"], { seconds: 30 });
  return code === 0 ? output.split("\n")[0].replace(/^(deno |v)/, "").split(" ")[0] : undefined;
}

async function main() {
  const { options } = commandLine(import.meta.url, {
    flags: ["no-check", "verbose"], values: ["runtime", "file", "timeout", "jobs"],
  });
  const chosen = (options.runtime ?? `node,${process.env.WAKEY_NODE26 ? "node26," : ""}deno,bun`).split(",");
  const unknown = chosen.filter((runtime) => !(runtime in RUNTIMES));
  if (unknown.length > 0) refuse(import.meta.url, `unknown runtime ${unknown.join(", ")}`);
  const total = counts();
  const summary = [];
  if (!options["no-check"]) {
    const checked = await runChecks();
    addCounts(total, checked);
    summary.push(`check: ${countsLine(checked)}`);
  }
  const pattern = new RegExp(options.file ?? "");
  const files = filesBelow("tests", (path) => TEST_FILE.test(path)).filter((path) => pattern.test(path));
  const reports = mkdtempSync(`${tmpdir()}/wakey-tests-`);
  const settings = {
    reports, timeout: Number(options.timeout ?? 300), verbose: options.verbose === true,
    lines: options.verbose ? 1e6 : 150,
  };
  for (const runtime of chosen) {
    const number = await version(runtime);
    const jobs = files.map((file) => () => runFile(runtime, file, settings));
    const result = counts();
    if (number === undefined) {
      console.log(`${runtime} does not start: is it installed?`);
      result.failed += 1;
    } else for (const one of await inParallel(Number(options.jobs ?? 1), jobs)) addCounts(result, one);
    addCounts(total, result);
    summary.push(`${runtime} ${number ?? "(absent)"}: ${countsLine(result)}`);
  }
  rmSync(reports, { recursive: true, force: true });
  if (files.length === 0) {
    total.failed += 1;
    summary.push(`no test file matches ${pattern}`);
  }
  console.log(`\n${summary.join("\n")}\n\n${countsLine(total)}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main();
