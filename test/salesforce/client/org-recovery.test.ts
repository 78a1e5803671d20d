import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { waitFor } from "../../services/wait";
import { clientCredentials, Orgs } from "../support";

describe("An org whose last call has failed", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  beforeEach(async () => {
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
  });
  afterEach(async () => {
    client.release(client);
    await orgs.stop();
  });

  async function failed(fail: () => void): Promise<void> {
    client.acquire(client);
    await waitFor("the first sign-in", () => client.state.kind === "connected");
    fail();
    await assert.rejects(client.rest.request({ method: "POST", path: "/sobjects/Case", body: { Subject: "a" } }));
    assert.equal(client.state.kind, "waiting");
  }

  it("is checked again if nobody else does, so that its status does not stay yellow after a call that is not repeated", async () => {
    await failed(() => org.control.resetConnections({ when: "after" }));
    await waitFor("the org to be found", () => client.state.kind === "connected");
    assert.equal(org.control.stats().byKind["GET limits"], undefined, "and it costs no call of the day's");
  });

  it("is waited for as long as it is away", async () => {
    await failed(() => org.control.unavailable());
    await waitFor("some looks", () => org.control.stats().lastRequests.filter(({ status }) => status === 503).length > 3);
    assert.equal(client.state.kind, "waiting");
    org.control.clearFaults();
    await waitFor("the org to be found", () => client.state.kind === "connected");
  });

  it("is not checked while others wait for it, or if nobody uses it", async () => {
    await failed(() => org.control.unavailable());
    const waiting = client.state.error;
    assert.ok(waiting);
    const before = org.control.stats().lastRequests.length;
    for (let pauses = 0; pauses < 3; pauses += 1) await client.untilReady(waiting);
    client.release(client);
    await client.untilReady(waiting);
    assert.ok(org.control.stats().lastRequests.length <= before + 1);
  });
});
