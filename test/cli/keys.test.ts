import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findKey } from "../../cli/import/key-index";
import { GROUPS, keyOf, type KeyName, KEYS, SECTIONS } from "../../cli/import/keys";
import { keysTable } from "../../cli/import/keys-table";

const ROOT = join(__dirname, "..", "..");
const NAMES = Object.keys(KEYS) as KeyName[];

/** As it is written in camel case, with underscores, with hyphens, and in capitals. */
function spellings(name: string): string[] {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(" ");
  return [name, words.join("_").toLowerCase(), words.join("-").toLowerCase(), words.join("").toUpperCase(), words.join(" ")];
}

describe("the keys of an old configuration", () => {
  for (const name of NAMES) {
    it(`${name} is found under all its names, however they are spelled`, () => {
      const path = name.split(".");
      for (const alias of [path.at(-1)!, ...keyOf(name).aliases]) {
        for (const spelling of spellings(alias)) assert.deepEqual(findKey([...path.slice(0, -1), spelling])?.names, [name], spelling);
      }
    });
  }

  it("are found in sections and groups of other names", () => {
    for (const [section, aliases] of Object.entries(SECTIONS)) {
      for (const alias of aliases) assert.ok(findKey([alias, section === "format" ? "type" : "user"]), alias);
    }
    for (const [group, aliases] of Object.entries(GROUPS)) {
      const [section = ""] = group.split(".");
      const key = group === "broker.source" || group === "broker.destination" ? "queue" : "user";
      for (const alias of aliases) assert.deepEqual(findKey([section, alias, key])?.names, [`${group}.${key}`], alias);
    }
  });

  it("need no group, unless it says whose they are", () => {
    assert.deepEqual(findKey(["database", "host"])?.names, ["database.access.host"]);
    assert.deepEqual(findKey(["broker", "vhost"])?.names, ["broker.connection.vhost"]);
    assert.deepEqual(findKey(["broker", "queue"])?.names, ["broker.source.queue", "broker.destination.queue"]);
    assert.deepEqual(findKey(["source", "queue"])?.names, ["broker.source.queue"]);
    assert.deepEqual(findKey(["delimiter"])?.names, ["format.delimiter"]);
    assert.equal(findKey(["host"]), undefined);
  });

  it("may be written with dots, in several parts, and with a unit", () => {
    assert.deepEqual(findKey(["database.access.host"])?.names, ["database.access.host"]);
    assert.deepEqual(findKey(["database", "pool", "max"])?.names, ["database.access.poolSize"]);
    assert.deepEqual(findKey(["broker", "tls", "enabled"])?.names, ["broker.connection.tls"]);
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
    assert.deepEqual(NAMES.filter((name) => !keyOf(name).dropped && !code.includes(`"${name}"`)), []);
    assert.deepEqual(NAMES.filter((name) => keyOf(name).dropped && code.includes(`"${name}"`)), []);
  });

  it("stand in the documentation as the command prints them", () => {
    const page = readFileSync(join(ROOT, "docs", "old-configuration-files.md"), "utf8");
    const [, between] = /<!-- keys -->\n([\s\S]*?)\n<!-- \/keys -->/.exec(page) ?? [];
    assert.equal(between?.trim(), keysTable(), "surewire-import --keys prints what belongs there");
  });
});
