import type { DatabasePart } from "./database-access";
import { type FormatPart, formatProperties } from "./format";
import type { PlannedNode } from "./plan";
import { queueProperties, subscription } from "./queue-source";
import { debug } from "./watching";
import type { Settings } from "./settings";
import { carryOver, columnRows, namesAndFields, parameterRows, propertyPath, type SqlText, writeContext } from "./statements";
import type { Statement } from "./template";

/** Plans the nodes that write a queue's messages to a database. @param onDemand a button fetches the messages; else they are written as they come */
export function queueToDatabase(settings: Settings, texts: readonly SqlText[], database: DatabasePart, format: FormatPart, onDemand: boolean): { nodes: PlannedNode[]; steps: string[] } {
  const nodes: PlannedNode[] = [];
  const source = onDemand ? getNode(settings) : inNode(settings);
  const write = writeNode(settings, texts, database, format);
  if (onDemand) nodes.push(button());
  const between = [...record(format), ...each(format, write)];
  const line = [source, ...between, write];
  line.forEach((node, index) => {
    const next = line[index + 1];
    node.to = [next ? [next.role] : ["written"], ...node.to];
  });
  source.properties = { ...source.properties, ...formatProperties(format) };
  nodes.push(...line, debug("written", "written", 1, false));
  if (onDemand) {
    source.to = [source.to[0]!, ["empty"]];
    nodes.push(debug("empty", "the queue is empty", 2, false));
  }
  return { nodes, steps: stepsFor(write) };
}

function stepsFor(write: PlannedNode): string[] {
  const steps = ["A message is off the queue when its rows are committed. One that the database refuses ends in the dead-letter queue, with the reason in its headers."];
  if (write.properties.mode === "insert" || write.properties.mode === "statements") {
    steps.push("A message may come twice, after a broken connection for example. If that must not make two rows, switch on *Dedupe* in *sql write*, or write with *upsert*.");
  }
  return steps;
}

function button(): PlannedNode {
  return { role: "start", type: "inject", name: "get now", row: 1, to: [["source"]], properties: { props: [{ p: "payload" }] } };
}

function inNode(settings: Settings): PlannedNode {
  return { role: "source", type: "surewire-amqp-in", name: "subscribe", row: 1, to: [], properties: subscription(settings) };
}

function getNode(settings: Settings): PlannedNode {
  return {
    role: "source",
    type: "surewire-amqp-get",
    name: "get",
    row: 1,
    to: [],
    properties: { ...queueProperties(settings, ["quorum", "classic"]), count: settings.number("broker.source.count", 1, 10_000) },
  };
}

/** Returns, for XML, a change node that takes the record, or the list of records, out of its root element. */
function record({ format, path }: FormatPart): PlannedNode[] {
  if (format !== "xml") return [];
  const known = path.every((name) => name !== undefined);
  const expression = ["payload", ...path.map((name) => (name === undefined ? "*" : `\`${name}\``))].join(".");
  const rule = { t: "set", p: "payload", pt: "msg", to: known ? propertyPath(["payload", ...(path as string[])]) : expression, tot: known ? "msg" : "jsonata" };
  return [{ role: "record", type: "change", name: path.length > 1 ? "the records" : "the record", row: 1, to: [], properties: { rules: [rule] } }];
}

/** Returns a split node where a message is a list and sql write cannot go through it: for a table it takes one row per message, statements can have a list. */
function each({ list }: FormatPart, write: PlannedNode): PlannedNode[] {
  if (!list || write.properties.forEach !== undefined) return [];
  return [{ role: "each", type: "split", name: "each record", row: 1, to: [], properties: {} }];
}

function writeNode(settings: Settings, texts: readonly SqlText[], database: DatabasePart, format: FormatPart): PlannedNode {
  const flat = format.format === "delimited";
  const statements = carryOver(settings, texts, writeContext(settings, database.dialect, format.columns, flat));
  const node: PlannedNode = { role: "write", type: "surewire-sql-write", name: "write", row: 1, to: [], properties: { database: "database" } };
  const common = { dedupe: settings.flag("database.deduplicate"), batchSize: settings.number("database.batchSize", 1, 10_000) };
  node.properties = { ...node.properties, ...common, ...(statements.length > 0 ? asStatements(settings, statements, format) : asTable(settings, database, format)) };
  return node;
}

function asStatements(settings: Settings, statements: readonly Statement[], format: FormatPart): Record<string, unknown> {
  const parameters = statements.flatMap((statement) => statement.parameters);
  if (format.format === "delimited" && format.options.header === true && !settings.has("format.header")) nameColumns(settings, parameters, format);
  const rows = parameterRows(statements);
  // "For each" finds parameters by the names of an item's own properties. Where names differ, the list is split into messages instead
  const inside = format.list && rows.length === 0;
  if (format.list && !inside) settings.note("database.template", "placeholders are called otherwise than the fields, so each record of a message is written in a transaction of its own");
  return {
    mode: "statements",
    statements: statements.map(({ sql }) => ({ sql, run: "item" })),
    parameters: rows,
    ...(inside ? { forEach: "payload", forEachType: "msg" } : {}),
  };
}

/** For delimited text without header or columns in the file: numbered placeholders are taken for the columns, in order; named ones mean that there is a header. */
function nameColumns(settings: Settings, parameters: Statement["parameters"], format: FormatPart): void {
  const names = [...new Set(parameters.map(({ name }) => name))];
  const numbered = settings.has("database.parameters") || names.every((name) => /^p\d+$/.test(name));
  if (names.length === 0) return;
  if (!numbered) return settings.note("format.header", "nothing says whether the first line names the columns: it was taken to do so");
  format.options.header = false;
  format.options.columns = names;
  settings.note("format.columns", "not given: the fields of a line were taken to be the placeholders, in their order");
}

const MODES: readonly (readonly [RegExp, string])[] = [
  [/^(upsert|merge|replace|insertorupdate|save|put)/, "upsert"],
  [/ignore|ifnotexists|ifabsent|skipduplicates/, "ignore"],
  [/^(insert|append|add|create)/, "insert"],
  [/^(update|patch|modify)/, "update"],
  [/^(delete|remove)/, "delete"],
];

function asTable(settings: Settings, { schema }: DatabasePart, format: FormatPart): Record<string, unknown> {
  const table = settings.text("database.table");
  if (table === undefined) settings.note("database.template", "there is neither a statement nor a table: enter one in the form of sql write");
  const keys = settings.words("database.keys");
  const word = settings.text("database.writeMode")?.toLowerCase().replace(/[^a-z]/g, "");
  const known = word === undefined ? undefined : MODES.find(([pattern]) => pattern.test(word))?.[1];
  if (word !== undefined && known === undefined) settings.note("database.writeMode", "insert, upsert, update, delete or ignore is expected; left out", "dropped");
  const mode = known ?? (keys.length > 0 ? "upsert" : "insert");
  if (keys.length === 0 && ["upsert", "update", "delete"].includes(mode)) settings.note("database.keys", "not given: enter the columns that identify a row in the form of sql write");
  const columns = namesAndFields(settings, "database.columns");
  return {
    mode,
    table: table !== undefined && schema !== undefined && !table.includes(".") ? `${schema}.${table}` : (table ?? ""),
    columns: columnRows(columns, format.format === "delimited"),
    keys,
  };
}
