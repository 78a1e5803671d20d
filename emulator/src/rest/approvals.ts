import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import type { ApprovalRequest } from "../records/approvals";
import { allow, writerOf, type Call } from "./call";
import { jsonObject } from "./json-body";

/** Answers `/process/approvals`: lists the approval processes, or submits, approves and rejects. Carries out all requests of a call or none. */
export function approvals(call: Call): Reply {
  if (call.segments[1] !== "approvals" || call.segments.length > 2) throw notFound();
  allow(call, "GET", "POST");
  if (call.request.method !== "POST") return { status: 200, json: { approvals: call.org.approvals.list() } };
  const { requests } = jsonObject(call.request);
  if (!Array.isArray(requests) || requests.length === 0) throw new ApiError("MISSING_ARGUMENT", "The requests parameter is required");
  const asked = requests.map(readRequest);
  const writer = writerOf(call);
  try {
    return { status: 200, json: asked.map((request) => call.org.approvals.act(writer, call.session.userId, request)) };
  } catch (error) {
    writer.rollBack();
    throw error;
  }
}

const TEXTS = ["actionType", "contextId", "contextActorId", "comments", "processDefinitionNameOrId"];

function readRequest(value: unknown): ApprovalRequest {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ApiError("JSON_PARSER_ERROR", "Each request must be a JSON object");
  const { nextApproverIds: approvers = [], ...rest } = Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as Record<string, unknown>;
  const isText = (item: unknown): boolean => typeof item === "string";
  if (!Array.isArray(approvers) || !approvers.every(isText) || !TEXTS.every((name) => rest[name] === undefined || isText(rest[name]))) {
    throw new ApiError("JSON_PARSER_ERROR", "A request of an approval has a value of the wrong type");
  }
  return { ...rest, nextApproverIds: approvers as string[] };
}
