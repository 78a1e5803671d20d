import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { type ConnectorError, isConnectorError } from "../../../../nodes/common/errors";
import { type RequestItem, RequestSender } from "../../../../nodes/salesforce/client/requests/request-sender";
import { BUSINESS_UNIT } from "../../request/support";
import { clientCredentials, Orgs } from "../../support";

describe("A call that never gets an answer of the org", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  /** What each of eight tries of the same call ends with; no more after one that is the message's own. */
  async function tries(call: Pick<RequestItem, "method" | "path">, timeout = 60_000, host?: string): Promise<ConnectorError[]> {
    const sender = new RequestSender(orgs.client(clientCredentials(org, { timeout })).rest, { returns: "json", safeToRepeat: true, failOnPartErrors: true, ...(host ? { host } : {}) });
    const item: RequestItem = { ...call, headers: host ? { "pardot-business-unit-id": BUSINESS_UNIT } : {} };
    const errors: ConnectorError[] = [];
    for (let count = 0; count < 8 && errors.at(-1)?.scope !== "message"; count += 1) await sender.send(item).catch((error: unknown) => isConnectorError(error) && errors.push(error));
    return errors;
  }
  const scopes = (errors: ConnectorError[]): string[] => errors.map(({ scope }) => scope);
  const held = (count: number): string[] => new Array<string>(count).fill("system");

  it("as its path redirects, is its message's own matter while others get one", async () => {
    org.control.failNext({ status: 302, html: "<html></html>", path: "/limits", count: 100 });
    const errors = await tries({ method: "GET", path: "/limits" });
    assert.deepEqual(scopes(errors), [...held(4), "message"]);
    assert.deepEqual([errors.at(-1)?.code, errors.at(-1)?.retryable], ["ORG_REFUSED", true]);
  });

  it("as a firewall gives a page for what is in it, is its message's own matter while others that write get one", async () => {
    org.control.failNext({ status: 200, html: "<html>Request Rejected</html>", path: "/sobjects/Case/", count: 100 });
    assert.deepEqual(scopes(await tries({ method: "PATCH", path: "/sobjects/Case/500000000000001AAA" })), [...held(4), "message"]);
  });

  for (const method of ["GET", "POST"] as const) {
    it(`as its path refuses each session (${method}), is its message's own matter at once, and costs no login`, async () => {
      org.control.failNext({ status: 401, errorCode: "INVALID_SESSION_ID", path: "/sobjects/Case/", count: 100 });
      const errors = await tries({ method, path: "/sobjects/Case/500000000000001AAA" });
      assert.deepEqual(errors.map(({ code, retryable }) => [code, retryable]), [["ORG_REFUSED", true]]);
      assert.equal(org.control.stats().logins, 1);
    });
  }

  it("as each session is refused everywhere, is held", async () => {
    org.control.failNext({ status: 401, errorCode: "INVALID_SESSION_ID", path: "/services/data/v", count: 1000 });
    assert.deepEqual(scopes(await tries({ method: "GET", path: "/limits" })), held(8));
  });

  it("in time, is its message's own matter while others get one", async () => {
    const { rest } = orgs.client(clientCredentials(org));
    await rest.request({ method: "GET", path: "/limits" });
    org.control.failNext({ status: 200, html: "", path: "/analytics", delay: 4_000, count: 100 });
    const errors = await tries({ method: "GET", path: "/analytics/reports" }, 1_000);
    assert.deepEqual(scopes(errors), [...held(1), "message"]);
    assert.equal(errors.at(-1)?.code, "ORG_BUSY");
  });

  describe("of Account Engagement", () => {
    const prospects = { method: "GET", path: "/api/v5/objects/prospects?fields=id" } as const;

    it("as a firewall gives a page for what is in it, is its message's own matter while others get one", async () => {
      org.control.failNext({ status: 403, html: "<html>Request Rejected</html>", path: "/objects/prospects", count: 100 });
      assert.deepEqual(scopes(await tries(prospects, 60_000, org.url)), [...held(4), "message"]);
    });

    it("as a gateway does not wait for it, is its message's own matter while others get one", async () => {
      org.control.failNext({ status: 504, html: "", path: "/objects/prospects", count: 100 });
      assert.deepEqual(scopes(await tries(prospects, 60_000, org.url)), [...held(4), "message"]);
    });

    it("as it refuses each session, is its message's own matter at once, and costs no login", async () => {
      org.control.failNext({ status: 401, errorCode: "49", path: "/objects/prospects", count: 100 });
      assert.deepEqual(scopes(await tries(prospects, 60_000, org.url)), ["message"]);
      assert.equal(org.control.stats().logins, 1);
    });

    it("says nothing of where the org is", async () => {
      org.control.failNext({ status: 404, html: "<html>no such page</html>", path: "/objects/prospects", count: 100 });
      assert.deepEqual(scopes(await tries(prospects, 60_000, org.url)), [...held(4), "message"]);
      assert.equal(org.control.stats().logins, 1);
    });

    it("but a page of a proxy is held while no other gets one either", async () => {
      org.control.failNext({ status: 403, html: "<html>blocked</html>", path: "/api/v5/", count: 1000 });
      assert.deepEqual(scopes(await tries(prospects, 60_000, org.url)), held(8));
    });
  });

  it("but a call that the org is too slow for is held while it is so for others, though it lists its versions", async () => {
    org.control.failNext({ status: 504, html: "", path: "/services/data/v", count: 1000 });
    assert.deepEqual(scopes(await tries({ method: "GET", path: "/limits" })), held(8));
  });

  for (const status of [200, 403]) {
    it(`but a page of a proxy (${status}) is held while no other gets one either`, async () => {
      org.control.failNext({ status, html: "<html>blocked</html>", path: "/services/data/", count: 1000 });
      assert.deepEqual(scopes(await tries({ method: "GET", path: "/limits" })), held(8));
    });
  }
});
