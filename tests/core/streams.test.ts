/**
 * Streams in the core, driven without a server over virtual time: replies, groups, waiting, memory, and fuzzes against
 * a plain model, with arguments that make no sense and with memory that ends.
 *
 * Seeds are printed; SEED=n repeats a run, WAKEY_FUZZ=10 makes it that much longer. What the real server replies to the
 * same commands is differential.test.ts's.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { decode, setting, type Value } from "../support/keyspace.ts";
import { type Random, seeded } from "../support/random.ts";
import { OOM } from "../support/resp.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);

const run = (client: CoreClient, line: string): string => client.command(...line.split(" "));
const value = (client: CoreClient, line: string): Value => decode(run(client, line));

/** A map of RESP2 as an object. */
function fields(reply: Value): Record<string, Value> {
  const list = reply as Value[];
  return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]));
}

// --- Replies ---

describe("stream commands", () => {
  /** Command → reply, one after the other on one client. */
  const replies: [command: string, reply: Value][] = [
    ["XADD s 1-1 a 1", "1-1"], ["XADD s 1-* b 2", "1-2"], ["XADD s 5 a 3", "5-0"], ["XLEN s", 3], ["XLEN nokey", 0],
    ["XADD s 5-0 a 1", "-ERR The ID specified in XADD is equal or smaller than the target stream top item"],
    ["XADD s 0-0 a 1", "-ERR The ID specified in XADD must be greater than 0-0"],
    ["XADD t 0-* a 1", "0-1"], ["XADD t x a 1", "-ERR Invalid stream ID specified as stream command argument"],
    ["XADD t 5 a", "-ERR wrong number of arguments for 'xadd' command"],
    ["XADD none NOMKSTREAM 1 a 1", null],
    ["XADD s MAXLEN 1 LIMIT 5 9 a 1", "-ERR syntax error, LIMIT cannot be used without the special ~ option"],
    ["XADD s MAXLEN 1 MINID 5 9 a 1",
      "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"],
    ["XTRIM s LIMIT 5", "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"],
    ["XTRIM s", "-ERR wrong number of arguments for 'xtrim' command"],
    ["XRANGE s - +", [["1-1", ["a", "1"]], ["1-2", ["b", "2"]], ["5-0", ["a", "3"]]]],
    ["XRANGE s (1-1 (5-0", [["1-2", ["b", "2"]]]], ["XRANGE s 1 1 COUNT 1", [["1-1", ["a", "1"]]]],
    ["XREVRANGE s + - COUNT 2", [["5-0", ["a", "3"]], ["1-2", ["b", "2"]]]], ["XRANGE s - + COUNT 0", null],
    ["XRANGE s (- +", "-ERR Invalid stream ID specified as stream command argument"],
    ["XRANGE s (18446744073709551615-18446744073709551615 +", "-ERR invalid start ID for the interval"],
    ["XRANGE s - (0-0", "-ERR invalid end ID for the interval"],
    ["XREAD STREAMS s t 1-1 0", [["s", [["1-2", ["b", "2"]], ["5-0", ["a", "3"]]]], ["t", [["0-1", ["a", "1"]]]]]],
    ["XREAD STREAMS s +", [["s", [["5-0", ["a", "3"]]]]]], ["XREAD STREAMS s $", null],
    ["XREAD COUNT 1 STREAMS s",
      "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."],
    ["XDEL s 1-2 7-7", 1], ["XDEL s 1-2", 0], ["XTRIM s MAXLEN 1", 1],
    ["XRANGE s - +", [["5-0", ["a", "3"]]]],
    ["XSETID s 4", "-ERR The ID specified in XSETID is smaller than the target stream top item"],
    ["XSETID s 9-9", "+OK"],
    ["XADD s 9-9 a 1", "-ERR The ID specified in XADD is equal or smaller than the target stream top item"],
    ["XGROUP CREATE s g 0", "+OK"], ["XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists"],
    ["XREADGROUP GROUP g al STREAMS s >", [["s", [["5-0", ["a", "3"]]]]]], ["XREADGROUP GROUP g al STREAMS s >", null],
    ["XREADGROUP GROUP g al STREAMS s 0", [["s", [["5-0", ["a", "3"]]]]]],
    ["XREADGROUP GROUP g bo STREAMS s 0", [["s", []]]],
    ["XREADGROUP GROUP x al STREAMS s >",
      "-NOGROUP No such key 's' or consumer group 'x' in XREADGROUP with GROUP option"],
    ["XPENDING s g", [1, "5-0", "5-0", [["al", "1"]]]], ["XPENDING s g - + 9", [["5-0", "al", 0, 2]]],
    ["XPENDING s g - + 9 bo", []], ["XPENDING s g IDLE 5 - + 9", []],
    ["XCLAIM s g bo 0 5-0 JUSTID", ["5-0"]], ["XCLAIM s g bo 0 5-0", [["5-0", ["a", "3"]]]],
    ["XCLAIM s g bo 9 5-0", []], ["XCLAIM s g bo 0 5-0 FOO", "-ERR Unrecognized XCLAIM option 'FOO'"],
    ["XAUTOCLAIM s g al 0 - COUNT 1", ["0-0", [["5-0", ["a", "3"]]], []]], ["XDEL s 5-0", 1],
    ["XAUTOCLAIM s g al 0 -", ["0-0", [], ["5-0"]]], ["XACK s g 5-0", 0], ["XPENDING s g", [0, null, null, null]],
    ["XGROUP DELCONSUMER s g bo", 0], ["XGROUP DESTROY s g", 1], ["XGROUP DESTROY s g", 0],
    ["XINFO GROUPS s", []], ["XINFO STREAM nokey", "-ERR no such key"], ["SET str 1", "+OK"],
    ["XADD str 1 a 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"],
    ["XINFO CONSUMERS s g", "-NOGROUP No such consumer group 'g' for key name 's'"],
  ];

  it("reply as Valkey does", () => {
    const client = new CoreDriver().connect();
    for (const [command, reply] of replies) {
      const expected = typeof reply === "string" && reply.startsWith("+") ? reply.slice(1) : reply;
      assertEquals([command, value(client, command)], [command, expected]);
    }
  });

  it("make IDs from the clock that never go back", () => {
    const core = new CoreDriver();
    const client = core.connect();
    const now = core.nowMs;
    assertEquals(value(client, "XADD s * a 1"), `${now}-0`);
    assertEquals(value(client, "XADD s * a 1"), `${now}-1`);
    core.advance(-1000);
    assertEquals(value(client, "XADD s * a 1"), `${now}-2`);
    core.advance(2000);
    assertEquals(value(client, "XADD s * a 1"), `${now + 1000}-0`);
    run(client, "XADD s 18446744073709551615-18446744073709551614 a 1");
    assertEquals(value(client, "XADD s * a 1"), "18446744073709551615-18446744073709551615");
    const exhausted = "-ERR The stream has exhausted the last possible ID, unable to add more items";
    assertEquals(value(client, "XADD s * a 1"), exhausted);
  });

  it("count the changes they make", () => {
    const core = new CoreDriver();
    const client = core.connect();
    const counts: [command: string, changes: number][] = [
      ["XADD s 1-1 a 1", 1], ["XADD s 1-1 a 1", 0], ["XADD s MAXLEN 1 1-2 a 1", 1], ["XADD s 1-3 a 1", 1],
      ["XADD s 1-4 a 1", 1], ["XADD s 1-5 a 1", 1], ["XTRIM s MAXLEN 3", 1], ["XTRIM s MAXLEN 3", 0],
      ["XDEL s 1-3 1-9", 1], ["XDEL s 1-3", 0], ["XGROUP CREATE s g 0", 1], ["XGROUP CREATE s g 0", 0],
      ["XREADGROUP GROUP g a STREAMS s >", 2], ["XREADGROUP GROUP g a STREAMS s >", 0],
      ["XREADGROUP GROUP g a STREAMS s 0", 1], ["XCLAIM s g b 0 1-4 1-5", 3], ["XAUTOCLAIM s g a 0 -", 2],
      ["XACK s g 1-4", 1], ["XACK s g 1-4", 0], ["XGROUP CREATECONSUMER s g c", 1], ["XGROUP CREATECONSUMER s g c", 0],
      ["XGROUP DELCONSUMER s g c", 1], ["XGROUP DELCONSUMER s g c", 0], ["XGROUP SETID s g 0", 1], ["XSETID s 9-9", 1],
      ["XGROUP DESTROY s g", 1], ["XGROUP DESTROY s g", 0], ["XREAD STREAMS s 0", 0],
    ];
    for (const [command, changes] of counts) {
      const before = core.dirty;
      run(client, command);
      assertEquals([command, core.dirty - before], [command, changes]);
    }
  });

  it("tell how far a group has read, as long as that can be known", () => {
    const client = new CoreDriver().connect();
    const group = (): Value[] => {
      const info = fields((value(client, "XINFO GROUPS s") as Value[])[0]);
      return [info["entries-read"], info.lag];
    };
    for (let i = 1; i <= 5; i++) run(client, `XADD s ${i} a ${i}`);
    run(client, "XGROUP CREATE s g 0");
    assertEquals(group(), [null, 5]);
    run(client, "XREADGROUP GROUP g c COUNT 2 STREAMS s >");
    assertEquals(group(), [2, 3]);
    run(client, "XDEL s 4");
    run(client, "XREADGROUP GROUP g c COUNT 1 STREAMS s >");
    assertEquals(group(), [null, null]);
    run(client, "XREADGROUP GROUP g c STREAMS s >");
    assertEquals(group(), [5, 0]);
    run(client, "XADD s 6 a 6");
    assertEquals(group(), [5, 1]);
  });
});

