import assert from "node:assert/strict";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_USERNAME, type Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import type { TransportName } from "../../../../nodes/salesforce/client/events/org-streams";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { clientCredentials, Orgs } from "../../support";
import { NEW, QUICK, Recorder } from "./cometd/support";

describe("An app that issues JWT-based access tokens", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  before(async () => {
    const app = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: DEFAULT_USERNAME, jwtAccessTokens: true };
    org = await orgs.start({ clients: [app], pubsub: true, schema: [{ name: "A__e", platformEvent: true, fields: [{ name: "Text__c", type: "string" }] }] });
    client = orgs.client(clientCredentials(org, { streams: { ...QUICK, pubsubEndpoint: `http://${org.pubsubEndpoint}` } }));
  });
  after(() => orgs.stop());

  it("is good for calls", async () => {
    assert.equal((await client.rest.request({ method: "GET", path: "/limits" })).status, 200);
  });

  it("is told what is to be changed in it where a path of calls takes none, as SOAP's", async () => {
    org.control.failNext({ count: 2, status: 401, errorCode: "INVALID_SESSION_ID", path: "/limits" });
    await assert.rejects(client.rest.request({ method: "GET", path: "/limits" }), isToldOfTokens);
  });

  for (const transport of ["cometd", "pubsub"] as TransportName[]) {
    it(`is told what is to be changed in it where events come by ${transport}, which takes none of them`, async () => {
      const recorder = new Recorder();
      const subscription = client.streams.over(transport).subscribe("/event/A__e", NEW, recorder);
      await recorder.is("failed");
      const { error } = recorder.states.at(-1) ?? {};
      assert.equal(error?.code, "ORG_SESSION_INVALID");
      assert.match(error.message, /JWT-based access tokens.*untick/);
      await subscription.close();
    });
  }

  it("is told the same where events are published by the Pub/Sub API", async () => {
    await assert.rejects(client.streams.publisher.create({ object: "A__e", records: [{ Text__c: "1" }] }), isToldOfTokens);
  });
});

function isToldOfTokens({ code, message }: ConnectorError): boolean {
  assert.equal(code, "ORG_SESSION_INVALID");
  return /JWT-based access tokens.*untick/.test(message);
}
