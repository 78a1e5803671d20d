import path from "node:path";
import RED from "node-red";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import { REQUEST_PRESETS } from "../../../nodes/salesforce/client/requests/request-presets";
import { formDefaults } from "../../services/form-defaults";
import { type FlowNodeConfig, Runtime } from "../../services/runtime";
import { held } from "../../services/test-nodes/test-nodes";
import { waitFor } from "../../services/wait";
import { Orgs } from "../support";
import { ANALYTICS } from "./analytics";
import { ENGAGEMENT } from "./engagement";
import type { Answered, Operation } from "./operation";
import { CONNECTORS } from "./operations";
import { EVENT } from "./platform-events";
import { World } from "./world";

/** What a node behind a Catch node, or behind the operation's own, has in its hands. */
type Message = Answered & { trial: string };

/** A node for every operation, deployed in a real Node-RED, and the org they call. */
export class Stage {
  private readonly runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });
  private readonly orgs = new Orgs();
  private trials = 0;
  world!: World;

  async start(): Promise<void> {
    const org = await this.orgs.start({ schema: [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" }] }] });
    this.declare(org);
    const orgDefaults = formDefaults("surewire-salesforce-org", "nodes/salesforce/org/org.html");
    this.world = new World(org, String(orgDefaults.apiVersion));
    await this.runtime.start();
    const credentials = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    await this.runtime.fresh([
      { id: "org", z: "tab", type: "surewire-salesforce-org", ...orgDefaults, loginUrl: org.url, flow: "client-credentials", credentials },
      ...CONNECTORS.flatMap(({ operations }, group) => operations.map((operation, index) => this.nodeFor(operation, `${group}-${index}`))),
      { id: "catch", type: "catch", scope: null, uncaught: false, wires: [["end"]] },
      { id: "end", type: "test-hold" },
    ]);
  }

  /** The org as it was at the start: no records, rules or sessions. */
  reset(): void {
    const { org } = this.world;
    org.control.reset();
    this.declare(org);
    this.world.signOut();
  }

  async stop(): Promise<void> {
    await this.runtime.stop();
    await this.orgs.stop();
  }

  /**
   * What becomes of a message.
   *
   * @param id of the node: place of the connector and of the operation, `0-3`
   */
  async send(id: string, msg: object): Promise<Answered> {
    const trial = `trial ${(this.trials += 1)}`;
    const { nodes } = RED as unknown as { nodes: { getNode(id: string): { receive(msg: object): void } | null } };
    nodes.getNode(id)?.receive({ ...msg, trial });
    const answer = await waitFor(`an answer of ${id}`, () => held.find((one) => (one.msg as Message).trial === trial), { interval: 2 });
    held.splice(held.indexOf(answer), 1);
    answer.go();
    return answer.msg as Message;
  }

  private declare(org: Emulator): void {
    org.control.declare({ analytics: ANALYTICS, accountEngagement: ENGAGEMENT as never });
  }

  /** The node as the editor saves it when nothing but the operation's settings was touched. */
  private nodeFor({ node, settings }: Operation, id: string): FlowNodeConfig {
    const type = `surewire-salesforce-${node}`;
    const preset = REQUEST_PRESETS.find((each) => each.id === settings.preset);
    const filled = preset ? { method: preset.method, path: preset.path } : {};
    const pace = { linger: 1, pollInterval: 10, retries: 0 };
    return { id, type, ...formDefaults(type, `nodes/salesforce/${node}/${node}.html`), org: "org", engagementUrl: this.world.org.url, ...pace, ...filled, ...settings, wires: [["end"]] };
  }
}
