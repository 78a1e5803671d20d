import assert from "node:assert/strict";
import { connect } from "amqplib";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import type { FlowNode } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { waitFor } from "../services/wait";

/** The deliveries a fault must strike, at least (issue: each fault strikes while at least 100 are unsettled). */
export const UNSETTLED = 100;

/** Messages a fault test sends: 5,000, or as many as `npm run soak` asks for. */
export const COUNT = Number(process.env.SUREWIRE_MESSAGES ?? 5000);

/** A time limit in ms that grows with {@link COUNT}. */
export const scaled = (ms: number): number => ms * Math.max(1, COUNT / 5000);

const CONFIG_TYPES = new Set(["surewire-amqp-broker", "surewire-salesforce-org", "surewire-sql-database"]);

/** A tab and what stands on it. Flow nodes need a tab and coordinates, and configuration nodes must have none: that is how Node-RED tells them apart. */
export function tab(...nodes: FlowNode[]): FlowNode[] {
  const placed = nodes.map((node, index) => (CONFIG_TYPES.has(node.type) || node.type === "subflow" ? node : { z: "tab", x: 200, y: 60 * (index + 1), wires: [], ...node }));
  return [{ id: "tab", type: "tab", label: "test" }, ...placed];
}

/** The broker's config node. */
export function brokerNode(rabbit: RabbitMq): FlowNode {
  const credentials = { username: rabbit.username, password: rabbit.password };
  return { id: "broker", type: "surewire-amqp-broker", name: "", urls: [rabbit.url], vhost: "/", tls: "", heartbeat: 15, connectTimeout: 10, credentials };
}

/** The org's config node, signing in with client credentials. */
export function orgNode(url: string): FlowNode {
  const credentials = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
  return { id: "org", type: "surewire-salesforce-org", name: "", loginUrl: url, flow: "client-credentials", apiVersion: "", credentials };
}

/** Makes a case of `{id, text}`, upserted by its id, with the defaults of the form and what a test changes. */
export function caseNode(more: Record<string, unknown> = {}): FlowNode {
  const mapping = [
    { field: "Subject", value: "payload.text", valueType: "msg" },
    { field: "Origin", value: "payload.origin", valueType: "msg" },
  ];
  const keyed = { externalIdField: "Device_Event_Id__c", externalId: "payload.id", externalIdType: "msg" };
  return { id: "case", type: "surewire-salesforce-case", name: "", org: "org", divisions: [], mapping, defaults: [], ...keyed, assignment: "default", batchSize: 200, linger: 50, wires: [[]], ...more };
}

/** A consumer with the defaults of the form, and what a test changes. */
export function inNode(queue: string, wires: string[], more: Record<string, unknown> = {}): FlowNode {
  const settling = { settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1000, retryMaxDelay: 300_000, deadLetterQueue: "" };
  const taking = { queue, declare: "declare", queueType: "quorum", arguments: {}, bindings: [], prefetch: 400, format: "json" };
  return { id: "in", type: "surewire-amqp-in", name: "", broker: "broker", ...taking, ...settling, wires: [wires], ...more };
}

/** The database's config node, PostgreSQL over ODBC. */
export function postgresNode(postgres: Postgres): FlowNode {
  const credentials = { username: postgres.username, password: postgres.password };
  const limits = { poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000 };
  return { id: "database", type: "surewire-sql-database", name: "", engine: "odbc", connectionString: postgres.connectionString, file: "", dialect: "auto", ...limits, credentials };
}

/** Writes `id`, `value` and the attempt a message came with. */
export function writeNode(table: string, more: Record<string, unknown> = {}): FlowNode {
  const columns = [
    { column: "id", value: "payload.id", valueType: "msg" },
    { column: "value", value: "payload.value", valueType: "msg" },
    { column: "attempt", value: "delivery.attempt", valueType: "msg" },
  ];
  return { id: "write", type: "surewire-sql-write", name: "", database: "database", mode: "upsert", table, columns, keys: ["id"], batchSize: 200, linger: 20, wires: [[]], ...more };
}

