import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import type { ApprovalRequest } from "../records/approvals";
import { allow, writerOf, type Call } from "./call";
import { jsonObject } from "./json-body";

/** `/process/approvals`: lists the approval processes, or submits, approves and rejects. All requests of a call are done, or none. */
export function approvals(call: Call): Reply {
  if (call.segments[1] !== "approvals" || call.segments.length > 2) throw notFound();
  allow(call, "GET", "POST");
  if (call.request.method !== "POST") return { status: 200, json: { approvals: call.org.approvals.list() } };
  const { requests } = jsonObject(call.request);
  if (!Array.isArray(requests) || requests.length === 0) throw new ApiError("MISSING_ARGUMENT", "The requests parameter is required");
  const writer = writerOf(call);
  try {
    return { status: 200, json: requests.map((request) => call.org.approvals.act(writer, call.session.userId, request as ApprovalRequest)) };
  } catch (error) {
    writer.rollBack();
    throw error;
  }
}
