// access.ts - the users of one server: who they are, who logs in as whom, what the core is told of them.
//
//     ACL SETUSER, user lines, aclfile, requirepass ──► users ──► compileUser() ──► core.userSet(id, block)
//     AUTH, HELLO ──► authenticate() ──► core.clientUser(client, id)
//     core: notes of denials ──► drainNotes() ──► ACL LOG
//
// The user "default" always exists; new connections belong to it. Not for reading rules (rules.ts) or replies.

import type { ClientCertificate } from "../../runtime-adapters/port.ts";
import type { Connection } from "../connection/connection.ts";
import { OUT_OF_MEMORY } from "../connection/reply-writer.ts";
import type { Server } from "../server.ts";
import { describeConnection } from "../clients/describe.ts";
import { errorText } from "../config/host.ts";
import { compareBytes, cString, fromBytes, fromText, toBytes, toText } from "../config/text.ts";
import {
  ACCESS_NOTE, CLIENT_AUTHENTICATED, CLIENT_CLOSE_AFTER_REPLY, CLIENT_EVER_AUTHENTICATED, CONTEXT_MULTI,
  CONTEXT_SCRIPT, DEFAULT_USER_ID, DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY, ROOT,
} from "../generated/layout.ts";
import { compileUser } from "./compile.ts";
import { lineOf, readUsers } from "./file.ts";
import { Guesses } from "./guesses.ts";
import { AclLog } from "./log.ts";
import type { Context, Reason } from "./log.ts";
import { applyRule, hasBlanks, joinSelectors, RuleCommands, UNKNOWN_NAME } from "./rules.ts";
import type { RuleContext } from "./rules.ts";
import { isSameHash, sha256 } from "./sha256.ts";
import { User } from "./user.ts";

const DEFAULT = "default";
/** The log is told of guessed passwords once in this time. */
const WARNING_SILENCE_MS = 60_000;
const TWO_PLACES = "Configuring Valkey with users defined in valkey.conf and at the same setting an ACL file path " +
  "is invalid. This setup is very likely to lead to configuration errors and security holes, please define either an " +
  "ACL file or declare users directly in your valkey.conf, but not both.";

/** The default user as it is without any rules: it may do everything, without a password. */
function newDefault(): User {
  const user = new User(DEFAULT, DEFAULT_USER_ID, true);
  const { root } = user;
  user.isOn = true;
  user.needsNoPassword = true;
  root.allKeys = true;
  root.allCommands = true;
  root.beginsWithAll = true;
  root.commands.fill(255);
  return user;
}

export class Access {
  readonly log = new AclLog();
  readonly guesses = new Guesses();
  readonly #server: Server;
  #users = new Map<string, User>([[DEFAULT, newDefault()]]);
  #names = new Map<number, string>([[DEFAULT_USER_ID, DEFAULT]]);
  #nextId = DEFAULT_USER_ID + 1;
  #ruleCommands: RuleCommands | undefined;
  #warnedMs = -Infinity;

  constructor(server: Server) {
    this.#server = server;
    const { config } = server;
    this.#obeyRequirePass();
    config.onChange("requirepass", () => {
      this.#obeyRequirePass();
      return undefined;
    });
    config.userLines = () => this.all().map(lineOf);
  }

  // --- Users ---

  /** A password has to be given for the default user. */
  get needsPassword(): boolean {
    return !this.#default.needsNoPassword;
  }

