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

type Sparse = keyof typeof SPARSE;

/** What a form must mark, by the property that is at fault. */
const WRONG: [node: Sparse, property: string, more: object][] = [
  ["org", "loginUrl", { loginUrl: "https://acme.my.salesforce-setup.com " }],
  ["case", "externalId", { externalIdField: "Device_Event_Id__c", externalId: "payload.(", externalIdType: "jsonata" }],
  ["case", "externalId", { externalIdField: "Device_Event_Id__c", externalId: "{{payload.id", externalIdType: "template" }],
  ["case", "contact", { contactBy: "email", contact: "payload[", contactType: "msg" }],
  ["case", "account", { accountBy: "name", account: "payload.(", accountType: "jsonata" }],
  ["case", "comment", { comment: "payload.(", commentType: "jsonata" }],
  ["case", "mapping", { mapping: [{ field: "Subject", value: "payload.(", valueType: "jsonata" }] }],
  ["case", "defaults", { defaults: [{ field: "Priority", value: "high", valueType: "num" }] }],
  ["route", "markFields", { markFields: [{ field: "Tries__c", value: "many", valueType: "num" }] }],
  ["route", "markFields", { markFields: [{ field: "Note__c", value: "to {{}}", valueType: "template" }] }],
  ["route", "markFields", { markFields: [{ field: "Id", value: "x", valueType: "str" }] }],
  ["listen", "channel", { channel: "/event/A__e?Serial__c='1'" }],
  ["listen", "channel", { channel: "/event/A/B" }],
  ["bulk", "fields", { fields: "payload.(", fieldsType: "jsonata" }],
  ["bulk", "identity", { identity: "payload[", identityType: "msg" }],
  ["publish", "fields", { fields: "payload.(", fieldsType: "jsonata" }],
  ["record", "mergeIds", { operation: "merge", mergeIds: "payload.(", mergeIdsType: "jsonata" }],
  ["record", "start", { operation: "getUpdated", start: "payload.(", startType: "jsonata" }],
];

/** What looks as wrong, but does not count or is right. */
const RIGHT: [node: Sparse, more: object][] = [
  ["case", { externalIdField: "", externalId: "payload.(", externalIdType: "jsonata", contactBy: "none", contact: "(", contactType: "jsonata" }],
  ["case", { defaults: [{ field: "Subject", value: "{{payload.title}} of {{topic}}", valueType: "template" }, { field: "Origin", value: "${ORIGIN}", valueType: "num" }] }],
  ["route", { markFields: [{ field: "Note__c", value: "to {{routing.workgroup}}", valueType: "template" }] }],
  ["listen", { channel: "/u/notifications/ExampleUserChannel" }],
  ["bulk", { operation: "query", query: "SELECT Id FROM Case", fields: "payload.(", fieldsType: "jsonata" }],
  ["bulk", { identity: "", identityType: "msg" }],
  ["record", { mergeIds: "payload.(", mergeIdsType: "jsonata" }],
];

const errorsOf = (name: Sparse, more: object): string[] => formErrors({ type: `surewire-salesforce-${name}`, ...SPARSE[name], ...more }, `nodes/salesforce/${name}/${name}.html`);

describe("the forms of the Salesforce nodes", () => {
  for (const name of Object.keys(SPARSE)) {
    it(`${name} has nothing against a node that lacks what has a default`, () => {
      assert.deepEqual(errorsOf(name as Sparse, {}), []);
    });
  }

  for (const [name, property, more] of WRONG) {
    it(`${name} says what is wrong with ${property} in ${JSON.stringify(more)}`, () => {
      const [error = "", ...others] = errorsOf(name, more);
      assert.deepEqual(others, []);
      assert.match(error, new RegExp(`^${property}: .*\\w`));
    });
  }

  for (const [name, more] of RIGHT) {
    it(`${name} has nothing against ${JSON.stringify(more)}`, () => {
      assert.deepEqual(errorsOf(name, more), []);
    });
  }
});
