import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventEmitter } from "node:events";
import util from "@node-red/util";
import RED from "node-red";
import { held, testBench } from "./test-nodes/test-nodes";

/** A node in the flow of a test, without `z`, which {@link Runtime.deploy} adds. Default: no wires. */
export type FlowNodeConfig = { id: string; type: string; wires?: string[][] } & Record<string, unknown>;

/**
 * A real Node-RED runtime in this process, without editor and HTTP. It has what the flow tracker needs and the test helper does not have: hooks, deploys and logging.
 */
export class Runtime {
  private userDir = "";

  /** @param settings settings in addition to those that all tests need */
  constructor(private readonly settings: object = {}) {}

  async start(): Promise<void> {
    this.userDir = mkdtempSync(join(tmpdir(), "surewire-runtime-"));
    RED.init(undefined as never, {
      userDir: this.userDir,
      nodesDir: join(__dirname, "test-nodes"),
      httpAdminRoot: false,
      httpNodeRoot: false,
      disableEditor: true,
      credentialSecret: "test",
      logging: { console: { level: process.env.SUREWIRE_TEST_LOG ?? "off", metrics: false, audit: false } },
      functionTimeout: 0,
      ...this.settings,
    } as never);
    const started = this.started();
    await RED.start();
    await started;
  }

  async stop(): Promise<void> {
    await RED.stop();
    rmSync(this.userDir, { recursive: true, force: true });
  }

  /** Deploys a flow on one tab. @param type as in the editor's Deploy menu */
  async deploy(nodes: FlowNodeConfig[], type: "full" | "flows" | "nodes" = "full"): Promise<void> {
    const flows = [
      { id: "tab", type: "tab", label: "test" },
      ...nodes.map((node, index) => {
        if (node.type === "tab" || node.type === "subflow" || node.z) return node;
        return { z: "tab", x: 100, y: 40 * index + 40, wires: [], ...node };
      }),
    ];
    const started = this.started();
    await this.flows.setFlows({ deploymentType: type, flows: { flows } } as never);
    await started;
  }

  /** Resolves when the flows have started. `setFlows` resolves when the old flows have stopped, which is before that. */
  private started(): Promise<void> {
    return new Promise((resolve) => (util as unknown as { events: EventEmitter }).events.once("flows:started", () => resolve()));
  }

  /** Deploys a flow and forgets everything from earlier tests. */
  async fresh(nodes: FlowNodeConfig[]): Promise<void> {
    testBench.reset();
    held.length = 0;
    await this.deploy(nodes);
  }

  /** Returns a running node. */
  node<T>(id: string): T {
    return (RED as unknown as { nodes: { getNode(id: string): T } }).nodes.getNode(id);
  }

  private get flows(): { setFlows(options: never): Promise<unknown> } {
    return (RED as unknown as { runtime: { flows: { setFlows(options: never): Promise<unknown> } } }).runtime.flows;
  }
}

/** Returns the warnings of nodes while `run` runs. */
export async function warningsDuring(run: () => Promise<void>): Promise<string[]> {
  const { log } = util as unknown as { log: { addHandler(handler: object): void; removeHandler(handler: object): void } };
  const lines: string[] = [];
  const handler = { emit: (_name: string, entry: { level: number; msg: unknown }) => entry.level === 30 && lines.push(String(entry.msg)) };
  log.addHandler(handler);
  try {
    await run();
  } finally {
    log.removeHandler(handler);
  }
  return lines;
}
