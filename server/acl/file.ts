// file.ts - the aclfile: reading users from its text, and their text for it.
//
//     user alice on #<hash> ~cache:* resetchannels -@all +get       a line each; empty lines are fine, comments are not
//
// One mistake and nothing is taken: the text of all mistakes is what ACL LOAD replies and what ends a start.
// Not for putting the users in force (access.ts).

import { trim } from "../config/text.ts";
import { applyRule, hasBlanks, joinSelectors, UNKNOWN_NAME } from "./rules.ts";
import type { RuleContext } from "./rules.ts";
import { User } from "./user.ts";

const NOTHING_CHANGED = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/** What is wrong with a user's rules, each mistake as it is told. */
function rulesOfLine(user: User, words: readonly string[], place: string, context: RuleContext): string {
  const joined = joinSelectors(words);
  if ("unclosed" in joined) return `${place}: Unmatched parenthesis in selector definition.`;
  let problems = "";
  let isTold = false;
  for (const word of joined.rules) {
    const rule = trim(word, "\t\r\n");
    const problem = applyRule(user, rule, context);
    if (problem === UNKNOWN_NAME) problems += `${place}: Error in applying operation '${rule}': ${problem}. `;
    else if (problem !== undefined && !isTold) problems += `${place}: ${problem}. `;
    // Others may follow from the first one; and they could tell a password.
    if (problem !== undefined && problem !== UNKNOWN_NAME) isTold = true;
  }
  return problems;
}

/** The users of a file's text by name, or the text of what is wrong. `path` is how the file is called in it. */
export function readUsers(
  text: string, path: string, context: RuleContext, newId: (name: string) => number,
): Map<string, User> | string {
  const users = new Map<string, User>();
  let problems = "";
  for (const [i, raw] of text.split("\n").entries()) {
    const place = `${path}:${i + 1}`;
    const line = trim(raw, " \t\r\n");
    if (line === "") continue;
    const words = line.split(" ");
    const name = words[1];
    if (words[0] !== "user" || name === undefined) {
      problems += `${place} should start with user keyword followed by the username. `;
    } else if (hasBlanks(name)) {
      problems += `'${place}: username '${name}' contains invalid characters. `;
    } else if (users.has(name)) {
      problems += `WARNING: Duplicate user '${name}' found on line ${i + 1}. `;
    } else {
      const user = new User(name, newId(name), context.allChannels);
      users.set(name, user);
      problems += rulesOfLine(user, words.slice(2), place, context);
    }
  }
  return problems === "" ? users : problems + NOTHING_CHANGED;
}

/** A user as a line of a file and of ACL LIST. */
export function lineOf(user: User): string {
  return `user ${user.name} ${user.describe()}`;
}
