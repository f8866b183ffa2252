// format.ts - how INFO, MEMORY and LATENCY write numbers, as C's printf would.
//
// Not for RESP: connection/reply-writer.ts.

/** Bytes with a unit and two digits behind the point: "919.55K". */
export function bytesToHuman(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ["K", "M", "G", "T", "P"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return value.toFixed(2) + units[unit];
}

/** Microseconds as seconds with six digits behind the point. */
export function seconds(us: number): string {
  const whole = Math.floor(us / 1e6);
  return `${whole}.${String(Math.floor(us - whole * 1e6)).padStart(6, "0")}`;
}

/** A name without the characters that would break INFO's lines. */
export function safeName(name: string): string {
  return name.replace(/[#:\n\r]/g, "_");
}

/** A quotient, 0 where there is nothing to divide by. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
