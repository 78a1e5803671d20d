import assert from "node:assert/strict";
import amqpGet from "../../../nodes/amqp/get/get";
import type { ConnectorError } from "../../../nodes/common/errors";
import { helperNodes, type Shown } from "../../services/helper-nodes";
import { waitFor } from "../../services/wait";
import { nodeBench } from "../node-bench";
import { unique } from "../support";


/** Messages that wait for the test to let them go, with the node that has them. */
const held: { node: string; msg: Record<string, unknown>; go(): void }[] = [];

describe("the amqp get node", function () {
  this.timeout(60_000);
  afterEach(() => {
    for (const one of held.splice(0)) one.go(); // else the end of the flow waits for them
  });
  const bench = nodeBench<Record<string, unknown>>([amqpGet]);
  beforeEach(() => {
    bench.work = (msg, node) => new Promise<void>((resolve) => held.push({ node, msg, go: resolve }));
  });

  const load = (more: object): Promise<void> =>
    bench.load([
      bench.broker(),
      { id: "get", z: "tab", type: "surewire-amqp-get", broker: "broker", queueType: "classic", wires: [["message"], ["empty"]], ...more },
      { id: "message", z: "tab", type: "test-end" },
      { id: "empty", z: "tab", type: "test-end" },
    ]);
  const inject = (msg: object): void => helperNodes.send("get", msg);
  const errors = (): ConnectorError[] => helperNodes.errors("get");
  const status = (): Shown => helperNodes.status("get");

  it("makes its queue, shows it, and says how many messages are in the flow", async () => {
    const queue = unique("node");
    await load({ queue, count: 5 });
    await waitFor("the queue", () => status().text === queue);
    assert.deepEqual(await bench.plain.count(queue), { messages: 0, consumers: 0 });
    await bench.plain.send(queue, ["a"]);
    inject({ payload: 1 });
    await waitFor("the message", () => held.length === 1 && status().text === "get.status.working");
    assert.deepEqual([held[0]?.node, held[0]?.msg.payload], ["message", "a"]);
    held.splice(0)[0]?.go();
    await waitFor("the queue's name again", () => status().text === queue);
    inject({ payload: 2 });
    await waitFor("the trigger", () => held.length === 1);
    assert.deepEqual([held[0]?.node, held[0]?.msg.payload], ["empty", 2]);
  });

  it("keeps the request of an HTTP flow as it is on every message", async () => {
    const queue = await bench.plain.makeQueue(unique("http"), { "x-queue-type": "classic" });
    await load({ queue, count: 2 });
    await bench.plain.send(queue, ["a", "b"]);
    const request = { socket: {} };
    inject({ payload: 1, req: request, res: {} });
    await waitFor("both", () => held.length === 2);
    assert.ok(held.every(({ msg }) => msg.req === request));
  });

  for (const [type, count, expected] of [
    ["msg", "wanted.count", 2],
    ["jsonata", "$sum(list)", 3],
  ] as const) {
    it(`takes as many as a ${type} value says, and refuses what is no number of messages`, async () => {
      const queue = await bench.plain.makeQueue(unique("count"), { "x-queue-type": "classic" });
      await load({ queue, count, countType: type });
      await bench.plain.send(queue, ["a", "b", "c", "d"]);
      inject({ wanted: { count: "none" }, list: [] });
      await waitFor("the refusal", () => errors().length === 1);
      assert.equal(errors()[0]?.code, "INPUT_INVALID");
      inject({ wanted: { count: 2 }, list: [1, 2] });
      await waitFor("the messages", () => held.length === expected);
      assert.equal((await bench.plain.count(queue)).messages, 4 - expected);
    });
  }

  for (const [what, more] of Object.entries({
    "no broker": { queue: "q", broker: "" },
    "no queue": { queue: " " },
    "no number of messages": { queue: "q", count: "0" },
    "a stream to make": { queue: "q", queueType: "stream" },
  })) {
    it(`turns red with ${what}, and fails every trigger`, async () => {
      await load(more);
      assert.equal(status().fill, "red");
      inject({ payload: 1 });
      await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    });
  }
});
