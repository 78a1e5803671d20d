import assert from "node:assert/strict";
import { readOptions as readBroker } from "../../nodes/amqp/broker/settings";
import { readSettings as readIn } from "../../nodes/amqp/in/settings";
import { readSettings as readOut } from "../../nodes/amqp/out/settings";
import { readSettings as readRedrive } from "../../nodes/amqp/redrive/settings";
import { withValue } from "../../nodes/common/environment";
import { isConnectorError } from "../../nodes/common/errors";
import { variablesOf } from "../../nodes/common/form-request";
import RED from "node-red";
import { listedParameters } from "../../nodes/common/parameters";
import { compileTypedInput, type TypedInputUtil } from "../../nodes/common/typed-input";
import { readCaseConfig as readCase } from "../../nodes/salesforce/case/case-config";
import { readSettings as readBulk } from "../../nodes/salesforce/bulk/settings";
import { templateCompiler } from "../../nodes/salesforce/client/template";
import { readSettings as readQuery } from "../../nodes/salesforce/query/settings";
import { readSettings as readRecord } from "../../nodes/salesforce/record/settings";
import { readSettings as readRead } from "../../nodes/sql/read/settings";
import { login } from "../../nodes/salesforce/client/sign-in/login";
import { readSettings as readListen } from "../../nodes/salesforce/listen/settings";
import { readSettings as readOrg } from "../../nodes/salesforce/org/settings";
import { readSettings as readRoute } from "../../nodes/salesforce/route/settings";
import { readOptions as readDatabase } from "../../nodes/sql/database/settings";
import { readSettings as readWrite } from "../../nodes/sql/write/settings";

const UNSET = "${PLANT_7}";
const SAYS = { code: "NOT_CONFIGURED", message: "The environment variable PLANT_7 has no value" };

const util = RED.util as unknown as TypedInputUtil;
const node = { _flow: { getSetting: () => undefined } };
const compile = templateCompiler(util, node);

/** What Node-RED leaves as it is, by what it would have become. */
const SETTINGS: Record<string, (value: never) => unknown> = {
  "a broker's address": (value) => readBroker({ urls: [value] }, {}),
  "a virtual host": (value) => readBroker({ urls: ["amqp://host"], vhost: value }, {}),
  "a broker's user": (value) => readBroker({ urls: ["amqp://host"] }, { username: value }),
  "a broker's password": (value) => readBroker({ urls: ["amqp://host"] }, { username: "line", password: value }),
  "a broker's token": (value) => readBroker({ urls: ["amqp://host"], auth: "token" }, { token: value }),
  "a token's client secret": (value) => readBroker({ urls: ["amqp://host"], auth: "token", tokenUrl: "https://host" }, { clientId: "flow", clientSecret: value }),
  "a queue": (value) => readIn({ broker: "", queue: value }),
  "a dead-letter queue": (value) => readIn({ broker: "", queue: "orders", deadLetterQueue: value }),
  "a parking queue": (value) => readRedrive({ broker: "", queue: "orders.dlq", parkingQueue: value }),
  "an exchange": (value) => readOut({ broker: "", exchange: value }, compile),
  "a routing key": (value) => readOut({ broker: "", routingKey: value }, compile),
  "a file of the embedded SQLite": (value) => readDatabase({ engine: "sqlite", file: value }, {}),
  "a connection string": (value) => readDatabase({ connectionString: value }, {}),
  "a database's password": (value) => readDatabase({ connectionString: "DSN=a" }, { username: "line", password: value }),
  "the name of a position": (value) => readListen({ org: "", channel: "/event/A__e", listener: value }),
  "the name of a router's cases": (value) => readRoute({ org: "", routes: [{ queue: "Pumps", workgroup: "pumps" }], stateName: value }),
  "a table": (value) => readWrite({ database: "", mode: "insert", table: value }, String),
  "an inbox table": (value) => readWrite({ database: "", mode: "insert", table: "t", dedupe: true, inboxTable: value }, String),
  "a key file": (value) => readOrg({ flow: "jwt-bearer", keyFile: value }, {}),
  "a binding's routing key": (value) => readIn({ broker: "", queue: "orders", bindings: [{ exchange: "plant", exchangeType: "topic", routingKey: value }] }),
  "the root of XML": (value) => readIn({ broker: "", queue: "orders", format: "xml", formatOptions: { rootElement: value } }),
  "the prefix of XML's attributes": (value) => readIn({ broker: "", queue: "orders", format: "xml", formatOptions: { attributePrefix: value } }),
  "a column of delimited text": (value) => readIn({ broker: "", queue: "orders", format: "delimited", formatOptions: { columns: [value] } }),
  "a column": (value) => readWrite({ database: "", mode: "insert", table: "t", columns: [{ column: value, value: "payload", valueType: "msg" }] }, String),
  "a key": (value) => readWrite({ database: "", mode: "upsert", table: "t", keys: [value] }, String),
  "a query": (value) => readRead({ database: "", query: value }),
  "a key column": (value) => readRead({ database: "", query: "select 1", mode: "poll", watermarkColumn: "at", keyColumn: value }),
  "a query of Salesforce": (value) => readQuery({ org: "", query: value }),
  "an object to load": (value) => readBulk({ org: "", object: value } as never),
  "a version of the API": (value) => readOrg({ apiVersion: value }, {}),
  "a queue to watch": (value) => readRoute({ org: "", routes: [{ queue: value, workgroup: "pumps" }] }),
  "a division's condition": (value) => readCase({ divisions: [{ when: value, org: "", defaults: [] }] } as never, compile, () => ({}) as never),
  "a division's owner": (value) => readCase({ divisions: [{ when: "", org: "", owner: value, defaults: [] }] } as never, compile, () => ({}) as never),
  "the name of a parameter": (value) => listedParameters([{ name: value, value: "payload", valueType: "msg" }]),
  "an external id field": (value) => readRecord(util, node, { operation: "upsert", object: "Case", externalIdField: value } as never),
};

