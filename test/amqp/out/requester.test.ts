import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { Requester, type Answer, type RequesterOptions } from "../../../nodes/amqp/out/requester";
import type { Connection } from "../../../nodes/amqp/client/connection/connection";
import type { Outgoing } from "../../../nodes/amqp/client/publishing/publisher";
import type { ConnectorError } from "../../../nodes/common/errors";
import { readFormat } from "../../../nodes/format/settings";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { connectionTo, MutableProxy, Plain, unique } from "../support";

describe("a requester", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let queue: string;
  let connection: Connection;
  let requester: Requester;
  let warnings: string[];

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(async () => {
    queue = await plain.makeQueue(unique("requests"));
    open();
  });
  afterEach(async () => {
    await requester.close();
    await connection.close();
  });
  after(() => plain.close());

  function open(options: Partial<RequesterOptions> = {}, url = rabbit.url): void {
    warnings = [];
    ({ connection } = connectionTo(rabbit, { urls: [url] }));
    requester = new Requester({ connection, confirmTimeout: 15_000, timeout: 20_000, ...readFormat({}), warn: (line) => warnings.push(line), ...options });
  }

  async function reopen(options: Partial<RequesterOptions>, url = rabbit.url): Promise<void> {
    await requester.close();
    await connection.close();
    open(options, url);
  }

  /** Asks, and answers with what came back or rejects with the error. */
  const ask = (content: string, options: Outgoing["options"] = {}, routingKey = queue): Promise<Answer> =>
    new Promise((resolve, reject) =>
      requester.send({ exchange: "", routingKey, content: Buffer.from(content), options: { mandatory: true, ...options } }, (error, answer) => (error ? reject(error) : resolve(answer as Answer))),
    );
  const codeOf = (asked: Promise<Answer>): Promise<string> => asked.then(() => "answered", (error: unknown) => (error as ConnectorError).code);

  /** Answers one request as another program would. */
  async function answer(request: ConsumeMessage | Awaited<ReturnType<Plain["get"]>>, content: string | Buffer, options: object = {}): Promise<void> {
    await plain.send(String(request.properties.replyTo), [content], { correlationId: request.properties.correlationId as string, ...options });
  }

  it("gives each request its own answer, whatever their order", async () => {
    const asked = ["a", "b", "c"].map((content) => ask(content));
    const requests = [await plain.get(queue), await plain.get(queue), await plain.get(queue)];
    for (const request of requests.reverse()) await answer(request, `re: ${request.content.toString()}`);
    assert.deepEqual((await Promise.all(asked)).map(({ payload }) => payload), ["re: a", "re: b", "re: c"]);
  });

  it("tells of the answer, and gives the message its own correlation id back", async () => {
    const asked = ask("x", { correlationId: "order 5" });
    const request = await plain.get(queue);
    assert.match(String(request.properties.correlationId), /^[0-9a-f-]{36}$/);
    await answer(request, '{"ok":true}', { contentType: "application/json", headers: { by: "test" }, type: "result" });
    const { payload, amqp } = await asked;
    assert.deepEqual(payload, { ok: true });
    assert.deepEqual(amqp.headers, { by: "test" });
    assert.deepEqual([amqp.properties.type, amqp.properties.correlationId, amqp.exchange], ["result", "order 5", ""]);
    const second = ask("y");
    await answer(await plain.get(queue), "z");
    assert.ok(!("correlationId" in (await second).amqp.properties));
  });

  it("fails a request that nobody answers in time, and drops what comes later with one warning", async () => {
    await reopen({ timeout: 2_000 });
    await assert.rejects(ask("x"), { code: "REPLY_TIMEOUT", scope: "message", retryable: true, message: /2000 ms/ });
    const request = await plain.get(queue);
    await answer(request, "late");
    await answer(request, "later", { correlationId: "nobody's" });
    await waitFor("the warning", () => warnings.length === 1);
    const asked = ask("y");
    await answer(await plain.get(queue), "in time");
    assert.equal((await asked).payload, "in time");
    assert.equal(warnings.length, 1);
  });

  it("fails a request at once that no queue takes", async () => {
    await assert.rejects(ask("x", {}, unique("nowhere")), { code: "PUBLISH_RETURNED" });
  });

  it("fails a request whose answer cannot be read, and no other", async () => {
    await reopen({ format: "json" });
    const asked = [codeOf(ask("a")), codeOf(ask("b"))];
    await answer(await plain.get(queue), "{");
    await answer(await plain.get(queue), "{}");
    assert.deepEqual(await Promise.all(asked), ["FORMAT_INVALID", "answered"]);
  });

  it("reads large answers too, in slices", async () => {
    await reopen({ format: "delimited" });
    const asked = [ask("a"), ask("b")];
    const codes = asked.map(codeOf);
    const rows = "a,b\n".repeat(50_000);
    await answer(await plain.get(queue), `${rows}"\n`);
    await answer(await plain.get(queue), rows);
    assert.deepEqual(await Promise.all(codes), ["FORMAT_INVALID", "answered"]);
    assert.equal(((await asked[1])?.payload as object[]).length, 49_999);
  });

  it("says of requests whose channel is lost that they may have been worked on, and asks again on the next", async () => {
    const proxy = new MutableProxy(rabbit.port);
    try {
      await reopen({}, await proxy.start());
      const asked = [ask("a"), ask("b")].map((one) => one.catch((error: unknown) => error));
      await plain.get(queue);
      await plain.get(queue);
      for (const socket of proxy.sockets) socket.destroy();
      for (const error of (await Promise.all(asked)) as ConnectorError[]) {
        assert.deepEqual([error.code, error.scope, error.retryable], ["REPLY_LOST", "message", true]);
        assert.match(error.message, /may have been worked on/);
      }
      await requester.ready();
      const again = ask("c");
      await answer(await plain.get(queue), "re: c");
      assert.equal((await again).payload, "re: c");
    } finally {
      proxy.stop();
    }
  });

  it("says the same of requests that a mute broker does not confirm", async () => {
    const proxy = new MutableProxy(rabbit.port);
    const url = await proxy.start();
    try {
      await reopen({ confirmTimeout: 300 }, url);
      await requester.ready();
      proxy.mute = true;
      assert.equal(await codeOf(ask("x")), "REPLY_LOST");
    } finally {
      proxy.stop();
    }
  });

  it("fails what it still waits for when it is closed, as nobody's fault", async () => {
    const asked = codeOf(ask("x"));
    await plain.get(queue);
    await requester.close();
    assert.equal(await asked, "FLOW_STOPPED");
  });
});
