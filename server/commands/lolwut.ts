// lolwut: the handler of LOLWUT: a small picture, and the version of the server.
//
//     VERSION 5   squares that tumble the more the lower they stand (after Georg Nees, "Schotter", 1968), in dots
//     VERSION 6   a skyline at night in four greys, in coloured blanks
//     VERSION 9   a Julia set in ASCII (also without VERSION)
//
// Sizes are limited, so that a picture takes no more than some milliseconds. Pictures are drawn anew for each call from
// the host's randomness; only the ways to call it and the last line are Valkey's.

import type { Config } from "../config/config.ts";
import { parseDouble, parseInteger } from "../config/syntax.ts";
import { fromBytes, lower } from "../config/text.ts";
import { REDIS_VERSION, VALKEY_VERSION } from "../config/version.ts";
import type { ReplyWriter } from "../connection/reply-writer.ts";

/** What this handler needs of a server. */
interface LolwutServer {
  readonly config: Config;
  readonly port: { random(bytes: Uint8Array): void };
}

/** A request that was refused; the message is the reply's error line. */
class BadRequest extends Error {}

/** Random numbers in [0, 1) for one picture. */
type Chance = () => number;

// --- Arguments ---

function integer(text: string | undefined, initial: number, least: number, most: number): number {
  if (text === undefined) return initial;
  const value = parseInteger(text);
  if (value === undefined) throw new BadRequest("ERR value is not an integer or out of range");
  return Math.min(Math.max(Number(value), least), most);
}

function float(text: string): number {
  const value = parseDouble(text);
  if (value === undefined) throw new BadRequest("ERR value is not a valid float");
  return value;
}

/** The first digits of "VERSION n" decide, as they do in Valkey: 5, 6, 9 and whatever begins with 9 have pictures. */
function pictureOf(version: string): "squares" | "skyline" | "julia" | "none" {
  const value = parseInteger(version);
  if (value === undefined) throw new BadRequest("ERR value is not an integer or out of range");
  const digits = BigInt.asUintN(32, value).toString();
  if (digits === "5") return "squares";
  if (digits === "6") return "skyline";
  return digits.startsWith("9") ? "julia" : "none";
}

// --- A canvas ---

class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #shades: Uint8Array;

  constructor(width: number, height: number, shade: number) {
    this.width = width;
    this.height = height;
    this.#shades = new Uint8Array(width * height).fill(shade);
  }

  /** Sets a point; points outside are ignored. */
  set(x: number, y: number, shade: number): void {
    if (x >= 0 && x < this.width && y >= 0 && y < this.height) this.#shades[y * this.width + x] = shade;
  }

  /** A point's shade; 0 outside. */
  get(x: number, y: number): number {
    return x >= 0 && x < this.width && y >= 0 && y < this.height ? this.#shades[y * this.width + x] : 0;
  }

  line(x0: number, y0: number, x1: number, y1: number): void {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let i = 0; i <= steps; i++) {
      this.set(Math.round(x0 + (x1 - x0) * i / steps), Math.round(y0 + (y1 - y0) * i / steps), 1);
    }
  }

  /** Rows of braille characters, each of which shows two by four points. */
  dots(): string {
    const bits = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let text = "";
    for (let y = 0; y < this.height; y += 4) {
      for (let x = 0; x < this.width; x += 2) {
        let code = 0x2800;
        bits.forEach(([left, right], dy) => {
          if (this.get(x, y + dy) !== 0) code |= left;
          if (this.get(x + 1, y + dy) !== 0) code |= right;
        });
        text += String.fromCharCode(code);
      }
      text += "\n";
    }
    return text;
  }

  /** Rows of blanks in the terminal's four greys. */
  greys(): string {
    const colours = ["0;30;40m", "0;90;100m", "0;37;47m", "0;97;107m"];
    let text = "";
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) text += `\x1b[${colours[this.get(x, y)]} \x1b[0m`;
      text += "\n";
    }
    return text;
  }
}

// --- Pictures ---

/** [columns [squares-per-row [squares-per-column]]] */
function squares(args: readonly string[], chance: Chance): string {
  const columns = integer(args[0], 66, 1, 1000);
  const across = integer(args[1], 8, 1, 200);
  const down = integer(args[2], 12, 1, 200);
  const width = columns * 2;
  const margin = width > 4 ? 2 : 0;
  const side = (width - 2 * margin) / across;
  const canvas = new Canvas(width, Math.trunc(side * down) + 2 * margin, 0);
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      // The first two rows stand in order; below, turn and shift grow with the depth.
      const disorder = row < 2 ? 0 : row / down;
      const turn = (chance() * 2 - 1) * disorder;
      const x = margin + (column + 0.5 + (chance() * 2 - 1) * disorder / 3) * side;
      const y = margin + (row + 0.5 + (chance() * 2 - 1) * disorder / 3) * side;
      const corners = [0, 1, 2, 3, 4].map((quarter) => {
        const angle = turn + Math.PI / 4 + quarter * Math.PI / 2;
        const reach = side * Math.SQRT1_2;
        return [Math.round(x + Math.sin(angle) * reach), Math.round(y + Math.cos(angle) * reach)];
      });
      for (let i = 0; i < 4; i++) canvas.line(corners[i][0], corners[i][1], corners[i + 1][0], corners[i + 1][1]);
    }
  }
  return canvas.dots() + "\nAfter Georg Nees, Schotter, 1968. ";
}

