import { isConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "./backend";
import type { DialectName } from "../protocol";

/** Queries for a product, and how its answer is shortened. */
interface Questions {
  /** A query that costs the server nothing. */
  alive: string;
  /** A query for name and version: one row, one column. Default: none. */
  version?: string;
  /** Shortens that answer to a few words. */
  name(answer: string): string;
}

const QUESTIONS: Readonly<Record<DialectName, Questions>> = {
  postgresql: { alive: "select 1", version: "select version() as answer", name: (answer) => answer.split(" ", 2).join(" ") },
  // "10.11.19-MariaDB-0+deb12u1"; MySQL answers with the bare number
  mariadb: { alive: "select 1", version: "select version() as answer", name: (answer) => `${/mariadb/i.test(answer) ? "MariaDB" : "MySQL"} ${/^[\d.]+/.exec(answer)?.[0] ?? answer}` },
  sqlite: { alive: "select 1", version: "select sqlite_version() as answer", name: (answer) => `SQLite ${answer}` },
  sqlserver: { alive: "select 1", version: "select @@version as answer", name: (answer) => answer.split(/ - |\n/, 1)[0]?.replace(/ \([^)]*\) *$/, "") ?? "" },
  oracle: { alive: "select 1 from dual", version: "select banner as answer from v$version", name: (answer) => answer },
  db2: { alive: "values 1", version: "select service_level as answer from sysibmadm.env_inst_info", name: (answer) => answer },
  generic: { alive: "select 1", name: () => "" },
};

/**
 * Runs a harmless query on a connection. If the database refuses it, it has answered all the same.
 *
 * @throws ConnectorError `DATABASE_UNAVAILABLE`
 */
export async function signOfLife(connection: DatabaseConnection, dialect: DialectName): Promise<void> {
  try {
    await connection.query(QUESTIONS[dialect].alive);
  } catch (error) {
    if (!connection.alive || !isConnectorError(error) || error.code === "DATABASE_UNAVAILABLE") throw error;
    await connection.rollback();
  }
}

/** Returns the name and version that the database reports; empty when it reports none, or not to this user. @throws ConnectorError `DATABASE_UNAVAILABLE` */
export async function productOf(connection: DatabaseConnection, dialect: DialectName): Promise<string> {
  const { version, name } = QUESTIONS[dialect];
  if (!version) return "";
  try {
    const [row] = (await connection.query(version)).rows;
    return row ? name(String(Object.values(row)[0]).trim()) : "";
  } catch (error) {
    if (!connection.alive || !isConnectorError(error) || error.code === "DATABASE_UNAVAILABLE") throw error;
    await connection.rollback();
    return "";
  }
}
