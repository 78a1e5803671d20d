import type { ConnectorError } from "../../common/errors";

/** Native codes: MariaDB 1062 and 1586; SQL Server 2601 and 2627; Oracle ORA-00001; Db2 SQL0803N. */
const NATIVE = new Set([1062, 1586, 2601, 2627, -803]);

/**
 * Whether a unique or primary key refused a row, and not a foreign key, a NOT NULL or a check. Only PostgreSQL and Db2 have an SQLSTATE for that alone (23505);
 * MariaDB and SQL Server report all of them as 23000, SQLite as HY000 with native code 19.
 */
export function isDuplicateKey({ details, message }: ConnectorError): boolean {
  const { state, native, database } = details as { state?: string; native?: number; database?: string };
  if (state === "23505") return true;
  if (database === "sqlite") return native === 1555 || native === 2067 || native === 2579 || (native === 19 && /UNIQUE constraint failed/.test(message));
  if (database === "oracle") return native === 1;
  return native !== undefined && NATIVE.has(native);
}
