/** Which commands of a pipeline share a slice, and so its time: fast ones, and weighed ones while they are light. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";

type Command = (string | number)[];

/** Slices of ten commands, each of which has its own: the last gives the client's buffer back. */
const EACH = 11;

/** How many slices a pipeline of `n` commands takes. */
function slices(client: CoreClient, command: Command, n = 10): number {
  const before = client.slices;
  assertEquals(client.pipeline(Array.from({ length: n }, () => command)).length, n);
  return client.slices - before;
}

/** A key of `n` positions, none farther than some metres from 10, 10. */
function fill(client: CoreClient, key: string, n: number): void {
  for (let i = 0; i < n; i++) client.command("GEOADD", key, 10 + i / 1e6, 10, `member:${i}`);
}

describe("slices", () => {
  it("are shared by fast commands and strings, not by what may be slow", () => {
    const client = new CoreDriver().connect();
    client.command("SADD", "s", "a", "b");
    assertEquals(slices(client, ["SADD", "s", "a"]), 1);
    assertEquals(slices(client, ["MSET", "a", "1", "b", "2"]), 1);
    assertEquals(slices(client, ["SORT", "s", "ALPHA"]), EACH);
    assertEquals(slices(client, ["SORT", "s", "ALPHA"], 1), 1);
  });

  it("are shared by weighed commands whose replies are short", () => {
    const client = new CoreDriver().connect();
    client.command("RPUSH", "l", "a", "x".repeat(5000));
    assertEquals(slices(client, ["LRANGE", "l", 0, 0]), 1);
    // The first ends the slice that it shared, were it with others.
    assertEquals(slices(client, ["LRANGE", "l", 0, -1]), EACH);
    // The first light one is still alone.
    assertEquals(slices(client, ["LRANGE", "l", 0, 0]), 2);
    assertEquals(slices(client, ["LRANGE", "l", 0, 0]), 1);
  });

  it("are shared by searches that look at few members", () => {
    const client = new CoreDriver().connect();
    fill(client, "few", 20);
    fill(client, "many", 200);
    const near = ["FROMLONLAT", 10.5, 10, "BYRADIUS"];
    const nothing = [...near, 1, "m"];
    assertEquals(slices(client, ["GEOSEARCH", "few", ...near, 100, "km"]), 1);
    // No reply, but every member is in the cells that are searched.
    const vast = ["BYPOLYGON", 3, 9, 9, 11, 9, 11, 9.5];
    assertEquals(client.command("GEOSEARCH", "many", ...vast), "*0\r\n");
    assertEquals(slices(client, ["GEOSEARCH", "many", ...vast]), EACH);
    assertEquals(slices(client, ["GEOSEARCH", "many", ...nothing]), 2);
    assertEquals(slices(client, ["GEOSEARCHSTORE", "to", "few", ...near, 100, "km"]), EACH);
    assertEquals(slices(client, ["GEOSEARCHSTORE", "to", "few", ...nothing]), 2);
  });

  it("are shared by what looks at few elements, or removes few", () => {
    const client = new CoreDriver().connect();
    const names = Array.from({ length: 500 }, (_, i) => `member:${i}`);
    for (const [key, n] of [["few", 20], ["many", 500]] as const) {
      client.command("RPUSH", `l:${key}`, ...names.slice(0, n));
      client.command("SADD", `s:${key}`, ...names.slice(0, n));
    }
    const commands = (key: string): Command[] => [
      ["LPOS", `l:${key}`, "none"], ["LINSERT", `l:${key}`, "AFTER", "none", "x"], ["LREM", `l:${key}`, 0, "none"],
      ["SINTERCARD", 2, "s:few", `s:${key}`], ["SDIFF", `s:${key}`, `s:${key}`],
      ["SINTERSTORE", "to", `s:${key}`, "none"],
    ];
    for (const command of commands("few")) assertEquals(slices(client, command), 1, command.join(" "));
    for (const command of commands("many")) assertEquals(slices(client, command), EACH, command.join(" "));
    const refill = (n: number): Command[] => [
      ["DEL", "l", "z"], ["RPUSH", "l", ...names.slice(0, n)],
      ["ZADD", "z", ...names.slice(0, n).flatMap((name) => [1, name])],
    ];
    for (const command of [["LTRIM", "l", 1, 0], ["ZREMRANGEBYSCORE", "z", 1, 1]]) {
      // The next run of a command that removed many is alone.
      for (const [n, wanted] of [[20, 1], [500, 2]]) {
        client.pipeline([...refill(n), command]);
        assertEquals(slices(client, command, 2), wanted, `${command.join(" ")} of ${n}`);
      }
    }
  });

  it("end behind a command of many arguments", () => {
    const client = new CoreDriver().connect();
    const names = Array.from({ length: 100 }, (_, i) => `m${i}`);
    assertEquals(slices(client, ["GEOPOS", "none", ...names.slice(0, 10)]), 1);
    assertEquals(slices(client, ["GEOPOS", "none", ...names]), EACH);
  });

  it("are not ended by what another command counted", () => {
    const client = new CoreDriver().connect();
    fill(client, "many", 200);
    client.command("RPUSH", "l", "a");
    // A transaction's commands run inside its slice, where nothing is weighed.
    client.pipeline([["MULTI"], ["GEOSEARCH", "many", "FROMLONLAT", 10, 10, "BYRADIUS", 1, "km"], ["EXEC"]]);
    assertEquals(slices(client, ["LRANGE", "l", 0, 0]), 1);
  });
});
