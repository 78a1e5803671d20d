import assert from "node:assert/strict";
import { Connection, type SaveResult } from "@jsforce/jsforce-node";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, startEmulator, type Emulator } from "../src/index";
import { PUBLIC_KEY, signJwt } from "./helpers";

/** A client that others wrote, against the emulator as it would be against Salesforce. */
describe("jsforce", () => {
  let emulator: Emulator;
  let connection: Connection;

  before(async () => {
    emulator = await startEmulator({
      clients: [
        { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: "a@surewire.example" },
        { clientId: "jwt-client", publicKey: PUBLIC_KEY, username: "b@surewire.example" },
      ],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    connection = await connectWithSecret();
  });
  after(() => emulator.stop());

  async function connectWithSecret(): Promise<Connection> {
    const oauth2 = { loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    const fresh = new Connection({ loginUrl: emulator.url, version: "62.0", oauth2 });
    await fresh.authorize({ grant_type: "client_credentials" });
    return fresh;
  }

  it("logs in by client credentials and knows who it is", async () => {
    const identity = await connection.identity();
    assert.equal(identity.username, "a@surewire.example");
    assert.equal(identity.user_id, connection.userInfo!.id);
    assert.equal(connection.instanceUrl, emulator.url);
    assert.equal(connection.limitInfo.apiUsage?.limit, undefined, "the identity is no API call");
    await connection.limits();
    assert.equal(connection.limitInfo.apiUsage?.limit, 1_000_000);
  });

  it("logs in by JWT", async () => {
    const claims = { iss: "jwt-client", sub: "b@surewire.example", aud: emulator.url, exp: Math.floor(Date.now() / 1000) + 120 };
    const fresh = new Connection({ loginUrl: emulator.url, version: "62.0" });
    await fresh.authorize({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: signJwt(claims) });
    assert.equal((await fresh.identity()).username, "b@surewire.example");
  });

  it("reads the error of a refused login", async () => {
    const oauth2 = { loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: "wrong" };
    const fresh = new Connection({ loginUrl: emulator.url, oauth2 });
    await assert.rejects(fresh.authorize({ grant_type: "client_credentials" }), {
      name: "invalid_client",
      message: "invalid client credentials",
    });
  });

  it("creates, retrieves, updates, upserts and deletes single records", async () => {
    const created = await connection.sobject("Case").create({ Subject: "a" });
    assert.ok(created.success);
    await connection.sobject("Case").update({ Id: created.id, Subject: "b" });
    assert.equal((await connection.sobject("Case").retrieve(created.id!))["Subject"], "b");
    const upserted = await connection.sobject("Case").upsert({ Device_Event_Id__c: "e1", Subject: "c" }, "Device_Event_Id__c");
    assert.equal((upserted as { created?: boolean }).created, true);
    await connection.sobject("Case").destroy(created.id!);
    assert.equal(emulator.records("Case").length, 1);
  });

  it("reads errors of single records", async () => {
    const create = connection.sobject("Case").create({ Subject: "a", Origin: "Foo" });
    await assert.rejects(create, { errorCode: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message: /Case Origin: bad value/ });
  });

  it("creates, updates, upserts, retrieves and deletes collections", async () => {
    const created = await connection.sobject("Case").create([{ Subject: "a" }, { Subject: "b", Origin: "Foo" }]);
    assert.deepEqual(
      created.map((result) => result.success),
      [true, false],
    );
    assert.equal((created[1]!.errors[0] as { statusCode?: string }).statusCode, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    const id = created[0]!.id!;
    const updated = await connection.sobject("Case").update([{ Id: id, Subject: "c" }]);
    assert.equal(updated[0]!.success, true);
    const records = ["e1", "e2"].map((Device_Event_Id__c) => ({ attributes: { type: "Case" }, Device_Event_Id__c }));
    const upserted = (await connection.sobject("Case").upsert(records, "Device_Event_Id__c")) as unknown as SaveResult[];
    assert.deepEqual(
      upserted.map((result) => result.success),
      [true, true],
    );
    const [retrieved] = await connection.sobject("Case").retrieve([id], { fields: ["Subject"] });
    assert.equal(retrieved!["Subject"], "c");
    const destroyed = await connection.sobject("Case").destroy([id]);
    assert.equal(destroyed[0]!.success, true);
    assert.equal(emulator.records("Case").length, 2);
  });

  it("queries, and pages through more than one page", async () => {
    const records = Array.from({ length: 2100 }, (_, i) => ({ Subject: `s${i}` }));
    await connection.sobject("Case").create(records, { allowRecursive: true });
    const page = await connection.query("SELECT Id, Subject FROM Case");
    assert.deepEqual([page.totalSize, page.done, page.records.length], [2100, false, 2000]);
    const all = await connection.query("SELECT Id FROM Case", { autoFetch: true, maxFetch: 5000 });
    assert.equal(all.records.length, 2100);
    const found = await connection.sobject("Case").find({ Subject: "s7" }, ["Id", "Subject"]);
    assert.deepEqual(
      found.map((record) => record["Subject"]),
      ["s7"],
    );
    await assert.rejects(async () => connection.query("SELECT Foo FROM Case"), { errorCode: "INVALID_FIELD" });
  });

  it("describes objects", async () => {
    const description = await connection.sobject("Case").describe();
    assert.ok(description.fields.some((field) => field.name === "Device_Event_Id__c" && field.externalId));
    const all = await connection.describeGlobal();
    assert.ok(all.sobjects.some((object) => object.name === "Account"));
  });

  it("gets the error of an expired session as from Salesforce", async () => {
    emulator.control.expireTokens();
    const fresh = new Connection({ instanceUrl: emulator.url, accessToken: connection.accessToken!, version: "62.0" });
    await assert.rejects(async () => fresh.query("SELECT Id FROM Case"), { errorCode: "INVALID_SESSION_ID" });
  });
});
