// Collections: CPU a request of the commands that people use most, bytes of whole collections, how commands grow with
// their collection, and the worst pause while large ones are dropped. Each beside the real Valkey in the same run.
//
// Small collections are 1000 keys of 20 elements, big ones one key of 100,000 (sorted sets, hashes, sets, geo) or more
// (lists that are popped). Not for strings: run.mjs.
import { connect } from "node:net";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { root } from "../tools/support.mjs";
import { encode, feed, info, load, median, sleep, start } from "./support/servers.mjs";
import { compareCpu, geometricMean, judge, number, results } from "./support/report.mjs";

export const SMALL_KEYS = 1000;
const SMALL_ELEMENTS = 20;
export const BIG = 100_000;
export const RANDOM = "__rand_int__";

// --- What is in the collections ---

export const digits = (n) => String(n).padStart(12, "0");
const member = (n) => `m:${digits(n)}xy`;
const score = (n) => String((n * 7919) % 1_000_003);
const longitude = (n) => ((n * 37) % 36000 / 100 - 180).toFixed(2);
const latitude = (n) => ((n * 17) % 16000 / 100 - 80).toFixed(2);

/** Per type: the command that adds elements from .. to - 1 to a key. */
const ADD = {
  list: (key, from, to) => ["RPUSH", key, ...range(from, to).map(member)],
  set: (key, from, to) => ["SADD", key, ...range(from, to).map(member)],
  ints: (key, from, to) => ["SADD", key, ...range(from, to).map(String)],
  hash: (key, from, to) => ["HSET", key, ...range(from, to).flatMap((n) => [`f:${digits(n).slice(6)}`, member(n)])],
  zset: (key, from, to) => ["ZADD", key, ...range(from, to).flatMap((n) => [score(n), member(n)])],
  geo: (key, from, to) => ["GEOADD", key, ...range(from, to).flatMap((n) => [longitude(n), latitude(n), member(n)])],
};

