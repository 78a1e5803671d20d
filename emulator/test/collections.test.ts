import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

const UPSERT = "/composite/sobjects/Case/Device_Event_Id__c";

const aCase = (fields: Record<string, unknown>) => ({ attributes: { type: "Case" }, ...fields });
const anAccount = (fields: Record<string, unknown>) => ({ attributes: { type: "Account" }, ...fields });

describe("sObject Collections", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({
      schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", length: 20, externalId: true }] }],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  const subjects = () => emulator.records("Case").map((record) => record["Subject"]);

  describe("create", () => {
    it("answers 200 with a result per record, in order, even when records fail", async () => {
      const records = [aCase({ Subject: "a" }), { attributes: { type: "Contact" } }, aCase({ Subject: "b", Origin: "Foo" })];
      const { status, body } = await api.send("POST", "/composite/sobjects", { records });
      assert.equal(status, 200);
      assert.deepEqual(body, [
        { id: body[0].id, success: true, errors: [] },
        {
          success: false,
          errors: [{ statusCode: "REQUIRED_FIELD_MISSING", message: "Required fields are missing: [LastName]", fields: ["LastName"] }],
        },
        {
          success: false,
          errors: [
            {
              statusCode: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
              message: "Case Origin: bad value for restricted picklist field: Foo",
              fields: ["Origin"],
            },
          ],
        },
      ]);
      assert.deepEqual(subjects(), ["a"]);
    });

    it("rolls back everything with allOrNone, and says so for the records that were good", async () => {
      const records = [aCase({ Subject: "a", Device_Event_Id__c: "e1" }), aCase({ Origin: "Foo" }), aCase({ Subject: "b" })];
      const { status, body } = await api.send("POST", "/composite/sobjects", { allOrNone: true, records });
      assert.equal(status, 200);
      assert.deepEqual(
        body.map((result: { errors: { statusCode: string }[] }) => result.errors[0]!.statusCode),
        ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "ALL_OR_NONE_OPERATION_ROLLED_BACK"],
      );
      assert.deepEqual(subjects(), []);
      assert.equal((await api.get("/sobjects/Case/Device_Event_Id__c/e1")).status, 404, "the index is rolled back too");
    });

    it("sees the records before it in the same request", async () => {
      const { body } = await api.send("POST", "/composite/sobjects", {
        records: [aCase({ Device_Event_Id__c: "e" }), aCase({ Device_Event_Id__c: "E" })],
      });
      assert.equal(body[0].success, true);
      assert.equal(body[1].errors[0].statusCode, "DUPLICATE_VALUE");
      assert.match(body[1].errors[0].message, new RegExp(`duplicates value on record with id: ${body[0].id}`));
    });

    it("refuses a record with an id", async () => {
      const { body } = await api.send("POST", "/composite/sobjects", { records: [aCase({ id: "500000000000001AAA" })] });
      assert.equal(body[0].errors[0].statusCode, "INVALID_FIELD_FOR_INSERT_UPDATE");
    });

    it("takes 200 records and 10 chunks, not one more", async () => {
      const many = (count: number) => ({ records: Array.from({ length: count }, () => aCase({})) });
      assert.equal((await api.send("POST", "/composite/sobjects", many(200))).body.length, 200);
      const text = "record limit reached. cannot submit more than 200 records in this call";
      assertError(await api.send("POST", "/composite/sobjects", many(201)), 400, "EXCEEDED_ID_LIMIT", text);
      const chunks = (count: number) => ({
        records: Array.from({ length: count }, (_, i) => (i % 2 ? aCase({}) : anAccount({ Name: "a" }))),
      });
      assert.equal((await api.send("POST", "/composite/sobjects", chunks(10))).status, 200);
      assertError(await api.send("POST", "/composite/sobjects", chunks(11)), 400, "LIMIT_EXCEEDED", /more than 10 chunks/);
    });

    it("refuses the whole request when one record cannot be read", async () => {
      const good = aCase({ Subject: "good" });
      const unreadable: [unknown, string][] = [
        [aCase({ Foo__c: 1 }), "INVALID_FIELD"],
        [aCase({ Subject: { a: 1 } }), "JSON_PARSER_ERROR"],
        [{ Subject: "no type" }, "INVALID_INPUT"],
        [{ attributes: { type: "Foo" } }, "INVALID_TYPE"],
      ];
      for (const [record, errorCode] of unreadable) {
        assertError(await api.send("POST", "/composite/sobjects", { records: [good, record] }), 400, errorCode, /./);
      }
      assertError(await api.send("POST", "/composite/sobjects", { records: [] }), 400, "MISSING_ARGUMENT", /records/);
      assert.deepEqual(subjects(), []);
    });
  });

  describe("update", () => {
    it("writes each record by its id, and needs one", async () => {
      const id = await api.create("Case", { Subject: "a" });
      const records = [aCase({ id, Subject: "b" }), aCase({ Subject: "c" }), aCase({ Id: "500000000000001AAA", Subject: "d" })];
      const { body } = await api.send("PATCH", "/composite/sobjects", { records });
      assert.deepEqual(body[0], { id, success: true, errors: [] });
      assert.equal(body[1].errors[0].statusCode, "MISSING_ARGUMENT");
      assert.equal(body[2].errors[0].statusCode, "NOT_FOUND");
      assert.deepEqual(subjects(), ["b"]);
    });

    it("puts back the old values with allOrNone", async () => {
      const id = await api.create("Case", { Subject: "a", Device_Event_Id__c: "e1" });
      const records = [aCase({ id, Subject: "b", Device_Event_Id__c: "e2", Status: "Closed" }), aCase({ Subject: "c" })];
      await api.send("PATCH", "/composite/sobjects", { allOrNone: true, records });
      const [record] = emulator.records("Case");
      assert.deepEqual([record!["Subject"], record!["Device_Event_Id__c"], record!["IsClosed"]], ["a", "e1", false]);
      assert.equal((await api.get("/sobjects/Case/Device_Event_Id__c/e1")).status, 200);
      assert.equal((await api.get("/sobjects/Case/Device_Event_Id__c/e2")).status, 404);
    });
  });

  describe("upsert", () => {
    it("creates and updates by external id and says which", async () => {
      const id = await api.create("Case", { Subject: "a", Device_Event_Id__c: "e1" });
      const records = [aCase({ Device_Event_Id__c: "E1", Subject: "b" }), aCase({ Device_Event_Id__c: "e2", Subject: "c" })];
      const { status, body } = await api.send("PATCH", UPSERT, { records });
      assert.equal(status, 200);
      assert.deepEqual(body[0], { id, success: true, errors: [], created: false });
      assert.deepEqual(body[1], { id: body[1].id, success: true, errors: [], created: true });
      assert.deepEqual(subjects(), ["b", "c"]);
    });

    it("refuses every record that shares its external id with another of the request", async () => {
      const records = [aCase({ Device_Event_Id__c: "e1" }), aCase({ Device_Event_Id__c: "e2" }), aCase({ Device_Event_Id__c: "E1" })];
      const { status, body } = await api.send("PATCH", UPSERT, { records });
      assert.equal(status, 200);
      assert.deepEqual(body[0].errors, [
        { statusCode: "DUPLICATE_VALUE", message: "Duplicate external id specified: e1", fields: ["Device_Event_Id__c"] },
      ]);
      assert.equal(body[1].success, true);
      assert.equal(body[2].errors[0].message, "Duplicate external id specified: E1");
      assert.equal(emulator.records("Case").length, 1);
    });

    it("leaves 199 cases when one of 200 is refused", async () => {
      const records = Array.from({ length: 200 }, (_, i) =>
        aCase({ Device_Event_Id__c: `e${i}`, Origin: i === 77 ? "Toaster" : "Device" }),
      );
      const { body } = await api.send("PATCH", UPSERT, { records });
      assert.deepEqual(
        body.flatMap((result: { success: boolean }, i: number) => (result.success ? [] : [i])),
        [77],
      );
      assert.equal(emulator.records("Case").length, 199);
    });

    it("by Id updates those that have one and creates the others", async () => {
      const id = await api.create("Case", { Subject: "a" });
      const { body } = await api.send("PATCH", "/composite/sobjects/Case/Id", { records: [aCase({ Id: id, Subject: "b" }), aCase({ Subject: "c" })] });
      assert.deepEqual([body[0].created, body[1].created, body[1].success], [false, true, true]);
      assert.deepEqual(subjects(), ["b", "c"]);
    });

    it("refuses a record without the external id, with an id, or whose value matches several", async () => {
      const { body } = await api.send("PATCH", UPSERT, {
        records: [aCase({ Subject: "a" }), aCase({ Device_Event_Id__c: "e", Id: "500000000000001AAA" })],
      });
      assert.equal(body[0].errors[0].statusCode, "MISSING_ARGUMENT");
      assert.equal(body[1].errors[0].statusCode, "INVALID_FIELD");
      for (const name of ["a", "b"]) await api.create("Account", { Name: name, Number__c: "N" });
      const several = await api.send("PATCH", "/composite/sobjects/Account/Number__c", { records: [anAccount({ Number__c: "n" })] });
      assert.equal(several.body[0].errors[0].statusCode, "DUPLICATE_EXTERNAL_ID");
    });

    it("refuses another type in its records, and a field that is no external id", async () => {
      assertError(await api.send("PATCH", UPSERT, { records: [anAccount({ Name: "a" })] }), 400, "INVALID_TYPE", /Case/);
      const path = "/composite/sobjects/Case/Subject";
      assertError(
        await api.send("PATCH", path, { records: [aCase({ Subject: "a" })] }),
        404,
        "NOT_FOUND",
        /external ID field does not exist/,
      );
    });

    it("fails only the locked record", async () => {
      const id = await api.create("Case", { Device_Event_Id__c: "e1" });
      emulator.control.lockRecord({ id, times: 1 });
      const records = [aCase({ Device_Event_Id__c: "e1" }), aCase({ Device_Event_Id__c: "e2" })];
      const first = await api.send("PATCH", UPSERT, { records });
      assert.equal(first.body[0].errors[0].statusCode, "UNABLE_TO_LOCK_ROW");
      assert.equal(first.body[1].success, true);
      const second = await api.send("PATCH", UPSERT, { records });
      assert.equal(second.body[0].success, true, "a lock with times lets go by itself");
    });
  });

  it("deletes 10 chunks of ids, not one more", async () => {
    const [accounts, contacts] = await Promise.all(["Account", "Contact"].map((object) => Promise.all(Array.from({ length: 6 }, () => api.create(object, object === "Account" ? { Name: "a" } : { LastName: "c" })))));
    const mixed = accounts!.flatMap((id, index) => [id, contacts![index]!]);
    assertError(await api.send("DELETE", `/composite/sobjects?ids=${mixed.slice(0, 11).join(",")}`), 400, "LIMIT_EXCEEDED", /chunks/);
    assert.equal((await api.send("DELETE", `/composite/sobjects?ids=${[...accounts!, ...contacts!].join(",")}`)).body.length, 12);
  });

  it("deletes by ids, and puts them back with allOrNone", async () => {
    const ids = [await api.create("Case", { Subject: "a" }), await api.create("Case", { Subject: "b" })];
    const withBad = [...ids, "500000000000001AAA"].join(",");
    const none = await api.send("DELETE", `/composite/sobjects?ids=${withBad}&allOrNone=true`);
    assert.equal(none.body[0].errors[0].statusCode, "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert.equal(emulator.records("Case").length, 2);
    const some = await api.send("DELETE", `/composite/sobjects?ids=${withBad}`);
    assert.deepEqual(
      some.body.map((result: { success: boolean }) => result.success),
      [true, true, false],
    );
    assert.equal(emulator.records("Case").length, 0);
  });

  it("retrieves by GET and POST, in order, null for what is missing", async () => {
    const id = await api.create("Case", { Subject: "a" });
    const ids = ["500000000000001AAA", id];
    const record = { attributes: { type: "Case", url: `/services/data/v66.0/sobjects/Case/${id}` }, Id: id, Subject: "a" };
    assert.deepEqual((await api.send("POST", "/composite/sobjects/Case", { ids, fields: ["Id", "Subject"] })).body, [null, record]);
    assert.deepEqual((await api.get(`/composite/sobjects/Case?ids=${ids.join(",")}&fields=id,subject`)).body, [null, record]);
    assertError(await api.send("POST", "/composite/sobjects/Case", { ids }), 400, "MISSING_ARGUMENT", /fields/);
  });

  it("is there from v42, its upsert from v46", async () => {
    const records = [aCase({ Device_Event_Id__c: "e" })];
    assert.equal((await api.at(41).send("POST", "/composite/sobjects", { records })).status, 404);
    assert.equal((await api.at(45).send("PATCH", UPSERT, { records })).status, 404);
    assert.equal((await api.at(46).send("PATCH", UPSERT, { records })).status, 200);
  });
});
