import assert from "node:assert/strict";
import { formErrors } from "../services/form-defaults";

/** Nodes as somebody writes them by hand: with what they need, and nothing that has a default. */
const SPARSE = {
  org: { loginUrl: "https://acme.my.salesforce.com", flow: "client-credentials" },
  case: { org: "org", mapping: [{ field: "Subject", value: "payload", valueType: "msg" }] },
  record: { org: "org", operation: "create", object: "Case" },
  query: { org: "org", query: "SELECT Id FROM Case" },
  bulk: { org: "org", operation: "insert", object: "Case" },
  listen: { org: "org", channel: "/event/Device_Alert__e" },
  route: { org: "org", routes: [{ queue: "Pumps", workgroup: "pumps" }] },
  publish: { org: "org", event: "Device_Alert__e" },
  request: { org: "org", method: "GET", path: "/limits", pathType: "str" },
};

describe("the forms of the Salesforce nodes", () => {
  for (const [name, node] of Object.entries(SPARSE)) {
    it(`${name} has nothing against a node that lacks what has a default`, () => {
      assert.deepEqual(formErrors({ type: `surewire-salesforce-${name}`, ...node }, `nodes/salesforce/${name}/${name}.html`), []);
    });
  }
});
