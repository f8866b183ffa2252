// Brings the real servers that Wakey is compared with (Valkey, Redis) and Valkey's own suite onto a Debian machine.
//   node tools/peers.mjs install        fetch what is missing; prints the folder with the programs
//   node tools/peers.mjs status         says what is there
//   node tools/peers.mjs run TOOL ...   runs one program: valkey-cli, valkey-benchmark, redis-server, ...
//
// Nothing on the system changes: packages of Debian's sid are downloaded with apt under $PEERS_HOME (default
// ~/.cache/peers) and unpacked beside each other, with the C library they were built for, and each program gets a small
// wrapper that starts it with that library. Elsewhere than on Debian this says so and ends with code 3.
//
//   $PEERS_HOME/bin/          wrappers: valkey-server, valkey-cli, redis-server, tclsh (where there is none), ...
//   $PEERS_HOME/root/         the unpacked packages
//   $PEERS_HOME/src/valkey/   Valkey's source tree; its tests/ is the public conformance suite
//   $PEERS_HOME/apt/ debs/    apt's lists and the downloaded packages
//   $PEERS_HOME/tls/          Tcl's package for TLS, and certificates that the suite's own script makes
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";

const peersHome = process.env.PEERS_HOME ?? `${homedir()}/.cache/peers`;

/** Valkey's own suite: the folder that holds its tests. */
export const suiteFolder = `${peersHome}/src/valkey`;

const PACKAGES = [
  "valkey-server", "valkey-tools", "redis-server", "redis-tools",
  // what they are linked with
  "libc6", "libssl3t64", "libjemalloc2", "liblzf1", "libsystemd0", "libstdc++6", "libgcc-s1", "libatomic1", "libcap2",
  "zlib1g", "libzstd1", "libcrypt1",
];
const TCL_PACKAGES = ["tcl8.6", "libtcl8.6"];

/** Thrown where the real servers can't be had; the message is the reason to print beside a skip. */
export class PeersUnavailable extends Error {}

/** Path of a program of the real servers, or undefined when it isn't installed. */
export function peer(name) {
  const path = `${peersHome}/bin/${name}`;
  return existsSync(path) ? path : undefined;
}

