import assert from "node:assert/strict";
import avro from "avsc";
import { parseSchema } from "../../../../../nodes/salesforce/client/events/pubsub/avro-value";
import { EventDecoder } from "../../../../../nodes/salesforce/client/events/pubsub/event-decoder";
import { decimalOf, positionOf, replayIdOf } from "../../../../../nodes/salesforce/client/events/pubsub/replay-id";
import { bytes } from "./fake-pubsub";

const optional = (name: string, type: unknown, doc?: string): object => ({ name, type: ["null", type].flat(), default: null, ...(doc ? { doc } : {}) });

const HEADER = {
  type: "record", name: "ChangeEventHeader",
  fields: [
    { name: "entityName", type: "string" },
    { name: "recordIds", type: { type: "array", items: "string" } },
    { name: "changeType", type: { type: "enum", name: "ChangeType", symbols: ["CREATE", "UPDATE", "DELETE", "GAP_OVERFLOW"] } },
    { name: "changeOrigin", type: "string" },
    { name: "transactionKey", type: "string" },
    { name: "sequenceNumber", type: "int" },
    { name: "commitTimestamp", type: "long" },
    { name: "commitNumber", type: "long" },
    { name: "commitUser", type: "string" },
    ...["nulledFields", "diffFields", "changedFields"].map((name) => ({ name, type: { type: "array", items: "string" } })),
  ],
};
const NAME = { type: "record", name: "Switchable_PersonName", fields: [optional("FirstName", "string"), optional("LastName", "string")] };
const ADDRESS = { type: "record", name: "Address", fields: [optional("Street", "string"), optional("City", "string"), optional("Latitude", "double")] };
/** 0 header, 1 Name, 2 Phone, 3 BillingAddress, 4 ShippingAddress, 5 LastModifiedDate, 6 SlaDate, 7 Size. */
const ACCOUNT = {
  type: "record", name: "AccountChangeEvent", namespace: "com.sforce.eventbus",
  fields: [
    { name: "ChangeEventHeader", type: HEADER },
    optional("Name", ["string", NAME]),
    optional("Phone", "string", "Data:Phone"),
    optional("BillingAddress", ADDRESS),
    optional("ShippingAddress", "Address"),
    optional("LastModifiedDate", "long", "Data:DateTime"),
    optional("SlaDate__c", "long", "Data:DateOnly:00N000000000001"),
    optional("Size__c", "long"),
  ],
};

const nothing = { Name: null, Phone: null, BillingAddress: null, ShippingAddress: null, LastModifiedDate: null, SlaDate__c: null, Size__c: null };
const header = {
  entityName: "Account", recordIds: ["001000000000001AAA"], changeType: "UPDATE", changeOrigin: "com/salesforce/api/rest/66.0", transactionKey: "k", sequenceNumber: 1,
  commitTimestamp: 1_501_010_206_653, commitNumber: 92_847_272_780, commitUser: "005000000000001AAA", nulledFields: [], diffFields: [], changedFields: [],
};

/** Encodes by a schema of the test's own, with bigints for longs, and decodes. */
function roundTrip(schema: object, value: object): ReturnType<EventDecoder["decode"]> {
  const long = avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (number: number | bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(number));
      return buffer;
    },
    ...{ fromJSON: BigInt, toJSON: String, isValid: (one: unknown) => typeof one === "number" || typeof one === "bigint", compare: () => 0 },
  });
  const payload = avro.Type.forSchema(schema as avro.Schema, { registry: { long } }).toBuffer(value);
  const decoder = new EventDecoder("s1", parseSchema(avro, JSON.stringify(schema)));
  return decoder.decode({ event: { id: "uuid", schema_id: "s1", payload }, replay_id: bytes(6421) });
}

const change = (of: object, fields: object = {}): Record<string, unknown> => roundTrip(ACCOUNT, { ChangeEventHeader: { ...header, ...of }, ...nothing, ...fields }).payload as Record<string, unknown>;

