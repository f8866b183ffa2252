/**
 * MIGRATE where connections between servers speak TLS (tls-cluster), and what else the settings of a server change
 * about the connections that it opens. Each case runs with ours and with the real server as the one that moves keys.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bulk, field, type RespConnection } from "./support/resp.ts";
import { freePort, realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { sleep } from "./support/wait.ts";

const FOLDER = fileURLToPath(new URL("support/tls/", import.meta.url));
const OK = "+OK\r\n";
const READING = "-IOERR error or timeout reading to target instance\r\n";
const CONNECTING = "-IOERR error or timeout connecting to the client\r\n";

/** The directives for a certificate of tests/support/tls. */
const identity = (name: string, prefix = "tls"): string[] =>
  [`${prefix}-cert-file`, `${FOLDER}${name}.crt`, `${prefix}-key-file`, `${FOLDER}${name}.key`];
const authority = ["tls-ca-cert-file", `${FOLDER}ca.crt`];
const asArguments = (directives: string[]): string[] => directives.map((word, i) => (i % 2 === 0 ? `--${word}` : word));

function cases(program: string | undefined): void {
  let [source, target, stranger]: RunningServer[] = [];
  let a: RespConnection;
  let b: RespConnection;
  let targetPort: number;
  let strangerPort: number;

  before(async () => {
    [targetPort, strangerPort] = [await freePort(), await freePort()];
    const start = (directives: string[], which?: string) =>
      startServer({ program: which, args: asArguments(directives) });
    target = await start(["tls-port", `${targetPort}`, ...identity("server"), ...authority,
      "tls-auth-clients-user", "CN"]);
    stranger = await start(["tls-port", `${strangerPort}`, ...identity("stranger"), ...authority]);
    source = await start(["tls-cluster", "yes", ...identity("server"), ...authority], program);
    [a, b] = [await source.connect(), await target.connect()];
  });
  after(async () => {
    for (const connection of [a, b]) connection?.close();
    for (const server of [source, target, stranger]) await server?.stop();
  });

  const set = (...directives: string[]) => a.command("CONFIG", "SET", ...directives);
  /** Moves a new key to a port; gives the reply. */
  async function move(port: number, limitMs = 5000, host = "127.0.0.1"): Promise<string> {
    assertEquals(await a.command("SET", "k", "x".repeat(200_000)), OK);
    return a.command("MIGRATE", host, `${port}`, "k", "0", `${limitMs}`, "REPLACE");
  }
  /** Lets go of the connections that are kept. */
  const closeKept = () => b.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");

  it("goes over TLS, with the server's certificate or one of its own", async () => {
    assertEquals(await b.command("ACL", "SETUSER", "alice", "on", "nopass", "+@all", "~*"), OK);
    assertEquals(await move(targetPort), OK);
    assertEquals(await b.command("STRLEN", "k"), ":200000\r\n");
    const users = async () => (await b.command("CLIENT", "LIST")).match(/(?<=user=)\S+/g)?.sort();
    assertEquals(await users(), ["default", "default"]);
    assertEquals(await set(...identity("alice", "tls-client")), OK);
    await closeKept();
    assertEquals(await move(targetPort), OK);
    assertEquals(await users(), ["alice", "default"]);
    assertEquals(await set("tls-client-cert-file", "", "tls-client-key-file", ""), OK);
  });

  it("does not mind the certificate's name, only whose it is", async () => {
    assertEquals(await move(targetPort, 5000, "127.0.0.2"), OK);
    assertEquals(await move(strangerPort), CONNECTING);
    await closeKept();
    assertEquals(await set(...identity("stranger", "tls-client")), OK);
    assertEquals(await move(targetPort), READING);
    assertEquals(await set("tls-client-cert-file", "", "tls-client-key-file", ""), OK);
    assertEquals(await a.command("EXISTS", "k"), ":1\r\n");
  });

  it("says that it can't connect to what is not there or speaks no TLS", async () => {
    assertEquals(await move(1), CONNECTING);
    assertEquals(await move(target.port, 200), CONNECTING);
  });

  it("keeps a connection as it is while tls-cluster changes", async () => {
    assertEquals(await move(targetPort), OK);
    assertEquals(await set("tls-cluster", "no"), OK);
    assertEquals(await move(targetPort), OK);
    await closeKept();
    assertEquals(await move(targetPort), READING);
    assertEquals(await move(target.port), OK);
    assertEquals(await set("tls-cluster", "yes"), OK);
    assertEquals(await move(target.port), OK);
  });

  it("takes any address of the host, whatever bind-source-addr says", async () => {
    assertEquals(await set("tls-cluster", "no", "bind-source-addr", "127.0.0.3"), OK);
    await closeKept();
    assertEquals(await move(target.port), OK);
    assertMatch(await b.command("CLIENT", "LIST"), / addr=127\.0\.0\.1:\S+ .* cmd=restore /);
    assertEquals(await set("tls-cluster", "yes", "bind-source-addr", ""), OK);
  });

  /** Stops a server at once, for some time. */
  async function hold(server: RunningServer, ms: number): Promise<void> {
    process.kill(server.pid, "SIGSTOP");
    await sleep(ms);
    process.kill(server.pid, "SIGCONT");
  }

  it("counts the time that it waits", async () => {
    assertEquals(await move(targetPort), OK);
    await a.command("CONFIG", "RESETSTAT");
    const held = hold(target, 300);
    assertEquals(await move(targetPort), OK);
    await held;
    const stat = field(await a.command("INFO", "commandstats"), "cmdstat_migrate") ?? "";
    const [, calls, us] = /^calls=(\d+),usec=(\d+),/.exec(stat) ?? [];
    assertEquals(calls, "1", stat);
    assert(Number(us) > 150_000 && Number(us) < 3_000_000, stat);
    const centile = field(await a.command("INFO", "latencystats"), "latency_percentiles_usec_migrate") ?? "";
    assert(Number(/p50=(\d+)/.exec(centile)?.[1]) > 150_000, centile);
  });

  it("counts that as EXEC's time, too", async () => {
    assertEquals(await move(targetPort), OK);
    await a.command("CONFIG", "RESETSTAT");
    assertEquals(await a.command("SET", "k", "x"), OK);
    await a.command("MULTI");
    await a.command("GET", "k");
    await a.command("MIGRATE", "127.0.0.1", `${targetPort}`, "k", "0", "5000", "REPLACE");
    const held = hold(target, 300);
    await a.command("EXEC");
    await held;
    const stat = field(await a.command("INFO", "commandstats"), "cmdstat_exec") ?? "";
    const [, calls, us] = /^calls=(\d+),usec=(\d+),/.exec(stat) ?? [];
    assertEquals(calls, "1", stat);
    assert(Number(us) > 150_000 && Number(us) < 3_000_000, stat);
  });

  it("wants certificates and an authority before tls-cluster is on", async () => {
    assertStringIncludes(await set("tls-ca-cert-file", ""), "Unable to update TLS configuration");
    assertStringIncludes(await set(...identity("alice", "tls-client").slice(0, 3), `${FOLDER}other.key`),
      "Unable to update TLS configuration");
    const kept = `*2\r\n${bulk("tls-client-cert-file")}${bulk("")}`;
    assertEquals(await a.command("CONFIG", "GET", "tls-client-cert-file"), kept);
    for (const args of [["--tls-cluster", "yes"],
      ["--tls-replication", "yes", "--tls-auth-clients", "no", ...asArguments(identity("server"))]]) {
      await assertRejects(() => startServer({ program, args }), Error, "Failed to configure TLS");
    }
  });
}

describe("MIGRATE over TLS from ours", () => cases(undefined));
describe("MIGRATE over TLS from the real one", { skip: skipWithoutReal("valkey-server") }, () =>
  cases(realProgram("valkey-server")));
