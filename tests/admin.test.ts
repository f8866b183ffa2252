/**
 * admin: the HTTP interface by requests (without a socket), then a whole server with it: rights, origins, events, and
 * the page in a headless Chromium, where there is one (Debian: apt-get install chromium).
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { createAdminApp } from "../admin/app.ts";
import type { AdminConnection } from "../admin/app.ts";
import { AdminClient } from "../admin/client.ts";
import { openMetrics } from "../admin/metrics.ts";
import { WakeyError } from "../server/bridge/reply-reader.ts";
import type { Server } from "../server/server.ts";
import type { RespConnection } from "./support/resp.ts";
import { currentRuntime, freePort, type RunningServer, startServer } from "./support/server.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const basic = (user: string, password: string): string => `Basic ${btoa(`${user}:${password}`)}`;

// --- By requests ---

/** An app whose server answers from a table of commands. */
function appOver(replies: Record<string, unknown>, seen: string[][] = []): ReturnType<typeof createAdminApp> {
  const connection: AdminConnection = {
    begin: (who) => Promise.resolve(who?.password === "wrong" ? new WakeyError("WRONGPASS no") : undefined),
    call: (...args) => {
      seen.push(args);
      return Promise.resolve((replies[args.slice(0, 2).join(" ")] ?? "PONG") as string);
    },
    close: () => undefined,
  };
  return createAdminApp({ connect: () => connection, remoteOf: () => "127.0.0.1:1", wait: () => Promise.resolve() });
}

const at = (path: string): string => `http://localhost${path}`;
const local = { host: "localhost" };

describe("admin replies", () => {
  it("are whole however many pieces they come in, and however many come at once", async () => {
    const replies: [string, unknown][] = [
      ["+OK\r\n", "OK"], ["*2\r\n$2\r\na\n\r\n%1\r\n+a\r\n:1\r\n", ["a\n", new Map([["a", 1]])]], ["$-1\r\n", null],
      ["*-1\r\n", null], ["*0\r\n", []], ["|1\r\n+k\r\n*1\r\n+v\r\n:7\r\n", 7], ["$0\r\n\r\n", ""], [",1.5\r\n", 1.5],
      ["~2\r\n:1\r\n_\r\n", new Set([1, null])], ["-ERR x\r\n", new WakeyError("ERR x")],
    ];
    const bytes = new TextEncoder().encode(replies.map(([text]) => text).join(""));
    type Socket = Parameters<Server["accept"]>[0];
    for (let size = 1; size <= bytes.length; size++) {
      let socket!: Socket;
      const server = {
        core: { copy: (from: number, length: number) => bytes.subarray(from, from + length) },
        accept: (accepted: Socket) => {
          socket = accepted;
          return { data: () => undefined };
        },
      };
      const client = new AdminClient(server as unknown as Server, "remote", "local");
      const answers = replies.map(() => client.call("ANY"));
      for (let at = 0; at < bytes.length; at += size) socket.write(at, Math.min(size, bytes.length - at));
      assertEquals(await Promise.all(answers), replies.map(([, value]) => value), `${size}`);
    }
  });
});

