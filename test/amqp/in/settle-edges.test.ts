import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { OpenSource } from "../open-source";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { contents, refused, Sources } from "../open-source";
import { Plain, text, unique } from "../support";

/** A wrong tag on the wire costs the channel and all that is open on it; the broker's log says so for certain. */
describe("a delivery", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let errors: number;
  const sources = new Sources();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(() => {
    errors = protocolErrors();
  });
  afterEach(async () => {
    await sources.close();
    assert.equal(protocolErrors(), errors);
  });
  after(() => plain.close());

  /** How often a client of the broker has answered for what it had not. */
  function protocolErrors(): number {
    const folder = path.join(rabbit.folder, "log");
    const logs = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), "utf8"));
    return logs.join("\n").split(/unknown delivery tag/).length - 1;
  }

  /** Three messages in the hands of a source. */
  async function taken(): Promise<OpenSource & { queue: string }> {
    const queue = unique("settle");
    const opened = await sources.consuming(rabbit.url, { queue });
    await plain.send(queue, ["a", "b", "c"]);
    await waitFor("all three", () => opened.messages.length === 3);
    return { ...opened, queue };
  }

  /** All settled, by one consumer that has never lost its channel since. */
  async function assertGoesOn({ queue, messages, settle, states }: Awaited<ReturnType<typeof taken>>): Promise<void> {
    const seen = states.length;
    const had = messages.length;
    await plain.send(queue, ["next"]);
    await waitFor("the next message", () => messages.length === had + 1);
    settle(messages.at(-1), "accept");
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
    assert.deepEqual(states.slice(seen), []);
  }

  it("settled twice is settled by the first", async () => {
    const opened = await taken();
    const { messages, settle, queue } = opened;
    for (const message of messages) settle(message, "accept");
    for (const message of messages) settle(message, "dead-letter", refused);
    for (const message of messages) settle(message, "release");
    await assertGoesOn(opened);
    assert.equal(messages.length, 4); // none came back
    assert.equal((await plain.count(`${queue}.dlq`)).messages, 0);
  });

  it("settled from clones on two branches is settled by the faster", async () => {
    const opened = await taken();
    const { messages, settle, queue } = opened;
    const clones = messages.map((message) => structuredClone(message));
    clones.forEach((clone) => settle(clone, "dead-letter", refused));
    messages.forEach((message) => settle(message, "accept"));
    const dead = [await plain.get(`${queue}.dlq`), await plain.get(`${queue}.dlq`), await plain.get(`${queue}.dlq`)];
    assert.deepEqual(dead.map(text).sort(), ["a", "b", "c"]);
    await assertGoesOn(opened);
    assert.equal((await plain.count(`${queue}.dlq`)).messages, 0);
  });

  it("settled when its connection has been lost, and another is there, comes again and is settled then", async () => {
    const opened = await taken();
    const { messages, settle, link } = opened;
    const before = messages.splice(0);
    const model = link.consume.model;
    await rabbit.closeConnections();
    await plain.again();
    await waitFor("all three again", () => messages.length === 3);
    assert.notEqual(link.consume.model, model);
    for (const outcome of ["accept", "retry", "dead-letter", "release"] as const) for (const message of before) settle(message, outcome, refused);
    assert.deepEqual(contents(messages).sort(), ["a", "b", "c"]);
    for (const message of messages) settle(message, "accept");
    await assertGoesOn(opened);
    assert.equal(messages.length, 4);
  });
});