// --- Waiting ---

describe("clients that wait for a stream", () => {
  it("are served by XADD, each as it asked", () => {
    const core = new CoreDriver();
    const [writer, reader, member, second] = [core.connect(), core.connect(), core.connect(), core.connect()];
    run(writer, "XADD s 1 a 1");
    run(writer, "XGROUP CREATE s g $");
    assertEquals(run(reader, "XREAD BLOCK 0 STREAMS s $"), "");
    assertEquals(run(member, "XREADGROUP GROUP g al BLOCK 0 STREAMS s >"), "");
    assertEquals(run(second, "XREADGROUP GROUP g bo BLOCK 0 STREAMS s >"), "");
    run(writer, "XADD s 2 b 2");
    const served: Value = [["s", [["2-0", ["b", "2"]]]]];
    assertEquals(decode(reader.take()), served);
    assertEquals(decode(member.take()), served);
    assertEquals(second.take(), "", "the entry was delivered to another consumer");
    run(writer, "XADD s 3 c 3");
    assertEquals(decode(second.take()), [["s", [["3-0", ["c", "3"]]]]]);
    assertEquals(value(writer, "XPENDING s g"), [2, "2-0", "3-0", [["al", "1"], ["bo", "1"]]]);
  });

  it("are told when their group is gone", () => {
    const core = new CoreDriver();
    const [writer, member] = [core.connect(), core.connect()];
    for (const end of ["DEL s", "XGROUP DESTROY s g", "FLUSHALL"]) {
      run(writer, "XGROUP CREATE s g $ MKSTREAM");
      assertEquals(run(member, "XREADGROUP GROUP g al BLOCK 0 STREAMS s >"), "");
      run(writer, end);
      const error = decode(member.take());
      assertEquals(error, "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option", end);
      run(writer, "DEL s");
    }
    run(writer, "XGROUP CREATE s g $ MKSTREAM");
    run(member, "XREADGROUP GROUP g al BLOCK 0 STREAMS s >");
    run(writer, "SET s 1");
    assert(member.take().startsWith("-WRONGTYPE"));
  });

  it("wait on when the key goes and comes back, and when nothing is behind their ID", () => {
    const core = new CoreDriver();
    const [writer, reader] = [core.connect(), core.connect()];
    run(writer, "XADD s 5 a 1");
    assertEquals(run(reader, "XREAD BLOCK 0 STREAMS s $"), "");
    run(writer, "DEL s");
    run(writer, "SET s 1");
    run(writer, "DEL s");
    run(writer, "XADD s 3 a 1");
    assertEquals(reader.take(), "");
    run(writer, "XADD s 6 b 1");
    assertEquals(decode(reader.take()), [["s", [["6-0", ["b", "1"]]]]]);
  });
});

