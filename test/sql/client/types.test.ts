import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { RowValue } from "../../../nodes/sql/client/protocol";
import { ENGINES, type TestEngine } from "./engines";
import { TYPES } from "./type-cases";

const FILE = path.join(__dirname, "../../../docs/sql-types.md");
/** Everything up to this line is written by hand. */
const MARK = "<!-- From here on written by test/sql/client/types.test.ts: UPDATE_SQL_TYPES=1 npm run mocha -- test/sql/client/types.test.ts -->";

/** A value as the page shows it. */
function shown(value: RowValue): string {
  if (value instanceof Uint8Array) return `Buffer ${Buffer.from(value).toString("hex")}`;
  const text = JSON.stringify(value);
  const characters = Array.from(text);
  return characters.length > 60 ? `${characters.slice(0, 40).join("")}…" (${characters.length - 2} characters)` : text;
}

function cell(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

describe("docs/sql-types.md", function () {
  this.timeout(60_000);
  const sections: string[] = [];

  for (const { name, start } of ENGINES) {
    it(`tells what comes back from ${name}, exactly as it is stored or with an error`, async () => {
      const engine: TestEngine = await start();
      const client = new DatabaseClient(engine.options);
      try {
        const table = `types_${process.pid}`;
        const cases = TYPES[name] ?? [];
        const columns = cases.map(({ type }, index) => `v${index} ${type}`);
        await engine.execute(`drop table if exists ${table}`);
        await engine.execute(`create table ${table} (${columns.join(", ")})`);
        await engine.execute(`insert into ${table} values (${cases.map(({ sql }) => sql).join(", ")})`);
        const lines = [];
        const all = await read(client, `select * from ${table}`).catch(() => undefined);
        for (const [index, { type, sql, expect }] of cases.entries()) {
          const back = all ? shown(all[index] as RowValue) : await one(client, `select v${index} from ${table}`);
          if (expect !== undefined) assert.equal(back, expect, `${type} ${sql}`);
          lines.push(`| ${type === "" ? "none" : cell(type)} | ${cell(sql)} | ${/^[A-Z_]+:/.test(back) ? back : cell(back)} |`);
        }
        sections.push([`## ${name}`, "", "| column | stored | comes back |", "|---|---|---|", ...lines].join("\n"));
        await engine.execute(`drop table ${table}`);
      } finally {
        await client.close();
        engine.close();
      }
    });
  }

  it("says the same as the databases", function () {
    if (sections.length < ENGINES.length) this.skip();
    const [written = ""] = readFileSync(FILE, "utf8").split(MARK);
    const text = `${written}${MARK}\n\n${sections.join("\n\n")}\n`;
    if (process.env["UPDATE_SQL_TYPES"]) writeFileSync(FILE, text);
    assert.equal(readFileSync(FILE, "utf8"), text, "the types have changed: run with UPDATE_SQL_TYPES=1, and look at the difference");
  });
});

async function read(client: DatabaseClient, sql: string): Promise<RowValue[]> {
  const { cursor } = await client.openCursor({ sql, values: {}, fetchSize: 10 });
  const { rows } = await client.fetch(cursor);
  await client.closeCursor(cursor);
  return rows[0] as RowValue[];
}

async function one(client: DatabaseClient, sql: string): Promise<string> {
  try {
    return shown((await read(client, sql))[0] as RowValue);
  } catch (error) {
    if (!isConnectorError(error) || error.code !== "VALUE_TRUNCATED") throw error;
    return `${error.code}: ${error.message}`;
  }
}
