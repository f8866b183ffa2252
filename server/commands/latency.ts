// latency.ts - the handlers of LATENCY. The monitor is server/stats/latency.ts, the histograms are the core's.

import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";
import { commandCounts } from "../info/stats-sections.ts";
import type { CommandCounts } from "../info/stats-sections.ts";
import type { Server } from "../server.ts";
import { cumulative, readHistogram } from "../stats/histogram.ts";
import type { HostHandler } from "./registry.ts";

const text = (arg: Uint8Array) => String.fromCharCode(...arg);

/** LATENCY LATEST */
const latest: HostHandler = (server, _connection, _args, reply) => {
  const events = server.latency.all();
  reply.array(events.length);
  for (const [event, { samples, worst, sum, count }] of events) {
    const { time, latency } = samples[samples.length - 1];
    reply.array(6);
    reply.bulk(event);
    for (const value of [time, latency, worst, sum, count]) reply.int(value);
  }
};

/** LATENCY HISTORY event */
const history: HostHandler = (server, _connection, args, reply) => {
  const samples = server.latency.get(text(args[2]))?.samples ?? [];
  reply.array(samples.length);
  for (const { time, latency } of samples) {
    reply.array(2);
    reply.int(time);
    reply.int(latency);
  }
};

/** LATENCY GRAPH event */
const graph: HostHandler = (server, _connection, args, reply) => {
  const event = text(args[2]);
  const series = server.latency.get(event);
  if (series === undefined) return reply.error(`ERR No samples available for event '${event}'`);
  reply.verbatim("txt", server.latency.graph(event, series));
};

/** LATENCY RESET [event ...] */
const reset: HostHandler = (server, _connection, args, reply) => {
  if (args.length === 2) return reply.int(server.latency.reset());
  reply.int(args.slice(2).reduce((sum, arg) => sum + server.latency.reset(text(arg)), 0));
};

/** LATENCY HISTOGRAM [command ...] */
const histogram: HostHandler = (server, _connection, args, reply) => {
  const rows = commandCounts(server).filter((row) => row.histogram !== 0);
  const wanted = args.length === 2 ? rows : args.slice(2).flatMap((arg) => named(server, rows, text(arg)));
  reply.map(wanted.length);
  for (const row of wanted) replyHistogram(server, row, reply);
};

/** The rows of a command and its subcommands. */
function named(server: Server, rows: readonly CommandCounts[], name: string): CommandCounts[] {
  const command = server.commands.findByFullName(name);
  if (command === undefined) return [];
  return rows.filter(({ id }) => id === command.id || server.commands.byId(id)?.parent?.id === command.id);
}

function replyHistogram(server: Server, { name, histogram: address }: CommandCounts, reply: ReplyWriter): void {
  const { total, rows } = cumulative(readHistogram(server.core, address));
  reply.bulk(name);
  reply.map(2);
  reply.bulk("calls");
  reply.int(total);
  reply.bulk("histogram_usec");
  reply.map(rows.length);
  for (const [limit, count] of rows) {
    reply.int(limit);
    reply.int(count);
  }
}

export const LATENCY_HANDLERS: Readonly<Record<number, HostHandler>> = {
  [CMD.LATENCY_DOCTOR]: (server, _connection, _args, reply) => reply.verbatim("txt", server.latency.doctor()),
  [CMD.LATENCY_GRAPH]: graph,
  [CMD.LATENCY_HISTOGRAM]: histogram,
  [CMD.LATENCY_HISTORY]: history,
  [CMD.LATENCY_LATEST]: latest,
  [CMD.LATENCY_RESET]: reset,
};
