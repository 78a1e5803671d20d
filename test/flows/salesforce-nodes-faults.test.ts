import assert from "node:assert/strict";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import { formDefaults } from "../services/form-defaults";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { brokerNode, deadLetters, inNode, orgNode, publish, scaled, tab, untilEmpty, untilUnsettled } from "./bridge";

const EXTERNAL_ID = "Device_Event_Id__c";
const EVENT = "Reading__e";

const readings = (count: number): { id: string }[] => Array.from({ length: count }, (_, index) => ({ id: `reading-${String(index).padStart(4, "0")}` }));

/** A node as the form of a new one saves it, and what a test changes. */
function node(kind: string, id: string, next: string[], more: Record<string, unknown>): FlowNode {
  const type = `surewire-salesforce-${kind}`;
  return { id, type, ...formDefaults(type, `nodes/salesforce/${kind}/${kind}.html`), org: "org", wires: [next], ...more };
}

describe("a queue through every kind of Salesforce node, while things break", function () {
  this.timeout(scaled(120_000));
  let rabbit: RabbitMq;
  let org: Emulator;
  const nodeRed = new NodeRed();

  before(async () => {
    const schema = [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" as const }] }];
    [rabbit, org] = await Promise.all([sharedRabbit(), startEmulator({ schema }), nodeRed.start()]);
  });
  beforeEach(() => org.control.reset());
  after(async () => {
    await nodeRed.stop();
    await org.stop();
  });

  const cases = (): string[] => org.records("Case").map((record) => String(record[EXTERNAL_ID])).sort();

  it("stores, finds, publishes and requests each message, which becomes one case and at least one event", async () => {
    const sent = readings(300);
    const upsert = { operation: "upsert", object: "Case", externalIdField: EXTERNAL_ID, fields: `{"${EXTERNAL_ID}": payload.id, "Subject": "reading"}`, fieldsType: "jsonata" };
    const query = { query: `SELECT ${EXTERNAL_ID} FROM Case WHERE ${EXTERNAL_ID} = :id` };
    const event = { event: EVENT, fields: `{"Serial__c": payload.${EXTERNAL_ID}}`, fieldsType: "jsonata" };
    await publish(rabbit, "sf_chain", sent);
    org.control.slow({ ms: 20 }); // so that the faults strike in the middle
    await nodeRed.deploy(
      tab(
        ...[brokerNode(rabbit), inNode("sf_chain", ["record"]), orgNode(org.url)],
        node("record", "record", ["query"], upsert),
        node("query", "query", ["publish"], query),
        node("publish", "publish", ["request"], event),
        node("request", "request", [], { preset: "", method: "GET", path: "/limits", pathType: "str" }),
      ),
    );
    const published = (): string[] => org.events(EVENT).map(({ payload }) => String(payload["Serial__c"]));
    await waitFor("the first events", () => published().length > 0);
    await untilUnsettled(rabbit, "sf_chain");
    org.control.expireTokens();
    org.control.resetConnections({ count: 2, when: "after", path: "composite/sobjects" });
    org.control.resetConnections({ count: 1, when: "before", path: "query" });
    await waitFor("the next events", () => published().length > 100);
    org.control.unavailable({ ms: 1500 });
    await untilEmpty(rabbit, "sf_chain");
    assert.deepEqual(cases(), sent.map(({ id }) => id));
    assert.deepEqual([...new Set(published())].sort(), sent.map(({ id }) => id));
    assert.equal(await deadLetters(rabbit, "sf_chain"), 0);
  });

  it("gathers messages to bulk jobs, and each is one case, however often answers are lost", async () => {
    const sent = readings(600);
    await publish(rabbit, "sf_bulk", sent);
    const load = { operation: "upsert", object: "Case", externalIdField: EXTERNAL_ID, fields: `{"${EXTERNAL_ID}": payload.id, "Subject": "reading"}`, fieldsType: "jsonata", linger: 200, pollInterval: 100 };
    for (const when of ["before", "after"] as const) org.control.resetConnections({ count: 1, when, path: "jobs/ingest" });
    await nodeRed.deploy(tab(brokerNode(rabbit), inNode("sf_bulk", ["bulk"], { prefetch: 200 }), orgNode(org.url), node("bulk", "bulk", [], load)));
    await waitFor("the first cases", () => cases().length > 0, { timeout: 30_000 });
    org.control.expireTokens();
    org.control.unavailable({ ms: 1000 });
    await untilEmpty(rabbit, "sf_bulk");
    assert.deepEqual(cases(), sent.map(({ id }) => id));
    assert.equal(await deadLetters(rabbit, "sf_bulk"), 0);
  });
});
