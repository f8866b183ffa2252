/**
 * tls: a server with TLS beside plain TCP: who gets in under each tls-auth-clients, whose user a certificate names,
 * certificates that change while connections stay open, and settings that can't be used.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import type { RespConnection } from "./support/resp.ts";
import { currentRuntime, freePort, type RunningServer, startServer } from "./support/server.ts";
import { sleep } from "./support/wait.ts";

const FOLDER = fileURLToPath(new URL("support/tls/", import.meta.url));
const file = (name: string): string => FOLDER + name;
const LARGE = "x".repeat(300_000);

/** Sends one command over TLS and gives the reply, or "" when the server refuses the connection. */
type Until = (reply: string) => boolean;
const wholeLine: Until = (reply) => reply.endsWith("\r\n");

function ask(port: number, line: string, who?: string, until = wholeLine): Promise<string> {
  return new Promise((resolve) => {
    const identity = who === undefined ? {}
      : { cert: readFileSync(file(`${who}.crt`)), key: readFileSync(file(`${who}.key`)) };
    let reply = "";
    const done = (socket: TLSSocket) => {
      socket.destroy();
      resolve(reply);
    };
    const socket = connect({ port, host: "127.0.0.1", ca: readFileSync(file("ca.crt")), ...identity });
    socket.on("secureConnect", () => socket.write(`${line}\r\n`));
    socket.on("data", (part: Uint8Array) => {
      reply += Buffer.from(part).toString("latin1");
      if (until(reply)) done(socket);
    });
    socket.on("error", () => done(socket));
    socket.on("close", () => done(socket));
  });
}

