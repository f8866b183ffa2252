/** MONITOR: what it shows of commands, in which order, and what it hides; as the real server where it is installed. */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type RespConnection } from "./support/resp.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { play } from "./support/transcript.ts";
import { until } from "./support/wait.ts";

const SCRIPT = `
  m MONITOR
  a SET k 1
  a MULTI
  a SET k 2 EX 100
  a CONFIG GET maxmemory
  a GET k
  a CLIENT ID
  a EXEC
  a MULTI
  a NOSUCH
  a EXEC
  a AUTH secret
  a AUTH name secret
  a HELLO 3 AUTH name secret
  a MIGRATE h 1 nokey 0 10 COPY AUTH secret REPLACE
  a MIGRATE h 1 nokey 0 10 AUTH2 name secret
  a MIGRATE h 1 "" 0 10 KEYS auth nokey
  a HELLO 2 SETNAME me AUTH name secret
  a CONFIG SET maxmemory 0
  a GET
  a SELECT 9
  a ECHO \\"\n\x07\x00\xff
  a SET "" ""
  m> PING
  m> MONITOR
  m> GET k
  m> RESET
  a SET k 3
  m GET k
  a MULTI
  a MONITOR
  a EXEC
`;

/** Without times and ports. */
const plain = (text: string): string => text.replace(/\d+\.\d{6} \[(\d+) 127\.0\.0\.1:\d+\]/g, "TIME [$1 PEER]");

describe("MONITOR", () => {
  let ours: RunningServer;
  before(async () => {
    ours = await startServer();
  });
  after(() => ours?.stop());

  it("shows what the real server's shows", { skip: skipWithoutReal("valkey-server") }, async () => {
    const real = await startServer({ program: realProgram("valkey-server")! });
    try {
      const [mine, other] = [await play(ours.port, SCRIPT), await play(real.port, SCRIPT)];
      assertEquals(plain(mine.m), plain(other.m));
      assertEquals(mine.a.replace(/:\d+\r\n/g, ""), other.a.replace(/:\d+\r\n/g, ""));
    } finally {
      await real.stop();
    }
  });

  it("shows each command of many clients once, pipelines and all", async () => {
    const monitor = await ours.connect();
    await monitor.command("MONITOR");
    const clients: RespConnection[] = await Promise.all(Array.from({ length: 5 }, () => ours.connect()));
    await Promise.all(clients.map((client, i) =>
      client.pipeline(Array.from({ length: 200 }, (_, n) => ["SET", `m${i}`, `${n}`]))));
    const seen = new Map<string, number>();
    for (let i = 0; i < 1000; i++) {
      const [, key, value] = /"SET" "(m\d)" "(\d+)"/.exec(await monitor.reply())!;
      assertEquals(Number(value), seen.get(key) ?? 0, "in order");
      seen.set(key, Number(value) + 1);
    }
    assertEquals(monitor.leftover, "");
    for (const client of clients) client.close();
    monitor.close();
  });

  it("shows new connections by their address, and ends with its client", async () => {
    const monitor = await ours.connect();
    await monitor.command("MONITOR");
    const client = await ours.connect();
    await client.command("PING");
    const { localPort } = client.socket;
    assert((await monitor.reply()).includes(`[0 127.0.0.1:${localPort}] "PING"`));
    assert((await client.command("CLIENT", "LIST")).includes("flags=O "));
    monitor.close();
    await until(async () => !(await client.command("CLIENT", "LIST")).includes("flags=O "), "the monitor's end");
    client.close();
  });
});
