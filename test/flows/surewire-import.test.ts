import assert from "node:assert/strict";
import { connect, type GetMessage } from "amqplib";
import { importFile } from "../../cli/import/import-file";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator, startEmulator } from "../../emulator/src/index";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";

/** Old configurations, as they were: passwords in plain text, values put into texts, names that everybody spells otherwise. */
const bridges = (postgres: Postgres, rabbit: RabbitMq): Record<string, object> => {
  const access = { type: "postgres", server: "127.0.0.1", port: postgres.port, dbname: postgres.database, user: postgres.username, pwd: postgres.password };
  const connection = { host: "127.0.0.1", port: String(rabbit.port), virtual_host: "/", username: rabbit.username, password: rabbit.password };
  return {
    subscribe: {
      Database: { access, insertTemplate: "INSERT INTO old_lines (id, item, note) VALUES (${id}, '${item}', 'line of ${item}');" },
      Broker: { connection, source: { queue: "old.lines", prefetchCount: 20, autoAck: false } },
      Format: { type: "delimited", delimiter: ";", columns: "id,item" },
    },
    get: {
      transaction: "get and write",
      database: { jdbcUrl: `jdbc:postgresql://127.0.0.1:${postgres.port}/${postgres.database}?user=${postgres.username}&password=${postgres.password}`, table: "old_orders", columns: { id: "order.id", item: "order.item" }, key: "id" },
      broker: { url: `amqp://${rabbit.username}:${rabbit.password}@127.0.0.1:${rabbit.port}/%2F`, queue: "old.orders", source: { maxMessages: 10 } },
      format: "xml",
    },
    select: {
      transaction: "select-and-send",
      database: { ...access, sql: "select id, item from old_stock where not sent", afterSelect: "update old_stock set sent = true where id = ${id}", interval: "200 ms" },
      broker: { ...connection, destination: { queue: "old.stock" } },
      format: { kind: "CSV", separator: "semicolon", header: "no" },
    },
  };
};

/** The users of two divisions, who sign in with passwords, as they did. */
const USERS = [
  { username: "north@acme.example", password: "north-password", securityToken: "north-token" },
  { username: "south@acme.example", password: "south-password" },
];

/** An old device connector: two divisions, each with its user, attributes, exchange and queue. */
const connector = (org: Emulator, rabbit: RabbitMq): object => ({
  tenant: {
    client_id: DEFAULT_CLIENT_ID,
    client_secret: DEFAULT_CLIENT_SECRET,
    login_url: org.url,
    amqp: { host: "127.0.0.1", port: rabbit.port, user: rabbit.username, password: rabbit.password },
    externalIdField: "Device_Event_Id__c",
    messageId: "event",
  },
  divisions: [
    {
      name: "North",
      user: { name: USERS[0]?.username, password: USERS[0]?.password, securityToken: USERS[0]?.securityToken },
      default_attributes: { Origin: "Device", Priority: "Low", Description: "from ${device.name}, ${device.place}" },
      exchange: "devices.north",
      queue: "cases.north",
      routing_key: "alarm.#",
    },
    { name: "South", user: USERS[1]?.username, password: USERS[1]?.password, default_attributes: { Origin: "Phone" }, exchange: "devices.south", queue: "cases.south", routing_key: "alarm.*" },
  ],
});

