import type { DatabasePart } from "./database-access";
import { fieldPath } from "./template";
import { LOOKS_SECRET } from "./connection-text";
import { type FormatPart, formatProperties } from "./format";
import { isObject } from "./json-text";
import type { PlannedNode } from "./plan";
import type { Settings } from "./settings";
import { bracesOf, fieldOf } from "./sql-text";
import { declareOf, EXCHANGE_TYPES } from "./queue-source";
import { debug } from "./watching";
import { carryOver, parameterRows, propertyPath, readFields, sqlIn, type SqlText } from "./statements";

/** Longest time between two runs, in ms: a day. */
const MAX_TIME = 86_400_000;

/** Matches a limit on the number of rows at the end of a query. */
const LIMIT = /\s+limit\s+\d+(\s*(,|offset)\s*\d+)?[\s;]*$|\s+(offset\s+\d+\s+rows?\s+)?fetch\s+(first|next)\s+\d+\s+rows?\s+only[\s;]*$/i;

/** Plans the nodes that send rows of a database to an exchange or a queue. */
export function selectAndSend(settings: Settings, texts: readonly SqlText[], database: DatabasePart, format: FormatPart): { nodes: PlannedNode[]; steps: string[] } {
  const steps: string[] = [];
  const read = readNode(settings, texts, database);
  const out = outNode(settings, format, steps);
  const polls = read.properties.mode === "poll";
  const nodes: PlannedNode[] = [];
  if (!polls) nodes.push(trigger(settings, read));
  read.to = polls ? [["out"], ["unsendable"]] : [["out"]];
  nodes.push(read, out, debug("sent", "sent", 1, false));
  if (polls) {
    nodes.push(debug("unsendable", "rows that cannot be sent", 2, true));
    steps.push("Rows that cannot be sent, after all retries, come out of the second output of *sql read* and are shown in the debug sidebar and the log. Wire that output to where somebody looks after them.");
  }
  if (!polls) steps.push("The query runs when the button is pressed, or at the times of the inject node, and sends all its rows each time.");
  else if (read.properties.progress === "none") steps.push("Each run of the query sends all its rows again, as before. Give *sql read* a watermark column, or a statement to run after each row, and every row is sent once.");
  return { nodes, steps };
}

function readNode(settings: Settings, texts: readonly SqlText[], database: DatabasePart): PlannedNode {
  const { dialect } = database;
  const queries = texts.filter(({ reads }) => reads);
  const [query] = carryOver(settings, queries.slice(0, 1), { dialect, ...readFields(settings, []) });
  for (const { key } of [...queries.slice(1), ...texts.filter(({ reads }) => !reads)]) settings.note(key, "one query is read: this statement was left out", "dropped");
  const keys = settings.words("database.keys");
  const watermark = settings.text("database.watermarkColumn");
  const after = afterRead(settings, dialect);
  const output = outputOf(settings);
  const interval = settings.duration("database.pollInterval", 10, MAX_TIME, true);
  const polls = (interval !== undefined || watermark !== undefined || after !== undefined) && output !== "all" && !settings.has("database.cron");
  if (!polls && (watermark !== undefined || after !== undefined)) {
    settings.note(watermark !== undefined ? "database.watermarkColumn" : "database.afterRead", "works with polling only: rows one by one or in batches, at an interval", "dropped");
  }
  if (polls && (query?.parameters.length ?? 0) > 0) settings.note(query ? (queries[0]?.key ?? "database.statement") : "database.statement", "a poll has no message to take the values of placeholders from: the node compares the watermark itself, so take that condition out, and give others a value in the node's form");
  const keyColumn = keys[0] ?? (polls ? guessKey(settings, watermark, after) : undefined);
  if (keys.length > 1) settings.note("database.keys", "the first is taken: one column has to tell the rows apart");
  return {
    role: "read",
    type: "surewire-sql-read",
    name: "select",
    row: 1,
    to: [],
    properties: {
      database: "database",
      query: query ? (polls && watermark !== undefined ? withoutLimit(settings, query.sql, queries[0]?.key) : query.sql) : tableQuery(settings, database.schema),
      parameters: query ? parameterRows([query]) : [],
      output,
      batchSize: settings.number("database.batchSize", 1, 100_000),
      maxRows: settings.number("database.maxRows", 1, 10_000_000),
      mode: polls ? "poll" : "message",
      ...(polls ? { inputs: 0, outputs: 2, progress: watermark !== undefined ? "watermark" : after !== undefined ? "after-read" : "none", pollInterval: interval } : {}),
      ...(polls && watermark !== undefined ? { watermarkColumn: watermark, keyColumn } : {}),
      ...(polls && watermark === undefined && after !== undefined ? { afterRead: after.sql, keyColumn } : {}),
    },
  };
}

