// Runs one unit of Valkey's own test suite against the servers in a folder, and reads what it printed.
//
// The suite (Tcl) wants its own layout: a folder with tests/ and, beside it, the programs under test. Each run gets a
// fresh work folder with a copy of tests/ and a bin/ of links: the programs of the folder under test and, for those
// that it lacks (valkey-cli, valkey-benchmark, ...), the real ones. Tests tagged large-memory, those that want another
// server's binary and, unless they are asked for, those tagged slow are left out; so the counts are comparable with
// conformance/ratchet.tsv.
//
// A unit's name with ":tls" behind it stands for the unit run over TLS (the suite's option --tls).
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { runLimited } from "../support.mjs";
import { peer, suiteFolder, tclsh, tclTlsFolder, testCertificates } from "../peers.mjs";

const LEFT_OUT = "-large-memory -needs:other-server";
const BORROWED = ["valkey-cli", "valkey-benchmark", "valkey-check-aof", "valkey-check-rdb", "valkey-sentinel"];
const PORTS_PER_UNIT = 700;
const ANSI_COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** A unit's file and whether it is run over TLS: "unit/type/string:tls" → { file: "unit/type/string", tls: true }. */
export function unitVariant(unit) {
  const [file, variant] = unit.split(":");
  if (variant !== undefined && variant !== "tls") throw new Error(`no such variant of a unit: ${unit}`);
  return { file, tls: variant === "tls" };
}

/** All units of the suite that stand alone: unit/type/string, integration/rdb, ... */
export function allUnits() {
  return ["unit", "unit/type", "unit/cluster", "integration"].flatMap((folder) =>
    readdirSync(`${suiteFolder}/tests/${folder}`).filter((file) => file.endsWith(".tcl")).sort()
      .map((file) => `${folder}/${file.slice(0, -".tcl".length)}`)
  );
}

/** A work folder in the layout that the suite wants. */
function workFolder(bin) {
  const work = mkdtempSync(`${tmpdir()}/wakey-suite-`);
  for (const folder of ["bin", "src"]) mkdirSync(`${work}/${folder}`);
  const programs = new Map();
  for (const name of BORROWED) {
    const real = peer(name) ?? (name === "valkey-sentinel" ? peer("valkey-server") : undefined);
    if (real) programs.set(name, real);
  }
  for (const name of readdirSync(bin)) programs.set(name, realpathSync(`${bin}/${name}`));
  for (const [name, target] of programs) symlinkSync(target, `${work}/bin/${name}`);
  cpSync(`${suiteFolder}/tests`, `${work}/tests`, { recursive: true });
  mkdirSync(`${work}/tests/tmp`, { recursive: true });
  cpSync(`${suiteFolder}/src/version.h`, `${work}/src/version.h`);
  mendHarness(`${work}/tests/support/server.tcl`);
  return work;
}

// Where start_server of the suite, told by --durable to go on, has noted an error of the code between two tests.
const AFTER_ERROR = `send_data_packet $::test_server_fd err [join $details "\\n"]
            } else {
                # Restore state before re-raising`;

/**
 * Lets the rest of a unit run after an error between two tests, and lets an error inside of one fail it.
 * The suite's start_server takes the server that the error concerns from its stack, ends it, and then, with --durable,
 * does both once more: to the server around it, whose tests can't run any more. An assertion between two tests ends
 * the whole unit even with --durable. And a test whose start_server had an error counts as passed with --durable.
 */
function mendHarness(path) {
  const source = readFileSync(path, "utf8");
  const mended = source
    .replace(AFTER_ERROR, AFTER_ERROR.replace("} else", `  set ::singledb $old_singledb
                set ::tags [lrange $::tags 0 end-[llength $tags]]
                return ""
            } else`))
    .replace("if {!$assertion && !$skip && $::durable}", "if {!$skip && $::durable && $::cur_test eq {}}");
  if (mended.length <= source.length) throw new Error(`the suite's ${path} is not the one that is known`);
  writeFileSync(path, mended);
}

/**
 * The rows of a run's output: { state: "ok" | "err" | "skip", name } in the order they came.
 * Names that come again get " (2)", " (3)", ... so that each row has a name of its own.
 */
