// What the tools share: the repository's folder, its files, running a program with a time limit, adding up counts,
// reading a command line.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** The repository's folder, with a closing slash. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", ".git", "results", ".tmp"]);

/** All files below a folder of the repository, as paths relative to the repository, sorted. */
export function filesBelow(folder, accept = () => true) {
  const found = [];
  const visit = (relative) => {
    for (const entry of readdirSync(root + relative, { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!SKIPPED_FOLDERS.has(entry.name)) visit(path);
      } else if (entry.isFile() && accept(path)) found.push(path);
    }
  };
  if (folder === "" || existsSync(root + folder)) visit(folder);
  return found.sort();
}

/** A program that npm installed. */
export function installed(name) {
  return `${root}node_modules/.bin/${name}`;
}

/**
 * Runs a program in its own process group, collects what it prints, and ends the whole group after `seconds`.
 * Resolves to { code, output, timedOut, elapsed }; code is null when a signal ended the program.
 */
export function runLimited(command, args, { seconds = 300, env = {}, cwd = root, input } = {}) {
  return new Promise((resolve) => {
    const started = process.hrtime.bigint();
    const child = spawn(command, args, {
      cwd, env: { ...process.env, ...env }, detached: true,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    const parts = [];
    let timedOut = false;
    const endGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== "ESRCH") throw error; // the group is gone already
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup("SIGKILL");
    }, seconds * 1000);
    child.stdout.on("data", (part) => parts.push(part));
    child.stderr.on("data", (part) => parts.push(part));
    if (input !== undefined) child.stdin.end(input);
    const finish = (code, extra = "") => {
      clearTimeout(timer);
      if (child.pid !== undefined) endGroup("SIGKILL"); // what the program left running
      const elapsed = Number(process.hrtime.bigint() - started) / 1e9;
      resolve({ code, output: Buffer.concat(parts).toString() + extra, timedOut, elapsed });
    };
    child.on("error", (error) => finish(127, `${error.message}\n`));
    child.on("exit", (code) => {
      // A grandchild that still holds the pipes must not hold up the run.
      const grace = setTimeout(() => finish(code), 500);
      child.on("close", () => {
        clearTimeout(grace);
        finish(code);
      });
    });
  });
}

/** Runs a script of the repository in Node; when it fails, this program ends with its exit code. */
export function runNode(script, ...args) {
  const done = spawnSync(process.execPath, [root + script, ...args], { cwd: root, stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
}

// The root page (64 KiB) comes first in memory; constants and string literals follow it.
const CORE_FLAGS = [
  "--runtime", "./core-wasm/memory/runtime", "--importMemory", "--memoryBase", "65536", "--enable", "simd",
  "--use", "abort=", "--noExportMemory",
];

/** Compiles one AssemblyScript entry file to WebAssembly, both named from the repository's folder. */
export function compileCore(entry, output) {
  runNode("node_modules/assemblyscript/bin/asc.js", entry, "-o", output, "-O3", ...CORE_FLAGS);
}

/** Counts of a run. */
export function counts(passed = 0, failed = 0, skipped = 0) {
  return { passed, failed, skipped };
}

/** Adds the second counts to the first. */
export function addCounts(into, more) {
  into.passed += more.passed;
  into.failed += more.failed;
  into.skipped += more.skipped;
  return into;
}

/** The line that programs reading our output look for. */
export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

// --- Command lines ---

/** The comment at the head of a program's file, which says what the program is for and how it is called. */
function head(url) {
  const [comment] = /^(?:\/\/.*\n)+/.exec(readFileSync(fileURLToPath(url), "utf8"));
  return comment.replace(/^\/\/ ?/gm, "").trimEnd();
}

/** Ends the program at `url` because of what is wrong with its command line: says that, and how it is called. */
export function refuse(url, what) {
  console.error(`${what}\n\n${head(url)}`);
  process.exit(2);
}

/**
 * Reads the command line of the program at `url`: { options, words }. `flags` are options without a value, `values`
 * those with one; `words` tells whether it takes any. Asked for --help, or for what it doesn't know, the program ends
 * here.
 */
export function commandLine(url, { flags = [], values = [], words = false } = {}) {
  const options = Object.fromEntries([
    ...["help", ...flags].map((name) => [name, { type: "boolean" }]),
    ...values.map((name) => [name, { type: "string" }]),
  ]);
  try {
    const parsed = parseArgs({ options, allowPositionals: words });
    if (!parsed.values.help) return { options: parsed.values, words: parsed.positionals };
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    refuse(url, error.message.split(". To specify")[0]);
  }
  console.log(head(url));
  process.exit(0);
}

/** Runs jobs side by side, at most `width` at once; results come in the jobs' order. */
export async function inParallel(width, jobs) {
  const results = Array.from({ length: jobs.length });
  let next = 0;
  const worker = async () => {
    while (next < jobs.length) {
      const mine = next;
      next += 1;
      results[mine] = await jobs[mine]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, worker));
  return results;
}
