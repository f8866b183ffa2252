/**
 * life: how the server program starts and ends: first and last lines of the log, SHUTDOWN, signals, the pid file,
 * running in the background, and the report of a crash.
 */
import { describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  currentRuntime, freePort, type RunningServer, type StartOptions, startServer, wakeyServer,
} from "./support/server.ts";
import { RespConnection } from "./support/resp.ts";
import { sleep, until } from "./support/wait.ts";

/** Runs `use` with a server, which is ended in any case. */
async function withServer(options: StartOptions, use: (server: RunningServer) => Promise<void>): Promise<void> {
  const server = await startServer(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

const bundle = fileURLToPath(new URL("../dist/server.cjs", import.meta.url));
const ended = (server: RunningServer) => (): boolean => server.exitCode() !== null;

describe("start", () => {
  it("logs Valkey's first lines with the process id", () => withServer({}, async (server) => {
    await until(() => server.output().includes("Ready to accept"), "the server is ready");
    const log = server.output();
    const lines = [
      "oO0OoO0OoO0Oo Valkey is starting oO0OoO0OoO0Oo", "Valkey version=9.1", "Configuration loaded", "Running mode=",
      "Server initialized", "Ready to accept connections tcp",
    ];
    let at = 0;
    for (const line of lines) {
      const found = log.indexOf(line, at);
      assert(found >= at, `${line} comes in its order:\n${log}`);
      at = found;
    }
    assertStringIncludes(log, `${server.pid}:M `);
  }));

  it("shows its logo with the process id when asked", () =>
    withServer({ args: ["--always-show-logo", "yes"] }, async (server) => {
      await until(() => server.output().includes("Server initialized"), "the server is ready");
      assertMatch(server.output(), new RegExp(` PID: ${server.pid}[^]*Server initialized`));
    }));

  it("ends with an error when its port is taken", () => withServer({}, async (server) => {
    const second = spawnSync(wakeyServer, ["--port", `${server.port}`], {
      env: { ...process.env, WAKEY_RUNTIME: currentRuntime() }, encoding: "utf8",
    });
    assertEquals(second.status, 1);
    assertStringIncludes(second.stdout, `Could not create server TCP listening socket`);
    assertStringIncludes(second.stdout, `Failed listening on port ${server.port} (tcp), aborting.`);
  }));

  it("loads none of Node's large modules", { skip: currentRuntime() !== "node" && "about Node's bundle" }, () => {
    const folder = mkdtempSync(`${tmpdir()}/wakey-`);
    const socket = `${folder}/socket`;
    const code = `
      const { existsSync, writeSync } = require("node:fs");
      const before = new Set(process.moduleLoadList);
      require(${JSON.stringify(bundle)});
      setInterval(() => {
        if (!existsSync(${JSON.stringify(socket)})) return;
        writeSync(2, process.moduleLoadList.filter((name) => !before.has(name)).join());
        process.exit(0);
      }, 10);`;
    try {
      const words = ["-e", code, bundle, "--port", "0", "--unixsocket", socket];
      const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 20_000 });
      assertEquals(status, 0, stderr);
      assertStringIncludes(stderr, "Internal Binding pipe_wrap");
      const large = ["net", "stream", "crypto", "child_process", "perf_hooks", "dns"];
      assertEquals(stderr.split(",").filter((name) => large.includes(name.replace("NativeModule ", ""))), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("end", () => {
  it("SHUTDOWN NOSAVE ends the process and removes the pid file", async () => {
    const folder = mkdtempSync(`${tmpdir()}/wakey-pid-`);
    await withServer({ args: ["--pidfile", `${folder}/server.pid`] }, async (server) => {
      assertEquals(readFileSync(`${folder}/server.pid`, "utf8"), `${server.pid}\n`);
      const connection = await server.connect();
      connection.send("SHUTDOWN NOSAVE\r\n");
      await until(ended(server), "the server ended");
      assertEquals(server.exitCode(), 0);
      assert(!existsSync(`${folder}/server.pid`));
      assertStringIncludes(server.output(), "User requested shutdown... (user request from 'id=");
      assertStringIncludes(server.output(), "ready to exit, bye bye...");
      connection.close();
    });
    rmSync(folder, { recursive: true });
  });

  it("SHUTDOWN refuses contradictions, and SAVE without a way to save", () => withServer({}, async (server) => {
    const connection = await server.connect();
    assertEquals(await connection.command("SHUTDOWN", "SAVE", "NOSAVE"), "-ERR syntax error\r\n");
    assertEquals(await connection.command("SHUTDOWN", "ABORT", "NOW"), "-ERR syntax error\r\n");
    assertEquals(await connection.command("SHUTDOWN", "ABORT"), "-ERR No shutdown in progress.\r\n");
    assertEquals(await connection.command("SHUTDOWN", "SAVE"), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assertEquals(await connection.command("PING"), "+PONG\r\n");
    connection.send("SHUTDOWN SAVE FORCE\r\n");
    await until(ended(server), "the server ended");
    assertEquals(server.exitCode(), 0);
    connection.close();
  }));

  it("SIGTERM ends it in order; SHUTDOWN ABORT takes it back while the upkeep rests", () =>
    withServer({ args: ["--enable-debug-command", "yes"] }, async (server) => {
      const connection = await server.connect();
      assertEquals(await connection.command("DEBUG", "PAUSE-CRON", 1), "+OK\r\n");
      process.kill(server.pid, "SIGHUP");
      process.kill(server.pid, "SIGTERM");
      await until(() => server.output().includes("Received SIGTERM scheduling shutdown..."), "the signal is logged");
      assertEquals(await connection.command("SHUTDOWN", "ABORT"), "+OK\r\n");
      await until(() => server.output().includes("Shutdown manually aborted."), "that is logged");
      assertEquals(await connection.command("DEBUG", "PAUSE-CRON", 0), "+OK\r\n");
      process.kill(server.pid, "SIGTERM");
      await until(ended(server), "the server ended");
      assertEquals(server.exitCode(), 0);
      connection.close();
    }));
});

describe("background", () => {
  it("goes on when nobody reads its output any more", async () => {
    const port = await freePort();
    const pipe = `'${wakeyServer}' --port ${port} --save '' --enable-debug-command yes | head -n 1`;
    const child = spawn("sh", ["-c", pipe], {
      env: { ...process.env, WAKEY_RUNTIME: currentRuntime() }, stdio: "ignore",
    });
    let connection: RespConnection | undefined;
    for (let i = 0; i < 500 && connection === undefined; i++) {
      connection = await RespConnection.open({ port }).catch(() => undefined);
      await sleep(20);
    }
    assert(connection !== undefined, "it listens");
    for (let i = 0; i < 3; i++) {
      assertEquals(await connection.command("DEBUG", "LOG", "nobody reads this"), "+OK\r\n");
      await sleep(20);
    }
    connection.send("SHUTDOWN NOSAVE\r\n");
    await until(() => child.exitCode !== null, "the server ended");
    connection.close();
  });

  it("daemonize leaves a server behind that its pid file names", async () => {
    const folder = mkdtempSync(`${tmpdir()}/wakey-daemon-`);
    const port = await freePort();
    const config = `port ${port}\ndaemonize yes\npidfile ${folder}/pid\nlogfile ${folder}/log\ndir ${folder}\n`;
    const parent = spawnSync(wakeyServer, ["-"], {
      env: { ...process.env, WAKEY_RUNTIME: currentRuntime() }, input: config, encoding: "utf8",
    });
    assertEquals(parent.status, 0);
    const log = (): string => (existsSync(`${folder}/log`) ? readFileSync(`${folder}/log`, "utf8") : "");
    await until(() => log().includes("Ready to accept"), "it is ready");
    const pid = Number(readFileSync(`${folder}/pid`, "utf8"));
    const connection = await RespConnection.open({ port });
    assertStringIncludes(await connection.command("INFO", "server"), `process_id:${pid}\r\n`);
    connection.send("SHUTDOWN NOSAVE\r\n");
    await until(() => !existsSync(`${folder}/pid`), "the pid file is gone");
    connection.close();
    rmSync(folder, { recursive: true });
  });
});

describe("crash", () => {
  const args = ["--enable-debug-command", "yes", "--use-exit-on-panic", "yes"];

  it("reports stack, facts and the running command, and ends", () => withServer({
    args: [...args, "--hide-user-data-from-log", "no"],
  }, async (server) => {
    const connection = await server.connect();
    connection.send("DEBUG SEGFAULT\r\n");
    await until(ended(server), "the server ended");
    assertEquals(server.exitCode(), 1);
    const log = server.output();
    for (const part of ["BUG REPORT START", "crashed by signal: 11", "STACK TRACE DONE", "INFO OUTPUT",
      "CURRENT CLIENT INFO", "argv[1]: \"SEGFAULT\"", "BUG REPORT END"]) assertStringIncludes(log, part);
    connection.close();
  }));

  it("says an assertion failed, hides what clients sent, or keeps to one line", async () => {
    await withServer({ args }, async (server) => {
      const connection = await server.connect();
      connection.send("DEBUG ASSERT secret\r\n");
      await until(ended(server), "the server ended");
      assertStringIncludes(server.output(), "=== ASSERTION FAILED ===");
      assertStringIncludes(server.output(), "argv[2]: 6 bytes");
      connection.close();
    });
    await withServer({ args: [...args, "--crash-log-enabled", "no"] }, async (server) => {
      const connection = await server.connect();
      connection.send("DEBUG PANIC\r\n");
      await until(ended(server), "the server ended");
      assertStringIncludes(server.output(), "Panic: DEBUG PANIC called");
      assert(!server.output().includes("BUG REPORT"));
      connection.close();
    });
  });
});
