// The gate: everything that can be said about the sources without running them.
//   node tools/check.mjs [NAME ...]      default: all checks; `npm test` runs them first
//
// Each check returns a list of complaints ("file:line: what"); none means that it passed. It changes nothing in
// the tree.
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { commandLine, counts, countsLine, filesBelow, installed, refuse, root, runLimited } from "./support.mjs";

const MAX_LINES = 1000;
const MAX_COLUMNS = 120;

// Words of unfinished work, put together so that this file does not contain them.
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);

const sources = () => filesBelow("", (path) => /\.(ts|mjs)$/.test(path));
const written = () => sources().filter((path) => !path.includes("/generated/"));
const read = (path) => readFileSync(root + path, "utf8");
const below = (folder) => (path) => path.startsWith(`${folder}/`);

// --- Reading a source file ---

/**
 * Blanks out comments, and strings too unless `keepStrings`, so that patterns see code only. Line numbers stay.
 * It knows no regular expression literals; one that holds a quote or `//` can hide the rest of its line.
 */
function codeOnly(text, keepStrings = false) {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (found) => {
    if (keepStrings && !found.startsWith("//") && !found.startsWith("/*")) return found;
    return found.replace(/[^\n]/g, " ");
  });
}

/** Every place where a pattern occurs, as complaints. */
function places(path, text, pattern, what) {
  const found = [];
  text.split("\n").forEach((line, index) => {
    const match = pattern.exec(line);
    if (match) found.push(`${path}:${index + 1}: ${what(match)}`);
  });
  return found;
}

