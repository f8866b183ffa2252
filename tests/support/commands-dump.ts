/**
 * commands-dump: DUMP of whatever is there and RESTORE of small payloads, sound and damaged, for the differential test.
 */
import type { CommandGenerator } from "./commands.ts";

/** Payloads of each type, from docs/formats/dump.md. */
const PAYLOADS = [
  "000568656c6c6f5000ac5816e7fb6647fe",
  "00c00c5000f30031c0c256db21",
  "00c290eefeff5000e75f17ea8db94ff4",
  "00c3091e016161e0110001616150008a59b52ab5361c4f",
  "1201020c0c00000002008161020101ff50005bbce2b23245cd71",
  "0b0c0200000002000000010002005000a053f120aab947da",
  "140a0a0000000100816102ff5000512a0b39fa22f509",
  "100d0d0000000200816602817602ff5000efdbf4d5bd066f69",
  "110c0c00000002008161020101ff5000672f072949fb54f6",
  "020101615000adbc20efda807d99",
  "040101660176500062d88ac72fd46908",
  "05010161000000000000f83f50008a89611edabb3e2e",
  "150110000000000000000100000000000000011d1d0000000a0001010001010181610200010201000100018162020401ff01"
  + "01010101000001005000d3b947be76f36d39",
  "1601016601760038d360ba010000500096f7f936d1595bb6",
].map((hex) => Buffer.from(hex, "hex").toString("latin1"));

function payload(g: CommandGenerator): string {
  const sound = g.random.pick(PAYLOADS);
  if (g.random.chance(80)) return sound;
  const at = g.random.below(sound.length);
  return g.random.chance(50) ? sound.slice(0, at) : sound.slice(0, at) + g.random.bytes(1) + sound.slice(at + 1);
}

export const DUMPS: ((g: CommandGenerator) => string[])[] = [
  (g) => ["DUMP", g.key()],
  (g) => ["DUMP", g.key()],
  (g) => ["RESTORE", g.key(), "0", payload(g), ...g.options("REPLACE", "REPLACE", "REPLACE")],
  (g) => ["RESTORE", g.key(), g.milliseconds(), payload(g), ...g.options("REPLACE", ["IDLETIME", g.integer()])],
  (g) => {
    const options = g.options("REPLACE", ["FREQ", g.integer()]);
    return ["RESTORE", g.key(), g.unixMilliseconds(), payload(g), "ABSTTL", ...options];
  },
];
