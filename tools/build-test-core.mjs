// Compiles the test-only WASM entries (core-wasm/testing/NAME.ts) to dist/testing/NAME.wasm.
//   node tools/build-test-core.mjs [NAME ...]    all of them when none is named
// An output that is newer than every core source is kept. Not for what ships: that is tools/build.mjs.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { commandLine, compileCore, refuse, root } from "./support.mjs";

/** Time of the last change below a folder. */
function newest(folder) {
  let latest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${item.name}`;
    latest = Math.max(latest, item.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

const { words } = commandLine(import.meta.url, { words: true });
const all = readdirSync(`${root}core-wasm/testing`).map((file) => file.replace(/\.ts$/, ""));
const strange = words.filter((name) => !all.includes(name));
if (strange.length > 0) refuse(import.meta.url, `core-wasm/testing/ has no ${strange.join(", ")}`);
const names = words.length > 0 ? words : all;
const changed = Math.max(newest(`${root}core-wasm`), statSync(`${root}tools/support.mjs`).mtimeMs);
mkdirSync(`${root}dist/testing`, { recursive: true });
for (const name of names) {
  const output = `dist/testing/${name}.wasm`;
  if (existsSync(root + output) && statSync(root + output).mtimeMs >= changed) continue;
  // Written beside and renamed, because test files of several runners may build at once.
  const fresh = `dist/testing/${name}.${process.pid}.wasm`;
  compileCore(`core-wasm/testing/${name}.ts`, fresh);
  renameSync(root + fresh, root + output);
}
