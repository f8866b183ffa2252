// server.ts - the entry: `npm start`, `deno run -A server.ts`, `bun run server`.
import { main } from "./server/main.ts";

// Not awaited: in Node it runs as a CommonJS bundle, which knows no top-level await.
void main(import.meta.url, () => import("./admin/start.ts"));