/** Returns the query without a limit at its end. A poll by a watermark reads page by page itself; with a limit in the query it would not get to the rows behind. */
function withoutLimit(settings: Settings, sql: string, key: SqlText["key"] = "database.statement"): string {
  if (LIMIT.test(sql)) settings.note(key, "the limit was taken out: a poll by a watermark reads the rows in pages by itself");
  return sql.replace(LIMIT, "");
}

function afterRead(settings: Settings, dialect: DatabasePart["dialect"]): { sql: string; names: string[] } | undefined {
  const texts = sqlIn(settings, "database.afterRead").map((text) => ({ key: "database.afterRead" as const, text, reads: false }));
  const [first, ...others] = carryOver(settings, texts, { dialect, flat: true });
  if (others.length > 0) settings.note("database.afterRead", "one statement is run after each row: the others were left out", "dropped");
  if (!first) return undefined;
  const renamed = first.parameters.filter(({ name, field }) => field.length !== 1 || field[0] !== name).map(({ name }) => `:${name}`);
  if (renamed.length > 0) settings.note("database.afterRead", `${renamed.join(", ")} must be columns of the query: name them so with "as"`);
  return { sql: first.sql, names: first.parameters.map(({ name }) => name) };
}

function guessKey(settings: Settings, watermark: string | undefined, after: { names: string[] } | undefined): string | undefined {
  const guessed = watermark ?? (after?.names.length === 1 ? after.names[0] : undefined);
  if (guessed === undefined && !after) return undefined;
  settings.note("database.keys", guessed === undefined ? "no column is named that tells the rows apart: enter it as Key column of sql read" : "not given: one column was taken to tell the rows apart; see Key column of sql read");
  return guessed;
}

/** Returns a query for the table, for a file that names a table but has no query. */
function tableQuery(settings: Settings, schema: string | undefined): string {
  const table = settings.text("database.table");
  if (table === undefined || !/^[\p{L}\p{N}_.$#"`[\] ]+$/u.test(table)) {
    settings.note("database.statement", "there is no query: enter it in the form of sql read");
    return "";
  }
  const columns = readFields(settings, []).positions ?? [];
  return `select ${columns.length > 0 ? columns.join(", ") : "*"} from ${schema !== undefined && !table.includes(".") ? `${schema}.${table}` : table}`;
}

function outputOf(settings: Settings): "row" | "batch" | "all" | undefined {
  const word = settings.text("database.output")?.toLowerCase();
  if (word === undefined) return undefined;
  if (/^(row|rows|single|record|each|one|true)$/.test(word)) return "row";
  if (/batch|chunk|page/.test(word)) return "batch";
  if (/^(all|result|resultset|table|whole|list|array|false)$/.test(word)) return "all";
  settings.note("database.output", "row, batch or all is expected; left at row", "dropped");
  return undefined;
}

/** The smallest and the largest number, and the words that are allowed, for each of the five fields of cron. */
const CRON: readonly (readonly [least: number, most: number, words: RegExp])[] = [
  [0, 59, /^$/],
  [0, 23, /^$/],
  [1, 31, /^(l|w|lw)$/i],
  [1, 12, /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)$/i],
  [0, 7, /^(sun|mon|tue|wed|thu|fri|sat|l)$/i],
];

/** Whether an inject node accepts the field. With a wrong field it does not start. */
function isCronField(field: string, place: number): boolean {
  const [least, most, words] = CRON[place]!;
  if (!/^[\w*,/-]+$/.test(field) || /\/0*(?!\d)|(^|,)(,|$)/.test(field)) return false;
  const numbers = field.replace(/\/\d+/g, "").match(/\d+/g) ?? [];
  return numbers.every((number) => Number(number) >= least && Number(number) <= most) && (field.match(/[A-Za-z_]+/g) ?? []).every((word) => words.test(word));
}

function trigger(settings: Settings, read: PlannedNode): PlannedNode {
  const cron = settings.text("database.cron");
  const interval = settings.duration("database.pollInterval", 10, MAX_TIME);
  const fields = cron?.replaceAll("?", "*").split(/\s+/) ?? []; // Quartz has ? where cron has *
  // an expression of Quartz begins with seconds and may end with a year
  const five = fields.length >= 6 ? fields.slice(1, 6) : fields;
  const usable = five.length === 5 && five.every((field, place) => isCronField(field, place));
  if (cron !== undefined && (!usable || fields.length >= 6)) {
    settings.note("database.cron", usable ? "seconds and year were left out: see the inject node's repeat" : "is no cron expression with five fields: set the inject node's repeat", usable ? "check" : "dropped");
  }
  if (usable && fields.length >= 6 && /\d/.test(five[4]!)) settings.note("database.cron", "the days of the week are numbers, of which 1 was taken for Monday: for Quartz it is Sunday");
  const seconds = cron === undefined && interval !== undefined ? String(interval / 1000) : "";
  return {
    role: "start",
    type: "inject",
    name: usable ? "at these times" : seconds ? `every ${seconds} s` : "select now",
    row: read.row,
    to: [["read"]],
    properties: { props: [{ p: "payload" }], repeat: seconds, crontab: usable ? five.join(" ") : "", payload: "{}", payloadType: "json" },
  };
}

