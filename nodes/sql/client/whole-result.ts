import type { ConnectionCursor, DatabaseConnection } from "./backend";
import type { Statement } from "./dialect";

/** Runs a statement and gives its result, which is in memory then, as a cursor would. @throws ConnectorError */
export async function wholeResult(connection: Pick<DatabaseConnection, "query">, { sql, parameters }: Statement, fetchSize: number): Promise<ConnectionCursor> {
  const { rows, columns } = await connection.query(sql, parameters);
  let at = 0;
  return {
    columns,
    fetch: () => {
      const page = rows.slice(at, at + fetchSize);
      at += page.length;
      return Promise.resolve(page.map((row) => columns.map(({ name }) => row[name]))); // not as the object has them: there `1` comes before `a`
    },
    close: () => Promise.resolve(),
  };
}
