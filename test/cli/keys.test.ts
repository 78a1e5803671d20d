import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BRIDGE, BRIDGE_INDEX, GROUPS, type KeyName, KEYS, SECTIONS } from "../../cli/import/keys";
import { CONNECTOR, CONNECTOR_INDEX } from "../../cli/import/keys-connector";
import { keysTable } from "../../cli/import/keys-table";

const ROOT = join(__dirname, "..", "..");
const NAMES = Object.keys(KEYS) as KeyName[];
const CONNECTOR_NAMES = Object.keys(CONNECTOR.keys);
const findKey = (path: string[]): unknown => BRIDGE_INDEX.find(path);
const inPart = (...path: string[]): string[] | undefined => CONNECTOR_INDEX.find(["part", ...path])?.names;

/** As it is written in camel case, with underscores, with hyphens, and in capitals. */
function spellings(name: string): string[] {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(" ");
  return [name, words.join("_").toLowerCase(), words.join("-").toLowerCase(), words.join("").toUpperCase(), words.join(" ")];
}

describe("the keys of an old configuration", () => {
  for (const name of NAMES) {
    it(`${name} is found under all its names, however they are spelled`, () => {
      const path = name.split(".");
      for (const alias of [path.at(-1)!, ...BRIDGE_INDEX.key(name).aliases]) {
        for (const spelling of spellings(alias)) assert.deepEqual(BRIDGE_INDEX.find([...path.slice(0, -1), spelling])?.names, [name], spelling);
      }
    });
  }

  it("are found in sections and groups of other names", () => {
    for (const [section, aliases] of Object.entries(SECTIONS)) {
      for (const alias of aliases) assert.ok(findKey([alias, section === "format" ? "type" : "user"]), alias);
    }
    for (const [group, { section, names }] of Object.entries(GROUPS)) {
      const key = group === "broker.source" || group === "broker.destination" ? "queue" : "user";
      for (const alias of names) assert.deepEqual(findKey([section, alias, key]), { names: [`${group}.${key}`] }, alias);
    }
  });

  it("need no group, unless it says whose they are", () => {
    assert.deepEqual(findKey(["database", "host"]), { names: ["database.access.host"] });
    assert.deepEqual(findKey(["broker", "vhost"]), { names: ["broker.connection.vhost"] });
    assert.deepEqual(findKey(["broker", "queue"]), { names: ["broker.source.queue", "broker.destination.queue"] });
    assert.deepEqual(findKey(["source", "queue"]), { names: ["broker.source.queue"] });
    assert.deepEqual(findKey(["delimiter"]), { names: ["format.delimiter"] });
    assert.equal(findKey(["host"]), undefined);
  });

  it("may be written with dots, in several parts, and with a unit", () => {
    assert.deepEqual(findKey(["database.access.host"]), { names: ["database.access.host"] });
    assert.deepEqual(findKey(["database", "pool", "max"]), { names: ["database.access.poolSize"] });
    assert.deepEqual(findKey(["broker", "tls", "enabled"]), { names: ["broker.connection.tls"] });
    assert.deepEqual(findKey(["database", "pollIntervalMs"]), { names: ["database.pollInterval"], unit: 1 });
    assert.deepEqual(findKey(["database", "query_timeout_seconds"]), { names: ["database.access.queryTimeout"], unit: 1000 });
  });

  it("are none for names that every object has", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", ""]) {
      assert.equal(findKey([name]), undefined, name);
      assert.equal(findKey(["database", name]), undefined, name);
    }
  });

  it("are each asked for somewhere, unless nothing corresponds to them", () => {
    const folder = join(ROOT, "cli", "import");
    const code = readdirSync(folder).filter((file) => !/^keys(-\w+)?\.ts$/.test(file)).map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
    for (const table of [BRIDGE, CONNECTOR]) {
      const names = Object.entries(table.keys);
      assert.deepEqual(names.filter(([name, { dropped }]) => !dropped && !code.includes(`"${name}"`)), []);
      assert.deepEqual(names.filter(([name, { dropped }]) => dropped && code.includes(`"${name}"`)), []);
    }
  });

  it("stand in the documentation as the command prints them", () => {
    const page = readFileSync(join(ROOT, "docs", "old-configuration-files.md"), "utf8");
    for (const [mark, table] of [["keys", BRIDGE], ["connector keys", CONNECTOR]] as const) {
      const [, between] = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*?)\\n<!-- /${mark} -->`).exec(page) ?? [];
      assert.equal(between?.trim(), keysTable(table), "surewire-import --keys prints what belongs there");
    }
  });
});

describe("the keys of a device connector", () => {
  for (const name of CONNECTOR_NAMES) {
    it(`${name} is found under all its names, however they are spelled`, () => {
      const end = name.lastIndexOf(".");
      const [group, last] = [name.slice(0, Math.max(end, 0)), name.slice(end + 1)];
      const path = group === "" ? [] : ["part", ...(group === "part" ? [] : [CONNECTOR.groups[group]!.names[0]!])];
      for (const alias of [last, ...CONNECTOR_INDEX.key(name).aliases]) {
        for (const spelling of spellings(alias)) assert.deepEqual(CONNECTOR_INDEX.find([...path, spelling])?.names, [name], spelling);
      }
    });
  }

  it("need no group, and their names may begin with it", () => {
    assert.deepEqual(inPart("client_id"), ["org.clientId"]);
    assert.deepEqual(inPart("client", "id"), ["org.clientId"]);
    assert.deepEqual(inPart("salesforceLoginUrl"), ["org.loginUrl"]);
    assert.deepEqual(inPart("amqpHost"), ["broker.connection.host"]);
    assert.deepEqual(inPart("amqp"), ["broker.connection.url"]);
    assert.deepEqual(inPart("rabbitmq", "password"), ["broker.connection.password"]);
    assert.deepEqual(inPart("vhost"), ["broker.connection.vhost"]);
    assert.deepEqual(inPart("user"), ["org.user"]);
    assert.deepEqual(inPart("user", "name"), ["org.user"]);
    assert.deepEqual(inPart("name"), ["part.name"]);
    assert.deepEqual(inPart("queue", "name"), ["broker.source.queue"]);
    assert.deepEqual(inPart("exchange", "type"), ["broker.source.exchangeType"]);
    assert.deepEqual(inPart("default attributes"), ["case.attributes"]);
  });
});
