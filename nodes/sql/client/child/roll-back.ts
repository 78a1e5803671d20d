import type { DatabaseConnection } from "./backend";

/** Rolls back the open transaction, if there is one. Where that fails, closes the connection, since its state is unknown. */
export async function rollBack(connection: DatabaseConnection): Promise<void> {
  try {
    await connection.rollback();
  } catch {
    await connection.close();
  }
}
