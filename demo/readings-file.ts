import { DatabaseSync } from "node:sqlite";

/** The SQLite file that the readings go to, looked at from outside. */
export class ReadingsFile {
  constructor(readonly path: string) {
    const database = new DatabaseSync(path);
    // as the example's comment says; the file's mode lets us read while the flow writes
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, device TEXT, value REAL, at TEXT)");
    database.close();
  }

  /** Rows, and different ids among them. */
  count(): { rows: number; ids: number } {
    const database = new DatabaseSync(this.path, { readOnly: true, timeout: 5_000 });
    try {
      const found = database.prepare("SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM readings").get();
      return { rows: Number(found?.rows), ids: Number(found?.ids) };
    } finally {
      database.close();
    }
  }
}
