// parser.ts - the syntax of statements, and the way in: `compile` makes a function of a text.
//
//   text ──► lexer.ts ──► parser.ts, expressions.ts ──► scope.ts, code.ts ──► Prototype
//
// One pass: statements are read and code is written at once.
//
// Not for expressions (expressions.ts).

import { E_CALL, E_FALSE, E_INDEXED, E_LOCAL, E_NIL, E_PENDING, E_REGISTER, E_VOID, Expression, NO_JUMP }
  from "./expression.ts";
import {
  ASSIGN, CLOSE_ROUND, COLON, COMMA, ExpressionParser, OPEN_ROUND, POINT, SEMICOLON,
} from "./expressions.ts";
import type { Prototype } from "./function.ts";
import {
  Lexer, T_BREAK, T_DO, T_DOTS, T_ELSE, T_ELSEIF, T_END, T_END_OF_TEXT, T_FOR, T_FUNCTION, T_IF, T_IN, T_LOCAL, T_NAME,
  T_REPEAT, T_RETURN, T_THEN, T_UNTIL, T_WHILE, chunkName,
} from "./lexer.ts";
import {
  MULTIPLE, OP_FORLOOP, OP_FORPREP, OP_LOADK, OP_MOVE, OP_TAILCALL, OP_TFORLOOP,
} from "./opcodes.ts";
import { Scope } from "./scope.ts";

/**
 * Compiles a text (bytes as characters). `source` names it: "@user_script", or the text itself. `levels` is how deep
 * calls are nested where it happens: that much less may the text be nested.
 */
export function compile(text: string, source: string, levels = 0): Prototype {
  return new Parser(new Lexer(text, chunkName(source)), levels).main();
}

class Parser extends ExpressionParser {
  main(): Prototype {
    this.scope.prototype.isVararg = true;
    this.lexer.next();
    this.chunk();
    this.check(T_END_OF_TEXT);
    return this.scope.finish();
  }

  // --- Blocks ---

  private get isAtEnd(): boolean {
    switch (this.lexer.token) {
      case T_ELSE: case T_ELSEIF: case T_END: case T_UNTIL: case T_END_OF_TEXT: return true;
      default: return false;
    }
  }

  private chunk(): void {
    this.enterLevel();
    for (let isLast = false; !isLast && !this.isAtEnd;) {
      isLast = this.statement();
      this.accept(SEMICOLON);
      this.code.free = this.code.active;
    }
    this.leaveLevel();
  }

  private block(): void {
    this.scope.enter(false);
    this.chunk();
    this.scope.leave();
  }

  /** Gives whether no statement may follow. */
  private statement(): boolean {
    const { lexer } = this;
    const { line } = lexer;
    switch (lexer.token) {
      case T_IF: this.ifStatement(line); return false;
      case T_WHILE: this.whileStatement(line); return false;
      case T_DO:
        lexer.next();
        this.block();
        this.expectMatch(T_END, T_DO, line);
        return false;
      case T_FOR: this.forStatement(line); return false;
      case T_REPEAT: this.repeatStatement(line); return false;
      case T_FUNCTION: this.functionStatement(line); return false;
      case T_LOCAL:
        lexer.next();
        if (this.accept(T_FUNCTION)) this.localFunction();
        else this.localStatement();
        return false;
      case T_RETURN: this.returnStatement(); return true;
      case T_BREAK:
        lexer.next();
        this.scope.break();
        return true;
      default: this.expressionStatement(); return false;
    }
  }

  // --- Control ---

  /** A condition; gives the jumps to where it's false. */
  private condition(): number {
    const e = new Expression();
    this.expression(e);
    if (e.kind === E_NIL) e.kind = E_FALSE;
    this.code.goIfTrue(e);
    return e.whenFalse;
  }

  private ifStatement(line: number): void {
    const { lexer, code } = this;
    let escapes = NO_JUMP;
    let otherwise = this.testThenBlock();
    while (lexer.token === T_ELSEIF) {
      escapes = code.joined(code.jump(), escapes);
      code.patchToHere(otherwise);
      otherwise = this.testThenBlock();
    }
    if (lexer.token === T_ELSE) {
      escapes = code.joined(code.jump(), escapes);
      code.patchToHere(otherwise);
      lexer.next();
      this.block();
    } else escapes = code.joined(escapes, otherwise);
    code.patchToHere(escapes);
    this.expectMatch(T_END, T_IF, line);
  }

