import assert from "node:assert/strict";
import type { NodeAPI } from "node-red";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import amqpIn from "../../../nodes/amqp/in/in";
import type { DeadLetter } from "../../../nodes/amqp/redrive/dead-letter";
import amqpRedrive from "../../../nodes/amqp/redrive/redrive";
import type { RedriveReport } from "../../../nodes/amqp/redrive/report";
import type { ConnectorError } from "../../../nodes/common/errors";
import { registry } from "../../../nodes/delivery/tracker/registry";
import { helperNodes, type Row, type Shown } from "../../services/helper-nodes";
import { waitFor } from "../../services/wait";
import { nodeBench } from "../node-bench";
import { text, unique } from "../support";

// no types are published for Node-RED's own nodes
const join = require("@node-red/nodes/core/sequence/17-split.js") as (RED: NodeAPI) => void; // eslint-disable-line @typescript-eslint/no-require-imports

type Received = Record<string, unknown> & { _msgid: string };

describe("amqp redrive", function () {
  this.timeout(60_000);
  const bench = nodeBench<Received>([amqpIn, amqpRedrive, join]);
  const receivedBy = (id: string): Received[] => bench.receivedBy.get(id) ?? [];

  const redrive = (queue: string, more: object = {}): Row => ({ id: "redrive", z: "tab", type: "surewire-amqp-redrive", broker: "broker", queue, wires: [["report"], ["letters"]], ...more });
  const ends: Row[] = ["end", "report", "letters"].map((id) => ({ id, z: "tab", type: "test-end" }));

  const load = (nodes: Row[]): Promise<void> => bench.load([...nodes, ...ends]);
  const start = (msg: object = {}): void => helperNodes.send("redrive", { payload: "start", ...msg });
  const errors = (): ConnectorError[] => helperNodes.errors("redrive");
  const lastStatus = (): Shown => helperNodes.status("redrive");

  async function report(index = 0): Promise<RedriveReport> {
    return (await waitFor("the report", () => receivedBy("report")[index])).payload as RedriveReport;
  }

  /** Dead letters that say where they came from. */
  async function dead(name: string, contents: string[]): Promise<{ queue: string; dlq: string }> {
    const queue = await bench.plain.makeQueue(unique(name), { "x-queue-type": "classic" });
    const dlq = await bench.plain.makeQueue(`${queue}.dlq`, { "x-queue-type": "classic" });
    await bench.plain.send(dlq, contents, { headers: { "x-original-queue": queue } });
    return { queue, dlq };
  }

  it("puts back what a flow has failed on, which then works on it as the first time", async () => {
    const queue = unique("mended");
    const exchange = `${queue}.plant`;
    bench.work = ({ amqp }) => {
      if (amqp) throw new Error("the machine is on fire");
    };
    const input = { id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue, bindings: [{ exchange, routingKey: "line.#" }], retryDelay: 20, retries: 1, wires: [["end"]] };
    await load([bench.broker(), input, redrive(`${queue}.dlq`)]);
    await waitFor("the consumer", async () => (await bench.plain.count(queue)).consumers === 1);
    await bench.plain.publish(exchange, "line.7", '{"a":1}', { contentType: "application/json", messageId: "m1", headers: { mine: "kept" } });
    await waitFor("the dead letter", async () => (await bench.plain.count(`${queue}.dlq`)).messages === 1);
    const attempts = (): number[] => receivedBy("end").map(({ delivery }) => (delivery as { attempt: number }).attempt);
    assert.deepEqual(attempts(), [1, 2]);

    start({ other: "kept" }); // still on fire
    assert.deepEqual({ ...(await report()), seconds: 0 }, { moved: 1, parked: 0, skipped: 0, failed: 0, left: 0, dryRun: false, seconds: 0, errors: [] });
    assert.equal(receivedBy("report")[0]?.other, "kept");
    await waitFor("it to fail again", async () => (await bench.plain.count(`${queue}.dlq`)).messages === 1);
    assert.deepEqual(attempts(), [1, 2, 1, 2]);

    bench.work = () => undefined;
    start();
    await waitFor("it to be worked on", () => receivedBy("end").length === 5);
    const { payload, topic, delivery, amqp } = receivedBy("end")[4] as unknown as QueueMessage;
    assert.deepEqual([payload, topic, amqp.exchange, amqp.routingKey, amqp.queue], [{ a: 1 }, "line.7", exchange, "line.7", queue]);
    assert.equal((delivery as { attempt: number }).attempt, 1);
    assert.deepEqual([amqp.properties.messageId, amqp.headers.mine, amqp.headers["x-redriven"]], ["m1", "kept", 2]);
    assert.equal((await bench.plain.count(`${queue}.dlq`)).messages, 0);
  });

  it("shows dead letters, of which Join makes one list", async () => {
    const { dlq } = await dead("look", ["a", "b", "c"]);
    const joined = { id: "gather", z: "tab", type: "join", mode: "auto", build: "array", property: "payload", propertyType: "msg", wires: [["letters"]] };
    await load([bench.broker(), redrive(dlq, { dryRun: "look", dryRunType: "msg", wires: [["report"], ["gather"]] }), joined]);
    start({ look: true });
    assert.deepEqual({ ...(await report()), seconds: 0 }, { moved: 0, parked: 0, skipped: 0, failed: 0, left: 3, found: 3, dryRun: true, seconds: 0, errors: [] });
    const [list] = await waitFor("the list", () => bench.receivedBy.get("letters"));
    assert.deepEqual(list?.payload, ["a", "b", "c"]);
    assert.equal((list?.deadLetter as DeadLetter).redriven, 0);
    await waitFor("the status", () => lastStatus().text === "redrive.status.looked");
    assert.equal((await bench.plain.count(dlq)).messages, 3);
  });

  it("goes by limit, filter and target, from the form or from the message", async () => {
    const { queue, dlq } = await dead("choose", ["0", "1", "2", "3", "4"]);
    const target = await bench.plain.makeQueue(unique("elsewhere"), { "x-queue-type": "classic" });
    await load([
      bench.broker(),
      redrive(dlq, { limit: "howMany", limitType: "msg", filter: "$number(payload) > 1 and queue = $globalContext('none') = false", target: "given", targetRoutingKey: "to", targetRoutingKeyType: "msg" }),
    ]);
    start({ howMany: 2, to: target });
    const { moved, skipped, left } = await report();
    assert.deepEqual({ moved, skipped, left }, { moved: 2, skipped: 2, left: 3 });
    assert.deepEqual([text(await bench.plain.get(target)), text(await bench.plain.get(target))], ["2", "3"]);
    assert.equal((await bench.plain.count(queue)).messages, 0);
    await waitFor("the status", () => lastStatus().text === "redrive.status.moved" && lastStatus().fill === "green");
  });

  it("refuses a second run while one is under way, and runs again afterwards", async () => {
    const { dlq } = await dead("twice", ["0", "1", "2", "3"]);
    await load([bench.broker(), redrive(dlq, { rate: "20" })]);
    start();
    start();
    await waitFor("the error", () => errors().length === 1);
    assert.equal(errors()[0]?.code, "OVERLOADED");
    assert.equal((await report()).moved, 4);
    start();
    assert.deepEqual([(await report(1)).moved, receivedBy("report").length], [0, 2]);
    assert.equal(errors().length, 1);
  });

  it("begins no run for a message whose delivery was settled: its copy comes", async () => {
    const { dlq } = await dead("closed", ["0"]);
    const queue = await bench.plain.makeQueue(unique("trigger"), { "x-queue-type": "classic" });
    const input = { id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue, settle: "node", wires: [["end"]] };
    await load([bench.broker(), input, redrive(dlq)]);
    await bench.plain.send(queue, ["go"]);
    const stale = await waitFor("the trigger", () => receivedBy("end")[0]);
    const delivery = registry.find((stale.delivery as { id: string }).id);
    assert.ok(delivery && delivery !== "closed");
    delivery.settle({ outcome: "release" });
    start({ delivery: stale.delivery });
    start(); // would be refused if a run were under way
    assert.equal((await report()).moved, 1);
    assert.deepEqual([errors(), receivedBy("report").length], [[], 1]);
  });

  for (const [what, row, msg] of [
    ["a limit that is none", { limit: "howMany", limitType: "msg" }, { howMany: "some" }],
    ["no place to go to", { target: "given", targetExchange: "to", targetExchangeType: "msg" }, {}],
  ] as const) {
    it(`refuses a message with ${what}`, async () => {
      const { dlq } = await dead("refuse", ["a"]);
      await load([bench.broker(), redrive(dlq, row)]);
      start(msg);
      await waitFor("the error", () => errors()[0]?.code === "INPUT_INVALID");
      assert.equal((await bench.plain.count(dlq)).messages, 1);
      await waitFor("the status", () => lastStatus().fill === "red");
    });
  }

  for (const [what, row] of Object.entries({ "no broker": { broker: "" }, "no queue": { queue: "" }, "a filter that is no JSONata": { filter: "(" }, "a rate that is none": { rate: "fast" } })) {
    it(`turns red with ${what}, and fails every message`, async () => {
      await load([bench.broker(), redrive("q.dlq", row)]);
      assert.equal(lastStatus().fill, "red");
      start();
      await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    });
  }

  it("says what is wrong with the queue", async () => {
    await load([bench.broker(), redrive(unique("missing"))]);
    start();
    await waitFor("the error", () => errors()[0]?.code === "QUEUE_UNAVAILABLE");
    await waitFor("the status", () => lastStatus().fill === "red");
  });

  it("gives back what it holds when it is redeployed in the middle of a run", async () => {
    const contents = Array.from({ length: 20 }, (_, index) => String(index));
    const { queue, dlq } = await dead("redeploy", contents);
    await load([bench.broker(), redrive(dlq, { rate: "20", filter: "payload != '0'" })]);
    start();
    await waitFor("the first", async () => (await bench.plain.count(queue)).messages >= 2);
    await helperNodes.unload();
    const [there, back] = [(await bench.plain.count(queue)).messages, (await bench.plain.count(dlq)).messages];
    assert.ok(there < 19, `${there} moved`);
    assert.equal(there + back, 20);
    assert.equal(text(await bench.plain.get(dlq)), "0");
  });
});
