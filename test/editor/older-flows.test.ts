import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { formDefaults, formErrors, registered } from "../services/form-defaults";

const ROOT = join(__dirname, "..", "..");
const FORMS = readdirSync(join(ROOT, "nodes"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html") && !file.includes("locales"))
  .map((file) => join("nodes", file));
/** What a form fills in for a new node, and the runtime does not. */
const NEEDED = ["type", "urls", "loginUrl", "flow"];

describe("a node saved before most of its settings were there", () => {
  for (const file of FORMS) {
    for (const type of registered(join(ROOT, file)).keys()) {
      it(`is marked for no more than a new one: ${type}`, () => {
        const saved = { ...formDefaults(type, file), type };
        const older = Object.fromEntries(Object.entries(saved).filter(([name]) => NEEDED.includes(name))) as { type: string };
        const marked = (node: { type: string }): string[] => formErrors(node, file).map((error) => error.replace(/:.*/, ""));
        assert.deepEqual(marked(older), marked(saved));
      });
    }
  }
});
