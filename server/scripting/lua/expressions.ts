// expressions.ts - the syntax of expressions: the lower half of the parser.
//
// It reads a token once and writes code as it goes; there is no tree. Nesting is counted, so that no text can exhaust
// JavaScript's stack.
//
// Not for statements (parser.ts).

import type { Code } from "./code.ts";
import {
  E_CONSTANT, E_FALSE, E_NIL, E_NUMBER, E_PENDING, E_TRUE, E_VARARG, E_VOID, Expression,
} from "./expression.ts";
import {
  type Lexer, T_AND, T_CONCAT, T_DOTS, T_EQUAL, T_FALSE, T_FUNCTION, T_NAME, T_NIL, T_NOT, T_NOT_ABOVE, T_NOT_BELOW,
  T_NUMBER, T_OR, T_STRING, T_TRUE, T_UNEQUAL,
} from "./lexer.ts";
import {
  LIST_BATCH, MULTIPLE, OP_ADD, OP_DIV, OP_EQ, OP_LE, OP_LEN, OP_LT, OP_MOD, OP_MUL, OP_NEWTABLE, OP_NOT, OP_POW,
  OP_SUB, OP_UNM, OP_VARARG, packSize,
} from "./opcodes.ts";
import { Scope } from "./scope.ts";

const MOST_LEVELS = 200;

const PLUS = 43;
const MINUS = 45;
const STAR = 42;
const SLASH = 47;
const PERCENT = 37;
const CARET = 94;
const HASH = 35;
const LESS = 60;
const GREATER = 62;
export const ASSIGN = 61;
export const COMMA = 44;
export const SEMICOLON = 59;
export const COLON = 58;
export const POINT = 46;
export const OPEN_ROUND = 40;
export const CLOSE_ROUND = 41;
const OPEN_SQUARE = 91;
const CLOSE_SQUARE = 93;
const OPEN_CURLY = 123;
const CLOSE_CURLY = 125;

const UNARY_PRIORITY = 8;

/** How strongly an operator binds what is left of it (tens) and right of it (ones); 0: it's none. */
function priority(token: number): number {
  switch (token) {
    case PLUS: case MINUS: return 66;
    case STAR: case SLASH: case PERCENT: return 77;
    case CARET: return 109;
    case T_CONCAT: return 54;
    case T_EQUAL: case T_UNEQUAL: case LESS: case T_NOT_ABOVE: case GREATER: case T_NOT_BELOW: return 33;
    case T_AND: return 22;
    case T_OR: return 11;
    default: return 0;
  }
}

export abstract class ExpressionParser {
  protected readonly lexer: Lexer;
  protected scope: Scope;
  private levels: number;

  /** `levels` of nesting are in use already where the compiler was called. */
  constructor(lexer: Lexer, levels: number) {
    this.lexer = lexer;
    this.levels = levels;
    this.scope = new Scope(lexer, undefined, 0);
  }

  protected get code(): Code {
    return this.scope.code;
  }

  /** The parameters and statements of a function whose `function` stands at the line. */
  protected abstract body(e: Expression, hasSelf: boolean, line: number): void;

  // --- Tokens ---

  protected enterLevel(): void {
    this.levels += 1;
    if (this.levels > MOST_LEVELS) throw this.lexer.error("chunk has too many syntax levels");
  }

  protected leaveLevel(): void {
    this.levels -= 1;
  }

  /** How many more things may stand beside each other in an assignment. */
  protected get levelsLeft(): number {
    return MOST_LEVELS - this.levels;
  }

  protected accept(token: number): boolean {
    if (this.lexer.token !== token) return false;
    this.lexer.next();
    return true;
  }

  protected check(token: number): void {
    if (this.lexer.token !== token) throw this.lexer.syntaxError(`'${this.lexer.spell(token)}' expected`);
  }

  protected expect(token: number): void {
    this.check(token);
    this.lexer.next();
  }

  /** What must end something that began at a line. */
  protected expectMatch(token: number, opening: number, line: number): void {
    const { lexer } = this;
    if (this.accept(token)) return;
    if (line === lexer.line) this.check(token);
    const [end, start] = [lexer.spell(token), lexer.spell(opening)];
    throw lexer.syntaxError(`'${end}' expected (to close '${start}' at line ${line})`);
  }

  protected name(): string {
    this.check(T_NAME);
    const { text } = this.lexer;
    this.lexer.next();
    return text;
  }

  protected constantOf(e: Expression, text: string): void {
    e.set(E_CONSTANT, this.code.constant(text));
  }

