import assert from "node:assert/strict";
import { connect, type GetMessage } from "amqplib";
import { NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { assertStored, brokerNode, createTable, deadLetters, inNode, messages, postgresNode, publish, tab, untilEmpty, writeNode } from "./bridge";

describe("what bad input gets", function () {
  this.timeout(60_000);
  let postgres: Postgres;
  let rabbit: RabbitMq;
  const nodeRed = new NodeRed();

  before(async () => {
    [postgres, rabbit] = await Promise.all([sharedPostgres(), sharedRabbit(), nodeRed.start()]);
  });
  after(async () => {
    if (process.env.SUREWIRE_TEST_LOG) console.log(nodeRed.log);
    await nodeRed.stop();
  });

  const flow = (queue: string, write: Record<string, unknown> = {}) => tab(brokerNode(rabbit), inNode(queue, ["write"]), postgresNode(postgres), writeNode(queue, write));

  /** The only dead letter of `queue`. */
  async function deadLetter(queue: string): Promise<GetMessage> {
    await waitFor("the dead letter", async () => (await deadLetters(rabbit, queue)) === 1);
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    const found = await channel.get(`${queue}.dlq`, { noAck: true });
    await connection.close();
    return found || assert.fail("no dead letter");
  }

  it("one bad row among 100 leaves 99 rows and one dead letter that says why", async () => {
    const queue = "bad_row";
    const sent = messages(100).map((message) => (message.value === 50 ? { id: message.id, value: null } : message));
    await createTable(postgres, queue);
    await publish(rabbit, queue, sent);
    await nodeRed.deploy(flow(queue));
    await untilEmpty(rabbit, queue);
    await assertStored(postgres, queue, sent.filter(({ value }) => value !== null));
    const { headers = {} } = (await deadLetter(queue)).properties;
    assert.equal(headers["x-error-code"], "ROW_REFUSED");
    assert.match(String(headers["x-error-message"]), /value/);
    assert.match(String(headers["x-failed-node"]), /write/);
    assert.equal(headers["x-attempts"], 1);
    assert.equal(headers["x-original-routing-key"], queue);
    assert.ok(!Number.isNaN(Date.parse(String(headers["x-failed-at"]))));
  });

  it("what is not JSON is dead-lettered with the parser's message and the untouched bytes", async () => {
    const queue = "not_json";
    await createTable(postgres, queue);
    await publish(rabbit, queue, ["{ no json", ...messages(3)]);
    await nodeRed.deploy(flow(queue));
    await untilEmpty(rabbit, queue);
    await assertStored(postgres, queue, messages(3));
    const letter = await deadLetter(queue);
    assert.equal(letter.content.toString(), "{ no json");
    assert.equal(letter.properties.headers?.["x-error-code"], "FORMAT_INVALID");
    assert.match(String(letter.properties.headers?.["x-error-message"]), /JSON.*position|property name/);
  });

  it("an unknown table is named, drains nothing into the dead letters, and all goes on when it is there", async () => {
    const queue = "missing_table";
    const sent = messages(50);
    await postgres.query(`drop table if exists ${queue}`);
    await publish(rabbit, queue, sent);
    await nodeRed.deploy(flow(queue));
    await waitFor("the log to name the table", () => nodeRed.log.includes("missing_table"));
    assert.equal(await deadLetters(rabbit, queue), 0);
    await createTable(postgres, queue);
    await untilEmpty(rabbit, queue, 90_000);
    await assertStored(postgres, queue, sent);
    assert.equal(await deadLetters(rabbit, queue), 0);
  }).timeout(120_000);

  it("a wrong database password stops the flow with one line in the log, and loses nothing", async () => {
    const queue = "wrong_password";
    await createTable(postgres, queue);
    await publish(rabbit, queue, messages(20));
    const nodes = flow(queue).map((node) => (node.id === "database" ? { ...node, credentials: { username: postgres.username, password: "wrong-secret" } } : node));
    const before = nodeRed.log.length;
    await nodeRed.deploy(nodes);
    const told = (): string[] => nodeRed.log.slice(before).split("\n").filter((line) => /DATABASE_REFUSED|authentication failed/i.test(line));
    await waitFor("the log to say so", () => told().length > 0);
    await waitFor("everything to stay unsettled or ready", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 20);
    assert.equal(told().length, 1, told().join("\n"));
    assert.doesNotMatch(nodeRed.log, /wrong-secret/);
    assert.equal(await deadLetters(rabbit, queue), 0);
    await nodeRed.deploy(flow(queue));
    await untilEmpty(rabbit, queue);
    await assertStored(postgres, queue, messages(20));
  });

  it("an unknown vhost is refused with one line in the log, and nothing is hammered", async () => {
    const nodes = flow("no_vhost").map((node) => (node.id === "broker" ? { ...node, vhost: "nowhere" } : node));
    const before = nodeRed.log.length;
    await nodeRed.deploy(nodes);
    const told = (): string[] => nodeRed.log.slice(before).split("\n").filter((line) => /nowhere/.test(line));
    await waitFor("the log to name the vhost", () => told().length > 0);
    assert.ok(told().length <= 2, told().join("\n")); // one line a connection at most
  });
});