describe("admin requests", () => {
  it("answers with what the server's commands reply", async () => {
    const app = appOver({
      "CONFIG GET": new Map([["maxmemory", "0"]]),
      "CLIENT LIST": "id=3 addr=1:2 name=x\nid=4 addr=1:3 name=\n",
      "COMMANDLOG GET": [[1, 2, 3, ["GET", "a"], "1:2", "me"]],
    });
    assertEquals(await (await app.request(at("/config"), { headers: local })).json(), { maxmemory: "0" });
    const clients = await (await app.request(at("/clients"), { headers: local })).json();
    assertEquals(clients.map((client: { id: string }) => client.id), ["3", "4"]);
    const log = await (await app.request(at("/commandlog"), { headers: local })).json();
    assertEquals(log[0], { id: 1, time: 2, value: 3, arguments: ["GET", "a"], address: "1:2", name: "me" });
  });

  it("sets what a JSON object names, and refuses anything else", async () => {
    const seen: string[][] = [];
    const app = appOver({ "CONFIG SET": "OK" }, seen);
    const json = { ...local, "content-type": "application/json" };
    const set = (body: string, headers: Record<string, string> = json) =>
      app.request(at("/config"), { method: "PATCH", headers, body });
    assertEquals((await set('{"maxmemory":"1mb","hz":20}')).status, 200);
    assertEquals(seen, [["CONFIG", "SET", "maxmemory", "1mb", "hz", "20"]]);
    for (const body of ["", "[]", "null", "{}", "{", "1"]) assertEquals((await set(body)).status, 400, body);
    assertEquals((await set('{"hz":1}', { ...local, "content-type": "text/plain" })).status, 400);
    assertEquals((await set(`{"hz":"${"1".repeat(1 << 20)}"}`)).status, 413, "more than a megabyte");
    assertEquals(seen.length, 1);
  });

  it("refuses other hosts, other origins and bad logins, and says how a page may be used", async () => {
    const app = appOver({});
    const status = async (headers: Record<string, string>) => (await app.request(at("/info"), { headers })).status;
    assertEquals(await status(local), 200);
    assertEquals(await status({ host: "127.0.0.1:8080", origin: "http://127.0.0.1:8080" }), 200);
    assertEquals(await status({ host: "[::1]:8080" }), 200);
    assertEquals(await status({ host: "evil.example" }), 403);
    assertEquals(await status({ host: "localhost.evil.example" }), 403);
    assertEquals(await status({ ...local, origin: "http://evil.example" }), 403);
    assertEquals(await status({ ...local, origin: "null" }), 403);
    assertEquals(await status({ ...local, "sec-fetch-site": "cross-site" }), 403);
    assertEquals(await status({ ...local, authorization: basic("a", "wrong") }), 401);
    assertEquals(await status({ ...local, authorization: "Basic !" }), 401);
    assertEquals(await status({ ...local, authorization: "Bearer x" }), 401);
    const page = await app.request(at("/"), { headers: local });
    assertStringIncludes(page.headers.get("content-security-policy") ?? "", "default-src 'none'");
    assertEquals(page.headers.get("x-frame-options"), "DENY");
  });

  it("a reply that forbids is told with the status that fits", async () => {
    for (const [text, status] of [["NOPERM x", 403], ["NOAUTH x", 401], ["ERR x", 400], ["LOADING x", 503]] as const) {
      const app = appOver({ "INFO everything": new WakeyError(text) });
      const response = await app.request(at("/metrics"), { headers: local });
      assertEquals([response.status, (await response.json()).error], [status, text]);
    }
  });
});

describe("metrics", () => {
  it("have the names that dashboards read, each family once, labels escaped", () => {
    const text = openMetrics([
      "# Server", "valkey_version:9.1.0", "connected_clients:3", "used_memory:1024", "total_commands_processed:7",
      "db0:keys=5,expires=2,avg_ttl=1500", 'cmdstat_config|get:calls=2,usec=30,rejected_calls=1,failed_calls=0',
      'errorstat_A"B:count=4', "",
    ].join("\r\n"));
    for (const line of [
      "redis_up 1", "redis_connected_clients 3", "redis_memory_used_bytes 1024", "redis_commands_processed_total 7",
      'redis_db_keys{db="db0"} 5', 'redis_db_avg_ttl_seconds{db="db0"} 1.5', 'redis_commands_total{cmd="config get"} 2',
      'redis_errors_total{err="A\\"B"} 4', "# TYPE redis_commands_processed counter",
    ]) assertStringIncludes(text, `${line}\n`);
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    assertEquals(families.length, new Set(families).size);
    assert(text.endsWith("# EOF\n"));
  });
});

// --- With a server ---

