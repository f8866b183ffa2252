// host: what configuration and log need of the outside world, and the texts of its errors.
//
// A runtime adapter's Port satisfies ConfigHost; tests use a small object in memory.

import { errorText as systemText } from "../../runtime-adapters/shared.ts";

/** The synchronous small-file part of a Port that is used here. All throw errors with a `code` ("ENOENT", ...). */
interface ConfigFiles {
  read(path: string): Uint8Array;
  write(path: string, data: Uint8Array | string): void;
  append(path: string, data: Uint8Array | string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  fsync(path: string): void;
  chmod(path: string, mode: number): void;
  list(path: string): string[];
}

export interface ConfigHost {
  readonly files: ConfigFiles;
  readonly pid: number;
  cwd(): string;
  chdir(path: string): void;
  readStdin(): string;
  openFilesLimit?(): number;
}

/** Deno names its errors by class instead of by code. */
const DENO_NAMES: Record<string, string> = {
  NotFound: "ENOENT", PermissionDenied: "EACCES", AlreadyExists: "EEXIST", NotADirectory: "ENOTDIR",
  IsADirectory: "EISDIR", FilesystemLoop: "ELOOP", AddrInUse: "EADDRINUSE", AddrNotAvailable: "EADDRNOTAVAIL",
  ReadOnlyFilesystem: "EROFS",
};

/** The error's code, such as "ENOENT"; "" when it has none. */
export function errorCode(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === "string" ? code : DENO_NAMES[name ?? ""] ?? "";
}

/** What strerror() says about an error of the host. */
export function errorText(error: unknown): string {
  return systemText(errorCode(error), error instanceof Error ? error.message : String(error));
}
