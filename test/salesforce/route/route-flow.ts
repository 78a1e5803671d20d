import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import path from "node:path";
import util from "@node-red/util";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator, type EmulatorOptions } from "../../../emulator/src/index";
import type { RoutePayload } from "../../../nodes/salesforce/client/routing/outgoing";
import { formDefaults } from "../../services/form-defaults";
import { type FlowNodeConfig, Runtime } from "../../services/runtime";
import { testBench, type TestSource } from "../../services/test-nodes/test-nodes";
import { waitFor as waitUntil } from "../../services/wait";

export const SKILLS = "ObjectRouting_Skills__c";

/** An org whose cases can be routed and marked. */
export const ORG: EmulatorOptions = {
  schema: [
    {
      name: "Case",
      fields: [
        { name: SKILLS, type: "string", length: 1000 },
        { name: "Interaction__c", type: "string", length: 80 },
        { name: "Routed_At__c", type: "datetime" },
        { name: "Work_Group__c", type: "string", length: 80 },
      ],
    },
    { name: "Queue_Route__c", fields: [{ name: "Queue__c", type: "string", length: 80 }, { name: "Work_Group__c", type: "string", length: 80 }] },
    {
      name: "Routing__c",
      fields: [
        { name: "Case__c", type: "reference", referenceTo: ["Case"] },
        { name: "Interaction__c", type: "string", length: 80 },
      ],
    },
  ],
};

export const ROUTES = [
  { queue: "Pumps", workgroup: "wg.pumps" },
  { queue: "Valves", workgroup: "wg.valves" },
];

export const waitFor = (what: string, condition: () => boolean, timeout = 30_000): Promise<boolean> => waitUntil(what, condition, { timeout, interval: 3 });

export function makeRuntime(): Runtime {
  return new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes", "sql-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });
}

/** What a node shows while the tests of a `describe` run, as `colour text`; texts of the catalogue are their keys. Forgotten before each test. */
export function watchStatuses(node: string): string[] {
  const { events } = util as unknown as { events: EventEmitter };
  const statuses: string[] = [];
  const note = ({ id, status }: { id: string; status?: { text?: string; fill?: string } }): void => {
    if (id === node && status?.text) statuses.push(`${status.fill} ${status.text}`);
  };
  before(() => void events.on("node-status", note));
  beforeEach(() => void (statuses.length = 0));
  after(() => void events.removeListener("node-status", note));
  return statuses;
}

export type Output = "create" | "update" | "disconnect";
export const OUTPUTS: readonly Output[] = ["create", "update", "disconnect"];

/** A flow around a route node: a source of events and answers before it, something that sees each output behind. */
export class RouteFlow {
  private count = 0;

  constructor(
    readonly runtime: Runtime,
    readonly org: Emulator,
  ) {}

  nodes(settings: object = {}, behind: FlowNodeConfig[] = OUTPUTS.map((id) => ({ id, type: "test-see", wires: [[]] }))): FlowNodeConfig[] {
    return [
      { id: "source", type: "test-source", retries: 0, wires: [["route"]] },
      { id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: this.org.url, pubsubEndpoint: this.org.pubsubEndpoint && `http://${this.org.pubsubEndpoint}`, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } },
      { id: "route", type: "surewire-salesforce-route", org: "org", routes: ROUTES, startQuery: false, retries: 0, retryDelay: 10, retryMaxDelay: 10, wires: behind.slice(0, 3).map(({ id }) => [id]), ...settings },
      ...behind,
    ];
  }

  /** A listener to all changes before the route node. @param more what a test chose of it */
  listener(more: object = {}): FlowNodeConfig[] {
    return [
      {
        id: "listen", type: "surewire-salesforce-listen", ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
        org: "org", channel: "/data/ChangeEvents", retries: 20, retryDelay: 20, retryMaxDelay: 200, wires: [["route"], ["dead"]], ...more,
      },
      { id: "dead", type: "test-see", wires: [[]] },
    ];
  }

  async deploy(settings: object = {}, behind?: FlowNodeConfig[]): Promise<void> {
    await this.runtime.fresh(this.nodes(settings, behind));
  }

  get source(): TestSource {
    const found = testBench.sources.get("source");
    assert.ok(found, "the flow has no source");
    return found;
  }

  get settlements(): TestSource["settled"] {
    return this.source.settled;
  }

  /** Sends a payload and waits for how its delivery ends: an outcome, or the code of the error it ended with. */
  async take(payload: object): Promise<string> {
    const { source } = this; // a deploy puts another in its place
    const before = source.settled.length;
    source.take(payload);
    await waitFor("the end of a delivery", () => source.settled.length > before);
    const settlement = source.settled[before]?.settlement;
    return settlement?.error ? `${settlement.outcome} ${settlement.error.code}` : (settlement?.outcome ?? "");
  }

  /** A change event, as it comes from the org. */
  change(entityName: string, changeType: string, recordIds: string[], header: object = {}, fields: object = {}): object {
    this.count += 1;
    const { changedFields = [], ...more } = header as { changedFields?: string[] };
    return { ChangeEventHeader: { entityName, changeType, recordIds, changedFields, transactionKey: `t${this.count}`, sequenceNumber: 1, commitUser: "005000000000000AAA", ...more }, ...fields };
  }

  created(...ids: string[]): object {
    return this.change("Case", "CREATE", ids);
  }

  ownerChanged(id: string, by?: string): object {
    return this.change("Case", "UPDATE", [id], { changedFields: ["OwnerId", "LastModifiedDate"], ...(by ? { commitUser: by } : {}) });
  }

  updated(id: string): object {
    return this.change("Case", "UPDATE", [id], { changedFields: ["Status", "LastModifiedDate"] });
  }

  comment(caseId: string, by: string): object {
    return this.change("CaseComment", "CREATE", ["00a000000000001AAA"], { commitUser: by }, { ParentId: caseId, CreatedById: by });
  }

  email(caseId: string, incoming: boolean): object {
    return this.change("EmailMessage", "CREATE", ["02s000000000001AAA"], {}, { ParentId: caseId, Incoming: incoming });
  }

  answer(caseId: string, interactionId: string, status = "created"): object {
    return { caseId, interactionId, status };
  }

  /** A case in the org. */
  insert(fields: object): string {
    const [id] = this.org.control.insert({ object: "Case", records: [{ Subject: "hot pump", ...fields }] }).ids;
    assert.ok(id);
    return id;
  }

  seen(output: Output): RoutePayload[] {
    return testBench.seen.filter(({ node }) => node === output).map(({ payload }) => payload as RoutePayload);
  }

  /** All that was put out, in short, in order. */
  get out(): string[] {
    return testBench.seen.map(({ payload }) => {
      const { action, workgroup, reason, interactionId } = payload as RoutePayload;
      return [action, workgroup, reason, interactionId].filter(Boolean).join(" ");
    });
  }

  forget(): void {
    testBench.seen.length = 0;
  }
}
