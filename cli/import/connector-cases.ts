import type { Division } from "./connector";
import { isObject, type Json } from "./json-text";
import type { ConnectorKey } from "./keys-connector";
import type { Settings } from "./settings";
import { propertyPath } from "./statements";
import { fieldPath } from "./template";
import { flagOf } from "./values";

/** A field and its value: a row of a list in the form of `salesforce case`. */
interface FieldRow {
  field: string;
  value: string;
  valueType: string;
}

/** Rows by the names of their fields, in lower case. */
type Rows = Map<string, FieldRow>;

/** The condition for a message to belong to a division. */
interface Condition {
  whenType: "topic" | "property";
  when: string;
  property: string;
}

/** Fields of Case that a message may have under their own names, for a file that has no mapping. */
const USUAL = ["Subject", "Description", "Priority", "Status", "Origin", "Type", "Reason", "SuppliedName", "SuppliedEmail", "SuppliedPhone", "SuppliedCompany"];

const FIELD_NAME = /^[A-Za-z]\w*$/;
const PLACEHOLDER = /\$\{([^{}]+)\}|\{\{([^{}]+)\}\}/g;

/**
 * Returns the properties of a `salesforce case`.
 *
 * @param divisions the divisions of one queue; at least one
 * @param all all divisions of the file. Without a mapping, a message may have every field that one of them sets
 */
export function caseProperties(divisions: readonly Division[], tenant: Settings<ConnectorKey>, all: readonly Division[]): Record<string, unknown> {
  const { settings, org } = divisions[0]!;
  const common = attributes(tenant);
  const mappings = divisions.map((division) => mappingOf(division, tenant, all));
  const shared = mappings.every((each) => sameRows(each, mappings[0]!));
  const conditions = conditionsOf(divisions);
  const rows = divisions.flatMap((division, index) => {
    const own = division.settings;
    const given: Rows = own.isOwn("case.attributes") ? attributes(own) : new Map<string, FieldRow>();
    const fields = shared ? given : mappedOver(new Map([...common, ...given]), mappings[index]!);
    const row = {
      name: division.name,
      org: division.org === org ? "" : division.org,
      owner: own.text("case.owner") ?? "",
      recordType: own.text("case.recordType") ?? "",
      defaults: [...fields.values()],
    };
    return conditions[index]!.map((condition) => ({ ...row, ...condition }));
  });
  const batchSize = settings.number("case.batchSize", 1, 1_000_000);
  checkObject(settings);
  return {
    org,
    divisions: rows.sort((one, other) => Number(one.when === "") - Number(other.when === "")),
    mapping: shared ? [...mappings[0]!.values()] : [],
    defaults: [...common.values()],
    ...externalId(settings),
    assignment: assignment(settings),
    batchSize: batchSize === undefined ? undefined : Math.min(batchSize, 200),
  };
}

/** Reads the fields with fixed values. An entry that is no field's name, or has no value that a field can have, is noted. */
function attributes(settings: Settings<ConnectorKey>): Rows {
  return fieldRows(settings, "case.attributes", (value) => {
    if (typeof value === "number") return { value: String(value), valueType: "num" };
    if (typeof value === "boolean") return { value: String(value), valueType: "bool" };
    if (typeof value === "string") return withPlaceholders(value) ?? { value, valueType: "str" };
    return Array.isArray(value) ? undefined : { value: JSON.stringify(value), valueType: "json" };
  });
}

/** Reads which fields come from the message. A text may have placeholders, be a path, or – if it has blanks in it – be a fixed value. */
function mapping(settings: Settings<ConnectorKey>): Rows {
  return fieldRows(settings, "case.mapping", (value) => {
    if (typeof value === "number" || typeof value === "boolean") return { value: String(value), valueType: typeof value === "number" ? "num" : "bool" };
    if (typeof value !== "string" || value.trim() === "") return undefined;
    return withPlaceholders(value) ?? (/\s/.test(value.trim()) ? { value, valueType: "str" } : { value: payloadPath(value), valueType: "msg" });
  });
}

function fieldRows(settings: Settings<ConnectorKey>, key: "case.attributes" | "case.mapping", toValue: (value: Json) => Omit<FieldRow, "field"> | undefined): Rows {
  const rows: Rows = new Map();
  for (const [field, value] of pairsOf(settings.json(key) ?? {})) {
    const read = FIELD_NAME.test(field) && field.toLowerCase() !== "id" ? toValue(value) : undefined;
    if (read) rows.set(field.toLowerCase(), { field, ...read });
    else settings.note(key, `an entry is no field with a value${/^[\w .-]{1,40}$/.test(field) ? `: ${field}` : ""}; left out`, "dropped");
  }
  return rows;
}

/** Reads `{ "Subject": "event.text" }`, or a list of `{ "field": "Subject", "source": "event.text" }`. */
function pairsOf(value: Json): [field: string, value: Json][] {
  if (!Array.isArray(value)) return isObject(value) ? Object.entries(value).map(([field, each]) => [field.trim(), each]) : [["", value]];
  return value.map((each) => {
    if (!isObject(each)) return ["", each];
    const field = each.field ?? each.name ?? each.attribute ?? each.target ?? each.to ?? "";
    return [typeof field === "string" ? field.trim() : "", each.value ?? each.source ?? each.path ?? each.property ?? each.from ?? null];
  });
}

