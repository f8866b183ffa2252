// The soak (tests/soak/) in large: connections that do everything at once and are killed in the middle of it, against
// each contestant in turn. In small the real server takes part, which shows that the soak itself is right.
import { spawn } from "node:child_process";
import { root } from "../tools/support.mjs";
import { start } from "./support/servers.mjs";
import { results } from "./support/report.mjs";

const FILES_BESIDE = 200;
const CYCLE_SECONDS = 120;

/** Runs the soak in a Node process of its own; gives its report. */
function drive(server, numbers) {
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const program = [process.execPath, "--import", "tsx", `${root}bench/soak-client.ts`];
  const command = [...program, "--port", `${server.port}`, "--pid", `${server.pid}`, ...args];
  return new Promise((resolve, reject) => {
    const shell = ["-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh", ...command];
    const child = spawn("sh", shell, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (part) => (output += part));
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code !== 0) reject(new Error(`the soak ended with code ${code}`));
      else resolve(JSON.parse(output.trim().split("\n").at(-1)));
    });
  });
}

const mebi = (bytes) => (bytes / 1048576).toFixed(1);

/** Soaks one contestant after the other; throws when one of Wakey's has complaints. */
export async function soakAll(taking, { connections, seconds, seed }) {
  console.log(`\n## soak: ${connections} connections, ${seconds} s, seed ${seed}`);
  const cycles = Math.max(2, Math.round(seconds / CYCLE_SECONDS));
  let broken = 0;
  for (const contestant of taking) {
    const server = await start(contestant, ["--maxclients", `${connections + FILES_BESIDE}`]);
    try {
      const report = await drive(server, { connections, seconds, cycles, seed });
      const { name } = contestant;
      console.log(`  ${name.padEnd(24)} ${report.lives} lives, ${report.commands} commands, ${report.pushes} pushes`);
      console.log(`    died while: ${Object.entries(report.deaths).map((entry) => entry.join(" ")).join(", ")}`);
      const held = report.holdings.map(({ used, ...more }) =>
        [used, ...[more.active, more.rss, more.host].map(mebi)].join(" / "));
      console.log("    used_memory / MiB of pages in use / of RSS / of RSS beside linear memory, from the start on:");
      console.log(`    ${held.join("   ")}`);
      console.log(report.complaints.map((text) => `    WRONG: ${text}\n`).join("") || "    nothing wrong");
      if (contestant.runtime) broken += report.complaints.length;
      results.push({ what: "soak", name, ...report });
    } finally {
      await server.stop();
    }
  }
  if (broken > 0) throw new Error(`${broken} complaints`);
}