function outNode(settings: Settings, format: FormatPart, steps: string[]): PlannedNode {
  const queue = settings.text("broker.destination.queue");
  const exchange = settings.text("broker.destination.exchange");
  const direct = exchange === undefined || /^(\(?default\)?|amq\.default|)$/i.test(exchange);
  const key = settings.text("broker.destination.routingKey") ?? (direct ? queue : undefined);
  if (direct && key === undefined) settings.note("broker.destination.queue", "nothing says where to publish: enter it in the form of amqp out");
  if (!direct && queue !== undefined) settings.note("broker.destination.queue", "the exchange was taken: the queue has to be bound to it");
  if (direct && key !== undefined) steps.push("The queue must exist: *amqp out* makes exchanges, but no queues.");
  const routing = routingKey(key ?? "");
  return {
    role: "out",
    type: "surewire-amqp-out",
    name: "send",
    row: 1,
    to: [["sent"]],
    properties: {
      broker: "broker",
      destination: direct ? "queue" : "exchange",
      exchange: direct ? "" : exchange,
      exchangeKind: exchangeKind(settings),
      declare: declareOf(settings, "broker.destination.declare", "broker.destination.passive"),
      routingKey: routing.value,
      routingKeyType: routing.type,
      headers: headers(settings),
      properties: messageProperties(settings),
      ...formatProperties(format),
      persistent: persistent(settings),
      mandatory: settings.flag("broker.destination.mandatory"),
      confirmTimeout: settings.duration("broker.destination.confirmTimeout", 100, 600_000),
    },
  };
}

/** Returns the routing key; one with placeholders becomes an expression on the row. */
function routingKey(text: string): { value: string; type?: string } {
  const braces = bracesOf(text);
  const matches = [...text.matchAll(braces)] as RegExpExecArray[];
  if (matches.length === 0) return { value: text };
  const parts: string[] = [];
  let end = 0;
  for (const match of matches) {
    const before = text.slice(end, match.index);
    if (before) parts.push(JSON.stringify(before));
    parts.push(["payload", ...fieldPath(fieldOf(match), false)].map((name, index) => (index === 0 || /^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replaceAll("`", "")}\``)).join("."));
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(JSON.stringify(text.slice(end)));
  if (parts.length === 1) return { value: propertyPath(["payload", ...fieldPath(fieldOf(matches[0]!), false)]), type: "msg" };
  return { value: parts.join(" & "), type: "jsonata" };
}

function exchangeKind(settings: Settings): string | undefined {
  const kind = settings.text("broker.destination.exchangeType")?.toLowerCase();
  if (kind === undefined || EXCHANGE_TYPES.includes(kind)) return kind;
  settings.note("broker.destination.exchangeType", "topic, direct, fanout or headers is expected; left at topic", "dropped");
  return undefined;
}

/** Reads a flag, or AMQP's delivery mode (1 or 2). */
function persistent(settings: Settings): boolean | undefined {
  const text = settings.text("broker.destination.persistent");
  if (text === "2" || /^persistent$/i.test(text ?? "")) return true;
  if (text === "1" || /^(non.?persistent|transient)$/i.test(text ?? "")) return false;
  return text === undefined ? undefined : settings.flag("broker.destination.persistent");
}

const PROPERTIES = {
  contentType: ["broker.destination.contentType", "format.contentType"],
  type: ["broker.destination.messageType"],
  appId: ["broker.destination.appId"],
  replyTo: ["broker.destination.replyTo"],
} as const;

function messageProperties(settings: Settings): { property: string; value: string; valueType: string }[] {
  const rows: { property: string; value: string; valueType: string }[] = [];
  for (const [property, names] of Object.entries(PROPERTIES)) {
    const value = names.map((name) => settings.text(name)).find((text) => text !== undefined);
    if (value !== undefined) rows.push({ property, value, valueType: "str" });
  }
  const priority = settings.number("broker.destination.priority", 0, 255);
  if (priority !== undefined) rows.push({ property: "priority", value: String(priority), valueType: "num" });
  const expiration = settings.duration("broker.destination.expiration", 0, 4_294_967_295, true);
  if (expiration !== undefined) rows.push({ property: "expiration", value: String(expiration), valueType: "num" });
  return rows;
}

function headers(settings: Settings): string | undefined {
  const given = settings.json("broker.destination.headers");
  if (given === undefined) return undefined;
  if (!isObject(given)) {
    settings.note("broker.destination.headers", "names with values are expected; left out", "dropped");
    return undefined;
  }
  let secrets = 0;
  const kept = JSON.stringify(given, (name, value: unknown) => {
    if (!LOOKS_SECRET.test(name)) return value;
    secrets += 1;
    return undefined;
  });
  if (secrets > 0) settings.note("broker.destination.headers", "a header that looks like a secret was left out: set it in the flow, from an environment variable", "dropped");
  return kept;
}
