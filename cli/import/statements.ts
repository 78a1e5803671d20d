import type { Dialect } from "./dialect";
import { isObject, type Json } from "./json-text";
import type { KeyName } from "./keys";
import type { Settings } from "./settings";
import { fieldPath, isQuery, type Statement, statementsOf, type TemplateContext } from "./template";
import { wordsOf } from "./values";

/** The keys that hold the statements of a file. */
export type StatementKey = "database.statement" | "database.template";

/** A text of SQL from the file, as written. */
export interface SqlText {
  key: KeyName;
  text: string;
  reads: boolean;
}

const KEYS: readonly StatementKey[] = ["database.statement", "database.template"];

/** Returns the texts of SQL in a file. */
export function readSql(settings: Settings): SqlText[] {
  return KEYS.flatMap((key) => sqlIn(settings, key).map((text) => ({ key, text, reads: isQuery(text) })));
}

/** Returns the texts of one key, which holds one text, a list of texts, or a list of `{ "sql": … }`. */
export function sqlIn(settings: Settings, key: KeyName): string[] {
  const value = settings.json(key);
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).flatMap((each) => {
    const text = isObject(each) ? (each.sql ?? each.statement ?? each.text) : each;
    if (typeof text !== "string" || text.trim() === "") {
      settings.note(key, "a text of SQL is expected; left out", "dropped");
      return [];
    }
    if (!/\s/.test(text.trim())) settings.note(key, "is no SQL: if it names a file, put the file's text in its place");
    return [text];
  });
}

/** Returns the fields for placeholders, from the keys *parameters* and *columns*. @param columns used for `?` when the file has neither key */
export function readFields(settings: Settings, columns: readonly string[]): Pick<TemplateContext, "positions" | "fields"> {
  const { names, fields } = namesAndFields(settings, "database.parameters");
  if (names.length > 0) return { positions: names, fields };
  const listed = namesAndFields(settings, "database.columns");
  const positions = listed.names.length > 0 ? listed.names : columns;
  return { ...(positions.length > 0 ? { positions } : {}), fields: { ...listed.fields, ...fields } };
}

/** Reads names and their fields: a list of names, a list of `{ "name": …, "field": … }`, or `{ "name": "field" }`. */
export function namesAndFields(settings: Settings, key: "database.parameters" | "database.columns"): { names: string[]; fields: Record<string, string> } {
  const value = settings.json(key);
  const names: string[] = [];
  const fields = Object.create(null) as Record<string, string>;
  const add = (name: string, field: Json | undefined): void => {
    if (typeof field === "string" && field.trim() !== "") fields[name] = field.trim().replace(/^\$?\{(.*)\}$/s, "$1").trim();
    else if (field !== undefined && field !== null) settings.note(key, `${JSON.stringify(name)} has no field: write its value into the statement, or into the node's form`);
  };
  if (value === undefined) return { names, fields };
  if (Array.isArray(value)) {
    for (const each of value) {
      if (typeof each === "string" || typeof each === "number") names.push(String(each).trim());
      else if (isObject(each)) {
        const name = [each.name, each.column, each.parameter, each.field].find((part) => typeof part === "string");
        if (typeof name !== "string") continue;
        names.push(name);
        add(name, each.field ?? each.path ?? each.source ?? each.from ?? each.value);
      }
    }
  } else if (isObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      names.push(name);
      add(name, field);
    }
  } else names.push(...(wordsOf(value) ?? []));
  return { names: names.filter(Boolean), fields };
}

/** Turns texts into statements, and notes the remarks about them. */
export function carryOver(settings: Settings, texts: readonly SqlText[], context: TemplateContext): Statement[] {
  return texts.flatMap(({ key, text }) => {
    const statements = statementsOf(text, context);
    for (const remark of statements.flatMap(({ remarks }) => remarks)) settings.note(key, remark);
    return statements;
  });
}

/** A row of a node's list of parameters. It is needed for a parameter that has not the name of a property of the payload. */
export interface ParameterRow {
  name: string;
  value: string;
  valueType: "msg";
}

/** Returns rows for the parameters that the node cannot find itself. It finds those that have the name of a property of the payload. */
export function parameterRows(statements: readonly Statement[]): ParameterRow[] {
  const rows = new Map<string, ParameterRow>();
  for (const { name, field } of statements.flatMap(({ parameters }) => parameters)) {
    if (field.length === 1 && field[0] === name) continue;
    rows.set(name, { name, value: propertyPath(["payload", ...field]), valueType: "msg" });
  }
  return [...rows.values()];
}

/** Returns a path in Node-RED's notation, such as `payload.order["unit price"]`. */
export function propertyPath(path: readonly string[]): string {
  return path
    .map((name, index) => {
      if (index === 0) return name;
      if (/^\d+$/.test(name)) return `[${name}]`;
      if (/^[A-Za-z_$][\w$]*$/.test(name)) return `.${name}`;
      return name.includes('"') ? `['${name}']` : `["${name}"]`;
    })
    .join("");
}

/** Returns rows that name, for each column of a table, the field of the payload with its value. */
export function columnRows(columns: { names: readonly string[]; fields: Readonly<Record<string, string>> }, flat: boolean): { column: string; value: string; valueType: "msg" }[] {
  return columns.names.map((column) => ({
    column,
    value: propertyPath(["payload", ...fieldPath(columns.fields[column] ?? column, flat || !(column in columns.fields))]),
    valueType: "msg",
  }));
}

/** Returns the context for statements that write the content of a message. */
export function writeContext(settings: Settings, dialect: Dialect | undefined, columns: readonly string[], flat: boolean): TemplateContext {
  return { dialect, flat, ...readFields(settings, columns) };
}
