// opcodes.ts - the instructions of the machine, which has registers, and how they are packed.
//
//    31     23 22     14 13      6 5      0
//   +---------+---------+---------+--------+      A   a register
//   |    B    |    C    |    A    |   op   |      B, C  a register, a number, or (bit 8 set) a constant
//   +---------+---------+---------+--------+
//   |    D (18 bits)    |    A    |   op   |      D   a constant, a prototype, or a distance of a jump + JUMP_BIAS
//   +-------------------+---------+--------+
//
// They are those of Lua 5.1, since names in messages and limits of functions follow from them, and variants of them
// that run faster: GETFIELD and SETFIELD, whose key is a constant string.
//
// The dispatch loop in vm.ts has these numbers as literals, without which engines make no jump table of it; a test
// compares them.

export const OP_MOVE = 0; //       R(A) = R(B)
export const OP_LOADK = 1; //      R(A) = K(D)
export const OP_LOADBOOL = 2; //   R(A) = B is 1; if C skip one
export const OP_LOADNIL = 3; //    R(A) to R(B) = nil
export const OP_GETUPVAL = 4; //   R(A) = U(B)
export const OP_GETGLOBAL = 5; //  R(A) = G[K(D)]
export const OP_GETTABLE = 6; //   R(A) = R(B)[RK(C)]
export const OP_SETGLOBAL = 7; //  G[K(D)] = R(A)
export const OP_SETUPVAL = 8; //   U(B) = R(A)
export const OP_SETTABLE = 9; //   R(A)[RK(B)] = RK(C)
export const OP_NEWTABLE = 10; //  R(A) = {} with room for about B elements and C keys
export const OP_SELF = 11; //      R(A+1) = R(B); R(A) = R(B)[RK(C)]
export const OP_ADD = 12; //       R(A) = RK(B) + RK(C), and so on
export const OP_SUB = 13;
export const OP_MUL = 14;
export const OP_DIV = 15;
export const OP_MOD = 16;
export const OP_POW = 17;
export const OP_UNM = 18; //       R(A) = -R(B)
export const OP_NOT = 19; //       R(A) = not R(B)
export const OP_LEN = 20; //       R(A) = #R(B)
export const OP_CONCAT = 21; //    R(A) = R(B) .. ... .. R(C)
export const OP_JMP = 22; //       jump by D
export const OP_EQ = 23; //        if (RK(B) == RK(C)) ~= A skip one
export const OP_LT = 24; //        if (RK(B) < RK(C)) ~= A skip one
export const OP_LE = 25; //        if (RK(B) <= RK(C)) ~= A skip one
export const OP_TEST = 26; //      if R(A) isn't C skip one
export const OP_TESTSET = 27; //   if R(B) is C then R(A) = R(B) else skip one
export const OP_CALL = 28; //      R(A), ... = R(A)(R(A+1), ...) with B-1 arguments, C-1 results; 0: up to the top
export const OP_TAILCALL = 29; //  return R(A)(R(A+1), ...)
export const OP_RETURN = 30; //    return R(A), ... B-1 values; 0: up to the top
export const OP_FORLOOP = 31; //   R(A) += R(A+2); if not beyond R(A+1) then R(A+3) = R(A), jump by D
export const OP_FORPREP = 32; //   R(A) -= R(A+2); jump by D
export const OP_TFORLOOP = 33; //  R(A+3), ... = R(A)(R(A+1), R(A+2)), C results; R(A+3) nil: skip one; else R(A+2) = it
export const OP_SETLIST = 34; //   R(A)[(C-1)*50 + i] = R(A+i), i from 1 to B (0: to the top); C 0: C is the next word
export const OP_CLOSE = 35; //     variables from R(A) on leave the stack
export const OP_CLOSURE = 36; //   R(A) = function D; a MOVE or GETUPVAL follows for each variable that it takes along
export const OP_VARARG = 37; //    R(A), ... = B-1 values of ...; 0: all
export const OP_GETFIELD = 38; //  R(A) = R(B)[K(C)], a string
export const OP_SETFIELD = 39; //  R(A)[K(B)] = RK(C), K(B) a string

export const CONSTANT_BIT = 256;
export const CONSTANT_MASK = 255;
export const MOST_BC = 511;
export const MOST_D = 262143;
export const JUMP_BIAS = 131071;
/** How many elements of a constructor one SETLIST stores. */
export const LIST_BATCH = 50;
/** The call takes or gives as many values as there are. */
export const MULTIPLE = -1;

export const packABC = (op: number, a: number, b: number, c: number): number => op | (a << 6) | (c << 14) | (b << 23);
export const packAD = (op: number, a: number, d: number): number => op | (a << 6) | (d << 14);

export const opOf = (word: number): number => word & 63;
export const aOf = (word: number): number => (word >> 6) & 255;
export const bOf = (word: number): number => word >>> 23;
export const cOf = (word: number): number => (word >> 14) & 511;
export const dOf = (word: number): number => word >>> 14;
export const jumpOf = (word: number): number => (word >>> 14) - JUMP_BIAS;

/** A size in 8 bits, rounded up: three bits behind the leading one, and an exponent. */
export function packSize(size: number): number {
  let value = size;
  let exponent = 0;
  while (value >= 16) {
    value = (value + 1) >> 1;
    exponent += 1;
  }
  return value < 8 ? value : ((exponent + 1) << 3) | (value - 8);
}

export function unpackSize(packed: number): number {
  const exponent = (packed >> 3) & 31;
  return exponent === 0 ? packed : ((packed & 7) + 8) << (exponent - 1);
}
