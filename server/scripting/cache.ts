// cache.ts - the scripts that EVAL and SCRIPT LOAD have brought, by their SHA-1.
//
//   byText   script's text ──► Script      what EVAL looks up: no hash is computed for a script that is known
//   bySha    SHA-1 in hex  ──► Script      what EVALSHA looks up
//   recent   those of EVAL, the one that was used longest ago first; above 500 that one goes
//
// Scripts of SCRIPT LOAD stay until SCRIPT FLUSH. Not for compiling (engine.ts).

import type { Closure } from "./lua/function.ts";

/** As many scripts of EVAL as Valkey keeps. */
const MOST_RECENT = 500;

export interface Script {
  readonly sha: string;
  readonly text: string;
  readonly flags: number;
  readonly body: Closure;
  /** False for one of SCRIPT LOAD. */
  mayGo: boolean;
}

export class ScriptCache {
  readonly #byText = new Map<string, Script>();
  readonly #bySha = new Map<string, Script>();
  readonly #recent = new Set<Script>();
  #last: Script | undefined;
  /** How many went because there were too many. */
  evicted = 0;
  /** Bytes of texts and names. */
  bytes = 0;
  /** Told of a script that comes or goes. */
  readonly #changed: (sha: string, flags: number | undefined) => void;

  constructor(changed: (sha: string, flags: number | undefined) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#bySha.size;
  }

  find(text: string): Script | undefined {
    return this.#byText.get(text);
  }

  findSha(sha: string): Script | undefined {
    return this.#bySha.get(sha);
  }

  /** All of them. */
  scripts(): Iterable<Script> {
    return this.#bySha.values();
  }

  add(script: Script): void {
    if (script.mayGo) this.#makeRoom();
    this.#byText.set(script.text, script);
    this.#bySha.set(script.sha, script);
    this.bytes += script.text.length + script.sha.length;
    if (script.mayGo) this.#recent.add(script);
    this.#changed(script.sha, script.flags);
  }

  #makeRoom(): void {
    while (this.#recent.size >= MOST_RECENT) {
      const [oldest] = this.#recent;
      this.#recent.delete(oldest);
      this.#byText.delete(oldest.text);
      this.#bySha.delete(oldest.sha);
      this.bytes -= oldest.text.length + oldest.sha.length;
      this.evicted++;
      this.#changed(oldest.sha, undefined);
    }
  }

  /** SCRIPT LOAD of a script that is known. */
  keep(script: Script): void {
    script.mayGo = false;
    this.#recent.delete(script);
  }

  /** A script ran: it becomes the last to go. */
  touch(script: Script): void {
    if (script === this.#last) return;
    this.#last = script;
    if (!script.mayGo || !this.#recent.delete(script)) return;
    this.#recent.add(script);
  }

  clear(): void {
    for (const sha of this.#bySha.keys()) this.#changed(sha, undefined);
    this.#byText.clear();
    this.#bySha.clear();
    this.#recent.clear();
    this.#last = undefined;
    this.bytes = 0;
  }
}
