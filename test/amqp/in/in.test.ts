import assert from "node:assert/strict";
import amqpIn from "../../../nodes/amqp/in/in";
import type { ConnectorError } from "../../../nodes/common/errors";
import { helperNodes, type Shown } from "../../services/helper-nodes";
import { waitFor } from "../../services/wait";
import { nodeBench } from "../node-bench";
import { unique } from "../support";


describe("the amqp in node", function () {
  this.timeout(60_000);
  const bench = nodeBench([amqpIn]);
  const { received } = bench;

  async function load(more: object): Promise<void> {
    await bench.load([
      bench.broker(),
      { id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue: "", inputs: 1, wires: [["end"]], ...more },
      { id: "end", z: "tab", type: "test-end" },
    ]);
  }

  const errors = (): ConnectorError[] => helperNodes.errors("in");
  /** What it has logged of itself, and not of a message. */
  const lines = (): unknown[] => helperNodes.errors<unknown>("in").filter((line) => typeof line === "string");
  const status = (): Shown => helperNodes.status("in");
  const say = (msg: object): void => helperNodes.send("in", msg);
  const shows = (what: string): Promise<boolean> => waitFor(`the status ${what}`, () => status().text === what);

  it("pauses and resumes when a message says so, and lets what is in the flow finish", async () => {
    const queue = await bench.plain.makeQueue(unique("control"));
    let finish: () => void = () => undefined;
    bench.work = () => new Promise<void>((resolve) => (finish = resolve));
    await load({ queue, declare: "existing" });
    await bench.plain.send(queue, ["in the flow"]);
    await waitFor("the message", () => received.length === 1);
    say({ action: "pause" });
    await shows("in.status.paused-flow");
    finish();
    await shows("in.status.paused");
    await bench.empty(queue);
    await bench.plain.send(queue, ["later"]);
    assert.deepEqual(await bench.plain.count(queue), { messages: 1, consumers: 0 });
    say({ action: "resume" });
    await waitFor("the next", () => received.length === 2);
    finish();
    await shows(queue);
    assert.deepEqual(errors(), []);
  });

  for (const action of [undefined, "stop", { pause: true }]) {
    it(`refuses the action ${JSON.stringify(action)}, and goes on`, async () => {
      const queue = await bench.plain.makeQueue(unique("wrong-action"));
      await load({ queue, declare: "existing" });
      await shows(queue);
      say({ action });
      await waitFor("the error", () => errors().length === 1);
      assert.equal(errors()[0]?.code, "INPUT_INVALID");
      assert.match(String(errors()[0]?.message), /msg\.action must be "pause" or "resume"/);
      await bench.plain.send(queue, ["x"]);
      await waitFor("the message", () => received.length === 1);
    });
  }

  it("answers control messages with what is wrong while it is not configured", async () => {
    await load({ queue: "q", broker: "" });
    say({ action: "pause" });
    await waitFor("the error", () => errors().some(({ code }) => code === "NOT_CONFIGURED"));
    assert.equal(status().fill, "red");
    assert.deepEqual(lines(), ["NOT_CONFIGURED: No broker is chosen: choose one in the node's form"]);
  });

  it("logs the full reason for a standstill once, and again if it has worked in between", async () => {
    const queue = unique("a-queue-whose-name-does-not-fit-under-a-node");
    await load({ queue, declare: "existing" });
    await waitFor("the line", () => lines().length === 1);
    await waitFor("the status", () => status().fill === "red");
    await bench.plain.makeQueue(queue);
    await waitFor("it to consume", () => status().fill === "green");
    await bench.plain.deleteQueue(queue);
    await waitFor("the last line", () => lines().length === 3);
    const [first, ended, last] = lines();
    assert.match(String(first), new RegExp(`^QUEUE_UNAVAILABLE: .*no queue '${queue}'`));
    assert.match(String(ended), /^QUEUE_UNAVAILABLE: The broker ended the consumer/);
    assert.equal(last, first);
  });

  it("shows how many messages are in the flow", async () => {
    const queue = await bench.plain.makeQueue(unique("counted"));
    const finish: (() => void)[] = [];
    bench.work = () => new Promise<void>((resolve) => finish.push(resolve));
    await load({ queue, declare: "existing" });
    await shows(queue);
    await bench.plain.send(queue, ["1", "2"]);
    await shows("in.status.flow");
    await waitFor("both", () => finish.length === 2);
    for (const end of finish) end();
    await shows(queue);
  });

  it("reads a stream, and goes on where it was when it is deployed again", async () => {
    const queue = await bench.plain.makeQueue(unique("stream-node"), { "x-queue-type": "stream" });
    await bench.plain.send(queue, ["1", "2", "3"]);
    await load({ queue, queueType: "stream" });
    await waitFor("all", () => received.length === 3);
    await shows(queue);
    await helperNodes.unload();
    await bench.plain.send(queue, ["4"]);
    await load({ queue, queueType: "stream" });
    await waitFor("the next", () => received.length === 4);
    assert.deepEqual(received.map(({ payload }) => payload), ["1", "2", "3", "4"]);
  });
});
