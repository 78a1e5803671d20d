import { existsSync, symlinkSync } from "node:fs";
import path from "node:path";
import { NodeRed, type FlowNode } from "../../test/services/node-red";
import { waitFor } from "../../test/services/wait";

/** Node-RED in a process of its own, with the nodes of `process-nodes` beside the pack. */
export class BenchNodeRed extends NodeRed {
  /** Deploys a flow that ends by its node's line in the log. @returns the seconds it took, as that node measured */
  async run(flow: FlowNode[]): Promise<number> {
    const before = this.results().length;
    await this.deploy(flow);
    await waitFor("the flow to be through", () => this.results().length > before, { timeout: 120_000, interval: 50 });
    return this.results().at(-1) ?? 0;
  }

  protected override async prepare(): Promise<void> {
    await super.prepare();
    const folder = path.join(this.userDir, "nodes");
    if (!existsSync(folder)) symlinkSync(path.join(__dirname, "../process-nodes"), folder);
  }

  private results(): number[] {
    return [...this.log.matchAll(/ bench ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds));
  }
}