  get #default(): User {
    return this.#users.get(DEFAULT)!;
  }

  find(name: string): User | undefined {
    return this.#users.get(name);
  }

  hasUser(name: string): boolean {
    return this.#users.has(name);
  }

  /** Ordered by name. */
  all(): User[] {
    return [...this.#users.values()].sort((a, b) => compareBytes(a.name, b.name));
  }

  /** Name of the user that the core knows by this number; the program's own calls belong to 0. */
  nameOf(id: number): string {
    return this.#names.get(id) ?? DEFAULT;
  }

  /** The commands that rules can name. */
  get commands(): RuleCommands {
    return (this.#ruleCommands ??= new RuleCommands(this.#server.commands.known()));
  }

  get #context(): RuleContext {
    return { commands: this.commands, allChannels: this.#server.config.text("acl-pubsub-default") === "allchannels" };
  }

  /** The number of a user with this name: numbers stay while a name is known. */
  #idOf(name: string): number {
    return this.#users.get(name)?.id ?? this.#nextId++;
  }

  /** ACL SETUSER. Returns the error of the reply; nothing is changed then. */
  setUser(name: string, words: readonly string[]): string | undefined {
    if (hasBlanks(name)) return "ERR Usernames can't contain spaces or null characters";
    const joined = joinSelectors(words);
    if ("unclosed" in joined) {
      return `ERR Unmatched parenthesis in acl selector starting at '${cString(joined.unclosed)}'.`;
    }
    const context = this.#context;
    const known = this.#users.get(name);
    const user = known?.copy() ?? new User(name, this.#idOf(name), context.allChannels);
    for (const rule of joined.rules) {
      const problem = applyRule(user, rule, context);
      if (problem !== undefined) return `ERR Error in ACL SETUSER modifier '${cString(rule)}': ${problem}`;
    }
    if (!this.#put([user])) return OUT_OF_MEMORY;
    if (known !== undefined && losesChannels(known, user)) this.#closeSubscribers(user);
    return undefined;
  }

  /** Closes a user's connections that are subscribed to what it may not use any more. */
  #closeSubscribers(user: User): void {
    const { core, connections } = this.#server;
    for (const connection of [...connections.values()]) {
      if (core.client32(connection.client, "userId") !== user.id) continue;
      if (core.exports.clientKeeps(connection.client) === 0) this.#close(connection);
    }
  }

  /** Closes a connection; the one whose command does it gets its reply first. */
  #close(connection: Connection): void {
    if (connection === this.#server.running) connection.flags |= CLIENT_CLOSE_AFTER_REPLY;
    else if (!connection.isProtected) connection.destroy();
  }

  /** Puts users' rules in force for all their connections; false, and nothing is changed, when memory is exhausted. */
  #put(users: readonly User[]): boolean {
    const blocks = users.map((user) => this.#compile(user));
    if (blocks.includes(undefined)) {
      for (const block of blocks) if (block !== undefined) this.#server.core.exports.hostFree(block);
      return false;
    }
    for (const [i, user] of users.entries()) {
      this.#users.set(user.name, user);
      this.#names.set(user.id, user.name);
      this.#tellCore(user, blocks[i]!);
    }
    return true;
  }

  /** ACL DELUSER: how many there were. Their connections are closed. */
  deleteUsers(names: readonly string[]): number {
    let count = 0;
    for (const name of names) {
      const user = this.#users.get(name);
      if (user === undefined) continue;
      this.#users.delete(name);
      this.#remove(user);
      count++;
    }
    return count;
  }

  /** Closes the connections of a user that is gone. */
  #remove(user: User): void {
    const { core, connections } = this.#server;
    for (const connection of [...connections.values()]) {
      if (core.client32(connection.client, "userId") === user.id) this.#close(connection);
    }
    core.exports.userDrop(user.id);
    this.#names.delete(user.id);
  }

  // --- Passwords ---

  /** The default user's password is requirepass. */
  #obeyRequirePass(): void {
    const password = this.#server.config.bytes("requirepass");
    const user = this.#default;
    user.passwords = password.length === 0 ? [] : [sha256(password)];
    user.needsNoPassword = password.length === 0;
    this.#setGate(user);
  }

  #isRight(user: User | undefined, password: Uint8Array): boolean {
    // The time that it takes does not tell whether there is such a user.
    const hash = sha256(password);
    let isRight = false;
    for (const known of user?.passwords ?? []) if (isSameHash(hash, known)) isRight = true;
    return user !== undefined && user.isOn && (user.needsNoPassword || isRight);
  }

  /**
   * Makes the connection that user's when the password is right; false (logged, nothing changed) when it is not.
   * `object` is the command's name as it was written.
   */
  authenticate(connection: Connection, name: string, password: Uint8Array, object: string): boolean {
    const user = this.#users.get(name);
    if (user === undefined || !this.#isRight(user, password)) {
      this.#server.stats.accessDeniedAuth++;
      this.guesses.failed(addressOf(connection), this.#server.core.nowMs);
      this.#addToLog("auth", "toplevel", object, name, connection);
      return false;
    }
    this.#server.core.exports.clientUser(connection.client, user.id);
    connection.flags |= CLIENT_AUTHENTICATED | CLIENT_EVER_AUTHENTICATED;
    return true;
  }

  /**
   * Makes a connection that user's whom its certificate names, where tls-auth-clients-user asks for it. A name that no
   * user has, or a user who is off, is logged; the connection stays the default user's.
   */
  adoptCertificate(connection: Connection, certificate: ClientCertificate): void {
    const field = this.#server.config.get("tls-auth-clients-user").toLowerCase();
    const names = field === "cn" ? [certificate.commonName ?? ""] : field === "uri" ? certificate.uris : [];
    const known = names.map((name) => fromText(name)).filter((name) => name !== "");
    if (known.length === 0) return;
    const user = known.map((name) => this.#users.get(name)).find((one) => one?.isOn === true);
    if (user === undefined) {
      this.#server.stats.accessDeniedCertificate++;
      this.#addToLog("tls-cert", "toplevel", "", known[0], connection);
      return;
    }
    this.#server.core.exports.clientUser(connection.client, user.id);
    connection.flags |= CLIENT_AUTHENTICATED | CLIENT_EVER_AUTHENTICATED;
  }

  /** How long the connection's next login has to wait, in milliseconds; -1: it is refused. */
  loginDelay(connection: Connection): number {
    if (connection.socket === undefined) return 0;
    const { core, log } = this.#server;
    const address = addressOf(connection);
    const delay = this.guesses.delay(address, core.nowMs);
    if (delay !== 0 && core.nowMs - this.#warnedMs >= WARNING_SILENCE_MS) {
      this.#warnedMs = core.nowMs;
      log.warning(`Too many logins from ${address} failed: further ones from there are slowed down.`);
    }
    return delay;
  }

  // --- The core ---

  /** A user's block in linear memory: 0 when it may do everything, undefined when memory is exhausted. */
  #compile(user: User): number | undefined {
    const { core } = this.#server;
    const bytes = compileUser(user, core.databaseCount);
    return bytes === undefined ? 0 : core.keepBytes(bytes) || undefined;
  }

  #tellCore(user: User, block: number): void {
    if (user.id === DEFAULT_USER_ID) this.#setGate(user);
    this.#server.core.exports.userSet(user.id, block);
  }

  /** New connections have to log in unless the default user is on and needs no password. */
  #setGate(user: User): void {
    this.#server.core.setSetting("requirePassword", user.needsNoPassword && user.isOn ? 0 : 1);
  }

  /** All users as lines; none when there is nothing but what requirepass says about a default user with all rights. */
  lines(): string[] {
    const isPlain = this.#users.size === 1 && this.#default.isOn && this.#default.hasAllRights &&
      this.#default.needsNoPassword === (this.#server.config.bytes("requirepass").length === 0);
    return isPlain ? [] : this.all().map(lineOf);
  }

  /** The core's memory was replaced by another server's: takes over that one's users. */
  adopt(lines: readonly string[]): void {
    this.#server.core.exports.usersForget();
    const users = readUsers(lines.join("\n"), "snapshot", this.#context, (name) => this.#idOf(name));
    if (typeof users === "string") throw new Error(`users: take over: ${users}`);
    if (!users.has(DEFAULT)) users.set(DEFAULT, newDefault());
    this.#users = users;
    this.#names = new Map();
    if (lines.length === 0) this.#obeyRequirePass();
    if (!this.#put([...users.values()])) throw new Error("users: take over: out of memory");
  }

  /** Checks a command line for ACL DRYRUN: the arguments of the running command from `skip` on. */
  check(
    user: User, commandId: number, connection: Connection, skip: number,
  ): { reason: Reason; at: number } | "out of memory" | undefined {
    const { core } = this.#server;
    const block = this.#compile(user);
    if (block === undefined) return "out of memory";
    if (block === 0) return undefined;
    const code = core.exports.userCheck(block, commandId, connection.db, skip);
    core.exports.hostFree(block);
    return code === 0 ? undefined : { reason: reasonOf(code), at: core.root32(ROOT.deniedArg) };
  }

  /** Turns the core's notes of denials into entries of ACL LOG. */
  drainNotes(): void {
    const { core, connections } = this.#server;
    for (let at = core.exports.noteNext() >>> 0; at !== 0; at = core.exports.noteNext() >>> 0) {
      const text = at + ACCESS_NOTE.SIZE;
      const nameLength = core.u32(at + ACCESS_NOTE.nameLength);
      const context = core.u32(at + ACCESS_NOTE.context);
      const connection = connections.get(core.u32(at + ACCESS_NOTE.client));
      const isThere = connection !== undefined && connection.id === core.u64(at + ACCESS_NOTE.clientId);
      this.#addToLog(
        reasonOf(core.u32(at + ACCESS_NOTE.reason)),
        context === CONTEXT_MULTI ? "multi" : context === CONTEXT_SCRIPT ? "lua" : "toplevel",
        fromBytes(core.copy(text + nameLength, core.u32(at + ACCESS_NOTE.objectLength))),
        fromBytes(core.copy(text, nameLength)),
        isThere ? connection : undefined,
      );
      core.exports.hostFree(at);
    }
  }

  #addToLog(
    reason: Reason, context: Context, object: string, username: string, connection: Connection | undefined,
  ): void {
    const info = connection === undefined ? "" : describeConnection(this.#server, connection);
    const limit = this.#server.config.number("acllog-max-len");
    this.log.add({ reason, context, object, username, info }, this.#server.core.nowMs, limit);
  }

  // --- Files ---

  /** Takes the users of the configuration and of the aclfile. Returns why the server must not start. */
  start(): string | undefined {
    const { config, log } = this.#server;
    const lines = config.words.users;
    if (config.get("aclfile") !== "") {
      if (lines.length > 0) return TWO_PLACES;
      const problem = this.load();
      return problem === undefined ? undefined : `Aborting Valkey startup because of ACL errors: ${toText(problem)}`;
    }
    for (const [name, ...rules] of lines) {
      const context = this.#context;
      const user = new User(name, this.#idOf(name), context.allChannels);
      const problem = this.#configured(user, rules, context);
      if (problem !== undefined) {
        log.warning(problem);
        return "Critical error while loading ACLs. Exiting.";
      }
      if (!user.isOn) {
        log.notice(`The user '${toText(name)}' is disabled (there is no 'on' modifier in the user description). Make ` +
          "sure this is not a configuration error.");
      }
      if (!this.#put([user])) return "Out of memory while loading ACLs.";
    }
    return undefined;
  }

  /** Applies the rules of a user line. Returns what is wrong, for the log. */
  #configured(user: User, words: readonly string[], context: RuleContext): string | undefined {
    if (hasBlanks(user.name)) return "Spaces not allowed in ACL usernames";
    const joined = joinSelectors(words);
    const rules = "unclosed" in joined ? words : joined.rules;
    for (const rule of rules) {
      const problem = applyRule(user, rule, context);
      if (problem === undefined) continue;
      return `Error loading ACL rule '${toText(rule)}' for the user named '${toText(user.name)}': ${problem}`;
    }
    return undefined;
  }

  /** The aclfile's path, as the directive says it. */
  get file(): string {
    return this.#server.config.text("aclfile");
  }

  /** ACL LOAD: all users of the file or, with the text of all mistakes as a byte string, none. */
  load(): string | undefined {
    const path = this.file;
    let text: string;
    try {
      text = fromBytes(this.#server.port.files.read(path));
    } catch (error) {
      return fromText(`Error loading ACLs, opening file '${path}': ${errorText(error)}`);
    }
    const users = readUsers(text, fromText(path), this.#context, (name) => this.#idOf(name));
    if (typeof users === "string") return users;
    const namesDefault = users.has(DEFAULT);
    if (!namesDefault) users.set(DEFAULT, newDefault());
    const before = [...this.#users.values()];
    const gone = before.filter((user) => !users.has(user.name));
    if (!this.#put([...users.values()])) return OUT_OF_MEMORY;
    for (const user of before) {
      const now = users.get(user.name);
      if (now !== undefined && losesChannels(user, now)) this.#closeSubscribers(now);
    }
    for (const user of gone) {
      this.#users.delete(user.name);
      this.#remove(user);
    }
    // A file that does not name the default user does not open a server that has a password.
    if (!namesDefault) this.#obeyRequirePass();
    return undefined;
  }

  /** ACL SAVE. Returns what went wrong, for the log. */
  save(): string | undefined {
    const { port } = this.#server;
    const path = this.file;
    const temporary = `${path}.tmp-${port.pid}-${this.#server.core.nowMs}`;
    try {
      port.files.write(temporary, toBytes(this.all().map((user) => lineOf(user) + "\n").join("")));
      port.files.chmod(temporary, 0o644);
      port.files.fsync(temporary);
      port.files.rename(temporary, path);
      return undefined;
    } catch (error) {
      if (port.files.exists(temporary)) port.files.unlink(temporary);
      return `Saving the ACL file ${path}: ${errorText(error)}`;
    }
  }
}

/** True when some channel that a user could use before may not be among its channels now. */
function losesChannels(before: User, now: User): boolean {
  if (now.selectors.some(({ allChannels }) => allChannels)) return false;
  const channels = new Set(now.selectors.flatMap((selector) => selector.channels));
  return before.selectors.some((had) => had.allChannels || had.channels.some((channel) => !channels.has(channel)));
}

function reasonOf(code: number): Reason {
  if (code === DENIED_COMMAND) return "command";
  if (code === DENIED_KEY) return "key";
  return code === DENIED_CHANNEL ? "channel" : "database";
}

/** What failed logins are counted by: the address without its port. */
export function addressOf(connection: Connection): string {
  return connection.remote.replace(/:[0-9]+$/, "");
}

/** The check of a `user` line while a file is read: what is certainly wrong. Names of commands are looked at later. */
export function userLineCheck(known: () => RuleCommands): (args: readonly string[]) => string | undefined {
  const names = new Set<string>();
  return ([name, ...words]) => {
    const failed = (rule: string, problem: string) => `Error in user declaration '${rule}': ${problem}`;
    if (names.has(name)) return failed(name, "Duplicate user found. A user can only be defined once in config files");
    const joined = joinSelectors(words);
    if ("unclosed" in joined) return failed(joined.unclosed, "Unmatched parenthesis in acl selector");
    const user = new User(name, 0, false);
    for (const rule of joined.rules) {
      const problem = applyRule(user, rule, { commands: known(), allChannels: false });
      if (problem !== undefined && problem !== UNKNOWN_NAME) return failed(rule, problem);
    }
    names.add(name);
    return undefined;
  };
}
