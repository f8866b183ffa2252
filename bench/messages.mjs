// Benchmark of what goes beside plain commands: transactions, and messages to many subscribers.
//
//   node bench/messages.mjs [NAME ...]     transaction, publish-1, publish-100, publish-10000; default: all of them
//     --runtime NAME   node, deno or bun (default bun)      --io-adapter NAME   epoll or portable (default epoll)
//     --rounds N       (default 2)
//
// The cost is the server's CPU time, from /proc, for each transaction or published message; servers take turns, medians
// are compared with the real Valkey's. `transaction` is MULTI, ten SETs and EXEC in one write, on 50 connections.
import { connect } from "node:net";
import { parseOptions } from "../tools/support.mjs";
import { cpuUs, encode, pinClients, realServers, start, wakey } from "./support/servers.mjs";

const VALUE = "x".repeat(32);
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** A connection that counts bytes. `until(n)` resolves when n more of them have come. */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(client));
    let [seen, wanted, wake] = [0, 0, undefined];
    const client = {
      socket,
      until(n) {
        wanted += n;
        return seen >= wanted ? Promise.resolve() : new Promise((done) => (wake = done));
      },
    };
    socket.setNoDelay(true);
    socket.on("data", (part) => {
      seen += part.length;
      if (wake !== undefined && seen >= wanted) {
        const done = wake;
        wake = undefined;
        done();
      }
    });
    socket.on("error", reject);
  });
}

async function openMany(port, count) {
  const clients = [];
  while (clients.length < count) {
    const batch = Math.min(200, count - clients.length);
    clients.push(...await Promise.all(Array.from({ length: batch }, () => open(port))));
  }
  return clients;
}

/** MULTI, ten SETs, EXEC: each connection sends the next when the last was answered. */
async function transactions(server) {
  const clients = await openMany(server.port, 50);
  const each = 400;
  let number = 0;
  const reply = 5 + 10 * 9 + 5 + 10 * 5;
  const run = async (client, times) => {
    for (let i = 0; i < times; i++) {
      const key = () => `key:${String(number++ % 100_000).padStart(12, "0")}`;
      const sets = Array.from({ length: 10 }, () => encode(["SET", key(), VALUE]));
      client.socket.write(encode(["MULTI"]) + sets.join("") + encode(["EXEC"]));
      await client.until(reply);
    }
  };
  await Promise.all(clients.map((client) => run(client, 100)));
  const before = cpuUs(server.pid);
  await Promise.all(clients.map((client) => run(client, each)));
  const cost = (cpuUs(server.pid) - before) / (clients.length * each);
  for (const client of clients) client.socket.destroy();
  return cost;
}

/** PUBLISH of 32 bytes to `count` subscribers, a few under way at a time. */
async function publish(server, count) {
  const readers = await openMany(server.port, count);
  const hello = `*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n`.length;
  await Promise.all(readers.map((reader) => {
    reader.socket.write(encode(["SUBSCRIBE", "news"]));
    return reader.until(hello);
  }));
  const sender = await open(server.port);
  const message = `*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$32\r\n${VALUE}\r\n`.length;
  const reply = `:${count}\r\n`.length;
  const send = async (times) => {
    for (let i = 0; i < times; i++) {
      sender.socket.write(encode(["PUBLISH", "news", VALUE]));
      await Promise.all([sender.until(reply), ...readers.map((reader) => reader.until(message))]);
    }
  };
  const times = Math.max(20, Math.ceil(20_000 / count));
  await send(Math.ceil(times / 10));
  const before = cpuUs(server.pid);
  await send(times);
  const cost = (cpuUs(server.pid) - before) / times;
  for (const client of [...readers, sender]) client.socket.destroy();
  return cost;
}

const CASES = {
  transaction: transactions,
  "publish-1": (server) => publish(server, 1),
  "publish-100": (server) => publish(server, 100),
  "publish-10000": (server) => publish(server, 10_000),
};

const { options, words } = parseOptions(process.argv.slice(2), []);
const contestants = [
  wakey(options.runtime ?? "bun", options["io-adapter"] ?? "epoll"),
  ...realServers().filter(({ name }) => name === "valkey"),
];
pinClients();
for (const name of words.length > 0 ? words : Object.keys(CASES)) {
  const costs = new Map(contestants.map((contestant) => [contestant.name, []]));
  for (let round = 0; round < Number(options.rounds ?? 2); round++) {
    for (const contestant of contestants) {
      const server = await start(contestant, ["--maxclients", "11000"]);
      costs.get(contestant.name).push(await CASES[name](server));
      await server.stop();
    }
  }
  const [ours, real] = [...costs.values()].map(median);
  const rows = [...costs].map(([who, list]) => `${who} ${list.map((cost) => cost.toFixed(2)).join(" ")} us`).join(", ");
  console.log(`${name.padEnd(14)} ${rows}${real === undefined ? "" : `: ratio ${(ours / real).toFixed(2)}`}`);
}
process.exit(0);
