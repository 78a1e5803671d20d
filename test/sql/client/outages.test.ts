import assert from "node:assert/strict";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Client } from "pg";
import { type ConnectorError, type ErrorCode, isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient, type DatabaseOptions, type DatabaseState } from "../../../nodes/sql/client/database-client";
import { hasWaited } from "../../../nodes/sql/client/errors";
import { fromData, isErrorData, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { MariaDb } from "../../services/mariadb";
import { Postgres } from "../../services/postgres";
import { sharedPostgres } from "../../services/shared";
import { pause, waitFor } from "../../services/wait";
import { SETTINGS } from "./engines";
import { FullPooler } from "./full-pooler";

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

/** Runs one statement of one's own. */
async function run(client: DatabaseClient, sql: string): Promise<void> {
  const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values: {} }] }], maxRows: 10 });
  if (outcome && "error" in outcome) throw fromData(outcome.error);
}

/** A host that takes connections and says nothing; or, before a server, hands everything on until it is told to shut up. */
class MuteHost {
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private mute: boolean;

  private constructor(
    private readonly server: Server,
    private readonly target: number | undefined,
  ) {
    this.mute = target === undefined;
    server.on("connection", (socket: Socket) => this.take(socket));
  }

  static async start(target?: number): Promise<MuteHost> {
    const host = new MuteHost(createServer(), target);
    await new Promise<void>((resolve) => host.server.listen(0, "127.0.0.1", resolve));
    return host;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  shutUp(): void {
    this.mute = true;
  }

  /** New connections are heard again; the old ones are as lost as after a cut. */
  speak(): void {
    this.mute = this.target === undefined;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private take(socket: Socket): void {
    this.connections += 1;
    this.keep(socket);
    if (this.mute || this.target === undefined) return;
    const beyond = this.keep(createConnection(this.target, "127.0.0.1"));
    let cut = false; // for good: packets of a cut connection never come
    const hand = (to: Socket) => (bytes: Buffer) => {
      cut ||= this.mute;
      if (!cut) to.write(bytes);
    };
    socket.on("data", hand(beyond));
    beyond.on("data", hand(socket));
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    return socket.on("error", () => undefined).on("close", () => this.sockets.delete(socket));
  }
}

describe("a sql database that fails", function () {
  this.timeout(90_000);
  const clients: DatabaseClient[] = [];
  const connect = (options: Partial<DatabaseOptions>, afterRefusal = 60_000): DatabaseClient => {
    const client = new DatabaseClient({ ...SETTINGS, ...options }, { afterRefusal });
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

      it("refuses a wrong password with one clear error, and is not tried again at once", async () => {
        const door = await MuteHost.start(server.port);
        const client = open({ connectionString: server.connectionString.replace(/Port=\d+/i, `Port=${door.port}`), credentials: { username: server.username, password: "wrong {}; PWD=x" } });
        await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_REFUSED", /authentication failed|Access denied/));
        const knocks = door.connections;
        for (let attempt = 0; attempt < 100; attempt += 1) await assert.rejects(client.write(rows(0, 1)), withCode("DATABASE_REFUSED"));
        const ready = client.untilReady();
        const early = await Promise.race([ready.then(() => "ready"), pause(500).then(() => "still waiting")]);
        assert.equal(early, "still waiting");
        assert.equal(door.connections, knocks);
        await client.close();
        await ready;
        door.close();
      });

      it("refuses what the user may not read, and nobody else meanwhile", async () => {
        const [user, connectionString, table] = server instanceof MariaDb ? ["poor@'127.0.0.1' identified by 'p'", server.connectionString.replace(/;Database=\w+/, ""), `${server.database}.${TABLE}`] : ["poor password 'p'", server.connectionString, TABLE];
        await server.query(`create user ${user}`);
        const client = open({ connectionString, credentials: { username: "poor", password: "p" } });
        const states: DatabaseState["kind"][] = [];
        client.onState(({ kind }) => states.push(kind));
        const read = async (sql: string): Promise<unknown> => client.fetch((await client.openCursor({ sql, values: {}, fetchSize: 10 })).cursor);
        await assert.rejects(read(`select * from ${table}`), withCode("DATABASE_REFUSED", /denied/));
        assert.deepEqual(await read("select 1 as one"), { rows: [[1]], done: false });
        await assert.rejects(client.write({ ...rows(0, 1), table, inbox: { table: "no_such_schema.inbox", owner: "x", days: 1 } }));
        assert.deepEqual(await read("select 2 as two"), { rows: [[2]], done: false });
        assert.deepEqual([...new Set(states)], ["idle", "connected"]);
      });

      it("lets a query be read on, and its connection go, while it refuses logins", async () => {
        const [user, host] = ["changing", server instanceof MariaDb ? "@'127.0.0.1'" : ""];
        const setPassword = (password: string): Promise<unknown> => server.query(`alter user ${user}${host} ${server instanceof MariaDb ? `identified by '${password}'` : `password '${password}'`}`);
        await server.query(`create user ${user}${host}`);
        await setPassword("one");
        const connectionString = server.connectionString.replace(/;Database=\w+/, server instanceof MariaDb ? "" : "$&");
        const client = connect({ connectionString, credentials: { username: user, password: "one" }, poolSize: 1 }, 2_000);
        const sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) select i from n";
        const { cursor } = await client.openCursor({ sql, values: {}, fetchSize: 10 });
        assert.equal((await client.fetch(cursor)).rows.length, 10);
        await setPassword("two");
        await assert.rejects(run(client, "select 1 as one"), withCode("DATABASE_REFUSED"));
        assert.equal((await client.fetch(cursor)).rows.length, 10);
        await assert.rejects(run(client, "select 1 as one"), withCode("DATABASE_REFUSED"));
        await client.closeCursor(cursor);
        await setPassword("one");
        await client.untilReady();
        const { cursor: next } = await client.openCursor({ sql, values: {}, fetchSize: 10 });
        assert.equal((await client.fetch(next)).rows.length, 10);
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

      it("cancels a statement at the query timeout, and goes on with the same process", async () => {
        const client = open({ queryTimeout: 1_500 });
        await client.ping();
        const { pid } = client;
        const begun = performance.now();
        await assert.rejects(run(client, server instanceof MariaDb ? "select sleep(20)" : "select pg_sleep(20)"), withCode("DATABASE_BUSY"));
        assert.ok(performance.now() - begun < 12_000);
        await client.write(rows(1, 2));
        assert.equal(client.pid, pid);
      });

      it("replaces no process that is reading a query, however many logins failed meanwhile", async () => {
        const [user, host] = ["lonely", server instanceof MariaDb ? "@'127.0.0.1' identified by 'p' with max_user_connections 1" : " password 'p' connection limit 1"];
        await server.query(`create user ${user}${host}`);
        const connectionString = server.connectionString.replace(/;Database=\w+/, server instanceof MariaDb ? "" : "$&");
        const client = open({ connectionString, credentials: { username: user, password: "p" } });
        const sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) select i from n";
        const { cursor } = await client.openCursor({ sql, values: {}, fetchSize: 10 });
        for (let attempt = 0; attempt < 101; attempt += 1) await assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE"));
        assert.equal((await client.fetch(cursor)).rows.length, 10);
      });

      if (server instanceof MariaDb) return; // its driver cancels what waits for a table

      it("lets a user write who may not read its settings, and keeps no connection with which it cannot read", async () => {
        await server.query("create user narrow password 'p'");
        await server.query("revoke select on pg_settings from public");
        try {
          const client = connect({ connectionString: server.connectionString, credentials: { username: "narrow", password: "p" } }, 0);
          await run(client, "select 1 as one");
          const read = (): Promise<unknown> => client.openCursor({ sql: "select 1 as one", values: {}, fetchSize: 10 });
          for (let attempt = 0; attempt < 3; attempt += 1) await assert.rejects(read(), withCode("DATABASE_REFUSED", /pg_settings/));
          const open = (): Promise<unknown[]> => server.query("select 1 from pg_stat_activity where usename = 'narrow'");
          await waitFor("the connections to end", async () => (await open()).length === 1);
        } finally {
          await server.query("grant select on pg_settings to public");
        }
      });

      it("waits no longer than the query timeout for a standby that is gone, and writes nothing twice nor ends its process", async () => {
        const replicateTo = async (standby: string): Promise<void> => {
          await server.query(`alter system set synchronous_standby_names = '${standby}'`);
          await server.query("select pg_reload_conf()");
        };
        const client = open({ queryTimeout: 1_500 });
        const insert = { sql: `insert into ${TABLE} (id, name) values (:id, 'standby')`, values: { id: 7001 } };
        const change = { sql: `update ${TABLE} set name = 'committed here' where id = :id`, values: { id: 7001 } };
        await client.ping();
        const { pid } = client;
        await replicateTo("gone");
        try {
          assert.deepEqual(await client.execute({ transactions: [{ statements: [insert, change] }], maxRows: 10 }), [{ results: [{ rowsAffected: 1 }, { rowsAffected: 1 }] }]);
          assert.deepEqual(await client.write(rows(7002, 7003)), [null]);
        } finally {
          await replicateTo("");
        }
        assert.deepEqual(await server.query(`select name from ${TABLE} where id in (7001, 7002) order by id`), [{ name: "committed here" }, { name: "n7002" }]);
        assert.equal(client.pid, pid);
      });

      it("ends a statement that waits for a table, and goes on with the same process", async () => {
        const client = open({ queryTimeout: 1_500 });
        const own = { sql: `update ${TABLE} set name = :name where id = :id`, values: { id: 1, name: "x" } };
        const change = async (): Promise<void> => {
          const [outcome] = await client.execute({ transactions: [{ statements: [own] }], maxRows: 10 });
          if (outcome && "error" in outcome) throw fromData(outcome.error);
        };
        await change(); // from now on it is known what it expects
        await client.write(rows(1, 2));
        const { pid } = client;
        const operator = new Client(server.clientConfig);
        await operator.connect();
        try {
          await operator.query(`begin; lock table ${TABLE}`);
          assert.deepEqual((await client.write(rows(1, 2))).map((outcome) => isErrorData(outcome) && outcome.code), ["DATABASE_BUSY"]);
          await assert.rejects(change(), withCode("DATABASE_BUSY", /did not end within 1500 ms/));
        } finally {
          await operator.end();
        }
        await client.write(rows(1, 2));
        assert.equal(client.pid, pid);
      });
    });
  }

  it("does not hold up this process, or another database, while a host takes connections and says nothing", async () => {
    const mute = await MuteHost.start();
    try {
      const other = connect({ engine: "sqlite", file: ":memory:" });
      await other.ping();
      const held: number[] = [];
      // the least of some rounds counts: a stall would be there each time, and for the login timeout; what a busy machine does would not
      for (let round = 0; round < 12 && Math.min(...held) > 50; round += 1) {
        const asked = ["PostgreSQL Unicode", "MariaDB Unicode"].map((driver) => {
          const client = connect({ connectionString: `Driver={${driver}};Server=127.0.0.1;Port=${mute.port};Database=x`, loginTimeout: 1000 });
          return assert.rejects(client.ping(), withCode("DATABASE_UNAVAILABLE"));
        });
        await waitFor("both to be connected", () => mute.connections >= 2 * (round + 1), { interval: 5 });
        const delay = monitorEventLoopDelay({ resolution: 5 });
        delay.enable();
        let answers = 0;
        let over = false;
        void Promise.all(asked).finally(() => (over = true));
        while (!over) {
          await other.ping();
          answers += 1;
        }
        await Promise.all(asked);
        delay.disable();
        held.push(delay.max / 1e6);
        assert.ok(answers > 10, `the other database answered ${answers} times`);
      }
      assert.ok(Math.min(...held) < 50, `event loop held for ${held.join(", ")} ms`);
    } finally {
      mute.close();
    }
  });

  describe("when a call does not come back", () => {
    let hanging: Promise<[before: number | undefined, error: unknown, after: number | undefined]>[];
    let mute: MuteHost;
    const server = new Postgres();

    /** Each takes seconds, so they are done side by side. */
    before(async () => {
      await server.start();
      mute = await MuteHost.start(server.port);
      const outcome = async (client: DatabaseClient, hang: () => Promise<unknown>): Promise<[number | undefined, unknown, number | undefined]> => {
        await client.ping();
        const { pid } = client;
        const error = await hang().then(() => undefined, (reason: unknown) => reason);
        mute.speak();
        await waitFor("the database to answer again", () => client.ping());
        return [pid, error, client.pid];
      };
      const [stopped, asked] = [0, 1].map(() => new DatabaseClient({ ...SETTINGS, connectionString: "Driver={SQLite3};Database=:memory:", loginTimeout: 1000 })) as [DatabaseClient, DatabaseClient];
      const embedded = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: ":memory:", queryTimeout: 300 });
      const cut = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString.replace(/Port=\d+/, `Port=${mute.port}`), credentials: server, queryTimeout: 300, loginTimeout: 2000 });
      hanging = [
        outcome(stopped, () => (process.kill(stopped.pid ?? 0, "SIGSTOP"), stopped.ping())),
        outcome(embedded, () => run(embedded, "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n")),
        outcome(cut, () => (mute.shutUp(), run(cut, "select 1"))),
        outcome(asked, () => {
          process.kill(asked.pid ?? 0, "SIGSTOP");
          const first = asked.ping();
          const others = setInterval(() => void asked.ping().catch(() => undefined), 500);
          return Promise.race([first, pause(20_000).then(() => "it was never noticed")]).finally(() => clearInterval(others));
        }),
      ];
      await Promise.allSettled(hanging);
      await Promise.all([stopped, embedded, cut, asked].map((client) => client.close()));
    });
    after(async () => {
      mute.close();
      await server.stop();
    });

    it("replaces a process that hangs in its driver", async () => {
      const [first, error, then] = (await hanging[0]) ?? [];
      withCode("DATABASE_UNAVAILABLE", /hung in the driver/)(error);
      assert.notEqual(first, then);
    });

    it("replaces such a process also while others go on asking it", async () => {
      const [first, error, then] = (await hanging[3]) ?? [];
      withCode("DATABASE_UNAVAILABLE", /hung in the driver/)(error);
      assert.notEqual(first, then);
    });

    it("ends a statement of embedded SQLite that never ends, as the message's own fault", async () => {
      const [first, error, then] = (await hanging[1]) ?? [];
      withCode("DATABASE_BUSY", /did not end within 300 ms/)(error);
      assert.ok(hasWaited(error as ConnectorError), "ten of them are to stop a sql write");
      assert.notEqual(first, then);
    });

    it("ends a process whose statement can be neither answered nor cancelled, since the network is cut", async () => {
      const [first, error, then] = (await hanging[2]) ?? [];
      withCode("DATABASE_UNAVAILABLE")(error);
      assert.notEqual(first, then);
    });
  });

  it("makes do with what a full pooler gives, which lets further logins wait, after that has cost it one process", async () => {
    const server = await sharedPostgres();
    await server.query("create table if not exists pooled (id bigint primary key, name varchar(50))");
    const pooler = await FullPooler.start(server.port, 2);
    const connectionString = server.connectionString.replace(/Port=\d+/, `Port=${pooler.port}`);
    const client = connect({ connectionString, credentials: server, loginTimeout: 1000 });
    await client.ping();
    const pids = new Set([client.pid]);
    let inOrder = 0;
    let over = false;
    const write = async (from: number): Promise<void> => {
      while (!over) {
        await client.write({ ...rows(from, from + 10), table: "pooled" }).then(() => (inOrder += 1), () => (inOrder = 0));
        if (client.pid !== undefined) pids.add(client.pid); // between two processes there is none
        await pause(20);
      }
    };
    const writers = Promise.all([0, 10, 20].map(write));
    try {
      await waitFor("writes that succeed, one after the other", () => pids.size > 1 && inOrder > 50);
      assert.equal(pids.size, 2);
    } finally {
      over = true;
      await writers;
      pooler.close();
    }
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

  it("survives the signal that stops its process group, until its parent releases it", async () => {
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

  it("leaves no process behind when its last user releases it", async () => {
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
