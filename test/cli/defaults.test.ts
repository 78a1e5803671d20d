import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runInNewContext } from "node:vm";
import { NODE_DEFAULTS } from "../../cli/import/node-defaults";

const ROOT = join(__dirname, "..", "..");

interface Definition {
  defaults: Record<string, { value: unknown }>;
}

/** What a node's html registers in the editor. */
function registered(html: string): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const RED = {
    _: (key: string) => key,
    validators: { typedInput: () => () => true, regex: () => () => true, number: () => () => true },
    nodes: { registerType: (type: string, definition: Definition) => void found.set(type, definition) },
    plugins: { registerPlugin: () => undefined },
    text: { bidi: {} },
  };
  const window = {} as Record<string, unknown>;
  const context = { RED, window, get surewire() { return window.surewire; }, $: () => ({}), console };
  for (const [, attributes = "", body = ""] of readFileSync(html, "utf8").matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
    const source = /src="([^"]+)"/.exec(attributes)?.[1];
    if (/text\/html|x-red/.test(attributes)) continue;
    runInNewContext(source ? readFileSync(join(dirname(html), source), "utf8") : body, context);
  }
  return found;
}

const CORE = join(ROOT, "node_modules", "@node-red", "nodes", "core");
const FORMS: Record<string, string> = {
  "surewire-amqp-broker": "nodes/amqp/broker/broker.html",
  "surewire-amqp-in": "nodes/amqp/in/in.html",
  "surewire-amqp-get": "nodes/amqp/get/get.html",
  "surewire-amqp-out": "nodes/amqp/out/out.html",
  "surewire-salesforce-org": "nodes/salesforce/org/org.html",
  "surewire-salesforce-case": "nodes/salesforce/case/case.html",
  "surewire-sql-database": "nodes/sql/database/database.html",
  "surewire-sql-read": "nodes/sql/read/read.html",
  "surewire-sql-write": "nodes/sql/write/write.html",
};

describe("the nodes that surewire-import makes", () => {
  it("are those that are compared here, and Node-RED's own", () => {
    const own = Object.keys(NODE_DEFAULTS).filter((type) => type.startsWith("surewire-"));
    assert.deepEqual(own.sort(), Object.keys(FORMS).sort());
  });

  for (const [type, file] of Object.entries(FORMS)) {
    it(`hold every default that the form of ${type} saves`, () => {
      const definition = registered(join(ROOT, file)).get(type);
      assert.ok(definition, `${file} registers no ${type}`);
      const defaults = Object.fromEntries(Object.entries(definition.defaults).filter(([name]) => name !== "name").map(([name, { value }]) => [name, value]));
      // the other context's objects have other prototypes
      assert.deepEqual(JSON.parse(JSON.stringify(defaults)), JSON.parse(JSON.stringify(NODE_DEFAULTS[type])));
    });
  }

  it("hold what Node-RED's own nodes save", () => {
    const files: Record<string, string> = { inject: "common/20-inject.html", debug: "common/21-debug.html", catch: "common/25-catch.html", change: "function/15-change.html", split: "sequence/17-split.html" };
    for (const [type, file] of Object.entries(files)) {
      const text = readFileSync(join(CORE, file), "utf8");
      for (const name of Object.keys(NODE_DEFAULTS[type] ?? {})) assert.match(text, new RegExp(`\\b${name}\\s*:`), `${type}.${name}`);
    }
  });
});
