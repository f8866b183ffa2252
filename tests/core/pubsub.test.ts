/** Publish/subscribe in the core: subscriptions, messages, their order among replies, limits, keyspace events. */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { CoreDriver } from "../support/core.ts";
import { Random, seedOfRun } from "../support/random.ts";
import { bulk } from "../support/resp.ts";

/** A bulk string. */
/** An array of RESP2, or with ">" a push of RESP3, of bulk strings; a number is an integer. */
function frame(mark: string, ...parts: (string | number)[]): string {
  const body = parts.map((part) => (typeof part === "number" ? `:${part}\r\n` : bulk(part)));
  return `${mark}${parts.length}\r\n${body.join("")}`;
}
const array = (...parts: (string | number)[]) => frame("*", ...parts);
const push = (...parts: (string | number)[]) => frame(">", ...parts);

/** Switches a client to RESP3; HELLO is the host's. */
function resp3(core: CoreDriver, client: { handle: number }): void {
  core.core.setClient32(client.handle, "resp", 3);
}

const EVENTS = { K: 1, E: 2, all: 0x27fc, miss: 2048, new: 16384 };

describe("subscriptions", () => {
  it("are counted, and end one by one or all together", () => {
    const client = new CoreDriver().connect();
    assertEquals(client.command("SUBSCRIBE", "a", "b", "a"),
      array("subscribe", "a", 1) + array("subscribe", "b", 2) + array("subscribe", "a", 2));
    assertEquals(client.command("PSUBSCRIBE", "p*"), array("psubscribe", "p*", 3));
    assertEquals(client.command("SSUBSCRIBE", "s"), array("ssubscribe", "s", 1));
    assertEquals(client.command("GET", "a"), "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / " +
      "PING / QUIT / RESET are allowed in this context\r\n");
    assertEquals(client.command("PING") + client.command("PING", "x"), array("pong", "") + array("pong", "x"));
    assertEquals(client.command("UNSUBSCRIBE", "zz"), array("unsubscribe", "zz", 3));
    assertEquals(client.command("UNSUBSCRIBE"), array("unsubscribe", "a", 2) + array("unsubscribe", "b", 1));
    assertEquals(client.command("UNSUBSCRIBE"), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n");
    assertEquals(client.command("PUNSUBSCRIBE", "p*"), array("punsubscribe", "p*", 0));
    assertEquals(client.command("SUNSUBSCRIBE"), array("sunsubscribe", "s", 0));
    assertEquals(client.command("GET", "a"), "$-1\r\n");
  });

  it("are shown by PUBSUB", () => {
    const core = new CoreDriver();
    const [client, other, asking] = [core.connect(), core.connect(), core.connect()];
    client.command("SUBSCRIBE", "a", "ab", "b");
    other.command("SUBSCRIBE", "a");
    other.command("PSUBSCRIBE", "x*", "y*");
    client.command("PSUBSCRIBE", "x*");
    other.command("SSUBSCRIBE", "s");
    assertEquals(asking.command("PUBSUB", "CHANNELS", "b*"), array("b"));
    assertEquals(asking.command("PUBSUB", "CHANNELS").split("\r\n")[0], "*3");
    assertEquals(asking.command("PUBSUB", "NUMSUB", "a", "b", "c"), array("a", 2, "b", 1, "c", 0));
    assertEquals(asking.command("PUBSUB", "NUMPAT"), ":2\r\n");
    assertEquals(asking.command("PUBSUB", "SHARDCHANNELS"), array("s"));
    assertEquals(asking.command("PUBSUB", "SHARDNUMSUB", "s", "a"), array("s", 1, "a", 0));
    assertEquals(asking.command("PUBSUB", "NUMSUB"), "*0\r\n");
    assertEquals(asking.command("PUBSUB", "CHANNELS", "a", "b"),
      "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.\r\n");
    assertEquals(core.core.root32(ROOT.pubsubClients), 2);
  });

  it("agree with a model, and leave no memory behind", () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const core = new CoreDriver();
    const sender = core.connect();
    const clients = Array.from({ length: 8 }, () => core.connect());
    const model = clients.map(() => new Set<string>());
    const words = {
      c: ["SUBSCRIBE", "UNSUBSCRIBE"], p: ["PSUBSCRIBE", "PUNSUBSCRIBE"], s: ["SSUBSCRIBE", "SUNSUBSCRIBE"],
    };
    const begin = core.usedBytes;
    for (let step = 0; step < 800; step++) {
      const i = random.below(clients.length);
      const kind = random.pick(["c", "p", "s"] as const);
      const name = `n${random.below(12)}${kind === "p" ? "*" : ""}`;
      const isEnd = random.below(2) === 1;
      clients[i].command(words[kind][isEnd ? 1 : 0], name);
      if (isEnd) model[i].delete(kind + name);
      else model[i].add(kind + name);
      const channel = `n${random.below(12)}`;
      const fitting = (set: Set<string>) => [...set].filter((n) => n[0] === "p" && channel.startsWith(n.slice(1, -1)));
      const expected = model.map((set) => (set.has(`c${channel}`) ? 1 : 0) + fitting(set).length);
      const shards = model.filter((set) => set.has(`s${channel}`)).length;
      const sum = expected.reduce((a, b) => a + b, 0);
      assertEquals(sender.command("PUBLISH", channel, "m"), `:${sum}\r\n`, `SEED=${seed} step ${step}`);
      assertEquals(sender.command("SPUBLISH", channel, "m"), `:${shards}\r\n`);
      clients.forEach((client, j) => {
        const got = client.take().split("message\r\n").length - 1;
        assertEquals(got, expected[j] + (model[j].has(`s${channel}`) ? 1 : 0), `SEED=${seed} step ${step} client ${j}`);
      });
    }
    for (const client of clients) client.close();
    assertEquals(core.core.root32(ROOT.pubsubClients), 0);
    assert(core.usedBytes <= begin + 16384, `${core.usedBytes - begin} bytes are left`);
  });
});

