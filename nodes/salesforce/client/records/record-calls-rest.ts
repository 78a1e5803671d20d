import { ConnectorError, isConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { callError, recordError, toApiError } from "../errors";
import type { CallInput, RecordCall, REST_CALLS } from "./record-calls";
import { isLostAnswer } from "./lost-answer";
import { readId } from "./record-input";
import type { RestClient } from "../rest";
import type { HttpAnswer } from "../http/transport";
import { toTree } from "./tree";

const MINUTE = 60_000;
const JSON_TYPE = "application/json";

/** Operations of the REST API. A message is one call, except for `describeSObjects`, `approve` and `reject`, which may need more. */
export const restCalls: Record<(typeof REST_CALLS)[number], RecordCall> = {
  submit: (parts, input) => approval(parts.rest, input, "Submit", readId(input.recordId ?? contextOf(input.data))),
  approve: async (parts, input) => approval(parts.rest, input, "Approve", await workitemOf(parts.rest, input)),
  reject: async (parts, input) => approval(parts.rest, input, "Reject", await workitemOf(parts.rest, input)),

  async getUpdated({ rest }, input) {
    const { ids, latestDateCovered } = await get<{ ids: string[]; latestDateCovered: string }>(rest, `${objectPath(input)}/updated/${spanOf(input)}`);
    return { payload: ids, salesforce: { latestDateCovered } };
  },
  async getDeleted({ rest }, input) {
    const { deletedRecords, ...dates } = await get<{ deletedRecords: unknown[] }>(rest, `${objectPath(input)}/deleted/${spanOf(input)}`);
    return { payload: deletedRecords, salesforce: dates };
  },
  async describe({ rest }, input) {
    return { payload: await get(rest, `${objectPath(input)}/describe`), salesforce: { success: true } };
  },
  async describeGlobal({ rest }) {
    const { sobjects, ...rest_ } = await get<{ sobjects: unknown[] }>(rest, "/sobjects");
    return { payload: sobjects, salesforce: rest_ };
  },
  async describeSObjects({ rest }, input) {
    const names = namesOf(input);
    const described = await Promise.all(names.map((name) => get(rest, `/sobjects/${encodeURIComponent(name)}/describe`)));
    return { payload: described, salesforce: { success: true } };
  },
  async recent({ rest }, { limit }) {
    return { payload: await get(rest, `/recent?limit=${limit}`), salesforce: { success: true } };
  },
  async createTree({ rest }, input) {
    return createTree(rest, input);
  },
  async setPassword({ rest }, input) {
    const password = isPlain(input.data) ? (input.data.password ?? input.data.NewPassword) : input.data;
    if (typeof password !== "string" || password === "") throw new ConnectorError("INPUT_INVALID", "There is no new password in the message");
    await rest.request({ method: "POST", path: passwordPath(input), body: { NewPassword: password } });
    return { salesforce: { id: userOf(input), success: true, errors: [] } };
  },
  async resetPassword({ rest }, input) {
    const { body } = await rest.request<{ NewPassword: string }>({ method: "DELETE", path: passwordPath(input) });
    return { payload: body.NewPassword, salesforce: { id: userOf(input), success: true, errors: [] } };
  },
};

async function get<T>(rest: RestClient, path: string): Promise<T> {
  return (await rest.request<T>({ method: "GET", path })).body;
}

function objectPath({ object }: CallInput): string {
  return `/sobjects/${encodeURIComponent(object)}`;
}

/** Returns the span of time as a query, cut to whole minutes, since the org ignores seconds. Changes later in the last minute are left to the next call. */
function spanOf({ start, end }: CallInput): string {
  const to = end === undefined || end === null || end === "" ? new Date() : end;
  return `?start=${encodeURIComponent(time(start, "start"))}&end=${encodeURIComponent(time(to, "end"))}`;
}

function time(value: unknown, name: string): string {
  const date = value instanceof Date ? value : typeof value === "number" || (typeof value === "string" && value.trim() !== "") ? new Date(value) : undefined;
  if (!date || Number.isNaN(date.getTime())) throw new ConnectorError("INPUT_INVALID", `The ${name} of the span is no date and time`);
  return new Date(Math.floor(date.getTime() / MINUTE) * MINUTE).toISOString();
}

function namesOf({ object, data }: CallInput): string[] {
  const listed: unknown[] = Array.isArray(data) ? data : object.split(",");
  const names = listed.map((name) => (typeof name === "string" ? name.trim() : "")).filter((name) => name !== "");
  if (names.length === 0) throw new ConnectorError("INPUT_INVALID", "No object is named");
  if (names.length > 100) throw new ConnectorError("INPUT_INVALID", `${names.length} objects are named; 100 is the most`);
  return names;
}

function userOf(input: CallInput): string {
  return readId(input.recordId ?? (isPlain(input.data) ? (input.data.userId ?? input.data) : undefined));
}

function passwordPath(input: CallInput): string {
  return `/sobjects/User/${userOf(input)}/password`;
}

async function createTree(rest: RestClient, { object, data, headers }: CallInput): ReturnType<RecordCall> {
  const body = JSON.stringify({ records: toTree(object, data) });
  const path = `/composite/tree/${encodeURIComponent(object)}`;
  const answer = await rest.raw({ method: "POST", path, body, headers: { ...headers, "content-type": JSON_TYPE }, type: JSON_TYPE, errorOf: treeError });
  const { results } = JSON.parse(answer.body) as { results: { referenceId: string; id: string }[] };
  return { salesforce: { success: true, results: results.map((one) => ({ ...one, success: true, errors: [] })) } };
}

/** Returns the error of a refused tree. Its answer has the errors of its records, by reference, instead of those of a call. */
function treeError(answer: HttpAnswer): ConnectorError {
  const refused = treeErrors(answer);
  const [first] = refused ?? [];
  if (!refused || !first) return callError(answer);
  const cause = recordError(first.errors.flatMap((one) => toApiError(one) ?? []));
  const results = refused.map(({ referenceId, errors }) => ({ referenceId, success: false, errors }));
  return new ConnectorError(cause.code, `Nothing of the tree was stored, because of ${first.referenceId}: ${cause.message}`, { details: { ...cause.details, status: answer.status, results }, cause });
}

function treeErrors(answer: HttpAnswer): { referenceId: string; errors: unknown[] }[] | undefined {
  try {
    const { hasErrors, results } = JSON.parse(answer.body) as { hasErrors?: boolean; results?: { referenceId: string; errors: unknown[] }[] };
    return hasErrors && Array.isArray(results) ? results : undefined;
  } catch {
    return undefined;
  }
}

interface ApprovalAnswer {
  success: boolean;
  entityId: string;
  errors: unknown[] | null;
}

async function approval(rest: RestClient, { data }: CallInput, actionType: "Submit" | "Approve" | "Reject", contextId: string): ReturnType<RecordCall> {
  const { comments, nextApproverIds, contextActorId, processDefinitionNameOrId, skipEntryCriteria } = isPlain(data) ? data : ({} as Record<string, unknown>);
  const request = { actionType, contextId, comments, nextApproverIds, contextActorId, processDefinitionNameOrId, skipEntryCriteria };
  const { body } = await rest.request<ApprovalAnswer[]>({ method: "POST", path: "/process/approvals", body: { requests: [request] } });
  const [done] = body;
  if (!done?.success) throw recordError((done?.errors ?? []).flatMap((one) => toApiError(one) ?? []));
  return { salesforce: { ...done, id: done.entityId, errors: [] } };
}

/** Rethrows the error of a look-up. If the answer was lost, the outcome is not marked as unknown, since a look-up changes nothing and may be repeated. */
function nothingDone(error: unknown): never {
  if (!isConnectorError(error) || !isLostAnswer(error)) throw error;
  throw new ConnectorError(error.code, error.message, { details: { ...error.details, outcomeUnknown: false }, cause: error });
}

function contextOf(data: unknown): unknown {
  return isPlain(data) ? (data.contextId ?? data) : data;
}

/** Returns the id of the work item to decide on: the given id, or the pending work item of the record that it belongs to. @throws ConnectorError `ORG_REFUSED` if there is none */
async function workitemOf(rest: RestClient, input: CallInput): Promise<string> {
  const id = readId(input.recordId ?? contextOf(input.data));
  if (id.startsWith("04i")) return id;
  const soql = `SELECT Id FROM ProcessInstanceWorkitem WHERE ProcessInstance.TargetObjectId = '${id}' AND ProcessInstance.Status = 'Pending' ORDER BY CreatedDate DESC LIMIT 1`;
  const { records } = await get<{ records: { Id: string }[] }>(rest, `/query?q=${encodeURIComponent(soql)}`).catch(nothingDone);
  const [found] = records;
  if (!found) throw new ConnectorError("ORG_REFUSED", `The record ${id} waits for nobody's approval`, { details: { statusCode: "NOT_FOUND" } });
  return found.Id;
}
