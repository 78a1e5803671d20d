import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { testBench } from "../../services/test-nodes/test-nodes";
import { openCount } from "../listen/listen-flow";
import { clientCredentials, Orgs } from "../support";
import { makeRuntime, ORG, RouteFlow, waitFor } from "./route-flow";

describe("salesforce route, told of changes by the Pub/Sub API", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  const runtime = makeRuntime();
  let org: Emulator;
  let client: OrgClient;
  let flow: RouteFlow;

  before(async () => {
    await runtime.start();
    org = await orgs.start({ ...ORG, pubsub: true });
    client = orgs.client(clientCredentials(org));
    flow = new RouteFlow(runtime, org);
  });
  after(async () => {
    await runtime.stop();
    await orgs.stop();
  });

  const routed = (count: number): Promise<boolean> => waitFor(`${count} requests`, () => flow.out.length >= count);

  it("hands over a case that is new in a watched queue, or comes to one while the stream is cut, each once", async () => {
    const [pumps, valves, others] = ["Pumps", "Valves", "Others"].map((name) => org.control.addQueue({ name }).id);
    await runtime.fresh([...flow.nodes(), ...flow.listener({ transport: "pubsub" })]);
    await waitFor("the stream", () => org.control.pubsubStreams().length === 1);
    const moved = flow.insert({ OwnerId: others });
    const created = flow.insert({ OwnerId: pumps });
    await routed(1);
    await waitFor("the end of both events", () => openCount() === 0);
    org.control.expireTokens({});
    org.control.killStreams();
    await client.rest.request({ method: "PATCH", path: `/sobjects/Case/${moved}`, body: { OwnerId: valves } });
    await routed(2);
    assert.deepEqual(flow.seen("create").map(({ case: { id }, workgroup, reason }) => [id, workgroup, reason]), [[created, "wg.pumps", "new"], [moved, "wg.valves", "queue"]]);
    assert.deepEqual(testBench.seen.filter(({ node }) => node === "dead"), []);
  });
});
