// What the connection plane costs: a transaction of ten SETs, a message to 1, 100 and 10,000 subscribers, and SETs of
// keys that 100 clients keep copies of. Each beside the real Valkey in the same run, server CPU as in run.mjs.
import { connect } from "node:net";
import { cpuUs, encode, load, sleep, start } from "./support/servers.mjs";
import { compareCpu, judge, number } from "./support/report.mjs";

const CHANNEL = "news";
const MESSAGE = "m:0123456789abcdef";

/** Opens `count` connections that send these commands, and reads what they get; gives a function that closes them. */
async function listeners(port, count, ...commands) {
  const sockets = [];
  const request = commands.map(encode).join("");
  for (let begun = 0; begun < count; begun += 500) {
    const some = Array.from({ length: Math.min(500, count - begun) }, () => new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(request));
      socket.on("error", reject);
      socket.once("data", () => {
        socket.on("data", () => undefined);
        resolve(socket);
      });
    }));
    sockets.push(...await Promise.all(some));
  }
  return () => sockets.forEach((socket) => socket.destroy());
}

const SETS = Array.from({ length: 10 }, (_, i) => [";", "SET", `key:${i}:__rand_int__`, "m:0123456789ab"]).flat();

/** [what, command, requests, who listens, pipeline]. */
const CASES = [
  ["MULTI of 10 SETs", ["MULTI", ...SETS, ";", "EXEC"], 20_000 * 12, undefined, 4],
  ["PUBLISH to 1", ["PUBLISH", CHANNEL, MESSAGE], 100_000, [1, ["SUBSCRIBE", CHANNEL]], 1],
  ["PUBLISH to 100", ["PUBLISH", CHANNEL, MESSAGE], 20_000, [100, ["SUBSCRIBE", CHANNEL]], 1],
  ["PUBLISH to 10,000", ["PUBLISH", CHANNEL, MESSAGE], 60, [10_000, ["SUBSCRIBE", CHANNEL]], 1],
  ["SET tracked by 100", ["SET", "key:__rand_int__", MESSAGE], 60_000,
    [100, ["HELLO", "3"], ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "key:"]], 1],
];

/** CPU time of a server when it has come to rest: what subscribers are sent counts until it is out. */
async function cpuAtRest(pid) {
  for (let before = cpuUs(pid); ; ) {
    await sleep(50);
    const now = cpuUs(pid);
    if (now === before) return now;
    before = now;
  }
}

async function oneRound(contestant, audience, one, requests) {
  const server = await start(contestant, ["--maxclients", "10200"]);
  try {
    const close = audience === undefined ? () => undefined : await listeners(server.port, ...audience);
    await load(server, { ...one, requests: Math.ceil(requests / 2) });
    const before = await cpuAtRest(server.pid);
    const row = await load(server, { ...one, requests });
    const cpu = (await cpuAtRest(server.pid) - before) / requests;
    close();
    return { ...row, cpu };
  } finally {
    await server.stop();
  }
}

/** CPU a request of each case, with its ratio to Valkey's. */
export async function messages(taking, { small, rounds, only }) {
  console.log("\n## messages: server CPU us a request, ratio to Valkey's");
  for (const [what, words, requests, audience, pipeline] of CASES) {
    if (only !== undefined && !what.toLowerCase().includes(only.toLowerCase())) continue;
    const count = Math.max(Math.round(requests / (small ? 20 : 1)), 10);
    const one = { words, pipeline, connections: 10, size: 3, keys: 1000 };
    const found = await compareCpu(what, taking, rounds, (contestant) => oneRound(contestant, audience, one, count));
    const shown = found.map(({ contestant, name, cpu, ratio }) => {
      const verdict = contestant.runtime && !Number.isNaN(ratio) ? judge(`${what} ${name}`, ratio, 1) : "";
      return `${name} ${number(cpu)} (${ratio.toFixed(2)}) ${verdict}`;
    });
    console.log(`  ${[what.padEnd(20), ...shown].join("   ")}`);
  }
}