describe("admin of a running server", () => {
  let server: RunningServer;
  let connection: RespConnection;
  let base: string;
  const admin = basic("default", "secret");

  before(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    server = await startServer({ args: ["--admin-port", `${port}`] });
    connection = await server.connect();
    await connection.command("CONFIG", "SET", "requirepass", "secret");
    await connection.command("AUTH", "secret");
    await connection.command("ACL", "SETUSER", "looker", "on", ">pw", "+info", "+ping", "+hello");
  });
  after(async () => {
    connection?.close();
    await server?.stop();
  });

  const get = (path: string, authorization?: string): Promise<Response> =>
    fetch(base + path, { headers: authorization === undefined ? {} : { authorization } });

  it("tells its health to everybody, anything else to users with the right to it", async () => {
    assertEquals(await (await get("/health")).json(), { status: "ok" });
    for (const path of ["/info", "/metrics", "/config", "/clients", "/commandlog", "/events", "/"]) {
      const response = await get(path);
      assertEquals(response.status, 401, path);
      assertMatch(response.headers.get("www-authenticate") ?? "", /^Basic /);
      await response.text();
    }
    assertEquals((await get("/info", basic("looker", "bad"))).status, 401);
    const looker = basic("looker", "pw");
    assertStringIncludes(await (await get("/info?section=server", looker)).text(), "valkey_version:");
    assertStringIncludes(await (await get("/metrics", looker)).text(), "redis_connected_clients ");
    for (const path of ["/config", "/clients", "/commandlog"]) {
      const refused = await get(path, looker);
      assertEquals(refused.status, 403, path);
      assertStringIncludes((await refused.json()).error, "NOPERM");
    }
  });

  it("reads and sets configuration", async () => {
    const response = await fetch(`${base}/config`, {
      method: "PATCH", headers: { authorization: admin, "content-type": "application/json" },
      body: JSON.stringify({ "slowlog-log-slower-than": 12345 }),
    });
    assertEquals(response.status, 200);
    const read = await (await get("/config?pattern=slowlog-log-*", admin)).json();
    assertEquals(read, { "slowlog-log-slower-than": "12345" });
    assertEquals(await connection.command("CONFIG", "GET", "slowlog-log-slower-than"),
      "*2\r\n$23\r\nslowlog-log-slower-than\r\n$5\r\n12345\r\n");
  });

  it("sends a sample each second until the right is taken away", async () => {
    const response = await get("/events", basic("looker", "pw"));
    assertEquals(response.status, 200);
    const reader = response.body!.getReader();
    const text = new TextDecoder().decode((await reader.read()).value);
    assertMatch(text, /event: sample\ndata: \{"ops":/);
    await connection.command("ACL", "SETUSER", "looker", "-info");
    for (let part = await reader.read(); !part.done; part = await reader.read());
    await connection.command("ACL", "SETUSER", "looker", "+info");
  });

  const noBrowser = !existsSync(CHROMIUM) ? `no ${CHROMIUM} (apt-get install chromium)`
    : currentRuntime() !== "node" && "the browser is driven from Node; what it sees is the same";
  it("the page loads, updates and changes a setting; names are not markup", { skip: noBrowser }, async () => {
    const { chromium } = await import("playwright-core");
    await connection.command("CONFIG", "SET", "requirepass", "");
    const evil = "<img/src=x/onerror=document.title='bad'>";
    const other = await server.connect();
    await other.command("CLIENT", "SETNAME", evil);
    await connection.command("CONFIG", "SET", "slowlog-log-slower-than", "0");
    await connection.command("SET", `key:${evil}`, "x");
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    try {
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      await page.goto(`${base}/`);
      await page.waitForSelector("#config tbody tr");
      /** Waits until an element's text is as wanted: by asking, since the page forbids scripts made of text. */
      const until = async (selector: string, isGood: (text: string) => boolean): Promise<string> => {
        for (let tries = 0; tries < 100; tries++) {
          const text = await page.textContent(selector) ?? "";
          if (isGood(text)) return text;
          await page.waitForTimeout(100);
        }
        throw new Error(`${selector} says ${await page.textContent(selector)}`);
      };
      const first = await until("#state", (text) => text.includes("clients, up"));
      await until("#state", (text) => text !== first);
      await page.fill("input[name='maxmemory-samples']", "7");
      await page.click("tr:has(input[name='maxmemory-samples']) button");
      await until("#message", (text) => text === "maxmemory-samples is set");
      await until("#clients", (text) => text.includes(evil));
      await until("#log", (text) => text.includes(evil));
      assertEquals(await page.title(), "Wakey");
      assertEquals(await page.locator("table img").count(), 0);
      assertEquals(faults, []);
    } finally {
      await browser.close();
      other.close();
      await connection.command("CONFIG", "SET", "requirepass", "secret");
    }
    assertStringIncludes(await connection.command("CONFIG", "GET", "maxmemory-samples"), "$1\r\n7\r\n");
  });
});
