import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { CaseWriter } from "../../../../nodes/salesforce/client/cases/case-writer";
import { callError } from "../../../../nodes/salesforce/client/errors";
import { clientCredentials, EXTERNAL_ID, Orgs } from "../../support";
import { callCount, calls, errorOf, item, items, values, writerFor } from "./case-support";

describe("What a case points to", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => {
    org = await orgs.start({
      schema: [
        { name: "Account", fields: [{ name: "Plant__c", type: "string", length: 20, externalId: true, unique: true }] },
        { name: "Contact", fields: [{ name: "Badge__c", type: "double", externalId: true, unique: true }, { name: "Serial__c", type: "string", externalId: true, unique: true, caseSensitive: true }] },
      ],
    });
  });
  afterEach(() => orgs.stop());

  const insert = (object: string, ...records: Record<string, unknown>[]): string[] => org.control.insert({ object, records }).ids;
  const queries = (): number => calls(org)["GET query/*"] ?? calls(org)["GET query"] ?? 0;
  const field = (name: string) => org.records("Case").map((one) => one[name]);

  it("fails its message by itself where somebody on the way minds what it is looked up by, and holds up no other", async () => {
    insert("Contact", { LastName: "Weber", Email: "weber@acme.example" });
    const { rest } = orgs.client(clientCredentials(org));
    const request = rest.request.bind(rest);
    let isClosed = false;
    rest.request = (call) => {
      const isMinded = isClosed || decodeURIComponent(call.path).includes("1=1");
      return isMinded && call.method === "GET" ? Promise.reject(callError({ status: 403, headers: {}, body: "<html>blocked</html>" })) : request(call);
    };
    const writer = new CaseWriter(rest, { externalIdField: EXTERNAL_ID, contact: { field: "Email", missing: "leave" } });
    const batch = items(5, (index) => ({ contact: index === 3 ? "x OR 1=1" : "weber@acme.example" }));
    const tried = (): Promise<string[]> => writer.write(batch).then((outcomes) => outcomes.map((one) => (one.ok ? "stored" : `${one.error.code} ${one.error.scope}`)), () => ["held"]);
    isClosed = true;
    for (let tries = 0; tries < 6; tries += 1) assert.deepEqual(await tried(), ["held"]);
    isClosed = false;
    let outcomes = await tried();
    for (let tries = 0; tries < 6 && outcomes[0] === "held"; tries += 1) outcomes = await tried();
    assert.deepEqual(outcomes, ["stored", "stored", "stored", "ORG_REFUSED message", "stored"]);
    assert.equal(org.records("Case").filter(({ ContactId }) => ContactId).length, 4);
  });

  it("fails its message alone, however many such there are in a batch", async () => {
    const { rest } = orgs.client(clientCredentials(org));
    const request = rest.request.bind(rest);
    rest.request = (call) => (decodeURIComponent(call.path).includes("1=1") ? Promise.reject(callError({ status: 403, headers: {}, body: "<html>blocked</html>" })) : request(call));
    const writer = new CaseWriter(rest, { externalIdField: EXTERNAL_ID, contact: { field: "Email", missing: "leave" } });
    let left = items(64, (index) => ({ contact: index % 8 === 3 ? `${index} OR 1=1` : "weber@acme.example" }));
    const failed: unknown[] = [];
    for (let tries = 0; tries < 60 && left.length > 0; tries += 1) {
      const outcomes = await writer.write(left).catch(() => undefined);
      if (!outcomes) continue;
      outcomes.forEach((one, place) => !one.ok && one.error.scope === "message" && failed.push(left[place]?.externalId));
      left = left.filter((_, place) => outcomes[place]?.ok === false && outcomes[place].error.scope === "system");
    }
    assert.deepEqual(failed, ["e3", "e11", "e19", "e27", "e35", "e43", "e51", "e59"]);
    assert.equal(org.records("Case").length, 56);
  });

  describe("its owner", () => {
    it("is a queue by its developer name, a user by the user name, or an id", async () => {
      const { id: queue } = org.control.addQueue({ name: "North", developerName: "Plant_North" });
      const { id: other } = org.control.addQueue({ name: "South" });
      const [user] = insert("User", { Username: "weber@acme.example", LastName: "Weber", Email: "weber@acme.example" });
      const batch = ["plant_north", "Weber@acme.example", other].map((owner, index) => item(`e${index}`, {}, { owner }));
      values(await writerFor(orgs, org).write(batch));
      assert.deepEqual(field("OwnerId"), [queue, user, other]);
    });

    it("overrides the org's rule, which still applies to the others", async () => {
      const { id: queue } = org.control.addQueue({ name: "North" });
      const { id: ruled } = org.control.addQueue({ name: "Ruled" });
      org.control.addAssignmentRule({ name: "All", entries: [{ assignedTo: ruled }] });
      values(await writerFor(orgs, org, { caseNumber: true }).write([item("a", {}, { owner: "North" }), item("b")]));
      assert.deepEqual(new Set(field("OwnerId")), new Set([queue, ruled]));
    });

    it("fails only the cases of its division if the org does not have it, which are tried again, and is found once it exists", async () => {
      let now = 0;
      const clock = performance.now.bind(performance);
      performance.now = () => clock() + now;
      try {
        const writer = writerFor(orgs, org);
        const lost = item("a", {}, { owner: "Nobody" });
        const [bad, good] = await writer.write([lost, item("b")]);
        assert.ok(good?.ok && bad && !bad.ok);
        assert.deepEqual([bad.error.code, bad.error.scope, bad.error.retryable], ["RECORD_MISSING", "message", true]);
        assert.match(bad.error.message, /no queue "Nobody"/);
        org.control.addQueue({ name: "Nobody" });
        assert.match(errorOf(await writer.write([lost])).message, /Nobody/, "a miss is known for a while");
        now = 31_000;
        values(await writer.write([lost]));
      } finally {
        performance.now = clock;
      }
    });
  });

  it("its record type is found by developer name among those of cases", async () => {
    insert("RecordType", { Name: "Fault", DeveloperName: "Fault", SobjectType: "Account" });
    const [fault] = insert("RecordType", { Name: "Fault", DeveloperName: "Fault", SobjectType: "Case" });
    values(await writerFor(orgs, org).write([item("a", {}, { recordType: "Fault" }), item("b", {}, { recordType: fault ?? "" })]));
    assert.deepEqual(field("RecordTypeId"), [fault, fault]);
  });

  describe("its contact and account", () => {
    it("are found by one query each for 200 cases, and by none the next time", async () => {
      const contacts = insert("Contact", ...Array.from({ length: 200 }, (_, index) => ({ LastName: "L", Email: `c${index}@acme.example` })));
      const accounts = insert("Account", ...Array.from({ length: 200 }, (_, index) => ({ Name: "A", Plant__c: `P${index}` })));
      const writer = writerFor(orgs, org, { contact: { field: "Email", missing: "error" }, account: { field: "Plant__c", missing: "error" } });
      const batch = () => items(200, (index) => ({ contact: `C${index}@acme.example`, account: `p${index} ` }));
      values(await writer.write(batch()));
      assert.deepEqual([field("ContactId"), field("AccountId")], [contacts, accounts]);
      assert.equal(queries(), 2);
      values(await writer.write(batch()));
      assert.equal(callCount(org), 4);
    });

    it("are found by a number, whatever the org's field is made of", async () => {
      const [contact] = insert("Contact", { LastName: "L", Badge__c: 4711 });
      const writer = writerFor(orgs, org, { contact: { field: "badge__c", missing: "error" } });
      const [a, b, c] = await writer.write([item("a", {}, { contact: 4711 }), item("b", {}, { contact: "4711" }), item("c", {}, { contact: "none" })]);
      assert.ok(a?.ok && b?.ok && c && !c.ok);
      assert.deepEqual(field("ContactId"), [contact, contact]);
    });

    it("are found by their ids, of 15 characters or 18, and not held up by what is none", async () => {
      const [contact, other] = insert("Contact", { LastName: "a" }, { LastName: "b" }) as [string, string];
      const writer = writerFor(orgs, org, { contact: { field: "Id", missing: "leave" } });
      values(await writer.write(["no id", contact, contact.slice(0, 15), other.slice(0, 15)].map((one, index) => item(`e${index}`, {}, { contact: one }))));
      assert.deepEqual(field("ContactId"), [null, contact, contact, other]);
    });

    it("are told apart by upper and lower case where their field does so", async () => {
      const [small, large] = insert("Contact", { LastName: "a", Serial__c: "dev7" }, { LastName: "b", Serial__c: "DEV7" });
      const writer = writerFor(orgs, org, { contact: { field: "Serial__c", missing: "error" } });
      values(await writer.write([item("a", {}, { contact: "dev7" }), item("b", {}, { contact: "DEV7" })]));
      const [none] = await writer.write([item("c", {}, { contact: "Dev7" })]);
      assert.deepEqual(field("ContactId"), [small, large]);
      assert.ok(none && !none.ok);
    });

    it("are one where their field does not tell cases apart, however they are written in one call", async () => {
      const [contact] = insert("Contact", { LastName: "a", Email: "weber@acme.example" });
      values(await writerFor(orgs, org, { contact: { field: "Email", missing: "error" } }).write(["Weber@acme.example", "weber@ACME.example"].map((one, index) => item(`e${index}`, {}, { contact: one }))));
      assert.deepEqual(field("ContactId"), [contact, contact]);
    });

    it("that are not there, or there twice, are left out or fail the message, as chosen", async () => {
      insert("Account", { Name: "Acme" }, { Name: "Acme" });
      const batch = () => [item("a", {}, { account: "Acme" }), item("b", {}, { account: "O'Hara & Söhne" })];
      values(await writerFor(orgs, org, { account: { field: "Name", missing: "leave" } }).write(batch()));
      assert.deepEqual(field("AccountId"), [null, null]);
      const [twice, none] = await writerFor(orgs, org, { account: { field: "Name", missing: "error" } }).write(batch());
      assert.ok(twice && !twice.ok && none && !none.ok);
      assert.match(twice.error.message, /more than one Account with Name "Acme"/);
      assert.deepEqual([none.error.code, none.error.retryable], ["RECORD_MISSING", true]);
    });

    it("give way to what the mapping says", async () => {
      const [acme, other] = insert("Account", { Name: "Acme" }, { Name: "Other" });
      values(await writerFor(orgs, org, { account: { field: "Name", missing: "error" } }).write([item("a", { accountid: other }, { account: "Acme" })]));
      assert.deepEqual(field("AccountId"), [other]);
      assert.notEqual(acme, other);
      assert.equal(queries(), 0);
    });

    it("that were deleted meanwhile are looked up once more", async () => {
      const [old] = insert("Contact", { LastName: "Old", Email: "a@acme.example" });
      const writer = writerFor(orgs, org, { contact: { field: "Email", missing: "error" } });
      values(await writer.write([item("a", {}, { contact: "a@acme.example" })]));
      const client = orgs.client(clientCredentials(org));
      await client.rest.request({ method: "DELETE", path: `/sobjects/Contact/${old}` });
      const [fresh] = insert("Contact", { LastName: "New", Email: "a@acme.example" });
      const batch = [item("b", {}, { contact: "a@acme.example" })];
      const error = errorOf(await writer.write(batch));
      assert.deepEqual([error.code, error.retryable], ["ORG_BUSY", true]);
      values(await writer.write(batch));
      assert.equal(field("ContactId")[1], fresh);
    });

    it("are not the message's fault if the org does not have the look-up field", async () => {
      const writer = writerFor(orgs, org, { contact: { field: "Nope__c", missing: "leave" } });
      await assert.rejects(writer.write([item("a", {}, { contact: "x" })]), (error: { code?: string; scope?: string }) => error.code === "ORG_OBJECT_UNKNOWN" && error.scope === "system");
    });
  });
});
