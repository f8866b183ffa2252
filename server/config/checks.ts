// checks: the validity of single string values (file names, addresses, host names, templates), with Valkey's texts.
//
// Each returns nothing or throws Refusal. Used by the tables in directives/.

import { Refusal } from "./directive.ts";
import { trim } from "./text.ts";

/** Refuses "" and anything with a slash or backslash. */
export function baseName(directive: string, thing: "filename" | "dirname") {
  return (value: string): void => {
    if (value === "") throw new Refusal(`${directive} can't be empty`);
    if (/[/\\]/.test(value)) throw new Refusal(`${directive} can't be a path, just a ${thing}`);
  };
}

/** Refuses "". */
export function notEmpty(directive: string) {
  return (value: string): void => {
    if (value === "") throw new Refusal(`${directive} can't be empty`);
  };
}

/** Whether a value has no byte with a meaning in nodes.conf. */
function isAuxiliary(value: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\x00-,\x7f;<=>?@[\]^{|}~\\]/.test(value);
}

/** cluster-announce-human-nodename. */
export function nodeName(_value: string, given: string): void {
  if (!isAuxiliary(given)) throw new Refusal("Announced human node name contained invalid character");
}

/** cluster-announce-ip: short enough for its field (46 bytes with the closing NUL). */
export function announcedIp(_value: string, given: string): void {
  if (given.length >= 46) throw new Refusal("cluster-announce-ip is too long");
  if (!isAuxiliary(given)) throw new Refusal("cluster-announce-ip contains invalid character");
}

/** cluster-announce-hostname. */
export function hostName(value: string): void {
  if (value.length >= 256) throw new Refusal("Hostnames must be less than 256 characters");
  if (!/^[A-Za-z0-9.-]*$/.test(value)) {
    throw new Refusal("Hostnames may only contain alphanumeric characters, hyphens or dots");
  }
}

/** Whether the text is a dotted IPv4 address as inet_pton reads it: four numbers without leading zeros. */
function isIpV4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether the text is an IPv6 address as inet_pton reads it. */
function isIpV6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [h, half] of halves.entries()) {
    if (half === "") {
      if (halves.length === 1) return false;
      continue;
    }
    const parts = half.split(":");
    for (const [i, part] of parts.entries()) {
      const isLast = h === halves.length - 1 && i === parts.length - 1;
      if (isLast && isIpV4(part)) groups += 2;
      else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** cluster-announce-client-ipv4. */
export function announcedIpV4(value: string): void {
  if (value !== "" && !isIpV4(value)) throw new Refusal("Invalid IPv4 address");
}

/** cluster-announce-client-ipv6. */
export function announcedIpV6(value: string): void {
  if (value !== "" && !isIpV6(value)) throw new Refusal("Invalid IPv6 address");
}

const TITLE_VARIABLES = ["title", "listen-addr", "server-mode", "config-file", "port", "tls-port", "unixsocket"];

/**
 * Fills the {variables} of a process title; "{{" is a brace. undefined for an unknown variable or an open brace.
 * Blanks at the ends are cut.
 */
function fillTitle(template: string, variable: (name: string) => string | undefined): string | undefined {
  let title = "";
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    if (open < 0) {
      title += template.slice(at);
      break;
    }
    title += template.slice(at, open);
    if (template[open + 1] === "{") {
      title += "{";
      at = open + 2;
      continue;
    }
    const close = template.indexOf("}", open + 1);
    const value = close < 0 ? undefined : variable(template.slice(open + 1, close));
    if (value === undefined) return undefined;
    title += value;
    at = close + 1;
  }
  return trim(title, " ");
}

/** proc-title-template: must be fillable and must not always be empty. */
export function titleTemplate(value: string): void {
  const sample = (name: string) => (TITLE_VARIABLES.includes(name) ? (name === "title" ? "" : "0") : undefined);
  if (!fillTitle(value, sample)) throw new Refusal("template format is invalid or contains unknown variables");
}

/** hash-seed. */
export function hashSeed(value: string): void {
  if (value.length > 256) throw new Refusal("hash-seed must be less than or equal to 256 characters");
}

/** mptcp, repl-mptcp: no runtime offers multipath TCP sockets. */
export function noMultipath(value: boolean): void {
  if (value) throw new Refusal("MPTCP is not supported on this platform");
}

/** activedefrag: the answer of a Valkey that was built without it. */
export function noDefragmentation(value: boolean): void {
  if (value) {
    throw new Refusal("Active defragmentation cannot be enabled: it requires a server compiled with a modified " +
      "Jemalloc like the one shipped by default with the source distribution");
  }
}

/** shutdown-on-sigint, shutdown-on-sigterm: 1 is save, 2 is nosave. */
export function shutdownFlags(value: number): void {
  if ((value & 3) === 3) throw new Refusal("shutdown options SAVE and NOSAVE can't be used simultaneously");
}
