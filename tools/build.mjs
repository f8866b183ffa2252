// Builds everything that runs: generated tables, the core (WebAssembly) and the bundles in dist/.
//   node tools/build.mjs [--if-missing] [--core-only]
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { commandLine, compileCore, root, runNode } from "./support.mjs";

const { options } = commandLine(import.meta.url, { flags: ["if-missing", "core-only"] });
const outputs = [
  "dist/server.mjs", "dist/server.cjs", "dist/node-server.cjs", "dist/wakey.mjs", "dist/wakey.browser.mjs",
  "dist/core.wasm",
];
const built = outputs.every((file) => existsSync(root + file));
if (options["if-missing"] && built) process.exit(0);
mkdirSync(`${root}dist`, { recursive: true });

runNode("tools/generate.mjs");
compileCore("core-wasm/exports.ts", "dist/core.wasm");
if (!options["core-only"]) {
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
  if (!("bun" in process.versions || "deno" in process.versions)) runNode("tools/code-cache.cjs");
  await build({ ...host, entryPoints: ["server/wakey.ts"], outfile: "dist/wakey.mjs" });
  // One file with the core inside; an import of node: would fail the build.
  const browser = { ...shared, platform: "browser", loader: { ".wasm": "binary" }, minify: true };
  await build({ ...browser, entryPoints: ["server/wakey.browser.ts"], outfile: "dist/wakey.browser.mjs" });
  runNode("node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json");
}
