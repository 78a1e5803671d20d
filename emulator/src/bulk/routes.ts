import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import { allow, type Call } from "../rest/call";
import { jsonObject } from "../rest/json-body";
import type { Field } from "../schema/types";
import { readDialect } from "./dialect";
import { IngestJob } from "./ingest-job";
import type { Job } from "./job";
import { jobsOf } from "./jobs";
import { multipartJob } from "./multipart";
import { QueryJob } from "./query-job";

/** Most bytes of the CSV of a job. */
const MAX_UPLOAD = 150 * 1024 * 1024;
/** How many rows make a batch, of which an org has 15,000 a day. */
const BATCH_ROWS = 10_000;
/** How many records a page of results has unless the client gives a number. */
const PAGE_ROWS = 50_000;

const INGEST = new Set(["insert", "update", "upsert", "delete", "hardDelete"]);

/** Answers `/jobs/ingest…` and `/jobs/query…`. */
export function jobs(call: Call): Reply {
  const [, type, id, list, ...more] = call.segments;
  if (more.length > 0) throw notFound();
  if (type === "ingest") return id === undefined ? ingestJobs(call) : list === undefined ? ingestJob(call, id) : ingestData(call, id, list);
  if (type === "query") return id === undefined ? queryJobs(call) : list === undefined ? queryJob(call, id) : queryResults(call, id, list);
  throw notFound();
}

/** Returns the most bytes that the body of a request to this path may have; `undefined` for the usual limit. */
export function uploadLimit(path: string): number | undefined {
  return /\/jobs\/ingest\/\w+\/batches\/?$/.test(path) ? MAX_UPLOAD : undefined;
}

function ingestJobs(call: Call): Reply {
  allow(call, "GET", "POST");
  if (call.request.method !== "POST") return list(call, "V2Ingest");
  const parts = multipartJob(call.request);
  const job = newIngestJob(call, parts?.job ?? jsonObject(call.request));
  if (parts) {
    job.data = parts.content;
    start(call, job);
  }
  jobsOf(call.org).add(job);
  return { status: 200, json: job.summary() };
}

function newIngestJob(call: Call, json: Record<string, unknown>): IngestJob {
  const { object: name, operation, externalIdFieldName, contentType, assignmentRuleId } = json;
  if (typeof operation !== "string" || !INGEST.has(operation)) throw new ApiError("INVALIDJOB", `operation must be one of ${[...INGEST].join(", ")}`);
  const object = typeof name === "string" ? call.org.schema.object(name) : undefined;
  if (!object) throw new ApiError("INVALIDENTITY", `'${String(name)}' is not a valid object`);
  if (contentType !== undefined && contentType !== "CSV") throw new ApiError("INVALIDJOB", "contentType must be CSV");
  let externalId: Field | undefined;
  if (operation === "upsert") {
    externalId = typeof externalIdFieldName === "string" ? object.field(externalIdFieldName) : undefined;
    if (!externalId?.indexed) throw new ApiError("INVALIDJOB", "InvalidJob : ExternalIdFieldName is required for an upsert and must be an external id field");
  }
  const rule = assignmentRuleId === undefined || assignmentRuleId === null ? undefined : String(assignmentRuleId);
  if (rule !== undefined && !(/^01Q\w{12}(\w{3})?$/.test(rule) && ["Case", "Lead"].includes(object.name))) {
    throw new ApiError("INVALIDJOB", "assignmentRuleId must be the id of an assignment rule, and the object Case or Lead");
  }
  return new IngestJob(call.org, jobsOf(call.org).pace, { ...options(call, json, operation), object, externalId, assignmentRuleId: rule });
}

function options(call: Call, json: Record<string, unknown>, operation: string) {
  const { org, session, version } = call;
  return { id: org.store.ids.next("750"), operation, userId: session.userId, version, dialect: readDialect(json), now: () => org.now() };
}

function ingestJob(call: Call, id: string): Reply {
  allow(call, "GET", "PATCH", "DELETE");
  const job = jobsOf(call.org).ingest(id);
  if (call.request.method === "DELETE") return remove(call, job);
  if (call.request.method !== "PATCH") return { status: 200, json: job.info() };
  const { state } = jsonObject(call.request);
  if (state === "UploadComplete") {
    job.need("Open");
    if (!job.data) throw new ApiError("INVALIDJOBSTATE", "The job has no data");
    start(call, job);
  } else if (state === "Aborted") abort(job);
  else throw new ApiError("INVALIDJOBSTATE", `A job cannot be set to the state ${String(state)}`);
  return { status: 200, json: job.summary() };
}

function start(call: Call, job: IngestJob): void {
  const data = job.data!;
  let rows = 0;
  for (let at = data.indexOf(0x0a); at >= 0; at = data.indexOf(0x0a, at + 1)) rows++;
  if (!call.org.limits.use("DailyBulkApiBatches", Math.max(1, Math.ceil(rows / BATCH_ROWS)))) {
    throw new ApiError("EXCEEDEDQUOTA", "ExceededQuota : ApiBatchItems Limit exceeded.", undefined, 403);
  }
  job.move("UploadComplete");
  void job.run();
}

