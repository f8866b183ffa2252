// directives: the table of all directives of Valkey 9.1 and Wakey's own, and the ways into it by name.
//
// Built once and shared by every server in the process: it is constant. Values are in Config (config.ts).

import type { AnyDirective } from "./directive.ts";
import { general, own } from "./directives/general.ts";
import { memory } from "./directives/memory.ts";
import { network } from "./directives/network.ts";
import { persistence } from "./directives/persistence.ts";
import { replication } from "./directives/replication.ts";

/** A name under which a directive can be used: its own or its alias. */
export interface Entry {
  readonly name: string;
  readonly isAlias: boolean;
  readonly directive: AnyDirective;
}

/** Every directive, in the order in which CONFIG REWRITE appends them. */
export const DIRECTIVES: readonly AnyDirective[] = [
  ...network, ...general, ...memory, ...persistence, ...replication, ...own,
];

/** Every name, sorted. */
export const ENTRIES: ReadonlyMap<string, Entry> = new Map(
  DIRECTIVES.flatMap((directive) => {
    const entry: Entry = { name: directive.name, isAlias: false, directive };
    return directive.alias === undefined ? [entry] : [entry, { name: directive.alias, isAlias: true, directive }];
  }).sort((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => [entry.name, entry]),
);

/** Directives of older versions that a file may still hold: accepted with one value, without effect. */
export const DEPRECATED: ReadonlySet<string> = new Set([
  "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands", "io-threads-do-reads",
  "dynamic-hz", "events-per-io-thread", "sanitize-dump-payload",
]);

/** Words that only a file or the command line can use; CONFIG REWRITE keeps their lines. */
export const FILE_ONLY: ReadonlySet<string> = new Set(["include", "rename-command", "user", "loadmodule", "sentinel"]);
