import { readFileSync } from "node:fs";
import path from "node:path";
import type { FlowNode } from "../test/services/node-red";
import type { DemoBroker } from "./broker";
import type { EmulatorService } from "../test/services/emulator-service";

const EXAMPLES = path.resolve(__dirname, "../examples");

/** The example flows as they stand in the pack, with the addresses of this demo put in. Secrets go the way the editor sends them. */
export function demoFlows(broker: DemoBroker, org: EmulatorService, databaseFile: string): FlowNode[] {
  const files = ["salesforce/device-to-case.json", "sql/queue-to-database.json"];
  const nodes = files.flatMap((file) => JSON.parse(readFileSync(path.join(EXAMPLES, file), "utf8")) as FlowNode[]);
  return nodes.map((node) => ({ ...node, ...changes(node, broker, org, databaseFile) }));
}

function changes(node: FlowNode, broker: DemoBroker, org: EmulatorService, file: string): Partial<FlowNode> {
  switch (node.type) {
    case "surewire-amqp-broker":
      return { urls: [broker.url], vhost: broker.vhost, credentials: { username: broker.username, password: broker.password } };
    case "surewire-amqp-in":
      return { queue: broker.prefix + String(node.queue) };
    case "surewire-amqp-out":
      return { routingKey: broker.prefix + String(node.routingKey) };
    case "surewire-salesforce-org":
      return { loginUrl: org.url, credentials: { clientId: org.clientId, clientSecret: org.clientSecret } };
    case "surewire-sql-database":
      return { file };
    case "debug": // a thousand lines a second help nobody; the user may switch them on
      return { active: false };
    default:
      return {};
  }
}