/** One row of houses of a shade, from left to right; the nearest row (shade 0) has windows. */
function street(canvas: Canvas, shade: number, least: number, most: number, chance: Chance): void {
  const { width, height } = canvas;
  for (let left = -Math.floor(chance() * 8); left < width;) {
    const wide = 7 + 4 * Math.floor(chance() * 4);
    const top = height - Math.round(height * (least + (most - least) * chance()));
    for (let y = top; y < height; y++) {
      const inset = y === top ? 2 : 0;
      for (let x = left + inset; x < left + wide - inset; x++) canvas.set(x, y, shade);
    }
    for (let y = top + 2; shade === 0 && y < height - 1; y += 2) {
      for (let x = left + 2; x + 1 < left + wide - 1; x += 4) {
        const light = 1 + Math.floor(chance() * 2);
        canvas.set(x, y, light);
        canvas.set(x + 1, y, light);
      }
    }
    left += wide + Math.floor(chance() * (shade === 2 ? 3 : 7));
  }
}

/** [columns [rows]] */
function skyline(args: readonly string[], chance: Chance): string {
  const canvas = new Canvas(integer(args[0], 80, 1, 1000), integer(args[1], 20, 1, 1000), 3);
  street(canvas, 2, 0.5, 0.95, chance);
  street(canvas, 1, 0.45, 0.8, chance);
  street(canvas, 0, 0.3, 0.7, chance);
  return canvas.greys() + "A city that never sleeps. ";
}

const DENSITIES = " .:-=+*%#&@";
/** A point that is still near the centre after so many steps belongs to the set. */
const JULIA_STEPS = DENSITIES.length - 1;

/** [columns rows] [real imaginary] */
function julia(args: readonly string[], chance: Chance): string {
  if (![0, 2, 4].includes(args.length)) {
    throw new BadRequest("ERR Syntax error. Use: LOLWUT [columns rows] [real imaginary]");
  }
  const columns = integer(args[0], 80, 1, 160);
  const rows = integer(args[1], 40, 1, 80);
  const real = args.length === 4 ? float(args[2]) : chance() * 2 - 1;
  const imaginary = args.length === 4 ? float(args[3]) : chance() * 2 - 1;
  let text = "";
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let x = -2 + 4 * (column + 0.5) / columns;
      let y = 2 - 4 * (row + 0.5) / rows;
      let steps = 0;
      while (steps < JULIA_STEPS && x * x + y * y <= 4) {
        [x, y] = [x * x - y * y + real, 2 * x * y + imaginary];
        steps++;
      }
      text += DENSITIES[steps];
    }
    text += "\n";
  }
  const constant = `${real.toFixed(2)} + ${imaginary.toFixed(2)}i`;
  return `${text}Ascii representation of Julia set with constant ${constant}\nDon't forget to have fun! `;
}

// --- The command ---

/** LOLWUT [VERSION version] [arguments of that version's picture ...] */
export function lolwutCommand(
  server: LolwutServer, _connection: unknown, args: readonly Uint8Array[], reply: ReplyWriter,
): void {
  const seed = new Uint32Array(1);
  server.port.random(new Uint8Array(seed.buffer));
  const chance = (): number => {
    seed[0] = (Math.imul(seed[0], 1664525) + 1013904223) >>> 0;
    return seed[0] / 2 ** 32;
  };
  const words = args.slice(1).map(fromBytes);
  const hasVersion = words.length >= 2 && lower(words[0]) === "version";
  const isRedis = server.config.boolean("extended-redis-compatibility");
  const name = isRedis ? "Redis" : "Valkey";
  const version = isRedis ? REDIS_VERSION : VALKEY_VERSION;
  try {
    const picture = hasVersion ? pictureOf(words[1]) : "julia";
    if (picture === "none") return reply.verbatim("txt", `${name} ver.${version}\n`);
    const draw = { squares, skyline, julia }[picture];
    reply.verbatim("txt", `${draw(hasVersion ? words.slice(2) : words, chance)}${name} ver. ${version}\n`);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    reply.error(error.message);
  }
}
