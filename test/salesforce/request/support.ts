import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import orgNode = require("../../../nodes/salesforce/org/org");
import requestNode = require("../../../nodes/salesforce/request/request");

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof requestNode;

/** The business unit of the emulator. */
export const BUSINESS_UNIT = "0Uv000000000001CAA";

/** What comes out of a request node, or of the Catch node behind it. */
export type Answered = NodeMessage & {
  salesforce?: { statusCode: number; headers: Record<string, string>; errors?: { statusCode: string }[]; body?: string; parts?: { part: string; status: number }[] };
  error?: { code?: string; message: string };
};

/** Settings a request node has when its form is left alone. */
const DEFAULTS = {
  org: "org", preset: "", method: "GET", path: "/limits", pathType: "str", host: "org", engagementUrl: "https://pi.pardot.com", businessUnitId: "",
  headers: [], body: "payload", bodyType: "msg", returns: "json", safeToRepeat: false, failOnPartErrors: true, concurrency: 4,
  dataset: "", datasetLabel: "", datasetOperation: "Overwrite", datasetMetadata: "", datasetMetadataType: "json", datasetWait: 600_000,
};

helper.init(require.resolve("node-red"));

/** A flow of request nodes, one Catch and two ends, against one org. */
export class RequestFlow {
  readonly passed: Answered[] = [];
  readonly caught: Answered[] = [];
  private readonly waiting = new Map<string, (answer: Answered) => void>();
  private count = 0;

  /** Deploys a request node for each of `nodes`, whose keys are their ids. */
  async deploy(org: Emulator, nodes: Record<string, object>, orgSettings: object = {}, credentials?: object): Promise<void> {
    const requests = Object.entries(nodes).map(([id, settings]) => ({ id, z: "tab", type: "surewire-salesforce-request", wires: [["end"]], ...DEFAULTS, engagementUrl: org.url, ...settings }));
    const flow = [
      { id: "tab", type: "tab" },
      { id: "org", type: "surewire-salesforce-org", loginUrl: org.url, flow: "client-credentials", apiVersion: "66.0", ...orgSettings },
      ...requests,
      { id: "catch", z: "tab", type: "catch", scope: null, wires: [["errors"]] },
      { id: "end", z: "tab", type: "helper" },
      { id: "errors", z: "tab", type: "helper" },
    ];
    // Without a place on a tab Node-RED takes a node for a config node.
    const placed = flow.map((node) => ("z" in node ? { x: 1, y: 1, ...node } : node));
    const secrets = { org: credentials ?? { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } };
    await helper.load([orgNode, requestNode, catchNode], placed as never, secrets as never);
    this.passed.length = 0;
    this.caught.length = 0;
    helper.getNode("end").on("input", (msg) => this.keep(this.passed, msg));
    helper.getNode("errors").on("input", (msg) => this.keep(this.caught, msg));
  }

  node(id: string): Node {
    return helper.getNode(id);
  }

  /** Sends a message and gives what became of it: it came through, or was caught with `error`. */
  send(id: string, msg: object = {}): Promise<Answered> {
    const _msgid = `m${(this.count += 1)}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${id} within 30 s`)), 30_000);
      this.waiting.set(_msgid, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.node(id).receive({ _msgid, ...msg } as NodeMessage);
    });
  }

  private keep(list: Answered[], msg: Answered): void {
    list.push(msg);
    const id = msg._msgid ?? "";
    this.waiting.get(id)?.(msg);
    this.waiting.delete(id);
  }
}
