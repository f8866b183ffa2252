/**
 * What streams can beyond Valkey 9.1 (docs/beyond-valkey.md): removing entries with regard to groups.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, OOM, type Value } from "../support/keyspace.ts";

const value = (client: CoreClient, line: string): Value => decode(client.command(...line.split(" ")));

/** IDs that are pending in a group. */
const pending = (client: CoreClient, group: string): Value[] =>
  (value(client, `XPENDING s ${group} - + 99`) as Value[][]).map((entry) => entry[0]);

const ids = (client: CoreClient): Value[] => (value(client, "XRANGE s - +") as Value[][]).map((entry) => entry[0]);

/** Five entries; g has read all of them and acknowledged the first, h has read two. */
function furnished(): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  const client = core.connect();
  for (let i = 1; i <= 5; i++) value(client, `XADD s ${i} a ${i}`);
  value(client, "XGROUP CREATE s g 0");
  value(client, "XGROUP CREATE s h 0");
  value(client, "XREADGROUP GROUP g al STREAMS s >");
  value(client, "XREADGROUP GROUP h bo COUNT 2 STREAMS s >");
  value(client, "XACK s g 1");
  return { core, client };
}

describe("XDELEX", () => {
  it("KEEPREF leaves what is pending", () => {
    const { client } = furnished();
    assertEquals(value(client, "XDELEX s IDS 3 2 9 3-0"), [1, -1, 1]);
    assertEquals(ids(client), ["1-0", "4-0", "5-0"]);
    assertEquals(pending(client, "g"), ["2-0", "3-0", "4-0", "5-0"]);
    assertEquals(value(client, "XDELEX s KEEPREF IDS 1 2"), [-1]);
  });

  it("DELREF takes IDs out of all groups, those of deleted entries too", () => {
    const { client } = furnished();
    value(client, "XDEL s 3");
    assertEquals(value(client, "XDELEX s IDS 3 2 3 5 DELREF"), [1, -1, 1]);
    assertEquals([pending(client, "g"), pending(client, "h")], [["4-0"], ["1-0"]]);
    assertEquals(ids(client), ["1-0", "4-0"]);
  });

  it("ACKED removes what every group is done with", () => {
    const { client } = furnished();
    assertEquals(value(client, "XDELEX s ACKED IDS 3 1 2 5"), [2, 2, 2]);
    value(client, "XACK s h 1 2");
    assertEquals(value(client, "XDELEX s ACKED IDS 4 1 2 5 8"), [1, 2, 2, -1]);
    value(client, "XACK s g 2 5");
    assertEquals(value(client, "XDELEX s ACKED IDS 2 2 5"), [1, 2], "the other group has not read it yet");
    value(client, "XGROUP DESTROY s g");
    value(client, "XGROUP DESTROY s h");
    assertEquals(value(client, "XDELEX s ACKED IDS 1 5"), [2], "without groups nobody has acknowledged");
  });

  it("refuses what makes no sense and changes nothing then", () => {
    const { core, client } = furnished();
    const syntax = "-ERR syntax error";
    const errors: [command: string, error: string][] = [
      ["XDELEX s IDS 0 1", "-ERR Number of IDs must be a positive integer"],
      ["XDELEX s IDS x 1", "-ERR Number of IDs must be a positive integer"],
      ["XDELEX s IDS 2 1", "-ERR The `numids` parameter must match the number of arguments"],
      ["XDELEX s IDS 1 x", "-ERR Invalid stream ID specified as stream command argument"],
      ["XDELEX s IDS 1 1 2", syntax], ["XDELEX s ACKED DELREF IDS 1 1", syntax], ["XDELEX s KEEPREF IDS", syntax],
      ["XDELEX s IDS 1 1 IDS 1 2", syntax], ["XACKDEL s g FOO IDS 1 1", syntax],
      ["XACKDEL s g KEEPREF DELREF x", syntax],
    ];
    const dirty = core.dirty;
    for (const [command, error] of errors) {
      const reply = value(client, command) as string;
      assertEquals([command, reply.startsWith("-ERR wrong number") ? error : reply], [command, error]);
    }
    assertEquals(core.dirty, dirty);
    assertEquals(value(client, "XDELEX nokey IDS 2 1 2"), [-1, -1]);
    value(client, "SET str 1");
    assertEquals(client.command("XDELEX", "str", "IDS", "1", "1").startsWith("-WRONGTYPE"), true);
    core.failAfter(0);
    assertEquals(client.command("XDELEX", "s", "IDS", "1", "1"), OOM);
    core.failAfter(-1);
    assertEquals(ids(client).length, 5);
  });
});

describe("XACKDEL", () => {
  it("acknowledges, and removes by its mode", () => {
    const { client } = furnished();
    assertEquals(value(client, "XACKDEL s g IDS 2 1 2"), [-1, 1], "the first is acknowledged already");
    assertEquals([pending(client, "g"), pending(client, "h")], [["3-0", "4-0", "5-0"], ["1-0", "2-0"]]);
    assertEquals(value(client, "XACKDEL s h ACKED IDS 2 1 3"), [1, -1]);
    assertEquals(value(client, "XACKDEL s g ACKED IDS 1 3"), [2], "the other group has yet to read it");
    assertEquals(ids(client), ["3-0", "4-0", "5-0"]);
    value(client, "XREADGROUP GROUP h bo STREAMS s >");
    assertEquals(value(client, "XACKDEL s g DELREF IDS 1 4"), [1]);
    assertEquals([pending(client, "g"), pending(client, "h")], [["5-0"], ["2-0", "3-0", "5-0"]]);
    assertEquals(value(client, "XACKDEL s h IDS 1 2"), [-1], "pending, but no longer in the stream");
    assertEquals(pending(client, "h"), ["3-0", "5-0"]);
    assertEquals(value(client, "XACKDEL s nogroup IDS 1 5"), [-1]);
    assertEquals(value(client, "XACKDEL nokey g IDS 1 5"), [-1]);
  });
});