function range(from, to) {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Commands that fill a key with `count` elements of a type. */
export function* filled(type, key, count) {
  if (type === "stream") {
    for (let n = 0; n < count; n++) yield ["XADD", key, `${n + 1}-0`, ...streamFields(n)];
    return;
  }
  for (let from = 0; from < count; from += 500) yield ADD[type](key, from, Math.min(from + 500, count));
}

function streamFields(n) {
  return ["field1", `value:${n}`, "field2", digits(n), "field3", String(n)];
}

function* smallOnes(type, elements) {
  for (let i = 0; i < SMALL_KEYS; i++) yield* filled(type, `s:${digits(i)}`, elements);
}

// --- CPU a request ---

const SMALL = `s:${RANDOM}`;

/** [name, type that is loaded, command on small collections, command on the big one, elements to begin with]. */
export const CASES = [
  ["LPUSH", "list", ["LPUSH", SMALL, "m:0123456789ab"], ["LPUSH", "b", "m:0123456789ab"]],
  ["RPUSH", "list", ["RPUSH", SMALL, "m:0123456789ab"], ["RPUSH", "b", "m:0123456789ab"]],
  ["LPOP", "list", ["LPOP", SMALL], ["LPOP", "b"], "enough"],
  ["RPOP", "list", ["RPOP", SMALL], ["RPOP", "b"], "enough"],
  ["LRANGE_100", "list", ["LRANGE", SMALL, "0", "99"], ["LRANGE", "b", "0", "99"]],
  ["SADD", "set", ["SADD", SMALL, "m:0123456789abxy"], ["SADD", "b", `m:${RANDOM}xy`]],
  ["SPOP", "set", ["SPOP", SMALL], ["SPOP", "b"], "enough"],
  ["HSET", "hash", ["HSET", SMALL, "f:000007", "m:0123456789ab"], ["HSET", "b", `f:${RANDOM}`, "m:0123456789ab"]],
  ["HGET", "hash", ["HGET", SMALL, "f:000007"], ["HGET", "b", `f:${RANDOM}`]],
  ["ZADD", "zset", ["ZADD", SMALL, RANDOM, "m:000000000007xy"], ["ZADD", "b", RANDOM, `m:${RANDOM}xy`]],
  ["ZPOPMIN", "zset", ["ZPOPMIN", SMALL], ["ZPOPMIN", "b"], "enough"],
  ["ZRANGE", "zset", ["ZRANGE", SMALL, "0", "9"], ["ZRANGE", "b", "50000", "50009"]],
  ["ZRANK", "zset", ["ZRANK", SMALL, "m:000000000007xy"], ["ZRANK", "b", `m:${RANDOM}xy`]],
  ["XADD", "stream", ["XADD", SMALL, "*", "f", "m:0123456789ab"], ["XADD", "b", "*", "f", "m:0123456789ab"]],
  ["XRANGE", "stream", ["XRANGE", SMALL, "-", "+", "COUNT", "10"], ["XRANGE", "b", "50000", "+", "COUNT", "10"]],
  ["PFADD", "none", ["PFADD", SMALL, `e:${RANDOM}`], ["PFADD", "b", `e:${RANDOM}`]],
  ["GEOSEARCH", "geo", ["GEOSEARCH", SMALL, "FROMLONLAT", "15", "37", "BYRADIUS", "500", "km"],
    ["GEOSEARCH", "b", "FROMLONLAT", "15", "37", "BYRADIUS", "100", "km"]],
];

function requestsOf(name, pipeline, small) {
  const base = pipeline === 1 ? 100_000 : name === "LRANGE_100" || name === "GEOSEARCH" ? 200_000 : 400_000;
  return small ? base / 20 : base;
}

/** Commands that load the collections of a case, for so many requests. */
export function* loaded([, type, , , begin], isBig, requests) {
  if (type === "none") return;
  const each = isBig ? BIG : SMALL_ELEMENTS;
  const elements = begin === "enough" ? Math.ceil(requests / (isBig ? 1 : SMALL_KEYS)) + 1 : each;
  yield* isBig ? filled(type, "b", elements) : smallOnes(type, elements);
}

/** What one case costs in a fresh server. */
async function measure(contestant, { one, pipeline, isBig }, small) {
  const [name, , smallWords, bigWords] = one;
  const requests = requestsOf(name, pipeline, small);
  const warmUp = Math.ceil(requests / 2);
  const words = isBig ? bigWords : smallWords;
  const sent = { words, pipeline, connections: 50, size: 3, keys: isBig ? BIG : SMALL_KEYS };
  const server = await start(contestant);
  try {
    await feed(server.port, loaded(one, isBig, requests + warmUp));
    // Not counted: runtimes compile what runs often.
    await load(server, { ...sent, requests: warmUp });
    return await load(server, { ...sent, requests });
  } finally {
    await server.stop();
  }
}

/** Measures one case with every contestant and prints its line; gives the ratios of those that have a limit. */
async function compareCase(taking, tried, { small, rounds }) {
  const what = `${tried.one[0]} ${tried.isBig ? "big" : "small"} P=${tried.pipeline}`;
  const found = await compareCpu(what, taking, rounds, (contestant) => measure(contestant, tried, small));
  const shown = found.map(({ name, cpu, ratio }) =>
    `${name} ${cpu.toFixed(2)}${Number.isNaN(ratio) ? "" : ` (${ratio.toFixed(2)})`}`);
  console.log(`  ${[what.padEnd(22), ...shown].join("   ")}`);
  const limited = found.filter(({ contestant, ratio }) => contestant.adapter === "epoll" && !Number.isNaN(ratio));
  for (const { name, ratio } of limited) judge(`${what} ${name}`, ratio, 1);
  return limited;
}

/** CPU a request of each command on small and big collections; limits are for the epoll adapter. */
export async function collectionCpu(taking, { small, rounds, pipelines, only }) {
  console.log("\n## collections: server CPU us a request, ratio to Valkey's");
  const chosen = only === undefined ? CASES : CASES.filter(([name]) => only.toUpperCase().split(",").includes(name));
  const all = pipelines.flatMap((pipeline) =>
    chosen.flatMap((one) => [false, true].map((isBig) => ({ one, pipeline, isBig }))));
  const ratios = [];
  for (const tried of all) ratios.push(...await compareCase(taking, tried, { small, rounds }));
  for (const name of new Set(ratios.map((row) => row.name))) {
    const mean = geometricMean(ratios.filter((row) => row.name === name).map(({ ratio }) => ratio));
    console.log(`  geometric mean ${name} ${mean.toFixed(2)}  ${judge(`collections, mean ${name}`, mean, 0.85)}`);
  }
}

// --- Bytes ---

/** [what, type, elements, how many keys]. */
const SHAPES = [
  ["hash, 10 fields", "hash", 10, 20_000],
  ["hash, 1000 fields", "hash", 1000, 500],
  ["list, 100 elements", "list", 100, 5000],
  ["set, 100 integers", "ints", 100, 10_000],
  ["set, 1000 members", "set", 1000, 500],
  ["zset, 50 members", "zset", 50, 10_000],
  ["zset, 10000 members", "zset", 10_000, 40],
  ["stream, 1000 entries", "stream", 1000, 200],
];

function* keysOf([, type, elements], count) {
  for (let i = 0; i < count; i++) yield* filled(type, `k:${digits(i)}`, elements);
}

/** Bytes a collection of a shape, its key counted, by used_memory. */
async function bytesOf(contestant, shape, small) {
  const count = small ? Math.ceil(shape[3] / 20) : shape[3];
  const server = await start(contestant);
  const before = await info(server.port, "memory", "used_memory");
  await feed(server.port, keysOf(shape, count));
  await sleep(200);
  const bytes = (await info(server.port, "memory", "used_memory") - before) / count;
  await server.stop();
  return bytes;
}

/** Bytes of each shape; those of Wakey are the core's, whatever runs it. */
export async function collectionBytes(taking, { small }) {
  console.log("\n## collection-memory: bytes of used_memory a collection");
  const real = taking.filter(({ runtime }) => runtime === undefined);
  const ours = taking.filter(({ runtime }) => runtime !== undefined).slice(0, 1);
  const reference = new Map();
  const ratios = [];
  for (const contestant of [...real, ...ours]) {
    const isOurs = contestant.runtime !== undefined;
    const name = isOurs ? "wakey" : contestant.name;
    for (const shape of SHAPES) {
      const [what] = shape;
      const bytes = await bytesOf(contestant, shape, small);
      if (name === "valkey") reference.set(what, bytes);
      const ratio = bytes / (reference.get(what) ?? NaN);
      const isJudged = isOurs && !Number.isNaN(ratio);
      if (isJudged) ratios.push(ratio);
      const verdict = isJudged ? judge(`bytes, ${what}`, ratio, 1) : "";
      console.log(`  ${name.padEnd(8)} ${what.padEnd(22)} ${number(bytes, 0)}  ratio ${number(ratio)}  ${verdict}`);
      results.push({ what: `bytes, ${what}`, name, bytes, ratio });
    }
  }
  if (ratios.length === 0) return;
  const mean = geometricMean(ratios);
  console.log(`  geometric mean ${mean.toFixed(2)}  ${judge("bytes of collections, mean", mean, 0.8)}`);
}

// --- Growth ---

const GROWING = [
  ["HGET", "hash", ["HGET", "b", `f:${RANDOM}`]],
  ["ZADD", "zset", ["ZADD", "b", RANDOM, `m:${RANDOM}xy`]],
  ["ZRANK", "zset", ["ZRANK", "b", `m:${RANDOM}xy`]],
  ["LINDEX 0", "list", ["LINDEX", "b", "0"]],
];

/** Elements and CPU a request of a command on collections of a hundred elements up to `most`. */
async function growthOf(contestant, [, type, words], { most, small }) {
  const points = [];
  for (let count = 100; count <= most; count *= 10) {
    const server = await start(contestant);
    await feed(server.port, filled(type, "b", count));
    const requests = small ? 20_000 : 400_000;
    const { cpu } = await load(server, { words, requests, pipeline: 16, connections: 50, size: 3, keys: count });
    await server.stop();
    points.push([count, cpu]);
  }
  return points;
}

/** CPU a request at P=16 while the collection grows; writes docs/images/collection-growth.svg. */
export async function collectionGrowth(taking, { small, large }) {
  const most = small ? 10_000 : large ? 10_000_000 : 1_000_000;
  console.log(`\n## collection-growth: CPU us a request at P=16, 100 to ${most} elements`);
  const series = [];
  for (const growing of GROWING) {
    const [name] = growing;
    for (const contestant of taking) {
      const points = await growthOf(contestant, growing, { most, small });
      const costs = points.map(([, cpu]) => cpu.toFixed(2)).join(" ");
      console.log(`  ${name.padEnd(9)} ${contestant.name.padEnd(24)} ${costs}`);
      series.push({ name, contestant: contestant.name, points });
      results.push({ what: `growth ${name}`, name: contestant.name, points });
    }
  }
  if (!small) drawGrowth(series);
}

/** One small chart a command, a line a contestant. */
function drawGrowth(series) {
  const names = [...new Set(series.map(({ name }) => name))];
  const colours = ["#888", "#c33", "#2563eb", "#16a34a", "#a855f7", "#ea580c"];
  const contestants = [...new Set(series.map(({ contestant }) => contestant))];
  const [width, height, edge] = [260, 180, 34];
  const parts = names.flatMap((name, column) => {
    const mine = series.filter((one) => one.name === name);
    const top = Math.max(...mine.flatMap(({ points }) => points.map(([, cpu]) => cpu))) * 1.1;
    const last = Math.log10(Math.max(...mine.flatMap(({ points }) => points.map(([count]) => count))));
    const x = (count) => column * width + edge + (Math.log10(count) - 2) / (last - 2) * (width - edge - 12);
    const y = (cpu) => height - 24 - cpu / top * (height - 48);
    const lines = mine.map(({ contestant, points }) => `<polyline fill="none" stroke-width="2" ` +
      `stroke="${colours[contestants.indexOf(contestant) % colours.length]}" points="` +
      `${points.map(([count, cpu]) => `${x(count).toFixed(1)},${y(cpu).toFixed(1)}`).join(" ")}"/>`);
    return [
      `<text x="${column * width + edge}" y="14" font-weight="bold">${name}</text>`,
      `<text x="${column * width + 2}" y="${y(top / 1.1) + 4}">${(top / 1.1).toFixed(1)}</text>`,
      `<text x="${column * width + 2}" y="${y(0) + 4}">0 us</text>`,
      `<text x="${column * width + edge}" y="${height - 8}">100</text>`,
      `<text x="${column * width + width - 40}" y="${height - 8}">10^${last.toFixed(0)}</text>`,
      `<path d="M${column * width + edge} ${y(0)}H${column * width + width - 12}" stroke="#ccc"/>`,
      ...lines,
    ];
  });
  const legend = contestants.map((name, i) => `<text x="${10 + i * 170}" y="${height + 16}" ` +
    `fill="${colours[i % colours.length]}">${name}</text>`);
  mkdirSync(`${root}docs/images`, { recursive: true });
  writeFileSync(`${root}docs/images/collection-growth.svg`, `<svg xmlns="http://www.w3.org/2000/svg" ` +
    `width="${names.length * width}" height="${height + 24}" font-family="sans-serif" font-size="11">\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n${[...parts, ...legend].join("\n")}\n</svg>\n`);
}

// --- Pauses ---

/** Milliseconds that the main threads of some processes have stood ready to run without a core so far. */
function queuedMs(pids) {
  const waits = pids.map((pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[1]));
  return waits.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

/**
 * Sends PING about once a millisecond; gives a function that ends it and tells the longest wait in milliseconds, `net`
 * of the time for which other programs had the server's or this program's core.
 */
function pinger({ port, pid }) {
  return new Promise((resolve) => {
    const worst = { net: 0, gross: 0 };
    let sentAt = 0;
    let queued = 0;
    let open = true;
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setNoDelay(true);
    const send = () => {
      queued = queuedMs([pid, process.pid]);
      sentAt = performance.now();
      socket.write(encode(["PING"]));
    };
    socket.on("connect", () => {
      send();
      resolve({
        reset: () => Object.assign(worst, { net: 0, gross: 0 }),
        worst: () => ({ ...worst }),
        stop: () => {
          open = false;
          socket.destroy();
        },
      });
    });
    socket.on("data", () => {
      const wait = performance.now() - sentAt;
      worst.gross = Math.max(worst.gross, wait);
      worst.net = Math.max(worst.net, wait - (queuedMs([pid, process.pid]) - queued));
      if (open) setTimeout(send, 1);
    });
  });
}

/** How each large value goes: what is sent, with the key's bytes known to be above any limit set. */
const ENDINGS = {
  deleted: [["DEL", "b"]],
  expired: [["PEXPIRE", "b", "5"]],
  evicted: [["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"], ["CONFIG", "SET", "maxmemory", "30mb"]],
};

/** Builds a large value and drops it; gives the longest PING before, in as much time, and while it goes. */
async function dropped(contestant, type, count, commands, waitMs) {
  const server = await start(contestant);
  try {
    await feed(server.port, filled(type, "b", count));
    const ping = await pinger(server);
    await sleep(300);
    ping.reset();
    await sleep(waitMs);
    const before = ping.worst();
    ping.reset();
    await feed(server.port, commands);
    await sleep(waitMs);
    const worst = ping.worst();
    ping.stop();
    return { before, worst };
  } finally {
    await server.stop();
  }
}

/** Drops a large value some times, and prints and judges the longest waits. */
async function pauseOf(contestant, [type, count], ending, { small, rounds }) {
  const { name, runtime } = contestant;
  const found = [];
  for (let round = 0; round < rounds; round++) {
    found.push(await dropped(contestant, type, count, ENDINGS[ending], small ? 300 : 2500));
  }
  const worst = median(found.map((one) => one.worst.net));
  const what = `${type} of ${count} ${ending}`;
  const verdict = runtime && !small ? judge(`pause, ${what} ${name}`, worst, 5, " ms") : "";
  const each = found.map(({ worst: { net, gross }, before }) =>
    `${net.toFixed(1)} (${before.net.toFixed(1)}, ${gross.toFixed(1)})`).join(" ");
  console.log(`  ${name.padEnd(24)} ${what.padEnd(28)} ${number(worst)}  rounds: ${each}  ${verdict}`);
  results.push({ what: `pause ${what}`, name, worst, rounds: found });
}

/**
 * The longest that PING waits while a large value goes, net of other programs' time: the median of the rounds is
 * judged. What it waits on the same server just before, as long and without any of that, says how much of it is the
 * machine's; so does the wait with others' time in it. Building is not watched.
 */
export async function pauses(taking, { small, rounds, only }) {
  const scale = small ? 0.02 : 1;
  const all = [["set", 5e6 * scale], ["hash", 5e6 * scale], ["list", 1e7 * scale]];
  const shapes = all.filter(([type]) => only === undefined || only.split(",").includes(type));
  console.log("\n## pauses: longest wait of a PING each ms, in ms, while a large value is dropped (before; gross)");
  for (const shape of shapes) {
    for (const ending of Object.keys(ENDINGS)) {
      for (const contestant of taking) await pauseOf(contestant, shape, ending, { small, rounds });
    }
  }
}
