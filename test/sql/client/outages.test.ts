import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type ErrorCode, isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient, type DatabaseOptions, type DatabaseState } from "../../../nodes/sql/client/database-client";
import { isErrorData, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { MariaDb } from "../../services/mariadb";
import { Postgres } from "../../services/postgres";
import { pause, waitFor } from "../../services/wait";
import { SETTINGS } from "./engines";

const TABLE = "outages";

function rows(from: number, to: number): WriteRequest {
  const columns = ["id", "name"];
  const values = Array.from({ length: to - from }, (_, index) => ({ columns, values: [from + index, `n${from + index}`] }));
  return { table: TABLE, mode: "upsert", keys: ["id"], mapped: false, rows: values };
}

function withCode(code: ErrorCode, pattern?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(isConnectorError(error), String(error));
    assert.equal(error.code, code, error.message);
    if (pattern) assert.match(error.message, pattern);
    return true;
  };
}

describe("a sql database that fails", function () {
  this.timeout(90_000);
  const clients: DatabaseClient[] = [];
  const connect = (options: Partial<DatabaseOptions>, refusedDelay?: number): DatabaseClient => {
    const client = new DatabaseClient({ ...SETTINGS, ...options }, refusedDelay);
    clients.push(client);
    return client;
  };

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  for (const [name, server] of [
    ["PostgreSQL", new Postgres()],
    ["MariaDB", new MariaDb()],
  ] as const) {
    describe(name, () => {
      before(async function () {
        this.timeout(60_000);
        await server.start();
        await server.query(`create table ${TABLE} (id bigint primary key, name varchar(50))`);
      });
      after(() => server.stop());

      const open = (options: Partial<DatabaseOptions> = {}): DatabaseClient =>
        connect({ connectionString: server.connectionString, credentials: server, ...options });

      it("is written to again after a restart, by the same pool", async () => {
        const client = open();
        const fill = (): Promise<unknown> => Promise.all([0, 1, 2, 3].map((part) => client.write(rows(part * 10, part * 10 + 10))));
        await fill();
        const { pid } = client;
        await server.restart();
        // the drivers tell of a closed socket when they are asked, or fail once: either way the messages are written
        await fill().catch(async (error: unknown) => {
          withCode("DATABASE_UNAVAILABLE")(error);
          await client.untilReady();
          await fill();
        });
        await fill();
        assert.equal(client.pid, pid);
      });

      it("is unavailable while it is stopped, and ready soon after it is back", async () => {
        const client = open();
        const states: DatabaseState["kind"][] = [];
        client.onState(({ kind }) => states.push(kind));
        await client.write(rows(0, 1));
        await server.kill();
        await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_UNAVAILABLE"));
        await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_UNAVAILABLE", /refused|connect/i));
        const ready = client.untilReady();
        await server.start();
        await ready;
        assert.deepEqual(await client.write(rows(0, 1)), [null]);
        const changes = states.filter((kind, index) => kind !== states[index - 1]); // the reason may change while it waits
        assert.deepEqual(changes, ["idle", "connected", "waiting", "connected"]);
      });

      it("refuses a wrong password with one clear error, and is not knocked at again at once", async () => {
        const client = open({ credentials: { username: server.username, password: "wrong {}; PWD=x" } });
        await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_REFUSED", /authentication failed|Access denied/));
        const begun = performance.now();
        for (let attempt = 0; attempt < 100; attempt += 1) await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_REFUSED"));
        assert.ok(performance.now() - begun < 1000);
        const ready = client.untilReady();
        const early = await Promise.race([ready.then(() => "ready"), pause(500).then(() => "still waiting")]);
        assert.equal(early, "still waiting");
        await client.close();
        await ready;
      });

      it("refuses a database that does not exist", async () => {
        const client = open({ connectionString: server.connectionString.replace(/Database=\w+/, "Database=no_such_database") });
        await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_REFUSED", /no_such_database/));
      });

      it("takes a password with every character that has a meaning", async () => {
        const password = "p;w{d}=+%41 'x\" \\ü";
        const quoted = password.replaceAll("'", "''");
        if (server instanceof MariaDb) {
          await server.query(`create user odd@'127.0.0.1' identified by '${quoted.replaceAll("\\", "\\\\")}'`);
        } else {
          await server.query(`create user odd password '${quoted}'`);
        }
        const connectionString = server instanceof MariaDb ? server.connectionString.replace(/;Database=\w+/, "") : server.connectionString;
        assert.ok(await open({ connectionString, credentials: { username: "odd", password } }).ping());
      });

      it("gives up a statement that waits for a lock longer than the query timeout", async () => {
        const client = open({ queryTimeout: 500 });
        await client.write(rows(1, 2));
        const lock = server.query(
          server instanceof MariaDb
            ? `begin; update ${TABLE} set name = 'locked' where id = 1; select sleep(3); commit`
            : `with held as (update ${TABLE} set name = 'locked' where id = 1 returning pg_sleep(3)) select * from held`,
        );
        await pause(300);
        const begun = performance.now();
        // MariaDB's driver cannot cancel: there the process is given up
        const outcome = await client.write(rows(1, 2)).then(
          ([row]) => (isErrorData(row) ? row.code : undefined),
          (error: unknown) => (isConnectorError(error) ? error.code : String(error)),
        );
        assert.ok(performance.now() - begun < 8000);
        assert.ok(outcome === "DATABASE_BUSY" || outcome === "DATABASE_UNAVAILABLE" || outcome === undefined, outcome);
        await lock;
        await waitFor("the database to be writable again", async () => (await client.write(rows(1, 2)))[0] === null);
      });
    });
  }

  it("does not hold up this process while a host takes the connection and says nothing", async () => {
    const sockets = new Set<Socket>();
    const mute: Server = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as AddressInfo;
    try {
      const client = connect({ connectionString: `Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=${port};Database=x`, loginTimeout: 2000 });
      await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE")); // the process is up: starting it is not what is measured
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE"));
      delay.disable();
      assert.ok(delay.max / 1e6 < 250, `event loop held for ${delay.max / 1e6} ms`);
    } finally {
      for (const socket of sockets) socket.destroy();
      mute.close();
    }
  });

  it("replaces a process that hangs in its driver", async () => {
    const client = connect({ engine: "sqlite", file: ":memory:", loginTimeout: 1000 });
    await client.ping();
    const hung = client.pid ?? 0;
    process.kill(hung, "SIGSTOP");
    await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE", /hung in the driver/));
    await client.untilReady();
    assert.notEqual(client.pid, hung);
  });

  it("replaces its process after a hundred failed connects, each of which leaks in the addon", async () => {
    const client = connect({ connectionString: "Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=1;Database=x" });
    await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE"));
    const first = client.pid;
    for (let attempt = 1; attempt < 100; attempt += 1) await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE"));
    await waitFor("the process to end by itself", () => client.pid === undefined);
    await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE", /refused/));
    assert.notEqual(client.pid, first);
  });

  it("outlives the signal that stops the group it runs in, until its parent lets it go", async () => {
    const client = connect({ engine: "sqlite", file: ":memory:" });
    await client.ping();
    const pid = client.pid ?? 0;
    for (const signal of ["SIGINT", "SIGTERM"]) process.kill(pid, signal);
    await client.ping();
    assert.equal(client.pid, pid);
    await client.close();
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  it("names the driver that is missing and the command that installs it", async () => {
    const client = connect({ connectionString: "Driver={PostgreSQL Nonesuch};Server=127.0.0.1" });
    await assert.rejects(client.ping(), withCode("DRIVER_MISSING", /"PostgreSQL Nonesuch".*apt-get install odbc-postgresql.*Installed drivers.*PostgreSQL Unicode/));
  });

  it("says of an unknown data source that it is unknown", async () => {
    await assert.rejects(connect({ connectionString: "DSN=nonesuch" }).ping(), withCode("DATABASE_REFUSED", /Data source name not found/));
  });

  it("says of a file it cannot open that it cannot", async () => {
    await assert.rejects(connect({ engine: "sqlite", file: "/no/such/folder/x.db" }).ping(), withCode("DATABASE_REFUSED", /folder \/no\/such\/folder does not exist/));
  });

  it("asks for what is not configured", async () => {
    await assert.rejects(connect({ connectionString: " " }).ping(), withCode("NOT_CONFIGURED"));
    await assert.rejects(connect({ engine: "sqlite", file: "" }).ping(), withCode("NOT_CONFIGURED"));
  });

  it("leaves no process behind when its last user lets go", async () => {
    const client = connect({ engine: "sqlite", file: ":memory:" });
    const users = [{}, {}];
    for (const user of users) client.acquire(user);
    await client.ping();
    const pid = client.pid ?? 0;
    await client.release(users[0] as object);
    assert.equal(client.pid, pid);
    await client.release(users[1] as object);
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });
});
