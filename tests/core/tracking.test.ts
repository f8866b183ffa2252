/** Client-side caching and MONITOR in the core: a model of who must be told, and memory, also when there is none. */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { STATUS } from "../../server/bridge/core.ts";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { Random, seedOfRun } from "../support/random.ts";

const NOLOOP = 8;
const BCAST = 1;

/** A RESP3 client that tracks, as CLIENT TRACKING in the host would have it. */
function tracking(core: CoreDriver, options = 0, redirect = 0): CoreClient {
  const client = core.connect();
  core.core.setClient32(client.handle, "resp", 3);
  assertEquals(core.exports.trackingStart(client.handle, options, redirect), 1);
  return client;
}

/** Lets the core tell what it has to tell, as the host does at the end of a turn. */
function endTurn(core: CoreDriver): void {
  while (core.exports.pendingWriteNext() !== 0);
}

/** The keys that a client was told of since it was last asked. */
function told(client: CoreClient): string[] {
  return [...client.take().matchAll(/invalidate\r\n\*\d+\r\n((?:\$\d+\r\n\w+\r\n)+)/g)]
    .flatMap(([, keys]) => keys.split("\r\n").filter((_, i) => i % 2 === 1));
}

describe("tracked keys", () => {
  for (const options of [0, NOLOOP]) {
    it(`agree with a model, ${options === 0 ? "default" : "NOLOOP"}`, () => {
      const seed = seedOfRun();
      const random = new Random(seed);
      const core = new CoreDriver();
      const writer = core.connect();
      const clients = Array.from({ length: 6 }, () => tracking(core, options));
      const model = clients.map(() => new Set<string>());
      const waiting = clients.map(() => [] as string[]);
      for (let step = 0; step < 3000; step++) {
        const key = `k${random.below(20)}`;
        const i = random.below(clients.length + 1);
        const isWrite = i === clients.length || random.below(4) === 0;
        const client = clients[i] ?? writer;
        client.send(isWrite ? `SET ${key} ${step}\r\n` : `GET ${key}\r\n`);
        if (!isWrite) {
          model[i].add(key);
        } else {
          model.forEach((set, j) => {
            if (set.delete(key) && !(options === NOLOOP && j === i)) waiting[j].push(key);
          });
        }
        // What a client is told of its own write came behind the reply.
        if (isWrite && i < clients.length) waiting[i].length = 0;
        clients.forEach((other, j) => {
          const keys = told(other);
          if (j !== i) assertEquals(keys, waiting[j], `SEED=${seed} step ${step} client ${j}`);
          waiting[j].length = 0;
        });
      }
      assertEquals(core.exports.trackingFigure(2), model.reduce((sum, set) => sum + set.size, 0));
    });
  }

  it("give their memory back", () => {
    const core = new CoreDriver();
    const writer = core.connect();
    tracking(core).close();
    writer.command("FLUSHALL");
    const before = core.usedBytes;
    for (let round = 0; round < 3; round++) {
      const clients = Array.from({ length: 20 }, () => tracking(core));
      for (const client of clients) client.send(Array.from({ length: 100 }, (_, i) => `GET k${i}\r\n`).join(""));
      for (const client of clients) client.close();
      writer.command("FLUSHALL");
    }
    assert(core.usedBytes - before < 4096, `${core.usedBytes - before} bytes are left`);
    assertEquals(core.core.root32(ROOT.observers), 0);
  });

  it("are on their way before anybody hears of the write", () => {
    const core = new CoreDriver();
    const [reader, writer, other] = [tracking(core, BCAST), core.connect(), core.connect()];
    core.core.withBytes(bytesOf(""), (at, n) => core.exports.trackingAddPrefix(reader.handle, at, n));
    const outputNow = (client: CoreClient) => (client.status & STATUS.output) !== 0;
    other.send("GET key\r\n");
    assert(outputNow(other), "without a change replies leave at once");
    writer.send("SET key 1\r\n");
    other.send("GET key\r\n");
    assert(!outputNow(writer) && !outputNow(other), "a reply left before the notice");
    const drained = [];
    for (let c = core.exports.pendingWriteNext(); c !== 0; c = core.exports.pendingWriteNext()) drained.push(c >>> 0);
    for (const one of [reader, writer, other]) assert(drained.includes(one.handle), `${one.handle} in ${drained}`);
    assertEquals(told(reader), ["key"]);
    other.send("GET key\r\n");
    assert(outputNow(other), "when the turn is over replies leave at once");
  });

  it("of prefixes are told at the end of the turn, each once", () => {
    const core = new CoreDriver();
    const writer = core.connect();
    const [all, some, own] = [tracking(core, BCAST), tracking(core, BCAST), tracking(core, BCAST | NOLOOP)];
    const add = (client: CoreClient, prefix: string) =>
      core.core.withBytes(bytesOf(prefix), (at, n) => core.exports.trackingAddPrefix(client.handle, at, n));
    add(all, "");
    add(some, "ab");
    add(own, "");
    writer.send("SET ab1 1\r\nSET ab1 2\r\nSET x 1\r\nDEL nothing\r\n");
    own.send("SET mine 1\r\n");
    endTurn(core);
    assertEquals(told(all).sort(), ["ab1", "mine", "x"]);
    assertEquals(told(some), ["ab1"]);
    assertEquals(told(own).sort(), ["ab1", "x"]);
    endTurn(core);
    assertEquals(told(all), []);
    for (const client of [all, some, own]) client.close();
    assertEquals(core.exports.trackingFigure(3), 0);
    writer.command("SET", "ab2", "1");
    endTurn(core);
  });

  it("without memory: nobody believes in a copy that nobody watches over", () => {
    for (let n = 0; n < 12; n++) {
      const core = new CoreDriver();
      const [client, writer] = [tracking(core), core.connect()];
      client.command("PING");
      writer.command("PING");
      const read = core.failing(n, () => client.command("GET", "k"));
      if (client.closing) continue;
      writer.command("SET", "k", "1");
      const after = core.exports.trackingFigure(1);
      assert(read.startsWith("_") && after === 0, `${n}: ${read}`);
    }
  });
});

describe("monitors", () => {
  it("are served in their order, and forgotten when they go", () => {
    const core = new CoreDriver();
    const [one, two, client] = [core.connect(), core.connect(), core.connect()];
    core.core.withBytes(bytesOf("1.2.3.4:5"), (at, n) => core.exports.clientSetPeer(client.handle, at, n));
    client.command("PING");
    assertEquals(core.exports.monitorStart(one.handle) + core.exports.monitorStart(two.handle), 2);
    client.command("SET", "k\n\x01\xff", "v");
    const line = "+1700000000.000000 [0 1.2.3.4:5] \"SET\" \"k\\n\\x01\\xff\" \"v\"\r\n";
    assertEquals([one.take(), two.take()], [line, line]);
    one.close();
    client.command("GET", "k");
    assert(two.take().endsWith("\"GET\" \"k\"\r\n"));
    two.command("RESET");
    two.close();
    client.command("GET", "k");
    assertEquals(core.core.root32(ROOT.monitorCount), 0);
  });
});
