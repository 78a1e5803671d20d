import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { connect } from "amqplib";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, startEmulator, type Emulator } from "../../emulator/src/index";
import { NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { brokerNode, deadLetters, inNode, messages, publish, tab, untilEmpty } from "./bridge";

describe("every node, in one flow of a real Node-RED", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let org: Emulator;
  const nodeRed = new NodeRed();

  before(async () => {
    [rabbit, org] = await Promise.all([sharedRabbit(), startEmulator(), nodeRed.start()]);
  });
  after(async () => {
    await nodeRed.stop();
    await org.stop();
  });

  it("passes messages from a queue to an exchange, on to a case and a row, and settles by a settle node what it must", async () => {
    const file = path.join(nodeRed.folder, "every-node.sqlite");
    const database = new DatabaseSync(file);
    database.exec("create table readings (id text primary key, value integer, case_id text)");
    await declareExchange();
    const sent = messages(100);
    await publish(rabbit, "every_first", sent);
    await nodeRed.deploy(
      tab(
        brokerNode(rabbit),
        inNode("every_first", ["out"], { id: "first" }),
        {
          id: "out", type: "surewire-amqp-out", name: "", broker: "broker", exchange: "every", exchangeType: "str", exchangeKind: "topic", declare: false,
          routingKey: "amqp.queue", routingKeyType: "msg", format: "json", persistent: true, mandatory: true, confirmTimeout: 15_000,
          headers: "{}", headersType: "json", wires: [["odd"]],
        },
        // what is confirmed passes on; two of a hundred are put aside by a settle node
        { id: "odd", type: "switch", property: "payload.value", propertyType: "msg", rules: [{ t: "gte", v: "98", vt: "num" }], checkall: "true", outputs: 1, wires: [["settle"]] },
        { id: "settle", type: "surewire-settle", name: "", outcome: "dead-letter", outcomeType: "outcome", reason: "put aside", reasonType: "str", wires: [[]] },
        inNode("every_second", ["case"], { id: "second" }),
        {
          id: "case", type: "surewire-salesforce-case", name: "", org: "org", divisions: [], defaults: [],
          mapping: [{ field: "Subject", value: "payload.id", valueType: "msg" }],
          externalIdField: "Device_Event_Id__c", externalId: "payload.id", externalIdType: "msg", assignment: "default", batchSize: 200, linger: 50,
          wires: [["write"]],
        },
        {
          id: "org", type: "surewire-salesforce-org", name: "", loginUrl: org.url, flow: "client-credentials", apiVersion: "66.0",
          credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET },
        },
        {
          id: "write", type: "surewire-sql-write", name: "", database: "embedded", mode: "upsert", table: "readings", keys: ["id"], batchSize: 200, linger: 20,
          columns: [
            { column: "id", value: "payload.id", valueType: "msg" },
            { column: "value", value: "payload.value", valueType: "msg" },
            { column: "case_id", value: "salesforce.id", valueType: "msg" },
          ],
          wires: [[]],
        },
        { id: "embedded", type: "surewire-sql-database", name: "", engine: "sqlite", file, connectionString: "", dialect: "auto", poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000 },
      ),
    );
    await waitFor("all rows", () => count(database) === sent.length);
    await untilEmpty(rabbit, "every_first");
    await untilEmpty(rabbit, "every_second");
    const rows = database.prepare("select id, case_id from readings order by id").all() as { id: string; case_id: string }[];
    assert.deepEqual(rows.map(({ id }) => id), sent.map(({ id }) => id));
    const caseIds = new Map(org.records("Case").map((record) => [record.Device_Event_Id__c, record.Id]));
    assert.deepEqual(rows.map(({ case_id }) => case_id), sent.map(({ id }) => caseIds.get(id)));
    await waitFor("what was put aside", async () => (await deadLetters(rabbit, "every_first")) === 2);
    database.close();
  });

  const count = (database: DatabaseSync): number => (database.prepare("select count(*) as n from readings").get() as { n: number }).n;

  async function declareExchange(): Promise<void> {
    await publish(rabbit, "every_second", []);
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    await channel.assertExchange("every", "topic");
    await channel.bindQueue("every_second", "every", "every_first");
    await connection.close();
  }
});
