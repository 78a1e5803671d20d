import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Node } from "node-red";
import helper from "node-red-node-test-helper";
import type { Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { Orgs, tokenRequests } from "../support";
import { BUSINESS_UNIT, RequestFlow } from "./support";

interface Spy {
  args: [{ fill?: string; text?: string }][];
}

const BASE = "/services/data/v66.0";
const COMPOSITE = { method: "POST", path: "/composite" };
const POST_CASE = { method: "POST", path: "/sobjects/Case" };
const PATCH_CASE = { method: "PATCH", path: "/sobjects/Case/Device_Event_Id__c/{{id}}" };

describe("The salesforce request node", () => {
  const orgs = new Orgs();
  const flow = new RequestFlow();
  let org: Emulator;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  const fills = (node: Node) => (node.status as unknown as Spy).args.map(([status]) => status.fill);
  const asked = () => org.control.stats().lastRequests.filter(({ path }) => !path.includes("oauth2"));
  const lastAsked = () => asked().at(-1);

  it("gives the body as payload, status and headers beside it, and passes the rest of the message on", async () => {
    await flow.deploy(org, { limits: {} });
    const answer = await flow.send("limits", { topic: "kept", payload: "gone" });
    assert.equal((answer.payload as { DailyApiRequests: { Max: number } }).DailyApiRequests.Max, 1_000_000);
    assert.equal(answer.salesforce?.statusCode, 200);
    assert.match(answer.salesforce?.headers["sforce-limit-info"] ?? "", /api-usage=\d+\/1000000/);
    assert.equal(answer.topic, "kept");
  });

  it("gives text and buffers when asked to, and null for an answer without a body", async () => {
    const [id] = org.control.insert({ object: "Case", records: [{ Subject: "a" }] }).ids;
    await flow.deploy(org, { text: { returns: "text" }, buffer: { returns: "buffer" }, patch: { method: "PATCH", path: "/sobjects/Case/{{id}}" } });
    assert.equal(typeof (await flow.send("text")).payload, "string");
    assert.ok(Buffer.isBuffer((await flow.send("buffer")).payload));
    const answer = await flow.send("patch", { id, payload: { Subject: "b" } });
    assert.deepEqual([answer.payload, answer.salesforce?.statusCode], [null, 204]);
  });

  it("unpacks a compressed answer", async () => {
    await flow.deploy(org, { objects: { path: "/sobjects", headers: [{ name: "Accept-Encoding", value: "gzip", valueType: "str" }] } });
    const { payload, salesforce } = await flow.send("objects");
    assert.ok((payload as { sobjects: object[] }).sobjects.length > 10);
    assert.equal(salesforce?.headers["content-encoding"], undefined);
  });

  describe("completes the path", () => {
    it("from the version, from the host, or from nothing when it is whole", async () => {
      await flow.deploy(org, { any: { path: "path", pathType: "msg" } });
      for (const [path, sent] of [["/limits", `${BASE}/limits`], ["limits", `${BASE}/limits`], ["/services/data/v60.0/limits", "/services/data/v60.0/limits"],
        ["/services/data/v{version}/limits", `${BASE}/limits`], [`${org.url}${BASE}/limits`, `${BASE}/limits`]]) {
        assert.equal((await flow.send("any", { path })).salesforce?.statusCode, 200, path);
        assert.equal(lastAsked()?.path, sent);
      }
    });

    it("with values of the message, which never leave their place", async () => {
      await flow.deploy(org, { one: { path: "/sobjects/Case/{{payload.id}}?fields={{fields}}" } });
      await flow.send("one", { payload: { id: "a/../b?c" }, fields: "Id,Subject" });
      assert.equal(lastAsked()?.path, `${BASE}/sobjects/Case/a%2F..%2Fb%3Fc?fields=Id%2CSubject`);
      const calls = asked().length;
      for (const id of ["..", ".", "", undefined, {}]) {
        const { error } = await flow.send("one", { payload: { id }, fields: "Id" });
        assert.equal(error?.code, "INPUT_INVALID");
      }
      assert.equal(asked().length, calls, "nothing was sent");
    });
  });

  describe("keeps the token to the org", () => {
    let other: Server;
    let stolen: (string | undefined)[];
    let address: string;

    beforeEach(async () => {
      stolen = [];
      other = createServer((request, response) => {
        stolen.push(request.headers.authorization);
        response.end("{}");
      });
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
      address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    });
    afterEach(() => new Promise((resolve) => other.close(resolve)));

    it("whatever path a message gives", async () => {
      await flow.deploy(org, { any: { path: "path", pathType: "msg" } });
      const tricks = [`http://${address}/x`, `HTTP://${address}/x`, `https://${address}/x`, `//${address}/x`, `/\\${address}/x`, `@${address}/x`, `\t//${address}`, `http:/\\${address}/x`];
      for (const path of tricks) {
        const { error, salesforce } = await flow.send("any", { path });
        assert.ok(error, `${path} answered ${salesforce?.statusCode}`);
      }
      assert.deepEqual(stolen, []);
    });

    it("even when the org redirects", async () => {
      const decoy = createServer((request, response) => {
        if (request.url?.includes("oauth2")) {
          const session = { access_token: "00Dxx!secret", instance_url: `http://${request.headers.host}`, id: "https://x/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS", token_type: "Bearer" };
          response.setHeader("content-type", "application/json").end(JSON.stringify(session));
        } else response.writeHead(302, { location: `http://${address}/x` }).end();
      });
      await new Promise<void>((resolve) => decoy.listen(0, "127.0.0.1", resolve));
      await flow.deploy({ ...org, url: `http://127.0.0.1:${(decoy.address() as AddressInfo).port}` }, { any: { method: "POST", path: "/services/apexrest/devices" } });
      const { error } = await flow.send("any", { payload: {} });
      assert.equal(error?.code, "ORG_REFUSED");
      assert.match(error?.message ?? "", /redirect .* not followed/);
      assert.deepEqual(stolen, []);
      await helper.unload();
      await new Promise((resolve) => decoy.close(resolve));
    });

    it("and refuses an address of Account Engagement that is not encrypted, or a header of its own", async () => {
      const engagement = { path: "/objects/tags?fields=id", host: "account-engagement", businessUnitId: BUSINESS_UNIT };
      await flow.deploy(org, {
        plain: { ...engagement, engagementUrl: "http://pi.pardot.example" },
        unit: { ...engagement, businessUnitId: "" },
        own: { headers: [{ name: "Authorization", value: "Bearer x", valueType: "str" }] },
        good: engagement,
      });
      for (const id of ["plain", "unit", "own"]) assert.equal((await flow.send(id)).error?.code, "NOT_CONFIGURED");
      assert.equal((await flow.send("good")).salesforce?.statusCode, 200);
      assert.equal(lastAsked()?.path, "/api/v5/objects/tags?fields=id");
    });
  });

  describe("sends", () => {
    beforeEach(() => org.control.declare({ apexRest: [{ path: "/echo" }] }));
    const apex = { method: "POST", path: "/services/apexrest/echo" };

    it("objects and lists as JSON, text and buffers as they are, and headers of the message", async () => {
      await flow.deploy(org, { post: { ...apex, headers: [{ name: "Sforce-Call-Options", value: "options", valueType: "msg" }] }, csv: { ...apex, headers: [{ name: "Content-Type", value: "text/csv", valueType: "str" }] } });
      const bodyOf = async (id: string, payload: unknown) => ((await flow.send(id, { payload, options: "client=me" })).payload as { body: unknown }).body;
      assert.deepEqual(await bodyOf("post", { a: 1 }), { a: 1 });
      assert.deepEqual(await bodyOf("post", '{"a":2}'), { a: 2 });
      assert.equal(await bodyOf("post", "plain"), "plain");
      assert.equal(await bodyOf("csv", Buffer.from("a,b\n")), "a,b\n");
      assert.equal(await bodyOf("post", undefined), null);
      assert.equal(lastAsked()?.headers["sforce-call-options"], "client=me");
      assert.equal((await flow.send("post", { payload: 1n })).error?.code, "INPUT_INVALID");
      assert.equal((await flow.send("post", { options: "a\r\nX: b" })).error?.code, "INPUT_INVALID");
    });

    it("SOAP with the session inside, which stands in no message", async () => {
      await flow.deploy(org, { soap: { method: "POST", path: "/services/Soap/u/{version}", returns: "text" }, echo: apex });
      const envelope = '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader>' +
        "<urn:sessionId>{sessionId}</urn:sessionId></urn:SessionHeader></soapenv:Header><soapenv:Body><urn:getServerTimestamp/></soapenv:Body></soapenv:Envelope>";
      for (const payload of [envelope, "<urn:getServerTimestamp/>"]) assert.match(String((await flow.send("soap", { payload })).payload), /<timestamp>/);
      assert.deepEqual(((await flow.send("echo", { payload: "<a>{sessionId}</a>" })).payload as { body: unknown }).body, "<a>{sessionId}</a>", "no other path gets it");
      org.control.expireTokens();
      assert.match(String((await flow.send("soap", { payload: envelope })).payload), /<timestamp>/, "a fault about the session is mended");
      assert.equal((await flow.send("soap", { payload: "<urn:nothing/>" })).error?.code, "ORG_REFUSED");
      assert.doesNotMatch(JSON.stringify([flow.passed, flow.caught]), /00D\w{12,15}!/, "tokens begin with the id of the org");
    });
  });

  describe("looks into composite answers", () => {
    const create = (referenceId: string, body: object) => ({ method: "POST", url: `${BASE}/sobjects/Account`, referenceId, body });

    it("and fails for a part that failed, naming it and its cause", async () => {
      await flow.deploy(org, { composite: COMPOSITE });
      const { error, salesforce } = await flow.send("composite", { payload: { allOrNone: true, compositeRequest: [create("one", { Name: "a" }), create("two", {})] } });
      assert.equal(error?.code, "ORG_REFUSED");
      assert.match(error?.message ?? "", /2 of 2 parts failed: REQUIRED_FIELD_MISSING/);
      assert.deepEqual(salesforce?.parts?.map(({ part, status }) => [part, status]), [["one", 400], ["two", 400]]);
    });

    it("or leaves that to the flow", async () => {
      await flow.deploy(org, { composite: { ...COMPOSITE, failOnPartErrors: false } });
      const answer = await flow.send("composite", { payload: { compositeRequest: [create("one", {})] } });
      assert.equal((answer.payload as { compositeResponse: { httpStatusCode: number }[] }).compositeResponse[0]?.httpStatusCode, 400);
    });

    it("and repeats in place what a lock has rolled back, but not what is half done", async () => {
      const [id] = org.control.insert({ object: "Account", records: [{ Name: "a" }] }).ids;
      const locked = { method: "PATCH", url: `${BASE}/sobjects/Account/${id}`, referenceId: "locked", body: { Name: "b" } };
      await flow.deploy(org, { composite: COMPOSITE });
      org.control.lockRecord({ id: String(id), times: 2 });
      const whole = await flow.send("composite", { payload: { allOrNone: true, compositeRequest: [create("one", { Name: "new" }), locked] } });
      assert.equal(whole.error, undefined);
      assert.equal(org.records("Account").length, 2);
      org.control.lockRecord({ id: String(id), times: 1 });
      const half = await flow.send("composite", { payload: { compositeRequest: [create("one", { Name: "newer" }), locked] } });
      assert.equal(half.error?.code, "ORG_REFUSED");
      assert.equal(org.records("Account").length, 3);
    });
  });

  describe("when something breaks", () => {
    it("renews an expired token once, whatever the method", async () => {
      await flow.deploy(org, { post: POST_CASE });
      await flow.send("post", { payload: { Subject: "a" } });
      org.control.expireTokens();
      assert.equal((await flow.send("post", { payload: { Subject: "b" } })).salesforce?.statusCode, 201);
      assert.equal(tokenRequests(org), 2);
    });

    it("waits, red, with a token that was revoked and cannot be renewed", async () => {
      const { access_token } = (await (await fetch(`${org.url}/services/oauth2/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: "surewire-emulator-client", client_secret: "surewire-emulator-secret" }),
      })).json()) as { access_token: string };
      await flow.deploy(org, { get: {} }, { flow: "access-token" }, { accessToken: access_token });
      assert.equal((await flow.send("get")).salesforce?.statusCode, 200);
      org.control.expireTokens();
      flow.node("get").receive({ payload: "held" });
      await waitFor("a red status", () => fills(flow.node("get")).includes("red"));
      assert.equal(flow.caught.length, 0);
    });

    for (const [name, fault, clear] of [
      ["503", () => org.control.unavailable(), true],
      ["503 with a web page", () => org.control.unavailable({ html: true }), true],
      ["the limit on calls at once", () => org.control.requestLimit({ kind: "concurrent" }), true],
      ["too many requests", () => org.control.failNext({ status: 429, errorCode: "TOO_MANY_REQUESTS" }), false],
    ] as const) {
      it(`holds the message for ${name}, and sends it when the org is back`, async () => {
        await flow.deploy(org, { post: POST_CASE });
        fault();
        const sent = flow.send("post", { payload: { Subject: "held" } });
        await waitFor("a waiting status", () => fills(flow.node("post")).includes("yellow") && asked().length > 0);
        if (clear) org.control.clearFaults();
        assert.equal((await sent).salesforce?.statusCode, 201);
        assert.equal(org.records("Case").length, 1);
      });
    }

    it("sends a read again after a reset", async () => {
      await flow.deploy(org, { get: {} });
      org.control.resetConnections({ when: "before" });
      assert.equal((await flow.send("get")).salesforce?.statusCode, 200);
    });

    it("sends a PATCH again when the user says that it may be, and so makes one record", async () => {
      await flow.deploy(org, { upsert: { ...PATCH_CASE, safeToRepeat: true } });
      org.control.resetConnections({ when: "after" });
      assert.equal((await flow.send("upsert", { id: "e1", payload: { Subject: "a" } })).error, undefined);
      assert.equal(org.records("Case").length, 1);
    });

    it("fails a POST whose answer was lost as one that may be tried again, and sends it once", async () => {
      await flow.deploy(org, { post: POST_CASE });
      org.control.resetConnections({ when: "after", path: "/sobjects/Case" });
      const { error } = await flow.send("post", { payload: { Subject: "a" } });
      assert.equal(error?.code, "ORG_UNAVAILABLE");
      assert.match(error?.message ?? "", /; whether the org has acted on the call is not known/);
      assert.equal(org.records("Case").length, 1);
    });

    it("fails an upsert whose external id several records have: the org has changed none of them", async () => {
      const several = await orgs.start({ schema: [{ name: "Account", fields: [{ name: "Number__c", type: "string", externalId: true }] }] });
      several.control.insert({ object: "Account", records: [{ Name: "a", Number__c: "N" }, { Name: "b", Number__c: "N" }] });
      await flow.deploy(several, { upsert: { method: "PATCH", path: "/sobjects/Account/Number__c/N" }, get: { path: "/sobjects/Account/Number__c/N" } });
      const { error, salesforce } = await flow.send("upsert", { payload: { Phone: "1" } });
      assert.deepEqual([error?.code, salesforce?.statusCode], ["ORG_REFUSED", 300]);
      assert.equal(((await flow.send("get")).payload as string[]).length, 2, "who asks gets their addresses");
    });

    it("takes a record that is gone for deleted when the answer to its first try was lost", async () => {
      const [id] = org.control.insert({ object: "Account", records: [{ Name: "a" }] }).ids;
      await flow.deploy(org, { remove: { method: "DELETE", path: "/sobjects/Account/{{id}}" } });
      org.control.resetConnections({ when: "after" });
      const answer = await flow.send("remove", { id });
      assert.deepEqual([answer.error, answer.payload], [undefined, null]);
      assert.equal((await flow.send("remove", { id })).salesforce?.statusCode, 404, "who finds it gone without having tried is told");
    });

    it("takes no web page for the answer to a call, but a file may be one", async () => {
      const page = "<html><body>Blocked</body></html>";
      const body = "/sobjects/Attachment/00P000000000001AAA/Body";
      await flow.deploy(org, { post: POST_CASE, get: {}, file: { path: body, returns: "buffer" }, read: { path: body } });
      org.control.failNext({ status: 200, html: page });
      const { error } = await flow.send("post", { payload: { Subject: "a" } });
      assert.deepEqual([error?.code, /is not known/.test(error?.message ?? "")], ["ORG_UNAVAILABLE", true]);
      org.control.failNext({ status: 200, html: page });
      assert.equal(typeof (await flow.send("get")).payload, "object");
      org.control.failNext({ status: 200, html: page });
      assert.equal(String((await flow.send("file")).payload), page);
      org.control.failNext({ status: 200, html: page });
      assert.equal((await flow.send("read")).payload, page, "nor does it hold up others for ever when the answer is to be JSON where it is some");
    });

    it("fails a path that is no URL, and does not try it again", async () => {
      await flow.deploy(org, { any: { path: "path", pathType: "msg" } });
      assert.equal((await flow.send("any", { path: "https://" })).error?.code, "INPUT_INVALID");
    });

    it("keeps status, errors and a limited part of the body of a refusal, and holds up no other message", async () => {
      org.control.declare({ apexRest: [{ path: "/broken", exception: `System.DmlException: ${"x".repeat(9000)}` }] });
      await flow.deploy(org, { broken: { path: "/services/apexrest/broken" }, missing: { path: "/nothing/here" }, good: {} });
      const [broken, missing, good] = await Promise.all([flow.send("broken"), flow.send("missing"), flow.send("good")]);
      assert.deepEqual([broken.error?.code, broken.salesforce?.statusCode, broken.salesforce?.errors?.[0]?.statusCode], ["ORG_REFUSED", 500, "APEX_ERROR"]);
      assert.equal(broken.salesforce?.body?.length, 4096);
      assert.deepEqual([missing.error?.code, missing.salesforce?.statusCode], ["ORG_REFUSED", 404]);
      assert.equal(good.salesforce?.statusCode, 200);
    });

    it("waits for Account Engagement's own limits, told by a number", async () => {
      await flow.deploy(org, { tags: { path: "/objects/tags?fields=id", host: "account-engagement", businessUnitId: BUSINESS_UNIT } });
      org.control.failNext({ status: 400, errorCode: "66", message: "too many calls at once", path: "/api/v5" });
      assert.equal((await flow.send("tags")).salesforce?.statusCode, 200);
      assert.equal(asked().filter(({ path }) => path.includes("/api/v5")).length, 2);
    });
  });

  it("keeps the order of messages with one call at a time", async () => {
    await flow.deploy(org, { post: { ...POST_CASE, concurrency: 1 } });
    await Promise.all(Array.from({ length: 30 }, (_, i) => flow.send("post", { payload: { Subject: String(i) } })));
    assert.deepEqual(org.records("Case").map(({ Subject }) => Subject), Array.from({ length: 30 }, (_, i) => String(i)));
  });
});
