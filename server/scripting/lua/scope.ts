// scope.ts - a function while it's being compiled: its variables, its blocks, and the code written so far.
//
// Not for syntax (parser.ts) or for instructions (code.ts).

import { Code } from "./code.ts";
import { E_GLOBAL, E_LOCAL, E_UPVALUE, type Expression, NO_JUMP } from "./expression.ts";
import type { LocalVariable, Prototype } from "./function.ts";
import type { Lexer } from "./lexer.ts";
import { LuaError } from "./errors.ts";
import { JUMP_BIAS, MOST_D, OP_CLOSE, OP_CLOSURE, OP_GETUPVAL, OP_MOVE } from "./opcodes.ts";

const MOST_LOCALS = 200;
const MOST_UPVALUES = 60;

/** A block of statements: a loop's can be left by break. */
interface Block {
  readonly outer: Block | undefined;
  readonly isLoop: boolean;
  /** How many variables there were before it. */
  readonly active: number;
  breaks: number;
  /** An inner function uses one of its variables. */
  hasUpvalue: boolean;
}

export class Scope {
  readonly outer: Scope | undefined;
  readonly code: Code;
  readonly prototype: Prototype;
  private readonly lexer: Lexer;
  private block: Block | undefined = undefined;
  /** The variables that can be seen, in order of their registers, and those that are being declared. */
  private readonly visible: LocalVariable[] = [];
  private readonly upvalues: { isLocal: boolean; index: number }[] = [];

  constructor(lexer: Lexer, outer: Scope | undefined, line: number) {
    this.lexer = lexer;
    this.outer = outer;
    this.code = new Code(lexer);
    this.prototype = {
      source: lexer.chunk, line, code: new Int32Array(0), lines: [], constants: this.code.constants,
      children: [], locals: [], upvalueNames: [], parameters: 0, isVararg: false, needsArg: false, registers: 2,
      hints: undefined,
    };
  }

  /** Ends the function. */
  finish(): Prototype {
    this.code.giveBack(0, 0);
    this.hide(0);
    this.code.finish(this.prototype);
    return this.prototype;
  }

  checkLimit(count: number, limit: number, what: string): void {
    if (count <= limit) return;
    const { line } = this.prototype;
    const where = line === 0 ? "main function" : `function at line ${line}`;
    throw this.lexer.error(`${where} has more than ${limit} ${what}`);
  }

  // --- Variables ---

  /** Declares a variable; it can be seen from `show` on. */
  declare(name: string): void {
    this.checkLimit(this.visible.length + 1, MOST_LOCALS, "local variables");
    const variable = { name, start: 0, end: 0 };
    this.prototype.locals.push(variable);
    this.visible.push(variable);
  }

  /** Makes the next `count` declared variables visible. */
  show(count: number): void {
    const { code } = this;
    const end = code.active + count;
    for (let index = code.active; index < end; index += 1) this.visible[index].start = code.pc;
    code.active = end;
  }

  private hide(active: number): void {
    const { code } = this;
    for (let index = active; index < code.active; index += 1) this.visible[index].end = code.pc;
    this.visible.length = active;
    code.active = active;
  }

  /** The variable that was shown last is in its register from here on. */
  restartLast(): void {
    this.visible[this.code.active - 1].start = this.code.pc;
  }

  private findLocal(name: string): number {
    for (let index = this.code.active - 1; index >= 0; index -= 1) {
      if (this.visible[index].name === name) return index;
    }
    return -1;
  }

  /** What a name stands for: a local, one of an outer function, or a global. */
  resolve(name: string, e: Expression): void {
    if (this.find(name, e, true) === E_GLOBAL) e.info = this.code.constant(name);
  }

  private find(name: string, e: Expression, isUsedHere: boolean): number {
    const local = this.findLocal(name);
    if (local >= 0) {
      e.set(E_LOCAL, local);
      if (!isUsedHere) this.markBlock(local);
      return E_LOCAL;
    }
    if (this.outer === undefined || this.outer.find(name, e, false) === E_GLOBAL) {
      e.set(E_GLOBAL, 0);
      return E_GLOBAL;
    }
    e.info = this.upvalue(name, e.kind === E_LOCAL, e.info);
    e.kind = E_UPVALUE;
    return E_UPVALUE;
  }

  private markBlock(local: number): void {
    let block = this.block;
    while (block !== undefined && block.active > local) block = block.outer;
    if (block !== undefined) block.hasUpvalue = true;
  }

  private upvalue(name: string, isLocal: boolean, index: number): number {
    const known = this.upvalues.findIndex((each) => each.isLocal === isLocal && each.index === index);
    if (known >= 0) return known;
    this.checkLimit(this.upvalues.length + 1, MOST_UPVALUES, "upvalues");
    this.prototype.upvalueNames.push(name);
    return this.upvalues.push({ isLocal, index }) - 1;
  }

  /** Writes the instructions that make a closure of an inner function; gives the first one's place. */
  closure(inner: Scope): number {
    const { children } = this.prototype;
    if (children.length > MOST_D) throw new LuaError("constant table overflow");
    children.push(inner.prototype);
    const pc = this.code.ad(OP_CLOSURE, 0, children.length - 1);
    for (const { isLocal, index } of inner.upvalues) this.code.abc(isLocal ? OP_MOVE : OP_GETUPVAL, 0, index, 0);
    return pc;
  }

  // --- Blocks ---

  enter(isLoop: boolean): void {
    const { block: outer, code: { active } } = this;
    this.block = { outer, isLoop, active, breaks: NO_JUMP, hasUpvalue: false };
  }

  leave(): void {
    const block = this.block as Block;
    const { code } = this;
    this.block = block.outer;
    this.hide(block.active);
    if (block.hasUpvalue) code.abc(OP_CLOSE, block.active, 0, 0);
    code.free = code.active;
    code.patchToHere(block.breaks);
  }

  get blockHasUpvalue(): boolean {
    return this.block !== undefined && this.block.hasUpvalue;
  }

  /** A jump out of the innermost loop. */
  break(): void {
    let block = this.block;
    let hasUpvalue = false;
    while (block !== undefined && !block.isLoop) {
      hasUpvalue ||= block.hasUpvalue;
      block = block.outer;
    }
    if (block === undefined) throw this.lexer.syntaxError("no loop to break");
    if (hasUpvalue) this.code.abc(OP_CLOSE, block.active, 0, 0);
    block.breaks = this.code.joined(this.code.jump(), block.breaks);
  }

  /** An instruction that jumps by a distance which isn't known yet. */
  openJump(op: number, register: number): number {
    return this.code.ad(op, register, NO_JUMP + JUMP_BIAS);
  }
}
