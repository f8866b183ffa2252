// libraries.ts - gives a machine's globals the libraries of a Valkey script.
//
// base and coroutine are the machine's own, `server` and `redis` the engine's.

import { bitLibrary } from "./lib-bit.ts";
import { cjsonLibrary } from "./lib-cjson.ts";
import { cmsgpackLibrary } from "./lib-cmsgpack.ts";
import { mathLibrary, type RandomNumbers } from "./lib-math.ts";
import { osLibrary } from "./lib-os.ts";
import { stringLibrary } from "./lib-string.ts";
import { structLibrary } from "./lib-struct.ts";
import { tableLibrary } from "./lib-table.ts";
import { setFields } from "./library.ts";
import { Table } from "./table.ts";

/** What the libraries need from outside. */
export interface LibraryOptions {
  /** Seconds that the process has computed: os.clock. */
  clock(): number;
  /** The random numbers of the server: all machines share them. */
  readonly random: RandomNumbers;
}

/** Puts the libraries into a machine's globals; returns the metatable of strings. */
export function openLibraries(globals: Table, { clock, random }: LibraryOptions): Table {
  const string = stringLibrary();
  setFields(globals, {
    string,
    table: tableLibrary(),
    math: mathLibrary(random),
    os: osLibrary(clock),
    cjson: cjsonLibrary(),
    struct: structLibrary(),
    cmsgpack: cmsgpackLibrary(),
    bit: bitLibrary(),
  });
  const metatable = new Table();
  metatable.set("__index", string);
  return metatable;
}