/** The name in the certificate that the server shows. */
function serverName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(file("ca.crt"));
    const socket = connect({ port, host: "127.0.0.1", ca, checkServerIdentity: () => undefined });
    socket.on("secureConnect", () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("TLS", () => {
  let server: RunningServer;
  let plain: RespConnection;
  let port: number;
  const place = mkdtempSync(join(tmpdir(), "wakey-tls-"));
  const set = (...words: string[]) => plain.command("CONFIG", "SET", ...words);

  before(async () => {
    port = await freePort();
    for (const end of ["crt", "key"]) copyFileSync(file(`server.${end}`), join(place, `used.${end}`));
    server = await startServer({
      args: ["--tls-port", `${port}`, "--tls-cert-file", join(place, "used.crt"),
        "--tls-key-file", join(place, "used.key"),
        "--tls-ca-cert-file", file("ca.crt"), "--enable-debug-command", "local"],
    });
    plain = await server.connect();
  });
  after(async () => {
    plain?.close();
    await server?.stop();
    rmSync(place, { recursive: true });
  });

  it("serves clients with a good certificate, beside plain TCP, and refuses others", async () => {
    assertEquals(await ask(port, "PING", "alice"), "+PONG\r\n");
    assertEquals(await ask(port, "PING"), "");
    assertEquals(await ask(port, "PING", "stranger"), "");
    assertEquals(await plain.command("PING"), "+PONG\r\n");
  });

  it("carries large requests and replies whole", async () => {
    assertEquals(await ask(port, `SET large ${LARGE.slice(0, 60_000)}`, "alice"), "+OK\r\n");
    await plain.command("SET", "large", LARGE);
    const whole = `$${LARGE.length}\r\n${LARGE}\r\n`;
    const reply = await ask(port, "GET large", "alice", (text) => text.length >= whole.length);
    assert(reply === whole, `${reply.length} of ${whole.length} bytes`);
  });

  it("asks for certificates as tls-auth-clients says", async () => {
    await set("tls-auth-clients", "optional");
    assertEquals(await ask(port, "PING"), "+PONG\r\n");
    assertEquals(await ask(port, "PING", "alice"), "+PONG\r\n");
    assertEquals(await ask(port, "PING", "stranger"), "");
    await set("tls-auth-clients", "no");
    assertEquals(await ask(port, "PING"), "+PONG\r\n");
    await set("tls-auth-clients", "yes");
    assertEquals(await ask(port, "PING"), "");
  });

  it("makes a client the user whom its certificate names", async () => {
    await set("tls-auth-clients-user", "CN");
    assertEquals(await ask(port, "ACL WHOAMI", "alice"), "$7\r\ndefault\r\n");
    assertStringIncludes(await plain.command("ACL", "LOG"), "tls-cert");
    assertStringIncludes(await plain.command("INFO", "stats"), "acl_access_denied_tls_cert:1");
    await plain.command("ACL", "SETUSER", "alice", "on", "nopass", "+@all");
    assertEquals(await ask(port, "ACL WHOAMI", "alice"), "$5\r\nalice\r\n");
    await plain.command("ACL", "SETUSER", "urn:alice", "on", "nopass", "+@all");
    await set("tls-auth-clients-user", "URI");
    assertEquals(await ask(port, "ACL WHOAMI", "alice"), "$9\r\nurn:alice\r\n");
    await plain.command("ACL", "SETUSER", "urn:alice", "off");
    assertEquals(await ask(port, "ACL WHOAMI", "alice"), "$7\r\ndefault\r\n");
    await set("tls-auth-clients-user", "off");
    assertEquals(await ask(port, "ACL WHOAMI", "alice"), "$7\r\ndefault\r\n");
  });

  it("changes certificates without dropping a connection", async () => {
    await set("tls-auth-clients", "no");
    const open = connect({ port, host: "127.0.0.1", ca: readFileSync(file("ca.crt")) });
    const next = () =>
      new Promise<string>((resolve) => open.once("data", (part: Uint8Array) => resolve(String(part))));
    await new Promise((resolve) => open.once("secureConnect", resolve));
    assertEquals(await serverName(port), "localhost");
    assertEquals(await set("tls-cert-file", file("other.crt"), "tls-key-file", file("other.key")), "+OK\r\n");
    assertEquals(await serverName(port), "other");
    open.write("PING\r\n");
    assertEquals(await next(), "+PONG\r\n");
    open.destroy();
    const back = await set("tls-cert-file", join(place, "used.crt"), "tls-key-file", join(place, "used.key"));
    assertEquals(back, "+OK\r\n");
  });

  it("reads files anew that changed, at tls-auto-reload-interval", async () => {
    assertEquals(await set("tls-auto-reload-interval", "1"), "+OK\r\n");
    for (const end of ["crt", "key"]) copyFileSync(file(`other.${end}`), join(place, `used.${end}`));
    let name = "";
    for (let tries = 0; tries < 50 && name !== "other"; tries++) {
      await sleep(100);
      name = await serverName(port);
    }
    assertEquals(name, "other");
    await set("tls-auto-reload-interval", "0");
  });

  it("sends what had to wait when writing works again", async () => {
    assertEquals(await plain.command("DEBUG", "FORCE-TLS-WRITE-ERROR", "2"), "-ERR Value must be 0 or 1\r\n");
    assertEquals(await plain.command("DEBUG", "FORCE-TLS-WRITE-ERROR", "1"), "+OK\r\n");
    let reply = "";
    const asked = ask(port, "CLIENT LIST", "alice").then((text) => reply = text);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(reply, "");
    assertEquals(await plain.command("DEBUG", "FORCE-TLS-WRITE-ERROR", "0"), "+OK\r\n");
    assertStringIncludes(await asked, "cmd=client|list");
  });

  it("refuses settings that can't be used and goes on with those in force", async () => {
    for (const [name, value] of [
      ["tls-cert-file", "/none"], ["tls-key-file", file("alice.key")], ["tls-ca-cert-file", "/none"],
      ["tls-protocols", "SSL3"], ["tls-ciphers", "nothing"],
    ]) {
      // Bun and Deno look at ciphers only when a client comes.
      if (currentRuntime() !== "node" && name === "tls-ciphers") continue;
      assertStringIncludes(await set(name, value), `'${name}') - Unable to update TLS configuration`, name);
      assertEquals(await ask(port, "PING"), "+PONG\r\n", name);
    }
  });

  it("INFO tells of listeners and certificates", async () => {
    const info = await plain.command("INFO", "everything");
    assertStringIncludes(info, `listener2:name=tls,bind=*,bind=-::*,port=${port}`);
    assert(/tls_server_cert_serial:[0-9A-F]+\r\n/i.test(info));
    assert(/tls_ca_cert_expires_in_seconds:[1-9]\d+\r\n/.test(info));
    const serials = async () =>
      [...(await plain.command("INFO", "tls")).matchAll(/_cert_serial:(\S+)/g)].map((one) => one[1]);
    const [own, none, authority] = await serials();
    assertEquals(none, "none");
    await set("tls-client-cert-file", file("alice.crt"), "tls-client-key-file", file("alice.key"));
    assert(![own, none, authority].includes((await serials())[1]));
    await set("tls-client-cert-file", "", "tls-client-key-file", "");
    assertEquals(await serials(), [own, none, authority]);
  });

  it("tls-port 0 ends it, another port begins it anew", async () => {
    assertEquals(await set("tls-port", "0"), "+OK\r\n");
    assertEquals(await ask(port, "PING"), "");
    assertStringIncludes(await plain.command("INFO", "tls"), "tls_server_cert_serial:none\r\n");
    assertEquals(await set("tls-port", `${port}`), "+OK\r\n");
    assertEquals(await ask(port, "PING"), "+PONG\r\n");
  });
});
