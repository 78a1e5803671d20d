import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { within } from "../../common/deadline";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { DatabaseClient, type DatabaseOptions } from "./database-client";
import type { DialectName } from "./protocol";

/** The result of testing a connection. */
export type TestReport =
  | {
      ok: true;
      dialect: DialectName;
      /** Name and version of the product, as the database tells them; may be empty. */
      product: string;
      /** Name of the ODBC driver or path of its library, or `node:sqlite`. */
      driver: string;
      /** ms that a query and its answer took. */
      roundTrip: number;
      /** SQLite: the file does not exist yet; the test did not make it. */
      newFile: boolean;
    }
  | {
      ok: false;
      /** What is wrong and what to do, in words; commands are between backticks. Never holds a secret. */
      problem: string;
    };

/** Bounds of the timeouts, in ms, since a user waits at the form. */
const LONGEST_LOGIN = 15_000;
const LONGEST_ANSWER = 10_000;
/** ms that starting the process, logging in and asking may take together. */
const LONGEST_TEST = 30_000;

/** How many tests may run at the same time: each is a process of some 60 MB. */
const MOST_AT_ONCE = 3;

let running = 0;

/**
 * Connects once, in a process of its own that ends afterwards, and asks which database answers.
 *
 * @throws ConnectorError OVERLOADED when too many tests are running
 */
export async function testDatabase(options: DatabaseOptions): Promise<TestReport> {
  if (running >= MOST_AT_ONCE) throw new ConnectorError("OVERLOADED", `${MOST_AT_ONCE} tests are running already: try again in a moment`);
  running += 1;
  try {
    const newFile = options.engine === "sqlite" && (await isMissing(options.file));
    return await test({ ...options, ...(newFile ? { file: ":memory:" } : {}) }, newFile);
  } catch (error) {
    return { ok: false, problem: toConnectorError(error).message };
  } finally {
    running -= 1;
  }
}

async function test(options: DatabaseOptions, newFile: boolean): Promise<TestReport> {
  const client = new DatabaseClient({
    ...options,
    poolSize: 1,
    loginTimeout: Math.min(options.loginTimeout, LONGEST_LOGIN),
    queryTimeout: Math.min(options.queryTimeout, LONGEST_ANSWER),
  });
  try {
    const answer = await within(client.ping(), LONGEST_TEST);
    if (!answer) throw new ConnectorError("DATABASE_UNAVAILABLE", `No answer within ${LONGEST_TEST / 1000} s`);
    return { ok: true, ...answer, newFile };
  } finally {
    await client.close();
  }
}

/** Whether a database file does not exist yet. @throws ConnectorError DATABASE_REFUSED when it cannot be made there */
async function isMissing(file: string): Promise<boolean> {
  if (!file || file === ":memory:" || (await stat(file).catch(() => undefined))) return false;
  const folder = path.dirname(file);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) return false; // opening it says so
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new ConnectorError("DATABASE_REFUSED", `Node-RED may not make files in the folder ${folder}`, { cause: error });
  }
  return true;
}
