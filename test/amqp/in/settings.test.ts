import assert from "node:assert/strict";
import { readSettings, type InDef } from "../../../nodes/amqp/in/settings";
import { DEFAULT_OPTIONS } from "../../../nodes/format/options";

const read = (def: Partial<InDef>): ReturnType<typeof readSettings> => readSettings({ id: "node", broker: "broker", queue: "q", ...def });

describe("the settings of amqp in", () => {
  it("have the documented defaults", () => {
    assert.deepEqual(read({}), {
      queue: "q", deadLetterQueue: "q.dlq", broker: "broker", declare: "declare", queueType: "quorum", arguments: {}, bindings: [], prefetch: 400,
      consumerArguments: {}, streamStart: "first", poisonLimit: 3,
      format: "auto", formatOptions: DEFAULT_OPTIONS, settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1_000, retryMaxDelay: 300_000,
    });
  });

  it("turn what is ticked and typed into arguments of the queue, which the user's own arguments override", () => {
    assert.deepEqual(read({ queueType: "classic", singleActiveConsumer: true, maxPriority: "5" }).arguments, { "x-single-active-consumer": true, "x-max-priority": 5 });
    assert.deepEqual(read({ queueType: "classic", maxPriority: 5, arguments: '{"x-max-priority": 9}' }).arguments, { "x-max-priority": 9 });
  });

  it("leave out what the type of queue would be refused for", () => {
    assert.deepEqual(read({ queueType: "quorum", maxPriority: 5 }).arguments, {});
    assert.deepEqual(read({ queueType: "stream", singleActiveConsumer: true, maxPriority: 5, consumerPriority: 3 }).arguments, {});
    assert.deepEqual(read({ queueType: "stream", consumerPriority: 3 }).consumerArguments, {});
  });

  it("ask nothing of a queue that may only be used as it is", () => {
    const { arguments: args, bindings } = read({ declare: "existing", arguments: { "x-queue-mode": "lazy" }, bindings: [{ exchange: "x" }], singleActiveConsumer: true });
    assert.deepEqual([args, bindings], [{}, []]);
  });

  it("need no name for a queue of one's own, which is a classic one whatever was chosen before", () => {
    const settings = read({ declare: "temporary", queue: "", queueType: "stream", singleActiveConsumer: true });
    assert.deepEqual([settings.queue, settings.queueType, settings.deadLetterQueue, settings.arguments], ["", "classic", "node.dlq", {}]);
  });

  it("accept numbers from a subflow's environment as names", () => {
    const bindings = [{ exchange: 7, routingKey: 42 }] as unknown as { exchange: string }[];
    assert.deepEqual(read({ bindings }).bindings, [{ exchange: "7", routingKey: "42", arguments: {} }]);
  });

  it("read the arguments of a binding from an object or its text", () => {
    const bindings = [{ exchange: "a", arguments: '{"x-match":"any","n":1}' }, { exchange: "b", exchangeType: "headers", arguments: { n: 2 } }, { exchange: "" }];
    assert.deepEqual(read({ bindings }).bindings, [
      { exchange: "a", routingKey: "", arguments: { "x-match": "any", n: 1 } },
      { exchange: "b", exchangeType: "headers", routingKey: "", arguments: { n: 2 } },
    ]);
  });

  it("take a long name of a queue that needs no delay queues, or gets none", () => {
    for (const more of [{ retries: 0 }, { declare: "existing" }, { queueType: "stream" }]) assert.equal(read({ queue: "q".repeat(255), deadLetterQueue: "d", ...more }).queue.length, 255);
  });

  it("do not compare the dead-letter queue with the old name of a queue of one's own", () => {
    assert.equal(read({ declare: "temporary", deadLetterQueue: "q" }).deadLetterQueue, "q");
  });

  it("give the consumer its priority, negative too", () => {
    assert.deepEqual(read({ consumerPriority: "-3", consumerArguments: { a: 1 } }).consumerArguments, { "x-priority": -3, a: 1 });
    assert.deepEqual(read({ consumerPriority: 0 }).consumerArguments, { "x-priority": 0 });
  });

  for (const [given, start] of [["", "first"], ["next", "next"], ["last", "last"], [17, 17], ["17", 17], ["2026-01-31T12:00:00Z", new Date("2026-01-31T12:00:00Z")]] as const) {
    it(`begin a stream at ${String(given) || "(blank)"}`, () => assert.deepEqual(read({ queueType: "stream", streamOffset: given }).streamStart, start));
  }

  for (const [what, def, text] of [
    ["no queue", { queue: " " }, /No queue is given/],
    ["a name that AMQP cannot say", { queue: "ü".repeat(128) }, /The name of the queue is longer than 255 bytes/],
    ["a name that the dead letters' does not fit behind", { queue: "q".repeat(253) }, /The name of the dead-letter queue is longer than 255 bytes/],
    ["a name that the dead letters of a queue of one's own cannot have", { declare: "temporary", deadLetterQueue: "q".repeat(256) }, /The name of the dead-letter queue is longer than 255 bytes/],
    ["a name that a delay queue's does not fit behind", { queue: "q".repeat(247), deadLetterQueue: "d" }, /The name of the delay queue, which begins with that of the queue, is longer/],
    ["a routing key that is too long", { bindings: [{ exchange: "x", routingKey: "k".repeat(256) }] }, /The routing key is longer/],
    ["dead letters that would go back into the queue", { deadLetterQueue: " q " }, /The dead-letter queue is the queue itself/],
    ["an unknown type", { queueType: "mirror" }, /Type must be quorum, classic or stream: mirror/],
    ["x-queue-mode", { arguments: { "x-queue-mode": "lazy" } }, /given up the argument x-queue-mode/],
    ["x-queue-version 1", { arguments: { "x-queue-version": 1 } }, /given up the argument x-queue-version/],
    ["x-queue-master-locator", { arguments: { "x-queue-master-locator": "min-masters" } }, /given up the argument x-queue-master-locator/],
    ["another type among the arguments", { arguments: { "x-queue-type": "stream" } }, /choose that as the type/],
    ["arguments of a binding that are none", { bindings: [{ exchange: "x", arguments: "[1]" }] }, /The arguments of the binding to x must be a JSON object/],
    ["arguments of the consumer that are none", { consumerArguments: "{" }, /The arguments of the consumer are not JSON/],
    ["an offset among the arguments of the consumer", { consumerArguments: { "x-stream-offset": 5 } }, /field of its own/],
    ["a priority that is no number", { consumerPriority: "high" }, /must be a whole number from .*: high/],
    ["a highest priority above 255", { queueType: "classic", maxPriority: 256 }, /whole number from 1 to 255: 256/],
    ["an offset that is none", { queueType: "stream", streamOffset: "yesterday" }, /read from first, last, next, an offset or a time .*: yesterday/],
    ["a negative offset", { queueType: "stream", streamOffset: -1 }, /read from first/],
    ["a time that is none", { queueType: "stream", streamOffset: "2026-13-31" }, /read from first/],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(() => read(def as Partial<InDef>), (error: unknown) => (error as { code?: string }).code === "NOT_CONFIGURED" && text.test(String(error)));
    });
  }

  it("take x-queue-version 2, which is no mistake", () => assert.deepEqual(read({ queueType: "classic", arguments: { "x-queue-version": 2 } }).arguments, { "x-queue-version": 2 }));
});
