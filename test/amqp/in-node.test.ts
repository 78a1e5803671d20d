import assert from "node:assert/strict";
import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import amqpBroker from "../../nodes/amqp/broker/broker";
import amqpIn from "../../nodes/amqp/in/in";
import type { QueueMessage } from "../../nodes/amqp/client/queue-message";
import type { ConnectorError } from "../../nodes/common/errors";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { Plain, unique } from "./support";

helper.init(require.resolve("node-red"));

type Row = Record<string, unknown> & { id: string };

const received: QueueMessage[] = [];
/** What the flow's last node waits for before it is done. */
let work: () => unknown = () => undefined;

function testEnd(RED: NodeAPI): void {
  RED.nodes.registerType("test-end", function (this: Node, config: never) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, _send, done) => {
      received.push(msg as unknown as QueueMessage);
      void Promise.resolve(work()).then(() => done());
    });
  });
}

/** The helper's `RED` has no hooks, which following a flow needs. */
const withHooks =
  (register: (RED: NodeAPI) => void) =>
  (RED: NodeAPI): void => {
    (RED as unknown as { hooks: unknown }).hooks = hooksOwner.hooks;
    register(RED);
  };

describe("the amqp in node", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    await (helper.startServer() as unknown as Promise<void>);
  });
  beforeEach(() => {
    received.splice(0);
    work = () => undefined;
  });
  afterEach(() => helper.unload());
  after(async () => {
    await (helper.stopServer() as unknown as Promise<void>);
    await plain.close();
  });

  async function load(more: object): Promise<void> {
    const nodes: Row[] = [
      { id: "tab", type: "tab", label: "test" },
      { id: "broker", type: "surewire-amqp-broker", urls: [rabbit.url], vhost: "/", heartbeat: 15, connectTimeout: 10 },
      { id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue: "", inputs: 1, wires: [["end"]], ...more },
      { id: "end", z: "tab", type: "test-end" },
    ];
    await helper.load([amqpBroker, amqpIn, testEnd].map(withHooks) as never, nodes as never, { broker: { username: "guest", password: "guest" } } as never);
  }

  type Spied = { status: { args: unknown[][] }; error: { args: unknown[][] }; receive(msg: object): void };
  const node = (): Spied => helper.getNode("in") as unknown as Spied;
  const status = (): { fill?: string; text?: string } => (node().status.args.at(-1)?.[0] ?? {}) as { fill?: string; text?: string };
  const errors = (): ConnectorError[] => node().error.args.map((call) => call[0] as ConnectorError);
  const shows = (what: string): Promise<boolean> => waitFor(`the status ${what}`, () => status().text === what);

  it("pauses and resumes when a message says so, and lets what is in the flow finish", async () => {
    const queue = await plain.makeQueue(unique("control"));
    let finish: () => void = () => undefined;
    work = () => new Promise<void>((resolve) => (finish = resolve));
    await load({ queue, declare: "existing" });
    await plain.send(queue, ["in the flow"]);
    await waitFor("the message", () => received.length === 1);
    node().receive({ action: "pause" });
    await shows("in.status.paused");
    finish();
    await waitFor("its end", async () => (await rabbit.listQueues()).find(({ name }) => name === queue)?.messages === 0);
    await plain.send(queue, ["later"]);
    assert.deepEqual(await plain.count(queue), { messages: 1, consumers: 0 });
    node().receive({ action: "resume" });
    await waitFor("the next", () => received.length === 2);
    finish();
    await shows(queue);
    assert.deepEqual(errors(), []);
  });

  for (const action of [undefined, "stop", { pause: true }]) {
    it(`refuses the action ${JSON.stringify(action)}, and goes on`, async () => {
      const queue = await plain.makeQueue(unique("wrong-action"));
      await load({ queue, declare: "existing" });
      await shows(queue);
      node().receive({ action });
      await waitFor("the error", () => errors().length === 1);
      assert.equal(errors()[0]?.code, "INPUT_INVALID");
      assert.match(String(errors()[0]?.message), /msg\.action must be "pause" or "resume"/);
      await plain.send(queue, ["x"]);
      await waitFor("the message", () => received.length === 1);
    });
  }

  it("answers control messages with what is wrong while it is not configured", async () => {
    await load({ queue: "q", broker: "" });
    node().receive({ action: "pause" });
    await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    assert.equal(status().fill, "red");
  });

  it("shows how many messages are in the flow", async () => {
    const queue = await plain.makeQueue(unique("counted"));
    const finish: (() => void)[] = [];
    work = () => new Promise<void>((resolve) => finish.push(resolve));
    await load({ queue, declare: "existing" });
    await shows(queue);
    await plain.send(queue, ["1", "2"]);
    await shows("in.status.flow");
    await waitFor("both", () => finish.length === 2);
    for (const end of finish) end();
    await shows(queue);
  });

  it("reads a stream, and goes on where it was when it is deployed again", async () => {
    const queue = await plain.makeQueue(unique("stream-node"), { "x-queue-type": "stream" });
    await plain.send(queue, ["1", "2", "3"]);
    await load({ queue, queueType: "stream" });
    await waitFor("all", () => received.length === 3);
    await shows(queue);
    await helper.unload();
    await plain.send(queue, ["4"]);
    await load({ queue, queueType: "stream" });
    await waitFor("the next", () => received.length === 4);
    assert.deepEqual(received.map(({ payload }) => payload), ["1", "2", "3", "4"]);
  });
});
