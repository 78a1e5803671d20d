import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { isConnectorError } from "../../../nodes/common/errors";
import { compileTypedInput, type TypedInputUtil } from "../../../nodes/common/typed-input";
import { compileFields, type FieldRow } from "../../../nodes/salesforce/client/mapping";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { util } = require("@node-red/util") as { util: TypedInputUtil };
const node = { id: "n", _flow: { getSetting: (name: string) => process.env[name] }, context: () => ({}) };
const compile = (value: unknown, type: string, label: string) => compileTypedInput(util, node, value, type, label);

const row = (field: string, value: unknown, valueType: string): FieldRow => ({ field, value, valueType });
const map = (rows: FieldRow[], msg: object, defaults: FieldRow[] = []) => compileFields([defaults, rows], compile)(msg);
const invalid = (text: RegExp) => (error: unknown) => isConnectorError(error) && error.code === "INPUT_INVALID" && text.test(error.message);

describe("A mapping of message to case fields", () => {
  it("takes values from paths, texts, numbers, booleans, JSON, JSONata and the environment", async () => {
    process.env.SUREWIRE_TEST_ORIGIN = "Sensor";
    const msg = { payload: { id: 7, at: { place: "Hall 3" } }, topic: "plant.north" };
    const fields = await map(
      [
        row("Subject", "payload.at.place", "msg"),
        row("Origin", "SUREWIRE_TEST_ORIGIN", "env"),
        row("Status", "New", "str"),
        row("Number__c", "42.5", "num"),
        row("IsEscalated", "true", "bool"),
        row("Description", '"Device " & payload.id & " at " & topic', "jsonata"),
        row("Asset", '{"Serial__c":"A-1"}', "json"),
      ],
      msg,
    );
    assert.deepEqual(fields, {
      Subject: "Hall 3",
      Origin: "Sensor",
      Status: "New",
      Number__c: 42.5,
      IsEscalated: true,
      Description: "Device 7 at plant.north",
      Asset: { Serial__c: "A-1" },
    });
  });

  it("needs no promise without JSONata", () => {
    assert.deepEqual(map([row("Subject", "payload", "msg")], { payload: "hot" }), { Subject: "hot" });
  });

  it("leaves a field out when its value is not there", async () => {
    const rows = [row("Subject", "payload.a.b", "msg"), row("Origin", "SUREWIRE_NOT_SET", "env"), row("Reason", "payload.none", "jsonata"), row("Status", "x", "str")];
    assert.deepEqual(await map(rows, { payload: {} }), { Status: "x" });
  });

  it("takes 0 and false of a subflow's environment for values", () => {
    const env: Record<string, unknown> = { LEVEL: 0, URGENT: false };
    const ofSubflow = { _flow: { getSetting: (name: string) => env[name] } };
    const fields = compileFields([[row("Level__c", "LEVEL", "env"), row("IsEscalated", "URGENT", "env")]], (value, type, label) => compileTypedInput(util, ofSubflow, value, type, label));
    assert.deepEqual(fields({}), { Level__c: 0, IsEscalated: false });
  });

  it("takes a default for what the message does not give, and keeps a null that it gives", () => {
    const defaults = [row("origin", "Device", "str"), row("Priority", "Low", "str"), row("Reason", "Heat", "str")];
    const fields = map([row("Origin", "payload.origin", "msg"), row("Priority", "payload.priority", "msg"), row("Reason", "payload.reason", "msg")], { payload: { origin: "Web", reason: null } }, defaults);
    assert.deepEqual(fields, { Origin: "Web", Priority: "Low", Reason: null });
  });

  it("takes a related record by its external id from a Function node, whose objects are of another realm", () => {
    const msg = { payload: runInNewContext('({ asset: { Serial__c: "A-1" }, owner: { attributes: { type: "User" }, Badge__c: 7 } })') as object };
    assert.equal(JSON.stringify(map([row("Asset", "payload.asset", "msg"), row("Owner", "payload.owner", "msg")], msg)), '{"Asset":{"Serial__c":"A-1"},"Owner":{"attributes":{"type":"User"},"Badge__c":7}}');
    assert.throws(() => map([row("Asset", "payload", "msg")], { payload: runInNewContext('new Map([["Serial__c", "A-1"]])') as object }), invalid(/an object is not a field value/));
  });

  it("sends dates as ISO text and big integers as digits", () => {
    const payload = { at: new Date("2026-11-20T09:15:31Z"), big: 12345678901234567890n };
    assert.deepEqual(map([row("At__c", "payload.at", "msg"), row("Big__c", "payload.big", "msg")], { payload }), {
      At__c: "2026-11-20T09:15:31.000Z",
      Big__c: "12345678901234567890",
    });
  });

  for (const [what, value, text] of [
    ["an array", [1], /Subject: an array/],
    ["a deep object", { a: { b: { c: 1 } } }, /Subject: an object/],
    ["a buffer", Buffer.from("x"), /Subject: an object/],
    ["NaN", NaN, /Subject: NaN/],
    ["a function", () => 1, /Subject: a function/],
    ["a broken date", new Date(NaN), /Subject: the date/],
  ] as const) {
    it(`refuses ${what} and names the field`, () => {
      assert.throws(() => map([row("Subject", "payload", "msg")], { payload: value }), invalid(text));
    });
  }

  it("fails with the field's name when JSONata fails", async () => {
    await assert.rejects(async () => map([row("Subject", "$number(payload)", "jsonata")], { payload: "warm" }), invalid(/Subject/));
  });

  it("does not compile JSONata that cannot be read, and names the field", () => {
    assert.throws(
      () => map([row("Subject", "payload[", "jsonata")], {}),
      (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED" && /Subject/.test(error.message),
    );
  });
});
