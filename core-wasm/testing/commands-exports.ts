/** Test entry: the command table's look-ups and a loop to time them. Not part of what ships. */

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

/** Looks one name up `rounds` times; the sum keeps the loop from being optimised away. */
export function timeLookup(ptr: usize, len: i32, rounds: i32): i32 {
  let sum = 0;
  for (let i = 0; i < rounds; i++) {
    store<u8>(ptr, load<u8>(ptr) ^ 0x20);
    sum += lookupCommand(ptr, len);
  }
  return sum;
}
