import assert from "node:assert/strict";
import type { OdbcHandle, OdbcModule, OdbcResult, OdbcStatement } from "../../../../nodes/sql/client/odbc/odbc-module";
import { OdbcConnection } from "../../../../nodes/sql/client/odbc/odbc-connection";
import { ParameterTypes } from "../../../../nodes/sql/client/odbc/parameter-types";
import { pause } from "../../../services/wait";

const ROWS = Object.assign([[1]], { count: 1, columns: [] }) as OdbcResult;
const TIMEOUT = 20;

/** A driver whose calls go well, and which takes a cursor for closed once it was told to cancel, as unixODBC does. */
class Driver {
  /** What to do before the next row. */
  pause: () => Promise<void> = () => Promise.resolve();
  /** What it does to roll back. */
  undo: () => Promise<void> = () => Promise.resolve();
  /** What the next call fails with. */
  refusal: Error | undefined;
  connected = true;
  private isCancelled = false;
  private readonly cancel = (): Promise<void> => {
    this.isCancelled = true;
    return Promise.resolve();
  };
  private readonly rows = async (): Promise<OdbcResult> => {
    if (this.isCancelled) throw failure("HY010", "[unixODBC][Driver Manager]Function sequence error");
    if (this.refusal) throw this.refusal;
    await this.pause();
    return ROWS;
  };

  connection(reads: boolean): OdbcConnection {
    const isConnected = (): boolean => this.connected;
    const handle: Partial<OdbcHandle> & Awaited<ReturnType<OdbcModule["connect"]>> = {
      get connected() {
        return isConnected();
      },
      query: () => this.rows(),
      createStatement: () => Promise.resolve(this.statement() as OdbcStatement),
      cancel: this.cancel,
      beginTransaction: () => this.rows().then(() => undefined),
      commit: () => Promise.resolve(),
      rollback: () => this.undo(),
      close: () => Promise.resolve(),
    };
    return new OdbcConnection(handle, { reads, timeout: TIMEOUT, dialect: "postgresql", stuck: (reason) => assert.fail(reason), types: new ParameterTypes() });
  }

  /** Resolves after the statement was cancelled. */
  async untilCancelled(): Promise<void> {
    while (!this.isCancelled) await pause(1);
  }

  /** A statement of its own knows nothing of how the one before ended. */
  nextStatement(): void {
    this.isCancelled = false;
  }

  private statement(): Partial<OdbcStatement> {
    const close = (): Promise<void> => Promise.resolve();
    return { prepare: close, close, cancel: this.cancel, execute: () => Promise.resolve({ fetch: this.rows, close }) };
  }
}

function failure(state: string, message: string): Error {
  return Object.assign(new Error("[odbc] Error"), { odbcErrors: [{ state, code: 0, message }] });
}

const busy = { name: "ConnectorError", code: "DATABASE_BUSY", message: `The statement did not end within ${TIMEOUT} ms` };
const refused = { name: "ConnectorError", code: "ROW_REFUSED" };

describe("A statement that is cancelled just as it ends", () => {
  let driver: Driver;
  beforeEach(() => (driver = new Driver()));

  it("took too long, says the rest of its rows, and its connection is not used again", async () => {
    const connection = driver.connection(true);
    driver.pause = () => driver.untilCancelled();
    const cursor = await connection.cursor("select", [], 1);
    await assert.rejects(async () => {
      await cursor.fetch(); // what came before its end
      await cursor.fetch();
    }, busy);
    assert.equal(connection.alive, false);
  });

  it("leaves a reading connection that nobody gets, though nothing more was asked of it", async () => {
    const connection = driver.connection(true);
    driver.pause = () => driver.untilCancelled();
    await connection.query("select");
    assert.equal(connection.alive, false);
  });

  it("says nothing of the next statement of a connection that writes", async () => {
    const connection = driver.connection(false);
    driver.pause = () => driver.untilCancelled();
    assert.equal((await connection.query("insert")).rows.length, 1);
    driver.nextStatement();
    driver.refusal = failure("23505", "duplicate key");
    await assert.rejects(connection.query("insert"), refused);
    assert.equal(connection.alive, true);
  });

  it("is cancelled also where it is a rollback, whose connection may have gone silent since the statement before it failed", async () => {
    driver.undo = async () => {
      await driver.untilCancelled();
      throw failure("HY008", "Operation canceled");
    };
    await assert.rejects(driver.connection(false).rollback(), busy);
  });
});

describe("A connection that PostgreSQL ends in the middle of a query", () => {
  const read = async (state: string): Promise<void> => {
    const driver = new Driver();
    const cursor = await driver.connection(true).cursor("select", [], 1);
    await cursor.fetch();
    driver.connected = false;
    driver.refusal = failure(state, "terminating connection; The connection has been lost");
    await cursor.fetch();
    await cursor.fetch();
  };

  it("fails the message where the query itself is the cause, since it would be so each time: on a standby that must go on replaying, or for its length", async () => {
    for (const state of ["40001", "25P03", "25P04"]) await assert.rejects(read(state), { code: "DATABASE_BUSY", scope: "message", retryable: true }, state);
  });

  it("is an outage otherwise, whatever the driver says", async () => {
    for (const state of ["57P01", "08S01", "HY000", "22012"]) await assert.rejects(read(state), { code: "DATABASE_UNAVAILABLE", scope: "system" }, state);
  });
});
