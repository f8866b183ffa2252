/** Test entry: the command table's look-ups. Not part of what ships. */

import {
  commandArity, commandCategories, commandFirstKey, commandFlags, commandGroup, commandKeyStep, commandLastKey,
  commandNameLength, commandNamePtr, commandParent, lookupCommand, lookupSubcommand, setCommandName,
} from "../generated/commands";

export {
  commandArity, commandCategories, commandFirstKey, commandFlags, commandGroup, commandKeyStep, commandLastKey,
  commandNameLength, commandNamePtr, commandParent, lookupCommand, lookupSubcommand, setCommandName,
};

/** Address of 256 bytes for names. */
export function workspace(): usize {
  return memory.data(256, 16);
}
