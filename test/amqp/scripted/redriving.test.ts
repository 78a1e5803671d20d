import assert from "node:assert/strict";
import { Destinations } from "../../../nodes/amqp/redrive/destinations";
import { RedriveRun } from "../../../nodes/amqp/redrive/redrive-run";
import { eachOnce } from "../../../nodes/common/once";
import { soon, Stage } from "./support";

describe("a redrive run on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  it("ends with the reason where the broker blocks who publishes, and leaves what it has not moved", async () => {
    const broker = await stage.plays();
    const { link } = stage.link();
    for (const queue of ["orders", "orders.dlq"]) broker.makeQueue(queue);
    broker.makeExchange("plant", "fanout");
    const headers = { "x-error-code": "ROW_REFUSED", "x-original-queue": "orders", "x-original-exchange": "plant", "x-original-routing-key": "a" };
    broker.send("orders.dlq", ["a", "b"], { headers });
    const publisher = await stage.publisher({ connection: link.publish });
    await publisher.publish({ exchange: "", routingKey: "orders", content: Buffer.from("other"), options: {} });
    const settings = { queue: "orders.dlq", rate: undefined, maxRedrives: 3, parkingQueue: "parking", format: "auto" } as const;
    const options = { link, settings, warn: () => undefined };
    broker.block("low on memory");
    await soon("the block", () => link.publish.state.kind === "blocked");
    const run = new RedriveRun({ ...options, order: { limit: undefined, dryRun: false, target: { kind: "exchange" } } });
    await assert.rejects(run.run(), { code: "BROKER_UNAVAILABLE", message: /blocks publishing: low on memory/ });
    await soon("both to be back", () => broker.queue("orders.dlq").ready.length === 2);
  });

  it("warns in time that looks use up the delivery limit of a queue that was made before RabbitMQ 4", async () => {
    const broker = await stage.plays({ version: "4.0.5" });
    const { link } = stage.link();
    broker.makeQueue("orders.dlq");
    broker.send("orders.dlq", ["a", "b"]);
    const warnings: string[] = [];
    const warn = eachOnce((text) => warnings.push(text));
    const settings = { queue: "orders.dlq", rate: undefined, maxRedrives: 3, parkingQueue: "parking", format: "auto" } as const;
    const look = (): Promise<unknown> => new RedriveRun({ link, settings, order: { limit: undefined, dryRun: true, target: { kind: "origin" } }, warn }).run();
    for (let times = 0; times < 10; times += 1) await look();
    assert.deepEqual(warnings, []);
    await look();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /orders\.dlq.*delivery limit.*lift it/);
    assert.deepEqual([broker.queue("orders.dlq").contents, broker.dropped], [["a", "b"], []]);
  });

  it("waits for no answer without end when it looks for an exchange", async () => {
    const broker = await stage.plays();
    const { connection } = stage.connection();
    connection.open();
    await soon("the connection", () => connection.model);
    broker.on("exchange.declare", () => undefined);
    const destinations = new Destinations(connection, () => undefined, { answerWithin: 50 });
    await assert.rejects(destinations.problemOfExchange("plant"), { code: "BROKER_UNAVAILABLE", message: /longer than 0.05 s/ });
  });
});
