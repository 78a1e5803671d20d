import assert from "node:assert/strict";
import { DEFAULT_USERNAME, type Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { type CallInput, type CallOperation, RecordCaller } from "../../../../nodes/salesforce/client/records/record-calls";
import type { RecordOutcome } from "../../../../nodes/salesforce/client/records/record-outcome";
import { clientCredentials, Orgs } from "../../support";

// what operations put out has a shape of its own each
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = any;

describe("Operations on records", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  before(async () => (org = await orgs.start()));
  after(() => orgs.stop());
  beforeEach(() => {
    org.control.reset();
    client = orgs.client(clientCredentials(org));
  });
  afterEach(() => client.close());

  const input = (data: unknown, more: Partial<CallInput> = {}): CallInput => ({
    object: "Account",
    data,
    recordId: undefined,
    mergeIds: undefined,
    start: undefined,
    end: undefined,
    limit: 200,
    allOrNone: false,
    someRefusedFails: false,
    headers: {},
    ...more,
  });
  const run = (operation: CallOperation, data?: unknown, more?: Partial<CallInput>): Promise<RecordOutcome & { salesforce: Loose; payload?: Loose }> =>
    new RecordCaller(client.rest, operation).run(input(data, more));
  const fails = (work: Promise<unknown>, code: string, text: RegExp, scope = "message"): Promise<void> =>
    assert.rejects(work, (error: ConnectorError) => {
      assert.deepEqual([error.code, error.scope], [code, scope], error.message);
      assert.match(error.message, text);
      return true;
    });
  const insert = (object: string, ...records: Record<string, unknown>[]): string[] => org.control.insert({ object, records }).ids;
  const remove = async (...ids: string[]): Promise<void> => void (await client.rest.request({ method: "DELETE", path: `/composite/sobjects?ids=${ids.join(",")}` }));

  it("undelete, one and several", async () => {
    const [a = "", b = "", c = ""] = insert("Account", { Name: "a" }, { Name: "b" }, { Name: "c" });
    await remove(a, b);
    assert.deepEqual((await run("undelete", a)).salesforce, { id: a, success: true, errors: [] });
    const { salesforce, failed } = await run("undelete", [b, { Id: c }]);
    assert.deepEqual(salesforce.results.map(({ success }: Loose) => success), [true, false]);
    assert.deepEqual(failed, [1]);
    await fails(run("undelete", c), "ORG_REFUSED", /UNDELETE_FAILED/);
    await fails(run("undelete", "x"), "INPUT_INVALID", /no record id/);
  });

  it("fail by themselves over what JSON has no form for, and do not wait for the org", async () => {
    const [id = ""] = insert("Account", { Name: "a" });
    await fails(run("submit", { contextId: id, comments: 10n }), "INPUT_INVALID", /cannot be written as JSON/);
    assert.equal(client.state.error, undefined);
  });

  it("empty the recycle bin of records", async () => {
    const [a = ""] = insert("Account", { Name: "a" });
    await fails(run("emptyRecycleBin", a), "ORG_REFUSED", /not in the recycle bin/);
    await remove(a);
    assert.equal((await run("emptyRecycleBin", a)).salesforce.success, true);
    await fails(run("undelete", a), "ORG_REFUSED", /UNDELETE_FAILED/);
  });

  it("merge: the master takes the fields and the children", async () => {
    const [master = "", other = ""] = insert("Account", { Name: "a", Phone: "1" }, { Name: "b" });
    const [contact] = insert("Contact", { LastName: "x", AccountId: other });
    const { salesforce } = await run("merge", { Id: master, Name: "a & <b>", Phone: null }, { mergeIds: [other] });
    assert.deepEqual(salesforce, { id: master, success: true, errors: [], mergedRecordIds: [other], updatedRelatedIds: [contact] });
    assert.deepEqual(org.records("Account").map(({ Name, Phone }) => [Name, Phone]), [["a & <b>", null]]);
    await fails(run("merge", { Id: master }, { mergeIds: other }), "ORG_REFUSED", /ENTITY_IS_DELETED/);
    await fails(run("merge", { Id: master }), "INPUT_INVALID", /no record id/);
  });

  it("convert leads, one and several", async () => {
    const [one = "", two = "", bad = ""] = insert("Lead", { LastName: "One", Company: "A" }, { LastName: "Two", Company: "B" }, { LastName: "Three", Company: "C" });
    const convertedStatus = "Closed - Converted";
    const { salesforce } = await run("convertLead", { leadId: one, convertedStatus, doNotCreateOpportunity: true });
    assert.deepEqual([salesforce.id, salesforce.opportunityId, salesforce.accountId], [one, null, org.records("Account")[0]?.Id]);
    const several = await run("convertLead", [{ leadId: two, convertedStatus }, { leadId: bad, convertedStatus: "Nope" }]);
    assert.deepEqual([several.salesforce.success, several.failed], [false, [1]]);
    assert.match(several.salesforce.results[0].opportunityId, /^006/);
    assert.equal(several.salesforce.results[1].errors[0].statusCode, "INVALID_STATUS");
    await fails(run("convertLead", { leadId: one, convertedStatus }), "ORG_REFUSED", /CANNOT_UPDATE_CONVERTED_LEAD/);
    await fails(run("convertLead", { leadId: one, status: "x" }), "INPUT_INVALID", /has no status/);
  });

  it("submit, approve and reject by the record's id", async () => {
    org.control.addApprovalProcess({ object: "Case", name: "Refund", onApprove: { Priority: "High" }, onReject: { Priority: "Low" } });
    const [first = "", second = ""] = insert("Case", { Subject: "a" }, { Subject: "b" });
    const submitted = await run("submit", { contextId: first, comments: "please" });
    assert.deepEqual([submitted.salesforce.id, submitted.salesforce.instanceStatus], [first, "Pending"]);
    await run("submit", undefined, { recordId: second });
    assert.equal((await run("approve", { comments: "fine" }, { recordId: first })).salesforce.instanceStatus, "Approved");
    assert.equal((await run("reject", second)).salesforce.instanceStatus, "Rejected");
    assert.deepEqual(org.records("Case").map(({ Priority }) => Priority), ["High", "Low"]);
    await fails(run("approve", first), "ORG_REFUSED", /waits for nobody/);
    const [account = ""] = insert("Account", { Name: "x" });
    await fails(run("submit", account), "ORG_REFUSED", /NO_APPLICABLE_PROCESS/);
  });

  it("tell what changed and what was deleted in a span of time", async () => {
    const [kept, gone = ""] = insert("Account", { Name: "a" }, { Name: "b" });
    await remove(gone);
    org.control.shiftClock({ ms: 120_000 });
    const start = new Date(Date.now() - 300_000);
    const end = Date.now() + 120_000;
    const updated = await run("getUpdated", undefined, { start, end });
    assert.deepEqual(updated.payload, [kept]);
    assert.match(updated.salesforce.latestDateCovered, /:00\.000\+0000$/);
    const deleted = await run("getDeleted", undefined, { start: start.toISOString(), end });
    assert.deepEqual(deleted.payload.map(({ id }: Loose) => id), [gone]);
    await fails(run("getUpdated", undefined, { start: "2001-01-01" }), "ORG_REFUSED", /INVALID_REPLICATION_DATE/);
    await fails(run("getDeleted"), "INPUT_INVALID", /start/);
  });

  it("describe one object, several, and all", async () => {
    assert.equal((await run("describe")).payload.name, "Account");
    assert.deepEqual((await run("describeSObjects", ["Case", "Lead"])).payload.map(({ name }: Loose) => name), ["Case", "Lead"]);
    assert.ok((await run("describeGlobal")).payload.some(({ name }: Loose) => name === "Opportunity"));
    await fails(run("describe", undefined, { object: "Nope" }), "ORG_OBJECT_UNKNOWN", /NOT_FOUND/, "system");
    await fails(run("describeSObjects", [], { object: "" }), "INPUT_INVALID", /No object/);
  });

  it("list recent records", async () => {
    const [id] = insert("Account", { Name: "a" });
    assert.equal((await run("recent", undefined, { limit: 1 })).payload[0].Id, id);
    await fails(run("recent", undefined, { limit: 0 }), "ORG_REFUSED", /INVALID_QUERY_LIMIT/);
  });

  it("create trees, all or nothing", async () => {
    const tree = (LastName: string | undefined) => [{ Name: "a", Contacts: [{ attributes: { type: "Contact" }, LastName }] }];
    const { salesforce } = await run("createTree", tree("x"));
    assert.deepEqual(salesforce.results.map(({ referenceId }: Loose) => referenceId), ["ref1", "ref2"]);
    assert.equal(org.records("Contact")[0]?.AccountId, salesforce.results[0].id);
    await assert.rejects(run("createTree", tree(undefined)), (error: ConnectorError) => {
      assert.match(error.message, /^Nothing of the tree was stored, because of ref2: REQUIRED_FIELD_MISSING/);
      assert.deepEqual((error.details.results as Loose)[0].errors[0].fields, ["LastName"]);
      return error.code === "ORG_REFUSED";
    });
    await fails(run("createTree", Array.from({ length: 201 }, () => ({ Name: "a" }))), "INPUT_INVALID", /201 records/);
    await fails(run("createTree", { Name: "a", Contacts: [{ LastName: "x" }] }), "INPUT_INVALID", /attributes/);
  });

  it("find duplicates by the org's rules", async () => {
    org.control.addDuplicateRule({ object: "Contact", fields: ["Email"], name: "Same_Mail" });
    const [first = "", second = ""] = insert("Contact", { LastName: "x", Email: "x@example.com" }, { LastName: "z" });
    const found = await run("findDuplicates", { LastName: "y", Email: "x@example.com" }, { object: "Contact" });
    assert.deepEqual(found.payload, [{ rule: "Same_Mail", object: "Contact", allowSave: true, ids: [first] }]);
    const byIds = await run("findDuplicatesByIds", [first, second]);
    assert.deepEqual([byIds.payload, byIds.salesforce.duplicates], [[[], []], false]);
    await fails(run("findDuplicates", { Nope__c: 1 }, { object: "Contact" }), "ORG_REFUSED", /No such column 'Nope__c'/);
    await fails(run("findDuplicatesByIds", "003000000000000AAA"), "ORG_REFUSED", /INVALID_CROSS_REFERENCE_KEY/);
  });

  it("wait for the org when only the look-up of what is to be approved was lost", async () => {
    await run("getServerTimestamp");
    org.control.resetConnections({ when: "after", path: "query" });
    await fails(run("approve", "001000000000000AAA"), "ORG_UNAVAILABLE", /broke the connection/, "system");
  });

  it("send mail, and drafts", async () => {
    const mail = (to: string) => ({ toAddresses: [to], subject: "s", plainTextBody: "a < b" });
    assert.equal((await run("sendEmail", mail("a@example.com"))).salesforce.success, true);
    const several = await run("sendEmail", [mail("a@example.com"), mail("nobody")]);
    assert.deepEqual([several.failed, several.salesforce.results[1].errors[0].statusCode], [[1], "INVALID_EMAIL_ADDRESS"]);
    await fails(run("sendEmail", { to: "x" }), "INPUT_INVALID", /has no to;/);
    const [draft = ""] = insert("EmailMessage", { ToAddress: "a@example.com", Status: "5" });
    assert.equal((await run("sendEmailMessage", draft)).salesforce.success, true);
    await fails(run("sendEmailMessage", draft), "ORG_REFUSED", /INVALID_STATUS/);
  });

  it("tell the org's time and the user, and end the session, after which the next call signs in again", async () => {
    assert.ok((await run("getServerTimestamp")).payload instanceof Date);
    assert.equal((await run("getUserInfo")).payload.userName, DEFAULT_USERNAME);
    await run("logout");
    assert.equal((await run("getUserInfo")).payload.userName, DEFAULT_USERNAME);
  });

  it("set and reset a user's password", async () => {
    const { payload } = await run("getUserInfo");
    assert.equal((await run("setPassword", "longenough1", { recordId: payload.userId })).salesforce.success, true);
    await fails(run("setPassword", "x1", { recordId: payload.userId }), "ORG_REFUSED", /INVALID_NEW_PASSWORD/);
    assert.match((await run("resetPassword", undefined, { recordId: payload.userId })).payload, /^\w{10,}$/);
    await fails(run("resetPassword", undefined, { recordId: "001000000000000AAA" }), "ORG_REFUSED", /MALFORMED_ID/);
  });

  /** The scopes of what each of six tries of the same call ends with; no more after one that is the message's own. */
  async function scopesOf(operation: CallOperation, data?: unknown): Promise<string[]> {
    const caller = new RecordCaller(client.rest, operation);
    const one = input(data);
    const scopes: string[] = [];
    for (let tries = 0; tries < 6 && scopes.at(-1) !== "message"; tries += 1) await caller.run(one).catch((error: unknown) => scopes.push((error as ConnectorError).scope));
    return scopes;
  }
  const held = (count: number): string[] => new Array<string>(count).fill("system");

  it("that never get an answer fail their own message while others get one", async () => {
    org.control.failNext({ status: 403, html: "<html>blocked</html>", path: "/composite/tree", count: 100 });
    assert.deepEqual(await scopesOf("createTree", [{ Name: "<script>" }]), [...held(4), "message"]);
    org.control.failNext({ status: 500, path: "/describe", count: 100 });
    assert.deepEqual(await scopesOf("describe"), [...held(4), "message"]);
  });

  it("are held while no others get through by the same way either", async () => {
    org.control.failNext({ status: 403, html: "<html>blocked</html>", path: "/composite", count: 100 });
    assert.deepEqual(await scopesOf("createTree", [{ Name: "a" }]), held(6));
    org.control.failNext({ status: 403, html: "<html>blocked</html>", path: "/services/Soap", count: 100 });
    assert.deepEqual(await scopesOf("undelete", "001000000000001AAA"), held(6));
  });

  describe("over SOAP", () => {
    it("renew the session after a fault that says it is over, and try once more", async () => {
      const [a = ""] = insert("Account", { Name: "a" });
      await remove(a);
      org.control.expireTokens();
      assert.equal((await run("undelete", a)).salesforce.success, true);
    });

    it("are held while the org is down", async () => {
      org.control.unavailable();
      await fails(run("getServerTimestamp"), "ORG_UNAVAILABLE", /503/, "system");
    });

    it("wait for the daily limit", async () => {
      await run("getServerTimestamp");
      org.control.setApiUsage({ used: 10, max: 10 });
      await fails(run("getServerTimestamp"), "ORG_LIMIT", /REQUEST_LIMIT_EXCEEDED/, "system");
    });

    it("wait for the day's limit of mails", async () => {
      org.control.setLimit({ name: "SingleEmail", used: 5_000, max: 5_000 });
      await fails(run("sendEmail", { toAddresses: ["a@example.com"], subject: "s", plainTextBody: "b" }), "ORG_LIMIT", /SINGLE_EMAIL_LIMIT_EXCEEDED/, "system");
    });

    it("are not repeated when their answer was lost, but where that does no harm", async () => {
      const [a = ""] = insert("Account", { Name: "a" });
      await remove(a);
      await run("getServerTimestamp");
      org.control.resetConnections({ when: "after" });
      await fails(run("undelete", a), "ORG_UNAVAILABLE", /; whether the org has done the undelete is not known/);
      await run("getServerTimestamp");
      org.control.resetConnections({ when: "after" });
      await fails(run("getServerTimestamp"), "ORG_UNAVAILABLE", /reached/, "system");
    });

    it("of a long list that break off keep what was done, and say what of the rest", async () => {
      const ids = insert("Account", ...Array.from({ length: 201 }, (_, index) => ({ Name: `a${index}` })));
      await remove(...ids.slice(0, 200));
      await remove(ids[200] ?? "");
      org.control.setApiUsage({ used: 9, max: 10 });
      const { salesforce, failed } = await run("undelete", ids);
      assert.deepEqual([failed, salesforce.results[199].success, org.records("Account").length], [[200], true, 200]);
      assert.match(salesforce.results[200].errors[0].message, /TotalRequests/);
      org.control.setApiUsage({ used: 0, max: 1000 });
      assert.equal((await run("sendEmail", Array.from({ length: 11 }, () => ({ toAddresses: ["a@example.com"], plainTextBody: "x" })))).salesforce.results.length, 11);
    });

    it("try again while a record is locked", async () => {
      const [master = "", other = ""] = insert("Account", { Name: "a" }, { Name: "b" });
      org.control.lockRecord({ id: other, times: 2 });
      assert.equal((await run("merge", { Id: master }, { mergeIds: other })).salesforce.success, true);
    });
  });
});
