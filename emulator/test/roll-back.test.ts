import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, http } from "./helpers";

/** What is refused or taken back leaves nothing behind. */
describe("a roll-back", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({
      schema: [
        { name: "Alert__e", fields: [{ name: "Serial__c", type: "string" }] },
        { name: "Contact", fields: [], rules: [{ condition: "LastName = 'Refused'", message: "no" }] },
      ],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  /** Everything but the id counters, which never go back. */
  const state = () => {
    const { records } = emulator.control.stats();
    return { records, events: emulator.events().length, cases: emulator.records("Case").map((row) => [row.Id, row["Subject"], row["OwnerId"]]) };
  };
  const soap = async (operation: string, content: string, header = ""): Promise<string> => {
    const spaces = `xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"`;
    const head = `<soapenv:Header><SessionHeader><sessionId>${api.token}</sessionId></SessionHeader>${header}</soapenv:Header>`;
    const body = `<soapenv:Envelope ${spaces}>${head}<soapenv:Body><${operation}>${content}</${operation}></soapenv:Body></soapenv:Envelope>`;
    const answer = await http(`${emulator.url}/services/Soap/u/66.0`, { method: "POST", body, headers: { "Content-Type": "text/xml" } });
    assert.equal(answer.status, 200, answer.body as string);
    return answer.body as string;
  };

  it("undoes records of every kind of write, files and comments too, and frees unique values", async () => {
    const [kept, gone] = emulator.control.insert({ object: "Case", records: [{ Subject: "kept", Device_Event_Id__c: "k" }, { Subject: "gone", Device_Event_Id__c: "g" }] }).ids as [string, string];
    const before = state();
    const at = (path: string): string => `${api.base}/${path}`;
    const compositeRequest = [
      { method: "PATCH", url: at("sobjects/Case/Device_Event_Id__c/new"), referenceId: "a", body: { Subject: "new" } },
      { method: "PATCH", url: at(`sobjects/Case/${kept}`), referenceId: "b", body: { Subject: "changed", Device_Event_Id__c: "other" } },
      { method: "DELETE", url: at(`sobjects/Case/${gone}`), referenceId: "c" },
      { method: "POST", url: at("sobjects/CaseComment"), referenceId: "d", body: { ParentId: "@{a.id}", CommentBody: "x" } },
      { method: "POST", url: at("sobjects/ContentVersion"), referenceId: "e", body: { PathOnClient: "a.txt", VersionData: "YWJj", FirstPublishLocationId: kept } },
      { method: "POST", url: at("sobjects/Alert__e"), referenceId: "f", body: { Serial__c: "x" } },
      { method: "POST", url: at("sobjects/Contact"), referenceId: "g", body: { LastName: "Refused" } },
    ];
    const { body } = await api.send("POST", "/composite", { allOrNone: true, compositeRequest });
    assert.deepEqual(body.compositeResponse.map((one: { httpStatusCode: number }) => one.httpStatusCode), [400, 400, 400, 400, 400, 400, 400]);
    const graph = await api.send("POST", "/composite/graph", { graphs: [{ graphId: "1", compositeRequest: compositeRequest.map(({ url, ...more }) => ({ url, ...more })) }] });
    assert.equal(graph.body.graphs[0].isSuccessful, false);
    assert.deepEqual(state(), before);
    assert.equal((await api.query("SELECT Id FROM Case WHERE Device_Event_Id__c IN ('new', 'other')")).body.totalSize, 0);
    assert.equal((await api.send("PATCH", "/sobjects/Case/Device_Event_Id__c/new", { Subject: "again" })).status, 201, "the value is free");
    assert.equal((await api.send("PATCH", "/sobjects/Case/Device_Event_Id__c/g", { Subject: "found" })).body.id, gone);
  });

  it("gives back what events have used of the hour's allocation", async () => {
    const records = [{ attributes: { type: "Alert__e" } }, { attributes: { type: "Contact" } }];
    const { body } = await api.send("POST", "/composite/sobjects", { allOrNone: true, records });
    assert.equal(body[0].errors[0].statusCode, "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    const { Max, Remaining } = (await api.get("/limits")).body.HourlyPublishedPlatformEvents;
    assert.deepEqual([emulator.events(), Remaining], [[], Max]);
  });

  it("of approvals takes every one of the call, or none", async () => {
    emulator.control.addApprovalProcess({ object: "Case", name: "Refund" });
    const contextId = await api.create("Case", { Subject: "a" });
    const before = state();
    const submit = { actionType: "Submit", contextId };
    const { status } = await api.send("POST", "/process/approvals", { requests: [submit, { ...submit, contextId: "500000000000001AAA" }] });
    assert.equal(status, 400);
    assert.deepEqual(state(), before);
    const again = await api.send("POST", "/process/approvals", { requests: [{ ...submit, nextApproverIds: null }] });
    assert.equal(again.status, 200, JSON.stringify(again.body));
  });

  it("of a merge or a conversion that is refused halfway leaves the others of the call", async () => {
    const [master, loser] = emulator.control.insert({ object: "Account", records: [{ Name: "a" }, { Name: "b" }] }).ids as [string, string];
    emulator.control.insert({ object: "Contact", records: [{ LastName: "x", AccountId: loser }] });
    emulator.control.lockRecord({ id: loser });
    const before = state();
    const request = `<request><masterRecord><type>Account</type><Id>${master}</Id><Name>changed</Name></masterRecord><recordToMergeIds>${loser}</recordToMergeIds></request>`;
    assert.match(await soap("merge", request), /UNABLE_TO_LOCK_ROW/);
    const [lead] = emulator.control.insert({ object: "Lead", records: [{ LastName: "Refused", Company: "c" }] }).ids;
    assert.match(await soap("convertLead", `<leadConverts><convertedStatus>Closed - Converted</convertedStatus><leadId>${lead}</leadId></leadConverts>`), /FIELD_CUSTOM_VALIDATION/);
    assert.deepEqual(state(), { ...before, records: { ...before.records, Lead: 1 } });
    assert.deepEqual(emulator.records("Account").map((row) => row["Name"]), ["a", "b"]);
    assert.deepEqual(emulator.records("Contact").map((row) => row["AccountId"]), [loser]);
  });

  it("puts records back into the recycle bin", async () => {
    const [id] = emulator.control.insert({ object: "Case", records: [{ Subject: "a" }] }).ids;
    await api.send("DELETE", `/sobjects/Case/${id}`);
    const all = "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>";
    assert.match(await soap("emptyRecycleBin", `<ids>${id}</ids><ids>500000000000001AAA</ids>`, all), /ALL_OR_NONE/);
    assert.match(await soap("undelete", `<ids>${id}</ids>`), /<success>true/);
  });

  it("is not needed for an external id that stands twice in a SOAP upsert: neither is written", async () => {
    const record = `<sObjects><type>Case</type><Device_Event_Id__c>twice</Device_Event_Id__c></sObjects>`;
    const xml = await soap("upsert", `<externalIDFieldName>Device_Event_Id__c</externalIDFieldName>${record}${record}`);
    assert.equal(xml.match(/DUPLICATE_VALUE/g)?.length, 2);
    assert.deepEqual(emulator.records("Case"), []);
  });
});
