import assert from "node:assert/strict";
import { within } from "../../../nodes/common/deadline";
import { refused, soon, Stage, type Opened } from "./support";

describe("copies of failed messages that wait", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  const shown = ({ states }: Opened): string | undefined => states.at(-1)?.kind;
  const reason = ({ states }: Opened): string => {
    const state = states.at(-1);
    return state && "error" in state ? state.error.message : "";
  };

  it("let the source say that the broker blocks publishing, until they are through", async () => {
    const broker = await stage.plays();
    const opened = await stage.consuming({ queue: "orders" });
    const { messages, link, settle } = opened;
    broker.send("orders", ["first", "a", "b", "c"]);
    await soon("all", () => messages.length === 4);
    settle(messages[0], "dead-letter", refused); // opens the connection that is blocked next
    await soon("its dead letter", () => broker.queue("orders.dlq").size === 1);
    broker.block("low on memory");
    await soon("the block", () => link.publish.state.kind === "blocked");
    assert.equal(shown(opened), "consuming", "nothing waits yet");
    settle(messages[1], "dead-letter", refused);
    settle(messages[2], "retry", refused);
    assert.equal(shown(opened), "forwarding");
    assert.match(reason(opened), /low on memory/);
    opened.source.pause("asked");
    await soon("the pause", () => broker.queue("orders").takers.length === 0);
    opened.source.resume("asked");
    await soon("the consumer", () => broker.queue("orders").takers.length === 1 && broker.seen("basic.consume").length === 2);
    broker.unblock();
    await soon("its dead letter", () => broker.queue("orders.dlq").size === 2);
    await soon("the state", () => shown(opened) === "consuming");
  });

  it("let the source say that the broker blocks publishing where it begins to with the first copy", async () => {
    const broker = await stage.plays();
    const opened = await stage.consuming({ queue: "orders" }, (message, settle) => settle(message, "dead-letter", refused));
    broker.block("low on disk");
    broker.on("basic.publish", () => undefined); // it reads no more
    broker.send("orders", ["a"]);
    await soon("the state", () => shown(opened) === "forwarding" && /low on disk/.test(reason(opened)));
  });

  it("are dropped when the broker takes back what they were made of, so that there is one of each however often it does", async () => {
    const broker = await stage.plays();
    const { messages, link } = await stage.consuming({ queue: "orders" }, (message, settle) => settle(message, "dead-letter", refused));
    broker.send("orders", ["first"]);
    await soon("its dead letter", () => broker.queue("orders.dlq").size === 1);
    broker.block("low on memory");
    await soon("the block", () => link.publish.state.kind === "blocked");
    broker.send("orders", ["a", "b"]);
    for (let times = 1; times < 5; times += 1) {
      await soon("both", () => messages.length === 1 + 2 * times);
      broker.timeOutConsumers("orders"); // after half an hour, and the next
    }
    await soon("both", () => messages.length === 11);
    broker.unblock();
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.deepEqual(broker.queue("orders.dlq").contents, ["first", "a", "b"]);
  });

  it("have a queue that all of them need declared only once", async () => {
    const broker = await stage.plays();
    const { messages, settle } = await stage.consuming({ queue: "orders", retries: 1 });
    broker.send("orders", ["a", "b", "c", "d"]);
    await soon("all", () => messages.length === 4);
    broker.deleteQueue("orders.retry.40");
    const before = broker.seen("queue.declare").length;
    for (const message of messages.slice()) settle(message, "retry", refused);
    await soon("all again", () => messages.length === 8);
    const declared = broker.seen("queue.declare").slice(before);
    assert.deepEqual(declared.map(({ fields }) => [fields.queue, fields.passive]), [["orders.retry.40", true], ["orders.retry.40", false]]);
  });

  it("wait a moment where the queue that was made does not take them either", async () => {
    const broker = await stage.plays();
    const opened = await stage.consuming({ queue: "orders", retries: 1 });
    broker.send("orders", ["a"]);
    await soon("it", () => opened.messages.length === 1);
    const lost = (): void => void broker.deleteQueue("orders.retry.40");
    lost();
    const stop = broker.on("basic.publish", (call) => {
      lost();
      call.goOn();
    });
    opened.settle(opened.messages[0], "retry", refused);
    await soon("the wait", () => shown(opened) === "forwarding");
    assert.match(reason(opened), /No queue took the message/);
    stop();
    await soon("it again", () => opened.messages.length === 2);
    assert.equal(shown(opened), "consuming");
  });

  it("do not hold up a source that closes while the broker does not answer the request for their queue", async () => {
    const broker = await stage.plays();
    const { messages, settle, close } = await stage.consuming({ queue: "orders", retries: 1 });
    broker.send("orders", ["a"]);
    await soon("it", () => messages.length === 1);
    broker.deleteQueue("orders.retry.40");
    broker.on("queue.declare", () => undefined);
    const asked = broker.seen("queue.declare").length;
    settle(messages[0], "retry", refused);
    await soon("the request", () => broker.seen("queue.declare").length > asked);
    assert.equal(await within(close().then(() => "closed"), 10_000), "closed");
    await soon("it in its queue", () => broker.queue("orders").ready.length === 1);
  });

  it("are not spoken of any more when one that had to wait is given up for a retry in the process", async () => {
    const broker = await stage.plays();
    broker.makeQueue("orders");
    let refusals = 1;
    broker.on("basic.publish", (call) => (refusals-- > 0 ? call.refuse() : call.goOn()));
    const opened = await stage.consuming({ queue: "orders", declare: "existing", retries: 3 });
    const { messages, settle } = opened;
    broker.send("orders", ["a"]);
    await soon("it", () => messages.length === 1);
    settle(messages[0], "retry", refused);
    await soon("the wait", () => shown(opened) === "forwarding");
    await soon("it again", () => messages.length === 2);
    assert.equal(shown(opened), "consuming");
  });
});
