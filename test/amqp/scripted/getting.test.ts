import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import { QueueGet } from "../../../nodes/amqp/get/queue-get";
import { readSettings } from "../../../nodes/amqp/get/settings";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { soon, Stage } from "./support";

describe("amqp get on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** Takes three messages for one trigger, each accepted as it comes. */
  async function takeThree(format: string): Promise<unknown[]> {
    const messages: QueueMessage[] = [];
    let done = false;
    const get = new QueueGet({
      settings: readSettings({ broker: "", queue: "q", settle: "node", declare: "existing", format }),
      node: { id: "get", type: "surewire-amqp-get", name: "" },
      runtime: { events: new EventEmitter() } as unknown as TrackedRuntime,
      link: stage.link().link,
      send: (message) => {
        messages.push(message as QueueMessage);
        const delivery = registry.find((message as { delivery: { id: string } }).delivery.id);
        if (delivery && delivery !== "closed") delivery.settle({ outcome: "accept" });
      },
      isWired: () => true,
      clone: (value) => structuredClone(value),
      warn: () => undefined,
      onState: () => undefined,
    });
    get.start();
    try {
      get.take({ msg: {}, send: () => undefined, done: () => (done = true) }, 3);
      await soon("the end", () => done);
      return messages.map(({ payload }) => payload);
    } finally {
      await get.close(500);
    }
  }

  it("hands over a message only once if it was lost with its channel before the next one came", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    broker.send("q", ["a", "b", "c"]);
    let gets = 0;
    broker.on("basic.get", (call) => ((gets += 1) === 2 ? call.connection.cut() : call.goOn()));
    assert.deepEqual(await takeThree("text"), ["a", "b", "c"]);
    assert.equal(broker.queue("q").size, 0);
  });

  it("hands over a message only once if it was lost while the next one was decoded", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const rows = `a,b\n${"1,2\n".repeat(40_000)}`; // decoded in slices
    broker.send("q", ["a,b\n3,4\n", rows, "a,b\n5,6\n"]);
    let gets = 0;
    broker.on("basic.get", (call) => {
      call.goOn();
      if ((gets += 1) === 2) call.closeChannel(406, "PRECONDITION_FAILED - for the test");
    });
    const payloads = (await takeThree("delimited")) as unknown[][];
    assert.deepEqual(payloads.map((each) => each.length), [1, 40_000, 1]);
    assert.equal(broker.queue("q").size, 0);
  });
});
