// names.ts - how messages call things: the place of an instruction, and the variable that a register came from.
//
// A register's name isn't kept anywhere: when an error needs it, the function's instructions are read up to the one
// that failed, to find which put the value there.
//
// Not for texts of errors (errors.ts, operators.ts).

import type { Prototype } from "./function.ts";
import {
  CONSTANT_BIT, CONSTANT_MASK, OP_ADD, OP_CALL, OP_CLOSURE, OP_CONCAT, OP_FORLOOP, OP_FORPREP, OP_GETFIELD,
  OP_GETGLOBAL, OP_GETTABLE, OP_GETUPVAL, OP_JMP, OP_LOADBOOL, OP_LOADK, OP_LOADNIL, OP_MOVE, OP_NEWTABLE, OP_SELF,
  OP_SETLIST, OP_TAILCALL, OP_TEST, OP_TESTSET, OP_TFORLOOP, OP_VARARG, aOf, bOf, cOf, dOf, jumpOf, opOf,
} from "./opcodes.ts";
import type { Frame } from "./thread.ts";

/** What a value is called: "local 'x'", "field 'y'". */
export interface Name {
  readonly kind: "local" | "global" | "field" | "upvalue" | "method";
  readonly name: string;
}

/** "user_script:3: " for the instruction that a Lua function's frame is at; "" for a native one. */
export function placeOf(frame: Frame | undefined): string {
  if (frame === undefined || frame.closure === undefined) return "";
  const { prototype } = frame.closure;
  return `${prototype.source}:${prototype.lines[frame.pc - 1]}: `;
}

/** The name by which a Lua function's current instruction calls another, if it's a call and there is one. */
export function calledName(frame: Frame | undefined): Name | undefined {
  if (frame === undefined || frame.closure === undefined) return undefined;
  const word = frame.closure.prototype.code[frame.pc - 1];
  const op = opOf(word);
  if (op !== OP_CALL && op !== OP_TAILCALL && op !== OP_TFORLOOP) return undefined;
  return registerName(frame.closure.prototype, frame.pc - 1, aOf(word));
}

/** The name of what stands in a register before an instruction. */
export function registerName(prototype: Prototype, pc: number, register: number): Name | undefined {
  let wanted = register;
  for (;;) {
    const local = localName(prototype, pc, wanted);
    if (local !== undefined) return { kind: "local", name: local };
    const word = prototype.code[setter(prototype, pc, wanted)];
    switch (opOf(word)) {
      case OP_GETGLOBAL: return { kind: "global", name: String(prototype.constants[dOf(word)]) };
      case OP_GETTABLE: case OP_GETFIELD: return { kind: "field", name: constantName(prototype, cOf(word)) };
      case OP_SELF: return { kind: "method", name: constantName(prototype, cOf(word)) };
      case OP_GETUPVAL: return { kind: "upvalue", name: prototype.upvalueNames[bOf(word)] ?? "?" };
      case OP_MOVE:
        if (bOf(word) >= aOf(word)) return undefined;
        wanted = bOf(word);
        break;
      default: return undefined;
    }
  }
}

function constantName(prototype: Prototype, operand: number): string {
  const value = (operand & CONSTANT_BIT) !== 0 ? prototype.constants[operand & CONSTANT_MASK] : undefined;
  return typeof value === "string" ? value : "?";
}

function localName(prototype: Prototype, pc: number, register: number): string | undefined {
  let left = register;
  for (const { name, start, end } of prototype.locals) {
    if (start > pc) return undefined;
    if (pc >= end) continue;
    if (left === 0) return name;
    left -= 1;
  }
  return undefined;
}

/** Whether an instruction puts something into the register A. */
function setsA(op: number): boolean {
  if (op >= OP_ADD && op <= OP_CONCAT) return true;
  switch (op) {
    case OP_MOVE: case OP_LOADK: case OP_LOADBOOL: case OP_LOADNIL: case OP_GETUPVAL: case OP_GETGLOBAL:
    case OP_GETTABLE: case OP_GETFIELD: case OP_NEWTABLE: case OP_SELF: case OP_TEST: case OP_TESTSET:
    case OP_FORLOOP: case OP_FORPREP: case OP_CLOSURE: case OP_VARARG: return true;
    default: return false;
  }
}

/** The last instruction before `end` that puts something into a register; the final RETURN if there is none. */
function setter(prototype: Prototype, end: number, register: number): number {
  const { code } = prototype;
  let last = code.length - 1;
  for (let pc = 0; pc < end; pc += 1) {
    const word = code[pc];
    const op = opOf(word);
    const a = aOf(word);
    if (a === register && setsA(op)) last = pc;
    switch (op) {
      case OP_LOADNIL: if (register >= a && register <= bOf(word)) last = pc; break;
      case OP_TFORLOOP: if (register >= a + 2) last = pc; break;
      case OP_SELF: if (register === a + 1) last = pc; break;
      case OP_CALL: case OP_TAILCALL: if (register >= a) last = pc; break;
      case OP_JMP: case OP_FORLOOP: case OP_FORPREP: {
        const target = pc + 1 + jumpOf(word);
        if (target > pc && target <= end) pc = target - 1;
        break;
      }
      case OP_CLOSURE: pc += prototype.children[dOf(word)].upvalueNames.length; break;
      case OP_SETLIST: if (cOf(word) === 0) pc += 1; break;
      default:
    }
  }
  return last;
}
