// tls.ts - listeners that speak TLS, and connections to other servers, by node:tls: all three server runtimes have it
// with client certificates and with certificates that change while connections stay open.
//
// node:tls is loaded when the first of them is wanted: it takes some milliseconds of a start.
//
// Traps: Deno says `authorized` of a client that was not asked for a certificate, so the certificate itself decides.

import type * as tls from "node:tls";

import type {
  CertificateFacts, ClientCertificate, Listener, ListenOptions, Socket, SocketHandler, TlsSettings,
} from "./port.ts";
import { listenAt } from "./net-listen.ts";
import { StreamSocket } from "./node-streams.ts";
import type { MemoryView } from "./shared.ts";
import { bindHost, errorCode, formatAddress } from "./shared.ts";

/** A handshake that takes longer is ended. */
const HANDSHAKE_MS = 60_000;

/** The settings in node:tls's words. */
function contextOf(settings: TlsSettings): tls.SecureContextOptions {
  return {
    cert: settings.certificate as Buffer | undefined,
    key: settings.key as Buffer | undefined,
    passphrase: settings.passphrase,
    ca: settings.authorities as Buffer[] | undefined,
    ciphers: settings.ciphers,
    minVersion: settings.leastVersion as tls.SecureVersion | undefined,
    maxVersion: settings.mostVersion as tls.SecureVersion | undefined,
    honorCipherOrder: settings.serverOrder,
    dhparam: settings.dhParameters as Buffer | undefined,
    sessionTimeout: settings.sessionSeconds,
  };
}

/** Why settings can't be used, in the library's words; undefined when they can. */
export async function checkTls(settings: TlsSettings): Promise<string | undefined> {
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext(contextOf(settings));
    return await keyProblem(settings);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether certificate and key belong together: Bun and Deno would only find out when a client comes. */
async function keyProblem({ certificate, key, passphrase }: TlsSettings): Promise<string | undefined> {
  if (certificate === undefined || key === undefined) return undefined;
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  const isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey({ key: key as Buffer, passphrase }));
  return isPair ? undefined : "error:05800074:x509 certificate routines::key values mismatch";
}

/** Serial number and end of each certificate in a PEM file; those that can't be read are left out. */
export async function certificateFacts(pem: Uint8Array): Promise<CertificateFacts[]> {
  const { X509Certificate } = await import("node:crypto");
  const parts = new TextDecoder().decode(pem).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return parts.flatMap((part) => {
    try {
      const certificate = new X509Certificate(part);
      return [{ serial: certificate.serialNumber, endsMs: Date.parse(certificate.validTo) }];
    } catch {
      return [];
    }
  });
}

/** The certificate that a client showed; undefined when it showed none. */
function certificateOf(client: tls.TLSSocket): ClientCertificate | undefined {
  const peer = client.getPeerCertificate();
  if (peer === null || peer === undefined || Object.keys(peer).length === 0) return undefined;
  const name = peer.subject?.CN;
  const uris = (peer.subjectaltname ?? "").split(", ").filter((part) => part.startsWith("URI:"))
    .map((part) => part.slice("URI:".length).replace(/^"|"$/g, ""));
  return { commonName: Array.isArray(name) ? name[0] : name, uris };
}

class TlsSocket extends StreamSocket {
  readonly isTls = true;
  readonly certificate: ClientCertificate | undefined;

  constructor(memory: MemoryView, client: tls.TLSSocket, options: ListenOptions) {
    super(memory, client, options);
    this.certificate = certificateOf(client);
  }
}

/** Listens with options.tls. Rejects with a SystemError. */
export async function listenTls(
  memory: MemoryView, options: ListenOptions, accept: (socket: Socket) => SocketHandler,
): Promise<Listener> {
  const { createServer } = await import("node:tls");
  let settings = options.tls as TlsSettings;
  const refuse = (client: tls.TLSSocket, reason: string) => {
    const remote = formatAddress(client.remoteAddress, client.remotePort);
    options.refused?.(reason, remote, formatAddress(client.localAddress, client.localPort));
    client.destroy();
  };
  const server = createServer({
    ...contextOf(settings), requestCert: settings.clients !== "no", rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS, noDelay: true,
  } as tls.TlsOptions);
  server.on("secureConnection", (client) => {
    client.on("error", () => undefined);
    const certificate = certificateOf(client);
    if (settings.clients === "yes" && certificate === undefined) {
      return refuse(client, "error:0A0000C7:SSL routines::peer did not return a certificate");
    }
    if (settings.clients !== "no" && certificate !== undefined && !client.authorized) {
      return refuse(client, "error:0A000086:SSL routines::certificate verify failed");
    }
    const socket = new TlsSocket(memory, client, options);
    socket.start(accept(socket));
  });
  server.on("tlsClientError", (error, client) => {
    const text = (error as Error & { reason?: string }).message;
    if (errorCode(error) === "ECONNRESET" || client === undefined) return;
    refuse(client, text);
  });
  const host = bindHost(options.host);
  const place = { host, port: options.port ?? 0, backlog: options.backlog, ipv6Only: host.includes(":") };
  return Object.assign(await listenAt(server, place), {
    setTls(next: TlsSettings): void {
      settings = next;
      server.setSecureContext(contextOf(next));
    },
  });
}

/** Connects to another server; the socket is usable from "secureConnect" on. The certificate's name may be any. */
export async function connectTls(host: string, port: number, settings: TlsSettings): Promise<tls.TLSSocket> {
  const { connect } = await import("node:tls");
  const socket = connect({ ...contextOf(settings), host, port, checkServerIdentity: () => undefined });
  return socket.setNoDelay(true);
}
