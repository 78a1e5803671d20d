import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { Postgres } from "./postgres";
import { sharedMariaDb, sharedPostgres } from "./shared";
import { isListening, waitFor } from "./wait";

describe("private servers for tests", function () {
  this.timeout(120_000);

  it("keep what PostgreSQL had committed when it was killed", async () => {
    const postgres = await sharedPostgres();
    await postgres.query("create table services_test (id integer)");
    await postgres.query("insert into services_test values (1)");
    await postgres.kill();
    await assert.rejects(postgres.query("select 1"));
    assert.equal(await sharedPostgres(), postgres, "whoever asks next gets it running again");
    assert.deepEqual(await postgres.query("select id from services_test"), [{ id: 1 }]);
  });

  it("distinguish NULL from an empty and a quoted text in MariaDB", async () => {
    const mariaDb = await sharedMariaDb();
    const rows = await mariaDb.query(`select null as a, '' as b, 'x<&>"NULL' as c`);
    assert.deepEqual(rows, [{ a: null, b: "", c: 'x<&>"NULL' }]);
  });

  it("clean up what a killed process has left behind", async () => {
    const script = `require("tsx/cjs"); const { Postgres } = require("./postgres.ts");
      new Postgres().start().then((p) => console.log(JSON.stringify([p.port, p.folder])));
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ["-e", script], { cwd: __dirname, stdio: ["ignore", "pipe", "inherit"] });
    const [port, folder] = await new Promise<[number, string]>((resolve) => {
      owner.stdout.once("data", (text: Buffer) => resolve(JSON.parse(text.toString()) as [number, string]));
    });
    owner.kill("SIGKILL");
    await new Promise((resolve) => owner.once("exit", resolve));
    assert.ok(await isListening(port), "a server does not notice that its owner died");
    const next = await new Postgres().start();
    try {
      await waitFor("the old server's end", async () => !(await isListening(port)) && !existsSync(folder));
      assert.equal(path.dirname(next.folder), path.dirname(folder));
    } finally {
      await next.stop();
    }
  });
});
