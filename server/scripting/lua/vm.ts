// vm.ts - the machine.

import type { Table } from "./table.ts";

export class Machine {
  readonly globals: Table;

  constructor(globals: Table) {
    this.globals = globals;
  }
}
