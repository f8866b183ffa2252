// Writes dist/node-server.cache: V8's compiled form of the functions of dist/node-server.cjs that a start needs. Hence it
// starts the server, on a unix socket, and ends with the first reply. See runtime-adapters/node-start.ts.
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { connect } = require("node:net");
const { tmpdir } = require("node:os");
const { join, resolve } = require("node:path");

const dist = resolve(__dirname, "../dist");
const folder = mkdtempSync(join(tmpdir(), "wakey-"));
const path = join(folder, "socket");

process.argv = [process.argv[0], join(dist, "server.cjs"), "--port", "0", "--unixsocket", path, "--save", "", "--loglevel", "warning"];
const { script } = require(process.argv[1]);

function ask() {
  const socket = connect(path, () => socket.write("PING\r\n"));
  socket.on("error", () => setTimeout(ask, 10));
  socket.on("data", () => {
    writeFileSync(join(dist, "node-server.cache"), script.createCachedData());
    rmSync(folder, { recursive: true });
    process.exit(0);
  });
}
ask();
