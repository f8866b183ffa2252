// page.ts - the admin's page: what it shows comes from the other addresses of app.ts, and every text from the server
// goes into text nodes, so that names of keys and clients can't be markup.
//
// Not for logic that needs a test of its own: the page only fetches, draws and asks.

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wakey</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<header><h1>Wakey</h1><span id="state">connecting</span></header>
<section class="charts" aria-label="Charts">
<figure><figcaption>Commands a second <b id="ops-now"></b></figcaption>
<svg id="ops" viewBox="0 0 300 80"></svg></figure>
<figure><figcaption>Memory <b id="memory-now"></b></figcaption>
<svg id="memory" viewBox="0 0 300 80"></svg></figure>
<figure><figcaption>Hit rate <b id="hits-now"></b></figcaption><svg id="hits" viewBox="0 0 300 80"></svg></figure>
<figure><figcaption>Time a command <b id="latency-now"></b></figcaption>
<svg id="latency" viewBox="0 0 300 80"></svg></figure>
</section>
<section>
<h2>Configuration</h2>
<label>Directives like <input id="pattern" value="maxmemory*" spellcheck="false"></label>
<output id="message"></output>
<table id="config"><thead><tr><th>Directive<th>Value<th></thead><tbody></tbody></table>
</section>
<section>
<h2>Clients</h2>
<table id="clients">
<thead><tr><th>Id<th>Address<th>Name<th>User<th>Age<th>Idle<th>Last command</thead><tbody></tbody></table>
</section>
<section>
<h2>Slow commands</h2>
<table id="log"><thead><tr><th>Time<th>Microseconds<th>Command<th>Client</thead><tbody></tbody></table>
</section>
</body>
</html>
`;

export const STYLE = `:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 1080px; padding: 0 16px 48px; }
header { display: flex; gap: 12px; align-items: baseline; }
#state { color: #777; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 16px; }
figure { margin: 0; border: 1px solid #8884; border-radius: 6px; padding: 8px; }
figcaption { display: flex; justify-content: space-between; }
svg { width: 100%; height: 80px; }
polyline { fill: none; stroke: #2563eb; stroke-width: 1.5; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid #8883; overflow-wrap: anywhere; }
td input { width: 100%; box-sizing: border-box; font: inherit; }
#message { margin-left: 12px; }
#message.error { color: #c33; }
`;

export const SCRIPT = String.raw`"use strict";
const byId = (id) => document.getElementById(id);
const history = { ops: [], memory: [], hits: [], latency: [] };
const POINTS = 120;

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (n >= 1024 && unit < 3) { n /= 1024; unit++; }
  return n.toFixed(unit === 0 ? 0 : 1) + " " + units[unit];
}

function draw(id, value, text) {
  const points = history[id];
  points.push(value);
  if (points.length > POINTS) points.shift();
  const top = Math.max(...points, 1e-9);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const place = (v, i) => (i * 300 / (POINTS - 1)).toFixed(1) + "," + (76 - v / top * 72).toFixed(1);
  line.setAttribute("points", points.map(place).join(" "));
  byId(id).replaceChildren(line);
  byId(id + "-now").textContent = text;
}

let last;
function sample(now) {
  draw("ops", now.ops, String(now.ops));
  draw("memory", now.memory, bytes(now.memory));
  const before = last ?? now;
  last = now;
  const looked = now.hits - before.hits + now.misses - before.misses;
  const rate = looked > 0 ? (now.hits - before.hits) / looked * 100 : history.hits.at(-1) ?? 0;
  draw("hits", rate, rate.toFixed(1) + " %");
  const calls = now.calls - before.calls;
  const each = calls > 0 ? (now.micros - before.micros) / calls : history.latency.at(-1) ?? 0;
  draw("latency", each, each.toFixed(2) + " us");
  byId("state").textContent = now.clients + " clients, up " + now.uptime + " s";
}

function row(cells) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    if (cell instanceof Node) td.append(cell); else td.textContent = String(cell);
    line.append(td);
  }
  return line;
}

function fill(table, rows) {
  byId(table).querySelector("tbody").replaceChildren(...rows);
}

async function get(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? response.statusText);
  return body;
}

function say(text, isError) {
  byId("message").textContent = text;
  byId("message").className = isError ? "error" : "";
}

const complain = (error) => say(error.message, true);

async function setDirective(name, value) {
  const response = await fetch("/config", {
    method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify({ [name]: value }),
  });
  const body = await response.json();
  say(response.ok ? name + " is set" : body.error, !response.ok);
  await showConfig();
}

async function showConfig() {
  const config = await get("/config?pattern=" + encodeURIComponent(byId("pattern").value || "*"));
  fill("config", Object.entries(config).map(([name, value]) => {
    const input = document.createElement("input");
    input.value = value;
    input.name = name;
    input.setAttribute("aria-label", name);
    const button = document.createElement("button");
    button.textContent = "Set";
    button.addEventListener("click", () => void setDirective(name, input.value).catch(complain));
    return row([name, input, button]);
  }));
}

async function showTables() {
  const clients = await get("/clients");
  fill("clients", clients.map((c) => row([c.id, c.addr, c.name, c.user, c.age, c.idle, c.cmd])));
  const log = await get("/commandlog?type=slow&count=20");
  fill("log", log.map((entry) => row([
    new Date(entry.time * 1000).toLocaleTimeString(), entry.value, entry.arguments.join(" "),
    entry.address + " " + entry.name,
  ])));
}

byId("pattern").addEventListener("change", () => void showConfig().catch(complain));
void showConfig().catch(complain);
const repeat = () => void showTables().catch(complain).finally(() => setTimeout(repeat, 2000));
repeat();
const events = new EventSource("/events");
events.addEventListener("sample", (event) => sample(JSON.parse(event.data)));
events.addEventListener("error", () => { byId("state").textContent = "no connection"; });
`;