function ingestData(call: Call, id: string, name: string): Reply {
  const job = jobsOf(call.org).ingest(id);
  if (name === "batches") return upload(call, job);
  allow(call, "GET");
  const lists: Record<string, () => Buffer[]> = {
    successfulResults: () => [Buffer.from(job.header("sf__Id", "sf__Created")), ...job.successes.slice()],
    failedResults: () => [Buffer.from(job.header("sf__Id", "sf__Error")), ...job.failures.slice()],
    unprocessedrecords: () => [Buffer.from(job.unprocessed())],
  };
  const read = Object.hasOwn(lists, name) ? lists[name] : undefined;
  if (!read) throw notFound();
  job.need("JobComplete", "Failed", "Aborted");
  return { status: 200, bytes: Buffer.concat(read()), headers: { "Content-Type": "text/csv" } };
}

function upload(call: Call, job: IngestJob): Reply {
  allow(call, "PUT");
  job.need("Open");
  const contentType = String(call.request.headers["content-type"] ?? "");
  if (!/^text\/csv\b/i.test(contentType)) throw new ApiError("UNSUPPORTED_MEDIA_TYPE", `Content-Type '${contentType}' not supported. Supported are text/csv`);
  if (job.data) throw new ApiError("CLIENTINPUTERROR", `Found multiple contents for job: ${job.id}; close, abort or delete it, and PUT only once`);
  job.data = call.request.body;
  return { status: 201 };
}

function queryJobs(call: Call): Reply {
  allow(call, "GET", "POST");
  if (call.request.method !== "POST") return list(call, "V2Query");
  const json = jsonObject(call.request);
  const { operation, query } = json;
  if (operation !== "query" && operation !== "queryAll") throw new ApiError("INVALIDJOB", "operation must be query or queryAll");
  if (typeof query !== "string") throw new ApiError("INVALIDJOB", "query is required");
  const job = new QueryJob(call.org, jobsOf(call.org).pace, { ...options(call, json, operation), query });
  if (!call.org.limits.use("DailyBulkV2QueryJobs")) throw new ApiError("EXCEEDEDQUOTA", "ExceededQuota : the daily limit of query jobs is exceeded", undefined, 403);
  jobsOf(call.org).add(job);
  void job.run();
  return { status: 200, json: job.summary() };
}

/** Returns a query job. @throws ApiError when it was not created with the version of this call */
function queryJobOf(call: Call, id: string): QueryJob {
  const job = jobsOf(call.org).query(id);
  if (job.version !== call.version) throw new ApiError("API_VERSION_MISMATCH", `The job was made with version ${job.version}.0`, undefined, 409);
  return job;
}

function queryJob(call: Call, id: string): Reply {
  allow(call, "GET", "PATCH", "DELETE");
  const job = queryJobOf(call, id);
  if (call.request.method === "DELETE") return remove(call, job);
  if (call.request.method !== "PATCH") return { status: 200, json: job.info() };
  if (jsonObject(call.request)["state"] !== "Aborted") throw new ApiError("INVALIDJOBSTATE", "A query job can only be set to Aborted");
  abort(job);
  return { status: 200, json: job.summary() };
}

function queryResults(call: Call, id: string, name: string): Reply {
  if (name !== "results") throw notFound();
  allow(call, "GET");
  const job = queryJobOf(call, id);
  job.need("JobComplete");
  const { query } = call.request;
  const start = Number(Buffer.from(query.get("locator") ?? "MA", "base64").toString());
  if (!Number.isInteger(start) || start < 0 || start > job.lines.count) throw new ApiError("INVALIDLOCATOR", "The locator is not one of this job");
  const asked = query.get("maxRecords");
  const size = asked === null ? PAGE_ROWS : Number(asked);
  if (!Number.isInteger(size) || size < 1) throw new ApiError("INVALIDJOB", "maxRecords must be a whole number of at least 1");
  const end = Math.min(start + size, job.lines.count);
  return {
    status: 200,
    bytes: Buffer.concat([Buffer.from(job.header), ...job.lines.slice(start, end)]),
    headers: {
      "Content-Type": "text/csv",
      "Sforce-NumberOfRecords": String(end - start),
      // On the last page the value is the word null. A client that waits until there is no header would go on for ever.
      "Sforce-Locator": end < job.lines.count ? Buffer.from(String(end)).toString("base64").replace(/=+$/, "") : "null",
    },
  };
}

function list(call: Call, jobType: Job["jobType"]): Reply {
  const path = `${call.base}/jobs/${jobType === "V2Ingest" ? "ingest" : "query"}`;
  return { status: 200, json: jobsOf(call.org).list(jobType, call.request.query.get("queryLocator"), path) };
}

function abort(job: Job): void {
  job.need("Open", "UploadComplete", "InProgress");
  job.move("Aborted");
}

function remove(call: Call, job: Job): Reply {
  job.need("UploadComplete", "JobComplete", "Aborted", "Failed");
  if (!job.over) job.move("Aborted");
  jobsOf(call.org).remove(job);
  return { status: 204 };
}
