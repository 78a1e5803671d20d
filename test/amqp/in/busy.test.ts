import assert from "node:assert/strict";
import { Broker } from "../../../nodes/amqp/client/broker";
import { MemoryStore } from "../../../nodes/common/memory-store";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { contents, type OpenSource, Sources } from "../open-source";
import { MutableProxy, Plain, quick, range, unique } from "../support";

describe("a message over which a function keeps Node-RED busy until the connection is lost", function () {
  this.timeout(60_000);
  const sources = new Sources();
  let rabbit: RabbitMq;
  let plain: Plain;
  let proxy: MutableProxy;
  let broker: Broker;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(async () => {
    proxy = new MutableProxy(rabbit.port);
    broker = new Broker({ urls: [await proxy.start()], heartbeat: 1, backOff: quick() });
  });
  afterEach(async () => {
    await sources.close();
    await broker.close();
    proxy.stop();
  });
  after(() => plain.close());

  /** A source whose flow is through with every message at once, but for one that is busy. */
  function open(queue: string, def: object = {}): OpenSource {
    return sources.open(rabbit.url, { queue, queueType: "classic", ...def }, { link: broker.acquire(sources), store: new MemoryStore() }, (message, settle) => {
      if (message.payload !== "busy") return settle(message, "accept");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
      settle(message, "accept"); // too late
      for (const socket of proxy.sockets) socket.destroy(); // as the broker has done by then
    });
  }

  it("is dead-lettered when it has done so three times, and no other message is", async () => {
    const queue = await plain.makeQueue(unique("busy"), { "x-queue-type": "classic" });
    await plain.send(queue, range(60).map((number) => (number === "50" ? "busy" : number)));
    const { messages } = open(queue);
    const letter = await plain.get(`${queue}.dlq`);
    assert.equal(letter.content.toString(), "busy");
    assert.equal(letter.properties.headers?.["x-error-code"], "POISON");
    assert.match(String(letter.properties.headers?.["x-error-message"]), /has kept Node-RED busy until its connection was lost/);
    await waitFor("the others to be through", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
    assert.equal(contents(messages).filter((content) => content === "busy").length, 3);
    assert.equal(new Set(contents(messages)).size, 60);
    assert.equal((await plain.count(`${queue}.dlq`)).messages, 0);
  });

  it("comes again each time if the search is off", async () => {
    const queue = await plain.makeQueue(unique("busy-on"), { "x-queue-type": "classic" });
    await plain.send(queue, ["busy", ...range(5)]);
    const { messages, source } = open(queue, { poisonLimit: 0 });
    await waitFor("it for the third time", () => contents(messages).filter((content) => content === "busy").length === 3);
    assert.deepEqual(contents(messages), ["busy", ...range(5), "busy", "busy"].slice(0, messages.length));
    await source.close(0);
  });
});
