/** String commands in the core, driven without a server. What the real server replies is differential.test.ts's. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { CoreDriver } from "../support/core.ts";

describe("SET and GET", () => {
  it("store a value in each encoding", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (const [value, encoding] of [["12", "int"], ["v", "embstr"], ["x".repeat(200), "raw"]]) {
      assertEquals(client.command("SET", "key", value), "+OK\r\n");
      assertEquals(client.command("GET", "key"), `$${value.length}\r\n${value}\r\n`);
      assertEquals(core.encoding("key"), encoding);
    }
  });
});
