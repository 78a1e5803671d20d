import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { registered } from "../services/form-defaults";

const ROOT = join(__dirname, "..", "..");
const { "node-red": { nodes } } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { "node-red": { nodes: Record<string, string> } };

describe("the editor", () => {
  for (const [type, program] of Object.entries(nodes)) {
    const name = type.replace("surewire-", "").replace("-", " ");
    it(`calls it as palette, help and docs do: ${name}`, () => {
      const html = join(ROOT, program.replace("dist", "nodes").replace(/\.js$/, ".html"));
      // of a config node the titles of its forms, and what offers to make one, say it
      assert.equal(registered(html).get(type)?.paletteLabel, name);
    });
  }
});
