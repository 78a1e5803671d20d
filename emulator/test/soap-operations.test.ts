import assert from "node:assert/strict";
import { XMLParser } from "fast-xml-parser";
import { type Emulator, startEmulator } from "../src/index";
import { http, login } from "./helpers";

const SPACES = `xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:ens="urn:sobject.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`;
const parser = new XMLParser({ removeNSPrefix: true, ignoreAttributes: true, parseTagValue: false });
const listOf = <T>(value: T | T[] | undefined): T[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into bodies of many shapes
type Body = any;

describe("The SOAP API", () => {
  let org: Emulator;
  let token: string;
  before(async () => (org = await startEmulator()));
  after(() => org.stop());
  beforeEach(async () => {
    org.control.reset();
    token = await login(org);
  });

  const post = (envelope: string) => http(`${org.url}/services/Soap/u/66.0`, { method: "POST", headers: { "Content-Type": "text/xml; charset=UTF-8", SOAPAction: '""' }, body: envelope });
  const envelope = (operation: string, content: string, header = "", session = token): string =>
    `<soapenv:Envelope ${SPACES}><soapenv:Header><SessionHeader><sessionId>${session}</sessionId></SessionHeader>${header}</soapenv:Header><soapenv:Body><${operation}>${content}</${operation}></soapenv:Body></soapenv:Envelope>`;
  const bodyOf = (xml: string): Body => parser.parse(xml).Envelope.Body;
  /** The results of an operation, always as a list. */
  const call = async (operation: string, content: string, header = ""): Promise<Body[]> => {
    const { status, body } = await post(envelope(operation, content, header));
    assert.equal(status, 200, body as string);
    return listOf(bodyOf(body as string)[`${operation}Response`].result);
  };
  const faultOf = async (text: string): Promise<string> => {
    const { status, body } = await post(text);
    assert.equal(status, 500);
    const { faultcode, faultstring } = bodyOf(body as string).Fault;
    assert.equal(faultcode, `sf:${String(faultstring).split(":")[0]}`);
    return faultstring as string;
  };
  const record = (type: string, fields: Record<string, string>): string => `<sObjects><ens:type>${type}</ens:type>${Object.entries(fields).map(([name, value]) => `<ens:${name}>${value}</ens:${name}>`).join("")}</sObjects>`;
  const insert = (object: string, ...records: Record<string, unknown>[]): string[] => org.control.insert({ object, records }).ids;
  const ids = (...list: string[]): string => list.map((id) => `<ids>${id}</ids>`).join("");

  it("wants a session, an envelope of SOAP 1.1 and its own namespace", async () => {
    assert.match(await faultOf(envelope("getUserInfo", "", "", "nope")), /^INVALID_SESSION_ID: Invalid Session ID found in SessionHeader/);
    assert.match(await faultOf("<x/>"), /no SOAP envelope/);
    assert.match(await faultOf(envelope("getUserInfo", "").replace("urn:partner.soap", "urn:enterprise.soap")), /^INVALID_OPERATION: No operation available for request \{urn:enterprise/);
    assert.match(await faultOf(envelope("nope", "")), /^INVALID_OPERATION/);
  });

  it("serves a WSDL", async () => {
    const { status, body } = await http(`${org.url}/services/Soap/u/66.0?wsdl`);
    assert.equal(status, 200);
    assert.match(body as string, /targetNamespace="urn:partner\.soap\.sforce\.com"/);
  });

  it("creates, updates, upserts and deletes, each record by its own result", async () => {
    const [made, refused] = await call("create", record("Account", { Name: "A &amp; B" }) + record("Contact", { FirstName: "x" }));
    assert.equal(made.success, "true");
    assert.deepEqual([refused.success, refused.errors.statusCode, refused.errors.fields], ["false", "REQUIRED_FIELD_MISSING", "LastName"]);
    await call("update", `<sObjects><ens:type>Account</ens:type><fieldsToNull>Phone</fieldsToNull><ens:Id>${made.id}</ens:Id><ens:Name>C</ens:Name></sObjects>`);
    assert.equal(org.records("Account")[0]?.Name, "C");
    const upsert = () => call("upsert", `<externalIDFieldName>Device_Event_Id__c</externalIDFieldName>${record("Case", { Device_Event_Id__c: "e1", Subject: "s" })}`);
    assert.equal((await upsert())[0].created, "true");
    assert.equal((await upsert())[0].created, "false");
    const [gone, unknown] = await call("delete", ids(made.id, "001000000000000AAA"));
    assert.deepEqual([gone.success, unknown.errors.statusCode], ["true", "INVALID_CROSS_REFERENCE_KEY"]);
  });

  it("stores all or none when asked to", async () => {
    const results = await call("create", record("Contact", { LastName: "x" }) + record("Contact", {}), "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>");
    assert.deepEqual(results.map((one) => one.errors.statusCode), ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]);
    assert.equal(org.records("Contact").length, 0);
  });

  it("takes records out of the recycle bin, until it is emptied", async () => {
    const [id = ""] = insert("Account", { Name: "a" });
    await call("delete", ids(id));
    assert.equal((await call("undelete", ids(id)))[0].success, "true");
    assert.equal(org.records("Account").length, 1);
    assert.equal((await call("emptyRecycleBin", ids(id)))[0].errors.statusCode, "INVALID_ID_FIELD");
    await call("delete", ids(id));
    assert.equal((await call("emptyRecycleBin", ids(id)))[0].success, "true");
    assert.equal((await call("undelete", ids(id)))[0].errors.statusCode, "UNDELETE_FAILED");
  });

  it("merges records, and their children move", async () => {
    const [master = "", other = ""] = insert("Account", { Name: "a" }, { Name: "b" });
    const [contact = ""] = insert("Contact", { LastName: "x", AccountId: other });
    const request = (id: string) => `<request><masterRecord><ens:type>Account</ens:type><ens:Id>${master}</ens:Id><ens:Name>ab</ens:Name></masterRecord><recordToMergeIds>${id}</recordToMergeIds></request>`;
    const [merged] = await call("merge", request(other));
    assert.deepEqual([merged.id, merged.mergedRecordIds, merged.updatedRelatedIds], [master, other, contact]);
    assert.deepEqual(org.records("Account").map(({ Name }) => Name), ["ab"]);
    assert.equal((await call("merge", request(other)))[0].errors.statusCode, "ENTITY_IS_DELETED");
  });

  it("converts leads", async () => {
    const [lead = ""] = insert("Lead", { LastName: "Lee", Company: "Acme" });
    const convert = (status: string) => call("convertLead", `<leadConverts><convertedStatus>${status}</convertedStatus><leadId>${lead}</leadId></leadConverts>`);
    assert.equal((await convert("Nope"))[0].errors.statusCode, "INVALID_STATUS");
    const [converted] = await convert("Closed - Converted");
    assert.deepEqual([converted.leadId, converted.success], [lead, "true"]);
    assert.deepEqual([org.records("Account")[0]?.Name, org.records("Contact")[0]?.LastName, org.records("Opportunity")[0]?.Name], ["Acme", "Lee", "Acme"]);
    assert.equal((await convert("Closed - Converted"))[0].errors.statusCode, "CANNOT_UPDATE_CONVERTED_LEAD");
  });

  it("queries page by page", async () => {
    insert("Account", ...Array.from({ length: 201 }, (_, index) => ({ Name: `a${index}` })));
    const [first] = await call("query", "<queryString>SELECT Name FROM Account</queryString>", "<QueryOptions><batchSize>200</batchSize></QueryOptions>");
    assert.deepEqual([first.done, first.size, first.records.length, first.records[0].Name], ["false", "201", 200, "a0"]);
    const [rest] = await call("queryMore", `<queryLocator>${first.queryLocator}</queryLocator>`);
    assert.deepEqual([rest.done, rest.records.Name], ["true", "a200"]);
    assert.match(await faultOf(envelope("queryMore", "<queryLocator>01g000000000000-1</queryLocator>")), /^INVALID_QUERY_LOCATOR/);
    assert.match(await faultOf(envelope("query", "<queryString>SELECT</queryString>")), /^MALFORMED_QUERY/);
    assert.equal((await call("queryAll", "<queryString>SELECT Id FROM Account LIMIT 1</queryString>"))[0].size, "1");
  });

  it("retrieves by id, and searches", async () => {
    const [id = ""] = insert("Account", { Name: "Findable" });
    const content = (fields: string) => `<fieldList>${fields}</fieldList><sObjectType>Account</sObjectType>${ids(id, "001000000000000AAA")}`;
    const [found, missing] = await call("retrieve", content("Name"));
    assert.deepEqual([found.Name, missing], ["Findable", ""]);
    assert.match(await faultOf(envelope("retrieve", content("Nope"))), /^INVALID_FIELD/);
    const [results] = await call("search", "<searchString>FIND {Findable} IN ALL FIELDS RETURNING Account(Name)</searchString>");
    assert.equal(results.searchRecords.record.Name, "Findable");
  });

  it("describes", async () => {
    assert.ok((await call("describeGlobal", ""))[0].sobjects.length > 5);
    const described = await call("describeSObjects", "<sObjectType>Case</sObjectType><sObjectType>Lead</sObjectType>");
    assert.deepEqual(described.map(({ name }) => name), ["Case", "Lead"]);
    assert.match(await faultOf(envelope("describeSObject", "<sObjectType>Nope</sObjectType>")), /^INVALID_TYPE/);
  });

  it("tells what changed and what is gone", async () => {
    const [kept, gone = ""] = insert("Account", { Name: "a" }, { Name: "b" });
    await call("delete", ids(gone));
    const span = `<sObjectType>Account</sObjectType><startDate>${new Date(Date.now() - 300_000).toISOString()}</startDate><endDate>${new Date(Date.now() + 120_000).toISOString()}</endDate>`;
    assert.equal((await call("getUpdated", span))[0].ids, kept);
    assert.equal((await call("getDeleted", span))[0].deletedRecords.id, gone);
    assert.match(await faultOf(envelope("getDeleted", span.replace(/<endDate>20/, "<endDate>19"))), /^INVALID_REPLICATION_DATE/);
  });

  it("finds duplicates by the org's rules", async () => {
    org.control.addDuplicateRule({ object: "Contact", fields: ["Email"] });
    const [first = ""] = insert("Contact", { LastName: "x", Email: "x@example.com" });
    const [none] = await call("findDuplicatesByIds", ids(first));
    assert.equal(none.duplicateResults, undefined);
    const [found] = await call("findDuplicates", record("Contact", { LastName: "y", Email: "X@example.com" }));
    assert.equal(found.duplicateResults.matchResults.matchRecords.record.Id[0], first);
  });

  it("sends mail, and drafts", async () => {
    const mail = (to: string) => `<messages xsi:type="SingleEmailMessage"><subject>s</subject><plainTextBody>b</plainTextBody><toAddresses>${to}</toAddresses></messages>`;
    assert.equal((await call("sendEmail", mail("a@example.com")))[0].success, "true");
    assert.equal((await call("sendEmail", mail("nobody")))[0].errors.statusCode, "INVALID_EMAIL_ADDRESS");
    const [draft = ""] = insert("EmailMessage", { ToAddress: "a@example.com", Status: "5" });
    assert.equal((await call("sendEmailMessage", ids(draft)))[0].success, "true");
    assert.equal((await call("sendEmailMessage", ids(draft)))[0].errors.statusCode, "INVALID_STATUS");
  });

  it("knows its clock, its user and passwords, and ends the session", async () => {
    assert.ok(Math.abs(Date.parse((await call("getServerTimestamp", ""))[0].timestamp) - Date.now()) < 60_000);
    const [user] = await call("getUserInfo", "");
    assert.match(user.userId, /^005/);
    await call("setPassword", `<userId>${user.userId}</userId><password>longenough1</password>`);
    assert.match(await faultOf(envelope("setPassword", `<userId>${user.userId}</userId><password>x</password>`)), /^INVALID_NEW_PASSWORD/);
    assert.match((await call("resetPassword", `<userId>${user.userId}</userId>`))[0].password, /\w{10}/);
    await call("logout", "");
    assert.match(await faultOf(envelope("getUserInfo", "")), /^INVALID_SESSION_ID/);
  });
});
