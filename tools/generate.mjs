// Writes the generated sources (core-wasm/generated/, server/generated/) from commands/*.json and the core's sources.
//   node tools/generate.mjs [--check] [--report]
// --check writes nothing and fails when a generated file is stale; --report prints the core commands without a handler.
// The output depends on the tree alone, so two runs write the same bytes. A file that is up to date is left untouched.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { findHandlers, markReady, readSpecs } from "./generate/specs.mjs";
import { coreCommands, coreDispatch, coreTables } from "./generate/core.mjs";
import { hostCommands, hostDocs } from "./generate/host.mjs";
import { layout } from "./generate/layout.mjs";
import { commandLine, root } from "./support.mjs";

const { options } = commandLine(import.meta.url, { flags: ["check", "report"] });

const specs = readSpecs(`${root}commands`);
const handlers = findHandlers(`${root}core-wasm/commands`);
markReady(specs, handlers);

const files = {
  "core-wasm/generated/commands.ts": coreCommands(specs),
  "core-wasm/generated/tables.ts": coreTables(specs),
  "core-wasm/generated/dispatch.ts": coreDispatch(specs, handlers),
  "server/generated/commands.ts": hostCommands(specs),
  "server/generated/command-docs.ts": hostDocs(specs),
  "server/generated/layout.ts": layout(`${root}core-wasm`),
};

let stale = 0;
for (const [name, text] of Object.entries(files)) {
  const path = root + name;
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  stale++;
  if (options.check) {
    console.error(`${name} is stale: run node tools/generate.mjs`);
    continue;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
if (options.report) {
  const runs = (spec) => spec.status === "implemented" && !spec.isContainer;
  const missing = specs.filter((spec) => runs(spec) && !spec.ready).map((spec) => spec.handler);
  console.log(missing.length === 0 ? "every core command has its handler" : `no handler yet: ${missing.join(" ")}`);
}
if (options.check && stale > 0) process.exit(1);
