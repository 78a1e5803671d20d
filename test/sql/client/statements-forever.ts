/** A process with a database client of its own, which is asked for two transactions and then killed by who started it. */
import { DatabaseClient, type DatabaseOptions } from "../../../nodes/sql/client/database-client";

process.once("message", ({ options, transactions }: { options: DatabaseOptions; transactions: string[][] }) => {
  const client = new DatabaseClient(options);
  for (const statements of transactions) {
    const transaction = { statements: statements.map((sql) => ({ sql, values: {} })) };
    void client.execute({ transactions: [transaction], maxRows: 1 });
  }
});
