// app.ts - the admin's HTTP interface: health, metrics, configuration, clients, the command log, and a page of them.
//
//   GET /health          200 while the server answers, without a login
//   GET /metrics         OpenMetrics                       INFO EVERYTHING
//   GET /info            INFO as text; ?section=NAME        INFO
//   GET /config          {name: value}; ?pattern=GLOB       CONFIG GET
//   PATCH /config        {name: value} is set               CONFIG SET
//   GET /clients         [{id, addr, ...}]                  CLIENT LIST
//   GET /commandlog      ?type=slow|large-request|large-reply&count=N   COMMANDLOG GET
//   GET /events          server-sent: a sample each second  INFO
//   GET /                the page
//
// Whoever asks is a user of the server (HTTP Basic; nobody in particular is the default user), and every answer comes
// from a command that this user may run. A page elsewhere can do nothing here: the host asked for has to be this
// machine (no DNS rebinding), a change has to come from a page of this origin, and nothing may frame or script it.

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { WakeyError } from "../server/bridge/reply-reader.ts";
import type { Reply } from "../server/bridge/reply-reader.ts";
import type { Credentials } from "./client.ts";
import { infoFields, openMetrics } from "./metrics.ts";
import { PAGE, SCRIPT, STYLE } from "./page.ts";

/** A connection to the server for one request. */
export interface AdminConnection {
  begin(who: Credentials | undefined): Promise<WakeyError | undefined>;
  call(...args: string[]): Promise<Reply>;
  close(): void;
}

interface AdminOptions {
  /** Opens a connection in the name of the client at this address. */
  connect(remote: string): AdminConnection;
  /** The address that a request came from. */
  remoteOf(context: Context): string;
  /** Waits so many milliseconds. */
  wait(ms: number): Promise<void>;
}

const SAMPLE_MS = 1000;
/** Bytes that a request can bring: settings are shorter. */
const BODY_MOST = 1 << 20;
const LOCAL_HOSTS = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;
const HEADERS = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};
const LOGS = ["slow", "large-request", "large-reply"];

/** The user of a Basic authorization header; undefined without one, null when it is malformed. */
function credentialsOf(header: string | undefined): Credentials | undefined | null {
  if (header === undefined) return undefined;
  const match = /^basic ([A-Za-z0-9+/=]+)$/i.exec(header.trim());
  if (match === null) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true })
      .decode(Uint8Array.from(atob(match[1]), (character) => character.charCodeAt(0)));
    const colon = text.indexOf(":");
    return colon < 0 ? null : { user: text.slice(0, colon) || "default", password: text.slice(colon + 1) };
  } catch {
    return null;
  }
}

/** The HTTP status that an error reply stands for. */
function statusOf(error: WakeyError): 400 | 401 | 403 | 503 {
  if (error.code === "NOAUTH" || error.code === "WRONGPASS") return 401;
  if (error.code === "NOPERM") return 403;
  if (error.code === "LOADING" || error.code === "BUSY") return 503;
  return 400;
}

function refuse(context: Context, error: WakeyError): Response {
  const status = statusOf(error);
  if (status === 401) context.header("www-authenticate", 'Basic realm="wakey", charset="UTF-8"');
  return context.json({ error: error.message }, status);
}

/** A map reply as an object. */
function objectOf(reply: Reply): Record<string, unknown> {
  return reply instanceof Map ? Object.fromEntries([...reply].map(([name, value]) => [String(name), value])) : {};
}

/** A line of CLIENT LIST as an object. */
function clientOf(line: string): Record<string, string> {
  return Object.fromEntries(line.split(" ").map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  }));
}

/** An entry of COMMANDLOG GET as an object; its bytes are shown as text. */
function logEntryOf(entry: Reply): Record<string, unknown> {
  const [id, time, value, args, address, name] = entry as [number, number, number, string[], string, string];
  return { id, time, value, arguments: args, address, name };
}

