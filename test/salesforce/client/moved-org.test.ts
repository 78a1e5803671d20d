import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Emulator } from "../../../emulator/src/index";
import type { ConnectorError } from "../../../nodes/common/errors";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { RequestSender } from "../../../nodes/salesforce/client/requests/request-sender";
import { SoapClient } from "../../../nodes/salesforce/client/soap/soap";
import { clientCredentials, Orgs } from "../support";
import { QUICK, Recorder } from "./events/cometd/support";

const OPTIONS = { returns: "json", safeToRepeat: false, failOnPartErrors: true } as const;

describe("An org that moves to another instance", () => {
  const orgs = new Orgs();
  let org: Emulator;
  /** Says where the org is, as the login host does, and sends to nowhere whoever calls the old instance. */
  let old: Server;
  let url: string;
  let moved: boolean;
  let logins: number;
  let client: OrgClient;

  beforeEach((done) => {
    moved = false;
    logins = 0;
    old = createServer((request, response) => {
      const isLogin = request.url === "/services/oauth2/token";
      logins += isLogin ? 1 : 0;
      if (isLogin && !moved) return void response.writeHead(200).end(JSON.stringify({ access_token: "00D!old", instance_url: url }));
      if (isLogin) {
        const session = orgs.client(clientCredentials(org)).openSession();
        return void session.then(({ accessToken }) => response.writeHead(200).end(JSON.stringify({ access_token: accessToken, instance_url: org.url })));
      }
      if (moved) return void response.writeHead(302, { location: "https://maintenance.example/" }).end();
      response.writeHead(200, { "content-type": "application/json" }).end('{"from":"old"}');
    }).listen(0, "127.0.0.1", () => {
      url = `http://127.0.0.1:${(old.address() as AddressInfo).port}`;
      void orgs.start().then((one) => {
        org = one;
        client = orgs.client({ ...clientCredentials(org), loginUrl: url, streams: QUICK });
        done();
      });
    });
  });
  afterEach(async () => {
    await orgs.stop();
    old.closeAllConnections();
    old.close();
  });

  const limits = (): Promise<{ body: object }> => client.rest.request<object>({ method: "GET", path: "/limits" });

  it("is found again: who was redirected signs in once more, which says where it is now", async () => {
    assert.deepEqual((await limits()).body, { from: "old" });
    moved = true;
    await Promise.all(Array.from({ length: 3 }, () => assert.rejects(limits(), { code: "ORG_UNAVAILABLE", scope: "system" })));
    const answers = await Promise.all(Array.from({ length: 3 }, limits));
    for (const { body } of answers) assert.ok("DailyApiRequests" in body);
    assert.equal(logins, 2, "one login for all");
  });

  it("is found again by who calls its SOAP API alone, too", async () => {
    await client.openSession();
    moved = true;
    const call = (): Promise<object> => new SoapClient(client.rest).call({ operation: "getServerTimestamp", content: "" });
    await assert.rejects(call(), { code: "ORG_UNAVAILABLE", scope: "system" });
    await call().catch(() => undefined);
    assert.equal(logins, 2);
  });

  it("is found again by who only listens to it over CometD, too", async () => {
    await client.openSession();
    moved = true;
    const heard = new Recorder();
    client.streams.over("cometd").subscribe("/data/CaseChangeEvent", { from: "new" }, heard);
    await heard.is("listening");
    assert.equal(logins, 2);
  });

  it("fails no request of a message meanwhile", async () => {
    const sender = new RequestSender(client.rest, OPTIONS);
    const item = { method: "GET", path: "/limits", headers: {} } as const;
    await sender.send(item);
    moved = true;
    await assert.rejects(sender.send(item), ({ code, scope }: ConnectorError) => code === "ORG_UNAVAILABLE" && scope === "system");
    assert.equal((await sender.send(item)).salesforce.statusCode, 200);
  });
});

describe("A login that leads to another org than before", () => {
  it("is told of before anybody has the new session, and a new token of the same org is not", async () => {
    const orgs = new Orgs();
    let orgId = "00D000000000001AAA";
    const login = createServer((request, response) => {
      const origin = `http://${request.headers.host}`;
      response.writeHead(200).end(JSON.stringify({ access_token: "t", instance_url: origin, id: `${origin}/id/${orgId}/005000000000001AAA` }));
    });
    await new Promise<void>((resolve) => login.listen(0, "127.0.0.1", resolve));
    try {
      const client = orgs.client({ loginUrl: `http://127.0.0.1:${(login.address() as AddressInfo).port}`, flow: "client-credentials", credentials: { clientId: "a", clientSecret: "b" } });
      const told: string[] = [];
      client.onOtherOrg(() => told.push("other"));
      const first = await client.openSession();
      const second = await client.renewSession(first);
      orgId = "00D000000000002AAA";
      await client.renewSession(second).then(() => told.push("session"));
      assert.deepEqual(told, ["other", "session"]);
    } finally {
      await orgs.stop();
      login.closeAllConnections();
      login.close();
    }
  });
});
