import assert from "node:assert/strict";
import { Publisher } from "../../../nodes/amqp/client/publishing/publisher";
import { readSettings } from "../../../nodes/amqp/in/settings";
import { ExchangeWriter } from "../../../nodes/amqp/out/exchange-writer";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Call } from "./call";
import type { Received } from "./connection";
import { soon, Stage } from "./support";

describe("what is declared on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** Declarations that make something, by queue. */
  const made = (): Received[] => stage.broker.seen("queue.declare").filter(({ fields }) => !fields.passive);
  const argumentsOf = (queue: string): Record<string, unknown> | undefined => made().find(({ fields }) => fields.queue === queue)?.fields.arguments;

  const atLeastOnce = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };
  const dead = { "x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dlq" };
  const back = { "x-message-ttl": 40, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders" };
  for (const [version, main, letters, delay] of [
    ["3.9.29", dead, {}, { "x-queue-type": "classic", ...back }],
    ["3.13.7", { ...dead, ...atLeastOnce }, {}, { "x-queue-type": "quorum", ...back, ...atLeastOnce }],
    ["4.0.5", { ...dead, ...atLeastOnce, "x-delivery-limit": -1 }, { "x-delivery-limit": -1 }, { "x-queue-type": "quorum", ...back, ...atLeastOnce }],
    ["4.3.1", { ...dead, ...atLeastOnce, "x-delivery-limit": -1 }, { "x-delivery-limit": -1 }, { "x-queue-type": "quorum", ...back, ...atLeastOnce }],
  ] as const) {
    it(`of ${version} is what this version knows, the type always among it`, async () => {
      await stage.plays({ version, defaultQueueType: "quorum" });
      await stage.consuming({ queue: "orders", retries: 1 });
      assert.deepEqual(argumentsOf("orders"), main);
      assert.deepEqual(argumentsOf("orders.dlq"), { "x-queue-type": "quorum", ...letters });
      assert.deepEqual(argumentsOf("orders.retry.40"), delay);
    });
  }

  it("is classic where classic was asked for, though the virtual host would make it a quorum queue", async () => {
    const broker = await stage.plays({ defaultQueueType: "quorum" });
    await stage.consuming({ queue: "orders", queueType: "classic", retries: 1 });
    assert.equal(broker.queue("orders").type, "classic");
    assert.equal(broker.queue("orders.dlq").type, "classic");
  });

  it("by many nodes at once makes Node.js warn of nothing: they share their listeners", async () => {
    await stage.plays();
    const warnings: string[] = [];
    const heard = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", heard);
    try {
      const shared = stage.link();
      const opened = Array.from({ length: 30 }, (_, index) => stage.source({ queue: `q${index}`, retries: 0, bindings: [{ exchange: `plant${index}`, routingKey: "a" }] }, undefined, shared));
      await soon("all consumers", () => opened.every(({ states }) => states.at(-1)?.kind === "consuming"));
      assert.deepEqual(warnings, []);
    } finally {
      process.off("warning", heard);
    }
  });

  it("waits, and one line of the log says what to do, where the connection has all the channels that the broker allows", async () => {
    await stage.plays({ channelMax: 3 });
    const shared = stage.link();
    const opened = Array.from({ length: 6 }, (_, index) => stage.source({ queue: `q${index}`, retries: 0 }, undefined, shared));
    const short = (): typeof opened => opened.filter(({ states }) => states.some((state) => state.kind === "waiting" && /second amqp broker node/.test(state.error.message)));
    await soon("those without one", () => short().length >= 3);
    await soon("the line", () => shared.lines.length > 0);
    assert.deepEqual(shared.lines.filter((line) => line.includes("channel_max")).length, 1);
    assert.match(shared.lines.join(), /^error: BROKER_UNAVAILABLE: The broker allows no more channels/);
  });

  it("says nothing of channels where they are short for a moment only: as nodes begin, each needs a second one", async () => {
    await stage.plays({ channelMax: 14 });
    const shared = stage.link();
    const opened = Array.from({ length: 12 }, (_, index) => stage.source({ queue: `q${index}`, retries: 0 }, undefined, shared));
    await soon("all consumers", () => opened.every(({ states }) => states.at(-1)?.kind === "consuming"));
    assert.ok(opened.some(({ states }) => states.some(({ kind }) => kind === "waiting")), "they were short");
    assert.deepEqual(shared.lines, []);
  });

  it("is asked for on one channel, and each exchange once, since a line may be slow", async () => {
    const broker = await stage.plays();
    const bindings = Array.from({ length: 10 }, (_, index) => ({ exchange: "events", routingKey: `device.${index}` }));
    await (await stage.consuming({ queue: "orders", bindings })).close();
    const before = broker.log.length;
    await stage.consuming({ queue: "orders", bindings });
    const requests = broker.log.slice(before).map(({ method }) => method);
    const count = (method: string): number => requests.filter((each) => each === method).length;
    // seven queues and an exchange, each looked for and declared
    assert.deepEqual(["channel.open", "queue.declare", "exchange.declare", "queue.bind"].map(count), [2, 14, 2, 10]);
  });

  it("goes on after a refusal with the next request, on another channel", async () => {
    const broker = await stage.plays();
    broker.makeQueue("orders.dlq", { "x-queue-type": "classic" });
    const { warnings } = await stage.consuming({ queue: "orders", retries: 1 });
    assert.deepEqual([warnings.length, [...broker.queues.keys()].sort()], [1, ["orders", "orders.dlq", "orders.retry.40"]]);
    await soon("no channel left open but the consumer's", () => [...broker.connections].every(({ channels }) => channels.size === 1));
  });

  it("is durable, whatever it is", async () => {
    const broker = await stage.plays();
    await stage.consuming({ queue: "orders", bindings: [{ exchange: "events", routingKey: "#" }] });
    assert.ok(made().length >= 3);
    assert.ok([...made(), ...broker.seen("exchange.declare").filter(({ fields }) => !fields.passive)].every(({ fields }) => fields.durable && !fields.exclusive && !fields.autoDelete));
  });

  it("does not reach the delivery limit of 4.2 after 25 deploys", async () => {
    const broker = await stage.plays({ version: "4.2.3" });
    broker.makeQueue("orders.dlq");
    const shared = stage.link();
    for (let deploy = 1; deploy <= 25; deploy += 1) {
      const { messages, close } = stage.source({ queue: "orders", retries: 0 }, undefined, shared);
      await soon("the queue", () => broker.queues.has("orders"));
      if (deploy === 1) broker.send("orders", ["x"]);
      await soon("the message", () => messages.length === 1);
      await close();
    }
    assert.equal(broker.queue("orders").ready[0]?.deliveryCount, 25);
    assert.deepEqual([broker.dropped.length, broker.queue("orders.dlq").size], [0, 0]);
  });

  for (const [argument, value] of Object.entries({ "x-queue-mode": "lazy", "x-queue-version": 1, "x-queue-master-locator": "min-masters" })) {
    it(`never has ${argument} ${value}, over which 4.3 ends the connection`, () => {
      assert.throws(() => readSettings({ broker: "", queue: "orders", arguments: { [argument]: value } }), new RegExp(`${argument}.*4\\.3`));
    });
  }

  it("waits for no answer without end, as to the exchange that a message is for, and is asked again on another channel", async () => {
    const broker = await stage.plays();
    const { connection } = stage.connection();
    const sender = (onDown: () => void): Publisher => new Publisher({ connection, onDown });
    const writer = new ExchangeWriter<undefined>({ connection, sender, declareAs: "topic", fixedExchange: true, answerTimeout: 500, warn: () => undefined });
    const message = { exchange: "orders", routingKey: "new", content: Buffer.from("1"), options: {} };
    const answersAgain = broker.on("exchange.declare", () => undefined);
    await writer.untilReady(new ConnectorError("BROKER_UNAVAILABLE", "not yet"));
    await assert.rejects(writer.write([message]), { code: "BROKER_UNAVAILABLE", message: "the broker has taken longer than 0.5 s to answer" });
    answersAgain();
    await soon("the channel to be closed", () => broker.seen("channel.close").length === 1);
    assert.deepEqual(await writer.write([message]), [{ ok: true, value: undefined }]);
    await writer.close();
  });

  describe("when the broker ends the whole connection over a declaration", () => {
    const denied = (call: Call): void => {
      if (call.fields.queue === "bad" && !call.fields.passive) call.closeConnection(541, "INTERNAL_ERROR - Feature `some_feature` is deprecated. By default, this feature is not permitted anymore.");
      else call.goOn();
    };

    it("stops that node, says why, and lets the others on the connection go on", async () => {
      const broker = await stage.plays();
      stage.waitsLong();
      const shared = stage.link();
      const good = stage.source({ queue: "good" }, (message, settle) => settle(message, "accept"), shared);
      await soon("the good one", () => broker.queues.get("good")?.takers.length === 1);
      broker.on("queue.declare", denied);
      const bad = stage.source({ queue: "bad", retries: 0 }, undefined, shared);
      const state = await soon("the reason", () => bad.states.find((each) => each.kind === "waiting" && each.error.code === "QUEUE_UNAVAILABLE"));
      assert.ok(state.kind === "waiting" && state.delay !== undefined && state.delay > 4_000);
      assert.match(state.error.message, /^The broker ended the whole connection while queue bad was being prepared: INTERNAL_ERROR - Feature `some_feature` is deprecated/);
      for (let count = 1; count <= 3; count += 1) {
        await soon("the good one again", () => broker.queues.get("good")?.takers.length === 1);
        broker.send("good", ["x"]);
        await soon("its message", () => good.messages.length === count);
      }
      assert.equal(made().filter(({ fields }) => fields.queue === "bad").length, 1);
      assert.equal(broker.seen("connection.open").length, 2);
    });
  });
});