describe("messages", () => {
  it("go to channels and patterns, in the form of each client's protocol", () => {
    const core = new CoreDriver();
    const [two, three, sender] = [core.connect(), core.connect(), core.connect()];
    resp3(core, three);
    two.command("SUBSCRIBE", "news");
    assertEquals(three.command("PSUBSCRIBE", "n*"), push("psubscribe", "n*", 1));
    assertEquals(sender.command("PUBLISH", "news", "hello"), ":2\r\n");
    assertEquals(two.take(), array("message", "news", "hello"));
    assertEquals(three.take(), push("pmessage", "n*", "news", "hello"));
    assertEquals(sender.command("SPUBLISH", "news", "x"), ":0\r\n");
    assertEquals(three.command("GET", "a"), "_\r\n");
  });

  it("to the sender itself follow its reply, EXEC's whole reply too", () => {
    const core = new CoreDriver();
    const client = core.connect();
    resp3(core, client);
    client.command("SUBSCRIBE", "c");
    assertEquals(client.command("PUBLISH", "c", "1"), ":1\r\n" + push("message", "c", "1"));
    const sent = client.pipeline([["MULTI"], ["PUBLISH", "c", "2"], ["PING"], ["PUBLISH", "c", "3"], ["EXEC"]]);
    assertEquals(sent.slice(-3), ["*3\r\n:1\r\n+PONG\r\n:1\r\n", push("message", "c", "2"), push("message", "c", "3")]);
  });

  it("come although replies are switched off", () => {
    const core = new CoreDriver();
    const [client, sender] = [core.connect(), core.connect()];
    core.core.setClient32(client.handle, "flags", core.core.client32(client.handle, "flags") | 128);
    assertEquals(client.command("SUBSCRIBE", "c"), array("subscribe", "c", 1));
    sender.command("PUBLISH", "c", "m");
    assertEquals(client.take(), array("message", "c", "m"));
    assertEquals(client.command("PING"), "");
  });

  it("of many bytes are one block for all, freed with the last reader", () => {
    const core = new CoreDriver();
    const sender = core.connect();
    const clients = Array.from({ length: 50 }, () => core.connect());
    for (const client of clients) client.command("SUBSCRIBE", "c");
    const before = core.usedBytes;
    const text = "x".repeat(1 << 20);
    assertEquals(sender.command("PUBLISH", "c", text), ":50\r\n");
    assert(core.usedBytes - before < 3 << 20, `${core.usedBytes - before} bytes for 50 readers of 1 MiB`);
    clients[0].close();
    for (const client of clients.slice(1)) assertEquals(client.take(), array("message", "c", text));
    sender.command("PING");
    assert(core.usedBytes - before < 1 << 17, `${core.usedBytes - before} bytes are left`);
  });

  it("take little memory for each reader while they wait", () => {
    const core = new CoreDriver();
    const sender = core.connect();
    const clients = Array.from({ length: 1000 }, () => core.connect());
    for (const client of clients) client.command("SUBSCRIBE", "c");
    const before = core.usedBytes;
    sender.command("PUBLISH", "c", "x".repeat(100));
    const each = (core.usedBytes - before) / clients.length;
    assert(each <= 600, `${each} bytes a reader`);
  });

  it("end a reader that leaves more unread than its class may", () => {
    const core = new CoreDriver();
    const [client, normal, sender] = [core.connect(), core.connect(), core.connect()];
    core.core.setSetting("outputHardPubsub", 100_000);
    client.command("SUBSCRIBE", "c");
    normal.command("PING");
    for (let i = 0; i < 20; i++) sender.command("PUBLISH", "c", "x".repeat(10_000));
    assertEquals(core.exports.closingNext() >>> 0, client.handle);
    assertEquals(core.exports.closingNext(), 0);
  });
});

