// user.ts - a user and its selectors as data, and how both are written down as rules.
//
//     user alice on #<hash> ~cache:* resetchannels db=0,1 -@all +get (%R~logs:* resetchannels -@all +@read)
//          └ flags, passwords ┘ └ root selector: keys, channels, databases, commands ┘ └ further selectors ┘
//
// Texts are byte strings (config/text.ts). Not for reading rules (rules.ts) or for checking commands (the core).

import { COMMAND_COUNT } from "../generated/commands.ts";
import { RIGHT_READ, RIGHT_WRITE } from "../generated/layout.ts";

export const ALL_RIGHTS = RIGHT_READ | RIGHT_WRITE;

/** A pattern of keys with the rights (RIGHT_) that it gives. */
interface KeyPattern {
  readonly pattern: string;
  readonly rights: number;
}

/** A set of rights: commands on keys, channels and databases. Nothing but all databases is allowed at first. */
export class Selector {
  allKeys = false;
  allChannels: boolean;
  allDatabases = true;
  /** Every command, now and later. */
  allCommands = false;
  /** The commands began with +@all: what is described begins so, too. */
  beginsWithAll = false;
  /** A bit for each command id. */
  commands = new Uint8Array((COMMAND_COUNT + 7) >> 3);
  /** Rules about commands in their order, with their signs. */
  rules: string[] = [];
  /** First arguments with which a command is allowed, by command id. */
  firstArgs = new Map<number, readonly string[]>();
  keys: readonly KeyPattern[] = [];
  channels: readonly string[] = [];
  /** Ascending. */
  databases: readonly number[] = [];

  /** `allChannels` is what acl-pubsub-default says. */
  constructor(allChannels: boolean) {
    this.allChannels = allChannels;
  }

  copy(): Selector {
    const copy = Object.assign(new Selector(false), this);
    copy.commands = this.commands.slice();
    copy.rules = [...this.rules];
    copy.firstArgs = new Map(this.firstArgs);
    return copy;
  }

  get hasAllRights(): boolean {
    return this.allKeys && this.allChannels && this.allDatabases && this.allCommands;
  }

  setCommand(id: number, allowed: boolean): void {
    if (allowed) {
      this.commands[id >> 3] |= 1 << (id & 7);
    } else {
      this.commands[id >> 3] &= ~(1 << (id & 7));
      this.allCommands = false;
    }
  }

  // --- In the form of rules ---

  describeCommands(): string {
    return [this.beginsWithAll ? "+@all" : "-@all", ...this.rules].join(" ");
  }

  describeKeys(): string {
    if (this.allKeys) return "~*";
    const sign = (rights: number) => (rights === ALL_RIGHTS ? "~" : rights === RIGHT_READ ? "%R~" : "%W~");
    return this.keys.map(({ pattern, rights }) => sign(rights) + pattern).join(" ");
  }

  describeChannels(): string {
    return this.allChannels ? "&*" : this.channels.map((channel) => `&${channel}`).join(" ");
  }

  describeDatabases(): string {
    if (this.allDatabases) return "alldbs";
    return this.databases.length === 0 ? "" : `db=${this.databases.join(",")}`;
  }

  /** All of it; all databases are what a selector has anyway. */
  describe(): string {
    const keys = this.describeKeys();
    const channels = this.describeChannels();
    return [
      ...(keys === "" ? [] : [keys]),
      ...(this.allChannels ? [] : ["resetchannels"]), ...(channels === "" ? [] : [channels]),
      ...(this.allDatabases ? [] : [this.describeDatabases() || "resetdbs"]),
      this.describeCommands(),
    ].join(" ");
  }
}

export class User {
  readonly name: string;
  /** What the core knows it by. */
  readonly id: number;
  isOn = false;
  /** Any password will do. */
  needsNoPassword = false;
  /** Hashes. */
  passwords: string[] = [];
  /** The first is the user's own, the others stand in parentheses. */
  selectors: Selector[];

  constructor(name: string, id: number, allChannels: boolean) {
    this.name = name;
    this.id = id;
    this.selectors = [new Selector(allChannels)];
  }

  /** A copy to try rules on; take() brings its rights back. */
  copy(): User {
    const copy = new User(this.name, this.id, false);
    copy.take(this);
    return copy;
  }

  /** Takes over passwords and rights of another user, but not its name. */
  take(other: User): void {
    this.isOn = other.isOn;
    this.needsNoPassword = other.needsNoPassword;
    this.passwords = [...other.passwords];
    this.selectors = other.selectors.map((selector) => selector.copy());
  }

  get root(): Selector {
    return this.selectors[0];
  }

  get hasAllRights(): boolean {
    return this.selectors.some((selector) => selector.hasAllRights);
  }

  get flags(): string[] {
    return [this.isOn ? "on" : "off", ...(this.needsNoPassword ? ["nopass"] : [])];
  }

  /** The rules that make this user. */
  describe(): string {
    const [root, ...others] = this.selectors;
    return [
      ...this.flags, ...this.passwords.map((hash) => `#${hash}`), root.describe(),
      ...others.map((selector) => `(${selector.describe()})`),
    ].join(" ");
  }
}