/** Returns the value of a text with placeholders for properties of the message; `undefined` when it has none. */
function withPlaceholders(text: string): Omit<FieldRow, "field"> | undefined {
  const matches = [...text.matchAll(PLACEHOLDER)];
  if (matches.length === 0) return undefined;
  const path = ([, dollar, braces]: RegExpExecArray): string => payloadPath(dollar ?? braces ?? "");
  if (matches.length === 1 && matches[0]![0] === text.trim()) return { value: path(matches[0]!), valueType: "msg" };
  return { value: text.replace(PLACEHOLDER, (...match) => `{{${path(match as unknown as RegExpExecArray)}}}`), valueType: "template" };
}

function payloadPath(path: string): string {
  const parts = fieldPath(path, false);
  return propertyPath(parts[0] === "payload" ? parts : ["payload", ...parts]);
}

/** Returns the mapping of the tenant, with the division's own rows in place of the tenant's. If there is none, each field is looked for under its own name. */
function mappingOf({ settings }: Division, tenant: Settings<ConnectorKey>, all: readonly Division[]): Rows {
  const told = new Map([...mapping(tenant), ...(settings.isOwn("case.mapping") ? mapping(settings) : [])]);
  if (told.size > 0) return told;
  const known = [tenant, ...all.map((division) => division.settings)].flatMap((each) => (each.isOwn("case.attributes") ? [...attributes(each).values()].map(({ field }) => field) : []));
  return new Map([...new Set([...USUAL, ...known])].map((field) => [field.toLowerCase(), { field, value: propertyPath(["payload", field]), valueType: "msg" }]));
}

const sameRows = (one: Rows, other: Rows): boolean => JSON.stringify([...one]) === JSON.stringify([...other]);

/** Merges two lists: for a field in both, the value from the message is used if it exists, else the fixed one. */
function mappedOver(fixed: Rows, over: Rows): Rows {
  const rows: Rows = new Map(fixed);
  for (const [name, row] of over) {
    const other = fixed.get(name);
    const either = other && row.valueType === "msg" && other.valueType !== "msg" && other.valueType !== "template";
    rows.set(name, either ? { ...row, value: `$exists(${row.value}) ? ${row.value} : ${other.valueType === "str" ? JSON.stringify(other.value) : other.value}`, valueType: "jsonata" } : row);
  }
  return rows;
}

/** The condition for the rest: a message that no other division of the node takes. Only the last division may have it. */
const REST: Condition = { whenType: "topic", when: "", property: "" };

/**
 * Returns the conditions by which the divisions of a queue are told apart. A division that is alone takes every message, since one may also come without the
 * exchange. Several are told apart by exchange if all differ, else by routing key; one without a key takes the rest.
 */
function conditionsOf(divisions: readonly Division[]): Condition[][] {
  if (divisions.length === 1) return [[REST]];
  const exchanges = divisions.map(({ settings }) => settings.text("broker.source.exchange") ?? "");
  if (new Set(exchanges).size === divisions.length && !exchanges.includes("")) {
    return exchanges.map((exchange) => [{ whenType: "property", when: exchange, property: "amqp.exchange" }]);
  }
  const seen = new Set<string>();
  return divisions.map(({ settings, name }) => {
    const keys = settings.words("broker.source.routingKey");
    const again = keys.length === 0 ? seen.has("") : keys.some((key) => seen.has(key));
    if (keys.length === 0 && !again) settings.note("broker.source.routingKey", `${name} shares its queue and has no routing key: it takes what no other division of the queue takes`);
    if (again) settings.note("broker.source.routingKey", `${name} has the same as another division of its queue, which goes before it: change the conditions in the form of salesforce case`);
    for (const key of keys.length > 0 ? keys : [""]) seen.add(key);
    if (keys.length === 0) return [again ? { ...REST, when: name } : REST];
    return keys.map((when) => ({ ...REST, when }));
  });
}

function externalId(settings: Settings<ConnectorKey>): Record<string, unknown> {
  const field = settings.text("case.externalId");
  const path = settings.text("case.messageId");
  if (field !== undefined && FIELD_NAME.test(field)) {
    if (path === undefined) settings.note("case.messageId", "not given: the message's id was taken to be its property id");
    return { externalIdField: field, externalId: path === undefined ? undefined : payloadPath(path) };
  }
  settings.note("case.externalId", "not given: a message that comes twice makes two cases. Make a unique external id field on Case, and enter it in the form of salesforce case");
  return {};
}

function assignment(settings: Settings<ConnectorKey>): string | undefined {
  const text = settings.text("case.assignment");
  if (text === undefined || /^01Q\w{12}(\w{3})?$/.test(text)) return text;
  const runs = flagOf(text);
  if (runs !== undefined) return runs ? "default" : "off";
  settings.note("case.assignment", "true, false or the id of a rule is expected; left at its default", "dropped");
  return undefined;
}

function checkObject(settings: Settings<ConnectorKey>): void {
  const object = settings.text("case.object");
  if (object !== undefined && !/^cases?$/i.test(object)) settings.note("case.object", "only cases are made: put salesforce record in the place of salesforce case");
}