describe("a setting that refers to the environment, which has no value for it", () => {
  for (const [what, read] of Object.entries(SETTINGS)) it(`is not taken for ${what}`, () => assert.throws(() => read(UNSET as never), SAYS));

  it("is no login of a Salesforce org", async () => {
    const flow = "client-credentials";
    const transport = {} as never; // nobody is asked
    await assert.rejects(login(transport, { loginUrl: UNSET, flow, credentials: {} }), SAYS);
    await assert.rejects(login(transport, { loginUrl: "https://acme.my.salesforce.com", flow, credentials: { clientId: "key", clientSecret: UNSET } }), SAYS);
  });

  it("is left by a form's test, too, which then says the same", () => {
    const resolve = variablesOf({ evaluateNodeProperty: (text: string) => (text === "${LINE}" ? "4" : "") } as never, null);
    assert.equal(resolve(UNSET), UNSET);
    for (const reference of ["${LINE}", "$(LINE)"]) assert.equal(resolve(reference), "4");
  });

  it("is distinguished from text that contains one, and does no harm where it is not used", () => {
    for (const text of ["orders", "", " a ", "a${B}", "${A}${B}", "$A", "${}"]) assert.equal(withValue(text), text);
    assert.throws(() => withValue("$(PLANT_7)"), SAYS);
    assert.doesNotThrow(() => readDatabase({ engine: "sqlite", file: "a.db", connectionString: UNSET }, { password: UNSET }));
    assert.doesNotThrow(() => readBroker({ urls: ["amqps://host"], auth: "external" }, { username: UNSET, password: UNSET }));
    assert.doesNotThrow(() => readOut({ broker: "", routingKey: "key", routingKeyType: "msg" }, (value) => () => (value === "key" ? UNSET : value)));
  });
});

describe("a variable of a group or subflow that is no text", () => {
  for (const [what, read] of Object.entries(SETTINGS)) {
    it(`does not break what reads ${what}`, () => {
      for (const value of [7, true, { a: 1 }]) {
        try {
          read(value as never);
        } catch (error) {
          assert.ok(isConnectorError(error), String(error)); // that it is no name, or no address
        }
      }
    });
  }

  it("is written as text, as the name of a file, a table or a position", () => {
    const seven = 7 as never;
    assert.equal(readDatabase({ engine: "sqlite", file: seven }, {}, "/data").file, "/data/7");
    assert.deepEqual(readDatabase({ connectionString: "DSN=a" }, { username: seven, password: seven }).credentials, { username: "7", password: "7" });
    assert.equal((readWrite({ database: "", mode: "insert", table: seven }, String) as { table: string }).table, "7");
    assert.equal(readListen({ org: "", channel: "/event/A__e", listener: seven }).listener, "7");
    assert.deepEqual([withValue(undefined), withValue(null), withValue(true), withValue({ a: 1 })], ["", "", "true", '{"a":1}']);
  });
});

describe("a typed input that refers to the environment, which has no value for it", () => {
  for (const type of ["str", "num", "bool", "json", "msg", "flow", "template"]) {
    it(`of type ${type} is not taken for a value`, () => assert.throws(() => compile(UNSET, type, "a column"), SAYS));
  }

  it("is distinguished from JSONata, and from text that only contains such words", () => {
    assert.equal(compile("${'a': payload}", "jsonata", "a column")({}) instanceof Promise, true);
    assert.equal(compileTypedInput(util, node, "for ${PLANT_7}", "str")({}), "for ${PLANT_7}");
    assert.equal(compileTypedInput(util, node, '"${PLANT_7}"', "json")({}), UNSET);
  });

  it("may hold JSON that a variable gave", () => {
    const limits = { high: 7 };
    assert.deepEqual(compileTypedInput(util, node, limits, "json")({}), limits);
    assert.equal(compileTypedInput(util, node, limits, "str")({}), '{"high":7}');
  });
});
