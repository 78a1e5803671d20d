import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import RED from "node-red";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "../../../emulator/src/index";
import { REQUEST_PRESETS } from "../../../nodes/salesforce/client/requests/request-presets";
import { formDefaults } from "../../services/form-defaults";
import { type FlowNodeConfig, Runtime } from "../../services/runtime";
import { held } from "../../services/test-nodes/test-nodes";
import { waitFor } from "../../services/wait";
import { Orgs } from "../support";
import { ANALYTICS } from "./analytics";
import { ENGAGEMENT } from "./engagement";
import type { Answered, Operation, Refused } from "./operation";
import { CONNECTORS } from "./operations";
import { tables } from "./page";
import { EVENT } from "./platform-events";
import { World } from "./world";

const FILE = path.join(__dirname, "../../../docs/salesforce-operations.md");
/** Everything up to this line is written by hand. */
const MARK = "<!-- From here on written by test/salesforce/parity: UPDATE_SALESFORCE_OPERATIONS=1 npm run mocha -- test/salesforce/parity/parity.test.ts -->";

const runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });

/** What a node behind a Catch node, or behind the operation's own, has in its hands. */
type Message = Answered & { trial: string };

describe("what the connectors did that ours replace", function () {
  this.timeout(20_000);
  const orgs = new Orgs();
  let world: World;
  let trials = 0;

  before(async () => {
    const org = await orgs.start({ schema: [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" }] }] });
    org.control.declare({ analytics: ANALYTICS, accountEngagement: ENGAGEMENT as never });
    const orgDefaults = formDefaults("surewire-salesforce-org", "nodes/salesforce/org/org.html");
    world = new World(org, String(orgDefaults.apiVersion));
    await runtime.start();
    const credentials = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    await runtime.fresh([
      { id: "org", z: "tab", type: "surewire-salesforce-org", ...orgDefaults, loginUrl: org.url, flow: "client-credentials", credentials },
      ...CONNECTORS.flatMap(({ operations }, group) => operations.map((operation, index) => nodeFor(operation, `${group}-${index}`))),
      { id: "catch", type: "catch", scope: null, uncaught: false, wires: [["end"]] },
      { id: "end", type: "test-hold" },
    ]);
  });
  after(async () => {
    await runtime.stop();
    await orgs.stop();
  });

  /** The node as the editor saves it when nothing but the operation's settings was touched. */
  function nodeFor({ node, settings }: Operation, id: string): FlowNodeConfig {
    const type = `surewire-salesforce-${node}`;
    const preset = REQUEST_PRESETS.find((each) => each.id === settings.preset);
    const filled = preset ? { method: preset.method, path: preset.path } : {};
    const pace = { linger: 1, pollInterval: 10, retries: 0 };
    return { id, type, ...formDefaults(type, `nodes/salesforce/${node}/${node}.html`), org: "org", engagementUrl: world.org.url, ...pace, ...filled, ...settings, wires: [["end"]] };
  }

  /** What becomes of a message. */
  async function send(id: string, msg: object): Promise<Answered> {
    const trial = `trial ${(trials += 1)}`;
    const { nodes } = RED as unknown as { nodes: { getNode(id: string): { receive(msg: object): void } | null } };
    nodes.getNode(id)?.receive({ ...msg, trial });
    const answer = await waitFor("an answer", () => held.find((one) => (one.msg as Message).trial === trial), { interval: 2, timeout: 10_000 });
    held.splice(0);
    answer.go();
    return answer.msg as Message;
  }

  CONNECTORS.forEach(({ title, operations }, group) => {
    describe(title, () => {
      operations.forEach((operation, index) => {
        const id = `${group}-${index}`;

        it(`${operation.name}: does it, and fails with the org's words`, async () => {
          const { msg, check } = await operation.good(world);
          const answer = await send(id, msg);
          assert.equal(answer.error, undefined, JSON.stringify(answer.error));
          await check(answer);

          const { msg: wrong, error, code = "ORG_REFUSED" } = operation.bad ? await operation.bad(world) : await forbidden(operation);
          const refused = await send(id, wrong);
          assert.equal(refused.error?.code, code, JSON.stringify(refused.error ?? refused.payload));
          assert.match(refused.error.message, error);
        });
      });
    });
  });

  /** Most calls that take nothing fail only for who must not make them. */
  async function forbidden(operation: Operation): Promise<Refused> {
    const { msg } = await operation.good(world);
    world.org.control.failNext({ status: 403, errorCode: "INSUFFICIENT_ACCESS", message: "no right to do this" });
    return { msg, error: /no right to do this/ };
  }

  it("is what docs/salesforce-operations.md says", () => {
    const [written = ""] = readFileSync(FILE, "utf8").split(MARK);
    const text = `${written}${MARK}\n\n${tables(CONNECTORS)}\n`;
    if (process.env["UPDATE_SALESFORCE_OPERATIONS"]) writeFileSync(FILE, text);
    assert.equal(readFileSync(FILE, "utf8"), text, "the operations have changed: run with UPDATE_SALESFORCE_OPERATIONS=1, and look at the difference");
  });

  it("is complete: 27 operations over SOAP, 16 of the Bulk API, 13 of CRM Analytics, 14 collections of Account Engagement", () => {
    const count = CONNECTORS.map(({ title, operations }) => [title, new Set(operations.map(({ name }) => name)).size]);
    assert.deepEqual(count, [["Salesforce SOAP connector", 27], ["Salesforce REST connector", 19], ["Bulk API 2.0", 16], ["CRM Analytics (Wave)", 13], ["Account Engagement (Pardot)", 28], ["Platform events and streaming", 1]]);
  });
});
