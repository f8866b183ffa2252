// Writes dist/node-server.cache: V8's compiled form of the functions of dist/node-server.cjs that a start needs. Hence it
// starts the server, on a unix socket, and ends when it listens. See runtime-adapters/node-start.ts.
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { tmpdir } = require("node:os");
const { dirname, join, resolve } = require("node:path");
const { Script } = require("node:vm");

const path = resolve(__dirname, "../dist/node-server.cjs");
const cache = path.replace(/cjs$/, "cache");
const folder = mkdtempSync(join(tmpdir(), "wakey-"));
const socket = join(folder, "socket");

process.argv = [process.argv[0], path, "--port", "0", "--unixsocket", socket, "--save", "", "--loglevel", "warning"];
const script = new Script(wrap(readFileSync(path, "utf8")), { filename: path });
script.runInThisContext()(exports, require, module, path, dirname(path));
const waiting = setInterval(() => {
  if (!existsSync(socket)) return;
  clearInterval(waiting);
  writeFileSync(cache, script.createCachedData());
  rmSync(folder, { recursive: true });
  process.exit(0);
}, 10);
