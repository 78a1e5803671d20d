import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { DatabaseConnection } from "../child/backend";
import type { DialectName } from "../protocol";
import { db2 } from "./db2";
import type { Dialect } from "./dialect";
import { generic } from "./generic";
import { mariadb } from "./mariadb";
import { oracle } from "./oracle";
import { postgresql } from "./postgresql";
import { sqlite } from "./sqlite";
import { sqlserver } from "./sqlserver";

export type { BatchStatement, Column, Dialect, InboxDialect, Run, Statement, Target } from "./dialect";

const DIALECTS: Readonly<Record<DialectName, Dialect>> = { postgresql, mariadb, sqlite, sqlserver, oracle, db2, generic };

/** Returns the dialect with this name. @throws ConnectorError `NOT_CONFIGURED` when there is none */
export function dialectNamed(name: DialectName): Dialect {
  const dialect = Object.hasOwn(DIALECTS, name) ? DIALECTS[name] : undefined;
  if (!dialect) throw new ConnectorError("NOT_CONFIGURED", `The dialect ${name} is not known`);
  return dialect;
}

/**
 * Finds out by queries which product a connection is connected to, since npm odbc has no SQLGetInfo.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when it is none that we know
 */
export async function detectDialect(connection: DatabaseConnection): Promise<DialectName> {
  const version = await ask(connection, "select version() as answer");
  if (/^PostgreSQL/i.test(version)) return "postgresql";
  if (/^\d+\.\d+/.test(version)) return "mariadb"; // MySQL answers with the bare number
  if (await ask(connection, "select sqlite_version() as answer")) return "sqlite";
  if (/SQL Server|SQL Azure/i.test(await ask(connection, "select @@version as answer"))) return "sqlserver";
  if (/Oracle/i.test(await ask(connection, "select banner as answer from v$version"))) return "oracle";
  if (/DB2/i.test(await ask(connection, "select service_level as answer from sysibmadm.env_inst_info"))) return "db2";
  throw new ConnectorError("NOT_CONFIGURED", "The kind of database is not recognised: choose its dialect in the database's settings");
}

/**
 * The parts of `table`, `schema.table` or `"My.Schema"."My Table"`, without quotes. Backticks and square brackets are quotes as well. @throws ConnectorError
 * `NOT_CONFIGURED`
 */
export function tableParts(table: string): string[] {
  const part = /\s*(?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\[((?:[^\]]|\]\])+)\]|([^."`[\]]+?))\s*(?:\.|$)/y;
  const parts: string[] = [];
  while (part.lastIndex < table.length) {
    const match = part.exec(table);
    const [, double, back, bracket, bare] = match ?? [];
    const text = double?.replaceAll('""', '"') ?? back?.replaceAll("``", "`") ?? bracket?.replaceAll("]]", "]") ?? bare;
    if (!match || !text || table.endsWith(".")) throw new ConnectorError("NOT_CONFIGURED", `"${table}" is not the name of a table`, { details: { table } });
    parts.push(text);
  }
  if (parts.length === 0 || parts.length > 2) {
    throw new ConnectorError("NOT_CONFIGURED", `"${table}" is not the name of a table or schema.table`, { details: { table } });
  }
  return parts;
}

async function ask(connection: DatabaseConnection, sql: string): Promise<string> {
  try {
    const [row] = (await connection.query(sql)).rows;
    return String(row ? Object.values(row)[0] : "");
  } catch (error) {
    if (isConnectorError(error) && error.code === "DATABASE_UNAVAILABLE") throw error;
    await connection.rollback();
    return "";
  }
}
