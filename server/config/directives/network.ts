// network: directives about sockets, clients' limits, TLS and RDMA.
//
// A table: name, bounds, default, flags. Kinds and their texts are in ../directive.ts.

import { boolean, choice, INT_MAX, int, LONG_MAX, number, oneOf, string, UINT_MAX } from "../directive.ts";
import type { AnyDirective } from "../directive.ts";
import { noMultipath } from "../checks.ts";
import { bind, clientOutputBufferLimit, rdmaBind } from "../special.ts";

const IMMUTABLE = { immutable: true };
const SECRET = { sensitive: true };
const FILE = { volatile: true };
const UNSIGNED = { unsigned: true };

export const network: AnyDirective[] = [
  bind,
  string("bind-source-addr", null),
  boolean("protected-mode", true),
  int("port", 0, 65535, 6379),
  int("tcp-backlog", 0, INT_MAX, 511, IMMUTABLE),
  int("tcp-keepalive", 0, INT_MAX, 300),
  boolean("mptcp", false, IMMUTABLE, noMultipath),
  number("socket-mark-id", 0, UINT_MAX, 0, { ...UNSIGNED, immutable: true }),
  string("unixsocket", null, IMMUTABLE),
  string("unixsocketgroup", null, IMMUTABLE),
  number("unixsocketperm", 0, 0o777, 0, { ...UNSIGNED, immutable: true, form: "octal" }),
  int("timeout", 0, INT_MAX, 0),
  number("maxclients", 1, UINT_MAX, 10000, UNSIGNED),
  number("max-new-connections-per-cycle", 1, 1000, 10, UNSIGNED),
  number("max-new-tls-connections-per-cycle", 1, 1000, 1, UNSIGNED),
  number("proto-max-bulk-len", 1024 * 1024, LONG_MAX, 512 * 1024 * 1024, { form: "memory" }),
  number("client-query-buffer-limit", 1024 * 1024, LONG_MAX, 1024 ** 3, { ...UNSIGNED, form: "memory" }),
  clientOutputBufferLimit,
  number("maxmemory-clients", -100, LONG_MAX, 0, { form: "percent" }),
  number("tracking-table-max-keys", 0, LONG_MAX, 1000000, UNSIGNED),
  int("io-threads", 1, 256, 1),
  boolean("io-threads-always-active", false, { hidden: true }),
  int("min-io-threads-avoid-copy-reply", 0, INT_MAX, 7, { hidden: true }),
  int("min-string-size-avoid-copy-reply", 0, INT_MAX, 16384, { hidden: true }),
  int("min-string-size-avoid-copy-reply-threaded", 0, INT_MAX, 65536, { hidden: true }),
  int("prefetch-batch-max-size", 0, 128, 16),

  rdmaBind,
  int("rdma-port", 0, 65535, 0),
  int("rdma-rx-size", 64 * 1024, 16 * 1024 * 1024, 1024 * 1024, IMMUTABLE),
  int("rdma-completion-vector", -1, 1024, -1, IMMUTABLE),

  int("tls-port", 0, 65535, 0),
  int("tls-session-cache-size", 0, INT_MAX, 20 * 1024),
  int("tls-session-cache-timeout", 0, INT_MAX, 300),
  int("tls-auto-reload-interval", 0, INT_MAX, 0),
  boolean("tls-cluster", false),
  boolean("tls-replication", false),
  oneOf("tls-auth-clients", ["no", "yes", "optional"], "yes"),
  choice("tls-auth-clients-user", [["CN", 1], ["URI", 2], ["off", 0]], "off"),
  boolean("tls-prefer-server-ciphers", false),
  boolean("tls-session-caching", true),
  string("tls-cert-file", null, FILE),
  string("tls-key-file", null, FILE),
  string("tls-key-file-pass", null, SECRET),
  string("tls-client-cert-file", null, FILE),
  string("tls-client-key-file", null, FILE),
  string("tls-client-key-file-pass", null, SECRET),
  string("tls-dh-params-file", null, FILE),
  string("tls-ca-cert-file", null, FILE),
  string("tls-ca-cert-dir", null, FILE),
  string("tls-protocols", null),
  string("tls-ciphers", null),
  string("tls-ciphersuites", null),
];