describe("flows that surewire-import makes", function () {
  this.timeout(60_000);
  let postgres: Postgres;
  let rabbit: RabbitMq;
  let nodeRed: NodeRed;
  let flows: FlowNode[];
  let org: Emulator;

  before(async () => {
    [postgres, rabbit] = await Promise.all([sharedPostgres(), sharedRabbit()]);
    await postgres.query("create table old_lines (id integer primary key, item text, note text)");
    await postgres.query("create table old_orders (id integer primary key, item text)");
    await postgres.query("create table old_stock (id integer primary key, item text, sent boolean not null default false)");
    await postgres.query("insert into old_stock (id, item) values (1, 'bolt'), (2, 'nut; M8')");
    org = await startEmulator({ clients: [{ clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: "app@acme.example" }], users: USERS });
    const secrets = {
      SUREWIRE_DATABASE_PASSWORD: postgres.password,
      SUREWIRE_BROKER_PASSWORD: rabbit.password,
      SUREWIRE_ORG_CLIENT_SECRET: DEFAULT_CLIENT_SECRET,
      SUREWIRE_NORTH_PASSWORD: USERS[0]?.password,
      SUREWIRE_NORTH_SECURITY_TOKEN: USERS[0]?.securityToken,
      SUREWIRE_SOUTH_PASSWORD: USERS[1]?.password,
    };
    nodeRed = new NodeRed({ env: secrets });
    await nodeRed.start();
    flows = Object.entries({ ...bridges(postgres, rabbit), connector: connector(org, rabbit) }).flatMap(([name, file]) => importFile(Buffer.from(JSON.stringify(file)), name).flow as FlowNode[]);
    await withChannel(async (channel) => {
      for (const queue of ["old.lines", "old.orders", "old.stock"]) await channel.assertQueue(queue, { durable: true });
      channel.sendToQueue("old.lines", Buffer.from("1;bolt\r\n2;\"'); drop table old_lines; --\"\r\n"), { persistent: true });
      channel.sendToQueue("old.lines", Buffer.from("three;screw"), { persistent: true });
      channel.sendToQueue("old.orders", Buffer.from('<?xml version="1.0"?><message><order><id>7</id><item>nut</item></order></message>'), { persistent: true });
      await channel.waitForConfirms();
      for (const exchange of ["devices.north", "devices.south"]) await channel.assertExchange(exchange, "topic", { durable: true });
    });
    await nodeRed.deploy(flows);
  });

  after(async () => {
    await nodeRed?.stop();
    await org?.stop();
  });

  async function withChannel<T>(work: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>["createConfirmChannel"]>>) => Promise<T>): Promise<T> {
    const connection = await connect(rabbit.url);
    try {
      return await work(await connection.createConfirmChannel());
    } finally {
      await connection.close();
    }
  }

  it("write each line of a message as a row, with the passwords of the environment", async () => {
    const rows = await waitFor("two rows", async () => {
      const found = await postgres.query("select * from old_lines order by id");
      return found.length === 2 && found;
    });
    assert.deepEqual(rows, [
      { id: 1, item: "bolt", note: "line of bolt" },
      { id: 2, item: "'); drop table old_lines; --", note: "line of '); drop table old_lines; --" },
    ]);
  });

  it("fetch on demand, and write what lay in the queue", async () => {
    assert.deepEqual(await postgres.query("select * from old_orders"), []);
    const button = flows.find(({ type, name }) => type === "inject" && name === "get now");
    const pressed = await fetch(`${nodeRed.url}/inject/${button?.id ?? ""}`, { method: "POST" });
    assert.equal(pressed.status, 200);
    assert.deepEqual(await waitFor("a row", async () => (await postgres.query("select * from old_orders"))[0]), { id: 7, item: "nut" });
  });

  it("send each row once, and mark it", async () => {
    const texts = await withChannel(async (channel) => {
      const found: string[] = [];
      await waitFor("two messages", async () => {
        const message: GetMessage | false = await channel.get("old.stock", { noAck: true });
        if (message) found.push(message.content.toString());
        return found.length === 2;
      });
      return found;
    });
    assert.deepEqual(texts.map((text) => text.trim()).sort(), ["1;bolt", '2;"nut; M8"']);
    await waitFor("both to be marked", async () => (await postgres.query("select id from old_stock where sent")).length === 2);
  });

  it("show what fails, and leave it in the dead letters", async () => {
    const letter = await withChannel((channel) => waitFor<GetMessage | false>("a dead letter", () => channel.get("old.lines.dlq", { noAck: true })));
    assert.equal(letter && letter.content.toString(), "three;screw");
    await waitFor("the failure in the log", () => /\[debug:failed\][^]*three/.test(nodeRed.log));
  });

  it("make a case of each device message, by the division's user and with its attributes, once", async () => {
    const messages: [string, string, object][] = [
      ["devices.north", "alarm.hot.pump", { event: "n1", Subject: "too hot", device: { name: "pump 7", place: "hall 2" } }],
      ["devices.north", "alarm.hot.pump", { event: "n1", Subject: "too hot", Priority: "High", device: { name: "pump 7", place: "hall 2" } }],
      ["devices.north", "alarm.mad", { event: "n2", Subject: "no such origin", Origin: "Nowhere" }],
      ["devices.south", "alarm.wet", { event: "s1", Subject: "too wet" }],
      ["devices.south", "nothing.special", { event: "s2", Subject: "for nobody" }],
    ];
    // bound before they are read from
    for (const name of ["north", "south"]) await waitFor(`a consumer of ${name}`, () => withChannel(async (channel) => (await channel.checkQueue(`cases.${name}`)).consumerCount > 0).catch(() => false));
    await withChannel(async (channel) => {
      for (const [exchange, key, message] of messages) channel.publish(exchange, key, Buffer.from(JSON.stringify(message)), { persistent: true, contentType: "application/json" });
      await channel.waitForConfirms();
    });
    await waitFor("both cases", () => org.records("Case").some(({ Priority }) => Priority === "High") && org.records("Case").some(({ Origin }) => Origin === "Phone"));
    const cases = org.records("Case");
    const userOf = (id: unknown): unknown => org.records("User").find((user) => user.Id === id)?.Username;
    assert.deepEqual(cases.map(({ Subject, Origin, Priority, Description, CreatedById }) => [Subject, Origin, Priority, Description, userOf(CreatedById)]).sort(), [
      ["too hot", "Device", "High", "from pump 7, hall 2", "north@acme.example"],
      ["too wet", "Phone", "Medium", null, "south@acme.example"],
    ]);
    const letter = await withChannel((channel) => waitFor<GetMessage | false>("a dead letter", () => channel.get("cases.north.dlq", { noAck: true })));
    assert.match(letter ? String(letter.properties.headers?.["x-error-message"]) : "", /bad value for restricted picklist field: Nowhere/);
  });
});
