// Builds everything that runs: generated tables, the core (WebAssembly) and the bundles in dist/.
//   node tools/build.mjs [--if-missing] [--core-only]
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const flags = new Set(process.argv.slice(2));
const outputs = [
  "dist/server.mjs", "dist/server.cjs", "dist/node-server.cjs", "dist/wakey.mjs", "dist/wakey.browser.mjs",
  "dist/core.wasm",
];
const built = outputs.every((file) => existsSync(root + file));
if (flags.has("--if-missing") && built) process.exit(0);
mkdirSync(`${root}dist`, { recursive: true });

/** Runs one tool and ends the build with its exit code when it fails. */
function run(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
}

// The root page (64 KiB) comes first in memory; constants and string literals follow it.
const CORE_FLAGS = [
  "--runtime", "./core-wasm/memory/runtime", "--importMemory", "--memoryBase", "65536", "--enable", "simd",
  "--use", "abort=", "--noExportMemory",
];

/** Compiles one AssemblyScript entry file; `level` is -O3 for what ships and -O1 for tests. */
function compile(entry, output, level) {
  const compiler = `${root}node_modules/assemblyscript/bin/asc.js`;
  run(process.execPath, [compiler, entry, "-o", output, level, ...CORE_FLAGS]);
}

if (existsSync(`${root}tools/generate.mjs`)) run(process.execPath, ["tools/generate.mjs"]);
compile("core-wasm/exports.ts", "dist/core.wasm", "-O3");
if (!flags.has("--core-only")) {
  const { build } = await import("esbuild");
  const shared = {
    absWorkingDir: root, bundle: true, format: "esm", target: "es2022", logLevel: "warning", sourcemap: "linked",
  };
  const host = { ...shared, platform: "node", external: ["bun:*", "node:*"] };
  // The admin pages stay a file of their own, loaded when they are wanted.
  const apart = (path) => ({
    name: "admin apart",
    setup: (on) => on.onResolve({ filter: /^\.\/admin\/start\.ts$/ }, () => ({ path, external: true })),
  });
  await build({ ...host, entryPoints: ["admin/start.ts"], outfile: "dist/admin.mjs" });
  await build({ ...host, entryPoints: ["server.ts"], outfile: "dist/server.mjs", plugins: [apart("./admin.mjs")] });
  // V8 tells a cache of another source by its length alone, so no old one may stand beside a new bundle.
  rmSync(`${root}dist/node-server.cache`, { force: true });
  // Node starts a small CommonJS bundle 25 ms earlier than a module: it makes no facades of its own modules for it.
  // It requires what a module would import(): from V8's cache, a script of Node 20 can't do that.
  const common = { ...host, format: "cjs", supported: { "dynamic-import": false } };
  await build({ ...common, entryPoints: ["admin/start.ts"], outfile: "dist/admin.cjs" });
  await build({
    ...common, entryPoints: ["server.ts"], outfile: "dist/node-server.cjs", minify: true,
    plugins: [apart("./admin.cjs")],
    define: { "import.meta.url": "bundleUrl" },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
  const starter = { entryPoints: ["runtime-adapters/node-start.ts"], outfile: "dist/server.cjs" };
  await build({ ...host, ...starter, format: "cjs", sourcemap: false });
  if (!("bun" in process.versions || "deno" in process.versions)) run(process.execPath, ["tools/code-cache.cjs"]);
  await build({ ...host, entryPoints: ["server/wakey.ts"], outfile: "dist/wakey.mjs" });
  // One file with the core inside; an import of node: would fail the build.
  const browser = { ...shared, platform: "browser", loader: { ".wasm": "binary" }, minify: true };
  await build({ ...browser, entryPoints: ["server/wakey.browser.ts"], outfile: "dist/wakey.browser.mjs" });
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"]);
}
