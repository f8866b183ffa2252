// Large values: arguments that arrive in pieces of any size, and replies that are sent from the value's own block while
// the value is changed or deleted.
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { bulk, encode } from "../support/resp.ts";

/** Text whose every part is different, so that a piece out of place shows. */
function text(length: number): string {
  let s = "";
  for (let i = 0; s.length < length; i++) s += `${i},`;
  return s.slice(0, length);
}

const request = (...args: string[]) => Buffer.from(encode(args)).toString("latin1");

/** Makes what a client and a table keep once they were used. */
function warm(client: CoreClient): void {
  client.command("SET", "other", "kept");
  client.send(request("ECHO", "x").slice(0, 9));
  client.send(request("ECHO", "x").slice(9));
}

describe("large arguments", () => {
  const sizes = [16383, 32767, 32768, 65535, 65536, 65537, 200_000, 1_048_576];
  const steps = [1000, 16384, 65536, 99_991];

  it("arrive whole however the stream is cut, and give their memory back", () => {
    const core = new CoreDriver();
    const client = core.connect();
    warm(client);
    const start = core.usedBytes;
    for (const size of sizes) {
      for (const step of steps) {
        const value = text(size);
        const stream = request("SET", "k", value) + request("STRLEN", "k") + request("APPEND", value, "x");
        let replies = "";
        for (let at = 0; at < stream.length; at += step) replies += client.send(stream.slice(at, at + step));
        assertEquals(replies, `+OK\r\n:${size}\r\n:1\r\n`, `size ${size}, step ${step}`);
        assertEquals(client.command("GET", "k"), bulk(value));
        assertEquals(client.command("DEL", "k", value), ":2\r\n");
      }
    }
    assertEquals(core.usedBytes, start);
  });

  it("are freed when their command takes them not", () => {
    const core = new CoreDriver();
    const client = core.connect();
    warm(client);
    const start = core.usedBytes;
    const value = text(100_000);
    const stream = request("ECHO", value) + request("SETNX", "k", "1") + request("SETNX", "k", value) +
      request("DEL", "k");
    let replies = "";
    for (let at = 0; at < stream.length; at += 5000) replies += client.send(stream.slice(at, at + 5000));
    assertEquals(replies, `${bulk(value)}:1\r\n:0\r\n:1\r\n`);
    assertEquals(client.command("PING"), "+PONG\r\n");
    assertEquals(core.usedBytes, start);
  });

  it("with a wrong end are a protocol error", () => {
    const client = new CoreDriver().connect();
    client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\n" + "x".repeat(20_000));
    assertEquals(client.send("y".repeat(20_000) + "zz"), "-ERR Protocol error: invalid CRLF in request\r\n");
  });
});

describe("large replies", () => {
  it("are what the value was, whatever happens to it in the same pipeline", () => {
    const core = new CoreDriver();
    const client = core.connect();
    warm(client);
    const start = core.usedBytes;
    const value = text(70_000);
    client.command("SET", "k", value);
    const changed = `Z${value.slice(1)}`;
    const pipeline = request("GET", "k") + request("SETRANGE", "k", "0", "Z") + request("GET", "k") +
      request("APPEND", "k", "!") + request("GET", "k") + request("GETDEL", "k") +
      request("SET", "k", "short") + request("GET", "k") + request("DEL", "k");
    assertEquals(client.send(pipeline), bulk(value) + ":70000\r\n" + bulk(changed) + ":70001\r\n" +
      bulk(`${changed}!`) + bulk(`${changed}!`) + "+OK\r\n" + bulk("short") + ":1\r\n");
    assertEquals(core.usedBytes, start);
  });

  it("of a client that goes away let the value go", () => {
    const core = new CoreDriver();
    const other = core.connect();
    warm(other);
    const start = core.usedBytes;
    other.command("SET", "k", text(70_000));
    const client = core.connect();
    const stream = bytesOf(request("GET", "k"));
    const room = core.exports.inputRoom(client.handle, stream.length, 0, 1);
    core.core.bytes.set(stream, room);
    core.exports.process(client.handle, stream.length);
    other.command("DEL", "k");
    client.close();
    assertEquals(core.usedBytes, start);
  });
});
