// core-runner.ts - a core by itself, and a client in it that pipelines go through as a connection would send them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Core, STATUS } from "../../server/bridge/core.ts";

const wasm = readFileSync(fileURLToPath(new URL("../../dist/core.wasm", import.meta.url)));
const module = new WebAssembly.Module(wasm);

export class CoreRunner {
  readonly core: Core = new Core(module, { seed: new Uint32Array([1, 2, 3, 4]) });
  readonly client: number = this.core.exports.clientOpen(0) >>> 0;

  /** Copies one batch in and runs it to its end. Output stays in the client. */
  run(bytes: Uint8Array): void {
    const { core, client } = this;
    for (let at = 0; at < bytes.length;) {
      const room = core.exports.inputRoom(client, bytes.length - at, 0, 1) >>> 0;
      const n = Math.min(core.roomLength, bytes.length - at);
      core.refresh();
      core.bytes.set(n === bytes.length ? bytes : bytes.subarray(at, at + n), room);
      at += n;
      let status = core.exports.process(client, n);
      core.exports.settle(1, 1);
      while (status & STATUS.more) {
        status = core.exports.process(client, 0);
        core.exports.settle(1, 1);
      }
      if (status & (STATUS.needsHost | STATUS.closeNow)) throw new Error(`core bench: process: status ${status}`);
    }
  }

  dropOutput(): void {
    let length = this.core.exports.outputLength(this.client);
    while (length > 0) length = this.core.exports.outputConsume(this.client, length);
  }
}
