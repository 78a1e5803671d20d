import type { DatabaseConnection } from "./backend";

/** Ends whatever transaction is open. A connection that cannot even do that is closed: nobody may go on in what it left behind. */
export async function rollBack(connection: DatabaseConnection): Promise<void> {
  try {
    await connection.rollback();
  } catch {
    await connection.close();
  }
}
