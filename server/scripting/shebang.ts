// shebang.ts - the first line of a script or library: which engine runs it, what it is called, what it may do.
//
//   #!lua flags=no-writes,allow-stale          a script's: without one it has no flags and runs as scripts always did
//   #!lua name=mylib                           a library's, which has to have one
//
// Not for what flags mean: engine.ts.

import { splitArguments } from "../config/syntax.ts";
import { cString, sameIgnoringCase } from "../config/text.ts";
import { SCRIPT_FLAG } from "../generated/layout.ts";

/** The flags that scripts and functions can have, in the order in which FUNCTION LIST shows them. */
export const SCRIPT_FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ["no-writes", SCRIPT_FLAG.NO_WRITES],
  ["allow-oom", SCRIPT_FLAG.ALLOW_OOM],
  ["allow-stale", SCRIPT_FLAG.ALLOW_STALE],
  ["no-cluster", SCRIPT_FLAG.NO_CLUSTER],
  ["allow-cross-slot-keys", SCRIPT_FLAG.ALLOW_CROSS_SLOT],
];

/** What a script's first line says. `code`: what is compiled; its line numbers are those of the whole. */
export interface ScriptHead {
  flags: number;
  code: string;
}

interface LibraryHead {
  name: string;
  code: string;
}

const isEngine = (name: string): boolean => sameIgnoringCase(name, "lua");

/** The first line without its end; undefined when the text has no second line. */
function firstLine(text: string): string | undefined {
  const end = cString(text).indexOf("\n");
  return end < 0 ? undefined : text.slice(0, end);
}

/** The bits that a list of flags names, or the first that there is not. */
function readFlags(list: string): number | string {
  let bits = 0;
  if (list === "") return bits;
  for (const name of list.split(",")) {
    const known = SCRIPT_FLAGS.find(([each]) => each === name);
    if (known === undefined) return name;
    bits |= known[1];
  }
  return bits;
}

/** Reads the head of a script; the text of an error when it is wrong. */
export function readScriptHead(text: string): ScriptHead | string {
  if (!text.startsWith("#!")) return { flags: SCRIPT_FLAG.COMPATIBLE, code: text };
  const line = firstLine(text);
  if (line === undefined) return "Invalid script shebang";
  const parts = splitArguments(line);
  if (parts === undefined || parts.length === 0 || parts[0].length < 2) return "Invalid engine in script shebang";
  let flags = 0;
  for (const part of parts.slice(1)) {
    if (!part.startsWith("flags=")) return `Unknown lua shebang option: ${part}`;
    const bits = readFlags(part.slice("flags=".length));
    if (typeof bits === "string") return `Unexpected flag in script shebang: ${bits}`;
    flags |= bits;
  }
  const engine = parts[0].slice(2);
  return isEngine(engine) ? { flags, code: text.slice(line.length) } : `Could not find scripting engine '${engine}'`;
}

/** Names of libraries and functions: letters, digits and underscores. */
export const isName = (name: string): boolean => /^[A-Za-z0-9_]+$/.test(name);

/** Reads the head of a library; the text of an error when it is wrong. */
export function readLibraryHead(text: string): LibraryHead | string {
  if (!text.startsWith("#!")) return "Missing library metadata";
  const line = firstLine(text);
  const parts = line === undefined ? undefined : splitArguments(line);
  if (line === undefined || parts === undefined || parts.length === 0) return "Invalid library metadata";
  let name: string | undefined;
  for (const part of parts.slice(1)) {
    if (!/^name=/i.test(part)) return `Invalid metadata value given: ${part}`;
    if (name !== undefined) return "Invalid metadata value, name argument was given multiple times";
    name = part.slice("name=".length);
  }
  if (name === undefined) return "Library name was not given";
  if (!isName(name)) {
    return "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
  }
  const engine = parts[0].slice(2);
  return isEngine(engine) ? { name, code: text.slice(line.length) } : `Engine '${engine}' not found`;
}
