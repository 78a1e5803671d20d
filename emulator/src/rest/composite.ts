import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import type { Writer } from "../records/writer";
import { allow, type Call } from "./call";
import { collections } from "./collections";
import { jsonObject, refuseUnknown } from "./json-body";
import { tree } from "./tree";
import { innerRequest, readSubrequests, resolve, type Results, type Subrequest } from "./subrequest";

/** Most sub-requests of a `/composite` or of a batch. */
const MAX_SUBREQUESTS = 25;
/** How many of them may be queries or Collections. */
const MAX_QUERIES = 5;
/** The resources that sub-requests of a `/composite` may name, and those of a batch. */
const COMPOSITE_RESOURCES = /^(?:sobjects|query|queryAll|actions|composite\/sobjects)(?:\/|\?|$)/;
const BATCH_RESOURCES = /^(?:sobjects|query|queryAll|search|actions|limits)(?:\/|\?|$)/;
/** The nodes of a graph can only be records, one for each node. */
const GRAPH_RESOURCES = /^sobjects\/\w+(?:\/|\?|$)/;

const MAX_GRAPHS = 75;
const MAX_NODES = 500;
const MAX_DEPTH = 15;
/** Most nodes of all graphs of a request that differ in version, method or object. */
const MAX_DIFFERENT_NODES = 15;
const MAX_FAILED_GRAPHS = 14;

/** The answer to a sub-request of a `/composite` or a graph. */
interface SubAnswer {
  body: unknown;
  httpHeaders: Record<string, unknown>;
  httpStatusCode: number;
  referenceId: string;
}

/** Answers `/composite` and all paths below it. Each request counts as one call. */
export function composite(call: Call): Reply {
  switch (call.segments[1]) {
    case undefined:
      return plain(call);
    case "batch":
      return batch(call);
    case "graph":
      return graph(call);
    case "sobjects":
      return collections(call);
    case "tree":
      return tree(call);
    default:
      throw notFound();
  }
}

/** Answers `/composite`. The HTTP status is 200 whatever the sub-requests return. Only a request that cannot be read is refused as a whole. */
function plain(call: Call): Reply {
  allow(call, "POST");
  if (call.version < 38) throw notFound();
  const body = jsonObject(call.request);
  refuseUnknown(body, ["allOrNone", "collateSubrequests", "compositeRequest"]);
  const requests = readSubrequests(body["compositeRequest"], "compositeRequest", call.version);
  limit(requests.length, MAX_SUBREQUESTS, "subrequests");
  const queries = requests.filter(({ resource }) => /^(?:query|queryAll|composite\/sobjects)(?:\/|\?|$)/.test(resource));
  limit(queries.length, MAX_QUERIES, "query and collection subrequests");
  for (const request of requests) refuseResource(request, COMPOSITE_RESOURCES, "Composite");
  const { answers } = run(call, requests, body["allOrNone"] === true);
  return { status: 200, json: { compositeResponse: answers } };
}

/** Answers a batch, whose sub-requests are independent: there are no references and no rollback. */
function batch(call: Call): Reply {
  allow(call, "POST");
  if (call.version < 34) throw notFound();
  const body = jsonObject(call.request);
  refuseUnknown(body, ["batchRequests", "haltOnError"]);
  const requests = readSubrequests(body["batchRequests"], "batchRequests", call.version);
  limit(requests.length, MAX_SUBREQUESTS, "subrequests");
  for (const request of requests) refuseResource(request, BATCH_RESOURCES, "Batch");
  let halted = false;
  const results = requests.map((request) => {
    if (halted) {
      const message = "Batch processing halted. Request not processed because a prior request failed.";
      return { statusCode: 412, result: [{ errorCode: "BATCH_PROCESSING_HALTED", message }] };
    }
    const { status, json } = call.perform(innerRequest(call.request, request), []);
    if (status >= 400 && body["haltOnError"] === true) halted = true;
    return { statusCode: status, result: json ?? null };
  });
  return { status: 200, json: { hasErrors: results.some(({ statusCode }) => statusCode >= 400), results } };
}