function readRows(output) {
  const seen = new Map();
  const rows = [];
  for (const line of output.replace(ANSI_COLOUR, "").split("\n")) {
    const match = /^\[(ok|err|exception|timeout|ignore|skip)\]: (.*)$/.exec(line);
    if (!match) continue;
    const state = match[1] === "ok" ? "ok" : /^(ignore|skip)$/.test(match[1]) ? "skip" : "err";
    const plain = state === "ok" ? match[2].replace(/ \(\d+ ms\)$/, "") : match[2];
    const key = `${state} ${plain}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    rows.push({ state, name: numbered(plain, seen.get(key)) });
  }
  return rows;
}

/**
 * Why tests of a run failed, as far as it is a command that the server doesn't know: test name → command, and under ""
 * the command at which the unit stopped outside of any test (its later tests then have no server).
 */
export function unknownCommands(output) {
  const found = new Map();
  const lines = output.replace(ANSI_COLOUR, "").split("\n");
  lines.forEach((line, at) => {
    const failed = /^\[(?:err|exception)\]: (.*)$/.exec(line);
    if (!failed) return;
    const test = /^(.*) in tests\/\S+\.tcl$/.exec(failed[1]);
    // The suite prints the error without its first bytes, so "unknown" may be cut.
    const command = /n command '([^' ]+)'/.exec(`${failed[1]}\n${lines[at + 1] ?? ""}`)?.[1].toLowerCase();
    const noServer = (lines[at + 1] ?? "").includes("not known in dictionary");
    if (test && command) found.set(test[1], command);
    else if (test && noServer) found.set(test[1], found.get("") ?? "");
    else if (command && !found.has("")) found.set("", command);
  });
  return found;
}

/** The name of the n-th test that is called `plain`. */
function numbered(plain, n) {
  return n === 1 ? plain : `${plain} (${n})`;
}

/** What a unit over TLS needs: certificates in its work folder, and Tcl's package for TLS. */
function prepareTls(work) {
  cpSync(testCertificates(), `${work}/tests/tls`, { recursive: true });
  return { TCLLIBPATH: tclTlsFolder() };
}

/**
 * Runs one unit without the tests named in `skip` and those with one of `tags`; `slow` asks for its slow tests.
 * `slot` keeps the ports of units that run side by side apart.
 * Gives { rows, state: "done" | "died" | "hung", output, elapsed }.
 */
export async function runUnit(unit, { bin, slot, seconds, tags = "", slow = false, skip = [] }) {
  const { file, tls } = unitVariant(unit);
  const leftOut = `${LEFT_OUT} ${slow ? "" : "-slow"} ${tags}`.trim();
  let result;
  for (let attempt = 0; attempt < 3; attempt++) {
    const work = workFolder(bin);
    const base = 12000 + ((process.pid + slot * 3 + attempt) % 18) * 1000;
    const args = [
      "tests/test_helper.tcl", "--single", file, "--durable", "--clients", "1", "--baseport", `${base}`,
      "--portcount", `${PORTS_PER_UNIT}`, "--tags", leftOut, ...(tls ? ["--tls"] : []),
      ...skip.flatMap((name) => ["--skiptest", name]),
    ];
    const env = { VALKEY_BIN_DIR: `${work}/bin`, ...(tls ? prepareTls(work) : {}) };
    const run = await runLimited(tclsh(), args, { seconds, cwd: work, env });
    rmSync(work, { recursive: true, force: true, maxRetries: 3 });
    const ended = /All tests passed without errors|The following tests failed/.test(run.output);
    const state = run.timedOut ? "hung" : ended ? "done" : "died";
    result = { rows: readRows(run.output), state, output: run.output, elapsed: run.elapsed };
    // Another program may have taken a port in the meantime.
    if (!run.output.includes("couldn't open socket: address already in use")) break;
  }
  return result;
}

/** The Tcl source of a unit, or an empty string. */
export function unitSource(unit) {
  const path = `${suiteFolder}/tests/${unitVariant(unit).file}.tcl`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
