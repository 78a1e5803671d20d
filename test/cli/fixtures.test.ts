import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_DEFAULTS } from "../../cli/import/node-defaults";
import { FIXTURES, imported } from "./support";

const FILES = readdirSync(FIXTURES);

describe("surewire-import makes of", () => {
  it("subscribe-delimited.json a flow from a queue with delimited lines to own statements", () => {
    const result = imported("subscribe-delimited.json");
    assert.deepEqual(result.the("tab").label, "Readings");
    assert.equal(result.the("tab").info, "Sensor readings of line 3");
    const source = result.the("surewire-amqp-in");
    assert.equal(source.queue, "readings");
    assert.equal(source.prefetch, 100);
    assert.deepEqual(source.bindings, [{ exchange: "sensors", exchangeType: "topic", routingKey: "line3.#" }]);
    assert.equal(source.format, "delimited");
    const { delimiter, header, columns, encoding } = source.formatOptions as Record<string, unknown>;
    assert.deepEqual({ delimiter, header, columns, encoding }, { delimiter: ";", header: false, columns: ["device", "value", "at"], encoding: "ISO-8859-15" });
    assert.deepEqual(result.after(source), ["write"]);
    const write = result.the("surewire-sql-write");
    assert.equal(write.mode, "statements");
    assert.deepEqual(write.statements, [{ sql: "INSERT INTO readings (device, value, at) VALUES (:device, :value, :at)", run: "item" }]);
    assert.deepEqual([write.forEach, write.forEachType, write.parameters], ["payload", "msg", []]);
    const database = result.the("surewire-sql-database");
    assert.equal(database.connectionString, "Driver={PostgreSQL Unicode};Server=db.plant.example;Port=5432;Database=plant;SSLmode=require");
    assert.deepEqual(database.credentials, { username: "bridge", password: "${SUREWIRE_DATABASE_PASSWORD}" });
    const broker = result.the("surewire-amqp-broker");
    assert.deepEqual([broker.urls, broker.vhost, broker.heartbeat], [["amqps://mq.plant.example:5671"], "plant", 30]);
    assert.deepEqual(broker.credentials, { username: "line3", password: "${SUREWIRE_BROKER_PASSWORD}" });
    assert.match(result.said("broker.source.autoAck").join(), /acknowledged when its rows are committed/);
  });

  it("subscribe-json.json a flow from a queue to a table, upserted by its key", () => {
    const result = imported("subscribe-json.json");
    const source = result.the("surewire-amqp-in");
    assert.deepEqual([source.format, source.retries, source.retryDelay, source.deadLetterQueue], ["json", 3, 10_000, "customers.failed"]);
    const write = result.the("surewire-sql-write");
    assert.deepEqual([write.mode, write.table, write.keys], ["upsert", "customers", ["id"]]);
    assert.deepEqual(write.columns, [
      { column: "id", value: "payload.customer.id", valueType: "msg" },
      { column: "name", value: 'payload.customer["full name"]', valueType: "msg" },
      { column: "city", value: "payload.customer.address.city", valueType: "msg" },
    ]);
    const database = result.the("surewire-sql-database");
    assert.equal(database.connectionString, "Driver={MariaDB Unicode};Server=db1.example;Port=3307;Database=shop;FORCETLS=1");
    assert.equal(database.poolSize, 10);
    assert.match(result.said("database.access.url").join(), /further hosts, rewriteBatchedStatements/);
    assert.deepEqual([result.the("surewire-amqp-broker").urls, result.the("surewire-amqp-broker").vhost], [["amqps://mq.example:5671"], "shop"]);
  });

  it("subscribe-xml.json a flow that takes the records out of their root, and runs both statements for each", () => {
    const result = imported("subscribe-xml.json");
    const source = result.the("surewire-amqp-in");
    assert.deepEqual((source.formatOptions as { arrays: string[] }).arrays, ["move"]);
    const change = result.the("change");
    assert.deepEqual(result.after(source), ["the records"]);
    assert.deepEqual(result.after(change), ["write"]);
    assert.deepEqual(change.rules, [{ t: "set", p: "payload", pt: "msg", to: "payload.moves.move", tot: "msg" }]);
    const write = result.the("surewire-sql-write");
    assert.deepEqual((write.statements as { sql: string }[]).map(({ sql }) => sql), [
      "UPDATE stock SET amount = amount - :amount WHERE item = :item",
      "INSERT INTO moves (item, amount, note) VALUES (:item, :amount, concat('moved ', :amount))",
    ]);
    assert.equal(write.forEach, "payload");
    const database = result.the("surewire-sql-database");
    assert.deepEqual([database.dialect, database.connectionString], ["sqlserver", "Driver={SQL Server};Server=sql.example\\PLANT;Database=plant;TrustServerCertificate=yes"]);
  });

  it("get-json.json a flow on a button, with the second output for an empty queue", () => {
    const result = imported("get-json.json");
    const get = result.the("surewire-amqp-get");
    assert.deepEqual(result.after(result.the("inject")), ["get"]);
    assert.deepEqual([get.queue, get.count, result.after(get, 0), result.after(get, 1)], ["orders", 25, ["write"], ["the queue is empty"]]);
    assert.deepEqual(result.after(result.the("surewire-sql-write")), ["written"]);
    assert.deepEqual(result.the("catch").scope, [get.id, result.the("surewire-sql-write").id]);
    assert.deepEqual(result.the("surewire-sql-write").parameters, [
      { name: "order_id", value: "payload.order.id", valueType: "msg" },
      { name: "order_item", value: "payload.order.item", valueType: "msg" },
    ]);
    assert.deepEqual([result.the("surewire-sql-database").engine, result.the("surewire-sql-database").file], ["sqlite", "/var/lib/bridge/orders.db"]);
    assert.deepEqual(result.the("surewire-amqp-broker").urls, ["amqp://mq1.example:5672", "amqp://mq2.example:5673"]);
  });

  it("get-xml.json a flow that looks under a root whose name it does not know", () => {
    const result = imported("get-xml.json");
    assert.deepEqual(result.the("change").rules, [{ t: "set", p: "payload", pt: "msg", to: "payload.*", tot: "jsonata" }]);
    assert.equal(result.the("surewire-amqp-get").declare, "existing");
    assert.equal(result.the("surewire-sql-database").connectionString, "DSN=warehouse");
    assert.deepEqual(result.the("surewire-sql-write").parameters, [{ name: "id", value: 'payload["@id"]', valueType: "msg" }]);
  });

  it("get-delimited.json a flow that names the fields of a line by the placeholders", () => {
    const result = imported("get-delimited.json");
    const { delimiter, quote, header, columns } = result.the("surewire-amqp-get").formatOptions as Record<string, unknown>;
    assert.deepEqual({ delimiter, quote, header, columns }, { delimiter: "\t", quote: "", header: false, columns: ["id", "item", "amount"] });
    assert.match(result.said("format.columns").join(), /taken to be the placeholders/);
  });

  it("select-delimited.json a poll that marks what it has sent", () => {
    const result = imported("select-delimited.json");
    const read = result.the("surewire-sql-read");
    assert.equal(result.has("inject"), false);
    assert.deepEqual([read.mode, read.progress, read.pollInterval, read.keyColumn, read.inputs, read.outputs], ["poll", "after-read", 15_000, "id", 0, 2]);
    assert.equal(read.afterRead, "UPDATE orders SET state = 'sent' WHERE id = :id");
    assert.deepEqual([result.after(read, 0), result.after(read, 1)], [["send"], ["rows that cannot be sent"]]);
    const out = result.the("surewire-amqp-out");
    assert.deepEqual([out.exchange, out.exchangeKind, out.routingKey, out.routingKeyType, out.headers], ["orders", "direct", '"new." & payload.item', "jsonata", '{"plant":"north"}']);
    assert.deepEqual(out.properties, [{ property: "contentType", value: "text/csv", valueType: "str" }]);
    assert.equal((out.formatOptions as { delimiter: string }).delimiter, "|");
    assert.deepEqual(result.the("surewire-sql-database").credentials, { username: "bridge", password: "${SUREWIRE_DATABASE_PASSWORD}" });
    assert.equal(result.the("surewire-sql-database").connectionString, "Driver={Oracle 23 ODBC driver};DBQ=ora.example:1521/PLANT");
  });

  it("select-json.json a poll by a watermark, in batches", () => {
    const result = imported("select-json.json");
    const read = result.the("surewire-sql-read");
    assert.deepEqual([read.progress, read.watermarkColumn, read.keyColumn, read.pollInterval, read.output, read.batchSize], ["watermark", "changed", "id", 10_000, "batch", 50]);
    const out = result.the("surewire-amqp-out");
    assert.deepEqual([out.exchange, out.routingKey, out.persistent], ["", "events", false]);
    assert.deepEqual(out.properties, [{ property: "priority", value: "5", valueType: "num" }, { property: "expiration", value: "60000", valueType: "num" }]);
  });

  it("a poll by a watermark without the limit of its query, which would keep all rows behind it from being read", () => {
    const database = { driver: "sqlite", file: "a.db", watermark: "at", keys: ["id"] };
    const query = (statement: string): unknown => {
      const result = imported({ database: { ...database, statement }, broker: { host: "mq.example", destination: { queue: "q" } } });
      assert.match(result.report, statement.includes("id in") ? /^(?!.*limit)/s : /database\.statement +.*limit was taken out/);
      return result.the("surewire-sql-read").query;
    };
    assert.equal(query("select * from t order by at limit 100;"), "select * from t order by at");
    assert.equal(query("select * from t fetch first 10 rows only"), "select * from t");
    assert.equal(query("select * from t where id in (select id from u limit 5)"), "select * from t where id in (select id from u limit 5)");
  });

  it("select-xml.json all rows in one message, at certain times", () => {
    const result = imported("select-xml.json");
    const read = result.the("surewire-sql-read");
    assert.deepEqual([read.mode, read.query, read.output, read.outputs], ["message", "select ID, TITLE from WH.PARTS", "all", 1]);
    assert.equal(result.the("inject").crontab, "30 6 * * *");
    const { rootElement, rowElement } = result.the("surewire-amqp-out").formatOptions as Record<string, unknown>;
    assert.deepEqual([rootElement, rowElement], ["parts", "part"]);
  });

  it("a button where the times cannot be those of an inject node, which would not start with them", () => {
    const crontab = (cron: string): unknown => imported({ database: { sql: "select 1", cron }, broker: { queue: "q" } }).the("inject").crontab;
    for (const cron of ["99 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * * 8", "noon * * * *", "0 0 * 13 *", "*/0 * * * *", "1,,2 * * * *"]) assert.equal(crontab(cron), "", cron);
    for (const cron of ["*/5 0-6,22 * jan-mar MON-FRI", "0 0 L * *", "0 0 15W * *", "0 0 * * 7", "0/5 * * * *"]) assert.equal(crontab(cron), cron);
  });

  it("a word about days of the week, of which the first is another one for Quartz", () => {
    const said = (cron: string): string[] => imported({ database: { sql: "select 1", cron }, broker: { queue: "q" } }).said("database.cron");
    assert.match(said("0 0 12 ? * 2-6").join(), /1 was taken for Monday: for Quartz it is Sunday/);
    assert.doesNotMatch(said("0 0 12 ? * MON-FRI").join(), /Monday/);
  });

  it("unknown.json a flow, and a list of what it did not know or could not carry over", () => {
    const result = imported("unknown.json");
    assert.deepEqual(result.said("database.hots"), ["unknown; is database.access.host meant?"]);
    assert.deepEqual(result.said("format.delimitter"), ["unknown; is format.delimiter meant?"]);
    for (const path of ["owner", "retention.days", "database.sparkle", "database.apiToken", "broker.source.colour"]) assert.match(result.said(path).join(), /^unknown/, path);
    assert.match(result.said("database.pollInterval").join(), /not used by subscribe and write/);
    assert.match(result.said("database.template").join(), /\$\{table\} stands in the place of a name/);
    assert.match(result.said("broker.type").join(), /only AMQP 0-9-1/);
    assert.match(String(result.the("comment").info), /`database.sparkle`: unknown/);
  });

  it("hostile.json a flow with what can be used of it, and nothing else", () => {
    const result = imported("hostile.json");
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.deepEqual(Object.keys(result.the("surewire-amqp-in").arguments as object), ["x-max-length"]);
    assert.doesNotMatch(JSON.stringify(result.flow), /"polluted"|"__proto__"|:__proto__|\\u0007/);
    // nothing of a value gets out of its place in the connection string
    assert.equal(result.the("surewire-sql-database").connectionString, "Driver={PostgreSQL Unicode};Server=localhost;Port=5432;Database={a}};Pwd={b}");
    assert.deepEqual(result.the("surewire-amqp-broker").heartbeat, 15);
    assert.doesNotMatch(result.report, /[\u0000-\u0009\u000b-\u001f\u202e]/);
    assert.match(result.report, /nested too deeply/);
  });
});

