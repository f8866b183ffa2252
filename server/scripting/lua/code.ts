// code.ts - writes the instructions of one function: registers, constants, jumps, expressions on their way into them.
//
// An Expression (expression.ts) is moved into a register as late as possible. Lists of jumps that still miss their
// target are threaded through the jump instructions themselves.
//
// Which registers are used and which instructions come out is as in Lua 5.1, on purpose: limits, names of variables in
// messages and lines follow from it.
//
// Not for syntax (parser.ts, expressions.ts).

import { LuaError } from "./errors.ts";
import {
  E_CALL, E_CONSTANT, E_FALSE, E_GLOBAL, E_INDEXED, E_JUMP, E_LOCAL, E_NIL, E_NUMBER, E_PENDING, E_REGISTER, E_TRUE,
  E_UPVALUE, E_VARARG, Expression, NO_JUMP,
} from "./expression.ts";
import type { Prototype } from "./function.ts";
import type { Lexer } from "./lexer.ts";
import {
  CONSTANT_BIT, CONSTANT_MASK, JUMP_BIAS, LIST_BATCH, MOST_BC, MOST_D, MULTIPLE, OP_ADD, OP_CALL, OP_CONCAT, OP_DIV,
  OP_EQ, OP_GETFIELD, OP_GETGLOBAL, OP_GETTABLE, OP_GETUPVAL, OP_JMP, OP_LE, OP_LEN, OP_LOADBOOL, OP_LOADK, OP_LOADNIL,
  OP_LT, OP_MOD, OP_MOVE, OP_MUL, OP_NOT, OP_POW, OP_RETURN, OP_SELF, OP_SETFIELD, OP_SETGLOBAL, OP_SETLIST,
  OP_SETTABLE, OP_SETUPVAL, OP_SUB, OP_TEST, OP_TESTSET, OP_UNM, aOf, bOf, cOf, jumpOf, opOf, packABC, packAD,
} from "./opcodes.ts";
import type { Value } from "./values.ts";

const NO_REGISTER = 255;
const MOST_REGISTERS = 250;
const FEW_CONSTANTS = 16;

export class Code {
  readonly lexer: Lexer;
  readonly words: number[] = [];
  private readonly lines: number[] = [];
  /** The first register that isn't in use. */
  free = 0;
  /** How many registers are local variables. */
  active = 0;
  registers = 2;
  readonly constants: Value[] = [];
  /** Where each constant is, when there are too many to look through them. */
  private places: Map<Value, number> | undefined = undefined;
  /** Jumps that go to the next instruction. */
  private toHere = NO_JUMP;

  constructor(lexer: Lexer) {
    this.lexer = lexer;
  }

  // --- Instructions ---

  private emit(word: number): number {
    this.landJumps();
    this.lines.push(this.lexer.lastLine);
    return this.words.push(word) - 1;
  }

  /** Where the next instruction goes. */
  get pc(): number {
    return this.words.length;
  }

  abc(op: number, a: number, b: number, c: number): number {
    return this.emit(packABC(op, a, b, c));
  }

  ad(op: number, a: number, d: number): number {
    return this.emit(packAD(op, a, d));
  }

  setA(pc: number, a: number): void {
    this.words[pc] = (this.words[pc] & ~(255 << 6)) | (a << 6);
  }

  setB(pc: number, b: number): void {
    this.words[pc] = (this.words[pc] & 0x7fffff) | (b << 23);
  }

  setC(pc: number, c: number): void {
    this.words[pc] = (this.words[pc] & ~(511 << 14)) | (c << 14);
  }

  setOp(pc: number, op: number): void {
    this.words[pc] = (this.words[pc] & ~63) | op;
  }

  /** The last instruction belongs to this line. */
  fixLine(line: number): void {
    this.lines[this.pc - 1] = line;
  }

  giveBack(first: number, count: number): void {
    this.abc(OP_RETURN, first, count + 1, 0);
  }

  nil(first: number, count: number): void {
    this.abc(OP_LOADNIL, first, first + count - 1, 0);
  }