/** The specifiers that a file imports or re-exports, with their line numbers. */
function imports(path) {
  const text = codeOnly(read(path), true);
  const pattern = /(?:^|\n)\s*(?:import|export)\b[^;"'`]*?from\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;
  return [...text.matchAll(pattern)].map((match) => ({
    specifier: match[1] ?? match[2],
    line: text.slice(0, match.index + match[0].length).split("\n").length,
  }));
}

// --- Checks ---

/** Tables that the build writes are the ones that the specs give. */
async function generated() {
  const { code, output } = await runLimited(process.execPath, ["tools/generate.mjs", "--check"], { seconds: 120 });
  return code === 0 ? [] : [output.trim()];
}

async function lint() {
  const args = ["-c", ".oxlintrc.json", "--deny-warnings", "-f", "unix", "."];
  const { code, output } = await runLimited(installed("oxlint"), args);
  return code === 0 ? [] : output.trim().split("\n");
}

/** Types of everything but the core, which the AssemblyScript compiler checks in each build. */
async function types() {
  const { code, output } = await runLimited(installed("tsc"), ["-p", "tsconfig.json"]);
  return code === 0 ? [] : output.trim().split("\n");
}

/** Which folder may import which: the tree is the architecture. */
function importRules() {
  const rules = [
    { from: "core-wasm", may: /^core-wasm\// },
    { from: "runtime-adapters", may: /^runtime-adapters\//, packages: /^(node|bun):/ },
    { from: "server", may: /^(server|runtime-adapters|dist|commands|admin)\//, packages: /^$/ },
    { from: "admin", may: /^(admin|server)\//, packages: /^(hono|@hono)\b/ },
  ];
  const complaints = [];
  for (const { from, may, packages } of rules) {
    for (const path of written().filter(below(from))) {
      for (const { specifier, line } of imports(path)) {
        const inside = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
        const allowed = inside === undefined ? packages?.test(specifier) : may.test(inside);
        if (!allowed) complaints.push(`${path}:${line}: ${from}/ must not import ${specifier}`);
      }
    }
  }
  return complaints;
}

/** The core's memory is made and viewed in server/bridge/ only; elsewhere fields are named through its accessors. */
function coreMemory() {
  const pattern = /\bWebAssembly\.(?:Memory|Instance|instantiate)\w*\(|\bmemory\.buffer\b/;
  return written().filter(below("server")).filter((path) => !below("server/bridge")(path))
    .flatMap((path) => places(path, codeOnly(read(path)), pattern, ([what]) => `${what} outside server/bridge/`));
}

/** The outside world (clock, timers, randomness, the process) is reached through runtime-adapters/ only. */
function outsideWorld() {
  const pattern = new RegExp([
    /\bDate\.now\b/, /\bnew Date\(\s*\)/, /\bperformance\.now\b/, /\bMath\.random\b/,
    /\bcrypto\.(?:getRandom|random)\w*/, /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    /(?<![.\w])process\.\w+/, /(?<![.\w])(?:Deno|Bun)\.\w+/, /(?<![.\w])console\.\w+/,
  ].map((part) => part.source).join("|"));
  return written().filter((path) => /^(server\.ts|server\/|core-wasm\/|admin\/)/.test(path))
    .flatMap((path) => places(path, codeOnly(read(path)), pattern, ([what]) => `${what} outside runtime-adapters/`));
}

/** Files and lines that a reader can take in. */
function sizes() {
  const complaints = [];
  for (const path of written()) {
    const lines = read(path).split("\n");
    if (lines.length > MAX_LINES + 1) complaints.push(`${path}: ${lines.length - 1} lines, at most ${MAX_LINES}`);
    lines.forEach((line, index) => {
      if (line.length > MAX_COLUMNS) {
        complaints.push(`${path}:${index + 1}: ${line.length} columns, at most ${MAX_COLUMNS}`);
      }
    });
  }
  return complaints;
}

/** Words that mean unfinished work, errors that are swallowed, tests that are switched to "only". */
function unfinished() {
  return written().flatMap((path) => {
    const text = read(path);
    const code = codeOnly(text);
    return [
      ...places(path, text, UNFINISHED, ([word]) => `${word}: finish it or write an issue`),
      ...places(path, code, /\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/, () => "empty catch block"),
      ...(path.startsWith("tests/") ? places(path, code, /\b(?:it|describe|test)\.only\b/, ([what]) => what) : []),
    ];
  });
}

/** Every file that declares tests has a name that the runners collect. */
function collected() {
  return written().filter((path) => !/^tests\/(?:.*\/)?[^/]+\.test\.ts$/.test(path))
    .filter((path) => path.startsWith("tests/") || path.endsWith(".test.ts"))
    .filter((path) => imports(path).some(({ specifier }) => specifier === "node:test"))
    .filter((path) => /\b(?:describe|it|test)\(/.test(codeOnly(read(path))))
    .map((path) => `${path}: declares tests but is not named tests/**/*.test.ts`);
}

/** Links between documents lead somewhere. */
function links() {
  const complaints = [];
  for (const path of filesBelow("", (name) => name.endsWith(".md"))) {
    read(path).split("\n").forEach((line, index) => {
      for (const [, target] of line.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
        const file = posix.join(posix.dirname(path), target);
        if (!existsSync(root + file)) complaints.push(`${path}:${index + 1}: ${target} does not exist`);
      }
    });
  }
  return complaints;
}

/** `npm run NAME` in a document names a script that package.json has. */
function documentedCommands() {
  const { scripts } = JSON.parse(read("package.json"));
  const known = Object.keys(scripts).join("|");
  const unknown = new RegExp(`npm run (?!-)(?!(?:${known})\\b)([\\w:-]+)`);
  return filesBelow("", (name) => name.endsWith(".md"))
    .flatMap((path) => places(path, read(path), unknown, ([, name]) => `package.json has no script "${name}"`));
}

const CHECKS = {
  "generated tables": generated,
  lint,
  types,
  "import rules": importRules,
  "core memory only in the bridge": coreMemory,
  "outside world only in adapters": outsideWorld,
  "file and line length": sizes,
  "unfinished work": unfinished,
  "test files collected": collected,
  "document links": links,
  "documented commands": documentedCommands,
};

/** Runs the checks whose names contain one of the words (none: all), prints a line each, and gives the counts. */
export async function runChecks(words = []) {
  const total = counts();
  for (const [name, check] of Object.entries(CHECKS)) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    const complaints = await check();
    const state = complaints.length === 0 ? "passed" : "failed";
    total[state] += 1;
    console.log(`check  ${name.padEnd(40)} ${state}`);
    if (state === "failed") console.log(complaints.slice(0, 40).map((line) => `       ${line}`).join("\n"));
    if (complaints.length > 40) console.log(`       ... and ${complaints.length - 40} more`);
  }
  return total;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { words } = commandLine(import.meta.url, { words: true });
  const strange = words.filter((word) => !Object.keys(CHECKS).some((name) => name.includes(word)));
  if (strange.length > 0) {
    refuse(import.meta.url, `no check is called ${strange.join(", ")} (there are ${Object.keys(CHECKS).join(", ")})`);
  }
  const total = await runChecks(words);
  console.log(`\n${countsLine(total)}`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}