  // --- Expressions ---

  /** One or more expressions: all but the last are in registers. Gives how many. */
  protected list(e: Expression): number {
    let count = 1;
    this.expression(e);
    while (this.accept(COMMA)) {
      this.code.toNextRegister(e);
      this.expression(e);
      count += 1;
    }
    return count;
  }

  /** What stands between the brackets of a call. */
  private listInBrackets(args: Expression): void {
    if (this.lexer.token === CLOSE_ROUND) return;
    this.list(args);
    this.code.setReturns(args, MULTIPLE);
  }

  protected expression(e: Expression): void {
    this.operators(e, 0);
  }

  /** Operators that bind stronger than `limit`; gives the token that follows. */
  private operators(e: Expression, limit: number): number {
    this.enterLevel();
    const { lexer, code } = this;
    const sign = lexer.token;
    if (sign === T_NOT || sign === MINUS || sign === HASH) {
      lexer.next();
      this.operators(e, UNARY_PRIORITY);
      code.unary(sign === T_NOT ? OP_NOT : sign === MINUS ? OP_UNM : OP_LEN, e);
    } else this.simple(e);
    let token = lexer.token;
    for (let binds = priority(token); Math.floor(binds / 10) > limit; binds = priority(token)) {
      const right = new Expression();
      lexer.next();
      this.beforeRight(token, e);
      const following = this.operators(right, binds % 10);
      this.afterRight(token, e, right);
      token = following;
    }
    this.leaveLevel();
    return token;
  }

  private beforeRight(operator: number, e: Expression): void {
    const { code } = this;
    switch (operator) {
      case T_AND: code.goIfTrue(e); break;
      case T_OR: code.goIfFalse(e); break;
      case T_CONCAT: code.toNextRegister(e); break;
      case PLUS: case MINUS: case STAR: case SLASH: case PERCENT: case CARET:
        if (!e.isNumeral) code.toOperand(e);
        break;
      default: code.toOperand(e);
    }
  }

  private afterRight(operator: number, left: Expression, right: Expression): void {
    const { code } = this;
    switch (operator) {
      case T_AND:
        code.discharge(right);
        right.whenFalse = code.joined(right.whenFalse, left.whenFalse);
        left.copy(right);
        break;
      case T_OR:
        code.discharge(right);
        right.whenTrue = code.joined(right.whenTrue, left.whenTrue);
        left.copy(right);
        break;
      case T_CONCAT: code.concat(left, right); break;
      case PLUS: code.arithmetic(OP_ADD, left, right); break;
      case MINUS: code.arithmetic(OP_SUB, left, right); break;
      case STAR: code.arithmetic(OP_MUL, left, right); break;
      case SLASH: code.arithmetic(OP_DIV, left, right); break;
      case PERCENT: code.arithmetic(OP_MOD, left, right); break;
      case CARET: code.arithmetic(OP_POW, left, right); break;
      case T_EQUAL: code.compare(OP_EQ, true, left, right); break;
      case T_UNEQUAL: code.compare(OP_EQ, false, left, right); break;
      case LESS: code.compare(OP_LT, true, left, right); break;
      case T_NOT_ABOVE: code.compare(OP_LE, true, left, right); break;
      case GREATER: code.compare(OP_LT, false, left, right); break;
      default: code.compare(OP_LE, false, left, right);
    }
  }

  private simple(e: Expression): void {
    const { lexer } = this;
    switch (lexer.token) {
      case T_NUMBER:
        e.set(E_NUMBER, 0);
        e.number = lexer.number;
        break;
      case T_STRING: this.constantOf(e, lexer.text); break;
      case T_NIL: e.set(E_NIL, 0); break;
      case T_TRUE: e.set(E_TRUE, 0); break;
      case T_FALSE: e.set(E_FALSE, 0); break;
      case T_DOTS:
        if (!this.scope.prototype.isVararg) {
          throw lexer.syntaxError("cannot use '...' outside a vararg function");
        }
        this.scope.prototype.needsArg = false;
        e.set(E_VARARG, this.code.abc(OP_VARARG, 0, 1, 0));
        break;
      case OPEN_CURLY: this.constructorOf(e); return;
      case T_FUNCTION:
        lexer.next();
        this.body(e, false, lexer.line);
        return;
      default: this.primary(e); return;
    }
    lexer.next();
  }

