import { ApiError, notFound } from "../api-error";
import type { ReportDeclaration } from "../declared";
import { formatDateTime } from "../dates";
import type { Reply } from "../http";
import { parseId } from "../ids";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import { allow, type Call } from "./call";
import { jsonObject } from "./json-body";

/** Most rows in the result of a run. `allData` says whether these are all. */
const MAX_ROWS = 2000;

interface Report {
  id: string;
  name: string;
  object: ObjectSchema;
  fields: Field[];
}

/** An asynchronous run. */
interface Instance {
  id: string;
  report: Report;
  ownerId: string;
  requestDate: string;
  result: object;
}

/** The reports of an org and their asynchronous runs. */
export class Reports {
  readonly all = new Map<string, Report>();
  readonly instances = new Map<string, Instance>();

  constructor(private readonly org: Org) {}

  declare({ name, object: objectName, columns }: ReportDeclaration): void {
    const object = this.org.schema.object(objectName);
    if (!object) throw new Error(`report ${name}: the org has no object ${objectName}`);
    const fields = columns.map((column) => {
      const field = object.field(column);
      if (!field) throw new Error(`report ${name}: ${objectName} has no field ${column}`);
      return field;
    });
    const id = this.org.store.ids.next("00O");
    this.all.set(id, { id, name, object, fields });
  }
}

/** Answers `/analytics/reports` and all paths below it. */
export function analytics(call: Call): Reply {
  const { reports } = call.org.declared;
  const [, kind, id, third, instanceId] = call.segments;
  if (kind !== "reports" || call.segments.length > 5) throw notFound();
  if (id === undefined) {
    allow(call, "GET");
    return { status: 200, json: [...reports.all.values()].map((report) => summary(call, report)) };
  }
  const report = reports.all.get(parseId(id) ?? "");
  if (!report) throw notFound();
  switch (third) {
    case undefined:
      allow(call, "GET", "POST");
      return { status: 200, json: run(call, report, metadataOf(call)) };
    case "describe":
      allow(call, "GET");
      return { status: 200, json: description(report) };
    case "instances":
      return instanceId === undefined ? startOrList(call, report) : oneInstance(call, report, instanceId);
    default:
      throw notFound();
  }
}

function startOrList(call: Call, report: Report): Reply {
  allow(call, "GET", "POST");
  const { reports } = call.org.declared;
  if (call.request.method !== "POST") {
    const own = [...reports.instances.values()].filter((instance) => instance.report === report);
    return { status: 200, json: own.map((instance) => instanceSummary(call, instance, "Success")) };
  }
  const id = call.org.store.ids.next("0LG");
  const result = run(call, report, metadataOf(call));
  const instance = { id, report, ownerId: call.session.userId, requestDate: formatDateTime(call.org.now()), result };
  reports.instances.set(id, instance);
  return { status: 200, json: instanceSummary(call, instance, "New") };
}

function oneInstance(call: Call, report: Report, id: string): Reply {
  allow(call, "GET", "DELETE");
  const instance = call.org.declared.reports.instances.get(parseId(id) ?? "");
  if (instance?.report !== report) throw notFound();
  if (call.request.method === "DELETE") {
    call.org.declared.reports.instances.delete(instance.id);
    return { status: 204 };
  }
  const attributes = { ...instanceSummary(call, instance, "Success"), reportId: report.id, reportName: report.name, type: "ReportInstance" };
  return { status: 200, json: { ...instance.result, attributes } };
}

const addressOf = (call: Call, report: Report): string => `${call.base}/analytics/reports/${report.id}`;

function summary(call: Call, report: Report): object {
  const url = addressOf(call, report);
  return { describeUrl: `${url}/describe`, fieldsUrl: `${url}/fields`, id: report.id, instancesUrl: `${url}/instances`, name: report.name, url };
}

function instanceSummary(call: Call, { id, report, ownerId, requestDate }: Instance, status: "New" | "Success"): object {
  const completionDate = status === "Success" ? requestDate : null;
  return { completionDate, hasDetailRows: true, id, ownerId, queryable: false, requestDate, status, url: `${addressOf(call, report)}/instances/${id}` };
}

/** Returns the filters of a POST. All other settings of a report are refused rather than silently ignored. */
function metadataOf(call: Call): { column: string; value: string }[] {
  if (call.request.method !== "POST" || call.request.body.length === 0) return [];
  const body = jsonObject(call.request);
  const metadata = (body["reportMetadata"] ?? {}) as Record<string, unknown>;
  const unknown = [...Object.keys(body).filter((key) => key !== "reportMetadata"), ...Object.keys(metadata).filter((key) => key !== "reportFilters")];
  if (unknown.length > 0) throw new ApiError("BAD_REQUEST", `The report cannot be run with: ${unknown.join(", ")}`);
  const filters = metadata["reportFilters"] ?? [];
  if (!Array.isArray(filters)) throw new ApiError("BAD_REQUEST", "reportFilters must be a list");
  return filters.map((filter: unknown) => {
    const { column, operator, value } = Object(filter) as Record<string, unknown>;
    if (operator !== "equals") throw new ApiError("BAD_REQUEST", `The filter operator ${String(operator)} is not supported`);
    return { column: String(column), value: String(value) };
  });
}

function run(call: Call, report: Report, filters: { column: string; value: string }[]): object {
  const tests = filters.map(({ column, value }) => {
    const field = report.object.field(column.split(".").pop()!);
    if (!field) throw new ApiError("BAD_REQUEST", `The filter column ${column} is invalid`);
    return (row: Record<string, unknown>) => String(row[field.name] ?? "") === value;
  });
  const rows = call.org.records(report.object.name).filter((row) => tests.every((test) => test(row)));
  const cell = (value: unknown): object => ({ label: value === null ? "-" : String(value), value });
  const details = rows.slice(0, MAX_ROWS).map((row) => ({ dataCells: report.fields.map(({ name }) => cell(row[name] ?? null)) }));
  const withDetails = call.request.query.get("includeDetails") !== "false";
  const url = addressOf(call, report);
  return {
    attributes: { describeUrl: `${url}/describe`, instancesUrl: `${url}/instances`, reportId: report.id, reportName: report.name, type: "Report" },
    allData: rows.length <= MAX_ROWS,
    factMap: { "T!T": { aggregates: [cell(rows.length)], ...(withDetails ? { rows: details } : {}) } },
    groupingsAcross: { groupings: [] },
    groupingsDown: { groupings: [] },
    hasDetailRows: withDetails,
    ...description(report),
  };
}

function description({ id, name, object, fields }: Report): { reportMetadata: object; reportExtendedMetadata: object } {
  const columns = fields.map((field) => `${object.name}.${field.name}`);
  const info = fields.map((field) => [`${object.name}.${field.name}`, { dataType: field.type, label: field.label }] as const);
  return {
    reportMetadata: { id, name, reportFormat: "TABULAR", detailColumns: columns, aggregates: ["RowCount"], reportFilters: [] },
    reportExtendedMetadata: { detailColumnInfo: Object.fromEntries(info), aggregateColumnInfo: { RowCount: { dataType: "int", label: "Record Count" } } },
  };
}
