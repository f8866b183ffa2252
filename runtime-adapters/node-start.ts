// node-start.ts - starts the server in Node from V8's code cache (dist/server.cjs).
//
//   dist/node-server.cjs   ──► vm.Script ◄── dist/node-server.cache: what V8 compiled when the build started it once
//
// Compiling 450 KB of JavaScript takes Node 20 some 12 ms of a start, taking it from the cache 2. V8 refuses a cache of
// another version or another source by itself and compiles as usual, so a stale one costs nothing but time. The build
// makes the cache (tools/code-cache.cjs) from the script that this file exports.
//
// Such a script can't import() in Node 20, so the bundle requires what it wants later. Not for other runtimes.

import { readFileSync } from "node:fs";
import { Script } from "node:vm";

const path = `${__dirname}/node-server.cjs`;

function readCache(): Buffer | undefined {
  try {
    return readFileSync(`${__dirname}/node-server.cache`);
  } catch {
    return undefined;
  }
}

// The bundle is ASCII, and as Latin-1 it is read fastest. The wrapper is what node:module would give.
const source = `(function (exports, require, module, __filename, __dirname) { ${readFileSync(path, "latin1")}\n})`;
export const script = new Script(source, { filename: path, cachedData: readCache() });
script.runInThisContext()(exports, require, module, path, __dirname);
