import assert from "node:assert/strict";
import { type Client, createClientAsync } from "soap";
import { DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../../src/index";

/** What calls give: `soap` reads the WSDL as it runs, and knows no types before. */
interface Result {
  id?: string;
  success?: boolean;
  created?: boolean;
  errors?: { statusCode: string; message: string }[];
  [name: string]: unknown;
}

const EXTERNAL_ID = "Device_Event_Id__c";

/** A SOAP client that knows nothing of Salesforce but what the WSDL says. */
describe("soap, as it comes from npm", function () {
  let emulator: Emulator;
  let client: Client;

  before(async () => {
    emulator = await startEmulator();
    client = await createClientAsync(`${emulator.url}/services/Soap/u/64.0?wsdl`);
    const [{ result }] = (await client.loginAsync({ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD })) as [{ result: { sessionId: string; serverUrl: string } }];
    client.setEndpoint(result.serverUrl);
    client.addSoapHeader({ SessionHeader: { sessionId: result.sessionId } }, "", "tns", "urn:partner.soap.sforce.com");
  });
  after(() => emulator.stop());

  const insert = (object: string, records: object[]): string[] => emulator.control.insert({ object, records } as never).ids;

  /** The result of one call, or the list of its results. */
  async function call<T = Result[]>(operation: string, parameters: object = {}): Promise<T> {
    const run = (client as unknown as Record<string, (parameters: object) => Promise<[{ result: T } | undefined]>>)[`${operation}Async`];
    assert.ok(run, `the WSDL has no ${operation}`);
    const [answer] = await run.call(client, parameters);
    return answer?.result as T;
  }

  /** A record, as the WSDL's sObject has it: the type first, then fields in its namespace. */
  const record = (type: string, fields: Record<string, unknown>): object => ({ "ens:type": type, ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`ens:${name}`, value])) });

  it("signs in, and knows who it is and what time it is", async () => {
    assert.equal((await call<Result>("getUserInfo"))["userName"], DEFAULT_USERNAME);
    assert.ok((await call<Result>("getServerTimestamp"))["timestamp"]);
  });

  it("is told why it cannot sign in", async () => {
    await assert.rejects(createClientAsync(`${emulator.url}/services/Soap/u/64.0?wsdl`).then((fresh) => fresh.loginAsync({ username: DEFAULT_USERNAME, password: "wrong" }) as Promise<unknown>), /INVALID_LOGIN/);
  });

  it("creates, updates, upserts, retrieves, deletes and undeletes", async () => {
    const created = await call("create", { sObjects: [record("Case", { Subject: "from soap" }), record("Case", { Subject: "bad", Origin: "Foo" })] });
    assert.deepEqual(created.map(({ success }) => success), [true, false]);
    assert.deepEqual(created[1]?.errors?.map(({ statusCode }) => statusCode), ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"]);
    const id = created[0]!.id!;
    assert.equal((await call("update", { sObjects: [record("Case", { Id: id, Priority: "High" })] }))[0]?.success, true);
    const parameters = { externalIDFieldName: EXTERNAL_ID, sObjects: [record("Case", { [EXTERNAL_ID]: "soap-1", Subject: "u" })] };
    assert.deepEqual([(await call("upsert", parameters))[0]?.created, (await call("upsert", parameters))[0]?.created], [true, false]);
    const retrieved = await call("retrieve", { fieldList: "Id, Subject, Priority", sObjectType: "Case", ids: [id] });
    assert.deepEqual([retrieved[0]?.["Subject"], retrieved[0]?.["Priority"]], ["from soap", "High"]);
    assert.equal((await call("delete", { ids: [id] }))[0]?.success, true);
    assert.equal((await call("undelete", { ids: [id] }))[0]?.success, true);
    assert.ok(emulator.records("Case").some(({ Id }) => Id === id));
  });

  it("queries page by page, deleted records too, and searches", async () => {
    insert("Account", Array.from({ length: 2010 }, (_, i) => ({ Name: `soap ${i}` })));
    const first = await call<Result & { queryLocator: string; records: unknown[] }>("query", { queryString: "SELECT Id, Name FROM Account" });
    assert.deepEqual([first["done"], first["size"], first.records.length], [false, 2010, 2000]);
    const rest = await call<Result & { records: unknown[] }>("queryMore", { queryLocator: first.queryLocator });
    assert.deepEqual([rest["done"], rest.records.length], [true, 10]);
    await call("delete", { ids: [emulator.records("Account")[0]!.Id] });
    assert.equal((await call<Result>("queryAll", { queryString: "SELECT Id FROM Account" }))["size"], 2010);
    const found = await call<{ searchRecords: unknown[] }>("search", { searchString: "FIND {2009} IN ALL FIELDS RETURNING Account(Id, Name)" });
    assert.equal([found.searchRecords].flat().length, 1);
  });

  it("describes", async () => {
    const described = await call<{ fields: { name: string }[] }>("describeSObject", { sObjectType: "Case" });
    assert.ok(described.fields.some(({ name }) => name === EXTERNAL_ID));
    assert.equal((await call("describeSObjects", { sObjectType: ["Case", "Account"] })).length, 2);
    assert.ok((await call<{ sobjects: { name: string }[] }>("describeGlobal")).sobjects.some(({ name }) => name === "Case"));
  });

  it("merges, and converts leads", async () => {
    const [kept, other] = insert("Account", [{ Name: "kept" }, { Name: "other" }]);
    const merged = await call("merge", { request: [{ masterRecord: record("Account", { Id: kept }), recordToMergeIds: [other] }] });
    assert.deepEqual([merged[0]?.success, merged[0]?.id, [merged[0]?.["mergedRecordIds"]].flat()], [true, kept, [other]]);
    const [lead] = insert("Lead", [{ LastName: "Lee", Company: "Lee Ltd" }]);
    const converted = await call("convertLead", { leadConverts: [{ convertedStatus: "Closed - Converted", doNotCreateOpportunity: true, leadId: lead, overwriteLeadSource: false, sendNotificationEmail: false }] });
    assert.equal(converted[0]?.success, true);
  });

  it("is told what is wrong with a query, and with an old session", async () => {
    await assert.rejects(call("query", { queryString: "SELECT Foo FROM Case" }), /INVALID_FIELD/);
    emulator.control.expireTokens();
    await assert.rejects(call("getUserInfo"), /INVALID_SESSION_ID/);
  });
});
