// memory-section.ts - INFO's Memory section.

import { WAKEY_VERSION } from "../config/version.ts";
import { ROOT } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { bytesToHuman } from "./format.ts";
import { memoryFacts } from "./memory-facts.ts";

/** A number of bytes, and the same for people. */
function withHuman(name: string, bytes: number): string[] {
  return [`${name}:${bytes}`, `${name}_human:${bytesToHuman(bytes)}`];
}

/** What scripts and functions take; what Lua itself takes belongs to the runtime, and is estimated. */
function scriptLines({ scripts }: Server): string[] {
  const facts = scripts.memory();
  return [
    `used_memory_lua:${facts.evalWorld}`, `used_memory_vm_eval:${facts.evalWorld}`,
    `used_memory_lua_human:${bytesToHuman(facts.evalWorld)}`, `used_memory_scripts_eval:${facts.scripts}`,
    `number_of_cached_scripts:${scripts.cache.size}`, `number_of_functions:${scripts.functions.functionCount}`,
    `number_of_libraries:${scripts.functions.libraries.size}`, `used_memory_vm_functions:${facts.functionWorld}`,
    ...withHuman("used_memory_vm_total", facts.evalWorld + facts.functionWorld),
    `used_memory_functions:${facts.functions}`, ...withHuman("used_memory_scripts", facts.scripts + facts.functions),
  ];
}

/** Memory */
export function memorySection(server: Server): string[] {
  const { config, core, port } = server;
  const facts = memoryFacts(server);
  return [
    ...withHuman("used_memory", facts.used),
    ...withHuman("used_memory_rss", facts.rss),
    ...withHuman("used_memory_peak", facts.peak),
    `used_memory_peak_perc:${facts.peakPercent.toFixed(2)}%`,
    `used_memory_overhead:${facts.overhead}`,
    `used_memory_startup:${facts.startup}`,
    `used_memory_dataset:${facts.dataset}`,
    `used_memory_dataset_perc:${facts.datasetPercent.toFixed(2)}%`,
    `allocator_allocated:${facts.used}`,
    `allocator_active:${facts.active}`,
    `allocator_resident:${facts.active}`,
    "allocator_muzzy:0",
    ...withHuman("total_system_memory", port.totalMemory()),
    ...scriptLines(server),
    ...withHuman("maxmemory", config.number("maxmemory")),
    `maxmemory_policy:${config.text("maxmemory-policy")}`,
    `allocator_frag_ratio:${facts.allocatorFragmentationRatio.toFixed(2)}`,
    `allocator_frag_bytes:${facts.allocatorFragmentationBytes}`,
    "allocator_rss_ratio:1.00",
    "allocator_rss_bytes:0",
    `rss_overhead_ratio:${facts.rssOverheadRatio.toFixed(2)}`,
    `rss_overhead_bytes:${facts.rssOverheadBytes}`,
    `mem_fragmentation_ratio:${facts.fragmentationRatio.toFixed(2)}`,
    `mem_fragmentation_bytes:${facts.fragmentationBytes}`,
    "mem_not_counted_for_evict:0",
    "mem_replication_backlog:0",
    "mem_total_replication_buffers:0",
    "mem_replicas_repl_buffer:0",
    "mem_clients_slaves:0",
    `mem_clients_normal:${facts.clients}`,
    "mem_cluster_links:0",
    "mem_cluster_slot_import:0",
    "mem_cluster_slot_export:0",
    "mem_aof_buffer:0",
    `mem_allocator:wakey-${WAKEY_VERSION}`,
    `mem_overhead_db_hashtable_rehashing:${facts.rehashing}`,
    "active_defrag_running:0",
    `lazyfree_pending_objects:${core.root32(ROOT.lazyPending)}`,
    `lazyfreed_objects:${core.root64(ROOT.lazyFreed)}`,
  ];
}
