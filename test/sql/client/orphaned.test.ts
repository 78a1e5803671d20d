import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { Client } from "pg";
import type { Postgres } from "../../services/postgres";
import { sharedPostgres } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { SETTINGS } from "./engines";

const TABLE = "orphaned";

describe("a database process whose Node-RED was killed", function () {
  this.timeout(60_000);
  let server: Postgres;
  const sessions: Client[] = [];
  let parent: ChildProcess | undefined;

  before(async () => {
    server = await sharedPostgres();
    await server.query(`drop table if exists ${TABLE}`);
    await server.query(`create table ${TABLE} (id integer primary key)`);
    await server.query(`insert into ${TABLE} values (1), (2), (3)`);
  });
  afterEach(async () => {
    parent?.kill("SIGKILL");
    await Promise.all(sessions.splice(0).map((session) => session.end()));
  });

  const update = (id: number): string => `update ${TABLE} set id = id where id = ${id}`;

  /** Another worker's session, in a transaction that has changed a row. */
  async function changing(id: number): Promise<Client> {
    const session = new Client(server.clientConfig);
    sessions.push(session);
    await session.connect();
    await session.query("begin");
    await session.query(update(id));
    return session;
  }

  it("leaves no transaction open, though a statement of another one does not come back", async () => {
    const first = await changing(1);
    await changing(2);
    parent = fork(path.join(__dirname, "statements-forever.ts"), [], { execArgv: ["--require", require.resolve("tsx/cjs")] });
    const options = { ...SETTINGS, connectionString: server.connectionString, credentials: { username: server.username, password: server.password } };
    parent.send({ options, transactions: [[update(3), update(1)], [update(2), update(2)]] });
    await waitFor("both to wait for a row", async () => {
      const waiting = await server.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%update ${TABLE} %'`);
      return waiting.length === 2;
    });
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await first.query("rollback");
    await waitFor("row 3 to be free", () => server.query(`select 1 from ${TABLE} where id = 3 for update nowait`));
  });
});
