/**
 * What streams can beyond Valkey 9.1 (docs/beyond-valkey.md): removing entries with regard to groups.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, type Value } from "../support/keyspace.ts";
import { OOM } from "../support/resp.ts";

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
    assertEquals(core.failing(0, () => client.command("XDELEX", "s", "IDS", "1", "1")), OOM);
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

describe("XREADGROUP CLAIM", () => {
  const read = (client: CoreClient, options: string, from = ">"): Value =>
    value(client, `XREADGROUP GROUP g cy ${options} STREAMS s ${from}`);

  /** Five entries; al reads two, bo two a second later, one is new. */
  function idle(): { core: CoreDriver; client: CoreClient } {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 1; i <= 5; i++) value(client, `XADD s ${i} a ${i}`);
    value(client, "XGROUP CREATE s g 0");
    value(client, "XREADGROUP GROUP g al COUNT 2 STREAMS s >");
    core.advance(1000);
    value(client, "XREADGROUP GROUP g bo COUNT 2 STREAMS s >");
    value(client, "XCLAIM s g al 0 2 RETRYCOUNT 7 TIME 5");
    core.advance(500);
    return { core, client };
  }

  it("takes over what is idle, longest first, and then reads what is new", () => {
    const { core, client } = idle();
    const two: Value = ["2-0", ["a", "2"], core.nowMs - 5, 7];
    const one: Value = ["1-0", ["a", "1"], 1500, 1];
    assertEquals(read(client, "CLAIM 1000 COUNT 1"), [["s", [two]]]);
    assertEquals(read(client, "CLAIM 1000"), [["s", [one, ["5-0", ["a", "5"], 0, 0]]]]);
    assertEquals(read(client, "CLAIM 1000"), null);
    const mine: Value = [["1-0", "cy", 0, 2], ["2-0", "cy", 0, 8], ["5-0", "cy", 0, 1]];
    assertEquals(value(client, "XPENDING s g - + 9 cy"), mine);
    core.advance(600);
    const rest: Value = [["3-0", ["a", "3"], 1100, 1], ["4-0", ["a", "4"], 1100, 1]];
    assertEquals(read(client, "CLAIM 1000 NOACK"), [["s", rest]], "NOACK does not hold for what was pending");
    assertEquals((value(client, "XPENDING s g") as Value[])[0], 5);
  });

  it("is ignored for another ID than >, and unknown to XREAD", () => {
    const { client } = idle();
    assertEquals(value(client, "XREADGROUP GROUP g bo CLAIM 0 STREAMS s 3"), [["s", [["4-0", ["a", "4"]]]]]);
    assertEquals(value(client, "XREAD CLAIM 0 STREAMS s 0"), "-ERR syntax error");
    assertEquals(read(client, "CLAIM x"), "-ERR value is not an integer or out of range");
  });

  it("forgets what is pending but no longer in the stream", () => {
    const { client } = idle();
    value(client, "XDEL s 1 2");
    assertEquals(read(client, "CLAIM 1000 COUNT 1"), [["s", [["5-0", ["a", "5"], 0, 0]]]]);
    assertEquals((value(client, "XPENDING s g") as Value[])[0], 3);
  });

  it("chooses among many as a sort would", () => {
    const core = new CoreDriver();
    const client = core.connect();
    value(client, "XGROUP CREATE s g 0 MKSTREAM");
    const times: [time: number, id: number][] = [];
    for (let i = 1; i <= 300; i++) {
      value(client, `XADD s ${i} a 1`);
      const time = 1000 + ((i * 7919) % 97);
      value(client, `XCLAIM s g al 0 ${i} TIME ${time} FORCE JUSTID`);
      if (time <= 1060) times.push([time, i]);
    }
    value(client, "XGROUP SETID s g $");
    times.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    core.advance(-(core.nowMs - 2000));
    const found = (read(client, "CLAIM 940 COUNT 50") as Value[][][])[0][1].map((entry) => (entry as Value[])[0]);
    assertEquals(found, times.slice(0, 50).map(([, id]) => `${id}-0`));
    const rest = (read(client, "CLAIM 940") as Value[][][])[0][1].map((entry) => (entry as Value[])[0]);
    assertEquals(rest, times.slice(50).map(([, id]) => `${id}-0`));
  });

  it("waits until something has been idle for long enough", () => {
    const { core, client } = idle();
    const waiting = core.connect();
    read(client, "CLAIM 1000 COUNT 9");
    const asked = core.nowMs;
    assertEquals(waiting.command(..."XREADGROUP GROUP g dy BLOCK 5000 CLAIM 1000 COUNT 1 STREAMS s >".split(" ")), "");
    assertEquals(core.exports.blockedTimeouts(), asked + 500);
    core.advance(499);
    core.exports.blockedTimeouts();
    assertEquals(waiting.take(), "");
    core.advance(1);
    core.exports.blockedTimeouts();
    assertEquals(decode(waiting.take()), [["s", [["3-0", ["a", "3"], 1000, 1]]]]);
    // Everything is acknowledged meanwhile: only the time limit is left.
    waiting.command(..."XREADGROUP GROUP g dy BLOCK 5000 CLAIM 9000 STREAMS s >".split(" "));
    value(client, "XACK s g 1 2 3 4 5");
    const limit = core.nowMs + 5000;
    assertEquals(core.exports.blockedTimeouts(), limit);
    core.advance(5000);
    assertEquals(core.exports.blockedTimeouts(), 0);
    assertEquals(decode(waiting.take()), null);
  });
});
