import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, type Answer } from "./helpers";

describe("composite requests", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => (emulator = await startEmulator()));
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  const create = (referenceId: string, object: string, body: object) => ({ method: "POST", url: `${api.base}/sobjects/${object}`, referenceId, body });
  const read = (referenceId: string, path: string) => ({ method: "GET", url: api.base + path, referenceId });
  const composite = (compositeRequest: unknown[], allOrNone = false) => api.send("POST", "/composite", { allOrNone, compositeRequest });
  const statuses = ({ body }: Answer) => body.compositeResponse.map((one: { httpStatusCode: number }) => one.httpStatusCode);

  const ACCOUNT = (body: object) => create("account", "Account", body);

  describe("/composite", () => {
    it("answers each sub-request with body, status, headers and reference id, and counts as one call", async () => {
      const before = emulator.control.stats().apiUsage.used;
      const { status, body } = await composite([ACCOUNT({ Name: "Acme" }), create("bad", "Contact", {})]);
      assert.equal(status, 200);
      const id = emulator.records("Account")[0]!.Id;
      assert.deepEqual(body.compositeResponse, [
        {
          body: { id, success: true, errors: [] },
          httpHeaders: { Location: `${api.base}/sobjects/Account/${id}` },
          httpStatusCode: 201,
          referenceId: "account",
        },
        {
          body: [{ errorCode: "REQUIRED_FIELD_MISSING", message: "Required fields are missing: [LastName]", fields: ["LastName"] }],
          httpHeaders: {},
          httpStatusCode: 400,
          referenceId: "bad",
        },
      ]);
      assert.equal(emulator.control.stats().apiUsage.used, before + 1);
    });

    it("replaces references by earlier results: in a body, a url, a list and a page of records", async () => {
      const records = [{ attributes: { type: "Case" }, Subject: "second" }];
      const answer = await composite([
        ACCOUNT({ Name: "Acme" }),
        create("contact", "Contact", { LastName: "Lee", AccountId: "@{account.id}" }),
        read("one", "/sobjects/Contact/@{contact.id}?fields=LastName,AccountId"),
        read("page", "/query?q=SELECT+Id,Name+FROM+Account"),
        create("case", "Case", { Subject: "for @{page.records[0].Name}", AccountId: "@{page.records[0].Id}" }),
        { method: "POST", url: `${api.base}/composite/sobjects`, referenceId: "list", body: { records } },
        read("listed", "/sobjects/Case/@{list[0].id}?fields=Subject"),
      ]);
      assert.deepEqual(statuses(answer), [201, 201, 200, 200, 201, 200, 200]);
      const [account] = emulator.records("Account");
      assert.equal(answer.body.compositeResponse[2].body.AccountId, account!.Id);
      assert.equal(answer.body.compositeResponse[6].body.Subject, "second");
      assert.equal(emulator.records("Case")[0]!["Subject"], "for Acme");
    });

    it("halts what depends on a failed sub-request and goes on with the rest", async () => {
      const answer = await composite([
        ACCOUNT({}),
        create("contact", "Contact", { LastName: "Lee", AccountId: "@{account.id}" }),
        create("case", "Case", { Subject: "alone" }),
      ]);
      assert.deepEqual(statuses(answer), [400, 400, 201]);
      assert.equal(answer.body.compositeResponse[1].body[0].errorCode, "PROCESSING_HALTED");
    });

    it("takes everything back with allOrNone, and says so for all but the one that failed", async () => {
      const answer = await composite([ACCOUNT({ Name: "Acme" }), create("bad", "Case", { Origin: "Foo" }), create("late", "Case", {})], true);
      assert.equal(answer.status, 200);
      const codes = answer.body.compositeResponse.map((one: { body: { errorCode: string }[] }) => one.body[0]!.errorCode);
      assert.deepEqual(codes, ["PROCESSING_HALTED", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "PROCESSING_HALTED"]);
      assert.deepEqual(statuses(answer), [400, 400, 400]);
      assert.deepEqual([emulator.records("Account"), emulator.records("Case")], [[], []]);
    });

    it("takes everything back when a record of a collection fails, though the collection answers 200", async () => {
      const records = [{ attributes: { type: "Case" } }, { attributes: { type: "Contact" } }];
      const collection = { method: "POST", url: `${api.base}/composite/sobjects`, referenceId: "list", body: { records } };
      const answer = await composite([ACCOUNT({ Name: "Acme" }), collection], true);
      assert.deepEqual(statuses(answer), [400, 200]);
      assert.equal(answer.body.compositeResponse[1].body[0].success, true, "as the org prints it, though it was taken back");
      assert.deepEqual([emulator.records("Account"), emulator.records("Case")], [[], []]);
    });

    it("passes on the headers of a sub-request, except those that it inherits", async () => {
      emulator.control.addRule({ object: "Account", condition: "Name = 'Acme'", message: "Use one of these records?", errorCode: "DUPLICATES_DETECTED" });
      const header = { "Sforce-Duplicate-Rule-Header": "allowSave=true" };
      assert.deepEqual(statuses(await composite([{ ...ACCOUNT({ Name: "Acme" }), httpHeaders: header }])), [201]);
      const refused = await composite([{ ...ACCOUNT({ Name: "Acme" }), httpHeaders: { "Content-Type": "text/csv" } }]);
      assertError(refused, 400, "INVALID_INPUT", /Content-Type/);
    });

    it("refuses as a whole what it cannot read or what is too large", async () => {
      const many = (count: number, item: object) => Array.from({ length: count }, (_, i) => ({ ...item, referenceId: `r${i}` }));
      const query = read("", "/query?q=SELECT+Id+FROM+Case");
      assertError(await composite([]), 400, "JSON_PARSER_ERROR", /compositeRequest/);
      assertError(await composite(many(26, create("", "Case", {}))), 400, "LIMIT_EXCEEDED", /25/);
      assertError(await composite(many(6, query)), 400, "LIMIT_EXCEEDED", /5/);
      assert.equal((await composite(many(5, query))).status, 200);
      assertError(await composite([create("a-b", "Case", {})]), 400, "JSON_PARSER_ERROR", /Provided referenceId \('a-b'\) must start/);
      assertError(await composite([create("a", "Case", {}), create("a", "Case", {})]), 400, "JSON_PARSER_ERROR", /unique/);
      assertError(await composite([{ ...create("a", "Case", {}), url: "/sobjects/Case" }]), 400, "JSON_PARSER_ERROR", /url/);
      assertError(await composite([{ ...create("a", "Case", {}), when: 1 }]), 400, "JSON_PARSER_ERROR", /"when"/);
      assertError(await composite([read("a", "/composite/batch")]), 400, "INVALID_INPUT", /not supported/);
      assert.deepEqual(emulator.records("Case"), []);
    });
  });

  describe("/composite/batch", () => {
    const batch = (batchRequests: unknown[], haltOnError = false) => api.send("POST", "/composite/batch", { batchRequests, haltOnError });
    const newCase = (richInput: object) => ({ method: "POST", url: "v66.0/sobjects/Case", richInput });

    it("answers each sub-request by itself", async () => {
      const { status, body } = await batch([newCase({ Subject: "a" }), newCase({ Origin: "Foo" }), { method: "GET", url: "v66.0/limits" }]);
      assert.equal(status, 200);
      assert.equal(body.hasErrors, true);
      assert.deepEqual(body.results.map((one: { statusCode: number }) => one.statusCode), [201, 400, 200]);
      assert.equal(body.results[1].result[0].errorCode, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
      assert.equal(emulator.records("Case").length, 1);
    });

    it("stops at the first error when asked to, and keeps what was done before", async () => {
      const { body } = await batch([newCase({}), newCase({ Origin: "Foo" }), newCase({})], true);
      assert.deepEqual(body.results.map((one: { statusCode: number }) => one.statusCode), [201, 400, 412]);
      assert.equal(body.results[2].result[0].errorCode, "BATCH_PROCESSING_HALTED");
      assert.equal(emulator.records("Case").length, 1);
    });

    it("takes 25 and no more", async () => {
      assertError(await batch(Array.from({ length: 26 }, () => newCase({}))), 400, "LIMIT_EXCEEDED", /25/);
    });
  });

  describe("/composite/graph", () => {
    const graph = (graphs: unknown[]) => api.send("POST", "/composite/graph", { graphs });

    it("takes each graph as a transaction of its own", async () => {
      const good = [ACCOUNT({ Name: "Good" }), create("contact", "Contact", { LastName: "Lee", AccountId: "@{account.id}" })];
      const bad = [ACCOUNT({ Name: "Bad" }), create("case", "Case", { Origin: "Foo", AccountId: "@{account.id}" })];
      const { status, body } = await graph([
        { graphId: "1", compositeRequest: good },
        { graphId: "2", compositeRequest: bad },
      ]);
      assert.equal(status, 200);
      assert.deepEqual(body.graphs.map((one: { graphId: string; isSuccessful: boolean }) => [one.graphId, one.isSuccessful]), [["1", true], ["2", false]]);
      const codes = body.graphs[1].graphResponse.compositeResponse.map((one: { body: { errorCode: string }[] }) => one.body[0]!.errorCode);
      assert.deepEqual(codes, ["PROCESSING_HALTED", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"]);
      assert.deepEqual(emulator.records("Account").map((record) => record["Name"]), ["Good"]);
    });

    it("takes 500 nodes and no more, and only records", async () => {
      const nodes = (count: number) => Array.from({ length: count }, (_, i) => create(`r${i}`, "Case", { Subject: String(i) }));
      assert.equal((await graph([{ graphId: "a", compositeRequest: nodes(500) }])).body.graphs[0].isSuccessful, true);
      assertError(await graph([{ graphId: "a", compositeRequest: nodes(501) }]), 400, "LIMIT_EXCEEDED", /500/);
      assertError(await graph([{ graphId: "a", compositeRequest: [read("q", "/query?q=SELECT+Id+FROM+Case")] }]), 400, "INVALID_INPUT", /not supported/);
      assert.equal(emulator.records("Case").length, 500);
    });
  });
});