// --- Model ---

interface Entry {
  ms: number;
  seq: number;
  texts: string[];
}

const idOf = (entry: Entry): string => `${entry.ms}-${entry.seq}`;

/** A stream beside an array of entries. */
class StreamModel {
  readonly random: Random;
  readonly core = new CoreDriver();
  readonly client: CoreClient;
  entries: Entry[] = [];
  added = 0;
  #ms = 1;
  #seq = 0;

  constructor(random: Random) {
    this.random = random;
    this.client = this.core.connect();
    setting(this.core, "streamNodeMaxEntries", random.pick([1, 2, 3, 10, 100, 0]));
    setting(this.core, "streamNodeMaxBytes", random.pick([0, 100, 4096]));
  }

  texts(): string[] {
    const { random } = this;
    const names = random.chance(70) ? ["name", "7"] : random.shuffled(["name", "7", "x", "-5"]).slice(0, 3);
    return names.flatMap((name) => [name, random.pick(["", "12", "-4096", "x".repeat(random.below(200)), "007"])]);
  }

  add(): void {
    if (this.random.chance(30)) this.#ms += this.random.below(1000);
    this.#seq++;
    const entry = { ms: this.#ms, seq: this.#seq, texts: this.texts() };
    assertEquals(decode(this.client.command("XADD", "s", idOf(entry), ...entry.texts)), idOf(entry));
    this.entries.push(entry);
    this.added++;
  }

  remove(): void {
    const gone = this.random.shuffled(this.entries).slice(0, this.random.below(4));
    const ids = [...gone.map(idOf), "0-1"];
    assertEquals(decode(this.client.command("XDEL", "s", ...ids)), gone.length);
    this.entries = this.entries.filter((entry) => !gone.includes(entry));
  }

  trim(): void {
    const keep = this.random.below(this.entries.length + 5);
    const from = this.random.pick([...this.entries, { ms: 5, seq: 5, texts: [] }]);
    const byId = this.random.chance(50);
    const stay = byId
      ? this.entries.filter((entry) => entry.ms > from.ms || (entry.ms === from.ms && entry.seq >= from.seq))
      : this.entries.slice(Math.max(0, this.entries.length - keep));
    const options = byId ? ["MINID", idOf(from)] : ["MAXLEN", "=", keep];
    assertEquals(decode(this.client.command("XTRIM", "s", ...options)), this.entries.length - stay.length);
    this.entries = stay;
  }

  look(): void {
    const { random, client, entries } = this;
    const shown = (list: Entry[]): Value => list.map((entry) => [idOf(entry), entry.texts]);
    const from = random.below(entries.length + 1);
    const to = random.below(entries.length + 1);
    const [start, end] = [entries[from] ? idOf(entries[from]) : "+", entries[to] ? idOf(entries[to]) : "+"];
    const range = entries.slice(from, to + 1);
    const count = random.pick([0, 1, 3, 1000]);
    const options = count === 0 ? [] : ["COUNT", count];
    const limited = (list: Entry[]): Entry[] => (count === 0 ? list : list.slice(0, count));
    const expected = from === entries.length && to !== from ? [] : range;
    assertEquals(decode(client.command("XRANGE", "s", start, end, ...options)), shown(limited(expected)));
    const reversed = limited([...expected].reverse());
    assertEquals(decode(client.command("XREVRANGE", "s", end, start, ...options)), shown(reversed));
  }

  check(): void {
    const all = this.entries.map((entry) => [idOf(entry), entry.texts]);
    assertEquals(value(this.client, "XRANGE s - +"), all);
    const info = fields(value(this.client, "XINFO STREAM s"));
    assertEquals([info.length, info["entries-added"]], [all.length, this.added]);
    assertEquals(info["recorded-first-entry-id"], all[0]?.[0] ?? "0-0");
    assertEquals([info["first-entry"], info["last-entry"]], [all[0] ?? null, all.at(-1) ?? null]);
  }
}

describe("a stream", () => {
  it("is an array of entries to its users, and gives all memory back", () => {
    const random = seeded("streams");
    for (let n = 0; n < 12 * SCALE; n++) {
      const model = new StreamModel(random);
      run(model.client, "XADD other 1 a 1");
      run(model.client, "DEL other");
      const start = model.core.usedBytes;
      for (let i = 0; i < 400; i++) {
        const roll = random.below(100);
        if (roll < 60 || model.added === 0) model.add();
        else if (roll < 72) model.remove();
        else if (roll < 75) model.trim();
        else model.look();
        if (i % 100 === 99) model.check();
      }
      assertEquals(run(model.client, "COPY s copy"), ":1\r\n");
      assertEquals(run(model.client, "XRANGE copy - +"), run(model.client, "XRANGE s - +"));
      run(model.client, "DEL s copy");
      while (model.core.exports.lazyFree(1000) === 1);
      assertEquals(model.core.usedBytes, start);
    }
  });
});

// --- Bad input, no memory ---

/** A core with a stream that has groups, consumers and pending entries; and what all of it looks like. */
function furnished(random: Random): { core: CoreDriver; client: CoreClient; state: () => string } {
  const core = new CoreDriver();
  const client = core.connect();
  setting(core, "streamNodeMaxEntries", random.pick([2, 5, 100]));
  for (let i = 1; i <= 40; i++) run(client, `XADD s ${i}-1 name value${i} n ${i}`);
  run(client, "XGROUP CREATE s g 0");
  run(client, "XGROUP CREATE s h 10");
  run(client, "XREADGROUP GROUP g al COUNT 15 STREAMS s >");
  run(client, "XREADGROUP GROUP g bo COUNT 15 STREAMS s >");
  run(client, "XREADGROUP GROUP h al COUNT 5 STREAMS s >");
  run(client, "XDEL s 3-1 17-1 33-1");
  const state = (): string =>
    ["s", "t"].map((key) => run(client, `XINFO STREAM ${key} FULL COUNT 0`) + run(client, `TYPE ${key}`)).join("");
  return { core, client, state };
}

const ODD = [
  "", "-", "+", "*", "$", ">", "(", "~", "=", "0", "-1", "1-1", "5-*", "x", "18446744073709551616-1", "1-1-1", "\0",
  "1\0-1", "MAXLEN", "MINID", "LIMIT", "NOMKSTREAM", "COUNT", "FORCE", "JUSTID", "IDLE", "TIME", "RETRYCOUNT", "LASTID",
  "STREAMS", "GROUP", "BLOCK", "NOACK", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
  "99999999999",
  "18446744073709551615-18446744073709551615", "y".repeat(200), "\xff\xfe", "1e3", " 1", "MKSTREAM", "ENTRIESREAD",
];

const COMMANDS = [
  ["XADD", "s", "99-1", "a", "1"], ["XADD", "s", "MAXLEN", "~", "5", "LIMIT", "3", "99-1", "a", "1"],
  ["XADD", "t", "MINID", "=", "5-1", "99-1", "a", "1", "b", "2"], ["XTRIM", "s", "MAXLEN", "~", "5", "LIMIT", "1"],
  ["XCLAIM", "s", "g", "al", "0", "20-1", "21-1", "IDLE", "5", "RETRYCOUNT", "7", "JUSTID"],
  ["XCLAIM", "s", "g", "zed", "0", "2-1", "3-1", "FORCE", "LASTID", "50-1"],
  ["XAUTOCLAIM", "s", "g", "zed", "0", "5-1", "COUNT", "10", "JUSTID"], ["XSETID", "s", "99-1", "ENTRIESADDED", "500"],
  ["XREADGROUP", "GROUP", "g", "zed", "COUNT", "3", "STREAMS", "s", ">"], ["XACK", "s", "g", "1-1", "2-1"],
  ["XGROUP", "CREATE", "t", "new", "0", "MKSTREAM", "ENTRIESREAD", "5"], ["XDEL", "s", "4-1", "5-1", "6-1"],
  ["XGROUP", "SETID", "s", "g", "5-1", "ENTRIESREAD", "2"], ["XPENDING", "s", "g", "IDLE", "5", "-", "+", "5", "al"],
  ["XREADGROUP", "GROUP", "g", "al", "STREAMS", "s", "0"], ["COPY", "s", "t"],
  ["XGROUP", "CREATECONSUMER", "s", "g", "new"],
];

/** The command with one or more arguments dropped, added or replaced. */
function damaged(random: Random, command: string[]): string[] {
  const args = [...command];
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = 1 + random.below(args.length);
    if (random.chance(30)) args.splice(at, 1);
    else args.splice(at, random.below(2), random.pick(ODD));
  }
  return args;
}

