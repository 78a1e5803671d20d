import assert from "node:assert/strict";
import type { Outgoing } from "../../../nodes/amqp/client/publishing/publisher";
import type { ConnectorError } from "../../../nodes/common/errors";
import type { Call } from "./call";
import { soon, Stage } from "./support";
import { pause } from "../../services/wait";

const to = (queue: string, content: string | Buffer, headers = {}): Outgoing => ({ exchange: "", routingKey: queue, content: Buffer.from(content as string), options: { mandatory: true, persistent: true, headers } });
const numbers = [...Array(20).keys()];

describe("what a publisher bounds", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  it("has no more messages unconfirmed than its window allows, and sends another one after each confirm", async () => {
    const broker = await stage.plays();
    const out = await stage.publisher({ window: 5 });
    const calls: Call[] = [];
    broker.on("basic.publish", (call) => calls.push(call));
    const all = Promise.all(numbers.map((number) => out.publish(to("q", String(number)))));
    for (const number of numbers) {
      await soon("as many as the window takes", () => calls.length === Math.min(20, number + 5));
      calls[number]?.confirm();
    }
    await all;
  });

  for (const [what, window, count, size, most] of [
    ["messages than amqplib has room for", 5_000, 4_000, 10, 3_000],
    ["bytes than sixteen million or so", 1_000, 500, 100_000, 168],
  ] as const) {
    it(`hands over no more ${what} while the broker does not read`, async () => {
      const broker = await stage.plays();
      broker.makeQueue("q");
      const out = await stage.publisher({ window });
      const [line] = broker.connections as unknown as Iterable<{ socket: { pause(): void; resume(): void } }>;
      line?.socket.pause();
      const written = new Set<number>();
      const message = (index: number): Outgoing => Object.defineProperty(to("q", Buffer.alloc(size)), "routingKey", { get: () => (written.add(index), "q") });
      const all = Promise.all(Array.from({ length: count }, (_, index) => out.publish(message(index))));
      await new Promise((resolve) => setImmediate(resolve)); // all have been sent, if they were to be
      assert.ok(written.size <= most, `${written.size} of ${count}`);
      line?.socket.resume();
      await all;
      assert.equal(broker.queue("q").size, count);
    });
  }

  it("is patient with a slow line: while confirms come, none of the messages behind is lost", async () => {
    const broker = await stage.plays();
    const out = await stage.publisher({ confirmTimeout: 1_000 });
    const calls: Call[] = [];
    broker.on("basic.publish", (call) => calls.push(call));
    const all = Promise.all(numbers.map((number) => out.publish(to("q", String(number)))));
    await soon("all", () => calls.length === 20);
    const timer = setInterval(() => calls.shift()?.confirm(), 150); // the last after three seconds
    await all.finally(() => clearInterval(timer));
    assert.equal(broker.seen("channel.open").length, 1);
  });

  it("gives up only the message that is not confirmed while later ones are", async () => {
    const broker = await stage.plays();
    broker.makeQueue("well");
    broker.on("basic.publish", (call) => call.fields.routingKey === "well" && call.goOn()); // the other queue has no majority
    const out = await stage.publisher({ confirmTimeout: 1_000 });
    let failed: ConnectorError | undefined;
    void out.publish(to("ill", "x")).catch((error: unknown) => (failed = error as ConnectorError));
    let others = 0;
    while (!failed) {
      await out.publish(to("well", String((others += 1))));
      await pause(20);
    }
    assert.deepEqual([failed.code, failed.scope, failed.retryable], ["PUBLISH_UNCONFIRMED", "message", true]);
    assert.match(failed.message, /queue ill/);
    assert.equal(broker.queue("well").size, others);
    assert.equal(broker.seen("channel.open").length, 1);
  });

  it("drops messages that need not be sent any more while the broker blocks, and sends none of them", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const { connection } = stage.connection();
    const out = await stage.publisher({ connection, window: 5 });
    await out.publish(to("q", "first"));
    broker.block("low on memory");
    await soon("the block", () => connection.state.kind === "blocked");
    let now = 0;
    let dropped = 0;
    for (now = 1; now <= 20; now += 1) {
      const turn = now;
      for (let one = 0; one < 10; one += 1) out.send({ ...to("q", String(turn)), isWanted: () => turn === Math.min(now, 20) }, (error) => (dropped += error ? 1 : 0));
      assert.ok(out.unconfirmed <= 30, `${out.unconfirmed} wait`);
    }
    broker.unblock();
    await soon("all", () => out.unconfirmed === 0);
    assert.equal(dropped, 190);
    assert.deepEqual(broker.queue("q").contents, ["first", ...Array<string>(10).fill("20")]);
  });

  it("waits longer each time that a channel confirms nothing, for a queue without a majority keeps all copies; and no longer than at first once one did", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher({ confirmTimeout: 50 });
    const publish = (): Promise<void> => out.ready().then(() => out.publish(to("q", "x")));
    const silent = async (): Promise<string | undefined> => {
      const error = await publish().then(
        () => undefined,
        (thrown: unknown) => thrown as ConnectorError,
      );
      return /within \d+ ms/.exec(error?.message ?? "")?.[0];
    };
    const hush = broker.on("basic.publish", () => undefined);
    const waits: unknown[] = [];
    for (let times = 0; times < 4; times += 1) waits.push(await silent());
    assert.deepEqual(waits, [50, 100, 200, 400].map((ms) => `within ${ms} ms`));
    hush();
    await publish();
    broker.on("basic.publish", () => undefined);
    assert.equal(await silent(), "within 50 ms");
  });

  it("refuses headers that do not fit into the broker's frames, and what is sent beside goes through", async () => {
    const broker = await stage.plays({ frameMax: 8_192 });
    broker.makeQueue("q");
    const out = await stage.publisher();
    const fits = out.publish(to("q", "1", { note: "x".repeat(8_000) }));
    await assert.rejects(out.publish(to("q", "2", { note: "x".repeat(8_200) })), { code: "HEADERS_INVALID", message: /8192 bytes/ });
    await fits;
    assert.equal(broker.queue("q").size, 1);
  });
});
