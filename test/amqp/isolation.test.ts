import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { Broker } from "../../nodes/amqp/client/broker";
import type { ConnectionState } from "../../nodes/amqp/client/connection/connection";
import { Publisher } from "../../nodes/amqp/client/publishing/publisher";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { contents, Sources, type OpenSource } from "./open-source";
import { MutableProxy, Plain, quick, unique } from "./support";

describe("ten nodes on one broker", function () {
  this.timeout(90_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let broker: Broker;
  let working: (OpenSource & { queue: string })[];
  const sources = new Sources();
  /** What happened to the two connections. */
  const states: ConnectionState["kind"][] = [];
  const proxy = { at: undefined as MutableProxy | undefined };

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(async () => {
    proxy.at = new MutableProxy(rabbit.port);
    broker = new Broker({ urls: [await proxy.at.start()], name: unique("ten"), backOff: quick() });
    const link = broker.acquire(sources);
    working = [];
    for (let n = 0; n < 10; n += 1) {
      const queue = await plain.makeQueue(unique(`working-${n}`));
      working.push({ queue, ...(await sources.consuming(rabbit.url, { queue, declare: "existing" }, { link }, "accept")) });
    }
    states.length = 0;
    for (const connection of [link.consume, link.publish]) connection.subscribe({ state: ({ kind }) => states.push(kind) });
  });
  afterEach(async () => {
    await sources.close();
    await broker.close(0);
    proxy.at?.stop();
  });
  after(() => plain.close());

  /** While `trouble` happens, every one of the ten goes on taking, on the channel it had. */
  async function assertUndisturbed(trouble: () => Promise<void>): Promise<void> {
    const sent: string[] = [];
    let over = false;
    const sending = (async () => {
      for (let round = 0; !over || round < 5; round += 1) {
        sent.push(String(round));
        for (const { queue } of working) await plain.send(queue, [String(round)]);
        await pause(20);
      }
    })();
    try {
      await trouble();
    } finally {
      over = true;
      await sending; // before the next test, whose sources it would send to
    }
    for (const { messages, states: own } of working) {
      await waitFor("all its messages", () => messages.length >= sent.length);
      assert.deepEqual(contents(messages).sort(), [...sent].sort()); // each once: no channel was lost
      assert.equal(own.filter(({ kind }) => kind === "waiting").length, 0);
    }
    assert.deepEqual(states.filter((kind) => kind !== "connecting" && kind !== "connected"), []);
  }

  it("are not affected by a missing queue", () =>
    assertUndisturbed(async () => {
      const bad = sources.open(rabbit.url, { queue: unique("missing"), declare: "existing" }, { link: broker.acquire({}) });
      await waitFor("the refusal", () => bad.states.some(({ kind }) => kind === "waiting"));
    }));

  it("are not affected by a channel that was closed because of its own node", () =>
    assertUndisturbed(async () => {
      const queue = await plain.makeQueue(unique("stray"));
      const stray = await sources.consuming(rabbit.url, { queue, declare: "existing" }, { link: broker.acquire({}) });
      const channel = (stray.source as unknown as { consumer: { taking: { channel: { ack(message: ConsumeMessage): void } } } }).consumer.taking.channel;
      channel.ack({ fields: { deliveryTag: 4711 } } as ConsumeMessage);
      await waitFor("the loss", () => stray.states.some((state) => state.kind === "waiting" && /unknown delivery tag/.test(state.error.message)));
      await waitFor("its way back", () => stray.states.at(-1)?.kind === "consuming");
    }));

  it("are not affected by a missing exchange", () =>
    assertUndisturbed(async () => {
      const publisher = new Publisher({ connection: broker.acquire({}).publish });
      const publish = (): Promise<string> => publisher.publish({ exchange: "not-there", routingKey: "", content: Buffer.from("x"), options: {} }).then(() => "published", (error: unknown) => (error as { code: string }).code);
      for (let round = 0; round < 3; round += 1) assert.equal(await publish(), "EXCHANGE_UNAVAILABLE");
      await publisher.close();
    }));

  it("have one connection to take and one to publish between them", async () => {
    const ours = async (): Promise<string[]> => (await rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.includes("ten"));
    await waitFor("their connection", async () => (await ours()).length === 1);
  });

  it("close in time when the broker answers nothing any more", async () => {
    (proxy.at as MutableProxy).mute = true;
    const began = Date.now();
    await sources.close();
    await broker.close(0);
    assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`); // Node-RED gives a node 15 s
  });
});
