import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { startEmulator, DEFAULT_USERNAME, type Emulator } from "../src/index";
import { Api, askToken, assertError, http, login } from "./helpers";

describe("the control API", () => {
  let emulator: Emulator;
  let api: Api;
  let now = Date.now();

  before(async () => {
    emulator = await startEmulator({ clock: () => now });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  /** The same verb over HTTP. */
  const post = (verb: string, options: unknown) =>
    http(`${emulator.url}/__emu/${verb}`, {
      method: "POST",
      body: JSON.stringify(options),
      headers: { "Content-Type": "application/json" },
    });

  it("fails the next calls as often as asked, with the answer asked for", async () => {
    emulator.control.failNext({ count: 2, status: 500, errorCode: "UNKNOWN_EXCEPTION", message: "boom" });
    for (let i = 0; i < 2; i++) assertError(await api.get("/limits"), 500, "UNKNOWN_EXCEPTION", "boom");
    assert.equal((await api.get("/limits")).status, 200);
  });

  it("does not use up a fault for the next call on the list of versions, unless it is named; an outage hits everything", async () => {
    const versions = `${emulator.url}/services/data/`;
    emulator.control.failNext();
    emulator.control.resetConnections({ count: 1, path: "/limits" });
    assert.equal((await http(versions)).status, 200);
    await assert.rejects(api.get("/limits"));
    assert.equal((await api.get("/limits")).status, 500);
    emulator.control.failNext({ path: "/services/data/" });
    assert.equal((await http(versions)).status, 500);
    emulator.control.unavailable();
    assert.equal((await http(versions)).status, 503);
  });

  it("fails only the path and method named, and then writes nothing", async () => {
    emulator.control.failNext({ path: "sobjects/Case", method: "POST", status: 400, errorCode: "QUERY_TIMEOUT", message: "x", delay: 20 });
    assert.equal((await api.get("/limits")).status, 200);
    assert.equal((await api.get("/sobjects/Case")).status, 200);
    assertError(await api.send("POST", "/sobjects/Case", { Subject: "a" }), 400, "QUERY_TIMEOUT", "x");
    assert.equal(emulator.records("Case").length, 0);
  });

  it("fails logins only when oauth is asked for", async () => {
    emulator.control.unavailable();
    await login(emulator);
    emulator.control.clearFaults();
    emulator.control.failNext({
      oauth: true,
      path: "/oauth2/token",
      status: 400,
      errorCode: "invalid_grant",
      message: "login rate exceeded",
    });
    const answer = await askToken(emulator, { grant_type: "client_credentials" });
    assert.deepEqual([answer.status, answer.body], [400, { error: "invalid_grant", error_description: "login rate exceeded" }]);
  });

  it("is down for a time and comes back by itself", async () => {
    emulator.control.unavailable({ ms: 5000 });
    assert.equal((await api.get("/limits")).status, 503);
    now += 4999;
    assert.equal((await api.get("/limits")).status, 503);
    now += 1;
    assert.equal((await api.get("/limits")).status, 200);
  });

  it("is down until it is told otherwise", async () => {
    await post("unavailable", {});
    assert.equal((await api.get("/limits")).status, 503);
    await post("clearFaults", {});
    assert.equal((await api.get("/limits")).status, 200);
  });

  it("answers late", async () => {
    emulator.control.slow({ ms: 80 });
    const started = performance.now();
    assert.equal((await api.get("/limits")).status, 200);
    assert.ok(performance.now() - started >= 75);
    emulator.control.slow({ ms: 0 });
  });

  for (const [when, written] of [
    ["before", 0],
    ["during", 1],
    ["after", 1],
  ] as const) {
    it(`resets the connection ${when} the work is done: ${written} case written, no whole answer`, async () => {
      emulator.control.resetConnections({ when });
      await assert.rejects(api.send("POST", "/sobjects/Case", { Subject: "a" }));
      assert.equal(emulator.records("Case").length, written);
      assert.equal((await api.send("POST", "/sobjects/Case", { Subject: "b" })).status, 201);
    });
  }

  it("expires all tokens, or those of one client", async () => {
    assert.deepEqual(emulator.control.expireTokens({ clientId: "other" }), { expired: 0 });
    assert.equal((await api.get("/limits")).status, 200);
    assert.deepEqual((await post("expireTokens", {})).body, { expired: 1 });
    assertError(await api.get("/limits"), 401, "INVALID_SESSION_ID", "Session expired or invalid");
  });

  it("reports its requests: calls by kind, logins, the last requests with their Sforce headers", async () => {
    await api.send("PATCH", "/sobjects/Case/Device_Event_Id__c/e1", {}, { "Sforce-Auto-Assign": "FALSE" });
    await api.send("PATCH", "/sobjects/Case/Device_Event_Id__c/e2", {});
    await api.query("SELECT Id FROM Case");
    const { body } = await http(`${emulator.url}/__emu/stats`);
    assert.equal(body.apiCalls, 3);
    assert.deepEqual(body.byKind, { "PATCH sobjects/Case/Device_Event_Id__c/*": 2, "GET query": 1 });
    assert.deepEqual([body.tokenRequests, body.logins], [1, 1]);
    assert.equal(body.records.Case, 2);
    assert.equal(body.sessions, 1);
    const upsert = body.lastRequests.find((request: { path: string }) => request.path.endsWith("/e1"));
    assert.equal(upsert.status, 201);
    assert.deepEqual(upsert.headers, { "sforce-auto-assign": "FALSE" });
  });

  it("creates records for a test through all checks", async () => {
    const { body } = await post("insert", { object: "Account", records: [{ Name: "a" }, { Name: "b" }] });
    assert.equal(body.ids.length, 2);
    const refused = await post("insert", { object: "Account", records: [{}] });
    assert.deepEqual([refused.status, refused.body], [400, { error: "Required fields are missing: [Name]" }]);
  });

  it("gives the newest records first", async () => {
    for (const Subject of ["a", "b", "c"]) await api.create("Case", { Subject });
    const { body } = await http(`${emulator.url}/__emu/records/Case?limit=2`);
    assert.equal(body.total, 3);
    assert.deepEqual(
      body.records.map((record: Record<string, string>) => record["Subject"]),
      ["c", "b"],
    );
    const [one] = (await http(`${emulator.url}/__emu/records/Case?limit=1`)).body.records;
    assert.equal(one.Subject, "c");
    assert.equal((await http(`${emulator.url}/__emu/records/Case?limit=0`)).status, 400);
  });

  it("refuses a rule that is no condition, an object and a verb that are not there", async () => {
    assert.throws(() => emulator.control.addRule({ object: "Case", condition: "Foo = 1", message: "x" }), /No such column 'Foo'/);
    assert.equal((await post("addRule", { object: "Foo", condition: "Id = null", message: "x" })).status, 400);
    assert.equal((await post("constructor", {})).status, 404);
    assert.equal((await post("setUser", { username: "a", state: "asleep" })).status, 400);
    assert.equal((await post("failNext", { status: "soon" })).status, 400);
    assert.equal((await post("shiftClock", {})).status, 400);
    assert.equal((await http(`${emulator.url}/__emu/records/Foo`)).status, 404);
    assert.equal((await http(`${emulator.url}/__emu/failNext`, { method: "POST", body: "{" })).status, 400);
  });

  it("refuses records by a rule as often as asked, one among many", async () => {
    const rule = { condition: "Device_Event_Id__c = 'e2'", errorCode: "UNABLE_TO_LOCK_ROW", message: "locked", times: 1 };
    emulator.control.addRule({ object: "Case", ...rule });
    const records = ["e1", "e2"].map((Device_Event_Id__c) => ({ attributes: { type: "Case" }, Device_Event_Id__c }));
    const upsert = async () => (await api.send("PATCH", "/composite/sobjects/Case/Device_Event_Id__c", { records })).body;
    assert.deepEqual(
      (await upsert()).map((result: { success: boolean }) => result.success),
      [true, false],
    );
    assert.deepEqual(
      (await upsert()).map((result: { success: boolean }) => result.success),
      [true, true],
    );
  });

  it("lists its verbs, all of which exist", async () => {
    const { body } = await http(`${emulator.url}/__emu`);
    for (const verb of body.verbs) assert.equal(typeof emulator.control[verb as keyof typeof emulator.control], "function", verb);
  });

  it("goes back to the start: no records, sessions, faults, rules or counts", async () => {
    const id = await api.create("Case", { Subject: "a" });
    emulator.control.addRule({ object: "Case", condition: "Subject = null", message: "x" });
    emulator.control.setUser({ username: DEFAULT_USERNAME, state: "inactive" });
    emulator.control.setApiUsage({ used: 10, max: 10 });
    emulator.control.unavailable();
    await post("reset", {});
    assert.equal((await api.get("/limits")).status, 401);
    const fresh = await Api.connect(emulator);
    const again = await fresh.create("Case", {});
    assert.notEqual(again, id, "no id comes twice");
    assert.equal(emulator.records("Case").length, 1);
    assert.equal(emulator.control.stats().apiCalls, 2, "the refused call and the create");
  });
});

describe("two orgs", () => {
  it("share no ids, no tokens and no records", async () => {
    const [one, two] = [await startEmulator(), await startEmulator()];
    try {
      const api = await Api.connect(one);
      const id = await api.create("Case", { Subject: "a" });
      const other = await Api.connect(two);
      assert.notEqual(await other.create("Case", { Subject: "b" }), id);
      assert.notEqual(api.token.split("!")[0], other.token.split("!")[0]);
      const headers = { Authorization: `Bearer ${api.token}` };
      assert.equal((await http(`${two.url}/services/data/v66.0/limits`, { headers })).status, 401);
      assert.equal(one.records("Case").length, 1);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });
});

describe("stopping", () => {
  it("cuts connections that are open or wait for a slow answer, and frees the port", async () => {
    const emulator = await startEmulator();
    const api = await Api.connect(emulator);
    const idle = createConnection(emulator.port, "127.0.0.1");
    await once(idle, "connect");
    idle.on("error", () => {});
    const closed = once(idle, "close");
    emulator.control.slow({ ms: 60_000 });
    const waiting = assert.rejects(api.get("/limits"));
    while (!emulator.control.stats().byKind["GET limits"]) await new Promise((resolve) => setTimeout(resolve, 1));
    await emulator.stop();
    await emulator.stop();
    await Promise.all([waiting, closed]);
    const second = await startEmulator({ port: emulator.port });
    await second.stop();
  });

  it("rejects when the port is taken", async () => {
    const emulator = await startEmulator();
    await assert.rejects(startEmulator({ port: emulator.port }), { code: "EADDRINUSE" });
    await emulator.stop();
  });
});
