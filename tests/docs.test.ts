/** Documents: the TypeScript examples in README.md run as they are printed there, in every runtime. */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}tests/.tmp`;

/** The blocks of a document that are fenced as `ts`. */
function examples(document: string): string[] {
  return [...readFileSync(root + document, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
}

describe("examples in README.md", () => {
  const blocks = examples("README.md");

  it("are found", () => assert(blocks.length > 0));

  blocks.forEach((code, index) => {
    it(`example ${index + 1} runs and prints what its comments say`, async () => {
      mkdirSync(folder, { recursive: true });
      const file = `${folder}/example-${process.pid}-${index}.ts`;
      writeFileSync(file, code.replaceAll('from "wakey"', 'from "../../server/wakey.ts"'));
      const printed: string[] = [];
      const log = console.log;
      console.log = (...values: unknown[]): void => void printed.push(values.map(String).join(" "));
      try {
        await import(file);
      } finally {
        console.log = log;
        rmSync(file);
      }
      const expected = [...code.matchAll(/console\.log\(.*\); \/\/ "(.*)"$/gm)].map(([, text]) => text);
      for (const text of expected) assert(printed.includes(text), `${text} is not among ${printed.join(", ")}`);
      assertEquals(printed.length, [...code.matchAll(/console\.log\(/g)].length);
    });
  });
});
