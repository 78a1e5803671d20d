import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NodeAPI } from "node-red";
import type { TestReport } from "../../../nodes/sql/client/database-test";
import type { DatabaseHolder } from "../../../nodes/sql/client/database-node";
import type { DriversFound } from "../../../nodes/sql/client/protocol";
import sqlDatabase from "../../../nodes/sql/database/database";
import type { MariaDb } from "../../services/mariadb";
import type { Postgres } from "../../services/postgres";
import { sharedMariaDb, sharedPostgres } from "../../services/shared";
import { waitFor } from "../../services/wait";

interface Answer {
  status: number;
  body: Partial<Omit<Extract<TestReport, { ok: true }>, "ok"> & DriversFound> & { ok?: boolean; problem?: string; message?: string };
}
type Handler = (request: object, response: object) => void;

/** As much of Node-RED as the node touches. */
class FakeRed {
  readonly settings: { userDir: string };
  readonly handlers = new Map<string, Handler>();
  readonly permissions: unknown[] = [];
  readonly deployed = new Map<string, FakeNode>();
  private constructorOf: ((this: FakeNode, config: object) => void) | undefined;

  constructor(userDir: string) {
    this.settings = { userDir };
    sqlDatabase(this as unknown as NodeAPI);
  }

  readonly _ = (key: string): string => key;
  readonly auth = { needsPermission: (permission: string) => permission };
  readonly util = { evaluateNodeProperty: (text: string) => process.env[text.slice(2, -1)] ?? "" };
  readonly httpAdmin = {
    get: (url: string, permission: string, handler: Handler) => void this.permissions.push(permission, this.handlers.set(`GET ${url}`, handler)),
    post: (url: string, permission: string, handler: Handler) => void this.permissions.push(permission, this.handlers.set(`POST ${url}`, handler)),
  };
  readonly nodes = {
    registerType: (_type: string, constructorOf: (this: FakeNode, config: object) => void) => void (this.constructorOf = constructorOf),
    createNode: () => undefined,
    getNode: (id: string) => this.deployed.get(id) ?? null,
  };

  deploy(id: string, config: object, credentials = {}): FakeNode & Required<DatabaseHolder> {
    const node = new FakeNode(credentials);
    this.constructorOf?.call(node, { id, ...config });
    this.deployed.set(id, node);
    return node as FakeNode & Required<DatabaseHolder>;
  }

  ask(route: string, body?: unknown, type = "application/json"): Promise<Answer> {
    return new Promise((resolve) => {
      const answer: Answer = { status: 200, body: {} };
      const response = {
        status: (status: number) => ((answer.status = status), response),
        set: () => response,
        json: (said: Answer["body"]) => resolve({ ...answer, body: said }),
      };
      this.handlers.get(route)?.({ method: "POST", body, is: (wanted: string) => wanted === type }, response);
    });
  }
}

class FakeNode extends EventEmitter {
  readonly type = "surewire-sql-database";
  readonly told: string[] = [];
  constructor(readonly credentials: object) {
    super();
  }
  log(text: string): void {
    this.told.push(`info ${text}`);
  }
  warn(text: string): void {
    this.told.push(`warn ${text}`);
  }
  error(text: string): void {
    this.told.push(`error ${text}`);
  }
  close(): Promise<void> {
    return new Promise((resolve) => this.emit("close", resolve));
  }
}

const TEST = "POST /surewire/sql-database/test";