  /** Stores `count` values above a table's register (MULTIPLE: all), the last of which is element `last`. */
  storeList(table: number, last: number, count: number): void {
    const batch = Math.floor((last - 1) / LIST_BATCH) + 1;
    const b = count === MULTIPLE ? 0 : count;
    if (batch <= MOST_BC) this.abc(OP_SETLIST, table, b, batch);
    else {
      this.abc(OP_SETLIST, table, b, 0);
      this.emit(batch);
    }
    this.free = table + 1;
  }

  /** What the compiled function consists of. */
  finish(prototype: Prototype): void {
    prototype.code = new Int32Array(this.words);
    prototype.lines = this.lines;
    prototype.registers = this.registers;
  }

  // --- Registers and constants ---

  checkRegisters(count: number): void {
    const needed = this.free + count;
    if (needed <= this.registers) return;
    if (needed >= MOST_REGISTERS) throw this.lexer.syntaxError("function or expression too complex");
    this.registers = needed;
  }

  reserve(count: number): void {
    this.checkRegisters(count);
    this.free += count;
  }

  private release(register: number): void {
    if ((register & CONSTANT_BIT) === 0 && register >= this.active) this.free -= 1;
  }

  private releaseExpression(e: Expression): void {
    if (e.kind === E_REGISTER) this.release(e.info);
  }

  constant(value: Value): number {
    const known = this.find(value);
    if (known !== undefined) return known;
    const index = this.constants.push(value) - 1;
    if (index > MOST_D) throw new LuaError("constant table overflow");
    if (this.places !== undefined) this.places.set(value, index);
    else if (index >= FEW_CONSTANTS) this.places = new Map(this.constants.map((each, place) => [each, place]));
    return index;
  }

  private find(value: Value): number | undefined {
    if (this.places !== undefined) return this.places.get(value);
    const { constants } = this;
    for (let index = 0; index < constants.length; index += 1) if (constants[index] === value) return index;
    return undefined;
  }

  // --- Jumps ---

  jump(): number {
    const pending = this.toHere;
    this.toHere = NO_JUMP;
    return this.joined(this.ad(OP_JMP, 0, NO_JUMP + JUMP_BIAS), pending);
  }

  /** The place of the next instruction, which is jumped to. */
  label(): number {
    return this.pc;
  }

  private target(pc: number): number {
    const distance = jumpOf(this.words[pc]);
    return distance === NO_JUMP ? NO_JUMP : pc + 1 + distance;
  }

  private aim(pc: number, target: number): void {
    const distance = target - (pc + 1);
    if (Math.abs(distance) > JUMP_BIAS) throw this.lexer.syntaxError("control structure too long");
    this.words[pc] = packAD(opOf(this.words[pc]), aOf(this.words[pc]), distance + JUMP_BIAS);
  }

  /** Both lists of jumps in one. Goes through the first: let that be the short one. */
  joined(first: number, second: number): number {
    if (second === NO_JUMP) return first;
    if (first === NO_JUMP) return second;
    let last = first;
    for (let next = this.target(last); next !== NO_JUMP; next = this.target(last)) last = next;
    this.aim(last, second);
    return first;
  }

  patch(list: number, target: number): void {
    if (target === this.pc) this.patchToHere(list);
    else this.patchList(list, target, NO_REGISTER, target);
  }

  patchToHere(list: number): void {
    this.toHere = this.joined(this.toHere, list);
  }

  private landJumps(): void {
    if (this.toHere === NO_JUMP) return;
    const list = this.toHere;
    this.toHere = NO_JUMP;
    this.patchList(list, this.pc, NO_REGISTER, this.pc);
  }

  /** Jumps that bring a value go to `withValue` and leave it in the register, the others go to `without`. */
  private patchList(list: number, withValue: number, register: number, without: number): void {
    for (let pc = list; pc !== NO_JUMP;) {
      const next = this.target(pc);
      this.aim(pc, this.patchTest(pc, register) ? withValue : without);
      pc = next;
    }
  }

  /** The test that decides about a jump, or the jump itself. */
  private control(pc: number): number {
    if (pc < 1) return pc;
    const op = opOf(this.words[pc - 1]);
    return op >= OP_EQ && op <= OP_TESTSET ? pc - 1 : pc;
  }

