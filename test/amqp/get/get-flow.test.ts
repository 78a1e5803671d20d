import assert from "node:assert/strict";
import { join } from "node:path";
import type { RabbitMq } from "../../services/rabbitmq";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { sharedRabbit } from "../../services/shared";
import { held, seenAt, theSource as trigger } from "../../services/test-nodes/test-nodes";
import { waitFor } from "../../services/wait";
import { Plain, unique } from "../support";

const runtime = new Runtime({ nodesDir: ["test-nodes", "amqp-nodes"].map((folder) => join(__dirname, "../../services", folder)) });

const source: FlowNodeConfig = { id: "source", type: "test-source", wires: [["get"]] };
const see = (id: string, ...wires: string[]): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const hold = (id: string): FlowNodeConfig => ({ id, type: "test-hold" });

const outcomes = (): string[] => trigger().settled.map(({ settlement }) => settlement.outcome);
const look = { interval: 5 };

describe("amqp get in a flow", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    await runtime.start();
  });
  after(async () => {
    await runtime.stop();
    await plain.close();
  });

  /** Deploys a flow around an `amqp get` with these wires, from a queue with these messages. @returns the queue */
  async function flow(contents: string[], wires: string[][], nodes: FlowNodeConfig[], more: object = {}): Promise<string> {
    const queue = unique("flow");
    await plain.makeQueue(queue, { "x-queue-type": "classic" });
    await plain.send(queue, contents);
    const broker = { id: "broker", type: "surewire-amqp-broker", z: "tab", urls: [rabbit.url], credentials: { username: "guest", password: "guest" } };
    const get = { id: "get", type: "surewire-amqp-get", broker: "broker", queue, queueType: "classic", retryDelay: 60_000, wires, ...more };
    await runtime.fresh([broker as FlowNodeConfig, source, get, ...nodes]);
    return queue;
  }

  /** Ready messages; those in the flow do not count. */
  const left = async (queue: string): Promise<number> => (await plain.count(queue)).messages;

  it("keeps the trigger's delivery open until all it took is settled", async () => {
    const queue = await flow(["a", "b"], [["hold"], []], [hold("hold")], { count: 5 });
    trigger().take("go");
    await waitFor("both messages", () => held.length === 2, look);
    held[0]?.go();
    await waitFor("the flow to be quiet but for one", () => trigger().source.openCount === 1, look);
    assert.deepEqual(outcomes(), []);
    held[1]?.go();
    await waitFor("the trigger's end", () => outcomes().length === 1, look);
    assert.deepEqual(outcomes(), ["accept"]);
    assert.equal(await left(queue), 0);
  });

  it("lets each message fail alone: the trigger does not fail with a message that it took", async () => {
    const queue = await flow(["a", "b"], [["hold"], []], [hold("hold")], { count: 2, retries: 0 });
    trigger().take("go");
    await waitFor("both messages", () => held.length === 2, look);
    held[0]?.fail(new Error("broken"));
    held[1]?.go();
    await waitFor("the trigger's end", () => outcomes().length === 1, look);
    assert.deepEqual(outcomes(), ["accept"]);
    const dead = await plain.get(`${queue}.dlq`);
    assert.deepEqual([dead.content.toString(), dead.properties.headers?.["x-error-message"]], ["a", "broken"]);
  });

  it("sends the trigger, as part of its own delivery, along the second output when the queue is empty", async () => {
    await flow([], [["see"], ["hold"]], [see("see"), hold("hold")]);
    trigger().take("go");
    await waitFor("the trigger", () => held.length === 1, look);
    assert.equal((held[0]?.msg as { payload: unknown }).payload, "go");
    held[0]?.fail(new Error("nothing there"));
    await waitFor("the trigger's end", () => outcomes().length === 1, look);
    assert.deepEqual(outcomes(), ["retry"]);
    assert.deepEqual(seenAt("see"), []);
  });

  for (const [what, loop] of [
    ["a function", { id: "loop", type: "function", func: "return msg;", outputs: 1, wires: [["get"]] }],
    ["a switch", { id: "loop", type: "switch", property: "payload", propertyType: "msg", rules: [{ t: "else" }], checkall: "true", outputs: 1, wires: [["get"]] }],
  ] as [string, FlowNodeConfig][]) {
    it(`gets the next until the queue is empty, round through ${what}`, async () => {
      const contents = Array.from({ length: 30 }, (_, index) => String(index));
      const queue = await flow(contents, [["see"], ["empty"]], [see("see", "loop"), loop, see("empty")]);
      trigger().take("go");
      await waitFor("the trigger's end", () => outcomes().length === 1, look);
      assert.deepEqual(outcomes(), ["accept"]);
      assert.deepEqual(seenAt("see"), contents);
      assert.deepEqual(seenAt("empty"), ["29"]);
      assert.equal(await left(queue), 0);
    });
  }

  it("feeds core's Join, which needs no setting to gather what one trigger got", async () => {
    const join = { id: "join", type: "join", mode: "auto", wires: [["hold"]] };
    const queue = await flow(["a", "b", "c"], [["join"], []], [join, hold("hold")], { count: 10 });
    trigger().take("go");
    await waitFor("the joined message", () => held.length === 1, look);
    assert.deepEqual((held[0]?.msg as { payload: unknown }).payload, ["a", "b", "c"]);
    assert.deepEqual(outcomes(), []);
    held[0]?.go();
    await waitFor("the trigger's end", () => outcomes().length === 1, look);
    assert.equal(await left(queue), 0);
  });

  it("is done with the trigger at once in settle mode delivery", async () => {
    await flow(["a"], [["hold"], []], [hold("hold")], { settle: "delivery" });
    trigger().take("go");
    await waitFor("the trigger's end", () => outcomes().length === 1 && held.length === 1, look);
    assert.deepEqual(outcomes(), ["accept"]);
    held[0]?.fail(new Error("too late to matter"));
  });

  it("gives the trigger back, untouched, while nothing is wired to its first output", async () => {
    const queue = await flow(["a"], [["not-there"], ["see"]], [see("see")]);
    trigger().take("go");
    await waitFor("the trigger's end", () => outcomes().length === 1, look);
    assert.deepEqual(outcomes(), ["release"]);
    assert.equal(trigger().settled[0]?.settlement.error?.code, "NOT_CONFIGURED");
    assert.equal(await left(queue), 1);
  });
});