describe("every imported flow", () => {
  for (const file of FILES) {
    it(`of ${file} holds no secret, nor does what is said of it`, () => {
      const { flow, report } = imported(file);
      const secrets = readFileSync(join(FIXTURES, file), "utf8").match(/hunter2[\w-]*|12345678901234567/g) ?? [];
      assert.ok(secrets.length > 0 || file === "get-json.json", "the file has none to find");
      for (const text of [JSON.stringify(flow), report]) assert.doesNotMatch(text, /hunter2|1234567890123/);
    });

    it(`of ${file} is wired, grouped, named once, and complete`, () => {
      const { flow } = imported(file);
      const ids = flow.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      const tab = flow.find(({ type }) => type === "tab");
      const group = flow.find(({ type }) => type === "group") as unknown as { id: string; nodes: string[]; x: number; y: number; w: number; h: number };
      const boxes: { x: number; y: number }[] = [];
      for (const node of flow) {
        for (const target of ((node.wires ?? []) as string[][]).flat()) assert.ok(ids.includes(target), `${node.type} is wired to nothing`);
        for (const reference of [node.broker, node.database]) if (reference !== undefined) assert.ok(ids.includes(String(reference)));
        const defaults = NODE_DEFAULTS[node.type];
        if (defaults) assert.deepEqual(Object.keys(defaults).filter((name) => !(name in node)), [], node.type);
        if (!("wires" in node) || node.type === "comment") continue;
        assert.equal(node.z, tab?.id);
        assert.equal(node.g, group.id);
        assert.ok(group.nodes.includes(node.id));
        const { x, y } = node as unknown as { x: number; y: number };
        assert.ok(x - 50 > group.x && x + 50 < group.x + group.w && y - 15 > group.y && y + 15 < group.y + group.h, `${String(node.name)} stands outside its group`);
        assert.ok(boxes.every((other) => Math.abs(other.x - x) >= 100 || Math.abs(other.y - y) >= 40), `${String(node.name)} stands on another node`);
        boxes.push({ x, y });
      }
    });
  }

  it("of the same file is the same, of another one has other ids", () => {
    assert.deepEqual(imported("get-json.json").flow, imported("get-json.json").flow);
    const ids = new Set(imported("get-json.json").flow.map(({ id }) => id));
    assert.equal(imported("get-xml.json").flow.some(({ id }) => ids.has(id)), false);
  });

  it("has ids that a password has no part in", () => {
    const file = JSON.parse(readFileSync(join(FIXTURES, "select-json.json"), "utf8")) as { broker: { connection: { password: string } } };
    const before = imported(file).flow;
    file.broker.connection.password = "another";
    assert.deepEqual(imported(file).flow, before);
  });
});
