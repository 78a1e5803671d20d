import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { ConnectionCursor, DatabaseConnection, QueryResult } from "../../../../nodes/sql/client/child/backend";
import { Pool, type PoolOptions } from "../../../../nodes/sql/client/child/pool";
import { waitFor } from "../../../services/wait";

class FakeConnection implements DatabaseConnection {
  alive = true;
  closed = false;
  pings = 0;
  rollbacks = 0;

  async query(): Promise<QueryResult> {
    this.pings += 1;
    if (!this.alive) throw new ConnectorError("DATABASE_UNAVAILABLE", "gone");
    return { rows: [], rowsAffected: 0, columns: [] };
  }
  cursor(): Promise<ConnectionCursor> {
    return Promise.reject(unavailable);
  }
  async begin(): Promise<void> {}
  async commit(): Promise<void> {}
  async rollback(): Promise<void> {
    this.rollbacks += 1;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

const unavailable = new ConnectorError("DATABASE_UNAVAILABLE", "gone");

describe("The pool", () => {
  let made: FakeConnection[];
  let refuse: ConnectorError | undefined;
  let tries: number;
  const pool = (size: number, more: Partial<PoolOptions> = {}): Pool =>
    new Pool({
      size: () => size,
      acquireTimeout: 1000,
      ping: async (connection) => void (await connection.query("")),
      connect: async () => {
        tries += 1;
        if (refuse) throw refuse;
        const connection = new FakeConnection();
        made.push(connection);
        return connection;
      },
      ...more,
    });
  const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    made = [];
    refuse = undefined;
    tries = 0;
  });

  it("does not lend a connection again that broke during work that succeeded all the same", async () => {
    const one = pool(1);
    const first = one.use(async (connection) => {
      await tick();
      (connection as FakeConnection).alive = false;
    });
    const second = one.use(async (connection) => connection.alive);
    await first;
    assert.equal(await second, true);
    assert.deepEqual(made.map(({ closed }) => closed), [true, false]);
    await one.close(100);
  });

  it("opens no more connections than its size, and lends them in turn", async () => {
    const four = pool(4);
    let atOnce = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, () =>
        four.use(async () => {
          most = Math.max(most, (atOnce += 1));
          await tick();
          atOnce -= 1;
        }),
      ),
    );
    assert.equal(most, 4);
    assert.equal(made.length, 4);
  });

  it("opens none it does not need", async () => {
    const four = pool(4);
    for (let turn = 0; turn < 5; turn += 1) await four.use(async () => undefined);
    assert.equal(made.length, 1);
  });

  it("discards a broken connection and every idle one with it", async () => {
    const two = pool(2);
    await Promise.all([two.use(tick), two.use(tick)]);
    await assert.rejects(two.use(() => Promise.reject(unavailable)), unavailable);
    assert.deepEqual(made.map(({ closed }) => closed), [true, true]);
    await two.use(async () => undefined);
    assert.equal(made.length, 3);
  });

  it("rolls back before it lends a connection again that failed otherwise", async () => {
    const one = pool(1);
    await assert.rejects(one.use(() => Promise.reject(new ConnectorError("ROW_REFUSED", "no"))));
    await one.use(async () => undefined);
    assert.equal(made.length, 1);
    assert.equal(made[0]?.rollbacks, 1);
  });

  it("refuses all that wait when no connection can be opened, and opens one later", async () => {
    const two = pool(2);
    refuse = unavailable;
    const results = await Promise.allSettled([two.use(tick), two.use(tick), two.use(tick)]);
    assert.ok(results.every(({ status }) => status === "rejected"));
    assert.equal(tries, 1);
    refuse = undefined;
    await two.use(tick);
  });

  it("makes do with what it has where another connection is refused, and does not ask for one with every work", async () => {
    const four = pool(4);
    await four.use(tick);
    refuse = unavailable;
    let served = 0;
    const work = (): Promise<void> => four.use(tick).then(() => void (served += 1));
    for (let round = 0; round < 10; round += 1) await Promise.all([work(), work()]);
    assert.deepEqual([served, tries], [20, 2]);
    await assert.rejects(four.use(() => Promise.reject(unavailable)), unavailable);
    refuse = undefined;
    await work();
    assert.deepEqual([served, tries], [21, 3], "the one that broke is replaced at once");
    await four.close(100);
  });

  it("opens as many as are needed at once when it had lost all, however lately another one was refused", async () => {
    const two = pool(2, { acquireTimeout: 50 });
    let lose: (error: ConnectorError) => void = () => undefined;
    const holding = two.use(() => new Promise((_resolve, reject) => (lose = reject)));
    await tick();
    refuse = unavailable;
    const refused = assert.rejects(two.use(tick), unavailable);
    await tick();
    lose(unavailable);
    await assert.rejects(holding, unavailable);
    await refused;
    refuse = undefined;
    let finish: () => void = () => undefined;
    const first = two.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await two.use(tick);
    finish();
    await first;
    await two.close(100);
  });

  it("asks a connection that was idle for long, and replaces a dead one", async () => {
    const one = pool(1, { pingAfter: -1 });
    await one.use(tick);
    await one.use(tick);
    assert.equal(made[0]?.pings, 1);
    if (made[0]) made[0].alive = false;
    await one.use(tick);
    assert.equal(made.length, 2);
    assert.equal(made[0]?.closed, true);
  });

  it("refuses a borrower that has waited too long", async () => {
    const one = pool(1, { acquireTimeout: 20 });
    let finish: () => void = () => undefined;
    const holding = one.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await assert.rejects(one.use(tick), { message: /No connection was free within 20 ms/, details: { busy: true } });
    finish();
    await holding;
    await one.use(tick);
  });

  it("refuses a borrower that has waited too long for the database itself", async () => {
    const one = new Pool({ size: () => 1, acquireTimeout: 20, connect: () => new Promise(() => undefined), ping: async () => undefined });
    await assert.rejects(one.use(tick), /The database took no connection within 20 ms/);
  });

  it("waits for what is lent when it closes, and lends nothing more", async () => {
    const one = pool(1);
    let finish: () => void = () => undefined;
    const holding = one.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await tick();
    const closing = one.close(1000);
    await assert.rejects(one.use(tick), { code: "FLOW_STOPPED" });
    finish();
    await holding;
    await closing;
    assert.equal(made[0]?.closed, true);
  });

  it("is closed as soon as nothing is open, though two close it at once or what was lent comes back meanwhile", async () => {
    const one = pool(2);
    await one.use(async () => undefined);
    await Promise.all([one.close(60_000), one.close(60_000)]);
    const two = pool(2);
    let finishWork = (): void => undefined;
    let finishClosing = (): void => undefined;
    await Promise.all([two.use(tick), two.use(tick)]);
    const slow = made.at(-2) as FakeConnection;
    slow.close = () => new Promise((resolve) => (finishClosing = resolve));
    const working = two.use(() => new Promise<void>((resolve) => (finishWork = resolve)));
    await tick();
    const closing = two.close(60_000);
    finishWork();
    await working;
    await tick();
    finishClosing();
    await closing;
  });

  it("closes what was idle for long, and keeps what is in use", async () => {
    const two = pool(2, { idleTimeout: 30, sweepEvery: 5 });
    let finish: () => void = () => undefined;
    const holding = two.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await two.use(tick);
    await waitFor("the idle one to be closed", () => made[1]?.closed, { interval: 5 });
    assert.equal(two.size, 1);
    assert.equal(made[0]?.closed, false);
    finish();
    await holding;
    await waitFor("the other to follow", () => two.size === 0, { interval: 5 });
  });

  it("closes a connection at the end of its life when it comes back, and lends another one", async () => {
    const one = pool(1, { maxLifetime: 0 });
    await Promise.all([one.use(tick), one.use(tick), one.use(tick)]);
    assert.deepEqual(made.map(({ closed }) => closed), [true, true, true]);
    assert.equal(one.size, 0);
  });

  it("serves a borrower that came while a dead connection was being closed", async () => {
    const one = pool(1);
    let finishClosing: () => void = () => undefined;
    await one.use(async (connection) => {
      (connection as FakeConnection).close = () => new Promise((resolve) => (finishClosing = resolve));
    });
    const failing = one.use(() => Promise.reject(unavailable));
    await tick();
    const waiting = one.use(tick);
    finishClosing();
    await assert.rejects(failing, unavailable);
    await waiting;
    assert.equal(made.length, 2);
  });

  it("opens no more than turn out to be good with the first", async () => {
    let size = 4;
    const connect = (): Promise<DatabaseConnection> => {
      size = 1;
      return Promise.resolve(new FakeConnection());
    };
    const one = new Pool({ size: () => size, acquireTimeout: 1000, connect, ping: async () => undefined });
    await Promise.all(Array.from({ length: 5 }, () => one.use(async () => assert.equal(one.size, 1))));
    await one.close(0);
  });

  it("opens no more than its size, however small, and only as many as are needed at once", async () => {
    const one = pool(1);
    await Promise.all([one.use(tick), one.use(tick)]);
    assert.equal(tries, 1);
  });
});