  private patchTest(pc: number, register: number): boolean {
    const at = this.control(pc);
    const word = this.words[at];
    if (opOf(word) !== OP_TESTSET) return false;
    if (register !== NO_REGISTER && register !== bOf(word)) this.setA(at, register);
    else this.words[at] = packABC(OP_TEST, bOf(word), 0, cOf(word));
    return true;
  }

  private removeValues(list: number): void {
    for (let pc = list; pc !== NO_JUMP; pc = this.target(pc)) this.patchTest(pc, NO_REGISTER);
  }

  /** Whether a jump of the list comes without a value. */
  private needsValue(list: number): boolean {
    for (let pc = list; pc !== NO_JUMP; pc = this.target(pc)) {
      if (opOf(this.words[this.control(pc)]) !== OP_TESTSET) return true;
    }
    return false;
  }

  private conditionalJump(op: number, a: number, b: number, c: number): number {
    this.abc(op, a, b, c);
    return this.jump();
  }

  // --- Expressions into registers ---

  setReturns(e: Expression, count: number): void {
    if (e.kind === E_CALL) this.setC(e.info, count + 1);
    else if (e.kind === E_VARARG) {
      this.setB(e.info, count + 1);
      this.setA(e.info, this.free);
      this.reserve(1);
    }
  }

  setOneReturn(e: Expression): void {
    if (e.kind === E_CALL) {
      e.kind = E_REGISTER;
      e.info = aOf(this.words[e.info]);
    } else if (e.kind === E_VARARG) {
      this.setB(e.info, 2);
      e.kind = E_PENDING;
    }
  }

  /** Makes a value of a variable: afterwards it's a constant, a register or a pending instruction. */
  discharge(e: Expression): void {
    switch (e.kind) {
      case E_LOCAL: e.kind = E_REGISTER; return;
      case E_UPVALUE: e.info = this.abc(OP_GETUPVAL, 0, e.info, 0); break;
      case E_GLOBAL: e.info = this.ad(OP_GETGLOBAL, 0, e.info); break;
      case E_INDEXED: {
        this.release(e.key);
        this.release(e.info);
        const op = this.isField(e.key) ? OP_GETFIELD : OP_GETTABLE;
        e.info = this.abc(op, 0, e.info, e.key);
        break;
      }
      case E_CALL: case E_VARARG: this.setOneReturn(e); return;
      default: return;
    }
    e.kind = E_PENDING;
  }

  private isField(key: number): boolean {
    return (key & CONSTANT_BIT) !== 0 && typeof this.constants[key & CONSTANT_MASK] === "string";
  }

  private dischargeTo(e: Expression, register: number): void {
    this.discharge(e);
    switch (e.kind) {
      case E_NIL: this.nil(register, 1); break;
      case E_FALSE: this.abc(OP_LOADBOOL, register, 0, 0); break;
      case E_TRUE: this.abc(OP_LOADBOOL, register, 1, 0); break;
      case E_CONSTANT: this.ad(OP_LOADK, register, e.info); break;
      case E_NUMBER: this.ad(OP_LOADK, register, this.constant(e.number)); break;
      case E_PENDING: this.setA(e.info, register); break;
      case E_REGISTER: if (register !== e.info) this.abc(OP_MOVE, register, e.info, 0); break;
      default: return;
    }
    e.kind = E_REGISTER;
    e.info = register;
  }

  private toRegister(e: Expression, register: number): void {
    this.dischargeTo(e, register);
    if (e.kind === E_JUMP) e.whenTrue = this.joined(e.info, e.whenTrue);
    if (e.hasJumps) {
      let loadFalse = NO_JUMP;
      let loadTrue = NO_JUMP;
      if (this.needsValue(e.whenTrue) || this.needsValue(e.whenFalse)) {
        const around = e.kind === E_JUMP ? NO_JUMP : this.jump();
        loadFalse = this.abc(OP_LOADBOOL, register, 0, 1);
        loadTrue = this.abc(OP_LOADBOOL, register, 1, 0);
        this.patchToHere(around);
      }
      const end = this.label();
      this.patchList(e.whenFalse, end, register, loadFalse);
      this.patchList(e.whenTrue, end, register, loadTrue);
    }
    e.set(E_REGISTER, register);
  }

