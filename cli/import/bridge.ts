import { readBroker } from "./broker-access";
import { readDatabase } from "./database-access";
import { readFormat } from "./format";
import type { KeyName } from "./keys";
import { ImportError } from "./note";
import type { FlowPlan, PlannedNode } from "./plan";
import { queueToDatabase } from "./queue-to-database";
import type { Secrets } from "./secrets";
import { selectAndSend } from "./select-and-send";
import type { Settings } from "./settings";
import { failures } from "./watching";
import { readSql } from "./statements";
import { called, tellTransaction, type Transaction } from "./transaction";

/** Names of the tab and its group when the file has no name. */
const TITLES: Readonly<Record<Transaction, string>> = {
  "select-and-send": "Select and send",
  "get-and-write": "Get and write",
  "subscribe-and-write": "Subscribe and write",
};

/**
 * Plans the flow of a bridge between a queue and a database.
 *
 * @param chosen the transaction that the command line names
 * @throws ImportError when there is nothing to make a flow from
 */
export function planBridge(settings: Settings, secrets: Secrets, chosen?: Transaction): FlowPlan {
  const texts = readSql(settings);
  const transaction = chosen ?? tellTransaction(settings, { reads: texts.some(({ reads }) => reads), writes: texts.some(({ reads }) => !reads) });
  if (chosen) settings.text("transaction");
  for (const section of ["database", "broker"] as const) {
    if (!settings.hasSection(section)) throw new ImportError(`the section ${section} is missing`);
  }
  const sends = transaction === "select-and-send";
  const database = readDatabase(settings, secrets);
  const broker = readBroker(settings, secrets);
  const format = readFormat(settings, sends);
  const { nodes, steps } = sends
    ? selectAndSend(settings, texts, database, format)
    : queueToDatabase(settings, texts.filter(({ reads, key }) => keepWriting(settings, reads, key)), database, format, transaction === "get-and-write");
  nodes.push(...failures(nodes));
  const name = settings.text("name") ?? TITLES[transaction];
  const info = settings.text("description") ?? "";
  settings.reportUnused(called(transaction));
  return {
    name,
    info,
    madeFrom: "a bridge's configuration",
    summary: summaryOf(transaction, nodes),
    steps,
    nodes,
    configs: [
      { role: "database", type: "surewire-sql-database", name: "database", properties: database.properties, credentials: database.credentials },
      { role: "broker", type: "surewire-amqp-broker", name: "broker", ...broker },
    ],
  };
}

function keepWriting(settings: Settings, reads: boolean, key: KeyName): boolean {
  if (reads) settings.note(key, "selects, and a message is written: left out", "dropped");
  return !reads;
}

function summaryOf(transaction: Transaction, nodes: readonly PlannedNode[]): string {
  const of = (type: string): Record<string, unknown> => nodes.find((node) => node.type === type)?.properties ?? {};
  const queue = String(of(transaction === "get-and-write" ? "surewire-amqp-get" : "surewire-amqp-in").queue ?? "");
  const write = of("surewire-sql-write");
  const target = write.mode === "statements" ? "the database" : `the table ${String(write.table ?? "")}`;
  switch (transaction) {
    case "select-and-send": {
      const { exchange, routingKey } = of("surewire-amqp-out");
      return `Rows of a query become messages for ${exchange ? `the exchange ${String(exchange)}` : `the queue ${String(routingKey)}`}.`;
    }
    case "get-and-write":
      return `On demand, messages of the queue ${queue} are written to ${target}.`;
    case "subscribe-and-write":
      return `Each message of the queue ${queue} is written to ${target}.`;
  }
}
