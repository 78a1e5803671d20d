import assert from "node:assert/strict";
import { readOptions as readBroker } from "../../nodes/amqp/broker/settings";
import { readSettings as readIn } from "../../nodes/amqp/in/settings";
import { readSettings as readOut } from "../../nodes/amqp/out/settings";
import { readSettings as readRedrive } from "../../nodes/amqp/redrive/settings";
import { withValue } from "../../nodes/common/environment";
import { variablesOf } from "../../nodes/common/form-request";
import { login } from "../../nodes/salesforce/client/sign-in/login";
import { readSettings as readListen } from "../../nodes/salesforce/listen/settings";
import { readSettings as readOrg } from "../../nodes/salesforce/org/settings";
import { readSettings as readRoute } from "../../nodes/salesforce/route/settings";
import { readOptions as readDatabase } from "../../nodes/sql/database/settings";
import { readSettings as readWrite } from "../../nodes/sql/write/settings";

const UNSET = "${PLANT_7}";
const SAYS = { code: "NOT_CONFIGURED", message: "The environment variable PLANT_7 has no value" };

/** What Node-RED leaves as it is, by what it would have become. */
const SETTINGS: Record<string, () => unknown> = {
  "a broker's address": () => readBroker({ urls: [UNSET] }, {}),
  "a virtual host": () => readBroker({ urls: ["amqp://host"], vhost: UNSET }, {}),
  "a broker's user": () => readBroker({ urls: ["amqp://host"] }, { username: UNSET }),
  "a broker's password": () => readBroker({ urls: ["amqp://host"] }, { username: "line", password: UNSET }),
  "a broker's token": () => readBroker({ urls: ["amqp://host"], auth: "token" }, { token: UNSET }),
  "a token's client secret": () => readBroker({ urls: ["amqp://host"], auth: "token", tokenUrl: "https://host" }, { clientId: "flow", clientSecret: UNSET }),
  "a queue": () => readIn({ broker: "", queue: UNSET }),
  "a dead-letter queue": () => readIn({ broker: "", queue: "orders", deadLetterQueue: UNSET }),
  "a parking queue": () => readRedrive({ broker: "", queue: "orders.dlq", parkingQueue: UNSET }),
  "an exchange": () => readOut({ broker: "", exchange: UNSET }, (value) => () => value),
  "a routing key": () => readOut({ broker: "", routingKey: UNSET }, (value) => () => value),
  "a file of the embedded SQLite": () => readDatabase({ engine: "sqlite", file: UNSET }, {}),
  "a connection string": () => readDatabase({ connectionString: UNSET }, {}),
  "a database's password": () => readDatabase({ connectionString: "DSN=a" }, { username: "line", password: UNSET }),
  "the name of a position": () => readListen({ org: "", channel: "/event/A__e", listener: UNSET }),
  "the name of a router's cases": () => readRoute({ org: "", routes: [{ queue: "Pumps", workgroup: "pumps" }], stateName: UNSET }),
  "a table": () => readWrite({ database: "", mode: "insert", table: UNSET }, String),
  "an inbox table": () => readWrite({ database: "", mode: "insert", table: "t", dedupe: true, inboxTable: UNSET }, String),
  "a key file": () => readOrg({ flow: "jwt-bearer", keyFile: UNSET }, {}),
};

describe("a setting that refers to the environment, which has no value for it", () => {
  for (const [what, read] of Object.entries(SETTINGS)) it(`is not taken for ${what}`, () => assert.throws(read, SAYS));

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

  it("is told from text that has one in it, and may stand where it is not used", () => {
    for (const text of ["orders", "", undefined, "a${B}", "${A}${B}", "$A", "${}"]) assert.equal(withValue(text), text);
    assert.throws(() => withValue("$(PLANT_7)"), SAYS);
    assert.doesNotThrow(() => readDatabase({ engine: "sqlite", file: "a.db", connectionString: UNSET }, { password: UNSET }));
    assert.doesNotThrow(() => readBroker({ urls: ["amqps://host"], auth: "external" }, { username: UNSET, password: UNSET }));
    assert.doesNotThrow(() => readOut({ broker: "", routingKey: "key", routingKeyType: "msg" }, (value) => () => (value === "key" ? UNSET : value)));
  });
});