  private testThenBlock(): number {
    this.lexer.next();
    const otherwise = this.condition();
    this.expect(T_THEN);
    this.block();
    return otherwise;
  }

  private whileStatement(line: number): void {
    const { code, scope } = this;
    this.lexer.next();
    const start = code.label();
    const exit = this.condition();
    scope.enter(true);
    this.expect(T_DO);
    this.block();
    code.patch(code.jump(), start);
    this.expectMatch(T_END, T_WHILE, line);
    scope.leave();
    code.patchToHere(exit);
  }

  private repeatStatement(line: number): void {
    const { code, scope } = this;
    const start = code.label();
    scope.enter(true);
    scope.enter(false);
    this.lexer.next();
    this.chunk();
    this.expectMatch(T_UNTIL, T_REPEAT, line);
    const exit = this.condition();
    if (scope.blockHasUpvalue) {
      scope.break();
      code.patchToHere(exit);
      scope.leave();
      code.patch(code.jump(), start);
    } else {
      scope.leave();
      code.patch(exit, start);
    }
    scope.leave();
  }

  private forStatement(line: number): void {
    const { lexer, scope } = this;
    scope.enter(true);
    lexer.next();
    const name = this.name();
    if (lexer.token === ASSIGN) this.numericFor(name, line);
    else if (lexer.token === COMMA || lexer.token === T_IN) this.genericFor(name);
    else throw lexer.syntaxError("'=' or 'in' expected");
    this.expectMatch(T_END, T_FOR, line);
    scope.leave();
  }

  private numericFor(name: string, line: number): void {
    const { code, scope } = this;
    const base = code.free;
    for (const each of ["(for index)", "(for limit)", "(for step)", name]) scope.declare(each);
    this.expect(ASSIGN);
    this.single();
    this.expect(COMMA);
    this.single();
    if (this.accept(COMMA)) this.single();
    else {
      code.ad(OP_LOADK, code.free, code.constant(1));
      code.reserve(1);
    }
    this.forBody(base, line, 1, true);
  }

  private single(): void {
    const e = new Expression();
    this.expression(e);
    this.code.toNextRegister(e);
  }

  private genericFor(first: string): void {
    const { code, scope } = this;
    const base = code.free;
    for (const each of ["(for generator)", "(for state)", "(for control)", first]) scope.declare(each);
    let names = 1;
    for (; this.accept(COMMA); names += 1) scope.declare(this.name());
    this.expect(T_IN);
    const { line } = this.lexer;
    const e = new Expression();
    this.adjust(3, this.list(e), e);
    code.checkRegisters(3);
    this.forBody(base, line, names, false);
  }

  private forBody(base: number, line: number, names: number, isNumeric: boolean): void {
    const { code, scope } = this;
    scope.show(3);
    this.expect(T_DO);
    const start = isNumeric ? scope.openJump(OP_FORPREP, base) : code.jump();
    scope.enter(false);
    scope.show(names);
    code.reserve(names);
    this.block();
    scope.leave();
    code.patchToHere(start);
    const end = isNumeric ? scope.openJump(OP_FORLOOP, base) : code.abc(OP_TFORLOOP, base, 0, names);
    code.fixLine(line);
    code.patch(isNumeric ? end : code.jump(), start + 1);
  }

  private returnStatement(): void {
    const { lexer, code } = this;
    lexer.next();
    if (this.isAtEnd || lexer.token === SEMICOLON) {
      code.giveBack(0, 0);
      return;
    }
    const e = new Expression();
    const count = this.list(e);
    if (e.isMultiple) {
      code.setReturns(e, MULTIPLE);
      if (e.kind === E_CALL && count === 1) code.setOp(e.info, OP_TAILCALL);
      code.giveBack(code.active, MULTIPLE);
    } else if (count === 1) code.giveBack(code.toAnyRegister(e), 1);
    else {
      code.toNextRegister(e);
      code.giveBack(code.active, count);
    }
  }

  // --- Functions ---

  private functionStatement(line: number): void {
    const { lexer, code } = this;
    const variable = new Expression();
    const e = new Expression();
    lexer.next();
    this.scope.resolve(this.name(), variable);
    while (lexer.token === POINT) this.field(variable);
    const hasSelf = lexer.token === COLON;
    if (hasSelf) this.field(variable);
    this.body(e, hasSelf, line);
    code.store(variable, e);
    code.fixLine(line);
  }

