import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { readOptions } from "../../../nodes/sql/database/settings";
import { credentialsToTest, type Deployed, readRequest, type TestRequest } from "../../../nodes/sql/database/test-request";

const STRING = "Driver={PostgreSQL Unicode};Server=h;Database=plant";
const deployed: Deployed = { def: { connectionString: STRING }, credentials: { username: "line", password: "stored" } };
const request = (more: Partial<TestRequest> = {}): TestRequest => ({ id: "x", engine: "odbc", connectionString: STRING, credentials: { username: "line", password: "__PWRD__" }, ...more });
const refused = (error: unknown): boolean => isConnectorError(error) && error.code === "INPUT_INVALID" && /type the password again/.test(error.message);

describe("The credentials a test of a database uses", () => {
  it("are those typed in", () => {
    const credentials = { username: "me", password: "typed" };
    assert.deepEqual(credentialsToTest(request({ connectionString: "DSN=elsewhere", credentials }), deployed), credentials);
  });

  it("are the stored ones when the password was not touched", () => {
    assert.deepEqual(credentialsToTest(request({ connectionString: ` ${STRING} ` }), deployed), { username: "line", password: "stored" });
    assert.deepEqual(credentialsToTest(request({ credentials: {} }), deployed), { username: "line", password: "stored" });
  });

  for (const [what, connectionString] of Object.entries({
    "another host": STRING.replace("=h", "=evil"),
    "another driver": STRING.replace("{PostgreSQL Unicode}", "/tmp/evil.so"),
    "a setting more": `${STRING};SSLmode=disable`,
    "a data source": "DSN=evil",
  })) {
    it(`are not the stored ones for ${what}`, () => assert.throws(() => credentialsToTest(request({ connectionString }), deployed), refused));
  }

  it("hold no stored password where none was deployed, where it was emptied, and for SQLite", () => {
    assert.deepEqual(credentialsToTest(request(), undefined), { username: "line" });
    assert.deepEqual(credentialsToTest(request({ credentials: { username: "", password: "" } }), deployed), {});
    assert.deepEqual(credentialsToTest(request({ engine: "sqlite", connectionString: "" }), deployed), {});
  });
});

describe("A request to test a database", () => {
  it("has its variables resolved, and nothing in it that is not a setting", () => {
    const body = { id: "x", connectionString: "${DB}", loginTimeout: 3000, queryTimeout: ["no"], other: "no", credentials: { username: "${DB}", password: {}, more: "no" } };
    const read = readRequest(body, (text) => text.replace("${DB}", "DSN=plant"));
    assert.deepEqual(read, { id: "x", connectionString: "DSN=plant", loginTimeout: "3000", credentials: { username: "DSN=plant" } });
  });

  for (const body of [undefined, null, "x", [], 5]) {
    it(`is not ${JSON.stringify(body) ?? "nothing"}`, () => assert.throws(() => readRequest(body, (text) => text), { code: "INPUT_INVALID" }));
  }
});

describe("The settings of a database", () => {
  it("have defaults, in a flow saved before there was a choice as well", () => {
    const { poolSize, loginTimeout, queryTimeout, idleCheck, dialect, engine } = readOptions({}, {});
    assert.deepEqual([poolSize, loginTimeout, queryTimeout, idleCheck, dialect, engine], [4, 10_000, 60_000, 30_000, "auto", "odbc"]);
  });

  it("stay in their range, whatever the environment says", () => {
    assert.equal(readOptions({ idleCheck: 0 }, {}).idleCheck, 0);
    for (const [def, message] of [
      [{ poolSize: "99" }, "Connections must be a whole number from 1 to 10: 99"],
      [{ loginTimeout: "1" }, "Login timeout must be a whole number from 1000 to 600000: 1"],
      [{ queryTimeout: "soon" }, "Query timeout must be a whole number from 100 to 86400000: soon"],
    ] as const) {
      assert.throws(() => readOptions(def, {}), { code: "NOT_CONFIGURED", message });
    }
  });

  it("take a file from Node-RED's user directory", () => {
    const file = (text: string): string => readOptions({ engine: "sqlite", file: text }, {}, "/data").file;
    assert.deepEqual([file("plant.db"), file("/var/plant.db"), file(":memory:"), file("  ")], ["/data/plant.db", "/var/plant.db", ":memory:", ""]);
  });
});