  toNextRegister(e: Expression): void {
    this.discharge(e);
    this.releaseExpression(e);
    this.reserve(1);
    this.toRegister(e, this.free - 1);
  }

  toAnyRegister(e: Expression): number {
    this.discharge(e);
    if (e.kind === E_REGISTER) {
      if (!e.hasJumps) return e.info;
      if (e.info >= this.active) {
        this.toRegister(e, e.info);
        return e.info;
      }
    }
    this.toNextRegister(e);
    return e.info;
  }

  toValue(e: Expression): void {
    if (e.hasJumps) this.toAnyRegister(e);
    else this.discharge(e);
  }

  /** A register or, where it's a constant with a small number, that with CONSTANT_BIT. */
  toOperand(e: Expression): number {
    this.toValue(e);
    if (e.kind >= E_NIL && e.kind <= E_NUMBER && e.kind !== E_CONSTANT && this.constants.length <= CONSTANT_MASK) {
      const value = e.kind === E_NUMBER ? e.number : e.kind === E_NIL ? undefined : e.kind === E_TRUE;
      e.info = this.constant(value);
      e.kind = E_CONSTANT;
    }
    if (e.kind === E_CONSTANT && e.info <= CONSTANT_MASK) return e.info | CONSTANT_BIT;
    return this.toAnyRegister(e);
  }

  store(variable: Expression, e: Expression): void {
    switch (variable.kind) {
      case E_LOCAL:
        this.releaseExpression(e);
        this.toRegister(e, variable.info);
        return;
      case E_UPVALUE: this.abc(OP_SETUPVAL, this.toAnyRegister(e), variable.info, 0); break;
      case E_GLOBAL: this.ad(OP_SETGLOBAL, this.toAnyRegister(e), variable.info); break;
      default: this.setElement(variable.info, variable.key, this.toOperand(e));
    }
    this.releaseExpression(e);
  }

  setElement(table: number, key: number, value: number): void {
    this.abc(this.isField(key) ? OP_SETFIELD : OP_SETTABLE, table, key, value);
  }

  /** `e:key`: the function and its first argument go into two registers. */
  self(e: Expression, key: Expression): void {
    this.toAnyRegister(e);
    this.releaseExpression(e);
    const first = this.free;
    this.reserve(2);
    this.abc(OP_SELF, first, e.info, this.toOperand(key));
    this.releaseExpression(key);
    e.info = first;
    e.kind = E_REGISTER;
  }

  index(e: Expression, key: Expression): void {
    e.key = this.toOperand(key);
    e.kind = E_INDEXED;
  }

  // --- Conditions ---

  private invert(e: Expression): void {
    const at = this.control(e.info);
    this.setA(at, aOf(this.words[at]) === 0 ? 1 : 0);
  }

  private jumpIf(e: Expression, condition: boolean): number {
    if (e.kind === E_PENDING) {
      const word = this.words[e.info];
      if (opOf(word) === OP_NOT) {
        this.words.pop();
        this.lines.pop();
        return this.conditionalJump(OP_TEST, bOf(word), 0, condition ? 0 : 1);
      }
    }
    if (e.kind !== E_REGISTER) {
      this.reserve(1);
      this.dischargeTo(e, this.free - 1);
    }
    this.releaseExpression(e);
    return this.conditionalJump(OP_TESTSET, NO_REGISTER, e.info, condition ? 1 : 0);
  }

  /** Goes on if the expression is true; `whenFalse` are the jumps away. */
  goIfTrue(e: Expression): void {
    this.discharge(e);
    let away = NO_JUMP;
    if (e.kind === E_JUMP) {
      this.invert(e);
      away = e.info;
    } else if (e.kind !== E_CONSTANT && e.kind !== E_NUMBER && e.kind !== E_TRUE) away = this.jumpIf(e, false);
    e.whenFalse = this.joined(away, e.whenFalse);
    this.patchToHere(e.whenTrue);
    e.whenTrue = NO_JUMP;
  }

