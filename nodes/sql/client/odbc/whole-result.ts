import type { ConnectionCursor, DatabaseConnection } from "../child/backend";
import type { Statement } from "../dialect";

/** Runs a statement and returns a cursor over its whole result, which is in memory then. @throws ConnectorError */
export async function wholeResult(connection: Pick<DatabaseConnection, "query">, { sql, parameters }: Statement, fetchSize: number): Promise<ConnectionCursor> {
  const { rows, columns } = await connection.query(sql, parameters);
  let at = 0;
  return {
    columns,
    fetch: () => {
      const page = rows.slice(at, at + fetchSize);
      at += page.length;
      return Promise.resolve(page.map((row) => columns.map(({ name }) => row[name]))); // not in the order of the object's keys, where `1` comes before `a`
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Returns a cursor that takes all rows with its first fetch and gives them a page at a time.
 *
 * @param cursor a cursor whose fetch returns all rows
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
