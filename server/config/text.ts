// text: the strings that configuration is made of.
//
// Configuration lines and values are bytes in Valkey: a password may hold any of them. Here they are "byte strings",
// JavaScript strings in which every character is one byte (0..255). They compare, split and trim like ordinary strings
// and turn into bytes and back without loss. Text for people (a path, a host name) is the same bytes read as UTF-8.
//
//     file / argv / RESP bytes  ──fromBytes──►  byte string  ──toBytes──►  reply / file
//                                                    └──────────toText──►  path, host, message
//
// Not for keys and values of the database: those never leave the core.

/** The bytes as a byte string. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    // With the pieces spread as arguments it takes seven times as long.
    text += String.fromCharCode.apply(undefined, bytes.subarray(at, at + 4096) as unknown as number[]);
  }
  return text;
}

/** The bytes of a byte string. Characters above 255 can't occur in one; their low byte is kept. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Ordinary text (an argument of the command line, a path) as the byte string of its UTF-8 form. */
export function fromText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text) ? text : fromBytes(new TextEncoder().encode(text));
}

/** A byte string read as UTF-8: what to hand to the file system or to show to a person. */
export function toText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text) ? text : new TextDecoder().decode(toBytes(text));
}

/** The part before the first NUL: what C's string functions see of a value. */
export function cString(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

/** ASCII letters in lower case; other bytes stay, unlike with toLowerCase(). */
export function lower(text: string): string {
  return !/[A-Z]/.test(text) ? text : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether two strings are the same apart from the case of ASCII letters, up to their first NUL. */
export function sameIgnoringCase(a: string, b: string): boolean {
  return lower(cString(a)) === lower(cString(b));
}

/** Removes the given characters at both ends. */
export function trim(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text[start])) start++;
  while (end > start && characters.includes(text[end - 1])) end--;
  return text.slice(start, end);
}

/** Order of bytes, as strcmp sorts. */
export function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
