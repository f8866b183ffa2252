// node-start.ts - starts the server in Node from V8's code cache (dist/server.cjs).
//
//   dist/node-server.cjs   ──► vm.Script ◄── dist/node-server.cache: what V8 compiled when the build started it once
//
// Reading 440 KB of JavaScript takes Node 20 some 12 ms of a start, taking it from the cache 2. V8 refuses a cache of
// another version or another source by itself and compiles as usual, so a stale one costs nothing but time.
//
// Not for other runtimes, and not for Nodes before 20.12, where such a script could not import().

import { readFileSync } from "node:fs";
import { wrap } from "node:module";
import { constants, Script } from "node:vm";

const path = `${__dirname}/node-server.cjs`;

function readCache(): Buffer | undefined {
  try {
    return readFileSync(`${__dirname}/node-server.cache`);
  } catch {
    return undefined;
  }
}

const importing = constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const cachedData = importing === undefined ? undefined : readCache();
if (cachedData === undefined) {
  require(path);
} else {
  const script = new Script(wrap(readFileSync(path, "utf8")), {
    filename: path,
    cachedData,
    importModuleDynamically: importing,
  });
  script.runInThisContext()(exports, require, module, path, __dirname);
}
