// Compiles the test-only WASM entries (core-wasm/testing/NAME.ts) to dist/testing/NAME.wasm.
//   node tools/build-test-core.mjs [NAME ...]    all of them when none is named
// An output that is newer than every core source is kept. Not for what ships: that is tools/build.mjs.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const flags = [
  "--runtime", "./core-wasm/memory/runtime", "--importMemory", "--memoryBase", "65536", "--enable", "simd",
  "--use", "abort=", "--noExportMemory",
];

/** Time of the last change below a folder. */
function newest(folder) {
  let latest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${item.name}`;
    latest = Math.max(latest, item.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

const names = process.argv.slice(2);
if (names.length === 0) {
  for (const file of readdirSync(`${root}core-wasm/testing`)) names.push(file.replace(/\.ts$/, ""));
}
const changed = Math.max(newest(`${root}core-wasm`), statSync(fileURLToPath(import.meta.url)).mtimeMs);
mkdirSync(`${root}dist/testing`, { recursive: true });
for (const name of names) {
  const output = `dist/testing/${name}.wasm`;
  if (existsSync(root + output) && statSync(root + output).mtimeMs >= changed) continue;
  // Written beside and renamed, because test files of several runners may build at once.
  const fresh = `dist/testing/${name}.${process.pid}.wasm`;
  const entry = `core-wasm/testing/${name}.ts`;
  const asc = [`${root}node_modules/assemblyscript/bin/asc.js`, entry, "-o", fresh, "-O3", ...flags];
  const done = spawnSync(process.execPath, asc, { cwd: root, stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
  renameSync(root + fresh, root + output);
}
