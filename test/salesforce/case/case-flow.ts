import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import caseNode = require("../../../nodes/salesforce/case/case");
import type { CaseResult } from "../../../nodes/salesforce/client/cases/case-item";
import orgNode = require("../../../nodes/salesforce/org/org");
import { waitFor } from "../../services/wait";
import { EXTERNAL_ID } from "../support";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof caseNode;

/** A message behind the case node, or its error behind the catch node. */
export type Passed = NodeMessage & { salesforce?: CaseResult; error?: { code?: string; message: string; source: { id: string } } };

interface Spy {
  args: unknown[][];
}

export const SECRETS = { org: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } };

/** A flow with one case node, and what has come out of it. */
export class CaseFlow {
  readonly passed: Passed[] = [];
  readonly caught: Passed[] = [];

  /** @param saved the flow as it was deployed */
  private constructor(
    readonly node: Node,
    readonly saved: { id: string }[],
  ) {}

  /** Deploys org, case, catch and two ends. @param more other nodes, for example a second org */
  static async deploy(org: Emulator, settings: object = {}, credentials: object = SECRETS, more: object[] = []): Promise<CaseFlow> {
    const mapping = [
      { field: "Subject", value: "payload.subject", valueType: "msg" },
      { field: "Status", value: "payload.status", valueType: "msg" },
      { field: "Origin", value: "payload.origin", valueType: "msg" },
    ];
    const flow = [
      { id: "tab", type: "tab" },
      { id: "org", type: "surewire-salesforce-org", loginUrl: org.url, flow: "client-credentials" },
      { id: "case", z: "tab", type: "surewire-salesforce-case", org: "org", divisions: [], mapping, defaults: [], externalIdField: EXTERNAL_ID,
        externalId: "payload.id", externalIdType: "msg", assignment: "default", batchSize: 200, linger: 50, wires: [["end"]], ...settings },
      { id: "catch", z: "tab", type: "catch", scope: ["case"], wires: [["errors"]] },
      { id: "end", z: "tab", type: "helper" },
      { id: "errors", z: "tab", type: "helper" },
      ...more,
    ];
    // Without a place on a tab Node-RED takes a node for a config node.
    const placed = flow.map((node) => ("z" in node ? { x: 1, y: 1, ...node } : node));
    await helper.load([orgNode, caseNode, catchNode], placed as never, credentials as never);
    const deployed = new CaseFlow(helper.getNode("case"), placed as { id: string }[]);
    helper.getNode("end").on("input", (msg) => void deployed.passed.push(msg as Passed));
    helper.getNode("errors").on("input", (msg) => void deployed.caught.push(msg as Passed));
    return deployed;
  }

  /** A message about an event. */
  static event(id: string, payload: object = {}, more: object = {}): NodeMessage {
    return { payload: { id, subject: `event ${id}`, ...payload }, ...more } as NodeMessage;
  }

  send(...messages: NodeMessage[]): void {
    for (const message of messages) this.node.receive(message);
  }

  sendMany(count: number, prefix = "e", payload: object = {}): void {
    for (let i = 0; i < count; i += 1) this.send(CaseFlow.event(`${prefix}${i}`, payload));
  }

  /** Waits until this many messages are through, well or not. */
  all(count: number): Promise<unknown> {
    return waitFor(`${count} messages to be through`, () => this.passed.length + this.caught.length >= count);
  }

  /** What the node has said of itself, not of a message. */
  get errors(): string[] {
    return (this.node.error as unknown as Spy).args.flatMap(([text, msg]) => (msg === undefined ? String(text) : []));
  }

  get statuses(): { fill?: string; text?: string }[] {
    return (this.node.status as unknown as Spy).args.map(([status]) => status as { fill?: string; text?: string });
  }
}