/** What the page's charts show, from INFO. */
function sampleOf(text: string): Record<string, number> {
  const fields = infoFields(text);
  const numberOf = (name: string) => Number(fields.get(name) ?? 0);
  let calls = 0;
  let micros = 0;
  for (const [name, value] of fields) {
    if (!name.startsWith("cmdstat_")) continue;
    calls += Number(/calls=(\d+)/.exec(value)?.[1] ?? 0);
    micros += Number(/usec=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return {
    ops: numberOf("instantaneous_ops_per_sec"), memory: numberOf("used_memory"), rss: numberOf("used_memory_rss"),
    clients: numberOf("connected_clients"), hits: numberOf("keyspace_hits"), misses: numberOf("keyspace_misses"),
    calls, micros, uptime: numberOf("uptime_in_seconds"),
  };
}

// --- What asks no single command ---

/** Keeps other machines out, and other pages. */
async function refuseOthers(context: Context, next: () => Promise<void>): Promise<Response | void> {
  for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
  const host = context.req.header("host") ?? "";
  if (!LOCAL_HOSTS.test(host)) return context.json({ error: `host ${host} is not this machine` }, 403);
  const origin = context.req.header("origin") ?? `http://${host}`;
  const site = context.req.header("sec-fetch-site") ?? "none";
  if (origin !== `http://${host}` || (site !== "same-origin" && site !== "none")) {
    return context.json({ error: "wrong origin" }, 403);
  }
  return await next();
}

async function health(context: Context, options: AdminOptions): Promise<Response> {
  const connection = options.connect(options.remoteOf(context));
  const refusal = await connection.begin(undefined);
  connection.close();
  const isUp = refusal === undefined || refusal.code === "NOAUTH" || refusal.code === "NOPERM";
  return context.json({ status: isUp ? "ok" : "unavailable" }, isUp ? 200 : 503);
}

/** Sets the directives of the JSON object in the body. */
async function setConfig(context: Context, connection: AdminConnection): Promise<Response> {
  const isJson = /^application\/json\b/i.test(context.req.header("content-type") ?? "");
  const body: unknown = isJson ? await context.req.json().catch(() => undefined) : undefined;
  if (typeof body !== "object" || body === null || Array.isArray(body) || Object.keys(body).length === 0) {
    return context.json({ error: "the body has to be a JSON object of directives and values" }, 400);
  }
  const words = Object.entries(body).flatMap(([name, value]) => [name, String(value)]);
  const reply = await connection.call("CONFIG", "SET", ...words);
  return reply instanceof WakeyError ? refuse(context, reply) : context.json({ set: Object.keys(body) });
}

/** Sends a sample each second until the other side has enough. */
async function sendSamples(context: Context, first: AdminConnection, options: AdminOptions): Promise<Response> {
  const reply = await first.call("INFO", "everything");
  if (reply instanceof WakeyError) return refuse(context, reply);
  const who = credentialsOf(context.req.header("authorization")) ?? undefined;
  return streamSSE(context, async (stream) => {
    let text = String(reply);
    for (;;) {
      await stream.writeSSE({ event: "sample", data: JSON.stringify(sampleOf(text)) });
      await options.wait(SAMPLE_MS);
      if (stream.aborted) return;
      // Rights may have been taken away meanwhile: each sample logs in anew.
      const connection = options.connect(options.remoteOf(context));
      const refusal = await connection.begin(who);
      const next = refusal ?? await connection.call("INFO", "everything");
      connection.close();
      if (next instanceof WakeyError) return;
      text = String(next);
    }
  });
}

// --- Routes ---

export function createAdminApp(options: AdminOptions): Hono {
  const app = new Hono();

  /** Runs `use` with a connection of the asking user; errors of the server become HTTP errors. */
  async function asUser(context: Context, use: (connection: AdminConnection) => Promise<Response>): Promise<Response> {
    const who = credentialsOf(context.req.header("authorization"));
    if (who === null) return refuse(context, new WakeyError("WRONGPASS the authorization header is malformed"));
    const connection = options.connect(options.remoteOf(context));
    try {
      const refusal = await connection.begin(who);
      if (refusal !== undefined) return refuse(context, refusal);
      return await use(connection);
    } finally {
      connection.close();
    }
  }

  /** Answers with what a command replied, made into a response by `shape`. */
  function answer(command: (context: Context) => string[], shape: (context: Context, reply: Reply) => Response) {
    return (context: Context) => asUser(context, async (connection) => {
      const reply = await connection.call(...command(context));
      return reply instanceof WakeyError ? refuse(context, reply) : shape(context, reply);
    });
  }

  app.use(refuseOthers, bodyLimit({ maxSize: BODY_MOST }));
  app.get("/health", (context) => health(context, options));

  app.get("/metrics", answer(() => ["INFO", "everything"], (context, reply) => {
    const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    return context.body(openMetrics(String(reply)), 200, { "content-type": type });
  }));

  app.get("/info", answer((context) => ["INFO", context.req.query("section") ?? "everything"],
    (context, reply) => context.text(String(reply))));

  app.get("/config", answer((context) => ["CONFIG", "GET", context.req.query("pattern") ?? "*"],
    (context, reply) => context.json(objectOf(reply))));

  app.patch("/config", (context) => asUser(context, (connection) => setConfig(context, connection)));

  app.get("/clients", answer(() => ["CLIENT", "LIST"],
    (context, reply) => context.json(String(reply).trim().split("\n").map(clientOf))));

  app.get("/commandlog", answer(
    (context) => ["COMMANDLOG", "GET", context.req.query("count") ?? "50", context.req.query("type") ?? LOGS[0]],
    (context, reply) => context.json((reply as Reply[]).map(logEntryOf)),
  ));

  app.get("/events", (context) => asUser(context, (connection) => sendSamples(context, connection, options)));

  const file = (text: string, type: string) => (context: Context) => context.body(text, 200, { "content-type": type });
  app.get("/page.js", file(SCRIPT, "text/javascript; charset=utf-8"));
  app.get("/page.css", file(STYLE, "text/css; charset=utf-8"));
  // The page itself asks for a login where one is needed, so that the browser sends it with what follows.
  app.get("/", answer(() => ["PING"], (context) => context.html(PAGE)));
  return app;
}
