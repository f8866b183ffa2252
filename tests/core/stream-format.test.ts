/**
 * The bytes of a stream's nodes as docs/formats/stream.md tells them: the page's example is run.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { bytesOf, CoreDriver } from "../support/core.ts";

const page = readFileSync(new URL("../../docs/formats/stream.md", import.meta.url), "utf8");

/** The example's commands, and its bytes as hexadecimal digits. */
function example(): { commands: string[]; bytes: string } {
  const text = page.slice(page.indexOf("## Example"), page.indexOf("## Validation"));
  const lines = text.split("\n").filter((line) => line.startsWith("    ")).map((line) => line.trim());
  const commands = lines.filter((line) => line.startsWith("X"));
  const bytes = lines.filter((line) => !line.startsWith("X")).map((line) => line.split("  ")[0]);
  return { commands, bytes: bytes.join(" ") };
}

describe("a stream's node", () => {
  it("has the bytes of the example", () => {
    const driver = new CoreDriver();
    const client = driver.connect();
    const { commands, bytes } = example();
    for (const command of commands) client.command(...command.split(" "));
    const { core, exports } = driver;
    const at = core.withBytes(bytesOf("s"), (key, length) => exports.streamNode(0, key, length)) >>> 0;
    core.refresh();
    const size = core.bytes[at] | (core.bytes[at + 1] << 8);
    const found = [...core.bytes.subarray(at, at + size)].map((byte) => byte.toString(16).padStart(2, "0"));
    assertEquals(found.join(" "), bytes);
  });
});
