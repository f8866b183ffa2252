// function-store.ts - the libraries of functions and their functions by name.
//
// Names of functions are the same in upper and lower case, those of libraries are not, as in Valkey. Not for running
// anything: who makes a store says how a library's code becomes functions.

import { lower } from "../config/text.ts";
import type { RegisteredFunction } from "./api.ts";
import { isName, readLibraryHead } from "./shebang.ts";

export interface Library {
  readonly name: string;
  /** All of its text. */
  readonly text: string;
  readonly functions: readonly RegisteredFunction[];
}

/** Runs a library's code: the functions that it registers, or the text of an error. */
export type LoadCode = (code: string) => RegisteredFunction[] | string;
/** Told of a function that comes, or that goes (flags undefined). */
export type NoteFunction = (name: string, flags: number | undefined) => void;

const BAD_NAME = "Function names can only contain letters, numbers, or underscores(_) and must be at least one " +
  "character long";

export class FunctionStore {
  readonly libraries = new Map<string, Library>();
  readonly #functions = new Map<string, RegisteredFunction>();
  readonly #note: NoteFunction;

  constructor(note: NoteFunction) {
    this.#note = note;
  }

  get functionCount(): number {
    return this.#functions.size;
  }

  /** Bytes of texts and names. */
  get bytes(): number {
    let total = 0;
    for (const { name, text, functions } of this.libraries.values()) {
      total += name.length + text.length;
      for (const each of functions) total += each.name.length + (each.description?.length ?? 0);
    }
    return total;
  }

  find(name: string): RegisteredFunction | undefined {
    return this.#functions.get(name) ?? this.#functions.get(lower(name));
  }

  // --- Coming and going ---

  #link(library: Library): void {
    this.libraries.set(library.name, library);
    for (const each of library.functions) {
      const name = lower(each.name);
      if (this.#functions.has(name)) continue;
      this.#functions.set(name, each);
      this.#note(name, each.flags);
    }
  }

  #unlink(library: Library): void {
    this.libraries.delete(library.name);
    for (const each of library.functions) {
      if (this.#functions.get(lower(each.name)) !== each) continue;
      this.#functions.delete(lower(each.name));
      this.#note(lower(each.name), undefined);
    }
  }

  /** FUNCTION DELETE. False when there is no such library. */
  remove(name: string): boolean {
    const library = this.libraries.get(name);
    if (library !== undefined) this.#unlink(library);
    return library !== undefined;
  }

  clear(): void {
    for (const library of [...this.libraries.values()]) this.#unlink(library);
  }

  // --- Loading ---

  /** Adds a library from its text. The library's name, or an object with the text of an error. */
  load(text: string, replace: boolean, run: LoadCode): string | { error: string } {
    const head = readLibraryHead(text);
    if (typeof head === "string") return { error: head };
    const old = this.libraries.get(head.name);
    if (old !== undefined && !replace) return { error: `Library '${head.name}' already exists` };
    const functions = run(head.code);
    if (typeof functions === "string") return { error: functions };
    const problem = this.#problemWith(functions, old);
    if (problem !== undefined) return { error: problem };
    if (old !== undefined) this.#unlink(old);
    this.#link({ name: head.name, text, functions });
    return head.name;
  }

  /** What is wrong with the functions of a library that comes in place of another one. */
  #problemWith(functions: readonly RegisteredFunction[], old: Library | undefined): string | undefined {
    const names = new Set<string>();
    for (const { name } of functions) {
      if (!isName(name)) return BAD_NAME;
      if (names.has(name)) return "Function already exists in the library";
      names.add(name);
    }
    if (names.size === 0) return "No functions registered";
    const clash = functions.find(({ name }) => {
      const other = this.#functions.get(lower(name));
      return other !== undefined && old?.functions.includes(other) !== true;
    });
    return clash === undefined ? undefined : `Function ${clash.name} already exists`;
  }

  /** Takes all libraries of another store over, all or none. Returns the text of an error. */
  join(other: FunctionStore, replace: boolean): string | undefined {
    const gone: Library[] = [];
    for (const name of other.libraries.keys()) {
      const old = this.libraries.get(name);
      if (old === undefined) continue;
      if (!replace) return `Library ${name} already exists`;
      gone.push(old);
    }
    for (const { name } of other.#functions.values()) {
      const present = this.#functions.get(lower(name));
      if (present !== undefined && !gone.some((library) => library.functions.includes(present))) {
        return `Function ${name} already exists`;
      }
    }
    for (const library of gone) this.#unlink(library);
    for (const library of other.libraries.values()) this.#link(library);
    return undefined;
  }
}
