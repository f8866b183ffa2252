// expression.ts - an expression while its code is written: where its value is, or how to get it.
//
// Comparisons and "and" and "or" are jumps: `whenTrue` and `whenFalse` are the first of a list of jumps that leave the
// expression with that result and still miss their target.
//
// Not for writing code (code.ts).

export const E_VOID = 0; //      nothing
export const E_NIL = 1;
export const E_TRUE = 2;
export const E_FALSE = 3;
export const E_CONSTANT = 4; //  info: its number
export const E_NUMBER = 5; //    number
export const E_LOCAL = 6; //     info: its register
export const E_UPVALUE = 7; //   info: its number
export const E_GLOBAL = 8; //    info: the constant that is its name
export const E_INDEXED = 9; //   info: the table's register; key: register or constant
export const E_JUMP = 10; //     info: the jump
export const E_PENDING = 11; //  info: the instruction that can put it into any register
export const E_REGISTER = 12; // info: the register
export const E_CALL = 13; //     info: the call
export const E_VARARG = 14; //   info: the VARARG

export const NO_JUMP = -1;

export class Expression {
  kind = E_VOID;
  info = 0;
  key = 0;
  number = 0;
  whenTrue = NO_JUMP;
  whenFalse = NO_JUMP;

  set(kind: number, info: number): void {
    this.kind = kind;
    this.info = info;
    this.whenTrue = NO_JUMP;
    this.whenFalse = NO_JUMP;
  }

  copy(other: Expression): void {
    this.kind = other.kind;
    this.info = other.info;
    this.key = other.key;
    this.number = other.number;
    this.whenTrue = other.whenTrue;
    this.whenFalse = other.whenFalse;
  }

  get hasJumps(): boolean {
    return this.whenTrue !== this.whenFalse;
  }

  get isNumeral(): boolean {
    return this.kind === E_NUMBER && this.whenTrue === NO_JUMP && this.whenFalse === NO_JUMP;
  }

  get isMultiple(): boolean {
    return this.kind === E_CALL || this.kind === E_VARARG;
  }
}
