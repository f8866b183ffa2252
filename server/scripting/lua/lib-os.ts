// lib-os.ts - the library `os`: a sandboxed script has its clock only.

import { library } from "./library.ts";
import type { Table } from "./table.ts";

/** Makes the library `os`; `clock` gives the seconds that the process has computed. */
export function osLibrary(clock: () => number): Table {
  return library({ clock: () => clock() });
}
