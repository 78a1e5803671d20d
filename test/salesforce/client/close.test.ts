import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { ConnectorError } from "../../../nodes/common/errors";
import { OrgClient } from "../../../nodes/salesforce/client/org";
import { waitFor } from "../../services/wait";
import { clientCredentials, Orgs } from "../support";

describe("An org that is closed", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  const create = (client: OrgClient, Name: string) => client.rest.request({ method: "POST", path: "/sobjects/Account", body: { Name } });

  it("sends nothing any more, not even what waited for its turn, because its message may be on its way again", async () => {
    const client = new OrgClient(clientCredentials(org, { concurrency: 1 }));
    await create(client, "first");
    org.control.slow({ ms: 200 });
    const calls = [create(client, "under way"), create(client, "waiting")].map((call) => call.catch((error: unknown) => error as ConnectorError));
    await waitFor("the call to be under way", () => org.control.stats().apiCalls === 2);
    await client.close();
    const [, waiting] = await Promise.all(calls);
    assert.deepEqual([(waiting as ConnectorError).scope, (waiting as ConnectorError).details.outcomeUnknown], ["system", false]);
    const late = (await create(client, "late").catch((error: unknown) => error)) as ConnectorError;
    assert.equal(late.code, "ORG_UNAVAILABLE");
    assert.ok(!org.records("Account").some(({ Name }) => Name === "waiting" || Name === "late"));
  });
});