describe("stream commands that fail", () => {
  it("for arguments that make no sense change nothing", () => {
    const random = seeded("arguments");
    let { client, state } = furnished(random);
    let before = state();
    let errors = 0;
    for (let n = 0; n < 4000 * SCALE; n++) {
      const command = damaged(random, random.pick(COMMANDS));
      const reply = client.command(...command);
      assert(!client.closing, command.join(" "));
      if (reply === "") ({ client, state } = furnished(random));
      const after = state();
      if (reply.startsWith("-")) {
        errors++;
        assertEquals(after, before, command.join(" "));
      }
      before = after;
      if (after.length < 3000) ({ client, state } = furnished(random));
      if (after.length < 3000) before = state();
    }
    assert(errors > 1000 * SCALE);
  });

  it("for want of memory reply so and change nothing, wherever it ends", () => {
    const random = seeded("no memory");
    let refused = 0;
    for (const command of [...COMMANDS, ["XREAD", "COUNT", "5", "STREAMS", "s", "0"], ["XRANGE", "s", "-", "+"]]) {
      for (let after = 0; after < 12; after++) {
        const { core, client, state } = furnished(random);
        const before = state();
        const reply = core.failing(after, () => client.command(...command));
        if (client.closing) continue;
        assert(!reply.startsWith("-") || reply === OOM, `${command.join(" ")}: ${reply}`);
        if (reply !== OOM) continue;
        refused++;
        // A consumer that was made before memory ended stays, as one that finds nothing does.
        if (!/zed/.test(command.join(" "))) assertEquals(state(), before, `${command.join(" ")}, ${after}`);
      }
    }
    assert(refused > 15, `${refused} refused`);
  });
});

