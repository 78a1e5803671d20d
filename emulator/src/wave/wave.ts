import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import { allow, type Call } from "../rest/call";
import { jsonObject, refuseUnknown } from "../rest/json-body";
import type { Asset, AssetKind, Dataset } from "./analytics";
import { runSaql } from "./saql";

/** What clients can do with each kind of asset, and its `type`. */
const KINDS: Record<AssetKind, { type: string; create?: boolean; update?: "PATCH" | "PUT" }> = {
  folders: { type: "folder", update: "PUT" },
  lenses: { type: "lens" },
  dashboards: { type: "dashboard", create: true, update: "PATCH" },
  templates: { type: "template" },
  annotations: { type: "annotation" },
};

/** The properties of an asset that a client may write. */
const WRITEABLE = new Set(["label", "description", "folder", "state", "name", "shares", "mobileDisabled"]);

/** Answers `/wave`, the REST API of CRM Analytics. */
export function wave(call: Call): Reply {
  if (call.version < 36) throw notFound();
  const [, kind, id, ...rest] = call.segments;
  if (kind === undefined) {
    allow(call, "GET");
    const names = [...Object.keys(KINDS), "datasets", "query"];
    return { status: 200, json: Object.fromEntries(names.map((name) => [name, `${call.base}/wave/${name}`])) };
  }
  if (rest.length > 0) throw notFound();
  if (kind === "query" && id === undefined) return query(call);
  if (kind === "datasets") return datasets(call, id);
  if (!Object.hasOwn(KINDS, kind)) throw notFound();
  return assets(call, kind as AssetKind, id);
}

/** Answers a query. It must load datasets by the ids of the dataset and of its version; the name of a dataset is an error. */
function query(call: Call): Reply {
  allow(call, "POST");
  const started = performance.now();
  const body = jsonObject(call.request);
  const { query: text, queryLanguage = "SAQL" } = body;
  if (typeof text !== "string" || text.trim() === "") throw new ApiError("INVALID_INPUT", "The query parameter is required");
  if (queryLanguage !== "SAQL") throw new ApiError("INVALID_INPUT", `The query language ${String(queryLanguage)} is not supported`);
  const { columns, records } = runSaql(call.org.declared.analytics, text);
  const metadata = [{ lineage: { type: "foreach", projections: columns.map((id) => ({ field: { id, type: typeOf(records[0]?.[id]) } })) } }];
  return {
    status: 200,
    json: {
      action: "query",
      responseId: call.org.store.ids.next("4qr"),
      results: { metadata, records },
      query: text,
      responseTime: Math.round(performance.now() - started),
    },
  };
}

const typeOf = (value: unknown): string => (typeof value === "number" ? "numeric" : "string");

function assets(call: Call, kind: AssetKind, id: string | undefined): Reply {
  const { analytics } = call.org.declared;
  const { type, create, update } = KINDS[kind];
  const show = (asset: Asset): object => shown(call, kind, type, asset);
  if (id === undefined) {
    allow(call, "GET", ...(create ? ["POST"] : []));
    if (call.request.method !== "POST") return list(call, kind, [...analytics.assets[kind].values()].map(show));
    const { label, ...more } = changes(call);
    if (typeof label !== "string" || label === "") throw new ApiError("REQUIRED_FIELD_MISSING", "Required fields are missing: [label]", ["label"]);
    checkFolder(call, more["folder"], true);
    return { status: 201, json: show(analytics.add(kind, label, more)) };
  }
  const asset = analytics.assets[kind].get(id);
  if (!asset) throw notFound();
  allow(call, "GET", ...(update ? [update] : []));
  if (call.request.method === update) write(call, asset, update === "PUT");
  return { status: 200, json: show(asset) };
}

/** Answers `/wave/datasets`. Datasets cannot be created here, only by uploads. */
function datasets(call: Call, id: string | undefined): Reply {
  const { analytics } = call.org.declared;
  const show = (dataset: Dataset): object => ({
    ...shown(call, "datasets", "dataset", dataset),
    currentVersionId: dataset.versionId,
    currentVersionUrl: `${call.base}/wave/datasets/${dataset.id}/versions/${dataset.versionId}`,
    datasetType: "default",
  });
  if (id === undefined) {
    allow(call, "GET");
    return list(call, "datasets", [...analytics.datasets.values()].map(show));
  }
  const dataset = analytics.datasets.get(id) ?? analytics.dataset(id);
  if (!dataset) throw notFound();
  allow(call, "GET", "PATCH", "DELETE");
  if (call.request.method === "DELETE") {
    analytics.datasets.delete(dataset.id);
    return { status: 204 };
  }
  if (call.request.method === "PATCH") write(call, dataset, false);
  return { status: 200, json: show(dataset) };
}

function write(call: Call, asset: Asset, replace: boolean): void {
  const { label = replace ? undefined : asset.label, name: _fixed, ...more } = changes(call);
  if (typeof label !== "string" || label === "") throw new ApiError("REQUIRED_FIELD_MISSING", "Required fields are missing: [label]", ["label"]);
  checkFolder(call, more["folder"], false);
  asset.label = label;
  asset.more = replace ? more : { ...asset.more, ...more };
  asset.lastModifiedDate = call.org.declared.analytics.now();
}

function changes(call: Call): Record<string, unknown> {
  const body = jsonObject(call.request);
  refuseUnknown(body, WRITEABLE);
  return body;
}

function checkFolder(call: Call, folder: unknown, required: boolean): void {
  if (folder === undefined && !required) return;
  const id = (folder as { id?: unknown } | undefined)?.id;
  if (typeof id === "string" && call.org.declared.analytics.assets.folders.has(id)) return;
  throw new ApiError("INVALID_INPUT", "The folder must be given by the id of a folder there is", ["folder"]);
}

function list(call: Call, kind: string, items: object[]): Reply {
  return { status: 200, json: { [kind]: items, nextPageUrl: null, totalSize: items.length, url: `${call.base}/wave/${kind}` } };
}

function shown(call: Call, kind: string, type: string, { id, name, label, createdDate, lastModifiedDate, more }: Asset): object {
  return { ...more, id, name, label, type, createdDate, lastModifiedDate, url: `${call.base}/wave/${kind}/${id}` };
}