describe("The sql database", function () {
  this.timeout(60_000);
  let folder: string;
  let red: FakeRed;
  let postgres: Postgres;
  let mariaDb: MariaDb;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "surewire-database-"));
    red = new FakeRed(folder);
    [postgres, mariaDb] = await Promise.all([sharedPostgres(), sharedMariaDb()]);
  });
  after(async () => {
    await Promise.all([...red.deployed.values()].map((node) => node.close()));
    rmSync(folder, { recursive: true });
  });

  describe("in its form", () => {
    const form = (more: object = {}): object => ({
      id: "new", engine: "odbc", connectionString: postgres.connectionString, dialect: "auto", credentials: { username: postgres.username, password: postgres.password }, ...more,
    });
    const problem = async (more: object): Promise<string> => (await red.ask(TEST, form(more))).body.problem ?? "";

    it("says which database answers, before anything is deployed", async () => {
      const answers = await Promise.all([
        red.ask(TEST, form()),
        red.ask(TEST, form({ connectionString: mariaDb.connectionString })),
        red.ask(TEST, form({ engine: "sqlite", file: ":memory:" })),
      ]);
      const facts = answers.map(({ body }) => [body.ok, body.product?.replace(/ [\d.]+$/, " *"), body.driver]);
      assert.deepEqual(facts, [[true, "PostgreSQL *", "PostgreSQL Unicode"], [true, "MariaDB *", "MariaDB Unicode"], [true, "SQLite *", "node:sqlite"]]);
      for (const { body } of answers) assert.ok((body.roundTrip ?? -1) >= 0 && (body.roundTrip ?? 1e9) < 60_000);
    });

    it("creates no file to find out whether it could", async () => {
      const { body } = await red.ask(TEST, form({ engine: "sqlite", file: "yet-to-be.db" }));
      assert.deepEqual([body.ok, body.newFile], [true, true]);
      assert.ok(!existsSync(path.join(folder, "yet-to-be.db")));
    });

    it("says what is wrong, and what to do", async () => {
      const cases: [more: object, said: RegExp][] = [
        [{ credentials: { username: postgres.username, password: "wrong" } }, /password authentication failed/],
        [{ connectionString: "Driver={MariaDB Nonesuch};Server=h" }, /"MariaDB Nonesuch".*Installed drivers of this machine: .*MariaDB Unicode/],
        [{ connectionString: "DSN=nonesuch" }, /Data source name not found.*Data sources of this machine/],
        [{ connectionString: "Driver={FreeTDS};Server=h" }, /FreeTDS takes no parameters.*ODBC Driver 18/],
        [{ engine: "sqlite", file: "no/such/folder/x.db" }, /folder .*no\/such\/folder does not exist/],
        [{ connectionString: "" }, /no connection string/],
      ];
      for (const three of [cases.slice(0, 3), cases.slice(3)]) {
        await Promise.all(three.map(async ([more, said]) => assert.match(await problem(more), said)));
      }
    });

    it("gives up a host that says nothing, and tests no more than three at once", async () => {
      const sockets: Socket[] = [];
      const mute = createServer((socket) => void sockets.push(socket));
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const connectionString = `Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=${(mute.address() as AddressInfo).port};Database=x`;
      const asked = [1, 2, 3].map(() => red.ask(TEST, form({ connectionString, loginTimeout: 1000 })));
      const fourth = await red.ask(TEST, form());
      assert.deepEqual([fourth.body.ok, fourth.body.message ?? fourth.body.problem].filter(Boolean), ["3 tests are running already: try again in a moment"]);
      assert.deepEqual((await Promise.all(asked)).map(({ body }) => body.ok), [false, false, false]);
      for (const socket of sockets) socket.destroy();
      mute.close();
    });

    it("uses the stored password with the deployed connection only", async () => {
      red.deploy("stored", { engine: "odbc", connectionString: postgres.connectionString }, { username: postgres.username, password: postgres.password });
      const credentials = { username: postgres.username, password: "__PWRD__" };
      assert.equal((await red.ask(TEST, form({ id: "stored", credentials }))).body.ok, true);
      const { status, body } = await red.ask(TEST, form({ id: "stored", connectionString: mariaDb.connectionString, credentials }));
      assert.equal(status, 400);
      assert.match(body.message ?? "", /type the password again/);
    });

    it("takes variables as a deployed node does", async () => {
      process.env.SUREWIRE_TEST_DATABASE = postgres.connectionString;
      assert.equal((await red.ask(TEST, form({ connectionString: "${SUREWIRE_TEST_DATABASE}" }))).body.ok, true);
      delete process.env.SUREWIRE_TEST_DATABASE;
    });

    it("takes no request that a form of another site could send, and only from those who may deploy", async () => {
      assert.equal((await red.ask(TEST, "id=new", "application/x-www-form-urlencoded")).status, 415);
      assert.deepEqual(red.permissions.filter((entry) => typeof entry === "string"), ["flows.write", "flows.write"]);
    });

    it("offers the drivers of the machine", async () => {
      const { body } = await red.ask("GET /surewire/sql-database/drivers");
      assert.ok(body.drivers?.includes("PostgreSQL Unicode") && body.drivers.includes("MariaDB Unicode"));
      assert.ok(Array.isArray(body.sources));
    });
  });

  describe("deployed", () => {
    it("logs once that it is away, however often it is tried, and once that it is back", async () => {
      const file = path.join(folder, "later", "plant.db");
      const node = red.deploy("away", { engine: "sqlite", file });
      for (let attempt = 0; attempt < 3; attempt += 1) await assert.rejects(node.client.ping());
      assert.equal(node.told.length, 1);
      assert.match(node.told[0] ?? "", /^error DATABASE_REFUSED: The folder .*later does not exist/);
      await node.close();
    });

    it("says that it is back when it is", async () => {
      const node = red.deploy("back", { engine: "sqlite", file: "back.db" });
      await node.client.ping();
      process.kill(node.client.pid ?? 0, "SIGKILL");
      await waitFor("the process to be gone", () => node.client.pid === undefined);
      await node.client.ping();
      assert.equal(node.told.length, 0);
      process.kill(node.client.pid ?? 0, "SIGSTOP");
      const asked = assert.rejects(node.client.ping());
      process.kill(node.client.pid ?? 0, "SIGKILL");
      await asked;
      await node.client.untilReady();
      assert.deepEqual(node.told.map((text) => text.split(" ", 2).join(" ")), ["warn DATABASE_UNAVAILABLE:", "info database.log.back"]);
      await node.close();
    });

    it("keeps what other nodes remember", async () => {
      const node = red.deploy("store", { engine: "sqlite", file: "store.db" });
      await node.store.write("position", { offset: 7 });
      assert.deepEqual(await node.store.read("position"), { offset: 7 });
      await node.close();
    });
  });
});
