import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { OrgClient, OrgState } from "../../../nodes/salesforce/client/org";
import { DEFAULT_CLIENT_ID, DEFAULT_USERNAME, type Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { clientCredentials, keys, Orgs, tokenRequests } from "../support";

const code = (wanted: string, text = /./) => (error: unknown) => (error as ConnectorError).code === wanted && text.test((error as ConnectorError).message);
const describeCase = (client: OrgClient) => client.rest.request<{ name: string }>({ method: "GET", path: "/sobjects/Case/describe" });

describe("A Salesforce org", () => {
  const orgs = new Orgs();
  const pair = keys();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  describe("signs in", () => {
    it("with client credentials, and knows org and user", async () => {
      const client = orgs.client(clientCredentials(org));
      const { status, body } = await describeCase(client);
      assert.deepEqual([status, body.name], [200, "Case"]);
      assert.match(client.session?.orgId ?? "", /^00D\w{15}$/);
      assert.match(client.session?.userId ?? "", /^005\w{15}$/);
    });

    it("with a JWT that its key signs", async () => {
      const jwtOrg = await orgs.start({ clients: [{ clientId: "app", publicKey: pair.publicKey, username: "device@acme.example" }] });
      const client = orgs.client({ loginUrl: jwtOrg.url, flow: "jwt-bearer", credentials: { clientId: "app", username: "device@acme.example", privateKey: pair.privateKey } });
      assert.equal((await describeCase(client)).status, 200);
    });

    it("with an access token made elsewhere", async () => {
      const other = orgs.client(clientCredentials(org));
      await describeCase(other);
      const client = orgs.client({ loginUrl: org.url, flow: "access-token", credentials: { accessToken: other.session?.accessToken } });
      assert.equal((await describeCase(client)).status, 200);
      assert.equal(org.control.stats().logins, 1);
    });

    it("once, for a hundred calls at once", async () => {
      const client = orgs.client(clientCredentials(org));
      await Promise.all(Array.from({ length: 100 }, () => describeCase(client)));
      assert.equal(tokenRequests(org), 1);
      assert.equal(org.control.stats().apiCalls, 100);
    });
  });

  it("does not wait for a call that failed shortly as long as for a limit that another one has met", async () => {
    const client = orgs.client(clientCredentials(org));
    void client.untilReady(new ConnectorError("ORG_LIMIT", "no more bulk jobs today", { details: { retryAfter: 600_000 } }));
    const began = Date.now();
    const outage = new ConnectorError("ORG_UNAVAILABLE", "away");
    assert.equal(client.untilReady(outage), client.untilReady(outage), "who meets the same waits together");
    await Promise.race([client.untilReady(outage), new Promise((resolve) => setTimeout(resolve, 20_000))]);
    assert.ok(Date.now() - began < 15_000);
  });

  describe("says why it cannot sign in", () => {
    for (const [what, credentials, wanted, text] of [
      ["a wrong secret", { clientId: DEFAULT_CLIENT_ID, clientSecret: "wrong-secret" }, "ORG_LOGIN_FAILED", /invalid client credentials.*consumer secret/],
      ["a wrong key", { clientId: "unknown", clientSecret: "wrong-secret" }, "ORG_LOGIN_FAILED", /client identifier invalid.*consumer key/],
      ["no secret", { clientId: DEFAULT_CLIENT_ID }, "NOT_CONFIGURED", /consumer secret/],
    ] as const) {
      it(`${what}, never quoting it, and does not go on asking`, async () => {
        const client = orgs.client(clientCredentials(org, { credentials }));
        for (let i = 0; i < 30; i += 1) {
          await assert.rejects(describeCase(client), (error) => code(wanted, text)(error) && !String((error as Error).stack).includes("wrong-secret"));
        }
        assert.ok(tokenRequests(org) <= 1);
        assert.equal(client.state.kind, "failed");
      });
    }

    it("a JWT signed by another key", async () => {
      const jwtOrg = await orgs.start({ clients: [{ clientId: "app", publicKey: pair.publicKey, username: DEFAULT_USERNAME }] });
      const credentials = { clientId: "app", username: DEFAULT_USERNAME, privateKey: pair.wrongKey };
      const client = orgs.client({ loginUrl: jwtOrg.url, flow: "jwt-bearer", credentials });
      await assert.rejects(describeCase(client), code("ORG_LOGIN_FAILED", /invalid assertion.*certificate/));
      const stranger = orgs.client({ loginUrl: jwtOrg.url, flow: "jwt-bearer", credentials: { ...credentials, privateKey: pair.privateKey, username: "else@x.y" } });
      await assert.rejects(describeCase(stranger), code("ORG_LOGIN_FAILED", /approved/));
    });

    it("plain http to another machine, without a request", async () => {
      const client = orgs.client(clientCredentials(org, { loginUrl: "http://login.salesforce.com" }));
      await assert.rejects(describeCase(client), code("NOT_CONFIGURED", /https/));
    });

    it("too many logins: it waits minutes", async () => {
      const busy = await orgs.start({ loginLimit: 0 });
      const client = orgs.client(clientCredentials(busy));
      for (let i = 0; i < 5; i += 1) await assert.rejects(describeCase(client), code("ORG_LIMIT", /login rate exceeded/));
      assert.equal(tokenRequests(busy), 1);
    });
  });

  describe("whose token expires", () => {
    it("gets one new one for all calls that are under way", async () => {
      const client = orgs.client(clientCredentials(org));
      await describeCase(client);
      org.control.expireTokens();
      const answers = await Promise.all(Array.from({ length: 50 }, () => describeCase(client)));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal(org.control.stats().logins, 2);
    });

    it("gives up when the new token is refused as well, after one login", async () => {
      const client = orgs.client(clientCredentials(org));
      await describeCase(client);
      const before = org.control.stats();
      org.control.failNext({ count: 100, status: 401, errorCode: "INVALID_SESSION_ID", message: "Session expired or invalid" });
      await assert.rejects(describeCase(client), code("ORG_SESSION_INVALID"));
      const after = org.control.stats();
      assert.equal(after.logins - before.logins, 1);
    });

    it("does not sign in again for a path that refuses what the org takes elsewhere", async () => {
      const client = orgs.client(clientCredentials(org));
      await describeCase(client);
      org.control.failNext({ count: 10, status: 401, errorCode: "INVALID_SESSION_ID", path: "/describe" });
      const refused = await Promise.allSettled(Array.from({ length: 5 }, () => describeCase(client)));
      for (const one of refused) assert.ok(one.status === "rejected" && code("ORG_SESSION_INVALID", /this path/)(one.reason));
      assert.deepEqual([tokenRequests(org), client.state.kind], [1, "connected"]);
      assert.equal((await describeCase(client)).status, 200);
    });

    it("does not sign in again either for a user who may not read the org's limits", async () => {
      const client = orgs.client(clientCredentials(org));
      org.control.failNext({ count: 100, status: 403, errorCode: "FORBIDDEN", path: "/limits" });
      org.control.failNext({ count: 2, status: 401, errorCode: "INVALID_SESSION_ID", path: "/describe" });
      await assert.rejects(describeCase(client), code("ORG_SESSION_INVALID", /this path/));
      assert.equal(tokenRequests(org), 1);
    });

    it("sends a call again by the same that was refused just once, as by one machine of the org", async () => {
      const client = orgs.client(clientCredentials(org));
      org.control.failNext({ status: 401, errorCode: "INVALID_SESSION_ID", path: "/describe" });
      assert.equal((await describeCase(client)).status, 200);
      assert.equal(tokenRequests(org), 1);
    });

    it("keeps a pasted one that only a path refuses", async () => {
      const { accessToken } = await orgs.client(clientCredentials(org)).openSession();
      const client = orgs.client({ loginUrl: org.url, flow: "access-token", credentials: { accessToken } });
      org.control.failNext({ count: 2, status: 401, errorCode: "INVALID_SESSION_ID", path: "/describe" });
      await assert.rejects(describeCase(client), code("ORG_SESSION_INVALID", /this path/));
      assert.equal((await describeCase(client)).status, 200);
      assert.equal(client.state.kind, "connected");
    });

    it("also gets a new one for a call of only the identity service", async () => {
      const client = orgs.client(clientCredentials(org));
      await describeCase(client);
      org.control.expireTokens();
      const { status } = await client.rest.raw({ method: "GET", path: "/services/oauth2/userinfo", type: "application/json" });
      assert.deepEqual([status, tokenRequests(org)], [200, 2]);
    });

    it("cannot renew a pasted one, and does not ask again", async () => {
      const client = orgs.client({ loginUrl: org.url, flow: "access-token", credentials: { accessToken: "00D000000000001!gone" } });
      for (let i = 0; i < 10; i += 1) await assert.rejects(describeCase(client), code("ORG_SESSION_INVALID", /paste a new one/));
      assert.equal(org.control.stats().lastRequests.length, 2); // the call, and a look whether it is not only its path
      assert.equal(client.state.kind, "failed");
    });
  });

  it("says that its user's password has expired, which keeps out who has signed in, and does not sign in again for it", async () => {
    const client = orgs.client(clientCredentials(org));
    await describeCase(client);
    org.control.setUser({ username: DEFAULT_USERNAME, state: "password-expired" });
    await assert.rejects(describeCase(client), code("ORG_LOGIN_FAILED", /password has expired/));
    assert.equal(tokenRequests(org), 1);
  });

  it("reports its problems, and their end, without being asked", async () => {
    org.control.unavailable({ oauth: true });
    const client = orgs.client(clientCredentials(org));
    const seen: OrgState["kind"][] = [];
    client.onState(({ kind }) => seen.push(kind));
    const user = {};
    client.acquire(user);
    await waitFor("the outage to show", () => client.state.kind === "waiting");
    org.control.clearFaults();
    await waitFor("the login", () => client.state.kind === "connected");
    assert.deepEqual(seen, ["connecting", "waiting", "connected"]);
    client.release(user);
  });

  it("gives up a call that is not answered in time", async () => {
    const client = orgs.client(clientCredentials(org, { timeout: 100 }));
    await waitFor("a call in time", () => describeCase(client));
    org.control.slow({ ms: 60_000 });
    await assert.rejects(describeCase(client), code("ORG_UNAVAILABLE", /no answer within 0.1 s/));
  });

  it("has at most ten calls under way", async () => {
    const client = orgs.client(clientCredentials(org));
    await describeCase(client);
    org.control.slow({ ms: 50 });
    const start = Date.now();
    await Promise.all(Array.from({ length: 30 }, () => describeCase(client)));
    assert.ok(Date.now() - start >= 140, "30 calls of 50 ms, ten at a time");
  });

  it("notes how much of the day's calls is used", async () => {
    org.control.setApiUsage({ used: 17, max: 5000 });
    const client = orgs.client(clientCredentials(org));
    await describeCase(client);
    assert.deepEqual(client.rest.usage, { used: 18, limit: 5000 });
  });

  it("tells of that no more often than by whole percents", async () => {
    org.control.setApiUsage({ used: 42, max: 5000 });
    const client = orgs.client(clientCredentials(org));
    await describeCase(client);
    const states: OrgState[] = [];
    client.onState((state) => states.push(state));
    for (let call = 0; call < 15; call += 1) await describeCase(client);
    assert.deepEqual(states, [{ kind: "connected", usedPercent: 1 }]);
  });

  it("stands well although one of its users asks for an object that it does not know", async () => {
    const client = orgs.client(clientCredentials(org));
    await describeCase(client);
    const states: OrgState[] = [];
    client.onState((state) => states.push(state));
    await assert.rejects(client.rest.request({ method: "GET", path: "/sobjects/Nothing__c/describe" }), code("ORG_OBJECT_UNKNOWN"));
    assert.deepEqual([states, client.state.kind], [[], "connected"]);
  });

  it("closes once its users have left", async () => {
    const client = orgs.client(clientCredentials(org));
    const user = {};
    client.acquire(user);
    let closed = false;
    const closing = client.close().then(() => (closed = true));
    await describeCase(client);
    assert.equal(closed, false);
    client.release(user);
    await closing;
  });
});
