import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { type Fields, type RecordResult, retrieveRecords } from "../../../../nodes/salesforce/client/records/collections";
import { RecordWriter } from "../../../../nodes/salesforce/client/records/record-writer";
import type { RestClient } from "../../../../nodes/salesforce/client/rest";
import { clientCredentials, collectionCalls, EXTERNAL_ID, Orgs } from "../../support";

const isAway = (error: unknown): boolean => (error as ConnectorError).code === "ORG_UNAVAILABLE" && (error as ConnectorError).scope === "system";
const codes = (results: RecordResult[]): unknown[] => results.map((result) => (result.ok ? "ok" : (result.error.details.statusCode ?? result.error.details.errorCode)));

describe("Records of any object", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let rest: RestClient;
  let writer: RecordWriter;
  beforeEach(async () => {
    org = await orgs.start();
    rest = orgs.client(clientCredentials(org)).rest;
    writer = new RecordWriter(rest);
  });
  afterEach(() => orgs.stop());

  const accounts = (count: number): string[] => org.control.insert({ object: "Account", records: Array.from({ length: count }, (_, index) => ({ Name: `a${index}` })) }).ids;
  const names = (): unknown[] => org.records("Account").map(({ Name }) => Name);

  it("are updated 200 a call, and one unknown column fails its record alone", async () => {
    const ids = accounts(200);
    const results = await writer.update({ object: "Account", records: ids.map((Id, index) => (index === 7 ? { Id, Nope__c: 1 } : { Id, Name: "new" })) }, ids.map((Id) => ({ Id })));
    assert.deepEqual(results.flatMap((result, index) => (result.ok ? [] : index)), [7]);
    assert.equal(names().filter((name) => name === "new").length, 199);
    assert.equal(collectionCalls(org), 2);
  });

  it("are updated once more after a lost answer, and nothing is the worse for it", async () => {
    const [Id] = accounts(1);
    await retrieveRecords(rest, { object: "Account", ids: [Id as string], fields: ["Id"] });
    org.control.resetConnections({ when: "after" });
    const update = () => writer.update({ object: "Account", records: [{ Id, Name: "new" }] }, [{}]);
    await assert.rejects(update(), isAway);
    assert.deepEqual(codes(await update()), ["ok"]);
  });

  it("are deleted, and one that is gone says so", async () => {
    const ids = accounts(3);
    await writer.delete({ ids: ids.slice(0, 1) }, [{}]);
    assert.deepEqual(codes(await writer.delete({ ids }, [{}, {}, {}])), ["ENTITY_IS_DELETED", "ok", "ok"]);
  });

  it("that were deleted by a call whose answer was lost count as deleted at the next try", async () => {
    const ids = accounts(2);
    const items = [{}, {}];
    await retrieveRecords(rest, { object: "Account", ids, fields: ["Id"] });
    org.control.resetConnections({ when: "after" });
    await assert.rejects(writer.delete({ ids }, items), isAway);
    assert.deepEqual(codes(await writer.delete({ ids }, items)), ["ok", "ok"]);
  });

  it("are read in order, null for one that is not there; an unknown field is told", async () => {
    const ids = accounts(2);
    const found = await retrieveRecords(rest, { object: "Account", ids: [ids[1] as string, "001000000000000AAA", ids[0] as string], fields: ["Name"] });
    assert.deepEqual(found.map((one) => one?.Name ?? null), ["a1", null, "a0"]);
    await assert.rejects(retrieveRecords(rest, { object: "Account", ids, fields: ["Nope"] }), (error) => (error as ConnectorError).code === "ORG_REFUSED");
  });

  describe("all or none", () => {
    const create = (records: Fields[]) => writer.create({ object: "Contact", records, allOrNone: true });

    it("are not stored when one is refused: it keeps its words, the others say why", async () => {
      assert.deepEqual(codes(await create([{ LastName: "a" }, {}, { LastName: "b" }])), ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING", "ALL_OR_NONE_OPERATION_ROLLED_BACK"]);
      assert.equal(org.records("Contact").length, 0);
    });

    it("are not searched when the call is refused as a whole: the culprit is named in one call", async () => {
      assert.deepEqual(codes(await create([{ LastName: "a" }, { Nope__c: 1 }])), ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_FIELD"]);
      assert.equal(collectionCalls(org), 1);
    });

    it("are deleted together", async () => {
      const ids = accounts(2);
      const results = await writer.delete({ ids: [...ids, "001000000000000AAA"], allOrNone: true }, [{}, {}, {}]);
      assert.equal(results.filter(({ ok }) => ok).length, 0);
      assert.equal(org.records("Account").length, 2);
    });
  });

  it("are upserted by any external id field; two of one id in a call are told apart from other duplicates", async () => {
    const upsert = (records: Fields[]) => writer.upsert({ object: "Case", externalIdField: EXTERNAL_ID, records }, records);
    assert.deepEqual(codes(await upsert([{ [EXTERNAL_ID]: "a", Subject: "x" }])), ["ok"]);
    const [first] = await upsert([{ [EXTERNAL_ID]: "b" }, { [EXTERNAL_ID]: "b" }]);
    assert.ok(first && !first.ok);
    assert.deepEqual([first.error.code, first.error.retryable], ["ORG_BUSY", true]);
  });

  it("are worth a retry when another client made the record meanwhile, in whatever language the org says so; another unique field stays refused", async () => {
    const taken = async (field: string): Promise<string> => {
      org.control.addRule({ object: "Case", condition: "Id != null", errorCode: "DUPLICATE_VALUE", message: `valor duplicado encontrado: ${field} duplica o valor no registro com ID: 500000000000001AAA`, times: 1 });
      const record = { [EXTERNAL_ID]: field };
      const [result] = await writer.upsert({ object: "Case", externalIdField: EXTERNAL_ID.toLowerCase(), records: [record] }, [record]);
      return result?.ok === false ? result.error.code : "stored";
    };
    assert.deepEqual([await taken(EXTERNAL_ID), await taken("Serial__c"), await taken(`Old_${EXTERNAL_ID}`)], ["ORG_BUSY", "ORG_REFUSED", "ORG_REFUSED"]);
  });

  it("stay refused by another unique field when they are upserted by their id, which the text names as well", async () => {
    const [id = ""] = org.control.insert({ object: "Case", records: [{ Subject: "x" }] }).ids;
    org.control.addRule({ object: "Case", condition: "Id != null", errorCode: "DUPLICATE_VALUE", message: `duplicate value found: Serial__c duplicates value on record with id: ${id}`, times: 1 });
    const record = { Id: id, Subject: "y" };
    const [result] = await writer.upsert({ object: "Case", externalIdField: "Id", records: [record] }, [record]);
    assert.equal(result?.ok === false && result.error.code, "ORG_REFUSED");
  });
});
