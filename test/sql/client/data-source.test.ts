import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PingResult } from "../../../nodes/sql/client/protocol";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { Postgres } from "../../services/postgres";
import { sharedPostgres } from "../../services/shared";
import { SETTINGS } from "./engines";

/** Debian puts drivers into a folder by the machine's architecture. */
function driverLibrary(name: string): string {
  const folder = readdirSync("/usr/lib").find((entry) => entry.endsWith("-linux-gnu")) ?? "";
  return path.join("/usr/lib", folder, "odbc", name);
}

describe("A data source", function () {
  const savedIni = process.env.ODBCINI;
  let folder: string;
  let server: Postgres;

  before(async () => {
    server = await sharedPostgres();
    folder = mkdtempSync(path.join(tmpdir(), "surewire-dsn-"));
    const library = path.join(folder, "plant.so"); // a name that gives nothing away
    symlinkSync(driverLibrary("psqlodbcw.so"), library);
    const place = `Servername=127.0.0.1\nPort=${server.port}\nDatabase=${server.database}\n`;
    writeFileSync(
      path.join(folder, "odbc.ini"),
      `[named]\nDriver=PostgreSQL Unicode\n${place}[by library]\nDriver=${driverLibrary("psqlodbcw.so")}\n${place}[nameless]\nDriver=${library}\n${place}[set]\nDriver=PostgreSQL Unicode\nMaxVarcharSize=100\n${place}`,
    );
    process.env.ODBCINI = path.join(folder, "odbc.ini");
  });
  after(() => {
    if (savedIni === undefined) delete process.env.ODBCINI;
    else process.env.ODBCINI = savedIni;
    rmSync(folder, { recursive: true });
  });

  /** What a source leads to, and how much of a text of 5,000 characters without a declared length comes through it. */
  async function through(source: string): Promise<PingResult & { length: number | string }> {
    const client = new DatabaseClient({ ...SETTINGS, connectionString: `DSN=${source}`, credentials: server });
    try {
      const found = await client.ping();
      const statements = [{ sql: "(select cast(repeat('x', 5000) as varchar) as v)", values: {} }];
      const [outcome] = await client.execute({ transactions: [{ statements }], maxRows: 1 });
      const length = outcome && "results" in outcome ? String(outcome.results[0]?.rows?.[0]?.v).length : (outcome?.error.code ?? "nothing");
      return { ...found, length };
    } finally {
      await client.close();
    }
  }

  for (const [source, how] of Object.entries({ named: "by the name of its driver", "by library": "by its driver's library", nameless: "by asking the database" })) {
    it(`gets the settings its driver needs, known ${how}`, async () => {
      const { dialect, product, length } = await through(source);
      assert.deepEqual([dialect, product.split(" ")[0], length], ["postgresql", "PostgreSQL", 5000]);
    });
  }

  it("keeps those it has: here it cuts text, and that is an error", async () => {
    assert.equal((await through("set")).length, "VALUE_TRUNCATED");
  });
});