  /** Goes on if the expression is false; `whenTrue` are the jumps away. */
  goIfFalse(e: Expression): void {
    this.discharge(e);
    let away = NO_JUMP;
    if (e.kind === E_JUMP) away = e.info;
    else if (e.kind !== E_NIL && e.kind !== E_FALSE) away = this.jumpIf(e, true);
    e.whenTrue = this.joined(away, e.whenTrue);
    this.patchToHere(e.whenFalse);
    e.whenFalse = NO_JUMP;
  }

  private not(e: Expression): void {
    this.discharge(e);
    switch (e.kind) {
      case E_NIL: case E_FALSE: e.kind = E_TRUE; break;
      case E_CONSTANT: case E_NUMBER: case E_TRUE: e.kind = E_FALSE; break;
      case E_JUMP: this.invert(e); break;
      default:
        if (e.kind !== E_REGISTER) {
          this.reserve(1);
          this.dischargeTo(e, this.free - 1);
        }
        this.releaseExpression(e);
        e.info = this.abc(OP_NOT, 0, e.info, 0);
        e.kind = E_PENDING;
    }
    const { whenTrue, whenFalse } = e;
    e.whenFalse = whenTrue;
    e.whenTrue = whenFalse;
    this.removeValues(e.whenFalse);
    this.removeValues(e.whenTrue);
  }

  // --- Operators: OP_... of the instruction; of "and", "or" and comparisons see expressions.ts ---

  unary(op: number, e: Expression): void {
    if (op === OP_NOT) {
      this.not(e);
      return;
    }
    if (op === OP_LEN || !e.isNumeral) this.toAnyRegister(e);
    const zero = new Expression();
    zero.kind = E_NUMBER;
    this.arithmetic(op, e, zero);
  }

  arithmetic(op: number, left: Expression, right: Expression): void {
    if (fold(op, left, right)) return;
    const second = op !== OP_UNM && op !== OP_LEN ? this.toOperand(right) : 0;
    const first = this.toOperand(left);
    if (first > second) {
      this.releaseExpression(left);
      this.releaseExpression(right);
    } else {
      this.releaseExpression(right);
      this.releaseExpression(left);
    }
    left.info = this.abc(op, 0, first, second);
    left.kind = E_PENDING;
  }

  concat(left: Expression, right: Expression): void {
    this.toValue(right);
    if (right.kind === E_PENDING && opOf(this.words[right.info]) === OP_CONCAT) {
      this.releaseExpression(left);
      this.setB(right.info, left.info);
      left.kind = E_PENDING;
      left.info = right.info;
      return;
    }
    this.toNextRegister(right);
    this.arithmetic(OP_CONCAT, left, right);
  }

  /** `condition` false asks for the opposite: ~= of EQ; of LT and LE the operands change places. */
  compare(op: number, condition: boolean, left: Expression, right: Expression): void {
    let first = this.toOperand(left);
    let second = this.toOperand(right);
    this.releaseExpression(right);
    this.releaseExpression(left);
    let wanted = condition ? 1 : 0;
    if (!condition && (op === OP_LT || op === OP_LE)) {
      [first, second] = [second, first];
      wanted = 1;
    }
    left.info = this.conditionalJump(op, wanted, first, second);
    left.kind = E_JUMP;
  }

  call(f: Expression, count: number, line: number): void {
    const first = f.info;
    f.set(E_CALL, this.abc(OP_CALL, first, count + 1, 2));
    this.fixLine(line);
    this.free = first + 1;
  }
}

/** Works out an operator on two numerals, if it's safe to. */
function fold(op: number, left: Expression, right: Expression): boolean {
  if (!left.isNumeral || !right.isNumeral) return false;
  const [a, b] = [left.number, right.number];
  if (b === 0 && (op === OP_DIV || op === OP_MOD)) return false;
  let result: number;
  switch (op) {
    case OP_ADD: result = a + b; break;
    case OP_SUB: result = a - b; break;
    case OP_MUL: result = a * b; break;
    case OP_DIV: result = a / b; break;
    case OP_MOD: result = a - Math.floor(a / b) * b; break;
    case OP_POW: result = a ** b; break;
    case OP_UNM: result = -a; break;
    default: return false;
  }
  if (Number.isNaN(result)) return false;
  left.number = result;
  return true;
}
