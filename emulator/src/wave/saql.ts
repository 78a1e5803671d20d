import { ApiError } from "../api-error";
import type { Analytics, DataRow } from "./analytics";

/** The result of a SAQL query. */
export interface SaqlResult {
  columns: string[];
  records: DataRow[];
  /** Whether a `limit` has set the number of rows. */
  limited?: boolean;
}

const STATEMENT = /^(\w+)\s*=\s*(.+)$/s;
const LOAD = /^load\s+"(\w{15,18})\/(\w{15,18})"$/;
const FILTER = /^filter\s+(\w+)\s+by\s+'([^']+)'\s*==\s*(?:"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?))$/;
const FOREACH = /^foreach\s+(\w+)\s+generate\s+(.+)$/s;
const FIELD = /^'([^']+)'\s+as\s+'([^']+)'$/;
const LIMIT = /^limit\s+(\w+)\s+(\d+)$/;

/** Most rows of a query without `limit`, as in CRM Analytics. */
const DEFAULT_LIMIT = 10_000;

/** Runs `load`, `filter … by '…' == …`, `foreach … generate '…' as '…'` and `limit`. Everything else is refused. */
export function runSaql(analytics: Analytics, query: string): SaqlResult {
  const streams = new Map<string, SaqlResult>();
  let last: SaqlResult | undefined;
  for (const text of statements(query)) {
    const [, name, expression] = STATEMENT.exec(text) ?? [];
    if (name === undefined || expression === undefined) throw refuse(text);
    last = evaluate(analytics, streams, expression.trim());
    streams.set(name, last);
  }
  if (!last) throw refuse(query);
  return last.limited ? last : { ...last, records: last.records.slice(0, DEFAULT_LIMIT) };
}

/** Splits a query at semicolons that are not in quotes. */
function statements(query: string): string[] {
  const pattern = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^;"'])+/g;
  // Only a quote that is not closed is left.
  if (/[^;]/.test(query.replace(pattern, ""))) throw refuse(query);
  return (query.match(pattern) ?? []).map((part) => part.trim()).filter((part) => part !== "");
}

function evaluate(analytics: Analytics, streams: Map<string, SaqlResult>, text: string): SaqlResult {
  const stream = (name: string): SaqlResult => {
    const found = streams.get(name);
    if (!found) throw refuse(text, `Undefined stream: ${name}`);
    return found;
  };
  const load = LOAD.exec(text);
  if (load) {
    const dataset = [...analytics.datasets.values()].find(({ id }) => id.startsWith(load[1]!.slice(0, 15)));
    if (!dataset || !dataset.versionId.startsWith(load[2]!.slice(0, 15))) throw refuse(text, `Can't find dataset "${load[1]}/${load[2]}"`);
    return { columns: Object.keys(dataset.rows[0] ?? {}), records: dataset.rows };
  }
  const filter = FILTER.exec(text);
  if (filter) {
    const [, name, field, quoted, number] = filter;
    const source = stream(name!);
    knownField(source, field!, text);
    const wanted = quoted === undefined ? Number(number) : quoted.replace(/\\(.)/g, "$1");
    return { ...source, records: source.records.filter((row) => row[field!] === wanted) };
  }
  const limit = LIMIT.exec(text);
  if (limit) {
    const source = stream(limit[1]!);
    return { ...source, records: source.records.slice(0, Number(limit[2])), limited: true };
  }
  const foreach = FOREACH.exec(text);
  if (!foreach) throw refuse(text);
  const source = stream(foreach[1]!);
  const fields = foreach[2]!.split(",").map((part) => {
    const [, field, alias] = FIELD.exec(part.trim()) ?? [];
    if (field === undefined || alias === undefined) throw refuse(text);
    knownField(source, field, text);
    return [field, alias] as const;
  });
  const records = source.records.map((row) => Object.fromEntries(fields.map(([field, alias]) => [alias, row[field] ?? null])));
  return { ...source, columns: fields.map(([, alias]) => alias), records };
}

function knownField(source: SaqlResult, field: string, text: string): void {
  if (!source.columns.includes(field)) throw refuse(text, `Undefined identifier: "${field}"`);
}

const refuse = (text: string, reason = "syntax error or a statement this org does not know"): ApiError =>
  new ApiError("INVALID_QUERY", `${reason}: ${text}`);