// --- Memory ---

describe("memory of streams", () => {
  it("is less than 60 bytes an entry of three short fields", () => {
    const core = new CoreDriver();
    const client = core.connect();
    run(client, "XADD warm 1 a 1");
    const start = core.usedBytes;
    for (let i = 0; i < 1000; i++) run(client, `XADD s ${1700000000000 + i * 7} name user${i} age ${i % 90} city town`);
    const bytes = (core.usedBytes - start) / 1000;
    assert(bytes < 60, `${bytes} bytes an entry`);
    assertEquals(value(client, "OBJECT ENCODING s"), "stream");
  });

  it("of a group that is destroyed comes back in slices, too", () => {
    const core = new CoreDriver();
    const client = core.connect();
    for (let i = 1; i <= 10_000; i++) run(client, `XADD s ${i} a ${i}`);
    run(client, "XGROUP CREATE s small 0");
    run(client, "XGROUP DESTROY s small");
    const start = core.usedBytes;
    run(client, "XGROUP CREATE s g 0");
    const reply = run(client, "XREADGROUP GROUP g c STREAMS s >");
    assert(reply.length > 100_000);
    const full = core.usedBytes;
    assertEquals(run(client, "XGROUP DESTROY s g"), ":1\r\n");
    assert(core.usedBytes > full - 1000, "nothing was freed at once");
    let slices = 0;
    while (core.exports.lazyFree(1000) === 1) slices++;
    assert(slices >= 9, `${slices} slices`);
    assertEquals(core.usedBytes, start);
  });

  it("comes back a slice at a time, groups included", () => {
    const core = new CoreDriver();
    const client = core.connect();
    run(client, "XADD warm 1 a 1");
    run(client, "DEL warm");
    const start = core.usedBytes;
    for (let i = 1; i <= 20_000; i++) run(client, `XADD s ${i} a ${i}`);
    for (const group of ["g1", "g2"]) {
      run(client, `XGROUP CREATE s ${group} 0`);
      for (let i = 0; i < 20; i++) run(client, `XREADGROUP GROUP ${group} consumer${i} COUNT 1000 STREAMS s >`);
    }
    const full = core.usedBytes;
    assertEquals(run(client, "UNLINK s"), ":1\r\n");
    assert(core.usedBytes > full - 100_000, "nothing was freed at once");
    let slices = 0;
    while (core.exports.lazyFree(1000) === 1) slices++;
    assert(slices >= 30, `${slices} slices`);
    assertEquals(core.usedBytes, start);
  });
});
