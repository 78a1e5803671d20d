import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_DEFAULTS } from "../../cli/import/node-defaults";
import { formDefaults } from "../services/form-defaults";

const ROOT = join(__dirname, "..", "..");

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
      assert.deepEqual(formDefaults(type, file), JSON.parse(JSON.stringify(NODE_DEFAULTS[type])));
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
