/**
 * cron: how often the upkeep runs, counted in virtual time: `hz` times a second while there is something to do, twice a
 * second while there is nothing.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { simulatedServer } from "./support/simulated.ts";

/** A server that has been left alone for a second, and what counts its runs of upkeep from now on. */
async function quietServer() {
  const { port, server } = await simulatedServer(1);
  const client = port.connect();
  const say = (command: string): string => {
    client.send(`${command}\r\n`);
    port.settle();
    return client.receiveText();
  };
  const runs = (ms: number): number => {
    const before = server.stats.cycles;
    port.advance(ms);
    return server.stats.cycles - before;
  };
  assertEquals(say("SET a 1"), "+OK\r\n");
  port.advance(1000);
  return { port, server, say, runs };
}

describe("upkeep", () => {
  it("runs twice a second while nothing happens, also with a low hz less often", async () => {
    const { server, say, runs } = await quietServer();
    assertEquals(runs(10_000), 20);
    assertEquals(say("CONFIG SET hz 1"), "+OK\r\n");
    runs(2000);
    assertEquals(runs(10_000), 10);
    server.close();
  });

  it("runs hz times a second again from the first command on, and while keys or fields may expire", async () => {
    const { server, say, runs } = await quietServer();
    assertEquals(say("PING"), "+PONG\r\n");
    assertEquals(runs(100), 1);
    assertEquals(say("SET a 1 PX 60000"), "+OK\r\n");
    assertEquals(runs(10_000), 100);
    assertEquals(say("DEL a"), ":1\r\n");
    assertEquals(say("HSET h f v"), ":1\r\n");
    assertEquals(say("HPEXPIRE h 60000 FIELDS 1 f"), "*1\r\n:1\r\n");
    assertEquals(runs(10_000), 100);
    runs(60_000);
    assertEquals(runs(10_000), 20);
    server.close();
  });

  it("obeys a signal at the usual pace", async () => {
    const { port, server, runs } = await quietServer();
    runs(50);
    let code = -1;
    server.shutdown.exit = (given) => {
      code = given;
    };
    server.shutdown.signal("SIGTERM");
    port.advance(100);
    assertEquals(code, 0);
  });

  it("lets the values of a moment fade as fast as at the usual pace", async () => {
    const { server, say, runs } = await quietServer();
    for (let i = 0; i < 20; i++) {
      say("PING");
      runs(100);
    }
    assertEquals(server.stats.rate("commands"), 10);
    runs(2500);
    assertEquals(server.stats.rate("commands"), 0);
    server.close();
  });
});