  private localFunction(): void {
    const { code, scope } = this;
    const variable = new Expression();
    const e = new Expression();
    scope.declare(this.name());
    variable.set(E_LOCAL, code.free);
    code.reserve(1);
    scope.show(1);
    this.body(e, false, this.lexer.line);
    code.store(variable, e);
    scope.restartLast();
  }

  protected body(e: Expression, hasSelf: boolean, line: number): void {
    const outer = this.scope;
    const inner = new Scope(this.lexer, outer, line);
    this.scope = inner;
    this.expect(OPEN_ROUND);
    if (hasSelf) {
      inner.declare("self");
      inner.show(1);
    }
    this.parameters();
    this.expect(CLOSE_ROUND);
    this.chunk();
    this.expectMatch(T_END, T_FUNCTION, line);
    inner.finish();
    this.scope = outer;
    e.set(E_PENDING, outer.closure(inner));
  }

  private parameters(): void {
    const { lexer, scope, code } = this;
    const { prototype } = scope;
    let count = 0;
    if (lexer.token !== CLOSE_ROUND) {
      do {
        if (lexer.token === T_NAME) scope.declare(this.name());
        else if (lexer.token === T_DOTS) {
          lexer.next();
          scope.declare("arg");
          prototype.isVararg = true;
          prototype.needsArg = true;
        } else throw lexer.syntaxError("<name> or '...' expected");
        count += 1;
      } while (!prototype.isVararg && this.accept(COMMA));
    }
    scope.show(count);
    prototype.parameters = code.active - (prototype.isVararg ? 1 : 0);
    code.reserve(code.active);
  }

  // --- Variables ---

  private localStatement(): void {
    const { scope } = this;
    const e = new Expression();
    let names = 0;
    do {
      scope.declare(this.name());
      names += 1;
    } while (this.accept(COMMA));
    const values = this.accept(ASSIGN) ? this.list(e) : 0;
    this.adjust(names, values, e);
    scope.show(names);
  }

  /** Makes `wanted` values in registers of the `given` ones, the last of which is `e`. */
  private adjust(wanted: number, given: number, e: Expression): void {
    const { code } = this;
    let missing = wanted - given;
    if (e.isMultiple) {
      missing = Math.max(missing + 1, 0);
      code.setReturns(e, missing);
      if (missing > 1) code.reserve(missing - 1);
      return;
    }
    if (e.kind !== E_VOID) code.toNextRegister(e);
    if (missing <= 0) return;
    const first = code.free;
    code.reserve(missing);
    code.nil(first, missing);
  }

  private expressionStatement(): void {
    const first = new Expression();
    this.primary(first);
    if (first.kind === E_CALL) this.code.setC(first.info, 1);
    else this.assignment(first);
  }

  private assignment(first: Expression): void {
    const { lexer, code, scope } = this;
    const targets = [first];
    const e = new Expression();
    for (;;) {
      const { kind } = targets[targets.length - 1];
      if (kind < E_LOCAL || kind > E_INDEXED) throw lexer.syntaxError("syntax error");
      if (!this.accept(COMMA)) break;
      const target = new Expression();
      this.primary(target);
      if (target.kind === E_LOCAL) this.protect(targets, target);
      scope.checkLimit(targets.length, this.levelsLeft, "variables in assignment");
      targets.push(target);
    }
    this.expect(ASSIGN);
    const values = this.list(e);
    let last = targets.length - 1;
    if (values === targets.length) {
      code.setOneReturn(e);
      code.store(targets[last], e);
      last -= 1;
    } else {
      this.adjust(targets.length, values, e);
      if (values > targets.length) code.free -= values - targets.length;
    }
    for (; last >= 0; last -= 1) {
      e.set(E_REGISTER, code.free - 1);
      code.store(targets[last], e);
    }
  }

  /** A local that is assigned to and used as table or key in a target before it: that target gets a copy. */
  private protect(targets: readonly Expression[], local: Expression): void {
    const { code } = this;
    const copy = code.free;
    let isUsed = false;
    for (const target of targets) {
      if (target.kind !== E_INDEXED) continue;
      if (target.info === local.info) {
        isUsed = true;
        target.info = copy;
      }
      if (target.key === local.info) {
        isUsed = true;
        target.key = copy;
      }
    }
    if (!isUsed) return;
    code.abc(OP_MOVE, copy, local.info, 0);
    code.reserve(1);
  }
}
