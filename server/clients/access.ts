// access.ts - who may use the server: the default user and its password (requirepass).
//
//     AUTH, HELLO AUTH ──► authenticate() ──► flags of the client in the core, which refuses the others (NOAUTH)
//
// Only the user "default" exists. The core knows whether a password is needed, never the password itself.

import type { Connection } from "../connection/connection.ts";
import type { Server } from "../server.ts";
import { FLAG } from "./describe.ts";

/** Compares in a time that does not tell how much of the password was right. */
function isSame(given: Uint8Array, wanted: Uint8Array): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < given.length; i++) difference |= given[i] ^ (wanted[i % Math.max(wanted.length, 1)] ?? 0);
  return difference === 0;
}

export class Access {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
    this.#tellCore();
    server.config.onChange("requirepass", () => {
      this.#tellCore();
      return undefined;
    });
  }

  /** A password has to be given. */
  get needsPassword(): boolean {
    return this.#server.config.bytes("requirepass").length > 0;
  }

  hasUser(name: string): boolean {
    return name === "default";
  }

  /** Makes the connection that user's when the password is right; false (nothing changed) when it is not. */
  authenticate(connection: Connection, user: string, password: Uint8Array): boolean {
    const isRight = !this.needsPassword || isSame(password, this.#server.config.bytes("requirepass"));
    if (!this.hasUser(user) || !isRight) {
      this.#server.stats.accessDeniedAuth++;
      return false;
    }
    connection.user = user;
    connection.flags |= FLAG.authenticated | FLAG.everAuthenticated;
    return true;
  }

  #tellCore(): void {
    this.#server.core.setSetting("requirePassword", this.needsPassword ? 1 : 0);
  }
}