/** Answers a request with graphs. Each graph is a transaction of its own. */
function graph(call: Call): Reply {
  allow(call, "POST");
  if (call.version < 50) throw notFound();
  const body = jsonObject(call.request);
  refuseUnknown(body, ["graphs"]);
  const { graphs } = body;
  if (!Array.isArray(graphs) || graphs.length === 0) throw new ApiError("JSON_PARSER_ERROR", "The graphs parameter is required");
  limit(graphs.length, MAX_GRAPHS, "graphs");
  const read = graphs.map((value: unknown) => readGraph(value, call.version));
  if (new Set(read.map(({ graphId }) => graphId)).size < read.length) throw new ApiError("JSON_PARSER_ERROR", "Each graphId must be unique");
  const nodes = read.flatMap(({ requests }) => requests);
  limit(nodes.length, MAX_NODES, "nodes");
  limit(new Set(nodes.map(kindOf)).size, MAX_DIFFERENT_NODES, "different nodes");
  let failures = 0;
  const responses = read.map(({ graphId, requests }) => {
    const { answers, failed } =
      failures > MAX_FAILED_GRAPHS ? { answers: requests.map((request) => halted(request)), failed: true } : run(call, requests, true);
    if (failed) failures++;
    return { graphId, graphResponse: { compositeResponse: answers }, isSuccessful: !failed };
  });
  return { status: 200, json: { graphs: responses } };
}

function readGraph(value: unknown, version: number): { graphId: string; requests: Subrequest[] } {
  if (typeof value !== "object" || value === null) throw new ApiError("JSON_PARSER_ERROR", "Each graph must be an object");
  refuseUnknown(value, ["graphId", "compositeRequest"]);
  const { graphId, compositeRequest } = value as Record<string, unknown>;
  if (typeof graphId !== "string" || graphId === "") throw new ApiError("JSON_PARSER_ERROR", "Each graph must have a graphId");
  const requests = readSubrequests(compositeRequest, "compositeRequest", version);
  for (const request of requests) refuseResource(request, GRAPH_RESOURCES, "Composite Graph");
  const depths = new Map<string, number>();
  for (const request of requests) {
    const depth = 1 + Math.max(0, ...request.references.map((name) => depths.get(name) ?? 0));
    limit(depth, MAX_DEPTH, "levels of a graph");
    depths.set(request.referenceId, depth);
  }
  return { graphId, requests };
}

const kindOf = ({ method, path, resource }: Subrequest): string =>
  `${path.slice(0, -resource.length)} ${method} ${resource.split(/[/?]/)[1]!.toLowerCase()}`;

function limit(count: number, max: number, what: string): void {
  if (count > max) throw new ApiError("LIMIT_EXCEEDED", `The request has ${count} ${what}; at most ${max} are allowed`);
}

function refuseResource({ resource }: Subrequest, allowed: RegExp, name: string): void {
  if (!allowed.test(resource)) throw new ApiError("INVALID_INPUT", `The resource ${resource} is not supported in a ${name} request`);
}

/** Carries out sub-requests in order. With `allOrNone`, all are undone when one fails. */
function run(call: Call, requests: readonly Subrequest[], allOrNone: boolean): { answers: SubAnswer[]; failed: boolean } {
  const writers: Writer[] = [];
  const results: Results = new Map();
  const answers: SubAnswer[] = [];
  for (const request of requests) {
    const answer = attempt(call, request, results, writers);
    answers.push(answer);
    if (allOrNone && hasFailed(answer)) {
      for (const writer of writers.reverse()) writer.rollBack();
      return { answers: requests.map((other, index) => (index === answers.length - 1 ? answer : halted(other))), failed: true };
    }
    results.set(request.referenceId, answer.httpStatusCode < 300 ? answer.body : undefined);
  }
  return { answers, failed: answers.some(hasFailed) };
}

function attempt(call: Call, request: Subrequest, results: Results, writers: Writer[]): SubAnswer {
  let reply: Reply;
  try {
    reply = call.perform(innerRequest(call.request, resolve(request, results)), writers);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    reply = { status: error.status, json: error.items };
  }
  const { status, json, headers } = reply;
  return { body: json ?? null, httpHeaders: { ...headers }, httpStatusCode: status, referenceId: request.referenceId };
}

/** Whether a sub-request has failed. A Collections call with failed records has, too, though its status is 200. */
function hasFailed({ httpStatusCode, body }: SubAnswer): boolean {
  return httpStatusCode >= 300 || (Array.isArray(body) && body.some((item: { success?: unknown } | null) => item?.success === false));
}

function halted({ referenceId }: Subrequest): SubAnswer {
  const message = "The transaction was rolled back since another operation in the same transaction failed.";
  return { body: [{ errorCode: "PROCESSING_HALTED", message }], httpHeaders: {}, httpStatusCode: 400, referenceId };
}
