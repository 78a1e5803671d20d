import type { DialectName } from "./protocol";

/** Returns a query for `most` rows at most. The generic dialect has no clause for that, and SQL Server only with `order by`: there the query returns all rows. */
export function limitRows(sql: string, most: number, dialect: DialectName): string {
  switch (dialect) {
    case "postgresql":
    case "mariadb":
    case "sqlite":
      return `${sql} limit ${most}`;
    case "sqlserver":
      return sql.includes(" order by ") ? `${sql} offset 0 rows fetch next ${most} rows only` : sql;
    case "oracle":
    case "db2":
      return `${sql} fetch first ${most} rows only`;
    case "generic":
      return sql;
  }
}
