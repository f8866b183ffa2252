// tls-files.ts - the tls-* directives as settings for listeners and for connections to other servers: reads the files,
// checks each part by itself, and says in Valkey's words what can't be used.
//
// Not for listening (tls.ts) and not for TLS itself, which is the adapter's.

import type { Port, TlsSettings } from "../../runtime-adapters/port.ts";
import type { Config } from "../config/config.ts";
import { errorText } from "../config/host.ts";

const PROTOCOLS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const NO_AUTHORITY = "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, " +
  "tls-replication or tls-auth-clients are enabled!";

/** Whether the server speaks TLS on connections that it opens itself, so that it needs settings without a listener. */
export function dialsByTls(config: Config): boolean {
  return config.boolean("tls-replication") || config.boolean("tls-cluster");
}

/** What is wrong, for the log. */
export class TlsProblem extends Error {}

/** The files that the settings are made of, to see that one changed. */
export function tlsFiles(config: Config): string[] {
  return ["tls-cert-file", "tls-key-file", "tls-client-cert-file", "tls-ca-cert-file"].map((name) => config.text(name))
    .filter((path) => path !== "");
}

function readFile(port: Port, path: string, what: string): Uint8Array {
  try {
    return port.files.read(path);
  } catch (error) {
    throw new TlsProblem(`Failed to load ${what}: ${path}: error:80000002:system library::${errorText(error)}`);
  }
}

function authorities(port: Port, config: Config): Uint8Array[] | undefined {
  const file = config.text("tls-ca-cert-file");
  const folder = config.text("tls-ca-cert-dir");
  if (file === "" && folder === "") {
    if (config.get("tls-auth-clients") !== "no" || dialsByTls(config)) throw new TlsProblem(NO_AUTHORITY);
    return undefined;
  }
  const what = "CA certificate(s) file/directory";
  const found = file === "" ? [] : [readFile(port, file, what)];
  if (folder !== "") {
    for (const name of port.files.exists(folder) ? port.files.list(folder) : []) {
      const path = `${folder}/${name}`;
      if (port.files.facts(path)?.isDirectory === false) found.push(readFile(port, path, what));
    }
  }
  return found;
}

/** The range of versions that tls-protocols names. */
function versions(config: Config): Pick<TlsSettings, "leastVersion" | "mostVersion"> {
  const words = config.text("tls-protocols").split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return { leastVersion: "TLSv1.2", mostVersion: "TLSv1.3" };
  const places = words.map((word) => PROTOCOLS.findIndex((name) => name.toLowerCase() === word.toLowerCase()));
  if (places.includes(-1)) {
    throw new TlsProblem("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and " +
      "'TLSv1.3'.");
  }
  return { leastVersion: PROTOCOLS[Math.min(...places)], mostVersion: PROTOCOLS[Math.max(...places)] };
}

/** Where TLS is spoken. */
export interface TlsSides {
  listening: TlsSettings;
  /** For connections that the server opens itself: with a certificate of their own where there is one. */
  dialling: TlsSettings;
}

/** Reads and checks everything. Throws TlsProblem. */
export async function tlsSettings(port: Port, config: Config): Promise<TlsSides> {
  const checkTls = port.checkTls;
  if (checkTls === undefined) throw new TlsProblem("TLS is not available in this runtime");
  if (config.text("tls-cert-file") === "") throw new TlsProblem("No tls-cert-file configured!");
  if (config.text("tls-key-file") === "") throw new TlsProblem("No tls-key-file configured!");
  const check = async (what: string, settings: TlsSettings): Promise<TlsSettings> => {
    const problem = await checkTls(settings);
    if (problem !== undefined) throw new TlsProblem(`${what}: ${problem}`);
    return settings;
  };
  /** The settings with the certificate and the key that the directives with this beginning name. */
  const identified = async (settings: TlsSettings, prefix: string): Promise<TlsSettings> => {
    const [certificateFile, keyFile] = [config.text(`${prefix}-cert-file`), config.text(`${prefix}-key-file`)];
    const bare = { ...settings, key: undefined, passphrase: undefined };
    const certificate = readFile(port, certificateFile, "certificate");
    const half = await check(`Failed to load certificate: ${certificateFile}`, { ...bare, certificate });
    const key = readFile(port, keyFile, "private key");
    const passphrase = config.text(`${prefix}-key-file-pass`) || undefined;
    return check(`Failed to load private key: ${keyFile}`, { ...half, key, passphrase });
  };
  const clients = config.get("tls-auth-clients") as TlsSettings["clients"];
  const ca = authorities(port, config);
  let settings: TlsSettings = await identified({ clients, ...versions(config) }, "tls");
  const places = [config.text("tls-ca-cert-file"), config.text("tls-ca-cert-dir")].filter((path) => path !== "");
  const what = `Failed to configure CA certificate(s) file/directory: ${places.join(" ")}`;
  settings = await check(what, { ...settings, authorities: ca });
  const dhFile = config.text("tls-dh-params-file");
  if (dhFile !== "") {
    const dhParameters = readFile(port, dhFile, "DH params file");
    settings = await check(`Failed to load DH params file: ${dhFile}`, { ...settings, dhParameters });
  }
  const ciphers = [config.text("tls-ciphersuites"), config.text("tls-ciphers")].filter((list) => list !== "").join(":");
  if (ciphers !== "") {
    const problem = await checkTls({ ...settings, ciphers });
    if (problem !== undefined) throw new TlsProblem(`Failed to configure ciphers: ${ciphers}`);
    settings = { ...settings, ciphers };
  }
  settings = {
    ...settings,
    serverOrder: config.boolean("tls-prefer-server-ciphers"),
    sessionSeconds: config.boolean("tls-session-caching") ? config.number("tls-session-cache-timeout") : 0,
  };
  const isOwn = config.text("tls-client-cert-file") !== "" && config.text("tls-client-key-file") !== "";
  return { listening: settings, dialling: isOwn ? await identified(settings, "tls-client") : settings };
}