/** Path of tclsh: the machine's or ours. */
export function tclsh() {
  const found = spawnSync("which", ["tclsh"], { encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : peer("tclsh");
}

// --- Installing ---

/** Runs a program; ends with PeersUnavailable when it fails. */
function must(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (done.status === 0) return done.stdout;
  const why = done.error?.message ?? done.stderr.trim().split("\n").slice(-3).join("; ");
  throw new PeersUnavailable(`${command} ${args.at(-1)} failed: ${why}`);
}

/** The Debian mirror that this machine's own apt uses. */
function mirror() {
  const places = [
    ["/etc/apt/sources.list.d/debian.sources", /^URIs:\s*(\S+)/m],
    ["/etc/apt/sources.list", /^deb\s+(?:\[.*?\]\s+)?(\S+)/m],
  ];
  for (const [file, pattern] of places) {
    const address = existsSync(file) && pattern.exec(readFileSync(file, "utf8"))?.[1];
    if (address) return address;
  }
  throw new PeersUnavailable("the real servers come from Debian packages and this machine has no Debian sources");
}

/** Options that keep apt inside our own folder, and a sources list for sid from the machine's mirror. */
function aptOptions() {
  const address = mirror();
  for (const folder of ["apt/lists/partial", "apt/cache/archives/partial", "debs", "root", "src/valkey", "bin"]) {
    mkdirSync(`${peersHome}/${folder}`, { recursive: true });
  }
  // An older Debian may lack the key that signs sid; nothing of this is installed on the system.
  const sources = ["deb", "deb-src"].map((kind) => `${kind} [trusted=yes] ${address} sid main\n`).join("");
  writeFileSync(`${peersHome}/apt/sources.list`, sources);
  return [
    `-oDir::Etc::sourcelist=${peersHome}/apt/sources.list`, "-oDir::Etc::sourceparts=/dev/null",
    `-oDir::State::Lists=${peersHome}/apt/lists`, `-oDir::Cache=${peersHome}/apt/cache`,
    "-oAPT::Sandbox::User=root", "-q",
  ];
}

/** The folder name of this machine's libraries (x86_64-linux-gnu) and its dynamic loader. */
function platform() {
  const byArch = {
    x64: ["x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"],
    arm64: ["aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"],
  }[process.arch];
  if (process.platform !== "linux" || !byArch) {
    throw new PeersUnavailable(`the real servers are fetched for Linux on x64 and arm64, not for this machine`);
  }
  return { libraries: byArch[0], loader: byArch[1] };
}

/** A program under bin/ that starts the unpacked one with the unpacked libraries. */
function writeWrapper(name, program, environment = "") {
  const { libraries, loader } = platform();
  const usr = `${peersHome}/root/usr`;
  const start = existsSync(`${usr}/${loader}`) ? `${usr}/${loader}` : `${peersHome}/root/${loader}`;
  const command = `exec -a "${name}" "${start}" --library-path "${usr}/lib/${libraries}" "${usr}/bin/${program}" "$@"`;
  writeFileSync(`${peersHome}/bin/${name}`, `#!/bin/bash\n${environment}${command}\n`);
  chmodSync(`${peersHome}/bin/${name}`, 0o755);
}

/** Fetches and unpacks what is missing. Throws PeersUnavailable, with the reason, where that can't be done. */
export function installPeers() {
  const complete = ["valkey-server", "valkey-cli", "valkey-benchmark", "redis-server"].every(peer)
    && existsSync(`${suiteFolder}/tests/test_helper.tcl`) && tclsh() !== undefined;
  if (complete) return;
  platform();
  const apt = aptOptions();
  must("apt-get", [...apt, "update"]);
  const withTcl = tclsh() === undefined;
  must("apt-get", [...apt, "download", ...PACKAGES, ...(withTcl ? TCL_PACKAGES : [])], `${peersHome}/debs`);
  for (const deb of readdirSync(`${peersHome}/debs`).filter((file) => file.endsWith(".deb"))) {
    must("dpkg", ["-x", deb, `${peersHome}/root`], `${peersHome}/debs`);
  }
  for (const program of readdirSync(`${peersHome}/root/usr/bin`)) {
    if (/^(valkey|redis)-/.test(program)) writeWrapper(program, program);
  }
  if (withTcl) {
    writeWrapper("tclsh", "tclsh8.6", `export TCL_LIBRARY="${peersHome}/root/usr/share/tcltk/tcl8.6"\n`);
  }
  must("apt-get", [...apt, "source", "--download-only", "valkey"], `${peersHome}/src`);
  const archive = readdirSync(`${peersHome}/src`).find((file) => /^valkey_.*\.orig\.tar\.gz$/.test(file));
  if (!archive) throw new PeersUnavailable("valkey's source package holds no .orig.tar.gz");
  must("tar", ["xzf", archive, "-C", "valkey", "--strip-components=1"], `${peersHome}/src`);
}

// --- TLS for the suite ---

const CERTIFICATE_DAYS = 300; // they are made for 365

/** The folder where Tcl finds its package for TLS. */
export function tclTlsFolder() {
  return `${peersHome}/tls/usr/lib/tcltk/${platform().libraries}`;
}

/** The folder with the certificates of the suite's TLS mode. */
export function testCertificates() {
  return `${peersHome}/tls/tests/tls`;
}

/**
 * Fetches Tcl's package for TLS, of the same Debian release as the machine's tclsh, and makes certificates by the
 * suite's script. Gives the reason where that can't be done.
 */
export function installTls() {
  try {
    fetchTls();
  } catch (error) {
    if (!(error instanceof PeersUnavailable)) throw error;
    return error.message;
  }
}

function fetchTls() {
  const folder = `${peersHome}/tls`;
  mkdirSync(`${folder}/apt/lists/partial`, { recursive: true });
  mkdirSync(`${folder}/tests/tls`, { recursive: true });
  if (!existsSync(tclTlsFolder())) {
    const apt = [`-oDir::State::Lists=${folder}/apt/lists`, "-oAPT::Sandbox::User=root", "-q"];
    must("apt-get", [...apt, "update"]);
    must("apt-get", [...apt, "download", "tcl-tls"], folder);
    const archive = readdirSync(folder).find((file) => /^tcl-tls_.*\.deb$/.test(file));
    must("dpkg", ["-x", archive, folder], folder);
  }
  const input = "puts [catch {package require tls} why]\nputs $why";
  const env = { ...process.env, TCLLIBPATH: tclTlsFolder() };
  const [failed, why] = spawnSync(tclsh(), [], { input, env, encoding: "utf8" }).stdout.split("\n");
  if (failed !== "0") throw new PeersUnavailable(`tclsh can't load its package for TLS: ${why}`);
  const certificate = `${testCertificates()}/server.crt`;
  const made = existsSync(certificate) ? statSync(certificate).mtimeMs : 0;
  if (Date.now() - made < CERTIFICATE_DAYS * 86_400_000) return;
  // A known group spares the script the minute that making one takes.
  const group = ["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"];
  must("openssl", [...group, "-out", `${testCertificates()}/valkey.dh`]);
  must("bash", [`${suiteFolder}/utils/gen-test-certs.sh`], folder);
}

// --- Command line ---

function main([command, ...rest]) {
  if (command === "install") {
    installPeers();
    const withoutTls = installTls();
    if (withoutTls) console.log(`the suite can't be run over TLS: ${withoutTls}`);
    console.log(`${peersHome}/bin`);
    return 0;
  }
  if (command === "status") {
    for (const name of ["valkey-server", "valkey-cli", "valkey-benchmark", "redis-server"]) {
      console.log(`${name.padEnd(20)} ${peer(name) ?? "absent"}`);
    }
    console.log(`${"tclsh".padEnd(20)} ${tclsh() ?? "absent"}`);
    console.log(`${"valkey's suite".padEnd(20)} ${existsSync(`${suiteFolder}/tests`) ? suiteFolder : "absent"}`);
    return 0;
  }
  if (command === "run" && rest.length > 0) {
    const program = peer(rest[0]);
    if (!program) throw new PeersUnavailable(`${rest[0]} is not installed`);
    return spawnSync(program, rest.slice(1), { stdio: "inherit" }).status ?? 1;
  }
  console.error("usage: node tools/peers.mjs install | status | run TOOL [ARG ...]");
  return 2;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof PeersUnavailable)) throw error;
    console.error(`peers: skipped: ${error.message}`);
    process.exitCode = 3;
  }
}
