import assert from "node:assert/strict";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { refused, Sources, type OpenSource } from "../open-source";
import { Plain, unique } from "../support";

describe("a message that the flow has changed in place", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  const sources = new Sources();
  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  afterEach(() => sources.close());
  after(() => plain.close());

  const sent = { kind: "alarm", place: { hall: 1 }, key: Buffer.from("abcd"), steps: [1, { a: 2 }] };

  /** Takes a message of four bytes from the queue, and does to it what a node may do. */
  async function takeAndChange(queue: string, more: object): Promise<OpenSource> {
    const one = await sources.consuming(rabbit.url, { queue, ...more });
    await plain.send(queue, [Buffer.from([1, 2, 3, 255])], { headers: sent });
    await waitFor("the message", () => one.messages.length === 1);
    const { payload, amqp } = one.messages[0] as (typeof one.messages)[number];
    (payload as Buffer).swap16(); // the word order that a device wants
    const headers = amqp.headers as typeof sent;
    headers.place.hall = 2;
    headers.key.fill(0);
    headers.steps.push(3);
    delete (headers as Partial<typeof sent>).kind;
    return one;
  }

  async function secondAttempt(one: OpenSource): Promise<void> {
    one.settle(one.messages[0] as (typeof one.messages)[number], "retry", refused);
    await waitFor("the second attempt", () => one.messages.length === 2);
    const { payload, amqp } = one.messages[1] as (typeof one.messages)[number];
    assert.deepEqual([...(payload as Buffer)], [1, 2, 3, 255]);
    for (const [name, value] of Object.entries(sent)) assert.deepEqual(amqp.headers[name], value);
  }

  for (const format of ["auto", "buffer"]) {
    it(`comes again as the broker sent it, read as ${format}`, async () => secondAttempt(await takeAndChange(unique("changed"), { format, retries: 1 })));
  }

  it("comes again as the broker sent it where it is tried again in the process", async () => {
    const queue = await plain.makeQueue(unique("changed"));
    await secondAttempt(await takeAndChange(queue, { declare: "existing", retries: 1 }));
  });

  it("is a dead letter as the broker sent it", async () => {
    const queue = unique("changed");
    const one = await takeAndChange(queue, {});
    one.settle(one.messages[0] as (typeof one.messages)[number], "dead-letter", refused);
    const { content, properties } = await plain.get(`${queue}.dlq`);
    assert.deepEqual([...content], [1, 2, 3, 255]);
    for (const [name, value] of Object.entries(sent)) assert.deepEqual(properties.headers?.[name], value);
  });
});
