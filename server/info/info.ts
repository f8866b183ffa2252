// info.ts - INFO's text: which sections a request asks for, and each section's lines in Valkey's order.
//
//   INFO                      the default sections
//   INFO all | everything     all of them; "default" and names of sections can be mixed, in any case and order
//
// A section is a function from the server to its lines. Subsystems that do not exist show what a standalone server
// without them shows. Not for how a number is found: core root, stats/, memory-facts.ts.

import type { Server } from "../server.ts";
import { clientsSection, cpuSection, keyspaceSection, persistenceSection, replicationSection,
  serverSection } from "./sections.ts";
import { commandSection, debugSection, errorSection, latencySection, statsSection } from "./stats-sections.ts";
import { memorySection } from "./memory-section.ts";

type Lines = string[];

interface Section {
  readonly title: string;
  /** Names in a request, in lower case. */
  readonly names: readonly string[];
  readonly inDefault: boolean;
  /** False: only shown when asked for by name. */
  readonly inAll: boolean;
  lines(server: Server): Lines;
}

function section(title: string, names: string, where: "default" | "all" | "named", lines: Section["lines"]): Section {
  return { title, names: names.split(" "), inDefault: where === "default", inAll: where !== "named", lines };
}

/** The certificates in force. */
function tlsSection(server: Server): Lines {
  const { facts } = server.listeners.tls;
  return (["server", "client", "ca"] as const).flatMap((side) => {
    const one = facts[side];
    return [
      `tls_${side}_cert_serial:${one?.serial ?? "none"}`,
      `tls_${side}_cert_expires_in_seconds:${one ? Math.floor((one.endsMs - server.core.nowMs) / 1000) : 0}`,
    ];
  });
}

/** All sections in the order of the reply. */
const SECTIONS: readonly Section[] = [
  section("Server", "server", "default", serverSection),
  section("TLS", "tls", "all", tlsSection),
  section("Clients", "clients", "default", clientsSection),
  section("Memory", "memory", "default", memorySection),
  section("Persistence", "persistence", "default", persistenceSection),
  section("Stats", "stats", "default", statsSection),
  section("Replication", "replication", "default", replicationSection),
  section("CPU", "cpu", "default", cpuSection),
  section("Modules", "module_list modules", "default", () => []),
  section("Commandstats", "commandstats", "all", commandSection),
  section("Errorstats", "errorstats", "default", errorSection),
  section("Latencystats", "latencystats", "all", latencySection),
  section("Cluster", "cluster", "default", () => ["cluster_enabled:0"]),
  section("Cluster Info", "cluster_info", "all", () => []),
  section("Scripting Engines", "scriptingengines", "all", () => [
    "engines_count:0", "engines_total_used_memory:0", "engines_total_memory_overhead:0",
  ]),
  section("Keyspace", "keyspace", "default", keyspaceSection),
  section("Debug", "debug", "named", debugSection),
];

/** INFO's text for these arguments. */
export function infoText(server: Server, words: readonly string[]): string {
  const names = new Set(words.map((word) => word.toLowerCase()));
  const isAll = names.has("all") || names.has("everything");
  const isDefault = names.size === 0 || names.has("default");
  const parts: string[] = [];
  for (const { title, names: own, inDefault, inAll, lines } of SECTIONS) {
    const isAsked = (isAll && inAll) || (isDefault && inDefault) || own.some((name) => names.has(name));
    if (!isAsked) continue;
    parts.push([`# ${title}`, ...lines(server)].map((line) => line + "\r\n").join(""));
  }
  return parts.join("\r\n");
}
