/**
 * transcript: scripts of several clients, played to a server; the result is every byte that each client got.
 *
 *   a SET k 1        client a sends a command and waits for one reply
 *   a> SUBSCRIBE x y client a sends a command whose replies are not waited for
 *   b> ...           "#" begins a comment; words are separated by spaces, "" is an empty one
 *
 * Two servers that treat clients alike give the same texts, whatever the moment at which a message came.
 */
import { encode, RespConnection } from "./resp.ts";
import { sleep } from "./wait.ts";

/** How long a client that does not wait gives the server. */
const PAUSE_MS = 40;

/** Plays the script to the server on a port; what each client got, by its name. */
export async function play(port: number, script: string): Promise<Record<string, string>> {
  const clients = new Map<string, { connection: RespConnection; got: string[] }>();
  for (const line of script.split("\n").map((text) => text.trim())) {
    const match = /^(\w+)(>?) (.*)$/.exec(line);
    if (match === null) continue;
    const [, name, free, command] = match;
    let client = clients.get(name);
    if (client === undefined) {
      client = { connection: await RespConnection.open({ port }), got: [] };
      clients.set(name, client);
    }
    client.connection.send(encode(command.split(" ").map((word) => (word === '""' ? "" : word))));
    if (free === "") client.got.push(await client.connection.reply());
    else await sleep(PAUSE_MS);
  }
  await sleep(PAUSE_MS * 3);
  const result: Record<string, string> = {};
  for (const [name, { connection, got }] of clients) {
    // Numbers of clients differ from server to server.
    result[name] = (got.join("") + connection.leftover).replace(/\$2\r\nid\r\n:\d+/g, "id");
    connection.close();
  }
  return result;
}
