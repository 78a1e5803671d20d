import type { DialectName } from "./protocol";

/** A query that gives `most` rows at most, where the dialect has a word for that; else all. SQL Server has one for a query with `order by` only. */
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
