// server.ts - the entry: `npm start`, `deno run -A server.ts`, `bun run server`.
import { main } from "./server/main.ts";

await main(import.meta.url);