describe("memory of clients", () => {
  it("is counted down when a client goes in the middle of a large argument", () => {
    const core = new CoreDriver();
    const begin = core.core.root32(ROOT.clientsMemory);
    const client = core.connect();
    client.send(`*2\r\n$3\r\nGET\r\n$1000000\r\n${"x".repeat(500_000)}`);
    assert(core.core.root32(ROOT.clientsMemory) - begin >= 1_000_000);
    client.close();
    assertEquals(core.core.root32(ROOT.clientsMemory), begin);
  });
});

describe("keyspace events", () => {
  /** A core with all events switched on, a client, and one that listens to everything. */
  function listening(flags: number) {
    const core = new CoreDriver();
    core.core.setSetting("notifyKeyspaceEvents", flags);
    const [client, listener] = [core.connect(), core.connect()];
    listener.command("PSUBSCRIBE", "*");
    return { core, client, listener };
  }

  it("are published by key and by event", () => {
    const { client, listener } = listening(EVENTS.K | EVENTS.E | EVENTS.all);
    client.command("SET", "k", "v");
    assertEquals(listener.take(), array("pmessage", "*", "__keyspace@0__:k", "set") +
      array("pmessage", "*", "__keyevent@0__:set", "k"));
    client.command("SELECT", "9");
    client.command("SET", "k", "v", "EX", "10");
    assertEquals(listener.take().match(/__:\w+\r\n\$\d+\r\n\w+/g)?.map((text) => text.replace(/\r\n\$\d+\r\n/, " ")),
      ["__:k set", "__:set k", "__:k expire", "__:expire k"]);
  });

  it("of classes that are off, or without a channel to tell them on, are not", () => {
    for (const flags of [EVENTS.all, EVENTS.K, EVENTS.K | 4, 0]) {
      const { client, listener, core } = listening(flags);
      client.command("SET", "k", "v");
      assertEquals(listener.take(), "", String(flags));
      assertEquals(core.core.root32(ROOT.observers), flags & 1 ? flags & ~3 : 0);
    }
  });

  it("tell of new keys and of misses only when asked for", () => {
    const { client, listener } = listening(EVENTS.E | EVENTS.new | EVENTS.miss);
    client.command("GET", "k");
    client.command("SET", "k", "v");
    client.command("SET", "k", "w");
    assertEquals(listener.take(), array("pmessage", "*", "__keyevent@0__:keymiss", "k") +
      array("pmessage", "*", "__keyevent@0__:new", "k"));
  });

  it("tell of expired keys, in the background too", () => {
    const { core, client, listener } = listening(EVENTS.E | EVENTS.all);
    client.command("SET", "k", "v", "PX", "10");
    listener.take();
    core.advance(100);
    core.exports.expireAll();
    assertEquals(listener.take(), array("pmessage", "*", "__keyevent@0__:expired", "k"));
  });
});

describe("subscriptions without memory", () => {
  it("fail with -OOM and change nothing", () => {
    for (let n = 0; n < 12; n++) {
      const core = new CoreDriver();
      const [client, sender] = [core.connect(), core.connect()];
      client.command("PING");
      sender.command("PING");
      const reply = core.failing(n, () => client.command(n % 2 ? "SUBSCRIBE" : "PSUBSCRIBE", "c"));
      const receivers = sender.command("PUBLISH", "c", "m");
      assertEquals(receivers, reply.startsWith("-OOM") || client.closing ? ":0\r\n" : ":1\r\n", `${n}: ${reply}`);
      client.close();
    }
  });
});
