import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { type ConnectorError, isConnectorError } from "../../../../nodes/common/errors";
import { declarePushTopic, type PushTopicDeclaration } from "../../../../nodes/salesforce/client/events/push-topics";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { clientCredentials, Orgs } from "../../support";

const WANTED: PushTopicDeclaration = {
  name: "OpenCases",
  query: "SELECT Id, Subject FROM Case WHERE Status = 'New'",
  operations: ["create", "update"],
  fields: "Referenced",
  apiVersion: "66.0",
};

describe("A PushTopic that a node declares", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  before(async () => {
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
  });
  after(() => orgs.stop());

  const declare = (changed: Partial<PushTopicDeclaration> = {}): ReturnType<typeof declarePushTopic> => declarePushTopic(client.rest, { ...WANTED, ...changed });
  const topics = async (): Promise<Record<string, unknown>[]> => {
    const fields = "Name, Query, ApiVersion, NotifyForOperationCreate, NotifyForOperationUpdate, NotifyForOperationDelete, NotifyForOperationUndelete, NotifyForFields, IsActive";
    const { body } = await client.rest.request<{ records: Record<string, unknown>[] }>({ method: "GET", path: `/query?q=${encodeURIComponent(`SELECT ${fields} FROM PushTopic`)}` });
    return body.records.map(({ attributes: _attributes, ...record }) => record);
  };
  const writes = (): number => org.control.stats().lastRequests.filter(({ method, path }) => method !== "GET" && path.includes("/sobjects/PushTopic")).length;

  const AS_WANTED = {
    Name: "OpenCases", Query: WANTED.query, ApiVersion: 66, NotifyForFields: "Referenced", IsActive: true,
    NotifyForOperationCreate: true, NotifyForOperationUpdate: true, NotifyForOperationDelete: false, NotifyForOperationUndelete: false,
  };

  it("is created when it is not there", async () => {
    assert.equal(await declare(), "created");
    assert.deepEqual(await topics(), [AS_WANTED]);
  });

  it("is not touched when it is as it should be, however the query is broken into lines", async () => {
    const before = writes();
    assert.equal(await declare(), "unchanged");
    assert.equal(await declare({ query: "  SELECT Id, Subject\r\n  FROM Case\n\tWHERE Status = 'New'\n", operations: ["update", "create"] }), "unchanged");
    assert.equal(writes(), before);
  });

  it("is changed where it differs", async () => {
    for (const changed of [
      { query: "SELECT Id, Subject FROM Case WHERE Status = 'New  '" },
      { operations: ["delete", "undelete"] },
      { fields: "All" },
      { apiVersion: "65.0" },
      {},
    ] satisfies Partial<PushTopicDeclaration>[]) {
      assert.equal(await declare(changed), "updated", JSON.stringify(changed));
      assert.equal(await declare(changed), "unchanged", JSON.stringify(changed));
    }
    assert.deepEqual(await topics(), [AS_WANTED]);
  });

  it("is switched on again when somebody has switched it off", async () => {
    const { body } = await client.rest.request<{ records: { Id: string }[] }>({ method: "GET", path: "/query?q=SELECT+Id+FROM+PushTopic" });
    await client.rest.request({ method: "PATCH", path: `/sobjects/PushTopic/${body.records[0]?.Id}`, body: { IsActive: false } });
    assert.equal(await declare(), "updated");
    assert.deepEqual(await topics(), [AS_WANTED]);
  });

  it("is one when two instances declare it at once", async () => {
    const done = await Promise.all([declare({ name: "Twice" }), declare({ name: "Twice" })]);
    assert.ok(done.every((what) => what === "created" || what === "unchanged"), String(done));
    assert.equal((await topics()).filter(({ Name }) => Name === "Twice").length, 1);
  });

  for (const [what, changed, reason] of [
    ["a name that is too long", { name: "A".repeat(26) }, /at most 25 characters; "A{26}" has 26/],
    ["no name", { name: "" }, /has no name/],
    ["a query that is too long", { query: `SELECT Id FROM Case WHERE Subject = '${"x".repeat(1300)}'` }, /at most 1300 characters; that of OpenCases has 1338/],
    ["no query", { query: " \n" }, /has no query/],
    ["no operation", { operations: [] }, /at least one operation/],
    ["a name that is there in another case", { name: "opencases" }, /PushTopic OpenCases.*listen to \/topic\/OpenCases/],
    ["an object the org does not know", { name: "New", query: "SELECT Id FROM Nothing" }, /The org refuses the PushTopic New: .*'Nothing'/],
    ["a field the org does not know", { query: "SELECT Id, Nothing FROM Case" }, /The org refuses the PushTopic OpenCases: .*Nothing/],
    ["a query without Id", { query: "SELECT Subject FROM Case" }, /The org refuses the PushTopic OpenCases: .*Id field/],
  ] satisfies [string, Partial<PushTopicDeclaration>, RegExp][]) {
    it(`tells of ${what}`, () =>
      assert.rejects(declare(changed), (error: ConnectorError) => {
        assert.ok(isConnectorError(error), String(error));
        assert.equal(error.code, "NOT_CONFIGURED");
        assert.match(error.message, reason);
        return true;
      }));
  }

  it("passes on that the org is away, to be tried again", async () => {
    org.control.failNext({ status: 503 });
    await assert.rejects(declare(), { code: "ORG_UNAVAILABLE", scope: "system" });
    assert.equal(await declare(), "unchanged");
  });
});