describe("An event in Avro", () => {
  it("of a change has its header first, and only the fields that have changed", () => {
    const payload = change({ changedFields: ["0x24"] }, { Phone: "555", LastModifiedDate: Date.UTC(2026, 10, 20, 19, 16, 44) });
    assert.deepEqual(Object.keys(payload), ["ChangeEventHeader", "Phone", "LastModifiedDate"]);
    assert.deepEqual(payload, { ChangeEventHeader: { ...header, changedFields: ["Phone", "LastModifiedDate"] }, Phone: "555", LastModifiedDate: "2026-11-20T19:16:44Z" });
    assert.equal((JSON.parse(JSON.stringify(payload)) as { ChangeEventHeader: object }).ChangeEventHeader.constructor, Object);
  });

  it("of a change has null for a field that was emptied", () => {
    assert.deepEqual(change({ changedFields: ["0x24"], nulledFields: ["0x4"] }, { LastModifiedDate: 0 }), {
      ChangeEventHeader: { ...header, changedFields: ["Phone", "LastModifiedDate"], nulledFields: ["Phone"] }, Phone: null, LastModifiedDate: "1970-01-01T00:00:00Z",
    });
  });

  it("of a change names the parts of compound fields, and has only those that changed", () => {
    const payload = change(
      { changedFields: ["0x20", "1-0x1", "3-0x6", "4-0x2"], nulledFields: ["4-0x2"] },
      { Name: { FirstName: "Ann", LastName: null }, BillingAddress: { Street: null, City: "Bern", Latitude: 46.9 }, ShippingAddress: { Street: null, City: null, Latitude: null }, LastModifiedDate: 0 },
    );
    assert.deepEqual((payload.ChangeEventHeader as { changedFields: unknown }).changedFields, ["LastModifiedDate", "Name.FirstName", "BillingAddress.City", "BillingAddress.Latitude", "ShippingAddress.City"]);
    assert.deepEqual([payload.Name, payload.BillingAddress, payload.ShippingAddress], [{ FirstName: "Ann" }, { City: "Bern", Latitude: 46.9 }, { City: null }]);
  });

  it("of a new record leaves out what is empty", () => {
    const payload = change({ changeType: "CREATE" }, { Name: "Acme", BillingAddress: { Street: null, City: null, Latitude: null }, SlaDate__c: Date.UTC(2026, 0, 31) });
    assert.deepEqual(Object.entries(payload).slice(1), [["Name", "Acme"], ["SlaDate__c", "2026-01-31"]]);
  });

  it("of a gap has its header alone", () => {
    assert.deepEqual(Object.keys(change({ changeType: "GAP_OVERFLOW", recordIds: ["001*"] })), ["ChangeEventHeader"]);
  });

  it("keeps whole numbers exact: text where a number would not be", () => {
    const payload = change({ commitNumber: 9_007_199_254_740_993n }, { Size__c: -9_223_372_036_854_775_808n });
    assert.equal((payload.ChangeEventHeader as { commitNumber: unknown }).commitNumber, "9007199254740993");
    assert.equal(payload.Size__c, "-9223372036854775808");
    assert.equal(change({}, { Size__c: 9_007_199_254_740_991n }).Size__c, 9_007_199_254_740_991);
  });

  it("of more fields than a number has bits names them all", () => {
    const fields = Array.from({ length: 300 }, (_, index) => optional(`F${index}__c`, "string"));
    const values = Object.fromEntries(fields.map((field) => [(field as { name: string }).name, null]));
    const { payload } = roundTrip({ ...ACCOUNT, fields: [{ name: "ChangeEventHeader", type: HEADER }, ...fields] }, {
      ChangeEventHeader: { ...header, changedFields: [`0x${((1n << 300n) | (1n << 64n) | 2n).toString(16)}`] }, ...values, F299__c: "last",
    });
    assert.deepEqual((payload as { ChangeEventHeader: { changedFields: unknown } }).ChangeEventHeader.changedFields, ["F0__c", "F63__c", "F299__c"]);
  });

  it("of a platform event keeps its nulls, and gives times as ISO 8601 by what the schema says of them", () => {
    const schema = {
      type: "record", name: "A__e",
      fields: [
        { name: "CreatedDate", type: "long", doc: "CreatedDate:DateTime" }, optional("Day__c", "long", "Data:DateOnly:00N1"), optional("At__c", "long", "Data:TimeOnly"),
        optional("Count__c", "double", "Data:Double"), optional("Yes__c", "boolean"), optional("Text__c", "string"),
        { name: "Either__c", type: ["null", "string", { type: "enum", name: "Kind", symbols: ["A", "B"] }], default: null },
      ],
    };
    const event = roundTrip(schema, {
      CreatedDate: 1_700_000_000_123, Day__c: Date.UTC(2026, 10, 20), At__c: 37_800_000, Count__c: 0.2, Yes__c: true, Text__c: null, Either__c: { Kind: "B" },
    });
    assert.deepEqual(event, {
      kind: "event", position: "0000000000001915", replayId: "6421", eventUuid: "uuid", schema: "s1", createdDate: "2023-11-14T22:13:20.123Z",
      payload: { CreatedDate: "2023-11-14T22:13:20.123Z", Day__c: "2026-11-20", At__c: "10:30:00.000Z", Count__c: 0.2, Yes__c: true, Text__c: null, Either__c: "B" },
    });
  });
});

describe("A replay id", () => {
  it("of any length goes through text and back, and is a number for people", () => {
    for (const [raw, position, decimal] of [
      [bytes(13), "000000000000000d", "13"],
      [Buffer.from("00000000002ba72b0000", "hex"), "00000000002ba72b0000", "2860843"],
      [Buffer.from("ffffffffffffffff", "hex"), "ffffffffffffffff", "18446744073709551615"],
      [Buffer.from("0102030405060708090a", "hex"), "0102030405060708090a", "4759477275222530853130"],
      [Buffer.alloc(0), "", ""],
    ] as const) {
      assert.deepEqual([positionOf(raw), decimalOf(position)], [position, decimal]);
      if (position) assert.deepEqual(replayIdOf(position), raw);
    }
    for (const none of ["", "12345", "xyz", "-1", "0x0d"]) assert.equal(replayIdOf(none), undefined);
  });
});
