import assert from "node:assert/strict";
import path from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator, type EmulatorOptions } from "../../../emulator/src/index";
import { Runtime } from "../../services/runtime";
import { held, testBench, type TestSource } from "../../services/test-nodes/test-nodes";
import { Orgs } from "../support";

export { waitShortly as waitFor } from "../../services/wait";

export const range = (count: number): string[] => Array.from({ length: count }, (_, index) => `s${index}`);

/** A message that has passed a publish node. */
export interface Passed {
  payload: unknown;
  salesforce: { id: string; success: boolean; eventUuid: string; replayId?: string; errors: unknown[]; results?: { eventUuid: string; replayId?: string }[] };
}

/** A Node-RED for all tests of a suite, and a new org for each: a source, a publish node, and a node that holds what comes out. */
export class PublishSuite {
  readonly runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });
  org!: Emulator;
  private readonly orgs = new Orgs();

  /** Called within a `describe`. @param more what a suite chose of its publish nodes */
  constructor(
    options: EmulatorOptions,
    private readonly more: object = {},
  ) {
    before(() => this.runtime.start());
    beforeEach(async () => (this.org = await this.orgs.start(options)));
    afterEach(async () => {
      for (const one of held.splice(0)) one.go();
      await this.runtime.deploy([]);
      await this.orgs.stop();
    });
    after(() => this.runtime.stop());
  }

  /** @param more what a test chose of the node @returns what takes the messages */
  async deploy(more: object = {}, pubsubEndpoint = this.org.pubsubEndpoint && `http://${this.org.pubsubEndpoint}`): Promise<TestSource> {
    await this.runtime.fresh([
      { id: "source", type: "test-source", retries: 0, wires: [["publish"]] },
      {
        ...{ id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: this.org.url, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } },
        ...(pubsubEndpoint ? { pubsubEndpoint } : {}),
      },
      {
        ...{ id: "publish", type: "surewire-salesforce-publish", org: "org", event: "Device_Alert__e", eventType: "str", fields: "payload", fieldsType: "msg", batchSize: 200, linger: 20, wires: [["end"]] },
        ...this.more,
        ...more,
      },
      { id: "end", type: "test-hold", wires: [[]] },
    ]);
    const source = testBench.sources.get("source");
    assert.ok(source);
    return source;
  }

  get passed(): Passed[] {
    return held.map(({ msg }) => msg as unknown as Passed);
  }

  /** Of the events that the org has. */
  get serials(): unknown[] {
    return this.org.events("Device_Alert__e").map(({ payload }) => payload.Serial__c);
  }
}
