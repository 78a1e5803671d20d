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

/**
 * The rows of a cursor, all of which are taken with the first fetch and given a page at a time.
 *
 * @param cursor one whose fetch gives all there are
 */
export function takenAtOnce(cursor: ConnectionCursor, fetchSize: number): ConnectionCursor {
  let rows: unknown[][] | undefined;
  let at = 0;
  return {
    columns: cursor.columns,
    fetch: async () => {
      rows ??= await cursor.fetch();
      const page = rows.slice(at, at + fetchSize);
      at += page.length;
      return page;
    },
    close: () => cursor.close(),
  };
}