  /** A variable, a call, an element: a name or brackets and what is behind them. */
  protected primary(e: Expression): void {
    const { lexer, code } = this;
    this.prefix(e);
    for (;;) {
      switch (lexer.token) {
        case POINT: this.field(e); break;
        case OPEN_SQUARE: {
          code.toAnyRegister(e);
          const key = new Expression();
          this.bracketed(key);
          code.index(e, key);
          break;
        }
        case COLON: {
          const key = new Expression();
          lexer.next();
          this.constantOf(key, this.name());
          code.self(e, key);
          this.callArguments(e);
          break;
        }
        case OPEN_ROUND: case T_STRING: case OPEN_CURLY:
          code.toNextRegister(e);
          this.callArguments(e);
          break;
        default: return;
      }
    }
  }

  private prefix(e: Expression): void {
    const { lexer } = this;
    if (lexer.token === T_NAME) this.scope.resolve(this.name(), e);
    else if (lexer.token === OPEN_ROUND) {
      const { line } = lexer;
      lexer.next();
      this.expression(e);
      this.expectMatch(CLOSE_ROUND, OPEN_ROUND, line);
      this.code.discharge(e);
    } else throw lexer.syntaxError("unexpected symbol");
  }

  /** `.name` or `:name` behind an expression. */
  protected field(e: Expression): void {
    const key = new Expression();
    this.code.toAnyRegister(e);
    this.lexer.next();
    this.constantOf(key, this.name());
    this.code.index(e, key);
  }

  private bracketed(key: Expression): void {
    this.lexer.next();
    this.expression(key);
    this.code.toValue(key);
    this.expect(CLOSE_SQUARE);
  }

  private callArguments(f: Expression): void {
    const { lexer, code } = this;
    const { line } = lexer;
    const args = new Expression();
    switch (lexer.token) {
      case OPEN_ROUND:
        if (line !== lexer.lastLine) throw lexer.syntaxError("ambiguous syntax (function call x new statement)");
        lexer.next();
        this.listInBrackets(args);
        this.expectMatch(CLOSE_ROUND, OPEN_ROUND, line);
        break;
      case OPEN_CURLY: this.constructorOf(args); break;
      case T_STRING:
        this.constantOf(args, lexer.text);
        lexer.next();
        break;
      default: throw lexer.syntaxError("function arguments expected");
    }
    if (args.isMultiple) {
      code.call(f, MULTIPLE, line);
      return;
    }
    if (args.kind !== E_VOID) code.toNextRegister(args);
    code.call(f, code.free - (f.info + 1), line);
  }

  // --- Table constructors ---

  private constructorOf(e: Expression): void {
    const { lexer, code } = this;
    const { line } = lexer;
    const pc = code.abc(OP_NEWTABLE, 0, 0, 0);
    const item = new Expression();
    let elements = 0;
    let keys = 0;
    let waiting = 0;
    e.set(E_PENDING, pc);
    code.toNextRegister(e);
    this.expect(OPEN_CURLY);
    do {
      if (lexer.token === CLOSE_CURLY) break;
      if (item.kind !== E_VOID) {
        code.toNextRegister(item);
        item.kind = E_VOID;
        if (waiting === LIST_BATCH) {
          code.storeList(e.info, elements, waiting);
          waiting = 0;
        }
      }
      if (lexer.token === OPEN_SQUARE || (lexer.token === T_NAME && lexer.peek() === ASSIGN)) {
        this.pair(e.info);
        keys += 1;
      } else {
        this.expression(item);
        elements += 1;
        waiting += 1;
      }
    } while (this.accept(COMMA) || this.accept(SEMICOLON));
    this.expectMatch(CLOSE_CURLY, OPEN_CURLY, line);
    this.lastItems(e.info, item, elements, waiting);
    code.setB(pc, packSize(item.isMultiple ? elements - 1 : elements));
    code.setC(pc, packSize(keys));
  }

  private lastItems(table: number, item: Expression, elements: number, waiting: number): void {
    const { code } = this;
    if (waiting === 0) return;
    if (item.isMultiple) {
      code.setReturns(item, MULTIPLE);
      code.storeList(table, elements, MULTIPLE);
    } else {
      if (item.kind !== E_VOID) code.toNextRegister(item);
      code.storeList(table, elements, waiting);
    }
  }

  private pair(table: number): void {
    const { lexer, code } = this;
    const { free } = code;
    const key = new Expression();
    const value = new Expression();
    if (lexer.token === T_NAME) this.constantOf(key, this.name());
    else this.bracketed(key);
    this.expect(ASSIGN);
    const keyOperand = code.toOperand(key);
    this.expression(value);
    code.setElement(table, keyOperand, code.toOperand(value));
    code.free = free;
  }
}

