// shutdown.ts - ending a server in order: by SHUTDOWN, by a signal, or by whoever embeds it.
//
//   SHUTDOWN ────────────────────────────► begin() ──► pid file, listeners, log ──► exit hook
//   SIGTERM, SIGINT ──► signal() ── next upkeep ──┘  └──► can't save: an error, the server goes on
//
// Nothing is written to disk yet: an implied save (save points are configured) is passed over with a warning, because
// refusing it would leave a server with default settings that only a kill can end; an explicit SAVE fails as a save
// that couldn't be done does in Valkey, unless FORCE is given. `saver` is where persistence connects.
// Not for leaving the process: main.ts sets `exit`.

import type { Server } from "./server.ts";

interface ShutdownFlags {
  save: boolean;
  nosave: boolean;
  now: boolean;
  force: boolean;
}

/** The flags of directives shutdown-on-sigint and shutdown-on-sigterm, or of a command's words. */
export function shutdownFlags(words: readonly string[]): ShutdownFlags {
  const has = (word: string) => words.includes(word);
  return { save: has("save"), nosave: has("nosave"), now: has("now"), force: has("force") };
}

export class Shutdown {
  /** Leaves the process; absent when a server runs inside another program. */
  exit: ((code: number) => void) | undefined;
  /** Saves the dataset and says whether that went well; absent while there is no persistence. */
  saver: (() => boolean) | undefined;
  /** The pid file that was written, "" when none was. */
  pidFile = "";
  readonly #server: Server;
  #signal: "SIGTERM" | "SIGINT" | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** A signal that asks for the end. It is obeyed by the next upkeep; a second SIGINT ends the process at once. */
  signal(name: "SIGTERM" | "SIGINT"): void {
    const { log } = this.#server;
    if (this.#signal !== undefined && name === "SIGINT") {
      log.warning("You insist... exiting now.");
      this.exit?.(1);
      return;
    }
    log.warning(this.#server.loading
      ? "Received shutdown signal during loading, scheduling shutdown."
      : `Received ${name} scheduling shutdown...`);
    this.#signal = name;
    this.#server.cron.hasten();
  }

  /** What the upkeep calls: obeys a signal. */
  obey(): void {
    if (this.#signal === undefined) return;
    const words = this.#server.config.text(`shutdown-on-${this.#signal.toLowerCase()}`).split(" ");
    if (!this.begin(shutdownFlags(words), undefined)) this.#signal = undefined;
  }

  /** SHUTDOWN ABORT: false when there is nothing to abort. */
  abort(): boolean {
    if (this.#signal === undefined) return false;
    this.#signal = undefined;
    this.#server.log.notice("Shutdown manually aborted.");
    return true;
  }

  /** Time until a shutdown that waits for replicas goes on; undefined when none waits. */
  millisecondsLeft(): number | undefined {
    return undefined;
  }

  /** Ends the server. `client` describes who asked. False, and the server goes on, when it couldn't be saved. */
  begin(flags: ShutdownFlags, client: string | undefined): boolean {
    const { log, config, loading } = this.#server;
    const from = client === undefined ? "" : ` (user request from '${client}')`;
    log.notice(`User requested shutdown...${from}`);
    const implied = config.text("save") !== "" && !flags.nosave;
    if (!loading && (flags.save || implied) && !this.#save(flags)) {
      log.warning("Errors trying to shut down the server. Check the logs for more information.");
      return false;
    }
    this.removePidFile();
    this.#server.close();
    log.warning("Valkey is now ready to exit, bye bye...");
    this.exit?.(0);
    return true;
  }

  #save(flags: ShutdownFlags): boolean {
    const { log } = this.#server;
    if (this.saver === undefined && !flags.save) {
      log.warning("There is no persistence in this version: exiting without saving.");
      return true;
    }
    log.notice("Saving the final RDB snapshot before exiting.");
    if (this.saver?.() === true) return true;
    log.warning(`Error trying to save the DB, ${flags.force ? "Exit anyway." : "can't exit."}`);
    return flags.force;
  }

  /** Takes the pid file away, if one was written. */
  removePidFile(): void {
    if (this.pidFile === "") return;
    this.#server.log.notice("Removing the pid file.");
    if (this.#server.port.files.exists(this.pidFile)) this.#server.port.files.unlink(this.pidFile);
    this.pidFile = "";
  }
}
