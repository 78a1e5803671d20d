/** The dialects that a `sql database` knows. */
export type Dialect = "postgresql" | "mariadb" | "sqlite" | "sqlserver" | "oracle" | "db2";

const NAMES: readonly (readonly [RegExp, Dialect])[] = [
  [/postgres|psql|^pg$|pgsql|enterprisedb|redshift/i, "postgresql"],
  [/maria|mysql|maodbc|myodbc/i, "mariadb"],
  [/sqlite/i, "sqlite"],
  [/sql ?server|mssql|jtds|sqlncli|sqlsrv|sqloledb|msodbc|tedious|sqlclient/i, "sqlserver"],
  [/oracle|^oci|sqora/i, "oracle"],
  [/db2|as400|jcc/i, "db2"],
];

/** Returns the dialect that the name of a product, an ODBC driver or a JDBC class points to; `undefined` when it is not known. */
export function dialectOf(name: string): Dialect | undefined {
  return NAMES.find(([pattern]) => pattern.test(name))?.[1];
}

/** The default port of each product. */
export const DEFAULT_PORT: Readonly<Partial<Record<Dialect, number>>> = { postgresql: 5432, mariadb: 3306, sqlserver: 1433, oracle: 1521, db2: 50_000 };

/** Returns an expression that joins text expressions, in the syntax of the dialect. */
export function concatenation(parts: readonly string[], dialect: Dialect | undefined): string {
  const [first = "''", ...others] = parts;
  if (others.length === 0) return first;
  switch (dialect) {
    case "mariadb": // || means OR in MariaDB
    case "sqlserver": // + needs texts on both sides
      return `concat(${parts.join(", ")})`;
    case undefined: // every ODBC driver replaces this by its product's own syntax
      return others.reduce((all, part) => `{fn concat(${all}, ${part})}`, first);
    default:
      return `(${parts.join(" || ")})`;
  }
}