/** Reads when a message comes, a message a row, with the defaults of the form and what a test changes. */
export function readNode(query: string, wires: string[], more: Record<string, unknown> = {}): FlowNode {
  const settling = { settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1000, retryMaxDelay: 300_000 };
  const polling = { mode: "message", pollInterval: 5000, progress: "watermark", watermarkColumn: "", keyColumn: "", delayWindow: 2000, start: "all", afterRead: "", afterReadPer: "row" };
  const handing = { parameters: [], output: "row", batchSize: 200, maxRows: 100_000, maxInFlight: 1000, emptyOutput: false };
  return { id: "read", type: "surewire-sql-read", name: "", database: "database", query, ...handing, ...polling, ...settling, wires: [wires], ...more };
}

/** Makes the table that {@link writeNode} writes to. */
export async function createTable(postgres: Postgres, table: string): Promise<void> {
  await postgres.query(`drop table if exists ${table}`);
  await postgres.query(`create table ${table} (id text primary key, value integer not null, attempt integer)`);
}

/** Publishes one message per id, confirmed, to a durable queue: a plain one, that ours looks at first and uses, with a warning that it has no dead-letter exchange. */
export async function publish(rabbit: RabbitMq, queue: string, contents: (string | object)[], type: "quorum" | "stream" = "quorum"): Promise<void> {
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": type } });
  for (const content of contents) {
    const body = Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
    channel.sendToQueue(queue, body, { persistent: true, contentType: "application/json" });
  }
  await channel.waitForConfirms();
  await connection.close();
}

/** `count` messages `{id, value}` with the ids they carry. */
export function messages(count: number): { id: string; value: number }[] {
  return Array.from({ length: count }, (_, value) => ({ id: `m${String(value).padStart(6, "0")}`, value }));
}

/** Waits until the broker counts at least {@link UNSETTLED} messages of `queue` in our hands. */
export async function untilUnsettled(rabbit: RabbitMq, queue: string): Promise<void> {
  await waitFor(`${UNSETTLED} unsettled messages of ${queue}`, async () => {
    const found = (await rabbit.listQueues(queue)).find(({ name }) => name === queue);
    return (found?.unacknowledged ?? 0) >= UNSETTLED;
  });
}

/** Right after its start a broker may count nothing in a queue that it is still reading, so one look is not enough. */
const LOOKS = 5;

/** Waits until `queue` and its retry queues are empty and stay so for a second, as the broker counts. */
export async function untilEmpty(rabbit: RabbitMq, queue: string, timeout = scaled(60_000)): Promise<void> {
  const own = (name: string): boolean => name === queue || name.startsWith(`${queue}.retry.`);
  let empty = 0;
  const look = async (): Promise<boolean> => {
    const counted = (await rabbit.listQueues(queue)).filter(({ name }) => own(name));
    empty = counted.length > 0 && counted.every(({ messages: left }) => left === 0) ? empty + 1 : 0;
    return empty === LOOKS;
  };
  await waitFor(`${queue} to be empty`, look, { timeout, interval: 200 });
}

/** How many messages the dead-letter queue of `queue` holds. */
export async function deadLetters(rabbit: RabbitMq, queue: string): Promise<number> {
  return (await rabbit.listQueues(`${queue}.dlq`)).find(({ name }) => name === `${queue}.dlq`)?.messages ?? 0;
}

/** Compares sets, not counts: every id that was sent is stored, nothing else is, and by a primary key nothing twice. */
export async function assertStored(postgres: Postgres, table: string, sent: { id: string }[]): Promise<void> {
  const rows = (await postgres.query(`select id from ${table} order by id`)) as { id: string }[];
  assert.deepEqual(rows.map(({ id }) => id), sent.map(({ id }) => id).sort());
}

/** Keeps writers of `table` waiting until the returned function is called: what has been taken stays unsettled. */
export async function lockTable(postgres: Postgres, table: string): Promise<() => Promise<void>> {
  const { Client } = await import("pg");
  const client = new Client(postgres.clientConfig);
  client.on("error", () => undefined); // the server may be stopped while the lock is held
  await client.connect();
  await client.query("begin");
  await client.query(`lock table ${table} in access exclusive mode`);
  return () => client.end().catch(() => undefined);
}
