// command-table: what the host knows of each command, by id and by name.
//
// One table belongs to one server, because rename-command changes names. The facts are generated data that is parsed at
// the first question, so that a server which nobody asks starts without it. Not for running commands, and not what the
// core looks names up in: it has a table of its own, and whoever renames tells both.

import { CATEGORY_NAMES, CMD_READY, commandRows, GROUP_NAMES } from "../generated/commands.ts";
import type { CommandRow, KeySpec } from "../generated/commands.ts";

/** One command or subcommand. */
export interface Command {
  readonly id: number;
  /** Full name in lower case ("get", "client|list"); renaming does not change it. */
  readonly name: string;
  /** The last part of the name: "list". */
  readonly ownName: string;
  /** Container of a subcommand. */
  readonly parent?: Command;
  /** Subcommands that exist. */
  readonly subcommands: Command[];
  /** Number of arguments with the name; negative: at least that many. */
  readonly arity: number;
  /** CMD_ bits. */
  readonly flags: number;
  /** Access categories as bits, in the order of CATEGORY_NAMES. */
  readonly categories: number;
  readonly group: string;
  /** Positions of first and last key and their distance, as COMMAND INFO tells them; 0 where no position is fixed. */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly tips: readonly string[];
  readonly keySpecs: readonly KeySpec[];
  /** Name of the special way to find keys (get-keys.ts), "" when the key specs tell everything. */
  readonly getKeys: string;
}

/** Access categories of a command by name. */
export function categoryNames(command: Command): string[] {
  return CATEGORY_NAMES.filter((_, bit) => (command.categories & (1 << bit)) !== 0);
}

/** A row of the generated data as a command. */
function fromRow(row: CommandRow, byId: ReadonlyMap<number, Command>): Command {
  const [
    id, name, parentId, arity, flags, categories, group, firstKey, lastKey, keyStep, tips, keySpecs, getKeys,
  ] = row;
  return {
    id, name, ownName: name.slice(name.indexOf("|") + 1), parent: byId.get(parentId), subcommands: [], arity, flags,
    categories, group: GROUP_NAMES[group], firstKey, lastKey, keyStep, tips, keySpecs, getKeys,
  };
}

export class CommandTable {
  /** What rename() did, by command id, in that order: the core has to be told the same. */
  readonly renamed: [id: number, name: string][] = [];
  readonly #rows: readonly string[] | undefined;
  #byId?: Map<number, Command>;
  #byName = new Map<string, Command>();

  /** `rows` are JSON texts of CommandRow; tests pass other rows than this build's. */
  constructor(rows?: readonly string[]) {
    this.#rows = rows;
  }

  /** The command with this id, also one that does not exist yet. */
  byId(id: number): Command | undefined {
    return this.#commands().get(id);
  }

  /** Full name of a command, "" for an unknown id. */
  nameOf(id: number): string {
    return this.byId(id)?.name ?? "";
  }

  /** CMD_ bits of a command, 0 for an unknown id. */
  flagsOf(id: number): number {
    return this.byId(id)?.flags ?? 0;
  }

  /** The top-level commands that can be called, ordered by id. */
  all(): Command[] {
    this.#commands();
    return [...this.#byName.values()];
  }

  /** Every command and subcommand of Valkey, also those that this build does not run, ordered by id. */
  known(): Command[] {
    return [...this.#commands().values()].sort((a, b) => a.id - b.id);
  }

  /** Number of top-level commands that can be called. */
  get size(): number {
    this.#commands();
    return this.#byName.size;
  }

  /** The command that a request with these first two words means: a container's subcommand when there is a second. */
  find(name: string, subcommand?: string): Command | undefined {
    this.#commands();
    const command = this.#byName.get(name.toLowerCase());
    if (!command || subcommand === undefined || command.subcommands.length === 0) return command;
    const wanted = subcommand.toLowerCase();
    return command.subcommands.find((sub) => sub.ownName === wanted);
  }

  /** The command with this full name, as COMMAND INFO takes it ("client|list"). */
  findByFullName(fullName: string): Command | undefined {
    const [name, subcommand, more] = fullName.split("|");
    const command = this.find(name, subcommand);
    return more !== undefined || (subcommand !== undefined && command?.parent === undefined) ? undefined : command;
  }

  /** Gives a top-level command another name, "" for none. False when the new name is taken or the old one unknown. */
  rename(from: string, to: string): boolean {
    const command = this.find(from);
    if (!command) return false;
    const name = to.toLowerCase();
    if (name !== "" && this.#byName.has(name)) return false;
    this.#byName.delete(from.toLowerCase());
    if (name !== "") this.#byName.set(name, command);
    this.renamed.push([command.id, name]);
    return true;
  }

  /** The same for a line of a configuration file. Returns the error's text. */
  renameForFile(from: string, to: string): string | undefined {
    if (this.rename(from, to)) return undefined;
    const name = from.toLowerCase();
    if (this.find(name)) return "Target command name already exists";
    // A command that has no handler yet can't be called under any name.
    const isKnown = [...this.#commands().values()].some((command) => !command.parent && command.name === name);
    return isKnown ? undefined : "No such command in rename-command";
  }

  /** Every command by id; parses the generated data when it is first needed. */
  #commands(): Map<number, Command> {
    if (this.#byId) return this.#byId;
    const byId = new Map<number, Command>();
    const rows = (this.#rows ?? commandRows()).map((text) => JSON.parse(text) as CommandRow);
    for (const row of rows) if (row[2] === 0) byId.set(row[0], fromRow(row, byId));
    for (const row of rows) if (row[2] !== 0) byId.set(row[0], fromRow(row, byId));
    for (const command of byId.values()) {
      if ((command.flags & CMD_READY) === 0) continue;
      if (command.parent) command.parent.subcommands.push(command);
      else this.#byName.set(command.name, command);
    }
    this.#byId = byId;
    return byId;
  }
}
